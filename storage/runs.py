"""Which runs of reminders are there, and how far is each? A campaign of staff, or what the rules find due on a day.

SQL within the caller's transaction, as SQLite and PostgreSQL both take it. Whom a run reminds stands in `reminders.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from storage.store import Connection

RunState = Literal["draft", "running", "paused", "cancelled", "done"]
"""`done`: everything is in the queue, though not everything may have been sent."""
FAR = 253_402_300_000.0
"""When what is paused is due: never, for people."""
END = "~"
"""The cursor of a run that has looked at everybody: comes after every id."""
CHUNK = 500
"""Pushes changed in one transaction."""

_RUN = "id, kind, name, audience, wording, working_days, starts_at, state, cursor, seen, total, made_by, made_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A campaign of staff, or what the rules find due on a day (`rules`)."""

    id: str
    kind: Literal["rules", "campaign"]
    name: str
    audience: str = ""
    wording: str = ""
    working_days: bool = False
    starts_at: datetime
    state: RunState = "draft"
    cursor: str = ""
    """The draft up to which everybody was looked at."""
    seen: int = 0
    total: int = 0
    made_by: str = ""
    made_at: datetime


def add_run(db: Connection, run: Run) -> bool:
    """Remember a run; False where its id is taken."""
    row = (run.id, run.kind, run.name, run.audience, run.wording, int(run.working_days), run.starts_at.timestamp(), run.state)
    rest = (run.cursor, run.seen, run.total, run.made_by, run.made_at.timestamp())
    query = f"INSERT INTO campaigns ({_RUN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
    return db.execute(query, (*row, *rest)).rowcount == 1


def run(db: Connection, run_id: str) -> Run | None:
    """One run."""
    row = db.execute(f"SELECT {_RUN} FROM campaigns WHERE id = ?", (run_id,)).fetchone()
    return _run(row) if row else None


def runs(db: Connection, limit: int = 50) -> Sequence[Run]:
    """The newest runs first."""
    return [_run(row) for row in db.execute(f"SELECT {_RUN} FROM campaigns ORDER BY made_at DESC, id LIMIT ?", (limit,))]


def due_runs(db: Connection, now: datetime) -> Sequence[Run]:
    """Those that are to be worked on now, oldest first."""
    query = f"SELECT {_RUN} FROM campaigns WHERE state = 'running' AND starts_at <= ? ORDER BY starts_at, id"
    return [_run(row) for row in db.execute(query, (now.timestamp(),))]


def change_state(db: Connection, run_id: str, before: Sequence[RunState], after: RunState) -> bool:
    """Move a run on from one of these states; False where it is in none of them."""
    places = ", ".join("?" for _ in before)
    return db.execute(f"UPDATE campaigns SET state = ? WHERE id = ? AND state IN ({places})", (after, run_id, *before)).rowcount == 1


def begin_again(db: Connection, run_id: str) -> bool:
    """Look at everybody again where the run was done; who was reminded is not reminded again."""
    return (
        db.execute("UPDATE campaigns SET state = 'running', cursor = '', seen = 0 WHERE id = ? AND state = 'done'", (run_id,)).rowcount == 1
    )


def count(db: Connection, run_id: str, total: int) -> None:
    """Note how many drafts are to be looked at."""
    db.execute("UPDATE campaigns SET total = ? WHERE id = ?", (total, run_id))


def finish(db: Connection, found: Run) -> bool:
    """Note that everybody was looked at, also for whoever pauses and resumes it; False where another worker went on meanwhile."""
    query = "UPDATE campaigns SET state = 'done', cursor = ? WHERE id = ? AND state = 'running' AND cursor = ?"
    return db.execute(query, (END, found.id, found.cursor)).rowcount == 1


def forget_words(db: Connection, run_id: str, audience: str) -> None:
    """Keep this audience in place of one that names somebody: a run is remembered longer than a person."""
    db.execute("UPDATE campaigns SET audience = ? WHERE id = ?", (audience, run_id))


def hold(db: Connection, run_id: str, due_at: datetime | None, *, now: datetime) -> int:
    """Put up to CHUNK waiting pushes of a run off for good (None), or make those that were put off due; how many there were."""
    chosen = "SELECT push FROM reminded WHERE campaign = ?"
    others = "due_at < ?" if due_at is None else "due_at > ?"
    found = db.execute(
        f"SELECT id FROM pushes WHERE state = 'waiting' AND {others} AND id IN ({chosen}) LIMIT ?",
        (FAR if due_at is None else max(now, due_at).timestamp(), run_id, CHUNK),
    ).fetchall()
    moment = FAR if due_at is None else due_at.timestamp()
    for (push,) in found:
        db.execute("UPDATE pushes SET due_at = ? WHERE id = ? AND state = 'waiting'", (moment, push))
    return len(found)


def drop(db: Connection, run_id: str, note: str) -> int:
    """Drop up to CHUNK pushes of a run that still wait or are kept; how many there were."""
    found = db.execute(
        "SELECT id FROM pushes WHERE state IN ('waiting', 'kept') AND id IN (SELECT push FROM reminded WHERE campaign = ?) LIMIT ?",
        (run_id, CHUNK),
    ).fetchall()
    for (push,) in found:
        db.execute("UPDATE pushes SET state = 'dropped', note = ? WHERE id = ? AND state IN ('waiting', 'kept')", (note, push))
    return len(found)


def _run(row: Sequence[Any]) -> Run:
    run_id, kind, name, audience, wording, working, starts_at, state, cursor, seen, total, made_by, made_at = row
    told = {"kind": kind, "state": state}
    return Run(
        id=run_id,
        name=name,
        audience=audience,
        wording=wording,
        working_days=bool(working),
        starts_at=_moment(starts_at),
        cursor=cursor,
        seen=seen,
        total=total,
        made_by=made_by,
        made_at=_moment(made_at),
        **told,
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
