"""What follows from the answers by itself? An exclusion told at once, the verdict when the facts are complete or it turned."""

from flows import telling
from flows.exchange import Exchange
from flows.position import Case, Position, excluded
from flows.types import Verdict


def tell_outcome(x: Exchange, after: Position) -> None:
    """Tell an exclusion at once, the verdict when the facts are complete, and a verdict that a change turned."""
    case = x.case
    if case is None:
        return
    if excluded(case) and not case.draft.has("excluded_told"):
        _tell_exclusion(x, case)
    if not excluded(case) and case.draft.has("excluded_told"):
        x.drop("excluded_told")
    if _facts_complete(case, after):
        _tell_verdict(x)


def _facts_complete(case: Case, after: Position) -> bool:
    open_facts = any(f.stage in ("choose", "eligibility") and f.key not in case.values for f in case.fields)
    return not open_facts or after.stage in ("form", "review", "done")


def _tell_exclusion(x: Exchange, case: Case) -> None:
    x.put_aside("excluded_told", True)
    for finding in case.verdict.findings if case.verdict else ():
        if finding.strength == "exclusion" and finding.result == "unmet":
            x.tell("exclusion_hit", cite=finding.citations, quote=finding.citations[0].quote, remedy=finding.remedy)


def _tell_verdict(x: Exchange) -> None:
    """Once when the facts are complete, and again whenever the outcome or a grade differs from what was told."""
    case = x.case
    if case is None:
        return
    told, now = case.draft.value("verdict_told"), _summary(case.verdict) if case.service.judged else _facts(case)
    if told == now and case.draft.has("verdict_told"):
        return
    telling.verdict(x, case, changed=case.draft.has("verdict_told"))
    if not case.service.judged:
        _tell_sheet(x, case)
    if case.service.produces == "nothing":
        x.tell("grade_end")
    x.put_aside("verdict_told", now)


def _summary(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    grade = f"{verdict.grade.grade}{verdict.grade.short_of_next}" if verdict.grade else ""
    return f"{verdict.outcome}:{grade}:{','.join(f.rule for f in verdict.findings if f.result != 'met')}"


def _facts(case: Case) -> str:
    return ",".join(f"{f.key}={case.values.get(f.key)}" for f in case.fields if f.stage == "eligibility")


def _tell_sheet(x: Exchange, case: Case) -> None:
    telling.rank_and_score(x, case)
    telling.unmatched(x, case)
