"""How do several processes share one address? The parent loads everything once and forks workers; one that dies is replaced at once.

A worker that is forked has the loaded policies already, in memory that all share, and answers within a tenth of a second; one that
is started anew (as where there is no fork) reads and proves them for seconds.
"""

import contextlib
import ctypes
import gc
import os
import signal
import sys
import time
from collections.abc import Callable

import structlog

SHORT_LIFE, PAUSE = 1.0, 1.0
"""A worker that lived for fewer seconds than this is not replaced before so many have passed: it would die again."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_PDEATHSIG = 1
"""Of prctl(2)."""
_log = structlog.get_logger("workers")


class Workers:
    """The parent of the workers. `work` is what a worker does, in a process of its own, until it is told to stop by SIGTERM."""

    def __init__(self, work: Callable[[], None], count: int, *, stop_seconds: float) -> None:
        self._work, self._count, self._stop_seconds = work, count, stop_seconds
        self._born: dict[int, float] = {}
        """The workers and since when each lives."""
        self._stopping = False

    def run(self) -> None:
        """Keep the workers running until SIGTERM or SIGINT; returns when all have ended. No thread may have been started before."""
        gc.collect()
        gc.freeze()  # what is loaded is not looked through again, and so stays shared
        for number in _SIGNALS:
            signal.signal(number, self._stop)
        while len(self._born) < self._count and not self._stopping:
            self._fork()
        while self._born:
            self._buried(*os.wait())

    def _stop(self, *_: object) -> None:
        self._stopping = True
        for worker in self._born:
            _send(worker, signal.SIGTERM)
        signal.signal(signal.SIGALRM, self._kill)
        signal.setitimer(signal.ITIMER_REAL, self._stop_seconds)

    def _kill(self, *_: object) -> None:
        for worker in self._born:
            _send(worker, signal.SIGKILL)

    def _fork(self) -> None:
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # a signal between fork and book-keeping would miss the worker
        worker = os.fork()
        if worker == 0:
            self._live(blocked)
        self._born[worker] = time.monotonic()
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def _live(self, blocked: set[int | signal.Signals]) -> None:
        """In the worker: work, and end without what the parent would do at its end."""
        status = 1
        try:
            for number in _SIGNALS:
                signal.signal(number, lambda *_: sys.exit(0))
            _end_with_parent()
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            self._work()
            status = 0
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 1
        except BaseException as error:
            _log.error("worker_failed", error=type(error).__name__)
        finally:
            os._exit(status)

    def _buried(self, worker: int, status: int) -> None:
        """A worker has ended: another takes its place, unless all are to end."""
        lived = time.monotonic() - self._born.pop(worker, 0.0)
        if self._stopping:
            return
        _log.error("worker_ended", status=os.waitstatus_to_exitcode(status), seconds=round(lived, 1))
        if lived < SHORT_LIFE:
            time.sleep(PAUSE)
        if not self._stopping:
            self._fork()


def _send(worker: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker, number)


def _end_with_parent() -> None:
    """A parent that was killed cannot tell its workers to stop: the system does, where it is Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGTERM)
