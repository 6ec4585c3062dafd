"""Taking over in a real browser: asked on WeChat, answered, given back; and the pages of the counter, of questions, of figures."""

import asyncio
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr

from bot.handle import handle
from flows.types import Message, PersonKey
from tests.fakes.wechat import Api, Platform, served
from tests.staff_site import NAMES, StaffSite, forged, staff_site
from tests.test_browser import MILLISECONDS, SIZES, Seen, browser
from tests.test_browser_staff import looked_at, opened
from tests.wechat_account import OPENID

__all__ = ["browser"]
OPENING = "我们在柳州开了家书院，想申请认定市里的人才驿站"
WAIT = 30.0


@pytest.fixture
def here(tmp_path: Path) -> Iterator[StaffSite]:
    with staff_site(tmp_path) as found:
        yield found


class OnWeChat:
    """Somebody with a phone: says something, reads the answer, and reads what comes by itself."""

    def __init__(self, platform: Platform, api: Api) -> None:
        self.platform, self.api = platform, api
        self.hands = ThreadPoolExecutor(1)  # the browser's own loop runs in this thread

    def say(self, text: str) -> str:
        self.api.writes(OPENID)
        return self.hands.submit(lambda: asyncio.run(self.platform.say(OPENID, text))).result(WAIT).text

    def reads(self, wanted: str) -> str:
        """What came by itself and holds these words, once it is there."""
        until = time.monotonic() + WAIT
        while time.monotonic() < until:
            if found := [text for whom, text in self.api.sent if whom == OPENID and wanted in text]:
                return found[0]
            time.sleep(0.1)
        raise AssertionError(self.api.sent)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[tuple[StaffSite, OnWeChat]]:
    """The whole server with an official account, the platform that calls it and the API that it calls."""
    api, platform = Api(time.time), Platform("", time.time)
    keys = {"token": platform.keys.token, "aes_key": platform.keys.aes_key, "app_secret": api.secret}
    secrets = {f"wechat_{name}": SecretStr(value) for name, value in keys.items()}
    with served(api.app()) as address:
        more = {"wechat_app_id": platform.keys.app_id, "wechat_api_url": address, "wechat_account": "verified_service"}
        with staff_site(tmp_path, **secrets, **more) as found:
            platform.address = found.url
            made = OnWeChat(platform, api)
            yield found, made
            made.hands.shutdown()


def say(here: StaffSite, who: PersonKey, *texts: str) -> None:
    for text in texts:
        handle(here.desk, Message(channel=who.channel, sender=who.sender, id=forged(), text=text, received_at=here.clock()))


def person(number: int) -> PersonKey:
    return PersonKey(channel="console", sender=f"人{number}")


@pytest.mark.parametrize("size", SIZES)
def test_asked_on_wechat_answered_on_the_page_read_on_wechat_and_given_back(
    browser: Browser, account: tuple[StaffSite, OnWeChat], size: str
) -> None:
    here, applicant = account
    applicant.say(OPENING)
    assert "已记下您要找人工" in applicant.say("人工")
    page, seen = opened(browser, here, size, "officer")
    page.goto(f"{here.url}/staff/")
    page.get_by_role("main").get_by_role("link", name="人工").click()
    expect(page.get_by_role("row").last).to_contain_text("微信")
    looked_at(page, "inbox", size)
    page.get_by_role("link", name="看对话并答复").click()
    expect(page.locator("#talk")).to_contain_text(OPENING)
    expect(page.locator("#way")).to_contain_text("客服消息，本窗口还可发 5 条")
    page.get_by_label("您的答复").fill("您好，<b>材料</b>里缺一份场地证明，请问是租的还是自有？")
    looked_at(page, "inbox-person", size)
    page.get_by_role("button", name="发出").click()
    expect(page.locator(".bubble.ours")).to_contain_text("【工作人员】您好，<b>材料</b>里缺一份场地证明")
    read = applicant.reads("【工作人员】")
    assert "缺一份场地证明" in read
    assert "现在由工作人员和您说话" in read
    assert "已转给工作人员" in applicant.say("租的，有合同")
    expect(page.locator("#talk")).to_contain_text("租的，有合同", timeout=MILLISECONDS + 10_000)  # by itself
    expect(page.locator("#talk").get_by_role("status")).to_contain_text("对方有 1 条话等您回")
    looked_at(page, "inbox-talk", size)
    page.get_by_label("您的答复").fill("那请带合同复印件。")
    page.get_by_label("发出后交还助手").check()
    page.get_by_role("button", name="发出").click()
    expect(page.get_by_role("status")).to_contain_text("对方现在由助手回答")
    assert "接下来由助手接着帮您" in applicant.reads("合同复印件")
    assert "已转给工作人员" not in applicant.say("联谊型")
    page.goto(f"{here.url}/staff/inbox?show=closed")
    expect(page.get_by_role("row").last).to_contain_text(NAMES["officer"])
    assert [entry[1] for entry in here.logged()] == ["答复", "答复"]
    assert OPENID not in page.content()
    assert seen == Seen()


@pytest.mark.parametrize("size", SIZES)
def test_in_the_browser_chat_the_answer_appears_by_itself(browser: Browser, here: StaffSite, size: str) -> None:
    applicant, their = opened(browser, here, size)
    applicant.goto(f"{here.url}/")
    for text in (OPENING, "人工"):
        applicant.get_by_label("您的回答或问题").fill(text)
        applicant.get_by_role("button", name="发送").click()
        expect(applicant.locator(".bubble.mine").last).to_contain_text(text)
    expect(applicant.locator("#news")).to_contain_text("工作人员回复后会显示在这里")
    officer, seen = opened(browser, here, size, "officer")
    officer.goto(f"{here.url}/staff/inbox")
    officer.get_by_role("link", name="看对话并答复").click()
    officer.get_by_label("您的答复").fill("请问单位全称？")
    officer.get_by_role("button", name="发出").click()
    expect(applicant.locator("#log")).to_contain_text("【工作人员】请问单位全称？", timeout=MILLISECONDS + 10_000)
    expect(applicant.locator("#news")).to_contain_text("现在由工作人员和您说话")
    looked_at(applicant, "chat-handed", size)
    applicant.get_by_label("您的回答或问题").fill("返回助手")
    applicant.get_by_role("button", name="发送").click()
    expect(applicant.locator("#log")).to_contain_text("好的，接下来由助手接着帮您。")
    expect(applicant.locator("#news")).not_to_contain_text("工作人员")
    expect(applicant.get_by_text("【工作人员】请问单位全称？")).to_have_count(1)
    assert (seen, their) == (Seen(), Seen())


@pytest.mark.parametrize("size", SIZES)
def test_a_walk_in_goes_from_the_counter_to_the_persons_own_browser(browser: Browser, here: StaffSite, size: str) -> None:
    page, seen = opened(browser, here, size, "officer")
    page.goto(f"{here.url}/staff/walk-in")
    page.get_by_role("button", name="接待一位新申请人").click()
    page.get_by_label("申请人的话").fill(OPENING)
    page.get_by_role("button", name="记下").click()
    page.get_by_role("group", name="可以选的回答").get_by_role("button", name="联谊型").click()
    expect(page.locator(".bubble.mine").last).to_contain_text("联谊型")
    with page.expect_download() as download:
        page.get_by_role("link", name="申请表（PDF）").click()
    assert download.value.suggested_filename.endswith(".pdf")
    page.get_by_role("button", name="给继续码").click()
    shown = page.locator(".bubble").filter(has_text="继续码：").last
    code = re.search(r"继续码：(\S{9})", shown.inner_text())
    assert code
    looked_at(page, "walk-in-person", size)
    applicant, their = opened(browser, here, size)
    applicant.goto(f"{here.url}/")
    applicant.get_by_label("您的回答或问题").fill(f"继续码 {code[1]}")
    applicant.get_by_role("button", name="发送").click()
    expect(applicant.locator("#log")).to_contain_text("接上了")
    page.reload()
    expect(page.get_by_role("complementary")).to_contain_text("本人已经接过去")
    page.get_by_label("确定删除").check()
    page.get_by_role("button", name="删除柜台这份").click()
    expect(page).to_have_url(f"{here.url}/staff/walk-in")
    looked_at(page, "walk-in", size)
    assert (seen, their) == (Seen(), Seen())


def fill_figures(here: StaffSite) -> None:
    for number in range(7):
        say(here, person(number), OPENING, "柳州驿站补助最多多少钱", *(("联谊型",) if number < 6 else ()))
    say(here, person(0), "柳州驿站补助几天到账", "柳州驿站补助几天到账呢", "👎")
    say(here, person(1), "莆田荔城区的，想报市级人才驿站")


@pytest.mark.parametrize("size", SIZES)
def test_missed_questions_are_worked_off_with_and_without_script(browser: Browser, here: StaffSite, size: str) -> None:
    fill_figures(here)
    for script in (True, False):
        page, seen = opened(browser, here, size, "officer", java_script_enabled=script)
        page.goto(f"{here.url}/staff/questions{'' if script else '?show=done'}")
        expect(page.get_by_role("heading", level=2)).to_have_count(1)
        if script:
            looked_at(page, "questions", size)
            with page.expect_download() as download:
                page.get_by_role("link", name="导出题集").click()
            assert download.value.suggested_filename == "questions-pending.jsonl"
            page.get_by_role("button", name="已处理").click()
            expect(page.get_by_text("现在没有待处理的问题。")).to_be_visible()
        else:
            page.get_by_role("button", name="放回待处理").click()
            expect(page.get_by_text("还没有标过已处理的。")).to_be_visible()
        assert seen == Seen()


@pytest.mark.parametrize("size", SIZES)
def test_figures_are_drawn_and_written(browser: Browser, here: StaffSite, size: str) -> None:
    fill_figures(here)
    page, seen = opened(browser, here, size, "reader")
    page.goto(f"{here.url}/staff/figures")
    expect(page.get_by_role("img", name="各事项开始填的人数")).to_be_visible()
    assert bars(page, "各事项开始填的人数")
    looked_at(page, "figures", size)
    letters = page.locator(".chart text").first.evaluate("e => getComputedStyle(e).fontSize")
    assert float(letters.removesuffix("px")) >= 16
    page.get_by_role("link", name="莆田驿站").click()
    expect(page.get_by_role("heading", name="莆田驿站")).to_be_visible()
    assert bars(page, "走到哪一步") == []  # one person: withheld
    assert seen == Seen()


def bars(page: Page, name: str) -> list[float]:
    """How long the bars of that chart are drawn."""
    found = page.get_by_role("img", name=name).locator("rect.bar")
    return [box["width"] for box in (one.bounding_box() for one in found.all()) if box]
