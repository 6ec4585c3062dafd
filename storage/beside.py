"""What lies beside a person's session: notes of a channel, links to their page, pushes to be sent. SQL within the caller's transaction.

What each promises stands in `store.py`.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from flows.types import PersonKey
from storage.store import Connection, Link, Push, PushState

_OF = "channel = ? AND sender = ?"
_PUSH = "p.channel, p.sender, p.id, p.kind, p.body, p.due_at, p.state, p.tries, p.note"
_OPEN = "(p.state = 'waiting' OR (p.state = 'taken' AND p.until <= ?))"
_FIRST_OPEN = """NOT EXISTS (
    SELECT 1 FROM pushes earlier WHERE earlier.channel = p.channel AND earlier.sender = p.sender AND earlier.number < p.number
    AND (earlier.state = 'taken' OR (earlier.state = 'waiting' AND earlier.kind = p.kind))
)"""
"""Of a person only the first that is open: order is kept, also while one is being sent."""

Row = tuple[str, str]


def note(db: Connection, key: Row, name: str) -> str | None:
    """One note."""
    row = db.execute(f"SELECT value FROM notes WHERE {_OF} AND name = ?", (*key, name)).fetchone()
    return str(row[0]) if row else None


def notes(db: Connection, key: Row, prefix: str) -> dict[str, str]:
    """The notes whose name begins with the prefix."""
    query = f"SELECT name, value FROM notes WHERE {_OF} AND substr(name, 1, ?) = ? ORDER BY name"
    return dict(db.execute(query, (*key, len(prefix), prefix)).fetchall())


def meet(db: Connection, key: Row) -> None:
    """Somebody new gets a row without a session."""
    query = "INSERT INTO people (channel, sender, revision, state, seen_at) VALUES (?, ?, 0, '{}', '') ON CONFLICT (channel, sender)"
    db.execute(f"{query} DO NOTHING", key)


def change_note(db: Connection, key: Row, name: str, change: Callable[[str | None], str | None]) -> str | None:
    """Replace a note of somebody who is there."""
    old = note(db, key, name)
    new = change(old)
    if new is None:
        db.execute(f"DELETE FROM notes WHERE {_OF} AND name = ?", (*key, name))
    elif new != old:
        db.execute(
            "INSERT INTO notes (channel, sender, name, value) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (channel, sender, name) DO UPDATE SET value = excluded.value",
            (*key, name, new),
        )
    return new


def add_link(db: Connection, key: Row, hashed: str, link: Link, now: datetime) -> None:
    """Remember a link, and forget those of the person that have expired."""
    db.execute(f"DELETE FROM links WHERE {_OF} AND expires_at <= ?", (*key, now.timestamp()))
    db.execute(
        "INSERT INTO links (channel, sender, token, draft, expires_at) VALUES (?, ?, ?, ?, ?)",
        (*key, hashed, link.draft, link.expires_at.timestamp()),
    )


def link(db: Connection, hashed: str, now: datetime) -> Link | None:
    """The link, if it is still good."""
    query = "SELECT channel, sender, draft, expires_at FROM links WHERE token = ? AND expires_at > ?"
    row = db.execute(query, (hashed, now.timestamp())).fetchone()
    return Link(person=PersonKey(channel=row[0], sender=row[1]), draft=row[2], expires_at=_moment(row[3])) if row else None


def revoke_links(db: Connection, key: Row, draft: str) -> int:
    """Delete links."""
    return db.execute(f"DELETE FROM links WHERE {_OF} AND ? IN ('', draft)", (*key, draft)).rowcount


def post(db: Connection, push: Push) -> None:
    """Queue a push at the end of its person's."""
    key = (push.person.channel, push.person.sender)
    db.execute(
        "INSERT INTO pushes (channel, sender, number, id, kind, body, due_at, state, tries, note) VALUES (?, ?,"
        f" (SELECT coalesce(max(number), 0) + 1 FROM pushes WHERE {_OF}), ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (*key, *key, push.id, push.kind, push.body, push.due_at.timestamp(), push.state, push.tries, push.note),
    )


def take_pushes(db: Connection, channel: str, now: datetime, until: datetime, limit: int, claim: str) -> Sequence[Push]:
    """Mark due pushes as taken, each person's first; `claim` keeps others from taking them, or anything of their people, meanwhile."""
    found = db.execute(
        f"SELECT {_PUSH} FROM pushes p JOIN people o ON o.channel = p.channel AND o.sender = p.sender"
        f" WHERE p.channel = ? AND p.due_at <= ? AND {_OPEN} AND {_FIRST_OPEN}"
        f" ORDER BY p.kind, p.due_at, p.number, p.sender LIMIT ?{claim}",
        (channel, now.timestamp(), now.timestamp(), limit),
    ).fetchall()
    wanted = [_push((*row[:6], "taken", row[7] + 1, row[8])) for row in found]
    return [push for push in wanted if _take(db, push, now, until)]


def _take(db: Connection, push: Push, now: datetime, until: datetime) -> bool:
    """Take a push, unless another was quicker before it was claimed."""
    query = f"UPDATE pushes AS p SET state = 'taken', tries = ?, until = ? WHERE id = ? AND {_OPEN} AND {_FIRST_OPEN}"
    return db.execute(query, (push.tries, until.timestamp(), push.id, now.timestamp())).rowcount == 1


def settle_push(db: Connection, push_id: str, state: PushState, note: str, due_at: datetime | None) -> bool:
    """Record how it went."""
    query = "UPDATE pushes SET state = ?, note = ?, due_at = coalesce(?, due_at) WHERE id = ?"
    return db.execute(query, (state, note, due_at and due_at.timestamp(), push_id)).rowcount == 1


def pushes(db: Connection, key: Row, state: PushState) -> Sequence[Push]:
    """A person's pushes in a state."""
    return [_push(row) for row in db.execute(f"SELECT {_PUSH} FROM pushes p WHERE {_OF} AND state = ? ORDER BY number", (*key, state))]


def push_states(db: Connection, channel: str) -> dict[str, int]:
    """How many are in each state."""
    return dict(db.execute("SELECT state, count(*) FROM pushes WHERE channel = ? GROUP BY state", [channel]).fetchall())


def _push(row: tuple[object, ...]) -> Push:
    channel, sender, push_id, kind, body, due_at, state, tries, note = row
    person = PersonKey(channel=str(channel), sender=str(sender))
    rest = {"kind": kind, "state": state, "tries": tries}
    return Push(id=str(push_id), person=person, body=str(body), due_at=_moment(due_at), note=str(note), **rest)  # type: ignore[arg-type]  # as written


def _moment(seconds: object) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)  # type: ignore[arg-type]  # a REAL column
