"""How do words of staff reach an applicant? As a turn of their conversation, brought by their own channel; and which way that has now.

The turn and what sends it are one transaction. What nobody sends (browser, terminal) stands in the conversation for their next look.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from bot import wechat_body
from bot import wechat_reach as ledger
from bot.handle import ATTEMPTS, Desk
from bot.remind_ways import CHANNELS, Way, Ways
from flows.conversation import by_staff, returned
from flows.types import Message, PersonKey, Session, Turn
from storage.store import Conflict, Push, StoreError

OURS = "staff-"
"""How the id of a message that stands for staff's words begins."""
_AT_THE_COUNTER = "对方就在柜台，对话在“柜台”一页"
_WEB = "网页不能主动发送：对方开着对话页时几秒内看到，否则下次打开时看到"


def way_to(ways: Ways, desk: Desk, person: PersonKey, now: datetime) -> Way:
    """The way for an answer at that moment."""
    if person.channel == "counter":
        return Way(kind="visit", why=_AT_THE_COUNTER)
    if person.channel == "web":
        return Way(kind="visit", why=_WEB)
    reach = desk.store.note(person, "reach")
    if person.channel == "wechat" and ways.account and reach is not None:
        found = ledger.way(ledger.from_note(reach), ways.account, now.timestamp(), dialogue=True)
        return Way(kind={"customer": "message", "kept": "visit"}.get(found.kind, "none"), why=found.why)  # type: ignore[arg-type]  # one of the four
    return ways.way(person.channel, reach, now.timestamp())


def speak(desk: Desk, person: PersonKey, words: str, *, form: str, now: datetime, gives_back: bool = False) -> Turn | None:
    """Say that in the person's conversation, once for a form however often it is sent; None where the person is gone."""

    def said(session: Session, message: Message) -> Turn:
        return by_staff(desk.assistant, session, message, words, gives_back=gives_back, today=desk.today())

    return _said(desk, person, form, now, said)


def give_papers_back(desk: Desk, person: PersonKey, name: str, words: str, *, form: str, now: datetime) -> Turn | None:
    """Tell the person that what they handed in for `name` was returned, and why; as `speak`."""

    def said(session: Session, message: Message) -> Turn:
        return returned(desk.assistant, session, message, name, words, today=desk.today())

    return _said(desk, person, form, now, said)


def _said(desk: Desk, person: PersonKey, form: str, now: datetime, make: Callable[[Session, Message], Turn]) -> Turn | None:
    message = Message(channel=person.channel, sender=person.sender, id=f"{OURS}{form}", text="", received_at=now)
    for _ in range(ATTEMPTS):
        session, stored = desk.store.load(person), desk.store.replies(message)
        if stored is not None:
            return Turn(session=session, replies=stored, stored_text="")
        if session.revision == 0:
            return None
        made = make(session, message)
        try:
            desk.store.commit(message, made, session.revision, _pushes(message, made))
        except Conflict:
            continue
        return made
    raise StoreError("the applicant's messages kept coming first; send it again")


def _pushes(message: Message, made: Turn) -> Sequence[Push]:
    match message.channel:
        case "wechat":
            body = wechat_body.to_json(wechat_body.Body(kind="answer", message=message.id))
            return (_push(message, body, wechat_body.push_id("staff", message.sender, message.id)),)
        case "telegram":
            from bot import telegram_answer  # late: slow to load

            return telegram_answer.queue(message, made, message.received_at)
        case "console":
            text = "\n\n".join(reply.text for reply in made.replies)
            return (_push(message, json.dumps({"text": text}, ensure_ascii=False), f"{message.id}-kept", kept=True),)
    return ()


def _push(message: Message, body: str, push_id: str, *, kept: bool = False) -> Push:
    made = Push(id=push_id, person=message.person, kind="dialogue", body=body, due_at=message.received_at)
    return replace(made, state="kept", note=f"{CHANNELS[message.channel]}不能主动发送，等对方下次来时显示") if kept else made
