"""What one answer gives to one field, whatever its kind."""

from datetime import date

import pytest

from flows.fields import is_blank, read
from knowledge.types import Field

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
