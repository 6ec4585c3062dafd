"""Which drafts does an export take, and what is each when its turn comes? Read batch by batch; bank data masked unless it was asked for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from flows.assistant import Premises
from flows.fields import masked
from flows.position import Case, case_of, derived, progress, unanswered
from flows.types import Draft, Session
from flows.validity import service_of
from knowledge.types import Programme, Service, Version
from storage import exports
from storage.exports import Chosen
from storage.store import DraftRow, Store

BATCH = 200
"""Drafts that are read together."""


class ExportError(Exception):
    """Nothing could be exported; the message says in one sentence what to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The drafts of one service, in the order they are written."""

    programme: Programme
    version: Version
    service: Service
    ids: tuple[str, ...]

    @property
    def title(self) -> str:
        """How staff call the service."""
        return f"{self.programme.short}·{self.service.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """All drafts of an export by service."""

    groups: tuple[Group, ...]
    unknown: int = 0
    """Drafts of services that the programmes' data no longer has."""

    @property
    def total(self) -> int:
        """How many drafts are written."""
        return sum(len(group.ids) for group in self.groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One draft."""

    draft: Draft
    case: Case
    stage: str
    done: int
    asked: int
    missing: tuple[str, ...]
    """Labels of what nobody gave."""
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Who is told how far it is; each may raise to stop the export."""

    reads: Callable[[Sequence[str]], None] = lambda ids: None
    """Before these drafts are read."""
    wrote: Callable[[int, int], None] = lambda done, total: None
    """After each draft: how many are done, of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Drafts as they are on a day."""

    store: Store
    assistant: Premises
    today: date
    bank: bool = False
    watch: Watch = Watch()

    def select(self, ids: Sequence[str]) -> Selection:
        """These drafts by service, services in the order of the programmes' data."""
        with self.store.reading() as db:
            found = exports.chosen(db, ids)
        groups = tuple(group for programme in self.assistant.library.programmes for group in self._groups(programme, found))
        return Selection(groups=groups, unknown=len(found) - sum(len(group.ids) for group in groups))

    def _groups(self, programme: Programme, found: Sequence[Chosen]) -> Iterator[Group]:
        for key in dict.fromkeys(s.key for version in programme.versions for s in version.services):
            ids = tuple(one.id for one in found if (one.programme, one.service) == (programme.key, key))
            version = programme.on(self.today) or programme.latest
            if ids and any(service.key == key for service in version.services):
                yield Group(programme=programme, version=version, service=service_of(version, key), ids=ids)

    def entries(self, selection: Selection) -> Iterator[tuple[Group, Entry]]:
        """Every draft of the selection in turn; one that was deleted meanwhile is left out."""
        done = 0
        for group in selection.groups:
            for start in range(0, len(group.ids), BATCH):
                ids = group.ids[start : start + BATCH]
                self.watch.reads(ids)
                for row in self.store.drafts_of(ids):
                    yield group, self._entry(row)
                    done += 1
                    self.watch.wrote(done, selection.total)

    def _entry(self, row: DraftRow) -> Entry:
        draft = row.draft
        session = Session(person=row.person, programme=draft.programme, service=draft.service, drafts=(draft,))
        case = case_of(self.assistant, session, self.today)
        if case is None:
            raise ExportError(f"草稿 {draft.id} 读不出来；请运行 yizhan drafts show {draft.id} 看看")
        stage, (done, asked) = derived(self.assistant, session, case).stage, progress(case)
        missing = tuple(text.split(".", 1)[1] for text in unanswered(case))
        return Entry(
            draft=draft,
            case=case if self.bank else _masked(case),
            stage=stage,
            done=done,
            asked=asked,
            missing=missing,
            channel=row.person.channel,
        )


def _masked(case: Case) -> Case:
    """The case with bank data as it may be shown."""
    sensitive = [field for field in case.fields if field.sensitive and case.values.get(field.key) is not None]
    if not sensitive:
        return case
    return replace(case, values=case.values | {field.key: masked(field, case.values[field.key]) for field in sensitive})
