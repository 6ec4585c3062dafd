"""What somebody is reminded of: rules relative to dates of policy and draft, their wording, and what the proof of the data refuses."""

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from flows.deadlines import closing
from flows.reminders import Known, Planner, rules_of
from flows.reminding import campaign_told, opened, still_due, told
from flows.types import Session
from knowledge.check import Defect, check
from knowledge.types import Library, ReminderRule, Window
from tests.talk import Talk
from tests.willing import answer, goes_to_the_end

SAMPLE = Path(__file__).parent / "fixtures" / "sample"
SUBSIDY = Known(programme="liuzhou-yizhan", service="subsidy", changed=date(2026, 1, 5), values={"recognised_on": "2026-01-18"})
FUZHOU = Known(programme="fuzhou-gaoxin-yizhan", service="declaration", changed=date(2025, 7, 1))
STATION = Known(programme="liuzhou-gongzuozhan", service="establishment", changed=date(2024, 1, 1))


def due(library: Library, known: Known, on: str, kind: str = "") -> list[tuple[str, date]]:
    found = Planner(library, date.fromisoformat(on)).due(known)
    return [(notice.rule.id, notice.day) for notice in found if kind in ("", notice.rule.kind)]


# Before a date


@pytest.mark.parametrize(
    ("on", "step"),
    [
        ("2026-12-18", None),
        ("2026-12-19", 30),
        ("2027-01-10", 30),
        ("2027-01-11", 7),
        ("2027-01-17", 1),
        ("2027-01-18", 1),
        ("2027-01-19", None),
    ],
)
def test_before_the_year_after_recognition_ends(library: Library, on: str, step: int | None) -> None:
    found = [n for n in Planner(library, date.fromisoformat(on)).due(SUBSIDY) if n.rule.kind == "deadline"]
    assert [n.reason.rsplit("/", 1)[1] for n in found] == ([str(step)] if step else [])
    assert all(n.day == n.until == date(2027, 1, 18) for n in found)


def test_without_the_date_of_recognition_no_date_is_guessed(library: Library) -> None:
    assert due(library, replace(SUBSIDY, values={}), "2027-01-10", "deadline") == []
    assert due(library, replace(SUBSIDY, values={"recognised_on": None}), "2027-01-10", "deadline") == []


def test_the_same_day_gives_the_same_reason_and_another_date_another(library: Library) -> None:
    def reasons(known: Known, on: str) -> set[str]:
        return {n.reason for n in Planner(library, date.fromisoformat(on)).due(known)}

    assert reasons(SUBSIDY, "2027-01-12") == reasons(SUBSIDY, "2027-01-13") != set()
    assert not reasons(SUBSIDY, "2027-01-12") & reasons(SUBSIDY, "2027-01-17")
    later = replace(SUBSIDY, values={"recognised_on": "2027-03-01"})
    assert not reasons(SUBSIDY, "2027-01-12") & reasons(later, "2028-02-25")


@pytest.mark.parametrize(
    ("on", "found"),
    [
        ("2025-09-15", []),
        ("2025-09-16", [("window_closes", date(2025, 9, 30))]),
        ("2025-09-30", [("window_closes", date(2025, 9, 30))]),
        ("2025-10-01", []),
    ],
)
def test_before_a_yearly_window_closes(library: Library, on: str, found: list[tuple[str, date]]) -> None:
    assert due(library, FUZHOU, on, "window") == found


def test_an_expired_programme_has_no_window_to_remind_of(library: Library) -> None:
    assert due(library, replace(FUZHOU, changed=date(2026, 9, 1)), "2026-09-20", "window") == []


def test_the_next_years_window_reminds_again(library: Library) -> None:
    first, second = (Planner(library, date(year, 9, 20)).due(replace(FUZHOU, changed=date(year, 9, 1))) for year in (2024, 2025))
    assert {n.reason for n in first} & {n.reason for n in second} == set()
    assert {n.rule.id for n in first} >= {"window_closes"}
    assert {n.rule.id for n in second} >= {"window_closes"}


@pytest.mark.parametrize(
    ("months", "today", "last"),
    [
        ((7, 8, 9), date(2025, 7, 1), date(2025, 9, 30)),
        ((12, 1, 2), date(2027, 12, 5), date(2028, 2, 29)),
        ((12, 1, 2), date(2027, 2, 5), date(2027, 2, 28)),
        ((3,), date(2026, 3, 31), date(2026, 3, 31)),
        ((7, 8, 9), date(2025, 10, 1), None),
        (tuple(range(1, 13)), date(2025, 10, 1), None),
    ],
)
def test_the_last_day_of_a_window_by_months(months: tuple[int, ...], today: date, last: date | None) -> None:
    found = closing(Window(kind="yearly", months=months, text="每年", cite=()), today)
    assert (found.day if found else None) == last


@pytest.mark.parametrize(("on", "found"), [("2025-11-30", []), ("2025-12-03", ["management_end"]), ("2026-03-02", [])])
def test_before_a_period_ends_that_counts_from_a_recorded_date(library: Library, on: str, found: list[str]) -> None:
    known = replace(STATION, recorded={"management_end": "2024-03-01"})
    assert [rule for rule, day in due(library, known, on, "recorded") if day == date(2026, 3, 1)] == found
    assert due(library, STATION, on, "recorded") == []


# After the last change


@pytest.mark.parametrize(("gone", "step"), [(6, ""), (7, "7"), (14, "7"), (15, ""), (29, ""), (30, "30"), (37, "30"), (38, ""), (400, "")])
def test_a_draft_that_was_left_is_reminded_of_by_steps_and_not_long_after(library: Library, gone: int, step: str) -> None:
    known = replace(SUBSIDY, values={}, changed=date(2026, 5, 1))
    found = [n for n in Planner(library, date(2026, 5, 1) + timedelta(days=gone)).due(known) if n.rule.kind == "idle"]
    assert [n.reason.rsplit("/", 1)[1] for n in found] == ([step] if step else [])


def test_who_changed_the_draft_today_is_not_reminded(library: Library) -> None:
    assert due(library, replace(SUBSIDY, changed=date(2027, 1, 11)), "2027-01-11") == []
    assert due(library, replace(SUBSIDY, changed=date(2027, 1, 10)), "2027-01-11") == [("deadline", date(2027, 1, 18))]


def test_a_finished_draft_is_not_idle_but_may_lack_something(library: Library) -> None:
    known = replace(SUBSIDY, values={}, changed=date(2026, 5, 1), finished=date(2026, 5, 1))
    assert due(library, known, "2026-05-08") == [("missing", date(2026, 5, 1))]


def test_a_programme_that_is_gone_has_nothing_due(library: Library) -> None:
    assert Planner(library, date(2026, 5, 8)).due(replace(SUBSIDY, programme="none")) == ()
    assert Planner(library, date(2026, 5, 8)).due(replace(SUBSIDY, service="none")) == ()


def test_a_programmes_own_rule_goes_before_the_shared_one_and_may_switch_it_off(library: Library) -> None:
    def changed(rule: ReminderRule) -> Library:
        programmes = tuple(
            replace(p, versions=tuple(replace(v, reminders=(rule,)) for v in p.versions)) if p.key == SUBSIDY.programme else p
            for p in library.programmes
        )
        return replace(library, programmes=programmes)

    shared = next(rule for rule in library.reminders.rules if rule.id == "idle")
    own = changed(replace(shared, days=(2,)))
    known = replace(SUBSIDY, values={}, changed=date(2026, 5, 1))
    assert [n.reason[-2:] for n in Planner(own, date(2026, 5, 3)).due(known)] == ["/2"]
    off = changed(replace(shared, days=()))
    assert "idle" not in {rule.id for rule in rules_of(off, SUBSIDY.programme, "subsidy", date(2026, 5, 3))}
    assert due(off, known, "2026-05-08") == []
    assert "idle" in {rule.id for rule in rules_of(off, FUZHOU.programme, "declaration", date(2026, 5, 3))}


# Wording


def reminded(talk: Talk, rule: str, on: str, known: Known) -> str:
    session = talk.desk.store.load(talk.message("").person)
    draft = opened(talk.desk.assistant, session, session.drafts[0].id, date.fromisoformat(on))
    assert draft is not None
    notice = next(n for n in Planner(talk.desk.assistant.library, draft.today).due(known) if n.rule.id == rule)
    return told(draft, notice).text


def test_a_reminder_names_date_and_clause_of_the_drafts_own_programme_and_how_to_stop(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2027-01-02")
    talk.all("柳州人才驿站 建设补助资金", "继续")
    text = reminded(talk, "deadline", "2027-01-11", SUBSIDY)
    assert "2027年1月18日" in text
    assert "柳人社规〔2022〕5号 四（三）：“经我市认定的“人才驿站”可在被认定之日起一年内" in text
    assert text.splitlines()[-1] == talk.desk.assistant.library.reminders.footer
    assert "退订" in text.splitlines()[-1]


def test_a_reminder_of_an_expired_programme_says_so_first(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2026-11-10")
    talk.all("福州高新区人才驿站 建站申报", "窗口型")
    text = reminded(talk, "idle", "2026-11-20", replace(FUZHOU, changed=date(2026, 11, 13)))
    assert text.startswith("先说明：")
    assert "已经失效，现在不能正式申报" in text.splitlines()[0]


def test_a_reminder_outside_the_window_says_so_first(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2025-11-10")
    talk.all("福州高新区人才驿站 建站申报", "窗口型")
    text = reminded(talk, "idle", "2025-11-20", replace(FUZHOU, changed=date(2025, 11, 13)))
    assert "不在这个时间内，现在不能正式申报" in text.splitlines()[0]


def test_the_fields_of_a_platforms_notice_fit_it(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2027-01-02")
    talk.all("柳州人才驿站 建设补助资金", "继续")
    session = talk.desk.store.load(talk.message("").person)
    draft = opened(talk.desk.assistant, session, session.drafts[0].id, date(2027, 1, 11))
    assert draft is not None
    notice = next(n for n in Planner(talk.desk.assistant.library, draft.today).due(SUBSIDY) if n.rule.id == "deadline")
    assert told(draft, notice).notice == {"thing1": "日期提醒", "thing2": "柳州市人才驿站 建设补助资金", "date3": "2027年1月18日"}
    assert max(map(len, told(draft, notice).notice.values())) <= 20


def test_a_draft_that_waits_for_nothing_is_not_idle_and_one_with_all_ticked_lacks_nothing(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2026-05-01")
    talk.say("柳州人才驿站 申请认定")
    known = Known(programme="liuzhou-yizhan", service="recognition", changed=date(2026, 4, 24))
    planner = Planner(talk.desk.assistant.library, date(2026, 5, 1))
    idle = next(n for n in planner.due(known) if n.rule.id == "idle")
    missing = next(n for n in planner.due(replace(known, finished=known.changed)) if n.rule.id == "missing")

    def draft():  # type: ignore[no-untyped-def]  # DraftToday
        session = talk.desk.store.load(talk.message("").person)
        return opened(talk.desk.assistant, session, session.drafts[0].id, date(2026, 5, 1))

    assert still_due(draft(), idle)
    goes_to_the_end(talk)
    assert not still_due(draft(), idle)
    assert still_due(draft(), missing)
    assert all(name in told(draft(), missing).text for name in draft().materials)
    assert draft().materials
    assert not still_due(replace(draft(), ticked=frozenset(draft().materials)), missing)


def test_a_campaigns_wording_is_filled_for_each_draft(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2026-05-01")
    talk.say("柳州人才驿站 申请认定")
    session = talk.desk.store.load(talk.message("").person)
    draft = opened(talk.desk.assistant, session, session.drafts[0].id, date(2026, 5, 1))
    assert draft is not None
    text = campaign_told(draft, "通知", "{{ name }}：{{ programme }}的培训在周五。{% if deadline %}{{ deadline }}{% endif %}").text
    assert text.splitlines()[0] == "您：柳州市人才驿站的培训在周五。"
    assert len(text.splitlines()) == 2
    assert opened(talk.desk.assistant, session, "another", date(2026, 5, 1)) is None
    assert opened(talk.desk.assistant, Session(person=session.person), draft.case.draft.id, date(2026, 5, 1)) is None


# Having none


def consent(talk: Talk) -> bool | None:
    session = talk.desk.store.load(talk.message("").person)
    return next((c.given for c in reversed(session.consents) if c.kind == "reminders"), None)


@pytest.mark.parametrize("said", ["退订", "TD", "td", "不再提醒", "我想退订", "退订提醒", "别再提醒我了", "不要再给我发提醒", "关闭提醒"])
def test_reminders_are_stopped_from_every_state(tmp_path: Path, said: str) -> None:
    talk = Talk(tmp_path, "2026-05-01")
    assert "不再给您发提醒" in talk.say(said).replies[0].text
    assert consent(talk) is False
    asked = talk.say("柳州人才驿站 申请认定，联谊型").asking
    after = talk.say(said)
    assert "恢复提醒" in after.replies[0].text
    assert after.asking == asked
    assert (talk.say("恢复提醒").asking, consent(talk)) == (asked, True)


@pytest.mark.parametrize("said", ["订", "T", "提醒", "什么时候提醒我", "提醒功能怎么用", "退订金"])
def test_other_words_stop_nothing(tmp_path: Path, said: str) -> None:
    talk = Talk(tmp_path, "2026-05-01")
    talk.say(said)
    assert consent(talk) is None


def test_a_stop_is_shown_among_ones_data_survives_a_restart_and_goes_with_deletion(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2026-05-01")
    talk.all("柳州人才驿站 申请认定", "退订")
    talk.reopen()
    talk.say("查看我的数据")
    assert "提醒 不同意" in talk.text()
    talk.all("删除我的数据", "是")
    assert consent(talk) is None


def test_withdrawing_consent_stops_reminders_too(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2026-05-01")
    talk.say("柳州人才驿站 申请认定")
    while talk.asks != "consent":
        assert talk.last is not None
        assert talk.last.asking is not None
        talk.say(answer(talk.last.asking))
    talk.say("同意")
    assert consent(talk) is None
    talk.say("撤回同意")
    assert "不再给您发提醒" in talk.text()
    assert consent(talk) is False


def test_a_stop_goes_along_to_another_channel(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2026-05-01")
    talk.all("柳州人才驿站 申请认定", "退订", "继续码")
    code = talk.text().split("继续码：")[1].split()[0]
    talk.channel = "telegram"
    talk.say(f"继续码 {code}")
    assert consent(talk) is False


# The proof of the data

GOOD = """quiet_from = "21:00"
quiet_to = "08:30"
plan_at = "09:00"
footer = "回复退订不再提醒"
[[rules]]
id = "idle"
title = "没填完"
kind = "idle"
days = [7]
text = "{{ name }}填了{{ done }}项"
[[notice]]
field = "thing1"
text = "{{ title }}"
"""


def spoilt(folder: Path, old: str, new: str, more: str = "") -> list[Defect]:
    data = Path(shutil.copytree(SAMPLE, folder / "data"))
    assert old in GOOD
    (data / "reminders.toml").write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    main = next(data.glob("programmes/*/programme.toml"))
    main.write_text(main.read_text(encoding="utf-8") + more, encoding="utf-8")
    return check(data)


def test_good_rules_have_no_defect(tmp_path: Path) -> None:
    assert spoilt(tmp_path, "[7]", "[7, 30]") == []


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("[7]", "[-7]", "rules.idle.days", "天数 -7 不对"),
        ("[7]", "[0]", "rules.idle.days", "天数 0 不对"),
        ("[7]", "[7, 7]", "rules.idle.days", "重复"),
        ("[7]", '"7"', "rules.idle.days", "应为数组"),
        ("{{ done }}", "{{ dnoe }}", "rules.idle.text", "不认识的占位 dnoe"),
        ("{{ done }}", "{{ clause }}", "rules.idle.text", "不认识的占位 clause"),
        ("{{ done }}", "{{ done", "rules.idle.text", "模板写法有误"),
        ("{{ done }}", "三5", "rules.idle.text", "话里直接写了数字 5"),
        ("days = [7]", "days = [7]\nevery = 3", "rules.idle.every", "不认识的键 every"),
        ('kind = "idle"', 'kind = "sleepy"', "rules.idle.kind", "不认识的值 「sleepy」"),
        ('kind = "idle"', 'kind = "recorded"', "rules.idle.kind", "通用规则不能指定"),
        ('title = "没填完"', 'title = "没填完没填完没填完没填完没填完没填完没填完"', "rules.idle.title", "标题有 21 个字"),
        ('title = "没填完"\n', "", "rules.idle.title", "缺少必填的键 title"),
        ('quiet_from = "21:00"', 'quiet_from = "25:00"', "quiet_from", "不是钟点"),
        ('plan_at = "09:00"', 'plan_at = "07:00"', "plan_at", "安静时段"),
        ('footer = "回复退订不再提醒"', 'footer = ""', "footer", "怎样不再收到提醒"),
        ('footer = "回复退订不再提醒"', 'foter = ""', "foter", "不认识的键"),
        ("{{ title }}", "{{ name2 }}", "notice.thing1.text", "不认识的占位 name2"),
        ('field = "thing1"', 'field = "Thing"', "notice.0.field", "不是模板的字段"),
        ('footer = "回复退订不再提醒"', 'footer = "回复退订不再提醒"\nlate = -1', "late", "负数"),
        ("[[rules]]", "[[rules", "（全文）", "TOML 写法有误"),
    ],
)
def test_each_fault_is_named_with_file_and_key(tmp_path: Path, old: str, new: str, key: str, words: str) -> None:
    found = [d for d in spoilt(tmp_path, old, new) if d.key == key]
    assert [d.file for d in found] == ["reminders.toml"]
    assert words in found[0].problem


def test_a_rule_twice_is_a_defect(tmp_path: Path) -> None:
    rule = GOOD[GOOD.index("[[rules]]") : GOOD.index("[[notice]]")]
    assert {d.key for d in spoilt(tmp_path, "[[notice]]", f"{rule}[[notice]]")} == {"rules.idle.id"}


@pytest.mark.parametrize(
    ("rule", "key", "words"),
    [
        ('kind = "recorded"', "reminders.end.period", "须写齐 label、start、period 和 cite"),
        ('kind = "deadline"\ndeadlines = ["none"]', "reminders.end.deadlines", "没有期限 none"),
        ('kind = "deadline"\nservices = ["none"]', "reminders.end.services", "没有服务 none"),
        ('kind = "idle"\nperiod = "P1Y"', "reminders.end.period", "不用 label、start、period"),
    ],
)
def test_a_programmes_own_rule_is_proved_too(tmp_path: Path, rule: str, key: str, words: str) -> None:
    more = f'\n[[reminders]]\nid = "end"\ntitle = "期满"\ndays = [9]\ntext = "{{{{ name }}}}"\n{rule}\n'
    found = [d for d in spoilt(tmp_path, "[7]", "[7]", more) if d.key == key]
    assert [d.file.rsplit("/", 1)[1] for d in found] == ["programme.toml"]
    assert words in found[0].problem
