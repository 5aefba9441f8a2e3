"""Silver to the gold tables that count posts, on Spark: hours and topics of many days in one job.

What belongs here: handing silver's files to ``core.gold`` as a frame of Spark's. The cells that
come of it are few, and written by the driver. Gold that is made of gold needs no Spark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
from dagster_pipes import open_dagster_pipes
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from sentiment_assets.core import gold
from sentiment_assets.core.contracts import HOURLY_SENTIMENT, TOPIC_SENTIMENT
from sentiment_assets.engine.job_order import JobAddress, read_order
from sentiment_assets.engine.spark import GoldOrder
from sentiment_assets.lake.tables import PartitionRows
from spark_jobs.reporting import failures_are_told, progress
from spark_jobs.session import session, spark_uri

Report = Callable[[Mapping[str, Any]], None]


def run(
    spark: SparkSession, address: JobAddress, report: Report, log: Callable[[str], None]
) -> None:
    """Write a table's partitions, and report the files of each."""
    _, given = read_order(address)
    order: GoldOrder = given
    frame = cells(spark, order)
    log(f"{order.table}: {frame.height} rows of {len(order.posts.paths)} files of silver")
    for place, (partition, writer) in enumerate(order.writers):
        rows = frame.filter(
            pl.col("date") == partition.date, pl.col("platform") == partition.platform
        )
        files = writer.write([rows])
        report({"partition": place, "files": [[file.path, file.size] for file in files]})


def cells(spark: SparkSession, order: GoldOrder) -> pl.DataFrame:
    """The rows of the table that an order names."""
    posts = posts_of(spark, order.posts)
    if order.table == HOURLY_SENTIMENT.name:

        def carry(small: pl.DataFrame) -> DataFrame:
            return spark.createDataFrame(small.to_arrow())

        return gold.hourly_sentiment(posts, order.coverage, order.min_authors, carry)
    if order.table == TOPIC_SENTIMENT.name:
        return gold.topic_sentiment(posts, order.coverage, order.min_authors)
    raise ValueError(f"{order.table} is not made of posts alone: no job of Spark's makes it")


def posts_of(spark: SparkSession, rows: PartitionRows) -> DataFrame:
    """Rows of a table, from its files, with the partition columns that their folders name."""
    contract = rows.table.contract
    schema: Any = from_arrow_schema(contract.schema)
    if not rows.paths:
        return spark.createDataFrame([], schema)
    root = spark_uri(rows.table.uri)
    reader = spark.read.schema(schema).option("basePath", root)
    return reader.parquet(*(f"{root}/{path}" for path in rows.paths)).select(*gold.POST_COLUMNS)


def main() -> None:
    """For spark-submit, started by Dagster through its Pipes."""
    with open_dagster_pipes() as pipes, failures_are_told(pipes):
        address = JobAddress(**pipes.extras["order"])
        spark = session(address.location, "gold_tables")
        with progress(spark, pipes.log.info):
            run(spark, address, pipes.report_custom_message, pipes.log.info)


if __name__ == "__main__":
    # By its name: workers look there for what is sent to them.
    from spark_jobs.gold_tables import main as program

    program()
