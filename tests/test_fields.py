"""What one answer gives to one field, whatever its kind."""

from datetime import date
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.fields import Reading, is_blank, masked, read, show
from knowledge.types import Choice, Field, Kind, Value

TODAY = date(2026, 11, 22)
UNIT = Field(key="unit_name", label="报送单位", kind="text", question="？")
ADDRESS = Field(key="address", label="坐落地址", kind="text", question="？")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("柳州市某某文化有限公司，联系人韦建国13900001234", "柳州市某某文化有限公司"),
        ("某某人才驿站，邮箱a@example.com", "某某人才驿站"),
        ("某某公司（联系电话0772-2828543）", "某某公司"),
        ("某某公司（总部）", "某某公司（总部）"),
        ("手机维修协会", "手机维修协会"),
        ("中国银行股份有限公司柳州分行", "中国银行股份有限公司柳州分行"),
    ],
)
def test_a_person_or_number_told_along_is_no_part_of_a_name(said: str, name: str) -> None:
    assert read(UNIT, said, TODAY).value == name


def test_an_address_keeps_its_commas() -> None:
    assert read(ADDRESS, "地址：柳南区飞鹅路10号，2楼", TODAY).value == "柳南区飞鹅路10号，2楼"


@pytest.mark.parametrize("said", ["好的", "嗯嗯", "是", "可以", "OK", "同意"])
def test_a_nod_is_no_name(said: str) -> None:
    assert read(UNIT, said, TODAY).problem


@pytest.mark.parametrize("said", ["不填了", "先不填了", "我不想填", "名字还没想好", "这个不太确定诶", "时间记不清了"])
def test_saying_that_there_is_no_answer_leaves_the_field_blank(said: str) -> None:
    assert is_blank(said)


@pytest.mark.parametrize("said", ["没有", "名字叫星火", "过桥米线协会", "无", "不", "时间2021年"])
def test_an_answer_is_not_blank(said: str) -> None:
    assert not is_blank(said)


STATION = Field(key="station_name", label="驿站名称", kind="text", question="？", example="云下人才驿站")
HOST = Field(key="host_name", label="依托机构名称", kind="text", question="？")
LEADER = Field(key="leader_name", label="负责人姓名", kind="text", question="？", personal=True, example="王小明")
STORY = Field(key="activities", label="活动开展情况", kind="long_text", question="？")
AREA = Field(key="venue_area", label="场地面积", kind="number", question="？", unit="m²")
TIMES = Field(key="activities_per_year", label="每年场次", kind="number", question="？", unit="场", whole=True)
YES_NO = Field(key="display_zone", label="展示专区", kind="yes_no", question="？")
MONEY = Field(key="amount_requested", label="申请金额", kind="money", question="？")
BUILT = Field(key="built_on", label="建成时间", kind="month", question="？")
CARD = Field(key="bank_card", label="银行卡号", kind="bank_card", question="？", sensitive=True)
BANK = Field(key="bank_name", label="开户行", kind="text", question="？", sensitive=True)
TYPE = Field(
    key="t", label="类型", kind="choice", question="？", choices=(Choice(value="a", label="甲型"), Choice(value="b", label="乙型"))
)
KINDS: tuple[Kind, ...] = get_args(Kind)


@pytest.mark.parametrize(
    ("field", "said", "name"),
    [
        (STATION, "驿站名称是云下人才驿站", "云下人才驿站"),
        (STATION, "我们驿站叫云下人才驿站", "云下人才驿站"),
        (STATION, "就叫“云下人才驿站”吧。", "云下人才驿站"),
        (STATION, "不对，应该是云下驿站", "云下驿站"),
        (STATION, "柳州市人才工作站（江城理工大学站）", "柳州市人才工作站（江城理工大学站）"),
        (STATION, "蓝天网吧", "蓝天网吧"),
        (STATION, "{{7*7}}", "{{7*7}}"),
        (STATION, "云下\u202e人才\x00驿站", "云下人才驿站"),
        (UNIT, "云下茶书院有限公司，统一社会信用代码91450200MA00000C5C", "云下茶书院有限公司"),
        (ADDRESS, "我们驿站在滨江东路99号。", "滨江东路99号"),
        (ADDRESS, "位于滨江东路99号", "滨江东路99号"),
        (HOST, "依托江城理工大学", "江城理工大学"),
        (HOST, "是江城理工大学", "江城理工大学"),
        (LEADER, "我叫韦建国，电话一三九零零零零一二三四", "韦建国"),
        (LEADER, "是我，韦建国", "韦建国"),
        (LEADER, "韦建国 13900001234", "韦建国"),
        (LEADER, "负责人是韦建国主任", "韦建国"),
        (LEADER, "暂定张三", "张三"),
        (LEADER, "负责人就是法人王五", "王五"),
        (LEADER, "韦 建 国", "韦建国"),
        (LEADER, "姓韦，名建国", "韦建国"),
        (LEADER, "李和平", "李和平"),
        (LEADER, "赵喆", "赵喆"),
        (LEADER, "欧阳娜娜", "欧阳娜娜"),
        (LEADER, "John Smith", "John Smith"),
        (LEADER, "古丽巴哈尔・阿布都热合曼", "古丽巴哈尔·阿布都热合曼"),
    ],
)
def test_a_name_is_read_without_the_words_around_it(field: Field, said: str, name: str) -> None:
    assert read(field, said, TODAY).value == name


@pytest.mark.parametrize("said", ["韦", "王总", "李老师", "老韦", "我", "是我", "谁啊", "123", "？？"])
def test_what_is_no_full_name_is_asked_back(said: str) -> None:
    assert read(LEADER, said, TODAY).problem


@pytest.mark.parametrize(("length", "fits"), [(199, True), (200, True), (201, False)])
def test_a_name_has_at_most_200_characters(length: int, fits: bool) -> None:
    assert (read(UNIT, "甲" * length, TODAY).problem == "") is fits


@pytest.mark.parametrize(("length", "fits"), [(10_000, True), (10_001, False)])
def test_long_text_has_at_most_10000_characters_and_stays_as_it_is(length: int, fits: bool) -> None:
    reading = read(STORY, "甲" * length, TODAY)
    assert (reading.value == "甲" * length) is fits
    assert bool(reading.problem) is not fits


def test_long_text_keeps_its_lines_and_signs() -> None:
    assert read(STORY, "第一行，\n=1+1 {{x}} ]]>。", TODAY).value == "第一行，\n=1+1 {{x}} ]]>。"


@pytest.mark.parametrize("field", [UNIT, HOST, LEADER, CARD])
def test_none_is_left_blank_and_told(field: Field) -> None:
    reading = read(field, "暂时没有", TODAY)
    assert (reading.value, reading.problem) == (None, "")
    assert reading.note


@pytest.mark.parametrize("kind", KINDS)
def test_not_known_is_an_answer_to_every_kind(kind: Kind) -> None:
    field = Field(key="k", label="某项", kind=kind, question="？")
    for said in ("不填", "跳过", "不清楚", "我不太清楚", "说不好", "/", "不知道啊"):
        assert read(field, said, TODAY) == Reading(label="未填")


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        (AREA, 120, "120 m²"),
        (AREA, 120.5, "120.5 m²"),
        (TIMES, 4, "4场"),
        (YES_NO, True, "是"),
        (YES_NO, False, "否"),
        (BUILT, "2013-03", "2013年3月"),
        (BUILT, "2013-03-15", "2013年3月15日"),
        (TYPE, "a", "甲型"),
        (MONEY, 80000, "8万元（80000元）"),
        (MONEY, 35000, "3.5万元（35000元）"),
        (MONEY, 500, "500元"),
        (MONEY, 80000.55, "80000.55元"),
        (UNIT, "云下", "云下"),
        (UNIT, None, "未填"),
        (YES_NO, None, "未填"),
    ],
)
def test_a_value_is_shown_as_people_read_it(field: Field, value: Value, shown: str) -> None:
    assert show(field, value) == shown


def test_only_sensitive_values_are_masked() -> None:
    assert masked(CARD, "6222020000000000018") == "****0018"
    assert masked(BANK, "中国工商银行柳州北雀支行") == "****"
    assert masked(CARD, None) is None
    assert masked(UNIT, "云下") == "云下"


ODD = st.one_of(
    st.text(max_size=200),
    st.text(alphabet=st.characters(), max_size=80),
    st.text(alphabet="零一二三十百千万亿两半点年月日号场人平米0123456789.,，、-到至每季度不没有是的对错@ ", max_size=60),
    st.sampled_from(["\ud800", "\x00", "1" * 10_000, "一" * 700, "不" * 500, "9" * 400 + "万", "嗯" * 500, "@" * 500, "有" * 10_000]),
)


@given(st.sampled_from(KINDS), ODD, st.booleans(), st.booleans())
@settings(max_examples=1500)
def test_no_text_makes_a_reader_fail(kind: Kind, said: str, whole: bool, personal: bool) -> None:
    field = Field(
        key="people_per_year" if whole else "k",
        label="某项",
        kind=kind,
        question="？",
        whole=whole,
        personal=personal,
        past=personal,
        choices=TYPE.choices,
        minimum=0,
    )
    reading = read(field, said, TODAY)
    assert len(reading.problem) <= 60
    if reading.value is not None and isinstance(reading.value, str):
        reading.value.encode("utf-8")
    if not reading.problem:
        assert reading.label


@given(st.integers(min_value=0, max_value=10**8))
def test_every_whole_number_is_read_back_as_it_is_shown(number: int) -> None:
    assert read(TIMES, show(TIMES, number), TODAY).value == number


@given(st.dates(min_value=date(1949, 1, 1), max_value=TODAY))
def test_every_date_is_read_back_as_it_is_shown(day: date) -> None:
    field = Field(key="on", label="时间", kind="date", question="？", past=True)
    assert read(field, show(field, day.isoformat()), TODAY).value == day.isoformat()
