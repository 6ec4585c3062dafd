"""The page of exports: ask for a file of chosen drafts, see how far it is, fetch it, take it back. Everybody sees their own alone."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from bot.export import choice, jobs
from bot.export.files import file_of, folder_beside, tidy
from bot.export.formats import FORMATS
from bot.staff.site import Form, Page, Site, back_to, missing, notice, sent, shown
from storage import exports
from storage.accounts import REFUSED, Staff, log
from storage.exports import Export, ExportState
from storage.store import Connection

HOME = "/staff/exports"
AT_ONCE = 5
"""Exports that one account may have waiting."""
LONGEST_REASON = 200
STATES: dict[ExportState, str] = {
    "waiting": "排队中",
    "running": "生成中",
    "done": "已生成",
    "failed": "没有生成",
    "cancelled": "已取消",
    "withdrawn": "已收回：里面有申请人删除了数据，请重新导出",
    "expired": "已删除",
}
_NO_BANK = "只有管理账号能导出银行卡号；请去掉这一项，或请管理员来做。"
_WHY = "要银行卡号，须写明原因。"
_KIND = "没有这种格式，请重新选。"
_FILTER = "筛选条件读不出来，请回到草稿列表重新筛选。"
_FULL = f"您有 {AT_ONCE} 个导出还没做完，请等做完再来。"
_LATE = "这个导出的状态已经变了，刚才这一步没有做；请看现在的状态。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the form brought."""

    kind: str = "xlsx"
    audience: str = ""
    bank: bool = False
    reason: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Exports:
    """The page and what its forms do."""

    site: Site

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return folder_beside(self.site.desk.files)

    async def show(self, request: Request, staff: Staff) -> Response:
        """The form, for the filter in the address, and one's own exports."""
        try:
            audience = choice.query(request.url.query)
        except ValueError:
            return await self._again(request, staff, Asked(problem=_FILTER))
        return await self._again(request, staff, Asked(audience=audience), 200)

    async def listed(self, request: Request, staff: Staff) -> Response:
        """The piece of the page that changes while something is made."""
        return shown(request, "export_list.html", await asyncio.to_thread(self._list, staff))

    async def ask(self, request: Request, staff: Staff) -> Response:
        """Queue an export."""
        try:
            asked = _asked(sent(request))
        except ValueError:
            return await self._again(request, staff, Asked(problem=_FILTER))
        if asked.bank and not staff.may("admin"):
            await asyncio.to_thread(self._noted, lambda db: self._log(db, staff, "导出银行卡号", "", result=REFUSED))
            return notice(request, 403, _NO_BANK)
        if problem := asked.problem or await asyncio.to_thread(self._queued, staff, asked):
            return await self._again(request, staff, replace(asked, problem=problem))
        await asyncio.to_thread(self.site.start_exports)
        return back_to(HOME)

    async def fetch(self, request: Request, staff: Staff) -> Response:
        """The file, while it is offered; that it was fetched is logged."""
        found = await asyncio.to_thread(self._own, request, staff)
        if found is None or found.state != "done" or found.expires_at <= self.site.clock():
            return missing(request)
        if found.bank and not staff.may("admin"):
            return notice(request, 403, _NO_BANK)
        file = file_of(self.folder, found.id)
        if not file.is_file():
            return missing(request)
        await asyncio.to_thread(self._noted, lambda db: self._log(db, staff, "下载导出", found.id))
        return FileResponse(file, filename=found.name, media_type="application/octet-stream")

    async def change(self, request: Request, staff: Staff) -> Response:
        """Cancel, delete, or make once more."""
        found, change = await asyncio.to_thread(self._own, request, staff), request.path_params["change"]
        if found is None or change not in _CHANGES:
            return missing(request)
        if found.bank and change == "again" and not staff.may("admin"):
            return notice(request, 403, _NO_BANK)
        if not await asyncio.to_thread(self._changed, found, change, staff):
            return notice(request, 409, _LATE)
        if change == "again":
            await asyncio.to_thread(self.site.start_exports)
        return back_to(HOME)

    async def _again(self, request: Request, staff: Staff, asked: Asked, status: int = 422) -> Response:
        values = await asyncio.to_thread(self._list, staff)
        library = self.site.desk.assistant.library
        chips = choice.words(library, asked.audience)
        form = {"asked": asked, "formats": FORMATS.values(), "chips": chips, "programmes": library.programmes, "longest": LONGEST_REASON}
        return shown(request, "exports.html", {**values, **form}, status)

    def _list(self, staff: Staff) -> dict[str, object]:
        now = self.site.clock()
        if jobs.look_after(self.site.desk.store, self.folder, now):
            self.site.start_exports()
        with self.site.desk.store.reading() as db:
            found = exports.exports_of(db, staff.name)
        library = self.site.desk.assistant.library
        lines = [(one, FORMATS[one.format], choice.words(library, one.audience)) for one in found if one.format in FORMATS]
        going = any(one.state in ("waiting", "running") for one in found)
        return {"lines": lines, "states": STATES, "going": going, "size": _size}

    def _own(self, request: Request, staff: Staff) -> Export | None:
        with self.site.desk.store.reading() as db:
            found = exports.export(db, request.path_params["export"])
        return found if found and found.made_by == staff.name else None

    def _queued(self, staff: Staff, asked: Asked) -> str:
        """Queue it; why not, else nothing."""
        day, now = self.site.desk.today().isoformat(), self.site.clock()
        with self.site.desk.store.writing() as db:
            if sum(one.state in ("waiting", "running") for one in exports.exports_of(db, staff.name)) >= AT_ONCE:
                return _FULL
            made = jobs.queue(
                db, made_by=staff.name, kind=asked.kind, audience=asked.audience, bank=asked.bank, reason=asked.reason, day=day, now=now
            )
            told = choice.for_log(asked.audience, None, bank=asked.bank, reason=asked.reason)
            self._log(db, staff, "导出", made.id, f"{asked.kind}；{told}")
        return ""

    def _changed(self, found: Export, change: str, staff: Staff) -> bool:
        action, move = _CHANGES[change]
        with self.site.desk.store.writing() as db:
            if not move(db, found, self.site):
                return False
            self._log(db, staff, action, found.id)
        tidy(self.site.desk.store, self.folder)
        return True

    def _noted(self, note: Callable[[Connection], None]) -> None:
        with self.site.desk.store.writing() as db:
            note(db)

    def _log(self, db: Connection, staff: Staff, action: str, object: str, detail: str = "", **result: str) -> None:
        log(db, staff, action, object, detail, at=self.site.clock().timestamp(), **result)


def _asked(form: Form) -> Asked:
    """What the form brought; the filter that was taken over goes before the service that was chosen in the form itself."""
    programme, _, service = form.get("service", "").partition("/")
    audience = choice.query(form.get("audience", "")) or choice.query("", programme=programme, service=service)
    kind, bank, reason = form.get("format", ""), bool(form.get("bank")), " ".join(form.get("reason", "").split())[:LONGEST_REASON]
    problem = _KIND if kind not in FORMATS else _WHY if bank and not reason else ""
    return Asked(kind=kind, audience=audience, bank=bank, reason=reason, problem=problem)


def _size(octets: int) -> str:
    return f"{octets / 1_000_000:.1f} MB" if octets >= 1_000_000 else f"{max(1, round(octets / 1000))} KB"


def _cancel(db: Connection, found: Export, _: Site) -> bool:
    return exports.end(db, found.id, ("waiting", "running"), "cancelled")


def _delete(db: Connection, found: Export, _: Site) -> bool:
    return exports.end(db, found.id, ("done", "failed", "cancelled"), "expired")


def _make_again(db: Connection, found: Export, site: Site) -> bool:
    return exports.queue_again(db, found.id, site.clock())


_CHANGES: dict[str, tuple[str, Callable[[Connection, Export, Site], bool]]] = {
    "cancel": ("取消导出", _cancel),
    "delete": ("删除导出", _delete),
    "again": ("重做导出", _make_again),
}


def pages(site: Site) -> Sequence[Page]:
    """Its pages."""
    page = Exports(site)
    return (
        Page(HOME, page.show, role="officer", label="导出"),
        Page(HOME, page.ask, ("POST",), role="officer"),
        Page(f"{HOME}/list", page.listed, role="officer"),
        Page(f"{HOME}/{{export}}/file", page.fetch, role="officer", owner="export"),
        Page(f"{HOME}/{{export}}/{{change}}", page.change, ("POST",), role="officer", owner="export"),
    )
