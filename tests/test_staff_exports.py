"""The console's page of exports: asking, progress, fetching, cancelling; who may have bank data; what the log says."""

import csv
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.export import jobs
from bot.export.files import file_of, folder_beside
from bot.staff.exports import AT_ONCE
from storage import exports
from storage.exports import Export
from tests.export_people import BANK, keep
from tests.staff_site import NAMES, Browser, StaffSite, staff_site

WAIT = 60
MARKUP = "<b>站</b>\x1b[31m=1+1"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[StaffSite]:
    with staff_site(tmp_path) as found:
        keep(found.store, 1, "putian-yizhan", "declaration", {"station_name": MARKUP, "station_type": "lianyi"})
        keep(found.store, 2, "liuzhou-yizhan", "subsidy", {"station_name": "龙城驿站", "leader_name": "韦建国", **BANK})
        yield found


def own(here: StaffSite, role: str = "officer") -> list[Export]:
    with here.store.reading() as db:
        return list(exports.exports_of(db, NAMES[role]))


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def made(here: StaffSite, browser: Browser, role: str = "officer", **form: str) -> Export:
    """Ask for an export and wait until it has come to its end."""
    assert browser.post("/staff/exports", {"format": "csv", **form}).status_code == 303, browser.text()
    until(lambda: own(here, role)[0].state not in ("waiting", "running"))
    return own(here, role)[0]


def rows(browser: Browser, export: Export) -> list[dict[str, str]]:
    answer = browser.get(f"/staff/exports/{export.id}/file")
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_an_officer_exports_what_the_list_was_filtered_to(here: StaffSite) -> None:
    officer = here.staff("officer")
    page = officer.get("/staff/exports?programme=putian-yizhan&sort=missing").text
    assert "项目：莆田市级人才驿站" in page
    assert 'name="audience" value="programme=putian-yizhan"' in page
    export = made(here, officer, audience="programme=putian-yizhan", reason="月报")
    assert (export.state, export.note, export.reason) == ("done", "1 份草稿", "月报")
    assert [row["驿站名称"] for row in rows(officer, export)] == ["<b>站</b>[31m=1+1"]
    assert "下载" in officer.get("/staff/exports").text


def test_what_was_done_is_logged_without_what_was_searched_for(here: StaffSite) -> None:
    officer = here.staff("officer")
    export = made(here, officer, audience="words=韦建国&programme=liuzhou-yizhan", reason="核对")
    assert export.note == "1 份草稿"
    officer.get(f"/staff/exports/{export.id}/file")
    officer.post(f"/staff/exports/{export.id}/delete")
    who = NAMES["officer"]
    assert here.logged() == [
        (who, "导出", export.id, "csv；筛选：programme=liuzhou-yizhan，含搜索词；原因：核对", "成功"),
        (who, "导出完成", export.id, "1 份草稿", "成功"),
        (who, "下载导出", export.id, "", "成功"),
        (who, "删除导出", export.id, "", "成功"),
    ]


def test_a_service_can_be_chosen_in_the_form_itself(here: StaffSite) -> None:
    officer = here.staff("officer")
    assert '<option value="liuzhou-yizhan/subsidy">' in officer.get("/staff/exports").text
    export = made(here, officer, service="liuzhou-yizhan/subsidy")
    assert export.audience == "programme=liuzhou-yizhan&service=subsidy"
    assert [row["驿站名称"] for row in rows(officer, export)] == ["龙城驿站"]


def test_bank_data_is_masked_for_officers_who_cannot_even_ask(here: StaffSite) -> None:
    officer = here.staff("officer")
    assert 'name="bank"' not in officer.get("/staff/exports").text
    assert "****0018" in str(rows(officer, made(here, officer)))
    assert officer.post("/staff/exports", {"format": "csv", "bank": "1", "reason": "想看"}).status_code == 403
    assert "只有管理账号能导出银行卡号" in officer.text()
    assert here.logged()[-1] == (NAMES["officer"], "导出银行卡号", "", "", "拒绝")
    assert len(own(here)) == 1


def test_an_admin_gets_bank_data_for_a_reason(here: StaffSite) -> None:
    admin = here.staff("admin")
    assert admin.post("/staff/exports", {"format": "csv", "bank": "1", "reason": " "}).status_code == 422
    assert "须写明原因" in admin.text()
    export = made(here, admin, "admin", bank="1", reason="发放补助")
    assert BANK["bank_card"] in str(rows(admin, export))
    assert "含银行卡号；原因：发放补助" in here.logged()[0][3]


def test_an_admin_who_is_no_longer_one_gets_no_bank_data(here: StaffSite) -> None:
    admin = here.staff("admin")
    export = made(here, admin, "admin", bank="1", reason="发放补助")
    with here.store.writing() as db:
        db.execute("UPDATE staff SET role = 'officer' WHERE name = ?", (NAMES["admin"],))
    assert here.staff("admin").get(f"/staff/exports/{export.id}/file").status_code == 403


def test_a_file_is_fetched_by_its_maker_alone_and_only_for_a_day(here: StaffSite) -> None:
    officer, admin = here.staff("officer"), here.staff("admin")
    export = made(here, officer)
    answer = officer.get(f"/staff/exports/{export.id}/file")
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["cache-control"] == "no-store"
    assert admin.get(f"/staff/exports/{export.id}/file").status_code == 404
    here.clock.go(hours=25)
    assert here.staff("officer").get(f"/staff/exports/{export.id}/file").status_code == 404
    assert "已删除" in here.staff("officer").get("/staff/exports").text
    assert not file_of(folder_beside(here.desk.files), export.id).exists()


def test_the_list_asks_again_while_something_is_made_and_then_rests(here: StaffSite) -> None:
    officer = here.staff("officer")
    with here.store.writing() as db:
        now = here.clock()
        day = "2026-11-22"
        export = jobs.queue(db, made_by=NAMES["officer"], kind="zip", audience="", bank=False, reason="", day=day, now=now)
        assert exports.begin(db, export.id, now)
        exports.note_progress(db, export.id, 3, 8, now)
    piece = officer.get("/staff/exports/list", **{"hx-request": "true"}).text
    assert "<html" not in piece
    assert 'hx-trigger="every 1s"' in piece
    assert '<progress value="3" max="8"' in piece
    assert officer.post(f"/staff/exports/{export.id}/cancel").status_code == 303
    assert "hx-trigger" not in officer.get("/staff/exports/list").text
    assert "已取消" in officer.text()
    assert officer.post(f"/staff/exports/{export.id}/cancel").status_code == 409


def test_an_export_whose_worker_died_is_said_so_and_made_again(here: StaffSite) -> None:
    officer = here.staff("officer")
    with here.store.writing() as db:
        now = here.clock()
        export = jobs.queue(db, made_by=NAMES["officer"], kind="csv", audience="", bank=False, reason="", day="2026-11-22", now=now)
        assert exports.begin(db, export.id, now)
    here.clock.go(seconds=exports.STALE + 1)
    officer.get("/staff/exports")
    assert f"没有生成：{jobs.DIED}" in officer.text()
    assert officer.post(f"/staff/exports/{export.id}/again").status_code == 303
    until(lambda: own(here)[0].state == "done")
    assert len(rows(officer, own(here)[0])) == 2


def test_what_nobody_took_is_given_to_a_new_worker(here: StaffSite) -> None:
    officer = here.staff("officer")
    with here.store.writing() as db:
        jobs.queue(db, made_by=NAMES["officer"], kind="csv", audience="", bank=False, reason="", day="2026-11-22", now=here.clock())
    here.clock.go(seconds=jobs.PATIENCE + 1)
    officer.get("/staff/exports/list")
    until(lambda: own(here)[0].state == "done")


@pytest.mark.parametrize(
    ("form", "says"),
    [({"format": "exe"}, "没有这种格式"), ({"format": "csv", "audience": "since=gestern"}, "筛选条件读不出来")],
)
def test_a_form_that_makes_no_sense_is_explained(here: StaffSite, form: dict[str, str], says: str) -> None:
    officer = here.staff("officer")
    assert officer.post("/staff/exports", form).status_code == 422
    assert says in officer.text()
    assert own(here) == []


def test_an_address_that_is_no_filter_is_explained(here: StaffSite) -> None:
    officer = here.staff("officer")
    assert officer.get("/staff/exports?due_to=never").status_code == 422
    assert "筛选条件读不出来" in officer.text()


def test_nobody_fills_the_queue(here: StaffSite) -> None:
    with here.store.writing() as db:
        for _ in range(AT_ONCE):
            jobs.queue(db, made_by=NAMES["officer"], kind="csv", audience="", bank=False, reason="", day="2026-11-22", now=here.clock())
    officer = here.staff("officer")
    assert officer.post("/staff/exports", {"format": "csv"}).status_code == 422
    assert "还没做完" in officer.text()
    assert made(here, here.staff("admin"), "admin").state == "done"


def test_what_an_applicant_or_colleague_wrote_is_text_on_the_page(here: StaffSite) -> None:
    officer = here.staff("officer")
    made(here, officer, audience="words=<i>x</i>", reason="<script>alert(1)</script>")
    page = officer.get("/staff/exports").text
    assert "<script>alert" not in page
    assert "<i>x" not in page
    assert "搜索：&lt;i&gt;x&lt;/i&gt;" in page
