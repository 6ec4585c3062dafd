"""What does a WeChat message cost over HTTP? Encrypted callback → durable commit → encrypted reply, beside a route that only decrypts.

Server and load are processes of their own on loopback. Bodies are encrypted before the clock starts, so that the load is cheap.
"""

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from tests.bench.figures import Figure, mid, percentile
from tests.bench.turns import folder
from tests.fakes.wechat import Keys, Platform

RUNS = 3
CONNECTIONS, PEOPLE = 16, 64
SAID = ("我想申请柳州驿站认定", "联谊型", "没有", *("有",) * 9, "齐全", "6场", "60人", "柳州某书院")
"""What each person says: the beginning of an application."""
RATE, SECONDS = 100, 6
SLOW = 200
_STARTS_IN = 30.0

Request = bytes


def figures() -> list[Figure]:
    """Throughput as a ratio, latency at a fixed rate, and amid slow clients; each the median of three runs."""
    rates, bare_rates, calm, crowded = [], [], [], []
    for _ in range(RUNS):
        with folder() as at:
            with served("bare", at) as port:
                bare_rates.append(asyncio.run(_throughput(port)))
            with served("ours", at) as port:
                rates.append(asyncio.run(_throughput(port)))
                calm.append(asyncio.run(_at_rate(port, slow=0)))
                crowded.append(asyncio.run(_at_rate(port, slow=SLOW)))
    ratios = [ours / bare for ours, bare in zip(rates, bare_rates, strict=True)]
    against = "a route that verifies, decrypts and encrypts with wechatpy"
    return [
        Figure(name="WeChat messages, one worker", value=mid(rates), baseline=mid(bare_rates), against=against, unit="/s"),
        Figure(name="as a share of the bare route (goal ≥ 0.25)", value=median(ratios), unit="×"),
        Figure(name=f"p99 at {RATE} messages/s", value=mid(calm), goal=50),
        Figure(name=f"the same amid {SLOW} slow clients", value=mid(crowded), goal=1000),
    ]


# --- the load ---


def _requests(tag: str, people: int, said: Sequence[str]) -> list[list[Request]]:
    """For each person their messages as whole HTTP requests."""
    platform = Platform("http://127.0.0.1", time.time, Keys())
    made = []
    for number in range(people):
        openid = f"o{tag}{number:08d}"
        made.append([_request(*platform.sealed(platform.xml(openid, "text", Content=text))) for text in said])
    return made


def _request(query: dict[str, str], body: str) -> Request:
    content = body.encode()
    head = f"POST /wechat?{urlencode(query)} HTTP/1.1\r\nHost: here\r\nContent-Type: text/xml\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
    """Send a request and read its answer; RuntimeError where it is not 200."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise RuntimeError(f"the server answered {head.splitlines()[0].decode()}")
    length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(length)


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def _throughput(port: int) -> float:
    """Messages a second over kept connections, each person's in order."""
    people = _requests(f"t{port}", PEOPLE, SAID)
    await _talk(port, _requests(f"w{port}", 1, SAID))

    begun = time.perf_counter()
    await asyncio.gather(*(_talk(port, people[n::CONNECTIONS]) for n in range(CONNECTIONS)))
    return PEOPLE * len(SAID) / (time.perf_counter() - begun)


async def _talk(port: int, people: list[list[Request]]) -> None:
    async with connected(port) as (reader, writer):
        for requests in people:
            for request in requests:
                await answer(reader, writer, request)


async def _at_rate(port: int, *, slow: int) -> float:
    """p99 in ms of messages that come every 1/RATE seconds, each from the moment it was due."""
    requests = [each for (each,) in _requests(f"r{port}{slow}", RATE * SECONDS, SAID[:1])]
    crowd = [asyncio.create_task(_dawdle(port, requests[0])) for _ in range(slow)]
    await asyncio.sleep(0.5)
    begun = time.perf_counter()
    times = await asyncio.gather(*(_due(port, request, begun + number / RATE) for number, request in enumerate(requests)))
    for task in crowd:
        task.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)
    return percentile([1000 * seconds for seconds in times], 99)


async def _due(port: int, request: Request, at: float) -> float:
    await asyncio.sleep(max(0.0, at - time.perf_counter()))
    async with connected(port) as (reader, writer):
        await answer(reader, writer, request)
    return time.perf_counter() - at


async def _dawdle(port: int, request: Request) -> None:
    """A client that sends one byte a second, and comes again when it is turned away."""
    while True:
        with contextlib.suppress(OSError):
            async with connected(port) as (_, writer):
                for byte in request[:10]:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(1)


# --- the servers ---


@contextlib.contextmanager
def served(kind: str, at: Path, module: str = "tests.bench.channels") -> Iterator[int]:
    """One worker of a module in a process of its own, and its port."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, "-m", module, kind, str(port), str(at)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(port: int) -> None:
    until = time.monotonic() + _STARTS_IN
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _serve(kind: str, port: int, at: Path) -> None:
    import uvicorn

    app = _ours(at / f"{port}.db") if kind == "ours" else _bare()
    uvicorn.run(app, host="127.0.0.1", port=port, http="httptools", loop="uvloop", log_level="warning", access_log=False)


def _ours(database: Path):  # type: ignore[no-untyped-def]  # a Starlette app
    import os

    keys = Keys()
    given = {"TOKEN": keys.token, "AES_KEY": keys.aes_key, "APP_ID": keys.app_id, "APP_SECRET": "bench"}
    os.environ.update({f"YIZHAN_WECHAT_{name}": value for name, value in given.items()})
    from bot import log
    from bot.app import desk
    from bot.server import make_app
    from bot.settings import read_settings

    log.set_up()
    url = f"sqlite:///{database}"
    return make_app(desk(url), read_settings(database=url), at_once=10_000)


def _bare():  # type: ignore[no-untyped-def]  # a Starlette app
    from starlette.applications import Starlette
    from starlette.requests import Request as Incoming
    from starlette.responses import Response
    from starlette.routing import Route
    from wechatpy.crypto import WeChatCrypto

    keys = Keys()
    crypto = WeChatCrypto(keys.token, keys.aes_key, keys.app_id)
    reply = "<xml><ToUserName>o</ToUserName><FromUserName>g</FromUserName><MsgType>text</MsgType><Content>好的</Content></xml>"

    async def receive(request: Incoming) -> Response:
        query = request.query_params
        crypto.decrypt_message(await request.body(), query["msg_signature"], query["timestamp"], query["nonce"])
        return Response(crypto.encrypt_message(reply, query["nonce"], query["timestamp"]), media_type="text/xml")

    return Starlette(routes=[Route("/wechat", receive, methods=["POST"])])


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
