"""Whose time of keeping is over? Personal data goes as if the person had asked for it, documents and exports too; numbers stay.

Over is the time of people who wrote nothing for YIZHAN_RETENTION_DAYS, and of drafts of a programme whose data says `keep_until`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from bot.handle import SHANGHAI, Desk, remove_files, take_back_exports
from flows.types import PersonKey
from storage import retention
from storage.retention import Held, Kept
from storage.store import Connection, Purge

CHUNK = 100
"""People deleted in one transaction."""
Noting = Callable[[Connection, "Outcome"], object]
"""Is called in the last transaction of a run: for the log of staff's actions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run deletes, in numbers."""

    people: int = 0
    """Of whom nothing is left."""
    drafts: int = 0
    """Theirs, and those of programmes that are over."""
    parted: int = 0
    """People who stay but lose drafts of programmes that are over."""

    def text(self) -> str:
        """For staff."""
        others = f"，另有 {self.parted} 人只删已结束项目的草稿" if self.parted else ""
        return f"{self.people} 人，{self.drafts} 份草稿{others}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Over:
    """What of a person is kept no longer."""

    kept: Kept
    whole: bool
    gone: tuple[Held, ...]


class Retention:
    """One look at everybody, on a day."""

    def __init__(self, desk: Desk, days: int | None) -> None:
        self._desk, self._days, self._today = desk, days, desk.today()
        library = desk.assistant.library
        self._ended = {p.key for p in library.programmes if p.keep_until is not None and p.keep_until < self._today}

    def is_needed(self) -> bool:
        """Whether anything is ever over: a server without a term of keeping logs nothing about it each day."""
        return self._days is not None or bool(self._ended)

    def look(self) -> Outcome:
        """What `run` would delete now."""
        return _numbers(self._found())

    def run(self, note: Noting = lambda db, outcome: None, now: Callable[[], datetime] = lambda: datetime.now(SHANGHAI)) -> Outcome:
        """Delete what is kept no longer."""
        found = self._found()
        done: list[_Over] = []
        for start in range(0, len(found), CHUNK):
            part: list[_Over] = []
            self._desk.store.purge(partial(self._purge, found[start : start + CHUNK], part))
            remove_files(self._desk.files, [draft.id for over in part for draft in over.gone])
            done += part
        take_back_exports(self._desk)
        outcome = _numbers(done)
        with self._desk.store.writing() as db:
            self._note_newcomers(db, now())
            note(db, outcome)
        return outcome

    def _found(self) -> list[_Over]:
        with self._desk.store.reading() as db:
            everybody = retention.people(db)
            concerned = set(retention.owners(db, sorted(self._ended)))
            return [over for kept in everybody if (over := self._over(db, kept, concerned))]

    def _over(self, db: Connection, kept: Kept, concerned: set[PersonKey]) -> _Over | None:
        idle = self._is_idle(kept)
        if not idle and kept.person not in concerned:
            return None
        drafts = tuple(retention.drafts(db, kept.person))
        ended = tuple(draft for draft in drafts if draft.programme in self._ended)
        whole = idle or len(ended) == len(drafts)
        return _Over(kept=kept, whole=whole, gone=drafts if whole else ended)

    def _is_idle(self, kept: Kept) -> bool:
        if self._days is None or not kept.seen_at:
            return False
        seen = datetime.fromisoformat(kept.seen_at).astimezone(SHANGHAI).date()
        return seen + timedelta(days=self._days) <= self._today

    def _purge(self, chunk: Sequence[_Over], part: list[_Over], db: Connection) -> Purge:
        """In the deletion's transaction: leave out who wrote meanwhile, count the others."""
        part += [over for over in chunk if retention.still(db, over.kept)]
        retention.count(db, (draft for over in part for draft in over.gone))
        for over in part:
            if not over.whole:
                retention.drop(db, over.kept.person, [draft.id for draft in over.gone])
        return Purge(people=tuple(over.kept.person for over in part if over.whole), more=any(not over.whole for over in part))

    def _note_newcomers(self, db: Connection, now: datetime) -> None:
        """Who never wrote is kept as long as others, from the first run that sees them."""
        if self._days is not None:
            for kept in retention.people(db):
                if not kept.seen_at:
                    retention.note_first_seen(db, kept.person, now.isoformat())


def _numbers(found: Sequence[_Over]) -> Outcome:
    whole = sum(over.whole for over in found)
    return Outcome(people=whole, drafts=sum(len(over.gone) for over in found), parted=len(found) - whole)


def ends(desk: Desk) -> Sequence[tuple[str, date]]:
    """The programmes whose drafts are kept until a day, by name."""
    return [(p.name, p.keep_until) for p in desk.assistant.library.programmes if p.keep_until]
