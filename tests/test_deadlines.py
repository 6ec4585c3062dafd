"""Dates: working days over holidays, periods, what a service's deadlines come to."""

from datetime import date, timedelta

import pytest

from flows.deadlines import add_period, add_working_days, due, is_working_day
from knowledge.types import Citation, Deadline, Service, Window

CLAUSE = (Citation(programme="p", document="d", article="四", quote="可在被认定之日起一年内申请。"),)


def test_twenty_working_days_pass_over_mid_autumn_and_national_day():
    assert add_working_days(date(2026, 9, 21), 20) == (date(2026, 10, 26), False)


def test_working_days_count_from_the_next_day():
    assert add_working_days(date(2026, 11, 23), 1) == (date(2026, 11, 24), False)
    assert add_working_days(date(2026, 11, 20), 1) == (date(2026, 11, 23), False)


def test_no_working_day_is_the_start_itself():
    assert add_working_days(date(2026, 11, 21), 0) == (date(2026, 11, 21), False)


def test_a_weekend_worked_instead_of_a_holiday_counts():
    assert is_working_day(date(2026, 9, 20)) == (True, False)
    assert is_working_day(date(2026, 10, 1)) == (False, False)


def test_a_year_without_announced_holidays_is_an_estimate():
    assert is_working_day(date(2027, 11, 22)) == (True, True)
    assert is_working_day(date(2027, 10, 1)) == (False, True)
    assert is_working_day(date(2027, 2, 8)) == (False, True)
    assert add_working_days(date(2026, 12, 30), 1) == (date(2026, 12, 31), False)
    assert add_working_days(date(2026, 12, 30), 2) == (date(2027, 1, 4), True)


def test_the_projects_own_days_win_over_the_package(monkeypatch):
    from dataclasses import replace

    from flows import deadlines

    changed = replace(
        deadlines._calendar(), off=frozenset({date(2026, 11, 24)}), work=frozenset({date(2026, 11, 28)}), announced=frozenset({2031})
    )
    monkeypatch.setattr(deadlines, "_calendar", lambda: changed)
    assert is_working_day(date(2026, 11, 24)) == (False, False)
    assert is_working_day(date(2026, 11, 28)) == (True, False)
    assert is_working_day(date(2031, 1, 6)) == (True, False)


@pytest.mark.parametrize(
    ("start", "period", "end"),
    [
        (date(2026, 5, 18), "P1Y", date(2027, 5, 18)),
        (date(2024, 2, 29), "P1Y", date(2025, 2, 28)),
        (date(2024, 2, 29), "P4Y", date(2028, 2, 29)),
        (date(2024, 7, 2), "P2Y", date(2026, 7, 2)),
        (date(2026, 8, 31), "P6M", date(2027, 2, 28)),
        (date(2026, 12, 31), "P12M", date(2027, 12, 31)),
        (date(2026, 11, 22), "P30D", date(2026, 12, 22)),
    ],
)
def test_a_period_ends_on_the_corresponding_day(start, period, end):
    assert add_period(start, period) == end


@pytest.mark.parametrize("period", ["", "P", "1Y", "P1W", "一年"])
def test_a_period_that_cannot_be_read_is_refused(period):
    with pytest.raises(ValueError, match="write it as P1Y"):
        add_period(date(2026, 1, 1), period)


def service(*deadlines: Deadline, windows: tuple[Window, ...] = ()) -> Service:
    return Service(key="s", name="补助", summary="", fields=(), deadlines=deadlines, windows=windows, produces="nothing")


def test_a_deadline_counts_from_the_applicants_own_date():
    year = Deadline(id="year", label="申请补助", field="recognised_on", period="P1Y", cite=CLAUSE)
    (found,) = due(service(year), {"recognised_on": "2026-05-18"})
    assert (found.day, found.label, found.citations, found.estimated) == (date(2027, 5, 18), "申请补助", CLAUSE, False)


def test_a_month_counts_from_its_first_day_and_says_so():
    year = Deadline(id="year", label="申请补助", field="recognised_on", period="P1Y", cite=CLAUSE)
    (found,) = due(service(year), {"recognised_on": "2026-05"})
    assert found.day == date(2027, 5, 1)
    assert "1日起算" in found.note


def test_an_unknown_date_gives_no_deadline():
    year = Deadline(id="year", label="申请补助", field="recognised_on", period="P1Y", cite=CLAUSE)
    assert due(service(year), {"recognised_on": None}) == ()
    assert due(service(year), {}) == ()


def test_a_deadline_in_working_days_of_an_open_year_is_marked():
    handled = Deadline(id="handled", label="办结", field="sent_on", working_days=20, cite=CLAUSE)
    (found,) = due(service(handled), {"sent_on": "2026-12-21"})
    assert found.estimated
    assert "待官方放假安排确认" in found.note
    assert found.day > date(2026, 12, 21) + timedelta(days=27)


def test_somebody_elses_date_keeps_its_owner_and_a_window_does_not_double_it():
    county = Deadline(id="county", label="县区报送", on=date(2022, 6, 30), whose="县区人社局", cite=CLAUSE)
    window = Window(kind="dated", closes=date(2022, 6, 30), text="6月30日前", whose="县区人社局", cite=CLAUSE)
    (found,) = due(service(county, windows=(window,)), {})
    assert (found.day, found.whose) == (date(2022, 6, 30), "县区人社局")
    (alone,) = due(service(windows=(window,)), {})
    assert (alone.day, alone.whose) == (date(2022, 6, 30), "县区人社局")
