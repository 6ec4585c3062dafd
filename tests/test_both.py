"""What is counted and chosen over all people, over every kind of store: figures, drafts judged by other data, the counter, retention."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from flows.types import Effect, PersonKey
from storage import counter, figures, judged, retention
from storage.figures import Answered, Asked, Funnel
from storage.retention import Count, Held
from storage.sql import SqlStore
from storage.store import Purge
from tests.stores import LI, NOW, WANG, answer, draft, say

SERVICES = {("p", "s"): "new", ("p", "t"): "new"}


@pytest.fixture
def full(store: SqlStore) -> SqlStore:
    """Two people with three drafts, one of them judged."""
    asked = Effect(kind="asked", text="answered", facts=("p/money",))
    say(store, 1, WANG, drafts=(draft("d1", answer("a", 1), answer("review", True)), draft("d2", service="t")), effects=(asked,))
    say(store, 1, LI, drafts=(draft("d3", answer("a", 2), answer("b:note", 3), answer("c", 4), at=NOW + timedelta(hours=1)),))
    with store.writing() as db:
        db.execute("UPDATE drafts SET rules = 'old', judged = ? WHERE id = 'd1'", ('[["outcome","meets"]]',))
        db.execute("UPDATE drafts SET rules = 'new', judged = ? WHERE id = 'd3'", ('[["outcome","open"]]',))
    return store


def test_figures_count_how_far_people_come_and_what_they_ask(full: SqlStore) -> None:
    with full.reading() as db:
        funnels = {(f.programme, f.service): f for f in figures.funnels(db)}
        answered = sorted(figures.answered(db, "p", "s"), key=lambda one: one.field)
        left = sorted(figures.left_after(db, "p", "s", NOW + timedelta(days=1)), key=lambda one: one.field)
        asked = figures.asked(db, NOW - timedelta(days=1))
        assert figures.effects(db) == []
        assert figures.handovers(db) == (0, 0)
    funnel = Funnel(programme="p", service="s", begun=2, judged=1, reviewed=1, finished=0, outcomes=(1, 0, 0, 1, 0))
    assert funnels["p", "s"] == funnel
    assert funnels["p", "t"].begun == 1
    assert answered == [Answered(programme="p", service="s", field=f, number=n) for f, n in (("a", 2), ("c", 1))]
    assert left == [Answered(programme="p", service="s", field=f, number=1) for f in ("a", "c")]
    assert asked == [Asked(fact="p/money", outcome="answered", times=1, people=1)]


def test_drafts_that_other_data_judged_are_found(full: SqlStore) -> None:
    with full.reading() as db:
        assert list(judged.open_drafts(db, SERVICES, "", 10)) == ["d1", "d2", "d3"]
        assert list(judged.open_drafts(db, [("p", "s")], "d1", 10)) == ["d3"]
        assert judged.count_outdated(db, SERVICES) == 1
        assert judged.outdated(db, SERVICES) == {"d1"}
        assert list(judged.outdated_page(db, SERVICES, 0, 5)) == ["d1"]
        assert list(judged.outdated_page(db, SERVICES, 1, 5)) == []


def test_who_is_served_at_the_counter_is_found(full: SqlStore) -> None:
    with full.writing() as db:
        counter.begin(db, "c1", "李")
    with full.reading() as db:
        found = counter.walk_in(db, "c1", "CODE", NOW)
        assert found is not None
        assert (found.began_by, found.handed) == ("李", "none")
        assert [one.person.sender for one in counter.walk_ins(db, "CODE", NOW)] == ["c1"]
        assert counter.walk_in(db, "c2", "CODE", NOW) is None


def purge_of(*people: PersonKey) -> Callable[[object], Purge]:
    return lambda db: Purge(people=people, more=False)


def test_people_whose_time_is_over_go_and_numbers_stay(full: SqlStore) -> None:
    with full.reading() as db:
        assert {one.person for one in retention.people(db)} == {WANG, LI}
        assert list(retention.owners(db, ["p"])) == sorted([WANG, LI], key=lambda one: one.channel)
        held = retention.drafts(db, WANG)
    assert held[0] == Held(id="d1", programme="p", service="s", month="2026-11", finished=False)
    for _ in range(2):
        with full.writing() as db:
            retention.count(db, held)
    with full.reading() as db:
        counted = [Count(programme="p", service=s, month="2026-11", drafts=2, finished=0) for s in ("s", "t")]
        assert list(retention.counts(db)) == counted
    assert full.purge(purge_of(WANG)) == 1
    assert full.purge(purge_of(WANG)) == 0
    assert [row.draft.id for row in full.drafts()] == ["d3"]
    with full.writing() as db:
        retention.drop(db, LI, ["d3"])
    assert full.load(LI).revision == 2
    assert full.drafts() == []
    assert list(full.conversation(LI)) == []
