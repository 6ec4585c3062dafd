"""What is about SQLite's one file: durability, leaving no trace, faults of the disk. What every store promises stands in test_store.py."""

import errno
import os
import random
import re
import resource
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from flows.types import Effect, PersonKey, Session, Turn
from storage.migrations import MIGRATIONS
from storage.sqlite import SqliteStore
from storage.store import StoreError
from tests.stores import LI, SECRET, WANG, answer, draft, forget_by_message, message, reply, say

# SQLite: no trace, protected values


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
