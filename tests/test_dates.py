"""Dates as people say them."""

from datetime import date

import pytest

from flows.fields import read
from knowledge.types import Field

BUILT = Field(key="built_on", label="建成时间", kind="month", question="？", example="2021年3月")


@pytest.mark.parametrize(
    ("said", "expected"),
    [("二零一九年的七月份", "2019-07"), ("2019年的7月", "2019-07"), ("去年的六月", "2025-06"), ("2020年5月，哦不对是2021年5月", "2021-05")],
)
def test_a_month_is_read_with_the_little_words(said: str, expected: str) -> None:
    assert read(BUILT, said, date(2026, 11, 22)).value == expected
