"""How is a word heard? Readings of characters, so that sound-alike typing errors and pinyin find the word that was meant."""

import json
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from knowledge.text import plain

_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)*")


@cache
def _readings() -> dict[str, str]:
    """Code point → readings, from pypinyin's own table; importing the package would load 50 MB of phrases that nobody needs here."""
    package = find_spec("pypinyin")
    if package is None or package.origin is None:
        raise ImportError("pypinyin is not installed; run pip install -r requirements.txt")
    found: dict[str, str] = json.loads((Path(package.origin).parent / "pinyin_dict.json").read_text(encoding="utf-8"))
    return found


@cache
def reading(character: str) -> str:
    """The toneless reading of one Chinese character (驿 → yi); empty for anything else. Of several, the first: both sides use it."""
    return _toneless(_readings().get(str(ord(character)), "").split(",")[0])


@cache
def _toneless(marked: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", marked) if not unicodedata.combining(c))


@cache
def _syllables() -> frozenset[str]:
    known = _readings()
    marked = {known.get(str(code), "").split(",")[0] for code in range(0x4E00, 0x9FA6)}
    return frozenset(map(_toneless, marked)) - {""}


def split_pinyin(token: str) -> tuple[str, ...]:
    """The syllables of a pinyin word (beijing → bei jing), longest first; empty when it is not pinyin."""
    ends: list[tuple[str, ...] | None] = [()] + [None] * len(token)
    for end in range(1, len(token) + 1):
        for start in range(max(0, end - 6), end):
            before = ends[start]
            if before is not None and token[start:end] in _syllables():
                found = (*before, token[start:end])
                current = ends[end]
                if current is None or len(found) < len(current):
                    ends[end] = found
    return ends[-1] or ()


_EVERYDAY = frozenset("不到是的了在里十写手些才住和只有没就也都")
"""Characters that stand for themselves: 手里 is not 受理, 写一份 not 协议份."""


def _everyday(said: str, word: str) -> bool:
    return any(a != b and a in _EVERYDAY for a, b in zip(said, word, strict=True))


class Sounds:
    """Words by their reading: restores sound-alikes in Chinese text, and whole vocabularies from pinyin."""

    def __init__(self, words: Iterable[str], keep: Iterable[str], typos: dict[str, str], vocabulary: Iterable[str] = ()) -> None:
        self._keep = frozenset(keep)
        self._typos = typos
        self._heard = {_reading_of(word): word for word in words}
        self._spelled = {_reading_of(word): word for word in vocabulary if len(word) > 1} | self._heard
        self._lengths = sorted({len(word) for word in self._heard}, reverse=True)
        _syllables()  # built here once, so that the first question in pinyin is not slower

    def restore(self, text: str) -> str:
        """`text` (already `plain`, lower case) with typing errors and pinyin turned into the words that were meant."""
        for wrong, right in self._typos.items():
            text = text.replace(wrong, right)
        if any("a" <= c <= "z" for c in text):
            text = self._from_pinyin(text)
        return self._from_sound_alikes(text)

    def _from_sound_alikes(self, text: str) -> str:
        heard = [reading(c) if c > "~" else "" for c in text]
        for length in self._lengths:
            for at in range(len(text) - length + 1):
                word = self._heard.get(tuple(heard[at : at + length]))
                said = text[at : at + length]
                if word and said != word and not _everyday(said, word) and not self._kept(text, at, length):
                    text = text[:at] + word + text[at + length :]
        return text

    def _kept(self, text: str, at: int, length: int) -> bool:
        return text[at : at + length] in self._keep or text[at : at + length + 1] in self._keep

    def _from_pinyin(self, text: str) -> str:
        tokens = _TOKEN.findall(text)
        spelled = [split_pinyin(token) for token in tokens]
        if not any(len(parts) > 1 and self._words_in(parts) for parts in spelled):
            return text
        whole = sum(map(bool, spelled)) == len(tokens)
        if whole and len(text) == len(text.encode()):
            return " ".join(self._words_in(tuple(s for parts in spelled for s in parts)))
        return _TOKEN.sub(lambda found: "".join(self._words_in(split_pinyin(found[0]), strict=True)) or found[0], text)

    def _words_in(self, syllables: tuple[str, ...], strict: bool = False) -> list[str]:
        """The words that syllables spell, longest first from the left; `strict`: all of them or none."""
        words: list[str] = []
        at = 0
        while at < len(syllables):
            for end in range(min(len(syllables), at + 6), at, -1):
                word = self._spelled.get(syllables[at:end])
                if word:
                    words.append(word)
                    at = end
                    break
            else:
                if strict:
                    return []
                at += 1
        return words


def _reading_of(word: str) -> tuple[str, ...]:
    return tuple(reading(c) for c in word)


def lowered(text: str) -> str:
    """The text in the one form that is searched: `plain`, lower case, runs of white space as one space."""
    return re.sub(r"\s+", " ", plain(text)).lower().strip()
