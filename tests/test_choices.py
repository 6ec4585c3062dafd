"""Yes, no and one of several, out of how people answer."""

from collections.abc import Iterator
from datetime import date

import pytest

from flows.fields import read
from knowledge.load import load
from knowledge.types import Field, Value

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def fields() -> dict[str, Field]:
    """Every field of the packaged knowledge by its key, and by programme.service.key where it matters which."""
    found: dict[str, Field] = {}
    for name, field in _named():
        found.setdefault(name, field)
    return found


def _named() -> Iterator[tuple[str, Field]]:
    for programme in load().programmes:
        for service in programme.latest.services:
            for field in service.fields:
                yield field.key, field
                yield f"{programme.key}.{field.key}", field


def value(field: Field, said: str) -> Value:
    """The value read; the answer must be readable."""
    reading = read(field, said, TODAY)
    assert not reading.problem, f"{said}: {reading.problem}"
    return reading.value


@pytest.mark.parametrize(
    ("key", "said", "expected"),
    [
        ("station_head", "有的有的", True),
        ("station_head", "对对对，有", True),
        ("station_head", "没有没有", False),
        ("operating_funds", "能的能的", True),
        ("accessible_site", "挺偏的，在郊区，不过有停车场", False),
        ("accessible_site", "有点偏", False),
        ("accessible_site", "就在市中心，走几步就是地铁", True),
        ("free_or_low_cost", "一分钱不收", True),
        ("free_or_low_cost", "低价收费", True),
        ("free_or_low_cost", "按市场价收", False),
        ("formal_agreement", "签了框架协议", False),
        ("formal_agreement", "签了意向书", False),
        ("formal_agreement", "正式协议还没签", False),
        ("formal_agreement", "不是框架，是正式协议", True),
        ("discount_lodging", "提供不了", False),
        ("discount_lodging", "做不到", False),
        ("has_host", "自建的", False),
        ("has_host", "独立建的", False),
        ("holds_other_carrier", "以前拿到过市级的", True),
        ("in_liuzhou", "在的", True),
        ("main_business", "我们主要经营茶馆", True),
        ("expert_group", "签约了8位", True),
        ("conference_equipment", "什么都不缺", True),
    ],
)
def test_a_yes_or_no_in_ones_own_words_is_understood(fields: dict[str, Field], key: str, said: str, expected: bool) -> None:
    assert value(fields[key], said) is expected


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("conference_equipment", "有网络，没投影"),
        ("conference_equipment", "除了大屏都有"),
        ("accessible_site", "交通方便，停车不方便"),
        ("in_liuzhou", "注册地在南宁"),
        ("station_head", "有的有，有的没有"),
    ],
)
def test_an_answer_that_takes_itself_back_is_asked_again(fields: dict[str, Field], key: str, said: str) -> None:
    assert read(fields[key], said, TODAY).problem


@pytest.mark.parametrize("said", ["不太确定诶", "这个我真不太清楚耶", "说不准呢", "不大清楚"])
def test_not_sure_is_no_answer_and_not_a_no(fields: dict[str, Field], said: str) -> None:
    assert value(fields["free_or_low_cost"], said) is None


@pytest.mark.parametrize(
    ("said", "expected"),
    [("高校", "gaoxiao"), ("高校院所", "gaoxiao"), ("社会组织", "shehui"), ("是社会组织吧", "shehui"), ("第一类", "gaoxiao")],
)
def test_a_piece_of_just_one_label_is_that_choice(fields: dict[str, Field], said: str, expected: str) -> None:
    assert value(fields["liuzhou-gongzuozhan.station_type"], said) == expected


@pytest.mark.parametrize("said", ["型", "类", "驿站", "产业型"])
def test_a_piece_of_no_or_every_label_is_asked_back(fields: dict[str, Field], said: str) -> None:
    assert read(fields["liuzhou-yizhan.station_type"], said, TODAY).problem


@pytest.mark.parametrize(
    ("key", "said", "expected"),
    [
        ("action_plan", "做好了", True),
        ("development_plan", "都写好了", True),
        ("industry_nearby", "挺多的", True),
        ("industry_nearby", "不多", False),
    ],
)
def test_a_thing_that_is_done_or_plenty_is_a_yes(fields: dict[str, Field], key: str, said: str, expected: bool) -> None:
    assert value(fields[key], said) is expected


@pytest.mark.parametrize("said", ["快做好了", "正在写"])
def test_a_thing_that_is_under_way_is_asked_back(fields: dict[str, Field], said: str) -> None:
    assert read(fields["action_plan"], said, TODAY).problem


@pytest.mark.parametrize(
    ("key", "said", "expected"),
    [
        ("accessible_site", "那个交通是非常方便的门口就是公交车", True),
        ("formal_agreement", "签过了", True),
        ("operating_funds", "财政拨款", True),
    ],
)
def test_emphasis_is_no_negation(fields: dict[str, Field], key: str, said: str, expected: bool) -> None:
    assert value(fields[key], said) is expected


PLAIN = Field(key="k", label="某项", kind="yes_no", question="？")
YES = (
    "有 是 对 能 会 设了 都配了 免费 方便 好的 嗯嗯 👍 👍🏻 ✅ 1 A yes OK ＹＥＳ 是的 有的 对对对 是是是 当然有 "
    "没问题 没错 是啊 必须有 早就有了 肯定能 齐全 有專區 應該有吧 不是没有 我们单位有的 都有 可以的 "
    "有，但是不多 有，不收费 认定了，牌子都挂上了 对，依托我们公司 能保障，书院每年出钱 "
    "手上有两个教授团队 有管理细则和三年计划 嗯，有 "
)
NO = (
    "没有 否 不是 还没 不能 没建 不方便 无 没 暂时没有 目前没有 我们没有 没设 不会 没呢 no 2 B 👎 ❌ 不行 "
    "不符合 尚未认定 没签 現在沒有 从来没有 没有专门的 没有，头一回申请 没有，是新建的 不对，没有 "
)
UNCLEAR = (
    "有的还没有 没有不… 不是不行 有没有要求？ 是不是必须的 有，还没签 一部分有 部分有 看情况 可能有 "
    "还在谈 正在建 有也没有 有些有有些没有 有限公司 随便 🤔 有吗 是吗？ 打算明年建 好像没有，好像又有 "
    "我们是独立的 对面是学校 会议室 只有一个 "
)


@pytest.mark.parametrize(("said", "expected"), [(s, True) for s in YES.split()] + [(s, False) for s in NO.split()])
def test_a_plain_yes_or_no_is_understood(said: str, expected: bool) -> None:
    assert value(PLAIN, said) is expected


@pytest.mark.parametrize("said", UNCLEAR.split())
def test_what_is_neither_yes_nor_no_is_asked_back(said: str) -> None:
    reading = read(PLAIN, said, TODAY)
    assert reading.value is None
    assert 0 < len(reading.problem) <= 60


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("正式的", True),
        ("签了正式协议，不是框架的", True),
        ("只签了框架协议", False),
        ("没签正式协议", False),
        ("不是框架", True),
        ("正式的和框架的", None),
        ("部分是正式的", None),
    ],
)
def test_the_fields_own_words_count_unless_negated(said: str, expected: bool | None) -> None:
    field = Field(key="k", label="协议", kind="yes_no", question="？", yes_words=("正式",), no_words=("框架",))
    assert read(field, said, TODAY).value is expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("联谊型", "lianyi"),
        ("联谊型吧，喝茶聊天那种", "lianyi"),
        ("联谊", "lianyi"),
        ("lianyi", "lianyi"),
        ("聯誼型", "lianyi"),
        ("联宜型", "lianyi"),
        ("创业形", "chuangye"),
        ("不是联谊型，是创业型", "chuangye"),
        ("联谊型，不对，应该是专业型", "zhuanye"),
    ],
)
def test_a_type_is_recognised_however_it_is_written(fields: dict[str, Field], said: str, expected: str) -> None:
    assert value(fields["liuzhou-yizhan.station_type"], said) == expected


@pytest.mark.parametrize(("said", "place"), [("1", 0), ("第二个", 1), ("选C", 2), ("③", 2), ("３", 2), ("第三种", 2)])
def test_a_type_is_chosen_by_its_place_in_the_list(fields: dict[str, Field], said: str, place: int) -> None:
    field = fields["liuzhou-yizhan.station_type"]
    assert value(field, said) == field.choices[place].value


@pytest.mark.parametrize("said", ["联谊型和创业型都行", "不是联谊型", "转业型", "12", "都可以", "您看呢"])
def test_no_type_is_guessed(fields: dict[str, Field], said: str) -> None:
    reading = read(fields["liuzhou-yizhan.station_type"], said, TODAY)
    assert reading.value is None
    assert 0 < len(reading.problem) <= 60


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("有", "complete"),
        ("都有", "complete"),
        ("是", "complete"),
        ("齐全", "complete"),
        ("健全的", "complete"),
        ("都建立了", "complete"),
        ("四项都有", "complete"),
        ("不完善", "partial"),
        ("不健全", "partial"),
        ("大部分有", "partial"),
        ("三项有一项没有", "partial"),
        ("差一点", "partial"),
        ("缺经费管理办法", "partial"),
        ("差考勤没有", "partial"),
        ("没有", "none"),
        ("一项都没有", "none"),
        ("还没建", "none"),
    ],
)
def test_rules_are_complete_partial_or_none(fields: dict[str, Field], said: str, expected: str) -> None:
    assert value(fields["complete_rules"], said) == expected


@pytest.mark.parametrize("said", ["较为完备", "基本健全", "有三项", "看情况"])
def test_how_complete_rules_are_is_not_guessed(fields: dict[str, Field], said: str) -> None:
    assert read(fields["complete_rules"], said, TODAY).problem
