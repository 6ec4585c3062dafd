"""How does a bureau's summary table become a file? As Word document and as workbook, both with the annex's own words and cells."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from bot.export.source import ExportError, Group, Selection, Source
from bot.export.spreadsheet import Cells, workbook
from flows.columns import laid_out
from flows.docx import docx
from flows.form import column_widths
from flows.summary_table import heading_of, printed_lines, row_of, summaries, summary_paper
from knowledge.types import Form, Value

_MM_PER_CHARACTER = 1.9
_FONT = {"font_name": "仿宋", "font_size": 11}
_CELL = {**_FONT, "border": 1, "align": "center", "valign": "vcenter", "text_wrap": True}


def only_listed(selection: Selection) -> Selection:
    """The drafts of the one service that has a summary table. ExportError where there is none, or more than one."""
    return replace(selection, groups=(_listed(selection)[0],))


def _listed(selection: Selection) -> tuple[Group, Form]:
    found = [(group, form) for group in selection.groups for form in summaries(group.version, group.service.key)]
    if not found:
        raise ExportError("选中的草稿所属的项目没有汇总表；请筛选有汇总表的项目，或改用别的格式")
    if len(found) > 1:
        names = "、".join(group.title for group, _ in found)
        raise ExportError(f"一张汇总表只列一个项目，选中的有 {names}；请先筛选其中一个")
    return found[0]


def _values(source: Source, selection: Selection) -> Iterator[dict[str, Value]]:
    for _, entry in source.entries(selection):
        yield entry.case.values


def write_summary_docx(source: Source, selection: Selection, out: Path) -> None:
    """The table as a Word document."""
    group, form = _listed(selection)
    out.write_bytes(docx(summary_paper(form, group.version, group.service, _values(source, selection))))


def write_summary_xlsx(source: Source, selection: Selection, out: Path) -> None:
    """The table as a workbook, ready for A4."""
    group, form = _listed(selection)
    with workbook(out, by_row=False) as book:
        sheet = book.add_worksheet(form.name)
        _page(sheet, form)
        row = _above(book, sheet, group, form)
        row = _heading(book, sheet, form, row)
        cells = Cells(book, sheet, _CELL)
        for number, values in enumerate(_values(source, selection), 1):
            column = 0
            for cell, value in zip(form.rows[-1], row_of(form, group.service, number, values), strict=True):
                _span(book, sheet, cells, (row, column, 1, cell.columns), value)
                column += cell.columns
            row += 1
        _below(book, sheet, group, form, row)


def _page(sheet: Worksheet, form: Form) -> None:
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.center_horizontally()
    for at, width in enumerate(column_widths(form.columns)):
        sheet.set_column(at, at, width / _MM_PER_CHARACTER)


def _above(book: Workbook, sheet: Worksheet, group: Group, form: Form) -> int:
    """Annex line, title, header lines; the next row."""
    last = len(form.columns) - 1
    row = 0
    if form.annex:
        sheet.write_string(row, 0, form.annex, book.add_format({"font_name": "黑体", "font_size": 16}))
        row += 1
    title = {"font_name": "方正小标宋简体", "font_size": 20, "align": "center", "valign": "vcenter"}
    sheet.set_row(row, 36)
    sheet.merge_range(row, 0, row, last, form.title, book.add_format(title))
    return _lines(book, sheet, printed_lines(form, group.version, form.header), row + 1, last)


def _below(book: Workbook, sheet: Worksheet, group: Group, form: Form, row: int) -> None:
    last = len(form.columns) - 1
    row = _lines(book, sheet, printed_lines(form, group.version, form.footer), row, last)
    if form.note:
        sheet.merge_range(row, 0, row, last, form.note, book.add_format({**_FONT, "text_wrap": True}))


def _lines(book: Workbook, sheet: Worksheet, lines: tuple[tuple[str, ...], ...], row: int, last: int) -> int:
    """A row for each line; of several words the last begins where the right part of the table begins."""
    look = book.add_format(_FONT)
    right = (last + 1) * 4 // 7
    for words in lines:
        sheet.write_string(row, 0, "　　".join(words[:-1] or words), look)
        if len(words) > 1:
            sheet.write_string(row, right, words[-1], look)
        row += 1
    return row


def _heading(book: Workbook, sheet: Worksheet, form: Form, top: int) -> int:
    """The printed rows, merged as in the annex, repeated on each page; the next row."""
    cells = Cells(book, sheet, _CELL)
    heading = laid_out(heading_of(form))
    written: set[int] = set()
    for at, found in enumerate(heading):
        for column, cell in found.items():
            if id(cell) not in written:
                written.add(id(cell))
                _span(book, sheet, cells, (top + at, column, cell.rows, cell.columns), cell.label)
    sheet.repeat_rows(top, top + len(heading) - 1)
    return top + len(heading)


def _span(book: Workbook, sheet: Worksheet, cells: Cells, area: tuple[int, int, int, int], value: str | int | float) -> None:
    row, column, rows, columns = area
    if rows * columns > 1:
        sheet.merge_range(row, column, row + rows - 1, column + columns - 1, "", book.add_format(_CELL))
    cells.write(row, column, value)
