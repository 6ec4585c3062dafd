"""How people's own cases come out: the examples, what is learned from them, and what the model makes of cases it has not seen."""

from collections import Counter

import pytest

from flows.answers import Answerer
from knowledge.cases import KINDS, NONE, Cases, Example, examples
from knowledge.facts import facts, topics
from knowledge.load import library
from knowledge.model import read
from knowledge.search import Reader
from knowledge.train import CASES, cases_fingerprint, learned_cases
from tests.test_answers import TODAY

HELD_OUT = 6


@pytest.fixture(scope="module")
def told() -> tuple[Example, ...]:
    return tuple(examples())


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(library(), topics()["concepts"])


def test_the_model_is_made_of_the_examples_as_they_are(told: tuple[Example, ...]) -> None:
    model = read(CASES)
    assert model.made_of == cases_fingerprint(told), "run python -m knowledge.train"
    assert set(model.topics) == {*KINDS, NONE}


def test_every_example_belongs_to_a_fact_of_its_programme(told: tuple[Example, ...]) -> None:
    known = {p.key: facts(p).by_topic for p in library().programmes}
    assert {e.programme for e in told} == set(known)
    assert [(e.programme, e.topic) for e in told if e.topic not in known[e.programme]] == []


def test_no_example_comes_out_in_two_ways(told: tuple[Example, ...]) -> None:
    seen: dict[tuple[str, str, str], str] = {}
    assert [e for e in told if seen.setdefault((e.programme, e.topic, e.text), e.judgement) != e.judgement] == []


def test_cases_held_out_mostly_come_out_right(told: tuple[Example, ...], reader: Reader, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("cases") / "cases.bin"
    file.write_bytes(learned_cases([e for n, e in enumerate(told) if n % HELD_OUT], reader).to_bytes())
    cases = Cases(reader, file)
    outcomes: Counter[str] = Counter()
    for e in told[::HELD_OUT]:
        found = cases.judgement(e.programme, e.topic, reader.names.restored(e.text))
        outcomes["right" if found and found[0] == e.judgement else "wrong" if found else "none"] += 1
    assert outcomes.total() > 300
    assert outcomes["right"] / outcomes.total() > 0.7, outcomes


def test_a_question_about_the_rule_is_no_case() -> None:
    answerer = Answerer(library())
    for question in ("场地要求是什么", "要不要配投影", "牌匾由谁发"):
        assert answerer.ask(question, programme="qingdao-yizhan", today=TODAY).judgement is None, question


@pytest.mark.parametrize(
    ("question", "programme", "judgement"),
    [
        ("大厅四面敞着，跟卖货的混在一块儿，一间隔开的都没有，场地这条行吗", "putian-yizhan", "unmet"),
        ("自己没房子，不过跟楼下酒店签了优惠价，来面试的能便宜住几天，住宿这条算有了吧", "qingdao-yizhan", "met"),
    ],
)
def test_a_case_is_judged_by_its_words(question: str, programme: str, judgement: str) -> None:
    assert Answerer(library()).ask(question, programme=programme, today=TODAY).judgement == judgement
