"""What does `yizhan check --against OLD` print? The differences of the data, then the open drafts that change; exit 0 however many."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from bot import app as wiring
from bot.options import fail
from bot.settings import SQLITE, SettingsError, read_settings
from bot.staff.policy_report import Comparison, data_lines, draft_lines, unit_of
from knowledge.defects import KnowledgeError
from knowledge.load import earlier, library, load
from storage.store import Store, StoreError


def compare(old: Path, new: Path | None, database: str, today: date) -> None:
    """Compare the older data in `old` with that in `new` (the packaged one when None), which was found to be without defects."""
    known = _comparison(old, new, today)
    found = known.differences()
    print(f"政策数据的差别（按 {today} 算）：" if found else f"政策数据没有差别（按 {today} 算）。")
    for line in data_lines(found):
        print(line)
    try:
        store = _store(database)
        if store is None:
            print("没有数据库，所以没有看草稿；用 --database 指明。")
            return
        _drafts(known, store)
        store.close()
    except SettingsError as error:
        fail(str(error), 2)
    except StoreError as error:
        fail(str(error))


def _comparison(old: Path, new: Path | None, today: date) -> Comparison:
    if not (old / "programmes").is_dir():
        fail(f"check --against {old}: 里面没有 programmes 文件夹；请给出旧的知识文件夹", 2)
    try:
        before = earlier(old)
        after = load(new) if new else library()
    except KnowledgeError as error:
        fail(f"check --against {old}: 旧数据读不全，不能比较：{error}；请改正这些地方，或给出完整的旧文件夹")
    return Comparison(old=before, new=after, today=today)


def _store(database: str) -> Store | None:
    """The store; None where none was named and there is none."""
    settings = read_settings(database=database)
    if settings.database.startswith(SQLITE) and not (path := wiring.database_file(settings)).exists():
        if database:
            fail(f"check --database {database}: 没有 {path} 这个文件；请核对路径", 2)
        return None
    return wiring.open_store(settings)


def _drafts(known: Comparison, store: Store) -> None:
    looked, affected, flipped = 0, 0, 0
    with _bar() as show:

        def seen(number: int) -> None:
            nonlocal looked
            looked += number
            show(looked)

        for one in known.affected(store, seen):
            affected, flipped = affected + 1, flipped + one.change.flips
            for line in draft_lines(known.new, one, unit_of(one.row)):
                print(line)
    print(f"看了 {looked} 份还没有收件的草稿：{affected} 份有变化，其中 {flipped} 份结论变了。")


@contextmanager
def _bar() -> Iterator[Callable[[int], None]]:
    """How many drafts were looked at, on stderr where somebody looks."""
    with Progress(SpinnerColumn(), TextColumn("看了 {task.completed} 份草稿"), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda number: progress.update(task, completed=number)
