"""How do the steps of `migrations.py` become PostgreSQL's tables, and how does a database come to the newest of them?

Every step only adds, so that workers of an earlier version go on over a database that a later one has taken further.
"""

import re
import time

from psycopg import Connection as Line
from psycopg import errors

from storage.migrations import MIGRATIONS
from storage.store import Connection, StoreError
from storage.tables import tables

_TYPES = {
    r"--[^\n]*": "",
    r"\) WITHOUT ROWID": ")",
    r"\bvalue NOT NULL": "value TEXT NOT NULL",  # of answers, where SQLite keeps whatever comes
    r"\bTEXT\b": 'text COLLATE "C"',  # compared byte by byte, as SQLite does
    r"\bINTEGER\b": "bigint",
    r"\bREAL\b": "double precision",
}
TRIES = 10
_TRY_AGAIN_SECONDS = 0.5


def translated(statement: str) -> str:
    """A statement of a step as PostgreSQL takes it."""
    for pattern, replacement in _TYPES.items():
        statement = re.sub(pattern, replacement, statement)
    return statement


def migrate(line: "Line[tuple[object, ...]]", place: str) -> tuple[int, int]:
    """Bring the database to the newest version, all steps or none; the versions before and after.

    Of several that start together one does it. Each lock is waited for no longer than `lock_timeout`, so that those who use a table
    do not queue up behind a step that waits for it. StoreError for a database of a later program, or one that is not ours.
    """
    for attempt in range(1, TRIES + 1):
        try:
            return _migrate(line, place)
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            if attempt == TRIES:
                raise
            time.sleep(_TRY_AGAIN_SECONDS)
    raise AssertionError


def _migrate(line: "Line[tuple[object, ...]]", place: str) -> tuple[int, int]:
    before = _version(line, place)
    if before == len(MIGRATIONS):
        return before, before
    with line.transaction():
        line.execute("SELECT pg_advisory_xact_lock(hashtext('yizhan tables in ' || current_schema()))")
        before = _version(line, place)
        for statements in MIGRATIONS[before:]:
            for statement in statements:
                line.execute(translated(statement))
        line.execute(
            "INSERT INTO meta (key, value) VALUES ('version', %s) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [str(len(MIGRATIONS))],
        )
    return before, len(MIGRATIONS)


def _version(line: "Line[tuple[object, ...]]", place: str) -> int:
    version = 0
    if foreign := _tables(line) & {table.name for table in tables()}:
        version = _noted(line) if "meta" in foreign else 0
        if not version:
            raise StoreError(
                f"{place}: this PostgreSQL database holds tables of another program ({', '.join(sorted(foreign))}); "
                "choose another database in YIZHAN_DATABASE"
            )
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{place}: the database has version {version}, this program knows version {len(MIGRATIONS)}; "
            "install the newer program or choose another database in YIZHAN_DATABASE"
        )
    return version


def _noted(line: "Line[tuple[object, ...]]") -> int:
    try:
        row = line.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
    except errors.UndefinedColumn:
        return 0
    return int(str(row[0])) if row else 0


def _tables(line: "Line[tuple[object, ...]]") -> set[str]:
    return {str(row[0]) for row in line.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")}


def personal_tables(line: "Line[tuple[object, ...]]") -> list[str]:
    """Our tables that say whose each row is."""
    query = "SELECT table_name FROM information_schema.columns WHERE table_schema = current_schema() AND column_name = 'sender'"
    return sorted({str(row[0]) for row in line.execute(query)} & {table.name for table in tables()})


_COLUMNS = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
_UNSOUND = """
    SELECT c.relname, 'index is not valid; run REINDEX on it' FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE c.relnamespace = current_schema()::regnamespace AND NOT i.indisvalid
    UNION ALL
    SELECT conname, 'foreign key is not checked; run ALTER TABLE … VALIDATE CONSTRAINT on it' FROM pg_constraint
    WHERE connamespace = current_schema()::regnamespace AND NOT convalidated
"""


def defects(db: Connection) -> list[str]:
    """What in the tables is not as the steps made it."""
    there = {(str(table), str(column)) for table, column in db.execute(_COLUMNS)}
    made = {(table.name, column) for table in tables() for column in table.columns}
    missing = [f"table {table} has no column {column}; restore the database" for table, column in sorted(made - there)]
    return [*missing, *(f"{name}: {what}" for name, what in db.execute(_UNSOUND))]
