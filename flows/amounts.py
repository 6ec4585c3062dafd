"""What number or sum of money does an answer give to one field? Units, periods and choosing among several; never guesses a total."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from flows.numbers import DIGITS, Quantity, find, normal
from flows.reading import Reading, refuse, short
from knowledge.text import plain
from knowledge.types import Field

CORRECTION = re.compile(
    r"不对(?![口外称等应])|说错|看错|打错|写错|按错|输错|记错|弄错|填错|数错|错了|应该是|更正|改成|改为|少[打写输按]了|多[打写输按]了|重新说|准确[说地]|哦不|啊不"
)
_AREA = r"平方米|平米|平方|个平方|平|方"
_PEOPLE = r"人次|个人|号人|口人|人|名|位|个|员|号(?![楼院])"
_TIMES = r"场次|场|次|回|期|届|个活动"
_FAMILIES = (_AREA, _PEOPLE, _TIMES, r"分")
_OTHER = (
    r"人次|人|名|位|场|次|回|期|届|平|方|层|楼|号|栋|幢|亩|间|室|米|公里|年|月|日|天|小时|点钟|周|季|元|块|万元|岁|级|个(?:月|季度|星期|小时)|"
    r"[%‰]|项|支|台|套|件|家|份|分钟|分|条|面|张|教授"
)
_BOUNDARY = re.compile(r"\s*(?:$|[,.;:!?、。~…)\]\s]|左右|上下|来|多|余|几|以[上下内]|吧|呢|啊|哦|呀|的|了|整|个)")
_TOTAL = re.compile(r"(?:一?共|总共|共计|合计|总计|总数|加起来|加一起|总人数|算下来|累计)[有是为了约:办]*(?:大概|大约)?\s*$")
_NOT_THIS = re.compile(r"(?:不是|并非|不只|而非)\s*$")
_PER_ACTIVITY = re.compile(r"每[场次回期]|场均|次均|单场|单次|一场")
_WHOLE_YEAR = re.compile(r"全年|一年|每年|年度|总共|一共|共计|合计|累计|总计")
_PERIODS = (
    (re.compile(r"每个?半年|(?<![上下])半年"), Decimal(2), "半年"),
    (re.compile(r"隔月|双月"), Decimal(6), "两个月"),
    (re.compile(r"隔周|双周"), Decimal(26), "两周"),
    (re.compile(r"每个?季度?|一个季度|季均"), Decimal(4), "季度"),
    (re.compile(r"每个?月|(?<![近去这前上])一个?月|月均"), Decimal(12), "月"),
    (re.compile(r"每个?(?:周|星期|礼拜)|(?<![近去这前上])一(?:周|个?星期|个?礼拜)|周均"), Decimal(52), "周"),
)
_EVERY = re.compile(
    r"(?:每(?:隔)?(\d+|[两俩二三四六])个?|(?<![\d近去这前])(\d+|[两二三四六])个|(?<![近去这前])[两俩])(月|季度|周|星期)(?!前|内|里|以来)"
)
_PART = re.compile(
    r"[上下]半年|第?[一二三四1-4]季度|(?<!个)(?:\d{1,2}|[一二三四五六七八九十]{1,2})月|上个?月|[这近]一?个月|[近去这][一两二三四五六七八九十\d]+个月|本月"
)
_WEEKDAY = re.compile(r"(周|星期|礼拜)([一二三四五六日天])(?=([一二两三四五六七八九十\d])|[办搞开都晚早下上])")
_YEARS = re.compile(r"(?<![\d年月])(?:[2-9]|1\d|[两二三四五六七八九十])年(?![前级度])")
_NONE = re.compile(
    r"(?:目前|暂时|现在|今年|去年|到现在|至今|我们|这个|都|还|也|全年)*(?:一?(?:个|场|次|名|人|位|平)(?:人)?(?:都|也)?|都|也)?"
    r"(?:没有|没|无|零|0|为零|还没)(?:有)?(?:办|开展|举办|举行|引进|组织|做|搞|配|安排|招)?(?:过|到)?(?:任何)?(?:活动|人员|人才|专职|人)?[过呢啊的了呀哦吧]*"
)
_HUGE = Decimal(10**9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A quantity that may be the answer: how its unit fits, and what it counts over."""

    quantity: Quantity
    fit: int
    """2: the field's own unit; 1: no unit; 0: another unit."""
    value: Decimal
    """Per year where the field asks so."""
    period: str = ""


def _prepared(text: str) -> str:
    ready = re.sub(r"(?i)(?<![a-z])(?:平方)?m\s*(?:\^?2|²)(?!\d)", "平米", plain(text).replace("&", "和"))
    return _WEEKDAY.sub(_without_weekday, ready)


def _without_weekday(match: re.Match[str]) -> str:
    """每周五一次 is once a week; 每周三四次 stays a range."""
    day, number = DIGITS.get(match[2]), DIGITS.get(match[3] or "")
    return match[0] if day and number == day + 1 else match[1]


def _unit_pattern(unit: str) -> str:
    name = _prepared(unit)
    for family in _FAMILIES:
        if name and re.fullmatch(family, name):
            return family
    return re.escape(name) if name else _PEOPLE + "|" + _TIMES


def _fit(text: str, quantity: Quantity, unit: str) -> int:
    after = text[quantity.end : quantity.end + 10]
    if re.match(rf"\s*(?:多|余|几|来|出头|左右)?\s*个?\s*(?:{unit})(?!\w*年度)", after) or re.search(rf"(?:{unit})\s*$", quantity.numeral):
        return 0 if re.match(r"\s*个(?:月|季度|星期|小时|方面)", after) else 2
    if re.match(rf"\s*(?:多|余|几|来)?\s*(?:{_OTHER})", after):
        return 0
    if re.match(r"[A-Za-z]", after):
        return 0
    if text[quantity.start] in "0123456789" or _BOUNDARY.match(after):
        before = text[quantity.start - 1 : quantity.start]
        alone = not before or not before.isalpha() or text[quantity.start].isdigit() or before in "是有约为办共概了场次到第"
        return 1 if alone else -1
    return -1


def _ordinal(text: str, quantity: Quantity) -> bool:
    return bool(re.search(r"第\s*$", text[: quantity.start]))


def _clause_before(text: str, quantity: Quantity) -> str:
    return re.split(r"[,;。!?、:]", text[: quantity.start])[-1][-14:]


def _candidates(field: Field, text: str) -> list[Candidate]:
    unit = _unit_pattern(field.unit)
    result = []
    for quantity in find(text):
        fit = _fit(text, quantity, unit)
        if fit < 0 or (_ordinal(text, quantity) and not re.fullmatch(_PEOPLE, field.unit or "名")):
            continue
        candidate = Candidate(quantity=quantity, fit=fit, value=quantity.value)
        result.append(_over_a_year(text, candidate) if _yearly(field) and fit > 0 else candidate)
    return result


def _fitting(candidates: list[Candidate], fit: int) -> list[Candidate]:
    return [c for c in candidates if c.fit == fit]


def _yearly(field: Field) -> bool:
    """Whether the field counts over a year: the keys say so, as `activities_per_year` does."""
    return field.key.endswith("_per_year")


def _over_a_year(text: str, candidate: Candidate) -> Candidate:
    """每季度一场 as 4 a year; 全年4场 stays."""
    before = _clause_before(text, candidate.quantity)
    every = _EVERY.search(before)
    if every:
        said = every[1] or every[2] or "两"
        step = Decimal(said) if said.isdigit() else Decimal(DIGITS[said])
        rounds = {"月": 12, "季度": 4, "周": 52, "星期": 52}[every[3]]
        return replace(candidate, value=candidate.value * rounds / (step or 1), period=every[0])
    if re.search(r"全年|一年|每年|年均", before):
        return replace(candidate, period="年")
    for pattern, times, name in _PERIODS:
        if pattern.search(before):
            return replace(candidate, value=candidate.value * times, period=name)
    return replace(candidate, period="part") if _PART.search(before) else candidate


def _sorted_out(field: Field, text: str, candidates: list[Candidate]) -> list[Candidate]:
    """The candidates without those that the text itself sets aside: negated, of another period, before a correction, parts of a total."""
    kept = [c for c in candidates if not _NOT_THIS.search(text[: c.quantity.start])] or candidates
    if _yearly(field):
        kept = [c for c in kept if c.period != "part" and not _PER_ACTIVITY.search(_clause_before(text, c.quantity))]
    elif field.key.endswith("_per_activity"):
        kept = [c for c in kept if not _WHOLE_YEAR.search(_clause_before(text, c.quantity))]
    marks = [m.end() for m in CORRECTION.finditer(text)]
    later = [c for c in kept if marks and c.quantity.start >= marks[-1]]
    kept = later or kept
    totals = [c for c in kept if _TOTAL.search(text[: c.quantity.start])]
    return totals if len(kept) > 1 and len(totals) == 1 else kept


def _agree(kept: Sequence[Candidate]) -> bool:
    """Several statements of one number: 每季度一场, 全年4场."""
    return len({c.value for c in kept}) == 1 and len({c.period for c in kept}) == len(kept)


def read_number(field: Field, text: str) -> Reading:
    """A number out of human text. Anything that is not one exact number (a range, 五十多, a sum to be made) is asked back."""
    ready = _prepared(text)
    bare = re.sub(r"[\s,.;:!?~、。]", "", ready)
    if field.whole and _NONE.fullmatch(bare):
        return _bounded(field, Decimal(0), "")
    if re.search(r"\d[eE][+\-]?\d|(?i:\b(?:nan|inf|infinity)\b)", ready):
        return refuse(field, f"“{short(text)}”不是一个普通的数字，请直接写数字")
    stated = _candidates(field, ready)
    if re.search(r"倒数|垫底|前[一二三四五六七八九十\d]+(?:名|位)?$", ready):
        return refuse(field, f"请告诉我{field.label}的具体数字")
    candidates = _fitting(stated, max((c.fit for c in stated), default=0))
    if not candidates:
        return refuse(field, f"没有看到数字，请告诉我{field.label}是多少")
    kept = _sorted_out(field, ready, candidates) or _sorted_out(field, ready, _fitting(stated, 1))
    if not kept:
        period = "全年合计" if _yearly(field) else "平均每场"
        return refuse(field, f"这里问的是{period}的数，请按{period}告诉我一个数")
    if _yearly(field) and _YEARS.search(ready):
        return refuse(field, "您说的是几年合起来的数，请告诉我一年的数")
    if len(kept) > 1 and not _agree(kept):
        numbers = "、".join(short(c.quantity.numeral, 8) for c in kept[:4])
        return refuse(field, f"您说了不止一个数（{numbers}），我不替您相加，请只告诉我最后的一个数")
    return _settled(field, kept[0])


def _settled(field: Field, chosen: Candidate) -> Reading:
    quantity = chosen.quantity
    numeral = short(quantity.numeral, 8)
    if chosen.fit == 0:
        wanted = f"单位是{field.unit}" if field.unit else "一个数"
        return refuse(field, f"“{numeral}”后面的单位对不上，这里要的是{field.label}（{wanted}）")
    if quantity.exactness == "range":
        return refuse(field, f"您说的是{normal(quantity.value)}到{normal(quantity.high)}之间，请给一个准确的数")
    if quantity.exactness in ("more", "less", "vague"):
        said = {"more": f"{numeral}以上", "less": f"{numeral}以内"}.get(quantity.exactness, f"{numeral}这样的约数")
        return refuse(field, f"您说的是{said}，请给一个准确的数")
    note = ""
    if chosen.period and chosen.period != "年" and chosen.value != quantity.value:
        name = chosen.period if chosen.period.startswith("每") else f"每{chosen.period}"
        note = f"{name}{_text(quantity.value)}{field.unit}，按全年{_text(chosen.value)}{field.unit}记下。"
    elif quantity.exactness == "about":
        note = f"按{_text(chosen.value)}{field.unit}记下。"
    return _bounded(field, chosen.value, note)


def _text(value: Decimal | float) -> str:
    number = normal(Decimal(str(value)))
    return f"{number:.10g}" if isinstance(number, float) else str(number)


def _bounded(field: Field, value: Decimal, note: str) -> Reading:
    low, high = field.minimum, field.maximum
    if value < 0 and (low is None or low >= 0):
        return refuse(field, f"{field.label}不能是负数")
    if field.whole and value != value.to_integral_value():
        return refuse(field, f"{field.label}要填整数")
    if abs(value) > _HUGE or (high is not None and value > Decimal(str(high))):
        top = _text(high) if high is not None else "10亿"
        return refuse(field, f"这个数太大了，{field.label}最多填{top}，请核对")
    if low is not None and value < Decimal(str(low)):
        return refuse(field, f"这个数太小了，{field.label}至少填{_text(low)}，请核对")
    return Reading(value=normal(value), note=note)


_YUAN = r"元|块|圆|人民币|rmb|RMB"
_FOREIGN = re.compile(r"美元|美金|欧元|港[币元]|日元|英镑|\$|€|£")


def read_money(field: Field, text: str) -> Reading:
    """A sum in yuan out of human text: 8万, 3万5, 80,000.00, 八万整; at most two decimals."""
    ready = re.sub(r"(?<=\d)\s*[wW](?![a-zA-Z])", "万", plain(text))
    ready = re.sub(r"(?<=\d)\s*[kK](?![a-zA-Z])", "千", ready).replace("¥", "")
    ready = re.sub(r"(?<=[\d一二两三四五六七八九十百千])\s+(?=[万千百])", "", ready)
    if _FOREIGN.search(ready):
        return refuse(field, "请按人民币填写金额")
    if re.search(r"\d[eE][+\-]?\d", ready):
        return refuse(field, "请直接写金额数字", field.example or "8万元")
    money = replace(field, unit="元")
    candidates = [c for c in _money_candidates(ready) if c.fit > 0]
    kept = _sorted_out(money, ready, candidates) if candidates else []
    if not kept:
        return refuse(field, "没有看到金额，请告诉我具体数额", field.example or "8万元")
    if len(kept) > 1:
        numbers = "、".join(short(c.quantity.numeral, 8) for c in kept[:4])
        return refuse(field, f"您说了不止一个数（{numbers}），请只告诉我申请的总额")
    reading = _settled(money, kept[0])
    if not reading.problem and kept[0].value != round(kept[0].value, 2):
        return refuse(field, "金额最多精确到分，即两位小数")
    return reading


def _money_candidates(text: str) -> list[Candidate]:
    found = []
    for quantity in find(text):
        fit = _fit(text, quantity, _YUAN)
        if fit <= 0 and quantity.numeral[-1] in "万千百亿" and not re.match(rf"\s*(?:{_OTHER})", text[quantity.end :]):
            fit = 1
        found.append(Candidate(quantity=quantity, fit=fit, value=quantity.value))
    best = max((c.fit for c in found), default=0)
    return [c for c in found if c.fit == best]
