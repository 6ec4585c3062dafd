"""What is told about an application: whether it is open, the verdict, the receipt. Reads a case, decides nothing."""

from flows.deadlines import due
from flows.eligibility import evaluate
from flows.exchange import Exchange
from flows.position import Case, lines, progress, taken_here, unanswered
from flows.say import day, say, word, yuan
from flows.types import Finding, GradeResult, Verdict
from knowledge.types import Citation, Money, Office, Version


def reachable(version: Version) -> list[Office]:
    """Offices with a telephone that the document gives."""
    return [office for office in version.offices if office.phone]


def competent(version: Version) -> str:
    """The office to ask where no telephone is given."""
    return version.offices[0].name if version.offices else word("operator")


def whom_to_ask(version: Version) -> tuple[str, tuple[Citation, ...]]:
    """Whom to call, with the citation."""
    offices = reachable(version)
    if offices:
        return say("whom_to_ask", offices=offices), tuple(c for o in offices for c in o.cite)
    cite = version.offices[0].cite if version.offices else ()
    return say("whom_unknown", name=competent(version)), cite


def availability(x: Exchange, case: Case) -> None:
    """Say at once whether one can apply that day, and whom to ask if not."""
    state, window, force = case.available.state, case.available.window, case.version.force
    if state == "open":
        cite = force.cite + (window.cite if window else ())
        text = say("open_force", force=force.text)
        if window:
            text += say("open_window", window=window.text, whose=window.whose)
        x.add(text, cite)
        return
    ask, ask_cite = whom_to_ask(case.version)
    if state == "window_closed" and window:
        text = say("closed_window", window=window.text, whose=window.whose, today=day(x.today))
        x.add(text + ask, window.cite + ask_cite)
        return
    x.add(say(f"closed_{state}", force=force.text, today=day(x.today)) + ask, force.cite + ask_cite)


def _finding(key: str, finding: Finding) -> str:
    first = finding.citations[0]
    return say(key, f=finding, article=first.article, quote=first.quote)


def verdict(x: Exchange, case: Case, *, changed: bool = False) -> None:
    """Tell the verdict: what is unmet and how to mend it, what is open, what is met, and that nothing is promised."""
    found = case.verdict
    if found is None or not case.service.judged:
        return
    parts = [say("verdict_changed")] if changed else []
    parts += [_head(found), *_grade_lines(case, found), *_finding_lines(case, found)]
    if case.service.competitive and found.outcome in ("meets", "discretionary", "open"):
        parts.append(say("verdict_competitive", text="".join(s.text for s in case.service.competitive)))
    if any(f.on_request and f.key not in case.values for f in case.service.fields):
        parts.append(say("preferred_offer"))
    cite = tuple(c for f in found.findings for c in f.citations[:1]) + _grade_cite(case, found.grade)
    x.add("\n".join(filter(None, parts)), cite + tuple(c for s in case.service.competitive for c in s.cite))


def _head(found: Verdict) -> str:
    strong = ("must", "exclusion") if found.outcome == "fails" else ("must", "exclusion", "should")
    unmet = [f for f in found.findings if f.result == "unmet" and f.strength in strong]
    if found.grade and found.outcome in ("fails", "meets"):
        return ""
    unknown = [f for f in found.findings if f.result == "unknown"]
    if found.outcome == "open" and not unknown:
        return say("grade_unknown")
    return say(f"verdict_{found.outcome}", unmet=unmet, unknown=unknown)


def _finding_lines(case: Case, found: Verdict) -> list[str]:
    unmet = [_finding("verdict_unmet", f) for f in found.findings if f.result == "unmet"]
    unknown = [_finding("verdict_unknown", f) for f in found.findings if f.result == "unknown"]
    met = [f.label for f in found.findings if f.result == "met" and f.strength != "exclusion"]
    clear = [f.label for f in found.findings if f.result == "met" and f.strength == "exclusion"]
    open_labels = [f.label for f in case.fields if f.key in found.open_fields]
    parts = unmet + unknown + ([say("verdict_met", labels=met)] if met else []) + ([say("verdict_clear", labels=clear)] if clear else [])
    if found.outcome == "open" and open_labels:
        parts.append(say("verdict_open_fields", labels=open_labels))
    notes: dict[str, list[str]] = {}
    for f in found.findings:
        if f.note and f.result != "unknown":
            notes.setdefault(f.note, []).append(f.label)
    return parts + [say("finding_note", labels=labels, note=note) for note, labels in notes.items()]


def _grade_lines(case: Case, found: Verdict) -> list[str]:
    grade = found.grade
    if grade is None:
        return []
    unit = case.service.grades[0].unit
    if grade.grade == case.service.fail_grade:
        return [say("grade_fail", g=grade, unit=unit)]
    money = _grade_money(case, grade)
    amount = yuan(grade.ceiling)
    ceiling = "" if not grade.ceiling else amount if money and money.kind == "fixed" else say("money_ceiling", amount=amount)
    return [say("grade", g=grade, suffix="" if grade.grade.endswith("级") else "级", ceiling=ceiling, unit=unit)]


def _grade_money(case: Case, grade: GradeResult) -> Money | None:
    key = next((g.money for g in case.service.grades if g.name == grade.grade), "")
    return next((m for m in case.version.money if m.id == key), None)


def _grade_cite(case: Case, grade: GradeResult | None) -> tuple[Citation, ...]:
    if grade is None:
        return ()
    own = tuple(c for g in case.service.grades if g.name in (grade.grade, grade.next) for c in g.cite)
    money = _grade_money(case, grade)
    return own + (money.cite if money else ())


def rank_and_score(x: Exchange, case: Case) -> None:
    """What a rank or a score of an assessment means in money or consequence, as the document says it."""
    rank = case.values.get("award_rank")
    by_rank = sorted((m for m in case.version.money if m.kind == "by_rank" and m.rank), key=lambda m: m.rank or 0)
    if isinstance(rank, int) and by_rank:
        hit = next((m for m in by_rank if m.rank == rank), None)
        if hit and hit.amount:
            x.tell("money_rank", cite=hit.cite, rank=rank, label=hit.label, amount=yuan(hit.amount))
        else:
            x.tell("money_rank_none", cite=by_rank[0].cite, rank=rank, first=by_rank[0].rank, last=by_rank[-1].rank)
    if "score" in case.values and case.values["score"] is not None:
        for statement in case.version.assessment:
            if "score" in statement.services or statement.id.startswith("score"):
                x.add(statement.text, statement.cite)


def unmatched(x: Exchange, case: Case) -> None:
    """Name what fits no line of an assessment sheet: its result cells stay blank."""
    form = next((f for f in case.version.forms if f.key == case.service.form), None)
    groups: dict[str, list[bool | None]] = {}
    for row in form.rows if form else ():
        heading = next((c.label for c in row if c.rows > 1 and c.label), "") or next(reversed(groups), "")
        marks = [evaluate(c.mark, case.values, x.today) for c in row if c.mark is not None]
        if marks:
            groups.setdefault(heading, []).extend(marks)
    blank = [heading for heading, marks in groups.items() if True not in marks]
    if blank:
        x.tell("sheet_unmatched", labels=blank)


def receipt(x: Exchange, case: Case) -> None:
    """Say that this is a draft, who seals and forwards it, where it goes, by when."""
    body = [f"· {s.text}" for s in case.service.receipt]
    cite = tuple(c for s in case.service.receipt for c in s.cite)
    text = say("receipt", lines="\n".join(body))
    dates = due(case.service, case.values)
    if dates:
        told = "；".join(f"{d.label} {day(d.day)}{f'（{d.whose}）' if d.whose else ''}" for d in dates)
        text += "\n" + say("receipt_dates", lines=told)
        cite += tuple(c for d in dates for c in d.citations)
    x.add(text + "\n" + say("done_hint"), cite)


def files_made(x: Exchange, case: Case) -> None:
    """Announce the files; the handler attaches them to this reply."""
    form = next((f.name for f in case.version.forms if f.key == case.service.form), "")
    x.tell("files_made", form=form or case.service.name, preparation=case.preparation)


def left_blank(x: Exchange, case: Case) -> None:
    """Name the fields that stay blank because the person's channel does not take them."""
    blank = [f.label for f in case.fields if case.values.get(f.key) is None and not taken_here(x.assistant, x.session, f)]
    if blank:
        x.tell("channel_blank", labels=blank)


def review(case: Case) -> str:
    """The numbered answers and what is missing, to be confirmed."""
    done, total = progress(case)
    return say("review", total=total, done=done, lines="\n".join(lines(case)), missing=unanswered(case))


def status(case: Case) -> str:
    """How far the form is filled, and with what."""
    done, total = progress(case)
    return say("status", done=done, total=total, lines="\n".join(lines(case)), missing=unanswered(case))


def policy_change(before: dict[str, str], case: Case) -> str:
    """What changed in the judgement since the data changed; `before` as `judged` gives it."""
    after = dict(judged(case))
    told = []
    if before.get("outcome", "") != after.get("outcome", ""):
        shown = [word("outcome", o) if (o := state.get("outcome", "")) else word("unknown") for state in (before, after)]
        told.append(say("change_outcome", before=shown[0], after=shown[1]))
    for finding in case.verdict.findings if case.verdict else ():
        old = before.get(finding.rule)
        if old is None:
            told.append(say("change_new", label=finding.label, after=word("result", finding.result)))
        elif old != finding.result:
            told.append(say("change_rule", label=finding.label, before=word("result", old), after=word("result", finding.result)))
    told += [say("change_gone") for key in before if key not in after and key != "outcome"]
    return say("policy_changed", lines=told)


def judged(case: Case) -> tuple[tuple[str, str], ...]:
    """The judgement in a form that can be compared later."""
    if case.verdict is None:
        return ()
    return (("outcome", case.verdict.outcome), *((f.rule, f.result) for f in case.verdict.findings))
