"""Which dates follow from the policy and the applicant's own dates? Working days, periods and the deadlines of a service."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from pathlib import Path

import tomli

from knowledge.types import Citation, Deadline, Service, Value, Window

ESTIMATED = "待官方放假安排确认"
_HOLIDAYS = Path(__file__).parent.parent / "knowledge" / "holidays.toml"
_PERIOD = re.compile(r"P(?=\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A date that matters to the application; `whose` says who is bound by it where it is not the applicant."""

    label: str
    day: date
    whose: str = ""
    citations: tuple[Citation, ...] = ()
    estimated: bool = False
    """It rests on days off that are not announced yet."""
    note: str = ""
    """How it was reckoned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calendar:
    announced: frozenset[int]
    off: frozenset[date]
    work: frozenset[date]
    yearly: frozenset[str]
    moving: frozenset[date]


@cache
def _calendar() -> _Calendar:
    data = tomli.loads(_HOLIDAYS.read_text(encoding="utf-8"))
    statutory = data["statutory"]
    return _Calendar(
        announced=frozenset(data["announced"]),
        off=frozenset(data["off"]),
        work=frozenset(data["work"]),
        yearly=frozenset(statutory["yearly"]),
        moving=frozenset(statutory["moving"]),
    )


@lru_cache(4096)
def _published(day: date) -> bool | None:
    from chinese_calendar import is_workday  # late: most conversations never count working days

    try:
        return bool(is_workday(day))
    except NotImplementedError:
        return None


def is_working_day(day: date) -> tuple[bool, bool]:
    """Whether offices work that day, and whether that is an estimate because the year's days off are not announced."""
    calendar = _calendar()
    if day in calendar.off or day in calendar.work:
        return day in calendar.work, False
    if day.year in calendar.announced:
        return day.weekday() < 5, False
    known = _published(day)
    if known is not None:
        return known, False
    free = day.weekday() >= 5 or day in calendar.moving or f"{day:%m-%d}" in calendar.yearly
    return not free, True


def add_working_days(start: date, days: int) -> tuple[date, bool]:
    """The day on which that many working days have passed, counted from the next day; and whether it is an estimate."""
    day, left, estimated = start, days, False
    while left > 0:
        day += timedelta(days=1)
        works, guessed = is_working_day(day)
        left, estimated = left - works, estimated or guessed
    return day, estimated


def _clamped(year: int, month: int, day: int) -> date:
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(day, last))


def add_period(start: date, period: str) -> date:
    """The last day of a period (ISO 8601: P1Y, P6M, P30D): the corresponding day, itself included; 29 Feb → 28 Feb.

    ValueError for a period that is not of that form.
    """
    found = _PERIOD.fullmatch(period)
    if found is None:
        raise ValueError(f"period {period!r}: write it as P1Y, P6M or P30D")
    years, months, days = (int(part or 0) for part in found.groups())
    total = start.year * 12 + start.month - 1 + years * 12 + months
    return _clamped(total // 12, total % 12 + 1, start.day) + timedelta(days=days)


def _start(value: Value) -> tuple[date, str] | None:
    if not isinstance(value, str):
        return None
    if len(value) == 7:
        return date.fromisoformat(f"{value}-01"), "只知道月份，按该月1日起算；"
    return date.fromisoformat(value), ""


def _counted(deadline: Deadline, value: Value) -> tuple[date, bool, str] | None:
    started = _start(value)
    if started is None:
        return None
    start, note = started
    if deadline.working_days is None:
        return add_period(start, deadline.period), False, note
    day, estimated = add_working_days(start, deadline.working_days)
    return day, estimated, note


def _due(deadline: Deadline, values: Mapping[str, Value]) -> Due | None:
    counted = (deadline.on, False, "") if deadline.on else _counted(deadline, values.get(deadline.field))
    if counted is None:
        return None
    day, estimated, note = counted
    note += deadline.derived + (f"（{ESTIMATED}）" if estimated else "")
    return Due(label=deadline.label, day=day, whose=deadline.whose, citations=deadline.cite, estimated=estimated, note=note.rstrip("；"))


def _closing(window: Window) -> Due | None:
    if window.kind != "dated" or window.closes is None:
        return None
    label = f"受理截止（{window.text}）"
    return Due(label=label, day=window.closes, whose=window.whose, citations=window.cite, note=window.derived)


def closing(window: Window, today: date) -> Due | None:
    """The last day of a window that is open today; None for one that closes nothing or states no end."""
    if window.kind != "yearly":
        return _closing(window)
    if today.month not in window.months or len(set(window.months)) == 12:
        return None
    first = _clamped(today.year, today.month, 1)
    while first.month % 12 + 1 in window.months:
        first = add_period(first, "P1M")
    last = add_period(first, "P1M") - timedelta(days=1)
    return Due(label=f"受理截止（{window.text}）", day=last, whose=window.whose, citations=window.cite, note=window.derived)


def due(service: Service, values: Mapping[str, Value]) -> tuple[Due, ...]:
    """The service's dates that are settled by the policy or by what the applicant said, earliest first.

    A deadline whose own date is not known yet is left out; a window's end that is also a deadline comes once.
    """
    dates = [found for deadline in service.deadlines if (found := _due(deadline, values))]
    taken = {found.day for found in dates}
    dates += [found for window in service.windows if (found := _closing(window)) and found.day not in taken]
    return tuple(sorted(dates, key=lambda found: found.day))
