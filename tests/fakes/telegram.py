"""Telegram as tests need it: the Bot API that we call, strict in every point, and the two queues by which updates come to us.

Real HTTP on loopback, by webhook or by getUpdates; written from https://core.telegram.org/bots/api, not with the library that we use.
"""

import asyncio
import hashlib
import json
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TOKEN = "123456789:CANARY-telegram-token_0123456789abc"
SECRET = "canary_telegram_secret"
RETRIES = (0.0, 2.0, 4.0, 8.0)
EXPIRY = 150.0
DATA_BYTES, TEXT, CAPTION = 64, 4096, 1024
WAIT = 30.0
_TAGS = {"b", "i", "u", "s", "code", "pre", "a", "blockquote", "tg-spoiler"}
_TAG = re.compile(r"<(/?)([a-z-]+)((?:\s+[a-z-]+(?:=\"[^\"<>]*\")?)*)\s*>")


class Refused(Exception):
    """What the platform answers instead of a result."""

    def __init__(self, code: int, text: str, **more: Any) -> None:
        super().__init__(text)
        self.code, self.text, self.more = code, text, more


@dataclass
class Sent:
    """A message of the bot as the person sees it."""

    chat: int
    id: int
    text: str = ""
    html: str = ""
    buttons: list[list[dict[str, str]]] = field(default_factory=list)
    keys: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    file_id: str = ""
    content: bytes = b""
    at: float = 0.0
    edited: bool = False

    def button(self, label: str) -> str:
        """The data of the button with that label."""
        return next(b["callback_data"] for row in self.buttons for b in row if b["text"] == label)

    @property
    def labels(self) -> list[str]:
        return [button["text"] for row in self.buttons for button in row]


def visible(html: str) -> str:
    """The text after entities parsing; Refused for anything but well-nested known tags and escaped signs."""
    open_tags: list[str] = []
    shown, at = "", 0
    for found in re.finditer("<", html):
        start = found.start()
        if start < at:
            continue
        tag = _TAG.match(html, start)
        if tag is None or tag[2] not in _TAGS:
            raise Refused(400, f"Bad Request: can't parse entities: Unsupported start tag at byte offset {start}")
        shown += html[at:start]
        if tag[1]:
            if not open_tags or open_tags.pop() != tag[2]:
                raise Refused(400, "Bad Request: can't parse entities: Unexpected end tag")
        else:
            open_tags.append(tag[2])
        at = tag.end()
    if open_tags:
        raise Refused(400, f"Bad Request: can't parse entities: Can't find end tag corresponding to start tag {open_tags[-1]}")
    return unescape(shown + html[at:])


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@dataclass
class Api:
    """The Bot API and the person's side of it. `faults[method]` holds what the next calls get: 429, 403, 500, 400, "hang" or "lost"."""

    clock: Callable[[], float] = time.time
    pace: float = 0.05
    """Seconds of a test that stand for one of the platform's between deliveries."""
    gap: float = 0.0
    """Seconds between two messages of a chat, below which a send gets 429."""
    faults: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    blocked: set[int] = field(default_factory=set)
    calls: list[tuple[str, dict[str, Any], float]] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    toasts: dict[str, str] = field(default_factory=dict)
    actions: list[tuple[int, str]] = field(default_factory=list)
    commands: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    uploads: int = 0
    webhook: str = ""
    secret: str = ""
    allowed: list[str] = field(default_factory=list)
    deliveries: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """The status of each delivery of an update."""
    pressed: dict[str, float] = field(default_factory=dict)
    waiting: dict[int, dict[str, Any]] = field(default_factory=dict)
    number: int = 700_000_000
    down: bool = False
    hang: float = 30.0

    def __post_init__(self) -> None:
        self._lock = threading.RLock()

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/bot{token}/{method}", self._called, methods=["GET", "POST"])])

    # What the bot calls

    async def _called(self, request: Request) -> Response:
        method = request.path_params["method"]
        given = await _parameters(request)
        with self._lock:
            self.calls.append((method, given, time.monotonic()))
            fault = self.faults[method].pop(0) if self.faults[method] else None
        if self.down:
            return Response("<html>502</html>", status_code=502)
        if request.path_params["token"] != TOKEN:
            return _error(Refused(401, "Unauthorized"))
        answer = getattr(self, f"_{method}", None)
        if answer is None:
            return _error(Refused(404, "Not Found: method not found"))
        try:
            return await self._with_fault(fault, answer, given)
        except Refused as refused:
            return _error(refused)

    async def _with_fault(self, fault: Any, answer: Callable[..., Any], given: dict[str, Any]) -> Response:
        match fault:
            case 429:
                raise Refused(429, "Too Many Requests: retry after 1", retry_after=1)
            case 403:
                raise Refused(403, "Forbidden: bot was blocked by the user")
            case 400 | 500:
                raise Refused(fault, "fault")
            case "hang":
                await asyncio.sleep(self.hang)
            case "lost":
                await answer(given)
                await asyncio.sleep(self.hang)
        return JSONResponse({"ok": True, "result": await answer(given)})

    async def _getMe(self, _: dict[str, Any]) -> Any:
        me = {"id": 123456789, "is_bot": True, "first_name": "驿站助手", "username": "yizhan_test_bot"}
        return {**me, "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}

    async def _setWebhook(self, given: dict[str, Any]) -> Any:
        assert not _truth(given.get("drop_pending_updates")), "what waits is never dropped"
        self.webhook, self.secret = given["url"], given.get("secret_token", "")
        self.allowed = json.loads(given["allowed_updates"])
        return True

    async def _deleteWebhook(self, given: dict[str, Any]) -> Any:
        assert not _truth(given.get("drop_pending_updates")), "what waits is never dropped"
        self.webhook = ""
        return True

    async def _setMyCommands(self, given: dict[str, Any]) -> Any:
        commands = json.loads(given["commands"])
        for command in commands:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]) or not 1 <= len(command["description"]) <= 256:
                raise Refused(400, "Bad Request: BOT_COMMAND_INVALID")
        self.commands[given.get("language_code", "")] = commands
        return True

    async def _getUpdates(self, given: dict[str, Any]) -> Any:
        if self.webhook:
            raise Refused(409, "Conflict: can't use getUpdates method while webhook is active")
        self.allowed = json.loads(given.get("allowed_updates", "[]"))
        offset, until = int(given.get("offset", 0)), time.monotonic() + min(float(given.get("timeout", 0)), 2.0)
        while True:
            with self._lock:
                for number in [n for n in self.waiting if n < offset]:
                    self.deliveries[number].append(200)
                    del self.waiting[number]
                found = [self.waiting[n] for n in sorted(self.waiting)][:100]
            if found or time.monotonic() > until:
                return found
            await asyncio.sleep(0.01)

    async def _sendMessage(self, given: dict[str, Any]) -> Any:
        html = given.get("text", "")
        if given.get("parse_mode") not in (None, "HTML"):
            raise Refused(400, "Bad Request: unsupported parse_mode")
        text = visible(html) if given.get("parse_mode") else html
        if not text.strip():
            raise Refused(400, "Bad Request: message text is empty")
        if units(text) > TEXT:
            raise Refused(400, "Bad Request: message is too long")
        made = Sent(chat=self._chat(given), id=0, text=text, html=html)
        made.buttons, made.keys = _markup(given)
        return self._put(made)

    async def _editMessageText(self, given: dict[str, Any]) -> Any:
        found = self._found(given)
        text = visible(given["text"]) if given.get("parse_mode") else given["text"]
        buttons, _ = _markup(given)
        if (found.text, found.buttons) == (text, buttons):
            raise Refused(400, "Bad Request: message is not modified")
        if not 0 < units(text) <= TEXT:
            raise Refused(400, "Bad Request: message is too long")
        found.text, found.buttons, found.edited = text, buttons, True
        return self._shown(found)

    async def _editMessageReplyMarkup(self, given: dict[str, Any]) -> Any:
        found = self._found(given)
        buttons, _ = _markup(given)
        if found.buttons == buttons:
            raise Refused(400, "Bad Request: message is not modified")
        found.buttons = buttons
        return self._shown(found)

    async def _sendDocument(self, given: dict[str, Any]) -> Any:
        return await self._file(given, "document")

    async def _sendPhoto(self, given: dict[str, Any]) -> Any:
        return await self._file(given, "photo")

    async def _file(self, given: dict[str, Any], kind: str) -> Any:
        content = given.get(kind)
        if isinstance(content, tuple):
            name, data = content
            if kind == "photo" and not data.startswith(b"\x89PNG"):
                raise Refused(400, "Bad Request: IMAGE_PROCESS_FAILED")
            file_id = f"{kind}-{hashlib.sha1(data).hexdigest()[:20]}"
            self.files[file_id] = data
            self.uploads += 1
        elif content in self.files:
            name, file_id = "", content
        else:
            raise Refused(400, "Bad Request: wrong file identifier/HTTP URL specified")
        return self._put(Sent(chat=self._chat(given), id=0, name=name or file_id, file_id=file_id, content=self.files[file_id]), kind)

    async def _sendChatAction(self, given: dict[str, Any]) -> Any:
        self.actions.append((self._chat(given), given["action"]))
        return True

    async def _answerCallbackQuery(self, given: dict[str, Any]) -> Any:
        press = given["callback_query_id"]
        if press not in self.pressed or self.clock() - self.pressed[press] > EXPIRY:
            raise Refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        if len(given.get("text", "")) > 200:
            raise Refused(400, "Bad Request: MESSAGE_TOO_LONG")
        self.toasts[press] = given.get("text", "")
        return True

    def _chat(self, given: dict[str, Any]) -> int:
        chat = int(given["chat_id"])
        if chat in self.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        return chat

    def _put(self, made: Sent, kind: str = "text") -> Any:
        with self._lock:
            now = time.monotonic()
            before = next((sent.at for sent in reversed(self.sent) if sent.chat == made.chat), 0.0)
            if now - before < self.gap:
                raise Refused(429, "Too Many Requests: retry after 1", retry_after=1)
            made.id, made.at = len(self.sent) + 1, now
            self.sent.append(made)
        return self._shown(made, kind)

    def _found(self, given: dict[str, Any]) -> Sent:
        chat, number = self._chat(given), int(given["message_id"])
        found = next((sent for sent in self.sent if (sent.chat, sent.id) == (chat, number)), None)
        if found is None:
            raise Refused(400, "Bad Request: message to edit not found")
        return found

    def _shown(self, sent: Sent, kind: str = "text") -> dict[str, Any]:
        shown: dict[str, Any] = {"message_id": sent.id, "date": int(self.clock()), "chat": {"id": sent.chat, "type": "private"}}
        match kind:
            case "document":
                shown["document"] = {"file_id": sent.file_id, "file_unique_id": sent.file_id[-8:], "file_name": sent.name}
            case "photo":
                size = {"file_id": sent.file_id, "file_unique_id": sent.file_id[-8:], "width": 90, "height": 90}
                shown["photo"] = [size]
            case _:
                shown["text"] = sent.text
        if sent.buttons:
            shown["reply_markup"] = {"inline_keyboard": sent.buttons}
        return shown

    # What the person does

    def of(self, chat: int) -> list[Sent]:
        """What the person has in the chat, oldest first."""
        with self._lock:
            return [sent for sent in self.sent if sent.chat == chat]

    def update(self, **content: Any) -> dict[str, Any]:
        """An update with a number of its own."""
        with self._lock:
            self.number += 1
            return {"update_id": self.number, **content}

    def message(self, chat: int, text: str | None = None, **fields: Any) -> dict[str, Any]:
        """A message in the person's private chat."""
        content = {"message_id": self.number, "date": int(self.clock()), "chat": private(chat), "from": user(chat), **fields}
        return content if text is None else {**content, "text": text}

    async def say(self, chat: int, text: str | None = None, **fields: Any) -> int:
        """A message, delivered; how many deliveries it took."""
        return await self.deliver(self.update(message=self.message(chat, text, **fields)))

    def press_update(self, chat: int, sent: Sent, data: str) -> dict[str, Any]:
        press = str(4_000_000_000_000 + len(self.pressed))
        self.pressed[press] = self.clock()
        message = {**self._shown(sent), "from": {"id": 123456789, "is_bot": True, "first_name": "驿站助手"}}
        query = {"id": press, "from": user(chat), "chat_instance": "7", "data": data, "message": message}
        return self.update(callback_query=query)

    async def press(self, chat: int, sent: Sent, label: str) -> str:
        """A tap on a button of that message; its id."""
        made = self.press_update(chat, sent, sent.button(label))
        await self.deliver(made)
        return str(made["callback_query"]["id"])

    async def deliver(self, update: dict[str, Any]) -> int:
        """Bring an update to the bot, again after 2, 4 and 8 seconds where it is not taken; how many deliveries it took."""
        number = update["update_id"]
        if not self.webhook:
            with self._lock:
                self.waiting[number] = update
            end = time.monotonic() + WAIT
            while not self.deliveries[number]:
                assert time.monotonic() < end, "nobody fetched the update"
                await asyncio.sleep(0.01)
            return 1
        async with httpx.AsyncClient(timeout=WAIT, trust_env=False) as client:
            for attempt, wait in enumerate(RETRIES, 1):
                await asyncio.sleep(wait * self.pace)
                if await self._post(client, update) == 200:
                    return attempt
        return 0

    async def _post(self, client: httpx.AsyncClient, update: dict[str, Any]) -> int:
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.secret}
        try:
            status = (await client.post(self.webhook, json=update, headers=headers)).status_code
        except httpx.TransportError:
            status = 0
        self.deliveries[update["update_id"]].append(status)
        return status


def user(chat: int) -> dict[str, Any]:
    return {"id": chat, "is_bot": False, "first_name": "韦", "language_code": "zh-hans"}


def private(chat: int) -> dict[str, Any]:
    return {"id": chat, "type": "private", "first_name": "韦"}


def _truth(value: Any) -> bool:
    return str(value).lower() == "true"


def _error(refused: Refused) -> Response:
    body = {"ok": False, "error_code": refused.code, "description": refused.text}
    if refused.more:
        body["parameters"] = refused.more
    return JSONResponse(body, status_code=refused.code)


async def _parameters(request: Request) -> dict[str, Any]:
    """Query, JSON, form or multipart; a file is its name and content."""
    given: dict[str, Any] = dict(request.query_params)
    if request.headers.get("content-type", "").startswith("application/json"):
        return given | await request.json()
    async with request.form(max_part_size=10_000_000) as form:
        parts: dict[str, Any] = {}
        for name, value in form.items():
            parts[name] = (value.filename or "", await value.read()) if isinstance(value, UploadFile) else value
    for name, value in parts.items():
        if isinstance(value, str) and value.startswith("attach://"):
            parts[name] = parts[value.removeprefix("attach://")]
    return given | parts


def _markup(given: dict[str, Any]) -> tuple[list[list[dict[str, str]]], dict[str, Any]]:
    """Inline buttons, and the reply keyboard."""
    markup = json.loads(given.get("reply_markup") or "{}")
    rows = markup.get("inline_keyboard", [])
    for button in (button for row in rows for button in row):
        if not 1 <= len(button["callback_data"].encode()) <= DATA_BYTES:
            raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
        if not button["text"].strip():
            raise Refused(400, "Bad Request: BUTTON_TEXT_INVALID")
    return rows, {key: value for key, value in markup.items() if key != "inline_keyboard"}
