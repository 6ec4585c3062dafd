"""How long does a document take? Every form of the eight conversations as .docx, PDF and PNG, from the values that were given."""

import io
import zipfile
from collections import defaultdict
from collections.abc import Callable

from flows import pdf as typst
from flows.documents import form_docx, form_pdf, form_png
from flows.layout import Paper
from flows.position import Case, case_of
from tests.bench.figures import RUNS, Figure, mid, milliseconds
from tests.bench.people import people
from tests.bench.turns import converse, folder, talking

GOALS = {"docx": 100.0, "pdf": 60.0, "png": 120.0}
MAKERS: dict[str, Callable[..., bytes]] = {"docx": form_docx, "pdf": form_pdf, "png": form_png}
TIMES = 3
"""How often each paper is made in one run."""
AGAINST = {"docx": "an empty zip", "pdf": "an empty Typst page", "png": "an empty Typst page"}


def cases() -> list[Case]:
    """The finished application of each applicant whose service gives a form or sheet."""
    found = []
    with folder() as at, talking(at) as talk:
        for applicant in people():
            talk.sender = applicant.name
            made = converse(talk, applicant, defaultdict(list))[-1]
            case = case_of(talk.desk.assistant, made.session, applicant.today)
            if case is not None and case.service.produces != "nothing":
                found.append(case)
    return found


def _empty_zip() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as package:
        package.writestr("empty", "")
    return held.getvalue()


_NOTHING = Paper(title="", blocks=())
_BASELINES: dict[str, Callable[[], bytes]] = {"docx": _empty_zip, "pdf": lambda: typst.pdf(_NOTHING), "png": lambda: typst.png(_NOTHING)}


def _paper_times(case: Case, kind: str) -> list[float]:
    make, values = MAKERS[kind], dict(case.values)
    times = []
    for number in range(TIMES):
        values["station_name"] = f"{case.values.get('station_name', '')}{number}"  # no cache may know the paper
        times.append(milliseconds(lambda: make(case.programme, case.version, case.service, values, preparation=case.preparation))[0])
    return times


def figures() -> list[Figure]:
    """For each kind the slowest form's median and the median of all."""
    known = cases()
    found = []
    for kind, goal in GOALS.items():
        _paper_times(known[0], kind)  # fonts and templates are read once a process
        runs = [[mid(_paper_times(case, kind)) for case in known] for _ in range(RUNS)]
        bare = mid([milliseconds(_BASELINES[kind])[0] for _ in range(RUNS * TIMES)])
        slowest, middle = mid([max(run) for run in runs]), mid([mid(run) for run in runs])
        found.append(Figure(name=f"{kind}, the slowest form", value=slowest, goal=goal, baseline=bare, against=AGAINST[kind]))
        found.append(Figure(name=f"{kind}, the middle form", value=middle, baseline=bare, against=AGAINST[kind]))
    return found
