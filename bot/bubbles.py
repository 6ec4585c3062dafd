"""How does a turn become text, for a channel that shows one bubble a message? All replies in one text, paged on line ends.

What the replies say stands in `flows/wording/`; what a platform does with the text in that platform's file.
"""

import re
from collections.abc import Iterator, Sequence

from flows.types import Citation, Option, Reply

LIMIT = 2048
"""Bytes of UTF-8 in one WeChat text: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Service_Center_messages.html."""
MORE = "回复 更多 继续"
_BROWSER = "若不能下载，点右上角 ··· → 在浏览器打开。"
_NO_PAGE = "文件已存好；下载页面还没有开通，请联系本助手的工作人员领取。"

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|[\ud800-\udfff]")
"""Control characters but tab and line feed, direction overrides, lone surrogates, what XML forbids. Joiners stay: emoji need them."""
_TAG = re.compile(r"<(?=[/!?A-Za-z])")
_LINKABLE = re.compile(r"[^<>\"&#%?=\s]{1,20}")
"""What can stand in a link's address without being quoted: how the app reads quoting there is not documented."""
_BREAKS = re.compile(r"(?<=[。；！？;!?])")


def clean(text: str) -> str:
    """The text without what breaks an XML envelope, a database or a screen; a tag that somebody typed is text, no tag."""
    return _TAG.sub("＜", _UNSEEN.sub("", text).replace("]]>", "]]＞"))


def pages(
    replies: Sequence[Reply], limit: int = LIMIT, *, linked: bool = False, page: str = "", hint: str = "", lead: str = ""
) -> tuple[str, ...]:
    """All replies of a turn as texts of at most `limit` bytes; all but the last end with how to get the next.

    `linked`: choices and thumbs become tappable menu links where they fit. `page`: the address where the files are, `hint`: what
    else can be done there. `lead` goes before everything.
    """
    return _paged([*clean(lead).splitlines(), *_lines(replies, limit, linked, page, hint)], limit)


def _lines(replies: Sequence[Reply], limit: int, linked: bool, page: str, hint: str) -> Iterator[str]:
    asks = max((n for n, reply in enumerate(replies) if reply.choices), default=-1)
    cited: set[tuple[str, str, str]] = set()
    for n, reply in enumerate(replies):
        if n:
            yield ""
        lines = clean(reply.text).splitlines()
        if n == asks:
            lines = _with_choices(lines, reply.choices, linked and _fit(reply.choices, limit))
        elif reply.choices:
            lines.append(clean("、".join(option.label for option in reply.choices)))
        yield from lines
        yield from _citations(reply, cited)
        yield from _files(reply, page, hint)
        if reply.votable and linked:
            yield f"{link('👍')}　{link('👎')}"


def link(label: str) -> str:
    """The label as a link that says it when tapped; undocumented, seen to work in text messages."""
    return f'<a href="weixin://bizmsgmenu?msgmenucontent={label}&msgmenuid=1">{label}</a>'


def _fit(choices: Sequence[Option], limit: int) -> bool:
    return sum(len(link(option.label).encode()) + 5 for option in choices) <= limit // 2


def _with_choices(lines: list[str], choices: Sequence[Option], linked: bool) -> list[str]:
    """Each choice numbered on a line of its own: the line that the text already has for it, else a new one."""
    lines = list(lines)
    for number, option in enumerate(choices, 1):
        label = clean(option.label)
        plain = f"{number}. {label}"
        shown = f"{number}. {link(label)}" if linked and _LINKABLE.fullmatch(label) else plain
        at = next((n for n, line in enumerate(lines) if line.startswith(plain)), None)
        if at is None:
            lines.append(shown)
        else:
            lines[at] = shown + lines[at].removeprefix(plain)
    return lines


def _citations(reply: Reply, cited: set[tuple[str, str, str]]) -> Iterator[str]:
    """A line for each clause that was not quoted before in this turn."""
    for c in reply.citations:
        key = (c.document, c.article, c.quote)
        if key not in cited:
            cited.add(key)
            yield _citation(c)


def _citation(c: Citation) -> str:
    quote = " ".join(clean(c.quote).split())
    return f"【原文】{clean(c.document)} {clean(c.article)}：“{quote}”"


def _files(reply: Reply, page: str, hint: str) -> Iterator[str]:
    """The files by name, and the one address where they all are: no official account carries a file."""
    if not reply.files:
        return
    yield from (f"· {clean(file.name)}" for file in reply.files)
    if not page:
        yield _NO_PAGE
        return
    yield f"预览、下载、材料清单：{page}"
    yield f"{_BROWSER}{hint}"


def _paged(lines: list[str], limit: int) -> tuple[str, ...]:
    text = "\n".join(lines).strip("\n")
    if _size(text) <= limit:
        return (text,)
    room = limit - _size(f"\n{MORE}")
    made: list[str] = []
    page = ""
    for piece in (piece for line in lines for piece in _pieces(line, room)):
        joined = f"{page}\n{piece}" if page else piece
        if page and _size(joined) > room:
            made.append(page.rstrip("\n"))
            page = piece
        else:
            page = joined
    made.append(page.rstrip("\n"))
    full = [page for page in made if page]
    return (*(f"{page}\n{MORE}" for page in full[:-1]), full[-1])


def _pieces(line: str, room: int) -> Iterator[str]:
    """The line, cut where it is longer than a page: at the end of a sentence, else anywhere between characters."""
    if _size(line) <= room:
        yield line
        return
    piece = ""
    for part in (short for sentence in _BREAKS.split(line) for short in _cut(sentence, room)):
        if piece and _size(piece + part) > room:
            yield piece
            piece = part
        else:
            piece += part
    yield piece


def _cut(sentence: str, room: int) -> Iterator[str]:
    while _size(sentence) > room:
        head = sentence.encode()[:room].decode(errors="ignore")
        yield head
        sentence = sentence[len(head) :]
    yield sentence


def _size(text: str) -> int:
    return len(text.encode())
