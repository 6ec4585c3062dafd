"""Which programme, service or type does a text name? Reads the library's names and those of `places.toml` and `names.toml`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import tomli

from knowledge.sound import Sounds, lowered
from knowledge.types import Library, Programme

HERE = Path(__file__).parent
_PARTNER = (
    r"(?:[^,。;!?]{0,8}?)(?:大学|高校|学院|学校|校|研究院|研究所|院所|公司|企业|协会|商会|同乡会|联谊会|医院|集团|工程师|团队|专家|博士)"
)
_STATION = r"(?:驿站|工作站)"
_JOINED = re.compile(
    r"又有|两个|两种|这两|驿站[^,。;!?]{0,3}一个[^,。;!?]{0,5}工作站|工作站[^,。;!?]{0,3}一个[^,。;!?]{0,5}驿站"
    r"|驿站(?:[、,和跟与及]|还有|以及)(?:人才)?工作站|工作站(?:[、,和跟与及]|还有|以及)(?:人才)?驿站"
)
_BESIDE = re.compile(r"工作站(?:[、和跟与及]|比)[^,。;!?]{2,12}驿站|驿站(?:[、和跟与及]|比)(?:人才)?工作站")
"""The other kind of station set beside one that is named: 人才工作站和某市驿站."""
_ABOUT = r"(?:人才)?(?:驿站|工作站)|申请|申报|补助|补贴|政策|条件|怎么报|呢$|呢\?$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """What a text names. Nothing said: all empty."""

    programmes: tuple[str, ...] = ()
    """Keys; several when the name is ambiguous."""
    named: bool = False
    """A place or programme name was really said."""
    services: tuple[tuple[str, str], ...] = ()
    """(programme, service) that the text points to, best first, among `programmes`, or all when none."""
    types: tuple[str, ...] = ()
    """Labels of the station types that were said."""
    foreign: str = ""
    """A programme or place that was asked about and that the library does not hold."""
    wide: bool = False
    """Only a province was named, which holds all of them."""
    station: str = ""
    """The kind of station that was said, if exactly one: 人才驿站, 人才工作站."""


@dataclass(frozen=True, slots=True)
class _Known:
    """One programme as it is recognised."""

    programme: Programme
    words: tuple[str, ...]
    near: tuple[str, ...]
    wide: tuple[str, ...]
    foreign: tuple[tuple[str, re.Pattern[str]], ...]
    services: Mapping[str, re.Pattern[str]]


@cache
def places() -> dict[str, Any]:
    """The content of `places.toml`."""
    return tomli.loads((HERE / "places.toml").read_text(encoding="utf-8"))


def names_of(folder: Path, key: str) -> dict[str, Any]:
    """The content of a programme's `names.toml`; empty where there is none: then programme.toml alone names it."""
    file = folder / key / "names.toml"
    return tomli.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


class Names:
    """Recognises programmes, services and types in what people write; built once from a library."""

    def __init__(self, library: Library, folder: Path = HERE / "programmes", vocabulary: Iterable[str] = ()) -> None:
        data = places()
        provinces = data["provinces"].split()
        self._library = library
        self._known = tuple(_known(p, names_of(folder, p.key), provinces) for p in library.programmes)
        own = {place for known in self._known for place in (*known.near, *known.wide)}
        self._near = "|".join(sorted({re.escape(p) for k in self._known for p in k.near}, key=len, reverse=True)) or "(?!)"
        foreign = [c for c in (*data["cities"].split(), *provinces) if c not in own]
        self._foreign = re.compile("|".join(sorted(map(re.escape, foreign), key=len, reverse=True)))
        self._others = tuple(
            (o["name"], re.compile(o["match"]), re.compile(o["unless"]) if "unless" in o else None) for o in data["others"]
        )
        self._apply = re.compile("|".join(data["apply"]["words"].split()))
        sounds = data["sounds"]
        spoken = (*vocabulary, *(w for k in self._known for w in (*k.near, *k.wide)), *foreign)
        self._sounds = Sounds(sounds["words"].split(), sounds["keep"].split(), data["typos"], spoken)

    def where(self) -> frozenset[str]:
        """All words that name a programme of the library or its place, and the kinds of station: they say where, not what is asked."""
        own = {word for k in self._known for word in (*k.words, *k.near, *k.wide, k.programme.short.lower())}
        bare = {short.removesuffix(kind) for short in own for kind in ("驿站", "工作站")}
        return frozenset((own | bare | {"人才驿站", "驿站", "人才工作站", "工作站"}) - {""})

    def apart(self, keys: Iterable[str]) -> bool:
        """Whether the programmes have no place but a province in common."""
        near = [set(k.near) for k in self._known if k.programme.key in set(keys)]
        return len(near) > 1 and not set.intersection(*near)

    def restored(self, text: str) -> str:
        """The text as it is searched: folded, simplified, typing errors and pinyin turned into the words that were meant."""
        return self._sounds.restore(lowered(text))

    def mention(self, text: str) -> Mention:
        """What the text names; a place beats a district, a district a province."""
        return self.mention_in(self.restored(text))

    def mention_in(self, text: str) -> Mention:
        """As `mention`, of a text that is `restored`."""
        tight = re.sub(r"(?<=[^a-z0-9]) | (?=[^a-z0-9])", "", text)
        station = _station(tight)
        other = self._other(tight)
        keys, named, elsewhere = self._programmes(tight, station)
        wide = named and not any(place in tight for k in self._known for place in (*k.near, *k.words))
        foreign = other or elsewhere or self._elsewhere(tight, bool(keys) and named)
        if foreign and not keys:
            named = False
        return Mention(
            programmes=keys,
            named=named,
            wide=wide,
            services=self._services(tight, keys),
            types=self._types(tight, keys),
            foreign=foreign,
            station={"驿站": "人才驿站", "工作站": "人才工作站"}.get(station, ""),
        )

    def _programmes(self, text: str, station: str) -> tuple[tuple[str, ...], bool, str]:
        """Keys named, whether a name was said, and the namesake that was meant instead."""
        whole = [k for k in self._known if any(word in text for word in k.words)]
        near = [k for k in self._known if k in whole or any(place in text for place in k.near)]
        wide = [] if near else [k for k in self._known if any(place in text for place in k.wide)]
        hits = near or wide
        namesake = next((name for k in hits for name, match in k.foreign if match.search(text)), "")
        hits = [k for k in hits if not any(match.search(text) for _, match in k.foreign)]
        named = bool(hits)
        hits = _of_station(hits, station) if station else self._bound(hits, text)
        hits = _of_types(hits, text)
        if (not hits and station == "工作站" and not namesake) or (hits and _BESIDE.search(text)):
            alone = [k for k in self._known if k.programme.station.endswith(station)]
            hits = [*hits, *(k for k in alone if k not in hits)] if len(alone) == 1 else hits
        return tuple(k.programme.key for k in hits), named, namesake

    def _bound(self, hits: list[_Known], text: str) -> list[_Known]:
        """Where both kinds of station are said: without those whose place is followed at once by the other kind."""
        if _JOINED.search(text):
            return hits
        kept = []
        for known in hits:
            said = "|".join(map(re.escape, known.near)) or "(?!)"
            after = re.findall(rf"(?:{said})(?:(?!{self._near})[^,。;!?驿]){{0,5}}?(驿站|工作站)", text)
            if not after or any(known.programme.station.endswith(station) for station in after):
                kept.append(known)
        return kept

    def _other(self, text: str) -> str:
        for name, match, unless in self._others:
            if match.search(text) and not (unless and unless.search(text)):
                return str(name)
        return ""

    def _elsewhere(self, text: str, named: bool) -> str:
        """The place outside the library that the text asks about: bound to a station, or alone with a question about one."""
        for found in self._foreign.finditer(text):
            rest = text[found.end() :]
            if re.match(_PARTNER, rest):
                continue
            if re.match(r"(?:[市省区县]|那边|这边|那里|这里|当地|本地)?的?(?:有没有|有|搞的?|办的?|市级|省级)?(?:人才)?" + _STATION, rest):
                return found[0]
            if not named and (re.search(_ABOUT, text) or len(text) <= 8):
                return found[0]
        return ""

    def _services(self, text: str, keys: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        scored = []
        for known in self._known:
            key = known.programme.key
            if keys and key not in keys:
                continue
            for rank, (service, cues) in enumerate(known.services.items()):
                score = sum(len(cue) for cue in {found[0] for found in cues.finditer(text)})
                if score:
                    scored.append((-score, rank, key, service))
            if keys and not any(key == s[2] for s in scored) and self._apply.search(text):
                scored.append((0, 99, key, known.programme.latest.services[0].key))
        return tuple((key, service) for _, _, key, service in sorted(scored))

    def _types(self, text: str, keys: tuple[str, ...]) -> tuple[str, ...]:
        labels: dict[str, None] = {}
        for known in self._known:
            if keys and known.programme.key not in keys:
                continue
            for kind in known.programme.latest.types:
                if any(word in text for word in (kind.label, *kind.words) if len(word) > 1):
                    labels[kind.label] = None
        return tuple(labels)


def _of_station(hits: list[_Known], station: str) -> list[_Known]:
    """Of programmes in one place, those with that kind of station; a place that has none of that kind keeps its own."""
    having = [k for k in hits if k.programme.station.endswith(station)]
    return [k for k in hits if k in having or not any(set(k.near) & set(h.near) for h in having)]


def _of_types(hits: list[_Known], text: str) -> list[_Known]:
    """Of programmes in one place, those that have the station type that was said."""
    having = [k for k in hits if any(t.label in text for t in k.programme.latest.types)]
    return [k for k in hits if k in having or not any(set(k.near) & set(h.near) for h in having)]


def _station(text: str) -> str:
    """驿站 or 工作站 when exactly one of the two is said; the sheet's namesakes (博士后科研工作站) are not counted."""
    bare = re.sub(r"(?:博士后(?:科研)?|院士(?:专家)?|专家)工作站|(?:党员|文化|青年)驿站", "", text)
    said = [word for word in ("驿站", "工作站") if word in bare]
    if not said and re.search(r"work ?station", bare):
        said = ["工作站"]
    elif not said and re.search(r"talent (?:post ?|inn )?station|talent inn|post station", bare):
        said = ["驿站"]
    return said[0] if len(said) == 1 else ""


def _known(programme: Programme, extra: Mapping[str, Any], provinces: list[str]) -> _Known:
    near = {p for p in programme.places if p not in provinces} | set(extra.get("places", []))
    wide = {p for p in programme.places if p in provinces} | set(extra.get("wide", []))
    cues = extra.get("services", {})
    services = {}
    for service in programme.latest.services:
        words = cues.get(service.key) or [*map(re.escape, (service.name, *service.words))]
        services[service.key] = re.compile("|".join(sorted(words, key=len, reverse=True)))
    return _Known(
        programme,
        tuple(map(str.lower, (programme.name, *programme.words, *extra.get("words", [])))),
        tuple(map(str.lower, sorted(near))),
        tuple(map(str.lower, sorted(wide))),
        tuple((f["name"], re.compile(f["match"])) for f in extra.get("foreign", [])),
        services,
    )
