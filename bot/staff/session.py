"""Whose request is it? Cookies, sessions and the tokens of forms.

A session's id is 256 random bits in a `__Host-` cookie; the database has its hash. Forms that are used before anybody is logged in hang on
a random cookie of their own, which never becomes a session.
"""

import hashlib
import hmac
from contextlib import suppress
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from bot.staff.tokens import hash_of, is_token, new_token
from storage import staff_sessions
from storage.staff_sessions import LoggedIn
from storage.store import Connection, Store, StoreError

COOKIE = "__Host-yizhan-staff"
FORM_COOKIE = "__Host-yizhan-staff-form"
"""With the prefix a browser keeps it for this very host alone, by https (or on the machine itself)."""


def id_in(request: Request, cookie: str) -> str:
    """The id in that cookie; empty where there is none of ours."""
    found = request.cookies.get(cookie, "")
    return found if is_token(found) else ""


def form_token(key: bytes, secret_id: str) -> str:
    """What a form must bring back: nobody can make it without the cookie's id."""
    return hmac.new(key, f"staff form\n{secret_id}".encode(), hashlib.sha256).hexdigest()


def token_fits(key: bytes, secret_id: str, token: str) -> bool:
    """Whether a form was made for the browser that sends it."""
    return bool(secret_id) and hmac.compare_digest(form_token(key, secret_id).encode(), token.encode("utf-8", "replace"))


def find(store: Store, secret_id: str, now: datetime) -> LoggedIn | None:
    """Whose session it is; that it is in use is noted once a minute."""
    if not secret_id:
        return None
    session, at = hash_of(secret_id), now.timestamp()
    with store.reading() as db:
        found = staff_sessions.logged_in(db, session, at)
    if found and at - found.seen_at >= staff_sessions.NOTED_EVERY:
        with suppress(StoreError), store.writing() as db:  # where nothing can be written, reading goes on
            staff_sessions.note_use(db, session, at)
    return found


def begin(db: Connection, name: str, old_id: str, now: datetime) -> str:
    """Open a session with an id that nobody has seen before; the one that the browser had ends."""
    secret_id = new_token()
    if old_id:
        staff_sessions.end(db, hash_of(old_id))
    staff_sessions.begin(db, hash_of(secret_id), name, now.timestamp())
    return secret_id


def give(response: Response, cookie: str, secret_id: str) -> None:
    """Put the id into the browser, until that is closed; the server's limits come first."""
    response.set_cookie(cookie, secret_id, path="/", secure=True, httponly=True, samesite="strict")


def take_back(response: Response, cookie: str) -> None:
    """Let the browser forget it."""
    response.delete_cookie(cookie, path="/", secure=True, httponly=True, samesite="strict")
