"""How is the WeChat API called? Token, one retry, time-outs, and errors that never hold a secret. What is sent is the caller's.

Pages: https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/Getting_Started_Guide.html. The platform's Python library is
not used outbound: it retries without bound, has no time-outs and puts the secret into exception texts.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

import httpx

SECONDS = 4.0
EARLY = 300.0
"""Seconds before its end in which a token is no longer used."""
STALE_TOKEN = frozenset({40001, 40014, 42001})
NO_MENU = 46003
_OK = 0


class ApiError(Exception):
    """The API refused a call: `code` is its errcode. The text names call and code, nothing else."""

    def __init__(self, code: int, call: str) -> None:
        super().__init__(f"WeChat {call}: error {code}; see the platform's table of return codes")
        self.code = code


class ApiUnreachable(Exception):
    """The API gave no answer of its own. `maybe`: the request may have been carried out all the same."""

    def __init__(self, call: str, why: str, *, maybe: bool) -> None:
        super().__init__(f"WeChat {call}: {why}; check the network and YIZHAN_WECHAT_API_URL")
        self.maybe = maybe


class WeChatApi:
    """A client for one account. Close it with `close`."""

    def __init__(self, base: str, app_id: str, secret: str, *, clock: Callable[[], float], seconds: float = SECONDS) -> None:
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)  # at INFO they log addresses, and those hold the token
        self._app_id, self._secret, self._clock = app_id, secret, clock
        self._client = httpx.AsyncClient(base_url=base, timeout=httpx.Timeout(seconds, connect=seconds / 2, pool=seconds / 2))
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._token, self._until = "", 0.0
        self._ticket_lock = asyncio.Lock()
        self._ticket, self._ticket_until = "", 0.0

    async def close(self) -> None:
        """Release the connections."""
        await self._client.aclose()

    async def token(self) -> str:
        """An access token that is good for a while yet; fetched once however many ask."""
        async with self._lock:
            if self._clock() >= self._until:
                await self._fetch(force=False)
            return self._token

    async def ticket(self) -> str:
        """A ticket with which pages sign for the platform's script; good for a while yet, fetched once however many ask."""
        async with self._ticket_lock:
            if self._clock() >= self._ticket_until:
                answer = await self._call("GET", "ticket/getticket", params={"type": "jsapi"})
                ticket, seconds = answer.get("ticket"), answer.get("expires_in")
                if not isinstance(ticket, str) or not isinstance(seconds, int | float):
                    raise ApiError(_code(answer), "ticket/getticket")
                self._ticket, self._ticket_until = ticket, self._clock() + seconds - EARLY
            return self._ticket

    async def custom_text(self, openid: str, text: str) -> None:
        """Send a customer-service text."""
        await self._send("message/custom/send", {"touser": openid, "msgtype": "text", "text": {"content": text}})

    async def custom_image(self, openid: str, media: str) -> None:
        """Send a customer-service image that was uploaded before."""
        await self._send("message/custom/send", {"touser": openid, "msgtype": "image", "image": {"media_id": media}})

    async def bizsend(self, openid: str, template: str, data: Mapping[str, str], page: str = "") -> None:
        """Send a 订阅通知: `data` holds the template's fields, `page` the address that it opens."""
        fields = {name: {"value": value} for name, value in data.items()}
        await self._send("message/subscribe/bizsend", {"touser": openid, "template_id": template, "data": fields, "page": page})

    async def upload_image(self, name: str, content: bytes) -> str:
        """Upload a PNG for three days; returns its media id."""
        answer = await self._call("POST", "media/upload", params={"type": "image"}, files={"media": (name, content, "image/png")})
        return str(answer.get("media_id", ""))

    async def menu(self) -> dict[str, Any] | None:
        """The menu as set by API; None where there is none."""
        try:
            found = await self._call("GET", "menu/get")
        except ApiError as error:
            if error.code == NO_MENU:
                return None
            raise
        return dict(found["menu"]) if isinstance(found.get("menu"), dict) else None

    async def set_menu(self, menu: Mapping[str, Any]) -> None:
        """Replace the menu."""
        await self._send("menu/create", menu)

    async def remove_menu(self) -> None:
        """Remove the menu."""
        await self._call("GET", "menu/delete")

    async def _send(self, call: str, body: Mapping[str, Any]) -> None:
        content = json.dumps(body, ensure_ascii=False).encode()  # the app shows \u escapes as they are
        await self._call("POST", call, content=content, headers={"Content-Type": "application/json"})

    async def _call(self, method: str, call: str, *, params: Mapping[str, str] | None = None, **sent: Any) -> dict[str, Any]:
        """The answer of one call; with a fresh token a second time where the first was stale, never a third."""
        token = await self.token()
        answer = await self._ask(method, call, params={**(params or {}), "access_token": token}, **sent)
        if answer.get("errcode", _OK) in STALE_TOKEN:
            token = await self._refreshed(token)
            answer = await self._ask(method, call, params={**(params or {}), "access_token": token}, **sent)
        if answer.get("errcode", _OK) != _OK:
            raise ApiError(_code(answer), call)
        return answer

    async def _refreshed(self, stale: str) -> str:
        async with self._lock:
            if self._token == stale:
                await self._fetch(force=True)
            return self._token

    async def _fetch(self, *, force: bool) -> None:
        body = {"grant_type": "client_credential", "appid": self._app_id, "secret": self._secret, "force_refresh": force}
        answer = await self._ask("POST", "stable_token", content=json.dumps(body).encode())
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not isinstance(seconds, int | float):
            raise ApiError(_code(answer), "stable_token")
        self._token, self._until = token, self._clock() + seconds - EARLY

    async def _ask(self, method: str, call: str, **sent: Any) -> dict[str, Any]:
        """One request. Exceptions of httpx hold the address, and with it the token: none is passed on."""
        try:
            async with asyncio.timeout(self._seconds):
                response = await self._client.request(method, f"/cgi-bin/{call}", **sent)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ApiUnreachable(call, type(error).__name__, maybe=False) from None
        except (httpx.HTTPError, TimeoutError) as error:
            raise ApiUnreachable(call, type(error).__name__, maybe=call.startswith("message/")) from None
        if response.status_code != httpx.codes.OK:
            raise ApiUnreachable(call, f"HTTP {response.status_code}", maybe=False)
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise ApiUnreachable(call, "the answer is no JSON object", maybe=False)
        return answer


def _code(answer: Mapping[str, Any]) -> int:
    code = answer.get("errcode")
    return code if isinstance(code, int) else _NO_CODE


_NO_CODE = -999
"""For an answer that is no error and lacks what was asked for."""
