"""How does everything in one database come into another, of whichever kind, and how is it known that it did?

Rows go over in batches by primary key, each in one transaction with the place that was reached: a copy that is cut short goes on there.
At the end both sides are read again and compared by number and checksum. Until then no program serves from the new database.
"""

import hashlib
import json
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from storage.sql import COPYING, SqlStore
from storage.store import Connection, StoreError
from storage.tables import Table, tables

BATCH = 500
"""Rows in one transaction."""
_SOURCE = "database"
"""In `meta` of a database that was copied from: what it is recognised by when the copy goes on."""
_OWN = {"secret", "version", "scrub", _SOURCE, COPYING}
"""What `meta` says of one database alone."""

Row = tuple[Any, ...]
Progress = Callable[[str, int], None]
"""Is told of each batch: the table, and how many rows more were copied or compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What is in both databases of a table."""

    table: str
    rows: int
    checksum: str


def count(store: SqlStore) -> int:
    """How many rows there are to copy."""
    with store.reading() as db:
        return sum(_count(db, table) for table in tables())


def copy(source: SqlStore, target: SqlStore, progress: Progress = lambda table, rows: None) -> Sequence[Copied]:
    """Copy all that `target` does not have yet, and compare. StoreError where it holds other data, or is not the same in the end."""
    reached = _begin(target, _identity(source))
    for table in tables():
        for batch in _batches(source, table, reached.get(table.name)):
            reached[table.name] = _key_of(table, batch[-1])
            _write(target, table, batch, reached)
            progress(table.name, len(batch))
    found = [_compared(source, target, table, progress) for table in tables()]
    with target.writing() as db:
        db.execute("DELETE FROM meta WHERE key = ?", (COPYING,))
    return found


def _identity(source: SqlStore) -> str:
    with source.writing() as db:
        query = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING"
        db.execute(query, (_SOURCE, secrets.token_hex(16)))
        return str(db.execute("SELECT value FROM meta WHERE key = ?", (_SOURCE,)).fetchone()[0])


def _begin(target: SqlStore, source: str) -> dict[str, list[Any]]:
    """Mark the new database as being filled from this source; by table the key that was reached before."""
    with target.writing() as db:
        row = db.execute("SELECT value FROM meta WHERE key = ?", (COPYING,)).fetchone()
        if row is None:
            filled = [table.name for table in tables() if _count(db, table)]
            if filled:
                raise StoreError(f"the database to copy to holds data already ({', '.join(filled)}); choose an empty one")
            db.execute("INSERT INTO meta (key, value) VALUES (?, ?)", (COPYING, json.dumps({"from": source, "reached": {}})))
            return {}
    state = json.loads(row[0])
    if state["from"] != source:
        raise StoreError("the database to copy to was begun to be filled from another database; finish that copy, or choose an empty one")
    return dict(state["reached"])


def _count(db: Connection, table: Table) -> int:
    where, parameters = _chosen(table)
    return int(db.execute(f"SELECT count(*) FROM {table.name} WHERE {where}", parameters).fetchone()[0])


def _chosen(table: Table) -> tuple[str, tuple[str, ...]]:
    """The condition for rows that are copied."""
    if table.name != "meta":
        return "1 = 1", ()
    return f"key NOT IN ({', '.join('?' for _ in _OWN)})", tuple(sorted(_OWN))


def _batches(store: SqlStore, table: Table, after: Sequence[Any] | None) -> Iterator[list[Row]]:
    """All rows after a key, as they are compared, some hundred at a time."""
    while batch := _batch(store, table, after):
        yield batch
        after = _key_of(table, batch[-1])


def _batch(store: SqlStore, table: Table, after: Sequence[Any] | None) -> list[Row]:
    where, parameters = _chosen(table)
    key = ", ".join(table.key)
    if after is not None:
        where = f"{where} AND ({key}) > ({', '.join('?' for _ in table.key)})"
    query = f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE {where} ORDER BY {key} LIMIT ?"
    with store.reading() as db:
        return [_plain(table, row) for row in db.execute(query, (*parameters, *(after or ()), BATCH))]


def _plain(table: Table, row: Sequence[Any]) -> Row:
    """A row as both databases keep it: numbers of their column's kind, what an earlier version sealed as bytes in Base64."""
    return tuple(None if value is None else _AS[kind](value) for kind, value in zip(table.kinds, row, strict=True))


def _text(value: str | bytes) -> str:
    return b64encode(value).decode() if isinstance(value, bytes) else value


_AS: dict[str, Callable[[Any], Any]] = {"TEXT": _text, "INTEGER": int, "REAL": float}


def _key_of(table: Table, row: Row) -> list[Any]:
    return [row[table.columns.index(name)] for name in table.key]


def _write(target: SqlStore, table: Table, batch: Sequence[Row], reached: dict[str, list[Any]]) -> None:
    marks = ", ".join([f"({', '.join('?' for _ in table.columns)})"] * len(batch))
    with target.writing() as db:
        db.execute(f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES {marks}", [value for row in batch for value in row])
        state = json.loads(db.execute("SELECT value FROM meta WHERE key = ?", (COPYING,)).fetchone()[0])
        db.execute("UPDATE meta SET value = ? WHERE key = ?", (json.dumps({**state, "reached": reached}), COPYING))


def _compared(source: SqlStore, target: SqlStore, table: Table, progress: Progress) -> Copied:
    here = _checksum(source, table, progress)
    there = _checksum(target, table, lambda name, rows: None)
    if here != there:
        raise StoreError(
            f"table {table.name} has {here.rows} rows here and {there.rows} in the copy, or other ones: the database was written "
            "meanwhile; stop the service, empty the new database and copy again"
        )
    return here


def _checksum(store: SqlStore, table: Table, progress: Progress) -> Copied:
    rows, checksum = 0, hashlib.sha256()
    for batch in _batches(store, table, None):
        rows += len(batch)
        checksum.update(repr(batch).encode(errors="surrogatepass"))
        progress(table.name, len(batch))
    return Copied(table=table.name, rows=rows, checksum=checksum.hexdigest())
