"""Which drafts does a filter choose for an export? In the order in which they were begun: numbers stay from one export to the next."""

from collections.abc import Sequence
from urllib.parse import parse_qsl

from storage.store import Connection


def ids(db: Connection, audience: str) -> Sequence[str]:
    """The ids of the drafts that the query of a list's filter chooses."""
    wanted = [(name, value) for name, value in parse_qsl(audience) if name in ("programme", "service") and value]
    condition = " AND ".join(["1 = 1", *(f"{name} = ?" for name, _ in wanted)])
    rows = db.execute(f"SELECT id FROM drafts WHERE {condition} ORDER BY created_at, id", [value for _, value in wanted])
    return [str(row[0]) for row in rows]
