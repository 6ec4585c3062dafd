"""Made-up people with drafts, written straight into the tables: many of them, for reminders; and a process that works off a run.

Usage: reminder_people.py FOLDER RUN PAUSE prints the number of drafts looked at before each batch, and then waits for PAUSE seconds.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from bot.app import open_store
from bot.handle import Desk
from bot.remind import Reminding
from bot.remind_ways import Ways
from bot.settings import Settings
from flows.types import PersonKey
from storage.runs import Run
from storage.store import Store
from tests.talk import built

TODAY = date(2027, 1, 12)
NOON = datetime(2027, 1, 12, 4, tzinfo=UTC).timestamp()
"""Twelve o'clock in China."""
SUBSIDY = {"recognised_on": '"2026-01-18"', "station_name": '"龙城书院驿站"', "leader_name": '"韦建国"', "leader_mobile": '"13900001234"'}
ALL = Ways(telegram=True)


def person(number: int, channel: str = "telegram") -> PersonKey:
    return PersonKey(channel=channel, sender=str(5_000_000 + number))


def seed(
    store: Store,
    count: int,
    *,
    channel: str = "telegram",
    first: int = 0,
    service: str = "subsidy",
    answers: Mapping[str, str] = SUBSIDY,
    changed: str = "2026-06-01T09:00:00+00:00",
    reach: str | None = "{}",
    drafts: int = 1,
    recognised: Sequence[str] = (),
) -> None:
    """So many people, each with a draft (or several, of one service each) last changed at that moment; dates of recognition in turn."""
    with store.writing() as db:
        for number in range(first, first + count):
            key = (channel, person(number).sender)
            db.execute("INSERT INTO people (channel, sender, revision, state, seen_at) VALUES (?, ?, 1, '{}', ?)", (*key, changed))
            if reach is not None:
                db.execute("INSERT INTO notes (channel, sender, name, value) VALUES (?, ?, 'reach', ?)", (*key, reach))
            for place in range(drafts):
                draft = draft_of(number, channel, place)
                row = (draft, place, "liuzhou-yizhan", (service, "recognition")[place], changed, changed, None, "", "[]")
                db.execute(
                    "INSERT INTO drafts (channel, sender, id, place, programme, service, created_at, updated_at, finished_at, rules,"
                    " judged) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*key, *row),
                )
                own = {"recognised_on": f'"{recognised[number % len(recognised)]}"'} if recognised else {}
                for at, (field, value) in enumerate({**answers, **own}.items()):
                    db.execute(
                        "INSERT INTO answers (channel, sender, draft, field, place, value, at, source, sensitive)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?, 'said', 0)",
                        (*key, draft, field, at, value, changed),
                    )


def draft_of(number: int, channel: str = "telegram", place: int = 0) -> str:
    """Ids lie as scattered as random ones."""
    return f"{(number * 2_654_435_761) % 2**32:08x}{number:08x}{channel}{place}"


def reminding(folder: Path, *, ways: Ways = ALL, today: date = TODAY, now: float = NOON) -> Reminding:
    """Over the database of that folder, at noon."""
    store = open_store(Settings(database=f"sqlite:///{folder / 'chat.db'}"))
    return Reminding(Desk(assistant=built(), store=store, files=folder / "files", today=lambda: today), ways, lambda: now)


def main(folder: str, run_id: str, pause: float) -> None:
    at_work = reminding(Path(folder))

    def told(run: Run) -> None:
        print(run.seen, flush=True)
        time.sleep(pause)

    at_work.work(run_id, told)
    at_work.desk.store.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
