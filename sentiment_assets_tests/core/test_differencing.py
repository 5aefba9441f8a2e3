"""Nobody is found by figures: an attacker with all of gold subtracts what is shown.

The attacker must find no hidden cell, and no set of posts of too few authors; and must find them
where a protection is taken away, or the attack would prove nothing.
"""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_assets.core import gold
from sentiment_assets.core.contracts import (
    DAILY_SUMMARY,
    HOURLY_SENTIMENT,
    LANGUAGE_SENTIMENT,
    POOLED_SENTIMENT,
    TOPIC_SENTIMENT,
    WEEKLY_SENTIMENT,
    Contract,
)
from sentiment_assets.core.gold_languages import language_sentiment
from sentiment_assets.core.gold_weeks import weekly_sentiment
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.periods import week_of
from sentiment_assets_tests.core.attacker import (
    Atom,
    Measure,
    cells_found,
    figures,
    told_by_trend,
    unions_found,
)
from sentiment_assets_tests.core.test_gold import NO_QUARANTINE, WHOLE, coverage, frame, post

MEASURES: tuple[Measure, ...] = ("posts", "scored")
#: Two weeks in one month, one over the end of October, one over the end of November.
DATES = [
    *(dt.date(2026, 10, day) for day in (27, 30)),
    *(dt.date(2026, 11, day) for day in (1, 3, 4, 5, 12, 13)),
    *(dt.date(2026, 11, 30), dt.date(2026, 12, 2)),
]
SUNDAYS = [
    PostPartition(dt.date(2026, 11, 1) + dt.timedelta(weeks=weeks), "x") for weeks in range(10)
]


def on(date: dt.date) -> PostPartition:
    return PostPartition(date, "x")


def publish(
    rows: Sequence[dict[str, Any]], least: int, languages: bool = False
) -> dict[Contract, pl.DataFrame]:
    """Every gold table that is made of posts; with ``languages``, those and the weeks too."""
    posts = frame(rows).lazy()
    covered = {
        on(date): coverage(*WHOLE, partition=on(date))[on(date)]
        for date in sorted({row["date"] for row in rows})
    }
    hourly = gold.hourly_sentiment(posts, covered, least)
    topics = gold.topic_sentiment(posts, covered, least)
    daily = gold.daily_summary(posts, NO_QUARANTINE.lazy(), hourly, covered, least)
    tables = {
        HOURLY_SENTIMENT: hourly,
        TOPIC_SENTIMENT: topics,
        DAILY_SUMMARY: daily,
        POOLED_SENTIMENT: gold.pooled_sentiment(posts, daily, topics, SUNDAYS, least),
    }
    if languages:
        spoken = posts.with_columns(lang=pl.Series([row["lang"] for row in rows]))
        tables[LANGUAGE_SENTIMENT] = language_sentiment(spoken, covered, least)
        tables[WEEKLY_SENTIMENT] = weekly_sentiment(daily.lazy(), topics.lazy(), [*covered])
    return tables


def found(rows: Sequence[dict[str, Any]], least: int, languages: bool = False) -> list[str]:
    """What an attacker gets that nobody should have."""
    tables = publish(rows, least, languages)
    every = figures(tables)
    hashtags = set(
        tables[TOPIC_SENTIMENT].filter(topic_kind="hashtag").select("date", "topic").iter_rows()
    )
    posts: dict[Atom, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        tags = {f"#{tag}" for tag in row["hashtags"] if (row["date"], tag) in hashtags}
        topics = frozenset({*row["topics"], *tags})
        lang = row["lang"] if languages else ""
        posts[row["date"], row["created_hour"].hour, topics, lang].append(row)

    def inside(atoms: frozenset[Atom], measure: Measure) -> list[dict[str, Any]]:
        held = itertools.chain.from_iterable(posts.get(atom, ()) for atom in atoms)
        return [r for r in held if measure == "posts" or r["sentiment_compound"] is not None]

    told = []
    for measure in MEASURES:
        told += [
            f"{measure} of {cell.name}"
            for cell in cells_found(every, measure)
            if inside(cell.atoms, measure)
        ]
        for union in unions_found(every, measure):
            held = inside(union, measure)
            if held and len({row["author_pid"] for row in held} - {None}) < least:
                told.append(f"{measure} of few")
    return told


def people(prefix: str, size: int, date: dt.date, hour: int = 8, **more: Any) -> list[Any]:
    """A post each of some people who post nowhere else."""
    return [
        post(f"{prefix}{n}", hour, more.get("compound", 0.5), partition=on(date))
        | {name: value for name, value in more.items() if name != "compound"}
        for n in range(size)
    ]


TUE, FRI, SUN = (dt.date(2026, 11, day) for day in (3, 6, 8))
LATER = [dt.date(2026, 11, day) for day in (10, 18, 26)]


def shown_pools(rows: Sequence[dict[str, Any]], least: int) -> list[tuple[Any, ...]]:
    table = publish(rows, least)[POOLED_SENTIMENT].filter(~pl.col("suppressed"))
    return [
        (grain, topic, [day.day for day in days], posts)
        for grain, topic, days, posts in table.select("grain", "topic", "days", "posts").iter_rows()
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([*people("a", 2, TUE), *people("b", 2, FRI)], [("week", "all", [3, 6], 4)],
                     id="two days of a week"),
        pytest.param([*people("a", 2, TUE), *people("a", 2, FRI)], [], id="the same people"),
        pytest.param([*people("a", 2, TUE), *people("b", 5, FRI)], [], id="one day"),
        # One hidden day in each of three weeks: the month's.
        pytest.param([row for n, date in enumerate(LATER) for row in people(f"p{n}", 2, date)],
                     [("month", "all", [10, 18, 26], 6)], id="days of a month"),
        # A week may show its own; the month gets what is left, if that is two days.
        pytest.param(
            [row for n, date in enumerate([TUE, FRI, *LATER])
             for row in people(f"p{n}", 2, date)],
            [("week", "all", [3, 6], 4), ("month", "all", [10, 18, 26], 6)], id="both"),
        pytest.param(
            [row for n, date in enumerate([TUE, FRI, LATER[0]])
             for row in people(f"p{n}", 2, date)],
            [("week", "all", [3, 6], 4)], id="one day left for the month"),
        # Sunday 1 November closes a week of October's days: each leftover to its own month.
        pytest.param(
            [*people("a", 2, dt.date(2026, 10, 6)), *people("b", 2, dt.date(2026, 10, 31)),
             *people("c", 2, dt.date(2026, 11, 10)), *people("d", 2, dt.date(2026, 11, 18))],
            [("month", "all", [6, 31], 4), ("month", "all", [10, 18], 4)], id="month ends"),
        # A topic on shown days; the rest of those days is of enough.
        pytest.param(
            [row for n, date in enumerate([TUE, FRI]) for row in
             (*people(f"p{n}", 2, date, topics=["outage"]), *people(f"q{n}", 4, date))],
            [("week", "outage", [3, 6], 4)], id="a topic"),
        # A topic that is all of two hidden days, and not of a third: it would bare that one.
        pytest.param(
            [row for n, date in enumerate([TUE, FRI]) for row in
             people(f"p{n}", 2, date, topics=["outage"])] + people("r", 2, SUN),
            [("week", "all", [3, 6, 8], 6)], id="a topic that bares a day"),
        # Nearly all of two shown days: together they leave enough.
        pytest.param(
            [row for n, date in enumerate([TUE, FRI]) for row in
             (*people(f"p{n}", 5, date, topics=["outage"]), *people(f"q{n}", 2, date))],
            [("week", "outage", [3, 6], 10)], id="rests together"),
        pytest.param(
            [row for n, date in enumerate([TUE, FRI]) for row in
             (*people(f"p{n}", 5, date, topics=["outage"]), *people("q", 2, date))],
            [], id="the same rest"),
        # Many posted, few are scored.
        pytest.param(
            [row for n, date in enumerate([TUE, FRI]) for row in
             (*people(f"p{n}", 5, date, compound=None), *people("q", 2, date))],
            [], id="scores of few"),
        # The scores of the pool would be those of one of its days, as the other's show none.
        pytest.param(
            [*people("a", 4, TUE, topics=["outage"]), *people("b", 2, TUE, compound=None),
             *people("c", 2, FRI, compound=None, topics=["outage"]),
             *people("d", 4, FRI, compound=None)],
            [], id="scores of one day"),
        # A topic of a hidden day and of a shown one.
        pytest.param(
            [*people("a", 2, TUE, topics=["outage"]), *people("b", 2, FRI),
             *people("c", 2, SUN, topics=["outage"]), *people("d", 4, SUN)],
            [("week", "all", [3, 6], 4), ("week", "outage", [3, 8], 4)], id="days of both kinds"),
    ],
)  # fmt: skip
def test_pools(rows: list[dict[str, Any]], expected: list[tuple[Any, ...]]) -> None:
    assert shown_pools(rows, 3) == expected
    assert found(rows, 3) == []


def without_companions(cells: pl.DataFrame, posts: Any, least: int, *_: Any) -> pl.DataFrame:
    return cells.with_columns(suppressed=gold._too_few(least))


def nothing_bared(cells: pl.DataFrame, *_: Any) -> pl.DataFrame:
    return cells.clear().select(*gold._CELL, _bared=pl.lit(False))


def no_pool_bares(pools: pl.DataFrame, *_: Any) -> pl.DataFrame:
    return pools.clear().select(*gold._POOL, _bared=pl.lit(False))


@pytest.mark.parametrize(
    ("protection", "instead", "rows"),
    [
        pytest.param("hide_few_authors", without_companions,
                     [*people("a", 2, TUE, 8), *people("b", 4, TUE, 9), *people("c", 5, TUE, 10)],
                     id="one hidden hour"),
        pytest.param("hide_few_authors", without_companions,
                     [*people("a", 2, TUE, 8), *people("a", 2, TUE, 9), *people("c", 5, TUE, 10)],
                     id="two hours of the same"),
        pytest.param("_bared_by_rest", nothing_bared,
                     [*people("a", 2, TUE), *people("b", 4, TUE, topics=["outage"])],
                     id="the rest of a day"),
        pytest.param("_pools_that_bare_a_rest", no_pool_bares,
                     [*people("a", 2, TUE, topics=["outage"]), *people("b", 2, FRI),
                      *people("c", 2, SUN, topics=["outage"])],
                     id="a hidden day less a topic's pool"),
    ],
)  # fmt: skip
def test_the_attacker_gets_in_where_a_protection_is_missing(
    monkeypatch: pytest.MonkeyPatch, protection: str, instead: Any, rows: list[dict[str, Any]]
) -> None:
    assert found(rows, 3) == []
    monkeypatch.setattr(gold, protection, instead)
    assert found(rows, 3) != []


def world(chance: random.Random, least: int) -> list[dict[str, Any]]:
    """Few people who post all day and on many days; topics of some, most or all of a day."""
    rows: list[dict[str, Any]] = []
    everyone = [f"a{n}" for n in range(3 * least)]
    week = week_of(chance.choice(DATES))
    dates = [d for d in DATES if week_of(d) == week or chance.random() < 0.3]
    shares = {topic: chance.choice([0.2, 0.5, 0.9, 1.0]) for topic in ("t", "u")}
    for date in dates:
        crowd = chance.sample(everyone, min(len(everyone), chance.choice([1, least, 2 * least])))
        scored = chance.choice([0.0, 0.5, 1.0, 1.0])
        of_day = [topic for topic in shares if chance.random() < 0.7]
        for _ in range(chance.choice([1, 2, 3]) * least):
            topics = [topic for topic in of_day if chance.random() < shares[topic]]
            rows.append(
                post(
                    None if chance.random() < 0.02 else chance.choice(crowd),
                    chance.choice([8, 8, 8, 9, 10]),
                    chance.choice([-0.5, 0.0, 0.5]) if chance.random() < scored else None,
                    partition=on(date),
                    topics=topics,
                    hashtags=["h"] if chance.random() < 0.3 else [],
                )
            )
    return rows


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(2, 10))
def test_nobody_is_found_by_subtraction(seed: int, least: int) -> None:
    rows = world(random.Random(seed), least)
    assert found(rows, least) == []


def spoken_world(chance: random.Random, least: int) -> list[dict[str, Any]]:
    """A day or two of one week, in languages of many people, of few, and of the same few."""
    monday = dt.date(2026, 11, 2)
    everyone = [f"a{n}" for n in range(3 * least)]
    rows: list[dict[str, Any]] = []
    for date in chance.sample([monday, monday + dt.timedelta(days=2)], chance.choice([1, 1, 2])):
        scored = chance.choice([0.0, 0.5, 1.0])
        weights = [chance.choice([1, 1, 4, 12]) for _ in range(3)]
        shared = chance.choice([0.3, 1.0])
        for _ in range(chance.choice([2, 4, 6]) * least):
            lang = chance.choices(["en", "de", "xh"], weights)[0]
            rows.append(
                post(
                    chance.choice(everyone),
                    chance.choice([8, 8, 9]),
                    # Of most scorers' languages but one nothing is scored.
                    chance.choice([-0.5, 0.5])
                    if lang == "en" and chance.random() < scored
                    else None,
                    partition=on(date),
                    topics=["t"] if chance.random() < shared else [],
                )
                | {"lang": lang}
            )
    return rows


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(2, 10))
def test_nobody_is_found_by_languages_and_weeks(seed: int, least: int) -> None:
    rows = spoken_world(random.Random(seed), least)
    assert found(rows, least, languages=True) == []


def test_the_attacker_gets_in_where_languages_are_not_protected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [
        row | {"lang": lang}
        for lang, size in (("en", 6), ("xh", 2))
        for row in people(lang, size, TUE)
    ]
    assert found(rows, 3, languages=True) == []
    monkeypatch.setattr("sentiment_assets.core.gold_languages.hide_few_authors", bared_languages)
    assert found(rows, 3, languages=True) != []


def bared_languages(cells: pl.DataFrame, posts: Any, least: int, *_: Any, part: str) -> Any:
    return without_companions(cells, posts, least)


def test_spoken_worlds_hold_what_is_attacked() -> None:
    kinds: Counter[tuple[bool, bool]] = Counter()
    for seed in range(60):
        tables = publish(spoken_world(random.Random(seed), 3), 3, languages=True)
        days = dict(tables[DAILY_SUMMARY].select("date", "suppressed").iter_rows())
        for date, hidden in tables[LANGUAGE_SENTIMENT].select("date", "suppressed").iter_rows():
            kinds[days[date], hidden] += 1
    assert len(kinds) == 4, kinds
    assert min(kinds.values()) >= 5, kinds


def trend_of(tables: dict[Contract, pl.DataFrame]) -> pl.DataFrame:
    """``gold/daily_trend`` of every day that the tables have."""
    daily, topics = tables[DAILY_SUMMARY], tables[TOPIC_SENTIMENT]
    return gold.daily_trend(daily.lazy(), topics.lazy(), [on(date) for date in daily["date"]])


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(2, 10))
def test_a_trend_tells_nothing_of_hidden_days(seed: int, least: int) -> None:
    tables = publish(world(random.Random(seed), least), least)
    assert [*told_by_trend(trend_of(tables), tables)] == []


def test_the_attacker_gets_in_where_a_trend_knows_hidden_days() -> None:
    """Two hidden days and a shown one after them; the trend is made of what nobody hid."""
    rows = [
        *people("a", 2, TUE, compound=-0.5),
        *people("b", 4, FRI),
        *people("c", 2, SUN, topics=["outage"]),
    ]
    tables, unhidden = publish(rows, 3), publish(rows, 1)
    assert [*told_by_trend(trend_of(tables), tables)] == []
    told = {one.partition(":")[0] for one in told_by_trend(trend_of(unhidden), tables)}
    assert told == {
        "posts of the hidden day", "scored of the hidden day", "sentiment_mean of the hidden day",
        "change of the hidden day", "change_z of the hidden day",
        "volume_ratio of the hidden day", "days", "scored posts of days before",
        "sentiment of days before", "posts of days before",
    }  # fmt: skip


def test_the_worlds_hold_what_is_attacked() -> None:
    """Worlds without pools, hidden cells and topics of both kinds of days would prove little."""
    grains: Counter[tuple[str, bool, bool]] = Counter()
    for seed in range(60):
        tables = publish(world(random.Random(seed), 3), 3)
        for row in tables[POOLED_SENTIMENT].iter_rows(named=True):
            grains[row["grain"], row["topic"] == "all", row["suppressed"]] += 1
    assert len(grains) == 8, grains
    assert min(grains.values()) >= 5, grains
