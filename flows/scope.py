"""Is the message a question about the documents at all? Commands, greetings, wishes for a person, and other people's matters."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import jinja2
import tomli

TALK = Path(__file__).parent.parent / "knowledge" / "talk.toml"
Talk = Literal["chat", "command", "handover"]


@dataclass(frozen=True, slots=True)
class Saying:
    """One kind of talk: how it is recognised and what is said to it."""

    key: str
    outcome: Talk
    match: re.Pattern[str]
    unless: re.Pattern[str] | None
    text: jinja2.Template


@dataclass(frozen=True, slots=True)
class Matter:
    """One matter that no document here is about."""

    name: str
    match: re.Pattern[str]
    unless: re.Pattern[str] | None


@cache
def _sayings() -> tuple[tuple[Saying, ...], tuple[Matter, ...]]:
    data = tomli.loads(TALK.read_text(encoding="utf-8"))
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    sayings = tuple(
        Saying(t["key"], t["outcome"], re.compile(t["match"]), _optional(t.get("unless")), environment.from_string(t["text"]))
        for t in data["talk"]
    )
    return sayings, tuple(Matter(o["name"], re.compile(o["match"]), _optional(o.get("unless"))) for o in data["out"])


def _optional(pattern: str | None) -> re.Pattern[str] | None:
    return re.compile(pattern) if pattern else None


def _holds(text: str, match: re.Pattern[str], unless: re.Pattern[str] | None) -> bool:
    return bool(match.search(text)) and not (unless and unless.search(text))


def talk(text: str) -> Saying | None:
    """The command, greeting or wish for a person that a restored text is; None for a question."""
    tight = re.sub(r"\s+", "", text)
    return next(
        (s for s in _sayings()[0] if _holds(tight, s.match, s.unless) or (text.isascii() and _holds(text, s.match, s.unless))), None
    )


def saying(key: str) -> Saying | None:
    """The kind of talk that phrasings were learned for under that key."""
    return next((s for s in _sayings()[0] if s.key == key), None)


def matter(text: str) -> str:
    """The matter outside the documents that a restored text is about; empty where none is recognised."""
    tight = re.sub(r"(?<=[^a-z]) | (?=[^a-z])", "", text)
    return next((m.name for m in _sayings()[1] if _holds(tight, m.match, m.unless)), "")


def orders(text: str) -> bool:
    """Whether a restored text orders the machine about or abuses it: the first two matters of the list, which go before all talk."""
    return matter(text) in {m.name for m in _sayings()[1][:2]}
