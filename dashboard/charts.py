"""Polars frames to Altair charts: pure functions, columns as ``queries`` gives them.

What belongs here: marks, scales, colours, tooltips. Times are drawn in UTC, whatever the reader's
clock says. Blue is positive, grey neutral, orange negative: never red against green.
"""

from __future__ import annotations

from typing import Any, Literal, cast

import altair as alt
import polars as pl

from dashboard.queries import Unit

POSITIVE, NEUTRAL, NEGATIVE, UNSCORED = "#0072B2", "#9aa5b1", "#E07B00", "#dde2e7"
_INK = "#1f2933"
_STACK = {
    "negative": NEGATIVE,
    "neutral": NEUTRAL,
    "positive": POSITIVE,
    "not scored": UNSCORED,
}
_PARTIAL = "not fetched whole"
_PARTIAL_COLOR, _HIDDEN_COLOR = "#c3cad1", "#f7e08a"
_LONGEST_LABEL = 24
# VADER's own bounds of a neutral text.
_NEUTRAL_BELOW = 0.05


def sentiment(series: pl.DataFrame, unit: Unit, hidden: str) -> alt.LayerChart:
    """Mean sentiment over time with one standard error to each side; gaps where nothing is shown.

    Args:
        series: as ``queries.series`` gives it.
        unit: what a row of it is.
        hidden: what is said of hidden stretches.
    """
    points = series.select(
        pl.col("start") + (pl.col("end") - pl.col("start")) / 2,
        mean="sentiment_mean",
        low=pl.col("sentiment_mean") - pl.col("sentiment_standard_error"),
        high=pl.col("sentiment_mean") + pl.col("sentiment_standard_error"),
        when=_when(unit),
        error="sentiment_standard_error",
        scored="scored",
        posts="posts",
        fetched="fetched_share",
    )
    time = _time_axis(series, unit)
    base = alt.Chart(points).encode(x=time)
    mean = alt.Y("mean:Q", title="mean sentiment", axis=alt.Axis(format="+.2f", tickCount=5))
    band = base.mark_area(color=POSITIVE, opacity=0.22).encode(
        y=alt.Y("low:Q", title="mean sentiment"), y2="high:Q"
    )
    line = base.mark_line(color=POSITIVE, strokeWidth=1.5).encode(y=mean)
    # A value between two gaps has no line: its point still shows.
    dots = (
        base.transform_filter("isValid(datum.mean)")
        .mark_circle(color=POSITIVE, size=alt.ExprRef("width < 500 ? 7 : 22"), opacity=1)
        .encode(
            y=mean,
            tooltip=[
                alt.Tooltip("when:N", title="UTC"),
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
    return _finish(
        [*_marks(series, time, unit, hidden), _zero_line(series, time), band, line, dots], 300
    )


def volume(series: pl.DataFrame, unit: Unit, hidden: str) -> alt.LayerChart:
    """Posts over time, stacked by label; what was not scored stands on top.

    Args:
        series: as ``queries.series`` gives it.
        unit: what a row of it is.
        hidden: what is said of hidden stretches.
    """
    time, labels = _time_axis(series, unit), list(_STACK)
    stacked = (
        series.filter(pl.col("posts") > 0)
        .with_columns((pl.col("posts") - pl.col("scored")).alias("not scored"), when=_when(unit))
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
                scale=alt.Scale(domain=labels, range=list(_STACK.values())),
                legend=_legend(),
            ),
            tooltip=[
                alt.Tooltip("when:N", title="UTC"),
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
    return _finish([*_marks(series, time, unit, hidden), bars, _zero_line(series, time)], 300)


def topics(rows: pl.DataFrame) -> alt.LayerChart:
    """Each published topic's mean beside its mean of the seven days before.

    Args:
        rows: as ``queries.topics`` gives them.
    """
    shown = rows.filter(pl.col("sentiment_mean").is_not_null()).with_columns(
        label=pl.format("{} (n {})", _short("topic"), "scored")
    )
    base = alt.Chart(shown).encode(
        y=alt.Y("label:N", sort=shown["label"].to_list(), title=None, axis=_names()),
    )
    tooltip = [
        alt.Tooltip("topic:N"),
        alt.Tooltip("sentiment_mean:Q", title="mean", format="+.3f"),
        alt.Tooltip("scored:Q", title="scored posts (n)", format=","),
        alt.Tooltip("trailing_mean:Q", title="mean of 7 days before", format="+.3f"),
        alt.Tooltip("trailing_scored:Q", title="its scored posts (n)", format=","),
        alt.Tooltip("change_z:Q", title="z", format="+.1f"),
    ]
    kinds = alt.Scale(domain=["this day", "7 days before"], range=[POSITIVE, NEUTRAL])
    color = alt.Color("kind:N", scale=kinds, legend=_legend())
    # One axis for both values: a title for each layer would be joined by a comma.
    axis = alt.Axis(format="+.2f", tickCount=4, title="mean sentiment")
    path = base.mark_rule(color=NEUTRAL, strokeWidth=2).encode(
        x=alt.X("trailing_mean:Q", axis=axis), x2="sentiment_mean:Q"
    )
    before = (
        base.transform_filter("isValid(datum.trailing_mean)")
        .transform_calculate(kind="'7 days before'")
        .mark_circle(size=70, opacity=1)
        .encode(
            x=alt.X("trailing_mean:Q", axis=axis),
            color=color,
            tooltip=tooltip,
        )
    )
    today = (
        base.transform_calculate(kind="'this day'")
        .mark_circle(size=110, opacity=1)
        .encode(x=alt.X("sentiment_mean:Q", axis=axis), color=color, tooltip=tooltip)
    )
    zero = alt.Chart(pl.DataFrame({"x": [0]})).mark_rule(color=_INK, opacity=0.5).encode(x="x:Q")
    return _finish([zero, path, before, today], 34 * shown.height + 110)


def hashtags(rows: pl.DataFrame) -> alt.LayerChart:
    """Hashtags by posts, coloured by whether their mean is negative, neutral or positive.

    Args:
        rows: as ``queries.hashtags`` gives them.
    """
    mean = pl.col("sentiment_mean")
    shown = rows.with_columns(
        label=pl.format("#{}", _short("topic")),
        tone=pl.when(mean.is_null())
        .then(pl.lit("not scored"))
        .when(mean <= -_NEUTRAL_BELOW)
        .then(pl.lit("negative"))
        .when(mean >= _NEUTRAL_BELOW)
        .then(pl.lit("positive"))
        .otherwise(pl.lit("neutral")),
        figures=pl.Series([_posts_and_mean(row) for row in rows.iter_rows(named=True)]),
    )
    present = [tone for tone in _STACK if tone in shown["tone"]]
    largest = shown["posts"].max()
    # The figures stand right of the bars and must fit beside the longest.
    room = alt.Scale(domain=[0, largest * 1.6 if isinstance(largest, int) else 1])
    base = alt.Chart(shown).encode(
        y=alt.Y("label:N", sort=shown["label"].to_list(), title=None, axis=_names()),
        x=alt.X("posts:Q", scale=room, axis=None),
    )
    bars = base.mark_bar().encode(
        color=alt.Color(
            "tone:N",
            scale=alt.Scale(domain=present, range=[_STACK[tone] for tone in present]),
            legend=_legend(),
        ),
        tooltip=[
            alt.Tooltip("topic:N", title="hashtag"),
            alt.Tooltip("posts:Q", format=","),
            alt.Tooltip("scored:Q", title="scored posts (n)", format=","),
            alt.Tooltip("sentiment_mean:Q", title="mean", format="+.3f"),
            alt.Tooltip("days:Q", title="days published"),
        ],
    )
    figures = base.mark_text(align="left", dx=5, color=_INK).encode(text="figures:N")
    return _finish([bars, figures], 28 * shown.height + 80)


def _posts_and_mean(row: dict[str, Any]) -> str:
    mean = row["sentiment_mean"]
    return f"{row['posts']:,} · " + ("not scored" if mean is None else f"{mean:+.2f}")


def _marks(series: pl.DataFrame, time: alt.X, unit: Unit, hidden: str) -> list[alt.Chart]:
    """Bands behind the stretches that were not fetched whole or are hidden; none is no layer."""
    stretches = (
        series.with_columns(
            state=pl.when("suppressed")
            .then(pl.lit(hidden))
            .when(pl.col("fetched_share") < 1)
            .then(pl.lit(_PARTIAL))
        )
        .group_by(pl.col("state").rle_id().alias("stretch"), maintain_order=True)
        .agg(pl.col("state").first(), pl.col("start").min(), pl.col("end").max())
        .filter(pl.col("state").is_not_null())
        .select("state", "start", "end")
    )
    if stretches.is_empty():
        return []
    marked = {_PARTIAL: _PARTIAL_COLOR, hidden: _HIDDEN_COLOR}
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
                legend=_legend("bottom"),
            ),
            tooltip=alt.Tooltip(
                "state:N", title="these 5 minutes" if unit == "slot" else f"these {unit}s"
            ),
        )
    ]


def _when(unit: Unit) -> pl.Expr:
    return pl.col("start").dt.strftime("%a %d %b %Y" + ("" if unit == "day" else " %H:%M"))


def _zero_line(series: pl.DataFrame, time: alt.X) -> alt.Chart:
    """A line over the whole series, which makes the time axes of its charts alike."""
    line = series.select(pl.col("start").min(), pl.col("end").max(), zero=0)
    chart = alt.Chart(line).mark_rule(color=_INK, opacity=0.5)
    return cast(alt.Chart, chart.encode(x=time, x2="end:T", y="zero:Q"))


def _time_axis(series: pl.DataFrame, unit: Unit) -> alt.X:
    ticks: dict[str, Any]
    day = "utcFormat(datum.value, '%a %-d %b')"
    # About a label every 90 pixels, on a telephone as on a wall.
    label, ticks = day, {"tickCount": alt.ExprRef("max(2, round(width / 90))")}
    if unit == "day":
        # A day's name stands below its middle. Vega-Lite takes plain numbers for years here.
        days = [
            alt.DateTime(year=day.year, month=day.month, date=day.day, hours=12, utc=True)
            for day in series["start"]
        ]
        ticks = {"values": days}
    else:
        # Midnight has a day's name instead.
        clock = "utchours(datum.value) || utcminutes(datum.value)"
        label = f"{clock} ? utcFormat(datum.value, '%H:%M') : {day}"
    return alt.X(
        "start:T",
        scale=alt.Scale(type="utc", nice=False),
        axis=alt.Axis(
            title="5 minutes (UTC)" if unit == "slot" else f"{unit} (UTC)",
            labelExpr=label,
            labelOverlap="greedy",
            labelSeparation=8,
            grid=False,
            **ticks,
        ),
    )


def _legend(orient: Literal["top", "bottom"] = "top") -> alt.Legend:
    # What is said of stretches, below, is too long for two beside each other on a telephone.
    narrow = 2 if orient == "top" else 1
    return alt.Legend(
        orient=orient,
        direction="horizontal",
        columns=alt.ExprRef(f"width < 400 ? {narrow} : 4"),
        title=None,
        labelLimit=0,
        symbolType="square",
        symbolOpacity=1,
        symbolSize=90,
        symbolStrokeWidth=0,
    )


def _names() -> alt.Axis:
    return alt.Axis(labelLimit=0, labelOverlap=False, ticks=False, domain=False)


def _short(column: str) -> pl.Expr:
    name = pl.col(column)
    return (
        pl.when(name.str.len_chars() > _LONGEST_LABEL)
        .then(name.str.slice(0, _LONGEST_LABEL - 1) + "…")
        .otherwise(name)
    )


def _finish(layers: list[alt.Chart], height: int) -> alt.LayerChart:
    # Words at the edges need a few pixels outside of the marks.
    around = {"left": 8, "right": 14, "top": 10, "bottom": 8}
    chart = alt.LayerChart(layer=layers, height=height, padding=around)
    return cast(alt.LayerChart, chart.configure_view(stroke=None))
