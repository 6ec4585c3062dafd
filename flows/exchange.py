"""One turn while it is being made: the session so far, what is said, what is to be done. Only conversation modules use it."""

from dataclasses import replace
from datetime import date, datetime

from flows.assistant import Assistant
from flows.extract import mask_text
from flows.position import Case, allowed, case_of
from flows.say import say
from flows.types import Answer, Consent, Draft, Effect, Message, Option, Reply, Session
from flows.validity import is_offered
from knowledge.text import plain
from knowledge.types import Citation, Field, Service, Value


class Exchange:
    """The session under change and the replies collected; `case` is derived anew whenever the session changed."""

    def __init__(self, assistant: Assistant, session: Session, message: Message, today: date, new_id: str) -> None:
        self.assistant, self.message, self.today, self.new_id = assistant, message, today, new_id
        self.session = _offered(assistant, session, today)
        self.text = plain(message.text)
        self.stored_text = ""
        self.replies: list[Reply] = []
        self.effects: list[Effect] = []
        self._derived: tuple[Session, Case | None] | None = None
        """The case and the session it was derived from."""

    @property
    def now(self) -> datetime:
        """When the message came."""
        return self.message.received_at

    @property
    def left(self) -> list[Draft]:
        """The drafts one can go on with: what they apply for is still in the data."""
        return [d for d in self.session.drafts if is_offered(self.assistant.library, d.programme, d.service, self.today)]

    @property
    def case(self) -> Case | None:
        """The current application."""
        if self._derived is None or not _same_case(self._derived[0], self.session):
            self._derived = (self.session, case_of(self.assistant, self.session, self.today))
        return self._derived[1]

    def tell(self, key: str, *, cite: tuple[Citation, ...] = (), choices: tuple[Option, ...] = (), **values: object) -> None:
        """Add a reply from the wording of that key."""
        self.add(say(key, **values), cite, choices)

    def add(self, text: str, cite: tuple[Citation, ...] = (), choices: tuple[Option, ...] = (), *, votable: bool = False) -> None:
        """Add a reply with this text."""
        if text:
            self.replies.append(Reply(text=text, citations=tuple(dict.fromkeys(cite)), choices=choices, votable=votable))

    def update(self, **changes: object) -> None:
        """Change the session."""
        self.session = replace(self.session, **changes)  # type: ignore[arg-type]  # the keys are the session's own

    def _put_draft(self, draft: Draft) -> None:
        same = (draft.programme, draft.service)
        kept = tuple(d for d in self.session.drafts if (d.programme, d.service) != same)
        self.update(drafts=(*kept, draft))

    def change_draft(self, **changes: object) -> None:
        """Change the current draft."""
        if draft := self.session.draft:
            self._put_draft(replace(draft, updated_at=self.now, **changes))  # type: ignore[arg-type]  # the keys are the draft's own

    def put(self, field: Field, value: Value, source: str = "said") -> list[Field]:
        """Store an answer; returns the answered fields that depend on it and were dropped because it changed."""
        case, draft = self.case, self.session.draft
        if case is None or draft is None:
            return []
        changed = draft.has(field.key) and draft.value(field.key) != value
        gone = _dependents(case.service, field.key) if changed else set()
        dropped = [f for f in case.fields if f.key in gone and f.key in case.values]
        drop = {field.key, f"{field.key}:doubt", "review", *gone}
        answer = Answer(field=field.key, value=value, at=self.now, source=source, sensitive=field.sensitive)  # type: ignore[arg-type]
        kept = tuple(a for a in draft.answers if a.field not in drop)
        self.change_draft(answers=(*kept, answer), finished_at=None)
        return dropped

    def put_aside(self, key: str, value: Value, *, sensitive: bool = False) -> None:
        """Store an answer about the conversation (proceed, review, a number that waits to be repeated)."""
        if draft := self.session.draft:
            answer = Answer(field=key, value=value, at=self.now, sensitive=sensitive)
            self.change_draft(answers=(*(a for a in draft.answers if a.field != key), answer))

    def drop(self, *keys: str) -> None:
        """Forget answers of the current draft."""
        if draft := self.session.draft:
            self.change_draft(answers=tuple(a for a in draft.answers if a.field not in keys))

    def note(self, rules: str, judged: tuple[tuple[str, str], ...]) -> None:
        """Record what the draft was judged to be; no answer changes, so the case stays as it was derived."""
        case = self.case
        self.change_draft(rules=rules, judged=judged)
        if case and self.session.draft:
            self._derived = (self.session, replace(case, draft=self.session.draft))

    def consent(self, kind: str, given: bool, notice: str) -> None:
        """Record a yes or no to a notice."""
        self.update(consents=(*self.session.consents, Consent(kind=kind, given=given, at=self.now, notice=notice)))

    def maskable(self) -> list[Field]:
        """Personal and sensitive fields of every programme that may not be stored as they are typed now."""
        return [f for f in self.assistant.private if f.sensitive or not allowed(self.assistant, self.session, f)]

    def masked(self, text: str) -> str:
        """The text without values that may not be stored."""
        return mask_text(self.maskable(), text)


def _offered(assistant: Assistant, session: Session, today: date) -> Session:
    """The session, back at the choice of a programme where what it applies for is no longer in the data; its drafts stay."""
    if session.programme is None or is_offered(assistant.library, session.programme, session.service, today):
        return session
    return replace(session, programme=None, service=None, focus=None, confirm=None, question=None, opening="", wishes=())


def _same_case(before: Session, after: Session) -> bool:
    """Whether nothing changed that a case is derived from."""
    return before is after or (
        before.drafts is after.drafts
        and before.wishes is after.wishes
        and (before.programme, before.service) == (after.programme, after.service)
    )


def _dependents(service: Service, key: str) -> set[str]:
    """Fields that are asked only because of this one, through any number of steps."""
    found: set[str] = set()
    for field in service.fields:
        if field.only_if is not None and ({key} | found) & set(field.only_if.fields):
            found.add(field.key)
    return found
