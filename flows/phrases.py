"""Where do the documents' fixed phrases come from? `wording/checklist.toml`, read once."""

from functools import cache
from pathlib import Path
from typing import Any

import tomli

UNSTATED = "文件未规定"


@cache
def _phrases() -> dict[str, Any]:
    return tomli.loads((Path(__file__).parent / "wording" / "checklist.toml").read_text(encoding="utf-8"))


def phrase(table: str, key: str, **values: object) -> str:
    """The phrase of that table and key with its places filled."""
    return str(_phrases()[table][key]).format(**values)


def phrases(table: str, key: str) -> tuple[str, ...]:
    """A list of phrases."""
    return tuple(_phrases()[table][key])
