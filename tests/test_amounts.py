"""Numbers out of how people count."""

from datetime import date

import pytest

from flows.fields import read
from knowledge.types import Field, Value

TODAY = date(2026, 11, 22)
PER_ACTIVITY = Field(key="people_per_activity", label="每次服务人数", kind="number", question="？", unit="人", whole=True, minimum=0)
STAFF = Field(key="staff_count", label="工作人员人数", kind="number", question="？", unit="人", whole=True, minimum=0)
RANK = Field(key="award_rank", label="考核排名", kind="number", question="？", whole=True, minimum=1, optional=True)


def value(field: Field, said: str) -> Value:
    """The value read; the answer must be readable."""
    reading = read(field, said, TODAY)
    assert not reading.problem, f"{said}: {reading.problem}"
    return reading.value


@pytest.mark.parametrize("said", ["一个没有", "一个都没有", "没人", "目前没有人", "还没有"])
def test_nobody_is_nought(said: str) -> None:
    assert value(STAFF, said) == 0


@pytest.mark.parametrize("said", ["就站长一个人", "就我1个"])
def test_one_person_is_one(said: str) -> None:
    assert value(STAFF, said) == 1


def test_the_number_for_the_period_asked_counts_though_another_has_the_unit() -> None:
    assert value(PER_ACTIVITY, "全年200人，每场50") == 50


@pytest.mark.parametrize("said", ["排名还没出来", "没有排名", "还没公布", "跳过"])
def test_an_optional_number_that_is_not_out_yet_stays_open(said: str) -> None:
    assert value(RANK, said) is None


def test_a_number_that_is_needed_is_asked_again_when_it_is_not_out_yet() -> None:
    assert read(STAFF, "还没公布", TODAY).problem
