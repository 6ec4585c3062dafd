"""`yizhan db migrate|check|copy`: the database itself, for whoever runs the service."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bot import app as wiring
from bot.options import Database, Today, day_of, fail
from bot.settings import KEY_FILE, SQLITE, Settings, SettingsError, read_settings, secret_key
from storage.copying import Copied, copy, count
from storage.sql import SqlStore
from storage.store import StoreError

db = typer.Typer(no_args_is_help=True, help="数据库本身：升级、检查、搬到另一个数据库")


@db.command()
def migrate(database: Database = "", day: Today = "") -> None:
    """把表升级到这个程序的版本；服务启动时也会自己做。"""
    day_of(day)
    store = _opened(database)
    before, after = store.migrated
    store.close()
    print(f"已是最新：第 {after} 版" if before == after else f"已升级：第 {before} 版 → 第 {after} 版")


@db.command()
def check(database: Database = "", day: Today = "") -> None:
    """检查数据库：持久设置、表、索引、彼此的引用；有毛病退出码为 1。"""
    day_of(day)
    store = _opened(database, is_there=True)
    defects, rows = store.check(), count(store)
    store.close()
    for defect in defects:
        print(defect)
    if defects:
        fail(f"共 {len(defects)} 处毛病，请逐条处理")
    print(f"没有发现毛病，共 {rows} 行")


@db.command(name="copy")
def copy_all(
    to: Annotated[str, typer.Option("--to", help="搬到哪里：postgresql://用户@主机/库名 或 sqlite:///路径，须是空的")],
    database: Database = "",
    day: Today = "",
) -> None:
    """把全部数据搬到另一个数据库，逐表核对行数与校验和；中断后再运行一次就接着搬。先停下服务。"""
    day_of(day)
    here, there = _settings(database), _settings(to)
    if here.database == there.database:
        fail(f"--to {_shown(to)}: 就是现在的数据库；请给另一个", 2)
    source = _opened(database, is_there=True)
    try:
        target = wiring.sql_store(there, secret=_secret(here), for_copy=True)
        try:
            copied = _copied(source, target)
        finally:
            target.close()
    except StoreError as error:
        fail(f"copy: {error}")
    finally:
        source.close()
    _report(copied, here, there)


def _copied(source: SqlStore, target: SqlStore) -> list[Copied]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=2 * count(source) - count(target))  # each row is copied and compared
        return list(copy(source, target, lambda table, rows: bar.update(task, advance=rows, description=table)))


def _report(copied: list[Copied], here: Settings, there: Settings) -> None:
    for one in copied:
        print(f"{one.table}: {one.rows} 行，校验和 {one.checksum[:12]} 一致")
    print(f"共 {sum(one.rows for one in copied)} 行。请把 YIZHAN_DATABASE 改成新库，用同一把密钥（{_key(here)}）。")
    files = [_files(settings) for settings in (here, there)]
    if files[0].is_dir():
        print(f"申请人的文件不在库里：请把 {files[0]} 的内容移到 {files[1]}。")


def _key(settings: Settings) -> str:
    if settings.secret_key.get_secret_value():
        return "YIZHAN_SECRET_KEY 不变"
    return f"{wiring.database_file(settings).with_name(KEY_FILE)} 的内容，作为 YIZHAN_SECRET_KEY 或放在新的 SQLite 文件旁边"


def _files(settings: Settings) -> Path:
    path = wiring.database_file(settings)
    return path.with_name(f"{path.stem}-files")


def _secret(settings: Settings) -> bytes:
    return secret_key(settings, wiring.database_file(settings) if settings.database.startswith(SQLITE) else None)


def _shown(url: str) -> str:
    """An address without what may be a password."""
    return url if url.startswith(SQLITE) else url.partition("@")[2] or url


def _settings(database: str) -> Settings:
    try:
        return read_settings(database=database)
    except SettingsError as error:
        fail(str(error), 2)


def _opened(database: str, *, is_there: bool = False) -> SqlStore:
    settings = _settings(database)
    if is_there and settings.database.startswith(SQLITE) and not wiring.database_file(settings).exists():
        fail(f"{settings.database}: 没有这个数据库文件；请用 --database 指明", 2)
    try:
        return wiring.sql_store(settings)
    except (SettingsError, ValueError) as error:
        fail(str(error), 2)
    except StoreError as error:
        fail(str(error))
