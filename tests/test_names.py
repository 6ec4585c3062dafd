"""Names: programmes, services and types in what people write."""

import pytest

from knowledge.load import load
from knowledge.names import Mention, Names
from knowledge.sound import split_pinyin


@pytest.fixture(scope="module")
def names() -> Names:
    return Names(load())


@pytest.mark.parametrize(
    ("text", "programme", "service"),
    [
        ("我们驿站柳州市里已经认定了，现在想领那笔建设补助", "liuzhou-yizhan", "subsidy"),
        ("柳州市人才工作站的年度评估，想先看看我们能评个什么等级", "liuzhou-gongzuozhan", "evaluation"),
        ("福州高新区人才驿站考核表怎么填，我们是创业型的", "fuzhou-gaoxin-yizhan", "assessment"),
        ("莆田荔城区的，想报市级人才驿站第二批", "putian-yizhan", "declaration"),
        ("柳州的书院想搞个人才一站", "liuzhou-yizhan", "recognition"),
        ("我们公司在柳州，跟武汉一所大学谈好了要共建人才工作站，想办设站申请", "liuzhou-gongzuozhan", "establishment"),
        ("崂山这边想报人才驿站试点", "qingdao-yizhan", "pilot"),
        ("福州高兴区的人才异战，想申报", "fuzhou-gaoxin-yizhan", "declaration"),
    ],
)
def test_a_message_points_to_programme_and_service(names: Names, text: str, programme: str, service: str) -> None:
    mention = names.mention(text)
    assert (mention.programmes, mention.named, mention.foreign) == ((programme,), True, "")
    assert mention.services[0] == (programme, service)


@pytest.mark.parametrize("text", ["柳州", "柳州的", "liuzhou", "广西这边"])
def test_a_city_with_two_programmes_stays_ambiguous(names: Names, text: str) -> None:
    assert set(names.mention(text).programmes) == {"liuzhou-yizhan", "liuzhou-gongzuozhan"}


@pytest.mark.parametrize(
    ("text", "key"), [("蒲田驿站", "putian-yizhan"), ("清岛的驛站", "qingdao-yizhan"), ("putian yizhan", "putian-yizhan")]
)
def test_typing_errors_traditional_and_pinyin_are_understood(names: Names, text: str, key: str) -> None:
    assert names.mention(text).programmes == (key,)


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("厦门人才驿站怎么报", "厦门"),
        ("深圳的驿站", "深圳"),
        ("福州市级那个人才驿站怎么申报", "福州市级人才驿站"),
        ("青年人才驿站可以住几晚", "青年人才驿站"),
    ],
)
def test_what_the_library_does_not_hold_is_foreign(names: Names, text: str, foreign: str) -> None:
    mention = names.mention(text)
    assert (mention.foreign, mention.named) == (foreign, False)


def test_a_partner_from_elsewhere_is_not_foreign(names: Names) -> None:
    assert names.mention("跟长沙一所高校签了协议").foreign == ""


def test_each_station_is_taken_with_its_own_place(names: Names) -> None:
    assert set(names.mention("青岛驿站跟柳州工作站比一比").programmes) == {"qingdao-yizhan", "liuzhou-gongzuozhan"}


def test_nothing_named_is_nothing(names: Names) -> None:
    assert names.mention("大概一百二十平") == Mention()


def test_pinyin_is_split_into_syllables() -> None:
    assert split_pinyin("rencaiyizhan") == ("ren", "cai", "yi", "zhan")
    assert split_pinyin("subsidy") == ()
