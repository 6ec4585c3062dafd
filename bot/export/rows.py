"""How is a draft a row? The columns of its service, then what staff know of every draft; and how text stays text in a spreadsheet."""

import re
from datetime import date, datetime

from bot.export.source import Entry, Group
from bot.handle import SHANGHAI
from flows.columns import Column, Content, columns
from flows.say import word

STAGES = {"start": "刚开始", "choose": "选类型", "eligibility": "看条件", "form": "填表", "review": "待核对", "done": "已完成"}
ABOUT = ("进度", "已填", "还缺", "书面条件", "评估等级", "开始时间", "最近改动", "渠道", "草稿编号")
"""The columns that every draft has, after those of its service."""
CHANNELS = {"console": "终端", "web": "网页", "wechat": "微信", "telegram": "Telegram", "counter": "柜台"}
LONGEST = 32_767
"""Characters that a spreadsheet's cell holds; see https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3."""
_FORMULA = re.compile(r"\s*[=+\-@\t\r＝＋－＠]")
_LONG_NUMBER = re.compile(r"\d{12,}")


def row(entry: Entry, found: tuple[Column, ...], day: date) -> list[Content]:
    """What stands in the service's columns."""
    return [column.content(entry.case.values, day) for column in found]


def about(entry: Entry) -> list[Content]:
    """What stands in the columns of ABOUT."""
    verdict = entry.case.verdict
    grade = verdict.grade.grade if verdict and verdict.grade else ""
    return [
        *(STAGES[entry.stage], f"{entry.done}/{entry.asked}", "、".join(entry.missing)),
        *(word("outcome", verdict.outcome) if verdict else "", grade, _moment(entry.draft.created_at), _moment(entry.draft.updated_at)),
        *(CHANNELS.get(entry.channel, entry.channel), entry.draft.id),
    ]


def columns_of(group: Group) -> tuple[Column, ...]:
    """The columns of a service."""
    return columns(group.version, group.service)


def looks_like_formula(text: str) -> bool:
    """Whether a spreadsheet might take the text for a formula."""
    return bool(_FORMULA.match(text))


def plain(text: str) -> str:
    """Text that a spreadsheet reading CSV takes neither for a formula nor, from twelve digits on, for a number that it would round.

    An apostrophe before it says so.
    """
    return f"'{text}" if looks_like_formula(text) or _LONG_NUMBER.fullmatch(text) else text


def cut(text: str) -> str:
    """Text that fits a cell; where it is cut it says so."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 20]}……（后面的放不下，看申请表）"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
