"""Which dates does a text state, and how exactly? The grain (day, month, year) is kept; today is an argument."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from flows.amounts import CORRECTION
from flows.numbers import DIGITS, value_of
from flows.reading import Reading, refuse
from knowledge.text import plain
from knowledge.types import Field

EARLIEST = 1949
_CN_CHARS = "[" + "".join(DIGITS) + "十百千廿卄卅]+"
_CN = re.compile(rf"{_CN_CHARS}(?=\s*(?:年|个?月|日|号|天|周))|(?<=月){_CN_CHARS}(?!\w)")
_YEAR = r"(?P<y>(?<!\d)\d{4}|(?<!\d)\d{2}(?=\s*年(?![前多来间了])))"
_FULL = re.compile(
    _YEAR + r"\s*年?的?\s*(?P<m>(?<=年)\d{1,2}|(?<=年 )\d{1,2}|(?<=年的)\d{1,2})\s*月(?:份)?\s*(?:(?P<d>\d{1,2})(?!\d)\s*[日号]?)?"
)
_MARKED = re.compile(r"(?<![\d.])(?P<y>\d{4})\s*(?P<s>[-./])\s*(?P<m>\d{1,2})(?:\s*(?P=s)\s*(?P<d>\d{1,2}))?(?!\d)")
_MIXED = re.compile(r"(?<!\d)(?P<y>\d{4})[-./](?P<m>\d{1,2})月(?:(?P<d>\d{1,2})[日号]?)?")
_SOLID = re.compile(r"(?<!\d)(?P<y>(?:19|20)\d{2})(?P<m>0[1-9]|1[0-2])(?P<d>\d{2})?(?!\d)")
_SPACED = re.compile(r"(?<!\d)(?P<y>(?:19|20)\d{2})\s+(?P<m>\d{1,2})(?:\s+(?P<d>\d{1,2}))?(?!\d)")
_NAMED_YEAR = re.compile(
    r"(?P<r>今年|本年|去年|大前年|前年|明年|后年)(?:的)?\s*(?:(?P<m>\d{1,2})\s*月(?:份)?\s*(?:(?P<d>\d{1,2})(?!\d)\s*[日号]?)?)?"
)
_NAMED_MONTH = re.compile(r"(?P<r>上上个?月|上个?月|这个月|本月|当月|下个?月)\s*(?:(?P<d>\d{1,2})\s*[日号])?")
_NAMED_DAY = re.compile(r"大前天|前天|昨[天日]|今[天日]|明天|大后天|后天")
_AGO = re.compile(r"(?P<n>\d+|半)\s*(?P<u>天|个?星期|个?礼拜|周|个?月|年)(?:之|以)?前")
_YEAR_ONLY = re.compile(r"(?<!\d)(?P<y>\d{4})\s*年?(?!\d|\s*[-./月])|(?<!\d)(?P<z>\d{2})\s*年(?![前多来间了])")
_NO_YEAR = re.compile(r"(?<![\d年])(?P<m>\d{1,2})\s*月(?:份)?\s*(?:(?P<d>\d{1,2})(?!\d)\s*[日号]?)?")
_DAY_ONLY = re.compile(r"(?<!\d)(?P<d>\d{1,2})\s*[日号](?![楼栋])")
_LUNAR = re.compile(r"初[一二三四五六七八九十]|正月|腊月|农历|阴历|除夕|春节|端午|中秋|重阳|清明|元宵|国庆|五一|元旦|过年|年三十")
_RANGE = re.compile(r"\s*(?:到|至|-+|~|—+|或者?)\s*")
_DAYS = {"大前天": -3, "前天": -2, "昨天": -1, "昨日": -1, "今天": 0, "今日": 0, "明天": 1, "后天": 2, "大后天": 3}
_YEARS = {"今年": 0, "本年": 0, "去年": -1, "前年": -2, "大前年": -3, "明年": 1, "后年": 2}
_MONTHS = {"上上": -2, "上": -1, "这": 0, "本": 0, "当": 0, "下": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A date as far as the text states it: `year` 0 where it names none, `month` and `day` 0 where it stops before."""

    year: int
    month: int = 0
    day: int = 0
    start: int = 0
    end: int = 0

    @property
    def grain(self) -> int:
        """How many of year, month, day are known."""
        return (self.year > 0) + (self.month > 0) + (self.day > 0)

    def fits(self, other: "Moment") -> bool:
        """Whether both can mean the same day."""
        pairs = ((self.year, other.year), (self.month, other.month), (self.day, other.day))
        return all(not a or not b or a == b for a, b in pairs)


def _arabic(text: str) -> str:
    """Chinese numerals before 年 月 日 号 as digits: 二〇二一年三月 → 2021年3月."""

    def digits(match: re.Match[str]) -> str:
        run = match[0]
        value = value_of(run)
        if value is None or value != int(value):
            return run
        if all(c in DIGITS for c in run):
            return "".join(str(DIGITS[c]) for c in run)
        return str(int(value))

    return _CN.sub(digits, text)


def _century(year: int, today: date) -> int:
    if year >= 100:
        return year
    return 2000 + year if 2000 + year <= today.year + 1 else 1900 + year


def _shift(today: date, months: int) -> tuple[int, int]:
    index = today.year * 12 + today.month - 1 + months
    return index // 12, index % 12 + 1


def _ago(match: re.Match[str], today: date) -> Moment | None:
    unit = match["u"][-1]
    if match["n"] == "半":
        year, month = _shift(today, -6)
        return Moment(year=year, start=match.start(), end=match.end()) if unit == "年" else None
    n = int(match["n"])
    if n > 40000:
        return None
    if unit == "年":
        return Moment(year=max(today.year - n, 1), start=match.start(), end=match.end())
    if unit == "月":
        year, month = _shift(today, -n)
        return Moment(year=max(year, 1), month=month, start=match.start(), end=match.end())
    if unit != "天":
        return None
    day = date.fromordinal(max(today.toordinal() - n, 1))
    return Moment(year=day.year, month=day.month, day=day.day, start=match.start(), end=match.end())


def _numeric(match: re.Match[str], today: date) -> Moment:
    return Moment(
        year=_century(int(match["y"]), today),
        month=int(match["m"]),
        day=int(match["d"] or 0),
        start=match.start(),
        end=match.end(),
    )


def _named_year(match: re.Match[str], today: date) -> Moment:
    year = today.year + _YEARS[match["r"]]
    return Moment(year=year, month=int(match["m"] or 0), day=int(match["d"] or 0), start=match.start(), end=match.end())


def _named_month(match: re.Match[str], today: date) -> Moment:
    year, month = _shift(today, _MONTHS[re.sub(r"个?月", "", match["r"])])
    return Moment(year=year, month=month, day=int(match["d"] or 0), start=match.start(), end=match.end())


def _named_day(match: re.Match[str], today: date) -> Moment:
    day = today + timedelta(days=_DAYS[match[0]])
    return Moment(year=day.year, month=day.month, day=day.day, start=match.start(), end=match.end())


def _year_only(match: re.Match[str], today: date) -> Moment:
    return Moment(year=_century(int(match["y"] or match["z"]), today), start=match.start(), end=match.end())


def _partial(match: re.Match[str], today: date) -> Moment:
    groups = match.groupdict()
    return Moment(year=0, month=int(groups.get("m") or 0), day=int(groups.get("d") or 0), start=match.start(), end=match.end())


_READERS = (
    (_FULL, _numeric),
    (_MARKED, _numeric),
    (_MIXED, _numeric),
    (_SOLID, _numeric),
    (_SPACED, _numeric),
    (_AGO, _ago),
    (_NAMED_MONTH, _named_month),
    (_NAMED_YEAR, _named_year),
    (_NAMED_DAY, _named_day),
    (_YEAR_ONLY, _year_only),
    (_NO_YEAR, _partial),
    (_DAY_ONLY, _partial),
)


def find_dates(text: str, today: date) -> list[Moment]:
    """All dates of a text, in order, each as exact as it is stated; positions refer to the text with Arabic digits."""
    left = _arabic(plain(text))
    found: list[Moment] = []
    for pattern, reader in _READERS:
        for match in pattern.finditer(left):
            moment = reader(match, today)
            if moment is not None:
                found.append(moment)
        left = pattern.sub(lambda m: "\x00" * len(m[0]), left)
    return sorted(found, key=lambda m: m.start)


def read_date(field: Field, text: str, today: date) -> Reading:
    """A date (kind date) or a month or date (kind month) out of human text; ISO text, its grain kept."""
    ready = _arabic(plain(text))
    if re.search(r"民国|昭和|平成|令和|光绪", ready):
        return refuse(field, "请用公历年份")
    found = find_dates(text, today)
    marks = [m.end() for m in CORRECTION.finditer(ready)]
    found = [m for m in found if not marks or m.start >= marks[-1]] or found
    found = [m for m in found if not ready[: m.start].endswith("不是")] or found
    if not found:
        if _LUNAR.search(ready):
            return refuse(field, "请换成公历的年、月、日")
        return refuse(field, "没有看到日期，请写明年份和月份" if field.kind == "month" else "没有看到日期，请写明年、月、日")
    if any(_RANGE.fullmatch(ready[a.end : b.start]) for a, b in pairwise(found)):
        return refuse(field, "您说的是一段时间，请只告诉我一个日期")
    best = max(found, key=lambda m: m.grain)
    if not all(best.fits(other) for other in found):
        return refuse(field, "您说了不止一个日期，请只告诉我一个")
    return _settled(field, best, ready, today)


def _settled(field: Field, moment: Moment, text: str, today: date) -> Reading:
    problem = _impossible(moment) or _incomplete(field, moment, text)
    if problem:
        return refuse(field, problem)
    value = f"{moment.year:04d}-{moment.month:02d}" + (f"-{moment.day:02d}" if moment.day else "")
    if moment.year < EARLIEST:
        return refuse(field, f"{moment.year}年太早了，请核对年份")
    if field.past and value > today.isoformat()[: len(value)]:
        return refuse(field, f"{value}还没到，这一项要填已经过去的日期，请核对")
    if moment.year > today.year + 50:
        return refuse(field, f"{moment.year}年太远了，请核对年份")
    return Reading(value=value)


def _impossible(moment: Moment) -> str:
    if moment.month > 12 or (moment.month and moment.month < 1):
        return f"没有{moment.month}月，请核对月份"
    if moment.day and moment.month:
        last = monthrange(moment.year or 2000, moment.month)[1]
        if moment.day > last:
            year = f"{moment.year}年" if moment.year else ""
            return f"{year}{moment.month}月没有{moment.day}日，请核对"
    return ""


def _incomplete(field: Field, moment: Moment, text: str) -> str:
    if not moment.year:
        return "请写明是哪一年"
    if not moment.month:
        if _LUNAR.search(text):
            return "请换成公历的年、月、日"
        return f"{moment.year}年的几月？请连月份一起告诉我" if field.kind == "month" else f"{moment.year}年的几月几日？请写全"
    if field.kind == "date" and not moment.day:
        return f"{moment.year}年{moment.month}月的哪一天？请写全年月日"
    return ""
