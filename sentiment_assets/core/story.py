"""What gold says in one sentence a day, for people: the terminal's and the dashboard's story."""

from __future__ import annotations

import polars as pl

#: Below these a difference is not worth a sentence.
_NOTABLE_CHANGE = 0.1
_NOTABLE_Z = 3.0
_NOTABLE_DROP = 0.2
_NOTABLE_VOLUME = 1.5


def tell(summaries: pl.DataFrame, hourly: pl.DataFrame, trends: pl.DataFrame) -> list[str]:
    """The notable days, oldest first, one sentence each.

    Args:
        summaries: rows of ``gold/daily_summary``.
        hourly: rows of ``gold/hourly_sentiment``.
        trends: rows of ``gold/daily_trend``.
    """
    told = []
    shown = summaries.filter(~pl.col("suppressed") & (pl.col("scored") > 0))
    for day in shown.sort("date", "platform").iter_rows(named=True):
        same_day = (pl.col("date") == day["date"]) & (pl.col("platform") == day["platform"])
        facts = _facts(day, hourly.filter(same_day), trends.filter(same_day))
        if facts:
            told.append(f"{day['date']:%a %d %b} on {day['platform']}: {'; '.join(facts)}.")
    return told


def _facts(day: dict[str, object], hourly: pl.DataFrame, trends: pl.DataFrame) -> list[str]:
    facts = []
    mean = float(str(day["sentiment_mean"]))
    whole = trends.filter(pl.col("topic") == "all")
    if whole.height:
        row = whole.row(0, named=True)
        if (
            row["change"] is not None
            and abs(row["change"]) >= _NOTABLE_CHANGE
            and abs(row["change_z"] or 0) >= _NOTABLE_Z
        ):
            direction = "up" if row["change"] > 0 else "down"
            days = row["trailing_days"]
            facts.append(
                f"sentiment {direction} {abs(row['change']):.2f} to {mean:+.2f} against "
                f"{'the day' if days == 1 else f'the {days} days'} before"
            )
        if row["volume_ratio"] is not None and row["volume_ratio"] >= _NOTABLE_VOLUME:
            facts.append(f"{row['volume_ratio']:.1f} times the usual posts")
    low = hourly.filter(
        ~pl.col("suppressed")
        & (pl.col("sentiment_mean") <= mean - _NOTABLE_DROP)
        & (pl.col("sentiment_mean") < 0)
    ).sort("hour")
    if low.height:
        first, last = low["hour"][0], low["hour"][-1]
        worst = low.sort("sentiment_mean").row(0, named=True)
        span = f"{first:%H:%M}" if low.height == 1 else f"{first:%H:%M} to {last:%H:%M}"
        facts.append(f"low at {span} UTC, worst {worst['sentiment_mean']:+.2f}")
    topics = trends.filter(
        (pl.col("topic") != "all")
        & (pl.col("change_z").abs() >= _NOTABLE_Z)
        & (pl.col("change").abs() >= _NOTABLE_DROP)
    ).sort(pl.col("change").abs(), descending=True)
    if topics.height:
        named = ", ".join(
            f"{row['topic']} {row['change']:+.2f}" for row in topics.head(3).iter_rows(named=True)
        )
        facts.append(f"moved most: {named}")
    return facts


def sparkline(values: list[float | None]) -> str:
    """Hourly means from -1 to 1 as blocks; a gap where there is nothing to show."""
    blocks = "▁▂▃▄▅▆▇█"
    drawn = []
    for value in values:
        if value is None:
            drawn.append(" ")
        else:
            # Means of many posts seldom leave this range: it is stretched over all blocks.
            scaled = (min(max(value, -0.6), 0.6) + 0.6) / 1.2
            drawn.append(blocks[round(scaled * (len(blocks) - 1))])
    return "".join(drawn)
