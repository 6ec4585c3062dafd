"""Who comes into the staff console: accounts, one-time links, passwords, sessions, and the log of it all."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.staff.link import new_link
from bot.staff.session import COOKIE, FORM_COOKIE
from storage import accounts
from tests.staff_site import NAMES, PASSWORD, Browser, StaffSite, forged, staff_site


@pytest.fixture
def here(tmp_path: Path) -> Iterator[StaffSite]:
    with staff_site(tmp_path) as found:
        yield found


def link(here: StaffSite, name: str) -> str:
    """The path of a fresh one-time link."""
    token, hashed, until = new_link(here.clock())
    with here.store.writing() as db:
        assert accounts.set_link(db, name, hashed, until)
    return f"/staff/link/{token}"


def with_password(here: StaffSite, role: str = "officer", password: str = PASSWORD) -> str:
    """The name of the account of that role, which has a password now."""
    browser, path = here.stranger(), link(here, NAMES[role])
    assert browser.get(path).status_code == 200
    assert browser.post(path, {"password": password, "again": password}).headers["location"] == "/staff/login?done"
    return NAMES[role]


def log_in(browser: Browser, name: str, password: str = PASSWORD, **more: str) -> int:
    return browser.post("/staff/login", {"name": name, "password": password, **more}).status_code


def test_a_link_gives_a_password_and_the_password_a_session(here: StaffSite) -> None:
    name = with_password(here)
    browser = here.stranger()
    assert browser.get("/staff/").headers["location"] == "/staff/login?next=/staff/"
    assert log_in(browser, name) == 303
    assert browser.page.headers["location"] == "/staff/"
    assert f"{name}，您好" in browser.get("/staff/").text
    assert [(who, action, result) for who, action, _, _, result in here.logged()] == [(name, "设密码", "成功"), (name, "登录", "成功")]
    assert re.fullmatch("来自 [0-9a-f]{10}", here.logged()[-1][3])


def test_a_session_that_a_browser_brought_along_is_not_the_one_it_gets(here: StaffSite) -> None:
    name = with_password(here)
    browser = here.stranger()
    browser.cookies[COOKIE] = planted = forged()
    browser.cookies[FORM_COOKIE] = other = forged()
    assert log_in(browser, name) == 303
    assert browser.cookies[COOKIE] not in (planted, other)
    for stale in (planted, other):
        again = here.stranger()
        again.cookies[COOKIE] = stale
        assert again.get("/staff/").status_code == 303
