"""A run of reminders: each person once, whatever happens to it; none to whoever wants none; numbers that add up; by every channel's way."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from bot import remind_worker
from bot.cli import app
from bot.handle import forget, handle
from bot.remind import Reminding
from bot.remind_daily import Daily
from bot.remind_gate import MARKED as MARKED_LATER
from bot.remind_gate import PAST, PAUSED, QUIET, STOPPED, held
from bot.remind_plan import ALSO, MARKED, POISON, TOLD, plan
from bot.remind_plan import STOPPED as REFUSED
from bot.remind_ways import Ways, push_id, ways_from_json, ways_to_json
from bot.remind_worker import planned, start
from bot.settings import Settings
from bot.staff.contact import contact
from bot.staff.listing import refresh
from bot.telegram_answer import from_json
from bot.wechat_reach import ACCOUNTS, Reach, Subscription, to_note
from flows.reminders import allowed_from
from flows.types import Message, PersonKey
from knowledge.types import Library
from storage import reminders, runs
from storage.listing import Filter
from storage.runs import FAR, Run
from storage.store import Push, StoreError
from tests.reminder_people import ALL, NOON, SUBSIDY, TODAY, draft_of, person, reminding, seed
from tests.telegram_bot import CHAT, bot, until
from tests.wechat_account import OPENID, START, inside

SHANGHAI = ZoneInfo("Asia/Shanghai")
ROOT = Path(__file__).parent.parent


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Reminding]:
    made = reminding(tmp_path)
    yield made
    made.desk.store.close()


def pushes(made: Reminding) -> list[tuple[str, str]]:
    """Sender and state of every reminder in the queue."""
    with made.desk.store.reading() as db:
        return db.execute("SELECT sender, state FROM pushes WHERE kind = 'reminder' ORDER BY sender").fetchall()


def of(made: Reminding, number: int = 0, channel: str = "telegram") -> list[Push]:
    found = made.desk.store.pushes
    return [push for state in ("waiting", "kept", "dropped", "sent") for push in found(person(number, channel), state)]  # type: ignore[arg-type]


def say(made: Reminding, text: str, number: int = 0, channel: str = "telegram", message: str = "m1") -> str:
    who = person(number, channel)
    at = datetime.fromtimestamp(made.now.timestamp(), UTC)
    found = handle(made.desk, Message(channel=who.channel, sender=who.sender, id=message, text=text, received_at=at))
    return "\n".join(reply.text for reply in found.replies)


def campaign(made: Reminding, **changed: object) -> Run:
    given = {
        "id": "c1",
        "kind": "campaign",
        "name": "培训通知",
        "wording": "{{ name }}：周五有培训。",
        "starts_at": made.now,
        "state": "running",
        "made_by": "王",
        "made_at": made.now,
    }
    run = Run(**{**given, **changed})  # type: ignore[arg-type]  # a test's own fields
    with made.desk.store.writing() as db:
        assert runs.add_run(db, run)
    return run


# Each person once


def test_a_run_reminds_each_person_once_and_a_second_run_nobody(here: Reminding) -> None:
    seed(here.desk.store, 230)
    run = here.open_rules("cron")
    seen: list[int] = []
    done = here.work(run.id, lambda now: seen.append(now.seen))
    assert done is not None
    assert (done.state, done.seen, done.total) == ("done", 230, 230)
    assert seen == sorted(seen)
    assert len(seen) >= 230 // 50
    assert pushes(here) == [(person(n).sender, "waiting") for n in range(230)]
    again = here.open_rules("cron")
    assert again.id == run.id
    here.work(again.id)
    assert len(pushes(here)) == 230


def test_who_comes_later_that_day_is_reminded_by_the_second_run(here: Reminding) -> None:
    seed(here.desk.store, 3)
    here.work(here.open_rules("cron").id)
    seed(here.desk.store, 2, first=3)
    here.work(here.open_rules("cron").id)
    assert pushes(here) == [(person(n).sender, "waiting") for n in range(5)]


def worker(folder: Path, run: Run, pause: float) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "tests" / "reminder_people.py"), str(folder), run.id, str(pause)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", env=environment, cwd=ROOT)


def test_a_process_killed_half_way_is_gone_on_from_and_nobody_is_told_twice(here: Reminding, tmp_path: Path) -> None:
    seed(here.desk.store, 300)
    run = here.open_rules("cron")
    process = worker(tmp_path, run, 0.05)
    assert process.stdout is not None
    reached = 0
    while reached < 100:
        reached = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    half = here.run(run.id)
    assert half is not None
    assert half.state == "running"
    assert 100 <= half.seen < 300
    assert len(pushes(here)) == half.seen
    here.work(run.id)
    assert pushes(here) == [(person(n).sender, "waiting") for n in range(300)]


def test_two_processes_share_a_run(here: Reminding, tmp_path: Path) -> None:
    seed(here.desk.store, 300)
    run = here.open_rules("cron")
    processes = [worker(tmp_path, run, 0.01) for _ in range(2)]
    for process in processes:
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        assert out.splitlines()
    done = here.run(run.id)
    assert done is not None
    assert (done.state, done.seen) == ("done", 300)
    assert pushes(here) == [(person(n).sender, "waiting") for n in range(300)]


def test_a_batch_whose_run_another_worker_moved_on_is_not_kept(here: Reminding) -> None:
    seed(here.desk.store, 2)
    run = here.open_rules("cron")
    with here.desk.store.writing() as db:
        assert reminders.keep(db, run, "x", 1, (), (), here.now) == []
    with here.desk.store.writing() as db:
        assert reminders.keep(db, run, "y", 1, (), (), here.now) is None
        assert not runs.finish(db, run)


def test_a_campaign_reaches_somebody_with_two_drafts_once(here: Reminding) -> None:
    seed(here.desk.store, 2, drafts=2)
    run = campaign(here)
    found = plan(here.decider(run))
    assert found.looked == 4
    assert found.goes == {("培训通知", "telegram", "message"): 2}
    assert found.refused == {("培训通知", "telegram", ALSO): 2}
    here.work(run.id)
    assert pushes(here) == [(person(n).sender, "waiting") for n in range(2)]
    assert "龙城书院驿站：周五有培训。" in of(here)[0].body


def test_a_campaigns_audience_is_kept_to(here: Reminding) -> None:
    seed(here.desk.store, 2, drafts=2)
    run = campaign(here, audience="programme=liuzhou-yizhan&service=recognition")
    assert plan(here.decider(run)).looked == 2
    here.work(run.id)
    with here.desk.store.reading() as db:
        drafts = [row[0] for row in db.execute("SELECT draft FROM reminded ORDER BY draft")]
    assert drafts == sorted(draft_of(n, place=1) for n in range(2))


# None to whoever wants none


def test_nobody_is_queued_who_wants_none(here: Reminding) -> None:
    seed(here.desk.store, 2)
    say(here, "退订")
    # somebody who has just written is not reminded the same day: the other one is due
    later = Reminding(replace(here.desk, today=lambda: date(2027, 1, 13)), ALL, lambda: NOON + 86400)
    found = plan(later.decider(later.rules("cron")))
    assert {why for _, _, why in found.refused} == {REFUSED}
    later.work(later.open_rules("cron").id)
    assert {sender for sender, _ in pushes(later)} == {person(1).sender}


def test_who_stops_them_between_planning_and_sending_gets_none(here: Reminding) -> None:
    seed(here.desk.store, 1)
    here.work(here.open_rules("cron").id)
    (push,) = of(here)
    assert held(here.desk, push, NOON) is None
    say(here, "TD")
    found = held(here.desk, push, NOON)
    assert found is not None
    assert (found.state, found.note) == ("dropped", STOPPED)
    say(here, "恢复提醒", message="m2")
    assert held(here.desk, push, NOON) is None


def test_who_stops_them_while_a_batch_is_made_is_left_out(here: Reminding) -> None:
    seed(here.desk.store, 2)
    run = here.open_rules("cron")
    decider = here.decider(run)
    batch, cursor = decider.after("")
    due = list(decider.decide(batch))
    say(here, "退订")
    forget(here.desk, person(1))
    here._queue(run, cursor, len(batch), due, decider)
    assert pushes(here) == []
    with here.desk.store.reading() as db:
        assert db.execute("SELECT count(*) FROM reminded").fetchone() == (0,)


def test_nothing_of_a_deleted_person_is_left_anywhere(here: Reminding, tmp_path: Path) -> None:
    seed(here.desk.store, 1, channel="web")
    seed(here.desk.store, 1, channel="wechat")
    campaign(here)
    here.work("c1")
    here.work(here.open_rules("cron").id)
    with here.desk.store.writing() as db:
        reminders.record(db, person(0, "web"), draft_of(0, "web"), "management_end", date(2026, 1, 1), "王", here.now)
    canaries = (person(0).sender, "龙城书院驿站", "韦建国", "13900001234")
    assert any(canary.encode() in file.read_bytes() for file in tmp_path.glob("chat.db*") for canary in canaries)
    assert forget(here.desk, person(0, "web"))
    assert forget(here.desk, person(0, "wechat"))
    for file in tmp_path.glob("chat.db*"):
        assert [canary for canary in canaries if canary.encode() in file.read_bytes()] == []
    with here.desk.store.reading() as db:
        counts = [
            db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("reminded", "unreached", "recorded_dates", "pushes")
        ]
    assert counts == [0, 0, 0, 0]


def test_a_reminder_whose_date_is_past_is_not_sent_any_more(here: Reminding) -> None:
    seed(here.desk.store, 1)
    here.work(here.open_rules("cron").id)
    (push,) = of(here)
    for day, expected in ((date(2027, 1, 18), None), (date(2027, 1, 19), PAST)):
        found = held(replace(here.desk, today=lambda day=day: day), push, NOON)
        assert (found.note if found else None) == expected


def marked(made: Reminding, number: int, mark: str, at: float) -> None:
    """As staff mark a draft in the console."""
    refresh(made.desk.store, made.desk.assistant, made.desk.today())
    with made.desk.store.writing() as db:
        query = "UPDATE listed SET mark = ?, marked_at = ? WHERE draft = ?"
        assert db.execute(query, (mark, at, draft_of(number))).rowcount == 1


@pytest.mark.parametrize(("mark", "by_rule", "by_campaign"), [("received", 0, 1), ("returned", 0, 1), ("withdrawn", 0, 0), ("", 1, 1)])
def test_a_draft_that_staff_marked_is_not_reminded_of(here: Reminding, mark: str, by_rule: int, by_campaign: int) -> None:
    seed(here.desk.store, 1)
    marked(here, 0, mark, NOON - 60)
    rules = plan(here.decider(here.rules("cron")))
    assert (sum(rules.goes.values()), sum(rules.refused.values())) == (by_rule, 1 - by_rule)
    assert set(rules.refused) <= {("日期提醒", "telegram", MARKED)}
    assert sum(plan(here.decider(campaign(here))).goes.values()) == by_campaign


@pytest.mark.parametrize("mark", ["received", "returned", "withdrawn"])
def test_a_draft_that_is_marked_after_it_was_queued_is_not_reminded_of(here: Reminding, mark: str) -> None:
    seed(here.desk.store, 2)
    here.work(here.open_rules("cron").id)
    marked(here, 0, mark, NOON + 60)
    marked(here, 1, mark, NOON - 60)
    found = held(here.desk, of(here)[0], NOON + 120)
    assert found is not None
    assert (found.state, found.note) == ("dropped", MARKED_LATER)
    assert held(here.desk, of(here, 1)[0], NOON + 120) is None


def test_a_campaigns_audience_is_that_of_the_list_and_its_search_words_are_not_kept(here: Reminding, tmp_path: Path) -> None:
    seed(here.desk.store, 2, channel="web")
    seed(here.desk.store, 1, channel="web", first=2, answers={**SUBSIDY, "station_name": '"鱼峰CANARY驿站"'})
    seed(here.desk.store, 1, channel="web", first=3, answers={**SUBSIDY, "leader_mobile": '"13900009999"'})
    for words, count in (("CANARY", 1), ("龙城 1234", 2), ("9999", 1), ("鱼峰%", 0), ("龙城", 3)):
        query = Filter(words=words, service="subsidy").to_query()
        assert plan(here.decider(campaign(here, id=words, audience=query, state="draft"))).looked == count
        with here.desk.store.writing() as db:
            db.execute("DELETE FROM campaigns")
    for run_id, ends in (("done", here.work), ("cancelled", here.cancel)):
        campaign(here, id=run_id, audience=Filter(words="CANARY", service="subsidy").to_query())
        ends(run_id)
        run = here.run(run_id)
        assert run is not None
        assert (run.state, run.audience) == (run_id, "service=subsidy")
    assert here.pause("done")
    assert here.resume("done")
    here.work("done")
    assert [sender for sender, _ in pushes(here)] == [person(2).sender]
    assert forget(here.desk, person(2, "web"))
    assert [file for file in tmp_path.glob("chat.db*") if b"CANARY" in file.read_bytes()] == []


# When


@pytest.mark.parametrize(
    ("at", "working", "until", "goes"),
    [
        ("2026-11-25 12:00", False, None, "2026-11-25 12:00"),
        ("2026-11-25 20:59", False, None, "2026-11-25 20:59"),
        ("2026-11-25 21:00", False, None, "2026-11-26 08:30"),
        ("2026-11-26 00:00", False, None, "2026-11-26 08:30"),
        ("2026-11-26 08:29", False, None, "2026-11-26 08:30"),
        ("2026-11-26 08:30", False, None, "2026-11-26 08:30"),
        ("2026-11-28 12:00", False, None, "2026-11-28 12:00"),
        ("2026-11-28 12:00", True, None, "2026-11-30 08:30"),
        ("2026-11-27 22:00", True, None, "2026-11-30 08:30"),
        ("2026-11-28 12:00", True, "2026-11-30", "2026-11-30 08:30"),
        ("2026-11-28 12:00", True, "2026-11-28", "2026-11-28 12:00"),
        ("2026-09-30 22:00", True, None, "2026-10-08 08:30"),
        ("2026-12-31 23:59", True, None, "2027-01-04 08:30"),
    ],
)
def test_quiet_hours_and_days_off(library: Library, at: str, working: bool, until: str | None, goes: str) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=SHANGHAI)
    last = date.fromisoformat(until) if until else None
    found = allowed_from(library.reminders, moment, working_days=working, until=last)
    assert f"{found:%Y-%m-%d %H:%M}" == goes


def test_what_is_queued_at_night_is_due_in_the_morning_and_what_is_left_at_night_waits(tmp_path: Path) -> None:
    night = datetime(2027, 1, 12, 22, 0, tzinfo=SHANGHAI).timestamp()
    here = reminding(tmp_path, now=night)
    seed(here.desk.store, 1)
    here.work(here.open_rules("cron").id)
    (push,) = of(here)
    assert f"{push.due_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" == "2027-01-13 08:30"
    found = held(here.desk, push, night)
    assert found is not None
    assert (found.state, found.note, found.wait) == ("waiting", QUIET, 10.5 * 3600)
    here.desk.store.close()


def test_a_campaign_waits_for_its_moment(here: Reminding) -> None:
    seed(here.desk.store, 1)
    campaign(here, starts_at=here.now + timedelta(hours=2))
    assert here.due() == []
    later = Reminding(here.desk, ALL, lambda: NOON + 7200)
    assert [run.id for run in later.due()] == ["c1"]


# Pause and cancel


def test_paused_nothing_is_queued_or_sent_and_resumed_it_goes_on(here: Reminding) -> None:
    seed(here.desk.store, 120)
    run = campaign(here)

    def stop(now: Run) -> None:
        if now.seen:
            here.pause(run.id)

    found = here.work(run.id, stop)
    assert found is not None
    assert (found.state, found.seen, len(pushes(here))) == ("paused", 50, 50)
    now = datetime.fromtimestamp(NOON + 9 * 86400, UTC)
    assert here.desk.store.take_pushes("telegram", now, now, 10) == []
    (first, *_) = of(here, next(n for n in range(120) if of(here, n)))
    assert first.due_at.timestamp() == FAR
    found_held = held(here.desk, first, NOON)
    assert found_held is not None
    assert (found_held.state, found_held.note) == ("waiting", PAUSED)
    assert not here.pause(run.id)
    assert here.resume(run.id)
    assert not here.resume(run.id)
    here.work(run.id)
    assert len(here.desk.store.take_pushes("telegram", here.now, here.now + timedelta(minutes=1), 200)) == 120


def test_cancelled_what_waits_is_dropped_and_what_was_sent_stays(here: Reminding) -> None:
    seed(here.desk.store, 3)
    seed(here.desk.store, 1, channel="web")
    run = campaign(here)
    here.work(run.id)
    here.desk.store.settle_push(of(here)[0].id, "sent")
    assert here.cancel(run.id)
    assert Counter(state for _, state in pushes(here)) == {"dropped": 3, "sent": 1}
    assert not here.resume(run.id)
    assert not here.cancel(run.id)
    here.work(run.id)
    assert len(pushes(here)) == 4
    assert "周五有培训" not in say(here, "你好", channel="web")


# By which way


@pytest.mark.parametrize(
    ("ways", "channel", "reach", "kind", "why"),
    [
        (ALL, "telegram", "{}", "message", "Telegram"),
        (ALL, "telegram", "blocked", "none", "停用"),
        (Ways(), "telegram", "{}", "none", "没有启用"),
        (ALL, "web", None, "visit", "网页不能主动发送"),
        (ALL, "console", None, "visit", "下次来时显示"),
        (ALL, "wechat", to_note(Reach(wrote_at=NOON)), "none", "微信没有启用"),
        (Ways(account=ACCOUNTS["verified_service"]), "wechat", to_note(Reach(wrote_at=NOON)), "message", "客服消息"),
        (Ways(account=ACCOUNTS["verified_service"]), "wechat", to_note(Reach(wrote_at=NOON - 3e5)), "visit", "已过客服消息的时限"),
        (Ways(account=ACCOUNTS["verified_service"]), "wechat", to_note(Reach(following=False)), "none", "取消关注"),
        (Ways(account=ACCOUNTS["verified_service"]), "wechat", to_note(Reach(unreachable=True)), "none", "发不到"),
        (Ways(account=ACCOUNTS["verified_service"]), "wechat", None, "none", "没有给公众号发过消息"),
        (Ways(account=ACCOUNTS["unverified_subscription"]), "wechat", to_note(Reach(wrote_at=NOON)), "visit", "不能主动发送"),
        (
            Ways(account=ACCOUNTS["verified_service"], template="T"),
            "wechat",
            to_note(Reach(subscriptions=(Subscription(template="T", left=1),))),
            "notice",
            "订阅通知",
        ),
    ],
)
def test_the_dry_run_says_by_which_way_or_why_not(
    here: Reminding, ways: Ways, channel: str, reach: str | None, kind: str, why: str
) -> None:
    seed(here.desk.store, 1, channel=channel, reach=reach)
    here.ways = ways
    found = plan(here.decider(here.rules("cron")), keep=5)
    (one,) = found.decisions
    assert (one.way.kind, one.goes) == (kind, kind != "none")
    assert why in one.why
    assert sum(found.goes.values()) + sum(found.refused.values()) == 1
    with here.desk.store.reading() as db:
        assert db.execute("SELECT count(*) FROM pushes").fetchone() == (0,)


def test_the_numbers_of_plan_and_run_add_up(here: Reminding) -> None:
    seed(here.desk.store, 4)
    seed(here.desk.store, 3, first=4, reach="blocked")
    seed(here.desk.store, 2, channel="web", reach=None)
    seed(here.desk.store, 5, first=10, answers={})
    found = plan(here.decider(here.rules("cron")), keep=100)
    assert found.looked == 14
    assert (sum(found.goes.values()), sum(found.refused.values()), len(found.decisions)) == (6, 3, 9)
    run = here.open_rules("cron")
    here.work(run.id)
    with here.desk.store.reading() as db:
        outcomes, lost = reminders.outcomes(db, run.id), reminders.unreached_reasons(db, run.id)
        calls = reminders.to_call(db, run.id, 100)
    assert Counter({(channel, state): number for channel, state, _, number in outcomes}) == {("telegram", "waiting"): 4, ("web", "kept"): 2}
    assert lost == [("telegram", "对方已停用本机器人", 3)]
    assert len(calls) == 5
    again = plan(here.decider(here.rules("cron")))
    assert {why for _, _, why in again.refused} == {TOLD, "对方已停用本机器人"}
    assert (sum(again.goes.values()), sum(again.refused.values())) == (0, 9)


def test_somebody_who_could_not_be_reached_is_reminded_once_that_changes(here: Reminding) -> None:
    seed(here.desk.store, 1, reach="blocked")
    here.work(here.open_rules("cron").id)
    assert pushes(here) == []
    here.desk.store.change_note(person(0), "reach", lambda _: "{}")
    here.work(here.open_rules("cron").id)
    assert pushes(here) == [(person(0).sender, "waiting")]


@pytest.mark.parametrize("value", ['"no date"', "17", '"2026-13-45"'])
def test_a_draft_that_cannot_be_read_is_set_aside_and_stops_nobody(here: Reminding, value: str) -> None:
    seed(here.desk.store, 60)
    seed(here.desk.store, 1, first=60, recognised=[])
    with here.desk.store.writing() as db:
        db.execute("UPDATE answers SET value = ? WHERE sender = ? AND field = 'recognised_on'", (value, person(60).sender))
    planned = plan(here.decider(here.rules("cron")))
    assert planned.goes == {("日期提醒", "telegram", "message"): 60}
    assert sum(planned.refused.values()) == (0 if value == "17" else 1)
    run = here.open_rules("cron")
    done = here.work(run.id)
    assert done is not None
    assert (done.state, done.seen, len(pushes(here))) == ("done", 61, 60)
    with here.desk.store.reading() as db:
        assert [why for _, why, _ in reminders.unreached_reasons(db, run.id)] == ([] if value == "17" else [POISON])


def test_a_draft_whose_bank_data_was_damaged_is_set_aside_and_stops_nobody(here: Reminding) -> None:
    seed(here.desk.store, 3)
    with here.desk.store.writing() as db:
        db.execute("UPDATE answers SET value = ?, sensitive = 1 WHERE sender = ? AND field = 'leader_name'", (b"x" * 40, person(1).sender))
    done = here.work(campaign(here).id)
    assert done is not None
    assert (done.state, done.seen) == ("done", 3)
    assert [sender for sender, _ in pushes(here)] == [person(0).sender, person(2).sender]
    with here.desk.store.reading() as db:
        assert reminders.unreached_reasons(db, "c1") == [("telegram", POISON, 1)]


def test_a_store_that_fails_is_not_taken_for_a_bad_draft(here: Reminding, monkeypatch: pytest.MonkeyPatch) -> None:
    seed(here.desk.store, 2)
    run = campaign(here)

    def fails(*_: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(type(here.desk.store), "load", fails)
        broken.setattr(here, "run", lambda run_id: run if run_id else fails())
        with pytest.raises(StoreError):
            here.work(run.id)
    here.work(run.id)
    assert len(pushes(here)) == 2


def test_the_call_list_names_whom_to_call_with_the_number_masked(here: Reminding) -> None:
    seed(here.desk.store, 1, reach="blocked")
    found = contact(here.desk, person(0), draft_of(0))
    assert found is not None
    assert (found.unit, found.name, found.masked, found.mobile) == ("龙城书院驿站", "韦建国", "*******1234", "13900001234")
    assert contact(here.desk, person(0), "another") is None


def test_in_the_browser_it_stands_before_the_answer_to_the_next_message_once(here: Reminding) -> None:
    seed(here.desk.store, 1, channel="web")
    here.work(here.open_rules("cron").id)
    first = say(here, "我填到哪了", channel="web", message="a")
    assert "2027年1月18日" in first.splitlines()[0]
    assert say(here, "我填到哪了", channel="web", message="a") == first
    assert "2027年1月18日" not in say(here, "我填到哪了", channel="web", message="b")
    assert pushes(here) == [(person(0, "web").sender, "sent")]


def test_in_the_browser_it_is_not_shown_when_past_or_to_who_stops_them(here: Reminding) -> None:
    seed(here.desk.store, 2, channel="web")
    here.work(here.open_rules("cron").id)
    assert "2027年1月18日" not in say(here, "退订", channel="web")
    late = Reminding(replace(here.desk, today=lambda: date(2027, 1, 20)), ALL, lambda: NOON + 8 * 86400)
    assert "申请建设补助资金的最后一天是" not in say(late, "我填到哪了", 1, channel="web")
    say(here, "我填到哪了", channel="web", message="m2")
    assert Counter(state for _, state in pushes(here)) == {"dropped": 2}


SERVICE = {"wechat_account": "verified_service", "wechat_template_id": "TEMPLATE"}


async def test_on_wechat_it_goes_as_message_then_as_notice_then_waits_for_the_next_visit(tmp_path: Path) -> None:
    async with inside(tmp_path, **SERVICE) as account:
        account.clock.now = START + 6 * 3600
        await account.platform.say(OPENID, "柳州人才驿站 申请认定")
        account.api.writes(OPENID)
        ways = Ways(account=ACCOUNTS["verified_service"], template="TEMPLATE")
        tomorrow = replace(account.desk, today=lambda: date(2026, 11, 22))
        made = Reminding(tomorrow, ways, account.clock)
        campaign(made)
        made.work("c1")
        account.api.sent.clear()
        assert await account.sends() == 1
        assert account.api.sent == [(OPENID, "您：周五有培训。\n" + made.desk.assistant.library.reminders.footer)]
        account.clock.now += 3 * 86400
        account.api.consents[OPENID] = 1
        subscribed = to_note(Reach(subscriptions=(Subscription(template="TEMPLATE", left=1),)))
        account.desk.store.change_note(PersonKey(channel="wechat", sender=OPENID), "reach", lambda _: subscribed)
        campaign(made, id="c2", name="第二次")
        made.work("c2")
        assert await account.sends() == 1
        assert account.api.sent[-1] == (OPENID, "notice:第二次")
        campaign(made, id="c3", name="第三次", wording="第三次提醒。")
        made.work("c3")
        assert await account.sends() == 1
        assert account.states("kept") != []
        judged = await account.platform.say(OPENID, "我填到哪了")
        assert "第三次提醒。" in judged.text


async def test_on_wechat_a_stop_between_queue_and_sending_is_kept_to(tmp_path: Path) -> None:
    async with inside(tmp_path, **SERVICE) as account:
        account.clock.now = START + 6 * 3600
        await account.platform.say(OPENID, "柳州人才驿站 申请认定")
        made = Reminding(account.desk, Ways(account=ACCOUNTS["verified_service"]), account.clock)
        campaign(made)
        made.work("c1")
        await account.platform.say(OPENID, "退订")
        account.api.sent.clear()
        assert await account.sends() == 1
        assert account.api.sent == []
        assert account.states("dropped") == [STOPPED]


async def test_on_telegram_it_goes_as_text_that_is_no_markup(tmp_path: Path) -> None:
    with bot(tmp_path) as here:
        await here.say("柳州人才驿站 申请认定")
        made = Reminding(here.desk, ALL, lambda: NOON)
        campaign(made, wording="<b>{{ name }}</b> & 大家：{{ programme }}")
        made.work("c1")
        (push,) = here.desk.store.pushes(PersonKey(channel="telegram", sender=str(CHAT)), "waiting")
        assert from_json(push.body).text.startswith("&lt;b&gt;您&lt;/b&gt; &amp; 大家：柳州")
        assert push.id == push_id(push.person, "campaign/c1")


# The command and the server


def command(folder: Path, *words: str) -> str:
    found = CliRunner().invoke(app, ["remind", *words, "--database", f"sqlite:///{folder / 'chat.db'}", "--today", TODAY.isoformat()])
    assert found.exit_code == 0, found.output
    return found.output


def test_the_commands_plan_and_send_the_same_and_may_run_twice(here: Reminding, tmp_path: Path) -> None:
    seed(here.desk.store, 3, channel="web", reach=None)
    seed(here.desk.store, 2, first=3, channel="wechat")
    planned = command(tmp_path, "plan", "--calls")
    assert "看了 5 份草稿，到期 5 条：会发 3 条，不发 2 条" in planned
    assert "微信没有启用" in planned
    assert planned.count("*******1234") == 5
    assert "13900001234" not in planned
    assert pushes(here) == []
    assert "看了 0 份草稿，到期 0 条" in command(tmp_path, "plan", "--programme", "liuzhou-yizhan", "--service", "recognition")
    assert "看了 2 份草稿，到期 2 条" in command(tmp_path, "plan", "--filter", "channel=wechat&words=%E9%BE%99%E5%9F%8E")
    for _ in range(2):
        assert "等下次来时显示 3 条，没发 0 条，联系不上 2 人" in command(tmp_path, "send")
    assert len(pushes(here)) == 3


def test_a_cancelled_day_is_not_sent_by_command(here: Reminding, tmp_path: Path) -> None:
    seed(here.desk.store, 1)
    run = here.open_rules("cron")
    here.cancel(run.id)
    given = ["remind", "send", "--database", f"sqlite:///{tmp_path / 'chat.db'}", "--today", TODAY.isoformat()]
    found = CliRunner().invoke(app, given)
    assert found.exit_code == 1
    assert "今天的提醒已被取消" in found.output
    assert pushes(here) == []


def test_a_date_that_only_staff_know_is_entered_and_reminded_of(here: Reminding, tmp_path: Path) -> None:
    seed(here.desk.store, 1)
    with here.desk.store.writing() as db:
        db.execute("UPDATE drafts SET programme = 'liuzhou-gongzuozhan', service = 'establishment'")
    assert "已登记管理期的起算日：2025-02-01" in command(tmp_path, "date", draft_of(0), "2025-02-01")
    found = plan(here.decider(here.rules("cron")), keep=5)
    (one,) = [decision for decision in found.decisions if decision.title == "管理期将满"]
    draft = here.decider(here.rules("cron")).draft(one)
    assert draft is not None
    text = here.decider(here.rules("cron")).told(one, draft).text
    assert "2027年2月1日" in text
    assert "已经失效" in text.splitlines()[0]
    assert "第八条：“工作站管理期为两年" in text
    assert "已去掉" in command(tmp_path, "date", draft_of(0), "无")
    assert plan(here.decider(here.rules("cron"))).goes == {}
    for words, code in ((("none", "2025-02-01"), 1), ((draft_of(0), "gestern"), 2), ((draft_of(0), "2025-02-01", "--rule", "idle"), 2)):
        given = ["remind", "date", *words, "--database", f"sqlite:///{tmp_path / 'chat.db'}", "--today", TODAY.isoformat()]
        assert CliRunner().invoke(app, given).exit_code == code


@pytest.mark.parametrize(("hour", "count"), [(8, 0), (9, 1)])
async def test_the_server_plans_once_a_day_at_its_hour(here: Reminding, tmp_path: Path, hour: int, count: int) -> None:
    seed(here.desk.store, 1)
    at = datetime(2027, 1, 12, hour, 0, tzinfo=SHANGHAI).timestamp()
    settings = Settings(database=f"sqlite:///{tmp_path / 'chat.db'}", telegram_token="t")  # type: ignore[arg-type]  # is made a SecretStr
    daily = Daily(here.desk, settings, every=0.01, first=0.0, clock=lambda: at)
    await daily.start()
    if count:
        await until(lambda: bool(pushes(here)) and getattr(here.run(f"rules-{TODAY}"), "state", "") == "done")
        seed(here.desk.store, 1, first=1)
    await asyncio.sleep(0.1)
    await daily.stop()
    assert len(pushes(here)) == count


async def test_of_two_servers_one_plans_and_the_other_takes_over(here: Reminding, tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'chat.db'}")
    first, second = (Daily(here.desk, settings, every=0.01, first=0.0, clock=lambda: NOON) for _ in range(2))
    await first.start()
    await until(lambda: here.run(f"rules-{TODAY}") is not None)
    await second.start()
    seed(here.desk.store, 1, channel="web")
    await first.stop()
    campaign(here)
    await until(lambda: bool(pushes(here)))
    await second.stop()


def test_a_plan_of_many_is_the_same_made_by_another_process(here: Reminding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seed(here.desk.store, 40)
    seed(here.desk.store, 3, first=40, reach="blocked")
    decider = here.decider(here.rules("cron"))
    settings = Settings(database=f"sqlite:///{tmp_path / 'chat.db'}")
    alone = planned(settings, decider, 5)
    monkeypatch.setattr(remind_worker, "ELSEWHERE", 0)
    assert planned(settings, decider, 5) == alone
    assert (alone.looked, sum(alone.goes.values()), len(alone.decisions)) == (43, 40, 5)
    (tmp_path / "bad.db").write_bytes(b"no database" * 100)
    with pytest.raises(StoreError):
        planned(Settings(database=f"sqlite:///{tmp_path / 'bad.db'}", secret_key="a secret of many characters"), decider, 5)  # type: ignore[arg-type]  # is made a SecretStr


@pytest.mark.parametrize("ways", [ALL, Ways(), Ways(account=ACCOUNTS["verified_service"], template="T")])
def test_the_servers_worker_is_told_the_ways_and_no_secret(here: Reminding, tmp_path: Path, ways: Ways) -> None:
    assert ways_from_json(ways_to_json(ways)) == ways
    seed(here.desk.store, 3)
    run = here.open_rules("cron")
    child = start(Settings(database=f"sqlite:///{tmp_path / 'chat.db'}", telegram_token="CANARY"), ways, run.id, TODAY)  # type: ignore[arg-type]  # is made a SecretStr
    assert child.wait(120) == 0
    assert "CANARY" not in "".join(map(str, child.args))  # type: ignore[arg-type]  # a list
    done = here.run(run.id)
    assert done is not None
    assert done.state == "done"
    assert len(pushes(here)) == (3 if ways.telegram else 0)


def test_the_fields_of_the_notice_are_those_of_the_data(here: Reminding) -> None:
    seed(here.desk.store, 1, channel="wechat", reach=to_note(Reach(subscriptions=(Subscription(template="T", left=1),))))
    here.ways = Ways(account=ACCOUNTS["verified_service"], template="T")
    here.work(here.open_rules("cron").id)
    (push,) = of(here, channel="wechat")
    body = json.loads(push.body)
    assert body["data"] == {"thing1": "日期提醒", "thing2": "柳州市人才驿站 建设补助资金", "date3": "2027年1月18日"}
    assert body["draft"] == draft_of(0, "wechat")
