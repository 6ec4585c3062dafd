"""The README tells the truth: its conversation goes as printed, its commands exist, what it names is there."""

import re
from pathlib import Path

from typer.main import get_command

from bot.cli import app
from bot.settings import PREFIX, Settings
from tests.talk import Talk
from tests.test_transcripts import play

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_sample_conversation_goes_as_printed(tmp_path: Path) -> None:
    sample = README.split("<!-- sample")[1].split("```")[1]
    assert play(Talk(tmp_path, "2026-11-22"), sample, "README.md") >= 4


def test_every_command_is_in_the_readme_and_every_command_of_the_readme_exists() -> None:
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]  # a group
    named = set(re.findall(r"^\| `yizhan (\w+)", README, re.M))
    assert commands == named
    assert len(commands) >= 6


def test_every_setting_of_the_readme_exists() -> None:
    named = re.findall(rf"^\| `{PREFIX}(\w+)`", README, re.M)
    assert len(named) >= 4
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_every_path_of_the_readme_exists() -> None:
    paths = [p for p in re.findall(r"`((?:bot|flows|knowledge|storage|tests)/[\w./-]+)`", README) if "<" not in p and "*" not in p]
    assert len(paths) >= 8
    assert [p for p in paths if not (ROOT / p).exists()] == []


def test_the_two_commands_name_requirements_that_begin_with_the_project_itself() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        assert f"-r {name}" in README
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        assert lines[0] == "-e ."
        assert len(lines) > 20
        assert not any("://" in line or line.startswith("--") for line in lines)
