"""Which tables does the SQLite database have, and how did it come to them? An append-only list: a step that was released never changes.

A person is (channel, sender), and leads every primary key, so that the rows of one person lie together and can move to another
database together. All rows hang on `people` and go with it.
"""

from sqlite_utils import Database

from storage.store import StoreError

APPLICATION = 0x59495A48
"""`YIZH`, in the file's header: tells our databases from others."""

TAKE_WRITE_LOCK = "DELETE FROM meta WHERE 0"
"""Changes nothing but is a write: a transaction that begins with it waits for its turn instead of failing half-way."""

_FIRST = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE people (
        channel TEXT NOT NULL, sender TEXT NOT NULL,
        revision INTEGER NOT NULL,  -- turns so far; compared before each commit
        state TEXT NOT NULL,        -- the session without drafts and consents, JSON
        seen_at TEXT NOT NULL,      -- when the last message came
        PRIMARY KEY (channel, sender)
    ) WITHOUT ROWID""",
    """CREATE TABLE drafts (
        channel TEXT NOT NULL, sender TEXT NOT NULL, id TEXT NOT NULL,
        place INTEGER NOT NULL,     -- order within the session
        programme TEXT NOT NULL, service TEXT NOT NULL,
        created_at TEXT NOT NULL, updated_at TEXT NOT NULL, finished_at TEXT,
        rules TEXT NOT NULL, judged TEXT NOT NULL,
        PRIMARY KEY (channel, sender, id),
        FOREIGN KEY (channel, sender) REFERENCES people ON DELETE CASCADE
    ) WITHOUT ROWID""",
    "CREATE UNIQUE INDEX drafts_by_id ON drafts (id)",
    """CREATE TABLE answers (
        channel TEXT NOT NULL, sender TEXT NOT NULL, draft TEXT NOT NULL, field TEXT NOT NULL,
        place INTEGER NOT NULL,     -- order within the draft
        value NOT NULL,             -- JSON text; sealed bytes where sensitive
        at TEXT NOT NULL, source TEXT NOT NULL, sensitive INTEGER NOT NULL,
        PRIMARY KEY (channel, sender, draft, field),
        FOREIGN KEY (channel, sender, draft) REFERENCES drafts ON DELETE CASCADE
    ) WITHOUT ROWID""",
    """CREATE TABLE consents (
        channel TEXT NOT NULL, sender TEXT NOT NULL, place INTEGER NOT NULL,
        kind TEXT NOT NULL, given INTEGER NOT NULL, at TEXT NOT NULL, notice TEXT NOT NULL,
        PRIMARY KEY (channel, sender, place),
        FOREIGN KEY (channel, sender) REFERENCES people ON DELETE CASCADE
    ) WITHOUT ROWID""",
    """CREATE TABLE messages (
        channel TEXT NOT NULL, sender TEXT NOT NULL,
        number INTEGER NOT NULL,    -- the revision that it made
        id TEXT NOT NULL, text TEXT NOT NULL, replies TEXT NOT NULL, received_at TEXT NOT NULL,
        PRIMARY KEY (channel, sender, number), UNIQUE (channel, sender, id),
        FOREIGN KEY (channel, sender) REFERENCES people ON DELETE CASCADE
    ) WITHOUT ROWID""",
    """CREATE TABLE outbox (
        channel TEXT NOT NULL, sender TEXT NOT NULL, number INTEGER NOT NULL, item INTEGER NOT NULL,
        id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, payload TEXT NOT NULL, created_at TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'pending',
        PRIMARY KEY (channel, sender, number, item),
        FOREIGN KEY (channel, sender) REFERENCES people ON DELETE CASCADE
    ) WITHOUT ROWID""",
    "CREATE INDEX outbox_pending ON outbox (kind) WHERE state = 'pending'",
    # Nothing of a deleted person: a keyed hash of the message that asked for it, so that a redelivery gets the same replies.
    "CREATE TABLE forgotten (message TEXT PRIMARY KEY, replies TEXT NOT NULL, at TEXT NOT NULL) WITHOUT ROWID",
)

_SECOND = (
    """CREATE TABLE notes (
        channel TEXT NOT NULL, sender TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (channel, sender, name),
        FOREIGN KEY (channel, sender) REFERENCES people ON DELETE CASCADE
    ) WITHOUT ROWID""",
    """CREATE TABLE links (
        channel TEXT NOT NULL, sender TEXT NOT NULL,
        token TEXT NOT NULL UNIQUE, -- keyed hash
        draft TEXT NOT NULL, expires_at REAL NOT NULL,  -- seconds since 1970
        PRIMARY KEY (channel, sender, token),
        FOREIGN KEY (channel, sender) REFERENCES people ON DELETE CASCADE
    ) WITHOUT ROWID""",
    """CREATE TABLE pushes (
        channel TEXT NOT NULL, sender TEXT NOT NULL,
        number INTEGER NOT NULL,    -- order within the person
        id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, body TEXT NOT NULL,
        due_at REAL NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT '',
        until REAL NOT NULL DEFAULT 0,  -- when a taken one may be taken again
        PRIMARY KEY (channel, sender, number),
        FOREIGN KEY (channel, sender) REFERENCES people ON DELETE CASCADE
    ) WITHOUT ROWID""",
    "CREATE INDEX pushes_open ON pushes (channel, kind, due_at) WHERE state IN ('waiting', 'taken')",
)

_THIRD = (
    """CREATE TABLE codes (
        channel TEXT NOT NULL, sender TEXT NOT NULL,
        code TEXT NOT NULL UNIQUE,  -- keyed hash
        expires_at REAL NOT NULL,   -- seconds since 1970
        PRIMARY KEY (channel, sender),
        FOREIGN KEY (channel, sender) REFERENCES people ON DELETE CASCADE
    ) WITHOUT ROWID""",
)

_ACCOUNTS: tuple[str, ...] = (
    """CREATE TABLE staff (
        key TEXT PRIMARY KEY,       -- the name, folded
        name TEXT NOT NULL, role TEXT NOT NULL,
        password TEXT NOT NULL,     -- Argon2id, encoded; empty: none set yet
        active INTEGER NOT NULL,
        link TEXT NOT NULL, link_until REAL NOT NULL,   -- the one-time link's hash
        made_by TEXT NOT NULL, made_at REAL NOT NULL, seen_at REAL NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE staff_sessions (
        id TEXT PRIMARY KEY,        -- hash
        account TEXT NOT NULL REFERENCES staff ON DELETE CASCADE,
        began_at REAL NOT NULL, seen_at REAL NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX staff_sessions_by_account ON staff_sessions (account)",
    # Names and addresses that failed to log in, as keyed hashes.
    """CREATE TABLE staff_failures (
        key TEXT PRIMARY KEY, tries INTEGER NOT NULL, retry_at REAL NOT NULL, last_at REAL NOT NULL
    ) WITHOUT ROWID""",
    # What staff did; each hash covers the row and the hash before it. Lines outlive applicants' data and hold none of it.
    """CREATE TABLE staff_log (
        number INTEGER PRIMARY KEY, at REAL NOT NULL, staff TEXT NOT NULL, action TEXT NOT NULL,
        object TEXT NOT NULL, detail TEXT NOT NULL, result TEXT NOT NULL, hash TEXT NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE staff_log_head (
        id INTEGER PRIMARY KEY, number INTEGER NOT NULL, hash TEXT NOT NULL, seal TEXT NOT NULL
    ) WITHOUT ROWID""",
)
_LISTING: tuple[str, ...] = (
    "ALTER TABLE drafts ADD COLUMN listed INTEGER NOT NULL DEFAULT 0",  # whether `listed` says what the draft says
    "CREATE INDEX drafts_unlisted ON drafts (updated_at) WHERE listed = 0",
    """CREATE TABLE listed (
        channel TEXT NOT NULL, sender TEXT NOT NULL, draft TEXT NOT NULL UNIQUE,
        programme TEXT NOT NULL, service TEXT NOT NULL, stage TEXT NOT NULL, outcome TEXT NOT NULL,
        done INTEGER NOT NULL, total INTEGER NOT NULL,
        lacking INTEGER NOT NULL, missing TEXT NOT NULL,    -- how many fields have no value, and which, each between spaces
        deadline TEXT NOT NULL, due_label TEXT NOT NULL,    -- the next date; 9999-12-31: none
        turns_on TEXT NOT NULL,     -- the day from which all this may be otherwise
        unit TEXT NOT NULL, station TEXT NOT NULL, name TEXT NOT NULL, mobile TEXT NOT NULL,
        words TEXT NOT NULL,        -- what is searched, folded and cut: an index holds it
        begun_at REAL NOT NULL, changed_at REAL NOT NULL,
        policy TEXT NOT NULL,       -- fingerprint of the policy data it was made with
        mark TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '',
        marked_at REAL NOT NULL DEFAULT 0, marked_by TEXT NOT NULL DEFAULT '', assignee TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (channel, sender, draft),
        FOREIGN KEY (channel, sender, draft) REFERENCES drafts ON DELETE CASCADE
    ) WITHOUT ROWID""",
    # Filters and orders get by with it, without reading the rows.
    """CREATE INDEX listed_by_change ON listed
        (changed_at, draft, programme, service, stage, outcome, mark, assignee, deadline, lacking, begun_at, words)""",
    "CREATE INDEX listed_by_lacking ON listed (lacking, changed_at, draft)",
    "CREATE INDEX listed_by_assignee ON listed (assignee) WHERE assignee <> ''",
    "CREATE INDEX listed_by_policy ON listed (policy, turns_on)",
    """CREATE TABLE draft_notes (
        channel TEXT NOT NULL, sender TEXT NOT NULL, draft TEXT NOT NULL, id TEXT NOT NULL,
        staff TEXT NOT NULL, at REAL NOT NULL, text TEXT NOT NULL,
        PRIMARY KEY (channel, sender, draft, id),
        FOREIGN KEY (channel, sender, draft) REFERENCES drafts ON DELETE CASCADE
    ) WITHOUT ROWID""",
)
_REMINDERS: tuple[str, ...] = (
    # A run of reminders: a campaign of staff, or what the rules find due on a day. It names nobody: its cursor is a draft's random id.
    """CREATE TABLE campaigns (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL,
        audience TEXT NOT NULL,     -- a filter of the list of drafts, as its query
        wording TEXT NOT NULL, working_days INTEGER NOT NULL, starts_at REAL NOT NULL,
        state TEXT NOT NULL, cursor TEXT NOT NULL DEFAULT '', seen INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,
        made_by TEXT NOT NULL, made_at REAL NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE reminded (
        channel TEXT NOT NULL, sender TEXT NOT NULL,
        reason TEXT NOT NULL,       -- rule and date: the same one is never told twice
        campaign TEXT NOT NULL, draft TEXT NOT NULL, push TEXT NOT NULL UNIQUE,
        until TEXT NOT NULL,        -- the last day on which it makes sense, as 2026-11-22; empty: any
        at REAL NOT NULL,
        PRIMARY KEY (channel, sender, reason),
        FOREIGN KEY (channel, sender) REFERENCES people ON DELETE CASCADE
    ) WITHOUT ROWID""",
    "CREATE INDEX reminded_by_campaign ON reminded (campaign)",
    """CREATE TABLE unreached (
        channel TEXT NOT NULL, sender TEXT NOT NULL, campaign TEXT NOT NULL, draft TEXT NOT NULL, why TEXT NOT NULL,
        PRIMARY KEY (channel, sender, campaign, draft),
        FOREIGN KEY (channel, sender) REFERENCES people ON DELETE CASCADE
    ) WITHOUT ROWID""",
    "CREATE INDEX unreached_by_campaign ON unreached (campaign)",
    # Dates that no document and no answer gives, entered by staff: a rule counts from them.
    """CREATE TABLE recorded_dates (
        channel TEXT NOT NULL, sender TEXT NOT NULL, draft TEXT NOT NULL, rule TEXT NOT NULL,
        day TEXT NOT NULL, staff TEXT NOT NULL, at REAL NOT NULL,
        PRIMARY KEY (channel, sender, draft, rule),
        FOREIGN KEY (channel, sender, draft) REFERENCES drafts ON DELETE CASCADE
    ) WITHOUT ROWID""",
)
_EXPORTS: tuple[str, ...] = (
    """CREATE TABLE exports (
        id TEXT PRIMARY KEY, made_by TEXT NOT NULL, made_at REAL NOT NULL, format TEXT NOT NULL,
        audience TEXT NOT NULL,     -- a filter of the list of drafts, as its query
        bank INTEGER NOT NULL, reason TEXT NOT NULL, day TEXT NOT NULL,
        state TEXT NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL,
        seen_at REAL NOT NULL,      -- the worker's last sign of life
        name TEXT NOT NULL, size INTEGER NOT NULL, note TEXT NOT NULL,
        held INTEGER NOT NULL,      -- rows of `exported` there must be
        expires_at REAL NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX exports_by_maker ON exports (made_by, made_at)",
    # Whose data a file holds.
    """CREATE TABLE exported (
        channel TEXT NOT NULL, sender TEXT NOT NULL, export TEXT NOT NULL REFERENCES exports ON DELETE CASCADE,
        PRIMARY KEY (channel, sender, export),
        FOREIGN KEY (channel, sender) REFERENCES people ON DELETE CASCADE
    ) WITHOUT ROWID""",
    "CREATE INDEX exported_by_export ON exported (export)",
    # What is left of drafts whose time of keeping is over: numbers.
    """CREATE TABLE counts (
        programme TEXT NOT NULL, service TEXT NOT NULL,
        month TEXT NOT NULL,        -- in which the drafts were begun, as 2026-11
        drafts INTEGER NOT NULL, finished INTEGER NOT NULL,
        PRIMARY KEY (programme, service, month)
    ) WITHOUT ROWID""",
)

_INBOX: tuple[str, ...] = (
    # Who looks after somebody who asked for a person, and whether one speaks with them; what waits are rows of the outbox.
    """CREATE TABLE handovers (
        channel TEXT NOT NULL, sender TEXT NOT NULL,
        assignee TEXT NOT NULL, talking INTEGER NOT NULL,
        staff TEXT NOT NULL, at REAL NOT NULL,  -- who spoke last, and when
        PRIMARY KEY (channel, sender),
        FOREIGN KEY (channel, sender) REFERENCES people ON DELETE CASCADE
    ) WITHOUT ROWID""",
    "CREATE INDEX handovers_by_time ON handovers (talking, at)",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _SECOND, _THIRD, _ACCOUNTS, _LISTING, _REMINDERS, _EXPORTS, _INBOX)


def migrate(db: Database, path: str) -> tuple[int, int]:
    """Bring the database to the newest version, all steps or none; the versions before and after.

    StoreError for a database of a later program, or one that is not ours.
    """
    if (_pragma(db, "application_id"), _pragma(db, "user_version")) == (APPLICATION, len(MIGRATIONS)):
        return len(MIGRATIONS), len(MIGRATIONS)
    with db.atomic():
        # A write comes first: of two programs that start together the second waits here, and then finds the steps done.
        db.execute("CREATE TABLE IF NOT EXISTS starting (id)")
        db.execute("DROP TABLE starting")
        before = _version(db, path)
        for step, statements in enumerate(MIGRATIONS[before:], before + 1):
            for statement in statements:
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {step}")
        db.execute(f"PRAGMA application_id = {APPLICATION}")
    return before, len(MIGRATIONS)


def _version(db: Database, path: str) -> int:
    version, owner = _pragma(db, "user_version"), _pragma(db, "application_id")
    if owner != APPLICATION and (version or owner or db.table_names()):
        raise StoreError(f"{path}: this SQLite file belongs to another program; choose another file in YIZHAN_DATABASE")
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{path}: the database has version {version}, this program knows version {len(MIGRATIONS)}; "
            "install the newer program or choose another file in YIZHAN_DATABASE"
        )
    return version


def _pragma(db: Database, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])
