"""How does a person go on in another channel? What goes along from the session they began in, and what that channel must not take."""

import re
from dataclasses import replace

from flows.exchange import Exchange
from flows.position import allowed, taken_here
from flows.types import CODE_LETTERS, Answer, Draft, Session
from knowledge.text import plain
from knowledge.types import Field

_REDEEM = re.compile(rf"继续码[\s:：是为]*([{CODE_LETTERS}]{{4}})[\s\-—–]*([{CODE_LETTERS}]{{4}})[。.!！]?")
_ASIDE = ("review", "proceed")


def code_in(text: str) -> str:
    """The code that a message hands in: eight characters; empty where it hands in none."""
    found = _REDEEM.fullmatch(plain(text).upper().strip())
    return f"{found[1]}{found[2]}" if found else ""


def take_over(x: Exchange, other: Session) -> None:
    """Bring the drafts of the other session here. What stands there stays; personal and bank data go only where they may be asked."""
    _bring_consents(x, other)
    left: dict[str, str] = {}
    for number, draft in enumerate(other.drafts):
        x.update(drafts=_joined(x, draft, number, left))
    x.update(programme=other.programme, service=other.service, wishes=other.wishes, focus=None, confirm=None, question=None, opening="")
    case = x.case
    name = f"{case.programme.name} · {case.service.name}" if case else ""
    x.tell("continued", name=name, labels=list(left.values()))


def _bring_consents(x: Exchange, other: Session) -> None:
    """A word to a notice, or about reminders, holds for the person, but one on sending data abroad is asked for where it matters."""
    abroad = x.session.person.channel in x.assistant.abroad
    known = {c.kind for c in x.session.consents}
    kinds = {"personal", "reminders"} | (set() if abroad else {"bank"})
    brought = tuple(c for c in other.consents if c.kind in kinds - known)
    x.update(consents=(*x.session.consents, *brought))


def _joined(x: Exchange, draft: Draft, number: int, left: dict[str, str]) -> tuple[Draft, ...]:
    """The drafts here with this one: in the place of one for the same service, whose other answers are kept."""
    same = (draft.programme, draft.service)
    here = next((d for d in x.session.drafts if (d.programme, d.service) == same), None)
    answers = tuple(a for a in draft.answers if a.field not in _ASIDE and _may_come(x, a, left))
    given = {a.field for a in answers} | set(_ASIDE)
    kept = tuple(a for a in here.answers if a.field not in given) if here else ()
    new_id = here.id if here else f"{x.new_id[:-2]}{number:02x}"
    made = replace(draft, id=new_id, answers=(*kept, *answers), finished_at=None, updated_at=x.now)
    return (*(d for d in x.session.drafts if d is not here), made)


def _may_come(x: Exchange, answer: Answer, left: dict[str, str]) -> bool:
    field = _private(x, answer.field.split(":")[0])
    if field is None or (taken_here(x.assistant, x.session, field) and allowed(x.assistant, x.session, field)):
        return True
    if answer.value is not None:
        left[field.key] = field.label
    return False


def _private(x: Exchange, key: str) -> Field | None:
    return next((f for f in x.assistant.private if f.key == key), None)
