"""How is everything remembered in one SQLite file? The connection, its durability, each turn's transaction, and leaving no trace.

Which rows a session becomes stands in `rows.py`, the tables in `migrations.py`.
"""

import json
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlite_utils import Database

from flows.types import Message, PersonKey, Reply, Session, Turn
from storage import beside, codes, exports, records, rows
from storage.cipher import Cipher
from storage.migrations import TAKE_WRITE_LOCK, migrate
from storage.remembered import Remembered
from storage.store import Conflict, DraftRow, Link, OutboxRow, Push, PushState, Stored, StoreError

BUSY_SECONDS = 3.0
"""How long a write waits for another program's."""
SCRUB_AGAIN_SECONDS = 60.0
REMEMBERED = 256
"""How many sessions are kept in memory, so that a turn need not read what the last one wrote."""

_PRAGMAS = {"journal_mode": ("WAL", "wal"), "synchronous": ("FULL", 2), "foreign_keys": ("ON", 1), "secure_delete": ("ON", 1)}
"""What is set, and how it reads back. FULL: a commit survives a power cut. See https://www.sqlite.org/pragma.html."""
_PERSON = "channel = ? AND sender = ?"
_TO_STAFF = ("handover", "unanswered", "upvote", "downvote")

_Mark = tuple[int, int]

_CAUSES = {
    sqlite3.SQLITE_BUSY: "another program holds the database; try again in a moment",
    sqlite3.SQLITE_LOCKED: "another program holds the database; try again in a moment",
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_READONLY: "the database cannot be written; give this user the right to write the file and its folder",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write; check it, and that the folder is not on a network drive",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened; check that the folder is there and may be written",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore it from a backup",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database; choose another file in YIZHAN_DATABASE",
}
_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CONSTRAINT}
"""After these the connection is still sound; after others the next call opens a new one."""


class SqliteStore:
    """The `Store` in one SQLite file, opened at once; StoreError where it cannot be kept as safely as promised."""

    def __init__(self, path: Path | str, secret: bytes, *, remembered: int = REMEMBERED) -> None:
        self.path = Path(path)
        self._cipher = Cipher(secret)
        self._lock = threading.RLock()
        self._db: Database | None = None
        self._closed = False
        self._scrub_at: float | None = None
        self._unseen: tuple[_Mark, PersonKey, str] | None = None
        """The message last looked for that was new, and when that was so."""
        self._sessions = Remembered(remembered)
        self._gathering: set[int] = set()
        """The threads whose transactions become durable together."""
        self._waits = True
        """Whether the connection waits for the disk at each commit."""
        with self._guarded():
            pass
        if self._scrub_is_due():
            self._scrub()

    def replies(self, message: Message) -> tuple[Reply, ...] | None:
        """The replies this very message got before; None when it is new."""
        with self._guarded() as db:
            mark = _mark(db)
            found = self._known(db, message)
            self._unseen = None if found is not None else (mark, message.person, message.id)
            return found

    def load(self, person: PersonKey) -> Session:
        """The person's session; an empty one for somebody new."""
        with self._guarded() as db:
            if known := self._sessions.get(person, _version(db)):
                return known[0]
        with self.reading() as db:
            parts = rows.read_parts(db, self._cipher, person)
            session = rows.read_session(db, person, parts)
            self._sessions.keep(session, parts)
            return session

    def commit(self, message: Message, turn: Turn, expected_revision: int, pushes: Sequence[Push] = ()) -> tuple[Reply, ...]:
        """Keep everything of a turn in one transaction and return the replies: see `Store.commit`."""
        kinds = {effect.kind for effect in turn.effects}
        with self._lock:
            with self.writing() as db:
                mark = _mark(db)
                known = None if self._unseen == (mark, message.person, message.id) else self._known(db, message)
                if known is not None:
                    return known
                held = self._sessions.get(message.person, mark[1])
                self._sessions.drop(message.person)
                if "forget" in kinds:
                    self._forget_turn(db, message, turn, expected_revision)
                else:
                    parts = self._keep_turn(db, message, turn, expected_revision, held and held[1])
                    for push in pushes:
                        beside.post(db, push)
                    if kinds & {"code", "spend"} and not codes.keep(db, self._cipher, message, turn):
                        raise _conflict(expected_revision)
                if kinds & {"forget", "erase"}:
                    _note_scrub(db)
            if "forget" not in kinds:
                self._sessions.keep(replace(turn.session, revision=expected_revision + 1), parts)
            if kinds & {"forget", "erase"} or self._scrub_is_due():
                self._scrub()
        return codes.told(self._cipher, message.person, message.id, turn.replies)

    def drafts(self, *, programme: str = "", service: str = "") -> Sequence[DraftRow]:
        """All drafts, last changed first."""
        wanted = {"programme": programme, "service": service}
        condition = " AND ".join(f"d.{name} = ?" for name, value in wanted.items() if value) or "1"
        with self.reading() as db:
            found = rows.read_drafts(db, self._cipher, condition, [value for value in wanted.values() if value])
        return sorted(found, key=lambda row: row.draft.updated_at.timestamp(), reverse=True)

    def draft(self, draft_id: str) -> DraftRow | None:
        """One draft by its id."""
        with self.reading() as db:
            return next(iter(rows.read_drafts(db, self._cipher, "d.id = ?", [draft_id])), None)

    def draft_ids(self, person: PersonKey) -> Sequence[str]:
        """The ids of a person's drafts."""
        with self._guarded() as db:
            return [row[0] for row in db.execute(f"SELECT id FROM drafts WHERE {_PERSON} ORDER BY place", _key(person))]

    def drafts_of(self, ids: Sequence[str]) -> Sequence[DraftRow]:
        """The drafts of these ids."""
        with self.reading() as db:
            found = rows.read_drafts(db, self._cipher, f"d.id IN ({', '.join('?' * len(ids))})", ids)
        known = {row.draft.id: row for row in found}
        return [known[draft] for draft in ids if draft in known]

    def conversation(self, person: PersonKey) -> Sequence[Stored]:
        """What was said, oldest first."""
        query = f"SELECT id, text, replies, received_at FROM messages WHERE {_PERSON} ORDER BY number"
        with self._guarded() as db:
            found = db.execute(query, _key(person)).fetchall()
        return [
            Stored(id=i, text=text, replies=self._told(person, i, replies), received_at=records.moment(at))
            for i, text, replies, at in found
        ]

    def pending(self, kind: str) -> Sequence[OutboxRow]:
        """What of that kind waits for staff, oldest first."""
        query = "SELECT id, channel, sender, kind, payload, created_at, state FROM outbox WHERE kind = ? AND state = 'pending'"
        with self._guarded() as db:
            found = db.execute(f"{query} ORDER BY number, item", [kind]).fetchall()
        return sorted((_outbox_row(*row) for row in found), key=lambda row: row.created_at.timestamp())

    def settle(self, row_id: str) -> bool:
        """Take a row off the list; False when it is not on it."""
        with self.writing() as db:
            done = db.execute("UPDATE outbox SET state = 'done' WHERE id = ? AND state = 'pending'", [row_id])
            return done.rowcount == 1

    def note(self, person: PersonKey, name: str) -> str | None:
        """One note of a channel about a person."""
        with self._guarded() as db:
            return beside.note(db, _key(person), name)

    def notes(self, person: PersonKey, prefix: str) -> dict[str, str]:
        """The notes whose name begins so."""
        with self._guarded() as db:
            return beside.notes(db, _key(person), prefix)

    def change_note(self, person: PersonKey, name: str, change: Callable[[str | None], str | None]) -> str | None:
        """Replace a note in one transaction."""
        with self.writing() as db:
            return beside.change_note(db, _key(person), name, change)

    def code_owner(self, code: str, now: datetime) -> PersonKey | None:
        """Whose continuation code it is, if it is still good."""
        with self._guarded() as db:
            return codes.owner(db, self._cipher, code, now)

    def add_link(self, token: str, link: Link, now: datetime) -> None:
        """Remember a link under its token's hash."""
        with self.writing() as db:
            beside.add_link(db, _key(link.person), self._cipher.hashed("link", token), link, now)

    def link(self, token: str, now: datetime) -> Link | None:
        """The link of that token, if it is still good."""
        with self._guarded() as db:
            return beside.link(db, self._cipher.hashed("link", token), now)

    def revoke_links(self, person: PersonKey, draft: str = "") -> int:
        """Make links useless."""
        with self.writing() as db:
            return beside.revoke_links(db, _key(person), draft)

    def post(self, *pushes: Push) -> None:
        """Queue pushes."""
        with self.writing() as db:
            for push in pushes:
                beside.post(db, push)

    def take_pushes(self, channel: str, now: datetime, until: datetime, limit: int) -> Sequence[Push]:
        """Take due pushes for sending."""
        with self.writing() as db:
            return beside.take_pushes(db, channel, now, until, limit)

    def settle_push(self, push_id: str, state: PushState, *, note: str = "", due_at: datetime | None = None) -> bool:
        """Record how a push went."""
        with self.writing() as db:
            return beside.settle_push(db, push_id, state, note, due_at)

    def pushes(self, person: PersonKey, state: PushState) -> Sequence[Push]:
        """A person's pushes in that state."""
        with self._guarded() as db:
            return beside.pushes(db, _key(person), state)

    def push_states(self, channel: str) -> dict[str, int]:
        """How many pushes are in each state."""
        with self._guarded() as db:
            return beside.push_states(db, channel)

    def forget(self, person: PersonKey) -> bool:
        """Delete all of a person from database and WAL; False when there was nothing."""
        with self._lock:
            self._sessions.drop(person)
            with self.writing() as db:
                exports.let_go(db, person)
                found = db.execute(f"DELETE FROM people WHERE {_PERSON}", _key(person)).rowcount == 1
                if found:
                    _note_scrub(db)
            if found:
                self._scrub()
        return found

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """One wait for the disk for all that this thread commits within."""
        thread = threading.get_ident()
        self._gathering.add(thread)
        try:
            yield
        finally:
            self._gathering.discard(thread)
            self._reach_disk()

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """One state of the database for several queries."""
        with self._guarded() as db, db.atomic():
            yield db

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """One transaction: everything or nothing, durable when left."""
        with self._guarded() as db:
            self._wait_for_disk(db, threading.get_ident() not in self._gathering)
            with db.atomic():
                db.execute(TAKE_WRITE_LOCK)
                yield db

    def close(self) -> None:
        """Release the connection; the store cannot be used afterwards."""
        with self._lock:
            self._closed = True
            self._drop()

    # One turn

    def _known(self, db: Database, message: Message) -> tuple[Reply, ...] | None:
        key = (message.channel, message.sender, message.id)
        row = db.execute(
            f"SELECT replies FROM messages WHERE {_PERSON} AND id = ? UNION ALL SELECT replies FROM forgotten WHERE message = ? LIMIT 1",
            (*key, self._cipher.hashed(*key)),
        ).fetchone()
        return self._told(message.person, message.id, row[0]) if row else None

    def _told(self, person: PersonKey, message: str, replies: str) -> tuple[Reply, ...]:
        return codes.told(self._cipher, person, message, records.replies_from_json(replies))

    def _keep_turn(self, db: Database, message: Message, turn: Turn, expected: int, old: rows.Parts | None) -> rows.Parts:
        key, number, at = _key(message.person), expected + 1, records.stamp(message.received_at)
        if expected:
            query = f"UPDATE people SET revision = ?, state = ?, seen_at = ? WHERE {_PERSON} AND revision = ?"
            moved = db.execute(query, (number, records.state_to_json(turn.session), at, *key, expected))
        else:
            query = (
                "INSERT INTO people (channel, sender, revision, state, seen_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
                " SET revision = excluded.revision, state = excluded.state, seen_at = excluded.seen_at WHERE people.revision = 0"
            )  # revision 0: somebody who was noted before the first message, by following or a menu
            moved = db.execute(query, (*key, number, records.state_to_json(turn.session), at))
        if moved.rowcount != 1:
            raise _conflict(expected)
        parts = rows.write_parts(db, self._cipher, turn.session, old or rows.read_parts(db, self._cipher, message.person))
        if any(effect.kind == "erase" for effect in turn.effects):
            exports.let_go(db, message.person)
            db.execute(f"DELETE FROM messages WHERE {_PERSON}", key)
            db.execute(f"UPDATE outbox SET payload = '{{}}' WHERE {_PERSON}", key)
        db.execute(
            "INSERT INTO messages (channel, sender, number, id, text, replies, received_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*key, number, message.id, turn.stored_text, records.replies_to_json(turn.replies), at),
        )
        _post(db, message, turn, number)
        return parts

    def _forget_turn(self, db: Database, message: Message, turn: Turn, expected: int) -> None:
        key = _key(message.person)
        row = db.execute(f"SELECT revision FROM people WHERE {_PERSON}", key).fetchone()
        if (row[0] if row else 0) != expected:
            raise _conflict(expected)
        exports.let_go(db, message.person)
        db.execute(f"DELETE FROM people WHERE {_PERSON}", key)
        hashed = self._cipher.hashed(*key, message.id)
        replies, at = records.replies_to_json(turn.replies), records.stamp(message.received_at)
        db.execute("INSERT INTO forgotten (message, replies, at) VALUES (?, ?, ?)", (hashed, replies, at))

    # The connection

    @contextmanager
    def _guarded(self) -> Iterator[Database]:
        """The open database, for this thread alone; what SQLite reports comes out as StoreError."""
        with self._lock:
            try:
                yield self._open()
            except UnicodeEncodeError:
                raise StoreError(f"{self.path}: a text holds a character that is no character; clean the text first") from None
            except sqlite3.Error as error:
                code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
                if code not in _PASSING:
                    self._drop()
                raise StoreError(f"{self.path}: {_CAUSES.get(code, f'{error}; nothing was changed, try again')}") from error

    def _wait_for_disk(self, db: Database, wanted: bool) -> None:
        """At each commit of this thread, or later in `_reach_disk`. NORMAL leaves out that wait alone, not the order of writes."""
        if wanted != self._waits:
            db.execute(f"PRAGMA synchronous = {'FULL' if wanted else 'NORMAL'}")
            self._waits = wanted

    def _reach_disk(self) -> None:
        """Wait until the disk has what was committed. It lies in the WAL: nothing leaves that before the disk has it elsewhere.

        See https://www.sqlite.org/wal.html#performance_considerations.
        """
        try:
            wal = os.open(self.path.with_name(f"{self.path.name}-wal"), os.O_RDWR)
            try:
                os.fsync(wal)
            finally:
                os.close(wal)
        except FileNotFoundError:
            return  # closing took what it held into the database, durably
        except OSError as error:
            with self._lock:
                self._drop()
            raise StoreError(f"{self.path}: {_CAUSES[sqlite3.SQLITE_IOERR]} ({error.strerror})") from error

    def _open(self) -> Database:
        if self._closed:
            raise StoreError(f"{self.path}: the store was closed; open it again")
        if self._db is None:
            _prepare_file(self.path)
            connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, check_same_thread=False)
            try:
                self._db = db = self._made_ready(Database(connection))
            except BaseException:
                connection.close()
                raise
            if _scrub_noted(db):
                self._scrub_at = time.monotonic()
            return db
        return self._db

    def _made_ready(self, db: Database) -> Database:
        for name, (wanted, _) in _PRAGMAS.items():
            _set(db, name, wanted)
        for name, (wanted, expected) in _PRAGMAS.items():
            found = db.execute(f"PRAGMA {name}").fetchone()[0]
            if found != expected:
                raise StoreError(
                    f"{self.path}: SQLite keeps {name} at {found} where {wanted} is needed for an answer to survive a power cut; "
                    "put the database on a local disk that may be written"
                )
        migrate(db, str(self.path))
        with db.atomic():
            db.execute(TAKE_WRITE_LOCK)  # a database that cannot be written is noticed now
            self._check_secret(db)
        return db

    def _check_secret(self, db: Database) -> None:
        row = db.execute("SELECT value FROM meta WHERE key = 'secret'").fetchone()
        if row is None:
            db.execute("INSERT INTO meta (key, value) VALUES ('secret', ?)", [self._cipher.check])
        elif row[0] != self._cipher.check:
            raise StoreError(
                f"{self.path}: YIZHAN_SECRET_KEY is not the key this database was made with, so the bank details in it cannot be read; "
                "set the earlier key, or put its key file back beside the database"
            )

    def _drop(self) -> None:
        db, self._db = self._db, None
        self._waits = True
        self._unseen = None
        self._sessions.clear()
        if db is not None:
            db.conn.close()

    # Leaving no trace

    def _scrub(self) -> None:
        """Rewrite the file, for SQLite leaves copies of rows that it once moved within a page, and empty the WAL.

        Needs a moment in which no other program reads; where there is none it is tried again, after a restart too.
        """
        try:
            with self._guarded() as db:
                db.execute("VACUUM")
                if db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    raise StoreError(f"{self.path}: another program reads the WAL; it is emptied later")
                db.execute("DELETE FROM meta WHERE key = 'scrub'")
            self._scrub_at = None
        except StoreError:
            self._scrub_at = time.monotonic() + SCRUB_AGAIN_SECONDS

    def _scrub_is_due(self) -> bool:
        return self._scrub_at is not None and time.monotonic() >= self._scrub_at


def _mark(db: Database) -> _Mark:
    """Two equal marks of one connection: nobody wrote in between, neither through it (rows changed) nor beside it (data_version)."""
    return (db.conn.total_changes, _version(db))


def _version(db: Database) -> int:
    """Differs once another connection has written. See https://www.sqlite.org/pragma.html#pragma_data_version."""
    return int(db.execute("PRAGMA data_version").fetchone()[0])


def _key(person: PersonKey) -> tuple[str, str]:
    return (person.channel, person.sender)


def _conflict(expected: int) -> Conflict:
    return Conflict(f"the session is no longer at revision {expected}: another message came first; load it and repeat the turn")


def _set(db: Database, name: str, wanted: str) -> None:
    """Set a pragma; SQLite does not wait by itself where several programs turn one new file to WAL at once."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute(f"PRAGMA {name} = {wanted}")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(0.01)


def _note_scrub(db: Database) -> None:
    """Written with the deletion, so that a crash in between cannot lose the rest of it."""
    db.execute("INSERT INTO meta (key, value) VALUES ('scrub', '') ON CONFLICT DO NOTHING")


def _scrub_noted(db: Database) -> bool:
    return db.execute("SELECT 1 FROM meta WHERE key = 'scrub'").fetchone() is not None


def _post(db: Database, message: Message, turn: Turn, number: int) -> None:
    for item, effect in enumerate(turn.effects):
        if effect.kind in _TO_STAFF:
            payload = json.dumps({"text": effect.text, "draft": effect.draft, "facts": effect.facts}, ensure_ascii=False)
            row = (*_key(message.person), number, item, secrets.token_hex(16), effect.kind, payload, records.stamp(message.received_at))
            db.execute(
                "INSERT INTO outbox (channel, sender, number, item, id, kind, payload, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row
            )


def _outbox_row(row_id: str, channel: str, sender: str, kind: str, payload: str, created_at: str, state: str) -> OutboxRow:
    content = json.loads(payload)
    return OutboxRow(
        id=row_id,
        person=PersonKey(channel=channel, sender=sender),
        kind=kind,
        text=content.get("text", ""),
        draft=content.get("draft", ""),
        facts=tuple(content.get("facts", ())),
        created_at=records.moment(created_at),
        state=state,
    )


def _prepare_file(path: Path) -> None:
    """Make the folder and the file, for this user alone; also a file that was readable for others becomes so."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            if file.exists() and file.stat().st_mode & 0o077:
                file.chmod(0o600)
    except OSError as error:
        raise StoreError(
            f"{path}: the database file cannot be opened for writing ({error.strerror}); choose a folder of your own"
        ) from error
