"""`yizhan wechat menu` against the API fake: shown, set and removed; what the account may not do is not tried."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.wechat_menu import MENU, defect
from tests.fakes.wechat import Api, served
from tests.talk import Talk
from tests.wechat_account import Clock
from tests.willing import answer


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Api]:
    monkeypatch.chdir(tmp_path)  # no .env of anybody
    fake = Api(Clock())
    with served(fake.app()) as address:
        for name, value in (("API_URL", address), ("APP_ID", fake.app_id), ("APP_SECRET", fake.secret), ("ACCOUNT", "verified_service")):
            monkeypatch.setenv(f"YIZHAN_WECHAT_{name}", value)
        yield fake


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["wechat", "menu", *words])


def test_the_menu_is_set_shown_and_removed(api: Api) -> None:
    assert run("show").exit_code == 1
    assert run("set").exit_code == 0
    assert api.menu == MENU
    shown = run("show")
    assert shown.exit_code == 0
    assert "办申请\n  开始或继续 → 继续\n" in shown.output
    assert run("remove").exit_code == 0
    assert api.menu is None


def test_a_menu_of_ones_own_is_taken_from_a_file_and_a_wrong_one_is_named(api: Api, tmp_path: Path) -> None:
    file = tmp_path / "menu.json"
    own = {"button": [{"type": "view", "name": "官网", "url": "https://yizhan.example"}]}
    file.write_text(json.dumps(own), encoding="utf-8")
    assert run("set", str(file)).exit_code == 0
    assert api.menu == own
    for wrong in (
        "[]",
        '{"button": []}',
        '{"button": [{"name": "很长很长的名字"}]}',
        "no json",
        json.dumps({"button": [{"name": "a"}] * 4}),
    ):
        file.write_text(wrong, encoding="utf-8")
        told = run("set", str(file))
        assert told.exit_code == 2, wrong
        assert len(told.stderr.splitlines()) == 1
    assert api.menu == own


def test_an_account_without_a_menu_by_api_is_told_so_and_nothing_is_tried(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIZHAN_WECHAT_ACCOUNT", "unverified_subscription")
    told = run("set")
    assert told.exit_code == 2
    assert "未认证订阅号" in told.stderr
    monkeypatch.setenv("YIZHAN_WECHAT_APP_ID", "")
    assert "YIZHAN_WECHAT_APP_ID" in run("set").stderr
    assert api.calls == []


@pytest.mark.parametrize("fault", [40125, 48001, "503", "html"])
def test_a_refusal_is_one_line_without_the_secret(api: Api, fault: object) -> None:
    api.always["stable_token"] = fault
    told = run("set")
    assert told.exit_code == 1
    assert len(told.stderr.splitlines()) == 1
    assert api.secret not in told.output + told.stderr


KEYS = [entry["key"] for button in MENU["button"] for entry in button["sub_button"]]


def test_the_own_menu_keeps_the_platforms_limits() -> None:
    assert defect(MENU) == ""
    assert len(KEYS) >= 10


def test_tapping_the_menu_amid_a_form_changes_no_answer(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "2026-11-22", channel="wechat")
    talk.say("我们在柳州开了家书院，想申请认定市里的人才驿站")
    tapped_at = []
    while talk.last is not None and talk.last.asking is not None:
        asking = talk.last.asking
        if asking.kind in ("text", "long_text"):
            tapped_at.append(asking.field)
            for key in KEYS:
                before = talk.desk.store.load(talk.message("").person).draft
                talk.say(key)
                if talk.asks == "confirm":
                    talk.say("否")
                after = talk.desk.store.load(talk.message("").person).draft
                assert before is not None
                assert after is not None
                assert after.answers == before.answers, (asking.field, key)
        talk.say(answer(asking))
    assert len(tapped_at) >= 6
    talk.desk.store.close()
