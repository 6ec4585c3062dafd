"""A person talking in tests: the real assistant and a real SQLite file; `say` returns the turn."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from bot.app import open_store
from bot.handle import Desk, handle
from bot.settings import Settings
from flows.assistant import Assistant, assistant
from flows.types import Message, Turn
from knowledge.load import library


@cache
def built() -> Assistant:
    """The assistant over the packaged programmes, built once for all tests."""
    return assistant(library())


class Talk:
    """One person on one channel, on a given day."""

    def __init__(self, folder: Path, today: str, *, channel: str = "console", sender: str = "p1") -> None:
        self.folder, self.channel, self.sender = folder, channel, sender
        self.today = date.fromisoformat(today)
        self.number = 0
        self.last: Turn | None = None
        self.open()

    def open(self) -> None:
        store = open_store(Settings(database=f"sqlite:///{self.folder / 'chat.db'}"))
        self.desk = Desk(assistant=built(), store=store, files=self.folder / "files", today=lambda: self.today)

    def reopen(self) -> None:
        """As after a crash: a new connection, nothing closed politely."""
        self.desk.store.close()
        self.open()

    def message(self, text: str, message_id: str = "") -> Message:
        self.number += 1
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.number)
        return Message(channel=self.channel, sender=self.sender, id=message_id or f"m{self.number}", text=text, received_at=at)

    def say(self, text: str, message_id: str = "") -> Turn:
        self.last = handle(self.desk, self.message(text, message_id))
        return self.last

    def text(self) -> str:
        assert self.last is not None
        return "\n".join(r.text for r in self.last.replies)

    @property
    def asks(self) -> str | None:
        assert self.last is not None
        return self.last.asking.field if self.last.asking else None

    def all(self, *texts: str) -> Turn:
        for text in texts:
            made = self.say(text)
        return made
