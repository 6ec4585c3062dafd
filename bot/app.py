"""How is everything put together? The only wiring: Settings → Library → Store → the desk that every channel hands its messages to."""

import hashlib
import hmac
import os
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from bot.handle import Desk, sweep, today
from bot.lease import AnyLease, Lease
from bot.settings import SQLITE, Settings, data_folder, read_settings, secret_key, sqlite_path
from flows.assistant import Assistant, Judging, assistant
from knowledge.load import library
from storage.sql import SqlStore
from storage.store import PATIENT, Store


def open_store(settings: Settings, patience: float = PATIENT) -> Store:
    """The store that YIZHAN_DATABASE names, ready for use. SettingsError or StoreError where it is not to be had.

    `patience`: seconds until a query that a PostgreSQL server does not answer fails; SQLite's file waits 3 seconds for another program.
    """
    return sql_store(settings, patience)


def sql_store(settings: Settings, patience: float = PATIENT, *, secret: bytes = b"", for_copy: bool = False) -> SqlStore:
    """As `open_store`, with all that a store over a database can do; `secret` goes before the settings'."""
    if settings.database.startswith(SQLITE):
        from storage.sqlite import SqliteStore  # late, as the other: each database's library is slow to load

        path = database_file(settings)
        return SqliteStore(path, secret or secret_key(settings, path), for_copy=for_copy)
    from storage.postgres import PostgresStore

    return PostgresStore(settings.database, secret or secret_key(settings, None), patience=patience, for_copy=for_copy)


def database_file(settings: Settings) -> Path:
    """The SQLite file, absolute. With PostgreSQL where such a file would be: locks and documents of this host lie beside it."""
    if settings.database.startswith(SQLITE):
        return sqlite_path(settings.database).absolute()
    parts = urlsplit(settings.database)  # without user and password, which may change
    place = hashlib.sha256(f"{parts.hostname}:{parts.port}{parts.path}?{parts.query}".encode()).hexdigest()[:12]
    folder = data_folder(sys.platform, os.environ, Path.home())
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / f"postgresql-{place}.db"


def lease(settings: Settings, name: str) -> AnyLease:
    """What one worker at a time may hold of all that share the database."""
    if settings.database.startswith(SQLITE):
        return Lease(database_file(settings).with_suffix(f".{name}-lock"))
    from storage.postgres_lease import DatabaseLease

    return DatabaseLease(settings.database, name)


def derived_key(settings: Settings, purpose: str) -> bytes:
    """A secret for one purpose, the same in every worker and after a restart."""
    path = database_file(settings) if settings.database.startswith(SQLITE) else None
    return hmac.new(secret_key(settings, path), purpose.encode(), "sha256").digest()


def judging(settings: Settings) -> Judging:
    """What judging drafts needs, for programs that talk to nobody."""
    return Judging(library=library(), personal_channels=frozenset(settings.personal_data_channels))


def desk(database: str = "", on: Callable[[], date] = today, *, patience: float = PATIENT, known: Assistant | None = None) -> Desk:
    """Everything a message needs, from the settings; `database` goes before YIZHAN_DATABASE. For `patience` see `open_store`.

    `known`: an assistant that was made of the same settings before.
    """
    settings = read_settings(database=database)
    if known is None:
        known = assistant(library(), personal_channels=frozenset(settings.personal_data_channels), retention_days=settings.retention_days)
    path = database_file(settings)
    made = Desk(assistant=known, store=open_store(settings, patience), files=path.with_name(f"{path.stem}-files"), today=on)
    sweep(made)
    return made
