"""What does the server do by itself besides talking and reminding? It minds exports and lists, and deletes what is kept no longer.

One worker does it.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from bot import app as wiring
from bot.export import jobs
from bot.export.files import folder_beside
from bot.handle import SHANGHAI, Desk
from bot.log import described
from bot.retention import Outcome, Retention
from bot.settings import Settings
from bot.staff.listing import refresh
from storage import accounts
from storage.accounts import Staff
from storage.store import Connection, Store

EVERY = 30.0
"""Seconds between looks."""
HOUR = 3
"""When people are rarely there: afterwards the database is rewritten."""
LISTED = 100
"""Drafts listed anew at a look: many in a day, and nothing that those who talk meanwhile feel."""
BY = "定时"
ACTION = "删除过期数据"
_log = structlog.get_logger("yizhan")


def noting(staff: Staff) -> Callable[[Connection, Outcome], object]:
    """Has a run of retention logged, by numbers alone."""
    return lambda db, outcome: accounts.log(db, staff, ACTION, "", outcome.text())


class Upkeep:
    """The background work, over a store of its own."""

    def __init__(
        self, desk: Desk, settings: Settings, *, every: float = EVERY, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._desk, self._settings, self._every, self._clock = desk, settings, every, clock
        self._lease = wiring.lease(settings, "upkeep")
        self._task: asyncio.Task[None] | None = None
        self._store: Store | None = None
        self._done_on = ""
        self._looking = threading.Lock()

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._live())

    async def stop(self) -> None:
        """End; what is being deleted is finished first."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.to_thread(self._close)
        self._lease.release()

    def status(self) -> str:
        """One line for staff."""
        days = self._settings.retention_days
        return f"保留期限：{f'最后一次使用后 {days} 天，每天 {HOUR} 点后删除到期的' if days else '一直保存，直到申请人要求删除'}"

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                if self._lease.take():
                    await asyncio.to_thread(self.look)
            except Exception as error:  # the next look may find the cause gone
                _log.error("upkeep failed", **described(error))

    def _close(self) -> None:
        with self._looking:
            if self._store:
                self._store.close()

    def look(self) -> None:
        """Look after exports and the list of drafts; after the hour, once a day, delete what is kept no longer."""
        with self._looking:
            self._store = self._store or wiring.open_store(self._settings)
            desk, now = replace(self._desk, store=self._store), self._clock()
            folder = folder_beside(desk.files)
            if jobs.look_after(self._store, folder, now):
                jobs.start(self._settings, folder)
            refresh(self._store, desk.assistant, desk.today(), LISTED)
            day, hour = desk.today().isoformat(), now.astimezone(SHANGHAI).hour
            if hour >= HOUR and self._done_on != day:
                self._delete(desk)
                self._done_on = day

    def _delete(self, desk: Desk) -> None:
        retention = Retention(desk, self._settings.retention_days)
        if retention.is_needed():
            staff = Staff(name=BY, role="", log_key=wiring.derived_key(self._settings, "staff log"))
            outcome = retention.run(noting(staff))
            _log.info("retention", people=outcome.people, drafts=outcome.drafts, parted=outcome.parted)
