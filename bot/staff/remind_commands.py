"""Which commands do staff have for reminders? `yizhan remind …`: a dry run, the sending, and dates that only staff know."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bot import console as terminal
from bot.export.choice import query
from bot.handle import Desk
from bot.options import Database, Today, desk_for, fail
from bot.remind import Reminding
from bot.remind_plan import Decision, Plan, plan
from bot.remind_ways import CHANNELS, WAYS, ways_of
from bot.settings import read_settings
from bot.staff.account_commands import TERMINAL, by_terminal
from bot.staff.contact import contact
from flows.reminders import rules_of
from storage import reminders
from storage.accounts import log
from storage.runs import Run
from storage.store import StoreError

remind = typer.Typer(no_args_is_help=True, help="到期提醒（工作人员）")
BY = TERMINAL
_CALLS = 1000


@remind.command("plan")
def remind_plan(
    database: Database = "",
    day: Today = "",
    programme: Annotated[str, typer.Option("--programme", help="只看这个项目")] = "",
    service: Annotated[str, typer.Option("--service", help="只看这个事项")] = "",
    filtered: Annotated[str, typer.Option("--filter", help="工作台草稿列表地址里 ? 后面的那一段")] = "",
    calls: Annotated[bool, typer.Option("--calls", help="列出联系不上的人，供打电话")] = False,
) -> None:
    """试算：今天谁会收到什么提醒、走哪条路、谁收不到、为什么；什么都不发。"""
    terminal.utf8()
    desk = desk_for(database, day)
    reminding = _reminding(desk, database)
    try:
        audience = query(filtered, programme=programme, service=service)
    except ValueError as error:
        fail(f"remind plan --filter {filtered}: 筛选写得不对（{error}）；请从工作台草稿列表的地址里抄", 2)
    try:
        run = replace(reminding.rules(BY), audience=audience)
        found = plan(reminding.decider(run), keep=_CALLS if calls else 0)
    except StoreError as error:
        fail(str(error))
    _show(found)
    if calls:
        _show_calls(desk, [one for one in found.decisions if not one.refused and one.way.kind in ("none", "visit")])


@remind.command("send")
def remind_send(database: Database = "", day: Today = "") -> None:
    """发送今天到期的提醒；可以每天定时运行，重复运行不会重复发。"""
    terminal.utf8()
    reminding = _reminding(desk_for(database, day), database)
    try:
        actor, day_id = by_terminal(read_settings(database=database)), reminding.rules(BY).id
        run = reminding.open_rules(BY, lambda db: log(db, actor, "发送到期提醒", day_id))
        if run.state in ("paused", "cancelled"):
            fail(f"remind send: 今天的提醒已被{'暂停' if run.state == 'paused' else '取消'}；在 /staff/reminders 恢复后再发")
        _worked(reminding, run)
        with reminding.desk.store.reading() as db:
            sent, lost = reminders.outcomes(db, run.id), reminders.unreached_reasons(db, run.id)
    except StoreError as error:
        fail(str(error))
    by_state: Counter[str] = Counter()
    for _, state, _, number in sent:
        by_state[state] += number
    waits = by_state["waiting"] + by_state["taken"]
    print(f"待发 {waits} 条，已发 {by_state['sent'] + by_state['maybe']} 条，等下次来时显示 {by_state['kept']} 条，", end="")
    print(f"没发 {by_state['failed'] + by_state['dropped']} 条，联系不上 {sum(number for *_, number in lost)} 人")
    if waits:
        print("待发的由 yizhan serve 发出，避开安静时段")


@remind.command("date")
def remind_date(
    draft_id: Annotated[str, typer.Argument(help="草稿编号，yizhan drafts list 里有")],
    start: Annotated[str, typer.Argument(help="起算日，如 2026-03-01；写 无 就去掉")],
    database: Database = "",
    day: Today = "",
    rule: Annotated[str, typer.Option("--rule", help="哪条规则；只有一条时不用写")] = "",
) -> None:
    """登记只有工作人员知道的起算日（如管理期），到期前会提醒。"""
    terminal.utf8()
    desk = desk_for(database, day)
    row = desk.store.draft(draft_id)
    if row is None:
        fail(f"remind date {draft_id}: 没有这份草稿；用 yizhan drafts list 看编号")
    known = rules_of(desk.assistant.library, row.draft.programme, row.draft.service, desk.today())
    chosen = [found for found in known if found.kind == "recorded" and rule in ("", found.id)]
    if len(chosen) != 1:
        names = "、".join(found.id for found in known if found.kind == "recorded") or "（没有）"
        fail(f"remind date --rule {rule}: 这份草稿要登记日期的规则有 {names}；请写其中一个", 2)
    try:
        given = None if start == "无" else date.fromisoformat(start)
    except ValueError:
        fail(f"remind date {start}: 不是日期；请写成 2026-03-01 这样，或写 无", 2)
    with desk.store.writing() as db:
        reminders.record(db, row.person, draft_id, chosen[0].id, given, BY, datetime.now(UTC))
        log(db, by_terminal(read_settings(database=database)), "登记起算日", draft_id, chosen[0].id)
    print(f"已{'登记' if given else '去掉'}{chosen[0].start}{f'：{given}' if given else ''}")


def _reminding(desk: Desk, database: str) -> Reminding:
    return Reminding(desk, ways_of(read_settings(database=database)))


def _worked(reminding: Reminding, run: Run) -> None:
    """Work the run off, with a bar where somebody looks."""
    columns = (TextColumn("排队"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        reminding.work(run.id, lambda now: progress.update(task, total=now.total, completed=now.seen))


def _show(found: Plan) -> None:
    table = Table("提醒", "渠道", "会不会收到", "条数", title="试算，没有发送")
    for (title, channel, way), number in sorted(found.goes.items()):
        table.add_row(title, CHANNELS.get(channel, channel), WAYS[way], str(number))
    for (title, channel, why), number in sorted(found.refused.items()):
        table.add_row(title, CHANNELS.get(channel, channel), f"不发：{why}", str(number))
    if found.goes or found.refused:
        Console().print(table)
    goes, refused = sum(found.goes.values()), sum(found.refused.values())
    print(f"看了 {found.looked} 份草稿，到期 {goes + refused} 条：会发 {goes} 条，不发 {refused} 条")


def _show_calls(desk: Desk, lost: list[Decision]) -> None:
    for one in lost:
        found = contact(desk, one.candidate.person, one.candidate.draft)
        unit, name, mobile = (found.unit, found.name, found.masked) if found else ("", "", "")
        print("\t".join((one.candidate.draft, unit, name, mobile, one.title, one.why)))
