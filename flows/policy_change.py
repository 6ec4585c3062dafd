"""What differs between two states of the policy data? Programme by programme; what it means for a draft stands in `draft_change.py`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from flows import encoded
from flows.encoded import Line
from flows.say import say
from knowledge.load import fingerprint
from knowledge.types import Citation, Library, Programme, Service, Version

Kind = Literal[
    "programme", "service", "version", "force", "window", "rule", "field", "deadline", "grade", "money", "material", "outcome", "state"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is otherwise now."""

    kind: Kind
    label: str = ""
    before: str
    """Empty: it was not there."""
    after: str
    """Empty: it is no longer there."""
    old: Citation | None = None
    new: Citation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChange:
    """What differs in a programme (`service` empty) or in one of its services."""

    programme: str
    name: str
    service: str = ""
    changes: tuple[Change, ...]


def differences(old: Library, new: Library, today: date) -> tuple[DataChange, ...]:
    """Everything that differs in the data that holds on that day, programme by programme."""
    before, after = ({p.key: p for p in library.programmes} for library in (old, new))
    found: list[DataChange] = []
    for key in dict.fromkeys((*before, *after)):
        found += _programme(before.get(key), after.get(key), today)
    return tuple(change for change in found if change.changes)


def touched(old: Library, new: Library, today: date) -> frozenset[tuple[str, str]]:
    """The services, as (programme, service), whose drafts could come out otherwise; no draft of another one does."""
    before, after = _judged(old, today), _judged(new, today)
    return frozenset(key for key in before if before[key] != after.get(key))


# The data


def _version(programme: Programme, today: date) -> Version:
    return programme.on(today) or programme.latest


def _judged(library: Library, today: date) -> Mapping[tuple[str, str], object]:
    found = {}
    for programme in library.programmes:
        for service in _version(programme, today).services:
            dates = [(d.id, d.label, d.on, d.field, d.period, d.working_days, d.whose) for d in service.deadlines]
            names = (
                [(f.key, f.label, f.only_if) for f in service.fields],
                [r.label for r in service.rules],
                [w.text for w in service.windows],
            )
            found[programme.key, service.key] = (fingerprint(programme, service), repr((dates, names)))
    return found


def _programme(before: Programme | None, after: Programme | None, today: date) -> Iterator[DataChange]:
    if before is None or after is None:
        one = before or after
        assert one is not None
        gone = Change(kind="programme", label=one.name, before=before.name if before else "", after=after.name if after else "")
        yield DataChange(programme=one.key, name=one.name, changes=(gone,))
        return
    old, new = _version(before, today), _version(after, today)
    general = [*compared("version", _versions(before), _versions(after)), *compared("force", _force(old), _force(new))]
    yield DataChange(programme=after.key, name=after.name, changes=tuple(general))
    services = {s.key: s for s in old.services}, {s.key: s for s in new.services}
    for key in dict.fromkeys((*services[0], *services[1])):
        found = [of.get(key) for of in services]
        name = next(service.name for service in reversed(found) if service)
        yield DataChange(programme=after.key, name=after.name, service=name, changes=tuple(_service(old, found[0], new, found[1])))


def _versions(programme: Programme) -> Mapping[str, Line]:
    periods = [say("version_line", valid_from=v.valid_from, valid_to=v.valid_to) for v in programme.versions]
    return {str(n): Line(label="", text=period) for n, period in enumerate(periods)}


def _force(version: Version) -> Mapping[str, Line]:
    return {"force": encoded.force(version)}


def _service(old: Version, before: Service | None, new: Version, after: Service | None) -> Iterator[Change]:
    if before is None or after is None:
        yield Change(kind="service", before=before.name if before else "", after=after.name if after else "")
        return
    yield from compared("window", encoded.windows(before), encoded.windows(after))
    yield from compared("rule", encoded.rules(before), encoded.rules(after))
    yield from compared("field", encoded.fields(before), encoded.fields(after))
    yield from compared("deadline", encoded.deadlines(before), encoded.deadlines(after))
    yield from compared("grade", encoded.grades(before), encoded.grades(after))
    yield from compared("money", encoded.money(old, before), encoded.money(new, after))
    yield from compared("material", encoded.materials(before), encoded.materials(after))


def compared(kind: Kind, before: Mapping[str, Line], after: Mapping[str, Line]) -> Iterator[Change]:
    """Lines that are new, gone, or say something else; also where only the clause reads otherwise."""
    for key in dict.fromkeys((*before, *after)):
        one, other = before.get(key), after.get(key)
        if one is None or other is None or (one.label, one.text, _quote(one)) != (other.label, other.text, _quote(other)):
            yield change_of(kind, one, other)


def change_of(kind: Kind, one: Line | None, other: Line | None) -> Change:
    """From one line to the other, each with its clause."""
    named = other or one
    return Change(
        kind=kind,
        label=named.label if named else "",
        before=_text(one, other),
        after=_text(other, one),
        old=one.cite[0] if one and one.cite else None,
        new=other.cite[0] if other and other.cite else None,
    )


def _text(line: Line | None, beside: Line | None) -> str:
    """What a line says, with its name where that differs."""
    if line is None:
        return ""
    return line.text if beside is None or line.label == beside.label else f"{line.label}：{line.text}"


def _quote(line: Line) -> str:
    return line.cite[0].quote if line.cite else ""
