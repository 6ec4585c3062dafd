"""An applicant who asked for a person: who answers what, how it goes back to the assistant, and what is never passed on."""

from pathlib import Path

import pytest

from flows.conversation import by_staff
from flows.types import ASKED, TAKEN, Effect, Turn
from tests.talk import Talk

TODAY = "2026-11-22"
OPENING = "我们在柳州开了家书院，想申请认定市里的人才驿站"


@pytest.fixture
def talk(tmp_path: Path) -> Talk:
    made = Talk(tmp_path, TODAY)
    made.all(OPENING, "联谊型", "人工")
    return made


def staff(talk: Talk, words: str, *, gives_back: bool = False) -> Turn:
    """What a person of the staff says, kept as the console keeps it."""
    message = talk.message("", f"staff-{talk.number}")
    session = talk.desk.store.load(message.person)
    made = by_staff(talk.desk.assistant, session, message, words, gives_back=gives_back, today=talk.today)
    talk.desk.store.commit(message, made, session.revision)
    return made


def passed(turn: Turn) -> list[str]:
    return [effect.text for effect in turn.effects if effect.kind == "handover"]


def test_who_asks_for_a_person_is_still_helped_until_one_speaks(talk: Talk) -> None:
    assert talk.last is not None
    assert talk.last.session.handed == ASKED
    assert passed(talk.last) == ["人工"]
    assert "工作人员看到后在这里回您" in talk.text()
    asked = talk.last.asking
    made = talk.say("交通方便")
    assert asked is not None
    assert made.asking != asked
    assert passed(made) == []


def test_the_words_of_staff_are_marked_cleaned_and_say_once_where_words_go_now(talk: Talk) -> None:
    made = staff(talk, "您好，\u202e请问\x00单位全称？")
    assert [reply.text for reply in made.replies] == [
        "【工作人员】您好，请问单位全称？",
        "现在由工作人员和您说话，您发的话会转给工作人员。想接着用助手，回复“返回助手”。",
    ]
    assert made.asking is None
    assert made.session.handed == TAKEN
    assert [reply.text for reply in staff(talk, "还在吗").replies] == ["【工作人员】还在吗"]


def test_what_is_said_to_staff_is_no_answer_to_the_assistant(talk: Talk) -> None:
    staff(talk, "请问单位全称？")
    before = talk.desk.store.load(talk.message("").person).draft
    made = talk.say("是")
    assert passed(made) == ["是"]
    assert "已转给工作人员" in talk.text()
    assert made.session.draft == before
    assert made.asking is None


def test_a_policy_question_to_staff_is_answered_by_the_documents_too(talk: Talk) -> None:
    staff(talk, "请讲")
    made = talk.say("柳州驿站补助多少钱？")
    assert "10万元" in made.replies[0].text
    assert made.replies[0].citations
    assert passed(made) == ["柳州驿站补助多少钱？"]
    assert "已转给工作人员" in made.replies[-1].text


def test_what_is_private_is_masked_before_it_is_passed_on_and_that_is_said(talk: Talk) -> None:
    staff(talk, "您的电话？")
    made = talk.say("13877220001")
    assert passed(made) == ["138****0001"]
    assert made.stored_text == "138****0001"
    assert "已隐去" in made.replies[0].text


@pytest.mark.parametrize("word", ["返回助手", "返回", "机器人", "继续", "接着填吧", "不用人工了", "上一步"])
def test_the_applicant_gives_the_talk_back_and_the_question_that_was_open_comes_again(talk: Talk, word: str) -> None:
    assert talk.last is not None
    asked = talk.last.asking
    staff(talk, "请讲")
    made = talk.say(word)
    assert made.replies[0].text == "好的，接下来由助手接着帮您。"
    assert made.session.handed == ""
    assert made.asking == asked
    assert passed(made) == []
    assert passed(talk.say("是")) == []


def test_who_no_longer_wants_a_person_says_so_before_one_came(talk: Talk) -> None:
    assert talk.say("不用人工了").session.handed == ""


def test_staff_give_the_talk_back_with_or_without_a_last_word(talk: Talk) -> None:
    assert talk.last is not None
    asked = talk.last.asking
    made = staff(talk, "这条按文件办即可。", gives_back=True)
    assert [reply.text for reply in made.replies[:2]] == [
        "【工作人员】这条按文件办即可。",
        "工作人员已答复完，接下来由助手接着帮您；还要找人工就说“人工”。",
    ]
    assert made.asking == asked
    assert made.session.handed == ""
    staff(talk, "再说一句")
    assert staff(talk, "", gives_back=True).replies[0].text.startswith("工作人员已答复完")


def test_rights_over_ones_data_are_the_persons_own_also_then(talk: Talk) -> None:
    staff(talk, "请讲")
    assert talk.say("退订").session.consents[-1].kind == "reminders"
    assert "您的数据" in talk.say("查看我的数据").replies[0].text
    made = talk.say("删除我的数据")
    assert made.asking is not None
    assert made.asking.field == "confirm"
    assert talk.say("否").asking is None
    talk.say("删除我的数据")
    assert talk.say("是").effects == (Effect(kind="forget"),)


def test_words_that_are_no_order_there_are_passed_on(talk: Talk) -> None:
    staff(talk, "请讲")
    for text in ("重新开始", "谢谢", "👍", "撤回同意", "人工", "改成换成莆田的", "我来了", "接着说", "请继续说", "返回原件吗"):
        assert passed(talk.say(text)) == [text]


def test_nobody_but_the_assistant_there_a_wish_for_it_changes_nothing(tmp_path: Path) -> None:
    made = Talk(tmp_path, TODAY).all(OPENING, "返回助手")
    assert "接下来由助手" not in made.replies[0].text
    assert made.asking is not None
