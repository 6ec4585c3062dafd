"""Which commands do staff have for drafts besides the export? `list`, `show`, `mark`; filters and marks are those of the console."""

import secrets
from datetime import UTC, datetime
from typing import Annotated, cast, get_args
from urllib.parse import urlencode

import typer

from bot import console as terminal
from bot.handle import Desk
from bot.options import Database, Today, desk_for, fail
from bot.settings import read_settings
from bot.staff import lines, marking
from bot.staff.account_commands import by_terminal
from bot.staff.listing import refresh
from knowledge.text import clean
from storage import listing
from storage.listing import MARKS, PAGE, Filter, Listed, Sort
from storage.store import StoreError

_NO_DRAFT = "没有这份草稿；用 yizhan drafts list 看编号"
_NONE = "none"


def drafts_list(
    database: Database = "",
    day: Today = "",
    programme: Annotated[str, typer.Option("--programme", help="只看这个项目")] = "",
    service: Annotated[str, typer.Option("--service", help="只看这个事项")] = "",
    mark: Annotated[str, typer.Option("--mark", help=f"{'、'.join(MARKS)}；- 是没有标记")] = "",
    missing: Annotated[str, typer.Option("--missing", help="缺这一项的，如 leader_mobile")] = "",
    since: Annotated[str, typer.Option("--since", help="最近改动不早于这天")] = "",
    until: Annotated[str, typer.Option("--until", help="最近改动不晚于这天")] = "",
    words: Annotated[str, typer.Option("--words", help="单位、驿站、联系人的一部分，或手机末四位")] = "",
    filtered: Annotated[str, typer.Option("--filter", help="工作台草稿列表地址里 ? 后面的那一段")] = "",
    sort: Annotated[str, typer.Option("--sort", help="、".join(get_args(Sort)))] = "changed",
) -> None:
    """列出草稿，最近改动的在前。"""
    terminal.utf8()
    if sort not in get_args(Sort):
        fail(f"--sort {sort}: 没有这种顺序；可用的有 {'、'.join(get_args(Sort))}", 2)
    named = {"programme": programme, "service": service, "mark": mark, "missing": missing, "since": since, "until": until, "words": words}
    try:
        own = urlencode({name: value for name, value in named.items() if value})
        wanted = Filter.from_query("&".join(filter(None, (filtered.removeprefix("?"), own))))
    except ValueError as error:
        fail(f"drafts list: {error}；日期写成 2026-11-22，标记写 {'、'.join(MARKS)} 或 -", 2)
    desk = desk_for(database, day)
    try:
        refresh(desk.store, desk.assistant, desk.today())
        _print(desk, wanted, cast(Sort, sort))
    except StoreError as error:
        fail(str(error))


def drafts_show(draft_id: str, database: Database = "", day: Today = "") -> None:
    """看一份草稿的全部回答（敏感项只显示末位）。"""
    terminal.utf8()
    desk = desk_for(database, day)
    row = desk.store.draft(draft_id)
    if row is None:
        fail(f"drafts show {draft_id}: {_NO_DRAFT}")
    print(lines.draft_text(desk, row))


def drafts_mark(
    draft_id: Annotated[str, typer.Argument(help="草稿编号，yizhan drafts list 里有")],
    mark: Annotated[str, typer.Argument(help=f"{'、'.join(MARKS)}；{_NONE} 取消标记")],
    database: Database = "",
    day: Today = "",
    reason: Annotated[str, typer.Option("--reason", help="退回的原因，申请人会原样看到")] = "",
) -> None:
    """标记一份草稿：已收纸质材料、退回（告诉申请人原因）、申请人已撤回。"""
    terminal.utf8()
    wanted, words = "" if mark == _NONE else mark, clean(reason)
    if mark not in (*MARKS, _NONE):
        fail(f"drafts mark {mark}: 没有这种标记；可用的有 {'、'.join((*MARKS, _NONE))}", 2)
    if problem := marking.problem(wanted, words):
        fail(f"--reason: {problem}", 2)
    desk = desk_for(database, day)
    try:
        line = _line(desk, draft_id)
        staff, form = by_terminal(read_settings(database=database)), secrets.token_urlsafe(16)
        if line is None or not marking.mark(desk, staff, line.person, draft_id, wanted, words, form=form, now=datetime.now(UTC)):
            fail(f"drafts mark {draft_id}: {_NO_DRAFT}")
    except StoreError as error:
        fail(str(error))
    told = "，原因已写进申请人的对话；微信、Telegram 由 yizhan serve 发出" if wanted == "returned" else ""
    print(f"{marking.MARK_WORDS.get(wanted, '已取消标记')}{told}")


def _line(desk: Desk, draft_id: str) -> Listed | None:
    refresh(desk.store, desk.assistant, desk.today())
    with desk.store.reading() as db:
        return listing.one(db, draft_id)


def _print(desk: Desk, wanted: Filter, sort: Sort) -> None:
    """One line a draft, page by page."""
    number = 1
    while True:
        with desk.store.reading() as db:
            found = listing.page(db, wanted, number, 10 * PAGE, sort)
        for line in found:
            print(lines.listed_line(desk, line))
        if len(found) < 10 * PAGE:
            return
        number += 1
