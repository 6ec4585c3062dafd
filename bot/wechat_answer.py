"""What does one message or event of WeChat lead to? The words said to the assistant, and its replies as one text; synchronous.

Envelope and time budget are not its matter: `wechat_envelope.py`, `wechat.py`. Nor is sending: `wechat_push.py`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import structlog

from bot import wechat_reach as ledger
from bot.bubbles import clean, pages
from bot.handle import BUSY, Desk, handle
from bot.links import page_url
from bot.remind_gate import wanted
from bot.wechat_body import Body, from_json, push_id, to_json
from bot.wechat_envelope import Incoming
from bot.wechat_reach import Account, Reach
from bot.wechat_words import GREETING, HEARD, HINT, LOST, MORE_WORDS, NOT_HEARD, NOT_READ, NOT_UNDERSTOOD, SORRY, VIEW
from flows.say import say
from flows.types import Message, PersonKey, Reply, Turn
from storage.store import Push, StoreError

CHANNEL = "wechat"
_SILENT = frozenset({"unsubscribe", "subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event"})
_SCANNED = frozenset({"subscribe_scan", "scan"})
_FOLLOWED = frozenset({"subscribe", "subscribe_scan"})
ABANDONED = 60.0
"""Seconds after which an answer that was promised is no longer expected from the process that promised it."""
_MARK = "\ufffc"
"""Stands in a note for the address of the person's page, whose token is not kept."""
_log = structlog.get_logger("wechat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The text to answer with, empty for none, and the pushes that are settled once it has gone out."""

    text: str
    settles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What was shown last and cannot be had from the store: the pages still to come, and the answer to message `id`."""

    id: str = ""
    text: str = ""
    rest: tuple[str, ...] = ()
    draft: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """Answers the people of one account; usable from several threads, one message of a person at a time."""

    desk: Desk
    public_url: str
    account: Account
    template: str
    clock: Callable[[], float]

    @property
    def subscribes(self) -> bool:
        """Whether 订阅通知 can be sent, and so the applicant's page asks for them."""
        return bool(self.account.subscriptions and self.template)

    def answer(self, incoming: Incoming) -> Answer:
        """What to say. A failing store or a fault of ours gets a plain word, never an exception."""
        try:
            return self._answer(incoming)
        except StoreError as error:
            _log.error("wechat_store_failed", error=type(error).__name__)
            return Answer(text=BUSY)
        except Exception as error:  # one message that cannot be answered must not look like an outage
            _log.error("wechat_answer_failed", error=type(error).__name__)
            return Answer(text=SORRY)

    def late_push(self, incoming: Incoming) -> Push:
        """The push that will bring the answer to a message that takes too long: kept where the account cannot send.

        One that waits is not due at once: whoever makes the answer releases it, and only if that process died another sends it.
        """
        kept = not self.account.customer_messages
        return Push(
            id=push_id("late", incoming.sender, incoming.id),
            person=person_of(incoming),
            kind="dialogue",
            body=to_json(Body(kind="answer", message=incoming.id)),
            due_at=datetime.fromtimestamp(self.clock() + ABANDONED, UTC),
            state="kept" if kept else "waiting",
            note="等对方回复 1 或下次来时显示" if kept else "",
        )

    def promise(self, push: Push) -> None:
        """Put the push into the queue, also of somebody new."""
        self._note(push.person, lambda reach: reach)
        self.desk.store.post(push)

    def release(self, push: Push) -> bool:
        """The answer is there: a waiting push is due now. False where the person was forgotten meanwhile."""
        store = self.desk.store
        if push.state == "kept":
            return store.note(push.person, "reach") is not None
        return store.settle_push(push.id, "waiting", note="回答迟了", due_at=datetime.fromtimestamp(self.clock(), UTC))

    def text_of(self, push: Push, limit: int) -> str:
        """A push as text of at most `limit` bytes; what does not fit waits for 更多."""
        replies = self.replies_of(push)
        made, draft, page = self._pages(push.person, replies, limit=limit)
        if len(made) > 1:
            self._show(push.person, Shown(rest=made[1:], draft=draft), page)
        return made[0]

    def replies_of(self, push: Push) -> tuple[Reply, ...]:
        """What a push says."""
        body = from_json(push.body)
        if body.kind == "text":
            return (Reply(text=body.text),)
        shown = _shown(self.desk.store.note(push.person, "more"))
        if shown.text and shown.id == body.message:
            return (Reply(text=self._with_page(push.person, shown)),)
        return self.desk.store.replies(_message(push.person, body.message, "", self.clock())) or (Reply(text=LOST),)

    def _answer(self, incoming: Incoming) -> Answer:
        person, store = person_of(incoming), self.desk.store
        notes = store.notes(person, "")
        shown = _shown(notes.get("more"))
        if shown.text and shown.id == incoming.id:
            return Answer(text=self._with_page(person, shown))
        if incoming.event in _SILENT:
            self._keep_book(person, incoming, known=bool(notes))
            return Answer(text="")
        words = self._words(incoming)
        if not words and incoming.kind == "event":
            return Answer(text="")
        message = _message(person, incoming.id, words, self.clock())
        kept = wanted(self.desk, _showable(store.pushes(person, "kept"))) if notes else ()
        reach = self._reach(incoming, notes)
        writes = bool(reach or kept or "more" in notes or incoming.event in _SCANNED)
        if words and writes and (stored := store.replies(message)) is not None:
            return self._again(incoming, stored)  # else `handle` finds it: nothing is written here before
        self._opens(person, incoming, reach)
        if incoming.kind == "text" and (asked := self._asked_for(incoming, shown, kept)):
            return asked
        if "more" in notes:
            store.change_note(person, "more", lambda _: None)
        return self._fresh(incoming, message, kept)

    def _asked_for(self, incoming: Incoming, shown: Shown, kept: Sequence[Push]) -> Answer | None:
        """The rest of a long answer, or one that took too long; None where the message asks for neither."""
        person, text = person_of(incoming), incoming.text.strip()
        late = any(from_json(push.body).kind == "answer" for push in kept)
        if text == VIEW and late:
            return self._told(incoming, (), kept)
        if text in MORE_WORDS and shown.rest and not late:
            page = replace(shown, id=incoming.id, text=shown.rest[0], rest=shown.rest[1:])
            self.desk.store.change_note(person, "more", lambda _: json.dumps(asdict(page), ensure_ascii=False))
            return Answer(text=self._with_page(person, page))
        return None

    def _fresh(self, incoming: Incoming, message: Message, kept: Sequence[Push]) -> Answer:
        if not message.text:
            return self._told(incoming, (Reply(text=NOT_READ.get(incoming.kind) or self._not_read(incoming)),), kept)
        made = handle(self.desk, message)
        if made.session.revision == 0 or any(effect.kind == "forget" for effect in made.effects):
            return Answer(text=self._pages(message.person, made.replies)[0][0])  # nothing may be written of somebody who was forgotten
        self._post_preview(incoming, made)
        return self._told(incoming, made.replies, kept)

    def _told(self, incoming: Incoming, replies: tuple[Reply, ...], kept: Sequence[Push]) -> Answer:
        """The kept pushes and then the replies; what later needs remembering is noted."""
        person = person_of(incoming)
        before = tuple(reply for push in kept for reply in self.replies_of(push))
        made, draft, page = self._pages(person, (*before, *replies), lead=_lead(incoming, replies))
        if before or len(made) > 1:
            own = Shown(id=incoming.id, text=made[0]) if before else Shown()
            self._show(person, replace(own, rest=made[1:], draft=draft), page)
        return Answer(text=made[0], settles=tuple(push.id for push in kept))

    def _again(self, incoming: Incoming, stored: tuple[Reply, ...]) -> Answer:
        """A redelivery, also after a restart: the stored replies, and nothing is written."""
        made = self._pages(person_of(incoming), stored, lead=_lead(incoming, stored))[0]
        return Answer(text=made[0], settles=(push_id("late", incoming.sender, incoming.id),))

    def _words(self, incoming: Incoming) -> str:
        """What is said to the assistant; empty where there is nothing."""
        if incoming.kind in ("text", "voice"):
            return incoming.text if incoming.kind == "text" else incoming.text.strip()
        if incoming.event == "click":
            return incoming.key
        if incoming.event in _FOLLOWED | _SCANNED:
            return self._scoped(incoming) or GREETING
        return ""

    def _scoped(self, incoming: Incoming) -> str:
        """The name of the programme whose key the scanned scene is, for somebody who is not yet in one."""
        names = {p.key: p.name for p in self.desk.assistant.library.programmes}
        name = names.get(incoming.key, "")
        return name if name and self.desk.store.load(person_of(incoming)).programme is None else ""

    @staticmethod
    def _not_read(incoming: Incoming) -> str:
        return NOT_HEARD if incoming.kind == "voice" else NOT_UNDERSTOOD

    # Pages

    def _pages(self, person: PersonKey, replies: tuple[Reply, ...], *, lead: str = "", **limit: int) -> tuple[tuple[str, ...], str, str]:
        """The pages, the draft whose files they name, and the address of its page."""
        draft = next((Path(file.path).parent.name for reply in reversed(replies) for file in reply.files), "")
        page = page_url(self.desk, self.public_url, person, draft) if draft else ""
        hint = HINT if self.subscribes else ""
        return pages(replies, linked=True, page=page, hint=hint, lead=lead, **limit), draft, page

    def _show(self, person: PersonKey, shown: Shown, page: str) -> None:
        note = json.dumps(asdict(shown), ensure_ascii=False)
        self.desk.store.change_note(person, "more", lambda _: note.replace(page, _MARK) if page else note)

    def _with_page(self, person: PersonKey, shown: Shown) -> str:
        if _MARK not in shown.text:
            return shown.text
        return shown.text.replace(_MARK, page_url(self.desk, self.public_url, person, shown.draft))

    def _post_preview(self, incoming: Incoming, made: Turn) -> None:
        """Where an account may send pictures, the form's preview follows its answer."""
        if not self.account.customer_messages or not any(f.kind == "preview" for reply in made.replies for f in reply.files):
            return
        body = to_json(Body(kind="preview", message=incoming.id))
        now = datetime.fromtimestamp(self.clock(), UTC)
        sid = push_id("preview", incoming.sender, incoming.id)
        self.desk.store.post(Push(id=sid, person=person_of(incoming), kind="dialogue", body=body, due_at=now))

    # The ledger

    def _reach(self, incoming: Incoming, notes: Mapping[str, str]) -> Callable[[Reach], Reach] | None:
        """How the message changes the ledger: writing and tapping open a window for sending. None: in no way that matters."""
        now, old = self.clock(), ledger.from_note(notes.get("reach"))

        def change(reach: Reach) -> Reach:
            return ledger.acted(reach, now) if incoming.kind == "event" else ledger.wrote(reach, now, tapped=incoming.tapped)

        matters = self.account.pushes or not old.following  # no window is needed where nothing can be sent
        return change if "reach" not in notes or (matters and change(old) != old) else None

    def _opens(self, person: PersonKey, incoming: Incoming, change: Callable[[Reach], Reach] | None) -> None:
        if change:
            self._note(person, change)
        if incoming.event in _SCANNED and incoming.key:
            self.desk.store.change_note(person, "scene", lambda _: clean(incoming.key)[:64])

    def _keep_book(self, person: PersonKey, incoming: Incoming, *, known: bool) -> None:
        """Events that change only how the person can be reached. Somebody unknown who unfollows stays unknown."""
        if incoming.event == "unsubscribe":
            if known:
                self._note(person, lambda reach: replace(reach, following=False))
                for push in self.desk.store.pushes(person, "waiting"):
                    self.desk.store.settle_push(push.id, "dropped", note="对方已取消关注")
            return
        if incoming.event != "subscribe_msg_sent_event":
            for template, status in incoming.subscriptions:
                self._note(person, lambda reach, t=template, s=status: ledger.consented(reach, t, s))  # type: ignore[misc]

    def _note(self, person: PersonKey, change: Callable[[Reach], Reach]) -> None:
        self.desk.store.change_note(person, "reach", lambda note: ledger.to_note(change(ledger.from_note(note))))


def person_of(incoming: Incoming) -> PersonKey:
    """Who sent it."""
    return PersonKey(channel=CHANNEL, sender=incoming.sender)


def _showable(kept: Sequence[Push]) -> tuple[Push, ...]:
    """Those with words to show: not a picture, nor a body that nobody can read."""
    return tuple(push for push in kept if (body := body_of(push)) and body.kind != "preview")


def body_of(push: Push) -> Body | None:
    """What a push holds; None where that cannot be read."""
    try:
        return from_json(push.body)
    except (ValueError, TypeError, KeyError):
        return None


def _message(person: PersonKey, message: str, text: str, now: float) -> Message:
    return Message(channel=person.channel, sender=person.sender, id=message, text=text, received_at=datetime.fromtimestamp(now, UTC))


def _lead(incoming: Incoming, replies: tuple[Reply, ...]) -> str:
    """What goes before the replies: what was heard; to a follower what the assistant does, where the replies do not say so."""
    if incoming.kind == "voice" and incoming.text.strip():
        return HEARD.format(text=incoming.text.strip())
    if incoming.event not in _FOLLOWED:
        return ""
    welcome = say("welcome")
    return "" if any(reply.text == welcome for reply in replies) else welcome


def _shown(note: str | None) -> Shown:
    kept = json.loads(note) if note else {}
    return Shown(**{**kept, "rest": tuple(kept.get("rest", ()))})
