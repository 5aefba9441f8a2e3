import datetime as dt
import io

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from dashboard import export, queries
from dashboard.queries import Selection, Span
from dashboard.stores import LakeStore
from sentiment_assets.core.contracts import DAILY_TREND, POOLED_SENTIMENT

SPAN = Span(dt.date(2026, 11, 17), dt.date(2026, 11, 23))
WEEK = Selection(SPAN.first, SPAN.last, "x")


class Asked(LakeStore):
    """A lake that remembers how many rows it was asked for, question by question."""

    def __init__(self, lake):
        super().__init__(lake)
        self.rows_given = []

    def rows(self, *question):
        found = super().rows(*question)
        self.rows_given.append(found.height)
        return found


def read(store, table, selection):
    return pl.concat(queries.batches(store, table, selection))


def file(batches, kind):
    return file_of(export.written(batches, kind))


def file_of(pieces):
    return io.BytesIO(b"".join(pieces))


def test_parquet_is_the_tables_rows_as_they_are(wide):
    rows = read(wide, DAILY_TREND, WEEK)
    assert rows.columns == DAILY_TREND.schema.names
    assert set(rows["platform"]) == {"x"}
    assert_frame_equal(pl.read_parquet(file([rows], "parquet")), rows)


def test_without_a_platform_there_are_all_of_them(wide):
    rows = read(wide, DAILY_TREND, SPAN)
    assert rows["platform"].n_unique() == 4
    assert rows["date"].is_between(SPAN.first, SPAN.last).all()


def test_lists_are_texts_in_csv(quiet_store):
    november = Span(dt.date(2026, 11, 1), dt.date(2026, 12, 6))
    rows = read(quiet_store, POOLED_SENTIMENT, november)
    texts = pl.read_csv(file([rows], "csv"))
    assert texts.columns == POOLED_SENTIMENT.schema.names
    assert texts["days"][0].split(";") == [day.isoformat() for day in rows["days"][0]]
    assert texts["posts"].to_list() == rows["posts"].to_list()


def test_no_text_of_a_csv_is_a_formula():
    texts = ["=1+1", "+27", "-x", "@name", "plain", "a=b", None]
    rows = pl.DataFrame({"topic": texts, "posts": [-1, 2, 3, 4, 5, 6, 7]})
    texts = pl.read_csv(file([rows], "csv"))
    assert texts["topic"].to_list() == ["'=1+1", "'+27", "'-x", "'@name", "plain", "a=b", None]
    assert texts["posts"][0] == -1


@pytest.mark.parametrize(("kind", "reader"), [("csv", pl.read_csv), ("parquet", pl.read_parquet)])
def test_a_large_file_is_read_and_written_some_days_at_a_time(wide, monkeypatch, kind, reader):
    whole = reader(file([read(wide, DAILY_TREND, SPAN)], kind))
    monkeypatch.setattr(queries, "BATCH_ROWS", 100)
    asked = Asked(wide.lake)
    pieces = export.written(queries.batches(asked, DAILY_TREND, SPAN), kind)
    first = next(pieces)
    assert len(asked.rows_given) == 1, "the rest is read when it is asked for"
    rows = reader(file_of([first, *pieces]))
    # Some 36 rows a day of four platforms: two days are a batch, the seventh is one alone.
    assert len(asked.rows_given) == 4
    assert max(asked.rows_given) <= 100 < sum(asked.rows_given) == whole.height
    assert_frame_equal(rows, whole, check_row_order=False)


def test_a_download_leaves_the_pages_cache_alone(wide):
    asked = Asked(wide.lake)
    for _ in range(2):
        assert len(list(queries.batches(asked, DAILY_TREND, WEEK))) == 1
    assert len(asked.rows_given) == 2


def test_a_file_without_rows_has_its_columns(wide):
    before = Selection(dt.date(2020, 1, 1), dt.date(2020, 1, 2), "x")
    for kind, reader in (("csv", pl.read_csv), ("parquet", pl.read_parquet)):
        rows = reader(file(queries.batches(wide, DAILY_TREND, before), kind))
        assert rows.columns == DAILY_TREND.schema.names
        assert rows.is_empty()


def test_names_tell_table_days_and_platform():
    name = export.file_name(DAILY_TREND, "csv", WEEK)
    assert name == "daily_trend_2026-11-17_2026-11-23_x.csv"
    name = export.file_name(DAILY_TREND, "parquet", SPAN)
    assert name == "daily_trend_2026-11-17_2026-11-23_all_platforms.parquet"
