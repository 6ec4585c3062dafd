"""Checklists: the materials of exactly this case, what is missing, dates, contacts, each line with its source."""

import io
from datetime import date

import pytest
from docx import Document
from docx.table import Table

from flows.checklist import checklist, checklist_paper
from flows.docx import docx
from flows.eligibility import judge
from flows.validity import availability
from knowledge import types
from knowledge.load import library
from knowledge.types import Citation, Deadline, Field, Material, Office, Programme, Service, Statement, Step, Value, Version

CLAUSE = (Citation(programme="p", document="某规〔2022〕5号", article="三（二）", quote="申请单位向市中心提出申请。"),)
HOST = types.Test(op="yes", field="has_host")
TODAY = date(2026, 6, 20)


def field(key: str, label: str, **more: object) -> Field:
    return Field(key=key, label=label, kind=more.pop("kind", "text"), question="？", **more)  # type: ignore[arg-type]


MATERIALS = (
    Material(key="form", name="申请表", original="original", copies=2, seal="单位公章", source="本办法附件", cite=CLAUSE),
    Material(key="licence", name="营业执照", cite=CLAUSE),
    Material(key="deal", name="依托协议", original="copy", only_if=HOST, note="与机构签的", cite=CLAUSE),
)
SERVICE = Service(
    key="s",
    name="认定",
    summary="",
    produces="sheet",
    fields=(
        field("unit_name", "报送单位"),
        field("has_host", "是否依托建站", kind="yes_no"),
        field("host_name", "依托机构名称", only_if=HOST),
        field("ready", "条件", kind="yes_no", stage="eligibility"),
        field("wish", "优选", kind="yes_no", on_request=True),
    ),
    materials=MATERIALS,
    deadlines=(Deadline(id="d", label="县区报送", on=date(2026, 6, 30), whose="这是县区人社局的日期", cite=CLAUSE),),
    receipt=(Statement(id="where", text="交到市中心。", cite=CLAUSE),),
    steps=(Step(actor="市中心", action="初审", cite=CLAUSE),),
    competitive=(Statement(id="c", text="择优认定。", cite=CLAUSE),),
)
OFFICE = Office(key="o", name="市中心", role="受理", phone="0772-0000000", hours="工作日8:30-12:00", cite=CLAUSE)
VERSION = Version(
    force=Statement(id="f", text="有效"),
    checked_on=TODAY,
    documents=(),
    offices=(OFFICE,),
    services=(SERVICE,),
    oddities=(
        Statement(id="o1", text="两个名称不同。", ask="交到哪个窗口？", office="o", cite=CLAUSE),
        Statement(id="o2", text="别的事项。", ask="别的？", services=("other",), cite=CLAUSE),
        Statement(id="o3", text="不用问的。", cite=CLAUSE),
    ),
)
PROGRAMME = Programme(key="p", name="某市人才驿站", short="某市", station="人才驿站", words=(), places=(), versions=(VERSION,))


def made(**values: Value):
    return checklist(PROGRAMME, VERSION, SERVICE, values)


def text(**values: Value) -> str:
    return written(docx(checklist_paper(PROGRAMME, VERSION, SERVICE, values, preparation=False, today=TODAY)))


def written(content: bytes) -> str:
    parts = []
    for block in Document(io.BytesIO(content)).iter_inner_content():
        parts += [cell.text for row in block.rows for cell in row.cells] if isinstance(block, Table) else [block.text]
    return "\n".join(parts)


def test_what_the_document_leaves_unsaid_is_said_to_be_so():
    form, licence, _deal = made().items
    assert (form.original, form.copies, form.seal, form.source) == ("原件", "2份", "单位公章", "本办法附件")
    assert {licence.original, licence.copies, licence.seal, licence.source} == {"文件未规定"}
    assert licence.citations == CLAUSE


@pytest.mark.parametrize(("host", "need"), [(True, ["required"]), (None, ["depends"]), (False, [])])
def test_a_material_of_some_cases_is_listed_for_those_alone(host, need):
    assert [item.need for item in made(has_host=host).items if item.name == "依托协议"] == need


def test_an_open_material_names_the_fact_that_decides_it():
    (deal,) = [item for item in made().items if item.need == "depends"]
    assert deal.depends == "是否依托建站"
    assert "视情况：由“是否依托建站”决定要不要交" in text()


def test_missing_names_what_the_paper_marks_and_nothing_else():
    assert made().missing == ("报送单位", "是否依托建站", "依托机构名称")
    assert made(unit_name="甲", has_host=False).missing == ()
    assert made(unit_name="甲", has_host=True).missing == ("依托机构名称",)


def test_the_list_says_first_that_a_draft_is_no_application():
    lines = [line for line in text().split("\n") if line]
    assert lines[1].startswith("这是草稿，不是申请")


def test_dates_say_whose_they_are_and_offices_when_they_are_reached():
    written_out = text()
    assert "2026年6月30日" in written_out
    assert "县区人社局的日期" in written_out
    assert "工作日8:30-12:00" in written_out
    assert "地址：文件未规定" in written_out


def test_only_questions_that_concern_the_service_are_put_to_their_office():
    assert [statement.id for statement in made().questions] == ["o1"]
    assert "可以这样问市中心：交到哪个窗口？" in text()


def test_every_section_quotes_its_clause():
    assert text().count("某规〔2022〕5号 三（二）：“申请单位向市中心提出申请。”") >= 7


def cases():
    found = [(p, v, s) for p in library().programmes for v in p.versions for s in v.services if s.produces != "nothing"]
    assert len(found) >= 7
    return found


def test_every_real_list_names_materials_offices_and_quotes_only_their_own_document():
    for programme, version, service in cases():
        found = checklist(programme, version, service, {})
        documents = {document.number or document.title for document in version.documents}
        quoted = [c for item in found.items for c in item.citations] + [c for o in found.offices for c in o.cite]
        assert quoted
        assert {citation.document for citation in quoted} <= documents
        assert found.receipt
        assert all(item.citations for item in found.items)
        assert not any("其他材料" in item.name for item in found.items)


def test_open_conditions_of_the_verdict_come_with_remedy_and_clause():
    for programme, version, service in cases():
        verdict = judge(availability(programme, service.key, TODAY), service, {}, TODAY)
        content = written(docx(checklist_paper(programme, version, service, {}, preparation=True, today=TODAY, verdict=verdict)))
        assert "仅供准备" in content
        for finding in verdict.findings if verdict else ():
            if finding.result != "met":
                assert f"{finding.label}（" in content
                assert finding.remedy in content
                assert finding.citations[0].quote in content


def test_a_list_of_met_conditions_promises_nothing():
    verdict = judge(availability(PROGRAMME, "s", TODAY), SERVICE, {}, TODAY)
    paper = checklist_paper(PROGRAMME, VERSION, SERVICE, {}, preparation=False, today=TODAY, verdict=verdict)
    assert "符合书面条件不等于通过" in written(docx(paper))
    assert "择优认定。" in written(docx(paper))
