"""The log of what staff did: nothing in it can be changed unnoticed, and admins find what they look for."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from bot.handle import SHANGHAI
from storage import accounts
from storage.accounts import Staff, Wanted, log, log_head, verify
from storage.cipher import Cipher
from storage.store import Connection, Store
from tests.staff_site import NAMES, StaffSite, staff_site
from tests.stores import Opener

KEY = b"the key of the log"
WHO = Staff(name="王芳", role="officer", log_key=KEY)


@pytest.fixture
def written(store: Store) -> Store:
    """A store with seven lines, of each kind in turn."""
    with store.writing() as db:
        for n in range(1, 8):
            assert log(db, WHO, "标记", f"草稿{n}", "已收纸件", at=1000.0 + n) == n
    return store


def checked(store: Store, change: Callable[[Connection], object], kept: tuple[int, str] | None = None) -> int | None:
    """What `verify` finds after that change was made past the program."""
    with store.writing() as db:
        change(db)
    with store.reading() as db:
        return verify(db, KEY, kept)


def test_a_log_as_it_was_written_is_whole(written: Store) -> None:
    assert checked(written, lambda db: None) is None
    with written.reading() as db:
        assert verify(db, KEY, log_head(db)) is None
    assert checked(written, lambda db: log(db, WHO, "分派", "草稿8")) is None


def test_an_empty_log_is_whole_and_stays_so_after_a_restart(opener: Opener) -> None:
    for _ in range(2):
        assert checked(opener(), lambda db: None) is None
        assert checked(opener(), lambda db: log(db, WHO, "登录")) is None


@pytest.mark.parametrize("column", ["at", "staff", "action", "object", "detail", "result", "hash"])
def test_a_line_that_was_edited_is_found(written: Store, column: str) -> None:
    value = 1.0 if column == "at" else "别的"
    assert checked(written, lambda db: db.execute(f"UPDATE staff_log SET {column} = ? WHERE number = 4", (value,))) == 4


def test_a_text_that_moved_from_one_column_to_the_next_is_found(written: Store) -> None:
    assert checked(written, lambda db: db.execute("UPDATE staff_log SET object = object || detail, detail = '' WHERE number = 2")) == 2


@pytest.mark.parametrize(
    ("gone", "found"), [("number = 1", 1), ("number = 4", 4), ("number BETWEEN 3 AND 5", 3), ("number = 7", 7), ("1 = 1", 1)]
)
def test_lines_that_were_deleted_are_found(written: Store, gone: str, found: int) -> None:
    assert checked(written, lambda db: db.execute(f"DELETE FROM staff_log WHERE {gone}")) == found


def test_lines_that_changed_places_are_found(written: Store) -> None:
    def swap(db: Connection) -> None:
        for old, new in ((3, 100), (5, 3), (100, 5)):
            db.execute("UPDATE staff_log SET number = ? WHERE number = ?", (new, old))

    assert checked(written, swap) == 3


def test_a_line_taken_out_with_the_rest_renumbered_is_found(written: Store) -> None:
    def close_up(db: Connection) -> None:
        db.execute("DELETE FROM staff_log WHERE number = 4")
        for number in (5, 6, 7):
            db.execute("UPDATE staff_log SET number = ? WHERE number = ?", (number - 1, number))

    assert checked(written, close_up) == 4


def test_a_line_that_was_put_in_is_found(written: Store) -> None:
    def add(db: Connection) -> None:
        db.execute(
            "INSERT INTO staff_log (number, at, staff, action, object, detail, result, hash)"
            " SELECT 8, at, staff, action, object, detail, result, hash FROM staff_log WHERE number = 7"
        )

    assert checked(written, add) == 8


def test_a_tail_cut_off_is_found_even_with_a_head_made_to_fit(written: Store) -> None:
    def cut(db: Connection) -> None:
        db.execute("DELETE FROM staff_log WHERE number > 5")
        hashed = db.execute("SELECT hash FROM staff_log WHERE number = 5").fetchone()[0]
        db.execute("UPDATE staff_log_head SET number = 5, hash = ?", (hashed,))  # its seal needs the key

    assert checked(written, cut) == 6


def test_a_log_put_back_to_an_earlier_state_is_found_by_a_head_kept_elsewhere(written: Store) -> None:
    rows: list[tuple[object, ...]] = []
    with written.writing() as db:
        rows = [tuple(row) for row in db.execute("SELECT * FROM staff_log_head")]
        log(db, WHO, "导出", "全部")
        kept = log_head(db)

    def put_back(db: Connection) -> None:
        db.execute("DELETE FROM staff_log WHERE number = 8")
        db.execute("DELETE FROM staff_log_head")
        db.execute("INSERT INTO staff_log_head VALUES (?, ?, ?, ?)", rows[0])

    assert checked(written, put_back) is None  # nothing in the database tells
    assert checked(written, lambda db: None, kept) == 8
    assert checked(written, lambda db: log(db, WHO, "别的"), kept) == 8


def test_who_does_not_have_the_key_cannot_go_on_writing(written: Store) -> None:
    assert checked(written, lambda db: log(db, Staff(name="王芳", role="officer", log_key=b"another"), "标记")) == 8


def test_a_log_whose_head_was_deleted_is_not_whole(written: Store) -> None:
    assert checked(written, lambda db: db.execute("DELETE FROM staff_log_head")) == 8


def test_an_action_that_fails_leaves_no_line(written: Store) -> None:
    def fails() -> None:
        with written.writing() as db:
            log(db, WHO, "导出")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert checked(written, lambda db: None) is None
    with written.reading() as db:
        assert log_head(db)[0] == 7


def test_several_that_log_at_once_make_one_chain(opener: Opener) -> None:
    stores = [opener() for _ in range(4)]

    def many(store: Store) -> None:
        for _ in range(20):
            with store.writing() as db:
                log(db, WHO, "标记")

    threads = [threading.Thread(target=many, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert checked(stores[0], lambda db: None) is None
    with stores[0].reading() as db:
        assert log_head(db)[0] == 80


def test_the_key_of_the_log_is_not_the_key_of_anything_else(tmp_path: Path) -> None:
    with staff_site(tmp_path) as here:
        keys = {here.key, here.log_key, here.console.log_key, Cipher(b"x" * 16).check.encode()}
        assert len(keys) == 3
        assert here.console.log_key == here.log_key
        assert here.log_key.hex() not in repr(here.actor())


# What is looked for


def found(store: Store, **wanted: object) -> list[int]:
    with store.reading() as db:
        return [entry.number for entry in accounts.entries(db, Wanted(**wanted))]  # type: ignore[arg-type]


def test_lines_are_found_by_who_what_text_and_time(written: Store) -> None:
    with written.writing() as db:
        log(db, Staff(name="李强", role="admin", log_key=KEY), "导出", "xlsx", "100% 完成，Ab_c", at=2000.0)
    assert found(written) == [8, 7, 6, 5, 4, 3, 2, 1]
    assert found(written, staff="李强") == [8]
    assert found(written, action="标记", text="草稿3") == [3]
    assert found(written, text="0%") == [8]
    assert found(written, text="AB_C") == [8]
    assert found(written, text="_") == [8]  # no placeholder of LIKE
    assert found(written, text="草%3") == []
    assert found(written, since=1006.0, until=1999.0) == [7, 6]
    with written.reading() as db:
        assert [e.number for e in accounts.entries(db, Wanted(), before=4, limit=2)] == [3, 2]
        assert (list(accounts.actors(db)), list(accounts.actions(db))) == (["李强", "王芳"], ["导出", "标记"])


# The page


@pytest.fixture
def here(tmp_path: Path) -> Iterator[StaffSite]:
    with staff_site(tmp_path) as made:
        yield made


def test_the_page_is_filtered_by_day_in_china(here: StaffSite) -> None:
    times = [datetime(2026, 11, day, hour, 59, tzinfo=SHANGHAI).timestamp() for day, hour in ((21, 23), (22, 0), (22, 23), (23, 0))]
    with here.store.writing() as db:
        for number, at in enumerate(times):
            log(db, here.actor(), "标记", f"对象{number}", at=at)
    admin = here.staff("admin")

    def shown(query: str) -> list[int]:
        text = admin.get(f"/staff/log?{query}").text
        return [number for number in range(4) if f"对象{number}" in text]

    assert shown("since=2026-11-22&until=2026-11-22") == [1, 2]
    assert shown("since=2026-11-22") == [1, 2, 3]
    assert shown("until=2026-11-21") == [0]
    assert shown("since=gestern&until=9999-12-31&before=x") == [0, 1, 2, 3]
    assert shown("staff=谁&action=x") == []
    assert "没有符合的记录" in admin.page.text
    assert "2026-11-22 23:59" in admin.get("/staff/log").text


def test_the_page_is_turned_and_keeps_its_filter(here: StaffSite) -> None:
    with here.store.writing() as db:
        for number in range(130):
            log(db, here.actor(), "标记" if number % 2 else "分派", f"对象{number}")
    admin, seen = here.staff("admin"), list[str]()
    admin.get("/staff/log?action=标记")
    for _ in range(2):
        seen += [part.split("<")[0] for part in admin.page.text.split('data-label="对象">')[1:]]
        following = [part.split('"')[0] for part in admin.page.text.split('href="')[1:] if "before=" in part.split('"')[0]]
        if following:
            admin.get(following[0].replace("&amp;", "&"))
    assert seen == [f"对象{number}" for number in range(129, 0, -2)]
    assert "更早的" not in admin.page.text
    assert "回到最新" in admin.page.text


def test_what_is_in_a_line_is_shown_as_text(here: StaffSite) -> None:
    with here.store.writing() as db:
        log(db, here.actor(), "标记", '<script>alert(1)</script>"', "=1+1\x1b[31m{{7*7}}")
    text = here.staff("admin").get("/staff/log").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;" in text
    assert "=1+1" in text
    assert "{{7*7}}" in text


def test_every_step_of_an_officers_day_is_in_the_log_and_the_chain_holds(here: StaffSite) -> None:
    here.staff("reader").get("/staff/log")
    admin = here.staff("admin")
    admin.post("/staff/accounts", {"name": "新来的", "role": "reader"})
    admin.post("/staff/logout")
    assert [line[:3] + line[4:] for line in here.logged()] == [
        (NAMES["reader"], "越权", "/staff/log", "拒绝"),
        (NAMES["admin"], "新建账号", "新来的", "成功"),
        (NAMES["admin"], "退出", "", "成功"),
    ]
    with here.store.reading() as db:
        assert verify(db, here.log_key) is None
