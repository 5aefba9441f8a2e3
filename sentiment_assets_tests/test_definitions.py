"""The shape of the asset graph, and that it loads with nothing but the core installed.

``graph.json`` beside this file is the shape as a reader should know it. Where a change of it is
meant, write it anew and look at the diff:

    SENTIMENT_REWRITE_GRAPH=1 python -m pytest sentiment_assets_tests/test_definitions.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from resources.settings import SettingsError, read_settings
from sentiment_assets.assets.kafka_topics import KAFKA
from sentiment_assets.assets.maintenance import maintenance_key
from sentiment_assets.assets.marts import PUBLISHED, WHOLE_CONTRACTS, postgres_key
from sentiment_assets.assets.stream import STREAM_POSTS_KEY
from sentiment_assets.core.contracts import (
    CONTRACTS,
    LIVE_CONTRACTS,
    LIVE_POSTS,
    REFERENCE_CONTRACTS,
)
from sentiment_assets.definitions import build_defs
from sentiment_assets.orders import ORDERS_KEY
from sentiment_assets.partitions import POST_PARTITIONS

ROOT = Path(__file__).parents[1]
SNAPSHOT = Path(__file__).with_name("graph.json")
TABLES = {**CONTRACTS, **LIVE_CONTRACTS, **REFERENCE_CONTRACTS}
MART_WHOLE = [postgres_key(contract) for contract in WHOLE_CONTRACTS]
LIVE_KEYS = [dg.AssetKey(table.split("/")) for table in LIVE_CONTRACTS]
PARTITIONS = {POST_PARTITIONS: "date x platform", None: "none"}
# Read before the tests clear the environment of the project's own settings.
REWRITE = bool(os.environ.get("SENTIMENT_REWRITE_GRAPH"))


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_defs(read_settings({}))


def shape(definitions: dg.Definitions) -> dict[str, Any]:
    """Everything of the graph that a user or another part of the platform relies on."""
    graph = definitions.resolve_asset_graph()
    assets = {}
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        mappings = {
            spec.asset_key.to_user_string(): type(spec.partition_mapping).__name__
            for asset in definitions.assets or []
            if isinstance(asset, dg.AssetsDefinition) and key in asset.keys
            for spec in asset.specs_by_key[key].deps
            if spec.partition_mapping is not None
        }
        policy = node.backfill_policy
        assets[key.to_user_string()] = {
            "group": node.group_name,
            "owners": sorted(node.owners),
            "kinds": sorted(node.kinds),
            "tags": {name: value for name, value in sorted(node.tags.items()) if "/" not in name},
            "partitions": PARTITIONS.get(node.partitions_def, "other"),
            "backfill": policy.policy_type.value if policy else "a run each",
            "pools": sorted(node.pools or ()),
            "deps": sorted(parent.to_user_string() for parent in node.parent_keys),
            **({"partition_mappings": mappings} if mappings else {}),
            "checks": {
                check.name: "blocking" if graph.get_check_spec(check).blocking else "warning"
                for check in sorted(graph.get_check_keys_for_assets([key]))
            },
        }
    repository = definitions.get_repository_def()
    return {
        "assets": assets,
        "jobs": {
            job.name: sorted(key.to_user_string() for key in job.asset_layer.selected_asset_keys)
            for job in repository.get_all_jobs()
            if not job.name.startswith("__")
        },
        "schedules": {
            schedule.name: f"{schedule.cron_schedule} {schedule.execution_timezone}, "
            f"job {schedule.job_name}, {schedule.default_status.value}"
            for schedule in repository.schedule_defs
        },
        "sensors": {
            sensor.name: f"every {sensor.minimum_interval_seconds} s, "
            f"job {' '.join(target.job_name for target in sensor.targets) or 'none'}, "
            f"{sensor.default_status.value}"
            for sensor in repository.sensor_defs
        },
    }


def test_the_graph_is_as_it_was(definitions: dg.Definitions) -> None:
    found = shape(definitions)
    if REWRITE:
        SNAPSHOT.write_text(json.dumps(found, indent=2) + "\n")
    assert found == json.loads(SNAPSHOT.read_text()), f"if that is meant: {__doc__}"


def test_every_asset_says_what_it_is(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert len(node.description or "") > 40, key
        assert node.owners, key
        assert node.kinds, key
        # Upkeep is of a whole table, a topic and a file have no dates, the stream forgets them.
        whole = (key.path[0] == "maintenance" and key != ORDERS_KEY) or key.path[0] == KAFKA
        whole = whole or key in (*LIVE_KEYS, *MART_WHOLE) or key.path[0] == "reference"
        assert node.partitions_def == (None if whole else POST_PARTITIONS), key


def test_every_table_is_maintained(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for table in ("bronze/batch_posts", *TABLES):
        key = dg.AssetKey(table.split("/"))
        assert graph.get(maintenance_key(key)).parent_keys == {key}
    assert not graph.get(ORDERS_KEY).is_executable


@pytest.mark.parametrize("table", TABLES)
def test_columns_and_lineage_come_from_the_contract(
    definitions: dg.Definitions, table: str
) -> None:
    contract = TABLES[table]
    graph = definitions.resolve_asset_graph()
    metadata = graph.get(dg.AssetKey(table.split("/"))).metadata
    schema: dg.TableSchema = metadata["dagster/column_schema"]
    assert [(c.name, c.type) for c in schema.columns] == [
        (column.name, str(column.type)) for column in contract.columns
    ]
    assert all(column.description for column in schema.columns)
    lineage: dg.TableColumnLineage = metadata["dagster/column_lineage"]
    # Topics and files have no columns.
    assert lineage.deps_by_column or table in (LIVE_POSTS.name, *REFERENCE_CONTRACTS)
    for deps in lineage.deps_by_column.values():
        for dep in deps:
            upstream = dep.asset_key.to_user_string()
            assert dep.asset_key in graph.get_all_asset_keys()
            if upstream in TABLES:
                assert TABLES[upstream].column(dep.column_name)


def test_every_step_that_does_io_is_retried(definitions: dg.Definitions) -> None:
    for step in [*(definitions.assets or []), *(definitions.asset_checks or [])]:
        if isinstance(step, dg.AssetSpec):
            # No step makes it.
            known = {ORDERS_KEY, STREAM_POSTS_KEY, *LIVE_KEYS}
            assert step.key in known or step.key.path[0] == KAFKA
            continue
        assert isinstance(step, dg.AssetsDefinition)
        policy = step.op.retry_policy
        assert policy is not None, step.op.name
        assert policy.max_retries == 3
        assert policy.backoff == dg.Backoff.EXPONENTIAL
        assert policy.jitter is not None


def test_settings_and_overrides_reach_the_definitions(tmp_path: Path) -> None:
    settings = read_settings({}, home=tmp_path)
    definitions = build_defs(settings, min_authors=3)
    assert definitions.metadata["origin"].value == "simulated"
    assert definitions.metadata["lake"].value == str(tmp_path / "lake" / "simulated")
    assert (definitions.resources or {})["min_authors"] == 3
    assert [*tmp_path.iterdir()] == [], "loading makes nothing"


def test_wrong_settings_and_tracking_are_told_at_load(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SENTIMENT_MIN_AUTHORS", "many")
    with pytest.raises(SettingsError, match=r"SENTIMENT_MIN_AUTHORS.*for example: 10"):
        build_defs()
    monkeypatch.delenv("SENTIMENT_MIN_AUTHORS")
    monkeypatch.setenv("SENTIMENT_TRACKING", str(tmp_path / "missing.yaml"))
    with pytest.raises(SettingsError, match="SENTIMENT_TRACKING: cannot read"):
        build_defs()


OPTIONAL = [
    "pyspark", "dagster_pyspark", "snowflake", "dagster_snowflake", "dagster_aws", "boto3",
    "streamlit", "altair", "pandas", "moto", "hypothesis", "pytest",
]  # fmt: skip


def test_definitions_load_without_any_extra(tmp_path: Path) -> None:
    """In a process where none of the extras can be imported, as after a bare install."""
    program = (
        "import sys\n"
        f"for name in {OPTIONAL!r}: sys.modules[name] = None\n"
        "import dagster as dg\n"
        "from sentiment_assets.definitions import defs\n"
        "loaded = defs()\n"
        "dg.Definitions.validate_loadable(loaded)\n"
        "print(len(loaded.resolve_asset_graph().get_all_asset_keys()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    # Tables, their upkeep and its orders; the stream's posts and four topics; what is live; gold
    # and reference tables in the mart.
    assert int(done.stdout) == 18 + 18 + 1 + 4 + 2 * 2 + len(PUBLISHED) + len(MART_WHOLE)
    assert done.stderr == ""
    assert [*tmp_path.iterdir()] == []
