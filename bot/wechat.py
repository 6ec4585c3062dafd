"""The WeChat official account as a channel: GET and POST /wechat. Checks, order per person, the five seconds, and the answer.

What a callback must prove stands in `wechat_envelope.py`, what a message leads to in `wechat_answer.py`.
"""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot import wechat_envelope as envelope
from bot.bubbles import LIMIT
from bot.crew import Crew
from bot.handle import BUSY, Desk
from bot.limits import Limiter
from bot.settings import Settings, SettingsError
from bot.wechat_answer import CHANNEL, Answer, Counter, person_of
from bot.wechat_api import WeChatApi
from bot.wechat_envelope import Gate, Incoming, Refused
from bot.wechat_push import Sender
from bot.wechat_reach import ACCOUNTS
from bot.wechat_subscribe import PopUp
from bot.wechat_words import TOO_FAST, TOO_MANY, VIEW, WAIT
from storage.store import Push, StoreError

BODY = 64 * 1024
READING, BUDGET, NOTING = 5.0, 4.0, 0.5
"""Seconds for a body to arrive; from arrival to our answer, of the platform's five; of the rest, for noting that the answer comes later."""
REMEMBERED, OPEN, THREADS = 2000, 1000, 8
"""Answers kept for redeliveries that come within seconds; messages at work at once; threads that work on them."""
_AES_KEY = re.compile("[A-Za-z0-9]{43}")
_log = structlog.get_logger("wechat")


class WeChat:
    """The channel of one account; `start` and `stop` it in the loop that serves its routes."""

    def __init__(self, gate: Gate, counter: Counter, api: WeChatApi | None, *, budget: float = BUDGET, reading: float = READING) -> None:
        self.gate, self.counter, self.api = gate, counter, api
        self.budget, self.reading = budget, reading
        self.limiter = Limiter(clock=gate.clock)
        self._crew = Crew(counter.answer, threads=THREADS, name=CHANNEL, together=counter.desk.store.gathered)
        self._flights: OrderedDict[tuple[str, str], asyncio.Task[str]] = OrderedDict()
        self._last: dict[str, asyncio.Future[Answer]] = {}
        self._late: set[str] = set()
        self.sender = Sender(counter, api, running=self._late.__contains__) if api else None
        self._orphans: OrderedDict[str, str] = OrderedDict()
        self._background: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin the background work: the platform's library is loaded, and the queue drained where the account may send."""
        await asyncio.to_thread(envelope.load)
        if self.sender:
            self._do(self.sender.run())

    async def stop(self) -> None:
        """Finish what is being answered, for at most the time budget, and end the background work."""
        open_turns = set(self._last.values())
        if open_turns:
            await asyncio.wait(open_turns, timeout=self.budget)
        for task in (*self._background, *self._flights.values()):
            task.cancel()
        await asyncio.gather(*self._background, *self._flights.values(), return_exceptions=True)
        self._crew.close()
        if self.api:
            await self.api.close()

    def status(self) -> str:
        """One line for staff: what the account may do, and whether sending has stopped."""
        account = self.counter.account
        mode = "加密" if self.gate.aes_key else "明文（只供开发）"
        if not self.sender:
            return f"微信：{account.name}，{mode}，不能主动发送，提醒等对方下次来时显示"
        ways = "客服消息和订阅通知" if self.counter.subscribes else "客服消息"
        return f"微信：{account.name}，{mode}，" + (self.sender.stopped or f"可发{ways}")

    async def reply(self, incoming: Incoming, deadline: float) -> str:
        """The text to answer with by `deadline` (time of the loop); empty for none. A redelivery gets what the first got."""
        key = (incoming.sender, incoming.id)
        flight = self._flights.get(key)
        if flight is None:
            match self.limiter.allow(incoming.sender):
                case "notice":
                    return TOO_FAST
                case "drop":
                    return ""
            if len(self._last) >= OPEN:
                return TOO_MANY
            flight = self._flights[key] = asyncio.create_task(self._fly(incoming, deadline))
            if len(self._flights) > REMEMBERED:
                self._flights.popitem(last=False)
        return await asyncio.shield(flight)

    async def _fly(self, incoming: Incoming, deadline: float) -> str:
        """Answer in order of the person's messages; what is not ready in time comes later."""
        orphan = self._orphans.pop(incoming.sender, "")
        if orphan and incoming.text.strip() == VIEW:
            return orphan
        turn = self._turn(incoming, self._last.get(incoming.sender))
        self._last[incoming.sender] = turn
        turn.add_done_callback(lambda done: self._over(incoming.sender, done))
        await asyncio.wait({turn}, timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
        if not turn.done():
            return await self._overrun(incoming, turn)
        answer = _result(turn)
        if answer.settles:
            await asyncio.to_thread(self._settle, answer.settles)
        return self._after_orphan(incoming.sender, orphan, answer.text)

    def _after_orphan(self, sender: str, orphan: str, text: str) -> str:
        """The text with the orphan before it; where both do not fit, the orphan waits on."""
        joined = f"{orphan}\n\n{text}" if orphan else text
        if len(joined.encode()) <= LIMIT:
            return joined
        self._orphans[sender] = orphan
        return text

    def _turn(self, incoming: Incoming, before: asyncio.Future[Answer] | None) -> asyncio.Future[Answer]:
        """Answer in another thread, after the person's message before this one."""
        return self._crew.run(incoming) if before is None else asyncio.create_task(self._after(before, incoming))

    async def _after(self, before: asyncio.Future[Answer], incoming: Incoming) -> Answer:
        await asyncio.wait({before})
        return await self._crew.run(incoming)

    def _over(self, sender: str, turn: asyncio.Future[Answer]) -> None:
        if self._last.get(sender) is turn:
            del self._last[sender]

    def _settle(self, pushes: tuple[str, ...]) -> None:
        """What was shown as part of an answer needs no sending; where that cannot be noted it is shown once more."""
        try:
            for push in pushes:
                self.counter.desk.store.settle_push(push, "sent", note="随答复显示")
        except StoreError as error:
            _log.error("wechat_store_failed", error=type(error).__name__)

    async def _overrun(self, incoming: Incoming, turn: asyncio.Future[Answer]) -> str:
        """Promise the answer: the promise is kept in the store before it is made, so that a crash cannot lose it."""
        push = self.counter.late_push(incoming)
        self._late.add(push.id)
        noted = self._do(asyncio.to_thread(self.counter.promise, push))
        self._do(self._bring(incoming.sender, turn, push, noted))
        await asyncio.wait({noted}, timeout=NOTING)
        return "" if self.counter.account.customer_messages else WAIT

    async def _bring(self, sender: str, turn: asyncio.Future[Answer], push: Push, noted: asyncio.Task[None]) -> None:
        """Once the answer is there, send it; where its push is gone, for the person was forgotten by it, keep it in memory."""
        await asyncio.wait({turn})
        await asyncio.wait({noted})
        self._late.discard(push.id)
        if not await asyncio.to_thread(self.counter.release, push):
            self._orphans[sender] = _result(turn).text
            if len(self._orphans) > REMEMBERED:
                self._orphans.popitem(last=False)
        elif self.sender:
            self.sender.wake()

    def _do(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("wechat_background_failed", error=type(error).__name__)


def _result(turn: asyncio.Future[Answer]) -> Answer:
    """The answer, unless the disk failed to take what it tells of."""
    try:
        return turn.result()
    except StoreError as error:
        _log.error("wechat_store_failed", error=type(error).__name__)
        return Answer(text=BUSY)


def wechat(settings: Settings, desk: Desk, clock: Callable[[], float] = time.time) -> WeChat | None:
    """The channel as configured; None without YIZHAN_WECHAT_TOKEN. SettingsError names what is missing."""
    token, key = settings.wechat_token.get_secret_value(), settings.wechat_aes_key.get_secret_value()
    if not token:
        return None
    account = ACCOUNTS[settings.wechat_account]
    _complete(settings, sends=account.customer_messages)
    gate = Gate(token=token, app_id=settings.wechat_app_id, aes_key=key, clock=clock)
    counter = Counter(
        desk=desk,
        public_url=settings.public_url,
        account=account,
        template=settings.wechat_template_id,
        clock=clock,
    )
    return WeChat(gate, counter, api_of(settings, clock) if account.pushes else None)


def pop_up(channel: WeChat) -> PopUp | None:
    """What lets the applicant's page ask for 订阅通知; None where the account cannot send any."""
    counter = channel.counter
    if channel.api is None or not counter.subscribes:
        return None
    return PopUp(api=channel.api, app_id=channel.gate.app_id, template=counter.template, clock=channel.gate.clock)


def api_of(settings: Settings, clock: Callable[[], float] = time.time) -> WeChatApi:
    """The client for the account of the settings."""
    return WeChatApi(settings.wechat_api_url, settings.wechat_app_id, settings.wechat_app_secret.get_secret_value(), clock=clock)


def _complete(settings: Settings, *, sends: bool) -> None:
    key = settings.wechat_aes_key.get_secret_value()
    if not key and not settings.wechat_plain:
        raise SettingsError(
            "YIZHAN_WECHAT_AES_KEY is missing: without it a stranger could speak as anybody; copy the EncodingAESKey from the account's "
            "console and choose 安全模式 there, or set YIZHAN_WECHAT_PLAIN=true for development."
        )
    if key and settings.wechat_plain:
        raise SettingsError("YIZHAN_WECHAT_PLAIN does not go with YIZHAN_WECHAT_AES_KEY; leave one of them out.")
    if key and not _AES_KEY.fullmatch(key):
        raise SettingsError("YIZHAN_WECHAT_AES_KEY is no EncodingAESKey: it has 43 letters and digits; copy it from the account's console.")
    if (key or sends) and not settings.wechat_app_id:
        raise SettingsError(
            "YIZHAN_WECHAT_APP_ID is missing; encrypted messages name the account by it: copy it from the account's console."
        )
    if sends and not settings.wechat_app_secret.get_secret_value():
        raise SettingsError(
            "YIZHAN_WECHAT_APP_SECRET is missing; this kind of account sends messages with it: copy it from the account's console."
        )


def routes(channel: WeChat) -> list[Route]:
    """GET and POST /wechat."""

    async def greet(request: Request) -> Response:
        """The platform checks that the address is ours: https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/Access_Overview.html."""
        try:
            query = channel.gate.check(request.query_params.multi_items())
        except Refused as refused:
            return _refusal(refused)
        return PlainTextResponse(query.get("echostr", ""), headers={"X-Content-Type-Options": "nosniff"})

    async def receive(request: Request) -> Response:
        """One callback: checked, answered within the budget, sealed. Whatever goes wrong is no 5xx."""
        deadline = asyncio.get_running_loop().time() + channel.budget
        try:
            body = await _body(request, channel.reading)
            query = channel.gate.check(request.query_params.multi_items())
            incoming = channel.gate.read(query, body)
            request.scope["person"] = person_of(incoming)
            return await _answered(channel, incoming, deadline)
        except Refused as refused:
            return _refusal(refused)
        except Exception as error:
            _log.error("wechat_failed", error=type(error).__name__)
            return Response(status_code=400)

    return [Route("/wechat", greet, methods=["GET"]), Route("/wechat", receive, methods=["POST"])]


async def _answered(channel: WeChat, incoming: Incoming, deadline: float) -> Response:
    text = await channel.reply(incoming, deadline)
    if not text:
        return PlainTextResponse("success")
    return Response(channel.gate.seal(incoming, text), media_type="application/xml")


async def _body(request: Request, seconds: float) -> bytes:
    """The body, of at most 64 KiB whatever its Content-Length says, in at most `seconds`."""
    length = request.headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length[:12]) > BODY:
        raise Refused("too large", 400)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY:
                    raise Refused("too large", 400)
    except TimeoutError:
        raise Refused("too slow", 400) from None
    except ClientDisconnect:
        raise Refused("gone", 400) from None
    return bytes(body)


def _refusal(refused: Refused) -> Response:
    _log.warning("wechat_refused", error=type(refused).__name__, status=refused.status)
    return Response(status_code=refused.status, headers={"Connection": "close"})
