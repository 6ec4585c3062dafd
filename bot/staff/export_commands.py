"""How do staff export drafts from a terminal? `yizhan drafts export`: the same files as the console's, with a progress bar."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bot import app as wiring
from bot import console as terminal
from bot.export import choice
from bot.export.formats import FORMATS, Written, write
from bot.export.source import ExportError, Source, Watch
from bot.options import Database, Today, day_of, fail
from bot.settings import SettingsError, read_settings
from bot.staff.account_commands import by_terminal
from knowledge.defects import KnowledgeError
from storage.accounts import FAILED, log
from storage.store import StoreError

Reason = Annotated[str, typer.Option("--reason", help="为什么导出；要银行卡号时必填，记进工作日志")]


def drafts_export(
    out: Annotated[Path, typer.Option("--out", help="写到哪个文件")],
    kind: Annotated[str, typer.Option("--format", help="、".join(FORMATS))] = "xlsx",
    database: Database = "",
    day: Today = "",
    programme: Annotated[str, typer.Option("--programme", help="只要这个项目")] = "",
    service: Annotated[str, typer.Option("--service", help="只要这个事项")] = "",
    filtered: Annotated[str, typer.Option("--filter", help="工作台草稿列表地址里 ? 后面的那一段")] = "",
    bank: Annotated[bool, typer.Option("--bank", help="银行卡号写全；不加就只有末四位")] = False,
    reason: Reason = "",
    force: Annotated[bool, typer.Option("--force", help="文件已有时覆盖")] = False,
) -> None:
    """导出草稿：表格、官方汇总表、压缩包。"""
    terminal.utf8()
    if kind not in FORMATS:
        fail(f"--format {kind}: 没有这种格式；可用的有 {'、'.join(FORMATS)}", 2)
    if bank and not reason.strip():
        fail("--bank: 要银行卡号须说明原因；请加 --reason", 2)
    if out.exists() and not force:
        fail(f"--out {out}: 已有这个文件；换个名字，或加 --force 覆盖")
    try:
        audience = choice.query(filtered, programme=programme, service=service)
        made = _exported(database, day_of(day)(), audience, (kind, out, bank, reason.strip()))
    except (SettingsError, ValueError) as error:
        fail(str(error), 2)
    except (KnowledgeError, StoreError, ExportError) as error:
        fail(str(error))
    print(f"已导出 {made.text()}：{out}")


def _exported(database: str, on: date, audience: str, wish: tuple[str, Path, bool, str]) -> Written:
    """Write the file. It is logged before there is one, so that none is there without a line."""
    kind, out, bank, reason = wish
    settings = read_settings(database=database)
    store, staff = wiring.open_store(settings), by_terminal(settings)
    try:
        with _bar() as bar:
            task = bar.add_task("导出", total=None)
            watch = Watch(wrote=lambda done, total: bar.update(task, completed=done, total=total))
            source = Source(store=store, assistant=wiring.judging(settings), today=on, bank=bank, watch=watch)
            chosen = choice.chosen(source, audience)
            with store.writing() as db:
                log(db, staff, "导出", kind, choice.for_log(audience, len(chosen), bank=bank, reason=reason))
            return write(source, kind, chosen, out)
    except ExportError:
        with store.writing() as db:
            log(db, staff, "导出", kind, result=FAILED)
        raise
    finally:
        store.close()


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
