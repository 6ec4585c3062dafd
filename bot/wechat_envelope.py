"""Is a callback genuine, and what does it say? Query, signature, time, cipher and XML, in that order; and our answer sealed the same way.

The order and the limits are those of the platform's page
https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/Access_Overview.html and of what its libraries do not check.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

WINDOW = 600
"""Seconds that a callback's timestamp may lie beside our clock."""
TAGS, DEPTH = 400, 8
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SEALED = re.compile(r"<Encrypt>\s*<!\[CDATA\[([A-Za-z0-9+/=]{1,65536})\]\]>\s*</Encrypt>")
_ID = re.compile(r"[\w@.-]{1,64}", re.ASCII)
_TAG = re.compile(r"<(/?)[^<>]*?(/?)>")
_OPEN, _CLOSE = "<![CDATA[", "]]>"


class Refused(Exception):
    """The callback is not taken: `status` is 403 where it is not proved to come from the platform, else 400."""

    def __init__(self, reason: str, status: int = 403) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One message or event of the platform; every field is text, empty where it was not sent."""

    to: str
    sender: str = field(repr=False)
    created: str
    kind: str
    """`text`, `voice`, `event` …, in small letters."""
    event: str = ""
    """In small letters; following by a QR code is `subscribe_scan`."""
    key: str = field(default="", repr=False)
    """A menu entry's key, an address, or a QR code's scene without `qrscene_`."""
    text: str = field(default="", repr=False)
    """What was typed or heard."""
    message: str = ""
    """MsgId; events have none."""
    tapped: bool = False
    """A link of a menu message was tapped: the platform counts that as a click."""
    subscriptions: tuple[tuple[str, str], ...] = ()
    """Of subscription events: template and what happened (`accept`, `reject`, an error code)."""

    @property
    def id(self) -> str:
        """The same for every delivery of the same message: MsgId alone collides between people, events have none."""
        return f"{self.message}-{self.created}" if self.message else f"{self.created}-{self.event}-{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Checks callbacks of one account and seals the answers."""

    token: str = field(repr=False)
    app_id: str
    aes_key: str = field(default="", repr=False)
    """Empty: plain mode."""
    clock: Callable[[], float] = field(repr=False)

    def check(self, query: Iterable[tuple[str, str]]) -> dict[str, str]:
        """The query's parameters, once each, signed, of now. Refused otherwise."""
        pairs = list(query)
        found = dict(pairs)
        if len(found) != len(pairs):
            raise Refused("a parameter twice")
        if not all(found.get(name) for name in ("signature", "timestamp", "nonce")):
            raise Refused("a parameter is missing")
        self._signed(found["signature"], found["timestamp"], found["nonce"])
        if not _TIMESTAMP.fullmatch(found["timestamp"]) or abs(self.clock() - int(found["timestamp"])) > WINDOW:
            raise Refused("not of now")
        return found

    def read(self, query: Mapping[str, str], body: bytes) -> Incoming:
        """What the body says; `query` as `check` returned it. Refused where it is not genuine or not to be read."""
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise Refused("no UTF-8", 400) from None
        return parse(self._opened(query, text) if self.aes_key else text)

    def seal(self, incoming: Incoming, text: str) -> bytes:
        """The answer as XML, encrypted where the callbacks are."""
        from wechatpy.replies import TextReply

        now = int(self.clock())
        xml: str = TextReply(source=incoming.to, target=incoming.sender, content=text, time=now).render()
        if self.aes_key:
            xml = _crypto(self.token, self.aes_key, self.app_id).encrypt_message(xml, secrets.token_hex(8), str(now))
        return xml.encode()

    def _signed(self, given: str, *parts: str) -> None:
        made = hashlib.sha1("".join(sorted((self.token, *parts))).encode(errors="replace")).hexdigest()
        if not hmac.compare_digest(made.encode(), given.encode(errors="replace")):
            raise Refused("wrong signature")

    def _opened(self, query: Mapping[str, str], text: str) -> str:
        """The plain XML inside. One and the same refusal for whatever is wrong with it."""
        sealed = _SEALED.findall(text)
        if query.get("encrypt_type") != "aes" or len(sealed) != 1:
            raise Refused("not encrypted")
        self._signed(query.get("msg_signature", ""), query["timestamp"], query["nonce"], sealed[0])
        from wechatpy.crypto import PrpCrypto

        try:
            opened: str = PrpCrypto(_crypto(self.token, self.aes_key, self.app_id).key).decrypt(sealed[0], self.app_id)
        except Exception:  # seven kinds, from wrong padding to a wrong app id
            raise Refused("cannot be decrypted") from None
        return opened


@cache
def _crypto(token: str, aes_key: str, app_id: str) -> Any:
    from wechatpy.crypto import WeChatCrypto

    return WeChatCrypto(token, aes_key, app_id)


def load() -> None:
    """Load the platform's library now (a quarter of a second), so that no message waits for it."""
    import wechatpy.crypto
    import wechatpy.parser
    import wechatpy.replies  # noqa: F401  # the import is the purpose


def parse(xml: str) -> Incoming:
    """The message in the XML, copied into a record of our own. Refused (400) for anything that is no plain message."""
    _harmless(xml)
    from wechatpy import parse_message

    try:
        fields: dict[str, object] = parse_message(xml)._data  # raw: the typed attributes fail in many ways
    except Exception:
        raise Refused("no message", 400) from None
    return _copied(fields)


def _harmless(xml: str) -> None:
    """Refuse declarations, many tags and deep nesting before any parser sees them: 10⁶ tags block one for seconds."""
    bare = _without_data(xml)
    if "<!" in bare or bare.count("<") > 2 * TAGS:
        raise Refused("declarations or too many tags", 400)
    depth = 0
    for end, alone in _TAG.findall(bare):
        depth += -1 if end else 0 if alone else 1
        if depth > DEPTH:
            raise Refused("nested too deep", 400)


def _without_data(xml: str) -> str:
    """The XML without its CDATA sections, in which people may write what they like."""
    kept, at = [], 0
    while (start := xml.find(_OPEN, at)) >= 0:
        kept.append(xml[at:start])
        end = xml.find(_CLOSE, start + len(_OPEN))
        if end < 0:
            raise Refused("an open CDATA section", 400)
        at = end + len(_CLOSE)
    return "".join((*kept, xml[at:]))


def _copied(fields: Mapping[str, object]) -> Incoming:
    kind, event = _text(fields, "MsgType").lower(), _text(fields, "Event").lower()
    to, sender, created = _text(fields, "ToUserName"), _text(fields, "FromUserName"), _text(fields, "CreateTime")
    message = _text(fields, "MsgId")
    if not (_ID.fullmatch(to) and _ID.fullmatch(sender) and _TIMESTAMP.fullmatch(created) and kind):
        raise Refused("no sender, receiver, time or kind", 400)
    if (kind == "event" and not event) or (kind in ("text", "voice") and not _ID.fullmatch(message)):
        raise Refused("no message id or event", 400)
    return Incoming(
        to=to,
        sender=sender,
        created=created,
        kind=kind,
        event=event,
        key=_text(fields, "EventKey") if kind == "event" else "",
        text=_text(fields, "Recognition" if kind == "voice" else "Content"),
        message="" if kind == "event" else message,
        tapped=bool(_text(fields, "bizmsgmenuid")),
        subscriptions=tuple(_subscriptions(fields)),
    )


def _text(fields: Mapping[str, object], name: str) -> str:
    """The field's text: an empty tag comes as None, a doubled one as a list, one with tags inside as a dict."""
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise Refused("a field that is no text", 400)
    return value or ""


def _subscriptions(fields: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    for name in ("SubscribeMsgPopupEvent", "SubscribeMsgChangeEvent", "SubscribeMsgSentEvent"):
        inside = fields.get(name)
        found = inside.get("List") if isinstance(inside, dict) else None
        for item in found if isinstance(found, list) else [found]:
            if isinstance(item, dict):
                status = _text(item, "SubscribeStatusString") or _text(item, "ErrorCode")
                yield _text(item, "TemplateId"), status
