"""What does every request pass? Limits on its body, headers on its answer, a plain word for a failure, a line in the log."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.html import notice
from bot.log import described, pseudonym
from bot.metrics import Metrics

BODY_BYTES = 256 * 1024
"""10,000 Chinese characters in a form are 90 KB."""
BODY_SECONDS = 10.0
"""For the whole body: who sends a byte a second is not waited for."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_STATIC = "/static/"
_log = structlog.get_logger("yizhan")


class BodyRefused(Exception):
    """A body is too large or too slow; status and the sentence for the sender."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


@dataclass(slots=True)
class _Body:
    """A request's body as it is read, up to a size and a moment."""

    receive: Receive
    until: float
    size: int = 0
    whole: bool = False

    async def read(self) -> Message:
        """The next piece; BodyRefused where it is too much or too late. After the last piece waiting has no limit."""
        if self.whole:
            return await self.receive()
        try:
            async with asyncio.timeout_at(self.until):
                piece = await self.receive()
        except TimeoutError:
            raise BodyRefused(408, "发送得太慢，没有收全，请再试一次。") from None
        self.size += len(piece.get("body", b""))
        self.whole = not piece.get("more_body", False)
        if self.size > BODY_BYTES:
            raise _too_large()
        return piece


def _too_large() -> BodyRefused:
    return BodyRefused(413, "内容太长，没有收下；请分成几段发送。")


@dataclass(slots=True)
class _Answer:
    """A response on its way out: its headers completed, its status remembered."""

    scope: Scope
    sending: Send
    status: int = 0

    async def send(self, message: Message) -> None:
        """Pass a piece on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            static = self.scope["path"].startswith(_STATIC) and self.status == 200
            headers.setdefault("Cache-Control", "public, max-age=31536000, immutable" if static else "no-store")
        await self.sending(message)


class Guard:
    """ASGI middleware around all routes. A route that knows who speaks sets `scope["person"]` for the log."""

    def __init__(self, app: ASGIApp, *, key: bytes, metrics: Metrics, routes: Callable[[], Sequence[BaseRoute]]) -> None:
        self._app, self._key, self._metrics, self._routes = app, key, metrics, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, answer = time.perf_counter(), _Answer(scope, send)
        failure: dict[str, object] = {}
        try:
            await self._serve(scope, _Body(receive, asyncio.get_running_loop().time() + BODY_SECONDS), answer)
        except Exception as error:
            failure = described(error)
            self._metrics.error(error)
            await self._apologise(scope, receive, answer)
        self._note(scope, answer.status, time.perf_counter() - began, failure)

    async def _serve(self, scope: Scope, body: _Body, answer: _Answer) -> None:
        try:
            length = Headers(scope=scope).get("content-length", "")
            if length.isdecimal() and int(length[:12]) > BODY_BYTES:
                raise _too_large()
            await self._app(scope, body.read, answer.send)
        except BodyRefused as refused:
            if not answer.status:
                await _close(notice(scope, refused.status, refused.text))(scope, body.receive, answer.send)

    async def _apologise(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        if not answer.status:
            text = "系统出了点问题，刚才这一步没有完成。请稍后再试。"
            await notice(scope, 500, text)(scope, receive, answer.send)

    def _note(self, scope: Scope, status: int, seconds: float, failure: dict[str, object]) -> None:
        if scope["path"].startswith(_STATIC) and not failure:
            return
        what: dict[str, Any] = {"method": scope["method"], "route": self._template(scope), "status": status, "ms": round(seconds * 1000, 1)}
        if person := scope.get("person"):
            what["person"] = pseudonym(self._key, person)
        (_log.error if failure else _log.info)("request", **what, **failure)

    def _template(self, scope: Scope) -> str:
        """The route's path with its places open: a token or query never gets into the log."""
        endpoint = scope.get("endpoint")
        found = next((route for route in self._routes() if endpoint is not None and getattr(route, "endpoint", None) is endpoint), None)
        return str(getattr(found, "path", "-"))


def _close(response: Response) -> Response:
    """What is left of the body is not read: the connection ends here."""
    response.headers["Connection"] = "close"
    return response
