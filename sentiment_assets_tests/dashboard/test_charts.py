import datetime as dt
import itertools
import json
import zoneinfo

import polars as pl
import pytest

from dashboard import chart_parts, charts, marks, queries, rankings
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


def axis_of_time(frame, zone):
    """Words of the axis of time, by the moment that each stands at."""
    axis = chart_parts.time_axis(frame, "hour", zone).to_dict()["axis"]
    words = json.loads(axis["labelExpr"].removesuffix("[time(datum.value)]"))
    assert json.loads(axis["values"]["expr"]) == [int(at) for at in words]
    return {
        dt.datetime.fromtimestamp(int(at) / 1000, dt.timezone.utc): word
        for at, word in words.items()
    }


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("UTC", (dt.datetime(2026, 11, 17, 0, 0), "Tue 17 Nov")),
        ("Asia/Kolkata", (dt.datetime(2026, 11, 17, 18, 30), "Wed 18 Nov")),
        ("America/New_York", (dt.datetime(2026, 11, 17, 5, 0), "Tue 17 Nov")),
    ],
)
def test_midnights_are_those_of_the_zone(series, zone, first):
    words = axis_of_time(series, zoneinfo.ZoneInfo(zone))
    at, word = first
    assert next(iter(words.items())) == (at.replace(tzinfo=dt.timezone.utc), word)


def test_hours_that_a_clock_shows_twice_are_two_hours_apart():
    zone = zoneinfo.ZoneInfo("Europe/Berlin")
    start = dt.datetime(2026, 10, 24, tzinfo=dt.timezone.utc)
    hours = [start + dt.timedelta(hours=hour) for hour in range(72)]
    frame = pl.DataFrame({"start": hours}).with_columns(end=pl.col("start") + pl.duration(hours=1))
    midnights = [at for at, word in axis_of_time(frame, zone).items() if "Oct" in word]
    assert [b - a for a, b in itertools.pairwise(midnights)] == [
        dt.timedelta(hours=25), dt.timedelta(hours=24),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def drawn(wide):
    return marks.numbered(queries.marks(wide, WEEK.span, "x", "nimbus"))


def test_every_mark_stands_in_the_line_and_in_the_list(wide, drawn):
    series = queries.series(wide, Selection(WEEK.first, WEEK.last, "x", "nimbus"))
    layers = data_of(charts.sentiment(series, "day", HIDDEN, marks=drawn))
    words = " ".join(row["word"] for layer in layers for row in layer if "word" in row)
    listed = marks.listed(drawn)
    assert drawn["number"].to_list() == [1, 2, 3, 4, 5]
    for mark in drawn.iter_rows(named=True):
        assert f"{mark['sign']}{mark['number']}" in words
        assert f"- **{mark['number']} {mark['sign']}** " in listed
    # A change of method lies between two days, an event in the middle of its own.
    at = {row["word"]: row["start"] for layer in layers for row in layer if "word" in row}
    assert at["◆2"].startswith("2026-11-20T00:00")
    assert at["▲1"].startswith("2026-11-18T12:00")
    assert next(v for k, v in at.items() if "●3" in k).startswith("2026-11-21T12:00")


def test_where_marks_are_many_changes_of_method_keep_their_numbers(drawn):
    many = pl.concat(
        [
            drawn.drop("number", "sign").with_columns(
                name=pl.format("{} {}", "name", pl.lit(copy)),
                kind=pl.when(pl.col("kind") == "method_change")
                .then("kind")
                .otherwise(pl.lit("holiday")),
            )
            for copy in range(5)
        ]
    )
    numbered = marks.numbered(many)
    kept = numbered.filter(pl.col("number").is_not_null())
    assert kept.height == marks.MOST_NUMBERED
    assert kept.filter(kind="method_change").height == many.filter(kind="method_change").height
    assert "13 marks that the lines have no room for" in marks.listed(numbered)


def test_a_platform_keeps_its_colour_and_has_a_shape_of_its_own(wide):
    cells = queries.by_day_and_platform(wide, WEEK.span, "all")
    two = cells.filter(pl.col("platform").is_in(["instagram", "linkedin"]))
    for shown in (cells, two):
        dots = charts.side_by_side(shown).to_dict()["layer"][2]["encoding"]
        color, shape = dots["color"]["scale"], dots["shape"]["scale"]
        assert color["range"][color["domain"].index("Instagram")] == "#009E73"
        assert len(set(shape["range"])) == len(shape["domain"]) == len(set(color["range"]))


def test_a_day_without_figures_breaks_the_line_of_its_platform(wide):
    cells = queries.by_day_and_platform(wide, WEEK.span, "all").filter(
        (pl.col("platform") != "x") | (pl.col("date") != dt.date(2026, 11, 19))
    )
    line = data_of(charts.side_by_side(cells))[1]
    gaps = [(row["title"], row["when"]) for row in line if row["mean"] is None]
    assert gaps == [("X", "Thu 19 Nov 2026")]


def test_figures_without_a_spread_have_no_band(series):
    bare = series.with_columns(sentiment_standard_error=pl.lit(None, pl.Float64))
    marks_of = [
        [
            layer["mark"]["type"]
            for layer in charts.sentiment(rows, "slot", HIDDEN).to_dict()["layer"]
        ]
        for rows in (series, bare)
    ]
    assert "area" in marks_of[0]
    assert "area" not in marks_of[1]
