"""What stands in the files of the knowledge folder? Reads TOML and policy texts into records, noting what cannot be read.

`read` never raises for broken data: whatever is wrong becomes a `Defect`. Whether the records are true is proved by `check.py`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tomli

from knowledge.defects import Defect
from knowledge.records import BROKEN, Sheet, build, identity, join
from knowledge.types import Field, Form, Library, Programme, Reminders, Section, Version

LIMIT = 1_000_000
"""Bytes a file may have; the largest real one has about 60,000."""

_IDENTITY = ("key", "name", "short", "station", "words", "places", "keep_until")
_HEADING = re.compile(r"#{1,6}\s+(\S.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """One version of a programme with the file it came from."""

    file: str
    folder: str
    forms: str
    """The folder of its forms, relative like `file`."""
    programme: str
    version: Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """All that was read: the library, each version with its file, and the defects found while reading."""

    library: Library
    volumes: tuple[Volume, ...]
    fields: tuple[Field, ...]
    """The shared dictionary of `fields.toml`, as far as its entries are whole records."""
    defects: tuple[Defect, ...]


def read(folder: Path, *, shared: Path | None = None) -> Shelf:
    """Everything under the folder (`fields.toml`, `programmes/*/`); broken parts are left out and reported.

    `shared`: where the dictionary of fields lies, when it is elsewhere.
    """
    defects: list[Defect] = []
    tables = _dictionary(Sheet(file="fields.toml", defects=defects), shared or folder)
    fields = [build(Field, table, f"fields.{key}", Sheet(file="fields.toml", defects=defects)) for key, table in tables.items()]
    homes = sorted(path for path in (folder / "programmes").glob("*") if path.is_dir() and any(path.glob("programme*.toml")))
    if not homes:
        Sheet(file="programmes", defects=defects).report("", "没有任何项目", "每个项目一个文件夹，内有 programme.toml")
    programmes, volumes = [], []
    for home in homes:
        found = [
            pair for file in sorted(home.glob("programme*.toml"), key=lambda f: f.stem) if (pair := _volume(folder, file, tables, defects))
        ]
        volumes += [volume for _, volume in found]
        programmes += _programme(found, defects)
    return Shelf(
        library=Library(programmes=tuple(programmes), reminders=_reminders(folder, Sheet(file="reminders.toml", defects=defects))),
        volumes=tuple(volumes),
        fields=tuple(field for field in fields if field is not BROKEN),
        defects=tuple(defects),
    )


def _reminders(folder: Path, sheet: Sheet) -> Reminders:
    """What `reminders.toml` says; nothing where there is none: then only what a programme's own rules say is due."""
    path = folder / sheet.file
    content = _toml(path, sheet) if path.exists() else None
    found = build(Reminders, content, "", sheet) if content is not None else BROKEN
    return Reminders() if found is BROKEN else found


def sections(text: str) -> tuple[tuple[Section, ...], str]:
    """A policy text by its headings, and what stands before the first one; lines keep their tabs."""
    article, before = "", ""
    lines: list[str] = []
    found: list[Section] = []
    for raw in text.split("\n"):
        line = raw.strip(" \r\u3000\xa0")
        heading = _HEADING.fullmatch(line)
        if heading:
            if article:
                found.append(Section(article=article, lines=tuple(lines)))
            article, lines = heading[1].strip(), []
        elif line.strip() and article:
            lines.append(line)
        elif line.strip():
            before = before or line
    if article:
        found.append(Section(article=article, lines=tuple(lines)))
    return tuple(found), before


def _text(path: Path, sheet: Sheet, key: str = "") -> str | None:
    """The file's text; None where it is missing, too large or not UTF-8."""
    try:
        size = path.stat().st_size
        if size > LIMIT:
            sheet.report(key, f"文件 {path.name} 有 {size} 字节，超过 {LIMIT}，未读取", "把文件拆小，或删去不属于它的内容")
            return None
        return path.read_bytes().decode("utf-8-sig")
    except OSError:
        sheet.report(key, f"读不到文件 {path.name}", "补上该文件，或改正文件名")
    except UnicodeDecodeError:
        sheet.report(key, f"文件 {path.name} 不是 UTF-8 文字", "另存为 UTF-8")
    return None


def _toml(path: Path, sheet: Sheet) -> dict[str, Any] | None:
    text = _text(path, sheet)
    if text is None:
        return None
    try:
        return tomli.loads(text.replace("\r\n", "\n"))
    except (tomli.TOMLDecodeError, RecursionError) as error:
        sheet.report("", f"TOML 写法有误：{error}", "按提示的行列改正，文字里的引号和反斜杠要转义")
    return None


def _dictionary(sheet: Sheet, folder: Path) -> dict[str, dict[str, Any]]:
    """The entries of fields.toml by key."""
    content = _toml(folder / "fields.toml", sheet) or {}
    for name in content:
        if name != "fields":
            sheet.report(name, f"不认识的键 {name}", "这里只有 [[fields]]")
    entries: dict[str, dict[str, Any]] = {}
    for index, table in enumerate(_tables(content, "fields", "", sheet)):
        key = table.get("key")
        if not isinstance(key, str):
            sheet.report(f"fields.{index}.key", "缺少必填的键 key", "补上字段的 key")
        elif key in entries:
            sheet.report(f"fields.{key}", f"字段 {key} 写了两次", "合并为一条")
        else:
            entries[key] = table
    return entries


def _tables(table: dict[str, Any], name: str, path: str, sheet: Sheet) -> list[dict[str, Any]]:
    """The array of tables under a name; anything else there is reported and left out."""
    value = table.get(name, [])
    if not isinstance(value, list):
        sheet.report(join(path, name), "应为数组", f"写成 [[{join(path, name)}]]")
        return []
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            sheet.report(join(path, f"{name}.{index}"), "应为一个表", f"写成 [[{join(path, name)}]]")
    return [item for item in value if isinstance(item, dict)]


def _volume(folder: Path, file: Path, tables: dict[str, dict[str, Any]], defects: list[Defect]) -> tuple[dict[str, Any], Volume] | None:
    """One programme*.toml as its identity and its version."""
    sheet = Sheet(file=file.relative_to(folder).as_posix(), defects=defects, programme=file.parent.name)
    content = _toml(file, sheet)
    if content is None:
        return None
    before = len(defects)
    names = {name: content.pop(name) for name in _IDENTITY if name in content}
    if names.get("key") != file.parent.name:
        sheet.report("key", f"key 与文件夹名 {file.parent.name} 不同", "两处写成一样")
    documents = _tables(content, "documents", "", sheet)
    sheet.documents = {str(d.get("key", "")): str(d.get("number") or d.get("title") or d.get("key", "")) for d in documents}
    _put_sections(file.parent, documents, sheet)
    _put_fields(content, tables, sheet)
    forms = _forms_folder(file)
    content["forms"] = []
    version = build(Version, content, "", sheet)
    read_forms = list(_forms(folder, forms, sheet))
    if version is BROKEN or len(defects) > before:
        return None
    version = replace(version, forms=tuple(read_forms))
    place = file.parent.relative_to(folder).as_posix()
    return names, Volume(file=sheet.file, folder=place, forms=f"{place}/{forms.name}", programme=file.parent.name, version=version)


def _forms_folder(file: Path) -> Path:
    """`forms-<name>` for `programme-<name>.toml` where there is one, else `forms`."""
    own = file.parent / file.stem.replace("programme", "forms", 1)
    return own if own.is_dir() else file.parent / "forms"


def _put_sections(home: Path, documents: list[dict[str, Any]], sheet: Sheet) -> None:
    for index, document in enumerate(documents):
        path = join("documents", identity(document, index))
        file = document.get("file")
        if not isinstance(file, str):
            continue
        if "sections" in document:
            sheet.report(join(path, "sections"), "原文不写在这里", "写进 policy/*.md，用 file 指明")
        if file.startswith("/") or ".." in file.split("/"):
            sheet.report(join(path, "file"), f"文件「{file}」不在项目的文件夹里", "写成 policy/<key>.md")
            continue
        text = _text(home / file, sheet, join(path, "file"))
        found, before = sections(text or "")
        if before:
            sheet.report(join(path, "file"), f"第一个标题之前已有正文「{before[:20]}」", "在它前面加一行标题，如 # 首部")
        document["sections"] = [{"article": s.article, "lines": list(s.lines)} for s in found]


def _put_fields(content: dict[str, Any], tables: dict[str, dict[str, Any]], sheet: Sheet) -> None:
    """Complete each service's fields from the dictionary, and the choices of the type from the programme's types."""
    types = [{"value": t.get("value"), "label": t.get("label"), "words": t.get("words", [])} for t in _tables(content, "types", "", sheet)]
    for index, service in enumerate(_tables(content, "services", "", sheet)):
        path = join("services", identity(service, index))
        merged = [{**tables.get(str(entry.get("key")), {}), **entry} for entry in _tables(service, "fields", path, sheet)]
        for entry in merged:
            if entry.get("key") == "station_type" and types and not entry.get("choices"):
                entry["choices"] = types
        service["fields"] = merged


def _forms(folder: Path, home: Path, sheet: Sheet) -> Iterator[Form]:
    for file in sorted(home.glob("*.toml")):
        own = Sheet(file=file.relative_to(folder).as_posix(), defects=sheet.defects, programme=sheet.programme, documents=sheet.documents)
        content = _toml(file, own)
        if content is None:
            continue
        form = build(Form, content, "", own)
        if form is BROKEN:
            continue
        if form.key != file.stem:
            own.report("key", f"key「{form.key}」与文件名 {file.stem} 不同", "两处写成一样")
        yield form


def _programme(found: list[tuple[dict[str, Any], Volume]], defects: list[Defect]) -> list[Programme]:
    """The programme of a folder's versions, oldest first; none where no version could be read."""
    if not found:
        return []
    names, first = found[0]
    sheet = Sheet(file=first.file, defects=defects, programme=first.programme)
    for others, volume in found[1:]:
        for name in _IDENTITY:
            if others.get(name) != names.get(name):
                own = Sheet(file=volume.file, defects=defects)
                own.report(name, f"与 {first.file} 的 {name} 不同", "同一项目各版本的这一项须相同")
    versions = sorted((volume.version for _, volume in found), key=lambda version: (version.valid_from is not None, version.valid_from))
    programme = build(Programme, {**names, "versions": []}, "", sheet)
    if programme is BROKEN:
        return []
    return [replace(programme, versions=tuple(versions))]
