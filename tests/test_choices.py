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
