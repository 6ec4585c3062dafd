"""Which questions did people ask that were not answered well? Groups the list for staff by likeness; reads no store."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rapidfuzz import fuzz

from knowledge.text import plain

ALIKE = 75
"""From this likeness on (0..100, rapidfuzz's ratio without spaces and punctuation) two questions are one."""
_ASIDE = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question as somebody asked it, masked: `kind` is unanswered, upvote or downvote, `row` its number on the list."""

    row: str
    kind: str
    text: str
    facts: tuple[str, ...] = ()
    programme: str = ""
    """Of the application in which it was asked; empty: outside one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Questions that are alike: the one asked most often, how often, the thumbs, and the facts nearest to them, likeliest first."""

    text: str
    unanswered: int
    up: int
    down: int
    facts: tuple[str, ...]
    rows: tuple[str, ...]
    texts: tuple[str, ...] = ()
    """Every wording, most frequent first."""
    programme: str = ""
    """In whose application it was asked most; empty: mostly outside one."""

    @property
    def missed(self) -> int:
        """How often it was not answered, or badly."""
        return self.unanswered + self.down


def grouped(asked: Iterable[Asked]) -> tuple[Group, ...]:
    """The groups, most often missed first; praise alone makes no group."""
    groups: list[tuple[str, list[Asked]]] = []
    for one in asked:
        bare = _ASIDE.sub("", plain(one.text).lower())
        scored = max(((fuzz.ratio(bare, other), n) for n, (other, _) in enumerate(groups)), default=(0.0, -1))
        if scored[0] >= ALIKE:
            groups[scored[1]][1].append(one)
        else:
            groups.append((bare, [one]))
    made = [_group(members) for _, members in groups]
    return tuple(sorted((g for g in made if g.missed), key=lambda g: (-g.missed, g.text)))


def _group(members: list[Asked]) -> Group:
    kinds = Counter(one.kind for one in members)
    texts = Counter(one.text for one in members)
    near = Counter(fact for one in members for fact in one.facts)
    return Group(
        text=texts.most_common(1)[0][0],
        unanswered=kinds["unanswered"],
        up=kinds["upvote"],
        down=kinds["downvote"],
        facts=tuple(fact for fact, _ in near.most_common(3)),
        rows=tuple(one.row for one in members),
        texts=tuple(text for text, _ in texts.most_common()),
        programme=Counter(one.programme for one in members).most_common(1)[0][0],
    )


def question_set(groups: Iterable[Group]) -> Iterator[dict[str, object]]:
    """The questions as a question set has them, a wording each: what is expected is for a person to fill in.

    `kind` is `fact` until then; `note` says how often it was missed and which facts were nearest.
    """
    for number, group in enumerate(groups, 1):
        note = f"没答上 {group.unanswered} 次，踩 {group.down} 次，赞 {group.up} 次；最接近：{'、'.join(group.facts) or '没有'}"
        for wording, text in enumerate(group.texts, 1):
            yield {
                "id": f"u{number:04d}-{wording}",
                "question": text,
                "context_programme": group.programme or None,
                "kind": "fact",
                "expect_programmes": [group.programme] if group.programme else [],
                "evidence": [],
                "must_include": [],
                "note": note,
            }
