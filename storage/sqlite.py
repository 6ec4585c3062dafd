"""How is everything remembered in one SQLite file? The connection, its durability, what need not be read again, and leaving no trace.

What is asked of the database stands in `sql.py`, which rows a session becomes in `rows.py`, the tables in `migrations.py`.
"""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlite_utils import Database

from flows.types import Message, PersonKey, Reply, Session, Turn
from storage import departures, rows
from storage.migrations import TAKE_WRITE_LOCK, migrate
from storage.remembered import Remembered
from storage.sql import SqlStore, scrub_is_noted
from storage.store import Connection, Purge, Push, StoreError

BUSY_SECONDS = 3.0
"""How long a write waits for another program's."""
SCRUB_AGAIN_SECONDS = 60.0
REMEMBERED = 256
"""How many sessions are kept in memory, so that a turn need not read what the last one wrote."""

_PRAGMAS = {"journal_mode": ("WAL", "wal"), "synchronous": ("FULL", 2), "foreign_keys": ("ON", 1), "secure_delete": ("ON", 1)}
"""What is set, and how it reads back. FULL: a commit survives a power cut. See https://www.sqlite.org/pragma.html."""

_Mark = tuple[int, int]

_CAUSES = {
    sqlite3.SQLITE_BUSY: "another program holds the database; try again in a moment",
    sqlite3.SQLITE_LOCKED: "another program holds the database; try again in a moment",
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_READONLY: "the database cannot be written; give this user the right to write the file and its folder",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write; check it, and that the folder is not on a network drive",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened; check that the folder is there and may be written",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore it from a backup",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database; choose another file in YIZHAN_DATABASE",
}
_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CONSTRAINT}
"""After these the connection is still sound; after others the next call opens a new one."""


class SqliteStore(SqlStore):
    """The `Store` in one SQLite file, opened at once; StoreError where it cannot be kept as safely as promised."""

    def __init__(self, path: Path | str, secret: bytes, *, remembered: int = REMEMBERED, for_copy: bool = False) -> None:
        super().__init__(secret, for_copy=for_copy)
        self.path = Path(path)
        self._lock = threading.RLock()
        self._db: Database | None = None
        self._closed = False
        self._scrub_at: float | None = None
        self._unseen: tuple[_Mark, PersonKey, str] | None = None
        """The message last looked for that was new, and when that was so."""
        self._began: _Mark = (0, 0)
        """When the turn that is being committed began."""
        self._sessions = Remembered(remembered)
        self._gathering: set[int] = set()
        """The threads whose transactions become durable together."""
        self._waits = True
        """Whether the connection waits for the disk at each commit."""
        with self._guarded():
            pass
        if self._scrub_is_due():
            self._scrub()

    def replies(self, message: Message) -> tuple[Reply, ...] | None:
        """The replies this very message got before; None when it is new."""
        with self._guarded() as db:
            mark = _mark(db)
            found = self._known(db, message)
            self._unseen = None if found is not None else (mark, message.person, message.id)
            return found

    def load(self, person: PersonKey) -> Session:
        """The person's session; an empty one for somebody new."""
        with self._guarded() as db:
            if known := self._sessions.get(person, _version(db)):
                return known[0]
        with self.reading() as db:
            parts = rows.read_parts(db, self._cipher, person)
            session = rows.read_session(db, person, parts)
            self._sessions.keep(session, parts)
            return session

    def commit(self, message: Message, turn: Turn, expected_revision: int, pushes: Sequence[Push] = ()) -> tuple[Reply, ...]:
        """Keep everything of a turn in one transaction and return the replies: see `Store.commit`."""
        with self._lock:
            told = super().commit(message, turn, expected_revision, pushes)
            if self._scrub_is_due():
                self._scrub()
        return told

    def purge(self, choose: Callable[[Connection], Purge]) -> int:
        """Delete all of some people from database and WAL; how many."""
        with self._lock:
            self._sessions.clear()
            return super().purge(choose)

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """One wait for the disk for all that this thread commits within."""
        thread = threading.get_ident()
        self._gathering.add(thread)
        try:
            yield
        finally:
            self._gathering.discard(thread)
            self._reach_disk()

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """One state of the database for several queries."""
        with self._guarded() as db, db.atomic():
            yield db

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """One transaction: everything or nothing, durable when left."""
        with self._guarded() as db:
            self._wait_for_disk(db, threading.get_ident() not in self._gathering)
            with db.atomic():
                db.execute(TAKE_WRITE_LOCK)
                yield db

    def check(self) -> Sequence[str]:
        """See https://www.sqlite.org/pragma.html#pragma_integrity_check."""
        with self.reading() as db:
            found = [str(row[0]) for row in db.execute("PRAGMA integrity_check")]
            lost = [
                f"table {table} has a row that refers to none in {parent}" for table, _, parent, _ in db.execute("PRAGMA foreign_key_check")
            ]
        return [f"{self.path}: {defect}; restore the database from a backup" for defect in (*found, *lost) if defect != "ok"]

    def _asking(self) -> AbstractContextManager[Database]:
        return self._guarded()

    def _changing(self, *, deletes: bool = False) -> AbstractContextManager[Database]:
        return self.writing()

    def close(self) -> None:
        """Release the connection; the store cannot be used afterwards."""
        with self._lock:
            self._closed = True
            self._drop()

    # One turn

    def _told_before(self, db: Connection, message: Message) -> tuple[Reply, ...] | None:
        assert self._db is not None
        self._began = _mark(self._db)
        return None if self._unseen == (self._began, message.person, message.id) else self._known(db, message)

    def _parts(self, db: Connection, person: PersonKey) -> rows.Parts:
        held = self._sessions.get(person, self._began[1])
        self._sessions.drop(person)
        return held[1] if held else rows.read_parts(db, self._cipher, person)

    def _forget_turn(self, db: Connection, message: Message, turn: Turn, expected: int) -> None:
        self._sessions.drop(message.person)
        super()._forget_turn(db, message, turn, expected)

    def _remember(self, session: Session, parts: rows.Parts) -> None:
        self._sessions.keep(session, parts)

    # The connection

    @contextmanager
    def _guarded(self) -> Iterator[Database]:
        """The open database, for this thread alone; what SQLite reports comes out as StoreError."""
        with self._lock:
            try:
                yield self._open()
            except UnicodeEncodeError:
                raise StoreError(f"{self.path}: a text holds a character that is no character; clean the text first") from None
            except sqlite3.Error as error:
                code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
                if code not in _PASSING:
                    self._drop()
                raise StoreError(f"{self.path}: {_CAUSES.get(code, f'{error}; nothing was changed, try again')}") from error

    def _wait_for_disk(self, db: Database, wanted: bool) -> None:
        """At each commit of this thread, or later in `_reach_disk`. NORMAL leaves out that wait alone, not the order of writes."""
        if wanted != self._waits:
            db.execute(f"PRAGMA synchronous = {'FULL' if wanted else 'NORMAL'}")
            self._waits = wanted

    def _reach_disk(self) -> None:
        """Wait until the disk has what was committed. It lies in the WAL: nothing leaves that before the disk has it elsewhere.

        See https://www.sqlite.org/wal.html#performance_considerations.
        """
        try:
            wal = os.open(self.path.with_name(f"{self.path.name}-wal"), os.O_RDWR)
            try:
                os.fsync(wal)
            finally:
                os.close(wal)
        except FileNotFoundError:
            return  # closing took what it held into the database, durably
        except OSError as error:
            with self._lock:
                self._drop()
            raise StoreError(f"{self.path}: {_CAUSES[sqlite3.SQLITE_IOERR]} ({error.strerror})") from error

    def _open(self) -> Database:
        if self._closed:
            raise StoreError(f"{self.path}: the store was closed; open it again")
        if self._db is None:
            _prepare_file(self.path)
            connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, check_same_thread=False)
            try:
                self._db = db = self._made_ready(Database(connection))
            except BaseException:
                connection.close()
                raise
            if scrub_is_noted(db):
                self._scrub_at = time.monotonic()
            return db
        return self._db

    def _made_ready(self, db: Database) -> Database:
        for name, (wanted, _) in _PRAGMAS.items():
            _set(db, name, wanted)
        for name, (wanted, expected) in _PRAGMAS.items():
            found = db.execute(f"PRAGMA {name}").fetchone()[0]
            if found != expected:
                raise StoreError(
                    f"{self.path}: SQLite keeps {name} at {found} where {wanted} is needed for an answer to survive a power cut; "
                    "put the database on a local disk that may be written"
                )
        self.migrated = migrate(db, str(self.path))
        with db.atomic():
            db.execute(TAKE_WRITE_LOCK)  # a database that cannot be written is noticed now
            self._check_meta(db, str(self.path))
        return db

    def _drop(self) -> None:
        db, self._db = self._db, None
        self._waits = True
        self._unseen = None
        self._sessions.clear()
        if db is not None:
            db.conn.close()

    # Leaving no trace

    def _scrub(self) -> None:
        """Rewrite the file, for SQLite leaves copies of rows that it once moved within a page, and empty the WAL.

        Needs a moment in which no other program reads; where there is none it is tried again, after a restart too.
        """
        try:
            with self._guarded() as db:
                departures.mirror(db, self.path)
                db.execute("VACUUM")
                if db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    raise StoreError(f"{self.path}: another program reads the WAL; it is emptied later")
                db.execute("DELETE FROM meta WHERE key = 'scrub'")
            self._scrub_at = None
        except StoreError:
            self._scrub_at = time.monotonic() + SCRUB_AGAIN_SECONDS

    def _scrub_is_due(self) -> bool:
        return self._scrub_at is not None and time.monotonic() >= self._scrub_at


def _mark(db: Database) -> _Mark:
    """Two equal marks of one connection: nobody wrote in between, neither through it (rows changed) nor beside it (data_version)."""
    return (db.conn.total_changes, _version(db))


def _version(db: Database) -> int:
    """Differs once another connection has written. See https://www.sqlite.org/pragma.html#pragma_data_version."""
    return int(db.execute("PRAGMA data_version").fetchone()[0])


def _set(db: Database, name: str, wanted: str) -> None:
    """Set a pragma; SQLite does not wait by itself where several programs turn one new file to WAL at once."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute(f"PRAGMA {name} = {wanted}")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(0.01)


def _make(path: Path) -> None:
    """Make a file that is not there. One that is there is never opened here: closing it would lift this process's locks on it.

    Another program would then take itself for the last one, and the write-ahead log away: https://www.sqlite.org/howtocorrupt.html.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _prepare_file(path: Path) -> None:
    """Make the folder and the file, for this user alone; also a file that was readable for others becomes so."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make(path)
        for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            if file.exists() and file.stat().st_mode & 0o077:
                file.chmod(0o600)
    except OSError as error:
        raise StoreError(
            f"{path}: the database file cannot be opened for writing ({error.strerror}); choose a folder of your own"
        ) from error
