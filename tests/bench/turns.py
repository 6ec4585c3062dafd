"""How long does a turn take, from the message to its durable commit? Eight conversations on a real SQLite file, synchronous=FULL."""

import json
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from flows.types import Turn
from tests.bench.figures import RUNS, Figure, mid, milliseconds, percentile
from tests.bench.people import LONGEST, Applicant, people
from tests.talk import Talk

ROUNDS = 3
"""How often the eight talk in one run, each time as new persons."""
FEW, MANY, PAIRS = 10, 200, 60
AGAINST = "bare SQLite, one row of the same bytes, WAL, FULL"

Times = dict[str, list[float]]


class Bare:
    """SQLite doing the least: one row with the turn's bytes, committed as durably."""

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "bare.db", isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute("CREATE TABLE turns (number INTEGER PRIMARY KEY, data TEXT NOT NULL)")

    def keep(self, made: Turn) -> float:
        """Milliseconds of the commit."""
        data = json.dumps([made.stored_text, [asdict(r) for r in made.replies]], ensure_ascii=False)
        return milliseconds(lambda: self._db.execute("INSERT INTO turns (data) VALUES (?)", [data]))[0]


@contextmanager
def folder() -> Iterator[Path]:
    """A folder on the checkout's own disk: the system's temporary one may lie in memory, where a commit costs nothing."""
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".run-") as name:
        yield Path(name)


@contextmanager
def talking(at: Path) -> Iterator[Talk]:
    """A desk with its store open, as in a running program; the bench changes who talks."""
    talk = Talk(at, "2026-11-22")
    try:
        yield talk
    finally:
        talk.desk.store.close()


def said(talk: Talk, text: str) -> tuple[float, Turn]:
    """One message: milliseconds until its turn was committed, and the turn."""
    return milliseconds(lambda: talk.say(text))


def converse(talk: Talk, applicant: Applicant, times: Times) -> list[Turn]:
    """One conversation to its end, each turn timed under its kind: answer, question, documents; fails where there is no end."""
    talk.today = applicant.today
    kind, text = "answer", applicant.opening
    done: list[Turn] = []
    for _ in range(LONGEST):
        took, made = said(talk, text)
        times["documents" if any(r.files for r in made.replies) else kind].append(took)
        done.append(made)
        if (following := applicant.next(made.asking, made.stage)) is None:
            return done
        kind, text = following
    raise RuntimeError(f"{applicant.name} is not at the end after {LONGEST} messages, asked for {made.asking}")


def one_run(*, durable: bool = True) -> Times:
    """Every turn of the eight conversations, three times over; not `durable` leaves out only the wait for the disk."""
    times: Times = defaultdict(list)
    with folder() as at, talking(at) as talk:
        bare = Bare(at)
        if not durable:
            talk.desk.store._db.execute("PRAGMA synchronous = OFF")  # type: ignore[attr-defined]  # the store has no such switch, on purpose
        for number in range(ROUNDS):
            for applicant in people():
                talk.sender = f"{applicant.name}-{number}"
                times["bare"] += [bare.keep(made) for made in converse(talk, applicant, times)]
    return times


def start_of(talk: Talk, applicant: Applicant, count: int) -> Applicant:
    """The first messages of a conversation."""
    made = said(talk, applicant.opening)[1]
    for _ in range(count - 1):
        following = applicant.next(made.asking, made.stage)
        if following is None:
            raise RuntimeError(f"{applicant.name} comes to the end before {count} messages")
        made = said(talk, following[1])[1]
    return applicant


def _back_and_forth(talk: Talk, text: str) -> None:
    """Two turns that lead to the same place: back, and the answer again."""
    for each in ("上一步", text):
        said(talk, each)


def growth() -> Times:
    """The same answer at the same place of the conversation: in turn by somebody with 10 turns, and by one with 200 and more."""
    times: Times = defaultdict(list)
    with folder() as at, talking(at) as talk:
        talk.sender = "long"
        start_of(talk, next(people()), FEW)
        while talk.desk.store.load(talk.message("").person).revision < MANY:
            _back_and_forth(talk, "有")
        for pair in range(PAIRS):
            talk.sender = f"short-{pair}"
            start_of(talk, next(people()), FEW)
            times["few"].append(said(talk, "有")[0])
            talk.sender = "long"
            times["many"].append(said(talk, "有")[0])
            said(talk, "上一步")
    return times


def figures() -> list[Figure]:
    """The turn's figures."""
    runs = [one_run() for _ in range(RUNS)]
    found = []
    for kind, called, goal in (("answer", "a turn, answer", 1.0), ("question", "a turn, policy question", 2.0)):
        for percent, most in ((50, goal), (99, 15.0)):
            value, bare = (mid([percentile(run[key], percent) for run in runs]) for key in (kind, "bare"))
            found.append(Figure(name=f"{called}, p{percent}", value=value, goal=most, baseline=bare, against=AGAINST))
    dry = [one_run(durable=False) for _ in range(RUNS)]
    for kind, called in (("answer", "answer"), ("question", "policy question")):
        found.append(
            Figure(name=f"of this without waiting for the disk, {called}, p50", value=mid([percentile(run[kind], 50) for run in dry]))
        )
    value, bare = (mid([percentile(run[key], 50) for run in runs]) for key in ("documents", "bare"))
    found.append(Figure(name="a turn that hands out its files, p50", value=value, baseline=bare, against=AGAINST))
    return [*found, *_growth_figures()]


def _growth_figures() -> list[Figure]:
    runs = [growth() for _ in range(RUNS)]
    few, many = (mid([percentile(run[key], 50) for run in runs]) for key in ("few", "many"))
    ratio = mid([percentile(run["many"], 50) / percentile(run["few"], 50) for run in runs])
    return [
        Figure(name=f"the same answer after {MANY} turns, p50", value=many, baseline=few, against=f"after {FEW} turns"),
        Figure(name=f"p50 after {MANY} turns ÷ after {FEW}", value=ratio, goal=1.2, unit="×"),
    ]
