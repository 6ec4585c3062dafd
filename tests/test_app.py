"""The wiring: which store the settings open, and what is said where they open none."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.app import database_file, derived_key, desk, open_store
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


def test_a_postgresql_address_opens_its_database_and_finds_it_again(
    postgres: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("YIZHAN_SECRET_KEY", "a-key-of-many-characters")
    monkeypatch.setenv("YIZHAN_DATABASE", postgres())
    settings = read_settings()
    incoming = message("wang", 1)
    store = open_store(settings)
    store.commit(incoming, one_turn(incoming), 0)
    store.close()
    made = desk()
    assert made.store.load(WANG).opening == "书院"
    made.store.close()
    assert made.files.parent == tmp_path / "yizhan"
    assert derived_key(settings, "web") != derived_key(settings, "staff")


def test_postgresql_needs_a_key_and_says_what_for() -> None:
    with pytest.raises(SettingsError, match="YIZHAN_SECRET_KEY is missing; with postgresql:// it must be set"):
        open_store(read_settings(database="postgresql://u:canary@h/d"))


def test_hosts_that_name_the_same_database_keep_what_lies_beside_it_under_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    first, second, other = (database_file(read_settings(database=f"postgresql://{u}@h/{d}")) for u, d in ("ad", "bd", "ae"))
    assert first == second != other


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql://u:canary@localhost:1/d", "localhost/d: the database cannot be reached; see that PostgreSQL runs"),
        ("postgresql://u:canary@localhost/d?nonsense=1", "YIZHAN_DATABASE is no PostgreSQL address; write postgresql://"),
    ],
)
def test_a_database_that_cannot_be_opened_is_named_without_its_password(
    address: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("YIZHAN_SECRET_KEY", "a-key-of-many-characters")
    with pytest.raises(StoreError, match=said) as caught:
        open_store(read_settings(database=address))
    assert "canary" not in str(caught.value)
