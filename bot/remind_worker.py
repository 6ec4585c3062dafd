"""Who works off a run of reminders while the server talks? An interpreter of its own: two threads would wait for each other.

Usage: python -m bot.remind_worker RUN DAY WAYS; the database is the environment's. It may be killed at any moment: see `remind.py`.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from bot import app as wiring
from bot import log
from bot.remind import Reminding
from bot.remind_ways import Ways, ways_from_json, ways_to_json
from bot.settings import PREFIX, Settings, read_settings
from flows.assistant import Premises
from storage.store import Store

MODULE = "bot.remind_worker"
NICE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What planning and queueing need of a desk."""

    assistant: Premises
    store: Store
    today: Callable[[], date]


def start(settings: Settings, ways: Ways, run_id: str, day: date) -> subprocess.Popen[bytes]:
    """Start a worker for that run."""
    environment = os.environ | {f"{PREFIX}DATABASE": settings.database}
    command = [sys.executable, "-m", MODULE, run_id, day.isoformat(), ways_to_json(ways)]
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, close_fds=True)


def main(run_id: str, day: date, ways: Ways) -> None:
    """Work the run off."""
    log.set_up()
    lower: Callable[[int], int] | None = getattr(os, "nice", None)  # not on Windows
    if lower:
        lower(NICE)
    settings = read_settings()
    store = wiring.open_store(settings)
    try:
        Reminding(Workplace(assistant=wiring.judging(settings), store=store, today=lambda: day), ways).work(run_id)
    finally:
        store.close()


if __name__ == "__main__":
    main(sys.argv[1], date.fromisoformat(sys.argv[2]), ways_from_json(sys.argv[3]))
