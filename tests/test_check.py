"""Every defect of the data is found and named; the real data has none, and no quotation can be changed unnoticed."""

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from knowledge import quotes
from knowledge.check import Defect, check, digest, main
from knowledge.figures import chinese, claims, days, numbers, periods, quarters
from knowledge.load import PACKAGED, load
from knowledge.records import walk
from knowledge.sources import LIMIT, Volume, read, sections
from knowledge.text import squeeze
from knowledge.types import Citation, Form, Library, Section, Version

SAMPLE = Path(__file__).parent / "fixtures" / "sample"
HOME = "programmes/yunshan-yizhan"
MAIN = f"{HOME}/programme.toml"
FORM = f"{HOME}/forms/application.toml"
TEXT = f"{HOME}/policy/main.md"
RULE = "services.recognition.rules"
ASKED = "services.recognition.fields"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "data"))


def spoil(folder: Path, file: str, old: str, new: str) -> list[Defect]:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text, "the fixture no longer fits the sample"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return check(folder)


def test_the_sample_has_no_defect() -> None:
    assert check(SAMPLE) == []


def test_the_packaged_data_has_no_defect() -> None:
    assert [str(defect) for defect in check(PACKAGED)] == []


# (file, old text, new text, key of the defect, words of its message)
SHAPES = [
    (MAIN, 'op = "at_least", field', 'op = "atleast", field', f"{RULE}.activities.test.op", "不认识的值 「atleast」"),
    (MAIN, 'strength = "should"', 'strength = "maybe"', f"{RULE}.activities.strength", "must、should、preferred、exclusion"),
    ("fields.toml", 'kind = "mobile"', 'kind = "phone"', f"{ASKED}.leader_mobile.kind", "不认识的值 「phone」"),
    (MAIN, 'stage = "choose"', 'stage = "begin"', f"{ASKED}.station_type.stage", "choose、eligibility、form"),
    (MAIN, 'remedy = "每年把活动办到4次以上"', 'remedi = "多办"', f"{RULE}.activities.remedi", "不认识的键 remedi"),
    (MAIN, 'label = "场地"\n', "", f"{RULE}.venue.label", "缺少必填的键 label"),
    (MAIN, "checked_on = 2026-11-24\n", "", "checked_on", "缺少必填的键 checked_on"),
    (MAIN, 'short = "云山驿站"\n', "", "short", "缺少必填的键 short"),
    (MAIN, 'value = 4, unit = "次"', "value = 4, unit = 4", f"{RULE}.activities.test.unit", "应为文字，现为「4」"),
    (MAIN, "amount = 100000", 'amount = "100000"', "money.subsidy.amount", "应为整数"),
    (MAIN, "amount = 100000", "amount = true", "money.subsidy.amount", "应为整数，现为「true」"),
    (MAIN, "amount = 100000", "amount = 100000.0", "money.subsidy.amount", "应为整数"),
    (MAIN, "issued_on = 2024-05-20", 'issued_on = "2024-05-20"', "documents.main.issued_on", "应为日期"),
    (MAIN, "issued_on = 2024-05-20", "issued_on = 2024-05-20T08:00:00", "documents.main.issued_on", "应为日期"),
    (MAIN, "months = [7, 8, 9]", "months = 7", "services.recognition.windows.0.months", "应为数组"),
    (MAIN, 'places = ["云山"]', "places = [1]", "places.0", "应为文字"),
    (MAIN, "on_request = true", 'on_request = "是"', f"{ASKED}.preferred.on_request", "应为true/false"),
    (MAIN, "[force]", "[forc]", "forc", "不认识的键 forc"),
    (MAIN, 'key = "yunshan-yizhan"', 'key = "elsewhere"', "key", "与文件夹名 yunshan-yizhan 不同"),
    (MAIN, 'key = "yunshan-yizhan"', 'key = "yunshan-yizhan', "（全文）", "TOML 写法有误"),
    (MAIN, 'file = "policy/main.md"', 'file = "policy/other.md"', "documents.main.file", "读不到文件 other.md"),
    (MAIN, 'file = "policy/main.md"', 'file = "../../fields.toml"', "documents.main.file", "不在项目的文件夹里"),
    (MAIN, 'article = "第三条1", quote', 'artikel = "第三条1", quote', f"{RULE}.venue.cite.0.artikel", "不认识的键 artikel"),
    (MAIN, 'article = "第三条1", quote', "quote", f"{RULE}.venue.cite.0.article", "引文缺少 article"),
    (MAIN, '{article = "第三条1", quote', '{doc = "other", article = "第三条1", quote', f"{RULE}.venue.cite.0.doc", "没有文件 「other」"),
    (MAIN, 'key = "unit_name"', 'key = "unit_nam"', f"{ASKED}.unit_nam.label", "缺少必填的键 label"),
    ("fields.toml", 'key = "activities"\n', 'key = "has_host"\n', "fields.has_host", "字段 has_host 写了两次"),
    ("fields.toml", "[[fields]]", "[[field]]", "field", "这里只有 [[fields]]"),
    (FORM, 'key = "application"', 'key = "applicant"', "key", "与文件名 application 不同"),
    (FORM, "columns = [20, 30, 20, 30]", "columns = [20, 30, 20, '30']", "columns.3", "应为整数"),
    (TEXT, "# 首部\n", "", "documents.main.file", "第一个标题之前已有正文「云人社〔2024〕3号」"),
]
QUOTED = [
    (MAIN, "有相对独立的场地；", "有绝对独立的场地；", f"{RULE}.venue.cite.0", "不在「第三条1」这一节里"),
    (MAIN, "有相对独立的场地；", "有相对独立的场地", f"{RULE}.venue.cite.0", "没有从句首"),
    (MAIN, "有相对独立的场地；", "相对独立的场地；", f"{RULE}.venue.cite.0", "没有从句首"),
    (MAIN, "有相对独立的场地；", "有相对独立的 场地；", f"{RULE}.venue.cite.0", "有空白"),
    (MAIN, "有相对独立的场地；", "有" * 401, f"{RULE}.venue.cite.0", "有 401 字，超过 400"),
    (MAIN, 'article = "第三条1", quote', 'article = "第三条9", quote', f"{RULE}.venue.cite.0", "没有「第三条9」这一节"),
    (MAIN, 'article = "第三条1", quote', 'article = "第三条2", quote', f"{RULE}.venue.cite.0", "它在文件 云人社〔2024〕3号 的「第三条1」"),
    (TEXT, "- （1）有相对独立的场地；", "- （1）有相对独立的场地！", "documents.main.sha256", "与 policy/main.md 的文字不符"),
    (TEXT, "- （1）有相对独立的场地；", "有相对独立的场地；\n没有相对独立的场地；", f"{RULE}.venue.cite.0", "只差一字"),
]
FIGURES = [
    (MAIN, "value = 4,", "value = 5,", f"{RULE}.activities.test.value", "5 不在引文里"),
    (MAIN, 'value = "P1Y"}', 'value = "P2Y"}', "services.subsidy.rules.one-year.test.value", "期限 P2Y 不在引文里"),
    (MAIN, 'remedy = "每年把活动办到4次以上"', 'remedy = "每年办6次"', f"{RULE}.activities.remedy", "「6」不在引文里"),
    (MAIN, 'remedy = "每年把活动办到4次以上"', 'remedy = "每年办六次"', f"{RULE}.activities.remedy", "「六次」不在引文里"),
    (MAIN, "amount = 100000", "amount = 10000", "money.subsidy.amount", "10000 不在引文里"),
    (MAIN, "rank = 1", "rank = 2", "money.first.rank", "2 不在引文里"),
    (MAIN, "rank = 1", 'rank = 1\nratio = "1:1"', "money.first.ratio", "1:1 不在引文里"),
    (MAIN, "limit = {days = 20,", "limit = {days = 15,", "services.recognition.steps.1.limit.days", "15 不在引文里"),
    (MAIN, "copies = 2", "copies = 3", "services.recognition.materials.licence.copies", "3 不在引文里"),
    (MAIN, "at_least = 30", "at_least = 31", "services.evaluation.grades.A.at_least", "31 不在引文里"),
    (MAIN, "valid_to = 2027-05-31", "valid_to = 2027-05-30", "valid_to", "2027-05-30 不在 force 的引文里"),
    (MAIN, "issued_on = 2024-05-20", "issued_on = 2024-05-21", "documents.main.issued_on", "2024-05-21 不在引文里"),
    (MAIN, 'number = "云人社〔2024〕3号"', 'number = "云人社〔2024〕4号"', "documents.main.number", "不在原文里"),
    (MAIN, 'phone = "0100-1234567"', 'phone = "0100-1234568"', "offices.bureau.phone", "「0100-1234568」不在引文里"),
    (MAIN, 'hours = "上午9:00-12:00', 'hours = "上午8:00-12:00', "offices.bureau.hours", "不在引文里"),
    (MAIN, 'role = "受理"', 'role = "受理"\nemail = "a@b.cn"', "offices.bureau.email", "「a@b.cn」不在引文里"),
    (MAIN, 'role = "受理"', 'role = "受理"\naddress = "云山路1号"', "offices.bureau.address", "「云山路1号」不在引文里"),
    (MAIN, "months = [7, 8, 9]", "months = [4, 5, 6]", "services.recognition.windows.0.months", "月份 4、5、6 不在引文里"),
    (MAIN, 'period = "P1Y"', 'period = "P3Y"', "services.subsidy.deadlines.one-year.period", "期限 P3Y 不在引文里"),
    (MAIN, "文件没有限定每类的数量。", "每类最多3家。", "readings.no-type-limit.text", "「3」不在引文里"),
    (MAIN, 'text = "自2024年6月1日起施行', 'text = "自2024年6月31日起施行', "force.text", "「2024-6-31」不在引文里"),
    (MAIN, 'purpose = "面向各类人才开放"', 'purpose = "面向20名人才"', "types.lianyi.purpose", "「20」不在引文里"),
    ("fields.toml", "每年办几场活动？", "每年至少办5场活动吗？", f"{ASKED}.activities_per_year.question", "「5」不在引文里"),
    (MAIN, 'summary = "申请补助资金"', 'summary = "最高20万元"', "services.subsidy.summary", "「20万」不在引文里"),
]
NAMES = [
    (MAIN, 'id = "venue"', 'id = "activities"', f"{RULE}.activities", "写了两次"),
    (MAIN, 'value = "chuangye"', 'value = "lianyi"', "types.lianyi", "value「lianyi」写了两次"),
    (MAIN, 'label = "创业型"', 'label = "联谊型"', "types.联谊型", "label「联谊型」写了两次"),
    (MAIN, 'id = "first"', 'id = "subsidy"', "money.subsidy", "id「subsidy」写了两次"),
    (MAIN, 'key = "has_host"', 'key = "unit_name"', f"{ASKED}.unit_name", "key「unit_name」写了两次"),
    (MAIN, 'key = "licence"', 'key = "application"', "services.recognition.materials.application", "写了两次"),
    (MAIN, 'key = "evaluation"', 'key = "subsidy"', "services.subsidy", "key「subsidy」写了两次"),
    (MAIN, 'words = ["补助"]', 'words = ["认定"]', "services.subsidy.words", "「认定」也指服务 recognition"),
    ("fields.toml", 'words = ["依托机构"]', 'words = ["电话"]', f"{ASKED}.leader_mobile.words", "「电话」也指字段 host_name"),
    (TEXT, "# 第三条2\n", "# 第三条1\n", "documents.main", "标题「第三条1」出现两次"),
    (MAIN, 'checked_by = "bureau"', 'checked_by = "office"', f"{RULE}.venue.checked_by", "没有机构 office"),
    (MAIN, 'office = "bureau"', 'office = "office"', "oddities.months.office", "没有机构 office"),
    (MAIN, 'services = ["recognition"]', 'services = ["recognise"]', "oddities.months.services", "没有服务 recognise"),
    (MAIN, 'services = ["subsidy"]', 'services = ["money"]', "money.subsidy.services", "没有服务 money"),
    (
        MAIN,
        'form = "application"\n\n[[services.fields]]',
        'form = "apply"\n\n[[services.fields]]',
        "services.recognition.form",
        "没有表格 apply",
    ),
    (MAIN, 'form = "application"\ncite', 'form = "apply"\ncite', "services.recognition.materials.application.form", "没有表格 apply"),
    (MAIN, 'produces = "sheet"', 'produces = "form"', "services.subsidy.form", "produces 为 form"),
    (MAIN, 'ceiling = "subsidy"', 'ceiling = "top"', "services.subsidy.fields.amount_requested.ceiling", "没有带金额的 money top"),
    (MAIN, 'money = ""', 'money = "top"', "services.evaluation.grades.A.money", "没有 money top"),
    (MAIN, 'carries_from = "recognition"', 'carries_from = "subsidy"', "services.subsidy.carries_from", "没有另一项服务 subsidy"),
    (
        MAIN,
        'test = {op = "yes", field = "suitable_venue"}',
        'test = {op = "yes", field = "venue"}',
        f"{RULE}.venue.test.field",
        "不问字段「venue」",
    ),
    (
        MAIN,
        'field = "recognised_on"\nperiod',
        'field = "unit_name"\nperiod',
        "services.subsidy.deadlines.one-year.field",
        "没有日期字段「unit_name」",
    ),
    (
        MAIN,
        'field = "g_talents"\nat_least = 30',
        'field = "talents"\nat_least = 30',
        "services.evaluation.grades.A.field",
        "没有数字字段「talents」",
    ),
    (
        MAIN,
        'test = {op = "yes", field = "suitable_venue"}',
        'test = {op = "at_least", field = "suitable_venue", value = 1}',
        f"{RULE}.venue.test.op",
        "不适用于 yes_no",
    ),
    (
        MAIN,
        'test = {op = "within", field = "recognised_on"',
        'test = {op = "within", field = "amount_requested"',
        "services.subsidy.rules.one-year.test.op",
        "不适用于 money",
    ),
    (MAIN, 'value = "lianyi"}', 'value = "fuwu"}', f"{RULE}.preferred.applies.value", "「fuwu」不是 station_type 的选项"),
    (
        MAIN,
        'op = "at_least", field = "activities_per_year", value = 4',
        'op = "at_least", field = "activities_per_year"',
        f"{RULE}.activities.test.value",
        "缺少数 value",
    ),
    (MAIN, 'test = {op = "yes", field = "suitable_venue"}', 'test = {op = "all_of"}', f"{RULE}.venue.test.tests", "里有 0 个条件"),
    (
        MAIN,
        'test = {op = "yes", field = "suitable_venue"}',
        'test = {op = "at_least_n", count = 2, tests = [{op = "yes", field = "suitable_venue"}]}',
        f"{RULE}.venue.test.count",
        "count 为 2，条件有 1 个",
    ),
]
DATES = [
    (MAIN, "valid_to = 2027-05-31", "valid_to = 2023-05-31", "valid_to", "早于生效日 2024-06-01"),
    (MAIN, "checked_on = 2026-11-24", "checked_on = 2024-01-01", "checked_on", "早于文件 main 的印发日"),
    (MAIN, "months = [7, 8, 9]", "months = [7, 8, 13]", "services.recognition.windows.0.months", "写 1–12"),
    (
        MAIN,
        'kind = "yearly"\nmonths = [7, 8, 9]',
        'kind = "dated"\nopens = 2024-06-02\ncloses = 2024-06-01\nderived = "试"',
        "services.recognition.windows.0.opens",
        "晚于截止 2024-06-01",
    ),
    (MAIN, 'kind = "yearly"\nmonths', 'kind = "notice"\nmonths', "services.recognition.windows.0.months", "months 却写了"),
    (MAIN, 'kind = "yearly"\nmonths = [7, 8, 9]', 'kind = "dated"', "services.recognition.windows.0.kind", "却没写"),
    (
        MAIN,
        "[[services.steps]]",
        '[[services.windows]]\nkind = "yearly"\nmonths = [9]\ntext = "九月"\nderived = "试"\ncite = []\n\n[[services.steps]]',
        "services.recognition.windows.1",
        "与前一个申报期重叠",
    ),
    (MAIN, 'value = "P1Y"}', 'value = "1年"}', "services.subsidy.rules.one-year.test.value", "「1年」不是期限"),
    (MAIN, 'period = "P1Y"', 'period = "一年"', "services.subsidy.deadlines.one-year.period", "「一年」不是期限"),
    (
        MAIN,
        'field = "recognised_on"\nperiod = "P1Y"',
        'on = 2027-06-30\nderived = "试"',
        "services.subsidy.deadlines.one-year.on",
        "晚于失效日 2027-05-31",
    ),
    (MAIN, 'field = "recognised_on"\nperiod = "P1Y"\n', "", "services.subsidy.deadlines.one-year.on", "恰好写一个"),
    (
        MAIN,
        'field = "recognised_on"\nperiod = "P1Y"',
        'field = "recognised_on"',
        "services.subsidy.deadlines.one-year.period",
        "恰好写一个",
    ),
    (MAIN, "at_least = 20", "at_least = 30", "services.evaluation.grades.B.at_least", "30 不低于 A 级的 30"),
    (MAIN, 'fail_grade = "不合格"', 'fail_grade = "A"', "services.evaluation.fail_grade", "没有自己的名称"),
]
TABLES = [
    (FORM, '{field = "activities", columns = 3}', '{field = "activities", columns = 2}', "rows.2", "第 4 列没有格"),
    (FORM, '{field = "activities", columns = 3}', '{field = "activities", columns = 4}', "rows.2.1", "伸到第 5 列，表只有 4 列"),
    (FORM, '{label = "是否依托建站"}', '{label = "是否依托建站", rows = 2}', "rows.2.1", "伸到第 5 列"),
    (FORM, 'text = "公章 年 月 日", columns = 3', 'text = "公章 年 月 日", columns = 3, rows = 2', "rows.3.1", "跨到第 5 行，表只有 4 行"),
    (FORM, '{field = "has_host"}', '{field = "has_host", columns = 0}', "rows.1.1", "跨 0 列"),
    (FORM, '{label = "类型"}', '{label = "类别"}', "rows.0.0.label", "「类别」不在「附件1」的原文里"),
    (FORM, 'title = "人才驿站申请表"', 'title = "人才驿站申报表"', "title", "不在「附件1」的原文里"),
    (FORM, 'note = "备注：类型分为', 'note = "备注：类型可为', "note", "不在「附件1」的原文里"),
    (FORM, '{field = "has_host"}', '{field = "has_hosts"}', "rows.1.has_hosts", "不问字段「has_hosts」"),
    (FORM, '{field = "has_host"}', '{field = "has_host", office = true}', "rows.1.has_host", "一格里有 2 种内容"),
    (FORM, '{field = "has_host"}', "{}", "rows.1.1", "一格里有 0 种内容"),
    (FORM, '{label = "类型"}', '{label = "类型", text = "类型"}', "rows.0.0.text", "只有 office 格有 text"),
    (FORM, '{label = "类型"}', '{label = "类型", prefix = "类型"}', "rows.0.0", "要有 field"),
    (
        FORM,
        '{field = "has_host"}',
        '{mark = {op = "at_least", field = "activities_per_year", value = 9}}',
        "rows.1.1.mark.value",
        "9 不在引文里",
    ),
    (FORM, 'article = "附件1"', 'article = "附件9"', "article", "原文没有「附件9」这一节"),
    (FORM, 'kind = "form"', 'kind = "form"\ndoc = "other"', "doc", "没有文件 other"),
]
WAYS = [
    (
        MAIN,
        'only_if = {op = "yes", field = "has_host"}',
        'only_if = {op = "yes", field = "later"}',
        f"{ASKED}.host_name.only_if",
        "不在它之前问",
    ),
    (
        MAIN,
        'key = "has_host"\n',
        'key = "has_host"\nonly_if = {op = "equals", field = "host_name", value = "甲"}\n',
        f"{ASKED}.has_host.only_if",
        "字段 host_name 不在它之前问",
    ),
    (
        MAIN,
        'only_if = {op = "yes", field = "has_host"}',
        'only_if = {op = "all_of", tests = [{op = "yes", field = "has_host"}, {op = "no", field = "has_host"}]}',
        f"{ASKED}.host_name.only_if",
        "这一问永远不会出现",
    ),
    (
        MAIN,
        'test = {op = "yes", field = "suitable_venue"}',
        'test = {op = "any_of", tests = [{op = "yes", field = "suitable_venue"}, {op = "no", field = "suitable_venue"}]}',
        f"{RULE}.venue.test",
        "条件永远成立",
    ),
    (
        MAIN,
        'applies = {op = "equals", field = "station_type", value = "lianyi"}',
        'applies = {op = "all_of", tests = [{op = "equals", field = "station_type", value = "lianyi"}, '
        '{op = "equals", field = "station_type", value = "chuangye"}]}',
        f"{RULE}.preferred.applies",
        "这一条永远用不上",
    ),
    (
        "fields.toml",
        "whole = true\nminimum = 0\ncues",
        "whole = true\nminimum = 0\nmaximum = 3\ncues",
        f"{RULE}.activities.test",
        "条件永远不成立",
    ),
    (
        MAIN,
        "copies = 2",
        'copies = 2\nonly_if = {op = "not", tests = [{op = "any_of", tests = ['
        '{op = "yes", field = "has_host"}, {op = "no", field = "has_host"}]}]}',
        "services.recognition.materials.licence.only_if",
        "条件永远不成立",
    ),
    ("fields.toml", "minimum = 1", "minimum = 9\nmaximum = 8", "services.subsidy.fields.amount_requested.minimum", "大于最大值"),
    ("fields.toml", "minimum = 1", "minimum = 100001", "services.subsidy.fields.amount_requested.ceiling", "超过上限 100000，无法回答"),
    ("fields.toml", 'kind = "text"\nquestion = "报送', 'kind = "choice"\nquestion = "报送', f"{ASKED}.unit_name.choices", "选项有 0 个"),
    (MAIN, 'key = "activities"\n', 'key = "activities"\nstage = "eligibility"\n', f"{ASKED}.activities.stage", "排在 form 之后"),
    (
        MAIN,
        'key = "leader_mobile"\n',
        'key = "leader_mobile"\nstage = "eligibility"\n',
        f"{ASKED}.leader_mobile.stage",
        "只能在 form 阶段问",
    ),
    ("fields.toml", "personal = true\n", "", f"{ASKED}.leader_mobile.personal", "是个人信息"),
    ("fields.toml", "sensitive = true\n", "", "services.subsidy.fields.bank_card.sensitive", "须加密保管"),
    (
        "fields.toml",
        'question = "申请多少元？"\n',
        'question = "申请多少元？"\nsensitive = true\n',
        "services.subsidy.fields.amount_requested.sensitive",
        "不能加密保管",
    ),
    (MAIN, "{{ activities_per_year }}", "{{ activities_per_year", f"{ASKED}.activities.suggestion", "模板写法有误"),
    (MAIN, "{{ activities_per_year }}", "{{ people }}", f"{ASKED}.activities.suggestion", "不问的字段 people"),
    (MAIN, "{{ activities_per_year }}", "{{ activities_per_year|chinese }}", f"{ASKED}.activities.suggestion", "没有过滤器 chinese"),
    ("fields.toml", "(?P<value>", "(?P<number>", f"{ASKED}.activities_per_year.cues.0", "没有名为 value 的组"),
    ("fields.toml", "(?P<value>", "((?P<value>", f"{ASKED}.activities_per_year.cues.0", "正则表达式写法有误"),
    ("fields.toml", r"每年(?P<value>\d+)场", r"(?P<value>\d*)", f"{ASKED}.activities_per_year.cues.0", "连空文字也匹配"),
    (MAIN, 'label = "申请补助的最后一天"', 'label = "申请补助的最后3天"', "services.subsidy.deadlines.one-year.label", "「3」不在引文里"),
    (
        MAIN,
        'key = "g_talents"\nstage = "eligibility"',
        'key = "unit_name"',
        "services.evaluation.grades.A.field",
        "没有数字字段「g_talents」",
    ),
]
BROKEN = [*SHAPES, *QUOTED, *FIGURES, *NAMES, *DATES, *TABLES, *WAYS]


def test_there_are_enough_broken_fixtures() -> None:
    assert len({case[:3] for case in BROKEN}) == len(BROKEN) >= 60


@pytest.mark.parametrize(("file", "old", "new", "key", "words"), BROKEN)
def test_broken_data_is_named_with_file_key_problem_and_remedy(folder: Path, file: str, old: str, new: str, key: str, words: str) -> None:
    defects = spoil(folder, file, old, new)
    expected = file if file not in ("fields.toml", TEXT) or (file == "fields.toml" and key.startswith("field")) else MAIN
    found = [defect for defect in defects if defect.file == expected and defect.key == key and words in str(defect)]
    assert found, "\n".join(map(str, defects)) or "no defect at all"
    assert all(defect.problem and defect.remedy and len(str(defect).splitlines()) == 1 for defect in defects)


def test_a_folder_without_programmes_is_a_defect(tmp_path: Path) -> None:
    assert [(d.file, d.problem) for d in check(tmp_path)] == [("fields.toml", "读不到文件 fields.toml"), ("programmes", "没有任何项目")]


@pytest.mark.parametrize("file", [MAIN, FORM, "fields.toml", TEXT])
def test_a_file_that_is_too_large_or_not_utf8_is_named(folder: Path, file: str) -> None:
    path = folder / file
    path.write_bytes(b"\xff\xfe" + path.read_bytes())
    assert any(f"{path.name} 不是 UTF-8" in d.problem for d in check(folder))
    with path.open("r+b") as opened:
        opened.truncate(10_000_000)
    assert any(f"{path.name} 有 10000000 字节，超过 {LIMIT}" in d.problem for d in check(folder))


def second_version(folder: Path, changes: list[tuple[str, str]]) -> list[Defect]:
    text = (folder / MAIN).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / HOME / "programme-next.toml").write_text(text, encoding="utf-8")
    return check(folder)


def test_versions_that_hold_on_the_same_day_are_a_defect(folder: Path) -> None:
    defects = second_version(folder, [("valid_to = 2027-05-31\n", "")])
    assert [(d.file, d.key) for d in defects if "有效期重叠" in d.problem] == [(f"{HOME}/programme-next.toml", "valid_from")]


def test_a_version_under_another_name_is_a_defect(folder: Path) -> None:
    defects = second_version(folder, [('name = "云山市人才驿站"', 'name = "云山市新驿站"')])
    assert [d.key for d in defects if d.file.endswith("next.toml") and "相同" in d.remedy] == ["name"]


def twin(folder: Path, changes: dict[str, list[tuple[str, str]]]) -> list[Defect]:
    home = Path(shutil.copytree(folder / HOME, folder / "programmes" / "haixi-yizhan"))
    path = home / "programme.toml"
    text = path.read_text(encoding="utf-8").replace('key = "yunshan-yizhan"', 'key = "haixi-yizhan"', 1)
    for old, new in changes["programme.toml"]:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    return check(folder)


def test_a_name_that_two_programmes_share_is_a_defect(folder: Path) -> None:
    defects = twin(
        folder, {"programme.toml": [('name = "云山市人才驿站"', 'name = "海西市人才驿站"'), ('short = "云山驿站"', 'short = "海西驿站"')]}
    )
    assert [(d.key, d.problem) for d in defects] == [("words", "「云山人才驿站」也指 haixi-yizhan")]


def test_a_field_that_is_personal_in_one_programme_only_is_a_defect(folder: Path) -> None:
    defects = twin(folder, {"programme.toml": [('key = "unit_name"', 'key = "unit_name"\npersonal = true')]})
    assert any(d.key.endswith("fields.unit_name.personal") and "同名字段不同" in d.problem for d in defects)


def test_the_command_prints_one_defect_a_line_and_says_no(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(SAMPLE)]) == 0
    assert capsys.readouterr().out == ""
    spoil(folder, MAIN, "value = 4,", "value = 5,")
    assert main([str(folder)]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 1
    assert printed[0].startswith(f"{MAIN} · {RULE}.activities.test.value：5 不在引文里。")


# --- quotations -------------------------------------------------------------------------------------------------------------------


def citations(library: Library) -> list[tuple[Citation, Section]]:
    found = {}
    for programme in library.programmes:
        for version in programme.versions:
            sections = quotes.by_place(version)
            for _, record in walk(version):
                if isinstance(record, Citation):
                    found[record] = sections[record.document, record.article]
    return list(found.items())


def test_every_quotation_stands_in_its_section_from_edge_to_edge(library: Library) -> None:
    found = citations(library)
    assert len(found) > 100
    for citation, section in found:
        assert citation.quote in quotes.spans(section)
        assert 1 <= len(citation.quote) <= quotes.LONGEST


def test_any_character_of_any_quotation_deleted_changed_or_added_is_noticed(library: Library) -> None:
    """Each position is tried with every character of the texts, so that no slip ends in another stretch that may be quoted."""
    found = citations(library)
    alphabet = {c for _, section in found for line in section.lines for c in line} | set("0123456789甲〇X。；！？）」 \t\u3000")
    tried = 0
    for citation, section in found:
        quote, allowed = citation.quote, quotes.spans(section)
        near = {span for span in allowed if abs(len(span) - len(quote)) <= 1 and span != quote}
        for at in range(len(quote) + 1):
            # a span one slip away at this place agrees before and after it: no need to build each changed string
            head, tail, rest = quote[:at], quote[at:], quote[at + 1 :]
            assert not [s for s in near if s.startswith(head) and len(s) == len(quote) + 1 and s[at + 1 :] == tail and s[at] in alphabet]
            if at < len(quote):
                assert not [s for s in near if s == head + rest]
                assert not [s for s in near if s.startswith(head) and len(s) == len(quote) and s[at + 1 :] == rest]
            tried += 1
    assert tried > 4_000


def test_a_slip_at_any_position_of_any_quotation_makes_the_proof_fail(library: Library) -> None:
    """The proof itself is run on one deleted, one changed and two added characters at each position."""
    shelf = read(PACKAGED)
    tried = 0
    for volume in shelf.volumes:
        sections = quotes.by_place(volume.version)
        for citation in {record for _, record in walk(volume.version) if isinstance(record, Citation)}:
            quote = citation.quote
            for at in range(len(quote)):
                for slip in (
                    quote[:at] + quote[at + 1 :],
                    quote[:at] + "〇" + quote[at + 1 :],
                    quote[:at] + "。" + quote[at:],
                    quote[:at] + " " + quote[at:],
                ):
                    if slip != quote:
                        assert quotes.fault(replace(citation, quote=slip), sections), (citation.article, slip)
                        tried += 1
    assert tried > 20_000


def test_a_slip_in_the_file_makes_the_check_fail(folder: Path) -> None:
    path = folder / MAIN
    text, quote = path.read_text(encoding="utf-8"), "每年活动不少于4次，优选以招才引智为主业的单位；"
    start = text.index(quote)
    for at in range(start, start + len(quote)):
        path.write_text(text[:at] + text[at + 1 :], encoding="utf-8")
        assert [d.key for d in check(folder) if d.key == f"{RULE}.activities.cite.0"], text[at]


SECTION = Section(
    article="三",
    lines=("- （1）甲；乙丙。“丁。”戊", "1.己庚；", "第四条 辛。壬（癸；子）", "\t丑\t寅卯。", "（一）1.辰巳。"),
)


@pytest.mark.parametrize(
    "quote",
    [
        "（1）甲；",
        "甲；",
        "乙丙。",
        "“丁。”",
        "戊",
        "甲；乙丙。“丁。”戊",
        "己庚；",
        "1.己庚；",
        "辛。",
        "第四条辛。",
        "壬（癸；",
        "壬（癸；子）",
        "丑",
        "寅卯。",
        "辰巳。",
        "1.辰巳。",
    ],
)
def test_a_quotation_may_run_from_edge_to_edge(quote: str) -> None:
    assert quote in quotes.spans(SECTION)


@pytest.mark.parametrize(
    "quote",
    [
        "-（1）甲；",
        "甲",
        "1）甲；",
        "乙丙",
        "丙。",
        "“丁。",
        "丁。”",
        "庚；",
        ".己庚；",
        "辛",
        "癸；",
        "丑寅卯。",
        "己庚；第四条辛。",
        "",
        "）1.辰巳。",
        "四条辛。",
    ],
)
def test_a_quotation_may_not_be_cut_or_joined(quote: str) -> None:
    assert quote not in quotes.spans(SECTION)


# --- figures ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("不超过10万元", 100_000),
        ("10 万", 10),
        ("十万元", 100_000),
        ("前3名", 3),
        ("第三名", 3),
        ("前 3 名的驿站", 3),
        ("二十名", 20),
        ("十二", 12),
        ("两年", 2),
        ("一百二十", 120),
        ("５个工作日", 5),
        ("1,000人", 1000),
        ("3.5万", 35_000),
        ("60分", 60),
    ],
)
def test_a_number_is_read_from_a_clause(text: str, number: float) -> None:
    assert number in numbers(text)


def test_a_unit_alone_is_no_number() -> None:
    assert chinese("百") is None
    assert numbers("万众创新") == frozenset()


@pytest.mark.parametrize(
    ("text", "period"),
    [("两年", "P2Y"), ("之日起一年内", "P1Y"), ("2年", "P2Y"), ("6个月", "P6M"), ("半年", "P6M"), ("30日", "P30D"), ("三个月", "P3M")],
)
def test_a_period_is_read_from_a_clause(text: str, period: str) -> None:
    assert period in periods(text)


def test_a_calendar_year_is_no_period() -> None:
    assert periods("2025年12月") == frozenset()


def test_dates_and_quarters_are_read_from_a_clause() -> None:
    assert days("有效期至2025年12月31日") == {date(2025, 12, 31)}
    assert days("2022年5月 11日") == {date(2022, 5, 11)}
    assert days("2022年13月11日") == frozenset()
    assert quarters("每年第三季度") == {(7, 8, 9)}


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("不超过10万元", [100_000]),
        ("详见附件1", []),
        ("第四条规定", []),
        ("柳人社规〔2022〕5号", []),
        ("配备一支团队，提供一站式服务", []),
        ("一次性给予", []),
        ("满一年以后", [1]),
        ("一年内申请", [1]),
        ("哪一年办的", []),
        ("两名专职人员", [2]),
        ("{{ staff_count }}名", []),
        ("{% if a > 1 %}有{% endif %}", []),
        ("每年4次，每次50人", [4, 50]),
    ],
)
def test_the_figures_that_a_sentence_of_ours_states(text: str, stated: list[float]) -> None:
    assert [value for _, value in claims(text)] == stated


# --- real data --------------------------------------------------------------------------------------------------------------------


def test_every_form_of_the_real_data_has_cells_and_fields(library: Library) -> None:
    forms = [form for p in library.programmes for v in p.versions for form in v.forms]
    assert len(forms) >= 7
    assert all(isinstance(form, Form) and form.rows for form in forms)


def test_a_changed_policy_text_is_noticed(library: Library) -> None:
    for programme in library.programmes:
        for document in programme.latest.documents:
            first = document.sections[0]
            changed = replace(document, sections=(replace(first, lines=(*first.lines, "改")), *document.sections[1:]))
            assert digest(changed) != document.sha256


def test_white_space_and_headings_do_not_change_the_digest() -> None:
    found, _ = sections("# 另一个标题\n\n云 人社\n")
    document = replace(load(SAMPLE).programmes[0].latest.documents[0], sections=found)
    assert digest(document) == digest(replace(document, sections=(Section(article="x", lines=("云人", "社")),)))
    assert squeeze("云 人社\n") == "云人社"


def test_a_wrong_figure_in_the_real_data_is_noticed(library: Library) -> None:
    from knowledge import evidence

    shelf = read(PACKAGED)
    tried = 0
    for volume in shelf.volumes:
        for at, money in enumerate(volume.version.money):
            if money.amount and not money.derived:
                wrong = (*volume.version.money[:at], replace(money, amount=money.amount + 1), *volume.version.money[at + 1 :])
                assert found(evidence.prove(replace(volume, version=replace(volume.version, money=wrong))), f"money.{money.id}.amount")
                tried += 1
    assert tried >= 5


def found(defects: object, key: str) -> bool:
    assert hasattr(defects, "__iter__")
    return any(isinstance(d, Defect) and d.key == key for d in defects)


def test_every_limit_of_the_real_data_is_noticed_when_it_is_off_by_one(library: Library) -> None:
    from knowledge import evidence

    tried = 0
    for volume in read(PACKAGED).volumes:
        for service in volume.version.services:
            for rule in service.rules:
                if isinstance(rule.test.value, int) and not isinstance(rule.test.value, bool) and not rule.derived:
                    wrong = replace(rule, test=replace(rule.test, value=rule.test.value + 1))
                    changed = replace(service, rules=tuple(wrong if r is rule else r for r in service.rules))
                    spoiled = with_service(volume, changed)
                    assert found(evidence.prove(spoiled), f"services.{service.key}.rules.{rule.id}.test.value")
                    tried += 1
    assert tried >= 6


def with_service(volume: Volume, service: object) -> Volume:
    version: Version = volume.version
    return replace(volume, version=replace(version, services=tuple(service if s.key == service.key else s for s in version.services)))  # type: ignore[attr-defined]
