"""The terminal as a channel: lines in, replies out; pleasant for a person, exact JSON for a program."""

import json
import secrets
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TextIO

from rich.console import Console
from rich.text import Text

from bot.handle import Desk, as_json, handle
from flows.types import Message, Reply, Turn

CHANNEL = "console"


def message(user: str, text: str) -> Message:
    """A line of the terminal as a message; each is new."""
    return Message(channel=CHANNEL, sender=user, id=secrets.token_hex(8), text=text, received_at=datetime.now(UTC))


def text_of(line: str) -> str:
    """The line's text: a JSON object {"text": …} may hold line breaks, anything else is taken as it is."""
    if line.lstrip().startswith("{"):
        try:
            found = json.loads(line)
        except ValueError:
            return line
        if isinstance(found, dict) and isinstance(found.get("text"), str):
            return str(found["text"])
    return line


def chat_json(desk: Desk, user: str, lines: Iterable[str], out: TextIO) -> None:
    """One JSON object a line in `lines`; each is written only after its turn is committed."""
    for line in lines:
        made = handle(desk, message(user, text_of(line.rstrip("\r\n"))))
        out.write(json.dumps(as_json(made), ensure_ascii=False) + "\n")
        out.flush()


def chat(desk: Desk, user: str, console: Console, read: Callable[[str], str] = input) -> None:
    """Talk with a person until the input ends."""
    show(console, handle(desk, message(user, "你好")))
    while True:
        try:
            line = read("您> ")
        except (EOFError, KeyboardInterrupt):
            console.print("\n已保存，下次接着聊。", style="dim")
            return
        if line.strip():
            show(console, handle(desk, message(user, line)))


def show(console: Console, made: Turn) -> None:
    """Print a turn's replies: text, numbered choices, dimmed quotations, files."""
    for reply in made.replies:
        _show_reply(console, reply)


def _show_reply(console: Console, reply: Reply) -> None:
    console.print(Text(reply.text), soft_wrap=True)
    numbered = [f"{n}. {option.label}" for n, option in enumerate(reply.choices, 1) if f"{n}. {option.label}" not in reply.text]
    if numbered:
        console.print(Text("  ".join(numbered), style="cyan"))
    for c in reply.citations:
        console.print(Text(f"  依据 {c.document} {c.article}：“{c.quote}”", style="dim"), soft_wrap=True)
    for file in reply.files:
        console.print(Text(f"  文件 {file.name}\n       {file.path}", style="green"), soft_wrap=True)
    console.print()


def utf8() -> None:
    """Read and write UTF-8 whatever the terminal's locale; a byte that is none becomes a mark, not an error."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]  # real streams have it


def show_answer(console: Console, line: dict[str, object]) -> None:
    """Print one policy answer with its quotations dimmed."""
    console.print(Text(str(line["answer"])), soft_wrap=True)
    for c in line["citations"]:  # type: ignore[attr-defined]  # a list of citation objects
        console.print(Text(f"  依据 {c['document']} {c['article']}：“{c['quote']}”", style="dim"), soft_wrap=True)
