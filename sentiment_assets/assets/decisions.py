"""Gold assets for decisions: languages, weeks, share of voice, rising topics, calendar days.

What belongs here: reading the tables that they are made of, and noting what was read. All but the
languages are made of other gold; two join what a team keeps (``assets.reference``), and do without
it where there is none.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

import dagster as dg
import polars as pl

from sentiment_assets.assets.describe import asset_key
from sentiment_assets.assets.gold import (
    MinAuthors,
    begin,
    coverage_of,
    gold_asset,
    looking_back,
    posts_of,
    staged,
    values_of,
    with_trailing_days,
)
from sentiment_assets.consumed import CONSUMED, newest_events
from sentiment_assets.core import gold, gold_weeks
from sentiment_assets.core.contracts import (
    BRANDS,
    CALENDAR,
    CALENDAR_DAYS,
    DAILY_SUMMARY,
    HOLIDAYS,
    LANGUAGE_SENTIMENT,
    MARKETS,
    REFERENCE_CONTRACTS,
    RISING_TOPICS,
    TOPIC_SENTIMENT,
    TOPIC_VOICE,
    WEEKLY_SENTIMENT,
    Contract,
)
from sentiment_assets.core.gold_calendar import Kept, calendar_days
from sentiment_assets.core.gold_languages import LANGUAGE_COLUMNS, language_sentiment
from sentiment_assets.core.gold_rising import rising_topics
from sentiment_assets.core.gold_voice import topic_voice
from sentiment_assets.core.gold_weeks import weekly_sentiment
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.periods import week_of
from sentiment_assets.core.reference import fingerprint
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.staged import StagedTable
from sentiment_assets.lake.tables import Replacement
from sentiment_assets.partitions import multi_key, partitions_of
from sentiment_assets.reference_changes import JOINED, newest_reference_event

History = Callable[[Sequence[PostPartition]], list[PostPartition]]

_DAYS = (DAILY_SUMMARY, TOPIC_SENTIMENT)


@gold_asset(LANGUAGE_SENTIMENT)
def language_sentiment_asset(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    min_authors: dg.ResourceParam[MinAuthors],
) -> StagedTable:
    """Sentiment of every language of a day."""
    partitions = partitions_of(context)
    replacement = begin(context, lake, LANGUAGE_SENTIMENT, partitions)
    frame = language_sentiment(
        posts_of(lake, partitions, LANGUAGE_COLUMNS), coverage_of(lake, partitions), min_authors
    )
    columns = ["date", "platform", "lang", "posts", "scored", "sentiment_mean", "suppressed"]
    return staged(context, replacement, frame, partitions, columns)


@gold_asset(WEEKLY_SENTIMENT, deps=looking_back(gold_weeks.MOST_DAYS_BACK, *_DAYS))
def weekly_sentiment_asset(
    context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]
) -> StagedTable:
    """The week to date, against the week before."""
    partitions = partitions_of(context)
    replacement, history = _begin_over_days(context, lake, WEEKLY_SENTIMENT, with_weeks)
    frame = weekly_sentiment(*_of_days(lake, history), partitions)
    columns = [
        "date", "platform", "topic", "week_start", "days_shown", "posts", "sentiment_mean",
        "change", "change_z",
    ]  # fmt: skip
    return staged(context, replacement, frame, partitions, columns)


@gold_asset(TOPIC_VOICE, deps=[*looking_back(gold.TRAILING_DAYS, *_DAYS), asset_key(BRANDS.name)])
def topic_voice_asset(
    context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]
) -> StagedTable:
    """Whose voice is loud among the tracked topics."""
    partitions = partitions_of(context)
    replacement, history = _begin_over_days(context, lake, TOPIC_VOICE, with_trailing_days)
    kept, versions = _kept(lake, TOPIC_VOICE)
    brands = kept[BRANDS.name].lazy()
    frame = topic_voice(*_of_days(lake, history), brands, partitions)
    columns = [
        "date", "platform", "topic", "brand", "posts", "voice_share", "trailing_voice_share",
        "voice_change_z", "sentiment_mean",
    ]  # fmt: skip
    return _told(context, staged(context, replacement, frame, partitions, columns), versions)


@gold_asset(RISING_TOPICS, deps=looking_back(gold.TRAILING_DAYS, *_DAYS))
def rising_topics_asset(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    min_authors: dg.ResourceParam[MinAuthors],
) -> StagedTable:
    """Topics and hashtags whose volume grew."""
    partitions = partitions_of(context)
    replacement, history = _begin_over_days(context, lake, RISING_TOPICS, with_trailing_days)
    frame = rising_topics(*_of_days(lake, history), partitions, min_authors)
    columns = [
        "date", "platform", "rank", "topic_kind", "topic", "posts", "expected_posts", "growth",
        "growth_z", "rising",
    ]  # fmt: skip
    return staged(context, replacement, frame, partitions, columns, most_first="growth_z")


@gold_asset(
    CALENDAR_DAYS,
    deps=[
        *looking_back(gold.TRAILING_DAYS, DAILY_SUMMARY),
        *(asset_key(table.name) for table in (CALENDAR, HOLIDAYS, MARKETS)),
    ],
)
def calendar_days_asset(
    context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]
) -> StagedTable:
    """What else went on."""
    partitions = partitions_of(context)
    replacement, history = _begin_over_days(
        context, lake, CALENDAR_DAYS, with_trailing_days, (DAILY_SUMMARY,)
    )
    kept, versions = _kept(lake, CALENDAR_DAYS)
    frame = calendar_days(
        lake.table(DAILY_SUMMARY).scan(values_of(history)),
        Kept(kept[CALENDAR.name], kept[HOLIDAYS.name], kept[MARKETS.name]),
        partitions,
    )
    columns = ["date", "platform", "kind", "name", "topic", "market", "note", "source"]
    return _told(context, staged(context, replacement, frame, partitions, columns), versions)


DECISIONS = [
    language_sentiment_asset,
    weekly_sentiment_asset,
    topic_voice_asset,
    rising_topics_asset,
    calendar_days_asset,
]


def with_weeks(partitions: Sequence[PostPartition]) -> list[PostPartition]:
    """The partitions, the days before each in its week, and the whole week before that."""
    found = set()
    for partition in partitions:
        date = week_of(partition.date).first - dt.timedelta(days=7)
        while date <= partition.date:
            found.add(PostPartition(date, partition.platform))
            date += dt.timedelta(days=1)
    return sorted(found)


def _begin_over_days(
    context: dg.AssetExecutionContext,
    lake: Lake,
    contract: Contract,
    with_days: History,
    upstream: Sequence[Contract] = _DAYS,
) -> tuple[Replacement, list[PostPartition]]:
    """Note what is about to be read of other gold and of reference tables, then pin the table.

    Returns:
        The replacement, and the days that the partitions are made of.
    """
    partitions = partitions_of(context)
    history = with_days(partitions)
    joined = (
        newest_reference_event(context.instance, contract.name) if contract.name in JOINED else 0
    )
    events = [newest_events(context.instance, asset_key(table.name), history) for table in upstream]
    for partition in partitions:
        days = with_days([partition])
        newest = max((of.get(day, 0) for of in events for day in days), default=0)
        context.add_asset_metadata(
            {CONSUMED: max(newest, joined)}, partition_key=multi_key(partition)
        )
    return lake.table(contract).begin(values_of(partitions), context.run.run_id), history


def _of_days(lake: Lake, history: Sequence[PostPartition]) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Days and their topics."""
    summaries, topics = (lake.table(table).scan(values_of(history)) for table in _DAYS)
    return summaries, topics


def _kept(lake: Lake, contract: Contract) -> tuple[Mapping[str, pl.DataFrame], dict[str, str]]:
    """What a gold table joins: rows by table, and which version of each they are."""
    rows, versions = {}, {}
    for name in JOINED[contract.name]:
        table = lake.table(REFERENCE_CONTRACTS[name]).as_of_now()
        rows[name] = table.scan().collect()
        if table.exists():
            versions[name] = f"version {table.version}, content {fingerprint(rows[name])[:12]}"
        else:
            versions[name] = "none"
    return rows, versions


def _told(
    context: dg.AssetExecutionContext, made: StagedTable, versions: Mapping[str, str]
) -> StagedTable:
    """The same, with the versions of what was joined on every partition and in the table's log."""
    for partition in partitions_of(context):
        context.add_asset_metadata(dict(versions), partition_key=multi_key(partition))
    return StagedTable(made.replacement, made.fingerprints, {**made.metadata, **versions})
