"""What name, title or address does a free text answer give, without the words around it?"""

import re

from flows.reading import Reading, refuse
from knowledge.text import clean, plain
from knowledge.types import Field

LONGEST_TEXT = 200
LONGEST_STORY = 10_000
_QUOTES = "\"'“”‘’「」『』《》<>"
_OPENING = re.compile(
    r"(?:嗯+|哦|噢|好的?|那|哎|老师|您好|你好)[,，、。!！\s]+|(?:不对|错了|看错了|打错了|写错了|说错了|更正(?:一下)?|改成|改为)[,，、。:：\s]*(?:应该(?=是|叫|为))?|应该(?=是|叫)"
)
_CALLED = re.compile(
    r"(?:我们|咱们|它|这个|名字|名称|全称)?(?:(?:就|暂|先)?(?:叫做|叫作|取名|命名为|定名为|名为|暂定|叫)|就是|就写|就填|填|是)[:：\s]*(?=\S)"
)
_PLACED = re.compile(r"(?:我们|驿站|公司|单位|就|是)*(?:坐落[于在]|位于|设在|建在|开在|在)(?=\S)")
_TRAILING = re.compile(r"[\s,，。.;；!！~～…]+$|(?<![网酒书茶水氧咖影迪贴陶饮画吧])吧$|[呢哦啊呀嘛噢喔啦]$")
_PERSON_LEAD = re.compile(
    r"^(?:是我(?:本人)?|就是(?:我(?:本人)?|本人)|我本人|本人)?[,，、:：\s]*(?:(?:站点|驿站|我们|咱们|我们的|单位|公司)?的?(?:负责人|联系人|法人|站长|馆长(?=叫|是)|院长(?=叫|是)|主任(?=叫|是)|经理(?=叫|是)|老板(?=叫|是)|姓名|名字|本人|我)(?:姓名|的?名字)?)?"
    r"(?:就)?(?:叫做|叫|是|(?<=[人长名字])为|[:：])?[\s:：]*"
)
_PERSON_END = re.compile(
    r"[,，;；。、!！?？(（/|\n\d+]|电话|手机|联系方式|邮箱|[Tt]el|,?\s+(?=[\u4e00-\u9fff])|[零一二三四五六七八九幺〇]{5,}"
)
_TITLES = re.compile(
    r"(?<=[\u4e00-\u9fff]{2})(?:总经理|副经理|经理|主任|老师|先生|女士|站长|院长|馆长|书记|教授|博士|小姐|主管|董事长|总监|总|同志)$"
)
_TITLE_FIRST = re.compile(r"^(?:总经理|经理|主任|老师|站长|院长|馆长|书记|教授|董事长|总监)(?=[\u4e00-\u9fff]{2})")
_NAME = re.compile(r"[\u3400-\u9fff\U00020000-\U000323af]+(?:·[\u3400-\u9fff\U00020000-\U000323af]+)*|[A-Za-z][A-Za-z .'\-]+")
_NOBODY = re.compile(
    r"(?:没有|没|无|还没.*|待定|未定|不.*|谁.*|什么.*|.*什么|.*多少|哪.*|怎么.*|为什么.*|是|有|对|好的?|可以|同意|帮助|继续|这个|那个|测试)"
)
_SURNAME_FIRST = re.compile(r"^(?:我|本人)?姓([\u4e00-\u9fff]{1,2})[,，\s]*(?:名|叫)(?:叫|是)?([\u4e00-\u9fff]{1,3})")
_NONE = re.compile(r"(?:我们|目前|现在|暂时|还|都|也|这个)*(?:没有|没|无|暂无)(?:邮箱|手机|电话|固话|名称|名字|这个|呢|啊|的|了)*")


def says_none(text: str) -> bool:
    """Whether the answer is a plain "there is none": 没有, 暂时没有, 无."""
    return bool(_NONE.fullmatch(re.sub(r"[\s,.;:!?~、。]", "", plain(text))))


def _names_of(field: Field) -> str:
    """An alternation of how the field is called."""
    calls = {field.label, *field.words, field.label[2:], "名称", "名字"}
    return "|".join(re.escape(c) for c in sorted((c for c in calls if len(c) > 1), key=len, reverse=True))


def _without_lead(field: Field, text: str) -> str:
    for _ in range(3):
        text = _OPENING.sub("", text, count=1) if _OPENING.match(text) else text
    lead = re.match(
        rf"(?:我们|咱们|本)?(?:单位|驿站|站点|公司|机构)?的?(?:{_names_of(field)}|(?<=[们位站点司构]))(?:名称|的?名字|全称)?(?:就|暂定)?(?:是在|是|叫做|叫|为|在|定为|[:：])[:：\s]*",
        text,
    )
    if lead and lead.end() < len(text):
        return text[lead.end() :]
    if "地址" in field.label and (placed := _PLACED.match(text)):
        return text[placed.end() :]
    if "依托" in field.label and (leaning := re.match(r"(?:我们)?(?:是)?(?:依托|挂靠)(?:在|于|的是|的)?(?=\S)", text)):
        return text[leaning.end() :]
    called = _CALLED.match(text)
    return text[called.end() :] if called and len(text) - called.end() >= 2 else text


def _trimmed(text: str) -> str:
    previous = None
    while previous != text:
        previous, text = text, _TRAILING.sub("", text).strip()
        if len(text) > 2 and text[0] in _QUOTES and text[-1] in _QUOTES and not any(q in text[1:-1] for q in "“”「」《》"):
            text = text[1:-1].strip()
    return text


def _hollow(text: str) -> bool:
    return not any(c.isalnum() for c in text)


_CONTACT_TAIL = re.compile(
    r"[\s,，;；。、(（]+(?:我叫|联系人|负责人|法人(?:代表)?|站长|联系电话|电话|手机号?码?|联系方式|电子邮箱|邮箱|[Ee]-?mail|1[3-9]\d{9}|(?:统一)?(?:社会)?信用代码|[0-9A-Z]{18}$).*$"
)
"""A person or a number told along with a name or address."""
_NODDED = re.compile(r"(?:嗯+|好[的啊呀吧]?|是的?|对的?|可以的?|行[的啊]?|没问题|收到|知道了|明白了?|ok|OK|同意|确认|继续)")
"""Words that agree and name nothing."""


def read_text(field: Field, text: str) -> Reading:
    """A name or address: what people say around it is left out; at most 200 characters."""
    said = _trimmed(" ".join(clean(text).split()))
    value = _trimmed(_CONTACT_TAIL.sub("", _without_lead(field, said)))
    if not value or _hollow(value) or _NODDED.fullmatch(value):
        return refuse(field, f"没有看到内容，请告诉我{field.label}")
    if len(value) > LONGEST_TEXT:
        return refuse(field, f"{field.label}太长了，请控制在{LONGEST_TEXT}字以内")
    return Reading(value=value)


def read_story(field: Field, text: str) -> Reading:
    """Long text, kept as it was said; at most 10,000 characters."""
    value = clean(text)
    if _hollow(value):
        return refuse(field, f"没有看到内容，请用一两句话说说{field.label}")
    if len(value) > LONGEST_STORY:
        return refuse(field, f"{field.label}太长了，请控制在{LONGEST_STORY}字以内")
    return Reading(value=value)


def read_person(field: Field, text: str) -> Reading:
    """A person's full name, 2 to 30 characters; telephone, titles and 我叫 left out."""
    said = re.sub(r"[·•・‧∙⋅]", "·", _trimmed(" ".join(clean(text).split())))
    split = _SURNAME_FIRST.match(said)
    name = split[1] + split[2] if split else _person_in(said)
    if _NOBODY.fullmatch(name):
        name = ""
    if len(name) == 1 or re.fullmatch(r"[\u4e00-\u9fff](?:总|主任|经理|老师|先生|女士|工|姐|哥|站长|院长)|[老小][\u4e00-\u9fff]", name):
        return refuse(field, f"请写{field.label}的全名")
    if not _NAME.fullmatch(name) or len(name) < 2:
        return refuse(field, f"没有看到姓名，请告诉我{field.label}")
    if len(name) > 30:
        return refuse(field, f"{field.label}太长了，请只写姓名，30字以内")
    return Reading(value=name)


def _person_in(said: str) -> str:
    for _ in range(3):
        said = _OPENING.sub("", said, count=1) if _OPENING.match(said) else said
    rest = re.sub(r"^暂?定的?(?:是|为)?(?=[\u4e00-\u9fff]{2})", "", said)
    rest = _PERSON_LEAD.sub("", rest, count=1)
    again = _PERSON_LEAD.sub("", rest, count=1)
    rest = again or rest
    if re.match(r"[A-Za-z]", rest):
        match = _NAME.match(rest)
        return match[0].strip() if match else ""
    name = _PERSON_END.split(rest, maxsplit=1)[0].strip()
    if re.fullmatch(r"[\u4e00-\u9fff]( [\u4e00-\u9fff]){1,3}", name) or re.fullmatch(r"[\u4e00-\u9fff]", name):
        name = "".join(re.match(r"(?:[\u4e00-\u9fff]\s?){1,4}", rest)[0].split())  # type: ignore[index]
    return _trimmed(_TITLES.sub("", _TITLE_FIRST.sub("", name)))
