"""How does a message reach somebody on Telegram, and what if the platform refuses? Of python-telegram-bot only the typed client is used."""

import hashlib
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import structlog

from bot.links import own_draft, page_url
from bot.papers import document
from bot.remind_gate import held
from bot.sender import Outcome
from bot.telegram_answer import BLOCKED, CHANNEL, REACH, Counter, from_json, unreachable
from bot.telegram_bubbles import Part
from bot.telegram_words import CONTACT_BUTTON
from flows.types import File, PersonKey
from storage.store import Push

os.environ.setdefault("PTB_TIMEDELTA", "1")  # else each `retry_after` warns that it will become a timedelta
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    KeyboardButton,
    LinkPreviewOptions,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut
from telegram.request import HTTPXRequest

TRIES, FIRST_WAIT, LONGEST_WAIT = 12, 2.0, 600.0
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
"""After these the platform cannot have got the message."""
_NOBODY = ("chat not found", "user is deactivated", "bot was blocked", "peer_id_invalid")
_log = structlog.get_logger("telegram")


class Client(Bot):
    """The Bot API; `updates` gives them as they came, so that one that cannot be parsed does not hide the others."""

    async def updates(self, offset: int, seconds: int, allowed: tuple[str, ...]) -> list[Any]:
        """What came, waiting for it for at most so many seconds; what lies before `offset` is not given again."""
        data = {"offset": offset, "timeout": seconds, "allowed_updates": list(allowed)}
        found = await self._post("getUpdates", data, read_timeout=seconds + 10.0)
        return found if isinstance(found, list) else []


def client(token: str, api_url: str, proxy: str) -> Client:
    """The client for a bot. ValueError or RuntimeError where the proxy's address cannot be used."""

    def request(connections: int) -> HTTPXRequest:
        kwargs = {"trust_env": False}
        return HTTPXRequest(connections, read_timeout=10.0, proxy=proxy or None, pool_timeout=10.0, httpx_kwargs=kwargs)

    base, files = f"{api_url}/bot", f"{api_url}/file/bot"
    return Client(token, base_url=base, base_file_url=files, request=request(64), get_updates_request=request(2))


class Delivery:
    """Sends one push."""

    def __init__(self, counter: Counter, bot: Bot, in_thread: Callable[..., Any]) -> None:
        """`in_thread` awaits a call that blocks."""
        self._counter, self._bot, self._in_thread = counter, bot, in_thread
        self.stopped = ""
        """Why nothing is sent, in Chinese for staff; empty: it is."""

    async def deliver(self, push: Push) -> Outcome:
        """Send the push and say how it went: a `Deliver` of bot.sender."""
        if await self._in_thread(self._counter.desk.store.note, push.person, REACH) == BLOCKED:
            return Outcome(state="dropped", note="对方已停用本机器人")
        if push.kind == "reminder" and (why := await self._in_thread(held, self._counter.desk, push, self._counter.clock())):
            return Outcome(state=why.state, note=why.note, wait=why.wait or 0.0)
        part = await self._in_thread(self._part, push)
        if part is None:
            return Outcome(state="dropped", note="这一条已被删除")
        try:
            await self.send(push.person, part)
        except TelegramError as error:
            outcome = judged(error, push.tries)
            if lost(error):
                await self._in_thread(unreachable, self._counter.desk, push.person)
            self.stopped = "令牌无效，请核对 YIZHAN_TELEGRAM_TOKEN" if isinstance(error, InvalidToken) else ""
            _log.warning("telegram_push_refused", error=type(error).__name__, state=outcome.state)
            return outcome
        self.stopped = ""
        return Outcome(state="sent", note=push.note)

    def _part(self, push: Push) -> Part | None:
        try:
            body = from_json(push.body)
        except (ValueError, TypeError):
            return None
        if body.text:
            return Part(html=body.text)
        page = self._counter.page_like()
        found = self._counter.parts_of(push, page)
        if found is None or body.part >= len(found):
            return None
        part = found[body.part]
        if page and page in part.html:
            return _with_page(part, page, self._page(push, found))
        return part

    def _page(self, push: Push, found: tuple[Part, ...]) -> str:
        draft = next((Path(part.file.path).parent.name for part in found if part.file), "")
        return page_url(self._counter.desk, self._counter.public_url, push.person, draft)

    async def send(self, person: PersonKey, part: Part) -> None:
        """Send a part; TelegramError where it is refused."""
        if part.file:
            await self._file(person, part.file)
            return
        await self._bot.send_message(
            int(person.sender),
            part.html,
            parse_mode="HTML",
            reply_markup=_markup(part),
            link_preview_options=LinkPreviewOptions(is_disabled=True),
        )

    # Files

    async def _file(self, person: PersonKey, file: File) -> None:
        """Send a file, uploaded once for as long as its content stays the same."""
        content = await self._in_thread(self._content, person, file)
        if content is None:
            raise BadRequest("the file is gone")
        note = f"file-{hashlib.sha256(content).hexdigest()[:32]}"
        known = await self._in_thread(self._counter.desk.store.note, person, note)
        if known:
            try:
                await self._upload(person, file, known)
                return
            except BadRequest as error:
                if lost(error):
                    raise
        chat = int(person.sender)
        await self._bot.send_chat_action(chat, "upload_photo" if file.kind == "preview" else "upload_document")
        file_id = await self._upload(person, file, InputFile(content, filename=file.name))
        if file_id:
            await self._in_thread(self._remember, person, note, file_id)

    async def _upload(self, person: PersonKey, file: File, content: InputFile | str) -> str:
        chat = int(person.sender)
        if file.kind == "preview":
            sent = await self._bot.send_photo(chat, content)
            return sent.photo[-1].file_id if sent.photo else ""
        sent = await self._bot.send_document(chat, content)
        return sent.document.file_id if sent.document else ""

    def _remember(self, person: PersonKey, note: str, file_id: str) -> None:
        if self._counter.desk.store.load(person).revision:  # never a row for somebody forgotten
            self._counter.desk.store.change_note(person, note, lambda _: file_id)

    def _content(self, person: PersonKey, file: File) -> bytes | None:
        """The file as it was written at hand-out, else made anew from the draft."""
        path = Path(file.path)
        try:
            return path.read_bytes()
        except OSError:
            opened = own_draft(self._counter.desk, person, path.parent.name)
            made = document(self._counter.desk, opened, file.kind) if opened else None
            return made.content if made else None


def _with_page(part: Part, like: str, page: str) -> Part:
    return Part(html=part.html.replace(like, page), buttons=part.buttons, keys=part.keys)


def _markup(part: Part) -> InlineKeyboardMarkup | ReplyKeyboardMarkup | ReplyKeyboardRemove | None:
    if part.buttons:
        rows = [[InlineKeyboardButton(button.label, callback_data=button.value) for button in row] for row in part.buttons]
        return InlineKeyboardMarkup(rows)
    if part.keys == "contact":
        button = KeyboardButton(CONTACT_BUTTON, request_contact=True)
        return ReplyKeyboardMarkup([[button]], resize_keyboard=True, one_time_keyboard=True)
    return ReplyKeyboardRemove() if part.keys == "remove" else None


def lost(error: TelegramError) -> bool:
    """Whether the person cannot be reached at all."""
    return isinstance(error, Forbidden) or (isinstance(error, BadRequest) and any(word in str(error).lower() for word in _NOBODY))


def judged(error: TelegramError, tries: int) -> Outcome:
    """What a refusal means for a push. BadRequest and TimedOut come first: both are NetworkErrors."""
    cause = error.__cause__
    if isinstance(error, RetryAfter):
        return Outcome(state="waiting", note="平台要求等一等", wait=seconds_of(error.retry_after))
    if lost(error):
        return Outcome(state="failed", note="对方已停用本机器人，发不到")
    if isinstance(error, BadRequest):
        return Outcome(state="failed", note="平台不收这一条")
    maybe = isinstance(error, TimedOut) or (isinstance(error, NetworkError) and isinstance(cause, httpx.HTTPError))
    if maybe and not isinstance(cause, _UNSENT):
        return Outcome(state="maybe", note="平台没有答复，可能已经发出，不再重发")
    if tries >= TRIES:
        return Outcome(state="failed", note=f"平台连不上，试了 {tries} 次")
    return Outcome(state="waiting", note="平台连不上，稍后再试", wait=min(LONGEST_WAIT, FIRST_WAIT * 2 ** max(0, tries - 1)))


def seconds_of(given: float | timedelta) -> float:
    """A time span of python-telegram-bot, which is a number or a timedelta, in seconds."""
    return given.total_seconds() if isinstance(given, timedelta) else float(given)


def person(sender: int | str) -> PersonKey:
    """Who has that chat."""
    return PersonKey(channel=CHANNEL, sender=str(sender))
