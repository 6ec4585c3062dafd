"""Dates and months out of human text, with today as an argument."""

from datetime import date

import pytest

from flows.dates import find_dates, read_date
from knowledge.types import Field, Kind

TODAY = date(2026, 11, 22)


def field(kind: Kind, *, past: bool = True) -> Field:
    return Field(key="on", label="时间", kind=kind, question="什么时候？", example="2026年5月18日", past=past)


READ = [
    ("month", "二零一九年的七月份", "2019-07"),
    ("month", "2019年的7月", "2019-07"),
    ("month", "去年的六月", "2025-06"),
    ("month", "2020年5月，哦不对是2021年5月", "2021-05"),
    ("month", "2013-03", "2013-03"),
    ("month", "2013-03-15", "2013-03-15"),
    ("month", "2013年3月", "2013-03"),
    ("month", "2013年3月份", "2013-03"),
    ("month", "2013年 3 月", "2013-03"),
    ("month", "2013.3", "2013-03"),
    ("month", "2013.10", "2013-10"),
    ("month", "2013/3", "2013-03"),
    ("month", "201303", "2013-03"),
    ("month", "2022 9", "2022-09"),
    ("month", "13年左右建的…2013年3月吧", "2013-03"),
    ("month", "13年3月", "2013-03"),
    ("month", "98年5月", "1998-05"),
    ("month", "一三年三月", "2013-03"),
    ("month", "零八年八月", "2008-08"),
    ("month", "二〇二一年三月", "2021-03"),
    ("month", "二零一九年十二月", "2019-12"),
    ("month", "貳零貳壹年叁月", "2021-03"),
    ("month", "两千零八年六月", "2008-06"),
    ("month", "２０２１年３月", "2021-03"),
    ("month", "2020年９月", "2020-09"),
    ("month", "去年6月", "2025-06"),
    ("month", "去年六月份", "2025-06"),
    ("month", "前年十月", "2024-10"),
    ("month", "大前年1月", "2023-01"),
    ("month", "今年3月", "2026-03"),
    ("month", "上个月", "2026-10"),
    ("month", "上个月底", "2026-10"),
    ("month", "上上个月", "2026-09"),
    ("month", "这个月", "2026-11"),
    ("month", "三个月前", "2026-08"),
    ("month", "12个月前", "2025-11"),
    ("month", "不对，是2022年9月", "2022-09"),
    ("month", "2022年9月，不对，2022年10月", "2022-10"),
    ("month", "不是2022年9月，是2022年10月", "2022-10"),
    ("month", "建成是2023年5月", "2023-05"),
    ("date", "2026-05-18", "2026-05-18"),
    ("date", "2026年5月18日", "2026-05-18"),
    ("date", "2026年5月18号", "2026-05-18"),
    ("date", "2026.5.18", "2026-05-18"),
    ("date", "2026/5/18", "2026-05-18"),
    ("date", "20260518", "2026-05-18"),
    ("date", "2026年05月08日", "2026-05-08"),
    ("date", "二〇二六年五月十八日", "2026-05-18"),
    ("date", "二零一九年十二月三十一日", "2019-12-31"),
    ("date", "2021年三月十五", "2021-03-15"),
    ("date", "2021年三月廿三日", "2021-03-23"),
    ("date", "今年5月18号", "2026-05-18"),
    ("date", "去年12月31日", "2025-12-31"),
    ("date", "本月18号", "2026-11-18"),
    ("date", "上月18日", "2026-10-18"),
    ("date", "今天", "2026-11-22"),
    ("date", "昨天", "2026-11-21"),
    ("date", "前天", "2026-11-20"),
    ("date", "大前天", "2026-11-19"),
    ("date", "十天前", "2026-11-12"),
    ("date", "2024年2月29日", "2024-02-29"),
    ("date", "2026年5月18号上午10点", "2026-05-18"),
    ("date", "2026-05-18T10:00", "2026-05-18"),
    ("date", "就是今年5月18号那天", "2026-05-18"),
    ("date", "2026年11月22日", "2026-11-22"),
    ("month", "1949年10月", "1949-10"),
]

ASKED_BACK = [
    ("month", "2013年", "月份"),
    ("month", "前年", "月份"),
    ("month", "去年年底", "月份"),
    ("month", "两年前", "月份"),
    ("month", "3月", "哪一年"),
    ("month", "5月18日", "哪一年"),
    ("month", "二十号", "哪一年"),
    ("month", "2013年3月到5月", "一段时间"),
    ("month", "2013年到2014年", "一段时间"),
    ("month", "2020年6月竣工，7月投用", "不止一个"),
    ("month", "2021年13月", "没有13月"),
    ("month", "民国50年", "公历"),
    ("month", "大年初一", "公历"),
    ("month", "用了5年了", "没有看到日期"),
    ("month", "早就建好了", "没有看到日期"),
    ("month", "1948年3月", "太早"),
    ("month", "2026年12月", "还没到"),
    ("month", "明年3月", "还没到"),
    ("date", "2026年5月", "哪一天"),
    ("date", "上个月底", "哪一天"),
    ("date", "2026年", "几月几日"),
    ("date", "5月18日", "哪一年"),
    ("date", "2026年2月29日", "没有29日"),
    ("date", "2026年4月31日", "没有31日"),
    ("date", "2026年11月23日", "还没到"),
    ("date", "春节", "公历"),
]


@pytest.mark.parametrize(("kind", "text", "value"), READ)
def test_a_date_is_read_with_its_grain(kind: Kind, text: str, value: str) -> None:
    reading = read_date(field(kind), text, TODAY)
    assert (reading.value, reading.problem) == (value, "")


@pytest.mark.parametrize(("kind", "text", "word"), ASKED_BACK)
def test_an_unclear_or_impossible_date_is_asked_back(kind: Kind, text: str, word: str) -> None:
    reading = read_date(field(kind), text, TODAY)
    assert reading.value is None
    assert word in reading.problem
    assert len(reading.problem) <= 60


def test_the_tables_are_long_enough_to_mean_something() -> None:
    assert len(READ) + len(ASKED_BACK) >= 50


def test_a_future_date_is_fine_where_the_field_allows_it() -> None:
    assert read_date(field("date", past=False), "明天", TODAY).value == "2026-11-23"


def test_last_month_of_january_is_december() -> None:
    assert read_date(field("month"), "上个月", date(2026, 1, 31)).value == "2025-12"


def test_yesterday_on_the_first_of_march_in_a_leap_year_is_the_29th() -> None:
    assert read_date(field("date"), "昨天", date(2024, 3, 1)).value == "2024-02-29"


def test_all_dates_of_a_text_are_found_in_order() -> None:
    found = find_dates("2020年6月到2021年9月1日", TODAY)
    assert [(m.year, m.month, m.day) for m in found] == [(2020, 6, 0), (2021, 9, 1)]
