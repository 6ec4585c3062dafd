"""What is somebody to be reminded of on a day? Rules are `knowledge/reminders.toml`'s, dates `deadlines.py`'s, words `reminding.py`'s.

Most drafts have nothing due, so `Planner.due` looks at a few dates of a draft; only for what it finds the whole draft is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from flows.deadlines import Due, add_period, closing, due, is_working_day
from flows.validity import Availability, availability, service_of
from knowledge.reminders import is_quiet
from knowledge.types import Library, ReminderRule, Reminders, Service, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The little of a draft that decides whether something is due."""

    programme: str
    service: str
    changed: date
    finished: date | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    """Of the date fields that deadlines count from: see `Planner.fields`."""
    recorded: Mapping[str, str] = field(default_factory=dict)
    """Dates that staff entered, by rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to be told once: `reason` is the same however often it is planned, and another for the next window or date."""

    rule: ReminderRule
    reason: str
    day: date
    """The date it is about; for a draft that was left or made, that of the last change."""
    until: date
    """The last day on which it makes sense."""
    due: Due | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What is the same for everybody who applies for a service on a day."""

    service: Service
    available: Availability
    rules: tuple[ReminderRule, ...]


class Planner:
    """What is due on one day."""

    def __init__(self, library: Library, today: date) -> None:
        self._library, self.today = library, today
        self._grounds: dict[tuple[str, str], _Ground | None] = {}
        self._dated: dict[object, tuple[Notice, ...]] = {}
        """What dates have led to: many drafts count from the same ones, or from none."""

    def due(self, known: Known) -> tuple[Notice, ...]:
        """What the rules say of a draft, at most one notice a rule and date. Who changed the draft today knows it all."""
        ground = self._ground(known.programme, known.service)
        if ground is None or known.changed >= self.today:
            return ()
        key = (known.programme, known.service, tuple(known.values.items()), tuple(known.recorded.items()))
        if (dated := self._dated.get(key)) is None:
            found = (n for rule in ground.rules for n in self._before(rule, known, self._dates(rule, ground, known)))
            dated = self._dated[key] = tuple(found)
        return dated + tuple(n for rule in ground.rules if (n := self._left(rule, known)))

    def fields(self) -> tuple[str, ...]:
        """The fields whose values deadlines count from."""
        services = [s for p in self._library.programmes for v in p.versions for s in v.services]
        return tuple(sorted({d.field for s in services for d in s.deadlines if d.field}))

    def _ground(self, programme: str, service: str) -> _Ground | None:
        key = (programme, service)
        if key not in self._grounds:
            self._grounds[key] = self._made(programme, service)
        return self._grounds[key]

    def _made(self, programme: str, service: str) -> _Ground | None:
        """None for a programme or service that is no longer there."""
        try:
            available = availability(self._library.programme(programme), service, self.today)
            found = service_of(available.version, service)
        except KeyError:
            return None
        return _Ground(service=found, available=available, rules=rules_of(self._library, programme, service, self.today))

    def _dates(self, rule: ReminderRule, ground: _Ground, known: Known) -> Sequence[Due]:
        """The dates before which the rule reminds."""
        match rule.kind:
            case "window":
                window = ground.available.window if ground.available.open else None
                found = closing(window, self.today) if window else None
                return [found] if found else []
            case "deadline":
                return _dated(rule, ground.service, known.values)
            case "recorded":
                return _recorded(rule, known)
            case _:
                return ()

    def _left(self, rule: ReminderRule, known: Known) -> Notice | None:
        """The notice of a draft that was left, or that was made and may lack something."""
        if rule.kind == "idle" and known.finished is None:
            return self._after(rule, known, known.changed)
        if rule.kind == "missing" and known.finished is not None:
            return self._after(rule, known, max(known.finished, known.changed))
        return None

    def _before(self, rule: ReminderRule, known: Known, dates: Sequence[Due]) -> Iterator[Notice]:
        """Of the days before each date that is not past, the step that has been reached."""
        for found in dates:
            left = (found.day - self.today).days
            step = min((days for days in rule.days if left <= days), default=None)
            if step is not None and left >= 0:
                reason = _reason(known, rule, f"{found.label} {found.day}", step)
                yield Notice(rule=rule, reason=reason, day=found.day, until=found.day, due=found)

    def _after(self, rule: ReminderRule, known: Known, since: date) -> Notice | None:
        """Of the days since the last change, the step that has been reached, unless that is long past."""
        gone, late = (self.today - since).days, self._library.reminders.late
        step = max((days for days in rule.days if days <= gone <= days + late), default=None)
        if step is None:
            return None
        return Notice(rule=rule, reason=_reason(known, rule, str(since), step), day=since, until=since + timedelta(days=step + late))


def allowed_from(shared: Reminders, at: datetime, *, working_days: bool = False, until: date | None = None) -> datetime:
    """The first moment from `at` on (in China's time) outside the quiet hours and, if wished, on a working day.

    One that would come too late because of a day off comes on that day.
    """
    moment = _outside_quiet(shared, at)
    while working_days and not is_working_day(moment.date())[0]:
        following = _outside_quiet(shared, datetime.combine(moment.date() + timedelta(days=1), time.min, at.tzinfo))
        if until is not None and following.date() > until:
            break
        moment = following
    return moment


def _outside_quiet(shared: Reminders, at: datetime) -> datetime:
    if not is_quiet(shared, f"{at:%H:%M}"):
        return at
    ends = time.fromisoformat(shared.quiet_to)
    day = at.date() if at.time() < ends else at.date() + timedelta(days=1)
    return datetime.combine(day, ends, at.tzinfo)


def rules_of(library: Library, programme: str, service: str, today: date) -> tuple[ReminderRule, ...]:
    """The rules for a service: the programme's own, and those for all that it does not replace; without those switched off."""
    found = library.programme(programme)
    own = (found.on(today) or found.latest).reminders
    replaced = {rule.id for rule in own}
    rules = (*own, *(rule for rule in library.reminders.rules if rule.id not in replaced))
    return tuple(rule for rule in rules if rule.days and (not rule.services or service in rule.services))


def _reason(known: Known, rule: ReminderRule, about: str, step: int) -> str:
    return f"{known.programme}/{known.service}/{rule.id}/{about}/{step}"


def _dated(rule: ReminderRule, service: Service, values: Mapping[str, Value]) -> Sequence[Due]:
    """The service's dates by policy or answer, without the ends of windows, which have a rule of their own."""
    wanted = {d.label for d in service.deadlines if not rule.deadlines or d.id in rule.deadlines}
    return [found for found in due(service, values) if found.label in wanted] if wanted else ()


def _recorded(rule: ReminderRule, known: Known) -> Sequence[Due]:
    day = known.recorded.get(rule.id)
    if day is None:
        return ()
    return (Due(label=rule.label, day=add_period(date.fromisoformat(day), rule.period), citations=rule.cite, note=rule.derived),)
