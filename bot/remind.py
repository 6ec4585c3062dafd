"""How is a run of reminders worked off, paused, cancelled? Batch by batch into the queue; sending is the channels' senders'.

A batch is queued in one transaction with the run's cursor: a run that is killed, or worked on by two, tells each person once.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.remind_gate import CANCELLED
from bot.remind_plan import POISON, Decider, Decision, Grounds
from bot.remind_ways import Ways
from storage import beside, reminders, runs
from storage.listing import Filter
from storage.reminders import Candidate, Posting, Unreached
from storage.runs import Run, RunState
from storage.store import Connection, StoreError

Noting = Callable[[Connection], object]
"""What else is kept in the transaction of a change: a line in the log of staff's actions."""
LOOKED, POSTED = 500, 50
"""Drafts that are looked at together; reminders queued in one transaction, so that chat goes on between."""


def _nothing(_: Connection) -> None:
    """Keep nothing else."""


class Reminding:
    """Works off runs over one store."""

    def __init__(self, desk: Grounds, ways: Ways, clock: Callable[[], float] = time.time) -> None:
        self.desk, self.ways, self._clock = desk, ways, clock

    @property
    def now(self) -> datetime:
        """The moment it is."""
        return datetime.fromtimestamp(self._clock(), UTC)

    def decider(self, run: Run) -> Decider:
        """Decides for that run now."""
        return Decider(self.desk, self.ways, run, self.now)

    def run(self, run_id: str) -> Run | None:
        """The run as it stands."""
        with self.desk.store.reading() as db:
            return runs.run(db, run_id)

    def rules(self, made_by: str) -> Run:
        """What the rules find due today, as a run that is not stored."""
        now = self.now
        return Run(
            id=f"rules-{self.desk.today()}", kind="rules", name="到期提醒", starts_at=now, state="running", made_by=made_by, made_at=now
        )

    def open_rules(self, made_by: str, also: Noting = _nothing) -> Run:
        """The stored run of today's rules; one that was done looks at everybody again, one that staff cancelled stays so."""
        made = self.rules(made_by)
        with self.desk.store.writing() as db:
            also(db)
            if not runs.add_run(db, made):
                runs.begin_again(db, made.id)
            return runs.run(db, made.id) or made

    def work(self, run_id: str, progress: Callable[[Run], None] = lambda run: None) -> Run | None:
        """Queue what is due until everybody was looked at or staff end it; the run as it stands then, None where there is none."""
        decider: Decider | None = None
        ahead = _NOTHING
        while (run := self.run(run_id)) is not None and run.state == "running":
            if decider is None:
                decider = self.decider(run)
                self._counted(run_id, decider.total)
            progress(run)
            ahead = self._step(run, decider, ahead if ahead.cursor == run.cursor else _NOTHING)
        if run is not None:
            progress(run)
        return run

    def due(self) -> Sequence[Run]:
        """The runs whose moment has come."""
        with self.desk.store.reading() as db:
            return runs.due_runs(db, self.now)

    def begin(self, run_id: str, also: Noting = _nothing) -> bool:
        """Let a run that was only planned begin."""
        return self._moved(run_id, ("draft",), "running", also)

    def pause(self, run_id: str, also: Noting = _nothing) -> bool:
        """Queue nothing more and send nothing of what waits, until it is resumed."""
        now = self.now
        return self._moved(run_id, ("running", "done"), "paused", also) and self._each(lambda db: runs.hold(db, run_id, None, now=now))

    def resume(self, run_id: str, also: Noting = _nothing) -> bool:
        """Go on; the senders keep the quiet hours."""
        now = self.now
        return self._moved(run_id, ("paused",), "running", also) and self._each(lambda db: runs.hold(db, run_id, now, now=now))

    def cancel(self, run_id: str, also: Noting = _nothing) -> bool:
        """Drop what is still waiting; what was sent was sent."""
        before: Sequence[RunState] = ("draft", "running", "paused", "done")
        return self._moved(run_id, before, "cancelled", also) and self._each(lambda db: runs.drop(db, run_id, CANCELLED))

    def _moved(self, run_id: str, before: Sequence[RunState], after: RunState, also: Noting) -> bool:
        with self.desk.store.writing() as db:
            moved = runs.change_state(db, run_id, before, after)
            if moved:
                also(db)
            if moved and after == "cancelled" and (run := runs.run(db, run_id)):
                runs.forget_words(db, run_id, _without_words(run.audience))
            return moved

    def _each(self, change: Callable[[Connection], int]) -> bool:
        """Change all that there is, some in a transaction."""
        while True:
            with self.desk.store.writing() as db:
                if change(db) < runs.CHUNK:
                    return True

    def _counted(self, run_id: str, total: int) -> None:
        with self.desk.store.writing() as db:
            runs.count(db, run_id, total)

    def _step(self, run: Run, decider: Decider, ahead: "_Ahead") -> "_Ahead":
        """The next drafts, up to where enough is due; at the end the run is done. What was read beyond that is for the next step."""
        batch, last = (ahead.batch, ahead.last) if ahead.batch else decider.after(run.cursor, LOOKED)
        cursor = last
        if not batch and cursor == run.cursor:
            with self.desk.store.writing() as db:
                if runs.finish(db, run):
                    runs.forget_words(db, run.id, _without_words(run.audience))
            return _NOTHING
        due: list[Decision] = []
        looked = 0
        for candidate in batch:
            due += decider.decide([candidate])
            looked += 1
            if len(due) >= POSTED:
                cursor = candidate.draft
                break
        self._queue(run, cursor, looked, due, decider)
        return _Ahead(cursor=cursor, batch=batch[looked:], last=last)

    def _queue(self, run: Run, cursor: str, looked: int, due: Sequence[Decision], decider: Decider) -> None:
        """Queue the batch and move the cursor on. A draft that cannot be worked on is set aside; it stops nobody else."""
        postings: list[Posting] = []
        lost: list[Unreached] = []
        for one in due:
            try:
                made = None if one.refused else self._made(one, decider)
            except Exception as error:
                if isinstance(error, StoreError) and not self._store_works():
                    raise
                made = _lost(decider.poisoned(one.candidate, error))
            if isinstance(made, Posting):
                postings.append(made)
            elif made is not None:
                lost.append(made)
        with self.desk.store.writing() as db:
            for posting in reminders.keep(db, run, cursor, looked, postings, lost, self.now) or ():
                beside.post(db, posting.push)

    def _made(self, one: Decision, decider: Decider) -> Posting | Unreached | None:
        """What becomes of a decision; None where the draft is gone or says that nothing is due."""
        draft = None if one.way.why == POISON else decider.draft(one)
        if draft is None or not one.goes:
            return _lost(one) if draft or one.way.why == POISON else None
        person, draft_id = one.candidate.person, one.candidate.draft
        push = self.ways.push(person, one.reason, decider.told(one, draft), draft_id, decider.moment(one.notice), one.way)
        return Posting(push=push, draft=draft_id, reason=one.reason, until=one.notice.until if one.notice else None)

    def _store_works(self) -> bool:
        """Whether it was one draft that could not be read, not the store."""
        try:
            return self.run("") is None
        except StoreError:
            return False


def _without_words(audience: str) -> str:
    return replace(Filter.from_query(audience), words="").to_query()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ahead:
    """Drafts that were read already: those after `cursor`, up to `last`."""

    cursor: str
    batch: Sequence[Candidate]
    last: str


_NOTHING = _Ahead(cursor="", batch=(), last="")


def _lost(one: Decision) -> Unreached:
    return Unreached(person=one.candidate.person, draft=one.candidate.draft, why=one.why)
