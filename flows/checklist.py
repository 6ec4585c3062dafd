"""What exactly must this applicant hand in, to whom, by when, and what is still missing? The list, and the list as a document."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from flows.deadlines import Due, due
from flows.eligibility import evaluate
from flows.form import PREPARATION, fields_on, form_of
from flows.layout import Block, Paper, Paragraph, Run, Table, line
from flows.phrases import UNSTATED, phrase, phrases
from flows.say import day as said_day
from flows.sheet import cells, on_sheet
from flows.shown import field_of, filled
from flows.sources import sources
from flows.types import Finding, Verdict
from knowledge.types import Citation, Material, Office, Programme, Service, Statement, Step, Value, Version

_WIDTHS = (12.0, 66.0, 22.0, 16.0, 18.0, 22.0)
_OFFICE_WIDTHS = (56.0, 100.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One material in words, each 文件未规定 where the policy is silent; `depends` while an answer could still decide it."""

    name: str
    need: Literal["required", "depends"]
    depends: str = ""
    """The labels of the facts that decide it."""
    original: str
    copies: str
    seal: str
    source: str
    note: str = ""
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """All that is left to do for one case."""

    items: tuple[Item, ...]
    missing: tuple[str, ...]
    """Labels of the form's fields that are not filled."""
    dates: tuple[Due, ...]
    receipt: tuple[Statement, ...]
    steps: tuple[Step, ...]
    offices: tuple[Office, ...]
    questions: tuple[Statement, ...]
    """What the documents leave unclear, with the question to put."""


def _item(material: Material, service: Service, values: Mapping[str, Value], today: date) -> Item | None:
    test = material.only_if
    needed = True if test is None else evaluate(test, values, today)
    if needed is False:
        return None
    labels = [field.label for key in (test.fields if test else ()) if (field := field_of(service, key))]
    return Item(
        name=material.name,
        need="required" if needed else "depends",
        depends="" if needed else "、".join(labels),
        original=phrase("original", material.original),
        copies=UNSTATED if material.copies is None else f"{material.copies}份",
        seal=material.seal or UNSTATED,
        source=material.source or UNSTATED,
        note=material.note,
        citations=material.cite,
    )


def _unfilled(version: Version, service: Service, values: Mapping[str, Value]) -> tuple[str, ...]:
    """Labels of what the form or sheet marks 待填."""
    form = form_of(version, service)
    keys = fields_on(form) if form else tuple(field.key for field in service.fields if on_sheet(field, values))
    fields = [field for key in keys if (field := field_of(service, key))]
    return tuple(dict.fromkeys(field.label for field in fields if filled(service, field.key, values).tone == "missing"))


def checklist(
    programme: Programme, version: Version, service: Service, values: Mapping[str, Value], *, today: date = date.min
) -> Checklist:
    """The list for exactly these answers; a material that an open answer could still make needless is marked 视情况."""
    return Checklist(
        items=tuple(item for material in service.materials if (item := _item(material, service, values, today))),
        missing=_unfilled(version, service, values),
        dates=due(service, values),
        receipt=service.receipt,
        steps=service.steps,
        offices=version.offices,
        questions=tuple(o for o in version.oddities if o.ask and (not o.services or service.key in o.services)),
    )


def _heading(key: str) -> Paragraph:
    return line("heading", phrase("checklist", key))


def _material(number: int, item: Item) -> tuple[tuple[Paragraph, ...], ...]:
    name = [line("left", item.name, "strong")]
    name += [line("left", phrase("checklist", "depends", fields=item.depends))] if item.need == "depends" else []
    name += [line("left", item.note)] if item.note else []
    rest = (item.original, item.copies, item.seal, item.source)
    return ((line("cell", str(number)),), (*name, *sources(item.citations)), *((line("cell", text),) for text in rest))


def _materials(items: tuple[Item, ...]) -> list[Block]:
    if not items:
        return [_heading("materials"), line("item", phrase("checklist", "no_materials"))]
    head = tuple((line("label", text),) for text in phrases("checklist", "headings"))
    rows = (cells(_WIDTHS, _material(number, item)) for number, item in enumerate(items, 1))
    return [_heading("materials"), Table(widths=_WIDTHS, size=10.5, rows=(cells(_WIDTHS, head, heading=True), *rows))]


def _missing(labels: tuple[str, ...]) -> list[Block]:
    if not labels:
        return [_heading("missing"), line("item", phrase("checklist", "nothing_missing"))]
    return [_heading("missing"), line("item", "、".join(labels)), line("item", phrase("checklist", "missing_note"), "quiet")]


def _finding(finding: Finding) -> list[Block]:
    """An open condition with its own clause; the heading that gives it its strength is said by the word."""
    result = phrase("checklist", finding.result)
    strength = phrase("checklist", "strength", word=phrase("strength", finding.strength))
    blocks: list[Block] = [Paragraph(style="item", runs=(Run(text=f"□ {finding.label}{strength}：", tone="strong"), Run(text=result)))]
    blocks += [line("item", phrase("checklist", "remedy", text=finding.remedy))] if finding.remedy else []
    blocks += [line("item", finding.note)] if finding.note else []
    return blocks + list(sources(finding.citations[:1]))


def _said(statements: Iterable[Statement]) -> list[Block]:
    return [block for said in statements for block in (line("item", said.text), *sources(said.cite))]


def _conditions(verdict: Verdict | None, service: Service) -> list[Block]:
    if verdict is None:
        return [_heading("conditions"), line("item", phrase("checklist", "not_judged"))] if not service.judged else []
    open_ones = [finding for finding in verdict.findings if finding.result != "met"]
    blocks: list[Block] = [_heading("conditions")]
    blocks += [line("item", phrase("checklist", "closed"))] if verdict.outcome == "closed" else []
    blocks += [block for finding in open_ones for block in _finding(finding)]
    blocks += [line("item", phrase("checklist", "all_met"))] if verdict.findings and not open_ones else []
    blocks += [line("item", phrase("checklist", "competitive"), "strong")] if service.competitive else []
    return blocks + _said(service.competitive)


def _step(number: int, step: Step) -> list[Block]:
    text = phrase("checklist", "step", number=number, actor=step.actor, action=step.action)
    text += phrase("checklist", "where", where=step.where) if step.where else ""
    if step.limit is not None:
        kind, unit = phrase("limit", step.limit.kind), phrase("limit", step.limit.unit)
        text += phrase("checklist", "limit", kind=kind, days=step.limit.days, unit=unit)
    return [line("item", text), *sources(step.cite)]


def _receipt(found: Checklist) -> list[Block]:
    steps = [block for number, step in enumerate(found.steps, 1) for block in _step(number, step)]
    return [_heading("receipt"), *_said(found.receipt), *([line("item", phrase("checklist", "steps"), "strong")] if steps else []), *steps]


def _date(found: Due) -> list[Block]:
    whose = phrase("checklist", "whose", whose=found.whose) if found.whose else ""
    runs = (Run(text=said_day(found.day), tone="strong"), Run(text=f"　{found.label}{whose}"))
    note = [line("item", found.note)] if found.note else []
    return [Paragraph(style="item", runs=runs), *note, *sources(found.citations)]


def _dates(dates: tuple[Due, ...]) -> list[Block]:
    return [_heading("dates"), *([block for found in dates for block in _date(found)] or [line("item", phrase("checklist", "no_dates"))])]


def _office(office: Office) -> tuple[tuple[Paragraph, ...], ...]:
    reach = {key: getattr(office, key) or UNSTATED for key in ("phone", "hours", "address", "email")}
    known = [line("left", f"{phrase('office', key)}：{value}") for key, value in reach.items()]
    note = [line("left", office.note)] if office.note else []
    return ((line("left", office.name, "strong"), line("left", office.role)), (*known, *note, *sources(office.cite)))


def _offices(offices: tuple[Office, ...]) -> list[Block]:
    if not offices:
        return [_heading("offices"), line("item", phrase("checklist", "no_offices"))]
    rows = tuple(cells(_OFFICE_WIDTHS, _office(office)) for office in offices)
    return [_heading("offices"), Table(widths=_OFFICE_WIDTHS, size=10.5, rows=rows)]


def _questions(found: Checklist) -> list[Block]:
    names = {office.key: office.name for office in found.offices}
    blocks: list[Block] = [_heading("questions")] if found.questions else []
    for oddity in found.questions:
        ask = phrase("checklist", "ask", office=names.get(oddity.office, ""), text=oddity.ask)
        blocks += [line("item", oddity.text), line("item", ask), *sources(oddity.cite)]
    return blocks


def checklist_paper(
    programme: Programme,
    version: Version,
    service: Service,
    values: Mapping[str, Value],
    *,
    preparation: bool,
    today: date,
    verdict: Verdict | None = None,
) -> Paper:
    """The checklist as a document; every line stands with its source. `verdict` adds what is unmet or not known."""
    found = checklist(programme, version, service, values, today=today)
    title = phrase("checklist", "title", programme=programme.name, service=service.name)
    top: list[Block] = [line("banner", PREPARATION)] if preparation else []
    top += [line("title", title), line("item", phrase("checklist", "draft"), "strong")]
    top += [line("item", phrase("checklist", "made", day=said_day(today)), "quiet")]
    parts = (_materials(found.items), _missing(found.missing), _conditions(verdict, service), _receipt(found), _dates(found.dates))
    rest = (_offices(found.offices), _questions(found))
    return Paper(title=title, blocks=(*top, *(block for part in (*parts, *rest) for block in part)))
