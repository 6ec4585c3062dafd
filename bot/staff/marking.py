"""What does it take to mark a draft? The same for the page and the command: the applicant is told first, then it is kept and logged."""

from datetime import datetime

from bot.handle import Desk
from bot.staff.listing import refresh_one
from bot.staff.speaking import give_papers_back
from flows.handing import LONGEST
from flows.types import PersonKey
from knowledge.types import Library
from storage import listing, marks
from storage.accounts import Staff, log

MARK_WORDS = {"received": "已收纸质材料", "returned": "已退回", "withdrawn": "申请人已撤回"}
"""How staff read a mark."""
NO_REASON = "退回要写明原因，申请人会原样看到；没有做。"
LONG_REASON = f"退回的原因超过 {LONGEST} 个字，没有做。请写短些。"


def problem(wanted: str, reason: str) -> str:
    """What speaks against marking a draft so, for staff; empty: nothing."""
    if wanted != "returned":
        return ""
    return NO_REASON if not reason else LONG_REASON if len(reason) > LONGEST else ""


def mark(desk: Desk, staff: Staff, person: PersonKey, draft: str, wanted: str, reason: str, *, form: str, now: datetime) -> bool:
    """Mark a draft (empty: take the mark away), once for a form; False where the draft is gone.

    The applicant hears of a return before it is kept: after a crash in between they were told, and staff see that it is still to be marked.
    """
    refresh_one(desk.store, desk.assistant, person, draft, desk.today())
    with desk.store.reading() as db:
        before = listing.one(db, draft)
    if before is None:
        return False
    told = reason if wanted == "returned" else ""
    if (
        told
        and give_papers_back(desk, person, name_of(desk.assistant.library, before.programme, before.service), told, form=form, now=now)
        is None
    ):
        return False
    with desk.store.writing() as db:
        if (before.mark, before.reason) != (wanted, told) and marks.mark(db, draft, wanted, reason=told, staff=staff.name, now=now):
            said = f"（原因 {len(told)} 字，已告诉申请人）" if told else ""
            log(db, staff, "标记草稿", draft, f"{MARK_WORDS.get(wanted, '取消标记')}{said}", at=now.timestamp())
    return True


def name_of(library: Library, programme: str, service: str, *, short: bool = False) -> str:
    """Programme and service by their names; by their keys where they are gone."""
    try:
        found = library.programme(programme)
    except KeyError:
        return f"{programme} {service}"
    names = {one.key: one.name for version in found.versions for one in version.services}
    return f"{found.short} · {names.get(service, service)}" if short else f"{found.name}{names.get(service, service)}"
