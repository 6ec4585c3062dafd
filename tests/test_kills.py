"""Killed under load, two workers lose nothing they acknowledged, do nothing twice, and end where one that was left alone ends."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.crashing import STEPS
from tests.kills import SCRIPT, History, Run, doubles, judged

KILLS = 30
SHORT = (SCRIPT[:8], SCRIPT[:4])
"""What is said on the official account and on Telegram where one worker crashes once."""


def run(folder: Path, name: str, people: int, chats: int, *said: Sequence[str]) -> Run:
    (folder / name).mkdir()
    return Run(folder / name, f"sqlite:///{folder}/{name}/chat.db", people, chats, *said)


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> History:
    """What is left where nothing crashes."""
    return asyncio.run(run(tmp_path_factory.mktemp("calm"), "calm", 1, 1, *SHORT).under(0, 0))


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_each_step_the_end_is_as_if_nothing_had_happened(tmp_path: Path, wanted: History, step: str) -> None:
    found = asyncio.run(run(tmp_path, step, 1, 1, *SHORT).crashing(f"{step}:3"))
    twice = judged(found, wanted)
    assert twice <= 1, "only what the platform had just got, and nobody had recorded, may come again"
    assert twice == 1 or step != "sent"


def test_thirty_kills_under_load_lose_nothing_and_double_at_most_one_message_each(tmp_path: Path) -> None:
    wanted = asyncio.run(run(tmp_path, "calm", 1, 1).under(0, 0))
    assert len(wanted.told["oKILLED000000"]) > 20
    found = asyncio.run(run(tmp_path, "killed", 12, 3).under(KILLS, 7))
    assert found.kills >= KILLS
    judged(found, wanted)


@pytest.mark.parametrize("found", [["a", "b"], ["a", "b", "d", "c"], ["a", "c", "b"], ["b", "a", "c"], ["a", "b", "a", "c"]])
def test_the_checker_sees_what_is_missing_foreign_or_out_of_order(found: list[str]) -> None:
    with pytest.raises(AssertionError):
        doubles(found, ["a", "b", "c"])


def test_the_checker_counts_what_came_twice() -> None:
    assert doubles(["a", "b", "c"], ["a", "b", "c"]) == 0
    assert doubles(["a", "a", "b", "c", "c"], ["a", "b", "c"]) == 2
