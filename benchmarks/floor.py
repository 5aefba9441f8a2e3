"""The least that a job from bronze to silver can be: JSON in, Parquet out, nothing in between.

What belongs here: reading and parsing as silver does, and writing what was parsed with silver's
compression. (Polars' own reader of JSON lines takes twice as long for these payloads.)
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.bronze import DAY
from sentiment_assets.core.layout import windows_of
from sentiment_assets.core.parsers import parse_lines
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.lake.bronze import read_blocks, read_partition
from sentiment_assets.lake.objects import Lake


def run(lake: Lake, out: Path) -> int:
    """Every bronze object of the date as a Parquet file; returns the records."""
    out.mkdir()
    bronze = read_partition(lake, DAY)
    parser = PLATFORMS[DAY.platform].parser
    records = 0
    for window in windows_of(DAY):
        for number, stored in enumerate(bronze.objects(window)):
            parsed = [
                parse_lines(parser, DAY.platform, lines, stored.path).posts
                for lines in read_blocks(lake, stored)
            ]
            table = pa.Table.from_batches(parsed)
            pq.write_table(table, out / f"{window.name}-{number}.parquet", compression="zstd")
            records += table.num_rows
    return records
