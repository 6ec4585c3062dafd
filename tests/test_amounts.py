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


PER_YEAR = Field(
    key="activities_per_year", label="每年活动场次", kind="number", question="？", unit="场", whole=True, minimum=0, example="4"
)
PEOPLE_PER_YEAR = Field(key="people_per_year", label="每年服务人次", kind="number", question="？", unit="人次", whole=True, minimum=0)
AREA = Field(key="venue_area", label="场地面积", kind="number", question="？", unit="m²", minimum=1, maximum=100000, example="120")
MONEY = Field(key="amount_requested", label="申请金额", kind="money", question="？", minimum=1, example="8万")

NUMBERS: list[tuple[Field, str, Value]] = [
    (AREA, "大概一百二十平", 120),
    (AREA, "１２０㎡", 120),
    (AREA, "120 m²", 120),
    (AREA, "两百来平", 200),
    (AREA, "加上连廊是三百六十平", 360),
    (AREA, "２楼，一共120平", 120),
    (AREA, "1,200平米", 1200),
    (AREA, "一千二", 1200),
    (AREA, "120.5", 120.5),
    (AREA, "一楼100平，二楼200平，一共300平", 300),
    (STAFF, "连站长一共2个人", 2),
    (STAFF, "俩人", 2),
    (STAFF, "仨", 3),
    (STAFF, "专职2人，兼职3人，一共5人", 5),
    (STAFF, "一百来号", 100),
    (PER_YEAR, "正好4次", 4),
    (PER_YEAR, "去年六场", 6),
    (PER_YEAR, "2025年办了6场", 6),
    (PER_YEAR, "每场50人，一共4场", 4),
    (PER_YEAR, "第一次办，4场", 4),
    (PER_YEAR, "不是6场，是8场", 8),
    (PER_YEAR, "6场，不对，8场", 8),
    (PER_YEAR, "全年4场，其中3月1场", 4),
    (PER_YEAR, "每季度一场，全年4场", 4),
    (PER_YEAR, "每季度一场", 4),
    (PER_YEAR, "每月一次", 12),
    (PER_YEAR, "一个月两次", 24),
    (PER_YEAR, "每周一次", 52),
    (PER_YEAR, "每周五一次", 52),
    (PER_YEAR, "每半年一次", 2),
    (PER_YEAR, "每两个月一次", 6),
    (PER_YEAR, "两月一次", 6),
    (PER_YEAR, "隔月一次", 6),
    (PER_YEAR, "一年一次", 1),
    (PER_YEAR, "零", 0),
    (PER_YEAR, "还没办过", 0),
    (PER_ACTIVITY, "每场都是50人", 50),
    (PER_ACTIVITY, "40人左右", 40),
    (PER_ACTIVITY, "每次50人，一共办了4次", 50),
    (PEOPLE_PER_YEAR, "全年200人次，每场50人", 200),
    (RANK, "第一名", 1),
    (RANK, "排名第三", 3),
    (MONEY, "8万", 80000),
    (MONEY, "3万5", 35000),
    (MONEY, "80,000.00", 80000),
    (MONEY, "￥80000", 80000),
    (MONEY, "八万整", 80000),
    (MONEY, "捌万元整", 80000),
    (MONEY, "十万块钱吧", 100000),
    (MONEY, "0.5万", 5000),
    (MONEY, "8w", 80000),
    (MONEY, "80000.55元", 80000.55),
]


@pytest.mark.parametrize(("field", "said", "expected"), NUMBERS)
def test_a_number_is_read_as_it_is_meant(field: Field, said: str, expected: Value) -> None:
    assert value(field, said) == expected


ASKED_BACK = [
    (AREA, "120到150平", "120到150"),
    (AREA, "三四十平", "30到40"),
    (AREA, "300多平", "准确"),
    (AREA, "3亩", "单位"),
    (AREA, "长12米宽10米", "不止一个"),
    (AREA, "-5", "负数"),
    (AREA, "0.5", "至少"),
    (AREA, "99999999999", "太大"),
    (AREA, "很大", "没有看到数字"),
    (AREA, "NaN", "数字"),
    (AREA, "1e400", "数字"),
    (STAFF, "站长1名加干事1名", "不替您相加"),
    (STAFF, "站长1名，专职1名，兼职1名", "不替您相加"),
    (STAFF, "2.5人", "整数"),
    (STAFF, "三五个", "3到5"),
    (PER_YEAR, "3到5场", "3到5"),
    (PER_YEAR, "4-6次", "4到6"),
    (PER_YEAR, "至少3次", "准确"),
    (PER_YEAR, "十几场", "准确"),
    (PER_YEAR, "上半年2场，下半年3场", "全年"),
    (PER_YEAR, "上半年2场", "全年"),
    (PER_YEAR, "近三个月办了4场", "全年"),
    (PER_YEAR, "三年办了6场", "一年"),
    (PER_YEAR, "每周一", "没有看到数字"),
    (PER_ACTIVITY, "不到50", "50以内"),
    (PER_ACTIVITY, "50以下", "50以内"),
    (PER_ACTIVITY, "五十多", "五十以上"),
    (PER_ACTIVITY, "上百人", "准确"),
    (PER_ACTIVITY, "全年200人次", "每场"),
    (PEOPLE_PER_YEAR, "每场50人", "全年"),
    (RANK, "倒数第一", "具体"),
    (RANK, "前三", "具体"),
    (MONEY, "5到8万", "50000到80000"),
    (MONEY, "8万多", "准确"),
    (MONEY, "8万，其中装修5万", "不止一个"),
    (MONEY, "100美元", "人民币"),
    (MONEY, "1.234", "两位小数"),
    (MONEY, "最高额", "没有看到金额"),
    (MONEY, "-5万", "负数"),
]


@pytest.mark.parametrize(("field", "said", "word"), ASKED_BACK)
def test_what_is_not_one_exact_number_is_asked_back(field: Field, said: str, word: str) -> None:
    reading = read(field, said, TODAY)
    assert reading.value is None
    assert word in reading.problem
    assert len(reading.problem) <= 60


@pytest.mark.parametrize(("field", "said", "word"), [(PER_YEAR, "每季度一场", "全年4场"), (PER_ACTIVITY, "40人左右", "40人")])
def test_what_was_reckoned_is_told(field: Field, said: str, word: str) -> None:
    assert word in read(field, said, TODAY).note


@pytest.mark.parametrize(("number", "fits"), [("0", False), ("1", True), ("100000", True), ("100001", False)])
def test_each_limit_is_included(number: str, fits: bool) -> None:
    assert (read(AREA, number, TODAY).problem == "") is fits
