"""Telephone numbers as people correct them."""

from datetime import date

import pytest

from flows.fields import read
from knowledge.types import Field

TODAY = date(2026, 11, 22)
MOBILE = Field(key="leader_mobile", label="手机", kind="mobile", question="？", personal=True)
LEADER = Field(key="leader_name", label="负责人姓名", kind="text", question="？", personal=True)


@pytest.mark.parametrize("said", ["不是13900001111，是13900002222", "别用13900001111，用13900002222", "13900001111 错了 13900002222"])
def test_a_number_that_is_set_aside_does_not_count(said: str) -> None:
    assert read(MOBILE, said, TODAY).value == "13900002222"


def test_two_numbers_side_by_side_are_asked_back() -> None:
    assert read(MOBILE, "13900001111、13900002222", TODAY).problem


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("就是本人李梅", "李梅"),
        ("馆长叫周慧敏", "周慧敏"),
        ("经理是张伟", "张伟"),
        ("阿依古丽•买买提", "阿依古丽·买买提"),
        ("有志强", "有志强"),
    ],
)
def test_a_name_is_read_without_what_stands_before_it(said: str, name: str) -> None:
    assert read(LEADER, said, TODAY).value == name
