"""How do people's own cases come out? Examples stand in each programme's `cases.toml`; `train.py` learns from them what this reads.

One model judges for all topics: each run of characters counts by itself (没有, 齐了), with its topic, and with programme and topic.
Phrasings in which nobody speaks of themselves are learned as `none`: questions about the rule, not about a case.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import tomli

from knowledge.facts import PROGRAMMES, Judgement
from knowledge.model import marks, read
from knowledge.search import Reader

FILE = Path(__file__).parent / "cases.bin"
KINDS: tuple[Judgement, ...] = ("met", "unmet", "depends")
NONE = "none"
OWN = re.compile("我|咱|俺|本(?:公司|单位|校|院|店)|自己|老板|领导|刚|已经")
"""Words of somebody who speaks of themselves."""
_PART = re.compile(r"[,。;!?]")
_ASKING = re.compile(r"[吗么嘛呢不没吧啊呀哦]$|行|可以|算|够|能|过|符合|合格|合规|要紧|有问题|没事|对")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A message in which somebody tells their own case, and how it comes out."""

    programme: str
    topic: str
    judgement: Judgement
    text: str


def examples(folder: Path = PROGRAMMES) -> Iterator[Example]:
    """Those of all programmes, by programme, topic and judgement."""
    for file in sorted(folder.glob("*/cases.toml")):
        for topic, table in sorted(tomli.loads(file.read_text(encoding="utf-8")).items()):
            for judgement in KINDS:
                for line in filter(None, map(str.strip, table.get(judgement, "").split("\n"))):
                    yield Example(programme=file.parent.name, topic=topic, judgement=judgement, text=line)


def features(reader: Reader, programme: str, topic: str, text: str) -> list[str]:
    """What restored text says of a case: its features, those of what it says last, and each with topic, programme, and both."""
    said = _said(reader, text)
    return [*said, *(f"{where}{feature}" for where in _places(programme, topic) for feature in said)]


def _said(reader: Reader, text: str) -> tuple[str, ...]:
    return (*reader.features(text), *(f"…{feature}" for feature in reader.features(_last(text))))


def _places(programme: str, topic: str) -> tuple[str, ...]:
    return (f"{topic}|", f"{programme}|", f"{programme}/{topic}|")


def _last(text: str) -> str:
    """The last part that tells something rather than asks: after 不过 and 可是 lies what counts."""
    parts = [part for part in _PART.split(text) if part]
    while len(parts) > 1 and _ASKING.search(parts[-1]):
        parts.pop()
    return parts[-1] if parts else ""


class Cases:
    """Judges a case by its words; built once."""

    def __init__(self, reader: Reader, file: Path = FILE) -> None:
        self._reader, self._model = reader, read(file)

    def judgement(self, programme: str, topic: str, text: str) -> tuple[Judgement, float] | None:
        """How the case comes out, and by how much that leads; None where it is no case, or no example is about the topic."""
        said = _said(self._reader, text)
        about, *rest = marks(said, *_places(programme, topic), "")
        if not self._model.knows(about):
            return None
        scores = self._model.scored(chain(about, *rest))
        best, second, *_ = sorted(KINDS, key=lambda kind: -scores[kind])
        return None if scores.get(NONE, 0.0) > scores[best] else (best, scores[best] - scores[second])
