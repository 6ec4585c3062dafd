"""What value does one answer give to one field, and how is a value shown? One reader for each kind; no conversation here."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date

from flows.amounts import read_money, read_number
from flows.choices import read_choice, read_yes_no
from flows.contacts import read_bank_card, read_email, read_mobile, read_uscc
from flows.dates import read_date
from flows.names import read_person, read_story, read_text, says_none
from flows.reading import Reading, refuse
from knowledge.text import clean, plain
from knowledge.types import Field, Kind, Value

__all__ = ["Reading", "is_blank", "masked", "read", "show"]

LONGEST_ANSWER = 600
"""Characters of an answer to anything but long text; nobody needs more to say a number."""

_READERS: dict[Kind, Callable[[Field, str], Reading]] = {
    "text": read_text,
    "long_text": read_story,
    "number": read_number,
    "yes_no": read_yes_no,
    "choice": read_choice,
    "mobile": read_mobile,
    "email": read_email,
    "uscc": read_uscc,
    "bank_card": read_bank_card,
    "money": read_money,
}
_MAY_BE_NONE = frozenset({"text", "mobile", "email", "uscc", "bank_card"})
_BLANK_LEAD = (
    r"(?:这个|这项|这一项|这条|那个|我们?|目前|现在|暂时|暂|名字|名称|人选|具体|时间|日期|号码|数字|嗯|呃|哦|啊|"
    r"抱歉|不好意思|对不起|说实话|真|还|也|都|就|可以|那|请|先|一时)"
)
_BLANK_TAIL = r"(?:了|啊|呢|吧|哦|呀|哈|嘛|的|题|一下|诶|欸|哎|唉|耶|喔|噢|咧|咯|滴|哎呀)"
_BLANK_WORDS = (
    r"(?:不填写?|不用填|不想[填说写]|不方便(?:说|透露|提供|填写?)|空着|留空|留白|空白|略过?|跳过|过|下一[题个项条]|pass|skip|n/?a|none|null|unknown|"
    r"不[太大]?清楚|不是很清楚|不[太大]?知道|不晓得|不[太大]?了解|不[太大]?确定|说不好|说不准|说不清|说不上来|不好说|拿不准|吃不准|没想好|没定下?来?|没[起取]名[字称]?|没命名|没定名|"
    r"想不起来?|记不清楚?|记不得|不记得|忘记?|待定|未知|不详|不明|没统计过?|没算过|没数过|(?:回头|以后|晚点|等会儿?|之后|后面)再[填说补]|填不了|答不上来?)"
)
_BLANK = re.compile(
    rf"{_BLANK_LEAD}*{_BLANK_WORDS}{_BLANK_TAIL}*(?:{_BLANK_LEAD}*{_BLANK_WORDS}{_BLANK_TAIL}*)?(?:{_BLANK_LEAD}{{0,2}}{_BLANK_TAIL}{{0,2}})"
)


_NOT_YET = re.compile(r"(?:还没|没有|尚未|没|未)(?:出来?|公布|通知|下来|评|排|打分|考核|算)|没有?(?:排名|名次|分数|成绩)")
"""An optional number that is not there yet: 排名还没出来."""


def is_blank(text: str) -> bool:
    """Whether the answer says that there is no answer: 不填, 跳过, 不清楚, 说不好. 没有 and 暂时没有 are answers and not blank."""
    said = plain(text).casefold().strip()
    if re.fullmatch(r"[/\\\-—–_]{1,6}", said):
        return True
    if len(said) > 30:
        return False
    bare = re.sub(r"[\s,.;:!?~、。…()]", "", said)
    return bool(_BLANK.fullmatch(bare))


def read(field: Field, text: str, today: date) -> Reading:
    """One answer to one field, from human text. A blank answer gives None; never raises."""
    if is_blank(text):
        return _labelled(field, Reading())
    if not clean(text):
        return refuse(field, f"没有看到内容，请告诉我{field.label}")
    if field.kind == "long_text":
        return _labelled(field, read_story(field, text))
    if len(clean(text)) > LONGEST_ANSWER:
        return refuse(field, f"这段话太长了，请只告诉我{field.label}")
    if field.optional and field.kind == "number" and _NOT_YET.search(plain(text)):
        return _labelled(field, Reading())
    if field.kind in _MAY_BE_NONE and says_none(text):
        return _labelled(field, Reading(note="这一项先空着，以后可以补。"))
    return _labelled(field, _read(field, text, today))


def _read(field: Field, text: str, today: date) -> Reading:
    if field.kind in ("date", "month"):
        return read_date(field, text, today)
    if field.kind == "text" and field.personal:
        return read_person(field, text)
    return _READERS[field.kind](field, text)


def _labelled(field: Field, reading: Reading) -> Reading:
    return reading if reading.problem else replace(reading, label=show(field, reading.value))


def show(field: Field, value: Value) -> str:
    """The value as people read it: 120 m², 是, 2013年3月, 联谊型, 8万元（80000元）; 未填 for None."""
    if value is None:
        return "未填"
    if field.kind == "yes_no":
        return "是" if value else "否"
    if field.kind == "choice":
        return next((c.label for c in field.choices if c.value == value), str(value))
    if field.kind in ("date", "month"):
        return _day(str(value))
    if field.kind == "money" and isinstance(value, int | float):
        return _yuan(value)
    if field.kind == "number" and isinstance(value, int | float):
        gap = " " if field.unit.isascii() or field.unit[:1].isascii() else ""
        return f"{_plain_number(value)}{gap if field.unit else ''}{field.unit}"
    return str(value)


def _plain_number(value: int | float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.10g}"


def _day(value: str) -> str:
    parts = value.split("-")
    if not all(p.isdigit() for p in parts) or not 2 <= len(parts) <= 3:
        return value
    return "".join(f"{int(p)}{unit}" for p, unit in zip(parts, "年月日", strict=False))


def _yuan(value: int | float) -> str:
    exact = f"{_plain_number(round(value, 2))}元"
    if value < 10_000 or value % 100:
        return exact
    return f"{_plain_number(value / 10_000)}万元（{exact}）"


def masked(field: Field, value: Value) -> Value:
    """A sensitive value as it may be shown: ****0018 for a card, **** for others; everything else unchanged."""
    if not field.sensitive or value is None:
        return value
    return f"****{str(value)[-4:]}" if field.kind == "bank_card" and len(str(value)) >= 8 else "****"
