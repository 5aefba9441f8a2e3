"""What the charts share: colours, axes of time, legends, and what every chart ends with.

What belongs here: parts of Altair charts. Blue is positive, grey neutral, orange negative: never
red against green. Whatever a colour tells is told by a shape, a place or a word too.
"""

from __future__ import annotations

import datetime as dt
import json
import zoneinfo
from collections.abc import Iterable
from typing import Literal, cast

import altair as alt
import polars as pl

from dashboard.queries import Unit
from sentiment_assets.core.platforms import PLATFORMS

UTC = zoneinfo.ZoneInfo("UTC")
POSITIVE, NEUTRAL, NEGATIVE, UNSCORED = "#0072B2", "#9aa5b1", "#E07B00", "#dde2e7"
INK = "#1f2933"
#: Okabe and Ito's, those of enough contrast on white; a platform has a shape as well.
_CATEGORIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9")
_SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
_LONGEST_LABEL = 24
_MOST_TICKS = 40
_NOON = dt.timedelta(hours=12)


def platform_scales(names: list[str]) -> tuple[alt.Scale, alt.Scale]:
    """Colour and shape by a platform's title; a platform keeps its own, whatever else is shown."""
    titles = [PLATFORMS[name].title for name in names]
    places = [list(PLATFORMS).index(name) % len(_CATEGORIES) for name in names]
    return (
        alt.Scale(domain=titles, range=[_CATEGORIES[place] for place in places]),
        alt.Scale(domain=titles, range=[_SHAPES[place] for place in places]),
    )


def time_axis(series: pl.DataFrame, unit: Unit, zone: zoneinfo.ZoneInfo = UTC) -> alt.X:
    """The axis of ``series``: its ticks and words are those of the zone, days are UTC days."""
    ticks = _day_ticks(series) if unit == "day" else _clock_ticks(series, zone)
    words = json.dumps(dict(zip(map(str, _milliseconds(ticks)), ticks.values(), strict=True)))
    what = {"day": "day (UTC)", "hour": f"hour ({zone.key})", "slot": f"5 minutes ({zone.key})"}
    return alt.X(
        "start:T",
        scale=alt.Scale(type="utc", nice=False),
        axis=alt.Axis(
            title=what[unit],
            # Vega knows UTC and the reader's own clock, and no third zone.
            labelExpr=f"{words}[time(datum.value)]",
            labelOverlap="greedy",
            labelSeparation=8,
            grid=False,
            # One expression: a date each would be copied and checked again for every layer.
            values=alt.ExprRef(f"[{', '.join(map(str, _milliseconds(ticks)))}]"),
        ),
    )


def _day_ticks(series: pl.DataFrame) -> dict[dt.datetime, str]:
    """A day's name stands below its middle."""
    days = series["start"].to_list()
    every = -(-len(days) // _MOST_TICKS) or 1
    spelled = "{0:%a} {0.day} {0:%b}" if len(days) <= _MOST_TICKS else "{0.day} {0:%b %Y}"
    # From the newest backwards, so that the day that is looked for has its name.
    return {day + _NOON: spelled.format(day) for day in days[::-1][::every][::-1]}


def _clock_ticks(series: pl.DataFrame, zone: zoneinfo.ZoneInfo) -> dict[dt.datetime, str]:
    """Round local times; midnight has a day's name instead."""
    first, last = series["start"].min(), series["end"].max()
    if not (isinstance(first, dt.datetime) and isinstance(last, dt.datetime)):
        return {}
    hours = (last - first) / dt.timedelta(hours=1)
    minutes = 30 if hours <= 4 else 180 if hours <= 26 else 360 if hours <= 72 else 1440
    local = first.astimezone(zone).replace(hour=0, minute=0, second=0, tzinfo=None)
    ticks: dict[dt.datetime, str] = {}
    while (at := local.replace(tzinfo=zone).astimezone(dt.timezone.utc)) <= last:
        if at >= first:
            midnight = (local.hour, local.minute) == (0, 0)
            ticks[at] = f"{local:%a} {local.day} {local:%b}" if midnight else f"{local:%H:%M}"
        local += dt.timedelta(minutes=minutes)
    return ticks


def _milliseconds(ticks: Iterable[dt.datetime]) -> list[int]:
    return [int(at.timestamp() * 1000) for at in ticks]


def when(unit: Unit, zone: zoneinfo.ZoneInfo = UTC) -> pl.Expr:
    """A row's start in words: a UTC day, or a time in the zone."""
    if unit == "day":
        return pl.col("start").dt.strftime("%a %d %b %Y")
    return pl.col("start").dt.convert_time_zone(zone.key).dt.strftime("%a %d %b %Y %H:%M")


def zero_line(series: pl.DataFrame, time: alt.X) -> alt.Chart:
    """A line over the whole series, which makes the time axes of its charts alike."""
    line = series.select(pl.col("start").min(), pl.col("end").max(), zero=0)
    chart = alt.Chart(line).mark_rule(color=INK, opacity=0.5)
    return cast(alt.Chart, chart.encode(x=time, x2="end:T", y="zero:Q"))


def legend(
    orient: Literal["top", "bottom"] = "top", *, shapes: bool = False, narrow: Literal[1, 2] = 2
) -> alt.Legend:
    """Words beside squares, or beside the shapes of the marks.

    ``narrow`` is how many stand beside each other on a telephone.
    """
    room = alt.ExprRef(f"width < 400 ? {narrow} : 4")
    made = alt.Legend(
        orient=orient, direction="horizontal", columns=room, title=None, labelLimit=0,
        symbolOpacity=1, symbolSize=90,
    )  # fmt: skip
    if not shapes:
        made["symbolType"], made["symbolStrokeWidth"] = "square", 0
    return made


def names() -> alt.Axis:
    """The axis of a ranking: whole names, no ticks."""
    return alt.Axis(labelLimit=0, labelOverlap=False, ticks=False, domain=False)


def short(column: str) -> pl.Expr:
    """A name that fits beside its bar."""
    name = pl.col(column)
    return (
        pl.when(name.str.len_chars() > _LONGEST_LABEL)
        .then(name.str.slice(0, _LONGEST_LABEL - 1) + "…")
        .otherwise(name)
    )


def finish(layers: list[alt.Chart], height: int) -> alt.LayerChart:
    """The chart of these layers."""
    # Words at the edges need a few pixels outside of the marks.
    around = {"left": 8, "right": 14, "top": 10, "bottom": 8}
    chart = alt.LayerChart(layer=layers, height=height, padding=around)
    return cast(alt.LayerChart, chart.configure_view(stroke=None))
