"""How does the server have exports made? It queues them, starts a worker, and looks after files and workers that are over."""

import os
import secrets
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.export.files import tidy
from bot.settings import PREFIX, Settings
from storage import exports
from storage.exports import Export
from storage.store import Connection, Store

WORKER = "bot.export.worker"
REMEMBERED = timedelta(days=7)
"""How long staff see that there was an export."""
DIED = "生成到一半中断了，没有生成；请再做一次"
PATIENCE = 10.0
"""Seconds that a worker has to begin."""
_NEVER = datetime.fromtimestamp(0, UTC)


def queue(db: Connection, *, made_by: str, kind: str, audience: str, bank: bool, reason: str, day: str, now: datetime) -> Export:
    """Put an export into the queue."""
    made = Export(
        id=secrets.token_hex(16),
        made_by=made_by,
        made_at=now,
        format=kind,
        audience=audience,
        bank=bank,
        reason=reason,
        day=day,
        seen_at=now,
        expires_at=_NEVER,
    )
    exports.add(db, made)
    return made


def start(settings: Settings, folder: Path) -> subprocess.Popen[bytes]:
    """Start a worker; one that finds another at work ends at once. It outlives a server that is stopped."""
    environment = os.environ | {f"{PREFIX}DATABASE": settings.database}
    child = subprocess.Popen(
        [sys.executable, "-m", WORKER, str(folder)], env=environment, stdin=subprocess.DEVNULL, close_fds=True, start_new_session=True
    )
    threading.Thread(target=child.wait, daemon=True).start()  # so that it does not stay a zombie
    return child


def look_after(store: Store, folder: Path, now: datetime) -> bool:
    """Take dead workers' exports for failed, take back what was offered long enough, remove files.

    True where something waits that no worker took.
    """
    with store.reading() as db:
        running, done = exports.in_state(db, "running"), exports.in_state(db, "done")
        waits = any((now - export.seen_at).total_seconds() > PATIENCE for export in exports.in_state(db, "waiting")) and not running
    dead = any((now - export.seen_at).total_seconds() > exports.STALE for export in running)
    over = any(export.expires_at <= now for export in done)
    if dead or over:
        with store.writing() as db:
            exports.bury(db, now, DIED)
            exports.expire(db, now)
            exports.clean(db, now - REMEMBERED)
    tidy(store, folder)
    return waits
