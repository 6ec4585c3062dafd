"""One form for all input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.text import aligned, clean, plain, simplified, squeeze


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("a\x00b", "ab"),
        ("a\ud800b", "ab"),
        ("\u202e云下", "云下"),
        ("云\u200b下\ufeff", "云下"),
        ("一\r\n二\r三", "一\n二\n三"),
        ("  云下 ", "云下"),
        ("（江城）", "（江城）"),
    ],
)
def test_harmful_characters_are_dropped_and_the_rest_stays(raw: str, stored: str) -> None:
    assert clean(raw) == stored


@pytest.mark.parametrize(
    ("raw", "folded"),
    [
        ("１２０㎡", "120m2"),
        ("ｗｅｉ＠ａ．ｃｎ", "wei@a.cn"),
        ("聯誼型", "联谊型"),
        ("是，有；好：", "是,有;好:"),
        ("３－５", "3-5"),
        ("貳萬", "贰万"),
    ],
)
def test_text_is_folded_for_reading(raw: str, folded: str) -> None:
    assert plain(raw) == folded


def test_ascii_needs_no_simplifying() -> None:
    assert simplified("abc") == "abc"


def test_white_space_is_squeezed_out() -> None:
    assert squeeze(" 一 \t二\n三　") == "一二三"


@given(st.text())
def test_aligned_text_keeps_every_position(raw: str) -> None:
    assert len(aligned(raw)) == len(raw)


@given(st.text())
def test_cleaning_twice_changes_nothing_and_the_result_can_be_written(raw: str) -> None:
    assert clean(clean(raw)) == clean(raw)
    clean(raw).encode("utf-8")
