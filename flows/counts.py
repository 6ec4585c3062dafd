"""What do the numbers in a question count? Events, people once and in all, points, ranks and sums are kept apart."""

import re
from dataclasses import dataclass, field
from decimal import Decimal

from flows.numbers import find

_UNIT = re.compile(r"(?:多|来|几|余|出头|上下|左右)?(场|次|期|回|趟|堂|人次|笔|个人|号人|来人|个名字|名|位|人|个|几个|多个)?")
_EVENT = frozenset("场次期回趟堂")
_GATHERING = re.compile(r"[\u4e00-\u9fff]{0,2}(?:活动|讲座|沙龙|路演|论坛|分享会|对接会|座谈会|茶话会|读书会|培训会?|聚会)")
"""What a number counts where its measure word is an uncommon one: 两摆活动."""
_NOT_ONE = re.compile(r"[^,。]{0,6}(?:都|也)(?:没|不|无)")
"""After a number that counts nothing: 一个兼职都没有."""
_CANCELLED = re.compile(r"(?:那|有)[一1]?[场次期回][^,。]{0,8}(?:取消|泡汤|黄了|没办成|停办)")
"""One event that did not take place."""
_RATE = re.compile(r"(?:场|次|期|回|趟|堂)(?:就|得|要|至少|最少|起码|都|不)")
"""After a number of events that only says per what: 一场就得五十个."""
_LISTED = re.compile(r"(?:\s*[、/]\s*[零一二两三四五六七八九十百千\d]+)+")
"""Further numbers of a list, whose unit stands after the last: 48、52、60个人."""
_STRUCK = re.compile(r"(?:抠|扣|剔|刨|划|刷|砍|减|筛|除(?=[掉去])|去(?=掉))(?:掉|去|了|下来)?[^,。\d一二两三四五六七八九十]{0,3}$")
"""Before a number that is taken off another: 抠掉6个."""
_SCORED = re.compile(
    r"(?:打|得|考|评|拿)(?:了|到|出|出来|下来|是|才|只有)*$|(?:分数|得分|评分|总分|打分|成绩(?:单)?)(?:上(?:面)?)?(?:写着?|出来)?(?:就|也|才|只|是|有|为)*$"
)
"""Before points whose 分 is left out: 考核打了58."""
_EACH = re.compile(
    r"每场|每次|每期|每回|回回|场场|次次|哪[场次回期]都|一场|一次|那回|那场|那期|那次|别的场次|其他场|最少|最冷清|单场|平均|都是|都有|都在|人最多"
)
_TOTAL = re.compile(r"全年|合计|拢共|一共|总共|共计|加起来|累[起下]来|加一块|拼起来|累计|加总|签到本|一年签到|总人|统共|签到表")
_MOST = Decimal(10**12)
"""A larger number is a jest."""
_FEWEST = re.compile(r"最(?:少|冷清|低)[^,。?]{0,6}[\d一二三四五六七八九十]")


@dataclass(slots=True)
class Counts:
    """The numbers of a question by what they count; people once an activity and in all are kept apart."""

    events: list[float] = field(default_factory=list)
    each: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)
    visits: list[float] = field(default_factory=list)
    people: list[float] = field(default_factory=list)
    points: list[float] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)
    money: list[float] = field(default_factory=list)
    struck: list[float] = field(default_factory=list)
    """People taken off the others."""
    average: bool = False
    """The people of an activity are an average: the fewest are not known."""


def counts(text: str) -> Counts:
    """The numbers in restored text, sorted by their units and the words before them."""
    got = Counts()
    for q in find(text):
        value = float(min(q.value, _MOST))
        before = re.split(r"[,。;!?]", text[: q.start])[-1]
        after = re.split(r"[,。;!?]", text[q.end :])[0]
        listed = _LISTED.match(after)
        after = after[listed.end() :] if listed else after
        before = f"每次{before}" if listed or re.search(r"[零一二三四五六七八九十百千\d]\s*[、/]\s*$", before) else before
        if re.search(r"第$|排$|排名$|名次$", before) and not re.match(r"[批条章年季方档次场期回轮步届]", after):
            got.ranks.append(int(value))
        elif re.match(r"分(?!之|别|钟|类|成)", after) or (not re.match(r"\w", after) and _SCORED.search(before)):
            got.points.append(value)
        elif re.match(r"万|元|块", after) or "万" in q.numeral:
            got.money.append(value if "万" in q.numeral else value * 10_000)
        else:
            _count(got, value, before, after)
    if got.events and _CANCELLED.search(text):
        got.events[0] -= 1
    got.average = bool(re.search(r"平均|均摊|差不多每", text)) and not _FEWEST.search(text)
    said = re.findall(r"(?:第|排)([一二三四五六七八九1-9])(?!批|条|章|年|季|方|档|次|场|期|回|轮|步|届)", text)
    got.ranks = got.ranks or [int(r) if r.isdigit() else "零一二三四五六七八九".index(r) for r in said]
    return got


def _count(got: Counts, value: float, before: str, after: str) -> None:
    if _NOT_ONE.match(after):
        return
    unit = _UNIT.match(after)
    name = unit[1] if unit else None
    if not name and _GATHERING.match(after):
        name = "场"
    struck = bool(_STRUCK.search(before))
    if name in _EVENT:
        if struck and got.events:
            got.events[0] -= value
        elif (times := _times_a_year(before)) > 1 or _is_count(value, before, after):
            got.events.append(value * times)
    elif struck:
        got.struck.append(value)
    elif name in ("人次", "笔"):
        got.visits.append(value)
    elif re.match(r"(?:个)?(?:年|月|季|星期|礼拜|周|天|日|号(?!人)|点|%|平|区|店|所|家|层|站|份|项|级|档|条|小时|类)", after):
        return
    elif _TOTAL.search(before):
        got.total.append(value)
    elif _EACH.search(before):
        got.each.append(value)
    elif name or not after:
        got.people.append(value)


def _times_a_year(before: str) -> int:
    """每季度一场 is four a year, 每月 twelve."""
    found = re.search(r"(?:每|一)(?:个)?(季|月|周)(?:度)?[^,。\d]{0,6}$", before)
    return {"季": 4, "月": 12, "周": 52}[found[1]] if found else 1


def _is_count(value: float, before: str, after: str) -> bool:
    """Whether a number of 场 or 次 counts events: not 第三次, 每次, 一次性, 少一回."""
    if value < 1 or re.search(r"[第每上下这那哪]$", before) or after.startswith(("次性", "次一", "回事")):
        return False
    if value == 1 and _RATE.match(after):
        return False
    return not (value == 1 and re.search(r"[少有头差多搞办]$", before) and "年" not in before)
