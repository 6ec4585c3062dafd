"""The sender over the outbox: pace, order, and what is never sent twice."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Literal

from bot.lease import Lease
from bot.sender import Outcome, Sender
from flows.types import PersonKey
from storage.sqlite import SqliteStore
from storage.store import Push
from tests.telegram_bot import until

SECRET = b"a secret of at least 32 characters"
NOW = datetime.now(UTC) - timedelta(seconds=5)


def person(chat: int) -> PersonKey:
    return PersonKey(channel="telegram", sender=str(chat))


def queued(store: SqliteStore, chat: int, *names: str, kind: Literal["dialogue", "reminder"] = "dialogue", due: datetime = NOW) -> None:
    store.change_note(person(chat), "reach", lambda note: note or "{}")
    store.post(*(Push(id=name, person=person(chat), kind=kind, body="{}", due_at=due) for name in names))


@dataclass
class Platform:
    """Takes what is sent, or answers as told: outcomes by push."""

    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    sent: list[tuple[str, float]] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    hold: asyncio.Event | None = None

    async def __call__(self, push: Push) -> Outcome:
        self.tried.append(push.id)
        if self.hold:
            await self.hold.wait()
        if self.outcomes.get(push.id):
            return self.outcomes[push.id].pop(0)
        self.sent.append((push.id, asyncio.get_running_loop().time()))
        return Outcome(state="sent", note=push.note)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.sent]


@contextlib.asynccontextmanager
async def running(store: SqliteStore, platform: Platform, **pace: float) -> AsyncIterator[Sender]:
    sender = Sender(store, "telegram", platform, **{"rate": 1000.0, "gap": 0.0, **pace})
    task = asyncio.create_task(sender.run())
    try:
        yield sender
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.contextmanager
def opened(folder: Path):  # type: ignore[no-untyped-def]  # a store
    store = SqliteStore(folder / "chat.db", SECRET)
    try:
        yield store
    finally:
        store.close()


async def test_two_messages_of_a_chat_are_never_closer_than_the_gap_and_all_keep_the_rate(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for chat in range(20):
            queued(store, chat, *(f"{chat}-{n}" for n in range(3)))
        platform = Platform()
        async with running(store, platform, rate=100.0, gap=0.1):
            await until(lambda: len(platform.sent) == 60)
        times = sorted(at for _, at in platform.sent)
        assert times[-1] - times[0] >= 59 / 100 - 0.05
        by_chat: dict[str, list[float]] = defaultdict(list)
        for name, at in platform.sent:
            by_chat[name.split("-")[0]].append(at)
        assert all(b - a >= 0.099 for found in by_chat.values() for a, b in pairwise(found))
        for chat in range(20):
            assert [n for n in platform.names if n.startswith(f"{chat}-")] == [f"{chat}-{n}" for n in range(3)]


async def test_dialogue_goes_before_reminders(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for chat in range(30):
            queued(store, chat, f"reminder-{chat}", kind="reminder")
        for chat in range(100, 105):
            queued(store, chat, f"dialogue-{chat}")
        platform = Platform()
        async with running(store, platform, rate=200.0):
            await until(lambda: len(platform.sent) == 35)
        assert {name.split("-")[0] for name in platform.names[:5]} == {"dialogue"}


async def test_after_a_429_the_chat_waits_and_keeps_its_order_while_others_go_on(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        queued(store, 1, "1-a", "1-b", "1-c")
        queued(store, 3, "3-a", "3-b")
        queued(store, 2, "2-a", "2-b")
        platform = Platform(outcomes={f"{chat}-a": [Outcome(state="waiting", note="平台要求等一等", wait=wait)] for chat, wait in WAITS})
        async with running(store, platform):
            await until(lambda: len(platform.sent) == 5)
        assert [n for n in platform.names if n.startswith("1")] == ["1-a", "1-b", "1-c"]
        assert platform.tried.count("1-a") == 2
        assert platform.tried.count("3-a") == 1
        assert "3-b" not in platform.tried


WAITS = ((1, 0.2), (3, 3600.0))


async def test_what_may_have_been_sent_is_not_sent_again(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        queued(store, 1, "1-a", "1-b")
        platform = Platform(outcomes={"1-a": [Outcome(state="maybe", note="平台没有答复")]})
        async with running(store, platform):
            await until(lambda: store.push_states("telegram") == {"maybe": 1, "sent": 1})
        assert platform.tried == ["1-a", "1-b"]


async def test_a_sender_that_was_killed_is_taken_over_at_once_and_the_doubt_is_noted(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        queued(store, 1, "1-a", "1-b")
        stuck = Platform(hold=asyncio.Event())
        async with running(store, stuck):
            await until(lambda: stuck.tried == ["1-a"])
        assert store.push_states("telegram") == {"taken": 1, "waiting": 1}
        platform = Platform()
        async with running(store, platform):
            await until(lambda: store.push_states("telegram") == {"sent": 2})
        assert platform.names == ["1-a", "1-b"]
        assert [push.note for push in store.pushes(person(1), "sent")] == ["重启前可能已发过一次", ""]


async def test_what_is_not_due_waits_also_at_the_start(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        queued(store, 1, "later", due=datetime.now(UTC) + timedelta(hours=1))
        queued(store, 2, "now")
        platform = Platform()
        async with running(store, platform):
            await until(lambda: platform.names == ["now"])
        assert store.push_states("telegram") == {"sent": 1, "waiting": 1}


async def test_a_message_that_breaks_the_program_stops_no_other(tmp_path: Path) -> None:
    class Broken(Platform):
        async def __call__(self, push: Push) -> Outcome:
            if push.id == "1-a":
                raise ValueError("poison")
            return await super().__call__(push)

    with opened(tmp_path) as store:
        queued(store, 1, "1-a", "1-b")
        platform = Broken()
        async with running(store, platform):
            await until(lambda: platform.names == ["1-b"])
            await until(lambda: store.push_states("telegram") == {"failed": 1, "sent": 1})


def test_one_of_two_workers_has_the_lease_until_it_ends(tmp_path: Path) -> None:
    first, second = Lease(tmp_path / "lock"), Lease(tmp_path / "lock")
    assert first.take()
    assert first.take()
    assert not second.take()
    first.release()
    assert second.take()
    second.release()
