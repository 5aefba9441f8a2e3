"""What a page's address asks for: the one place in which a reader's choice is kept.

What belongs here: the parameters of an address to a choice, with a sentence for each that asks for
what there isn't. Widgets that show and change the choice are ``filters.py``.

A parameter that is left out means its default, and a link without days always shows the newest.
What an address says is never repeated on the page: whoever makes a link would write on it.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

DEFAULT_DAYS = 7
UTC_NAME = "UTC"
#: An address: each parameter's values.
Parameters = Mapping[str, Sequence[str]]


@dataclass
class Address:
    """The parameters of one page view, and what was wrong with them."""

    parameters: Parameters
    complaints: list[str] = field(default_factory=list)

    def one_of(self, name: str, options: Sequence[str], default: str, otherwise: str) -> str:
        """The parameter where it is one of the options, or else the default.

        ``otherwise`` is the sentence that is said then.
        """
        values = self.parameters.get(name, ())
        if not values:
            return default
        if values[-1] in options:
            return values[-1]
        self.complaints.append(otherwise)
        return default

    def days(self, first: dt.date, last: dt.date) -> tuple[dt.date, dt.date]:
        """The days asked for, of those from first to last; by default the newest seven.

        One date stands for itself; two, in any order, for all days between them.
        """
        newest = (max(first, last - dt.timedelta(days=DEFAULT_DAYS - 1)), last)
        values = self.parameters.get("days", ())
        if not values:
            return newest
        try:
            asked = sorted(dt.date.fromisoformat(value) for value in values)
        except ValueError:
            asked = []
        if not 1 <= len(asked) <= 2:
            self.complaints.append(
                "The days in the address are not dates: write `days=2026-11-16&days=2026-11-22`. "
                "The newest days are shown."
            )
            return newest
        if asked[-1] < first or asked[0] > last:
            self.complaints.append(
                f"Gold holds no days of those in the address, only {first} to {last}. The newest "
                "are shown."
            )
            return newest
        kept = (max(asked[0], first), min(asked[-1], last))
        if kept != (asked[0], asked[-1]):
            self.complaints.append(f"Gold holds {first} to {last}: days beyond are left out.")
        return kept

    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone that hours are shown in; by default UTC."""
        name = self.one_of(
            "zone",
            zones(),
            UTC_NAME,
            "The time zone in the address is not known: write a name like `Africa/Johannesburg`. "
            "Hours are shown in UTC.",
        )
        return zoneinfo.ZoneInfo(name)


@cache
def zones() -> tuple[str, ...]:
    """Names of time zones, UTC first, those of regions after it."""
    regions = (
        "Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/",
        "Indian/", "Pacific/",
    )  # fmt: skip
    known = zoneinfo.available_timezones()
    return (UTC_NAME, *sorted(name for name in known if name.startswith(regions)))
