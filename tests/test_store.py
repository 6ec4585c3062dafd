"""What every store promises. The first part runs over each kind of store; the rest is about SQLite's one file."""

import errno
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.types import Answer, Citation, Consent, Draft, Effect, File, Message, Option, PersonKey, Reply, Session, Turn
from storage.migrations import MIGRATIONS
from storage.sqlite import SqliteStore
from storage.store import Conflict, Store, StoreError

SECRET = b"a secret of at least 32 characters"
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=timezone(timedelta(hours=8)))
WANG = PersonKey(channel="console", sender="wang")
LI = PersonKey(channel="wechat", sender="li")
ROOT = Path(__file__).parent.parent

Opener = Callable[[], Store]


def sqlite_store(folder: Path) -> Store:
    return SqliteStore(folder / "data" / "yizhan.db", SECRET)


def forgetful_store(folder: Path) -> Store:
    return SqliteStore(folder / "data" / "yizhan.db", SECRET, remembered=0)


FACTORIES: dict[str, Callable[[Path], Store]] = {"sqlite": sqlite_store, "sqlite read each time": forgetful_store}
"""Each opens the same store again for the same folder."""


@pytest.fixture(params=sorted(FACTORIES))
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    opened: list[Store] = []

    def again() -> Store:
        opened.append(FACTORIES[request.param](tmp_path))
        return opened[-1]

    yield again
    for each in opened:
        each.close()


@pytest.fixture
def store(opener: Opener) -> Store:
    return opener()


def message(number: int, person: PersonKey = WANG, text: str = "你好") -> Message:
    return Message(channel=person.channel, sender=person.sender, id=f"m{number}", text=text, received_at=NOW + timedelta(seconds=number))


def reply(text: str) -> Reply:
    cited = Citation(programme="p", document="某文〔2022〕5号", article="三（一）", quote="有场地；")
    files = (File(kind="form", name="申请表.docx", path="/tmp/申请表.docx"),)
    return Reply(text=text, choices=(Option(value="a", label="甲"),), citations=(cited,), files=files)


def answer(field: str, value: bool | int | float | str | None, **other: object) -> Answer:
    return Answer(field=field, value=value, at=NOW, **other)  # type: ignore[arg-type]


def draft(draft_id: str, *answers: Answer, programme: str = "p", service: str = "s", at: datetime = NOW) -> Draft:
    return Draft(id=draft_id, programme=programme, service=service, answers=answers, created_at=NOW, updated_at=at)


def say(
    store: Store, number: int, person: PersonKey = WANG, *, text: str = "你好", effects: tuple[Effect, ...] = (), **changes: object
) -> Session:
    """Commit a turn that changes the session so; the session as it should now be."""
    before = store.load(person)
    after = replace(before, revision=before.revision + 1, **changes)  # type: ignore[arg-type]
    turn = Turn(session=after, replies=(reply(f"答{number}"),), stored_text=text, effects=effects)
    assert store.commit(message(number, person, text), turn, before.revision) == turn.replies
    return after


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


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUE = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
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


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


def forget_by_message(store: Store, number: int, person: PersonKey = WANG) -> tuple[Reply, ...]:
    before = store.load(person)
    turn = Turn(
        session=Session(person=person, revision=before.revision + 1),
        replies=(Reply(text="已全部删除"),),
        stored_text="",
        effects=(Effect(kind="forget"),),
    )
    return store.commit(message(number, person, "是"), turn, before.revision)


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


# SQLite: no trace, protected values


def database_of(store: Store) -> Path:
    assert isinstance(store, SqliteStore)
    return store.path


def everything_in(folder: Path) -> bytes:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    return b"".join(path.read_bytes() for path in files)


def traces(folder: Path, *canaries: str) -> list[str]:
    raw = everything_in(folder)
    return [c for c in canaries if c.encode() in raw or c.encode("utf-16-le") in raw]


@pytest.fixture
def sqlite_at(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path / "data" / "yizhan.db", SECRET)) as store:
        yield store


@pytest.mark.parametrize("by_message", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_nothing_of_a_forgotten_person_is_left_in_any_file(tmp_path: Path, seed: int, by_message: bool) -> None:
    """Rows of many people, of all sizes and often rewritten, so that pages split and rows move: where copies would stay behind."""
    dice, folder = random.Random(seed), tmp_path / "data"
    person = PersonKey(channel="wechat", sender="openid-canary-7f3a")
    canaries = [
        "openid-canary-7f3a",
        "王金丝雀",
        "13900001234",
        "canary@example.cn",
        "6222026666666666",
        "某某银行金丝雀支行",
        "旧场地金丝雀",
        "金丝雀说的话",
    ]
    with closing(SqliteStore(folder / "yizhan.db", SECRET)) as store, closing(SqliteStore(folder / "yizhan.db", SECRET)) as other:
        for number in range(150):
            who = person if number % 3 == 0 else PersonKey(channel="wechat", sender=f"other-{dice.randrange(30)}")
            words = canaries if who == person else ["别人的话", "李四", "13911112222", "x", "y", "z", "w", "v"]
            values = [answer(f"f{dice.randrange(9)}", dice.choice(words[1:4]) * dice.randrange(1, 60)) for _ in range(1)]
            kept = [
                a
                for d in store.load(who).drafts
                for a in d.answers
                if a.field not in {v.field for v in values} | {"bank_card", "bank_name"}
            ]
            bank = [answer("bank_card", words[4], sensitive=True), answer("bank_name", words[5], sensitive=True)]
            drafts = (draft(f"draft-of-{who.sender}", *kept, *values, *bank),)
            text = words[7] * dice.randrange(1, 200)
            say(store, number, who, text=text, drafts=drafts, opening=words[6], effects=(Effect(kind="handover", text=text),))
        assert set(traces(folder, *canaries)) == set(canaries) - {"6222026666666666", "某某银行金丝雀支行"}
        if by_message:
            forget_by_message(other, 999, person)
        else:
            assert other.forget(person)
        assert traces(folder, *canaries) == []
        assert len(store.drafts()) > 20
    assert traces(folder, *canaries) == []


def test_nothing_that_was_said_before_is_left_after_consent_was_withdrawn(sqlite_at: SqliteStore) -> None:
    folder = sqlite_at.path.parent
    for number in range(40):
        say(
            sqlite_at,
            number,
            text=f"我叫王金丝雀 {number}",
            drafts=(draft("d1", answer("leader_name", "王金丝雀"), answer("a", "场地" * number)),),
        )
    assert traces(folder, "王金丝雀") == ["王金丝雀"]
    say(sqlite_at, 99, text="撤回同意", drafts=(draft("d1", answer("a", "场地")),), effects=(Effect(kind="erase"),))
    assert traces(folder, "王金丝雀") == []


def test_a_deletion_that_another_reader_hinders_is_finished_later(tmp_path: Path) -> None:
    path = tmp_path / "data" / "yizhan.db"
    store = SqliteStore(path, SECRET)
    say(store, 1, text="王金丝雀")
    with closing(sqlite3.connect(path)) as reader:
        store._db.execute("PRAGMA busy_timeout = 1")  # type: ignore[union-attr]
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM messages").fetchall()
        assert store.forget(WANG)
        assert traces(path.parent, "王金丝雀") == ["王金丝雀"]
        assert store.load(WANG) == Session(person=WANG)
    store.close()
    with closing(SqliteStore(path, SECRET)):
        assert traces(path.parent, "王金丝雀") == []


def test_a_deletion_that_a_crash_cut_short_is_finished_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SqliteStore, "_scrub", lambda self: None)
    with closing(SqliteStore(tmp_path / "data" / "yizhan.db", SECRET)) as store:
        say(store, 1, text="王金丝雀")
        assert store.forget(WANG)
        shutil.copytree(tmp_path / "data", tmp_path / "crashed")  # what a kill leaves: database and WAL
    assert traces(tmp_path / "crashed", "王金丝雀") == ["王金丝雀"]
    monkeypatch.undo()
    with closing(SqliteStore(tmp_path / "crashed" / "yizhan.db", SECRET)) as store:
        assert traces(tmp_path / "crashed", "王金丝雀") == []
        assert store.load(WANG) == Session(person=WANG)


def test_sensitive_answers_never_stand_readable_in_the_files(sqlite_at: SqliteStore) -> None:
    secret = [answer("bank_card", "6222026666666666", sensitive=True), answer("bank_name", "某某银行金丝雀支行", sensitive=True)]
    say(sqlite_at, 1, text="银行卡号 ************6666", drafts=(draft("d1", *secret, answer("address", "某路1号")),))
    say(sqlite_at, 2, text="改一下", drafts=(draft("d1", *secret[1:], answer("bank_card", "6222027777777777", sensitive=True)),))
    hidden = ("6222026666666666", "6222027777777777", "某某银行金丝雀支行", SECRET.decode())
    assert traces(sqlite_at.path.parent, *hidden, "改一下") == ["改一下"]
    assert sqlite_at.load(WANG).drafts[0].value("bank_card") == "6222027777777777"


def test_an_unchanged_sensitive_answer_is_not_written_again(sqlite_at: SqliteStore) -> None:
    say(sqlite_at, 1, drafts=(draft("d1", answer("bank_card", "6222", sensitive=True)),))
    query = "SELECT value FROM answers"
    with closing(sqlite3.connect(sqlite_at.path)) as other:
        sealed = other.execute(query).fetchall()
        say(sqlite_at, 2, drafts=(draft("d1", answer("bank_card", "6222", sensitive=True), answer("a", 1)),))
        assert sealed[0] in other.execute(query).fetchall()


def test_a_protected_value_moved_to_another_person_is_not_read(sqlite_at: SqliteStore) -> None:
    say(sqlite_at, 1, WANG, drafts=(draft("d1", answer("bank_card", "6222", sensitive=True)),))
    say(sqlite_at, 1, LI, drafts=(draft("d2", answer("bank_card", "9558", sensitive=True)),))
    with closing(sqlite3.connect(sqlite_at.path)) as other, other:
        other.execute("UPDATE answers SET value = (SELECT value FROM answers WHERE sender = 'wang') WHERE sender = 'li'")
    with pytest.raises(StoreError, match="d2 / bank_card was changed"):
        sqlite_at.load(LI)
    assert sqlite_at.load(WANG).drafts[0].value("bank_card") == "6222"


def test_another_key_is_noticed_at_start(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "y.db", SECRET).close()
    with pytest.raises(StoreError, match=r"YIZHAN_SECRET_KEY is not the key .* bank details"):
        SqliteStore(tmp_path / "y.db", SECRET + b"!")
    SqliteStore(tmp_path / "y.db", SECRET).close()


# SQLite: start


def test_the_database_and_its_folder_are_made_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "yizhan.db"
    with closing(SqliteStore(path, SECRET)) as store:
        say(store, 1)
        files = sorted(path.parent.iterdir())
        assert [f.name for f in files] == ["yizhan.db", "yizhan.db-shm", "yizhan.db-wal"]
        assert {f.stat().st_mode & 0o777 for f in files} == {0o600}
        assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_database_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "yizhan.db"
    SqliteStore(path, SECRET).close()
    path.chmod(0o644)
    SqliteStore(path, SECRET).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_settings_that_make_a_commit_durable_are_on(sqlite_at: SqliteStore) -> None:
    db = sqlite_at._db
    assert db is not None
    names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
    assert [db.execute(f"PRAGMA {name}").fetchone()[0] for name in names] == ["wal", 2, 1, 1]


def test_what_a_thread_commits_together_waits_for_the_disk_once_before_it_is_told(
    sqlite_at: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[str] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (waited.append(Path(f"/proc/self/fd/{file}").readlink().name), real(file)))
    modes = []
    with sqlite_at.gathered():
        for number in (1, 2):
            say(sqlite_at, number)
            modes.append(_synchronous(sqlite_at))
        with ThreadPoolExecutor(1) as other:
            other.submit(say, sqlite_at, 1, person=LI).result(20)
        modes.append(_synchronous(sqlite_at))
        assert not waited
    assert waited == [f"{sqlite_at.path.name}-wal"]
    say(sqlite_at, 3)
    assert [*modes, _synchronous(sqlite_at)] == [1, 1, 2, 2]


def _synchronous(store: SqliteStore) -> int:
    db = store._db
    assert db is not None
    return int(db.execute("PRAGMA synchronous").fetchone()[0])


def test_a_disk_that_fails_is_told_of_and_the_store_goes_on(sqlite_at: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", _broken)
        with pytest.raises(StoreError, match="the disk failed to read or write; check it"), sqlite_at.gathered():
            say(sqlite_at, 1)
    say(sqlite_at, 2)
    assert _synchronous(sqlite_at) == 2


def _broken(_: int) -> None:
    raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize(
    ("name", "weak", "said"), [("synchronous", "NORMAL", "synchronous at 1"), ("foreign_keys", "OFF", "foreign_keys at 0")]
)
def test_a_connection_that_will_not_be_durable_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, weak: str, said: str
) -> None:
    """SQLite is made to keep a weaker setting, as a build with other defaults might."""

    class Weaker(sqlite3.Connection):
        def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
            return super().execute(re.sub(rf"^PRAGMA {name} = \w+", f"PRAGMA {name} = {weak}", sql), *parameters)

    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: real(*a, factory=Weaker, **k))
    with pytest.raises(StoreError, match=f"y.db: SQLite keeps {said} .* local disk"):
        SqliteStore(tmp_path / "y.db", SECRET)


def test_a_place_where_no_write_ahead_log_can_be_kept_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **k: real(":memory:", **k))
    with pytest.raises(StoreError, match="journal_mode at memory where WAL is needed"):
        SqliteStore(tmp_path / "y.db", SECRET)


def test_a_database_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "y.db"
    SqliteStore(path, SECRET).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreError, match=f"version {len(MIGRATIONS) + 1}, this program knows version {len(MIGRATIONS)}; install"):
        SqliteStore(path, SECRET)


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "y.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE people (name)")
    with pytest.raises(StoreError, match="belongs to another program"):
        SqliteStore(path, SECRET)
    with closing(sqlite3.connect(path)) as other:
        assert [row[0] for row in other.execute("SELECT name FROM sqlite_master")] == ["people"]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "y.db"
    path.write_text("这不是数据库" * 500, encoding="utf-8")
    with pytest.raises(StoreError, match=r"y\.db: the file is no SQLite database; choose"):
        SqliteStore(path, SECRET)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(StoreError, match=r"file/data/y.db: the database file cannot be opened for writing \(Not a directory\); choose"):
        SqliteStore(tmp_path / "file" / "data" / "y.db", SECRET)


def test_the_tables_are_made_once_when_several_programs_start_together(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: SqliteStore(tmp_path / "y.db", SECRET), range(8)))
    for number, store in enumerate(stores):
        say(store, number)
        store.close()
    with closing(SqliteStore(tmp_path / "y.db", SECRET)) as store:
        assert store.load(WANG).revision == 8


def test_a_start_waits_for_another_program_that_is_making_the_file(tmp_path: Path) -> None:
    """The other one holds the new file in the state in which SQLite refuses the change to WAL without waiting."""
    path, held = tmp_path / "y.db", threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("CREATE TABLE starting (id)")
            other.execute("DROP TABLE starting")
            other.execute("BEGIN IMMEDIATE")
            held.set()
            threading.Event().wait(0.2)
            other.execute("ROLLBACK")

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(hold)
        held.wait()
        SqliteStore(path, SECRET).close()
        done.result()


# SQLite: faults


@contextmanager
def locked(store: SqliteStore) -> Iterator[None]:
    assert store._db is not None
    store._db.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def read_only(store: SqliteStore) -> Iterator[None]:
    """As after a remount: the open connection cannot write, nor can a new one."""
    assert store._db is not None
    store._db.execute("PRAGMA query_only = ON")
    with pytest.MonkeyPatch.context() as patch:
        real = sqlite3.connect
        patch.setattr(sqlite3, "connect", lambda path, **k: real(f"file:{path}?mode=ro", uri=True, **k))
        yield


@contextmanager
def no_more_pages(store: SqliteStore) -> Iterator[None]:
    assert store._db is not None
    store._db.execute("PRAGMA max_page_count = 1")
    yield
    store._db.execute("PRAGMA max_page_count = 1000000")


@contextmanager
def no_more_bytes(store: SqliteStore) -> Iterator[None]:
    """The operating system refuses to let any file grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (locked, "another program holds the database; try again"),
        (read_only, "the database cannot be written; give"),
        (no_more_pages, "the disk is full; free"),
        (no_more_bytes, "the disk (is full|failed to)"),
    ],
)
def test_a_fault_writes_nothing_and_heals_without_a_restart(
    sqlite_at: SqliteStore, fault: Callable[[SqliteStore], object], said: str
) -> None:
    before = say(sqlite_at, 1, drafts=(draft("d1", answer("a", 1)),))
    big = replace(before, revision=2, drafts=(draft("d1", answer("a", "长" * 30_000)),))
    turn = Turn(session=big, replies=(reply("答2"),), stored_text="二" * 30_000)
    with fault(sqlite_at):  # type: ignore[attr-defined]
        for _ in range(2):
            with pytest.raises(StoreError, match=rf"yizhan\.db: {said}"):
                sqlite_at.commit(message(2), turn, 1)
    assert sqlite_at.load(WANG) == before
    assert sqlite_at.replies(message(2)) is None
    assert len(sqlite_at.conversation(WANG)) == 1
    assert sqlite_at.commit(message(2), turn, 1) == turn.replies
    assert sqlite_at.load(WANG) == big


def test_a_connection_that_was_lost_is_opened_again(sqlite_at: SqliteStore) -> None:
    session = say(sqlite_at, 1)
    assert sqlite_at._db is not None
    sqlite_at._db.conn.close()
    with pytest.raises(StoreError):
        sqlite_at.load(WANG)
    assert sqlite_at.load(WANG) == session


def test_a_half_character_is_refused_without_repeating_it(sqlite_at: SqliteStore) -> None:
    turn = Turn(session=Session(person=WANG, revision=1), replies=(), stored_text="坏\ud800")
    with pytest.raises(StoreError, match="clean the text first") as caught:
        sqlite_at.commit(message(1), turn, 0)
    assert "坏" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert sqlite_at.load(WANG) == Session(person=WANG)


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "y.db", SECRET)
    store.close()
    with pytest.raises(StoreError, match="was closed"):
        store.load(WANG)


def test_a_draft_id_that_is_somebody_elses_is_refused(sqlite_at: SqliteStore) -> None:
    say(sqlite_at, 1, WANG, drafts=(draft("d1"),))
    with pytest.raises(StoreError):
        say(sqlite_at, 1, LI, drafts=(draft("d1"),))
    assert sqlite_at.load(LI) == Session(person=LI)


# SQLite: cost


def test_a_late_turn_writes_no_more_than_an_early_one(sqlite_at: SqliteStore) -> None:
    def written(number: int) -> int:
        """Bytes that this turn adds to the WAL."""
        assert sqlite_at._db is not None
        sqlite_at._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        answers = [a for d in sqlite_at.load(WANG).drafts for a in d.answers if a.field != f"f{number % 20}"]
        say(sqlite_at, number, drafts=(draft("d1", *answers, answer(f"f{number % 20}", f"第{number}个回答")),))
        return sqlite_at.path.with_name("yizhan.db-wal").stat().st_size

    sizes = [written(number) for number in range(300)]
    early, late = sizes[20:60], sizes[260:300]
    assert min(early) > 0
    assert sum(late) <= 1.3 * sum(early)


# SQLite: processes


def worker(path: Path, sender: str, first: int, last: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "tests" / "store_worker.py"), str(path), sender, str(first), str(last)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_two_processes_write_for_one_person_and_lose_nothing(tmp_path: Path) -> None:
    running = [worker(tmp_path / "y.db", "wang", first, first + 60) for first in (0, 100)]
    said = [process.communicate(timeout=60)[0].split() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    expected = {f"m{n}" for n in [*range(60), *range(100, 160)]}
    assert set(said[0]) | set(said[1]) == expected
    with closing(SqliteStore(tmp_path / "y.db", SECRET)) as store:
        told = store.conversation(WANG)
        assert {s.id for s in told} == expected
        assert len(told) == 120
        assert store.load(WANG).revision == 120


def test_what_was_acknowledged_survives_a_kill_at_any_moment(tmp_path: Path) -> None:
    path, dice, acknowledged = tmp_path / "y.db", random.Random(8), set[str]()
    for life in range(8):
        process = worker(path, "wang", 1000 * life, 1000 * life + 1000)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(dice.randrange(1, 40))]
        threading.Event().wait(dice.random() * 0.005)
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()  # not communicate(): that would lose what readline() has read ahead
        process.stdout.close()
        process.wait(timeout=60)
        assert process.returncode == -signal.SIGKILL
        acknowledged |= {line.strip() for line in lines if line.endswith("\n")}
        with closing(SqliteStore(path, SECRET)) as store:
            told = {s.id for s in store.conversation(WANG)}
            session = store.load(WANG)
        assert acknowledged <= told
        assert len(told - acknowledged) <= life + 1  # the one that was under way when it was killed
        assert session.revision == len(told)
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert other.execute("PRAGMA foreign_key_check").fetchall() == []
    assert len(acknowledged) >= 8
