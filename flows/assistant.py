"""What a conversation needs besides its session: the loaded programmes and what is built from them once."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Protocol

from flows.answers import Answerer
from knowledge.load import fingerprint
from knowledge.names import Names
from knowledge.types import Field, Library

COUNTER = "counter"
"""The bureau's own desk: what is typed there by an officer, in the presence of the person, goes nowhere else."""
ABROAD = frozenset({"telegram"})
"""Channels whose messages leave the mainland: they need a yes of their own and never take bank data."""


class Premises(Protocol):
    """What a case is derived from."""

    @property
    def library(self) -> Library:
        """The programmes."""

    @property
    def personal_channels(self) -> frozenset[str]:
        """Channels on which personal data may be asked."""

    @property
    def abroad(self) -> frozenset[str]:
        """Channels whose messages leave the mainland."""

    @property
    def known(self) -> dict[Hashable, object]:
        """What was derived before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """Premises alone, for programs that judge drafts but talk to nobody: without what understands questions, which is large."""

    library: Library
    personal_channels: frozenset[str] = frozenset({"console", "web", "wechat", "telegram"})
    abroad: frozenset[str] = ABROAD
    known: dict[Hashable, object] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assistant:
    """Built once at start; read by every turn."""

    library: Library
    names: Names
    answerer: Answerer
    fingerprints: dict[tuple[str, str], str]
    private: tuple[Field, ...] = ()
    """Every personal or sensitive field of any programme, each key once."""
    personal_channels: frozenset[str] = frozenset({"console", "web", "wechat", "telegram"})
    operator: str = ""
    retention_days: int | None = None
    abroad: frozenset[str] = field(default=ABROAD)
    known: dict[Hashable, object] = field(default_factory=dict, repr=False, compare=False)
    """What `position.py` has derived before: of facts, never of names or numbers that tell who somebody is."""


def assistant(
    library: Library, *, personal_channels: frozenset[str] | None = None, operator: str = "", retention_days: int | None = None
) -> Assistant:
    """The assistant over these programmes."""
    prints = {(p.key, s.key): fingerprint(p, s) for p in library.programmes for s in p.latest.services}
    services = [s for p in library.programmes for v in p.versions for s in v.services]
    private = {f.key: f for s in services for f in s.fields if f.personal or f.sensitive}
    built = Assistant(
        library=library,
        names=Names(library),
        answerer=Answerer(library),
        fingerprints=prints,
        private=tuple(private.values()),
        operator=operator,
        retention_days=retention_days,
    )
    if personal_channels is None:
        return built
    return Assistant(**{**{f: getattr(built, f) for f in built.__slots__}, "personal_channels": personal_channels})
