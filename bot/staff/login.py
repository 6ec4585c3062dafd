"""How does somebody log in and out? By name and password; wrong ones cost time, and nothing tells whether the name exists."""

import asyncio
import hashlib
import hmac
import math
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.staff import session
from bot.staff.passwords import Crowded
from bot.staff.site import LOG_IN, Page, Site, sent, shown
from bot.staff.tokens import hash_of
from storage import accounts, staff_sessions
from storage.accounts import FAILED, Account, Staff, key_of, log
from storage.staff_sessions import Tried

HOME = "/staff/"
_WRONG = "姓名或密码不对，请重新输入；忘了密码，请找管理员要一个新的一次性链接。"
_WAIT = "试得太多，请等 {seconds} 秒再试。"
CROWDED = "现在登录的人太多，请过几秒再试。"
_UNKNOWN = "没有这个账号"
"""Written down instead of the name that was typed: it may be a password in the wrong place."""


@dataclass(frozen=True, slots=True)
class LogIn:
    """The log-in page."""

    site: Site

    async def show(self, request: Request, staff: Staff) -> Response:
        """The form; who is logged in already goes on."""
        wanted = _own_path(request.query_params.get("next", ""))
        return RedirectResponse(wanted, 303) if staff.role else self._form(request, wanted=wanted)

    async def log_in(self, request: Request, _: Staff) -> Response:
        """Look at name and password. Who is logged in afterwards has a session that is new."""
        form = sent(request)
        name, password, wanted = form.get("name", "")[:200], form.get("password", ""), _own_path(form.get("next", ""))
        counted = tried(self.site, request, name)
        wait, account = await asyncio.to_thread(self._begin, counted, name)
        if wait:
            seconds = math.ceil(wait)
            answer = self._form(request, status=429, error=wait_of(wait), name=name, wanted=wanted)
            answer.headers["Retry-After"] = str(seconds)
            return answer
        try:
            fits = await self.site.passwords.fits(account.password if account else "", password)
        except Crowded:
            await asyncio.to_thread(self._excuse, counted)
            return self._form(request, status=429, error=CROWDED, name=name, wanted=wanted)
        old_id = session.id_in(request, session.COOKIE)
        new_id = await asyncio.to_thread(self._end, request, counted, account, fits, old_id)
        if not new_id:
            return self._form(request, status=403, error=_WRONG, name=name, wanted=wanted)
        response = RedirectResponse(wanted, 303)
        session.give(response, session.COOKIE, new_id)
        session.take_back(response, session.FORM_COOKIE)
        return response

    async def log_out(self, request: Request, staff: Staff) -> Response:
        """End the session here and in the browser."""
        await asyncio.to_thread(self._log_out, staff, session.id_in(request, session.COOKIE))
        response = RedirectResponse(LOG_IN, 303)
        session.take_back(response, session.COOKIE)
        return response

    def _form(self, request: Request, *, status: int = 200, error: str = "", name: str = "", wanted: str = HOME) -> Response:
        values = {"error": error, "name": name, "wanted": wanted, "done": "done" in request.query_params}
        return shown(request, "login.html", values, status)

    def _begin(self, counted: tuple[Tried, Tried], name: str) -> tuple[float, Account | None]:
        with self.site.desk.store.writing() as db:
            wait = staff_sessions.count_try(db, counted, self.site.clock().timestamp())
            return wait, accounts.account(db, name)

    def _excuse(self, counted: tuple[Tried, Tried]) -> None:
        with self.site.desk.store.writing() as db:
            staff_sessions.excuse(db, counted)

    def _end(self, request: Request, counted: tuple[Tried, Tried], account: Account | None, fits: bool, old_id: str) -> str:
        """The new session's id; empty where there is none. The account is read once more: it may have been turned off meanwhile."""
        moment, where = self.site.clock(), f"来自 {self.site.address(request)}"
        with self.site.desk.store.writing() as db:
            current = accounts.account(db, account.name) if account else None
            staff = self.site.staff(current.name if current else _UNKNOWN)
            if not (fits and account and current and current.active and current.password == account.password):
                log(db, staff, "登录", "", where, result=FAILED, at=moment.timestamp())
                return ""
            staff_sessions.forgive(db, counted[0])
            staff_sessions.excuse(db, counted[1:])
            log(db, staff, "登录", "", where, at=moment.timestamp())
            return session.begin(db, current.name, old_id, moment)

    def _log_out(self, staff: Staff, known_id: str) -> None:
        with self.site.desk.store.writing() as db:
            staff_sessions.end(db, hash_of(known_id))
            log(db, staff, "退出", at=self.site.clock().timestamp())


def tried(site: Site, request: Request, name: str) -> tuple[Tried, Tried]:
    """What a try counts against: the name, be there such an account or not, and later the address, which an office has in common."""
    hashed = hmac.new(site.key, f"log-in\n{key_of(name)}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()
    return Tried(key=hashed, free=3, longest=300.0), Tried(key=f"at {site.address(request)}", free=20, longest=900.0)


def wait_of(seconds: float) -> str:
    """How long to wait, as a sentence."""
    return _WAIT.format(seconds=math.ceil(seconds))


def pages(site: Site) -> tuple[Page, ...]:
    """Its pages."""
    login = LogIn(site)
    return (
        Page(LOG_IN, login.show, role=""),
        Page(LOG_IN, login.log_in, ("POST",), role=""),
        Page("/staff/logout", login.log_out, ("POST",)),
    )


def _own_path(path: str) -> str:
    """A page of the console to go on to; its start for anything else."""
    is_own = path.startswith(HOME) and path.isprintable() and not set(path) & set("\\<>\"'") and not path.startswith(LOG_IN)
    return path if is_own and len(path) < 2000 else HOME
