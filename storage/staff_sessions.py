"""Who is logged in, and how long must somebody wait after wrong passwords? Sessions under hashes of their ids, and counted failures."""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.accounts import key_of
from storage.store import Connection

IDLE_SECONDS = 30 * 60.0
LONGEST_SECONDS = 12 * 3600.0
NOTED_EVERY = 60.0
"""A session's last use is written down no more often: else every page would be a write."""
FORGET_SECONDS = 3600.0
"""Failures are forgotten when none was added for so long."""
MOST_COUNTED = 10_000
"""Names and addresses whose failures are counted at once; the longest silent are forgotten first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """An open session."""

    name: str
    role: str
    seen_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a try to log in counts against, a name or an address: `free` failures cost nothing, then the wait doubles up to `longest`."""

    key: str
    free: int
    longest: float


def begin(db: Connection, session: str, name: str, now: float) -> None:
    """Open a session under the hash of its id; sessions that have run out are cleared away."""
    db.execute("DELETE FROM staff_sessions WHERE seen_at <= ? OR began_at <= ?", (now - IDLE_SECONDS, now - LONGEST_SECONDS))
    db.execute("INSERT INTO staff_sessions (id, account, began_at, seen_at) VALUES (?, ?, ?, ?)", (session, key_of(name), now, now))
    db.execute("UPDATE staff SET seen_at = ? WHERE key = ?", (now, key_of(name)))


def logged_in(db: Connection, session: str, now: float) -> LoggedIn | None:
    """Whose session it is; None for one that is unknown, ended, idle for too long or too old, or whose account is off."""
    query = (
        "SELECT a.name, a.role, s.seen_at FROM staff_sessions s JOIN staff a ON a.key = s.account"
        " WHERE s.id = ? AND s.seen_at > ? AND s.began_at > ? AND a.active = 1"
    )
    row = db.execute(query, (session, now - IDLE_SECONDS, now - LONGEST_SECONDS)).fetchone()
    return LoggedIn(name=row[0], role=row[1], seen_at=row[2]) if row else None


def note_use(db: Connection, session: str, now: float) -> None:
    """The session is in use now."""
    db.execute("UPDATE staff_sessions SET seen_at = ? WHERE id = ?", (now, session))


def end(db: Connection, session: str) -> bool:
    """End a session; False where there was none."""
    return db.execute("DELETE FROM staff_sessions WHERE id = ?", (session,)).rowcount == 1


def count_try(db: Connection, tried: Sequence[Tried], now: float) -> float:
    """Count a try before its password is looked at, so that many at once count too; the seconds to wait where it comes too early.

    A try that comes too early is not counted. `excuse` takes one back.
    """
    db.execute("DELETE FROM staff_failures WHERE last_at <= ?", (now - FORGET_SECONDS,))
    counts = [_count(db, one.key) for one in tried]
    if (wait := max(retry_at for _, retry_at in counts) - now) > 0:
        return wait
    for one, (count, _) in zip(tried, counts, strict=True):
        over = count + 1 - one.free
        retry_at = now + min(one.longest, 2.0 ** min(over, 30)) if over > 0 else 0.0
        db.execute(
            "INSERT INTO staff_failures (key, tries, retry_at, last_at) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE"
            " SET tries = excluded.tries, retry_at = excluded.retry_at, last_at = excluded.last_at",
            (one.key, count + 1, retry_at, now),
        )
    _keep_few(db)
    return 0.0


def excuse(db: Connection, tried: Sequence[Tried]) -> None:
    """A try was no failure: take it back."""
    for one in tried:
        db.execute("UPDATE staff_failures SET tries = tries - 1, retry_at = 0 WHERE key = ?", (one.key,))


def forgive(db: Connection, tried: Tried) -> None:
    """Forget the failures of a name whose password has come."""
    db.execute("DELETE FROM staff_failures WHERE key = ?", (tried.key,))


def _count(db: Connection, key: str) -> tuple[int, float]:
    row = db.execute("SELECT tries, retry_at FROM staff_failures WHERE key = ?", (key,)).fetchone()
    return (int(row[0]), float(row[1])) if row else (0, 0.0)


def _keep_few(db: Connection) -> None:
    if db.execute("SELECT COUNT(*) FROM staff_failures").fetchone()[0] > MOST_COUNTED:
        oldest = "SELECT key FROM staff_failures ORDER BY last_at LIMIT ?"
        db.execute(f"DELETE FROM staff_failures WHERE key IN ({oldest})", (MOST_COUNTED // 10,))
