"""Workers are killed under load: what acknowledged answers, stored conversations and sent messages must show afterwards.

`python -m tests.kills --kills 1000 [--database URL]` does by hand, and longer, what tests/test_kills.py does in CI. People on the official
account and on Telegram talk to two workers while one of them is killed again and again; whatever is not acknowledged is delivered
again, as the platforms do. A run without kills is what every person's history is compared with.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

from bot.app import open_store
from bot.settings import read_settings
from bot.wechat_words import TOO_FAST, TOO_MANY, WAIT
from flows.types import PersonKey
from storage.store import Store
from tests.bench.channels import SAID
from tests.fakes.telegram import SECRET, TOKEN, Api
from tests.fakes.wechat import Keys, Platform, served

ROOT = Path(__file__).parent.parent
TODAY = "2022-06-15"
KEY = "a secret of thirty-two characters"
SCRIPT = (*SAID, "我填到哪了", "修改 活动场次", "8场", "补助最多多少钱", "继续")
"""The beginning of an application, a look back, a change, a policy question."""
IN_CHAT = SCRIPT[:12]
"""On Telegram, where a chat gets one message a second."""
PATIENCE = 60.0
STARTED = 0.5
"""Seconds after which a worker answers."""
_UNTOLD = ("稍后再试", TOO_FAST, TOO_MANY, WAIT)
"""Answers that acknowledge nothing: the message is to be sent again."""


@dataclass
class Server:
    """`yizhan serve` with its workers."""

    folder: Path
    database: str
    api: str
    workers: int = 2
    module: str = "bot.cli"
    crash: str = ""
    port: int = 0
    running: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        if not self.port:
            with socket.socket() as found:
                found.bind(("127.0.0.1", 0))
                self.port = int(found.getsockname()[1])
        keys = Keys()
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "YIZHAN_SECRET_KEY": KEY,
            "YIZHAN_WECHAT_TOKEN": keys.token,
            "YIZHAN_WECHAT_AES_KEY": keys.aes_key,
            "YIZHAN_WECHAT_APP_ID": keys.app_id,
            "YIZHAN_TELEGRAM_TOKEN": TOKEN,
            "YIZHAN_TELEGRAM_SECRET": SECRET,
            "YIZHAN_TELEGRAM_API_URL": self.api,
            "CRASH_AT": self.crash,
        }
        command = [sys.executable, "-c", f"from {self.module} import main; main()", "serve", "--port", str(self.port)]
        command += ["--workers", str(self.workers), "--database", self.database, "--today", TODAY]
        with (self.folder / "log").open("ab") as log:
            self.running = subprocess.Popen(command, env=environment, cwd=self.folder, stdout=log, stderr=log)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def ready(self) -> None:
        until = time.monotonic() + PATIENCE
        async with httpx.AsyncClient(trust_env=False) as http:
            while True:
                with suppress(httpx.HTTPError):
                    if (await http.get(f"{self.address}/healthz", timeout=2)).status_code == 200:
                        return
                assert time.monotonic() < until, (self.folder / "log").read_text(errors="replace")[-2000:]
                await asyncio.sleep(0.05)

    def worker_ids(self) -> list[int]:
        """The processes that answer, as the system lists them."""
        return [int(child) for child in Path(f"/proc/{self.running.pid}/task/{self.running.pid}/children").read_text().split()]

    def kill_one(self, chance: random.Random) -> bool:
        """Kill a worker that has had time to start; False where there is none just now."""
        found = [worker for worker in self.worker_ids() if age(worker) > STARTED]
        with suppress(ProcessLookupError):
            if found:
                os.kill(chance.choice(found), signal.SIGKILL)
                return True
        return False

    def stop(self) -> None:
        """End it as a service manager does, and by force where that takes too long."""
        if self.running.poll() is None:
            self.running.send_signal(signal.SIGTERM)
        try:
            self.running.wait(timeout=30)
        except subprocess.TimeoutExpired:
            for worker in self.worker_ids():
                os.kill(worker, signal.SIGKILL)
            self.running.kill()
            self.running.wait()
            raise


def age(process: int) -> float:
    """How long a process has run, in seconds; 0 where it is gone."""
    with suppress(OSError):
        ticks = int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[19])
        return float(Path("/proc/uptime").read_text().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")
    return 0.0


async def on_wechat(http: httpx.AsyncClient, server: Server, openid: str, said: Sequence[str]) -> list[str]:
    """Say it all, one after the other; what was acknowledged."""
    platform = Platform(server.address, time.time, Keys(), number=random.Random(openid).randrange(10**11, 10**12))
    told = []
    for text in said:
        xml = platform.xml(openid, "text", Content=text)
        told.append(await _until_told(http, platform, openid, xml))
    return told


async def _until_told(http: httpx.AsyncClient, platform: Platform, openid: str, xml: str) -> str:
    until = time.monotonic() + PATIENCE
    while True:
        query, body = platform.sealed(xml)
        with suppress(httpx.HTTPError):
            response = await http.post(f"{platform.address}/wechat?{urlencode(query)}", content=body.encode(), timeout=5)
            judged = platform.judge(openid, response)
            if not judged.fault and judged.text and not any(word in judged.text for word in _UNTOLD):
                return judged.text
        assert time.monotonic() < until, f"{openid}: no answer"
        await asyncio.sleep(0.05)


async def on_telegram(http: httpx.AsyncClient, server: Server, chat: int, said: Sequence[str]) -> None:
    """Say it all, one after the other; each update again until it is taken."""
    who = {"id": chat, "first_name": "韦"}
    for number, text in enumerate(said):
        message = {"message_id": number + 1, "date": int(time.time()), "chat": {**who, "type": "private"}, "from": {**who, "is_bot": False}}
        body = json.dumps({"update_id": chat * 1000 + number, "message": {**message, "text": text}}).encode()
        until = time.monotonic() + PATIENCE
        while True:
            with suppress(httpx.HTTPError):
                headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET, "Content-Type": "application/json"}
                response = await http.post(f"{server.address}/telegram", content=body, headers=headers, timeout=5)
                if response.status_code == 200:
                    break
            assert time.monotonic() < until, f"{chat}: not taken"
            await asyncio.sleep(0.05)


@dataclass(frozen=True)
class History:
    """What a run left: acknowledged answers, what is stored, what was sent."""

    told: dict[str, list[str]]
    stored: dict[str, list[tuple[str, str, str]]]
    """Of each person the messages: id, text, replies."""
    drafts: dict[str, dict[str, Any]]
    sent: dict[str, list[str]]
    flagged: int
    """Messages of which the store says that they may have been sent before."""
    kills: int


@dataclass
class Run:
    """One load over one database: waves of people on the official account until the kills are done, and chats on Telegram."""

    folder: Path
    database: str
    people: int
    chats: int
    said: Sequence[str] = SCRIPT
    in_chat: Sequence[str] = IN_CHAT
    api: Api = field(default_factory=Api)
    openids: list[str] = field(default_factory=list)
    """Of all waves."""

    async def under(self, kills: int, seed: int) -> History:
        """Talk while workers are killed; without kills it is the run that others are compared with."""
        with served(self.api.app()) as platform:
            server = Server(self.folder, self.database, platform)
            try:
                await server.ready()
                told, done = await self._talk(server, kills, seed)
                await self._sent_all()
            finally:
                server.stop()
        return self._history(told, done)

    async def crashing(self, at: str) -> History:
        """Talk to one worker that kills itself at that step, and to the one that is started then."""
        with served(self.api.app()) as platform:
            server = Server(self.folder, self.database, platform, workers=1, module="tests.crashing", crash=at)
            try:
                await server.ready()
                talking = asyncio.create_task(self._talk(server, 0, 0))
                code = await asyncio.to_thread(server.running.wait, PATIENCE)
                assert code == -signal.SIGKILL, f"it did not crash at {at}"
                server = Server(self.folder, self.database, platform, workers=1, port=server.port)
                told, _ = await talking
                await self._sent_all()
            finally:
                server.stop()
        return self._history(told, 1)

    async def _talk(self, server: Server, kills: int, seed: int) -> tuple[dict[str, list[str]], int]:
        told: dict[str, list[str]] = {}
        limits = httpx.Limits(max_keepalive_connections=0)  # a connection belongs to one worker
        async with httpx.AsyncClient(limits=limits, trust_env=False) as http:
            chats = [asyncio.create_task(on_telegram(http, server, chat, self.in_chat)) for chat in self.chat_ids]
            killing = asyncio.create_task(_kill(server, kills, seed))
            while not told or not killing.done():
                wave = [f"oKILLED{len(self.openids) + number:06d}" for number in range(self.people)]
                self.openids += wave
                answers = await asyncio.gather(*(on_wechat(http, server, openid, self.said) for openid in wave))
                told |= dict(zip(wave, answers, strict=True))
            await asyncio.gather(*chats, killing)
        return told, killing.result()

    async def _sent_all(self) -> None:
        """Wait until nothing waits to be sent any more."""
        until, store = time.monotonic() + PATIENCE, opened(self.database)
        try:
            while {"waiting", "taken"} & set(store.push_states("telegram")):
                assert time.monotonic() < until, store.push_states("telegram")
                await asyncio.sleep(0.1)
        finally:
            store.close()

    def _history(self, told: dict[str, list[str]], kills: int) -> History:
        store = opened(self.database)
        try:
            persons = [PersonKey(channel="wechat", sender=o) for o in self.openids]
            persons += [PersonKey(channel="telegram", sender=str(c)) for c in self.chat_ids]
            stored = {p.sender: [(s.id, s.text, "\n".join(r.text for r in s.replies)) for s in store.conversation(p)] for p in persons}
            flagged = sum("可能已发过" in push.note for p in persons for push in store.pushes(p, "sent"))
            drafts = {p.sender: {a.field: a.value for d in store.load(p).drafts for a in d.answers} for p in persons}
        finally:
            store.close()
        sent = {str(chat): [one.text for one in self.api.of(chat)] for chat in self.chat_ids}
        return History(told=told, stored=stored, drafts=drafts, sent=sent, flagged=flagged, kills=kills)

    @property
    def chat_ids(self) -> list[int]:
        return [7_000_001 + number for number in range(self.chats)]


async def _kill(server: Server, kills: int, seed: int) -> int:
    chance, done = random.Random(seed), 0
    while done < kills:
        await asyncio.sleep(chance.uniform(0.1, 1.0))
        done += server.kill_one(chance)
    return done


def opened(database: str) -> Store:
    """The store as the workers open it."""
    os.environ["YIZHAN_SECRET_KEY"] = KEY
    return open_store(read_settings(database=database))


def doubles(found: Sequence[str], wanted: Sequence[str]) -> int:
    """How many of the messages came twice; AssertionError where one is missing, too many, or out of order."""
    at = twice = 0
    for text in found:
        if at < len(wanted) and text == wanted[at]:
            at += 1
        else:
            assert at, f"not expected: {text}"
            assert text == wanted[at - 1], f"not expected: {text}"
            twice += 1
    assert at == len(wanted), f"missing: {wanted[at]}"
    return twice


def judged(found: History, wanted: History) -> int:
    """Compare a run with kills with the one without; how many messages were sent twice."""
    (told,), (sent,) = wanted.told.values(), wanted.sent.values()
    (person,), (chat,) = wanted.told, wanted.sent
    for sender, stored in found.stored.items():
        like = person if sender in found.told else chat
        assert max(Counter(i for i, _, _ in stored).values()) == 1, f"{sender}: a message is stored twice"
        assert [rest for _, *rest in stored] == [rest for _, *rest in wanted.stored[like]], f"{sender}: the conversation is another one"
        assert found.drafts[sender] == wanted.drafts[like], sender
    for openid, answers in found.told.items():
        assert answers == told, f"{openid} was told something else"
    twice = sum(doubles(texts, sent) for texts in found.sent.values())
    assert twice <= found.kills, f"{twice} messages were sent twice in {found.kills} kills"
    assert twice <= found.flagged, f"{twice} messages were sent twice, of {found.flagged} the store says that it may be so"
    return twice


def main() -> None:
    """By hand: many kills, and what they left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--database", default="", help="a PostgreSQL URL; a SQLite file without it")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=ROOT) as at:
        calm, killed = Path(at) / "calm", Path(at) / "killed"
        calm.mkdir()
        killed.mkdir()
        wanted = asyncio.run(Run(calm, f"sqlite:///{calm}/chat.db", 1, 1).under(0, 0))
        run = Run(killed, asked.database or f"sqlite:///{killed}/chat.db", asked.people, 2)
        found = asyncio.run(run.under(asked.kills, asked.seed))
        twice, said = judged(found, wanted), sum(map(len, found.stored.values()))
        print(f"{found.kills} kills, {len(found.stored)} people, {said:,} messages: nothing lost, {twice} messages sent twice")


if __name__ == "__main__":
    main()
