"""`yizhan db`: what is copied from one database to the other is the same there, also when the copy was cut short."""

import os
import re
import sqlite3
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from flows.types import Consent, Effect, PersonKey
from storage import accounts, copying
from storage.copying import copy, count
from storage.migrations import MIGRATIONS
from storage.sql import SqlStore
from storage.store import Link, Push, StoreError
from storage.tables import tables
from tests.stores import LI, NOW, SECRET, WANG, answer, draft, forget_by_message, opened, say

PEOPLE = [PersonKey(channel="wechat", sender=f"p{number:03}") for number in range(12)]


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of ours from outside, and batches that are soon full."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("YIZHAN_") and name != "YIZHAN_TEST_POSTGRES"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(copying, "BATCH", 5)


@pytest.fixture(params=["sqlite to postgresql", "postgresql to sqlite"])
def addresses(request: pytest.FixtureRequest, postgres: Callable[[], str], tmp_path: Path) -> tuple[str, str]:
    made = (f"sqlite:///{tmp_path / 'a.db'}", postgres())
    return made if request.param.startswith("sqlite") else (made[1], made[0])


class Both:
    """Two databases, opened anew whenever they are asked for."""

    def __init__(self, here: str, there: str) -> None:
        self._addresses, self._opened = (here, there), list[SqlStore]()

    def open(self, which: int, *, for_copy: bool) -> SqlStore:
        self._opened.append(opened(self._addresses[which], for_copy=for_copy))
        return self._opened[-1]

    @property
    def source(self) -> SqlStore:
        return self.open(0, for_copy=False)

    @property
    def target(self) -> SqlStore:
        return self.open(1, for_copy=True)

    def close(self) -> None:
        for store in self._opened:
            store.close()


@pytest.fixture
def both(addresses: tuple[str, str]) -> Iterator[Both]:
    made = Both(*addresses)
    yield made
    made.close()


def fill(store: SqlStore) -> None:
    """Something in every corner: drafts, protected answers, votes, notes, links, pushes, a deletion, accounts, the log."""
    for number, person in enumerate(PEOPLE):
        bank = answer("bank_card", f"6222{number:04}", sensitive=True)
        values = (answer("a", number), answer("b", None), answer("c", "王'; --\\ % ? 𠮷\n"), bank)
        consent = Consent(kind="personal", given=True, at=NOW, notice="n1")
        drafts = (draft(f"d{number}", *values), draft(f"e{number}", service="t"))
        say(store, 1, person, text="你好？100%", drafts=drafts, consents=(consent,), effects=(Effect(kind="handover", text="想找人"),))
        store.change_note(person, "reach", lambda _: "{}")
        store.add_link(f"token {number}", Link(person=person, draft=f"d{number}", expires_at=NOW), NOW)
        store.post(Push(id=f"push {number}", person=person, kind="reminder", body="{}", due_at=NOW))
    say(store, 1, WANG)
    forget_by_message(store, 2, WANG)
    staff = accounts.Staff(name="管理员", role="admin", log_key=b"k")
    with store.writing() as db:
        assert accounts.add(db, accounts.Account(name="李", role="officer", made_by="管理员", made_at=0.1))
        for _ in range(20):
            accounts.log(db, staff, "登录", "对象", "%？")


def everything(store: SqlStore) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, but for what `meta` says of one database alone."""
    with store.reading() as db:
        found = {t.name: [tuple(r) for r in db.execute(f"SELECT {', '.join(t.columns)} FROM {t.name}")] for t in tables()}
    return {name: sorted(rows, key=repr) for name, rows in found.items() if name != "meta"}


def test_everything_comes_over_and_is_compared(both: Both) -> None:
    fill(both.source)
    told: list[int] = []
    copied = copy(both.source, both.target, lambda table, rows: told.append(rows))
    here, there = everything(both.source), everything(both.open(1, for_copy=False))
    assert here == there
    assert {one.table: one.rows for one in copied if one.rows and one.table != "meta"} == {name: len(r) for name, r in here.items() if r}
    assert sum(len(rows) > 0 for rows in here.values()) >= 12
    assert sum(told) == 2 * count(both.source)
    assert max(told) == 5


def test_the_copy_goes_on_as_the_same_service(both: Both) -> None:
    fill(both.source)
    copy(both.source, both.target)
    source, target = both.source, both.open(1, for_copy=False)
    for person in PEOPLE:
        assert target.load(person) == source.load(person)
        assert target.conversation(person) == source.conversation(person)
    assert target.load(PEOPLE[3]).drafts[0].value("bank_card") == "62220003"
    link = target.link("token 3", NOW.replace(year=2025))
    assert link is not None
    assert link.person == PEOPLE[3]
    with target.reading() as db:
        assert accounts.verify(db, b"k") is None
    say(target, 2, PEOPLE[0], opening="又来了")
    assert target.check() == []


@pytest.mark.parametrize("stops_at", [1, 12, 40])
def test_a_copy_that_was_cut_short_goes_on_where_it_was(both: Both, stops_at: int) -> None:
    fill(both.source)
    batches = iter(range(stops_at))

    def stop(table: str, rows: int) -> None:
        if next(batches, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(both.source, both.target, stop)
    had = count(both.target)
    assert had > 0
    with pytest.raises(StoreError, match="is being filled from another one; run yizhan db copy until it is done"):
        both.open(1, for_copy=False)
    told: list[int] = []
    copy(both.source, both.target, lambda table, rows: told.append(rows))
    assert sum(told) == 2 * count(both.source) - had
    assert everything(both.source) == everything(both.open(1, for_copy=False))


def test_a_database_with_other_data_is_refused_and_left_alone(both: Both) -> None:
    fill(both.source)
    target = both.open(1, for_copy=False)
    say(target, 1, LI)
    before = everything(target)
    with pytest.raises(StoreError, match=r"holds data already \(people, messages\); choose an empty one"):
        copy(both.source, both.target)
    assert everything(both.target) == before
    both.open(1, for_copy=False)


def test_a_copy_begun_from_another_database_is_refused(both: Both, tmp_path: Path) -> None:
    with closing(opened(f"sqlite:///{tmp_path / 'other.db'}")) as other:
        say(other, 1)

        def stop(table: str, rows: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            copy(other, both.target, stop)
    with pytest.raises(StoreError, match="begun to be filled from another database"):
        copy(both.source, both.target)


def test_another_secret_is_refused(both: Both, addresses: tuple[str, str]) -> None:
    opened(addresses[1], SECRET + b"!").close()
    with pytest.raises(StoreError, match="YIZHAN_SECRET_KEY is not the key this database was made with"):
        _ = both.target


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE drafts SET rules = 'other' WHERE id = 'd3'",
        "DELETE FROM people WHERE sender = 'p007'",
        "UPDATE answers SET value = '8' WHERE draft = 'd7' AND field = 'a'",
        "UPDATE pushes SET due_at = due_at + 0.001 WHERE id = 'push 5'",
    ],
)
def test_what_was_written_to_the_source_meanwhile_is_noticed(both: Both, change: str) -> None:
    fill(both.source)
    changed = iter([True])

    def meddle(table: str, rows: int) -> None:
        if table == "meta" or (table != tables()[-1].name and table != "staff_log"):
            return
        if next(changed, False):
            with both.source.writing() as db:
                db.execute(change)

    with pytest.raises(StoreError, match=r"table \w+ has \d+ rows here and \d+ in the copy, or other ones: .* stop the service"):
        copy(both.source, both.target, meddle)


def test_what_an_earlier_version_sealed_as_bytes_is_read_after_the_copy(postgres: Callable[[], str], tmp_path: Path) -> None:
    with closing(opened(f"sqlite:///{tmp_path / 'a.db'}")) as source, closing(opened(postgres(), for_copy=True)) as target:
        say(source, 1, drafts=(draft("d1", answer("bank_card", "6222", sensitive=True)),))
        with closing(sqlite3.connect(tmp_path / "a.db")) as other, other:
            (sealed,) = other.execute("SELECT value FROM answers").fetchone()
            other.execute("UPDATE answers SET value = ?", [b64decode(sealed)])
        assert source.load(WANG).drafts[0].value("bank_card") == "6222"
        copy(source, target)
        assert target.load(WANG).drafts[0].value("bank_card") == "6222"


# The commands


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["db", *arguments])


def test_the_commands_say_what_was_done_and_what_is_to_be_done(
    addresses: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YIZHAN_SECRET_KEY", SECRET.decode())
    here, there = addresses
    with closing(opened(here)) as store:
        fill(store)
        rows = count(store)
    done = run("copy", "--database", here, "--to", there)
    assert done.exit_code == 0, done.output
    assert re.search(r"^people: 12 行，校验和 [0-9a-f]{12} 一致$", done.stdout, re.M)
    assert f"共 {rows} 行。请把 YIZHAN_DATABASE 改成新库，用同一把密钥（YIZHAN_SECRET_KEY 不变）" in done.stdout
    assert "Traceback" not in done.output
    checked = run("check", "--database", there)
    assert (checked.exit_code, checked.stdout) == (0, f"没有发现毛病，共 {rows} 行\n")
    again = run("copy", "--database", here, "--to", there)
    assert again.exit_code == 1
    assert "holds data already" in again.stderr
    assert len(again.stderr.strip().splitlines()) == 1


def test_a_key_file_is_named_for_the_new_database(postgres: Callable[[], str], tmp_path: Path) -> None:
    with closing(opened(f"sqlite:///{tmp_path / 'a.db'}", (b"f" * 64))) as store:
        say(store, 1)
    (tmp_path / "yizhan.key").write_text("f" * 64, encoding="ascii")
    (tmp_path / "a-files").mkdir()
    done = run("copy", "--database", f"sqlite:///{tmp_path / 'a.db'}", "--to", postgres())
    assert done.exit_code == 0, done.output
    assert f"{tmp_path / 'yizhan.key'} 的内容，作为 YIZHAN_SECRET_KEY" in done.stdout
    assert re.search(rf"请把 {tmp_path / 'a-files'} 的内容移到 {tmp_path / 'home' / 'yizhan'}/postgresql-[0-9a-f]+-files。", done.stdout)


def test_migrate_says_from_which_version_to_which(postgres: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIZHAN_SECRET_KEY", SECRET.decode())
    for address in (f"sqlite:///{tmp_path / 'm.db'}", postgres()):
        said = [run("migrate", "--database", address).stdout for _ in range(2)]
        assert said == [f"已升级：第 0 版 → 第 {len(MIGRATIONS)} 版\n", f"已是最新：第 {len(MIGRATIONS)} 版\n"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["check", "--database", "sqlite:///none.db"], 2, "没有这个数据库文件"),
        (["copy", "--to", "sqlite:///a.db", "--database", "sqlite:///none.db"], 2, "没有这个数据库文件"),
        (["check", "--database", "mysql://x"], 2, "is no database address"),
        (["copy", "--to", "sqlite:///a.db", "--database", "sqlite:///a.db"], 2, "就是现在的数据库"),
        (["copy", "--to", "postgresql://u:canary@localhost:1/d", "--database", "sqlite:///a.db"], 1, "localhost/d: the database cannot be"),
        (["migrate", "--database", "postgresql://u:canary@localhost:1/d"], 2, "YIZHAN_SECRET_KEY is missing"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line_without_a_password(arguments: Sequence[str], code: int, said: str) -> None:
    opened("sqlite:///a.db", b"f" * 64).close()
    Path("yizhan.key").write_text("f" * 64, encoding="ascii")
    done = run(*arguments)
    assert done.exit_code == code
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "canary" not in done.output


def test_a_damaged_database_is_told_of(tmp_path: Path) -> None:
    with closing(opened(f"sqlite:///{tmp_path / 'a.db'}", b"f" * 64)) as store:
        say(store, 1, drafts=(draft("d1"),))
    (tmp_path / "yizhan.key").write_text("f" * 64, encoding="ascii")
    with closing(sqlite3.connect(tmp_path / "a.db")) as other, other:
        other.execute("DELETE FROM people")
    done = run("check", "--database", f"sqlite:///{tmp_path / 'a.db'}")
    assert done.exit_code == 1
    assert "table drafts has a row that refers to none in people; restore the database" in done.stdout


def test_a_postgresql_database_that_lost_a_column_or_an_index_is_told_of(postgres: Callable[[], str]) -> None:
    with closing(opened(postgres())) as store:
        with store.writing() as db:
            db.execute("ALTER TABLE drafts DROP COLUMN rules")
        assert [re.sub(r"^\S+: ", "", defect) for defect in store.check()] == ["table drafts has no column rules; restore the database"]
