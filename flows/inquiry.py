"""How is a policy question answered in the middle of a conversation? In the scope of the running case; what is asked stays asked."""

from typing import Literal

from flows.answers import Answered
from flows.exchange import Exchange
from flows.say import options
from flows.types import ASKED, TAKEN, Effect, Option

Listed = Literal["unanswered", "upvote", "downvote"]
COUNTED = frozenset({"answered", "not_stated", "clarify", "out_of_scope"})
"""Outcomes of what was a question; `unknown` is counted where it is said."""
SURE = 0.75
"""How well a fact must fit to be told beside what a person of the staff answers."""


def policy(x: Exchange, *, question: str = "", programme: str | None = None, only_answers: bool = False, at_least: float = 0.0) -> bool:
    """Answer a policy question in the scope of the running case; False where nothing was said.

    With `only_answers` a text that the documents cannot answer is left to be read as something else.
    """
    text = question or x.text
    values = x.case.values if x.case else {}
    scope = programme or x.session.programme
    service = x.session.service if scope == x.session.programme else None
    found = x.assistant.answerer.ask(text, programme=scope, service=service, today=x.today, values=values)
    if found.confidence < at_least or (found.outcome in ("chat", "command", "unknown") and only_answers):
        return False
    if found.outcome == "unknown" or (found.outcome == "chat" and only_answers):
        _unanswerable(x, text, found)
        return True
    say_answer(x, found, text)
    if found.outcome == "clarify" and not question:
        x.update(question=x.masked(x.message.text))
    return True


def answer_pending(x: Exchange) -> bool:
    """Answer a policy question that waited for its programme, if the message names just one."""
    question = x.session.question
    if not question:
        return False
    x.update(question=None)
    known = x.assistant.library.programmes
    meant = x.assistant.names.mention(x.text).programmes or tuple(p.key for p in known if x.text.strip() in (p.key, p.name))
    if len(meant) != 1 or len(x.text) > 16:
        return False
    policy(x, question=question, programme=meant[0])
    if x.session.programme is None:
        x.update(programme=meant[0])
    return True


def say_answer(x: Exchange, found: Answered, question: str) -> None:
    """Add the answer with its citations and what to know beside it; what it was about is kept for a thumb up or down."""
    choices: tuple[Option, ...] = ()
    if found.outcome == "clarify":
        choices = options(*((p.key, p.name) for p in x.assistant.library.programmes if not found.programmes or p.key in found.programmes))
    votable = found.outcome in ("answered", "not_stated")
    x.add(found.text, found.citations, choices, votable=votable)
    x.add(found.warning)
    if votable:
        _next(x, found)
        x.update(asked=(x.masked(question), *found.nearest))
    if found.outcome == "handover":
        wants_person(x, x.masked(question))
    if found.outcome in COUNTED:
        x.effects.append(Effect(kind="asked", text=found.outcome, facts=found.nearest[:1]))
    if found.outcome == "not_stated":
        _for_staff(x, "unanswered", x.masked(question), found.nearest)


def surely(x: Exchange) -> None:
    """Answer a policy question that the documents settle beyond doubt; say nothing to anything else."""
    if not x.assistant.answerer.is_question(x.text):
        return
    scope, values = x.session.programme, x.case.values if x.case else {}
    found = x.assistant.answerer.ask(x.text, programme=scope, service=x.session.service, today=x.today, values=values)
    if found.outcome == "answered" and found.confidence >= SURE:
        say_answer(x, found, x.text)


def wants_person(x: Exchange, question: str) -> None:
    """Put the person on the staff's list, with what they said."""
    x.effects.append(Effect(kind="handover", draft=x.case.draft.id if x.case else "", text=question))
    if x.session.handed != TAKEN:
        x.update(handed=ASKED)


def _next(x: Exchange, found: Answered) -> None:
    """What can be done now, where no question of an application follows anyway."""
    if x.case is None and len(found.programmes) == 1:
        x.tell("answer_next", name=x.assistant.library.programme(found.programmes[0]).name)


def _unanswerable(x: Exchange, question: str, found: Answered) -> None:
    x.tell("unanswerable")
    x.update(asked=(x.masked(question), *found.nearest))
    x.effects.append(Effect(kind="asked", text="unknown", facts=found.nearest[:1]))
    _for_staff(x, "unanswered", x.masked(question), found.nearest)


def _for_staff(x: Exchange, kind: Listed, question: str, nearest: tuple[str, ...]) -> None:
    x.effects.append(Effect(kind=kind, draft=x.case.draft.id if x.case else "", text=question, facts=nearest))


def vote(x: Exchange, kind: Literal["upvote", "downvote"]) -> bool:
    """Pass a thumb up or down on to staff with the question it is about; False where nothing was asked."""
    if not x.session.asked:
        return False
    question, *nearest = x.session.asked
    _for_staff(x, kind, question, tuple(nearest))
    x.update(asked=())
    x.tell(kind)
    return True
