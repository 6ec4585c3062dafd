"""What every store promises, over each kind of store.

What is about SQLite's one file stands in test_sqlite.py, what is about PostgreSQL's server in test_postgres.py.
"""

import os
import random
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.types import Answer, Consent, Draft, Effect, Reply, Session, Turn
from storage.sql import SqlStore
from storage.store import Conflict, Store, StoreError
from tests.stores import LI, NOW, SECRET, WANG, Opener, answer, draft, forget_by_message, message, reply, say

ROOT = Path(__file__).parent.parent

# Sessions


def test_somebody_new_has_an_empty_session(store: Store) -> None:
    assert store.load(WANG) == Session(person=WANG)
    assert store.replies(message(1)) is None
    assert list(store.conversation(WANG)) == []


def test_what_was_committed_is_loaded_also_after_a_restart(opener: Opener) -> None:
    first = opener()
    consent = Consent(kind="personal", given=True, at=NOW, notice="n1")
    answers = (answer("venue_area", 120), answer("bank_card", "6222020000000000", sensitive=True), answer("leader_email", None))
    session = say(
        first, 1, programme="p", service="s", drafts=(draft("d1", *answers),), consents=(consent,), wishes=("preferred",), focus="address"
    )
    assert first.load(WANG) == session
    first.close()
    assert opener().load(WANG) == session


def test_an_answer_given_again_moves_to_the_end_and_the_others_keep_their_order(store: Store) -> None:
    say(store, 1, drafts=(draft("d1", answer("a", 1), answer("b", 2), answer("c", 3)),))
    say(store, 2, drafts=(draft("d1", answer("b", 2), answer("c", 3), answer("a", 9)),))
    assert [(a.field, a.value) for a in store.load(WANG).drafts[0].answers] == [("b", 2), ("c", 3), ("a", 9)]


def test_what_the_session_no_longer_holds_is_gone(store: Store) -> None:
    consents = tuple(Consent(kind=k, given=True, at=NOW, notice="") for k in ("personal", "bank"))
    say(store, 1, drafts=(draft("d1", answer("a", 1)), draft("d2", answer("a", 1), service="t")), consents=consents, opening="书院")
    session = say(store, 2, drafts=(draft("d2", service="t"),), consents=consents[1:], opening="")
    assert store.load(WANG) == session
    assert store.draft("d1") is None


@pytest.mark.parametrize("value", [True, False, 1, 0, 1.0, 0.1, -2.5e300, 10**30, "", "1", "true", "王", "'; --", "𠮷\u0000", None])
def test_a_value_keeps_its_type(store: Store, value: bool | int | float | str | None) -> None:
    say(store, 1, drafts=(draft("d1", answer("a", value), answer("b", value, sensitive=True)),))
    assert [(type(a.value), a.value) for a in store.load(WANG).drafts[0].answers] == [(type(value), value)] * 2


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
VALUE = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
)
MOMENT = st.datetimes(
    min_value=datetime(2000, 1, 1),
    max_value=datetime(2100, 1, 1),
    timezones=st.sampled_from([UTC, ZoneInfo("Asia/Shanghai"), timezone(timedelta(hours=-9, minutes=-30))]),
)
ANSWERS = st.lists(
    st.builds(
        Answer, field=TEXT, value=VALUE, at=MOMENT, source=st.sampled_from(["said", "carried", "suggested"]), sensitive=st.booleans()
    ),
    max_size=5,
    unique_by=lambda a: a.field,
).map(tuple)
DRAFTS = st.lists(
    st.builds(
        Draft,
        id=TEXT,
        programme=TEXT,
        service=TEXT,
        answers=ANSWERS,
        created_at=MOMENT,
        updated_at=MOMENT,
        finished_at=st.none() | MOMENT,
        rules=TEXT,
        judged=st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
    ),
    max_size=3,
    unique_by=lambda d: d.id,
).map(tuple)
CONSENTS = st.lists(st.builds(Consent, kind=TEXT, given=st.booleans(), at=MOMENT, notice=TEXT), max_size=3).map(tuple)
SESSION = st.builds(Session, person=st.just(WANG), drafts=DRAFTS, consents=CONSENTS, wishes=st.lists(TEXT, max_size=3).map(tuple))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sessions=st.lists(
        st.builds(
            lambda session, **state: replace(session, **state),
            SESSION,
            programme=st.none() | TEXT,
            service=st.none() | TEXT,
            focus=st.none() | TEXT,
            confirm=st.none() | TEXT,
            question=st.none() | TEXT,
            opening=TEXT,
            paused=st.booleans(),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_session_is_loaded_exactly_as_it_was_committed(store: Store, sessions: list[Session]) -> None:
    store.forget(WANG)
    for number, session in enumerate(sessions):
        committed = replace(session, revision=number + 1)
        store.commit(message(number), Turn(session=committed, replies=(), stored_text=""), number)
        loaded = store.load(WANG)
        assert loaded == committed
        values = [[(type(a.value), repr(a.value), a.sensitive) for a in d.answers] for d in loaded.drafts]
        assert values == [[(type(a.value), repr(a.value), a.sensitive) for a in d.answers] for d in committed.drafts]


# Messages


def test_a_repeated_message_gets_the_same_replies_and_changes_nothing(store: Store) -> None:
    session = say(store, 1, opening="first")
    again = Turn(
        session=replace(session, opening="second", revision=2),
        replies=(reply("另一个"),),
        stored_text="x",
        effects=(Effect(kind="handover"),),
    )
    assert store.replies(message(1)) == (reply("答1"),)
    assert store.commit(message(1), again, 1) == (reply("答1"),)
    assert store.commit(message(1), again, 0) == (reply("答1"),)
    assert store.load(WANG) == session
    assert len(store.conversation(WANG)) == 1
    assert list(store.pending("handover")) == []


def test_a_repeated_message_that_asks_to_forget_deletes_nothing(store: Store) -> None:
    session = say(store, 1, opening="first")
    turn = Turn(session=Session(person=WANG), replies=(reply("已删除"),), stored_text="", effects=(Effect(kind="forget"),))
    assert store.commit(message(1), turn, 1) == (reply("答1"),)
    assert store.load(WANG) == session


def test_the_same_id_of_another_person_is_another_message(store: Store) -> None:
    say(store, 1, WANG)
    assert store.replies(message(1, LI)) is None
    assert store.replies(message(1, replace(WANG, channel="web"))) is None


def test_the_conversation_is_told_in_order_with_its_replies(store: Store) -> None:
    for number in range(1, 13):
        say(store, number, text=f"第{number}句")
    say(store, 1, LI)
    told = store.conversation(WANG)
    assert [(s.id, s.text) for s in told] == [(f"m{n}", f"第{n}句") for n in range(1, 13)]
    assert told[0].replies == (reply("答1"),)
    assert told[-1].received_at == message(12).received_at


def test_a_session_that_changed_meanwhile_is_a_conflict_and_nothing_is_written(store: Store) -> None:
    session = say(store, 1)
    stale = Turn(session=replace(session, opening="stale"), replies=(reply("x"),), stored_text="", effects=(Effect(kind="handover"),))
    for expected in (0, 2, 7):
        with pytest.raises(Conflict):
            store.commit(message(2), stale, expected)
    forgetting = Turn(session=Session(person=WANG), replies=(), stored_text="", effects=(Effect(kind="forget"),))
    with pytest.raises(Conflict):
        store.commit(message(2), forgetting, 0)
    assert store.load(WANG) == session
    assert store.replies(message(2)) is None
    assert list(store.pending("handover")) == []


def test_a_turn_that_began_before_the_person_was_forgotten_is_a_conflict(store: Store) -> None:
    session = say(store, 1)
    store.forget(WANG)
    with pytest.raises(Conflict):
        store.commit(message(2), Turn(session=session, replies=(), stored_text="王"), 1)
    assert store.load(WANG) == Session(person=WANG)


def test_what_another_program_wrote_between_load_and_commit_is_replaced_too(opener: Opener) -> None:
    store, other = opener(), opener()
    say(store, 1, drafts=(draft("d1", answer("a", 1), answer("b", 2)),))
    assert store.replies(message(2)) is None
    before = store.load(WANG)
    other.forget(WANG)
    say(other, 9, drafts=(draft("d2", answer("a", 7)),), consents=(Consent(kind="personal", given=True, at=NOW, notice=""),))
    after = replace(before, revision=2)
    store.commit(message(2), Turn(session=after, replies=(), stored_text=""), 1)
    assert opener().load(WANG) == after


def test_a_message_that_another_program_took_after_it_was_looked_for_is_kept_once(opener: Opener) -> None:
    store, other = opener(), opener()
    say(store, 1)
    assert store.replies(message(2)) is None
    before = store.load(WANG)
    say(other, 2)
    again = Turn(session=replace(before, revision=2, opening="second"), replies=(reply("另一个"),), stored_text="")
    assert store.commit(message(2), again, 1) == (reply("答2"),)
    assert store.load(WANG) == other.load(WANG)


def test_of_many_threads_at_once_each_message_is_kept_once(opener: Opener) -> None:
    stores = [opener(), opener()]
    barrier = threading.Barrier(8)

    def talk(worker: int) -> None:
        barrier.wait()
        store = stores[worker % 2]
        for number in range(10):  # every message comes to four workers
            incoming = message(100 * (worker // 4) + number)
            while store.replies(incoming) is None:
                before = store.load(WANG)
                after = replace(before, revision=before.revision + 1, wishes=(*before.wishes, incoming.id))
                turn = Turn(session=after, replies=(reply(f"{worker}"),), stored_text="")
                try:
                    store.commit(incoming, turn, before.revision)
                except Conflict:
                    continue

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(talk, range(8)))
    wishes = stores[0].load(WANG).wishes
    assert sorted(wishes) == sorted(f"m{100 * block + number}" for block in range(2) for number in range(10))
    assert [s.id for s in stores[1].conversation(WANG)] == list(wishes)


# For staff


def test_drafts_are_listed_last_changed_first_and_by_programme_and_service(store: Store) -> None:
    later = NOW.astimezone(UTC) + timedelta(hours=1)  # earlier as text, later as a moment
    say(store, 1, WANG, drafts=(draft("d1", answer("a", 1)), draft("d2", service="t", at=later)))
    say(store, 1, LI, drafts=(draft("d3", answer("bank_card", "6222", sensitive=True), programme="q", at=later + timedelta(hours=1)),))
    assert [(r.draft.id, r.person) for r in store.drafts()] == [("d3", LI), ("d2", WANG), ("d1", WANG)]
    assert [r.draft.id for r in store.drafts(programme="p")] == ["d2", "d1"]
    assert [r.draft.id for r in store.drafts(programme="p", service="s")] == ["d1"]
    assert [r.draft.id for r in store.drafts(service="s")] == ["d3", "d1"]
    found = store.draft("d3")
    assert found is not None
    assert (found.person, found.draft) == (LI, store.load(LI).drafts[0])
    assert store.draft("none") is None
    assert list(store.draft_ids(WANG)) == ["d1", "d2"]


def test_handovers_and_unanswered_questions_wait_for_staff_until_settled(store: Store) -> None:
    effects = (
        Effect(kind="handover", draft="d1", text="想找人"),
        Effect(kind="unanswered", text="几点下班"),
        Effect(kind="render", draft="d1"),
    )
    say(store, 1, effects=effects)
    say(store, 2, effects=(Effect(kind="handover", text="还是想找人"),))
    rows = store.pending("handover")
    assert [(r.text, r.draft, r.person, r.state) for r in rows] == [("想找人", "d1", WANG, "pending"), ("还是想找人", "", WANG, "pending")]
    assert rows[0].created_at == message(1).received_at
    assert [r.text for r in store.pending("unanswered")] == ["几点下班"]
    assert list(store.pending("render")) == []
    assert store.settle(rows[0].id)
    assert not store.settle(rows[0].id)
    assert not store.settle("none")
    assert [r.text for r in store.pending("handover")] == ["还是想找人"]


# Deletion


def test_somebody_who_asks_to_be_forgotten_is_new_and_a_redelivery_gets_the_same_replies(opener: Opener) -> None:
    store = opener()
    say(store, 1, drafts=(draft("d1", answer("a", 1)),), effects=(Effect(kind="handover"),))
    say(store, 1, LI, drafts=(draft("d2"),))
    assert forget_by_message(store, 2) == (Reply(text="已全部删除"),)
    for each in (store, opener()):
        assert each.load(WANG) == Session(person=WANG)
        assert each.replies(message(2)) == (Reply(text="已全部删除"),)
        assert each.replies(message(2, LI)) is None
        assert list(each.conversation(WANG)) == []
        assert list(each.pending("handover")) == []
        assert [r.draft.id for r in each.drafts()] == ["d2"]
    assert forget_by_message(store, 2) == (Reply(text="已全部删除"),)
    assert say(store, 3, opening="又来了") == store.load(WANG)
    assert store.load(WANG).revision == 1


def test_forget_says_whether_there_was_anything(store: Store) -> None:
    say(store, 1)
    assert store.forget(WANG)
    assert not store.forget(WANG)
    assert not store.forget(LI)


def test_withdrawing_consent_erases_what_was_said_before(store: Store) -> None:
    say(store, 1, text="我叫王小明", effects=(Effect(kind="handover", text="王小明想找人"),))
    say(store, 2, text="撤回同意", effects=(Effect(kind="erase"),))
    assert [s.text for s in store.conversation(WANG)] == ["撤回同意"]
    assert [r.text for r in store.pending("handover")] == [""]
    assert store.load(WANG).revision == 2


# Protected values


def stored(store: SqlStore) -> list[str]:
    with store.reading() as db:
        return [value for (value,) in db.execute("SELECT value FROM answers WHERE sensitive = 1")]


def test_a_sensitive_answer_is_stored_unreadable_and_not_written_again_unless_it_changes(store: SqlStore) -> None:
    say(store, 1, drafts=(draft("d1", answer("bank_card", "6222026666666666", sensitive=True)),))
    sealed = stored(store)
    assert len(sealed) == 1
    assert "6222026666666666" not in sealed[0]
    say(store, 2, drafts=(draft("d1", answer("bank_card", "6222026666666666", sensitive=True), answer("a", 1)),))
    assert stored(store) == sealed
    say(store, 3, drafts=(draft("d1", answer("bank_card", "6222027777777777", sensitive=True)),))
    assert stored(store) != sealed


@pytest.mark.parametrize("value", ["(SELECT value FROM answers WHERE sender = 'wang')", "'no base 64'", "'0000'"])
def test_a_protected_value_that_was_moved_or_changed_is_not_read(opener: Opener, value: str) -> None:
    store = opener()
    say(store, 1, WANG, drafts=(draft("d1", answer("bank_card", "6222", sensitive=True)),))
    say(store, 1, LI, drafts=(draft("d2", answer("bank_card", "9558", sensitive=True)),))
    with store.writing() as db:
        db.execute(f"UPDATE answers SET value = {value} WHERE sender = 'li'")
    with pytest.raises(StoreError, match="d2 / bank_card was changed"):
        opener().load(LI)
    assert store.load(WANG).drafts[0].value("bank_card") == "6222"


def test_another_key_is_noticed_at_start(opener: Opener) -> None:
    opener()
    with pytest.raises(StoreError, match=r"YIZHAN_SECRET_KEY is not the key .* bank details"):
        opener(SECRET + b"!")
    opener()


# Transactions of others


def test_a_transaction_that_ends_with_an_error_keeps_nothing(store: SqlStore) -> None:
    say(store, 1)

    def fail() -> None:
        with store.writing() as db:
            db.execute("INSERT INTO notes (channel, sender, name, value) VALUES (?, ?, 'a', '1')", (WANG.channel, WANG.sender))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert store.notes(WANG, "") == {}
    assert store.change_note(WANG, "a", lambda _: "2") == "2"


def test_question_marks_percent_signs_and_backslashes_in_a_statement_are_themselves(store: SqlStore) -> None:
    with store.writing() as db:
        found = db.execute("SELECT 'a?', '100%', '50%' LIKE '50!%' ESCAPE '!', ? LIKE 'x\\%' ESCAPE '\\', 7 % 4", ("x%",)).fetchone()
    assert tuple(found) == ("a?", "100%", True, True, 3)


def test_what_one_transaction_reads_is_of_one_moment(opener: Opener) -> None:
    store, other = opener(), opener()
    say(store, 1)
    with store.reading() as db:
        count = "SELECT count(*) FROM messages"
        before = db.execute(count).fetchone()[0]
        with ThreadPoolExecutor(1) as pool:
            pool.submit(say, other, 2).result(20)
        assert db.execute(count).fetchone()[0] == before == 1
    assert len(store.conversation(WANG)) == 2


def test_numbers_come_back_as_numbers(store: SqlStore) -> None:
    with store.writing() as db:
        db.execute("INSERT INTO staff_failures (key, tries, retry_at, last_at) VALUES (?, ?, ?, ?)", ("a", True, 3_000_000_000, 0.1))
        db.execute("INSERT INTO staff_failures (key, tries, retry_at, last_at) VALUES (?, ?, ?, ?)", ("b", 3_000_000_000, 1.5, 0.2))
        found = db.execute("SELECT sum(tries), max(retry_at), sum(last_at), count(*) FROM staff_failures").fetchone()
    assert tuple(found) == (3_000_000_001, 3e9, pytest.approx(0.3), 2)
    assert not isinstance(found[0], Decimal)


# Faults


def test_the_tables_are_made_once_when_several_programs_start_together(opener: Opener) -> None:
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: opener(), range(8)))
    for number, store in enumerate(stores):
        say(store, number)
    assert opener().load(WANG).revision == 8
    assert list(stores[0].check()) == []


@pytest.mark.parametrize("text", ["坏\ud800", "坏\0"])
def test_what_is_no_character_is_kept_or_refused_without_repeating_it(store: Store, text: str) -> None:
    turn = Turn(session=Session(person=WANG, revision=1), replies=(), stored_text=text)
    refused = ""
    try:
        store.commit(message(1), turn, 0)
    except StoreError as error:
        refused = str(error)
    assert [told.text for told in store.conversation(WANG)] == ([] if refused else [text])
    assert not refused or ("clean the text first" in refused and "坏" not in refused)
    say(store, 2)


def test_a_closed_store_says_so(opener: Opener) -> None:
    store = opener()
    store.close()
    with pytest.raises(StoreError, match="was closed"):
        store.load(WANG)


def test_a_draft_id_that_is_somebody_elses_is_refused_without_naming_anybody(store: Store) -> None:
    say(store, 1, WANG, drafts=(draft("d1"),))
    with pytest.raises(StoreError) as caught:
        say(store, 1, LI, drafts=(draft("d1"),))
    assert not isinstance(caught.value, Conflict)
    assert "wang" not in str(caught.value)
    assert store.load(LI) == Session(person=LI)


# Processes


def worker(address: str, sender: str, first: int, last: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "tests" / "store_worker.py"), address, sender, str(first), str(last)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_two_processes_write_for_one_person_and_lose_nothing(opener: Opener) -> None:
    running = [worker(opener.address, "wang", first, first + 60) for first in (0, 100)]
    said = [process.communicate(timeout=60)[0].split() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    expected = {f"m{n}" for n in [*range(60), *range(100, 160)]}
    assert set(said[0]) | set(said[1]) == expected
    store = opener()
    told = store.conversation(WANG)
    assert {s.id for s in told} == expected
    assert len(told) == 120
    assert store.load(WANG).revision == 120


def test_what_was_acknowledged_survives_a_kill_at_any_moment(opener: Opener) -> None:
    dice, acknowledged = random.Random(8), set[str]()
    for life in range(8):
        process = worker(opener.address, "wang", 1000 * life, 1000 * life + 1000)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(dice.randrange(1, 40))]
        threading.Event().wait(dice.random() * 0.005)
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()  # not communicate(): that would lose what readline() has read ahead
        process.stdout.close()
        process.wait(timeout=60)
        assert process.returncode == -signal.SIGKILL
        acknowledged |= {line.strip() for line in lines if line.endswith("\n")}
        store = opener()
        told = {s.id for s in store.conversation(WANG)}
        session = store.load(WANG)
        assert acknowledged <= told
        assert len(told - acknowledged) <= life + 1  # the one that was under way when it was killed
        assert session.revision == len(told)
        assert list(store.check()) == []
    assert len(acknowledged) >= 8
