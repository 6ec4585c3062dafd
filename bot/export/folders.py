"""How do drafts become an archive? A folder for each, with form, PDF and checklist; names that every system takes."""

import zipfile
from dataclasses import replace
from pathlib import Path

from bot.export.source import Entry, ExportError, Group, Selection, Source
from flows.documents import name_part, render
from flows.types import FileKind

KINDS: tuple[FileKind, ...] = ("form", "form_pdf", "checklist")
_LONGEST_NAME = 30
"""Characters of a folder's name that come from the applicant: Windows takes 260 for a whole path."""


def only_with_documents(selection: Selection) -> Selection:
    """The drafts of services that make documents. ExportError where there are none."""
    groups = tuple(group for group in selection.groups if group.service.produces != "nothing")
    if not groups:
        raise ExportError("选中的草稿所属的事项不产生文件，打不成包；请改用表格格式")
    return replace(selection, groups=groups)


def write_zip(source: Source, selection: Selection, out: Path) -> None:
    """An archive of folders."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (group, entry) in enumerate(source.entries(selection), 1):
            folder = folder_name(number, group, entry)
            for document in _documents(source, entry):
                archive.writestr(f"{folder}/{document[0]}", document[1])


def _documents(source: Source, entry: Entry) -> list[tuple[str, bytes]]:
    case = entry.case
    made = render(
        *(case.programme, case.version, case.service, case.values),
        preparation=case.preparation,
        today=source.today,
        verdict=case.verdict,
        kinds=KINDS,
    )
    return [(document.name, document.content) for document in made]


def folder_name(number: int, group: Group, entry: Entry) -> str:
    """As 0001_某市人才驿站_申报_某某驿站_1a2b3c4d: because of the number no name is reserved, because of the id none comes twice."""
    values = entry.case.values
    owner = next((str(values[key]) for key in ("station_name", "unit_name") if values.get(key)), "")
    parts = (f"{number:04d}", group.programme.short, group.service.name, name_part(owner)[:_LONGEST_NAME], entry.draft.id[:8])
    return "_".join(cleaned for part in parts if (cleaned := name_part(part)))
