"""`yizhan` that kills itself at the n-th time it comes to a step, as CRASH_AT=step:n says: what a power cut at that moment does."""

import functools
import inspect
import os
import signal
from collections.abc import Callable
from typing import Any

from bot import app, handle, telegram_push, wechat_answer, wechat_envelope
from bot.cli import main as begin
from storage.store import Store

STEPS = {
    "receive": "a message has come, nothing is done yet",
    "turn": "its turn is made, nothing is committed",
    "commit": "it is committed, nothing is answered",
    "reply": "the answer is about to be sealed",
    "send": "a queued message is about to be sent",
    "sent": "the platform has it, that is not recorded",
    "mark": "that is recorded",
}


def _crash(step: str, counted: list[int]) -> None:
    wanted, _, number = os.environ["CRASH_AT"].partition(":")
    if step == wanted:
        counted.append(1)
        if len(counted) == int(number):
            os.kill(os.getpid(), signal.SIGKILL)


def _stopped(step: str, call: Callable[..., Any], *, after: bool = False) -> Callable[..., Any]:
    """The call with the step before or after it."""
    counted: list[int] = []
    if inspect.iscoroutinefunction(call):

        @functools.wraps(call)
        async def later(*values: Any, **named: Any) -> Any:
            if not after:
                _crash(step, counted)
            found = await call(*values, **named)
            if after:
                _crash(step, counted)
            return found

        return later

    @functools.wraps(call)
    def now(*values: Any, **named: Any) -> Any:
        if not after:
            _crash(step, counted)
        found = call(*values, **named)
        if after:
            _crash(step, counted)
        return found

    return now


def _watched(store: Store) -> Store:
    for step, name in (("commit", "commit"), ("mark", "settle_push")):
        setattr(store, name, _stopped(step, getattr(store, name), after=True))
    return store


def main() -> None:
    """The command, with the step in place."""
    wechat_answer.Counter.answer = _stopped("receive", wechat_answer.Counter.answer)  # type: ignore[method-assign]
    handle._turn = _stopped("turn", handle._turn, after=True)
    wechat_envelope.Gate.seal = _stopped("reply", wechat_envelope.Gate.seal)  # type: ignore[method-assign]
    for step, after in (("send", False), ("sent", True)):
        telegram_push.Client.send_message = _stopped(step, telegram_push.Client.send_message, after=after)  # type: ignore[method-assign]
    opened = app.open_store
    app.open_store = lambda *values, **named: _watched(opened(*values, **named))
    begin()
