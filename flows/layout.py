"""What does a document consist of, whatever file it becomes? Records that the .docx and the PDF are both made from."""

from dataclasses import dataclass
from typing import Literal

Tone = Literal["", "missing", "quiet", "strong"]
Style = Literal[
    "annex",
    "title",
    "banner",
    "header",
    "footer",
    "note",
    "heading",
    "text",
    "item",
    "source",
    "cell",
    "label",
    "long",
    "left",
    "seal",
    "page",
]
"""`cell label long left seal` stand in tables; `page` begins a new page; `header` and `footer` part left from right at a tab."""

PAGE_WIDTH, PAGE_HEIGHT = 210, 297
"""A4 in mm."""
MARGIN_SIDE, MARGIN_TOP, MARGIN_BOTTOM = 27, 25, 20
TEXT_WIDTH = PAGE_WIDTH - 2 * MARGIN_SIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A stretch of text in one tone; a line feed breaks the line."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """One paragraph."""

    style: Style
    runs: tuple[Run, ...]

    @property
    def text(self) -> str:
        """All of its text."""
        return "".join(run.text for run in self.runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One cell of the grid; `merged` continues the box above it and is empty."""

    paragraphs: tuple[Paragraph, ...]
    columns: int = 1
    rows: int = 1
    merged: bool = False
    width: float = 0
    """In mm."""
    bottom: bool = False
    """Stands at the bottom of the cell, as a seal does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its boxes from left to right, merged ones among them, cover the whole width; `height` is the least, in mm."""

    boxes: tuple[Box, ...]
    height: float = 0
    heading: bool = False
    """Repeated at the top of each page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A grid with its column widths in mm and its type size in points."""

    widths: tuple[float, ...]
    rows: tuple[Row, ...]
    size: float = 12


Block = Paragraph | Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A whole document."""

    title: str
    blocks: tuple[Block, ...]


def line(style: Style, text: str, tone: Tone = "") -> Paragraph:
    """A paragraph of one run."""
    return Paragraph(style=style, runs=(Run(text=text, tone=tone),))
