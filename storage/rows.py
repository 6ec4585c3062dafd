"""How does a session lie in rows, and which rows does a turn change? Reads and writes within a transaction that the caller holds.

Only rows that differ are written: the cost of a turn follows what it changed, not how much was said before.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from sqlite_utils import Database

from flows.types import Answer, Consent, Draft, PersonKey, Session
from storage import records
from storage.cipher import Cipher
from storage.store import DraftRow

_OF_PERSON = "d.channel = ? AND d.sender = ?"
_DRAFT = "d.programme, d.service, d.created_at, d.updated_at, d.finished_at, d.rules, d.judged"
_ANSWER = "a.field, a.value, a.at, a.source, a.sensitive"

Row = tuple[object, ...]


def read_session(db: Database, cipher: Cipher, person: PersonKey) -> Session:
    """The person's session as it was written; an empty one where there is none."""
    key = (person.channel, person.sender)
    row = db.execute("SELECT revision, state FROM people WHERE channel = ? AND sender = ?", key).fetchone()
    if row is None:
        return Session(person=person)
    drafts = tuple(found.draft for found in read_drafts(db, cipher, _OF_PERSON, key))
    rows = db.execute("SELECT kind, given, at, notice FROM consents WHERE channel = ? AND sender = ? ORDER BY place", key)
    consents = tuple(Consent(kind=k, given=bool(g), at=records.moment(at), notice=n) for k, g, at, n in rows)
    return records.session_from(person, row[0], row[1], drafts, consents)


def read_drafts(db: Database, cipher: Cipher, condition: str, parameters: Iterable[str]) -> list[DraftRow]:
    """The drafts for which the condition on `drafts d` holds, with their answers, in each person's own order."""
    parameters = tuple(parameters)
    answers: dict[Row, list[Answer]] = defaultdict(list)
    joined = "answers a JOIN drafts d ON a.channel = d.channel AND a.sender = d.sender AND a.draft = d.id"
    for *key, field, value, at, source, sensitive in db.execute(
        f"SELECT d.channel, d.sender, d.id, {_ANSWER} FROM {joined} WHERE {condition} ORDER BY a.place", parameters
    ):
        text = cipher.open(value, *key, field) if sensitive else value
        answer = Answer(field=field, value=records.value_from_json(text), at=records.moment(at), source=source, sensitive=bool(sensitive))
        answers[tuple(key)].append(answer)
    rows = db.execute(f"SELECT d.channel, d.sender, d.id, {_DRAFT} FROM drafts d WHERE {condition} ORDER BY d.place", parameters)
    return [DraftRow(person=PersonKey(channel=row[0], sender=row[1]), draft=_draft(row[2:], answers[tuple(row[:3])])) for row in rows]


def _draft(row: tuple[str, ...], answers: list[Answer]) -> Draft:
    draft_id, programme, service, created_at, updated_at, finished_at, rules, judged = row
    return Draft(
        id=draft_id,
        programme=programme,
        service=service,
        answers=tuple(answers),
        created_at=records.moment(created_at),
        updated_at=records.moment(updated_at),
        finished_at=records.moment(finished_at) if finished_at else None,
        rules=rules,
        judged=records.pairs_from_json(judged),
    )


def write_drafts(db: Database, cipher: Cipher, session: Session) -> None:
    """Make the person's drafts and answers what the session says."""
    key = (session.person.channel, session.person.sender)
    rows = db.execute(f"SELECT d.id, d.place, {_DRAFT} FROM drafts d WHERE {_OF_PERSON}", key)
    old: dict[str, Row] = {row[0]: row[1:] for row in rows}
    for gone in old.keys() - {draft.id for draft in session.drafts}:
        db.execute("DELETE FROM drafts WHERE channel = ? AND sender = ? AND id = ?", (*key, gone))
    for draft, place in zip(session.drafts, _places((d.id for d in session.drafts), old), strict=True):
        row = (place, *_draft_row(draft))
        if old.get(draft.id) != row:
            db.execute(
                "INSERT INTO drafts (channel, sender, id, place, programme, service, created_at, updated_at, finished_at, rules, judged)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel, sender, id) DO UPDATE SET place = excluded.place,"
                " programme = excluded.programme, service = excluded.service, created_at = excluded.created_at,"
                " updated_at = excluded.updated_at, finished_at = excluded.finished_at, rules = excluded.rules, judged = excluded.judged",
                (*key, draft.id, *row),
            )
    _write_answers(db, cipher, session)


def _draft_row(draft: Draft) -> Row:
    finished_at = records.stamp(draft.finished_at) if draft.finished_at else None
    moments = (records.stamp(draft.created_at), records.stamp(draft.updated_at), finished_at)
    return (draft.programme, draft.service, *moments, draft.rules, records.pairs_to_json(draft.judged))


def _write_answers(db: Database, cipher: Cipher, session: Session) -> None:
    key = (session.person.channel, session.person.sender)
    old: dict[str, dict[str, Row]] = defaultdict(dict)
    for draft, *row in db.execute(f"SELECT a.draft, a.place, {_ANSWER} FROM answers a WHERE a.channel = ? AND a.sender = ?", key):
        place, field, value, at, source, sensitive = row
        text = cipher.open(value, *key, draft, field) if sensitive else value
        old[draft][field] = (place, text, at, source, sensitive)
    for each in session.drafts:
        known = old[each.id]
        for gone in known.keys() - {a.field for a in each.answers}:
            db.execute("DELETE FROM answers WHERE channel = ? AND sender = ? AND draft = ? AND field = ?", (*key, each.id, gone))
        for answer, place in zip(each.answers, _places((a.field for a in each.answers), known), strict=True):
            plain = (place, records.value_to_json(answer.value), records.stamp(answer.at), answer.source, int(answer.sensitive))
            if known.get(answer.field) != plain:
                _write_answer(db, cipher, (*key, each.id, answer.field), plain)


def _write_answer(db: Database, cipher: Cipher, where: tuple[str, str, str, str], plain: tuple[int, str, str, str, int]) -> None:
    place, text, *rest, sensitive = plain
    value = cipher.seal(text, *where) if sensitive else text
    db.execute(
        "INSERT INTO answers (channel, sender, draft, field, place, value, at, source, sensitive) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (channel, sender, draft, field) DO UPDATE SET place = excluded.place, value = excluded.value, at = excluded.at,"
        " source = excluded.source, sensitive = excluded.sensitive",
        (*where, place, value, *rest, sensitive),
    )


def write_consents(db: Database, session: Session) -> None:
    """Make the person's consents what the session says."""
    key = (session.person.channel, session.person.sender)
    rows = db.execute("SELECT place, kind, given, at, notice FROM consents WHERE channel = ? AND sender = ?", key)
    old = set(rows.fetchall())
    new = {(n, c.kind, int(c.given), records.stamp(c.at), c.notice) for n, c in enumerate(session.consents)}
    for place, *_ in old - new:
        db.execute("DELETE FROM consents WHERE channel = ? AND sender = ? AND place = ?", (*key, place))
    for row in new - old:
        db.execute("INSERT INTO consents (channel, sender, place, kind, given, at, notice) VALUES (?, ?, ?, ?, ?, ?, ?)", (*key, *row))


def _places(names: Iterable[str], old: Mapping[str, Row]) -> Iterator[int]:
    """A rising place for each name: the one it had (first in its old row) where that still rises, else the next one."""
    last = -1
    for name in names:
        had = old[name][0] if name in old else -1
        last = had if isinstance(had, int) and had > last else last + 1
        yield last
