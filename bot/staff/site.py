"""What do all staff pages share? What they work with, how one is described, and what each request passes before its page is asked.

In this order: limit, log-in, role, form token. Which pages there are stands in `console.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl, quote

from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.handle import Desk
from bot.html import by_htmx, rendered
from bot.limits import Limiter
from bot.log import pseudonym
from bot.remind_plan import Decider, Plan, plan
from bot.remind_ways import Ways
from bot.staff import session
from bot.staff.passwords import Passwords
from bot.staff.roll import ROLE_NAMES, now
from bot.staff.tokens import new_token
from bot.web import address_of, same_origin
from flows.types import PersonKey
from storage.accounts import REFUSED, Staff, log
from storage.staff_sessions import LoggedIn

LOG_IN = "/staff/login"
_FIELDS = 500
_SLOW_DOWN = "点得太快了，请等几秒再试；刚才这一步没有做。"
_FORGED = "这次提交没有通过检查，没有做。请允许本站的 Cookie，重新打开页面再提交。"
_NO_RIGHT = "您的账号没有做这件事的权限；需要的话，请找管理员。"
_MISSING = "这个页面不存在，或者已经删除。"
NOBODY = "未登录"


Form = ImmutableMultiDict[str, str]
Endpoint = Callable[[Request, Staff], Awaitable[Response]]
"""A page's own part; a public page gets somebody with no role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What staff pages work with."""

    desk: Desk
    """Its store is one of its own, so that a slow list never holds up the chat."""
    key: bytes
    """The secret of forms and pseudonyms."""
    log_key: bytes
    """The secret that chains the log of actions."""
    public_url: str = ""
    ways: Ways = field(default_factory=Ways)
    """By which ways reminders reach people."""
    plan: Callable[[Decider, int], Plan] = plan
    """Says what a run of reminders would do, with so many people in full."""
    clock: Callable[[], datetime] = now
    passwords: Passwords = field(default_factory=Passwords)
    start_exports: Callable[[], object] = lambda: None
    """Has a worker make the exports that wait."""
    limiter: Limiter = field(default_factory=lambda: Limiter(count=60))
    """Per session, or per address where nobody is logged in."""

    def staff(self, name: str = NOBODY, role: str = "") -> Staff:
        """Somebody whose actions can be logged."""
        return Staff(name=name, role=role, log_key=self.log_key)

    def address(self, request: Request) -> str:
        """Whence a request comes, as a keyed hash: the same for the same address, of no use without the key."""
        return pseudonym(self.key, PersonKey(channel="address", sender=address_of(request)))


@dataclass(frozen=True, slots=True)
class Page:
    """A page, or what one of its forms does."""

    path: str
    """Whole, with its places: `/staff/drafts/{draft}`."""
    endpoint: Endpoint
    methods: tuple[str, ...] = ("GET",)
    role: str = "reader"
    """The least that may; empty: also who is not logged in."""
    owner: str = ""
    """What kind of thing the path names: draft, export, campaign, note; empty: none."""
    label: str = ""
    """Its name in the menu; empty: it is not there."""


def routes_of(site: Site, pages: Sequence[Page]) -> list[Route]:
    """The routes of these pages, each behind the checks."""
    menu = tuple(page for page in pages if page.label)
    return [Route(page.path, _Door(site, page, menu).serve, methods=list(page.methods)) for page in pages]


def shown(request: Request, template: str, values: Mapping[str, object], status: int = 200) -> HTMLResponse:
    """A page of `templates/staff/` with its frame; `csrf`, `staff`, `menu` and `here` are there besides `values`."""
    state = request.state
    frame = {"csrf": state.csrf, "staff": state.staff, "menu": state.menu, "here": request.url.path, "role_names": ROLE_NAMES}
    return rendered(f"staff/{template}", {**frame, **values}, status)


def notice(request: Request, status: int, text: str) -> HTMLResponse:
    """One sentence in the frame, or a line for the page that asked for a piece."""
    if by_htmx(request.scope):
        return rendered("notice_line.html", {"text": text}, status)
    return shown(request, "notice.html", {"text": text}, status)


def missing(request: Request) -> HTMLResponse:
    """The one answer to whatever is not there or is somebody else's."""
    return notice(request, 404, _MISSING)


def sent(request: Request) -> Form:
    """What the form brought."""
    form: Form = request.state.form
    return form


def back_to(path: str) -> Response:
    """After something was done: to a page that shows it."""
    return RedirectResponse(path, 303)


@dataclass(frozen=True, slots=True)
class _Door:
    """What stands before a page."""

    site: Site
    page: Page
    menu: tuple[Page, ...]

    async def serve(self, request: Request) -> Response:
        """Check a request, then ask the page."""
        known_id = session.id_in(request, session.COOKIE)
        found = await asyncio.to_thread(session.find, self.site.desk.store, known_id, self.site.clock())
        staff = self._frame(request, found, known_id)
        if self.site.limiter.allow(f"session {known_id}" if found else self.site.address(request)) != "pass":
            return notice(request, 429, _SLOW_DOWN)
        if "\0" in request.url.path or b"%00" in request.scope["query_string"]:
            return missing(request)
        if self.page.role:
            if not staff.role:
                return _log_in_first(request)
            if not staff.may(self.page.role):
                return await self._refused(request, staff)
        if request.method not in ("GET", "HEAD") and not await self._is_own_form(request):
            return notice(request, 403, _FORGED)
        response = await self.page.endpoint(request, staff)
        if new_id := request.state.new_form_id:
            session.give(response, session.FORM_COOKIE, new_id)
        return response

    def _frame(self, request: Request, found: LoggedIn | None, known_id: str) -> Staff:
        """Note for page and log who it is, and the id that the page's forms hang on."""
        state, state.form, state.new_form_id = request.state, Form(), ""
        staff = self.site.staff(found.name, found.role) if found else self.site.staff()
        if found:
            request.scope["person"] = PersonKey(channel="staff", sender=found.name)
        if self.page.role:
            form_id = known_id if found else ""
        else:
            form_id = session.id_in(request, session.FORM_COOKIE)
            if not form_id and request.method == "GET":
                form_id = state.new_form_id = new_token()
        shown_as = staff if self.page.role else self.site.staff()  # the form that logs out would have the wrong token
        state.staff, state.form_id, state.csrf = shown_as, form_id, session.form_token(self.site.key, form_id)
        state.menu = tuple(page for page in self.menu if shown_as.may(page.role))
        return staff

    async def _is_own_form(self, request: Request) -> bool:
        request.state.form = _fields(await request.body())
        token = request.headers.get("x-csrf-token") or sent(request).get("csrf", "")
        return same_origin(request, self.site.public_url) and session.token_fits(self.site.key, request.state.form_id, token)

    async def _refused(self, request: Request, staff: Staff) -> Response:
        await asyncio.to_thread(self._log_refusal, staff)
        return notice(request, 403, _NO_RIGHT)

    def _log_refusal(self, staff: Staff) -> None:
        with self.site.desk.store.writing() as db:
            log(db, staff, "越权", self.page.path, result=REFUSED, at=self.site.clock().timestamp())


def _log_in_first(request: Request) -> Response:
    """To the log-in, and back afterwards.

    A browser keeps a strict cookie back where a link on another site was followed; opening the page once more from here brings it.
    """
    if request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site" and not by_htmx(request.scope):
        return rendered("staff/again.html", {"address": _own_address(request)})
    where = f"{LOG_IN}?next={quote(_own_address(request), safe='/')}" if request.method == "GET" else LOG_IN
    if by_htmx(request.scope):
        return Response(status_code=204, headers={"HX-Redirect": LOG_IN})
    return RedirectResponse(where, 303)


def _own_address(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def _fields(body: bytes) -> Form:
    try:
        found = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS, errors="replace")
    except (UnicodeDecodeError, ValueError):
        return Form()
    return Form([(name, value.replace("\0", "")) for name, value in found])  # what PostgreSQL cannot keep
