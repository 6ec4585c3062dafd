"""The pages of reminders: what is due, a campaign from its form over the dry run to its report, whom to call, who may."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from bot.staff.reminders import EXAMPLE, PLACE_WORDS
from knowledge.reminders import PLACES, wording_problem
from storage import reminders
from tests.reminder_people import draft_of, person, seed
from tests.staff_site import Browser, StaffSite, staff_site
from tests.telegram_bot import until

HOME = "/staff/reminders"
TODAY = "2027-01-12"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[StaffSite]:
    with staff_site(tmp_path, today=TODAY) as made:
        yield made


@pytest.fixture
def officer(here: StaffSite) -> Browser:
    return here.staff("officer")


def campaign(officer: Browser, **changed: str) -> str:
    """Fill in the form of a new campaign; the address of its page."""
    given = {"name": "培训通知", "wording": "{{ name }}：周五有培训。", "programme": "", "service": "", "audience": "", "starts_at": ""}
    found = officer.post(f"{HOME}/new", {**given, **changed})
    assert found.status_code == 303, found.text
    return found.headers["location"]


def run_of(here: StaffSite, address: str) -> tuple[str, int, int]:
    with here.store.reading() as db:
        return db.execute("SELECT state, seen, total FROM campaigns WHERE id = ?", (address.rsplit("/", 1)[1],)).fetchone()


def states(here: StaffSite) -> list[tuple[str, str]]:
    with here.store.reading() as db:
        return db.execute("SELECT state, note FROM pushes WHERE kind = 'reminder' ORDER BY sender").fetchall()


async def begun(here: StaffSite, officer: Browser, address: str) -> None:
    """Confirm it and wait until the server has queued everything."""
    assert officer.post(f"{address}/begin").status_code == 303
    await until(lambda: run_of(here, address)[0] == "done")


def test_the_page_says_what_the_rules_are_and_what_was_sent(here: StaffSite, officer: Browser) -> None:
    assert officer.get(HOME).status_code == 200
    text = officer.text()
    assert "申报截止提醒 （所有项目）：申报截止前 14、3 天" in re.sub(r"\s+", " ", text)
    assert "管理期将满" in text
    assert "工作站管理期的最后一天前 90、30 天" in text
    assert "还没有发过提醒" in text
    assert "21:00 到次日 08:30 不发" in text


def test_what_is_due_is_shown_and_sent_with_a_line_in_the_log(here: StaffSite, officer: Browser) -> None:
    seed(here.store, 3, channel="web", reach=None)
    seed(here.store, 2, channel="telegram", first=3)
    officer.get(f"{HOME}/due", **{"hx-request": "true"})
    assert "<html" not in officer.page.text
    assert "会发 3 条" in officer.text()
    assert "不发：Telegram 没有启用" in officer.text()
    assert states(here) == []
    address = officer.post(f"{HOME}/send").headers["location"]
    assert address == f"{HOME}/rules-{TODAY}"
    assert ("经办员", "发送到期提醒", f"rules-{TODAY}", "", "成功") in here.logged()
    assert officer.get(address).status_code == 200
    assert officer.get(f"{HOME}/due").text.count("<html") == 1


async def test_a_campaign_goes_from_form_over_dry_run_to_its_report(here: StaffSite, officer: Browser) -> None:
    seed(here.store, 4, channel="web", reach=None)
    seed(here.store, 2, first=4)
    address = campaign(officer)
    officer.get(address)
    text = officer.text()
    assert "看了 6 份草稿，共 6 条： 会发 4 条 ，不发 2 条" in re.sub(r"\s+", " ", text)
    assert "龙城书院驿站：周五有培训。" in text
    assert "回复“退订”不再提醒" in text
    assert "联系不上或只能等对方来的（6）" in text
    assert text.count("*******1234") == 6
    assert "13900001234" not in officer.page.text
    assert run_of(here, address) == ("draft", 0, 0)
    assert states(here) == []
    await begun(here, officer, address)
    assert [state for state, _ in states(here)] == ["kept"] * 4
    officer.get(address)
    text = re.sub(r"\s+", " ", officer.text())
    assert "排了 4 条：已发 0，排队 0，等对方来时显示 4，没发成 0；另有 2 人联系不上。" in text
    assert run_of(here, address) == ("done", 6, 6)
    assert [line[1] for line in here.logged()] == ["新建提醒", "确认发送提醒"]
    officer.get(HOME)
    assert "已排完" in officer.text()
    assert officer.post(f"{address}/begin").status_code == 409


async def test_the_audience_is_the_programme_and_service_that_were_chosen(here: StaffSite, officer: Browser) -> None:
    seed(here.store, 2, channel="web", drafts=2)
    address = campaign(officer, programme="liuzhou-yizhan", service="recognition")
    officer.get(address)
    assert "看了 2 份草稿" in officer.text()
    await begun(here, officer, address)
    with here.store.reading() as db:
        assert {row[0] for row in db.execute("SELECT draft FROM reminded")} == {draft_of(n, "web", 1) for n in range(2)}


def test_the_filter_of_the_list_comes_along(here: StaffSite, officer: Browser) -> None:
    seed(here.store, 2, channel="web")
    seed(here.store, 1, first=2)
    officer.get(f"{HOME}/new?service=subsidy&channel=web&until=2026-06-30&page=3")
    assert "还按名单里的筛选：渠道：网页，改动不晚于：2026年6月30日。" in officer.text()
    audience = re.findall(r'name="audience" value="([^"]*)"', officer.page.text)
    address = campaign(officer, audience=unescape(audience[0]), programme="liuzhou-yizhan", service="subsidy")
    officer.get(address)
    assert "看了 2 份草稿" in officer.text()
    assert "发给：项目：柳州市人才驿站，事项：建设补助资金，渠道：网页" in officer.text()
    assert officer.get(f"{HOME}/new?until=gestern&mark=x").status_code == 200


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": ""}, "名称要写 1 到 20 个字"),
        ({"name": "长" * 21}, "名称要写 1 到 20 个字"),
        ({"wording": " "}, "提醒的话要写 1 到 500 个字"),
        ({"wording": "{{ bank_card }}"}, "不认识的占位 bank_card"),
        ({"wording": "{{ name"}, "模板写法有误"),
        ({"wording": "{% for x in range(9) %}{{ x }}{% endfor %}"}, "不能用的写法"),
        ({"wording": "{{ 'a' * 9999999999 }}"}, "不能用的写法"),
        ({"wording": "{{ name | center(999999999) }}"}, "不能用的写法"),
        ({"starts_at": "morgen"}, "时间写成"),
    ],
)
def test_a_form_with_a_mistake_says_which_and_keeps_what_was_typed(
    here: StaffSite, officer: Browser, changed: dict[str, str], words: str
) -> None:
    given = {"name": "培训通知", "wording": "<b>{{ name }}</b>", "starts_at": "", **changed}
    found = officer.post(f"{HOME}/new", given)
    assert found.status_code == 422
    assert words in officer.text()
    assert 'aria-invalid="true"' in found.text
    if "wording" not in changed:
        assert "&lt;b&gt;{{ name }}&lt;/b&gt;" in found.text
    with here.store.reading() as db:
        assert db.execute("SELECT count(*) FROM campaigns").fetchone() == (0,)


def test_names_with_markup_are_shown_as_text(here: StaffSite, officer: Browser) -> None:
    name = "<script>alert(1)</script>\\u001b[31m=1+1"
    seed(here.store, 1, answers={"station_name": f'"{name}"', "leader_name": '"<img src=x>"', "leader_mobile": '"13900001234"'})
    address = campaign(officer, name="<i>通知</i>", wording="<b>{{ name }}</b>")
    officer.get(address)
    assert "<script>alert" not in officer.page.text
    assert "<img" not in re.sub(r'<img src="/static[^>]*>', "", officer.page.text)
    assert "<i>" not in officer.page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in officer.page.text


async def test_paused_resumed_and_cancelled_from_the_page(tmp_path: Path) -> None:
    with staff_site(tmp_path, today=TODAY) as here:
        seed(here.store, 3, channel="web", reach=None)
        officer = here.staff("officer")
        address = campaign(officer)
        run_id = address.rsplit("/", 1)[1]
        officer.post(f"{address}/begin")
        assert officer.post(f"{address}/pause").status_code == 303
        assert run_of(here, address)[0] == "paused"
        officer.get(address)
        assert "继续发" in officer.text()
        assert officer.post(f"{address}/pause").status_code == 409
        assert officer.post(f"{address}/resume").status_code == 303
        assert officer.post(f"{address}/cancel").status_code == 303
        officer.get(address)
        assert "已取消" in officer.text()
        assert "继续发" not in officer.text()
        actions = [line[1:3] for line in here.logged()]
        assert actions == [(a, run_id) for a in ("新建提醒", "确认发送提醒", "暂停提醒", "恢复提醒", "取消提醒")]


async def test_a_number_is_shown_whole_upon_a_click_that_is_logged(here: StaffSite, officer: Browser) -> None:
    seed(here.store, 1, reach="blocked")
    address = campaign(officer)
    await begun(here, officer, address)
    officer.get(address)
    assert "*******1234" in officer.text()
    assert "13900001234" not in officer.page.text
    officer.post(f"{address}/number", {"draft": draft_of(0)})
    assert "13900001234" in officer.text()
    line = here.logged()[-1]
    assert line[:4] == ("经办员", "查看手机号", draft_of(0), f"提醒 {address.rsplit('/', 1)[1]}")
    assert "13900001234" not in "".join(line)
    assert officer.post(f"{address}/number", {"draft": "another"}).status_code == 404


def test_the_piece_that_changes_asks_again_only_while_something_goes_on(here: StaffSite, officer: Browser) -> None:
    seed(here.store, 1, channel="web", reach=None)
    address = campaign(officer, starts_at="2099-01-01T09:00")
    assert officer.post(f"{address}/begin").status_code == 303
    officer.get(f"{address}/state", **{"hx-request": "true"})
    assert 'hx-trigger="every 2s"' in officer.page.text
    assert "hx-refresh" not in officer.page.headers
    assert "<html" not in officer.page.text
    officer.post(f"{address}/cancel")
    officer.get(f"{address}/state", **{"hx-request": "true"})
    assert "hx-trigger" not in officer.page.text
    assert officer.page.headers["hx-refresh"] == "true"


def test_a_date_that_only_staff_know_is_entered(here: StaffSite, officer: Browser) -> None:
    seed(here.store, 2)
    with here.store.writing() as db:
        db.execute("UPDATE drafts SET programme = 'liuzhou-gongzuozhan', service = 'establishment' WHERE sender = ?", (person(0).sender,))
    given = {"rule": "management_end", "draft": draft_of(0), "day": "2025-02-01"}
    assert officer.post(f"{HOME}/date", given).headers["location"] == f"{HOME}?done=1"
    assert ("经办员", "登记起算日", draft_of(0), "management_end", "成功") == here.logged()[-1]
    with here.store.reading() as db:
        assert reminders.recorded(db) == {draft_of(0): {"management_end": "2025-02-01"}}
    for changed, words in (
        ({"draft": "none"}, "没有这份草稿"),
        ({"draft": draft_of(1)}, "没有这条规则"),
        ({"rule": "idle"}, "没有这条规则"),
        ({"day": "gestern"}, "日期写成"),
    ):
        assert officer.post(f"{HOME}/date", {**given, **changed}).status_code == 422
        assert words in officer.text()
    officer.post(f"{HOME}/date", {**given, "day": ""})
    with here.store.reading() as db:
        assert reminders.recorded(db) == {}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", HOME),
        ("GET", f"{HOME}/due"),
        ("GET", f"{HOME}/new"),
        ("POST", f"{HOME}/new"),
        ("POST", f"{HOME}/send"),
        ("POST", f"{HOME}/date"),
        ("GET", f"{HOME}/x"),
        ("POST", f"{HOME}/x/begin"),
        ("POST", f"{HOME}/x/number"),
    ],
)
def test_a_reader_may_not(here: StaffSite, method: str, path: str) -> None:
    reader = here.staff("reader")
    found = reader.get(path) if method == "GET" else reader.post(path)
    assert found.status_code == 403


def test_a_run_or_change_that_is_not_there_is_missing(here: StaffSite, officer: Browser) -> None:
    address = campaign(officer)
    assert officer.get(f"{HOME}/none").status_code == 404
    assert officer.get(f"{HOME}/none/state").status_code == 404
    assert officer.post(f"{HOME}/none/begin").status_code == 404
    assert officer.post(f"{address}/explode").status_code == 404
    assert officer.post(f"{address}/begin", csrf="wrong").status_code == 403
    assert run_of(here, address)[0] == "draft"


def test_a_long_list_is_paged(here: StaffSite, officer: Browser) -> None:
    seed(here.store, 120, channel="web", reach=None)
    address = campaign(officer)
    officer.get(address)
    assert "第 1 页" in officer.text()
    assert "下一页" in officer.text()
    officer.get(f"{address}?page=3")
    assert "下一页" not in officer.text()
    assert officer.get(f"{address}?page=x").status_code == 200
    assert officer.get(f"{address}?page=99999999999").status_code == 200


def test_the_words_for_placeholders_name_every_one(here: StaffSite) -> None:
    assert set(PLACE_WORDS) == PLACES["campaign"]
    assert wording_problem(EXAMPLE, "campaign") is None
