"""Which commands make accounts? `yizhan staff …`; what each does stands in `roll.py`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import typer

from bot import app as wiring
from bot import console as terminal
from bot.handle import SHANGHAI
from bot.options import Database, fail
from bot.settings import Settings, SettingsError, read_settings
from bot.staff import roll
from bot.staff.roll import ROLE_NAMES, now
from bot.staff.tokens import link_address
from storage import accounts
from storage.accounts import ROLES, Staff
from storage.store import Store, StoreError

staff = typer.Typer(no_args_is_help=True, help="工作台的账号")
TERMINAL = "命令行"
"""Who acts in the log where a command did."""
_ROLE_HELP = "reader 查看、officer 经办、admin 管理；不写：第一个账号是 admin，以后是 officer"


def by_terminal(settings: Settings) -> Staff:
    """Whoever gives commands on the server."""
    return Staff(name=TERMINAL, role="admin", log_key=wiring.derived_key(settings, "staff log"))


@contextmanager
def _opened(database: str) -> Iterator[tuple[Settings, Store, Staff]]:
    """Settings, store and who acts; ends with one line where something is wrong."""
    terminal.utf8()
    try:
        settings = read_settings(database=database)
        store = wiring.open_store(settings)
        try:
            yield settings, store, by_terminal(settings)
        finally:
            store.close()
    except SettingsError as error:
        fail(str(error), 2)
    except StoreError as error:
        fail(str(error))


@staff.command("add")
def staff_add(
    name: Annotated[str, typer.Argument(help="姓名，登录时用")],
    role: Annotated[str, typer.Option("--role", help=_ROLE_HELP)] = "",
    database: Database = "",
) -> None:
    """新建账号，给出设密码用的一次性链接。"""
    known, chosen = _name("add", name), _role("add", name, role)
    with _opened(database) as (settings, store, actor):
        made = roll.add(store, actor, known, chosen, now())
        if made is None:
            fail(f"staff add {known}: 已经有这个账号；换一个姓名，或用 yizhan staff link {known} 给一个新链接")
        print(f"新建了账号 {known}（{made[1]}，{ROLE_NAMES[made[1]]}）。")
        _tell_link(settings, known, made[0])


@staff.command("list")
def staff_list(database: Database = "") -> None:
    """列出账号：姓名、权限、状态、上次登录，以制表符分开。"""
    with _opened(database) as (_, store, _actor), store.reading() as db:
        for account in accounts.accounts(db):
            print("\t".join((account.name, account.role, roll.state_of(account), _day(account.seen_at))))


@staff.command("role")
def staff_role(name: str, role: Annotated[str, typer.Argument(help="reader、officer 或 admin")], database: Database = "") -> None:
    """改一个账号的权限；它要重新登录。"""
    chosen = _role("role", name, role or "-")
    with _opened(database) as (_, store, actor):
        if not roll.set_role(store, actor, name, chosen, now()):
            _unknown("role", name)
        print(f"{name} 现在是 {chosen}（{ROLE_NAMES[chosen]}）。")


@staff.command("off")
def staff_off(name: str, database: Database = "") -> None:
    """停用一个账号；它立刻退出。"""
    _switch(name, database, active=False)


@staff.command("on")
def staff_on(name: str, database: Database = "") -> None:
    """重新启用一个账号。"""
    _switch(name, database, active=True)


@staff.command("link")
def staff_link(name: str, database: Database = "") -> None:
    """给一个账号新的一次性链接，用来重设密码；以前的链接作废。"""
    with _opened(database) as (settings, store, actor):
        token = roll.give_link(store, actor, name, now())
        if token is None:
            fail(f"staff link {name}: 没有这个账号，或者它已停用；用 yizhan staff list 看，用 yizhan staff on 启用")
        _tell_link(settings, name, token)


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, SHANGHAI):%Y-%m-%d %H:%M}" if seconds else ""


def _switch(name: str, database: str, *, active: bool) -> None:
    command, word = ("on", "启用") if active else ("off", "停用")
    with _opened(database) as (_, store, actor):
        if not roll.set_active(store, actor, name, active, now()):
            _unknown(command, name)
        print(f"{name} 已{word}。")


def _tell_link(settings: Settings, name: str, token: str) -> None:
    print(f"请把下面的链接交给{name}本人，48 小时内有效，只能用一次：")
    print(link_address(settings.public_url, token))
    if not settings.public_url:
        print("没有设 YIZHAN_PUBLIC_URL，所以只给出路径：请接在本服务的网址后面打开，如 http://127.0.0.1:8000 后面。")


def _name(command: str, text: str) -> str:
    found = roll.name_of(text)
    if found is None:
        fail(f"staff {command} {text}: {roll.BAD_NAME}", 2)
    return found


def _role(command: str, name: str, text: str) -> str:
    if text and text not in ROLES:
        fail(f"staff {command} {name}: 没有 {text} 这种权限；请写 {'、'.join(ROLES)} 中的一个", 2)
    return text


def _unknown(command: str, name: str) -> None:
    fail(f"staff {command} {name}: 没有这个账号；用 yizhan staff list 看有哪些")
