"""Whom may a run of reminders concern, who was reminded of what, and who could not be reached? Also dates that staff entered.

SQL within the caller's transaction, as SQLite and PostgreSQL both take it. A run is worked off by any number of workers: each keeps a
batch only where the cursor still stands where that batch began, so a kill or a second worker reminds nobody twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flows.types import PersonKey
from storage import records
from storage.runs import Run, RunState
from storage.store import Connection, Push

_OF = "channel = d.channel AND sender = d.sender"
_STOPPED = "SELECT given FROM consents WHERE {of} AND kind = 'reminders' ORDER BY place DESC LIMIT 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A draft with what decides whether and how its person is reminded."""

    person: PersonKey
    draft: str
    programme: str
    service: str
    changed_at: datetime
    finished_at: datetime | None
    values: Mapping[str, Any]
    reach: str | None
    """The channel's note of how the person can be reached."""
    stopped: bool
    """They want no reminders."""
    reminded: bool
    """They were reminded of something before."""
    mark: str
    """What staff marked the draft as: received, returned, withdrawn; empty: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A push that is to be queued for a reason, once."""

    push: Push
    draft: str
    reason: str
    until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreached:
    """Somebody to whom no way leads."""

    person: PersonKey
    draft: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What speaks against sending a queued reminder now."""

    state: RunState
    until: str
    stopped: bool
    marked: bool
    """Staff received the draft, gave it back or took it off meanwhile."""


# Whom it may concern


def count(db: Connection) -> int:
    """How many drafts there are."""
    return int(db.execute("SELECT count(*) FROM drafts").fetchone()[0])


def candidates(db: Connection, after: str, limit: int, fields: Sequence[str], only: Sequence[str] | None = None) -> Sequence[Candidate]:
    """The next drafts by id, after one or of those named (`only`), with the values of these fields."""
    answers = "".join(f", (SELECT value FROM answers WHERE {_OF} AND draft = d.id AND field = ? AND sensitive = 0)" for _ in fields)
    chosen = "d.id > ?" if only is None else f"d.id IN ({', '.join('?' for _ in only)})"
    query = (
        f"SELECT d.id, d.channel, d.sender, d.programme, d.service, d.updated_at, d.finished_at,"
        f" (SELECT value FROM notes WHERE {_OF} AND name = 'reach'), ({_STOPPED.format(of=_OF)}),"
        f" EXISTS (SELECT 1 FROM reminded WHERE {_OF}), (SELECT mark FROM listed WHERE listed.draft = d.id){answers}"
        f" FROM drafts d WHERE {chosen} ORDER BY d.id LIMIT ?"
    )
    rows = db.execute(query, (*fields, *((after,) if only is None else only), limit))
    return [_candidate(row, fields) for row in rows]


def recorded(db: Connection) -> dict[str, dict[str, str]]:
    """The dates that staff entered: draft → rule → date."""
    found: dict[str, dict[str, str]] = {}
    for draft, rule, day in db.execute("SELECT draft, rule, day FROM recorded_dates"):
        found.setdefault(draft, {})[rule] = day
    return found


def record(db: Connection, person: PersonKey, draft: str, rule: str, day: date | None, staff: str, now: datetime) -> None:
    """Enter the date from which a rule counts for a draft; None takes it away."""
    key = (person.channel, person.sender, draft, rule)
    db.execute("DELETE FROM recorded_dates WHERE channel = ? AND sender = ? AND draft = ? AND rule = ?", key)
    if day is not None:
        query = "INSERT INTO recorded_dates (channel, sender, draft, rule, day, staff, at) VALUES (?, ?, ?, ?, ?, ?, ?)"
        db.execute(query, (*key, day.isoformat(), staff, now.timestamp()))


def was_reminded(db: Connection, person: PersonKey, reason: str) -> bool:
    """Whether the person was told that before."""
    query = "SELECT 1 FROM reminded WHERE channel = ? AND sender = ? AND reason = ?"
    return db.execute(query, (person.channel, person.sender, reason)).fetchone() is not None


# A batch


def keep(
    db: Connection, found: Run, cursor: str, seen: int, postings: Sequence[Posting], unreached: Sequence[Unreached], now: datetime
) -> Sequence[Posting] | None:
    """Move the run's cursor on and give back what is to be queued within this transaction; None where another worker was quicker.

    Left out is who was told before, was deleted, or wants no reminders any more.
    """
    query = "UPDATE campaigns SET cursor = ?, seen = seen + ? WHERE id = ? AND state = 'running' AND cursor = ?"
    if db.execute(query, (cursor, seen, found.id, found.cursor)).rowcount != 1:
        return None
    fresh = [posting for posting in postings if _note(db, found.id, posting, now)]
    for one in unreached:
        db.execute(
            "INSERT INTO unreached (channel, sender, campaign, draft, why) SELECT channel, sender, ?, ?, ? FROM people"
            " WHERE channel = ? AND sender = ? ON CONFLICT (channel, sender, campaign, draft) DO UPDATE SET why = excluded.why",
            (found.id, one.draft, one.why, one.person.channel, one.person.sender),
        )
    return fresh


def _note(db: Connection, run_id: str, posting: Posting, now: datetime) -> bool:
    stopped = _STOPPED.format(of="channel = p.channel AND sender = p.sender")
    person, until = posting.push.person, posting.until.isoformat() if posting.until else ""
    made = db.execute(
        "INSERT INTO reminded (channel, sender, reason, campaign, draft, push, until, at)"
        " SELECT p.channel, p.sender, ?, ?, ?, ?, ?, ? FROM people p WHERE p.channel = ? AND p.sender = ?"
        f" AND coalesce(({stopped}), 1) = 1 ON CONFLICT DO NOTHING",
        (posting.reason, run_id, posting.draft, posting.push.id, until, now.timestamp(), person.channel, person.sender),
    )
    return made.rowcount == 1


# What became of it


def standing(db: Connection, push_id: str) -> Standing | None:
    """How a queued reminder stands; None for one that belongs to no run."""
    stopped = _STOPPED.format(of="channel = r.channel AND sender = r.sender")
    query = (
        f"SELECT c.state, r.until, ({stopped}), coalesce(l.mark, ''), coalesce(l.marked_at, 0), r.at FROM reminded r"
        " JOIN campaigns c ON c.id = r.campaign LEFT JOIN listed l ON l.draft = r.draft WHERE r.push = ?"
    )
    row = db.execute(query, (push_id,)).fetchone()
    if row is None:
        return None
    state, until, given, mark, marked_at, at = row
    return Standing(state=state, until=until, stopped=given == 0, marked=bool(mark) and marked_at > at)


def outcomes(db: Connection, run_id: str) -> Sequence[tuple[str, str, str, int]]:
    """How the pushes of a run went: channel, state, note, how many."""
    query = (
        "SELECT p.channel, p.state, p.note, count(*) FROM reminded r JOIN pushes p ON p.id = r.push WHERE r.campaign = ?"
        " GROUP BY p.channel, p.state, p.note ORDER BY p.channel, p.state, p.note"
    )
    return [(str(c), str(s), str(n), int(k)) for c, s, n, k in db.execute(query, (run_id,))]


def unreached_reasons(db: Connection, run_id: str) -> Sequence[tuple[str, str, int]]:
    """Channel, why, how many could not be reached."""
    query = "SELECT channel, why, count(*) FROM unreached WHERE campaign = ? GROUP BY channel, why ORDER BY channel, why"
    return [(str(c), str(w), int(k)) for c, w, k in db.execute(query, (run_id,))]


def stopped_since(db: Connection, run_id: str) -> int:
    """How many of those that were reminded want no reminders now."""
    stopped = _STOPPED.format(of="channel = r.channel AND sender = r.sender")
    query = f"SELECT count(*) FROM (SELECT DISTINCT r.channel, r.sender FROM reminded r WHERE r.campaign = ? AND ({stopped}) = 0) gone"
    return int(db.execute(query, (run_id,)).fetchone()[0])


def to_call(db: Connection, run_id: str, limit: int, offset: int = 0) -> Sequence[Unreached]:
    """Whom only a telephone reaches: no way led to them, or what was sent failed or waits for their next visit."""
    query = (
        "SELECT channel, sender, draft, why FROM unreached WHERE campaign = ?"
        " UNION ALL SELECT r.channel, r.sender, r.draft, p.note FROM reminded r JOIN pushes p ON p.id = r.push"
        " WHERE r.campaign = ? AND p.state IN ('failed', 'kept') ORDER BY 3, 1, 2 LIMIT ? OFFSET ?"
    )
    rows = db.execute(query, (run_id, run_id, limit, offset))
    return [Unreached(person=PersonKey(channel=c, sender=s), draft=d, why=w) for c, s, d, w in rows]


def _candidate(row: Sequence[Any], fields: Sequence[str]) -> Candidate:
    draft, channel, sender, programme, service, changed, finished, reach, given, reminded, mark, *values = row
    return Candidate(
        person=PersonKey(channel=channel, sender=sender),
        draft=draft,
        programme=programme,
        service=service,
        changed_at=records.moment(changed),
        finished_at=records.moment(finished) if finished else None,
        values={field: records.value_from_json(value) for field, value in zip(fields, values, strict=True) if value is not None},
        reach=reach,
        stopped=given == 0,
        reminded=bool(reminded),
        mark=mark or "",
    )
