"""The page of exports in a real browser: ask, watch the bar, cancel, fetch; with and without JavaScript."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, expect

from tests.export_people import keep
from tests.staff_site import StaffSite, staff_site
from tests.test_browser import SIZES, browser
from tests.test_browser_staff import looked_at, opened

__all__ = ["browser"]
WAIT = 60_000


@pytest.fixture
def here(tmp_path: Path) -> Iterator[StaffSite]:
    with staff_site(tmp_path) as made:
        for number in range(1, 41):
            values = {"station_name": f"湄洲驿站{number}", "station_type": "lianyi", "leader_name": "林建国"}
            keep(made.store, number, "putian-yizhan", "declaration", values)
        yield made


@pytest.mark.parametrize("size", SIZES)
def test_an_admin_asks_watches_and_fetches(browser: Browser, here: StaffSite, size: str, tmp_path: Path) -> None:
    page, seen = opened(browser, here, size, "admin", accept_downloads=True)
    page.goto(f"{here.url}/staff/exports?programme=putian-yizhan")
    expect(page.get_by_text("项目：莆田市级人才驿站")).to_be_visible()
    page.get_by_label("官方汇总表（Excel）").check()
    page.get_by_label("为什么导出").fill("上报市委组织部")
    looked_at(page, "export-form", size)
    page.get_by_role("button", name="开始导出").click()
    expect(page.get_by_role("link", name="下载")).to_be_visible(timeout=WAIT)
    expect(page.locator("#exports")).to_contain_text("40 份草稿")
    with page.expect_download() as fetched:
        page.get_by_role("link", name="下载").click()
    fetched.value.save_as(tmp_path / "fetched.xlsx")
    assert fetched.value.suggested_filename.startswith("汇总表_")
    assert load_workbook(tmp_path / "fetched.xlsx").worksheets[0]["B5"].value == "湄洲驿站1"

    page.get_by_label("压缩包").check()
    page.get_by_role("button", name="开始导出").click()
    expect(page.get_by_role("progressbar", name="导出进度")).to_be_visible(timeout=WAIT)
    looked_at(page, "export-running", size)
    page.get_by_role("button", name="取消").click()
    expect(page.get_by_role("row").filter(has_text="压缩包")).to_contain_text("已取消")
    table = page.get_by_role("row").filter(has_text="官方汇总表")
    table.get_by_role("button", name="删除").click()
    expect(table).to_contain_text("已删除")
    looked_at(page, "export-list", size)
    assert (seen.console, seen.failed, seen.foreign) == ([], [], [])


def test_a_mistake_is_said_and_what_was_typed_is_kept(browser: Browser, here: StaffSite) -> None:
    page, _ = opened(browser, here, "desktop", "admin")
    page.goto(f"{here.url}/staff/exports")
    page.get_by_label("CSV 表").check()
    page.get_by_label("银行卡号写全").check()
    page.get_by_role("button", name="开始导出").click()
    expect(page.get_by_role("alert")).to_contain_text("须写明原因")
    expect(page.get_by_label("CSV 表")).to_be_checked()
    looked_at(page, "export-wrong", "desktop")


def test_without_javascript_everything_goes_too(browser: Browser, here: StaffSite) -> None:
    page, seen = opened(browser, here, "phone", "officer", java_script_enabled=False)
    page.goto(f"{here.url}/staff/exports")
    page.get_by_label("哪些草稿").select_option("putian-yizhan/declaration")
    page.get_by_label("JSON Lines").check()
    page.get_by_role("button", name="开始导出").click()
    for _ in range(100):
        if not page.get_by_role("link", name="刷新").count():
            break
        page.wait_for_timeout(250)
        page.get_by_role("link", name="刷新").click()
    expect(page.get_by_role("link", name="下载")).to_be_visible()
    page.get_by_role("button", name="删除").click()
    expect(page.locator("#exports")).to_contain_text("已删除")
    assert (seen.console, seen.failed, seen.foreign) == ([], [], [])
