"""How is the list of drafts kept true? What of it is out of date, and new lines in place of old ones.

A turn that changes a draft sets its `listed` to 0 and does no more. A line also ages when its `turns_on` comes, and when it was made with
other policy data.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from flows.types import PersonKey
from storage import records
from storage.listing import NEVER, Listed, folded
from storage.store import Connection

SEARCHED = 100
"""Characters of each name that are searched."""
_OF = "channel = ? AND sender = ?"
_COLUMNS = (
    "programme, service, stage, outcome, done, total, lacking, missing, deadline, due_label, turns_on, unit, station, name, mobile, words,"
    " begun_at, changed_at, policy"
)
_NUMBER = _COLUMNS.count(",") + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A line as it was made from a person's session of that revision."""

    line: Listed
    revision: int
    turns_on: date | None
    """When it is to be made again; None: not by itself."""
    policy: str
    """Fingerprint of the policy data."""


def stale(db: Connection, policy: str, today: date, limit: int) -> Sequence[tuple[PersonKey, str]]:
    """Drafts whose line is missing or out of date, those first that were changed last; at most that many."""
    found = list(db.execute("SELECT channel, sender, id FROM drafts WHERE listed = 0 ORDER BY updated_at DESC LIMIT ?", (limit,)))
    for condition, values in (
        ("policy < ?", (policy,)),
        ("policy > ?", (policy,)),
        ("policy = ? AND turns_on <= ?", (policy, today.isoformat())),
    ):
        if len(found) < limit:
            query = f"SELECT channel, sender, draft FROM listed WHERE {condition} LIMIT ?"
            found += db.execute(query, (*values, limit - len(found)))
    return [(PersonKey(channel=channel, sender=sender), draft) for channel, sender, draft in dict.fromkeys(map(tuple, found))]


def count_stale(db: Connection) -> int:
    """How many drafts changed since their line was made."""
    return int(db.execute("SELECT count(*) FROM drafts WHERE listed = 0").fetchone()[0])


def bare(db: Connection, person: PersonKey, draft: str) -> tuple[Listed, int] | None:
    """A line without what the answers tell, for a draft that cannot be read, and its person's revision; None where it is gone."""
    query = (
        "SELECT d.programme, d.service, d.created_at, d.updated_at, p.revision FROM drafts d JOIN people p"
        " ON p.channel = d.channel AND p.sender = d.sender WHERE d.channel = ? AND d.sender = ? AND d.id = ?"
    )
    row = db.execute(query, (person.channel, person.sender, draft)).fetchone()
    if row is None:
        return None
    programme, service, *moments, revision = row
    begun, changed = (records.moment(text).timestamp() for text in moments)
    line = Listed(person=person, draft=draft, programme=programme, service=service, begun_at=begun, changed_at=changed)
    return line, int(revision)


def put(db: Connection, made: Iterable[Made]) -> int:
    """Keep new lines, each only while its person's session still is the one it was made from; how many were kept."""
    return sum(_put(db, one) for one in made)


def blank(db: Connection, person: PersonKey) -> None:
    """Leave nothing in a person's lines of what they gave; the next look fills in what is left."""
    key, changed = (person.channel, person.sender), "unit = '', station = '', name = '', mobile = '', words = ''"
    db.execute(f"UPDATE listed SET {changed} WHERE {_OF}", key)
    db.execute(f"UPDATE drafts SET listed = 0 WHERE {_OF}", key)


def _put(db: Connection, made: Made) -> bool:
    line = made.line
    person = (line.person.channel, line.person.sender)
    # a write to the person's row: where others write at the same time, it waits for a turn that is being kept
    if db.execute(f"UPDATE people SET revision = revision WHERE {_OF} AND revision = ?", (*person, made.revision)).rowcount != 1:
        return False
    changed = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", "))
    db.execute(
        f"INSERT INTO listed (channel, sender, draft, {_COLUMNS}) VALUES (?, ?, ?, {', '.join('?' * _NUMBER)})"
        f" ON CONFLICT (channel, sender, draft) DO UPDATE SET {changed}",
        (*person, line.draft, *_row(made)),
    )
    db.execute(f"UPDATE drafts SET listed = 1 WHERE {_OF} AND id = ?", (*person, line.draft))
    return True


def _row(made: Made) -> tuple[object, ...]:
    line = made.line
    known = (line.programme, line.service, line.stage, line.outcome, line.done, line.total)
    lacks = (len(line.missing), f" {' '.join(line.missing)} ")
    dates = (line.deadline.isoformat() if line.deadline else NEVER, line.due_label, made.turns_on.isoformat() if made.turns_on else NEVER)
    about = (line.unit, line.station, line.name, line.mobile)
    # on lines of their own: nothing is found across two of them
    words = "\n".join(folded(text)[:SEARCHED] for text in about)
    return (*known, *lacks, *dates, *about, words, line.begun_at, line.changed_at, made.policy)
