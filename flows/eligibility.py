"""Does the applicant meet the written conditions? Three-valued: what is not known never counts as met or unmet."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import lru_cache

from flows.deadlines import add_period
from flows.types import Finding, GradeResult, Outcome, Result, Verdict
from flows.validity import Availability
from knowledge.types import Grade, Money, Rule, Service, Test, Value, Version

Values = Mapping[str, Value]


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _compare(test: Test, value: Value, holds: Callable[[float, float], bool]) -> bool | None:
    given, limit = _number(value), _number(test.value)
    return None if given is None or limit is None else holds(given, limit)


def _between(test: Test, value: Value) -> bool | None:
    given, low, high = _number(value), _number(test.low), _number(test.high)
    return None if given is None or low is None or high is None else low <= given <= high


def _within(test: Test, value: Value, today: date) -> bool | None:
    if not isinstance(value, str) or not isinstance(test.value, str):
        return None
    start = value if len(value) > 7 else f"{value}-01"
    return date.fromisoformat(start) <= today <= add_period(date.fromisoformat(start), test.value)


def _leaf(test: Test, value: Value, today: date) -> bool | None:
    match test.op:
        case "yes" | "no":
            return None if not isinstance(value, bool) else value is (test.op == "yes")
        case "equals":
            return None if value is None else value == test.value
        case "at_least":
            return _compare(test, value, lambda a, b: a >= b)
        case "more_than":
            return _compare(test, value, lambda a, b: a > b)
        case "at_most":
            return _compare(test, value, lambda a, b: a <= b)
        case "less_than":
            return _compare(test, value, lambda a, b: a < b)
        case "between":
            return _between(test, value)
        case _:
            return _within(test, value, today)


def evaluate(test: Test, values: Values, today: date) -> bool | None:
    """Whether the test holds for these answers; None while what is missing could still decide it."""
    if not test.tests:
        return _leaf(test, values.get(test.field), today)
    results = [evaluate(part, values, today) for part in test.tests]
    if test.op == "not":
        return None if results[0] is None else not results[0]
    wanted = {"all_of": len(results), "any_of": 1}.get(test.op, test.count)
    if results.count(True) >= wanted:
        return True
    return False if len(results) - results.count(False) < wanted else None


def missing(test: Test, values: Values, today: date) -> frozenset[str]:
    """The smallest set of open fields that could make the test hold; empty when it is settled."""
    if evaluate(test, values, today) is not None:
        return frozenset()
    if not test.tests:
        return frozenset({test.field})
    parts = sorted((missing(part, values, today) for part in test.tests if evaluate(part, values, today) is None), key=len)
    if test.op in ("all_of", "not"):
        return frozenset().union(*parts)
    met = sum(evaluate(part, values, today) is True for part in test.tests)
    return frozenset().union(*parts[: (1 if test.op == "any_of" else test.count) - met])


@lru_cache(maxsize=4096)
def _finding(rule: Rule, result: Result) -> Finding:
    return Finding(
        rule=rule.id,
        label=rule.label,
        strength=rule.strength,
        result=result,
        citations=rule.cite,
        test=rule.test,
        remedy=rule.remedy,
        note=rule.note,
        office=rule.checked_by,
    )


def result_of(rule: Rule, values: Values, today: date) -> Result | None:
    """The rule's result; an exclusion that is hit is `unmet`; None where the rule does not apply."""
    applies = True if rule.applies is None else evaluate(rule.applies, values, today)
    if applies is False:
        return None
    held = evaluate(rule.test, values, today)
    if held is None or applies is None:
        return "unknown"
    return "met" if held is not (rule.strength == "exclusion") else "unmet"


Judged = tuple[tuple[Rule, Result], ...]


def results(service: Service, values: Values, today: date) -> Judged:
    """Each rule that applies with its result, in the document's order."""
    judged = ((rule, result_of(rule, values, today)) for rule in service.rules)
    return tuple((rule, result) for rule, result in judged if result)


def _findings(judged: Judged) -> tuple[Finding, ...]:
    """A preferred rule is a finding only once it was answered."""
    return tuple(_finding(rule, result) for rule, result in judged if not (rule.strength == "preferred" and result == "unknown"))


def _outcome(found: Iterable[Finding]) -> Outcome:
    results = {(f.strength, f.result) for f in found if f.strength != "preferred"}
    if {("must", "unmet"), ("exclusion", "unmet")} & results:
        return "fails"
    if any(result == "unknown" for _, result in results):
        return "open"
    return "discretionary" if ("should", "unmet") in results else "meets"


def _ceiling(version: Version, grade: Grade) -> int:
    money: dict[str, Money] = {m.id: m for m in version.money}
    found = money.get(grade.money)
    return found.amount if found and found.amount else 0


def graded(version: Version, service: Service, values: Values, excluded: bool) -> GradeResult | None:
    """The highest grade reached; with an exclusion hit the one below all grades; None while the number is not known."""
    number = _number(values.get(service.grades[0].field)) if service.grades else None
    if number is None:
        return None
    ladder = sorted(service.grades, key=lambda g: g.at_least)
    reached = [] if excluded else [g for g in ladder if number >= g.at_least]
    above = next((g for g in ladder if g not in reached), None)
    return GradeResult(
        grade=reached[-1].name if reached else service.fail_grade,
        ceiling=_ceiling(version, reached[-1]) if reached else 0,
        next=above.name if above else None,
        short_of_next=max(0, round(above.at_least - number)) if above else None,
    )


def _graded_outcome(outcome: Outcome, grade: GradeResult | None, service: Service) -> Outcome:
    if outcome == "fails" or (grade and grade.grade == service.fail_grade):
        return "fails"
    return "open" if grade is None else outcome


def judge(available: Availability, service: Service, values: Values, today: date, judged: Judged | None = None) -> Verdict | None:
    """The verdict on that day: `closed` first, then fails, open, discretionary, meets; None where nothing is judged.

    `judged`: the rules' results on these values, where they are at hand.
    """
    if not service.judged:
        return None if available.open else Verdict(outcome="closed")
    judged = results(service, values, today) if judged is None else judged
    found = _findings(judged)
    outcome, grade = _outcome(found), None
    if service.grades:
        excluded = any(f.strength == "exclusion" and f.result == "unmet" for f in found)
        grade = graded(available.version, service, values, excluded)
        outcome = _graded_outcome(outcome, grade, service)
    open_fields = _open_fields(service, judged, values, today, grade)
    shown: Outcome = outcome if available.open else "closed"
    return Verdict(outcome=shown, findings=found, grade=grade, graded=bool(service.grades), open_fields=open_fields)


def _open_fields(service: Service, judged: Judged, values: Values, today: date, grade: GradeResult | None) -> tuple[str, ...]:
    needed = {service.grades[0].field} if service.grades and grade is None else set()
    for rule, result in judged:
        if rule.strength != "preferred" and result == "unknown":
            needed |= missing(rule.test, values, today) or missing(rule.applies or rule.test, values, today)
    return tuple(f.key for f in service.fields if f.key in needed)
