"""Whose drafts were judged by other policy data than today's? What changes for each, and what its owner will be told."""

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from bot.staff.policy_report import unit_of
from bot.staff.site import Page, Site, shown
from flows.draft_change import DraftChange, fingerprints, since_judged
from flows.say import word
from storage import judged
from storage.accounts import Staff
from storage.store import DraftRow

HERE = "/staff/changes"
PAGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """A draft as the page shows it."""

    id: str
    unit: str
    programme: str
    service: str
    judged_at: float
    """When its owner last said something."""
    change: DraftChange | None
    """None: what it applies for is no longer in the data."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The page."""

    site: Site

    async def show(self, request: Request, _: Staff) -> Response:
        """The drafts, last changed first."""
        text = request.query_params.get("page", "")
        number = min(int(text), 100_000) if text.isdecimal() and len(text) < 9 and int(text) else 1
        count, found = await asyncio.to_thread(self._read, number)
        values = {
            "count": count,
            "drafts": found,
            "page": number,
            "pages": max(1, -(-count // PAGE)),
            "words": word,
            "open": frozenset(page.path for page in request.state.menu),
        }
        return shown(request, "changes.html", values)

    def _read(self, number: int) -> tuple[int, list[Touched]]:
        desk = self.site.desk
        prints = fingerprints(desk.assistant)
        with desk.store.reading() as db:
            count = judged.count_outdated(db, prints)
            ids = judged.outdated_page(db, prints, (number - 1) * PAGE, PAGE)
        return count, [self._touched(row) for row in (desk.store.drafts_of(ids) if ids else ())]

    def _touched(self, row: DraftRow) -> Touched:
        desk, draft = self.site.desk, row.draft
        programme = next((p for p in desk.assistant.library.programmes if p.key == draft.programme), None)
        services = programme.latest.services if programme else ()
        return Touched(
            id=draft.id,
            unit=unit_of(row),
            programme=programme.short if programme else draft.programme,
            service=next((s.name for s in services if s.key == draft.service), draft.service),
            judged_at=draft.updated_at.timestamp(),
            change=since_judged(desk.assistant, draft, desk.today()),
        )


def pages(site: Site) -> tuple[Page, ...]:
    """Its page."""
    return (Page(HERE, Changes(site).show, label="政策变动"),)
