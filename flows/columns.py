"""Which columns does a service have where drafts stand in rows? Those of its annex, in its order and words; then further facts.

What nobody gave is empty.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from flows.eligibility import evaluate
from flows.form import form_of
from flows.shown import field_of, shown
from knowledge.text import squeeze
from knowledge.types import Cell, Field, Form, Service, Test, Value, Version

Content = str | int | float
"""What stands in a cell of a table: text, or a number to reckon with; empty text where nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: a field, or for an assessment sheet the standards that a line of it is chosen from."""

    name: str
    field: Field | None = None
    standards: tuple[tuple[Test, str], ...] = ()

    @property
    def key(self) -> str:
        """What makes the columns of two services the same one."""
        return self.field.key if self.field else self.name

    def content(self, values: Mapping[str, Value], today: date) -> Content:
        """What stands there for a draft with these values."""
        if self.field is not None:
            return content(self.field, values.get(self.field.key))
        return next((text for test, text in self.standards if evaluate(test, values, today) is True), "")


def content(field: Field, value: Value) -> Content:
    """A value as the form words it; numbers and sums stay numbers."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value) if float(value).is_integer() else value
    return shown(field, value)


def columns(version: Version, service: Service) -> tuple[Column, ...]:
    """All columns of the service; each field stands in one, and no two have the same name."""
    form = form_of(version, service)
    printed = _printed(form, service) if form else []
    keys, names = {column.key for column in printed}, {column.name for column in printed}
    rest = [field for field in service.fields if field.key not in keys]
    asked = [Column(name=f"{f.label}（所填）" if f.label in names else f.label, field=f) for f in rest]
    return _distinct([*printed, *asked])


def _printed(form: Form, service: Service) -> list[Column]:
    """The annex's columns: its line above the table, the table, the line below."""
    cells = [*_line(form.header), *_filled(form), *_line(form.footer)]
    shared = Counter(label for label, cell in cells for _ in _fields(cell, service))
    found = []
    for label, cell in cells:
        if cell.mark is not None:
            found.append(Column(name=label, standards=_standards(form, label)))
        for field in _fields(cell, service):
            part = _bare(cell.prefix) or field.label
            found.append(Column(name=f"{label}（{part}）" if shared[label] > 1 else label or part, field=field))
    return found


def _fields(cell: Cell, service: Service) -> list[Field]:
    return [field for key in (cell.field, *cell.also) if key and (field := field_of(service, key))]


def _bare(text: str) -> str:
    return re.sub("[：:]", "", squeeze(text))


def _line(cells: tuple[Cell, ...]) -> list[tuple[str, Cell]]:
    return [(_bare(cell.prefix), cell) for cell in cells if cell.field]


def _filled(form: Form) -> list[tuple[str, Cell]]:
    """Each cell that is filled, once, with the label printed at its left; of an assessment's lines the first of each content."""
    found: dict[str | int, tuple[str, Cell]] = {}
    for row in laid_out(form):
        for column, cell in row.items():
            if cell.mark is not None:
                found.setdefault(_first(row), (_first(row), cell))
            elif cell.field:
                found.setdefault(id(cell), (_left_of(row, column), cell))
    return list(found.values())


def _standards(form: Form, content: str) -> tuple[tuple[Test, str], ...]:
    rows = [row for row in laid_out(form) if _first(row) == content]
    return tuple((cell.mark, _left_of(row, column)) for row in rows for column, cell in row.items() if cell.mark is not None)


def _left_of(row: dict[int, Cell], column: int) -> str:
    return next((squeeze(row[at].label) for at in range(column - 1, -1, -1) if at in row and row[at].label), "")


def _first(row: dict[int, Cell]) -> str:
    return squeeze(row[0].label)


def laid_out(form: Form) -> list[dict[int, Cell]]:
    """For each row its cells by the column they begin in, those that reach down from above among them."""
    rows: list[dict[int, Cell]] = [{} for _ in form.rows]
    for index, cells in enumerate(form.rows):
        column = 0
        for cell in cells:
            while column in rows[index]:
                column += rows[index][column].columns
            for row in rows[index : index + cell.rows]:
                row[column] = cell
            column += cell.columns
    return [dict(sorted(row.items())) for row in rows]


def _distinct(found: list[Column]) -> tuple[Column, ...]:
    """Two columns of one name get a number."""
    counted: Counter[str] = Counter()
    made = []
    for column in found:
        counted[column.name] += 1
        made.append(column if counted[column.name] == 1 else replace(column, name=f"{column.name}（{counted[column.name]}）"))
    return tuple(made)
