"""How does a person come to their own page? A token of 128 random bits in the address, of which only a keyed hash is stored."""

import secrets
from datetime import UTC, datetime, timedelta

from bot.handle import Desk
from flows.types import PersonKey
from storage.store import Link

LIFETIME = timedelta(hours=72)
_BYTES = 16


def new_token(desk: Desk, person: PersonKey, draft: str, now: datetime | None = None) -> str:
    """A fresh token for the draft's page, good for 72 hours and as often as wished: link previews fetch it too."""
    token = secrets.token_urlsafe(_BYTES)
    desk.store.add_link(token, Link(person=person, draft=draft, expires_at=(now or datetime.now(UTC)) + LIFETIME))
    return token


def page_url(desk: Desk, public_url: str, person: PersonKey, draft: str) -> str:
    """The address of a new link to the draft's page; empty where YIZHAN_PUBLIC_URL is not set: then there is no page to lead to."""
    return f"{public_url}/a/{new_token(desk, person, draft)}" if public_url else ""
