"""What is kept no longer: who wrote nothing for long, programmes that are over; nothing of them is left but numbers."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.export import jobs
from bot.export.files import folder_beside
from bot.export.worker import Worker, lease_of
from bot.handle import Desk
from bot.retention import Outcome, Retention
from bot.settings import Settings
from bot.upkeep import Upkeep
from flows.assistant import Judging
from flows.types import Answer, Draft, Message, Session, Turn
from knowledge.check import check
from knowledge.load import PACKAGED, library
from knowledge.sources import read
from storage import accounts, exports
from storage import retention as kept
from tests.export_people import keep, opened, person
from tests.talk import Talk, built
from tests.willing import goes_to_the_end

START = datetime(2026, 6, 1, 1, tzinfo=UTC)
NAME = "欧阳金丝雀"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(assistant=built(), store=opened(tmp_path), files=tmp_path / "chat-files", today=lambda: date(2026, 7, 1))
    yield made
    made.store.close()


def seen(desk: Desk, number: int, day: str, programme: str = "putian-yizhan", service: str = "declaration") -> str:
    """Somebody whose last message came at that moment."""
    at = datetime.fromisoformat(day)
    draft = keep(desk.store, number, programme, service, {"station_name": f"站{number}", "leader_name": f"{NAME}{number}"}, said=at)
    (desk.files / draft).mkdir(parents=True)
    (desk.files / draft / "form.docx").write_bytes(f"{NAME}{number}".encode())
    return draft


def left(desk: Desk) -> list[str]:
    return [row.person.sender for row in reversed(desk.store.drafts())]


def traces(desk: Desk, text: str) -> list[str]:
    return [path.name for path in desk.files.parent.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def over(desk: Desk, programme: str, last: date) -> Desk:
    """The same desk where that programme's drafts are kept until a day."""
    known = desk.assistant.library
    changed = tuple(replace(p, keep_until=last) if p.key == programme else p for p in known.programmes)
    return replace(desk, assistant=replace(desk.assistant, library=replace(known, programmes=changed), known={}))


def test_who_wrote_nothing_for_so_many_days_is_deleted_whole_and_numbers_stay(desk: Desk) -> None:
    seen(desk, 1, "2026-05-31T23:59:59+08:00")
    seen(desk, 2, "2026-06-01T00:00:01+08:00")
    seen(desk, 3, "2026-06-01T23:59:59+08:00")
    seen(desk, 4, "2026-06-02T00:00:01+08:00")
    seen(desk, 5, "2026-06-01T16:30:00+00:00")
    run = Retention(desk, 30)
    assert run.look() == Outcome(people=3, drafts=3)
    assert left(desk) == ["p1", "p2", "p3", "p4", "p5"]
    assert run.run() == Outcome(people=3, drafts=3)
    assert left(desk) == ["p4", "p5"]
    assert [traces(desk, f"{NAME}{number}") for number in (1, 2, 3)] == [[], [], []]
    assert traces(desk, f"{NAME}4") != []
    with desk.store.reading() as db:
        found = [(c.programme, c.month, c.drafts, c.finished) for c in kept.counts(db)]
    assert found == [("putian-yizhan", "2026-05", 1, 0), ("putian-yizhan", "2026-06", 2, 0)]
    assert Retention(desk, 30).run() == Outcome()


def test_numbers_of_several_runs_add_up(desk: Desk) -> None:
    for number, day in ((1, "2026-05-03"), (2, "2026-05-20")):
        seen(desk, number, f"{day}T09:00:00+08:00")
    Retention(replace(desk, today=lambda: date(2026, 6, 10)), 30).run()
    Retention(desk, 30).run()
    with desk.store.reading() as db:
        assert [(c.month, c.drafts) for c in kept.counts(db)] == [("2026-05", 2)]


def test_without_a_term_everything_is_kept(desk: Desk) -> None:
    seen(desk, 1, "2020-01-01T09:00:00+08:00")
    assert Retention(desk, None).run() == Outcome()
    assert left(desk) == ["p1"]


def test_exports_that_hold_somebody_go_with_them(desk: Desk) -> None:
    seen(desk, 1, "2026-05-01T09:00:00+08:00")
    with desk.store.writing() as db:
        now = datetime.now(UTC)
        made = jobs.queue(db, made_by="王芳", kind="csv", audience="", bank=False, reason="", day="2026-07-01", now=now)
    settings = Settings(database=f"sqlite:///{desk.files.parent / 'chat.db'}")
    Worker(desk.store, Judging(library=library()), folder_beside(desk.files), b"key").drain(lease_of(settings))
    assert traces(desk, f"{NAME}1") != []
    Retention(desk, 30).run()
    assert traces(desk, f"{NAME}1") == []
    with desk.store.reading() as db:
        found = exports.export(db, made.id)
    assert found is not None
    assert found.state == "withdrawn"


def test_who_wrote_between_the_look_and_the_deletion_stays(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    seen(desk, 1, "2026-05-01T09:00:00+08:00")
    seen(desk, 2, "2026-05-01T09:00:00+08:00")
    real = desk.store.purge

    def purge(choose):  # type: ignore[no-untyped-def]
        session = desk.store.load(person(1))
        again = Message(channel="web", sender="p1", id="m2", text="我回来了", received_at=datetime(2026, 7, 1, tzinfo=UTC))
        desk.store.commit(again, Turn(session=session, replies=(), stored_text="我回来了"), session.revision)
        return real(choose)

    monkeypatch.setattr(desk.store, "purge", purge)
    assert Retention(desk, 30).run() == Outcome(people=1, drafts=1)
    assert left(desk) == ["p1"]


def test_who_never_wrote_is_kept_from_the_first_run_on(desk: Desk) -> None:
    desk.store.change_note(person(7, "wechat"), "reach", lambda _: "{}")
    Retention(desk, 30).run(now=lambda: datetime(2026, 7, 1, tzinfo=UTC))
    assert desk.store.note(person(7, "wechat"), "reach") == "{}"
    later = replace(desk, today=lambda: date(2026, 7, 31))
    assert Retention(later, 30).run() == Outcome(people=1)
    assert desk.store.note(person(7, "wechat"), "reach") is None


# Programmes that are over


def test_drafts_of_a_programme_that_is_over_go_after_its_last_day(desk: Desk) -> None:
    seen(desk, 1, "2026-06-30T09:00:00+08:00")
    seen(desk, 2, "2026-06-30T09:00:00+08:00", "liuzhou-yizhan", "recognition")
    last = over(desk, "putian-yizhan", date(2026, 7, 1))
    assert Retention(last, None).run() == Outcome()
    done = over(desk, "putian-yizhan", date(2026, 6, 30))
    assert Retention(done, None).run() == Outcome(people=1, drafts=1)
    assert left(desk) == ["p2"]
    assert traces(desk, f"{NAME}1") == []


def test_somebody_with_another_draft_keeps_it_and_loses_what_was_said_before(desk: Desk) -> None:
    old = seen(desk, 1, "2026-06-01T09:00:00+08:00")
    session = desk.store.load(person(1))
    at = datetime(2026, 6, 20, tzinfo=UTC)
    new = Draft(id="b" * 32, programme="liuzhou-yizhan", service="recognition", created_at=at, updated_at=at)
    new = replace(new, answers=(Answer(field="station_name", value="龙城驿站", at=at),))
    message = Message(channel="web", sender="p1", id="m2", text="换成柳州的", received_at=at)
    turn = Turn(session=replace(session, programme="liuzhou-yizhan", drafts=(*session.drafts, new)), replies=(), stored_text="换成柳州的")
    desk.store.commit(message, turn, session.revision)
    before = desk.store.load(person(1))
    assert Retention(over(desk, "putian-yizhan", date(2026, 6, 30)), None).run() == Outcome(drafts=1, parted=1)
    after = desk.store.load(person(1))
    assert [draft.id for draft in after.drafts] == [new.id]
    assert after.revision > before.revision
    assert [stored.text for stored in desk.store.conversation(person(1))] == ["换成柳州的"]
    assert traces(desk, f"{NAME}1") == []
    assert not (desk.files / old).exists()


def test_the_last_day_stands_in_the_programmes_data(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PACKAGED, tmp_path / "data", ignore=shutil.ignore_patterns("*.py", "__pycache__")))
    file = folder / "programmes" / "putian-yizhan" / "programme.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("checked_on", "keep_until = 2027-12-31\nchecked_on", 1), encoding="utf-8")
    assert check(folder) == []
    assert read(folder).library.programme("putian-yizhan").keep_until == date(2027, 12, 31)
    file.write_text(text.replace("checked_on", 'keep_until = "bald"\nchecked_on', 1), encoding="utf-8")
    assert [defect.key for defect in check(folder)] == ["keep_until"]


# By command and by the server


def test_the_command_says_what_it_would_do_does_it_and_logs_numbers_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    talk = Talk(tmp_path, "2026-01-02")
    talk.all("柳州人才驿站", "申请认定")
    goes_to_the_end(talk)
    talk.desk.store.close()
    monkeypatch.setenv("YIZHAN_RETENTION_DAYS", "90")
    database = ["--database", f"sqlite:///{tmp_path / 'chat.db'}"]

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["retention", *arguments, *database])
        return done.exit_code, done.stdout

    assert run("run", "--dry-run", "--today", "2026-04-01") == (0, "会删除 1 人，1 份草稿\n")
    assert run("run", "--today", "2026-03-01") == (0, "已删除 0 人，0 份草稿\n")
    assert run("run", "--today", "2026-04-01") == (0, "已删除 1 人，1 份草稿\n")
    assert run("counts") == (0, "liuzhou-yizhan\trecognition\t2026-01\t1\t1\n")
    store = opened(tmp_path)
    with store.reading() as db:
        logged = [(e.staff, e.action, e.detail) for e in accounts.entries(db, accounts.Wanted())]
    store.close()
    assert logged == [("命令行", "删除过期数据", "1 人，1 份草稿"), ("命令行", "删除过期数据", "0 人，0 份草稿")]
    assert "韦建国".encode() not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_the_command_says_where_no_term_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["retention", "run", "--database", f"sqlite:///{tmp_path / 'chat.db'}"])
    assert done.stdout == "没有设 YIZHAN_RETENTION_DAYS：不按时间删除\n已删除 0 人，0 份草稿\n"


def test_the_server_deletes_once_a_day_after_the_hour(desk: Desk) -> None:
    seen(desk, 1, "2026-05-01T09:00:00+08:00")
    settings = Settings(database=f"sqlite:///{desk.files.parent / 'chat.db'}", retention_days=30)
    at = datetime(2026, 6, 30, 18, 30, tzinfo=UTC)  # half past two in the night
    clock = [at]
    upkeep = Upkeep(desk, settings, clock=lambda: clock[0])
    upkeep.look()
    assert left(desk) == ["p1"]
    clock[0] = at + timedelta(hours=1)
    upkeep.look()
    upkeep.look()
    assert left(desk) == []
    with desk.store.reading() as db:
        logged = [(e.staff, e.action, e.object, e.detail) for e in accounts.entries(db, accounts.Wanted())]
    assert logged == [("定时", "删除过期数据", "", "1 人，1 份草稿")]
    upkeep._close()


def test_the_server_says_at_start_how_long_it_keeps(desk: Desk) -> None:
    database = f"sqlite:///{desk.files.parent / 'chat.db'}"
    assert Upkeep(desk, Settings(database=database, retention_days=30)).status().startswith("保留期限：最后一次使用后 30 天")
    assert "一直保存" in Upkeep(desk, Settings(database=database)).status()


def test_the_server_looks_after_exports(desk: Desk) -> None:
    seen(desk, 1, "2026-06-30T09:00:00+08:00")
    with desk.store.writing() as db:
        now = datetime(2026, 6, 30, 9, tzinfo=UTC)
        made = jobs.queue(db, made_by="王芳", kind="csv", audience="", bank=False, reason="", day="2026-07-01", now=now)
        assert exports.begin(db, made.id, now)
    settings = Settings(database=f"sqlite:///{desk.files.parent / 'chat.db'}")
    upkeep = Upkeep(desk, settings, clock=lambda: datetime(2026, 6, 30, 10, tzinfo=UTC))
    upkeep.look()
    with desk.store.reading() as db:
        found = exports.export(db, made.id)
    assert found is not None
    assert (found.state, found.note) == ("failed", jobs.DIED)
    upkeep._close()


def test_a_session_is_empty_after_its_person_is_gone(desk: Desk) -> None:
    seen(desk, 1, "2026-05-01T09:00:00+08:00")
    assert desk.store.load(person(1)).drafts
    Retention(desk, 30).run()
    assert desk.store.load(person(1)) == Session(person=person(1))
