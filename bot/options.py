"""What do the commands share? The options every one takes, the desk they make, and how one ends with an error."""

import sys
from collections.abc import Callable
from datetime import date
from typing import Annotated, NoReturn

import typer

from bot import app as wiring
from bot.handle import Desk, today
from bot.settings import SettingsError
from knowledge.defects import KnowledgeError
from storage.store import PATIENT, StoreError

Database = Annotated[str, typer.Option("--database", help="sqlite:///路径 或 postgresql://用户@主机/库名；默认是用户文件夹里的 SQLite")]
Today = Annotated[str, typer.Option("--today", help="按哪一天算，如 2026-11-22；默认是北京时间今天")]


def fail(text: str, code: int = 1) -> NoReturn:
    """End with one line on stderr."""
    print(" ".join(text.split()), file=sys.stderr)
    raise typer.Exit(code)


def day_of(text: str) -> Callable[[], date]:
    """The day that `--today` names, asked anew each time where it names none."""
    if not text:
        return today
    try:
        day = date.fromisoformat(text)
    except ValueError:
        fail(f"--today {text}: 不是日期；请写成 2026-11-22 这样", 2)
    return lambda: day


def desk_for(database: str, day: str, patience: float = PATIENT) -> Desk:
    """The desk over that database; ends with one line where it is not to be had. For `patience` see `bot.app.open_store`."""
    chosen = day_of(day)
    try:
        return wiring.desk(database, chosen, patience=patience)
    except (SettingsError, ValueError) as error:
        fail(str(error), 2)
    except (KnowledgeError, StoreError) as error:
        fail(str(error))
