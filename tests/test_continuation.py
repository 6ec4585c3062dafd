"""Going on in another channel: a code that is good once, for a quarter of an hour, and takes along what that channel may have."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.handle import Desk, handle
from flows.types import Message, Turn
from tests.talk import Talk
from tests.telegram_bot import PERSON, bot
from tests.willing import goes_to_the_end

OPENING = "莆田荔城区的，想报市级人才驿站"
DAY = "2022-06-15"
START = datetime(2026, 1, 1, tzinfo=UTC)  # as tests.talk


class Elsewhere:
    """The same store from another channel, its messages a second apart unless told otherwise."""

    def __init__(self, desk: Desk, channel: str, sender: str = "q1") -> None:
        self.desk, self.channel, self.sender, self.number = desk, channel, sender, 0

    def say(self, text: str, after: timedelta = timedelta(0), message_id: str = "") -> Turn:
        self.number += 1
        at = START + timedelta(seconds=self.number) + after
        return handle(
            self.desk, Message(channel=self.channel, sender=self.sender, id=message_id or f"e{self.number}", text=text, received_at=at)
        )


def code(made: Turn) -> str:
    found = re.search(r"继续码：([2-9A-Z]{4}-[2-9A-Z]{4})", made.replies[0].text)
    assert found is not None, made.replies[0].text
    return found[1]


def words(made: Turn) -> str:
    return "\n".join(reply.text for reply in made.replies)


def test_who_began_on_the_web_goes_on_in_wechat_with_every_answer(tmp_path: Path) -> None:
    talk = Talk(tmp_path, DAY, channel="web")
    talk.say(OPENING)
    goes_to_the_end(talk)
    before = talk.desk.store.load(talk.message("").person).drafts[0]
    given = code(talk.say("继续码"))
    made = Elsewhere(talk.desk, "wechat").say(f"继续码 {given}")
    assert "接上了：莆田市级人才驿站 · 申报" in words(made)
    draft = made.session.drafts[0]
    assert draft.id != before.id
    assert {a.field: a.value for a in draft.answers if a.field not in ("review", "proceed")} == {
        a.field: a.value for a in before.answers if a.field not in ("review", "proceed")
    }
    assert made.asking is not None
    assert made.asking.field == "review"
    assert talk.desk.store.load(talk.message("").person).drafts[0].id == before.id


def test_personal_data_does_not_go_along_abroad(tmp_path: Path) -> None:
    talk = Talk(tmp_path, DAY, channel="web")
    talk.say(OPENING)
    goes_to_the_end(talk)
    made = Elsewhere(talk.desk, "telegram").say(f"继续码{code(talk.say('继续码'))}")
    assert "负责人姓名、手机、E-mail没有带过来" in words(made)
    assert not {"leader_name", "leader_mobile", "leader_email"} & {a.field for a in made.session.drafts[0].answers}
    assert "13900001234" not in words(made)


def test_bank_data_does_not_go_along_abroad_but_to_another_domestic_channel(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2022-01-10", channel="web")
    talk.say("我想申请柳州驿站的建设补助资金")
    goes_to_the_end(talk)
    abroad = Elsewhere(talk.desk, "telegram").say(f"继续码{code(talk.say('继续码'))}")
    assert not {"bank_card", "bank_name"} & {a.field for a in abroad.session.drafts[0].answers}
    here = Elsewhere(talk.desk, "wechat").say(f"继续码{code(talk.say('继续码'))}")
    assert here.session.drafts[0].value("bank_card") == "6222020000000000018"
    assert "6222020000000000018" not in words(here)


def test_a_code_is_good_once_for_a_quarter_of_an_hour_and_only_the_latest(tmp_path: Path) -> None:
    talk = Talk(tmp_path, DAY, channel="web")
    talk.say(OPENING)
    old, late = code(talk.say("继续码")), code(talk.say("继续码"))
    assert "不对" in words(Elsewhere(talk.desk, "wechat", "a").say(f"继续码 {old}"))
    assert "不对" in words(Elsewhere(talk.desk, "wechat", "b").say(f"继续码 {late}", after=timedelta(minutes=16)))
    assert "接上了" in words(Elsewhere(talk.desk, "wechat", "c").say(f"继续码 {late.lower()}"))
    assert "不对" in words(Elsewhere(talk.desk, "wechat", "d").say(f"继续码 {late}"))
    assert "在这里取的" in words(talk.say(f"继续码 {code(talk.say('继续码'))}"))


def test_a_redelivered_message_gets_the_same_code_and_takes_over_once(tmp_path: Path) -> None:
    talk = Talk(tmp_path, DAY, channel="web")
    talk.say(OPENING)
    assert code(talk.say("继续码", "same")) == code(talk.say("继续码", "same"))
    other = Elsewhere(talk.desk, "wechat")
    first = other.say(f"继续码 {code(talk.say('继续码'))}", message_id="once")
    again = other.say("", message_id="once")
    assert again.replies == first.replies
    assert again.session.revision == first.session.revision


def test_guessing_is_limited(tmp_path: Path) -> None:
    talk = Talk(tmp_path, DAY, channel="web")
    talk.say(OPENING)
    given = code(talk.say("继续码"))
    guesser = Elsewhere(talk.desk, "wechat")
    for n in range(5):
        assert "不对" in words(guesser.say(f"继续码 ABCD-EFG{n + 2}"))
    assert "太多了" in words(guesser.say(f"继续码 {given}"))
    assert "太多了" in words(guesser.say(f"继续码 {given}", after=timedelta(minutes=10)))
    assert "接上了" in words(Elsewhere(talk.desk, "wechat", "another").say(f"继续码 {given}"))


def test_the_code_stands_nowhere_in_the_database(tmp_path: Path) -> None:
    talk = Talk(tmp_path, DAY, channel="web")
    talk.say(OPENING)
    given = code(talk.say("继续码"))
    Elsewhere(talk.desk, "wechat").say(f"继续码 {given}")
    assert given in talk.desk.store.conversation(talk.message("").person)[-1].replies[0].text
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("chat.db*"))
    assert given.encode() not in kept
    assert given.replace("-", "").encode() not in kept
    talk.desk.store.close()


@pytest.mark.parametrize("text", ["继续码", "给我继续码", "换个手机继续填", "换到别的渠道接着填"])
def test_ways_to_ask_for_a_code(tmp_path: Path, text: str) -> None:
    talk = Talk(tmp_path, DAY, channel="web")
    talk.say(OPENING)
    assert code(talk.say(text))


def test_who_has_begun_nothing_gets_no_code(tmp_path: Path) -> None:
    assert "不需要继续码" in words(Talk(tmp_path, DAY).say("继续码"))


async def test_a_deep_link_goes_on_in_telegram(tmp_path: Path) -> None:
    with bot(tmp_path) as place:
        now = datetime.now(UTC) - START  # the bot's clock is the real one
        web = Elsewhere(place.desk, "web")
        web.say(OPENING, after=now)
        came = await place.say(f"/start code-{code(web.say('继续码', after=now))}")
        assert "接上了" in came[0].text
        assert place.desk.store.load(PERSON).programme == "putian-yizhan"
