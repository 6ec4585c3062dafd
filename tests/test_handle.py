"""Repeats, races and failing stores: what one message does is done once, and a failure is a plain word."""

import asyncio
import errno
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot import handle as handling
from bot.handle import BUSY, handle
from flows.types import Message, Turn
from storage.store import StoreError
from tests.talk import Talk

OPENING = "我们在柳州开了家书院，想申请认定市里的人才驿站"


@pytest.fixture
def talk(tmp_path: Path) -> Talk:
    talk = Talk(tmp_path, "2026-11-22")
    talk.all(OPENING, "联谊型")
    return talk


async def test_the_same_message_three_times_at_once_is_one_transition(talk: Talk) -> None:
    message = talk.message("没有", "at-once")
    made: list[Turn] = await asyncio.gather(*(asyncio.to_thread(handle, talk.desk, message) for _ in range(3)))
    assert len({repr(m.replies) for m in made}) == 1
    draft = talk.desk.store.load(message.person).draft
    assert draft is not None
    assert [a.value for a in draft.answers if a.field == "holds_other_carrier"] == [False]


async def test_two_devices_at_once_end_in_a_state_that_one_could_have_reached(talk: Talk) -> None:
    messages = [talk.message(text) for text in ("没有", "方便", "有", "有")]
    made = await asyncio.gather(*(asyncio.to_thread(handle, talk.desk, m) for m in messages))
    assert all(m.replies for m in made)
    assert not any(r.text == BUSY for m in made for r in m.replies)
    session = talk.desk.store.load(messages[0].person)
    assert session.revision == 2 + len(messages)


async def test_many_people_at_once_each_get_their_own_session(talk: Talk) -> None:
    def say(sender: str) -> Turn:
        return handle(talk.desk, replace(talk.message(OPENING, f"m-{sender}"), sender=sender))

    made = await asyncio.gather(*(asyncio.to_thread(say, f"person{n}") for n in range(20)))
    assert {m.session.person.sender for m in made} == {f"person{n}" for n in range(20)}
    assert all(m.session.programme == "liuzhou-yizhan" for m in made)
    assert len({m.session.draft.id for m in made if m.session.draft}) == 20


def test_a_store_that_fails_gives_a_plain_word_and_heals_without_restart(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    before = talk.desk.store.load(talk.message("").person)
    with monkeypatch.context() as broken:

        def full(*_: object) -> None:
            raise StoreError("chat.db: disk full; free some space")

        broken.setattr(type(talk.desk.store), "commit", full)
        made = talk.say("没有")
        assert [r.text for r in made.replies] == [BUSY]
    assert talk.desk.store.load(talk.message("").person) == before
    assert talk.say("没有").values["holds_other_carrier"] is False


def test_a_document_that_cannot_be_written_leaves_the_review_open(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.willing import answer

    while talk.asks != "review":
        assert talk.last is not None
        assert talk.last.asking is not None
        talk.say(answer(talk.last.asking))
    with monkeypatch.context() as broken:

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        broken.setattr(handling, "_write_one", full)
        assert [r.text for r in talk.say("确认").replies] == [BUSY]
    made = talk.say("确认")
    assert made.stage == "done"
    assert any(f.kind == "form" for r in made.replies for f in r.files)


def test_a_repeat_after_a_lost_answer_gets_the_stored_replies_with_their_files(talk: Talk) -> None:
    from tests.willing import goes_to_the_end

    goes_to_the_end(talk)
    talk.say("修改 建成时间")
    first = talk.all("2022年3月", "确认")
    again = handle(talk.desk, talk.message("确认", f"m{talk.number}"))
    assert again.replies == first.replies
    assert any(f.kind == "form" for r in again.replies for f in r.files)


def test_the_day_turns_at_midnight_in_china(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(handling.datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Clock":  # type: ignore[override]  # only the zone that is asked for is served
            moment = handling.datetime(2026, 11, 22, 15, 59, 59, tzinfo=handling.ZoneInfo("UTC")) + cls.later
            return moment.astimezone(tz)  # type: ignore[arg-type,return-value]

        later = timedelta(0)

    monkeypatch.setattr(handling, "datetime", Clock)
    assert handling.today() == date(2026, 11, 22)
    Clock.later = timedelta(seconds=1)
    assert handling.today() == date(2026, 11, 23)


def test_a_message_without_text_is_answered(talk: Talk) -> None:
    made: Turn = handle(talk.desk, Message(channel="console", sender="p1", id="empty", text="  ", received_at=talk.message("").received_at))
    assert "没有收到文字" in made.replies[0].text
    assert made.asking is not None


def test_files_of_drafts_that_are_gone_are_swept_at_start(talk: Talk) -> None:
    from tests.willing import goes_to_the_end

    made = goes_to_the_end(talk)
    kept = [Path(f.path) for r in made.replies for f in r.files]
    stray = talk.desk.files / "0123456789abcdef0123456789abcdef"
    stray.mkdir()
    (stray / "left.docx").write_bytes(b"left behind")
    handling.sweep(talk.desk)
    assert not stray.exists()
    assert kept
    assert all(path.is_file() for path in kept)
