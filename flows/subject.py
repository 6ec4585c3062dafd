"""What is a question about: which programmes, one or several side by side, and which topic? Says nothing itself."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from heapq import nlargest
from operator import itemgetter
from pathlib import Path

from flows.choices import polarity
from flows.dates import find_dates
from flows.judge import asks_judgement, judged, spoken_of
from flows.told import Worded
from knowledge.cases import Cases
from knowledge.facts import PROGRAMMES, Fact, Facts, facts, topics
from knowledge.model import read
from knowledge.names import Mention
from knowledge.search import Owners, Reader, Wording
from knowledge.types import Library, Programme

TALK = "talk."
"""Before the names of what is no topic: kinds of talk, and `other`."""
_BOTH = re.compile(r"两样|两个都|两个是|两种站|两处|又有[^。]*又有|两者|这两")
_VERSUS = re.compile(
    r"比呢|比一比|[跟和与同][^,。?]{1,12}(?:比|一样|差)|相比|比起来|两边|两家|两地|跟这边|和这边|差在哪|区别|谁(?:多|少|更|高|严)|哪(?:个|边|家)(?:多|少|更|高|严)|都写了"
)
"""Sets another programme beside the one that runs."""
_ALL = re.compile(
    r"(?:几|五|各|所有|全部|每|你(?:们)?)(?:份|个|家|库里|这里|地)?(?:的)?(?:文件|项目|城市|地方|办法|通知)|你库里|各地|每个城市"
)
WHICH = re.compile(r"(?:哪|那)(?:一)?(?:家|个|份|边|地|座|里)[^,。;!?]{0,4}(?:驿站|工作站|文件|办法|通知|方案|项目|写)")
"""Asks which programme it is."""
_YEAR_OF_NUMBER = re.compile(r"(?<=[一-鿿])[〔\[(（]?(20\d\d)(?:年|[〕\])）])?第?(\d+)号")
"""A document's number as it is spoken: 柳科规2023年4号."""
_LONG_QUOTED = 7
"""From this length on wording names a programme before anything else is known of the question."""
_LONG_OWN = 5
"""From this length on wording is one programme's own, whatever the topic."""
_ANY_DAY = date(2000, 1, 1)
"""Only whether a date is named matters, not which."""
_MOST = 6
_TELLING = 12
"""Characters, names aside, from which a question tells more than its bare topic, which either programme of a place may be meant by."""
_SURELY, _LEAD = 0.5, 0.2
"""How well a topic that only one programme knows must fit, and by how much better than one that all know, to tell who is meant."""
_STATED_WEIGHT = 0.3
_MORE = 0.5
"""How much a second topic adds to the wider one it belongs to."""
_AS_WELL = 0.75
"""A second topic that fits this well beside the first is told too."""
_LIKELY = 0.35
_SURE_OF_CASE, _SURELY_CASE = 0.2, 0.7
"""By how much one judgement of a case must lead to be told, and to be told instead of what a pattern finds."""
_ABOUT = 0.12
"""How well a part of a sentence must fit a topic to be about it."""
_ASKING = re.compile(
    r"(?:这样|那样|这种|这|那)?(?:能不能|可不可以|是不是|行不行|行得通|成不成|算不算|过不过|过得了|够不够|合不合|能|可以|还)?"
    r"(?:申请|申报|报|设|过|过关|算|认|行|成|符合|合格|够)?(?:吗|么|嘛|呢|不|没|吧|行不|成不|咋办|怎么办)*$"
)
_CASE_WEIGHT = 0.45
_DATE_WEIGHT = 0.3
_WORDING_WEIGHT = 1.5
_IN_TIME = re.compile(r"管着|赶上|赶得上|作数|算数|还算|有效|过期|失效|来得及|晚了|期[内间限]|到期")
"""Asks whether a date lies in the time of a document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A topic and how well it fits."""

    topic: str
    score: float


class Subject:
    """Finds programmes and topics over a library; built once."""

    def __init__(self, library: Library, folder: Path = PROGRAMMES) -> None:
        self.library = library
        self._reader = Reader(library, topics()["concepts"], folder)
        self._model = read()
        self._cases = Cases(self._reader)
        self._talk = tuple(name for name in self._model.topics if name.startswith(TALK))
        self.names = self._reader.names
        self._facts: Mapping[str, Facts] = {p.key: facts(p, folder) for p in library.programmes}
        self._asked = {p.key: {f.key: f for s in p.latest.services for f in s.fields} for p in library.programmes}
        self._wording = {key: Wording(_worded(known), self._reader) for key, known in self._facts.items()}

    @cached_property
    def _owners(self) -> Owners:
        """Made when a question first names no programme."""
        return Owners({p.key: self.names.restored(_papers(p)) for p in self.library.programmes}, self._reader)

    def facts(self, key: str) -> Facts:
        """The facts of one programme."""
        return self._facts[key]

    def scope(self, text: str, mention: Mention, running: str | None) -> tuple[tuple[str, ...], bool]:
        """The programmes that the question is about, and whether it asks for several side by side."""
        keys = mention.programmes
        if running and keys and running not in keys and _VERSUS.search(text):
            return (running, *keys), True
        if not keys and _ALL.search(text) and not running:
            return tuple(p.key for p in self.library.programmes), True
        if len(keys) > 1:
            both = (not mention.station and "驿站" in text and "工作站" in text) or bool(_BOTH.search(text))
            if (self.names.apart(keys) and not mention.wide) or both:
                return keys, True
            if running in keys and not mention.station:
                return (running,), False
            return keys, mention.wide and bool(_BOTH.search(text))
        if keys and (mention.named or not running):
            return keys, False
        if running:
            return (self._sibling(running, mention) or running,), False
        return keys, False

    def _sibling(self, running: str, mention: Mention) -> str | None:
        """The other kind of station in the same place, when that kind is named: 那工作站呢."""
        current = self.library.programme(running)
        if not mention.station or mention.station == current.station:
            return None
        for other in self.library.programmes:
            if other.station == mention.station and set(other.places) & set(current.places):
                return other.key
        return None

    def only(self, hits: tuple[Hit, ...], text: str) -> tuple[str, ...]:
        """The one programme that can be meant where none is named: its papers alone speak of the topic, or in these words."""
        known = topics()["topics"]
        common = max((hit.score for hit in hits if not known[hit.topic].get("peculiar")), default=0.0)
        if known[hits[0].topic].get("peculiar") and hits[0].score > max(_SURELY, common + _LEAD):
            alone = [keys for hit in hits[:2] if hit.score > _SURELY and len(keys := self._stating(hit.topic)) == 1]
            if alone:
                return tuple(alone[0])
        able = [key for key in self._facts if self._judges(key, hits[0].topic, text)] if spoken_of(text) else []
        if len(able) == 1:
            return tuple(able)
        owner, length = self._owners.of(text)
        if WHICH.search(text) and (meant := [owner] if owner else self._stating(hits[0].topic)) and len(meant) == 1:
            return tuple(meant)
        alone = [keys for hit in hits[:3] if hit.score > _SURELY and (keys := self._stating(hit.topic)) == [owner]]
        return (owner,) if owner and (length >= _LONG_OWN or alone) else ()

    def quoted(self, text: str) -> tuple[str, ...]:
        """The programme whose papers alone hold a long stretch of the text: a document's number, a title."""
        numbered, count = _YEAR_OF_NUMBER.subn(r"〔\1〕\2号", text)
        owner, length = self._owners.of(numbered)
        return (owner,) if owner and (count or length >= _LONG_QUOTED) else ()

    def _stating(self, topic: str) -> list[str]:
        """The programmes whose documents say something to the topic."""
        return [key for key, known in self._facts.items() if (fact := known.by_topic.get(topic)) and fact.stated]

    def shared(self, hits: tuple[Hit, ...], keys: tuple[str, ...]) -> tuple[str, ...]:
        """The one or two topics on which several programmes are best set side by side: those that most of them state come first."""
        scores: dict[str, float] = {}
        for hit in hits:
            topic = self._common(hit.topic, keys)
            scores[topic] = max(hit.score, scores.get(topic, 0.0)) + (_MORE * min(hit.score, scores[topic]) if topic in scores else 0.0)
        ranked = sorted(
            ((score + _STATED_WEIGHT * self._stated_share(topic, keys), topic) for topic, score in scores.items()), reverse=True
        )
        return tuple(topic for score, topic in ranked[:2] if score > _AS_WELL * ranked[0][0])

    def _common(self, topic: str, keys: tuple[str, ...]) -> str:
        """The topic, or the wider one it belongs to where that is stated by more of the programmes."""
        wider = topics()["topics"][topic].get("like", topic)
        return wider if self._stated_share(wider, keys) > self._stated_share(topic, keys) else topic

    def _stated_share(self, topic: str, keys: tuple[str, ...]) -> float:
        found = [self._facts[key].by_topic.get(topic) for key in keys]
        return sum(1 for fact in found if fact and fact.stated) / len(keys)

    def narrowed(self, keys: tuple[str, ...], topic: str, text: str) -> tuple[str, ...]:
        """Of programmes in one place the one whose document alone states the matter, where the text tells more than a bare topic."""
        if len(keys) < 2:
            return keys
        stating = [key for key in keys if key in self._stating(topic)]
        if len(stating) == 1 and (find_dates(text, _ANY_DAY) or len(self._reader.stripped(text)) >= _TELLING):
            return tuple(stating)
        if not asks_judgement(text):
            return keys
        able = [key for key in keys if self._judges(key, topic, text)]
        return tuple(able) if len(able) == 1 else keys

    def _judges(self, key: str, topic: str, text: str) -> bool:
        """Whether the programme's fact to the topic can judge the numbers of the text."""
        fact = self._facts[key].by_topic.get(topic)
        return fact is not None and judged(fact, self.library.programme(key), text) is not None

    def fits(self, text: str) -> tuple[dict[str, float], dict[str, float]]:
        """How well each topic fits the words of the text, and each kind of talk, `other` being foreign matters."""
        scores = self._model.scores(self._reader.features(text))
        return scores, {name.removeprefix(TALK): scores.pop(name) for name in self._talk if name in scores}

    def hits(self, text: str, keys: tuple[str, ...], fits: Mapping[str, float]) -> tuple[Hit, ...]:
        """The topics that fit the text, best first; raised where the asker's own numbers or circumstances speak of one."""
        scores = dict(fits)
        if len(keys) == 1:
            for topic, share in self._wording[keys[0]].shares(text).items():
                scores[topic] = scores.get(topic, 0.0) + _WORDING_WEIGHT * share
        if asks_judgement(text):
            for topic, weight in spoken_of(text).items():
                scores[topic] = scores.get(topic, 0.0) + weight
            likely = [topic for topic, score in scores.items() if score > _LIKELY]
            for topic, weight in self._circumstances(text, keys, likely).items():
                scores[topic] += weight
        best = nlargest(_MOST, sorted(scores.items()), key=itemgetter(1))
        return tuple(Hit(topic=topic, score=score) for topic, score in best)

    def worded(self, text: str, topic: str, key: str) -> Worded | None:
        """How the case that the text tells comes out by its words; None where it tells none, or that is not sure."""
        if not asks_judgement(text):
            return None
        found = self._cases.judgement(key, topic, text)
        if found and found[1] > _SURELY_CASE:
            return Worded(judgement=found[0], sure=True)
        if self.denies(text, topic, key):
            return Worded(judgement="unmet", sure=False)
        return Worded(judgement=found[0], sure=False) if found and found[1] > _SURE_OF_CASE else None

    def denies(self, text: str, topic: str, key: str) -> bool:
        """Whether a part of the text, read as the application reads its answer, says no to what the topic asks for."""
        field = self._asked[key].get(topics()["topics"][topic].get("field", ""))
        if field is None:
            return False
        parts = [part for part in (_ASKING.sub("", part) for part in re.split(r"[,。;!?]", text)) if part]
        said_no = [part for part in parts if polarity(part, field.yes_words, field.no_words) is False]
        return any(self._model.scores(self._reader.features(part)).get(topic, 0.0) > _ABOUT for part in said_no)

    def _circumstances(self, text: str, keys: tuple[str, ...], likely: Iterable[str]) -> dict[str, float]:
        """Of one programme the likely topics whose cases or dates the text describes, and what that weighs."""
        found: dict[str, float] = {}
        known = self._facts[keys[0]].by_topic if len(keys) == 1 else {}
        for topic, fact in ((topic, known[topic]) for topic in likely if topic in known):
            if any(case.holds(text) for case in fact.cases):
                found[topic] = _CASE_WEIGHT
            if fact.closes and _IN_TIME.search(text) and find_dates(text, _ANY_DAY):
                found[topic] = found.get(topic, 0.0) + _DATE_WEIGHT
            if fact.reckon and re.search(rf"[日号月天][^,。]{{0,8}}(?:{fact.reckon.said})", text):
                found[topic] = found.get(topic, 0.0) + _DATE_WEIGHT
        return found


def _papers(programme: Programme) -> str:
    """All text of a programme's documents."""
    return " ".join(line for document in programme.latest.documents for section in document.sections for line in section.lines)


def _worded(known: Facts) -> dict[str, list[str]]:
    """For each topic what the programme's document and the answer say, in parts; not our own words for what is missing."""
    return {topic: [text.lower() for text in (*_said(fact), *(c.quote for c in fact.citations))] for topic, fact in known.by_topic.items()}


def _said(fact: Fact) -> list[str]:
    return [part for part in re.split(r"[；。，]", fact.text) if fact.stated and "没有写" not in part]
