"""Does the table fit its page? An estimate of text heights, from which type size and overflow follow; no font is read."""

import unicodedata
from collections.abc import Sequence

from flows.layout import Box, Row

_MM = 25.4 / 72
LEADING = 1.4
"""Line height in ems; both renderers set it, so that every font takes the same room."""
PADDING_X = 4.0
"""Left and right of a cell's text together, in mm."""
_PADDING_Y = 1.6
SHORT = 9.0
"""Least height of a row that says nothing about it, in mm."""


def _ems(text: str) -> float:
    return sum(1.0 if unicodedata.east_asian_width(c) in "WFA" else 0.58 for c in text)


def ems_across(width: float, size: float) -> float:
    """How many ems a line holds in a cell of that width (mm) at that type size (points)."""
    return max(1.0, (width - PADDING_X) / (size * _MM))


def lines(text: str, width: float, size: float, indent: float = 0) -> int:
    """How many lines the text takes in that width (mm) at that type size (points), each paragraph indented by `indent` ems."""
    fit = max(1.0, width / (size * _MM) - 0.5)
    return sum(max(1, -int(-(_ems(part) + indent) // fit)) for part in text.split("\n"))


def _box_height(box: Box, size: float) -> float:
    total = sum(lines(p.text, box.width - PADDING_X, size, 2 if p.style == "long" else 0) for p in box.paragraphs)
    return total * size * LEADING * _MM + _PADDING_Y


def heights(rows: Sequence[Row], size: float) -> list[float]:
    """The height of each row in mm: its least height, or what its text needs; a box over several rows stretches the last of them."""
    found = [max([row.height or SHORT] + [_box_height(box, size) for box in row.boxes if box.rows == 1 and not box.merged]) for row in rows]
    for index, row in enumerate(rows):
        for box in row.boxes:
            if box.rows > 1:
                over = _box_height(box, size) - sum(found[index : index + box.rows])
                found[min(index + box.rows, len(rows)) - 1] += max(0.0, over)
    return found
