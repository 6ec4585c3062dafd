"""How long does it take to plan reminders for 100,000 people: who gets what, by which way, and who does not and why?"""

import sqlite3
from pathlib import Path

from bot.remind_plan import plan
from bot.remind_ways import Ways
from bot.wechat_reach import ACCOUNTS, Reach, to_note
from storage.runs import Run
from tests.bench.figures import RUNS, Figure, mid, milliseconds
from tests.bench.turns import folder
from tests.reminder_people import NOON, reminding, seed

PEOPLE = 100_000
WAYS = Ways(account=ACCOUNTS["verified_service"], telegram=True)
AGAINST = "reading the same rows with bare SQLite"
_ROWS = (
    "SELECT d.id, d.channel, d.sender, d.programme, d.service, d.updated_at, d.finished_at, n.value, a.value FROM drafts d"
    " LEFT JOIN notes n ON n.channel = d.channel AND n.sender = d.sender AND n.name = 'reach'"
    " LEFT JOIN answers a ON a.channel = d.channel AND a.sender = d.sender AND a.draft = d.id AND a.field = 'recognised_on'"
)


def _bare(database: Path) -> int:
    db = sqlite3.connect(database)
    try:
        return len(db.execute(_ROWS).fetchall())
    finally:
        db.close()


def figures() -> list[Figure]:
    """The rules of a day on which everybody has a date before them, and a campaign to everybody."""
    times: dict[str, list[float]] = {"rules": [], "campaign": [], "bare": []}
    with folder() as at:
        here = reminding(at, ways=WAYS)
        third, days = PEOPLE // 3, [f"2026-01-{day}" for day in range(13, 32)]
        seed(here.desk.store, third, channel="wechat", reach=to_note(Reach(wrote_at=NOON - 3600)), recognised=days)
        seed(here.desk.store, third, channel="telegram", first=third, recognised=days)
        seed(here.desk.store, PEOPLE - 2 * third, channel="web", reach=None, first=2 * third, recognised=days)
        campaign = Run(id="c", kind="campaign", name="通知", wording="{{ name }}", starts_at=here.now, made_at=here.now)
        for _ in range(RUNS):
            for name, run in (("rules", here.rules("bench")), ("campaign", campaign)):
                took, found = milliseconds(lambda run=run: plan(here.decider(run)))  # type: ignore[misc]  # called at once
                if sum(found.goes.values()) != PEOPLE:
                    raise RuntimeError(f"{name}: {sum(found.goes.values())} of {PEOPLE} planned")
                times[name].append(took / 1000)
            took, rows = milliseconds(lambda: _bare(at / "chat.db"))
            if rows != PEOPLE:
                raise RuntimeError(f"{rows} rows")
            times["bare"].append(took / 1000)
        here.desk.store.close()
    bare = mid(times["bare"])
    return [
        Figure(
            name=f"planning what is due to {PEOPLE:,} people", value=mid(times["rules"]), goal=10, baseline=bare, against=AGAINST, unit="s"
        ),
        Figure(name="planning a campaign to them", value=mid(times["campaign"]), goal=10, baseline=bare, against=AGAINST, unit="s"),
    ]
