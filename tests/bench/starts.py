"""How long does it take to start, and how much memory stays in use? Each in interpreters of their own."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.types import Asking
from tests.bench.figures import RUNS, Figure, mid, milliseconds
from tests.bench.people import LONGEST, Applicant, people
from tests.bench.turns import folder

MAIN = "from bot.cli import main; main()"
LOAD = "from knowledge.load import library; library()"
BUILD = f"{LOAD}; from flows.assistant import assistant; assistant(library())"
HAND_OUTS = 20
"""How often the files are made in the chat whose memory is read."""


def _inside(code: str) -> float:
    """Milliseconds of the statements in a fresh interpreter, its own start not counted."""
    clock = f"from time import perf_counter; t = perf_counter(); {code}; print((perf_counter() - t) * 1000)"
    return float(subprocess.run([sys.executable, "-c", clock], check=True, capture_output=True, text=True).stdout)


def _outside(*arguments: str) -> float:
    """Milliseconds of the whole process."""
    run = [sys.executable, *arguments]
    return milliseconds(lambda: subprocess.run(run, check=True, capture_output=True))[0]


def _ask() -> float:
    return _outside("-c", MAIN, "ask", "柳州人才驿站的建设补助最多多少钱？", "--today", "2026-11-22")


def starts() -> list[Figure]:
    """Loading, building, and a question asked from the command line."""
    work: tuple[Callable[[], float], ...] = (lambda: _outside("-c", "pass"), lambda: _inside(LOAD), lambda: _inside(BUILD), _ask)
    bare, load, build, ask = (mid(times) for times in zip(*([each() for each in work] for _ in range(RUNS)), strict=True))
    against = "python -c pass"
    return [
        Figure(name="loading all programmes, imports included", value=load, goal=300, baseline=bare, against=against),
        Figure(name="building the assistant, loading and imports included", value=build, baseline=bare, against=against),
        Figure(name="yizhan ask from a cold start", value=ask, goal=1500, baseline=bare, against=against),
    ]


def _resident(process: int) -> float:
    """MB that the process holds in memory."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


class Chat:
    """`yizhan chat --json` as a child process."""

    def __init__(self, at: Path, today: str) -> None:
        run = [sys.executable, "-c", MAIN, "chat", "--json", "--database", f"sqlite:///{at / 'chat.db'}", "--today", today]
        self._child = subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def say(self, text: str) -> dict[str, Any]:
        """One line in, one line out."""
        if self._child.stdin is None or self._child.stdout is None:
            raise RuntimeError("the chat was started without pipes")
        self._child.stdin.write(f"{text}\n")
        self._child.stdin.flush()
        made: dict[str, Any] = json.loads(self._child.stdout.readline())
        return made

    def resident(self) -> float:
        """MB now."""
        return _resident(self._child.pid)

    def close(self) -> None:
        """End of input ends the chat."""
        self._child.communicate(timeout=30)


def _fill(chat: Chat, applicant: Applicant) -> None:
    """The applicant's conversation to its end; fails where there is none."""
    text = applicant.opening
    for _ in range(LONGEST):
        made = chat.say(text)
        following = applicant.next(made["asking"] and Asking(**_asked(made)), made["stage"])
        if following is None:
            return
        text = following[1]
    raise RuntimeError(f"{applicant.name} is not at the end after {LONGEST} messages, asked for {made['asking']}")


def _asked(made: dict[str, Any]) -> dict[str, str]:
    return {key: made["asking"][key] for key in ("field", "kind")}


def _after_documents() -> float:
    """MB of a chat that made the files twenty times, each time after a changed answer."""
    applicant = next(people())
    with folder() as at:
        chat = Chat(at, str(applicant.today))
        try:
            _fill(chat, applicant)
            for number in range(1, HAND_OUTS):
                for text in ("修改 场地面积", f"{150 + number}平", "确认"):
                    made = chat.say(text)
                if not any(reply["files"] for reply in made["replies"]):
                    raise RuntimeError(f"no files after a changed answer, but {made['replies']}")
            return chat.resident()
        finally:
            chat.close()


def _interpreter() -> float:
    """MB of an interpreter that waits."""
    with subprocess.Popen([sys.executable, "-c", "print(flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        if child.stdout is not None:
            child.stdout.readline()
        found = _resident(child.pid)
        child.communicate(b"\n")
    return found


def memory() -> list[Figure]:
    """The resident memory of a chat."""
    bare, chat = (mid(sizes) for sizes in zip(*((_interpreter(), _after_documents()) for _ in range(RUNS)), strict=True))
    name = f"resident memory of a chat after {HAND_OUTS} hand-outs of files"
    return [Figure(name=name, value=chat, goal=200, baseline=bare, against="bare interpreter", unit="MB")]
