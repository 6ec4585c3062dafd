"""Is a message a command, and which? Only wording that cannot be an answer counts; what it does stands in conversation.py."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from flows.numbers import value_of
from knowledge.types import Field

_FULL = {
    "back": r"(请|我(想|要))?(上一步|上一?[个]?(题|项|问题)|返回|返回上一(步|题|项)|回到?上一(步|题|项|个)|退回|后退|回退|倒回去|back)",
    "status": r"(我)?(现在)?(填|写|做|答|进行|走)?到(哪|哪里|哪儿|哪一?步|第几步)(了|啦)?|进度(如何|怎么样|查询)?|查看?进度|(还|一共)(有|剩|差|要|需要)(下)?(多少|几)(项|个|步|题|问题)(没填|要填)?"
    r"|(看看|查看|看一?下)?我?(已经|都)?填了(些)?(什么|啥|哪些)|还(差|缺)(什么|哪些|啥)(没填)?|我填的(内容|东西)?|汇总一下|status|progress",
    "help": r"帮助|求助|帮帮我|怎么(使?用|操作)(你|这个)?|(你)?(能|会|可以)(做|干|帮我做)?(些)?(什么|啥)|使用说明|有(什么|哪些)(命令|功能)|help|菜单",
    "human": r"(我(想|要)?)?(帮我)?(转|找|换|接)?(一?个|一?下)?(真)?(人工|真人|客服|人工客服|人工服务|工作人员)(服务|客服)?(吧|谢谢|在吗)?|(我要|我想)?(找|跟|和)(个|一个)?(真人|活人|人)(聊|说|谈)?(话|一下)?|human",
    "pause": r"(我)?(先)?(暂停|停一下|等一?下再(说|填)|(先)?到(这|这里|这儿)(吧)?|下次再(说|填|来|弄)(吧)?|回头再(说|填|弄)(吧)?|改天再(说|填|弄)(吧)?|明天再(说|填|弄)(吧)?|(先)?不填了|有事先走(了)?|晚点再(说|填|弄)(吧)?|稍后再(说|填)?(吧)?|待会(儿)?再(说|填)?(吧)?|pause)",
    "resume": r"(我)?(又|已经)?(回来了|来了)((我们?|咱们?)?(可以)?(接着|继续)(上次|昨天|刚才)?(的)?(来|填|弄|办|做|往下填|往下)?)?(吧)?|(我们?|咱们?|请)?(接着|继续)(上次|昨天|刚才|之前|前面|刚刚)?(的)?(来|填|弄|办|做|往下|往下填|下一?步|说|问|申请|填写|填表)?(吧|呀|啊|了)?|(接|继续)(着)?(上次|刚才|之前)(的|没填完的)?|接着上次(没填完)?的?|go on|continue|resume",
    "restart": r"(我(想|要))?(重新开始|重头(开始|来)|从头(开始|再来|来过?|填)?|重来(一遍|一次)?|全部(重填|重来|清空)|清空(重来|重填|重新填)?|重置|restart|/start)(吧)?",
    "show_data": r"(我(想|要))?(查看|看看|看一?下|导出|查询)(一下)?(我|本人)(的)?(个人)?(全部|所有)?(数据|资料|信息|记录)|我的(个人)?(数据|资料|信息|记录)(呢|有哪些)?|你们?存了我(什么|哪些)(数据|资料|信息)?",
    "delete": r"(我(想|要)|请|帮我|麻烦)?(把)?(删除|删掉|清除|清空|抹掉|注销)(一下)?(我|本人)(的)?(全部|所有|个人)*(数据|资料|信息|记录|账号)(吧|都)?|(请|帮我)?(把)?我(的)?(全部|所有|个人)*(数据|资料|信息|记录)(全部|都|全)?(删除|删掉|删|清除|清空|抹掉)(了|掉)?(吧)?|注销(账号|账户)?|删除(我的)?数据",
    "withdraw": r"(我(想|要))?(撤回|撤销|收回|取消)(我|个人信息)?(的)?(同意|授权)|(我)?(不|不再)(同意|授权)了",
    "why": r"(请问)?(你们?)?(为什么|为啥|干嘛|干吗|干什么|凭什么|怎么)(还|就)?(要|会|得)?(问|填|知道|了解|提供)(我)?(这个|这些|这一?(项|条|题)|它|那个)?(呢|呀|啊|干嘛|问题)?|(问|填)(这个|这些|它)(是)?(干嘛|干吗|干什么|做什么|有什么用|有啥用)(的|呢)?|(这个|这条|这一?(项|题))?(依据|根据|出处|原文)(是什么|在哪|呢)?|有(什么|啥)(依据|根据)(吗)?|why",
    "prefer": r"(我)?(想|要)?(看|问|答|填|也看|看看|看一下)?(一下)?(优选|优先)(条件|项)?(也(问|看)(一下)?)?(吧)?",
    "use": r"(就|可以)?(用|采用|按)(这|这个|这一|你这|上面(的|那)?|上面这)(句|段|句话|段话|个)(吧|就行|就好)?|就这(句|段|样)(吧|写吧)?",
    "keep": r"算了|不改了|先不改了?|不用改了?|不改",
    "greet": r"(你|您)(们)?好(呀|啊|吗)?|(在|有人)(吗|么|嘛)|哈喽|哈啰|嗨|hi|hello|hey|(早上|上午|中午|下午|晚上)好|早",
    "thanks": r"(好的?)?(谢谢|多谢|感谢|谢了|辛苦了|谢谢你|谢谢您|thanks|thankyou|thx)(啊|了|啦)?",
}
_COMMANDS = {kind: re.compile(pattern, re.I) for kind, pattern in _FULL.items()}
_ASIDE = re.compile(r"[\s,.。!！?？~…、;:]+")
_NEW = r"(?:(?:,|:|,应该|应该)?(?:为|成|改为|改成|换成|是|应该?是|填|写成?|:|到)(?P<new>.+))?"
_CHANGE = re.compile(r"^(?:我)?(?:想|要|得|需要|麻烦|请|帮我)*(?:修改|更改|更正|改正|改动|重填|重新填写?|重写|改一下|改下|改)(?:一下)?(?P<what>.{1,20}?)" + _NEW + "$")
_CHANGE_BARE = re.compile(r"^(?:我)?(?:想|要)?(?:修改|更改|更正|改一下|改|有要改的|要改)(?:一下)?(?:吧|内容)?$")
_CHANGE_TO = re.compile(r"^(?:我想|我要|请|帮我)?(?:把|将)?(?P<what>.{1,16}?)(?:,)?(?:改成|改为|换成|应该是|应为|更正为|改到)(?:,|:)?(?P<new>.+)$")
_WRONG = re.compile(r"^(?:那个|前面(?:的)?|刚才(?:的)?)?(?P<what>.{1,16}?)(?:填错|写错|说错|打错|报错|搞错|不对|错|要改|想改|有误|填的不对)(?:了)?(?:,|。|:)*(?:(?:应该?是|应为|是|改成|改为)(?P<new>.+))?$")
_CORRECT = re.compile(
    r"^(?:哦|噢|啊|呃|嗯)?,?(?:不对|错了|说错了?|写错了?|填错了?|搞错了?|打错了?|弄错了?|记错了?|更正(?:一下)?|纠正(?:一下)?|口误|等等|等一下|抱歉|不好意思)"
    r"(?:不对|说错了?|错了|写错了?|,|。|\.|:|!|~|\s)*(?:应该?是|应为|是|改成|改为|改|其实是|实际(?:上)?是|我们是)?(?P<new>.+)$"
)
_SWITCH = re.compile(r"^(?:我)?(?:们)?(?:想|要|还是|不如|请|帮我|那)*(?:换成|换到|换去|换|改成|改为|改报|改申请|改办|转到|转|切换到?|改填)(?:申请|申报|办|报)?(?P<what>.{2,24}?)(?:的|吧|了|试试|那个|那边)*$")
_NUMBERED = re.compile(r"^第?(?P<n>[0-9一二三四五六七八九十两]+)(?:项|条|个|题|栏|行|问)?$")
_TRIM = re.compile(r"^(?:一下|那个|这个|我的|我们的|我填的|填的|刚才的?|前面的?|上面的?|的)+|(?:那一?项|这一?项|一项|那一?栏|这一?栏|一栏|那个|的内容|的信息|一下|内容|信息|吧|了|呢|的)+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A recognised command; `what` names a field or programme, `new` is a value that came along."""

    kind: str
    what: str = ""
    new: str = ""


def command(text: str) -> Command | None:
    """The command that the whole message is; text as `knowledge.text.plain` gives it."""
    bare = _ASIDE.sub("", text)
    for kind, pattern in _COMMANDS.items():
        if pattern.fullmatch(bare):
            return Command(kind=kind)
    if _CHANGE_BARE.fullmatch(bare):
        return Command(kind="which")
    return None


def change(text: str) -> Command | None:
    """A wish to change a named field: kind `change` where the wording is plain, `maybe` where only a known field makes it one."""
    text = text.strip().rstrip("。.!")
    compact = re.sub(r"\s+", "", text)
    for kind, pattern, source in (("change", _CHANGE, compact), ("maybe", _CHANGE_TO, compact), ("maybe", _WRONG, compact)):
        if found := pattern.match(source):
            return Command(kind=kind, what=found["what"], new=(found["new"] or "").strip(" ,"))
    return None


def correction(text: str) -> str:
    """What an earlier answer should have been (不对，是8场 → 8场); empty where the message corrects nothing."""
    found = _CORRECT.match(text.strip())
    return found["new"].strip(" ,。") if found else ""


def switch(text: str) -> str:
    """The programme that the person wants to change to, in their words."""
    found = _SWITCH.match(_ASIDE.sub("", text))
    return found["what"] if found else ""


def find_field(fields: Sequence[Field], what: str) -> Field | None:
    """The field that is meant: 第3项 counts in this list; else its label or another name of it, with typos."""
    what = _TRIM.sub("", what.strip(" ,:“”\"'《》【】"))
    if found := _NUMBERED.match(what):
        number = int(value_of(found["n"]) or 0)
        return fields[number - 1] if number and 1 <= number <= len(fields) else None
    if not what:
        return None
    return _by_name(fields, what)


def _by_name(fields: Sequence[Field], what: str) -> Field | None:
    names = [(name, field) for field in fields for name in (field.key, field.label, *field.words)]
    for name, field in names:
        if name == what:
            return field
    inside = {field.key: field for name, field in names if len(what) >= 2 and (what in name or (len(name) >= 2 and name in what))}
    if len(inside) == 1:
        return next(iter(inside.values()))
    scored = sorted(((fuzz.ratio(name, what), n) for n, (name, _) in enumerate(names)), reverse=True)
    best, second = scored[0], next((s for s in scored[1:] if names[s[1]][1].key != names[scored[0][1]][1].key), (0.0, 0))
    return names[best[1]][1] if best[0] >= 66 and best[0] - second[0] >= 8 else None
