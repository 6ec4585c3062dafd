"""The command `yizhan`: one function a command; what each does stands in the module it calls."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from bot import app as wiring
from bot import console as terminal
from bot import staff
from bot.handle import Desk, forget, today
from bot.settings import PREFIX, SettingsError, read_settings
from flows.answers import Answerer, batch_line
from flows.graph import mermaid
from flows.types import PersonKey
from knowledge.check import check as find_defects
from knowledge.defects import KnowledgeError
from knowledge.load import PACKAGED, library
from knowledge.types import Library
from storage.store import StoreError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="驿站助手：人才驿站、人才工作站申请助手")
drafts = typer.Typer(no_args_is_help=True, help="看收集到的草稿（工作人员）")
app.add_typer(drafts, name="drafts")
wechat = typer.Typer(no_args_is_help=True, help="微信公众号（工作人员）")
menu = typer.Typer(no_args_is_help=True, help="公众号底部的菜单：开了服务器地址后只能这样设")
wechat.add_typer(menu, name="menu")
app.add_typer(wechat, name="wechat")

Database = Annotated[str, typer.Option("--database", help="sqlite:///路径；默认是用户数据文件夹里的一个 SQLite 文件")]
Today = Annotated[str, typer.Option("--today", help="按哪一天算，如 2026-11-22；默认是北京时间今天")]


def fail(text: str, code: int = 1) -> NoReturn:
    """End with one line on stderr."""
    print(" ".join(text.split()), file=sys.stderr)
    raise typer.Exit(code)


def _day(text: str) -> Callable[[], date]:
    if not text:
        return today
    try:
        day = date.fromisoformat(text)
    except ValueError:
        fail(f"--today {text}: 不是日期；请写成 2026-11-22 这样", 2)
    return lambda: day


def _desk(database: str, day: str) -> Desk:
    chosen = _day(day)
    try:
        return wiring.desk(database, chosen)
    except (SettingsError, ValueError) as error:
        fail(str(error), 2)
    except (KnowledgeError, StoreError) as error:
        fail(str(error))


@app.command()
def chat(
    database: Database = "",
    day: Today = "",
    user: Annotated[str, typer.Option("--user", help="这个人的代号；同一代号下次接着上次")] = "me",
    as_json: Annotated[bool, typer.Option("--json", help="一行进一行 JSON 出")] = False,
) -> None:
    """在终端里对话。"""
    terminal.utf8()
    desk = _desk(database, day)
    if as_json:
        terminal.chat_json(desk, user, sys.stdin, sys.stdout)
    else:
        terminal.chat(desk, user, Console())
    desk.store.close()


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="要问的话")] = "",
    database: Database = "",
    day: Today = "",
    programme: Annotated[str, typer.Option("--programme", help="项目代号，如 yizhan graph 所列")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
    batch: Annotated[Path | None, typer.Option("--batch", help="每行一个 {id, question, context_programme} 的文件")] = None,
) -> None:
    """问一个政策问题，附原文。"""
    terminal.utf8()
    on = _day(day)()
    if bool(question) == bool(batch):
        fail("ask: 请给一个问题，或用 --batch 给一个文件（二选一）", 2)
    answerer = Answerer(_library())
    if batch is not None:
        _batch(answerer, batch, on)
        return
    _known_programme(programme)
    line = batch_line(answerer, {"id": "1", "question": question, "context_programme": programme or None}, on)
    if as_json:
        print(json.dumps(line, ensure_ascii=False))
    else:
        terminal.show_answer(Console(), line)


def _library() -> Library:
    try:
        return library()
    except KnowledgeError as error:
        fail(str(error))


def _known_programme(key: str) -> None:
    known = [p.key for p in _library().programmes]
    if key and key not in known:
        fail(f"{key}: 没有这个项目；可用的有 {'、'.join(known)}", 2)


def _batch(answerer: Answerer, path: Path, on: date) -> None:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"--batch {path}: 读不出来（{error.__class__.__name__}）；请给一个 UTF-8 的 JSON Lines 文件", 2)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
            item["id"], item["question"] = str(item["id"]), str(item["question"])
        except (ValueError, KeyError, TypeError):
            fail(f"--batch {path}: 第 {number} 行不是带 id 和 question 的 JSON 对象；请改正这一行", 2)
        print(json.dumps(batch_line(answerer, item, on), ensure_ascii=False))


@app.command()
def check(folder: Annotated[Path | None, typer.Argument(help="知识文件夹；默认是随程序装的那份")] = None) -> None:
    """检查全部政策数据，列出每个毛病。"""
    terminal.utf8()
    if folder is not None and not folder.is_dir():
        fail(f"check {folder}: 没有这个文件夹；请给出含 fields.toml 和 programmes/ 的文件夹", 2)
    defects = find_defects(folder or PACKAGED)
    for defect in defects:
        print(defect)
    if defects:
        fail(f"共 {len(defects)} 处毛病，请逐条改正")
    print("没有发现毛病")


@app.command()
def graph(key: str, service: Annotated[str, typer.Option("--service", help="事项代号；不写就全画")] = "") -> None:
    """把一个项目的流程画成 Mermaid 图。"""
    terminal.utf8()
    _known_programme(key)
    programme = _library().programme(key)
    services = [s for s in programme.latest.services if service in ("", s.key)]
    if not services:
        fail(f"--service {service}: {key} 没有这个事项；可用的有 {'、'.join(s.key for s in programme.latest.services)}", 2)
    for one in services:
        print(mermaid(programme, one))


@app.command()
def questions(database: Database = "", day: Today = "") -> None:
    """列出没答上、答得不好的问题：次数、踩、赞、问题、最接近的条目。"""
    terminal.utf8()
    for group in staff.missed_questions(_desk(database, day)):
        print(staff.question_line(group))


@app.command()
def serve(
    database: Database = "",
    day: Today = "",
    host: Annotated[str, typer.Option("--host", help="在哪个地址上听；只给本机用就不必写")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="端口；0 由系统选")] = 8000,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="几个进程")] = 1,
) -> None:
    """启动网页服务和已配置的渠道。"""
    terminal.utf8()
    _day(day)
    from bot import server  # late: other commands need no web server

    os.environ |= {f"{PREFIX}DATABASE": database} if database else {}
    os.environ |= {server.TODAY: day} if day else {}
    try:
        server.run(host, port, workers, lambda line: print(line, flush=True))
    except (SettingsError, ValueError) as error:
        fail(str(error), 2)
    except (KnowledgeError, StoreError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"serve --host {host} --port {port}: 这个地址不能用（{error.strerror or error}）；换一个端口，或先停掉占用它的程序")


@drafts.command("list")
def drafts_list(
    database: Database = "",
    day: Today = "",
    programme: Annotated[str, typer.Option("--programme")] = "",
    service: Annotated[str, typer.Option("--service")] = "",
) -> None:
    """列出草稿，最近改动的在前。"""
    terminal.utf8()
    desk = _desk(database, day)
    for row in desk.store.drafts(programme=programme, service=service):
        print(staff.draft_line(desk, row))


@drafts.command("show")
def drafts_show(draft_id: str, database: Database = "", day: Today = "") -> None:
    """看一份草稿的全部回答（敏感项只显示末位）。"""
    terminal.utf8()
    desk = _desk(database, day)
    row = desk.store.draft(draft_id)
    if row is None:
        fail(f"drafts show {draft_id}: 没有这份草稿；用 yizhan drafts list 看编号")
    print(staff.draft_text(desk, row))


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


@app.command("forget")
def forget_person(channel: str, user: str, database: Database = "") -> None:
    """删除一个人的全部数据。"""
    terminal.utf8()
    desk = _desk(database, "")
    try:
        found = forget(desk, PersonKey(channel=channel, sender=user))
    except StoreError as error:
        fail(str(error))
    if not found:
        fail(f"forget {channel} {user}: 没有这个人的数据；请核对渠道和代号")
    print("已删除")


def main() -> None:
    """The entry point."""
    app()
