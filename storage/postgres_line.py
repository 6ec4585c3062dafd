"""How does one connection to PostgreSQL behave, and what does an error on it mean? SQL with `?`, time-outs, settings, causes in words."""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NoReturn

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.numeric import FloatLoader, IntDumper
from psycopg_pool import PoolClosed, PoolTimeout

from storage.store import PATIENT, Conflict, StoreError

OLDEST = 130_000
"""PostgreSQL 13."""
_IDLE_SECONDS = 60
"""A transaction in which nothing is asked for so long is ended by the server: its worker has died or stands still."""

LOST = "the database cannot be reached; see that PostgreSQL runs and that YIZHAN_DATABASE names it"
_HELD = "another program holds what is to be changed; try again in a moment"
_CAUSES = {
    "08": LOST,
    "28": "the server refuses this user; see user and password in YIZHAN_DATABASE, and pg_hba.conf on the server",
    "3D": "there is no such database; make it with createdb, or name another in YIZHAN_DATABASE",
    "25006": "the server takes no writes; name the primary in YIZHAN_DATABASE",
    "42501": "this user may not do that; make it the owner of the database",
    "53100": "the server's disk is full; free some space",
    "53300": "the server takes no more connections; raise max_connections or run fewer workers",
    "53": "the server is short of memory or disk; see its log",
    "55P03": _HELD,
    "57014": _HELD,
    "57": LOST,
}
"""By SQLSTATE or its class: https://www.postgresql.org/docs/current/errcodes-appendix.html."""

logging.getLogger("psycopg").addHandler(logging.NullHandler())  # what goes wrong comes out as StoreError


class Line(psycopg.Connection[tuple[Any, ...]]):
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


class Statements:
    """The `Connection` of a transaction."""

    __slots__ = ("_line",)

    def __init__(self, line: Line) -> None:
        self._line = line

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run a statement with `?` for its parameters."""
        return self._line.execute(translated(sql), parameters)


def configure(line: Line, patience: float) -> None:
    """Make a connection give up after so many seconds, commit durably, and take and give what SQLite does."""
    line.patience = patience + 0.5  # the server is to give up first
    line.adapters.register_dumper(bool, _Truth)
    line.adapters.register_loader("numeric", FloatLoader)
    times = {"statement_timeout": patience, "lock_timeout": patience * 0.75, "idle_in_transaction_session_timeout": _IDLE_SECONDS}
    for name, value in times.items():
        line.execute(f"SET {name} = {round(value * 1000)}")
    line.execute("SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'")


@contextmanager
def guarded(place: str) -> Iterator[None]:
    """What PostgreSQL reports comes out as StoreError, without the values that it repeats."""
    try:
        yield
    except UnicodeEncodeError:
        raise StoreError(f"{place}: a text holds a character that is no character; clean the text first") from None
    except (PoolTimeout, PoolClosed):
        raise StoreError(f"{place}: {LOST}, and that it takes more connections") from None
    except psycopg.Error as error:
        _fail(place, error)


def _fail(place: str, error: psycopg.Error) -> NoReturn:
    if isinstance(error, errors.SerializationFailure | errors.DeadlockDetected):
        raise Conflict(f"{place}: somebody else changed the same; try again") from None
    if isinstance(error, psycopg.DataError) and error.sqlstate is None:
        raise StoreError(f"{place}: a text holds a character that is no character; clean the text first") from None
    code = error.sqlstate or _state_in(error)
    cause = _CAUSES.get(code) or _CAUSES.get(code[:2])
    raise StoreError(f"{place}: {cause or f'{error.diag.message_primary or error}; nothing was changed, try again'}") from None


def place_of(url: str) -> str:
    """Host and name of a database, without user and password. StoreError for an address that is none."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error:
        raise StoreError("YIZHAN_DATABASE is no PostgreSQL address; write postgresql://user@host/name") from None
    return f"{parts.get('host') or 'localhost'}/{parts.get('dbname') or ''}"


def check_settings(line: Line, place: str) -> None:
    """See https://www.postgresql.org/docs/current/runtime-config-wal.html."""
    for name in ("fsync", "full_page_writes"):
        if _shown(line, name) != "on":
            raise StoreError(f"{place}: the server has {name} off, so an answer may not survive a power cut; turn it on in postgresql.conf")
    if _shown(line, "server_encoding") != "UTF8":
        raise StoreError(f"{place}: the database is not UTF-8; make it with createdb --encoding=UTF8 --template=template0")
    if line.info.server_version < OLDEST:
        raise StoreError(f"{place}: the server is PostgreSQL {line.info.server_version // 10_000}; run {OLDEST // 10_000} or later")


def _shown(line: Line, name: str) -> str:
    row = line.execute("SELECT current_setting(%s)", [name]).fetchone()
    return str(row[0]) if row else ""


def _state_in(error: psycopg.Error) -> str:
    """The SQLSTATE of a connection that was refused: libpq gives it as text alone."""
    said = str(error)
    if re.search("too many clients|connection slots", said):
        return "53300"
    if re.search('no password supplied|authentication failed|role ".*" does not exist', said):
        return "28000"
    return "3D000" if re.search(r'database ".*" does not exist', said) else "08000"


@lru_cache(maxsize=1024)
def translated(sql: str) -> str:
    """`?` as psycopg writes it, and a `%` as itself; what stands in quotes stays."""
    parts = re.split(r"('(?:[^']|'')*')", sql.replace("%", "%%"))
    return "".join(part if part.startswith("'") else part.replace("?", "%s") for part in parts)
