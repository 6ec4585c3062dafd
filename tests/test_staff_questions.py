"""The staff's list of missed questions: grouped, moved from list to list, exported as a question set, with nothing private in it."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.handle import Desk, handle
from bot.staff.lines import missed_questions
from flows.types import Message
from flows.unanswered import Asked, grouped, question_set
from storage import inbox
from tests.staff_site import Browser, StaffSite, forged, staff_site

PAID = "柳州驿站补助几天到账"
SECONDS = count()
WAGES = "柳州驿站的补助能用来发工资吗"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[StaffSite]:
    with staff_site(tmp_path) as found:
        yield found


def ask(desk: Desk, *texts: str, sender: str = "甲") -> None:
    for text in texts:
        at = datetime(2026, 11, 22, tzinfo=UTC) + timedelta(seconds=next(SECONDS))
        handle(desk, Message(channel="console", sender=sender, id=forged(), text=text, received_at=at))


def rows(browser: Browser, number: int = 0) -> str:
    return re.findall(r'name="rows" value="([0-9a-f ]+)"', browser.page.text)[number]


def test_the_page_groups_and_names_the_nearest_facts(here: StaffSite) -> None:
    officer = here.staff("officer")
    assert "现在没有待处理的问题" in officer.get("/staff/questions").text
    ask(here.desk, PAID, f"{PAID}呢", "柳州驿站补助多少钱", "👎")
    officer.get("/staff/questions")
    first, second = re.findall(r"<h2>(.*?)</h2>", officer.page.text)
    assert (first, second) == (PAID, "柳州驿站补助多少钱")
    assert "没答上 2 踩 0 赞 0" in " ".join(officer.text().split())
    assert "柳州驿站 · 补助、奖励的金额" in officer.text()
    assert "另外 1 种问法" in officer.text()


def test_a_question_is_done_or_ignored_put_back_and_comes_again_when_asked_again(here: StaffSite) -> None:
    ask(here.desk, PAID)
    officer = here.staff("officer")
    officer.get("/staff/questions")
    moved = rows(officer)
    ask(here.desk, f"{PAID}呢")  # came after the page was shown: stays
    form = {"rows": moved, "before": "pending", "after": "done"}
    assert officer.post("/staff/questions/move", form).headers["location"] == "/staff/questions?show=pending"
    assert [group.text for group in missed_questions(here.desk)] == [f"{PAID}呢"]
    assert [group.text for group in missed_questions(here.desk, "done")] == [PAID]
    officer.post("/staff/questions/move", {**form, "before": "done", "after": "ignored"})
    assert PAID in officer.get("/staff/questions?show=ignored").text
    officer.post("/staff/questions/move", {**form, "before": "ignored", "after": "pending"})
    assert missed_questions(here.desk)[0].unanswered == 2
    assert [entry[1:4] for entry in here.logged()] == [(action, moved, "1 条") for action in ("题目已处理", "题目忽略", "题目放回")]
    for bad in ({**form, "after": "gone"}, {**form, "before": ""}, {**form, "rows": " "}):
        assert officer.post("/staff/questions/move", bad).status_code == 404


def test_only_questions_are_moved_whatever_ids_a_form_brings(here: StaffSite) -> None:
    ask(here.desk, "人工")
    wish = here.desk.store.pending("handover")[0]
    officer = here.staff("officer")
    officer.post("/staff/questions/move", {"rows": wish.id, "before": "pending", "after": "done"})
    assert [row.id for row in here.desk.store.pending("handover")] == [wish.id]


def test_many_rows_are_moved_at_once(here: StaffSite) -> None:
    with here.store.writing() as db:
        assert inbox.settle(db, [forged() for _ in range(3 * inbox.CHUNK + 1)], "pending", "done") == 0
    ask(here.desk, *[PAID] * 3)
    with here.store.writing() as db:
        found = [question.row for question in inbox.questions(db)]
        assert inbox.settle(db, found, "pending", "done") == len(found) == 3


def test_what_is_private_is_masked_also_after_consent(here: StaffSite) -> None:
    talk = here.talk
    talk.all("我们在柳州开了家书院，想申请认定市里的人才驿站")
    with here.store.reading() as db:
        assert inbox.questions(db) == []
    ask(here.desk, "我叫韦建国，电话13877220001，柳州驿站的补助几天能到账？")
    page = here.staff("officer").get("/staff/questions").text
    assert "13877220001" not in page
    assert "韦建国" not in page
    assert "138****0001" in page


def test_the_export_is_a_question_set_that_can_be_asked(here: StaffSite, tmp_path: Path) -> None:
    talk = here.talk
    talk.all("我们在柳州开了家书院，想申请认定市里的人才驿站", "联谊型")
    talk.say("补助几天能到账？")
    ask(here.desk, WAGES)
    officer = here.staff("officer")
    answer = officer.get("/staff/questions/export")
    assert answer.headers["content-disposition"] == "attachment; filename=questions-pending.jsonl"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert {(line["question"], line["context_programme"]) for line in lines} == {("补助几天能到账?", "liuzhou-yizhan"), (WAGES, None)}
    known = json.loads((Path(__file__).parent / "questions" / "dev.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert set(lines[0]) <= {*known, "note"}
    assert here.logged()[-1][1:4] == ("导出题集", "待处理", "2 个问法")
    out, database = tmp_path / "set.jsonl", f"sqlite:///{here.folder / 'chat.db'}"
    run = CliRunner()
    assert run.invoke(app, ["questions", "export", "--out", str(out), "--database", database]).exit_code == 0
    assert out.read_text(encoding="utf-8") == answer.text
    assert out.stat().st_mode & 0o777 == 0o600
    assert run.invoke(app, ["questions", "export", "--out", str(out), "--database", database]).exit_code == 2
    assert run.invoke(app, ["questions", "export", "--out", str(out), "--database", database, "--force"]).exit_code == 0
    asked = run.invoke(app, ["ask", "--batch", str(out), "--today", "2026-11-22"])
    assert [json.loads(line)["id"] for line in asked.stdout.splitlines()] == ["u0001-1", "u0002-1"]
    listed = run.invoke(app, ["questions", "--database", database]).stdout
    assert WAGES in listed


def test_an_export_that_cannot_be_written_says_so_and_leaves_nothing(here: StaffSite, tmp_path: Path) -> None:
    out = tmp_path / "nowhere" / "set.jsonl"
    result = CliRunner().invoke(app, ["questions", "export", "--out", str(out), "--database", f"sqlite:///{here.folder / 'chat.db'}"])
    assert result.exit_code == 1
    assert "写不进去" in result.stderr


def test_every_wording_of_a_group_is_a_line_with_where_it_was_asked() -> None:
    asked = [
        Asked(row="1", kind="unanswered", text="周末开门吗？", facts=("a/hours",), programme="a"),
        Asked(row="2", kind="downvote", text="周末开门吗", facts=("a/hours",), programme="a"),
        Asked(row="3", kind="unanswered", text="周末开门吗？", programme=""),
    ]
    first, second = question_set(grouped(asked))
    assert (first["id"], first["question"], first["context_programme"]) == ("u0001-1", "周末开门吗？", "a")
    assert (second["id"], second["question"]) == ("u0001-2", "周末开门吗")
    assert first["note"] == "没答上 2 次，踩 1 次，赞 0 次；最接近：a/hours"


def test_pages_of_groups(here: StaffSite) -> None:
    ask(here.desk, PAID)
    with here.store.writing() as db:
        for number in range(30):
            payload = json.dumps(
                {"text": f"{'零一二三四五六七八九'[number % 10] * 9}{'甲乙丙'[number // 10] * 9}", "draft": "", "facts": []}
            )
            row = ("console", "甲", 100 + number, 0, f"{number:032x}", "unanswered", payload, "2026-11-22T09:00:00+00:00")
            places = ", ".join("?" for _ in row)
            db.execute(f"INSERT INTO outbox (channel, sender, number, item, id, kind, payload, created_at) VALUES ({places})", row)
    total = len(missed_questions(here.desk))
    assert 25 < total <= 31
    reader = here.staff("reader")
    assert f"共 {total} 组" in reader.get("/staff/questions").text
    assert reader.page.text.count("<h2>") == 25
    assert "已处理</button>" not in reader.page.text
    assert reader.get("/staff/questions?page=2").text.count("<h2>") == total - 25
    assert reader.get("/staff/questions?page=99").status_code == 200
