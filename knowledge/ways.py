"""Can every question be asked and answered, and does each service come to its end whatever is answered?

Answers are tried out: for each field that conditions look at, one value on either side of every limit, and "not known".
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice, product

from jinja2 import Environment, TemplateSyntaxError, meta, nodes

from knowledge.defects import Defect
from knowledge.records import walk
from knowledge.sources import Volume
from knowledge.types import Field, Rule, Service, Test, Value, Version

Problem = tuple[str, str, str]
Probe = Value | tuple[str, bool]
"""A value to try; for periods `("P1Y", True)` stands for a date whose period has not ended."""

_STAGES = ("choose", "eligibility", "form")
_MOST = 20_000
"""Combinations tried for one condition; data never comes near it."""
_JINJA = Environment()


def prove(volume: Volume) -> Iterator[Defect]:
    """A defect for each question that never comes, cannot be answered or comes in the wrong place."""
    for service in volume.version.services:
        for key, problem, remedy in _service(service, volume.version):
            yield Defect(file=volume.file, key=f"services.{service.key}.{key}", problem=problem, remedy=remedy)


def _service(service: Service, version: Version) -> Iterator[Problem]:
    if not service.fields:
        yield "fields", "没有要问的字段，走不到结束", "写上 [[services.fields]]"
    for index, field in enumerate(service.fields):
        for name, problem, remedy in (*_place(field, service, index), *_answerable(field, version), *_wording(field, service)):
            yield f"fields.{field.key}.{name}", problem, remedy
    for rule in service.rules:
        yield from _rule(rule, service)
    for material in service.materials:
        if material.only_if and not _can(material.only_if, True, service):
            yield f"materials.{material.key}.only_if", "条件永远不成立", "改正条件"


def _place(field: Field, service: Service, index: int) -> Iterator[Problem]:
    earlier = [f.key for f in service.fields[:index]]
    if index and _STAGES.index(field.stage) < _STAGES.index(service.fields[index - 1].stage):
        yield "stage", f"{field.stage} 排在 {service.fields[index - 1].stage} 之后", "按 choose、eligibility、form 的次序排"
    if (field.personal or field.sensitive) and field.stage != "form":
        yield "stage", "个人信息只能在 form 阶段问", "去掉 stage，放到填表部分"
    if field.only_if is None:
        return
    late = [key for key in field.only_if.fields if key not in earlier]
    if late:
        yield "only_if", f"条件看的字段 {'、'.join(late)} 不在它之前问", "把那些字段移到前面"
    elif not _can(field.only_if, True, service):
        yield "only_if", "条件永远不成立，这一问永远不会出现", "改正条件"


def _rule(rule: Rule, service: Service) -> Iterator[Problem]:
    for wanted, word in ((True, "永远不成立"), (False, "永远成立")):
        if not _can(rule.test, wanted, service):
            yield f"rules.{rule.id}.test", f"条件{word}", "改正条件，使不同的回答有不同的结果"
    if rule.applies and not _can(rule.applies, True, service):
        yield f"rules.{rule.id}.applies", "条件永远不成立，这一条永远用不上", "改正条件"


def _answerable(field: Field, version: Version) -> Iterator[Problem]:
    if (field.kind == "choice") != bool(field.choices):
        yield (
            "choices",
            f"kind 为 {field.kind}，选项有 {len(field.choices)} 个",
            "choice 字段写 choices（station_type 的取自 types），其余不写",
        )
    if field.minimum is not None and field.maximum is not None and field.minimum > field.maximum:
        yield "minimum", f"最小值 {field.minimum} 大于最大值 {field.maximum}，无法回答", "改正两个数"
    ceiling = next((m.amount for m in version.money if m.id == field.ceiling), None)
    if ceiling is not None and field.minimum is not None and field.minimum > ceiling:
        yield "ceiling", f"最小值 {field.minimum} 超过上限 {ceiling}，无法回答", "改正两个数"
    if field.ceiling and field.kind != "money":
        yield "ceiling", f"{field.kind} 字段没有上限金额", "只有 money 字段写 ceiling"
    if field.sensitive and field.kind not in ("bank_card", "text"):
        yield "sensitive", f"{field.kind} 字段不能加密保管", "sensitive 只用于 bank_card 与 text"
    if field.kind == "bank_card" and not field.sensitive:
        yield "sensitive", "银行卡号须加密保管", "写 sensitive = true"
    if field.kind in ("mobile", "email") and not field.personal:
        yield "personal", "手机与电子邮箱是个人信息", "写 personal = true"


def _wording(field: Field, service: Service) -> Iterator[Problem]:
    for index, cue in enumerate(field.cues):
        yield from _cue(cue, f"cues.{index}")
    if field.suggestion and field.kind != "long_text":
        yield "suggestion", f"{field.kind} 字段没有建议语句", "只有 long_text 字段写 suggestion"
    try:
        tree = _JINJA.parse(field.suggestion)
    except TemplateSyntaxError as error:
        yield "suggestion", f"模板写法有误：{error.message}", "按 Jinja2 的写法改正"
        return
    filters = sorted({node.name for node in tree.find_all(nodes.Filter)} - set(_JINJA.filters))
    if filters:
        yield "suggestion", f"没有过滤器 {'、'.join(filters)}", "只用 Jinja2 自带的过滤器"
        return
    strange = sorted(meta.find_undeclared_variables(tree) - {name for f in service.fields for name in (f.key, f"{f.key}_shown")})
    if strange:
        yield "suggestion", f"模板用到本服务不问的字段 {'、'.join(strange)}", "只用本服务的字段"


def _cue(cue: str, name: str) -> Iterator[Problem]:
    try:
        pattern = re.compile(cue)
    except re.error as error:
        yield name, f"正则表达式写法有误：{error}", "改正写法"
        return
    if "value" not in pattern.groupindex:
        yield name, "正则表达式没有名为 value 的组", "把要读的部分写成 (?P<value>…)"
    if pattern.match(""):
        yield name, "正则表达式连空文字也匹配", "写明它前后的词"


def _can(test: Test, wanted: bool, service: Service) -> bool:
    """Whether some answers make the test come out so; a field whose own condition fails has no answer."""
    fields = {field.key: field for field in service.fields}
    keys = _closure(test, fields)
    if any(key not in fields for key in keys):
        return True  # a dangling field is another proof's
    tests = [t for field in fields.values() if field.only_if for t in _leaves(field.only_if)] + _leaves(test)
    probes = [_probes(fields[key], [t for t in tests if t.field == key]) for key in keys]
    for values in islice(product(*probes), _MOST):
        answers: dict[str, Probe] = dict(zip(keys, values, strict=True))
        for key in keys:
            condition = fields[key].only_if
            if condition and _holds(condition, answers) is not True:
                answers[key] = None
        if _holds(test, answers) is wanted:
            return True
    return False


def _closure(test: Test, fields: Mapping[str, Field]) -> list[str]:
    """The fields a test rests on, those that others depend on first."""
    found: list[str] = []

    def add(key: str, above: tuple[str, ...]) -> None:
        condition = fields[key].only_if if key in fields and key not in above else None
        for other in condition.fields if condition else ():
            add(other, (*above, key))
        if key not in found:
            found.append(key)

    for key in test.fields:
        add(key, ())
    return found


def _leaves(test: Test) -> list[Test]:
    return [t for _, t in walk(test) if isinstance(t, Test) and not t.tests]


def _probes(field: Field, tests: list[Test]) -> list[Probe]:
    match field.kind:
        case "yes_no":
            return [True, False, None]
        case "choice":
            return [*(choice.value for choice in field.choices), None]
        case "number" | "money":
            limits = {n for t in tests for n in (t.value, t.low, t.high) if isinstance(n, int | float) and not isinstance(n, bool)}
            return [*sorted(n for limit in limits for n in (limit - 1, limit, limit + 1) if _allowed(n, field)), None]
        case "date" | "month":
            return [(str(t.value), ended) for t in tests for ended in (True, False)] + [None]
        case _:
            return [*(t.value for t in tests), "…", None]


def _allowed(number: float, field: Field) -> bool:
    return (field.minimum is None or number >= field.minimum) and (field.maximum is None or number <= field.maximum)


def _holds(test: Test, answers: Mapping[str, Probe]) -> bool | None:
    """The test's outcome, three-valued."""
    if test.tests:
        parts = [_holds(part, answers) for part in test.tests]
        if test.op == "not":
            return None if parts[0] is None else not parts[0]
        needed = {"all_of": len(parts), "any_of": 1}.get(test.op, test.count)
        if parts.count(True) >= needed:
            return True
        return None if parts.count(True) + parts.count(None) >= needed else False
    value = answers.get(test.field)
    return None if value is None else _leaf(test, value)


def _leaf(test: Test, value: Probe) -> bool | None:
    if test.op in ("yes", "no"):
        return value is (test.op == "yes")
    if test.op == "equals":
        return value == test.value
    if test.op == "within":
        return value[1] if isinstance(value, tuple) and value[0] == str(test.value) else None
    if not isinstance(value, int | float):
        return None
    low, high, limit = _number(test.low), _number(test.high), _number(test.value)
    match test.op:
        case "between":
            return low <= value <= high
        case "at_least":
            return value >= limit
        case "more_than":
            return value > limit
        case "at_most":
            return value <= limit
        case _:
            return value < limit


def _number(value: Value) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
