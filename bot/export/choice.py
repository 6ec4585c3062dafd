"""Which drafts does an export take? Those that the list's filter finds, in the order in which they were begun: numbers stay the same."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from urllib.parse import urlencode

from bot.export.rows import CHANNELS, STAGES
from bot.export.source import Source
from bot.staff.listing import refresh
from flows.say import day, word
from knowledge.types import Library
from storage import listing
from storage.listing import NOBODY, Filter

_SEARCHED = "words"
"""What somebody looked for may name a person, and a line of the log stays when their data goes."""
_NAMES = {
    **{
        "programme": "项目",
        "service": "事项",
        "stage": "进度",
        "outcome": "书面条件",
        "channel": "渠道",
        "mark": "标记",
        "assignee": "经办",
    },
    **{"missing": "缺", "since": "改动不早于", "until": "改动不晚于", "due_from": "截止不早于", "due_to": "截止不晚于", _SEARCHED: "搜索"},
}
_MARKS = {"received": "已收纸质", "returned": "已退回", "withdrawn": "已撤回", NOBODY: "没有标记"}


def query(filtered: str, **more: str) -> str:
    """The filter of an address, with further conditions, as it is stored. ValueError where it says what no filter says."""
    return Filter.from_query(f"{filtered}&{urlencode({name: value for name, value in more.items() if value})}").to_query()


def chosen(source: Source, audience: str) -> Sequence[str]:
    """The ids of the drafts, after what the list says of each was brought up to date."""
    refresh(source.store, source.assistant, source.today)
    with source.store.reading() as db:
        return listing.ids(db, Filter.from_query(audience))


def words(library: Library, audience: str) -> Sequence[str]:
    """What the filter asks for, one condition each, as staff read it."""
    wanted = Filter.from_query(audience)
    given = [(f.name, value) for f in fields(Filter) if (value := getattr(wanted, f.name))]
    return [f"{_NAMES[name]}：{_told(library, wanted, name, value)}" for name, value in given]


def _told(library: Library, wanted: Filter, name: str, value: str | date) -> str:
    if isinstance(value, date):
        return day(value)
    services = [(p.key, s) for p in library.programmes for version in p.versions for s in version.services]
    named: dict[str, dict[str, str]] = {
        "programme": {programme.key: programme.name for programme in library.programmes},
        "service": {s.key: s.name for key, s in services if wanted.programme in ("", key)},
        "missing": {f.key: f.label for key, s in services if wanted.programme in ("", key) for f in s.fields},
        "stage": STAGES,
        "channel": CHANNELS,
        "mark": _MARKS,
        "assignee": {NOBODY: "没有人"},
    }
    return word("outcome", value) if name == "outcome" else named.get(name, {}).get(value, value)


def for_log(audience: str, count: int | None, *, bank: bool, reason: str) -> str:
    """An export in a line of the log: how many, chosen how, whether bank data was asked for, and why."""
    wanted = Filter.from_query(audience)
    given = {f.name: getattr(wanted, f.name) for f in fields(Filter)}
    told = [f"{name}={value}" if name != _SEARCHED else "含搜索词" for name, value in given.items() if value]
    parts = (
        f"{count} 份" if count is not None else "",
        f"筛选：{'，'.join(told) or '全部'}",
        "含银行卡号" if bank else "",
        f"原因：{reason}" if reason else "",
    )
    return "；".join(part for part in parts if part)
