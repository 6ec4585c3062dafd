"""The drawing of a flow holds all that is asked, and every box can be reached and left."""

import re
from pathlib import Path

import pytest

from flows.graph import mermaid
from knowledge.load import load
from knowledge.types import Library, Programme, Service

SAMPLE = Path(__file__).parent / "fixtures" / "sample"
EDGE = re.compile(r'^  (\w+)(?: -- (?:"(.*?)"|(.*?)))? --> (\w+)$')
NODE = re.compile(r"^ +(\w+)(?:\[|\(|\{)")


def drawn(programme: Programme, service: Service) -> tuple[set[str], list[tuple[str, str, str]]]:
    lines = mermaid(programme, service).splitlines()
    edges = [(m[1], m[2] or m[3] or "", m[4]) for line in lines if (m := EDGE.match(line))]
    return {m[1] for line in lines if (m := NODE.match(line))}, edges


def reached(start: str, edges: list[tuple[str, str, str]], backwards: bool = False) -> set[str]:
    pairs = [(b, a) if backwards else (a, b) for a, _, b in edges]
    found, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        for there in {b for a, b in pairs if a == here} - found:
            found.add(there)
            waiting.append(there)
    return found


def services(library: Library) -> list[tuple[Programme, Service]]:
    return [(p, s) for p in library.programmes for v in p.versions for s in v.services]


def test_every_field_of_every_service_is_drawn(library: Library) -> None:
    found = services(library)
    assert len(found) == 8
    for programme, service in found:
        nodes, _ = drawn(programme, service)
        assert service.fields
        assert {f"f_{field.key}" for field in service.fields} <= nodes


def test_every_box_is_reached_from_the_start_and_leads_to_the_end(library: Library) -> None:
    for programme, service in services(library):
        nodes, edges = drawn(programme, service)
        assert reached("start", edges) == nodes
        assert reached("finish", edges, backwards=True) | {"stopped"} == nodes


def test_nothing_leads_to_a_box_that_is_not_drawn(library: Library) -> None:
    for programme, service in services(library):
        nodes, edges = drawn(programme, service)
        assert {a for a, _, _ in edges} | {b for _, _, b in edges} == nodes


def test_every_line_is_mermaid_of_a_known_shape(library: Library) -> None:
    for programme, service in services(library):
        first, *rest = mermaid(programme, service).splitlines()
        assert first == "flowchart TD"
        for line in rest:
            assert EDGE.match(line) or NODE.match(line) or line.strip() == "end" or line.startswith("  subgraph "), line
            assert line.count('"') % 2 == 0


def test_a_conditional_question_is_entered_on_its_condition_and_passed_by_otherwise() -> None:
    programme = load(SAMPLE).programmes[0]
    _, edges = drawn(programme, programme.latest.services[0])
    assert ("f_has_host", "是否依托建站为是", "f_host_name") in edges
    assert ("f_has_host", "否则", "consent") in edges


def test_consent_stands_before_personal_fields_and_a_no_leaves_them_blank() -> None:
    programme = load(SAMPLE).programmes[0]
    _, edges = drawn(programme, programme.latest.services[0])
    assert ("consent", "同意", "f_leader_mobile") in edges
    assert ("consent", "不同意，留空", "f_activities") in edges
    assert {a for a, _, b in edges if b == "f_leader_mobile"} == {"consent"}


def test_a_failed_verdict_can_be_passed_as_preparation_only() -> None:
    programme = load(SAMPLE).programmes[0]
    _, edges = drawn(programme, programme.latest.services[0])
    assert ("verdict", "不符合", "proceed_fails") in edges
    assert ("proceed_fails", "是，仅供准备", "f_unit_name") in edges
    assert ("proceed_closed", "是，仅供准备", "f_station_type") in edges


def test_a_service_without_verdict_has_none_drawn(library: Library) -> None:
    found = [(p, s) for p, s in services(library) if not s.judged]
    assert found
    for programme, service in found:
        assert "verdict" not in drawn(programme, service)[0]


@pytest.mark.parametrize("sign", ['"', "<", ">", "&"])
def test_signs_of_mermaid_in_a_label_are_escaped(sign: str) -> None:
    from flows.graph import _text

    assert sign not in _text(f"甲{sign}乙")
