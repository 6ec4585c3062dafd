"""A bot in tests: the real app on a real port, the fake platform beside it, and a person who answers what is asked."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from starlette.applications import Starlette

from bot.handle import Desk
from bot.lease import Lease
from bot.limits import Limiter
from bot.settings import Settings
from bot.telegram import Telegram, routes, telegram
from flows.types import Asking, PersonKey
from tests.fakes.telegram import SECRET, TOKEN, Api, Sent
from tests.fakes.wechat import served
from tests.site import asked
from tests.talk import Talk
from tests.willing import answer

CHAT = 5_550_001
PERSON = PersonKey(channel="telegram", sender=str(CHAT))
WAIT = 60.0


def settings_for(folder: Path, **changed: Any) -> Settings:
    given: dict[str, Any] = {
        "database": f"sqlite:///{folder / 'chat.db'}",
        "telegram_token": SecretStr(TOKEN),
        "telegram_secret": SecretStr(SECRET),
        **changed,
    }
    return Settings(**given)


def app_of(channel: Telegram) -> Starlette:
    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await channel.start()
        yield
        await channel.stop()

    return Starlette(routes=routes(channel), lifespan=lifespan)


@dataclass
class Bot:
    """All that a test needs of one bot."""

    channel: Telegram
    api: Api
    desk: Desk
    address: str

    async def say(self, text: str, chat: int = CHAT, **fields: Any) -> list[Sent]:
        """Say it and wait until everything queued for the chat has gone out; what came."""
        before = len(self.api.of(chat))
        assert await self.api.say(chat, text, **fields)
        await self.quiet()
        return self.api.of(chat)[before:]

    async def press(self, label: str, chat: int = CHAT, sent: Sent | None = None) -> list[Sent]:
        before = len(self.api.of(chat))
        await self.api.press(chat, sent or self.asked(chat), label)
        await self.quiet()
        return self.api.of(chat)[before:]

    def asked(self, chat: int = CHAT) -> Sent:
        """The message with the buttons that were shown last."""
        return next(sent for sent in reversed(self.api.of(chat)) if sent.buttons)

    def asking(self, chat: int = CHAT) -> Asking | None:
        return asked(self.desk, PersonKey(channel="telegram", sender=str(chat)))

    async def quiet(self) -> None:
        """Wait until the queue is empty."""
        await until(lambda: not {"waiting", "taken"} & set(self.desk.store.push_states("telegram")))

    def text(self, chat: int = CHAT) -> str:
        return "\n".join(sent.text for sent in self.api.of(chat))

    async def goes_to_the_end(self, limit: int = 70) -> None:
        """Answer what is asked, by button where there is one, until the form is there."""
        for _ in range(limit):
            asking = self.asking()
            if asking is None:
                return
            words = answer(asking)
            label = _label(asking, words)
            await (self.press(label) if label and label in self.asked().labels else self.say(words))
        raise AssertionError(self.text()[-500:])


def _label(asking: Asking, words: str) -> str:
    numbered = {str(n): option.label for n, option in enumerate(asking.choices, 1)}
    return numbered.get(words) or next((o.label for o in asking.choices if words in (o.label, o.value)), "")


def made(folder: Path, api_address: str, **changed: Any) -> tuple[Telegram, Desk]:
    talk = Talk(folder, changed.pop("today", "2022-06-15"), channel="telegram")
    channels = changed.pop("personal", None)
    known = talk.desk.assistant if channels is None else replace(talk.desk.assistant, personal_channels=frozenset(channels))
    desk = replace(talk.desk, assistant=known)
    pace = {"rate": changed.pop("rate", 1000.0), "gap": changed.pop("gap", 0.0), "poll": 1}
    settings = settings_for(folder, telegram_api_url=api_address, **changed)
    channel = telegram(settings, desk, Lease(folder / "telegram-lock"), **pace)
    assert channel is not None
    channel.limiter = Limiter(count=100_000)
    return channel, desk


@contextlib.contextmanager
def bot(folder: Path, api: Api | None = None, *, polling: bool = False, **changed: Any) -> Iterator[Bot]:
    """The channel on a port of 127.0.0.1, and the platform; without a secret it fetches its updates."""
    api = api or Api()
    if polling:
        changed["telegram_secret"] = SecretStr("")
    with served(api.app()) as api_address:
        channel, desk = made(folder, api_address, **changed)
        try:
            with served(app_of(channel)) as address:
                if not polling:
                    api.webhook, api.secret = f"{address}/telegram", SECRET
                yield Bot(channel, api, desk, address)
        finally:
            desk.store.close()


async def until(condition: Callable[[], bool], seconds: float = WAIT) -> None:
    """Wait for something that happens in another thread; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.005)
