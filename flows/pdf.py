"""How does a `Paper` become a PDF or a picture? One Typst template that reads the paper as JSON: no value is ever markup."""

import json
import re
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Literal

import pylopdf_fonts_zh_cn
from typst import Compiler, Fonts

from flows.fitting import LEADING, ems_across
from flows.layout import MARGIN_BOTTOM, MARGIN_SIDE, MARGIN_TOP, TEXT_WIDTH, Block, Box, Paper, Paragraph, Row, Table

_TEMPLATE = Path(__file__).parent / "wording" / "form.typ"
PIXELS_PER_INCH = 110
_WORD = re.compile(r"[!-~]+")
_WHOLE = 1200
"""A cell with fewer characters is not parted by the end of a page."""
_PAGE = {"side": MARGIN_SIDE, "top": MARGIN_TOP, "bottom": MARGIN_BOTTOM, "leading": LEADING}


@cache
def _fonts() -> Fonts:
    folder = Path(pylopdf_fonts_zh_cn.serif_path()).parent
    return Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder)])


def _compiler() -> Compiler:
    """A compiler of its own for each paper: one serves a single thread at a time; the fonts are shared, so this costs nothing."""
    return Compiler(str(_TEMPLATE), font_paths=_fonts(), ignore_system_fonts=True)


def breakable(text: str, ems: float) -> str:
    """The text with a chance to break (U+200B) inside words that are wider than `ems`: after @ and dots, else anywhere."""

    def opened(found: re.Match[str]) -> str:
        word = found.group()
        if len(word) * 0.58 <= ems:
            return word
        parts = re.findall(r"[^@.]{1,8}[@.]?|[@.]", word)
        return "\u200b".join(parts)

    return _WORD.sub(opened, text)


def _paragraph(paragraph: Paragraph, ems: float) -> dict[str, object]:
    runs = [{"text": breakable(run.text, ems), "tone": run.tone} for run in paragraph.runs]
    return {"style": paragraph.style, "runs": runs}


def _box(box: Box, size: float) -> dict[str, object]:
    ems = ems_across(box.width, size)
    return {
        "columns": box.columns,
        "rows": box.rows,
        "bottom": box.bottom,
        "whole": sum(len(p.text) for p in box.paragraphs) < _WHOLE,
        "paragraphs": [_paragraph(p, ems) for p in box.paragraphs],
    }


def _row(row: Row, size: float) -> dict[str, object]:
    return {"height": row.height, "heading": row.heading, "boxes": [_box(box, size) for box in row.boxes if not box.merged]}


def _block(block: Block) -> dict[str, object]:
    if isinstance(block, Table):
        return {"table": {"widths": block.widths, "size": block.size, "rows": [_row(row, block.size) for row in block.rows]}}
    return _paragraph(block, ems_across(TEXT_WIDTH, 12))


def _inputs(paper: Paper) -> dict[str, str]:
    return {"paper": json.dumps({"title": paper.title, "page": _PAGE, "blocks": [_block(block) for block in paper.blocks]})}


def _compiled(paper: Paper, form: Literal["pdf", "png"]) -> bytes:
    made = _compiler().compile(format=form, ppi=PIXELS_PER_INCH, sys_inputs=_inputs(paper), pdf_tags=False)
    first = made[0] if isinstance(made, list) else made
    return first or b""


def pdf(paper: Paper) -> bytes:
    """The paper as a PDF; a character that the fonts lack shows as an empty box."""
    return _compiled(paper, "pdf")


def png(paper: Paper) -> bytes:
    """The paper's first page as a picture, 110 dots an inch."""
    first = tuple(takewhile(lambda block: isinstance(block, Table) or block.style != "page", paper.blocks))
    return _compiled(Paper(title=paper.title, blocks=first), "png")
