"""When does a queued message go out? Drains one channel's queue at the platform's pace, each chat in order, dialogue first.

How a message is sent, and what the platform's refusals mean, is the channel's: `telegram_push.py`. WeChat's ways of reaching somebody
are counted, not paced, and stand in `wechat_push.py`.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from storage.store import Push, PushState, Store, StoreError

RATE, GAP = 25.0, 1.0
"""Messages a second over all chats; seconds between two in one chat. See https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this."""
AT_ONCE, EVERY, TAKEN = 32, 1.0, 60.0
"""Messages on their way at once; seconds between looks at the queue, and for which a taken push is ours."""
_CHATS = 10_000
_Made = TypeVar("_Made")
_log = structlog.get_logger("sender")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a push went: `waiting` is tried again after `wait` seconds, in which its chat gets nothing else."""

    state: PushState
    note: str = ""
    wait: float = 0.0


class Pace:
    """Lets one through every 1/rate seconds: the urgent before the others, else in order of coming."""

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate
        self._next = 0.0
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._ticker: asyncio.Task[None] | None = None

    async def turn(self, urgent: bool) -> None:
        """Wait for one's turn."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (not urgent, next(self._numbers), mine))
        if self._ticker is None or self._ticker.done():
            self._ticker = asyncio.create_task(self._tick())
        await mine

    async def _tick(self) -> None:
        clock = asyncio.get_running_loop().time
        while self._waiting:
            await asyncio.sleep(max(0.0, self._next - clock()))
            if self._next < clock() - self._interval:
                self._next = clock()  # what was not used is not made up for
            _, _, first = heapq.heappop(self._waiting)
            if not first.done():
                first.set_result(None)
                self._next += self._interval


class Sender:
    """Sends what is due in a channel, through `deliver`; one sender for a channel at a time."""

    def __init__(
        self,
        store: Store,
        channel: str,
        deliver: Callable[[Push], Awaitable[Outcome]],
        *,
        rate: float = RATE,
        gap: float = GAP,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._channel, self._deliver, self._gap, self._clock = store, channel, deliver, gap, clock
        self._pace = Pace(rate)
        self._wake = asyncio.Event()
        self._free: dict[str, float] = {}
        """When each chat may get something again, in the loop's time."""
        self._flights: set[asyncio.Task[None]] = set()
        self._fresh = True

    def wake(self) -> None:
        """Look at the queue now."""
        self._wake.set()

    async def run(self) -> None:
        """Send what comes due, until cancelled; what is on its way then is taken up again at the next start."""
        try:
            while True:
                self._wake.clear()
                taken = await self._take() if len(self._flights) <= AT_ONCE // 2 else 0
                if not taken:
                    await self._until_woken()
        finally:
            for flight in self._flights:
                flight.cancel()
            await asyncio.gather(*self._flights, return_exceptions=True)

    async def _take(self) -> int:
        """Start with what is due. The first time also with what a sender that was killed had taken: nobody else sends here."""
        now = self._clock()
        seen = now + TAKEN if self._fresh else now
        try:
            until = _moment(now + TAKEN)
            pushes = await asyncio.to_thread(self._gathered, self._store.take_pushes, self._channel, _moment(seen), until, AT_ONCE)
        except StoreError as error:
            _log.error("sender_store_failed", error=type(error).__name__)
            return 0
        self._fresh = self._fresh and len(pushes) == AT_ONCE
        flying = {flight.get_name() for flight in self._flights}
        fresh = [push for push in pushes if push.id not in flying]  # one that took long comes up again
        for push in fresh:
            flight = asyncio.create_task(self._fly(push), name=push.id)
            self._flights.add(flight)
            flight.add_done_callback(self._landed)
        return len(fresh)

    def _landed(self, flight: asyncio.Task[None]) -> None:
        self._flights.discard(flight)
        self._wake.set()
        if not flight.cancelled() and (error := flight.exception()):
            _log.error("sender_failed", error=type(error).__name__)

    async def _until_woken(self) -> None:
        try:
            async with asyncio.timeout(EVERY):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _fly(self, push: Push) -> None:
        await asyncio.sleep(max(0.0, push.due_at.timestamp() - self._clock()))
        await self._until_free(push.person.sender)
        await self._pace.turn(push.kind == "dialogue")
        began = self._clock()
        try:
            outcome = await self._deliver(push)
        except Exception as error:  # one message that cannot be sent must not stop the others
            _log.error("sender_delivery_failed", error=type(error).__name__)
            outcome = Outcome(state="failed", note="程序出错，没有发出")
        took = min(self._gap, self._clock() - began)  # the platform had it about half-way
        self._rest(push.person.sender, max(self._gap - took / 2, outcome.wait))
        if outcome.state == "sent" and push.tries > 1 and not push.note:
            outcome = Outcome(state="sent", note="重启前可能已发过一次")
        await self._settle(push, outcome)
        _log.info("push", channel=push.person.channel, kind=push.kind, state=outcome.state)

    async def _until_free(self, chat: str) -> None:
        clock = asyncio.get_running_loop().time
        while (wait := self._free.get(chat, 0.0) - clock()) > 0:
            await asyncio.sleep(wait)
        self._rest(chat, self._gap)

    def _rest(self, chat: str, seconds: float) -> None:
        now = asyncio.get_running_loop().time()
        self._free[chat] = now + seconds
        if len(self._free) > _CHATS:
            self._free = {key: until for key, until in self._free.items() if until > now}

    def _gathered(self, work: Callable[..., _Made], *values: object, **named: object) -> _Made:
        """In a thread: do it, and wait for the disk while others may write."""
        with self._store.gathered():
            return work(*values, **named)

    async def _settle(self, push: Push, outcome: Outcome) -> None:
        """Record how it went, for as long as it takes the store to heal: what was sent must not be sent again."""
        due = _moment(self._clock() + outcome.wait) if outcome.state == "waiting" else None
        while True:
            try:
                await asyncio.to_thread(self._gathered, self._store.settle_push, push.id, outcome.state, note=outcome.note, due_at=due)
                return
            except StoreError as error:
                _log.error("sender_store_failed", error=type(error).__name__)
                await asyncio.sleep(EVERY)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
