"""What does one fact say to this question? The fact itself, with the asker's own numbers, case or dates judged before or after it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from flows.judge import asks_judgement, judged
from flows.reckon import reckoned
from knowledge.facts import Case, Fact, Facts, Judgement
from knowledge.types import Citation, Programme, StationType

_JUDGED: Mapping[Judgement, str] = {
    "met": "按您说的情况，这一条符合。",
    "unmet": "按您说的情况，这一条不符合。",
    "depends": "这要看情况，文件没有写死，由主管部门把握。",
}
_FITS_AS_WELL = 0.6
"""A second station type that is spoken for this much beside the first is named too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A fact as it is said; `weight` tells what the judgement rests on: 3 numbers, 2 a period, 1 a case or a stated day, 0 nothing."""

    fact: Fact
    text: str
    citations: tuple[Citation, ...]
    judgement: Judgement | None = None
    weight: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Worded:
    """How a case comes out by its words alone; `sure`: more so than by a pattern."""

    judgement: Judgement
    sure: bool


def told(programme: Programme, known: Facts, fact: Fact, text: str, today: date, *, worded: Worded | None = None) -> Told:
    """The fact with the asker's case before it, or what their dates come to after it; `worded`: how the case comes out by its words."""
    numbers = judged(fact, programme, text) if asks_judgement(text) else None
    if numbers:
        extra = [f for topic in numbers.topics if (f := known.by_topic.get(topic))]
        said = "".join([numbers.text, fact.text, *(f.text for f in extra)])
        cites = fact.citations + tuple(c for f in extra for c in f.citations)
        return Told(fact=fact, text=said, citations=cites, judgement=numbers.judgement, weight=3)
    found = case_of(fact, text)
    dates = reckoned(fact, text, today) if found is None else None
    if worded and not (dates and dates.judgement) and (found is None or _outweighs(worded, found)):
        said = f"{_JUDGED[worded.judgement]}{fact.text}"
        return Told(fact=fact, text=said, citations=fact.citations, judgement=worded.judgement, weight=1)
    if found:
        said = f"{found.text}。{fact.text}"
        return Told(fact=fact, text=said, citations=fact.citations, judgement=found.judgement, weight=1)
    if dates:
        said = f"{fact.text}{dates.text}"
        weight = 0 if dates.judgement is None else 2 if fact.reckon else 1
        return Told(fact=fact, text=said, citations=fact.citations, judgement=dates.judgement, weight=weight)
    return Told(fact=fact, text=fact.text, citations=fact.citations)


def _outweighs(worded: Worded, found: Case) -> bool:
    """Whether words tell otherwise than a pattern, and count more: a no beside 看情况, or where they are sure."""
    return worded.judgement != found.judgement and (worded.sure or (worded.judgement == "unmet" and found.judgement == "depends"))


def case_of(fact: Fact, text: str) -> Case | None:
    """The fact's case that the asker describes, when they want to know whether it will do."""
    return next((c for c in fact.cases if c.holds(text)), None) if asks_judgement(text) else None


def fitting(programme: Programme, text: str) -> Fact | None:
    """The one or two station types whose venues and activities the text speaks of, with their clauses; None where it names none."""
    scored = [(score, kind) for kind in programme.latest.types if (score := _spoken_for(kind, text))]
    if not scored:
        return None
    best = max(score for score, _ in scored)
    kinds = [kind for score, kind in sorted(scored, key=lambda item: -item[0]) if score >= _FITS_AS_WELL * best][:2]
    named = "，也合".join(kind.label + (f"（{kind.purpose}）" if kind.purpose else "") for kind in kinds)
    said = f"按您说的情况，对应{named}；最后由您选定，受理单位认定。"
    cite = tuple(citation for kind in kinds for citation in kind.cite)
    brief = f"对应{'、'.join(kind.label for kind in kinds)}"
    return Fact(topic="type_fit", programme=programme.key, text=said, brief=brief, stated=True, citations=cite)


def _spoken_for(kind: StationType, text: str) -> float:
    """How much of a text speaks for a type: one for its venue, more for each of its activities."""
    return 2.0 * any(venue in text for venue in kind.venues) + 1.5 * sum(activity in text for activity in kind.activities)
