"""What do the dates in a question come to? Periods counted from the asker's date, and whether a day lies inside a stated time."""

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta

from flows.dates import Moment, find_dates
from flows.deadlines import add_period, add_working_days
from knowledge.facts import Fact, Judgement, Reckon

_ASKS_NOW = re.compile(
    r"还能|还可以|能不能|可不可以|能否|是否|还来得及|来得及|赶得上|赶得及|赶不赶|赶上|现在|今天|今日|今年|如今|还收|收不收|算不算|算数|作数|有效|失效|过期|还在|还用|还管|还接|还开|晚了|行不行|行吗|中不中|成不成|能报|能申|今儿|来不来得及|赶得着"
)
_RELATIVE = re.compile(r"(?:(半|[一二两三四五六七八九十\d]+)个?(?:多)?(年|个?月)(?:多)?(?:了|前|以前|之前|过去)|(大?前年|去年))")
_YEARS_AGO = {"大前年": 3, "前年": 2, "去年": 1, "上一年": 1, "今年": 0}
_YEAR_BEFORE = re.compile("|".join([*_YEARS_AGO, r"20\d\d(?=年|那)"]))
_FESTIVALS = {"元旦": 1, "五一": 5, "劳动节": 5, "国庆": 10}
"""Days of rest by which people tell a month."""
_FESTIVAL = re.compile("|".join(_FESTIVALS))
_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九十")} | {"两": 2, "半": 0.5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoned:
    """A sentence with the reckoning, and the judgement where one was asked for."""

    text: str
    judgement: Judgement | None = None


def reckoned(fact: Fact, question: str, today: date) -> Reckoned | None:
    """What the fact's period or end means for the dates in the question (or for today); None where there is nothing to reckon."""
    if fact.reckon is not None:
        return _counted(fact.reckon, question, today)
    if fact.closes is not None or fact.months:
        return _inside(fact, question, today)
    return None


def _counted(reckon: Reckon, question: str, today: date) -> Reckoned | None:
    start = _start(question, today) if not reckon.said or re.search(reckon.said, question) else None
    if start is None:
        return None
    day, known_day = start
    last_start = day if known_day else _month_end(day)
    end, guessed = _end(reckon, day)
    latest, _ = _end(reckon, last_start)
    asked = _asked_day(question, today, day)
    said = _day(day) if known_day else f"{day.year}年{day.month}月"
    until = _day(end) if known_day else f"{latest.year}年{latest.month}月"
    estimate = "（预计，以官方放假安排为准）" if guessed else ""
    if latest < asked:
        return Reckoned(text=f"从{said}{reckon.of}起算，到{until}期满{estimate}，{_on(asked, today)}{reckon.over}。", judgement="unmet")
    if asked <= end:
        left = f"，还剩{(end - asked).days}天" if known_day and reckon.period else ""
        text = f"从{said}{reckon.of}起算，最晚到{until}{estimate}，{_on(asked, today)}{reckon.within}{left}。"
        return Reckoned(text=text, judgement="met")
    return Reckoned(text=f"从{said}{reckon.of}起算，期满在{until}，要看具体是哪一天。", judgement="depends")


def _end(reckon: Reckon, start: date) -> tuple[date, bool]:
    return (add_period(start, reckon.period), False) if reckon.period else add_working_days(start, reckon.days)


def _start(question: str, today: date) -> tuple[date, bool] | None:
    """The first date of the question that is not after today, and whether its day is known."""
    for moment in _dates(question, today):
        found = _settled(moment, today)
        if found and found[0] <= today and not re.match(r"(?:的)?(?:今天|现在)", question[moment.start :]):
            return found
    return _ago(question, today)


def _dates(question: str, today: date) -> list[Moment]:
    """The dates of a question, each in the year named before it; where there is none, the month of a festival."""
    found = find_dates(question, today)
    if not any(m.month for m in found) and (named := _FESTIVAL.search(question)):
        found = [*found, Moment(year=0, month=_FESTIVALS[named[0]], start=named.start(), end=named.end())]
    return [_in_named_year(moment, question, today) for moment in found]


def _in_named_year(moment: Moment, question: str, today: date) -> Moment:
    """A month or day of the year that the words before it name: 去年国庆节后那个10月底."""
    named = [m[0] for m in _YEAR_BEFORE.finditer(question[: moment.start])]
    if not named or not moment.month or moment.year:
        return moment
    return replace(moment, year=int(named[-1]) if named[-1].isdigit() else today.year - _YEARS_AGO[named[-1]])


def _settled(moment: Moment, today: date) -> tuple[date, bool] | None:
    year, month, day = moment.year, moment.month, moment.day
    if not month and day:
        year, month = today.year, today.month
    if not month:
        return None
    if not year:
        year = today.year if (month, day or 1) <= (today.month, today.day) else today.year - 1
    try:
        return date(year, month, day or 1), bool(day)
    except ValueError:
        return None


def _ago(question: str, today: date) -> tuple[date, bool] | None:
    """两年了, 半年前, 一年多: a month that far back."""
    found = _RELATIVE.search(question)
    if not found or found[3]:
        return None
    number = _DIGITS.get(found[1]) or (int(found[1]) if found[1].isdigit() else 0)
    months = int(number * 12) if found[2] == "年" else int(number)
    if not months:
        return None
    total = today.year * 12 + today.month - 1 - months
    return date(total // 12, total % 12 + 1, 1), False


def _asked_day(question: str, today: date, start: date) -> date:
    """The day that the question asks about: tomorrow, another date after the start, else today."""
    if "明天" in question:
        return today + timedelta(days=1)
    if "后天" in question:
        return today + timedelta(days=2)
    settled = [s for m in _dates(question, today) if m.grain >= 2 and (s := _settled(m, today)) and s[0] > start]
    later = [day if known else _month_end(day) for day, known in settled if known or (day.year, day.month) != (start.year, start.month)]
    return later[-1] if later else today


def _inside(fact: Fact, question: str, today: date) -> Reckoned:
    """Whether the day asked about (else today) lies between the stated first and last days, and in the yearly months."""
    moments = [m for m in _dates(question, today) if m.month and m.year]
    day = _settled(moments[-1], today) if moments else None
    past = day is not None and day[0] < today.replace(day=1)
    asked = day[0] if day and past else today
    when = f"{asked.year}年{asked.month}月" + (f"{asked.day}日" if not day or day[1] or not past else "")
    when = when if past else f"今天是{_day(today)}，"
    asks = bool(past or _ASKS_NOW.search(question))
    if fact.closes and asked > fact.closes:
        over = "已经过期（失效）" if fact.topic == "valid" else "已经过了期限，不能再报"
        text = f"{when}{'晚于' + _day(fact.closes) + '，当时' if past else '期限'}{over}。"
        return Reckoned(text=text, judgement="unmet" if asks else None)
    if fact.opens and asked < fact.opens:
        return Reckoned(text=f"{when}还没有开始。", judgement="unmet" if asks else None)
    if fact.months and asked.month not in fact.months:
        return Reckoned(text=f"{when}不在申报时间内。", judgement="unmet" if asks else None)
    return Reckoned(text=f"{when}还在期限内，{'当时' if past else '现在'}有效。", judgement="met" if asks else None)


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _on(asked: date, today: date) -> str:
    return f"今天（{_day(today)}）" if asked == today else f"{_day(asked)}"
