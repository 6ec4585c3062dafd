"""How is each promise of `store.py` kept in SQL? What every database does alike, within the transactions that its own file gives.

Connections, durability, locks and leaving no trace are not alike: see `sqlite.py` and `postgres.py`.
"""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime

from flows.types import Message, PersonKey, Reply, Session, Turn
from storage import beside, codes, departures, exports, listed, records, rows, waiting
from storage.cipher import Cipher
from storage.store import Conflict, Connection, DraftRow, Link, OutboxRow, Purge, Push, PushState, Stored, StoreError

COPYING = "copying"
"""In `meta` of a database that is being filled from another (`copying.py`): how far that is."""
_PERSON = "channel = ? AND sender = ?"


class SqlStore(ABC):
    """The `Store`, but for its connections."""

    HOLD = ""
    """Ends a query for a person's row that nobody else may change meanwhile: nothing where a transaction that writes is alone anyway."""
    CLAIM = ""
    """Ends the query for pushes `p` and their people `o` that are to be taken: those that another is taking are left out."""

    migrated = (0, 0)
    """The version of the tables before the store was opened, and since."""

    def __init__(self, secret: bytes, *, for_copy: bool = False) -> None:
        self._cipher = Cipher(secret)
        self._for_copy = for_copy

    # What each kind of database gives

    @abstractmethod
    def reading(self) -> AbstractContextManager[Connection]:
        """One state of the database for several queries."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction: everything or nothing, durable when left."""

    @abstractmethod
    def gathered(self) -> AbstractContextManager[None]:
        """One wait for the disk for all that this thread commits within."""

    @abstractmethod
    def close(self) -> None:
        """Release what is open."""

    @abstractmethod
    def _asking(self) -> AbstractContextManager[Connection]:
        """A connection for one query."""

    @abstractmethod
    def _changing(self, *, deletes: bool = False) -> AbstractContextManager[Connection]:
        """As `writing`, for what is one person's."""

    @abstractmethod
    def _scrub(self) -> None:
        """After a deletion that was noted: leave nothing of it in the files."""

    @abstractmethod
    def check(self) -> Sequence[str]:
        """What is wrong with the database, a sentence each."""

    def _check_meta(self, db: Connection, place: str) -> None:
        """StoreError for a database that was made with another secret, or is half filled; one without data takes the secret over."""
        found = dict(db.execute("SELECT key, value FROM meta WHERE key IN ('secret', ?)", (COPYING,)).fetchall())
        if "secret" not in found:
            db.execute("INSERT INTO meta (key, value) VALUES ('secret', ?)", (self._cipher.check,))
        elif found["secret"] != self._cipher.check:
            raise StoreError(
                f"{place}: YIZHAN_SECRET_KEY is not the key this database was made with, so the bank details in it cannot be read; "
                "set the earlier key, or put its key file back"
            )
        if COPYING in found and not self._for_copy:
            raise StoreError(f"{place}: the database is being filled from another one; run yizhan db copy until it is done")

    def _told_before(self, db: Connection, message: Message) -> tuple[Reply, ...] | None:
        """As `_known`, in the transaction of the message's turn."""
        return self._known(db, message)

    def _parts(self, db: Connection, person: PersonKey) -> rows.Parts:
        """What is stored of a person, in the transaction that changes it."""
        return rows.read_parts(db, self._cipher, person)

    @abstractmethod
    def _remember(self, session: Session, parts: rows.Parts) -> None:
        """A session was committed so."""

    # Turns

    def replies(self, message: Message) -> tuple[Reply, ...] | None:
        """The replies this very message got before; None when it is new."""
        with self._asking() as db:
            return self._known(db, message)

    def load(self, person: PersonKey) -> Session:
        """The person's session; an empty one for somebody new."""
        with self.reading() as db:
            return rows.read_session(db, person, rows.read_parts(db, self._cipher, person))

    def commit(self, message: Message, turn: Turn, expected_revision: int, pushes: Sequence[Push] = ()) -> tuple[Reply, ...]:
        """Keep everything of a turn in one transaction and return the replies: see `Store.commit`."""
        kinds = {effect.kind for effect in turn.effects}
        deletes = bool(kinds & {"forget", "erase"})
        with self._changing(deletes=deletes) as db:
            known = self._told_before(db, message)
            if known is not None:
                return known
            if "forget" in kinds:
                self._forget_turn(db, message, turn, expected_revision)
            else:
                parts = self._keep_turn(db, message, turn, expected_revision)
                for push in pushes:
                    beside.post(db, push)
                if kinds & {"code", "spend"} and not codes.keep(db, self._cipher, message, turn):
                    raise _conflict(expected_revision)
            if deletes:
                _note_scrub(db)
        if "forget" not in kinds:
            self._remember(replace(turn.session, revision=expected_revision + 1), parts)
        if deletes:
            self._scrub()
        return codes.told(self._cipher, message.person, message.id, turn.replies)

    def forget(self, person: PersonKey) -> bool:
        """Delete all of a person; False when there was nothing."""
        return self.purge(lambda _: Purge(people=(person,))) == 1

    def purge(self, choose: Callable[[Connection], Purge]) -> int:
        """Delete all of some people; how many."""
        with self.writing() as db:  # who writes after they were chosen is a conflict, and stays
            chosen = choose(db)
            gone = sum(self._delete(db, person) for person in chosen.people)
            if gone or chosen.more:
                _note_scrub(db)
        if gone or chosen.more:
            self._scrub()
        return gone

    def _delete(self, db: Connection, person: PersonKey) -> bool:
        exports.let_go(db, person)
        found = db.execute(f"DELETE FROM people WHERE {_PERSON}", _key(person)).rowcount == 1
        if found:
            departures.note(db, self._cipher, person, "gone")
        return found

    def _known(self, db: Connection, message: Message) -> tuple[Reply, ...] | None:
        key = (message.channel, message.sender, message.id)
        row = db.execute(
            f"SELECT replies FROM messages WHERE {_PERSON} AND id = ? UNION ALL SELECT replies FROM forgotten WHERE message = ? LIMIT 1",
            (*key, self._cipher.hashed(*key)),
        ).fetchone()
        return self._told(message.person, message.id, row[0]) if row else None

    def _told(self, person: PersonKey, message: str, replies: str) -> tuple[Reply, ...]:
        return codes.told(self._cipher, person, message, records.replies_from_json(replies))

    def _keep_turn(self, db: Connection, message: Message, turn: Turn, expected: int) -> rows.Parts:
        key, number, at = _key(message.person), expected + 1, records.stamp(message.received_at)
        if expected:
            query = f"UPDATE people SET revision = ?, state = ?, seen_at = ? WHERE {_PERSON} AND revision = ?"
            moved = db.execute(query, (number, records.state_to_json(turn.session), at, *key, expected))
        else:
            query = (
                "INSERT INTO people (channel, sender, revision, state, seen_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (channel, sender)"
                " DO UPDATE SET revision = excluded.revision, state = excluded.state, seen_at = excluded.seen_at WHERE people.revision = 0"
            )  # revision 0: somebody who was noted before the first message, by following or a menu
            moved = db.execute(query, (*key, number, records.state_to_json(turn.session), at))
        if moved.rowcount != 1:
            raise _conflict(expected)
        parts = rows.write_parts(db, self._cipher, turn.session, self._parts(db, message.person))
        if any(effect.kind == "erase" for effect in turn.effects):
            exports.let_go(db, message.person)
            listed.blank(db, message.person)
            departures.note(db, self._cipher, message.person, "erased")
            db.execute(f"DELETE FROM messages WHERE {_PERSON}", key)
            db.execute(f"UPDATE outbox SET payload = '{{}}' WHERE {_PERSON}", key)
        db.execute(
            "INSERT INTO messages (channel, sender, number, id, text, replies, received_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*key, number, message.id, turn.stored_text, records.replies_to_json(turn.replies), at),
        )
        waiting.post(db, message, turn, number)
        return parts

    def _forget_turn(self, db: Connection, message: Message, turn: Turn, expected: int) -> None:
        if (self._hold(db, message.person) or 0) != expected:
            raise _conflict(expected)
        key = _key(message.person)
        exports.let_go(db, message.person)
        db.execute(f"DELETE FROM people WHERE {_PERSON}", key)
        hashed = self._cipher.hashed(*key, message.id)
        replies, at = records.replies_to_json(turn.replies), records.stamp(message.received_at)
        db.execute("INSERT INTO forgotten (message, replies, at) VALUES (?, ?, ?)", (hashed, replies, at))
        departures.note(db, self._cipher, message.person, "gone")

    def _hold(self, db: Connection, person: PersonKey) -> int | None:
        """Let nobody else change the person until the transaction ends; the session's revision, None for somebody unknown."""
        row = db.execute(f"SELECT revision FROM people WHERE {_PERSON}{self.HOLD}", _key(person)).fetchone()
        return int(row[0]) if row else None

    # Drafts, conversations, and what waits for staff

    def drafts(self, *, programme: str = "", service: str = "") -> Sequence[DraftRow]:
        """All drafts, last changed first."""
        wanted = {"programme": programme, "service": service}
        condition = " AND ".join(f"d.{name} = ?" for name, value in wanted.items() if value) or "1 = 1"
        with self.reading() as db:
            found = rows.read_drafts(db, self._cipher, condition, [value for value in wanted.values() if value])
        return sorted(found, key=lambda row: row.draft.updated_at.timestamp(), reverse=True)

    def draft(self, draft_id: str) -> DraftRow | None:
        """One draft by its id."""
        with self.reading() as db:
            return next(iter(rows.read_drafts(db, self._cipher, "d.id = ?", [draft_id])), None)

    def drafts_of(self, ids: Sequence[str]) -> Sequence[DraftRow]:
        """The drafts of these ids."""
        with self.reading() as db:
            found = rows.read_drafts(db, self._cipher, f"d.id IN ({', '.join('?' * len(ids))})", ids)
        known = {row.draft.id: row for row in found}
        return [known[draft] for draft in ids if draft in known]

    def draft_ids(self, person: PersonKey) -> Sequence[str]:
        """The ids of a person's drafts."""
        with self._asking() as db:
            return [row[0] for row in db.execute(f"SELECT id FROM drafts WHERE {_PERSON} ORDER BY place", _key(person))]

    def conversation(self, person: PersonKey) -> Sequence[Stored]:
        """What was said, oldest first."""
        query = f"SELECT id, text, replies, received_at FROM messages WHERE {_PERSON} ORDER BY number"
        with self._asking() as db:
            found = db.execute(query, _key(person)).fetchall()
        return [
            Stored(id=i, text=text, replies=self._told(person, i, replies), received_at=records.moment(at))
            for i, text, replies, at in found
        ]

    def pending(self, kind: str) -> Sequence[OutboxRow]:
        """What of that kind waits for staff, oldest first."""
        with self._asking() as db:
            return waiting.pending(db, kind)

    def settle(self, row_id: str) -> bool:
        """Take a row off the list; False when it is not on it."""
        with self._changing() as db:
            return waiting.settle(db, row_id)

    # What lies beside: notes, codes, links, pushes

    def note(self, person: PersonKey, name: str) -> str | None:
        """One note of a channel about a person."""
        with self._asking() as db:
            return beside.note(db, _key(person), name)

    def notes(self, person: PersonKey, prefix: str) -> dict[str, str]:
        """The notes whose name begins so."""
        with self._asking() as db:
            return beside.notes(db, _key(person), prefix)

    def change_note(self, person: PersonKey, name: str, change: Callable[[str | None], str | None]) -> str | None:
        """Replace a note in one transaction."""
        with self._changing() as db:
            if self._hold(db, person) is None:
                if change(None) is None:
                    return None
                beside.meet(db, _key(person))
                self._hold(db, person)  # of two that meet somebody at once the second waits here, and then finds the first one's note
            return beside.change_note(db, _key(person), name, change)

    def code_owner(self, code: str, now: datetime) -> PersonKey | None:
        """Whose continuation code it is, if it is still good."""
        with self._asking() as db:
            return codes.owner(db, self._cipher, code, now)

    def add_link(self, token: str, link: Link, now: datetime) -> None:
        """Remember a link under its token's hash."""
        with self._changing() as db:
            beside.add_link(db, _key(link.person), self._cipher.hashed("link", token), link, now)

    def link(self, token: str, now: datetime) -> Link | None:
        """The link of that token, if it is still good."""
        with self._asking() as db:
            return beside.link(db, self._cipher.hashed("link", token), now)

    def revoke_links(self, person: PersonKey, draft: str = "") -> int:
        """Make links useless."""
        with self._changing() as db:
            return beside.revoke_links(db, _key(person), draft)

    def post(self, *pushes: Push) -> None:
        """Queue pushes."""
        with self._changing() as db:
            for push in pushes:
                self._hold(db, push.person)
                beside.post(db, push)

    def take_pushes(self, channel: str, now: datetime, until: datetime, limit: int) -> Sequence[Push]:
        """Take due pushes for sending."""
        with self._changing() as db:
            return beside.take_pushes(db, channel, now, until, limit, self.CLAIM)

    def settle_push(self, push_id: str, state: PushState, *, note: str = "", due_at: datetime | None = None) -> bool:
        """Record how a push went."""
        with self._changing() as db:
            return beside.settle_push(db, push_id, state, note, due_at)

    def pushes(self, person: PersonKey, state: PushState) -> Sequence[Push]:
        """A person's pushes in that state."""
        with self._asking() as db:
            return beside.pushes(db, _key(person), state)

    def push_states(self, channel: str) -> dict[str, int]:
        """How many pushes are in each state."""
        with self._asking() as db:
            return beside.push_states(db, channel)


def _key(person: PersonKey) -> tuple[str, str]:
    return (person.channel, person.sender)


def _conflict(expected: int) -> Conflict:
    return Conflict(f"the session is no longer at revision {expected}: another message came first; load it and repeat the turn")


def _note_scrub(db: Connection) -> None:
    """Written with the deletion, so that a crash in between cannot lose the rest of it; tells one deletion from the next."""
    query = "INSERT INTO meta (key, value) VALUES ('scrub', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    db.execute(query, (secrets.token_hex(8),))


def scrub_is_noted(db: Connection) -> bool:
    """Whether a deletion has not been finished in the files."""
    return db.execute("SELECT 1 FROM meta WHERE key = 'scrub'").fetchone() is not None
