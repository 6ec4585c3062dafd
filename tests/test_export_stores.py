"""What exports and retention ask of a store, on each kind of database."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.export import jobs
from storage import exports, retention
from storage.exports import Export
from storage.sql import SqlStore
from storage.store import Purge
from tests.export_people import keep, person

NOW = datetime(2026, 7, 1, 9, tzinfo=UTC)


def queued(store: SqlStore, audience: str = "words=某人") -> str:
    with store.writing() as db:
        return jobs.queue(db, made_by="王芳", kind="csv", audience=audience, bank=False, reason="", day="2026-07-01", now=NOW).id


def state(store: SqlStore, export_id: str) -> Export:
    with store.reading() as db:
        found = exports.export(db, export_id)
    assert found is not None
    return found


def finished(store: SqlStore, number: int) -> str:
    """A finished export that holds these many people."""
    export_id = queued(store)
    with store.writing() as db:
        assert exports.begin(db, export_id, NOW)
        exports.hold(db, export_id, [person(one) for one in range(1, number + 1)])
        assert exports.finish(db, state_in(db, export_id))
    return export_id


def test_an_export_goes_from_the_queue_to_its_file_and_expires(store: SqlStore) -> None:
    keep(store, 1, "p", "s", {})
    export_id = queued(store)
    with store.writing() as db:
        assert exports.begin(db, export_id, NOW)
        assert not exports.begin(db, export_id, NOW)
        assert exports.note_progress(db, export_id, 3, 8, NOW)
    assert (state(store, export_id).state, state(store, export_id).done) == ("running", 3)
    with store.writing() as db:
        assert exports.bury(db, NOW, "x") == []
        assert exports.bury(db, NOW + timedelta(minutes=1), "x") == [export_id]
        assert not exports.note_progress(db, export_id, 4, 8, NOW)
        assert exports.queue_again(db, export_id, NOW)
    done = finished(store, 1)
    with store.writing() as db:
        assert exports.expire(db, NOW) == [done]
        assert exports.clean(db, NOW + timedelta(days=1)) == 1
    assert state(store, export_id).state == "waiting"


def test_a_deletion_takes_back_what_holds_the_person(store: SqlStore) -> None:
    keep(store, 1, "p", "s", {})
    keep(store, 2, "p", "s", {})
    mine, running = finished(store, 1), queued(store)
    with store.writing() as db:
        exports.begin(db, running, NOW)
        exports.hold(db, running, [person(1), person(2), person(3)])
    assert state(store, running).held == 2
    assert store.forget(person(1))
    assert (state(store, mine).state, state(store, mine).audience) == ("withdrawn", "")
    with store.reading() as db:
        assert exports.is_short(db, running)
    with store.writing() as db:
        assert not exports.finish(db, state_in(db, running))
        exports.start_over(db, running)
        exports.hold(db, running, [person(2)])
        assert exports.finish(db, state_in(db, running))


def state_in(db, export_id: str) -> Export:  # type: ignore[no-untyped-def]  # a transaction
    found = exports.export(db, export_id)
    assert found is not None
    return found


def test_drafts_come_in_the_order_asked_for(store: SqlStore) -> None:
    ids = [keep(store, number, "p", "s", {"station_name": f"站{number}"}) for number in range(1, 4)]
    wanted = [ids[2], "0" * 32, ids[0]]
    assert [row.draft.id for row in store.drafts_of(wanted)] == [ids[2], ids[0]]
    with store.reading() as db:
        assert [one.id for one in exports.chosen(db, wanted)] == [ids[2], ids[0]]
        assert exports.owners(db, ids[:2]) in ([person(1), person(2)], [person(2), person(1)])


def test_a_purge_deletes_and_counts_in_one_transaction(store: SqlStore) -> None:
    for number in range(1, 4):
        keep(store, number, "p", "s", {})

    def choose(db) -> Purge:  # type: ignore[no-untyped-def]  # a transaction
        retention.count(db, [draft for number in (1, 2) for draft in retention.drafts(db, person(number))])
        return Purge(people=(person(1), person(2), person(9)))

    assert store.purge(choose) == 2
    assert [row.person for row in store.drafts()] == [person(3)]
    with store.reading() as db:
        assert [(c.programme, c.service, c.month, c.drafts) for c in retention.counts(db)] == [("p", "s", "2026-06", 2)]


def test_a_purge_that_fails_deletes_nothing(store: SqlStore) -> None:
    keep(store, 1, "p", "s", {})

    def choose(db) -> Purge:  # type: ignore[no-untyped-def]  # a transaction
        retention.count(db, retention.drafts(db, person(1)))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.purge(choose)
    with store.reading() as db:
        assert (len(retention.people(db)), retention.counts(db)) == (1, [])


def test_one_of_several_drafts_goes_with_what_was_said_until_then(store: SqlStore) -> None:
    draft = keep(store, 1, "p", "s", {"station_name": "站"})
    revision = store.load(person(1)).revision

    def choose(db) -> Purge:  # type: ignore[no-untyped-def]  # a transaction
        retention.drop(db, person(1), [draft])
        return Purge(people=(), more=True)

    assert store.purge(choose) == 0
    session = store.load(person(1))
    assert (session.drafts, session.revision) == ((), revision + 1)
    assert store.conversation(person(1)) == []


def test_who_never_wrote_counts_from_when_they_were_first_seen(store: SqlStore) -> None:
    store.change_note(person(7), "reach", lambda _: "{}")
    with store.writing() as db:
        retention.note_first_seen(db, person(7), NOW.isoformat())
        (kept,) = retention.people(db)
        assert (kept.person, kept.seen_at) == (person(7), NOW.isoformat())
        assert retention.still(db, kept)
