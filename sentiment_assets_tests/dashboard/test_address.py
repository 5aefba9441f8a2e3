import datetime as dt

import pytest

from dashboard.address import Address, zones

FIRST, LAST = dt.date(2026, 11, 1), dt.date(2026, 11, 23)


def day(number):
    return dt.date(2026, 11, number)


@pytest.mark.parametrize(
    ("values", "shown", "complaint"),
    [
        ([], (day(17), day(23)), ""),
        (["2026-11-20"], (day(20), day(20)), ""),
        (["2026-11-16", "2026-11-20"], (day(16), day(20)), ""),
        (["2026-11-20", "2026-11-16"], (day(16), day(20)), ""),
        (["2026-10-20", "2026-11-03"], (day(1), day(3)), "days beyond are left out"),
        (["2026-11-20", "2027-01-01"], (day(20), day(23)), "days beyond are left out"),
        (["2026-10-01", "2026-10-09"], (day(17), day(23)), "only 2026-11-01 to 2026-11-23"),
        (["2026-11-31"], (day(17), day(23)), "are not dates"),
        (["", ""], (day(17), day(23)), "are not dates"),
        (["2026-11-16"] * 3, (day(17), day(23)), "are not dates"),
        (["<b>2026</b>"], (day(17), day(23)), "are not dates"),
    ],
)
def test_days(values, shown, complaint):
    address = Address({"days": values})
    assert address.days(FIRST, LAST) == shown
    assert bool(address.complaints) == bool(complaint)
    assert complaint in " ".join(address.complaints)


def test_fewer_days_than_a_week_are_all_shown():
    assert Address({}).days(day(21), day(23)) == (day(21), day(23))


def test_the_last_of_several_values_counts():
    address = Address({"topic": ["nimbus", "cirrus"]})
    assert address.one_of("topic", ["nimbus", "cirrus"], "all", "no") == "cirrus"
    assert address.complaints == []


def test_what_an_address_says_is_never_repeated():
    asked = Address({"topic": ["[win](https://evil.example)"], "zone": ["../etc"], "days": ["x"]})
    assert asked.one_of("topic", ["nimbus"], "nimbus", "No such topic.") == "nimbus"
    assert asked.zone().key == "UTC"
    asked.days(FIRST, LAST)
    said = " ".join(asked.complaints)
    assert len(asked.complaints) == 3
    assert "evil" not in said
    assert "etc" not in said


def test_zones_are_those_of_places():
    assert zones()[0] == "UTC"
    assert {"Africa/Johannesburg", "Asia/Kolkata", "America/New_York"} <= set(zones())
    assert not any(name.startswith(("Etc/", "US/", "posix")) for name in zones())
