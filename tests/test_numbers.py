"""Numerals and how exactly they are meant."""

from decimal import Decimal

import pytest

from flows.numbers import find, normal, value_of
from knowledge.text import plain

VALUES = [
    ("0", 0),
    ("7", 7),
    ("120", 120),
    ("1,200", 1200),
    ("12,345,678", 12345678),
    ("80,000.00", 80000),
    ("3.5", 3.5),
    ("１２０", 120),
    ("３．５", 3.5),
    ("零", 0),
    ("〇", 0),
    ("一", 1),
    ("两", 2),
    ("兩", 2),
    ("俩", 2),
    ("仨", 3),
    ("九", 9),
    ("十", 10),
    ("十二", 12),
    ("二十", 20),
    ("廿", 20),
    ("廿三", 23),
    ("卅", 30),
    ("卅五", 35),
    ("九十九", 99),
    ("百", 100),
    ("一百", 100),
    ("一百零二", 102),
    ("一百〇二", 102),
    ("一百二", 120),
    ("一百二十", 120),
    ("一百二十三", 123),
    ("两百五", 250),
    ("二百五十", 250),
    ("三百六十", 360),
    ("一千", 1000),
    ("一千二", 1200),
    ("一千零二十", 1020),
    ("一千二百三十四", 1234),
    ("两千零八", 2008),
    ("一万", 10000),
    ("一万五", 15000),
    ("一万零五百", 10500),
    ("兩萬", 20000),
    ("十万", 100000),
    ("二十万", 200000),
    ("一百二十万", 1200000),
    ("三万五千六", 35600),
    ("三万五千六百", 35600),
    ("3万", 30000),
    ("3万5", 35000),
    ("3万5千", 35000),
    ("3万5000", 35000),
    ("3.5万", 35000),
    ("0.5万", 5000),
    ("三点五万", 35000),
    ("一点五", 1.5),
    ("三点一四", 3.14),
    ("12万", 120000),
    ("1千2", 1200),
    ("1亿", 100000000),
    ("1亿2", 120000000),
    ("一亿零三万", 100030000),
    ("二〇二一", 2021),
    ("二零二六", 2026),
    ("一二〇", 120),
    ("壹佰贰拾", 120),
    ("捌万", 80000),
    ("貳佰", 200),
    ("叁仟", 3000),
    ("伍拾", 50),
    ("半", 0.5),
]


@pytest.mark.parametrize(("numeral", "value"), VALUES)
def test_a_numeral_has_its_value(numeral: str, value: float) -> None:
    read = value_of(numeral)
    assert read is not None
    assert normal(read) == value


@pytest.mark.parametrize("numeral", ["", "十十", "二百千", "个", "一万二万", "12a", "一 二", "点五", "五点", "3百5千"])
def test_what_is_no_numeral_has_no_value(numeral: str) -> None:
    assert value_of(numeral) is None


MEANT = [
    ("大概一百二十平", 120, 120, "about"),
    ("约50人", 50, 50, "about"),
    ("40人左右", 40, 40, "about"),
    ("两百来平", 200, 200, "about"),
    ("大约五十来号人", 50, 50, "about"),
    ("差不多30", 30, 30, "about"),
    ("正好4次", 4, 4, "exact"),
    ("去年六场", 6, 6, "exact"),
    ("附近50家", 50, 50, "exact"),
    ("人数50", 50, 50, "exact"),
    ("数百人", 100, 100, "vague"),
    ("五十多", 50, 50, "more"),
    ("50多人", 50, 50, "more"),
    ("五十余人", 50, 50, "more"),
    ("50人以上", 50, 50, "more"),
    ("至少3次", 3, 3, "more"),
    ("不少于4次", 4, 4, "more"),
    ("超过100人", 100, 100, "more"),
    ("十几个", 10, 10, "more"),
    ("不到50", 50, 50, "less"),
    ("50以下", 50, 50, "less"),
    ("将近50人", 50, 50, "less"),
    ("最多10次", 10, 10, "less"),
    ("几十人", 10, 10, "vague"),
    ("上百人", 100, 100, "vague"),
    ("三四十人", 30, 40, "range"),
    ("十五六个", 15, 16, "range"),
    ("一两百平", 100, 200, "range"),
    ("两三百", 200, 300, "range"),
    ("三五个人", 3, 5, "range"),
    ("四、五场", 4, 5, "range"),
    ("3到5场", 3, 5, "range"),
    ("4-6次", 4, 6, "range"),
    ("４～６次", 4, 6, "range"),
    ("50至60人", 50, 60, "range"),
    ("3场到5场", 3, 5, "range"),
    ("5到8万", 50000, 80000, "range"),
    ("20名G类以上人才", 20, 20, "exact"),
    ("-5", -5, -5, "exact"),
    ("负三", -3, -3, "exact"),
    ("一个半", 1.5, 1.5, "exact"),
]


@pytest.mark.parametrize(("text", "low", "high", "exactness"), MEANT)
def test_a_number_is_as_exact_as_it_is_said(text: str, low: float, high: float, exactness: str) -> None:
    (quantity,) = find(plain(text))
    assert (normal(quantity.value), normal(quantity.high), quantity.exactness) == (low, high, exactness)


def test_the_tables_are_long_enough_to_mean_something() -> None:
    assert len(VALUES) + len(MEANT) >= 80


def test_several_numbers_come_in_order_with_their_places() -> None:
    text = plain("专职2人，兼职三人")
    assert [(q.value, text[q.start : q.end]) for q in find(text)] == [(Decimal(2), "2"), (Decimal(3), "三")]


def test_a_comma_between_two_numbers_does_not_join_them() -> None:
    assert [q.value for q in find("5, 50")] == [5, 50]


def test_whole_numbers_are_stored_as_int() -> None:
    assert isinstance(normal(Decimal("35000.0")), int)
    assert isinstance(normal(Decimal("3.5")), float)
