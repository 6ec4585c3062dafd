"""Reading a question for its topic: features, notions, the learned model, and whose words they are."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from knowledge.facts import topics
from knowledge.load import library
from knowledge.model import Model, ModelError, read
from knowledge.search import Notions, Owners, Reader, Wording
from knowledge.train import PHRASINGS, fingerprint, learned, phrasings

TALK = "talk."


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(library(), topics()["concepts"])


@pytest.fixture(scope="module")
def model() -> Model:
    return read()


def best(model: Model, reader: Reader, text: str, count: int = 1) -> list[str]:
    scores = model.scores(reader.features(reader.names.restored(text)))
    return sorted(scores, key=lambda topic: -scores[topic])[:count]


# --- the model and what it is made of ---


def test_the_model_is_made_of_the_phrasings_as_they_are(model: Model) -> None:
    assert model.made_of == fingerprint(phrasings(), topics()["concepts"]), "run python -m knowledge.train"


def test_learning_gives_the_same_file_every_time(reader: Reader) -> None:
    said = {topic: lines[:6] for topic, lines in list(phrasings().items())[:12]}
    assert learned(said, reader).to_bytes() == learned(said, reader).to_bytes()


def test_every_topic_has_phrasings_and_every_file_a_topic() -> None:
    said = phrasings()
    assert {name for name in said if not name.startswith(TALK)} == set(topics()["topics"])
    assert min(len(lines) for lines in said.values()) >= 10
    assert sum(map(len, said.values())) > 7000


def test_no_phrasing_stands_under_two_topics() -> None:
    seen: dict[str, str] = {}
    twice = [(line, topic, seen[line]) for topic, lines in phrasings().items() for line in lines if seen.setdefault(line, topic) != topic]
    assert twice == []
    assert all(not re.search(r"\s$|^\s", line) for line in seen)


def test_nearly_every_phrasing_finds_its_own_topic_among_the_first_two(model: Model, reader: Reader) -> None:
    lines = [(topic, line) for topic, found in phrasings().items() for line in found[::7]]
    missed = [(topic, line) for topic, line in lines if topic not in best(model, reader, line, 2)]
    assert len(lines) > 1000
    assert len(missed) / len(lines) < 0.06, missed


def test_phrasings_held_out_are_mostly_found(reader: Reader) -> None:
    said = {topic: lines for topic, lines in phrasings().items() if len(lines) >= 40}
    assert len(said) > 60
    held = [(topic, line) for topic, lines in said.items() for line in lines[::10]]
    kept = learned({topic: [line for n, line in enumerate(lines) if n % 10] for topic, lines in said.items()}, reader)
    found = sum(topic in best(kept, reader, line, 2) for topic, line in held)
    assert len(held) > 200
    assert found / len(held) > 0.72


def test_a_missing_or_broken_model_is_named_with_the_remedy(tmp_path: Path) -> None:
    for content in (None, b"", b"nonsense", b"x\x9c\x03\x00\x00\x00\x00\x01"):
        file = tmp_path / "model.bin"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(ModelError, match=r"python -m knowledge\.train"):
            read(file)


def test_a_model_read_back_scores_as_before(tmp_path: Path, model: Model, reader: Reader) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(model.to_bytes())
    features = reader.features("补助什么时候到账")
    assert read(file).scores(features) == model.scores(features)


# --- scores ---


def test_scores_are_repeatable_and_tell_the_topic(model: Model, reader: Reader) -> None:
    features = reader.features("补助什么时候到账")
    assert model.scores(features) == model.scores(features)
    first, *rest = best(model, reader, "补助什么时候到账", 5)
    assert first == "money_when"
    scores = model.scores(features)
    assert all(scores[a] >= scores[b] for a, b in pairwise([first, *rest]))


def test_place_names_do_not_change_the_topic(model: Model, reader: Reader) -> None:
    assert best(model, reader, "柳州驿站公示几天") == best(model, reader, "公示几天") == ["publicity"]


def test_english_finds_its_topic(model: Model, reader: Reader) -> None:
    assert best(model, reader, "how much is the subsidy") == ["amount"]


@pytest.mark.parametrize("text", ["", " ", "?!。", "zzzz qqqq", "😀😀"])
def test_nothing_known_scores_nothing_or_little(model: Model, reader: Reader, text: str) -> None:
    assert all(score < 0.6 for score in model.scores(reader.features(text)).values())


@pytest.mark.parametrize(
    ("text", "kind"), [("明天会不会下雨", "other"), ("早上好呀", "greeting"), ("多谢多谢", "thanks"), ("找个真人跟我讲", "handover")]
)
def test_talk_and_foreign_matters_are_told_from_topics(model: Model, reader: Reader, text: str, kind: str) -> None:
    assert best(model, reader, text) == [TALK + kind]


# --- reading ---


def test_notions_are_found_as_words_and_as_patterns() -> None:
    notions = Notions({"fee": "手续费|交[多少]+钱", "when": "几时"})
    assert notions.of("要交多少钱") == {"fee"}
    assert notions.of("几时收手续费") == {"fee", "when"}


def test_a_question_is_read_only_so_far_and_a_document_whole(reader: Reader) -> None:
    assert len(reader.stripped("补" * 1000)) < 500
    assert Owners({"a": "补" * 1000 + "文献东路", "b": ""}, reader).of("文献东路") == ("a", 4)


def test_wording_is_shared_by_the_text_that_holds_it(reader: Reader) -> None:
    wording = Wording({"a": ["品茗创咖餐叙", "洽谈"], "b": ["专款专用"]}, reader)
    shares = wording.shares("品茗餐叙")
    assert shares["a"] > 0.3
    assert "b" not in shares


def test_words_of_one_owner_are_told_from_words_of_several(reader: Reader) -> None:
    owners = Owners({"a": "文献东路皇冠大厦五楼，建站补助", "b": "建站补助和人才专项经费"}, reader)
    assert owners.of("皇冠大厦是几楼") == ("a", 4)
    assert owners.of("文献东路皇冠大厦") == ("a", 8)
    assert owners.of("建站补助多少") == ("", 0)
    assert owners.of("皇冠大厦有专项经费") == ("", 0)
    assert owners.of("") == ("", 0)


def test_the_phrasings_lie_with_the_package() -> None:
    assert len(list(PHRASINGS.glob("*.txt"))) > 150
