"""Where do the files of staff's exports lie, and which must go? A folder beside the documents, readable by this user alone."""

import shutil
from pathlib import Path

from storage import exports
from storage.store import Store

UNFINISHED = ".yizhan-export-"
"""How the folder of a file that is still being written begins."""


def folder_beside(documents: Path) -> Path:
    """The exports' folder, beside that of the applicants' documents."""
    return documents.with_name(f"{documents.name.removesuffix('-files')}-exports")


def file_of(folder: Path, export_id: str) -> Path:
    """The file of an export."""
    return folder / export_id


def tidy(store: Store, folder: Path) -> None:
    """Remove what no export offers or writes any more: files that were taken back or have expired, and what killed workers left."""
    found = list(folder.iterdir()) if folder.is_dir() else []  # before the states: what is written now is running then
    if not found:
        return
    with store.reading() as db:
        running = {export.id for export in exports.in_state(db, "running")}
        offered = {export.id for export in exports.in_state(db, "done")}
    for path in found:
        if path.name.startswith(UNFINISHED):
            if not running:
                shutil.rmtree(path, ignore_errors=True)
        elif path.name not in running | offered:
            path.unlink(missing_ok=True)
