"""What is shown to somebody on their next visit, where a channel cannot send by itself? Kept pushes, before the answer to their message."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.remind_gate import wanted
from flows.position import consent_given
from flows.types import Reply, Turn
from storage.store import Push, Store

if TYPE_CHECKING:
    from bot.handle import Desk  # it calls this module

CHANNELS = frozenset({"web", "console"})
SHOWN = "下次来时已显示"


def with_kept(desk: "Desk", made: Turn) -> tuple[Turn, tuple[str, ...]]:
    """The turn with what was kept before its replies, and the pushes that this shows."""
    person = made.session.person
    if person.channel not in CHANNELS or any(effect.kind == "forget" for effect in made.effects):
        return made, ()
    stopped = consent_given(made.session, "reminders") is False  # perhaps by this very message
    found = wanted(desk, desk.store.pushes(person, "kept"))
    kept = [(push.id, text) for push in found if (text := _text(push)) and not (stopped and push.kind == "reminder")]
    if not kept:
        return made, ()
    return replace(made, replies=(*(Reply(text=text) for _, text in kept), *made.replies)), tuple(push for push, _ in kept)


def settle(store: Store, pushes: Sequence[str]) -> None:
    """Note that they were shown; a crash before this shows them once more."""
    for push in pushes:
        store.settle_push(push, "sent", note=SHOWN)


def _text(push: Push) -> str:
    """Its words; empty where nobody can read it."""
    try:
        return str(json.loads(push.body)["text"])
    except (ValueError, KeyError, TypeError):
        return ""
