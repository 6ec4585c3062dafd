"""How is a question read for its topic? Runs of characters and notions (`concepts` of topics.toml), without the names of places.

Works on text that `Names.restored` made. Which topic the features point to is `model.py`'s; answers are `flows/`'s.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path

import tomli

from knowledge.names import HERE, Names
from knowledge.types import Library

_META = re.compile(r"[\\.\[\](){}?*+^$]")
_LONGEST_WORD = 10
_NOTION_WEIGHT = 1.6
"""How much one notion counts beside a run of characters."""
_LENGTH_DISCOUNT = 0.35
_ASIDES = frozenset({"请问", "一下", "那个", "这个"})
_ASIDE = re.compile(r"[\s,。;:!?、\"'“”‘’()《》<>~…]+")
_WORD = re.compile(r"[a-z]{2,}")
_LETTERS = re.compile(r"[a-z]{4,}")
_SMALL = re.compile(
    r"the|a|an|is|are|was|be|do|does|did|can|could|will|would|may|of|in|on|at|to|for|from|by|with|and|or|not|it|its"
    r"|we|our|us|you|your|i|my|me|they|their|there|this|that|these|those|how|what|which|who|when|where|why|much|many|if|as|any|some|please|tell"
)
"""English words that say nothing of the matter."""
_ENDINGS = ("ies", "es", "s", "ed", "ing", "ly")
_ENGLISH = re.compile(r"[a-z]{3,} [a-z]{2,}")
_DENIED = re.compile(r"[,(]?(?<!是)不是[^,。;()?]{1,5}(?=[),。;]|$)")
_SHORTEST_OWN = 4
"""Characters that make wording one's own."""
_LONGEST_TEXT = 400
"""Characters that are read: a question that begins after them is not found."""
_READ_AGAIN = 16
"""Texts whose features are remembered: one question is read for its topic, for a case and for its parts."""


class Notions:
    """Finds the notions of a text: plain words by look-up, the rest by regular expressions."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self._words: dict[str, set[str]] = defaultdict(set)
        self._patterns: list[tuple[str, re.Pattern[str]]] = []
        for notion, alternatives in table.items():
            rest = []
            for part in _alternatives(alternatives):
                if _META.search(part) or len(part) > _LONGEST_WORD:
                    rest.append(part)
                else:
                    self._words[part].add(notion)
            if rest:
                self._patterns.append((notion, re.compile("|".join(rest))))
        lengths: dict[str, set[int]] = defaultdict(set)
        for word in self._words:
            lengths[word[:1]].add(len(word))
        self._lengths = {first: tuple(sorted(found)) for first, found in lengths.items()}
        """Of the words that begin with a character, their lengths."""

    def words(self) -> tuple[str, ...]:
        """All plain words, for reading pinyin."""
        return tuple(self._words)

    def of(self, text: str) -> set[str]:
        """The notions that occur in the text."""
        found: set[str] = set()
        for at, first in enumerate(text):
            for length in self._lengths.get(first, ()):
                notions = self._words.get(text[at : at + length])
                if notions:
                    found |= notions
        found.update(notion for notion, pattern in self._patterns if pattern.search(text))
        return found


def _alternatives(pattern: str) -> list[str]:
    """The pattern split at the bars outside brackets."""
    parts, depth, current = [], 0, ""
    for c in pattern:
        depth += (c in "([") - (c in ")]")
        if c == "|" and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += c
    return [*parts, current]


class Reader:
    """Turns a question into features: what is asked, wherever it is. Built once from a library's names."""

    def __init__(self, library: Library, concepts: Mapping[str, str], folder: Path = HERE / "programmes") -> None:
        self.notions = Notions(concepts)
        self.names = Names(library, folder, vocabulary=[w for w in self.notions.words() if not w.isascii()])
        self._ignore = re.compile("|".join(sorted(map(re.escape, self.names.where() | _ASIDES), key=len, reverse=True)) or "(?!)")
        self.features = lru_cache(_READ_AGAIN)(self._features)
        """Each run of one to three characters of a text, each English word and each notion, once."""

    def stripped(self, text: str) -> str:
        """The beginning of a question without programme and place names, spaces and punctuation."""
        return _ASIDE.sub("", self._ignore.sub("", _DENIED.sub("", text[:_LONGEST_TEXT])))

    def _features(self, text: str) -> tuple[str, ...]:
        bare = self.stripped(text)
        found, words = self._notions(text, bare), _WORD.findall(text[:_LONGEST_TEXT])
        bare = _LETTERS.sub("", bare) if words else bare
        if _ENGLISH.search(text):
            bare += self.stripped(" ".join(_in_chinese(text[:_LONGEST_TEXT].lower())))
        runs = [bare[i : i + n] for n in (1, 2, 3) for i in range(len(bare) - n + 1)]
        notions = ("#" + notion for notion in sorted(found))
        return tuple(dict.fromkeys([*runs, *("@" + word for word in words if not _SMALL.fullmatch(word)), *notions]))

    def factor(self, feature: str) -> float:
        """How much a feature counts beside a run of characters."""
        return _NOTION_WEIGHT if feature.startswith("#") else 1.0

    def _notions(self, text: str, bare: str) -> set[str]:
        """Notions of the stripped text; of English also with its spaces."""
        found = self.notions.of(bare)
        return found | self.notions.of(text[:_LONGEST_TEXT]) if _ENGLISH.search(text) else found


@cache
def _english() -> Mapping[str, str]:
    """The content of `english.toml`."""
    return tomli.loads((HERE / "english.toml").read_text(encoding="utf-8"))


def _in_chinese(text: str) -> Iterator[str]:
    """What the English words of a text are called here: those of several words first, then each word or its stem."""
    table = _english()
    for several in sorted((name for name in table if not name.isalpha() and name in text), key=len, reverse=True):
        yield table[several]
        text = text.replace(several, " ")
    for word in _WORD.findall(text):
        stems = (word, *(word.removesuffix(ending) + more for ending in _ENDINGS if word.endswith(ending) for more in ("", "e")))
        if found := next((stem for stem in stems if stem in table), ""):
            yield table[found]


class Wording:
    """How much of a question's wording stands in one of several texts: pairs of characters, rare ones counting more."""

    def __init__(self, texts: Mapping[str, Iterable[str]], reader: Reader) -> None:
        self._reader = reader
        pairs = {key: frozenset().union(*map(_pairs, parts)) for key, parts in texts.items()}
        spread = Counter(pair for found in pairs.values() for pair in found)
        self._idf = {pair: math.log(1 + len(pairs) / n) for pair, n in spread.items()}
        self._unseen = math.log(1 + len(pairs))
        self._holding: dict[str, list[str]] = defaultdict(list)
        for key, found in pairs.items():
            for pair in found:
                self._holding[pair].append(key)
        mean = sum(map(len, pairs.values())) / max(1, len(pairs))
        self._size = {key: min(1.0, mean / max(1, len(found))) ** _LENGTH_DISCOUNT for key, found in pairs.items()}

    def shares(self, question: str) -> dict[str, float]:
        """For each text the share of the question's wording that it holds, 0..1, long texts a little discounted."""
        asked = _pairs(self._reader.stripped(question))
        whole = sum(self._idf.get(pair, self._unseen) for pair in asked) or 1.0
        sums: dict[str, float] = defaultdict(float)
        for pair in asked:
            for key in self._holding.get(pair, ()):
                sums[key] += self._idf[pair]
        return {key: min(1.0, value / whole * self._size[key]) for key, value in sums.items()}


class Owners:
    """Whose words are these? Finds wording that stands in the texts of a single owner: 皇冠大厦 is in one programme's papers only."""

    def __init__(self, texts: Mapping[str, str], reader: Reader) -> None:
        self._reader = reader
        holding: dict[str, set[str]] = defaultdict(set)
        for owner, text in texts.items():
            bare = _ASIDE.sub("", text)
            for at in range(len(bare) - _SHORTEST_OWN + 1):
                holding[bare[at : at + _SHORTEST_OWN]].add(owner)
        self._owner = {run: next(iter(owners)) for run, owners in holding.items() if len(owners) == 1}

    def of(self, text: str) -> tuple[str, int]:
        """The owner of the longest stretch that only its texts hold, and the stretch's length; ("", 0) for none, or two alike."""
        longest: dict[str, int] = {}
        bare = self._reader.stripped(text)
        at = 0
        while at <= len(bare) - _SHORTEST_OWN:
            owner, start = self._owner.get(bare[at : at + _SHORTEST_OWN], ""), at
            while owner and self._owner.get(bare[at + 1 : at + 1 + _SHORTEST_OWN]) == owner:
                at += 1
            if owner:
                longest[owner] = max(longest.get(owner, 0), at - start + _SHORTEST_OWN)
            at += 1
        best = max(longest.values(), default=0)
        owners = [owner for owner, length in longest.items() if length == best]
        return (owners[0], best) if len(owners) == 1 else ("", 0)


@lru_cache(2048)
def _pairs(text: str) -> frozenset[str]:
    """Neighbouring characters, punctuation aside; remembered, for many topics quote the same clause."""
    bare = _ASIDE.sub("", text)
    return frozenset(map("".join, pairwise(bare)))
