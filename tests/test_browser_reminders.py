"""The pages of reminders in a real browser: what is due, a campaign from dry run to report, a call; also without JavaScript."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.reminder_people import seed
from tests.staff_site import StaffSite, staff_site
from tests.test_browser import AXE_TAGS, MILLISECONDS, SIZES, Seen, browser

__all__ = ["browser"]
HOME = "/staff/reminders"
QUEUED = 120_000
"""Milliseconds for a process to start at low priority and queue everything, on a machine that is busy with other tests."""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[StaffSite]:
    with staff_site(tmp_path, today="2027-01-12") as made:
        seed(made.store, 4, channel="web", reach=None)
        seed(made.store, 2, first=4)
        yield made


def opened(browser: Browser, here: StaffSite, size: str, *, script: bool = True) -> tuple[Page, Seen]:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, java_script_enabled=script)
    context.add_cookies(here.cookies("officer"))  # type: ignore[arg-type]  # a dictionary of the right shape
    context.set_default_timeout(MILLISECONDS)
    page, seen = context.new_page(), Seen()
    seen.watch(page, here.url)
    return page, seen


def looked_at(page: Page, name: str, size: str) -> None:
    """Nothing sticks out, nothing an assistive program stumbles over; a picture to be looked at."""
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    found = Axe().run(page, options=AXE_TAGS).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []
    if folder := os.environ.get("YIZHAN_SHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}-{size}.png"), full_page=True)


@pytest.mark.parametrize("size", SIZES)
def test_an_officer_plans_sends_follows_and_calls(browser: Browser, here: StaffSite, size: str) -> None:
    page, seen = opened(browser, here, size)
    page.goto(f"{here.url}{HOME}")
    expect(page.locator("#due")).to_contain_text("会发 4 条", timeout=MILLISECONDS)
    looked_at(page, "reminders", size)
    page.get_by_role("link", name="新建提醒").click()
    page.get_by_label("名称").fill("培训通知")
    page.get_by_label("提醒的话").fill("{{ name }}：周五有培训。")
    looked_at(page, "reminder-new", size)
    page.get_by_role("button", name="试算").click()
    expect(page.locator("main")).to_contain_text("龙城书院驿站：周五有培训。")
    looked_at(page, "reminder-plan", size)
    page.get_by_role("button", name="确认发送 4 条").click()
    expect(page.get_by_role("heading", name="已排完")).to_be_visible(timeout=QUEUED)
    expect(page.locator("main")).to_contain_text("等对方来时显示 4")
    expect(page.get_by_role("button", name="看 龙城书院驿站 的全号")).to_have_count(6, timeout=MILLISECONDS)
    looked_at(page, "reminder-report", size)
    page.get_by_role("button", name="看 龙城书院驿站 的全号").first.click()
    expect(page.locator("main")).to_contain_text("13900001234")
    looked_at(page, "reminder-number", size)
    assert (seen.console, seen.failed, seen.foreign) == ([], [], [])


def test_a_mistake_in_the_form_is_said_at_its_place(browser: Browser, here: StaffSite) -> None:
    page, _ = opened(browser, here, "desktop")
    page.goto(f"{here.url}{HOME}/new")
    page.get_by_label("名称").fill("通知")
    page.get_by_label("提醒的话").fill("{{ 金额 }}")
    page.get_by_role("button", name="试算").click()
    expect(page.locator("#wording-wrong")).to_contain_text("不认识的占位 金额")
    expect(page.get_by_label("提醒的话")).to_have_value("{{ 金额 }}")
    looked_at(page, "reminder-wrong", "desktop")


def test_without_javascript_everything_goes_too(browser: Browser, here: StaffSite) -> None:
    page, seen = opened(browser, here, "phone", script=False)
    page.goto(f"{here.url}{HOME}")
    page.get_by_role("link", name="没有自动显示，请点这里").click()
    page.get_by_role("button", name="发送这 4 条").click()
    expect(page.get_by_role("heading", name="到期提醒")).to_be_visible()
    for _ in range(480):
        if page.get_by_role("heading", name="已排完").count():
            break
        page.wait_for_timeout(250)
        page.get_by_role("link", name="刷新").click()
    expect(page.get_by_role("heading", name="已排完")).to_be_visible()
    page.get_by_role("button", name="取消没发的").click()
    expect(page.get_by_role("heading", name="已取消")).to_be_visible()
    assert (seen.console, seen.failed, seen.foreign) == ([], [], [])
