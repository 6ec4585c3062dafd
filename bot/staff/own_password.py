"""How does somebody change their own password? With the one they have; all their other sessions end."""

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from bot.staff import session
from bot.staff.login import CROWDED, HOME, tried, wait_of
from bot.staff.passwords import Crowded, objection
from bot.staff.site import Page, Site, back_to, sent, shown
from storage import accounts, staff_sessions
from storage.accounts import FAILED, Account, Staff, log
from storage.staff_sessions import Tried

HERE = "/staff/password"
_WRONG = "现在的密码不对，请重新输入。"
_DIFFERENT = "两次输入的新密码不一样，请重新输入。"
_SAME = "新密码和现在的一样，请换一个。"


@dataclass(frozen=True, slots=True)
class OwnPassword:
    """The page."""

    site: Site

    async def show(self, request: Request, _: Staff) -> Response:
        """The form."""
        return shown(request, "password.html", {"error": ""})

    async def change(self, request: Request, staff: Staff) -> Response:
        """Keep the new one. Wrong tries count like those of a log-in: a session may be in somebody else's hands."""
        form = sent(request)
        old, new = form.get("old", ""), form.get("password", "")
        if error := objection(new, staff.name) or self._unequal(old, new, form.get("again", "")):
            return self._refused(request, 422, error)
        counted = tried(self.site, request, staff.name)
        wait, account = await asyncio.to_thread(self._begin, counted, staff)
        if wait:
            return self._refused(request, 429, wait_of(wait))
        try:
            fits = await self.site.passwords.fits(account.password if account else "", old)
            hashed = await self.site.passwords.hashed(new) if fits else ""
        except Crowded:
            await asyncio.to_thread(self._excuse, counted)
            return self._refused(request, 429, CROWDED)
        new_id = await asyncio.to_thread(self._end, counted, staff, account, hashed)
        if not new_id:
            return self._refused(request, 403, _WRONG)
        response = back_to(HOME)
        session.give(response, session.COOKIE, new_id)
        return response

    def _unequal(self, old: str, new: str, again: str) -> str:
        if new != again:
            return _DIFFERENT
        return _SAME if new == old else ""

    def _refused(self, request: Request, status: int, error: str) -> Response:
        return shown(request, "password.html", {"error": error}, status)

    def _begin(self, counted: tuple[Tried, Tried], staff: Staff) -> tuple[float, Account | None]:
        with self.site.desk.store.writing() as db:
            wait = staff_sessions.count_try(db, counted, self.site.clock().timestamp())
            return wait, accounts.account(db, staff.name)

    def _excuse(self, counted: tuple[Tried, Tried]) -> None:
        with self.site.desk.store.writing() as db:
            staff_sessions.excuse(db, counted)

    def _end(self, counted: tuple[Tried, Tried], staff: Staff, account: Account | None, hashed: str) -> str:
        """The id of a session that goes on; empty where the old password was wrong or the account has changed meanwhile."""
        moment = self.site.clock()
        with self.site.desk.store.writing() as db:
            current = accounts.account(db, staff.name)
            if not (hashed and account and current and current.active and current.password == account.password):
                log(db, staff, "改密码", staff.name, result=FAILED, at=moment.timestamp())
                return ""
            staff_sessions.forgive(db, counted[0])
            staff_sessions.excuse(db, counted[1:])
            accounts.set_password(db, staff.name, hashed)
            log(db, staff, "改密码", staff.name, at=moment.timestamp())
            return session.begin(db, staff.name, "", moment)


def pages(site: Site) -> tuple[Page, ...]:
    """Its pages."""
    own = OwnPassword(site)
    return Page(HERE, own.show), Page(HERE, own.change, ("POST",))
