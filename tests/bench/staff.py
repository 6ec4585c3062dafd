"""How long does a page of the list of drafts take with 100,000 drafts, in each order and with the filters that officers use?"""

import random
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

from bot.staff.listing import policy_of
from flows.types import PersonKey
from storage import listed, records
from storage.listed import Made
from storage.listing import Listed
from tests.bench.figures import RUNS, Figure, mid, milliseconds, percentile
from tests.bench.turns import folder
from tests.staff_site import Browser, StaffSite, staff_site

DRAFTS = 100_000
LOOKS = 40
"""Of each kind, in each run."""
AGAINST = "the start page of the same console"
_UNITS = ("龙城", "鹅江", "紫荆", "莆阳", "兰溪", "闽江", "鼓山", "崂山", "胶州", "栈桥")
_KINDS = ("书院", "科技有限公司", "大学科技园", "人才服务中心", "商会", "产业研究院")
_NAMES = ["韦建国", "李小红", "陈志强", "黄丽", "王芳", "欧阳明", "覃海燕", "刘洋"]
_ROUTES = (("liuzhou-yizhan", "recognition"), ("liuzhou-yizhan", "subsidy"), ("putian-yizhan", "declaration"), ("qingdao-yizhan", "pilot"))
LISTS = {
    "as it opens": "",
    "page 1,900": "?page=1900",
    "nearest date first": "?sort=deadline",
    "one programme, unmarked, in the form": "?programme=liuzhou-yizhan&mark=-&stage=form",
    "without a mobile": "?missing=leader_mobile&sort=missing",
    "changed in a month, due in a quarter": "?since=2026-03-01&until=2026-03-31&due_from=2026-11-22&due_to=2027-02-22",
    "a name of two characters": f"?words={quote('鹅江')}",
    "two words and a programme": f"?programme=putian-yizhan&words={quote('崂山 覃海燕')}",
    "a mobile's last four digits": "?words=4711",
}


def made(number: int, policy: str, chance: random.Random) -> Made:
    """A line of the list as it would be made from a draft of today."""
    programme, service = chance.choice(_ROUTES)
    changed = 1_780_000_000.0 - chance.random() * 30_000_000
    unit, name, mobile = chance.choice(_UNITS) + chance.choice(_KINDS), chance.choice(_NAMES), f"{chance.randrange(10_000):04d}"
    lacking = tuple(key for key in ("leader_mobile", "leader_email", "address", "built_on", "venue_area") if chance.random() < 0.3)
    due = date(2026, 11, 1) + timedelta(days=chance.randrange(300)) if service == "subsidy" else None
    line = Listed(
        person=PersonKey(channel="web", sender=f"bench-{number}"),
        draft=f"{chance.getrandbits(128):032x}",
        programme=programme,
        service=service,
        stage=chance.choice(("eligibility", "form", "review", "done")),
        outcome=chance.choice(("open", "meets", "discretionary", "closed")),
        done=20 - len(lacking),
        total=20,
        missing=lacking,
        deadline=due,
        due_label="满一年" if due else "",
        unit=f"{unit}{number}号",
        station=f"{unit}驿站",
        name=name,
        mobile=mobile,
        begun_at=changed - 86_400,
        changed_at=changed,
    )
    return Made(line=line, revision=1, turns_on=None, policy=policy)


def fill(here: StaffSite) -> None:
    """The drafts and their lines, in one transaction."""
    chance, policy = random.Random(6), policy_of(here.desk.assistant)
    with here.store.writing() as db:
        for number in range(DRAFTS):
            one = made(number, policy, chance)
            at = records.stamp(datetime.fromtimestamp(one.line.changed_at, UTC))
            key = (one.line.person.channel, one.line.person.sender)
            db.execute("INSERT INTO people (channel, sender, revision, state, seen_at) VALUES (?, ?, 1, '{}', ?)", (*key, at))
            db.execute(
                "INSERT INTO drafts (channel, sender, id, place, programme, service, created_at, updated_at, rules, judged)"
                " VALUES (?, ?, ?, 0, ?, ?, ?, ?, '', '[]')",
                (*key, one.line.draft, one.line.programme, one.line.service, at, at),
            )
            for place, (field, value) in enumerate((("unit_name", one.line.unit), ("station_name", one.line.station))):
                db.execute(
                    "INSERT INTO answers (channel, sender, draft, field, place, value, at, source, sensitive)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, 'said', 0)",
                    (*key, one.line.draft, field, place, records.value_to_json(value), at),
                )
            listed.put(db, [one])


def figures() -> list[Figure]:
    """The time of each look over HTTP, and of the console's start page in turn with it."""
    slowest: list[float] = []
    kinds: dict[str, list[float]] = {name: [] for name in LISTS}
    bare: list[float] = []
    with folder() as at, staff_site(at) as here:
        fill(here)
        browser = here.staff("officer")
        for _ in range(RUNS):
            times = {name: [look(browser, f"/staff/drafts{query}") for _ in range(LOOKS)] for name, query in LISTS.items()}
            slowest.append(percentile([took for each in times.values() for took in each], 99))
            for name, each in times.items():
                kinds[name].append(mid(each))
            bare.append(percentile([look(browser, "/staff/") for _ in range(LOOKS * len(LISTS))], 99))
    every = Figure(name=f"the list of {DRAFTS:,} drafts, p99", value=mid(slowest), goal=150, baseline=mid(bare), against=AGAINST)
    return [every, *(Figure(name=f"the list: {name}, p50", value=mid(each)) for name, each in kinds.items())]


def look(browser: Browser, path: str) -> float:
    """Milliseconds until the page is there."""
    took, answer = milliseconds(lambda: browser.get(path))
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status_code}")
    return took
