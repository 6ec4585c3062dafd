"""What is the answer to a policy question? Finds programme and topic, then says the fact, judges, reckons, compares or asks back.

Facts stand in `knowledge/programmes/*/faq.toml`; nothing here holds a figure. Numbers and dates of the asker are read by
`judge.py` and `reckon.py`; talk and foreign matters by `scope.py`; several programmes side by side by `compare.py`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from flows.compare import compared
from flows.judge import lacks_figure
from flows.scope import Saying, matter, orders, saying, talk
from flows.subject import WHICH, Hit, Subject
from flows.told import Told, case_of, fitting, told
from flows.validity import availability
from knowledge.facts import PROGRAMMES, Case, Fact, Facts, Judgement, topics
from knowledge.names import Mention
from knowledge.types import Citation, Library, Programme, Value

Outcome = Literal["answered", "clarify", "not_stated", "out_of_scope", "chat", "command", "handover", "unknown"]
Validity = Literal["in_force", "expired", "window_closed", "undated"]

LONGEST = 600
LONGEST_QUESTION = 1000
"""Characters of a question that are read."""
MOST_CITATIONS = 16
SURE, SURE_OF_HOME = 0.5, 0.42
"""A topic that fits less than this is not believed."""
SURE_OF_TALK, SURE_OF_OTHER = 0.6, 0.5
SURELY = 0.9
"""A topic that fits this well is not overruled by an expression for talk or foreign matters."""
OTHER_NAMED, OTHER_ALONE, OTHER_RUNNING = 0.3, 0.6, 0.9
"""How well beside the best topic a foreign matter must fit for an expression to overrule it: where a station is named and the topic
is not sure, where none is, and amid an application."""
NEARLY = 0.85
"""A fact that settles the asker's numbers is told instead of one on which the document is silent where it fits this well beside it."""
CURT = 6
"""Characters of a message that is a command rather than a question: 帮助."""
_ROOM = 60
TALK_LEAD = 0.5
"""By how much talk or a foreign matter must fit better than any topic where a programme or station is named."""
SURE_OF_SEVERAL = 0.3
SURE_OF_SECOND, AS_WELL = 0.35, 0.6
"""What a second topic must fit at least, and beside the first, for its fact to be told too."""
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
    """Answers policy questions over a library, whose facts and names stand in `folder`; built once."""

    def __init__(self, library: Library, folder: Path = PROGRAMMES) -> None:
        self.library = library
        self._subject = Subject(library, folder)
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
        keys, several = self._subject.scope(text, mention, programme)
        fits, talk_like = self._subject.fits(text)
        hits = self._subject.hits(text, keys, fits)
        keys = keys or self._subject.quoted(text)
        best = max((hit.score for hit in hits[:1]), default=0.0)
        aside = self._aside(text, mention, programme, talk_like, best)
        if aside is not None:
            return aside
        if best < (SURE_OF_SEVERAL if several else SURE_OF_HOME if keys else SURE):
            return self._unknown(keys if self._at_home(text, mention) else (), hits)
        topic = hits[0].topic
        found = keys or self._subject.only(hits, text)
        which = not keys and len(found) == 1 and bool(WHICH.search(text))
        keys = found
        if several and len(keys) > 1:
            return self._compare(keys, text, today, hits)
        keys = self._subject.narrowed(keys, topic, text)
        if len(keys) != 1:
            return self._clarify(keys, hits)
        answer = self._one(keys[0], text, today, hits)
        return replace(answer, text=f"是{self.library.programme(keys[0]).name}。{answer.text}"[:LONGEST]) if which else answer

    # --- what is meant ---

    def _aside(self, text: str, mention: Mention, running: str | None, talk_like: Mapping[str, float], best: float) -> Answered | None:
        """What is no policy question of the library: orders, talk, foreign places and matters; `best` is how well a topic fits."""
        if orders(text):
            return self._elsewhere(mention)
        like = max(talk_like.items(), key=itemgetter(1), default=("", 0.0))
        if (found := talk(text)) and (best < SURELY or len(text) <= CURT or (like[0] == found.key and like[1] > best)):
            return self._say(found, mention)
        if self._is_elsewhere(text, mention, running, best, talk_like.get("other", 0.0)):
            return self._elsewhere(mention)
        needed = best + (TALK_LEAD if mention.named or mention.station or _DOMAIN.search(text) else 0.0)
        if like[0] == "other" and like[1] > max(SURE_OF_OTHER, needed):
            return self._elsewhere(mention)
        if like[0] != "other" and like[1] > max(SURE_OF_TALK, needed):
            return self._say(saying(like[0]), mention)
        return None

    def _say(self, found: Saying | None, mention: Mention) -> Answered:
        if found is None:
            return self._unknown((), ())
        names = "、".join(self.library.programme(key).name for key in mention.programmes)
        known = "、".join(p.name for p in self.library.programmes)
        spoken = found.text.render(known=known, mentioned=f"您说的是：{names}。" if names else "")
        return Answered(outcome=found.outcome, text=spoken, confidence=0.9)

    def _is_elsewhere(self, text: str, mention: Mention, running: str | None, best: float, other: float) -> bool:
        """Whether place or matter are none of the library's; `best` and `other` tell how well a topic and a foreign matter fit."""
        here = running and (not mention.programmes or running in mention.programmes)
        if mention.foreign and not (here and (best >= SURELY or not re.search("驿站|工作站", text))):
            return True
        share = OTHER_RUNNING if running else OTHER_ALONE
        unsure = best < SURELY and (other > OTHER_NAMED * best or not mention.station)
        return (unsure or other > best * share) and bool(matter(text))

    # --- what is said ---

    def _one(self, key: str, text: str, today: date, hits: tuple[Hit, ...]) -> Answered:
        programme, known = self.library.programme(key), self._subject.facts(key)
        fact = self._fact(programme, hits[0].topic, text)
        others = self._others(programme, text, hits)
        if fact is None or not (fact.states(text) or _settles(case_of(fact, text))):
            parts = [(told(programme, known, f, text, today), share) for f, share in others]
            peculiar = topics()["topics"][hits[0].topic].get("peculiar")
            instead = [
                part for part, share in parts if (part.weight > 2 and part.judgement) or (share > NEARLY and (peculiar or part.weight > 2))
            ]
            if not instead:
                return self._silent(programme, hits[0].topic, fact, today, hits)
            spoken = [instead[0], *([told(programme, known, fact, text, today)] if fact else [])]
            return self._together(programme, spoken, today, hits)
        if fact.month_silent and _MONTH.search(text) and not _NOW.search(text):
            silent = f"{fact.month_silent}{self._standing(programme, today)}{self._whom(known)}"
            return self._answer("not_stated", programme, silent, fact.citations, None, today, hits)
        first = told(programme, known, fact, text, today, worded=self._subject.worded(text, fact.topic, key))
        if first.judgement is None and lacks_figure(fact, text):
            return self._answer("not_stated", programme, f"{fact.text}{self._whom(known)}", first.citations, None, today, hits)
        return self._together(
            programme,
            [first, *(told(programme, known, f, text, today, worded=self._subject.worded(text, f.topic, key)) for f, _ in others[:1])],
            today,
            hits,
        )

    def _together(self, programme: Programme, parts: list[Told], today: date, hits: tuple[Hit, ...]) -> Answered:
        """The first part and, as far as there is room, the others; what holds the surest judgement comes first."""
        parts = sorted(parts, key=lambda part: (part.judgement is None, -part.weight))
        spoken, citations = parts[0].text, parts[0].citations
        for part in parts[1:]:
            if len(spoken) + len(part.text) < LONGEST - _ROOM:
                spoken, citations = spoken + part.text, citations + part.citations
        timed = any(part.fact.closes for part in parts)
        warning = "" if timed or len(spoken) > LONGEST - _ROOM else _REMINDERS.get(validity(programme, today), "")
        return self._answer("answered", programme, spoken, citations, parts[0].judgement, today, hits, warning)

    def _fact(self, programme: Programme, topic: str, text: str) -> Fact | None:
        known = self._subject.facts(programme.key).by_topic
        if topic == "type_fit" and (found := fitting(programme, text)):
            return found
        while topic and topic not in known:
            topic = topics()["topics"][topic].get("like", "types" if topic == "type_fit" else "")
        return known.get(topic)

    def _others(self, programme: Programme, text: str, hits: tuple[Hit, ...]) -> list[tuple[Fact, float]]:
        """Stated facts of topics that fit nearly as well as the first (the other half of a two-part question), with how nearly."""
        found = []
        for hit in hits[1:3]:
            fact = self._fact(programme, hit.topic, text) if hit.topic in self._subject.facts(programme.key).by_topic else None
            if hit.score > SURE_OF_SECOND and hit.score > AS_WELL * hits[0].score and fact and fact.stated:
                found.append((fact, hit.score / hits[0].score))
        return found

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

    def _compare(self, keys: tuple[str, ...], text: str, today: date, hits: tuple[Hit, ...]) -> Answered:
        programmes = [self.library.programme(key) for key in keys]
        asked = self._subject.shared(hits, keys)
        tables = [([(p, self._fact(p, topic, text)) for p in programmes], topics()["topics"][topic]["name"]) for topic in asked]
        spoken, citations = compared(tables, today)
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


def _settles(case: Case | None) -> bool:
    """Whether the asker's case is settled even where the document is silent on the topic as such."""
    return case is not None and case.judgement != "depends"


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
