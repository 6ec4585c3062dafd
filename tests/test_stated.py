"""Values typed once: what a name in braces becomes, and that every figure, date and body of an answer is proved."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from knowledge.check import check
from knowledge.facts import FactError, facts, unproved
from knowledge.load import PACKAGED, load
from knowledge.stated import UnknownValue, filled, stated, yuan

LIBRARY = load()
FACTS = [(p, fact) for p in LIBRARY.programmes for fact in facts(p).by_topic.values()]


@pytest.mark.parametrize(
    ("programme", "name", "value"),
    [
        ("liuzhou-yizhan", "money.build", "10万元"),
        ("liuzhou-yizhan", "least.people_per_activity", "50"),
        ("liuzhou-gongzuozhan", "grade.A", "30"),
        ("liuzhou-gongzuozhan", "valid_to", "2025年12月31日"),
        ("fuzhou-gaoxin-yizhan", "step.declaration.3.days", "5"),
        ("putian-yizhan", "money.match.ratio", "1:1"),
        ("putian-yizhan", "office.window.email", "ptrczx@163.com"),
        ("putian-yizhan", "document.notice-2021.number", "莆人社文〔2021〕20号"),
        ("qingdao-yizhan", "window.pilot.closes", "2021年10月31日"),
    ],
)
def test_a_name_stands_for_the_programmes_own_value(programme: str, name: str, value: str) -> None:
    assert stated(LIBRARY.programme(programme))[name] == value


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    assert filled("最多{money.build}。", {"money.build": "10万元"}) == "最多10万元。"
    assert filled("没有{{名字}}。", {}) == "没有{{名字}}。"
    with pytest.raises(UnknownValue, match=r"money\.bulid.*money\.build"):
        filled("最多{money.bulid}。", {"money.build": "10万元"})


def test_amounts_are_written_as_sentences_write_them() -> None:
    assert [yuan(n) for n in (100_000, 15_000, 800, 0)] == ["10万元", "1.5万元", "800元", "0元"]


def test_every_figure_date_and_body_of_every_fact_is_quoted_or_reckoned() -> None:
    assert len(FACTS) > 400
    assert [(f.programme, f.topic, shown) for p, f in FACTS if (shown := unproved(f, p))] == []


def test_most_sums_and_limits_are_typed_once() -> None:
    written = "".join((PACKAGED / "programmes" / p.key / "faq.toml").read_text(encoding="utf-8") for p in LIBRARY.programmes)
    assert written.count("{money.") > 40
    assert written.count("{least.") > 20
    for programme in LIBRARY.programmes:
        text = (PACKAGED / "programmes" / programme.key / "faq.toml").read_text(encoding="utf-8")
        sentences = [line for line in text.split("\n") if line.startswith(("text =", "brief =", "silent ="))]
        assert sentences
        typed = [value for name, value in stated(programme).items() if name.startswith(("money.", "valid_", "office.")) and "元" in value]
        assert [line for line in sentences for value in typed if value in line] == []


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        ("最多{money.build}，另加7万元。", "7万"),
        ("2031年5月6日以前。", "5-6、2031-5-6"),
        ("由市人才中心受理。", "市人才服务和人事考试中心"),
    ],
)
def test_a_figure_date_or_body_without_a_quotation_is_found(wrong: str, shown: str) -> None:
    programme = LIBRARY.programme("liuzhou-yizhan")
    fact = facts(programme).by_topic["amount"]
    changed = dataclasses.replace(fact, text=filled(wrong, stated(programme)), brief="")
    assert unproved(changed, programme) == tuple(shown.split("、"))
    assert unproved(dataclasses.replace(changed, text=f"请问市人才中心，{fact.text}"), programme) == ()


def test_a_reckoned_part_is_excused_only_where_it_is_said() -> None:
    programme = LIBRARY.programme("fuzhou-gaoxin-yizhan")
    fact = facts(programme).by_topic["valid"]
    assert unproved(dataclasses.replace(fact, derived=()), programme) == ("2026-7-2",)
    assert unproved(dataclasses.replace(fact, text="到2026年7月2日。"), programme) == ("2026-7-2",)


def test_the_check_names_the_file_and_topic_of_a_wrong_figure(tmp_path: Path) -> None:
    shutil.copytree(PACKAGED, tmp_path / "k")
    file = tmp_path / "k" / "programmes" / "liuzhou-yizhan" / "faq.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("不超过{money.build}的建设补助资金；", "不超过12万元的建设补助资金；", 1), encoding="utf-8")
    assert any(defect.key == "amount" and "12万" in str(defect) for defect in check(tmp_path / "k"))
    file.write_text(text.replace("{money.build}", "{money.built}", 1), encoding="utf-8")
    assert any("money.built" in str(defect) for defect in check(tmp_path / "k"))
    with pytest.raises(FactError, match="amount"):
        facts(LIBRARY.programme("liuzhou-yizhan"), tmp_path / "k" / "programmes")
