"""Weeks that tell their coverage, by language and by topic too, and words for every column."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    for name, (says, query) in VIEWS.items():
        op.execute(f"CREATE OR REPLACE VIEW mart.{name} AS {query}")
        op.execute(f"COMMENT ON VIEW mart.{name} IS '{says}'")
    op.execute(
        "COMMENT ON TABLE mart.schema_version IS 'Which step of its schema the mart stands at: one row.'"
    )
    for name, columns in COLUMNS.items():
        for column, says in columns.items():
            op.execute(f"COMMENT ON COLUMN mart.{name}.{column} IS '{says}'")


# Sums of exact integers: the same in any order. A hidden figure is null, and in no sum.
_SUMS = """
    sum(posts)::bigint AS posts,
    sum(scored)::bigint AS scored,
    sum(positive)::bigint AS positive,
    sum(neutral)::bigint AS neutral,
    sum(negative)::bigint AS negative,
    sum(sentiment_sum)::bigint AS sentiment_sum,
    (sum(sentiment_sum) / nullif(sum(scored), 0) / 10000)::double precision AS sentiment_mean,
    (sqrt(
        greatest(sum(sentiment_square_sum) - sum(sentiment_sum) ^ 2 / nullif(sum(scored), 0), 0)
        / nullif(sum(scored) - 1, 0) / nullif(sum(scored), 0)
    ) / 10000)::double precision AS sentiment_standard_error,
    (sum(engagement_sentiment_sum) / nullif(sum(engagement_weight), 0) / 10000)::double precision
        AS engagement_sentiment_mean
"""
_DAYS = """
    count(*) FILTER (WHERE NOT suppressed) AS days_shown,
    count(*) FILTER (WHERE suppressed) AS days_hidden
"""
_MONDAY = "date_trunc('week', date::timestamp)::date"

VIEWS = {
    # A day that was never made has no row, and was not fetched: to divide by the rows would not
    # count it. The days of the newest week that are still to come are nobody's omission.
    "sentiment_by_week": (
        "Sentiment by calendar week (Monday to Sunday) and platform: sums of published days alone.",
        f"""
        SELECT week_start, platform, days_shown, days_hidden, posts, scored, positive, neutral,
            negative, sentiment_sum, sentiment_mean, sentiment_standard_error,
            engagement_sentiment_mean, fetched / days AS fetched_share, days
        FROM (
            SELECT {_MONDAY} AS week_start, platform, {_DAYS}, {_SUMS},
                sum(fetched_share) AS fetched,
                least(7, max(max(date)) OVER (PARTITION BY platform) - {_MONDAY} + 1) AS days
            FROM mart.daily_summary GROUP BY 1, 2
        ) AS weeks
        """,
    ),
    # What was fetched is a matter of days, whatever language their posts are in: a language that
    # nobody wrote in on a day has no row of it.
    "sentiment_by_week_and_language": (
        "Sentiment by calendar week (Monday to Sunday), platform and language: sums of published "
        "days alone. Each post is in one language.",
        f"""
        SELECT languages.*, weeks.fetched_share
        FROM (
            SELECT {_MONDAY} AS week_start, platform, lang, {_DAYS}, {_SUMS}
            FROM mart.language_sentiment GROUP BY 1, 2, 3
        ) AS languages
        LEFT JOIN mart.sentiment_by_week AS weeks USING (week_start, platform)
        """,
    ),
    "sentiment_by_week_and_topic": (
        "Sentiment by calendar week (Monday to Sunday), platform and tracked topic, against the "
        "week before: of each week the newest row of mart.weekly_sentiment, which is the whole "
        "week, or the week so far. A post with two topics counts in both, and in the topic all.",
        """
        SELECT DISTINCT ON (week_start, platform, topic)
            week_start, platform, topic, date, days_shown, days_hidden, posts, scored, positive,
            neutral, negative, sentiment_sum, sentiment_mean, sentiment_standard_error,
            engagement_sentiment_mean, previous_scored, previous_mean, change, change_z,
            fetched_share, scorers
        FROM mart.weekly_sentiment
        ORDER BY week_start, platform, topic, date DESC
        """,
    ),
}

_DATE = {"date": "Creation date of the posts, UTC."}
_PLATFORM = {"platform": "Platform the posts were made on."}
_TOPIC = {
    "topic_kind": "tracked or hashtag.",
    "topic": "Name of the tracked topic, or the hashtag without #.",
}
_LABELS = {
    "positive": "Posts labelled positive.",
    "neutral": "Posts labelled neutral.",
    "negative": "Posts labelled negative.",
}
_ERROR = {"sentiment_standard_error": "Standard error of the mean; null below two scored posts."}
_ADDED_UP = {
    **_LABELS,
    "sentiment_sum": "Sum of compound x 10,000 over scored posts: exact, so rows can be added up.",
}
_MEANS = {
    "sentiment_mean": "Mean compound of scored posts, -1 to 1.",
    **_ERROR,
    "engagement_sentiment_mean": "Mean compound weighted by engagement.",
}

COLUMNS = {
    "schema_version": {"version_num": "Number of the newest step that was taken."},
    "totals_by_day": {**_DATE, **_ADDED_UP},
    "totals_by_hour": {**_DATE, "hour": "Start of the hour of creation, UTC.", **_ADDED_UP},
    "totals_by_topic": {**_DATE, **_TOPIC, **_ADDED_UP},
    "topic_latest": {
        **_PLATFORM,
        **_TOPIC,
        "authors": "Distinct authors of the day.",
        **_LABELS,
        **_ERROR,
        "trailing_mean": "Mean compound over the scored posts of the seven days before; of tracked "
        "topics.",
        "fetched_share": "Share of the day that was fetched, 0 to 1.",
    },
    "sentiment_by_week": {
        **_PLATFORM,
        **_ADDED_UP,
        **_ERROR,
        "fetched_share": "Share of the days (column days) that was fetched, 0 to 1; a day without "
        "a row counts as none.",
        "days": "Days of the week that have passed: seven, or in the newest week those up to the "
        "newest day that the mart has of the platform.",
    },
    "sentiment_by_week_and_language": {
        "week_start": "The Monday.",
        **_PLATFORM,
        "lang": "Detected language, ISO 639-1; unknown where the detector was not sure.",
        "days_shown": "Days of the week whose figures of the language are in the sums.",
        "days_hidden": "Days whose figures of the language are suppressed, and in no sum. A day "
        "without posts in the language is in neither number.",
        "posts": "Posts of the shown days; null where none is shown.",
        "scored": "Those with a score: the n of the means.",
        **_ADDED_UP,
        **_MEANS,
        "fetched_share": "Share of the week that was fetched, 0 to 1, in whatever language: that "
        "of mart.sentiment_by_week.",
    },
    "sentiment_by_week_and_topic": {
        "week_start": "The Monday.",
        **_PLATFORM,
        "topic": "Tracked topic; all for every post of the days.",
        "date": "The last day that is counted, UTC: of a whole week its Sunday.",
        "days_shown": "Days from Monday to the date with published figures: those that are summed.",
        "days_hidden": "Days whose figures are suppressed: they are in no sum. A day without posts "
        "of the topic is in neither number.",
        "posts": "Posts of the shown days; null where none is shown.",
        "scored": "Those with a score: the n of the means.",
        **_ADDED_UP,
        **_MEANS,
        "previous_scored": "Scored posts of the shown days of the whole week before.",
        "previous_mean": "Mean compound of those.",
        "change": "The mean of the week so far less that of the week before.",
        "change_z": "The change over its standard error (Welch): beyond 2 is unlikely to be chance.",
        "fetched_share": "Share of the days from Monday to the date that was fetched, 0 to 1; a "
        "day without a row counts as none.",
        "scorers": "Scorers of the week and of the one before it, name and version: with more than "
        "one, the change may be theirs.",
    },
}
