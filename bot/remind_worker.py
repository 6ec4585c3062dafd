"""Who works off a run of reminders while the server talks? An interpreter of its own: two threads would wait for each other.

Usage: python -m bot.remind_worker RUN DAY WAYS; the database is the environment's. It may be killed at any moment: see `remind.py`.
With `plan` in place of a run it plans the one that comes on its standard input, and prints the plan, both pickled.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from bot import app as wiring
from bot import log
from bot.remind import Reminding
from bot.remind_plan import Decider, Plan, plan
from bot.remind_ways import Ways, ways_from_json, ways_to_json
from bot.settings import PREFIX, Settings, read_settings
from flows.assistant import Premises
from storage.store import Store, StoreError

MODULE = "bot.remind_worker"
NICE = 10
PLAN = "plan"
ELSEWHERE = 2000
"""Drafts above which planning takes so long that it is not done beside the chat."""


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


def planned(settings: Settings, decider: Decider, keep: int) -> Plan:
    """What a run would do: of few drafts at once, of many by another process. StoreError where that fails."""
    if decider.total <= ELSEWHERE:
        return plan(decider, keep)
    environment = os.environ | {f"{PREFIX}DATABASE": settings.database}
    command = [sys.executable, "-m", MODULE, PLAN, decider.desk.today().isoformat(), ways_to_json(decider.ways)]
    given = pickle.dumps((decider.run, decider.now, keep))
    child = subprocess.run(command, env=environment, input=given, stdout=subprocess.PIPE, check=False)
    if child.returncode:
        raise StoreError("the reminders could not be planned; look at the log of the server, and try again")
    found: Plan = pickle.loads(child.stdout)  # our own process wrote it
    return found


def _print_plan(place: Workplace, ways: Ways) -> None:
    run, now, keep = pickle.loads(sys.stdin.buffer.read())
    sys.stdout.buffer.write(pickle.dumps(plan(Decider(place, ways, run, now), keep)))


def main(run_id: str, day: date, ways: Ways) -> None:
    """Work the run off, or plan one."""
    log.set_up()
    lower: Callable[[int], int] | None = getattr(os, "nice", None)  # not on Windows
    if lower:
        lower(NICE)
    settings = read_settings()
    store = wiring.open_store(settings)
    try:
        place = Workplace(assistant=wiring.judging(settings), store=store, today=lambda: day)
        _print_plan(place, ways) if run_id == PLAN else Reminding(place, ways).work(run_id)
    finally:
        store.close()


if __name__ == "__main__":
    main(sys.argv[1], date.fromisoformat(sys.argv[2]), ways_from_json(sys.argv[3]))
