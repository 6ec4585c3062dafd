"""The inbox of those who asked for a person: who waits, what the officer sees and says, by which way it goes, and what is left."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.bubbles import LIMIT, MORE
from bot.handle import forget, handle
from bot.remind_ways import Ways
from bot.staff.speaking import speak, way_to
from bot.telegram_answer import BLOCKED
from bot.wechat_reach import ACCOUNTS, Reach, to_note
from flows.handing import LONGEST
from flows.types import Message, PersonKey, Turn
from storage import inbox
from tests.site import Visitor
from tests.staff_site import NAMES, Browser, StaffSite, forged, staff_site
from tests.telegram_bot import PERSON as ON_TELEGRAM
from tests.telegram_bot import bot
from tests.wechat_account import OPENID, inside
from tests.wechat_account import PERSON as ON_WECHAT

OPENING = "我们在柳州开了家书院，想申请认定市里的人才驿站"
CANARY = "金丝雀柳下书院"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[StaffSite]:
    with staff_site(tmp_path) as found:
        yield found


def say(here: StaffSite, person: PersonKey, *texts: str) -> Turn:
    for text in texts:
        message = Message(channel=person.channel, sender=person.sender, id=forged(), text=text, received_at=here.clock())
        made = handle(here.desk, message)
    return made


def person(name: str, channel: str = "console") -> PersonKey:
    return PersonKey(channel=channel, sender=name)


def first(here: StaffSite, browser: Browser, show: str = "waiting") -> str:
    """The path of the first person of that list."""
    found = re.search(r'href="(/staff/inbox/[0-9a-f]{32})"', browser.get(f"/staff/inbox?show={show}").text)
    assert found, browser.text()
    return found[1]


def answer(here: StaffSite, browser: Browser, path: str, text: str, **more: str) -> int:
    """Send the form as the page has it."""
    page = browser.get(path).text
    form = {name: re.search(rf'name="{name}" value="([^"]+)"', page)[1] for name in ("id", "seen")}  # type: ignore[index]  # each is there
    return browser.post(f"{path}/answer", {**form, "text": text, **more}).status_code


def words(here: StaffSite, who: PersonKey) -> list[str]:
    return [reply.text for stored in here.desk.store.conversation(who) for reply in stored.replies]


def test_who_waits_longest_comes_first_with_how_long_and_how_much(here: StaffSite) -> None:
    officer = here.staff("officer")
    assert "现在没有人在等" in officer.get("/staff/inbox").text
    say(here, person("甲"), OPENING, "人工")
    here.clock.go(hours=3, minutes=5)
    say(here, person("乙", "web"), "人工")
    here.clock.go(minutes=2)
    say(here, person("甲"), "人工")
    officer = here.staff("officer")
    officer.get("/staff/inbox")
    rows = re.findall(r"<tr><td.*?</tr>", officer.page.text, re.S)
    assert [re.sub("<[^>]+>", "|", row).split("|")[2] for row in rows] == ["终端", "网页"]
    assert "3 小时 7 分钟" in rows[0]
    assert "2 条" in rows[0]
    assert "2 分钟" in rows[1]
    assert '等回复 <span class="count">2</span>' in officer.page.text


def test_the_page_shows_the_conversation_the_application_and_the_way(here: StaffSite) -> None:
    say(here, person("甲"), OPENING, "联谊型", "<b>人工</b>", "人工")
    officer = here.staff("officer")
    text = officer.get(first(here, officer)).text
    assert "&lt;b&gt;人工&lt;/b&gt;" in text
    assert "已填 1/" in officer.text()
    assert "终端不能主动发送，等对方下次来时显示" in text
    assert "在有人答复以前，助手照常回答对方" in text
    draft = here.desk.store.draft_ids(person("甲"))[0]
    assert f'href="/staff/drafts/{draft}"' in text


def test_an_answer_is_marked_kept_in_the_conversation_and_shown_once_on_the_next_visit(here: StaffSite) -> None:
    who = person("甲")
    say(here, who, OPENING, "人工")
    officer = here.staff("officer")
    path = first(here, officer)
    assert answer(here, officer, path, "您好，\u202e请带\x07原件。") == 303
    assert words(here, who)[-2] == "【工作人员】您好，请带原件。"
    shown = say(here, who, "好的")
    assert shown.replies[0].text.startswith("【工作人员】您好，请带原件。\n\n现在由工作人员和您说话")
    assert "已转给工作人员" in shown.replies[-1].text
    assert not any("【工作人员】" in reply.text for reply in say(here, who, "收到").replies)


def test_what_was_said_after_the_officer_looked_still_waits(here: StaffSite) -> None:
    who = person("甲")
    say(here, who, OPENING, "人工")
    officer = here.staff("officer")
    path = first(here, officer)
    page = officer.get(path).text
    form = {name: re.search(rf'name="{name}" value="([^"]+)"', page)[1] for name in ("id", "seen")}  # type: ignore[index]  # each is there
    say(here, who, "人工")
    officer.post(f"{path}/answer", {**form, "text": "请讲"})
    with here.store.reading() as db:
        assert [one.messages for one in inbox.handovers(db, "waiting")] == [1]
    answer(here, officer, path, "都看到了")
    with here.store.reading() as db:
        assert inbox.count(db, "waiting") == 0
        assert [(one.staff, one.talking, one.assignee) for one in inbox.handovers(db, "talking")] == [
            (NAMES["officer"], True, NAMES["officer"])
        ]


def test_a_form_that_is_sent_twice_speaks_once(here: StaffSite) -> None:
    who = person("甲")
    say(here, who, "人工")
    officer = here.staff("officer")
    path = first(here, officer)
    form = {"id": "a" * 22, "seen": "9", "text": "您好"}
    for _ in range(3):
        assert officer.post(f"{path}/answer", form).status_code == 303
    assert words(here, who).count("【工作人员】您好") == 1
    assert len(here.desk.store.pushes(who, "kept")) == 1


def test_a_crash_between_the_words_and_their_note_leaves_the_person_on_the_list_and_the_form_mends_it(here: StaffSite) -> None:
    who, form = person("甲"), "a" * 22
    say(here, who, "人工")
    officer = here.staff("officer")
    path = first(here, officer)
    assert speak(here.desk, who, "您好", form=form, now=here.clock())
    with here.store.reading() as db:
        assert inbox.count(db, "waiting") == 1
    assert officer.post(f"{path}/answer", {"id": form, "seen": "1", "text": "您好"}).status_code == 303
    with here.store.reading() as db:
        assert (inbox.count(db, "waiting"), inbox.count(db, "talking")) == (0, 1)
    assert words(here, who).count("【工作人员】您好") == 1


def test_empty_and_too_long_answers_are_refused_and_what_was_typed_stays(here: StaffSite) -> None:
    say(here, person("甲"), "人工")
    officer = here.staff("officer")
    path = first(here, officer)
    assert answer(here, officer, path, " \u200b ") == 422
    assert "没有写内容" in officer.page.text
    assert answer(here, officer, path, "长" * (LONGEST + 1)) == 422
    assert "长" * (LONGEST + 1) in officer.page.text
    assert answer(here, officer, path, "长" * LONGEST) == 303


def test_giving_back_ends_it_and_the_next_wish_opens_it_again(here: StaffSite) -> None:
    who = person("甲")
    asked = say(here, who, OPENING, "人工").asking
    officer = here.staff("officer")
    path = first(here, officer)
    assert answer(here, officer, path, "就是这样。", back="1") == 303
    assert here.desk.store.load(who).handed == ""
    assert "办完" in officer.get("/staff/inbox?show=closed").text
    first(here, officer, "closed")
    assert say(here, who, "查看我的数据").asking == asked
    say(here, who, "人工")
    again = first(here, officer)
    page = officer.get(again).text
    form = {name: re.search(rf'name="{name}" value="([^"]+)"', page)[1] for name in ("id", "seen")}  # type: ignore[index]  # each is there
    assert officer.post(f"{again}/back", form).status_code == 303
    assert here.desk.store.load(who).handed == ""
    assert [entry[1:4] for entry in here.logged()] == [
        ("答复", path.rsplit("/")[-1], "答复 5 字，交还助手"),
        ("交还助手", again.rsplit("/")[-1], ""),
    ]


def test_assigning_is_logged_and_filters_the_list(here: StaffSite) -> None:
    say(here, person("甲"), "人工")
    say(here, person("乙"), "人工")
    officer, admin = here.staff("officer"), here.staff("admin")
    path = first(here, officer)
    assert officer.post(f"{path}/assign", {"assignee": NAMES["admin"]}).status_code == 303
    assert officer.post(f"{path}/assign", {"assignee": NAMES["reader"]}).status_code == 404
    assert admin.get("/staff/inbox?mine=1").text.count("/staff/inbox/") == 1
    assert "现在没有人在等" in officer.get("/staff/inbox?mine=1").text
    assert here.logged()[-1][1:4] == ("指派", path.rsplit("/")[-1], f"人工：{NAMES['admin']}")


def test_a_reader_reads_and_has_no_form(here: StaffSite) -> None:
    say(here, person("甲"), "人工")
    reader = here.staff("reader")
    page = reader.get(first(here, reader)).text
    assert "发出</button>" not in page
    assert "交还助手</button>" not in page


def test_somebody_who_deleted_their_data_is_gone_from_the_inbox_and_gets_no_answer(here: StaffSite) -> None:
    who = person("甲")
    say(here, who, OPENING, "人工")
    officer = here.staff("officer")
    path = first(here, officer)
    answer(here, officer, path, CANARY)
    say(here, who, CANARY)
    forget(here.desk, who)
    assert officer.get(path).status_code == 404
    assert officer.post(f"{path}/answer", {"id": "a" * 22, "seen": "9", "text": "在吗"}).status_code == 404
    assert speak(here.desk, who, "在吗", form="b" * 22, now=here.clock()) is None
    here.desk.store.close()
    for file in here.folder.glob("chat.db*"):
        assert CANARY.encode() not in file.read_bytes(), file
    here.talk.open()


def test_in_the_browser_the_answer_appears_by_itself_and_with_the_next_message(here: StaffSite) -> None:
    visitor = Visitor(here)
    here.visitors.append(visitor)
    visitor.say(OPENING)
    visitor.say("人工")
    assert 'hx-get="/news?revision=2"' in visitor.page.text
    assert visitor.http.get("/news?revision=2").status_code == 204
    officer = here.staff("officer")
    answer(here, officer, first(here, officer), "请问单位全称？")
    news = visitor.http.get("/news?revision=2")
    assert "【工作人员】请问单位全称？" in news.text
    assert 'hx-get="/news?revision=3"' in news.text
    assert "现在由工作人员和您说话" in news.text
    assert visitor.http.get("/news?revision=3").status_code == 204
    for odd in ("", "-1", "999999999", "x", "9" * 40):
        assert visitor.http.get("/news", params={"revision": odd}).status_code == 204, odd
    stale = visitor.send({"HX-Request": "true"}, text="柳州书院")  # by the page as it was before the answer
    assert stale.text.index("【工作人员】") < stale.text.index("您说：") < stale.text.index("已转给工作人员")
    assert "【工作人员】请问单位全称？" in visitor.http.get("/").text


def test_a_press_on_a_button_of_the_question_before_is_stale_once_staff_spoke(here: StaffSite) -> None:
    visitor = Visitor(here)
    here.visitors.append(visitor)
    visitor.say("我们要申请柳州人才驿站认定")
    visitor.say("人工")
    officer = here.staff("officer")
    answer(here, officer, first(here, officer), "请讲")
    visitor.choose("联谊型")
    assert "这个按钮已经失效" in visitor.page.text
    draft = here.desk.store.load(visitor.person).draft
    assert draft is not None
    assert not draft.has("station_type")


async def test_on_wechat_an_answer_goes_out_in_pages_and_waits_where_the_window_is_shut(tmp_path: Path) -> None:
    async with inside(tmp_path, wechat_account="verified_service") as place:
        await place.platform.say(OPENID, OPENING)
        await place.platform.say(OPENID, "人工")
        place.api.writes(OPENID)
        ways = Ways(account=ACCOUNTS["verified_service"])
        moment = place.desk.store.pending("handover")[0].created_at
        assert way_to(ways, place.desk, ON_WECHAT, moment).why == "客服消息，本窗口还可发 5 条"
        long = "请带原件。" * 300
        assert speak(place.desk, ON_WECHAT, long, form="a" * 22, now=moment)
        await place.sends()
        sent = [text for _, text in place.api.sent]
        assert sent[-1].startswith("【工作人员】请带原件。")
        assert sent[-1].endswith(MORE)
        assert len(sent[-1].encode()) <= LIMIT
        assert "请带原件。" in (await place.platform.say(OPENID, "更多")).text
        place.clock.now += 49 * 3600
        late = moment + timedelta(hours=49)
        assert way_to(ways, place.desk, ON_WECHAT, late).kind == "visit"
        speak(place.desk, ON_WECHAT, "还在等您的材料", form="b" * 22, now=late)
        await place.sends()
        assert [push.note for push in place.desk.store.pushes(ON_WECHAT, "kept")] == [
            "已过客服消息的时限，也没有可用的订阅，等对方下次来时显示"
        ]
        shown = (await place.platform.say(OPENID, "我来了")).text
        assert shown.startswith("【工作人员】还在等您的材料")
        assert "已转给工作人员" in shown
        assert OPENID not in json.dumps([row.id for row in place.desk.store.pending("handover")])


async def test_on_telegram_an_answer_goes_out_and_not_to_who_blocked_the_bot(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        await place.say(OPENING)
        await place.say("人工")
        ways, moment = Ways(telegram=True), place.desk.store.pending("handover")[0].created_at
        assert way_to(ways, place.desk, ON_TELEGRAM, moment).kind == "message"
        before = len(place.api.sent)
        speak(place.desk, ON_TELEGRAM, "1 < 2 & 3", form="a" * 22, now=moment)
        told = await place.say("好")
        assert place.api.sent[before].text.startswith("【工作人员】1 < 2 & 3\n")
        assert "已转给工作人员" in told[-1].text
        place.desk.store.change_note(ON_TELEGRAM, "reach", lambda _: BLOCKED)
        assert way_to(ways, place.desk, ON_TELEGRAM, moment).why == "对方已停用本机器人"


def test_where_no_way_leads_nothing_is_said_and_the_officer_is_told_to_call(here: StaffSite) -> None:
    say(here, ON_TELEGRAM, "人工")
    officer = here.staff("officer")
    path = first(here, officer)
    assert answer(here, officer, path, "您好") == 422
    assert "Telegram 没有启用" in officer.page.text
    assert "请打电话" in officer.page.text
    assert not any("【工作人员】" in text for text in words(here, ON_TELEGRAM))


def test_the_way_on_wechat_says_why_not(here: StaffSite) -> None:
    now = here.clock()
    ways = Ways(account=ACCOUNTS["verified_subscription"])
    assert way_to(Ways(), here.desk, ON_WECHAT, now).why == "微信没有启用"
    assert way_to(ways, here.desk, ON_WECHAT, now).why == "没有给公众号发过消息"
    here.desk.store.change_note(ON_WECHAT, "reach", lambda _: to_note(Reach(wrote_at=now.timestamp(), following=False)))
    assert (way_to(ways, here.desk, ON_WECHAT, now).kind, way_to(ways, here.desk, ON_WECHAT, now).why) == ("none", "已取消关注，不再发送")


def test_pages_of_the_list(here: StaffSite) -> None:
    for number in range(33):
        say(here, person(f"人{number}"), "人工")
    officer = here.staff("officer")
    assert officer.get("/staff/inbox").text.count("看对话并答复") == 30
    assert officer.get("/staff/inbox?page=2").text.count("看对话并答复") == 3
    assert officer.get("/staff/inbox?page=0&show=odd").status_code == 200
