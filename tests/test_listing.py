"""The list of drafts: what it says of a draft, that it stays true, what filters find; over every kind of store."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest

from bot.settings import Settings
from bot.staff.listing import refresh, refresh_one
from bot.upkeep import Upkeep
from flows.summary import Summary, summary
from flows.types import Answer, Consent, Draft, PersonKey, Session, Turn
from storage import listed, listing, marks
from storage.listing import NOBODY, Filter, Listed, Sort
from storage.marks import Note
from storage.store import Store
from tests.stores import forget_by_message, message
from tests.talk import Talk, built
from tests.willing import goes_to_the_end

TODAY = date(2026, 11, 22)
ROUTE = ("liuzhou-yizhan", "recognition")
SUBSIDY = ("liuzhou-yizhan", "subsidy")
AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
CARD = "6222021234567890128"
FACTS = {
    "accessible_site": True,
    "suitable_venue": True,
    "display_zone": True,
    "conference_equipment": True,
    "main_business": True,
    "operating_funds": True,
    "free_or_low_cost": True,
    "capable_team": True,
    "service_staff": True,
    "complete_rules": "complete",
    "activities_per_year": 6,
    "people_per_activity": 60,
    "holds_other_carrier": False,
}


def person(number: int, channel: str = "web") -> PersonKey:
    return PersonKey(channel=channel, sender=f"p{number}")


def id_of(number: int) -> str:
    return f"{number:032x}"


def drafted(number: int, route: tuple[str, str] = ROUTE, at: datetime = AT, **values: object) -> Draft:
    answers = tuple(Answer(field=k, value=v, at=at, sensitive=k.startswith("bank_")) for k, v in values.items())  # type: ignore[arg-type]
    return Draft(id=id_of(number), programme=route[0], service=route[1], answers=answers, created_at=at, updated_at=at)


def keep(store: Store, who: PersonKey, *drafts: Draft, revision: int = 0, **changed: object) -> Session:
    session = Session(person=who, programme=drafts[0].programme, service=drafts[0].service, drafts=drafts, **changed)  # type: ignore[arg-type]
    store.commit(message(revision, who), Turn(session=session, replies=(), stored_text=""), revision)
    return store.load(who)


def up_to_date(store: Store, today: date = TODAY) -> int:
    return refresh(store, built(), today)


def found(store: Store, wanted: Filter | None = None, sort: Sort = "changed") -> list[int]:
    with store.reading() as db:
        lines = listing.page(db, wanted or Filter(), sort=sort)
        for walks in (True, False):
            assert listing.page(db, wanted or Filter(), sort=sort, walks=walks) == lines
        looked = listing.look(db, wanted or Filter(), 9, sort=sort)
        assert (looked.lines, looked.total, looked.page) == (lines, len(lines), 1)
        assert listing.count(db, wanted or Filter()) == len(lines)
        assert sorted(listing.ids(db, wanted or Filter())) == sorted(line.draft for line in lines)
    return [int(line.draft, 16) for line in lines]


def line(store: Store, number: int = 1) -> Listed:
    with store.reading() as db:
        there = listing.one(db, id_of(number))
    assert there is not None
    return there


def summed(today: date = TODAY, route: tuple[str, str] = ROUTE, **values: object) -> Summary:
    made = drafted(1, route, **values)
    told = summary(built(), Session(person=person(1), drafts=(made,)), made.id, today)
    assert told is not None
    return told


# What a draft's line says


def test_a_line_says_how_far_a_draft_is_and_whom_it_is_about() -> None:
    told = summed(
        station_type="lianyi", **FACTS, unit_name="龙城书院", station_name="书院驿站", leader_name="韦建国", leader_mobile="13900001234"
    )
    assert (told.stage, told.outcome) == ("form", "meets")
    assert (told.unit, told.station, told.name, told.mobile) == ("龙城书院", "书院驿站", "韦建国", "1234")
    assert told.done == 18
    assert told.done < told.total
    assert [field.key for field in told.missing][:2] == ["leader_email", "has_host"]


def test_what_was_left_out_on_purpose_is_missing_and_what_may_stay_empty_is_not() -> None:
    assert "leader_mobile" in {field.key for field in summed(station_type="lianyi", **FACTS, leader_mobile=None).missing}
    subsidy = summed(route=SUBSIDY, is_recognised=True, recognised_on="2026-03-01")
    assert subsidy.total > len(subsidy.missing)
    assert {"bank_card", "bank_name"}.isdisjoint(field.key for field in subsidy.missing)


def test_a_line_knows_nothing_of_bank_data() -> None:
    told = summed(route=SUBSIDY, bank_card=CARD, bank_name="某某银行")
    assert CARD not in repr(told)
    assert "某某银行" not in repr(told)


def test_a_draft_for_what_is_gone_has_no_summary() -> None:
    made = drafted(1, ("gone-yizhan", "declaration"))
    assert summary(built(), Session(person=person(1), drafts=(made,)), made.id, TODAY) is None
    assert summary(built(), Session(person=person(1)), made.id, TODAY) is None


def test_the_next_date_is_the_nearest_one_that_is_not_past() -> None:
    coming = summed(route=SUBSIDY, is_recognised=True, recognised_on="2026-03-01")
    assert coming.deadline is not None
    assert coming.deadline.day == date(2027, 3, 1)
    assert summed(date(2027, 3, 1), SUBSIDY, is_recognised=True, recognised_on="2026-03-01").deadline == coming.deadline
    assert summed(date(2027, 3, 2), SUBSIDY, is_recognised=True, recognised_on="2026-03-01").deadline is None


@pytest.mark.parametrize(
    ("route", "values"),
    [
        (SUBSIDY, {"is_recognised": True, "recognised_on": "2026-03-01", "amount_requested": 10_000}),
        (SUBSIDY, {"is_recognised": True, "recognised_on": "2027-02"}),
        (ROUTE, {"station_type": "lianyi", **FACTS}),
        (("putian-yizhan", "declaration"), {"station_type": "lianyi"}),
        (("fuzhou-gaoxin-yizhan", "declaration"), {}),
        (("fuzhou-gaoxin-yizhan", "assessment"), {}),
        (("qingdao-yizhan", "pilot"), {}),
        (("liuzhou-gongzuozhan", "evaluation"), {"g_talents": 3}),
    ],
)
def test_a_line_says_from_which_day_on_it_may_be_otherwise(route: tuple[str, str], values: dict[str, object]) -> None:
    day, changes = date(2022, 1, 1), 0
    while day < date(2028, 4, 1):
        told = summed(day, route, **values)
        until = min(told.turns_on or date.max, date(2028, 4, 1))
        for later in {day + timedelta(days=1), day + (until - day) / 2, until - timedelta(days=1)} - {day}:
            if day < later < until:
                assert replace(summed(later, route, **values), turns_on=None) == replace(told, turns_on=None)
        assert until > day
        day, changes = until, changes + 1
    assert changes < 60


# That the list stays true


def test_a_changed_draft_is_listed_anew_and_an_unchanged_one_is_left(store: Store) -> None:
    keep(store, person(1), drafted(1, unit_name="甲"))
    keep(store, person(2), drafted(2, unit_name="乙"))
    assert up_to_date(store) == 2
    assert up_to_date(store) == 0
    keep(store, person(1), drafted(1, at=AT + timedelta(hours=1), unit_name="丙"), revision=1)
    assert line(store).unit == "甲"
    with store.reading() as db:
        assert listed.count_stale(db) == 1
    assert up_to_date(store) == 1
    assert (line(store).unit, line(store, 2).unit) == ("丙", "乙")


def test_a_consent_that_is_refused_is_seen_although_no_answer_changed(store: Store) -> None:
    made = drafted(1, station_type="lianyi", **FACTS)
    keep(store, person(1), made)
    assert up_to_date(store) == 1
    keep(store, person(1), made, revision=1, consents=(Consent(kind="personal", given=False, at=AT, notice="n"),))
    assert up_to_date(store) == 1


def test_a_line_is_made_anew_when_its_day_comes(store: Store) -> None:
    keep(store, person(1), drafted(1, SUBSIDY, is_recognised=True, recognised_on="2026-03-01"))
    up_to_date(store)
    assert line(store).outcome != "fails"
    assert line(store).deadline == date(2027, 3, 1)
    assert up_to_date(store, date(2027, 3, 1)) == 0
    assert up_to_date(store, date(2027, 3, 2)) == 1
    assert (line(store).outcome, line(store).deadline) == ("fails", None)


def test_lines_made_with_other_policy_data_are_made_anew(store: Store) -> None:
    for number in (1, 2):
        keep(store, person(number), drafted(number))
    up_to_date(store)
    with store.writing() as db:
        for number, policy in ((1, "0" * 16), (2, "f" * 16)):
            db.execute("UPDATE listed SET policy = ?, done = 99 WHERE draft = ?", (policy, id_of(number)))
    assert up_to_date(store) == 2
    assert (line(store).done, line(store, 2).done) == (0, 0)


def test_a_line_is_not_kept_where_the_person_spoke_meanwhile(store: Store) -> None:
    keep(store, person(1), drafted(1, unit_name="甲"))
    with store.reading() as db:
        bare = listed.bare(db, person(1), id_of(1))
    assert bare is not None
    made = listed.Made(line=replace(bare[0], unit="旧的"), revision=bare[1], turns_on=None, policy="p")
    keep(store, person(1), drafted(1, at=AT + timedelta(hours=1), unit_name="新的"), revision=1)
    with store.writing() as db:
        assert listed.put(db, [made]) == 0
    assert up_to_date(store) == 1
    assert line(store).unit == "新的"


def test_only_so_many_are_made_at_a_time_and_the_newest_first(store: Store) -> None:
    for number in range(1, 6):
        keep(store, person(number), drafted(number, at=AT + timedelta(hours=number)))
    assert refresh(store, built(), TODAY, 2) == 2
    assert found(store) == [5, 4]
    assert refresh(store, built(), TODAY, 10) == 3


def test_one_draft_is_brought_up_to_date_by_itself(store: Store) -> None:
    for number in (1, 2):
        keep(store, person(number), drafted(number))
    refresh_one(store, built(), person(2), id_of(2), TODAY)
    assert found(store) == [2]


def test_a_draft_for_what_is_gone_is_listed_by_its_names(store: Store) -> None:
    keep(store, person(1), drafted(1, ("gone-yizhan", "declaration")))
    assert up_to_date(store) == 1
    assert (line(store).programme, line(store).stage, line(store).total) == ("gone-yizhan", "", 0)


def test_a_draft_that_cannot_be_read_is_listed_by_its_row_and_stops_no_other(store: Store) -> None:
    keep(store, person(1), drafted(1, SUBSIDY, bank_card=CARD))
    keep(store, person(2), drafted(2, unit_name="乙"))
    with store.writing() as db:
        db.execute("UPDATE answers SET value = 'AAAA' WHERE sensitive = 1")
    assert up_to_date(store) == 2
    assert (line(store).service, line(store).stage) == ("subsidy", "")
    assert line(store, 2).unit == "乙"


def test_a_deletion_takes_line_mark_and_notes_with_it(store: Store) -> None:
    keep(store, person(1), drafted(1, unit_name="甲"))
    up_to_date(store)
    with store.writing() as db:
        assert marks.mark(db, id_of(1), "returned", reason="缺章", staff="小王", now=AT)
        assert marks.add_note(db, id_of(1), Note(id="n1", staff="小王", at=1.0, text="打过电话"))
    forget_by_message(store, 1, person(1))
    with store.reading() as db:
        for table in ("listed", "draft_notes"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0


# What filters find


@pytest.fixture
def many(store: Store) -> Store:
    keep(store, person(1), drafted(1, unit_name="龙城书院", leader_name="韦建国", leader_mobile="13900001234"))
    later = AT + timedelta(days=1)
    subsidy = drafted(2, SUBSIDY, later, is_recognised=True, recognised_on="2026-03-01", unit_name="ABC（中国）100%集团")
    keep(store, person(2, "wechat"), subsidy)
    keep(store, person(3), drafted(3, ("putian-yizhan", "declaration"), AT + timedelta(days=2), station_name="莆_阳 驿站"))
    up_to_date(store)
    return store


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), [3, 2, 1]),
        (Filter(programme="liuzhou-yizhan"), [2, 1]),
        (Filter(programme="liuzhou-yizhan", service="subsidy"), [2]),
        (Filter(channel="wechat"), [2]),
        (Filter(stage="choose"), [3, 1]),
        (Filter(outcome="closed"), [3]),
        (Filter(missing="unit_name"), [3]),
        (Filter(missing="unit"), []),
        (Filter(missing="unit%name"), []),
        (Filter(since=date(2026, 11, 21)), [3, 2]),
        (Filter(until=date(2026, 11, 21)), [2, 1]),
        (Filter(since=date(2026, 11, 21), until=date(2026, 11, 21)), [2]),
        (Filter(due_from=date(2026, 11, 22)), [2]),
        (Filter(due_to=date(2027, 3, 1)), [2]),
        (Filter(due_to=date(2027, 2, 28)), []),
        (Filter(words="书院"), [1]),
        (Filter(words="建国"), [1]),
        (Filter(words="书院 建国"), [1]),
        (Filter(words="书院 集团"), []),
        (Filter(words="1234"), [1]),
        (Filter(words="13900001234"), [1]),
        (Filter(words="13900005678"), []),
        (Filter(words="1390000"), []),
        (Filter(words="ａｂｃ"), [2]),
        (Filter(words="(中国)"), [2]),
        (Filter(words="100%"), [2]),
        (Filter(words="%"), [2]),
        (Filter(words="_"), [3]),
        (Filter(words="\\"), []),
        (Filter(words="院韦"), []),
        (Filter(words=id_of(3)), [3]),
        (Filter(mark=NOBODY), [3, 2, 1]),
        (Filter(assignee=NOBODY), [3, 2, 1]),
        (Filter(mark="received"), []),
    ],
    ids=lambda given: given.to_query() if isinstance(given, Filter) else "",
)
def test_a_filter_finds(many: Store, wanted: Filter, expected: list[int]) -> None:
    assert found(many, wanted) == expected
    assert found(many, Filter.from_query(wanted.to_query())) == expected


def test_lists_are_in_the_wished_order_and_paged(many: Store) -> None:
    assert found(many, sort="deadline") == [2, 3, 1]
    lacking = {number: len(line(many, number).missing) for number in (1, 2, 3)}
    assert found(many, sort="missing") == sorted((1, 2, 3), key=lambda number: (-lacking[number], -number))
    with many.reading() as db:
        assert [int(one.draft, 16) for number in (1, 2, 3) for one in listing.page(db, Filter(), number, 2)] == [3, 2, 1]
        assert [int(draft, 16) for draft in listing.ids(db, Filter())] == [1, 2, 3]


@pytest.mark.parametrize("few", [0, 1, 2000])
@pytest.mark.parametrize("sort", get_args(Sort))
def test_a_search_is_paged_alike_however_many_it_finds(many: Store, monkeypatch: pytest.MonkeyPatch, few: int, sort: Sort) -> None:
    monkeypatch.setattr(listing, "FEW", few)
    with many.reading() as db:
        for wanted in (Filter(missing="leader_email"), Filter(words="院"), Filter(words="%"), Filter(words="没有")):
            whole = [one.draft for one in listing.page(db, wanted, sort=sort)]
            pages = [listing.look(db, wanted, number, 1, sort) for number in range(1, len(whole) + 1)]
            assert [one.draft for found in pages for one in found.lines] == whole
            assert {found.total for found in pages} <= {len(whole)}
            assert listing.look(db, wanted, 99, 1, sort).page == max(1, len(whole))


def test_marks_and_assignments_are_found_and_survive_a_change_of_the_draft(many: Store) -> None:
    with many.writing() as db:
        assert marks.mark(db, id_of(1), "returned", reason="缺章", staff="小王", now=AT)
        assert marks.assign(db, id_of(1), "小李")
        assert not marks.mark(db, id_of(9), "received", staff="小王", now=AT)
        assert not marks.assign(db, id_of(9), "小李")
        assert listing.assignees(db) == ["小李"]
    keep(many, person(1), drafted(1, at=AT + timedelta(days=3), unit_name="改名书院"), revision=1)
    up_to_date(many)
    assert found(many, Filter(mark="returned", assignee="小李")) == [1]
    assert found(many, Filter(mark=NOBODY)) == [3, 2]
    there = line(many)
    assert (there.unit, there.reason, there.marked_by, there.marked_at) == ("改名书院", "缺章", "小王", AT.timestamp())
    with many.writing() as db:
        assert marks.mark(db, id_of(1), "", staff="小王", now=AT)
        with pytest.raises(ValueError, match="mark lost"):
            marks.mark(db, id_of(1), "lost", staff="小王", now=AT)
    assert found(many, Filter(mark="returned")) == []


def test_notes_are_kept_once_and_in_order(many: Store) -> None:
    with many.writing() as db:
        for note in (Note(id="b", staff="小王", at=2.0, text="二"), Note(id="a", staff="小李", at=1.0, text="一")):
            assert marks.add_note(db, id_of(1), note)
        assert marks.add_note(db, id_of(1), Note(id="a", staff="小李", at=9.0, text="又一次"))
        assert not marks.add_note(db, id_of(9), Note(id="c", staff="小李", at=1.0, text="没有这份"))
        assert [(one.staff, one.text) for one in marks.notes(db, id_of(1))] == [("小李", "一"), ("小王", "二")]


@pytest.mark.parametrize("query", ["since=2026-13-01", "due_to=明天", "mark=lost"])
def test_a_filter_that_cannot_be_read_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match=query.split("=")[0]):
        Filter.from_query(query)


def test_what_is_no_condition_is_left_alone() -> None:
    assert Filter.from_query("?page=3&sort=deadline&words=+书院+&csrf=x&programme=") == Filter(words="书院")
    assert Filter().to_query() == ""


# With the real conversation


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    made = Talk(tmp_path, TODAY.isoformat())
    yield made
    made.desk.store.close()


def test_what_was_said_stands_in_the_list_and_goes_with_the_consent(talk: Talk) -> None:
    talk.say("我们在柳州开了家书院，想申请认定市里的人才驿站")
    draft_id = talk.desk.store.draft_ids(person(1, "console"))[0]
    goes_to_the_end(talk)
    up_to_date(talk.desk.store)
    assert [(one.stage, one.name, one.mobile) for one in lines(talk)] == [("done", "韦建国", "1234")]
    assert "韦建国".encode() in everything(talk)
    talk.all("撤回同意", "是")
    assert [(one.draft, one.name, one.mobile) for one in lines(talk)] == [(draft_id, "", "")]
    assert "韦建国".encode() not in everything(talk)
    up_to_date(talk.desk.store)
    assert [(one.name, "leader_name" in one.missing) for one in lines(talk)] == [("", True)]


def test_the_server_brings_the_list_up_to_date_by_itself(talk: Talk) -> None:
    talk.say("我们在柳州开了家书院，想申请认定市里的人才驿站")
    upkeep = Upkeep(talk.desk, Settings(database=f"sqlite:///{talk.folder / 'chat.db'}"), clock=lambda: AT)
    upkeep.look()
    asyncio.run(upkeep.stop())
    assert [one.programme for one in lines(talk)] == ["liuzhou-yizhan"]


def everything(talk: Talk) -> bytes:
    """What the files of the database hold."""
    return b"".join(path.read_bytes() for path in sorted(talk.folder.glob("chat.db*")))


def lines(talk: Talk) -> list[Listed]:
    with talk.desk.store.reading() as db:
        return list(listing.page(db, Filter()))
