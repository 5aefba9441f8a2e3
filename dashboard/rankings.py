"""Rankings: topics, hashtags, platforms and languages beside each other.

What belongs here: marks, scales, tooltips of charts whose rows have names. Columns are those of
``queries``.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from dashboard.chart_parts import (
    INK,
    NEUTRAL,
    POSITIVE,
    finish,
    legend,
    names,
    platform_scales,
    short,
)
from dashboard.charts import STACK
from sentiment_assets.core.platforms import PLATFORMS

# VADER's own bounds of a neutral text.
_NEUTRAL_BELOW = 0.05


def topics(rows: pl.DataFrame) -> alt.LayerChart:
    """Each published topic's mean beside its mean of the seven days before.

    Args:
        rows: as ``queries.topics`` gives them.
    """
    shown = rows.filter(pl.col("sentiment_mean").is_not_null()).with_columns(
        label=pl.format("{} (n {})", short("topic"), "scored")
    )
    base = alt.Chart(shown).encode(
        y=alt.Y("label:N", sort=shown["label"].to_list(), title=None, axis=names()),
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
    color = alt.Color("kind:N", scale=kinds, legend=legend())
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
    zero = alt.Chart(pl.DataFrame({"x": [0]})).mark_rule(color=INK, opacity=0.5).encode(x="x:Q")
    return finish([zero, path, before, today], 34 * shown.height + 110)


def hashtags(rows: pl.DataFrame) -> alt.LayerChart:
    """Hashtags by posts, coloured by whether their mean is negative, neutral or positive.

    Args:
        rows: as ``queries.hashtags`` gives them.
    """
    return _bars(rows, "#{}", "hashtag")


def _bars(rows: pl.DataFrame, spelled: str, what: str) -> alt.LayerChart:
    """Names by posts, with posts and mean in words beside each bar."""
    mean = pl.col("sentiment_mean")
    shown = rows.with_columns(
        label=pl.format(spelled, short("topic")),
        tone=pl.when(mean.is_null())
        .then(pl.lit("not scored"))
        .when(mean <= -_NEUTRAL_BELOW)
        .then(pl.lit("negative"))
        .when(mean >= _NEUTRAL_BELOW)
        .then(pl.lit("positive"))
        .otherwise(pl.lit("neutral")),
        figures=pl.Series([_posts_and_mean(row) for row in rows.iter_rows(named=True)]),
    )
    present = [tone for tone in STACK if tone in shown["tone"]]
    largest = shown["posts"].max()
    # The figures stand right of the bars and must fit beside the longest.
    room = alt.Scale(domain=[0, largest * 1.6 if isinstance(largest, int) else 1])
    base = alt.Chart(shown).encode(
        y=alt.Y("label:N", sort=shown["label"].to_list(), title=None, axis=names()),
        x=alt.X("posts:Q", scale=room, axis=None),
    )
    bars = base.mark_bar().encode(
        color=alt.Color(
            "tone:N",
            scale=alt.Scale(domain=present, range=[STACK[tone] for tone in present]),
            legend=legend(),
        ),
        tooltip=[
            alt.Tooltip("topic:N", title=what),
            alt.Tooltip("posts:Q", format=","),
            alt.Tooltip("scored:Q", title="scored posts (n)", format=","),
            alt.Tooltip("sentiment_mean:Q", title="mean", format="+.3f"),
            alt.Tooltip("days:Q", title="days published"),
        ],
    )
    figures = base.mark_text(align="left", dx=5, color=INK).encode(text="figures:N")
    return finish([bars, figures], 28 * shown.height + 80)


def _posts_and_mean(row: dict[str, Any]) -> str:
    mean = row["sentiment_mean"]
    return f"{row['posts']:,} · " + ("not scored" if mean is None else f"{mean:+.2f}")


def voice(rows: pl.DataFrame, most: int = 10) -> alt.LayerChart:
    """Share of voice: a row a topic, a mark a platform, told apart by colour and by shape.

    Args:
        rows: as ``queries.voice`` gives them.
        most: topics that are drawn, those with the largest share on any platform.
    """
    shown = rows.filter(pl.col("voice_share").is_not_null()).with_columns(
        title=_titles(), label=_own_name()
    )
    order = (
        shown.group_by("label")
        .agg(pl.col("voice_share").max())
        .sort("voice_share", "label", descending=[True, False])
        .head(most)["label"]
        .to_list()
    )
    shown = shown.filter(pl.col("label").is_in(order))
    base = alt.Chart(shown).encode(y=alt.Y("label:N", sort=order, title=None, axis=_lined()))
    axis = alt.Axis(format="%", tickCount=4, title="share of voice", grid=False)
    marks = base.mark_point(filled=True, size=90, opacity=0.9).encode(
        x=alt.X("voice_share:Q", axis=axis, scale=alt.Scale(zero=True)),
        **_by_platform(shown),
        tooltip=[
            alt.Tooltip("title:N", title="platform"),
            alt.Tooltip("topic:N"),
            alt.Tooltip("voice_share:Q", title="share of voice", format=".1%"),
            alt.Tooltip("trailing_voice_share:Q", title="of 7 days before", format=".1%"),
            alt.Tooltip("voice_change_z:Q", title="z of the change", format="+.1f"),
            alt.Tooltip("posts:Q", title="posts (n)", format=","),
            alt.Tooltip("day_share:Q", title="share of all posts", format=".1%"),
            alt.Tooltip("fetched_share:Q", title="fetched", format=".1%"),
        ],
    )
    return finish([marks], 30 * len(order) + 110)


def platforms(totals: pl.DataFrame) -> alt.LayerChart:
    """Each platform's mean with one standard error to each side, and weighted by engagement.

    Args:
        totals: as ``queries.platform_totals`` gives them.
    """
    shown = totals.filter(pl.col("sentiment_mean").is_not_null()).with_columns(
        label=pl.format("{} (n {})", _titles(), "scored"),
        low=pl.col("sentiment_mean") - pl.col("sentiment_standard_error").fill_null(0),
        high=pl.col("sentiment_mean") + pl.col("sentiment_standard_error").fill_null(0),
    )
    base = alt.Chart(shown).encode(
        y=alt.Y("label:N", sort=shown["label"].to_list(), title=None, axis=_lined())
    )
    axis = alt.Axis(format="+.2f", tickCount=4, title="mean sentiment", grid=False)
    kinds = ["each post alike", "weighted by engagement"]
    color = alt.Scale(domain=kinds, range=[POSITIVE, INK])
    shape = alt.Scale(domain=kinds, range=["circle", "diamond"])
    tooltip = [
        alt.Tooltip("label:N", title="platform"),
        alt.Tooltip("sentiment_mean:Q", title="mean", format="+.3f"),
        alt.Tooltip("sentiment_standard_error:Q", title="standard error", format=".3f"),
        alt.Tooltip("engagement_sentiment_mean:Q", title="weighted", format="+.3f"),
        alt.Tooltip("scored:Q", title="scored posts (n)", format=","),
        alt.Tooltip("fetched_share:Q", title="fetched", format=".1%"),
    ]

    def dots(column: str, kind: str) -> alt.Chart:
        drawn: alt.Chart = (
            base.transform_filter(f"isValid(datum.{column})")
            .transform_calculate(kind=f"'{kind}'")
            .mark_point(filled=True, size=110, opacity=1)
            .encode(
                x=alt.X(f"{column}:Q", axis=axis),
                color=alt.Color("kind:N", scale=color, legend=legend(shapes=True, narrow=1)),
                shape=alt.Shape("kind:N", scale=shape, legend=legend(shapes=True, narrow=1)),
                tooltip=tooltip,
            )
        )
        return drawn

    error = base.mark_rule(color=POSITIVE, strokeWidth=2).encode(
        x=alt.X("low:Q", axis=axis), x2="high:Q"
    )
    zero = alt.Chart(pl.DataFrame({"x": [0]})).mark_rule(color=INK, opacity=0.5).encode(x="x:Q")
    layers = [
        zero,
        error,
        dots("engagement_sentiment_mean", kinds[1]),
        dots("sentiment_mean", kinds[0]),
    ]
    return finish(layers, 44 * shown.height + 110)


def languages(rows: pl.DataFrame) -> alt.LayerChart:
    """Languages by posts, coloured by whether their mean is negative, neutral or positive.

    Args:
        rows: as ``queries.languages`` gives them.
    """
    return _bars(rows.rename({"lang": "topic"}), "{}", "language")


def labels(totals: pl.DataFrame) -> alt.LayerChart:
    """What became of the posts of each platform: scored, or why not, in shares.

    Args:
        totals: sums of ``queries.coverage`` by platform.
    """
    kinds = {
        "scored": ("scored", POSITIVE),
        "unscored_no_text": ("no text", "#dde2e7"),
        "unscored_language_unknown": ("language unclear", "#E69F00"),
        "unscored_language_not_supported": ("language not supported", "#5b6670"),
    }
    words = {column: word for column, (word, _) in kinds.items()}
    stacked = (
        totals.with_columns(title=_titles())
        .unpivot(list(kinds), index=["title", "posts"], variable_name="kind", value_name="count")
        .filter(pl.col("posts") > 0)
        .with_columns(
            pl.col("kind").replace_strict(words),
            share=pl.col("count") / pl.col("posts"),
            place=pl.col("kind").replace_strict({k: i for i, k in enumerate(kinds)}),
        )
    )
    order = totals.with_columns(title=_titles())["title"].to_list()
    bars = (
        alt.Chart(stacked)
        .mark_bar(stroke="white", strokeWidth=1)
        .encode(
            y=alt.Y("title:N", sort=order, title=None, axis=names()),
            x=alt.X("share:Q", stack="zero", axis=alt.Axis(format="%", tickCount=4, title="posts")),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(
                    domain=list(words.values()), range=[color for _, color in kinds.values()]
                ),
                legend=legend(narrow=1),
            ),
            order="place:Q",
            tooltip=[
                alt.Tooltip("title:N", title="platform"),
                alt.Tooltip("kind:N", title="posts"),
                alt.Tooltip("count:Q", title="how many", format=","),
                alt.Tooltip("posts:Q", title="posts in all (n)", format=","),
                alt.Tooltip("share:Q", title="share", format=".1%"),
            ],
        )
    )
    return finish([bars], 40 * len(order) + 120)


def _titles() -> pl.Expr:
    titles = {name: known.title for name, known in PLATFORMS.items()}
    return pl.col("platform").replace_strict(titles, default=pl.col("platform"))


def _own_name() -> pl.Expr:
    """A topic, told to be one's own where reference/brands says so."""
    own = pl.col("own").fill_null(False)
    return pl.when(own).then(pl.format("{} (own)", short("topic"))).otherwise(short("topic"))


def _by_platform(rows: pl.DataFrame) -> dict[str, Any]:
    color, shape = platform_scales([name for name in PLATFORMS if name in rows["platform"]])
    return {
        "color": alt.Color("title:N", scale=color, legend=legend(shapes=True)),
        "shape": alt.Shape("title:N", scale=shape, legend=legend(shapes=True)),
    }


def _lined() -> alt.Axis:
    return alt.Axis(labelLimit=0, labelOverlap=False, ticks=False, domain=False, grid=True)
