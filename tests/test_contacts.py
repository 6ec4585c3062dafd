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


EMAIL = Field(key="leader_email", label="E-mail", kind="email", question="？", personal=True, example="name@example.com")
CODE = Field(key="host_uscc", label="信用代码", kind="uscc", question="？")
CARD = Field(key="bank_card", label="银行卡号", kind="bank_card", question="？", sensitive=True)


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("一三九零零零零一二三四", "13900001234"),
        ("幺三九洞洞洞洞幺两三四", "13900001234"),
        ("壹叁玖零零零零壹贰叁肆", "13900001234"),
        ("１３９００００１２３４", "13900001234"),
        ("139-0000-1234", "13900001234"),
        ("+86 139 0000 1234", "13900001234"),
        ("008613900001234", "13900001234"),
        ("12345678901", "12345678901"),
        ("13900001234转801", "13900001234转801"),
        ("07722828543", "0772-2828543"),
        ("(0772)2828543", "0772-2828543"),
        ("010-62345678", "010-62345678"),
        ("手机13900001234，座机0772-2828543", "13900001234"),
        ("1380000222, 少打了一位，13800002222", "13800002222"),
        ("我叫韦建国，电话一三九零零零零一二三四", "13900001234"),
    ],
)
def test_a_telephone_number_is_read_in_every_dress(said: str, number: str) -> None:
    assert read(MOBILE, said, TODAY).value == number


@pytest.mark.parametrize(
    ("said", "word"),
    [("1390000123", "少了1位"), ("139000012345", "多了1位"), ("2828543", "区号"), ("不告诉你", "没有看到"), ("23900001234", "以1开头")],
)
def test_a_wrong_telephone_number_is_told_what_is_wrong(said: str, word: str) -> None:
    reading = read(MOBILE, said, TODAY)
    assert reading.value is None
    assert word in reading.problem


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("weijianguo@example.com", "weijianguo@example.com"),
        ("邮箱是wei@example.com。", "wei@example.com"),
        ("ｗｅｉ＠ｅｘａｍｐｌｅ．ｃｏｍ", "wei@example.com"),
        ("wei @ example . com", "wei@example.com"),
        ("wei at example.com", "wei@example.com"),
        ("wei(at)example(dot)com", "wei@example.com"),
        ("wei@163点com", "wei@163.com"),
        ("123@qq.com，不对，124@qq.com", "124@qq.com"),
    ],
)
def test_an_address_is_read_in_every_dress(said: str, address: str) -> None:
    assert read(EMAIL, said, TODAY).value == address


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("linzhiqiang@", "@后面没有内容"),
        ("@qq.com", "@前面没有内容"),
        ("weiqq.com", "没有看到@"),
        ("wei@qq", "不完整"),
        ("wei..x@a.com", "写法不对"),
        ("a@b.com c@d.com", "不止一个"),
    ],
)
def test_a_wrong_address_is_told_what_is_missing(said: str, word: str) -> None:
    reading = read(EMAIL, said, TODAY)
    assert reading.value is None
    assert word in reading.problem
    assert len(reading.problem) <= 60


@pytest.mark.parametrize(
    "code",
    ["91450200MA00000C5C", "91350100MA00000A9T", "12450200400000018R", "91370200MA00000E1K", "91350302MA0000G333", "91450200MA0000D184"],
)
def test_a_credit_code_with_its_check_digit_is_taken(code: str) -> None:
    assert read(CODE, code, TODAY).value == code
    assert read(CODE, f"代码是 {code[:8].lower()} {code[8:].lower()}。", TODAY).value == code


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("91350100MA00000A9R", "校验码"),
        ("91350100MAOOOOOA9T", "数字0"),
        ("9I350100MA00000A9T", "数字1"),
        ("91350100MA00000A9", "17位"),
        ("91350100MA00000A9TT", "19位"),
        ("450200123456789", "15位"),
        ("不知道放哪了呢", "没有看到"),
    ],
)
def test_a_wrong_credit_code_is_told_what_is_wrong(said: str, word: str) -> None:
    reading = read(CODE, said, TODAY)
    assert reading.value is None
    assert word in reading.problem


def test_a_changed_character_of_a_credit_code_never_passes() -> None:
    code = "91450200MA00000C5C"
    for place in range(18):
        for char in "0123456789ABCDEFGHJKLMNPQRTUWXY":
            changed = code[:place] + char + code[place + 1 :]
            assert (read(CODE, changed, TODAY).value is None) is (changed != code)


@pytest.mark.parametrize(
    "said", ["6222020000000000018", "6222 0200 0000 0000 018", "６２２２０２０００００００００００１８", "卡号：6222-0200-0000-0000-018"]
)
def test_a_card_number_is_read_in_every_dress(said: str) -> None:
    assert read(CARD, said, TODAY).value == "6222020000000000018"


def test_a_card_that_fails_its_check_is_doubted_but_kept_for_a_second_time() -> None:
    reading = read(CARD, "6222020000000000017", TODAY)
    assert reading.problem
    assert reading.retry == "6222020000000000017"


@pytest.mark.parametrize(("digits", "fits"), [("6" * 11, False), ("6" * 12, True), ("6" * 19, True), ("6" * 20, False)])
def test_a_card_has_12_to_19_digits(digits: str, fits: bool) -> None:
    reading = read(CARD, digits, TODAY)
    assert (digits in (reading.value, reading.retry)) is fits
