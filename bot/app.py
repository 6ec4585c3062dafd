"""How is everything put together? The only wiring: Settings → Library → Store → the desk that every channel hands its messages to."""

import hmac
from collections.abc import Callable
from datetime import date
from pathlib import Path

from bot.handle import Desk, sweep, today
from bot.settings import SQLITE, Settings, SettingsError, read_settings, secret_key, sqlite_path
from flows.assistant import Judging, assistant
from knowledge.load import library
from storage.sqlite import SqliteStore
from storage.store import Store


def open_store(settings: Settings) -> Store:
    """The store that YIZHAN_DATABASE names, ready for use. SettingsError or StoreError where it is not to be had."""
    path = database_file(settings)
    return SqliteStore(path, secret_key(settings, path))


def database_file(settings: Settings) -> Path:
    """The SQLite file, absolute. SettingsError for another database."""
    if not settings.database.startswith(SQLITE):
        raise SettingsError(f"YIZHAN_DATABASE names a database that this version cannot open; write {SQLITE}path.")
    return sqlite_path(settings.database).absolute()


def derived_key(settings: Settings, purpose: str) -> bytes:
    """A secret for one purpose, the same in every worker and after a restart."""
    return hmac.new(secret_key(settings, database_file(settings)), purpose.encode(), "sha256").digest()


def judging(settings: Settings) -> Judging:
    """What judging drafts needs, for programs that talk to nobody."""
    return Judging(library=library(), personal_channels=frozenset(settings.personal_data_channels))


def desk(database: str = "", on: Callable[[], date] = today) -> Desk:
    """Everything a message needs, from the settings; `database` goes before YIZHAN_DATABASE."""
    settings = read_settings(database=database)
    known = assistant(library(), personal_channels=frozenset(settings.personal_data_channels), retention_days=settings.retention_days)
    path = database_file(settings)
    made = Desk(assistant=known, store=open_store(settings), files=path.with_name(f"{path.stem}-files"), today=on)
    sweep(made)
    return made
