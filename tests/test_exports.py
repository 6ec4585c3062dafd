"""Exports, read back: workbook, CSV, JSON Lines, archive, summary tables; text that looks like formulas, bank data, names of files."""

import csv
import io
import json
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from docx import Document
from openpyxl import load_workbook

from bot.export.formats import FORMATS, NOTHING, write
from bot.export.rows import ABOUT, LONGEST, plain
from bot.export.source import ExportError, Watch
from flows.types import Value
from storage.store import Store
from tests.export_people import BANK, ids, keep, opened, person, source

STRANGE = ["=1+1", "+86", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "＋1", "－1", "＠a", " =cmd|' /C calc'!A0"]
PUTIAN: dict[str, Value] = {
    **{"station_type": "lianyi", "station_name": "湄洲驿站", "unit_name": "某某公司", "leader_name": "林建国"},
    **{"leader_mobile": "13900001234", "has_host": False, "host_name": None, "built_on": "2013-03", "venue_area": 120},
    **{"address": "某路1号", "activities": "办了八场"},
}
SUBSIDY: dict[str, Value] = {"station_name": "龙城驿站", "is_recognised": True, "recognised_on": "2026-01-18", "amount_requested": 80000}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path)
    yield made
    made.close()


def written(store: Store, out: Path, kind: str, audience: str = "", *, bank: bool = False) -> Path:
    file = out / f"out.{FORMATS[kind].ending}"
    write(source(store, bank=bank), kind, ids(store, audience), file)
    return file


def sheets(file: Path) -> dict[str, list[dict[str, object]]]:
    """Each sheet's rows by the names of their columns; what is blank is left out."""
    book = load_workbook(file)
    made = {}
    for sheet in book.worksheets:
        head, *rows = sheet.iter_rows(values_only=True)
        made[sheet.title] = [{str(name): value for name, value in zip(head, row, strict=True) if value is not None} for row in rows]
    return made


def lines(file: Path) -> list[dict[str, str]]:
    text = file.read_bytes().decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_a_workbook_has_a_sheet_for_each_service_and_a_row_for_each_draft(store: Store, tmp_path: Path) -> None:
    keep(store, 1, "putian-yizhan", "declaration", PUTIAN)
    keep(store, 2, "liuzhou-yizhan", "subsidy", SUBSIDY)
    draft = keep(store, 3, "putian-yizhan", "declaration", PUTIAN | {"station_name": "第二站"})
    found = sheets(written(store, tmp_path, "xlsx"))
    assert list(found) == ["柳州驿站·建设补助资金", "莆田驿站·申报"]
    rows = found["莆田驿站·申报"]
    assert [row["驿站名称"] for row in rows] == ["湄洲驿站", "第二站"]
    assert rows[0] | {"类型": "联谊型", "建成时间": "2013年3月", "场地面积（㎡）": 120, "是否依托建站": "否"} == rows[0]
    assert "依托机构名称" not in rows[0]
    assert (rows[1]["草稿编号"], rows[1]["渠道"], rows[1]["开始时间"]) == (draft, "网页", "2026-06-01 09:03")
    assert found["柳州驿站·建设补助资金"][0]["申请金额"] == 80000


def test_a_workbooks_columns_begin_with_the_annexs(store: Store, tmp_path: Path) -> None:
    keep(store, 1, "putian-yizhan", "declaration", PUTIAN)
    sheet = load_workbook(written(store, tmp_path, "xlsx")).worksheets[0]
    names = [cell.value for cell in sheet[1]]
    assert names[:6] == ["报送单位", "驿站名称", "类型", "负责人姓名", "联系方式（手机）", "联系方式（E-mail）"]
    assert tuple(names[-len(ABOUT) :]) == ABOUT
    assert sheet.freeze_panes == "A2"


@pytest.mark.parametrize("text", STRANGE)
def test_what_looks_like_a_formula_is_text_in_a_workbook(store: Store, tmp_path: Path, text: str) -> None:
    keep(store, 1, "putian-yizhan", "declaration", {"station_type": "lianyi", "station_name": text, "unit_name": text})
    for kind in ("xlsx", "summary-xlsx"):
        sheet = load_workbook(written(store, tmp_path, kind)).worksheets[0]
        found = [cell for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str) and text.strip() in cell.value]
        assert found
        assert all(cell.data_type == "s" and cell.quotePrefix for cell in found)


@pytest.mark.parametrize("text", STRANGE)
def test_what_looks_like_a_formula_is_text_in_csv(store: Store, tmp_path: Path, text: str) -> None:
    keep(store, 1, "putian-yizhan", "declaration", {"station_name": text})
    told = lines(written(store, tmp_path, "csv"))[0]["驿站名称"]
    assert told.startswith("'")
    assert told.removeprefix("'").strip() == text.strip()


def test_csv_keeps_long_numbers_from_being_rounded_and_leaves_ordinary_text_alone() -> None:
    assert plain("6222020000000000018") == "'6222020000000000018"
    assert [plain(text) for text in ("13900001234", "某路1号-2", "a=b", "")] == ["13900001234", "某路1号-2", "a=b", ""]


def test_csv_of_several_services_has_each_field_in_one_column(store: Store, tmp_path: Path) -> None:
    keep(store, 1, "putian-yizhan", "declaration", PUTIAN | {"activities": '办了"八场"\n下一行,真的'})
    keep(store, 2, "liuzhou-yizhan", "subsidy", SUBSIDY)
    subsidy, putian = lines(written(store, tmp_path, "csv"))
    assert (subsidy["驿站名称"], putian["驿站名称"]) == ("龙城驿站", "湄洲驿站")
    assert (subsidy["申请金额"], putian["申请金额"]) == ("80000", "")
    assert putian["活动开展情况及效果"] == '办了"八场"\n下一行,真的'
    assert (putian["项目"], putian["事项"]) == ("莆田市级人才驿站", "申报")
    assert putian["依托机构名称"] == ""


def test_json_lines_hold_values_by_field_key_as_they_are(store: Store, tmp_path: Path) -> None:
    draft = keep(store, 1, "putian-yizhan", "declaration", PUTIAN)
    (record,) = [json.loads(line) for line in written(store, tmp_path, "jsonl").read_text(encoding="utf-8").splitlines()]
    assert record["id"] == draft
    assert (record["programme"], record["service"], record["outcome"]) == ("putian-yizhan", "declaration", "closed")
    assert record["values"] | {"has_host": False, "built_on": "2013-03", "venue_area": 120, "leader_email": None} == record["values"]


@pytest.mark.parametrize("kind", ["xlsx", "csv", "jsonl"])
def test_bank_data_is_masked_unless_it_was_asked_for(store: Store, tmp_path: Path, kind: str) -> None:
    keep(store, 1, "liuzhou-yizhan", "subsidy", SUBSIDY | BANK)

    def told(bank: bool) -> str:
        file = written(store, tmp_path, kind, bank=bank)
        return str(sheets(file)) if kind == "xlsx" else file.read_text(encoding="utf-8")

    assert "****0018" in told(False)
    assert not any(value in told(False) for value in BANK.values())
    assert all(value in told(True) for value in BANK.values())


def test_bank_data_in_an_archives_forms_is_masked_too(store: Store, tmp_path: Path) -> None:
    keep(store, 1, "liuzhou-yizhan", "subsidy", SUBSIDY | BANK)
    for bank, expected in ((False, ["****0018", "****"]), (True, list(BANK.values()))):
        with zipfile.ZipFile(written(store, tmp_path, "zip", bank=bank)) as archive:
            form = next(name for name in archive.namelist() if "申请表" in name and name.endswith(".docx"))
            table = Document(io.BytesIO(archive.read(form))).tables[0]
        assert next(cell.text for row in table.rows for cell in row.cells if "0018" in cell.text).split("\n") == expected


def test_an_archive_has_a_folder_for_each_draft_with_form_pdf_and_checklist(store: Store, tmp_path: Path) -> None:
    names = ["../../etc/passwd", "CON", 'a<b>:"|?*c/d\\e. ', "同名驿站", "同名驿站", "长" * 199, "‮反的"]
    for number, name in enumerate(names, 1):
        keep(store, number, "putian-yizhan", "declaration", PUTIAN | {"station_name": name})
    with zipfile.ZipFile(written(store, tmp_path, "zip")) as archive:
        found = archive.namelist()
        assert archive.testzip() is None
        assert archive.read(found[1]).startswith(b"%PDF")
    folders = list(dict.fromkeys(name.split("/")[0] for name in found))
    assert len(folders) == len(names)
    assert len(found) == len(set(found)) == 3 * len(names)
    for name in found:
        folder, file = name.split("/")
        assert len(name) < 200
        assert not set(name) & set('\\:*?"<>|\u202e')
        assert name.isprintable()
        assert not any(part.endswith((".", " ")) or part.startswith(".") for part in (folder, file))
    assert folders[3] == "0004_莆田驿站_申报_同名驿站_00000004"


def test_an_archive_of_drafts_without_documents_says_what_to_do(store: Store, tmp_path: Path) -> None:
    keep(store, 1, "liuzhou-gongzuozhan", "evaluation", {"g_talents": 12})
    with pytest.raises(ExportError, match="请改用表格格式"):
        written(store, tmp_path, "zip")


def test_a_grade_stands_in_its_column(store: Store, tmp_path: Path) -> None:
    keep(store, 1, "liuzhou-gongzuozhan", "evaluation", {"g_talents": 12, "station_head": True, "staff_count": 3})
    (row,) = sheets(written(store, tmp_path, "xlsx")).popitem()[1]
    assert row["评估等级"] in ("A", "B", "C")


def test_the_summary_table_as_a_workbook_has_the_annexs_cells(store: Store, tmp_path: Path) -> None:
    keep(store, 1, "putian-yizhan", "declaration", PUTIAN)
    keep(store, 2, "putian-yizhan", "declaration", {"station_type": "chuangye"})
    sheet = load_workbook(written(store, tmp_path, "summary-xlsx")).worksheets[0]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0][0] == "附件2"
    assert rows[1][0] == "市级“人才驿站”建设情况汇总表"
    assert [text for text in rows[2] if text] == ["报送单位：", "填报日期：　　年　　月　　日"]
    assert rows[3] == ["序号", "驿站名称", "类型", "负责人或联系人", "联系方式", "建成时间", "坐落地址"]
    assert rows[4] == [1, "湄洲驿站", "联谊型", "林建国", "13900001234", "2013年3月", "某路1号"]
    assert rows[5] == [2, None, "创业型", None, None, None, None]
    assert [text for text in rows[6] if text] == ["填表人：", "联系方式："]
    assert [str(area) for area in sheet.merged_cells.ranges] == ["A2:G2"]
    assert (sheet.print_title_rows, sheet.page_setup.paperSize) == ("$4:$4", 9)


def test_the_recommendation_table_leaves_reason_and_names_of_staff_blank(store: Store, tmp_path: Path) -> None:
    keep(
        store,
        1,
        "fuzhou-gaoxin-yizhan",
        "declaration",
        {"station_type": "hangye", "station_name": "高新站", "address": "某路1号", "venue_area": 90},
    )
    keep(store, 2, "fuzhou-gaoxin-yizhan", "assessment", {"station_name": "考核站"})
    sheet = load_workbook(written(store, tmp_path, "summary-xlsx")).worksheets[0]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert [row[0] for row in rows[2:5]] == ["报送单位（盖章）：", "填报人：", "填报日期："]
    assert all(not any(row[1:]) for row in rows[2:5])
    assert rows[5][-1] == "推荐理由"
    assert rows[6:] == [[1, "高新站", "行业型", "坐落地址：某路1号\n场地面积（m²）：90", None]]


def test_the_summary_table_as_a_document_lists_the_drafts(store: Store, tmp_path: Path) -> None:
    keep(store, 1, "putian-yizhan", "declaration", PUTIAN)
    table = Document(str(written(store, tmp_path, "summary-docx"))).tables[0]
    assert [cell.text for cell in table.rows[1].cells] == ["1", "湄洲驿站", "联谊型", "林建国", "13900001234", "2013年3月", "某路1号"]


def test_a_summary_table_lists_one_programme(store: Store, tmp_path: Path) -> None:
    keep(store, 1, "liuzhou-yizhan", "subsidy", SUBSIDY)
    with pytest.raises(ExportError, match="没有汇总表"):
        written(store, tmp_path, "summary-docx")
    keep(store, 2, "putian-yizhan", "declaration", PUTIAN)
    keep(store, 3, "fuzhou-gaoxin-yizhan", "declaration", {"station_name": "高新站"})
    with pytest.raises(ExportError, match=r"福州.*莆田.*请先筛选其中一个"):
        written(store, tmp_path, "summary-xlsx")
    assert written(store, tmp_path, "summary-xlsx", "programme=putian-yizhan").exists()


@pytest.mark.parametrize("kind", FORMATS)
def test_strange_and_endless_text_is_written_in_every_format(store: Store, tmp_path: Path, kind: str) -> None:
    text = "{{7*7}} ]]> &<>\"' 𠮷" + "很长" * 5000
    keep(store, 1, "putian-yizhan", "declaration", PUTIAN | {"activities": text, "systems_hardware": text, "station_name": "&<>\"']]>"})
    assert written(store, tmp_path, kind).stat().st_size > 200


def test_text_that_no_cell_holds_is_cut_and_says_so(store: Store, tmp_path: Path) -> None:
    keep(store, 1, "putian-yizhan", "declaration", {"activities": "长" * 40_000})
    (row,) = sheets(written(store, tmp_path, "xlsx")).popitem()[1]
    told = str(row["活动开展情况及效果"])
    assert len(told) <= LONGEST
    assert told.endswith("（后面的放不下，看申请表）")


def test_nothing_chosen_writes_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=NOTHING):
        written(store, tmp_path, "xlsx")
    assert not list(tmp_path.glob("out*"))


def test_a_file_is_its_owners_alone_and_nothing_is_left_beside_it(store: Store, tmp_path: Path) -> None:
    keep(store, 1, "putian-yizhan", "declaration", PUTIAN)
    out = tmp_path / "out"
    out.mkdir()
    file = written(store, out, "xlsx")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(out.iterdir()) == [file]


def test_a_stop_half_way_leaves_the_old_file_and_nothing_else(store: Store, tmp_path: Path) -> None:
    for number in range(1, 4):
        keep(store, number, "putian-yizhan", "declaration", PUTIAN)
    out = tmp_path / "out"
    out.mkdir()
    (out / "out.xlsx").write_bytes(b"old")

    def stop(done: int, total: int) -> None:
        assert total == 3
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(source(store, watch=Watch(wrote=stop)), "xlsx", ids(store), out / "out.xlsx")
    assert [(file.name, file.read_bytes()) for file in out.iterdir()] == [("out.xlsx", b"old")]


def test_a_draft_that_is_deleted_meanwhile_is_left_out(store: Store, tmp_path: Path) -> None:
    for number in range(1, 4):
        keep(store, number, "putian-yizhan", "declaration", PUTIAN | {"station_name": f"站{number}"})
    chosen = ids(store)
    watch = Watch(reads=lambda ids: store.forget(person(2)) and None)
    write(source(store, watch=watch), "csv", chosen, tmp_path / "out.csv")
    assert [line["驿站名称"] for line in lines(tmp_path / "out.csv")] == ["站1", "站3"]


def test_a_draft_of_a_service_that_is_gone_is_counted_and_left_out(store: Store, tmp_path: Path) -> None:
    keep(store, 1, "putian-yizhan", "declaration", PUTIAN)
    keep(store, 2, "vanished", "nothing", {})
    made = write(source(store), "csv", ids(store), tmp_path / "out.csv")
    assert made.text() == "1 份草稿，另有 1 份所属项目已不在知识库，未列入"


def test_drafts_that_do_not_go_into_such_a_file_are_counted(store: Store, tmp_path: Path) -> None:
    keep(store, 1, "fuzhou-gaoxin-yizhan", "declaration", {"station_name": "高新站"})
    keep(store, 2, "fuzhou-gaoxin-yizhan", "assessment", {"station_name": "考核站"})
    keep(store, 3, "liuzhou-gongzuozhan", "evaluation", {"g_talents": 12})
    made = [write(source(store), kind, ids(store), tmp_path / "out") for kind in ("summary-xlsx", "zip", "xlsx")]
    assert [(one.drafts, one.left_out) for one in made] == [(1, 2), (2, 1), (3, 0)]


def test_a_folder_that_cannot_be_written_is_named(store: Store, tmp_path: Path) -> None:
    keep(store, 1, "putian-yizhan", "declaration", PUTIAN)
    with pytest.raises(ExportError, match=r"写不进去.*请换一个文件夹"):
        write(source(store), "csv", ids(store), tmp_path / "nowhere" / "out.csv")
