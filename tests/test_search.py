"""Search: which topic a question is about."""

from itertools import pairwise

import pytest

from knowledge.facts import topics
from knowledge.search import Notions, Search


@pytest.fixture(scope="module")
def search() -> Search:
    return Search(topics(), {"柳州", "驿站", "人才驿站"})


def test_every_topic_is_found_by_each_of_its_own_phrasings(search: Search) -> None:
    lines = [(topic, line) for topic, entry in topics()["topics"].items() for line in entry["say"].split("\n") if line]
    assert len(lines) > 700
    missed = [(topic, line) for topic, line in lines if topic not in {hit.topic for hit in search.hits(line, 3)}]
    assert len(missed) / len(lines) < 0.03, missed


def test_hits_come_best_first_and_are_repeatable(search: Search) -> None:
    first = search.hits("补助什么时候到账")
    assert first == search.hits("补助什么时候到账")
    assert first[0].topic == "money_when"
    assert all(a.score >= b.score for a, b in pairwise(first))


def test_place_names_do_not_change_the_topic(search: Search) -> None:
    assert search.hits("柳州驿站公示几天")[0].topic == search.hits("公示几天")[0].topic == "publicity"


def test_notions_are_found_as_words_and_as_patterns() -> None:
    notions = Notions({"fee": "手续费|交[多少]+钱", "when": "几时"})
    assert notions.of("要交多少钱") == {"fee"}
    assert notions.of("几时收手续费") == {"fee", "when"}


def test_every_notion_of_a_cue_exists() -> None:
    data = topics()
    used = {n for entry in data["topics"].values() for cue in entry["cues"] for n in cue.split()}
    known = set(data["concepts"])
    assert used
    assert used <= known


def test_nothing_known_finds_nothing(search: Search) -> None:
    assert search.hits("") == ()
    assert all(hit.score < 0.5 for hit in search.hits("zzzz qqqq"))
