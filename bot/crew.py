"""Where does blocking work run, so that the loop goes on? In one thread as long as it is quick, in more where it is stuck.

Python runs one thread at a time: several that take turns, and a loop that takes one with every database call, cost half as much again
as the work itself. So what has queued is worked off in one go, and results come back a few at a time.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

TOGETHER = 0.03
"""Seconds of work whose results come back together."""
STUCK = 0.05
"""Seconds without a result after which another thread helps."""
_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(slots=True)
class _Job(Generic[_In, _Out]):
    argument: _In
    future: asyncio.Future[_Out]
    result: _Out | None = None
    error: BaseException | None = None


class Crew(Generic[_In, _Out]):
    """Calls `work` with arguments, in at most `threads` threads; of one loop."""

    def __init__(
        self,
        work: Callable[[_In], _Out],
        *,
        threads: int,
        name: str,
        together: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext,
    ) -> None:
        """`together` surrounds the work whose results come back together; where it ends in an error, each of them is that error."""
        self._work, self._threads, self._together = work, threads, together
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._queue: deque[_Job[_In, _Out]] = deque()
        self._active = 0
        self._moved_at = 0.0
        self._watch: asyncio.TimerHandle | None = None

    def run(self, argument: _In) -> asyncio.Future[_Out]:
        """The result of `work(argument)`, to be awaited."""
        loop = asyncio.get_running_loop()
        job: _Job[_In, _Out] = _Job(argument, loop.create_future())
        self._queue.append(job)
        if not self._active:
            self._start(loop)
        return job.future

    def close(self) -> None:
        """Take no more; what a thread is at is not waited for."""
        if self._watch:
            self._watch.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._active += 1
        self._moved_at = time.monotonic()
        self._pool.submit(self._drain, loop)
        if self._watch is None:
            self._watch = loop.call_later(STUCK, self._help, loop)

    def _help(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start another thread where those at work give no results and something waits."""
        self._watch = None
        if self._queue and self._active < self._threads and time.monotonic() - self._moved_at >= STUCK:
            self._start(loop)
        elif self._active:
            self._watch = loop.call_later(STUCK, self._help, loop)

    def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread: work off the queue."""
        while self._queue:
            _tell(loop, self._report, self._some(), False)
        _tell(loop, self._report, [], True)

    def _some(self) -> list[_Job[_In, _Out]]:
        """Work on what has queued, for as long as results may wait for each other."""
        done: list[_Job[_In, _Out]] = []
        until = time.monotonic() + TOGETHER
        try:
            with self._together():
                while time.monotonic() < until and (job := self._next()):
                    done.append(job)
                    self._do(job)
        except Exception as error:
            for job in done:
                job.error = error
        return done

    def _do(self, job: _Job[_In, _Out]) -> None:
        try:
            job.result = self._work(job.argument)
        except BaseException as error:
            job.error = error

    def _next(self) -> _Job[_In, _Out] | None:
        try:
            return self._queue.popleft()
        except IndexError:
            return None

    def _report(self, done: list[_Job[_In, _Out]], ended: bool) -> None:
        self._moved_at = time.monotonic()
        for job in done:
            if job.future.cancelled():
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)  # type: ignore[arg-type]  # there is one where there is no error
        self._active -= ended
        if ended and self._queue and not self._active:
            self._start(asyncio.get_running_loop())


def _tell(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *values: object) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
        loop.call_soon_threadsafe(call, *values)
