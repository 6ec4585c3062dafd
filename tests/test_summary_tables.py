"""The bureaus' summary tables, read back from the Word file and held against the annex's own text; the columns of tables of drafts."""

import io
import shutil
from datetime import date
from functools import cache
from pathlib import Path

import pytest
from docx import Document
from docx.document import Document as Word

from flows.columns import columns
from flows.docx import docx
from flows.form import fields_on, form_of
from flows.pdf import pdf
from flows.summary_table import labels, printed_lines, row_of, summaries, summary_paper
from knowledge.check import check
from knowledge.load import PACKAGED, library
from knowledge.quotes import by_place
from knowledge.text import squeeze
from knowledge.types import Form, Programme, Service, Value, Version
from tests.test_documents import answers, paragraphs

TODAY = date(2026, 6, 20)
Found = tuple[Programme, Version, Service, Form]


@cache
def tables() -> tuple[Found, ...]:
    cases = [(p, version, service) for p in library().programmes for version in p.versions for service in version.services]
    return tuple((*case, form) for case in cases for form in summaries(case[1], case[2].key))


def table_of(programme: str) -> Found:
    return next(found for found in tables() if found[0].key == programme)


def made(found: Found, *drafts: dict[str, Value]) -> Word:
    _, version, service, form = found
    return Document(io.BytesIO(docx(summary_paper(form, version, service, drafts))))


def cells(document: Word) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in document.tables[0].rows]


def annex(found: Found) -> tuple[str, ...]:
    """The lines of the annex in the policy text."""
    _, version, _, form = found
    document = next((d for d in version.documents if d.key == form.doc), version.documents[0])
    return by_place(version)[document.number or document.title, form.article].lines


def test_both_official_summary_tables_are_there() -> None:
    assert sorted((p.key, form.name) for p, _, _, form in tables()) == [
        ("fuzhou-gaoxin-yizhan", "推荐汇总表"),
        ("putian-yizhan", "建设情况汇总表"),
    ]


@pytest.mark.parametrize("found", tables(), ids=lambda found: found[0].key)
def test_every_word_stands_where_the_annex_has_it_and_none_besides(found: Found) -> None:
    document = made(found)
    printed = [squeeze(text) for text in paragraphs(document) if squeeze(text)]
    heading = "".join(squeeze(text) for text in cells(document)[0])
    lines = [squeeze(text) for text in annex(found)]
    at = next(n for n, text in enumerate(lines) if text.startswith("序号"))
    assert printed[:at] == lines[:at]
    assert heading == lines[at]
    assert printed[at:] == lines[at + 1 :]
    assert len(document.tables[0].columns) == len(annex(found)[at].split("\t"))


def test_putian_rows_are_numbered_and_each_value_stands_under_its_label() -> None:
    found = table_of("putian-yizhan")
    values = answers(found[2], built_on="2013-03")
    document = made(found, values, values | {"station_name": "第二个站", "leader_mobile": None})
    head, first, second = cells(document)
    assert head == ["序号", "驿站名称", "类型", "负责人或联系人", "联系方式", "建成时间", "坐落地址"]
    assert first == [
        "1",
        "值station_name",
        found[2].fields[0].choices[0].label,
        "值leader_name",
        "值leader_mobile",
        "2013年3月",
        "值address",
    ]
    assert second[:2] == ["2", "第二个站"]
    assert second[4] == ""


def test_putian_header_and_footer_stay_blank_in_one_line_each() -> None:
    _, version, service, form = table_of("putian-yizhan")
    texts = paragraphs(made(table_of("putian-yizhan"), answers(service)))
    assert [squeeze(t) for t in texts if squeeze(t)][2:] == ["报送单位：填报日期：年月日", "填表人：联系方式："]
    assert [len(words) for words in printed_lines(form, version, form.header)] == [2]


def test_fuzhou_profile_tells_what_was_said_under_its_names_and_the_reason_stays_blank() -> None:
    found = table_of("fuzhou-gaoxin-yizhan")
    values = answers(found[2], venue_area=120, staffing=None, systems_hardware="制度健全\n有投影")
    head, first = cells(made(found, values))
    assert head == ["序号", "驿站名称", "类型", "驿站简介（场所、制度、配备人员、开展活动情况）", "推荐理由"]
    assert first[3] == "坐落地址：值address\n场地面积（m²）：120\n制度和硬件配置情况：制度健全\n有投影\n活动开展情况及效果：值activities"
    assert (first[0], first[4]) == ("1", "")


def test_fuzhou_header_takes_three_lines_that_stay_blank() -> None:
    _, version, _, form = table_of("fuzhou-gaoxin-yizhan")
    assert printed_lines(form, version, form.header) == (("报送单位（盖章）：",), ("填报人：",), ("填报日期：",))


@pytest.mark.parametrize("found", tables(), ids=lambda found: found[0].key)
def test_a_draft_without_answers_is_a_number_and_blanks(found: Found) -> None:
    _, _, service, form = found
    row = row_of(form, service, 3, {field.key: None for field in service.fields})
    assert row == (3, *[""] * (len(form.columns) - 1))
    assert squeeze(labels(form)[0]) == "序号"


@pytest.mark.parametrize("found", tables(), ids=lambda found: found[0].key)
def test_many_drafts_repeat_the_heading_and_make_a_pdf(found: Found) -> None:
    _, version, service, form = found
    paper = summary_paper(form, version, service, [answers(service)] * 60)
    document = Document(io.BytesIO(docx(paper)))
    heads = document.element.xpath("//w:trPr[w:tblHeader]")
    assert len(heads) == 1
    assert len(cells(document)) == 61
    assert pdf(paper).startswith(b"%PDF")


def test_a_summary_table_that_names_no_service_is_a_defect(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PACKAGED, tmp_path / "data", ignore=shutil.ignore_patterns("*.py", "__pycache__")))
    file = folder / "programmes" / "putian-yizhan" / "forms" / "summary.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('service = "declaration"', 'service = "nothing"'), encoding="utf-8")
    assert [(d.file.split("/")[-1], d.key) for d in check(folder)] == [("summary.toml", "service")]


# Columns


def forms() -> list[tuple[Version, Service, Form]]:
    cases = [(version, service) for p in library().programmes for version in p.versions for service in version.services]
    return [(version, service, form) for version, service in cases if (form := form_of(version, service))]


@pytest.mark.parametrize(("version", "service", "form"), forms(), ids=lambda x: getattr(x, "title", None))
def test_columns_begin_with_the_annexs_fields_in_its_order(version: Version, service: Service, form: Form) -> None:
    found = columns(version, service)
    keys = [column.field.key for column in found if column.field]
    on_form = list(fields_on(form))
    assert keys[: len(on_form)] == on_form
    assert sorted(keys) == sorted(field.key for field in service.fields)
    assert len({column.name for column in found}) == len(found)


def test_columns_have_the_annexs_words() -> None:
    version = library().programme("liuzhou-yizhan").latest
    names = [c.name for c in columns(version, next(s for s in version.services if s.key == "subsidy"))]
    assert names == [
        *("报送单位", "驿站名称", "类型", "负责人姓名", "联系方式（手机）", "联系方式（E-mail）", "是否经过认定", "依托机构名称"),
        *("坐落地址", "认定时间", "场地面积（m²）", "配备人员情况", "申请金额"),
        *("银行卡号及开户行（银行卡号）", "银行卡号及开户行（开户行）", "年度活动开展情况及效果、获得荣誉、表彰", "是否依托建站"),
    ]


def test_contents_are_worded_as_in_the_form_and_numbers_stay_numbers() -> None:
    version = library().programme("liuzhou-yizhan").latest
    service = next(s for s in version.services if s.key == "subsidy")
    values: dict[str, Value] = {
        **{"is_recognised": True, "recognised_on": "2021-01-18", "venue_area": 120.0, "amount_requested": 80000},
        **{"station_type": "lianyi", "host_name": None, "unit_name": "=1+1"},
    }
    told = {c.name: c.content(values, TODAY) for c in columns(version, service)}
    assert told["是否经过认定"] == "是"
    assert told["认定时间"] == "2021年1月18日"
    assert (told["场地面积（m²）"], told["申请金额"]) == (120, 80000)
    assert told["类型"] == "联谊型"
    assert (told["依托机构名称"], told["坐落地址"], told["报送单位"]) == ("", "", "=1+1")


def test_an_assessment_sheets_columns_hold_the_standard_that_applies() -> None:
    version = library().programme("fuzhou-gaoxin-yizhan").latest
    service = next(s for s in version.services if s.key == "assessment")
    values: dict[str, Value] = {"display_zone": False, "activities_per_year": 3, "people_per_year": None, "complete_rules": "partial"}
    told = {c.name: c.content(values, TODAY) for c in columns(version, service)}
    assert told["场地配备"] == "未设立项目展示和人才政策宣传专区，分发政策宣传单等。"
    assert told["开展活动"] == "每年开展1-4场学术交流、创业对接等人才活动"
    assert (told["人才服务"], told["人员配备"]) == ("", "")
    assert told["制度建设（所填）"] == "不完善"
