"""The list of drafts and the page of one: what staff see, find and do, and what the applicant hears of it."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.handle import handle
from bot.staff.listing import refresh
from flows.types import Answer, Draft, Message, PersonKey, Session, Turn
from storage import listing, marks
from storage.listing import Filter
from storage.store import Push
from tests.staff_site import NAMES, Browser, StaffSite, staff_site
from tests.talk import Talk
from tests.willing import goes_to_the_end

OPENING = "我们在柳州开了家书院，每年办6场活动，想申请认定市里的人才驿站"
ROUTE = ("liuzhou-yizhan", "recognition")
AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
STRANGE = '<b onclick="x()">龙城</b>\u001b[31m=HYPERLINK("http://e.example")'
CARD = "6222020000000000018"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[StaffSite]:
    with staff_site(tmp_path) as made:
        yield made


def add(here: StaffSite, number: int, channel: str = "web", route: tuple[str, str] = ROUTE, **values: Any) -> str:
    """A draft of somebody new; its id."""
    at = AT + timedelta(hours=number)
    person = PersonKey(channel=channel, sender=f"p{number}")
    answers = tuple(Answer(field=key, value=value, at=at, sensitive=key.startswith("bank_")) for key, value in values.items())
    draft = Draft(id=f"{number:032x}", programme=route[0], service=route[1], answers=answers, created_at=at, updated_at=at)
    session = Session(person=person, programme=route[0], service=route[1], drafts=(draft,))
    said = Message(channel=channel, sender=person.sender, id="m0", text="你好", received_at=at)
    here.store.commit(said, Turn(session=session, replies=(), stored_text="你好"), 0)
    return draft.id


def talked(here: StaffSite) -> str:
    """The draft of somebody who talked to the end in the terminal; its id."""
    here.talk.say(OPENING)
    goes_to_the_end(here.talk)
    return here.store.draft_ids(here.talk.message("").person)[0]


def names(browser: Browser, query: str = "") -> list[str]:
    """The names on the list, in its order."""
    assert browser.get(f"/staff/drafts{query}").status_code == 200, browser.text()
    return re.findall(r'<th scope="row" data-label="名称"><a [^>]*>([^<]*)</a>', browser.page.text)


def form(**values: str) -> dict[str, str]:
    form.number += 1  # type: ignore[attr-defined]
    return {"id": f"form-of-the-test-{form.number}", **values}  # type: ignore[attr-defined]


form.number = 100  # type: ignore[attr-defined]


# The list


def test_the_list_has_what_was_said_a_moment_ago(here: StaffSite) -> None:
    browser = here.staff("reader")
    assert names(browser) == []
    assert "还没有人开始填" in browser.text()
    talked(here)
    assert names(browser) == ["某某人才驿站"]
    text = browser.text()
    for shown in ("韦建国", "尾号 1234", "认定", "填完", "书面条件都符合", "终端", "共 1 份，第 1 / 1 页"):
        assert shown in text
    assert "13900001234" not in browser.page.text


def test_the_list_is_filtered_searched_and_ordered(here: StaffSite) -> None:
    add(here, 1, unit_name="龙城书院", leader_name="韦建国", leader_mobile="13900001234")
    add(here, 2, route=("liuzhou-yizhan", "subsidy"), station_name="百分%站", is_recognised=True, recognised_on="2026-03-01")
    add(here, 3, route=("putian-yizhan", "declaration"), station_name="莆阳驿站")
    browser = here.staff("reader")
    assert names(browser) == ["莆阳驿站", "百分%站", "龙城书院"]
    assert names(browser, "?sort=deadline")[0] == "百分%站"
    assert names(browser, "?programme=putian-yizhan") == ["莆阳驿站"]
    assert names(browser, "?words=建国") == ["龙城书院"]
    assert names(browser, "?words=1234") == ["龙城书院"]
    assert names(browser, "?words=%25") == ["百分%站"]
    assert names(browser, "?missing=station_name") == ["龙城书院"]
    assert names(browser, "?due_to=2027-03-01") == ["百分%站"]
    assert names(browser, "?words=没有的") == []
    assert "没有符合条件的草稿" in browser.text()


def test_each_condition_is_shown_in_words_and_can_be_taken_away(here: StaffSite) -> None:
    add(here, 1, unit_name="龙城书院")
    browser = here.staff("officer")
    names(browser, "?programme=liuzhou-yizhan&words=龙城&mark=-&assignee=-&missing=leader_mobile&sort=missing&until=2026-11-22")
    chips = dict(re.findall(r'<a href="([^"]*)"><span class="unseen">去掉条件：</span>([^<]*)<', browser.page.text))
    words = {text: address for address, text in chips.items()}
    assert set(words) == {
        "项目：柳州市人才驿站",
        "找：龙城",
        "标记：没有标记",
        "负责人：没有人",
        "缺：手机",
        "改动不晚于：2026-11-22",
    }
    without = words["找：龙城"].replace("&amp;", "&")
    assert "words" not in without
    assert "sort=missing" in without
    kept = Filter.from_query(without.split("?")[1])
    assert (kept.programme, kept.mark, kept.missing) == ("liuzhou-yizhan", "-", "leader_mobile")
    for path in ("/staff/exports?", "/staff/reminders/new?"):
        assert f'href="{path}programme=liuzhou-yizhan&amp;' in browser.page.text
    assert browser.get("/staff/reminders/new?programme=liuzhou-yizhan&words=%E9%BE%99").status_code == 200
    names(here.staff("reader"), "?words=龙城")
    assert "导出这" not in here.browsers[-1].text()


@pytest.mark.parametrize("query", ["since=明天", "mark=lost", "due_to=2026-02-30"])
def test_a_condition_that_cannot_be_read_lists_nothing_and_says_why(here: StaffSite, query: str) -> None:
    add(here, 1, unit_name="龙城书院")
    browser = here.staff("reader")
    assert browser.get(f"/staff/drafts?{query}").status_code == 422
    assert "日期写成 2026-11-22 这样" in browser.text()
    assert "龙城书院" not in browser.text()


def test_the_list_comes_in_pages_of_fifty(here: StaffSite) -> None:
    for number in range(1, 53):
        add(here, number, unit_name=f"单位{number}号")
    refresh(here.store, here.desk.assistant, here.desk.today())  # more than one look may take the time for
    browser = here.staff("reader")
    first = names(browser)
    assert (first[0], len(first)) == ("单位52号", 50)
    assert 'rel="next"' in browser.page.text
    assert names(browser, "?page=2") == ["单位2号", "单位1号"]
    assert names(browser, "?page=999999") == ["单位2号", "单位1号"]
    assert 'rel="next"' not in browser.page.text
    assert "page=" not in re.findall(r'href="([^"]*)" rel="prev"', browser.page.text)[0]


def test_names_are_shown_as_text_whatever_is_in_them(here: StaffSite) -> None:
    draft = add(here, 1, unit_name=STRANGE, leader_name="<script>alert(1)</script>", station_name="{{7*7}}")
    browser = here.staff("officer")
    for path in ("/staff/drafts", f"/staff/drafts/{draft}", f"/staff/drafts?words={quote(STRANGE)}"):
        browser.get(path)
        assert "{{7*7}}" in browser.text()
        assert "<script>alert" not in browser.page.text
        assert "<b onclick" not in browser.page.text
    browser.get(f"/staff/drafts/{draft}")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in browser.page.text
    assert '=HYPERLINK("http' in browser.text()


# One draft


def test_a_draft_shows_who_said_what_findings_clauses_dates_and_the_talk(here: StaffSite) -> None:
    draft = talked(here)
    browser = here.staff("reader")
    assert browser.get(f"/staff/drafts/{draft}").status_code == 200
    text = browser.text()
    for shown in ("某某人才驿站", "本人回答", "从本人一句话里读出", "符合", "柳人社规", "内部备注", "对照条件", "表格预览"):
        assert shown in text, shown
    assert "13900001234" not in browser.page.text
    assert "weijianguo@" not in browser.page.text.split('id="talk"')[0]
    for formed in ("/mark", "/assign", "/note", "/number"):
        assert f'action="/staff/drafts/{draft}{formed}"' not in browser.page.text


def test_bank_data_is_masked_in_values_and_picture(here: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = add(
        here, 1, route=("liuzhou-yizhan", "subsidy"), is_recognised=True, recognised_on="2026-03-01", bank_card=CARD, bank_name="某某银行"
    )
    browser = here.staff("admin")
    browser.get(f"/staff/drafts/{draft}")
    assert "****0018" in browser.text()
    assert CARD not in browser.page.text
    assert "某某银行" not in browser.page.text
    seen: list[dict[str, Any]] = []
    from bot.staff import draft_view

    real = draft_view.render
    monkeypatch.setattr(draft_view, "render", lambda *given, **more: seen.append(given[3]) or real(*given, **more))
    picture = browser.get(f"/staff/drafts/{draft}/preview")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    assert picture.content.startswith(b"\x89PNG")
    assert int.from_bytes(picture.content[16:20], "big") > 300  # its width
    assert [(values["bank_card"], values["bank_name"]) for values in seen] == [("****0018", "****")]


def test_what_has_no_form_has_no_picture(here: StaffSite) -> None:
    draft = add(here, 1, route=("liuzhou-gongzuozhan", "evaluation"), g_talents=3)
    browser = here.staff("reader")
    browser.get(f"/staff/drafts/{draft}")
    assert "表格预览" not in browser.text()
    assert browser.get(f"/staff/drafts/{draft}/preview").status_code == 404


def test_a_draft_that_cannot_be_judged_any_more_still_opens(here: StaffSite) -> None:
    gone = add(here, 1, route=("gone-yizhan", "declaration"), unit_name="甲")
    broken = add(here, 2, route=("liuzhou-yizhan", "subsidy"), bank_card=CARD)
    with here.store.writing() as db:
        db.execute("UPDATE answers SET value = 'AAAA' WHERE sensitive = 1")
    browser = here.staff("officer")
    assert len(names(browser)) == 2
    for draft in (gone, broken):
        assert browser.get(f"/staff/drafts/{draft}").status_code == 200
        assert "只能看对话" in browser.text()
        assert browser.get(f"/staff/drafts/{draft}/preview").status_code == 404


def test_the_talk_is_paged_from_its_end(here: StaffSite) -> None:
    draft = talked(here)
    browser = here.staff("reader")
    browser.get(f"/staff/drafts/{draft}")
    assert browser.page.text.count('class="bubble mine"') == 8
    assert OPENING not in browser.text()
    for _ in range(10):
        if earlier := re.findall(r'href="([^"#]*turns=[^"#]*)', browser.page.text):
            browser.get(earlier[0])
    assert browser.page.text.count('class="bubble mine"') > 20
    assert OPENING in browser.text()


def test_a_whole_number_is_shown_upon_a_click_that_is_logged(here: StaffSite) -> None:
    draft = add(here, 1, unit_name="龙城书院", leader_mobile="13900001234")
    browser = here.staff("officer")
    browser.get(f"/staff/drafts/{draft}")
    assert "*******1234" in browser.text()
    assert browser.post(f"/staff/drafts/{draft}/number").status_code == 200
    assert "13900001234" in browser.page.text
    assert here.logged()[-1] == (NAMES["officer"], "看手机号", draft, "", "成功")


# What staff do


def test_notes_are_for_staff_alone_kept_once_and_logged(here: StaffSite) -> None:
    draft = talked(here)
    browser = here.staff("officer")
    once = form(text="打过电话，<b>下周</b>来\r\n带公章")
    for _ in range(2):
        assert browser.post(f"/staff/drafts/{draft}/note", once).status_code == 303
    here.staff("reader").get(f"/staff/drafts/{draft}")
    assert here.browsers[-1].text().count("下周") == 1
    assert "<b>下周" not in here.browsers[-1].page.text
    assert [line[1:4] for line in here.logged()] == [("写备注", draft, "19 字")]
    assert browser.post(f"/staff/drafts/{draft}/note", form(text="  ")).status_code == 422
    assert "没有写内容" in browser.text()
    assert browser.post(f"/staff/drafts/{draft}/note", form(text="长" * 2001)).status_code == 422
    assert browser.post(f"/staff/drafts/{draft}/note", {"text": "没有编号"}).status_code == 404
    assert "下周" not in here.talk.text()
    here.talk.say("查看我的数据")
    assert "下周" not in here.talk.text()


def test_a_draft_is_given_to_somebody_who_works_on_drafts(here: StaffSite) -> None:
    draft = add(here, 1, unit_name="龙城书院")
    browser = here.staff("officer")
    assert browser.post(f"/staff/drafts/{draft}/assign", {"assignee": NAMES["admin"]}).status_code == 303
    assert browser.post(f"/staff/drafts/{draft}/assign", {"assignee": NAMES["reader"]}).status_code == 404
    assert browser.post(f"/staff/drafts/{draft}/assign", {"assignee": "路人"}).status_code == 404
    assert names(browser, f"?assignee={NAMES['admin']}") == ["龙城书院"]
    assert browser.post(f"/staff/drafts/{draft}/assign", {"assignee": ""}).status_code == 303
    assert names(browser, "?assignee=-") == ["龙城书院"]
    assert [line[1:4] for line in here.logged()] == [("指派", draft, "草稿：管理员"), ("指派", draft, "草稿：不指派")]


def test_marks_are_kept_found_logged_and_taken_away(here: StaffSite) -> None:
    draft = add(here, 1, unit_name="龙城书院")
    browser = here.staff("officer")
    for wanted, said in (("received", "已收纸质材料"), ("withdrawn", "申请人已撤回"), ("", "取消标记")):
        assert browser.post(f"/staff/drafts/{draft}/mark", form(mark=wanted)).status_code == 303
        assert here.logged()[-1][1:4] == ("标记草稿", draft, said)
        assert names(browser, f"?mark={wanted or '-'}") == ["龙城书院"]
    assert browser.post(f"/staff/drafts/{draft}/mark", form(mark="lost")).status_code == 422
    assert "没有这种标记" in browser.text()


@pytest.mark.parametrize(("reason", "said"), [("", "退回要写明原因"), (" \n", "退回要写明原因"), ("长" * 2001, "超过 2000 个字")])
def test_a_return_needs_a_reason_that_fits(here: StaffSite, reason: str, said: str) -> None:
    draft = talked(here)
    before = len(here.store.conversation(here.talk.message("").person))
    browser = here.staff("officer")
    assert browser.post(f"/staff/drafts/{draft}/mark", form(mark="returned", reason=reason)).status_code == 422
    assert said in browser.text()
    assert len(here.store.conversation(here.talk.message("").person)) == before
    assert here.logged() == []


REASON = "第3项“驿站名称”和公章不一致，请改；<i>另附</i> {{7*7}} 复印件"


def test_a_return_is_told_word_for_word_at_the_next_message_in_the_terminal(here: StaffSite) -> None:
    draft = talked(here)
    browser = here.staff("officer")
    once = form(mark="returned", reason=REASON)
    for _ in range(2):
        assert browser.post(f"/staff/drafts/{draft}/mark", once).status_code == 303
    browser.get(browser.page.headers["location"])
    assert "已退回，原因已写进申请人的对话" in browser.text()
    assert REASON in browser.text()
    here.talk.say("你好")
    assert here.talk.last is not None
    assert here.talk.last.replies[0].text.startswith(f"【工作人员】您的柳州市人才驿站申请认定材料退回来了，工作人员的原话是：\n“{REASON}”")
    assert here.talk.last.session.handed == ""
    here.talk.say("你好")
    assert REASON not in here.talk.text()
    assert [line[1:4] for line in here.logged()] == [("标记草稿", draft, f"已退回（原因 {len(REASON)} 字，已告诉申请人）")]


def test_a_return_stands_in_the_browsers_talk(here: StaffSite) -> None:
    visitor = here.visitor()
    visitor.say(OPENING)
    with here.store.reading() as db:
        draft, channel = db.execute("SELECT id, channel FROM drafts").fetchone()
    assert channel == "web"
    browser = here.staff("officer")
    assert browser.post(f"/staff/drafts/{draft}/mark", form(mark="returned", reason=REASON)).status_code == 303
    page = visitor.http.get("/").text
    assert html.escape(REASON, quote=False) in html.unescape(page).replace("<i>", "&lt;i&gt;").replace("</i>", "&lt;/i&gt;")
    assert "<i>另附" not in page


@pytest.mark.parametrize("channel", ["wechat", "telegram"])
def test_a_return_is_queued_for_the_platforms_that_send(here: StaffSite, channel: str) -> None:
    draft = add(here, 1, channel, unit_name="龙城书院")
    person = PersonKey(channel=channel, sender="p1")
    assert here.staff("officer").post(f"/staff/drafts/{draft}/mark", form(mark="returned", reason=REASON)).status_code == 303
    queued: list[Push] = list(here.store.pushes(person, "waiting"))
    assert len(queued) >= 1
    assert {push.kind for push in queued} == {"dialogue"}
    told = here.store.conversation(person)[-1]
    assert f"“{REASON}”" in told.replies[0].text


def test_an_applicant_who_changes_a_returned_draft_is_seen_to_have_done_so(here: StaffSite) -> None:
    draft = talked(here)
    here.clock.at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=here.talk.number)
    browser = here.staff("officer")
    browser.post(f"/staff/drafts/{draft}/mark", form(mark="returned", reason="名称不对"))
    names(browser)
    assert "之后又改过" not in browser.text()
    here.talk.all("改驿站名称", "龙城新书院")
    assert names(browser) == ["龙城新书院"]
    assert "之后又改过" in browser.text()


def test_a_deletion_leaves_nothing_of_mark_reason_and_notes(here: StaffSite) -> None:
    draft = talked(here)
    browser = here.staff("officer")
    browser.post(f"/staff/drafts/{draft}/mark", form(mark="returned", reason="金丝雀原因"))
    browser.post(f"/staff/drafts/{draft}/note", form(text="金丝雀备注"))
    assert "金丝雀备注".encode() in everything(here)
    here.talk.all("删除我的数据", "是")
    assert here.store.draft_ids(here.talk.message("").person) == []
    for path in (f"/staff/drafts/{draft}", "/staff/drafts"):
        browser.get(path)
        assert "某某人才驿站" not in browser.text()
    here.console.desk.store.close()
    for canary in ("金丝雀原因", "金丝雀备注", "韦建国", "13900001234"):
        assert canary.encode() not in everything(here), canary


def everything(here: StaffSite) -> bytes:
    """What the files of the database hold."""
    return b"".join(path.read_bytes() for path in sorted(here.folder.glob("chat.db*")))


def test_the_store_of_the_pages_and_the_chat_are_two(here: StaffSite) -> None:
    assert here.console.desk.store is not here.store
    draft = add(here, 1, unit_name="龙城书院")
    with here.store.writing() as db:
        assert not marks.assign(db, draft, "谁")  # nobody looked yet
    names(here.staff("reader"))
    with here.store.reading() as db:
        assert listing.count(db, Filter()) == 1
    assert handle(here.desk, Talk.message(here.talk, "你好")).replies


# By command


def run(here: StaffSite, *words: str) -> Result:
    return CliRunner().invoke(app, ["drafts", *words, "--database", f"sqlite:///{here.folder / 'chat.db'}", "--today", "2026-11-22"])


def test_the_command_lists_by_the_same_filters(here: StaffSite) -> None:
    first = add(here, 1, unit_name="龙城\u001b[31m书院\t甲")
    second = add(here, 2, route=("putian-yizhan", "declaration"), station_name="莆阳驿站")
    assert [line.split("\t")[0] for line in run(here, "list").stdout.splitlines()] == [second, first]
    line = run(here, "list", "--words", "书院").stdout
    assert line.startswith(f"{first}\t柳州驿站 · 申请认定\t")
    assert "\u001b" not in line
    assert line.count("\t") == 7
    assert run(here, "list", "--programme", "putian-yizhan", "--missing", "unit_name").stdout.startswith(second)
    assert run(here, "list", "--filter", "?mark=-&programme=putian-yizhan&page=3", "--sort", "missing").stdout.startswith(second)
    assert run(here, "list", "--until", "2026-11-19").stdout == ""


@pytest.mark.parametrize("words", [("--since", "昨天"), ("--mark", "lost"), ("--sort", "name"), ("--filter", "due_to=x")])
def test_a_wrong_option_is_named_in_one_line(here: StaffSite, words: tuple[str, str]) -> None:
    found = run(here, "list", *words)
    assert found.exit_code == 2
    assert len(found.stderr.splitlines()) == 1
    assert words[1].split("=")[-1] in found.stderr


def test_the_command_marks_and_the_applicant_hears_of_a_return(here: StaffSite) -> None:
    draft = talked(here)
    assert run(here, "mark", draft, "received").stdout == "已收纸质材料\n"
    assert "原因已写进申请人的对话" in run(here, "mark", draft, "returned", "--reason", REASON).stdout
    assert names(here.staff("reader"), "?mark=returned") == ["某某人才驿站"]
    here.talk.say("你好")
    assert f"“{REASON}”" in here.talk.text()
    assert run(here, "mark", draft, "none").stdout == "已取消标记\n"
    assert [line[:2] for line in here.logged()] == [("命令行", "标记草稿")] * 3


def test_a_mark_that_cannot_be_is_refused_in_one_line(here: StaffSite) -> None:
    draft = add(here, 1, unit_name="龙城书院")
    for words, code, said in (
        ((draft, "lost"), 2, "没有这种标记"),
        ((draft, "returned"), 2, "写明原因"),
        (("0" * 32, "received"), 1, "没有这份草稿"),
    ):
        found = run(here, "mark", *words)
        assert (found.exit_code, len(found.stderr.splitlines())) == (code, 1)
        assert said in found.stderr
