"""How is a continuation code kept, so that nobody who reads the database can use it? Derived from its message, stored as a keyed hash."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from flows.types import CODE_LETTERS, CODE_MARK, CODE_MINUTES, Message, PersonKey, Reply, Turn
from storage.cipher import Cipher
from storage.store import Connection

LIFETIME = timedelta(minutes=CODE_MINUTES)


def code_of(cipher: Cipher, person: PersonKey, message: str) -> str:
    """The message's code: eight characters, 39 bits, the same whenever it is asked for."""
    number = int(cipher.hashed("code of", person.channel, person.sender, message), 16)
    found = ""
    for _ in range(8):
        number, rest = divmod(number, len(CODE_LETTERS))
        found += CODE_LETTERS[rest]
    return found


def told(cipher: Cipher, person: PersonKey, message: str, replies: tuple[Reply, ...]) -> tuple[Reply, ...]:
    """The replies with the code in the places that are marked for it."""
    if not any(CODE_MARK in reply.text for reply in replies):
        return replies
    code = code_of(cipher, person, message)
    return tuple(replace(reply, text=reply.text.replace(CODE_MARK, f"{code[:4]}-{code[4:]}")) for reply in replies)


def keep(db: Connection, cipher: Cipher, message: Message, turn: Turn) -> bool:
    """Make the code good that the turn gives out, use up the one that it takes; False where that is gone."""
    key = (message.channel, message.sender)
    for effect in turn.effects:
        if effect.kind == "code":
            hashed = cipher.hashed("code", code_of(cipher, message.person, message.id))
            until = (message.received_at + LIFETIME).timestamp()
            query = (
                "INSERT INTO codes (channel, sender, code, expires_at) VALUES (?, ?, ?, ?) ON CONFLICT (channel, sender)"
                " DO UPDATE SET code = excluded.code, expires_at = excluded.expires_at"
            )
            db.execute(query, (*key, hashed, until))
        elif effect.kind == "spend" and not db.execute("DELETE FROM codes WHERE code = ?", (cipher.hashed("code", effect.text),)).rowcount:
            return False
    return True


def owner(db: Connection, cipher: Cipher, code: str, now: datetime) -> PersonKey | None:
    """Whose code it is, if it is still good."""
    query = "SELECT channel, sender FROM codes WHERE code = ? AND expires_at > ?"
    found: Sequence[str] | None = db.execute(query, (cipher.hashed("code", code), now.timestamp())).fetchone()
    return PersonKey(channel=found[0], sender=found[1]) if found else None
