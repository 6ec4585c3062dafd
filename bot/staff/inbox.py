"""Who asked for a person, and what do staff do about it? The list of those who wait, a person's conversation, answering, giving back."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast, get_args

from starlette.requests import Request
from starlette.responses import Response

from bot.handle import SHANGHAI
from bot.remind_ways import CHANNELS, Way
from bot.staff.contact import Contact, contact
from bot.staff.site import Page, Site, back_to, missing, notice, sent, shown
from bot.staff.speaking import OURS, speak, way_to
from bot.staff.talk import FORM_ID, Spoken, number, spoken, standing
from flows.handing import LONGEST
from flows.types import ASKED, TAKEN
from knowledge.text import clean
from storage import accounts, inbox
from storage.accounts import Staff, log
from storage.inbox import Handover, Show

HOME = "/staff/inbox"
PAGE, TURNS = 30, 10
FRESH = 40
"""How often an open page looks for news by itself, every 15 seconds: a forgotten one must not keep its log-in alive."""
TABS = {"waiting": "等回复", "talking": "正在谈", "closed": "已办完"}
_EMPTY = "没有写内容，没有发出。请写一句再发。"
_LONG = f"超过 {LONGEST} 个字，没有发出。请写短些，或分几次发。"
_NO_WAY = "这个渠道现在发不到对方（{why}），没有发出。请打电话。"
_GONE = "对方已经删除了自己的数据，没有发出。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A person's page: who, what was said, how they can be reached."""

    found: Handover
    spoken: Sequence[Spoken]
    more: int
    revision: int
    handed: str
    way: Way
    contact: Contact | None
    case: dict[str, object]
    people: Sequence[str]


@dataclass(frozen=True, slots=True)
class Inbox:
    """The pages."""

    site: Site

    async def show(self, request: Request, staff: Staff) -> Response:
        """The list: those who wait, longest first; those with whom somebody speaks; those who were answered."""
        asked = request.query_params
        show = cast(Show, asked["show"] if asked.get("show") in get_args(Show) else "waiting")
        mine, page = "mine" in asked, number(asked.get("page", ""), 1)
        found, counts = await asyncio.to_thread(self._list, show, staff.name if mine else "", page)
        listed = {"found": found[:PAGE], "more": len(found) > PAGE, "page": page}
        return shown(request, "inbox.html", {**listed, "counts": counts, "show": show, "mine": mine, "tabs": TABS, **self._shown()})

    async def open(self, request: Request, staff: Staff) -> Response:
        """A person: what they said, their draft, the way to them, and the form to answer."""
        return await self._page(request, staff)

    async def answer(self, request: Request, staff: Staff) -> Response:
        """Say something to the person, and give the talk back to the assistant where that was ticked."""
        form = sent(request)
        if not FORM_ID.fullmatch(form.get("id", "")):
            return missing(request)
        found = await asyncio.to_thread(self._find, request)
        if found is None:
            return missing(request)
        words, back = clean(form.get("text", "")), "back" in form
        way = await asyncio.to_thread(way_to, self.site.ways, self.site.desk, found.person, self.site.clock())
        why = _EMPTY if not words else _LONG if len(words) > LONGEST else _NO_WAY.format(why=way.why) if way.kind == "none" else ""
        if why:
            return await self._page(request, staff, problem=why, text=form.get("text", ""))
        if not await asyncio.to_thread(self._say, found, staff, words, form["id"], number(form.get("seen", ""), 0), back):
            return notice(request, 404, _GONE)
        return back_to(f"{HOME}/{found.id}")

    async def give_back(self, request: Request, staff: Staff) -> Response:
        """Leave the person to the assistant without another word; they are told."""
        form, found = sent(request), await asyncio.to_thread(self._find, request)
        if found is None or not FORM_ID.fullmatch(form.get("id", "")):
            return missing(request)
        await asyncio.to_thread(self._say, found, staff, "", form["id"], number(form.get("seen", ""), 0), True)
        return back_to(HOME)

    async def assign(self, request: Request, staff: Staff) -> Response:
        """Give the person to an account, or to none."""
        found, name = await asyncio.to_thread(self._find, request), sent(request).get("assignee", "")
        people = await asyncio.to_thread(self._people)
        if found is None or name not in ("", *people):
            return missing(request)
        await asyncio.to_thread(self._assign, found, staff, name)
        return back_to(f"{HOME}/{found.id}")

    async def _page(self, request: Request, staff: Staff, *, problem: str = "", text: str = "") -> Response:
        turns = number(request.query_params.get("turns", ""), TURNS)
        looks = number(request.query_params.get("looks", ""), 0)
        opened = await asyncio.to_thread(self._open, request, turns)
        if opened is None:
            return missing(request)
        values = {"it": opened, "problem": problem, "text": text, "form_id": secrets.token_urlsafe(16), "longest": LONGEST}
        looking = looks + 1 if looks < FRESH else 0
        more = {"may": staff.may("officer"), "looking": looking, "stopped": looks >= FRESH, "asked": ASKED, "taken": TAKEN, "turns": turns}
        return shown(request, "inbox_person.html", {**values, **more, **self._shown()}, 422 if problem else 200)

    def _shown(self) -> dict[str, object]:
        return {"channels": CHANNELS, "waited": self._waited, "home": HOME}

    def _waited(self, since: datetime) -> str:
        """How long ago that was, as people say it."""
        minutes = max(0, int((self.site.clock() - since).total_seconds() // 60))
        if minutes < 60:
            return f"{minutes} 分钟" if minutes else "不到 1 分钟"
        return f"{minutes // 60} 小时 {minutes % 60} 分钟" if minutes < 24 * 60 else f"{minutes // (24 * 60)} 天 {minutes // 60 % 24} 小时"

    # In a thread

    def _list(self, show: Show, assignee: str, page: int) -> tuple[Sequence[Handover], dict[str, int]]:
        with self.site.desk.store.reading() as db:
            found = inbox.handovers(db, show, assignee=assignee, limit=PAGE + 1, offset=(page - 1) * PAGE)
            return found, {one: inbox.count(db, one, assignee=assignee) for one in get_args(Show)}

    def _find(self, request: Request) -> Handover | None:
        with self.site.desk.store.reading() as db:
            return inbox.handover(db, request.path_params["handover"])

    def _people(self) -> Sequence[str]:
        with self.site.desk.store.reading() as db:
            return [one.name for one in accounts.accounts(db) if one.active and one.role != "reader"]

    def _open(self, request: Request, turns: int) -> Opened | None:
        found = self._find(request)
        if found is None:
            return None
        desk, now = self.site.desk, self.site.clock()
        session = desk.store.load(found.person)
        told = desk.store.conversation(found.person)
        return Opened(
            found=found,
            spoken=[spoken(one, one.id.startswith(OURS), SHANGHAI) for one in told[-turns:]],
            more=turns + TURNS if len(told) > turns else 0,
            revision=session.revision,
            handed=session.handed,
            way=way_to(self.site.ways, desk, found.person, now),
            contact=contact(desk, found.person, session.draft.id) if session.draft else None,
            case=standing(desk, session),
            people=self._people(),
        )

    def _say(self, found: Handover, staff: Staff, words: str, form: str, seen: int, back: bool) -> bool:
        """The words go out first, once for this form: a crash before they are noted leaves the person on the list, never unanswered."""
        now = self.site.clock()
        if speak(self.site.desk, found.person, words, form=form, now=now, gives_back=back) is None:
            return False
        with self.site.desk.store.writing() as db:
            inbox.answered(db, found.person, staff.name, now, seen=seen, talking=not back)
            said = f"答复 {len(words)} 字" if words else ""
            log(db, staff, "答复" if words else "交还助手", found.id, "，".join(filter(None, (said, "交还助手" if back and words else ""))))
        return True

    def _assign(self, found: Handover, staff: Staff, name: str) -> None:
        with self.site.desk.store.writing() as db:
            inbox.assign(db, found.person, name)
            log(db, staff, "指派", found.id, f"人工：{name or '不指派'}")


def pages(site: Site) -> tuple[Page, ...]:
    """Its pages."""
    made, one = Inbox(site), f"{HOME}/{{handover}}"
    return (
        Page(HOME, made.show, label="人工"),
        Page(one, made.open, owner="handover"),
        Page(f"{one}/answer", made.answer, ("POST",), "officer", "handover"),
        Page(f"{one}/back", made.give_back, ("POST",), "officer", "handover"),
        Page(f"{one}/assign", made.assign, ("POST",), "officer", "handover"),
    )
