"""How is it said? Renders the templates of `wording/`: `say.toml` to applicants, `review.toml` to staff; no decision is made here."""

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import tomli
from jinja2 import StrictUndefined, Template, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from flows.types import Option

_FILES = tuple(Path(__file__).parent / "wording" / name for name in ("say.toml", "review.toml"))


@cache
def _templates() -> dict[str, Any]:
    tables = [tomli.loads(file.read_text(encoding="utf-8")) for file in _FILES]
    words = {key: word for table in tables for key, word in table["words"].items()}
    return {key: value for table in tables for key, value in table.items()} | {"words": words}


@cache
def _compiled(source: str, undefined: type[Undefined]) -> Template:
    made = ImmutableSandboxedEnvironment(undefined=undefined, autoescape=False).from_string(source)
    made.globals = {}  # no wording uses range() and the like, and each render would copy them
    return made


def fill(source: str, **values: object) -> str:
    """A template of the programme data (a suggestion) with values; what is not known is left out."""
    return _compiled(source, Undefined).render(**values).strip()


def say(key: str, **values: object) -> str:
    """The wording of that key, filled; a name that is not given is an error."""
    source = _templates()[key]
    return _fixed(source) if values == {} else _compiled(source, StrictUndefined).render(**values).strip()


@cache
def _fixed(source: str) -> str:
    """A wording without places to fill: the same every time."""
    return _compiled(source, StrictUndefined).render().strip()


def word(key: str, sub: str = "") -> str:
    """A short word of the `[words]` table."""
    found = _templates()["words"][key]
    return str(found[sub] if sub else found)


def day(value: date) -> str:
    """A date as people read it: 2026年11月22日."""
    return f"{value.year}年{value.month}月{value.day}日"


def yuan(amount: int) -> str:
    """An amount as the documents write it: 8万元, 3.5万元, 500元."""
    return f"{amount / 10000:g}万元" if amount >= 10000 and amount % 100 == 0 else f"{amount}元"


def options(*pairs: tuple[str, str]) -> tuple[Option, ...]:
    """Choices from (value, label) pairs."""
    return tuple(Option(value=value, label=label) for value, label in pairs)
