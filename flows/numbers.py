"""Which numbers does a piece of Chinese text state? Numerals to values, and how exactly each is meant; no field is known here."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from knowledge.text import plain

DIGITS = {
    c: v for v, chars in enumerate(("零〇○", "一壹弌", "二两贰俩", "三叁仨", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖")) for c in chars
}
UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000, "万": 10**4, "亿": 10**8}
_TENS = {"廿": "二十", "卄": "二十", "卅": "三十", "卌": "四十"}
_N = "(?:[" + "".join(DIGITS) + "](?<!大陆)(?!(?<=陆)[续地]))"
"""A digit; 陆续, 陆地 and 大陆 are words."""
_U = "[" + "".join(UNITS) + "]"
_ARABIC = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
_RUN = re.compile(rf"(?:{_ARABIC}|{_N}|{_U}|[廿卄卅卌]|点(?={_N}))+|(?<!个)半(?![年天日月夜路])")
_TOKEN = re.compile(rf"\d+(?:\.\d+)?|{_N}|{_U}")

Exactness = Literal["exact", "about", "less", "more", "range", "vague"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number in a text. For a range `value` is its lower and `high` its upper end."""

    value: Decimal
    high: Decimal
    start: int
    end: int
    numeral: str
    exactness: Exactness = "exact"


def value_of(numeral: str) -> Decimal | None:
    """The value of one numeral: 3万5 → 35000, 一千二 → 1200, 二〇二一 → 2021, 三点五万 → 35000, 廿三 → 23; None if it is not one."""
    text = re.sub(r",(?=\d{3})", "", plain(numeral))
    if text == "半":
        return Decimal("0.5")
    for char, meaning in _TENS.items():
        text = text.replace(char, meaning)
    if "点" in text:
        return _with_point(text)
    tokens = _TOKEN.findall(text)
    if not tokens or "".join(tokens) != text:
        return None
    if all(t in DIGITS for t in tokens):
        return Decimal("".join(str(DIGITS[t]) for t in tokens))
    return _composed(tokens)


def _with_point(text: str) -> Decimal | None:
    whole, _, rest = text.partition("点")
    match = re.match(rf"({_N}+)({_U}*)$", rest)
    left = value_of(whole) if whole else None
    if match is None or left is None:
        return None
    fraction = "".join(str(DIGITS[c]) for c in match[1])
    scale = value_of(match[2]) if match[2] else Decimal(1)
    return None if scale is None else Decimal(f"{left}.{fraction}") * scale if left == int(left) else None


def _composed(tokens: list[str]) -> Decimal | None:
    """Tokens with units, largest first; a last digit without a unit counts a tenth of the unit before it."""
    total = section = Decimal(0)
    digit: Decimal | None = None
    last, zero = 0, False
    for token in tokens:
        unit = UNITS.get(token)
        if unit is None:
            if token in DIGITS and DIGITS[token] == 0 and digit is None:
                zero = True
                continue
            if digit is not None:
                return None
            digit = Decimal(DIGITS[token]) if token in DIGITS else Decimal(token)
            continue
        if last and unit >= last and not (unit >= 10**4 and total == 0):
            return None
        if unit >= 10**4:
            total += (section + (digit or 0) or 1) * unit
            section = Decimal(0)
        else:
            section += (1 if digit is None else digit) * unit
        digit, last, zero = None, unit, False
    return _with_rest(total + section, digit, last, zero)


def _with_rest(total: Decimal, digit: Decimal | None, last: int, zero: bool) -> Decimal | None:
    if digit is None or not last:
        return total + (digit or 0)
    if digit < 10 and digit == int(digit) and not zero:
        return total + digit * last / 10
    return total + digit if digit < last else None


def _pair(run: str) -> tuple[str, str] | None:
    """Both ends of 三四十, 十五六, 一两百, 三五: two neighbouring digits side by side."""
    if re.fullmatch(rf"{_N}{{3,}}", run):
        return None
    for i in range(len(run) - 1):
        a, b = DIGITS.get(run[i]), DIGITS.get(run[i + 1])
        if a and b and run[i] not in "俩仨" and (b == a + 1 or (a, b) == (3, 5)):
            return run[: i + 1] + run[i + 2 :], run[:i] + run[i + 1 :]
    return None


_LESS_BEFORE = re.compile(
    r"(?:不到|不足|不满|将近|接近|(?<![最附])近|最多|至多|顶多|不超过|(?<!不)少于|(?<!不)低于|(?<!不)小于|[<≤])[有是为了]?\s*$"
)
_MORE_BEFORE = re.compile(
    r"(?:超过|超|至少|最少|起码|不少于|不低于|不小于|(?<!不)多于|(?<!不)大于|(?<!不)高于|不止|逾|[>≥])[有是为了]?\s*$"
)
_ABOUT_BEFORE = re.compile(r"(?:大概|大约|大致|约莫|约|差不多|估计|估摸|平均|基本上?)(?:在|是|有)?\s*$")
_VAGUE_BEFORE = re.compile(r"几$")
_MORE_AFTER = re.compile(r"\s*(?:[多余几]|出头|\+)")
_ABOUT_AFTER = re.compile(r"\s*来(?![自源访])")
_TAIL = re.compile(
    r"\s*(?:[个名人次场位回期分元块万号口]|平方米?|平米?)*\s*(?P<w>左右|上下|以上|往上|之上|以下|以内|之内|出头|不到|起)(?!午|来)"
)
_TAILS: dict[str, Exactness] = {"左右": "about", "上下": "about", "以下": "less", "以内": "less", "之内": "less", "不到": "less"}
_JOIN = re.compile(r"\s*[^\W\d_]{0,3}?\s*(?:[-~–—―]+|到|至|或者?)\s*$")


def find(text: str) -> list[Quantity]:
    """All numbers of a text (already `plain`), in order; two joined by 到 - 至 或 become one range."""
    found: list[Quantity] = []
    for quantity in _single(text):
        previous = found[-1] if found else None
        if previous is not None and _joined(text, previous, quantity):
            low = previous.value * _scale(previous.numeral, quantity.numeral)
            numeral = text[previous.start : quantity.end]
            found[-1] = replace(previous, value=low, high=quantity.high, end=quantity.end, numeral=numeral, exactness="range")
        else:
            found.append(quantity)
    return found


def _scale(left: str, right: str) -> int:
    """What the left end of 5到8万 shares with the right one: 10,000."""
    shared = len(right) > 1 and right[-1] in UNITS and not any(c in UNITS for c in left)
    return UNITS[right[-1]] if shared else 1


def _joined(text: str, left: Quantity, right: Quantity) -> bool:
    between = text[left.end : right.start]
    if re.fullmatch(r"\s*[、,]\s*", between):
        return right.value == left.value + 1 and right.value < 10 and left.numeral[-1] in DIGITS
    return bool(_JOIN.fullmatch(between)) and left.value < right.high


def _single(text: str) -> Iterator[Quantity]:
    for match in _RUN.finditer(text):
        run, start, end = match[0], match.start(), match.end()
        pair = _pair(run)
        low, high = (value_of(pair[0]), value_of(pair[1])) if pair else (value_of(run), value_of(run))
        if low is None or high is None:
            continue
        if re.match(r"个半(?![年天日月])", text[end:]):
            low, high, end = low + Decimal("0.5"), high + Decimal("0.5"), end + 2
        if re.search(r"(?:^|[\s:是为有])[-−]\s*$|负\s*$", text[max(0, start - 3) : start]):
            low, high = -low, -high
        exact: Exactness = "range" if pair and low < high else _exactness(text, start, end)
        yield Quantity(value=low, high=high, start=start, end=end, numeral=text[start:end], exactness=exact)


def _exactness(text: str, start: int, end: int) -> Exactness:
    before, after = text[max(0, start - 8) : start], text[end : end + 8]
    if _VAGUE_BEFORE.search(before) or (before.endswith(("上", "数", "成", "近")) and text[start] in UNITS):
        return "vague"
    if _LESS_BEFORE.search(before):
        return "less"
    if _MORE_BEFORE.search(before) or _MORE_AFTER.match(after):
        return "more"
    tail = _TAIL.match(after)
    if tail:
        return _TAILS.get(tail["w"], "more")
    return "about" if _ABOUT_BEFORE.search(before) or _ABOUT_AFTER.match(after) else "exact"


def normal(value: Decimal) -> int | float:
    """The number as it is stored: whole ones as int."""
    return int(value) if value == value.to_integral_value() else float(value)
