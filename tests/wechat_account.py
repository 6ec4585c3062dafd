"""An official account in tests: the real channel on a real port, the platform that calls it, and the API that it calls."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr
from starlette.applications import Starlette

from bot.handle import Desk
from bot.settings import Settings
from bot.wechat import WeChat, routes, wechat
from flows.types import PersonKey
from storage.store import PushState
from tests.fakes.wechat import Api, Keys, Platform, served
from tests.talk import Talk

START = 1_767_225_600.0
OPENID = "oCANARY_openid_0000000000001"
PERSON = PersonKey(channel="wechat", sender=OPENID)


@dataclass
class Clock:
    """A wall clock that moves only when told to."""

    now: float = START

    def __call__(self) -> float:
        return self.now


def settings_for(folder: Path, keys: Keys | None = None, **changed: Any) -> Settings:
    keys = keys or Keys()
    given: dict[str, Any] = {
        "database": f"sqlite:///{folder / 'chat.db'}",
        "wechat_token": SecretStr(keys.token),
        "wechat_aes_key": SecretStr(keys.aes_key),
        "wechat_app_id": keys.app_id,
        "wechat_app_secret": SecretStr("canary-app-secret"),
        "public_url": "https://yizhan.example",
        **changed,
    }
    return Settings(**given)


def app_of(channel: WeChat) -> Starlette:
    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await channel.start()
        yield
        await channel.stop()

    return Starlette(routes=routes(channel), lifespan=lifespan)


@dataclass
class Account:
    """All that a test needs of one account."""

    channel: WeChat
    platform: Platform
    api: Api
    clock: Clock
    desk: Desk

    def states(self, state: PushState, person: PersonKey = PERSON) -> list[str]:
        return [push.note for push in self.desk.store.pushes(person, state)]

    async def sends(self) -> int:
        """One round of the sender, on this test's own loop."""
        assert self.channel.sender is not None
        return await self.channel.sender.round()


def made(folder: Path, clock: Clock, **changed: Any) -> tuple[WeChat, Desk]:
    """The channel over a desk of its own; `today` may be slow."""
    today = changed.pop("today", None)
    talk = Talk(folder, "2026-11-22")
    desk = Desk(assistant=talk.desk.assistant, store=talk.desk.store, files=talk.desk.files, today=today or talk.desk.today)
    channel = wechat(settings_for(folder, **changed), desk, clock)
    assert channel is not None
    return channel, desk


@contextlib.contextmanager
def account(folder: Path, **changed: Any) -> Iterator[Account]:
    """The channel on a port of 127.0.0.1, and both fakes."""
    clock = Clock()
    budget, pace = changed.pop("budget", 4.0), changed.pop("pace", 1.0)
    api = Api(clock)
    with served(api.app()) as api_address:
        channel, desk = made(folder, clock, wechat_api_url=api_address, **changed)
        channel.budget = budget
        try:
            with served(app_of(channel)) as address:
                yield Account(channel, Platform(address, clock, pace=pace), api, clock, desk)
        finally:
            desk.store.close()


@contextlib.asynccontextmanager
async def inside(folder: Path, **changed: Any) -> AsyncIterator[Account]:
    """The same without a port for our side: on the test's own loop, for what needs many requests or the sender alone."""
    clock = Clock()
    api = Api(clock)
    with served(api.app()) as api_address:
        channel, desk = made(folder, clock, wechat_api_url=api_address, **changed)
        transport = httpx.ASGITransport(app=app_of(channel))
        try:
            yield Account(channel, Platform("http://here", clock, transport=transport), api, clock, desk)
        finally:
            await channel.stop()
            desk.store.close()


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that happens in another thread; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.01)
