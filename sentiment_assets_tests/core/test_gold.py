"""Gold figures against hand computation, in any order and partition, and what must stay hidden."""

from __future__ import annotations

import datetime as dt
import math
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_assets.core import gold
from sentiment_assets.core.contracts import (
    DAILY_SUMMARY,
    DAILY_TREND,
    HOURLY_SENTIMENT,
    SILVER_POSTS,
    SILVER_QUARANTINE,
    TOPIC_SENTIMENT,
    Contract,
)
from sentiment_assets.core.coverage import State, WindowCoverage
from sentiment_assets.core.layout import PostPartition, Window, windows_of

UTC = dt.timezone.utc
DAY = PostPartition(dt.date(2026, 11, 23), "x")
POST_SCHEMA = pa.schema([SILVER_POSTS.schema.field(name) for name in gold.POST_COLUMNS])


def at(hour: int, day: PostPartition = DAY) -> dt.datetime:
    return dt.datetime.combine(day.date, dt.time(hour), tzinfo=UTC)


def post(
    author: str | None, hour: int = 8, compound: float | None = 0.0, **more: Any
) -> dict[str, Any]:
    """What the aggregates read of a silver row."""
    partition: PostPartition = more.pop("partition", DAY)
    label = None
    if compound is not None:
        label = "positive" if compound >= 0.05 else "negative" if compound <= -0.05 else "neutral"
    return {
        "date": partition.date,
        "platform": partition.platform,
        "post_pid": f"{author}-{hour}-{compound}-{len(more)}",
        "author_pid": author,
        "created_hour": at(hour, partition),
        "topics": [],
        "hashtags": [],
        "like_count": None,
        "reply_count": None,
        "repost_count": None,
        "late": False,
        "sentiment_compound": compound,
        "sentiment_label": label,
        "unscored_reason": None if compound is not None else "no_text",
        "redactions": [],
        "observation_count": 1,
        "scorer": "vader",
        "scorer_version": "3.3.2",
        "recipe": "r1",
    } | more


def frame(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(pa.Table.from_pylist(list(rows), schema=POST_SCHEMA)))


def crowd(hour: int, size: int, compound: float = 0.5, **more: Any) -> list[dict[str, Any]]:
    """Posts of ``size`` authors who post in no other hour."""
    return [post(f"h{hour}a{n}", hour, compound, **more) for n in range(size)]


def coverage(*spans: tuple[int, float], partition: PostPartition = DAY) -> gold.Coverage:
    """Windows fetched from their beginning (an even hour) up to an hour; the others never."""
    fetched = dict(spans)
    return {partition: [_window(w, fetched) for w in windows_of(partition)]}


def _window(window: Window, fetched: dict[int, float]) -> WindowCoverage:
    until = fetched.get(int(window.name[:2]))
    if until is None:
        return WindowCoverage(window, None, None, None, None, None)
    end = at(0, window.partition) + dt.timedelta(hours=until)
    state: State = "complete" if end == window.end else "partial"
    return WindowCoverage(window, state, window.start, end, None, None)


WHOLE = tuple((hour, hour + 2) for hour in range(0, 24, 2))


def hourly(rows: Sequence[dict[str, Any]], covered: gold.Coverage, least: int = 1) -> pl.DataFrame:
    return gold.hourly_sentiment(frame(rows).lazy(), covered, least)


def topics(rows: Sequence[dict[str, Any]], covered: gold.Coverage, least: int = 1) -> pl.DataFrame:
    return gold.topic_sentiment(frame(rows).lazy(), covered, least)


NO_QUARANTINE = pl.DataFrame(pl.from_arrow(SILVER_QUARANTINE.schema.empty_table()))


def summary(
    rows: Sequence[dict[str, Any]],
    covered: gold.Coverage,
    least: int = 1,
    quarantine: pl.DataFrame = NO_QUARANTINE,
) -> pl.DataFrame:
    posts = frame(rows).lazy()
    return gold.daily_summary(
        posts, quarantine.lazy(), gold.hourly_sentiment(posts, covered, least), covered, least
    )


def assert_contract(result: pl.DataFrame, contract: Contract) -> None:
    expected = pl.DataFrame(pl.from_arrow(contract.schema.empty_table())).schema
    assert result.schema == expected
    assert not any(result.select(contract.required).null_count().row(0))
    assert result.select(contract.key).is_unique().all()
    assert result.select(contract.key).equals(result.select(contract.key).sort(contract.key))


# Measures by hand

HAND = [
    post("a", compound=0.5, like_count=3, reply_count=1, repost_count=None, late=True),
    post("a", compound=-0.25, redactions=[{"kind": "email", "count": 2}]),
    post("b", compound=0.0, like_count=0),
    post("c", compound=None, like_count=100),
    post("c", compound=None, unscored_reason="language_unknown"),
    post("d", compound=None, unscored_reason="language_not_supported"),
]
HAND_MEASURES = {
    "posts": 6,
    "authors": 4,
    "scored": 3,
    "unscored_no_text": 1,
    "unscored_language_unknown": 1,
    "unscored_language_not_supported": 1,
    "redacted": 1,
    "late": 1,
    "positive": 1,
    "neutral": 1,
    "negative": 1,
    "sentiment_sum": 2500,
    "sentiment_square_sum": 5000**2 + 2500**2,
    # 1 + 3 + 1, 1 and 1: what isn't scored weighs nothing.
    "engagement_weight": 7,
    "engagement_sentiment_sum": 5 * 5000 - 2500,
}


def test_an_hour_by_hand() -> None:
    (row,) = hourly(HAND, coverage((8, 9))).to_dicts()
    assert {name: row[name] for name in HAND_MEASURES} == HAND_MEASURES
    assert row["sentiment_mean"] == pytest.approx(0.25 / 3, abs=1e-15)
    expected = statistics.stdev([0.5, -0.25, 0.0]) / math.sqrt(3)
    assert row["sentiment_standard_error"] == pytest.approx(expected, rel=1e-12)
    assert row["engagement_sentiment_mean"] == pytest.approx((0.5 * 5 - 0.25) / 7, abs=1e-15)
    assert (row["date"], row["platform"], row["hour"]) == (DAY.date, "x", at(8))
    assert (row["fetched_share"], row["suppressed"]) == (1.0, False)


@pytest.mark.parametrize(
    ("compounds", "mean", "error"),
    [
        ([None, None], None, None),
        ([0.4], 0.4, None),
        ([0.4, 0.4, 0.4], 0.4, 0.0),
        ([-1.0, 1.0], 0.0, 1.0),
    ],
)
def test_means_of_few_values(
    compounds: list[float | None], mean: float | None, error: float | None
) -> None:
    (row,) = hourly([post("a", compound=c) for c in compounds], coverage((8, 9))).to_dicts()
    assert row["sentiment_mean"] == mean
    assert row["sentiment_standard_error"] == error
    assert (row["engagement_sentiment_mean"] is None) == (mean is None)


@pytest.mark.parametrize(
    ("authors", "distinct"),
    [(["a", "b", "a"], 2), ([None, None], 0), (["a", None, None], 1), (["a", "b", None], 2)],
)
def test_a_withheld_author_counts_as_none(authors: list[str | None], distinct: int) -> None:
    (row,) = hourly([post(a) for a in authors], coverage((8, 9)), least=0).to_dicts()
    assert (row["posts"], row["authors"]) == (len(authors), distinct)


def test_hours_that_were_fetched_or_have_posts() -> None:
    rows = [post("a", 3), post("b", 9)]
    result = hourly(rows, coverage((0, 0.5), (2, 3), (8, 10), (10, 10)))
    assert_contract(result, HOURLY_SENTIMENT)
    assert [(r["hour"].hour, r["posts"], r["fetched_share"]) for r in result.to_dicts()] == [
        (0, 0, 0.5),
        (2, 0, 1.0),
        # Posts that came with another window's fetch.
        (3, 1, 0.0),
        (8, 0, 1.0),
        (9, 1, 1.0),
    ]


def test_a_post_counts_in_each_of_its_topics() -> None:
    rows = [
        post("a", compound=0.6, topics=["outage", "pricing"], hashtags=["nimbus"]),
        post("b", compound=0.2, topics=["outage"], hashtags=["nimbus", "pricing"]),
        post("c", compound=-0.9),
    ]
    result = topics(rows, coverage((0, 2), (2, 4), (8, 10)))
    assert_contract(result, TOPIC_SENTIMENT)
    assert [
        (r["topic_kind"], r["topic"], r["posts"], r["sentiment_sum"], r["fetched_share"])
        for r in result.to_dicts()
    ] == [
        ("hashtag", "nimbus", 2, 8000, 0.25),
        ("hashtag", "pricing", 1, 2000, 0.25),
        ("tracked", "outage", 2, 8000, 0.25),
        ("tracked", "pricing", 1, 6000, 0.25),
    ]


def test_a_hashtag_of_few_is_gone_and_a_topic_of_few_is_blank() -> None:
    rows = [post(name, topics=["outage"], hashtags=["jane_roe"]) for name in "ab"]
    rows += [post(name, topics=["pricing"], hashtags=["nimbus"]) for name in "abc"]
    rows += [post(name) for name in "def"]
    result = topics(rows, coverage(*WHOLE), least=3).to_dicts()
    assert [(r["topic"], r["posts"], r["suppressed"]) for r in result] == [
        ("nimbus", 3, False),
        ("outage", None, True),
        ("pricing", 3, False),
    ]


def test_sentiment_of_few_is_hidden_though_many_posted() -> None:
    """Many authors, but only two of them write a language that is scored."""
    unscored = [post(f"h8a{n}", 8, None) for n in range(5)]
    rows = [*unscored, *crowd(8, 2), *crowd(9, 9), *crowd(10, 9)]
    hours = hourly(rows, coverage((8, 10), (10, 12)), least=3)
    assert hours.filter(pl.col("hour") == at(8))["suppressed"].to_list() == [True]
    tracked = [{**row, "topics": ["outage"]} for row in [*unscored, *crowd(8, 2)]]
    (topic,) = topics([*tracked, *crowd(9, 9)], coverage(*WHOLE), least=3).to_dicts()
    assert (topic["suppressed"], topic["sentiment_mean"], topic["positive"]) == (True, None, None)
    (day,) = summary([*unscored, *crowd(8, 2)], coverage(*WHOLE), least=3).to_dicts()
    assert (day["suppressed"], day["sentiment_mean"]) == (True, None)
    assert not hourly(unscored, coverage((8, 10)), least=3)["suppressed"].any()


@pytest.mark.parametrize(
    ("rest", "hidden"),
    [
        ([], False),
        ([post("r1"), post("r2")], True),
        # One spammer's many posts are one author's.
        ([post("r1", sequence) for sequence in range(9)], True),
        ([post("r1"), post("r2"), post("r3")], False),
        # Enough authors, of whom one is scored.
        ([post("r1"), post("r2", compound=None), post("r3", compound=None)], True),
    ],
    ids=["no rest", "few", "one", "enough", "one scored"],
)
def test_a_topic_that_bares_the_rest_of_its_day_is_hidden(
    rest: list[dict[str, Any]], hidden: bool
) -> None:
    rows = [*crowd(8, 6, topics=["nimbus"], hashtags=["cloud"]), *rest]
    result = topics(rows, coverage(*WHOLE), least=3)
    assert result.filter(pl.col("topic_kind") == "tracked")["suppressed"].to_list() == [hidden]
    assert result.filter(pl.col("topic_kind") == "hashtag").height == (0 if hidden else 1)


def test_a_day_by_hand() -> None:
    rows = [
        *crowd(3, 2, 0.5),
        *crowd(8, 3, -0.5, observation_count=3),
        *crowd(9, 3, 0.5, recipe="r0", scorer="textblob", scorer_version="0.20.1"),
        *[post(f"h20a{n}", 20, None) for n in range(4)],
    ]
    quarantine = pl.DataFrame(
        {"date": [DAY.date] * 2, "platform": ["x"] * 2, "record_count": [1, 40]}
    )
    (row,) = summary(
        rows, coverage((0, 2), (2, 4), (8, 10), (10, 11)), quarantine=quarantine
    ).to_dicts()
    expected = {
        "posts": 12,
        "authors": 12,
        "scored": 8,
        "observations": 12 + 6 + 41,
        "duplicates": 6,
        "quarantined": 41,
        "windows_complete": 3,
        "windows_partial": 1,
        "windows_unavailable": 0,
        # The first of equals.
        "best_hour": at(3),
        "best_hour_mean": 0.5,
        "worst_hour": at(8),
        "worst_hour_mean": -0.5,
        "busiest_hour": at(20),
        "busiest_hour_posts": 4,
        "hidden_hours": 0,
        "recipes": ["r0", "r1"],
        "scorers": ["textblob 0.20.1", "vader 3.3.2"],
        "fetched_share": 7 / 24,
        "suppressed": False,
    }
    assert {name: row[name] for name in expected} == expected


def test_extremes_are_of_published_hours() -> None:
    rows = [*crowd(3, 1, 0.9), *crowd(4, 1, -0.9), *crowd(8, 3, 0.1), *crowd(9, 4, 0.2)]
    (row,) = summary(rows, coverage(*WHOLE), least=2).to_dicts()
    assert row["hidden_hours"] == 2
    assert (row["best_hour"], row["worst_hour"]) == (at(9), at(8))
    assert (row["busiest_hour"], row["busiest_hour_posts"]) == (at(9), 4)


def test_a_day_of_few_is_blank() -> None:
    (row,) = summary([post("a"), post("b")], coverage(*WHOLE), least=3).to_dicts()
    assert row["suppressed"]
    assert {row[name] for name in ("posts", "authors", "observations", "duplicates")} == {None}
    assert {row[name] for name in ("sentiment_mean", "best_hour", "busiest_hour_posts")} == {None}
    assert row["quarantined"] == 0


@pytest.mark.parametrize("least", [1, 10])
def test_partitions_without_posts(least: int) -> None:
    fetched = coverage((0, 2))
    assert [r["hour"].hour for r in hourly([], fetched, least).to_dicts()] == [0, 1]
    assert_contract(hourly([], fetched, least), HOURLY_SENTIMENT)
    assert_contract(topics([], fetched, least), TOPIC_SENTIMENT)
    assert topics([], fetched, least).is_empty()
    result = summary([], fetched, least)
    assert_contract(result, DAILY_SUMMARY)
    (row,) = result.to_dicts()
    assert (row["posts"], row["observations"], row["recipes"], row["scorers"]) == (0, 0, [], [])
    assert (row["suppressed"], row["best_hour"], row["hidden_hours"]) == (False, None, 0)
    assert hourly([], coverage(), least).is_empty()
    assert summary([], coverage(), least)["fetched_share"].to_list() == [0.0]
    for result in (hourly([], {}, least), topics([], {}, least), summary([], {}, least)):
        assert result.is_empty()


# Suppression


@pytest.mark.parametrize(
    ("sizes", "hidden"),
    [
        # Nothing to hide.
        ({8: 3, 9: 4}, []),
        # One hour of few: the one of the fewest authors goes with it.
        ({8: 2, 9: 5, 10: 4}, [8, 10]),
        ({8: 2, 9: 4, 10: 4}, [8, 9]),
        # Two of them that hold enough together.
        ({8: 2, 9: 1, 10: 4}, [8, 9]),
        # Two that don't.
        ({8: 1, 9: 1, 10: 4, 11: 5}, [8, 9, 10]),
        # An hour without posts hides nobody.
        ({8: 2, 10: 4}, [8, 10]),
        # A day of few is hidden itself.
        ({8: 2}, [8]),
    ],
)
def test_hours_that_are_hidden(sizes: dict[int, int], hidden: list[int]) -> None:
    rows = [row for hour, size in sizes.items() for row in crowd(hour, size)]
    result = hourly(rows, coverage(*WHOLE), least=3)
    assert_contract(result, HOURLY_SENTIMENT)
    assert [h.hour for h in result.filter("suppressed")["hour"]] == hidden
    assert result.filter("suppressed")["posts"].null_count() == len(hidden)
    assert result.filter(~pl.col("suppressed"))["posts"].null_count() == 0


def test_the_same_few_people_all_day_are_few() -> None:
    """Two hours of two people each are two people, not four."""
    rows = [post(name, hour) for hour in (8, 9) for name in "ab"]
    rows += [*crowd(10, 5), *crowd(11, 6)]
    result = hourly(rows, coverage(*WHOLE), least=3)
    assert [h.hour for h in result.filter("suppressed")["hour"]] == [8, 9, 10]


names = st.sampled_from([*"abcdef", None])
many_posts = st.lists(st.tuples(names, st.integers(0, 5)), max_size=60)


@settings(deadline=None, max_examples=30)
@given(many_posts, st.integers(1, 5))
def test_no_hidden_hour_can_be_had_by_subtraction(
    given_posts: list[tuple[str | None, int]], least: int
) -> None:
    rows = [post(author, hour) for author, hour in given_posts]
    covered = coverage((0, 2), (2, 4), (4, 6))
    hours, (day,) = hourly(rows, covered, least), summary(rows, covered, least).to_dicts()
    authors: dict[int, set[str]] = defaultdict(set)
    for author, hour in given_posts:
        authors[hour] |= {author} - {None}  # type: ignore[arg-type]
    for row in hours.filter(~pl.col("suppressed")).to_dicts():
        assert row["posts"] == 0 or len(authors[row["hour"].hour]) >= least
    hidden = {h.hour for h in hours.filter("suppressed")["hour"]}
    everyone = set().union(*authors.values())
    assert day["suppressed"] == (bool(rows) and len(everyone) < least)
    assert day["hidden_hours"] == len(hidden)
    if hidden and not day["suppressed"]:
        assert len(hidden) >= 2
        assert len(set().union(*(authors[hour] for hour in hidden))) >= least


@settings(deadline=None, max_examples=20)
@given(many_posts, st.integers(1, 5))
def test_every_shown_figure_rests_on_enough_authors(
    given_posts: list[tuple[str | None, int]], least: int
) -> None:
    rows = [
        post(author, hour, topics=[f"t{hour % 2}"], hashtags=[f"h{hour % 3}"])
        for author, hour in given_posts
    ]
    for row in topics(rows, coverage(*WHOLE), least).to_dicts():
        of = 2 if row["topic_kind"] == "tracked" else 3
        inside = [a for a, hour in given_posts if hour % of == int(row["topic"][1:])]
        rest = [a for a, hour in given_posts if hour % of != int(row["topic"][1:])]
        few = len({*inside} - {None}) < least
        bared = bool(rest) and len({*rest} - {None}) < least
        assert row["suppressed"] == (few or bared)
        assert (row["posts"] is None) == row["suppressed"]


# Any order, any split, any engine

compounds = st.none() | st.integers(-10_000, 10_000).map(lambda units: units / 10_000)
counts = st.none() | st.integers(0, 10**6)
silver_posts = st.lists(
    st.builds(
        lambda author, hour, compound, likes, late, tags: post(
            author, hour, compound, like_count=likes, late=late, topics=tags, hashtags=tags[:1]
        ),
        names,
        st.integers(0, 3),
        compounds,
        counts,
        st.booleans(),
        st.lists(st.sampled_from("pqr"), max_size=2, unique=True),
    ),
    max_size=30,
)


@settings(deadline=None, max_examples=12)
@given(silver_posts, st.randoms(use_true_random=False))
def test_any_order_of_rows_gives_the_same_bits(
    rows: list[dict[str, Any]], rng: random.Random
) -> None:
    shuffled = rng.sample(rows, len(rows))
    covered = coverage(*WHOLE)
    for make in (hourly, topics, summary):
        assert make(rows, covered, 2).equals(make(shuffled, covered, 2))


@settings(deadline=None, max_examples=8)
@given(st.lists(st.tuples(st.integers(0, 2), silver_posts), max_size=3))
def test_any_split_into_partitions_gives_the_same_bits(
    days: list[tuple[int, list[dict[str, Any]]]],
) -> None:
    partitions = [PostPartition(DAY.date + dt.timedelta(days=n), "x") for n in range(3)]
    rows = [
        row
        | {"date": partitions[n].date, "created_hour": at(row["created_hour"].hour, partitions[n])}
        for n, posts in days
        for row in posts
    ]
    covered = {p: coverage(*WHOLE, partition=p)[p] for p in partitions}
    for make in (hourly, topics, summary):
        alone = [
            make([row for row in rows if row["date"] == p.date], {p: covered[p]}, 2)
            for p in partitions
        ]
        together = make(rows, covered, 2)
        assert together.equals(pl.concat(alone).select(together.columns).sort(_key(make)))


def _key(make: Any) -> tuple[str, ...]:
    return {hourly: HOURLY_SENTIMENT, topics: TOPIC_SENTIMENT, summary: DAILY_SUMMARY}[make].key


@settings(deadline=None, max_examples=20)
@given(silver_posts)
@pytest.mark.parametrize("backend", ["pyarrow", "pandas"])
def test_another_engine_sums_the_same(backend: str, rows: list[dict[str, Any]]) -> None:
    """PySpark is no part of this environment; it runs these lines in the parity tests."""
    by = ["date", "platform", "created_hour"]
    table = pa.Table.from_pylist(rows, schema=POST_SCHEMA)
    expected = gold.aggregate(frame(rows), by).sort(by)
    if backend == "pyarrow":
        result = pl.DataFrame(pl.from_arrow(gold.aggregate(table, by)))
    else:
        arrow_backed = table.to_pandas(types_mapper=__import__("pandas").ArrowDtype)
        result = pl.from_pandas(gold.aggregate(arrow_backed, by))
    sums = [name for name in expected.columns if name not in by]
    result = result.select(
        pl.col("date").cast(pl.Date), "platform", "created_hour", pl.col(sums).cast(pl.Int64)
    ).sort(by)
    # Where nothing is scored, the sum of nothing is 0 or null, as the engine likes.
    filled = [pl.col(name).fill_null(0) for name in sums]
    assert result.with_columns(filled).rows() == expected.with_columns(filled).rows()


# Trend


def day_row(back: int, compounds: Sequence[float], **more: Any) -> dict[str, Any]:
    """What the trend reads of a day's summary, ``back`` days before DAY."""
    units = [round(c * 10_000) for c in compounds]
    return {
        "date": DAY.date - dt.timedelta(days=back),
        "platform": "x",
        "posts": len(units),
        "scored": len(units),
        "sentiment_sum": sum(units),
        "sentiment_square_sum": sum(u * u for u in units),
        "sentiment_mean": sum(units) / len(units) / 10_000 if units else None,
        "fetched_share": 1.0,
        "suppressed": False,
        "scorers": ["vader 3.3.2"],
        "authors": len(units),
        "engagement_sentiment_mean": sum(units) / len(units) / 10_000 if units else None,
    } | more


BLANK = dict.fromkeys(
    ("posts", "scored", "sentiment_sum", "sentiment_square_sum", "sentiment_mean", "authors",
     "engagement_sentiment_mean")
)  # fmt: skip


def typed(rows: Sequence[dict[str, Any]], contract: Contract) -> pl.LazyFrame:
    names = [*day_row(0, [0.0]), "topic", "topic_kind"]
    schema = pa.schema([field for field in contract.schema if field.name in names])
    return pl.DataFrame(pl.from_arrow(pa.Table.from_pylist(list(rows), schema=schema))).lazy()


def trend(
    days: Sequence[dict[str, Any]],
    of_topics: Sequence[dict[str, Any]] = (),
    partitions: Sequence[PostPartition] = (DAY,),
) -> list[dict[str, Any]]:
    result = gold.daily_trend(
        typed(days, DAILY_SUMMARY), typed(of_topics, TOPIC_SENTIMENT), partitions
    )
    assert_contract(result, DAILY_TREND)
    return result.to_dicts()


def test_a_trend_by_hand() -> None:
    today = [0.5, 0.1, -0.2, 0.4]
    before = {1: [0.0, 0.1], 3: [0.3, -0.3, -0.1], 7: [0.2]}
    days = [day_row(0, today), *(day_row(back, values) for back, values in before.items())]
    # The eighth day before is none of the seven; the day after is not before.
    days += [day_row(8, [-1.0] * 9), day_row(-1, [1.0] * 9)]
    (row,) = trend(days)
    pooled = [value for values in before.values() for value in values]
    change = statistics.mean(today) - statistics.mean(pooled)
    welch = math.sqrt(
        statistics.variance(today) / len(today) + statistics.variance(pooled) / len(pooled)
    )
    assert (row["topic"], row["posts"], row["scored"]) == ("all", 4, 4)
    assert (row["trailing_days"], row["trailing_scored"]) == (3, 6)
    assert row["trailing_mean"] == pytest.approx(statistics.mean(pooled), abs=1e-15)
    assert row["change"] == pytest.approx(change, abs=1e-15)
    assert row["change_z"] == pytest.approx(change / welch, rel=1e-12)
    assert row["volume_ratio"] == pytest.approx(4 / (6 / 3))


def test_tracked_topics_have_trends_and_hashtags_none() -> None:
    kinds = [
        {"topic": topic, "topic_kind": kind}
        for topic, kind in (("outage", "tracked"), ("nimbus", "hashtag"))
    ]
    of_topics = [
        day_row(back, values) | kind
        for back, values in ((0, [0.5, 0.7]), (1, [0.1, 0.1]))
        for kind in kinds
    ]
    rows = trend([day_row(0, [0.5]), day_row(1, [0.1])], of_topics)
    assert [(r["topic"], r["posts"], r["trailing_scored"]) for r in rows] == [
        ("all", 1, 1),
        ("outage", 2, 2),
    ]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        # Nothing before it.
        ([day_row(0, [0.5, 0.6])], {"trailing_days": 0, "trailing_mean": None, "change": None,
                                    "change_z": None, "volume_ratio": None}),
        # A hidden day tells nothing, and is told nothing of.
        ([day_row(0, [0.5, 0.6]), day_row(1, [], **BLANK, suppressed=True)],
         {"trailing_days": 0, "trailing_mean": None}),
        ([day_row(0, [], **BLANK, suppressed=True), day_row(1, [0.1, 0.2])],
         {"trailing_days": 1, "posts": None, "change": None, "change_z": None,
          "volume_ratio": None, "suppressed": True}),
        # Days without a score.
        ([day_row(0, [], posts=5), day_row(1, [0.1, 0.2])],
         {"posts": 5, "change": None, "volume_ratio": 2.5}),
        # One value has no spread: a change without a z.
        ([day_row(0, [0.5]), day_row(1, [0.1, 0.2])], {"change_z": None, "trailing_days": 1}),
        # No spread at all.
        ([day_row(0, [0.5, 0.5]), day_row(1, [0.5, 0.5])], {"change": 0.0, "change_z": None}),
        # A day hardly fetched says nothing of the usual volume.
        ([day_row(0, [0.5, 0.5]), day_row(1, [0.1] * 4), day_row(2, [0.1], fetched_share=0.5)],
         {"trailing_days": 2, "trailing_scored": 5, "volume_ratio": 0.5}),
    ],
)  # fmt: skip
def test_trends_at_the_edges(days: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    (row,) = trend(days)
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([day_row(0, [0.5]), day_row(1, [0.1])], ["vader 3.3.2"]),
        ([day_row(0, [0.5]), day_row(7, [0.1], scorers=["textblob 0.20.1"])],
         ["textblob 0.20.1", "vader 3.3.2"]),
        # What is not compared: too early, hidden, without a score, a day that follows.
        ([day_row(0, [0.5]), day_row(8, [0.1], scorers=["old"]),
          day_row(2, [], **BLANK, suppressed=True, scorers=["old"]),
          day_row(3, [], scorers=["old"]), day_row(-1, [0.1], scorers=["new"])],
         ["vader 3.3.2"]),
        # Rows of before the column was there.
        ([day_row(0, [0.5]), day_row(1, [0.1], scorers=None)], ["vader 3.3.2"]),
        ([day_row(0, [0.5], scorers=None)], None),
    ],
)  # fmt: skip
def test_a_trend_names_the_scorers_of_all_that_it_compares(
    days: list[dict[str, Any]], expected: list[str] | None
) -> None:
    (row,) = trend(days)
    assert row["scorers"] == expected


def test_only_the_days_asked_for_are_compared() -> None:
    days = [day_row(back, [0.1 * back, 0.2]) for back in range(8)]
    partitions = [PostPartition(DAY.date - dt.timedelta(days=n), "x") for n in (0, 2)]
    assert [r["date"] for r in trend(days, partitions=partitions)] == [
        p.date for p in sorted(partitions)
    ]
    assert trend([]) == []
    assert trend(days, partitions=()) == []


def test_sums_are_whole_numbers_of_ten_thousandths() -> None:
    """0.1 + 0.2 is not 0.3, in any order; 1,000 + 2,000 is 3,000."""
    rows = [post(str(n), compound=c) for n, c in enumerate([0.1, 0.2, -0.3, 0.0001] * 25)]
    (row,) = hourly(rows, coverage((8, 9))).to_dicts()
    assert row["sentiment_sum"] == 25
    assert Counter(type(row[name]) for name in HAND_MEASURES) == {int: len(HAND_MEASURES)}
