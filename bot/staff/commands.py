"""Which commands do staff have for drafts? `yizhan drafts …`; what each does stands in the module it calls."""

import typer

from bot.staff.draft_commands import drafts_list, drafts_mark, drafts_show
from bot.staff.export_commands import drafts_export

drafts = typer.Typer(no_args_is_help=True, help="看收集到的草稿（工作人员）")
drafts.command("list")(drafts_list)
drafts.command("show")(drafts_show)
drafts.command("mark")(drafts_mark)
drafts.command("export")(drafts_export)
