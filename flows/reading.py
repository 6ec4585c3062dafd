"""What is the result of reading one answer? The record that every reader returns, and how a refusal is worded."""

from dataclasses import dataclass

from knowledge.types import Field, Value

LONGEST = 60
"""Characters of a refusal, example included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One answer, read. With a `problem` the value must not be used, except that `retry` is accepted when it is given twice."""

    value: Value = None
    """The normal form; None: not known, skipped."""
    problem: str = ""
    """One sentence: what is wrong, with an example."""
    note: str = ""
    """Something to tell although the value was taken."""
    label: str = ""
    """How the value is shown."""
    retry: Value = None
    """A value that is doubtful but plausible: given a second time it counts."""


def refuse(field: Field, what: str, example: str = "") -> Reading:
    """A refusal: what is wrong, then the example as far as it fits into `LONGEST` characters."""
    shown = example or field.example
    what = what.rstrip("。")
    tail = f"，例如：{shown}" if shown else ""
    if len(what) + len(tail) + 1 > LONGEST:
        tail = ""
    return Reading(problem=what[: LONGEST - 1] + tail + "。")


def short(text: str, size: int = 10) -> str:
    """The text as it is quoted in a refusal: one line, at most `size` characters."""
    line = " ".join(text.split())
    return line if len(line) <= size else line[: size - 1] + "…"
