"""How does a session lie in rows, and which rows does a turn change? Reads and writes within a transaction that the caller holds.

Only rows that differ are written: the cost of a turn follows what it changed, not how much was said before.
"""

from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.types import Answer, Consent, Draft, PersonKey, Session
from storage import records
from storage.cipher import Cipher
from storage.store import Connection, DraftRow

_OF = "channel = ? AND sender = ?"
_DRAFT = "d.programme, d.service, d.created_at, d.updated_at, d.finished_at, d.rules, d.judged"
_ANSWER = "a.field, a.value, a.at, a.source, a.sensitive"

Row = tuple[object, ...]
Drafts = dict[str, tuple[int, Draft]]
Answers = dict[str, dict[str, tuple[int, Answer]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What of a session lies in rows of its own, each row with its place: what was read, and what a later write compares with."""

    drafts: Drafts
    answers: Answers
    """By draft and field."""
    consents: tuple[Consent, ...]


def read_parts(db: Connection, cipher: Cipher, person: PersonKey) -> Parts:
    """The person's drafts, answers and consents; empty ones for somebody new."""
    key = (person.channel, person.sender)
    answers: Answers = defaultdict(dict)
    for draft, place, *row in db.execute(f"SELECT a.draft, a.place, {_ANSWER} FROM answers a WHERE {_OF} ORDER BY place", key):
        answers[draft][row[0]] = (place, _answer(cipher, (*key, draft), row))
    drafts = {
        draft: (place, _draft((draft, *row), [answer for _, answer in answers[draft].values()]))
        for draft, place, *row in db.execute(f"SELECT d.id, d.place, {_DRAFT} FROM drafts d WHERE {_OF} ORDER BY place", key)
    }
    rows = db.execute(f"SELECT kind, given, at, notice FROM consents WHERE {_OF} ORDER BY place", key)
    consents = tuple(Consent(kind=k, given=bool(g), at=records.moment(at), notice=n) for k, g, at, n in rows)
    return Parts(drafts=drafts, answers=answers, consents=consents)


def read_session(db: Connection, person: PersonKey, parts: Parts) -> Session:
    """The person's session as it was written; an empty one where there is none."""
    row = db.execute(f"SELECT revision, state FROM people WHERE {_OF}", (person.channel, person.sender)).fetchone()
    if row is None:
        return Session(person=person)
    drafts = tuple(draft for _, draft in parts.drafts.values())
    return records.session_from(person, row[0], row[1], drafts, parts.consents)


def read_drafts(db: Connection, cipher: Cipher, condition: str, parameters: Iterable[str]) -> list[DraftRow]:
    """The drafts for which the condition on `drafts d` holds, with their answers, in each person's own order."""
    parameters = tuple(parameters)
    answers: dict[Row, list[Answer]] = defaultdict(list)
    joined = "answers a JOIN drafts d ON a.channel = d.channel AND a.sender = d.sender AND a.draft = d.id"
    for channel, sender, draft, *row in db.execute(
        f"SELECT d.channel, d.sender, d.id, {_ANSWER} FROM {joined} WHERE {condition} ORDER BY a.place", parameters
    ):
        answers[channel, sender, draft].append(_answer(cipher, (channel, sender, draft), row))
    rows = db.execute(f"SELECT d.channel, d.sender, d.id, {_DRAFT} FROM drafts d WHERE {condition} ORDER BY d.place", parameters)
    return [DraftRow(person=PersonKey(channel=row[0], sender=row[1]), draft=_draft(row[2:], answers[tuple(row[:3])])) for row in rows]


def _answer(cipher: Cipher, where: tuple[str, str, str], row: list[Any]) -> Answer:
    field, value, at, source, sensitive = row
    text = cipher.open(_sealed(value), *where, field) if sensitive else value
    return Answer(field=field, value=records.value_from_json(text), at=records.moment(at), source=source, sensitive=bool(sensitive))


def _sealed(value: str | bytes) -> bytes:
    """What `_write_answer` wrote as Base64, which every database keeps alike; earlier versions wrote the bytes."""
    if isinstance(value, bytes):
        return value
    try:
        return b64decode(value, validate=True)
    except ValueError:
        return b""  # nothing that any key opens


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


def write_parts(db: Connection, cipher: Cipher, session: Session, old: Parts) -> Parts:
    """Make the person's rows, of which `old` is stored, what the session says; what is stored then."""
    drafts, answers = _write_drafts(db, cipher, session, old)
    _write_consents(db, session, old)
    return Parts(drafts=drafts, answers=answers, consents=session.consents)


def _write_drafts(db: Connection, cipher: Cipher, session: Session, old: Parts) -> tuple[Drafts, Answers]:
    drafts: Drafts = {}
    answers: Answers = {}
    key = (session.person.channel, session.person.sender)
    for gone in old.drafts.keys() - {draft.id for draft in session.drafts}:
        db.execute("DELETE FROM drafts WHERE channel = ? AND sender = ? AND id = ?", (*key, gone))
    for draft, place in zip(session.drafts, _places((d.id for d in session.drafts), old.drafts), strict=True):
        had_place, had = old.drafts.get(draft.id, (-1, None))
        drafts[draft.id], answers[draft.id] = (place, draft), old.answers.get(draft.id, {})
        if had is draft and had_place == place:
            continue
        row = _draft_row(draft)
        if had is None or had_place != place or not _same_row(had, draft):
            db.execute(
                "INSERT INTO drafts (channel, sender, id, place, programme, service, created_at, updated_at, finished_at, rules, judged)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel, sender, id) DO UPDATE SET place = excluded.place,"
                " programme = excluded.programme, service = excluded.service, created_at = excluded.created_at,"
                " updated_at = excluded.updated_at, finished_at = excluded.finished_at, rules = excluded.rules, judged = excluded.judged,"
                " listed = 0",
                (*key, draft.id, place, *row),
            )
        answers[draft.id] = _write_answers(db, cipher, (*key, draft.id), draft.answers, answers[draft.id])
    return drafts, answers


def _same_row(had: Draft, draft: Draft) -> bool:
    """Whether a draft's row is stored as it is; told by the moment of the last change wherever there was one."""
    return had.updated_at == draft.updated_at and _draft_row(had) == _draft_row(draft)


def _draft_row(draft: Draft) -> Row:
    finished_at = records.stamp(draft.finished_at) if draft.finished_at else None
    moments = (records.stamp(draft.created_at), records.stamp(draft.updated_at), finished_at)
    return (draft.programme, draft.service, *moments, draft.rules, records.pairs_to_json(draft.judged))


def _write_answers(
    db: Connection, cipher: Cipher, where: tuple[str, str, str], answers: tuple[Answer, ...], old: dict[str, tuple[int, Answer]]
) -> dict[str, tuple[int, Answer]]:
    new: dict[str, tuple[int, Answer]] = {}
    for gone in old.keys() - {a.field for a in answers}:
        db.execute("DELETE FROM answers WHERE channel = ? AND sender = ? AND draft = ? AND field = ?", (*where, gone))
    for answer, place in zip(answers, _places((a.field for a in answers), old), strict=True):
        had_place, had = old.get(answer.field, (-1, None))
        new[answer.field] = (place, answer)
        if had is answer and had_place == place:
            continue
        plain = _plain(answer)
        if had is None or (had_place, _plain(had)) != (place, plain):  # as it is written: 1 and true are equal, and two values
            _write_answer(db, cipher, (*where, answer.field), (place, *plain))
    return new


def _plain(answer: Answer) -> tuple[str, str, str, int]:
    return (records.value_to_json(answer.value), records.stamp(answer.at), answer.source, int(answer.sensitive))


def _write_answer(db: Connection, cipher: Cipher, where: tuple[str, str, str, str], plain: tuple[int, str, str, str, int]) -> None:
    place, text, *rest, sensitive = plain
    value = b64encode(cipher.seal(text, *where)).decode() if sensitive else text
    db.execute(
        "INSERT INTO answers (channel, sender, draft, field, place, value, at, source, sensitive) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (channel, sender, draft, field) DO UPDATE SET place = excluded.place, value = excluded.value, at = excluded.at,"
        " source = excluded.source, sensitive = excluded.sensitive",
        (*where, place, value, *rest, sensitive),
    )


def _write_consents(db: Connection, session: Session, old: Parts) -> None:
    if session.consents is old.consents:
        return
    key = (session.person.channel, session.person.sender)
    rows = db.execute("SELECT place, kind, given, at, notice FROM consents WHERE channel = ? AND sender = ?", key)
    stored = set(rows.fetchall())
    new = {(n, c.kind, int(c.given), records.stamp(c.at), c.notice) for n, c in enumerate(session.consents)}
    for place, *_ in stored - new:
        db.execute("DELETE FROM consents WHERE channel = ? AND sender = ? AND place = ?", (*key, place))
    if new != stored:
        db.execute("UPDATE drafts SET listed = 0 WHERE channel = ? AND sender = ?", key)  # how far a draft is rests on them too
    for row in new - stored:
        db.execute("INSERT INTO consents (channel, sender, place, kind, given, at, notice) VALUES (?, ?, ?, ?, ?, ?, ?)", (*key, *row))


def _places(names: Iterable[str], old: Mapping[str, tuple[int, object]]) -> Iterator[int]:
    """A rising place for each name: the one it had where that still rises, else the next one."""
    last = -1
    for name in names:
        had = old[name][0] if name in old else -1
        last = had if had > last else last + 1
        yield last
