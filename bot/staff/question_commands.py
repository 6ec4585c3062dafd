"""Which commands are there for questions that were missed? `yizhan questions`, and their export as a question set."""

import json
import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from bot import console as terminal
from bot.options import Database, Today, desk_for, fail
from bot.staff.lines import missed_questions, question_line
from flows.unanswered import question_set
from storage.store import StoreError

questions = typer.Typer(invoke_without_command=True, help="没答上、答得不好的问题（工作人员）")


@questions.callback()
def questions_list(context: typer.Context, database: Database = "", day: Today = "") -> None:
    """列出没答上、答得不好的问题：次数、踩、赞、问题、最接近的条目。"""
    if context.invoked_subcommand:
        return
    terminal.utf8()
    try:
        for group in missed_questions(desk_for(database, day)):
            print(question_line(group))
    except StoreError as error:
        fail(str(error))


@questions.command("export")
def questions_export(
    out: Annotated[Path, typer.Option("--out", help="写到哪个文件（JSON Lines）")],
    database: Database = "",
    day: Today = "",
    force: Annotated[bool, typer.Option("--force", help="文件已有时覆盖它")] = False,
) -> None:
    """导出成题集：每行一个 {id, question, context_programme, kind, …}，个人信息已隐去。"""
    terminal.utf8()
    if out.exists() and not force:
        fail(f"questions export --out {out}: 文件已经有了；换个名字，或加 --force 覆盖", 2)
    try:
        lines = list(question_set(missed_questions(desk_for(database, day))))
        _write(out, as_lines(lines))
    except StoreError as error:
        fail(str(error))
    except OSError as error:
        fail(f"questions export --out {out}: 写不进去（{error.strerror}）；请换一个能写的文件夹")
    print(f"已导出 {len(lines)} 个问法到 {out}")


def as_lines(items: list[dict[str, object]]) -> bytes:
    """JSON Lines."""
    return "".join(f"{json.dumps(item, ensure_ascii=False)}\n" for item in items).encode()


def _write(out: Path, content: bytes) -> None:
    """The file appears whole or not at all, readable by its owner alone."""
    descriptor, part = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(part, out)
    except OSError:
        Path(part).unlink(missing_ok=True)
        raise
