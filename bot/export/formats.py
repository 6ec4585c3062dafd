"""Which kinds of files are there for drafts? Their names for staff, their endings, and what writes each."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from xlsxwriter.exceptions import FileCreateError

from bot.export.files import UNFINISHED
from bot.export.folders import only_with_documents, write_zip
from bot.export.lines import write_csv, write_json_lines
from bot.export.source import ExportError, Selection, Source
from bot.export.spreadsheet import write_xlsx
from bot.export.summary import only_listed, write_summary_docx, write_summary_xlsx

NOTHING = "没有符合条件的草稿，没有生成文件；请放宽筛选条件"

_FOLDERS = "压缩包：每份草稿一个文件夹，有申请表、PDF、材料清单"


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One kind of file."""

    key: str
    name: str
    """What the file is called, without date and ending."""
    label: str
    ending: str
    write: Callable[[Source, Selection, Path], None]
    takes: Callable[[Selection], Selection] = lambda selection: selection
    """The drafts that go into such a file; ExportError where none does."""


FORMATS = {
    made.key: made
    for made in (
        Format(key="xlsx", name="草稿表", label="Excel 表：每份草稿一行，每个事项一张工作表", ending="xlsx", write=write_xlsx),
        Format(key="summary-docx", name="汇总表", label="官方汇总表（Word）", ending="docx", write=write_summary_docx, takes=only_listed),
        Format(key="summary-xlsx", name="汇总表", label="官方汇总表（Excel）", ending="xlsx", write=write_summary_xlsx, takes=only_listed),
        Format(key="zip", name="草稿文件", label=_FOLDERS, ending="zip", write=write_zip, takes=only_with_documents),
        Format(key="csv", name="草稿表", label="CSV 表", ending="csv", write=write_csv),
        Format(key="jsonl", name="草稿", label="JSON Lines：给程序用，值按字段代号", ending="jsonl", write=write_json_lines),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a file holds."""

    drafts: int
    left_out: int
    """Chosen drafts that do not go into such a file."""
    unknown: int
    """Chosen drafts of services that the programmes' data no longer has."""

    def text(self) -> str:
        """For staff: how many drafts, and which not."""
        others = f"，另有 {self.left_out} 份所属事项不用这种文件，未列入" if self.left_out else ""
        gone = f"，另有 {self.unknown} 份所属项目已不在知识库，未列入" if self.unknown else ""
        return f"{self.drafts} 份草稿{others}{gone}"


def write(source: Source, kind: str, ids: Sequence[str], out: Path) -> Written:
    """Write these drafts to a file that appears whole, readable by its owner alone, or not at all; what it holds.

    ExportError where there is nothing to write, or the format does not go with these drafts.
    """
    chosen = source.select(ids)
    if not chosen.total:
        raise ExportError(NOTHING)
    selection = FORMATS[kind].takes(chosen)
    try:
        _write_whole(source, kind, selection, out)
    except (OSError, FileCreateError) as error:
        raise ExportError(f"{out} 写不进去（{getattr(error, 'strerror', None) or error}）；请换一个文件夹，或腾出空间") from error
    return Written(drafts=selection.total, left_out=chosen.total - selection.total, unknown=chosen.unknown)


def _write_whole(source: Source, kind: str, selection: Selection, out: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=out.parent))  # 0700: what lies there meanwhile is nobody else's
    try:
        part = folder / out.name
        FORMATS[kind].write(source, selection, part)
        part.chmod(0o600)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
