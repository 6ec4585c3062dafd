"""How does a person come to their own page? A token of 128 random bits in the address, of which only a keyed hash is stored."""

import re
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bot.handle import Desk
from flows.position import Case, case_of
from flows.types import PersonKey
from storage.store import Link

LIFETIME = timedelta(hours=72)
_BYTES = 16
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A draft of a person with what follows from it today."""

    person: PersonKey
    case: Case
    expires_at: datetime | None = None
    """Of the link it was opened by."""


def new_token(desk: Desk, person: PersonKey, draft: str, now: datetime | None = None) -> str:
    """A fresh token for the draft's page, good for 72 hours and as often as wished: link previews fetch it too."""
    token, now = secrets.token_urlsafe(_BYTES), now or datetime.now(UTC)
    desk.store.add_link(token, Link(person=person, draft=draft, expires_at=now + LIFETIME), now)
    return token


def page_url(desk: Desk, public_url: str, person: PersonKey, draft: str) -> str:
    """The address of a new link to the draft's page; empty where YIZHAN_PUBLIC_URL is not set: then there is no page to lead to."""
    return f"{public_url}/a/{new_token(desk, person, draft)}" if public_url else ""


def opened(desk: Desk, token: str, now: datetime | None = None) -> Opened | None:
    """What the token opens; None for one that is malformed, unknown, expired or revoked, or whose draft is gone."""
    if not _TOKEN.fullmatch(token):
        return None
    link = desk.store.link(token, now or datetime.now(UTC))
    found = own_draft(desk, link.person, link.draft) if link else None
    return replace(found, expires_at=link.expires_at) if found and link else None


def own_draft(desk: Desk, person: PersonKey, draft: str) -> Opened | None:
    """A draft of that very person; None where they have none of that id."""
    session = desk.store.load(person)
    one = next((d for d in session.drafts if d.id == draft), None)
    if one is None:
        return None
    case = case_of(desk.assistant, replace(session, programme=one.programme, service=one.service), desk.today())
    return Opened(person=person, case=case) if case else None
