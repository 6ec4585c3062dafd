"""What do staff note about a draft? A mark, to whom it is given, notes among themselves. All of it goes with the draft.

SQL within the caller's transaction, as SQLite and PostgreSQL both take it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.listing import MARKS
from storage.store import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note; applicants never see it."""

    id: str
    """128 random bits."""
    staff: str
    at: float
    """Seconds since 1970."""
    text: str


def mark(db: Connection, draft: str, wanted: str, *, reason: str = "", staff: str, now: datetime) -> bool:
    """Mark a listed draft, or take the mark away (empty); False where it is not listed."""
    if wanted not in ("", *MARKS):
        raise ValueError(f"mark {wanted}: write one of {', '.join(MARKS)}")
    query = "UPDATE listed SET mark = ?, reason = ?, marked_at = ?, marked_by = ? WHERE draft = ?"
    return db.execute(query, (wanted, reason, now.timestamp(), staff, draft)).rowcount == 1


def assign(db: Connection, draft: str, assignee: str) -> bool:
    """Give a listed draft to an account, or to nobody (empty); False where it is not listed."""
    return db.execute("UPDATE listed SET assignee = ? WHERE draft = ?", (assignee, draft)).rowcount == 1


def add_note(db: Connection, draft: str, note: Note) -> bool:
    """Keep a note; False where the draft is gone. One that is already there changes nothing."""
    query = (
        "INSERT INTO draft_notes (channel, sender, draft, id, staff, at, text) SELECT channel, sender, id, ?, ?, ?, ? FROM drafts"
        " WHERE id = ? ON CONFLICT (channel, sender, draft, id) DO NOTHING"
    )
    db.execute(query, (note.id, note.staff, note.at, note.text, draft))
    return any(kept.id == note.id for kept in notes(db, draft))


def notes(db: Connection, draft: str) -> Sequence[Note]:
    """A draft's notes, oldest first."""
    query = (
        "SELECT n.id, n.staff, n.at, n.text FROM drafts d JOIN draft_notes n ON n.channel = d.channel AND n.sender = d.sender"
        " AND n.draft = d.id WHERE d.id = ? ORDER BY n.at, n.id"
    )
    return [Note(id=i, staff=staff, at=at, text=text) for i, staff, at, text in db.execute(query, (draft,))]
