"""Which of several workers does what only one may do? The one that holds the lock on a file; the system frees it when that one ends.

Workers on several hosts share a lock in their database instead: `storage/postgres_lease.py`.
"""

import sys
from pathlib import Path
from typing import IO, Protocol

if sys.platform != "win32":
    import fcntl


class AnyLease(Protocol):
    """What one at a time may hold."""

    def take(self) -> bool:
        """Whether it is ours, now or already."""

    def release(self) -> None:
        """Let another have it."""


class Lease:
    """A lock on a file beside the database."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def take(self) -> bool:
        """Whether it is ours, now or already. OSError where the file cannot be made. On Windows, which has one worker, always."""
        if self._file is not None or sys.platform == "win32":
            return True
        file = self._path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Let another have it."""
        if self._file is not None:
            self._file.close()
            self._file = None
