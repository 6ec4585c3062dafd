"""Which questions did people ask that the assistant missed, and what became of each? The page, and the export as a question set."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import cast, get_args

from starlette.requests import Request
from starlette.responses import Response

from bot.staff.lines import missed_questions
from bot.staff.question_commands import as_lines
from bot.staff.site import Page, Site, back_to, missing, sent, shown
from bot.staff.talk import number
from flows.unanswered import question_set
from knowledge.facts import topics
from storage import inbox
from storage.accounts import Staff, log
from storage.inbox import QuestionState

HOME = "/staff/questions"
PAGE = 25
TABS = {"pending": "待处理", "done": "已处理", "ignored": "已忽略"}
MOVES = {"done": "题目已处理", "ignored": "题目忽略", "pending": "题目放回"}
"""What a button does, as the log calls it."""


@dataclass(frozen=True, slots=True)
class Questions:
    """The pages."""

    site: Site

    async def show(self, request: Request, staff: Staff) -> Response:
        """The groups of one state, most often missed first."""
        asked = request.query_params
        state, page = _state(asked.get("show", "")), number(asked.get("page", ""), 1) or 1
        found = await asyncio.to_thread(missed_questions, self.site.desk, state)
        some = found[(page - 1) * PAGE : page * PAGE]
        values = {"groups": some, "total": len(found), "page": page, "more": len(found) > page * PAGE, "show": state, "tabs": TABS}
        return shown(request, "questions.html", {**values, "may": staff.may("officer"), "home": HOME, "fact": self._fact})

    async def move(self, request: Request, staff: Staff) -> Response:
        """Put a group on another list: the questions that the page showed, none that came since."""
        form = sent(request)
        before, after, rows = form.get("before", ""), form.get("after", ""), form.get("rows", "").split()
        if before not in TABS or after not in TABS or not rows:
            return missing(request)
        await asyncio.to_thread(self._move, staff, rows, _state(before), _state(after))
        return back_to(f"{HOME}?show={before}")

    async def export(self, request: Request, staff: Staff) -> Response:
        """The groups of one state as JSON Lines."""
        state = _state(request.query_params.get("show", ""))
        content = await asyncio.to_thread(self._export, staff, state)
        name = f"attachment; filename=questions-{state}.jsonl"
        return Response(content, media_type="application/jsonl; charset=utf-8", headers={"Content-Disposition": name})

    def _fact(self, key: str) -> str:
        """A fact as people call it: its programme and its topic."""
        programme, _, topic = key.rpartition("/")
        names: Mapping[str, str] = {p.key: p.short for p in self.site.desk.assistant.library.programmes}
        return " · ".join(filter(None, (names.get(programme, programme), topic_name(topic))))

    def _move(self, staff: Staff, rows: list[str], before: QuestionState, after: QuestionState) -> None:
        with self.site.desk.store.writing() as db:
            moved = inbox.settle(db, rows, before, after)
            log(db, staff, MOVES[after], rows[0], f"{moved} 条")

    def _export(self, staff: Staff, state: QuestionState) -> bytes:
        lines = list(question_set(missed_questions(self.site.desk, state)))
        with self.site.desk.store.writing() as db:
            log(db, staff, "导出题集", TABS[state], f"{len(lines)} 个问法")
        return as_lines(lines)


@cache
def topic_name(topic: str) -> str:
    """A topic as it is said."""
    known = topics()["topics"].get(topic)
    return str(known["name"]) if known else topic


def pages(site: Site) -> tuple[Page, ...]:
    """Its pages."""
    made = Questions(site)
    return (
        Page(HOME, made.show, label="问题"),
        Page(f"{HOME}/move", made.move, ("POST",), "officer"),
        Page(f"{HOME}/export", made.export, role="officer"),
    )


def _state(text: str) -> QuestionState:
    return cast(QuestionState, text) if text in get_args(QuestionState) else "pending"
