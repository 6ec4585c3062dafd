"""What do staff see of drafts and of questions? One line in a list, one page in full; sensitive values masked."""

from bot.handle import SHANGHAI, Desk
from bot.html import moment_of
from bot.staff import naming
from bot.staff.marking import MARK_WORDS
from flows.extract import mask_text
from flows.position import Case, case_of, lines, progress
from flows.say import word
from flows.types import Session
from flows.unanswered import Asked, Group, grouped
from knowledge.text import clean
from storage.inbox import QuestionState, questions
from storage.listing import Listed
from storage.store import DraftRow


def _case(desk: Desk, row: DraftRow) -> Case | None:
    draft = row.draft
    session = Session(person=row.person, programme=draft.programme, service=draft.service, drafts=(draft,))
    try:
        return case_of(desk.assistant, session, desk.today())
    except (KeyError, StopIteration):
        return None


def missed_questions(desk: Desk, state: QuestionState = "pending") -> tuple[Group, ...]:
    """The questions in that state that were not answered or got a thumb down, grouped by likeness, most often missed first.

    What is private is masked also where the person had agreed to its being kept.
    """
    with desk.store.reading() as db:
        rows = questions(db, state)
    private = desk.assistant.private
    return grouped(
        Asked(row=row.row, kind=row.kind, text=mask_text(private, row.text), facts=row.facts, programme=row.programme)
        for row in reversed(rows)
    )


def question_line(group: Group) -> str:
    """How often not answered, thumbs down, thumbs up, the question, the nearest facts: one line, parted by tabs."""
    return "\t".join((f"{group.unanswered}×", f"👎{group.down}", f"👍{group.up}", group.text, "、".join(group.facts)))


def listed_line(desk: Desk, line: Listed) -> str:
    """Id, service, name, how far, verdict, last change, mark, who looks after it: one line, parted by tabs."""
    outcome = word("outcome", line.outcome) if line.outcome else ""
    told = (naming.service_name(desk.assistant.library, line), naming.title(line), f"{line.done}/{line.total}", outcome)
    noted = (moment_of(line.changed_at), MARK_WORDS.get(line.mark, ""), line.assignee)
    return "\t".join((line.draft, *(" ".join(clean(text).split()) for text in (*told, *noted))))


def draft_line(desk: Desk, row: DraftRow) -> str:
    """Id, service, unit, how far, verdict, last change: one line, parted by tabs."""
    case, draft = _case(desk, row), row.draft
    changed = f"{draft.updated_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    if case is None:
        return "\t".join((draft.id, draft.programme, draft.service, changed))
    done, total = progress(case)
    outcome = word("outcome", case.verdict.outcome) if case.verdict else ""
    unit = str(case.values.get("unit_name") or case.values.get("station_name") or "")
    return "\t".join((draft.id, case.programme.short, case.service.name, unit, f"{done}/{total}", outcome, changed))


def draft_text(desk: Desk, row: DraftRow) -> str:
    """Whose draft it is, its answers and findings with their clauses."""
    case = _case(desk, row)
    head = [f"{row.draft.id}  {row.person.channel} {row.person.sender}", draft_line(desk, row)]
    if case is None:
        return "\n".join(head)
    found = case.verdict.findings if case.verdict else ()
    clauses = [(f, f.citations[0]) for f in found]
    judged = [f"{word('result', f.result)}  {f.label}（{c.document} {c.article}：“{c.quote}”）" for f, c in clauses]
    return "\n".join([*head, *lines(case), *judged])
