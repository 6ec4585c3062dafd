"""Which numbers, dates and periods does a text name? Reads Chinese and Arabic figures; whether they are right is `evidence.py`'s."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_LARGE = {"万": 10_000, "亿": 100_000_000}
_CHINESE = r"[〇零一二两三四五六七八九十百千]+"
_ARABIC = re.compile(r"(\d+(?:,\d{3})*(?:\.\d+)?)\s*([千万亿]?)")
_WORDS = re.compile(rf"({_CHINESE})([万亿]?)")
_COUNTED = re.compile(rf"({_CHINESE})([万亿]?)个?(人次|工作日|小时|季度|月|年|日|天|周|次|人|名|元|家|倍|场|份|级)")
_ONE = re.compile(r"(?<=[期满为])一个?(?:月|年|周|季度|小时)|一个?(?:月|年|周|季度|小时)(?=[内以之期后满])")
"""Where 一 is a figure: 一年内, 满一年; elsewhere (一次性, 一家, 这一年, 一年合计) it mostly is not."""
_DAY = re.compile(r"(\d{4})(?:年|-|/|\.)(\d{1,2})(?:月|-|/|\.)(\d{1,2})日?")
_MONTH = re.compile(r"(\d{4})(?:年|-)(\d{1,2})月?")
_FEAST = re.compile(r"(\d{1,2})月(\d{1,2})日")
_PERIOD = re.compile(rf"(\d+|{_CHINESE}|半)(个工作日|工作日|个月|年|日|天|周)")
_ISO = {"个月": "M", "年": "Y", "日": "D", "天": "D", "周": "W"}
_QUARTER = re.compile(r"第([一二三四1234])季度")
_NO_FIGURE = re.compile(
    rf"〔\d{{4}}〕\d+号|\[\d{{4}}\]\d+号|附件\s*(?:\d+|{_CHINESE})|第\s*(?:\d+|{_CHINESE})\s*[条章款项节]"
    rf"|[（(](?:\d+|{_CHINESE})[）)]|{_CHINESE}、|两份(?:文件|通知)|A4|\{{\{{.*?\}}\}}|\{{%.*?%\}}"
)


@lru_cache(4096)
def folded(text: str) -> str:
    """The text without white space and with full-width figures and signs folded."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def chinese(word: str) -> int | None:
    """The number that a run of Chinese digits names: 二十 20, 十 10, 二〇二五 2025; None for a unit alone (百)."""
    if word in ("百", "千"):
        return None
    if not any(c in _UNITS for c in word):
        return int("".join(str(_DIGITS[c]) for c in word))
    total, digit = 0, 0
    for char in word:
        if char in _UNITS:
            total, digit = total + (digit or 1) * _UNITS[char], 0
        else:
            digit = _DIGITS[char]
    return total + digit


@lru_cache(4096)
def numbers(text: str) -> frozenset[float]:
    """Every number the text can be said to name; 10万 names both 10 and 100000."""
    text, found = folded(text), set()
    for figure, large in _ARABIC.findall(text):
        number = float(figure.replace(",", ""))
        found |= {number, number * (_LARGE.get(large) or _UNITS.get(large) or 1)}
    for word, large in _WORDS.findall(text):
        value = chinese(word)
        if value is not None:
            found |= {float(value), float(value * _LARGE.get(large, 1))}
    return frozenset(found)


def claims(text: str, besides: tuple[str, ...] = ()) -> Iterator[tuple[str, float]]:
    """The figures a sentence of ours states, as written and as numbers; labels of articles, annexes and documents are none."""
    for word in besides:
        text = text.replace(word, " ") if word else text
    text = _NO_FIGURE.sub(" ", unicodedata.normalize("NFKC", _NO_FIGURE.sub(" ", text)))
    text = _FEAST.sub(" ", _DAY.sub(" ", text))  # whole dates are compared as such, see `dates`
    for match in _ARABIC.finditer(text):
        yield match[0].strip(), float(match[1].replace(",", "")) * (_LARGE.get(match[2]) or _UNITS.get(match[2]) or 1)
    for match in _COUNTED.finditer(text):
        value = chinese(match[1])
        if value is not None and (match[1] != "一" or _ONE.match(text, match.start())):
            yield match[0], float(value * _LARGE.get(match[2], 1))


def dates(text: str) -> frozenset[tuple[int, ...]]:
    """Every date as written, (year, month, day) and (month, day), be it in the calendar or not."""
    text = folded(text)
    full = {tuple(map(int, match)) for match in _DAY.findall(text)}
    return frozenset(full | {day[1:] for day in full} | {(int(m), int(d)) for m, d in _FEAST.findall(text)})


def days(text: str) -> frozenset[date]:
    """Every full date: 2025年12月31日, 2025-12-31."""
    return frozenset(day for match in _DAY.findall(folded(text)) if (day := _date(*map(int, match))))


def months(text: str) -> frozenset[tuple[int, int]]:
    """Every month of a year: 2020年11月."""
    return frozenset((int(year), int(month)) for year, month in _MONTH.findall(folded(text)))


def periods(text: str) -> frozenset[str]:
    """Every period in ISO 8601: 两年 P2Y, 6个月 P6M, 半年 P6M."""
    found = set()
    for figure, unit in _PERIOD.findall(folded(text)):
        if figure == "半":
            found |= {"P6M"} if unit == "年" else set()
            continue
        number = int(figure) if figure.isdigit() else chinese(figure)
        if number is not None and unit in _ISO and not (unit == "年" and number > 1000):
            found.add(f"P{number}{_ISO[unit]}")
    return frozenset(found)


def quarters(text: str) -> frozenset[tuple[int, ...]]:
    """The months of every quarter that is named: 第三季度 (7, 8, 9)."""
    numbers = (int(q) if q.isdigit() else _DIGITS[q] for q in _QUARTER.findall(folded(text)))
    return frozenset((3 * n - 2, 3 * n - 1, 3 * n) for n in numbers)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
