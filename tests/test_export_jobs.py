"""Exports as jobs: workers in processes of their own, killed ones, cancelled ones, and files that go when a person in them does."""

import io
import os
import signal
import stat
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from openpyxl import load_workbook

from bot.export import jobs, worker
from bot.export.files import UNFINISHED, file_of, folder_beside, tidy
from bot.export.worker import DELETED, Worker, lease_of
from bot.handle import Desk, forget, sweep
from bot.settings import Settings
from flows.assistant import Judging
from knowledge.load import library
from storage import exports
from storage.exports import Export
from storage.store import Store
from tests.export_people import keep, opened, person
from tests.talk import Talk, built
from tests.willing import goes_to_the_end

NAME = "欧阳金丝雀"
WAIT = 60


class Office:
    """A store with a folder for exports, and what staff do with them."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(database=f"sqlite:///{folder / 'chat.db'}")
        self.desk = Desk(assistant=built(), store=opened(folder), files=folder / "files", today=lambda: date(2026, 6, 20))
        self.folder = folder_beside(self.desk.files)

    @property
    def store(self) -> Store:
        return self.desk.store

    def queue(self, kind: str = "xlsx", audience: str = "") -> str:
        with self.store.writing() as db:
            now = datetime.now(UTC)
            day = "2026-06-20"
            return jobs.queue(db, made_by="王芳", kind=kind, audience=audience, bank=False, reason="", day=day, now=now).id

    def work(self) -> None:
        Worker(self.store, Judging(library=library()), self.folder, b"log key", every=0.05).drain(lease_of(self.settings))

    def start(self) -> subprocess.Popen[bytes]:
        return jobs.start(self.settings, self.folder)

    def export(self, export_id: str) -> Export:
        with self.store.reading() as db:
            found = exports.export(db, export_id)
        assert found is not None
        return found

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + WAIT
        while not holds():
            assert time.monotonic() < end
            time.sleep(0.05)

    def look_after(self, **later: float) -> bool:
        return jobs.look_after(self.store, self.folder, datetime.now(UTC) + timedelta(**later))

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    for number in range(1, 4):
        keep(made.store, number, "putian-yizhan", "declaration", {"station_name": f"站{number}", "leader_name": f"{NAME}{number}"})
    yield made
    made.store.close()


def test_a_worker_process_makes_what_waits_and_offers_it_for_a_day(office: Office) -> None:
    first, second = office.queue(), office.queue("summary-docx")
    assert office.start().wait(WAIT) == 0
    for export_id in (first, second):
        made = office.export(export_id)
        assert (made.state, made.done, made.total, made.note) == ("done", 3, 3, "3 份草稿")
        assert timedelta(hours=23) < made.expires_at - datetime.now(UTC) <= timedelta(days=1)
    made, file = office.export(first), file_of(office.folder, first)
    assert (made.size, stat.S_IMODE(file.stat().st_mode)) == (file.stat().st_size, 0o600)
    assert made.name.startswith("草稿表_2")
    assert load_workbook(io.BytesIO(file.read_bytes())).worksheets[0].max_row == 4
    assert stat.S_IMODE(office.folder.stat().st_mode) == 0o700
    assert office.files() == sorted([first, second])


def test_of_two_workers_one_makes_each_export_once(office: Office) -> None:
    made = [office.queue("csv") for _ in range(4)]
    children = [office.start(), office.start()]
    assert [child.wait(WAIT) for child in children] == [0, 0]
    assert [office.export(export_id).state for export_id in made] == ["done"] * 4


def test_what_cannot_be_made_says_why_and_leaves_nothing(office: Office) -> None:
    nothing, table = office.queue("xlsx", "programme=nobody"), office.queue("zip", "programme=putian-yizhan&service=nothing")
    office.work()
    assert [(office.export(one).state, office.export(one).note) for one in (nothing, table)] == [
        ("failed", "没有符合条件的草稿，没有生成文件；请放宽筛选条件")
    ] * 2
    assert office.files() == []


def test_an_error_in_the_program_fails_the_export_and_not_the_worker(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, sound = office.queue("csv"), office.queue("jsonl")
    real = worker.write

    def write(source, kind, ids, out):  # type: ignore[no-untyped-def]
        if kind == "csv":
            raise ZeroDivisionError
        return real(source, kind, ids, out)

    monkeypatch.setattr(worker, "write", write)
    office.work()
    assert (office.export(broken).state, office.export(sound).state) == ("failed", "done")
    assert office.export(broken).note.startswith("生成时出错")


def killed_half_way(office: Office) -> str:
    for number in range(10, 50):
        keep(office.store, number, "putian-yizhan", "declaration", {"station_name": f"站{number}"})
    export_id = office.queue("zip")
    child = office.start()
    office.until(lambda: office.export(export_id).done > 0)
    os.kill(child.pid, signal.SIGKILL)
    child.wait(WAIT)
    return export_id


def test_an_export_whose_worker_was_killed_is_seen_as_failed_and_can_be_made_again(office: Office) -> None:
    export_id = killed_half_way(office)
    assert office.export(export_id).state == "running"
    assert any(name.startswith(UNFINISHED) for name in office.files())
    assert not office.look_after()
    assert office.export(export_id).state == "running"
    office.look_after(seconds=exports.STALE + 5)
    failed = office.export(export_id)
    assert (failed.state, failed.note) == ("failed", jobs.DIED)
    assert office.files() == []
    with office.store.writing() as db:
        assert exports.queue_again(db, export_id, datetime.now(UTC))
    assert office.look_after(seconds=jobs.PATIENCE + 5)
    office.work()
    assert office.export(export_id).state == "done"
    with zipfile.ZipFile(file_of(office.folder, export_id)) as archive:
        assert len({name.split("/")[0] for name in archive.namelist()}) == 43


def test_a_cancelled_export_stops_and_leaves_nothing(office: Office) -> None:
    for number in range(10, 60):
        keep(office.store, number, "putian-yizhan", "declaration", {"station_name": f"站{number}"})
    export_id = office.queue("zip")
    child = office.start()
    office.until(lambda: office.export(export_id).done > 0)
    with office.store.writing() as db:
        assert exports.end(db, export_id, ("waiting", "running"), "cancelled")
    assert child.wait(WAIT) == 0
    assert office.export(export_id).state == "cancelled"
    assert office.files() == []


def test_a_file_goes_when_its_day_is_over(office: Office) -> None:
    export_id = office.queue("csv", "words=站")
    office.work()
    office.look_after(hours=23)
    assert office.files() == [export_id]
    office.look_after(hours=25)
    assert office.files() == []
    assert (office.export(export_id).state, office.export(export_id).audience) == ("expired", "")
    office.look_after(days=8)
    assert office.export(export_id).state == "expired"


def test_files_that_no_export_offers_are_removed(office: Office) -> None:
    export_id = office.queue("csv")
    office.work()
    (office.folder / "stray").write_text("x", encoding="utf-8")
    (office.folder / f"{UNFINISHED}abc").mkdir()
    tidy(office.store, office.folder)
    assert office.files() == [export_id]


# When a person in the file deletes their data


def holds(office: Office, text: str) -> list[str]:
    """Where the text still is, of everything beside the database."""
    root = office.desk.files.parent
    return [path.name for path in root.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_a_deletion_removes_every_file_that_holds_the_person_and_no_other(office: Office) -> None:
    keep(office.store, 9, "liuzhou-yizhan", "recognition", {"station_name": "别处的站"})
    mine, other = office.queue("csv", f"words={NAME}1"), office.queue("csv", "programme=liuzhou-yizhan")
    office.work()
    assert office.files() == sorted([mine, other])
    assert forget(office.desk, person(1))
    assert office.files() == [other]
    assert (office.export(mine).state, office.export(other).state) == ("withdrawn", "done")
    assert holds(office, f"{NAME}1") == []


def test_a_deletion_in_the_chat_does_so_too(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2026-06-20")
    talk.all("柳州人才驿站", "申请认定")
    goes_to_the_end(talk)
    office = Office(tmp_path)
    export_id = office.queue("jsonl")
    office.work()
    assert holds(office, "韦建国") != []
    talk.all("删除我的数据", "是")
    assert office.export(export_id).state == "withdrawn"
    assert office.files() == []
    assert holds(office, "韦建国") == []
    office.store.close()
    talk.desk.store.close()


def test_taking_back_consent_does_so_too(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2026-06-20")
    talk.all("柳州人才驿站", "申请认定")
    goes_to_the_end(talk)
    office = Office(tmp_path)
    export_id = office.queue("jsonl")
    office.work()
    talk.all("撤回同意", "是")
    assert office.export(export_id).state == "withdrawn"
    assert office.files() == []
    office.store.close()
    talk.desk.store.close()


def test_a_deletion_that_was_cut_short_is_finished_at_the_next_start(office: Office) -> None:
    export_id = office.queue("csv")
    office.work()
    office.store.forget(person(2))
    assert office.files() == [export_id]
    sweep(office.desk)
    assert office.files() == []


def test_an_export_begins_again_when_somebody_in_it_goes_meanwhile(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    real, written = worker.write, []

    def write(source, kind, ids, out):  # type: ignore[no-untyped-def]
        written.append(len(ids))
        made = real(source, kind, ids, out)
        if len(written) == 1:
            forget(office.desk, person(2))
        return made

    monkeypatch.setattr(worker, "write", write)
    export_id = office.queue("csv")
    office.work()
    made = office.export(export_id)
    assert (written, made.state, made.done, made.held) == ([3, 2], "done", 2, 2)
    assert f"{NAME}2" not in file_of(office.folder, export_id).read_text(encoding="utf-8")


def test_an_export_gives_up_when_that_goes_on(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    real, gone = worker.write, iter((1, 2, 3))

    def write(source, kind, ids, out):  # type: ignore[no-untyped-def]
        made = real(source, kind, ids, out)
        forget(office.desk, person(next(gone)))
        return made

    monkeypatch.setattr(worker, "write", write)
    keep(office.store, 4, "putian-yizhan", "declaration", {"station_name": "站4"})
    export_id = office.queue("csv")
    office.work()
    assert (office.export(export_id).state, office.export(export_id).note) == ("failed", DELETED)
    assert office.files() == []


def test_a_failed_export_whose_search_may_name_the_person_cannot_be_made_again(office: Office) -> None:
    export_id = office.queue("zip", f"words={NAME}1&programme=nobody")
    office.work()
    assert office.export(export_id).state == "failed"
    forget(office.desk, person(1))
    with office.store.writing() as db:
        assert not exports.queue_again(db, export_id, datetime.now(UTC))
    assert holds(office, f"{NAME}1") == []
