"""The browser as a channel: a page of bubbles and one form. It works without JavaScript; with it, htmx adds bubbles in place.

A person is a random cookie. Nothing is stored before their first message.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import PurePath
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.handle import BUSY, Desk, handle
from bot.html import by_htmx, missing, notice, rendered
from bot.limits import Limiter
from bot.links import new_token, own_draft
from bot.papers import KINDS
from flows.position import Case, case_of, progress
from flows.say import say
from flows.types import Message, Option, PersonKey, Reply, Session, Turn
from storage.store import Stored

CHANNEL = "web"
TURNS = 20
"""How many turns the page shows before somebody asks for more."""
NEWCOMERS, NEW_WITHIN = 60, 600.0
"""How many people may begin from one address in how many seconds: an office or a school shares one."""
_COOKIE = "yizhan"
_COOKIE_SECONDS = 180 * 24 * 3600
_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_FIELDS = 12
_SLOW_DOWN = "您发得太快了，请等几秒再发；刚才这一条没有记下。"
_CROWDED = "从您这个网络新来的人太多了，请过几分钟再发；刚才这一条没有记下。"
_REFUSED = "这次提交没有通过检查，没有记下。请允许本站的 Cookie，重新打开对话页再发。"
_STALE = "这个按钮已经失效，请按最后一个问题回答。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One turn as the page shows it; `text` is empty where only the assistant speaks."""

    text: str
    replies: tuple[Reply, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What the page sent: a text, or a pressed choice of the question at `revision`."""

    text: str
    id: str
    token: str
    revision: str
    choice: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WebChat:
    """The channel with what it needs: the desk, a secret for its forms, a limit, the address it is known under."""

    desk: Desk
    key: bytes
    limiter: Limiter
    newcomers: Limiter = field(default_factory=lambda: Limiter(count=NEWCOMERS, seconds=NEW_WITHIN))
    """By address: whoever takes a new cookie for each message would else escape the limit per person, and fill the database."""
    public_url: str = ""

    async def show(self, request: Request) -> Response:
        """The whole conversation."""
        known = self._sender(request)
        sender = known or secrets.token_urlsafe(16)
        person = _person(request, sender)
        notice_text = _STALE if "stale" in request.query_params else ""
        turns = _number(request.query_params.get("turns", ""))
        values = await asyncio.to_thread(self._whole, person, turns)
        return self._with_cookie(request, rendered("chat.html", {"notice": notice_text, **values}), sender)

    async def say(self, request: Request) -> Response:
        """One message: answered by its bubbles, or by the page anew where no script asked."""
        sender = self._sender(request)
        form = _form(await request.body())
        if sender is None or form is None or not same_origin(request, self.public_url) or not self._token_fits(sender, form):
            return notice(request.scope, 403, _REFUSED)
        person = _person(request, sender)
        if (allowance := self.limiter.allow(sender)) != "pass":
            return _slow_down(request, told=allowance == "drop")
        message = Message(channel=CHANNEL, sender=sender, id=form.id, text=form.text, received_at=datetime.now(UTC))
        seen, stale, new = await asyncio.to_thread(self._seen, message, form)
        if seen or stale:
            return _again(request, "/?stale=1" if stale else "/#last")
        if new and self.newcomers.allow(address_of(request)) != "pass":
            return notice(request.scope, 429, _CROWDED)
        return await self._answered(request, person, message, form.revision)

    async def hand_over(self, request: Request) -> Response:
        """From a file in the conversation to the person's own page or document, by a fresh link; of own drafts only."""
        sender = self._sender(request)
        if sender is None or self.limiter.allow(sender) != "pass":
            return missing(request)
        person, draft = _person(request, sender), request.path_params["draft"]
        if await asyncio.to_thread(own_draft, self.desk, person, draft) is None:
            return missing(request)
        token, kind = await asyncio.to_thread(new_token, self.desk, person, draft), request.query_params.get("kind")
        return RedirectResponse(f"/files/{token}?kind={kind}" if kind in KINDS else f"/a/{token}", 303)

    async def news(self, request: Request) -> Response:
        """What was said since the page's revision: while a person of the staff may answer, the page asks now and then."""
        sender = self._sender(request)
        if sender is None or self.limiter.allow(sender) != "pass":
            return Response(status_code=204)
        person = _person(request, sender)
        session = await asyncio.to_thread(self.desk.store.load, person)
        missed = await asyncio.to_thread(self._since, session, request.query_params.get("revision", ""))
        if not missed:
            return Response(status_code=204)
        return rendered("turn.html", {"spoken": missed, **self._state(session, missed[-1].replies)})

    def _since(self, session: Session, revision: str) -> tuple[Spoken, ...]:
        """The turns after that revision, as far as they are still there."""
        known = min(int(revision), session.revision) if re.fullmatch("[0-9]{1,9}", revision) else session.revision
        told = self.desk.store.conversation(session.person) if session.revision > known else ()
        return tuple(_spoken(stored) for stored in told[known - session.revision :]) if told else ()

    async def _answered(self, request: Request, person: PersonKey, message: Message, revision: str) -> Response:
        made = await asyncio.to_thread(handle, self.desk, message)
        if made.replies == (Reply(text=BUSY),):
            return notice(request.scope, 503, BUSY)
        if any(effect.kind == "forget" for effect in made.effects):
            return self._farewell(request, made)
        if not by_htmx(request.scope):
            return RedirectResponse("/#last", 303)
        spoken = await asyncio.to_thread(self._since, made.session, revision) or (Spoken(text=made.stored_text, replies=made.replies),)
        return rendered("turn.html", {"spoken": spoken, **self._state(made.session, made.replies)})

    def _farewell(self, request: Request, made: Turn) -> Response:
        """After a deletion nothing is left to be shown but the word that it is done; the cookie becomes another one."""
        sender = secrets.token_urlsafe(16)
        values = self._state(Session(person=PersonKey(channel=CHANNEL, sender=sender)), ())
        spoken = (Spoken(text="", replies=made.replies),)
        page = rendered("chat.html", {"notice": "", "spoken": spoken, "more": 0, "opening": "", **values})
        if by_htmx(request.scope):
            page.headers.update({"HX-Retarget": "body", "HX-Reswap": "innerHTML"})
        return self._with_cookie(request, page, sender)

    def _whole(self, person: PersonKey, turns: int) -> dict[str, object]:
        told = self.desk.store.conversation(person)
        spoken = tuple(_spoken(stored) for stored in told[-turns:])
        replies = told[-1].replies if told else ()
        opening = "" if told else say("welcome")
        more = turns + TURNS if len(told) > turns else 0
        return {"spoken": spoken, "more": more, "opening": opening, **self._state(self.desk.store.load(person), replies)}

    def _state(self, session: Session, replies: tuple[Reply, ...]) -> dict[str, object]:
        """What of the page changes with every turn, besides the bubbles: choices, progress, the form's hidden fields."""
        case = case_of(self.desk.assistant, session, self.desk.today())
        return {
            "choices": replies[-1].choices if replies else self._first_choices(session),
            "voting": bool(session.asked),
            "case": case,
            "progress": progress(case),
            "outcome": _told_outcome(case),
            "message_id": secrets.token_urlsafe(16),
            "token": self._token(session.person.sender),
            "revision": session.revision,
            "handed": session.handed,
            "draft_of": draft_of,
        }

    def _first_choices(self, session: Session) -> tuple[Option, ...]:
        programmes = self.desk.assistant.library.programmes if session.revision == 0 else ()
        return tuple(Option(value=p.key, label=p.name) for p in programmes)

    def _seen(self, message: Message, form: Form) -> tuple[bool, bool, bool]:
        """Whether this very message came before, its button belongs to a question that is no longer open, it is the person's first."""
        if self.desk.store.replies(message) is not None:
            return True, False, False
        revision = self.desk.store.load(message.person).revision
        return False, form.choice and form.revision != str(revision), revision == 0

    def _sender(self, request: Request) -> str | None:
        value = request.cookies.get(_cookie_name(self._secure(request)), "")
        return value if _ID.fullmatch(value) else None

    def _token(self, sender: str) -> str:
        return hmac.new(self.key, f"form\n{sender}".encode(), hashlib.sha256).hexdigest()

    def _token_fits(self, sender: str, form: Form) -> bool:
        return hmac.compare_digest(self._token(sender).encode(), form.token.encode("utf-8", "replace"))

    def _secure(self, request: Request) -> bool:
        public = urlsplit(self.public_url)
        return request.url.scheme == "https" or (public.scheme == "https" and public.netloc == request.headers.get("host"))

    def _with_cookie(self, request: Request, page: HTMLResponse, sender: str) -> HTMLResponse:
        secure = self._secure(request)
        page.set_cookie(_cookie_name(secure), sender, max_age=_COOKIE_SECONDS, path="/", secure=secure, httponly=True, samesite="lax")
        return page


def routes(chat: WebChat) -> list[Route]:
    """The channel's routes."""
    return [
        Route("/", chat.show, methods=["GET"]),
        Route("/", chat.say, methods=["POST"]),
        Route("/news", chat.news, methods=["GET"]),
        Route("/open/{draft}", chat.hand_over, methods=["GET"]),
    ]


def same_origin(request: Request, public_url: str = "") -> bool:
    """Whether a POST comes from a page of this very site, as far as the browser says; browsers say `null` for private pages."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site not in (None, "same-origin"):
        return False
    return origin in (None, "null") or urlsplit(origin).netloc in {request.headers.get("host"), urlsplit(public_url).netloc or None}


def draft_of(reply: Reply) -> str:
    """The draft whose files a reply carries: the name of their folder."""
    return PurePath(reply.files[0].path).parent.name if reply.files else ""


def address_of(request: Request) -> str:
    """Whence a request comes: of IPv6 the network that one household or office has."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(ip_network((address, 64), strict=False)) if address.version == 6 else host


def _person(request: Request, sender: str) -> PersonKey:
    person = request.scope["person"] = PersonKey(channel=CHANNEL, sender=sender)
    return person


def _cookie_name(secure: bool) -> str:
    """With the prefix browsers take it from this very host alone, by https."""
    return f"__Host-{_COOKIE}" if secure else _COOKIE


def _number(text: str) -> int:
    return min(int(text), 100_000) if re.fullmatch("[0-9]{1,6}", text) and int(text) else TURNS


def _form(body: bytes) -> Form | None:
    """The form as sent; None where it is none of ours."""
    try:
        sent = dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS, errors="replace"))
    except (UnicodeDecodeError, ValueError):
        return None
    chosen = sent.get("choice")
    text = sent.get("say", sent.get("text", "")) if chosen is None else chosen
    made = Form(text=text, id=sent.get("id", ""), token=sent.get("token", ""), revision=sent.get("revision", ""), choice=chosen is not None)
    return made if _ID.fullmatch(made.id) else None


def _spoken(stored: Stored) -> Spoken:
    return Spoken(text=stored.text, replies=stored.replies)


def _told_outcome(case: Case | None) -> str:
    """`closed` or `fails` where only preparation is possible: the page keeps saying so."""
    return case.verdict.outcome if case and case.verdict and case.preparation else ""


def _slow_down(request: Request, *, told: bool) -> Response:
    if told and by_htmx(request.scope):
        return Response(status_code=204)
    return notice(request.scope, 429, _SLOW_DOWN)


def _again(request: Request, address: str) -> Response:
    """Show the conversation as it is now."""
    if by_htmx(request.scope):
        return Response(status_code=204, headers={"HX-Redirect": address} if "?" in address else {"HX-Refresh": "true"})
    return RedirectResponse(address, 303)
