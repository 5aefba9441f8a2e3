"""The week that the story tells again and again, in UTC: how much is posted, and in what mood.

Tuesday 09:00 Nimbus launches (joy), Thursday 14:00-17:00 it is down (anger), Friday it has
recovered (relief). Any 7 days hold each part once. Volumes and moods only: no posts, no text.
"""

from __future__ import annotations

import bisect
import functools
import itertools

from simulator.clock import FIRST_MONDAY_MS, HOUR_MS

HOURS = 168
LAUNCH = 1 * 24 + 9
OUTAGE = range(3 * 24 + 14, 3 * 24 + 17)
RECOVERY = range(4 * 24, 5 * 24)

# Share of a day's posts by hour, UTC: Europe and Africa by day, the Americas in the evening.
# fmt: off
_DAY = (2.6, 2.0, 1.6, 1.3, 1.3, 1.7, 2.6, 3.8, 4.9, 5.4, 5.5, 5.4,
        5.6, 5.9, 6.1, 6.2, 6.0, 5.7, 5.4, 5.2, 4.8, 4.2, 3.6, 3.2)
# fmt: on
_WEEKDAY = (1.0, 1.05, 1.05, 1.05, 0.95, 0.65, 0.62)

_CALM = {
    "praise": 24,
    "complaint": 17,
    "neutral": 32,
    "rival": 12,
    "sarcasm": 3,
    "chatter": 9,
    "joy": 3,
}
_LAUNCHING = {
    "joy": 58,
    "praise": 14,
    "neutral": 14,
    "complaint": 6,
    "rival": 4,
    "chatter": 3,
    "sarcasm": 1,
}
_DOWN = {
    "anger": 62,
    "sarcasm": 13,
    "complaint": 12,
    "neutral": 6,
    "rival": 3,
    "chatter": 3,
    "praise": 1,
}
_AFTERMATH = {
    "anger": 22,
    "complaint": 26,
    "sarcasm": 8,
    "relief": 12,
    "neutral": 18,
    "rival": 6,
    "chatter": 6,
    "praise": 2,
}
_RECOVERED = {
    "relief": 44,
    "praise": 14,
    "neutral": 18,
    "complaint": 10,
    "rival": 6,
    "chatter": 7,
    "sarcasm": 1,
}


def hour_of_week(hour: int) -> int:
    """0 (Monday 00:00 UTC) to 167, of an hour counted from the Unix epoch."""
    return (hour - FIRST_MONDAY_MS // HOUR_MS) % HOURS


def calm_weight(of_week: int) -> float:
    """Volume of an hour without events: the daily curve, lower at the weekend."""
    return _DAY[of_week % 24] * _WEEKDAY[of_week // 24]


def weight(of_week: int) -> float:
    """Volume of an hour with the story's events."""
    factor = 1.0
    if 0 <= of_week - LAUNCH < 10:
        factor = 2.6 - 0.16 * (of_week - LAUNCH)
    elif of_week in OUTAGE:
        factor = 4.5
    elif 0 <= of_week - OUTAGE.stop < 7:
        factor = 2.4 - 0.2 * (of_week - OUTAGE.stop)
    elif of_week in RECOVERY:
        factor = 1.2
    return calm_weight(of_week) * factor


TOTAL = sum(weight(hour) for hour in range(HOURS))


_MOODS = {
    "calm": _CALM,
    "launch": _LAUNCHING,
    "outage": _DOWN,
    "aftermath": _AFTERMATH,
    "recovery": _RECOVERED,
}


def phase(of_week: int) -> str:
    """The part of the story that an hour belongs to: calm, launch, outage, aftermath, recovery."""
    if 0 <= of_week - LAUNCH < 10:
        return "launch"
    if of_week in OUTAGE:
        return "outage"
    if 0 <= of_week - OUTAGE.stop < 7:
        return "aftermath"
    return "recovery" if of_week in RECOVERY else "calm"


@functools.cache
def moods(of_week: int) -> tuple[str, ...]:
    """Moods of the posts of an hour (keys of ``phrases.ENGLISH``), each as often as it is felt."""
    return tuple(mood for mood, n in _MOODS[phase(of_week)].items() for _ in range(n))


_CUMULATIVE = [0.0, *itertools.accumulate(calm_weight(hour) for hour in range(HOURS))]


def calm_time(share: float) -> float:
    """Hours into the week by which ``share`` (0 to 1) of a week without events is posted."""
    target = share * _CUMULATIVE[-1]
    hour = min(bisect.bisect_right(_CUMULATIVE, target) - 1, HOURS - 1)
    return hour + (target - _CUMULATIVE[hour]) / (_CUMULATIVE[hour + 1] - _CUMULATIVE[hour])
