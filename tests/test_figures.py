"""Figures for staff: counted right on both sides of each limit, without anybody in them, the same in chart and table."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.handle import handle
from bot.staff.figures import KEPT, Kept
from flows.funnel import drop_off, rows, share, told
from flows.types import Message, PersonKey
from storage import figures, inbox, reminders, runs
from storage.reminders import Posting
from storage.runs import Run
from storage.store import Connection, Push
from tests.staff_site import StaffSite, forged, staff_site
from tests.talk import Talk
from tests.willing import goes_to_the_end

OPENING = "我们在柳州开了家书院，想申请认定市里的人才驿站"
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
KEY = ("liuzhou-yizhan", "recognition")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[StaffSite]:
    with staff_site(tmp_path) as found:
        yield found


def person(number: int) -> PersonKey:
    return PersonKey(channel="console", sender=f"人{number}")


def say(here: StaffSite, who: PersonKey, *texts: str) -> None:
    for text in texts:
        handle(here.desk, Message(channel=who.channel, sender=who.sender, id=forged(), text=text, received_at=here.clock()))


def draft(
    db: Connection, number: int, outcome: str, *, service: str = "x", answers: str = "", finished: str = "", at: datetime = NOW
) -> None:
    """A draft written straight into the tables; `answers`: a letter a question, R the review, P the going on."""
    key, moment = ("console", f"s{number}"), at.isoformat()
    names = {"R": "review", "P": "proceed"}
    judged = json.dumps([["outcome", outcome], ["rule", "met"]], separators=(",", ":")) if outcome else "[]"
    db.execute("INSERT INTO people (channel, sender, revision, state, seen_at) VALUES (?, ?, 1, '{}', '') ON CONFLICT DO NOTHING", key)
    db.execute(
        "INSERT INTO drafts (channel, sender, id, place, programme, service, created_at, updated_at, finished_at, rules, judged)"
        " VALUES (?, ?, ?, 0, 'p', ?, ?, ?, ?, '', ?)",
        (*key, f"{number}{service}", service, moment, moment, finished or None, judged),
    )
    for place, letter in enumerate(answers):
        row = (*key, f"{number}{service}", names.get(letter, letter), place, moment)
        db.execute(
            "INSERT INTO answers (channel, sender, draft, field, place, value, at, source, sensitive)"
            " VALUES (?, ?, ?, ?, ?, 'true', ?, 'said', 0)",
            row,
        )


def test_a_number_of_people_under_five_is_withheld_and_none_is_none() -> None:
    assert [told(n) for n in (0, 1, 4, 5, 1234)] == ["0", "<5", "<5", "5", "1,234"]
    assert told(9, people=4) == "<5"
    assert told(4, people=0) == "4"
    assert [share(*pair) for pair in ((4, 100), (5, 100), (0, 100), (2, 4), (5, 5))] == ["—", "5%", "0%", "—", "100%"]


def test_bars_are_as_long_as_their_numbers_and_withheld_ones_have_none() -> None:
    made = rows([("a", 100, ()), ("b", 50, ()), ("c", 4, ()), ("d", 5, ()), ("e", 0, ())])
    assert [(row.shown, row.percent) for row in made] == [("100", 100), ("50", 50), ("<5", 0), ("5", 5), ("0", 0)]
    assert rows([("a", 1000, ()), ("b", 5, ())])[1].percent == 1
    assert rows([("a", 50, ())], 100)[0].percent == 50


def test_questions_come_in_the_order_asked_with_who_left_after_each() -> None:
    made = drop_off([("a", "甲"), ("b", "乙"), ("c", "丙")], {"b": 40, "a": 50}, {"a": 10, "b": 3, "": 7}, 100)
    assert [(row.label, row.shown, row.cells) for row in made] == [
        ("（一题也没答）", "0", ("", "7")),
        ("甲", "50", ("50%", "10")),
        ("乙", "40", ("40%", "<5")),
    ]


def test_the_funnel_counts_every_step_of_every_service(here: StaffSite) -> None:
    with here.store.writing() as db:
        draft(db, 1, "", answers="")
        draft(db, 2, "open", answers="a")
        draft(db, 3, "meets", answers="ab")
        draft(db, 4, "discretionary", answers="abR")
        draft(db, 5, "fails", answers="abRP", finished=NOW.isoformat())
        draft(db, 6, "closed", answers="a")
        draft(db, 7, "closed", answers="abP")
        draft(db, 7, "meets", service="y", answers="abR", finished=NOW.isoformat())
    with here.store.reading() as db:
        first, second = figures.funnels(db)
    assert (first.service, first.begun, first.judged, first.reviewed, first.finished) == ("x", 7, 4, 2, 1)
    assert dict(zip(figures.OUTCOMES, first.outcomes, strict=True)) == {"meets": 1, "discretionary": 1, "fails": 1, "open": 1, "closed": 2}
    assert (second.service, second.begun, second.judged, second.reviewed, second.finished) == ("y", 1, 1, 1, 1)


def test_who_left_is_counted_after_the_last_question_they_answered(here: StaffSite) -> None:
    old = NOW - timedelta(days=8)
    with here.store.writing() as db:
        draft(db, 1, "", at=old)
        draft(db, 2, "open", answers="ab", at=old)
        draft(db, 3, "open", answers="ba", at=old)  # changed a last
        draft(db, 4, "meets", answers="abPR", at=old)  # left at the review
        draft(db, 5, "meets", answers="abR", finished=NOW.isoformat(), at=old)
        draft(db, 6, "open", answers="a")
    with here.store.reading() as db:
        left = {one.field: one.number for one in figures.left_after(db, "p", "x", NOW - timedelta(days=7))}
        given = {one.field: one.number for one in figures.answered(db, "p", "x")}
    assert left == {"": 1, "b": 2, "a": 1}
    assert given == {"a": 5, "b": 4}


def test_a_real_application_passes_every_step(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2026-11-22")
    talk.say(OPENING)
    goes_to_the_end(talk)
    with talk.desk.store.reading() as db:
        (found,) = figures.funnels(db)
        given = {one.field for one in figures.answered(db, *KEY)}
    assert (found.begun, found.judged, found.reviewed, found.finished) == (1, 1, 1, 1)
    assert sum(found.outcomes) == 1
    draft = talk.desk.store.load(talk.message("").person).draft
    assert draft is not None
    assert given == {a.field for a in draft.answers} - {"review", "proceed"}


def test_questions_are_counted_by_topic_and_outcome_and_by_people(here: StaffSite) -> None:
    for number in range(3):
        say(here, person(number), "柳州驿站补助最多多少钱")
    say(here, person(0), "柳州驿站补助最多多少钱", "柳州驿站补助几天到账", "今天天气怎么样", "明天会下雨吗")
    with here.store.reading() as db:
        found = {(one.outcome, one.fact): (one.times, one.people) for one in figures.asked(db, here.clock() - timedelta(days=1))}
        assert figures.asked(db, here.clock() + timedelta(days=1)) == []
    assert found["answered", "liuzhou-yizhan/amount"] == (4, 3)
    assert found["not_stated", "liuzhou-yizhan/money_when"] == (1, 1)
    assert sum(times for times, _ in found.values()) == 7
    with here.store.reading() as db:
        assert inbox.questions(db)[0].text == "柳州驿站补助几天到账"
        assert all(question.kind != "asked" for question in inbox.questions(db))


def test_withdrawn_consent_leaves_no_question_counted(here: StaffSite) -> None:
    say(here, person(1), "柳州驿站补助最多多少钱")
    with here.store.writing() as db:
        db.execute("UPDATE outbox SET payload = '{}'")
    with here.store.reading() as db:
        assert figures.asked(db, here.clock() - timedelta(days=1)) == []


def remind(here: StaffSite, run: str, who: PersonKey, draft_id: str, state: str) -> None:
    """A reminder of that run to somebody, queued now and settled so."""
    push = Push(id=forged(), person=who, kind="reminder", body="{}", due_at=here.clock())
    at = here.clock()
    with here.store.writing() as db:
        runs.add_run(db, Run(id=run, kind="campaign", name=run, starts_at=at, state="running", made_at=at))
        found = runs.run(db, run)
        assert found is not None
        posting = Posting(push=push, draft=draft_id, reason=forged(), until=None)
        assert reminders.keep(db, found, found.cursor + "x", 1, [posting], [], at)
    here.store.post(push)
    here.store.settle_push(push.id, state)  # type: ignore[arg-type]  # one of the states


def test_what_reminders_bring_about_is_a_change_within_seven_days(here: StaffSite) -> None:
    # changes: none, within, on the seventh day, after it, within and again after it, within by somebody it never reached
    days = ([], [1], [7], [8], [3, 30], [1])
    start = here.clock()
    for number, _ in enumerate(days):
        say(here, person(number), OPENING)
    here.clock.go(hours=1)
    for number, _ in enumerate(days):
        remind(here, "年末", person(number), here.store.draft_ids(person(number))[0], "failed" if number == 5 else "sent")
    reminded = here.clock.at
    for day in range(1, 31):
        here.clock.at = reminded + timedelta(days=day) - (timedelta() if day > 7 else timedelta(seconds=1))
        for number, changes in enumerate(days):
            if day in changes:
                say(here, person(number), "联谊型" if day < 10 else "修改 类型 窗口型")
    here.clock.at = start
    with here.store.reading() as db:
        (found,) = figures.effects(db)
    assert (found.name, found.people, found.changed) == ("年末", 5, 3)


def test_a_person_with_two_reminders_of_a_run_counts_once(here: StaffSite) -> None:
    say(here, person(1), OPENING)
    for _ in range(2):
        remind(here, "年末", person(1), here.store.draft_ids(person(1))[0], "sent")
    with here.store.reading() as db:
        assert [(one.people, one.changed) for one in figures.effects(db)] == [(1, 0)]


def test_wishes_for_a_person_and_how_many_were_answered(here: StaffSite) -> None:
    for number in range(3):
        say(here, person(number), "人工", "人工")
    with here.store.writing() as db:
        inbox.assign(db, person(0), "谁")
        inbox.answered(db, person(1), "谁", here.clock(), seen=9, talking=True)
    with here.store.reading() as db:
        assert figures.handovers(db) == (3, 1)


def test_the_page_says_the_same_in_chart_and_table_and_names_nobody(here: StaffSite) -> None:
    for number in range(6):
        say(here, person(number), OPENING, "柳州驿站补助最多多少钱", *(("联谊型",) if number < 4 else ()))
    page = here.staff("reader").get("/staff/figures").text
    assert "人0" not in page
    title = re.search(r'<title id="begun-title">(.*?)</title><desc id="begun-desc">(.*?)</desc>', page)
    assert title
    assert title[1] == "各事项开始填的人数"
    assert "柳州驿站 · 申请认定 6。" in title[2]
    assert re.search(r'data-label="开始填">6</td>', page)
    steps = re.search(r'<desc id="steps-desc">(.*?)</desc>', page)
    assert steps
    assert steps[1].endswith("开始填 6；条件答完 0；核对完 0；文件做好 0。")
    assert re.search(r'类型</th><td class="num" data-label="答过">&lt;5</td>', page)
    assert re.search(r'补助、奖励的金额</th><td class="num" data-label="次数">6</td><td class="num" data-label="答上了">100%</td>', page)
    assert "style=" not in page
    for chart in re.findall(r"<svg.*?</svg>", page, re.S):
        assert 'role="img"' in chart
        labels = re.search(r'aria-labelledby="(\S+) (\S+)"', chart)
        assert labels
        assert all(f'id="{name}"' in chart for name in labels.groups())


def test_an_empty_service_shows_that_there_is_nothing(here: StaffSite) -> None:
    page = here.staff("reader").get("/staff/figures").text
    for text in ("还没有人开始填", "这段时间还没有人提问", "还没有提醒送到过人"):
        assert text in page


def test_a_service_is_chosen_by_its_link_and_an_unknown_one_is_the_largest(here: StaffSite) -> None:
    say(here, person(0), OPENING)
    say(here, person(1), "莆田荔城区的，想报市级人才驿站")
    say(here, person(2), "莆田荔城区的，想报市级人才驿站")
    reader = here.staff("reader")
    for wanted, name in (("liuzhou-yizhan/recognition", "柳州驿站"), ("gone/service", "莆田驿站"), ("", "莆田驿站")):
        heading = re.search(r'<h2 id="chosen">(.*?) · ', reader.get(f"/staff/figures?service={wanted}").text)
        assert heading
        assert heading[1] == name


def test_figures_are_kept_for_ten_minutes() -> None:
    at, counted = [0.0], []

    def count() -> int:
        counted.append(1)
        return len(counted)

    kept = Kept(clock=lambda: at[0])
    assert kept.get("a", count, NOW) == (1, NOW)
    at[0] = KEPT - 1
    assert kept.get("a", count, NOW + timedelta(hours=1)) == (1, NOW)
    at[0] = KEPT
    assert kept.get("a", count, NOW + timedelta(hours=1)) == (2, NOW + timedelta(hours=1))
    assert kept.get("b", count, NOW) == (3, NOW)
