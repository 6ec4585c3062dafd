"""Does every name in the data point to one thing that is there? Duplicates and dangling references, nothing about meaning."""

from collections.abc import Iterable, Iterator
from typing import Any

from knowledge.defects import Defect
from knowledge.quotes import by_place
from knowledge.records import walk
from knowledge.sources import Shelf, Volume
from knowledge.text import squeeze
from knowledge.types import Cell, Choice, Field, Form, Rule, Service, Statement, Test, Version

Problem = tuple[str, str, str]
"""Key, problem, remedy."""

_NUMERIC = ("at_least", "more_than", "at_most", "less_than", "between")
_KINDS: dict[str, tuple[str, ...]] = {
    "yes": ("yes_no",),
    "no": ("yes_no",),
    "within": ("date", "month"),
    "equals": ("choice", "yes_no", "number", "money", "text"),
    **dict.fromkeys(_NUMERIC, ("number", "money")),
}


def prove(volume: Volume) -> Iterator[Defect]:
    """A defect for each key, id or word that stands twice, and each name that points to nothing."""
    version = volume.version
    found = [*_doubles(version), *_office_and_service_names(version)]
    for service in version.services:
        found += [(f"services.{service.key}.{key}", problem, remedy) for key, problem, remedy in _service(service, version)]
    for key, problem, remedy in found:
        yield Defect(file=volume.file, key=key, problem=problem, remedy=remedy)
    for form in version.forms:
        for key, problem, remedy in _form(form, version):
            yield Defect(file=f"{volume.forms}/{form.key}.toml", key=key, problem=problem, remedy=remedy)


def prove_names(shelf: Shelf) -> Iterator[Defect]:
    """A defect for each name that two programmes share, and each field that is not the same thing everywhere."""
    owners: dict[str, str] = {}
    for programme in shelf.library.programmes:
        file = f"programmes/{programme.key}/programme.toml"
        for word in dict.fromkeys(squeeze(w) for w in (programme.name, programme.short, *programme.words)):
            if owners.setdefault(word, programme.key) != programme.key:
                yield Defect(file=file, key="words", problem=f"「{word}」也指 {owners[word]}", remedy="只留给其中一个项目")
    yield from _meanings(shelf)


def _meanings(shelf: Shelf) -> Iterator[Defect]:
    first: dict[str, tuple[Field, str]] = {}
    for volume in shelf.volumes:
        for service in volume.version.services:
            for field in service.fields:
                other, place = first.setdefault(field.key, (field, volume.file))
                key = f"services.{service.key}.fields.{field.key}"
                for name in ("personal", "sensitive", "kind"):
                    if getattr(field, name) != getattr(other, name) and {field.kind, other.kind} != {"date", "month"}:
                        problem = f"{name} 与 {place} 里的同名字段不同"
                        yield Defect(file=volume.file, key=f"{key}.{name}", problem=problem, remedy="各项目写成一样，或换一个 key")


def _twice(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return list(dict.fromkeys(name for name in names if name in seen or seen.add(name)))  # type: ignore[func-returns-value]


def _double(path: str, records: Iterable[Any], name: str) -> Iterator[Problem]:
    for value in _twice(str(getattr(record, name)) for record in records):
        yield f"{path}.{value}", f"{name}「{value}」写了两次", "改名或合并"


def _shared_words(path: str, pairs: Iterable[tuple[str, tuple[str, ...]]], what: str) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for key, words in pairs:
        for word in dict.fromkeys(squeeze(word).lower() for word in words):
            if owners.setdefault(word, key) != key:
                yield f"{path}.{key}.words", f"「{word}」也指{what} {owners[word]}", f"只留给其中一个{what}"


def _doubles(version: Version) -> Iterator[Problem]:
    for name, key in (("documents", "key"), ("offices", "key"), ("types", "value"), ("services", "key"), ("money", "id"), ("forms", "key")):
        yield from _double(name, getattr(version, name), key)
    yield from _double("types", version.types, "label")
    for name in ("assessment", "readings", "oddities"):
        yield from _double(name, getattr(version, name), "id")
    for label in _twice(d.number or d.title for d in version.documents):
        yield "documents", f"两份文件同叫「{label}」", "各写自己的 number 或 title"
    for document in version.documents:
        for article in _twice(section.article for section in document.sections):
            yield f"documents.{document.key}", f"标题「{article}」出现两次", f"在 {document.file} 里给其中一个加上章名"
        if not document.number and not document.title:
            yield f"documents.{document.key}.title", "没有文号也没有标题", "至少写一个"
    yield from _shared_words("services", ((s.key, (s.name, *s.words)) for s in version.services), "服务")
    yield from _shared_words("types", ((t.value, (t.label, *t.words)) for t in version.types), "类型")


def _office_and_service_names(version: Version) -> Iterator[Problem]:
    offices, services = {o.key for o in version.offices}, {s.key for s in version.services}
    for path, record in walk(version):
        if isinstance(record, Statement) and record.office and record.office not in offices:
            yield f"{path}.office", f"没有机构 {record.office}", _one_of(offices)
        if isinstance(record, Rule) and record.checked_by and record.checked_by not in offices:
            yield f"{path}.checked_by", f"没有机构 {record.checked_by}", _one_of(offices)
        for name in getattr(record, "services", ()) if not isinstance(record, Version) else ():
            if name not in services:
                yield f"{path}.services", f"没有服务 {name}", _one_of(services)


def _one_of(names: Iterable[str]) -> str:
    return f"改为其一：{'、'.join(sorted(names)) or '（先登记）'}"


def _service(service: Service, version: Version) -> Iterator[Problem]:
    yield from _double("fields", service.fields, "key")
    for name, key in (
        ("rules", "id"),
        ("materials", "key"),
        ("deadlines", "id"),
        ("grades", "name"),
        ("competitive", "id"),
        ("receipt", "id"),
    ):
        yield from _double(name, getattr(service, name), key)
    yield from _shared_words("fields", ((f.key, (f.label, *f.words)) for f in service.fields), "字段")
    fields = {field.key: field for field in service.fields}
    for path, record in walk(service):
        if isinstance(record, Test):
            yield from _test(path, record, fields)
        if isinstance(record, Field):
            yield from _choices(path, record.choices)
    yield from _links(service, version, fields)


def _choices(path: str, choices: tuple[Choice, ...]) -> Iterator[Problem]:
    yield from _double(f"{path}.choices", choices, "value")
    yield from _shared_words(f"{path}.choices", ((c.value, (c.label, *c.words)) for c in choices), "选项")


def _test(path: str, test: Test, fields: dict[str, Field]) -> Iterator[Problem]:
    if test.op in ("all_of", "any_of", "at_least_n", "not"):
        yield from _group(path, test)
        return
    field = fields.get(test.field)
    if field is None:
        yield f"{path}.field", f"本服务不问字段「{test.field}」，条件无从判断", "在 services.fields 里加上它，或改字段名"
        return
    if field.kind not in _KINDS[test.op]:
        yield f"{path}.op", f"{test.op} 不适用于 {field.kind} 字段 {field.key}", f"{test.op} 只用于 {'、'.join(_KINDS[test.op])}"
    yield from _limits(path, test, field)


def _group(path: str, test: Test) -> Iterator[Problem]:
    if not test.tests or (test.op == "not" and len(test.tests) != 1):
        yield f"{path}.tests", f"{test.op} 里有 {len(test.tests)} 个条件", "not 恰好一个，其余至少一个"
    if test.op == "at_least_n" and not 1 <= test.count <= len(test.tests):
        yield f"{path}.count", f"count 为 {test.count}，条件有 {len(test.tests)} 个", "count 在 1 与条件个数之间"
    if test.field:
        yield f"{path}.field", f"{test.op} 不看字段", "删去 field"


def _limits(path: str, test: Test, field: Field) -> Iterator[Problem]:
    number = isinstance(test.value, int | float) and not isinstance(test.value, bool)
    if test.op in _NUMERIC and test.op != "between" and not number:
        yield f"{path}.value", f"{test.op} 缺少数 value", "写上数"
    if test.op == "between" and (test.low is None or test.high is None or test.low > test.high):
        yield f"{path}.low", f"between 的 low {test.low} 与 high {test.high} 不成区间", "low 不大于 high，两者都写"
    if test.op == "equals" and field.kind == "choice" and test.value not in [c.value for c in field.choices]:
        yield f"{path}.value", f"「{test.value}」不是 {field.key} 的选项", _one_of(c.value for c in field.choices)
    if test.op == "equals" and field.kind in ("number", "money") and not number:
        yield f"{path}.value", f"「{test.value}」不是数", "写上数"


def _links(service: Service, version: Version, fields: dict[str, Field]) -> Iterator[Problem]:
    forms, money = {form.key for form in version.forms}, {m.id: m for m in version.money}
    if service.form and service.form not in forms:
        yield "form", f"没有表格 {service.form}", _one_of(forms)
    if (service.produces == "form") != bool(service.form):
        yield "form", f"produces 为 {service.produces}，form 为「{service.form}」", "produces = form 时写 form，否则不写"
    for material in service.materials:
        if material.form and material.form not in forms:
            yield f"materials.{material.key}.form", f"没有表格 {material.form}", _one_of(forms)
    for field in service.fields:
        if field.ceiling and (field.ceiling not in money or money[field.ceiling].amount is None):
            yield f"fields.{field.key}.ceiling", f"没有带金额的 money {field.ceiling}", _one_of(m.id for m in version.money if m.amount)
    for grade in service.grades:
        if grade.money and grade.money not in money:
            yield f"grades.{grade.name}.money", f"没有 money {grade.money}", _one_of(money)
        if grade.field not in fields or fields[grade.field].kind != "number":
            yield f"grades.{grade.name}.field", f"本服务没有数字字段「{grade.field}」", "改为本服务所问的数字字段"
    for deadline in service.deadlines:
        if deadline.field and (deadline.field not in fields or fields[deadline.field].kind not in ("date", "month")):
            yield f"deadlines.{deadline.id}.field", f"本服务没有日期字段「{deadline.field}」", "改为本服务所问的日期字段"
    if service.carries_from and service.carries_from not in {s.key for s in version.services} - {service.key}:
        yield "carries_from", f"没有另一项服务 {service.carries_from}", _one_of({s.key for s in version.services} - {service.key})


def _form(form: Form, version: Version) -> Iterator[Problem]:
    keys = [document.key for document in version.documents]
    if form.doc and form.doc not in keys:
        yield "doc", f"没有文件 {form.doc}", _one_of(keys)
        return
    document = next((d for d in version.documents if d.key == form.doc), version.documents[0]) if version.documents else None
    if document and (document.number or document.title, form.article) not in by_place(version):
        yield "article", f"原文没有「{form.article}」这一节", "article 须与 policy 文本的标题相同"
    users = [s for s in version.services if s.form == form.key or any(m.form == form.key for m in s.materials)]
    if form.kind == "form" and not users:
        yield "key", f"没有服务用到表格 {form.key}", "在 services 的 form 里写上它，或删去此文件"
    if form.kind == "summary":
        users = [s for s in version.services if s.key == form.service]
        if not users:
            yield "service", f"没有事项「{form.service}」", _one_of({s.key for s in version.services})
    owners = [s for s in users if s.form == form.key] or users
    for path, cell in walk(form):
        if isinstance(cell, Cell):
            yield from _cell(path, cell, owners)


def _cell(path: str, cell: Cell, owners: list[Service]) -> Iterator[Problem]:
    asked = {field.key: field for service in owners for field in service.fields}
    for key in (cell.field, *cell.also):
        if key and owners and key not in asked:
            yield path, f"所属服务不问字段「{key}」", "在该服务的 fields 里加上它，或改字段名"
    if cell.mark and owners:
        for inner, test in walk(cell.mark, f"{path}.mark"):
            if isinstance(test, Test):
                yield from _test(inner, test, asked)
