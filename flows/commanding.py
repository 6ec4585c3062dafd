"""What does each command do? Recognising them is `commands.py`'s; every one leaves the answers as they are unless it says so."""

from collections.abc import Iterator
from dataclasses import replace

from flows import answering, asides, inquiry, opening, telling
from flows.commands import Command, find_field
from flows.exchange import Exchange
from flows.fields import masked, read, show
from flows.position import ASIDE, Case, Position, askable, case_of, line, lines, taken_here
from flows.questions import suggestion
from flows.say import say, word
from flows.types import CODE_MARK, CODE_MINUTES, Draft, Effect, Session
from knowledge.types import Citation, Field


def obey(x: Exchange, found: Command, at: Position) -> bool:
    """Carry out a command; False where it makes no sense here and the message is to be read as something else."""
    match found.kind:
        case "greet":
            opening.greeting(x)
        case "thanks":
            x.tell("thanks")
        case "help":
            x.tell("help")
        case "status":
            _status(x)
        case "human":
            _handover(x)
        case "pause":
            x.update(paused=True)
            x.tell("paused")
        case "resume":
            return _resume(x, at)
        case "restart" | "delete":
            x.update(confirm=found.kind)
        case "show_data":
            _show_data(x)
        case "reminders_off" | "reminders_on" as wish:
            x.consent("reminders", wish == "reminders_on", "")
            x.tell(wish)
        case "code":
            _code(x)
        case "withdraw":
            return _withdraw(x)
        case "bot":
            return False  # nobody but the assistant is there
        case "upvote" | "downvote" as kind:
            return inquiry.vote(x, kind)
        case _:
            return _in_a_case(x, found, at)
    return True


def _in_a_case(x: Exchange, found: Command, at: Position) -> bool:
    case = x.case
    if case is None:
        return False
    match found.kind:
        case "back":
            _back(x, case, at)
        case "which":
            x.tell("ask_which_change")
        case "why":
            _why(x, case, at)
        case "prefer":
            _prefer(x, case)
        case "use":
            return _use(x, case, at)
        case "keep":
            return _keep(x, case)
    return True


def _status(x: Exchange) -> None:
    if x.case:
        x.add(telling.status(x.case))
    else:
        x.tell("no_draft")


def _handover(x: Exchange) -> None:
    version = x.case.version if x.case else None
    offices = telling.reachable(version) if version else []
    cite: tuple[Citation, ...] = tuple(c for o in offices for c in o.cite)
    x.tell("handover", cite=cite, offices=offices, name=telling.competent(version) if version else "")
    inquiry.wants_person(x, x.stored_text)


def _resume(x: Exchange, at: Position) -> bool:
    case = x.case
    if case is None and not x.left:
        return False
    if case and at.stage == "done" and case.draft.value("proceed") is False:
        x.put_aside("proceed", True)
    if case is None and x.session.service is None and x.left:
        latest = max(x.left, key=lambda d: d.updated_at)
        x.update(programme=latest.programme, service=latest.service)
    x.tell("resumed")
    if (case := x.case) and not case.available.open:
        telling.availability(x, case)
    return True


def _show_data(x: Exchange) -> None:
    told = []
    for draft in x.session.drafts:
        shown = replace(x.session, programme=draft.programme, service=draft.service)
        if draft not in x.left:
            told.append("\n".join((say("data_gone"), *_kept(x, draft))))
        elif case := _case_of(x, shown):
            told.append(f"{case.programme.name} · {case.service.name}\n" + "\n".join(lines(case)))
    if not told and not x.session.consents:
        x.tell("data_none")
        return
    consents = [f"{word('consent_kind', c.kind)} {word('agree' if c.given else 'refuse')}" for c in x.session.consents]
    x.tell("data", lines="\n".join(told), consents=consents)


def _kept(x: Exchange, draft: Draft) -> Iterator[str]:
    """The answers of a draft whose service is no longer in the data, by what their fields are called elsewhere; sensitive ones masked."""
    services = [s for p in x.assistant.library.programmes for v in p.versions for s in v.services]
    fields = {field.key: field for service in services for field in service.fields}
    for answer in draft.answers:
        if answer.value is not None and answer.field not in ASIDE:
            field = fields.get(answer.field)
            value = "*" if answer.sensitive else show(field, masked(field, answer.value)) if field else str(answer.value)
            yield f"{field.label if field else answer.field}：{value}"


def _case_of(x: Exchange, session: Session) -> Case | None:
    return case_of(x.assistant, session, x.today)


def _code(x: Exchange) -> None:
    """Give a code by which the person goes on in another channel."""
    if not x.session.drafts:
        x.tell("code_none")
        return
    x.tell("code", code=CODE_MARK, minutes=CODE_MINUTES)
    x.effects.append(Effect(kind="code"))


def _withdraw(x: Exchange) -> bool:
    """Take back every consent: personal and sensitive answers go, with the files and what was said."""
    if not any(c.given for c in x.session.consents):
        return False
    gone = {f.key for f in x.assistant.private}
    keys = gone | {f"{key}:doubt" for key in gone} | {"review"}
    drafts = tuple(replace(d, answers=tuple(a for a in d.answers if a.field not in keys)) for d in x.session.drafts)
    x.update(drafts=drafts, focus=None)
    for kind in dict.fromkeys(c.kind for c in x.session.consents if c.kind != "reminders"):
        x.consent(kind, False, "")
    x.consent("reminders", False, "")
    x.effects.append(Effect(kind="erase"))
    x.tell("withdrawn")
    return True


def confirm(x: Exchange) -> None:
    """Carry out or drop the action that waits for a yes."""
    given = asides.yes_or_no(x, Position(stage="", key="confirm"))
    if given is None:
        x.tell("confirm_unclear")
        return
    action = x.session.confirm
    x.update(confirm=None)
    if not given:
        x.tell("kept")
    elif action == "restart":
        kept = tuple(d for d in x.session.drafts if d is not x.session.draft)
        x.update(programme=None, service=None, drafts=kept, focus=None, question=None, opening="", wishes=())
        x.tell("restarted")
    else:
        x.session = Session(person=x.session.person, revision=x.session.revision)
        x.effects.append(Effect(kind="forget"))
        x.stored_text = ""
        x.tell("deleted")


def _back(x: Exchange, case: Case, at: Position) -> None:
    """Go to the answered field before the one that is asked; further with each step back."""
    keys = [f.key for f in case.fields]
    here = keys.index(at.field.key) if at.field and at.field.key in keys else len(keys)
    if at.key == "proceed":
        here = max((n for n, key in enumerate(keys) if key in case.values), default=-1) + 1
    earlier = [f for f in case.fields[:here] if f.key in case.values]
    if not earlier:
        x.tell("back_none")
        return
    _focus(x, earlier[-1])
    x.tell("back", line=line(case, earlier[-1]))


def _focus(x: Exchange, field: Field) -> None:
    x.update(focus=field.key)


def _keep(x: Exchange, case: Case) -> bool:
    field = case.field(x.session.focus)
    if field is None:
        x.update(paused=True)
        x.tell("paused")
        return True
    x.update(focus=None)
    x.tell("unchanged", label=field.label)
    return True


def _why(x: Exchange, case: Case, at: Position) -> None:
    """The clause that makes the question necessary, else the cell of the form that it fills."""
    field = at.field
    if field is None or at.key != field.key:
        x.tell(f"why_{at.key}" if at.key in ("proceed", "review", "consent", "bank_consent") else "why_nothing")
        return
    cite = field.cite or tuple(c for rule in case.service.rules if field.key in rule.test.fields for c in rule.cite)
    if cite:
        quotes = "；".join(dict.fromkeys(f"{c.document} {c.article}：“{c.quote}”" for c in cite))
        x.tell("why", cite=cite, why=f"{field.why}{quotes}")
        return
    form = next((f for f in case.version.forms if f.key == case.service.form), None)
    cells = [c for row in (form.rows if form else ()) for c in row]
    if form and any(c.field == field.key for c in (*cells, *form.header)):
        x.tell("why_form", annex=form.annex, title=form.title, label=field.label)
    else:
        x.add(field.why or say("why_nothing"))


def _prefer(x: Exchange, case: Case) -> None:
    wished = tuple(f.key for f in case.service.fields if f.on_request and f.key not in case.values)
    if not wished:
        x.tell("no_preferred")
        return
    x.update(wishes=tuple(dict.fromkeys((*x.session.wishes, *wished))), focus=wished[0])


def _use(x: Exchange, case: Case, at: Position) -> bool:
    if at.field is None or at.field.kind not in ("long_text", "text"):
        return False
    if suggestion(case, at.field):
        answering.use_suggestion(x, at.field)
    else:
        x.tell("no_suggestion")
    return True


def change(x: Exchange, wish: Command, at: Position) -> bool:
    """Change a named answer: with its new value at once, else ask for it; False where no field is meant."""
    case = x.case
    if case is None:
        return False
    field = find_field(case.fields, wish.what)
    if field is None:
        return _unknown_field(x, case, wish, at)
    if not askable(x.assistant, x.session, field) and not (field.personal or field.sensitive):
        return False
    if not taken_here(x.assistant, x.session, field):
        x.tell("channel_blank", labels=[field.label])
        return True
    if wish.new and not read(field, wish.new, x.today).problem:
        answering.change_to(x, field, wish.new)
        return True
    if wish.kind == "maybe" and not wish.new and at.key == field.key:
        return False
    _reopen_consent(x, field)
    _focus(x, field)
    x.tell("change", label=field.label, line=line(case, field) if field.key in case.values else "")
    return True


def _reopen_consent(x: Exchange, field: Field) -> None:
    """Somebody who refused and now wants to fill the field in is asked for consent again."""
    kinds = {"bank"} if field.sensitive else {"personal", "abroad"} if field.personal else set()
    if any(c.kind in kinds and not c.given for c in x.session.consents):
        x.update(consents=tuple(c for c in x.session.consents if c.kind not in kinds or c.given))


def _unknown_field(x: Exchange, case: Case, wish: Command, at: Position) -> bool:
    long_text = at.field is not None and at.field.kind == "long_text"
    if wish.kind != "change" or wish.new or long_text or len(x.text) > 16:
        return False
    answered = [f.label for f in case.fields if f.key in case.values]
    x.tell("change_unknown", what=wish.what, labels=answered or [f.label for f in case.fields])
    return True
