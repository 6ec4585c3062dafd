"""What does a message mean while something is asked: an answer, several facts, a correction, a policy question?"""

import re

from flows import inquiry
from flows.exchange import Exchange
from flows.extract import extract, mask_text, spans
from flows.fields import is_blank, read
from flows.position import Case, Position, allowed, line
from flows.questions import advise, asking, suggestion, suited
from flows.reading import Reading
from flows.say import say, word, yuan
from flows.types import Option
from knowledge.types import Field, StationType, Value

YES = re.compile(
    r"^(是|对|好|行|嗯|可以|同意|愿意|继续|确认|确定|没问题|没错|要|接着|ok|yes|y|需要|都对|生成|提交|正确|无误|我?同意|👍)",
    re.I,
)
_OURS = re.compile(r"(就是|是)?(我们|我|本|咱们?)(们)?(自己|本)?(的)?(公司|单位|学校|中心|机构|自己)?(自己|本身)?")
OUTRIGHT = re.compile(
    r"[?？]|吗|多少|怎么|怎样|如何|什么|啥|哪|几(?:天|个|场|人|年|月|号|次|份)|为什么|来着|(\w)不\1|(?<!没)有没有|是不是|可不可以|够不够"
)
"""Words with which somebody asks even where an answer could be read out of the same message."""
_AGREED = re.compile(
    r"(?:那)?(?:好的?|可以的?|行|就这样(?:写)?|ok|没问题|同意|要得|中|成)(?:吧|啊|呀)?"
    r"|(?:好的?|行|可以|嗯|那)?[,，]?就?(?:用|按)(?:这|它|上面)(?:一?[句段个])?(?:话)?(?:吧|来|写)?",
    re.I,
)
"""A yes to a ready sentence."""
_BARE = re.compile(r"(?:没有?|有|无|是|不是|对|不|好)(?:的|啊|吧|了)?[。.!,，]?")
"""A yes or no that names no matter: it tells nothing to a question that it does not answer."""
_UNSURE = re.compile(r"哪(一)?(种|类|个)(更)?(适合|合适|好)|帮我选|怎么选|选哪|该选|推荐|建议")


ADVISED = "type_advised"
"""The aside answer that holds the type advised last."""


def answer(x: Exchange, at: Position) -> None:
    """Read the message as an answer to the field that is asked, else as facts or a question."""
    if at.field is not None and not inquiry.answer_pending(x):
        _field(x, at.field)


# --- a field ---


def _field(x: Exchange, field: Field) -> None:
    text = _tapped(x, field)
    if field.key == "station_type" and _choose_type(x, field, text):
        return
    if is_blank(text):
        _store(x, field, Reading(value=None))
        return
    if (text == word("use") or _AGREED.fullmatch(x.text.strip(" 。.!"))) and suggestion(x.case, field):
        use_suggestion(x, field)
        return
    hedged = field.kind in ("yes_no", "number") and not read(field, text, x.today).problem  # 不知道算不算，应该没有吧
    if _is_question(x, field) and inquiry.policy(x, only_answers=hedged or field.kind not in ("yes_no", "number")):
        return
    _read(x, field, text)


def use_suggestion(x: Exchange, field: Field) -> None:
    """Take the ready sentence as the answer."""
    _store(x, field, Reading(value=suggestion(x.case, field)))


def change_to(x: Exchange, field: Field, new: str) -> None:
    """Store a new value for a field that was named; the question that was open stays open."""
    focus = x.session.focus
    x.update(focus=field.key)
    _read(x, field, new)
    if x.session.focus is None and focus != field.key:
        x.update(focus=focus)


def _is_question(x: Exchange, field: Field) -> bool:
    """Whether the message asks; long text only when it is short, and what reads as an answer only when it asks outright."""
    if not x.assistant.answerer.is_question(x.text) or (field.kind == "long_text" and len(x.text) > 40):
        return False
    return field.kind in ("text", "long_text") or bool(OUTRIGHT.search(x.text)) or bool(read(field, x.text, x.today).problem)


def _tapped(x: Exchange, field: Field) -> str:
    """The message, or the label of the choice whose number or value it is."""
    offered = asking_options(x, field)
    text = x.text.strip()
    for number, option in enumerate(offered, 1):
        if text in (option.value, option.label) or text.strip(".。、)") == str(number):
            return option.label
    return x.message.text if field.kind in ("text", "long_text") else x.text


def asking_options(x: Exchange, field: Field) -> tuple[Option, ...]:
    """The choices offered with the field."""
    asked = asking(x, Position(stage=field.stage, key=field.key, field=field))
    return asked.choices if asked else ()


def _read(x: Exchange, field: Field, text: str) -> None:
    reading = read(field, text, x.today)
    if field.sensitive:
        x.stored_text = mask_all(x, field)
    if reading.problem:
        _unreadable(x, field, reading)
        return
    _store(x, field, reading)
    if field.kind != "long_text":
        take_facts(x, _further(x, field))


def mask_all(x: Exchange, field: Field) -> str:
    """What is stored instead of an answer to a sensitive field."""
    masked = mask_text([field], x.message.text)
    return masked if masked != x.message.text else "****"


def _unreadable(x: Exchange, field: Field, reading: Reading) -> None:
    if reading.retry is not None:
        _doubted(x, field, reading)
        return
    facts = _further(x, field)
    if facts:
        take_facts(x, facts)
        return
    if not _BARE.fullmatch(x.text) and (elsewhere(x) or inquiry.policy(x, only_answers=True, at_least=0.75)):
        return
    x.tell("unreadable", problem=reading.problem)


def elsewhere(x: Exchange) -> bool:
    """Go to another programme or service that the message names outright instead of answering."""
    from flows import opening  # opening begins cases and answers inside them: the two need each other

    said = re.sub(r"[,。]?(?:而)?不是.*$", "", x.text)
    mention = x.assistant.names.mention(said)
    others = [s for s in mention.services if s != (x.session.programme, x.session.service)]
    if len(mention.programmes) == 1 and mention.programmes[0] != x.session.programme and opening.names_only(said):
        return opening.switch_to(x, said)
    if not mention.programmes and (sibling := opening.sibling(x, said)):
        return opening.switch_to(x, sibling)
    if mention.services[:1] == tuple(others[:1]) and others[:1] and others[0][0] == x.session.programme and opening.wishes(x.text):
        opening.start(x, *others[0])
        return True
    return False


def _doubted(x: Exchange, field: Field, reading: Reading) -> None:
    """A number that fails its check digit is asked again; the same number given twice is kept."""
    key = f"{field.key}:doubt"
    if (draft := x.session.draft) and draft.value(key) == reading.retry:
        _store(x, field, Reading(value=reading.retry))
        x.tell("doubt_kept")
        return
    x.put_aside(key, reading.retry, sensitive=True)
    x.tell("doubt", problem=reading.problem)


def _store(x: Exchange, field: Field, reading: Reading, *, quiet: bool = False) -> None:
    value = _resolved(x, field, reading.value)
    if _above_ceiling(x, field, value):
        return
    again = x.session.focus == field.key
    if isinstance(value, str) and field.kind in ("text", "long_text") and not (field.personal or field.sensitive):
        value = _without_personal(x, value)
    dropped = x.put(field, value)
    if again:
        x.update(focus=None)
    _acknowledge(x, field, reading, again, dropped, quiet)


def _without_personal(x: Exchange, text: str) -> str:
    """Free text with personal values masked while they may not be kept."""
    held = [f for f in x.maskable() if f.personal]
    return mask_text(held, text) if held else text


def _acknowledge(x: Exchange, field: Field, reading: Reading, again: bool, dropped: list[Field], quiet: bool) -> None:
    case = x.case
    if case is None or quiet:
        return
    shown = line(case, field)
    if case.values.get(field.key) is None:
        x.tell("skipped", label=field.label)
        return
    x.tell("changed" if again else "taken", **({"line": shown} if again else {"lines": [shown]}))
    if reading.note:
        x.tell("rule_note", note=reading.note)
    if dropped:
        x.tell("dropped", labels=[f.label for f in dropped])
    _say_unmet(x, case, field)


def _say_unmet(x: Exchange, case: Case, field: Field) -> None:
    """Name the clause that an answer does not meet; not with the last fact, which brings the verdict on all of them."""
    if not any(f.stage in ("choose", "eligibility") and f.key not in case.values for f in case.fields):
        return
    for finding in case.verdict.findings if case.verdict else ():
        if field.key in finding.fields and finding.result == "unmet" and finding.strength in ("must", "should"):
            x.tell("taken_unmet", cite=finding.citations[:1], quote=finding.citations[0].quote)


def _resolved(x: Exchange, field: Field, value: Value) -> Value:
    """ "Our own firm" as the host is the applicant's name."""
    own = x.case.values.get("unit_name") if x.case else None
    ours = field.key == "host_name" and isinstance(value, str) and isinstance(own, str) and bool(_OURS.fullmatch(value))
    return own if ours else value


def _above_ceiling(x: Exchange, field: Field, value: Value) -> bool:
    """Refuse an amount above what the document allows, with the clause."""
    case = x.case
    money = next((m for m in case.version.money if m.id == field.ceiling), None) if case and field.ceiling else None
    if money is None or money.amount is None or not isinstance(value, int | float) or value <= money.amount:
        return False
    x.tell("refused_value", cite=money.cite, label=field.label, ceiling=yuan(money.amount), quote=money.cite[0].quote)
    return True


# --- several facts in one message ---


def _further(x: Exchange, asked: Field) -> dict[str, Value]:
    """Facts about other open fields that the message states as well."""
    case = x.case
    if case is None:
        return {}
    others = [f for f in case.service.fields if f.key != asked.key and f.key not in case.values and allowed(x.assistant, x.session, f)]
    return extract(others, x.text, x.today)


def take_facts(x: Exchange, facts: dict[str, Value]) -> None:
    """Store facts and say them in one line."""
    case = x.case
    if not facts or case is None:
        say_held(x)
        return
    fields = {f.key: f for f in case.service.fields}
    for key, value in facts.items():
        if not _above_ceiling(x, fields[key], value):
            x.put(fields[key], _resolved(x, fields[key], value), "suggested")
    if case := x.case:
        taken = [fields[key] for key in facts if key in case.values]
        if taken:
            x.tell("taken", lines=[line(case, f) for f in taken])
        for field in taken:
            _say_unmet(x, case, field)
    say_held(x)


def say_held(x: Exchange) -> None:
    """Tell that personal data typed before consent was not kept."""
    if x.stored_text == x.message.text:
        return  # nothing in it had to be masked
    held = say("personal_held")
    not_yet = [f for f in x.maskable() if f.personal]
    if not_yet and spans(not_yet, x.text) and not any(r.text == held for r in x.replies):
        x.add(held)


def correct(x: Exchange, new: str, at: Position) -> bool:
    """“不对，是8场”: change the answer that the new value fits; False where it fits none."""
    case = x.case
    if case is None:
        return False
    asked = at.field if at.field is not None and at.key == at.field.key else None
    field = _meant(x, case, new, asked)
    if field is None or field is asked:
        return False
    reading = read(field, new, x.today)
    if reading.problem:
        return False
    x.update(focus=field.key)
    _store(x, field, reading)
    if x.session.focus == field.key:
        x.update(focus=None)
    return True


def _meant(x: Exchange, case: Case, new: str, asked: Field | None) -> Field | None:
    """Which field a correction is about: one whose own words or unit it carries, the open one if strict, else the last answered."""
    candidates = [f for f in case.fields if f.key in case.values or f is asked]
    named = extract(candidates, new, x.today)
    if len(named) == 1:
        return case.field(next(iter(named)))
    if asked is not None and asked.kind in ("mobile", "email", "uscc", "bank_card", "date", "month", "money"):
        return asked if not read(asked, new, x.today).problem else _last(case)
    last = _last(case)
    return last if last and not read(last, new, x.today).problem else asked


def _last(case: Case) -> Field | None:
    return next((f for a in reversed(case.draft.answers) if (f := case.field(a.field))), None)


# --- the type ---


def _choose_type(x: Exchange, field: Field, text: str) -> bool:
    """Advise while the type is open; a type's own name is an answer and handled as any choice."""
    case = x.case
    if case is None:
        return False
    if _UNSURE.search(text):
        found = suited(case, x.session.opening + text)
        if found:
            _advised(x, *found)
        else:
            x.tell("type_no_advice")
        return True
    if not read(field, text, x.today).problem or is_blank(text):
        return False
    if label := _absent_type(x, case, text):
        x.tell("type_absent", label=label, programme=case.programme.name)
        return True
    advised = case.draft.value(ADVISED)
    found = suited(case, text)
    if isinstance(advised, str) and ((found and found[0].value == advised) or YES.search(text)):
        _store(x, field, Reading(value=advised))
        return True
    if found:
        if not x.assistant.answerer.is_question(x.text):
            x.update(opening=f"{x.session.opening} {x.masked(x.message.text)}"[-1000:])
        _advised(x, *found)
    return bool(found)


def _absent_type(x: Exchange, case: Case, text: str) -> str:
    """A type's own name that other programmes know and this one does not."""
    own = {name for t in case.version.types for name in (t.label, *t.words)}
    known = {t.label for p in x.assistant.library.programmes for t in p.latest.types}
    return next((label for label in sorted(known - own) if label in text), "")


def _advised(x: Exchange, kind: StationType, word_said: str) -> None:
    """Advise, and remember it: a yes, or the same description once more, then takes it."""
    advise(x, kind, word_said)
    x.put_aside(ADVISED, kind.value)
