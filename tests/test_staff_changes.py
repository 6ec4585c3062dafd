"""A campaign that tells what new policy data changes: to those alone whose drafts it touches."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.staff_site import StaffSite, staff_site
from tests.telegram_bot import until
from tests.test_staff_knowledge import with_an_earlier_judgement


@pytest.fixture
def here(tmp_path: Path) -> Iterator[StaffSite]:
    with staff_site(tmp_path) as found:
        yield found


async def test_a_campaign_tells_those_alone_whose_drafts_changed(here: StaffSite) -> None:
    draft = with_an_earlier_judgement(here)
    with here.store.writing() as db:
        db.execute(
            "INSERT INTO people (channel, sender, revision, state, seen_at) SELECT 'web', 'other', revision, state, seen_at FROM people"
        )
        columns = "place, programme, service, created_at, updated_at, finished_at, judged"
        db.execute(
            f"INSERT INTO drafts (channel, sender, id, rules, {columns}) SELECT 'web', 'other', 'same', ?, {columns} FROM drafts",
            (here.desk.assistant.fingerprints["liuzhou-yizhan", "recognition"],),
        )
    officer = here.staff("officer")
    officer.get("/staff/changes")
    message = re.search(r'<p class="sample">(.*?)</p>', officer.page.text, re.S)
    assert message is not None
    assert '<a class="button" href="/staff/reminders/new?change=1">' in officer.page.text
    officer.get("/staff/reminders/new?change=1")
    wording = re.search(r"<textarea[^>]*>(.*?)</textarea>", officer.page.text, re.S)
    assert wording is not None
    made = officer.post("/staff/reminders/new", {"name": "政策变动", "wording": html.unescape(wording[1])})
    address = made.headers["location"]
    officer.get(address)
    text = " ".join(officer.text().split())
    assert "看了 1 份草稿，共 1 条" in text
    assert html.unescape(message[1]) in text
    assert officer.post(f"{address}/begin").status_code == 303
    await until(lambda: [push.id for push in here.store.pushes(here.talk.message("").person, "kept")] != [])
    with here.store.reading() as db:
        assert [row[0] for row in db.execute("SELECT draft FROM reminded").fetchall()] == [draft]
    here.talk.say("我回来了")
    assert here.talk.last is not None
    assert f"{html.unescape(message[1])}您可以回来看看" in here.talk.last.replies[0].text
