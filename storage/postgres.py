"""How is everything remembered in PostgreSQL, for workers on several hosts? Connections, locks, time-outs, and leaving no trace.

What is asked of the database stands in `sql.py`, its tables in `postgres_tables.py`, what errors mean in `postgres_line.py`. A turn holds
its person's row and no other. What staff and background work write (`writing`) and what deletes comes one after another, as in SQLite:
it holds the table `meta`, and where it meets a turn it is told so (`Conflict`) instead of writing over it.

A deletion leaves no row; VACUUM then takes what stood in it out of tables and indexes, as soon as no running transaction could see it:
the room is free, and is written over in time. What PostgreSQL keeps beyond that is not this program's to delete: the write-ahead log
until its segments are used again (minutes to hours; `max_wal_size`), and where an administrator archives the log or takes base backups,
those for as long as they are kept. They belong on encrypted disks, and their period into the notice on personal data.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import psycopg
from psycopg import errors
from psycopg_pool import ConnectionPool

from flows.types import Message, Reply, Session, Turn
from storage import rows
from storage.postgres_line import LOST, Line, Statements, check_settings, configure, guarded, place_of, translated
from storage.postgres_tables import defects, migrate, personal_tables
from storage.sql import SqlStore, scrub_is_noted
from storage.store import PATIENT, PROMPT, Conflict, Connection, Push, StoreError

CONNECTIONS = 10
"""How many a store opens at most."""
CLOSING_SECONDS = 10.0
"""How long closing waits for deleted rows to be cleared away; what is not finished then is finished after the next start."""
_BEGIN = "BEGIN"
_BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_ALONE = "LOCK TABLE meta IN SHARE ROW EXCLUSIVE MODE"  # before the first query: what that sees is as new as the lock
_BEGIN_ALONE = f"BEGIN; {_ALONE}"
_BEGIN_WRITING = f"BEGIN ISOLATION LEVEL REPEATABLE READ; {_ALONE}"


class Lost(StoreError):
    """The connection broke within a transaction; what it did is undone, or was kept if the end was reached."""


class _Query:
    """The `Connection` of one query: it may come to a connection that was lost while it lay idle, and is then asked again."""

    __slots__ = ("_store",)

    def __init__(self, store: "PostgresStore") -> None:
        self._store = store

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run a query with `?` for its parameters."""
        line, found = self._store.began(translated(sql), parameters)
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
            check_settings(line, self.place)
            self.migrated = migrate(line, self.place)
            with line.transaction():
                line.execute(_ALONE)
                self._check_meta(Statements(line), self.place)
            unfinished = scrub_is_noted(Statements(line))
        self._pool = ConnectionPool(
            url,
            connection_class=Line,
            kwargs=self._options,
            configure=lambda line: configure(line, patience),
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
            clearing.join(CLOSING_SECONDS)
        self._pool.close()

    # Connections

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        with self._guarded():
            line, _ = self.began(begin)
            try:
                yield Statements(line)
                line.execute("COMMIT")
            except BaseException as error:
                self._undo(line)
                if isinstance(error, psycopg.OperationalError) and not isinstance(error, errors.ConnectionTimeout) and line.closed:
                    raise Lost(f"{self.place}: {LOST}") from None
                raise
            self.give_back(line)

    def began(self, first: str, parameters: Sequence[Any] | None = None) -> tuple[Line, psycopg.Cursor[tuple[Any, ...]]]:
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

    def give_back(self, line: Line) -> None:
        """Let others use the connection."""
        self._pool.putconn(line)

    def _undo(self, line: Line) -> None:
        with suppress(psycopg.Error):
            if not line.closed:
                line.execute("ROLLBACK")
        if line.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            line.close()
        self.give_back(line)

    @contextmanager
    def _line(self, *, seconds: float = 0.0) -> Iterator[Line]:
        """A connection of its own, on which a statement may take so long."""
        with Line.connect(self._url, **self._options) as line:
            configure(line, seconds or self._patience)
            yield line

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        if self._closed:
            raise StoreError(f"{self.place}: the store was closed; open it again")
        with guarded(self.place):
            yield

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
