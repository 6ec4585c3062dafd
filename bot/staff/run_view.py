"""What do staff see of a run of reminders? Its plan or its report as counts that add up, samples in words, and whom to call."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.export.choice import words
from bot.handle import Desk
from bot.remind_plan import Decider, Decision, Plan
from bot.remind_ways import CHANNELS, WAYS
from bot.staff.contact import Contact, contact
from flows.types import PersonKey
from knowledge.types import Library
from storage import reminders
from storage.reminders import Unreached
from storage.runs import Run
from storage.store import Connection

STATES: Mapping[str, str] = {"draft": "待确认", "running": "发送中", "paused": "已暂停", "cancelled": "已取消", "done": "已排完"}
OUTCOMES: Mapping[str, str] = {
    "waiting": "排队中",
    "taken": "正在发",
    "sent": "已发",
    "maybe": "可能已发（平台没有答复）",
    "kept": "等对方下次来时显示",
    "failed": "发送失败",
    "dropped": "没有发",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """So many of one kind."""

    title: str
    channel: str
    what: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A plan in numbers."""

    looked: int
    goes: Sequence[Line]
    refused: Sequence[Line]

    @property
    def going(self) -> int:
        """How many go out."""
        return sum(line.number for line in self.goes)

    @property
    def staying(self) -> int:
        """How many do not."""
        return sum(line.number for line in self.refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A reminder as a channel shows it."""

    channel: str
    way: str
    text: str
    notice: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody in a list: draft, whom to call, by which way or why not."""

    draft: str
    channel: str
    contact: Contact
    way: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a run went; every reminder that was queued is counted once."""

    outcomes: Sequence[Line]
    unreached: Sequence[Line]
    stopped: int

    @property
    def queued(self) -> int:
        """How many were queued."""
        return sum(line.number for line in self.outcomes)

    @property
    def lost(self) -> int:
        """How many could not be reached at all."""
        return sum(line.number for line in self.unreached)

    def of(self, *states: str) -> int:
        """How many are in these states."""
        return sum(line.number for line in self.outcomes if line.title in states)


def audience_words(library: Library, run: Run) -> str:
    """Whom a run concerns, as staff read it."""
    if run.kind == "rules":
        return "今天有到期事项的人"
    return "，".join(words(library, run.audience)) or "所有草稿"


def counted(found: Plan) -> Counted:
    """The plan in numbers."""
    return Counted(looked=found.looked, goes=_lines(found.goes, WAYS), refused=_lines(found.refused, {}))


def samples(decider: Decider, found: Plan) -> Sequence[Sample]:
    """One reminder for each channel and way, in words."""
    made: dict[tuple[str, str], Sample] = {}
    for one in found.decisions:
        key = (one.candidate.person.channel, one.way.kind)
        if not one.goes or key in made or (draft := decider.draft(one)) is None:
            continue
        told = decider.told(one, draft)
        notice = told.notice if one.way.kind == "notice" else {}
        made[key] = Sample(channel=CHANNELS.get(key[0], key[0]), way=WAYS[key[1]], text=told.text, notice=notice)
    return tuple(made.values())


def people(desk: Desk, decisions: Sequence[Decision]) -> Sequence[Person]:
    """Those of the plan, with whom to call."""
    return [
        Person(
            draft=one.candidate.draft,
            channel=_channel(one.candidate.person),
            contact=_contact(desk, one.candidate.person, one.candidate.draft),
            way=WAYS[one.way.kind] if one.goes else "不发",
            why=one.why,
        )
        for one in decisions
    ]


def to_call(desk: Desk, lost: Sequence[Unreached]) -> Sequence[Person]:
    """Whom only a telephone reaches."""
    return [
        Person(draft=one.draft, channel=_channel(one.person), contact=_contact(desk, one.person, one.draft), way="", why=one.why)
        for one in lost
    ]


def report(db: Connection, run: Run) -> Report:
    """How a run went."""
    return Report(
        outcomes=[Line(title=s, channel=CHANNELS.get(c, c), what=n, number=k) for c, s, n, k in reminders.outcomes(db, run.id)],
        unreached=[Line(title="", channel=CHANNELS.get(c, c), what=w, number=k) for c, w, k in reminders.unreached_reasons(db, run.id)],
        stopped=reminders.stopped_since(db, run.id),
    )


def _lines(tally: Counter[tuple[str, str, str]], words: Mapping[str, str]) -> Sequence[Line]:
    return [
        Line(title=title, channel=CHANNELS.get(channel, channel), what=words.get(what, what), number=number)
        for (title, channel, what), number in sorted(tally.items())
    ]


def _channel(person: PersonKey) -> str:
    return CHANNELS.get(person.channel, person.channel)


def _contact(desk: Desk, person: PersonKey, draft: str) -> Contact:
    return contact(desk, person, draft) or Contact(unit="", name="", mobile="")
