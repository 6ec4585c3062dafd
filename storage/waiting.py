"""What waits for staff: who wants a person, what could not be answered, what was voted on, asked. SQL within the caller's transaction."""

import json
import secrets
from collections.abc import Sequence

from flows.types import Message, PersonKey, Turn
from storage import records
from storage.store import Connection, OutboxRow

_TO_STAFF = ("handover", "unanswered", "upvote", "downvote", "asked")
_COUNTED = "asked"
"""Waits for nobody: it is only counted."""
_ROW = "id, channel, sender, kind, payload, created_at, state"


def post(db: Connection, message: Message, turn: Turn, number: int) -> None:
    """Put what the turn has for staff on the list."""
    for item, effect in enumerate(turn.effects):
        if effect.kind in _TO_STAFF:
            payload = json.dumps({"text": effect.text, "draft": effect.draft, "facts": effect.facts}, ensure_ascii=False)
            key, at = (message.channel, message.sender, number, item), records.stamp(message.received_at)
            state = "counted" if effect.kind == _COUNTED else "pending"
            db.execute(
                "INSERT INTO outbox (channel, sender, number, item, id, kind, payload, created_at, state)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*key, secrets.token_hex(16), effect.kind, payload, at, state),
            )


def pending(db: Connection, kind: str) -> Sequence[OutboxRow]:
    """What of that kind waits, oldest first."""
    found = db.execute(f"SELECT {_ROW} FROM outbox WHERE kind = ? AND state = 'pending' ORDER BY number, item", (kind,)).fetchall()
    return sorted((_outbox_row(*row) for row in found), key=lambda row: row.created_at.timestamp())


def settle(db: Connection, row_id: str) -> bool:
    """Take a row off the list."""
    return db.execute("UPDATE outbox SET state = 'done' WHERE id = ? AND state = 'pending'", (row_id,)).rowcount == 1


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
