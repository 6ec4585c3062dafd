"""When the policy data changes under a draft, it is judged again and the person is told what changed."""

import hashlib
import re
import shutil
from dataclasses import replace
from pathlib import Path

from flows.assistant import assistant
from knowledge.load import PACKAGED, load
from tests.talk import Talk
from tests.willing import answer


def changed_knowledge(folder: Path) -> Path:
    """A copy in which 柳州's limit of yearly activities is 6 (and its text says so)."""
    copy = folder / "knowledge"
    shutil.copytree(PACKAGED, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    place = copy / "programmes" / "liuzhou-yizhan"
    for path in [place / "programme.toml", place / "policy" / "main.md", place / "faq.toml"]:
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("不少于4次", "不少于6次"), encoding="utf-8")
    programme = (place / "programme.toml").read_text(encoding="utf-8")
    old, new = 'field = "activities_per_year", value = 4', 'field = "activities_per_year", value = 6'
    assert programme.count(old) == 1
    programme = programme.replace("4次", "6次").replace(old, new)  # the remedy and the note of the rule name the number too
    (place / "programme.toml").write_text(resealed(programme, place / "policy" / "main.md"), encoding="utf-8")
    return copy


def resealed(programme: str, policy: Path) -> str:
    """The programme with the SHA-256 of the changed text."""
    body = "".join(line for line in policy.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    digest = hashlib.sha256(re.sub(r"\s+", "", body).encode()).hexdigest()
    return re.sub(r'sha256 = "[0-9a-f]{64}"', f'sha256 = "{digest}"', programme)


def test_the_person_is_told_which_condition_and_which_outcome_changed(tmp_path: Path) -> None:
    talk = Talk(tmp_path / "chat", "2026-11-22")
    talk.say("我们在柳州开了家书院，想申请认定市里的人才驿站")
    while talk.asks != "unit_name":
        assert talk.last is not None
        assert talk.last.asking is not None
        talk.say("5次" if talk.asks == "activities_per_year" else answer(talk.last.asking))
    assert talk.last is not None
    assert talk.last.verdict is not None
    assert talk.last.verdict.outcome == "meets"
    talk.desk = replace(talk.desk, assistant=assistant(load(changed_knowledge(tmp_path))))
    made = talk.say("我回来了")
    assert "政策数据更新了" in talk.text()
    assert "由“书面条件都符合”变为“有一般应的条件没达到”" in talk.text()
    assert made.verdict is not None
    assert made.verdict.outcome == "discretionary"
    talk.say("帮助")
    assert "政策数据更新了" not in talk.text()


def test_a_programme_that_is_no_longer_there_is_said_and_another_one_can_be_begun(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2026-11-22")
    talk.say("我们在柳州开了家书院，想申请认定市里的人才驿站")
    talk.say("联谊型")
    known = talk.desk.assistant.library
    fewer = replace(known, programmes=tuple(p for p in known.programmes if p.key != "liuzhou-yizhan"))
    talk.desk = replace(talk.desk, assistant=assistant(fewer))
    made = talk.say("继续")
    assert "已经不在收录的政策里" in talk.text()
    assert made.session.programme is None
    assert [draft.programme for draft in made.session.drafts] == ["liuzhou-yizhan"]
    talk.say("我填到哪了")
    assert "已经不在收录的政策里" not in talk.text()
    talk.say("查看我的数据")
    assert "（已经不在收录的政策里的一份草稿）\n类型：联谊型" in talk.text()
    made = talk.say("我们在莆田，想申报人才驿站")
    assert made.session.programme == "putian-yizhan"
    talk.say("删除我的数据")
    assert talk.say("是").session.drafts == ()
