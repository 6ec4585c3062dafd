"""Which kinds of files are there for drafts? Their names for staff, their endings, and what writes each."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from xlsxwriter.exceptions import FileCreateError

from bot.export.folders import write_zip
from bot.export.lines import write_csv, write_json_lines
from bot.export.source import ExportError, Selection, Source
from bot.export.spreadsheet import write_xlsx
from bot.export.summary import write_summary_docx, write_summary_xlsx

NOTHING = "没有符合条件的草稿，没有生成文件；请放宽筛选条件"


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One kind of file."""

    key: str
    label: str
    ending: str
    write: Callable[[Source, Selection, Path], None]


FORMATS = {
    made.key: made
    for made in (
        Format(key="xlsx", label="Excel 表：每份草稿一行，每个事项一张工作表", ending="xlsx", write=write_xlsx),
        Format(key="summary-docx", label="官方汇总表（Word）", ending="docx", write=write_summary_docx),
        Format(key="summary-xlsx", label="官方汇总表（Excel）", ending="xlsx", write=write_summary_xlsx),
        Format(key="zip", label="压缩包：每份草稿一个文件夹，有申请表、PDF、材料清单", ending="zip", write=write_zip),
        Format(key="csv", label="CSV 表", ending="csv", write=write_csv),
        Format(key="jsonl", label="JSON Lines：给程序用，值按字段代号", ending="jsonl", write=write_json_lines),
    )
}


def write(source: Source, kind: str, ids: Sequence[str], out: Path) -> Selection:
    """Write these drafts to a file that appears whole, readable by its owner alone, or not at all; what was written.

    ExportError where there is nothing to write, or the format does not go with these drafts.
    """
    selection = source.select(ids)
    if not selection.total:
        raise ExportError(NOTHING)
    try:
        folder = Path(tempfile.mkdtemp(prefix=".yizhan-export-", dir=out.parent))  # 0700: what lies there meanwhile is nobody else's
        try:
            part = folder / out.name
            FORMATS[kind].write(source, selection, part)
            part.chmod(0o600)
            _to_disk(part)
            part.replace(out)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except (OSError, FileCreateError) as error:
        raise ExportError(f"{out} 写不进去（{getattr(error, 'strerror', None) or error}）；请换一个文件夹，或腾出空间") from error
    return selection


def _to_disk(part: Path) -> None:
    with part.open("rb") as file:
        os.fsync(file.fileno())
