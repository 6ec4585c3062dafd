"""Notes, links and pushes beside a session, over each kind of store."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.types import Message, PersonKey, Reply, Session, Turn
from storage.sql import SqlStore
from storage.store import Link, Push, Store, StoreError
from tests.stores import Opener

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
WANG, LI = PersonKey(channel="wechat", sender="wang"), PersonKey(channel="wechat", sender="li")
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def store(opener: Opener) -> Store:
    made = opener()
    for person in (WANG, LI):
        say(made, person)
    return made


def say(store: Store, person: PersonKey, number: int = 1) -> None:
    message = Message(channel=person.channel, sender=person.sender, id=str(number), text="你好", received_at=NOW)
    turn = Turn(session=Session(person=person, revision=number), replies=(Reply(text="您好"),), stored_text="你好")
    store.commit(message, turn, number - 1)


def push(number: int, person: PersonKey = WANG, *, kind: str = "dialogue", due: datetime = NOW) -> Push:
    return Push(id=f"{person.sender}-{number}", person=person, kind=kind, body='{"text":"好了"}', due_at=due)  # type: ignore[arg-type]


def taken(store: Store, now: datetime = NOW, limit: int = 10) -> list[str]:
    return [p.id for p in store.take_pushes("wechat", now, now + timedelta(seconds=30), limit)]


# --- notes ---


def test_a_note_is_changed_read_and_deleted(store: Store) -> None:
    assert store.note(WANG, "reach") is None
    assert store.change_note(WANG, "reach", lambda old: f"{old}+1") == "None+1"
    assert store.change_note(WANG, "reach", lambda old: f"{old}+2") == "None+1+2"
    assert (store.note(WANG, "reach"), store.note(LI, "reach")) == ("None+1+2", None)
    assert store.change_note(WANG, "reach", lambda _: None) is None
    assert store.notes(WANG, "") == {}


def test_notes_are_listed_by_prefix_literally(store: Store) -> None:
    for name in ("tick:a", "tick:b", "tock", "t%"):
        store.change_note(WANG, name, lambda _: "1")
    assert set(store.notes(WANG, "tick:")) == {"tick:a", "tick:b"}
    assert set(store.notes(WANG, "t%")) == {"t%"}


def test_somebody_noted_before_the_first_message_can_begin_to_talk(store: Store) -> None:
    new = PersonKey(channel="wechat", sender="new")
    store.change_note(new, "reach", lambda _: "followed")
    assert store.load(new).revision == 0
    say(store, new)
    assert (store.load(new).revision, store.note(new, "reach")) == (1, "followed")


def test_a_change_that_fails_changes_nothing(store: Store) -> None:
    store.change_note(WANG, "reach", lambda _: "1")
    with pytest.raises(ZeroDivisionError):
        store.change_note(WANG, "reach", lambda _: str(1 / 0))
    assert store.note(WANG, "reach") == "1"


# --- links ---


def test_a_link_leads_to_its_draft_until_it_expires(store: Store) -> None:
    store.add_link("token-1", Link(person=WANG, draft="d1", expires_at=LATER), NOW)
    found = store.link("token-1", NOW)
    assert found is not None
    assert (found.person, found.draft, found.expires_at) == (WANG, "d1", LATER)
    assert store.link("token-1", LATER) is None
    assert store.link("token-2", NOW) is None


def test_links_are_revoked_by_draft_or_all(store: Store) -> None:
    for number, draft in enumerate(("d1", "d1", "d2")):
        store.add_link(f"t{number}", Link(person=WANG, draft=draft, expires_at=LATER), NOW)
    store.add_link("of li", Link(person=LI, draft="d3", expires_at=LATER), NOW)
    assert store.revoke_links(WANG, "d1") == 2
    assert [bool(store.link(t, NOW)) for t in ("t0", "t1", "t2", "of li")] == [False, False, True, True]
    assert store.revoke_links(WANG) == 1
    assert store.link("of li", NOW)


def test_a_new_link_forgets_the_expired_ones_of_that_person_alone(store: Store) -> None:
    for name, person in (("old", WANG), ("of li", LI)):
        store.add_link(name, Link(person=person, draft="d1", expires_at=LATER), NOW)
    store.add_link("good", Link(person=WANG, draft="d1", expires_at=LATER + timedelta(minutes=1)), NOW)
    store.add_link("new", Link(person=WANG, draft="d1", expires_at=LATER + timedelta(hours=1)), LATER)
    kept = [token for token in ("old", "good", "new", "of li") if store.link(token, NOW)]
    assert kept == ["good", "new", "of li"]


def test_the_token_itself_is_not_stored(store: SqlStore) -> None:
    store.add_link("CANARY-TOKEN-0123456789", Link(person=WANG, draft="d1", expires_at=LATER), NOW)
    with store.reading() as db:
        found = db.execute("SELECT * FROM links").fetchall()
    assert len(found) == 1
    assert "CANARY-TOKEN" not in str(found)


# --- pushes ---


def test_pushes_are_taken_when_due_in_each_persons_order(store: Store) -> None:
    store.post(push(1), push(2), push(1, LI), push(3, LI, due=LATER))
    assert taken(store) == ["li-1", "wang-1"]
    assert taken(store) == []
    assert store.settle_push("wang-1", "sent")
    assert taken(store) == ["wang-2"]
    store.settle_push("li-1", "sent")
    assert taken(store) == []
    assert taken(store, LATER) == ["wang-2", "li-3"]


def test_dialogue_goes_before_reminders_and_the_limit_is_kept(store: Store) -> None:
    store.post(push(1, kind="reminder"), push(2, LI))
    assert taken(store, limit=1) == ["li-2"]
    assert taken(store) == ["wang-1"]


def test_a_reply_does_not_wait_behind_a_reminder_that_is_still_waiting(store: Store) -> None:
    store.post(push(1, kind="reminder"), push(2))
    assert taken(store, limit=1) == ["wang-2"]


def test_what_a_dead_sender_took_is_taken_again_after_its_time(store: Store) -> None:
    store.post(push(1))
    first = store.take_pushes("wechat", NOW, NOW + timedelta(seconds=30), 10)
    assert (first[0].tries, taken(store, NOW + timedelta(seconds=29))) == (1, [])
    again = store.take_pushes("wechat", NOW + timedelta(seconds=30), LATER, 10)
    assert (again[0].id, again[0].tries) == ("wang-1", 2)


def test_the_same_push_posted_twice_is_there_once_whatever_became_of_it(store: Store) -> None:
    store.post(push(1))
    taken(store)
    store.settle_push("wang-1", "sent")
    store.post(push(1))
    assert taken(store, LATER) == []
    assert store.push_states("wechat") == {"sent": 1}


def test_a_push_is_put_off_kept_and_counted(store: Store) -> None:
    store.post(push(1), push(2, LI))
    taken(store)
    store.settle_push("wang-1", "waiting", note="429", due_at=LATER)
    store.settle_push("li-2", "kept", note="quota")
    assert taken(store) == []
    assert [(p.id, p.note) for p in store.pushes(LI, "kept")] == [("li-2", "quota")]
    assert store.push_states("wechat") == {"waiting": 1, "kept": 1}
    assert taken(store, LATER) == ["wang-1"]
    assert not store.settle_push("nobody", "sent")


def test_a_push_for_nobody_is_refused_and_the_others_of_the_call_are_not_queued(store: Store) -> None:
    with pytest.raises(StoreError):
        store.post(push(1), push(2, PersonKey(channel="wechat", sender="nobody")))
    assert store.push_states("wechat") == {}


def test_forgetting_takes_notes_links_and_pushes_along(store: Store) -> None:
    store.change_note(WANG, "reach", lambda _: "1")
    store.add_link("t", Link(person=WANG, draft="d1", expires_at=LATER), NOW)
    store.post(push(1))
    store.forget(WANG)
    assert (store.note(WANG, "reach"), store.link("t", NOW), taken(store)) == (None, None, [])
