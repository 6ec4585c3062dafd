"""Are the reminders of `reminders.toml` and of the programmes whole: placeholders that exist, days that count, hours in order?

The same placeholders are filled by `flows/reminders.py`, which decides what is due.
"""

import re
from collections.abc import Iterator

from jinja2 import TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from knowledge.defects import Defect
from knowledge.sources import Shelf
from knowledge.types import ReminderRule, Reminders, Version

FILE = "reminders.toml"
LONGEST_TITLE = 20
"""Characters that a platform's notice has for a heading."""
ALWAYS = frozenset({"programme", "service", "name"})
DATED = frozenset({"day", "label", "whose", "note", "clause"})
PLACES = {
    "window": ALWAYS | DATED,
    "deadline": ALWAYS | DATED,
    "recorded": ALWAYS | DATED,
    "idle": ALWAYS | {"since", "done", "total", "missing"},
    "missing": ALWAYS | {"missing", "materials"},
    "notice": ALWAYS | {"title", "day"},
    "campaign": ALWAYS | {"since", "done", "total", "missing", "deadline", "change"},
}
"""The placeholders of each kind of wording."""

Problem = tuple[str, str, str]
_HOUR = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
_PERIOD = re.compile(r"P[1-9]\d*[YMWD]")
_FIELD = re.compile(r"[a-z_]+\d+")
_MARKUP = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.S)
_grammar = ImmutableSandboxedEnvironment()
_PARTS = {nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.Filter, nodes.Not, nodes.And, nodes.Or}
"""What a wording is made of. Neither loops nor arithmetic: staff write wordings too, and none may take long or much memory."""
_FILTERS = frozenset({"join", "length"})


def prove(shelf: Shelf) -> Iterator[Defect]:
    """A defect for each rule, wording or hour that cannot work."""
    shared = shelf.library.reminders
    for key, problem, remedy in (*_hours(shared), *_wordings(shared), *_rules("rules", shared.rules, None)):
        yield Defect(file=FILE, key=key, problem=problem, remedy=remedy)
    for volume in shelf.volumes:
        for key, problem, remedy in _rules("reminders", volume.version.reminders, volume.version):
            yield Defect(file=volume.file, key=key, problem=problem, remedy=remedy)


def wording_problem(text: str, kind: str) -> tuple[str, str] | None:
    """What is wrong with a wording of that kind (see `PLACES`), and what to do; None: nothing."""
    try:
        parsed = _grammar.parse(text)
    except TemplateSyntaxError as error:
        return f"模板写法有误：{error.message}", "占位写成 {{ programme }} 这样"
    if not all(_plain(node) for node in parsed.find_all(nodes.Node)):
        return "用了不能用的写法", "只用占位、if 和 join"
    found = meta.find_undeclared_variables(parsed)  # only now: it works out constants, however large
    if unknown := sorted(found - PLACES[kind]):
        return f"不认识的占位 {'、'.join(unknown)}", f"改为其一：{'、'.join(sorted(PLACES[kind]))}"
    return None


def uses(text: str, place: str) -> bool:
    """Whether a wording fills in that placeholder."""
    try:
        return place in meta.find_undeclared_variables(_grammar.parse(text))
    except TemplateSyntaxError:
        return False


def _plain(node: nodes.Node) -> bool:
    return type(node) in _PARTS and (not isinstance(node, nodes.Filter) or node.name in _FILTERS)


def _hours(shared: Reminders) -> Iterator[Problem]:
    for name in ("quiet_from", "quiet_to", "plan_at"):
        if not _HOUR.fullmatch(getattr(shared, name)):
            yield name, f"「{getattr(shared, name)}」不是钟点", "写成 08:30 这样"
    if is_quiet(shared, shared.plan_at):
        yield "plan_at", f"{shared.plan_at} 在 {shared.quiet_from}–{shared.quiet_to} 的安静时段里", "改到安静时段以外"
    if shared.late < 0:
        yield "late", f"{shared.late} 天是负数", "写 0 或更大的天数"


def is_quiet(shared: Reminders, hour: str) -> bool:
    """Whether an hour (08:30) lies in the quiet time, which may pass midnight; its end is no longer quiet."""
    begins, ends = shared.quiet_from, shared.quiet_to
    return begins <= hour < ends if begins <= ends else hour >= begins or hour < ends


def _wordings(shared: Reminders) -> Iterator[Problem]:
    if shared.rules and not shared.footer.strip():
        yield "footer", "没有写怎样不再收到提醒", "写上退订的办法"
    for index, line in enumerate(shared.notice):
        if not _FIELD.fullmatch(line.field):
            yield f"notice.{index}.field", f"「{line.field}」不是模板的字段", "写成 thing1、date2 这样，与公众平台的模板一致"
        if problem := wording_problem(line.text, "notice"):
            yield f"notice.{line.field}.text", *problem


def _rules(place: str, rules: tuple[ReminderRule, ...], version: Version | None) -> Iterator[Problem]:
    ids = [rule.id for rule in rules]
    for rule in rules:
        path = f"{place}.{rule.id}"
        if ids.count(rule.id) > 1:
            yield f"{path}.id", f"{rule.id} 写了两次", "每条规则一个 id"
        for key, problem, remedy in (*_shape(rule), *_targets(rule, version)):
            yield f"{path}.{key}", problem, remedy


def _shape(rule: ReminderRule) -> Iterator[Problem]:
    if bad := [day for day in rule.days if day < 1]:
        yield "days", f"天数 {'、'.join(map(str, bad))} 不对", "写大于 0 的整数"
    if len(set(rule.days)) < len(rule.days):
        yield "days", "有重复的天数", "每个天数写一次"
    if not 0 < len(rule.title) <= LONGEST_TITLE:
        yield "title", f"标题有 {len(rule.title)} 个字", f"写 1 到 {LONGEST_TITLE} 个字"
    if rule.days and not rule.text.strip():
        yield "text", "没有写提醒的话", "写上 text，或用 days = [] 关掉这条"
    elif problem := wording_problem(rule.text, rule.kind):
        yield "text", *problem
    if figures := re.findall(r"\d+", _MARKUP.sub("", rule.text)):
        yield "text", f"话里直接写了数字 {'、'.join(figures)}", "数字和日期只能用占位，由该项目的数据填"
    yield from _recorded(rule)


def _recorded(rule: ReminderRule) -> Iterator[Problem]:
    told = (rule.label, rule.start, rule.period)
    if rule.kind != "recorded":
        if any(told):
            yield "period", f"kind 为 {rule.kind}，不用 label、start、period", "删去，或把 kind 改为 recorded"
        return
    if not all(told) or not rule.cite:
        yield "period", "recorded 须写齐 label、start、period 和 cite", "补上缺的"
    elif not _PERIOD.fullmatch(rule.period):
        yield "period", f"「{rule.period}」不是期限", "写成 P1Y、P6M、P30D 这样的期限"


def _targets(rule: ReminderRule, version: Version | None) -> Iterator[Problem]:
    """A rule for all programmes names no service, deadline or clause; one of a programme names its own."""
    if version is None:
        if rule.services or rule.deadlines or rule.cite or rule.kind == "recorded":
            yield "kind", "通用规则不能指定服务、期限或条文", "写到该项目 programme.toml 的 [[reminders]] 里"
        return
    services = [service for service in version.services if service.key in rule.services or not rule.services]
    known = {deadline.id for service in services for deadline in service.deadlines}
    if unknown := [name for name in rule.deadlines if name not in known]:
        yield "deadlines", f"没有期限 {'、'.join(unknown)}", f"改为其一：{'、'.join(sorted(known)) or '（没有）'}"
