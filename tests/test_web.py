"""The browser chat over real HTTP, as a browser without scripts uses it and as htmx does."""

import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request

from bot.handle import BUSY
from bot.server import make_app
from bot.web import address_of
from storage.store import StoreError
from tests.site import WAIT, Site, Visitor, settings_for, site
from tests.talk import Talk
from tests.willing import answer

OPENING = "我们在柳州开了家书院，想申请认定市里的人才驿站"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as found:
        yield found


@pytest.fixture
def visitor(here: Site) -> Visitor:
    return here.visitor()


def rows(here: Site) -> int:
    with sqlite3.connect(here.folder / "chat.db") as db:
        found = int(db.execute("SELECT (SELECT count(*) FROM people) + (SELECT count(*) FROM messages)").fetchone()[0])
    db.close()
    return found


def bubbles(page: httpx.Response) -> list[str]:
    """What stands in the bubbles, tags and spaces gone."""
    found = re.findall(r'<div class="bubble(?: mine)?">(.*?)</div>', page.text, re.S)
    return [unescape(re.sub(r"<[^>]+>|\s+", "", one)) for one in found]


def test_a_first_visit_greets_offers_every_programme_and_stores_nothing(here: Site, visitor: Visitor) -> None:
    assert "我能做三件事" in visitor.page.text
    offered = re.findall(r'name="say" value="([^"]*)" formnovalidate>\1<', visitor.page.text)
    assert {p.name for p in here.desk.assistant.library.programmes} <= set(offered)
    assert rows(here) == 0


def test_the_cookie_is_random_hidden_from_scripts_and_bound_to_this_site(here: Site, visitor: Visitor) -> None:
    set_cookie = visitor.page.headers["set-cookie"]
    assert re.match(r"yizhan=[A-Za-z0-9_-]{22};", set_cookie)
    assert {"httponly", "samesite=lax", "path=/"} <= {part.strip().lower() for part in set_cookie.split(";")}
    assert here.visitor().person != visitor.person


async def test_by_https_the_cookie_is_secure_and_of_this_host_alone(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2026-11-22")
    app = make_app(talk.desk, settings_for(tmp_path))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://yizhan.example") as http:
        set_cookie = (await http.get("/")).headers["set-cookie"]
    assert set_cookie.startswith("__Host-yizhan=")
    assert "Secure" in set_cookie


async def test_behind_a_proxy_that_speaks_http_the_public_address_makes_it_secure(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2026-11-22")
    app = make_app(talk.desk, settings_for(tmp_path, public_url="https://yizhan.example"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://yizhan.example") as http:
        assert (await http.get("/")).headers["set-cookie"].startswith("__Host-yizhan=")


def test_a_whole_recognition_goes_to_the_form_without_any_script(here: Site, visitor: Visitor) -> None:
    visitor.say(OPENING)
    for _ in range(60):
        asked = visitor.asked()
        if asked is None:
            break
        visitor.say(answer(asked))
    assert "做好了" in visitor.page.text
    links = re.findall(r'href="(/open/[0-9a-f]{32}\?kind=\w+)"', visitor.page.text)
    assert [link.partition("kind=")[2] for link in links] == ["form", "form_pdf", "checklist"]
    got = visitor.http.get(links[0])
    assert got.content[:2] == b"PK"
    assert got.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")


def test_the_page_shows_choices_progress_and_clauses_that_unfold(visitor: Visitor) -> None:
    page = visitor.say(OPENING)
    assert "联谊型" in visitor.choices()
    assert re.search(r'<progress value="\d+" max="\d+" aria-label="填写进度"></progress><span>已填 \d+/\d+ 项', page.text)
    assert re.search(r'<details class="cited">\s*<summary>原文：柳人社规〔2022〕5号 [^<]+</summary>\s*<figure>\s*<blockquote>', page.text)
    visitor.choose("联谊型")
    assert "联谊型" in bubbles(visitor.page)[-3][3:]


def test_a_closed_window_stays_in_sight(tmp_path: Path) -> None:
    with site(tmp_path) as here:
        visitor = here.visitor()
        page = visitor.say("我想在福州高新区申报人才驿站")
        assert '<p class="warning">现在不在可以申报的时间内，材料仅供准备。</p>' in page.text


def test_a_form_that_is_sent_again_is_one_message(here: Site, visitor: Visitor) -> None:
    first = visitor.send(text=OPENING)
    again = visitor.send(text=OPENING)
    assert bubbles(again) == bubbles(first)
    assert len(here.desk.store.conversation(visitor.person)) == 1


def test_a_double_click_at_once_is_one_message(here: Site, visitor: Visitor) -> None:
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: visitor.send(text=OPENING), range(3)))
    assert {a.status_code for a in answers} == {200}
    assert len(here.desk.store.conversation(visitor.person)) == 1


def test_htmx_gets_the_new_bubbles_and_what_changed_around_them(visitor: Visitor) -> None:
    piece = visitor.send(HTMX, text=OPENING)
    assert "<html" not in piece.text
    assert bubbles(piece)[0] == f"您说：{OPENING}"
    assert re.findall(r'<div id="(\w+)"[^>]* hx-swap-oob="true">', piece.text) == ["choices", "standing", "news", "hidden"]
    assert visitor.hidden()["id"] not in piece.text


def test_htmx_that_repeats_a_message_is_told_to_show_the_page_anew(here: Site, visitor: Visitor) -> None:
    visitor.send(HTMX, text=OPENING)
    again = visitor.send(HTMX, text=OPENING)
    assert (again.status_code, again.headers["HX-Refresh"], again.text) == (204, "true", "")
    assert len(here.desk.store.conversation(visitor.person)) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    ],
    ids=str,
)
def test_a_form_from_another_site_is_refused_and_nothing_stored(here: Site, visitor: Visitor, headers: dict[str, str]) -> None:
    assert visitor.send(headers, text=OPENING).status_code == 403
    assert rows(here) == 0


@pytest.mark.parametrize("origin", ["null", "own"])
def test_a_form_from_this_site_passes_also_where_the_browser_hides_the_origin(here: Site, visitor: Visitor, origin: str) -> None:
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": here.url if origin == "own" else origin}
    assert visitor.send(headers, text=OPENING).status_code == 200
    assert len(here.desk.store.conversation(visitor.person)) == 1


@pytest.mark.parametrize(
    "changed", [{"token": ""}, {"token": "0" * 64}, {"token": "é"}, {"id": ""}, {"id": "../x"}, {"id": "x" * 500}], ids=str
)
def test_a_form_with_a_wrong_token_or_id_is_refused_and_nothing_stored(here: Site, visitor: Visitor, changed: dict[str, str]) -> None:
    assert visitor.send(text=OPENING, **changed).status_code == 403
    assert rows(here) == 0


def test_the_token_of_one_person_does_not_fit_another(here: Site, visitor: Visitor) -> None:
    other = here.visitor()
    assert visitor.send(text=OPENING, token=other.hidden()["token"]).status_code == 403
    assert visitor.send(HTMX, text=OPENING, token=other.hidden()["token"]).text.startswith('<p class="notice" role="alert">')


def test_without_a_cookie_nothing_is_taken(here: Site, visitor: Visitor) -> None:
    hidden = visitor.hidden()
    answered = httpx.post(f"{here.url}/", data={**hidden, "text": OPENING}, timeout=WAIT, trust_env=False)
    assert answered.status_code == 403
    assert "Cookie" in answered.text
    assert rows(here) == 0


@pytest.mark.parametrize("body", [b"\xff\xfe", b"%ff%fe", b"a=1&" * 5000, b"id", b"{}", b""])
def test_a_body_that_is_no_form_of_ours_is_refused(visitor: Visitor, body: bytes) -> None:
    answered = visitor.http.post("/", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answered.status_code == 403


@pytest.mark.parametrize(
    "nasty",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}{% raw %}", "</textarea><b>", "\x1b[31m红\x1b[0m", "=1+1"],
)
def test_what_people_type_is_shown_as_text(visitor: Visitor, nasty: str) -> None:
    visitor.say(OPENING)
    for text in ("联谊型", "没有", nasty, f"修改 驿站名称 {nasty}", f"{nasty}是什么"):
        page = visitor.say(text)
        assert not re.search(r"<script(?! src=\"/static/)|<img (?!src=\"/static/)|<b>|\x1b", page.text)
        assert "49" not in "".join(bubbles(page)[-3:])


@pytest.mark.parametrize(
    "odd",
    ["有\x00的", "有\ud800的", "\u202e有的", "有\u200b的\ufeff", "６０", "有" * 10_000, "有" * 10_001, "\x01\x02", "  ", "😀" * 500],
    ids=["nul", "surrogate", "direction", "zero-width", "full-width", "10000", "10001", "controls", "spaces", "emoji"],
)
def test_odd_texts_are_stored_clean_or_politely_refused(here: Site, visitor: Visitor, odd: str) -> None:
    visitor.say(OPENING)
    body = "&".join(f"{k}={v}" for k, v in visitor.hidden().items()).encode() + b"&text=" + percent(odd)
    page = visitor.http.post("/", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert page.status_code == 200
    kept = here.desk.store.conversation(visitor.person)[-1]
    assert kept.replies
    assert not re.search(r"[\x00-\x08\u200b\u202e\ufeff\ud800-\udfff]", kept.text)
    assert len(kept.text) <= 10_000


def percent(text: str) -> bytes:
    return b"".join(b"%%%02X" % byte for byte in text.encode("utf-8", "surrogatepass"))


def test_a_button_of_a_question_that_is_no_longer_open_changes_nothing(here: Site, visitor: Visitor) -> None:
    visitor.say(OPENING)
    visitor.choose("联谊型")
    before = visitor.hidden()
    visitor.say("没有")
    stored = here.desk.store.load(visitor.person)
    stale = {**visitor.hidden(), "revision": before["revision"], "choice": "是"}
    page = visitor.http.post("/", data=stale)
    assert "这个按钮已经失效" in page.text
    assert here.desk.store.load(visitor.person) == stored
    piece = visitor.http.post("/", data=stale, headers=HTMX)
    assert piece.headers["HX-Redirect"] == "/?stale=1"


def test_somebody_who_floods_is_told_once_and_others_are_not_held_up(tmp_path: Path) -> None:
    with site(tmp_path, at_once=5) as here:
        flooder, other = here.visitor(), here.visitor()
        codes = []
        for _ in range(12):
            flooder.page = flooder.http.get("/")
            codes.append(flooder.send(HTMX, text="你好").status_code)
        assert codes == [200] * 5 + [429] + [204] * 6
        assert other.say(OPENING).status_code == 200
        assert "发得太快" in flooder.send(text="你好").text
        assert len(here.desk.store.conversation(flooder.person)) == 5


def test_a_new_cookie_for_each_message_does_not_get_round_the_limit(tmp_path: Path) -> None:
    with site(tmp_path, at_once=2) as here:
        known = here.visitor()
        assert known.say("你好").status_code == 200
        codes = [(visitor := here.visitor()).send(text="你好").status_code for _ in range(8)]
        assert codes == [200] * 5 + [429] * 3
        assert here.desk.store.conversation(visitor.person) == []
        assert "没有记下" in visitor.send(text="你好").text
        assert known.say("你们是谁").status_code == 200


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("2001:db8:1:2::7", "2001:db8:1:2:ffff::8", True),
        ("2001:db8:1:2::7", "2001:db8:1:3::7", False),
        ("testclient", "testclient", True),
    ],
)
def test_an_address_stands_for_one_network(first: str, second: str, same: bool) -> None:
    here, there = (Request({"type": "http", "client": (host, 1), "headers": []}) for host in (first, second))
    assert (address_of(here) == address_of(there)) is same


def test_older_turns_are_shown_on_demand(visitor: Visitor) -> None:
    visitor.say("第一句你好")
    for n in range(25):
        visitor.say(f"你好{n}")
    assert "第一句你好" not in visitor.page.text
    more = re.search(r'<a href="(/\?turns=\d+)#log">看更早的对话</a>', visitor.page.text)
    assert more
    page = visitor.http.get(more[1])
    assert "第一句你好" in page.text
    assert "看更早的对话" not in page.text
    assert visitor.http.get("/?turns=9999999999").status_code == visitor.http.get("/?turns=-1").status_code == 200


@pytest.mark.parametrize("htmx", [False, True])
def test_deleting_in_the_chat_leaves_nothing_but_the_word_that_it_is_done(here: Site, visitor: Visitor, htmx: bool) -> None:
    visitor.say(OPENING)
    visitor.say("联谊型")
    old = visitor.person
    visitor.say("删除我的数据")
    page = visitor.send(HTMX if htmx else None, choice="是")
    assert [b.partition("：")[2] for b in bubbles(page)] == ["已删除您的全部数据。以后想用，随时再来。"]
    assert (page.headers.get("HX-Retarget") == "body") is htmx
    assert visitor.person != old
    assert rows(here) == 0
    visitor.page = page
    assert visitor.say("你好").status_code == 200


def test_a_store_that_fails_gets_a_plain_word_and_heals(here: Site, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:

        def full(*_: object) -> None:
            raise StoreError("chat.db: the disk is full; free some space")

        broken.setattr(type(here.desk.store), "commit", full)
        answered = visitor.send(text=OPENING)
        assert answered.status_code == 503
        assert BUSY in answered.text
        assert "disk" not in answered.text
    assert visitor.send(text=OPENING).status_code == 200
    assert len(here.desk.store.conversation(visitor.person)) == 1


def test_a_thumb_under_an_answer_reaches_the_staff(here: Site, visitor: Visitor) -> None:
    page = visitor.say("柳州人才驿站每年要办几场活动？")
    assert page.text.count('class="vote"') == 1
    visitor.page = visitor.send(say="👎")
    assert 'class="vote"' not in visitor.page.text
    assert [row.kind for row in here.desk.store.pending("downvote")] == ["downvote"]


def test_documents_in_the_chat_open_for_their_owner_alone(here: Site, visitor: Visitor) -> None:
    visitor.say(OPENING)
    draft = here.desk.store.load(visitor.person).draft
    assert draft is not None
    own, stranger = visitor.http.get(f"/open/{draft.id}"), here.visitor()
    assert own.status_code == 200
    assert own.url.path.startswith("/a/")
    foreign, unknown = stranger.http.get(f"/open/{draft.id}"), stranger.http.get("/open/" + "0" * 32)
    assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)
    assert foreign.status_code == 404
    assert httpx.get(f"{here.url}/open/{draft.id}", timeout=WAIT, trust_env=False).status_code == 404
