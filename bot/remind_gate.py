"""May a queued reminder still go out, and now? Asked again just before it is sent or shown: people opt out, dates pass, staff cancel."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flows.reminders import allowed_from
from storage import reminders
from storage.reminders import Standing
from storage.runs import FAR
from storage.store import Push, PushState

if TYPE_CHECKING:
    from bot.handle import Desk  # whose messages show what was kept

MARKED = "草稿后来已由工作人员标记，不再提醒"
STOPPED, PAST, CANCELLED, PAUSED, QUIET = "对方已退订提醒", "日子已过，不再提醒", "这次发送已取消", "这次发送已暂停", "安静时段，稍后再发"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Why a reminder is not sent now: dropped for good, or waiting for so many seconds."""

    state: PushState
    note: str
    wait: float | None = None


def held(desk: "Desk", push: Push, now: float) -> Held | None:
    """What speaks against sending a reminder now; None: nothing, also where it belongs to no run."""
    with desk.store.reading() as db:
        found = reminders.standing(db, push.id)
    if found is None:
        return None
    if why := _dropped(desk, found):
        return Held(state="dropped", note=why)
    if found.state == "paused":
        return Held(state="waiting", note=PAUSED, wait=FAR - now)
    here = datetime.fromtimestamp(now, ZoneInfo("Asia/Shanghai"))
    wait = (allowed_from(desk.assistant.library.reminders, here) - here).total_seconds()
    return Held(state="waiting", note=QUIET, wait=wait) if wait > 0 else None


def wanted(desk: "Desk", kept: Sequence[Push]) -> tuple[Push, ...]:
    """Of what is kept for a person's next visit that which may still be shown; the rest is dropped."""
    shown = []
    for push in kept:
        why = _why_not(desk, push) if push.kind == "reminder" else ""
        if why:
            desk.store.settle_push(push.id, "dropped", note=why)
        else:
            shown.append(push)
    return tuple(shown)


def _why_not(desk: "Desk", push: Push) -> str:
    with desk.store.reading() as db:
        found = reminders.standing(db, push.id)
    return _dropped(desk, found) if found else ""


def _dropped(desk: "Desk", found: Standing) -> str:
    if found.stopped:
        return STOPPED
    if found.state == "cancelled":
        return CANCELLED
    if found.marked:
        return MARKED
    return PAST if found.until and found.until < desk.today().isoformat() else ""
