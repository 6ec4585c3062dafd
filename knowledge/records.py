"""How does a TOML table become a record of `types.py`? Generic and strict; what the values mean is not judged here.

Unknown keys, missing keys and wrong types are refused, each as one `Defect` that names the path of keys.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import cache
from typing import Any, Literal

from knowledge.defects import Defect
from knowledge.types import Citation

BROKEN: Any = object()
"""Stands for a part that could not be built; its defect is in the sheet."""

Reader = Callable[[object, str, "Sheet"], Any]
_NAMES = {str: "文字", bool: "true/false", int: "整数", float: "数", date: "日期（如 2022-10-08）", type(None): "空"}
_IDENTITY = ("id", "key", "value", "name", "field")


@dataclasses.dataclass(slots=True)
class Sheet:
    """One file that is being read: its defects so far and what a citation in it may leave out."""

    file: str
    defects: list[Defect]
    programme: str = ""
    documents: dict[str, str] = dataclasses.field(default_factory=dict)
    """Key of a document to its number or title; the first is meant where `doc` is left out."""

    def report(self, key: str, problem: str, remedy: str) -> Any:
        """Note a defect of this file; returns `BROKEN`."""
        self.defects.append(Defect(file=self.file, key=key or "（全文）", problem=problem, remedy=remedy))
        return BROKEN


def build(kind: type, table: object, path: str, sheet: Sheet) -> Any:
    """The record of `kind` that the table describes, or `BROKEN` with its defects in the sheet."""
    reader: Reader = _reader(kind)
    return reader(table, path, sheet)


def identity(item: object, index: int) -> str:
    """How an item of an array is named in a path: by its id, key, value or name, else by its number from 0."""
    if isinstance(item, dict):
        for name in _IDENTITY:
            if isinstance(item.get(name), str) and item[name]:
                return str(item[name])
    return str(index)


def join(path: str, name: str) -> str:
    """One step further down a path of keys."""
    return f"{path}.{name}" if path else name


@cache
def _reader(kind: typing.Hashable) -> Reader:
    if kind is Citation:
        return _citation
    if dataclasses.is_dataclass(kind):
        return _record(typing.cast(type, kind))
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return _array(arguments[0])
    if origin is Literal:
        return _word(arguments)
    options = arguments if origin in (types.UnionType, typing.Union) else (kind,)
    records: list[Any] = [option for option in options if dataclasses.is_dataclass(option)]
    return _reader(records[0]) if records else _plain(options)


def _record(kind: type) -> Reader:
    hints = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    required = [n for n, f in fields.items() if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING]
    readers: dict[str, Reader] = {}

    def read(table: object, path: str, sheet: Sheet) -> Any:
        if not isinstance(table, dict):
            return sheet.report(path, f"应为一个表，现为{_shown(table)}", f"写成表，键有 {'、'.join(fields)}")
        for name in [name for name in table if name not in fields]:
            sheet.report(join(path, name), f"不认识的键 {name}", f"删去或改为其一：{'、'.join(fields)}")
        missing = [name for name in required if name not in table]
        for name in missing:
            sheet.report(join(path, name), f"缺少必填的键 {name}", f"补上 {name}")
        if not readers:
            readers.update((name, _reader(hints[name])) for name in fields)
        values = {name: readers[name](value, join(path, name), sheet) for name, value in table.items() if name in fields}
        broken = missing or len(values) < len(table) or any(value is BROKEN for value in values.values())
        return BROKEN if broken else kind(**values)

    return read


def _array(kind: Any) -> Reader:
    inner = _reader(kind) if kind is not Ellipsis else None

    def read(value: object, path: str, sheet: Sheet) -> Any:
        if not isinstance(value, list | tuple) or inner is None:
            return sheet.report(path, f"应为数组，现为{_shown(value)}", "写成 […]")
        items = [inner(item, join(path, identity(item, index)), sheet) for index, item in enumerate(value)]
        return BROKEN if any(item is BROKEN for item in items) else tuple(items)

    return read


def _word(allowed: tuple[object, ...]) -> Reader:
    def read(value: object, path: str, sheet: Sheet) -> Any:
        if isinstance(value, str) and value in allowed:
            return value
        return sheet.report(path, f"不认识的值 {_shown(value)}", f"改为其一：{'、'.join(str(word) or '（空）' for word in allowed)}")

    return read


def _plain(options: tuple[Any, ...]) -> Reader:
    accepted = {*options, int} if float in options else set(options)

    def read(value: object, path: str, sheet: Sheet) -> Any:
        if (date if type(value) is date else type(value)) in accepted:
            return value
        names = "或".join(_NAMES[option] for option in options if option is not type(None))
        return sheet.report(path, f"应为{names}，现为{_shown(value)}", f"改成{names}")

    return read


def _citation(value: object, path: str, sheet: Sheet) -> Any:
    if not isinstance(value, dict):
        return sheet.report(path, f"引文应为表，现为{_shown(value)}", '写成 {article = "…", quote = "…"}')
    before = len(sheet.defects)
    for name in value:
        if name not in ("doc", "article", "quote"):
            sheet.report(join(path, name), f"不认识的键 {name}", "引文只有 doc、article、quote")
    for name in ("article", "quote"):
        if not isinstance(value.get(name), str) or not value[name].strip():
            sheet.report(join(path, name), f"引文缺少 {name}", f"补上 {name}，逐字照抄原文")
    document = _document(value.get("doc"), path, sheet)
    if len(sheet.defects) > before:
        return BROKEN
    return Citation(programme=sheet.programme, document=document, article=value["article"], quote=value["quote"])


def _document(key: object, path: str, sheet: Sheet) -> str:
    if key is None and sheet.documents:
        return next(iter(sheet.documents.values()))
    if isinstance(key, str) and key in sheet.documents:
        return sheet.documents[key]
    known = "、".join(sheet.documents) or "（先登记 documents）"
    sheet.report(join(path, "doc"), f"没有文件 {_shown(key)}", f"改为 documents 里的键：{known}")
    return ""


def _shown(value: object) -> str:
    if value is None:
        return "空"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, dict | list):
        return "表" if isinstance(value, dict) else "数组"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"「{text if len(text) <= 40 else text[:40] + '…'}」"


def walk(record: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every record inside this one (itself first) with its path of keys, citations included."""
    yield path, record
    for name in _names(typing.cast(typing.Hashable, type(record))):
        value = getattr(record, name)
        if dataclasses.is_dataclass(value):
            yield from walk(value, join(path, name))
        elif isinstance(value, tuple):
            yield from _walk_items(value, join(path, name))


def named(record: object, index: int) -> str:
    """Like `identity`, of a record."""
    return next((value for name in _IDENTITY if isinstance(value := getattr(record, name, None), str) and value), str(index))


def _walk_items(items: tuple[object, ...], path: str) -> Iterator[tuple[str, object]]:
    for index, item in enumerate(items):
        if dataclasses.is_dataclass(item):
            yield from walk(item, join(path, named(item, index)))
        elif isinstance(item, tuple):
            yield from _walk_items(item, join(path, str(index)))


@cache
def _names(kind: typing.Hashable) -> tuple[str, ...]:
    """The fields of a record that can hold records."""
    hints = typing.get_type_hints(typing.cast(type, kind))
    return tuple(name for name, hint in hints.items() if _holds_records(hint))


def _holds_records(hint: Any) -> bool:
    return dataclasses.is_dataclass(hint) or any(_holds_records(part) for part in typing.get_args(hint))
