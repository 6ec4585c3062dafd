"""Every staff route × everybody who may knock × somebody else's object. A route without a line in LINES fails.

A new page adds its line; a new kind of object its maker to MAKERS.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from secrets import token_hex
from typing import Literal

import httpx
import pytest

from bot.export.files import file_of, folder_beside
from bot.export.jobs import queue
from bot.handle import handle
from bot.staff.session import COOKIE, FORM_COOKIE
from bot.staff.tokens import hash_of
from flows.types import Message
from storage import accounts, counter, runs, staff_sessions
from storage.accounts import ROLES
from storage.runs import Run
from tests.staff_site import NAMES, PUBLIC, Browser, StaffSite, forged, staff_site

OPENING = "我们在柳州开了家书院，想申请认定市里的人才驿站"
OTHER = "另一位"
"""Whose objects they are where they are somebody else's."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """What is expected of a route."""

    role: str = "reader"
    """The least that may; empty: everybody."""
    owner: str = ""
    """The kind of the object that the path names."""
    others: Literal["", "shared", "private"] = ""
    """What those who may get of an object that another one made: the same, or as if it were not there."""
    form: dict[str, str] = field(default_factory=dict)
    """What a POST brings; `#` becomes another number each time, `{place}` what stands there in the path."""
    places: dict[str, str] = field(default_factory=dict)
    """What stands in the path's places where there is no object."""
    answer: int = 200


LINES: dict[tuple[str, str], Line] = {
    ("GET", "/staff/"): Line(),
    ("GET", "/staff/login"): Line(role="", answer=303),
    ("POST", "/staff/login"): Line(role="", form={"name": "谁", "password": "不对"}, answer=403),
    ("POST", "/staff/logout"): Line(answer=303),
    ("GET", "/staff/password"): Line(),
    ("POST", "/staff/password"): Line(form={"old": "不对", "password": "hw9dkq2mzx7p", "again": "hw9dkq2mzx7p"}, answer=403),
    ("GET", "/staff/link/{token}"): Line(role="", places={"token": forged()}, answer=404),
    ("POST", "/staff/link/{token}"): Line(role="", places={"token": forged()}, form={"password": "x", "again": "x"}, answer=404),
    ("GET", "/staff/drafts"): Line(),
    ("GET", "/staff/drafts/{draft}"): Line(owner="draft", others="shared"),
    ("GET", "/staff/drafts/{draft}/preview"): Line(owner="draft", others="shared"),
    ("POST", "/staff/drafts/{draft}/mark"): Line(
        role="officer",
        owner="draft",
        others="shared",
        form={"mark": "returned", "reason": "缺章", "id": "form-of-the-matrix-#"},
        answer=303,
    ),
    ("POST", "/staff/drafts/{draft}/assign"): Line(
        role="officer", owner="draft", others="shared", form={"assignee": NAMES["officer"]}, answer=303
    ),
    ("POST", "/staff/drafts/{draft}/note"): Line(
        role="officer", owner="draft", others="shared", form={"text": "打过电话", "id": "form-of-the-matrix-#"}, answer=303
    ),
    ("POST", "/staff/drafts/{draft}/number"): Line(role="officer", owner="draft", others="shared"),
    ("GET", "/staff/reminders"): Line(role="officer"),
    ("GET", "/staff/reminders/due"): Line(role="officer"),
    ("POST", "/staff/reminders/send"): Line(role="officer", answer=303),
    ("POST", "/staff/reminders/date"): Line(role="officer", form={"draft": "none", "rule": "none", "day": ""}, answer=422),
    ("GET", "/staff/reminders/new"): Line(role="officer"),
    ("POST", "/staff/reminders/new"): Line(role="officer", form={"name": "年末", "wording": "请接着填。"}, answer=303),
    ("GET", "/staff/reminders/{run}"): Line(role="officer", owner="campaign", others="shared"),
    ("GET", "/staff/reminders/{run}/state"): Line(role="officer", owner="campaign", others="shared"),
    ("POST", "/staff/reminders/{run}/number"): Line(role="officer", owner="campaign", others="shared", form={"draft": "{draft}"}),
    ("POST", "/staff/reminders/{run}/{change}"): Line(role="officer", owner="campaign", others="shared", answer=303),
    ("GET", "/staff/inbox"): Line(),
    ("GET", "/staff/inbox/{handover}"): Line(owner="handover", others="shared"),
    ("POST", "/staff/inbox/{handover}/answer"): Line(
        role="officer", owner="handover", others="shared", form={"text": "您好", "id": "form-of-the-matrix-#"}, answer=303
    ),
    ("POST", "/staff/inbox/{handover}/back"): Line(
        role="officer", owner="handover", others="shared", form={"id": "form-of-the-matrix-#"}, answer=303
    ),
    ("POST", "/staff/inbox/{handover}/assign"): Line(
        role="officer", owner="handover", others="shared", form={"assignee": NAMES["officer"]}, answer=303
    ),
    ("GET", "/staff/walk-in"): Line(role="officer"),
    ("POST", "/staff/walk-in/new"): Line(role="officer", answer=303),
    ("GET", "/staff/walk-in/{person}"): Line(role="officer", owner="walk-in", others="shared"),
    ("POST", "/staff/walk-in/{person}/say"): Line(
        role="officer", owner="walk-in", others="shared", form={"text": "帮助", "id": "form-of-the-matrix-#"}, answer=303
    ),
    ("GET", "/staff/walk-in/{person}/file"): Line(role="officer", owner="walk-in", others="shared"),
    ("POST", "/staff/walk-in/{person}/end"): Line(role="officer", owner="walk-in", others="shared", form={"sure": "1"}, answer=303),
    ("GET", "/staff/figures"): Line(),
    ("GET", "/staff/questions"): Line(),
    ("GET", "/staff/questions/export"): Line(role="officer"),
    ("POST", "/staff/questions/move"): Line(role="officer", form={"rows": "none", "before": "pending", "after": "done"}, answer=303),
    ("GET", "/staff/exports"): Line(role="officer"),
    ("POST", "/staff/exports"): Line(role="officer", form={"format": "csv"}, answer=303),
    ("GET", "/staff/exports/list"): Line(role="officer"),
    ("GET", "/staff/exports/{export}/file"): Line(role="officer", owner="export", others="private"),
    ("POST", "/staff/exports/{export}/{change}"): Line(role="officer", owner="export", others="private", answer=303),
    ("GET", "/staff/knowledge"): Line(),
    ("GET", "/staff/knowledge/{programme}"): Line(places={"programme": "putian-yizhan"}),
    ("GET", "/staff/changes"): Line(),
    ("GET", "/staff/accounts"): Line(role="admin"),
    ("POST", "/staff/accounts"): Line(role="admin", form={"name": "新来的#", "role": "reader"}),
    ("POST", "/staff/accounts/{account}/role"): Line(role="admin", owner="account", others="shared", form={"role": "officer"}, answer=303),
    ("POST", "/staff/accounts/{account}/off"): Line(role="admin", owner="account", others="shared", answer=303),
    ("POST", "/staff/accounts/{account}/on"): Line(role="admin", owner="account", others="shared", answer=303),
    ("POST", "/staff/accounts/{account}/link"): Line(role="admin", owner="account", others="shared"),
    ("GET", "/staff/log"): Line(role="admin"),
}


def an_account(here: StaffSite, maker: str) -> dict[str, str]:
    """An account has no maker of its own: any admin may change any but their own."""
    with here.store.reading() as db:
        number = len(accounts.accounts(db))
    return {"account": here.account(f"{maker}的同事{number}", "reader")}


def a_campaign(here: StaffSite, maker: str) -> dict[str, str]:
    """A run of reminders that is only planned, and a draft whose person it would reach: officers see each other's."""
    at = here.clock()
    made = Run(id=token_hex(8), kind="campaign", name="年末", wording="请接着填。", starts_at=at, made_by=maker, made_at=at)
    with here.store.writing() as db:
        runs.add_run(db, made)
    return {"run": made.id, "change": "begin", **a_draft(here, maker)}


def a_walk_in(here: StaffSite, maker: str) -> dict[str, str]:
    """Somebody at the counter, amid an application: officers go on for each other."""
    sender = token_hex(16)
    with here.store.writing() as db:
        counter.begin(db, sender, maker)
    for text in (OPENING, "联谊型"):
        handle(here.desk, Message(channel="counter", sender=sender, id=forged(), text=text, received_at=here.clock()))
    return {"person": sender}


def a_handover(here: StaffSite, _: str) -> dict[str, str]:
    """Somebody who asked for a person: staff answer for each other."""
    found = here.desk.store.pending("handover") or (here.talk.say("人工") and here.desk.store.pending("handover"))
    return {"handover": found[0].id}


def an_export(here: StaffSite, maker: str) -> dict[str, str]:
    """A finished export: nobody but its maker sees it."""
    at = here.clock()
    with here.store.writing() as db:
        made = queue(db, made_by=maker, kind="csv", audience="", bank=False, reason="", day="2026-11-22", now=at)
        db.execute("UPDATE exports SET state = 'done', name = 'a.csv', expires_at = ? WHERE id = ?", (at.timestamp() + 3600, made.id))
    folder = folder_beside(here.desk.files)
    folder.mkdir(exist_ok=True)
    file_of(folder, made.id).write_bytes(b"export")
    return {"export": made.id, "change": "delete"}


def a_draft(here: StaffSite, _: str) -> dict[str, str]:
    """An applicant's draft: all who may see drafts see it."""
    return {"draft": here.desk.store.draft_ids(here.talk.message("").person)[0]}


MAKERS: dict[str, Callable[[StaffSite, str], dict[str, str]]] = {
    "account": an_account,
    "campaign": a_campaign,
    "draft": a_draft,
    "export": an_export,
    "handover": a_handover,
    "walk-in": a_walk_in,
}
"""Makes an object of that kind for that account; the places of the path."""
UNKNOWN = {"account": "没有的人"}
"""A value for each place that names nothing; for all others a random id."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StaffSite]:
    with staff_site(tmp_path_factory.mktemp("staff")) as found:
        found.account(OTHER, "admin")
        found.account("停用的", "admin")
        found.talk.say(OPENING)
        yield found


def logged_out(here: StaffSite) -> Browser:
    browser = here.staff("admin")
    kept = browser.cookies[COOKIE]
    assert browser.post("/staff/logout").status_code == 303
    browser.cookies[COOKIE] = kept
    return browser


def turned_off(here: StaffSite) -> Browser:
    browser = here.staff("停用的")
    with here.store.writing() as db:
        db.execute("UPDATE staff SET active = 0 WHERE name = '停用的'")
    return browser


def idle(here: StaffSite) -> Browser:
    browser = here.staff("admin")
    _age(here, browser, "seen_at", staff_sessions.IDLE_SECONDS)
    return browser


def too_old(here: StaffSite) -> Browser:
    browser = here.staff("admin")
    _age(here, browser, "began_at", staff_sessions.LONGEST_SECONDS)
    return browser


def with_an_invented_id(here: StaffSite) -> Browser:
    browser = here.stranger()
    browser.cookies[COOKIE] = forged()
    return browser


def _age(here: StaffSite, browser: Browser, column: str, seconds: float) -> None:
    with here.store.writing() as db:
        query = f"UPDATE staff_sessions SET {column} = {column} - ? WHERE id = ?"
        assert db.execute(query, (seconds, hash_of(browser.cookies[COOKIE]))).rowcount == 1


OUTSIDERS: dict[str, Callable[[StaffSite], Browser]] = {
    "nobody": lambda here: here.stranger(),
    "invented": with_an_invented_id,
    "logged out": logged_out,
    "turned off": turned_off,
    "idle": idle,
    "too old": too_old,
}
NUMBERS = count(1)
ROUTES = pytest.mark.parametrize(("method", "path"), LINES)


def knock(here: StaffSite, browser: Browser, method: str, path: str, places: dict[str, str], **headers: str) -> httpx.Response:
    where = path.format(**places)
    if path in ("/staff/login", "/staff/password"):
        no_waiting(here)
    return browser.get(where, **headers) if method == "GET" else browser.post(where, form_of(LINES[method, path], places), **headers)


def form_of(line: Line, places: dict[str, str]) -> dict[str, str]:
    return {name: value.format(**places).replace("#", str(next(NUMBERS))) for name, value in line.form.items()}


def no_waiting(here: StaffSite) -> None:
    """Forget failed log-ins: here they are many."""
    with here.store.writing() as db:
        db.execute("DELETE FROM staff_failures")


def places_of(here: StaffSite, line: Line, maker: str) -> dict[str, str]:
    return MAKERS[line.owner](here, maker) if line.owner else line.places


def test_every_route_of_the_console_has_its_line(here: StaffSite) -> None:
    found = {(method, path) for method, path in here.paths if path.startswith("/staff")}
    assert len(found) >= 13
    assert found == set(LINES)


@ROUTES
@pytest.mark.parametrize("who", OUTSIDERS)
def test_who_is_not_logged_in_gets_the_log_in_alone(here: StaffSite, method: str, path: str, who: str) -> None:
    line = LINES[method, path]
    answer = knock(here, OUTSIDERS[who](here), method, path, places_of(here, line, OTHER))
    if line.role:
        assert answer.status_code == 303
        assert answer.headers["location"].split("?")[0] == "/staff/login"
        assert answer.text == ""
    else:
        assert answer.status_code == (200 if (method, path) == ("GET", "/staff/login") else line.answer)


@ROUTES
@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_what_it_may_and_no_more(here: StaffSite, method: str, path: str, role: str) -> None:
    line = LINES[method, path]
    answer = knock(here, here.staff(role), method, path, places_of(here, line, NAMES[role]))
    may = not line.role or ROLES.index(role) >= ROLES.index(line.role)
    assert answer.status_code == (line.answer if may else 403), answer.text
    if not may:
        assert "没有做这件事的权限" in answer.text
        assert here.logged()[-1] == (NAMES[role], "越权", path, "", "拒绝")


@ROUTES
@pytest.mark.parametrize("role", ROLES)
def test_somebody_elses_object_is_shared_or_as_if_it_were_not_there(here: StaffSite, method: str, path: str, role: str) -> None:
    line = LINES[method, path]
    assert bool(line.owner) is bool(line.others)
    assert bool(line.owner) or "{" not in path or line.places
    if not line.owner or ROLES.index(role) < ROLES.index(line.role or "reader"):
        return
    theirs = places_of(here, line, OTHER)
    nothing = {place: UNKNOWN.get(place, forged()) for place in theirs}
    unknown = knock(here, here.staff(role), method, path, nothing)
    assert unknown.status_code == 404
    answer = knock(here, here.staff(role), method, path, theirs)
    assert answer.status_code == (line.answer if line.others == "shared" else 404), answer.text
    if line.others == "private":
        assert without_tokens(answer) == without_tokens(unknown)


def without_tokens(answer: httpx.Response) -> str:
    """The page without what differs from session to session."""
    return re.sub("[0-9a-f]{64}", "…", answer.text)


POSTS = [key for key in LINES if key[0] == "POST"]


@pytest.mark.parametrize(("method", "path"), POSTS)
def test_a_form_that_is_not_ours_does_nothing(here: StaffSite, method: str, path: str) -> None:
    line = LINES[method, path]
    places = places_of(here, line, OTHER)
    where, browser = path.format(**places), here.staff("admin")
    before = here.logged()
    foreign = here.staff("admin").token(where)
    for token in ("", "0" * 64, "令牌", foreign):
        assert browser.post(where, line.form, csrf=token).status_code == 403, token
    for header, value in (("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://elsewhere.example")):
        assert browser.post(where, line.form, **{header: value}).status_code == 403, value
    assert "没有通过检查" in browser.page.text
    assert here.logged() == before
    browser.cookies.pop(FORM_COOKIE, None)
    if where.startswith(PUBLIC):
        assert browser.http.post(where, data=line.form).status_code == 403  # not even the cookie
    assert knock(here, browser, method, path, places).status_code == (404 if line.others == "private" else line.answer)


@ROUTES
def test_every_answer_has_the_headers_that_keep_pages_apart(here: StaffSite, method: str, path: str) -> None:
    line = LINES[method, path]
    answer = knock(here, here.staff("admin"), method, path, places_of(here, line, NAMES["admin"]))
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "unsafe" not in answer.headers["content-security-policy"]
    for attribute in ("style=", "onclick=", "<script>", "<style"):
        assert attribute not in answer.text
