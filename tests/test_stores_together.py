"""Several stores on one file, in one process and in others: none takes another's write-ahead log away."""

import subprocess
import sys
from pathlib import Path

from flows.types import PersonKey
from storage.sqlite import SqliteStore
from tests.store_worker import SECRET

PERSON = PersonKey(channel="web", sender="p1")
VISIT = "import sys; from storage.sqlite import SqliteStore; SqliteStore(sys.argv[1], bytes.fromhex(sys.argv[2])).close()"
ROOT = Path(__file__).parent.parent


def visit(path: Path) -> None:
    """Another program opens the database and closes it again."""
    subprocess.run([sys.executable, "-c", VISIT, str(path), SECRET.hex()], check=True, cwd=ROOT)


def test_another_program_that_closes_the_database_takes_nothing_from_two_stores_in_this_one(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    first = SqliteStore(path, SECRET)
    second = SqliteStore(path, SECRET)  # what a process closes of a file lifts all its locks on it: see sqlite.org/howtocorrupt.html
    visit(path)
    first.change_note(PERSON, "kept", lambda _: "yes")
    assert second.note(PERSON, "kept") == "yes"
    visit(path)
    third = SqliteStore(path, SECRET)
    assert third.note(PERSON, "kept") == "yes"
    for store in (first, second, third):
        store.close()
    again = SqliteStore(path, SECRET)
    assert again.note(PERSON, "kept") == "yes"
    again.close()
