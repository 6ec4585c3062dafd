"""One measured figure beside its baseline and its goal, and the table of them all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")
RUNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The median of the runs, in `unit`; `baseline` is the plain machine doing the least of the same kind, measured in the same runs."""

    name: str
    value: float
    goal: float | None = None
    baseline: float | None = None
    against: str = ""
    unit: str = "ms"

    def row(self) -> str:
        """One line of a Markdown table."""
        goal = "" if self.goal is None else f"≤ {self.goal:g} {self.unit}"
        kept = "" if self.goal is None else ("yes" if self.value <= self.goal else "**no**")
        ratio = "" if not self.baseline else f"{self.value / self.baseline:,.1f} × ({_digits(self.baseline)} {self.unit}: {self.against})"
        return f"| {self.name} | {_digits(self.value)} {self.unit} | {goal} | {kept} | {ratio} |"


def _digits(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


HEAD = "| what | median of 5 runs | goal | kept | × baseline |\n|---|---|---|---|---|"


def table(figures: Sequence[Figure]) -> str:
    """The figures as Markdown."""
    return "\n".join((HEAD, *(figure.row() for figure in figures)))


def milliseconds(work: Callable[[], T]) -> tuple[float, T]:
    """How long the work took, and what it gave."""
    begun = perf_counter()
    made = work()
    return (perf_counter() - begun) * 1000, made


def percentile(times: Sequence[float], percent: int) -> float:
    """The value below which that share of the times lies."""
    return quantiles(times, n=100, method="inclusive")[percent - 1]


def mid(values: Sequence[float]) -> float:
    """The median."""
    return median(values)
