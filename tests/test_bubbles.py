"""A turn as text for channels with one bubble a message: nothing is lost, every page fits, nothing breaks an envelope."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.bubbles import LIMIT, MORE, clean, pages
from flows.types import Citation, File, Option, Reply

CLAUSE = Citation(programme="p", document="某办〔2022〕5号", article="三（一）", quote="每年活动不少于4次。")
YES_NO = (Option(value="true", label="是"), Option(value="false", label="否"))


def one(*replies: Reply, **options: object) -> str:
    made = pages(replies, **options)  # type: ignore[arg-type]
    assert len(made) == 1
    return made[0]


def test_the_answer_its_clauses_and_the_question_stand_in_one_text_in_this_order() -> None:
    text = one(Reply(text="记下了。", citations=(CLAUSE, CLAUSE)), Reply(text="提醒一句。"), Reply(text="有没有？", choices=YES_NO))
    assert text == "记下了。\n【原文】某办〔2022〕5号 三（一）：“每年活动不少于4次。”\n\n提醒一句。\n\n有没有？\n1. 是\n2. 否"


def test_choices_become_tappable_where_links_are_understood() -> None:
    text = one(Reply(text="有没有？", choices=YES_NO), linked=True)
    assert text.splitlines()[1] == '1. <a href="weixin://bizmsgmenu?msgmenucontent=是&msgmenuid=1">是</a>'


def test_a_choice_that_the_text_already_numbers_is_not_repeated() -> None:
    asked = Reply(text="哪种？\n1. 是：有\n2. 否：无", choices=YES_NO)
    assert one(asked) == asked.text
    assert one(asked, linked=True).splitlines()[2] == '2. <a href="weixin://bizmsgmenu?msgmenucontent=否&msgmenuid=1">否</a>：无'


def test_only_the_question_asked_last_is_numbered() -> None:
    text = one(
        Reply(text="哪个？", choices=(Option(value="a", label="甲"), Option(value="b", label="乙"))), Reply(text="有没有？", choices=YES_NO)
    )
    assert text == "哪个？\n甲、乙\n\n有没有？\n1. 是\n2. 否"


def test_labels_that_an_address_cannot_hold_and_too_many_links_stay_plain() -> None:
    odd = (Option(value="a", label='甲"><b'), Option(value="b", label="乙&丙"))
    assert "<a" not in one(Reply(text="哪个？", choices=odd), linked=True)
    many = tuple(Option(value=str(n), label=f"第{n}个选项") for n in range(1, 40))
    assert "<a" not in "".join(pages((Reply(text="哪个？", choices=many),), linked=True))


def test_thumbs_follow_an_answer_that_can_be_voted_on_where_links_are_understood() -> None:
    answer = Reply(text="四次。", votable=True)
    assert one(answer) == "四次。"
    assert one(answer, linked=True).count("bizmsgmenu") == 2


def test_files_are_named_with_the_page_where_they_are_or_with_whom_to_ask() -> None:
    made = Reply(text="做好了。", files=(File(kind="form", name="申请表.docx", path="/x/申请表.docx"),))
    there = one(made, page="https://yizhan.example/a/abc", hint="还可以订阅提醒。")
    assert "· 申请表.docx\n预览、下载、材料清单：https://yizhan.example/a/abc\n" in there
    assert "在浏览器打开" in there
    assert there.endswith("还可以订阅提醒。")
    assert "/x/" not in there
    assert "联系" in one(made)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a]]>b", "a]]＞b"),
        ("a\x00\x08\x1b[31m\r\nb", "a[31m\nb"),
        ("a\ud800b\udfff", "ab"),
        ("a\u202eb\u2066c\ufeff\uffff", "abc"),
        ('<a href="x">点</a> 3<5 <!--', '＜a href="x">点＜/a> 3<5 ＜!--'),
        ("👩🏽\u200d🎓\tok", "👩🏽\u200d🎓\tok"),
    ],
)
def test_what_breaks_a_message_is_cleaned(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_pages_end_on_line_ends_and_say_how_to_go_on() -> None:
    lines = [f"第{n}行：{'字' * 40}。" for n in range(40)]
    made = pages((Reply(text="\n".join(lines)),))
    assert len(made) > 2
    assert all(page.endswith(f"\n{MORE}") for page in made[:-1])
    assert MORE not in made[-1]
    assert [line for page in made for line in page.removesuffix(f"\n{MORE}").splitlines()] == lines


def test_a_line_longer_than_a_page_is_cut_at_the_end_of_a_sentence() -> None:
    made = pages((Reply(text="每年办四次活动。" * 200),), limit=500)
    assert all(page.removesuffix(f"\n{MORE}").endswith("。") for page in made)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=900), min_size=1, max_size=6), st.integers(200, LIMIT), st.booleans())
def test_every_page_fits_and_together_they_hold_everything(texts: list[str], limit: int, linked: bool) -> None:
    replies = tuple(Reply(text=text, choices=YES_NO) for text in texts)
    made = pages(replies, limit, linked=linked)
    assert all(len(page.encode()) <= limit for page in made)
    joined = "".join(page.removesuffix(f"\n{MORE}") for page in made)

    def bare(text: str) -> str:
        return re.sub(r"\s", "", re.sub("<a [^>]*>|</a>", "", text) if linked else text)

    for text in texts:
        if not linked:
            assert bare("".join(clean(text).splitlines())) in bare(joined)
    assert bare(joined).endswith("1.是2.否")
