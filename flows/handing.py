"""Who answers the applicant, the assistant or a person of the staff? What is said and passed on while it is a person.

Somebody who asked for a person (`asked`) is still helped by the assistant until one speaks: nobody waits before a dumb counter. From then
on (`taken`) what they say goes to staff, but for what is theirs alone to order: their data, reminders, the way back to the assistant.
"""

from flows import commanding, inquiry
from flows.commands import command, leaves
from flows.exchange import Exchange
from flows.position import Position
from flows.types import TAKEN
from knowledge.text import clean

LONGEST = 2000
"""Characters of one answer of staff."""
_OWN = frozenset({"delete", "withdraw", "show_data", "reminders_off", "reminders_on", "code", "help", "status"})
"""Commands that are carried out also while a person answers."""


def taken(x: Exchange) -> bool:
    """Whether a person answers now."""
    return x.session.handed == TAKEN


def passes_on(x: Exchange, at: Position) -> bool:
    """Give the message to staff; False where the assistant is to read it."""
    found = command(x.text)
    if found and found.kind == "bot" and x.session.handed:
        give_back(x)
        return True
    if not taken(x):
        return False
    if leaves(x.text):
        give_back(x)
    elif not (found and found.kind in _OWN and commanding.obey(x, found, at)):
        _pass_on(x)
    return True


def _pass_on(x: Exchange) -> None:
    inquiry.wants_person(x, x.stored_text)
    inquiry.surely(x)
    if x.stored_text != x.message.text:
        x.tell("passed_on_masked")
    x.tell("passed_on")


def give_back(x: Exchange, *, by_staff: bool = False) -> None:
    """Let the assistant answer again."""
    x.update(handed="")
    x.tell("handed_back_by_staff" if by_staff else "handed_back")


def give_papers_back(x: Exchange, name: str, words: str) -> None:
    """Tell that staff returned what was handed in, and why in their own words; whoever answers goes on answering."""
    x.tell("returned", name=name, text=clean(words)[:LONGEST])


def speak(x: Exchange, words: str, *, stays: bool) -> None:
    """Say what a person of the staff wrote, marked as theirs; the first time also where words go while they stay."""
    x.tell("staff_says", text=clean(words)[:LONGEST])
    if stays and not taken(x):
        x.tell("staff_here")
    x.update(handed=TAKEN)
