"""What is shown of figures about people? Rows of a chart with its table; a number that could point at somebody is withheld."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FEW = 5
"""Below this a number of people is not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One bar: its name, what is written beside it, its length in percent of the longest, and more cells of the table."""

    label: str
    shown: str
    percent: int
    cells: tuple[str, ...] = ()


def told(number: int, people: int | None = None) -> str:
    """A number as it may be shown; `people`: how many are behind it, where it counts something else."""
    behind = number if people is None else people
    return f"<{FEW}" if 0 < behind < FEW else f"{number:,}"


def share(part: int, whole: int) -> str:
    """A share in percent; a dash where either number is withheld, or there is no whole."""
    if whole < FEW or 0 < part < FEW:
        return "—"
    return f"{round(100 * part / whole)}%"


def rows(counted: Sequence[tuple[str, int, tuple[str, ...]]], whole: int = 0, people: Mapping[str, int] | None = None) -> tuple[Row, ...]:
    """Bars for (label, number, further cells), long as the numbers are; one that is withheld has none."""
    behind = people or {}
    longest = max((number for _, number, _ in counted), default=0)
    longest = max(longest, whole)
    return tuple(
        Row(label=label, shown=told(number, behind.get(label)), percent=_percent(number, behind.get(label, number), longest), cells=cells)
        for label, number, cells in counted
    )


def _percent(number: int, behind: int, longest: int) -> int:
    return 0 if behind < FEW or not longest else max(1, round(100 * number / longest))


def drop_off(fields: Sequence[tuple[str, str]], answered: Mapping[str, int], left: Mapping[str, int], begun: int) -> tuple[Row, ...]:
    """For each question of a service, in the order asked: how many answered it, and how many left after it.

    `fields` are keys with labels; questions that nobody was asked are left out.
    """
    counted = [(label, answered.get(key, 0), (share(answered.get(key, 0), begun), told(left.get(key, 0)))) for key, label in fields]
    first = [("（一题也没答）", 0, ("", told(left[""])))] if left.get("") else []
    return rows([*first, *(one for one in counted if one[1])], begun)
