"""How does the list of drafts come to say what the drafts say? Whoever is about to list brings it up to date first, in small batches."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, cast

import structlog

from bot.log import described
from flows.assistant import Premises
from flows.summary import Summary, summary
from flows.types import Draft, PersonKey, Session
from storage import listed
from storage.listed import Made
from storage.listing import Listed
from storage.store import Store

BATCH = 50
"""Drafts in one transaction: a turn that comes meanwhile waits no longer than for these."""
_LAYOUT = 1
"""Raised when a line is made otherwise from the same draft."""
_log = structlog.get_logger("yizhan")


def refresh(store: Store, assistant: Premises, today: date, limit: int | None = None, *, seconds: float = 0.0) -> int:
    """Make the lines anew that are out of date, at most so many or for about so long (0: until none is left); how many were made.

    A draft whose person is talking at that moment may stay out of date until the next look.
    """
    policy, done, until = policy_of(assistant), 0, time.monotonic() + seconds
    while limit is None or done < limit:
        with store.reading() as db:
            found = listed.stale(db, policy, today, BATCH if limit is None else min(BATCH, limit - done))
        kept = _keep(store, _lines(store, assistant, found, today, policy))
        done += kept
        if kept == 0 or (seconds and time.monotonic() >= until):
            break
    return done


def refresh_one(store: Store, assistant: Premises, person: PersonKey, draft: str, today: date) -> None:
    """The same for one draft, whether it is out of date or not."""
    _keep(store, _lines(store, assistant, [(person, draft)], today, policy_of(assistant)))


def _keep(store: Store, made: Sequence[Made]) -> int:
    if not made:
        return 0
    with store.writing() as db:
        return listed.put(db, made)


def _lines(store: Store, assistant: Premises, found: Sequence[tuple[PersonKey, str]], today: date, policy: str) -> list[Made]:
    sessions: dict[PersonKey, Session] = {}
    made: list[Made | None] = []
    for person, draft in found:
        try:
            session = sessions[person] = sessions.get(person) or store.load(person)
            made.append(_made(assistant, session, draft, today, policy))
        except Exception as error:  # one that cannot be read is listed by what its row says, and stops no other
            _log.error("draft could not be listed", draft=draft, **described(error))
            made.append(_bare(store, person, draft, policy))
    return [one for one in made if one]


def _made(assistant: Premises, session: Session, draft_id: str, today: date, policy: str) -> Made | None:
    draft = next((one for one in session.drafts if one.id == draft_id), None)
    if draft is None:
        return None
    found = summary(assistant, session, draft_id, today)
    return Made(
        line=_line(session.person, draft, found), revision=session.revision, turns_on=found.turns_on if found else None, policy=policy
    )


def _bare(store: Store, person: PersonKey, draft: str, policy: str) -> Made | None:
    with store.reading() as db:
        found = listed.bare(db, person, draft)
    return Made(line=found[0], revision=found[1], turns_on=None, policy=policy) if found else None


def _line(person: PersonKey, draft: Draft, found: Summary | None) -> Listed:
    begun, changed = draft.created_at.timestamp(), draft.updated_at.timestamp()
    line = Listed(person=person, draft=draft.id, programme=draft.programme, service=draft.service, begun_at=begun, changed_at=changed)
    return replace(line, **_told(found)) if found else line


def _told(found: Summary) -> dict[str, Any]:
    deadline = found.deadline
    return {
        "stage": found.stage,
        "outcome": found.outcome,
        "done": found.done,
        "total": found.total,
        "missing": tuple(field.key for field in found.missing),
        "deadline": deadline.day if deadline else None,
        "due_label": deadline.label if deadline else "",
        "unit": found.unit,
        "station": found.station,
        "name": found.name,
        "mobile": found.mobile,
    }


def policy_of(assistant: Premises) -> str:
    """Fingerprint of all that a line is made from besides the draft."""
    key = ("policy of the list", _LAYOUT)
    if (known := assistant.known.get(key)) is None:
        versions = [(programme.key, programme.versions) for programme in assistant.library.programmes]
        known = assistant.known[key] = hashlib.sha256(f"{_LAYOUT} {versions}".encode()).hexdigest()[:16]
    return cast(str, known)
