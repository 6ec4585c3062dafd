"""The pages in a real browser: Debian's Chromium, headless. A missing browser is a failure.

A picture of each page is left in the folder that YIZHAN_SHOTS names, to be looked at.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect, sync_playwright

from flows.types import PersonKey
from tests.site import Site, asked, site
from tests.willing import answer

OPENING = "我们在柳州开了家书院，想申请认定市里的人才驿站"
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
)
SIZES = {"phone": (390, 844), "desktop": (1280, 800)}
MILLISECONDS = 20_000
AXE_TAGS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert Path(CHROMIUM).exists(), "Chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split())
        yield found
        found.close()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as found:
        yield found


@dataclass
class Seen:
    """What must stay empty while somebody uses the pages."""

    console: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def watch(self, page: Page, url: str) -> None:
        page.on("console", lambda said: self.console.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.on("response", self.judge)
        # a download, and what was still loading when the page was left, end as aborted: no fault
        page.on("requestfailed", lambda request: self.failed.append(request.url) if request.failure != "net::ERR_ABORTED" else None)
        page.on("request", lambda request: self.foreign.append(request.url) if not request.url.startswith(url) else None)

    def judge(self, response: Response) -> None:
        if response.status >= 400:
            self.failed.append(f"{response.status} {response.url}")


Open = Callable[..., Page]


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def opened(browser: Browser, here: Site, seen: Seen) -> Iterator[Open]:
    """Opens the chat in a browser of its own, of that size; at the end nothing may have gone wrong."""
    contexts: list[BrowserContext] = []

    def open_page(size: str = "phone", **options: object) -> Page:
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce", locale="zh-CN", **options)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(MILLISECONDS)
        page = context.new_page()
        seen.watch(page, here.url)
        page.goto(f"{here.url}/")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert seen == Seen()


def person_of(page: Page) -> PersonKey:
    cookie = next(c for c in page.context.cookies() if c["name"] == "yizhan")
    return PersonKey(channel="web", sender=cookie["value"])


def say(page: Page, text: str, *, button: bool = False) -> None:
    """Type and send, or press the button of that name; back when the answer stands there."""
    before = page.locator(".bubble.mine").count()
    if button:
        page.locator("#choices").get_by_role("button", name=text, exact=True).click()
    else:
        page.get_by_label("您的回答或问题").fill(text)
        page.get_by_role("button", name="发送").click()
    expect(page.locator(".bubble.mine")).to_have_count(before + 1, timeout=MILLISECONDS)
    expect(page.get_by_role("button", name="发送")).to_be_enabled(timeout=MILLISECONDS)


def walk(here: Site, page: Page) -> list[str]:
    """A whole recognition: choices are pressed, the rest is typed; the kinds of what was asked."""
    say(page, OPENING)
    kinds = []
    for _ in range(60):
        question = asked(here.desk, person_of(page))
        if question is None:
            return kinds
        kinds.append(question.kind)
        text = answer(question)
        labels = [option.label for option in question.choices]
        label = labels[int(text) - 1] if text.isdecimal() and labels else text
        say(page, label, button=label in labels)
    raise AssertionError("no end")


def accessible(page: Page) -> None:
    """No finding of axe-core that is serious or critical."""
    found = Axe().run(page, options=AXE_TAGS).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")] == []


def fits(page: Page) -> None:
    """Nothing is wider than the window, no text smaller than 16 px, nothing to tap lower than 36 px."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    small = """[...document.querySelectorAll('body *')].filter(e => e.innerText?.trim() && e.checkVisibility()
        && !e.closest('.files a::before') && parseFloat(getComputedStyle(e).fontSize) < 16).map(e => e.outerHTML.slice(0, 80))"""
    assert page.evaluate(small) == []
    low = """[...document.querySelectorAll('button, .button, summary')].filter(e => e.checkVisibility()
        && !e.closest('.unseen') && e.getBoundingClientRect().height < 32).map(e => e.outerHTML.slice(0, 80))"""
    assert page.evaluate(low) == []


def shot(page: Page, name: str) -> None:
    if folder := os.environ.get("YIZHAN_SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")
        page.screenshot(path=Path(folder) / f"{name}-whole.png", full_page=True)


def inspected(page: Page, name: str) -> None:
    accessible(page)
    fits(page)
    shot(page, name)


@pytest.mark.parametrize("size", SIZES)
def test_a_whole_recognition_in_the_chat_then_the_own_page_ticked_downloaded_deleted(here: Site, opened: Open, size: str) -> None:
    page = opened(size)
    inspected(page, f"{size}-1-first-visit")
    kinds = walk(here, page)
    assert {"choice", "yes_no", "number", "long_text"} <= set(kinds)
    expect(page.get_by_text("做好了")).to_be_visible()
    inspected(page, f"{size}-2-done")
    page.reload()
    inspected(page, f"{size}-3-again")
    with page.expect_download() as got:
        page.get_by_role("link", name="申请表（Word）").click()
    assert got.value.suggested_filename.endswith(".docx")
    page.get_by_role("link", name="打开我的申请页").click()
    _own_page(page, size)
    expect(page.get_by_role("heading", name="已删除")).to_be_visible()
    assert here.desk.store.draft_ids(person_of(page)) == []
    page.goto(f"{here.url}/")
    expect(page.get_by_text("我能做三件事")).to_be_visible()


def _own_page(page: Page, size: str) -> None:
    """Look at it, tick, download, delete."""
    expect(page.get_by_role("heading", name="材料清单")).to_be_visible()
    assert page.evaluate("document.querySelector('.preview img').naturalWidth") > 500
    inspected(page, f"{size}-4-own-page")
    box = page.get_by_role("checkbox").first
    box.click()
    expect(box).to_be_checked()
    assert page.evaluate("document.activeElement.getAttribute('role')") == "checkbox"
    page.reload()
    expect(page.get_by_role("checkbox").first).to_be_checked()
    expect(page.get_by_text("已备齐 1 /")).to_be_visible()
    for name, ending in (("Word 文档，可以修改", ".docx"), ("PDF", ".pdf"), ("材料清单", ".docx")):
        with page.expect_download() as got:
            page.locator("#papers ~ .files").get_by_role("link", name=name).click()
        assert got.value.suggested_filename.endswith(ending)
    page.get_by_role("link", name="删除我的数据").click()
    inspected(page, f"{size}-5-delete")
    page.get_by_role("button", name="确认删除").click()
    inspected(page, f"{size}-6-deleted")


def test_the_pages_work_without_javascript(here: Site, opened: Open) -> None:
    page = opened("phone", java_script_enabled=False)
    say(page, OPENING)
    say(page, "联谊型", button=True)
    say(page, "否", button=True)
    page.locator("summary").last.click()
    expect(page.locator("details[open] blockquote").last).to_be_visible()
    draft = here.desk.store.load(person_of(page)).draft
    assert draft is not None
    page.goto(f"{here.url}/open/{draft.id}")
    page.get_by_role("checkbox").first.click()
    expect(page.get_by_role("checkbox").first).to_be_checked()
    page.get_by_role("link", name="删除我的数据").click()
    page.get_by_role("button", name="确认删除").click()
    expect(page.get_by_role("heading", name="已删除")).to_be_visible()


def test_in_the_dark_everything_can_still_be_read(here: Site, opened: Open) -> None:
    page = opened("desktop", color_scheme="dark")
    say(page, OPENING)
    say(page, "每年要办几场活动？")
    inspected(page, "dark-1-chat")
    draft = here.desk.store.load(person_of(page)).draft
    assert draft is not None
    page.goto(f"{here.url}/open/{draft.id}")
    inspected(page, "dark-2-own-page")


def test_a_clause_unfolds_and_a_thumb_can_be_given(here: Site, opened: Open) -> None:
    page = opened("desktop")
    say(page, "柳州人才驿站每年要办几场活动？")
    page.locator("summary").first.click()
    expect(page.locator("blockquote").first).to_be_visible()
    inspected(page, "desktop-7-clause")
    page.get_by_role("button", name="答得对").click()
    expect(page.get_by_text("谢谢，记下了")).to_be_visible()
    expect(page.locator(".vote")).to_have_count(0)
    assert len(here.desk.store.pending("upvote")) == 1


def test_the_keyboard_alone_is_enough_and_the_focus_stays_sensible(here: Site, opened: Open) -> None:
    page = opened("desktop")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "text"
    page.keyboard.type(OPENING)
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("我们有场地")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="联谊型", exact=True)).to_be_enabled()
    assert "\n" in page.locator(".bubble.mine").inner_text()
    assert page.evaluate("document.activeElement.id") == "text"
    assert page.input_value("#text") == ""
    page.get_by_role("button", name="联谊型", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="不清楚", exact=True)).to_be_enabled()
    expect(page.locator("#choices button").first).to_be_focused()
    assert page.locator("#log").get_attribute("role") == "log"


def test_the_newest_answer_comes_into_view_and_says_that_it_is_being_written(here: Site, opened: Open) -> None:
    page = opened("phone")
    page.evaluate("document.addEventListener('htmx:beforeRequest', () => { window.told = document.getElementById('waiting').innerText })")
    say(page, OPENING)
    assert "正在回复" in page.evaluate("window.told")
    expect(page.locator(".bubble.mine")).to_be_in_viewport()
    expect(page.locator("#waiting")).to_be_hidden()
    shot(page, "phone-7-opening")


def test_a_lost_connection_is_said_and_the_text_is_kept(here: Site, opened: Open, seen: Seen) -> None:
    page = opened("phone")
    page.context.set_offline(True)
    page.get_by_label("您的回答或问题").fill(OPENING)
    page.get_by_role("button", name="发送").click()
    expect(page.get_by_text("没有连上")).to_be_visible()
    assert page.input_value("#text") == OPENING
    page.context.set_offline(False)
    assert len(seen.failed) == 1
    seen.failed.clear()
    seen.console.clear()
    page.get_by_role("button", name="发送").click()
    expect(page.get_by_role("button", name="联谊型", exact=True)).to_be_enabled()
    assert len(here.desk.store.conversation(person_of(page))) == 1


def test_a_page_that_is_not_there_says_so(here: Site, opened: Open, seen: Seen) -> None:
    page = opened("phone")
    page.goto(f"{here.url}/a/{'x' * 22}")
    expect(page.get_by_text("这个页面不存在，或者链接已经过期")).to_be_visible()
    inspected(page, "phone-8-missing")
    assert [re.sub(r"/a/.*", "/a/", one) for one in seen.failed] == [f"404 {here.url}/a/"]
    seen.failed.clear()
    seen.console.clear()


def test_deleting_in_the_chat_empties_the_page(here: Site, opened: Open) -> None:
    page = opened("phone")
    say(page, OPENING)
    page.get_by_role("button", name="删除数据").click()
    expect(page.locator("#choices").get_by_role("button", name="是", exact=True)).to_be_enabled()
    page.locator("#choices").get_by_role("button", name="是", exact=True).click()
    expect(page.get_by_text("已删除您的全部数据")).to_be_visible()
    expect(page.get_by_text("书院")).to_have_count(0)
    say(page, "你好")
