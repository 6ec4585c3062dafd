"""What does a store promise? The protocol every storage keeps; sqlite.py and later ones pass the same tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flows.types import Draft, Message, PersonKey, Reply, Session, Turn


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


class StoreError(Exception):
    """The store could not do what was asked; the message says what, where and what to do. Nothing was half written."""


class Store(Protocol):
    """Sessions, messages with their replies, drafts, consents, outbox. Each method is one transaction; any may raise StoreError.

    Usable from several threads. After an error the same store goes on as soon as its cause is gone.
    """

    def replies(self, message: Message) -> tuple[Reply, ...] | None:
        """The replies this very message got before; None when it is new."""

    def load(self, person: PersonKey) -> Session:
        """The person's session; an empty one for somebody new."""

    def commit(self, message: Message, turn: Turn, expected_revision: int) -> tuple[Reply, ...]:
        """Keep session, drafts, consents, outbox rows and message with replies in one transaction; return the replies.

        A message id that is already there changes nothing and returns the stored replies. A session whose revision is no longer
        `expected_revision` raises `Conflict`, nothing written; the stored session has the revision after it. A turn with a `forget`
        effect leaves nothing of the person but a keyed hash of the message id with its replies; one with an `erase` effect nothing of
        what was said before this message.
        """

    def drafts(self, *, programme: str = "", service: str = "") -> Sequence[DraftRow]:
        """All drafts, last changed first."""

    def draft(self, draft_id: str) -> DraftRow | None:
        """One draft by its id."""

    def conversation(self, person: PersonKey) -> Sequence[Stored]:
        """What was said, oldest first."""

    def draft_ids(self, person: PersonKey) -> Sequence[str]:
        """The ids of a person's drafts: the names of the folders that hold their files."""

    def pending(self, kind: str) -> Sequence[OutboxRow]:
        """What of that kind waits for staff, oldest first."""

    def settle(self, row_id: str) -> bool:
        """Take a row off the list; False when it is not on it."""

    def forget(self, person: PersonKey) -> bool:
        """Delete all of a person from database and WAL; False when there was nothing."""

    def close(self) -> None:
        """Release the connection."""


class Conflict(StoreError):
    """The session changed meanwhile (another message of the same person came first): load again and repeat the turn."""
