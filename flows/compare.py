"""How do several programmes stand side by side on one topic? One line each, with its own quotations."""

from collections.abc import Sequence
from datetime import date

from knowledge.facts import Fact
from knowledge.types import Citation, Programme

LONGEST = 1200
MOST_CITATIONS = 16


def compared(rows: Sequence[tuple[Programme, Fact | None]], name: str, today: date) -> tuple[str, tuple[Citation, ...]]:
    """The lines of all programmes and their citations, shared evenly among them."""
    lines: list[str] = []
    citations: list[Citation] = []
    share = max(1, MOST_CITATIONS // len(rows))
    for programme, fact in rows:
        lines.append(f"{programme.short}：{_said(fact, name)}{_standing(programme, fact, today)}")
        citations += _citations(programme, fact)[:share]
    return "\n".join(lines)[:LONGEST], tuple(dict.fromkeys(citations))[:MOST_CITATIONS]


def _said(fact: Fact | None, name: str) -> str:
    if fact is None:
        return f"文件没有写“{name}”。"
    brief = fact.brief or fact.text
    return brief if brief.endswith(("。", "；")) else f"{brief}。"


def _citations(programme: Programme, fact: Fact | None) -> tuple[Citation, ...]:
    if fact and fact.citations:
        return fact.citations
    return programme.latest.force.cite


def _standing(programme: Programme, fact: Fact | None, today: date) -> str:
    """That the programme has ended: shortly, with its end where the fact itself is about time."""
    end = (fact.closes if fact else None) or programme.latest.valid_to
    return "（已过期）" if end and today > end else ""
