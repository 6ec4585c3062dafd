"""Which materials has somebody ticked off on a draft's page? A tick is a note of the person, named by draft and material."""

import hashlib
from collections.abc import Sequence

from flows.types import PersonKey
from storage.store import Store


def key_of(name: str) -> str:
    """A material's name in short: its place in the list changes with the answers, its name does not."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def note_of(draft: str, key: str) -> str:
    """The name of the note; with an empty key what all of a draft's begin with."""
    return f"tick:{draft}:{key}"


def ticked(store: Store, person: PersonKey, draft: str, names: Sequence[str]) -> frozenset[str]:
    """Those of these materials that are ticked off."""
    notes = store.notes(person, note_of(draft, ""))
    return frozenset(name for name in names if note_of(draft, key_of(name)) in notes)
