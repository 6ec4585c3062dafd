"""What does a policy question cost, and what do others find? With five programmes, fifty and a thousand; beside plain text search."""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from flows.answers import Answerer
from knowledge.load import load
from tests.bench.figures import RUNS, Figure, mid, milliseconds, percentile
from tests.bench.library import renamed
from tests.bench.plain import Bm25, Fuzzy
from tests.strange import strange

SETS = Path(__file__).parents[1] / "questions"
DEVELOPED = ("dev", "dev2")
TODAY = date(2026, 11, 22)
BUILD = (
    "from flows.answers import Answerer; from knowledge.load import library; l = library(); from time import perf_counter; "
    "t = perf_counter(); Answerer(l); print((perf_counter() - t) * 1000)"
)
MANY = 200
"""Copies of the five for the thousand."""
SOME = 25
"""Every so many questions are asked of the thousand: each takes long."""
STRANGE = 10_000

Ask = Callable[[dict[str, Any]], object]


def figures() -> list[Figure]:
    """All parts; the thousand programmes are measured once."""
    return [*_five(), *_renamed(10, "50 programmes", 10.0), *_renamed(MANY, f"{5 * MANY:,} programmes", None, runs=1), *_strange()]


def questions() -> list[dict[str, Any]]:
    """All question sets of the project."""
    return [json.loads(line) for file in sorted(SETS.glob("*.jsonl")) for line in file.read_text(encoding="utf-8").splitlines()]


def _asker(answerer: Answerer) -> Ask:
    return lambda item: answerer.ask(item["question"], programme=item["context_programme"], today=TODAY)


def _times(ask: Callable[[Any], object], items: Sequence[Any]) -> list[float]:
    return [milliseconds(partial(ask, item))[0] for item in items]


def _quantiles(ask: Ask, items: Sequence[dict[str, Any]], runs: int = RUNS) -> tuple[float, float]:
    """p50 and p99 in ms, each the median of the runs; what is made at the first use is not counted."""
    _times(ask, items)
    found = [_times(ask, items) for _ in range(runs)]
    return mid([percentile(times, 50) for times in found]), mid([percentile(times, 99) for times in found])


def _five() -> list[Figure]:
    items = questions()
    library = load()
    ours = _quantiles(_asker(Answerer(library)), items)
    rapid, bm25 = Fuzzy(library), Bm25(library)
    others = {"rapidfuzz": _quantiles(rapid.first, items), "bm25s": _quantiles(bm25.first, items)}
    build = mid(
        [float(subprocess.run([sys.executable, "-c", BUILD], check=True, capture_output=True, text=True).stdout) for _ in range(RUNS)]
    )
    found = [
        Figure(
            name=f"a question, 5 programmes, {name}",
            value=ours[n],
            goal=goal,
            baseline=others["bm25s"][n],
            against="bm25s + jieba over the clauses",
        )
        for n, (name, goal) in enumerate((("p50", 1.0), ("p99", 5.0)))
    ]
    found.append(Figure(name="rapidfuzz over the clauses, p50", value=others["rapidfuzz"][0]))
    found.append(Figure(name="building the index, 5 programmes", value=build, goal=400))
    return found + _accuracy(items, _asker(Answerer(library)), {"rapidfuzz": rapid.first, "bm25s + jieba": bm25.first})


def _accuracy(items: Sequence[dict[str, Any]], ours: Ask, others: dict[str, Callable[[dict[str, Any]], str]]) -> list[Figure]:
    """Of the questions with evidence, how often it is quoted: by the answer, or by the one clause that text search puts first."""
    asked = [item for item in items if item["evidence"] and item["kind"] != "compare"]
    quoted = _share(asked, lambda item: "".join(c.quote for c in ours(item).citations))  # type: ignore[attr-defined]  # Answered
    found = [Figure(name=f"evidence quoted, {len(asked):,} questions of all sets", value=quoted, unit="%")]
    return found + [
        Figure(name=f"the same, {name}: the clause put first", value=_share(asked, first), unit="%") for name, first in others.items()
    ]


def _share(asked: Sequence[dict[str, Any]], said: Callable[[dict[str, Any]], str]) -> float:
    return 100 * sum(any(_bare(e) in _bare(said(item)) for e in item["evidence"]) for item in asked) / len(asked)


def _bare(text: str) -> str:
    return "".join(text.split())


def _renamed(copies: int, name: str, goal: float | None, runs: int = RUNS) -> list[Figure]:
    """The questions of the packaged five, asked as they are, amid the copies."""
    with renamed(copies) as (answerer, _):
        p50, p99 = _quantiles(_asker(answerer), questions()[:: 1 if runs > 1 else SOME], runs)
    return [Figure(name=f"a question, {name}, p50", value=p50), Figure(name=f"a question, {name}, p99", value=p99, goal=goal)]


def _strange() -> list[Figure]:
    answerer = Answerer(load())
    times = _times(lambda text: answerer.ask(text, today=TODAY), list(strange(random.Random(1), STRANGE)))
    return [Figure(name=f"the slowest of {STRANGE:,} strange texts", value=max(times))]
