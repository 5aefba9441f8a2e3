"""How little the pages read: a question once a version, and only the files that it is about."""

import datetime as dt

import polars as pl
import pytest

from dashboard import queries
from dashboard.queries import Selection, Span
from dashboard.stores import LakeStore
from resources.settings import read_settings
from sentiment_assets.core.contracts import DAILY_TREND

DAY = dt.date(2026, 11, 18)
NEXT = dt.date(2026, 11, 19)
OF_X = Selection(DAY, DAY, "x")


class Counted(LakeStore):
    """A lake that counts what it is asked."""

    asked = 0

    def rows(self, *question):
        Counted.asked += 1
        return super().rows(*question)


@pytest.fixture
def lake(tmp_path, tables, write_gold):
    """Two days of two platforms, each a file of its own."""
    lake = read_settings({}, home=tmp_path).open_lake()
    rows = tables[DAILY_TREND].filter(pl.col("date").is_in([DAY, NEXT]))
    other = rows.with_columns(platform=pl.lit("facebook"))
    write_gold(lake, DAILY_TREND, pl.concat([rows, other]))
    return lake


def test_a_question_is_asked_once_until_gold_has_a_newer_version(lake, tables, write_gold):
    before = Counted.asked
    first = queries.tracked_topics(Counted(lake), OF_X)
    # Another reader, or the same one again: a store is made for each run of a page.
    assert queries.tracked_topics(Counted(lake), OF_X) == first
    assert Counted.asked == before + 1
    queries.tracked_topics(Counted(lake), Selection(NEXT, NEXT, "x"))
    assert Counted.asked == before + 2

    rows = tables[DAILY_TREND].filter(pl.col("date") == DAY)
    write_gold(lake, DAILY_TREND, rows.filter(pl.col("topic") != first[0]))
    assert queries.tracked_topics(Counted(lake), OF_X) == first[1:]
    assert Counted.asked == before + 3


def test_no_file_of_another_day_or_platform_is_opened(lake, tmp_path):
    table = lake.table(DAILY_TREND)
    files = {tmp_path / table.uri / path for path in table.live_files()}
    mine = {file for file in files if {f"date={DAY}", "platform=x"} <= set(file.parts)}
    assert (len(mine), len(files)) == (1, 4)
    for file in files - mine:
        file.write_bytes(b"not a Parquet file")
    assert queries.tracked_topics(LakeStore(lake), OF_X)
    [rows] = queries.batches(LakeStore(lake), DAILY_TREND, OF_X)
    assert rows.height > 1
    for wider in (Span(DAY, DAY), Selection(DAY, NEXT, "x")):
        with pytest.raises(pl.exceptions.PolarsError):
            list(queries.batches(LakeStore(lake), DAILY_TREND, wider))
