"""What is encoded of a service, in one line each? Rules, fields, windows, dates, sums and materials as staff read and compare them."""

from collections.abc import Mapping
from dataclasses import dataclass

from flows.conditions import in_words, period_in_words, rule_in_words
from flows.say import day, say, word, yuan
from knowledge.types import Citation, Deadline, Field, Grade, Material, Money, Service, Version, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that is encoded: what it is called, what it says, the clause it stands in."""

    label: str
    text: str
    cite: tuple[Citation, ...] = ()


Lines = Mapping[str, Line]
"""By id: what two versions of the data are compared by."""


def force(version: Version) -> Line:
    """What the document says of its own force."""
    text = say("force_line", text=version.force.text, valid_from=version.valid_from, valid_to=version.valid_to)
    return Line(label=word("changed", "force"), text=text, cite=version.force.cite)


def rules(service: Service) -> Lines:
    """The conditions."""
    return {rule.id: Line(label=rule.label, text=rule_in_words(rule, service.fields), cite=rule.cite) for rule in service.rules}


def fields(service: Service) -> Lines:
    """What is asked."""
    return {field.key: Line(label=field.label, text=field_line(field, service), cite=field.cite) for field in service.fields}


def field_line(field: Field, service: Service) -> str:
    """What may be answered to a field."""
    return say(
        "field_line",
        kind=word("kind", field.kind),
        unit=field.unit,
        choices=[choice.label for choice in field.choices],
        minimum=field.minimum,
        maximum=field.maximum,
        whole=field.whole,
        past=field.past,
        optional=field.optional,
        on_request=field.on_request,
        only_if=in_words(field.only_if, service.fields) if field.only_if else "",
    )


def windows(service: Service) -> Lines:
    """When applications are taken."""
    return {str(n): Line(label=word("changed", "window"), text=_window(w), cite=w.cite) for n, w in enumerate(service.windows)}


def _window(window: Window) -> str:
    return say("window_line", text=window.text, opens=window.opens, closes=window.closes, whose=window.whose)


def deadlines(service: Service) -> Lines:
    """Dates that follow from the policy."""
    return {d.id: Line(label=d.label, text=_deadline(d, service), cite=d.cite) for d in service.deadlines}


def _deadline(deadline: Deadline, service: Service) -> str:
    if deadline.on:
        return say("deadline_on", day=day(deadline.on), whose=deadline.whose)
    label = next((f.label for f in service.fields if f.key == deadline.field), deadline.field)
    days = deadline.working_days
    period = period_in_words(deadline.period) if days is None else say("working_days", days=days)
    return say("deadline_after", label=label, period=period, whose=deadline.whose)


def grades(service: Service) -> Lines:
    """The grades of an evaluation."""
    return {grade.name: Line(label=grade.name, text=_grade(grade, service), cite=grade.cite) for grade in service.grades}


def _grade(grade: Grade, service: Service) -> str:
    label = next((f.label for f in service.fields if f.key == grade.field), grade.field)
    return say("grade_line", label=label, at_least=grade.at_least, unit=grade.unit)


def money(version: Version, service: Service) -> Lines:
    """The sums that concern the service."""
    own = [m for m in version.money if not m.services or service.key in m.services]
    return {m.id: Line(label=m.label, text=_money(m), cite=m.cite) for m in own}


def _money(money: Money) -> str:
    return say(
        "money_line",
        kind=word("money", money.kind),
        amount=yuan(money.amount) if money.amount else "",
        rank=money.rank,
        grade=money.grade,
        ratio=money.ratio,
        period=word("money_period", money.period),
        paid=money.paid,
    )


def materials(service: Service) -> Lines:
    """What is to be handed in."""
    return {m.key: Line(label=m.name, text=_material(m, service), cite=m.cite) for m in service.materials}


def _material(material: Material, service: Service) -> str:
    return say(
        "material_line",
        original=word("original", material.original),
        copies=word("copies") if material.copies is None else f"{material.copies}{word('copies_stated')}",
        seal=material.seal,
        source=material.source,
        only_if=in_words(material.only_if, service.fields) if material.only_if else "",
    )
