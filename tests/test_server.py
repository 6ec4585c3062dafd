"""The server as a whole: what every request passes, health and numbers, logs without secrets, start and stop of `yizhan serve`."""

import asyncio
import contextlib
import io
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import structlog
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot import guard, log, server
from bot.limits import Limiter
from flows.types import PersonKey
from storage.store import Push
from tests.fakes.wechat import Keys, Platform
from tests.site import WAIT, Site, Visitor, serving, settings_for, site
from tests.talk import Talk
from tests.test_page import token_of
from tests.willing import answer

OPENING = "我们在柳州开了家书院，想申请认定市里的人才驿站"
BANK = "6222020000000000018"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as found:
        yield found


def get(here: Site, path: str) -> httpx.Response:
    return httpx.get(here.url + path, timeout=WAIT, trust_env=False)


# Health and numbers


def test_health_is_well_while_the_store_works_and_503_when_it_does_not(here: Site) -> None:
    well = get(here, "/healthz")
    assert (well.status_code, well.json()) == (200, {"store": "ok", "channels": {"web": "ok"}})
    here.desk.store.close()
    ill = get(here, "/healthz")
    assert (ill.status_code, ill.json()["store"]) == (503, "failed")
    assert get(here, "/a/" + "x" * 22).status_code == 503


def test_numbers_count_messages_by_channel_and_outcome(here: Site) -> None:
    visitor = here.visitor()
    visitor.say(OPENING)
    visitor.say("联谊型")
    text = get(here, "/metrics").text
    assert 'yizhan_messages_total{channel="web",outcome="answered"} 2.0' in text
    assert 'yizhan_turn_seconds_count{channel="web"} 2.0' in text
    assert visitor.person.sender not in text


def test_two_apps_in_one_process_count_each_for_itself(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with site(tmp_path / "a") as one, site(tmp_path / "b") as other:
        one.visitor().say(OPENING)
        assert 'outcome="answered"} 1.0' in get(one, "/metrics").text
        assert 'outcome="answered"}' not in get(other, "/metrics").text


# What every request passes


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/metrics", "/a/x", "/files/x", "/open/x", "/nothing", "/static/style.css", "/static/none"]
)
def test_every_answer_has_the_headers_that_protect_its_reader(here: Site, path: str) -> None:
    headers = get(here, path).headers
    policy = headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == ("no-store" if path != "/static/style.css" else "public, max-age=31536000, immutable")
    assert "server" not in headers


def test_pages_ask_nothing_of_other_sites_and_have_no_script_or_style_inside() -> None:
    found = [*(server.STATIC.parent / "templates").rglob("*.html"), server.STATIC / "style.css"]
    own = [path for path in server.STATIC.glob("*.js") if path.name != "htmx.min.js"]
    assert len(found) > 8
    assert own
    for path in (*found, *own):
        text = path.read_text(encoding="utf-8")
        text = re.sub(
            r'<script type="text/wxtag-template".*?</script>', "", text
        )  # no script to a browser, and shown by the platform alone
        assert not re.search(r"https?://|<style|style=|\son\w+=|<script(?! src=)|@import|url\(", text), path


@pytest.mark.parametrize("path", ["/", "/a/x/tick"])
def test_a_body_that_is_too_large_is_refused(here: Site, path: str) -> None:
    large = b"x" * (guard.BODY_BYTES + 1)
    assert httpx.post(here.url + path, content=large, timeout=WAIT, trust_env=False).status_code == 413
    chunked = httpx.post(here.url + path, content=iter([large[:1000], large[1000:]]), timeout=WAIT, trust_env=False)
    assert chunked.status_code == 413
    fits = httpx.post(here.url + path, content=large[1:], timeout=WAIT, trust_env=False)
    assert fits.status_code in (403, 404)


@contextmanager
def dripping(here: Site, count: int) -> Iterator[list[socket.socket]]:
    """Clients that send the head and one byte of a body, and then nothing."""
    host, port = here.url.removeprefix("http://").split(":")
    with ExitStack() as stack:
        made = []
        for _ in range(count):
            client = stack.enter_context(socket.create_connection((host, int(port)), WAIT))
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nt")
            made.append(client)
        yield made


def test_two_hundred_slow_clients_are_let_go_and_hold_up_nobody(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 2.0)
    with dripping(here, 200) as clients:
        assert here.visitor().say(OPENING).status_code == 200
        ends = [client.recv(100) for client in clients]
    assert {end.split(b"\r\n")[0] for end in ends} == {b"HTTP/1.1 408 Request Timeout"}


def failing(tmp_path: Path) -> tuple[Talk, server.Starlette]:
    async def fail(request: Request) -> Response:
        raise ValueError(f"canary-{request.query_params['q']}")

    talk = Talk(tmp_path, "2026-11-22")
    app = server.make_app(talk.desk, settings_for(tmp_path))
    app.router.routes.append(Route("/fail", fail))
    return talk, app


def test_a_failure_of_ours_is_a_plain_word_a_class_in_the_log_and_a_number(tmp_path: Path, logged: io.StringIO) -> None:
    talk, app = failing(tmp_path)
    with serving(app) as url, httpx.Client(base_url=url, timeout=WAIT, trust_env=False) as http:
        answered = http.get("/fail?q=13900001234")
        numbers = http.get("/metrics").text
    talk.desk.store.close()
    assert answered.status_code == 500
    assert "系统出了点问题" in answered.text
    assert 'yizhan_errors_total{error="ValueError"} 1.0' in numbers
    line = next(json.loads(line) for line in logged.getvalue().splitlines() if '"error"' in line)
    assert line["error"] == "ValueError"
    assert any(place.startswith("test_server.py:") for place in line["at"])
    assert not re.search("canary|13900001234|Traceback", logged.getvalue() + answered.text)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What is logged, as `yizhan serve` sets it up; put back afterwards."""
    handlers, level = logging.root.handlers[:], logging.root.level
    out = io.StringIO()
    log.set_up(out)
    yield out
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


# Logs


def test_a_line_tells_the_route_without_its_token_and_the_person_by_a_hash(here: Site, logged: io.StringIO) -> None:
    visitor = here.visitor()
    visitor.say(OPENING)
    here.talk.say(OPENING)
    token = token_of(here.talk)
    get(here, f"/a/{token}?x={token}")
    get(here, "/nowhere/13900001234?q=13900001234")
    text = logged.getvalue()
    lines = [json.loads(line) for line in text.splitlines()]
    requests = [(one["method"], one["route"], one["status"]) for one in lines if one["event"] == "request"]
    assert requests == [("GET", "/", 200), ("POST", "/", 303), ("GET", "/", 200), ("GET", "/a/{token}", 200), ("GET", "-", 404)]
    assert len({one["person"] for one in lines if one.get("route") == "/"}) == 1
    assert not [secret for secret in (token, visitor.person.sender, "13900001234", "书院") if secret in text]


def test_a_wechat_callback_is_logged_with_a_hash_of_its_person(tmp_path: Path, logged: io.StringIO) -> None:
    keys, people = Keys(), ("oCANARY_openid_0000000000001", "oCANARY_openid_0000000000002")
    given = {"wechat_token": SecretStr(keys.token), "wechat_aes_key": SecretStr(keys.aes_key), "wechat_app_id": keys.app_id}
    with site(tmp_path, **given) as here:
        platform = Platform(here.url, time.time, keys)
        for openid in (*people, people[0]):
            query, body = platform.sealed(platform.xml(openid, "text", Content="你好"))
            httpx.post(f"{here.url}/wechat", params=query, content=body, timeout=WAIT, trust_env=False).raise_for_status()
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    first, second, third = (one["person"] for one in lines if one.get("route") == "/wechat")
    assert first == third != second
    assert "CANARY" not in logged.getvalue()


def test_the_report_names_a_channel_once(tmp_path: Path) -> None:
    talk, keys = Talk(tmp_path, "2026-11-22"), Keys()
    settings = settings_for(tmp_path, wechat_token=SecretStr(keys.token), wechat_aes_key=SecretStr(keys.aes_key), wechat_app_id=keys.app_id)
    lines = server.report(server.make_app(talk.desk, settings), settings, "http://here")
    talk.desk.store.close()
    assert [line for line in lines if "微信：" in line or "wechat" in line] == [
        "微信：未认证订阅号，加密，不能主动发送，提醒等对方下次来时显示"
    ]


def test_libraries_that_log_addresses_or_exceptions_give_nothing_away(logged: io.StringIO) -> None:
    logging.getLogger("httpx").info("HTTP Request: GET https://api.example/cgi-bin/token?secret=canary")
    logging.getLogger("uvicorn.access").error("GET /a/canary")
    try:
        raise RuntimeError("canary")
    except RuntimeError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n canary")
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <Task exception=ValueError('canary')>")
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert [one["event"] for one in lines] == ["Exception in ASGI application", "Task exception was never retrieved"]
    assert lines[0]["error"] == "RuntimeError"
    assert "canary" not in logged.getvalue()


def test_the_hash_of_a_person_needs_the_key() -> None:
    person = PersonKey(channel="wechat", sender="oCANARY")
    assert log.pseudonym(b"a", person) == log.pseudonym(b"a", person) != log.pseudonym(b"b", person)
    assert len(log.pseudonym(b"a", person)) == 10


# Limits


def test_a_hundred_messages_a_second_of_one_person_get_one_notice() -> None:
    now = 0.0
    limiter = Limiter(clock=lambda: now)
    seen = []
    for n in range(6000):
        now = n / 100
        seen.append(limiter.allow("flooder"))
    assert seen[:20] == ["pass"] * 20
    assert seen.count("notice") == 1
    assert limiter.allow("other") == "pass"
    now += 10
    assert limiter.allow("flooder") == "pass"


def test_ten_thousand_people_and_more_do_not_make_the_limit_grow() -> None:
    limiter = Limiter(people=10_000)
    for n in range(25_000):
        assert limiter.allow(f"p{n}") == "pass"
    assert len(limiter) == 10_000


# Channels


class _Fragile:
    def __init__(self) -> None:
        self.stopped = asyncio.Event()

    async def start(self) -> None:
        raise RuntimeError("canary: unreachable")

    async def stop(self) -> None:
        self.stopped.set()

    def status(self) -> str:
        return "连不上"


def test_a_channel_that_does_not_come_up_leaves_the_others_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: io.StringIO
) -> None:
    fragile = _Fragile()
    monkeypatch.setattr(server, "channels", lambda *_: (server.Wired(name="wechat", channel=fragile, routes=()),))
    with site(tmp_path) as here:
        assert here.visitor().say(OPENING).status_code == 200
        assert get(here, "/healthz").json()["channels"] == {"web": "ok", "wechat": "连不上"}
    assert fragile.stopped.is_set()
    assert "channel did not start" in logged.getvalue()
    assert "canary" not in logged.getvalue()


def test_a_configured_official_account_is_served_reported_and_counted(tmp_path: Path) -> None:
    given = {
        "wechat_token": SecretStr("canary-token"),
        "wechat_aes_key": SecretStr("A" * 42 + "0"),
        "wechat_app_id": "wx0123456789abcdef",
        "wechat_app_secret": SecretStr("canary-secret"),
    }
    with site(tmp_path, **given) as here:
        assert get(here, "/wechat").status_code in (400, 403)
        told = get(here, "/healthz").json()["channels"]["wechat"]
        here.talk.say("你好")
        person = PersonKey(channel="wechat", sender="o1")
        here.desk.store.change_note(person, "x", lambda _: "1")
        here.desk.store.post(Push(id="p1", person=person, kind="reminder", body="{}", due_at=datetime(2099, 1, 1, tzinfo=UTC)))
        numbers = get(here, "/metrics").text
    assert told
    assert 'yizhan_pushes{channel="wechat",state="waiting"} 1.0' in numbers
    assert "canary" not in told + numbers


# The command


class Served:
    """`yizhan serve` as a process of its own."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        command = [sys.executable, "-c", "from bot.cli import main; main()", "serve", "--today", "2026-11-22", *arguments]
        own = {key: value for key, value in os.environ.items() if not key.startswith("YIZHAN_")}
        given = {"PYTHONPATH": str(Path(__file__).parent.parent), "YIZHAN_DATABASE": f"sqlite:///{folder / 'chat.db'}", **environment}
        self.errors = folder / "stderr"
        with self.errors.open("w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, encoding="utf-8", cwd=folder, env={**own, **given}, start_new_session=True
            )
        self.report: list[str] = []

    def address(self) -> str:
        """Where it listens, once it says so."""
        assert self.process.stdout is not None
        watch = threading.Timer(WAIT, self.process.kill)
        watch.start()
        for line in self.process.stdout:
            self.report.append(line.strip())
            if line.startswith("浏览器对话："):
                watch.cancel()
                return line.partition("：")[2].strip().rstrip("/")
        raise AssertionError(self.errors.read_text(encoding="utf-8"))

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(WAIT)
        assert self.process.stdout is not None
        self.report += self.process.stdout.read().splitlines()
        return code


@contextmanager
def served(folder: Path, *arguments: str, **environment: str) -> Iterator[Served]:
    made = Served(folder, "--port", "0", *arguments, **environment)
    try:
        yield made
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(made.process.pid, signal.SIGKILL)  # with its workers: they were started for this test alone
        made.process.communicate(timeout=WAIT)


def walk(url: str, folder: Path) -> Visitor:
    """A person fills in a recognition through to the files, with bank data typed where it does not belong."""
    talk = Talk(folder, "2026-11-22")
    visitor = Visitor(Site(folder, url, talk))
    visitor.say(OPENING)
    visitor.say(f"银行卡号{BANK}，手机13900001234")
    for _ in range(60):
        asked = visitor.asked()
        if asked is None:
            break
        visitor.say(answer(asked))
    talk.desk.store.close()
    return visitor


def test_serve_says_what_runs_works_at_once_and_logs_nothing_that_was_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Visitor, "say", _patient(Visitor.say))
    with served(tmp_path) as running:
        url = running.address()
        visitor = walk(url, tmp_path)
        own = visitor.http.get(re.findall(r'href="(/open/[0-9a-f]{32})"', visitor.page.text)[-1])
        token = own.url.path.removeprefix("/a/")
        fetched = [visitor.http.get(f"/files/{token}?kind={kind}").status_code for kind in ("form", "form_pdf", "preview", "checklist")]
        numbers = visitor.http.get("/metrics").text
        visitor.http.close()
        assert running.stop() == 0
    assert fetched == [200] * 4
    report = "\n".join(running.report)
    for said in ("微信公众号：未启用，缺 YIZHAN_WECHAT_TOKEN", "Telegram：未启用，缺 YIZHAN_TELEGRAM_TOKEN", "YIZHAN_PUBLIC_URL"):
        assert said in report
    written = running.errors.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in written.splitlines()]
    assert sum(one["event"] == "request" for one in lines) > 30
    secrets = (
        BANK,
        "13900001234",
        "weijianguo",
        "韦建国",
        "书院",
        token,
        visitor.person.sender,
        (tmp_path / "yizhan.key").read_text().strip(),
    )
    assert not [secret for secret in secrets if secret in written + report + numbers]


def _patient(say):  # type: ignore[no-untyped-def]  # Visitor.say
    """A person who waits when told to slow down."""

    def spoken(self: Visitor, text: str) -> httpx.Response:
        for _ in range(60):
            page = self.send(text=text)
            if page.status_code != 429:
                self.page = page
                return page
            threading.Event().wait(0.5)
        raise AssertionError("still told to slow down")

    return spoken


def test_several_workers_serve_one_conversation(tmp_path: Path) -> None:
    with served(tmp_path, "--workers", "2") as running:
        url = running.address()
        talk = Talk(tmp_path, "2026-11-22")
        visitor = Visitor(Site(tmp_path, url, talk))
        with ThreadPoolExecutor(8) as pool:  # many connections, so that both workers get some
            pages = list(pool.map(lambda _: httpx.get(url, timeout=WAIT, trust_env=False).status_code, range(24)))
        for text in (OPENING, "联谊型", "没有"):
            visitor.http.close()
            visitor.http = httpx.Client(base_url=url, cookies=visitor.http.cookies, timeout=WAIT, follow_redirects=True, trust_env=False)
            visitor.say(text)
        assert len(talk.desk.store.conversation(visitor.person)) == 3
        visitor.http.close()
        talk.desk.store.close()
        assert running.stop() == 0
    assert pages == [200] * 24


def workers_of(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def test_a_worker_that_dies_is_replaced_and_the_others_go_on(tmp_path: Path) -> None:
    with served(tmp_path, "--workers", "2") as running:
        url = running.address()
        assert httpx.get(url, timeout=WAIT, trust_env=False).status_code == 200
        first = workers_of(running.process.pid)
        assert len(first) == 2
        os.kill(first[0], signal.SIGKILL)
        assert {httpx.get(url, timeout=WAIT, trust_env=False).status_code for _ in range(10)} == {200}
        until = time.monotonic() + WAIT
        while len(now := workers_of(running.process.pid)) < 2 or first[0] in now:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert first[1] in now
        assert running.stop() == 0
        assert not any(Path(f"/proc/{worker}").exists() for worker in now)
    assert "worker_ended" in running.errors.read_text(encoding="utf-8")


def test_workers_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    with served(tmp_path, "--workers", "2") as running:
        assert httpx.get(running.address(), timeout=WAIT, trust_env=False).status_code == 200
        workers = workers_of(running.process.pid)
        running.process.kill()
        until = time.monotonic() + WAIT
        while any(Path(f"/proc/{worker}").exists() for worker in workers):
            assert time.monotonic() < until
            time.sleep(0.05)


def test_what_is_being_answered_is_finished_before_it_stops(tmp_path: Path) -> None:
    with served(tmp_path) as running:
        url = running.address()
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), WAIT) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\na=")
            httpx.get(f"{url}/healthz", timeout=WAIT, trust_env=False)
            running.process.send_signal(signal.SIGTERM)
            client.sendall(b"b&")
            assert client.recv(100).startswith(b"HTTP/1.1 403")
        running.process.communicate(timeout=WAIT)
        assert running.process.returncode == 0


@pytest.mark.parametrize(
    ("environment", "code", "says"),
    [
        ({"YIZHAN_WECHAT_TOKEN": "canary-token"}, 2, "YIZHAN_WECHAT_"),
        ({"YIZHAN_SECRET_KEY": "short"}, 2, "YIZHAN_SECRET_KEY"),
        ({"YIZHAN_PUBLIC_URL": "nowhere"}, 2, "YIZHAN_PUBLIC_URL"),
    ],
    ids=str,
)
def test_a_setting_that_is_wrong_is_named_before_anything_listens(
    tmp_path: Path, environment: dict[str, str], code: int, says: str
) -> None:
    with served(tmp_path, **environment) as running:
        assert running.process.wait(WAIT) == code
        assert running.process.stdout is not None
        assert running.process.stdout.read() == ""
    written = running.errors.read_text(encoding="utf-8")
    assert says in written
    assert "canary" not in written
    assert len(written.splitlines()) == 1


def test_an_address_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with served(tmp_path, "--port", str(taken.getsockname()[1])) as running:
            assert running.process.wait(WAIT) == 1
    written = running.errors.read_text(encoding="utf-8")
    assert "换一个端口" in written
    assert len(written.splitlines()) == 1
