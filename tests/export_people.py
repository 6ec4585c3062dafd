"""Made-up people with drafts whose values are given, kept through the store as a turn keeps them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.app import open_store
from bot.export import choice
from bot.export.source import Source, Watch
from bot.settings import Settings
from flows.types import Answer, Draft, Message, PersonKey, Session, Turn, Value
from storage.store import Store
from tests.talk import built

START = datetime(2026, 6, 1, 1, tzinfo=UTC)
SENSITIVE = ("bank_card", "bank_name")
BANK = {"bank_card": "6222020000000000018", "bank_name": "某某银行某某支行"}


def opened(folder: Path) -> Store:
    return open_store(Settings(database=f"sqlite:///{folder / 'chat.db'}"))


def person(number: int, channel: str = "web") -> PersonKey:
    return PersonKey(channel=channel, sender=f"p{number}")


def keep(store: Store, number: int, programme: str, service: str, values: Mapping[str, Value], *, said: datetime | None = None) -> str:
    """A person with one draft of these values; the draft's id."""
    at = said or START + timedelta(minutes=number)
    draft_id = f"{number:08x}" + "0" * 24
    answers = tuple(Answer(field=key, value=value, at=at, sensitive=key in SENSITIVE) for key, value in values.items())
    draft = Draft(id=draft_id, programme=programme, service=service, answers=answers, created_at=at, updated_at=at)
    who = person(number)
    session = Session(person=who, programme=programme, service=service, drafts=(draft,))
    message = Message(channel=who.channel, sender=who.sender, id="m1", text="你好", received_at=at)
    store.commit(message, Turn(session=session, replies=(), stored_text="你好"), 0)
    return draft_id


def source(store: Store, *, bank: bool = False, day: str = "2026-06-20", watch: Watch | None = None) -> Source:
    return Source(store=store, assistant=built(), today=datetime.fromisoformat(day).date(), bank=bank, watch=watch or Watch())


def ids(store: Store, audience: str = "") -> list[str]:
    return list(choice.chosen(source(store), audience))
