"""What does a store promise? The protocol every storage keeps; sqlite.py and later ones pass the same tests."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from flows.types import Draft, Message, PersonKey, Reply, Session, Turn

PATIENT, PROMPT = 60.0, 2.0
"""Seconds until a query that is not answered is given up: where nobody waits for it, and where a person does, who must be told in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One message with what was answered, as kept: sensitive values masked."""

    id: str
    text: str
    replies: tuple[Reply, ...]
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRow:
    """A draft with whose it is, for staff."""

    person: PersonKey
    draft: Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """Something that waits for staff: who wants a person (`handover`), what could not be answered (`unanswered`), what was
    answered well or badly (`upvote`, `downvote`)."""

    id: str
    """128 random bits."""
    person: PersonKey
    kind: str
    text: str
    """Masked by the turn."""
    draft: str
    """The draft it is about; empty: none."""
    facts: tuple[str, ...] = ()
    """For questions: the facts nearest to it."""
    created_at: datetime
    state: str
    """`pending` until it is settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A way to a person's own page that was handed out; the token itself is not stored, only its keyed hash."""

    person: PersonKey
    draft: str
    expires_at: datetime


PushState = Literal["waiting", "taken", "sent", "maybe", "kept", "failed", "dropped"]
"""`taken` by a sender that may have died; `maybe` sent: the platform did not answer; `kept` for the person's next message;
`failed`: given up, staff are told; `dropped`: no longer wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A message to a person that does not answer one of theirs on the spot: a late reply, a document, a reminder."""

    id: str
    """128 random bits, or what makes it the only one: posting the same id twice keeps the first."""
    person: PersonKey
    kind: Literal["dialogue", "reminder"]
    body: str
    """JSON that the channel's sender understands."""
    due_at: datetime
    state: PushState = "waiting"
    tries: int = 0
    note: str = ""
    """Why it is kept, failed or dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """What a deletion comprises that nobody asked for in a message."""

    people: tuple[PersonKey, ...]
    more: bool = False
    """Other personal data was deleted in the same transaction."""


class StoreError(Exception):
    """The store could not do what was asked; the message says what, where and what to do. Nothing was half written."""


class Cursor(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """Rows that were changed."""

    def fetchone(self) -> Any:
        """The next row, or None."""

    def fetchall(self) -> list[Any]:
        """The rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """The rows one by one."""


class Connection(Protocol):
    """One transaction of a store, for what has a file of its own beside it: SQL that SQLite and PostgreSQL both take, with `?`."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor:
        """Run a statement."""


class Store(Protocol):
    """Sessions, messages with their replies, drafts, consents, outbox. Each method is one transaction; any may raise StoreError.

    Usable from several threads. After an error the same store goes on as soon as its cause is gone.
    """

    def replies(self, message: Message) -> tuple[Reply, ...] | None:
        """The replies this very message got before; None when it is new."""

    def load(self, person: PersonKey) -> Session:
        """The person's session; an empty one for somebody new."""

    def commit(self, message: Message, turn: Turn, expected_revision: int, pushes: Sequence[Push] = ()) -> tuple[Reply, ...]:
        """Keep session, drafts, consents, outbox rows, message with replies and `pushes` in one transaction; return the replies.

        A message id that is already there changes nothing and returns the stored replies. A session whose revision is no longer
        `expected_revision` raises `Conflict`, nothing written; the stored session has the revision after it. A turn with a `forget`
        effect leaves nothing of the person but a keyed hash of the message id with its replies, and queues no pushes; one with an
        `erase` effect nothing of what was said before this message.
        """

    def drafts(self, *, programme: str = "", service: str = "") -> Sequence[DraftRow]:
        """All drafts, last changed first."""

    def draft(self, draft_id: str) -> DraftRow | None:
        """One draft by its id."""

    def drafts_of(self, ids: Sequence[str]) -> Sequence[DraftRow]:
        """The drafts of these ids, at most 400, in that order; those that are gone are left out."""

    def conversation(self, person: PersonKey) -> Sequence[Stored]:
        """What was said, oldest first."""

    def draft_ids(self, person: PersonKey) -> Sequence[str]:
        """The ids of a person's drafts: the names of the folders that hold their files."""

    def pending(self, kind: str) -> Sequence[OutboxRow]:
        """What of that kind waits for staff, oldest first."""

    def settle(self, row_id: str) -> bool:
        """Take a row off the list; False when it is not on it."""

    def note(self, person: PersonKey, name: str) -> str | None:
        """What a channel remembers of a person under that name; None: nothing."""

    def notes(self, person: PersonKey, prefix: str) -> dict[str, str]:
        """All of a person's notes whose name begins so, by name."""

    def change_note(self, person: PersonKey, name: str, change: Callable[[str | None], str | None]) -> str | None:
        """Replace a note by what `change` makes of it (None: delete) in one transaction; returns the new one. The person may be new."""

    def code_owner(self, code: str, now: datetime) -> PersonKey | None:
        """Whose continuation code it is; None for one that is unknown, used or expired.

        A turn with a `code` effect makes the code of its message good, in place of the person's earlier one, and `CODE_MARK` in its
        replies is given back as that code; only a keyed hash of it is stored. One with a `spend` effect uses a code up; `Conflict`
        where it is gone.
        """

    def add_link(self, token: str, link: Link, now: datetime) -> None:
        """Remember a link under its token's hash, and forget the person's that have expired. StoreError for a person who is not there."""

    def link(self, token: str, now: datetime) -> Link | None:
        """The link of that token, unless it has expired or was revoked."""

    def revoke_links(self, person: PersonKey, draft: str = "") -> int:
        """Make a person's links useless, all or those of a draft; how many there were."""

    def post(self, *pushes: Push) -> None:
        """Put pushes into the queue; an id that is already there stays as it is, whatever its state. StoreError for an unknown person."""

    def take_pushes(self, channel: str, now: datetime, until: datetime, limit: int) -> Sequence[Push]:
        """Take due pushes of a channel for sending, dialogue before reminders, each person's in order; another may take them after `until`.

        Never a person's later push while an earlier one of theirs is still taken.
        """

    def settle_push(self, push_id: str, state: PushState, *, note: str = "", due_at: datetime | None = None) -> bool:
        """Record how a push went; `waiting` puts it back, to be tried again at `due_at`. False where it is not there."""

    def pushes(self, person: PersonKey, state: PushState) -> Sequence[Push]:
        """A person's pushes in that state, oldest first."""

    def push_states(self, channel: str) -> dict[str, int]:
        """How many pushes of a channel are in each state."""

    def gathered(self) -> AbstractContextManager[None]:
        """What this thread reads or commits within need not be durable before the end: one wait for all. Tell nobody of it before.

        StoreError at the end: it may be lost when the power fails.
        """

    def reading(self) -> AbstractContextManager[Connection]:
        """One state of the database for several queries; StoreError where it cannot be read."""

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction: everything or nothing, durable when left; StoreError where nothing could be kept."""

    def forget(self, person: PersonKey) -> bool:
        """Delete all of a person from database and WAL; False when there was nothing."""

    def purge(self, choose: Callable[[Connection], Purge]) -> int:
        """Delete all of the people whom `choose` names in the deletion's own transaction, as `forget` does; how many.

        What `choose` writes is kept with it. Nothing is left in database and WAL.
        """

    def close(self) -> None:
        """Release the connection."""


class Conflict(StoreError):
    """The session changed meanwhile (another message of the same person came first): load again and repeat the turn."""
