"""How do drafts become CSV and JSON Lines? CSV for people and spreadsheets, JSON Lines for programs: values by field key, as they are."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path

from bot.export import rows
from bot.export.source import Entry, Group, Selection, Source
from flows.columns import Column, Content

_SERVICE = ("项目", "事项")


def write_csv(source: Source, selection: Selection, out: Path) -> None:
    """One row a draft, UTF-8 with a byte order mark; of several services the columns of all, each field in one."""
    found = _all_columns(selection.groups)
    with out.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow([*found.values(), *_SERVICE, *rows.ABOUT])
        for group, entry in source.entries(selection):
            own = {column.key: column for column in rows.columns_of(group)}
            told = [own[key].content(entry.case.values, source.today) if key in own else "" for key in found]
            named = (group.programme.name, group.service.name)
            table.writerow([_cell(value) for value in (*told, *named, *rows.about(entry))])


def _all_columns(groups: Iterable[Group]) -> dict[str, str]:
    """The names of all columns by their keys; one that another field has already gets its service's name."""
    found: dict[str, str] = {}
    for group in groups:
        for column in rows.columns_of(group):
            if column.key not in found:
                found[column.key] = _free(column, group, {*found.values(), *_SERVICE, *rows.ABOUT})
    return found


def _free(column: Column, group: Group, taken: set[str]) -> str:
    return column.name if column.name not in taken else f"{column.name}（{group.title}）"


def _cell(value: Content) -> Content:
    return rows.plain(value) if isinstance(value, str) else value


def write_json_lines(source: Source, selection: Selection, out: Path) -> None:
    """One object a draft; `values` has every field that concerns it by its key, null where nothing is known."""
    with out.open("w", encoding="utf-8") as file:
        for group, entry in source.entries(selection):
            file.write(f"{json.dumps(_record(group, entry), ensure_ascii=False)}\n")


def _record(group: Group, entry: Entry) -> dict[str, object]:
    draft, verdict = entry.draft, entry.case.verdict
    return {
        "id": draft.id,
        "programme": group.programme.key,
        "service": group.service.key,
        "stage": entry.stage,
        "progress": {"done": entry.done, "total": entry.asked},
        "outcome": verdict and verdict.outcome,
        "grade": verdict.grade.grade if verdict and verdict.grade else None,
        "created_at": draft.created_at.isoformat(),
        "updated_at": draft.updated_at.isoformat(),
        "finished_at": draft.finished_at and draft.finished_at.isoformat(),
        "channel": entry.channel,
        "values": {field.key: entry.case.values.get(field.key) for field in entry.case.fields},
    }
