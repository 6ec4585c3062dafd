"""Does each quotation stand word for word in its section, from edge to edge? Nothing here asks what it is quoted for."""

import re
from collections.abc import Iterator
from functools import cache

from knowledge.defects import Defect
from knowledge.records import walk
from knowledge.sources import Volume
from knowledge.text import squeeze
from knowledge.types import Citation, Section, Version

LONGEST = 400
"""Characters a quotation may have."""

_BULLET = re.compile(r"\s*[-•·●]\s+")
_MARKER = re.compile(
    r"[（(][一二三四五六七八九十\d]{1,3}[）)]|[一二三四五六七八九十]{1,3}、|\d{1,2}[.．、](?!\d)|第[一二三四五六七八九十百\d]{1,4}[条章]|附件[:：]"
)
_STOP = re.compile(r"[。；！？;][”’》）)」』】〉\"']*")


def prove(volume: Volume) -> Iterator[Defect]:
    """A defect for each quotation that is not in its section, is cut inside a sentence, item or cell, or is one slip from another."""
    sections = by_place(volume.version)
    files = {volume.file: volume.version, **{f"{volume.forms}/{form.key}.toml": form for form in volume.version.forms}}
    for file, record in files.items():
        for path, found in walk(record):
            if isinstance(found, Citation):
                problem = fault(found, sections)
                if problem:
                    yield Defect(file=file, key=path, problem=problem[0], remedy=problem[1])


def by_place(version: Version) -> dict[tuple[str, str], Section]:
    """The sections of a version's documents by document (number or title) and article."""
    return {(d.number or d.title, s.article): s for d in version.documents for s in d.sections}


@cache
def spans(section: Section) -> frozenset[str]:
    """Every stretch of the section that may be quoted, white space removed: from an edge to an edge within one cell."""
    return frozenset(
        cell[start:end] for cell in cells(section) for start in _starts(cell) for end in _ends(cell) if start < end <= start + LONGEST
    )


def cells(section: Section) -> tuple[str, ...]:
    """The section's lines and table cells, white space and bullets removed."""
    parts = (_BULLET.sub("", part, count=1) if _BULLET.match(part) else part for line in section.lines for part in line.split("\t"))
    return tuple(cell for part in parts if (cell := squeeze(part)))


def one_slip_away(quote: str, section: Section) -> str:
    """Another stretch of the section that one changed, added or deleted character makes of this quote; empty: none."""
    return next((span for span in spans(section) if abs(len(span) - len(quote)) <= 1 and _one_slip(span, quote)), "")


def _starts(cell: str) -> list[int]:
    found, at = [0], 0
    while marker := _MARKER.match(cell, at):
        at = marker.end()
        found.append(at)
    return found + [stop.end() for stop in _STOP.finditer(cell)]


def _ends(cell: str) -> list[int]:
    return [stop.end() for stop in _STOP.finditer(cell)] + [len(cell)]


def _one_slip(one: str, other: str) -> bool:
    if one == other:
        return False
    short, long = sorted((one, other), key=len)
    same = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    return short[same + (len(short) == len(long)) :] == long[same + 1 :]


def fault(citation: Citation, sections: dict[tuple[str, str], Section]) -> tuple[str, str] | None:
    """What is wrong with a quotation and what to do about it; None: nothing. `sections` as `by_place` gives them."""
    quote, shown = citation.quote, f"引文「{citation.quote[:24]}」"
    section = sections.get((citation.document, citation.article))
    if section is None:
        return f"文件 {citation.document} 没有「{citation.article}」这一节", _elsewhere(
            citation, sections
        ) or "article 须与 policy 文本的标题相同"
    if quote != squeeze(quote):
        return f"{shown}里有空白", "引文里不留空格和换行"
    if len(quote) > LONGEST:
        return f"{shown}有 {len(quote)} 字，超过 {LONGEST}", "只引需要的句子，或分成几条"
    if quote in spans(section):
        twin = one_slip_away(quote, section)
        return (f"{shown}与同一节的「{twin[:24]}」只差一字", "给 policy 文本的这两处各加一个标题") if twin else None
    if any(quote in cell for cell in cells(section)):
        return f"{shown}没有从句首、项首、格首起，到句末、格末止", "补全整句，句末标点也属于引文"
    return f"{shown}不在「{citation.article}」这一节里", _elsewhere(citation, sections) or "逐字照抄 policy 文本"


def _elsewhere(citation: Citation, sections: dict[tuple[str, str], Section]) -> str:
    quote = squeeze(citation.quote)
    place = next((place for place, section in sections.items() if any(quote in cell for cell in cells(section))), None)
    return f"它在文件 {place[0]} 的「{place[1]}」，改 article 或 doc" if place else ""
