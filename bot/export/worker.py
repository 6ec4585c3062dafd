"""How is an export made that was asked for on a page? By an interpreter of its own, at low priority, one export at a time.

Usage: python -m bot.export.worker FOLDER; the database is the environment's.
"""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import structlog

from bot import app as wiring
from bot import log
from bot.export import choice
from bot.export.files import file_of, tidy
from bot.export.formats import FORMATS, write
from bot.export.source import ExportError, Source, Watch
from bot.handle import SHANGHAI
from bot.lease import Lease
from bot.settings import Settings, read_settings
from flows.assistant import Premises
from flows.documents import file_name
from storage import accounts, exports
from storage.accounts import FAILED, OK, Staff
from storage.exports import Export
from storage.store import Connection, Store, StoreError

NICE = 10
EVERY = 2.0
"""Seconds between signs of life."""
OFFERED = timedelta(days=1)
TRIES = 3
"""How often an export begins again because somebody in it deleted their data meanwhile."""
DELETED = "生成期间一再有申请人删除数据，没有生成；请再做一次"
_FAILED = "生成时出错，没有生成；请再做一次，还不行就请管理员看服务日志"
_log = structlog.get_logger("yizhan")


class Stopped(Exception):
    """Nobody wants the export any more."""


class Pulse:
    """Tells the store how far an export is, also while nothing is counted; notices when nobody wants it any more."""

    def __init__(self, store: Store, export_id: str, every: float) -> None:
        self._store, self._id, self._every = store, export_id, every
        self._done, self._total = 0, 0
        self._wanted, self._ends = True, threading.Event()

    @contextlib.contextmanager
    def beating(self) -> Iterator[None]:
        """As long as the export is made."""
        thread = threading.Thread(target=self._beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ends.set()
            thread.join()

    def wrote(self, done: int, total: int) -> None:
        """Note how far it is; Stopped where nobody wants it."""
        self._done, self._total = done, total
        if not self._wanted:
            raise Stopped

    def reads(self, ids: Sequence[str]) -> None:
        """Note whose data is read next, before it is read; Stopped where nobody wants it."""
        with self._store.writing() as db:
            exports.hold(db, self._id, exports.owners(db, ids))
        self.tell()
        self.wrote(self._done, self._total)

    def tell(self) -> None:
        """Give a sign of life."""
        with self._store.writing() as db:
            self._wanted = exports.note_progress(db, self._id, self._done, self._total, datetime.now(UTC))

    def _beat(self) -> None:
        while not self._ends.wait(self._every):
            with contextlib.suppress(StoreError):  # the next beat may get through
                self.tell()


class Worker:
    """Makes what waits, over one store."""

    def __init__(self, store: Store, premises: Premises, folder: Path, log_key: bytes, *, every: float = EVERY) -> None:
        self.store, self._premises, self._folder, self._log_key, self._every = store, premises, folder, log_key, every

    def drain(self, lease: Lease) -> None:
        """Make all that waits, unless another worker does: that one looks again after it let go of the lease."""
        while lease.take():
            try:
                while (waiting := self._next()) is not None:
                    self.make(waiting)
            finally:
                lease.release()
            if self._next() is None:
                return

    def _next(self) -> Export | None:
        with self.store.reading() as db:
            return next(iter(exports.in_state(db, "waiting")), None)

    def make(self, wanted: Export) -> None:
        """One export, to its end, whatever that is."""
        with self.store.writing() as db:
            if not exports.begin(db, wanted.id, datetime.now(UTC)):
                return
        began, failure = time.perf_counter(), ""
        try:
            failure = self._made(wanted)
        except Stopped:
            pass
        except ExportError as error:
            failure = str(error)
        except Exception as error:
            _log.error("export failed", export=wanted.id, **log.described(error))
            failure = _FAILED
        if failure:
            with self.store.writing() as db:
                if exports.end(db, wanted.id, ("running",), "failed", failure):
                    self._note(db, wanted, "", FAILED)
        tidy(self.store, self._folder)
        _log.info("export", export=wanted.id, format=wanted.format, failed=bool(failure), ms=round((time.perf_counter() - began) * 1000))

    def _made(self, wanted: Export) -> str:
        """Write the file and offer it; why there is none, else nothing."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for _ in range(TRIES):
            pulse = Pulse(self.store, wanted.id, self._every)
            source = Source(
                store=self.store,
                assistant=self._premises,
                today=date.fromisoformat(wanted.day),
                bank=wanted.bank,
                watch=Watch(reads=pulse.reads, wrote=pulse.wrote),
            )
            file = file_of(self._folder, wanted.id)
            with pulse.beating():
                written = write(source, wanted.format, choice.chosen(source, wanted.audience), file)
            if self._offered(replace(wanted, done=written.drafts, total=written.drafts, note=written.text()), file):
                return ""
        return DELETED

    def _offered(self, made: Export, file: Path) -> bool:
        """Offer the file, if everybody in it is still there. Stopped where nobody wants it."""
        now = datetime.now(UTC)
        kind = FORMATS[made.format]
        name = file_name(kind.name, f"{made.made_at.astimezone(SHANGHAI):%Y%m%d-%H%M}", ending=kind.ending)
        with self.store.writing() as db:
            if exports.finish(db, replace(made, name=name, size=file.stat().st_size, expires_at=now + OFFERED)):
                self._note(db, made, made.note, OK)
                return True
            if not exports.is_short(db, made.id):
                raise Stopped
            exports.start_over(db, made.id)
        return False

    def _note(self, db: Connection, made: Export, detail: str, result: str) -> None:
        accounts.log(db, Staff(name=made.made_by, role="", log_key=self._log_key), "导出完成", made.id, detail, result=result)


def lease_of(settings: Settings) -> Lease:
    """Of several workers one works."""
    return Lease(wiring.database_file(settings).with_suffix(".export-lock"))


def main(folder: Path) -> None:
    """Make all that waits."""
    log.set_up()
    lower: Callable[[int], int] | None = getattr(os, "nice", None)  # not on Windows
    if lower:
        lower(NICE)
    settings = read_settings()
    store = wiring.open_store(settings)
    try:
        Worker(store, wiring.judging(settings), folder, wiring.derived_key(settings, "staff log")).drain(lease_of(settings))
    finally:
        store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
