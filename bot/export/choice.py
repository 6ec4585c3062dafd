"""Which drafts does a filter choose for an export? In the order in which they were begun: numbers stay from one export to the next."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from bot.export.source import Source
from storage.store import Connection

_SEARCHED = "words"
"""What somebody looked for may name a person, and a line of the log stays when their data goes."""


def query(filtered: str, **more: str) -> str:
    """The filter's query with further conditions."""
    return urlencode([*parse_qsl(filtered.removeprefix("?")), *((name, value) for name, value in more.items() if value)])


def ids(db: Connection, audience: str) -> Sequence[str]:
    """The ids of the drafts that the query of a list's filter chooses."""
    wanted = [(name, value) for name, value in parse_qsl(audience) if name in ("programme", "service") and value]
    condition = " AND ".join(["1 = 1", *(f"{name} = ?" for name, _ in wanted)])
    rows = db.execute(f"SELECT id FROM drafts WHERE {condition} ORDER BY created_at, id", [value for _, value in wanted])
    return [str(row[0]) for row in rows]


def chosen(source: Source, audience: str) -> Sequence[str]:
    """The same, after what the list knows of each draft was brought up to date."""
    with source.store.reading() as db:
        return ids(db, audience)


def for_log(audience: str, count: int, *, bank: bool, reason: str) -> str:
    """An export in a line of the log: how many, chosen how, whether bank data was asked for, and why."""
    told = [f"{name}={value}" if name != _SEARCHED else "含搜索词" for name, value in parse_qsl(audience)]
    parts = (f"{count} 份", f"筛选：{'，'.join(told) or '全部'}", "含银行卡号" if bank else "", f"原因：{reason}" if reason else "")
    return "；".join(part for part in parts if part)
