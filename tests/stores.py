"""The kinds of store that tests run over, what is told to them, and what is committed: for all that is about any store."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from flows.types import Answer, Citation, Draft, Effect, File, Message, Option, PersonKey, Reply, Session, Turn
from storage.postgres import PostgresStore
from storage.sql import SqlStore
from storage.sqlite import SqliteStore
from storage.store import PROMPT, Store

SECRET = b"a secret of at least 32 characters"
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=timezone(timedelta(hours=8)))
WANG = PersonKey(channel="console", sender="wang")
LI = PersonKey(channel="wechat", sender="li")
SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of store: where a fresh database of it lies, and how it is opened."""

    name: str
    address: Callable[[Path, Callable[[], str]], str]
    """From the test's folder, and what makes a schema in PostgreSQL."""
    store: Callable[[str, bytes], SqlStore]


def opened(address: str, secret: bytes = SECRET, *, for_copy: bool = False) -> SqlStore:
    """The store at an address."""
    if address.startswith(SQLITE):
        return SqliteStore(Path(address.removeprefix(SQLITE)), secret, for_copy=for_copy)
    return PostgresStore(address, secret, patience=4 * PROMPT, for_copy=for_copy)


def _file(folder: Path, _: Callable[[], str]) -> str:
    return f"{SQLITE}{folder / 'data' / 'yizhan.db'}"


KINDS = (
    Kind("sqlite", _file, opened),
    Kind("sqlite read each time", _file, lambda at, secret: SqliteStore(Path(at.removeprefix(SQLITE)), secret, remembered=0)),
    Kind("postgresql", lambda _, made: made(), opened),
)


class Opener:
    """Opens the same database again and again."""

    def __init__(self, kind: Kind, address: str) -> None:
        self.kind, self.address = kind, address
        self._opened: list[SqlStore] = []

    def __call__(self, secret: bytes = SECRET) -> SqlStore:
        self._opened.append(self.kind.store(self.address, secret))
        return self._opened[-1]

    def close(self) -> None:
        for store in self._opened:
            store.close()


def message(number: int, person: PersonKey = WANG, text: str = "你好") -> Message:
    return Message(channel=person.channel, sender=person.sender, id=f"m{number}", text=text, received_at=NOW + timedelta(seconds=number))


def reply(text: str) -> Reply:
    cited = Citation(programme="p", document="某文〔2022〕5号", article="三（一）", quote="有场地；")
    files = (File(kind="form", name="申请表.docx", path="/tmp/申请表.docx"),)
    return Reply(text=text, choices=(Option(value="a", label="甲"),), citations=(cited,), files=files)


def answer(field: str, value: bool | int | float | str | None, **other: object) -> Answer:
    return Answer(field=field, value=value, at=NOW, **other)  # type: ignore[arg-type]


def draft(draft_id: str, *answers: Answer, programme: str = "p", service: str = "s", at: datetime = NOW) -> Draft:
    return Draft(id=draft_id, programme=programme, service=service, answers=answers, created_at=NOW, updated_at=at)


def say(
    store: Store, number: int, person: PersonKey = WANG, *, text: str = "你好", effects: tuple[Effect, ...] = (), **changes: object
) -> Session:
    """Commit a turn that changes the session so; the session as it should now be."""
    before = store.load(person)
    after = replace(before, revision=before.revision + 1, **changes)  # type: ignore[arg-type]
    turn = Turn(session=after, replies=(reply(f"答{number}"),), stored_text=text, effects=effects)
    assert store.commit(message(number, person, text), turn, before.revision) == turn.replies
    return after


def forget_by_message(store: Store, number: int, person: PersonKey = WANG) -> tuple[Reply, ...]:
    before = store.load(person)
    turn = Turn(
        session=Session(person=person, revision=before.revision + 1),
        replies=(Reply(text="已全部删除"),),
        stored_text="",
        effects=(Effect(kind="forget"),),
    )
    return store.commit(message(number, person, "是"), turn, before.revision)
