"""How is a source printed? Document, article and the quote, small and grey under the line that rests on it."""

from collections.abc import Iterable

from flows.layout import Paragraph, line
from flows.shown import literal
from knowledge.types import Citation


def cited(citation: Citation) -> str:
    """One source in one line: 柳人社规〔2022〕5号 三（二）：“……”."""
    return f"{citation.document} {citation.article}：“{citation.quote}”"


def sources(citations: Iterable[Citation]) -> tuple[Paragraph, ...]:
    """A paragraph for each source, each once."""
    return tuple(line("source", literal(text), "quiet") for text in dict.fromkeys(cited(c) for c in citations))
