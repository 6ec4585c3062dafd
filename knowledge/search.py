"""Which topic is a question about? Scores topics by notions (`concepts` and `cues` of topics.toml) and by likeness to phrasings.

Works on text that `Names.restored` made; knows nothing of programmes, answers or dates.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_META = re.compile(r"[\\.\[\](){}?*+^$]")
_LONGEST_WORD = 10
_NOTION_WEIGHT = 1.6
"""How much one notion counts in the likeness of two texts, beside a pair of characters."""
_CUE_WEIGHT = 0.16
_LEAST_CUE = 3.0
"""What a cue weighs at least, however common its notions."""
_LENGTH_DISCOUNT = 0.35
_ENGLISH = re.compile(r"[a-z]{3,} [a-z]{2,}")
_DENIED = re.compile(r"[,(]?(?<!是)不是[^,。;()?]{1,5}(?=[),。;]|$)")
_LONGEST_TEXT = 400
"""Characters that are read: a question that begins after them is not found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A topic and how well it fits; 1.0 is a near-copy of a phrasing."""

    topic: str
    score: float


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
        self._lengths = sorted({len(word) for word in self._words})

    def words(self) -> tuple[str, ...]:
        """All plain words, for reading pinyin."""
        return tuple(self._words)

    def of(self, text: str) -> set[str]:
        """The notions that occur in the text."""
        found: set[str] = set()
        for at in range(len(text)):
            for length in self._lengths:
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


class Search:
    """An index over topics; built once, deterministic."""

    def __init__(self, data: Mapping[str, Any], ignore: Iterable[str] = ()) -> None:
        self.notions = Notions(data["concepts"])
        self._ignore = re.compile("|".join(sorted(map(re.escape, ignore), key=len, reverse=True)) or "(?!)")
        self._topics = tuple(data["topics"])
        self._cues = [(topic, frozenset(cue.split())) for topic, entry in data["topics"].items() for cue in entry["cues"]]
        spread = Counter(notion for topic, entry in data["topics"].items() for notion in {n for cue in entry["cues"] for n in cue.split()})
        self._notion_weight = {n: math.log((1 + len(self._topics)) / count) for n, count in spread.items()}
        self._documents = [(topic, line) for topic, entry in data["topics"].items() for line in entry["say"].split("\n") if line]
        self._build()

    def _build(self) -> None:
        features = [Counter(self._features(line)) for _, line in self._documents]
        spread = Counter(feature for counted in features for feature in counted)
        self._idf = {f: math.log(1 + len(features) / n) for f, n in spread.items()}
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, counted in enumerate(features):
            weights = {f: self._idf[f] * _factor(f) for f in counted}
            norm = math.sqrt(sum(w * w for w in weights.values())) or 1.0
            for feature, weight in weights.items():
                self._postings[feature].append((number, weight / norm))

    def stripped(self, text: str) -> str:
        """The text without programme and place names, spaces and punctuation: what is asked, wherever it is."""
        return re.sub(r"[\s,。;:!?、\"'“”‘’()《》<>~…]+", "", self._ignore.sub("", _DENIED.sub("", text[:_LONGEST_TEXT])))

    def _features(self, text: str) -> list[str]:
        bare = self.stripped(text)
        grams = [bare[i : i + n] for n in (2, 3) for i in range(len(bare) - n + 1)]
        return grams + ["#" + notion for notion in sorted(self._notions(text))]

    def _notions(self, text: str) -> set[str]:
        """Notions of the stripped text; of English also with its spaces."""
        bare = self.stripped(text)
        found = self.notions.of(bare)
        return found | self.notions.of(text[:_LONGEST_TEXT]) if _ENGLISH.search(text) else found

    def hits(self, text: str, limit: int = 6) -> tuple[Hit, ...]:
        """The topics that fit best, best first."""
        alike = self._likeness(text)
        notions = self._notions(text)
        cued: dict[str, float] = defaultdict(float)
        for topic, cue in self._cues:
            if cue <= notions:
                cued[topic] = max(cued[topic], _LEAST_CUE, sum(self._notion_weight[n] for n in cue))
        scores = {topic: alike.get(topic, 0.0) + _CUE_WEIGHT * cued.get(topic, 0.0) for topic in {*alike, *cued}}
        best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:limit]
        return tuple(Hit(topic=topic, score=score) for topic, score in best)

    def _likeness(self, text: str) -> dict[str, float]:
        """For each topic the cosine with its most alike phrasing, plus a share of the next one."""
        weights = {f: self._idf[f] * _factor(f) for f in set(self._features(text)) if f in self._idf}
        norm = math.sqrt(sum(w * w for w in weights.values())) or 1.0
        sums: dict[int, float] = defaultdict(float)
        for feature, weight in weights.items():
            for number, stored in self._postings[feature]:
                sums[number] += weight * stored / norm
        best: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for number, score in sums.items():
            top = best[self._documents[number][0]]
            if score > top[0]:
                top[1], top[0] = top[0], score
            elif score > top[1]:
                top[1] = score
        return {topic: first + 0.25 * second for topic, (first, second) in best.items()}


def _factor(feature: str) -> float:
    return _NOTION_WEIGHT if feature.startswith("#") else 1.0


class Wording:
    """How much of a question's wording stands in one of several texts: pairs of characters, rare ones counting more."""

    def __init__(self, texts: Mapping[str, str], search: Search) -> None:
        self._search = search
        pairs = {key: _pairs(search.stripped(text)) for key, text in texts.items()}
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
        asked = _pairs(self._search.stripped(question))
        whole = sum(self._idf.get(pair, self._unseen) for pair in asked) or 1.0
        sums: dict[str, float] = defaultdict(float)
        for pair in asked:
            for key in self._holding.get(pair, ()):
                sums[key] += self._idf[pair]
        return {key: min(1.0, value / whole * self._size[key]) for key, value in sums.items()}


def _pairs(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1)}
