"""What Databricks is told: statements that Spark's parser reads, of tables that others read."""

from __future__ import annotations

import datetime as dt
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from sentiment_assets.core.contracts import SILVER_POSTS
from sentiment_assets.core.layout import table_root
from sentiment_assets.core.pii.pseudonyms import PseudonymKeys
from sentiment_assets.core.silver import CLEAN_INPUT, SilverRules, clean_batch
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets.lake.staged import stage_frame
from sentiment_assets.privacy.access import ROLES, right_of
from sentiment_assets_tests.spark_jobs.sessions import streaming_session
from sentiment_assets_tests.spark_session import lacking
from spark_jobs.jars import JarsMissing

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "deploy/databricks/register_tables.py"
NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone.utc)


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("register_tables", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


register_tables = loaded()
STATEMENTS = list(register_tables.statements("s3://posts/team/lake/", "sentiment"))
GRANTS = [statement for statement in STATEMENTS if statement.startswith("GRANT")]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Any:
    if reason := lacking():
        pytest.skip(reason)
    from pyspark.sql import SparkSession

    # A process has one session, which others go on with: it begins with what they need.
    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    place = LakeLocation(str(tmp_path_factory.mktemp("spark")), "simulated")
    try:
        return streaming_session(place)
    except JarsMissing as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake whose silver holds posts of two days."""
    made = Lake.open(LakeLocation(str(tmp_path_factory.mktemp("lake")), "simulated"))
    rows = [
        {
            "platform": "x", "post_id": str(n), "chain_id": str(n), "author_id": str(n % 3),
            "conversation_id": None, "kind": "post", "created_at": NOON - dt.timedelta(days=n % 2),
            "text": f"it's a really great day, number {n} #good", "platform_lang": "en",
            "known_names": [], "mention_count": 0, "link_domains": [], "like_count": n,
            "reply_count": None, "repost_count": 0, "view_count": None, "edited": False,
            "source": "batch", "fetched_at": NOON, "object": "o", "line": n, "first_seen_at": NOON,
            "last_seen_at": NOON, "observation_count": 1, "late": False,
        }
        for n in range(1, 9)
    ]  # fmt: skip
    posts = pa.RecordBatch.from_pylist(rows, schema=CLEAN_INPUT)
    cleaned = pl.from_arrow(clean_batch(posts, SilverRules(PseudonymKeys((("x", "ab" * 32),)), ())))
    assert isinstance(cleaned, pl.DataFrame)
    partitions = cleaned.select("date", "platform", "window").unique().cast(pl.String).to_dicts()
    replacement = made.table(SILVER_POSTS).begin(partitions, "run")
    stage_frame(replacement, cleaned)
    replacement.commit()
    return made


def test_spark_parses_every_statement(spark: Any) -> None:
    parser = spark._jsparkSession.sessionState().sqlParser()
    parsed = [statement for statement in STATEMENTS if statement not in GRANTS]
    assert len(parsed) == 6 + 2 * len(register_tables.TABLES)
    plans = [parser.parsePlan(statement).nodeName() for statement in parsed]
    assert set(plans) == {"CreateNamespace", "CreateTable", "CreateView"}


def test_every_table_of_silver_and_gold_has_its_place_and_a_view_with_its_words() -> None:
    made = "\n".join(STATEMENTS)
    assert {contract.layer for contract in register_tables.TABLES.values()} == set(
        register_tables.LAYERS
    )
    for contract in register_tables.TABLES.values():
        assert (
            f"CREATE TABLE IF NOT EXISTS sentiment.{contract.layer}_files.{contract.table} USING "
            f"DELTA LOCATION 's3://posts/team/lake/{table_root(contract.name)}'"
        ) in STATEMENTS
        view = next(
            s for s in STATEMENTS if f" VIEW sentiment.{contract.name.replace('/', '.')} " in s
        )
        named, _, selected = view.partition("\nCOMMENT ")
        assert re.findall(r"^  `(\w+)` COMMENT '", named, re.M) == contract.schema.names
        assert re.findall(r"`(\w+)`", selected.partition("AS SELECT")[2]) == contract.schema.names
        for column in contract.columns:
            assert column.description.replace("'", "\\'") in named
    # What is written of a table must not be written into its log.
    assert not re.search(r"ALTER TABLE|COMMENT ON|TBLPROPERTIES|INSERT|MERGE|DROP", made)


def test_descriptions_come_back_as_they_are(spark: Any) -> None:
    words = 'a platform\'s \\ own; "words"'
    text = register_tables._text(words)
    assert spark.sql(f"SELECT {text} AS told").head()["told"] == words


def test_readers_are_those_of_the_access_table_and_of_views_alone() -> None:
    given = {
        (match[1], match[2])
        for grant in GRANTS
        if (match := re.fullmatch(r"GRANT SELECT ON SCHEMA sentiment\.(\w+) TO `(.+)`", grant))
    }
    expected = {
        (layer, f"sentiment-{role.name.replace('_', '-')}")
        # Reference tables are for the readers of gold.
        for layer, read in (("silver", "silver"), ("gold", "gold"), ("reference", "gold"))
        for role in ROLES
        if right_of(role.name, read) == "read"
    }
    assert given == expected
    assert ("silver", "sentiment-bi") not in given
    assert not [grant for grant in GRANTS if "_files" in grant or "MODIFY" in grant]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--lake", "/var/lake", "--catalog", "c"], "s3://my-bucket/sentiment"),
        (["--lake", "s3://b/it's", "--catalog", "c"], "the lake is"),
        (["--lake", "s3://b/l", "--catalog", "c.d"], "the catalog is"),
        (["--lake", "s3://b/l", "--catalog", "c", "--principal", "all"], "sentiment-{role}"),
    ],
)
def test_wrong_names_are_told(arguments: list[str], told: str) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert told in done.stderr


def test_it_prints_them_from_any_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--lake", "s3://posts/team/lake", "--catalog", "sentiment"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ";\n\n".join(STATEMENTS) + ";\n"


def expected_rows(lake: Lake) -> list[dict[str, Any]]:
    return lake.table(SILVER_POSTS).scan().collect().sort("post_pid").to_dicts()


def test_a_table_of_ours_is_read_by_polars_and_duckdb_as_delta(lake: Lake) -> None:
    uri, expected = lake.table(SILVER_POSTS).uri, expected_rows(lake)
    assert len(expected) == 8
    read = pl.scan_delta(uri).collect().select(expected[0].keys()).sort("post_pid")
    assert read.to_dicts() == expected
    with duckdb.connect() as connection:
        connection.register("written", DeltaTable(uri).to_pyarrow_dataset())
        found = connection.execute(
            "SELECT platform, sum(like_count), count(DISTINCT date) FROM written GROUP BY platform"
        )
        assert found.fetchall() == [("x", 36, 2)]


def test_spark_reads_what_the_log_names_through_the_views_own_select(
    lake: Lake, spark: Any
) -> None:
    """Without Delta's jar: the files that the log names, by their folders' partitions."""
    table, expected = lake.table(SILVER_POSTS), expected_rows(lake)
    files = [f"file://{table.uri}/{path}" for path in sorted(table.live_files())]
    assert len(files) == 2
    read = (
        spark.read.option("basePath", f"file://{table.uri}")
        # "0800" is a name, no number.
        .option("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
        .parquet(*files)
    )
    read.createOrReplaceTempView("posts_files")
    shown = spark.sql(register_tables.select_of(SILVER_POSTS, "posts_files")).toArrow()
    assert shown.schema.names == SILVER_POSTS.schema.names
    assert {str(field.type) for field in shown.schema if pa.types.is_null(field.type)} == set()
    rows = sorted(shown.to_pylist(), key=lambda row: row["post_pid"])
    for name in (
        "post_pid",
        "text",
        "hashtags",
        "sentiment_compound",
        "created_hour",
        "like_count",
    ):
        assert [row[name] for row in rows] == [row[name] for row in expected], name
