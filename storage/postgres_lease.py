"""Which worker of several hosts does what only one may do? The one whose connection holds an advisory lock of the database.

The server frees it when that connection ends: with the worker, with its host, or when it is broken off; the worker then notices at its
next look and stops, so for some seconds two may believe it is theirs. What is done under it withstands that.
"""

import threading
from contextlib import suppress

import psycopg

from storage.postgres_line import Line, configure
from storage.store import PROMPT

EVERY = 2.0
"""Seconds between looks."""
_TAKE = "SELECT pg_try_advisory_lock(hashtextextended(%s || ' in ' || current_schema(), 0))"


class DatabaseLease:
    """A lock under a name; a thread of its own looks after it, so that nobody waits for a server that does not answer."""

    def __init__(self, url: str, name: str, *, every: float = EVERY) -> None:
        self._url, self._name, self._every = url, name, every
        self._ours, self._ends = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def take(self) -> bool:
        """Whether it is ours by now; from the first time on it is tried for until `release`."""
        if self._thread is None:
            self._ends.clear()
            self._thread = threading.Thread(target=self._keep, daemon=True, name=f"lease {self._name}")
            self._thread.start()
        return self._ours.is_set()

    def release(self) -> None:
        """Let another have it."""
        self._ends.set()
        if self._thread is not None:
            self._thread.join(2 * PROMPT)
            self._thread = None

    def _keep(self) -> None:
        while not self._ends.is_set():
            with suppress(psycopg.Error):
                self._hold()
            self._ours.clear()
            self._ends.wait(self._every)

    def _hold(self) -> None:
        """Ask for the lock, and see that it still is ours, until that ends or the connection breaks."""
        options = {"connect_timeout": "2", "fallback_application_name": "yizhan lease"}
        with Line.connect(self._url, autocommit=True, **options) as line:  # type: ignore[arg-type]  # libpq's own options
            configure(line, PROMPT)
            while not self._ends.is_set():
                if self._ours.is_set():
                    line.execute("SELECT 1")
                elif (row := line.execute(_TAKE, [f"yizhan {self._name}"]).fetchone()) and row[0]:
                    self._ours.set()
                self._ends.wait(self._every)
            self._ours.clear()
