"""What should whoever keeps the policy data look at? What holds today, what nobody has checked for long, which years have no calendar."""

from dataclasses import dataclass
from datetime import date

from flows import encoded
from flows.conditions import rule_in_words
from flows.deadlines import is_working_day
from flows.encoded import Line
from flows.say import day, say, word
from flows.validity import Availability, availability, is_open
from knowledge.types import Citation, Library, Office, Programme, Rule, Service, Statement, Version

STALE_DAYS = 180
"""After so many days data should be held against the text again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceToday:
    """A service as it stands on a day."""

    service: Service
    state: str
    """可以申报, 已失效 …"""
    open: bool
    windows: tuple[tuple[Line, bool], ...]
    """Each with whether it takes applications that day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeToday:
    """A programme as it stands on a day: by the version in force, else the last known one."""

    programme: Programme
    version: Version
    force: Line
    in_force: bool
    services: tuple[ServiceToday, ...]
    unchecked_days: int
    """Days since somebody held the data against the text."""
    questions: tuple[tuple[Statement, Office | None], ...]
    """Oddities of the text with the office to ask."""

    @property
    def stale(self) -> bool:
        """Whether it is time to check again."""
        return self.unchecked_days > STALE_DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A rule beside the clauses it rests on."""

    rule: Rule
    strength: str
    text: str
    """The rule in plain words, with when it applies."""
    office: str
    """Who checks it; empty: the document does not say."""
    clause: Citation
    grounds: tuple[Citation, ...]
    """Further clauses, such as the heading that gives it its strength."""


def programmes(library: Library, today: date) -> tuple[ProgrammeToday, ...]:
    """Every programme."""
    return tuple(programme_today(programme, today) for programme in library.programmes)


def programme_today(programme: Programme, today: date) -> ProgrammeToday:
    """One programme."""
    found = programme.on(today)
    version = found or programme.latest
    offices = {office.key: office for office in version.offices}
    return ProgrammeToday(
        programme=programme,
        version=version,
        force=encoded.force(version),
        in_force=found is not None,
        services=tuple(_service(service, availability(programme, service.key, today), today) for service in version.services),
        unchecked_days=(today - version.checked_on).days,
        questions=tuple((oddity, offices.get(oddity.office)) for oddity in version.oddities),
    )


def _service(service: Service, available: Availability, today: date) -> ServiceToday:
    lines = tuple(encoded.windows(service).values())
    windows = tuple((line, is_open(window, today)) for line, window in zip(lines, service.windows, strict=True))
    return ServiceToday(service=service, state=word("state", available.state), open=available.open, windows=windows)


def reviewed(version: Version, service: Service) -> tuple[Reviewed, ...]:
    """The rules of a service, in the document's order, each beside its clause."""
    offices = {office.key: office.short or office.name for office in version.offices}
    return tuple(
        Reviewed(
            rule=rule,
            strength=word("strength", rule.strength),
            text=rule_in_words(rule, service.fields),
            office=offices.get(rule.checked_by, ""),
            clause=rule.cite[0],
            grounds=rule.cite[1:],
        )
        for rule in service.rules
    )


def unannounced(today: date) -> tuple[int, ...]:
    """This year and the next, as far as nobody has announced their days off: working days in them are an estimate."""
    return tuple(year for year in (today.year, today.year + 1) if is_working_day(date(year, 7, 1))[1])


def step_lines(service: Service) -> tuple[Line, ...]:
    """The procedure: who does what, within what time."""
    found = []
    for step in service.steps:
        limit = step.limit
        days = say("step_limit", days=limit.days, unit=word("limit_unit", limit.unit), kind=word("limit", limit.kind)) if limit else ""
        text = say("step_line", action=step.action, where=step.where, limit=days, derived=step.derived)
        found.append(Line(label=step.actor, text=text, cite=step.cite))
    return tuple(found)


def issued(version: Version) -> tuple[Line, ...]:
    """The documents: number or title, by whom, when."""
    found = []
    for document in version.documents:
        on = day(document.issued_on) if document.issued_on else word("no_date")
        text = say("document_line", title=document.title, issuers=document.issuers, on=on, repeals=document.repeals)
        found.append(Line(label=document.number or word("no_number"), text=text, cite=document.cite))
    return tuple(found)
