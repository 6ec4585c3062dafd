"""How is what is kept no longer deleted by hand? `yizhan retention run`, with a dry run; `counts` shows the numbers that stay."""

from typing import Annotated

import typer

from bot import console as terminal
from bot.options import Database, Today, desk_for, fail
from bot.retention import Retention, ends
from bot.settings import SettingsError, read_settings
from bot.staff.account_commands import by_terminal
from bot.upkeep import noting
from flows.say import day
from storage import retention as kept
from storage.store import StoreError

retention = typer.Typer(no_args_is_help=True, help="保留期限：到期的个人数据删除，数字留下")


@retention.command("run")
def retention_run(
    database: Database = "",
    on: Today = "",
    dry: Annotated[bool, typer.Option("--dry-run", help="只看会删多少，什么都不删")] = False,
) -> None:
    """删除到期的个人数据：太久没说话的人，已结束的项目的草稿。"""
    terminal.utf8()
    desk = desk_for(database, on)
    try:
        settings = read_settings(database=database)
        run = Retention(desk, settings.retention_days)
        outcome = run.look() if dry else run.run(noting(by_terminal(settings)))
    except SettingsError as error:
        fail(str(error), 2)
    except StoreError as error:
        fail(str(error))
    finally:
        desk.store.close()
    if settings.retention_days is None:
        print("没有设 YIZHAN_RETENTION_DAYS：不按时间删除")
    for name, last in ends(desk):
        print(f"{name}：草稿保存到{day(last)}")
    print(f"{'会删除' if dry else '已删除'} {outcome.text()}")


@retention.command("counts")
def retention_counts(database: Database = "") -> None:
    """已删除的草稿留下的数字：项目、事项、月份、份数、其中做完的。"""
    terminal.utf8()
    desk = desk_for(database, "")
    with desk.store.reading() as db:
        found = kept.counts(db)
    desk.store.close()
    for one in found:
        print("\t".join((one.programme, one.service, one.month, str(one.drafts), str(one.finished))))
