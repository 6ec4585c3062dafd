"""What do staff see of one draft? Who said what and when, findings, what is missing, the form's picture; nothing sensitive whole."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.handle import SHANGHAI, Desk
from bot.html import moment_of
from bot.staff.contact import SHOWN
from bot.staff.speaking import OURS
from bot.staff.talk import Spoken, spoken
from flows.documents import Rendered, render
from flows.fields import masked, show
from flows.position import ASIDE, Case, case_of
from flows.say import word
from flows.summary import missing, upcoming
from flows.types import Answer, FileKind, Finding, Session, Value
from knowledge.types import Field

SOURCES: Mapping[str, str] = {"said": "本人回答", "carried": "从本人另一份申请带来", "suggested": "从本人一句话里读出"}
STRENGTHS: Mapping[str, str] = {"must": "必须", "should": "一般应", "preferred": "优选", "exclusion": "排除情形"}
_PICTURE: tuple[FileKind, ...] = ("preview",)
_MOBILE = re.compile(r"(?<!\d)1\d{2}[ -]?\d{4}[ -]?(\d{4})(?!\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One answer: its number in the applicant's own list (none where it does not count now), label, value, source and moment."""

    number: int | None
    label: str
    value: str
    source: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One finding in words."""

    label: str
    result: str
    strength: str
    finding: Finding


def case(desk: Desk, session: Session, draft_id: str) -> Case | None:
    """The draft with all that follows from it; None where what it applies for is gone."""
    draft = next((one for one in session.drafts if one.id == draft_id), None)
    if draft is None:
        return None
    at = replace(session, programme=draft.programme, service=draft.service, focus=None, confirm=None, wishes=())
    try:
        return case_of(desk.assistant, at, desk.today())
    except KeyError:
        return None


def shown_value(field: Field, value: Value) -> str:
    """A value as staff see it: sensitive ones masked, of a mobile the last digits, of an address for mail the beginning and the host."""
    return show(field, _hidden(field, value))


def answers(found: Case) -> tuple[Sequence[Line], Sequence[Line]]:
    """The answers that count, numbered as the applicant sees them, and those that do not count any more."""
    numbers = {field.key: number for number, field in enumerate(found.fields, 1)}
    known = {field.key: field for field in found.service.fields}
    lines = [
        _line(known[one.field], one, numbers.get(one.field)) for one in found.draft.answers if one.field in known and one.field not in ASIDE
    ]
    counted = sorted((line for line in lines if line.number is not None), key=lambda line: line.number or 0)
    return counted, [line for line in lines if line.number is None]


def view(desk: Desk, found: Case) -> dict[str, object]:
    """What a page shows of the case."""
    counted, others = answers(found)
    verdict = found.verdict
    return {
        "answers": counted,
        "others": others,
        "missing": [(number, field.label) for number, field in enumerate(found.fields, 1) if field in missing(found)],
        "findings": [_judged(one) for one in verdict.findings] if verdict else [],
        "outcome": word("outcome", verdict.outcome) if verdict else "",
        "grade": verdict.grade if verdict else None,
        "dates": upcoming(found, desk.today()),
        "pictured": found.service.produces != "nothing",
        "preparation": found.preparation,
    }


def picture(desk: Desk, found: Case) -> Rendered | None:
    """The form's first page, with what is masked here masked there; None where there is none."""
    values = {field.key: _hidden(field, found.values.get(field.key)) for field in found.fields if field.key in found.values}
    made = render(
        found.programme,
        found.version,
        found.service,
        values,
        preparation=found.preparation,
        today=desk.today(),
        verdict=found.verdict,
        kinds=_PICTURE,
    )
    return made[0] if made else None


def conversation(desk: Desk, session: Session, turns: int) -> tuple[Sequence[Spoken], int]:
    """The last turns with mobiles masked, and how many there are."""
    told = desk.store.conversation(session.person)
    return [_masked(spoken(one, one.id.startswith(OURS), SHANGHAI)) for one in told[-turns:]], len(told)


def _line(field: Field, answer: Answer, number: int | None) -> Line:
    source = SOURCES[answer.source]
    return Line(number=number, label=field.label, value=shown_value(field, answer.value), source=source, at=moment_of(answer.at))


def _judged(finding: Finding) -> Judged:
    strength = STRENGTHS.get(finding.strength, finding.strength)
    return Judged(label=finding.label, result=word("result", finding.result), strength=strength, finding=finding)


def _hidden(field: Field, value: Value) -> Value:
    if not isinstance(value, str) or field.sensitive:
        return masked(field, value)
    if field.kind == "mobile":
        return "*" * max(0, len(value) - SHOWN) + value[-SHOWN:]
    if field.kind == "email":
        name, _, host = value.partition("@")
        return f"{name[:1]}***@{host}"
    return value


def _masked(one: Spoken) -> Spoken:
    replies = tuple(replace(reply, text=_without_mobiles(reply.text)) for reply in one.replies)
    return replace(one, text=_without_mobiles(one.text), replies=replies)


def _without_mobiles(text: str) -> str:
    return _MOBILE.sub(r"*******\1", text)
