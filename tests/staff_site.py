"""The staff console in tests: a running server with an account of each role, and members of staff who are logged in."""

import contextlib
import html
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from starlette.routing import Route

from bot.app import derived_key
from bot.server import make_app
from bot.staff.session import COOKIE, FORM_COOKIE, begin, form_token
from bot.staff.site import Site as Console
from bot.staff.tokens import new_link
from storage import accounts
from storage.accounts import Account, Staff
from storage.store import Store
from tests.site import TODAY, WAIT, Site, serving, settings_for
from tests.talk import Talk

NAMES = {"reader": "阅览员", "officer": "经办员", "admin": "管理员"}
PASSWORD = "tK7#vq9Lm2"
PUBLIC = ("/staff/login", "/staff/link/")


class Clock:
    """The console's clock, moved by hand; it begins at this moment, for a browser has its own."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at

    def go(self, **passed: float) -> None:
        self.at += timedelta(**passed)


class StaffSite(Site):
    """The server, its clock, its accounts."""

    def __init__(self, folder: Path, url: str, talk: Talk, clock: Clock, keys: tuple[bytes, bytes]) -> None:
        super().__init__(folder, url, talk)
        self.clock, (self.key, self.log_key) = clock, keys
        self.browsers: list[Browser] = []
        self.console: Console
        """What the pages work with."""
        self.paths: list[tuple[str, str]] = []
        """Method and path of every route of the server."""

    @property
    def store(self) -> Store:
        return self.desk.store

    def account(self, name: str, role: str) -> str:
        """An account without a password; its name."""
        made = Account(name=name, role=role, made_by="测试", made_at=self.clock().timestamp())
        with self.store.writing() as db:
            assert accounts.add(db, made)
        return name

    def link(self, name: str) -> str:
        """The path of a fresh one-time link."""
        token, hashed, until = new_link(self.clock())
        with self.store.writing() as db:
            assert accounts.set_link(db, name, hashed, until)
        return f"/staff/link/{token}"

    def session(self, name: str) -> str:
        """A session of that account, as after a log-in; its id."""
        with self.store.writing() as db:
            return begin(db, name, "", self.clock())

    def cookies(self, name: str) -> list[dict[str, Any]]:
        """For Chromium's `add_cookies`, which takes such cookies for https alone: logged in as that account, or that of the role."""
        session = self.session(NAMES.get(name, name))
        return [{"name": COOKIE, "value": session, "url": "https://127.0.0.1", "secure": True, "httpOnly": True, "sameSite": "Strict"}]

    def staff(self, name: str) -> "Browser":
        """Somebody who is logged in as that account, or as the account of that role."""
        browser = self.stranger()
        browser.cookies[COOKIE] = self.session(NAMES.get(name, name))
        return browser

    def stranger(self) -> "Browser":
        """Somebody who is not logged in."""
        self.browsers.append(Browser(self.url, self.key))
        return self.browsers[-1]

    def actor(self, name: str = NAMES["admin"], role: str = "admin") -> Staff:
        """For calls below the pages that log who acts."""
        return Staff(name=name, role=role, log_key=self.log_key)

    def logged(self) -> list[tuple[str, str, str, str, str]]:
        """The log so far, oldest first: who, action, object, detail, result."""
        with self.store.reading() as db:
            found = accounts.entries(db, accounts.Wanted(), limit=1000)
        return [(e.staff, e.action, e.object, e.detail, e.result) for e in reversed(found)]


class Browser:
    """Follows no script; keeps cookies as a browser does on the machine itself, where `Secure` needs no https."""

    def __init__(self, url: str, key: bytes) -> None:
        self.key = key
        self.cookies: dict[str, str] = {}
        self.http = httpx.Client(
            base_url=url, timeout=WAIT, trust_env=False, event_hooks={"request": [self._bring], "response": [self._keep]}
        )
        self.page: httpx.Response

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Open a page; redirections are not followed."""
        self.page = self.http.get(path, headers=headers)
        return self.page

    def post(self, path: str, data: dict[str, Any] | None = None, *, csrf: str | None = None, **headers: str) -> httpx.Response:
        """Send a form with the token that its page holds in this browser, or with another; redirections are not followed."""
        token = self.token(path) if csrf is None else csrf
        self.page = self.http.post(path, data={"csrf": token, **(data or {})}, headers=headers)
        return self.page

    def token(self, path: str) -> str:
        """The token of the form that is sent there: of the session, or where nobody need be logged in of a cookie of its own."""
        if path.startswith(PUBLIC):
            return form_token(self.key, self.cookies.setdefault(FORM_COOKIE, forged()))
        return form_token(self.key, self.cookies.get(COOKIE, ""))

    def text(self) -> str:
        """What the page says, without its tags."""
        return html.unescape(re.sub(r"<[^>]+>", " ", self.page.text))

    def _bring(self, request: httpx.Request) -> None:
        request.headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def _keep(self, response: httpx.Response) -> None:
        for line in response.headers.get_list("set-cookie"):
            name, value = line.split(";")[0].split("=", 1)
            if "Max-Age=0" in line or value in ("", '""'):
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value


@contextlib.contextmanager
def staff_site(folder: Path, *, today: str = TODAY, at_once: int = 100_000, **changed: Any) -> Iterator[StaffSite]:
    """A running server with an account of each role, named as NAMES says, without passwords."""
    talk, clock = Talk(folder, today), Clock()
    settings = settings_for(folder, **changed)
    app = make_app(talk.desk, settings, at_once=at_once, clock=clock)
    with serving(app) as url:
        made = StaffSite(folder, url, talk, clock, (derived_key(settings, "staff"), derived_key(settings, "staff log")))
        made.console = app.state.staff
        routes = [route for route in app.routes if isinstance(route, Route)]
        made.paths = [(method, route.path) for route in routes for method in (route.methods or set()) - {"HEAD"}]
        for role, name in NAMES.items():
            made.account(name, role)
        try:
            yield made
        finally:
            for browser in made.browsers:
                browser.http.close()
            for visitor in made.visitors:
                visitor.http.close()
    talk.desk.store.close()


def forged() -> str:
    """An id as our cookies have them, which nobody gave out."""
    return secrets.token_urlsafe(32)
