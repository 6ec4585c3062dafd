"""The wiring: which store the settings open, and what is said where they open none."""

import os
from pathlib import Path

import pytest

from bot.app import database_file, open_store
from bot.settings import SettingsError, read_settings
from flows.types import Message, PersonKey, Session, Turn
from storage.store import StoreError
from tests.store_worker import message

WANG = PersonKey(channel="console", sender="wang")


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and no variable of ours from outside."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("YIZHAN_")]:
        monkeypatch.delenv(name)


def one_turn(incoming: Message) -> Turn:
    return Turn(session=Session(person=incoming.person, opening="书院", revision=1), replies=(), stored_text=incoming.text)


@pytest.mark.parametrize("absolute", [True, False])
def test_a_sqlite_address_opens_its_file_and_finds_it_again(tmp_path: Path, absolute: bool) -> None:
    settings = read_settings(database=f"sqlite:///{tmp_path if absolute else '.'}/a/chat.db")
    store = open_store(settings)
    incoming = message("wang", 1)
    store.commit(incoming, one_turn(incoming), 0)
    store.close()
    assert sorted(f.name for f in (tmp_path / "a").iterdir()) == ["chat.db", "yizhan.key"]
    store = open_store(settings)
    assert store.load(WANG).opening == "书院"
    store.close()


def test_a_relative_database_stays_where_it_was_when_the_folder_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings(database="sqlite:///chat.db")
    path = database_file(settings)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert path == tmp_path / "chat.db"


def test_another_key_than_the_databases_is_named_with_its_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(read_settings(database="sqlite:///chat.db")).close()
    monkeypatch.setenv("YIZHAN_SECRET_KEY", "another-key-of-many-characters")
    with pytest.raises(StoreError, match="YIZHAN_SECRET_KEY is not the key this database was made with") as caught:
        open_store(read_settings(database="sqlite:///chat.db"))
    assert "another-key" not in str(caught.value)


def test_a_database_that_cannot_be_opened_here_is_refused_without_repeating_its_password() -> None:
    with pytest.raises(SettingsError, match="YIZHAN_DATABASE names a database that this version cannot open; write sqlite:///") as caught:
        open_store(read_settings(database="postgresql://u:canary@h/d"))
    assert "canary" not in str(caught.value)
