"""Applicants at the counter: staff type, the person consents, goes on in a channel of their own by a code, and nothing is left."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.handle import handle
from flows.assistant import Judging
from flows.position import taken_here
from flows.types import CODE_MARK, Message, PersonKey, Session
from knowledge.load import library
from storage import counter
from tests.site import Visitor
from tests.staff_site import NAMES, Browser, StaffSite, forged, staff_site
from tests.willing import answer

OPENING = "我们在柳州开了家书院，想申请认定市里的人才驿站"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[StaffSite]:
    with staff_site(tmp_path) as found:
        yield found


def begun(here: StaffSite, browser: Browser) -> str:
    """The path of somebody new at the counter."""
    return str(browser.post("/staff/walk-in/new").headers["location"])


def person(path: str) -> PersonKey:
    return PersonKey(channel="counter", sender=path.rsplit("/")[-1])


def say(browser: Browser, path: str, text: str, name: str = "text") -> int:
    """Send the form of the page as it is."""
    page = browser.get(path).text
    hidden = {key: re.search(rf'name="{key}" value="([^"]*)"', page)[1] for key in ("id", "revision")}  # type: ignore[index]  # each is there
    return browser.post(f"{path}/say", {**hidden, name: text}).status_code


def code_of(browser: Browser, path: str) -> str:
    found = re.search(r"继续码：([0-9A-Z]{4}-[0-9A-Z]{4})", browser.get(path).text)
    assert found
    return found[1]


def to_the_consent(here: StaffSite, browser: Browser, path: str) -> None:
    say(browser, path, OPENING)
    for _ in range(40):
        asked = here_asks(here, path)
        assert asked
        if asked.field == "consent":
            return
        assert say(browser, path, answer(asked)) == 303
    raise AssertionError("no consent was asked for")


def here_asks(here: StaffSite, path: str):  # type: ignore[no-untyped-def]  # flows.types.Asking | None
    from tests.site import asked

    return asked(here.desk, person(path))


def test_staff_type_what_the_person_says_and_press_what_they_choose(here: StaffSite) -> None:
    officer = here.staff("officer")
    path = begun(here, officer)
    assert re.fullmatch(r"/staff/walk-in/[0-9a-f]{32}", path)
    assert 'value="柳州市人才驿站"' in officer.get(path).text
    assert say(officer, path, OPENING) == 303
    assert 'name="choice" value="联谊型"' in officer.get(path).text
    say(officer, path, "联谊型", "choice")
    draft = here.desk.store.load(person(path)).draft
    assert draft is not None
    assert draft.value("station_type") == "lianyi"
    assert NAMES["officer"] in officer.get("/staff/walk-in").text
    assert here.logged()[-1][1:3] == ("柜台接待", person(path).sender)


def test_a_button_of_an_earlier_question_does_nothing_and_a_form_sent_twice_counts_once(here: StaffSite) -> None:
    officer = here.staff("officer")
    path = begun(here, officer)
    say(officer, path, OPENING)
    form = {"id": "a" * 22, "revision": "1", "choice": "联谊型"}
    assert officer.post(f"{path}/say", form).status_code == 303
    assert officer.post(f"{path}/say", {**form, "id": "b" * 22, "choice": "窗口型"}).status_code == 422
    assert "没有记下" in officer.page.text
    for _ in range(2):
        assert officer.post(f"{path}/say", {"id": "c" * 22, "text": "帮助"}).status_code == 303
    assert here.desk.store.load(person(path)).revision == 3
    assert officer.post(f"{path}/say", {"id": "no", "text": "帮助"}).status_code == 404


def test_the_notice_is_for_the_person_and_before_their_yes_nothing_personal_is_kept(here: StaffSite) -> None:
    officer = here.staff("officer")
    path = begun(here, officer)
    say(officer, path, "我叫韦建国，电话13877220001")
    to_the_consent(here, officer, path)
    assert "请让申请人本人看上面这段告知" in officer.get(path).text
    assert "13877220001" not in officer.page.text
    say(officer, path, "同意", "choice")
    assert "请让申请人本人看上面这段告知" not in officer.get(path).text
    assert [c.kind for c in here.desk.store.load(person(path)).consents if c.given] == ["personal"]


def test_the_person_goes_on_in_the_browser_by_the_code_and_the_counter_lets_go(here: StaffSite) -> None:
    officer = here.staff("officer")
    path = begun(here, officer)
    to_the_consent(here, officer, path)
    say(officer, path, "同意", "choice")
    say(officer, path, "继续码", "choice")
    assert "继续码已给，等本人接着填" in officer.get(path).text
    code = code_of(officer, path)
    visitor = Visitor(here)
    here.visitors.append(visitor)
    visitor.say(f"继续码 {code}")
    assert "接上了" in visitor.page.text
    theirs, ours = here.desk.store.load(visitor.person).draft, here.desk.store.load(person(path)).draft
    assert theirs is not None
    assert ours is not None
    assert {a.field: a.value for a in theirs.answers} == {a.field: a.value for a in ours.answers}
    assert "本人已经接过去" in officer.get(path).text
    again = Visitor(here)
    here.visitors.append(again)
    again.say(f"继续码 {code}")
    assert "已用过或过期" in again.page.text
    assert officer.post(f"{path}/end").status_code == 422
    assert officer.post(f"{path}/end", {"sure": "1"}).status_code == 303
    assert officer.get(path).status_code == 404
    assert here.desk.store.load(person(path)).revision == 0
    assert here.desk.store.load(visitor.person).draft is not None
    assert [entry[1] for entry in here.logged()] == ["柜台接待", "给继续码", "柜台删除"]
    assert code.replace("-", "") not in "".join("".join(entry) for entry in here.logged())


def test_a_code_that_nobody_used_expires_and_that_is_said(here: StaffSite) -> None:
    officer = here.staff("officer")
    path = begun(here, officer)
    say(officer, path, OPENING)
    say(officer, path, "继续码", "choice")
    here.clock.go(minutes=16)
    assert "继续码过期" in officer.get(path).text
    say(officer, path, "继续码", "choice")
    with here.store.reading() as db:
        assert [one.handed for one in counter.walk_ins(db, CODE_MARK, here.clock())] == ["open"]


def test_documents_can_be_printed_at_the_counter_and_that_is_logged(here: StaffSite) -> None:
    officer = here.staff("officer")
    path = begun(here, officer)
    assert officer.get(f"{path}/file").status_code == 404  # no draft yet
    say(officer, path, OPENING)
    form = officer.get(f"{path}/file")
    assert form.content.startswith(b"PK")
    assert officer.get(f"{path}/file?kind=form_pdf").content.startswith(b"%PDF")
    assert officer.get(f"{path}/file?kind=../x").status_code == 404
    assert [entry[1:4] for entry in here.logged()][-2:] == [
        ("柜台下载", person(path).sender, "form"),
        ("柜台下载", person(path).sender, "form_pdf"),
    ]


def test_deleting_in_the_conversation_ends_the_service(here: StaffSite) -> None:
    officer = here.staff("officer")
    path = begun(here, officer)
    say(officer, path, OPENING)
    say(officer, path, "删除我的数据")
    assert say(officer, path, "是") == 303
    assert officer.page.headers["location"] == "/staff/walk-in"
    assert officer.get(path).status_code == 404
    assert here.logged()[-1][1] == "柜台删除"


def test_only_people_of_the_counter_are_served_there(here: StaffSite) -> None:
    sender = "0" * 32
    handle(here.desk, Message(channel="console", sender=sender, id=forged(), text=OPENING, received_at=here.clock()))
    handle(here.desk, Message(channel="counter", sender="f" * 32, id=forged(), text=OPENING, received_at=here.clock()))
    officer = here.staff("officer")
    for path in (f"/staff/walk-in/{sender}", f"/staff/walk-in/{'f' * 32}", "/staff/walk-in/xyz"):
        assert officer.get(path).status_code == 404, path
        assert officer.post(f"{path}/say", {"id": "a" * 22, "text": "x"}).status_code == 404, path
    assert here.staff("reader").get("/staff/walk-in").status_code == 403


def test_the_counter_takes_personal_data_whatever_channels_the_setting_names() -> None:
    found = Judging(library=library(), personal_channels=frozenset())
    field = next(f for s in found.library.programmes[0].latest.services for f in s.fields if f.personal)
    here, there = (Session(person=PersonKey(channel=channel, sender="1")) for channel in ("counter", "web"))
    assert taken_here(found, here, field)
    assert not taken_here(found, there, field)
