"""How does a condition read in plain words? For staff and lawyers who hold it against its clause."""

from collections.abc import Sequence

from flows.say import say, word
from knowledge.types import Field, Rule, Test


def in_words(test: Test, fields: Sequence[Field]) -> str:
    """The test as a phrase: “每年活动次数”不少于4次（按一年算）; a field that is not among `fields` is named by its key."""
    if test.tests:
        return say(f"test_{test.op}", parts=[in_words(part, fields) for part in test.tests], count=test.count)
    field = next((f for f in fields if f.key == test.field), None)
    label = field.label if field else test.field
    if test.op == "between":
        return say("test_between", label=label, low=_number(test.low, test), high=_number(test.high, test))
    return say(f"test_{test.op}", label=label, value=_value(test, field))


def rule_in_words(rule: Rule, fields: Sequence[Field]) -> str:
    """The rule with its strength, and when it applies."""
    applies = in_words(rule.applies, fields) if rule.applies else ""
    return say("condition", strength=word("strength", rule.strength), text=in_words(rule.test, fields), applies=applies)


def period_in_words(period: str) -> str:
    """P1Y as 1年; what is written otherwise stays."""
    units = "".join(letter for letter in period if letter in "YMWD")
    number = period.removeprefix("P").removesuffix(units)
    return f"{number}{word('period', units)}" if len(units) == 1 and number.isdecimal() else period


def _value(test: Test, field: Field | None) -> str:
    if test.op == "within":
        return period_in_words(str(test.value))
    if isinstance(test.value, bool):
        return word("yes") if test.value else word("no")
    if isinstance(test.value, int | float):
        return _number(test.value, test)
    choices = field.choices if field else ()
    return next((choice.label for choice in choices if choice.value == test.value), str(test.value))


def _number(value: int | float | None, test: Test) -> str:
    shown = "" if value is None else f"{value:g}"
    return f"{shown}{test.unit}{word('per', test.per) if test.per else ''}"
