"""Facts out of longer messages, and the places of what has to be masked."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.extract import extract, mask_text, spans
from knowledge.types import Field

TODAY = date(2026, 11, 22)
MOBILE = Field(key="leader_mobile", label="手机", kind="mobile", question="？", personal=True)
EMAIL = Field(key="leader_email", label="E-mail", kind="email", question="？", personal=True)
LEADER = Field(key="leader_name", label="负责人姓名", kind="text", question="？", personal=True)
CODE = Field(key="host_uscc", label="机构统一社会信用代码", kind="uscc", question="？")
CARD = Field(key="bank_card", label="银行卡号", kind="bank_card", question="？", sensitive=True)
BANK = Field(key="bank_name", label="开户行", kind="text", question="？", sensitive=True)
AREA = Field(
    key="venue_area",
    label="场地面积",
    kind="number",
    question="？",
    unit="m²",
    cues=(r"(?P<value>[\d一二三四五六七八九十百千两]+)\s*(?:平|m2)",),
)
ALL = (MOBILE, EMAIL, LEADER, CODE, CARD, BANK, AREA)


def test_all_facts_of_a_message_are_taken() -> None:
    said = "场地一百二十平，电话一三九零零零零一二三四，邮箱a@example.com，代码91450200MA00000C5C"
    assert extract(ALL, said, TODAY) == {
        "venue_area": 120,
        "leader_mobile": "13900001234",
        "leader_email": "a@example.com",
        "host_uscc": "91450200MA00000C5C",
    }


@pytest.mark.parametrize("said", ["场地要120平吗？", "至少要多少平，120平够不够？", "你好", ""])
def test_a_question_states_nothing(said: str) -> None:
    assert extract(ALL, said, TODAY) == {}


def test_two_different_mentions_are_not_a_fact() -> None:
    assert "venue_area" not in extract(ALL, "一楼120平。二楼150平。", TODAY)


def test_two_numbers_are_not_a_fact() -> None:
    assert extract([MOBILE], "13900001234和13800002222", TODAY) == {}


def test_a_code_whose_check_digit_does_not_fit_is_not_a_fact() -> None:
    assert extract([CODE], "代码91350100MA00000A9R", TODAY) == {}


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("我的电话13900001234。", "我的电话139****1234。"),
        ("一三九零零零零一二三四", "139****1234"),
        ("139-0000-1234", "139****1234"),
        ("１３９ ００００ １２３４", "139****1234"),
        ("139\u200b0000\u200b1234", "139****1234"),
        ("13900001234转801找我", "139****1234找我"),
        ("+8613900001234", "861****1234"),
        ("1390000123", "139****0123"),
        ("邮箱weijianguo@example.com，谢谢", "邮箱w***@example.com，谢谢"),
        ("weijianguo＠example．com", "w***@example.com"),
        ("weijianguo@", "w***@"),
        ("12345678901@example.com", "1***@example.com"),
        ("卡号6222 0200 0000 0000 018", "卡号****0018"),
        ("6222020000000000017", "****0017"),
        ("我叫韦建国，想申报", "我叫韦**，想申报"),
        ("负责人是覃小梅，联系人罗丹。", "负责人是覃**，联系人罗**。"),
        ("负责人欧阳娜娜", "负责人欧**"),
        ("中国工商银行柳州北雀支行", "****"),
    ],
)
def test_personal_and_sensitive_values_are_masked(said: str, stored: str) -> None:
    assert mask_text(ALL, said) == stored


@pytest.mark.parametrize(
    "said",
    [
        "场地120平，2013年3月建成",
        "负责人是谁",
        "联系人怎么填",
        "代码91450200MA00000C5C",
        "12450200400000018R",
        "2026年5月18日办了3场，每场50人",
        "申请80000元",
        "",
    ],
)
def test_what_is_neither_personal_nor_sensitive_stays(said: str) -> None:
    assert spans(ALL, said) == []
    assert mask_text(ALL, said) == said


@given(st.text(max_size=300) | st.text(alphabet="0123456789一二三零 -@.我叫韦建国转+支行xX。", max_size=300))
def test_masking_never_fails_and_spans_lie_apart(said: str) -> None:
    position = 0
    for start, end, what in spans(ALL, said):
        assert position <= start < end <= len(said)
        assert what in {"mobile", "email", "name", "bank_card", "bank_name"}
        position = end
    assert spans(ALL, mask_text(ALL, said)) is not None
    extract(ALL, said, TODAY)


@given(st.from_regex(r"\A1[3-9][0-9]{9}\Z"), st.sampled_from(["电话{}", "{}", "我的手机是 {} ，请联系", "他说：{}。"]))
def test_no_whole_mobile_survives_masking(number: str, sentence: str) -> None:
    assert number not in mask_text(ALL, sentence.format(number))


@pytest.mark.parametrize("char", ["一", "9", "万", "1,"])
def test_an_endless_number_is_no_fact_and_hides_none(char: str) -> None:
    assert extract(ALL, f"场地120平，{char * 3000}平", TODAY) == {"venue_area": 120}
