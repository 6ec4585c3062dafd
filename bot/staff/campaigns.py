"""The page of one run of reminders: dry run, confirmation, progress, report, whom to call."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from bot.remind import Noting, Reminding
from bot.remind_plan import Plan
from bot.staff.contact import Contact, contact
from bot.staff.reminders import HOME, reminding_of
from bot.staff.run_view import OUTCOMES, STATES, Person, Report, audience_words, counted, people, report, samples, to_call
from bot.staff.site import Page, Site, back_to, missing, notice, sent, shown
from storage import reminders, runs
from storage.accounts import Staff, log
from storage.runs import Run

SHOWN = 50
"""People on a page."""
LISTED = 1000
"""People of a dry run that are listed; all are counted."""
FRESH = 60.0
"""Seconds for which a dry run is shown without being made anew."""
_CHANGES: dict[str, tuple[str, Callable[[Reminding, str, Noting], bool]]] = {
    "begin": ("确认发送提醒", Reminding.begin),
    "pause": ("暂停提醒", Reminding.pause),
    "resume": ("恢复提醒", Reminding.resume),
    "cancel": ("取消提醒", Reminding.cancel),
}
_LATE = "这次提醒的状态已经变了，刚才这一步没有做；请看现在的状态。"


@dataclass(frozen=True, slots=True)
class Campaigns:
    """The page of a run."""

    site: Site
    plans: dict[str, tuple[float, Plan]] = field(default_factory=dict)
    """The last dry runs: paging through one need not look at every draft again."""

    async def show(self, request: Request, _: Staff) -> Response:
        """A run: while it is only planned its dry run, afterwards how it goes."""
        run = await asyncio.to_thread(self._run, request)
        if run is None:
            return missing(request)
        number = _page(request)
        if run.state == "draft":
            return shown(request, "campaign_plan.html", await asyncio.to_thread(self._planned, run, number))
        return shown(request, "campaign.html", await asyncio.to_thread(self._sent, run, number))

    async def progress(self, request: Request, _: Staff) -> Response:
        """The piece of the page that changes while a run goes on."""
        run = await asyncio.to_thread(self._run, request)
        if run is None:
            return missing(request)
        values = await asyncio.to_thread(self._state, run)
        made = shown(request, "campaign_state.html", values)
        if not values["going"]:
            made.headers["HX-Refresh"] = "true"  # it has come to rest: the rest of the page, whom to call, changes too
        return made

    async def change(self, request: Request, staff: Staff) -> Response:
        """Begin, pause, resume or cancel."""
        run = await asyncio.to_thread(self._run, request)
        change = request.path_params["change"]
        if run is None or change not in _CHANGES:
            return missing(request)
        if not await asyncio.to_thread(self._changed, run, change, staff):
            return notice(request, 409, _LATE)
        return back_to(f"{HOME}/{run.id}")

    async def number(self, request: Request, staff: Staff) -> Response:
        """A whole telephone number, which is logged."""
        run, draft = await asyncio.to_thread(self._run, request), sent(request).get("draft", "")
        found = await asyncio.to_thread(self._number, run, draft, staff) if run else None
        if run is None or found is None:
            return missing(request)
        return shown(request, "campaign_number.html", {"run": run, "contact": found})

    def _run(self, request: Request) -> Run | None:
        with self.site.desk.store.reading() as db:
            return runs.run(db, request.path_params["run"])

    def _changed(self, run: Run, change: str, staff: Staff) -> bool:
        action, move = _CHANGES[change]
        at = self.site.clock().timestamp()
        self.plans.pop(run.id, None)
        return move(reminding_of(self.site), run.id, lambda db: log(db, staff, action, run.id, at=at))

    def _planned(self, run: Run, number: int) -> dict[str, object]:
        decider = reminding_of(self.site).decider(run)
        now = self.site.clock().timestamp()
        made = self.plans.get(run.id)
        if made is None or not 0 <= now - made[0] < FRESH:
            made = self.plans[run.id] = (now, self.site.plan(decider, LISTED))
        found = made[1]
        first = (number - 1) * SHOWN
        calls = [one for one in found.decisions if not one.refused and one.way.kind in ("none", "visit")]
        return {
            "run": run,
            "audience": audience_words(self.site.desk.assistant.library, run),
            "states": STATES,
            "found": counted(found),
            "samples": samples(decider, found),
            "people": people(self.site.desk, found.decisions[first : first + SHOWN]),
            "calls": people(self.site.desk, calls[:SHOWN]),
            "call_count": len(calls),
            "page": number,
            "more": len(found.decisions) > first + SHOWN,
            "listed": LISTED,
            "moment": decider.moment(None),
        }

    def _sent(self, run: Run, number: int) -> dict[str, object]:
        with self.site.desk.store.reading() as db:
            lost = reminders.to_call(db, run.id, SHOWN + 1, (number - 1) * SHOWN)
        calls: list[Person] = list(to_call(self.site.desk, lost[:SHOWN]))
        audience = audience_words(self.site.desk.assistant.library, run)
        return {**self._state(run), "audience": audience, "calls": calls, "page": number, "more": len(lost) > SHOWN}

    def _state(self, run: Run) -> dict[str, object]:
        with self.site.desk.store.reading() as db:
            found = report(db, run)
        return {"run": run, "states": STATES, "outcomes": OUTCOMES, "report": found, "going": _going(run, found)}

    def _number(self, run: Run, draft: str, staff: Staff) -> Contact | None:
        """Whom to call about a draft; that somebody looked is logged."""
        row = self.site.desk.store.draft(draft)
        if row is None:
            return None
        with self.site.desk.store.writing() as db:
            log(db, staff, "查看手机号", draft, f"提醒 {run.id}", at=self.site.clock().timestamp())
        return contact(self.site.desk, row.person, draft)


def pages(site: Site) -> tuple[Page, ...]:
    """Its pages."""
    page = Campaigns(site)
    return (
        Page(f"{HOME}/{{run}}", page.show, role="officer", owner="campaign"),
        Page(f"{HOME}/{{run}}/state", page.progress, role="officer", owner="campaign"),
        Page(f"{HOME}/{{run}}/number", page.number, ("POST",), role="officer", owner="campaign"),
        Page(f"{HOME}/{{run}}/{{change}}", page.change, ("POST",), role="officer", owner="campaign"),
    )


def _page(request: Request) -> int:
    text = request.query_params.get("page", "")
    return min(int(text), 10_000) if text.isascii() and text.isdecimal() and int(text[:6]) else 1


def _going(run: Run, found: Report) -> bool:
    """Whether the page is to ask again by itself."""
    return run.state == "running" or (run.state == "done" and found.of("waiting", "taken") > 0)
