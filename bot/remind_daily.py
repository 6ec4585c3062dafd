"""When does the server remind by itself? Each day at the hour of `reminders.toml`, and whenever staff start a run; one worker does it."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import structlog

from bot import app as wiring
from bot.handle import SHANGHAI, Desk
from bot.log import described
from bot.remind import Reminding
from bot.remind_ways import ways_of
from bot.remind_worker import start
from bot.settings import Settings
from storage.accounts import Staff, log
from storage.runs import Run
from storage.store import Store

EVERY = 2.0
"""Seconds between looks."""
FIRST = 60.0
"""Seconds after the start before the day's reminders are planned: a server that is started again and again plans nothing."""
WATCHED, AGAIN = 0.1, 30.0
"""Seconds between looks whether a worker has ended; until one that failed is started again."""
BY = "定时"
"""Who made the run that nobody started."""
_log = structlog.get_logger("yizhan")


class Daily:
    """The background work; its store is its own, so that a long look at the drafts never holds the chat's."""

    def __init__(
        self, desk: Desk, settings: Settings, *, every: float = EVERY, first: float = FIRST, clock: Callable[[], float] = time.time
    ) -> None:
        self._plans_from = time.monotonic() + first
        self._desk, self._settings, self._every, self._clock = desk, settings, every, clock
        self._lease = wiring.lease(settings, "remind")
        self._ways = ways_of(settings)
        self._task: asyncio.Task[None] | None = None
        self._ends = threading.Event()
        self._store: Store | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._live())

    async def stop(self) -> None:
        """End after the batch that is being queued."""
        self._ends.set()
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._lease.release()

    def status(self) -> str:
        """One line for staff."""
        return f"提醒：每天 {self._desk.assistant.library.reminders.plan_at} 按规则检查一次"

    async def _live(self) -> None:
        try:
            while True:
                await asyncio.sleep(self._every)
                try:
                    if self._lease.take():
                        await self._looked()
                except Exception as error:  # the next look may find the cause gone
                    _log.error("reminders failed", **described(error))
        finally:
            if self._store:
                self._store.close()

    async def _looked(self) -> None:
        """Look in a thread; being cancelled waits for it, since the store is closed afterwards."""
        looking = asyncio.ensure_future(asyncio.to_thread(self.look))
        try:
            await asyncio.shield(looking)
        except asyncio.CancelledError:
            await asyncio.wait({looking})
            raise

    def look(self) -> None:
        """Plan today's reminders if it is time and nobody did, and have worked off what is to be done now."""
        self._store = self._store or wiring.open_store(self._settings)
        reminding = Reminding(replace(self._desk, store=self._store), self._ways, self._clock)
        today = reminding.rules(BY)
        due = self._hour() >= self._desk.assistant.library.reminders.plan_at and time.monotonic() >= self._plans_from
        if due and reminding.run(today.id) is None:
            staff = Staff(name=BY, role="", log_key=wiring.derived_key(self._settings, "staff log"))
            reminding.open_rules(BY, lambda db: log(db, staff, "发送到期提醒", today.id))
        for run in reminding.due():
            self._work(run)

    def _work(self, run: Run) -> None:
        """Have it worked off by another process; when the server ends, that ends too, and the next start goes on."""
        child = start(self._settings, self._ways, run.id, self._desk.today())
        while child.poll() is None:
            if self._ends.wait(WATCHED):
                child.terminate()
                child.wait()
                return
        if child.returncode:
            _log.error("reminders failed", run=run.id, code=child.returncode)
            self._ends.wait(AGAIN)

    def _hour(self) -> str:
        return f"{datetime.fromtimestamp(self._clock(), SHANGHAI):%H:%M}"
