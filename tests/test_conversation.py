"""What people can always do, and what must never happen: changes, consent, carrying over, deletion."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flows.types import Turn
from tests.talk import Talk
from tests.willing import answer, goes_to_the_end

LIUZHOU = "我们在柳州开了家书院，想申请认定市里的人才驿站"
SUBSIDY = "我们驿站柳州市里已经认定了，现在想领那笔建设补助"


@pytest.fixture
def talk(tmp_path: Path) -> Talk:
    return Talk(tmp_path, "2026-11-22")


def until(talk: Talk, field: str) -> Turn:
    """Answer willingly until that field is asked."""
    for _ in range(60):
        assert talk.last is not None
        assert talk.last.asking is not None, talk.text()
        if talk.asks == field:
            return talk.last
        talk.say(answer(talk.last.asking))
    raise AssertionError(f"{field} is never asked")


def stored(talk: Talk) -> bytes:
    """Every byte that is kept on disk."""
    files = [f for f in talk.folder.rglob("*") if f.is_file()]
    assert files
    return b"".join(f.read_bytes() for f in files)


def test_a_change_keeps_later_answers_and_asks_again_what_depends_on_it(talk: Talk) -> None:
    talk.say(LIUZHOU)
    until(talk, "built_on")
    talk.say("修改 是否依托建站")
    assert talk.asks == "has_host"
    made = talk.say("否")
    assert talk.asks == "built_on"
    assert made.values["address"] == "某某人才驿站"
    talk.say("修改 是否依托建站")
    talk.say("是")
    assert talk.asks == "host_name"


def test_going_back_twice_reaches_the_answer_before_the_last(talk: Talk) -> None:
    talk.say(LIUZHOU)
    until(talk, "suitable_venue")
    talk.say("上一步")
    assert talk.asks == "accessible_site"
    talk.say("上一步")
    assert talk.asks == "holds_other_carrier"
    talk.say("没有")
    assert talk.asks == "suitable_venue"


def test_a_correction_changes_the_last_answer_and_asks_the_same_again(talk: Talk) -> None:
    talk.say(LIUZHOU)
    until(talk, "activities_per_year")
    talk.say("六次")
    assert talk.asks == "people_per_activity"
    made = talk.say("不对，是8次")
    assert made.values["activities_per_year"] == 8
    assert talk.asks == "people_per_activity"


def test_item_numbers_mean_the_list_that_is_shown(talk: Talk) -> None:
    talk.say(LIUZHOU)
    until(talk, "capable_team")
    talk.say("我填到哪了")
    shown = [row for row in talk.text().splitlines() if row.startswith("3. ")]
    assert len(shown) == 1
    label = shown[0].removeprefix("3. ").split("：")[0]
    talk.say("改第3项")
    assert f"“{label}”" in talk.text()


def test_several_facts_in_one_message_are_all_taken(talk: Talk) -> None:
    talk.say(LIUZHOU)
    until(talk, "accessible_site")
    made = talk.say("方便。我们一年办5场活动，每场60人，场地120平")
    assert made.values["accessible_site"] is True
    assert (made.values["activities_per_year"], made.values["people_per_activity"], made.values["venue_area"]) == (5, 60, 120)


def test_an_exclusion_is_told_at_once_with_the_offer_to_go_on(talk: Talk) -> None:
    talk.say(LIUZHOU)
    until(talk, "holds_other_carrier")
    made = talk.say("有，去年评上过自治区的")
    assert talk.asks == "proceed"
    assert "不再列入认定范围" in talk.text()
    assert made.verdict is not None
    assert made.verdict.outcome == "fails"
    talk.say("继续")
    assert talk.asks == "accessible_site"


def test_declining_to_go_on_ends_and_a_changed_answer_goes_on(talk: Talk) -> None:
    talk.say(LIUZHOU)
    until(talk, "holds_other_carrier")
    talk.all("有", "先不填")
    assert talk.last is not None
    assert talk.last.stage == "done"
    talk.say("修改 已获其他人才载体")
    talk.say("没有")
    assert talk.asks == "accessible_site"


def test_all_gaps_are_told_together_with_their_clauses(talk: Talk) -> None:
    talk.say(LIUZHOU)
    until(talk, "display_zone")
    talk.say("没有")
    until(talk, "activities_per_year")
    talk.say("3次")
    made = talk.say("49人")
    unmet = {f.rule for f in made.verdict.findings if f.result == "unmet"} if made.verdict else set()
    assert {"display_zone", "activities"} <= unmet
    assert len(unmet) == 3
    assert "每年活动不少于4次" in talk.text()
    assert "有可供设立项目展示和人才政策宣传专区" in talk.text()


def test_personal_data_before_consent_is_masked_not_taken_and_asked_later(talk: Talk) -> None:
    made = talk.say(LIUZHOU + "，我叫韦小宝，电话13977712345，邮箱weixiaobao@example.com")
    assert "还没征得您的同意" in talk.text()
    assert "leader_mobile" not in made.values
    for canary in ("13977712345", "weixiaobao", "韦小宝"):
        assert canary.encode() not in stored(talk)
    until(talk, "consent")
    talk.say("同意")
    assert talk.asks == "leader_name"


def test_refusing_consent_leaves_the_fields_blank_and_the_form_is_made(talk: Talk) -> None:
    talk.say(LIUZHOU)
    until(talk, "consent")
    talk.say("不同意")
    assert talk.asks == "has_host"
    talk.say("是，负责人电话13977712345")
    made = goes_to_the_end(talk)
    assert not {"leader_name", "leader_mobile", "leader_email"} & set(made.values)
    assert {"form", "checklist"} <= {f.kind for r in made.replies for f in r.files}
    assert b"13977712345" not in stored(talk)


def test_bank_data_is_asked_only_after_its_own_consent_and_masked(talk: Talk) -> None:
    talk.say(SUBSIDY)
    until(talk, "recognised_on")
    talk.say("2026年5月18日")
    until(talk, "bank_consent")
    talk.say("同意")
    assert talk.asks == "bank_card"
    talk.say("6222020000000000018")
    made = talk.say("中国工商银行柳州北雀支行")
    assert made.values["bank_card"] == "****0018"
    assert b"6222020000000000018" not in stored(talk)
    assert "北雀支行".encode() not in stored(talk)
    made = goes_to_the_end(talk)
    assert {"form", "calendar"} <= {f.kind for r in made.replies for f in r.files}


def test_a_bank_number_that_fails_its_check_is_kept_when_given_twice(talk: Talk) -> None:
    talk.say(SUBSIDY)
    until(talk, "recognised_on")
    talk.say("2026年5月18日")
    until(talk, "bank_card")
    talk.say("6222020000000000017")
    assert talk.asks == "bank_card"
    made = talk.say("6222020000000000017")
    assert made.values["bank_card"] == "****0017"
    assert talk.asks == "bank_name"


def test_an_amount_above_the_ceiling_is_refused_with_the_clause(talk: Talk) -> None:
    talk.say(SUBSIDY)
    until(talk, "amount_requested")
    talk.say("12万")
    assert talk.asks == "amount_requested"
    assert "不超过10万元" in talk.text()
    assert talk.say("10万").values["amount_requested"] == 100000


def test_the_subsidy_is_filled_from_the_recognition_draft(talk: Talk) -> None:
    talk.say(LIUZHOU)
    goes_to_the_end(talk)
    made = talk.say(SUBSIDY)
    assert made.service == "subsidy" if hasattr(made, "service") else made.session.service == "subsidy"
    assert made.values["station_name"] == "某某人才驿站"
    assert made.values["leader_mobile"] == "13900001234"
    asked = set()
    while made.stage != "done":
        assert made.asking is not None
        asked.add(made.asking.field)
        made = talk.say("2026年5月18日" if made.asking.field == "recognised_on" else answer(made.asking))
    assert not {"station_name", "address", "leader_name", "venue_area", "staffing"} & asked


def test_one_draft_a_person_programme_and_service(talk: Talk) -> None:
    talk.say(LIUZHOU)
    until(talk, "capable_team")
    talk.say("换成莆田的")
    assert talk.last is not None
    assert talk.last.session.programme == "putian-yizhan"
    made = talk.say("换成柳州驿站")
    if talk.asks == "service":
        made = talk.say("申请认定")
    assert "您已有一份" in talk.text()
    assert made.session.programme == "liuzhou-yizhan"
    assert len(made.session.drafts) == 2
    assert talk.asks == "capable_team"


def test_deleting_leaves_no_trace(talk: Talk) -> None:
    talk.say(LIUZHOU)
    until(talk, "leader_name")
    talk.all("韦小宝", "13977712345", "weixiaobao@example.com")
    made = goes_to_the_end(talk)
    paths = [Path(f.path) for r in made.replies for f in r.files]
    assert paths
    assert all(p.is_file() for p in paths)
    talk.say("删除我的数据")
    assert talk.asks == "confirm"
    talk.say("是", message_id="delete")
    kept = stored(talk)
    for canary in ("韦小宝", "13977712345", "weixiaobao", "某某人才驿站"):
        assert canary.encode() not in kept
    assert not any(p.exists() for p in paths)
    assert talk.say("是", message_id="delete").replies[0].text.startswith("已删除")


def test_withdrawing_consent_removes_personal_answers_and_files(talk: Talk) -> None:
    talk.say(LIUZHOU)
    until(talk, "leader_name")
    talk.all("韦小宝", "13977712345", "weixiaobao@example.com")
    made = goes_to_the_end(talk)
    paths = [Path(f.path) for r in made.replies for f in r.files]
    made = talk.say("撤回同意")
    assert "leader_name" not in made.values
    assert made.values["station_name"] == "某某人才驿站"
    assert not any(p.exists() for p in paths)
    assert b"13977712345" not in stored(talk)
    assert "韦小宝".encode() not in stored(talk)


def test_the_same_message_three_times_is_one_transition(talk: Talk) -> None:
    talk.say(LIUZHOU)
    until(talk, "activities_per_year")
    first = [talk.say("4次", message_id="same") for _ in range(3)]
    assert len({repr(t.replies) for t in first}) == 1
    talk.say("看看", message_id="later")
    assert talk.say("4次", message_id="same").replies == first[0].replies
    assert talk.last is not None
    assert talk.last.session.draft is not None
    assert [a.value for a in talk.last.session.draft.answers if a.field == "activities_per_year"] == [4]


def test_what_the_day_changes_is_said_after_a_pause(talk: Talk) -> None:
    talk.today = type(talk.today)(2025, 8, 15)
    made = talk.say("我是福州高新区的，想申报区里的人才驿站")
    assert made.verdict is not None
    assert made.verdict.outcome == "open"
    talk.all("综合型", "暂停")
    talk.today = type(talk.today)(2026, 11, 22)
    made = talk.say("继续")
    assert made.verdict is not None
    assert made.verdict.outcome == "closed"
    assert "2026年7月2日" in talk.text()


@pytest.mark.parametrize(
    ("day", "outcome"), [("2026-07-02", "closed"), ("2025-09-30", "open"), ("2025-10-01", "closed"), ("2025-07-01", "open")]
)
def test_the_third_quarter_is_the_window(talk: Talk, day: str, outcome: str) -> None:
    talk.today = type(talk.today).fromisoformat(day)
    if day == "2026-07-02":
        outcome = "open"  # the last day of force lies in the third quarter and counts
    made = talk.say("我是福州高新区的，想申报区里的人才驿站")
    assert made.verdict is not None
    assert made.verdict.outcome == outcome


HOSTILE: list[tuple[str, Callable[[str], bool]]] = [
    ("云下\x00人才驿站\u202e", lambda v: v == "云下人才驿站"),
    ("云下\ud800人才驿站", lambda v: v == "云下人才驿站"),
    ("云\u200b下人才驿站", lambda v: v == "云下人才驿站"),
    ("{{7*7}}]]>人才驿站", lambda v: v == "{{7*7}}]]>人才驿站"),
]


@pytest.mark.parametrize(("said", "good"), HOSTILE)
def test_hostile_text_is_stored_clean_and_literal(talk: Talk, said: str, good: Callable[[str], bool]) -> None:
    talk.say(LIUZHOU)
    until(talk, "station_name")
    made = talk.say(said)
    assert good(str(made.values["station_name"])), made.values
    made = goes_to_the_end(talk)
    assert any(f.kind == "form" for r in made.replies for f in r.files)


def test_ten_thousand_characters_are_politely_refused_and_nothing_is_lost(talk: Talk) -> None:
    talk.say(LIUZHOU)
    until(talk, "station_name")
    talk.say("驿" * 10_001)
    assert "太长" in talk.text()
    assert talk.asks == "station_name"


def test_full_width_digits_are_read(talk: Talk) -> None:
    talk.say(LIUZHOU)
    until(talk, "activities_per_year")
    assert talk.say("１２次").values["activities_per_year"] == 12


def test_the_types_clause_is_the_reason_and_the_applicant_decides(talk: Talk) -> None:
    talk.say("柳州驿站，想申请认定")
    assert talk.asks == "station_type"
    talk.say("我们是孵化器，哪种适合我")
    assert talk.asks == "station_type"
    assert "创业型人才驿站可设立在创业氛围浓厚的众创空间" in talk.text()
    assert talk.say("联谊型").values["station_type"] == "lianyi"


def test_a_suggested_sentence_can_be_taken(talk: Talk) -> None:
    talk.say(LIUZHOU)
    made = until(talk, "activities")
    assert "用这句" in [c.label for c in made.asking.choices] if made.asking else False
    made = talk.say("用这句")
    assert "60" in str(made.values["activities"])


def test_personal_fields_stay_blank_on_a_channel_without_personal_data(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2026-11-22", channel="elsewhere")
    talk.say(LIUZHOU)
    asked = set()
    while talk.last is not None and talk.last.stage != "done":
        assert talk.last.asking is not None
        asked.add(talk.asks)
        talk.say(answer(talk.last.asking))
    assert not {"consent", "leader_name", "leader_mobile", "leader_email"} & asked


def test_a_channel_abroad_asks_its_own_yes_and_never_bank_data(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2026-11-22", channel="telegram")
    talk.say(SUBSIDY)
    until(talk, "recognised_on")
    talk.say("2026年5月18日")
    until(talk, "consent")
    talk.say("同意")
    assert talk.asks == "consent"
    assert "境外" in talk.text()
    talk.say("同意")
    assert talk.asks == "leader_name"
    asked = set()
    while talk.last is not None and talk.last.stage != "done":
        assert talk.last.asking is not None
        asked.add(talk.asks)
        talk.say(answer(talk.last.asking))
    assert not {"bank_consent", "bank_card", "bank_name"} & asked


def test_a_hedged_answer_that_sounds_like_a_question_is_an_answer(talk: Talk) -> None:
    talk.say(LIUZHOU)
    until(talk, "holds_other_carrier")
    made = talk.say("不知道算不算，应该没有吧")
    assert made.values["holds_other_carrier"] is False
    assert made.effects == ()


@pytest.mark.parametrize("said", ["没有", "有的", "好"])
def test_a_bare_yes_or_no_to_the_type_is_asked_again_and_never_judged(talk: Talk, said: str) -> None:
    talk.say(LIUZHOU.split("，")[0])
    until(talk, "station_type")
    made = talk.say(said)
    assert talk.asks == "station_type"
    assert not any(reply.citations for reply in made.replies)
