"""Which tables do the steps of `migrations.py` make, with which columns and keys? Read from the steps themselves, by an empty SQLite."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache

from storage.migrations import MIGRATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of ours."""

    name: str
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    """Of each column: TEXT, INTEGER or REAL."""
    key: tuple[str, ...]
    """The columns of the primary key, in its order."""


@cache
def tables() -> Sequence[Table]:
    """All tables, each after those that it refers to."""
    with closing(sqlite3.connect(":memory:")) as db:
        for statement in (statement for statements in MIGRATIONS for statement in statements):
            db.execute(statement)
        names = [str(row[0]) for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")]
        return tuple(_table(db, name) for name in names)


def _table(db: sqlite3.Connection, name: str) -> Table:
    found = db.execute(f"PRAGMA table_info({name})").fetchall()
    key = sorted((place, column) for _, column, _, _, _, place in found if place)
    return Table(
        name=name,
        columns=tuple(str(row[1]) for row in found),
        kinds=tuple(str(row[2]) or "TEXT" for row in found),
        key=tuple(str(column) for _, column in key),
    )
