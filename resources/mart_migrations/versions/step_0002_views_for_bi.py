"""Views for BI: totals over platforms, weeks, the newest figures of each topic."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    for name, (says, columns, query) in VIEWS.items():
        op.execute(f"CREATE VIEW mart.{name} AS {query}")
        op.execute(f"COMMENT ON VIEW mart.{name} IS '{says}'")
        for column, of_column in {**_COMMON, **columns}.items():
            op.execute(f"COMMENT ON COLUMN mart.{name}.{column} IS '{of_column}'")


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
        AS engagement_sentiment_mean,
"""
_PLATFORMS = """
    count(*) FILTER (WHERE NOT suppressed) AS platforms,
    count(*) FILTER (WHERE suppressed) AS hidden_platforms,
"""
_COMMON = {
    "posts": "Posts in the published cells; null where none is published.",
    "scored": "Posts with a score: the n of the means.",
    "sentiment_mean": "Mean compound of scored posts, -1 to 1.",
    "engagement_sentiment_mean": "Mean compound weighted by engagement.",
}
_OF_TOTALS = {
    "platforms": "Platforms whose figures are in the sums.",
    "hidden_platforms": "Platforms whose figures are suppressed, and in no sum.",
    "sentiment_standard_error": "Standard error of the mean; null below two scored posts.",
    "fetched_share": "The lowest of the platforms'' shares that were fetched, 0 to 1.",
}

VIEWS = {
    "totals_by_hour": (
        "Sentiment by hour over all platforms: sums of published figures alone.",
        _OF_TOTALS,
        f"""
        SELECT date, hour, {_PLATFORMS} {_SUMS} min(fetched_share) AS fetched_share
        FROM mart.hourly_sentiment GROUP BY date, hour
        """,
    ),
    "totals_by_day": (
        "Sentiment by day over all platforms: sums of published figures alone.",
        _OF_TOTALS,
        f"""
        SELECT date, {_PLATFORMS} {_SUMS} min(fetched_share) AS fetched_share
        FROM mart.daily_summary GROUP BY date
        """,
    ),
    "totals_by_topic": (
        "Sentiment by day and topic over all platforms: sums of published figures alone. A post "
        "with two topics counts in both.",
        _OF_TOTALS,
        f"""
        SELECT date, topic_kind, topic, {_PLATFORMS} {_SUMS} min(fetched_share) AS fetched_share
        FROM mart.topic_sentiment GROUP BY date, topic_kind, topic
        """,
    ),
    "sentiment_by_week": (
        "Sentiment by calendar week (Monday to Sunday) and platform: sums of published days alone.",
        {
            "week_start": "The Monday.",
            "days_shown": "Days of the week whose figures are in the sums.",
            "days_hidden": "Days whose figures are suppressed, and in no sum.",
            "fetched_share": "Mean share of the days that was fetched, 0 to 1.",
        },
        f"""
        SELECT date_trunc('week', date::timestamp)::date AS week_start, platform,
            count(*) FILTER (WHERE NOT suppressed) AS days_shown,
            count(*) FILTER (WHERE suppressed) AS days_hidden,
            {_SUMS} avg(fetched_share) AS fetched_share
        FROM mart.daily_summary GROUP BY 1, 2
        """,
    ),
    "topic_latest": (
        "The newest published figures of each topic and platform, of the last 31 days that the "
        "mart has; of tracked topics with the change against the seven days before.",
        {
            "date": "The day that the figures are of.",
            "change": "The mean less that of the seven days before; of tracked topics.",
            "change_z": "The change over its standard error: beyond 2 is unlikely to be chance.",
        },
        """
        SELECT DISTINCT ON (t.platform, t.topic_kind, t.topic)
            t.platform, t.topic_kind, t.topic, t.date, t.posts, t.authors, t.scored, t.positive,
            t.neutral, t.negative, t.sentiment_mean, t.sentiment_standard_error,
            t.engagement_sentiment_mean, trend.trailing_mean, trend.change, trend.change_z,
            t.fetched_share
        FROM mart.topic_sentiment AS t
        LEFT JOIN mart.daily_trend AS trend
            ON t.topic_kind = 'tracked' AND trend.date = t.date AND trend.platform = t.platform
            AND trend.topic = t.topic
        WHERE NOT t.suppressed
            AND t.date > (SELECT max(newest.date) - 31 FROM mart.topic_sentiment AS newest)
        ORDER BY t.platform, t.topic_kind, t.topic, t.date DESC
        """,
    ),
}
