"""The pages of the policy data: what holds today, what to check, each rule beside its clause, whose drafts a change touches."""

import html
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from flows.conditions import in_words, period_in_words
from flows.review import STALE_DAYS, programme_today, reviewed, unannounced
from knowledge.types import Field, Library
from knowledge.types import Test as Condition
from tests.staff_site import StaffSite, staff_site
from tests.test_browser import SIZES, Seen, browser
from tests.test_browser_staff import looked_at, opened

__all__ = ["browser"]
OPENING = "我们在柳州开了家书院，想申请认定市里的人才驿站"
ANSWERS = ("联谊型", "没有", "有", "有", "有", "有", "有", "有", "无偿", "有", "有", "齐全", "5", "60", "南<b>书</b>院")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[StaffSite]:
    with staff_site(tmp_path) as found:
        yield found


def with_an_earlier_judgement(here: StaffSite) -> str:
    """A draft whose answers are all there, as if it had been judged by other data; its id."""
    here.talk.all(OPENING, *ANSWERS)
    assert here.talk.last is not None
    assert here.talk.last.verdict is not None
    assert here.talk.last.verdict.outcome == "meets"
    draft = here.talk.last.session.draft
    assert draft is not None
    judged = [["outcome", "discretionary"], *(["activities", "unmet"] if r == "activities" else [r, x] for r, x in draft.judged[1:])]
    with here.store.writing() as db:
        db.execute("UPDATE drafts SET rules = 'earlier', judged = ?", (json.dumps([*judged, ["parking", "met"]]),))
    here.talk.reopen()  # it holds sessions in memory, as a server that was restarted does not
    return draft.id


@pytest.mark.parametrize(
    ("test", "words"),
    [
        (Condition(op="yes", field="a"), "“甲”为“是”"),
        (Condition(op="no", field="a"), "“甲”为“否”"),
        (Condition(op="at_least", field="a", value=4, unit="次", per="year"), "“甲”不少于4次（按一年算）"),
        (Condition(op="more_than", field="a", value=4.5), "“甲”多于4.5"),
        (Condition(op="at_most", field="a", value=0, unit="名"), "“甲”不多于0名"),
        (Condition(op="less_than", field="a", value=7), "“甲”少于7"),
        (Condition(op="between", field="a", low=1, high=3, unit="年"), "“甲”在1年到3年之间（含两端）"),
        (Condition(op="within", field="a", value="P1Y"), "从“甲”起还没有过1年（对应日当天也算）"),
        (Condition(op="equals", field="a", value=True), "“甲”为“是”"),
        (Condition(op="equals", field="b", value="x"), "“b”为“x”"),
        (Condition(op="not", tests=(Condition(op="yes", field="a"),)), "并非（“甲”为“是”）"),
        (Condition(op="all_of", tests=(Condition(op="yes", field="a"), Condition(op="no", field="a"))), "“甲”为“是”，并且“甲”为“否”"),
        (Condition(op="any_of", tests=(Condition(op="yes", field="a"), Condition(op="no", field="a"))), "“甲”为“是”，或者“甲”为“否”"),
        (
            Condition(op="at_least_n", count=1, tests=(Condition(op="yes", field="a"), Condition(op="no", field="a"))),
            "以下至少1项：“甲”为“是”；“甲”为“否”",
        ),
    ],
)
def test_every_kind_of_condition_reads_as_a_phrase(test: Condition, words: str) -> None:
    assert in_words(test, [Field(key="a", label="甲", kind="number", question="？")]) == words


@pytest.mark.parametrize(("period", "words"), [("P1Y", "1年"), ("P6M", "6个月"), ("P2W", "2周"), ("P30D", "30天"), ("P1Y6M", "P1Y6M")])
def test_a_period_reads_as_people_say_it(period: str, words: str) -> None:
    assert period_in_words(period) == words


def test_every_rule_of_every_programme_stands_beside_its_clause(library: Library) -> None:
    seen = 0
    for programme in library.programmes:
        for service in programme.latest.services:
            found = reviewed(programme.latest, service)
            assert [one.rule for one in found] == list(service.rules)
            for one in found:
                assert one.clause.quote
                assert one.text.startswith(one.strength)
                assert not re.search(r"[a-z_]{3,}", one.text), one.text
                seen += 1
    assert seen > 50


def test_data_is_due_for_a_check_after_half_a_year_and_not_before(library: Library) -> None:
    for programme in library.programmes:
        checked = programme.latest.checked_on
        assert not programme_today(programme, checked + timedelta(days=STALE_DAYS)).stale
        assert programme_today(programme, checked + timedelta(days=STALE_DAYS + 1)).stale


def test_years_whose_days_off_are_not_announced_are_named() -> None:
    assert unannounced(date(2026, 11, 22)) == (2027,)
    assert unannounced(date(2025, 3, 1)) == ()
    assert unannounced(date(2028, 1, 1)) == (2028, 2029)


def test_the_list_says_of_each_programme_what_holds_today(here: StaffSite) -> None:
    reader = here.staff("reader")
    assert reader.get("/staff/knowledge").status_code == 200
    text = " ".join(reader.text().split())
    assert "2026年11月22日是否有效" in text
    for programme in here.desk.assistant.library.programmes:
        assert programme.name in text
    assert "已失效 建站申报" in text
    assert "可以申报 申请认定" in text
    assert "不在申报期 申报" in text
    assert "2027 年的放假安排还没有收录" in text
    assert "没有人对照原文核对" not in text
    assert "按以前的政策数据判断" not in text


def test_a_year_later_the_list_asks_for_a_check(tmp_path: Path) -> None:
    with staff_site(tmp_path, today="2027-11-22") as here:
        reader = here.staff("reader")
        reader.get("/staff/knowledge")
        assert reader.text().count("没有人对照原文核对") == len(here.desk.assistant.library.programmes)
        reader.get("/staff/knowledge/liuzhou-yizhan")
        assert "没有人对照原文核对" in reader.text()


def test_a_programme_shows_rules_readings_and_questions_with_their_clauses(here: StaffSite) -> None:
    reader = here.staff("reader")
    for programme in here.desk.assistant.library.programmes:
        assert reader.get(f"/staff/knowledge/{programme.key}").status_code == 200
        page = html.unescape(reader.page.text)
        version = programme.latest
        rules = [rule for service in version.services for rule in service.rules]
        assert page.count('<div class="reading">') == len(rules)
        wanted = [c.quote for rule in rules for c in rule.cite]
        wanted += [statement.text for statement in (*version.oddities, *version.readings, version.force)]
        wanted += [oddity.ask for oddity in version.oddities] + [office.name for office in version.offices]
        wanted += [rule.note for rule in rules] + [f.label for s in version.services for f in s.fields]
        assert [text for text in wanted if text not in page] == []
    assert reader.get("/staff/knowledge/none").status_code == 404


def test_drafts_judged_by_other_data_are_listed_with_what_their_owner_will_read(here: StaffSite) -> None:
    reader = here.staff("reader")
    assert "没有：所有还没有收件的草稿" in reader.get("/staff/changes").text
    draft = with_an_earlier_judgement(here)
    reader.get("/staff/changes")
    text = " ".join(reader.text().split())
    assert "1 份还没有收件的草稿是按以前的政策数据判断的" in text
    assert draft in text
    assert "有一般应的条件没达到 → 书面条件都符合" in text
    assert "没达到 → 一般应：“每年活动场次”不少于4次（按一年算）：符合" in text
    assert "南&lt;b&gt;书&lt;/b&gt;院" in reader.page.text
    assert "<b>书" not in reader.page.text
    assert "条件“原来的一条条件，已取消” 符合 → （没有）" in text
    message = re.search(r'<p class="sample">(.*?)</p>', reader.page.text, re.S)
    assert message is not None
    here.talk.say("我回来了")
    assert here.talk.text().startswith(html.unescape(message[1]))
    assert "原来的一条条件已取消" in message[1]
    assert "没有：所有还没有收件的草稿" in reader.get("/staff/changes").text
    assert "1 份草稿" not in reader.get("/staff/knowledge").text


def test_a_draft_whose_service_is_gone_is_named(here: StaffSite) -> None:
    with_an_earlier_judgement(here)
    with here.store.writing() as db:
        db.execute("UPDATE drafts SET service = 'former'")
    reader = here.staff("reader")
    reader.get("/staff/changes")
    assert "政策数据里已经没有这个事项，请联系申请人" in reader.text()


@pytest.mark.parametrize("page", ["0", "x", "-1", "99999999999", "7"])
def test_a_page_number_that_is_none_does_no_harm(here: StaffSite, page: str) -> None:
    assert here.staff("reader").get(f"/staff/changes?page={page}").status_code == 200


def test_many_drafts_come_in_pages(here: StaffSite) -> None:
    with_an_earlier_judgement(here)
    with here.store.writing() as db:
        columns = "channel, sender, place, programme, service, created_at, updated_at, finished_at, rules, judged"
        for number in range(44):
            db.execute(f"INSERT INTO drafts (id, {columns}) SELECT ?, {columns} FROM drafts WHERE length(id) = 32", (f"copy-{number}",))
    reader = here.staff("reader")
    found = []
    for page in (1, 2, 3):
        reader.get(f"/staff/changes?page={page}")
        assert f"第 {page} 页，共 3 页" in reader.text()
        found += re.findall(r'<code class="id">(\S+)</code>', reader.page.text)
    assert len(found) == len(set(found)) == 45


@pytest.mark.parametrize("size", SIZES)
def test_the_pages_in_a_browser(browser: Browser, here: StaffSite, size: str) -> None:
    with_an_earlier_judgement(here)
    page, seen = opened(browser, here, size, "officer")
    page.goto(f"{here.url}/staff/knowledge")
    looked_at(page, "knowledge", size)
    page.get_by_role("heading", name="柳州市人才驿站").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("柳州市人才驿站")
    looked_at(page, "knowledge-programme", size)
    page.get_by_role("navigation", name="本页内容").get_by_role("link", name="待问").click()
    expect(page.get_by_role("heading", name="原文里的疑点")).to_be_in_viewport()
    for fold in page.locator("details").all():
        fold.evaluate("fold => fold.open = true")
    looked_at(page, "knowledge-unfolded", size)
    page.get_by_role("navigation", name="工作台").get_by_role("link", name="政策变动").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("政策变动")
    expect(page.locator("main b")).to_have_count(0)
    looked_at(page, "changes", size)
    assert seen == Seen()


def test_the_pages_can_be_read_in_the_dark_and_without_scripts(browser: Browser, here: StaffSite) -> None:
    with_an_earlier_judgement(here)
    page, seen = opened(browser, here, "desktop", "reader", color_scheme="dark")
    page.goto(f"{here.url}/staff/knowledge/fuzhou-gaoxin-yizhan")
    looked_at(page, "knowledge-dark", "desktop")
    plain, seen_plain = opened(browser, here, "phone", "reader", java_script_enabled=False)
    plain.goto(f"{here.url}/staff/knowledge/putian-yizhan")
    plain.locator("summary").first.click()
    expect(plain.locator("details[open] blockquote").first).to_be_visible()
    plain.goto(f"{here.url}/staff/changes")
    expect(plain.locator(".sample")).to_contain_text("政策数据更新了")
    assert (seen, seen_plain) == (Seen(), Seen())


def test_a_reader_is_offered_no_campaign(here: StaffSite) -> None:
    with_an_earlier_judgement(here)
    assert "/staff/reminders/new" not in here.staff("reader").get("/staff/changes").text
