"""Which words are a command, and which are an answer."""

import pytest

from flows.commands import change, command, correction, switch
from knowledge.text import plain


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("算了，全部重来", "restart"),
        ("转人工可以吗", "human"),
        ("有没有真人", "human"),
        ("我想找个人问问", "human"),
        ("退回上一步", "back"),
        ("上一步吧", "back"),
        ("看看我填的", "status"),
        ("我现在填了多少了", "status"),
        ("我先去忙，回头再弄", "pause"),
        ("今天先不填了", "pause"),
        ("全部删掉", "delete"),
        ("这个干嘛用", "why"),
        ("我刚才选错了", "which"),
        ("算了", "keep"),
        ("那继续吧", "resume"),
    ],
)
def test_a_command_is_known_in_many_wordings(said: str, kind: str) -> None:
    found = command(plain(said))
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize("said", ["有人", "那就10场", "请柬人才驿站", "算了一下是50人", "还没有", "3个人", "退休人员2名"])
def test_an_answer_is_no_command(said: str) -> None:
    assert command(plain(said)) is None


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("重新选类型", "类型"),
        ("换个类型", "类型"),
        ("我想把驿站名称改一下", "驿站名称"),
        ("地址要改一下", "地址"),
        ("把手机号换一下", "手机号"),
        ("重新填一下面积", "面积"),
    ],
)
def test_a_wish_to_change_names_what_is_meant(said: str, what: str) -> None:
    found = change(plain(said))
    assert found is not None
    assert (found.what, found.new) == (what, "")


@pytest.mark.parametrize(
    ("said", "new"),
    [
        ("我刚才说错了，以前没有获得过人才载体", "以前没有获得过人才载体"),
        ("我刚才说错了，面积应该是二百平", "面积应该是二百平"),
        ("刚才那个不对，是5次", "5次"),
        ("我刚才选错了", ""),
        ("制度都上墙了", ""),
    ],
)
def test_a_correction_gives_what_it_should_have_been(said: str, new: str) -> None:
    assert correction(plain(said)) == new


@pytest.mark.parametrize(
    ("said", "new"), [("又错了，面积是170平", "面积是170平"), ("改成180平米", "180平米"), ("那就改成6次", "6次"), ("改成", "")]
)
def test_a_second_correction_needs_no_name(said: str, new: str) -> None:
    assert correction(plain(said)) == new


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ("换成莆田的", "莆田"),
        ("算了，换回人才驿站", "人才驿站"),
        ("我想看看青岛的，换成青岛", "青岛"),
        ("场地是换过的", ""),
        ("每年六场", ""),
    ],
)
def test_a_switch_names_where_to(said: str, where: str) -> None:
    assert switch(plain(said)) == where
