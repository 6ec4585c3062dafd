"""What is pushed to people on WeChat: the way that remains, the quota, and every refusal of the platform, against a real API fake."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot import wechat_reach as ledger
from bot.bubbles import LIMIT
from bot.wechat_api import ApiError, ApiUnreachable, WeChatApi
from bot.wechat_body import Body, to_json
from bot.wechat_push import FATES, PAUSE, TRIES
from bot.wechat_reach import ACCOUNTS, Reach, Subscription, way
from storage.store import Push
from tests.fakes.wechat import Api, Tags, served
from tests.wechat_account import OPENID, PERSON, START, Account, Clock, inside

SERVICE = ACCOUNTS["verified_service"]
NOW = START
SENDING = {"wechat_account": "verified_service", "wechat_template_id": "TEMPLATE"}
FOR_TEMPLATE = {"thing1": "材料截止提醒", "date2": "2026年6月30日"}


# The planner


@pytest.mark.parametrize(
    ("reach", "account", "kind", "why"),
    [
        (Reach(wrote_at=NOW - 1), SERVICE, "customer", "还可发 5 条"),
        (Reach(wrote_at=NOW - 48 * 3600 + 6), SERVICE, "customer", "5 条"),
        (Reach(wrote_at=NOW - 48 * 3600 + 5), SERVICE, "kept", "已过"),
        (Reach(wrote_at=NOW - 9, sent=(NOW - 8,) * 4), SERVICE, "customer", "1 条"),
        (Reach(wrote_at=NOW - 9, sent=(NOW - 8,) * 5), SERVICE, "kept", "用完"),
        (Reach(tapped_at=NOW - 54), SERVICE, "customer", "3 条"),
        (Reach(tapped_at=NOW - 55), SERVICE, "kept", "已过"),
        (Reach(tapped_at=NOW - 9, sent=(NOW - 8,) * 3), SERVICE, "kept", "已过"),
        (Reach(subscriptions=(Subscription(template="T", left=1),)), SERVICE, "subscription", "订阅通知"),
        (Reach(subscriptions=(Subscription(template="T", long_term=True),)), SERVICE, "subscription", "订阅通知"),
        (Reach(subscriptions=(Subscription(template="T"),)), SERVICE, "kept", "已过"),
        (Reach(subscriptions=(Subscription(template="OTHER", left=1),)), SERVICE, "kept", "已过"),
        (Reach(wrote_at=NOW, following=False), SERVICE, "none", "取消关注"),
        (Reach(wrote_at=NOW, unreachable=True), SERVICE, "none", "发不到"),
        (Reach(wrote_at=NOW), ACCOUNTS["unverified_subscription"], "kept", "未认证订阅号不能主动发送"),
        (Reach(wrote_at=NOW), ACCOUNTS["unverified_service"], "kept", "未认证服务号不能主动发送"),
        (Reach(wrote_at=NOW), ACCOUNTS["verified_subscription"], "customer", "5 条"),
        (Reach(subscriptions=(Subscription(template="T", left=1),)), ACCOUNTS["verified_subscription"], "kept", "已过"),
    ],
)
def test_the_way_that_remains(reach: Reach, account: ledger.Account, kind: str, why: str) -> None:
    found = way(reach, account, NOW, template="T")
    assert found.kind == kind
    assert why in found.why


def test_a_dialogue_push_never_uses_up_a_subscription() -> None:
    assert way(Reach(subscriptions=(Subscription(template="T", left=1),)), SERVICE, NOW, template="T", dialogue=True).kind == "kept"


def test_writing_opens_the_window_anew_and_the_ledger_survives_its_note() -> None:
    reach = Reach(wrote_at=NOW - 900, sent=(NOW - 800,) * 5, subscriptions=(Subscription(template="T", left=2),))
    assert ledger.quota(reach, NOW) == 0
    opened = ledger.wrote(reach, NOW)
    assert (ledger.quota(opened, NOW), opened.sent) == (5, ())
    assert ledger.from_note(ledger.to_note(opened)) == opened
    assert ledger.wrote(opened, NOW + 59) is opened
    assert ledger.wrote(replace(opened, following=False), NOW + 1).following


def test_a_tap_on_a_menu_message_opens_only_the_minute() -> None:
    tapped = ledger.wrote(Reach(wrote_at=NOW - 47 * 3600, sent=(NOW - 9,) * 5), NOW, tapped=True)
    assert tapped.wrote_at == NOW - 47 * 3600
    assert ledger.quota(tapped, NOW) == 3
    assert ledger.quota(tapped, NOW + 60) == 0


def test_consents_are_counted_used_and_taken_back() -> None:
    twice = ledger.consented(ledger.consented(Reach(), "T", "accept"), "T", "accept")
    assert ledger.consent(ledger.used(twice, "T"), "T") == Subscription(template="T", left=1)
    assert ledger.consent(ledger.used(ledger.used(twice, "T"), "T"), "T") is None
    assert ledger.consented(twice, "T", "reject").subscriptions == ()
    assert ledger.consented(twice, "T", "odd") == twice


# The sender


def post(place: Account, number: int, *, text: str = "提醒：明天截止", reminder: bool = False, **body: Any) -> None:
    due = datetime.fromtimestamp(place.clock.now, UTC)
    content = to_json(Body(kind="text", text=text, data=FOR_TEMPLATE if reminder else {}, **body))
    place.desk.store.post(Push(id=f"p{number}", person=PERSON, kind="reminder" if reminder else "dialogue", body=content, due_at=due))


async def wrote(place: Account) -> None:
    """The person writes, on our side and in the platform's book."""
    await place.platform.say(OPENID, "你好")
    place.api.writes(OPENID)


async def drained(place: Account) -> None:
    """Rounds until nothing is due."""
    for _ in range(30):
        if not await place.sends():
            return
    raise AssertionError("the queue does not come to rest")


async def test_five_go_out_within_the_window_the_sixth_is_kept_and_shown_at_the_next_visit(tmp_path: Path) -> None:
    async with inside(tmp_path, **SENDING) as place:
        await wrote(place)
        for number in range(6):
            post(place, number, text=f"第{number}条")
        await drained(place)
        assert [text for _, text in place.api.sent] == [f"第{n}条" for n in range(5)]
        assert place.api.count("message/custom/send") == 5
        assert place.states("sent") == ["已发出"] * 5
        assert place.states("kept") == ["48 小时内的 5 条已用完，等对方下次来时显示"]
        assert (await place.platform.say(OPENID, "帮助")).text.startswith("第5条")
        assert len(place.states("sent")) == 6


async def test_a_reminder_after_the_window_uses_the_subscription_and_opens_the_page(tmp_path: Path) -> None:
    async with inside(tmp_path, **SENDING) as place:
        await wrote(place)
        list_of = "<List><TemplateId>TEMPLATE</TemplateId><SubscribeStatusString>accept</SubscribeStatusString></List>"
        await place.platform.event(OPENID, "subscribe_msg_popup_event", SubscribeMsgPopupEvent=Tags(list_of))
        place.api.consents[OPENID] = 1
        place.clock.now += 30 * 86400
        post(place, 1, reminder=True, draft="d1")
        post(place, 2, reminder=True)
        await drained(place)
        assert [text for _, text in place.api.sent] == ["notice:材料截止提醒"]
        asked = [body for path, body in place.api.calls if path == "message/subscribe/bizsend"]
        assert asked[0]["page"].startswith("https://yizhan.example/a/")
        assert asked[0]["template_id"] == "TEMPLATE"
        assert (place.states("sent"), len(place.states("kept"))) == (["已发出"], 1)


async def test_an_account_that_may_not_send_tries_nothing_and_keeps_it_for_the_visit(tmp_path: Path) -> None:
    async with inside(tmp_path) as place:
        await wrote(place)
        assert place.channel.sender is None
        assert place.api.calls == []
        assert "不能主动发送" in place.channel.status()


@pytest.mark.parametrize("code", [43101, 45015, 45047])
async def test_refusals_that_pass_with_the_next_visit_keep_the_push(tmp_path: Path, code: int) -> None:
    async with inside(tmp_path, **SENDING) as place:
        await wrote(place)
        place.api.faults["message/custom/send"] = [code]
        post(place, 1)
        post(place, 2)
        await drained(place)
        assert f"平台返回 {code}" in place.states("kept")[0]
        again = place.api.count("message/custom/send")
        assert again == (2 if code == 43101 else 1), "what the platform's book says is believed"
        assert (await place.platform.say(OPENID, "帮助")).text.startswith("提醒：明天截止")


@pytest.mark.parametrize("code", [40003, 43004])
async def test_somebody_who_cannot_be_reached_gets_no_second_try_until_they_write(tmp_path: Path, code: int) -> None:
    async with inside(tmp_path, **SENDING) as place:
        await wrote(place)
        place.api.faults["message/custom/send"] = [code]
        post(place, 1)
        post(place, 2)
        await drained(place)
        assert place.api.count("message/custom/send") == 1
        assert len(place.states("failed")) == 2
        place.clock.now += 100
        await wrote(place)
        post(place, 3)
        await drained(place)
        assert len(place.api.sent) == 1


@pytest.mark.parametrize("code", [40164, 89503, 40013, 40125, 48001, 50002])
async def test_a_refusal_of_the_account_stops_the_queue_and_tells_staff(tmp_path: Path, code: int) -> None:
    async with inside(tmp_path, **SENDING) as place:
        await wrote(place)
        path = "stable_token" if code in (40164, 89503, 40013, 40125) else "message/custom/send"
        place.api.faults[path] = [code]
        post(place, 1)
        post(place, 2)
        await drained(place)
        assert place.api.count(path) == 1
        assert place.api.sent == []
        assert len(place.states("kept")) == 2
        assert str(code) in place.channel.status()
        assert "已停止主动发送" in place.channel.status()


async def test_a_spent_day_quota_pauses_the_queue_and_is_never_cleared(tmp_path: Path) -> None:
    async with inside(tmp_path, **SENDING) as place:
        await wrote(place)
        place.api.faults["message/custom/send"] = [45009]
        post(place, 1)
        await place.sends()
        post(place, 2)
        await drained(place)
        assert place.api.count("message/custom/send") == 1
        place.clock.now += PAUSE
        await drained(place)
        assert len(place.api.sent) == 2
        assert place.api.cleared == 0


@pytest.mark.parametrize("fault", [-1, "503", "429", "html"])
async def test_what_passes_by_itself_is_tried_again_later_and_later_and_then_kept(tmp_path: Path, fault: Any) -> None:
    async with inside(tmp_path, **SENDING) as place:
        await wrote(place)
        place.api.faults["message/custom/send"] = [fault] * 2
        post(place, 1)
        waited = await pushed_on(place)
        assert [text for _, text in place.api.sent] == ["提醒：明天截止"]
        assert waited == [5.0, 10.0]
        place.api.always["message/custom/send"] = fault
        post(place, 2)
        await pushed_on(place)
        assert place.api.count("message/custom/send") == 3 + TRIES
        assert f"试了 {TRIES} 次" in place.states("kept")[0]
        assert ledger.quota(ledger.from_note(place.desk.store.note(PERSON, "reach")), place.clock.now) == 4


async def pushed_on(place: Account) -> list[float]:
    """Drain, moving the clock to when the push that waits is due; how long each wait was."""
    waited = []
    await drained(place)
    while waiting := place.desk.store.pushes(PERSON, "waiting"):
        due = waiting[0].due_at.timestamp()
        waited.append(round(due - place.clock.now, 1))
        place.clock.now = due
        await drained(place)
    return waited


@pytest.mark.parametrize("fault", ["hang", "lost"])
async def test_a_message_that_may_have_arrived_is_not_sent_again_and_called_so(tmp_path: Path, fault: str) -> None:
    async with inside(tmp_path, **SENDING) as place:
        await wrote(place)
        hurried(place)
        await place.channel.sender._api.token()  # type: ignore[union-attr]
        place.api.faults["message/custom/send"] = [fault]
        post(place, 1)
        await drained(place)
        assert place.api.count("message/custom/send") == 1
        assert place.states("maybe") == ["平台没有答复，可能已经发出，不再重发"]
        assert ledger.quota(ledger.from_note(place.desk.store.note(PERSON, "reach")), place.clock.now) == 4


def hurried(place: Account) -> None:
    """The client gives up after half a second instead of four."""
    api = place.channel.sender._api  # type: ignore[union-attr]
    api._seconds = 0.5


async def test_a_token_that_hangs_is_no_message_that_may_have_arrived(tmp_path: Path) -> None:
    async with inside(tmp_path, **SENDING) as place:
        await wrote(place)
        hurried(place)
        place.api.faults["stable_token"] = ["hang"]
        post(place, 1)
        await pushed_on(place)
        assert len(place.api.sent) == 1
        assert place.states("maybe") == []


async def test_a_text_that_the_platform_finds_too_long_is_split(tmp_path: Path) -> None:
    async with inside(tmp_path, **SENDING) as place:
        await wrote(place)
        place.api.faults["message/custom/send"] = [45002]
        post(place, 1, text="一行很长的提醒。\n" * 80)
        await drained(place)
        first = place.api.sent[0][1]
        assert len(first.encode()) <= 1000
        assert first.endswith("回复 更多 继续")
        rest = (await place.platform.say(OPENID, "更多")).text
        assert rest.startswith("一行很长的提醒。")
        assert len(rest.encode()) <= LIMIT


async def test_an_expired_token_is_refreshed_once_and_one_that_is_always_wrong_ends_after_one_retry(tmp_path: Path) -> None:
    async with inside(tmp_path, **SENDING) as place:
        await wrote(place)
        place.api.faults["message/custom/send"] = [42001]
        post(place, 1)
        await drained(place)
        assert (len(place.api.sent), place.api.tokens) == (1, 2)
        place.api.always["message/custom/send"] = 40001
        post(place, 2)
        await place.sends()
        assert place.api.count("message/custom/send") == 4
        assert place.states("waiting") == ["平台返回 40001，稍后再试"]


async def test_a_sender_that_died_after_sending_sends_at_most_once_more_and_says_so(tmp_path: Path) -> None:
    async with inside(tmp_path, **SENDING) as place:
        await wrote(place)
        post(place, 1)
        now = datetime.fromtimestamp(place.clock.now, UTC)
        until = datetime.fromtimestamp(place.clock.now + 60, UTC)
        assert len(place.desk.store.take_pushes("wechat", now, until, 5)) == 1  # and then it died
        await drained(place)
        assert place.api.sent == []
        place.clock.now += 61
        await drained(place)
        assert len(place.api.sent) == 1
        assert place.states("sent") == ["重启前可能已发过一次"]


async def test_unfollowing_stops_what_waits_and_following_again_begins_anew(tmp_path: Path) -> None:
    async with inside(tmp_path, **SENDING) as place:
        await wrote(place)
        post(place, 1)
        await place.platform.event(OPENID, "unsubscribe", EventKey="")
        assert place.states("dropped") == ["对方已取消关注"]
        post(place, 2)
        await drained(place)
        assert place.api.calls == []
        assert place.states("dropped") == ["对方已取消关注", "已取消关注，不再发送"]
        assert (await place.platform.event(OPENID, "subscribe", EventKey="")).text
        place.api.taps(OPENID)
        post(place, 3)
        await drained(place)
        assert len(place.api.sent) == 1


async def test_a_body_that_cannot_be_read_is_set_aside_and_the_queue_moves_on(tmp_path: Path) -> None:
    async with inside(tmp_path, **SENDING) as place:
        await wrote(place)
        due = datetime.fromtimestamp(place.clock.now, UTC)
        place.desk.store.post(Push(id="poison", person=PERSON, kind="dialogue", body="[]", due_at=due))
        post(place, 2)
        await drained(place)
        assert place.states("failed") == ["内容读不出来"]
        assert len(place.api.sent) == 1


async def test_nothing_is_sent_to_somebody_who_was_forgotten(tmp_path: Path) -> None:
    async with inside(tmp_path, **SENDING) as place:
        await wrote(place)
        post(place, 1)
        place.desk.store.forget(PERSON)
        await drained(place)
        assert place.api.calls == []
        assert place.desk.store.notes(PERSON, "") == {}


def test_every_code_that_is_listed_has_its_fate() -> None:
    listed = {-1, 40164, 89503, 40013, 40125, 48001, 50002, 40003, 43004, 43101, 45015, 45047, 45009, 45002}
    assert listed <= set(FATES)


# The client


async def test_a_token_is_fetched_once_and_kept_until_five_minutes_before_its_end() -> None:
    clock = Clock()
    fake = Api(clock)
    with served(fake.app()) as address:
        api = WeChatApi(address, fake.app_id, fake.secret, clock=clock)
        assert set(await asyncio.gather(*(api.token() for _ in range(10)))) == {"token-1"}
        clock.now += 7200 - 301
        await api.token()
        assert fake.count("stable_token") == 1
        clock.now += 2
        await api.token()
        assert fake.count("stable_token") == 2
        await api.close()


async def test_no_error_holds_the_secret_or_the_token(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    fake = Api(clock)
    caplog.set_level(0)
    texts = []
    with served(fake.app()) as address:
        for fault in (40125, "html", "503", "hang", 40001):
            api = WeChatApi(address, fake.app_id, fake.secret, clock=clock, seconds=0.5)
            for path in ("stable_token", "message/custom/send"):
                fake.faults[path] = [fault, fault]
                try:
                    await api.custom_text(OPENID, "canary-text")
                except (ApiError, ApiUnreachable) as error:
                    texts.append(f"{error!r} {error} {error.__cause__!r} {error.__suppress_context__}")
                fake.faults[path] = []
            await api.close()
        refused = WeChatApi("http://127.0.0.1:9", fake.app_id, fake.secret, clock=clock)
        with pytest.raises(ApiUnreachable) as raised:
            await refused.token()
        assert not raised.value.maybe
        await refused.close()
    written = caplog.text + "".join(texts)
    assert len(texts) >= 8
    for canary in (fake.secret, "token-", OPENID, "canary-text"):
        assert canary not in written, canary
