"""What does an update of Telegram cost? Webhook → durable commit with its messages, beside a bare route. Does the sender keep its pace?

Server, load and the fake platform that the server sends to are processes of their own on loopback, as in `channels.py`. Each update is
committed with the messages that answer it, and the sender works meanwhile.
"""

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median

from tests.bench.channels import CONNECTIONS, PEOPLE, RUNS, SAID, Request, answer, connected, served
from tests.bench.figures import Figure, mid
from tests.bench.turns import folder
from tests.fakes.telegram import TOKEN, Api

SECRET = "bench"
CHATS, EACH = 250, 1
LONG = 12
_MODULE = "tests.bench.telegram"


def figures() -> list[Figure]:
    """Throughput as a ratio, the median of three runs; the sender's two rates."""
    rates, bare_rates = [], []
    for _ in range(RUNS):
        with folder() as at:
            with served("bare", at, module=_MODULE) as port:
                bare_rates.append(asyncio.run(_throughput(port)))
            with served("platform", at, module=_MODULE) as platform:
                (at / "platform").write_text(str(platform))
                with served("ours", at, module=_MODULE) as port:
                    rates.append(asyncio.run(_throughput(port)))
    ratios = [ours / bare for ours, bare in zip(rates, bare_rates, strict=True)]
    overall, chat = asyncio.run(_pace())
    against = "a Starlette route with Update.de_json"
    return [
        Figure(name="Telegram updates, one worker", value=mid(rates), baseline=mid(bare_rates), against=against, unit="/s"),
        Figure(name="as a share of the bare route (goal ≥ 0.2)", value=median(ratios), unit="×"),
        Figure(name=f"sender, {CHATS} chats (25/s wanted, within 5 %)", value=overall, unit="/s"),
        Figure(name="sender, one chat (1/s wanted, within 5 %)", value=chat, unit="/s"),
    ]


# --- the load ---


def _requests(tag: int, people: int, said: Sequence[str]) -> list[list[Request]]:
    """For each person their messages as whole HTTP requests."""
    numbers = iter(range(tag * 1_000_000, (tag + 1) * 1_000_000))
    return [[_request(next(numbers), tag * 10_000 + person + 1, text) for text in said] for person in range(people)]


def _request(number: int, person: int, text: str) -> Request:
    who = {"id": person, "first_name": "韦"}
    message = {
        "message_id": number,
        "date": 1_767_225_600,
        "chat": {**who, "type": "private"},
        "from": {**who, "is_bot": False},
        "text": text,
    }
    content = json.dumps({"update_id": number, "message": message}).encode()
    head = (
        "POST /telegram HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
        f"X-Telegram-Bot-Api-Secret-Token: {SECRET}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def _throughput(port: int) -> float:
    """Updates a second over kept connections, each person's in order."""
    people = _requests(port, PEOPLE, SAID)
    await _talk(port, _requests(port + 100_000, 1, SAID))
    begun = time.perf_counter()
    await asyncio.gather(*(_talk(port, people[n::CONNECTIONS]) for n in range(CONNECTIONS)))
    return PEOPLE * len(SAID) / (time.perf_counter() - begun)


async def _talk(port: int, people: list[list[Request]]) -> None:
    async with connected(port) as (reader, writer):
        for requests in people:
            for request in requests:
                await answer(reader, writer, request)


# --- the sender ---


async def _pace() -> tuple[float, float]:
    """Messages a second over many chats, and in one that has many, while the platform takes 50 ms for each."""
    from bot.sender import Outcome, Sender
    from flows.types import PersonKey
    from storage.sqlite import SqliteStore
    from storage.store import Push

    times: dict[str, list[float]] = defaultdict(list)

    async def deliver(push: Push) -> Outcome:
        times[push.person.sender].append(time.perf_counter())
        await asyncio.sleep(0.05)
        return Outcome(state="sent")

    with tempfile.TemporaryDirectory() as at:
        store = SqliteStore(Path(at) / "chat.db", b"a secret of at least 32 characters")
        due = datetime.now(UTC) - timedelta(seconds=1)
        for chat in range(CHATS + 1):
            person = PersonKey(channel="telegram", sender=str(chat))
            store.change_note(person, "reach", lambda _: "{}")
            count = EACH if chat else LONG
            store.post(*(Push(id=f"{chat}-{n}", person=person, kind="dialogue", body="{}", due_at=due) for n in range(count)))
        sender = asyncio.create_task(Sender(store, "telegram", deliver).run())
        while sum(map(len, times.values())) < CHATS * EACH + LONG:
            await asyncio.sleep(0.05)
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)
        store.close()
    every = sorted(moment for found in times.values() for moment in found)[:CHATS]  # after that only the one chat has some left
    overall = (len(every) - 1) / (every[-1] - every[0])
    return overall, 1 / median(after - before for before, after in pairwise(times["0"]))


# --- the servers ---


def _serve(kind: str, port: int, at: Path) -> None:
    import uvicorn

    app = {"ours": lambda: _ours(at / f"{port}.db"), "bare": _bare, "platform": lambda: Api().app()}[kind]()
    uvicorn.run(app, host="127.0.0.1", port=port, http="httptools", loop="uvloop", log_level="warning", access_log=False)


def _ours(database: Path):  # type: ignore[no-untyped-def]  # a Starlette app
    import os

    platform = f"http://127.0.0.1:{(database.parent / 'platform').read_text()}"
    os.environ.update({"YIZHAN_TELEGRAM_TOKEN": TOKEN, "YIZHAN_TELEGRAM_SECRET": SECRET, "YIZHAN_TELEGRAM_API_URL": platform})
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
    from telegram import Update

    async def receive(request: Incoming) -> Response:
        Update.de_json(json.loads(await request.body()), None)
        return Response()

    return Starlette(routes=[Route("/telegram", receive, methods=["POST"])])


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        _serve(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
