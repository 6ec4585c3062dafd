"""Which topic do a question's words point to? A linear model: for each feature a weight for each topic, learned by `train.py`.

The weights of a feature stand side by side in one long whole number, so that adding two numbers adds the weights of all topics
at once. Everything is whole numbers: the same question gets the same scores on every machine.
"""

import json
import math
import sys
import zlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

Key = TypeVar("Key")
FILE = Path(__file__).parent / "model.bin"
LANE = 4
"""Bytes that a topic's weight has in a long number: sums of a whole question fit."""
LEVELS = 127
"""A weight is stored as a signed level of one byte; its value is the level's square."""
SCALE = 64
"""The length of a question's features, however many there are: each has a share of it."""
_SQUARES = [(byte - 128) * abs(byte - 128) + LEVELS * LEVELS for byte in range(256)]
_LOW, _HIGH = bytes(v & 255 for v in _SQUARES), bytes(v >> 8 & 255 for v in _SQUARES)


class ModelError(Exception):
    """The model file is missing or cannot be read; the message says what to do."""


class Model:
    """Learned weights; `scores` is all there is to ask."""

    def __init__(
        self, topics: tuple[str, ...], marks: Sequence[int], rarity: Sequence[int], levels: bytes, unit: float, made_of: str
    ) -> None:
        """`marks`: of each feature its `mark`; `rarity`: how rare it is, in 1/1000; `levels`: a row of weights; all in one order."""
        self.topics = topics
        self.made_of = made_of
        """Fingerprint of the phrasings it was learned from."""
        self._marks, self._rarity = marks, rarity
        self._rows = dict(zip(marks, range(len(marks)), strict=True))
        self._levels = levels
        self._unit = unit
        self._known: dict[int, int] = {}
        """Rows that were needed before, as long numbers."""

    def scores(self, features: Iterable[str]) -> dict[str, float]:
        """For each topic how well the features fit: about 1 and more where they do, below 0 where they do not. Empty: nothing known."""
        return self.scored(map(mark, features))

    def scored(self, marks: Iterable[int]) -> dict[str, float]:
        """The scores of features whose marks are at hand."""
        rows = map(self._rows.get, marks)
        shares = shared({row: self._rarity[row] for row in rows if row is not None})
        if not shares:
            return {}
        width = LANE * len(self.topics)
        total = sum([self._row(row) * share for row, share in shares.items()])
        lanes = array("I", total.to_bytes(width, "little"))
        zero = LEVELS * LEVELS * sum(shares.values())
        return {topic: (lane - zero) * self._unit for topic, lane in zip(self.topics, lanes, strict=True)}

    def knows(self, marks: Iterable[int]) -> bool:
        """Whether a feature with one of these marks says anything."""
        return not self._rows.keys().isdisjoint(marks)

    def _row(self, number: int) -> int:
        """The weights of a feature as one long number, made when first needed."""
        if number not in self._known:
            count = len(self.topics)
            levels = self._levels[number * count : (number + 1) * count]
            lanes = bytearray(LANE * count)
            lanes[0::LANE], lanes[1::LANE] = levels.translate(_LOW), levels.translate(_HIGH)
            self._known[number] = int.from_bytes(lanes, "little")
        return self._known[number]

    def to_bytes(self) -> bytes:
        """The model as a file."""
        head = {"topics": self.topics, "count": len(self._marks), "unit": self._unit, "made_of": self.made_of}
        text = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
        numbers = _swapped(array("I", self._marks)).tobytes() + _swapped(array("I", self._rarity)).tobytes()
        return zlib.compress(len(text).to_bytes(4, "little") + text + numbers + self._levels, 9)


def mark(feature: str) -> int:
    """By what a feature is known: 32 bits of it, so that the file holds no words and is read at once."""
    return zlib.crc32(feature.encode("utf-8", "replace"))


def marks(features: Sequence[str], *before: str) -> list[list[int]]:
    """The marks of features with the same words before each, for several words: a check sum goes on where those words left it."""
    written = [feature.encode("utf-8", "replace") for feature in features]
    return [[zlib.crc32(feature, start) for feature in written] for start in map(mark, before)]


def _swapped(numbers: "array[int]") -> "array[int]":
    """The same bytes on every machine."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def shared(weights: Mapping[Key, int]) -> dict[Key, int]:
    """Weights brought to the length SCALE, as whole numbers; what is too small is left out."""
    length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
    shares = {feature: round(SCALE * weight / length) for feature, weight in weights.items()}
    return {feature: share for feature, share in shares.items() if share}


def read(file: Path = FILE) -> Model:
    """The model in a file. ModelError where there is none or it is damaged."""
    try:
        data = zlib.decompress(file.read_bytes())
        size = int.from_bytes(data[:4], "little")
        head = json.loads(data[4 : 4 + size])
        at, width = 4 + size, 4 * int(head["count"])
        marks, rarity = (_swapped(array("I", data[start : start + width])) for start in (at, at + width))
        return Model(tuple(head["topics"]), marks, rarity, data[at + 2 * width :], head["unit"], head["made_of"])
    except (OSError, zlib.error, ValueError, KeyError) as error:
        raise ModelError(
            f"{file}: the model cannot be read ({type(error).__name__}); make it again with python -m knowledge.train"
        ) from error
