"""What happens to one message, whatever channel it came by: seen before? → load → flows.turn → files → commit → replies."""

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bot import continuation
from bot.export.files import folder_beside, tidy
from bot.kept import settle, with_kept
from flows.assistant import Assistant
from flows.conversation import turn
from flows.documents import Rendered, render
from flows.position import case_of
from flows.types import Effect, File, Message, PersonKey, Reply, Session, Turn
from storage.store import Conflict, Push, Store, StoreError

SHANGHAI = ZoneInfo("Asia/Shanghai")
BUSY = "系统暂时存不下您的回答，请稍后再试；刚才这一条没有记下，之前的都还在。"
Observer = Callable[[str, str, float], None]
"""Is told of every message: channel, outcome (`answered`, `repeated`, `refused`, `busy`), seconds it took."""
ATTEMPTS = 5
"""How often a turn is repeated when another message of the same person came first."""


def today() -> date:
    """The day it is in China."""
    return datetime.now(SHANGHAI).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything a message needs: the assistant, the store, where files are written, and which day it is."""

    assistant: Assistant
    store: Store
    files: Path
    today: Callable[[], date] = today
    observer: Observer = lambda channel, outcome, seconds: None


def handle(desk: Desk, message: Message) -> Turn:
    """Answer one message. A repeated id gets the stored replies; a store that fails gets a plain word and nothing half written."""
    try:
        return answered(desk, message)
    except StoreError:
        return Turn(session=Session(person=message.person), replies=(Reply(text=BUSY),), stored_text="")


def answered(
    desk: Desk,
    message: Message,
    *,
    reads: Callable[[Session], str | None] | None = None,
    queues: Callable[[Session, Turn], Sequence[Push]] = lambda before, made: (),
) -> Turn:
    """Answer one message, as `handle`, but StoreError where the store fails.

    `reads` says what the message means to that session; None: nothing, and nothing changes. `queues` makes the pushes that are kept in
    the turn's transaction, from the session before and the turn.
    """
    began, outcome = time.perf_counter(), "busy"
    try:
        made, outcome = _answered(desk, message, reads, queues)
        return made
    finally:
        desk.observer(message.channel, outcome, time.perf_counter() - began)


def _answered(
    desk: Desk,
    message: Message,
    reads: Callable[[Session], str | None] | None,
    queues: Callable[[Session, Turn], Sequence[Push]],
) -> tuple[Turn, str]:
    for _ in range(ATTEMPTS):
        stored = desk.store.replies(message)
        session = desk.store.load(message.person)
        if stored is not None:
            return Turn(session=session, replies=stored, stored_text=""), "repeated"
        text = message.text if reads is None else reads(session)
        if text is None:
            return Turn(session=session, replies=(), stored_text=""), "refused"
        said = message if reads is None else replace(message, text=text)
        made, shown = with_kept(desk, _act(desk, _turn(desk, session, said)))
        try:
            replies = desk.store.commit(said, made, session.revision, queues(session, made))
        except Conflict:
            continue
        _after(desk, session, made)
        settle(desk.store, shown)
        return replace(made, replies=replies), "answered"
    raise StoreError("another message of the same person kept coming first; send it again")


def _turn(desk: Desk, session: Session, said: Message) -> Turn:
    today, new_id = desk.today(), secrets.token_hex(16)
    brought = continuation.turn_of(desk.store, desk.assistant, session, said, today, new_id)
    return brought or turn(desk.assistant, session, said, today=today, new_id=new_id)


def _act(desk: Desk, made: Turn) -> Turn:
    """Write the files that the turn asks for, before it is committed: a receipt never names a file that is not there."""
    for effect in made.effects:
        if effect.kind == "render":
            made = _with_files(desk, made, effect)
    return made


def _with_files(desk: Desk, made: Turn, effect: Effect) -> Turn:
    case = case_of(desk.assistant, made.session, desk.today())
    if case is None:
        return made
    rendered = render(
        case.programme, case.version, case.service, case.values, preparation=case.preparation, today=desk.today(), verdict=case.verdict
    )
    files = write(desk.files / effect.draft, rendered)
    index = int(effect.text)
    replies = (*made.replies[:index], replace(made.replies[index], files=files), *made.replies[index + 1 :])
    return replace(made, replies=replies)


def write(folder: Path, rendered: tuple[Rendered, ...]) -> tuple[File, ...]:
    """Write the documents, readable by the owner alone; each appears whole or not at all."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in folder.iterdir():
            if old.name not in {r.name for r in rendered}:
                old.unlink()
        return tuple(_write_one(folder, document) for document in rendered)
    except OSError as error:
        raise StoreError(f"{folder}: a document could not be written ({error.strerror}); free space or mend the rights") from error


def _write_one(folder: Path, document: Rendered) -> File:
    path, part = folder / document.name, folder / f".{secrets.token_hex(8)}"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(document.content)
    part.replace(path)
    return File(kind=document.kind, name=document.name, path=str(path.resolve()))


def _after(desk: Desk, before: Session, made: Turn) -> None:
    """Remove files of somebody who asked for it, once that is committed."""
    if any(effect.kind in ("forget", "erase") for effect in made.effects):
        remove_files(desk.files, [draft.id for draft in before.drafts])
        take_back_exports(desk)


def remove_files(files: Path, draft_ids: list[str]) -> None:
    """Delete the documents of these drafts."""
    for draft_id in draft_ids:
        shutil.rmtree(files / draft_id, ignore_errors=True)


def forget(desk: Desk, person: PersonKey) -> bool:
    """Delete a person's data and documents; False when there was nothing."""
    drafts = list(desk.store.draft_ids(person))
    found = desk.store.forget(person)
    remove_files(desk.files, drafts)
    take_back_exports(desk)
    return found


def take_back_exports(desk: Desk) -> None:
    """Remove the files of exports that held somebody who is gone. The store has said so already: what fails now is done within a minute."""
    with contextlib.suppress(StoreError, OSError):
        tidy(desk.store, folder_beside(desk.files))


def sweep(desk: Desk) -> None:
    """Remove documents of drafts that are gone, and exports that hold them: a kill between a deletion and that leaves them behind."""
    take_back_exports(desk)
    for folder in desk.files.iterdir() if desk.files.is_dir() else ():
        if folder.is_dir() and desk.store.draft(folder.name) is None:
            shutil.rmtree(folder, ignore_errors=True)


def as_json(made: Turn) -> Mapping[str, object]:
    """One turn as `chat --json` prints it."""
    draft, verdict, asking = made.session.draft, made.verdict, made.asking
    return {
        "replies": [_reply_json(r) for r in made.replies],
        "asking": asking and {"field": asking.field, "kind": asking.kind, "unit": asking.unit, "choices": _options(asking.choices)},
        "programme": made.session.programme,
        "service": made.session.service,
        "stage": made.stage,
        "progress": {"done": made.progress[0], "total": made.progress[1]},
        "verdict": verdict and _verdict_json(made),
        "draft": draft and {"id": draft.id, "values": made.values},
    }


def _options(choices: tuple[object, ...]) -> list[dict[str, str]]:
    return [{"value": c.value, "label": c.label} for c in choices]  # type: ignore[attr-defined]  # Option


def _reply_json(reply: Reply) -> dict[str, object]:
    citations = [{"programme": c.programme, "document": c.document, "article": c.article, "quote": c.quote} for c in reply.citations]
    files = [{"kind": f.kind, "name": f.name, "path": f.path} for f in reply.files]
    return {"text": reply.text, "choices": _options(reply.choices), "citations": citations, "files": files}


def _verdict_json(made: Turn) -> dict[str, object]:
    verdict = made.verdict
    if verdict is None:
        return {}
    findings = [
        {"rule": f.rule, "strength": f.strength, "result": f.result, "article": f.citations[0].article, "quote": f.citations[0].quote}
        for f in verdict.findings
    ]
    shown: dict[str, object] = {"outcome": verdict.outcome, "findings": findings}
    if made.session.service and (verdict.grade is not None or verdict.graded):
        grade = verdict.grade
        shown["grade"] = grade and {
            "grade": grade.grade,
            "ceiling": grade.ceiling,
            "next": grade.next,
            "short_of_next": grade.short_of_next,
        }
    return shown
