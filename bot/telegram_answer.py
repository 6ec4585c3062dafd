"""What does one update of Telegram lead to? The words said to the assistant, the messages queued, the press answered; synchronous.

How an update is read stands in `telegram_update.py`, how a turn looks in `telegram_bubbles.py`, sending in `telegram_push.py`.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from bot.handle import Desk, answered
from bot.telegram_bubbles import VOTE, Part, chosen, parts, settled, voted
from bot.telegram_update import Incoming
from bot.telegram_words import (
    CODE_LINK,
    COMMANDS,
    CONTACT_NOT_ASKED,
    EDITED,
    FORWARDED,
    GREETING,
    NOT_READ,
    NOT_UNDERSTOOD,
    NOT_YOUR_CONTACT,
    SORRY,
    STALE,
    UNKNOWN_COMMAND,
)
from flows.exchange import Exchange
from flows.position import position
from flows.questions import ask, asking
from flows.types import Asking, Message, PersonKey, Session, Turn
from storage.store import Push

CHANNEL = "telegram"
_KEPT = frozenset({"consent", "bank_consent", "review", "proceed", "confirm"})
"""Questions of which every word stays: notices, and what somebody said yes to."""
REACH, BLOCKED = "reach", "blocked"
"""A person's note, and what it says of somebody who cannot be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is to be done at once, beside the queue: the toast of a press, what becomes of its message, and words to somebody forgotten."""

    toast: str = ""
    edit: str = ""
    """The text that replaces the pressed message; empty: it stays as it is."""
    unbutton: bool = False
    """Whether the pressed message loses its buttons and stays else."""
    farewell: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a push holds: a part of the answer to a message, found in the store by its id; or a text of the channel's own."""

    message: str = ""
    part: int = 0
    field: str = ""
    kind: str = ""
    """Of the field that is asked; `field` is empty where none is."""
    revision: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """Answers the people of one bot; usable from several threads, one update of a person at a time."""

    desk: Desk
    public_url: str
    clock: Callable[[], float]

    def answer(self, incoming: Incoming) -> Answer:
        """What to do. StoreError where the store fails: the update must come again."""
        match incoming.kind:
            case "press":
                return self._press(incoming)
            case "blocked":
                return self._blocked(incoming)
            case "unblocked":
                return self._unblocked(incoming)
            case "edited":
                return self._word(incoming, EDITED)
            case "forwarded":
                return self._word(incoming, FORWARDED)
            case "other":
                return self._word(incoming, NOT_READ.get(incoming.text, NOT_UNDERSTOOD))
            case "contact":
                return self._contact(incoming)
            case "command":
                return self._said(incoming, lambda session: self._command(incoming, session))
            case _:
                return self._said(incoming, lambda _: incoming.text)

    def apologise(self, incoming: Incoming) -> Answer:
        """Say that an update could not be answered by a fault of ours."""
        return self._word(incoming, SORRY)

    def parts_of(self, push: Push, page: str) -> tuple[Part, ...] | None:
        """All messages of the answer that a push belongs to; None where it was deleted."""
        body = from_json(push.body)
        replies = self.desk.store.replies(self._message(push.person.sender, body.message, ""))
        if replies is None:
            return None
        asked = Asking(field=body.field, kind=body.kind) if body.field else None
        return parts(replies, asked, body.revision, page=page)

    def page_like(self) -> str:
        """An address as long as that of an applicant's page; empty where there is none."""
        return f"{self.public_url}/a/{'x' * 22}" if self.public_url else ""

    # Words

    def _said(self, incoming: Incoming, reads: Callable[[Session], str | None]) -> Answer:
        self._reachable(incoming)
        message = self._message(incoming.sender, incoming.id, incoming.text)
        made = answered(self.desk, message, reads=reads, queues=lambda _, turn: self._queue(message, turn))
        if made.session.revision == 0 or any(effect.kind == "forget" for effect in made.effects):
            return Answer(farewell=parts(made.replies, None, 0))  # nothing may be kept of somebody who was forgotten
        return Answer()

    def _command(self, incoming: Incoming, session: Session) -> str:
        if incoming.text != "start" or not incoming.argument:
            return COMMANDS.get(incoming.text, UNKNOWN_COMMAND)
        if incoming.argument.startswith(CODE_LINK):
            return f"{COMMANDS['code']} {incoming.argument.removeprefix(CODE_LINK)}"
        names = {p.key: p.name for p in self.desk.assistant.library.programmes}
        return names[incoming.argument] if incoming.argument in names and session.programme is None else GREETING

    def _contact(self, incoming: Incoming) -> Answer:
        if not incoming.own:
            return self._word(incoming, NOT_YOUR_CONTACT)
        asks: list[bool] = []

        def number(session: Session) -> str | None:
            asked, _ = question(self.desk, session)
            asks.append(asked is not None and asked.kind == "mobile")
            return domestic(incoming.text) if asks[-1] else None

        made = self._said(incoming, number)
        return made if not asks or asks[-1] else self._word(incoming, CONTACT_NOT_ASKED)

    # Presses

    def _press(self, incoming: Incoming) -> Answer:
        edits: list[str] = []

        def meant(session: Session) -> str | None:
            edits.clear()
            if thumb := voted(incoming.text, session.revision):
                return thumb
            asked, text = question(self.desk, session)
            option = chosen(incoming.text, asked, session.revision)
            if option is None or asked is None:
                return None
            edits.append(settled(text, option.label, whole=asked.field in _KEPT))
            return option.label

        if not incoming.text.partition(":")[0].isdecimal():
            return Answer(toast=STALE)
        message = self._message(incoming.sender, incoming.id, incoming.text)
        made = answered(self.desk, message, reads=meant, queues=lambda _, turn: self._queue(message, turn))
        if not made.replies:
            return Answer(toast=STALE)
        gone = any(effect.kind == "forget" for effect in made.effects) or made.session.revision == 0
        return Answer(
            edit=edits[-1] if edits else "",
            unbutton=f":{VOTE}:" in incoming.text,
            farewell=parts(made.replies, None, 0) if gone else (),
        )

    # The queue

    def _queue(self, message: Message, made: Turn) -> Sequence[Push]:
        """A push for each message of the turn; none where the person was forgotten."""
        if any(effect.kind == "forget" for effect in made.effects):
            return ()
        return queue(message, made, datetime.fromtimestamp(self.clock(), UTC), page=self.page_like())

    def _word(self, incoming: Incoming, text: str) -> Answer:
        """Queue a text that is no turn; an update that comes again queues the same one."""
        person = _person(incoming)
        self.desk.store.change_note(person, REACH, lambda note: note or "{}")
        at = datetime.fromtimestamp(self.clock(), UTC)
        self.desk.store.post(_push(person, incoming.id, 0, at, Body(text=text)))
        return Answer()

    def _message(self, sender: str, message: str, text: str) -> Message:
        at = datetime.fromtimestamp(self.clock(), UTC)
        return Message(channel=CHANNEL, sender=sender, id=message, text=text, received_at=at)

    # Who can be reached

    def _reachable(self, incoming: Incoming) -> None:
        store, person = self.desk.store, _person(incoming)
        if store.note(person, REACH) == BLOCKED:
            store.change_note(person, REACH, lambda note: "{}" if note else None)

    def _blocked(self, incoming: Incoming) -> Answer:
        """Stop sending. Somebody unknown who blocks the bot stays unknown."""
        unreachable(self.desk, _person(incoming))
        return Answer()

    def _unblocked(self, incoming: Incoming) -> Answer:
        self._reachable(incoming)
        return Answer()


def queue(message: Message, made: Turn, at: datetime, *, page: str = "") -> Sequence[Push]:
    """A push for each message that a turn becomes; `page` is as long as the address that may stand in them."""
    asked, revision = made.asking, made.session.revision
    field, kind = (asked.field, asked.kind) if asked else ("", "")
    count = len(parts(made.replies, asked, revision, page=page))
    bodies = (Body(message=message.id, part=n, field=field, kind=kind, revision=revision) for n in range(count))
    return tuple(_push(message.person, message.id, n, at, body) for n, body in enumerate(bodies))


def _push(person: PersonKey, message: str, number: int, at: datetime, body: Body) -> Push:
    return Push(id=f"{CHANNEL}-{person.sender}-{message}-{number}", person=person, kind="dialogue", body=to_json(body), due_at=at)


def unreachable(desk: Desk, person: PersonKey) -> None:
    """Note that a person blocked the bot, and drop what waits for them."""
    if desk.store.load(person).revision == 0 and desk.store.note(person, REACH) is None:
        return
    desk.store.change_note(person, REACH, lambda _: BLOCKED)
    for push in desk.store.pushes(person, "waiting"):
        desk.store.settle_push(push.id, "dropped", note="对方已停用本机器人")


def question(desk: Desk, session: Session) -> tuple[Asking | None, str]:
    """What that session is asked now, and in which words; derived, as each turn does."""
    message = Message(channel=CHANNEL, sender=session.person.sender, id="", text="", received_at=datetime.fromtimestamp(0, UTC))
    x = Exchange(desk.assistant, session, message, desk.today(), "")
    at = position(desk.assistant, session, x.case)
    ask(x, at, again=True)
    return asking(x, at), x.replies[-1].text if x.replies else ""


def domestic(number: str) -> str:
    """A number as people write it here: a contact has it with the country's code."""
    digits = "".join(c for c in number if c.isdigit())
    return digits[2:] if len(digits) == 13 and digits.startswith("86") else digits


def to_json(body: Body) -> str:
    """The body as `Push.body` holds it, without what is empty."""
    return json.dumps({key: value for key, value in asdict(body).items() if value}, ensure_ascii=False)


def from_json(body: str) -> Body:
    """What `to_json` wrote. ValueError or TypeError for anything else."""
    return Body(**json.loads(body))


def _person(incoming: Incoming) -> PersonKey:
    return PersonKey(channel=CHANNEL, sender=incoming.sender)
