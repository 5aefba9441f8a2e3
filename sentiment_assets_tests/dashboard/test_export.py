import datetime as dt
import io

import polars as pl
from polars.testing import assert_frame_equal

from dashboard import export, queries
from dashboard.queries import Selection, Span
from sentiment_assets.core.contracts import DAILY_TREND, POOLED_SENTIMENT

SPAN = Span(dt.date(2026, 11, 17), dt.date(2026, 11, 23))
WEEK = Selection(SPAN.first, SPAN.last, "x")


def test_parquet_is_the_tables_rows_as_they_are(wide):
    rows = queries.rows(wide, DAILY_TREND, WEEK)
    assert rows.columns == DAILY_TREND.schema.names
    assert set(rows["platform"]) == {"x"}
    assert_frame_equal(pl.read_parquet(io.BytesIO(export.written(rows, "parquet"))), rows)


def test_without_a_platform_there_are_all_of_them(wide):
    rows = queries.rows(wide, DAILY_TREND, SPAN)
    assert rows["platform"].n_unique() == 4
    assert rows["date"].is_between(SPAN.first, SPAN.last).all()


def test_lists_are_texts_in_csv(quiet_store):
    november = Span(dt.date(2026, 11, 1), dt.date(2026, 12, 6))
    rows = queries.rows(quiet_store, POOLED_SENTIMENT, november)
    read = pl.read_csv(io.BytesIO(export.written(rows, "csv")))
    assert read.columns == POOLED_SENTIMENT.schema.names
    assert read["days"][0].split(";") == [day.isoformat() for day in rows["days"][0]]
    assert read["posts"].to_list() == rows["posts"].to_list()


def test_no_text_of_a_csv_is_a_formula():
    texts = ["=1+1", "+27", "-x", "@name", "plain", "a=b", None]
    rows = pl.DataFrame({"topic": texts, "posts": [-1, 2, 3, 4, 5, 6, 7]})
    read = pl.read_csv(io.BytesIO(export.written(rows, "csv")))
    assert read["topic"].to_list() == ["'=1+1", "'+27", "'-x", "'@name", "plain", "a=b", None]
    assert read["posts"][0] == -1


def test_names_tell_table_days_and_platform():
    name = export.file_name(DAILY_TREND, "csv", WEEK)
    assert name == "daily_trend_2026-11-17_2026-11-23_x.csv"
    name = export.file_name(DAILY_TREND, "parquet", SPAN)
    assert name == "daily_trend_2026-11-17_2026-11-23_all_platforms.parquet"
