"""WeChat as tests need it: `Platform` delivers to us and judges our answers as the platform does, `Api` is what we call.

Both speak real HTTP on loopback; the cipher is written from the platform's description, not with the library that we use.
"""

import asyncio
import base64
import contextlib
import hashlib
import secrets
import socket
import struct
import threading
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

LIMIT = 2048
RETRY_SECONDS, DELIVERIES = 5.0, 3


@contextlib.contextmanager
def served(app: Any) -> Iterator[str]:
    """The ASGI app on a free port of 127.0.0.1, in a thread; yields its address and shuts it down afterwards."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, log_level="warning", access_log=False, ws="none", timeout_graceful_shutdown=3)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=15)
        listener.close()
        assert not thread.is_alive()


@dataclass(frozen=True)
class Keys:
    """What the account's console shows."""

    token: str = "TalentStationTestToken"
    aes_key: str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
    app_id: str = "wx0123456789abcdef"

    @property
    def _cipher(self) -> Cipher[modes.CBC]:
        key = base64.b64decode(self.aes_key + "=")
        return Cipher(algorithms.AES(key), modes.CBC(key[:16]))

    def signature(self, *parts: str) -> str:
        return hashlib.sha1("".join(sorted((self.token, *parts))).encode()).hexdigest()

    def encrypt(self, text: str, app_id: str = "") -> str:
        body = text.encode()
        plain = secrets.token_bytes(16) + struct.pack(">I", len(body)) + body + (app_id or self.app_id).encode()
        pad = 32 - len(plain) % 32
        encryptor = self._cipher.encryptor()
        return base64.b64encode(encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()).decode()

    def decrypt(self, sealed: str) -> str:
        decryptor = self._cipher.decryptor()
        padded = decryptor.update(base64.b64decode(sealed, validate=True)) + decryptor.finalize()
        assert 1 <= padded[-1] <= 32
        plain = padded[: -padded[-1]]
        size = struct.unpack(">I", plain[16:20])[0]
        assert plain[20 + size :].decode() == self.app_id
        return plain[20 : 20 + size].decode()


@dataclass(frozen=True)
class Judged:
    """What the person sees: a text, nothing, or that the account is out of order; and how many deliveries it took."""

    text: str = ""
    fault: str = ""
    deliveries: int = 1
    raw: tuple[int, str] = (200, "")


class Tags(str):
    """A field that holds tags, not text."""


def cdata(text: str) -> str:
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


@dataclass
class Platform:
    """Delivers messages and events to `address`, three times at most, `pace` seconds standing for one."""

    address: str
    clock: Callable[[], float]
    keys: Keys = field(default_factory=Keys)
    pace: float = 1.0
    account: str = "gh_test0000001"
    transport: httpx.AsyncBaseTransport | None = None
    number: int = 24_000_000_000

    def xml(self, openid: str, kind: str, **fields: str) -> str:
        """A message; MsgId and CreateTime are new unless given."""
        self.number += 1
        known = {"CreateTime": str(int(self.clock())), **({} if kind == "event" else {"MsgId": str(self.number)}), **fields}
        tags = "".join(f"<{k}>{v if isinstance(v, Tags) else cdata(v)}</{k}>" for k, v in known.items())
        return (
            f"<xml><ToUserName>{cdata(self.account)}</ToUserName><FromUserName>{cdata(openid)}</FromUserName>"
            f"<MsgType>{cdata(kind)}</MsgType>{tags}</xml>"
        )

    def sealed(self, xml: str, **changed: str) -> tuple[dict[str, str], str]:
        """Query and body of a delivery, each time with another nonce and ciphertext."""
        encrypted = self.keys.encrypt(xml)
        at, nonce = str(int(self.clock())), str(secrets.randbelow(10**9))
        query = {
            "signature": self.keys.signature(at, nonce),
            "timestamp": at,
            "nonce": nonce,
            "openid": "o",
            "encrypt_type": "aes",
            "msg_signature": self.keys.signature(at, nonce, encrypted),
        }
        body = f"<xml>\n<ToUserName>{cdata(self.account)}</ToUserName>\n<Encrypt>{cdata(encrypted)}</Encrypt>\n</xml>"
        return {**query, **changed}, body

    async def post(self, xml: str, **options: Any) -> httpx.Response:
        """One delivery."""
        query, body = self.sealed(xml)
        async with httpx.AsyncClient(transport=self.transport, timeout=options.pop("timeout", 15.0)) as client:
            return await client.post(f"{self.address}/wechat", params=query, content=body.encode())

    async def deliver(self, openid: str, kind: str, **fields: str) -> Judged:
        """Deliver as the platform does: again after five seconds without an answer."""
        return await self.deliver_xml(openid, self.xml(openid, kind, **fields))

    async def deliver_xml(self, openid: str, xml: str) -> Judged:
        for attempt in range(1, DELIVERIES + 1):
            try:
                response = await self.post(xml, timeout=RETRY_SECONDS * self.pace)
            except httpx.TimeoutException:
                continue
            return self.judge(openid, response, attempt)
        return Judged(fault="该公众号提供的服务出现故障", deliveries=DELIVERIES)

    async def say(self, openid: str, text: str, **fields: str) -> Judged:
        return await self.deliver(openid, "text", Content=text, **fields)

    async def event(self, openid: str, name: str, **fields: str) -> Judged:
        return await self.deliver(openid, "event", Event=name, **fields)

    def judge(self, openid: str, response: httpx.Response, attempt: int = 1) -> Judged:
        """Nothing for `success` or an empty body; else the XML must hold in every point."""
        raw = (response.status_code, response.text)
        if response.status_code != 200:
            return Judged(fault=f"HTTP {response.status_code}", deliveries=attempt, raw=raw)
        if response.content in (b"success", b""):
            return Judged(deliveries=attempt, raw=raw)
        try:
            return Judged(text=self.opened(openid, response.text), deliveries=attempt, raw=raw)
        except (AssertionError, ValueError, ET.ParseError) as error:
            return Judged(fault=f"{type(error).__name__}: {error}", deliveries=attempt, raw=raw)

    def opened(self, openid: str, body: str) -> str:
        """The text of a sealed answer; AssertionError where the platform would refuse it."""
        outer = fields_of(body)
        assert set(outer) == {"Encrypt", "MsgSignature", "TimeStamp", "Nonce"}, sorted(outer)
        assert outer["MsgSignature"] == self.keys.signature(outer["TimeStamp"], outer["Nonce"], outer["Encrypt"]), "signature"
        return self.read(openid, self.keys.decrypt(outer["Encrypt"]))

    def read(self, openid: str, xml: str) -> str:
        """The text of a plain answer."""
        inner = fields_of(xml)
        assert inner["MsgType"] == "text"
        assert (inner["ToUserName"], inner["FromUserName"]) == (openid, self.account), "to and from are not swapped"
        assert inner["CreateTime"].isdigit()
        assert 0 < len(inner["Content"].encode()) <= LIMIT, len(inner["Content"].encode())
        assert not any(ord(c) < 32 and c not in "\n\t" for c in inner["Content"])
        return inner["Content"]


def fields_of(xml: str) -> dict[str, str]:
    """Each tag's text, exactly once."""
    root = ET.fromstring(xml)
    names = [child.tag for child in root]
    assert root.tag == "xml", root.tag
    assert len(set(names)) == len(names), names
    return {child.tag: child.text or "" for child in root}


@dataclass
class Api:
    """The platform's API. `faults[path]` holds what the next calls get: a code, "503", "html", "hang", or "lost" (done, no answer)."""

    clock: Callable[[], float]
    app_id: str = "wx0123456789abcdef"
    secret: str = "canary-app-secret"
    faults: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    always: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)
    """Whom what reached: text, `image:` and media id, or `notice:` and the first field."""
    menu: dict[str, Any] | None = None
    tokens: int = 0
    wrote: dict[str, float] = field(default_factory=dict)
    tapped: dict[str, float] = field(default_factory=dict)
    book: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    consents: dict[str, int] = field(default_factory=dict)
    cleared: int = 0

    def app(self) -> Starlette:
        paths: Sequence[tuple[str, Callable[[Request], Any]]] = (
            ("stable_token", self._stable_token),
            ("ticket/getticket", self._ticket),
            ("message/custom/send", self._custom),
            ("message/subscribe/bizsend", self._bizsend),
            ("menu/get", self._menu_get),
            ("menu/create", self._menu_set),
            ("menu/delete", self._menu_delete),
            ("media/upload", self._upload),
            ("clear_quota", self._clear),
        )
        return Starlette(routes=[Route(f"/cgi-bin/{p}", self._faulty(p, f), methods=["GET", "POST"]) for p, f in paths])

    def count(self, path: str) -> int:
        return sum(called == path for called, _ in self.calls)

    def writes(self, openid: str) -> None:
        """The person writes: the platform's own book of the 48 hours."""
        self.wrote[openid], self.book[openid] = self.clock(), []

    def taps(self, openid: str) -> None:
        self.tapped[openid], self.book[openid] = self.clock(), []

    def _faulty(self, path: str, answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def called(request: Request) -> Response:
            upload = path == "media/upload"
            body = {} if upload or not await request.body() else await request.json()
            self.calls.append((path, body))
            fault = self.faults[path].pop(0) if self.faults[path] else self.always.get(path)
            match fault:
                case None:
                    pass
                case "503" | "429":
                    return Response("busy", status_code=int(fault))
                case "html":
                    return HTMLResponse("<html>登录网络</html>")
                case "hang":
                    await asyncio.sleep(30)
                case "lost":
                    await answer(request)
                    await asyncio.sleep(30)
                case int() as code:
                    return JSONResponse({"errcode": code, "errmsg": "fault"})
            if path != "stable_token" and request.query_params.get("access_token") != f"token-{self.tokens}":
                return JSONResponse({"errcode": 40001, "errmsg": "invalid credential"})
            return JSONResponse(await answer(request))

        return called

    async def _stable_token(self, request: Request) -> dict[str, Any]:
        asked = await request.json()
        if asked.get("appid") != self.app_id:
            return {"errcode": 40013, "errmsg": "invalid appid"}
        if asked.get("secret") != self.secret:
            return {"errcode": 40125, "errmsg": "invalid appsecret"}
        if asked.get("force_refresh") or not self.tokens:
            self.tokens += 1
        return {"access_token": f"token-{self.tokens}", "expires_in": 7200}

    async def _ticket(self, request: Request) -> dict[str, Any]:
        if request.query_params.get("type") != "jsapi":
            return {"errcode": 40097, "errmsg": "invalid args"}
        return {"errcode": 0, "errmsg": "ok", "ticket": f"ticket-{self.count('ticket/getticket')}", "expires_in": 7200}

    async def _custom(self, request: Request) -> dict[str, Any]:
        asked, now = await request.json(), self.clock()
        openid = asked["touser"]
        written = now - self.wrote.get(openid, -1e12) < 48 * 3600
        tapped = now - self.tapped.get(openid, -1e12) < 60
        if not written and not tapped:
            return {"errcode": 45015, "errmsg": "response out of time limit"}
        if len(self.book[openid]) >= (5 if written else 3):
            return {"errcode": 45047, "errmsg": "out of response count limit"}
        text = asked["text"]["content"] if asked["msgtype"] == "text" else f"image:{asked['image']['media_id']}"
        if len(text.encode()) > LIMIT:
            return {"errcode": 45002, "errmsg": "content size out of limit"}
        self.book[openid].append(now)
        self.sent.append((openid, text))
        return {"errcode": 0, "errmsg": "ok"}

    async def _bizsend(self, request: Request) -> dict[str, Any]:
        asked = await request.json()
        if not self.consents.get(asked["touser"], 0):
            return {"errcode": 43101, "errmsg": "user refuse to accept the msg"}
        self.consents[asked["touser"]] -= 1
        self.sent.append((asked["touser"], f"notice:{next(iter(asked['data'].values()))['value']}"))
        return {"errcode": 0, "errmsg": "ok"}

    async def _menu_get(self, _: Request) -> dict[str, Any]:
        return {"menu": self.menu} if self.menu else {"errcode": 46003, "errmsg": "menu no exist"}

    async def _menu_set(self, request: Request) -> dict[str, Any]:
        self.menu = await request.json()
        return {"errcode": 0, "errmsg": "ok"}

    async def _menu_delete(self, _: Request) -> dict[str, Any]:
        self.menu = None
        return {"errcode": 0, "errmsg": "ok"}

    async def _upload(self, request: Request) -> dict[str, Any]:
        async with request.form() as form:
            content = await form["media"].read()  # type: ignore[union-attr]
        assert content.startswith(b"\x89PNG")
        return {"type": "image", "media_id": f"media-{hashlib.sha1(content).hexdigest()[:8]}", "created_at": 1}

    async def _clear(self, _: Request) -> dict[str, Any]:
        self.cleared += 1
        return {"errcode": 0, "errmsg": "ok"}
