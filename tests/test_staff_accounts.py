"""Who comes into the staff console: accounts, one-time links, passwords, sessions, and the log of it all."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from bot.cli import app
from bot.staff.session import COOKIE, FORM_COOKIE
from bot.staff.tokens import new_link
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


# Commands


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["staff", *arguments, "--database", f"sqlite:///{folder / 'chat.db'}"])


def the_link(printed: str) -> str:
    found = re.search(r"^\S*(/staff/link/[A-Za-z0-9_-]{43})$", printed, re.M)
    assert found, printed
    return found[1]


def test_the_command_makes_the_first_account_which_logs_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIZHAN_PUBLIC_URL", "https://yizhan.example")
    made = run(tmp_path, "add", " 王  芳 ")
    assert made.exit_code == 0
    assert "新建了账号 王 芳（admin，管理）" in made.stdout
    assert "\nhttps://yizhan.example/staff/link/" in made.stdout
    with staff_site(tmp_path) as here:
        browser, path = here.stranger(), the_link(made.stdout)
        assert browser.post(path, {"password": PASSWORD, "again": PASSWORD}).status_code == 303
        assert log_in(browser, "王 芳") == 303
        assert browser.get("/staff/").status_code == 200
        assert here.logged()[0] == ("命令行", "新建账号", "王 芳", "admin", "成功")


def test_without_a_public_address_the_command_says_where_the_path_belongs(tmp_path: Path) -> None:
    made = run(tmp_path, "add", "王芳")
    assert made.stdout.splitlines()[2].startswith("/staff/link/")
    assert "YIZHAN_PUBLIC_URL" in made.stdout


def test_commands_change_roles_switch_accounts_and_give_new_links(tmp_path: Path) -> None:
    assert run(tmp_path, "list").stdout == ""
    first = the_link(run(tmp_path, "add", "王芳").stdout)
    assert "officer" in run(tmp_path, "add", "李强").stdout
    assert "reader" in run(tmp_path, "add", "陈静", "--role", "reader").stdout
    assert run(tmp_path, "role", "陈静", "officer").exit_code == 0
    assert run(tmp_path, "off", "李强").exit_code == 0
    listed = [line.split("\t")[:3] for line in run(tmp_path, "list").stdout.splitlines()]
    assert listed == [["王芳", "admin", "还没设密码"], ["李强", "officer", "已停用"], ["陈静", "officer", "还没设密码"]]
    assert run(tmp_path, "link", "李强").exit_code == 1
    assert run(tmp_path, "on", "李强").exit_code == 0
    second = the_link(run(tmp_path, "link", "王芳").stdout)
    with staff_site(tmp_path) as here:
        assert here.stranger().get(first).status_code == 404
        assert here.stranger().get(second).status_code == 200
        assert [(action, what) for _, action, what, _, _ in here.logged()][3:] == [
            ("改权限", "陈静"),
            ("停用账号", "李强"),
            ("启用账号", "李强"),
            ("发一次性链接", "王芳"),
        ]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("add", "王芳"), 1, "已经有这个账号"),
        (("add", "王 芳\x1b[31m"), 2, "姓名要 2 到 30 个字"),
        (("add", "王"), 2, "姓名要 2 到 30 个字"),
        (("add", "李强", "--role", "root"), 2, "没有 root 这种权限"),
        (("role", "王芳", "root"), 2, "没有 root 这种权限"),
        (("role", "李强", "reader"), 1, "没有这个账号"),
        (("off", "李强"), 1, "没有这个账号"),
        (("link", "李强"), 1, "没有这个账号"),
    ],
)
def test_a_wrong_command_is_told_in_one_line(tmp_path: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    assert run(tmp_path, "add", "王芳").exit_code == 0
    failed = run(tmp_path, *arguments)
    assert failed.exit_code == code
    assert told in failed.stderr
    assert failed.stderr.count("\n") == 1
    assert failed.stdout == ""
