"""What did Telegram send? One update, parsed by python-telegram-bot and checked, as an own frozen record; nothing is answered here.

The shapes: https://core.telegram.org/bots/api#update.
"""

from dataclasses import dataclass
from typing import Any, Literal

from telegram import CallbackQuery, ChatMemberUpdated, Message, Update, User

from bot.telegram_words import NOT_READ

ALLOWED = ("message", "edited_message", "callback_query", "my_chat_member")
"""The kinds of updates that are asked for."""
_LARGEST = 2**53
_READ_ERRORS = (TypeError, ValueError, KeyError, AttributeError, LookupError, ArithmeticError, OSError, RecursionError)
"""What parsing odd types was seen to raise."""
_GONE = frozenset({"kicked", "left", "banned"})

Kind = Literal["text", "command", "contact", "press", "edited", "forwarded", "other", "group", "blocked", "unblocked"]


class Unreadable(Exception):
    """An update that can never be parsed: it is logged and answered 200, for sending it again would not help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One update that concerns us. `sender` is the person, in their private chat of the same id; in a group `chat` is the group."""

    update: int
    kind: Kind
    sender: str
    chat: int
    text: str = ""
    """What was written; a command's name and argument; a contact's number; a press's data; what kind of other message it is."""
    argument: str = ""
    own: bool = True
    """Whether a contact is the sender's own."""
    press: str = ""
    """A press's id, to be answered by."""
    message: int = 0
    """The message whose button was pressed; 0: not to be reached any more."""

    @property
    def id(self) -> str:
        """The message's id within its person."""
        return f"u{self.update}"


def read(raw: object) -> Incoming | None:
    """The update; None for one that does not concern us. Unreadable where it can never be parsed."""
    if not isinstance(raw, dict) or not _whole(raw.get("update_id")):
        raise Unreadable
    if not any(kind in raw for kind in ALLOWED):
        return None
    try:
        update = Update.de_json({key: raw[key] for key in ("update_id", *ALLOWED) if key in raw}, None)
        return _incoming(update)
    except _READ_ERRORS as error:
        raise Unreadable from error


def press_of(raw: object) -> str:
    """The id of a press, also in an update that cannot be read: each is answered, or the button would turn forever."""
    query = raw.get("callback_query") if isinstance(raw, dict) else None
    found = query.get("id") if isinstance(query, dict) else None
    return found if isinstance(found, str) and 0 < len(found) <= 64 else ""


def _incoming(update: Update) -> Incoming | None:
    if update.callback_query:
        return _press(update.update_id, update.callback_query)
    if update.message:
        return _message(update.update_id, update.message)
    if update.edited_message:
        return _edited(update.update_id, update.edited_message)
    return _member(update.update_id, update.my_chat_member) if update.my_chat_member else None


def _press(update: int, query: CallbackQuery) -> Incoming:
    place = query.message
    sender = _person(query.from_user)
    chat = _number(place.chat.id) if place else int(sender)
    data = query.data if isinstance(query.data, str) and str(chat) == sender else ""
    message = _number(place.message_id) if place and place.is_accessible else 0
    return Incoming(update=update, kind="press", sender=sender, chat=chat, text=data, press=_text(query.id), message=message)


def _message(update: int, message: Message) -> Incoming | None:
    if message.from_user is None or message.from_user.is_bot:
        return None
    place: dict[str, Any] = {"update": update, "sender": _person(message.from_user), "chat": _number(message.chat.id)}
    if message.chat.type != "private":
        return Incoming(kind="group", text=_text(message.text or ""), **place)
    if str(place["chat"]) != place["sender"]:
        return None
    if message.forward_origin is not None:
        return Incoming(kind="forwarded", **place)
    if message.contact is not None:
        own = message.contact.user_id == message.from_user.id
        return Incoming(kind="contact", text=_text(message.contact.phone_number), own=own, **place)
    if message.text is None:
        return Incoming(kind="other", text=next((kind for kind in NOT_READ if getattr(message, kind)), ""), **place)
    return _written(_text(message.text), place)


def _written(text: str, place: dict[str, Any]) -> Incoming:
    """A text, or a command: `/start@ourbot argument`."""
    if not text.startswith("/") or len(text) < 2 or not text[1].isascii() or not text[1].isalpha():
        return Incoming(kind="text", text=text, **place)
    name, _, argument = text[1:].partition(" ")
    return Incoming(kind="command", text=name.partition("@")[0].lower(), argument=argument.strip(), **place)


def _edited(update: int, message: Message) -> Incoming | None:
    found = _message(update, message)
    if found is None or found.kind == "group":
        return None
    return Incoming(update=update, kind="edited", sender=found.sender, chat=found.chat)


def _member(update: int, change: ChatMemberUpdated) -> Incoming | None:
    sender, chat = _person(change.from_user), _number(change.chat.id)
    gone = change.new_chat_member.status in _GONE
    if change.chat.type == "private" and str(chat) == sender:
        return Incoming(update=update, kind="blocked" if gone else "unblocked", sender=sender, chat=chat)
    if gone or change.chat.type == "channel":
        return None
    return Incoming(update=update, kind="group", sender=sender, chat=chat, text="/")


def _person(user: User) -> str:
    found = _number(user.id)
    if found <= 0:
        raise ValueError("no person has such an id")
    return str(found)


def _number(value: object) -> int:
    if not _whole(value):
        raise TypeError("no whole number of at most 53 bits")
    return value  # type: ignore[return-value]  # it is one


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value
