"""How do staff see a conversation, and where the person stands in their application? Shared by the inbox and the counter."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from bot.handle import Desk
from flows.position import case_of, lines, progress, unanswered
from flows.say import word
from flows.types import Reply, Session
from storage.store import Stored

FORM_ID = re.compile(r"[A-Za-z0-9_-]{16,22}")
"""A form's own random id: sent twice, it acts once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One turn: what the person said (empty: nothing), what was answered, when."""

    text: str
    replies: Sequence[Reply]
    at: str
    by_staff: bool


def spoken(stored: Stored, by_staff: bool, zone: tzinfo) -> Spoken:
    """A turn as it is shown."""
    at = f"{stored.received_at.astimezone(zone):%m-%d %H:%M}"
    return Spoken(text=stored.text, replies=stored.replies, at=at, by_staff=by_staff)


def standing(desk: Desk, session: Session) -> dict[str, object]:
    """The current application: its names, answers with numbers, what is missing, the verdict; empty where there is none."""
    case = case_of(desk.assistant, session, desk.today())
    if case is None:
        return {}
    done, total = progress(case)
    return {
        "draft": case.draft.id,
        "name": f"{case.programme.name} · {case.service.name}",
        "done": done,
        "total": total,
        "outcome": word("outcome", case.verdict.outcome) if case.verdict else "",
        "unmet": [f for f in case.verdict.findings if f.result == "unmet"] if case.verdict else [],
        "lines": lines(case),
        "missing": unanswered(case),
        "opened": case,
    }


def number(text: str, default: int) -> int:
    """A whole number from an address or a form, at most six digits; the default where it is none."""
    return int(text) if re.fullmatch("[0-9]{1,6}", text) else default
