"""Which pages does the staff console have? One line a module; each describes its pages itself."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from starlette.routing import Route

from bot import app as wiring
from bot.export import jobs
from bot.export.files import folder_beside
from bot.handle import Desk
from bot.limits import Limiter
from bot.remind_ways import ways_of
from bot.remind_worker import planned
from bot.settings import Settings
from bot.staff import (
    accounts,
    campaigns,
    changes,
    draft,
    drafts,
    exports,
    figures,
    home,
    inbox,
    journal,
    knowledge,
    link,
    login,
    own_password,
    questions,
    reminders,
    walk_in,
)
from bot.staff.roll import now
from bot.staff.site import Page, Site, routes_of
from storage.accounts import accounts as accounts_of

_MODULES = (
    home,
    login,
    link,
    own_password,
    drafts,
    draft,
    inbox,
    walk_in,
    questions,
    reminders,
    campaigns,
    exports,
    knowledge,
    changes,
    figures,
    accounts,
    journal,
)
"""In the order of the menu."""


def console(desk: Desk, settings: Settings, clock: Callable[[], datetime] = now, *, at_once: int = 60) -> Site:
    """The console over the same database as that desk, by a store of its own, which whoever calls this closes."""
    return Site(
        desk=replace(desk, store=wiring.open_store(settings)),
        start_exports=partial(jobs.start, settings, folder_beside(desk.files)),
        key=wiring.derived_key(settings, "staff"),
        log_key=wiring.derived_key(settings, "staff log"),
        public_url=settings.public_url,
        ways=ways_of(settings),
        plan=partial(planned, settings),
        clock=clock,
        limiter=Limiter(count=at_once),
    )


def to_do(site: Site) -> str:
    """For the report at start: how to come to the first account, where there is none."""
    with site.desk.store.reading() as db:
        return "" if accounts_of(db) else "（还没有账号，用 yizhan staff add 姓名 新建第一个）"


def pages(site: Site) -> Sequence[Page]:
    """All pages."""
    return tuple(page for module in _MODULES for page in module.pages(site))


def routes(site: Site) -> list[Route]:
    """All routes."""
    return routes_of(site, pages(site))
