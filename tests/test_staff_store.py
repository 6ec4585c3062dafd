"""What every store keeps of accounts, sessions and failed log-ins, on SQLite and PostgreSQL alike."""

from storage import accounts, staff_sessions
from storage.accounts import Account, key_of
from storage.staff_sessions import FORGET_SECONDS, IDLE_SECONDS, LONGEST_SECONDS, Tried
from storage.store import Connection, Store

NOW = 1_800_000_000.0
NAME = Tried(key="name", free=3, longest=300.0)
ADDRESS = Tried(key="address", free=20, longest=900.0)


def an_account(name: str = "王芳", role: str = "officer", at: float = NOW) -> Account:
    return Account(name=name, role=role, link="the hash of a link", link_until=NOW + 60, made_by="命令行", made_at=at)


def test_an_account_comes_back_as_it_was_kept_and_once(store: Store) -> None:
    with store.writing() as db:
        assert accounts.add(db, an_account())
        assert accounts.add(db, an_account("Li Qiang", at=NOW + 1))
        assert not accounts.add(db, an_account(" 王芳 ", "admin"))
        assert not accounts.add(db, an_account("ｌｉ  QIANG"))
    with store.reading() as db:
        assert accounts.account(db, "王芳") == an_account()
        assert accounts.accounts(db) == [an_account(), an_account("Li Qiang", at=NOW + 1)]
        assert accounts.account(db, "李强") is None
    assert key_of("Ｌｉ\u3000Qiang") == "li qiang"


def test_a_link_is_found_while_it_is_good(store: Store) -> None:
    with store.writing() as db:
        accounts.add(db, an_account())
        assert accounts.account_of_link(db, "the hash of a link", NOW + 59) == an_account()
        assert accounts.account_of_link(db, "the hash of a link", NOW + 60) is None
        assert accounts.set_password(db, "王芳", "argon")
        assert accounts.account_of_link(db, "the hash of a link", NOW) is None
        assert accounts.account_of_link(db, "", NOW) is None
        assert accounts.set_link(db, "王芳", "another", NOW + 60)
        assert accounts.set_active(db, "王芳", False)
        assert accounts.account_of_link(db, "another", NOW) is None
        assert not accounts.set_link(db, "李强", "x", NOW)
        assert not accounts.set_role(db, "李强", "admin")
        assert not accounts.set_active(db, "李强", True)


def open_session(db: Connection, session: str, at: float = NOW) -> None:
    staff_sessions.begin(db, session, "王芳", at)


def test_a_session_lives_while_it_is_used_and_not_for_ever(store: Store) -> None:
    with store.writing() as db:
        accounts.add(db, an_account())
        open_session(db, "a")
        found = staff_sessions.logged_in(db, "a", NOW + IDLE_SECONDS - 1)
        assert found is not None
        assert (found.name, found.role, found.seen_at) == ("王芳", "officer", NOW)
        assert staff_sessions.logged_in(db, "a", NOW + IDLE_SECONDS) is None
        staff_sessions.note_use(db, "a", NOW + LONGEST_SECONDS - 1)
        assert staff_sessions.logged_in(db, "a", NOW + LONGEST_SECONDS - 1) is not None
        assert staff_sessions.logged_in(db, "a", NOW + LONGEST_SECONDS) is None
        assert accounts.accounts(db)[0].seen_at == NOW
        open_session(db, "b", NOW + LONGEST_SECONDS)
        assert db.execute("SELECT COUNT(*) FROM staff_sessions").fetchone()[0] == 1  # the old one was cleared away
        assert staff_sessions.end(db, "b")
        assert not staff_sessions.end(db, "b")


def test_what_changes_an_account_ends_its_sessions_and_no_others(store: Store) -> None:
    with store.writing() as db:
        accounts.add(db, an_account())
        accounts.add(db, an_account("李强"))
        staff_sessions.begin(db, "bystander", "李强", NOW)
        for change in (
            lambda: accounts.set_role(db, "王芳", "reader"),
            lambda: accounts.set_password(db, "王芳", "argon"),
            lambda: accounts.set_active(db, "王芳", False),
        ):
            open_session(db, "a")
            assert change()
            assert staff_sessions.logged_in(db, "a", NOW) is None
        open_session(db, "a")
        assert staff_sessions.logged_in(db, "a", NOW) is None  # the account is off
        assert staff_sessions.logged_in(db, "bystander", NOW) is not None


def tries(store: Store, count: int, at: float = NOW) -> list[float]:
    found = []
    for _ in range(count):
        with store.writing() as db:
            found.append(staff_sessions.count_try(db, (NAME, ADDRESS), at))
    return found


def test_failures_cost_ever_more_time_up_to_a_limit(store: Store) -> None:
    assert tries(store, 6) == [0.0] * 4 + [2.0] * 2
    at, waits = NOW, list[float]()
    for _ in range(9):
        waits += tries(store, 1, at)
        at += waits[-1]
        assert tries(store, 1, at) == [0.0]
    assert waits == [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0]
    assert tries(store, 1, at + FORGET_SECONDS) == [0.0]
    assert tries(store, 1, at + FORGET_SECONDS) == [0.0]


def test_who_comes_in_is_forgiven_and_the_address_keeps_what_others_did(store: Store) -> None:
    tries(store, 4)
    with store.writing() as db:
        staff_sessions.forgive(db, NAME)
        staff_sessions.excuse(db, (ADDRESS,))
        kept = [tuple(row) for row in db.execute("SELECT key, tries FROM staff_failures")]
    assert kept == [("address", 3)]
    assert tries(store, 1) == [0.0]
