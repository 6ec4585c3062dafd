"""The WeChat callback over real HTTP: the vectors of another implementation, every kind of message, and a whole application."""

import errno
import json
import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.bubbles import MORE
from bot.handle import BUSY
from bot.settings import Settings, SettingsError
from bot.wechat import wechat
from bot.wechat_words import NOT_HEARD, TOO_FAST
from tests.fakes.wechat import Keys, Platform, Tags
from tests.talk import Talk
from tests.wechat_account import OPENID, PERSON, Account, account, inside, settings_for, until
from tests.willing import answer

VECTORS = json.loads((Path(__file__).parent / "fixtures" / "wechat.json").read_text(encoding="utf-8"))
STRANGER = "oTEST_openid_0000000000000001"
ACCEPTED = ("accept", "accept_plain", "duplicate_of:text")


async def send_vector(place: Account, vector: dict[str, Any]) -> httpx.Response:
    place.clock.now = float(vector["query"]["timestamp"])
    async with httpx.AsyncClient() as client:
        url = f"{place.platform.address}/wechat"
        return await client.request(vector["method"], url, params=vector["query"], content=(vector.get("body") or "").encode())


async def test_all_vectors_are_accepted_or_refused_as_they_say(tmp_path: Path) -> None:
    assert len(VECTORS["vectors"]) == 18
    seen: dict[str, httpx.Response] = {}
    with account(tmp_path / "aes") as aes, account(tmp_path / "plain", wechat_aes_key="", wechat_plain=True) as plain:
        for vector in VECTORS["vectors"]:
            place = plain if vector["id"].startswith("plain") else aes
            seen[vector["id"]] = await send_vector(place, vector)
        opened = {i: aes.platform.opened(STRANGER, r.text) for i, r in seen.items() if r.text.startswith("<xml>\n<Encrypt>")}
        plain_text = plain.platform.read(STRANGER, seen["plain_text"].text)
        conversation = aes.desk.store.conversation(replaced(STRANGER))
    for vector in VECTORS["vectors"]:
        response, expected = seen[vector["id"]], vector["expect"]
        if expected in ACCEPTED:
            assert response.status_code == 200, vector["id"]
        elif expected == "echo":
            assert response.text == vector["query"]["echostr"]
            assert response.headers["content-type"].startswith("text/plain")
        else:
            assert (response.status_code, response.content) == (403, b""), vector["id"]
    assert opened["retry_of_text"] == opened["text"]
    assert opened["voice_no_recognition"] == NOT_HEARD
    assert "我听到的是：我想申请深圳人才驿站。" in opened["voice"]
    assert "我能做三件事" in opened["subscribe"]
    assert "我能做三件事" in opened["subscribe_qr"]
    assert "我能做三件事" in plain_text
    assert sum(v["expect"] == "accept" for v in VECTORS["vectors"]) == len(opened) - 1
    said = [stored.id for stored in conversation]
    assert len(said) == len(set(said)) == 8, said  # text, two follows, menu click, voice, three more texts: the retry is none


def replaced(sender: str) -> Any:
    return type(PERSON)(channel="wechat", sender=sender)


async def test_an_application_goes_from_follow_to_form_through_encrypted_callbacks(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with account(tmp_path, wechat_account="verified_service", wechat_template_id="TEMPLATE") as place:
        shown = await walk(place, Talk(tmp_path / "beside", "2026-11-22", channel="wechat"))
        assert "我能做三件事" in shown[0]
        assert any("结论：按您说的情况，文件写明的条件都符合" in text for text in shown)
        assert "申请认定表" in shown[-1]
        assert re.search(r"https://yizhan\.example/a/[\w-]{22}", shown[-1])
        assert "在浏览器打开" in shown[-1]
        assert "订阅" in shown[-1]
        draft = place.desk.store.load(PERSON).draft
        assert draft is not None
        assert draft.finished_at is not None
        assert draft.value("leader_mobile") == "13900001234"
        assert len(list((place.desk.files / draft.id).iterdir())) >= 4
        await until(lambda: any(content.startswith("image:") for _, content in place.api.sent))
    written = "".join(capfd.readouterr())
    for canary in ("13900001234", OPENID, "韦建国", "canary-app-secret", Keys().token, Keys().aes_key, "token-1", "/a/"):
        assert canary not in written, canary


async def walk(place: Account, beside: Talk) -> list[str]:
    """Follow, open, and answer what is asked until the form is there. `beside` is asked the same, to know what is asked."""
    shown = []

    async def told(judged: Any) -> None:
        assert judged.fault == ""
        assert judged.deliveries == 1
        shown.append(judged.text)

    await told(await place.platform.event(OPENID, "subscribe", EventKey=""))
    beside.say("你好")
    for text in ("我们在柳州开了家书院，想申请认定市里的人才驿站", "联谊型"):
        await told(await place.platform.say(OPENID, text))
        beside.say(text)
    for _ in range(60):
        assert beside.last is not None
        if beside.last.stage == "done":
            return shown
        assert beside.last.asking is not None
        place.clock.now += 20
        text = answer(beside.last.asking)
        await told(await place.platform.say(OPENID, text))
        place.api.writes(OPENID)
        beside.say(text)
    raise AssertionError(shown[-1])


async def test_choices_are_numbered_and_tappable_and_a_tap_is_understood(tmp_path: Path) -> None:
    async with inside(tmp_path) as place:
        await place.platform.say(OPENID, "我们在柳州开了家书院，想申请认定市里的人才驿站")
        await place.platform.say(OPENID, "联谊型")
        asked = await place.platform.say(OPENID, "为什么问这个")
        tapped = re.findall(r'^\d\. <a href="weixin://bizmsgmenu\?msgmenucontent=(\w+)&msgmenuid=1">\1</a>', asked.text, re.M)
        assert tapped == ["是", "否", "不清楚"]
        after = await place.platform.say(OPENID, "2", bizmsgmenuid="1")
        assert "记下了：原已获得其他人才载体：否" in after.text


async def test_each_kind_of_message_is_answered_by_what_is_understood(tmp_path: Path) -> None:
    async with inside(tmp_path) as place:
        for kind, word in (
            ("image", "图片我看不了"),
            ("video", "视频我看不了"),
            ("shortvideo", "视频我看不了"),
            ("location", "详细地址"),
            ("link", "链接我打不开"),
            ("file", "文件我打不开"),
            ("hologram", "请用文字"),
        ):
            told = await place.platform.deliver(OPENID, kind, MediaId="m", PicUrl="http://x", Location_X="1")
            assert word in told.text, kind
        assert (await place.platform.deliver(OPENID, "voice", Recognition="")).text == NOT_HEARD
        heard = await place.platform.deliver(OPENID, "voice", Recognition="人才驿站认定要什么条件")
        assert heard.text.startswith("我听到的是：人才驿站认定要什么条件")


async def test_events_without_words_get_success_and_are_noted(tmp_path: Path) -> None:
    async with inside(tmp_path, wechat_account="verified_service", wechat_template_id="TEMPLATE") as place:
        await place.platform.say(OPENID, "你好")
        for event, fields in (
            ("VIEW", {"EventKey": "https://yizhan.example"}),
            ("LOCATION", {"Latitude": "1"}),
            ("TEMPLATESENDJOBFINISH", {"Status": "success"}),
            ("subscribe_msg_popup_event", {"SubscribeMsgPopupEvent": consent("accept")}),
            (
                "subscribe_msg_sent_event",
                {"SubscribeMsgSentEvent": "<List><TemplateId>TEMPLATE</TemplateId><ErrorCode>0</ErrorCode></List>"},
            ),
        ):
            assert (await place.platform.event(OPENID, event, **fields)).raw == (200, "success"), event
        assert '"template": "TEMPLATE", "left": 1' in (place.desk.store.note(PERSON, "reach") or "")
        await place.platform.event(OPENID, "subscribe_msg_change_event", SubscribeMsgChangeEvent=consent("reject"))
        assert "TEMPLATE" not in (place.desk.store.note(PERSON, "reach") or "")


def consent(status: str) -> str:
    item = f"<List><TemplateId>TEMPLATE</TemplateId><SubscribeStatusString>{status}</SubscribeStatusString></List>"
    return Tags(item + item.replace("TEMPLATE", "OTHER"))


async def test_a_scanned_scene_that_is_a_programme_scopes_and_is_noted(tmp_path: Path) -> None:
    async with inside(tmp_path) as place:
        followed = await place.platform.event(OPENID, "subscribe", EventKey="qrscene_liuzhou-yizhan", Ticket="T")
        assert "我能做三件事" in followed.text
        assert "柳州市人才驿站：您想办哪一项？" in followed.text
        assert place.desk.store.note(PERSON, "scene") == "liuzhou-yizhan"
        again = await place.platform.event(OPENID, "SCAN", EventKey="putian-yizhan")
        assert "柳州市人才驿站：您想办哪一项？" in again.text
        assert place.desk.store.load(PERSON).programme == "liuzhou-yizhan"


async def test_a_menu_entry_says_its_key(tmp_path: Path) -> None:
    async with inside(tmp_path) as place:
        assert "您想办哪个项目" in (await place.platform.event(OPENID, "CLICK", EventKey="你好")).text


async def test_a_stranger_who_unfollows_stays_unknown(tmp_path: Path) -> None:
    async with inside(tmp_path) as place:
        assert (await place.platform.event(OPENID, "unsubscribe", EventKey="")).raw == (200, "success")
        assert place.desk.store.notes(PERSON, "") == {}


async def test_a_long_answer_comes_in_pages_and_a_repeat_gets_the_same_page(tmp_path: Path) -> None:
    async with inside(tmp_path) as place:
        first = await place.platform.say(OPENID, "柳州人才驿站认定要什么条件")
        assert first.text.endswith(MORE)
        assert "【原文】柳人社规〔2022〕5号" in first.text
        xml = place.platform.xml(OPENID, "text", Content="更多")
        pages = [await place.platform.deliver_xml(OPENID, xml) for _ in range(2)]
        assert pages[0].text == pages[1].text != first.text
        place.channel._flights.clear()  # as after a restart: the repeat finds only what was stored
        assert (await place.platform.deliver_xml(OPENID, xml)).text == pages[0].text
        last = pages[0]
        while last.text.endswith(MORE):
            last = await place.platform.say(OPENID, "更多")
        assert "您想办哪一项" in last.text
        assert place.desk.store.load(PERSON).revision == 1
        nothing_left = await place.platform.say(OPENID, "更多")
        assert nothing_left.text
        assert place.desk.store.load(PERSON).revision == 2


async def test_an_answer_that_the_disk_did_not_take_is_not_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    async with inside(tmp_path) as place:
        with monkeypatch.context() as disk:
            disk.setattr(os, "fsync", broken)
            assert (await place.platform.say(OPENID, "我想申请柳州驿站认定")).text == BUSY
        assert "联谊型" in (await place.platform.say(OPENID, "我想申请柳州驿站认定")).text


async def test_a_person_who_had_everything_deleted_leaves_nothing_and_a_repeat_writes_nothing(tmp_path: Path) -> None:
    async with inside(tmp_path) as place:
        for text in ("我们在柳州开了家书院，想申请认定市里的人才驿站", "删除我的数据"):
            await place.platform.say(OPENID, text)
        xml = place.platform.xml(OPENID, "text", Content="是")
        first = await place.platform.deliver_xml(OPENID, xml)
        assert "已删除您的全部数据" in first.text
        place.channel._flights.clear()
        assert await place.platform.deliver_xml(OPENID, xml) == first or (await place.platform.deliver_xml(OPENID, xml)).text == first.text
        assert place.desk.store.notes(PERSON, "") == {}
        files = [p.read_bytes() for p in tmp_path.glob("chat.db*")]
        assert files
        assert not any(OPENID.encode() in content for content in files)


async def test_somebody_faster_than_a_person_gets_one_notice_and_then_nothing(tmp_path: Path) -> None:
    async with inside(tmp_path) as place:
        told = [await place.platform.say(OPENID, "你好") for _ in range(30)]
        assert [t.text for t in told].count(TOO_FAST) == 1
        assert [t.raw for t in told[21:]] == [(200, "success")] * 9
        assert (await place.platform.say("oANOTHER", "你好")).text.startswith("您好")
        for number in range(10_100):
            place.channel.limiter.allow(f"o{number}")
        assert len(place.channel.limiter) == 10_000


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"wechat_aes_key": ""}, "YIZHAN_WECHAT_AES_KEY is missing"),
        ({"wechat_aes_key": "short"}, "43 letters"),
        ({"wechat_plain": True}, "leave one of them out"),
        ({"wechat_app_id": ""}, "YIZHAN_WECHAT_APP_ID"),
        ({"wechat_app_secret": "", "wechat_account": "verified_service"}, "YIZHAN_WECHAT_APP_SECRET"),
    ],
)
def test_what_is_missing_is_named_at_start(tmp_path: Path, changed: dict[str, Any], named: str) -> None:
    desk = Talk(tmp_path, "2026-11-22").desk
    with pytest.raises(SettingsError, match=named) as raised:
        wechat(settings_for(tmp_path, **changed), desk)
    assert Keys().token not in str(raised.value)
    desk.store.close()


def test_without_a_token_there_is_no_channel(tmp_path: Path) -> None:
    desk = Talk(tmp_path, "2026-11-22").desk
    assert wechat(Settings(database=f"sqlite:///{tmp_path / 'a.db'}"), desk) is None
    desk.store.close()


async def test_an_account_that_cannot_send_says_so(tmp_path: Path) -> None:
    async with inside(tmp_path) as place:
        assert place.channel.status() == "微信：未认证订阅号，加密，不能主动发送，提醒等对方下次来时显示"
        assert isinstance(place.platform, Platform)
