"""What inbox, counter and figures ask of the database, on every kind of it, and that nothing of a deleted person is left there."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.types import ASKED, CODE_MARK, Draft, Effect, Message, PersonKey, Reply, Session, Turn
from storage import counter, figures, inbox, reminders, runs
from storage.reminders import Posting
from storage.runs import Run
from storage.sql import SqlStore
from storage.store import Push

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
WHO = PersonKey(channel="wechat", sender="甲%_")
OTHER = PersonKey(channel="web", sender="乙")


def turn(
    store: SqlStore, who: PersonKey, *effects: Effect, text: str = "话", reply: str = "答", draft: str = "", at: datetime = NOW
) -> None:
    """A turn with these effects; `draft`: the id of one that is begun."""
    session = store.load(who)
    number = session.revision + 1
    drafts = session.drafts
    if draft:
        drafts = (*drafts, Draft(id=draft, programme="p", service="s", created_at=at, updated_at=at, judged=(("outcome", "meets"),)))
    made = Session(person=who, drafts=drafts, consents=session.consents, handed=ASKED, revision=number)
    message = Message(channel=who.channel, sender=who.sender, id=f"m{number}", text=text, received_at=at)
    store.commit(message, Turn(session=made, replies=(Reply(text=reply),), stored_text=text, effects=effects), session.revision)


def wish(text: str = "人工") -> Effect:
    return Effect(kind="handover", text=text)


def test_from_the_wish_to_the_end(store: SqlStore) -> None:
    turn(store, WHO, wish())
    turn(store, OTHER, wish(), at=NOW - timedelta(hours=1))
    turn(store, WHO, wish("还在吗"), at=NOW + timedelta(hours=1))
    with store.reading() as db:
        first, second = inbox.handovers(db, "waiting")
        assert (first.person, first.since, first.messages) == (OTHER, NOW - timedelta(hours=1), 1)
        assert (second.person, second.since, second.messages, second.assignee, second.talking) == (WHO, NOW, 2, "", False)
        assert inbox.handover(db, second.id) == second
        assert inbox.handover(db, "nothing") is None
        assert [one.person for one in inbox.handovers(db, "waiting", limit=1, offset=1)] == [WHO]
    with store.writing() as db:
        inbox.assign(db, WHO, "王芳")
        inbox.answered(db, WHO, "李明", NOW, seen=1, talking=True)
    with store.reading() as db:
        found = inbox.handover(db, second.id)
        assert found is not None
        assert (found.since, found.messages, found.assignee, found.staff, found.talking) == (
            NOW + timedelta(hours=1),
            1,
            "王芳",
            "李明",
            True,
        )
        assert [inbox.count(db, show, assignee=name) for show in ("waiting", "talking") for name in ("", "王芳", "李明")] == [
            2,
            1,
            0,
            0,
            0,
            0,
        ]
    with store.writing() as db:
        inbox.answered(db, WHO, "李明", NOW, seen=2, talking=True)
    with store.reading() as db:
        assert [one.person for one in inbox.handovers(db, "talking", assignee="王芳")] == [WHO]
    with store.writing() as db:
        inbox.answered(db, WHO, "李明", NOW, seen=2, talking=False)
    with store.reading() as db:
        assert [one.person for one in inbox.handovers(db, "closed")] == [WHO]
        assert figures.handovers(db) == (2, 1)


def test_nobody_who_is_gone_gets_a_row(store: SqlStore) -> None:
    turn(store, WHO, wish())
    store.forget(WHO)
    with store.writing() as db:
        inbox.assign(db, WHO, "王芳")
        inbox.answered(db, WHO, "王芳", NOW, seen=1, talking=True)
        assert db.execute("SELECT count(*) FROM handovers").fetchone()[0] == 0
    assert store.load(WHO).revision == 0


@pytest.mark.parametrize("erased", [False, True])
def test_deletion_takes_rows_of_every_table_and_withdrawal_takes_the_words(store: SqlStore, erased: bool) -> None:
    turn(
        store, WHO, wish("金丝雀"), Effect(kind="unanswered", text="金丝雀", draft="d1"), Effect(kind="asked", text="answered"), draft="d1"
    )
    with store.writing() as db:
        inbox.answered(db, WHO, "王芳", NOW, seen=0, talking=True)
    if erased:
        turn(store, WHO, Effect(kind="erase"))
    else:
        store.forget(WHO)
    with store.reading() as db:
        assert inbox.questions(db) == []
        assert figures.asked(db, NOW - timedelta(days=1)) == []
        assert inbox.count(db, "waiting") == int(erased)  # who withdrew consent still waits for a person
        for table in ("handovers", "outbox", "messages"):
            rows = [tuple(row) for row in db.execute(f"SELECT * FROM {table}")]
            assert "金丝雀" not in repr(rows)
            assert bool(rows) is erased


def test_questions_with_where_they_were_asked(store: SqlStore) -> None:
    turn(store, WHO, Effect(kind="unanswered", text="甲问", draft="d1", facts=("p/t",)), draft="d1")
    turn(store, OTHER, Effect(kind="downvote", text="乙问"), Effect(kind="upvote", text="丙问"), at=NOW + timedelta(hours=1))
    with store.reading() as db:
        found = inbox.questions(db)
    assert {(q.text, q.kind, q.programme, q.facts) for q in found} == {
        ("甲问", "unanswered", "p", ("p/t",)),
        ("乙问", "downvote", "", ()),
        ("丙问", "upvote", "", ()),
    }
    with store.writing() as db:
        assert inbox.settle(db, [found[0].row, "nothing"], "pending", "ignored") == 1
        assert inbox.settle(db, [found[0].row], "pending", "done") == 0
    with store.reading() as db:
        assert [q.row for q in inbox.questions(db, "ignored")] == [found[0].row]
        assert len(inbox.questions(db)) == 2
        assert len(inbox.questions(db, limit=1)) == 1


def test_figures_are_the_same_on_every_database(store: SqlStore) -> None:
    turn(store, WHO, Effect(kind="asked", text="answered", facts=("p/t",)), draft="d1")
    turn(store, WHO, Effect(kind="asked", text="answered", facts=("p/t",)))
    turn(store, OTHER, Effect(kind="asked", text="unknown"), draft="d2")
    with store.reading() as db:
        (funnel,) = figures.funnels(db)
        assert (funnel.begun, funnel.judged, funnel.reviewed, funnel.finished, funnel.outcomes) == (2, 2, 0, 0, (2, 0, 0, 0, 0))
        assert figures.answered(db, "p", "s") == []
        assert [(one.field, one.number) for one in figures.left_after(db, "p", "s", NOW + timedelta(days=8))] == [("", 2)]
        assert {(one.fact, one.outcome, one.times, one.people) for one in figures.asked(db, NOW)} == {
            ("p/t", "answered", 2, 1),
            ("", "unknown", 1, 1),
        }


def test_what_a_reminder_did_is_the_same_on_every_database(store: SqlStore) -> None:
    for who, draft in ((WHO, "d1"), (OTHER, "d2")):
        turn(store, who, draft=draft)
    run = Run(id="r", kind="campaign", name="年末", starts_at=NOW, state="running", made_at=NOW)
    pushes = [Push(id=f"p{n}", person=who, kind="reminder", body="{}", due_at=NOW, state="sent") for n, who in enumerate((WHO, OTHER))]
    before = NOW - timedelta(hours=1)
    with store.writing() as db:
        runs.add_run(db, run)
        later = [Posting(push=push, draft=f"d{n + 1}", reason=push.id, until=None) for n, push in enumerate(pushes)]
        assert reminders.keep(db, run, "d1", 1, later[:1], [], before)
        moved = runs.run(db, "r")
        assert moved is not None
        assert reminders.keep(db, moved, "d2", 1, later[1:], [], NOW + timedelta(hours=1))
    store.post(*pushes)
    with store.reading() as db:
        assert [(one.name, one.people, one.changed) for one in figures.effects(db)] == [("年末", 2, 1)]


def test_the_counter_knows_its_people_and_how_far_their_code_is(store: SqlStore) -> None:
    here = PersonKey(channel=counter.CHANNEL, sender="c1")
    with store.writing() as db:
        counter.begin(db, "c1", "王芳")
        counter.begin(db, "c2", "李明")
    turn(store, PersonKey(channel=counter.CHANNEL, sender="c3"))  # nobody of staff began it
    turn(store, here, draft="d1")
    with store.reading() as db:
        assert {one.person.sender: (one.began_by, one.revision, one.handed) for one in counter.walk_ins(db, CODE_MARK, NOW)} == {
            "c1": ("王芳", 1, "none"),
            "c2": ("李明", 0, "none"),
        }
        assert counter.walk_in(db, "c3", CODE_MARK, NOW) is None
    turn(store, here, Effect(kind="code"), reply=f"码 {CODE_MARK}")
    code = store.conversation(here)[-1].replies[0].text.removeprefix("码 ").replace("-", "")
    for moment, state in ((NOW + timedelta(minutes=14), "open"), (NOW + timedelta(minutes=16), "expired")):
        with store.reading() as db:
            found = counter.walk_in(db, "c1", CODE_MARK, moment)
        assert found is not None
        assert found.handed == state
    turn(store, OTHER, Effect(kind="spend", text=code))
    with store.reading() as db:
        found = counter.walk_in(db, "c1", CODE_MARK, NOW)
    assert found is not None
    assert found.handed == "used"
