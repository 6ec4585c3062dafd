"""Where does a member of staff begin? With what the console has for their role."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from bot.staff.site import Page, Site, shown
from storage.accounts import Staff

_ABOUT = {
    "/staff/drafts": "看收集到的草稿：按项目、进度、缺项、截止日期筛选，标记收件、退回。",
    "/staff/inbox": "谁在找人工，等了多久；看对话，答复，交还助手。",
    "/staff/walk-in": "替来到柜台的申请人填，用继续码交给本人接着填。",
    "/staff/questions": "助手没答上、答得不好的问题，按相近的归组；标记处理，导出题集。",
    "/staff/reminders": "看什么人该提醒，先试算，再发送，看结果。",
    "/staff/exports": "把草稿导出成表格、汇总表、压缩包。",
    "/staff/knowledge": "收录的政策是否有效，每条条件和原文对照，原文的疑点该问谁。",
    "/staff/changes": "政策数据变了，哪些草稿的结论跟着变，申请人会看到什么。",
    "/staff/figures": "各事项走到哪一步、停在哪一题，问了什么，提醒有没有用；不含个人信息。",
    "/staff/accounts": "新建账号，改权限，停用，发一次性链接。",
    "/staff/log": "谁在什么时候做了什么。",
}


@dataclass(frozen=True, slots=True)
class Home:
    """The start page."""

    site: Site

    async def show(self, request: Request, _: Staff) -> Response:
        """What there is, for this role."""
        return shown(request, "home.html", {"about": _ABOUT})


def pages(site: Site) -> tuple[Page, ...]:
    """Its page."""
    return (Page("/staff/", Home(site).show, label="首页"),)
