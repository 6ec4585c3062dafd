"""Where is the conversation? Derived from the answers alone, so resuming, going back and a changed policy are one path."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import cast

from flows.assistant import COUNTER, Premises
from flows.eligibility import Judged, evaluate, judge, results
from flows.fields import masked, show
from flows.types import Draft, Session, Verdict
from flows.validity import Availability, availability, service_of
from knowledge.types import Field, Programme, Service, Value, Version

ASIDE = frozenset({"proceed", "review"})
"""Answers in a draft that are about the conversation, not about the application."""
KNOWN = 4096
"""How many derivations are kept in memory."""
_OPEN = ("open",)
"""In place of the value of a fact that was not given; null is an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The current application with everything derived from its answers."""

    programme: Programme
    available: Availability
    service: Service
    draft: Draft
    values: dict[str, Value]
    """Of the fields that apply now."""
    verdict: Verdict | None
    fields: tuple[Field, ...]
    """Those that apply now, in the order asked: what people see as the numbered list."""

    @property
    def version(self) -> Version:
        """The version whose rules are used: the one in force, else the last known."""
        return self.available.version

    def field(self, key: str | None) -> Field | None:
        """The applying field of that key."""
        return next((f for f in self.fields if f.key == key), None)

    @property
    def preparation(self) -> bool:
        """Whether files are made only to prepare."""
        return bool(self.verdict and self.verdict.outcome in ("closed", "fails"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """What is asked now: a field's key, or programme, service, consent, bank_consent, review, proceed, confirm; None at the end."""

    stage: str
    key: str | None
    field: Field | None = None


def case_of(assistant: Premises, session: Session, today: date) -> Case | None:
    """The current application; None before programme and service are chosen."""
    draft = session.draft
    if session.programme is None or session.service is None or draft is None:
        return None
    ground = _ground(assistant, session.programme, session.service, today)
    answered: dict[str, Value] = {a.field: a.value for a in draft.answers}
    derived = _derived(assistant, ground, session.wishes, answered, today)
    values = {key: value for key, value in answered.items() if key in derived.keys}
    return Case(
        programme=ground.programme,
        available=ground.available,
        service=ground.service,
        draft=draft,
        values=values,
        verdict=derived.verdict,
        fields=derived.fields,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What holds on a day for whoever applies for a service."""

    programme: Programme
    available: Availability
    service: Service
    facts: tuple[str, ...]
    """The fields whose values decide which fields apply and what the verdict is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Derived:
    """What follows from the facts, whoever gave them."""

    fields: tuple[Field, ...]
    keys: frozenset[str]
    verdict: Verdict | None


def _ground(assistant: Premises, programme_key: str, service_key: str, today: date) -> _Ground:
    key = (programme_key, service_key, today)
    if (known := assistant.known.get(key)) is not None:
        return cast(_Ground, known)
    programme = assistant.library.programme(programme_key)
    available = availability(programme, service_key, today)
    service = service_of(available.version, service_key)
    tests = [test for rule in service.rules for test in (rule.test, rule.applies) if test]
    tests += [field.only_if for field in service.fields if field.only_if]
    looked_at = {key for test in tests for key in test.fields} | {grade.field for grade in service.grades}
    ground = _Ground(programme=programme, available=available, service=service, facts=tuple(sorted(looked_at)))
    return cast(_Ground, _kept(assistant, key, ground))


def _derived(assistant: Premises, ground: _Ground, wishes: tuple[str, ...], answered: dict[str, Value], today: date) -> _Derived:
    """Most messages change no fact, and many applicants give the same ones: what follows is looked up before it is worked out."""
    service = ground.service
    facts = tuple(answered.get(key, _OPEN) for key in ground.facts)
    key = (ground.programme.key, service.key, today, wishes, facts, frozenset(answered))
    if (known := assistant.known.get(key)) is not None:
        return cast(_Derived, known)
    judged = results(service, answered, today)
    fields = tuple(_applying(service, wishes, answered, today, judged))
    keys = frozenset(f.key for f in fields)
    values = {key: value for key, value in answered.items() if key in keys}
    all_apply = all(f.key in keys for f in service.fields if f.key in answered)
    verdict = judge(ground.available, service, values, today, judged if all_apply else None)
    return cast(_Derived, _kept(assistant, key, _Derived(fields=fields, keys=keys, verdict=verdict)))


def _kept(assistant: Premises, key: Hashable, found: object) -> object:
    if len(assistant.known) >= KNOWN:
        assistant.known.clear()
    assistant.known[key] = found
    return found


def _applying(service: Service, wishes: tuple[str, ...], answered: dict[str, Value], today: date, judged: Judged) -> Iterator[Field]:
    """Fields whose condition holds; a fact that no rule needs any more is left out, an optional wish only on request."""
    needed = _needed(service, answered, today, judged)
    for field in service.fields:
        if field.only_if is not None and evaluate(field.only_if, answered, today) is not True:
            continue
        if field.key in answered:
            yield field
        elif field.on_request:
            if field.key in wishes:
                yield field
        elif field.stage != "eligibility" or needed.get(field.key, True):
            yield field


def _needed(service: Service, answered: dict[str, Value], today: date, judged: Judged) -> dict[str, bool]:
    """For each fact that a rule looks at, whether one that is still open needs it; a settled any_of does not."""
    needed: dict[str, bool] = {grade.field: True for grade in service.grades}
    unknown = {rule.id for rule, result in judged if result == "unknown"}
    for rule in service.rules:
        still = [key for key in rule.test.fields if key not in answered]
        wanting = bool(still) and rule.id in unknown and evaluate(rule.test, answered, today) is None
        for key in still:
            needed[key] = needed.get(key, False) or wanting
    return needed


def position(assistant: Premises, session: Session, case: Case | None) -> Position:
    """What is asked next."""
    if session.confirm:
        return Position(stage=_stage_only(assistant, session, case), key="confirm")
    if case is None:
        return _before_case(session)
    if session.focus and (field := case.field(session.focus)):
        return _asked(assistant, session, case, field)
    return derived(assistant, session, case)


def _before_case(session: Session) -> Position:
    return Position(stage="start", key="programme") if session.programme is None else Position(stage="choose", key="service")


def _stage_only(assistant: Premises, session: Session, case: Case | None) -> str:
    return derived(assistant, session, case).stage if case else _before_case(session).stage


def derived(assistant: Premises, session: Session, case: Case) -> Position:
    """The first thing that is missing, whatever the person wished to change."""
    open_fields = [f for f in case.fields if f.key not in case.values]
    for field in open_fields:
        if field.stage == "choose":
            return Position(stage="choose", key=field.key, field=field)
    if excluded(case) and not case.draft.has("proceed"):
        return Position(stage="eligibility", key="proceed")
    for field in open_fields:
        if field.stage == "eligibility" and not _stopped(case):
            return Position(stage="eligibility", key=field.key, field=field)
    return _after_facts(assistant, session, case, open_fields)


def _after_facts(assistant: Premises, session: Session, case: Case, open_fields: list[Field]) -> Position:
    if case.preparation and not case.draft.has("proceed"):
        return Position(stage="eligibility", key="proceed")
    if _stopped(case) or case.service.produces == "nothing":
        return Position(stage="done", key=None)
    for field in open_fields:
        if field.stage == "form" and askable(assistant, session, field):
            return _asked(assistant, session, case, field)
    if not case.draft.has("review"):
        return Position(stage="review", key="review")
    return Position(stage="done", key=None)


def excluded(case: Case) -> bool:
    """Whether an exclusion is hit."""
    found = case.verdict.findings if case.verdict else ()
    return any(f.strength == "exclusion" and f.result == "unmet" for f in found)


def _stopped(case: Case) -> bool:
    """The person did not wish to go on although the verdict is `fails` or `closed`."""
    return case.preparation and case.draft.value("proceed") is False


def consent_given(session: Session, kind: str) -> bool | None:
    """The last word on that notice; None when it was not asked."""
    return next((c.given for c in reversed(session.consents) if c.kind == kind), None)


def _kinds(assistant: Premises, session: Session, field: Field) -> tuple[str, ...]:
    """The notices that must be agreed to before this field."""
    if field.sensitive:
        return ("bank",)
    if not field.personal:
        return ()
    return ("personal", "abroad") if session.person.channel in assistant.abroad else ("personal",)


def taken_here(assistant: Premises, session: Session, field: Field) -> bool:
    """Whether the person's channel may take the field at all: personal data not on every one, bank data never abroad."""
    channel = session.person.channel
    if field.sensitive and channel in assistant.abroad:
        return False
    return not (field.personal or field.sensitive) or channel == COUNTER or channel in assistant.personal_channels


def askable(assistant: Premises, session: Session, field: Field) -> bool:
    """Whether the field may be asked or its consent still be asked for on this channel."""
    if not taken_here(assistant, session, field):
        return False
    return all(consent_given(session, kind) is not False for kind in _kinds(assistant, session, field))


def allowed(assistant: Premises, session: Session, field: Field) -> bool:
    """Whether the field's value may be taken now."""
    if not (field.personal or field.sensitive):
        return True
    kinds = _kinds(assistant, session, field)
    return askable(assistant, session, field) and all(consent_given(session, kind) for kind in kinds)


def open_notice(assistant: Premises, session: Session, field: Field) -> str | None:
    """The notice (`personal`, `abroad`, `bank`) that waits for an answer before this field."""
    return next((kind for kind in _kinds(assistant, session, field) if not consent_given(session, kind)), None)


def _asked(assistant: Premises, session: Session, case: Case, field: Field) -> Position:
    notice = open_notice(assistant, session, field)
    if notice is None:
        return Position(stage=field.stage if session.focus is None else _stage_of(case, field), key=field.key, field=field)
    return Position(stage="form", key="bank_consent" if notice == "bank" else "consent", field=field)


def _stage_of(case: Case, field: Field) -> str:
    return "review" if case.draft.has("review") else field.stage


def line(case: Case, field: Field) -> str:
    """One answer as it is shown: label and value, sensitive ones masked."""
    return f"{field.label}：{show(field, masked(field, case.values.get(field.key)))}"


def lines(case: Case) -> list[str]:
    """The numbered answers; numbers count all applying fields, so they stay the same in every view."""
    return [f"{n}. {line(case, f)}" for n, f in enumerate(case.fields, 1) if case.values.get(f.key) is not None]


def unanswered(case: Case) -> list[str]:
    """Labels of the applying fields without a value, with their numbers."""
    return [f"{n}.{f.label}" for n, f in enumerate(case.fields, 1) if case.values.get(f.key) is None]


def progress(case: Case | None) -> tuple[int, int]:
    """How many of the applying fields are answered, and how many there are."""
    return (0, 0) if case is None else (sum(f.key in case.values for f in case.fields), len(case.fields))
