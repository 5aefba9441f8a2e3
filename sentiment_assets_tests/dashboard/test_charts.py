import datetime as dt
import json

import polars as pl
import pytest

from dashboard import chart_parts, charts, queries, rankings
from dashboard.queries import Selection

HIDDEN = "hidden: fewer than 10 authors"
WEEK = Selection(dt.date(2026, 11, 17), dt.date(2026, 11, 23), "x")


def data_of(chart):
    """The rows of each layer, in the order of the layers."""
    spec = chart.to_dict()
    layers = spec["layer"]
    return [spec["datasets"][(layer.get("data") or spec["data"])["name"]] for layer in layers]


@pytest.fixture(scope="module")
def series(store):
    return queries.series(store, WEEK)


def all_charts(store):
    series = queries.series(store, WEEK)
    return {
        "sentiment": charts.sentiment(series, "hour", HIDDEN),
        "volume": charts.volume(series, "hour", HIDDEN),
        "topics": rankings.topics(queries.topics(store, WEEK)),
        "hashtags": rankings.hashtags(queries.hashtags(store, WEEK)),
    }


def test_the_line_breaks_where_nothing_is_shown(series):
    *_, line = data_of(charts.sentiment(series, "hour", HIDDEN))
    assert len(line) == series.height
    gaps = [point["when"] for point in line if point["mean"] is None]
    assert "Sat 21 Nov 2026 03:00" in gaps
    assert "Sun 22 Nov 2026 04:00" in gaps
    assert len(gaps) == 4
    shown = [point for point in line if point["mean"] is not None]
    assert all(point["low"] < point["mean"] < point["high"] for point in shown)


def test_stretches_not_fetched_whole_or_hidden_are_marked(series):
    marks = data_of(charts.sentiment(series, "hour", HIDDEN))[0]
    told = [(mark["state"], mark["start"][8:13], mark["end"][8:13]) for mark in marks]
    assert ("not fetched whole", "22T04", "22T06") in told
    assert (HIDDEN, "21T03", "21T04") in told
    assert len(told) == 3


def test_nothing_is_marked_where_all_is_known(series):
    whole = series.filter(pl.col("start").dt.day() == 18)
    assert len(charts.sentiment(whole, "hour", HIDDEN).to_dict()["layer"]) == 4


def test_the_stack_adds_up_to_the_posts(series):
    rows = pl.DataFrame(data_of(charts.volume(series, "hour", HIDDEN))[1])
    by_hour = rows.group_by("when", maintain_order=True).agg(
        pl.col("count").sum(), pl.col("posts").first(), pl.col("top").max()
    )
    assert by_hour["count"].to_list() == by_hour["posts"].to_list() == by_hour["top"].to_list()
    assert by_hour["posts"].sum() == series["posts"].sum()
    assert set(rows["label"]) == {"positive", "neutral", "negative", "not scored"}


def test_hidden_topics_are_not_drawn(store):
    rows = queries.topics(store, WEEK)
    *_, drawn = data_of(rankings.topics(rows))
    assert rows["suppressed"].any()
    assert {row["topic"] for row in drawn} == set(rows.filter(~pl.col("suppressed"))["topic"])
    assert all(f"(n {row['scored']})" in row["label"] for row in drawn)


def test_hashtags_show_posts_and_mean_and_cut_long_names(store):
    drawn = data_of(rankings.hashtags(queries.hashtags(store, WEEK)))[0]
    first = drawn[0]
    assert first["topic"] == "nimbusdown"
    assert first["tone"] == "negative"
    assert first["figures"] == f"{first['posts']:,} · {first['sentiment_mean']:+.2f}"
    assert "#a_rather_long_hashtag_t…" in {row["label"] for row in drawn}


def test_a_hashtag_without_scores():
    rows = pl.DataFrame(
        {"topic": ["bonjour"], "posts": [12], "scored": [0], "days": [1], "sentiment_mean": [None]},
        schema_overrides={"sentiment_mean": pl.Float64},
    )
    (drawn,) = data_of(rankings.hashtags(rows))[0]
    assert (drawn["tone"], drawn["figures"]) == ("not scored", "12 · not scored")


def test_time_is_utc_in_every_chart_of_time(series):
    for chart in (charts.sentiment(series, "hour", HIDDEN), charts.volume(series, "hour", HIDDEN)):
        axes = [
            layer["encoding"]["x"] for layer in chart.to_dict()["layer"] if "x" in layer["encoding"]
        ]
        assert {axis["scale"]["type"] for axis in axes} == {"utc"}
        assert {axis["axis"]["title"] for axis in axes} == {"hour (UTC)"}


@pytest.mark.parametrize("name", ["sentiment", "volume", "topics", "hashtags"])
def test_no_chart_has_a_colour_of_red_against_green(store, name):
    told = json.dumps(all_charts(store)[name].to_dict())
    for colour in ("red", "green", "#d62728", "#2ca02c"):
        assert f'"{colour}"' not in told
    assert chart_parts.POSITIVE in told
