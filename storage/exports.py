"""Which exports did staff ask for, how far is each, and whose data does a file hold? SQL within the caller's transaction.

A file goes as soon as one of those in it is forgotten. What is still being made begins again then: `exported` hangs on people, so fewer
rows than were counted say that somebody is gone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from flows.types import PersonKey
from storage.store import Connection

ExportState = Literal["waiting", "running", "done", "failed", "cancelled", "withdrawn", "expired"]
"""`withdrawn`: the file is gone because somebody in it deleted their data; `expired`: its day is over, or its maker deleted it."""
STALE = 30.0
"""Seconds without a sign of life after which a worker is taken for dead."""
CHUNK = 400
"""Values in one statement; SQLite takes 999 at the least."""

_EXPORT = "id, made_by, made_at, format, audience, bank, reason, day, state, done, total, seen_at, name, size, note, held, expires_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One export."""

    id: str
    """128 random bits; the file's name in its folder."""
    made_by: str
    made_at: datetime
    format: str
    audience: str
    """A filter of the list of drafts, as its query."""
    bank: bool = False
    """Whether bank data stands in it whole."""
    reason: str = ""
    day: str
    """On which day drafts are judged, as 2026-11-22."""
    state: ExportState = "waiting"
    done: int = 0
    total: int = 0
    seen_at: datetime
    """The worker's last sign of life."""
    name: str = ""
    """How the file is called when it is fetched."""
    size: int = 0
    """In octets."""
    note: str = ""
    """Why it failed, or what was left out."""
    held: int = 0
    """How many people's data it was counted to hold."""
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A draft that an export takes."""

    id: str
    programme: str
    service: str


def add(db: Connection, made: Export) -> None:
    """Put an export into the queue."""
    first = (made.id, made.made_by, made.made_at.timestamp(), made.format, made.audience, int(made.bank), made.reason, made.day, made.state)
    last = (made.done, made.total, made.seen_at.timestamp(), made.name, made.size, made.note, made.held, made.expires_at.timestamp())
    db.execute(f"INSERT INTO exports ({_EXPORT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*first, *last))


def export(db: Connection, export_id: str) -> Export | None:
    """One export."""
    row = db.execute(f"SELECT {_EXPORT} FROM exports WHERE id = ?", (export_id,)).fetchone()
    return _export(row) if row else None


def exports_of(db: Connection, made_by: str, limit: int = 50) -> Sequence[Export]:
    """Somebody's exports, newest first."""
    query = f"SELECT {_EXPORT} FROM exports WHERE made_by = ? ORDER BY made_at DESC, id LIMIT ?"
    return [_export(row) for row in db.execute(query, (made_by, limit))]


def in_state(db: Connection, *states: ExportState) -> Sequence[Export]:
    """All exports in these states, oldest first."""
    marks = ", ".join("?" * len(states))
    return [_export(row) for row in db.execute(f"SELECT {_EXPORT} FROM exports WHERE state IN ({marks}) ORDER BY made_at, id", states)]


def begin(db: Connection, export_id: str, now: datetime) -> bool:
    """Take an export out of the queue, from its start; False where it is not in it."""
    db.execute("DELETE FROM exported WHERE export = ?", (export_id,))
    query = "UPDATE exports SET state = 'running', done = 0, total = 0, held = 0, note = '', seen_at = ? WHERE id = ? AND state = 'waiting'"
    return db.execute(query, (now.timestamp(), export_id)).rowcount == 1


def start_over(db: Connection, export_id: str) -> None:
    """Forget whom a running export holds: it begins again."""
    db.execute("DELETE FROM exported WHERE export = ?", (export_id,))
    db.execute("UPDATE exports SET done = 0, held = 0 WHERE id = ?", (export_id,))


def note_progress(db: Connection, export_id: str, done: int, total: int, now: datetime) -> bool:
    """A sign of life; False where the export was cancelled or taken for dead: then the worker stops."""
    query = "UPDATE exports SET done = ?, total = ?, seen_at = ? WHERE id = ? AND state = 'running'"
    return db.execute(query, (done, total, now.timestamp(), export_id)).rowcount == 1


def hold(db: Connection, export_id: str, people: Iterable[PersonKey]) -> None:
    """Note, before their drafts are read, whose data the file will hold; who is no longer there is not held."""
    added = 0
    for person in people:
        query = (
            "INSERT INTO exported (channel, sender, export) SELECT channel, sender, ? FROM people WHERE channel = ? AND sender = ?"
            " ON CONFLICT DO NOTHING"
        )
        added += db.execute(query, (export_id, person.channel, person.sender)).rowcount
    db.execute("UPDATE exports SET held = held + ? WHERE id = ?", (added, export_id))


def finish(db: Connection, made: Export) -> bool:
    """Offer the finished file; False where the export is no longer wanted, or somebody in it is gone: `is_short` tells which."""
    query = (
        "UPDATE exports SET state = 'done', done = ?, total = ?, name = ?, size = ?, note = ?, expires_at = ? WHERE id = ?"
        " AND state = 'running' AND held = (SELECT COUNT(*) FROM exported WHERE exported.export = exports.id)"
    )
    row = (made.done, made.total, made.name, made.size, made.note, made.expires_at.timestamp(), made.id)
    return db.execute(query, row).rowcount == 1


def is_short(db: Connection, export_id: str) -> bool:
    """Whether somebody whom a running export holds is gone."""
    query = (
        "SELECT 1 FROM exports WHERE id = ? AND state = 'running'"
        " AND held > (SELECT COUNT(*) FROM exported WHERE exported.export = exports.id)"
    )
    return db.execute(query, (export_id,)).fetchone() is not None


def end(db: Connection, export_id: str, before: Sequence[ExportState], after: ExportState, note: str = "") -> bool:
    """Move an export on from one of some states; its file is no longer offered. False where it is in none of them.

    What it looked for may name somebody, and is kept only while it may be run again.
    """
    marks = ", ".join("?" * len(before))
    forgotten = ", audience = ''" if after in ("withdrawn", "expired") else ""
    query = f"UPDATE exports SET state = ?, note = ?, size = 0{forgotten} WHERE id = ? AND state IN ({marks})"
    moved = db.execute(query, (after, note, export_id, *before)).rowcount == 1
    if moved:
        db.execute("DELETE FROM exported WHERE export = ?", (export_id,))
    return moved


def queue_again(db: Connection, export_id: str, now: datetime) -> bool:
    """Run an export once more that failed or was cancelled; False where it was not."""
    query = "UPDATE exports SET state = 'waiting', seen_at = ?, note = '' WHERE id = ? AND state IN ('failed', 'cancelled')"
    return db.execute(query, (now.timestamp(), export_id)).rowcount == 1


def let_go(db: Connection, person: PersonKey) -> None:
    """In the transaction that deletes a person's data: take back the files that hold it, and searches that may name them."""
    of = (person.channel, person.sender)
    found = [str(row[0]) for row in db.execute("SELECT export FROM exported WHERE channel = ? AND sender = ?", of)]
    for export_id in found:
        end(db, export_id, ("done",), "withdrawn")
    db.execute("DELETE FROM exported WHERE channel = ? AND sender = ?", of)
    db.execute("UPDATE exports SET state = 'expired', audience = '' WHERE state IN ('failed', 'cancelled')")


def bury(db: Connection, now: datetime, why: str) -> Sequence[str]:
    """Take running exports without a sign of life for failed; their ids."""
    query = "SELECT id FROM exports WHERE state = 'running' AND seen_at < ?"
    dead = [str(row[0]) for row in db.execute(query, (now.timestamp() - STALE,))]
    return [export_id for export_id in dead if end(db, export_id, ("running",), "failed", why)]


def expire(db: Connection, now: datetime) -> Sequence[str]:
    """Take back what was offered long enough; the ids of the files."""
    query = "SELECT id FROM exports WHERE state = 'done' AND expires_at <= ?"
    over = [str(row[0]) for row in db.execute(query, (now.timestamp(),))]
    return [export_id for export_id in over if end(db, export_id, ("done",), "expired")]


def clean(db: Connection, before: datetime) -> int:
    """Forget what ended and was made before that moment; how many there were."""
    query = "DELETE FROM exports WHERE made_at < ? AND state NOT IN ('waiting', 'running', 'done')"
    return db.execute(query, (before.timestamp(),)).rowcount


def chosen(db: Connection, ids: Sequence[str]) -> Sequence[Chosen]:
    """To which service each of these drafts belongs, in the order given; those that are gone are left out."""
    found: dict[str, Chosen] = {}
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        rows = db.execute(f"SELECT id, programme, service FROM drafts WHERE id IN ({', '.join('?' * len(part))})", part)
        found |= {row[0]: Chosen(id=row[0], programme=row[1], service=row[2]) for row in rows}
    return [found[draft] for draft in ids if draft in found]


def owners(db: Connection, ids: Sequence[str]) -> Sequence[PersonKey]:
    """Whose drafts these are, each person once; at most CHUNK ids."""
    rows = db.execute(f"SELECT DISTINCT channel, sender FROM drafts WHERE id IN ({', '.join('?' * len(ids))})", ids)
    return [PersonKey(channel=row[0], sender=row[1]) for row in rows]


def _export(row: Sequence[Any]) -> Export:
    first, last = row[:9], row[9:]
    export_id, made_by, made_at, kind, audience, bank, reason, day, state = first
    done, total, seen_at, name, size, note, held, expires_at = last
    return Export(
        id=export_id,
        made_by=made_by,
        made_at=_moment(made_at),
        format=kind,
        audience=audience,
        bank=bool(bank),
        reason=reason,
        day=day,
        state=state,
        done=done,
        total=total,
        seen_at=_moment(seen_at),
        name=name,
        size=size,
        note=note,
        held=held,
        expires_at=_moment(expires_at),
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
