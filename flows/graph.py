"""What does a service's conversation look like? A Mermaid flowchart drawn from the data itself, for staff and policy officers."""

from collections.abc import Iterator
from dataclasses import dataclass

from knowledge.types import Field, Programme, Service, Test, Version

_STAGES = {"choose": "选择", "eligibility": "条件", "form": "填表"}
_SIGNS = {"at_least": "≥", "more_than": "＞", "at_most": "≤", "less_than": "＜", "equals": "＝"}
_CONSENTS = {"consent": "同意处理个人信息吗？", "bank_consent": "同意单独处理银行信息吗？"}
_ENDS = {"form": "生成表格与材料清单（草稿，不是申请）", "sheet": "生成信息表与材料清单（草稿，不是申请）", "nothing": "给出结果"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """A node that is passed in order; `condition`: only then; `needs`: the consent without which it stays blank."""

    stage: str
    node: str
    shape: str
    condition: Test | None = None
    needs: str = ""


def mermaid(programme: Programme, service: Service) -> str:
    """The flow of one service as Mermaid text: force, stages, each field with its condition, consents, verdict, review, end."""
    version = next((v for v in programme.versions if any(s is service for s in v.services)), programme.latest)
    steps = _steps(service)
    labels = {field.key: field.label for field in service.fields}
    lines = ["flowchart TD", f'  start(["{_text(programme.name)} · {_text(service.name)}"])', *_force(version, service, steps[0].node)]
    return "\n".join([*lines, *_stages(steps), *_edges(steps, labels), *_end(service)]) + "\n"


def _force(version: Version, service: Service, first: str) -> Iterator[str]:
    """Whether it is in force and its window open comes before all questions; a no may be passed as preparation."""
    until = f"至 {version.valid_to}" if version.valid_to else "文件未写终止日"
    windows = "；".join(_text(window.text) for window in service.windows) or "文件未写"
    yield f'  open{{"在有效期和申报期内吗？<br/>有效期：{until}<br/>申报期：{windows}"}}'
    yield '  proceed_closed{"已失效或不在申报期：仍要准备吗？"}'
    yield '  stopped(["暂不办理，草稿保留"])'
    yield "  start --> open"
    yield f"  open -- 是 --> {first}"
    yield "  open -- 否 --> proceed_closed"
    yield f"  proceed_closed -- 是，仅供准备 --> {first}"
    yield "  proceed_closed -- 否 --> stopped"


def _steps(service: Service) -> list[_Step]:
    """The questions in order; the verdict follows the last fact, a consent stands before the first field that needs it."""
    steps: list[_Step] = []
    facts = [field for field in service.fields if field.stage != "form"]
    for field in (*facts, None, *(field for field in service.fields if field.stage == "form")):
        if field is None:
            steps += [_Step(stage="eligibility", node="verdict", shape=_verdict(service))] if service.judged else []
            continue
        needs = "bank_consent" if field.sensitive else "consent" if field.personal else ""
        if needs and needs not in [step.node for step in steps]:
            steps.append(_Step(stage=field.stage, node=needs, shape=f'{needs}{{"{_CONSENTS[needs]}"}}'))
        steps.append(_Step(stage=field.stage, node=f"f_{field.key}", shape=_box(field), condition=field.only_if, needs=needs))
    return steps


def _verdict(service: Service) -> str:
    return 'verdict{"评定等级"}' if service.grades else f'verdict{{"{len(service.rules)} 条书面条件的结果"}}'


def _box(field: Field) -> str:
    notes = [word for word, holds in (("可不填", field.optional), ("想答才问", field.on_request)) if holds]
    note = f"（{'，'.join(notes)}）" if notes else ""
    return f'f_{field.key}["{_text(field.label)}{note}<br/>{field.key} · {field.kind}"]'


def _stages(steps: list[_Step]) -> Iterator[str]:
    for stage, title in _STAGES.items():
        shapes = [step.shape for step in steps if step.stage == stage]
        if shapes:
            yield f'  subgraph {stage}["{title}"]'
            yield from (f"    {shape}" for shape in shapes)
            yield "  end"


def _edges(steps: list[_Step], labels: dict[str, str]) -> Iterator[str]:
    """From each step to those that may follow: past a question whose condition fails, past what a refused consent leaves blank."""
    for index, step in enumerate(steps):
        word = "同意" if step.node in _CONSENTS else "可以继续" if step.node == "verdict" else ""
        yield from _following(step.node, steps[index + 1 :], labels, word)
        if step.node in _CONSENTS:
            rest = [later for later in steps[index + 1 :] if later.needs != step.node]
            yield from _following(step.node, rest, labels, "不同意，留空")
        if step.node == "verdict":
            yield '  proceed_fails{"不符合或属于除外情形：仍要准备吗？"}'
            yield "  verdict -- 不符合 --> proceed_fails"
            yield from _following("proceed_fails", steps[index + 1 :], labels, "是，仅供准备")
            yield "  proceed_fails -- 否 --> stopped"


def _following(node: str, later: list[_Step], labels: dict[str, str], word: str) -> Iterator[str]:
    missed = False
    for step in later:
        parts = [word, _said(step.condition, labels) if step.condition else "否则" if missed else ""]
        yield _edge(node, "；".join(part for part in parts if part), step.node)
        if step.condition is None:
            return
        missed = True
    yield _edge(node, "；".join(part for part in (word, "否则" if missed else "") if part), "review")


def _edge(node: str, label: str, following: str) -> str:
    return f'  {node} -- "{label}" --> {following}' if label else f"  {node} --> {following}"


def _end(service: Service) -> Iterator[str]:
    yield '  review{"核对清单"}'
    yield f'  finish(["{_ENDS[service.produces]}"])'
    yield "  review -- 修改任一项 --> review"
    yield "  review -- 确认 --> finish"


def _said(test: Test, labels: dict[str, str]) -> str:
    """A condition in words: 是否依托建站为是, 活动场次≥4."""
    name = _text(labels.get(test.field, test.field))
    match test.op:
        case "yes" | "no":
            return f"{name}为{'是' if test.op == 'yes' else '否'}"
        case "between":
            return f"{name}在{test.low}到{test.high}之间"
        case "within":
            return f"{name}未满{test.value}"
        case "not":
            return f"并非（{_said(test.tests[0], labels)}）"
        case "all_of" | "any_of" | "at_least_n":
            joined = ("，且" if test.op == "all_of" else "，或").join(_said(part, labels) for part in test.tests)
            return f"以下至少{test.count}项：{joined}" if test.op == "at_least_n" else joined
        case _:
            return f"{name}{_SIGNS[test.op]}{_text(str(test.value))}"


def _text(text: str) -> str:
    """Text that can stand inside a quoted Mermaid label."""
    return text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;").replace("\n", " ")
