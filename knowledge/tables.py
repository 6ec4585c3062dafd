"""Do a form's cells tile its table, and does every printed word stand in the annex?"""

from collections.abc import Iterator

from knowledge.defects import Defect
from knowledge.records import walk
from knowledge.sources import Volume
from knowledge.text import squeeze
from knowledge.types import Cell, Form, Version

Problem = tuple[str, str, str]


def prove(volume: Volume) -> Iterator[Defect]:
    """A defect for each hole, overlap or overhang of a table, each cell that is not one thing, each word the annex does not print."""
    for form in volume.version.forms:
        for key, problem, remedy in (*_tiling(form), *_contents(form), *_printed(form, volume.version)):
            yield Defect(file=f"{volume.forms}/{form.key}.toml", key=key, problem=problem, remedy=remedy)


def _tiling(form: Form) -> Iterator[Problem]:
    width = len(form.columns)
    if not width or not form.rows or min(form.columns, default=1) <= 0:
        yield "columns", "表格没有列、没有行，或列宽不是正数", "写上各列的宽与各行的格"
        return
    taken: set[tuple[int, int]] = set()
    for index, row in enumerate(form.rows):
        column = 0
        for place, cell in enumerate(row):
            while (index, column) in taken:
                column += 1
            path = f"rows.{index}.{place}"
            if cell.columns < 1 or cell.rows < 1:
                yield path, f"格跨 {cell.columns} 列 {cell.rows} 行", "至少各为 1"
                return
            if column + cell.columns > width:
                yield path, f"格伸到第 {column + cell.columns} 列，表只有 {width} 列", "减少 columns，或把格移到别行"
                return
            spread = {(index + r, column + c) for r in range(cell.rows) for c in range(cell.columns)}
            if spread & taken:
                yield path, "格与上一行跨下来的格重叠", "减少 columns 或 rows"
            if index + cell.rows > len(form.rows):
                yield path, f"格跨到第 {index + cell.rows} 行，表只有 {len(form.rows)} 行", "减少 rows"
            taken |= spread
            column += cell.columns
        holes = [c + 1 for c in range(width) if (index, c) not in taken]
        if holes:
            yield f"rows.{index}", f"第 {'、'.join(map(str, holes))} 列没有格", "补上格，或加大 columns"


def _contents(form: Form) -> Iterator[Problem]:
    for path, cell in walk(form):
        if not isinstance(cell, Cell):
            continue
        count = sum((bool(cell.label), bool(cell.field), cell.office, cell.mark is not None))
        both = form.kind == "summary" and cell.label and cell.field and count == 2
        if count != 1 and not both:
            yield path, f"一格里有 {count} 种内容", "label、field、office、mark 恰好写一个"
        elif cell.text and not cell.office:
            yield f"{path}.text", "只有 office 格有 text", "改为 label，或加 office = true"
        elif (cell.prefix or cell.also) and not cell.field:
            yield path, "prefix 与 also 要有 field", "写上 field"


def _printed(form: Form, version: Version) -> Iterator[Problem]:
    """Words of the form that its section does not print; white space does not count."""
    documents = [d for d in version.documents if d.key == form.doc] or list(version.documents[:1])
    lines = [line for d in documents for s in d.sections if s.article == form.article for line in s.lines]
    if not lines:
        return
    text = squeeze("".join(lines))
    words = {"title": form.title, "note": form.note}
    for path, cell in walk(form):
        if isinstance(cell, Cell):
            words |= {f"{path}.label": cell.label, f"{path}.prefix": cell.prefix, f"{path}.text": cell.text}
    for path, word in words.items():
        if word and squeeze(word) not in text:
            yield path, f"「{word[:30]}」不在「{form.article}」的原文里", "照附件原样写"
