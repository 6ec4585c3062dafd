"""How long does it take to count the figures of staff's page anew with 100,000 drafts of real services, 1.2 million answers?"""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage import figures as counted
from storage import records
from storage.sql import SqlStore
from tests.bench.figures import RUNS, Figure, mid, milliseconds
from tests.bench.turns import folder, talking

DRAFTS, QUESTIONS = 100_000, 25
AGAINST = "reading every draft's and answer's row with bare SQLite"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
_PLAIN = ("SELECT count(*), sum(length(judged)) FROM drafts", "SELECT count(*), sum(length(value)) FROM answers")


def fill(store: SqlStore, services: list[tuple[str, str, list[str]]]) -> None:
    """Drafts that were left after every question, some finished; every second person asked something."""
    with store.writing() as db:
        for number in range(DRAFTS):
            programme, service, fields = services[number % len(services)]
            given, at = fields[: number % QUESTIONS], records.stamp(NOW - timedelta(days=number % 200))
            key, draft = ("web", f"bench-{number}"), f"{number:032x}"
            outcome = ("meets", "open", "fails", "closed")[number % 4]
            judged = records.pairs_to_json((("outcome", outcome), *((f"rule_{n}", "met") for n in range(12))))
            finished = at if len(given) > QUESTIONS - 3 else None
            db.execute("INSERT INTO people (channel, sender, revision, state, seen_at) VALUES (?, ?, 1, '{}', ?)", (*key, at))
            db.execute(
                "INSERT INTO drafts (channel, sender, id, place, programme, service, created_at, updated_at, finished_at, rules, judged)"
                " VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, '', ?)",
                (*key, draft, programme, service, at, at, finished, judged),
            )
            for place, field in enumerate(given):
                value = records.value_to_json("长文" * (100 if place % 8 == 7 else 2))
                row = (*key, draft, field, place, value, at)
                query = "INSERT INTO answers (channel, sender, draft, field, place, value, at, source, sensitive)"
                db.execute(f"{query} VALUES (?, ?, ?, ?, ?, ?, ?, 'said', 0)", row)
            if number % 2:
                payload = f'{{"text": "answered", "draft": "", "facts": ["{programme}/topic_{number % 60}"]}}'
                query = "INSERT INTO outbox (channel, sender, number, item, id, kind, payload, created_at, state)"
                db.execute(f"{query} VALUES (?, ?, 1, 0, ?, 'asked', ?, ?, 'counted')", (*key, draft, payload, at))


def figures() -> list[Figure]:
    """Each query by itself, and all that one look at the page needs."""
    times: dict[str, list[float]] = {}
    with folder() as at, talking(at) as talk:
        programmes = talk.desk.assistant.library.programmes
        services = [(p.key, s.key, [f.key for f in s.fields][:QUESTIONS]) for p in programmes for s in p.latest.services]
        store = talk.desk.store
        assert isinstance(store, SqlStore)
        fill(store, services)
        first = services[0][:2]
        looks = {
            "how far each service's applicants came": lambda db: counted.funnels(db),
            "who answered each question of a service": lambda db: counted.answered(db, *first),
            "after which question each was left": lambda db: counted.left_after(db, *first, NOW - timedelta(days=7)),
            "questions by topic and outcome": lambda db: counted.asked(db, NOW - timedelta(days=90)),
        }
        for _ in range(RUNS):
            for name, look in looks.items():
                with store.reading() as db:
                    took, found = milliseconds(lambda look=look, db=db: look(db))  # type: ignore[misc]  # called at once
                if not found:
                    raise RuntimeError(f"{name}: nothing was counted")
                times.setdefault(name, []).append(took)
            took, _ = milliseconds(lambda: _bare(at / "chat.db"))
            times.setdefault("bare", []).append(took)
    bare = mid(times.pop("bare"))
    whole = sum(mid(each) for each in times.values()) / 1000
    page = Figure(name=f"figures of {DRAFTS:,} drafts, counted anew", value=whole, goal=3, baseline=bare / 1000, against=AGAINST, unit="s")
    return [page, *(Figure(name=f"figures: {name}", value=mid(each)) for name, each in times.items())]


def _bare(database: Path) -> None:
    db = sqlite3.connect(database)
    try:
        for query in _PLAIN:
            db.execute(query).fetchall()
    finally:
        db.close()
