"""What secrets are handed out? Ids of sessions and one-time links: 256 random bits, of which only a hash is stored."""

import hashlib
import re
import secrets
from datetime import datetime, timedelta

LINK_LIFETIME = timedelta(hours=48)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def new_token() -> str:
    """256 random bits, for a cookie or an address."""
    return secrets.token_urlsafe(32)


def is_token(text: str) -> bool:
    """Whether it looks like one."""
    return _TOKEN.fullmatch(text) is not None


def hash_of(token: str) -> str:
    """What is stored of a token: it cannot be guessed, so that a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_link(now: datetime) -> tuple[str, str, float]:
    """A one-time link's token, the hash that is stored of it, and until when it is good."""
    token = new_token()
    return token, hash_of(token), (now + LINK_LIFETIME).timestamp()


def link_address(public_url: str, token: str) -> str:
    """Where the link leads: a whole address where YIZHAN_PUBLIC_URL is set, else what follows the server's."""
    return f"{public_url}/staff/link/{token}"
