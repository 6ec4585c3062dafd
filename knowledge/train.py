"""How is the model learned? `python -m knowledge.train` reads `phrasings/*.txt` and writes `model.bin`, then each programme's
`cases.toml` and writes `cases.bin`; nothing runs it in service.

An averaged perceptron with a margin, in whole numbers and a fixed, well mixed order: the same phrasings give the same file everywhere.
Michael Collins, Discriminative Training Methods for Hidden Markov Models, 2002, describes the averaging.
"""

import hashlib
import math
import sys
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from knowledge.cases import FILE as CASES
from knowledge.cases import NONE, OWN, Example, examples, features
from knowledge.facts import topics
from knowledge.load import library
from knowledge.model import FILE, LEVELS, Model, mark, shared
from knowledge.search import Reader

PHRASINGS = Path(__file__).parent / "phrasings"
ROUNDS = 8
MARGIN = 16_000
"""By how much the right topic must lead before a phrasing is learned."""
_LANE = 64
_PLAIN = 14
"""Questions about the rule for each topic of a programme, beside the cases."""
_FAINT, _FAINT_OF_CASES = 6, 12
"""A feature whose weights are all at most at this level is left out."""
_TWICE = 2
"""A feature of a single phrasing is chance."""

Known = tuple[int, Mapping[str, int]]
"""The number of the right name, and the features with their shares."""


def phrasings(folder: Path = PHRASINGS) -> dict[str, tuple[str, ...]]:
    """For each topic (a file's name) its phrasings, one a line."""
    files = sorted(folder.glob("*.txt"))
    return {file.stem: tuple(filter(None, map(str.strip, file.read_text(encoding="utf-8").split("\n")))) for file in files}


def fingerprint(said: Mapping[str, Sequence[str]], concepts: Mapping[str, str]) -> str:
    """What a model is made of: its phrasings, and the notions they are read with."""
    lines = [f"{topic}\t{line}" for topic in sorted(said) for line in said[topic]]
    notions = [f"{name}\t{words}" for name, words in sorted(concepts.items())]
    return hashlib.sha256("\n".join([*notions, *lines]).encode()).hexdigest()


def learned(said: Mapping[str, Sequence[str]], reader: Reader) -> Model:
    """The model of these phrasings."""
    read = [(topic, reader.features(reader.names.restored(line))) for topic in sorted(said) for line in said[topic]]
    return _model(read, reader, fingerprint(said, topics()["concepts"]))


def learned_cases(told: Sequence[Example], reader: Reader) -> Model:
    """The model of how cases come out."""
    read: list[tuple[str, list[str]]] = [(e.judgement, features(reader, e.programme, e.topic, reader.names.restored(e.text))) for e in told]
    asked = phrasings()
    for programme, topic in sorted({(e.programme, e.topic) for e in told}):
        plain = [line for line in asked[topic] if not OWN.search(line)]
        read += [(NONE, features(reader, programme, topic, reader.names.restored(line))) for line in _some(plain, programme)]
    return _model(read, reader, cases_fingerprint(told), _FAINT_OF_CASES)


def _some(lines: Sequence[str], of: str) -> list[str]:
    """A few lines, other ones for another programme."""
    return sorted(lines, key=lambda line: hashlib.sha256(f"{of} {line}".encode()).digest())[:_PLAIN]


def cases_fingerprint(told: Sequence[Example]) -> str:
    """What the model of cases is made of: its examples, and all that the other model is made of."""
    lines = [f"{e.programme}\t{e.topic}\t{e.judgement}\t{e.text}" for e in told]
    return hashlib.sha256("\n".join([fingerprint(phrasings(), topics()["concepts"]), *lines]).encode()).hexdigest()


def _model(read: Sequence[tuple[str, Sequence[str]]], reader: Reader, made_of: str, faint: int = _FAINT) -> Model:
    spread = Counter(feature for _, features in read for feature in features)
    rarity = {f: round(1000 * reader.factor(f) * (math.log(len(read) / (1 + n)) + 1)) for f, n in sorted(spread.items()) if n >= _TWICE}
    names = tuple(sorted({name for name, _ in read}))
    known = [(names.index(t), shared({f: rarity[f] for f in features if f in rarity})) for t, features in read]
    sums = _averaged(known, len(names))
    rows = {feature: _lanes(sums.get(feature, 0), len(names)) for feature in rarity}
    largest = max((abs(weight) for row in rows.values() for weight in row), default=0) or 1
    levels = {feature: [_level(weight, largest) for weight in row] for feature, row in rows.items()}
    told = [feature for feature, row in levels.items() if max(map(abs, row)) > faint]
    unit = largest / LEVELS**2 / (ROUNDS * len(read)) / MARGIN
    weights = b"".join(bytes(128 + level for level in levels[feature]) for feature in told)
    return Model(names, [mark(f) for f in told], [rarity[f] for f in told], weights, unit, made_of)


def _level(weight: int, largest: int) -> int:
    level = round(LEVELS * math.sqrt(abs(weight) / largest))
    return level if weight > 0 else -level


def _averaged(examples: Sequence[Known], count: int) -> dict[str, int]:
    """Summed over all steps, for each feature the weights of all topics side by side in one number."""
    zero, width = _zero(count), count * _LANE // 8
    now: dict[str, int] = {}
    before: dict[str, int] = {}
    step = 1
    for turn in range(ROUNDS):
        for number in sorted(range(len(examples)), key=lambda n: hashlib.sha256(f"{turn} {n}".encode()).digest()):
            right, shares = examples[number]
            total = zero + sum(now[f] * share for f, share in shares.items() if f in now)
            lanes = array("Q", total.to_bytes(width + 8, "little")[:width])
            score, lanes[right] = lanes[right], 0
            best = max(lanes)
            if score - best < MARGIN:
                change = (1 << _LANE * right) - (1 << _LANE * lanes.index(best))
                for feature, share in shares.items():
                    moved = change * share
                    now[feature] = now.get(feature, 0) + moved
                    before[feature] = before.get(feature, 0) + moved * step
            step += 1
    return {feature: now[feature] * step - before[feature] for feature in now}


def _zero(count: int) -> int:
    """Added to a long number so that no lane is below zero."""
    return sum(1 << (_LANE * n + _LANE - 1) for n in range(count))


def _lanes(number: int, count: int) -> list[int]:
    width = count * _LANE // 8
    lanes = array("Q", (number + _zero(count)).to_bytes(width + 8, "little")[:width])
    return [lane - (1 << (_LANE - 1)) for lane in lanes]


def main() -> None:
    """Learn and write both models, and say how large they are."""
    reader = Reader(library(), topics()["concepts"])
    for file, model in ((FILE, learned(phrasings(), reader)), (CASES, learned_cases(tuple(examples()), reader))):
        file.write_bytes(model.to_bytes())
        print(f"{file.name}: {len(model.topics)} names, {file.stat().st_size // 1024} KB", file=sys.stderr)


if __name__ == "__main__":
    main()
