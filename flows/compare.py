"""How do several programmes stand side by side on one topic? One line each, with its own quotations."""

from collections.abc import Sequence
from datetime import date

from knowledge.facts import Fact
from knowledge.types import Citation, Programme

LONGEST = 1200
MOST_CITATIONS = 16
_ROOM = 700
"""Characters of whole facts that are told instead of their short forms."""


Row = tuple[Programme, Fact | None]


def compared(tables: Sequence[tuple[Sequence[Row], str]], today: date) -> tuple[str, tuple[Citation, ...]]:
    """For each topic (its rows and name) the lines of all programmes, and their citations, shared evenly; what is too long is left out."""
    spoken, citations = "", list[Citation]()
    share = max(1, MOST_CITATIONS // sum(len(rows) for rows, _ in tables))
    room = sum(len(fact.text) for rows, _ in tables for _, fact in rows if fact) < _ROOM
    for rows, name in tables:
        lines = [f"{programme.short}：{_said(fact, name, room)}{_standing(programme, fact, today)}" for programme, fact in rows]
        whole = "\n".join([spoken, *lines]).strip()
        if spoken and len(whole) > LONGEST:
            break
        spoken = whole[:LONGEST]
        citations += [c for programme, fact in rows for c in _citations(programme, fact)[:share]]
    return spoken, tuple(dict.fromkeys(citations))[:MOST_CITATIONS]


def _said(fact: Fact | None, name: str, room: bool) -> str:
    if fact is None:
        return f"文件没有写“{name}”。"
    brief = fact.text if room or not fact.brief else fact.brief
    return brief if brief.endswith(("。", "；")) else f"{brief}。"


def _citations(programme: Programme, fact: Fact | None) -> tuple[Citation, ...]:
    if fact and fact.citations:
        return fact.citations
    return programme.latest.force.cite


def _standing(programme: Programme, fact: Fact | None, today: date) -> str:
    """That the programme has ended: shortly, with its end where the fact itself is about time."""
    end = (fact.closes if fact else None) or programme.latest.valid_to
    return "（已过期）" if end and today > end else ""
