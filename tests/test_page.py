"""The applicant's own page over real HTTP: what it shows, who sees it, ticks, documents, deletion."""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest

from bot import papers
from bot.links import new_token, page_url
from flows.types import PersonKey
from storage.store import StoreError
from tests.site import WAIT, Site, site
from tests.talk import Talk
from tests.willing import goes_to_the_end

OPENING = "我们在柳州开了家书院，想申请认定市里的人才驿站"
HTMX = {"HX-Request": "true"}
PRIVATE = ("韦建国", "13900001234", "weijianguo@example.com")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as found:
        yield found


@pytest.fixture
def http(here: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=here.url, timeout=WAIT, follow_redirects=True, trust_env=False) as found:
        yield found


def token_of(talk: Talk, *, now: datetime | None = None) -> str:
    person = PersonKey(channel=talk.channel, sender=talk.sender)
    draft = talk.desk.store.load(person).draft
    assert draft is not None
    return new_token(talk.desk, person, draft.id, now)


@pytest.fixture
def finished(here: Site) -> str:
    """A link to a finished recognition."""
    here.talk.say(OPENING)
    goes_to_the_end(here.talk)
    return token_of(here.talk)


def words(page: httpx.Response) -> str:
    return unescape(re.sub(r"<[^>]+>", "", page.text.split("<body")[1]))


def boxes(page: httpx.Response) -> dict[str, bool]:
    found = re.findall(r'id="box-([0-9a-f]{16})" role="checkbox" aria-checked="(true|false)"', page.text)
    return {key: checked == "true" for key, checked in found}


def test_a_finished_draft_shows_state_preview_documents_checklist_and_deletion(http: httpx.Client, finished: str) -> None:
    page = http.get(f"/a/{finished}")
    assert page.status_code == 200
    shown = words(page)
    for part in (
        "柳州市人才驿站",
        "申请认定",
        "已填完",
        "书面条件都符合",
        "这是草稿，不是申请",
        "在浏览器打开",
        "已备齐 0 /",
        "删除我的数据",
    ):
        assert part in shown
    kinds = re.findall(rf'href="/files/{finished}\?kind=(\w+)', page.text)
    assert kinds == ["preview", "form", "form_pdf", "checklist"]
    assert boxes(page)
    assert 'alt="填好的表的第一页' in page.text


def test_an_unfinished_draft_says_what_is_missing_and_can_be_previewed(here: Site, http: httpx.Client) -> None:
    here.talk.all(OPENING, "联谊型", "没有", "不方便，地方很偏")
    token = token_of(here.talk)
    shown = words(http.get(f"/a/{token}"))
    assert "还没填完" in shown
    assert re.search("表上还没填：.*驿站名称", shown)
    assert "没达到" in shown
    assert http.get(f"/files/{token}?kind=preview&view=1").content[:4] == b"\x89PNG"
    assert not here.desk.files.exists()


def test_a_closed_programme_is_told_and_its_papers_are_marked(here: Site, http: httpx.Client) -> None:
    here.talk.say("我想在福州高新区申报人才驿站")
    goes_to_the_end(here.talk)
    token = token_of(here.talk)
    page = http.get(f"/a/{token}")
    assert "现在不能正式申报，文件上标了“仅供准备”" in words(page)
    assert "仅供准备" in name_of(http.get(f"/files/{token}"))


def name_of(answer: httpx.Response) -> str:
    return unquote(answer.headers["content-disposition"].partition("filename*=UTF-8''")[2])


def test_every_service_has_a_page(here: Site, http: httpx.Client) -> None:
    walked = 0
    for programme in here.desk.assistant.library.programmes:
        for service in programme.latest.services:
            talk = Talk(here.folder, "2026-11-22", sender=f"{programme.key}-{service.key}")
            talk.desk.store.close()
            talk.desk = here.desk
            talk.all(programme.name, service.name)
            goes_to_the_end(talk)
            token = token_of(talk)
            page = http.get(f"/a/{token}")
            assert page.status_code == 200
            assert f"{programme.name}\n{service.name}" in words(page)
            assert ("预览和下载" in words(page)) is (service.produces != "nothing")
            for kind in re.findall(rf"/files/{token}\?kind=(\w+)", page.text):
                assert http.get(f"/files/{token}?kind={kind}").status_code == 200
            walked += 1
    assert walked == 8


def test_dates_can_be_put_into_a_calendar(here: Site, http: httpx.Client) -> None:
    here.talk.all("我们想申请柳州人才驿站的建设补助资金", "是", "2026年3月1日")
    token = token_of(here.talk)
    page = http.get(f"/a/{token}")
    assert "2027年3月1日" in words(page)
    calendar = http.get(f"/files/{token}?kind=calendar")
    assert calendar.headers["content-type"] == "text/calendar; charset=utf-8"
    assert b"DTSTART;VALUE=DATE:20270301" in calendar.content


@pytest.mark.parametrize("kind", ["form", "form_pdf", "preview", "checklist"])
def test_a_document_is_the_one_that_was_handed_out(here: Site, http: httpx.Client, finished: str, kind: str) -> None:
    given = {f.kind: Path(f.path) for r in here.talk.desk.store.conversation(person(here))[-1].replies for f in r.files}
    got = http.get(f"/files/{finished}?kind={kind}")
    assert got.content == given[kind].read_bytes()
    assert name_of(got) == given[kind].name
    assert re.fullmatch(r"attachment; filename\*=UTF-8''[\w.%~-]+", got.headers["content-disposition"])


def person(here: Site) -> PersonKey:
    return PersonKey(channel=here.talk.channel, sender=here.talk.sender)


@pytest.mark.parametrize("gone", ["folder", "one"])
def test_documents_that_are_gone_are_made_anew_and_kept(here: Site, http: httpx.Client, finished: str, gone: str) -> None:
    folder = next(here.desk.files.iterdir())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    name = name_of(http.get(f"/files/{finished}"))
    shutil.rmtree(folder) if gone == "folder" else (folder / name).unlink()
    assert name_of(http.get(f"/files/{finished}")) == name
    assert set(before) == {path.name for path in folder.iterdir()}
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())


def test_a_full_disk_does_not_keep_a_document_from_its_owner(
    here: Site, http: httpx.Client, finished: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(here.desk.files)

    def full(*_: object) -> None:
        raise StoreError("the disk is full; free some space")

    monkeypatch.setattr(papers, "write", full)
    assert http.get(f"/files/{finished}").content[:2] == b"PK"
    assert not here.desk.files.exists()


def test_a_change_after_the_hand_out_is_in_the_document_at_once(here: Site, http: httpx.Client, finished: str) -> None:
    before = http.get(f"/files/{finished}?kind=preview").content
    here.talk.all("修改 驿站名称", "清风书院人才驿站")
    assert "清风书院" in name_of(http.get(f"/files/{finished}"))
    assert http.get(f"/files/{finished}?kind=preview").content != before
    assert "还没填完" in words(http.get(f"/a/{finished}"))


def one_bit_off(token: str) -> list[str]:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return [token[:n] + alphabet[alphabet.index(c) ^ bit] + token[n + 1 :] for n, c in enumerate(token) for bit in (1, 32)]


@pytest.mark.parametrize("path", ["/a/{}", "/a/{}/delete", "/files/{}", "/files/{}?kind=preview"])
def test_a_link_that_is_wrong_in_any_way_gets_one_same_answer(here: Site, http: httpx.Client, finished: str, path: str) -> None:
    expired = token_of(here.talk, now=datetime.now(UTC) - timedelta(hours=72, seconds=1))
    revoked = token_of(here.talk)
    others = [
        expired,
        "x",
        "x" * 22,
        "x" * 5000,
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "é",
        f"{finished}=",
        f" {finished}",
        *one_bit_off(finished),
    ]
    answers = [http.get(path.format(token)) for token in others]
    here.desk.store.revoke_links(person(here))
    answers += [http.get(path.format(token)) for token in (finished, revoked)]
    assert {a.status_code for a in answers} == {404}
    assert len({a.content for a in answers}) == 1
    same = [{k: v for k, v in a.headers.items() if k != "date"} for a in answers]
    assert all(one == same[0] for one in same)
    assert "链接已经过期" in answers[0].text


def test_a_link_to_a_draft_of_somebody_else_opens_nothing(here: Site, http: httpx.Client, finished: str) -> None:
    stranger = Talk(here.folder, "2026-11-22", sender="stranger")
    stranger.say("你好")
    draft = here.desk.store.draft_ids(person(here))[0]
    token = new_token(here.desk, PersonKey(channel="console", sender="stranger"), draft)
    assert http.get(f"/a/{token}").status_code == http.get(f"/files/{token}").status_code == 404
    stranger.desk.store.close()


@pytest.mark.parametrize("kind", ["", "passwd", "../form", "form%00", "FORM", "calendar", "form/../../x"])
def test_a_kind_that_the_draft_does_not_have_is_not_found(http: httpx.Client, finished: str, kind: str) -> None:
    assert http.get(f"/files/{finished}?kind={kind}").status_code == 404


def test_a_link_can_be_fetched_as_often_as_wished_also_by_head(http: httpx.Client, finished: str) -> None:
    assert [http.get(f"/a/{finished}").status_code for _ in range(3)] == [200] * 3
    head = http.head(f"/files/{finished}")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("path", ["/a/{}", "/files/{}"])
def test_pages_and_documents_are_kept_by_nobody_and_give_their_address_to_nobody(http: httpx.Client, finished: str, path: str) -> None:
    headers = http.get(path.format(finished)).headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "noindex" in headers["x-robots-tag"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize("htmx", [False, True])
def test_a_ticked_box_stays_ticked_until_it_is_unticked(here: Site, http: httpx.Client, finished: str, htmx: bool) -> None:
    key = next(iter(boxes(http.get(f"/a/{finished}"))))
    answer = http.post(f"/a/{finished}/tick", data={"item": key, "on": "1"}, headers=HTMX if htmx else {})
    assert boxes(answer)[key] is True
    assert ("<html" in answer.text) is not htmx
    assert "已备齐 1 /" in answer.text
    assert boxes(http.get(f"/a/{token_of(here.talk)}"))[key] is True
    answer = http.post(f"/a/{finished}/tick", data={"item": key, "on": "0"}, headers=HTMX if htmx else {})
    assert boxes(answer)[key] is False
    assert here.desk.store.notes(person(here), "tick:") == {}


@pytest.mark.parametrize("body", [b"item=0123456789abcdef&on=1", b"item=..&on=1", b"", b"\xff", b"on=1"])
def test_only_materials_of_the_list_can_be_ticked(here: Site, http: httpx.Client, finished: str, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert http.post(f"/a/{finished}/tick", content=body, headers=headers).status_code == 404
    assert here.desk.store.notes(person(here), "tick:") == {}


def everything_kept(here: Site) -> bytes:
    files = [path for path in here.folder.rglob("*") if path.is_file()]
    assert files
    return b"".join(path.read_bytes() for path in files)


def test_deletion_asks_first_and_then_leaves_nothing(here: Site, http: httpx.Client, finished: str) -> None:
    other = token_of(here.talk)
    http.post(f"/a/{finished}/tick", data={"item": next(iter(boxes(http.get(f"/a/{finished}")))), "on": "1"})
    assert PRIVATE[0].encode() in everything_kept(here)
    assert "删除后无法恢复" in words(http.get(f"/a/{finished}/delete"))
    assert http.get(f"/a/{finished}").status_code == 200
    assert "已经删除" in words(http.post(f"/a/{finished}/delete"))
    left = everything_kept(here)
    assert not [text for text in PRIVATE if text.encode() in left]
    with closing(sqlite3.connect(here.folder / "chat.db")) as db:
        counts = [db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("people", "drafts", "messages", "notes", "links")]
    assert counts == [0] * 5
    assert not list(here.desk.files.iterdir())
    gone = [http.get(f"/a/{finished}"), http.post(f"/a/{finished}/delete"), http.get(f"/a/{other}"), http.get(f"/files/{finished}")]
    assert {(a.status_code, a.content) for a in gone} == {(404, gone[0].content)}


@pytest.mark.parametrize("what", ["tick", "delete"])
def test_another_site_can_neither_tick_nor_delete(here: Site, http: httpx.Client, finished: str, what: str) -> None:
    key = next(iter(boxes(http.get(f"/a/{finished}"))))
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}):
        assert http.post(f"/a/{finished}/{what}", data={"item": key, "on": "1"}, headers=headers).status_code == 404
    assert here.desk.store.notes(person(here), "tick:") == {}
    assert http.get(f"/a/{finished}").status_code == 200


@pytest.mark.parametrize(
    ("channel", "hint"), [("wechat", "回到微信公众号的对话"), ("telegram", "回到 Telegram 的对话"), ("web", "回到对话，继续填写")]
)
def test_the_way_back_leads_to_the_channel_one_came_from(here: Site, http: httpx.Client, channel: str, hint: str) -> None:
    talk = Talk(here.folder, "2026-11-22", channel=channel)
    talk.all(OPENING, "联谊型")
    talk.desk.store.close()
    talk.desk = here.desk
    assert hint in words(http.get(f"/a/{token_of(talk)}"))


def test_what_people_typed_is_shown_as_text(here: Site, http: httpx.Client) -> None:
    here.talk.all(OPENING, "联谊型")
    goes_to_the_end(here.talk)
    here.talk.all("修改 驿站名称", '"><script>alert(1)</script>{{7*7}}')
    page = http.get(f"/a/{token_of(here.talk)}")
    assert not re.search(r"<script(?! src=\"/static/)", page.text)
    assert http.get(f"/files/{token_of(here.talk)}").status_code == 200


def test_without_a_public_address_there_is_no_link_and_with_one_it_opens(here: Site, finished: str) -> None:
    draft = here.desk.store.draft_ids(person(here))[0]
    assert page_url(here.desk, "", person(here), draft) == ""
    address = page_url(here.desk, here.url, person(here), draft)
    assert re.fullmatch(rf"{here.url}/a/[A-Za-z0-9_-]{{22}}", address)
    assert httpx.get(address, timeout=WAIT, trust_env=False).status_code == 200
