"""Which drafts does a filter find, page by page, and how many? The list of drafts, kept beside them so that nobody opens 100,000 to see 50.

SQL within the caller's transaction, as SQLite and PostgreSQL both take it. How the list is kept true stands in `listed.py`, what staff note
about a draft in `marks.py`.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta, timezone
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode

from flows.types import PersonKey
from storage.store import Connection

MARKS = ("received", "returned", "withdrawn")
"""Received on paper; given back with a reason; taken back."""
NOBODY = "-"
"""In a filter: without a mark, given to nobody."""
NEVER = "9999-12-31"
"""Stands in a column for "no date": comes after every other."""
PAGE, FEW = 50, 2000
"""Lines of a page; how many finds of a search are fetched at once, to be counted and ordered without searching again."""
Sort = Literal["changed", "deadline", "missing"]
SORTS: Mapping[Sort, str] = {
    "changed": "changed_at DESC, draft DESC",
    "deadline": "deadline, changed_at DESC, draft DESC",
    "missing": "lacking DESC, changed_at DESC, draft DESC",
}
_CHINA = timezone(timedelta(hours=8))
_LONGEST = 200
_TAIL = 4
_ESCAPE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})
_SAME = ("programme", "service", "stage", "outcome", "channel")
"""Columns that are compared as they are."""
_COLUMNS = (
    "channel, sender, draft, programme, service, stage, outcome, done, total, missing, deadline, due_label, unit, station, name, mobile,"
    " begun_at, changed_at, mark, reason, marked_at, marked_by, assignee"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which drafts are wanted; what is empty does not matter. List, exports and reminders use the same."""

    programme: str = ""
    service: str = ""
    stage: str = ""
    outcome: str = ""
    channel: str = ""
    mark: str = ""
    """One of MARKS; NOBODY: none."""
    assignee: str = ""
    """NOBODY: nobody."""
    missing: str = ""
    """The key of a field without a value."""
    since: date | None = None
    """Last changed on that day in China or later."""
    until: date | None = None
    """Last changed on that day or earlier: nobody has touched it since."""
    due_from: date | None = None
    due_to: date | None = None
    """The next date lies between these days, both included."""
    words: str = ""
    """Parts of unit, station or person, or the last four digits of a mobile; each of them must occur."""

    def to_query(self) -> str:
        """As it stands in an address; `from_query` reads it back."""
        given = {name: getattr(self, name) for name in NAMES}
        return urlencode({name: value.isoformat() if isinstance(value, date) else value for name, value in given.items() if value})

    def without(self, name: str) -> "Filter":
        """The same but for that condition."""
        return Filter(**{one: getattr(self, one) for one in NAMES if one != name})

    @classmethod
    def from_query(cls, query: str) -> "Filter":
        """What an address says; what is no condition of the filter is left alone. ValueError for a date or mark that is none."""
        given = {name: value.strip()[:_LONGEST] for name, value in parse_qsl(query.removeprefix("?")) if name in NAMES}
        if given.get("mark", "") not in ("", NOBODY, *MARKS):
            raise ValueError(f"mark {given['mark']}: write one of {', '.join(MARKS)}, or {NOBODY}")
        read: dict[str, Any] = {name: _day(name, value) if name in DAYS else value for name, value in given.items() if value}
        return cls(**read)


NAMES = tuple(f.name for f in fields(Filter))
DAYS = frozenset({"since", "until", "due_from", "due_to"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of the list."""

    person: PersonKey
    draft: str
    programme: str
    service: str
    stage: str = ""
    """Empty where what it applies for is gone, or it cannot be read."""
    outcome: str = ""
    done: int = 0
    total: int = 0
    missing: tuple[str, ...] = ()
    """Keys of fields."""
    deadline: date | None = None
    due_label: str = ""
    unit: str = ""
    station: str = ""
    name: str = ""
    mobile: str = ""
    """Last digits."""
    begun_at: float = 0.0
    """Seconds since 1970, as all moments here."""
    changed_at: float = 0.0
    mark: str = ""
    reason: str = ""
    """Why it was given back, as the applicant reads it."""
    marked_at: float = 0.0
    marked_by: str = ""
    assignee: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One page, of how many drafts altogether."""

    lines: Sequence[Listed]
    total: int
    page: int
    """The one that was asked for, or the last."""


def look(db: Connection, wanted: Filter, number: int = 1, size: int = PAGE, sort: Sort = "changed") -> Look:
    """A page with the number of all. What is searched in texts is gone through once where it finds few."""
    is_search = bool(wanted.words or wanted.missing)
    few = _few(db, wanted, sort) if is_search else None
    total = count(db, wanted) if few is None else len(few)
    number = max(1, min(number, -(-total // size)))
    if few is None:
        return Look(lines=page(db, wanted, number, size, sort, walks=is_search), total=total, page=number)
    chosen = few[(number - 1) * size : number * size]
    found = db.execute(f"SELECT {_COLUMNS} FROM listed WHERE draft IN ({', '.join('?' * len(chosen))})", chosen) if chosen else ()
    lines = sorted(map(_listed, found), key=lambda line: chosen.index(line.draft))
    return Look(lines=lines, total=total, page=number)


def page(
    db: Connection, wanted: Filter, number: int = 1, size: int = PAGE, sort: Sort = "changed", *, walks: bool = False
) -> Sequence[Listed]:
    """The lines of a page; the first is 1. `walks`: so many are found that a page of them is soon met in the wished order."""
    where, values = _where(wanted)
    order = SORTS[sort]
    # without it one look at all is quicker than row after row in the order of an index that lacks what is asked for
    inner = order if walks or (sort == "changed" and not wanted.missing) else order.replace("changed_at", "changed_at + 0", 1)
    inner = inner if walks else inner.replace("lacking", "lacking + 0")
    # the inner query gets by with an index where it can, the outer one reads the few whole rows
    chosen = f"SELECT draft FROM listed WHERE {where} ORDER BY {inner} LIMIT ? OFFSET ?"
    query = f"SELECT {_COLUMNS} FROM listed WHERE draft IN ({chosen}) ORDER BY {order}"
    return [_listed(row) for row in db.execute(query, (*values, size, (number - 1) * size))]


def _few(db: Connection, wanted: Filter, sort: Sort) -> Sequence[str] | None:
    """The ids of all that are found, in order; None where there are more than FEW."""
    where, values = _where(wanted)
    query = f"SELECT draft, changed_at, deadline, lacking FROM listed WHERE {where} LIMIT ?"
    found = db.execute(query, (*values, FEW + 1)).fetchall()
    if len(found) > FEW:
        return None
    found = sorted(found, key=lambda row: (row[1], row[0]), reverse=True)
    if sort != "changed":
        found.sort(key=lambda row: row[2] if sort == "deadline" else -row[3])
    return [str(row[0]) for row in found]


def count(db: Connection, wanted: Filter) -> int:
    """How many there are."""
    where, values = _where(wanted)
    return int(db.execute(f"SELECT count(*) FROM listed WHERE {where}", values).fetchone()[0])


def ids(db: Connection, wanted: Filter) -> Sequence[str]:
    """All their ids, in the order in which they were begun: numbers stay from one export to the next."""
    where, values = _where(wanted)
    return [str(row[0]) for row in db.execute(f"SELECT draft FROM listed WHERE {where} ORDER BY begun_at, draft", values)]


def one(db: Connection, draft: str) -> Listed | None:
    """The line of one draft."""
    row = db.execute(f"SELECT {_COLUMNS} FROM listed WHERE draft = ?", (draft,)).fetchone()
    return _listed(row) if row else None


def assignees(db: Connection) -> Sequence[str]:
    """To whom drafts were given."""
    return [str(row[0]) for row in db.execute("SELECT DISTINCT assignee FROM listed WHERE assignee <> '' ORDER BY assignee")]


def folded(text: str) -> str:
    """A text as it is searched: full-width letters and digits as plain ones, without capitals, spaces as one."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _where(wanted: Filter) -> tuple[str, tuple[object, ...]]:
    conditions, values = ["1 = 1"], list[object]()
    for condition, *given in _conditions(wanted):
        conditions.append(str(condition))
        values += given
    return " AND ".join(conditions), tuple(values)


def _conditions(wanted: Filter) -> Iterator[tuple[object, ...]]:
    """SQL, each with its values."""
    for name in _SAME:
        if value := getattr(wanted, name):
            yield f"{name} = ?", value
    for name in ("mark", "assignee"):
        if value := getattr(wanted, name):
            yield f"{name} = ?", "" if value == NOBODY else value
    if wanted.since:
        yield "changed_at >= ?", _midnight(wanted.since)
    if wanted.until:
        yield "changed_at < ?", _midnight(wanted.until) + 86_400
    if wanted.due_from or wanted.due_to:
        yield "deadline >= ? AND deadline <= ? AND deadline < ?", (wanted.due_from or date.min).isoformat(), _last(wanted.due_to), NEVER
    if wanted.missing:
        yield "missing LIKE ? ESCAPE '\\'", f"% {wanted.missing.translate(_ESCAPE)} %"
    for word in folded(wanted.words).split():
        yield from _spoken(word)


def _spoken(word: str) -> Iterator[tuple[object, ...]]:
    """A word that is looked for: a part of what is there, the id of a draft, or a whole mobile, of which only the end is known."""
    if len(word) == 32 and set(word) <= set("0123456789abcdef"):
        yield "draft = ?", word
        return
    is_mobile = len(word) == 11 and word.isascii() and word.isdigit()
    yield "words LIKE ? ESCAPE '\\'", f"%{(word[-_TAIL:] if is_mobile else word).translate(_ESCAPE)}%"


def _day(name: str, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{name} {value}: write it as 2026-11-22") from None


def _last(day: date | None) -> str:
    return day.isoformat() if day else NEVER


def _midnight(day: date) -> float:
    return datetime.combine(day, time(), _CHINA).timestamp()


def _listed(row: Sequence[Any]) -> Listed:
    channel, sender, draft, programme, service, stage, outcome, done, total, missing, deadline, label, *rest = row
    names = ("unit", "station", "name", "mobile", "begun_at", "changed_at", "mark", "reason", "marked_at", "marked_by", "assignee")
    return Listed(
        person=PersonKey(channel=channel, sender=sender),
        draft=draft,
        programme=programme,
        service=service,
        stage=stage,
        outcome=outcome,
        done=done,
        total=total,
        missing=tuple(missing.split()),
        deadline=None if deadline == NEVER else date.fromisoformat(deadline),
        due_label=label,
        **dict(zip(names, rest, strict=True)),
    )
