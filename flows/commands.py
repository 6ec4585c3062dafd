"""Is a message a command, and which? Only wording that cannot be an answer counts; what it does stands in conversation.py."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tomli
from rapidfuzz import fuzz

from flows.numbers import value_of
from knowledge.types import Field

_WORDING = tomli.loads((Path(__file__).parent / "wording" / "commands.toml").read_text(encoding="utf-8"))
_COMMANDS = {kind: re.compile("|".join(patterns), re.I) for kind, patterns in _WORDING["full"].items()}
_PATTERN = {name: re.compile(pattern) for name, pattern in _WORDING["pattern"].items()}
_LEAD = re.compile(r"^(?:你好|您好|有人吗|在吗|算了|要不|还是|好吧|那就|那|老师|麻烦您?|请问?|嗯+|哎|唉|我看)+(?=.{2})")
_TAIL = re.compile(r"(?<=.{2})(?:吧|呗|啊|呀|哈|谢谢|可以吗|好吗|行吗|好不好|行不行)+$")
"""What people put around a command: 算了，全部重来吧."""
_ASIDE = re.compile(r"[\s,.。!！?？~…、;:]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A recognised command; `what` names a field or programme, `new` is a value that came along."""

    kind: str
    what: str = ""
    new: str = ""


def command(text: str) -> Command | None:
    """The command that the whole message is; text as `knowledge.text.plain` gives it."""
    bare = _ASIDE.sub("", text)
    return _whole(bare) or _whole(_TAIL.sub("", _LEAD.sub("", bare)))


def _whole(bare: str) -> Command | None:
    for kind, pattern in _COMMANDS.items():
        if pattern.fullmatch(bare):
            return Command(kind=kind)
    if _PATTERN["which"].fullmatch(bare):
        return Command(kind="which")
    return None


def leaves(text: str) -> bool:
    """Whether somebody who talks with a person wants the assistant again: 继续填, which else only goes on; not 我来了 or 接着说."""
    return _PATTERN["leaves"].match(_ASIDE.sub("", text)) is not None


def change(text: str) -> Command | None:
    """A wish to change a named field: kind `change` where the wording is plain, `maybe` where only a known field makes it one."""
    text = text.strip().rstrip("。.!")
    compact = re.sub(r"\s+", "", text)
    if _PATTERN["item"].match(compact):
        return Command(kind="change", what=compact)
    for kind, pattern, source in (
        ("change", _PATTERN["change"], compact),
        ("maybe", _PATTERN["change_to"], compact),
        ("maybe", _PATTERN["change_ask"], compact),
        ("maybe", _PATTERN["wrong"], compact),
    ):
        if found := pattern.match(source):
            return Command(kind=kind, what=found["what"], new=(found["new"] or "").strip(" ,"))
    return None


def correction(text: str) -> str:
    """What an earlier answer should have been (不对，是8场 → 8场); empty where the message corrects nothing."""
    found = _PATTERN["correction"].match(text.strip())
    return found["new"].strip(" ,。") if found else ""


def switch(text: str) -> str:
    """The programme that the person wants to change to, in their words."""
    clauses = [_ASIDE.sub("", clause) for clause in re.split(r"[,，。;；]", text)]
    found = next((m for clause in reversed(clauses) if (m := _PATTERN["switch"].match(clause))), None)
    return found["what"] if found else ""


def find_field(fields: Sequence[Field], what: str) -> Field | None:
    """The field that is meant: 第3项 counts in this list; else its label or another name of it, with typos."""
    what = _PATTERN["trim"].sub("", what.strip(" ,:“”\"'《》【】"))
    if found := _PATTERN["numbered"].match(what):
        number = int(value_of(found["n"]) or 0)
        return fields[number - 1] if number and 1 <= number <= len(fields) else None
    if not what:
        return None
    return _by_name(fields, what)


def _by_name(fields: Sequence[Field], what: str) -> Field | None:
    names = [(name, field) for field in fields for name in (field.key, field.label, *field.words)]
    for name, field in names:
        if name == what:
            return field
    inside = {field.key: field for name, field in names if len(what) >= 2 and (what in name or (len(name) >= 2 and name in what))}
    if len(inside) == 1:
        return next(iter(inside.values()))
    scored = sorted(((fuzz.ratio(name, what), n) for n, (name, _) in enumerate(names)), reverse=True)
    best, second = scored[0], next((s for s in scored[1:] if names[s[1]][1].key != names[scored[0][1]][1].key), (0.0, 0))
    return names[best[1]][1] if best[0] >= 66 and best[0] - second[0] >= 8 else None
