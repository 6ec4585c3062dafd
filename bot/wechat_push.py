"""Who gets a push on WeChat, when, and what if the platform refuses? Drains the queue of the store by the ways that remain.

Which way remains stands in `wechat_reach.py`; nothing is called sent that the platform did not take.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import structlog

from bot import wechat_reach as ledger
from bot.bubbles import LIMIT
from bot.links import page_url
from bot.remind_gate import held
from bot.wechat_answer import CHANNEL, Counter, body_of
from bot.wechat_api import STALE_TOKEN, ApiError, ApiUnreachable, WeChatApi
from bot.wechat_body import Body
from bot.wechat_reach import Reach
from flows.types import File
from storage.store import Push, PushState

BATCH, EVERY, TAKEN, PAUSE = 20, 2.0, 60.0, 3600.0
"""How many are taken at once; seconds between looks at the queue, for which a taken push is ours, that a spent day quota pauses all."""
TRIES, FIRST_WAIT, LONGEST_WAIT = 6, 5.0, 600.0
SHORT = 1000
"""Bytes of a text after the platform found one too long."""

_Fate = Literal["retry", "stop", "gone", "keep", "pause", "split"]
FATES: dict[int, _Fate] = {
    -1: "retry",
    **dict.fromkeys(STALE_TOKEN, "retry"),
    **dict.fromkeys((40164, 89503, 40013, 40125, 48001, 50002), "stop"),
    **dict.fromkeys((40003, 43004), "gone"),
    **dict.fromkeys((43101, 45015, 45047), "keep"),
    45009: "pause",
    45002: "split",
}
"""What an error code means for a push; any other gives it up. The day quota is never cleared by API: that can be done ten times a month."""
_log = structlog.get_logger("wechat")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    state: PushState
    note: str
    wait: float | None = None


class Sender:
    """Sends what is due, one at a time. `running` tells whether the answer that a push will bring is still being made here."""

    def __init__(self, counter: Counter, api: WeChatApi, *, running: Callable[[str], bool] = lambda _: False) -> None:
        self._counter, self._api, self._running = counter, api, running
        self._store, self._clock = counter.desk.store, counter.clock
        self._wake = asyncio.Event()
        self._paused_until = 0.0
        self.stopped = ""
        """Why nothing is sent any more, in Chinese for staff; empty: it is."""

    def wake(self) -> None:
        """Look at the queue now."""
        self._wake.set()

    async def run(self) -> None:
        """Send what comes due, until cancelled."""
        while True:
            self._wake.clear()
            try:
                sent = await self.round()
            except Exception as error:  # the queue goes on once the cause is gone
                _log.error("wechat_sender_failed", error=type(error).__name__)
                sent = 0
            if sent < BATCH:
                await self._until_woken()

    async def _until_woken(self) -> None:
        try:
            async with asyncio.timeout(EVERY):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def round(self) -> int:
        """Take a batch of due pushes and settle each; how many there were."""
        now = self._clock()
        if now < self._paused_until:
            return 0
        pushes = await asyncio.to_thread(self._store.take_pushes, CHANNEL, _moment(now), _moment(now + TAKEN), BATCH)
        for push in pushes:
            outcome = await self._deliver(push)
            due = None if outcome.wait is None else _moment(self._clock() + outcome.wait)
            await asyncio.to_thread(self._store.settle_push, push.id, outcome.state, note=outcome.note, due_at=due)
            _log.info("wechat_push", kind=push.kind, state=outcome.state)
        return len(pushes)

    async def _deliver(self, push: Push) -> _Outcome:
        body, now = body_of(push), self._clock()
        if body is None:
            return _Outcome(state="failed", note="内容读不出来")
        if now < self._paused_until:
            return _Outcome(state="waiting", note="今天的接口次数用完了", wait=self._paused_until - now)
        if body.kind == "answer" and self._running(push.id):
            return _Outcome(state="waiting", note="回答还在生成", wait=FIRST_WAIT)
        if push.kind == "reminder" and (why := await asyncio.to_thread(held, self._counter.desk, push, now)):
            return _Outcome(state=why.state, note=why.note, wait=why.wait)
        reach = ledger.from_note(await asyncio.to_thread(self._store.note, push.person, "reach"))
        way = ledger.way(reach, self._counter.account, now, template=self._template(body), dialogue=push.kind == "dialogue")
        if way.kind == "none":
            return _Outcome(state="failed" if reach.unreachable else "dropped", note=way.why)
        if way.kind == "kept" or self.stopped:
            return _kept(body, self.stopped or way.why)
        return await self._try(push, body, way.kind)

    def _template(self, body: Body) -> str:
        return self._counter.template if body.data else ""

    async def _try(self, push: Push, body: Body, kind: Literal["customer", "subscription"]) -> _Outcome:
        """Count it in the ledger, send it, and take it back from the ledger where it was certainly not sent."""
        at = self._clock()
        await self._note(push, lambda reach: ledger.sent(reach, at) if kind == "customer" else ledger.used(reach, self._counter.template))
        try:
            await (self._customer(push, body) if kind == "customer" else self._subscription(push, body))
        except ApiError as error:
            code = error.code
            await self._note(push, lambda reach: _refused(reach, kind, at, self._counter.template, code))
            return self._judged(push, body, code)
        except ApiUnreachable as error:
            if error.maybe:
                return _Outcome(state="maybe", note="平台没有答复，可能已经发出，不再重发")
            await self._note(push, lambda reach: _refused(reach, kind, at, self._counter.template, -1))
            return _again(push, body, "平台连不上")
        doubtful = push.tries > 1 and not push.note  # taken before, and how that went was never recorded
        return _Outcome(state="sent", note="重启前可能已发过一次" if doubtful else "已发出")

    async def _customer(self, push: Push, body: Body) -> None:
        if body.kind == "preview":
            await self._picture(push)
            return
        try:
            await self._api.custom_text(push.person.sender, await asyncio.to_thread(self._counter.text_of, push, LIMIT))
        except ApiError as error:
            if FATES.get(error.code) != "split":
                raise
            await self._api.custom_text(push.person.sender, await asyncio.to_thread(self._counter.text_of, push, SHORT))

    async def _picture(self, push: Push) -> None:
        replies = await asyncio.to_thread(self._counter.replies_of, push)
        file = next(file for reply in replies for file in reply.files if file.kind == "preview")
        media = await self._api.upload_image("preview.png", await asyncio.to_thread(_content, file))
        await self._api.custom_image(push.person.sender, media)

    async def _subscription(self, push: Push, body: Body) -> None:
        counter = self._counter
        page = await asyncio.to_thread(page_url, counter.desk, counter.public_url, push.person, body.draft) if body.draft else ""
        await self._api.bizsend(push.person.sender, counter.template, body.data, page)

    def _judged(self, push: Push, body: Body, code: int) -> _Outcome:
        fate = FATES.get(code)
        _log.warning("wechat_push_refused", code=code, fate=fate or "failed")
        match fate:
            case "retry":
                return _again(push, body, f"平台返回 {code}")
            case "stop":
                self.stopped = f"平台返回 {code}，已停止主动发送；请按平台的返回码说明检查帐号权限、AppSecret 和 IP 白名单，改好后重启"
                return _kept(body, self.stopped)
            case "keep":
                return _kept(body, f"平台返回 {code}，等对方下次来时显示")
            case "pause":
                self._paused_until = self._clock() + PAUSE
                return _Outcome(state="waiting", note="今天的接口次数用完了", wait=PAUSE)
            case "gone":
                return _Outcome(state="failed", note=f"平台返回 {code}，发不到这个人")
            case _:
                return _Outcome(state="failed", note=f"平台返回 {code}")

    async def _note(self, push: Push, change: Callable[[Reach], Reach]) -> None:
        def changed(note: str | None) -> str | None:
            return None if note is None else ledger.to_note(change(ledger.from_note(note)))  # never a row for somebody forgotten

        await asyncio.to_thread(self._store.change_note, push.person, "reach", changed)


def _refused(reach: Reach, kind: str, at: float, template: str, code: int) -> Reach:
    """The ledger after a refusal: the platform's book goes before ours."""
    reach = ledger.unsent(reach, at) if kind == "customer" else ledger.unused(reach, template)
    match code:
        case 40003 | 43004:
            return ledger.lost(reach)
        case 43101:
            return ledger.consented(reach, template, "reject")
        case 45015:
            return ledger.closed(reach)
        case 45047:
            return ledger.spent(reach, at)
        case _:
            return reach


def _kept(body: Body, why: str) -> _Outcome:
    """For the next visit; a picture is only of use now."""
    return _Outcome(state="dropped" if body.kind == "preview" else "kept", note=why)


def _again(push: Push, body: Body, why: str) -> _Outcome:
    if push.tries >= TRIES:
        return _kept(body, f"{why}，试了 {push.tries} 次，等对方下次来时显示")
    return _Outcome(state="waiting", note=f"{why}，稍后再试", wait=min(LONGEST_WAIT, FIRST_WAIT * 2 ** (push.tries - 1)))


def _content(file: File) -> bytes:
    return Path(file.path).read_bytes()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
