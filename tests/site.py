"""The whole web server in tests: the real app on a real port of this machine, and a visitor who fills in its forms."""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette

from bot.handle import Desk
from bot.server import make_app
from bot.settings import Settings
from flows.exchange import Exchange
from flows.position import position
from flows.questions import asking
from flows.types import Asking, Message, PersonKey
from tests.talk import Talk

TODAY = "2026-11-22"
WAIT = 30.0


def settings_for(folder: Path, **changed: Any) -> Settings:
    return Settings(database=f"sqlite:///{folder / 'chat.db'}", **changed)


@contextlib.contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """The app on a free port of this machine; its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, http="httptools", ws="none", log_config=None, access_log=False, server_header=False)
        server = uvicorn.Server(config)
        ready = threading.Event()
        thread = threading.Thread(target=_run, args=(server, listening, ready), daemon=True)
        thread.start()
        try:
            assert ready.wait(WAIT)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(WAIT)
            assert not thread.is_alive()


def _run(server: uvicorn.Server, listening: socket.socket, ready: threading.Event) -> None:
    startup = server.startup

    async def started(sockets: list[socket.socket] | None = None) -> None:
        await startup(sockets)
        ready.set()

    server.startup = started  # type: ignore[method-assign]  # the only way to be told without asking again and again
    server.run([listening])


class Site:
    """The server with its desk, and visitors."""

    def __init__(self, folder: Path, url: str, talk: Talk) -> None:
        self.folder, self.url, self.talk = folder, url, talk
        self.visitors: list[Visitor] = []

    @property
    def desk(self) -> Desk:
        return self.talk.desk

    def visitor(self) -> "Visitor":
        self.visitors.append(Visitor(self))
        return self.visitors[-1]


@contextlib.contextmanager
def site(folder: Path, *, today: str = TODAY, at_once: int = 100_000, **changed: Any) -> Iterator[Site]:
    """A running server over an empty database."""
    talk = Talk(folder, today)
    with serving(make_app(talk.desk, settings_for(folder, **changed), at_once=at_once)) as url:
        made = Site(folder, url, talk)
        try:
            yield made
        finally:
            for visitor in made.visitors:
                visitor.http.close()
    talk.desk.store.close()


class Visitor:
    """Somebody with a browser that runs no scripts: follows the form of the page they see."""

    def __init__(self, where: Site) -> None:
        self.site = where
        self.http = httpx.Client(base_url=where.url, timeout=WAIT, follow_redirects=True, trust_env=False)
        self.page = self.http.get("/")

    @property
    def person(self) -> PersonKey:
        return PersonKey(channel="web", sender=self.http.cookies["yizhan"])

    def hidden(self) -> dict[str, str]:
        found = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', self.page.text))
        assert set(found) == {"id", "token", "revision"}
        return found

    def send(self, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        """Send the form as it is, with these fields and headers on top."""
        return self.http.post("/", data={**self.hidden(), **fields}, headers=headers or {})

    def say(self, text: str) -> httpx.Response:
        self.page = self.send(text=text)
        assert self.page.status_code == 200, self.page.text
        return self.page

    def choose(self, label: str) -> httpx.Response:
        assert label in self.choices(), self.choices()
        self.page = self.send(choice=label)
        assert self.page.status_code == 200, self.page.text
        return self.page

    def choices(self) -> list[str]:
        return [unescape(v) for v in re.findall(r'name="choice" value="([^"]*)"', self.page.text)]

    def asked(self) -> Asking | None:
        return asked(self.site.desk, self.person)


def asked(desk: Desk, person: PersonKey) -> Asking | None:
    """What that person is asked now."""
    session = desk.store.load(person)
    message = Message(channel=person.channel, sender=person.sender, id="", text="", received_at=datetime.now(UTC))
    x = Exchange(desk.assistant, session, message, desk.today(), "")
    return asking(x, position(desk.assistant, session, x.case))
