"""All programmes load as the contract lists them; what cannot be used is refused with one exception."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from knowledge.check import digest
from knowledge.load import KnowledgeError, fingerprint, library, load
from knowledge.sources import LIMIT, sections
from knowledge.types import Library, Programme

SAMPLE = Path(__file__).parent / "fixtures" / "sample"
SERVICES = {
    "fuzhou-gaoxin-yizhan": ["declaration", "assessment"],
    "liuzhou-gongzuozhan": ["establishment", "evaluation"],
    "liuzhou-yizhan": ["recognition", "subsidy"],
    "putian-yizhan": ["declaration"],
    "qingdao-yizhan": ["pilot"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "data"))


def change(folder: Path, old: str, new: str, file: str = "programmes/yunshan-yizhan/programme.toml") -> Programme:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return load(folder).programmes[0]


def test_the_five_programmes_have_their_eight_services(library: Library) -> None:
    assert {p.key: [s.key for s in p.latest.services] for p in library.programmes} == SERVICES


def test_the_packaged_library_is_loaded_once() -> None:
    assert library() is library()


def test_the_text_of_every_document_has_the_sha256_that_was_checked_in(library: Library) -> None:
    documents = [d for p in library.programmes for v in p.versions for d in v.documents]
    assert len(documents) >= 5
    for document in documents:
        assert len(document.sections) > 3
        assert digest(document) == document.sha256


def test_a_citation_names_programme_and_document_number() -> None:
    rule = load(SAMPLE).programmes[0].latest.services[0].rules[1]
    assert (rule.cite[0].programme, rule.cite[0].document, rule.cite[0].article) == ("yunshan-yizhan", "云人社〔2024〕3号", "第三条1")


def test_a_service_takes_what_it_does_not_say_from_the_dictionary() -> None:
    fields = {f.key: f for f in load(SAMPLE).programmes[0].latest.services[0].fields}
    assert fields["activities_per_year"].unit == "场"
    assert fields["activities_per_year"].stage == "eligibility"
    assert fields["activities"].question == "请介绍活动开展情况。"


def test_the_types_of_the_programme_are_the_choices_of_station_type() -> None:
    field = load(SAMPLE).programmes[0].latest.services[0].fields[0]
    assert [(c.value, c.label) for c in field.choices] == [("lianyi", "联谊型"), ("chuangye", "创业型")]


def test_a_policy_text_is_cut_at_its_headings_and_keeps_its_tabs() -> None:
    found, before = sections("# 甲\n\n第一行\r\n\t格\t格二\t\n## 乙\n- （1）项\n")
    assert [(s.article, s.lines) for s in found] == [("甲", ("第一行", "\t格\t格二\t")), ("乙", ("- （1）项",))]
    assert before == ""


def test_text_before_the_first_heading_is_noticed() -> None:
    assert sections("正文\n# 甲\n")[1] == "正文"


def test_versions_are_ordered_and_a_day_outside_all_has_none(folder: Path) -> None:
    home = folder / "programmes" / "yunshan-yizhan"
    text = (home / "programme.toml").read_text(encoding="utf-8")
    later = text.replace("valid_from = 2024-06-01", "valid_from = 2027-06-01").replace("valid_to = 2027-05-31", "valid_to = 2028-05-31")
    later = later.replace('[force]\nid = "force"', '[force]\nid = "force"\nderived = "续期一年"').replace(
        'text = "自2024年6月1日起施行，有效期至2027年5月31日。"', 'text = "续期。"'
    )
    (home / "programme-2027.toml").write_text(later, encoding="utf-8")
    programme = load(folder).programmes[0]
    assert [v.valid_from for v in programme.versions] == [date(2024, 6, 1), date(2027, 6, 1)]
    assert programme.on(date(2027, 5, 31)) is programme.versions[0]
    assert programme.on(date(2027, 6, 1)) is programme.versions[1]
    assert programme.on(date(2024, 5, 31)) is None
    assert programme.on(date(2028, 6, 1)) is None


def test_broken_data_raises_one_error_that_lists_every_defect(folder: Path) -> None:
    path = folder / "programmes" / "yunshan-yizhan" / "programme.toml"
    text = path.read_text(encoding="utf-8").replace('op = "at_least"', 'op = "atleast"').replace("months = [7, 8, 9]", 'months = "7"')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeError) as caught:
        load(folder)
    keys = [defect.key for defect in caught.value.defects]
    assert keys == ["services.recognition.rules.activities.test.op", "services.recognition.windows.0.months"]
    assert "at_least_n" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 2


def test_a_file_of_ten_megabytes_is_refused_unread(folder: Path) -> None:
    path = folder / "programmes" / "yunshan-yizhan" / "programme.toml"
    with path.open("r+b") as file:
        file.truncate(10_000_000)
    with pytest.raises(KnowledgeError, match=f"10000000 字节，超过 {LIMIT}"):
        load(folder)


def test_a_library_that_was_loaded_outlives_broken_files(folder: Path) -> None:
    before = load(folder)
    (folder / "fields.toml").write_text("[[fields]", encoding="utf-8")
    with pytest.raises(KnowledgeError):
        load(folder)
    assert before.programmes[0].latest.services[0].fields


def test_the_fingerprint_changes_with_a_limit_and_not_with_wording(folder: Path) -> None:
    programme = load(folder).programmes[0]
    service = programme.latest.services[0]
    first = fingerprint(programme, service)
    assert first == fingerprint(load(folder).programmes[0], load(folder).programmes[0].latest.services[0])
    worded = change(folder, 'remedy = "每年把活动办到4次以上"', 'remedy = "多办活动"')
    assert fingerprint(worded, worded.latest.services[0]) == first
    stricter = change(folder, 'op = "at_least", field', 'op = "more_than", field')
    assert fingerprint(stricter, stricter.latest.services[0]) != first
    assert len(first) == 16


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("valid_to = 2027-05-31", "valid_to = 2024-06-01"),
        ('strength = "must"', 'strength = "should"'),
        ('kind = "yearly"\nmonths = [7, 8, 9]', 'kind = "notice"'),
        ('key = "preferred"\nstage = "eligibility"\non_request = true', 'key = "preferred"\nstage = "eligibility"'),
        ("amount = 100000", "amount = 10"),
    ],
)
def test_the_fingerprint_changes_with_what_is_asked_or_judged(folder: Path, old: str, new: str) -> None:
    programme = load(folder).programmes[0]
    first = fingerprint(programme, programme.latest.services[0])
    changed = change(folder, old, new)
    assert fingerprint(changed, changed.latest.services[0]) != first
