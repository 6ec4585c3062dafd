"""How is a bureau's summary table made? The annex as printed, a numbered row for each draft; what offices write stays blank.

Which cell holds what is the programme's data (`forms/*.toml`, kind `summary`); which words share a line is the annex's own text.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from flows.columns import Content, content, laid_out
from flows.form import Filling, blank_date, column_widths, table_rows
from flows.layout import Block, Box, Paper, Paragraph, Row, Run, Style, Table, line
from flows.shown import field_of, with_unit
from knowledge.quotes import by_place
from knowledge.text import squeeze
from knowledge.types import Cell, Form, Service, Value, Version

NUMBER = "序号"
"""The heading of the column that is numbered."""
_SIZE, _HEIGHT = 10.5, 10.0
_WIDE, _ROOM = "　　", "　" * 10

Line = tuple[str, ...]
"""Words that the annex prints in one line, from left to right."""


def summaries(version: Version, service: str) -> tuple[Form, ...]:
    """The summary tables of that service's drafts."""
    return tuple(form for form in version.forms if form.kind == "summary" and form.service == service)


def heading_of(form: Form) -> Form:
    """The table as printed, without the row that each draft adds."""
    return replace(form, rows=form.rows[:-1])


def row_of(form: Form, service: Service, number: int, values: Mapping[str, Value]) -> tuple[Content, ...]:
    """What a draft adds, cell by cell; empty where an office writes and where nobody said anything."""
    numbered = [squeeze(label) == NUMBER for label in labels(form)]
    cells = form.rows[-1]
    return tuple(number if here else _content(cell, service, values) for here, cell in zip(numbered, cells, strict=True))


def labels(form: Form) -> tuple[str, ...]:
    """What is printed over each cell of a draft's row."""
    heading, column, found = laid_out(heading_of(form))[-1], 0, []
    for cell in form.rows[-1]:
        found.append(heading[column].label if column in heading else "")
        column += cell.columns
    return tuple(found)


def _content(cell: Cell, service: Service, values: Mapping[str, Value]) -> Content:
    """One field as it is; several in a cell each in a line of its own, under its name."""
    fields = [field for key in (cell.field, *cell.also) if key and (field := field_of(service, key))]
    if len(fields) == 1:
        return content(fields[0], values.get(fields[0].key))
    told = [(field.label, with_unit(field, values.get(field.key))) for field in fields]
    return "\n".join(f"{label}：{text}" for label, text in told if text.strip())


def printed_lines(form: Form, version: Version, cells: tuple[Cell, ...]) -> tuple[Line, ...]:
    """The words above or below the table, in lines as the annex has them."""
    document = next((d for d in version.documents if d.key == form.doc), version.documents[0])
    section = by_place(version)[document.number or document.title, form.article]
    found: list[tuple[int, list[str]]] = []
    for cell in cells:
        words = cell.text or cell.label or cell.prefix
        place = next((n for n, text in enumerate(section.lines) if squeeze(words) in squeeze(text)), -1)
        if not found or found[-1][0] != place:
            found.append((place, []))
        found[-1][1].append(_WIDE.join(blank_date(words)))
    return tuple(tuple(words) for _, words in found)


def summary_paper(form: Form, version: Version, service: Service, drafts: Iterable[Mapping[str, Value]]) -> Paper:
    """The whole table as a document, the drafts in the order given."""
    filling = Filling(service=service, values={}, today=date.min)
    heading = [replace(row, heading=True) for row in table_rows(heading_of(form), filling)]
    rows = [_row(form, row_of(form, service, number, values)) for number, values in enumerate(drafts, 1)]
    table = Table(widths=column_widths(form.columns), rows=(*heading, *rows), size=_SIZE)
    blocks: list[Block] = [line("annex", form.annex)] if form.annex else []
    above = _lines("header", printed_lines(form, version, form.header))
    below = _lines("footer", printed_lines(form, version, form.footer))
    blocks += [line("title", form.title), *above, table, *below]
    blocks += [line("note", form.note)] if form.note else []
    return Paper(title=form.title, blocks=tuple(blocks))


def _lines(style: Style, lines: tuple[Line, ...]) -> list[Paragraph]:
    """The last of several words in a line stands at the right, with room to write where it waits for something."""
    made = []
    for words in lines:
        right = words[-1] + (_ROOM if words[-1].endswith("：") else "")
        texts = [words[0]] if len(words) == 1 else [_WIDE.join(words[:-1]), "\t", right]
        made.append(Paragraph(style=style, runs=tuple(Run(text=text) for text in texts)))
    return made


def _row(form: Form, contents: tuple[Content, ...]) -> Row:
    widths, column, boxes = column_widths(form.columns), 0, []
    for cell, said in zip(form.rows[-1], contents, strict=True):
        width = sum(widths[column : column + cell.columns])
        style: Style = "left" if cell.also else "cell"
        paragraphs = tuple(line(style, part) for part in str(said).split("\n"))
        boxes.append(Box(paragraphs=paragraphs, columns=cell.columns, width=width))
        column += cell.columns
    return Row(boxes=tuple(boxes), height=_HEIGHT)
