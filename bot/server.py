"""What answers over HTTP? One ASGI app of every channel that is configured, the pages, /healthz and /metrics; and how it is run."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot import app as wiring
from bot import log, page, web
from bot.guard import Guard
from bot.handle import Desk, today
from bot.html import STATIC, asset, missing, notice
from bot.limits import Limiter
from bot.metrics import Metrics
from bot.prefork import Workers
from bot.remind_daily import Daily
from bot.settings import Settings, read_settings
from bot.staff import console
from bot.staff.roll import now
from bot.upkeep import Upkeep
from bot.wechat_subscribe import PopUp
from flows.assistant import Assistant
from storage.store import PROMPT, StoreError

TODAY = "YIZHAN_SERVE_TODAY"
"""From `serve --today` to its workers; no setting."""
STOP_SECONDS = 10
_BUSY = "系统暂时打不开，请稍后再试。"
_log = structlog.get_logger("yizhan")


class Channel(Protocol):
    """A messaging platform: background tasks that live as long as the app, and a line about how it is."""

    async def start(self) -> None:
        """Begin the background tasks."""

    async def stop(self) -> None:
        """End them; what is being answered is finished first."""

    def status(self) -> str:
        """One line for staff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """A configured channel with its routes."""

    name: str
    channel: Channel
    routes: Sequence[BaseRoute]
    pop_up: PopUp | None = None
    """What the applicant's page needs to ask for notices of this channel."""


def channels(settings: Settings, desk: Desk) -> tuple[Wired, ...]:
    """Every channel that is configured. SettingsError where one is configured by half."""
    found: list[Wired] = []
    if settings.wechat_token.get_secret_value():
        from bot import wechat  # late, as each channel: its platform's library is slow to load

        if (channel := wechat.wechat(settings, desk)) is not None:
            found.append(Wired(name="wechat", channel=channel, routes=wechat.routes(channel), pop_up=wechat.pop_up(channel)))
    if settings.telegram_token.get_secret_value():
        from bot import telegram

        if (bot := telegram.telegram(settings, desk, wiring.lease(settings, "telegram"))) is not None:
            found.append(Wired(name="telegram", channel=bot, routes=telegram.routes(bot)))
    return tuple(found)


def make_app(
    desk: Desk,
    settings: Settings,
    *,
    at_once: int = 20,
    at_end: Callable[[], None] = lambda: None,
    clock: Callable[[], datetime] = now,
) -> Starlette:
    """The app over this desk; a person may send `at_once` messages in ten seconds; `at_end` is called when it has stopped."""
    key = wiring.derived_key(settings, "web")
    metrics = Metrics(desk.store, ("wechat", "telegram"))
    desk = replace(desk, observer=metrics.message)
    wired = channels(settings, desk)
    newcomers = Limiter(count=3 * at_once, seconds=web.NEW_WITHIN)
    chat = web.WebChat(desk=desk, key=key, limiter=Limiter(count=at_once), newcomers=newcomers, public_url=settings.public_url)
    pop_up = next((one.pop_up for one in wired if one.pop_up), None)
    own = page.ApplicantsPage(desk=desk, limiter=Limiter(count=3 * at_once), public_url=settings.public_url, pop_up=pop_up)
    callbacks = [route for one in wired for route in one.routes]  # first: they come most often
    staff = console.console(desk, settings, clock, at_once=3 * at_once)
    routes = [*callbacks, *web.routes(chat), *page.routes(own), *console.routes(staff), *_plain(desk, wired, metrics)]
    daily, upkeep = Daily(desk, settings), Upkeep(desk, settings)
    own_work = (Wired(name="reminders", channel=daily, routes=()), Wired(name="upkeep", channel=upkeep, routes=()))

    def end() -> None:
        staff.desk.store.close()
        at_end()

    made = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, key=key, metrics=metrics, routes=lambda: routes)],
        exception_handlers={404: _missing, 405: _missing, StoreError: _store_failed},
        lifespan=lambda _: _running((*wired, *own_work), end),
    )
    made.state.end = end
    made.state.staff = staff
    made.state.report = tuple(one.channel.status() for one in (*wired, *own_work))
    return made


def _plain(desk: Desk, wired: Sequence[Wired], metrics: Metrics) -> list[BaseRoute]:
    """Routes for machines and files that do not change."""

    async def healthz(_: Request) -> Response:
        state = {"web": "ok", **{one.name: one.channel.status() for one in wired}}
        try:
            await asyncio.to_thread(desk.store.push_states, web.CHANNEL)
        except StoreError:
            return JSONResponse({"store": "failed", "channels": state}, 503)
        return JSONResponse({"store": "ok", "channels": state})

    async def numbers(_: Request) -> Response:
        return Response(await asyncio.to_thread(metrics.text), headers={"Content-Type": metrics.content_type})

    async def favicon(_: Request) -> Response:
        return Response(status_code=301, headers={"Location": asset("icon.svg")})

    return [
        Route("/healthz", healthz),
        Route("/metrics", numbers),
        Route("/favicon.ico", favicon),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


@asynccontextmanager
async def _running(wired: Sequence[Wired], at_end: Callable[[], None]) -> AsyncIterator[None]:
    """From start to stop: a channel that does not come up does not take the others down."""
    for one in wired:
        try:
            await one.channel.start()
        except Exception as error:
            _log.error("channel did not start", channel=one.name, **log.described(error))
    try:
        yield
    finally:
        for one in reversed(wired):
            try:
                await one.channel.stop()
            except Exception as error:
                _log.error("channel did not stop", channel=one.name, **log.described(error))
        at_end()


async def _missing(request: Request, _: Exception) -> Response:
    return missing(request)


async def _store_failed(request: Request, error: Exception) -> Response:
    _log.error("store failed", **log.described(error))
    answer = notice(request.scope, 503, _BUSY)
    answer.headers["Retry-After"] = "5"
    return answer


def from_environment(known: Assistant | None = None) -> Starlette:
    """The app as the environment says, over an assistant that is loaded already or loaded now."""
    log.set_up()
    day = os.environ.get(TODAY, "")
    desk = wiring.desk(on=(lambda: date.fromisoformat(day)) if day else today, patience=PROMPT, known=known)
    made = make_app(desk, read_settings(), at_end=desk.store.close)
    made.state.assistant = desk.assistant
    return made


def run(host: str, port: int, workers: int, say: Callable[[str], None]) -> None:
    """Serve until a signal comes; `say` gets the lines of the start-up report. OSError where the address cannot be had.

    Configuration errors come before anything listens, also with several workers.
    """
    application = from_environment()
    address = _listen(host, port)
    for line in report(application, read_settings(), f"http://{_shown(host)}:{address.getsockname()[1]}"):
        say(line)
    try:
        if workers == 1 or sys.platform == "win32":
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # what uvicorn passes on once it has stopped gracefully
            uvicorn.Server(_config(application)).run([address])
        else:
            known: Assistant = application.state.assistant
            application.state.end()  # it proved the configuration and loaded the policies; each worker makes its own

            def work() -> None:
                uvicorn.Server(_config(from_environment(known))).run([address])

            Workers(work, workers, stop_seconds=STOP_SECONDS + 5).run()
    except KeyboardInterrupt:
        pass
    finally:
        address.close()


def _config(application: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http="httptools",
        loop="auto" if sys.platform == "win32" else "uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=STOP_SECONDS,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(2048)  # at once: who comes while the workers start waits instead of being refused
    except OSError:
        made.close()
        raise
    made.set_inheritable(True)
    return made


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def report(application: Starlette, settings: Settings, address: str) -> list[str]:
    """What runs and where, and for what does not the setting that is missing and where to get it."""
    staff = f"工作台：{address}/staff/{console.to_do(application.state.staff)}"
    lines = ["驿站助手已启动，按 Ctrl+C 停止。", f"浏览器对话：{address}/", staff, *application.state.report]
    if not settings.wechat_token.get_secret_value():
        lines.append(
            "微信公众号：未启用，缺 YIZHAN_WECHAT_TOKEN（自己定的一串字母数字，与公众平台“设置与开发 → 基本配置 → 服务器配置”里填的相同）。"
        )
    if not settings.telegram_token.get_secret_value():
        lines.append("Telegram：未启用，缺 YIZHAN_TELEGRAM_TOKEN（在 Telegram 里向 @BotFather 发 /newbot 取得）。")
    if not settings.public_url:
        lines.append("申请人专页：微信和 Telegram 里发不出链接，缺 YIZHAN_PUBLIC_URL（本服务对外的 https 地址）；浏览器对话不需要它。")
    return lines
