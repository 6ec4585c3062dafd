"""Who did what, and when? The admins' page of the log: filtered, a page at a time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from bot.handle import SHANGHAI
from bot.staff.site import Page, Site, shown
from storage import accounts
from storage.accounts import Entry, Staff, Wanted

HERE = "/staff/log"
PAGE = 50
_FIELDS = ("staff", "action", "text", "since", "until")


@dataclass(frozen=True, slots=True)
class Journal:
    """The page."""

    site: Site

    async def show(self, request: Request, _: Staff) -> Response:
        """Lines that fit the filter, newest first."""
        asked = {name: request.query_params.get(name, "").strip()[:100] for name in _FIELDS}
        before = _number(request.query_params.get("before", ""))
        found, people, actions = await asyncio.to_thread(self._read, _wanted(asked), before)
        lines, more = found[:PAGE], found[PAGE:]
        query = {name: text for name, text in asked.items() if text}
        values = {
            "asked": asked,
            "lines": lines,
            "people": people,
            "actions": actions,
            "older": f"{HERE}?{urlencode({**query, 'before': lines[-1].number})}" if more else "",
            "newest": f"{HERE}?{urlencode(query)}" if before else "",
        }
        return shown(request, "log.html", values)

    def _read(self, wanted: Wanted, before: int) -> tuple[Sequence[Entry], Sequence[str], Sequence[str]]:
        with self.site.desk.store.reading() as db:
            return accounts.entries(db, wanted, before=before, limit=PAGE + 1), accounts.actors(db), accounts.actions(db)


def pages(site: Site) -> tuple[Page, ...]:
    """Its page."""
    return (Page(HERE, Journal(site).show, role="admin", label="操作记录"),)


def _wanted(asked: dict[str, str]) -> Wanted:
    """What the filter asks for; a date that is none is as if it were not there."""
    return Wanted(
        staff=asked["staff"],
        action=asked["action"],
        text=asked["text"],
        since=_start(asked["since"]),
        until=_start(asked["until"], days=1),
    )


def _start(text: str, days: int = 0) -> float:
    """The first moment of a day in China, or of one some days later."""
    try:
        return datetime.combine(date.fromisoformat(text) + timedelta(days=days), time(), SHANGHAI).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0
