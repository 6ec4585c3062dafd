"""`yizhan drafts export`: the file, its line in the log, and each way it says no."""

import contextlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner, Result

from bot.cli import app
from storage import accounts
from tests.export_people import BANK, keep, opened

Export = Callable[..., Result]


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Export:
    monkeypatch.chdir(tmp_path)
    store = opened(tmp_path)
    keep(store, 1, "putian-yizhan", "declaration", {"station_name": "湄洲驿站", "station_type": "lianyi"})
    keep(store, 2, "liuzhou-yizhan", "subsidy", {"station_name": "龙城驿站", **BANK})
    store.close()

    def run(*arguments: str) -> Result:
        database = f"sqlite:///{tmp_path / 'chat.db'}"
        return CliRunner().invoke(app, ["drafts", "export", "--database", database, "--today", "2026-06-20", *arguments])

    return run


def logged(folder: Path) -> list[tuple[str, str, str, str, str]]:
    store = opened(folder)
    with store.reading() as db:
        found = [(e.staff, e.action, e.object, e.detail, e.result) for e in accounts.entries(db, accounts.Wanted())]
    store.close()
    return found[::-1]


def test_a_workbook_is_written_and_logged(export: Export, tmp_path: Path) -> None:
    done = export("--out", "all.xlsx", "--reason", "月报")
    assert (done.exit_code, done.stdout) == (0, "已导出 2 份草稿：all.xlsx\n")
    assert len(load_workbook(tmp_path / "all.xlsx").worksheets) == 2
    assert logged(tmp_path) == [("命令行", "导出", "xlsx", "2 份；筛选：全部；原因：月报", "成功")]


@pytest.mark.parametrize("arguments", [["--programme", "putian-yizhan"], ["--filter", "?programme=putian-yizhan"]])
def test_drafts_are_chosen_as_in_the_list(export: Export, tmp_path: Path, arguments: list[str]) -> None:
    done = export("--format", "summary-docx", "--out", "table.docx", *arguments)
    assert done.stdout == "已导出 1 份草稿：table.docx\n"
    assert logged(tmp_path)[0][3] == "1 份；筛选：programme=putian-yizhan"


def test_bank_data_needs_a_reason_and_the_log_says_so(export: Export, tmp_path: Path) -> None:
    refused = export("--out", "bank.csv", "--format", "csv", "--bank")
    assert (refused.exit_code, refused.stderr) == (2, "--bank: 要银行卡号须说明原因；请加 --reason\n")
    assert export("--out", "bank.csv", "--format", "csv", "--bank", "--reason", "发放补助").exit_code == 0
    assert BANK["bank_card"] in (tmp_path / "bank.csv").read_text(encoding="utf-8")
    assert logged(tmp_path)[-1][3] == "2 份；筛选：全部；含银行卡号；原因：发放补助"


def test_a_file_that_is_there_is_overwritten_only_by_force(export: Export, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("mine", encoding="utf-8")
    refused = export("--out", "a.zip", "--format", "zip")
    assert (refused.exit_code, refused.stderr) == (1, "--out a.zip: 已有这个文件；换个名字，或加 --force 覆盖\n")
    assert (tmp_path / "a.zip").read_text(encoding="utf-8") == "mine"
    assert export("--out", "a.zip", "--format", "zip", "--force").exit_code == 0
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert len(archive.namelist()) == 6


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--format", "pdf"], 2, "--format pdf: 没有这种格式；可用的有 xlsx、"),
        (["--programme", "nobody"], 1, "没有符合条件的草稿，没有生成文件；请放宽筛选条件"),
        (["--format", "summary-docx", "--programme", "liuzhou-yizhan"], 1, "选中的草稿所属的项目没有汇总表；"),
        (["--out", "nowhere/a.xlsx"], 1, "nowhere/a.xlsx 写不进去（No such file or directory）；请换一个文件夹，或腾出空间"),
        (["--today", "morgen"], 2, "--today morgen: 不是日期；"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_leaves_no_file(
    export: Export, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    before = set(tmp_path.iterdir())
    done = export("--out", "a.xlsx", *arguments)
    assert (done.exit_code, done.stderr.count("\n")) == (code, 1)
    assert done.stderr.startswith(says)
    assert {path.name for path in set(tmp_path.iterdir()) - before} <= {"chat.db-wal", "chat.db-shm", "yizhan.key"}


def test_what_failed_is_logged_as_failed(export: Export, tmp_path: Path) -> None:
    assert export("--out", "a.xlsx", "--format", "summary-xlsx", "--programme", "liuzhou-yizhan").exit_code == 1
    assert [line[4] for line in logged(tmp_path)] == ["成功", "失败"]


def test_on_a_terminal_a_bar_shows_how_far_it_is(export: Export, tmp_path: Path) -> None:
    main, other = os.openpty()
    command = [sys.executable, "-c", "from bot.cli import main; main()", "drafts", "export", "--database", f"sqlite:///{tmp_path}/chat.db"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen([*command, "--out", "a.zip", "--format", "zip"], stderr=other, stdout=subprocess.PIPE, env=environment) as child:
        os.close(other)
        shown = b""
        with contextlib.suppress(OSError):  # how a pseudo terminal ends
            while part := os.read(main, 4096):
                shown += part
        os.close(main)
        assert child.wait() == 0
    assert "导出" in shown.decode()
    assert "2/2" in shown.decode()
