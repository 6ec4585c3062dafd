"""What is written down while the server runs? One line an event, JSON where nobody watches; never a value that a person or platform gave.

An exception is its class and the places it passed: its text may hold what somebody wrote.
"""

import hashlib
import hmac
import json
import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from flows.types import PersonKey

_QUIET = {"httpx": logging.WARNING, "httpcore": logging.WARNING, "uvicorn.access": logging.CRITICAL, "asyncio": logging.ERROR}
"""Addresses that httpx and uvicorn log at INFO hold tokens."""
_PLACES = 6
_Event = MutableMapping[str, Any]
_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode
"""Made once: json.dumps with options makes an encoder for each line."""


def set_up(stream: TextIO | None = None) -> None:
    """Send what this program and its libraries log to `stream` (stderr), as JSON lines where that is no terminal."""
    out = stream or sys.stderr
    last: Any = structlog.dev.ConsoleRenderer() if out.isatty() else structlog.processors.JSONRenderer(serializer=_json)
    shared: list[Any] = [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True), without_values]
    levelled = structlog.make_filtering_bound_logger(logging.INFO)  # our own lines do not pass the standard library: a fifth of the time
    structlog.configure(processors=[*shared, last], logger_factory=structlog.WriteLoggerFactory(out), wrapper_class=levelled)
    handler = logging.StreamHandler(out)
    formatter = structlog.stdlib.ProcessorFormatter
    handler.setFormatter(formatter(foreign_pre_chain=shared, processors=[formatter.remove_processors_meta, last]))
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.INFO)
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)


def _json(event: _Event, **_: object) -> str:
    return _encode(event)


def without_values(_: object, __: str, event: _Event) -> _Event:
    """Replace an exception by its class and where it passed; keep the first line alone of what a library says."""
    found = event.pop("exc_info", None)
    error = found[1] if isinstance(found, tuple) else sys.exc_info()[1] if found is True else found
    if isinstance(error, BaseException):
        event.update(described(error))
    event["event"] = str(event.get("event", "")).split("\n", 1)[0]
    return event


def described(error: BaseException) -> dict[str, object]:
    """An exception without its text: class, and file and line of its last steps."""
    steps = traceback.extract_tb(error.__traceback__)[-_PLACES:]
    return {"error": type(error).__name__, "at": [f"{step.filename.rsplit('/', 1)[-1]}:{step.lineno}" for step in steps]}


def pseudonym(key: bytes, person: PersonKey) -> str:
    """Whom a line is about: a short keyed hash, the same for the same person, of no use without the key."""
    return hmac.new(key, f"{person.channel}\n{person.sender}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:10]
