"""The staff's list of questions: how it fills from the chat, and how it is grouped."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.handle import Desk, handle
from bot.staff.lines import missed_questions, question_line
from flows.assistant import assistant
from flows.types import Message, Turn
from flows.unanswered import Asked, grouped
from knowledge.load import library
from storage.sqlite import SqliteStore

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    store = SqliteStore(tmp_path / "a.db", b"0" * 32)
    return Desk(assistant=assistant(library()), store=store, files=tmp_path / "files", today=lambda: date(2026, 11, 22))


def send(desk: Desk, *texts: str, sender: str = "u") -> Turn:
    for text in texts:
        made = handle(desk, Message(channel="console", sender=sender, id=f"{sender}{text}{len(text)}", text=text, received_at=NOW))
    return made


def test_what_is_not_stated_is_listed_with_the_facts_nearest_to_it(desk: Desk) -> None:
    send(desk, "柳州驿站补助几天到账")
    group = missed_questions(desk)[0]
    assert (group.text, group.unanswered, group.down) == ("柳州驿站补助几天到账", 1, 0)
    assert group.facts[0] == "liuzhou-yizhan/money_when"
    assert question_line(group).split("\t")[:4] == ["1×", "👎0", "👍0", "柳州驿站补助几天到账"]


def test_a_thumb_down_is_about_the_question_before_it(desk: Desk) -> None:
    made = send(desk, "柳州驿站补助多少钱", "👎")
    assert "记下" in made.replies[0].text
    group = missed_questions(desk)[0]
    assert (group.text, group.unanswered, group.down) == ("柳州驿站补助多少钱", 0, 1)
    assert "liuzhou-yizhan/amount" in group.facts


@pytest.mark.parametrize("word", ["👎", "答非所问", "没用", "你答错了", "不是我问的"])
def test_a_bad_answer_is_told_in_many_words(desk: Desk, word: str) -> None:
    send(desk, "柳州驿站补助多少钱", word)
    assert missed_questions(desk)[0].down == 1


@pytest.mark.parametrize("word", ["👍", "有用", "答得很好", "回答很清楚"])
def test_praise_is_counted_and_alone_lists_nothing(desk: Desk, word: str) -> None:
    made = send(desk, "柳州驿站补助多少钱", word)
    assert "谢谢" in made.replies[0].text
    assert len(desk.store.pending("upvote")) == 1
    assert missed_questions(desk) == ()


def test_a_thumb_without_a_question_says_nothing_about_one_and_a_second_counts_no_more(desk: Desk) -> None:
    assert "记下" not in send(desk, "👎").replies[0].text
    send(desk, "柳州驿站补助多少钱", "👎", "答非所问")
    assert missed_questions(desk)[0].down == 1


def test_a_vote_in_the_middle_of_an_application_leaves_the_question_that_is_open(desk: Desk) -> None:
    begun = send(desk, "我想申请柳州人才驿站认定")
    assert begun.asking is not None
    made = send(desk, "补助最多多少钱？", "👍")
    assert made.asking == begun.asking
    assert made.values == begun.values


def test_what_is_private_is_masked_on_the_list(desk: Desk) -> None:
    send(desk, "我的手机号是13877220001，柳州驿站的补助几天能到账？")
    assert "13877220001" not in missed_questions(desk)[0].text


def test_alike_questions_are_one_group_and_the_most_missed_comes_first() -> None:
    rows = [
        Asked(row="1", kind="unanswered", text="周末开门吗？", facts=("a/hours",)),
        Asked(row="2", kind="unanswered", text="周末开门吗", facts=("a/hours", "a/address")),
        Asked(row="3", kind="downvote", text="周末开不开门吗", facts=("a/hours",)),
        Asked(row="4", kind="upvote", text="要交几份材料", facts=("a/copies",)),
        Asked(row="5", kind="unanswered", text="有停车位吗", facts=()),
        Asked(row="6", kind="upvote", text="有停车位吗", facts=()),
    ]
    first, second = grouped(rows)
    assert (first.text, first.unanswered, first.down, first.missed, first.rows) == ("周末开门吗？", 2, 1, 3, ("1", "2", "3"))
    assert first.facts == ("a/hours", "a/address")
    assert (second.text, second.missed, second.up) == ("有停车位吗", 1, 1)


def test_an_answer_comes_first_then_the_warning_then_what_can_be_done(desk: Desk) -> None:
    made = send(desk, "福州高新驿站第一名奖多少")
    answer, warning, then = made.replies[:3]
    assert "5万元" in answer.text
    assert answer.citations
    assert answer.votable
    assert "已过有效期" in warning.text
    assert "申请" in then.text
    assert not warning.citations + then.citations
