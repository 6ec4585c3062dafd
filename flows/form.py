"""How is an annex filled? Form, fields and values become a `Paper`: cells in place, office cells left alone, overflow on annex pages."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from flows.eligibility import evaluate
from flows.fitting import PADDING_X, SHORT, heights, lines
from flows.layout import MARGIN_BOTTOM, MARGIN_TOP, PAGE_HEIGHT, TEXT_WIDTH, Block, Box, Paper, Paragraph, Row, Run, Style, Table, line
from flows.shown import field_of, filled, shown
from knowledge.types import Cell, Form, Service, Test, Value, Version

PREPARATION = "仅供准备，请勿作为正式申报材料提交"
_SIZE = 12.0
_TIGHTER = ((_SIZE, 1.0), (11.0, 1.0), (10.5, 1.0), (10.5, 0.7))
"""Type size in points and part of the least heights, tried in turn before any text leaves the form."""
_HEADER_ROOM, _ROOM_TO_SPARE = 34, 0.96
_ANNEX_FROM = 30
"""Texts shorter than this many characters never go to an annex page."""
_BLANK_DATE = re.compile(r"(?P<seal>.*?)\s*(?P<date>年\s*月\s*日)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What a form is filled from; `moved` are the fields whose text stands on an annex page, in that order."""

    service: Service
    values: Mapping[str, Value]
    today: date
    moved: tuple[str, ...] = ()

    def run(self, key: str) -> Run:
        """What stands in the field's place."""
        if key in self.moved:
            return Run(text=f"（见附页{self.moved.index(key) + 1}）")
        return filled(self.service, key, self.values)


def blank_date(text: str) -> tuple[str, ...]:
    """An office's printed text in lines, the blank date with room to write: 公章 | 年　　月　　日."""
    found = _BLANK_DATE.fullmatch(text)
    if found is None:
        return (text,) if text else ()
    spread = re.sub(r"\s+", "　　", found["date"])
    return (found["seal"], spread) if found["seal"] else (spread,)


def _style(cell: Cell, run: Run, width: float, filling: Filling) -> Style:
    """Long text begins indented, in a narrow cell at the left; what takes a line stands in the middle."""
    if cell.prefix:
        return "left"
    taken = lines(run.text, width - PADDING_X, _SIZE)
    field, wide = field_of(filling.service, cell.field), width > TEXT_WIDTH / 2
    long = field is not None and field.kind == "long_text" and run.tone != "missing" and cell.field not in filling.moved
    if long and wide:
        return "long"
    return "left" if taken > 2 or (long and taken > 1) else "cell"


def _label(text: str, width: float) -> Paragraph:
    """A printed label; one too long for its line breaks before its bracket, so that （m²） stays together."""
    if lines(text, width - PADDING_X, _SIZE) > 1 and len(text) < 12:
        text = re.sub(r"(?<=\S)\s*(?=[（(])", "\n", text, count=1)
    return line("left" if width > TEXT_WIDTH / 2 and len(text) > 6 else "label", text)


def _field_paragraphs(cell: Cell, filling: Filling, width: float) -> tuple[Paragraph, ...]:
    run = filling.run(cell.field)
    style = _style(cell, run, width, filling)
    first = (Run(text=cell.prefix),) if cell.prefix else ()
    parts = run.text.split("\n") if style == "long" else [run.text]
    paragraphs = [Paragraph(style=style, runs=(*first, replace(run, text=part))) for part in parts]
    return (*paragraphs, *(Paragraph(style="cell", runs=(filling.run(key),)) for key in cell.also))


def _facts(test: Test, filling: Filling) -> str:
    fields = [field for key in test.fields if (field := field_of(filling.service, key)) and field.kind == "number"]
    return "，".join(f"{shown(field, filling.values.get(field.key))}{field.unit}" for field in fields)


def _mark_paragraphs(test: Test, filling: Filling) -> tuple[Paragraph, ...]:
    if evaluate(test, filling.values, filling.today) is not True:
        return (line("cell", ""),)
    facts = _facts(test, filling)
    return (line("cell", f"√（{facts}）" if facts else "√"),)


def _paragraphs(cell: Cell, filling: Filling, width: float) -> tuple[Paragraph, ...]:
    if cell.field:
        return _field_paragraphs(cell, filling, width)
    if cell.mark is not None:
        return _mark_paragraphs(cell.mark, filling)
    if cell.office:
        return tuple(line("seal", text) for text in blank_date(cell.text)) or (line("cell", ""),)
    return (_label(cell.label, width),)


def table_rows(form: Form, filling: Filling) -> tuple[Row, ...]:
    """The annex's rows, filled; ValueError where the cells leave a hole."""
    widths = column_widths(form.columns)
    rows: list[Row] = []
    open_until: dict[int, tuple[int, int]] = {}  # column → first row below the span, columns of the span
    for index, cells in enumerate(form.rows):
        left, column, boxes = list(cells), 0, []
        while column < len(widths):
            until, span = open_until.get(column, (0, 1))
            if until > index:
                boxes.append(Box(paragraphs=(), columns=span, merged=True, width=sum(widths[column : column + span])))
            elif left:
                cell = left.pop(0)
                span = cell.columns
                open_until[column] = (index + cell.rows, span)
                boxes.append(_box(cell, filling, sum(widths[column : column + span])))
            else:
                raise ValueError(f"form {form.key}, row {index + 1}: the cells do not fill the table's width; correct columns and rows")
            column += span
        rows.append(Row(boxes=tuple(boxes), height=max((c.height / c.rows for c in cells if c.height), default=SHORT)))
    return tuple(rows)


def _box(cell: Cell, filling: Filling, width: float) -> Box:
    paragraphs = _paragraphs(cell, filling, width)
    return Box(paragraphs=paragraphs, columns=cell.columns, rows=cell.rows, width=width, bottom=bool(cell.office and cell.text))


def form_of(version: Version, service: Service) -> Form | None:
    """The annex that the service fills; None where it fills none."""
    return next((form for form in version.forms if form.key == service.form), None)


def fields_on(form: Form) -> tuple[str, ...]:
    """Keys of the fields that the form shows, in reading order."""
    shown_in = [*form.header, *(cell for row in form.rows for cell in row), *form.footer]
    return tuple(key for cell in shown_in for key in (cell.field, *cell.also) if key)


def column_widths(columns: tuple[int, ...]) -> tuple[float, ...]:
    """Relative widths as mm of the text width."""
    return tuple(TEXT_WIDTH * part / sum(columns) for part in columns)


def _header_runs(cells: tuple[Cell, ...], filling: Filling) -> list[Run]:
    runs: list[Run] = []
    for cell in cells:
        if runs and not (cell.label or cell.text).startswith(("（", "(")):
            runs.append(Run(text="　　"))
        gap = " " if cell.prefix.endswith((")", "）")) else ""
        runs += [Run(text=text) for text in (cell.prefix + gap, cell.label, *blank_date(cell.text)) if text]
        runs += [filling.run(key) for key in (cell.field, *cell.also) if key]
    return runs


def _header(cells: tuple[Cell, ...], filling: Filling) -> tuple[Paragraph, ...]:
    """The line above or below the table; the last of several cells stands at the right."""
    if not cells:
        return ()
    left, right = (cells[:-1], cells[-1:]) if len(cells) > 1 else (cells, ())
    runs = _header_runs(left, filling)
    if right:
        runs += [Run(text="\t"), *_header_runs(right, filling)]
    return (Paragraph(style="header", runs=tuple(runs)),)


def _movable(form: Form, filling: Filling, size: float) -> str | None:
    """The field whose text takes most room, if there is one worth an annex page."""
    cells = [cell for row in form.rows for cell in row if cell.field]
    widths = {key: TEXT_WIDTH * cell.columns / len(form.columns) for cell in cells for key in (cell.field, *cell.also)}
    need = {key: lines(filling.run(key).text, width, size) for key, width in widths.items() if len(filling.run(key).text) > _ANNEX_FROM}
    return max(need, key=lambda key: need[key]) if need else None


def _long_header(form: Form, filling: Filling) -> Filling:
    keys = [key for cell in (*form.header, *form.footer) for key in (cell.field, *cell.also) if key]
    return replace(filling, moved=tuple(key for key in keys if len(filling.run(key).text) > _HEADER_ROOM))


def _room(form: Form, preparation: bool) -> float:
    """Height in mm that annex line, title, header and note leave to the table."""
    above = 10 * bool(form.annex) + 14 * lines(form.title, TEXT_WIDTH, 22) + 9 * bool(form.header) + 10 * preparation
    below = 9 * bool(form.footer) + (6 * lines(form.note, TEXT_WIDTH, 12) + 2 if form.note else 0)
    return (PAGE_HEIGHT - MARGIN_TOP - MARGIN_BOTTOM - above - below) * _ROOM_TO_SPARE


def _lowered(rows: tuple[Row, ...], part: float) -> tuple[Row, ...]:
    return rows if part == 1 else tuple(replace(row, height=row.height * part) for row in rows)


def _within(rows: tuple[Row, ...], widths: tuple[float, ...], room: float) -> Table | None:
    """The table in the largest type that fits: least heights give way before text is moved; None where it is too long."""
    least = min(1.0, room * 0.8 / sum(row.height for row in rows))
    for size, part in _TIGHTER:
        lowered = _lowered(rows, min(least, part))
        if sum(heights(lowered, size)) <= room:
            return Table(widths=widths, rows=lowered, size=size)
    return None


def _fitted(form: Form, filling: Filling, room: float) -> tuple[Table, Filling]:
    """The table on one page, the longest texts moved to annex pages until it fits."""
    filling, widths = _long_header(form, filling), column_widths(form.columns)
    while True:
        rows = table_rows(form, filling)
        table = _within(rows, widths, room)
        if table is not None:
            return table, filling
        key = _movable(form, filling, _TIGHTER[-1][0])
        if key is None:  # nothing of the applicant's is long: the annex itself needs more than a page
            return Table(widths=widths, rows=rows, size=_TIGHTER[-1][0]), filling
        filling = replace(filling, moved=(*filling.moved, key))


def annex_pages(filling: Filling) -> list[Block]:
    """On a new page each text that was moved, under its label."""
    blocks: list[Block] = [line("page", "")] if filling.moved else []
    whole = replace(filling, moved=())
    for number, key in enumerate(filling.moved, 1):
        field = field_of(filling.service, key)
        blocks.append(line("heading", f"附页{number}　{field.label if field else key}"))
        blocks += [line("text", part) for part in whole.run(key).text.split("\n")]
    return blocks


def form_paper(form: Form, service: Service, values: Mapping[str, Value], *, preparation: bool, today: date = date.min) -> Paper:
    """The annex with the applicant's values; `today` matters only to marks that compare with the day."""
    table, filling = _fitted(form, Filling(service=service, values=values, today=today), _room(form, preparation))
    blocks: list[Block] = [line("banner", PREPARATION)] if preparation else []
    blocks += [line("annex", form.annex)] if form.annex else []
    blocks += [line("title", form.title), *_header(form.header, filling), table, *_header(form.footer, filling)]
    blocks += [line("note", form.note)] if form.note else []
    return Paper(title=form.title, blocks=(*blocks, *annex_pages(filling)))
