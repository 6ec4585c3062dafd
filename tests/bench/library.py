"""A library of many programmes for measuring: the packaged five, renamed (cities, bodies, numbers) as often as wished."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from flows.answers import Answerer
from knowledge.load import PACKAGED
from knowledge.names import places
from knowledge.sources import read

_CITIES = ("柳州", "福州", "莆田", "青岛")
_SYLLABLES = ("东南西北", "江河湖海", "安宁康泰", "平和丰裕", "春夏秋冬", "梅兰竹菊")
_DIGIT = re.compile(r"(?<=〔)20(\d\d)(?=〕)")


@contextmanager
def renamed(copies: int) -> Iterator[tuple[Answerer, list[str]]]:
    """An answerer over 5 × `copies` programmes, the first five being the packaged ones, and the cities of the copies."""
    with TemporaryDirectory() as folder:
        root = Path(folder) / "knowledge"
        shutil.copytree(PACKAGED, root, ignore=shutil.ignore_patterns("*.py", "__pycache__", "phrasings", "model.bin"))
        cities = list(_names(copies))
        for number in range(1, copies):
            for original in sorted((PACKAGED / "programmes").iterdir()):
                _copy(
                    original,
                    root / "programmes" / f"{original.name}-{number}",
                    number,
                    dict(zip(_CITIES, cities[4 * number - 4 :], strict=False)),
                )
        library = read(root).library
        yield Answerer(library, root / "programmes"), cities


def _names(copies: int) -> Iterator[str]:
    """Four city names for each copy: those of China that the library does not hold, then made-up ones."""
    real = [city for city in places()["cities"].split() if city not in _CITIES]
    yield from real
    for number in range(len(real), 4 * copies):
        yield (
            "东南西北"[number % 4]
            + "江河湖海山原州城"[number // 4 % 8]
            + "安宁康泰平和丰裕"[number // 32 % 8]
            + "一二三四五六七八"[number // 256 % 8]
        )


def _copy(original: Path, target: Path, number: int, cities: dict[str, str]) -> None:
    for file in sorted(original.rglob("*")):
        if file.is_file():
            text = file.read_text(encoding="utf-8")
            for old, new in cities.items():
                text = text.replace(old, new).replace(old[:1] + "人社", new[:1] + "人社").replace(old[:1] + "科规", new[:1] + "科规")
            text = _DIGIT.sub(lambda found: f"20{(int(found[1]) + number) % 100:02}", text)
            text = text.replace(f'key = "{original.name}"', f'key = "{original.name}-{number}"')
            place = target / file.relative_to(original)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
