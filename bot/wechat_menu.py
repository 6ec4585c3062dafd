"""What stands in the account's menu, and is a menu one that the platform takes? Turning on the server address switches the console's
menus off, so it is set by API: https://developers.weixin.qq.com/doc/offiaccount/Custom_Menus/Creating_Custom-Defined_Menu.html.

An entry's key is what a tap says to the assistant. People tap it amid a form too, so each is a command or a question: nothing that
could be taken for the answer to one.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bot.settings import Settings, SettingsError
from bot.wechat_reach import ACCOUNTS

_ENTRIES: Mapping[str, Mapping[str, str]] = {
    "办申请": {"开始或继续": "继续", "我填到哪了": "我填到哪了", "重新开始": "重新开始"},
    "问政策": {
        "有哪些类型": "人才驿站有哪些类型",
        "要什么条件": "申请人才驿站要什么条件",
        "要交什么材料": "申请人才驿站要交什么材料",
        "还能申请吗": "现在还能申请人才驿站吗",
        "有没有补助": "人才驿站有没有补助",
    },
    "我的": {"查看我的数据": "查看我的数据", "删除我的数据": "删除我的数据", "转人工": "转人工", "使用说明": "帮助"},
}
MENU: dict[str, Any] = {
    "button": [
        {"name": name, "sub_button": [{"type": "click", "name": label, "key": key} for label, key in entries.items()]}
        for name, entries in _ENTRIES.items()
    ]
}
"""The menu that `yizhan wechat menu set` sets."""
_MOST, _MOST_BELOW = 3, 5
_BYTES = {"name": (16, 60), "key": (128, 128)}
"""Most bytes of a name or key, in the bar and below it."""


def defect(menu: object) -> str:
    """What keeps the platform from taking the menu, in Chinese; empty: nothing that is known."""
    buttons = menu.get("button") if isinstance(menu, dict) else None
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= _MOST:
        return "button 应是 1 到 3 项的列表"
    return next((found for button in buttons if (found := _defect(button, level=0))), "")


def _defect(button: object, level: int) -> str:
    if not isinstance(button, dict) or not isinstance(button.get("name"), str):
        return "每一项都要有 name"
    for part, most in _BYTES.items():
        if len(str(button.get(part, "")).encode()) > most[level]:
            return f"“{button['name']}”的 {part} 超过 {most[level]} 字节"
    below = button.get("sub_button") or []
    if not below:
        return "" if button.get("type") else f"“{button['name']}”没有 type"
    if level or not isinstance(below, list) or len(below) > _MOST_BELOW:
        return f"“{button['name']}”下面应是最多 5 项的列表，只有一层"
    return next((found for entry in below if (found := _defect(entry, level=1))), "")


def lines(menu: Mapping[str, Any]) -> list[str]:
    """The menu for people, an entry a line; for what was set in the console too."""
    shown = []
    for button in menu.get("button", []):
        shown.append(f"{button.get('name', '')}{_says(button)}")
        below = button.get("sub_button") or []
        shown += [f"  {entry.get('name', '')}{_says(entry)}" for entry in (below.get("list", []) if isinstance(below, dict) else below)]
    return shown


def _says(entry: Mapping[str, Any]) -> str:
    said = entry.get("key") or entry.get("url") or entry.get("value") or ""
    return f" → {said}" if said else ""


def checked(settings: Settings) -> None:
    """SettingsError where this account cannot have a menu by API: what it may not do is not tried."""
    for name, value in (("APP_ID", settings.wechat_app_id), ("APP_SECRET", settings.wechat_app_secret.get_secret_value())):
        if not value:
            raise SettingsError(f"YIZHAN_WECHAT_{name} is missing; the menu is set by API with it: copy it from the account's console.")
    account = ACCOUNTS[settings.wechat_account]
    if not account.menu:
        raise SettingsError(
            f"YIZHAN_WECHAT_ACCOUNT says {account.kind} ({account.name}): such an account has no menu by API; "
            "people can write 帮助 instead, or set the kind that the account really is."
        )


async def called(settings: Settings, action: Callable[[Any], Any]) -> Any:
    """What `action` gets from a client of this account. ApiError or ApiUnreachable as the client raises them."""
    from bot.wechat import api_of

    api = api_of(settings)
    try:
        return await action(api)
    finally:
        await api.close()
