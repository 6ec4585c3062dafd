"""Is the programme in force and its window open on a day? Nothing that a document leaves unsaid is guessed."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from knowledge.types import Library, Programme, Service, Version, Window

State = Literal["open", "expired", "not_yet", "window_closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """What holds on a day; `version` is the one in force, else the last known one."""

    version: Version
    state: State
    window: Window | None = None
    """The window that is open, or the one that is not."""

    @property
    def open(self) -> bool:
        """Whether an application can be made that day, as far as the document says."""
        return self.state == "open"


def is_open(window: Window, day: date) -> bool:
    """Whether the window takes applications that day; one that opens by separate notice closes nothing."""
    if window.kind == "dated":
        return (window.opens or date.min) <= day <= (window.closes or date.max)
    return window.kind == "notice" or day.month in window.months


def availability(programme: Programme, service_key: str, day: date) -> Availability:
    """What the documents say about applying for the service that day."""
    version = programme.on(day)
    if version is None:
        last = programme.latest
        return Availability(version=last, state="expired" if last.valid_to and day > last.valid_to else "not_yet")
    windows = service_of(version, service_key).windows
    opened = next((w for w in windows if is_open(w, day)), None)
    if windows and opened is None:
        return Availability(version=version, state="window_closed", window=windows[-1])
    return Availability(version=version, state="open", window=opened)


def is_offered(library: Library, programme_key: str, service_key: str | None, day: date) -> bool:
    """Whether the programme is in the data and, where one is named, its service is what it has on that day."""
    programme = next((p for p in library.programmes if p.key == programme_key), None)
    if programme is None or service_key is None:
        return programme is not None
    return any(service.key == service_key for service in (programme.on(day) or programme.latest).services)


def service_of(version: Version, key: str) -> Service:
    """The version's service of that key; KeyError where there is none."""
    for service in version.services:
        if service.key == key:
            return service
    raise KeyError(key)
