"""Each limit with its value and both neighbours, and the three values of every operator."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.eligibility import evaluate, judge, missing
from flows.validity import availability, service_of
from knowledge.load import library
from knowledge.types import Test as Condition

DAY = date(2026, 11, 22)
FILES = sorted((Path(__file__).parent / "cases").glob("*.toml"))


def cases() -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    found = []
    for path in FILES:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        found += [(path.stem, service, table["base"][service], case) for service in table["base"] for case in table[service]]
    return found


def test_every_programme_has_cases_with_its_limits() -> None:
    assert {path.stem for path in FILES} == {p.key for p in library().programmes}
    assert len(cases()) >= 60


@pytest.mark.parametrize(("key", "service", "base", "case"), cases(), ids=lambda v: v if isinstance(v, str) else "")
def test_answers_give_the_verdict_and_the_rule_that_decided(key: str, service: str, base: dict[str, Any], case: dict[str, Any]) -> None:
    programme = library().programme(key)
    day = case.get("today", base["today"])
    available = availability(programme, service, day)
    values = {k: (None if v == "?" else v) for k, v in {**base["answers"], **case["answers"]}.items()}
    verdict = judge(available, service_of(available.version, service), values, day)
    assert (verdict.outcome if verdict else "none") == case["outcome"]
    results = {f.rule: f.result for f in verdict.findings} if verdict else {}
    for rule, result in case.get("findings", {}).items():
        assert results.get(rule, "absent") == result
    if "grade" in case:
        assert verdict is not None
        grade = verdict.grade
        assert (
            [grade.grade, grade.ceiling, grade.next or "", -1 if grade.short_of_next is None else grade.short_of_next] if grade else []
        ) == case["grade"]


LEAVES = [
    (Condition(op="at_least", field="n", value=4), [(3, False), (4, True), (5, True), (None, None)]),
    (Condition(op="more_than", field="n", value=4), [(3, False), (4, False), (5, True), (None, None)]),
    (Condition(op="at_most", field="n", value=4), [(3, True), (4, True), (5, False)]),
    (Condition(op="less_than", field="n", value=4), [(3, True), (4, False), (5, False)]),
    (Condition(op="between", field="n", low=50, high=99), [(49, False), (50, True), (99, True), (100, False), (None, None)]),
    (Condition(op="yes", field="n"), [(True, True), (False, False), (None, None), (1, None)]),
    (Condition(op="no", field="n"), [(True, False), (False, True), (None, None)]),
    (Condition(op="equals", field="n", value="a"), [("a", True), ("b", False), (None, None)]),
    (
        Condition(op="within", field="n", value="P1Y"),
        [("2025-11-21", False), ("2025-11-22", True), ("2026-11-22", True), ("2026-11-23", False), (None, None)],
    ),
]


@pytest.mark.parametrize(("test", "table"), LEAVES, ids=lambda v: v.op if isinstance(v, Condition) else "")
def test_an_operator_holds_at_its_limit_and_not_beside_it(test: Condition, table: list[tuple[Any, bool | None]]) -> None:
    for value, held in table:
        assert evaluate(test, {"n": value}, DAY) is held, value


def test_unknown_answers_settle_a_group_only_where_they_cannot_change_it() -> None:
    a, b, c = (Condition(op="yes", field=k) for k in "abc")
    any_of, all_of = Condition(op="any_of", tests=(a, b)), Condition(op="all_of", tests=(a, b))
    two = Condition(op="at_least_n", count=2, tests=(a, b, c))
    assert evaluate(any_of, {"a": True}, DAY) is True
    assert evaluate(any_of, {"a": False}, DAY) is None
    assert evaluate(all_of, {"a": False}, DAY) is False
    assert evaluate(all_of, {"a": True}, DAY) is None
    assert evaluate(two, {"a": True, "b": False}, DAY) is None
    assert evaluate(two, {"a": False, "b": False}, DAY) is False
    assert evaluate(Condition(op="not", tests=(a,)), {}, DAY) is None
    assert missing(any_of, {"a": True}, DAY) == frozenset()
    assert missing(two, {"a": True}, DAY) in ({"b"}, {"c"})
    assert missing(all_of, {}, DAY) == {"a", "b"}


def test_29_february_ends_on_28_february() -> None:
    test = Condition(op="within", field="n", value="P1Y")
    assert evaluate(test, {"n": "2024-02-29"}, date(2025, 2, 28)) is True
    assert evaluate(test, {"n": "2024-02-29"}, date(2025, 3, 1)) is False
