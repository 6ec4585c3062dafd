"""Does the asker's own number meet the clause? Compares what `counts.py` reads out of a question with the programme's own rules."""

import re
import unicodedata
from dataclasses import dataclass

from flows.counts import Counts, counts
from knowledge.facts import Fact, Judgement
from knowledge.types import Programme, Test

_NO_HEAD = re.compile(r"站长[^,。]{0,4}(?:空缺|空着|没(?:有|配|人)|缺|走了|辞)|(?:没有?|缺|空缺)(?:了)?(?:一个|个|1个)?站长")
"""Who is there does not matter without the head: no number makes up for that."""
_BESIDES_HEAD = re.compile(r"(?:除(?:了|开|去)?|加上|算上|连(?:上|同)?|带上?)(?:我这个|那个)?站长")
_ASKS = re.compile(r"多少|什么|啥|怎|哪|几[个天年月次场种类号]|谁|如何|为何|[?]|how|what|when|where|which|who")
_ALONE = re.compile(
    r"(?:就|只有|光|只)(?:我|站长)?(?:一个人|自己一|一人|1个人|1人|一名|1名|一个(?!月|年|驿|工作站|单位|点|站(?!长)))|光杆|单枪匹马"
)
_ADDED = re.compile(r"加(?!起来)|再加|再搭|再配|搭一个|外加|和一|另有|另外|\+|以及|[俩两一]个?[^,。]{1,6}[,、][俩两一]个?")
_CREW = re.compile(
    r"(?:[一二两俩三四五六\d]+)(?:个|名|位)?(?:专职|兼职|全职|站长|干事|老师|同事|员工|小妹|前台|文员|助理|专员)|(?:站长|小妹|助理|文员|前台|干事)[一二两三\d]个"
)
"""One group of a crew with its number: 两个专职, 站长一个."""
_CERTAIN = re.compile(
    r"板上钉钉|打(?:个)?包票|包过|稳过|稳拿|十拿九稳|铁定|妥了|(?:肯定|一定|必然|保证|准)(?:能|会|就)?(?:过|评上|选上|批|入选|中)|就等着"
)
"""Asks to be promised what others decide."""
_EVENTS = (
    r"活动|场|讲座|沙龙|路演|读书会|茶会|聚会|办(?:了|过|上)?[\d一二两三四五六七八九十]"
    r"|人(?:次|数|才)|来(?:了)?[\d一二两三四五六七八九十]+(?:多)?人"
)
_WISHES = re.compile(
    r"够|行|可以|算|过|达标|能|成不|成吗|符合|合格|要不要|是不是|会不会|有戏|没戏|对不对|合适|靠谱|认|稳|ok|没错吧|让过|哪一?[档级]|有没有份|没事|吗|不$|没$"
)


_SHARE = re.compile(r"有份|有我们|是我们的|归我们|能拿|拿得到|该给|有没有(?:我们)?的?份|有奖")
_CLAIM = re.compile(r"对得上|没(?:算|记|听)错|对(?:吗|吧|不|么|嘛|没)|对不对|没错|是吧|是不是|有没有错|算得|能拿|该拿|入账")
_VERDICT = {"met": "对，", "unmet": "不对，"}
_SUM_IN_FORM = re.compile(r"(?:申请|申报|填|写)(?:的)?(?:金额|数额|数)|金额[^,。]{0,6}(?:填|写|报)")
_ASKED_SUM = re.compile(r"(?:申请|申报|填|写|报|要|申领|领|金额)[^,。?]{0,8}[\d一二三四五六七八九十两]|金额|想要")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the numbers come to; `text` goes before the fact's own."""

    judgement: Judgement | None
    text: str
    topics: tuple[str, ...] = ()
    """Further topics whose clauses belong to the answer."""


def asks_judgement(text: str) -> bool:
    """Whether somebody wants to know if their own case will do."""
    return bool(_WISHES.search(text)) or not _ASKS.search(text)


_FIGURES = (
    (
        r"几(?:个)?(?:天|年|月|工作日|周|小时|日)(?!内有效)|多少(?:个)?(?:天|年|月|工作日|日|小时)",
        r"[\d一二三四五六七八九十两](?:个)?(?:年|月|日|天|工作日|小时)|每年|年度|季度|期限|有效期",
    ),
    (r"多少分|几分(?!钟|之)|分值", r"\d+分(?!钟|之|别)"),
    (
        r"几个人|几名|(?:人|专兼职)[^,。]{0,6}(?:配|要|得)[^,。]{0,4}几个|多少(?:个)?人(?!才(?:驿站|工作站))|几个(?:工作)?(?:人员|专职|兼职)|几位",
        r"\d+名|\d+人|[一二三两]名",
    ),
    (r"几月|哪个月|月份", r"\d月|季度"),
    (r"多少钱|几万|几千|多少万|几多钱|(?:工资|薪水|住宿标准|餐标)[^,。]{0,10}多少", r"万元|奖励标准|1:1|有偿|无偿|免费|资金"),
)
"""What a question asks a figure of, and how such a figure looks in a clause."""


def lacks_figure(fact: Fact, text: str) -> bool:
    """Whether the question asks for a number of days, people or yuan that the fact's clauses do not hold."""
    quoted = "".join(c.quote for c in fact.citations)
    return any(re.search(asked, text) and not re.search(given, unicodedata.normalize("NFKC", quoted)) for asked, given in _FIGURES)


def spoken_of(text: str) -> dict[str, float]:
    """The topics that the numbers in a question speak of, and how strongly."""
    got = counts(text)
    topics: dict[str, float] = {}
    if "g类" in text and (got.people or got.total or got.each):
        topics["grades"] = 1.2
    elif re.search(r"评a|评b|评c|a级|b级|c级|按[^,。]{0,3}万发|最高那?档", text) and (got.people or got.total):
        topics["grades"] = 0.8
    elif got.visits or (got.events and re.search(_EVENTS, text)):
        topics["activities"] = (
            0.5 if re.search("打分|考核表", text) else 1.3 if got.events and (got.visits or got.total or got.each) else 0.9
        )
    if _CERTAIN.search(text):
        topics["selection"] = 0.9
    if got.money and _SUM_IN_FORM.search(text):
        topics["amount"] = 0.9
    if got.ranks and not got.points:
        topics["rank_amount"] = 0.35
    if got.points:
        topics["assess_fail"] = 0.9 if not got.ranks else 0.2
    crew = re.search(r"全职|兼职|专职|人手|人头凑|干事|站长|个人(?:在)?(?:干|做|管|跑|忙|负责|值班|轮)|名?员工|工作人员", text)
    if _ALONE.search(text) or (crew and (got.people or got.total) and not got.visits):
        topics["staff"] = 0.6
    return topics


def _limit(programme: Programme, key: str) -> tuple[float, str] | None:
    """The least number that the programme's rules ask of a field, and over what it counts."""
    for service in programme.latest.services:
        for rule in service.rules:
            for test in _leaves(rule.test):
                if test.field == key and test.op == "at_least" and isinstance(test.value, int | float):
                    return float(test.value), test.per
    return None


def _leaves(test: Test) -> list[Test]:
    return [test, *(leaf for part in test.tests for leaf in _leaves(part))]


def judged(fact: Fact, programme: Programme, text: str) -> Judged | None:
    """The judgement that the fact's numbers allow; None where the question holds none."""
    got = counts(text)
    match fact.judge:
        case "activities":
            return _activities(programme, got, text)
        case "staff_count":
            return _staff(programme, got, text)
        case "grades":
            return _grades(programme, got, text)
        case "score":
            return _score(fact, got, text)
        case "rank":
            return _rank(programme, got, text)
        case "match":
            return _match(got)
        case "ceiling":
            return _ceiling(programme, got, text)
        case "sheet_staff" | "sheet_events" | "sheet_people":
            return _sheet(fact, got, text)
    return None


# --- activities and people ---


def _activities(programme: Programme, got: Counts, text: str) -> Judged | None:
    parts: list[tuple[Judgement, str]] = []
    events = _limit(programme, "activities_per_year")
    if events and got.events:
        number = got.events[0]
        met = number >= events[0]
        gap = "" if met else f"，还差{events[0] - number:g}"
        parts.append(("met" if met else "unmet", f"场次{number:g}{'达到' if met else '少于'}{events[0]:g}{gap}"))
    each, year = _limit(programme, "people_per_activity"), _limit(programme, "people_per_year")
    if each:
        parts += _per_activity(each[0], got)
    elif year:
        parts += _per_year(year[0], year[1] in ("", "unstated"), got)
    if not parts:
        return None
    results = {result for result, _ in parts}
    whole: Judgement = "unmet" if "unmet" in results else "depends" if "depends" in results else "met"
    head = {"met": "符合这一条", "unmet": "不符合", "depends": "看情况"}[whole]
    return Judged(judgement=whole, text=f"{head}：{'；'.join(said for _, said in parts)}。")


def _per_activity(limit: float, got: Counts) -> list[tuple[Judgement, str]]:
    each = got.each or ([] if got.total else got.people)
    if each:
        met = min(each) >= limit
        if met and got.average and len(each) == 1:
            return [("depends", f"平均{each[0]:g}人不等于每次都满{limit:g}人，要看人数最少的一场")]
        return [("met" if met else "unmet", f"人数最少的一场{min(each):g}人，{'达到' if met else '少于'}每次{limit:g}人")]
    if got.total or got.visits:
        total = max(got.total + got.visits)
        if total < limit:
            return [("unmet", f"合计才{total:g}人，少于每次{limit:g}人")]
        return [("depends", f"合计{total:g}人不等于每次都满{limit:g}人，要看每场的人数")]
    return []


def _per_year(limit: float, unstated: bool, got: Counts) -> list[tuple[Judgement, str]]:
    """Against a yearly number; where the document names no period, a number that only the yearly reading meets is open."""
    total = max(got.visits or got.total, default=None)
    if total is None and got.each and got.events:
        total = min(got.each) * got.events[0]
    if total is None and got.people and not got.each:
        total = max(got.people)
    if total is None and got.each:
        total = min(got.each)
    if total is None:
        return []
    if total < limit:
        return [("unmet", f"合计{total:g}，少于{limit:g}，还差{limit - total:g}")]
    if unstated and not (got.each and min(got.each) >= limit):
        return [("depends", f"按全年合计算够（{total:g}），按每次算不够{limit:g}人，文件没写按哪种算，请向主管部门确认")]
    return [("met", f"合计{total:g}，达到{limit:g}")]


# --- staff, grades, ranks, sums ---


def _staff(programme: Programme, got: Counts, text: str) -> Judged | None:
    limit = _limit(programme, "staff_count")
    number = _head_count(got, text)
    if limit is None or number is None or _NO_HEAD.search(text):
        return None
    met = number >= limit[0]
    said = f"{number:g}人，{'达到' if met else '少于'}{limit[0]:g}名" + ("" if met else f"，还差{limit[0] - number:g}名")
    return Judged(judgement="met" if met else "unmet", text=f"{'人数符合' if met else '不符合'}：{said}。")


def _head_count(got: Counts, text: str) -> float | None:
    if _ALONE.search(text):
        return 1
    people = got.total or got.people + got.each
    if not people:
        return None
    if _BESIDES_HEAD.search(text) and len(people) == 1:
        return people[0] + 1
    if got.total or re.search(r"[跟和与][^,。]{0,8}(?:两|二|三|四|五|2|3|4|5)(?:个)?人", text):
        return people[-1]
    several = _ADDED.search(text) or len(_CREW.findall(text)) > 1
    return sum(people) if several and not re.search(r"其中|里面|里头|只有|真正", text) else people[0]


def _grades(programme: Programme, got: Counts, text: str) -> Judged | None:
    service = next((s for s in programme.latest.services if s.grades), None)
    people = got.total + got.people + got.each
    if service is None or not people or (len(people) == 1 and re.search(r"要(?:几|多少)", text)):
        return None
    number, said = people[0], ""
    off = got.struck or (people[1:2] if _left_town(programme, text) else [])
    if off:
        number -= off[0]
        why = "" if got.struck else "只算为本地企业引进的，"
        said = f"{why}{people[0]:g}-{off[0]:g}={number:g}名；"
    reached = next((g for g in sorted(service.grades, key=lambda g: -g.at_least) if number >= g.at_least), None)
    name = f"{reached.name}级" if reached else f"{service.fail_grade}（不到{min(g.at_least for g in service.grades)}名）"
    wanted = _wanted_grade(programme, text, got)
    judgement: Judgement | None = None
    if wanted:
        least = next((g.at_least for g in service.grades if g.name == wanted), 0)
        judgement = "met" if number >= least else "unmet"
        if judgement == "unmet":
            said += f"到不了{wanted}级，差{least - number:g}名；"
    topics = ("grade_amount",) if reached else ("grade_amount", "assess_fail")
    return Judged(judgement=judgement, text=f"{said}按{number:g}名算是{name}。", topics=topics)


def _left_town(programme: Programme, text: str) -> bool:
    """Whether the text says that people went to firms elsewhere."""
    home = "|".join(re.escape(place) for place in (*programme.places, "本地", "本市", "我市"))
    return bool(re.search(rf"(?:进了|去了|在|到)(?!{home})[^,。]{{0,8}}(?:企业|公司|厂)|外地|外市|别的市|市外", text))


def _wanted_grade(programme: Programme, text: str, got: Counts) -> str | None:
    service = next(s for s in programme.latest.services if s.grades)
    best = max(service.grades, key=lambda g: g.at_least)
    if "最高" in text or "顶格" in text:
        return best.name
    if re.search("最低|合格|达标|过线|及格", text):
        return min(service.grades, key=lambda g: g.at_least).name
    for grade in service.grades:
        if re.search(
            rf"{grade.name.lower()}(?:级|档|等|$|,|吗|\?)|(?:评|拿|得|够|算|是|到|进|上|入|属)(?:上|得上|得到|不上|不到)?{grade.name.lower()}(?![a-z])",
            text,
        ):
            return grade.name
    sums = {m.amount: m.grade for m in programme.latest.money if m.grade}
    return next((sums[int(m)] for m in got.money if int(m) in sums), None)


def _score(fact: Fact, got: Counts, text: str) -> Judged | None:
    if not got.points:
        return None
    score = got.points[0]
    name = next((name for least, name in fact.bands if score >= least), "")
    passes = score >= min((least for least, _ in fact.bands if least > 0), default=0)
    asked = re.search(r"(?:算|能|是不是|有没有|够)?(?:达到|达标|过关|及格|合格|算过|过线|过得了|过不过|踩[到上]|够[到上])", text)
    judgement: Judgement | None = ("met" if passes else "unmet") if asked and not re.search(r"不合格|不及格|不达标", text) else None
    return Judged(judgement=judgement, text=f"{score:g}分{name}。")


def _rank(programme: Programme, got: Counts, text: str) -> Judged | None:
    money = {m.rank: m.amount for m in programme.latest.money if m.rank}
    if not got.ranks:
        return Judged(judgement="depends", text=f"看情况：要看得分是不是前{max(money)}名。") if got.points and money else None
    rank = got.ranks[0]
    if rank not in money:
        return Judged(judgement="unmet", text=f"不在前{max(money, default=0)}名，没有奖励。")
    sum_of_rank = money[rank] or 0
    judgement: Judgement | None = None
    if _SHARE.search(text) or (len(got.money) == 1 and _CLAIM.search(text)):
        judgement = "met" if not got.money or got.money[0] == sum_of_rank else "unmet"
    return Judged(judgement=judgement, text=f"{_VERDICT.get(judgement or '', '')}第{rank}名是{sum_of_rank / 10_000:g}万元。")


def _ceiling(programme: Programme, got: Counts, text: str) -> Judged | None:
    """Whether a sum that somebody wants to ask for stays within the only ceiling there is."""
    ceilings = [m for m in programme.latest.money if m.kind == "ceiling" and m.amount]
    if not got.money or len(ceilings) != 1 or not _ASKED_SUM.search(text):
        return None
    wanted, ceiling = max(got.money), ceilings[0].amount or 0
    if wanted <= ceiling:
        return Judged(judgement="met", text=f"{wanted / 10_000:g}万元没有超过上限，可以申请，批多少由主管部门定。")
    said = f"不行：{wanted / 10_000:g}万元超过上限，多了{(wanted - ceiling) / 10_000:g}万元。"
    return Judged(judgement="unmet", text=said, topics=("amount",))


def _match(got: Counts) -> Judged | None:
    if not got.money:
        return None
    amount = f"{got.money[0] / 10_000:g}万元"
    more = max(got.money) > got.money[0]  # a second sum is what somebody expects on top
    return Judged(judgement="unmet" if more else "met", text=f"{'不对，' if more else ''}按1:1算，省里给{amount}，市级再给{amount}。")


def _sheet(fact: Fact, got: Counts, text: str) -> Judged | None:
    """Which row of the assessment sheet a number falls into; the rows' limits are the fact's bands."""
    number = _row_number(fact.judge, got, text)
    if number is None:
        return None
    row = next((name for least, name in fact.bands if number >= least), "最低档")
    wanted = re.search(r"最上|最高|最好|第一档|头一?档|顶格|满|一档吧", text)
    judgement: Judgement | None = None if not wanted else "met" if row == fact.bands[0][1] else "unmet"
    if asked := [least for least, _ in fact.bands if re.search(rf"(?<!\d){least:g}(?:个|场|次|人次|人|名)?以上", text)]:
        judgement = "met" if number >= asked[0] else "unmet"
    return Judged(judgement=judgement, text=f"您说的情况（{number:g}）对应{row}。")


def _row_number(kind: str, got: Counts, text: str) -> float | None:
    if kind == "sheet_staff":
        if re.search(r"只有[^,。]{0,8}一个|就一个|只有一|一名|1名|一个人", text):
            return 1
        people = got.people + got.each
        return people[-1] if people else None
    numbers = got.events if kind == "sheet_events" else got.visits + got.total + got.people
    return numbers[0] if numbers else None
