"""Who is affected by new policy data? What differs, which open drafts change and how, what their owners read: `yizhan check --against`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from flows.assistant import Judging
from flows.draft_change import DraftChange, draft_change
from flows.policy_change import Change, DataChange, differences, touched
from flows.say import word
from knowledge.types import Citation, Library
from storage import judged
from storage.store import DraftRow, Store

BATCH = 200
NOTHING = "（没有）"


class Affected(NamedTuple):
    """A draft that changes, and whose it is."""

    row: DraftRow
    change: DraftChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two states of the data on a day."""

    old: Library
    new: Library
    today: date

    def differences(self) -> tuple[DataChange, ...]:
        """What differs in the data."""
        return differences(self.old, self.new, self.today)

    def affected(self, store: Store, seen: Callable[[int], None] = lambda number: None) -> Iterator[Affected]:
        """Every open draft that changes; `seen` is told how many more were looked at."""
        services, last = touched(self.old, self.new, self.today), ""
        old, new = Judging(library=self.old), Judging(library=self.new)
        while True:
            with store.reading() as db:
                ids = judged.open_drafts(db, services, last, BATCH)
            if not ids:
                return
            for row in store.drafts_of(ids):
                if (found := draft_change(old, new, row.draft, self.today)) is not None:
                    yield Affected(row, found)
            last = ids[-1]
            seen(len(ids))


def data_lines(found: tuple[DataChange, ...]) -> Iterator[str]:
    """What differs, with both clauses."""
    for one in found:
        yield f"{one.name}{f' · {one.service}' if one.service else ''}"
        for change in one.changes:
            yield from change_lines(change)


def change_lines(change: Change) -> Iterator[str]:
    """One change: before → after, then the clauses it rests on."""
    label = f"“{change.label}”" if change.label and change.label != word("changed", change.kind) else ""
    if change.before == change.after:
        yield f"  {word('changed', change.kind)}{label}：条款的文字变了，内容没有变"
    else:
        yield f"  {word('changed', change.kind)}{label}：{change.before or NOTHING} → {change.after or NOTHING}"
    clauses = (("旧", change.old), ("新", change.new))
    yield from (f"    {name} {clause_line(cite)}" for name, cite in clauses if cite)


def clause_line(cite: Citation) -> str:
    """Document, article and quotation in one line."""
    return f"{cite.document} {cite.article}：“{' '.join(cite.quote.split())}”"


def draft_lines(library: Library, found: Affected, unit: str) -> Iterator[str]:
    """A draft with what changes for it and what its owner reads."""
    draft = found.row.draft
    programme = next((p for p in library.programmes if p.key == draft.programme), None)
    service = next((s.name for s in programme.latest.services if s.key == draft.service), draft.service) if programme else draft.service
    yield "  ".join(filter(None, (draft.id, programme.short if programme else draft.programme, service, unit)))
    for change in found.change.changes:
        yield from change_lines(change)
    yield f"  申请人下次来会看到：{found.change.message or '（不另外说：这份草稿还没有判断过，或已按新数据判断过）'}"


def unit_of(row: DraftRow) -> str:
    """The unit or station a draft names."""
    return str(row.draft.value("unit_name") or row.draft.value("station_name") or "")
