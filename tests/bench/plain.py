"""Plain text search over the clauses, for comparison: BM25 (bm25s, words cut by jieba) and rapidfuzz."""

import logging
import warnings
from typing import Any

from rapidfuzz import fuzz, process

from knowledge.types import Library

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # jieba's own: escape sequences, pkg_resources
    import bm25s
    import jieba

jieba.setLogLevel(logging.WARNING)


def clauses(library: Library) -> list[str]:
    """Every line of every document."""
    return [line for p in library.programmes for d in p.latest.documents for section in d.sections for line in section.lines]


class Fuzzy:
    """The clause most alike by rapidfuzz's weighted ratio."""

    def __init__(self, library: Library) -> None:
        self._clauses = clauses(library)

    def first(self, item: dict[str, Any]) -> str:
        """The best clause."""
        return process.extractOne(item["question"], self._clauses, scorer=fuzz.WRatio)[0]


class Bm25:
    """The clause that BM25 puts first."""

    def __init__(self, library: Library) -> None:
        self._clauses = clauses(library)
        self._index = bm25s.BM25()
        self._index.index([jieba.lcut(clause) for clause in self._clauses], show_progress=False)

    def first(self, item: dict[str, Any]) -> str:
        """The best clause."""
        numbers, _ = self._index.retrieve([jieba.lcut(item["question"])], k=1, show_progress=False)
        return self._clauses[int(numbers[0][0])]
