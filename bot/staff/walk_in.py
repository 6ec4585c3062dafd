"""How do staff serve somebody who comes to the counter? They type what the person says, and hand the draft over by a continuation code."""

import asyncio
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from bot.handle import BUSY, SHANGHAI, forget, handle
from bot.links import own_draft
from bot.papers import KINDS, document, media_type
from bot.staff.site import Page, Site, back_to, missing, notice, sent, shown
from bot.staff.talk import FORM_ID, Spoken, number, spoken, standing
from flows.position import case_of, position
from flows.types import CODE_MARK, Message, Option, PersonKey, Reply, Session
from storage import counter
from storage.accounts import Staff, log
from storage.counter import WalkIn

HOME = "/staff/walk-in"
TURNS = 12
LONGEST = 10_000
CODE = "继续码"
_SENDER = re.compile("[0-9a-f]{32}")
_STALE = "这个按钮属于前面的问题，没有记下；请按最后一个问题回答。"
STATES = {"none": "正在填", "open": "继续码已给，等本人接着填", "expired": "继续码过期，还没有人用", "used": "本人已接过去"}
CONSENTS = ("consent", "bank_consent")
PAPERS = (("form", "申请表（Word）"), ("form_pdf", "申请表（PDF）"), ("checklist", "材料清单（Word）"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The page of one person."""

    found: WalkIn
    spoken: Sequence[Spoken]
    more: int
    choices: Sequence[Option]
    revision: int
    case: dict[str, object]
    consent: bool
    """The notice that the person must see is open."""


@dataclass(frozen=True, slots=True)
class Counter:
    """The pages."""

    site: Site

    async def show(self, request: Request, _: Staff) -> Response:
        """Whom staff served last, and the button for the next."""
        found = await asyncio.to_thread(self._list)
        return shown(request, "walk_in.html", {"found": found, "states": STATES, "home": HOME})

    async def begin(self, _: Request, staff: Staff) -> Response:
        """Somebody new."""
        sender = secrets.token_hex(16)
        await asyncio.to_thread(self._begin, sender, staff)
        return back_to(f"{HOME}/{sender}")

    async def open(self, request: Request, _: Staff) -> Response:
        """The conversation at the counter."""
        return await self._page(request, "")

    async def say(self, request: Request, staff: Staff) -> Response:
        """What the person says, typed or pressed by staff."""
        form, person = sent(request), self._person(request)
        if person is None or not FORM_ID.fullmatch(form.get("id", "")) or await asyncio.to_thread(self._find, person.sender) is None:
            return missing(request)
        pressed = form.get("choice")
        if pressed is not None and form.get("revision") != str((await asyncio.to_thread(self._session, person)).revision):
            return await self._page(request, _STALE)
        text = (form.get("text", "") if pressed is None else pressed)[: LONGEST + 1]
        message = Message(channel=person.channel, sender=person.sender, id=form["id"], text=text, received_at=self.site.clock())
        made = await asyncio.to_thread(handle, self.site.desk, message)
        if made.replies == (Reply(text=BUSY),):
            return notice(request, 503, BUSY)
        kinds = {effect.kind for effect in made.effects}
        if "code" in kinds:
            await asyncio.to_thread(self._log, staff, "给继续码", person)
        if "forget" in kinds:
            await asyncio.to_thread(self._log, staff, "柜台删除", person)
            return back_to(HOME)
        return back_to(f"{HOME}/{person.sender}#last")

    async def file(self, request: Request, staff: Staff) -> Response:
        """A document of the current draft, to be printed at the counter."""
        person, kind = self._person(request), request.query_params.get("kind", "form")
        if person is None or kind not in KINDS or await asyncio.to_thread(self._find, person.sender) is None:
            return missing(request)
        made = await asyncio.to_thread(self._file, staff, person, kind)
        if made is None:
            return missing(request)
        disposition = f"attachment; filename*=UTF-8''{quote(made[0], safe='')}"
        return Response(made[1], media_type=media_type(made[0]), headers={"Content-Disposition": disposition})

    async def end(self, request: Request, staff: Staff) -> Response:
        """Delete what the counter holds of the person: what they took over stays theirs."""
        person = self._person(request)
        if person is None or await asyncio.to_thread(self._find, person.sender) is None:
            return missing(request)
        if sent(request).get("sure") != "1":
            return await self._page(request, "没有删除：请先勾选“确定删除”。")
        await asyncio.to_thread(self._end, staff, person)
        return back_to(HOME)

    async def _page(self, request: Request, problem: str) -> Response:
        person = self._person(request)
        turns = number(request.query_params.get("turns", ""), TURNS)
        found = await asyncio.to_thread(self._served, person, turns) if person else None
        if found is None:
            return missing(request)
        values = {"it": found, "problem": problem, "form_id": secrets.token_urlsafe(16), "longest": LONGEST, "code": CODE, "papers": PAPERS}
        return shown(request, "walk_in_person.html", {**values, "states": STATES, "home": HOME}, 422 if problem else 200)

    @staticmethod
    def _person(request: Request) -> PersonKey | None:
        sender = request.path_params["person"]
        return PersonKey(channel=counter.CHANNEL, sender=sender) if _SENDER.fullmatch(sender) else None

    # In a thread

    def _list(self) -> Sequence[tuple[WalkIn, str]]:
        desk = self.site.desk
        with desk.store.reading() as db:
            found = counter.walk_ins(db, CODE_MARK, self.site.clock())
        cases = [standing(desk, desk.store.load(one.person)) for one in found]
        return [(one, str(case.get("name", "还没有选项目"))) for one, case in zip(found, cases, strict=True)]

    def _find(self, sender: str) -> WalkIn | None:
        with self.site.desk.store.reading() as db:
            return counter.walk_in(db, sender, CODE_MARK, self.site.clock())

    def _session(self, person: PersonKey) -> Session:
        return self.site.desk.store.load(person)

    def _begin(self, sender: str, staff: Staff) -> None:
        with self.site.desk.store.writing() as db:
            counter.begin(db, sender, staff.name)
            log(db, staff, "柜台接待", sender)

    def _log(self, staff: Staff, action: str, person: PersonKey, detail: str = "") -> None:
        with self.site.desk.store.writing() as db:
            log(db, staff, action, person.sender, detail)

    def _served(self, person: PersonKey, turns: int) -> Served | None:
        desk, found = self.site.desk, self._find(person.sender)
        if found is None:
            return None
        session, told = self._session(person), desk.store.conversation(person)
        last = told[-1].replies[-1] if told and told[-1].replies else Reply(text="")
        programmes = () if told else tuple(Option(value=p.key, label=p.name) for p in desk.assistant.library.programmes)
        return Served(
            found=found,
            spoken=[spoken(one, False, SHANGHAI) for one in told[-turns:]],
            more=turns + TURNS if len(told) > turns else 0,
            choices=last.choices or programmes,
            revision=session.revision,
            case=standing(desk, session),
            consent=position(desk.assistant, session, case_of(desk.assistant, session, desk.today())).key in CONSENTS,
        )

    def _file(self, staff: Staff, person: PersonKey, kind: str) -> tuple[str, bytes] | None:
        draft = self._session(person).draft
        opened = own_draft(self.site.desk, person, draft.id) if draft else None
        made = document(self.site.desk, opened, kind) if opened else None
        if made is None:
            return None
        self._log(staff, "柜台下载", person, kind)
        return made.name, made.content

    def _end(self, staff: Staff, person: PersonKey) -> None:
        forget(self.site.desk, person)
        self._log(staff, "柜台删除", person)


def pages(site: Site) -> tuple[Page, ...]:
    """Its pages."""
    made, one = Counter(site), f"{HOME}/{{person}}"
    return (
        Page(HOME, made.show, role="officer", label="柜台"),
        Page(f"{HOME}/new", made.begin, ("POST",), "officer"),
        Page(one, made.open, role="officer", owner="walk-in"),
        Page(f"{one}/say", made.say, ("POST",), "officer", "walk-in"),
        Page(f"{one}/file", made.file, role="officer", owner="walk-in"),
        Page(f"{one}/end", made.end, ("POST",), "officer", "walk-in"),
    )
