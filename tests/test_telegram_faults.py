"""Telegram when things fail: the platform refuses, the disk fails, the program is killed, updates are nonsense."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.telegram_words import SORRY
from flows.types import PersonKey
from storage.store import PushState, StoreError
from tests.fakes.telegram import SECRET, TOKEN, Api, private, user
from tests.fakes.wechat import served
from tests.telegram_bot import CHAT, PERSON, Bot, app_of, bot, made, until

OPENING = "莆田荔城区的，想报市级人才驿站"
HEADERS = {"X-Telegram-Bot-Api-Secret-Token": SECRET}


def notes(place: Bot, state: PushState) -> list[str]:
    return [push.note for push in place.desk.store.pushes(PERSON, state)]


async def test_a_429_is_waited_for_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        place.api.faults["sendMessage"] = [429]
        await place.say(OPENING)
        texts = [sent.text for sent in place.api.of(CHAT)]
        assert len(texts) == len(set(texts)) >= 2
        assert "您的驿站属于哪种类型" in texts[-1]
        assert notes(place, "sent")[0] == "平台要求等一等"


async def test_a_500_is_tried_again(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        place.api.faults["sendMessage"] = [500]
        await place.say("你好")
        assert len([s for s in place.api.of(CHAT) if "我能做三件事" in s.text]) == 1
        assert "平台连不上，稍后再试" in notes(place, "sent")


async def test_a_time_out_after_accept_is_maybe_and_not_repeated(tmp_path: Path) -> None:
    api = Api(hang=2.0)
    with bot(tmp_path, api) as place:
        place.channel.bot._request[1]._client.timeout = httpx.Timeout(10.0)  # type: ignore[attr-defined]
        api.faults["sendMessage"] = ["lost"]
        real = place.channel.bot.send_message

        async def impatient(*args: Any, **kwargs: Any) -> Any:
            return await real(*args, read_timeout=0.5, **kwargs)

        object.__setattr__(place.channel.bot, "send_message", impatient)
        await place.say("你好")
        assert len([s for s in api.of(CHAT) if "我能做三件事" in s.text]) == 1
        assert notes(place, "maybe") == ["平台没有答复，可能已经发出，不再重发"]


async def test_a_403_makes_somebody_unreachable_until_they_write_again(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        await place.say("你好")
        place.api.blocked.add(CHAT)
        await place.api.say(CHAT, "我填到哪了")
        await place.quiet()
        assert place.desk.store.note(PERSON, "reach") == "blocked"
        place.api.blocked.clear()
        assert await place.say("我填到哪了")
        assert place.desk.store.note(PERSON, "reach") == "{}"


async def test_a_store_that_fails_answers_503_and_heals_with_the_platform_s_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bot(tmp_path) as place:
        broken = [3]
        real = place.desk.store.commit

        def failing(*args: Any, **kwargs: Any) -> Any:
            if broken[0]:
                broken[0] -= 1
                raise StoreError("the disk is full; free some space")
            return real(*args, **kwargs)

        monkeypatch.setattr(place.desk.store, "commit", failing)
        update = place.api.update(message=place.api.message(CHAT, OPENING))
        async with httpx.AsyncClient() as http:
            refused = await http.post(place.api.webhook, json=update, headers=HEADERS)
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]
        assert await place.api.deliver(update) == 3
        await place.quiet()
        assert place.text().count("您的驿站属于哪种类型") == 1


async def test_a_poison_message_is_set_aside_with_a_word_after_three_tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def poisoned(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    with bot(tmp_path) as place:
        with monkeypatch.context() as patch:
            patch.setattr("bot.telegram_answer.answered", poisoned)
            assert await place.api.say(CHAT, "毒") == 3
        await place.quiet()
        assert place.api.of(CHAT)[-1].text == SORRY
        assert "我能做三件事" in (await place.say("你好"))[0].text


def process(folder: Path, api_address: str) -> "subprocess.Popen[str]":
    """`yizhan serve`, which fetches its updates."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("YIZHAN_")}
    environment |= {"PYTHONPATH": str(Path(__file__).parent.parent), "YIZHAN_TELEGRAM_TOKEN": TOKEN, "YIZHAN_TELEGRAM_API_URL": api_address}
    command = [sys.executable, "-c", "from bot.cli import main; main()", "serve", "--port", "0", "--today", "2022-06-15"]
    return subprocess.Popen(
        [*command, "--database", f"sqlite:///{folder / 'chat.db'}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=folder,
        text=True,
    )


def kill(running: "subprocess.Popen[str]") -> None:
    running.send_signal(signal.SIGKILL)
    running.wait(30)


async def test_killed_between_commit_and_send_the_reply_comes_once_after_the_restart(tmp_path: Path) -> None:
    api = Api()
    api.faults["sendMessage"] = [500] * 1000
    with served(api.app()) as address:
        running = process(tmp_path, address)
        try:
            await api.say(CHAT, "你好")
            await until(lambda: any(method == "sendMessage" for method, *_ in api.calls))
            kill(running)
            assert api.of(CHAT) == []
            api.faults.clear()
            running = process(tmp_path, address)
            await until(lambda: "莆田市级人才驿站" in str([sent.labels for sent in api.of(CHAT)]))
            api.waiting[api.number] = {"update_id": api.number, "message": api.message(CHAT, "你好")}  # the same update again
            api.deliveries[api.number].clear()
            await until(lambda: bool(api.deliveries[api.number]))
            await api.say(CHAT, "我填到哪了")
            await until(lambda: "没有正在填的表" in "".join(sent.text for sent in api.of(CHAT)))
            assert sum("我能做三件事" in sent.text for sent in api.of(CHAT)) == 1
        finally:
            kill(running)


async def test_killed_between_send_and_mark_at_most_one_message_comes_twice(tmp_path: Path) -> None:
    api = Api()
    api.faults["sendMessage"] = ["lost"]
    with served(api.app()) as address:
        running = process(tmp_path, address)
        try:
            await api.say(CHAT, "你好")
            await until(lambda: len(api.of(CHAT)) == 1)
            kill(running)
            running = process(tmp_path, address)
            await api.say(CHAT, "我填到哪了")
            await until(lambda: "没有正在填的表" in "".join(sent.text for sent in api.of(CHAT)))
            texts = [sent.text for sent in api.of(CHAT)]
            assert len(texts) - len(set(texts)) <= 1, texts
        finally:
            kill(running)


# --- updates of every shape ---

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.just("\x00\u202e\ufeff"),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)
TEXTS = st.one_of(
    st.sampled_from(["/start", "/start putian-yizhan", "/", "/delete", "是", "1", OPENING, "同意", "继续", "确认", "２", "a" * 4096]),
    st.text(max_size=60),
)
KINDS = (
    "photo",
    "sticker",
    "voice",
    "contact",
    "location",
    "dice",
    "document",
    "forward_origin",
    "new_chat_members",
    "pinned_message",
    "web_app_data",
)
PEOPLE = st.integers(1_000, 1_010)


def mostly(good: Any) -> Any:
    """The right thing, or now and then an odd one."""
    return st.one_of(good, good, good, good, good, ODD)


@st.composite
def messages(draw: Any) -> Any:
    who = draw(PEOPLE)
    kind = draw(st.sampled_from(["private"] * 8 + ["group", "supergroup", "channel", "odd"]))
    chat = {"id": draw(mostly(st.just(who))), "type": kind}
    found = {"message_id": draw(mostly(st.integers(1, 10**6))), "date": draw(mostly(st.integers(0, 2**33)))}
    found |= {"chat": draw(mostly(st.just(chat))), "from": draw(mostly(st.just(user(who)))), "text": draw(mostly(TEXTS))}
    if draw(st.integers(0, 3)) == 0:
        found[draw(st.sampled_from(KINDS))] = draw(ODD)
        found.pop("text")
    return found


@st.composite
def presses(draw: Any) -> Any:
    who = draw(PEOPLE)
    field = draw(st.sampled_from(["programme", "service", "station_type", "consent", "vote", "x" * 30]))
    data = f"{draw(st.integers(0, 4))}:{field}:{draw(st.sampled_from(['putian-yizhan', 'true', '#1', 'up', 'lianyi', 'é']))}"
    message = draw(st.one_of(messages(), st.just({"message_id": 1, "date": 0, "chat": private(who)}), ODD))
    found = {"from": draw(mostly(st.just(user(who)))), "chat_instance": "1", "data": draw(mostly(st.just(data)))}
    return {**found, "message": message} if draw(st.booleans()) else found


@st.composite
def updates(draw: Any) -> Any:
    kind = draw(
        st.sampled_from(["message"] * 4 + ["callback_query"] * 4 + ["edited_message", "my_chat_member", "poll", "channel_post", "odd"])
    )
    content = {"callback_query": presses(), "my_chat_member": st.one_of(ODD, messages())}.get(kind, messages())
    return kind, draw(mostly(content) if kind != "callback_query" else content)


def test_five_thousand_random_updates_give_no_5xx_and_leave_no_press_unanswered(tmp_path: Path) -> None:
    numbers = iter(range(1, 10**9))
    seen = 0
    answered: set[str] = set()

    async def answers(press: str, text: str | None = None) -> bool:
        answered.add(press)
        return True

    async def silent(*_: Any, **__: Any) -> None:
        return None

    loop = asyncio.new_event_loop()
    channel, desk = made(tmp_path, "http://127.0.0.1:1")
    for name in ("send_message", "edit_message_text", "edit_message_reply_markup", "send_chat_action"):
        object.__setattr__(channel.bot, name, silent)
    object.__setattr__(channel.bot, "answer_callback_query", answers)
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app_of(channel)), base_url="http://here")

    async def one(kind: str, content: Any) -> None:
        number = next(numbers)
        press = f"press-{number}"
        if kind == "callback_query":
            content = {**content, "id": press}
        body = json.dumps({"update_id": number, kind: content}).encode()
        response = await http.post("/telegram", content=body, headers=HEADERS)
        assert response.status_code == 200, (kind, content)
        if kind == "callback_query":
            for _ in range(100):
                if press in answered:
                    break
                await asyncio.sleep(0)
            assert press in answered, content

    @settings(max_examples=250, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(st.lists(updates(), min_size=20, max_size=20))
    def shaped(batch: list[tuple[str, Any]]) -> None:
        nonlocal seen
        for kind, content in batch:
            loop.run_until_complete(one(kind, content))
            seen += 1

    try:
        shaped()
        assert seen >= 5_000
        assert any(desk.store.load(PersonKey(channel="telegram", sender=str(who))).revision for who in range(1_000, 1_011))
    finally:
        loop.run_until_complete(http.aclose())
        loop.run_until_complete(channel.stop())
        loop.close()
        desk.store.close()
