"""What can a policy say? Every record of `programmes/<key>/`, as frozen dataclasses; nothing here reads a file or judges.

The TOML keys are the names below; only `cite` is written shorter (`{doc, article, quote}`, `doc` being a key of
`[[documents]]`, the first when left out) and becomes `Citation`. `load.py` reads, `check.py` proves.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

Value = bool | int | float | str | None
"""The normal form of an answer: a date is ISO text (`2026-11-22`, a month `2021-03`), a choice its value, None "not known"."""

Kind = Literal["text", "long_text", "number", "yes_no", "choice", "date", "month", "mobile", "email", "uscc", "bank_card", "money"]
Strength = Literal["must", "should", "preferred", "exclusion"]
Stage = Literal["choose", "eligibility", "form"]
Operator = Literal[
    "yes", "no", "equals", "at_least", "more_than", "at_most", "less_than", "between", "within", "all_of", "any_of", "at_least_n", "not"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """One quotation: it stands word for word, white space aside, in that article of that document."""

    programme: str
    document: str
    """The number of the document, or its title where it has none."""
    article: str
    """The heading of the section of `policy/*.md` that holds the quote: 三（一）4（2）, 第六章第十五条."""
    quote: str
    """Whole sentences, items or table cells, at most 400 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One condition over answers; three-valued: an unknown answer makes it neither met nor unmet.

    `yes no`: a yes_no field. `equals`: field and value. `at_least more_than at_most less_than`: a number field against
    value (at_least and at_most include it). `between`: low..high, both included. `within`: a date field whose period
    (value, ISO 8601 such as P1Y) has not ended today, the corresponding day included. `all_of any_of not`: tests.
    `at_least_n`: at least `count` of tests.
    """

    op: Operator
    field: str = ""
    value: bool | int | float | str | None = None
    low: int | float | None = None
    high: int | float | None = None
    unit: str = ""
    per: Literal["", "year", "activity", "unstated"] = ""
    """The period the number counts over; `unstated` where the document names none."""
    count: int = 0
    tests: "tuple[Test, ...]" = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that the test looks at, in order."""
        if not self.tests:
            return (self.field,) if self.field else ()
        return tuple(dict.fromkeys(key for part in self.tests for key in part.fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One sentence the assistant may say, with the clause that carries it."""

    id: str
    text: str
    cite: tuple[Citation, ...] = ()
    derived: str = ""
    """How a number or date that does not stand in the quote was reckoned."""
    ask: str = ""
    """For oddities: the question to put to an office."""
    office: str = ""
    """For oddities: the key of the office to ask; empty where the document names nobody to reach."""
    services: tuple[str, ...] = ()
    """The services it concerns; empty: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A stretch of policy text under one heading of `policy/*.md`; each line is a paragraph, item or row, tabs part cells."""

    article: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One official document and its text."""

    key: str
    file: str
    number: str = ""
    title: str
    issuers: tuple[str, ...]
    issued_on: date | None = None
    repeals: str = ""
    sha256: str
    """Of the text without white space and headings."""
    cite: tuple[Citation, ...] = ()
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A body and how it is reached; an empty field means that the document does not say."""

    key: str
    name: str
    short: str = ""
    words: tuple[str, ...] = ()
    """Further ways in which the document writes its name."""
    role: str
    phone: str = ""
    hours: str = ""
    address: str = ""
    email: str = ""
    note: str = ""
    cite: tuple[Citation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of a choice field's values; `words` are further ways to say it."""

    value: str
    label: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StationType:
    """A station type or class, and the venues, audience and activities that speak for it (words in applicants' messages)."""

    value: str
    label: str
    words: tuple[str, ...] = ()
    """Other names of the type (产业型)."""
    purpose: str = ""
    """What it is for, in one line taken from the clause; empty where the document only names it."""
    venues: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    activities: tuple[str, ...] = ()
    cite: tuple[Citation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing that is asked. Defaults stand in `knowledge/fields.toml`; a service overrides what it must."""

    key: str
    label: str
    kind: Kind
    question: str
    example: str = ""
    unit: str = ""
    choices: tuple[Choice, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False
    """Only whole numbers make sense."""
    personal: bool = False
    sensitive: bool = False
    past: bool = False
    """A date that cannot lie in the future."""
    words: tuple[str, ...] = ()
    """Other names of the field, as people say it when they change it (面积, 电话)."""
    cues: tuple[str, ...] = ()
    """Regular expressions over normalised text; group `value` is read as this field's answer in a longer message."""
    yes_words: tuple[str, ...] = ()
    """For yes_no: words that mean yes unless negated (地铁 for a site that is easy to reach)."""
    no_words: tuple[str, ...] = ()
    """For yes_no: words that mean no unless negated (框架 where a formal agreement is asked)."""
    only_if: Test | None = None
    stage: Stage = "form"
    suggestion: str = ""
    """A Jinja2 sentence over the answers, offered for long text."""
    optional: bool = False
    on_request: bool = False
    """Asked only when the applicant wishes (优选)."""
    ceiling: str = ""
    """For money: the id of the Money record that caps it."""
    why: str = ""
    """Why it is asked, where no rule and no form cell says it."""
    cite: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """One condition, equal only to itself. `cite[0]` is its own clause; further citations are the heading that gives it its strength."""

    id: str
    label: str
    strength: Strength
    test: Test
    """For an exclusion: true means it is hit."""
    applies: Test | None = None
    """Only when true; e.g. 对口专业 concerns one class."""
    checked_by: str = ""
    """Key of an office; empty where the document does not say."""
    remedy: str = ""
    """What would make an unmet one met, in plain words."""
    note: str = ""
    """How the text is read where it leaves room; told to the applicant."""
    cite: tuple[Citation, ...]
    derived: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When applications are taken. `dated`: opens..closes; `yearly`: months of each year; `notice`: by separate notice."""

    kind: Literal["dated", "yearly", "notice"]
    opens: date | None = None
    closes: date | None = None
    months: tuple[int, ...] = ()
    text: str
    """How it is said: 每年第三季度."""
    whose: str = ""
    """Whose date it is where it is not the applicant's."""
    cite: tuple[Citation, ...]
    derived: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A time limit of a procedure step."""

    days: int
    unit: Literal["working", "calendar"]
    kind: Literal["promised", "statutory", "stated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the procedure, in order."""

    actor: str
    action: str
    where: str = ""
    limit: Limit | None = None
    publicity: bool = False
    """The step is 公示."""
    cite: tuple[Citation, ...]
    derived: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """One required document; the text values are 文件未规定 where the policy is silent."""

    key: str
    name: str
    form: str = ""
    """The key of the form it is, where the annex is contained."""
    original: Literal["original", "copy", "original_and_copy", "unstated"] = "unstated"
    copies: int | None = None
    """None: 文件未规定."""
    seal: str = ""
    source: str = ""
    """Where it comes from; empty: 文件未规定."""
    only_if: Test | None = None
    note: str = ""
    cite: tuple[Citation, ...]
    derived: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """One sum. Amounts in yuan; `match` pays as much as somebody else does."""

    id: str
    label: str
    kind: Literal["ceiling", "fixed", "by_rank", "by_grade", "match", "unstated"]
    amount: int | None = None
    rank: int | None = None
    grade: str = ""
    ratio: str = ""
    period: Literal["once", "yearly", "unstated"] = "unstated"
    use: str = ""
    paid: str = ""
    payer: str = ""
    services: tuple[str, ...] = ()
    cite: tuple[Citation, ...]
    derived: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """A grade of an evaluation: reached from `at_least` of `field` on; the highest that is reached counts."""

    name: str
    field: str
    at_least: int
    unit: str
    money: str
    """Id of the Money record with its ceiling; empty: none."""
    cite: tuple[Citation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A date that follows from the policy: a fixed one, or a period counted from a date field of the applicant."""

    id: str
    label: str
    on: date | None = None
    field: str = ""
    period: str = ""
    """ISO 8601: P1Y, P2Y; with `working_days` empty."""
    working_days: int | None = None
    whose: str = ""
    cite: tuple[Citation, ...]
    derived: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a form. Exactly one of: label (printed), field (filled), office (stays blank), mark (assessment result)."""

    label: str = ""
    field: str = ""
    prefix: str = ""
    """Printed before the field's value in the same cell: 手机：."""
    also: tuple[str, ...] = ()
    """Further fields filled in the same cell after `field`, where the annex has one cell for both: bank_name."""
    office: bool = False
    text: str = ""
    """What the annex prints inside an office cell: 公章 年 月 日."""
    mark: Test | None = None
    columns: int = 1
    rows: int = 1
    height: int = 0
    """Least height in mm; 0: as the text needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """An annex as a table of cells; `columns` are relative widths; each row lists the cells that begin in it."""

    key: str
    kind: Literal["form", "summary"]
    """`summary`: made by staff; the last row is what each draft adds, the rows above it are the heading."""
    service: str = ""
    """For a summary: the service whose drafts it lists."""
    annex: str
    title: str
    name: str
    """The file's name, without programme: 申请认定表."""
    article: str
    """The section of the policy text that holds it."""
    doc: str = ""
    header: tuple[Cell, ...] = ()
    """The line above the table: 报送单位, 年 月 日."""
    columns: tuple[int, ...]
    rows: tuple[tuple[Cell, ...], ...]
    footer: tuple[Cell, ...] = ()
    note: str = ""
    """The 备注 under the table, as printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What one can apply for under a programme."""

    key: str
    name: str
    words: tuple[str, ...] = ()
    """How people call it: 认定, 领补助."""
    summary: str
    fields: tuple[Field, ...]
    """In the order asked, each with its stage."""
    rules: tuple[Rule, ...] = ()
    windows: tuple[Window, ...] = ()
    steps: tuple[Step, ...] = ()
    materials: tuple[Material, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    grades: tuple[Grade, ...] = ()
    fail_grade: str = ""
    """The name of what lies below the lowest grade: 不合格."""
    competitive: tuple[Statement, ...] = ()
    """Steps that nobody can promise: 择优, 名额, 专家评审."""
    receipt: tuple[Statement, ...] = ()
    """Who seals, who forwards, where it goes, by when."""
    produces: Literal["form", "sheet", "nothing"]
    """`sheet`: an information sheet, since the document does not contain the form."""
    form: str = ""
    sheet_note: Statement | None = None
    """For a sheet: which forms the text names but does not contain."""
    judged: bool = True
    """False: there is no verdict, the facts only fill the form (考核)."""
    carries_from: str = ""
    """The service whose draft of the same person pre-fills this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderRule:
    """When an applicant is reminded, and in which words. A programme's own rule goes before the one of the same id for all."""

    id: str
    title: str
    """In a few words, as a notice is headed."""
    kind: Literal["window", "deadline", "recorded", "idle", "missing"]
    """`window`: before the open window closes; `deadline`: before a date of the service; `recorded`: before a period ends that counts from
    a date which staff entered, for no document and no answer gives it; `idle`: a draft was left; `missing`: after the documents were
    made, materials or fields are still wanting."""
    days: tuple[int, ...]
    """Days before the date, or after the last change; none switches the rule off."""
    text: str = ""
    """Jinja2 over the draft's programme; every number and date comes through a placeholder."""
    services: tuple[str, ...] = ()
    """Empty: all."""
    deadlines: tuple[str, ...] = ()
    """For `deadline`: ids; empty: every one."""
    label: str = ""
    """For `recorded`: what ends."""
    start: str = ""
    """For `recorded`: what the date is that staff enter."""
    period: str = ""
    """For `recorded`: ISO 8601, as of a Deadline."""
    cite: tuple[Citation, ...] = ()
    derived: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeField:
    """A field of the platform's notice template and its wording."""

    field: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminders:
    """What `reminders.toml` says: the rules for all programmes and when nobody is disturbed. Times are hours and minutes in China."""

    quiet_from: str = "21:00"
    quiet_to: str = "08:30"
    plan_at: str = "09:00"
    """When each day's reminders are planned."""
    working_days: bool = False
    """Whether reminders by rule wait for a working day; a date that would pass meanwhile does not."""
    late: int = 7
    """How many days after its day a reminder of an idle draft still makes sense."""
    footer: str = ""
    """The last line of every reminder: how to have none."""
    rules: tuple[ReminderRule, ...] = ()
    notice: tuple[NoticeField, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A programme as it stands between two dates; None: the document states no such date, which leaves it open."""

    valid_from: date | None = None
    valid_to: date | None = None
    force: Statement
    """What the document says about its own force."""
    checked_on: date
    """When somebody last compared this data with the text."""
    documents: tuple[Document, ...]
    offices: tuple[Office, ...] = ()
    types: tuple[StationType, ...] = ()
    services: tuple[Service, ...]
    money: tuple[Money, ...] = ()
    forms: tuple[Form, ...] = ()
    assessment: tuple[Statement, ...] = ()
    """Assessment, grades, exit."""
    readings: tuple[Statement, ...] = ()
    """How the text is read where it leaves room."""
    oddities: tuple[Statement, ...] = ()
    reminders: tuple[ReminderRule, ...] = ()
    """The programme's own, before those of `reminders.toml`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """A programme and its versions, oldest first."""

    key: str
    name: str
    short: str
    station: str
    """人才驿站 or 人才工作站."""
    words: tuple[str, ...]
    """Names people use for it."""
    places: tuple[str, ...]
    """Place names that point to it: the city, its province."""
    keep_until: date | None = None
    """The last day on which drafts of it are kept, as whoever runs the assistant decides; None: no such day."""
    versions: tuple[Version, ...]

    def on(self, day: date) -> Version | None:
        """The version in force that day; None where there is none: never the nearest."""
        for version in self.versions:
            if (version.valid_from or date.min) <= day <= (version.valid_to or date.max):
                return version
        return None

    @property
    def latest(self) -> Version:
        """The last known version, for saying what the rule was."""
        return self.versions[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """All programmes that were loaded."""

    programmes: tuple[Programme, ...]
    reminders: Reminders = Reminders()

    def programme(self, key: str) -> Programme:
        """The programme of that key; KeyError where there is none."""
        for programme in self.programmes:
            if programme.key == key:
                return programme
        raise KeyError(key)
