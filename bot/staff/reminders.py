"""The page of reminders: the rules with what is due today, the runs so far, a new campaign. One run has `campaigns.py`."""

import asyncio
import secrets
from dataclasses import dataclass, replace
from datetime import date, datetime
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response

from bot.export.choice import query, words
from bot.handle import SHANGHAI
from bot.html import by_htmx
from bot.remind import Reminding
from bot.staff.run_view import STATES, Counted, counted
from bot.staff.site import Form, Page, Site, back_to, sent, shown
from flows.reminders import rules_of
from knowledge.reminders import LONGEST_TITLE, wording_problem
from knowledge.types import ReminderRule
from storage import reminders, runs
from storage.accounts import Staff, log
from storage.listing import Filter
from storage.runs import Run

HOME = "/staff/reminders"
LONGEST = 500
"""Characters of a wording: a message holds it with room for what goes around it."""
EXAMPLE = "{{ name }}：{{ programme }}的申报材料请尽快备齐。{% if missing %}您还没填：{{ missing | join('、') }}。{% endif %}"
EXAMPLE_OF_CHANGE = "{{ name }}：{{ change }}您可以回来看看，接着填或改。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A campaign as its form has it."""

    name: str = ""
    audience: str = ""
    wording: str = ""
    starts_at: str = ""
    working_days: bool = False


def reminding_of(site: Site) -> Reminding:
    """The reminders as the console's pages work with them."""
    return Reminding(site.desk, site.ways, lambda: site.clock().timestamp())


@dataclass(frozen=True, slots=True)
class Reminders:
    """The page."""

    site: Site

    async def show(self, request: Request, _: Staff) -> Response:
        """Rules and runs; what is due today comes as a piece of its own, since it looks at every draft."""
        return await self._page(request, "", done="done" in request.query_params)

    async def _page(self, request: Request, wrong: str, *, done: bool = False, status: int = 200) -> Response:
        library = self.site.desk.assistant.library
        own = [(programme.name, rule) for programme in library.programmes for rule in programme.latest.reminders]
        values = {
            "runs": await asyncio.to_thread(self._runs),
            "shared": library.reminders,
            "rules": [("所有项目", rule) for rule in library.reminders.rules] + own,
            "recorded": [(name, rule) for name, rule in own if rule.kind == "recorded"],
            "states": STATES,
            "when": _when,
            "wrong": wrong,
            "done": done,
        }
        return shown(request, "reminders.html", values, status)

    async def record(self, request: Request, staff: Staff) -> Response:
        """Enter a date that only staff know."""
        form = sent(request)
        wrong = await asyncio.to_thread(self._recorded, form.get("draft", "").strip(), form.get("rule", ""), form.get("day", ""), staff)
        return await self._page(request, wrong, status=422) if wrong else back_to(f"{HOME}?done=1")

    async def due(self, request: Request, _: Staff) -> Response:
        """What the rules find due today: a dry run."""
        found = await asyncio.to_thread(self._due)
        piece = "reminders_due_piece.html" if by_htmx(request.scope) else "reminders_due.html"
        return shown(request, piece, {"found": found})

    async def send(self, request: Request, staff: Staff) -> Response:
        """Send what is due today."""
        run = await asyncio.to_thread(self._open, staff)
        return back_to(f"{HOME}/{run.id}")

    async def form(self, request: Request, _: Staff) -> Response:
        """The form of a new campaign; its audience may come along from the list of drafts."""
        wording = EXAMPLE_OF_CHANGE if "change" in request.query_params else EXAMPLE
        return self._form(request, Wish(audience=_known(request.url.query), wording=wording), {})

    async def make(self, request: Request, staff: Staff) -> Response:
        """Keep a new campaign, planned and not begun."""
        wish = _wish(sent(request))
        wrong = _wrong(wish)
        if wrong:
            return self._form(request, wish, wrong, 422)
        run = self._run(wish, staff)
        await asyncio.to_thread(self._keep, run, staff)
        return back_to(f"{HOME}/{run.id}")

    def _form(self, request: Request, wish: Wish, wrong: dict[str, str], status: int = 200) -> Response:
        values = {
            "wish": wish,
            "wrong": {"name": "", "wording": "", "starts_at": "", **wrong},
            "mistakes": len(wrong),
            "programmes": self.site.desk.assistant.library.programmes,
            "chosen": dict(parse_qsl(wish.audience)),
            "others": words(self.site.desk.assistant.library, _others(wish.audience)),
            "places": PLACE_WORDS,
            "most": LONGEST,
            "title_most": LONGEST_TITLE,
        }
        return shown(request, "reminder_new.html", values, status)

    def _runs(self) -> list[Run]:
        with self.site.desk.store.reading() as db:
            return list(runs.runs(db))

    def _recorded(self, draft: str, rule: str, text: str, staff: Staff) -> str:
        """Keep it; else why not."""
        row = self.site.desk.store.draft(draft)
        if row is None:
            return "没有这份草稿；请从名单里抄它的编号。"
        known = rules_of(self.site.desk.assistant.library, row.draft.programme, row.draft.service, self.site.desk.today())
        if not any(found.id == rule and found.kind == "recorded" for found in known):
            return "这份草稿的事项没有这条规则；请核对编号。"
        try:
            day = date.fromisoformat(text) if text else None
        except ValueError:
            return "日期写成 2026-03-01 这样。"
        with self.site.desk.store.writing() as db:
            reminders.record(db, row.person, draft, rule, day, staff.name, self.site.clock())
            log(db, staff, "登记起算日", draft, rule, at=self.site.clock().timestamp())
        return ""

    def _due(self) -> Counted:
        reminding = reminding_of(self.site)
        return counted(self.site.plan(reminding.decider(reminding.rules("")), 0))

    def _open(self, staff: Staff) -> Run:
        reminding = reminding_of(self.site)
        run_id, at = reminding.rules(staff.name).id, self.site.clock().timestamp()
        return reminding.open_rules(staff.name, lambda db: log(db, staff, "发送到期提醒", run_id, at=at))

    def _run(self, wish: Wish, staff: Staff) -> Run:
        now = self.site.clock()
        starts = _moment(wish.starts_at) or now
        return Run(
            id=secrets.token_hex(8),
            kind="campaign",
            name=wish.name,
            audience=wish.audience,
            wording=wish.wording,
            working_days=wish.working_days,
            starts_at=starts,
            made_by=staff.name,
            made_at=now,
        )

    def _keep(self, run: Run, staff: Staff) -> None:
        with self.site.desk.store.writing() as db:
            runs.add_run(db, run)
            log(db, staff, "新建提醒", run.id, at=run.made_at.timestamp())


def pages(site: Site) -> tuple[Page, ...]:
    """Its pages."""
    page = Reminders(site)
    return (
        Page(HOME, page.show, role="officer", label="提醒"),
        Page(f"{HOME}/due", page.due, role="officer"),
        Page(f"{HOME}/send", page.send, ("POST",), role="officer"),
        Page(f"{HOME}/date", page.record, ("POST",), role="officer"),
        Page(f"{HOME}/new", page.form, role="officer"),
        Page(f"{HOME}/new", page.make, ("POST",), role="officer"),
    )


PLACE_WORDS = {
    "name": "驿站或单位的名称",
    "programme": "项目",
    "service": "事项",
    "done": "已填几项",
    "total": "一共几项",
    "missing": "还没填的栏目",
    "since": "最后一次修改的日期",
    "deadline": "最近的截止日期，带依据",
    "change": "政策数据变动以后，结论有什么不同；用了它就只发给受影响的草稿",
}


def _wish(form: Form) -> Wish:
    """The form as sent: what it chooses goes before what came along from the list."""
    more = {name: form.get(name, "") for name in ("programme", "service")}
    kept = urlencode([(name, value) for name, value in parse_qsl(form.get("audience", "")) if name not in more])
    return Wish(
        name=" ".join(form.get("name", "").split()),
        audience=_known(kept, **more),
        wording=form.get("wording", "").replace("\r\n", "\n").strip(),
        starts_at=form.get("starts_at", ""),
        working_days="working_days" in form,
    )


def _others(audience: str) -> str:
    """What came along from the list and cannot be chosen in the form."""
    return replace(Filter.from_query(audience), programme="", service="").to_query()


def _known(filtered: str, **more: str) -> str:
    """The conditions that the list's filter knows; none where an address was made up."""
    try:
        return query(filtered, **more)
    except ValueError:
        return query("", **more)


def _wrong(wish: Wish) -> dict[str, str]:
    """What is wrong with a form, by field."""
    found: dict[str, str] = {}
    if not 0 < len(wish.name) <= LONGEST_TITLE:
        found["name"] = f"名称要写 1 到 {LONGEST_TITLE} 个字。"
    if not 0 < len(wish.wording) <= LONGEST:
        found["wording"] = f"提醒的话要写 1 到 {LONGEST} 个字。"
    elif problem := wording_problem(wish.wording, "campaign"):
        found["wording"] = f"{problem[0]}；{problem[1]}。"
    if wish.starts_at and _moment(wish.starts_at) is None:
        found["starts_at"] = "时间写成 2026-11-25T09:00 这样，不写就是现在。"
    return found


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI) if text else None
    except ValueError:
        return None


def _when(rule: ReminderRule) -> str:
    """In words when a rule reminds."""
    if not rule.days:
        return "不提醒"
    days = "、".join(map(str, sorted(rule.days, reverse=rule.kind in ("window", "deadline", "recorded"))))
    told = {"window": "申报截止前", "deadline": "日期前", "recorded": f"{rule.label}前", "idle": "没动以后", "missing": "表格生成以后"}
    return f"{told[rule.kind]} {days} 天"
