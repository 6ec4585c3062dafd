"""Documents, read back: the forms cell by cell against the annexes, hostile values, overflow, sheet, calendar."""

import io
import re
import threading
import zipfile
from datetime import date
from functools import cache
from xml.etree import ElementTree

import pypdfium2
import pytest
from docx import Document
from docx.document import Document as Word
from docx.table import Table
from docx.text.paragraph import Paragraph

from flows.calendar import calendar
from flows.deadlines import Due
from flows.documents import Rendered, file_name, form_docx, form_pdf, form_png, render
from flows.form import fields_on, form_of
from flows.pdf import breakable
from flows.shown import field_of
from knowledge.load import library
from knowledge.text import squeeze
from knowledge.types import Citation, Form, Programme, Service, Value, Version

TODAY = date(2026, 6, 20)
NASTY = "{{7*7}} {% raw %} ]]> &<>\"' # $x$ \\ *粗* _x_ `#let` @ref <lab> //c /*d*/ 喆堃赟 𠮷"
ILLEGAL = "".join(
    chr(c) for c in (*range(32), 0x7F, 0x85, 0xD800, 0xDFFF, 0xFFFE, 0xFFFF, 0x200B, 0x202E, 0x2066, 0xFEFF) if c not in (9, 10, 13)
)

Case = tuple[Programme, Version, Service]


@cache
def cases() -> tuple[Case, ...]:
    return tuple((p, version, service) for p in library().programmes for version in p.versions for service in version.services)


def producing(what: str) -> list[Case]:
    return [case for case in cases() if case[2].produces == what]


def form_cases() -> list[tuple[Case, Form]]:
    found = [(case, form) for case in producing("form") if (form := form_of(case[1], case[2]))]
    assert len(found) >= 5
    return found


def answers(service: Service, **changed: Value) -> dict[str, Value]:
    """A full set of answers of the right kinds, each text its own key, so that a value in the wrong cell shows."""
    made: dict[str, Value] = {}
    for field in service.fields:
        match field.kind:
            case "yes_no":
                made[field.key] = True
            case "choice":
                made[field.key] = field.choices[0].value
            case "number" | "money":
                made[field.key] = 12
            case "date":
                made[field.key] = "2026-05-18"
            case "month":
                made[field.key] = "2013-03"
            case _:
                made[field.key] = f"值{field.key}"
    return made | changed


def word(content: bytes) -> Word:
    return Document(io.BytesIO(content))


def filled(case: Case, values: dict[str, Value], *, preparation: bool = False) -> Word:
    return word(form_docx(*case, values, preparation=preparation))


def paragraphs(document: Word) -> list[str]:
    return [paragraph.text for paragraph in document.paragraphs]


def cells(table: Table) -> list[str]:
    """Each cell once, in reading order: the XML, since merged cells come again in python-docx."""
    return [
        "\n".join(Paragraph(p, table).text for p in cell.p_lst)
        for row in table._tbl.tr_lst
        for cell in row.tc_lst
        if cell.vMerge != "continue"
    ]


def everything(document: Word) -> str:
    return "\n".join([*paragraphs(document), *(text for table in document.tables for text in cells(table))])


def in_order(document: Word) -> str:
    """All text as it stands on the page."""
    blocks = document.iter_inner_content()
    return "\n".join("\n".join(cells(block)) if isinstance(block, Table) else block.text for block in blocks)


def pdf_text(content: bytes) -> str:
    held = pypdfium2.PdfDocument(content)
    try:
        return "".join(page.get_textpage().get_text_bounded() for page in held)
    finally:
        held.close()


def pages(content: bytes) -> int:
    held = pypdfium2.PdfDocument(content)
    try:
        return len(held)
    finally:
        held.close()


def annex(version: Version, form: Form) -> str:
    documents = {document.key: document for document in version.documents}
    document = documents[form.doc] if form.doc else version.documents[0]
    (section,) = [section for section in document.sections if section.article == form.article]
    return "".join(section.lines)


def test_an_empty_form_is_the_annex_letter_for_letter():
    for case, form in form_cases():
        text = in_order(filled(case, {})).replace("待填", "")
        assert squeeze(text) == squeeze(annex(case[1], form)), (case[0].key, form.key)


def test_every_cell_holds_its_own_field_and_office_cells_stay_as_printed():
    for case, form in form_cases():
        values = answers(case[2])
        held = cells(filled(case, values).tables[0])
        expected = [cell for row in form.rows for cell in row]
        assert len(held) == len(expected)
        for text, cell in zip(held, expected, strict=True):
            if cell.office:
                assert squeeze(text) == squeeze(cell.text)
            elif cell.label:
                assert squeeze(text) == squeeze(cell.label)
            elif cell.field:
                assert_shows(case[2], text.removeprefix(cell.prefix), (cell.field, *cell.also))


def assert_shows(service: Service, text: str, keys: tuple[str, ...]) -> None:
    for part, key in zip(text.split("\n"), keys, strict=True):
        field = field_of(service, key)
        assert field is not None
        choices = field.choices[0].label if field.choices else ""
        words = {"yes_no": "是", "choice": choices, "number": "12", "money": "12元", "date": "2026年5月18日", "month": "2013年3月"}
        assert part == words.get(field.kind, f"值{key}")


def test_each_row_fills_the_tables_grid():
    for case, form in form_cases():
        table = filled(case, answers(case[2])).tables[0]
        assert len(table._tbl.tblGrid.gridCol_lst) == len(form.columns)
        for row in table._tbl.tr_lst:
            assert sum(cell.grid_span for cell in row.tc_lst) == len(form.columns)


def test_split_rows_merge_downwards():
    for case, form in form_cases():
        starts = sum(cell.rows > 1 for row in form.rows for cell in row)
        merged = [cell.vMerge for row in filled(case, {}).tables[0]._tbl.tr_lst for cell in row.tc_lst]
        assert merged.count("restart") == starts
        assert merged.count("continue") == sum(cell.rows - 1 for row in form.rows for cell in row)


def test_the_header_names_the_unit_and_leaves_the_date_open():
    seen = 0
    for case, form in form_cases():
        if not any(cell.office for cell in form.header):
            continue
        seen += 1
        (header,) = [text for text in paragraphs(filled(case, answers(case[2]))) if "值unit_name" in text]
        assert re.search(r"年\s+月\s+日$", header)
        assert not re.search(r"\d", header)
        assert header.count("盖章") == "".join(c.prefix + c.label for c in form.header).count("盖章")
    assert seen >= 4


def test_missing_answers_are_marked_and_what_does_not_concern_is_none():
    for case, form in form_cases():
        keys = fields_on(form)
        if "host_name" not in keys:
            continue
        without = in_order(filled(case, answers(case[2], has_host=False, host_name=None, leader_name=None)))
        assert "无" in without
        assert without.count("待填") == ("leader_name" in keys)
        unknown = in_order(filled(case, answers(case[2], has_host=None, host_name=None, host_uscc=None)))
        hosted = [
            key
            for key in keys
            if key == "has_host" or ((field := field_of(case[2], key)) and field.only_if and field.only_if.field == "has_host")
        ]
        assert unknown.count("待填") == len(hosted) >= 1


def test_a_form_with_plain_answers_takes_one_page():
    for case, form in form_cases():
        text = "已建立资产管理、人员考勤、经费使用、活动管理四项制度并上墙，设洽谈室、路演厅和政策宣传专区，配备网络、投影和会议终端。" * 3
        wide = [cell.field for row in form.rows for cell in row if cell.field and cell.columns > 1]
        values = answers(case[2], staffing="站长1名，专职2人，兼职3人，均有人才服务经验")
        values |= {key: text for key in wide if (field := field_of(case[2], key)) and field.kind == "long_text"}
        content = form_pdf(*case, values, preparation=True)
        assert pages(content) == 1
        assert "附页" not in pdf_text(content)


def test_values_are_literal_in_the_word_document():
    for case, form in form_cases():
        values = answers(case[2], station_name=NASTY + ILLEGAL)
        text = in_order(filled(case, values))
        assert NASTY in text or squeeze(NASTY) in squeeze(text), form.key
        assert not set(ILLEGAL) & set(text)


def test_every_part_of_the_word_document_is_well_formed_for_any_value():
    for case in (*producing("form"), *producing("sheet")):
        hostile = {field.key: NASTY + ILLEGAL for field in case[2].fields if field.kind in ("text", "long_text", "email", "mobile", "uscc")}
        package = zipfile.ZipFile(io.BytesIO(form_docx(*case, answers(case[2]) | hostile, preparation=False)))
        assert package.testzip() is None
        for name in package.namelist():
            ElementTree.fromstring(package.read(name))


def test_values_are_literal_in_the_pdf():
    (case, _form), *_ = form_cases()
    text = squeeze(pdf_text(form_pdf(*case, answers(case[2], station_name="#x $y$ *z* {{7*7}} 喆堃赟"), preparation=False)))
    assert "#x$y$*z*{{7*7}}喆堃赟" in text


def test_a_character_that_no_font_has_breaks_nothing():
    (case, _form), *_ = form_cases()
    values = answers(case[2], leader_name="张\U0001f600\u0f00\ue000", station_name=NASTY + ILLEGAL)
    assert form_pdf(*case, values, preparation=False).startswith(b"%PDF")
    assert form_png(*case, values, preparation=False).startswith(b"\x89PNG")


@pytest.mark.parametrize("long", ["活动很多，效果很好。" * 1000, "A" * 10000, "行\n" * 400], ids=["sentences", "one word", "lines"])
def test_text_too_long_for_its_cell_goes_to_an_annex_page(long):
    for case, form in form_cases():
        keys = [key for key in fields_on(form) if (field := field_of(case[2], key)) and field.kind == "long_text"]
        if not keys:
            continue
        document = filled(case, answers(case[2]) | {keys[-1]: long})
        held, rest = "\n".join(cells(document.tables[0])), "\n".join(paragraphs(document))
        assert "（见附页1）" in held
        assert long[:20] not in held
        assert squeeze(long) in squeeze(rest)
        field = field_of(case[2], keys[-1])
        assert field is not None
        assert f"附页1　{field.label}" in rest
        content = form_pdf(*case, answers(case[2]) | {keys[-1]: long}, preparation=False)
        assert squeeze(long)[:300] in squeeze(pdf_text(content)).replace("\u200b", "").replace("\ufffe", "")


def test_ten_thousand_characters_in_every_text_still_give_one_form_page_and_annexes():
    for case, form in form_cases():
        texts = [key for key in fields_on(form) if (field := field_of(case[2], key)) and field.kind in ("text", "long_text")]
        document = filled(case, answers(case[2]) | dict.fromkeys(texts, "字" * 10000))
        assert len(re.findall(r"（见附页\d+）", in_order(document))) >= len(set(texts))
        assert all(len(text) < 200 for text in cells(document.tables[0]))


def test_preparation_shows_on_paper_and_in_the_name():
    for case in (*producing("form"), *producing("sheet")):
        files = render(*case, answers(case[2]), preparation=True, today=TODAY)
        assert all("仅供准备" in file.name for file in files)
        assert "仅供准备" in everything(word(files[0].content))
        assert "仅供准备" in pdf_text(files[1].content)
        plain = render(*case, answers(case[2]), preparation=False, today=TODAY)
        assert not any("仅供准备" in file.name for file in plain)
        assert "仅供准备" not in everything(word(plain[0].content))


def test_a_service_gets_form_pdf_preview_and_checklist():
    assert len(producing("form")) + len(producing("sheet")) >= 7
    for case in (*producing("form"), *producing("sheet")):
        files = render(*case, answers(case[2]), preparation=False, today=TODAY)
        assert [file.kind for file in files][:4] == ["form", "form_pdf", "preview", "checklist"]
        assert len({file.name for file in files}) == len(files)
        assert all(file.name.startswith(case[0].name) for file in files)
        assert squeeze(pdf_text(files[1].content)).count("值unit_name") == squeeze(in_order(word(files[0].content))).count("值unit_name")
        assert files[2].content.startswith(b"\x89PNG")


def test_a_service_that_produces_nothing_gets_no_file():
    (case, *_) = producing("nothing")
    assert render(*case, answers(case[2]), preparation=False, today=TODAY) == ()


def test_the_same_answers_give_the_same_word_document():
    (case, _form), *_ = form_cases()
    assert form_docx(*case, answers(case[2]), preparation=False) == form_docx(*case, answers(case[2]), preparation=False)


def assessed() -> tuple[Case, Form]:
    return next((case, form) for case, form in form_cases() if any(cell.mark for row in form.rows for cell in row))


def marks(**facts: Value) -> dict[str, str]:
    case, _form = assessed()
    table = filled(case, {"station_name": "甲"} | facts).tables[0]
    rows = [[Paragraph(cell.p_lst[0], table).text for cell in row.tc_lst] for row in table._tbl.tr_lst[1:]]
    return {squeeze(row[-2]): row[-1] for row in rows}


def test_the_assessment_sheet_ticks_the_line_that_applies_with_its_fact():
    found = marks(display_zone=True, capable_team=True, staff_count=2, complete_rules="partial", activities_per_year=5, people_per_year=99)
    ticked = {line: text for line, text in found.items() if text}
    assert len(found) == 14
    assert [line[:6] for line in ticked] == ["设立项目展示", "配备一支擅长", "资产管理、人", "每年开展5场", "每年服务人才"]
    assert [re.sub(r"[^√\d]", "", text) for text in ticked.values()] == ["√", "√2", "√", "√5", "√99"]


@pytest.mark.parametrize(("events", "line"), [(0, "未开展人才活动"), (1, "每年开展1-4场"), (4, "每年开展1-4场"), (5, "每年开展5场以上")])
def test_each_limit_of_the_sheet_ticks_its_own_line(events, line):
    ticked = [text for text, mark in marks(activities_per_year=events).items() if mark]
    assert len(ticked) == 1
    assert ticked[0].startswith(line)


def test_facts_that_fit_no_line_leave_the_sheet_blank():
    assert not any(marks().values())
    assert not any(marks(capable_team=False, staff_count=3).values())


def test_the_sheet_says_that_it_is_no_official_form_and_holds_all_answers():
    assert len(producing("sheet")) >= 2
    for case in producing("sheet"):
        text = in_order(filled(case, answers(case[2])))
        assert "不是官方表格" in text
        assert case[2].sheet_note is not None
        assert case[2].sheet_note.text in text
        for field in case[2].fields:
            if field.stage == "form" and field.kind in ("text", "long_text", "mobile", "email"):
                assert f"{field.label}\n值{field.key}" in text
        for rule in case[2].rules:
            assert rule.strength == "preferred" or rule.cite[0].quote in text


def test_a_very_long_answer_of_the_sheet_goes_to_an_annex_page():
    case = producing("sheet")[0]
    key = next(field.key for field in case[2].fields if field.kind == "long_text")
    text = in_order(filled(case, answers(case[2]) | {key: "字" * 10000}))
    assert "（见附页1）" in text
    assert "字" * 10000 in text


def test_file_names_hold_no_path_and_keep_their_length():
    assert file_name("甲", "../../etc/pass wd", "", ending="docx") == "甲_etcpasswd.docx"
    assert file_name("甲", 'a\\b:c*d?e"f<g>h|i\n\x00\u202e', ending="pdf") == "甲_abcdefghi.pdf"
    long = file_name("柳" * 200, ending="docx")
    assert len(long.encode()) <= 190
    assert long.endswith("柳.docx")
    assert file_name("甲", "..", "\ud800", ending="ics") == "甲.ics"


def test_a_long_address_may_break_in_the_pdf_only():
    address = "qinxiaolan.long.address@example-company-name.com"
    assert breakable(address, 12).replace("\u200b", "") == address
    assert "@\u200b" in breakable(address, 12)
    assert breakable("a@b.cn", 12) == "a@b.cn"
    case, _form = form_cases()[0]
    assert address in in_order(filled(case, answers(case[2], leader_email=address)))


def test_many_threads_may_render_at_once():
    case, _form = form_cases()[0]
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(form_pdf(*case, answers(case[2], station_name=f"站{n}"), preparation=False)))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {re.search(r"站\d", squeeze(pdf_text(content)).replace("驿站", ""))[0] for content in found}  # type: ignore[index]
    assert names == {f"站{n}" for n in range(8)}


# ── calendar ──────────────────────────────────────────────────────────────────────────────────────────────────────────

CLAUSE = (Citation(programme="p", document="某规〔2022〕5号", article="四（三）", quote="可在被认定之日起一年内，向市局申请；逾期不补。"),)


def due(day: date, label: str = "申请补助的最后一天", **more: object) -> Due:
    return Due(label=label, day=day, citations=CLAUSE, **more)  # type: ignore[arg-type]


def unfolded(content: bytes) -> list[str]:
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    for line in content.split(b"\r\n"):
        line.decode("utf-8")
    return content.decode("utf-8").replace("\r\n ", "").split("\r\n")


def test_a_calendar_holds_each_date_with_a_reminder_a_week_before():
    made = calendar("柳州市人才驿站", "补助\n甲", [due(date(2027, 5, 18))], TODAY)
    assert made is not None
    lines = unfolded(made)
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-2:] == ["END:VCALENDAR", ""]
    assert "DTSTART;VALUE=DATE:20270518" in lines
    assert "DTEND;VALUE=DATE:20270519" in lines
    assert "DTSTAMP:20260620T000000Z" in lines
    assert "TRIGGER:-P7D" in lines
    (summary,) = [line for line in lines if line.startswith("SUMMARY")]
    assert summary == "SUMMARY:柳州市人才驿站：申请补助的最后一天"
    (description,) = [line for line in lines if line.startswith("DESCRIPTION:某规")]
    assert CLAUSE[0].quote in description


def test_separators_of_the_calendar_format_are_escaped():
    made = calendar("甲,乙;丙\\丁", "x", [due(date(2027, 1, 1), label="一\n二")], TODAY)
    assert made is not None
    assert "SUMMARY:甲\\,乙\\;丙\\\\丁：一\\n二" in unfolded(made)


def test_past_dates_give_no_calendar_and_today_still_does():
    assert calendar("甲", "x", [due(date(2026, 6, 19))], TODAY) is None
    assert calendar("甲", "x", [due(TODAY)], TODAY) is not None
    both = calendar("甲", "x", [due(date(2020, 1, 1), label="旧"), due(date(2027, 1, 1), label="新")], TODAY)
    assert both is not None
    assert b"BEGIN:VEVENT" in both
    assert "旧" not in both.decode()


def test_the_summary_says_whose_date_it_is_and_what_is_estimated():
    made = calendar("甲", "x", [due(date(2027, 6, 30), whose="这是县区人社局的日期", estimated=True)], TODAY)
    assert made is not None
    (summary,) = [line for line in unfolded(made) if line.startswith("SUMMARY")]
    assert "县区人社局" in summary
    assert "待官方放假安排确认" in summary


def test_a_dates_id_stays_when_the_date_moves():
    def uid(owner: str, day: date) -> str:
        made = calendar("甲", owner, [due(day)], TODAY)
        assert made is not None
        return next(line for line in unfolded(made) if line.startswith("UID"))

    assert uid("x", date(2027, 1, 1)) == uid("x", date(2027, 2, 1))
    assert uid("x", date(2027, 1, 1)) != uid("y", date(2027, 1, 1))


def test_a_known_date_ahead_comes_as_calendar_file():
    case = next(case for case in producing("form") if any(deadline.field for deadline in case[2].deadlines))
    deadline = next(deadline for deadline in case[2].deadlines if deadline.field)
    kinds = {day: by_kind(case, {deadline.field: day}) for day in ("2026-05-18", "2020-05-18")}
    assert "calendar" in kinds["2026-05-18"]
    assert "calendar" not in kinds["2020-05-18"]
    assert b"DTSTART;VALUE=DATE:20270518" in kinds["2026-05-18"]["calendar"].content


def by_kind(case: Case, values: dict[str, Value]) -> dict[str, Rendered]:
    return {file.kind: file for file in render(*case, answers(case[2]) | values, preparation=False, today=TODAY)}
