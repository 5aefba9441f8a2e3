"""The calendar of pools: which Sunday closes what, and which days it needs."""

from __future__ import annotations

import datetime as dt

import pytest

from sentiment_assets.core.coverage import OBSERVED_AGAIN_AFTER
from sentiment_assets.core.periods import (
    MOST_DAYS_BACK,
    closed_by,
    days_behind,
    month_of,
    settles_at,
    week_of,
)

YEARS = [dt.date(2020, 1, 1) + dt.timedelta(days=day) for day in range(12 * 366)]


def date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("sunday", "closed", "first_day"),
    [
        # A week inside a month.
        ("2026-11-08", ["2026-11-02 2026-11-08 week"], "2026-11-02"),
        # The first of a month on a Sunday: the month before ended with the Saturday.
        ("2026-11-01", ["2026-10-26 2026-11-01 week", "2026-10-01 2026-10-31 month"], "2026-09-28"),
        # The month ends with the week.
        ("2026-05-31", ["2026-05-25 2026-05-31 week", "2026-05-01 2026-05-31 month"], "2026-04-27"),
        # The month ended on the Monday of the week.
        ("2026-12-06", ["2026-11-30 2026-12-06 week", "2026-11-01 2026-11-30 month"], "2026-10-26"),
        ("2026-11-29", ["2026-11-23 2026-11-29 week"], "2026-11-23"),
        # Over New Year.
        ("2027-01-03", ["2026-12-28 2027-01-03 week", "2026-12-01 2026-12-31 month"], "2026-11-30"),
        # February of a leap year.
        ("2028-03-05", ["2028-02-28 2028-03-05 week", "2028-02-01 2028-02-29 month"], "2028-01-31"),
    ],
)
def test_what_a_sunday_closes(sunday: str, closed: list[str], first_day: str) -> None:
    periods = closed_by(date(sunday))
    assert [f"{p.first} {p.last} {p.grain}" for p in periods] == closed
    assert days_behind(date(sunday))[0] == date(first_day)
    assert days_behind(date(sunday))[-1] == date(sunday)


def test_weekdays_close_nothing() -> None:
    for day in range(2, 8):
        assert closed_by(dt.date(2026, 11, day)) == days_behind(dt.date(2026, 11, day)) == ()


def test_every_date_is_in_one_week_and_one_month_that_its_closer_reads_whole() -> None:
    for day in YEARS:
        for period in (week_of(day), month_of(day)):
            assert period.first <= day <= period.last
            assert period in closed_by(period.closed_by)
            read = days_behind(period.closed_by)
            assert {week_of(period.first).first, day, week_of(period.last).last} <= set(read)


def test_the_longest_look_back() -> None:
    longest = max((day - days_behind(day)[0]).days for day in YEARS if closed_by(day))
    assert longest == MOST_DAYS_BACK


def test_a_date_settles_after_its_last_window_was_observed_again() -> None:
    midnight = dt.datetime(2026, 11, 23, tzinfo=dt.timezone.utc)
    assert settles_at(dt.date(2026, 11, 22)) == midnight + dt.timedelta(hours=26)
    assert settles_at(dt.date(2026, 11, 22)) > midnight + OBSERVED_AGAIN_AFTER
