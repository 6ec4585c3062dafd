"""Which drafts can new policy data still touch, and which were judged by other data than today's? SQL within the caller's transaction.

A draft is open until staff marked it as received on paper or withdrawn.
"""

from collections.abc import Iterable, Mapping, Sequence

from storage.store import Connection

_OPEN = (
    "drafts d LEFT JOIN listed l ON l.channel = d.channel AND l.sender = d.sender AND l.draft = d.id"
    " WHERE COALESCE(l.mark, '') NOT IN ('received', 'withdrawn')"
)
Service = tuple[str, str]
"""Programme and service."""


def open_drafts(db: Connection, services: Iterable[Service], after: str, limit: int) -> Sequence[str]:
    """The ids of open drafts of these services that come after that id, in their order."""
    wanted = sorted(services)
    if not wanted:
        return ()
    either = " OR ".join("(d.programme = ? AND d.service = ?)" for _ in wanted)
    values = [value for pair in wanted for value in pair]
    query = f"SELECT d.id FROM {_OPEN} AND d.id > ? AND ({either}) ORDER BY d.id LIMIT ?"
    return [str(row[0]) for row in db.execute(query, (after, *values, limit))]


def count_outdated(db: Connection, today: Mapping[Service, str]) -> int:
    """How many open drafts were judged by other data than today's, whose fingerprints these are."""
    condition, values = _outdated(today)
    return int(db.execute(f"SELECT COUNT(*) FROM {_OPEN} AND {condition}", values).fetchone()[0])


def outdated(db: Connection, today: Mapping[Service, str]) -> frozenset[str]:
    """Their ids."""
    condition, values = _outdated(today)
    return frozenset(str(row[0]) for row in db.execute(f"SELECT d.id FROM {_OPEN} AND {condition}", values))


def outdated_page(db: Connection, today: Mapping[Service, str], skip: int, limit: int) -> Sequence[str]:
    """Some of their ids, last changed first."""
    condition, values = _outdated(today)
    query = f"SELECT d.id FROM {_OPEN} AND {condition} ORDER BY d.updated_at DESC, d.id LIMIT ? OFFSET ?"
    return [str(row[0]) for row in db.execute(query, (*values, limit, skip))]


def _outdated(today: Mapping[Service, str]) -> tuple[str, list[str]]:
    values = [value for (programme, service), rules in sorted(today.items()) for value in (programme, service, rules)]
    current = " OR ".join("(d.programme = ? AND d.service = ? AND d.rules = ?)" for _ in today) or "1 = 0"
    return f"d.rules <> '' AND NOT ({current})", values
