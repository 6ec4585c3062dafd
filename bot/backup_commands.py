"""Which commands keep what was gathered safe? `yizhan backup`, `restore`, `audit verify`; what each does stands in the module it calls."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from bot import app as wiring
from bot import console as terminal
from bot.options import Database, Today, day_of, desk_for, fail
from bot.settings import KEY_FILE, POSTGRES, Settings, SettingsError, read_settings, secret_key
from bot.staff.account_commands import by_terminal
from storage import accounts
from storage.backup import Restored, back_up, restore
from storage.departures import file_of
from storage.store import StoreError

audit = typer.Typer(no_args_is_help=True, help="工作人员的操作记录")


def backup(
    file: Annotated[Path, typer.Argument(help="备份写到哪个文件")],
    database: Database = "",
    day: Today = "",
    force: Annotated[bool, typer.Option("--force", help="文件已经有了也覆盖")] = False,
) -> None:
    """把数据库完整备份成一个文件，服务不用停。"""
    terminal.utf8()
    day_of(day)
    with _named_errors():
        settings = read_settings(database=database)
        path = _sqlite(settings, "backup")
        with _bar("备份") as told:
            numbers = back_up(path, file, told, replace=force)
        store = wiring.open_store(settings)
        with store.writing() as db:
            accounts.log(db, by_terminal(settings), "备份", detail=_told(numbers), at=datetime.now(UTC).timestamp())
        store.close()
    print(f"备份好了：{file}（{_told(numbers)}），只有本用户能读。")
    print(f"密钥不在备份里：请把 {KEY_FILE}（或 YIZHAN_SECRET_KEY）另外保存，没有它备份里的银行信息读不出来，也恢复不了。")
    print(f"{file_of(path).name} 记着哪些人已经删除了数据（没有个人信息），请和密钥一起保存；恢复时按它再删一次。")


def restore_backup(file: Annotated[Path, typer.Argument(help="yizhan backup 写的文件")], database: Database = "", day: Today = "") -> None:
    """用备份换下现在的数据库；备份以后删除过的数据会再删一次。先停掉服务。"""
    terminal.utf8()
    with _named_errors():
        settings = read_settings(database=database)
        path = _sqlite(settings, "restore")
        if not settings.secret_key.get_secret_value() and not (path.parent / KEY_FILE).exists():
            fail(f"restore {file}: 缺少备份时的密钥；把 {KEY_FILE} 放到 {path.parent} 里，或设好 YIZHAN_SECRET_KEY", 2)
        private = _private(settings)
        with _bar("恢复") as told:
            done = restore(file, path, secret_key(settings, path), private, told)
    desk = desk_for(database, day)  # removes the documents of drafts that are not there
    with _named_errors():
        with desk.store.writing() as db:
            accounts.log(db, by_terminal(settings), "恢复备份", detail=_log_line(done), at=datetime.now(UTC).timestamp())
        desk.store.close()
    _tell(file, done)


@audit.command("verify")
def audit_verify(
    database: Database = "",
    day: Today = "",
    head: Annotated[str, typer.Option("--head", help="另外保存的记录头，如 12:3f…；能发现末尾被截掉")] = "",
) -> None:
    """核对操作记录有没有被改过、删过、换过顺序。"""
    terminal.utf8()
    day_of(day)
    kept = _head(head) if head else None
    with _named_errors():
        settings = read_settings(database=database)
        store = wiring.open_store(settings)
        with store.reading() as db:
            broken = accounts.verify(db, wiring.derived_key(settings, "staff log"), kept)
            number, hashed = accounts.log_head(db)
        store.close()
    if broken is not None:
        fail(f"audit verify: 操作记录从第 {broken} 条起与当初写下的不符（改过、删过或换过顺序）；请保留现场，用备份核对")
    print(f"操作记录完好，共 {number} 条。")
    if number:
        print(f"记录头 {number}:{hashed}")
        print("请把记录头保存在别处；下次用 --head 带上，连末尾被截掉也能发现。")


def _private(settings: Settings) -> tuple[str, ...]:
    """The keys of all personal fields."""
    from knowledge.load import library  # late: `audit verify` needs no policies

    services = [service for programme in library().programmes for version in programme.versions for service in version.services]
    return tuple(sorted({f.key for service in services for f in service.fields if f.personal or f.sensitive}))


@contextmanager
def _named_errors() -> Iterator[None]:
    """Ends with one line where something is wrong."""
    try:
        yield
    except SettingsError as error:
        fail(str(error), 2)
    except StoreError as error:
        fail(str(error))


def _sqlite(settings: Settings, command: str) -> Path:
    if settings.database.startswith(POSTGRES):
        fail(f"{command}: 这个命令只管 SQLite；PostgreSQL 请用它自己的 pg_dump 和 pg_restore", 2)
    return wiring.database_file(settings)


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr where somebody looks."""
    columns = (TextColumn(what), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, total: progress.update(task, total=total, completed=done)


def _head(text: str) -> tuple[int, str]:
    number, _, hashed = text.partition(":")
    if not number.isdecimal() or not hashed:
        fail(f"audit verify --head {text}: 不是记录头；照上次打印的写，如 12:3f…", 2)
    return int(number), hashed


def _told(numbers: dict[str, int]) -> str:
    return f"{numbers['people']} 人，{numbers['drafts']} 份草稿，{numbers['messages']} 条消息"


def _log_line(done: Restored) -> str:
    replaced = f"，换下的有 {_told(done.before)}，操作记录 {done.before.get('staff_log', 0)} 条" if done.before else ""
    return f"{_told(done.after)}{replaced}；再次删除 {done.gone} 人，再次撤回 {done.erased} 人"


def _tell(file: Path, done: Restored) -> None:
    print(f"恢复好了：{file}（{_told(done.after)}）。")
    if done.before:
        print(f"换下的数据库里有 {_told(done.before)}。")
    print(f"备份以后删除过数据的 {done.gone} 人已再次删除，撤回过同意的 {done.erased} 人的个人信息已再次清除。")
    print("工作人员都要重新登录；备份时还没发出的消息不再自动发（可能已经发过）；请用 yizhan staff list 核对账号。")
