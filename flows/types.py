"""What passes through a conversation: messages, replies, sessions, turns. Records only; `session_to_json` and back are exact."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from knowledge.types import Citation as Citation
from knowledge.types import Test
from knowledge.types import Value as Value

Outcome = Literal["closed", "fails", "open", "discretionary", "meets"]
Result = Literal["met", "unmet", "unknown"]
FileKind = Literal["form", "form_pdf", "preview", "checklist", "calendar"]

ASKED, TAKEN = "asked", "taken"
"""How far a person of the staff has come in: wished for, speaking."""
CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Of continuation codes; no 0, 1, I, L, O: a code is read off a screen."""
CODE_MINUTES = 15
"""How long a code is good."""
CODE_MARK = "\ue0c0"
"""Stands in a reply for the code of its message, which only the storage can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonKey:
    """Who speaks: a channel (console, web, wechat, telegram, counter) and the sender's id there."""

    channel: str
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One incoming message. `id` is unique per person: the same id again is a repeat."""

    channel: str
    sender: str
    id: str
    text: str
    received_at: datetime

    @property
    def person(self) -> PersonKey:
        """Whose session it belongs to."""
        return PersonKey(channel=self.channel, sender=self.sender)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A tappable answer: value is what the draft stores, label is what people read."""

    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A document that was made; `path` is absolute."""

    kind: FileKind
    name: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One bubble."""

    text: str
    choices: tuple[Option, ...] = ()
    citations: tuple[Citation, ...] = ()
    files: tuple[File, ...] = ()
    votable: bool = False
    """Answers a policy question: a thumb up or down may follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What somebody answered to one field, and when; None: not known, skipped."""

    field: str
    value: Value
    at: datetime
    source: Literal["said", "carried", "suggested"] = "said"
    sensitive: bool = False
    """Storage encrypts the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The answers of one person for one service; in the order they were last given."""

    id: str
    """At least 128 random bits, made outside."""
    programme: str
    service: str
    answers: tuple[Answer, ...] = ()
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None
    rules: str = ""
    """Fingerprint of the service's data when it was last judged."""
    judged: tuple[tuple[str, str], ...] = ()
    """What came out then: ("outcome", …) and each rule's id with its result."""

    def value(self, key: str) -> Value:
        """The value of a field; None also where it was never answered: see `has`."""
        return next((a.value for a in self.answers if a.field == key), None)

    def has(self, key: str) -> bool:
        """Whether the field was answered, if only with "not known"."""
        return any(a.field == key for a in self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A yes or no to a notice (`personal`, `bank`, `abroad`)."""

    kind: str
    given: bool
    at: datetime
    notice: str
    """Fingerprint of the notice's wording that was shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """All that is remembered of a person: answers, not a position. The next question is derived."""

    person: PersonKey
    programme: str | None = None
    service: str | None = None
    drafts: tuple[Draft, ...] = ()
    consents: tuple[Consent, ...] = ()
    focus: str | None = None
    """A field that the person wishes to answer (again) before the derived one."""
    confirm: str | None = None
    """An action that waits for a yes: restart, delete."""
    question: str | None = None
    """A policy question that waits for its programme."""
    asked: tuple[str, ...] = ()
    """The policy question that was answered last, masked, and the facts nearest to it: what a thumb up or down is about."""
    opening: str = ""
    """What was said before programme and service were known, masked: facts in it are taken once they are."""
    wishes: tuple[str, ...] = ()
    """On-request fields that were asked for."""
    paused: bool = False
    handed: str = ""
    """ASKED, TAKEN; empty: the assistant alone answers."""
    revision: int = 0

    @property
    def draft(self) -> Draft | None:
        """The draft of the current programme and service."""
        for draft in self.drafts:
            if (draft.programme, draft.service) == (self.programme, self.service):
                return draft
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule applied to the answers."""

    rule: str
    label: str
    strength: str
    result: Result
    citations: tuple[Citation, ...]
    test: Test
    remedy: str = ""
    note: str = ""
    office: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """The facts that the rule looks at."""
        return self.test.fields


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeResult:
    """A grade reached in an evaluation; `short_of_next` in the grade's own unit."""

    grade: str
    ceiling: int
    next: str | None
    short_of_next: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome and what it rests on; `open_fields` is the smallest set of facts that would settle it."""

    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    grade: GradeResult | None = None
    graded: bool = False
    """The service ends in a grade, also while `grade` is not known yet."""
    open_fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What the person is asked now; `field` may also be programme, service, consent, bank_consent, review, proceed, confirm."""

    field: str
    kind: str
    unit: str = ""
    choices: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Something for the outside to do.

    `render` a draft's files, `erase` the files of all drafts and what was said so far (consent withdrawn), `forget` the person,
    `handover` to staff; for the staff's list of questions: `unanswered`, `upvote`, `downvote`; `asked` counts a question by outcome (in
    `text`) and topic. `code` makes this message's code good for
    going on in another channel, `spend` uses one up (in `text`).
    """

    kind: Literal["render", "erase", "forget", "handover", "unanswered", "upvote", "downvote", "asked", "code", "spend"]
    draft: str = ""
    text: str = ""
    facts: tuple[str, ...] = ()
    """For questions: the facts nearest to it, `programme/topic` or a topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message's result."""

    session: Session
    replies: tuple[Reply, ...]
    stored_text: str
    """The message as it may be stored: sensitive values and personal ones before consent are masked."""
    effects: tuple[Effect, ...] = ()
    asking: Asking | None = None
    stage: str = "start"
    progress: tuple[int, int] = (0, 0)
    verdict: Verdict | None = None
    values: dict[str, Value] = field(default_factory=dict)
    """The draft's values as shown: sensitive ones masked."""
