"""How is a running SQLite database copied whole, and put back without what was deleted since? PostgreSQL has tools of its own.

A copy is one moment of the database: a reader's transaction holds it while the pages are copied, so that writers neither wait nor make
the copying begin anew. It is put back *into* the file, under SQLite's exclusive lock: a kill on the way leaves the old state, and no
server can go on in a file that was moved away beneath it. Which deletions are repeated: see `departures.py`.
"""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from storage import departures
from storage.cipher import Cipher
from storage.migrations import APPLICATION, MIGRATIONS
from storage.sqlite import SqliteStore
from storage.store import Connection, StoreError

PAGES = 256
"""Pages copied in one go, of 4 KiB as a rule."""
REST = 0.002
"""Seconds between two goes, so that the disk serves the chat first."""
LOCKED = 1.0
"""How long a restore waits for the last connections of a server that has just been stopped."""
MAYBE = "恢复备份：可能在备份之后已经发过"
Told = Callable[[int, int], None]
"""Is told how many pages are copied, of how many."""
COUNTED = ("people", "drafts", "answers", "consents", "messages", "outbox", "pushes", "staff_log")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore did."""

    before: dict[str, int]
    """How many rows each counted table had; empty: there was no database."""
    after: dict[str, int]
    gone: int
    """People who were deleted again."""
    erased: int
    """People whose personal data was erased again."""


def back_up(database: Path, target: Path, told: Told, *, replace: bool = False) -> dict[str, int]:
    """Copy the database, while others write to it, into one file that this user alone may read; how many rows each counted table has.

    The file appears whole or not at all. StoreError where there is no such database, or the file is there and not to be replaced.
    """
    if target.exists() and not replace:
        raise StoreError(f"{target}: the file is already there; choose another name, or add --force to replace it")
    with _part_of(target) as part, _reader(database) as source, _made(part) as copy, _explained(target):
        source.execute("BEGIN")
        source.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()  # from here on one state is read, whatever is written meanwhile
        source.backup(copy, pages=PAGES, progress=lambda _, left, total: _step(told, left, total), sleep=0.05)
        _alone(copy)
        if (found := copy.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise StoreError(f"{database}: the database is damaged ({found}), so no copy was kept; restore it from an earlier backup")
        numbers = counts(copy)
        copy.close()
        _publish(part, target, replace)
    return numbers


def restore(backup: Path, database: Path, secret: bytes, private: Sequence[str], told: Told) -> Restored:
    """Put a backup in the database's place, without the people who have deleted their data since; `private`: the keys of personal fields.

    StoreError, and nothing changed, where the backup was made under another secret, is not ours or of a later program, or where the
    database is in use.
    """
    cipher = Cipher(secret)
    _check(backup, cipher)
    with _alone_with(database, cipher) as live:
        before = counts(live) if _is_ours(live) else {}
        since = departures.read(departures.file_of(database)) | (departures.noted(live) if before else frozenset())
        with _folder(database) as folder:
            made = folder / database.name
            gone, erased = _prepare(backup, made, secret, since, private)
            with _reader(made) as source, _explained(database):
                source.backup(live, pages=PAGES, progress=lambda _, left, total: told(total - left, total))
        departures.mirror(live, database)
        return Restored(before=before, after=counts(live), gone=gone, erased=erased)


def counts(db: Connection) -> dict[str, int]:
    """How many rows the tables have that tell whether a copy is whole; those that an earlier version lacks are left out."""
    there = {row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    return {table: int(db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]) for table in COUNTED if table in there}


# Making the copy


def _step(told: Told, left: int, total: int) -> None:
    told(total - left, total)
    time.sleep(REST)


def _alone(copy: sqlite3.Connection) -> None:
    """Make the copy one file, without a write-ahead log beside it."""
    copy.execute("PRAGMA journal_mode = DELETE").fetchone()


@contextmanager
def _part_of(target: Path) -> Iterator[Path]:
    """A file beside the target that nobody else may read; gone in the end."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # O_EXCL, 0600
    except OSError as error:
        raise StoreError(f"{target}: the backup cannot be written there ({error.strerror}); choose a folder of your own") from None
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        for leftover in (name, f"{name}-journal", f"{name}-wal", f"{name}-shm"):
            Path(leftover).unlink(missing_ok=True)


def _publish(part: Path, target: Path, replace: bool) -> None:
    try:
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        if replace:
            part.replace(target)
        else:
            target.hardlink_to(part)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError:
        raise StoreError(f"{target}: the file is already there; choose another name, or add --force to replace it") from None
    except OSError as error:
        raise StoreError(f"{target}: the backup could not be kept ({error.strerror}); free space or choose another folder") from None


@contextmanager
def _reader(path: Path) -> Iterator[sqlite3.Connection]:
    """A database of ours to read from. StoreError where it is none."""
    if not path.is_file():
        raise StoreError(f"{path}: there is no such file; check the path")
    with _explained(path), closing(sqlite3.connect(path, isolation_level=None)) as db:
        if not _is_ours(db):
            raise StoreError(f"{path}: this is no database of this program; choose another file")
        yield db


@contextmanager
def _made(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        yield db


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """What SQLite reports comes out as StoreError."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path}: the database could not be read or written ({error}); check the disk, its space and the rights") from None


# Putting it back


def _is_ours(db: sqlite3.Connection) -> bool:
    return bool(db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION)


def _check(backup: Path, cipher: Cipher) -> None:
    with _reader(backup) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise StoreError(f"{backup}: the backup is of a later program (version {version}); install that one first")
        if not _fits(db, cipher):
            raise StoreError(
                f"{backup}: the backup was made with another YIZHAN_SECRET_KEY, so the bank details in it could not be read; "
                "set that key, or put its key file beside the database"
            )


def _fits(db: sqlite3.Connection, cipher: Cipher) -> bool:
    row = db.execute("SELECT value FROM meta WHERE key = 'secret'").fetchone()
    return row is not None and row[0] == cipher.check


@contextmanager
def _alone_with(database: Path, cipher: Cipher) -> Iterator[sqlite3.Connection]:
    """The database that is to be replaced, which nobody else can open meanwhile; an empty one where there is none."""
    try:
        database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(database, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(f"{database}: the database cannot be written there ({error.strerror}); choose a folder of your own") from None
    with closing(sqlite3.connect(database, timeout=LOCKED, isolation_level=None)) as db:
        _take(db, database)
        if _is_ours(db) and not _fits(db, cipher) and db.execute("SELECT COUNT(*) FROM people").fetchone()[0]:
            raise StoreError(
                f"{database}: the database there was made with another YIZHAN_SECRET_KEY, so its deletions could not be told; "
                "set that key, or move the file away first"
            )
        yield db


def _take(db: sqlite3.Connection, database: Path) -> None:
    """Every connection of a server holds a lock for as long as the log is written ahead: leaving that mode needs the last one gone."""
    try:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        left = db.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
        db.execute("BEGIN EXCLUSIVE")
        tables = db.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()[0]
        db.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StoreError(_damaged(database, error)) from None
        left, tables = "wal", 0
    except sqlite3.DatabaseError as error:
        raise StoreError(_damaged(database, error)) from None
    if left != "delete":
        raise StoreError(f"{database}: the database is in use; stop `yizhan serve` and every other command first, then restore again")
    if tables and not _is_ours(db):
        raise StoreError(f"{database}: this SQLite file belongs to another program; choose another file in YIZHAN_DATABASE")


def _damaged(database: Path, error: sqlite3.Error) -> str:
    return (
        f"{database}: the database there cannot be opened ({error}); move it away with its -wal and -shm and restore again: "
        f"the deletions to repeat are told by {departures.file_of(database).name} beside it"
    )


@contextmanager
def _folder(database: Path) -> Iterator[Path]:
    """A folder beside the database that nobody else may read; gone in the end."""
    folder = Path(tempfile.mkdtemp(prefix=f".{database.name}.", dir=database.parent))  # 0700
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _prepare(backup: Path, made: Path, secret: bytes, since: frozenset[str], private: Sequence[str]) -> tuple[int, int]:
    """A copy of the backup at the newest version, without what was deleted since and what must not come to life again."""
    with _reader(backup) as source, _made(made) as copy, _explained(made):
        source.backup(copy)
    store = SqliteStore(made, secret)
    try:
        with store.writing() as db:
            known = departures.noted(db)
            found = departures.repeat(db, Cipher(secret), since - known, private)
            departures.add(db, since)
            _lay_to_rest(db)
    finally:
        store.close()
    with _made(made) as copy, _explained(made):
        copy.execute("VACUUM")
        _alone(copy)
    return found


def _lay_to_rest(db: Connection) -> None:
    """What may have ended since the backup ends: log-ins, links, codes, exports whose files are gone, messages that may have been sent."""
    for table in ("staff_sessions", "links", "codes", "exported"):
        db.execute(f"DELETE FROM {table}")
    db.execute("UPDATE staff SET link = ''")
    db.execute("UPDATE pushes SET state = 'maybe', note = ? WHERE state IN ('waiting', 'taken')", (MAYBE,))
    db.execute("UPDATE campaigns SET state = 'paused' WHERE state = 'running'")
    db.execute("UPDATE exports SET state = 'expired', audience = '', size = 0 WHERE state IN ('waiting', 'running', 'done')")
