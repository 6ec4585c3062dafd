"""Who may use the staff console, and what did they do? Accounts and the log of staff's actions, whose rows are chained by keyed hashes.

Passwords come hashed, one-time links as hashes of their tokens. Sessions and failed log-ins stand in `staff_sessions.py`.
"""

import hashlib
import hmac
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from storage.store import Connection

ROLES = ("reader", "officer", "admin")
"""Each may what those before it may."""
OK, REFUSED, FAILED = "成功", "拒绝", "失败"
"""How an action went."""
LOOKED_AT = 10_000
"""Lines that are gone through for what one can filter by: a log grows for years."""
_ACCOUNT = "SELECT name, role, password, active, link, link_until, made_by, made_at, seen_at FROM staff"
_ENTRY = "SELECT number, at, staff, action, object, detail, result, hash FROM staff_log"
_ESCAPE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Who acts: a member of staff who is logged in, somebody at the server's terminal, or the server itself."""

    name: str
    role: str
    """One of ROLES; empty: nobody is logged in."""
    log_key: bytes = field(repr=False)
    """Under which the log is chained: derived from the secret."""

    def may(self, role: str) -> bool:
        """Whether this is at least that role."""
        return self.role in ROLES and ROLES.index(self.role) >= ROLES.index(role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account; it is never deleted, for the log names it."""

    name: str
    role: str
    password: str = field(default="", repr=False)
    """Argon2's encoded hash; empty: none was set yet."""
    active: bool = True
    link: str = field(default="", repr=False)
    """The one-time link's hash; empty: none is open."""
    link_until: float = 0.0
    made_by: str
    made_at: float
    seen_at: float = 0.0
    """The last log-in; 0: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the log."""

    number: int
    at: float
    staff: str
    action: str
    object: str
    detail: str
    result: str
    hash: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines of the log are looked for; empty: any."""

    staff: str = ""
    action: str = ""
    text: str = ""
    """Part of the object or the detail."""
    since: float = 0.0
    until: float = 0.0


def key_of(name: str) -> str:
    """By what an account is found: names that look alike to a person are one."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def add(db: Connection, account: Account) -> bool:
    """Keep a new account; False where one of that name is there."""
    row = (account.name, account.role, account.link, account.link_until, account.made_by, account.made_at)
    query = (
        "INSERT INTO staff (key, name, role, password, active, link, link_until, made_by, made_at, seen_at)"
        " VALUES (?, ?, ?, '', 1, ?, ?, ?, ?, 0) ON CONFLICT (key) DO NOTHING"
    )
    return db.execute(query, (key_of(account.name), *row)).rowcount == 1


def account(db: Connection, name: str) -> Account | None:
    """The account of that name."""
    row = db.execute(f"{_ACCOUNT} WHERE key = ?", (key_of(name),)).fetchone()
    return _account(row) if row else None


def accounts(db: Connection) -> Sequence[Account]:
    """All accounts, oldest first."""
    return [_account(row) for row in db.execute(f"{_ACCOUNT} ORDER BY made_at, key")]


def account_of_link(db: Connection, link: str, now: float) -> Account | None:
    """Whose one-time link it is, while it is good and the account is on."""
    row = db.execute(f"{_ACCOUNT} WHERE link = ? AND link <> '' AND link_until > ? AND active = 1", (link, now)).fetchone()
    return _account(row) if row else None


def set_role(db: Connection, name: str, role: str) -> bool:
    """Give an account a role and end its sessions; False where there is none."""
    return _changed(db, name, "role = ?", role)


def set_active(db: Connection, name: str, active: bool) -> bool:
    """Turn an account on or off, end its sessions and its link; False where there is none."""
    return _changed(db, name, "link = '', active = ?", int(active))


def set_link(db: Connection, name: str, link: str, until: float) -> bool:
    """Give an account a new one-time link in place of the earlier; False where there is none."""
    return db.execute("UPDATE staff SET link = ?, link_until = ? WHERE key = ?", (link, until, key_of(name))).rowcount == 1


def set_password(db: Connection, name: str, password: str) -> bool:
    """Keep a password's hash, use up the link and end all sessions; False where there is no such account."""
    return _changed(db, name, "link = '', password = ?", password)


def _changed(db: Connection, name: str, change: str, value: object) -> bool:
    key = key_of(name)
    db.execute("DELETE FROM staff_sessions WHERE account = ?", (key,))
    return db.execute(f"UPDATE staff SET {change} WHERE key = ?", (value, key)).rowcount == 1


def _account(row: Sequence[Any]) -> Account:
    name, role, password, active, link, link_until, made_by, made_at, seen_at = row
    return Account(
        name=name,
        role=role,
        password=password,
        active=bool(active),
        link=link,
        link_until=link_until,
        made_by=made_by,
        made_at=made_at,
        seen_at=seen_at,
    )


# The log


def log(db: Connection, staff: Staff, action: str, object: str = "", detail: str = "", *, result: str = OK, at: float = 0.0) -> int:
    """Add a line in the transaction of the action itself; its number.

    `action` is a short Chinese word, as it is shown. `object` and `detail` name things by their ids and numbers, never by anything an
    applicant gave: lines stay when a person's data goes.
    """
    # first a write to the row of the head: of two that log at once the second waits here
    db.execute(
        "INSERT INTO staff_log_head (id, number, hash, seal) VALUES (1, 0, '', '')"
        " ON CONFLICT (id) DO UPDATE SET number = staff_log_head.number"
    )
    last, previous = db.execute("SELECT number, hash FROM staff_log_head WHERE id = 1").fetchone()
    row = (int(last) + 1, float(at or time.time()), staff.name, action, object, detail, result)
    hashed = _hashed(staff.log_key, previous, *row)
    db.execute(
        "INSERT INTO staff_log (number, at, staff, action, object, detail, result, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, hashed)
    )
    seal = _hashed(staff.log_key, "head", row[0], hashed)
    db.execute("UPDATE staff_log_head SET number = ?, hash = ?, seal = ? WHERE id = 1", (row[0], hashed, seal))
    return int(row[0])


def log_head(db: Connection) -> tuple[int, str]:
    """Number and hash of the last line, to be kept elsewhere: with it a cut tail is noticed even where the kept head was put back."""
    row = db.execute("SELECT number, hash FROM staff_log_head WHERE id = 1").fetchone()
    return (int(row[0]), str(row[1])) if row else (0, "")


def verify(db: Connection, log_key: bytes, kept: tuple[int, str] | None = None) -> int | None:
    """The number of the first line that was changed, is missing or out of place; None: the log is as it was written.

    A tail that was cut off is found by the sealed head beside the log, and by `kept`, an earlier `log_head` from elsewhere.
    """
    number, previous = 0, ""
    for row in db.execute(f"{_ENTRY} ORDER BY number"):
        number += 1
        if row[0] != number or row[-1] != _hashed(log_key, previous, *row[:-1]):
            return number
        previous = row[-1]
        if kept and kept[0] == number and kept[1] != previous:
            return number
    head = db.execute("SELECT number, hash, seal FROM staff_log_head WHERE id = 1").fetchone()
    sealed = (number, previous, _hashed(log_key, "head", number, previous)) if number else None
    is_whole = (tuple(head) if head else None) == sealed and (kept is None or kept[0] <= number)
    return None if is_whole else number + 1


def entries(db: Connection, wanted: Wanted, *, before: int = 0, limit: int = 50) -> Sequence[Entry]:
    """Lines of the log, newest first; `before`: only those with a smaller number."""
    conditions, values = ["1 = 1"], list[object]()
    for condition, value in _conditions(wanted):
        conditions.append(condition)
        values += [value] * condition.count("?")
    if before:
        conditions.append("number < ?")
        values.append(before)
    query = f"{_ENTRY} WHERE {' AND '.join(conditions)} ORDER BY number DESC LIMIT ?"
    return [_entry(row) for row in db.execute(query, (*values, limit))]


def actors(db: Connection) -> Sequence[str]:
    """Who occurs in the last lines of the log."""
    return _occurring(db, "staff")


def actions(db: Connection) -> Sequence[str]:
    """Which actions occur in the last lines of the log."""
    return _occurring(db, "action")


def _occurring(db: Connection, column: str) -> Sequence[str]:
    last = f"SELECT {column} AS value FROM staff_log ORDER BY number DESC LIMIT {LOOKED_AT}"
    return [row[0] for row in db.execute(f"SELECT DISTINCT value FROM ({last}) AS last ORDER BY value")]


def _conditions(wanted: Wanted) -> Iterator[tuple[str, object]]:
    if wanted.staff:
        yield "staff = ?", wanted.staff
    if wanted.action:
        yield "action = ?", wanted.action
    if wanted.text:
        pattern = f"%{wanted.text.lower().translate(_ESCAPE)}%"
        yield "(LOWER(object) LIKE ? ESCAPE '\\' OR LOWER(detail) LIKE ? ESCAPE '\\')", pattern
    if wanted.since:
        yield "at >= ?", wanted.since
    if wanted.until:
        yield "at < ?", wanted.until


def _entry(row: Sequence[Any]) -> Entry:
    number, at, staff, action, object, detail, result, hashed = row
    return Entry(number=number, at=at, staff=staff, action=action, object=object, detail=detail, result=result, hash=hashed)


def _hashed(key: bytes, *parts: object) -> str:
    """A keyed hash of the parts, each with its length, so that nothing can move from one column to the next."""
    encoded = [str(float(part) if isinstance(part, float) else part).encode() for part in parts]
    return hmac.new(key, b"".join(len(part).to_bytes(4, "big") + part for part in encoded), hashlib.sha256).hexdigest()
