"""Lines and stacks over time: pure functions, columns as ``queries.series`` gives them.

What belongs here: marks, scales, tooltips of charts over time. Hours are drawn in the reader's
zone, days are UTC days, whatever the reader's clock says.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Literal

import altair as alt
import polars as pl

from dashboard.chart_parts import (
    INK,
    NEGATIVE,
    NEUTRAL,
    POSITIVE,
    UNSCORED,
    UTC,
    finish,
    legend,
    platform_scales,
    time_axis,
    when,
    zero_line,
)
from dashboard.queries import Unit
from sentiment_assets.core.platforms import PLATFORMS

STACK = {
    "negative": NEGATIVE,
    "neutral": NEUTRAL,
    "positive": POSITIVE,
    "not scored": UNSCORED,
}
_PARTIAL, _UNKNOWN = "not fetched whole", "not known"
_PARTIAL_COLOR, _HIDDEN_COLOR = "#c3cad1", "#f7e08a"
_NOON = dt.timedelta(hours=12)
_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")
_MOST_DAYS_WITH_FIGURES = 14


def sentiment(
    series: pl.DataFrame,
    unit: Unit,
    hidden: str,
    *,
    zone: zoneinfo.ZoneInfo = UTC,
    marks: pl.DataFrame | None = None,
    bounds: tuple[float, float] | None = None,
    height: int = 300,
) -> alt.LayerChart:
    """Mean sentiment over time with one standard error to each side; gaps where nothing is shown.

    Args:
        series: as ``queries.series`` gives it.
        unit: what a row of it is.
        hidden: what is said of hidden stretches.
        zone: whose hours are written.
        marks: as ``marks.numbered`` gives them: a numbered line where each begins.
        bounds: of the axis of means, where several charts are compared.
        height: in pixels.
    """
    points = series.select(
        pl.col("start") + (pl.col("end") - pl.col("start")) / 2,
        mean="sentiment_mean",
        low=pl.col("sentiment_mean") - pl.col("sentiment_standard_error"),
        high=pl.col("sentiment_mean") + pl.col("sentiment_standard_error"),
        when=when(unit, zone),
        error="sentiment_standard_error",
        scored="scored",
        posts="posts",
        fetched="fetched_share",
    )
    time = time_axis(series, unit, zone)
    base = alt.Chart(points).encode(x=time)
    scale = alt.Scale() if bounds is None else alt.Scale(domain=list(bounds), nice=False)
    axis = alt.Axis(format="+.2f", tickCount=5)
    mean = alt.Y("mean:Q", title="mean sentiment", axis=axis, scale=scale)
    band = base.mark_area(color=POSITIVE, opacity=0.22, clip=bounds is not None).encode(
        y=alt.Y("low:Q", title="mean sentiment", axis=axis, scale=scale), y2="high:Q"
    )
    line = base.mark_line(color=POSITIVE, strokeWidth=1.5).encode(y=mean)
    # A value between two gaps has no line: its point still shows.
    dots = (
        base.transform_filter("isValid(datum.mean)")
        .mark_circle(color=POSITIVE, size=alt.ExprRef("width < 500 ? 7 : 22"), opacity=1)
        .encode(
            y=mean,
            tooltip=[
                alt.Tooltip("when:N", title=_clock(unit, zone)),
                alt.Tooltip("mean:Q", title="mean", format="+.3f"),
                *(
                    []
                    if unit == "slot"
                    else [alt.Tooltip("error:Q", title="standard error", format=".3f")]
                ),
                alt.Tooltip("scored:Q", title="scored posts (n)", format=","),
                alt.Tooltip("posts:Q", title="posts", format=","),
                *(
                    []
                    if unit == "slot"
                    else [alt.Tooltip("fetched:Q", title="fetched", format=".1%")]
                ),
            ],
        )
    )
    return finish(
        [
            *_stretches(series, time, unit, hidden),
            zero_line(series, time),
            # Live figures keep no spread.
            *([band] if points["low"].is_not_null().any() else []),
            line,
            dots,
            *_marked(marks, series, time, unit),
        ],
        height,
    )


def volume(
    series: pl.DataFrame,
    unit: Unit,
    hidden: str,
    *,
    zone: zoneinfo.ZoneInfo = UTC,
    marks: pl.DataFrame | None = None,
) -> alt.LayerChart:
    """Posts over time, stacked by label; what was not scored stands on top.

    Args:
        series: as ``queries.series`` gives it.
        unit: what a row of it is.
        hidden: what is said of hidden stretches.
        zone: whose hours are written.
        marks: as ``marks.numbered`` gives them.
    """
    time, labels = time_axis(series, unit, zone), list(STACK)
    stacked = (
        series.filter(pl.col("posts") > 0)
        .with_columns(
            (pl.col("posts") - pl.col("scored")).alias("not scored"), when=when(unit, zone)
        )
        .unpivot(
            labels,
            index=["start", "end", "when", "posts", "fetched_share"],
            variable_name="label",
            value_name="count",
        )
        .with_columns(pl.col("label").cast(pl.Enum(labels)))
        .sort("start", "label")
        .with_columns(top=pl.col("count").cum_sum().over("start"))
        .with_columns(pl.col("label").cast(pl.String), bottom=pl.col("top") - pl.col("count"))
        .filter(pl.col("count") > 0)
    )
    bars = (
        alt.Chart(stacked)
        .mark_rect(stroke="white", strokeWidth=0.5)
        .encode(
            x=time,
            x2="end:T",
            y=alt.Y("bottom:Q", title="posts", axis=alt.Axis(format="~s", tickCount=5)),
            y2="top:Q",
            color=alt.Color(
                "label:N",
                scale=alt.Scale(domain=labels, range=list(STACK.values())),
                legend=legend(),
            ),
            tooltip=[
                alt.Tooltip("when:N", title=_clock(unit, zone)),
                alt.Tooltip("label:N", title="label"),
                alt.Tooltip("count:Q", title="posts so labelled", format=","),
                alt.Tooltip("posts:Q", title="posts in all (n)", format=","),
                *(
                    []
                    if unit == "slot"
                    else [alt.Tooltip("fetched_share:Q", title="fetched", format=".1%")]
                ),
            ],
        )
    )
    return finish(
        [
            *_stretches(series, time, unit, hidden),
            bars,
            zero_line(series, time),
            *_marked(marks, series, time, unit),
        ],
        300,
    )


def side_by_side(cells: pl.DataFrame, marks: pl.DataFrame | None = None) -> alt.LayerChart:
    """Mean sentiment by day, a line a platform, told apart by colour and by shape.

    Args:
        cells: as ``queries.by_day_and_platform`` gives them.
        marks: as ``marks.numbered`` gives them.
    """
    midnight = pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    names = [name for name in PLATFORMS if name in cells["platform"]]
    titles = {name: PLATFORMS[name].title for name in names}
    days = cells.select(
        "platform", start=midnight, end=midnight + pl.duration(days=1), mean="sentiment_mean",
        scored="scored", fetched="fetched_share",
    )  # fmt: skip
    # A line breaks at a day without figures, and at one without a row.
    whole = days.select(pl.datetime_range(pl.col("start").min(), pl.col("start").max(), "1d"))
    points = (
        whole.rename({whole.columns[0]: "start"})
        .join(pl.DataFrame({"platform": names}), how="cross")
        .join(days, on=["start", "platform"], how="left")
        .with_columns(
            end=pl.col("start") + pl.duration(days=1),
            title=pl.col("platform").replace_strict(titles),
            when=when("day"),
        )
        .sort("platform", "start")
    )
    series = points.select("start", "end").unique().sort("start")
    time = time_axis(series, "day")
    color, shape = platform_scales(names)
    drawn = points.with_columns(pl.col("start") + _NOON)
    base = alt.Chart(drawn).encode(
        x=time,
        y=alt.Y("mean:Q", title="mean sentiment", axis=alt.Axis(format="+.2f", tickCount=5)),
        color=alt.Color("title:N", scale=color, legend=legend(shapes=True)),
    )
    line = base.mark_line(strokeWidth=1.5).encode(detail="title:N")
    dots = (
        base.transform_filter("isValid(datum.mean)")
        .mark_point(filled=True, size=alt.ExprRef("width < 500 ? 30 : 60"), opacity=1)
        .encode(
            shape=alt.Shape("title:N", scale=shape, legend=legend(shapes=True)),
            tooltip=[
                alt.Tooltip("title:N", title="platform"),
                alt.Tooltip("when:N", title="UTC"),
                alt.Tooltip("mean:Q", title="mean", format="+.3f"),
                alt.Tooltip("scored:Q", title="scored posts (n)", format=","),
                alt.Tooltip("fetched:Q", title="fetched", format=".1%"),
            ],
        )
    )
    return finish([zero_line(series, time), line, dots, *_marked(marks, series, time, "day")], 320)


def share(rows: pl.DataFrame, marks: pl.DataFrame | None = None) -> alt.LayerChart:
    """One topic's share of voice by day.

    Args:
        rows: as ``queries.voice_over_time`` gives them.
        marks: as ``marks.numbered`` gives them.
    """
    midnight = pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    days = rows.with_columns(start=midnight).sort("start")
    if days.height > 1:
        days = days.upsample("start", every="1d")
    days = days.with_columns(end=pl.col("start") + pl.duration(days=1), when=when("day"))
    series = days.select("start", "end")
    time = time_axis(series, "day")
    base = alt.Chart(days.drop("date").with_columns(pl.col("start") + _NOON)).encode(
        x=time,
        y=alt.Y("voice_share:Q", title="share of voice", axis=alt.Axis(format="%", tickCount=5)),
    )
    line = base.mark_line(color=POSITIVE, strokeWidth=1.5)
    dots = (
        base.transform_filter("isValid(datum.voice_share)")
        .mark_circle(color=POSITIVE, size=alt.ExprRef("width < 500 ? 12 : 30"), opacity=1)
        .encode(
            tooltip=[
                alt.Tooltip("when:N", title="UTC"),
                alt.Tooltip("voice_share:Q", title="share of voice", format=".1%"),
                alt.Tooltip("posts:Q", title="posts (n)", format=","),
                alt.Tooltip("voice_topics:Q", title="topics that share it"),
                alt.Tooltip("hidden_topics:Q", title="hidden topics, in no share"),
                alt.Tooltip("fetched_share:Q", title="fetched", format=".1%"),
            ]
        )
    )
    return finish([zero_line(series, time), line, dots, *_marked(marks, series, time, "day")], 240)


def fetched(cells: pl.DataFrame) -> alt.LayerChart:
    """How much of each day was fetched, a row a platform: higher and darker is more.

    Args:
        cells: as ``queries.coverage`` gives them.
    """
    midnight = pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    names = [name for name in PLATFORMS if name in cells["platform"]]
    titles = {name: PLATFORMS[name].title for name in names}
    days = cells.select(
        title=pl.col("platform").replace_strict(titles, default=None),
        start=midnight,
        end=midnight + pl.duration(days=1),
        fetched="fetched_share",
        whole="windows_complete",
    ).with_columns(
        when=when("day"),
        percent=pl.format("{}%", (pl.col("fetched") * 100 + 1e-9).floor().cast(pl.Int64)),
    )
    series = days.select("start", "end").unique().sort("start")
    order = list(titles.values())
    row = alt.Y("title:N", sort=order, title=None, axis=alt.Axis(labelLimit=0, ticks=False))
    base = alt.Chart(days).encode(y=row)
    strips = base.mark_rect(stroke="white", strokeWidth=1).encode(
        x=time_axis(series, "day"),
        x2="end:T",
        color=alt.Color(
            "fetched:Q",
            scale=alt.Scale(domain=[0, 1], range=["#e3edf4", POSITIVE], interpolate="rgb"),
            legend=None,
        ),
        tooltip=[
            alt.Tooltip("title:N", title="platform"),
            alt.Tooltip("when:N", title="UTC"),
            alt.Tooltip("fetched:Q", title="fetched", format=".1%"),
            alt.Tooltip("whole:Q", title="2-hour windows fetched whole, of 12"),
        ],
    )
    layers = [strips]
    if series.height <= _MOST_DAYS_WITH_FIGURES:
        words = alt.Chart(days.with_columns(pl.col("start") + _NOON)).encode(
            y=row, x=time_axis(series, "day")
        )
        layers.append(
            words.mark_text(fontSize=alt.ExprRef("width < 500 ? 8 : 12")).encode(
                text="percent:N",
                color=alt.condition("datum.fetched > 0.85", alt.value("white"), alt.value(INK)),
            )
        )
    return finish(layers, 44 * len(order) + 60)


def _marked(
    marks: pl.DataFrame | None, series: pl.DataFrame, time: alt.X, unit: Unit
) -> list[alt.Chart]:
    """A thin line where each mark begins, with its sign and number on top; none is no layer."""
    if marks is None or marks.is_empty() or series.is_empty():
        return []
    first, last = series["start"].min(), series["end"].max()
    assert isinstance(first, dt.datetime)
    assert isinstance(last, dt.datetime)
    at = pl.col("start").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    # A change of method lies between two days; what happens on a day stands in its middle.
    inside = pl.when((pl.col("kind") == "method_change") | (unit != "day")).then(at)
    places = (
        marks.filter(pl.col("number").is_not_null())
        .with_columns(start=inside.otherwise(at + _NOON))
        .filter(pl.col("start").is_between(first, last))
        .group_by("start", maintain_order=True)
        .agg(
            word=pl.format("{}{}", "sign", "number").str.join(" "),
            names=pl.col("name").str.join("; "),
        )
        .sort("start")
        .with_row_index("row")
        .with_columns(
            side=pl.when(pl.col("start") < first + (last - first) / 2)
            .then(pl.lit("left"))
            .otherwise(pl.lit("right"))
        )
    )
    if places.is_empty():
        return []
    rules = (
        alt.Chart(places)
        .mark_rule(color=INK, strokeDash=[3, 3], strokeWidth=1)
        .encode(x=time, tooltip=alt.Tooltip("names:N", title="mark"))
    )
    # Neighbours stand at two heights, each word on the inner side of its line.
    words = [
        alt.Chart(part)
        .mark_text(color=INK, fontSize=11, align=side, dx=3 if side == "left" else -3)
        .encode(x=time, y=alt.value(6 + 13 * row), text="word:N")
        for side, row, part in (
            (side, row, places.filter(pl.col("row") % 2 == row, pl.col("side") == side))
            for side in _SIDES
            for row in (0, 1)
        )
        if not part.is_empty()
    ]
    return [rules, *words]


def _clock(unit: Unit, zone: zoneinfo.ZoneInfo) -> str:
    return "UTC" if unit == "day" else zone.key


def _stretches(series: pl.DataFrame, time: alt.X, unit: Unit, hidden: str) -> list[alt.Chart]:
    """Bands behind what was not fetched whole, is not known or is hidden; none is no layer."""
    stretches = (
        series.with_columns(
            state=pl.when("suppressed")
            .then(pl.lit(hidden))
            .when(pl.col("fetched_share") < 1)
            .then(pl.lit(_PARTIAL))
            # Live figures have no fetched share.
            .when(pl.col("fetched_share").is_null() & pl.col("posts").is_null())
            .then(pl.lit(_UNKNOWN))
        )
        .group_by(pl.col("state").rle_id().alias("stretch"), maintain_order=True)
        .agg(pl.col("state").first(), pl.col("start").min(), pl.col("end").max())
        .filter(pl.col("state").is_not_null())
        .select("state", "start", "end")
    )
    if stretches.is_empty():
        return []
    marked = {_PARTIAL: _PARTIAL_COLOR, _UNKNOWN: _PARTIAL_COLOR, hidden: _HIDDEN_COLOR}
    present = [state for state in marked if state in stretches["state"]]
    return [
        alt.Chart(stretches)
        .mark_rect(opacity=0.45)
        .encode(
            x=time,
            x2="end:T",
            fill=alt.Fill(
                "state:N",
                scale=alt.Scale(domain=present, range=[marked[state] for state in present]),
                legend=legend("bottom", narrow=1),
            ),
            tooltip=alt.Tooltip(
                "state:N", title="these 5 minutes" if unit == "slot" else f"these {unit}s"
            ),
        )
    ]
