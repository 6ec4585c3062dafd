"""How is everything remembered in PostgreSQL, for workers on several hosts? Connections, locks, time-outs, and leaving no trace.

What is asked of the database stands in `sql.py`, its tables in `postgres_tables.py`. A turn holds its person's row and no other. What
staff and background work write (`writing`) and what deletes comes one after another, as in SQLite: it holds the table `meta`, and
where it meets a turn it is told so (`Conflict`) instead of writing over it.

A deletion leaves no row; VACUUM then takes what stood in it out of tables and indexes, as soon as no running transaction could see it:
the room is free, and is written over in time. What PostgreSQL keeps beyond that is not this program's to delete: the write-ahead log
until its segments are used again (minutes to hours; `max_wal_size`), and where an administrator archives the log or takes base backups,
those for as long as they are kept. They belong on encrypted disks, and their period into the notice on personal data.
"""

import logging
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import lru_cache
from typing import Any, NoReturn

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.numeric import FloatLoader, IntDumper
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from flows.types import Message, Reply, Session, Turn
from storage import rows
from storage.postgres_tables import defects, migrate, personal_tables
from storage.sql import SqlStore, scrub_is_noted
from storage.store import PATIENT, PROMPT, Conflict, Connection, Push, StoreError

CONNECTIONS = 10
"""How many a store opens at most."""
OLDEST = 130_000
"""PostgreSQL 13."""
_IDLE_SECONDS = 60
"""A transaction in which nothing is asked for so long is ended by the server: its worker has died or stands still."""
_BEGIN = "BEGIN"
_BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_ALONE = "LOCK TABLE meta IN SHARE ROW EXCLUSIVE MODE"  # before the first query: what that sees is as new as the lock
_BEGIN_ALONE = f"BEGIN; {_ALONE}"
_BEGIN_WRITING = f"BEGIN ISOLATION LEVEL REPEATABLE READ; {_ALONE}"

_LOST = "the database cannot be reached; see that PostgreSQL runs and that YIZHAN_DATABASE names it"
_HELD = "another program holds what is to be changed; try again in a moment"
_CAUSES = {
    "08": _LOST,
    "28": "the server refuses this user; see user and password in YIZHAN_DATABASE, and pg_hba.conf on the server",
    "3D": "there is no such database; make it with createdb, or name another in YIZHAN_DATABASE",
    "25006": "the server takes no writes; name the primary in YIZHAN_DATABASE",
    "42501": "this user may not do that; make it the owner of the database",
    "53100": "the server's disk is full; free some space",
    "53300": "the server takes no more connections; raise max_connections or run fewer workers",
    "53": "the server is short of memory or disk; see its log",
    "55P03": _HELD,
    "57014": _HELD,
    "57": _LOST,
}
"""By SQLSTATE or its class: https://www.postgresql.org/docs/current/errcodes-appendix.html."""

logging.getLogger("psycopg").addHandler(logging.NullHandler())  # what goes wrong comes out as StoreError


class Lost(StoreError):
    """The connection broke within a transaction; what it did is undone, or was kept if the end was reached."""


class _Line(psycopg.Connection[tuple[Any, ...]]):
    """A connection on which no answer is waited for longer than `patience`."""

    patience = PATIENT

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server; a silent one is hung up on."""
        try:
            return super().wait(gen, interval, timeout or self.patience)
        except errors._WaitTimeout:
            self.pgconn.finish()
            raise errors.ConnectionTimeout("no answer") from None


class _Truth(IntDumper):
    """True and False as the numbers they are in SQLite."""

    def dump(self, obj: object) -> bytes:
        return b"%d" % bool(obj)


class _Statements:
    """The `Connection` of a transaction."""

    __slots__ = ("_line",)

    def __init__(self, line: _Line) -> None:
        self._line = line

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run a statement with `?` for its parameters."""
        return self._line.execute(_translated(sql), parameters)


class _Query:
    """The `Connection` of one query: it may come to a connection that was lost while it lay idle, and is then asked again."""

    __slots__ = ("_store",)

    def __init__(self, store: "PostgresStore") -> None:
        self._store = store

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run a query with `?` for its parameters."""
        line, found = self._store.began(_translated(sql), parameters)
        self._store.give_back(line)
        return found


class PostgresStore(SqlStore):
    """The `Store` in a PostgreSQL database, opened at once; StoreError where it cannot be kept as safely as promised.

    `patience`: seconds until a query without an answer fails.
    """

    HOLD = " FOR NO KEY UPDATE"
    CLAIM = " FOR NO KEY UPDATE OF p, o SKIP LOCKED"

    def __init__(
        self, url: str, secret: bytes, *, patience: float = PATIENT, connections: int = CONNECTIONS, for_copy: bool = False
    ) -> None:
        super().__init__(secret, for_copy=for_copy)
        self.place = place_of(url)
        self._url, self._patience = url, patience
        self._options: dict[str, Any] = {
            "connect_timeout": max(2, round(patience)),
            "fallback_application_name": "yizhan",
            "autocommit": True,
        }
        self._lock = threading.Lock()
        self._deleted = False
        """Whether there is something to clear away that `_clearing` does not know of yet."""
        self._clearing: threading.Thread | None = None
        self._closed = False
        with self._guarded(), self._line() as line:
            _check_settings(line, self.place)
            self.migrated = migrate(line, self.place)
            with line.transaction():
                line.execute(_ALONE)
                self._check_meta(_Statements(line), self.place)
            unfinished = scrub_is_noted(_Statements(line))
        self._pool = ConnectionPool(
            url,
            connection_class=_Line,
            kwargs=self._options,
            configure=self._configure,
            min_size=0,
            max_size=connections,
            timeout=patience,
            reconnect_timeout=min(patience, PROMPT),  # so long one try may take; the next who needs a connection tries again
            open=True,
        )
        if unfinished:
            self._scrub()

    def commit(self, message: Message, turn: Turn, expected_revision: int, pushes: Sequence[Push] = ()) -> tuple[Reply, ...]:
        """Keep everything of a turn: see `Store.commit`. Where the connection broke the turn may be kept or not: `Conflict` lets see."""
        try:
            return super().commit(message, turn, expected_revision, pushes)
        except Lost as lost:
            raise Conflict(str(lost)) from None

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Nothing: PostgreSQL itself lets commits of several connections wait for the disk together."""
        yield

    def reading(self) -> AbstractContextManager[Connection]:
        """One state of the database for several queries."""
        return self._transaction(_BEGIN_READING)

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction beside the turns: everything or nothing, durable when left; `Conflict` where it met a turn."""
        return self._transaction(_BEGIN_WRITING)

    def check(self) -> Sequence[str]:
        """Whether tables, columns and indexes are as the steps made them, and every row has what it hangs on."""
        with self.reading() as db:
            return [f"{self.place}: {defect}" for defect in defects(db)]

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        with self._guarded():
            yield _Query(self)

    def _changing(self, *, deletes: bool = False) -> AbstractContextManager[Connection]:
        return self._transaction(_BEGIN_ALONE if deletes else _BEGIN)

    def _remember(self, session: Session, parts: rows.Parts) -> None:
        """Nothing: another worker may change it."""

    def close(self) -> None:
        """Release the connections; the store cannot be used afterwards."""
        self._closed = True
        with self._lock:
            clearing = self._clearing
        if clearing:
            clearing.join()
        self._pool.close()

    # Connections

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        with self._guarded():
            line, _ = self.began(begin)
            try:
                yield _Statements(line)
                line.execute("COMMIT")
            except BaseException as error:
                self._undo(line)
                if isinstance(error, psycopg.OperationalError) and not isinstance(error, errors.ConnectionTimeout) and line.closed:
                    raise Lost(f"{self.place}: {_LOST}") from None
                raise
            self.give_back(line)

    def began(self, first: str, parameters: Sequence[Any] | None = None) -> tuple[_Line, psycopg.Cursor[tuple[Any, ...]]]:
        """A connection on which the first statement was run; one that turns out to be broken then is replaced."""
        until = time.monotonic() + self._patience
        while True:
            line = self._pool.getconn(max(0.0, until - time.monotonic()))
            try:
                return line, line.execute(first, parameters)
            except BaseException as error:
                self._undo(line)
                if not isinstance(error, psycopg.OperationalError) or not line.closed or time.monotonic() >= until:
                    raise

    def give_back(self, line: _Line) -> None:
        """Let others use the connection."""
        self._pool.putconn(line)

    def _undo(self, line: _Line) -> None:
        with suppress(psycopg.Error):
            if not line.closed:
                line.execute("ROLLBACK")
        if line.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            line.close()
        self.give_back(line)

    @contextmanager
    def _line(self, *, seconds: float = 0.0) -> Iterator[_Line]:
        """A connection of its own, on which a statement may take so long."""
        with _Line.connect(self._url, **self._options) as line:
            self._configure(line, seconds)
            yield line

    def _configure(self, line: _Line, seconds: float = 0.0) -> None:
        patience = seconds or self._patience
        line.patience = patience + 0.5  # the server is to give up first
        line.adapters.register_dumper(bool, _Truth)
        line.adapters.register_loader("numeric", FloatLoader)
        times = {"statement_timeout": patience, "lock_timeout": patience * 0.75, "idle_in_transaction_session_timeout": _IDLE_SECONDS}
        for name, value in times.items():
            line.execute(f"SET {name} = {round(value * 1000)}")
        line.execute("SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'")

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """What PostgreSQL reports comes out as StoreError, without the values that it repeats."""
        if self._closed:
            raise StoreError(f"{self.place}: the store was closed; open it again")
        try:
            yield
        except UnicodeEncodeError:
            raise StoreError(f"{self.place}: a text holds a character that is no character; clean the text first") from None
        except (PoolTimeout, PoolClosed):
            raise StoreError(f"{self.place}: {_LOST}, and that it takes more connections") from None
        except psycopg.Error as error:
            self._fail(error)

    def _fail(self, error: psycopg.Error) -> NoReturn:
        if isinstance(error, errors.SerializationFailure | errors.DeadlockDetected):
            raise Conflict(f"{self.place}: somebody else changed the same; try again") from None
        if isinstance(error, psycopg.DataError) and error.sqlstate is None:
            raise StoreError(f"{self.place}: a text holds a character that is no character; clean the text first") from None
        code = error.sqlstate or _state_in(error)
        cause = _CAUSES.get(code) or _CAUSES.get(code[:2])
        raise StoreError(f"{self.place}: {cause or f'{error.diag.message_primary or error}; nothing was changed, try again'}") from None

    # Leaving no trace

    def _scrub(self) -> None:
        """Begin to take deleted rows out of the files, in the background: the larger the tables, the longer it takes."""
        with self._lock:
            self._deleted = True
            if self._clearing is None:
                self._clearing = threading.Thread(target=self._clear_all, daemon=True, name="scrub")
                self._clearing.start()

    def _clear_all(self) -> None:
        while True:
            with self._lock:
                if not self._deleted:
                    self._clearing = None
                    return
                self._deleted = False
            with suppress(psycopg.Error):  # it stays noted: the next deletion or start clears it too
                self._clear()

    def _clear(self) -> None:
        with self._line(seconds=3600.0) as line:
            line.execute("SELECT pg_advisory_lock(hashtext('yizhan scrub in ' || current_schema()))")
            while note := line.execute("SELECT value FROM meta WHERE key = 'scrub'").fetchone():
                line.execute(f"VACUUM (INDEX_CLEANUP ON) {', '.join(personal_tables(line))}")
                line.execute("DELETE FROM meta WHERE key = 'scrub' AND value = %s", note)


def place_of(url: str) -> str:
    """Host and name of a database, without user and password. StoreError for an address that is none."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error:
        raise StoreError("YIZHAN_DATABASE is no PostgreSQL address; write postgresql://user@host/name") from None
    return f"{parts.get('host') or 'localhost'}/{parts.get('dbname') or ''}"


def _check_settings(line: _Line, place: str) -> None:
    """See https://www.postgresql.org/docs/current/runtime-config-wal.html."""
    for name in ("fsync", "full_page_writes"):
        if _shown(line, name) != "on":
            raise StoreError(f"{place}: the server has {name} off, so an answer may not survive a power cut; turn it on in postgresql.conf")
    if _shown(line, "server_encoding") != "UTF8":
        raise StoreError(f"{place}: the database is not UTF-8; make it with createdb --encoding=UTF8 --template=template0")
    if line.info.server_version < OLDEST:
        raise StoreError(f"{place}: the server is PostgreSQL {line.info.server_version // 10_000}; run {OLDEST // 10_000} or later")


def _shown(line: _Line, name: str) -> str:
    row = line.execute("SELECT current_setting(%s)", [name]).fetchone()
    return str(row[0]) if row else ""


def _state_in(error: psycopg.Error) -> str:
    """The SQLSTATE of a connection that was refused: libpq gives it as text alone."""
    said = str(error)
    if re.search('no password supplied|authentication failed|role ".*" does not exist', said):
        return "28000"
    return "3D000" if re.search(r'database ".*" does not exist', said) else "08000"


@lru_cache(maxsize=1024)
def _translated(sql: str) -> str:
    """`?` as psycopg writes it, and a `%` as itself; what stands in quotes stays."""
    parts = re.split(r"('(?:[^']|'')*')", sql.replace("%", "%%"))
    return "".join(part if part.startswith("'") else part.replace("?", "%s") for part in parts)
