"""How does the applicant's page open the platform's pop-up for 订阅通知? What its script must be given, signed for that very address.

What the page does is described at https://developers.weixin.qq.com/doc/offiaccount/OA_Web_Apps/Wechat_Open_Tag.html: the tag
`wx-open-subscribe` works only in WeChat's own browser, under an address whose host is entered in the account's console as
JS接口安全域名. What people choose there comes as an event to /wechat; without the pop-up the page is as good as before.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from bot.guard import POLICY
from bot.wechat_api import ApiError, ApiUnreachable, WeChatApi

SCRIPT = "https://res.wx.qq.com/open/js/jweixin-1.6.0.js"
"""The platform's own script, first of those that know open tags; it may only be loaded from there."""
PAGE_POLICY = POLICY.replace("script-src 'self'", f"script-src 'self' {SCRIPT}") + "; frame-src https://*.qq.com webcompt:"
_BROWSER = "MicroMessenger"
_log = structlog.get_logger("wechat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the platform's script needs on one page."""

    app_id: str
    template: str
    timestamp: int
    nonce: str
    signature: str
    script: str = SCRIPT


@dataclass(frozen=True, slots=True, kw_only=True)
class PopUp:
    """Makes offers for the pages of an account that may send 订阅通知."""

    api: WeChatApi
    app_id: str
    template: str
    clock: Callable[[], float] = field(repr=False)

    async def offer(self, url: str, browser: str) -> Offer | None:
        """The offer for a page under that address, `#` and after left out; None in another browser, or while the platform refuses."""
        if _BROWSER not in browser:
            return None
        try:
            ticket = await self.api.ticket()
        except (ApiError, ApiUnreachable) as error:
            _log.warning("wechat_no_ticket", error=type(error).__name__, code=getattr(error, "code", 0))
            return None
        nonce, timestamp = secrets.token_hex(8), int(self.clock())
        signed = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={url.split('#', 1)[0]}"
        signature = hashlib.sha1(signed.encode()).hexdigest()
        return Offer(app_id=self.app_id, template=self.template, timestamp=timestamp, nonce=nonce, signature=signature)
