"""Do dates, versions, windows and grades stand in an order that can be true?"""

import itertools
import re
from collections.abc import Iterator

from knowledge.defects import Defect
from knowledge.records import walk
from knowledge.sources import Shelf, Volume
from knowledge.text import squeeze
from knowledge.types import Deadline, Grade, Service, Test, Version, Window

Problem = tuple[str, str, str]
_PERIOD = re.compile(r"P[1-9]\d*[YMWD]")


def prove(volume: Volume) -> Iterator[Defect]:
    """A defect for each date, window, period or grade that contradicts another."""
    version = volume.version
    found = [*_validity(version)]
    for service in version.services:
        found += [(f"services.{service.key}.{key}", problem, remedy) for key, problem, remedy in _service(service, version)]
    for key, problem, remedy in found:
        yield Defect(file=volume.file, key=key, problem=problem, remedy=remedy)


def prove_versions(shelf: Shelf) -> Iterator[Defect]:
    """A defect for each two versions of a programme that hold on the same day."""
    for programme in shelf.library.programmes:
        volumes = [next(v for v in shelf.volumes if v.version is version) for version in programme.versions]
        for earlier, later in itertools.pairwise(volumes):
            end, start = earlier.version.valid_to, later.version.valid_from
            if end is None or start is None or end >= start:
                problem = f"与 {earlier.file} 的有效期重叠（{earlier.file} 至 {end or '未定'}，本版自 {start or '未定'}）"
                yield Defect(file=later.file, key="valid_from", problem=problem, remedy="前一版的 valid_to 须早于后一版的 valid_from")


def _validity(version: Version) -> Iterator[Problem]:
    if version.valid_from and version.valid_to and version.valid_from > version.valid_to:
        yield "valid_to", f"失效日 {version.valid_to} 早于生效日 {version.valid_from}", "改正两个日期"
    for document in version.documents:
        issued = document.issued_on
        if issued and issued > version.checked_on:
            yield "checked_on", f"核对日 {version.checked_on} 早于文件 {document.key} 的印发日 {issued}", "改正日期"
        if issued and version.valid_to and issued > version.valid_to:
            yield f"documents.{document.key}.issued_on", f"印发日 {issued} 晚于失效日 {version.valid_to}", "改正日期"
    for path, record in walk(version):
        if isinstance(record, Test) and record.op == "within" and not _PERIOD.fullmatch(str(record.value)):
            yield f"{path}.value", f"「{record.value}」不是期限", "写成 P1Y、P6M、P30D 这样的期限"


def _service(service: Service, version: Version) -> Iterator[Problem]:
    for index, window in enumerate(service.windows):
        for name, problem, remedy in _window(window, version):
            yield f"windows.{index}.{name}", problem, remedy
        for other in service.windows[:index]:
            if _overlap(window, other):
                yield f"windows.{index}", "与前一个申报期重叠", "各申报期不得有相同的日子"
    for deadline in service.deadlines:
        for name, problem, remedy in _deadline(deadline, version):
            yield f"deadlines.{deadline.id}.{name}", problem, remedy
    yield from _grades(service.grades, service.fail_grade)
    yield from _order(service)


def _window(window: Window, version: Version) -> Iterator[Problem]:
    if (window.kind == "dated") != bool(window.opens or window.closes):
        yield "kind", f"kind 为 {window.kind}，opens、closes 却{'没写' if window.kind == 'dated' else '写了'}", "dated 写日期，其余不写"
    if (window.kind == "yearly") != bool(window.months):
        yield "months", f"kind 为 {window.kind}，months 却{'没写' if window.kind == 'yearly' else '写了'}", "yearly 写月份，其余不写"
    if window.opens and window.closes and window.opens > window.closes:
        yield "opens", f"开始 {window.opens} 晚于截止 {window.closes}", "改正两个日期"
    if window.opens and version.valid_to and window.opens > version.valid_to:
        yield "opens", f"开始 {window.opens} 晚于失效日 {version.valid_to}", "改正日期"
    if any(not 1 <= month <= 12 for month in window.months) or len(set(window.months)) < len(window.months):
        yield "months", f"月份 {'、'.join(map(str, window.months))} 不对", "写 1–12，不重复"


def _overlap(one: Window, other: Window) -> bool:
    if one.kind != other.kind or one.kind == "notice":
        return False
    if one.kind == "yearly":
        return bool(set(one.months) & set(other.months))
    starts_late = one.opens and other.closes and one.opens > other.closes
    ends_early = one.closes and other.opens and one.closes < other.opens
    return not (starts_late or ends_early)


def _deadline(deadline: Deadline, version: Version) -> Iterator[Problem]:
    if (deadline.on is None) == (not deadline.field):
        yield "on", "on 与 field 须恰好写一个", "固定日期写 on，随申请人日期而定的写 field"
    if deadline.field and bool(deadline.period) == (deadline.working_days is not None):
        yield "period", "period 与 working_days 须恰好写一个", "写 period（如 P1Y）或 working_days"
    if deadline.period and not _PERIOD.fullmatch(deadline.period):
        yield "period", f"「{deadline.period}」不是期限", "写成 P1Y、P6M、P30D 这样的期限"
    if deadline.on and version.valid_to and deadline.on > version.valid_to:
        yield "on", f"{deadline.on} 晚于失效日 {version.valid_to}", "改正日期"
    if deadline.on and version.valid_from and deadline.on < version.valid_from:
        yield "on", f"{deadline.on} 早于生效日 {version.valid_from}", "改正日期"


def _grades(grades: tuple[Grade, ...], fail_grade: str) -> Iterator[Problem]:
    for higher, lower in itertools.pairwise(grades):
        if lower.at_least >= higher.at_least:
            yield (
                f"grades.{lower.name}.at_least",
                f"{lower.at_least} 不低于 {higher.name} 级的 {higher.at_least}",
                "从高到低写，门槛逐级降低",
            )
        if lower.field != higher.field:
            yield f"grades.{lower.name}.field", f"与 {higher.name} 级看的字段不同", "各级看同一字段"
    if grades and (not fail_grade or fail_grade in [grade.name for grade in grades]):
        yield "fail_grade", "最低等级以下没有自己的名称", "写上如「不合格」"


def _order(service: Service) -> Iterator[Problem]:
    """Steps that come to the same: a step may not repeat the one before."""
    for index, (one, other) in enumerate(zip(service.steps, service.steps[1:], strict=False), start=1):
        if squeeze(one.actor + one.action) == squeeze(other.actor + other.action):
            yield f"steps.{index}", "与前一步相同", "删去其一"
    for index, step in enumerate(service.steps):
        if step.limit and step.limit.days < 1:
            yield f"steps.{index}.limit.days", f"期限 {step.limit.days} 天", "至少 1 天"
