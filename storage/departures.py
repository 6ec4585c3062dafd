"""Whose data was deleted, so that a restored backup does not bring it back? Kept in the database and in a file beside it.

The row is written in the deletion's own transaction, so that it is there exactly when the deletion is; the file beside the database
still tells when that is lost, which is when backups are restored. What a backup lacks of both happened after it: no clock is compared.
Each entry is a keyed hash of the person with random bits for the occasion. Without the key it tells nothing; with the key it only says
whether somebody whose channel and id one knows already deleted their data.
"""

import os
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from flows.types import PersonKey
from storage import exports, listed, records
from storage.cipher import Cipher
from storage.store import Connection, StoreError

Kind = Literal["gone", "erased"]
"""`gone`: all of the person; `erased`: consent was taken back, personal answers and the conversation went."""
_OF = "channel = ? AND sender = ?"


def note(db: Connection, cipher: Cipher, person: PersonKey, kind: Kind) -> None:
    """Remember, in the deletion's transaction, that it happened."""
    entry = f"{kind}:{_hashed(cipher, person)}:{secrets.token_hex(8)}"
    db.execute("INSERT INTO forgotten (message, replies, at) VALUES (?, '', ?)", (entry, records.stamp(datetime.now(UTC))))


def noted(db: Connection) -> frozenset[str]:
    """Every deletion the database knows of."""
    return frozenset(row[0] for row in db.execute("SELECT message FROM forgotten WHERE replies = ''"))


def add(db: Connection, entries: Iterable[str]) -> None:
    """Remember deletions that another database knew of."""
    at = records.stamp(datetime.now(UTC))
    for entry in sorted(entries):
        db.execute("INSERT INTO forgotten (message, replies, at) VALUES (?, '', ?) ON CONFLICT (message) DO NOTHING", (entry, at))


def file_of(database: Path) -> Path:
    """The file beside a database that says the same."""
    return database.with_name(f"{database.name}-deletions")


def read(file: Path) -> frozenset[str]:
    """The deletions a file tells; none where there is no file. StoreError where it cannot be read."""
    try:
        return frozenset(line for line in file.read_text(encoding="ascii").splitlines() if line.count(":") == 2)
    except FileNotFoundError:
        return frozenset()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise StoreError(
            f"{file}: it tells which deletions a restored backup must repeat and cannot be read ({why}); mend its rights or put it back"
        ) from None


def mirror(db: Connection, database: Path) -> None:
    """Write into the file what it lacks; on disk when this returns."""
    file = file_of(database)
    missing = sorted(noted(db) - read(file))
    if not missing:
        return
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="ascii") as out:
            out.write("".join(f"{entry}\n" for entry in missing))
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise StoreError(f"{file}: a deletion could not be noted ({error.strerror}); free space or mend the rights") from None


def repeat(db: Connection, cipher: Cipher, entries: Iterable[str], private: Sequence[str]) -> tuple[int, int]:
    """Delete and erase again the people of these entries who are there; how many of each. `private`: the keys of personal fields."""
    kinds: dict[str, Kind] = {}
    for entry in sorted(entries):  # `gone` after `erased`, and final
        kind, hashed, _ = entry.split(":")
        if kind == "gone" or hashed not in kinds:
            kinds[hashed] = "gone" if kind == "gone" else "erased"
    gone, erased = 0, 0
    for channel, sender in db.execute("SELECT channel, sender FROM people").fetchall() if kinds else ():
        person = PersonKey(channel=channel, sender=sender)
        match kinds.get(_hashed(cipher, person)):
            case "gone":
                exports.let_go(db, person)
                gone += db.execute(f"DELETE FROM people WHERE {_OF}", (channel, sender)).rowcount
            case "erased":
                _erase(db, person, private)
                erased += 1
    return gone, erased


def _erase(db: Connection, person: PersonKey, private: Sequence[str]) -> None:
    """As somebody's taking back of their consent does."""
    key = (person.channel, person.sender)
    exports.let_go(db, person)
    listed.blank(db, person)
    db.execute(f"DELETE FROM messages WHERE {_OF}", key)
    db.execute(f"UPDATE outbox SET payload = '{{}}' WHERE {_OF}", key)
    fields = [*private, *(f"{field}:doubt" for field in private), "review"]
    db.execute(f"DELETE FROM answers WHERE {_OF} AND (sensitive = 1 OR field IN ({', '.join('?' * len(fields))}))", (*key, *fields))
    db.execute(f"UPDATE consents SET given = 0 WHERE {_OF}", key)


def _hashed(cipher: Cipher, person: PersonKey) -> str:
    return cipher.hashed("departed", person.channel, person.sender, "")
