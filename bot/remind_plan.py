"""Who gets a reminder now, by which way, and who does not and why? Decides without writing; what is queued stands in `remind.py`."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

import structlog

from bot.handle import SHANGHAI
from bot.log import described
from bot.remind_ways import Way, Ways
from bot.staff.listing import refresh
from bot.ticks import ticked
from flows.assistant import Premises
from flows.draft_change import fingerprints, is_outdated
from flows.reminders import Known, Notice, Planner, allowed_from
from flows.reminding import DraftToday, Told, campaign_told, materials, opened, still_due, told
from knowledge.reminders import uses
from storage import judged, listing, reminders
from storage.listing import Filter
from storage.reminders import Candidate
from storage.runs import Run
from storage.store import Store

LOOKED = 1000
"""Drafts that are read together."""
MARKED = "草稿已由工作人员标记"
STOPPED, TOLD, ALSO = "已退订提醒", "已经提醒过", "同一个人的另一份草稿，只发一条"
POISON = "这份草稿读不出来，请找管理员看服务器日志"
"""Why somebody is set aside whose draft cannot be worked on by a fault of ours: the others go on."""
_log = structlog.get_logger("yizhan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One reminder that is due to somebody: by which way it goes out, or (`refused`) why it does not."""

    candidate: Candidate
    title: str
    reason: str
    way: Way
    refused: str = ""
    notice: Notice | None = None
    """None: a campaign's."""

    @property
    def goes(self) -> bool:
        """Whether it is queued."""
        return not self.refused and self.way.kind != "none"

    @property
    def why(self) -> str:
        """Why it does not go out, or by what."""
        return self.refused or self.way.why


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would do: each reminder that is due is counted once, in `goes` or in `refused`."""

    looked: int
    goes: Counter[tuple[str, str, str]]
    """By title, channel and kind of way."""
    refused: Counter[tuple[str, str, str]]
    """By title, channel and why."""
    decisions: Sequence[Decision]
    """The first of them."""


class Grounds(Protocol):
    """What planning needs of a desk."""

    @property
    def assistant(self) -> Premises:
        """The programmes."""

    @property
    def store(self) -> Store:
        """Where drafts and runs are."""

    @property
    def today(self) -> Callable[[], date]:
        """Which day it is."""


class Decider:
    """Decides for the drafts of one run, on one day."""

    def __init__(self, desk: Grounds, ways: Ways, run: Run, now: datetime) -> None:
        self.desk, self.ways, self.run, self.now = desk, ways, run, now
        self._shared = desk.assistant.library.reminders
        self._planner = Planner(desk.assistant.library, desk.today())
        self._people: set[tuple[str, str]] = set()
        self._soonest = allowed_from(self._shared, max(now, run.starts_at).astimezone(SHANGHAI))
        with desk.store.reading() as db:
            self._recorded = reminders.recorded(db)
        self._tells_change = run.kind == "campaign" and uses(run.wording, "change")
        self._audience = self._chosen(run.audience) if run.audience or self._tells_change else None

    def _chosen(self, audience: str) -> Sequence[str]:
        """The drafts that the list's filter finds, by id; the list is brought up to date first.

        A wording that tells what new policy data changes goes to those alone whose drafts were judged by other data.
        """
        refresh(self.desk.store, self.desk.assistant, self.desk.today())
        with self.desk.store.reading() as db:
            found = sorted(listing.ids(db, Filter.from_query(audience)))
            if not self._tells_change:
                return found
            touched = judged.outdated(db, fingerprints(self.desk.assistant))
        return [draft for draft in found if draft in touched]

    @property
    def total(self) -> int:
        """How many drafts the run looks at."""
        if self._audience is not None:
            return len(self._audience)
        with self.desk.store.reading() as db:
            return reminders.count(db)

    def after(self, cursor: str, limit: int = LOOKED) -> tuple[Sequence[Candidate], str]:
        """The next drafts after the cursor, and the cursor after them; no drafts and the same cursor at the end."""
        with self.desk.store.reading() as db:
            if self._audience is None:
                found = reminders.candidates(db, cursor, limit, self._planner.fields())
                return found, found[-1].draft if found else cursor
            at = bisect_right(self._audience, cursor)
            chosen = self._audience[at : at + limit]
            return reminders.candidates(db, "", limit, self._planner.fields(), chosen) if chosen else (), chosen[-1] if chosen else cursor

    def decide(self, batch: Sequence[Candidate]) -> Iterator[Decision]:
        """What is due to these; what the whole draft says is not looked at yet."""
        with self.desk.store.reading() as db:
            for candidate in batch:
                try:
                    due = list(self._due(candidate))
                except Exception as error:
                    yield self.poisoned(candidate, error)
                    continue
                for title, reason, notice in due:
                    told_before = candidate.reminded and reminders.was_reminded(db, candidate.person, reason)
                    refused = self._refused(candidate, notice) or (TOLD if told_before else self._twice(candidate))
                    way = self.ways.way(candidate.person.channel, candidate.reach, self.moment(notice).timestamp())
                    yield Decision(candidate=candidate, title=title, reason=reason, way=way, refused=refused, notice=notice)

    def poisoned(self, candidate: Candidate, error: Exception) -> Decision:
        """Set somebody aside, and say so to whoever keeps the server."""
        _log.error("reminder set aside", draft=candidate.draft, **described(error))
        way = Way(kind="none", why=POISON)
        return Decision(candidate=candidate, title=self.run.name, reason="", way=way)

    def moment(self, notice: Notice | None) -> datetime:
        """When it goes out: outside quiet hours, and on a working day where that is wished."""
        working = self.run.working_days if notice is None else self._shared.working_days
        if not working:
            return self._soonest
        here = max(self.now, self.run.starts_at).astimezone(SHANGHAI)
        return allowed_from(self._shared, here, working_days=True, until=notice.until if notice else None)

    def draft(self, decision: Decision) -> DraftToday | None:
        """The whole draft, if it still is there and agrees that the reminder is due."""
        person, draft_id = decision.candidate.person, decision.candidate.draft
        found = opened(self.desk.assistant, self.desk.store.load(person), draft_id, self.desk.today())
        if found is None or decision.notice is None:
            told_meanwhile = found and self._tells_change and not is_outdated(self.desk.assistant, found.case.draft)
            return None if told_meanwhile else found
        if decision.notice.rule.kind == "missing":
            found = replace(found, ticked=ticked(self.desk.store, person, draft_id, materials(found.case, found.today)))
        return found if still_due(found, decision.notice) else None

    def told(self, decision: Decision, draft: DraftToday) -> Told:
        """The reminder in words."""
        return told(draft, decision.notice) if decision.notice else campaign_told(draft, self.run.name, self.run.wording)

    def _due(self, candidate: Candidate) -> Iterator[tuple[str, str, Notice | None]]:
        if self.run.kind == "campaign":
            yield self.run.name, f"campaign/{self.run.id}", None
            return
        known = Known(
            programme=candidate.programme,
            service=candidate.service,
            changed=_day(candidate.changed_at),
            finished=_day(candidate.finished_at) if candidate.finished_at else None,
            values=candidate.values,
            recorded=self._recorded.get(candidate.draft, {}),
        )
        for notice in self._planner.due(known):
            yield notice.rule.title, notice.reason, notice

    @staticmethod
    def _refused(candidate: Candidate, notice: Notice | None) -> str:
        """Why the person is to have none. A draft that staff marked is theirs to speak about; a campaign may be about that."""
        if candidate.stopped:
            return STOPPED
        marked = candidate.mark if notice else candidate.mark == "withdrawn"
        return MARKED if marked else ""

    def _twice(self, candidate: Candidate) -> str:
        """A campaign reaches each person once, however many drafts of theirs it fits."""
        if self.run.kind != "campaign":
            return ""
        key = (candidate.person.channel, candidate.person.sender)
        if key in self._people:
            return ALSO
        self._people.add(key)
        return ""


def plan(decider: Decider, keep: int = 0) -> Plan:
    """What the run would do from its beginning, with up to `keep` decisions in full."""
    looked, cursor = 0, ""
    goes: Counter[tuple[str, str, str]] = Counter()
    refused: Counter[tuple[str, str, str]] = Counter()
    kept: list[Decision] = []
    while True:
        batch, cursor = decider.after(cursor)
        if not batch:
            return Plan(looked=looked, goes=goes, refused=refused, decisions=kept)
        looked += len(batch)
        for one in list(decider.decide(batch)):
            agreed = _agreed(decider, one)
            if agreed is None:
                continue
            tally, what = (goes, agreed.way.kind) if agreed.goes else (refused, agreed.why)
            tally[agreed.title, agreed.candidate.person.channel, str(what)] += 1
            if len(kept) < keep:
                kept.append(agreed)


def _agreed(decider: Decider, one: Decision) -> Decision | None:
    """The decision, unless the whole draft says that nothing is due; only some rules need to look at it."""
    if one.notice is None or one.refused or one.notice.rule.kind not in ("idle", "missing"):
        return one
    try:
        return one if decider.draft(one) else None
    except Exception as error:
        return decider.poisoned(one.candidate, error)


def _day(moment: datetime) -> date:
    return moment.astimezone(SHANGHAI).date()
