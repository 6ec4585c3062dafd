"""How does the service do? Figures for staff: how far applicants come, what is asked and how it ends, what reminders bring about.

They are counted at most every ten minutes, query by query, so that no other page waits behind them; none of them names anybody.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from bot.staff.questions import topic_name
from bot.staff.site import Page, Site, shown
from flows.funnel import FEW, Row, drop_off, rows, share, told
from flows.say import word
from knowledge.types import Service
from storage import figures
from storage.accounts import Staff
from storage.figures import OUTCOMES, Answered, Asked, Funnel
from storage.store import Connection

HOME = "/staff/figures"
KEPT = 600.0
"""Seconds for which counted figures are shown again."""
DAYS, IDLE, TOPICS = 90, 7, 15
"""Of how many days the questions are; after how many days without a change a draft counts as left; how many topics are shown."""
ENDS = {
    "answered": "答上了",
    "not_stated": "文件没有写",
    "unknown": "没听懂",
    "clarify": "反问是哪个项目",
    "out_of_scope": "不在范围内",
}
_Made = TypeVar("_Made")


@dataclass(slots=True)
class Kept:
    """What was counted, by what, and when."""

    clock: Callable[[], float] = time.monotonic
    found: dict[object, tuple[float, datetime, Any]] = field(default_factory=dict)

    def get(self, key: object, count: Callable[[], _Made], now: datetime) -> tuple[_Made, datetime]:
        """The figures of that name and the moment they are of, counted anew where they are too old."""
        known = self.found.get(key)
        if known is None or self.clock() - known[0] >= KEPT:
            known = self.found[key] = (self.clock(), now, count())
        return known[2], known[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A service with its numbers."""

    key: str
    """`programme/service`."""
    name: str
    funnel: Funnel
    service: Service | None
    """None where the data does not know it any more."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The page."""

    site: Site
    kept: Kept = field(default_factory=Kept)

    async def show(self, request: Request, _: Staff) -> Response:
        """Funnels of all services, one of them by question, questions by topic and outcome, reminders, wishes for a person."""
        values = await asyncio.to_thread(self._values, request.query_params.get("service", ""))
        return shown(
            request, "figures.html", {**values, "home": HOME, "told": told, "share": share, "ends": ENDS, "days": DAYS, "idle": IDLE}
        )

    def _values(self, wanted: str) -> dict[str, object]:
        funnels, at = self._counted("funnels", figures.funnels)
        named = [self._named(one) for one in funnels]
        chosen = next((one for one in named if one.key == wanted), max(named, key=lambda one: one.funnel.begun, default=None))
        since = self.site.clock() - timedelta(days=DAYS)
        asked, _ = self._counted("asked", lambda db: figures.asked(db, since))
        effects, _ = self._counted("effects", figures.effects)
        people, _ = self._counted("handovers", figures.handovers)
        return {
            "at": at.timestamp(),
            "services": named,
            "begun": rows([(one.name, one.funnel.begun, ()) for one in named]),
            "outcomes": [(number, word("outcome", one)) for number, one in enumerate(OUTCOMES)],
            "chosen": chosen,
            "steps": _steps(chosen.funnel) if chosen else (),
            "questions": self._by_question(chosen) if chosen else (),
            "topics": self._topics(asked),
            "outcome_rows": _outcomes(asked),
            "effects": effects,
            "wished": people[0],
            "spoken": people[1],
        }

    def _counted(self, key: object, count: Callable[[Connection], _Made]) -> tuple[_Made, datetime]:
        def now() -> _Made:
            with self.site.desk.store.reading() as db:
                return count(db)

        return self.kept.get(key, now, self.site.clock())

    def _named(self, funnel: Funnel) -> Named:
        key = f"{funnel.programme}/{funnel.service}"
        programme = next((p for p in self.site.desk.assistant.library.programmes if p.key == funnel.programme), None)
        service = next((s for s in programme.latest.services if s.key == funnel.service), None) if programme else None
        name = f"{programme.short} · {service.name}" if programme and service else key
        return Named(key=key, name=name, funnel=funnel, service=service)

    def _by_question(self, chosen: Named) -> Sequence[Row]:
        programme, service = chosen.funnel.programme, chosen.funnel.service
        until = self.site.clock() - timedelta(days=IDLE)
        given, _ = self._counted(("answered", chosen.key), lambda db: figures.answered(db, programme, service))
        left, _ = self._counted(("left", chosen.key), lambda db: figures.left_after(db, programme, service, until))
        labels = [(f.key, f.label) for f in chosen.service.fields] if chosen.service else [(one.field, one.field) for one in given]
        return drop_off(labels, _numbers(given), _numbers(left), chosen.funnel.begun)

    def _topics(self, asked: Sequence[Asked]) -> Sequence[Row]:
        """The topics asked most, each with how often it was answered."""
        names = {p.key: p.short for p in self.site.desk.assistant.library.programmes}
        times, people, good = Counter[str](), Counter[str](), Counter[str]()
        for one in asked:
            programme, _, topic = one.fact.rpartition("/")
            label = " · ".join(filter(None, (names.get(programme, programme), topic_name(topic)))) or "（没有相近的条目）"
            times[label] += one.times
            people[label] = max(people[label], one.people)  # nobody is counted twice: at least so many
            good[label] += one.times if one.outcome == "answered" else 0
        counted = [
            (label, number, (share(good[label], number) if people[label] >= FEW else "—",)) for label, number in times.most_common(TOPICS)
        ]
        return rows(counted, people=people)


def _steps(funnel: Funnel) -> Sequence[Row]:
    steps = (("开始填", funnel.begun), ("条件答完", funnel.judged), ("核对完", funnel.reviewed), ("文件做好", funnel.finished))
    return rows([(label, number, (share(number, funnel.begun),)) for label, number in steps])


def _outcomes(asked: Sequence[Asked]) -> Sequence[Row]:
    times, people = Counter[str](), Counter[str]()
    for one in asked:
        label = ENDS.get(one.outcome, one.outcome)
        times[label] += one.times
        people[label] = max(people[label], one.people)
    total = sum(times.values())
    return rows(
        [(label, number, (share(number, total) if people[label] >= FEW else "—",)) for label, number in times.most_common()], people=people
    )


def _numbers(found: Sequence[Answered]) -> dict[str, int]:
    return {one.field: one.number for one in found}


def pages(site: Site) -> tuple[Page, ...]:
    """Its page."""
    return (Page(HOME, Figures(site).show, label="统计"),)
