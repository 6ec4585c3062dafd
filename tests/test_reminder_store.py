"""What is remembered of reminders, over each kind of store: runs and their cursor, who was told or not reached, recorded dates."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.handle import Desk, forget
from bot.kept import with_kept
from bot.remind import Reminding
from bot.remind_gate import held
from bot.remind_plan import TOLD, plan
from flows.types import Consent, Message, Session, Turn
from storage import reminders, runs
from storage.runs import FAR, Run
from storage.store import Store
from tests.reminder_people import ALL, NOON, TODAY, draft_of, person, seed
from tests.talk import built


@pytest.fixture
def here(store: Store, tmp_path: Path) -> Reminding:
    return Reminding(Desk(assistant=built(), store=store, files=tmp_path / "files", today=lambda: TODAY), ALL, lambda: NOON)


def campaign(here: Reminding, **changed: object) -> Run:
    given = {"id": "c1", "kind": "campaign", "name": "通知", "wording": "{{ name }}", "state": "running", "made_by": "王"}
    run = Run(**{**given, "starts_at": here.now, "made_at": here.now, **changed})  # type: ignore[arg-type]  # a test's own fields
    with here.desk.store.writing() as db:
        assert runs.add_run(db, run)
        assert not runs.add_run(db, run)
    return run


def stop(here: Reminding, number: int) -> None:
    """Commit a turn by which somebody stops reminders."""
    who = person(number)
    message = Message(channel=who.channel, sender=who.sender, id="stop", text="退订", received_at=here.now)
    session = here.desk.store.load(who)
    consent = Consent(kind="reminders", given=False, at=here.now, notice="")
    changed = Session(person=who, drafts=session.drafts, consents=(*session.consents, consent))
    here.desk.store.commit(message, Turn(session=changed, replies=(), stored_text="退订"), session.revision)


def states(here: Reminding) -> dict[str, int]:
    return here.desk.store.push_states("telegram")


def test_a_run_is_kept_as_it_was_made(here: Reminding) -> None:
    run = campaign(here, audience="service=subsidy", working_days=True, starts_at=here.now + timedelta(hours=1), state="draft")
    assert here.run("c1") == run
    assert here.run("c2") is None
    with here.desk.store.reading() as db:
        assert runs.runs(db) == [run]
        assert runs.due_runs(db, here.now + timedelta(days=1)) == []
    assert here.begin("c1")
    assert not here.begin("c1")
    with here.desk.store.reading() as db:
        assert [found.id for found in runs.due_runs(db, here.now + timedelta(hours=1))] == ["c1"]
        assert runs.due_runs(db, here.now) == []


def test_everybody_is_told_once_and_the_report_adds_up(here: Reminding) -> None:
    seed(here.desk.store, 70)
    seed(here.desk.store, 5, first=70, reach="blocked")
    seed(here.desk.store, 3, channel="web", reach=None)
    run = here.open_rules("cron")
    done = here.work(run.id)
    assert done is not None
    assert (done.state, done.seen, done.total) == ("done", 78, 78)
    with here.desk.store.reading() as db:
        assert [(c, s, k) for c, s, _, k in reminders.outcomes(db, run.id)] == [("telegram", "waiting", 70), ("web", "kept", 3)]
        assert [k for *_, k in reminders.unreached_reasons(db, run.id)] == [5]
        assert len(reminders.to_call(db, run.id, 100)) == 8
        assert len(reminders.to_call(db, run.id, 5, 5)) == 3
    here.work(here.open_rules("cron").id)
    assert states(here) == {"waiting": 70}
    again = plan(here.decider(here.rules("cron")))
    assert sum(number for (_, _, why), number in again.refused.items() if why == TOLD) == 73


def test_who_stops_or_leaves_while_a_batch_is_made_is_left_out(here: Reminding) -> None:
    seed(here.desk.store, 3)
    run = here.open_rules("cron")
    decider = here.decider(run)
    batch, cursor = decider.after("")
    due = list(decider.decide(batch))
    stop(here, 0)
    forget(here.desk, person(1))
    here._queue(run, cursor, len(batch), due, decider)
    assert [push.person for push in here.desk.store.pushes(person(2), "waiting")] == [person(2)]
    assert states(here) == {"waiting": 1}
    assert [candidate.stopped for candidate in here.decider(run).after("")[0] if candidate.person == person(0)] == [True]


def test_a_stop_after_queueing_is_seen_just_before_sending_and_counted(here: Reminding) -> None:
    seed(here.desk.store, 2)
    run = here.open_rules("cron")
    here.work(run.id)
    (push,) = here.desk.store.pushes(person(0), "waiting")
    assert held(here.desk, push, NOON) is None
    stop(here, 0)
    found = held(here.desk, push, NOON)
    assert found is not None
    assert found.state == "dropped"
    with here.desk.store.reading() as db:
        assert reminders.stopped_since(db, run.id) == 1
        assert reminders.standing(db, "another") is None


def test_a_batch_counts_only_where_the_cursor_still_stands(here: Reminding) -> None:
    seed(here.desk.store, 2)
    run = here.open_rules("cron")
    with here.desk.store.writing() as db:
        assert reminders.keep(db, run, "x", 1, (), (), here.now) == []
        assert reminders.keep(db, run, "y", 1, (), (), here.now) is None
        assert not runs.finish(db, run)


def test_pause_resume_and_cancel(here: Reminding) -> None:
    seed(here.desk.store, 3)
    campaign(here)
    here.work("c1")
    assert here.pause("c1")
    assert [push.due_at.timestamp() for push in here.desk.store.pushes(person(0), "waiting")] == [FAR]
    assert here.resume("c1")
    assert [push.due_at.timestamp() for push in here.desk.store.pushes(person(0), "waiting")] == [NOON]
    here.work("c1")
    assert states(here) == {"waiting": 3}
    assert here.cancel("c1")
    assert states(here) == {"dropped": 3}


def test_recorded_dates_and_all_else_go_with_the_person(here: Reminding) -> None:
    seed(here.desk.store, 1)
    seed(here.desk.store, 1, first=1, reach="blocked")
    campaign(here)
    here.work("c1")
    with here.desk.store.writing() as db:
        reminders.record(db, person(0), draft_of(0), "end", date(2026, 1, 1), "王", here.now)
        reminders.record(db, person(0), draft_of(0), "end", date(2026, 2, 1), "王", here.now)
        assert reminders.recorded(db) == {draft_of(0): {"end": "2026-02-01"}}
    assert forget(here.desk, person(0))
    assert forget(here.desk, person(1))
    with here.desk.store.reading() as db:
        assert reminders.recorded(db) == {}
        assert reminders.outcomes(db, "c1") == reminders.unreached_reasons(db, "c1") == reminders.to_call(db, "c1", 9) == []


def test_what_is_kept_is_shown_before_the_next_answer(here: Reminding) -> None:
    seed(here.desk.store, 1, channel="web", reach=None)
    campaign(here)
    here.work("c1")
    made, shown = with_kept(here.desk, Turn(session=here.desk.store.load(person(0, "web")), replies=(), stored_text=""))
    assert [reply.text.splitlines()[0] for reply in made.replies] == ["龙城书院驿站"]
    assert len(shown) == 1
