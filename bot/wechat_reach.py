"""How can a person be reached on WeChat now? What the account may do, the ledger of what was sent, and the way that remains.

Pure: the ledger is kept as a note, sending is `wechat_push.py`'s. Limits: channels of customer-service messages as of 2025,
https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Service_Center_messages.html.
"""

import json
from dataclasses import asdict, dataclass, replace
from typing import Literal

WRITTEN, TAPPED = 48 * 3600.0, 60.0
"""Seconds after a person writes, or follows, scans or taps the menu, in which messages may be sent."""
AFTER_WRITING, AFTER_TAPPING = 5, 3
"""How many then."""
MARGIN = 5.0
"""Seconds by which our clock and the platform's may differ."""
FRESH = 60.0
"""Seconds within which a person's next message need not be noted: the window then counts as opened a little earlier, never later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a kind of official account may do by API; only a real account can confirm it. What it may not is not tried."""

    kind: str
    name: str
    customer_messages: bool = False
    """Customer-service messages, and the media for them."""
    subscriptions: bool = False
    """订阅通知, the only way to somebody who has not written for two days."""
    menu: bool = False

    @property
    def pushes(self) -> bool:
        """Whether there is any way to send."""
        return self.customer_messages or self.subscriptions


ACCOUNTS = {
    account.kind: account
    for account in (
        Account(kind="unverified_subscription", name="未认证订阅号"),
        Account(kind="verified_subscription", name="已认证订阅号", customer_messages=True, menu=True),
        Account(kind="unverified_service", name="未认证服务号", menu=True),
        Account(kind="verified_service", name="已认证服务号", customer_messages=True, subscriptions=True, menu=True),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Consent to one template: `left` sends, or any number where it is `long_term`."""

    template: str
    left: int = 0
    long_term: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The ledger of one person. Times are seconds since 1970; 0: never."""

    following: bool = True
    wrote_at: float = 0.0
    tapped_at: float = 0.0
    """Followed, scanned, or tapped the menu or a menu message."""
    sent: tuple[float, ...] = ()
    """Customer-service messages since `wrote_at` or `tapped_at`, whichever is earlier and still open."""
    subscriptions: tuple[Subscription, ...] = ()
    unreachable: bool = False
    """The platform said that nothing can be sent to this person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a push goes out; `why` tells staff, in Chinese."""

    kind: Literal["customer", "subscription", "kept", "none"]
    why: str


def way(reach: Reach, account: Account, now: float, *, template: str = "", dialogue: bool = False) -> Way:
    """The way that remains. `template`: of the reminder; a `dialogue` push is too long for any template."""
    if not reach.following:
        return Way(kind="none", why="已取消关注，不再发送")
    if reach.unreachable:
        return Way(kind="none", why="平台说发不到这个人")
    if not account.pushes:
        return Way(kind="kept", why=f"{account.name}不能主动发送，等对方下次来时显示")
    if account.customer_messages and (left := quota(reach, now)):
        return Way(kind="customer", why=f"客服消息，本窗口还可发 {left} 条")
    if account.subscriptions and not dialogue and template and consent(reach, template) is not None:
        return Way(kind="subscription", why="订阅通知，对方同意过")
    return Way(kind="kept", why=_why_kept(reach, account, now))


def quota(reach: Reach, now: float) -> int:
    """How many customer-service messages may still be sent now."""
    return max(
        _left(reach, reach.wrote_at, WRITTEN, AFTER_WRITING, now),
        _left(reach, reach.tapped_at, TAPPED, AFTER_TAPPING, now),
    )


def _left(reach: Reach, opened: float, seconds: float, most: int, now: float) -> int:
    if not opened or not opened - MARGIN <= now < opened + seconds - MARGIN:
        return 0
    return max(0, most - sum(at >= opened for at in reach.sent))


def _why_kept(reach: Reach, account: Account, now: float) -> str:
    if not account.customer_messages:
        return f"{account.name}不能发客服消息，等对方下次来时显示"
    if reach.wrote_at and now < reach.wrote_at + WRITTEN - MARGIN:
        return "48 小时内的 5 条已用完，等对方下次来时显示"
    return "已过客服消息的时限，也没有可用的订阅，等对方下次来时显示"


def consent(reach: Reach, template: str) -> Subscription | None:
    """The consent to that template, if there is one left."""
    return next((s for s in reach.subscriptions if s.template == template and (s.long_term or s.left > 0)), None)


def wrote(reach: Reach, now: float, *, tapped: bool = False) -> Reach:
    """After the person wrote, or tapped a link in a message."""
    if tapped:
        return _opened(reach, now, tapped_at=now)
    if reach.following and not reach.unreachable and 0 <= now - reach.wrote_at < FRESH:
        return reach
    return _opened(reach, now, wrote_at=now)


def acted(reach: Reach, now: float) -> Reach:
    """After the person followed, scanned or tapped the menu."""
    return _opened(reach, now, tapped_at=now)


def _opened(reach: Reach, now: float, **at: float) -> Reach:
    opened = replace(reach, following=True, unreachable=False, **at)  # type: ignore[arg-type]  # only times
    since = min(t for t in (opened.wrote_at, opened.tapped_at) if t and now - t < WRITTEN)
    return replace(opened, sent=tuple(t for t in opened.sent if t >= since))


def sent(reach: Reach, now: float) -> Reach:
    """With one more customer-service message. Counted before it is sent: a crash in between costs a message, never the limit."""
    return replace(reach, sent=(*reach.sent, now))


def unsent(reach: Reach, at: float) -> Reach:
    """Without one of those counted at `at`: the platform refused it."""
    if at not in reach.sent:
        return reach
    place = reach.sent.index(at)
    return replace(reach, sent=reach.sent[:place] + reach.sent[place + 1 :])


def consented(reach: Reach, template: str, status: str) -> Reach:
    """After the pop-up: one send more for each `accept`; a `reject` takes all back."""
    old = next((s for s in reach.subscriptions if s.template == template), Subscription(template=template))
    rest = tuple(s for s in reach.subscriptions if s.template != template)
    if status == "accept":
        return replace(reach, subscriptions=(*rest, replace(old, left=old.left + 1)))
    return replace(reach, subscriptions=rest) if status == "reject" else reach


def used(reach: Reach, template: str, count: int = 1) -> Reach:
    """With `count` sends of that template less."""
    return replace(
        reach,
        subscriptions=tuple(
            replace(s, left=max(0, s.left - count)) if s.template == template and not s.long_term else s for s in reach.subscriptions
        ),
    )


def unused(reach: Reach, template: str) -> Reach:
    """With the send of that template back: the platform refused it."""
    return used(reach, template, -1)


def lost(reach: Reach) -> Reach:
    """After the platform said that nothing reaches this person."""
    return replace(reach, unreachable=True)


def closed(reach: Reach) -> Reach:
    """After the platform said that no window is open."""
    return replace(reach, wrote_at=0.0, tapped_at=0.0, sent=())


def spent(reach: Reach, now: float) -> Reach:
    """After the platform said that the open window is used up."""
    return replace(reach, sent=(*reach.sent, *[now] * AFTER_WRITING))


def to_note(reach: Reach) -> str:
    """The ledger as a note."""
    return json.dumps(asdict(reach))


def from_note(note: str | None) -> Reach:
    """The ledger of a note; of somebody new where there is none."""
    if not note:
        return Reach()
    kept = json.loads(note)
    subscriptions = tuple(Subscription(**s) for s in kept.pop("subscriptions"))
    return Reach(**{**kept, "sent": tuple(kept["sent"])}, subscriptions=subscriptions)
