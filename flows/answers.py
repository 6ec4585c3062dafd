"""What is the answer to a policy question? Finds programme and topic, then says the fact, judges, reckons, compares or asks back.

Facts stand in `knowledge/programmes/*/faq.toml`; nothing here holds a figure. Numbers and dates of the asker are read by
`judge.py` and `reckon.py`; talk and foreign matters by `scope.py`; several programmes side by side by `compare.py`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from flows.compare import compared
from flows.judge import Judged, asks_judgement, judged, lacks_figure
from flows.reckon import reckoned
from flows.scope import matter, orders, talk
from flows.subject import Subject
from flows.validity import availability
from knowledge.facts import Case, Fact, Facts, Judgement, topics
from knowledge.names import Mention
from knowledge.search import Hit
from knowledge.types import Citation, Library, Programme, Value

Outcome = Literal["answered", "clarify", "not_stated", "out_of_scope", "chat", "command", "handover", "unknown"]
Validity = Literal["in_force", "expired", "window_closed", "undated"]

LONGEST = 600
LONGEST_QUESTION = 1000
"""Characters of a question that are read."""
MOST_CITATIONS = 16
SURE = 0.5
"""A topic that fits less than this is not believed."""
SURE_OF_SEVERAL = 0.4
"""The same where several programmes are named: then something of theirs is asked for certain."""
_QUESTION = re.compile(
    r"[?？]|多少|什么|啥|怎么|怎样|如何|哪|几(?:个|天|年|月|次|场|种|类|号|点|万|份|家|人|名|时|级|层|步|条|项)|[吗么嘛呢]$|行不行|能不能|可不可以|可以不|来着|是不是|"
    r"有没有|要不要|会不会|够不够|算不算|对不对|为什么|为啥|咋|谁|是否|能否|多久|行吗|成不成|how|what|when|where|which|who|can |is it"
)
_DOMAIN = re.compile(
    r"补助|补贴|奖励|资金|经费|申请|申报|认定|挂牌|牌匾|材料|表格|登记表|申请表|场地|站长|考核|评估|公示|名额|条件|驿站|工作站|办法|文件|通知|方案|活动|人才|依托|报名|授牌|受理|审批|审核"
)
_REMINDERS = {"expired": "（提醒：这份文件已过有效期，以上仅供参考。）", "window_closed": "（提醒：现在不在申报时间内。）"}
_MONTH = re.compile(r"几月|哪个月|月份|什么时候(?:开|报|申)|啥时候(?:开|报|申)|哪天开")
_NOW = re.compile(r"还能|还可以|今天|现在")
_LISTS = frozenset(
    {"conditions", "materials", "procedure", "form_fields", "form_money", "types", "duty", "class_college", "class_social", "host"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer with what it rests on."""

    outcome: Outcome
    text: str
    programmes: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()
    judgement: Judgement | None = None
    validity: Validity | None = None
    warning: str = ""
    """Said after the quotations: that the document has run out, or that nothing can be handed in now."""
    nearest: tuple[str, ...] = ()
    """The facts that fit best, `programme/topic`, or the topic alone where no programme is clear: for the staff's list."""
    confidence: float = 0.0

    @property
    def whole(self) -> str:
        """Answer and warning as one text."""
        return self.text + self.warning


class Answerer:
    """Answers policy questions over a library; built once."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._subject = Subject(library)
        self.names = self._subject.names

    def is_question(self, text: str) -> bool:
        """Whether the text looks like a question rather than an answer to one."""
        return bool(_QUESTION.search(text.strip().lower()))

    def ask(
        self, question: str, *, programme: str | None = None, service: str | None = None, today: date, values: Mapping[str, Value] = {}
    ) -> Answered:
        """Answer a question in the scope of a programme, if one runs; never raises, whatever the text is."""
        text = self.names.restored(question[:LONGEST_QUESTION])
        if not re.search(r"\w", text):
            return self._unknown((), ())
        mention = self.names.mention_in(text)
        said = None if orders(text) else self._talk(text, mention)
        if said is not None:
            return said
        keys, several = self._subject.scope(text, mention, programme)
        if self._is_elsewhere(text, mention, programme):
            return self._elsewhere(mention)
        hits = self._subject.hits(text, keys)
        if not hits or hits[0].score < (SURE_OF_SEVERAL if several else SURE):
            return self._unknown(keys if self._at_home(text, mention) else (), hits)
        topic = hits[0].topic
        keys = keys or self._subject.only(topic)
        if several and len(keys) > 1:
            return self._compare(topic, keys, text, today, hits)
        keys = self._subject.narrowed(keys, topic, text)
        if len(keys) != 1:
            return self._clarify(keys, hits)
        return self._one(keys[0], topic, text, today, hits)

    # --- what is meant ---

    def _talk(self, text: str, mention: Mention) -> Answered | None:
        saying = talk(text)
        if saying is None:
            return None
        names = "、".join(self.library.programme(key).name for key in mention.programmes)
        known = "、".join(p.name for p in self.library.programmes)
        spoken = saying.text.render(known=known, mentioned=f"您说的是：{names}。" if names else "")
        return Answered(outcome=saying.outcome, text=spoken, confidence=0.9)

    def _is_elsewhere(self, text: str, mention: Mention, running: str | None) -> bool:
        if mention.foreign and not (running and not mention.programmes and "驿站" not in text and "工作站" not in text):
            return True
        return bool(matter(text))

    # --- what is said ---

    def _one(self, key: str, topic: str, text: str, today: date, hits: tuple[Hit, ...]) -> Answered:
        programme = self.library.programme(key)
        known = self._subject.facts(key)
        fact = self._fact(programme, topic, text)
        if fact is None or not (fact.stated or self._case(fact, text)):
            return self._silent(programme, topic, fact, today, hits)
        if fact.month_silent and _MONTH.search(text) and not _NOW.search(text):
            silent = f"{fact.month_silent}{self._standing(programme, today)}{self._whom(known)}"
            return self._answer("not_stated", programme, silent, fact.citations, None, today, hits)
        spoken, judgement, citations = self._spoken(programme, fact, text, today)
        if judgement is None and lacks_figure(fact, text):
            return self._answer("not_stated", programme, f"{fact.text}{self._whom(known)}", citations, None, today, hits)
        second = self._second(programme, topic, text, hits)
        if second and len(spoken) + len(second.text) < LONGEST - 60:
            dates = reckoned(second, text, today) if judgement is None else None
            spoken, citations = f"{spoken}{second.text}{dates.text if dates else ''}", citations + second.citations
        warning = _REMINDERS.get(validity(programme, today), "") if fact.closes is None and len(spoken) < LONGEST - 40 else ""
        return self._answer("answered", programme, spoken, citations, judgement, today, hits, warning)

    def _fact(self, programme: Programme, topic: str, text: str) -> Fact | None:
        known = self._subject.facts(programme.key).by_topic
        if topic == "type_fit" and (fitting := self._fitting(programme, text)):
            return fitting
        while topic and topic not in known:
            topic = topics()["topics"][topic].get("like", "types" if topic == "type_fit" else "")
        return known.get(topic)

    def _case(self, fact: Fact, text: str) -> Case | None:
        """The fact's case that the asker describes, when they want to know whether it will do."""
        return next((c for c in fact.cases if c.when.search(text)), None) if asks_judgement(text) else None

    def _fitting(self, programme: Programme, text: str) -> Fact | None:
        """The station type whose venues, activities or name the text speaks of, with its clause."""
        scored = []
        for kind in programme.latest.types:
            venues = max((len(v) for v in kind.venues if v in text), default=0)
            doings = sum(a in text for a in kind.activities)
            if venues or doings:
                scored.append((venues * 2 + doings, kind))
        if not scored:
            return None
        kind = max(scored, key=lambda item: item[0])[1]
        said = f"按您说的情况，对应{kind.label}" + (f"（{kind.purpose}）" if kind.purpose else "") + "；最后由您选定，受理单位认定。"
        return Fact(topic="type_fit", programme=programme.key, text=said, brief=f"对应{kind.label}", stated=True, citations=kind.cite)

    def _spoken(self, programme: Programme, fact: Fact, text: str, today: date) -> tuple[str, Judgement | None, tuple[Citation, ...]]:
        """The fact with the asker's case before it."""
        case = self._case(fact, text)
        numbers: Judged | None = judged(fact, programme, text) if asks_judgement(text) else None
        dates = reckoned(fact, text, today)
        if numbers:
            extra = [f for t in numbers.topics if (f := self._subject.facts(programme.key).by_topic.get(t))]
            cites = fact.citations + tuple(c for f in extra for c in f.citations)
            said = "".join([numbers.text, fact.text, *(f.text for f in extra)])
            return said, numbers.judgement, cites
        if case:
            return f"{case.text}。{fact.text}", case.judgement, fact.citations
        if dates:
            return f"{fact.text}{dates.text}", dates.judgement, fact.citations
        return fact.text, None, fact.citations

    def _second(self, programme: Programme, topic: str, text: str, hits: tuple[Hit, ...]) -> Fact | None:
        """The other half of a two-part question: a topic that fits nearly as well and is stated."""
        known = self._subject.facts(programme.key).by_topic
        for hit in hits[1:3]:
            fact = known.get(hit.topic)
            if hit.score > 0.8 and hit.score > 0.72 * hits[0].score and fact and fact.stated and hit.topic not in _LISTS:
                return fact
        return None

    def _silent(self, programme: Programme, topic: str, fact: Fact | None, today: date, hits: tuple[Hit, ...]) -> Answered:
        name = topics()["topics"][topic]["name"]
        said = fact.text if fact else f"{programme.name}的文件没有写“{name}”，文件未规定。"
        text = f"{said}{self._whom(self._subject.facts(programme.key))}"
        return self._answer("not_stated", programme, text, fact.citations if fact else (), None, today, hits)

    def _whom(self, known: Facts) -> str:
        return f"请向{known.ask}确认。" if known.ask else ""

    def _standing(self, programme: Programme, today: date) -> str:
        """A warning when the programme is no longer in force."""
        version = programme.latest
        if version.valid_to and today > version.valid_to:
            return f"（提醒：{version.force.text}现在已过期。）"
        return ""

    def _answer(
        self,
        outcome: Outcome,
        programme: Programme,
        text: str,
        citations: tuple[Citation, ...],
        judgement: Judgement | None,
        today: date,
        hits: tuple[Hit, ...],
        warning: str = "",
    ) -> Answered:
        return Answered(
            outcome=outcome,
            text=text[:LONGEST],
            programmes=(programme.key,),
            citations=tuple(dict.fromkeys(citations))[:MOST_CITATIONS],
            judgement=judgement,
            validity=validity(programme, today),
            warning=warning,
            nearest=_nearest((programme.key,), hits),
            confidence=_confidence(hits),
        )

    def _compare(self, topic: str, keys: tuple[str, ...], text: str, today: date, hits: tuple[Hit, ...]) -> Answered:
        rows = [(self.library.programme(key), self._fact(self.library.programme(key), topic, text)) for key in keys]
        spoken, citations = compared(rows, topics()["topics"][topic]["name"], today)
        near, sure = _nearest(keys, hits), _confidence(hits)
        return Answered(outcome="answered", text=spoken, programmes=keys, citations=citations, nearest=near, confidence=sure)

    def _clarify(self, keys: tuple[str, ...], hits: tuple[Hit, ...]) -> Answered:
        offered = [self.library.programme(key) for key in keys] or list(self.library.programmes)
        names = "、".join(p.name for p in offered)
        text = f"各个项目的规定不一样，您问的是哪一个？{names}。"
        meant = tuple(p.key for p in offered)
        return Answered(outcome="clarify", text=text, programmes=meant, nearest=_nearest((), hits), confidence=_confidence(hits))

    def _elsewhere(self, mention: Mention) -> Answered:
        known = "、".join(p.name for p in self.library.programmes)
        about = f"“{mention.foreign}”" if mention.foreign else "这个问题"
        text = f"{about}不在我收录的文件里，我不能替它作答，请向当地主管部门咨询。我能回答的是：{known}。"
        return Answered(outcome="out_of_scope", text=text, confidence=0.9)

    def _at_home(self, text: str, mention: Mention) -> bool:
        """Whether the text speaks of applications at all, so that "not found" is the honest answer."""
        return mention.named or bool(mention.station or mention.types) or bool(_DOMAIN.search(text))

    def _unknown(self, keys: tuple[str, ...], hits: tuple[Hit, ...]) -> Answered:
        known = "、".join(p.name for p in self.library.programmes)
        text = f"这一点我没有在收录的文件里找到，不敢乱答。可以换个说法再问，或回复“人工”。收录的项目：{known}。"
        return Answered(outcome="unknown", text=text, programmes=keys, nearest=_nearest(keys, hits), confidence=_confidence(hits))


def _nearest(keys: tuple[str, ...], hits: tuple[Hit, ...]) -> tuple[str, ...]:
    """The three facts that fit best."""
    return tuple(f"{keys[0]}/{hit.topic}" if len(keys) == 1 else hit.topic for hit in hits[:3])


def _confidence(hits: tuple[Hit, ...]) -> float:
    return min(1.0, hits[0].score / 1.5) if hits else 0.0


def validity(programme: Programme, today: date) -> Validity:
    """How the programme stands on the day; expired wins over a closed window, a programme without dates is undated."""
    states = {availability(programme, service.key, today).state for service in programme.latest.services}
    if "expired" in states:
        return "expired"
    if "window_closed" in states:
        return "window_closed"
    dated = programme.latest.valid_to or any(s.windows for s in programme.latest.services)
    return "in_force" if dated else "undated"


def batch_line(answerer: Answerer, item: Mapping[str, Any], today: date) -> dict[str, Any]:
    """One line of `ask --batch` for {id, question, context_programme}; what is unknown becomes not stated, or out of scope."""
    found = answerer.ask(str(item.get("question") or ""), programme=item.get("context_programme") or None, today=today)
    outcome = found.outcome
    if outcome == "unknown":
        outcome = "not_stated" if found.programmes else "out_of_scope"
    return {
        "id": item.get("id"),
        "outcome": outcome,
        "answer": found.whole,
        "judgement": found.judgement,
        "programmes": list(found.programmes),
        "citations": [{"programme": c.programme, "document": c.document, "article": c.article, "quote": c.quote} for c in found.citations],
        "validity": found.validity if len(found.programmes) == 1 else None,
    }
