"""What is handed over where the policy names a form that it does not contain? An information sheet that says so."""

from collections.abc import Mapping
from datetime import date

from flows.eligibility import evaluate
from flows.form import PREPARATION, Filling, annex_pages
from flows.layout import TEXT_WIDTH, Block, Box, Paper, Paragraph, Row, Run, Style, Table, line
from flows.phrases import phrase
from flows.shown import field_of, filled, with_unit
from flows.sources import sources
from knowledge.types import Field, Programme, Rule, Service, Value

_WIDTHS = (46.0, TEXT_WIDTH - 46)
_FACT_WIDTHS = (34.0, 46.0, TEXT_WIDTH - 80)
_LONGEST = 600
"""Longer texts, in characters, go to an annex page."""
_ROW = 10


def cells(widths: tuple[float, ...], contents: tuple[tuple[Paragraph, ...], ...], *, heading: bool = False) -> Row:
    """A row of simple cells."""
    boxes = tuple(Box(paragraphs=paragraphs, width=width) for width, paragraphs in zip(widths, contents, strict=True))
    return Row(boxes=boxes, height=_ROW, heading=heading)


def on_sheet(field: Field, values: Mapping[str, Value]) -> bool:
    """Whether the sheet has a line for the field: not for conditions, which follow with their clauses."""
    return field.stage != "eligibility" and not (field.on_request and values.get(field.key) is None)


def _run(field: Field, filling: Filling) -> Run:
    return filling.run(field.key) if field.key in filling.moved else filled(filling.service, field.key, filling.values, unit=True)


def _value(field: Field, filling: Filling) -> tuple[Paragraph, ...]:
    run = _run(field, filling)
    style: Style = "long" if field.kind == "long_text" and run.tone != "missing" else "left"
    return tuple(Paragraph(style=style, runs=(Run(text=part, tone=run.tone),)) for part in run.text.split("\n"))


def _filled_in(fields: list[Field], filling: Filling) -> Table:
    rows = [cells(_WIDTHS, ((line("label", field.label),), _value(field, filling))) for field in fields]
    return Table(widths=_WIDTHS, rows=tuple(rows))


def _fact(key: str, filling: Filling) -> tuple[str, str]:
    field = field_of(filling.service, key)
    if field is None:
        return key, phrase("sheet", "unsaid")
    return field.label, with_unit(field, filling.values.get(key)) or phrase("sheet", "unsaid")


def _facts(rule: Rule, filling: Filling) -> str:
    facts = [_fact(key, filling) for key in rule.test.fields]
    return facts[0][1] if len(facts) == 1 else "；".join(f"{label}：{said}" for label, said in facts)


def _concerns(rule: Rule, filling: Filling) -> bool:
    if rule.applies is not None and evaluate(rule.applies, filling.values, filling.today) is False:
        return False
    return rule.strength != "preferred" or any(filling.values.get(key) is not None for key in rule.test.fields)


def _conditions(filling: Filling) -> tuple[Block, ...]:
    rules = [rule for rule in filling.service.rules if _concerns(rule, filling)]
    if not rules:
        return ()
    head = tuple((line("label", phrase("sheet", key)),) for key in ("condition", "said", "source"))
    rows = [((line("left", rule.label),), (line("left", _facts(rule, filling)),), sources(rule.cite[:1])) for rule in rules]
    table = Table(
        widths=_FACT_WIDTHS, size=10.5, rows=(cells(_FACT_WIDTHS, head, heading=True), *(cells(_FACT_WIDTHS, row) for row in rows))
    )
    return (line("heading", phrase("sheet", "facts")), line("item", phrase("sheet", "facts_note")), table)


def sheet_paper(programme: Programme, service: Service, values: Mapping[str, Value], *, preparation: bool, today: date = date.min) -> Paper:
    """All that the applicant filled in, headed by the note that this is no official form; then the conditions with the own facts."""
    fields = [field for field in service.fields if on_sheet(field, values)]
    filling = Filling(service=service, values=values, today=today)
    moved = tuple(field.key for field in fields if len(_run(field, filling).text) > _LONGEST)
    filling = Filling(service=service, values=values, today=today, moved=moved)
    title = phrase("sheet", "title", programme=programme.name)
    blocks: list[Block] = [line("banner", PREPARATION)] if preparation else []
    blocks.append(line("title", title))
    blocks.append(line("item", phrase("sheet", "unofficial"), "strong"))
    if service.sheet_note is not None:
        blocks += [line("item", service.sheet_note.text), *sources(service.sheet_note.cite)]
    blocks += [_filled_in(fields, filling), *_conditions(filling), *annex_pages(filling)]
    return Paper(title=title, blocks=tuple(blocks))
