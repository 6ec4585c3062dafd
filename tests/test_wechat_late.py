"""The five seconds: slow answers come later, once, on both kinds of account; repeats and order hold under the platform's redelivery."""

import asyncio
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from bot.handle import BUSY
from bot.wechat_body import Body, to_json
from bot.wechat_words import LOST, WAIT
from storage.store import Push, StoreError
from tests.wechat_account import OPENID, PERSON, account, inside, until

PACE = 0.1
"""Of a second for each of the platform's: it gives us 0.5 s here, and we take at most 0.4."""
BUDGET = 4.0 * PACE


class Slow:
    """The desk's calendar, which takes as long as told to say what day it is: 8 of the platform's seconds."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def __call__(self) -> date:
        if self.waits:
            time.sleep(self.waits.pop(0))
        return date(2026, 11, 22)


def committed(place: object, count: int) -> Callable[[], bool]:
    return lambda: place.desk.store.load(PERSON).revision >= count  # type: ignore[attr-defined]  # an Account


async def test_the_platform_gets_its_answer_within_its_five_seconds_and_the_person_the_real_one_later(tmp_path: Path) -> None:
    slow = Slow()
    with account(tmp_path, today=slow, budget=BUDGET, pace=PACE, wechat_account="verified_service") as place:
        place.api.writes(OPENID)
        slow.waits = [8 * PACE]
        told = await place.platform.say(OPENID, "你好")
        assert told.raw == (200, "success")
        assert told.deliveries == 1
        await until(lambda: bool(place.api.sent))
        await until(lambda: len(place.states("sent")) == 1)
        assert [text.startswith("您好，这里是驿站助手") for _, text in place.api.sent] == [True]
        assert place.desk.store.load(PERSON).revision == 1


async def test_an_account_that_cannot_send_promises_the_answer_and_1_shows_it(tmp_path: Path) -> None:
    slow = Slow()
    with account(tmp_path, today=slow, budget=BUDGET, pace=PACE) as place:
        slow.waits = [8 * PACE]
        xml = place.platform.xml(OPENID, "text", Content="你好")
        told = [await place.platform.deliver_xml(OPENID, xml) for _ in range(2)]
        assert [t.text for t in told] == [WAIT, WAIT]
        await until(committed(place, 1))
        shown = await place.platform.say(OPENID, "1")
        assert shown.text.startswith("您好，这里是驿站助手")
        assert place.states("kept") == []
        assert place.desk.store.load(PERSON).revision == 1
        chosen = await place.platform.say(OPENID, "1")
        assert "福州高新区人才驿站" in chosen.text
        assert place.desk.store.load(PERSON).revision == 2


async def test_any_other_text_is_answered_itself_with_the_finished_answer_before_it(tmp_path: Path) -> None:
    slow = Slow()
    with account(tmp_path, today=slow, budget=BUDGET, pace=PACE) as place:
        slow.waits = [8 * PACE]
        assert (await place.platform.say(OPENID, "你好")).text == WAIT
        await until(committed(place, 1))
        xml = place.platform.xml(OPENID, "text", Content="帮助")
        shown = await place.platform.deliver_xml(OPENID, xml)
        assert shown.text.startswith("您好，这里是驿站助手")
        assert place.desk.store.load(PERSON).revision == 2
        help_text = place.desk.store.conversation(PERSON)[1].replies[0].text
        assert help_text.splitlines()[0] in shown.text
        place.channel._flights.clear()  # as after a restart
        assert (await place.platform.deliver_xml(OPENID, xml)).text == shown.text


async def test_asking_while_it_is_still_being_made_loses_nothing(tmp_path: Path) -> None:
    slow = Slow()
    with account(tmp_path, today=slow, budget=BUDGET, pace=PACE) as place:
        slow.waits = [12 * PACE]
        assert (await place.platform.say(OPENID, "你好")).text == WAIT
        assert (await place.platform.say(OPENID, "1")).text == WAIT
        await until(committed(place, 1))
        await until(lambda: not place.channel._last)
        shown = await place.platform.say(OPENID, "1")
        assert "您好，这里是驿站助手" in shown.text


async def test_a_promise_whose_maker_died_is_told_and_not_forgotten(tmp_path: Path) -> None:
    async with inside(tmp_path) as place:
        await place.platform.say(OPENID, "你好")
        promised = Body(kind="answer", message="never-committed")
        place.desk.store.post(push("late", promised, place.clock.now, kept=True))
        told = await place.platform.say(OPENID, "1")
        assert told.text == LOST


def push(push_id: str, body: Body, now: float, *, kept: bool = False) -> Push:
    from datetime import UTC, datetime

    state = "kept" if kept else "waiting"
    due = datetime.fromtimestamp(now, UTC)
    return Push(id=push_id, person=PERSON, kind="dialogue", body=to_json(body), due_at=due, state=state)  # type: ignore[arg-type]


async def test_kept_reminders_are_shown_before_the_next_answer_and_then_settled(tmp_path: Path) -> None:
    async with inside(tmp_path) as place:
        await place.platform.say(OPENID, "你好")
        place.desk.store.post(push("reminder", Body(kind="text", text="提醒：明天截止"), place.clock.now, kept=True))
        place.desk.store.post(push("broken", Body(kind="text"), place.clock.now, kept=True))
        told = await place.platform.say(OPENID, "帮助")
        assert told.text.startswith("提醒：明天截止")
        assert place.states("kept") == []
        assert "明天截止" not in (await place.platform.say(OPENID, "帮助")).text


async def test_three_deliveries_at_once_and_one_later_are_one_transition_with_equal_answers(tmp_path: Path) -> None:
    async with inside(tmp_path) as place:
        xml = place.platform.xml(OPENID, "text", Content="我们在柳州开了家书院，想申请认定市里的人才驿站")
        told = await asyncio.gather(*(place.platform.deliver_xml(OPENID, xml) for _ in range(3)))
        place.clock.now += 400
        told.append(await place.platform.deliver_xml(OPENID, xml))
        place.channel._flights.clear()
        told.append(await place.platform.deliver_xml(OPENID, xml))
        assert len({t.text for t in told}) == 1
        assert told[0].text
        assert place.desk.store.load(PERSON).revision == 1


async def test_messages_of_one_person_are_answered_in_order_and_others_do_not_wait(tmp_path: Path) -> None:
    slow = Slow()
    with account(tmp_path, today=slow, pace=1.0) as place:
        slow.waits = [1.0]
        texts = ("我们在柳州开了家书院，想申请认定市里的人才驿站", "联谊型", "否", "是")
        sending = []
        for text in texts:
            sending.append(asyncio.create_task(place.platform.say(OPENID, text)))
            await asyncio.sleep(0.1)
        other = await place.platform.say("oANOTHER", "你好")
        assert not sending[0].done()
        assert other.text
        told = [await task for task in sending]
        assert [word in t.text for word, t in zip(("哪种类型", "联谊型", "载体：否", "选址便利：是"), told, strict=True)] == [True] * 4
        assert [stored.text for stored in place.desk.store.conversation(PERSON)] == list(texts)


async def test_a_deletion_that_takes_too_long_is_still_confirmed(tmp_path: Path) -> None:
    slow = Slow()
    with account(tmp_path, today=slow, budget=BUDGET, pace=PACE) as place:
        await place.platform.say(OPENID, "你好")
        await place.platform.say(OPENID, "删除我的数据")
        slow.waits = [8 * PACE]
        assert (await place.platform.say(OPENID, "是")).text == WAIT
        await until(lambda: place.desk.store.load(PERSON).revision == 0 and not place.channel._last)
        await until(lambda: OPENID in place.channel._orphans)
        assert place.desk.store.notes(PERSON, "") == {}
        assert "已删除您的全部数据" in (await place.platform.say(OPENID, "1")).text


async def test_a_store_that_fails_gets_a_plain_word_and_heals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with inside(tmp_path) as place:
        with monkeypatch.context() as broken:

            def full(*_: object) -> None:
                raise StoreError("disk full")

            broken.setattr(type(place.desk.store), "notes", full)
            assert (await place.platform.say(OPENID, "你好")).text == BUSY
        assert (await place.platform.say(OPENID, "你好")).text.startswith("您好")


ODD = (
    "a]]>b]]]]>c",
    "\u202e反过来\u200b",
    "１２３",
    "长" * 10_001,
    "<a href='x'>点我</a>",
    "\U0001f469\u200d\U0001f393" * 300,
    " ",
    "\ufeff",
)


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
async def test_odd_texts_are_answered_well_formed(tmp_path: Path, text: str) -> None:
    async with inside(tmp_path) as place:
        told = await place.platform.say(OPENID, text)
        assert told.fault == ""
        assert told.text
        assert "<a href='x'>" not in told.text
