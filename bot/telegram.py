"""Telegram as a channel: POST /telegram or polling, the same way for both; order per person, start and stop.

What an update leads to stands in `telegram_answer.py`, sending in `telegram_push.py` and `sender.py`.
"""

import asyncio
import hmac
import json
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import BotCommand
from telegram.error import BadRequest, Conflict, InvalidToken, RetryAfter, TelegramError

from bot import telegram_update as updates
from bot.crew import Crew
from bot.handle import Desk
from bot.lease import AnyLease
from bot.limits import Limiter
from bot.sender import GAP, RATE, Sender
from bot.settings import Settings, SettingsError
from bot.telegram_answer import CHANNEL, Answer, Counter
from bot.telegram_push import Client, Delivery, client, person, seconds_of
from bot.telegram_update import ALLOWED, Incoming, Unreadable
from bot.telegram_words import DESCRIBED, IN_GROUP, PRESSED_TOO_FAST, TOO_FAST
from flows.types import PersonKey
from storage.store import StoreError

HEADER = "x-telegram-bot-api-secret-token"
THREADS, POISON, POLL = 8, 3, 30
"""Threads that work on updates; tries after which one that fails by our fault is set aside; seconds a poll waits."""
FIRST_WAIT, LONGEST_WAIT, LEASE_WAIT = 1.0, 60.0, 1.0
TYPING, FAREWELL = 0.4, 10.0
"""Seconds after which a turn shows that it is at work; for which words to somebody forgotten are tried."""
_REMEMBERED = 1000
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_TOKEN = re.compile(r"\d+:[\w-]+", re.ASCII)
_log = structlog.get_logger("telegram")


class Failed(Exception):
    """An update could not be answered by our fault: it must come again."""


class Telegram:
    """The channel of one bot; `start` and `stop` it in the loop that serves its routes."""

    def __init__(
        self, counter: Counter, bot: Client, lease: AnyLease, *, secret: str = "", poll: int = POLL, rate: float = RATE, gap: float = GAP
    ) -> None:
        self.counter, self.bot, self.secret = counter, bot, secret
        self.limiter = Limiter()
        self._groups = Limiter(count=1, seconds=60.0)
        self._lease, self._poll = lease, poll
        self.delivery = Delivery(counter, bot, asyncio.to_thread)
        self.sender = Sender(counter.desk.store, CHANNEL, self.delivery.deliver, rate=rate, gap=gap, clock=counter.clock)
        self._crew = Crew(counter.answer, threads=THREADS, name=CHANNEL, together=counter.desk.store.gathered)
        self._last: dict[str, asyncio.Future[Answer]] = {}
        self._failed: OrderedDict[int, int] = OrderedDict()
        self._background: set[asyncio.Task[None]] = set()
        self._state = "正在连接"
        self._name = ""

    async def start(self) -> None:
        """Begin the background work; an unreachable platform is waited for there."""
        self._do(self._live())

    async def stop(self) -> None:
        """Finish what is being answered, and end the background work."""
        if self._last:
            await asyncio.wait(set(self._last.values()), timeout=5.0)
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        self._crew.close()
        self._lease.release()
        try:
            await self.bot.shutdown()
        except (TelegramError, RuntimeError) as error:
            _log.warning("telegram_not_closed", error=type(error).__name__)

    def status(self) -> str:
        """One line for staff: how updates come, and whether the platform is there."""
        way = "webhook" if self.secret else "轮询"
        return f"Telegram：{way}，{self.delivery.stopped or self._state}"

    # Coming up

    async def _live(self) -> None:
        """Connect with back-off, become the one worker that sends, and do so until cancelled."""
        await self._persist(self._connect)
        self._state = "已连接"
        while not self._lease.take():
            await asyncio.sleep(LEASE_WAIT)
        sending = asyncio.create_task(self.sender.run())
        try:
            await self._persist(self._announce)
            if self.secret:
                await sending
            await self._persist(self._poll_for_ever)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _persist(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do it again, ever more slowly, until it goes."""
        wait = FIRST_WAIT
        while True:
            try:
                await work()
                return
            except RetryAfter as error:
                wait = max(wait, seconds_of(error.retry_after))
            except InvalidToken:
                self._state = "令牌无效，请核对 YIZHAN_TELEGRAM_TOKEN"
            except Conflict:
                self._state = "另一个程序也在用这个令牌收消息，请先停掉它"
            except BadRequest as error:
                self._state = "平台不收本机器人的设置，请核对 YIZHAN_PUBLIC_URL（要 https）"
                _log.warning("telegram_not_up", error=type(error).__name__)
            except (TelegramError, StoreError, Failed, OSError) as error:
                self._state = "连不上，稍后再试"
                _log.warning("telegram_not_up", error=type(error).__name__)
            await asyncio.sleep(wait)
            wait = min(LONGEST_WAIT, wait * 2)

    async def _connect(self) -> None:
        await self.bot.initialize()
        self._name = self.bot.username

    async def _announce(self) -> None:
        """Tell the platform where updates go and which commands there are. What waits there is never dropped."""
        if not self.secret:
            await self.bot.delete_webhook(drop_pending_updates=False)
        elif self.counter.public_url:
            url = f"{self.counter.public_url}/telegram"
            await self.bot.set_webhook(url, secret_token=self.secret, allowed_updates=list(ALLOWED), drop_pending_updates=False)
        chinese = [BotCommand(name, chinese) for name, chinese, _ in DESCRIBED]
        english = [BotCommand(name, english) for name, _, english in DESCRIBED]
        await self.bot.set_my_commands(chinese)
        await self.bot.set_my_commands(chinese, language_code="zh")
        await self.bot.set_my_commands(english, language_code="en")
        self._state = "已连接"

    async def _poll_for_ever(self) -> None:
        """Take updates as they come; what fails is asked for again."""
        offset = 0
        while True:
            found = await self.bot.updates(offset, self._poll, ALLOWED)
            self._state = "已连接"
            done = await asyncio.gather(*(self.receive(raw) for raw in found), return_exceptions=True)
            for raw, outcome in zip(found, done, strict=True):
                if isinstance(outcome, BaseException):
                    raise Failed from outcome
                number = raw.get("update_id") if isinstance(raw, dict) else None
                offset = number + 1 if isinstance(number, int) else offset + 1

    # One update

    async def receive(self, raw: object) -> PersonKey | None:
        """Answer one update, by either way, and say whose it was. Failed where it must come again.

        What can never be parsed is logged and done with.
        """
        try:
            incoming = updates.read(raw)
        except Unreadable:
            _log.warning("telegram_unreadable")
            self._answer_press(updates.press_of(raw), "")
            return None
        if incoming is None:
            return None
        if incoming.kind == "group":
            self._in_group(incoming)
        elif self._admitted(incoming):
            await self._answered(incoming)
        return person(incoming.sender)

    def _admitted(self, incoming: Incoming) -> bool:
        """Whether the person is within the limit; if not, they are told so once, and each press is answered."""
        allowance = self.limiter.allow(incoming.sender)
        if allowance == "pass":
            return True
        if incoming.press:
            self._answer_press(incoming.press, PRESSED_TOO_FAST)
        elif allowance == "notice":
            self._do(self._quietly(self.bot.send_message(incoming.chat, TOO_FAST)))
        return False

    def _in_group(self, incoming: Incoming) -> None:
        if self._groups.allow(str(incoming.chat)) == "pass":
            words = IN_GROUP.format(link=f"https://t.me/{self._name}" if self._name else "t.me")
            self._do(self._quietly(self.bot.send_message(incoming.chat, words)))

    async def _answered(self, incoming: Incoming) -> None:
        working = asyncio.get_running_loop().call_later(TYPING, self._typing, incoming.chat)
        try:
            answer = await asyncio.shield(self._turn(incoming))
        except StoreError as error:
            _log.error("telegram_store_failed", error=type(error).__name__)
            raise Failed from error
        except Exception as error:
            answer = await self._faulty(incoming, error)
        finally:
            working.cancel()
        self._failed.pop(incoming.update, None)
        await self._at_once(incoming, answer)
        self.sender.wake()

    def _turn(self, incoming: Incoming) -> asyncio.Future[Answer]:
        """Answer in another thread, after the person's update before this one."""
        before = self._last.get(incoming.sender)
        turn = self._crew.run(incoming) if before is None else asyncio.ensure_future(self._after(before, incoming))
        self._last[incoming.sender] = turn
        turn.add_done_callback(lambda done: self._over(incoming.sender, done))
        return turn

    async def _after(self, before: asyncio.Future[Answer], incoming: Incoming) -> Answer:
        await asyncio.wait({before})
        return await self._crew.run(incoming)

    def _over(self, sender: str, turn: asyncio.Future[Answer]) -> None:
        if self._last.get(sender) is turn:
            del self._last[sender]
        if not turn.cancelled():
            turn.exception()  # whoever waited may have gone: seen here

    async def _faulty(self, incoming: Incoming, error: Exception) -> Answer:
        """A fault of ours: the update comes again, and is set aside with an apology where it fails each time."""
        _log.error("telegram_answer_failed", error=type(error).__name__)
        tries = self._failed[incoming.update] = self._failed.get(incoming.update, 0) + 1
        if len(self._failed) > _REMEMBERED:
            self._failed.popitem(last=False)
        if tries < POISON:
            raise Failed from error
        try:
            return await asyncio.to_thread(self.counter.apologise, incoming)
        except StoreError as failed:
            raise Failed from failed

    async def _at_once(self, incoming: Incoming, answer: Answer) -> None:
        """What does not go through the queue. Nothing of it changes what is remembered."""
        if answer.farewell:
            try:
                async with asyncio.timeout(FAREWELL):
                    for part in answer.farewell:
                        await self.delivery.send(person(incoming.sender), part)
            except (TelegramError, TimeoutError) as error:
                _log.warning("telegram_farewell_failed", error=type(error).__name__)
        if incoming.press:
            self._answer_press(incoming.press, answer.toast)
            if incoming.message and (answer.edit or answer.unbutton):
                self._do(self._quietly(self._edited(incoming, answer)))

    async def _edited(self, incoming: Incoming, answer: Answer) -> None:
        """The answered question without buttons; that it is so already is no fault."""
        if answer.edit:
            await self.bot.edit_message_text(answer.edit, incoming.chat, incoming.message)
        else:
            await self.bot.edit_message_reply_markup(incoming.chat, incoming.message)

    def _answer_press(self, press: str, toast: str) -> None:
        if press:
            self._do(self._quietly(self.bot.answer_callback_query(press, text=toast or None)))

    def _typing(self, chat: int) -> None:
        self._do(self._quietly(self.bot.send_chat_action(chat, "typing")))

    async def _quietly(self, call: Coroutine[Any, Any, Any]) -> None:
        """What is lost without harm: a toast that comes too late, an edit that changes nothing."""
        try:
            await call
        except (TelegramError, RuntimeError) as error:
            _log.info("telegram_call_refused", error=type(error).__name__)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("telegram_background_failed", error=type(error).__name__)


def telegram(settings: Settings, desk: Desk, lease: AnyLease, clock: Callable[[], float] = time.time, **pace: Any) -> Telegram | None:
    """The channel as configured; None without YIZHAN_TELEGRAM_TOKEN. SettingsError names what is wrong.

    `lease` is what the one worker holds that sends; `pace` changes `rate`, `gap` and `poll`.
    """
    token, secret = settings.telegram_token.get_secret_value(), settings.telegram_secret.get_secret_value()
    if not token:
        return None
    if not _TOKEN.fullmatch(token):
        raise SettingsError("YIZHAN_TELEGRAM_TOKEN is no bot token: it has digits, a colon and letters; copy it from @BotFather.")
    if secret and not _SECRET.fullmatch(secret):
        raise SettingsError("YIZHAN_TELEGRAM_SECRET may have letters, digits, _ and - alone, at most 256; make another one.")
    try:
        bot = client(token, settings.telegram_api_url, settings.telegram_proxy.get_secret_value())
    except (ValueError, RuntimeError, ImportError):
        raise SettingsError("YIZHAN_TELEGRAM_PROXY is no proxy that can be used; write http://host:port.") from None
    counter = Counter(desk=desk, public_url=settings.public_url, clock=clock)
    return Telegram(counter, bot, lease, secret=secret, **pace)


def routes(channel: Telegram) -> list[Route]:
    """POST /telegram; none where updates are fetched."""

    async def receive(request: Request) -> Response:
        """One update: 401 without the secret, 200 once it is kept, 503 where it must come again."""
        given = request.headers.get(HEADER, "").encode()
        if len(request.headers.getlist(HEADER)) != 1 or not hmac.compare_digest(given, channel.secret.encode()):
            return Response(status_code=401)
        try:
            raw = json.loads(await request.body())
        except (ValueError, RecursionError):
            _log.warning("telegram_unreadable")
            return Response()
        except ClientDisconnect:
            return Response(status_code=400)
        try:
            request.scope["person"] = await channel.receive(raw)
        except Failed:
            return Response(status_code=503, headers={"Retry-After": "5"})
        return Response()

    return [Route("/telegram", receive, methods=["POST"])] if channel.secret else []
