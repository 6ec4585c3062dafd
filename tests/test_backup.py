"""A copy of the database in use, and its way back: whole, under the same key, without those who deleted their data since."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from flows.types import Answer, Consent, Draft, Effect, Message, PersonKey, Reply, Session, Turn
from storage import accounts, departures, runs, staff_sessions
from storage.backup import COUNTED, MAYBE, Restored, back_up, restore
from storage.migrations import MIGRATIONS
from storage.runs import Run
from storage.sqlite import SqliteStore
from storage.store import Link, Push, StoreError

SECRET = b"a secret of at least 32 characters"
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
WANG, LI = PersonKey(channel="wechat", sender="openid-canary-7f3a"), PersonKey(channel="wechat", sender="openid-of-li")
CANARIES = ("openid-canary-7f3a", "王金丝雀", "13900001234", "金丝雀说的话")
ROOT = Path(__file__).parent.parent


def quiet(done: int, total: int) -> None:
    """Nobody looks at the bar."""


def opened(folder: Path) -> SqliteStore:
    return SqliteStore(folder / "yizhan.db", SECRET)


def say(
    store: SqliteStore, who: PersonKey, number: int, *, kind: str = "", texts: tuple[str, str, str] = ("李四", "13911112222", "别的话")
) -> None:
    """One message, whose turn gives a draft with personal answers; or deletes or erases."""
    session, at = store.load(who), NOW + timedelta(seconds=number)
    name, mobile, text = texts
    answers = [Answer(field=f, value=v, at=at) for f, v in (("unit_name", "书院"), ("leader_name", name), ("leader_mobile", mobile))]
    if kind:
        answers = answers[:1]
    made = Draft(id=f"draft-of-{who.sender}", programme="p", service="s", answers=tuple(answers), created_at=at, updated_at=at)
    consent = Consent(kind="personal", given=not kind, at=at, notice="n")
    after = Session(person=who, drafts=(made,), consents=(*session.consents, consent), revision=session.revision + 1)
    if kind == "forget":
        after = Session(person=who, revision=session.revision + 1)
    effects = (Effect(kind=kind),) if kind else ()  # type: ignore[arg-type]  # of two kinds
    message = Message(channel=who.channel, sender=who.sender, id=f"m{number}", text="", received_at=at)
    store.commit(
        message, Turn(session=after, replies=(Reply(text="好"),), stored_text="" if kind else text, effects=effects), session.revision
    )


def traces(folder: Path) -> list[str]:
    """Which canaries occur in any file of the folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    found = b"".join(path.read_bytes() for path in files)
    return [canary for canary in CANARIES if canary.encode() in found or canary.encode("utf-16-le") in found]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder whose database holds two people, and a backup of it outside."""
    with closing(opened(tmp_path / "data")) as store:
        for number in range(30):
            say(store, WANG, number, texts=(CANARIES[1], CANARIES[2], CANARIES[3] * (1 + number)))
            say(store, LI, number)
        back_up(store.path, tmp_path / "backup.db", quiet)
    assert traces(tmp_path / "data") == list(CANARIES)
    return tmp_path / "data"


def put_back(folder: Path) -> Restored:
    return restore(folder.parent / "backup.db", folder / "yizhan.db", SECRET, ("leader_name", "leader_mobile"), quiet)


def test_a_copy_made_while_others_write_is_one_moment_and_whole(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as store:
        for number in range(120):
            say(store, PersonKey(channel="web", sender=f"p{number}"), 0, texts=("某", "1", "长" * 15_000))
    command = [sys.executable, "-m", "tests.store_worker", f"sqlite:///{tmp_path}/yizhan.db", "busy", "0", "100000"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout is not None
            for _ in range(20):
                assert writer.stdout.readline()
            steps: list[int] = []
            numbers = back_up(tmp_path / "yizhan.db", tmp_path / "copy.db", lambda done, total: steps.append(done))
            for _ in range(20):
                assert writer.stdout.readline()
        finally:
            writer.kill()
    assert len(steps) > 3, "the copying was not in steps"
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert copy.execute("PRAGMA foreign_key_check").fetchall() == []
        revision, messages = copy.execute(
            "SELECT revision, (SELECT COUNT(*) FROM messages m WHERE m.sender = p.sender) FROM people p WHERE sender = 'busy'"
        ).fetchone()
        assert revision == messages >= 20
        found = {table: copy.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in COUNTED}
    assert numbers == found
    assert numbers["people"] == 121


def test_nobody_waits_for_the_copying(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as store, closing(opened(tmp_path)) as other:
        for number in range(60):
            say(store, PersonKey(channel="web", sender=f"p{number}"), 0, texts=("某", "1", "长" * 9000))
        written = threading.Event()

        def write(done: int, total: int) -> None:
            if not written.is_set():
                say(other, LI, 1)  # would raise "database is locked" after three seconds
                written.set()

        numbers = back_up(store.path, tmp_path / "copy.db", write)
        assert written.is_set()
        assert numbers["people"] == 60
        assert other.load(LI).revision == 1


def test_the_file_is_this_users_alone_and_holds_no_key(kept: Path) -> None:
    backup = kept.parent / "backup.db"
    assert backup.stat().st_mode & 0o777 == 0o600
    assert SECRET not in backup.read_bytes()
    assert sorted(path.name for path in kept.parent.iterdir()) == ["backup.db", "data"]


def test_a_file_that_is_there_is_replaced_only_on_demand(kept: Path) -> None:
    backup = kept.parent / "backup.db"
    before = backup.read_bytes()
    with pytest.raises(StoreError, match=r"backup.db: the file is already there; choose another name, or add --force"):
        back_up(kept / "yizhan.db", backup, quiet)
    assert backup.read_bytes() == before
    assert back_up(kept / "yizhan.db", backup, quiet, replace=True)["people"] == 2


def test_what_is_no_database_of_ours_is_not_copied(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no such file"):
        back_up(tmp_path / "none.db", tmp_path / "copy.db", quiet)
    (tmp_path / "notes.txt").write_text("no database")
    with pytest.raises(StoreError, match="could not be read or written"):
        back_up(tmp_path / "notes.txt", tmp_path / "copy.db", quiet)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE t (x)")
    with pytest.raises(StoreError, match="no database of this program"):
        back_up(tmp_path / "other.db", tmp_path / "copy.db", quiet)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "other.db"]


def test_everything_comes_back_as_it_was(kept: Path) -> None:
    with closing(opened(kept)) as store:
        sessions = [store.load(who) for who in (WANG, LI)]
        say(store, PersonKey(channel="web", sender="later"), 1)
    done = put_back(kept)
    assert (done.before["people"], done.after["people"], done.gone, done.erased) == (3, 2, 0, 0)
    with closing(opened(kept)) as store:
        assert [store.load(who) for who in (WANG, LI)] == sessions
        assert len(store.conversation(WANG)) == 30
        assert store.load(PersonKey(channel="web", sender="later")).revision == 0
    assert sorted(path.name for path in kept.iterdir()) == ["yizhan.db"]
    assert (kept / "yizhan.db").stat().st_mode & 0o777 == 0o600


def test_it_comes_back_on_a_machine_that_had_nothing(kept: Path, tmp_path: Path) -> None:
    done = restore(kept.parent / "backup.db", tmp_path / "new" / "deep" / "yizhan.db", SECRET, (), quiet)
    with closing(sqlite3.connect(kept.parent / "backup.db")) as db:
        assert done.after == {table: db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in COUNTED}
    assert done.before == {}


@pytest.mark.parametrize("database_lost", [False, True])
@pytest.mark.parametrize("by_message", [False, True])
def test_who_deleted_their_data_since_is_nowhere_after_a_restore(kept: Path, by_message: bool, database_lost: bool) -> None:
    with closing(opened(kept)) as store:
        if by_message:
            say(store, WANG, 99, kind="forget")
        else:
            assert store.forget(WANG)
    assert traces(kept) == []
    if database_lost:
        (kept / "yizhan.db").unlink()
    done = put_back(kept)
    assert (done.gone, done.after["people"]) == (1, 1)
    assert traces(kept) == []
    with closing(opened(kept)) as store:
        assert store.load(LI).revision == 30
        assert store.load(WANG).revision == 0
    assert put_back(kept).gone == 1, "the second time too"
    assert traces(kept) == []


def test_who_took_back_their_consent_since_has_no_personal_data_after_a_restore(kept: Path) -> None:
    with closing(opened(kept)) as store:
        say(store, WANG, 99, kind="erase")
    done = put_back(kept)
    assert (done.gone, done.erased, done.after["people"]) == (0, 1, 2)
    assert traces(kept) == ["openid-canary-7f3a"]
    with closing(opened(kept)) as store:
        found = store.load(WANG)
        assert [a.field for a in found.drafts[0].answers] == ["unit_name"]
        assert not any(consent.given for consent in found.consents)
        assert list(store.conversation(WANG)) == []
        assert len(store.conversation(LI)) == 30


def test_who_came_back_after_a_deletion_and_is_in_the_backup_stays(kept: Path) -> None:
    with closing(opened(kept)) as store:
        assert store.forget(WANG)
        say(store, WANG, 200)
        back_up(store.path, kept.parent / "backup.db", quiet, replace=True)
        say(store, WANG, 201)
    assert put_back(kept).gone == 0
    with closing(opened(kept)) as store:
        assert store.load(WANG).revision == 1


def test_a_second_deletion_of_the_same_person_is_told_from_the_first(kept: Path) -> None:
    with closing(opened(kept)) as store:
        assert store.forget(WANG)
        say(store, WANG, 200)
        back_up(store.path, kept.parent / "backup.db", quiet, replace=True)
        assert store.forget(WANG)
    assert put_back(kept).gone == 1


def test_what_tells_of_a_deletion_names_nobody(kept: Path) -> None:
    with closing(opened(kept)) as store:
        assert store.forget(WANG)
    told = departures.file_of(kept / "yizhan.db")
    assert told.stat().st_mode & 0o777 == 0o600
    assert len(told.read_text(encoding="ascii").splitlines()) == 1
    assert traces(kept) == []
    with closing(SqliteStore(kept.parent / "other" / "yizhan.db", b"another secret of 32 characters!")) as other:
        say(other, WANG, 1)
        assert other.forget(WANG)
    assert departures.read(told).isdisjoint(departures.read(departures.file_of(kept.parent / "other" / "yizhan.db")))


def test_a_deletion_that_could_not_be_noted_beside_the_database_is_noted_later(kept: Path) -> None:
    told = departures.file_of(kept / "yizhan.db")
    told.mkdir()
    with closing(opened(kept)) as store:
        assert store.forget(WANG)
    told.rmdir()
    opened(kept).close()
    assert len(departures.read(told)) == 1


def test_another_key_is_refused_and_nothing_changes(kept: Path) -> None:
    before = (kept / "yizhan.db").read_bytes()
    with pytest.raises(StoreError, match="the backup was made with another YIZHAN_SECRET_KEY"):
        restore(kept.parent / "backup.db", kept / "yizhan.db", b"another secret of 32 characters!", (), quiet)
    with closing(SqliteStore(kept / "other.db", b"another secret of 32 characters!")) as store:
        say(store, LI, 1)
    with pytest.raises(StoreError, match="the database there was made with another YIZHAN_SECRET_KEY"):
        restore(kept.parent / "backup.db", kept / "other.db", SECRET, (), quiet)
    assert (kept / "yizhan.db").read_bytes() == before


def test_a_database_in_use_is_refused_and_nothing_changes(kept: Path) -> None:
    with closing(opened(kept)), pytest.raises(StoreError, match="in use; stop `yizhan serve`"):
        put_back(kept)
    code = (
        "import sys; from storage.sqlite import SqliteStore\n"
        "s = SqliteStore(sys.argv[1], sys.argv[2].encode()); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(kept / "yizhan.db"), SECRET.decode()], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"open\n"
        with pytest.raises(StoreError, match="in use; stop `yizhan serve`"):
            put_back(kept)
        server.communicate(b"")
    assert put_back(kept).after["people"] == 2


def test_what_is_no_backup_is_refused(kept: Path) -> None:
    backup = kept.parent / "backup.db"
    with closing(sqlite3.connect(backup)) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreError, match="the backup is of a later program"):
        put_back(kept)
    backup.write_bytes(backup.read_bytes()[:5000])
    with pytest.raises(StoreError, match="could not be read or written"):
        put_back(kept)
    backup.unlink()
    with pytest.raises(StoreError, match="there is no such file"):
        put_back(kept)
    with closing(opened(kept)) as store:
        assert store.load(LI).revision == 30


def test_a_damaged_database_is_not_overwritten_unasked(kept: Path) -> None:
    (kept / "yizhan.db").write_bytes(b"SQLite format 3\0" + b"x" * 9000)
    with pytest.raises(StoreError, match="move it away with its -wal and -shm and restore again"):
        put_back(kept)
    (kept / "yizhan.db").unlink()
    assert put_back(kept).after["people"] == 2


def test_a_kill_in_the_middle_leaves_the_old_state(kept: Path) -> None:
    with closing(opened(kept)) as store:
        for number in range(200):
            say(store, LI, 100 + number, texts=("李四", "1", "长" * 3000))
        back_up(store.path, kept.parent / "backup.db", quiet, replace=True)
        say(store, LI, 999)
    code = (
        "import os, signal, sys, pathlib, storage.backup as b\n"
        "def told(done, total):\n    if done > total / 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "b.restore(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3].encode(), ('leader_name',), told)"
    )
    arguments = [sys.executable, "-c", code, str(kept.parent / "backup.db"), str(kept / "yizhan.db"), SECRET.decode()]
    assert subprocess.run(arguments, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    with closing(opened(kept)) as store:
        assert store.load(LI).revision == 231
    assert put_back(kept).after["people"] == 2


def test_what_may_have_ended_since_the_backup_does_not_come_to_life_again(kept: Path) -> None:
    with closing(opened(kept)) as store:
        store.add_link("token", Link(person=LI, draft="", expires_at=NOW + timedelta(days=3)), NOW)
        for number, state in enumerate(("waiting", "kept", "sent")):
            store.post(Push(id=f"p{number}", person=LI, kind="reminder", body="{}", due_at=NOW))
            store.settle_push(f"p{number}", state)  # type: ignore[arg-type]  # three of them
        with store.writing() as db:
            accounts.add(db, accounts.Account(name="经办员", role="officer", link="hash", link_until=9e9, made_by="测试", made_at=1))
            staff_sessions.begin(db, "hash-of-id", "经办员", 1.0)
            runs.add_run(db, Run(id="r", kind="campaign", name="年末", starts_at=NOW, state="running", made_by="x", made_at=NOW))
        back_up(store.path, kept.parent / "backup.db", quiet, replace=True)
    put_back(kept)
    with closing(opened(kept)) as store:
        assert store.link("token", NOW) is None
        assert [(push.id, push.note) for push in store.pushes(LI, "maybe")] == [("p0", MAYBE)]
        assert [push.id for push in (*store.pushes(LI, "kept"), *store.pushes(LI, "sent"))] == ["p1", "p2"]
        with store.reading() as db:
            assert db.execute("SELECT COUNT(*) FROM staff_sessions").fetchone()[0] == 0
            account, run = accounts.account(db, "经办员"), runs.run(db, "r")
        assert account is not None
        assert account.link == ""
        assert run is not None
        assert run.state == "paused"


# The commands


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("YIZHAN_")]:
        monkeypatch.delenv(name)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--database", "sqlite:///data/yizhan.db"])


def said_in_chat(*texts: str) -> None:
    made = CliRunner().invoke(app, ["chat", "--json", "--database", "sqlite:///data/yizhan.db"], input="\n".join(texts))
    assert made.exit_code == 0, made.output


def test_the_commands_back_up_restore_and_tell_what_was_left_out(alone: Path) -> None:
    said_in_chat("我们在柳州开了家书院，想申请认定市里的人才驿站", "联谊型")
    made = run("backup", "copy.db")
    assert made.exit_code == 0, made.output
    assert "1 人，1 份草稿，2 条消息" in made.output
    assert "密钥不在备份里" in made.output
    assert "yizhan.db-deletions" in made.output
    assert run("backup", "copy.db").exit_code == 1
    assert run("forget", "console", "me").exit_code == 0
    back = run("restore", "copy.db")
    assert back.exit_code == 0, back.output
    assert "备份以后删除过数据的 1 人已再次删除" in back.output
    assert run("drafts", "list").output == ""
    verified = run("audit", "verify")
    assert verified.exit_code == 0, verified.output
    assert "操作记录完好，共 1 条" in verified.output


def test_a_restore_without_the_key_says_where_it_belongs_and_makes_none(alone: Path) -> None:
    said_in_chat("你好")
    assert run("backup", "copy.db").exit_code == 0
    (alone / "data").rename(alone / "lost")
    refused = run("restore", "copy.db")
    assert refused.exit_code == 2
    assert "缺少备份时的密钥；把 yizhan.key 放到" in refused.output
    assert not (alone / "data").exists()
    (alone / "data").mkdir()
    (alone / "lost" / "yizhan.key").rename(alone / "data" / "yizhan.key")
    assert run("restore", "copy.db").exit_code == 0


def test_postgresql_is_left_to_its_own_tools(alone: Path) -> None:
    for command in ("backup", "restore"):
        refused = CliRunner().invoke(app, [command, "copy.db", "--database", "postgresql://u@h/d"])
        assert refused.exit_code == 2
        assert "pg_dump" in refused.output


def test_a_changed_log_is_found(alone: Path) -> None:
    for name in ("甲一", "乙二", "丙三"):
        assert run("staff", "add", name).exit_code == 0
    whole = run("audit", "verify")
    assert "操作记录完好，共 3 条" in whole.output
    head = next(line.split()[1] for line in whole.output.splitlines() if line.startswith("记录头"))
    assert run("audit", "verify", "--head", head).exit_code == 0
    assert run("audit", "verify", "--head", f"9:{head.split(':')[1]}").exit_code == 1
    assert run("audit", "verify", "--head", "x").exit_code == 2
    with closing(sqlite3.connect(alone / "data" / "yizhan.db", isolation_level=None)) as db:
        db.execute("UPDATE staff_log SET staff = '别人' WHERE number = 2")
    broken = run("audit", "verify")
    assert broken.exit_code == 1
    assert "从第 2 条起与当初写下的不符" in broken.output
