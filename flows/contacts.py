"""Which telephone numbers, e-mail addresses, credit codes and card numbers does a text hold, and is one of them a valid answer?"""

import re
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email
from stdnum import luhn
from stdnum.cn import uscc

from flows.amounts import CORRECTION
from flows.reading import Reading, refuse, short
from knowledge.text import aligned, plain
from knowledge.types import Field

_SPOKEN_CHARS = "零〇○洞一幺么壹二两贰三叁四肆五伍六陆七柒拐八捌九玖勾"
_SPOKEN = str.maketrans(_SPOKEN_CHARS, "000011112223344556677788999")
_D = rf"[\d{_SPOKEN_CHARS}]"
_GAP = r"[ \t\-–—−.·()\u200b-\u200f\ufeff]{0,3}"
_DIGITS_RUN = re.compile(rf"\+?{_D}(?:{_GAP}{_D}){{5,}}")
_EXTENSION = re.compile(rf"\s*(?:转|分机(?:号)?|ext\.?|#)\s*(?P<x>{_D}{{1,6}})", re.IGNORECASE)
_EMAIL = re.compile(r"[A-Za-z0-9._%+\-]{1,64}\s*@\s*[A-Za-z0-9.\-]{0,190}")
_SPOKEN_AT = re.compile(r"(?<=[A-Za-z0-9])\s*(?:[\[(]\s*at\s*[\])]|\s+at\s+|艾特)\s*(?=[A-Za-z0-9])", re.IGNORECASE)
_SPOKEN_DOT = re.compile(r"(?<=[A-Za-z0-9])\s*(?:[\[(]\s*dot\s*[\])]|\s+dot\s+|点)\s*(?=[A-Za-z0-9])", re.IGNORECASE)
_CODE_RUN = re.compile(r"(?<![0-9A-Za-z])[0-9A-Za-z](?:[ \-]{0,2}[0-9A-Za-z]){9,}(?![0-9A-Za-z])")
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_LIKELY = {"I": "1", "O": "0", "Z": "2", "S": "5"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of digits, spoken or written, at [start, end) of the text; `digits` holds ASCII digits, `extension` too."""

    digits: str
    plus: bool
    extension: str
    start: int
    end: int


def runs(text: str) -> list[Run]:
    """All runs of six or more digits that are not part of a word or an address; positions are those of the given text."""
    same = aligned(text)
    found: list[Run] = []
    position = 0
    while match := _DIGITS_RUN.search(same, position):
        position = match.end()
        if _inside_word(same, match.start(), match.end()):
            continue
        tail = _EXTENSION.match(same, match.end())
        position = tail.end() if tail else match.end()
        digits = re.sub(r"\D", "", match[0].translate(_SPOKEN))
        extension = tail["x"].translate(_SPOKEN) if tail else ""
        found.append(Run(digits=digits, plus=match[0][0] == "+", extension=extension, start=match.start(), end=position))
    return found


def _inside_word(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    return (before.isascii() and (before.isalpha() or before in ("@", "."))) or after == "@" or (after.isascii() and after.isalpha())


def phone(run: Run) -> str:
    """The run as a telephone number (13900001234, 13900001234转801, 0772-2828543, +85291234567), or empty."""
    digits = re.sub(r"^(?:00)?86(?=1\d{10}$|0\d{10,11}$)", "", run.digits)
    if re.fullmatch(r"1\d{10}", digits):
        number = digits
    elif re.fullmatch(r"0(?:10|2\d)\d{8}|0[3-9]\d{2}\d{7,8}", digits):
        area = 3 if digits[1] in "12" else 4
        number = f"{digits[:area]}-{digits[area:]}"
    elif run.plus and not digits.startswith("86") and 8 <= len(digits) <= 15:
        number = f"+{digits}"
    else:
        return ""
    return f"{number}转{run.extension}" if run.extension else number


def card(run: Run) -> str:
    """The run as a card or account number of 12 to 19 digits, or empty."""
    return run.digits if 12 <= len(run.digits) <= 19 and not run.plus and not phone(run) else ""


_SET_ASIDE = re.compile(r"(?:不是|别用|不要用|不用)\s*$")


def _last_said(text: str, found: list[tuple[int, str]]) -> list[str]:
    """The values that count: those after the last correcting word where there are any, without repetitions."""
    found = [pair for pair in found if not _SET_ASIDE.search(text[: pair[0]])] or found
    marks = [m.end() for m in CORRECTION.finditer(text)]
    later = [value for start, value in found if marks and start >= marks[-1]]
    if not later and marks and found:
        later = [found[-1][1]]
    return list(dict.fromkeys(later or [value for _, value in found]))


def read_mobile(field: Field, text: str) -> Reading:
    """A telephone number, also spoken (一三九…) or with an extension; the last valid one after a correction."""
    found = runs(text)
    numbers = _last_said(aligned(text), [(r.start, phone(r)) for r in found if phone(r)])
    mobiles = [n for n in numbers if n.startswith("1")]
    if len(mobiles) == 1 or (len(numbers) == 1 and not mobiles):
        return Reading(value=(mobiles or numbers)[0])
    if len(numbers) > 1:
        return refuse(field, "您给了不止一个号码，请只告诉我一个")
    return refuse(field, _phone_problem(found, text))


def _phone_problem(found: list[Run], text: str) -> str:
    digits = max((r.digits for r in found), key=len, default=re.sub(r"\D", "", plain(text).translate(_SPOKEN)))
    count = len(digits)
    if count == 0:
        return "没有看到手机号，请写11位数字"
    if digits.startswith("1") and count < 11:
        return f"手机号应是11位，这里只有{count}位，少了{11 - count}位"
    if digits.startswith("1"):
        return f"手机号应是11位，这里有{count}位，多了{count - 11}位"
    if count in (7, 8):
        return "固定电话请带上区号，或者写11位手机号"
    return f"这个号码（{count}位）看着不对，手机号是11位，以1开头"


def emails(text: str) -> list[tuple[int, int, str]]:
    """All e-mail addresses, complete or not, as (start, end, address) of the given text."""
    return [(m.start(), m.end(), re.sub(r"\s", "", m[0]).rstrip(".-")) for m in _EMAIL.finditer(aligned(text))]


def valid_email(address: str) -> str:
    """The address in its normal form, or empty; checked by its shape alone, without the network."""
    try:
        return validate_email(address, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        return ""


def read_email(field: Field, text: str) -> Reading:
    """An e-mail address: full-width signs, spaces around @ and dots, a spoken at are put right."""
    ready = _SPOKEN_AT.sub("@", plain(text))
    ready = re.sub(r"(?<=[A-Za-z0-9])\s*([@.])\s*(?=[A-Za-z0-9])", r"\1", ready.replace("。", "."))
    ready = re.sub(r"(?<=@)[A-Za-z0-9.\-点 ()\[\]]+", lambda m: _SPOKEN_DOT.sub(".", m[0]), ready)
    found = emails(ready)
    valid = _last_said(ready, [(start, good) for start, _, address in found if (good := valid_email(address))])
    if len(valid) == 1:
        return Reading(value=valid[0])
    if len(valid) > 1:
        return refuse(field, "您给了不止一个邮箱，请只告诉我一个")
    return refuse(field, _email_problem(found[-1][2] if found else ready), field.example or "name@example.com")


def _email_problem(address: str) -> str:
    before, at, domain = address.partition("@")
    if not at:
        return "邮箱里没有看到@，请写完整"
    if not domain:
        return "邮箱@后面没有内容，请写完整"
    if not before.strip():
        return "邮箱@前面没有内容，请写完整"
    if "." not in domain:
        return f"邮箱@后面的“{short(domain, 12)}”不完整，缺少.com这样的结尾"
    return f"邮箱“{short(address, 20)}”的写法不对，请核对"


def codes(text: str) -> list[tuple[int, str]]:
    """All runs of ten or more letters and digits, spaces and dashes removed, in capitals, with where they begin."""
    found = []
    for match in _CODE_RUN.finditer(aligned(text)):
        parts = re.split(r"[ \-]+", match[0].upper())
        whole = [p for p in parts if len(p) == 18]
        code = whole[0] if len(whole) == 1 else "".join(parts)
        if sum(c.isdigit() for c in code) >= 5:
            found.append((match.start(), code))
    return found


def valid_uscc(code: str) -> bool:
    """Whether 18 characters are a credit code with the right check digit (GB 32100)."""
    return len(code) == 18 and all(c in _ALPHABET for c in code) and uscc.calc_check_digit(code[:17]) == code[17]


def read_uscc(field: Field, text: str) -> Reading:
    """A credit code of 18 characters; says what is wrong: length, letters that are not used, check digit."""
    found = codes(text)
    valid = _last_said(aligned(text), [(start, code) for start, code in found if valid_uscc(code)])
    if len(valid) == 1:
        return Reading(value=valid[0])
    if len(valid) > 1:
        return refuse(field, "您给了不止一个信用代码，请只告诉我一个")
    code = found[-1][1] if found else re.sub(r"[^0-9A-Z]", "", plain(text).upper())
    return refuse(field, _uscc_problem(code))


def _uscc_problem(code: str) -> str:
    if not code:
        return "没有看到信用代码，请写18位数字和大写字母"
    if len(code) != 18:
        return f"统一社会信用代码应是18位，这里是{len(code)}位"
    wrong = next((c for c in code if c not in _ALPHABET), "")
    if wrong in _LIKELY:
        return f"信用代码里不用字母{wrong}，可能是数字{_LIKELY[wrong]}，请核对"
    if wrong:
        return f"信用代码里不用字母{wrong}，请核对"
    return "信用代码的最后一位校验码对不上，请逐位核对"


def read_bank_card(field: Field, text: str) -> Reading:
    """A card or account number of 12–19 digits; one that fails Luhn is a problem, and comes back in `retry`."""
    found = runs(text)
    cards = _last_said(aligned(text), [(r.start, card(r)) for r in found if card(r)])
    good = [c for c in cards if luhn.is_valid(c)]
    if len(cards) > 1 and len(good) != 1:
        return refuse(field, "您给了不止一个卡号，请只告诉我一个")
    if good:
        return Reading(value=good[0])
    if cards:
        problem = "这个卡号没通过校验，请核对；对公账号核对无误的，请原样再发一次。"
        return Reading(value=cards[0], problem=problem, retry=cards[0])
    digits = max((r.digits for r in found), key=len, default=re.sub(r"\D", "", plain(text)))
    if not digits:
        return refuse(field, "没有看到银行卡号，请写12到19位数字")
    return refuse(field, f"银行卡号应是12到19位数字，这里是{len(digits)}位")
