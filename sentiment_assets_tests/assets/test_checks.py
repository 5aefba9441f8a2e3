"""Each check against a table that was broken on purpose, and what a failed one holds back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, Field
from deltalake.schema import PrimitiveType

from sentiment_assets.core.contracts import (
    CALENDAR_DAYS,
    CONTRACTS,
    DAILY_SUMMARY,
    DAILY_TREND,
    POOLED_SENTIMENT,
    SILVER_POSTS,
    SILVER_QUARANTINE,
    Contract,
)
from sentiment_assets.core.layout import windows_of
from sentiment_assets.freshness import freshness
from sentiment_assets.partitions import RANGE_END_TAG, RANGE_START_TAG
from sentiment_assets.sensors import behind
from sentiment_assets_tests.local_platform import NOW, TODAY, YESTERDAY, Platform, events_of

Change = Callable[[pa.Table], pa.Table]


def look(platform: Platform, table: str) -> dict[str, dg.AssetCheckEvaluation]:
    """Run a table's checks alone on the last day; name -> evaluation."""
    selection = dg.AssetSelection.checks_for_assets(dg.AssetKey(table.split("/")))
    # How old the table is, is another matter: these look at what it holds.
    selection -= dg.AssetSelection.checks(freshness)
    platform.more = dg.Definitions(jobs=[dg.define_asset_job("look", selection)])
    # A job of checks alone knows no partition key, as Dagster sees it; a range of one will do.
    result = platform.run("look", [], tags={RANGE_START_TAG: TODAY.key, RANGE_END_TAG: TODAY.key})
    return {found.check_name: found for found in result.get_asset_check_evaluations()}


def rewrite(platform: Platform, contract: Contract, change: Change) -> None:
    """Change a day's rows behind the committer's back, in the file that holds most of them."""
    folder = f"{contract.name}/{TODAY.folder}/"
    files = [o for o in platform.lake.objects.list(folder) if o.path.endswith(".parquet")]
    live = DeltaTable(platform.lake.table(contract).uri).file_uris()
    largest = max(
        (o for o in files if any(uri.endswith(o.path) for uri in live)), key=lambda o: o.size
    )
    path = platform.lake.location.uri_of(largest.path)
    with pq.ParquetFile(path) as file:
        rows = file.read()
    pq.write_table(change(rows), path)


def without_value(column: str) -> Change:
    """The first row loses its value, in a file that permits it."""

    def change(rows: pa.Table) -> pa.Table:
        kind = rows.schema.field(column).type
        emptied = pa.array([None, *rows[column].to_pylist()[1:]], kind)
        return rows.set_column(rows.column_names.index(column), pa.field(column, kind), emptied)

    return change


def with_lists(rows: pa.Table, column: str, values: list[str]) -> pa.Table:
    field = rows.schema.field(column)
    lists = pa.array([values] * rows.num_rows, field.type)
    return rows.set_column(rows.column_names.index(column), field, lists)


def doubled(rows: pa.Table) -> pa.Table:
    return pa.concat_tables([rows, rows.slice(0, 1)])


def beheaded(rows: pa.Table) -> pa.Table:
    return rows.slice(1)


def add_column(platform: Platform, contract: Contract) -> None:
    table = DeltaTable(platform.lake.table(contract).uri)
    table.alter.add_columns([Field("surprise", PrimitiveType("string"))])


def empty_windows(platform: Platform, count: int) -> None:
    """Windows whose rows are gone though the log says that their bronze was consumed."""
    table = platform.lake.table(SILVER_POSTS)
    values = [
        {"date": w.partition.date.isoformat(), "platform": "x", "window": w.name}
        for w in windows_of(TODAY)[:count]
    ]
    kept = {key: value for key, value in table.fingerprints(values).items() if value is not None}
    assert len(kept) == count
    table.begin(values, "vandal").commit(fingerprints=kept)


Damage = Callable[[Platform], None]


def breaks() -> Iterator[tuple[str, str, Damage, str]]:
    """Table, check, damage, what the check must say of it."""
    posts = SILVER_POSTS.name
    two = partial(with_lists, column="recipes", values=["old", "new"])
    yield (
        DAILY_SUMMARY.name,
        "one_recipe",
        partial(rewrite, contract=DAILY_SUMMARY, change=two),
        ("the day's rows follow 2 recipes, scored by vader 3.3.2: its figures mix them"),
    )
    two = partial(with_lists, column="scorers", values=["textblob 0.20.1", "vader 3.3.2"])
    yield (
        DAILY_TREND.name,
        "one_scorer",
        partial(rewrite, contract=DAILY_TREND, change=two),
        ("scored by textblob 0.20.1, vader 3.3.2: a change may be theirs"),
    )
    yield posts, "conservation", lambda p: rewrite(p, SILVER_POSTS, beheaded), "≠"
    yield posts, "conservation", lambda p: empty_windows(p, 1), "≠"
    yield posts, "volume", lambda p: empty_windows(p, 10), "0 posts, 0.00 times"
    for contract in CONTRACTS.values():
        table, add = contract.name, partial(add_column, contract=contract)
        yield table, "schema", add, "not in the contract: surprise"
        # Nothing was quarantined or went on that day, and pools stand with Sundays.
        if contract not in (SILVER_QUARANTINE, POOLED_SENTIMENT, CALENDAR_DAYS):
            change = partial(rewrite, contract=contract)
            last = contract.required[-1]
            repeat, empty = partial(change, change=doubled), without_value(last)
            yield table, "key_unique", repeat, "1 rows repeat a key"
            yield table, "required_columns", partial(change, change=empty), f"{last} is null in 1"


BREAKS = [*breaks()]
WARNINGS = ("volume", "one_recipe", "one_scorer")


@pytest.mark.parametrize(
    ("table", "check", "damage", "sentence"),
    BREAKS,
    ids=[f"{number}-{table}-{check}" for number, (table, check, *_) in enumerate(BREAKS)],
)
def test_a_broken_table_fails_its_check(
    copy: Platform, table: str, check: str, damage: Damage, sentence: str
) -> None:
    damage(copy)
    found = look(copy, table)
    assert sentence in (found[check].description or "")
    assert not found[check].passed
    blocking = check not in WARNINGS
    assert found[check].blocking == blocking
    assert found[check].severity == (
        dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN
    )
    related = {"conservation": {"volume"}, "volume": {"conservation"}}.get(check, set())
    related |= {"conservation"} if (table, check) == ("silver/posts", "key_unique") else set()
    others = {name: e.passed for name, e in found.items() if name not in {check, *related}}
    assert all(others.values()), others


def test_an_unbroken_table_passes_all(copy: Platform) -> None:
    found = look(copy, "silver/posts")
    assert {name: e.passed for name, e in found.items()} == dict.fromkeys(
        ("schema", "key_unique", "required_columns", "conservation", "volume"), True
    )
    assert "times what the fetched 77% of a day usually brings" in found["volume"].description


def test_a_failed_blocking_check_keeps_gold_as_it_was(copy: Platform) -> None:
    rewrite(copy, SILVER_POSTS, beheaded)
    before = {name: copy.lake.table(CONTRACTS[name]).version for name in CONTRACTS}
    result = copy.run("rebuild", [TODAY])
    assert not result.success
    assert events_of(result, "STEP_UP_FOR_RETRY") == [], "rows don't mend themselves"
    built = {"/".join(e.asset_key.path) for e in result.get_asset_materialization_events()}
    assert built == {"silver/quarantine", "silver/posts"}
    assert set(events_of(result, "STEP_START")) == {
        "silver_posts",
        "check_posts",
        "check_quarantine",
    }
    assert {name: copy.lake.table(CONTRACTS[name]).version for name in CONTRACTS} == before
    # … and gold counts as behind until a rebuild gets through.
    assert behind(copy.instance, NOW)[0] == {TODAY}


def test_checks_of_a_range_judge_each_partition(copy: Platform) -> None:
    rewrite(copy, SILVER_POSTS, doubled)
    selection = dg.AssetSelection.checks_for_assets(dg.AssetKey(["silver", "posts"]))
    copy.more = dg.Definitions(jobs=[dg.define_asset_job("look", selection)])
    result = copy.run("look", [YESTERDAY, TODAY])
    verdicts = [
        (e.partition, e.passed)
        for e in result.get_asset_check_evaluations()
        if e.check_name == "key_unique" and e.partition
    ]
    assert dict(verdicts) == {YESTERDAY.key: True, TODAY.key: False}
