"""How do drafts become a workbook? A sheet for each service, a row for each draft; text is written as text, whatever it begins with."""

import re
from pathlib import Path
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from bot.export import rows
from bot.export.source import Group, Selection, Source
from flows.columns import Column, Content

_UNFIT = re.compile(r"[\[\]:*?/\\']")
_LONGEST_NAME = 31
_WIDTHS = {"long_text": 48, "text": 24, "date": 14, "month": 12, "number": 12, "yes_no": 10, "choice": 12}
_OWN_WIDTHS = (10, 8, 40, 20, 10, 17, 17, 10, 36)
_PLAIN = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}


def workbook(out: Path, *, by_row: bool) -> Workbook:
    """A workbook; what it writes meanwhile lies beside the file. `by_row`: it keeps one row in memory, and none can be written to again."""
    return Workbook(str(out), {"constant_memory": by_row, "tmpdir": str(out.parent), **_PLAIN})


class Cells:
    """Writes cells of one format; text that looks like a formula also stays text when somebody edits the cell."""

    def __init__(self, book: Workbook, sheet: Worksheet, look: dict[str, Any]) -> None:
        self._sheet, self._look = sheet, book.add_format(look)
        self._quoted: Format = book.add_format({**look, "quote_prefix": True})

    def write(self, row: int, column: int, value: Content) -> None:
        """A number as a number, anything else as text."""
        if isinstance(value, str):
            look = self._quoted if rows.looks_like_formula(value) else self._look
            self._sheet.write_string(row, column, rows.cut(value), look) if value else self._sheet.write_blank(
                row, column, None, self._look
            )
        else:
            self._sheet.write_number(row, column, value, self._look)


class _Sheet:
    """The sheet of a service."""

    def __init__(self, book: Workbook, group: Group, name: str) -> None:
        self.columns = rows.columns_of(group)
        self._sheet, self._next = book.add_worksheet(name), 1
        self._cells = Cells(book, self._sheet, {"valign": "top", "text_wrap": True})
        self._head(book, len(group.ids))

    def _head(self, book: Workbook, count: int) -> None:
        bold = Cells(book, self._sheet, {"bold": True, "text_wrap": True, "valign": "vcenter", "bottom": 1})
        names = [*(column.name for column in self.columns), *rows.ABOUT]
        for at, width in enumerate([*map(_width, self.columns), *_OWN_WIDTHS]):
            self._sheet.set_column(at, at, width)
        self._sheet.freeze_panes(1, 0)
        self._sheet.autofilter(0, 0, count, len(names) - 1)
        for at, name in enumerate(names):
            bold.write(0, at, name)

    def add(self, contents: list[Content]) -> None:
        """One more row."""
        for at, value in enumerate(contents):
            if value != "":
                self._cells.write(self._next, at, value)
        self._next += 1


def _width(column: Column) -> int:
    return _WIDTHS.get(column.field.kind, 20) if column.field else 48


def write_xlsx(source: Source, selection: Selection, out: Path) -> None:
    """A sheet for each service."""
    sheets: dict[str, _Sheet] = {}
    with workbook(out, by_row=True) as book:
        for group, entry in source.entries(selection):
            if group.title not in sheets:
                sheets[group.title] = _Sheet(book, group, _sheet_name(group, len(sheets)))
            sheet = sheets[group.title]
            sheet.add([*rows.row(entry, sheet.columns, source.today), *rows.about(entry)])


def _sheet_name(group: Group, number: int) -> str:
    """At most 31 characters, none of those that a sheet's name must not have; unlike any other."""
    name = _UNFIT.sub("", group.title)
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}…{number + 1}"
