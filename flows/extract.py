"""Which facts does a longer message state, and where do personal values stand in it? For taking several facts at once and for masking."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache

from flows.contacts import codes, emails, phone, read_email, read_mobile, read_uscc, runs, valid_uscc
from flows.fields import read
from knowledge.text import aligned, plain
from knowledge.types import Field, Kind, Value

_SENTENCE = re.compile(r"[^。!?！？；;\n]+[。!?！？；;\n]?")
_ASKING = re.compile(
    r"[?？]\s*$|[吗么]\s*[。]?$|多少|几(?:次|场|人|个|天|年|平)|怎么|如何|能不能|可不可以|有没有|是不是|要不要|什么|哪[个里些儿]|谁|要求|规定|不少于|至少要"
)
_ENDLESS = re.compile(r"[零〇一二两三四五六七八九十百千万亿\d,.]{30,}|\s{30,}")
"""Longer than any number that means something; cues would look at each of its ends."""
_BUILT_IN = {"mobile": read_mobile, "email": read_email, "uscc": read_uscc}
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷"
    "龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常汤康易乔赖文庞樊兰殷施洪翟安倪岳温柯伍葛焦俞祝甘麦欧车聂鲁章左纪关齐梅芦辛管詹阳游裘农蓝蒙银凌卓涂柳邢庄童宁涂尤苗盛骆闭"
)
_DOUBLE = "欧阳|上官|司马|诸葛|夏侯|皇甫|尉迟|公孙|令狐|司徒|慕容|东方|南宫|端木|独孤|宇文|长孙"
_PERSON = re.compile(
    r"(?:我叫|我是|本人叫?|叫做|(?:负责人|联系人|法人代表|法人|站长|姓名|名字)(?:姓名|的?名字)?(?:就?是|叫|为)?)[是为叫:\s]*"
    rf"(?P<name>[\u4e00-\u9fff]{{1,12}}(?:[·•・][\u4e00-\u9fff]{{1,12}})+|(?:{_DOUBLE})[\u4e00-\u9fff]{{1,2}}|[{_SURNAMES}][\u4e00-\u9fff]{{1,2}})"
    r"(?=$|[\s,.;:!?、。()/\d]|电话|手机|联系|邮箱|的|在|今年|是|想|老师|先生|女士|主任|经理|站长)"
)
_BANK = re.compile(r"[\u4e00-\u9fffA-Za-z]{2,30}?(?:支行|分行|营业部|营业厅|分理处|信用社)")
_IDENTITY = re.compile(r"(?<![0-9A-Za-z])\d{17}[\dXx](?![0-9A-Za-z])")


def _statements(text: str) -> Iterator[str]:
    """The sentences that state something; questions are left out."""
    for match in _SENTENCE.finditer(_ENDLESS.sub(" ", text)):
        if not _ASKING.search(match[0]):
            yield match[0]


def extract(fields: Sequence[Field], text: str, today: date) -> dict[str, Value]:
    """The facts that a longer message states: by each field's `cues`, and a single mobile, e-mail or credit code by its shape.

    Taken only when every mention reads as the same value; questions (要多少平？) state nothing.
    """
    parts = tuple(_statements(plain(text)))
    facts: dict[str, Value] = {}
    for field in fields if parts else ():
        values = {value for part in parts for value in _cued(field, part, today)}
        if len(values) == 1:
            facts[field.key] = values.pop()
    for kind in ("mobile", "email", "uscc"):
        only = [f for f in fields if f.kind == kind]
        if len(only) == 1 and only[0].key not in facts and _mentions(kind, text):
            reading = _BUILT_IN[kind](only[0], text[:2000])
            if not reading.problem:
                facts[only[0].key] = reading.value
    return facts


def _mentions(kind: Kind, text: str) -> bool:
    if kind == "mobile":
        return any(phone(r) for r in runs(text))
    return any(valid_uscc(c) for _, c in codes(text)) if kind == "uscc" else "@" in plain(text)


_compiled = cache(re.compile)


def _cued(field: Field, sentence: str, today: date) -> Iterator[Value]:
    for cue in field.cues:
        for match in _compiled(cue).finditer(sentence):
            said = match.groupdict().get("value") or match[0]
            reading = read(field, said, today)
            if not reading.problem and reading.value is not None:
                yield reading.value


def spans(fields: Sequence[Field], text: str) -> list[tuple[int, int, str]]:
    """Where personal and sensitive values stand: (start, end, what), what being mobile, email, bank_card, name or bank_name."""
    same = aligned(text)
    found = [(start, end, "email") for start, end, _ in emails(text)]
    for run in runs(text):
        if phone(run) or (10 <= len(run.digits) <= 12 and run.digits.startswith("1")):
            found.append((run.start, run.end, "mobile"))
        elif len(run.digits) >= 12 and not valid_uscc(run.digits):
            found.append((run.start, run.end, "bank_card"))
    found += [(m.start(), m.end(), "bank_card") for m in _IDENTITY.finditer(same) if not valid_uscc(m[0].upper())]
    found += [(m.start("name"), m.end("name"), "name") for m in _PERSON.finditer(same)]
    if any(f.sensitive and f.kind == "text" for f in fields):
        found += [(m.start(), m.end(), "bank_name") for m in _BANK.finditer(same)]
    return _apart(found)


def _apart(found: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    result: list[tuple[int, int, str]] = []
    for start, end, what in sorted(found, key=lambda s: (s[0], -s[1])):
        if not result or start >= result[-1][1]:
            result.append((start, end, what))
    return result


def mask_text(fields: Sequence[Field], text: str) -> str:
    """The message with personal and sensitive values replaced: 139****1234, w***@example.com, ****0018, 韦**."""
    parts, position = [], 0
    for start, end, what in spans(fields, text):
        parts += [text[position:start], _mask(what, text[start:end])]
        position = end
    return "".join([*parts, text[position:]])


def _mask(what: str, said: str) -> str:
    if what == "email":
        before, _, after = aligned(said).partition("@")
        return f"{before[:1]}***@{after}"
    if what == "name":
        return said[:1] + "**"
    if what == "bank_name":
        return "****"
    digits = "".join(r.digits for r in runs(said)) or said
    if what == "bank_card":
        return f"****{digits[-4:]}"
    return f"{digits[:3]}****{digits[-4:]}" if len(digits) >= 10 else "****"
