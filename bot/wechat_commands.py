"""Which commands does the official account have? `yizhan wechat menu …`; what each does stands in `wechat_menu.py`."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from bot import console as terminal
from bot.options import fail
from bot.settings import SettingsError, read_settings

wechat = typer.Typer(no_args_is_help=True, help="微信公众号（工作人员）")
menu = typer.Typer(no_args_is_help=True, help="公众号底部的菜单：开了服务器地址后只能这样设")
wechat.add_typer(menu, name="menu")


@menu.command("show")
def menu_show() -> None:
    """看现在的菜单。"""
    terminal.utf8()
    found = _on_wechat(lambda api: api.menu())
    if found is None:
        fail("wechat menu show: 现在没有菜单；用 yizhan wechat menu set 设一个")
    from bot.wechat_menu import lines

    print("\n".join(lines(found)))


@menu.command("set")
def menu_set(file: Annotated[Path | None, typer.Argument(help="平台格式的 JSON 文件；默认是自带的菜单")] = None) -> None:
    """设菜单，替换原来的。"""
    terminal.utf8()
    from bot import wechat_menu

    wanted: object = wechat_menu.MENU
    if file is not None:
        try:
            wanted = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            fail(f"wechat menu set {file}: 读不出来（{type(error).__name__}）；请给一个 UTF-8 的 JSON 文件", 2)
    if wrong := wechat_menu.defect(wanted):
        fail(f"wechat menu set {file or ''}: {wrong}；请改正文件", 2)
    _on_wechat(lambda api: api.set_menu(wanted))
    print("已设好；已关注的人最晚五分钟后看到，重新关注立即看到")


@menu.command("remove")
def menu_remove() -> None:
    """删除菜单。"""
    terminal.utf8()
    _on_wechat(lambda api: api.remove_menu())
    print("已删除")


def _on_wechat(action: Callable[[Any], Any]) -> Any:
    """What the action gets from the account's API; ends with one line where it is refused."""
    from bot import wechat_menu  # late: other commands need no HTTP client
    from bot.wechat_api import ApiError, ApiUnreachable

    try:
        settings = read_settings()
        wechat_menu.checked(settings)
        return asyncio.run(wechat_menu.called(settings, action))
    except SettingsError as error:
        fail(str(error), 2)
    except (ApiError, ApiUnreachable) as error:
        fail(str(error))
