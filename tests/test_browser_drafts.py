"""The drafts' list and page in Chromium, in both sizes, with and without scripts: what staff see, tap and type, and axe finds nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.staff_site import NAMES, StaffSite, staff_site
from tests.test_browser import SIZES, Seen, browser
from tests.test_browser_staff import looked_at, opened
from tests.test_staff_drafts import add, talked

__all__ = ["browser"]
REASON = "第3页没有盖章，请补盖后再交。"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[StaffSite]:
    with staff_site(tmp_path) as made:
        talked(made)
        add(
            made,
            1,
            "wechat",
            unit_name="龙城文化传播有限责任公司（中国）股份",
            station_name="龙城书院驿站",
            leader_name="李小红",
            leader_mobile="13811112222",
        )
        add(made, 2, "telegram", ("liuzhou-yizhan", "subsidy"), station_name="鹅江驿站", is_recognised=True, recognised_on="2026-03-01")
        add(made, 3, "web", ("putian-yizhan", "declaration"), unit_name="<b>莆阳</b>")
        yield made


def names(page: Page) -> list[str]:
    return page.locator("#drafts tbody th a").all_inner_texts()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_an_officer_filters_opens_and_returns_a_draft(browser: Browser, here: StaffSite, size: str, script: bool) -> None:
    page, seen = opened(browser, here, size, "officer", java_script_enabled=script)
    page.goto(f"{here.url}/staff/drafts")
    assert names(page) == ["<b>莆阳</b>", "鹅江驿站", "龙城书院驿站", "某某人才驿站"]
    if script:
        looked_at(page, "drafts", size)
    page.get_by_label("单位、驿站、联系人，或手机末四位").fill("某某")
    page.get_by_label("项目", exact=True).select_option(label="柳州市人才驿站")
    page.get_by_role("button", name="筛选").click()
    assert names(page) == ["某某人才驿站"]
    expect(page.get_by_role("list", name="现在的条件")).to_contain_text("找：某某")
    if script:
        looked_at(page, "drafts-filtered", size)
    page.get_by_role("link", name="某某人才驿站").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("某某人才驿站")
    if script:
        expect(page.get_by_role("img", name="表格第一页的图")).to_be_visible()
        page.get_by_role("img", name="表格第一页的图").scroll_into_view_if_needed()
        looked_at(page, "draft", size)
    page.get_by_label("退回，并告诉申请人").check()
    page.get_by_role("button", name="保存标记").click()
    expect(page.get_by_role("alert")).to_contain_text("退回要写明原因")
    if script:
        looked_at(page, "draft-problem", size)
    page.get_by_label("退回的原因").fill(REASON)
    page.get_by_role("button", name="保存标记").click()
    expect(page.get_by_role("status")).to_contain_text("已退回")
    page.get_by_label("加一条备注").fill("打过电话，<b>下周</b>来")
    page.get_by_role("button", name="保存备注").click()
    expect(page.get_by_role("region", name="内部备注")).to_contain_text(f"{NAMES['officer']}，")
    page.get_by_label("指派给").select_option(NAMES["officer"])
    page.get_by_role("button", name="指派", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("指派好了")
    if script:
        looked_at(page, "draft-returned", size)
    page.get_by_role("link", name="← 草稿").click()
    expect(page.get_by_role("table")).to_contain_text("已退回")
    here.talk.say("你好")
    assert REASON in here.talk.text()
    for told in (seen.failed, seen.console):  # the form that was sent without a reason
        told[:] = [one for one in told if "422" not in one]
    assert seen == Seen()


def test_the_list_is_walked_by_keyboard(browser: Browser, here: StaffSite) -> None:
    page, seen = opened(browser, here, next(iter(SIZES)), "reader")
    page.goto(f"{here.url}/staff/drafts")
    for key, focused in (("j", "<b>莆阳</b>"), ("j", "鹅江驿站"), ("k", "<b>莆阳</b>"), ("k", "<b>莆阳</b>"), ("j", "鹅江驿站")):
        page.keyboard.press(key)
        expect(page.locator(":focus")).to_have_text(focused)
    page.keyboard.press("/")
    page.keyboard.type("jk/书院")
    expect(page.get_by_label("单位、驿站、联系人，或手机末四位")).to_have_value("jk/书院")
    page.get_by_label("单位、驿站、联系人，或手机末四位").fill("书院")
    page.keyboard.press("Enter")
    page.wait_for_url("**words=**")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("龙城书院驿站")
    assert seen == Seen()


@pytest.mark.parametrize("size", SIZES)
def test_a_reader_sees_and_changes_nothing(browser: Browser, here: StaffSite, size: str) -> None:
    page, seen = opened(browser, here, size, "reader")
    page.goto(f"{here.url}/staff/drafts?sort=missing&missing=leader_mobile&since=2026-11-01")
    expect(page.get_by_role("list", name="现在的条件")).to_contain_text("缺：手机")
    looked_at(page, "drafts-reader", size)
    page.get_by_role("link", name="鹅江驿站").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("鹅江驿站")
    assert page.locator("main form").count() == 0
    looked_at(page, "draft-reader", size)
    assert seen == Seen()
