"""Who may use the console? The admins' page of accounts: make one, change its role, turn it off or on, give a one-time link."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from bot.staff import roll
from bot.staff.roll import ROLE_NAMES
from bot.staff.site import Page, Site, back_to, missing, notice, sent, shown
from bot.staff.tokens import link_address
from storage import accounts
from storage.accounts import ROLES, Account, Staff, key_of

HERE = "/staff/accounts"
_THERE = "已经有这个账号；请换一个姓名，或者在下面给它一个新链接。"
_NO_ROLE = "没有这种权限，请从列表里选一个。"
_OWN = "不能改自己的账号；请另一位管理员来改。"
_OFF = "这个账号已停用，先启用再发链接。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A link that was just made: it is shown this once."""

    name: str
    address: str
    is_whole: bool
    """Whether it has the server's address before it."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """The page and what its forms do."""

    site: Site

    async def show(self, request: Request, staff: Staff) -> Response:
        """All accounts."""
        return await self._page(request, staff)

    async def add(self, request: Request, staff: Staff) -> Response:
        """Make one; the answer holds its link."""
        form = sent(request)
        name, role = roll.name_of(form.get("name", "")), form.get("role", "")
        if name is None or role not in ROLES:
            return await self._page(request, staff, error=f"{roll.BAD_NAME}。" if name is None else _NO_ROLE, typed=form.get("name", ""))
        made = await asyncio.to_thread(roll.add, self.site.desk.store, staff, name, role, self.site.clock())
        if made is None:
            return await self._page(request, staff, error=_THERE, typed=name)
        return await self._page(request, staff, handed=self._handed(name, made[0]))

    async def give_link(self, request: Request, staff: Staff) -> Response:
        """A new link, for who has lost the password; the answer holds it."""
        found = await self._account(request)
        if found is None:
            return missing(request)
        token = await asyncio.to_thread(roll.give_link, self.site.desk.store, staff, found.name, self.site.clock())
        if token is None:
            return notice(request, 409, _OFF)
        return await self._page(request, staff, handed=self._handed(found.name, token))

    async def set_role(self, request: Request, staff: Staff) -> Response:
        """Another role."""
        role = sent(request).get("role", "")
        if role not in ROLES:
            return notice(request, 422, _NO_ROLE)
        return await self._change(request, staff, lambda name: roll.set_role(self.site.desk.store, staff, name, role, self.site.clock()))

    async def turn_off(self, request: Request, staff: Staff) -> Response:
        """Off: whoever uses it is logged out at once."""
        return await self._change(request, staff, lambda name: self._switch(staff, name, active=False))

    async def turn_on(self, request: Request, staff: Staff) -> Response:
        """On again."""
        return await self._change(request, staff, lambda name: self._switch(staff, name, active=True))

    async def _change(self, request: Request, staff: Staff, change: Callable[[str], bool]) -> Response:
        """Nobody changes their own account, so that one admin is always left."""
        found = await self._account(request)
        if found is None:
            return missing(request)
        if key_of(found.name) == key_of(staff.name):
            return notice(request, 409, _OWN)
        await asyncio.to_thread(change, found.name)
        return back_to(HERE)

    def _switch(self, staff: Staff, name: str, *, active: bool) -> bool:
        return roll.set_active(self.site.desk.store, staff, name, active, self.site.clock())

    async def _account(self, request: Request) -> Account | None:
        def read() -> Account | None:
            with self.site.desk.store.reading() as db:
                return accounts.account(db, request.path_params["account"])

        return await asyncio.to_thread(read)

    def _handed(self, name: str, token: str) -> Handed:
        public = self.site.public_url
        return Handed(name=name, address=link_address(public, token), is_whole=bool(public))

    async def _page(self, request: Request, staff: Staff, *, error: str = "", typed: str = "", handed: Handed | None = None) -> Response:
        def read() -> list[Account]:
            with self.site.desk.store.reading() as db:
                return list(accounts.accounts(db))

        found = await asyncio.to_thread(read)
        values = {
            "accounts": [(one, key_of(one.name), roll.state_of(one), key_of(one.name) == key_of(staff.name)) for one in found],
            "roles": ROLE_NAMES,
            "error": error,
            "typed": typed,
            "handed": handed,
        }
        return shown(request, "accounts.html", values, 422 if error else 200)


def pages(site: Site) -> tuple[Page, ...]:
    """Its pages."""
    one = Accounts(site)
    changes = (("role", one.set_role), ("off", one.turn_off), ("on", one.turn_on), ("link", one.give_link))
    return (
        Page(HERE, one.show, role="admin", label="账号"),
        Page(HERE, one.add, ("POST",), role="admin"),
        *(Page(f"{HERE}/{{account}}/{name}", change, ("POST",), role="admin", owner="account") for name, change in changes),
    )
