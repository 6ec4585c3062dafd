"""How is the current question put? Its text, its choices, and what is offered with it: types that suit, a ready sentence."""

from flows.exchange import Exchange
from flows.fields import show
from flows.position import Case, Position, excluded, open_notice
from flows.say import fill, options, say, word
from flows.telling import review
from flows.types import Asking, Option
from knowledge.types import Citation, Field, StationType

_YES_NO = (("true", "yes"), ("false", "no"), ("null", "unknown"))


def yes_no_options() -> tuple[Option, ...]:
    """是, 否, 不清楚."""
    return options(*((value, word(key)) for value, key in _YES_NO))


def field_options(x: Exchange, field: Field) -> tuple[Option, ...]:
    """The choices of a field; a ready sentence is a choice of its long text."""
    if field.kind == "yes_no":
        return yes_no_options()
    if field.choices:
        return options(*((c.value, c.label) for c in field.choices))
    return options((word("use"), word("use"))) if suggestion(x.case, field) else ()


def suggestion(case: Case | None, field: Field) -> str:
    """The sentence built from the facts already given; empty where there is none or nothing to build it from."""
    if case is None or not field.suggestion:
        return ""
    known = {f.key: case.values.get(f.key) for f in case.service.fields}
    shown = {f"{f.key}_shown": show(f, case.values[f.key]) for f in case.fields if case.values.get(f.key) is not None}
    return fill(field.suggestion, **{key: value for key, value in known.items() if value is not None} | shown)


def _aside_options(key: str, x: Exchange) -> tuple[Option, ...]:
    pairs = {
        "consent": (("agree", "agree"), ("refuse", "refuse")),
        "bank_consent": (("agree", "agree"), ("refuse", "refuse")),
        "proceed": (("go_on", "go_on"), ("stop", "stop")),
        "review": (("ok", "ok"), ("edit", "edit")),
        "confirm": (("yes", "yes"), ("no", "no")),
    }[key]
    return options(*((word(value), word(label)) for value, label in pairs))


def programme_options(x: Exchange) -> tuple[Option, ...]:
    """The programmes that what was said leaves open, else all."""
    meant = x.assistant.names.mention(x.session.opening).programmes if x.session.opening else ()
    found = [p for p in x.assistant.library.programmes if not meant or p.key in meant]
    return options(*((p.key, p.name) for p in found))


def service_options(x: Exchange) -> tuple[Option, ...]:
    """The services of the chosen programme."""
    if x.session.programme is None:
        return ()
    version = x.assistant.library.programme(x.session.programme).latest
    return options(*((s.key, s.name) for s in version.services))


def asking(x: Exchange, at: Position) -> Asking | None:
    """The machine-readable form of what is asked."""
    if at.key is None:
        return None
    if at.field is not None and at.key == at.field.key:
        return Asking(field=at.key, kind=at.field.kind, unit=at.field.unit, choices=field_options(x, at.field))
    return Asking(field=at.key, kind="choice", choices=_other_options(x, at.key))


def _other_options(x: Exchange, key: str) -> tuple[Option, ...]:
    if key == "programme":
        return programme_options(x)
    return service_options(x) if key == "service" else _aside_options(key, x)


def ask(x: Exchange, at: Position, *, again: bool = False) -> None:
    """Add the question for this position, shorter when it was just put; nothing where nothing is asked."""
    if at.key is None:
        return
    if at.field is not None and at.key == at.field.key:
        _ask_field(x, at.field, again)
        return
    text, cite = _other_question(x, at)
    x.add(text, cite, _other_options(x, at.key))


def _ask_field(x: Exchange, field: Field, again: bool) -> None:
    case = x.case
    keys = [f.key for f in case.fields] if case else []
    number = keys.index(field.key) + 1 if field.key in keys else 0
    hint = say("hint_example", example=field.example) if field.example and not field.choices and field.kind != "yes_no" else ""
    hint += say("hint_optional") if field.optional else ""
    if field.key == "station_type" and case and not again:
        _advise(x, case, field)
        text = field.question + "\n" + "\n".join(_type_lines(case))
    else:
        text = field.question
    ready = suggestion(case, field)
    tail = "\n" + say("suggestion", text=ready) if ready else ""
    x.add(say("question", text=text, hint=hint, number=number, total=len(keys)) + tail, (), field_options(x, field))


def _type_lines(case: Case) -> list[str]:
    return [say("type_line", number=n, label=t.label, purpose=t.purpose) for n, t in enumerate(case.version.types, 1)]


def _advise(x: Exchange, case: Case, field: Field) -> None:
    told = any(r.citations and r.citations in [t.cite for t in case.version.types] for r in x.replies)
    if field.key not in case.values and not told and (found := suited(case, x.session.opening + x.text)):
        advise(x, *found)


def advise(x: Exchange, kind: StationType, word_said: str) -> None:
    """Name the type that suits, with its clause; the applicant decides."""
    x.tell("type_advice", cite=kind.cite, word=word_said, label=kind.label, quote=kind.cite[0].quote)


def suited(case: Case, text: str) -> tuple[StationType, str] | None:
    """The type whose venue, audience or activities the text names most, and the word that says so."""
    scored = []
    for kind in case.version.types:
        hits = [(3, w) for w in kind.venues if w in text] + [(1, w) for w in (*kind.audience, *kind.activities) if w in text]
        scored.append((sum(weight for weight, _ in hits), kind, max(hits, default=(0, ""))[1]))
    ranked = sorted(scored, key=lambda entry: -entry[0])
    if not ranked or ranked[0][0] < 3 or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return None
    return ranked[0][1], ranked[0][2]


def _other_question(x: Exchange, at: Position) -> tuple[str, tuple[Citation, ...]]:
    match at.key:
        case "consent" | "bank_consent":
            return notice(x, at), ()
        case "proceed":
            return _proceed(x), ()
        case "review":
            return _review(x), ()
        case "confirm":
            return say(f"confirm_{x.session.confirm}"), ()
        case "service":
            return say("ask_service", programme=x.assistant.library.programme(x.session.programme or "")), ()
    return say("ask_programme"), ()


def _review(x: Exchange) -> str:
    return review(x.case) if x.case else ""


def _proceed(x: Exchange) -> str:
    case = x.case
    if case is None:
        return ""
    if excluded(case) and _facts_open(case):
        return say("ask_proceed_exclusion")
    if case.verdict and case.verdict.outcome == "closed":
        return say("ask_proceed_closed_nothing" if case.service.produces == "nothing" else "ask_proceed_closed")
    return say("ask_proceed_fails")


def _facts_open(case: Case) -> bool:
    return any(f.stage == "eligibility" and f.key not in case.values for f in case.fields)


def notice(x: Exchange, at: Position) -> str:
    """The notice that is to be agreed to."""
    kind = open_notice(x.assistant, x.session, at.field) if at.field else None
    if kind == "bank":
        return say("bank_consent")
    if kind == "abroad":
        return say("consent_abroad")
    case = x.case
    form = next((f.name for f in case.version.forms if f.key == case.service.form), case.service.name) if case else ""
    return say("consent", operator=x.assistant.operator or word("operator"), form=form, days=x.assistant.retention_days)
