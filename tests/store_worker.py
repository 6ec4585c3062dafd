"""A program that commits messages to a store until it is killed; it prints each message's id once that is acknowledged.

Usage: store_worker.py ADDRESS SENDER FIRST LAST [--patient]; patient: it says again what could not be kept, until it can be.
"""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from flows.types import Answer, Draft, Message, Reply, Turn
from storage.store import Conflict, Store, StoreError
from tests.stores import opened

SECRET = b"a secret of at least 32 characters"
START = datetime(2026, 11, 22, 9, tzinfo=UTC)


def message(sender: str, number: int) -> Message:
    received_at = START + timedelta(seconds=number)
    return Message(channel="console", sender=sender, id=f"m{number}", text=f"第{number}条", received_at=received_at)


def say(store: Store, incoming: Message) -> None:
    """Commit one turn that answers a field; another program that was quicker makes it try again."""
    while True:
        if store.replies(incoming) is not None:
            return
        session = store.load(incoming.person)
        at = incoming.received_at
        draft_id = f"draft-of-{incoming.sender}"
        draft = session.drafts[0] if session.drafts else Draft(id=draft_id, programme="p", service="s", created_at=at, updated_at=at)
        answers = tuple(a for a in draft.answers if a.field != f"f{incoming.id}"[-3:])
        answers += (Answer(field=f"f{incoming.id}"[-3:], value=incoming.text, at=at),)
        drafts = (replace(draft, answers=answers, updated_at=at),)
        turn = Turn(session=replace(session, drafts=drafts), replies=(Reply(text=f"记下{incoming.id}"),), stored_text=incoming.text)
        try:
            store.commit(incoming, turn, session.revision)
            return
        except Conflict:
            continue


def say_patiently(store: Store, incoming: Message) -> None:
    """As a person does who is told to try again."""
    while True:
        try:
            say(store, incoming)
            return
        except StoreError:
            continue


def main(address: str, sender: str, first: int, last: int, patient: bool) -> None:
    store = opened(address, SECRET)
    for number in range(first, last):
        (say_patiently if patient else say)(store, message(sender, number))
        print(f"m{number}", flush=True)
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), "--patient" in sys.argv)
