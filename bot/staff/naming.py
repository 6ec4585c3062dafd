"""How does the list of drafts call things? Programmes, services, stages, fields and people in words, also where data has changed since."""

from collections.abc import Mapping

from bot.remind_ways import CHANNELS as REACHED
from bot.staff.marking import MARK_WORDS, name_of
from flows.say import word
from flows.types import Outcome
from knowledge.types import Library
from storage.listing import NOBODY, Filter, Listed

STAGES: Mapping[str, str] = {"choose": "选类型", "eligibility": "核对条件", "form": "填表", "review": "等本人确认", "done": "填完"}
OUTCOMES: tuple[Outcome, ...] = ("meets", "discretionary", "open", "fails", "closed")
CHANNELS: Mapping[str, str] = {**REACHED, "counter": "柜台"}
UNREADABLE = "读不出来"
"""A stage for what is not there any more or was damaged."""
UNNAMED = "还没填名称"
LABELS: Mapping[str, str] = {
    "programme": "项目",
    "service": "事项",
    "stage": "进度",
    "outcome": "判断",
    "channel": "渠道",
    "mark": "标记",
    "assignee": "负责人",
    "missing": "缺",
    "since": "改动不早于",
    "until": "改动不晚于",
    "due_from": "截止不早于",
    "due_to": "截止不晚于",
    "words": "找",
}
"""Of the filter's conditions."""


def choices(library: Library) -> dict[str, dict[str, str]]:
    """What each condition that is chosen from a list may be: value → label."""
    versions = [version for programme in library.programmes for version in programme.versions]
    services: dict[str, list[str]] = {}
    for one in (service for version in versions for service in version.services):
        services.setdefault(one.key, []).append(one.name)
    fields = [field for version in versions for service in version.services for field in service.fields]
    return {
        "programme": {programme.key: programme.name for programme in library.programmes},
        "service": {key: "／".join(dict.fromkeys(names)) for key, names in services.items()},
        "stage": dict(STAGES),
        "outcome": {one: word("outcome", one) for one in OUTCOMES},
        "channel": dict(CHANNELS),
        "mark": {**MARK_WORDS, NOBODY: "没有标记"},
        "missing": {field.key: field.label for field in fields if not field.optional and not field.on_request},
    }


def conditions(wanted: Filter, known: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str, str]]:
    """The filter's conditions that are set: name, what it is about, and its value in words."""
    found: list[tuple[str, str, str]] = []
    for name, label in LABELS.items():
        value = str(getattr(wanted, name) or "")
        if value:
            nobody = "没有人" if name == "assignee" and value == NOBODY else value
            found.append((name, label, known.get(name, {}).get(value, nobody)))
    return found


def title(line: Listed) -> str:
    """The name under which a draft is listed."""
    return line.station or line.unit or UNNAMED


def service_name(library: Library, line: Listed) -> str:
    """Programme and service, short."""
    return name_of(library, line.programme, line.service, short=True)


def stage(line: Listed) -> str:
    """How far it is, in a word."""
    return STAGES.get(line.stage, UNREADABLE)
