"""What does each programme's document say to each topic? Reads `faq.toml`; every citation is cut out of the policy text itself.

A sentence names the values it gives (`{money.ID}`, see `stated.py`), so that each is typed once. A citation is a pointer:
`article`, or `article|first words`, with `document key:` before it where it is not the first document. It becomes the whole item,
or the sentence that begins with those words, or with … after them all to the end of the cell; one that points nowhere is an error.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

import tomli

from knowledge import quotes
from knowledge.defects import Defect
from knowledge.figures import claims, dates, folded, numbers
from knowledge.sources import Volume
from knowledge.stated import UnknownValue, filled, stated
from knowledge.text import squeeze
from knowledge.types import Citation, Document, Library, Programme, Section

PROGRAMMES = Path(__file__).parent / "programmes"
LONGEST_QUOTE = 400
_PROOF = "改成引文里的写法，或补上含有它的引文；由推算得来的，把推算写在句子里并列进 derived"
_SENTENCES = ("text", "silent", "brief", "month_silent")
_ITEM = re.compile(r"(?:^|(?<=[：；。，\n]))\s*\d+\.\s*")
"""The number before an item of a list."""
_ADVICE = re.compile(r"请[^，。；]*")
"""Whom to ask: not what the clause says, but who is named there as an office."""
Judgement = Literal["met", "unmet", "depends"]

_MARKER = re.compile(r"-?(?:第[一二三四五六七八九十]+条|[(（][一二三四五六七八九十\d]+[)）]|\d+[.．、])|-")
_SENTENCE_END = re.compile(r"[。；！？;][”’）)》」』\"]*")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


class FactError(Exception):
    """A pointer or fact of a `faq.toml` is wrong; the message names file, topic, what is wrong and what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way the asker's own case can lie: a pattern over restored text, its judgement and the words that say so."""

    when: str
    """A regular expression, compiled when first needed: there are many, and few are asked for."""
    judgement: Judgement
    text: str

    def holds(self, text: str) -> bool:
        """Whether the text describes this case."""
        return bool(_compiled(self.when).search(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckon:
    """A period that is counted from a date in the question: an ISO period, or working days."""

    of: str
    """What the date is called: 认定, 递交."""
    within: str
    over: str
    said: str = ""
    """What a question says of such a date, as a regular expression; without it the date is another one."""
    period: str = ""
    days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What a programme's document says to a topic, or that it says nothing (`stated` False)."""

    topic: str
    programme: str
    text: str
    stated: bool
    brief: str = ""
    """Its short form for comparisons; `text` where empty."""
    citations: tuple[Citation, ...] = ()
    derived: tuple[str, ...] = ()
    """Parts of its sentences whose figures do not stand in a quotation but are reckoned right there: 第三季度（7月到9月）."""
    cases: tuple[Case, ...] = ()
    judge: str = ""
    """Which of the numeric judgements applies to it (`flows/judge.py`)."""
    reckon: Reckon | None = None
    opens: date | None = None
    closes: date | None = None
    """The last day on which it is possible, for topics about time."""
    months: tuple[int, ...] = ()
    bands: tuple[tuple[float, str], ...] = ()
    """For numeric judgements over steps: the least number of each step and how it is called, highest first."""
    month_silent: str = ""
    """What is said when somebody asks for a month that the document does not name."""
    stated_when: str = ""
    """Of a silent one: a regular expression for questions that what is written does answer: 第几批, where only the next is not known."""

    def states(self, text: str) -> bool:
        """Whether the document says something to this question."""
        return self.stated or bool(self.stated_when and _compiled(self.stated_when).search(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All facts of one programme."""

    programme: str
    by_topic: Mapping[str, Fact]
    ask: str
    """Whom to ask where the document is silent."""


def facts(programme: Programme, folder: Path = PROGRAMMES) -> Facts:
    """The programme's facts; `FactError` for a pointer that points nowhere. No file: no facts, all is silent."""
    file = folder / programme.key / "faq.toml"
    table = tomli.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    values = stated(programme)
    try:
        found = {
            topic: _fact(programme, topic, _filled(topic, entry, values))
            for topic, entry in table.items()
            if isinstance(entry, dict) and "alias" not in entry
        }
    except FactError as error:
        raise FactError(f"{file.name}（{programme.key}）：{error}") from error
    aliases = {topic: found[entry["alias"]] for topic, entry in table.items() if isinstance(entry, dict) and "alias" in entry}
    return Facts(programme=programme.key, by_topic=found | aliases, ask=str(table.get("ask", "")))


def faq_citations(library: Library, folder: Path = PROGRAMMES) -> tuple[Citation, ...]:
    """Every citation of every `faq.toml`, for the same proof as those of programme.toml."""
    return tuple(c for p in library.programmes for fact in facts(p, folder).by_topic.values() for c in fact.citations)


def prove(folder: Path, volume: Volume, programme: Programme) -> Iterator[Defect]:
    """A defect for a `faq.toml` that cannot be read, a topic that does not exist, or a quotation cut inside a sentence."""
    file = f"{volume.folder}/faq.toml"
    if programme.latest is not volume.version:
        return
    try:
        known = facts(programme, folder / "programmes")
    except (FactError, KeyError, TypeError, ValueError, re.error) as error:
        yield Defect(file=file, key="（全文）", problem=f"读不成：{error}", remedy="照同一文件里别的条目改")
        return
    sections = quotes.by_place(volume.version)
    for topic, fact in known.by_topic.items():
        if topic not in topics()["topics"]:
            yield Defect(file=file, key=topic, problem="topics.toml 里没有这个题目", remedy="改用已有的题目，或先在 topics.toml 里登记")
        for number, citation in enumerate(fact.citations):
            if citation.quote not in quotes.spans(sections[citation.document, citation.article]):
                yield Defect(
                    file=file,
                    key=f"{topic}.cite.{number}",
                    problem=f"“{citation.quote}”不是整句、整项或整格",
                    remedy="改写句子开头的几个字",
                )
        for pattern in (*(case.when for case in fact.cases), fact.stated_when):
            if problem := _broken(pattern):
                yield Defect(file=file, key=f"{topic}.cases", problem=f"“{pattern}”不是正则表达式（{problem}）", remedy="改正写法")
        for shown in unproved(fact, programme):
            yield Defect(file=file, key=topic, problem=f"「{shown}」不在引文里", remedy=_PROOF)


def unproved(fact: Fact, programme: Programme) -> tuple[str, ...]:
    """The figures, dates and bodies in a fact's sentences that no quotation of it holds and no `derived` part reckons."""
    quoted = "\n".join(c.quote for c in fact.citations)
    places = tuple(c.article for c in fact.citations) + tuple(d.number for d in programme.latest.documents)
    years = {float(d.issued_on.year) for d in programme.latest.documents if d.issued_on}
    held, days, found = numbers(quoted) | years, dates(quoted), []
    for sentence in (fact.text, fact.brief, fact.month_silent, *(case.text for case in fact.cases)):
        said = _ITEM.sub("", sentence)
        for part in fact.derived:
            said = said.replace(part, " ")
        found += [shown for shown, number in claims(said, places) if number not in held]
        found += ["-".join(map(str, day)) for day in sorted(dates(said) - days)]
        found += [names[0] for names in _bodies(_ADVICE.sub("", said), programme) if not any(folded(n) in folded(quoted) for n in names)]
    return tuple(dict.fromkeys(found))


def _broken(pattern: str) -> str:
    """What is wrong with a regular expression; empty: nothing."""
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return ""


def _bodies(said: str, programme: Programme) -> Iterator[tuple[str, ...]]:
    """The bodies that a sentence names, each as all the names it goes by."""
    for office in programme.latest.offices:
        names = tuple(filter(None, (office.name, office.short, *office.words)))
        if any(name in said for name in names):
            yield names


def _filled(topic: str, entry: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """The entry with the values of the programme in its sentences; patterns and pointers stay as they are."""
    try:
        sentences = {name: filled(entry[name], values) for name in _SENTENCES if name in entry}
        cases = [{**case, "text": filled(case["text"], values)} for case in entry.get("cases", ())]
        derived = [filled(part, values) for part in entry.get("derived", ())]
    except UnknownValue as error:
        raise FactError(f"[{topic}] {error}") from error
    return {**entry, **sentences, "cases": cases, "derived": derived}


def _fact(programme: Programme, topic: str, entry: Mapping[str, Any]) -> Fact:
    try:
        citations = _joined(programme, [_citation(programme, pointer) for pointer in entry.get("cite", ())])
    except FactError as error:
        raise FactError(f"[{topic}] {error}") from error
    stated = "silent" not in entry
    reckon = entry.get("reckon")
    return Fact(
        topic=topic,
        programme=programme.key,
        text=str(entry["text"] if stated else entry["silent"]).strip(),
        stated=stated,
        brief=entry.get("brief", ""),
        citations=citations,
        derived=tuple(entry.get("derived", ())),
        cases=tuple(Case(when=c["when"], judgement=c["judgement"], text=c["text"]) for c in entry.get("cases", ())),
        judge=entry.get("judge", ""),
        reckon=Reckon(**reckon) if reckon else None,
        opens=_day(entry.get("open_from")),
        closes=_day(entry.get("open_until")),
        months=tuple(entry.get("months", ())),
        bands=tuple((float(least), str(name)) for least, name in entry.get("bands", ())),
        month_silent=entry.get("month_silent", ""),
        stated_when=entry.get("stated_when", ""),
    )


def _joined(programme: Programme, citations: list[Citation]) -> tuple[Citation, ...]:
    """Quotations that follow on each other in the document as one: a list reads better whole."""
    found: list[Citation] = []
    for citation in citations:
        before = found[-1] if found else None
        if before and (before.document, before.article) == (citation.document, citation.article):
            whole = before.quote + citation.quote
            section = next(s for d in programme.latest.documents for s in d.sections if _is(d, s, citation))
            if len(whole) <= LONGEST_QUOTE and any(whole in cell for cell, _ in _cells(section.lines)):
                found[-1] = replace(before, quote=whole)
                continue
        found.append(citation)
    return tuple(found)


def _is(document: Document, section: Section, citation: Citation) -> bool:
    return section.article == citation.article and (document.number or document.title) == citation.document


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _citation(programme: Programme, pointer: str) -> Citation:
    head, _, start = pointer.partition("|")
    document, article = _document(programme, head)
    section = next((s for s in document.sections if s.article == article), None)
    if section is None:
        raise FactError(f"没有条目“{head}”：改为 policy 里的标题")
    to_end = start.endswith("…")
    quote = _sentence(section, squeeze(start.removesuffix("…")), to_end) if start else _whole(section)
    if quote is None or len(quote) > LONGEST_QUOTE:
        raise FactError(f"“{pointer}”对不上原文的句首，或整条超过 {LONGEST_QUOTE} 字：改写句子开头的几个字")
    return Citation(programme=programme.key, document=document.number or document.title, article=article, quote=quote)


def _document(programme: Programme, head: str) -> tuple[Document, str]:
    documents = programme.latest.documents
    for document in documents:
        if head.startswith(f"{document.key}:"):
            return document, head.removeprefix(f"{document.key}:")
    return documents[0], head


def _whole(section: Section) -> str:
    line = max((squeeze(line) for line in section.lines), key=len, default="")
    return _MARKER.sub("", line, count=1) if _MARKER.match(line) else line


def _sentence(section: Section, start: str, to_end: bool) -> str | None:
    """The sentence of the section that begins with `start`, or all from there to the end of the cell."""
    for cell, beginnings in _cells(section.lines):
        for at in beginnings:
            if cell.startswith(start, at):
                end = None if to_end else _SENTENCE_END.search(cell, at)
                return cell[at : end.end() if end else len(cell)]
    return None


@lru_cache(256)
def _cells(lines: tuple[str, ...]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The cells of a section without white space, each with where a quotation may begin."""
    cells = [cell for line in lines for cell in map(squeeze, line.split("\t")) if cell]
    return tuple((cell, _beginnings(cell)) for cell in cells)


def _beginnings(cell: str) -> tuple[int, ...]:
    """The cell's start, after its item marker, after a sentence's end."""
    marker = _MARKER.match(cell)
    return (0, *([marker.end()] if marker else []), *(end.end() for end in _SENTENCE_END.finditer(cell)))


@cache
def topics() -> dict[str, Any]:
    """The content of `topics.toml`: concepts, and topics with name, cues and phrasings."""
    return tomli.loads((Path(__file__).parent / "topics.toml").read_text(encoding="utf-8"))
