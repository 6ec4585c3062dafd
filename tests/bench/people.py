"""The eight applicants of `people.toml`: what each says next, whatever is asked."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from flows.types import Asking
from tests.willing import answer

LONGEST = 120
"""Messages after which a conversation must have come to its end."""


@dataclass(slots=True, kw_only=True)
class Applicant:
    """One person; `next` is what is said to a question, with its kind: answer or question (of policy)."""

    name: str
    today: date
    opening: str
    answers: dict[str, list[str]]
    questions: dict[str, str] = field(default_factory=dict)
    asides: dict[str, str] = field(default_factory=dict)

    def next(self, asked: Asking | None, stage: str) -> tuple[str, str] | None:
        """None at the end."""
        if asked is None or stage == "done":
            return None
        if text := self.questions.pop(asked.field, ""):
            return "question", text
        if text := self.asides.pop(asked.field, ""):
            return "answer", text
        said = self.answers.get(asked.field)
        return "answer", said.pop(0) if said else answer(asked)


def people() -> Iterator[Applicant]:
    """Each of the eight, afresh."""
    known: dict[str, Any] = tomllib.loads((Path(__file__).parent / "people.toml").read_text(encoding="utf-8"))
    for each in known["people"]:
        yield Applicant(**each)
