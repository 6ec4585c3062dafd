"""Does each number, date, amount and contact in the data occur in its own quotation, or say how it was derived?"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from knowledge.defects import Defect
from knowledge.figures import claims, dates, days, folded, months, numbers, periods, quarters
from knowledge.records import join, named, walk
from knowledge.sources import Volume
from knowledge.types import (
    Citation,
    Deadline,
    Document,
    Field,
    Form,
    Grade,
    Material,
    Money,
    Office,
    ReminderRule,
    Rule,
    Service,
    Statement,
    StationType,
    Step,
    Test,
    Version,
    Window,
)

Problem = tuple[str, str]
"""The key inside the record, and what is wrong with it."""

_PROSE: dict[type, tuple[str, ...]] = {
    Statement: ("text", "ask"),
    Rule: ("label", "remedy", "note"),
    Document: ("repeals",),
    Office: ("role", "note"),
    StationType: ("purpose",),
    Window: ("text", "whose"),
    Step: ("actor", "action", "where"),
    Material: ("name", "seal", "source", "note"),
    Money: ("label", "use", "paid", "payer"),
    Grade: ("name",),
    Deadline: ("label", "whose"),
}
_NUMBERS: dict[type, tuple[str, ...]] = {
    Material: ("copies",),
    Money: ("amount", "rank"),
    Grade: ("at_least",),
    Deadline: ("working_days",),
}
_CONTACTS = ("phone", "hours", "address", "email")
_FIXED_LENGTH = ("mobile", "uscc", "bank_card")
"""Kinds whose question may name the count of digits, which no policy states."""
_REMEDY = "改成引文里的数，或补上含有它的引文；由推算得来的写 derived"


def prove(volume: Volume) -> Iterator[Defect]:
    """A defect for each figure that neither stands in a quotation of its own record nor is derived."""
    pairs = tuple(walk(volume.version))
    whole = "\n".join(record.quote for _, record in pairs if isinstance(record, Citation))
    for path, record in pairs:
        for name, problem in _problems(record, volume.version, whole):
            yield Defect(file=volume.file, key=join(path, name), problem=problem, remedy=_REMEDY)
    for service in volume.version.services:
        uses = [(rule, {t.field for _, t in walk(rule) if isinstance(t, Test)}) for rule in service.rules]
        for field in service.fields:
            for name, problem in _asked(field, uses, volume.version):
                yield Defect(file=volume.file, key=f"services.{service.key}.fields.{field.key}.{name}", problem=problem, remedy=_REMEDY)
    for form in volume.version.forms:
        for path, problem in _marks(form):
            yield Defect(file=f"{volume.forms}/{form.key}.toml", key=path, problem=problem, remedy="照该行文字写数")


def quoted(record: Any) -> str:
    """All quotations of a record, one a line."""
    return "\n".join(citation.quote for citation in record.cite)


def _problems(record: Any, version: Version, whole: str) -> Iterator[Problem]:
    if isinstance(record, Version):
        yield from _force(record)
    if isinstance(record, Service):
        yield from _stated(record.summary, "summary", whole, ())
    if type(record) not in _PROSE or _derived(record):
        return
    articles = tuple(citation.article for citation in record.cite)
    text = quoted(record)
    told = "\n".join((text, *(f"{d.issued_on.year}年" for d in version.documents if d.issued_on)))
    for name in _PROSE[type(record)]:
        yield from _stated(getattr(record, name), name, told, articles)
    for name in _NUMBERS.get(type(record), ()):
        if getattr(record, name) is not None and getattr(record, name) not in numbers(text):
            yield name, f"{getattr(record, name)} 不在引文里"
    yield from _special(record, text)


def _derived(record: Any) -> str:
    return str(record.derived) if hasattr(record, "derived") else ""


def _special(record: Any, text: str) -> Iterator[Problem]:
    match record:
        case Rule():
            yield from _tested(record.test, "test", text)
            yield from _tested(record.applies, "applies", text)
        case Material():
            yield from _tested(record.only_if, "only_if", text)
        case Office():
            yield from _contacts(record, text)
        case Document():
            yield from _issued(record, text)
        case Step() if record.limit and record.limit.days not in numbers(text):
            yield "limit.days", f"{record.limit.days} 不在引文里"
        case Money() if record.ratio and folded(record.ratio) not in folded(text):
            yield "ratio", f"{record.ratio} 不在引文里"
        case Window():
            yield from _window(record, text)
        case Deadline():
            yield from _deadline(record, text)
        case ReminderRule() if record.period and record.period not in periods(text):
            yield "period", f"期限 {record.period} 不在引文里"


def _stated(text: str, name: str, quotes: str, besides: tuple[str, ...]) -> Iterator[Problem]:
    """Figures of a sentence that no quotation holds, each once."""
    stated, named_days = tuple(claims(text, besides)), dates(text)
    if not stated and not named_days:
        return
    held, told = numbers(quotes), dates(quotes)
    wrong = [shown for shown, value in stated if value not in held] + ["-".join(map(str, day)) for day in sorted(named_days - told)]
    for shown in dict.fromkeys(wrong):
        yield name, f"「{shown}」不在引文里"


def _tested(test: Test | None, path: str, text: str) -> Iterator[Problem]:
    """Numbers and periods of a test, at any depth."""
    if test is None:
        return
    limits = {"value": test.value, "low": test.low, "high": test.high, "count": test.count or None}
    for name, value in limits.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and value not in numbers(text):
            yield join(path, name), f"{value} 不在引文里"
    if test.op == "within" and test.value not in periods(text):
        yield join(path, "value"), f"期限 {test.value} 不在引文里"
    for index, part in enumerate(test.tests):
        yield from _tested(part, f"{path}.tests.{named(part, index)}", text)


def _contacts(office: Office, text: str) -> Iterator[Problem]:
    for name in _CONTACTS:
        for part in re.split(r"[、/;；，,\s]+" if name == "phone" else r"\Z", getattr(office, name)):
            if part and folded(part) not in folded(text):
                yield name, f"「{part}」不在引文里"


def _issued(document: Document, text: str) -> Iterator[Problem]:
    if document.issued_on and document.issued_on not in days(text):
        yield "issued_on", f"{document.issued_on} 不在引文里"
    whole = folded("".join(line for section in document.sections for line in section.lines))
    if document.number and folded(document.number) not in whole:
        yield "number", f"文号 {document.number} 不在原文里"


def _force(version: Version) -> Iterator[Problem]:
    for name, day in (("valid_from", version.valid_from), ("valid_to", version.valid_to)):
        if day and not version.force.derived and day not in days(quoted(version.force)):
            yield name, f"{day} 不在 force 的引文里"


def _window(window: Window, text: str) -> Iterator[Problem]:
    for name in ("opens", "closes"):
        day: date | None = getattr(window, name)
        if day and day not in days(text):
            yield name, f"{day} 不在引文里"
    if window.months and window.months not in quarters(text) and not set(window.months) <= {m for _, m in months(text)} | numbers(text):
        yield "months", f"月份 {'、'.join(map(str, window.months))} 不在引文里"


def _deadline(deadline: Deadline, text: str) -> Iterator[Problem]:
    if deadline.on and deadline.on not in days(text):
        yield "on", f"{deadline.on} 不在引文里"
    if deadline.period and deadline.period not in periods(text):
        yield "period", f"期限 {deadline.period} 不在引文里"


def _asked(field: Field, uses: list[tuple[Rule, set[str]]], version: Version) -> Iterator[Problem]:
    """Figures in a field's wording: they stand in its own quotations, in those of the rules that use it or in its ceiling's."""
    records: list[Any] = [field, *(rule for rule, keys in uses if field.key in keys), *(m for m in version.money if m.id == field.ceiling)]
    text = "\n".join(quoted(record) for record in records)
    besides = (field.example, *(c.article for record in records for c in record.cite))
    if field.kind not in _FIXED_LENGTH:
        yield from _stated(field.question, "question", text, besides)
        yield from _stated(field.why, "why", text, besides)
    yield from _stated(field.suggestion, "suggestion", "\n".join([text, *(quoted(rule) for rule, _ in uses)]), besides)
    yield from _tested(field.only_if, "only_if", text)


def _marks(form: Form) -> Iterator[Problem]:
    """Numbers that fill an assessment's cells stand in the labels of their own row."""
    for index, row in enumerate(form.rows):
        labels = "\n".join(cell.label for cell in row)
        labels += "\n0" if "未" in labels else ""  # 未开展 is how a sheet writes none
        for place, cell in enumerate(row):
            if cell.mark:
                yield from _tested(cell.mark, f"rows.{index}.{place}.mark", labels)
