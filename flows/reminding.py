"""How is a reminder worded for one draft? Its wording comes from data, its numbers, dates and clauses from the draft's programme."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from flows.assistant import Premises
from flows.checklist import checklist
from flows.deadlines import due
from flows.draft_change import owed
from flows.position import Case, askable, case_of, derived, progress
from flows.reminders import Notice
from flows.say import day as said_day
from flows.say import fill, say, word
from flows.sources import cited
from flows.types import Session
from knowledge.types import Citation

LONGEST = 20
"""Characters a field of a platform's notice may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A reminder in words: the text as every channel shows it, and the fields of a platform's notice."""

    text: str
    notice: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftToday:
    """A draft with all that a reminder may say of it."""

    assistant: Premises
    session: Session
    case: Case
    today: date
    ticked: frozenset[str] = frozenset()
    """The materials that the person has ticked off, by name."""

    @property
    def blank(self) -> tuple[str, ...]:
        """Labels of what may still be asked; what was left out on purpose is not among them."""
        fields = [f for f in self.case.fields if f.key not in self.case.values and not f.optional]
        return tuple(f.label for f in fields if askable(self.assistant, self.session, f))

    @property
    def materials(self) -> tuple[str, ...]:
        """The materials that are not ticked off."""
        return tuple(name for name in materials(self.case, self.today) if name not in self.ticked)


def materials(case: Case, today: date) -> tuple[str, ...]:
    """The names of a case's materials, as its checklist has them."""
    found = checklist(case.programme, case.version, case.service, case.values, today=today)
    return tuple(item.name for item in found.items)


def opened(assistant: Premises, session: Session, draft_id: str, today: date) -> DraftToday | None:
    """The person's draft of that id; None where it or its service is gone."""
    draft = next((d for d in session.drafts if d.id == draft_id), None)
    if draft is None:
        return None
    at = replace(session, programme=draft.programme, service=draft.service, focus=None, confirm=None)
    try:
        case = case_of(assistant, at, today)
    except KeyError:
        return None
    return DraftToday(assistant=assistant, session=at, case=case, today=today) if case else None


def still_due(draft: DraftToday, notice: Notice) -> bool:
    """Whether the whole draft agrees: one that was left waits for something, one that was made lacks something."""
    if notice.rule.kind == "idle":
        return derived(draft.assistant, draft.session, draft.case).key is not None
    return notice.rule.kind != "missing" or bool(draft.blank or draft.materials)


def told(draft: DraftToday, notice: Notice) -> Told:
    """The notice in words."""
    values: dict[str, object] = {"since": said_day(notice.day), "materials": draft.materials}
    if (found := notice.due) is not None:
        values |= {"label": found.label, "whose": found.whose, "note": found.note, "clause": _clauses(found.citations)}
    return _worded(draft, notice.rule.title, notice.rule.text, said_day(notice.day), values)


def campaign_told(draft: DraftToday, title: str, wording: str) -> Told:
    """A campaign's wording for one draft."""
    coming = next((found for found in due(draft.case.service, draft.case.values) if found.day >= draft.today), None)
    deadline = f"{coming.label}：{said_day(coming.day)}（{_clauses(coming.citations)}）" if coming else ""
    change = owed(draft.assistant, draft.case.draft, draft.case)
    values = {"since": said_day(draft.case.draft.updated_at.date()), "deadline": deadline, "change": change}
    return _worded(draft, title, wording, said_day(draft.today), values)


def _worded(draft: DraftToday, title: str, wording: str, day: str, values: Mapping[str, object]) -> Told:
    case, shared = draft.case, draft.assistant.library.reminders
    done, total = progress(case)
    name = case.values.get("station_name") or case.values.get("unit_name") or word("your_unit")
    values = {**values, "programme": case.programme.name, "service": case.service.name, "name": name, "title": title, "day": day}
    values |= {"done": done, "total": total, "missing": draft.blank}
    text = "\n".join(filter(None, (_not_open(case, draft.today), fill(wording, **values), shared.footer)))
    return Told(text=text, notice={line.field: fill(line.text, **values)[:LONGEST] for line in shared.notice})


def _clauses(citations: Sequence[Citation]) -> str:
    return "；".join(dict.fromkeys(cited(c) for c in citations))


def _not_open(case: Case, today: date) -> str:
    """That a programme has expired or its window is closed; empty while one can apply. No reminder sounds as if it were open."""
    state, window = case.available.state, case.available.window
    if state == "open":
        return ""
    if state == "window_closed" and window:
        return say("closed_window", window=window.text, whose=window.whose, today=said_day(today))
    return say(f"closed_{state}", force=case.version.force.text, today=said_day(today))
