"""The conversations of `transcripts/`: what an applicant says, what the assistant must answer, with its citation."""

import re
from pathlib import Path

import pytest

from tests.talk import Talk

FILES = sorted((Path(__file__).parent / "transcripts").rglob("*.txt"))


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def holds(pattern: str, text: str) -> bool:
    """Whether the parts between …… stand in the text in that order."""
    at = 0
    for part in filter(None, squeezed(pattern).split("……")):
        found = squeezed(text).find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True


def expectation(talk: Talk, kind: str, wanted: str) -> bool:
    made = talk.last
    assert made is not None
    citations = {f"{c.document} {c.article}" for r in made.replies for c in r.citations}
    files = {f.kind for r in made.replies for f in r.files}
    match kind:
        case "机器人":
            return holds(wanted, talk.text())
        case "没有":
            return not holds(wanted, talk.text())
        case "引用":
            return wanted in citations
        case "在问":
            return (talk.asks or "无") == wanted
        case "阶段":
            return made.stage == wanted
        case "结论":
            return (made.verdict.outcome if made.verdict else "无") == wanted
        case "文件":
            return set(wanted.split()) <= files
    raise AssertionError(f"unknown line {kind}")


def test_there_are_transcripts_of_every_service() -> None:
    text = "\n".join(f.read_text(encoding="utf-8") for f in FILES)
    assert len(FILES) >= 8
    assert text.count("申请人:") >= 80


def play(talk: Talk, text: str, name: str) -> int:
    """Play a transcript; returns how many expectations were checked."""
    checked = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        kind, _, rest = line.partition(":")
        rest = rest.strip()
        if kind == "今天":
            talk.today = type(talk.today).fromisoformat(rest)
        elif kind == "申请人":
            talk.say(rest)
        elif kind == "重启":
            talk.reopen()
        else:
            checked += 1
            stage = talk.last.stage if talk.last else ""
            assert expectation(talk, kind, rest), f"{name}:{number}: {line}\n--- got [{stage}, asks {talk.asks}]\n{talk.text()}"
    return checked


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_the_conversation_goes_as_written(path: Path, tmp_path: Path) -> None:
    assert play(Talk(tmp_path, "2026-11-22"), path.read_text(encoding="utf-8"), path.name) >= 5
