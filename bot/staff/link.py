"""How does somebody come to a password? By a link that is good once and for 48 hours; only its hash is stored."""

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.staff.passwords import Crowded, objection
from bot.staff.site import LOG_IN, Page, Site, missing, notice, sent, shown
from bot.staff.tokens import hash_of, is_token
from storage import accounts
from storage.accounts import Account, Staff, log

_DIFFERENT = "两次输入的密码不一样，请重新输入。"
_CROWDED = "现在同时设密码的人太多，请过几秒再试；这个链接还能用。"


@dataclass(frozen=True, slots=True)
class LinkPage:
    """The page behind a one-time link."""

    site: Site

    async def show(self, request: Request, _: Staff) -> Response:
        """The form for the password; opening it uses nothing up, for messengers look at links too."""
        account = await asyncio.to_thread(self._account, request.path_params["token"])
        return self._form(request, account) if account else missing(request)

    async def set_password(self, request: Request, _: Staff) -> Response:
        """Keep the password, unless it is too easy; that uses the link up."""
        form, token = sent(request), request.path_params["token"]
        account, password = await asyncio.to_thread(self._account, token), form.get("password", "")
        if account is None:
            return missing(request)
        if error := objection(password, account.name) or ("" if form.get("again") == password else _DIFFERENT):
            return self._form(request, account, error)
        try:
            hashed = await self.site.passwords.hashed(password)
        except Crowded:
            return notice(request, 429, _CROWDED)
        if not await asyncio.to_thread(self._keep, token, hashed):
            return missing(request)
        return RedirectResponse(f"{LOG_IN}?done", 303)

    def _form(self, request: Request, account: Account, error: str = "") -> Response:
        return shown(request, "link.html", {"account": account, "error": error}, 422 if error else 200)

    def _account(self, token: str) -> Account | None:
        if not is_token(token):
            return None
        with self.site.desk.store.reading() as db:
            return accounts.account_of_link(db, hash_of(token), self.site.clock().timestamp())

    def _keep(self, token: str, hashed: str) -> bool:
        moment = self.site.clock().timestamp()
        with self.site.desk.store.writing() as db:
            account = accounts.account_of_link(db, hash_of(token), moment)
            if account is None:
                return False
            log(db, self.site.staff(account.name), "设密码", account.name, at=moment)
            return accounts.set_password(db, account.name, hashed)


def pages(site: Site) -> tuple[Page, ...]:
    """Its pages."""
    link = LinkPage(site)
    return Page("/staff/link/{token}", link.show, role=""), Page("/staff/link/{token}", link.set_password, ("POST",), role="")
