"""Which commands do staff have? `yizhan drafts …`; what each does stands in the module it calls."""

from typing import Annotated

import typer

from bot import console as terminal
from bot.options import Database, Today, desk_for, fail
from bot.staff import lines
from bot.staff.export_commands import drafts_export

drafts = typer.Typer(no_args_is_help=True, help="看收集到的草稿（工作人员）")
drafts.command("export")(drafts_export)


@drafts.command("list")
def drafts_list(
    database: Database = "",
    day: Today = "",
    programme: Annotated[str, typer.Option("--programme")] = "",
    service: Annotated[str, typer.Option("--service")] = "",
) -> None:
    """列出草稿，最近改动的在前。"""
    terminal.utf8()
    desk = desk_for(database, day)
    for row in desk.store.drafts(programme=programme, service=service):
        print(lines.draft_line(desk, row))


@drafts.command("show")
def drafts_show(draft_id: str, database: Database = "", day: Today = "") -> None:
    """看一份草稿的全部回答（敏感项只显示末位）。"""
    terminal.utf8()
    desk = desk_for(database, day)
    row = desk.store.draft(draft_id)
    if row is None:
        fail(f"drafts show {draft_id}: 没有这份草稿；用 yizhan drafts list 看编号")
    print(lines.draft_text(desk, row))
