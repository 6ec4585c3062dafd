"""How does a stored value look on paper? Dates in words, yes as 是, a choice by its label; what is missing as 待填."""

import re
from collections.abc import Mapping
from datetime import date

from flows.eligibility import evaluate
from flows.layout import Run
from knowledge.text import clean
from knowledge.types import Field, Service, Value

MISSING, NOT_APPLICABLE = "待填", "无"


def literal(text: str) -> str:
    """Text as it may stand on paper: no control or direction marks, tabs as spaces."""
    return clean(text).replace("\t", " ")


def _day(value: str) -> str:
    parts = re.fullmatch(r"(\d{4})-(\d{2})(?:-(\d{2}))?", value)
    if parts is None:
        return literal(value)
    year, month, day = parts.groups()
    return f"{int(year)}年{int(month)}月" + (f"{int(day)}日" if day else "")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else f"{value:.10g}"


def shown(field: Field, value: Value) -> str:
    """The value in the words of a form: 是, 2013年3月, 80000元; empty where it is not known."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int | float):
        return _number(value) + ("元" if field.kind == "money" else "")
    if field.kind == "choice":
        return next((choice.label for choice in field.choices if choice.value == value), literal(value))
    return _day(value) if field.kind in ("date", "month") else literal(value)


def with_unit(field: Field, value: Value) -> str:
    """The value with its unit where the label does not say it in brackets: 3名."""
    text = shown(field, value)
    return f"{text}{field.unit}" if text and field.kind == "number" and f"（{field.unit}）" not in field.label else text


def field_of(service: Service, key: str) -> Field | None:
    """The service's field of that key."""
    return next((field for field in service.fields if field.key == key), None)


def filled(service: Service, key: str, values: Mapping[str, Value], *, unit: bool = False) -> Run:
    """What stands in the field's place: the value, 无 where the field does not concern this applicant, else 待填."""
    field = field_of(service, key)
    if field is None:
        return Run(text=MISSING, tone="missing")
    if field.only_if is not None and evaluate(field.only_if, values, date.min) is False:
        return Run(text=NOT_APPLICABLE)
    text = (with_unit if unit else shown)(field, values.get(key))
    return Run(text=text) if text.strip() else Run(text=MISSING, tone="missing")
