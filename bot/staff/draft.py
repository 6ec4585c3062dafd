"""The page of one draft: what it says and rests on, the talk beside it, and what staff do with it: mark, assign, note, see the number."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from bot.papers import media_type
from bot.remind_ways import Way
from bot.staff import draft_view, marking, naming
from bot.staff.contact import Contact, contact
from bot.staff.drafts import HOME
from bot.staff.listing import refresh_one
from bot.staff.site import Page, Site, back_to, missing, sent, shown
from bot.staff.speaking import way_to
from bot.staff.talk import FORM_ID, Spoken, number
from flows.handing import LONGEST
from flows.position import Case
from flows.types import PersonKey, Session
from knowledge.text import clean
from storage import accounts, listing, marks
from storage.accounts import Staff, log
from storage.listing import MARKS, Listed
from storage.marks import Note
from storage.store import Store, StoreError

TURNS = 8
LONGEST_NOTE = 2000
DONE = {"mark": "标记好了，已记入操作记录。", "returned": "已退回，原因已写进申请人的对话。", "assign": "指派好了。", "note": "记下了。"}
"""What a step answers with, by the word that its address ends with."""
_EMPTY = "备注没有写内容，没有保存。"
_LONG = f"备注超过 {LONGEST_NOTE} 个字，没有保存。请写短些。"
_NO_MARK = "没有这种标记，没有做。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A draft as its page shows it."""

    line: Listed
    case: Case | None
    spoken: Sequence[Spoken]
    more: int
    """How many turns to show to see earlier ones; 0: all are shown."""
    notes: Sequence[Note]
    way: Way
    contact: Contact | None
    people: Sequence[str]


@dataclass(frozen=True, slots=True)
class DraftPage:
    """The page and its forms."""

    site: Site

    async def show(self, request: Request, staff: Staff) -> Response:
        """The page."""
        return await self._page(request, staff)

    async def preview(self, request: Request, _: Staff) -> Response:
        """The picture of the form."""
        made = await asyncio.to_thread(self._picture, request.path_params["draft"])
        if made is None:
            return missing(request)
        disposition = f"inline; filename*=UTF-8''{quote(made[0], safe='')}"
        return Response(made[1], media_type=media_type(made[0]), headers={"Content-Disposition": disposition, "Cache-Control": "no-store"})

    async def mark(self, request: Request, staff: Staff) -> Response:
        """Mark it; a return is told to the applicant."""
        form, draft = sent(request), request.path_params["draft"]
        wanted, reason, form_id = form.get("mark", ""), clean(form.get("reason", "")), form.get("id", "")
        line = await asyncio.to_thread(self._line, draft)
        if line is None or not FORM_ID.fullmatch(form_id):
            return missing(request)
        problem = marking.problem(wanted, reason) if wanted in ("", *MARKS) else _NO_MARK
        if problem:
            return await self._page(request, staff, problems={"mark": problem}, typed={"mark": wanted, "reason": form.get("reason", "")})
        desk, now = self.site.desk, self.site.clock()
        if not await asyncio.to_thread(marking.mark, desk, staff, line.person, draft, wanted, reason, form=form_id, now=now):
            return missing(request)
        return _back(draft, "returned" if wanted == "returned" else "mark")

    async def assign(self, request: Request, staff: Staff) -> Response:
        """Give it to an account, or to nobody."""
        draft, name = request.path_params["draft"], sent(request).get("assignee", "")
        line, people = await asyncio.to_thread(self._line, draft), await asyncio.to_thread(self._people)
        if line is None or name not in ("", line.assignee, *people):
            return missing(request)
        await asyncio.to_thread(self._assign, staff, draft, name)
        return _back(draft, "assign")

    async def note(self, request: Request, staff: Staff) -> Response:
        """Keep a note among staff."""
        form, draft = sent(request), request.path_params["draft"]
        text, form_id = clean(form.get("text", "")).strip(), form.get("id", "")
        if await asyncio.to_thread(self._line, draft) is None or not FORM_ID.fullmatch(form_id):
            return missing(request)
        problem = _EMPTY if not text else _LONG if len(text) > LONGEST_NOTE else ""
        if problem:
            return await self._page(request, staff, problems={"note": problem}, typed={"text": form.get("text", "")})
        kept = Note(id=form_id, staff=staff.name, at=self.site.clock().timestamp(), text=text)
        if not await asyncio.to_thread(self._note, staff, draft, kept):
            return missing(request)
        return _back(draft, "note")

    async def number(self, request: Request, staff: Staff) -> Response:
        """The whole telephone number, for this once; the log keeps who looked."""
        if await asyncio.to_thread(self._line, request.path_params["draft"]) is None:
            return missing(request)
        await asyncio.to_thread(self._log_look, staff, request.path_params["draft"])
        return await self._page(request, staff, whole=True)

    async def _page(
        self,
        request: Request,
        staff: Staff,
        *,
        problems: dict[str, str] | None = None,
        typed: dict[str, str] | None = None,
        whole: bool = False,
    ) -> Response:
        turns = number(request.query_params.get("turns", ""), TURNS)
        opened = await asyncio.to_thread(self._open, request.path_params["draft"], turns)
        if opened is None:
            return missing(request)
        case = await asyncio.to_thread(draft_view.view, self.site.desk, opened.case) if opened.case else {}
        values = {
            "it": opened,
            "case": case,
            "whole": whole,
            "problems": {"mark": "", "note": "", **(problems or {})},
            "typed": {"mark": opened.line.mark, "reason": "", "text": "", **(typed or {})},
            "done": DONE.get(request.query_params.get("done", ""), ""),
            "form_id": secrets.token_urlsafe(16),
        }
        return shown(request, "draft.html", {**values, **self._words(staff)}, 422 if problems else 200)

    def _words(self, staff: Staff) -> dict[str, object]:
        return {
            "may": staff.may("officer"),
            "home": HOME,
            "naming": naming,
            "library": self.site.desk.assistant.library,
            "marks": marking.MARK_WORDS,
            "longest": LONGEST,
            "longest_note": LONGEST_NOTE,
        }

    # In a thread

    def _line(self, draft: str) -> Listed | None:
        """Its line of the list, which is made where there is none yet."""
        desk = self.site.desk
        with desk.store.reading() as db:
            found = listing.one(db, draft)
        if found is None and (row := desk.store.draft(draft)):
            self._refresh(row.person, draft)
            with desk.store.reading() as db:
                found = listing.one(db, draft)
        return found

    def _refresh(self, person: PersonKey, draft: str) -> None:
        refresh_one(self.site.desk.store, self.site.desk.assistant, person, draft, self.site.desk.today())

    def _open(self, draft: str, turns: int) -> Opened | None:
        found, desk = self._line(draft), self.site.desk
        if found is None:
            return None
        self._refresh(found.person, draft)
        session = _session(desk.store, found.person)
        spoken, every = draft_view.conversation(desk, session, turns)
        with desk.store.reading() as db:
            line, notes = listing.one(db, draft), marks.notes(db, draft)
        if line is None:
            return None
        return Opened(
            line=line,
            case=draft_view.case(desk, session, draft),
            spoken=spoken,
            more=turns + TURNS if every > turns else 0,
            notes=notes,
            way=way_to(self.site.ways, desk, line.person, self.site.clock()),
            contact=contact(desk, line.person, draft) if session.drafts else None,
            people=self._people(),
        )

    def _people(self) -> Sequence[str]:
        with self.site.desk.store.reading() as db:
            return [one.name for one in accounts.accounts(db) if one.active and one.role != "reader"]

    def _picture(self, draft: str) -> tuple[str, bytes] | None:
        line, desk = self._line(draft), self.site.desk
        case = draft_view.case(desk, _session(desk.store, line.person), draft) if line else None
        made = draft_view.picture(desk, case) if case else None
        return (made.name, made.content) if made else None

    def _assign(self, staff: Staff, draft: str, name: str) -> None:
        with self.site.desk.store.writing() as db:
            if marks.assign(db, draft, name):
                log(db, staff, "指派", draft, f"草稿：{name or '不指派'}", at=self.site.clock().timestamp())

    def _note(self, staff: Staff, draft: str, kept: Note) -> bool:
        with self.site.desk.store.writing() as db:
            if kept.id in {one.id for one in marks.notes(db, draft)}:
                return True  # the same form, sent twice
            if not marks.add_note(db, draft, kept):
                return False
            log(db, staff, "写备注", draft, f"{len(kept.text)} 字", at=kept.at)
            return True

    def _log_look(self, staff: Staff, draft: str) -> None:
        with self.site.desk.store.writing() as db:
            log(db, staff, "看手机号", draft, at=self.site.clock().timestamp())


def pages(site: Site) -> tuple[Page, ...]:
    """Its pages."""
    made, path = DraftPage(site), f"{HOME}/{{draft}}"
    return (
        Page(path, made.show, owner="draft"),
        Page(f"{path}/preview", made.preview, owner="draft"),
        Page(f"{path}/mark", made.mark, ("POST",), "officer", "draft"),
        Page(f"{path}/assign", made.assign, ("POST",), "officer", "draft"),
        Page(f"{path}/note", made.note, ("POST",), "officer", "draft"),
        Page(f"{path}/number", made.number, ("POST",), "officer", "draft"),
    )


def _session(store: Store, person: PersonKey) -> Session:
    """The person's session; one without drafts where they cannot be read: the talk still can."""
    try:
        return store.load(person)
    except StoreError:
        return Session(person=person)


def _back(draft: str, done: str) -> Response:
    return back_to(f"{HOME}/{draft}?done={done}")
