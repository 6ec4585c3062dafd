"""What does an export of 10,000 drafts to .xlsx cost, in time and memory, and what do chat turns feel of it?

The worker is a process of its own, as on the server; turns follow each other without a pause meanwhile.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import xlsxwriter

from bot.export import jobs, rows
from bot.export.files import folder_beside
from bot.export.source import Source
from bot.staff.listing import policy_of
from flows.columns import Content
from flows.types import PersonKey, Value
from knowledge.types import Field
from storage import exports, listed, records
from storage.listed import Made
from storage.listing import Listed
from storage.store import Store
from tests.bench.figures import RUNS, Figure, mid, milliseconds, percentile
from tests.bench.people import people
from tests.bench.turns import FEW, folder, said, start_of, talking
from tests.export_people import source
from tests.talk import Talk, built

DRAFTS, PROGRAMME, SERVICE, DAY = 10_000, "putian-yizhan", "declaration", "2026-06-20"
TURNS = 400
"""Turns without an export, in each run."""
AT = "2026-06-01T09:00:00+00:00"
BARE = "bare XlsxWriter, the same cells, constant_memory"


def _value(field: Field, number: int) -> Value:
    """Something as long as what people write."""
    match field.kind:
        case "yes_no":
            return True
        case "choice":
            return field.choices[0].value
        case "number" | "money":
            return number % 500
        case "date" | "month":
            return "2023-05"
        case "long_text":
            return f"第{number}家：每年举办学术交流、创业对接、政策宣讲等活动八场，服务人才三百人次。" * 3
        case _:
            return f"{field.label}{number}"


def fill(store: Store) -> None:
    """The drafts, with every field answered, and their lines in the list, written straight into the tables."""
    policy, at = policy_of(built()), datetime.fromisoformat(AT).timestamp()
    service = next(s for s in built().library.programme(PROGRAMME).latest.services if s.key == SERVICE)
    with store.writing() as db:
        for number in range(DRAFTS):
            key, draft = ("web", f"bench-{number}"), f"{number:032x}"
            db.execute("INSERT INTO people (channel, sender, revision, state, seen_at) VALUES (?, ?, 1, '{}', ?)", (*key, AT))
            db.execute(
                "INSERT INTO drafts (channel, sender, id, place, programme, service, created_at, updated_at, rules, judged)"
                " VALUES (?, ?, ?, 0, ?, ?, ?, ?, '', '[]')",
                (*key, draft, PROGRAMME, SERVICE, AT, AT),
            )
            for place, field in enumerate(service.fields):
                text = records.value_to_json(_value(field, number))
                db.execute(
                    "INSERT INTO answers (channel, sender, draft, field, place, value, at, source, sensitive)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, 'said', 0)",
                    (*key, draft, field.key, place, text, AT),
                )
            who = PersonKey(channel="web", sender=key[1])
            line = Listed(person=who, draft=draft, programme=PROGRAMME, service=SERVICE, begun_at=at, changed_at=at)
            listed.put(db, [Made(line=line, revision=1, turns_on=None, policy=policy)])


def cells(made: Source) -> list[list[Content]]:
    """What the workbook will hold."""
    selection = made.select([f"{number:032x}" for number in range(DRAFTS)])
    found = rows.columns_of(selection.groups[0])
    return [[*rows.row(entry, found, made.today), *rows.about(entry)] for _, entry in made.entries(selection)]


def bare(table: Sequence[Sequence[Content]], out: Path) -> float:
    """Seconds that XlsxWriter takes for the cells alone."""

    def write() -> None:
        with xlsxwriter.Workbook(out, {"constant_memory": True}) as book:
            sheet = book.add_worksheet()
            for row, contents in enumerate(table):
                for column, value in enumerate(contents):
                    (sheet.write_string if isinstance(value, str) else sheet.write_number)(row, column, value)

    return milliseconds(write)[0] / 1000


class Export:
    """An export in a process of its own."""

    def __init__(self, store: Store, at: Path) -> None:
        now = datetime.now(UTC)
        with store.writing() as db:
            queued = jobs.queue(db, made_by="bench", kind="xlsx", audience="", bank=False, reason="", day=DAY, now=now)
        self.id, self._began = queued.id, now
        environment = os.environ | {"YIZHAN_DATABASE": f"sqlite:///{at / 'chat.db'}"}
        command = [sys.executable, "-m", jobs.WORKER, str(folder_beside(at / "files"))]
        self._child = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        self.seconds, self.processor, self.megabytes = 0.0, 0.0, 0.0

    def is_over(self) -> bool:
        """Whether the process has ended; then its time, start included, and its peak memory are known."""
        self.megabytes = max(self.megabytes, self._peak())
        ended, _, used = os.wait4(self._child.pid, os.WNOHANG)
        if ended:
            self._child.returncode = 0
            self.seconds = (datetime.now(UTC) - self._began).total_seconds()
            self.processor = used.ru_utime + used.ru_stime
        return bool(ended)

    def _peak(self) -> float:
        """MB at the most so far; `wait4` would tell the parent's where that is larger."""
        lines = Path(f"/proc/{self._child.pid}/status").read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def _turn(talk: Talk, number: int) -> float:
    """Milliseconds of a turn; two turns lead to the same place: back, and the answer again."""
    return said(talk, "有" if number % 2 else "上一步")[0]


def _one_run(talk: Talk, at: Path, table: Sequence[Sequence[Content]]) -> dict[str, float]:
    alone = [_turn(talk, number) for number in range(TURNS)]
    export, meanwhile = Export(talk.desk.store, at), list[float]()
    while not export.is_over():
        meanwhile += [_turn(talk, number) for number in range(2)]
    with talk.desk.store.reading() as db:
        made = exports.export(db, export.id)
    if made is None or (made.state, made.done) != ("done", DRAFTS):
        raise RuntimeError(f"the export came to no good end: {made}")
    return {
        "export": export.seconds,
        "processor": export.processor,
        "memory": export.megabytes,
        "bare": bare(table, at / "bare.xlsx"),
        "alone": percentile(alone, 99),
        "meanwhile": percentile(meanwhile, 99),
    }


def figures() -> list[Figure]:
    """The export, its memory, and the turns meanwhile."""
    with folder() as at, talking(at) as talk:
        fill(talk.desk.store)
        table = cells(source(talk.desk.store, day=DAY))
        talk.sender = "talks-on"
        start_of(talk, next(people()), FEW)
        runs = [_one_run(talk, at, table) for _ in range(RUNS)]
    found = {name: mid([run[name] for run in runs]) for name in runs[0]}
    export, turn = f"export of {DRAFTS:,} drafts to .xlsx", "a turn meanwhile, p99"
    return [
        Figure(
            name=f"{export}, start of its process included", value=found["export"], goal=10, baseline=found["bare"], against=BARE, unit="s"
        ),
        Figure(name="its processor time", value=found["processor"], baseline=found["bare"], against=BARE, unit="s"),
        Figure(name="its peak memory", value=found["memory"], goal=150, unit="MB"),
        Figure(name=turn, value=found["meanwhile"], goal=100, baseline=found["alone"], against="turns without an export"),
    ]
