"""What does new policy data change for a draft, and what is its owner told? Compares two judgements, decides nothing.

Both are made as of the same day, so that only the data can make a difference.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import zip_longest
from typing import cast

from flows import encoded
from flows.assistant import Premises
from flows.conditions import rule_in_words
from flows.deadlines import Due, closing, due
from flows.encoded import Line
from flows.policy_change import Change, change_of
from flows.position import Case, case_of
from flows.say import day, say, word, yuan
from flows.telling import policy_change
from flows.types import Draft, Finding, PersonKey, Session
from knowledge.load import fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftChange:
    """What new data changes for one draft."""

    draft: Draft
    changes: tuple[Change, ...]
    message: str
    """What its owner is told at their next message, in the words of the chat; empty: nothing, for it was judged by the new data already,
    was never judged, or its service is gone."""

    @property
    def flips(self) -> bool:
        """Whether the verdict itself comes out otherwise."""
        return any(change.kind == "outcome" for change in self.changes)


def draft_change(old: Premises, new: Premises, draft: Draft, today: date) -> DraftChange | None:
    """What becomes of a draft where `new` replaces `old`; None: neither verdict, nor fields, nor dates change."""
    before, after = (_case(assistant, draft, today) for assistant in (old, new))
    if before is None:
        return None
    if after is None:
        gone = Change(kind="service", label=before.service.name, before=before.service.name, after="")
        return DraftChange(draft=draft, changes=(gone,), message="")
    changes = (*_verdict(before, after), *_fields(before, after), *_dates(before, after, today))
    return DraftChange(draft=draft, changes=changes, message=owed(new, draft, after)) if changes else None


def since_judged(assistant: Premises, draft: Draft, today: date) -> DraftChange | None:
    """What came out otherwise than when a draft was judged last, under other data; None where that was today's data, or never.

    The earlier clauses are not known any more, only the outcome and each rule's result.
    """
    case = _case(assistant, draft, today)
    if case is None or not is_outdated(assistant, draft):
        return None
    return DraftChange(draft=draft, changes=tuple(_since(dict(draft.judged), case)), message=owed(assistant, draft, case))


def is_outdated(assistant: Premises, draft: Draft) -> bool:
    """Whether a draft was judged by other data than today's, so that its owner will be told."""
    return bool(draft.rules) and draft.rules != fingerprints(assistant).get((draft.programme, draft.service), "")


def fingerprints(assistant: Premises) -> Mapping[tuple[str, str], str]:
    """Of each programme's services, the fingerprint of the data that drafts are judged by."""
    if (known := assistant.known.get("fingerprints")) is None:
        programmes = assistant.library.programmes
        known = assistant.known["fingerprints"] = {(p.key, s.key): fingerprint(p, s) for p in programmes for s in p.latest.services}
    return cast(Mapping[tuple[str, str], str], known)


def owed(assistant: Premises, draft: Draft, case: Case) -> str:
    """What the owner is told at their next message."""
    return policy_change(dict(draft.judged), case) if is_outdated(assistant, draft) else ""


def _case(assistant: Premises, draft: Draft, today: date) -> Case | None:
    """The draft as a case; None where its programme or service is not in the data."""
    person = PersonKey(channel="", sender="")
    session = Session(person=person, programme=draft.programme, service=draft.service, drafts=(draft,))
    try:
        return case_of(assistant, session, today)
    except KeyError:
        return None


def _verdict(before: Case, after: Case) -> Iterator[Change]:
    one, other = (case.verdict.outcome if case.verdict else "" for case in (before, after))
    if one != other:
        yield Change(kind="outcome", before=_outcome(one), after=_outcome(other))
    if before.available.state != after.available.state:
        yield _state(before, after)
    yield from _findings(before, after)
    one_grade, other_grade = _grade(before), _grade(after)
    if one_grade != other_grade:
        yield Change(kind="grade", before=one_grade, after=other_grade)


def _grade(case: Case) -> str:
    """The grade with its sum and the way to the next; empty where there is none."""
    grade = case.verdict.grade if case.verdict else None
    if grade is None:
        return ""
    ceiling, unit = yuan(grade.ceiling) if grade.ceiling else "", case.service.grades[0].unit
    return say("grade_reached", grade=grade.grade, ceiling=ceiling, next=grade.next, short=grade.short_of_next, unit=unit)


def _outcome(outcome: str) -> str:
    return word("outcome", outcome) if outcome else word("none")


def _state(before: Case, after: Case) -> Change:
    cited = [(c.available.window.cite if c.available.window else c.version.force.cite) for c in (before, after)]
    return Change(
        kind="state",
        before=word("state", before.available.state),
        after=word("state", after.available.state),
        old=next(iter(cited[0]), None),
        new=next(iter(cited[1]), None),
    )


def _findings(before: Case, after: Case) -> Iterator[Change]:
    old, new = (_by_rule(case) for case in (before, after))
    for key in dict.fromkeys((*old, *new)):
        one, other = old.get(key), new.get(key)
        if one is None or other is None or (one.result, one.strength) != (other.result, other.strength):
            found = other or one
            assert found is not None
            yield Change(
                kind="rule",
                label=found.label,
                before=_judged_rule(one, before),
                after=_judged_rule(other, after),
                old=one.citations[0] if one else None,
                new=other.citations[0] if other else None,
            )


def _by_rule(case: Case) -> dict[str, Finding]:
    return {finding.rule: finding for finding in case.verdict.findings} if case.verdict else {}


def _judged_rule(finding: Finding | None, case: Case) -> str:
    """A rule with its result: 一般应：“每年活动次数”不少于4次：符合."""
    if finding is None:
        return ""
    rule = next(rule for rule in case.service.rules if rule.id == finding.rule)
    return say("judged_condition", text=rule_in_words(rule, case.service.fields), result=word("result", finding.result))


def _fields(before: Case, after: Case) -> Iterator[Change]:
    lines = [{f.key: Line(label=f.label, text=encoded.field_line(f, c.service), cite=f.cite) for f in c.fields} for c in (before, after)]
    for key in dict.fromkeys((*lines[0], *lines[1])):
        one, other = lines[0].get(key), lines[1].get(key)
        if one is None or other is None or (one.label, one.text) != (other.label, other.text):
            yield change_of("field", one, other)


def _dates(before: Case, after: Case, today: date) -> Iterator[Change]:
    """Dates are told apart by what they are, not by the words in brackets that say how they are reckoned."""
    old, new = (_due(case, today) for case in (before, after))
    for name in dict.fromkeys((*old, *new)):
        for one, other in zip_longest(old.get(name, ()), new.get(name, ())):
            if one is None or other is None or (one.day, one.whose) != (other.day, other.whose):
                lines = [Line(label=name, text=_date(d), cite=d.citations) if d else None for d in (one, other)]
                yield change_of("deadline", *lines)


def _due(case: Case, today: date) -> dict[str, list[Due]]:
    found = [*due(case.service, case.values)]
    window = case.available.window
    if case.available.open and window and window.kind == "yearly" and (end := closing(window, today)):
        found.append(end)
    named: dict[str, list[Due]] = {}
    for one in found:
        named.setdefault(one.label.partition("（")[0], []).append(one)
    return named


def _date(found: Due) -> str:
    return say("deadline_on", day=day(found.day), whose=found.whose)


def _since(judged: dict[str, str], case: Case) -> Iterator[Change]:
    outcome = case.verdict.outcome if case.verdict else ""
    if judged.get("outcome", "") != outcome:
        yield Change(kind="outcome", before=_outcome(judged.get("outcome", "")), after=_outcome(outcome))
    now = _by_rule(case)
    for key, finding in now.items():
        if judged.get(key) != finding.result:
            earlier = word("result", judged[key]) if key in judged else ""
            yield Change(kind="rule", label=finding.label, before=earlier, after=_judged_rule(finding, case), new=finding.citations[0])
    for key in [key for key in judged if key not in now and key != "outcome"]:
        yield Change(kind="rule", label=word("gone_rule"), before=word("result", judged[key]), after="")
