"""What does a list show of a draft, and until when does that hold? How far it is, what is missing, the next date, whom it is about.

Sensitive values are never part of it; of a telephone number only its last digits.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from flows.assistant import Premises
from flows.deadlines import Due, add_period, closing, due
from flows.position import Case, case_of, derived, progress
from flows.types import Session
from flows.validity import is_open
from knowledge.types import Field, Service, Test, Value, Window

TAIL = 4
"""Digits of a telephone number that a list shows."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One draft on one day."""

    stage: str
    outcome: str
    """Empty where the service judges nothing."""
    done: int
    total: int
    missing: tuple[Field, ...]
    """Those that apply and have no value, also where it was left out on purpose; not what may stay empty."""
    deadline: Due | None
    """The next date, today included."""
    turns_on: date | None
    """The first day after today on which any of this may be otherwise without a message; None: never."""
    unit: str
    station: str
    name: str
    mobile: str
    """Its last digits."""


def summary(assistant: Premises, session: Session, draft_id: str, today: date) -> Summary | None:
    """What a list shows of the person's draft of that id; None where it, or what it applies for, is gone."""
    draft = next((found for found in session.drafts if found.id == draft_id), None)
    if draft is None:
        return None
    # what was wished for or waits for a yes belongs to the talk, not to the draft
    at = replace(session, programme=draft.programme, service=draft.service, focus=None, confirm=None, wishes=())
    try:
        case = case_of(assistant, at, today)
    except KeyError:
        return None
    return _of(assistant, at, case, today) if case else None


def missing(case: Case) -> tuple[Field, ...]:
    """The applying fields without a value, in the order asked; optional ones are not missed."""
    return tuple(field for field in case.fields if case.values.get(field.key) is None and not field.optional)


def upcoming(case: Case, today: date) -> tuple[Due, ...]:
    """The case's dates from today on, earliest first; the end of a window that opens every year among them, while it is open."""
    found = list(due(case.service, case.values))
    yearly = [closing(window, today) for window in case.service.windows if window.kind == "yearly"]
    return tuple(sorted((one for one in (*found, *filter(None, yearly)) if one.day >= today), key=lambda one: one.day))


def _of(assistant: Premises, session: Session, case: Case, today: date) -> Summary:
    done, total = progress(case)
    coming = upcoming(case, today)
    digits = "".join(filter(str.isdigit, _text(case, "leader_mobile")))
    return Summary(
        stage=derived(assistant, session, case).stage,
        outcome=case.verdict.outcome if case.verdict else "",
        done=done,
        total=total,
        missing=missing(case),
        deadline=coming[0] if coming else None,
        turns_on=min((day for day in _boundaries(case, coming, today) if day > today), default=None),
        unit=_text(case, "unit_name"),
        station=_text(case, "station_name"),
        name=_text(case, "leader_name"),
        mobile=digits[-TAIL:],
    )


def _text(case: Case, key: str) -> str:
    field, value = case.field(key), case.values.get(key)
    return "" if field is None or field.sensitive or value is None else str(value)


def _boundaries(case: Case, coming: Iterable[Due], today: date) -> Iterator[date]:
    """Days on which something begins to be otherwise."""
    for version in case.programme.versions:
        yield version.valid_from or today
        yield _after(version.valid_to) or today
        for service in version.services:
            if service.key == case.service.key:
                yield from (day for window in service.windows for day in _edges(window, today))
    yield from (one.day + _DAY for one in coming)
    yield from _tested(case.service, {answer.field: answer.value for answer in case.draft.answers})


def _edges(window: Window, today: date) -> Iterator[date]:
    """The days on which a window opens or is closed."""
    if window.kind == "dated":
        yield window.opens or today
        yield _after(window.closes) or today
    elif window.kind == "yearly":
        first = today.replace(day=1)
        for _ in range(12):
            first = add_period(first, "P1M")
            if is_open(window, first) != is_open(window, today):
                yield first
                return


def _tested(service: Service, answered: Mapping[str, Value]) -> Iterator[date]:
    """The days on which a condition that counts from a date of the applicant begins to hold, and no longer holds."""
    conditions = [test for rule in service.rules for test in (rule.test, rule.applies)] + [field.only_if for field in service.fields]
    for test in _leaves(filter(None, conditions)):
        value = answered.get(test.field)
        if test.op == "within" and isinstance(value, str) and isinstance(test.value, str):
            start = date.fromisoformat(value if len(value) > 7 else f"{value}-01")
            yield start
            yield add_period(start, test.value) + _DAY


def _leaves(tests: Iterable[Test]) -> Iterator[Test]:
    for test in tests:
        yield from _leaves(test.tests) if test.tests else (test,)


def _after(day: date | None) -> date | None:
    return day + _DAY if day and day < date.max else None
