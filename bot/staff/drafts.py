"""The list of drafts: filters, search, order, pages. One draft has `draft.py`."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, get_args
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from bot.staff import naming
from bot.staff.listing import refresh
from bot.staff.marking import MARK_WORDS
from bot.staff.site import Page, Site, shown
from bot.staff.talk import number
from flows.say import word
from storage import accounts, listed, listing
from storage.accounts import Staff
from storage.listing import NOBODY, PAGE, Filter, Listed, Sort

HOME = "/staff/drafts"
ORDERS: dict[Sort, str] = {"changed": "最近改动的在前", "deadline": "快到期的在前", "missing": "缺得多的在前"}
_SECONDS = 0.1
"""How long a look at the list may spend on bringing it up to date; the rest follows by itself."""
_RARE = ("channel", "missing", "since", "until", "due_from", "due_to", "assignee")
"""Conditions that are folded away until they are used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the list shows."""

    lines: Sequence[Listed] = ()
    total: int = 0
    page: int = 1
    unlisted: int = 0
    """Drafts that changed since the list was made."""
    people: Sequence[str] = ()
    """To whom drafts are and can be given."""

    @property
    def pages(self) -> int:
        """How many pages there are, one at the least."""
        return max(1, -(-self.total // PAGE))


@dataclass(frozen=True, slots=True)
class Drafts:
    """The page."""

    site: Site

    async def show(self, request: Request, staff: Staff) -> Response:
        """The list."""
        asked = request.query_params
        sort = cast(Sort, asked["sort"] if asked.get("sort") in get_args(Sort) else "changed")
        try:
            wanted = Filter.from_query(request.url.query)
        except ValueError:
            values = self._values(Filter(), sort, Found())
            return shown(
                request, "drafts.html", {**values, "problem": "筛选条件里的日期或标记不对：日期写成 2026-11-22 这样；没有列出草稿。"}, 422
            )
        found = await asyncio.to_thread(self._found, wanted, sort, number(asked.get("page", ""), 1))
        return shown(request, "drafts.html", {**self._values(wanted, sort, found), "problem": "", "may": staff.may("officer")})

    def _values(self, wanted: Filter, sort: Sort, found: Found) -> dict[str, object]:
        library = self.site.desk.assistant.library
        known = naming.choices(library)
        known["assignee"] = {**{name: name for name in found.people}, NOBODY: "没有人"}
        query = wanted.to_query()
        return {
            "wanted": wanted,
            "found": found,
            "known": known,
            "chips": [
                (f"{label}：{value}", _address(wanted.without(name), sort)) for name, label, value in naming.conditions(wanted, known)
            ],
            "sort": sort,
            "orders": [(label, _address(wanted, one), one == sort) for one, label in ORDERS.items()],
            "query": f"?{query}" if query else "",
            "earlier": _address(wanted, sort, found.page - 1) if found.page > 1 else "",
            "later": _address(wanted, sort, found.page + 1) if found.page < found.pages else "",
            "unfolded": any(getattr(wanted, name) for name in _RARE),
            "may": False,
            "home": HOME,
            "naming": naming,
            "library": library,
            "marks": MARK_WORDS,
            "outcome": lambda line: word("outcome", line.outcome) if line.outcome else "",
            "today": self.site.desk.today(),
        }

    def _found(self, wanted: Filter, sort: Sort, page: int) -> Found:
        """In a thread."""
        desk = self.site.desk
        refresh(desk.store, desk.assistant, desk.today(), seconds=_SECONDS)
        with desk.store.reading() as db:
            found = listing.look(db, wanted, page, sort=sort)
            people = {one.name for one in accounts.accounts(db) if one.active and one.role != "reader"} | set(listing.assignees(db))
            unlisted = listed.count_stale(db)
        return Found(lines=found.lines, total=found.total, page=found.page, unlisted=unlisted, people=sorted(people))


def pages(site: Site) -> tuple[Page, ...]:
    """Its page."""
    return (Page(HOME, Drafts(site).show, label="草稿"),)


def _address(wanted: Filter, sort: Sort, page: int = 1) -> str:
    more = {"sort": sort if sort != "changed" else "", "page": str(page) if page > 1 else ""}
    query = "&".join(filter(None, (wanted.to_query(), urlencode({name: value for name, value in more.items() if value}))))
    return f"{HOME}?{query}" if query else HOME
