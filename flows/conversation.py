"""What follows a message? `turn` is the whole conversation as a pure function: session and message in, session and replies out.

The order in which a message is looked at: a pending yes/no → a command → a wish to change something → an answer or a policy
question → the opening. What is asked next is never stored: `position.py` derives it. Wording: `wording/`; judgement: `eligibility.py`.
"""

from dataclasses import replace
from datetime import date

from flows import answering, asides, commanding, continuing, handing, opening, outcome, telling
from flows.assistant import Assistant
from flows.commands import Command, change, command, correction, switch
from flows.exchange import Exchange
from flows.fields import masked
from flows.position import Position, position, progress
from flows.questions import ask, asking
from flows.say import say
from flows.types import Effect, Message, Session, Turn
from knowledge.text import clean

LIMIT = 10_000
"""Characters of one message that are read; more is politely refused."""


def turn(assistant: Assistant, session: Session, message: Message, *, today: date, new_id: str) -> Turn:
    """One message's result. `new_id` is a fresh random id (128 bits) for a draft, should one be begun."""
    x = Exchange(assistant, session, replace(message, text=clean(message.text)), today, new_id)
    before = _place(x)
    x.stored_text = x.masked(x.message.text)
    if len(x.message.text) > LIMIT:
        x.stored_text = x.stored_text[:LIMIT]
        x.tell("too_long", limit=LIMIT)
    elif not x.text:
        x.tell("nothing_said")
    elif before.key == "confirm" or not handing.passes_on(x, before):
        if session.programme and x.session.programme is None:
            x.tell("service_gone")
        _notice_policy_change(x)
        _look_at(x, before)
    if x.session.paused and session.paused:
        x.update(paused=False)
    return _finish(x, before)


def continued(
    assistant: Assistant, session: Session, message: Message, refusal: str, other: Session | None, code: str, *, today: date, new_id: str
) -> Turn:
    """The result of a message that hands in a code: the other session's drafts come here, or the wording `refusal` says why not."""
    x = Exchange(assistant, session, message, today, new_id)
    x.stored_text = say("code_handed_in")
    before = _place(x)
    if other is None:
        x.tell(refusal)
    else:
        continuing.take_over(x, other)
        x.update(handed="")
        x.effects.append(Effect(kind="spend", text=code))
    return _finish(x, before)


def by_staff(assistant: Assistant, session: Session, message: Message, words: str, *, gives_back: bool, today: date) -> Turn:
    """The result of what a person of the staff says in the applicant's conversation, or of their leaving it to the assistant, or both.

    `message` has no text: it stands for the applicant's silence.
    """
    x = Exchange(assistant, session, message, today, "")
    before = _place(x)
    if words:
        handing.speak(x, words, stays=not gives_back)
    if gives_back:
        handing.give_back(x, by_staff=True)
    return _finish(x, before)


def returned(assistant: Assistant, session: Session, message: Message, name: str, words: str, *, today: date) -> Turn:
    """The result of staff's returning what was handed in for `name`, with their words; `message` as for `by_staff`."""
    x = Exchange(assistant, session, message, today, "")
    before = _place(x)
    handing.give_papers_back(x, name, words)
    return _finish(x, before)


def _place(x: Exchange) -> Position:
    return position(x.assistant, x.session, x.case)


def _look_at(x: Exchange, at: Position) -> None:
    if at.key == "confirm":
        commanding.confirm(x)
        return
    found = command(x.text)
    if found and not _is_answer(x, at, found) and commanding.obey(x, found, at):
        return
    if (where := switch(x.text)) and opening.switch_to(x, where):
        return
    if x.case is not None and _changes(x, at):
        return
    if x.case is None:
        opening.begin(x, at)
    elif at.field is not None and at.key == at.field.key:
        answering.answer(x, at)
    else:
        asides.answer(x, at)


def _is_answer(x: Exchange, at: Position, found: Command) -> bool:
    """Whether words that can be a command answer the question that is open: 继续 to "go on?"."""
    return (at.key == "proceed" and found.kind in ("resume", "pause")) or (found.kind == "which" and at.key == "review")


def _changes(x: Exchange, at: Position) -> bool:
    """Take a wish to change an earlier answer, in any of its wordings."""
    if (wish := change(x.text)) and commanding.change(x, wish, at):
        return True
    return bool((new := correction(x.text)) and answering.correct(x, new, at))


def _notice_policy_change(x: Exchange) -> None:
    """Re-judge a draft whose rules changed since, and tell what came out differently."""
    case = x.case
    if case is None:
        return
    current = x.assistant.fingerprints[case.programme.key, case.service.key]
    if case.draft.rules and case.draft.rules != current:
        x.add(telling.policy_change(dict(case.draft.judged), case), case.version.force.cite)
        x.drop("review")


def _finish(x: Exchange, before: Position) -> Turn:
    if goes_on := not (handing.taken(x) or any(e.kind == "forget" for e in x.effects)):
        _conclude(x)
    at = _place(x)
    if at.key == "confirm" or (goes_on and not x.session.paused):
        ask(x, at, again=at.key == before.key)
    if not x.replies:
        x.tell("not_understood")
    x.update(revision=x.session.revision + 1)
    return _result(x, at)


def _conclude(x: Exchange) -> None:
    """What follows from the answers by itself: an exclusion told at once, the verdict, the files."""
    case = x.case
    if case is None:
        return
    outcome.tell_outcome(x, _place(x))
    if (case := x.case) and case.draft.has("review") and case.draft.finished_at is None and _place(x).stage == "done":
        _hand_out(x)
    if case := x.case:
        current = x.assistant.fingerprints[case.programme.key, case.service.key]
        judged = telling.judged(case)
        if (case.draft.rules, case.draft.judged) != (current, judged):
            x.note(current, judged)


def _hand_out(x: Exchange) -> None:
    if case := x.case:
        telling.files_made(x, case)
        x.effects.append(Effect(kind="render", draft=case.draft.id, text=str(len(x.replies) - 1)))
        telling.left_blank(x, case)
        telling.receipt(x, case)
        x.change_draft(finished_at=x.now)


def _result(x: Exchange, at: Position) -> Turn:
    case = x.case
    values = {f.key: masked(f, case.values[f.key]) for f in case.fields if f.key in case.values} if case else {}
    return Turn(
        session=x.session,
        replies=tuple(x.replies),
        stored_text=x.stored_text,
        effects=tuple(x.effects),
        asking=None if handing.taken(x) and at.key != "confirm" else asking(x, at),
        stage=at.stage,
        progress=progress(case),
        verdict=case.verdict if case else None,
        values=values,
    )
