"""The command `yizhan`: one function a command; what each does stands in the module it calls."""

import json
import os
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot import console as terminal
from bot.backup_commands import audit, backup, restore_backup
from bot.check_against import compare
from bot.db_commands import db
from bot.handle import forget
from bot.options import Database, Today, day_of, desk_for, fail
from bot.settings import PREFIX, SettingsError
from bot.staff.account_commands import staff
from bot.staff.commands import drafts
from bot.staff.question_commands import questions
from bot.staff.remind_commands import remind
from bot.staff.retention_commands import retention
from bot.wechat_commands import wechat
from flows.answers import Answerer, batch_line
from flows.graph import mermaid
from flows.types import PersonKey
from knowledge.check import check as find_defects
from knowledge.defects import KnowledgeError
from knowledge.load import PACKAGED, library
from knowledge.types import Library
from storage.store import PROMPT, StoreError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="驿站助手：人才驿站、人才工作站申请助手")
app.add_typer(audit, name="audit")
app.add_typer(drafts, name="drafts")
app.add_typer(db, name="db")
app.add_typer(questions, name="questions")
app.add_typer(remind, name="remind")
app.add_typer(retention, name="retention")
app.add_typer(staff, name="staff")
app.add_typer(wechat, name="wechat")
app.command()(backup)
app.command("restore")(restore_backup)


@app.command()
def chat(
    database: Database = "",
    day: Today = "",
    user: Annotated[str, typer.Option("--user", help="这个人的代号；同一代号下次接着上次")] = "me",
    as_json: Annotated[bool, typer.Option("--json", help="一行进一行 JSON 出")] = False,
) -> None:
    """在终端里对话。"""
    terminal.utf8()
    desk = desk_for(database, day, PROMPT)
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
    on = day_of(day)()
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
def check(
    folder: Annotated[Path | None, typer.Argument(help="知识文件夹；默认是随程序装的那份")] = None,
    against: Annotated[Path | None, typer.Option("--against", help="旧的知识文件夹：列出差别，和因此有变化的草稿")] = None,
    database: Database = "",
    day: Today = "",
) -> None:
    """检查全部政策数据，列出每个毛病；--against 另外比较新旧数据。"""
    terminal.utf8()
    on = day_of(day)()
    if folder is not None and not folder.is_dir():
        fail(f"check {folder}: 没有这个文件夹；请给出含 fields.toml 和 programmes/ 的文件夹", 2)
    defects = find_defects(folder or PACKAGED)
    for defect in defects:
        print(defect)
    if defects:
        fail(f"共 {len(defects)} 处毛病，请逐条改正")
    if against is None:
        print("没有发现毛病")
    else:
        compare(against, folder, database, on)


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
def serve(
    database: Database = "",
    day: Today = "",
    host: Annotated[str, typer.Option("--host", help="在哪个地址上听；只给本机用就不必写")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="端口；0 由系统选")] = 8000,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="几个进程")] = 1,
) -> None:
    """启动网页服务和已配置的渠道。"""
    terminal.utf8()
    day_of(day)
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


@app.command("forget")
def forget_person(channel: str, user: str, database: Database = "") -> None:
    """删除一个人的全部数据。"""
    terminal.utf8()
    desk = desk_for(database, "")
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
