"""How many got how far, asked what, and did something after a reminder? Numbers only: no row of these names anybody.

SQL within the caller's transaction, as SQLite and PostgreSQL both take it. Each query goes once over its table, so that 100,000 drafts
are counted in seconds; what is shown of the numbers is `flows/funnel.py`'s matter.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from storage import records
from storage.store import Connection

OUTCOMES = ("meets", "discretionary", "fails", "open", "closed")
ASIDE = ("review", "proceed")
"""Answers about the conversation."""
EFFECT = timedelta(days=7)
"""How soon after a reminder a change counts as its effect."""

_SETTLED = ("meets", "discretionary", "fails")
_OUTCOME, _LETTERS = '[["outcome","', 4
"""How the column of what a draft was judged to be begins, and how many letters tell the outcomes apart."""
_SAME = "a.channel = d.channel AND a.sender = d.sender AND a.draft = d.id"
_HAS = f"EXISTS (SELECT 1 FROM answers a WHERE {_SAME} AND a.field = ?)"
_PLACES = ", ".join("?" for _ in ASIDE)
_REMINDED = (
    "SELECT r.campaign, r.channel, r.sender, r.draft, r.at, d.updated_at FROM reminded r JOIN pushes p ON p.id = r.push"
    " LEFT JOIN drafts d ON d.channel = r.channel AND d.sender = r.sender AND d.id = r.draft"
    " WHERE r.campaign = ? AND p.state IN ('sent', 'maybe')"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """How far the drafts of a service came; a person has one draft of a service."""

    programme: str
    service: str
    begun: int
    judged: int
    """All facts that the verdict needs are there."""
    reviewed: int
    finished: int
    """The documents were made."""
    outcomes: tuple[int, ...]
    """In the order of OUTCOMES."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How many drafts of a service answered a question."""

    programme: str
    service: str
    field: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How often a topic was asked with that outcome, and by how many people."""

    fact: str
    """`programme/topic`, or the topic; empty: none was near."""
    outcome: str
    times: int
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A run of reminders: how many people it reached, and how many of them changed their draft within seven days."""

    name: str
    at: datetime
    people: int
    changed: int


def funnels(db: Connection) -> Sequence[Funnel]:
    """By service, how many came how far."""
    # who goes on although nothing can be handed in now, answered the facts before; while one is open there is no review
    far = (
        f"CASE WHEN d.finished_at IS NOT NULL THEN 3 WHEN d.judged LIKE '{_OUTCOME}open%' THEN 0"
        f" WHEN {_HAS} THEN 2 WHEN {_HAS} THEN 1 ELSE 0 END"
    )
    query = (
        f"SELECT programme, service, outcome, far, count(*) FROM (SELECT d.programme, d.service, substr(d.judged, 1, ?) AS outcome,"
        f" {far} AS far FROM drafts d) counted GROUP BY programme, service, outcome, far ORDER BY programme, service"
    )
    services: dict[tuple[str, str], list[tuple[str, int, int]]] = defaultdict(list)
    for programme, service, judged, far, number in db.execute(query, (len(_OUTCOME) + _LETTERS, "review", "proceed")):
        services[programme, service].append((judged.removeprefix(_OUTCOME), int(far), int(number)))
    return [_funnel(programme, service, found) for (programme, service), found in services.items()]


def _funnel(programme: str, service: str, found: Sequence[tuple[str, int, int]]) -> Funnel:
    known = {one[:_LETTERS]: one for one in OUTCOMES}
    outcomes = Counter[str]()
    for judged, _, number in found:
        outcomes[known.get(judged, "")] += number
    settled = sum(number for judged, far, number in found if far or known.get(judged) in _SETTLED)
    return Funnel(
        programme=programme,
        service=service,
        begun=sum(number for *_, number in found),
        judged=settled,
        reviewed=sum(number for _, far, number in found if far >= 2),
        finished=sum(number for _, far, number in found if far == 3),
        outcomes=tuple(outcomes[one] for one in OUTCOMES),
    )


def answered(db: Connection, programme: str, service: str) -> Sequence[Answered]:
    """How many drafts of a service answered each question."""
    query = (
        f"SELECT a.field, count(*) FROM drafts d JOIN answers a ON {_SAME}"
        f" WHERE d.programme = ? AND d.service = ? AND a.field NOT IN ({_PLACES}) AND a.field NOT LIKE '%:%' GROUP BY a.field"
    )
    return [_answered(programme, service, row) for row in db.execute(query, (programme, service, *ASIDE))]


def left_after(db: Connection, programme: str, service: str, until: datetime) -> Sequence[Answered]:
    """Of the drafts without documents that nobody changed since `until`: after which question each was left."""
    named = f"a.field NOT IN ({_PLACES}) AND a.field NOT LIKE '%:%'"
    last = f"SELECT a.field FROM answers a WHERE {_SAME} AND {named} ORDER BY a.place DESC LIMIT 1"
    query = (
        f"SELECT coalesce(field, ''), count(*) FROM (SELECT ({last}) AS field FROM drafts d"
        " WHERE d.programme = ? AND d.service = ? AND d.finished_at IS NULL AND d.updated_at < ?) left_ones GROUP BY 1"
    )
    return [_answered(programme, service, row) for row in db.execute(query, (*ASIDE, programme, service, records.stamp(until)))]


def asked(db: Connection, since: datetime) -> Sequence[Asked]:
    """Questions since a moment by topic and outcome, most asked first."""
    query = (
        "SELECT payload, count(*), count(DISTINCT channel || ' ' || sender) FROM outbox"
        " WHERE kind = 'asked' AND created_at >= ? GROUP BY payload ORDER BY 2 DESC, 1"
    )
    found = [(json.loads(payload), times, people) for payload, times, people in db.execute(query, (records.stamp(since),))]
    return [
        Asked(fact=next(iter(content.get("facts", ())), ""), outcome=content["text"], times=int(times), people=int(people))
        for content, times, people in found
        if content.get("text")
    ]


def effects(db: Connection, limit: int = 12) -> Sequence[Effect]:
    """The last runs of reminders that reached anybody, newest first."""
    runs = db.execute("SELECT id, name, made_at FROM campaigns ORDER BY made_at DESC, id LIMIT ?", (limit,)).fetchall()
    found = [_effect(db, run, name, at) for run, name, at in runs]
    return [one for one in found if one.people]


def handovers(db: Connection) -> tuple[int, int]:
    """How many people asked for a person, and to how many one spoke."""
    wished = db.execute("SELECT count(*) FROM (SELECT DISTINCT channel, sender FROM outbox WHERE kind = 'handover') people").fetchone()
    spoken = db.execute("SELECT count(*) FROM handovers WHERE at > 0").fetchone()
    return int(wished[0]), int(spoken[0])


def _effect(db: Connection, run: str, name: str, made_at: float) -> Effect:
    changed: dict[tuple[str, str], bool] = defaultdict(bool)
    for _, channel, sender, draft, at, updated in db.execute(_REMINDED, (run,)).fetchall():
        changed[channel, sender] |= bool(updated) and _changed_after(db, (channel, sender, draft), at, records.moment(updated).timestamp())
    moment = datetime.fromtimestamp(made_at, UTC)
    return Effect(name=name, at=moment, people=len(changed), changed=sum(changed.values()))


def _changed_after(db: Connection, draft: tuple[str, str, str], at: float, updated: float) -> bool:
    """Whether the draft was changed within seven days; of one that was changed again later the answers still tell."""
    until = at + EFFECT.total_seconds()
    if not at < updated:
        return False
    if updated <= until:
        return True
    answers = db.execute("SELECT at FROM answers WHERE channel = ? AND sender = ? AND draft = ?", draft)
    return any(at < records.moment(given).timestamp() <= until for (given,) in answers)


def _answered(programme: str, service: str, row: Sequence[object]) -> Answered:
    field, number = row
    return Answered(programme=programme, service=service, field=str(field), number=int(str(number)))
