"""Who is affected by new policy data: exactly the drafts whose verdict, fields or dates change, and what their owners are told."""

import shutil
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.staff.policy_report import Comparison
from flows.assistant import Judging, assistant
from flows.draft_change import DraftChange, draft_change, since_judged
from flows.policy_change import differences, touched
from flows.types import Answer, Draft, Message, PersonKey, Session, Turn
from knowledge.load import PACKAGED, load
from knowledge.types import Deadline, Library, Rule, Service, Value, Window
from knowledge.types import Test as Condition
from storage.sqlite import SqliteStore
from tests.talk import Talk, built
from tests.test_policy_change import changed_knowledge
from tests.willing import answer

TODAY = date(2026, 11, 22)
AT = datetime(2026, 11, 1, tzinfo=UTC)
KEY, SERVICE = "liuzhou-yizhan", "recognition"
WILLING: dict[str, Value] = {
    "station_type": "lianyi",
    "holds_other_carrier": False,
    **dict.fromkeys(
        (
            "accessible_site",
            "suitable_venue",
            "display_zone",
            "conference_equipment",
            "main_business",
            "operating_funds",
            "free_or_low_cost",
            "capable_team",
            "service_staff",
        ),
        True,
    ),
    "complete_rules": "complete",
    "activities_per_year": 5,
    "people_per_activity": 60,
}


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the data in which 6 events a year are wanted where it was 4."""
    return changed_knowledge(tmp_path_factory.mktemp("new"))


def drafted(name: str, values: dict[str, Value], programme: str = KEY, service: str = SERVICE, **more: object) -> Draft:
    answers = tuple(Answer(field=field, value=value, at=AT) for field, value in values.items())
    return Draft(id=name, programme=programme, service=service, answers=answers, created_at=AT, updated_at=AT, **more)  # type: ignore[arg-type]  # the draft's own


def with_service(library: Library, key: str = KEY, service: str = SERVICE, **changes: object) -> Library:
    """The library with that service otherwise in the last version of the programme."""

    def one(found: Service) -> Service:
        return replace(found, **changes) if found.key == service else found  # type: ignore[arg-type]  # the service's own

    programmes = []
    for programme in library.programmes:
        if programme.key == key:
            latest = replace(programme.latest, services=tuple(one(s) for s in programme.latest.services))
            programme = replace(programme, versions=(*programme.versions[:-1], latest))
        programmes.append(programme)
    return replace(library, programmes=tuple(programmes))


def service_of(library: Library, key: str = KEY, service: str = SERVICE) -> Service:
    return next(s for s in library.programme(key).latest.services if s.key == service)


def changes(new: Library, draft: Draft, today: date = TODAY) -> DraftChange | None:
    """What becomes of a draft where that data replaces the packaged one."""
    return draft_change(Judging(library=built().library), Judging(library=new), draft, today)


def told(found: DraftChange | None) -> list[tuple[str, str, str, str]]:
    assert found is not None
    return [(c.kind, c.label, c.before, c.after) for c in found.changes]


def stored(folder: Path, *drafts: Draft) -> Path:
    """A database with these drafts, each of a person of its own."""
    path = folder / "data" / "yizhan.db"
    with closing(SqliteStore(path, b"a secret of at least 32 characters")) as store:
        for draft in drafts:
            message = Message(channel="web", sender=f"of-{draft.id}", id="m1", text="", received_at=AT)
            session = Session(person=message.person, programme=draft.programme, service=draft.service, drafts=(draft,), revision=1)
            store.commit(message, Turn(session=session, replies=(), stored_text=""), 0)
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setenv("YIZHAN_SECRET_KEY", "a secret of at least 32 characters")
    return CliRunner().invoke(app, ["check", *arguments, "--today", "2026-11-22"])


def test_a_changed_limit_names_exactly_the_drafts_whose_verdict_flips(
    tmp_path: Path, changed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From 4 to 6: below the old limit, at it, between, one below the new one, at it, above."""
    drafts = [drafted(f"with-{n}", WILLING | {"activities_per_year": n}) for n in (0, 3, 4, 5, 6, 7)]
    drafts += [
        drafted("unknown", WILLING | {"activities_per_year": None}),
        drafted("not-yet", {key: value for key, value in WILLING.items() if key != "activities_per_year"}),
        drafted("excluded", WILLING | {"holds_other_carrier": True}),
        drafted("fails-anyway", WILLING | {"suitable_venue": False}),
        drafted("elsewhere", {"activities_per_year": 5, "people_per_year": 60}, "putian-yizhan", "declaration"),
    ]
    path = stored(tmp_path, *drafts)
    made = run(monkeypatch, str(changed), "--against", str(PACKAGED), "--database", f"sqlite:///{path}")
    assert made.exit_code == 0, made.output
    named = {line.split()[0] for line in made.output.splitlines() if line and not line.startswith((" ", "政策", "柳州", "看了"))}
    assert named == {"with-4", "with-5", "excluded", "fails-anyway"}, "the last two keep their verdict, but a condition of theirs changes"
    flipped = made.output.count("结论：书面条件都符合 → 有一般应的条件没达到")
    assert flipped == 2
    assert "看了 10 份还没有收件的草稿：4 份有变化，其中 2 份结论变了。" in made.output
    assert made.output.count("每年活动不少于4次，每次服务人才人数不少于50人。") == made.output.count("每年活动不少于6次") > 2


def test_what_was_received_on_paper_or_withdrawn_is_no_open_draft(tmp_path: Path, changed: Path) -> None:
    path = stored(tmp_path, *(drafted(name, WILLING) for name in ("open", "received", "withdrawn", "returned")))
    with closing(SqliteStore(path, b"a secret of at least 32 characters")) as store:
        with store.writing() as db:
            for name in ("received", "withdrawn", "returned"):
                columns = "programme, service, stage, outcome, done, total, lacking, missing, deadline, due_label, turns_on"
                db.execute(
                    f"INSERT INTO listed (channel, sender, draft, {columns}, unit, station, name, mobile, words, begun_at, changed_at,"
                    " policy, mark) VALUES ('web', ?, ?, '', '', '', '', 0, 0, 0, '', '', '', '', '', '', '', '', '', 0, 0, '', ?)",
                    (f"of-{name}", name, name),
                )
        found = Comparison(old=built().library, new=load(changed), today=TODAY).affected(store)
        assert sorted(one.row.draft.id for one in found) == ["open", "returned"]


def test_the_message_is_the_one_that_the_chat_gives(tmp_path: Path, changed: Path) -> None:
    talk = Talk(tmp_path, "2026-11-22")
    talk.say("我们在柳州开了家书院，想申请认定市里的人才驿站")
    while talk.asks != "unit_name":
        assert talk.last is not None
        assert talk.last.asking is not None
        talk.say("5次" if talk.asks == "activities_per_year" else answer(talk.last.asking))
    new = assistant(load(changed))
    person = PersonKey(channel="console", sender="p1")
    draft = talk.desk.store.load(person).draft
    assert draft is not None
    predicted = draft_change(built(), new, draft, TODAY)
    later = since_judged(new, draft, TODAY)
    talk.desk = replace(talk.desk, assistant=new)
    made = talk.say("我回来了")
    assert predicted is not None
    assert later is not None
    assert made.replies[0].text == predicted.message == later.message
    assert predicted.flips
    assert [(c.kind, c.before) for c in later.changes] == [("outcome", "书面条件都符合"), ("rule", "符合")]
    assert later.changes[1].new is not None
    assert "不少于6次" in later.changes[1].new.quote
    again = talk.desk.store.load(person).draft
    assert again is not None
    after = draft_change(built(), new, again, TODAY)
    assert after is not None
    assert after.message == "", "it was told already"
    assert since_judged(new, again, TODAY) is None


def test_a_stronger_word_flips_the_verdict_and_shows_both(library: Library) -> None:
    rules = tuple(replace(r, strength="must") if r.id == "activities" else r for r in service_of(library).rules)
    new = with_service(library, rules=rules)
    assert told(changes(new, drafted("a", WILLING | {"activities_per_year": 3}))) == [
        ("outcome", "", "有一般应的条件没达到", "不符合书面条件"),
        (
            "rule",
            "每年活动次数",
            "一般应：“每年活动场次”不少于4次（按一年算）：没达到",
            "必须：“每年活动场次”不少于4次（按一年算）：没达到",
        ),
    ]


def test_a_new_condition_and_its_question_and_one_that_is_gone(library: Library) -> None:
    was = service_of(library)
    lost = next(r for r in was.rules if r.id == "service_staff")
    added = Rule(id="plan", label="发展规划", strength="must", test=Condition(op="yes", field="development_plan"), cite=lost.cite)
    asked = replace(next(f for f in was.fields if f.key == "service_staff"), key="development_plan", label="发展规划")
    rules = (*(r for r in was.rules if r is not lost), added)
    fields = (*(f for f in was.fields if f.key != "service_staff"), asked)
    new = with_service(library, rules=rules, fields=fields)
    found = told(changes(new, drafted("a", WILLING)))
    assert [(kind, label, bool(before), bool(after)) for kind, label, before, after in found] == [
        ("outcome", "", True, True),
        ("rule", "专兼职人员", True, False),
        ("rule", "发展规划", False, True),
        ("field", "专兼职人员", True, False),
        ("field", "发展规划", False, True),
    ]
    assert found[0][3] == "还定不下来"


def test_a_window_that_closes_earlier_closes_what_was_open(library: Library) -> None:
    cite = service_of(library).rules[0].cite
    open_until, closed = (
        with_service(library, windows=(Window(kind="dated", closes=day, text=f"{day} 前", cite=cite),))
        for day in (date(2026, 12, 31), date(2026, 11, 1))
    )
    found = draft_change(Judging(library=open_until), Judging(library=closed), drafted("a", WILLING), TODAY)
    assert told(found) == [
        ("outcome", "", "书面条件都符合", "现在不能申报"),
        ("state", "", "可以申报", "不在申报期"),
        ("deadline", "受理截止", "2026年12月31日", "2026年11月1日"),
    ]


def test_a_longer_period_moves_the_date_and_mends_the_verdict(library: Library) -> None:
    was = service_of(library, service="subsidy")
    longer = replace(next(r for r in was.rules if r.id == "within_year"), test=Condition(op="within", field="recognised_on", value="P3Y"))
    rules = tuple(longer if r.id == "within_year" else r for r in was.rules)
    deadlines: tuple[Deadline, ...] = tuple(replace(d, period="P3Y") for d in was.deadlines)
    new = with_service(library, service="subsidy", rules=rules, deadlines=deadlines)
    late = drafted("a", {"is_recognised": True, "recognised_on": "2024-11-21"}, service="subsidy")
    found = told(changes(new, late))
    assert found[0] == ("outcome", "", "不符合书面条件", "书面条件都符合")
    assert found[-1] == ("deadline", "申请建设补助资金的最后一天", "2025年11月21日", "2027年11月21日")
    at_the_limit = drafted("b", {"is_recognised": True, "recognised_on": "2025-11-22"}, service="subsidy")
    assert [kind for kind, *_ in told(changes(new, at_the_limit))] == ["deadline"], "the anniversary itself is in time"


def test_a_grade_that_asks_for_more_is_told_with_its_sum(library: Library) -> None:
    was = service_of(library, "liuzhou-gongzuozhan", "evaluation")
    grades = tuple(replace(g, at_least=25) if g.name == "B" else g for g in was.grades)
    new = with_service(library, "liuzhou-gongzuozhan", "evaluation", grades=grades)
    values: dict[str, Value] = {"station_head": True, "staff_count": 3}
    before = date(2025, 11, 22)  # while it was in force
    found = {
        n: changes(new, drafted("a", values | {"g_talents": n}, "liuzhou-gongzuozhan", "evaluation"), before) for n in (19, 20, 24, 25)
    }
    assert [n for n, one in found.items() if one] == [19, 20, 24], "19 has a longer way to B now"
    assert told(found[20]) == [("grade", "", "B，8万元，离A还差10名", "C，5万元，离B还差5名")]
    assert told(found[19]) == [("grade", "", "C，5万元，离B还差1名", "C，5万元，离B还差6名")]
    assert not any(one.flips for one in found.values() if one)


def test_other_choices_are_told_as_a_field(library: Library) -> None:
    was = service_of(library)
    kind = next(f for f in was.fields if f.key == "station_type")
    fewer = replace(kind, choices=kind.choices[:-1])
    new = with_service(library, fields=tuple(fewer if f is kind else f for f in was.fields))
    ((kind_of, label, before, after),) = told(changes(new, drafted("a", WILLING)))
    assert (kind_of, label) == ("field", "类型")
    assert "综合型" in before
    assert "综合型" not in after


def test_a_service_that_is_gone_is_said_and_no_message_promised(library: Library) -> None:
    programmes = []
    for programme in library.programmes:
        if programme.key == KEY:
            latest = replace(programme.latest, services=tuple(s for s in programme.latest.services if s.key != SERVICE))
            programme = replace(programme, versions=(latest,))
        programmes.append(programme)
    found = changes(replace(library, programmes=tuple(programmes)), drafted("a", WILLING, rules="x"))
    assert told(found) == [("service", "申请认定", "申请认定", "")]
    assert found is not None
    assert found.message == ""


def test_better_words_touch_no_draft_but_are_listed(library: Library) -> None:
    was = service_of(library)
    fields = tuple(replace(f, question=f"{f.question}？") for f in was.fields)
    rules = tuple(replace(r, remedy="别的说法") for r in was.rules)
    assert touched(library, with_service(library, fields=fields, rules=rules), TODAY) == frozenset()
    cite = (replace(was.rules[0].cite[0], quote="别的条款。"), *was.rules[0].cite[1:])
    quoted = with_service(library, rules=(replace(was.rules[0], cite=cite), *was.rules[1:]))
    assert touched(library, quoted, TODAY) == frozenset()
    ((change,),) = [one.changes for one in differences(library, quoted, TODAY)]
    assert (change.kind, change.before) == ("rule", change.after)
    assert (change.old, change.new) == (was.rules[0].cite[0], cite[0])


def test_what_differs_is_listed_kind_by_kind(library: Library) -> None:
    was = service_of(library, service="subsidy")
    programme = library.programme(KEY)
    money = tuple(replace(m, amount=200_000) if m.id == "build" else m for m in programme.latest.money)
    latest = replace(
        programme.latest,
        valid_to=date(2027, 12, 31),
        money=money,
        services=tuple(
            replace(s, materials=(replace(s.materials[0], copies=3),), deadlines=()) if s is was else s for s in programme.latest.services
        ),
    )
    others = tuple(p for p in library.programmes if p is not programme)
    new = replace(library, programmes=(replace(programme, versions=(latest,)), *others[1:]))
    found = {(one.name, one.service, c.kind): (c.before, c.after) for one in differences(library, new, TODAY) for c in one.changes}
    assert found.pop((others[0].name, "", "programme")) == (others[0].name, "")
    assert {kind for _, _, kind in found} == {"version", "force", "money", "material", "deadline"}
    sums = found["柳州市人才驿站", "建设补助资金", "money"]
    assert ("10万元" in sums[0], "20万元" in sums[1]) == (True, True)
    assert found["柳州市人才驿站", "建设补助资金", "deadline"] == ("从“认定时间”起1年", "")
    assert differences(library, library, TODAY) == ()


def test_without_a_database_the_data_is_compared_all_the_same(tmp_path: Path, changed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    made = run(monkeypatch, str(changed), "--against", str(PACKAGED))
    assert made.exit_code == 0, made.output
    assert "不少于4次（按一年算） → 一般应：“每年活动场次”不少于6次" in made.output
    assert "没有数据库，所以没有看草稿" in made.output
    assert list(tmp_path.iterdir()) == []
    assert run(monkeypatch, "--against", str(PACKAGED)).output.startswith("政策数据没有差别")


@pytest.fixture
def only_programmes(tmp_path: Path) -> Path:
    """As somebody kept it who only kept the programmes."""
    shutil.copytree(PACKAGED / "programmes", tmp_path / "old" / "programmes")
    return tmp_path / "old"


def test_an_older_folder_may_hold_the_programmes_alone(only_programmes: Path, changed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stored(only_programmes.parent, drafted("with-5", WILLING))
    made = run(monkeypatch, str(changed), "--against", str(only_programmes), "--database", f"sqlite:///{path}")
    assert made.exit_code == 0, made.output
    assert "1 份有变化，其中 1 份结论变了" in made.output


def test_what_cannot_be_compared_is_named(only_programmes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = run(monkeypatch, "--against", str(only_programmes / "programmes"))
    assert nothing.exit_code == 2
    assert "没有 programmes 文件夹" in nothing.output
    (only_programmes / "programmes" / KEY / "programme.toml").write_text("key = ", encoding="utf-8")
    broken = run(monkeypatch, "--against", str(only_programmes))
    assert broken.exit_code == 1
    assert f"programmes/{KEY}/programme.toml" in broken.output
    missing = run(monkeypatch, "--against", str(PACKAGED), "--database", f"sqlite:///{only_programmes}/none.db")
    assert missing.exit_code == 2
    assert "none.db" in missing.output
