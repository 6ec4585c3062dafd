"""Is an answer a yes or a no, and which of the listed choices does it mean? Whatever is not clear is asked back."""

import re
from collections.abc import Iterable

from rapidfuzz.distance import Levenshtein

from flows.amounts import CORRECTION
from flows.reading import LONGEST, Reading, refuse
from knowledge.text import plain
from knowledge.types import Choice, Field

_STOPS = ",.;:!?、。…~()\n"
_PARTS = re.compile(rf"[{re.escape(_STOPS)}]+|\s+")
_LEAD = re.compile(
    r"(?:我们?(?:单位|公司|这边|这里|这儿|这|站|司)?|咱们?|本单位|我司|单位|公司|这个|这里|这边|那个?|目前|现在|已经|早就|早已|都|当然|肯定|"
    r"应该|嗯+|哦|噢|啊|呃|额|哈|就|基本上?|算|一直|全部?|也|确实|的确|其实|倒|必须|不瞒您说|老师|您好|你好|答案?|选|回答)"
)
_END = r"(?:的|了|啊|呀|呢|吧|哦|哈|嘛|嗯|喔|噢|哇|啦|滴|ok|过)*$"
_YES_HEAD = re.compile(
    r"(?:有(?!没有|限|时|些|点|待|的还?没|一?部分|的有|的没)|是(?:的|啊|呀|呢|吧|有|能|会|可以)?"
    + _END
    + r"|是的|对(?:的|啊|呀|呢)?"
    + _END
    + r"|能(?!不能)|可以(?!吗)|会(?!议|展|不会|员)|"
    r"设了|设有|设立了|配了|配有|配备了|建了|签了|通过了|具备|满足|符合|没问题|没错|行(?:的|啊)?"
    + _END
    + r"|好(?:的|啊|呀)?"
    + _END
    + r"|方便|免费|无偿|同意|愿意)"
)
_NO_HEAD = re.compile(
    r"(?:没有?(?!问题|错|毛病|不|什么问题|说)|无(?!偿|线|障碍|不|论)|不(?!是没|错|收|要钱|成问题|光|仅|但|少|只|(?:太|是很|大|敢|怎么|完全)?(?:知道|清楚|确定|了解|明白|好说)|一定|过)|否(?!则)|尚未|还没|未|别|木有|冇|缺|从来没)"
)
_DOUBLE = re.compile(r"(?:不是|并非|不会|不能|不可能)没(?:有)?|无不|没有?不(?:是|行|能|成)?的")
_MUDDLED = re.compile(
    r"有没有|有也|好像|是不是|能不能|会不会|可不可以|对不对|行不行|没有不|不是不|不一定|看情况|有时候?|也许|说不定|可能|一半|有[的些].{0,6}(?:没|无)|"
    r"有的有(?!的)|(?<!大)部分|只有|仅有|差不多有|算有算没|没有吗|有吗|是吗|\?\?"
)
_PENDING = re.compile(
    r"(?:还在|正在?|在)(?:谈|建|办|申请|筹|准备|装修|制定|走|弄|搞|签|招)|打算|准备(?:建|设|签|办|申请|招|配|弄|搞)|计划(?:建|设|签|办|明年)|即将|马上就?(?:有|建|签|办|好)|快要?(?:[做写编定弄谈搭配建装备]?好|签|建|办|下来|有)|筹备中|筹建|明年|下个?月|还没定|待定"
)
_YES_WORDS = (
    "设了|设立了|(?<!快)[做写编定弄谈搭配建装备]好了|配了|配齐|都配|建了|建好|建立了|签了|签过了|刚签|已签|签订了|认定了|认定过|挂了|挂牌了|通过了|安排了|成立了|具备|满足|符合|达到|能够|可以|"
    "保障|齐全|齐备|完备|健全|方便|便利|够用|足够|到位|没问题|没错|不错|不成问题|制定了|落实了|批了|拿到了|当然|必须的|办了|定了|做了|属于|同意|"
    "愿意|确认|设有|配有|备有|建有|都行|肯定有"
)
_NO_WORDS = (
    "没有|没|不是|不能|不会|不行|不可以|不方便|不够|不足|不满足|不符合|不具备|尚未|还未|缺少|缺乏|从未|无法|拒绝|否|谈不上|差得远|"
    "(?:提供|做|办|保障|承担|解决|达|给|拿|保证|负担)不(?:了|到|起|出来?)"
)
_HAVE = re.compile(r"(?<![没未所只具享])有(?!没有|限|关|时|点|些|待|的还?没|效|人问|可能|吗)")
_NEGATED = re.compile(r"(?:不是|并不|不算|算不上|谈不上|不|没有|没|未|无(?![线偿论比])|非(?!常)|缺|别(?![的墅])|没有过)[^,.;。、\n]{0,3}$")


def _words(line: str) -> frozenset[str]:
    return frozenset(line.split())


_EXACT_YES = _words(
    "y yes yep yeah ok okay true 1 a 嗯 好 行 中 成 得 要 对 是 有 能 会 √ ✓ "
    "✔ 👍 👌 ✅ 🙆 已 可 妥 是滴 对滴 恩 恩恩 嗯呢 必须 必须的 没问题 ① 甲 shi you dui"
)
_EXACT_NO = _words("n no nope false 0 2 b 否 不 没 无 没有 × ✗ ✘ x 👎 ❌ 🙅 未 木有 冇 ② 乙 no. 不行 别 mei meiyou")
_SIGNS = {"👍": "是", "👌": "是", "✅": "是", "🙆": "是", "👎": "否", "❌": "否", "🙅": "否"}
_TWICE = re.compile(r"^(有的|有|是的|是|对的|对|能的|能|没有的|没有|没|会的|会|好的|可以的|可以|行)(?:[,，、!！。\s]*\1)+")
"""有的有的, 没有没有: said twice for emphasis."""
_SKIN = re.compile("[\U0001f3fb-\U0001f3ff\ufe0f\u200d♂♀]")


def _tidy(text: str) -> str:
    result = _SKIN.sub("", plain(text)).casefold().strip()
    result = _TWICE.sub(r"\1", result)
    return result.strip(_STOPS + " \t'\"“”‘’「」")


def polarity(text: str, yes_words: Iterable[str] = (), no_words: Iterable[str] = ()) -> bool | None:
    """Yes (True), no (False) or not clear (None). The field's own words count first, unless negated (不是框架)."""
    said = _tidy(text)
    for sign, meaning in _SIGNS.items():
        said = said.replace(sign, meaning)
    if said in _EXACT_YES or (said and set(said) <= set("是嗯对好恩")):
        return True
    if said in _EXACT_NO or (said and set(said) <= {"否"}):
        return False
    marks = [m.end() for m in CORRECTION.finditer(said)]
    if marks and said[marks[-1] :].strip(_STOPS + " 是"):
        said = said[marks[-1] :].strip(_STOPS + " 是") if said[marks[-1] :].strip(_STOPS) != "是" else "是"
    return _judged(said, tuple(yes_words), tuple(no_words))


_EXCEPT = re.compile(r"除了?[^,.;。、]{1,12}(?:都|也|全)")
_DOING = re.compile(r"(?:只|就|仅)?(?:签|设|配|建|做|办|挂|拿|买)了")
"""A yes that is only as good as its object: 签了框架协议."""


def _judged(said: str, yes_words: tuple[str, ...], no_words: tuple[str, ...]) -> bool | None:
    hint = _hinted(said, yes_words, no_words)
    if hint == "both" or _EXCEPT.search(said):
        return None
    head = _head(said)
    if _DOUBLE.search(said):
        return None if head is False or hint == "no" or re.search(r"没有?不", said) else True
    own = {"yes": True, "no": False}.get(hint)
    if own is not None:
        if own and re.search(r"(?<![大全])部分|只有|仅有|一半", said):
            return None
        return own if head in (None, own) or _only_lead(said, own) or _DOING.match(_stripped(said)) else None
    if head is not None:
        return head if _holds(said, head) else None
    if _MUDDLED.search(said) or _PENDING.search(said):
        return None
    return _content(said)


def _only_lead(said: str, own: bool) -> bool:
    """A no that belongs to the field's own word: 不收钱, 没签正式协议 begin with a negation that the words already count."""
    return (
        bool(re.match(r"不|没|未|无|别", _stripped(_PARTS.split(said)[0]))) and len(_PARTS.split(said)[0]) > 2 and not _stands_alone(said)
    )


def _stands_alone(said: str) -> bool:
    return bool(re.fullmatch(r"(?:没有?|不是?|无|否|未)" + _END, _stripped(_PARTS.split(said)[0])))


def _hinted(said: str, yes_words: tuple[str, ...], no_words: tuple[str, ...]) -> str:
    votes = set()
    for words, meaning in ((yes_words, True), (no_words, False)):
        for word in words:
            w = plain(word).casefold()
            others = [plain(o).casefold() for o in (*yes_words, *no_words)]
            for match in re.finditer(re.escape(w), said) if w else ():
                if any(_covers(said, o, w, match.start()) for o in others):
                    continue
                votes.add(meaning ^ bool(_NEGATED.search(said[: match.start()])))
    if len(votes) == 2:
        return "both"
    return {True: "yes", False: "no"}[votes.pop()] if votes else ""


def _covers(said: str, longer: str, word: str, at: int) -> bool:
    """Whether the longer word stands over this spot of the word: 不方便 over its 方便."""
    if len(longer) <= len(word) or word not in longer:
        return False
    return any(m.start() <= at and at + len(word) <= m.end() for m in re.finditer(re.escape(longer), said))


def _stripped(clause: str) -> str:
    """The clause without what people say before the word that counts."""
    while match := _LEAD.match(clause):
        if match.end() == len(clause):
            break
        clause = clause[match.end() :]
    return clause


def _head(said: str) -> bool | None:
    """The yes or no with which the answer begins."""
    clauses = [c for c in _PARTS.split(said) if c]
    while len(clauses) > 1 and re.fullmatch(r"嗯+|哦|啊|呃|额|那个|这个|好像|老师|您好|你好|哈", clauses[0]):
        clauses.pop(0)
    first = _stripped(clauses[0]) if clauses else ""
    if _MUDDLED.match(first) or re.match(r"不(?:是|会|能)没", first):
        return None
    if first in _EXACT_YES or _YES_HEAD.match(first):
        return None if _NO_AFTER.search(first) else True
    if first in _EXACT_NO or _NO_HEAD.match(first):
        return False
    return None


_NO_AFTER = re.compile(r"有(?:的|些|一部分).{0,4}没|能.{0,3}不能|[有是能会](?:但|不过)?(?:还)?(?:没|不(?!多|大|错|少|收|成|是))")


_BUT_LACKS = re.compile(
    r"(?:但是?|不过|就是|只是|可是?|然而)?(?:还|也)?(?:没(?!问题|错|关系|事|什么|收|多|几|人反对|毛病)|缺(?!不)|差(?!不多))"
)
"""A clause that takes back a yes: 有网络，没投影."""
_BUT_HAS = re.compile(r"(?:但是?|不过|只是|可是?|然而|好在)[^,.;。、]{0,8}有")
"""What is there instead says nothing about what was asked: 在郊区，不过有停车场."""


def _holds(said: str, head: bool) -> bool:
    """Whether what follows leaves the first word as it is: 有, 还没签 does not; 没有, 头一回申请 does."""
    clauses = [c for c in _PARTS.split(said) if c]
    first, later = clauses[0], clauses[1:]
    if head:
        if _MUDDLED.search(first) or re.search(r"吗$", said):
            return False
        return not any(
            re.search(r"还没|尚未|没有(?!问题|收费|差)|没[签定建设批办]|还在谈|(?:不是|没有?)$|^(?:还)?没$", c)
            or _PENDING.match(c)
            or _BUT_LACKS.match(c)
            for c in later
        )
    return not any(_YES_HEAD.match(_stripped(re.sub(r"^(?:但是?|不过|只是|可是|然而|又)", "", c))) for c in later)


def _content(said: str) -> bool | None:
    yes = bool(_HAVE.search(_BUT_HAS.sub("", said)))
    for match in re.finditer(_YES_WORDS, said):
        if _NEGATED.search(said[: match.start()]):
            return None if yes or _positive_elsewhere(said, match.start()) else False
        yes = True
    rest = re.sub(r"没问题|没错|不错|不成问题|不收|不要钱|没什么问题|没毛病|不但|不仅|不光|不少", "", said)
    no = bool(re.search(_NO_WORDS, rest))
    return yes if yes != no else None


def _positive_elsewhere(said: str, position: int) -> bool:
    before = re.split(rf"[{re.escape(_STOPS)}]", said[:position])[:-1]
    return any(_HAVE.search(c) for c in before)


def read_yes_no(field: Field, text: str) -> Reading:
    """True or false out of human text; contradictions, 还在谈 and questions are asked back."""
    answer = polarity(text, field.yes_words, field.no_words)
    if answer is None:
        if _PENDING.search(_tidy(text)):
            return Reading(problem="还没定下来的，请按现在的情况回“是”或“否”；说不准可以回“不清楚”。")
        return Reading(problem="没看明白是肯定还是否定，请回“是”或“否”，例如：是。")
    return Reading(value=answer)


def read_choice(field: Field, text: str) -> Reading:
    """One of the field's values out of a number, label, other word or slip of the pen; several or a negation are asked back."""
    said = _tidy(text)
    numbered = _numbered(field, said)
    if numbered is not None:
        return Reading(value=numbered.value)
    degrees = _degrees(field)
    if degrees is not None:
        return _by_degree(field, said, degrees)
    marks = [m.end() for m in CORRECTION.finditer(said)]
    part = said[marks[-1] :] if marks and _mentioned(field, said[marks[-1] :]) else said
    found = _mentioned(field, part)
    negated = [c for c, start in found if re.search(r"不(?:是|算|属于|太像|选|要)?[^,.;。、]{0,3}$", part[:start])]
    wanted = list(dict.fromkeys(c.value for c, _ in found if c not in negated))
    if len(wanted) == 1:
        return Reading(value=wanted[0])
    if len(wanted) > 1:
        return _ask_choice(field, "您提到了不止一种，请只选一个")
    if negated:
        return _ask_choice(field, "那是哪一种呢，请选一个")
    return _shortened(field, said) or _misspelt(field, said) or _ask_choice(field, "没看明白是哪一种，请选一个")


def _ask_choice(field: Field, what: str) -> Reading:
    labels = "、".join(c.label for c in field.choices)
    problem = f"{what}：{labels}。"
    return Reading(problem=problem) if len(problem) <= LONGEST else refuse(field, f"{what}，回序号或名称都可以")


_ORDER = "一二三四五六七八九"


def _numbered(field: Field, said: str) -> Choice | None:
    match = re.fullmatch(
        r"(?:我?选|就|填|答案?(?:是)?)?\s*(?:第)?\s*(?:(\d{1,2})|([一二三四五六七八九])|([a-i]))\s*(?:个|种|项|号|类|条)?(?:吧|的|呢|啊)?",
        said,
    )
    if match is None:
        return None
    index = int(match[1]) if match[1] else (_ORDER.index(match[2]) + 1 if match[2] else ord(match[3]) - ord("a") + 1)
    return field.choices[index - 1] if 1 <= index <= len(field.choices) else None


def _stem(label: str) -> str:
    return label[:-1] if len(label) > 2 and label[-1] in "型类" else label


def _mentioned(field: Field, said: str) -> list[tuple[Choice, int]]:
    """The choices that the text names, with where: by label or value first, else by a further word, else by stem in a short answer."""
    labels = [(c, plain(n).casefold()) for c in field.choices for n in (c.label, c.value)]
    words = [(c, plain(w).casefold()) for c in field.choices for w in c.words]
    stems = [(c, _stem(plain(c.label).casefold())) for c in field.choices]
    for names in (labels, words, stems if len(said) <= 10 else []):
        found = _spots(said, names)
        if found:
            return found
    return []


def _spots(said: str, names: list[tuple[Choice, str]]) -> list[tuple[Choice, int]]:
    """Where names stand, longest first: 不完善 hides 完善."""
    taken: list[tuple[int, int]] = []
    found = []
    for choice, name in sorted(names, key=lambda pair: -len(pair[1])):
        if not name or (len(name) == 1 and said != name) or (name.isascii() and not re.search(rf"(?<![a-z]){re.escape(name)}", said)):
            continue
        for match in re.finditer(re.escape(name), said):
            if not any(match.start() < end and start < match.end() for start, end in taken):
                taken.append(match.span())
                found.append((choice, match.start()))
    return sorted(found, key=lambda pair: pair[1])


_RATHER = re.compile(
    r"(?:基本上?|较为?|比较|大体|大致|差不多|还算|相对)(?:都)?(?:健全|完备|完善|齐|有)|(?<!都)有[一二两三123][项个](?!没|缺|差|不)"
)
_PARTLY = re.compile(
    r"不(?:太|够|很|大|算|怎么)?(?:完善|健全|完备|齐|全)|(?<![不相])差(?!不多|不离|得)|大部分|一?部分|有[的些几一].{0,6}(?:没|缺|差)|(?<!不)缺|就差|只有[一二两三\d几]|(?<!不)欠"
)


def _degrees(field: Field) -> tuple[Choice, Choice, Choice] | None:
    """Three choices that are yes, partly and no (制度 健全, 不完善, 没有), known by the words 有 or 是 and 没有."""
    yes = next((c for c in field.choices if {"有", "是"} & set(c.words)), None)
    no = next((c for c in field.choices if {c.label, *c.words} & {"没有", "否"}), None)
    rest = [c for c in field.choices if c not in (yes, no)]
    return (yes, rest[0], no) if yes and no and len(rest) == 1 else None


def _by_degree(field: Field, said: str, degrees: tuple[Choice, Choice, Choice]) -> Reading:
    yes, partly, no = degrees
    if _RATHER.search(said) or re.search(r"没有?不", said):
        return _ask_choice(field, "请按现在的情况选一个")
    if said in (c.value for c in degrees):
        return Reading(value=said)
    words = sorted((w for w in partly.words if len(w) > 1), key=len, reverse=True)
    if partly.label in said or _PARTLY.search(said) or any(w in said and f"不{w}" not in said for w in words):
        return Reading(value=partly.value)
    answer = polarity(said, [w for w in (yes.label, *yes.words) if len(w) > 1], [w for w in (no.label, *no.words) if len(w) > 2])
    if answer is None:
        return _ask_choice(field, "没看明白，请选一个")
    return Reading(value=yes.value if answer else no.value)


def _shortened(field: Field, said: str) -> Reading | None:
    """A piece of just one label said alone: 高校 is 高校院所类."""
    piece = re.sub(r"^(?:是|选|算|属于|我们是)|(?:的|吧|那种|那类|类的?|型的?)+$", "", said)
    near = [c for c in field.choices if len(piece) >= 2 and piece in plain(c.label)]
    return Reading(value=near[0].value) if len(near) == 1 else None


def _misspelt(field: Field, said: str) -> Reading | None:
    """A label with one wrong character: 联宜型 is 联谊型; a tie is not guessed."""
    near = []
    for choice in field.choices:
        label = plain(choice.label).casefold()
        size = len(label)
        windows = {said[i : i + size] for i in range(max(1, min(len(said), 60) - size + 1))}
        if size >= 3 and any(len(w) == size and Levenshtein.distance(w, label) == 1 and w[-1] in label[-1] + "形性形" for w in windows):
            near.append(choice)
    if len(near) != 1:
        return None
    return Reading(value=near[0].value, note=f"按“{near[0].label}”记下。")
