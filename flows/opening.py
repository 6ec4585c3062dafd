"""How does an applicant find the way to a service? Programme and service from free text; a draft is begun or gone on with."""

import re

from flows import answering, inquiry, telling
from flows.exchange import Exchange
from flows.extract import extract
from flows.position import Case, Position, allowed
from flows.questions import programme_options, service_options
from flows.say import say
from flows.types import Answer, Draft, Option
from knowledge.names import Mention
from knowledge.types import Field, Programme, Service, Value

_SELF = re.compile(r"我|咱|俺|本单位|本公司|本校|本中心|敝")
_WISH = re.compile(r"想|要|打算|准备|计划|申请|申报|报名|报|领|填|办|搞|弄|建|设|开始|试试")
OPENING = 1000
"""Characters of what was said before the service was known that are kept, to take facts from."""


def begin(x: Exchange, at: Position) -> None:
    """Read a message before programme and service are known: a choice, a wish, a question."""
    if inquiry.answer_pending(x) or _chosen(x, at):
        return
    mention = x.assistant.names.mention(x.text)
    question = x.assistant.answerer.is_question(x.text)
    if question and not wishes(x.text):
        _question_only(x, mention)
        return
    if mention.foreign and not mention.programmes:
        inquiry.policy(x)
        return
    if question:
        inquiry.policy(x, programme=mention.programmes[0] if len(mention.programmes) == 1 else None, only_answers=True)
    _find(x, mention, question)


def wishes(text: str) -> bool:
    """Whether somebody says that they want something for themselves."""
    return bool(_SELF.search(text) and _WISH.search(text))


def _pick(x: Exchange, offered: tuple[Option, ...]) -> str | None:
    """The offered value that the message is: its number, value or label."""
    text = x.text.strip(" 。.")
    for number, option in enumerate(offered, 1):
        if text in (option.value, option.label, str(number)):
            return option.value
    return None


def _chosen(x: Exchange, at: Position) -> bool:
    if at.key == "programme" and (key := _pick(x, programme_options(x))):
        _set_programme(x, key, ())
        return True
    if at.key == "service" and (key := _pick(x, service_options(x))):
        start(x, x.session.programme or "", key)
        return True
    return False


def _question_only(x: Exchange, mention: Mention) -> None:
    """Answer, and let the programme that was named scope what follows; nothing is begun."""
    inquiry.policy(x)
    if len(mention.programmes) == 1 and x.session.programme is None:
        x.update(programme=mention.programmes[0])


def _find(x: Exchange, mention: Mention, answered: bool) -> None:
    _remember(x)
    whole = x.assistant.names.mention(x.session.opening)
    meant = mention.programmes or ((x.session.programme,) if x.session.programme else whole.programmes)
    services = mention.services or whole.services
    if len(meant) > 1:
        meant = _narrowed(x, meant, services)
    if len(meant) == 1 and meant[0]:
        _set_programme(x, meant[0], services)
    elif len({key for key, _ in services}) == 1 and (not meant or services[0][0] in meant) and mention.named:
        _set_programme(x, services[0][0], services)
    elif not answered:
        _unclear(x, mention)


def _narrowed(x: Exchange, meant: tuple[str, ...], services: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Of several programmes that a place stands for, the one that was talked about, else the one whose service is meant."""
    if x.session.programme in meant:
        return (x.session.programme,)
    pointed = {key for key, _ in services if key in meant}
    return tuple(pointed) if len(pointed) == 1 else meant


def _remember(x: Exchange) -> None:
    text = x.masked(x.message.text)
    if text != x.message.text:
        x.tell("personal_held")
    x.update(opening=f"{x.session.opening} {text}".strip()[-OPENING:])


def _unclear(x: Exchange, mention: Mention) -> None:
    """Greet on the first message; after that say what is not clear."""
    if x.session.revision == 0 or not mention.named:
        outcome = x.assistant.answerer.ask(x.text, today=x.today)
        if outcome.outcome == "out_of_scope":
            inquiry.say_answer(x, outcome, x.text)
            return
        if x.session.revision == 0:
            x.tell("welcome")
            return
    x.tell("ask_programme_again")


def _set_programme(x: Exchange, key: str, services: tuple[tuple[str, str], ...]) -> None:
    programme = x.assistant.library.programme(key)
    x.update(programme=key, service=None, focus=None)
    pointed = [service for owner, service in services if owner == key]
    known = programme.latest.services
    if len(known) == 1:
        start(x, key, known[0].key)
    elif pointed:
        start(x, key, pointed[0])


def switch_to(x: Exchange, where: str) -> bool:
    """Change to another programme; False where the words name none."""
    mention = x.assistant.names.mention(where)
    candidates = [key for key in mention.programmes if key != x.session.programme] or list(mention.programmes)
    if not candidates and x.case is not None:
        return _switch_service(x, where)
    if not candidates or (x.case is not None and not names_only(where)):
        return False
    _remember_switch(x, where)
    if len(candidates) > 1:
        x.update(programme=None, service=None, focus=None, opening=where)
        x.tell("ask_programme_again")
        return True
    programme = x.assistant.library.programme(candidates[0])
    kept = tuple((programme.key, s.key) for s in programme.latest.services if s.key == x.session.service)
    x.tell("switched", programme=programme)
    _set_programme(x, programme.key, tuple(s for s in mention.services if s[0] == programme.key) or kept)
    return True


def _switch_service(x: Exchange, where: str) -> bool:
    """Change to another service of the same programme that the words name."""
    for service in x.case.version.services if x.case else ():
        if service.key != x.session.service and any(name in where for name in (service.name, *service.words)):
            start(x, x.session.programme or "", service.key)
            return True
    return False


def sibling(x: Exchange, text: str) -> str:
    """The name of the other kind of station in the same place (人才驿站 said inside a 人才工作站); empty where there is not just one."""
    running = x.case.programme if x.case else None
    said = [p for p in x.assistant.library.programmes if running and p.station in text and set(p.places) & set(running.places)]
    others = [p for p in said if running and p.station != running.station]
    return others[0].name if len(others) == 1 and running and running.station not in text else ""


def names_only(where: str) -> bool:
    """Whether the words are a place or a programme and not, say, an address that begins with one."""
    return len(where) <= 5 or (len(where) <= 16 and re.search(r"驿站|工作站|试点", where) is not None)


def _remember_switch(x: Exchange, where: str) -> None:
    x.update(question=None, opening=where if x.case is None else x.session.opening)


def start(x: Exchange, programme_key: str, service_key: str) -> None:
    """Begin the service, or go on with the person's draft of it."""
    programme = x.assistant.library.programme(programme_key)
    service = next(s for s in programme.latest.services if s.key == service_key)
    x.update(programme=programme_key, service=service_key, focus=None, question=None)
    if x.session.draft is None:
        _new_draft(x, programme, service)
    else:
        x.tell("begin_continued", programme=programme, service=service)
    if case := x.case:
        telling.availability(x, case)
    _take_opening(x)


def _new_draft(x: Exchange, programme: Programme, service: Service) -> None:
    answers = _carried(x, programme, service)
    draft = Draft(id=x.new_id, programme=programme.key, service=service.key, answers=answers, created_at=x.now, updated_at=x.now)
    x.update(drafts=(*x.session.drafts, draft))
    x.tell("begin", programme=programme, service=service)
    if answers:
        labels = {f.key: f.label for f in service.fields}
        x.tell("carried", labels=[labels[a.field] for a in answers])


def _carried(x: Exchange, programme: Programme, service: Service) -> tuple[Answer, ...]:
    """Answers given before that mean the same here: the named service's draft first, then the person's others, latest first."""
    ordered = sorted(x.left, key=lambda d: (_is_source(d, programme, service), d.updated_at), reverse=True)
    taken: dict[str, Answer] = {}
    for draft in ordered:
        asked = {f.key: f for f in _fields_of(x, draft)}
        for answer in draft.answers:
            field = next((f for f in service.fields if f.key == answer.field), None)
            before = asked.get(answer.field)
            if field is None or before is None or answer.value is None or answer.field in taken or field.sensitive:
                continue
            if _same(field, before, answer.value) and allowed(x.assistant, x.session, field):
                taken[answer.field] = Answer(field=field.key, value=answer.value, at=x.now, source="carried")
    return tuple(taken.values())


def _is_source(draft: Draft, programme: Programme, service: Service) -> bool:
    return bool(service.carries_from) and (draft.programme, draft.service) == (programme.key, service.carries_from)


def _fields_of(x: Exchange, draft: Draft) -> tuple[Field, ...]:
    services = x.assistant.library.programme(draft.programme).latest.services
    return next((s.fields for s in services if s.key == draft.service), ())


def _same(field: Field, before: Field, value: Value) -> bool:
    """A yes or no is the same only to the same question; a choice only where it is offered."""
    if field.choices and value not in {c.value for c in field.choices}:
        return False
    return field.kind not in ("yes_no", "choice") or field.question == before.question or field.stage == "choose"


def _take_opening(x: Exchange) -> None:
    """Take the facts that were said before the service was known."""
    case, text = x.case, x.session.opening
    if case is None or not text:
        return
    open_fields = [f for f in case.fields if f.key not in case.values and not f.sensitive and allowed(x.assistant, x.session, f)]
    facts = _named_type(x, case, text) | extract(open_fields, text, x.today)
    answering.take_facts(x, facts)


def _named_type(x: Exchange, case: Case, text: str) -> dict[str, Value]:
    """The station type that was said by its own name, if just one was."""
    said = x.assistant.names.mention(text).types
    values = [t.value for t in case.version.types if t.label in said]
    field = case.field("station_type")
    return {"station_type": values[0]} if len(values) == 1 and field and field.key not in case.values else {}


def greeting(x: Exchange) -> None:
    """Greet; at the start with what the assistant does."""
    if x.session.programme is None:
        x.tell("welcome")
        names = [p.name for p in x.assistant.library.programmes]
        x.add(say("programmes_known", names=names))
    else:
        x.tell("greeting")
