"""Telegram over real HTTP: whole applications by webhook and polling, every kind of message, and what goes wrong on the way."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from bot.settings import SettingsError
from bot.telegram_answer import domestic
from bot.telegram_bubbles import LIMIT, data_of, parts, rows_of, settled
from bot.telegram_words import (
    CONTACT_NOT_ASKED,
    EDITED,
    FORWARDED,
    NOT_READ,
    NOT_UNDERSTOOD,
    NOT_YOUR_CONTACT,
    STALE,
)
from flows.types import Citation, Option, Reply
from tests.fakes.telegram import SECRET, TOKEN, Api, private, units, user, visible
from tests.telegram_bot import CHAT, PERSON, Bot, bot, made, until

GROUP = -1_001_234_567_890
OPENING = "莆田荔城区的，想报市级人才驿站"


@pytest.mark.parametrize("polling", [False, True], ids=["webhook", "polling"])
@pytest.mark.parametrize("personal", [True, False], ids=["personal", "blank"])
async def test_a_declaration_goes_from_start_to_document(
    tmp_path: Path, polling: bool, personal: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    channels = ("console", "web", "wechat", "telegram")[: 4 if personal else 3]
    with bot(tmp_path, polling=polling, personal=channels) as place:
        welcome = await place.say("/start")
        assert "我能做三件事" in welcome[0].text
        assert "莆田市级人才驿站" in place.asked().labels
        await place.say(OPENING)
        await place.goes_to_the_end()
        files = {sent.name.rpartition(".")[2]: sent for sent in place.api.of(CHAT) if sent.file_id}
        assert set(files) == {"docx", "pdf", "png", "ics"} or len(files) >= 3
        names = [sent.name for sent in place.api.of(CHAT) if sent.name]
        assert any("建设情况登记表" in name and name.endswith(".docx") for name in names)
        assert any("材料清单" in name for name in names)
        assert (CHAT, "upload_document") in place.api.actions
        assert "草稿，不是申请" in place.text()
        draft = place.desk.store.load(PERSON).draft
        assert draft is not None
        assert draft.value("leader_mobile") == ("13900001234" if personal else None)
        assert ("负责人姓名" in place.text()) is True
        asked_for = "驿站负责人叫什么名字" in place.text()
        assert asked_for is personal
        assert ("请拿到表后手写" in place.text()) is not personal
        await place.say("修改 手机")
        assert ("在这个渠道不收集这些信息：手机" in place.text()) is not personal
        assert "银行" not in place.text()
        assert len(place.api.toasts) == len(place.api.pressed) > 5
        assert not any(sent.buttons for sent in place.api.of(CHAT)[:-1] if sent.edited)
        assert {"message", "edited_message", "callback_query", "my_chat_member"} == set(place.api.allowed or _asked_for(place))
    written = "".join(capfd.readouterr())
    for canary in ("13900001234", str(CHAT), "韦建国", TOKEN, SECRET):
        assert canary not in written, canary


def _asked_for(place: Bot) -> set[str]:
    """Without YIZHAN_PUBLIC_URL the webhook is set by hand."""
    assert not any(method == "setWebhook" for method, *_ in place.api.calls)
    return {"message", "edited_message", "callback_query", "my_chat_member"}


async def test_the_webhook_and_the_commands_are_announced_in_both_languages(tmp_path: Path) -> None:
    api = Api()
    with bot(tmp_path, api, public_url="https://yizhan.example"):
        await until(lambda: "en" in api.commands)
        call = next(given for method, given, _ in api.calls if method == "setWebhook")
        assert call["url"] == "https://yizhan.example/telegram"
        assert call["secret_token"] == SECRET
        assert set(json.loads(call["allowed_updates"])) == {"message", "edited_message", "callback_query", "my_chat_member"}
        assert [c["command"] for c in api.commands["zh"]] == [c["command"] for c in api.commands["en"]]
        assert any("一" <= c <= "鿿" for c in api.commands["zh"][0]["description"])
        assert api.commands["en"][0]["description"].isascii()


async def test_an_unreachable_platform_is_waited_for(tmp_path: Path) -> None:
    api = Api(down=True)
    with bot(tmp_path, api) as place:
        await until(lambda: "连不上" in place.channel.status())
        assert await api.say(CHAT, "你好") == 1  # taken and kept, to be answered later
        api.down = False
        await until(lambda: "我能做三件事" in place.text())
        await until(lambda: "已连接" in place.channel.status())


async def test_a_press_edits_its_question_and_asks_the_next_in_a_new_message(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        await place.say(OPENING)
        question = place.asked()
        assert [len(row) for row in question.buttons] == [2, 2, 1]
        after = await place.press("联谊型")
        await until(lambda: question.edited)
        assert question.text == "您的驿站属于哪种类型：联谊型"
        assert question.buttons == []
        assert after[-1].id > question.id
        assert after[-1].labels == ["是", "否", "不清楚"]


async def test_three_taps_and_a_stale_button_change_one_thing_once(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        await place.say(OPENING)
        question = place.asked()
        data = question.button("联谊型")
        taps = [place.api.press_update(CHAT, question, data) for _ in range(3)]
        for tap in taps:
            assert await place.api.deliver(tap) == 1
        await place.quiet()
        await until(lambda: len(place.api.toasts) == 3)
        assert sorted(place.api.toasts.values()) == ["", STALE, STALE]
        assert place.desk.store.load(PERSON).revision == 2
        before = len(place.api.of(CHAT))
        stale = place.api.press_update(CHAT, question, data)
        assert await place.api.deliver(stale) == 1
        await until(lambda: place.api.toasts.get(stale["callback_query"]["id"]) == STALE)
        await place.quiet()
        assert len(place.api.of(CHAT)) == before
        assert place.desk.store.load(PERSON).revision == 2


async def test_a_redelivered_update_is_answered_once(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        update = place.api.update(message=place.api.message(CHAT, OPENING))
        for _ in range(3):
            assert await place.api.deliver(update) == 1
        sticker = place.api.update(
            message=place.api.message(CHAT, sticker={"file_id": "x", "file_unique_id": "x", "type": "regular"} | SIZE)
        )
        for _ in range(3):
            assert await place.api.deliver(sticker) == 1
        await place.quiet()
        assert place.desk.store.load(PERSON).revision == 1
        assert sum("您的驿站属于哪种类型" in sent.text for sent in place.api.of(CHAT)) == 1
        assert sum(sent.text == NOT_READ["sticker"] for sent in place.api.of(CHAT)) == 1


SIZE = {"width": 1, "height": 1, "is_animated": False, "is_video": False}
FILE = {"file_id": "x", "file_unique_id": "x"}


async def test_each_kind_of_message_gets_a_word(tmp_path: Path) -> None:
    origin = {"type": "hidden_user", "date": 1_700_000_000, "sender_user_name": "某人"}
    with bot(tmp_path) as place:
        for fields, word in (
            ({"photo": [{**FILE, "width": 1, "height": 1}]}, NOT_READ["photo"]),
            ({"voice": {**FILE, "duration": 1}}, NOT_READ["voice"]),
            ({"document": FILE}, NOT_READ["document"]),
            ({"location": {"latitude": 1.0, "longitude": 2.0}}, NOT_READ["location"]),
            ({"dice": {"emoji": "🎲", "value": 3}}, NOT_UNDERSTOOD),
            ({"text": "转来的", "forward_origin": origin}, FORWARDED),
            ({"contact": {"phone_number": "+8613900001234", "first_name": "某", "user_id": 99}}, NOT_YOUR_CONTACT),
            ({"contact": {"phone_number": "+8613900001234", "first_name": "韦", "user_id": CHAT}}, CONTACT_NOT_ASKED),
        ):
            before = len(place.api.of(CHAT))
            await place.api.say(CHAT, **fields)
            await place.quiet()
            assert [sent.text for sent in place.api.of(CHAT)[before:]] == [word]
        await place.api.deliver(place.api.update(edited_message=place.api.message(CHAT, "改过")))
        await place.quiet()
        assert place.api.of(CHAT)[-1].text == EDITED
        assert place.desk.store.load(PERSON).revision == 0


async def test_one_s_own_contact_is_taken_as_the_mobile_number(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        await place.say(OPENING)
        for _ in range(40):
            asking = place.asking()
            assert asking is not None
            if asking.kind == "mobile":
                break
            await place.say({"consent": "同意", "station_type": "联谊型"}.get(asking.field) or WORDS[asking.kind])
        asked = place.api.of(CHAT)[-1]
        assert asked.keys["keyboard"][0][0]["request_contact"] is True
        contact = {"phone_number": "8613900001234", "first_name": "韦", "user_id": CHAT}
        await place.api.say(CHAT, contact=contact)
        await place.quiet()
        draft = place.desk.store.load(PERSON).draft
        assert draft is not None
        assert draft.value("leader_mobile") == "13900001234"
        assert place.api.of(CHAT)[-1].keys == {"remove_keyboard": True}


WORDS = {"yes_no": "是", "number": "60", "text": "某某人才驿站", "choice": "1", "long_text": "好"}


async def test_commands_and_deep_links_say_what_they_stand_for(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        began = await place.say("/start putian-yizhan")
        assert "莆田市级人才驿站 · 申报" in "".join(sent.text for sent in began)
        assert "已填 0/" in (await place.say("/status@yizhan_test_bot"))[0].text
        assert "您可以" in (await place.say("/nonsense"))[0].text
        again = await place.say("/start liuzhou-yizhan")
        assert "您好，我在" in again[0].text
        assert place.desk.store.load(PERSON).programme == "putian-yizhan"


async def test_groups_get_one_line_and_channels_nothing(tmp_path: Path) -> None:
    place_of_group = {"id": GROUP, "type": "supergroup", "title": "群"}
    with bot(tmp_path) as place:
        await until(lambda: "已连接" in place.channel.status())
        for _ in range(3):
            message = {**place.api.message(CHAT, "/start@yizhan_test_bot"), "chat": place_of_group}
            assert await place.api.deliver(place.api.update(message=message)) == 1
        await until(lambda: bool(place.api.of(GROUP)))
        post = {**place.api.message(CHAT, "帖子"), "chat": {**place_of_group, "type": "channel"}}
        assert await place.api.deliver(place.api.update(channel_post=post)) == 1
        assert [sent.text for sent in place.api.of(GROUP)] == ["我只在私聊里答复：https://t.me/yizhan_test_bot"]
        assert place.api.of(CHAT) == []


async def test_somebody_who_blocks_gets_nothing_until_they_come_back(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        await place.say("你好")
        await place.api.deliver(place.api.update(my_chat_member=membership("kicked")))
        place.api.blocked.add(CHAT)
        assert place.desk.store.note(PERSON, "reach") == "blocked"
        place.api.blocked.clear()
        await place.api.deliver(place.api.update(my_chat_member=membership("member")))
        assert place.desk.store.note(PERSON, "reach") == "{}"
        assert await place.say("你好")


def membership(status: str) -> dict[str, Any]:
    def member(status: str) -> dict[str, Any]:
        until_date = {"until_date": 0} if status == "kicked" else {}
        return {"user": {"id": 123456789, "is_bot": True, "first_name": "驿站助手"}, "status": status, **until_date}

    old = member("member" if status == "kicked" else "kicked")
    return {"chat": private(CHAT), "from": user(CHAT), "date": 1_700_000_000, "old_chat_member": old, "new_chat_member": member(status)}


async def test_the_wrong_secret_is_401_and_what_cannot_be_read_200(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        url, right = f"{place.address}/telegram", {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        body = json.dumps(place.api.update(message=place.api.message(CHAT, "你好"))).encode()
        async with httpx.AsyncClient() as http:
            for headers in ({}, {"X-Telegram-Bot-Api-Secret-Token": "wrong"}, {"X-Telegram-Bot-Api-Secret-Token": SECRET + "x"}):
                response = await http.post(url, content=body, headers=headers)
                assert (response.status_code, response.content) == (401, b"")
            doubled = [("X-Telegram-Bot-Api-Secret-Token", SECRET)] * 2
            assert (await http.post(url, content=body, headers=doubled)).status_code == 401
            assert place.desk.store.load(PERSON).revision == 0
            for bad in (b"", b"{", b"[]", b"NaN", b'{"update_id": NaN}', b'{"update_id": 1, "message": 5}', b"\xff", b"[" * 100_000):
                assert (await http.post(url, content=bad, headers=right)).status_code == 200, bad[:20]


async def test_a_press_is_answered_also_when_its_update_cannot_be_read(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        await place.say(OPENING)
        update = place.api.press_update(CHAT, place.asked(), "x")
        update["callback_query"]["from"] = [1]
        assert await place.api.deliver(update) == 1
        await until(lambda: update["callback_query"]["id"] in place.api.toasts)


async def test_a_flood_is_told_once_and_each_press_answered(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        place.channel.limiter.count = 5
        await place.say(OPENING)
        question = place.asked()
        for _ in range(8):
            await place.api.say(CHAT, "我填到哪了")
        presses = [place.api.press_update(CHAT, question, question.button("联谊型")) for _ in range(3)]
        for press in presses:
            assert await place.api.deliver(press) == 1
        await until(lambda: len(place.api.toasts) == 3)
        await until(lambda: "您发得太快了" in place.text())
        await place.quiet()
        assert place.text().count("您发得太快了") == 1
        assert place.desk.store.load(PERSON).revision == 5


async def test_deleting_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        await place.say(OPENING)
        await place.say("/delete")
        update = place.api.press_update(CHAT, place.asked(), place.asked().button("是"))
        for _ in range(2):
            assert await place.api.deliver(update) == 1
        await place.quiet()
        assert "已删除您的全部数据" in place.text()
        assert place.desk.store.notes(PERSON, "") == {}
        assert place.desk.store.push_states("telegram") == {}
        assert str(CHAT).encode() not in (tmp_path / "chat.db").read_bytes()


async def test_a_form_that_comes_twice_is_uploaded_once(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        await place.say(OPENING)
        await place.goes_to_the_end()
        uploads = place.api.uploads
        forms = [sent for sent in place.api.of(CHAT) if "登记表" in sent.name and sent.name.endswith(".docx")]
        await place.say("修改 场地面积")
        await place.say("61")
        await place.say("修改 场地面积")
        await place.say("60")
        await place.goes_to_the_end()
        again = [sent for sent in place.api.of(CHAT) if sent.file_id == forms[0].file_id]
        assert len(again) == 2
        assert place.api.uploads < len([sent for sent in place.api.of(CHAT) if sent.file_id])
        assert uploads >= 4


def test_a_turn_that_is_long_is_cut_at_paragraphs_and_stays_well_formed() -> None:
    quote = Citation(programme="p", document="甲〔2022〕1号", article="三", quote="甲<b>&乙；" * 600)
    long = Reply(text="\n".join(f"第{n}条 a<b & c😀" for n in range(900)), citations=(quote,))
    made = parts((long, Reply(text="问？", choices=(Option(value="x", label="甲"),))), None, 3)
    assert len(made) > 3
    assert all(0 < units(part.html) <= LIMIT for part in made)
    shown = "".join(visible(part.html) for part in made)
    assert "第899条 a<b & c😀" in shown
    assert shown.count("甲<b>&乙") >= 598  # a cut may fall inside one
    assert made[-1].buttons[0][0].value == "3::x"


def test_the_data_of_a_button_is_never_longer_than_the_platform_takes() -> None:
    for value in ("true", "甲" * 40, "x" * 200):
        data = data_of(123_456, "talent_projects", 12, Option(value=value, label="x"))
        assert 1 <= len(data.encode()) <= 64
    assert [len(row) for row in rows_of([Option(value="a", label="很长很长很长的一个选项")] * 3, "f", 1)] == [1, 1, 1]
    assert settled("（3/9）有没有场地？（例：有）\n说明", "有") == "有没有场地：有"
    assert domestic("+86 139 0000 1234") == "13900001234"


def test_a_wrong_token_secret_or_proxy_is_named(tmp_path: Path) -> None:
    for changed, name in (
        ({"telegram_token": SecretStr("nonsense")}, "YIZHAN_TELEGRAM_TOKEN"),
        ({"telegram_secret": SecretStr("含有中文")}, "YIZHAN_TELEGRAM_SECRET"),
        ({"telegram_proxy": SecretStr("nonsense")}, "YIZHAN_TELEGRAM_PROXY"),
    ):
        with pytest.raises(SettingsError, match=name):
            made(tmp_path, "http://127.0.0.1:1", **changed)


async def test_the_same_update_three_times_at_once_is_one_turn(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        update = place.api.update(message=place.api.message(CHAT, OPENING))
        assert await asyncio.gather(*(place.api.deliver(update) for _ in range(3))) == [1, 1, 1]
        await place.quiet()
        assert place.desk.store.load(PERSON).revision == 1
        assert place.text().count("您的驿站属于哪种类型") == 1


async def test_presses_that_overtake_messages_never_lead_to_an_undefined_state(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        await place.say(OPENING)
        for _ in range(4):
            question = place.asked()
            label = question.labels[0]
            before = place.desk.store.load(PERSON).revision
            press = place.api.press_update(CHAT, question, question.button(label))
            done = await asyncio.gather(place.api.deliver(press), place.api.say(CHAT, "上一步"), place.api.say(CHAT, "我填到哪了"))
            assert done == [1, 1, 1]
            await place.quiet()
            assert place.desk.store.load(PERSON).revision - before in (2, 3)
            assert place.asking() is not None
            if not place.asked().buttons or place.asked().id == question.id:
                await place.say("继续")
        await until(lambda: len(place.api.toasts) == len(place.api.pressed))


async def test_personal_and_bank_data_that_nobody_asked_for_are_not_kept(tmp_path: Path) -> None:
    card = "6222020000000000018"
    with bot(tmp_path, today="2022-01-10") as place:
        await place.say("我想申请柳州驿站的建设补助资金，负责人韦建国，手机13900001234")
        await place.say(f"银行卡号是{card}")
        await place.say("修改 银行卡号")
        assert "在这个渠道不收集这些信息" in place.text()
        await place.goes_to_the_end()
        assert "银行账户，属于敏感个人信息" not in place.text()
        draft = place.desk.store.load(PERSON).draft
        assert draft is not None
        assert not {"bank_card", "bank_name"} & {answer.field for answer in draft.answers}
        kept = b"".join(path.read_bytes() for path in tmp_path.glob("chat.db*"))
        assert card.encode() not in kept


async def test_refusing_that_data_goes_abroad_leaves_the_rest_working(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        await place.say(OPENING)
        for _ in range(60):
            asking = place.asking()
            if asking is None:
                break
            consent = asking.field == "consent"
            if consent and "境外" in place.asked().text:
                await place.press("不同意")
            elif consent:
                await place.press("同意")
            else:
                await place.say({"station_type": "联谊型", "review": "确认"}.get(asking.field) or WORDS.get(asking.kind, "2023年5月"))
        draft = place.desk.store.load(PERSON).draft
        assert draft is not None
        assert draft.finished_at is not None
        assert "leader_mobile" not in {answer.field for answer in draft.answers}
        assert any("登记表" in sent.name for sent in place.api.of(CHAT))
        assert "没有" in "".join(sent.text for sent in await place.say("申请人才驿站要收费吗"))


async def test_an_answer_shows_its_clause_as_a_quote_and_takes_a_thumb(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        await place.say(OPENING)
        told = await place.say("人才驿站有哪些类型？")
        answer = next(sent for sent in told if "👍" in sent.labels)
        assert "<blockquote expandable>" in answer.html
        assert told[-1].labels[:2] == ["服务型", "联谊型"]
        thanks = await place.press("👍", sent=answer)
        assert "谢谢" in thanks[0].text
        await until(lambda: not answer.buttons)
        assert "<blockquote" in answer.html
        assert place.asking() is not None
        assert place.desk.store.pending("upvote")
