"""The pop-up for 订阅通知 on the applicant's page: what the platform's script is given, and when the page does without it."""

import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.sync_api import Request, Route, expect, sync_playwright
from pydantic import SecretStr

from bot.links import new_token
from bot.wechat_api import WeChatApi
from bot.wechat_subscribe import SCRIPT, Offer, PopUp
from flows.types import PersonKey
from tests.fakes.wechat import Api, Keys, served
from tests.site import WAIT, Site, site
from tests.test_browser import ARGUMENTS, CHROMIUM, MILLISECONDS, OPENING, Seen, inspected
from tests.wechat_account import Clock
from tests.willing import goes_to_the_end

PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/116.0 Mobile Safari/537.36 MicroMessenger/8.0.47 Language/zh_CN"
PUBLIC = "https://yizhan.example"
PLATFORMS = """
window.given = [];
window.wx = { config: (all) => window.given.push(all), error: () => {} };
"""
"""In place of the platform's own script: it remembers what it was given."""


@pytest.fixture
def api() -> Api:
    return Api(Clock())


@pytest.fixture
def address(api: Api) -> Iterator[str]:
    with served(api.app()) as found:
        yield found


@pytest_asyncio.fixture
async def pop_up(api: Api, address: str) -> AsyncIterator[PopUp]:
    client = WeChatApi(address, api.app_id, api.secret, clock=api.clock)
    yield PopUp(api=client, app_id=api.app_id, template="TEMPLATE", clock=api.clock)
    await client.close()


def signed(offer: Offer, ticket: str, url: str) -> str:
    """The signature as the platform makes it."""
    parts = {"jsapi_ticket": ticket, "noncestr": offer.nonce, "timestamp": offer.timestamp, "url": url}
    return hashlib.sha1("&".join(f"{name}={parts[name]}" for name in sorted(parts)).encode()).hexdigest()


async def test_each_page_is_signed_for_its_own_address(pop_up: PopUp, api: Api) -> None:
    first = await pop_up.offer(f"{PUBLIC}/a/token?from=singlemessage#list", PHONE)
    second = await pop_up.offer(f"{PUBLIC}/a/other", PHONE)
    assert first
    assert second
    assert first.signature == signed(first, "ticket-1", f"{PUBLIC}/a/token?from=singlemessage")
    assert second.signature == signed(second, "ticket-1", f"{PUBLIC}/a/other")
    assert first.nonce != second.nonce
    assert api.count("ticket/getticket") == 1


async def test_a_ticket_is_fetched_anew_before_it_ends(pop_up: PopUp, api: Api) -> None:
    await pop_up.offer(PUBLIC, PHONE)
    api.clock.now += 7200 - 300  # type: ignore[attr-defined]  # the test's clock
    offer = await pop_up.offer(PUBLIC, PHONE)
    assert offer
    assert offer.signature == signed(offer, "ticket-2", PUBLIC)


async def test_a_stale_access_token_is_renewed_once(pop_up: PopUp, api: Api) -> None:
    await pop_up.api.token()
    api.tokens += 1  # another program fetched one
    assert await pop_up.offer(PUBLIC, PHONE)
    assert api.count("ticket/getticket") == 2


@pytest.mark.parametrize("fault", [48001, 40164, "503", "html", -1])
async def test_while_the_platform_refuses_there_is_no_pop_up_and_no_error(pop_up: PopUp, api: Api, fault: int | str) -> None:
    api.always["ticket/getticket"] = fault
    assert await pop_up.offer(PUBLIC, PHONE) is None
    del api.always["ticket/getticket"]
    assert await pop_up.offer(PUBLIC, PHONE)


async def test_another_browser_needs_no_ticket(pop_up: PopUp, api: Api) -> None:
    assert await pop_up.offer(PUBLIC, "Mozilla/5.0 Chrome/116.0") is None
    assert api.calls == []


def account(address: str, **changed: Any) -> dict[str, Any]:
    """The settings of an account that may send 订阅通知."""
    keys = Keys()
    return {
        "wechat_token": SecretStr(keys.token),
        "wechat_aes_key": SecretStr(keys.aes_key),
        "wechat_app_id": keys.app_id,
        "wechat_app_secret": SecretStr(Api(Clock()).secret),
        "wechat_api_url": address,
        "wechat_account": "verified_service",
        "wechat_template_id": "TEMPLATE",
        "public_url": PUBLIC,
        **changed,
    }


def finished(here: Site, channel: str = "wechat") -> str:
    """The path of the page of somebody on that channel."""
    here.talk.channel = channel
    here.talk.say(OPENING)
    goes_to_the_end(here.talk)
    person = PersonKey(channel=channel, sender=here.talk.sender)
    draft = here.talk.desk.store.load(person).draft
    assert draft is not None
    return f"/a/{new_token(here.talk.desk, person, draft.id)}"


def fetched(here: Site, path: str, browser: str = PHONE) -> httpx.Response:
    return httpx.get(f"{here.url}{path}", headers={"User-Agent": browser}, timeout=WAIT, trust_env=False)


def test_the_page_holds_what_the_script_needs_and_may_load_it(tmp_path: Path, address: str, api: Api) -> None:
    with site(tmp_path, **account(address)) as here:
        path = finished(here)
        page = fetched(here, path)
        found = dict(re.findall(r'data-(app|time|nonce|signature)="([^"]*)"', unescape(page.text)))
        offer = Offer(app_id=found["app"], template="TEMPLATE", timestamp=int(found["time"]), nonce=found["nonce"], signature="")
        assert found["app"] == Keys().app_id
        assert found["signature"] == signed(offer, "ticket-1", f"{PUBLIC}{path}")
        assert '<wx-open-subscribe template="TEMPLATE">' in page.text
        policy = page.headers["content-security-policy"]
        assert f"script-src 'self' {SCRIPT};" in policy
        assert "frame-src https://*.qq.com webcompt:" in policy
        assert "unsafe" not in policy
        assert "connect-src 'self'" in policy


@pytest.mark.parametrize(
    ("changed", "channel", "browser"),
    [
        ({}, "wechat", "Mozilla/5.0 Chrome/116.0"),
        ({}, "telegram", PHONE),
        ({"wechat_template_id": ""}, "wechat", PHONE),
        ({"wechat_account": "verified_subscription"}, "wechat", PHONE),
    ],
)
def test_where_nothing_can_be_subscribed_nothing_is_offered(
    tmp_path: Path, address: str, changed: dict[str, Any], channel: str, browser: str
) -> None:
    with site(tmp_path, **account(address, **changed)) as here:
        page = fetched(here, finished(here, channel), browser)
        assert page.status_code == 200
        assert "subscribe" not in page.text
        assert SCRIPT not in page.text
        assert "qq.com" not in page.headers["content-security-policy"]


def test_the_script_is_configured_and_every_outcome_is_said(tmp_path: Path, address: str) -> None:
    with site(tmp_path, **account(address)) as here, sync_playwright() as playwright:
        path, seen, asked = finished(here), Seen(), []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split())
        page = browser.new_page(viewport={"width": 390, "height": 844}, user_agent=PHONE, locale="zh-CN")
        page.set_default_timeout(MILLISECONDS)

        def platform(route: Route, request: Request) -> None:
            asked.append(request.url)
            route.fulfill(body=PLATFORMS, content_type="text/javascript")

        page.route(SCRIPT, platform)
        seen.watch(page, here.url)
        page.goto(f"{here.url}{path}")
        (given,) = page.evaluate("window.given")
        assert given["appId"] == Keys().app_id
        assert given["openTagList"] == ["wx-open-subscribe"]
        assert given["jsApiList"] == []
        assert isinstance(given["timestamp"], int)
        assert re.fullmatch("[0-9a-f]{40}", given["signature"])
        assert asked == [SCRIPT]
        states = page.locator("#subscribe [data-state]:visible")
        expect(states).to_contain_text("要不要在微信里收一条提醒")
        for answer, words in (("accept", "已经订阅了"), ("reject", "没有订阅"), ("", "没有订阅")):
            page.evaluate(
                """(answer) => document.querySelector("wx-open-subscribe").dispatchEvent(new CustomEvent("success", {detail: {
                    errMsg: "subscribe:ok", subscribeDetails: answer && JSON.stringify({TEMPLATE: JSON.stringify({status: answer})})}}))""",
                answer,
            )
            expect(states).to_have_count(1)
            expect(states).to_contain_text(words)
        page.evaluate('document.querySelector("wx-open-subscribe").dispatchEvent(new CustomEvent("error"))')
        expect(states).to_contain_text("没有弹出来")
        page.evaluate('document.dispatchEvent(new CustomEvent("WeixinOpenTagsError", {detail: {errMsg: "too old"}}))')
        expect(states).to_contain_text("日历提醒")
        inspected(page, "page-subscribe")
        assert seen.console == []
        assert seen.failed == []
        browser.close()
