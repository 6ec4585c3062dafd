"""Where does the rest of the program get the policies from? `load` a folder or the packaged `library`; broken data is refused."""

import hashlib
from functools import cache
from pathlib import Path

from knowledge.check import prove
from knowledge.defects import KnowledgeError
from knowledge.sources import read
from knowledge.types import Library, Programme, Service, Version

__all__ = ["KnowledgeError", "earlier", "fingerprint", "library", "load"]

PACKAGED = Path(__file__).parent


def load(folder: Path | None = None) -> Library:
    """All programmes under the folder (the packaged one when None); `KnowledgeError` lists every defect of broken data."""
    shelf = read(folder or PACKAGED)
    defects = prove(shelf)
    if defects:
        raise KnowledgeError(defects)
    return shelf.library


def earlier(folder: Path) -> Library:
    """An older state of the data, to compare with: of a folder like the packaged one, or one with only its `programmes/`.

    It must be readable as today's is, but what was not demanded of it then is not proved now. `KnowledgeError` where a part cannot be read.
    """
    shelf = read(folder, shared=folder if (folder / "fields.toml").exists() else PACKAGED)
    if shelf.defects:
        raise KnowledgeError(shelf.defects)
    return shelf.library


@cache
def library() -> Library:
    """The packaged programmes, loaded once."""
    return load()


def fingerprint(programme: Programme, service: Service) -> str:
    """16 hex digits over what the service asks and judges: fields, rules, windows, grades, sums and validity.

    Wording, quotations and offices do not count: a better question does not make anybody's draft old.
    """
    version = next((v for v in programme.versions if any(s is service for s in v.services)), programme.latest)
    return hashlib.sha256(repr(_judged(version, service)).encode()).hexdigest()[:16]


def _judged(version: Version, service: Service) -> tuple[object, ...]:
    fields = [
        (f.key, f.kind, f.unit, [c.value for c in f.choices], f.minimum, f.maximum, f.whole, f.past, f.only_if, f.optional, f.on_request)
        for f in service.fields
    ]
    rules = [(r.id, r.strength, r.test, r.applies) for r in service.rules]
    windows = [(w.kind, w.opens, w.closes, w.months) for w in service.windows]
    grades = [(g.name, g.field, g.at_least, g.money) for g in service.grades]
    money = [(m.id, m.kind, m.amount, m.rank, m.grade, m.ratio) for m in version.money]
    return (version.valid_from, version.valid_to, fields, rules, windows, grades, service.fail_grade, money)
