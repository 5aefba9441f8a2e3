"""Every table once: columns, types, grain, key, owner, description, privacy class, lineage.

One contract drives the schema that is written, the audit before a commit, the asset checks,
Dagster's column metadata and the data dictionary. What belongs here: facts about tables. How rows
are made is ``core.silver`` and ``core.gold``; how they are stored is ``sentiment_assets.lake``.

``version`` moves with the columns: a nullable addition raises the minor number and migrates by
itself, anything else raises the major number and needs a backfill.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import pyarrow as pa

Privacy = Literal["none", "pseudonym", "masked_text"]

TIMESTAMP = pa.timestamp("us", tz="UTC")
STRINGS = pa.list_(pa.string())
REDACTIONS = pa.list_(pa.struct([("kind", pa.string()), ("count", pa.int32())]))


@dataclass(frozen=True)
class Column:
    """One column: ``sources`` are the upstream columns it is made of, as ``table:column``."""

    name: str
    type: pa.DataType
    description: str
    required: bool = False
    privacy: Privacy = "none"
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contract:
    """What a table promises to whoever reads it."""

    name: str
    version: str
    description: str
    grain: str
    key: tuple[str, ...]
    partition_columns: tuple[str, ...]
    owner: str
    columns: tuple[Column, ...] = field(repr=False)
    #: Columns whose minimum and maximum may stand in Delta's log. Never text, names or pseudonyms.
    statistics: tuple[str, ...] = ()

    @property
    def layer(self) -> str:
        """``bronze``, ``silver``, ``gold`` or ``reference``."""
        return self.name.split("/")[0]

    @property
    def table(self) -> str:
        """The table's name inside its layer."""
        return self.name.split("/")[1]

    @cached_property
    def schema(self) -> pa.Schema:
        """Arrow schema, partition columns included, in column order."""
        return pa.schema(
            [pa.field(c.name, c.type, nullable=not c.required) for c in self.columns]
        )

    @cached_property
    def file_schema(self) -> pa.Schema:
        """Arrow schema of one data file: partition columns stand in its path instead."""
        return pa.schema([f for f in self.schema if f.name not in self.partition_columns])

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that hold a value in every row."""
        return tuple(c.name for c in self.columns if c.required)

    def column(self, name: str) -> Column:
        """One column by name; raises KeyError for a name the contract doesn't have."""
        for candidate in self.columns:
            if candidate.name == name:
                return candidate
        raise KeyError(f"{self.name} has no column {name!r}")


def _date(sources: tuple[str, ...]) -> Column:
    return Column("date", pa.date32(), "Creation date of the posts, UTC.", True, sources=sources)


def _platform(sources: tuple[str, ...]) -> Column:
    return Column("platform", pa.string(), "Platform the posts were made on.", True, sources=sources)


_POSTS = "silver/posts"


def _from_bronze(column: str) -> tuple[str, ...]:
    return (f"bronze/batch_posts:{column}", f"bronze/stream_posts:{column}")


_BRONZE = _from_bronze("payload")


def _from_posts(*columns: str) -> tuple[str, ...]:
    return tuple(f"{_POSTS}:{column}" for column in columns)


SILVER_POSTS = Contract(
    name=_POSTS,
    version="1.0",
    description=(
        "Posts, cleaned, deduplicated, free of personal identifiers, with language and sentiment. "
        "One row is the newest observation of a post; earlier observations are counted in it."
    ),
    grain="one post (the chain of its edits)",
    key=("platform", "post_pid"),
    partition_columns=("date", "platform", "window"),
    owner="team:data-platform",
    statistics=("created_hour", "sentiment_compound"),
    columns=(
        _date(_BRONZE),
        _platform(_from_bronze("platform")),
        Column("window", pa.string(), "2-hour bucket of the creation time, HHMM, UTC.", True, sources=_BRONZE),
        Column("post_pid", pa.string(), "Keyed pseudonym of the post's first id.", True, "pseudonym", _BRONZE),
        Column("author_pid", pa.string(), "Keyed pseudonym of the author; null where the platform withholds it.", False, "pseudonym", _BRONZE),
        Column("conversation_pid", pa.string(), "Keyed pseudonym of the conversation's first post.", False, "pseudonym", _BRONZE),
        Column("kind", pa.string(), "post, comment, reply or repost.", True, sources=_BRONZE),
        Column("created_hour", TIMESTAMP, "Creation time, cut to the hour: finer times identify people.", True, sources=_BRONZE),
        Column("text", pa.string(), "Text with personal identifiers masked; null where the post has none or text is not kept.", False, "masked_text", _BRONZE),
        Column("text_fingerprint", pa.string(), "Keyed fingerprint of the normalised text: equal for equal texts.", False, "pseudonym", _BRONZE),
        Column("lang", pa.string(), "Detected language, ISO 639-1; null where unsure.", sources=_BRONZE),
        Column("lang_confidence", pa.float32(), "Confidence of the detection, 0 to 1.", sources=_BRONZE),
        Column("hashtags", STRINGS, "Hashtags in the masked text, lower case.", True, sources=_BRONZE),
        Column("topics", STRINGS, "Tracked topics that the text matches.", True, sources=_BRONZE),
        Column("link_domains", STRINGS, "Hosts of the links, without paths.", True, sources=_BRONZE),
        Column("mention_count", pa.int32(), "Accounts that the post mentions.", True, sources=_BRONZE),
        Column("like_count", pa.int64(), "Likes at the newest observation.", sources=_BRONZE),
        Column("reply_count", pa.int64(), "Replies at the newest observation.", sources=_BRONZE),
        Column("repost_count", pa.int64(), "Reposts at the newest observation.", sources=_BRONZE),
        Column("view_count", pa.int64(), "Views at the newest observation.", sources=_BRONZE),
        Column("edited", pa.bool_(), "The post was edited after its first version.", True, sources=_BRONZE),
        Column("late", pa.bool_(), "First seen only after its window had been fetched whole.", True, sources=_from_bronze("fetched_at")),
        Column("sentiment_neg", pa.float64(), "Share of negative sentiment, 0 to 1; null where not scored, or where the scorer knows no shares.", sources=_BRONZE),
        Column("sentiment_neu", pa.float64(), "Share of neutral sentiment, 0 to 1; null where not scored, or where the scorer knows no shares.", sources=_BRONZE),
        Column("sentiment_pos", pa.float64(), "Share of positive sentiment, 0 to 1; null where not scored, or where the scorer knows no shares.", sources=_BRONZE),
        Column("sentiment_compound", pa.float64(), "Sentiment from -1 to 1, four decimals; null where not scored.", sources=_BRONZE),
        Column("sentiment_label", pa.string(), "negative, neutral or positive; null where not scored.", sources=_BRONZE),
        Column("scorer", pa.string(), "Name of the scorer.", True),
        Column("scorer_version", pa.string(), "Version of the scorer.", True),
        Column("unscored_reason", pa.string(), "Why there is no score: no_text, language_unknown, language_not_supported.", sources=_BRONZE),
        Column("redactions", REDACTIONS, "How many identifiers of each kind were masked.", True, sources=_BRONZE),
        Column("source", pa.string(), "Way of the newest observation: batch or stream.", True, sources=_from_bronze("source")),
        Column("observation_count", pa.int32(), "Bronze records that this row stands for: one, plus its duplicates.", True, sources=_BRONZE),
        Column("first_seen_at", TIMESTAMP, "Oldest observation, cut to the hour.", True, sources=_from_bronze("fetched_at")),
        Column("last_seen_at", TIMESTAMP, "Newest observation, cut to the hour.", True, sources=_from_bronze("fetched_at")),
        Column("recipe", pa.string(), "Fingerprint of the contract, parser, rules, topics and scorer that made the row.", True),
    ),
)

SILVER_QUARANTINE = Contract(
    name="silver/quarantine",
    version="1.0",
    description=(
        "Bronze records that could not become a silver row, with the reason and the place to look. "
        "Holds no content of the record: engineers open the bronze object at that line."
    ),
    grain="one refused bronze record (or one unreadable object)",
    key=("object", "line"),
    partition_columns=("date", "platform", "window"),
    owner="team:data-platform",
    statistics=("reason_code",),
    columns=(
        _date(_BRONZE),
        _platform(_from_bronze("platform")),
        Column("window", pa.string(), "2-hour window whose bronze held the record.", True, sources=_BRONZE),
        Column("reason_code", pa.string(), "Short code of the reason, for counting.", True, sources=_BRONZE),
        Column("reason", pa.string(), "What was wrong, in which field, and what was expected.", True, sources=_BRONZE),
        Column("source", pa.string(), "batch or stream.", True, sources=_from_bronze("source")),
        Column("object", pa.string(), "Bronze object that holds the record.", True),
        Column("line", pa.int64(), "Line in the object, from 1; 0 for a whole object.", True),
        Column("record_count", pa.int64(), "Records that this row stands for.", True),
        Column("recipe", pa.string(), "Fingerprint of the rules that refused it.", True),
    ),
)


def _measures(*, share_of: str, share: tuple[str, ...] = ()) -> tuple[Column, ...]:
    """What every aggregate carries: its measures and its own coverage."""
    score = _from_posts("sentiment_compound")
    engagement = _from_posts(
        "sentiment_compound", "like_count", "reply_count", "repost_count"
    )
    reason = _from_posts("unscored_reason")
    return (
        Column("posts", pa.int64(), "Posts in the cell; null where suppressed.", sources=_from_posts("post_pid")),
        Column("authors", pa.int64(), "Distinct authors; null where suppressed.", sources=_from_posts("author_pid")),
        Column("scored", pa.int64(), "Posts with a score.", sources=score),
        Column("unscored_no_text", pa.int64(), "Posts without text.", sources=reason),
        Column("unscored_language_unknown", pa.int64(), "Posts whose language is not clear.", sources=reason),
        Column("unscored_language_not_supported", pa.int64(), "Posts in a language the scorer doesn't know.", sources=reason),
        Column("redacted", pa.int64(), "Posts in which an identifier was masked.", sources=_from_posts("redactions")),
        Column("late", pa.int64(), "Posts seen only after their window had been fetched whole.", sources=_from_posts("late")),
        Column("positive", pa.int64(), "Posts labelled positive.", sources=_from_posts("sentiment_label")),
        Column("neutral", pa.int64(), "Posts labelled neutral.", sources=_from_posts("sentiment_label")),
        Column("negative", pa.int64(), "Posts labelled negative.", sources=_from_posts("sentiment_label")),
        Column("sentiment_sum", pa.int64(), "Sum of compound x 10,000: exact in any order, so cells can be added up.", sources=score),
        Column("sentiment_square_sum", pa.int64(), "Sum of the squares of compound x 10,000.", sources=score),
        Column("sentiment_mean", pa.float64(), "Mean compound of scored posts, -1 to 1.", sources=score),
        Column("sentiment_standard_error", pa.float64(), "Standard error of the mean; null below two scored posts.", sources=score),
        Column("engagement_weight", pa.int64(), "Sum over scored posts of 1 + likes + replies + reposts.", sources=engagement),
        Column("engagement_sentiment_sum", pa.int64(), "Sum of compound x 10,000 times the post's engagement weight.", sources=engagement),
        Column("engagement_sentiment_mean", pa.float64(), "Mean compound weighted by engagement.", sources=engagement),
        Column("fetched_share", pa.float64(), f"Share of the {share_of} that was fetched, 0 to 1.", sources=share or _from_bronze("manifest")),
        Column("suppressed", pa.bool_(), "Too few authors, of the posts or of the scored ones, to publish (or needed to hide such a cell): measures are null.", True, sources=_from_posts("author_pid")),
        Column("min_authors", pa.int32(), "Fewest authors that a shown cell needed when the row was made; null in rows from before the column."),
    )


_GOLD_PARTITION = (_date(_from_posts("date")), _platform(_from_posts("platform")))

HOURLY_SENTIMENT = Contract(
    name="gold/hourly_sentiment",
    version="1.1",
    description="Sentiment by hour and platform, with the coverage that each figure rests on.",
    grain="one hour of one platform",
    key=("platform", "hour"),
    partition_columns=("date", "platform"),
    owner="team:data-platform",
    statistics=("hour",),
    columns=(
        *_GOLD_PARTITION,
        Column("hour", TIMESTAMP, "Start of the hour of creation.", True, sources=_from_posts("created_hour")),
        *_measures(share_of="hour"),
    ),
)

TOPIC_SENTIMENT = Contract(
    name="gold/topic_sentiment",
    version="1.1",
    description=(
        "Sentiment by day, topic and platform: tracked topics and hashtags. A post with two topics "
        "counts in both."
    ),
    grain="one topic of one day and platform",
    key=("date", "platform", "topic_kind", "topic"),
    partition_columns=("date", "platform"),
    owner="team:data-platform",
    statistics=("topic_kind",),
    columns=(
        *_GOLD_PARTITION,
        Column("topic_kind", pa.string(), "tracked or hashtag.", True, sources=_from_posts("topics", "hashtags")),
        Column("topic", pa.string(), "Name of the tracked topic, or the hashtag without #.", True, sources=_from_posts("topics", "hashtags")),
        *_measures(share_of="day"),
    ),
)

DAILY_SUMMARY = Contract(
    name="gold/daily_summary",
    version="1.1",
    description="One row a day and platform: sentiment, volume, coverage, extremes, data quality.",
    grain="one day of one platform",
    key=("date", "platform"),
    partition_columns=("date", "platform"),
    owner="team:data-platform",
    statistics=("posts",),
    columns=(
        *_GOLD_PARTITION,
        *_measures(share_of="day"),
        Column("observations", pa.int64(), "Bronze records behind the day's posts and quarantine.", sources=(*_from_posts("observation_count"), "silver/quarantine:record_count")),
        Column("duplicates", pa.int64(), "Bronze records that repeat a post already counted.", sources=_from_posts("observation_count")),
        Column("quarantined", pa.int64(), "Bronze records refused.", sources=("silver/quarantine:record_count",)),
        Column("windows_complete", pa.int32(), "2-hour windows fetched whole, of 12.", True, sources=_from_bronze("manifest")),
        Column("windows_partial", pa.int32(), "Windows fetched in part.", True, sources=_from_bronze("manifest")),
        Column("windows_unavailable", pa.int32(), "Windows beyond the API's reach when first asked for.", True, sources=_from_bronze("manifest")),
        Column("best_hour", TIMESTAMP, "Hour with the highest mean among published hours.", sources=("gold/hourly_sentiment:sentiment_mean",)),
        Column("best_hour_mean", pa.float64(), "Mean compound of that hour.", sources=("gold/hourly_sentiment:sentiment_mean",)),
        Column("worst_hour", TIMESTAMP, "Hour with the lowest mean among published hours.", sources=("gold/hourly_sentiment:sentiment_mean",)),
        Column("worst_hour_mean", pa.float64(), "Mean compound of that hour.", sources=("gold/hourly_sentiment:sentiment_mean",)),
        Column("busiest_hour", TIMESTAMP, "Hour with the most posts among published hours.", sources=("gold/hourly_sentiment:posts",)),
        Column("busiest_hour_posts", pa.int64(), "Posts in that hour.", sources=("gold/hourly_sentiment:posts",)),
        Column("hidden_hours", pa.int32(), "Hours with posts whose figures are suppressed.", True, sources=("gold/hourly_sentiment:suppressed",)),
        Column("recipes", STRINGS, "Recipe fingerprints of the silver rows behind this row.", True, sources=_from_posts("recipe")),
        Column("scorers", STRINGS, "Scorers of the silver rows behind this row, name and version; null in rows older than the column.", sources=_from_posts("scorer", "scorer_version")),
    ),
)


def _of_days(*columns: str) -> tuple[str, ...]:
    """Columns of what is published of days: of all posts, and of topics."""
    tables = (DAILY_SUMMARY.name, TOPIC_SENTIMENT.name)
    return tuple(f"{table}:{column}" for column in columns for table in tables)


DAILY_TREND = Contract(
    name="gold/daily_trend",
    version="1.2",
    description="Each day and tracked topic against the seven days before it.",
    grain="one topic (or all posts) of one day and platform",
    key=("date", "platform", "topic"),
    partition_columns=("date", "platform"),
    owner="team:data-platform",
    statistics=("trailing_days",),
    columns=(
        *_GOLD_PARTITION,
        Column("topic", pa.string(), "Tracked topic; all for every post of the day.", True, sources=("gold/topic_sentiment:topic",)),
        Column("posts", pa.int64(), "Posts of the day; null where suppressed.", sources=("gold/daily_summary:posts", "gold/topic_sentiment:posts")),
        Column("scored", pa.int64(), "Scored posts of the day.", sources=("gold/daily_summary:scored", "gold/topic_sentiment:scored")),
        Column("sentiment_mean", pa.float64(), "Mean compound of the day.", sources=("gold/daily_summary:sentiment_mean", "gold/topic_sentiment:sentiment_mean")),
        Column("trailing_days", pa.int32(), "Days of the seven before with published figures.", True, sources=("gold/daily_summary:date", "gold/topic_sentiment:date")),
        Column("trailing_scored", pa.int64(), "Scored posts of those days.", sources=("gold/daily_summary:scored", "gold/topic_sentiment:scored")),
        Column("trailing_mean", pa.float64(), "Mean compound over those days' scored posts.", sources=("gold/daily_summary:sentiment_sum", "gold/topic_sentiment:sentiment_sum")),
        Column("change", pa.float64(), "The day's mean less the trailing mean.", sources=("gold/daily_summary:sentiment_sum", "gold/topic_sentiment:sentiment_sum")),
        Column("change_z", pa.float64(), "The change over its standard error (Welch): beyond 2 is unlikely to be chance.", sources=("gold/daily_summary:sentiment_square_sum", "gold/topic_sentiment:sentiment_square_sum")),
        Column("volume_ratio", pa.float64(), "The day's posts over the mean posts of those trailing days of which more than half was fetched.", sources=("gold/daily_summary:posts", "gold/topic_sentiment:posts")),
        Column("fetched_share", pa.float64(), "Share of the day that was fetched, 0 to 1.", sources=("gold/daily_summary:fetched_share",)),
        Column("suppressed", pa.bool_(), "The day's figures are suppressed.", True, sources=("gold/daily_summary:suppressed", "gold/topic_sentiment:suppressed")),
        Column("scorers", STRINGS, "Scorers of the day and of the seven before it, name and version: with more than one, the change may be theirs.", sources=("gold/daily_summary:scorers",)),
        Column("authors", pa.int64(), "Distinct authors of the day; null where suppressed, and in rows from before the column.", sources=_of_days("authors")),
        Column("engagement_sentiment_mean", pa.float64(), "Mean compound of the day, weighted by engagement; null in rows from before the column.", sources=_of_days("engagement_sentiment_mean")),
    ),
)

POOLED_SENTIMENT = Contract(
    name="gold/pooled_sentiment",
    version="1.0",
    description=(
        "Hidden days of a calendar week together, and where that is still too few, of a month: "
        "each hidden day of all posts or of a tracked topic is in one shown pool at most. Written "
        "by the Sunday that closes the week, or the month's last week."
    ),
    grain="one week or month of one topic (or all posts) and platform, where days are hidden",
    key=("date", "platform", "grain", "topic"),
    partition_columns=("date", "platform"),
    owner="team:data-platform",
    statistics=("grain",),
    columns=(
        Column("date", pa.date32(), "The Sunday that closes the period, UTC.", True, sources=_from_posts("date")),
        _platform(_from_posts("platform")),
        Column("grain", pa.string(), "week (Monday to Sunday) or month.", True, sources=_from_posts("date")),
        Column("period_start", pa.date32(), "First day of the week or month.", True, sources=_from_posts("date")),
        Column("period_end", pa.date32(), "Its last day.", True, sources=_from_posts("date")),
        Column("topic", pa.string(), "Tracked topic; all for every post of the days.", True, sources=("gold/topic_sentiment:topic",)),
        Column("days", pa.list_(pa.date32()), "The hidden days whose posts are counted here, and in no other shown row of the topic.", True, sources=("gold/daily_summary:suppressed", "gold/topic_sentiment:suppressed")),
        *_measures(share_of="days together", share=("gold/daily_summary:fetched_share",)),
    ),
)

LANGUAGE_SENTIMENT = Contract(
    name="gold/language_sentiment",
    version="1.0",
    description=(
        "Sentiment by day, language and platform, with the coverage that each figure rests on. "
        "Each post is in one language, so that the languages of a day add up to it."
    ),
    grain="one language of one day and platform",
    key=("date", "platform", "lang"),
    partition_columns=("date", "platform"),
    owner="team:data-platform",
    columns=(
        *_GOLD_PARTITION,
        Column("lang", pa.string(), "Detected language, ISO 639-1; unknown where the detector was not sure.", True, sources=_from_posts("lang")),
        *_measures(share_of="day"),
    ),
)

WEEKLY_SENTIMENT = Contract(
    name="gold/weekly_sentiment",
    version="1.0",
    description=(
        "The calendar week (Monday to Sunday) up to and with each day, against the whole week "
        "before it: the row of a Sunday is the whole week. Sums of published days alone."
    ),
    grain="the week to date of one topic (or all posts), day and platform",
    key=("date", "platform", "topic"),
    partition_columns=("date", "platform"),
    owner="team:data-platform",
    statistics=("week_start",),
    columns=(
        Column("date", pa.date32(), "The last day that is counted, UTC.", True, sources=("gold/daily_summary:date",)),
        _platform(("gold/daily_summary:platform",)),
        Column("topic", pa.string(), "Tracked topic; all for every post of the days.", True, sources=("gold/topic_sentiment:topic",)),
        Column("week_start", pa.date32(), "The week's Monday.", True, sources=("gold/daily_summary:date",)),
        Column("days_shown", pa.int32(), "Days from Monday to the date with published figures: those that are summed.", True, sources=_of_days("suppressed")),
        Column("days_hidden", pa.int32(), "Days whose figures are suppressed: they are in no sum. A day without posts of the topic is in neither number.", True, sources=_of_days("suppressed")),
        Column("posts", pa.int64(), "Posts of the shown days; null where none is shown.", sources=_of_days("posts")),
        Column("scored", pa.int64(), "Those with a score.", sources=_of_days("scored")),
        Column("positive", pa.int64(), "Posts labelled positive.", sources=_of_days("positive")),
        Column("neutral", pa.int64(), "Posts labelled neutral.", sources=_of_days("neutral")),
        Column("negative", pa.int64(), "Posts labelled negative.", sources=_of_days("negative")),
        Column("sentiment_sum", pa.int64(), "Sum of compound x 10,000.", sources=_of_days("sentiment_sum")),
        Column("sentiment_square_sum", pa.int64(), "Sum of the squares of compound x 10,000.", sources=_of_days("sentiment_square_sum")),
        Column("sentiment_mean", pa.float64(), "Mean compound of scored posts, -1 to 1.", sources=_of_days("sentiment_sum")),
        Column("sentiment_standard_error", pa.float64(), "Standard error of the mean; null below two scored posts.", sources=_of_days("sentiment_square_sum")),
        Column("engagement_weight", pa.int64(), "Sum over scored posts of 1 + likes + replies + reposts.", sources=_of_days("engagement_weight")),
        Column("engagement_sentiment_sum", pa.int64(), "Sum of compound x 10,000 times the post's engagement weight.", sources=_of_days("engagement_sentiment_sum")),
        Column("engagement_sentiment_mean", pa.float64(), "Mean compound weighted by engagement.", sources=_of_days("engagement_sentiment_sum")),
        Column("previous_scored", pa.int64(), "Scored posts of the shown days of the whole week before.", sources=_of_days("scored")),
        Column("previous_mean", pa.float64(), "Mean compound of those.", sources=_of_days("sentiment_sum")),
        Column("change", pa.float64(), "The week's mean so far less that of the week before.", sources=_of_days("sentiment_sum")),
        Column("change_z", pa.float64(), "The change over its standard error (Welch): beyond 2 is unlikely to be chance.", sources=_of_days("sentiment_square_sum")),
        Column("fetched_share", pa.float64(), "Share of the days from Monday to the date that was fetched, 0 to 1; a day without a row counts as none.", sources=("gold/daily_summary:fetched_share",)),
        Column("scorers", STRINGS, "Scorers of the week and of the one before it, name and version: with more than one, the change may be theirs.", sources=("gold/daily_summary:scorers",)),
    ),
)

TOPIC_VOICE = Contract(
    name="gold/topic_voice",
    version="1.0",
    description=(
        "Share of voice: how much of the talk about tracked topics is about each of them, against "
        "the seven days before. Made of published figures alone. A post with two topics counts in "
        "both, so that the shares are of mentions."
    ),
    grain="one tracked topic of one day and platform",
    key=("date", "platform", "topic"),
    partition_columns=("date", "platform"),
    owner="team:data-platform",
    statistics=("posts",),
    columns=(
        _date(("gold/topic_sentiment:date",)),
        _platform(("gold/topic_sentiment:platform",)),
        Column("topic", pa.string(), "Tracked topic.", True, sources=("gold/topic_sentiment:topic",)),
        Column("brand", pa.string(), "Brand behind the topic; null where reference/brands names none, as in the next three.", sources=("reference/brands:brand",)),
        Column("company", pa.string(), "Company behind the brand.", sources=("reference/brands:company",)),
        Column("category", pa.string(), "What kind of topic it is: topics of one category compete.", sources=("reference/brands:category",)),
        Column("own", pa.bool_(), "It is one of our own.", sources=("reference/brands:own",)),
        Column("posts", pa.int64(), "Posts with the topic; null where suppressed.", sources=("gold/topic_sentiment:posts",)),
        Column("scored", pa.int64(), "Those with a score.", sources=("gold/topic_sentiment:scored",)),
        Column("voice_share", pa.float64(), "The topic's posts over those of all shown tracked topics of the day, 0 to 1.", sources=("gold/topic_sentiment:posts",)),
        Column("category_share", pa.float64(), "The topic's posts over those of the shown topics of its category; null without a category.", sources=("gold/topic_sentiment:posts", "reference/brands:category")),
        Column("voice_topics", pa.int32(), "Shown tracked topics of the day: those that share the voice.", True, sources=("gold/topic_sentiment:suppressed",)),
        Column("hidden_topics", pa.int32(), "Tracked topics of the day whose figures are suppressed: they are in no share.", True, sources=("gold/topic_sentiment:suppressed",)),
        Column("day_share", pa.float64(), "The topic's posts over all posts of the day; null where the day is hidden.", sources=("gold/topic_sentiment:posts", "gold/daily_summary:posts")),
        Column("engagement_share", pa.float64(), "As voice_share, of the scored posts' engagement (1 + likes + replies + reposts) instead of posts.", sources=("gold/topic_sentiment:engagement_weight",)),
        Column("sentiment_mean", pa.float64(), "Mean compound of the topic's scored posts, -1 to 1.", sources=("gold/topic_sentiment:sentiment_mean",)),
        Column("engagement_sentiment_mean", pa.float64(), "Mean compound weighted by engagement.", sources=("gold/topic_sentiment:engagement_sentiment_mean",)),
        Column("trailing_days", pa.int32(), "Days of the seven before on which the topic is shown.", True, sources=("gold/topic_sentiment:suppressed",)),
        Column("trailing_posts", pa.int64(), "Its posts on those days.", sources=("gold/topic_sentiment:posts",)),
        Column("trailing_voice_share", pa.float64(), "Those over the posts of all topics shown on those days.", sources=("gold/topic_sentiment:posts",)),
        Column("voice_change", pa.float64(), "voice_share less trailing_voice_share.", sources=("gold/topic_sentiment:posts",)),
        Column("voice_change_z", pa.float64(), "The change over its standard error (two proportions): beyond 2 is unlikely to be chance.", sources=("gold/topic_sentiment:posts",)),
        Column("fetched_share", pa.float64(), "Share of the day that was fetched, 0 to 1.", sources=("gold/topic_sentiment:fetched_share",)),
        Column("suppressed", pa.bool_(), "The topic's figures of the day are suppressed.", True, sources=("gold/topic_sentiment:suppressed",)),
        Column("scorers", STRINGS, "Scorers of the day, name and version.", sources=("gold/daily_summary:scorers",)),
    ),
)

RISING_TOPICS = Contract(
    name="gold/rising_topics",
    version="1.0",
    description=(
        "Tracked topics and hashtags by how much their volume grew against the seven days before. "
        "Made of published figures alone: a topic that is hidden on the day has no row."
    ),
    grain="one shown topic of one day and platform",
    key=("date", "platform", "topic_kind", "topic"),
    partition_columns=("date", "platform"),
    owner="team:data-platform",
    statistics=("rank",),
    columns=(
        _date(("gold/topic_sentiment:date",)),
        _platform(("gold/topic_sentiment:platform",)),
        Column("topic_kind", pa.string(), "tracked or hashtag.", True, sources=("gold/topic_sentiment:topic_kind",)),
        Column("topic", pa.string(), "Name of the tracked topic, or the hashtag without #.", True, sources=("gold/topic_sentiment:topic",)),
        Column("posts", pa.int64(), "Posts with the topic.", True, sources=("gold/topic_sentiment:posts",)),
        Column("scored", pa.int64(), "Those with a score.", True, sources=("gold/topic_sentiment:scored",)),
        Column("sentiment_mean", pa.float64(), "Mean compound of the topic's scored posts, -1 to 1.", sources=("gold/topic_sentiment:sentiment_mean",)),
        Column("engagement_sentiment_mean", pa.float64(), "Mean compound weighted by engagement.", sources=("gold/topic_sentiment:engagement_sentiment_mean",)),
        Column("trailing_days", pa.int32(), "Days of the seven before, fetched for more than half, on which the topic is shown.", True, sources=("gold/topic_sentiment:suppressed",)),
        Column("trailing_posts", pa.int64(), "Its posts on those days.", True, sources=("gold/topic_sentiment:posts",)),
        Column("expected_posts", pa.float64(), "Posts to expect, were the day as the seven before, for what was fetched of each. A day on which the topic may be hidden counts with the most that hides: one post fewer than authors are needed. Null where fewer than three of those days were fetched for more than half.", sources=("gold/topic_sentiment:posts", "gold/daily_summary:fetched_share")),
        Column("growth", pa.float64(), "posts over expected_posts.", sources=("gold/topic_sentiment:posts",)),
        Column("growth_z", pa.float64(), "How far the growth is beyond chance, in standard errors (two Poisson rates).", sources=("gold/topic_sentiment:posts",)),
        Column("rank", pa.int32(), "1 for the largest growth_z of the day and platform; null without one.", sources=("gold/topic_sentiment:posts",)),
        Column("rising", pa.bool_(), "growth is at least 1.5, growth_z passes a false discovery rate of 5 % over all topics of the day and platform, and more than half of the day was fetched.", True, sources=("gold/topic_sentiment:posts",)),
        Column("is_new", pa.bool_(), "The topic is shown on none of those days.", True, sources=("gold/topic_sentiment:suppressed",)),
        Column("fetched_share", pa.float64(), "Share of the day that was fetched, 0 to 1.", sources=("gold/topic_sentiment:fetched_share",)),
        Column("scorers", STRINGS, "Scorers of the day, name and version.", sources=("gold/daily_summary:scorers",)),
    ),
)

CALENDAR_DAYS = Contract(
    name="gold/calendar_days",
    version="1.0",
    description=(
        "What else went on: campaigns, events and holidays that a team keeps, and changes of "
        "method, kept or found by gold itself. To be drawn beside any line over days."
    ),
    grain="one mark of one day and platform",
    key=("date", "platform", "kind", "name", "topic", "market"),
    partition_columns=("date", "platform"),
    owner="team:data-platform",
    statistics=("kind",),
    columns=(
        Column("date", pa.date32(), "The day, UTC.", True, sources=("gold/daily_summary:date",)),
        Column("platform", pa.string(), "The platform; a mark of every platform has a row for each.", True, sources=("gold/daily_summary:platform", "reference/calendar:platform")),
        Column("kind", pa.string(), "method_change, campaign, event or holiday.", True, sources=("reference/calendar:kind", "reference/holidays:name", "gold/daily_summary:scorers")),
        Column("name", pa.string(), "What it is called.", True, sources=("reference/calendar:name", "reference/holidays:name", "gold/daily_summary:scorers")),
        Column("topic", pa.string(), "The topic that it is about; all where it is of none.", True, sources=("reference/calendar:topic",)),
        Column("market", pa.string(), "The market that it is in; all where it is of none.", True, sources=("reference/calendar:market", "reference/holidays:market")),
        Column("note", pa.string(), "What to know of it.", sources=("reference/calendar:note", "reference/markets:name", "gold/daily_summary:recipes", "gold/daily_summary:scorers")),
        Column("source", pa.string(), "Where it stands: calendar, holidays, or observed, which gold found by itself.", True),
        Column("first_date", pa.date32(), "First day of what the mark is of.", True, sources=("reference/calendar:first_date", "reference/holidays:date")),
        Column("last_date", pa.date32(), "Its last day.", True, sources=("reference/calendar:last_date", "reference/holidays:date")),
        Column("fetched_share", pa.float64(), "Share of the day that was fetched, 0 to 1.", sources=("gold/daily_summary:fetched_share",)),
    ),
)

_FOR_EVERY = "all where it is for every one."

CALENDAR = Contract(
    name="reference/calendar",
    version="1.0",
    description=(
        "Campaigns, events and changes of method that a team writes down, from the file "
        "calendar.csv or calendar.parquet."
    ),
    grain="one entry of the calendar",
    key=("kind", "name", "first_date", "platform", "topic", "market"),
    partition_columns=(),
    owner="team:data-platform",
    statistics=("first_date", "last_date"),
    columns=(
        Column("name", pa.string(), "What it is called.", True),
        Column("kind", pa.string(), "method_change, campaign or event.", True),
        Column("first_date", pa.date32(), "First day, UTC.", True),
        Column("last_date", pa.date32(), "Last day, UTC.", True),
        Column("platform", pa.string(), f"The platform; {_FOR_EVERY}", True),
        Column("topic", pa.string(), f"The tracked topic; {_FOR_EVERY}", True),
        Column("market", pa.string(), f"The market; {_FOR_EVERY}", True),
        Column("note", pa.string(), "What to know of it."),
    ),
)

BRANDS = Contract(
    name="reference/brands",
    version="1.0",
    description="Brands and products behind tracked topics, from the file brands.csv or brands.parquet.",
    grain="one tracked topic",
    key=("topic",),
    partition_columns=(),
    owner="team:data-platform",
    columns=(
        Column("topic", pa.string(), "Tracked topic.", True),
        Column("brand", pa.string(), "The brand, as people read it.", True),
        Column("product", pa.string(), "The product, where the topic is of one."),
        Column("company", pa.string(), "The company behind it."),
        Column("category", pa.string(), "Topics of one category compete."),
        Column("own", pa.bool_(), "It is one of our own.", True),
    ),
)

MARKETS = Contract(
    name="reference/markets",
    version="1.0",
    description="Markets that a team looks after, from the file markets.csv or markets.parquet.",
    grain="one market",
    key=("market",),
    partition_columns=(),
    owner="team:data-platform",
    columns=(
        Column("market", pa.string(), "Code of the market: ISO 3166-1, two letters.", True),
        Column("name", pa.string(), "The market's name.", True),
        Column("languages", STRINGS, "Languages that are spoken there, ISO 639-1, most spoken first.", True),
    ),
)

HOLIDAYS = Contract(
    name="reference/holidays",
    version="1.0",
    description="Public holidays of markets, from the file holidays.csv or holidays.parquet.",
    grain="one holiday of one market",
    key=("market", "date", "name"),
    partition_columns=(),
    owner="team:data-platform",
    statistics=("date",),
    columns=(
        Column("market", pa.string(), "Code of the market: ISO 3166-1, two letters.", True),
        Column("date", pa.date32(), "The day.", True),
        Column("name", pa.string(), "The holiday's name.", True),
    ),
)

#: The tables that a team keeps in files, whole and without dates to build: by name.
REFERENCE_CONTRACTS: dict[str, Contract] = {
    contract.name: contract for contract in (CALENDAR, BRANDS, MARKETS, HOLIDAYS)
}

_LIVE_POSTS = "silver/live_posts"
#: Columns of ``silver/posts`` that say something of a post as it came: counts that grow, and what
#: only repeated observations tell, are for batch.
_AS_IT_CAME = (
    "date", "platform", "window", "post_pid", "author_pid", "conversation_pid", "kind",
    "created_hour", "text", "text_fingerprint", "lang", "lang_confidence", "hashtags", "topics",
    "link_domains", "mention_count", "edited", "sentiment_neg", "sentiment_neu", "sentiment_pos",
    "sentiment_compound", "sentiment_label", "scorer", "scorer_version", "unscored_reason",
    "redactions", "first_seen_at", "recipe",
)  # fmt: skip


def _from_live(*columns: str) -> tuple[str, ...]:
    return tuple(f"{_LIVE_POSTS}:{column}" for column in columns)


LIVE_POSTS = Contract(
    name=_LIVE_POSTS,
    version="1.0",
    description=(
        "Posts of the last 48 hours, seconds after they came through Kafka: cleaned as in "
        "silver/posts, which supersedes them. One row is the first observation of a post; what "
        "comes later than the stream waits for is in silver/posts alone."
    ),
    grain="one post (the chain of its edits), as it came first",
    key=("platform", "post_pid"),
    partition_columns=("date", "platform", "window"),
    owner="team:data-platform",
    statistics=("created_hour", "sentiment_compound"),
    # The stream reads topics, which have no columns.
    columns=tuple(replace(SILVER_POSTS.column(name), sources=()) for name in _AS_IT_CAME),
)

LIVE_SENTIMENT = Contract(
    name="gold/live_sentiment",
    version="1.0",
    description=(
        "Sentiment of the last 48 hours by 5 minutes, platform and topic, seconds old. Figures of "
        "a cell grow in steps of enough authors: two readings, one after the other, tell of as "
        "many people as a cell does. The last few posts of a cell may never be counted here."
    ),
    grain="5 minutes of one topic (or all posts) and platform",
    key=("platform", "slot", "topic"),
    partition_columns=("date", "platform"),
    owner="team:data-platform",
    statistics=("slot",),
    columns=(
        _date(_from_live("date")),
        _platform(_from_live("platform")),
        Column("slot", TIMESTAMP, "Start of the 5 minutes of creation.", True, sources=_from_live("created_hour")),
        Column("topic", pa.string(), "Tracked topic; all for every post of the slot.", True, sources=_from_live("topics")),
        Column("posts", pa.int64(), "Posts in the cell; null where suppressed.", sources=_from_live("post_pid")),
        Column("authors", pa.int64(), "Distinct authors; null where suppressed.", sources=_from_live("author_pid")),
        Column("scored", pa.int64(), "Posts with a score.", sources=_from_live("sentiment_compound")),
        Column("positive", pa.int64(), "Posts labelled positive.", sources=_from_live("sentiment_label")),
        Column("neutral", pa.int64(), "Posts labelled neutral.", sources=_from_live("sentiment_label")),
        Column("negative", pa.int64(), "Posts labelled negative.", sources=_from_live("sentiment_label")),
        Column("sentiment_sum", pa.int64(), "Sum of compound x 10,000: exact in any order, so cells can be added up.", sources=_from_live("sentiment_compound")),
        Column("sentiment_mean", pa.float64(), "Mean compound of scored posts, -1 to 1.", sources=_from_live("sentiment_compound")),
        Column("suppressed", pa.bool_(), "Too few authors, of the posts or of the scored ones, or of the other posts of the 5 minutes: measures are null.", True, sources=_from_live("author_pid")),
        Column("min_authors", pa.int32(), "Fewest authors that a shown cell, and a step of it, needed.", True),
        Column("through_batch", pa.int64(), "Newest batch of the stream whose posts are counted; null where suppressed."),
        Column("updated_at", TIMESTAMP, "When the figures grew last, to the second; null where suppressed."),
    ),
)

#: The tables that the stream writes, and that forget: by name, upstream first.
LIVE_CONTRACTS: dict[str, Contract] = {
    contract.name: contract for contract in (LIVE_POSTS, LIVE_SENTIMENT)
}

#: Every Delta table that is made of bronze, date by date: by name, upstream first.
CONTRACTS: dict[str, Contract] = {
    contract.name: contract
    for contract in (
        SILVER_POSTS,
        SILVER_QUARANTINE,
        HOURLY_SENTIMENT,
        TOPIC_SENTIMENT,
        DAILY_SUMMARY,
        DAILY_TREND,
        POOLED_SENTIMENT,
        LANGUAGE_SENTIMENT,
        WEEKLY_SENTIMENT,
        TOPIC_VOICE,
        RISING_TOPICS,
        CALENDAR_DAYS,
    )
}
