"""Where does a draft's document come from when it is fetched? From the folder written at hand-out, else rendered anew from the draft."""

from pathlib import PurePath
from typing import get_args

from bot.handle import Desk, remove_files, write
from bot.links import Opened
from flows.documents import Rendered, render
from flows.types import File, FileKind
from storage.store import StoreError

KINDS: tuple[FileKind, ...] = get_args(FileKind)
MEDIA = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
    "png": "image/png",
    "ics": "text/calendar; charset=utf-8",
}


def document(desk: Desk, opened: Opened, kind: str) -> Rendered | None:
    """The document of that kind as the draft's answers make it; None where this application has none.

    A finished draft's folder holds exactly what its answers make: any change makes it unfinished.
    """
    if kind not in KINDS or opened.case.service.produces == "nothing":
        return None
    if opened.case.draft.finished_at is not None and (kept := _kept(desk, opened, kind)):
        return kept
    made = rendered(desk, opened)
    if opened.case.draft.finished_at is not None:
        _keep(desk, opened, made)
    return next((one for one in made if one.kind == kind), None)


def rendered(desk: Desk, opened: Opened) -> tuple[Rendered, ...]:
    """All documents of the draft, as of today."""
    case = opened.case
    return render(
        case.programme, case.version, case.service, case.values, preparation=case.preparation, today=desk.today(), verdict=case.verdict
    )


def media_type(name: str) -> str:
    """How a document's kind is called in HTTP."""
    return MEDIA[PurePath(name).suffix.removeprefix(".")]


def _kept(desk: Desk, opened: Opened, kind: str) -> Rendered | None:
    """The document as it was written; its name comes from the stored reply, never from a request."""
    folder = desk.files / opened.case.draft.id
    for file in _handed_out(desk, opened):
        if file.kind == kind and PurePath(file.path).parent.name == folder.name:
            try:
                return Rendered(kind=file.kind, name=file.name, content=(folder / PurePath(file.name).name).read_bytes())
            except OSError:
                return None
    return None


def _handed_out(desk: Desk, opened: Opened) -> tuple[File, ...]:
    """The files of the draft's last hand-out."""
    for stored in reversed(desk.store.conversation(opened.person)):
        for reply in stored.replies:
            if reply.files and PurePath(reply.files[0].path).parent.name == opened.case.draft.id:
                return reply.files
    return ()


def _keep(desk: Desk, opened: Opened, made: tuple[Rendered, ...]) -> None:
    """Write them back where that is possible, and never for somebody who was deleted meanwhile."""
    draft = opened.case.draft.id
    try:
        write(desk.files / draft, made)
    except StoreError:
        return
    if desk.store.draft(draft) is None:
        remove_files(desk.files, [draft])
