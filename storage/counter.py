"""Which applicants do staff serve at the counter, and how far is the handing over of each? SQL within the caller's transaction.

They are people of the channel `counter` with a random sender; who began is a note of theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from flows.types import PersonKey
from storage import beside
from storage.store import Connection

CHANNEL = "counter"
BEGAN = "counter"
"""Name of the note: who began."""

_CODE = "SELECT expires_at FROM codes k WHERE k.channel = p.channel AND k.sender = p.sender"
_NOTE = "SELECT value FROM notes n WHERE n.channel = p.channel AND n.sender = p.sender AND n.name = ?"
_GIVEN = "SELECT count(*) FROM messages m WHERE m.channel = p.channel AND m.sender = p.sender AND m.replies LIKE ?"
Handed = Literal["none", "open", "expired", "used"]
"""The continuation code: not given, given and good, given and too old, used by the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkIn:
    """Somebody at the counter."""

    person: PersonKey
    began_by: str
    revision: int
    handed: Handed


def begin(db: Connection, sender: str, staff: str) -> None:
    """Note somebody new."""
    beside.meet(db, (CHANNEL, sender))
    beside.change_note(db, (CHANNEL, sender), BEGAN, lambda _: staff)


def walk_in(db: Connection, sender: str, mark: str, now: datetime) -> WalkIn | None:
    """One of them; None for somebody who is not there. `mark` is what stands in a reply that gave a code."""
    return next(iter(_found(db, "AND p.sender = ?", (sender,), mark, now)), None)


def walk_ins(db: Connection, mark: str, now: datetime, limit: int = 50) -> Sequence[WalkIn]:
    """The last ones served first."""
    return _found(db, "ORDER BY p.seen_at DESC, p.sender LIMIT ?", (limit,), mark, now)


def _found(db: Connection, rest: str, values: tuple[Any, ...], mark: str, now: datetime) -> Sequence[WalkIn]:
    query = f"SELECT p.sender, p.revision, ({_NOTE}), ({_CODE}), ({_GIVEN}) FROM people p WHERE p.channel = ? {rest}"
    rows = db.execute(query, (BEGAN, f"%{mark}%", CHANNEL, *values)).fetchall()
    return [_walk_in(row, now) for row in rows if row[2] is not None]


def _walk_in(row: Sequence[Any], now: datetime) -> WalkIn:
    sender, revision, began_by, expires, given = row
    handed: Handed = "none"
    if expires is not None:
        handed = "open" if datetime.fromtimestamp(expires, UTC) > now else "expired"
    elif given:
        handed = "used"
    return WalkIn(person=PersonKey(channel=CHANNEL, sender=sender), began_by=began_by, revision=revision, handed=handed)
