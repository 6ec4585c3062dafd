"""By which way does a reminder reach somebody from this installation, and what does it look like there?"""

import hashlib
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot import wechat_body
from bot import wechat_reach as ledger
from bot.settings import Settings
from bot.wechat_reach import ACCOUNTS, Account
from flows.reminding import Told
from flows.types import PersonKey
from storage.store import Push

WAYS: Mapping[str, str] = {"message": "发消息", "notice": "订阅通知", "visit": "下次来时显示", "none": "联系不上"}
"""How staff read it."""
CHANNELS: Mapping[str, str] = {"wechat": "微信", "telegram": "Telegram", "web": "网页", "console": "终端", "counter": "柜台"}
_BLOCKED = "blocked"
"""What Telegram's note of somebody says who stopped the bot: see `telegram_answer.py`, which is slow to load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a reminder goes out; `why` tells staff."""

    kind: Literal["message", "notice", "visit", "none"]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What the settings turn on."""

    account: Account | None = None
    """The WeChat account; None: the channel is off."""
    template: str = ""
    telegram: bool = False

    def way(self, channel: str, reach: str | None, at: float) -> Way:
        """The way to somebody at that moment, by what the channel noted of them."""
        if channel == "wechat":
            return self._wechat(reach, at)
        if channel == "telegram":
            return self._telegram(reach)
        return Way(kind="visit", why=f"{CHANNELS.get(channel, channel)}不能主动发送，等对方下次来时显示")

    def push(self, person: PersonKey, reason: str, told: Told, draft: str, due_at: datetime, way: Way) -> Push:
        """The push: its id is the same for the same person and reason."""
        kept = way.kind == "visit" and person.channel not in ("wechat", "telegram")
        return Push(
            id=push_id(person, reason),
            person=person,
            kind="reminder",
            body=_body(person.channel, told, draft, self.template),
            due_at=due_at,
            state="kept" if kept else "waiting",
            note=way.why if kept else "",
        )

    def _wechat(self, reach: str | None, at: float) -> Way:
        if self.account is None:
            return Way(kind="none", why="微信没有启用")
        if reach is None:
            return Way(kind="none", why="没有给公众号发过消息")
        found = ledger.way(ledger.from_note(reach), self.account, at, template=self.template)
        kind = {"customer": "message", "subscription": "notice", "kept": "visit", "none": "none"}[found.kind]
        return Way(kind=kind, why=found.why)  # type: ignore[arg-type]  # one of the four

    def _telegram(self, reach: str | None) -> Way:
        if not self.telegram:
            return Way(kind="none", why="Telegram 没有启用")
        return Way(kind="none", why="对方已停用本机器人") if reach == _BLOCKED else Way(kind="message", why="Telegram 消息")


def ways_of(settings: Settings) -> Ways:
    """The ways that the settings turn on."""
    on = bool(settings.wechat_token.get_secret_value())
    return Ways(
        account=ACCOUNTS[settings.wechat_account] if on else None,
        template=settings.wechat_template_id,
        telegram=bool(settings.telegram_token.get_secret_value()),
    )


def ways_to_json(ways: Ways) -> str:
    """The ways as text, for another process."""
    return json.dumps({"account": ways.account.kind if ways.account else "", "template": ways.template, "telegram": ways.telegram})


def ways_from_json(text: str) -> Ways:
    """What `ways_to_json` wrote."""
    given = json.loads(text)
    return Ways(account=ACCOUNTS.get(given["account"]), template=given["template"], telegram=given["telegram"])


def push_id(person: PersonKey, reason: str) -> str:
    """The id of the one reminder to that person for that reason."""
    told = "\n".join((person.channel, person.sender, reason))
    return f"reminder-{hashlib.blake2b(told.encode('utf-8', 'replace'), digest_size=16).hexdigest()}"


def _body(channel: str, told: Told, draft: str, template: str) -> str:
    if channel == "wechat":
        return wechat_body.to_json(wechat_body.Body(kind="text", text=told.text, data=told.notice if template else {}, draft=draft))
    return json.dumps({"text": html.escape(told.text, quote=False) if channel == "telegram" else told.text}, ensure_ascii=False)
