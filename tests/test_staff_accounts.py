"""Who comes into the staff console: accounts, one-time links, passwords, sessions, and what is told to whom."""

import re
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from bot.cli import app
from bot.server import make_app, report
from bot.staff.passwords import AT_ONCE, WAITING
from bot.staff.roll import set_active, set_role
from bot.staff.session import COOKIE, FORM_COOKIE
from bot.staff.tokens import hash_of
from storage import staff_sessions
from storage.staff_sessions import Tried
from tests.site import TODAY, settings_for
from tests.staff_site import NAMES, PASSWORD, Browser, StaffSite, forged, staff_site
from tests.talk import Talk

OTHER_PASSWORD = "purple-kettle-ninety"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[StaffSite]:
    with staff_site(tmp_path) as found:
        yield found


def choose(browser: Browser, path: str, password: str = PASSWORD, again: str | None = None) -> int:
    return browser.post(path, {"password": password, "again": password if again is None else again}).status_code


def with_password(here: StaffSite, role: str = "officer", password: str = PASSWORD) -> str:
    """The name of the account of that role, which has a password now."""
    browser, path = here.stranger(), here.link(NAMES[role])
    assert browser.get(path).status_code == 200
    assert choose(browser, path, password) == 303
    assert browser.page.headers["location"] == "/staff/login?done"
    return NAMES[role]


def log_in(browser: Browser, name: str, password: str = PASSWORD, **more: str) -> int:
    return browser.post("/staff/login", {"name": name, "password": password, **more}).status_code


def is_in(browser: Browser) -> bool:
    return browser.get("/staff/").status_code == 200


# From link to session


def test_a_link_gives_a_password_and_the_password_a_session(here: StaffSite) -> None:
    name = with_password(here)
    browser = here.stranger()
    assert browser.get("/staff/").headers["location"] == "/staff/login?next=/staff/"
    assert log_in(browser, name) == 303
    assert browser.page.headers["location"] == "/staff/"
    assert f"{name}，您好" in browser.get("/staff/").text
    assert [(who, action, result) for who, action, _, _, result in here.logged()] == [(name, "设密码", "成功"), (name, "登录", "成功")]
    assert re.fullmatch("来自 [0-9a-f]{10}", here.logged()[-1][3])


def test_a_name_is_found_however_it_is_written(here: StaffSite) -> None:
    here.account("Wang Fang", "reader")
    browser = here.stranger()
    assert choose(browser, here.link("Wang Fang")) == 303
    assert log_in(browser, " ｗang  FANG ") == 303


def test_a_link_is_good_once(here: StaffSite) -> None:
    path, browser = here.link(NAMES["officer"]), here.stranger()
    assert [browser.get(path).status_code for _ in range(3)] == [200] * 3  # looking uses nothing up
    assert choose(browser, path) == 303
    assert choose(browser, path, OTHER_PASSWORD) == 404
    assert browser.get(path).status_code == 404
    assert log_in(browser, NAMES["officer"], OTHER_PASSWORD) == 403


def test_two_that_use_a_link_at_once_get_one_password(here: StaffSite) -> None:
    path, codes = here.link(NAMES["officer"]), list[int]()
    browsers = [here.stranger() for _ in range(4)]
    threads = [threading.Thread(target=lambda b=b: codes.append(choose(b, path))) for b in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [303, 404, 404, 404]


def test_a_link_ends_after_48_hours_by_a_newer_one_and_with_its_account(here: StaffSite) -> None:
    browser, first = here.stranger(), here.link(NAMES["officer"])
    second = here.link(NAMES["officer"])
    assert [browser.get(path).status_code for path in (first, second)] == [404, 200]
    here.clock.go(hours=47, minutes=59)
    assert browser.get(second).status_code == 200
    here.clock.go(minutes=1)
    assert browser.get(second).status_code == 404
    third = here.link(NAMES["officer"])
    assert set_active(here.store, here.actor(), NAMES["officer"], False, here.clock())
    assert browser.get(third).status_code == 404
    assert set_active(here.store, here.actor(), NAMES["officer"], True, here.clock())
    assert browser.get(third).status_code == 404


def test_a_link_that_is_one_letter_off_says_what_any_missing_page_says(here: StaffSite) -> None:
    path, browser = here.link(NAMES["officer"]), here.stranger()
    wrong = path[:-1] + ("A" if path[-1] != "A" else "B")
    pages = [browser.get(p).text for p in (wrong, "/staff/link/x", f"/staff/link/{forged()}", "/staff/link/" + "../" * 3)]
    assert len({re.sub("[0-9a-f]{64}", "", page) for page in pages[:3]}) == 1
    assert PASSWORD not in pages[3]


@pytest.mark.parametrize(
    ("password", "again", "told"),
    [
        ("Kurz#1", None, "太短"),
        ("nurkleine", None, "太短"),
        ("x" * 129, None, "太长"),
        ("Passw0rd!2026", None, "容易猜到"),
        ("经办员经办员经办员1988", None, "容易猜到"),
        (PASSWORD, "etwas anderes", "不一样"),
    ],
)
def test_a_password_that_will_not_do_is_told_why_and_the_link_stays(here: StaffSite, password: str, again: str | None, told: str) -> None:
    path, browser = here.link(NAMES["officer"]), here.stranger()
    assert choose(browser, path, password, again) == 422
    assert told in browser.text()
    assert password not in browser.page.text
    assert choose(browser, path) == 303


# Log-in


def refusals(here: StaffSite, browser: Browser, name: str, password: str) -> tuple[int, str]:
    status = log_in(browser, name, password)
    with here.store.writing() as db:
        db.execute("DELETE FROM staff_failures")
    return status, re.sub("[0-9a-f]{64}", "", browser.page.text.replace(f'value="{name}"', ""))


def test_a_wrong_password_an_unknown_name_and_a_dead_account_look_alike_and_cost_the_same(here: StaffSite) -> None:
    known, off = with_password(here), with_password(here, "admin")
    assert set_active(here.store, here.actor(), off, False, here.clock())
    browser = here.stranger()
    began = here.console.passwords.checked
    answers = [
        refusals(here, browser, known, OTHER_PASSWORD),
        refusals(here, browser, "不存在的人", PASSWORD),
        refusals(here, browser, off, PASSWORD),
        refusals(here, browser, NAMES["reader"], PASSWORD),  # has no password yet
        refusals(here, browser, known, ""),
    ]
    assert set(answers) == {answers[0]}
    assert answers[0][0] == 403
    assert "姓名或密码不对" in answers[0][1]
    assert here.console.passwords.checked - began == len(answers)
    assert COOKIE not in browser.cookies


def test_what_was_typed_as_a_name_is_not_written_down_unless_it_is_one(here: StaffSite, tmp_path: Path) -> None:
    browser = here.stranger()
    assert log_in(browser, "canary-7291-typed-in-the-wrong-place", "x") == 403
    assert here.logged()[-1][:3] == ("没有这个账号", "登录", "")
    assert here.logged()[-1][4] == "失败"
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    assert len(files) >= 2
    assert not [path for path in files if b"canary-7291" in path.read_bytes()]


def test_twenty_wrong_passwords_cost_ever_more_time(here: StaffSite) -> None:
    name, browser = with_password(here), here.stranger()
    began, waits = here.console.passwords.checked, list[int]()
    for _ in range(20):
        if log_in(browser, name, OTHER_PASSWORD) == 429:
            waits.append(int(browser.page.headers["retry-after"]))
            assert f"请等 {waits[-1]} 秒" in browser.text()
            assert log_in(browser, name) == 429  # the right one as well
            here.clock.go(seconds=waits[-1])
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256]
    assert here.console.passwords.checked - began == 12
    assert log_in(browser, name) == 429
    assert browser.page.headers["retry-after"] == "300"
    here.clock.go(seconds=300)
    assert log_in(browser, name) == 303
    assert log_in(here.stranger(), name, OTHER_PASSWORD) == 403  # and it begins anew
    assert log_in(here.stranger(), name) == 303


def test_a_name_that_does_not_exist_costs_the_same_time(here: StaffSite) -> None:
    name = with_password(here)
    series = [[log_in(here.stranger(), who, OTHER_PASSWORD) for _ in range(6)] for who in (name, "不存在的人")]
    assert series[0] == series[1] == [403] * 4 + [429] * 2


def test_an_address_that_tries_many_names_has_to_wait_and_others_of_it_get_in(here: StaffSite) -> None:
    name = with_password(here)
    codes = [log_in(here.stranger(), f"人{n}", OTHER_PASSWORD) for n in range(22)]
    assert codes == [403] * 21 + [429]
    assert log_in(here.stranger(), name) == 429
    here.clock.go(seconds=2)
    assert [log_in(here.stranger(), name) for _ in range(3)] == [303] * 3  # who gets in does not count


def test_behind_a_proxy_on_the_same_machine_each_address_counts_for_itself(here: StaffSite) -> None:
    def knock(address: str, number: int) -> int:
        form = {"name": f"人{number}", "password": "x"}
        return here.stranger().post("/staff/login", form, **{"x-forwarded-for": address}).status_code

    assert [knock("192.0.2.7", n) for n in range(22)] == [403] * 21 + [429]
    assert knock("192.0.2.8", 99) == 403
    assert len({line[3] for line in here.logged()}) == 2


def test_fifty_from_everywhere_at_once_are_answered_in_turn_or_sent_away(here: StaffSite) -> None:
    answers, browsers = list[tuple[int, str]](), [here.stranger() for _ in range(50)]

    def knock(number: int) -> None:
        answer = browsers[number].post("/staff/login", {"name": f"人{number}", "password": "x"}, **{"x-forwarded-for": f"192.0.2.{number}"})
        answers.append((answer.status_code, "现在登录的人太多" if "现在登录的人太多" in answer.text else ""))

    threads = [threading.Thread(target=knock, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 50
    assert set(answers) <= {(403, ""), (429, "现在登录的人太多")}
    assert answers.count((403, "")) >= AT_ONCE + WAITING
    with here.store.reading() as db:  # who was sent away has failed nothing
        tried = db.execute("SELECT SUM(tries) FROM staff_failures").fetchone()[0]
    assert tried == 2 * answers.count((403, ""))


def test_tries_at_once_count_before_any_is_looked_at(here: StaffSite) -> None:
    name, codes = with_password(here), list[int]()
    browsers = [here.stranger() for _ in range(12)]
    threads = [threading.Thread(target=lambda b=b: codes.append(log_in(b, name, OTHER_PASSWORD))) for b in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [403] * 4 + [429] * 8


def test_what_is_counted_stays_small_and_is_forgotten(here: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staff_sessions, "MOST_COUNTED", 100)

    def counted(count: int, at: float) -> int:
        with here.store.writing() as db:
            for n in range(count):
                assert staff_sessions.count_try(db, [Tried(key=f"{at} {n}", free=3, longest=300.0)], at + n / 1000) == 0
            return int(db.execute("SELECT COUNT(*) FROM staff_failures").fetchone()[0])

    assert 80 < counted(500, 1000.0) <= 100
    assert counted(1, 1001.0 + staff_sessions.FORGET_SECONDS) == 1


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/staff/accounts?x=1", "/staff/accounts?x=1"),
        ("https://elsewhere.example/staff/", "/staff/"),
        ("//elsewhere.example/staff/", "/staff/"),
        ("/staff/\\elsewhere.example", "/staff/"),
        ("/staff/\r\nSet-Cookie: a=b", "/staff/"),
        ("/staff/login?next=/staff/", "/staff/"),
        ("/", "/staff/"),
        ("javascript:alert(1)", "/staff/"),
    ],
)
def test_after_the_log_in_one_comes_to_a_page_of_the_console_alone(here: StaffSite, wanted: str, reached: str) -> None:
    name, browser = with_password(here), here.stranger()
    assert log_in(browser, name, next=wanted) == 303
    assert browser.page.headers["location"] == reached
    assert "set-cookie" not in [key for key, value in browser.page.headers.items() if "a=b" in value]


# Sessions


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


def test_a_new_log_in_ends_the_session_that_the_browser_had(here: StaffSite) -> None:
    name, browser = with_password(here), here.stranger()
    assert log_in(browser, name) == 303
    first = browser.cookies[COOKIE]
    assert log_in(browser, name) == 303
    old = here.stranger()
    old.cookies[COOKIE] = first
    assert is_in(browser)
    assert not is_in(old)


def test_the_cookie_is_for_this_host_by_https_out_of_reach_of_scripts_and_other_sites(here: StaffSite) -> None:
    name, browser = with_password(here), here.stranger()
    browser.get("/staff/login")
    forms = browser.page.headers.get_list("set-cookie")
    assert log_in(browser, name) == 303
    given = [line for line in browser.page.headers.get_list("set-cookie") if line.startswith(f"{COOKIE}=")]
    assert len(forms) == len(given) == 1
    for line in (*forms, *given):
        assert line.startswith("__Host-")
        assert {part.strip().lower() for part in line.split(";")[1:]} == {"path=/", "secure", "httponly", "samesite=strict"}
        assert re.fullmatch("[A-Za-z0-9_-]{43}", line.split(";")[0].split("=", 1)[1])  # 256 bits


def test_ids_links_and_passwords_are_nowhere_in_the_files_or_log_lines(
    here: StaffSite, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, browser = here.link(NAMES["officer"]), here.stranger()
    assert choose(browser, path) == 303
    assert log_in(browser, NAMES["officer"]) == 303
    assert is_in(browser)
    canaries = [path.rsplit("/", 1)[1], browser.cookies[COOKIE], PASSWORD]
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) >= 2
    assert [c for c in canaries for file in files if c.encode() in file.read_bytes()] == []
    printed = "".join(capfd.readouterr())
    assert "/staff/link/{token}" in printed
    assert [c for c in (*canaries, NAMES["officer"], "127.0.0.1") if c in printed] == []
    assert hash_of(browser.cookies[COOKIE]).encode() in b"".join(file.read_bytes() for file in files)


def test_a_session_ends_after_half_an_hour_without_use(here: StaffSite) -> None:
    busy, idle = here.staff("officer"), here.staff("officer")
    for _ in range(3):
        here.clock.go(minutes=29)
        assert is_in(busy)
    assert not is_in(idle)
    here.clock.go(minutes=30)
    assert not is_in(busy)


def test_a_session_ends_after_twelve_hours_however_much_it_is_used(here: StaffSite) -> None:
    browser = here.staff("officer")
    for _ in range(35):
        here.clock.go(minutes=20)
        assert is_in(browser)
    here.clock.go(minutes=20)
    assert not is_in(browser)


def test_log_out_ends_the_session_at_the_server(here: StaffSite) -> None:
    browser, other = here.staff("officer"), here.staff("officer")
    kept = browser.cookies[COOKIE]
    assert browser.post("/staff/logout").headers["location"] == "/staff/login"
    assert COOKIE not in browser.cookies
    browser.cookies[COOKIE] = kept
    assert not is_in(browser)
    assert is_in(other)
    assert here.logged()[-1][:2] == (NAMES["officer"], "退出")


def test_another_role_an_account_turned_off_and_a_new_password_end_sessions(here: StaffSite) -> None:
    name, actor, now = NAMES["officer"], here.actor(), here.clock()
    by_role, bystander = here.staff("officer"), here.staff("reader")
    assert set_role(here.store, actor, name, "reader", now)
    assert not is_in(by_role)
    by_off = here.staff(name)
    assert is_in(by_off)
    assert set_active(here.store, actor, name, False, now)
    assert not is_in(by_off)
    assert set_active(here.store, actor, name, True, now)
    assert not is_in(by_off)
    by_password = here.staff(name)
    with_password(here)
    assert not is_in(by_password)
    assert is_in(bystander)


def change(browser: Browser, old: str, new: str, again: str | None = None) -> int:
    return browser.post("/staff/password", {"old": old, "password": new, "again": new if again is None else again}).status_code


def test_somebody_changes_their_password_and_is_logged_out_everywhere_else(here: StaffSite) -> None:
    name, browser, elsewhere = with_password(here), here.staff("officer"), here.staff("officer")
    before = browser.cookies[COOKIE]
    assert change(browser, PASSWORD, OTHER_PASSWORD) == 303
    assert browser.cookies[COOKIE] != before
    assert is_in(browser)
    assert not is_in(elsewhere)
    assert log_in(here.stranger(), name) == 403
    assert log_in(here.stranger(), name, OTHER_PASSWORD) == 303
    assert (name, "改密码", name, "", "成功") in here.logged()


@pytest.mark.parametrize(
    ("old", "new", "again", "code", "told"),
    [
        (OTHER_PASSWORD, "hw9dkq2mzx7p", None, 403, "现在的密码不对"),
        (PASSWORD, "kurz", None, 422, "太短"),
        (PASSWORD, "Passw0rd!2026", None, 422, "太容易猜到"),
        (PASSWORD, OTHER_PASSWORD, "x", 422, "不一样"),
        (PASSWORD, PASSWORD, None, 422, "换一个"),
    ],
)
def test_a_password_is_not_changed_without_the_old_one_or_to_a_bad_one(
    here: StaffSite, old: str, new: str, again: str | None, code: int, told: str
) -> None:
    name, browser = with_password(here), here.staff("officer")
    assert change(browser, old, new, again) == code
    assert told in browser.text()
    assert is_in(browser)
    assert log_in(here.stranger(), name) == 303


def test_a_stolen_session_cannot_guess_the_password_without_end(here: StaffSite) -> None:
    with_password(here)
    browser = here.staff("officer")
    assert [change(browser, f"{n}", OTHER_PASSWORD) for n in range(6)] == [403] * 4 + [429] * 2
    assert "请等 2 秒再试" in browser.text()


def test_who_followed_a_link_on_another_site_opens_the_page_once_more_from_here(here: StaffSite) -> None:
    browser = here.stranger()  # the browser kept the strict cookie back
    page = browser.get("/staff/log?staff=%3Cb%3E&x=1", **{"sec-fetch-site": "cross-site"})
    assert page.status_code == 200
    assert '<meta http-equiv="refresh" content="0;url=/staff/log?staff=%3Cb%3E&amp;x=1">' in page.text
    assert COOKIE not in browser.cookies
    again = browser.get("/staff/log?staff=%3Cb%3E&x=1", **{"sec-fetch-site": "same-origin"})
    assert again.headers["location"] == "/staff/login?next=/staff/log%3Fstaff%3D%253Cb%253E%26x%3D1"
    assert here.staff("admin").get("/staff/", **{"sec-fetch-site": "cross-site"}).status_code == 200


def test_a_piece_of_a_page_that_is_asked_for_too_late_leads_to_the_log_in(here: StaffSite) -> None:
    page = here.stranger().get("/staff/log", **{"hx-request": "true"})
    assert (page.status_code, page.headers["hx-redirect"]) == (204, "/staff/login")


def test_who_clicks_without_end_is_slowed_down_and_others_are_not(tmp_path: Path) -> None:
    with staff_site(tmp_path, at_once=2) as here:
        browser, other = here.staff("officer"), here.staff("reader")
        assert [browser.get("/staff/").status_code for _ in range(8)] == [200] * 6 + [429] * 2
        assert "点得太快" in browser.text()
        assert is_in(other)
        assert [here.stranger().get("/staff/login").status_code for _ in range(8)] == [200] * 6 + [429] * 2


def test_a_page_for_those_who_are_not_logged_in_shows_no_way_out_with_a_wrong_token(here: StaffSite) -> None:
    admin = here.staff("admin")
    page = admin.get(here.link(NAMES["reader"]))
    assert page.status_code == 200
    assert "/staff/logout" not in page.text
    assert NAMES["admin"] not in page.text


def test_while_nothing_can_be_written_pages_are_read_and_changes_refused(here: StaffSite) -> None:
    admin = here.staff("admin")
    here.clock.go(minutes=2)  # that the session is in use would be noted now
    other = sqlite3.connect(here.folder / "chat.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert admin.get("/staff/accounts").status_code == 200
    refused = admin.post("/staff/accounts", {"name": "王芳", "role": "reader"})
    assert refused.status_code == 503
    assert "请稍后再试" in refused.text
    other.execute("ROLLBACK")
    other.close()
    assert admin.post("/staff/accounts", {"name": "王芳", "role": "reader"}).status_code == 200


def test_characters_that_no_database_keeps_do_no_harm(here: StaffSite) -> None:
    name, browser = with_password(here), here.stranger()
    assert log_in(browser, f"{name[0]}\0{name[1:]}") == 303
    admin = here.staff("admin")
    assert admin.get("/staff/log?text=a%00b").status_code == 404
    assert admin.get("/staff/log?text=%ED%A0%80%FF&since=%E2%80%AE").status_code == 200
    assert admin.post("/staff/accounts/%00/off").status_code == 404
    assert admin.post("/staff/accounts", {"name": "王\u202e芳\u200b", "role": "reader"}).status_code == 422


def test_the_console_is_found_without_the_last_stroke(here: StaffSite) -> None:
    assert here.stranger().get("/staff").headers["location"].endswith("/staff/")


# The page of accounts


def test_an_admin_makes_an_account_and_hands_over_its_link(here: StaffSite) -> None:
    admin, newcomer = here.staff("admin"), here.stranger()
    assert admin.post("/staff/accounts", {"name": "王芳", "role": "officer"}).status_code == 200
    found = re.search("(/staff/link/[A-Za-z0-9_-]{43})</code>", admin.page.text)
    assert found
    assert choose(newcomer, found[1]) == 303
    assert log_in(newcomer, "王芳") == 303
    assert "王芳（经办）" in newcomer.get("/staff/").text
    assert found[1] not in admin.get("/staff/accounts").text
    assert here.logged()[0] == (NAMES["admin"], "新建账号", "王芳", "officer", "成功")


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"name": NAMES["reader"], "role": "officer"}, "已经有这个账号"),
        ({"name": "x", "role": "officer"}, "姓名要 2 到 30 个字"),
        ({"name": '<b onclick="x">', "role": "officer"}, "姓名要 2 到 30 个字"),
        ({"name": "王芳", "role": "root"}, "没有这种权限"),
        ({}, "姓名要 2 到 30 个字"),
    ],
)
def test_a_wrong_form_makes_no_account_and_says_why(here: StaffSite, form: dict[str, str], told: str) -> None:
    admin = here.staff("admin")
    assert admin.post("/staff/accounts", form).status_code == 422
    assert told in admin.text()
    assert "<b onclick" not in admin.page.text
    assert "共 3 个账号" in admin.text()
    assert here.logged() == []


def test_an_admin_changes_roles_turns_off_and_on_and_gives_a_new_link(here: StaffSite) -> None:
    admin, path = here.staff("admin"), f"/staff/accounts/{NAMES['reader']}"
    assert admin.post(f"{path}/role", {"role": "officer"}).headers["location"] == "/staff/accounts"
    assert admin.post(f"{path}/role", {"role": "root"}).status_code == 422
    assert admin.post(f"{path}/off").status_code == 303
    assert "已停用" in admin.get("/staff/accounts").text
    assert admin.post(f"{path}/link").status_code == 409
    assert admin.post(f"{path}/on").status_code == 303
    assert admin.post(f"{path}/link").status_code == 200
    assert [(action, what, detail) for _, action, what, detail, _ in here.logged()] == [
        ("改权限", NAMES["reader"], "reader → officer"),
        ("停用账号", NAMES["reader"], ""),
        ("启用账号", NAMES["reader"], ""),
        ("发一次性链接", NAMES["reader"], ""),
    ]


def test_nobody_takes_their_own_rights_so_that_an_admin_is_left(here: StaffSite) -> None:
    admin, path = here.staff("admin"), f"/staff/accounts/{NAMES['admin']}"
    assert admin.post(f"{path}/off").status_code == 409
    assert admin.post(f"{path}/role", {"role": "reader"}).status_code == 409
    assert "不能改自己的账号" in admin.text()
    assert is_in(admin)


# Commands


def test_the_server_says_at_start_how_to_make_the_first_account(tmp_path: Path) -> None:
    def told() -> list[str]:
        talk, settings = Talk(tmp_path, TODAY), settings_for(tmp_path)
        application = make_app(talk.desk, settings, at_end=talk.desk.store.close)
        lines = report(application, settings, "http://here")
        application.state.end()
        return [line for line in lines if "工作台" in line]

    assert told() == ["工作台：http://here/staff/（还没有账号，用 yizhan staff add 姓名 新建第一个）"]
    assert run(tmp_path, "add", "王芳").exit_code == 0
    assert told() == ["工作台：http://here/staff/"]


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
