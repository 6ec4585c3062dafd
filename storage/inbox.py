"""Who waits for a person of the staff, who speaks with whom, and which questions wait to be looked at?

SQL within the caller's transaction, as SQLite and PostgreSQL both take it. What waits are rows of the outbox: each wish for a person,
and each message said to one, is a row of kind `handover`; a question that was not answered well is one of the kinds in QUESTIONS.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from flows.types import PersonKey
from storage import records
from storage.store import Connection

QUESTIONS = ("unanswered", "downvote", "upvote")
Show = Literal["waiting", "talking", "closed"]
QuestionState = Literal["pending", "done", "ignored"]
CHUNK = 500
"""Values in one statement: PostgreSQL and SQLite both take more."""

_OPEN = "kind = 'handover' AND state = 'pending'"
_LAST = (
    "SELECT id FROM outbox o WHERE o.channel = {of}.channel AND o.sender = {of}.sender AND o.kind = 'handover'"
    " ORDER BY number DESC, item DESC LIMIT 1"
)
_PENDING = f"SELECT channel, sender, min(created_at) AS since, count(*) AS number FROM outbox WHERE {_OPEN} GROUP BY channel, sender"
_STATE = "coalesce(h.assignee, ''), coalesce(h.talking, 0), coalesce(h.staff, ''), coalesce(h.at, 0)"
_NONE_PENDING = f"NOT EXISTS (SELECT 1 FROM outbox o WHERE o.channel = h.channel AND o.sender = h.sender AND {_OPEN})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """Somebody who asked for a person."""

    id: str
    """Of their last wish or message to staff: random, names nobody."""
    person: PersonKey
    since: datetime | None
    """Since when the oldest of what nobody answered waits; None: nothing does."""
    messages: int
    """How many wait."""
    assignee: str
    """Name of the account that looks after them; empty: none."""
    talking: bool
    """A person of the staff speaks with them."""
    staff: str
    """Who spoke last."""
    at: datetime | None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question of the list, masked."""

    row: str
    kind: str
    text: str
    facts: tuple[str, ...]
    programme: str
    """Of the application in which it was asked; empty: outside one."""
    at: datetime


# People


def handovers(db: Connection, show: Show, *, assignee: str = "", limit: int = 50, offset: int = 0) -> Sequence[Handover]:
    """Those who wait, longest first; with whom staff speak and none of whose words wait; with whom they spoke, last first."""
    query, values = _chosen(show, assignee)
    order = "w.since, w.channel, w.sender" if show == "waiting" else "h.at DESC, h.channel, h.sender"
    return [_handover(row) for row in db.execute(f"{query} ORDER BY {order} LIMIT ? OFFSET ?", (*values, limit, offset))]


def count(db: Connection, show: Show, *, assignee: str = "") -> int:
    """How many there are of those."""
    query, values = _chosen(show, assignee)
    return int(db.execute(f"SELECT count(*) FROM ({query}) found", values).fetchone()[0])


def _chosen(show: Show, assignee: str) -> tuple[str, tuple[str, ...]]:
    mine = ("h.assignee = ?", (assignee,)) if assignee else ("1 = 1", ())
    if show == "waiting":
        joined = f"({_PENDING}) w LEFT JOIN handovers h ON h.channel = w.channel AND h.sender = w.sender"
        return f"SELECT ({_LAST.format(of='w')}), w.channel, w.sender, w.since, w.number, {_STATE} FROM {joined} WHERE {mine[0]}", mine[1]
    query = f"SELECT ({_LAST.format(of='h')}), h.channel, h.sender, '', 0, {_STATE} FROM handovers h"
    return f"{query} WHERE h.talking = {int(show == 'talking')} AND h.at > 0 AND {_NONE_PENDING} AND {mine[0]}", mine[1]


def handover(db: Connection, row_id: str) -> Handover | None:
    """The person behind a row of the inbox; None where they were deleted."""
    found = db.execute("SELECT channel, sender FROM outbox WHERE id = ? AND kind = 'handover'", (row_id,)).fetchone()
    if found is None:
        return None
    key = tuple(found)
    since, number = db.execute(f"SELECT min(created_at), count(*) FROM outbox WHERE channel = ? AND sender = ? AND {_OPEN}", key).fetchone()
    state = db.execute("SELECT assignee, talking, staff, at FROM handovers WHERE channel = ? AND sender = ?", key).fetchone()
    return _handover((row_id, *key, since or "", number, *(state or ("", 0, "", 0.0))))


def assign(db: Connection, person: PersonKey, name: str) -> None:
    """Give somebody to an account; empty: to none."""
    _keep(db, person, "assignee = excluded.assignee", assignee=name)


def answered(db: Connection, person: PersonKey, staff: str, at: datetime, *, seen: int, talking: bool) -> None:
    """Note that staff spoke, or gave the talk back; what was said up to revision `seen` waits no longer."""
    row = {"assignee": staff, "talking": int(talking), "staff": staff, "at": at.timestamp()}
    kept = "assignee = CASE WHEN handovers.assignee = '' THEN excluded.assignee ELSE handovers.assignee END"
    _keep(db, person, f"{kept}, talking = excluded.talking, staff = excluded.staff, at = excluded.at", **row)
    query = f"UPDATE outbox SET state = 'done' WHERE channel = ? AND sender = ? AND number <= ? AND {_OPEN}"
    db.execute(query, (person.channel, person.sender, seen))


def _keep(db: Connection, person: PersonKey, change: str, **row: object) -> None:
    """Somebody who is gone gets no row."""
    full = {"assignee": "", "talking": 0, "staff": "", "at": 0.0, **row}
    db.execute(
        "INSERT INTO handovers (channel, sender, assignee, talking, staff, at)"
        " SELECT channel, sender, ?, ?, ?, ? FROM people WHERE channel = ? AND sender = ?"
        f" ON CONFLICT (channel, sender) DO UPDATE SET {change}",
        (*full.values(), person.channel, person.sender),
    )


def _handover(row: Sequence[Any]) -> Handover:
    row_id, channel, sender, since, number, assignee, talking, staff, at = row
    return Handover(
        id=row_id,
        person=PersonKey(channel=channel, sender=sender),
        since=records.moment(since) if since else None,
        messages=number,
        assignee=assignee,
        talking=bool(talking),
        staff=staff,
        at=datetime.fromtimestamp(at, UTC) if at else None,
    )


# Questions


def questions(db: Connection, state: QuestionState = "pending", limit: int = 2000) -> Sequence[Question]:
    """The newest questions in that state, with praise, which counts for the group it falls into."""
    kinds = ", ".join("?" for _ in QUESTIONS)
    query = f"SELECT id, kind, payload, created_at FROM outbox WHERE kind IN ({kinds}) AND state = ? ORDER BY created_at DESC, id LIMIT ?"
    rows = [(row, kind, json.loads(payload), at) for row, kind, payload, at in db.execute(query, (*QUESTIONS, state, limit)).fetchall()]
    programmes = _programmes(db, {content.get("draft", "") for _, _, content, _ in rows} - {""})
    return [_question(row, kind, content, at, programmes) for row, kind, content, at in rows if content.get("text")]


def settle(db: Connection, rows: Sequence[str], before: QuestionState, after: QuestionState) -> int:
    """Move questions from one list to another; how many were still there."""
    moved, kinds = 0, ", ".join("?" for _ in QUESTIONS)
    for some in _chunks(rows):
        places = ", ".join("?" for _ in some)
        query = f"UPDATE outbox SET state = ? WHERE state = ? AND kind IN ({kinds}) AND id IN ({places})"
        moved += db.execute(query, (after, before, *QUESTIONS, *some)).rowcount
    return moved


def _programmes(db: Connection, drafts: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for some in _chunks(sorted(drafts)):
        places = ", ".join("?" for _ in some)
        found |= {row[0]: row[1] for row in db.execute(f"SELECT id, programme FROM drafts WHERE id IN ({places})", some)}
    return found


def _question(row: str, kind: str, content: dict[str, Any], at: str, programmes: dict[str, str]) -> Question:
    programme = programmes.get(content.get("draft", ""), "")
    facts = tuple(content.get("facts", ()))
    return Question(row=row, kind=kind, text=content["text"], facts=facts, programme=programme, at=records.moment(at))


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))
