"""What does a message with a continuation code lead to? The other session is looked up, a few wrong codes are allowed, the turn is made."""

from datetime import date

from flows.assistant import Assistant
from flows.continuing import code_in
from flows.conversation import continued
from flows.types import Message, Session, Turn
from storage.store import Store

TRIES, SECONDS = 5, 3600
"""How many codes a person may hand in in that time."""
_NOTE = "code_tries"


def turn_of(store: Store, assistant: Assistant, session: Session, message: Message, today: date, new_id: str) -> Turn | None:
    """The turn of a message that hands in a code; None for any other message. StoreError where the store fails."""
    code = code_in(message.text)
    if not code:
        return None
    refusal, other = _found(store, message, code)
    return continued(assistant, session, message, refusal, other, code, today=today, new_id=new_id)


def _found(store: Store, message: Message, code: str) -> tuple[str, Session | None]:
    """Why not, as a key of the wording, or the session that the code leads to."""
    if not _allowed(store, message):
        return "code_too_often", None
    owner = store.code_owner(code, message.received_at)
    if owner is None:
        return "code_wrong", None
    return ("code_own", None) if owner == message.person else ("", store.load(owner))


def _allowed(store: Store, message: Message) -> bool:
    """Count this try, once for a message however often it comes, and say whether it is within the limit."""
    now = message.received_at.timestamp()

    def counted(note: str | None) -> str:
        tries = [part.partition("@") for part in (note or "").split()]
        recent = [(key, float(at)) for key, _, at in tries if now - float(at) < SECONDS]
        if message.id not in {key for key, _ in recent}:
            recent.append((message.id, now))
        return " ".join(f"{key}@{at}" for key, at in recent[-2 * TRIES :])

    note = store.change_note(message.person, _NOTE, counted) or ""
    keys = [part.partition("@")[0] for part in note.split()]
    return message.id in keys[:TRIES]
