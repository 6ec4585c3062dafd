"""A program that is killed between any two messages loses nothing: the same person goes on where it stopped."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.willing import answer

COMMAND = [sys.executable, "-c", "from bot.cli import main; main()", "chat", "--json", "--today", "2026-11-22", "--user", "killed"]


class Process:
    """One `yizhan chat --json`."""

    def __init__(self, folder: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
        self.running = subprocess.Popen(
            [*COMMAND, "--database", f"sqlite:///{folder / 'chat.db'}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=environment,
            cwd=folder,
        )

    def say(self, text: str) -> dict[str, Any]:
        assert self.running.stdin is not None
        assert self.running.stdout is not None
        self.running.stdin.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
        self.running.stdin.flush()
        turn: dict[str, Any] = json.loads(self.running.stdout.readline())
        return turn

    def kill(self) -> None:
        self.running.send_signal(signal.SIGKILL)
        self.running.wait()
        for stream in (self.running.stdin, self.running.stdout):
            if stream is not None:
                stream.close()


class Asked:
    """What `willing.answer` looks at."""

    def __init__(self, asking: dict[str, Any]) -> None:
        self.field, self.kind = asking["field"], asking["kind"]


def test_killed_after_every_message_the_same_person_goes_on_with_nothing_lost(tmp_path: Path) -> None:
    process = Process(tmp_path)
    turn = process.say("柳州的书院想搞个人才驿站，申请认定")
    answered = 0
    while turn["stage"] != "done":
        values, asking = turn["draft"]["values"], turn["asking"]
        process.kill()
        process = Process(tmp_path)
        back = process.say("继续")
        assert back["asking"]["field"] == asking["field"]
        assert back["draft"]["values"] == values
        turn = process.say(answer(Asked(asking)))  # type: ignore[arg-type]  # has the two attributes that are read
        answered += 1
    assert answered >= 20
    files = [f for reply in turn["replies"] for f in reply["files"]]
    assert {"form", "form_pdf", "preview", "checklist"} <= {f["kind"] for f in files}
    assert all(Path(f["path"]).is_absolute() and Path(f["path"]).stat().st_size for f in files)
    process.kill()
