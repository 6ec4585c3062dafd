"""How is a record written into a row and read back? JSON and text for sessions, replies, answers and moments; both ways are exact.

Numbers stay what they are (1, 1.0 and true are three values), text is kept letter for letter, moments keep their offset.
"""

import json
from dataclasses import fields
from datetime import datetime
from typing import Any, cast

from flows.types import Citation, Consent, Draft, File, Option, PersonKey, Reply, Session, Value

_ROWS = {"person", "drafts", "consents", "revision"}
"""What of a session has rows or columns of its own; all else is its state."""
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().decode
_decode_start = json.JSONDecoder().raw_decode  # made once: json.dumps and loads with options make one each time
_RECORDS = {kind: tuple((f.name, f.default) for f in fields(kind)) for kind in (Reply, Option, Citation, File)}
"""What replies are made of: the names of their parts, and what each is if nothing is said."""
_STATE = tuple(f for f in fields(Session) if f.name not in _ROWS)


_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None}
"""Most answers are one of these: a look-up instead of a parse for each answer of each turn."""


def stamp(moment: datetime) -> str:
    """A moment as ISO 8601 text with its offset."""
    return moment.isoformat()


def moment(text: str) -> datetime:
    """The moment that `stamp` wrote; equal to the one it was given."""
    return datetime.fromisoformat(text)


def value_to_json(value: Value) -> str:
    """An answer's value; None becomes `null`."""
    return _encode(value)


def value_from_json(text: str) -> Value:
    """The value that `value_to_json` wrote, of the same type."""
    if text in _WORDS:
        return _WORDS[text]
    if text.startswith('"') and "\\" not in text:  # what JSON would escape, it escapes with one
        return text[1:-1]
    return cast(Value, _decode(text))


def pairs_to_json(pairs: tuple[tuple[str, str], ...]) -> str:
    """Pairs of texts, in order."""
    return _encode(pairs)


def pairs_from_json(text: str) -> tuple[tuple[str, str], ...]:
    """The pairs that `pairs_to_json` wrote."""
    return tuple((first, second) for first, second in _decode(text))


def replies_to_json(replies: tuple[Reply, ...]) -> str:
    """Replies with their choices, citations and files; defaults are left out."""
    return _encode(_plain(replies))


def replies_from_json(text: str) -> tuple[Reply, ...]:
    """The replies that `replies_to_json` wrote."""
    return tuple(_reply(item) for item in _decode(text))


def state_to_json(session: Session) -> str:
    """All of a session but drafts, consents, person and revision, which have rows of their own."""
    changed = {f.name: getattr(session, f.name) for f in _STATE if getattr(session, f.name) != f.default}
    return _encode(changed)


def session_from(person: PersonKey, revision: int, state: str, drafts: tuple[Draft, ...], consents: tuple[Consent, ...]) -> Session:
    """A session from its parts as stored."""
    known: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in _decode(state).items()}
    return Session(person=person, revision=revision, drafts=drafts, consents=consents, **known)


def _plain(value: Any) -> object:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    named = _RECORDS.get(type(value))
    return {name: _plain(part) for name, default in named if (part := getattr(value, name)) != default} if named else value


def _reply(item: dict[str, list[dict[str, str]]]) -> Reply:
    return Reply(
        text=cast(str, item["text"]),
        choices=tuple(Option(**option) for option in item.get("choices", ())),
        citations=tuple(Citation(**citation) for citation in item.get("citations", ())),
        files=tuple(File(**file) for file in item.get("files", ())),  # type: ignore[arg-type]  # kind was a FileKind when written
        votable=bool(item.get("votable", False)),
    )
