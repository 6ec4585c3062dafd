"""The frame of the staff console in a real browser: link, log-in, accounts, log; by keyboard, on a phone, without JavaScript."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from bot.staff.session import COOKIE
from storage.accounts import log
from tests.staff_site import NAMES, PASSWORD, StaffSite, staff_site
from tests.test_browser import AXE_TAGS, MILLISECONDS, SIZES, Seen, browser, fits

__all__ = ["browser"]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[StaffSite]:
    with staff_site(tmp_path) as made:
        yield made


def opened(browser: Browser, here: StaffSite, size: str, who: str = "", **options: Any) -> tuple[Page, Seen]:
    """A page of a browser of its own, in which that role is logged in."""
    width, height = SIZES[size]
    context: BrowserContext = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN", **options)
    if who:
        context.add_cookies(here.cookies(who))  # type: ignore[arg-type]  # a dictionary of the right shape
    context.set_default_timeout(MILLISECONDS)
    page, seen = context.new_page(), Seen()
    seen.watch(page, here.url)
    return page, seen


def looked_at(page: Page, name: str, size: str) -> None:
    """Nothing sticks out or is too small, nothing an assistive program stumbles over; a picture to be looked at."""
    fits(page)
    found = Axe().run(page, options=AXE_TAGS).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []
    if folder := os.environ.get("YIZHAN_SHOTS"):
        page.screenshot(path=str(Path(folder) / f"staff-{name}-{size}.png"), full_page=True)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("script", [True, False], ids=["htmx", "no script"])
def test_from_the_link_to_the_start_and_out_again(browser: Browser, here: StaffSite, size: str, script: bool) -> None:
    page, seen = opened(browser, here, size, java_script_enabled=script)
    page.goto(here.url + here.link(NAMES["admin"]))
    page.get_by_label("新密码").fill(PASSWORD)
    page.get_by_label("再输一遍").fill(PASSWORD)
    if script:
        looked_at(page, "link", size)
    page.get_by_role("button", name="保存密码").click()
    expect(page.get_by_role("status")).to_contain_text("密码设好了")
    if script:
        looked_at(page, "login", size)
    page.get_by_label("姓名").fill(NAMES["admin"])
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{NAMES['admin']}，您好")
    if script:
        looked_at(page, "home", size)
    page.get_by_role("navigation", name="工作台").get_by_role("link", name="操作记录").click()
    expect(page.get_by_role("table")).to_contain_text("设密码")
    page.get_by_role("button", name="退出").click()
    expect(page.get_by_role("heading", name="登录工作台")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="登录工作台")).to_be_visible()  # nothing was kept by the browser
    assert [c["name"] for c in page.context.cookies() if c["name"] == COOKIE] == []
    assert seen == Seen()


@pytest.mark.parametrize("size", SIZES)
def test_a_wrong_password_is_told_at_the_form(browser: Browser, here: StaffSite, size: str) -> None:
    page, _ = opened(browser, here, size)
    page.goto(f"{here.url}/staff/log")
    page.get_by_label("姓名").fill(NAMES["admin"])
    page.get_by_label("密码").fill("falsch")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_contain_text("姓名或密码不对")
    expect(page.get_by_label("姓名")).to_have_value(NAMES["admin"])
    expect(page.get_by_label("密码")).to_be_focused()
    looked_at(page, "login-wrong", size)


@pytest.mark.parametrize("size", SIZES)
def test_an_admin_keeps_the_accounts(browser: Browser, here: StaffSite, size: str) -> None:
    page, seen = opened(browser, here, size, "admin")
    page.goto(f"{here.url}/staff/accounts")
    page.get_by_label("姓名", exact=True).fill("王芳")
    page.get_by_role("button", name="新建，得到链接").click()
    expect(page.get_by_role("heading", name="请把链接交给王芳本人")).to_be_visible()
    looked_at(page, "accounts-link", size)
    page.get_by_label(f"{NAMES['reader']}的权限", exact=True).select_option("officer")
    page.get_by_role("button", name=f"改{NAMES['reader']}的权限").click()
    expect(page.get_by_label(f"{NAMES['reader']}的权限", exact=True)).to_have_value("officer")
    page.get_by_role("button", name="停用王芳").click()
    expect(page.get_by_role("button", name="启用王芳")).to_be_visible()
    looked_at(page, "accounts", size)
    assert seen == Seen()


@pytest.mark.parametrize("size", SIZES)
def test_the_log_is_filtered_and_turned(browser: Browser, here: StaffSite, size: str) -> None:
    with here.store.writing() as db:
        for number in range(120):
            log(db, here.actor(), "标记" if number % 3 else "导出", f"3f9ac1{number:026x}", "已收纸件 <b>=1+1</b>" * (number % 5))
    page, seen = opened(browser, here, size, "admin")
    page.goto(f"{here.url}/staff/log")
    looked_at(page, "log", size)
    page.get_by_label("做了什么").select_option("标记")
    page.get_by_role("button", name="筛选").click()
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_role("link", name="更早的").click()
    expect(page.locator("tbody tr")).to_have_count(30)
    expect(page.locator("tbody")).not_to_contain_text("导出")
    expect(page.locator("tbody b")).to_have_count(0)
    assert seen == Seen()


def test_everything_is_reached_by_keyboard_and_the_focus_is_seen(browser: Browser, here: StaffSite) -> None:
    page, _ = opened(browser, here, "desktop", "admin")
    page.goto(f"{here.url}/staff/accounts")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("姓名", exact=True)).to_be_focused()
    page.keyboard.type("王芳")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="请把链接交给王芳本人")).to_be_visible()


def test_a_reader_sees_no_way_to_what_they_may_not_and_is_told_at_its_door(browser: Browser, here: StaffSite) -> None:
    page, _ = opened(browser, here, "phone", "reader")
    page.goto(f"{here.url}/staff/")
    expect(page.get_by_role("navigation", name="工作台").get_by_role("link", name="账号")).to_have_count(0)
    page.goto(f"{here.url}/staff/accounts")
    expect(page.get_by_role("alert")).to_contain_text("没有做这件事的权限")
    looked_at(page, "refused", "phone")


def test_a_link_on_another_site_leads_into_the_console_although_the_cookie_is_strict(browser: Browser, here: StaffSite) -> None:
    page, _ = opened(browser, here, "desktop", "admin")
    page.goto(here.url.replace("127.0.0.1", "localhost"))  # for a browser another site
    page.evaluate(
        """address => { const a = document.createElement('a'); a.href = address; a.id = 'away'; a.textContent = 'x';
        document.querySelector('main').prepend(a); }""",
        f"{here.url}/staff/log?action=登录",
    )
    page.locator("#away").click()
    expect(page.get_by_role("heading", name="操作记录")).to_be_visible()
    assert page.url.startswith(f"{here.url}/staff/log?action=")


def test_somebody_changes_their_password(browser: Browser, here: StaffSite) -> None:
    page, _ = opened(browser, here, "phone")
    page.goto(here.url + here.link(NAMES["reader"]))
    for label in ("新密码", "再输一遍"):
        page.get_by_label(label).fill(PASSWORD)
    page.get_by_role("button", name="保存密码").click()
    page.get_by_label("姓名").fill(NAMES["reader"])
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.get_by_role("link", name=NAMES["reader"]).click()
    page.get_by_label("现在的密码").fill("falsch")
    for label in ("新密码", "再输一遍"):
        page.get_by_label(label).fill("purple-kettle-ninety")
    page.get_by_role("button", name="保存新密码").click()
    expect(page.get_by_role("alert")).to_contain_text("现在的密码不对")
    looked_at(page, "password", "phone")
    page.get_by_label("现在的密码").fill(PASSWORD)
    for label in ("新密码", "再输一遍"):
        page.get_by_label(label).fill("purple-kettle-ninety")
    page.get_by_role("button", name="保存新密码").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{NAMES['reader']}，您好")


def test_it_can_be_read_in_the_dark(browser: Browser, here: StaffSite) -> None:
    page, _ = opened(browser, here, "desktop", "admin", color_scheme="dark")
    page.goto(f"{here.url}/staff/accounts")
    looked_at(page, "accounts-dark", "desktop")
