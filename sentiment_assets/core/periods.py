"""Weeks and months of dates: which ones a partition closes, and when they no longer change.

What belongs here: the calendar behind ``gold/pooled_sentiment``. What is pooled, and whether it may
be shown, is ``core.gold``. Weeks are ISO weeks, Monday to Sunday; all dates are UTC.
"""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass
from typing import Literal

from sentiment_assets.core.coverage import OBSERVED_AGAIN_AFTER

Grain = Literal["week", "month"]

_DAY = dt.timedelta(days=1)
_SUNDAY = 6

#: A date's last window is observed again at the first tick from then on, and ticks are 2-hourly.
#: Pooled before that, a period would be published twice, and the two compared.
SETTLES_AFTER = OBSERVED_AGAIN_AFTER + dt.timedelta(hours=2)

#: The longest look back from a Sunday: to the Monday before a month of 31 days that began on the
#: Sunday after it and ended on a Tuesday.
MOST_DAYS_BACK = 41


@dataclass(frozen=True, order=True)
class Period:
    """A calendar week or month, both ends included."""

    first: dt.date
    last: dt.date
    grain: Grain

    @property
    def closed_by(self) -> dt.date:
        """The Sunday whose partition holds the period's pools.

        A month waits for the Sunday of the week that holds its last day: which of that week's
        days are left over for the month is known only then.
        """
        return week_of(self.last).last


def week_of(date: dt.date) -> Period:
    """The ISO week that holds a date."""
    monday = date - date.weekday() * _DAY
    return Period(monday, monday + _SUNDAY * _DAY, "week")


def month_of(date: dt.date) -> Period:
    """The calendar month that holds a date."""
    days = calendar.monthrange(date.year, date.month)[1]
    return Period(date.replace(day=1), date.replace(day=days), "month")


def closed_by(date: dt.date) -> tuple[Period, ...]:
    """The periods whose pools a date's partition holds: none, a week, or a week and a month."""
    week = week_of(date)
    if date != week.last:
        return ()
    month = month_of(week.first)
    return (week, month) if month.last <= date else (week,)


def days_behind(date: dt.date) -> tuple[dt.date, ...]:
    """The dates that the pools of a date's partition are made of, oldest first.

    A month needs every week that touches it whole: what a week shows is not left for the month.
    """
    periods = closed_by(date)
    if not periods:
        return ()
    first = min(week_of(period.first).first for period in periods)
    return tuple(first + back * _DAY for back in range((date - first).days + 1))


def settles_at(date: dt.date) -> dt.datetime:
    """From when on the posts of a date and those before it are expected to stay as they are."""
    midnight = dt.datetime.combine(date + _DAY, dt.time(), tzinfo=dt.timezone.utc)
    return midnight + SETTLES_AFTER
