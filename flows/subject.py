"""What is a question about: which programmes, one or several side by side, and which topic? Says nothing itself."""

import re
from collections.abc import Mapping

from flows.judge import asks_judgement, judged, spoken_of
from knowledge.facts import Facts, facts, topics
from knowledge.names import Mention, Names
from knowledge.search import Hit, Search, Wording
from knowledge.types import Library

_BOTH = re.compile(r"两样|两个都|两个是|两种站|两处|又有[^。]*又有|两者|这两")
_ALL = re.compile(
    r"(?:几|五|各|所有|全部|每|你(?:们)?)(?:份|个|家|库里|这里|地)?(?:的)?(?:文件|项目|城市|地方|办法|通知)|你库里|各地|每个城市"
)
_LIKELY = 0.35
_CASE_WEIGHT = 0.45
_DATE_WEIGHT = 0.3
_WORDING_WEIGHT = 1.5


class Subject:
    """Finds programmes and topics over a library; built once."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._search = Search(topics(), _named_words(library))
        self.names = Names(library, vocabulary=[w for w in self._search.notions.words() if not w.isascii()])
        self._facts: Mapping[str, Facts] = {p.key: facts(p) for p in library.programmes}
        self._wording = {key: Wording(_worded(known), self._search) for key, known in self._facts.items()}

    def facts(self, key: str) -> Facts:
        """The facts of one programme."""
        return self._facts[key]

    def scope(self, text: str, mention: Mention, running: str | None) -> tuple[tuple[str, ...], bool]:
        """The programmes that the question is about, and whether it asks for several side by side."""
        keys = mention.programmes
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

    def only(self, topic: str) -> tuple[str, ...]:
        """The one programme whose document speaks of the topic, where the others do not even know it."""
        holding = [key for key, known in self._facts.items() if topic in known.by_topic]
        return tuple(holding) if len(holding) == 1 else ()

    def narrowed(self, keys: tuple[str, ...], topic: str, text: str) -> tuple[str, ...]:
        """Of programmes in one place the one whose document can judge the asker's numbers, where it is the only one."""
        if len(keys) < 2 or not asks_judgement(text):
            return keys
        able = [k for k in keys if (f := self._facts[k].by_topic.get(topic)) and judged(f, self.library.programme(k), text)]
        return tuple(able) if len(able) == 1 else keys

    def hits(self, text: str, keys: tuple[str, ...]) -> tuple[Hit, ...]:
        """The topics that fit the text, best first; raised where the asker's own numbers or circumstances speak of one."""
        scores = {hit.topic: hit.score for hit in self._search.hits(text)}
        if len(keys) == 1:
            for topic, share in self._wording[keys[0]].shares(text).items():
                scores[topic] = scores.get(topic, 0.0) + _WORDING_WEIGHT * share
        if asks_judgement(text):
            for topic, weight in spoken_of(text).items():
                scores[topic] = scores.get(topic, 0.0) + weight
            for topic, weight in self._circumstances(text, keys).items():
                if scores.get(topic, 0.0) > _LIKELY:
                    scores[topic] += weight
        return tuple(Hit(topic=t, score=s) for t, s in sorted(scores.items(), key=lambda item: (-item[1], item[0])))

    def _circumstances(self, text: str, keys: tuple[str, ...]) -> dict[str, float]:
        """Of one programme the topics whose cases or dates the text describes, and what that weighs."""
        found: dict[str, float] = {}
        for topic, fact in self._facts[keys[0]].by_topic.items() if len(keys) == 1 else ():
            if any(case.when.search(text) for case in fact.cases):
                found[topic] = _CASE_WEIGHT
            if fact.reckon and re.search(rf"[日号月天][^,。]{{0,8}}(?:{fact.reckon.said})", text):
                found[topic] = found.get(topic, 0.0) + _DATE_WEIGHT
        return found


def _worded(known: Facts) -> dict[str, str]:
    """For each topic what the programme's document and the answer say, as one text."""
    return {topic: " ".join([fact.text, *(c.quote for c in fact.citations)]).lower() for topic, fact in known.by_topic.items()}


def _named_words(library: Library) -> set[str]:
    """Names of programmes, places and stations, which say where but not what is asked."""
    own = {w.lower() for p in library.programmes for w in (p.name, *p.words, *p.places)}
    return own | {"人才驿站", "驿站", "人才工作站", "工作站", "请问", "一下", "那个", "这个"}
