"""How does a turn look on Telegram? Its replies as texts of limited HTML with buttons, and its files; deterministic, sends nothing.

Tags come only from here; everything else is escaped. The format: https://core.telegram.org/bots/api#html-style.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Literal

from bot.telegram_words import PAGE, VOTES
from flows.types import Asking, Citation, File, Option, Reply
from knowledge.text import clean

LIMIT = 4000
"""UTF-16 units of one text with its tags; the platform takes 4,096 after tags."""
DATA_BYTES = 64
ASIDE = 200
"""Characters before a question with buttons from which it is a message of its own: once answered it is replaced, and they would go too."""
WIDE = 8
"""Characters of a label from which buttons stand in one column."""
VOTE = "vote"
ORDER = ("form", "checklist", "form_pdf", "preview", "calendar")
_QUOTE, _QUOTE_END = "<blockquote expandable>", "</blockquote>"
_BREAKS = re.compile(r"(?<=[。；！？;!?\n])")

Row = tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One message: a text in HTML, with buttons below (value: its data), or a file."""

    html: str = ""
    buttons: tuple[Row, ...] = ()
    keys: Literal["", "contact", "remove"] = ""
    """The reply keyboard: the contact button, or that it goes."""
    file: File | None = None


def parts(replies: Sequence[Reply], asked: Asking | None, revision: int, *, page: str = "") -> tuple[Part, ...]:
    """The messages of a turn, in order; the last text carries the buttons. `page` is the address of the applicant's page."""
    made: list[Part] = []
    open_replies: list[Reply] = []
    for reply in replies:
        open_replies.append(reply)
        if reply.files:
            made += _texts(open_replies, page)
            made += [Part(file=file) for file in sorted(reply.files, key=lambda file: ORDER.index(file.kind))]
            open_replies = []
    made += _apart(open_replies, page)
    return _with_keys(made, replies, asked, revision)


def _apart(replies: Sequence[Reply], page: str) -> Iterator[Part]:
    """The texts, the question apart where it has buttons and much stands before it."""
    before, question = replies[:-1], replies[-1:]
    told = sum(len(reply.text) for reply in before)
    if question and question[0].choices and (told > ASIDE or any(reply.citations or reply.votable for reply in before)):
        yield from _texts(before, page)
        yield from _texts(question, page)
    else:
        yield from _texts(replies, page)


def _texts(replies: Sequence[Reply], page: str) -> Iterator[Part]:
    text = ""
    for block in (block for reply in replies for block in _blocks(reply, page)):
        joined = f"{text}\n\n{block}" if text else block
        if text and _units(joined) > LIMIT:
            yield Part(html=text)
            joined = block
        text = joined
    if text:
        yield Part(html=text)


def _blocks(reply: Reply, page: str) -> Iterator[str]:
    """Pieces that each fit into one text: the paragraphs of the reply, its quotes, the address of the page."""
    yield from _pieces(reply.text, LIMIT)
    for citation in reply.citations:
        for piece in _pieces(_quoted(citation), LIMIT - len(_QUOTE + _QUOTE_END)):
            yield f"{_QUOTE}{piece}{_QUOTE_END}"
    if reply.files and page:
        yield escape(PAGE.format(page=page), quote=False)


def _quoted(citation: Citation) -> str:
    return f"{citation.document} {citation.article}：“{' '.join(citation.quote.split())}”"


def _pieces(text: str, room: int) -> Iterator[str]:
    """The text, escaped, cut at the ends of paragraphs, else of sentences, else anywhere, so that each piece fits."""
    whole = escape(clean(text), quote=False)
    if _units(whole) <= room:
        if whole:
            yield whole
        return
    piece = ""
    for sentence in _BREAKS.split(clean(text)):
        for part in _cut(sentence, room):
            if piece and _units(piece + part) > room:
                yield piece.strip("\n")
                piece = ""
            piece += part
    if piece.strip():
        yield piece.strip("\n")


def _cut(sentence: str, room: int) -> Iterator[str]:
    """An escaped sentence in pieces; a character stays whole, with its escape."""
    piece = ""
    for character in sentence:
        shown = escape(character, quote=False)
        if _units(piece + shown) > room:
            yield piece
            piece = ""
        piece += shown
    yield piece


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _with_keys(made: list[Part], replies: Sequence[Reply], asked: Asking | None, revision: int) -> tuple[Part, ...]:
    texts = [n for n, part in enumerate(made) if part.file is None]
    if not texts:
        return tuple(made)
    rows = rows_of(replies[-1].choices, asked.field if asked else "", revision)
    if rows:
        made[texts[-1]] = replace(made[texts[-1]], buttons=rows)
    elif asked is not None:
        made[texts[-1]] = replace(made[texts[-1]], keys="contact" if asked.kind == "mobile" else "remove")
    if any(reply.votable for reply in replies):
        answer = texts[-2] if rows and len(texts) > 1 else texts[-1]  # under the answer, where the question is a message of its own
        thumbs = tuple(Option(value=f"{revision}:{VOTE}:{value}", label=label) for value, label in VOTES)
        made[answer] = replace(made[answer], buttons=(*made[answer].buttons, thumbs), keys="")
    return tuple(made)


def rows_of(offered: Sequence[Option], field: str, revision: int) -> tuple[Row, ...]:
    """The choices as buttons in one column, or in two where the labels are short."""
    buttons = [Option(value=data_of(revision, field, n, option), label=clean(option.label)) for n, option in enumerate(offered, 1)]
    across = 1 if any(len(button.label) > WIDE for button in buttons) else 2
    return tuple(tuple(buttons[n : n + across]) for n in range(0, len(buttons), across))


def data_of(revision: int, field: str, number: int, option: Option) -> str:
    """`revision:field:value`; where that is too long the option's number stands for its value."""
    data = f"{revision}:{field}:{option.value}"
    return data if len(data.encode()) <= DATA_BYTES else f"{revision}:{field}:#{number}"


def chosen(data: str, asked: Asking | None, revision: int) -> Option | None:
    """The option a button stands for; None where it is not, or no longer, offered."""
    if asked is None:
        return None
    offered = enumerate(asked.choices, 1)
    return next((option for number, option in offered if data_of(revision, asked.field, number, option) == data), None)


def voted(data: str, revision: int) -> str:
    """The thumb that a button is, if it is one of this revision; else empty."""
    return next((label for value, label in VOTES if data == f"{revision}:{VOTE}:{value}"), "")


def settled(question: str, label: str, *, whole: bool = False) -> str:
    """What an answered question becomes: its first line and the answer; `whole` keeps all of it, so that a notice can be read again."""
    if whole:
        return f"{clean(question)[: LIMIT - len(label) - 1].rstrip('：:')}：{label}"
    first = clean(question).split("\n", 1)[0]
    first = re.sub(r"^（\d+/\d+）", "", first)
    first = re.split(r"[？?]", first, maxsplit=1)[0].rstrip("：:。.！! ")
    return f"{first}：{label}"[:LIMIT]
