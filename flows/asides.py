"""What does a message mean when no field is asked: a yes or no to a notice, to going on, to the review; at the end, what comes next?"""

import re

from flows import answering, inquiry, opening
from flows.exchange import Exchange
from flows.extract import extract
from flows.position import Position, allowed, open_notice
from flows.questions import asking, notice
from flows.say import word

_NO = re.compile(r"不同意|不要|不用|不了|不愿|不想|不行|不可以|不需要|不继续|先不|拒绝|算了|取消|否|^不|^no|^n$|停|别", re.I)
_LEAD = re.compile(r"^(?:那就|那|就|好吧|好的?|还是|嗯|行)?[,，]?(?:我们?)?(?:先)?(?:准备|填|接着|往下|做|弄|办)")
"""Ways to say yes to going on: 那就先准备着, 先填着."""
_PRIVACY = re.compile(
    r"(?:手机|电话|号码|信息|隐私|数据|姓名|邮箱|银行|卡号|账号).*"
    r"(?:干什么|干嘛|干啥|做什么|用途|有什么用|安全|泄露|谁看|给谁|存多久|保存|为什么|为啥)"
)
"""A question about the person's own data, which the notice answers."""


def answer(x: Exchange, at: Position) -> None:
    """Read the message as an answer to a notice, to "go on?" or to the review; at the end as what comes next."""
    if inquiry.answer_pending(x):
        return
    if at.key is None:
        _at_the_end(x)
        return
    if at.key in ("consent", "bank_consent") and _PRIVACY.search(x.text):
        x.tell(f"why_{at.key}")
        return
    if x.assistant.answerer.is_question(x.text) and inquiry.policy(x, only_answers=True):
        return
    given = yes_or_no(x, at)
    if at.key in ("consent", "bank_consent"):
        _consent(x, at, given)
    elif at.key == "proceed":
        _proceed(x, given)
    else:
        _review(x, given)


def yes_or_no(x: Exchange, at: Position) -> bool | None:
    """The message as a yes or no to consent, proceed, review or confirm; None where it is neither."""
    text = x.text.strip(" 。.!")
    asked = asking(x, at)
    for number, option in enumerate(asked.choices if asked else (), 1):
        if text in (option.value, option.label, str(number)):
            return number == 1
    if _NO.search(text):
        return False
    if at.key == "proceed" and _LEAD.search(text):
        return True
    return True if answering.YES.search(text) or "同意" in text or "可以" in text else None


def _consent(x: Exchange, at: Position, given: bool | None) -> None:
    kind = open_notice(x.assistant, x.session, at.field) if at.field else None
    if given is None or kind is None:
        answering.say_held(x)
        x.tell("consent_unclear")
        return
    x.consent(kind, given, notice(x, at))
    x.tell("consent_yes" if given else "consent_no")
    if not given and x.session.focus:
        x.update(focus=None)


def _proceed(x: Exchange, given: bool | None) -> None:
    if given is None:
        take_or_ask(x)
        return
    x.put_aside("proceed", given)
    if not given:
        x.tell("declined")


def _review(x: Exchange, given: bool | None) -> None:
    if x.text.strip() in (word("edit"), "2") or (given is False):
        x.tell("ask_which_change")
    elif given:
        x.put_aside("review", True)
    else:
        take_or_ask(x)


def take_or_ask(x: Exchange) -> None:
    """A message that answers nothing that was asked: facts in it, a policy question, or a plain word that it was not understood."""
    case = x.case
    if answering.elsewhere(x):
        return
    facts = extract([f for f in case.fields if allowed(x.assistant, x.session, f)], x.text, x.today) if case else {}
    if facts and case:
        fresh = {key: value for key, value in facts.items() if case.values.get(key) != value}
        answering.take_facts(x, fresh)
    elif not inquiry.policy(x, only_answers=False, at_least=0.5):
        x.tell("not_understood")


def _at_the_end(x: Exchange) -> None:
    """After the files: another application, a question, a change."""
    mention = x.assistant.names.mention(x.text)
    other = [s for s in mention.services if mention.named or s[0] == x.session.programme]
    other = [s for s in other[:1] if s != (x.session.programme, x.session.service)]
    asks = x.assistant.answerer.is_question(x.text)
    if other and (not asks or (opening.wishes(x.text) and not answering.OUTRIGHT.search(x.text))):
        opening.start(x, *other[0])
        return
    if asks and inquiry.policy(x, only_answers=True):
        return
    take_or_ask(x)
