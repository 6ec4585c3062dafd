"""Which values does a programme state, as sentences write them? The names that `{…}` in `faq.toml` stand for: each value is typed once.

A sentence of `faq.toml` that gives an amount, limit, date or way to reach an office names it (`{money.construction}`) instead of
repeating it. Sentences are proved against their quotations after filling in, so a wrong name shows as a wrong figure.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date

from knowledge.types import Programme, Service, Test, Version

_NAME = re.compile(r"\{([a-z_]+(?:\.[A-Za-z0-9_-]+)*)\}")
_OFFICE = ("name", "short", "phone", "hours", "address", "email")


class UnknownValue(Exception):
    """A sentence names a value that its programme does not state; the message says which, and the names there are."""


def stated(programme: Programme) -> Mapping[str, str]:
    """Every value of the newest version by its name: `money.ID` (10万元), `least.FIELD`, `grade.NAME`, `office.KEY.phone`, `valid_to` …"""
    return dict(_named(programme.latest))


def filled(sentence: str, values: Mapping[str, str]) -> str:
    """The sentence with its names replaced; UnknownValue for a name that is not there."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise UnknownValue(f"没有“{match[1]}”这个值：改用 {'、'.join(sorted(values))} 之一")
        return values[match[1]]

    return _NAME.sub(value, sentence)


def _named(version: Version) -> Iterator[tuple[str, str]]:
    for name, day in (("valid_from", version.valid_from), ("valid_to", version.valid_to)):
        if day:
            yield name, written(day)
    for document in version.documents:
        yield f"document.{document.key}.title", document.title
        if document.number:
            yield f"document.{document.key}.number", document.number
        if document.issued_on:
            yield f"document.{document.key}.issued_on", written(document.issued_on)
    for office in version.offices:
        yield from ((f"office.{office.key}.{name}", value) for name in _OFFICE if (value := str(getattr(office, name))))
    for money in version.money:
        if money.amount is not None:
            yield f"money.{money.id}", yuan(money.amount)
        if money.ratio:
            yield f"money.{money.id}.ratio", money.ratio
    for service in version.services:
        yield from _of_service(service)


def _of_service(service: Service) -> Iterator[tuple[str, str]]:
    for rule in service.rules:
        yield from ((f"least.{field}", f"{value:g}") for field, value in _limits(rule.test))
    for grade in service.grades:
        yield f"grade.{grade.name}", str(grade.at_least)
    for number, step in enumerate(service.steps, 1):
        if step.limit:
            yield f"step.{service.key}.{number}.days", str(step.limit.days)
    for window in service.windows:
        for name, day in (("opens", window.opens), ("closes", window.closes)):
            if day:
                yield f"window.{service.key}.{name}", written(day)
    for deadline in service.deadlines:
        if deadline.on:
            yield f"deadline.{deadline.id}", written(deadline.on)


def _limits(test: Test) -> Iterator[tuple[str, float]]:
    if test.op == "at_least" and isinstance(test.value, int | float):
        yield test.field, float(test.value)
    for part in test.tests:
        yield from _limits(part)


def written(day: date) -> str:
    """A day as sentences write it: 2026年7月2日."""
    return f"{day.year}年{day.month}月{day.day}日"


def yuan(amount: int) -> str:
    """An amount in yuan as sentences write it: 10万元, 800元."""
    return f"{amount / 10_000:g}万元" if amount >= 10_000 else f"{amount}元"
