"""Whose data may be kept no longer, and what is left of it? When people last wrote, which drafts they have; numbers stay.

SQL within the caller's transaction, as SQLite and PostgreSQL both take it. The deletion itself is the store's: see `Store.purge`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flows.types import PersonKey
from storage import exports
from storage.store import Connection

_OF = "channel = ? AND sender = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A person, and when their last message came."""

    person: PersonKey
    seen_at: str
    """As a session's moments are stored; empty: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A draft in numbers."""

    id: str
    programme: str
    service: str
    month: str
    """In which it was begun, as 2026-11."""
    finished: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many drafts of a service, begun in a month, are gone because their time was over."""

    programme: str
    service: str
    month: str
    drafts: int
    finished: int


def people(db: Connection) -> Sequence[Kept]:
    """Everybody."""
    rows = db.execute("SELECT channel, sender, seen_at FROM people ORDER BY channel, sender")
    return [Kept(person=PersonKey(channel=row[0], sender=row[1]), seen_at=row[2]) for row in rows]


def still(db: Connection, known: Kept) -> bool:
    """Whether no message came since."""
    row = db.execute(f"SELECT seen_at FROM people WHERE {_OF}", (known.person.channel, known.person.sender)).fetchone()
    return row is not None and row[0] == known.seen_at


def note_first_seen(db: Connection, person: PersonKey, moment: str) -> None:
    """From now on somebody counts who was noted without a message: by following, by a menu."""
    db.execute(f"UPDATE people SET seen_at = ? WHERE {_OF} AND seen_at = ''", (moment, person.channel, person.sender))


def owners(db: Connection, programmes: Iterable[str]) -> Sequence[PersonKey]:
    """Who has drafts of these programmes."""
    wanted = tuple(programmes)
    if not wanted:
        return []
    query = f"SELECT DISTINCT channel, sender FROM drafts WHERE programme IN ({', '.join('?' * len(wanted))}) ORDER BY channel, sender"
    return [PersonKey(channel=row[0], sender=row[1]) for row in db.execute(query, wanted)]


def drafts(db: Connection, person: PersonKey) -> Sequence[Held]:
    """A person's drafts."""
    query = f"SELECT id, programme, service, created_at, finished_at FROM drafts WHERE {_OF} ORDER BY place"
    return [_held(row) for row in db.execute(query, (person.channel, person.sender))]


def drop(db: Connection, person: PersonKey, ids: Iterable[str]) -> None:
    """Delete some of a person's drafts with all that was said until their last change; a turn that is under way begins again."""
    key = (person.channel, person.sender)
    exports.let_go(db, person)
    for draft in ids:
        last = db.execute(f"SELECT updated_at FROM drafts WHERE {_OF} AND id = ?", (*key, draft)).fetchone()
        db.execute(f"DELETE FROM drafts WHERE {_OF} AND id = ?", (*key, draft))
        db.execute(f"UPDATE outbox SET payload = '{{}}' WHERE {_OF}", key)
        if last:
            db.execute(f"DELETE FROM messages WHERE {_OF} AND received_at <= ?", (*key, last[0]))
    db.execute(f"UPDATE people SET revision = revision + 1 WHERE {_OF}", key)


def count(db: Connection, held: Iterable[Held]) -> None:
    """Keep numbers of what is deleted in the same transaction."""
    found: Counter[tuple[str, str, str]] = Counter()
    finished: Counter[tuple[str, str, str]] = Counter()
    for one in held:
        key = (one.programme, one.service, one.month)
        found[key] += 1
        finished[key] += one.finished
    for key, number in found.items():
        db.execute(
            "INSERT INTO counts (programme, service, month, drafts, finished) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (programme, service, month) DO UPDATE SET drafts = counts.drafts + excluded.drafts,"
            " finished = counts.finished + excluded.finished",
            (*key, number, finished[key]),
        )


def counts(db: Connection) -> Sequence[Count]:
    """The numbers that are left, by programme, service and month."""
    rows = db.execute("SELECT programme, service, month, drafts, finished FROM counts ORDER BY programme, service, month")
    return [Count(programme=row[0], service=row[1], month=row[2], drafts=row[3], finished=row[4]) for row in rows]


def _held(row: Sequence[Any]) -> Held:
    draft, programme, service, created_at, finished_at = row
    return Held(id=draft, programme=programme, service=service, month=created_at[:7], finished=finished_at is not None)
