"""Which files does an applicant get? Form or information sheet, its PDF and picture, checklist and calendar, each with its name."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import get_args

from flows.calendar import calendar
from flows.checklist import checklist_paper
from flows.deadlines import due
from flows.docx import docx
from flows.form import form_of, form_paper
from flows.layout import Paper
from flows.pdf import pdf, png
from flows.phrases import phrase
from flows.sheet import sheet_paper
from flows.shown import literal
from flows.types import FileKind, Verdict
from knowledge.types import Programme, Service, Value, Version

_UNFIT = re.compile(r'[\\/:*?"<>|\s]+')
_LONGEST_NAME = 180
"""Octets of a file's name without its ending; file systems take 255."""


_MAKERS: dict[FileKind, tuple[str, Callable[[Paper], bytes]]] = {"form": ("docx", docx), "form_pdf": ("pdf", pdf), "preview": ("png", png)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """One file as made."""

    kind: FileKind
    name: str
    content: bytes


def _paper(programme: Programme, version: Version, service: Service, values: Mapping[str, Value], preparation: bool, today: date) -> Paper:
    if service.produces == "sheet":
        return sheet_paper(programme, service, values, preparation=preparation, today=today)
    form = form_of(version, service)
    if form is None:
        raise KeyError(f"service {service.key}: there is no form {service.form!r} in its version; name one of forms/*.toml")
    return form_paper(form, service, values, preparation=preparation, today=today)


def form_docx(
    programme: Programme,
    version: Version,
    service: Service,
    values: Mapping[str, Value],
    *,
    preparation: bool,
    today: date = date.min,
) -> bytes:
    """The filled annex, or the information sheet, as a Word document; `today` matters only to marks that compare with the day."""
    return docx(_paper(programme, version, service, values, preparation, today))


def form_pdf(
    programme: Programme,
    version: Version,
    service: Service,
    values: Mapping[str, Value],
    *,
    preparation: bool,
    today: date = date.min,
) -> bytes:
    """The same as a PDF."""
    return pdf(_paper(programme, version, service, values, preparation, today))


def form_png(
    programme: Programme,
    version: Version,
    service: Service,
    values: Mapping[str, Value],
    *,
    preparation: bool,
    today: date = date.min,
) -> bytes:
    """The first page as a picture."""
    return png(_paper(programme, version, service, values, preparation, today))


def _cut(name: str, octets: int) -> str:
    return name.encode("utf-8")[:octets].decode("utf-8", "ignore")


def name_part(text: str) -> str:
    """The text without what no file's name may have."""
    return _UNFIT.sub("", literal(text)).strip(".")


def file_name(*parts: str, ending: str) -> str:
    """The parts as one file name: no path characters, at most 180 octets and the ending."""
    joined = "_".join(cleaned for part in parts if (cleaned := name_part(part)))
    return f"{_cut(joined, _LONGEST_NAME)}.{ending}"


def _owner(values: Mapping[str, Value]) -> str:
    return next((str(values[key]) for key in ("station_name", "unit_name") if values.get(key)), "")


def _form_files(paper: Paper, names: tuple[str, ...], kinds: Collection[FileKind]) -> list[Rendered]:
    makers: dict[FileKind, tuple[str, Callable[[Paper], bytes]]] = {
        "form": ("docx", docx),
        "form_pdf": ("pdf", pdf),
        "preview": ("png", png),
    }
    return [
        Rendered(kind=kind, name=file_name(*names, ending=ending), content=make(paper))
        for kind, (ending, make) in makers.items()
        if kind in kinds
    ]


def render(
    programme: Programme,
    version: Version,
    service: Service,
    values: Mapping[str, Value],
    *,
    preparation: bool,
    today: date,
    verdict: Verdict | None = None,
    kinds: Collection[FileKind] = get_args(FileKind),
) -> tuple[Rendered, ...]:
    """The draft's files: form or sheet, PDF, preview, checklist, and a calendar where a date lies ahead; none if it produces nothing.

    With `preparation` the papers and their names say 仅供准备.
    """
    if service.produces == "nothing":
        return ()
    form = form_of(version, service)
    called = form.name if form else phrase("sheet", "name")
    mark = phrase("checklist", "preparation") if preparation else ""
    owner = _owner(values)
    paper = _paper(programme, version, service, values, preparation, today)
    files = _form_files(paper, (programme.name, called, mark, owner), kinds)
    if "checklist" in kinds:
        paper = checklist_paper(programme, version, service, values, preparation=preparation, today=today, verdict=verdict)
        name = file_name(programme.name, service.name, phrase("checklist", "name"), mark, owner, ending="docx")
        files.append(Rendered(kind="checklist", name=name, content=docx(paper)))
    dates = calendar(programme.name, f"{service.name}\n{owner}", due(service, values), today) if "calendar" in kinds else None
    if dates is not None:
        name = file_name(programme.name, service.name, phrase("calendar", "name"), mark, owner, ending="ics")
        files.append(Rendered(kind="calendar", name=name, content=dates))
    return tuple(files)
