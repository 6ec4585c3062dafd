"""Blocking work beside the loop: results and errors come back, and one piece that is stuck does not hold up the others."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bot.crew import Crew


async def test_results_and_errors_come_back_to_whom_they_belong() -> None:
    crew: Crew[int, float] = Crew(lambda n: 12 / n, threads=2, name="test")
    asked = [crew.run(n) for n in (1, 2, 0, 3)]
    assert [await asked[0], await asked[1], await asked[3]] == [12, 6, 4]
    with pytest.raises(ZeroDivisionError):
        await asked[2]
    assert await crew.run(4) == 3
    crew.close()


async def test_what_is_stuck_does_not_hold_up_what_waits_behind_it() -> None:
    free = threading.Event()

    def work(name: str) -> str:
        if name == "stuck":
            assert free.wait(20)
        return name

    crew: Crew[str, str] = Crew(work, threads=3, name="test")
    stuck = [crew.run("stuck"), crew.run("stuck")]
    others = await asyncio.wait_for(asyncio.gather(*(crew.run(str(n)) for n in range(50))), 10)
    assert others == [str(n) for n in range(50)]
    assert not any(one.done() for one in stuck)
    free.set()
    assert await asyncio.wait_for(asyncio.gather(*stuck), 10) == ["stuck"] * 2
    crew.close()


async def test_what_could_not_be_kept_together_is_no_result() -> None:
    ends: list[str] = []

    @contextmanager
    def together() -> Iterator[None]:
        yield
        ends.append("kept" if ends else "lost")
        if ends == ["lost"]:
            raise OSError("the disk")

    crew: Crew[int, int] = Crew(lambda n: n, threads=1, name="test", together=together)
    with pytest.raises(OSError, match="the disk"):
        await crew.run(1)
    assert await asyncio.wait_for(crew.run(2), 10) == 2
    crew.close()


async def test_a_result_that_nobody_waits_for_any_more_is_dropped() -> None:
    crew: Crew[int, int] = Crew(lambda n: n, threads=1, name="test")
    given_up, wanted = crew.run(1), crew.run(2)
    given_up.cancel()
    assert await wanted == 2
    crew.close()
