"""What does an applicant see under their own link? Their draft: state, preview, downloads, a checklist to tick, dates, deletion.

Whoever has the link is who it was made for; it is made for a phone inside WeChat's browser and works without JavaScript.
"""

import asyncio
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.handle import SHANGHAI, Desk, forget
from bot.html import by_htmx, missing, notice, rendered
from bot.limits import Limiter
from bot.links import Opened, opened
from bot.papers import document, media_type
from bot.ticks import key_of, note_of
from bot.web import same_origin
from bot.wechat_subscribe import PAGE_POLICY, Offer, PopUp
from flows.checklist import Checklist, Item, checklist
from flows.position import progress
from flows.say import word
from flows.types import FileKind

_TICKED = "1"
WECHAT = "wechat"
_SLOW_DOWN = "您点得太快了，请等几秒再试。"
_PAPERS: tuple[tuple[FileKind, str, str], ...] = (
    ("form", "申请表", "Word 文档，可以修改"),
    ("form_pdf", "申请表", "PDF，适合打印和转发"),
    ("checklist", "材料清单", "Word 文档，带原文依据"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One material with its box."""

    key: str
    item: Item
    ticked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicantsPage:
    """The pages under /a/{token} and the documents under /files/{token}."""

    desk: Desk
    limiter: Limiter
    public_url: str = ""
    pop_up: PopUp | None = None
    """Where the official account may send 订阅通知."""

    async def show(self, request: Request) -> Response:
        """The page."""
        found = await self._opened(request)
        if found is None:
            return missing(request)
        values = await asyncio.to_thread(self._values, request.path_params["token"], found)
        offer = await self._offer(request, found)
        made = rendered("page.html", {**values, "offer": offer})
        if offer:
            made.headers["Content-Security-Policy"] = PAGE_POLICY
        return made

    async def _offer(self, request: Request, found: Opened) -> Offer | None:
        """The pop-up for 订阅通知: for people of the official account, in WeChat's browser."""
        if self.pop_up is None or found.person.channel != WECHAT:
            return None
        query = f"?{request.url.query}" if request.url.query else ""
        return await self.pop_up.offer(f"{self.public_url}{request.url.path}{query}", request.headers.get("user-agent", ""))

    async def tick(self, request: Request) -> Response:
        """Tick a box or take the tick away; the answer is the item alone where the page asked for that."""
        found, sent = await self._opened(request), _sent(await request.body())
        if found is None or not same_origin(request, self.public_url):
            return missing(request)
        if self._too_often(found):
            return notice(request.scope, 429, _SLOW_DOWN)
        token, key = request.path_params["token"], sent.get("item", "")
        if key not in {one.key for one in await asyncio.to_thread(self._ticks, found)}:
            return missing(request)
        await asyncio.to_thread(self._set, found, key, on=sent.get("on") == _TICKED)
        if not by_htmx(request.scope):
            return Response(status_code=303, headers={"Location": f"/a/{token}#item-{key}"})
        ticks = await asyncio.to_thread(self._ticks, found)
        return rendered("tick.html", {"token": token, "tick": next(one for one in ticks if one.key == key), "ticks": ticks})

    async def ask_deletion(self, request: Request) -> Response:
        """What deletion means, with the button that does it."""
        found = await self._opened(request)
        return missing(request) if found is None else rendered("delete.html", {"token": request.path_params["token"]})

    async def delete(self, request: Request) -> Response:
        """Delete everything of the person, this link included."""
        found = await self._opened(request)
        if found is None or not same_origin(request, self.public_url):
            return missing(request)
        await asyncio.to_thread(forget, self.desk, found.person)
        return rendered("deleted.html", {})

    async def file(self, request: Request) -> Response:
        """A document of the draft, `?kind=` one of the kinds of a file; the form without it. `view=1` shows the preview in place."""
        found = await self._opened(request)
        kind = request.query_params.get("kind", "form")
        if found is None:
            return missing(request)
        if self._too_often(found):
            return notice(request.scope, 429, _SLOW_DOWN)
        made = await asyncio.to_thread(document, self.desk, found, kind)
        if made is None:
            return missing(request)
        shown = kind == "preview" and request.query_params.get("view") == "1"
        disposition = "inline" if shown else f"attachment; filename*=UTF-8''{quote(made.name, safe='')}"
        return Response(made.content, media_type=media_type(made.name), headers={"Content-Disposition": disposition})

    async def _opened(self, request: Request) -> Opened | None:
        found = await asyncio.to_thread(opened, self.desk, request.path_params["token"])
        if found:
            request.scope["person"] = found.person
        return found

    def _too_often(self, found: Opened) -> bool:
        return self.limiter.allow(found.case.draft.id) != "pass"

    def _checklist(self, found: Opened) -> Checklist:
        case = found.case
        return checklist(case.programme, case.version, case.service, case.values, today=self.desk.today())

    def _ticks(self, found: Opened) -> tuple[Tick, ...]:
        prefix = _note(found, "")
        ticked = {name.removeprefix(prefix) for name in self.desk.store.notes(found.person, prefix)}
        return tuple(Tick(key=key, item=item, ticked=key in ticked) for item in self._checklist(found).items if (key := key_of(item.name)))

    def _set(self, found: Opened, key: str, *, on: bool) -> None:
        store = self.desk.store
        store.change_note(found.person, _note(found, key), lambda _: _TICKED if on else None)
        if store.draft(found.case.draft.id) is None:
            store.forget(found.person)  # deleted by another request meanwhile: the note would be the only thing left

    def _values(self, token: str, found: Opened) -> dict[str, object]:
        case, listed, today = found.case, self._checklist(found), self.desk.today()
        findings = case.verdict.findings if case.verdict else ()
        return {
            "token": token,
            "case": case,
            "outcome": word("outcome", case.verdict.outcome) if case.verdict else "",
            "progress": progress(case),
            "papers": _PAPERS if case.service.produces != "nothing" else (),
            "listed": listed,
            "ticks": self._ticks(found),
            "unmet": [f for f in findings if f.result == "unmet"],
            "unknown": [f for f in findings if f.result == "unknown"],
            "ahead": any(one.day >= today for one in listed.dates),
            "channel": found.person.channel,
            "until": found.expires_at.astimezone(SHANGHAI) if found.expires_at else None,
        }


def routes(page: ApplicantsPage) -> list[Route]:
    """The page's routes."""
    return [
        Route("/a/{token}", page.show, methods=["GET"]),
        Route("/a/{token}/tick", page.tick, methods=["POST"]),
        Route("/a/{token}/delete", page.ask_deletion, methods=["GET"]),
        Route("/a/{token}/delete", page.delete, methods=["POST"]),
        Route("/files/{token}", page.file, methods=["GET"]),
    ]


def _note(found: Opened, key: str) -> str:
    return note_of(found.case.draft.id, key)


def _sent(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=4))
    except (UnicodeDecodeError, ValueError):
        return {}
