"""What is about PostgreSQL's server: its tables, refusals at start, faults, and leaving no trace. What every store promises stands in
test_store.py.
"""

import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from bot.handle import BUSY, Desk, handle
from flows.types import Consent, Effect, PersonKey, Session, Turn
from storage import retention
from storage.migrations import MIGRATIONS
from storage.postgres import PostgresStore
from storage.postgres_lease import DatabaseLease
from storage.postgres_line import place_of
from storage.postgres_tables import translated
from storage.store import Conflict, Connection, Purge, Push, StoreError
from storage.tables import tables
from tests.postgres_server import Server, schema
from tests.stores import LI, NOW, SECRET, WANG, answer, draft, forget_by_message, message, reply, say
from tests.talk import built

ROOT = Path(__file__).parent.parent
PATIENCE = 1.0


@pytest.fixture
def url(postgres_server: Server) -> Iterator[str]:
    """A fresh database of a server that may be stopped."""
    with schema(postgres_server.url) as made:
        yield made


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    with closing(PostgresStore(url, SECRET, patience=PATIENCE)) as made:
        yield made


def rows_of(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as line:
        return line.execute(query).fetchall()


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


# Tables


def shape_in_sqlite(path: Path) -> dict[str, object]:
    with closing(sqlite3.connect(path)) as db:
        for statements in MIGRATIONS:
            for statement in statements:
                db.execute(statement)
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: _shape(db, table) for table in tables}


def _shape(db: sqlite3.Connection, table: str) -> object:
    columns = db.execute(f"PRAGMA table_info({table})").fetchall()
    types = {"TEXT": "text", "INTEGER": "bigint", "REAL": "double precision", "": "text"}
    nullable = {row[1]: not row[3] and not row[5] for row in columns}
    keys = [row[1] for row in sorted(columns, key=lambda row: row[5]) if row[5]]
    indexes = db.execute(f"PRAGMA index_list({table})").fetchall()
    unique = sorted(tuple(r[2] for r in db.execute(f"PRAGMA index_info({i[1]})")) for i in indexes if i[2] and i[3] != "pk")
    plain = sorted(i[1] for i in indexes if i[3] == "c")
    foreign = sorted((row[2], row[3], row[6]) for row in db.execute(f"PRAGMA foreign_key_list({table})"))
    return ({row[1]: types[row[2]] for row in columns}, nullable, keys, unique, plain, foreign)


def shape_in_postgres(url: str) -> dict[str, object]:
    columns = rows_of(
        url,
        "SELECT table_name, column_name, data_type, is_nullable, collation_name FROM information_schema.columns"
        " WHERE table_schema = current_schema()",
    )
    indexes = rows_of(
        url,
        "SELECT t.relname, i.relname, x.indisprimary, x.indisunique,"
        " array(SELECT a.attname::text FROM unnest(x.indkey) WITH ORDINALITY k(n, o) JOIN pg_attribute a"
        " ON a.attrelid = t.oid AND a.attnum = k.n ORDER BY k.o), c.oid IS NOT NULL"
        " FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid"
        " LEFT JOIN pg_constraint c ON c.conindid = i.oid AND c.contype IN ('u', 'p')"
        " WHERE t.relnamespace = current_schema()::regnamespace",
    )
    foreign = rows_of(
        url,
        "SELECT t.relname, f.relname, a.attname, CASE c.confdeltype WHEN 'c' THEN 'CASCADE' ELSE c.confdeltype::text END"
        " FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class f ON f.oid = c.confrelid"
        " JOIN unnest(c.conkey) n ON true JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = n"
        " WHERE c.contype = 'f' AND t.relnamespace = current_schema()::regnamespace",
    )
    assert {row[4] for row in columns if row[2] == "text"} == {"C"}
    return {
        str(table): (
            {c[1]: c[2] for c in columns if c[0] == table},
            {c[1]: c[3] == "YES" for c in columns if c[0] == table},
            next(i[4] for i in indexes if i[0] == table and i[2]),
            sorted(tuple(i[4]) for i in indexes if i[0] == table and i[3] and not i[2]),  # type: ignore[arg-type]
            sorted(str(i[1]) for i in indexes if i[0] == table and not i[5]),
            sorted(f[1:] for f in foreign if f[0] == table),
        )
        for table in {c[0] for c in columns}
    }


def test_every_table_has_the_same_columns_keys_and_indexes_as_in_sqlite(store: PostgresStore, url: str, tmp_path: Path) -> None:
    lite, here = shape_in_sqlite(tmp_path / "a.db"), shape_in_postgres(url)
    assert len(lite) > 15
    assert here.keys() == lite.keys() == {table.name for table in tables()}
    for table, shape in lite.items():
        assert here[table] == shape, table


def test_every_table_of_a_person_is_led_by_the_person_and_goes_with_them(store: PostgresStore, url: str) -> None:
    shapes = shape_in_postgres(url)
    personal = {table for table, shape in shapes.items() if "sender" in shape[0]}  # type: ignore[index]
    assert len(personal) > 8
    for table in personal - {"people"}:
        _, _, key, _, _, foreign = shapes[table]  # type: ignore[misc]
        assert key[:2] == ["channel", "sender"], table  # type: ignore[has-type]
        assert {(column, on) for _, column, on in foreign} >= {("channel", "CASCADE"), ("sender", "CASCADE")}, table  # type: ignore[has-type]


def test_nothing_of_sqlite_is_left_in_a_translated_statement() -> None:
    statements = [translated(statement) for statements in MIGRATIONS for statement in statements]
    assert len(statements) > 20
    for statement in statements:
        assert not re.search(r"ROWID|\b(?:TEXT|INTEGER|REAL|BLOB)\b|--", statement)


def test_a_database_of_the_first_version_comes_to_the_newest_with_its_data(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = MIGRATIONS
    with monkeypatch.context() as early:
        early.setattr("storage.postgres_tables.MIGRATIONS", newest[:3])
        with closing(PostgresStore(url, SECRET)) as store:
            assert store.migrated == (0, 3)
            session = say(store, 1, opening="书院")
    with closing(PostgresStore(url, SECRET)) as store:
        assert store.migrated == (3, len(newest))
        assert store.load(WANG) == session
        session = say(store, 2, drafts=(draft("d1", answer("a", 1)),))
    with closing(PostgresStore(url, SECRET)) as store:
        assert store.migrated == (len(newest), len(newest))
        assert store.load(WANG) == session


def test_a_step_goes_on_while_workers_of_the_earlier_version_write(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    later = (*MIGRATIONS, ("ALTER TABLE drafts ADD COLUMN colour TEXT NOT NULL DEFAULT ''", "CREATE INDEX by_colour ON drafts (colour)"))
    with closing(PostgresStore(url, SECRET)) as old, ThreadPoolExecutor(1) as pool:
        stop = threading.Event()

        def talk() -> int:
            number = 0
            while not stop.is_set():
                number += 1
                say(old, number, drafts=(draft("d1", answer(f"f{number % 5}", number)),))
            return number

        talking = pool.submit(talk)
        try:
            with monkeypatch.context() as new:
                new.setattr("storage.postgres_tables.MIGRATIONS", later)
                PostgresStore(url, SECRET).close()
        finally:
            stop.set()
        said = talking.result(30)
        say(old, said + 1)
        assert old.load(WANG).revision == said + 1
        assert rows_of(url, "SELECT colour FROM drafts") == [("",)]
        with pytest.raises(StoreError, match=f"version {len(later)}, this program knows version {len(MIGRATIONS)}; install the newer"):
            PostgresStore(url, SECRET)


# Refusals at start


def test_tables_of_another_program_are_refused_and_left_alone(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as line:
        line.execute("CREATE TABLE people (name text)")
        line.execute("CREATE TABLE meta (id integer)")
    with pytest.raises(StoreError, match=r"holds tables of another program \(meta, people\); choose another database"):
        PostgresStore(url, SECRET)
    assert rows_of(url, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()") == [(2,)]


@contextmanager
def turned_off(server: Server, setting: str) -> Iterator[None]:
    """As in postgresql.conf, while the server runs."""
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f"ALTER SYSTEM SET {setting} = off")
        admin.execute("SELECT pg_reload_conf()")
        until(lambda: admin.execute("SELECT current_setting(%s)", [setting]).fetchone() == ("off",))
        yield
        admin.execute(f"ALTER SYSTEM RESET {setting}")
        admin.execute("SELECT pg_reload_conf()")
        until(lambda: admin.execute("SELECT current_setting(%s)", [setting]).fetchone() == ("on",))


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_would_lose_answers_in_a_power_cut_is_refused(postgres_server: Server, url: str, setting: str) -> None:
    said = f"the server has {setting} off, so an answer may not survive a power cut; turn it on"
    with turned_off(postgres_server, setting), pytest.raises(StoreError, match=said):
        PostgresStore(url, SECRET)
    PostgresStore(url, SECRET).close()


def test_a_commit_waits_for_the_disk_also_where_the_server_would_not(url: str) -> None:
    with closing(PostgresStore(f"{url}%20-csynchronous_commit%3Doff", SECRET)) as store, store.writing() as db:
        assert db.execute("SELECT current_setting('synchronous_commit')").fetchone() == ("on",)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda url: url.replace("tester@", "nobody-here:canary@"), "refuses this user; see user and password"),
        (lambda url: url.replace("/postgres?", "/nowhere?"), "there is no such database; make it with createdb"),
        (lambda url: re.sub("host=[^&]*", "host=/nowhere", url), "cannot be reached; see that PostgreSQL runs"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(url: str, changed: Callable[[str], str], said: str) -> None:
    with pytest.raises(StoreError, match=said) as caught:
        PostgresStore(changed(url), SECRET)
    assert "canary" not in str(caught.value)


# Locks


def test_a_turn_waits_for_nobody_but_its_own_person(store: PostgresStore) -> None:
    say(store, 1, WANG)
    say(store, 1, LI)
    with store.writing() as db:
        db.execute("UPDATE people SET seen_at = 'x' WHERE sender = 'li'")
        with ThreadPoolExecutor(1) as pool:
            pool.submit(say, store, 2, WANG).result(20)
            with pytest.raises(StoreError, match="another program holds what is to be changed; try again"):
                pool.submit(say, store, 2, LI).result(20)
    say(store, 2, LI)


def test_what_staff_write_over_a_turn_is_a_conflict_instead(store: PostgresStore) -> None:
    say(store, 1, drafts=(draft("d1", answer("a", 1)),))

    def stale() -> None:
        with store.writing() as db:
            db.execute("SELECT rules FROM drafts").fetchall()
            with ThreadPoolExecutor(1) as pool:
                later = NOW + timedelta(hours=1)
                pool.submit(say, store, 2, drafts=(draft("d1", answer("a", 2), at=later),)).result(20)
            db.execute("UPDATE drafts SET rules = 'stale'")

    with pytest.raises(Conflict, match="somebody else changed the same; try again"):
        stale()
    assert store.load(WANG).drafts[0].rules == ""


def test_somebody_who_writes_just_before_their_time_is_over_stays(store: PostgresStore) -> None:
    say(store, 1)

    def choose(db: Connection) -> Purge:
        (known,) = retention.people(db)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(say, store, 2).result(20)
        assert retention.still(db, known)
        return Purge(people=(known.person,))

    with pytest.raises(Conflict):
        store.purge(choose)
    assert [told.id for told in store.conversation(WANG)] == ["m1", "m2"]


def test_what_staff_write_comes_one_after_another(store: PostgresStore) -> None:
    def count() -> None:
        for _ in range(20):
            with store.writing() as db:
                row = db.execute("SELECT value FROM meta WHERE key = 'counter'").fetchone()
                query = "INSERT INTO meta (key, value) VALUES ('counter', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
                db.execute(query, (str(int(row[0]) + 1 if row else 1),))

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(count) for _ in range(4)]:
            done.result(30)
    with store.reading() as db:
        assert db.execute("SELECT value FROM meta WHERE key = 'counter'").fetchone() == ("80",)


def test_notes_of_somebody_new_are_changed_one_after_another(store: PostgresStore) -> None:
    def count() -> None:
        for _ in range(10):
            store.change_note(WANG, "n", lambda old: str(int(old or 0) + 1))

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(count) for _ in range(8)]:
            done.result(30)
    assert store.note(WANG, "n") == "80"


def push(number: int, person: PersonKey) -> Push:
    return Push(id=f"{person.sender}-{number}", person=person, kind="dialogue", body="{}", due_at=NOW)


def test_of_several_senders_each_push_is_taken_once_and_a_persons_in_order(store: PostgresStore) -> None:
    people = [PersonKey(channel="wechat", sender=f"p{n}") for n in range(20)]
    for person in people:
        say(store, 1, person)
        store.post(*(push(number, person) for number in range(5)))
    taken: list[str] = []

    def send() -> None:
        while len(taken) < 100:
            for one in store.take_pushes("wechat", NOW, NOW + timedelta(hours=1), 3):
                taken.append(one.id)
                store.settle_push(one.id, "sent")

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(send) for _ in range(4)]:
            done.result(60)
    assert len(taken) == len(set(taken)) == 100
    for person in people:
        own = [one for one in taken if one.startswith(f"{person.sender}-")]
        assert own == sorted(own)


def test_a_push_that_another_is_taking_is_passed_over(store: PostgresStore) -> None:
    for person in (WANG, LI):
        person = replace(person, channel="wechat")
        say(store, 1, person)
        store.post(push(1, person))
    with store._changing() as db:
        db.execute("SELECT 1 FROM pushes WHERE id = 'wang-1' FOR UPDATE")
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(store.take_pushes, "wechat", NOW, NOW + timedelta(hours=1), 5).result(20)
    assert [one.id for one in found] == ["li-1"]


# Faults


@contextmanager
def talking(url: str, sender: str = "wang") -> Iterator[subprocess.Popen[str]]:
    """A worker that talks until it is ended, and prints what was acknowledged."""
    command = [sys.executable, str(ROOT / "tests" / "store_worker.py"), url, sender, "0", "100000", "--patient"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "m0\n"
        yield process
    finally:
        process.kill()
        process.wait(30)
        process.stdout.close()


def stopped_and_started(server: Server) -> None:
    server.stop()
    time.sleep(0.3)
    server.start()


def killed_and_started(server: Server) -> None:
    server.stop(kill=True)
    server.start()


def connections_broken(server: Server) -> None:
    assert server.break_connections() >= 1


def paused(server: Server) -> None:
    server.pause()
    time.sleep(2.5)
    server.go_on()


@pytest.mark.parametrize("fault", [stopped_and_started, killed_and_started, connections_broken, paused])
def test_nothing_acknowledged_is_lost_and_the_store_recovers_without_a_hand(
    postgres_server: Server, url: str, fault: Callable[[Server], None]
) -> None:
    with talking(url) as process:
        for _ in range(2):
            fault(postgres_server)
            time.sleep(0.2)
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(3)]
        process.kill()
        said += process.stdout.readlines()
    acknowledged = {"m0", *(line.strip() for line in said if line.endswith("\n"))}
    with closing(PostgresStore(url, SECRET)) as store:
        told = [one.id for one in store.conversation(WANG)]
        assert acknowledged <= set(told)
        assert len(told) == len(set(told)) == store.load(WANG).revision
        assert told == [f"m{number}" for number in range(len(told))]
        assert store.check() == []


def test_broken_connections_are_replaced_before_anybody_notices(store: PostgresStore, postgres_server: Server) -> None:
    for number in range(1, 6):
        say(store, number)
        postgres_server.break_connections()
        assert store.load(WANG).revision == number
        postgres_server.break_connections()
        assert store.replies(message(number)) == (reply(f"答{number}"),)
        postgres_server.break_connections()


def test_a_connection_that_breaks_within_a_turn_makes_the_turn_be_repeated(store: PostgresStore, postgres_server: Server) -> None:
    before = say(store, 1)
    original = store._keep_turn
    breaks = iter([True])

    def broken(*arguments: object) -> object:
        made = original(*arguments)  # type: ignore[arg-type]
        if next(breaks, False):
            postgres_server.break_connections()
        return made

    store._keep_turn = broken  # type: ignore[method-assign,assignment]
    turn = Turn(session=replace(before, revision=2), replies=(reply("答2"),), stored_text="二")
    with pytest.raises(Conflict, match="cannot be reached"):
        store.commit(message(2), turn, 1)
    assert store.load(WANG) == before
    assert store.commit(message(2), turn, 1) == turn.replies


def test_a_server_that_is_gone_is_told_of_in_time_and_nothing_is_half_written(
    store: PostgresStore, postgres_server: Server, tmp_path: Path
) -> None:
    desk = Desk(assistant=built(), store=store, files=tmp_path, today=lambda: NOW.date())
    before = say(store, 1)
    postgres_server.stop()
    try:
        answered = [handle(desk, message(number)) for number in (2, 3)]
    finally:
        postgres_server.start()
    assert [turn.replies[0].text for turn in answered] == [BUSY, BUSY]
    assert store.load(WANG) == before
    assert handle(desk, message(2)).replies[0].text != BUSY
    assert store.load(WANG).revision == 2


def test_a_server_that_stands_still_is_told_of_in_time(store: PostgresStore, postgres_server: Server, tmp_path: Path) -> None:
    desk = Desk(assistant=built(), store=store, files=tmp_path, today=lambda: NOW.date())
    before = say(store, 1)
    postgres_server.pause()
    try:
        assert [handle(desk, message(2)).replies[0].text for _ in range(2)] == [BUSY, BUSY]
    finally:
        postgres_server.go_on()
    assert store.load(WANG) == before
    assert handle(desk, message(2)).replies[0].text != BUSY


def test_a_standby_that_takes_no_writes_is_named(url: str) -> None:
    PostgresStore(url, SECRET).close()
    with (
        pytest.raises(StoreError, match="takes no writes; name the primary"),
        closing(PostgresStore(f"{url}%20-cdefault_transaction_read_only%3Don", SECRET)) as store,
    ):
        say(store, 1)


def test_more_threads_than_connections_wait_for_each_other(url: str) -> None:
    with closing(PostgresStore(url, SECRET, connections=2)) as store, ThreadPoolExecutor(12) as pool:
        people = [PersonKey(channel="web", sender=f"p{number}") for number in range(40)]
        for done in [pool.submit(say, store, 1, person) for person in people]:
            done.result(30)
        assert all(store.load(person).revision == 1 for person in people)


# One of many


@pytest.fixture
def leases(url: str) -> Iterator[list[DatabaseLease]]:
    made = [DatabaseLease(url, "remind", every=0.05) for _ in range(2)]
    yield made
    for one in made:
        one.release()


def test_one_worker_at_a_time_holds_a_lease_and_hands_it_on(leases: list[DatabaseLease], url: str) -> None:
    first, second = leases
    until(first.take)
    assert not any(second.take() for _ in range(3))
    time.sleep(0.3)
    assert (first.take(), second.take()) == (True, False)
    with closing_lease(DatabaseLease(url, "other", every=0.05)) as other:
        until(other.take)
    first.release()
    until(second.take)


@contextmanager
def closing_lease(lease: DatabaseLease) -> Iterator[DatabaseLease]:
    yield lease
    lease.release()


def test_a_lease_goes_with_its_connection_and_is_taken_up_again(leases: list[DatabaseLease], postgres_server: Server) -> None:
    until(leases[0].take)
    leases[1].take()
    for _ in range(3):
        postgres_server.break_connections()
        until(lambda: [one.take() for one in leases].count(True) == 1)
        time.sleep(0.2)
        assert [one.take() for one in leases].count(True) == 1


def test_nobody_waits_for_a_lease_of_a_server_that_stands_still(leases: list[DatabaseLease], postgres_server: Server) -> None:
    until(leases[0].take)
    postgres_server.pause()
    try:
        until(lambda: not leases[0].take())
    finally:
        postgres_server.go_on()
    until(lambda: leases[0].take() or leases[1].take())


# No trace


def everything(url: str) -> str:
    """Every row of every table."""
    with psycopg.connect(url, autocommit=True) as line:
        return "".join(str(line.execute(f"SELECT * FROM {table}").fetchall()) for table in sorted(t.name for t in tables()))


def room(url: str) -> int:
    """Bytes of the files of what is personal: none where VACUUM found no row that is alive, or that anybody could still see."""
    tables = ("messages", "answers", "drafts", "consents", "outbox", "people")
    return sum(int(str(rows_of(url, f"SELECT pg_relation_size('{table}')")[0][0])) for table in tables)


@pytest.mark.parametrize("by_message", [True, False])
def test_no_row_of_a_forgotten_person_is_left_not_even_a_dead_one(url: str, by_message: bool) -> None:
    person = PersonKey(channel="wechat", sender="openid-canary")
    canaries = ("openid-canary", "王金丝雀", "金丝雀说的话", "d-canary")
    with closing(PostgresStore(url, SECRET)) as store:
        for number in range(1, 6):
            values = (answer("leader_name", f"王金丝雀{number}"), answer("bank_card", "6222", sensitive=True))
            consent = Consent(kind="personal", given=True, at=NOW, notice="n")
            say(
                store,
                number,
                person,
                text="金丝雀说的话",
                drafts=(draft("d-canary", *values),),
                consents=(consent,),
                effects=(Effect(kind="handover", text="王金丝雀"),),
            )
        assert [c for c in canaries if c in everything(url)] == list(canaries)
        if by_message:
            forget_by_message(store, 9, person)
        else:
            assert store.forget(person)
        assert [c for c in canaries if c in everything(url)] == []
        assert store.load(person) == Session(person=person)
    assert rows_of(url, "SELECT key FROM meta WHERE key = 'scrub'") == []
    assert room(url) == 0


def test_a_deletion_that_a_crash_cut_short_is_finished_at_the_next_start(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as crash, closing(PostgresStore(url, SECRET)) as store:
        crash.setattr(PostgresStore, "_scrub", lambda self: None)
        say(store, 1, text="王金丝雀")
        store.forget(WANG)
        assert room(url) > 0
    PostgresStore(url, SECRET).close()
    assert room(url) == 0
    assert rows_of(url, "SELECT key FROM meta WHERE key = 'scrub'") == []


def test_a_password_stands_in_no_message_and_no_representation(url: str) -> None:
    assert place_of("postgresql://u:canary@db.example:5433/yizhan?sslmode=require") == "db.example/yizhan"
    with closing(PostgresStore(url.replace("tester@", "tester:canary@"), SECRET)) as store:
        assert "canary" not in f"{store!r} {store.place}"
