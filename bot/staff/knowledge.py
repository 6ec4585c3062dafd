"""What is encoded of the policies, and is it still true? For who keeps the data, and for a lawyer who compares it with the clauses."""

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from bot.staff.site import Page, Site, missing, shown
from flows import encoded, review
from flows.deadlines import ESTIMATED
from flows.draft_change import fingerprints
from flows.review import STALE_DAYS
from storage import judged
from storage.accounts import Staff

HERE = "/staff/knowledge"


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The pages."""

    site: Site

    async def show(self, request: Request, _: Staff) -> Response:
        """Every programme as it stands today, and what somebody should look at."""
        today = self.site.desk.today()
        values = {
            "today": today,
            "programmes": review.programmes(self.site.desk.assistant.library, today),
            "unannounced": review.unannounced(today),
            "estimated": ESTIMATED,
            "stale_days": STALE_DAYS,
            "changed": await asyncio.to_thread(self._changed),
        }
        return shown(request, "knowledge.html", values)

    async def one(self, request: Request, _: Staff) -> Response:
        """One programme: what holds, questions to the office, and of each service the rules beside their clauses."""
        library, today = self.site.desk.assistant.library, self.site.desk.today()
        programme = next((p for p in library.programmes if p.key == request.path_params["programme"]), None)
        if programme is None:
            return missing(request)
        found = review.programme_today(programme, today)
        values = {
            "today": today,
            "found": found,
            "documents": review.issued(found.version),
            "stale_days": STALE_DAYS,
            "services": [_service(found, one) for one in found.services],
        }
        return shown(request, "knowledge_programme.html", values)

    def _changed(self) -> int:
        with self.site.desk.store.reading() as db:
            return judged.count_outdated(db, fingerprints(self.site.desk.assistant))


def _service(found: review.ProgrammeToday, one: review.ServiceToday) -> dict[str, object]:
    """A service with everything that is encoded of it."""
    service, version = one.service, found.version
    lists = (
        ("日期", encoded.deadlines(service)),
        ("等级", encoded.grades(service)),
        ("金额", encoded.money(version, service)),
        ("材料", encoded.materials(service)),
        ("要问的栏目", encoded.fields(service)),
    )
    return {
        "today": one,
        "rules": review.reviewed(version, service),
        "lists": [(name, tuple(lines.values())) for name, lines in lists if lines],
        "steps": review.step_lines(service),
    }


def pages(site: Site) -> tuple[Page, ...]:
    """Its pages."""
    found = Knowledge(site)
    return (Page(HERE, found.show, label="政策数据"), Page(f"{HERE}/{{programme}}", found.one))
