"""What real runs write as JSON lines: run, asset, partition, metrics, and nothing else.

The instance logs as ``dagster.yaml`` says; only its runs lie in files of the test.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from resources.settings import PROJECT_ROOT, SettingsError, read_settings
from sentiment_assets.core.freshness import JUDGED, Watch
from sentiment_assets.core.metrics import METRICS, STALE, embedded
from sentiment_assets.log_lines import assets_of_step
from sentiment_assets.partitions import range_tags
from sentiment_assets_tests.local_platform import TODAY, YESTERDAY, Platform, bronze_envelopes

Line = dict[str, Any]
#: Of https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
UNITS = {"Seconds", "Bytes", "Count", "None"}


@pytest.fixture
def logging_instance() -> Iterator[dg.DagsterInstance]:
    own = yaml.safe_load((PROJECT_ROOT / "dagster.yaml").read_text())
    with dg.instance_for_test({"python_logs": own["python_logs"]}) as instance:
        yield instance


@pytest.fixture
def logged(
    platform: Platform,
    logging_instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Any:
    """Run a job and return its lines."""
    platform.instance = logging_instance
    platform.x.client.recent = dt.timedelta(days=1)
    platform.resources["watch"] = Watch({"x": (dt.timedelta(days=1),)})
    monkeypatch.setenv("SENTIMENT_LOG_FORMAT", "json")
    monkeypatch.setenv("SENTIMENT_METRICS_NAMESPACE", "Sentiment")

    def run(job: str, *partitions: Any) -> list[Line]:
        capfd.readouterr()
        platform.run(job, partitions)
        written = capfd.readouterr().err
        return [json.loads(line) for line in written.splitlines() if line.startswith("{")]

    return run


def metrics(lines: list[Line]) -> dict[tuple[str, ...], dict[str, float]]:
    """The dimensions' values -> the metrics; every line is checked against the format."""
    found: dict[tuple[str, ...], dict[str, float]] = {}
    units = {metric.name: metric.unit for metric in METRICS}
    for line in lines:
        if "_aws" not in line:
            continue
        assert abs(line["_aws"]["Timestamp"] / 1000 - dt.datetime.now().timestamp()) < 600
        [directive] = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "Sentiment"
        [dimensions] = directive["Dimensions"]
        values = tuple(line[name] for name in dimensions)
        assert all(isinstance(value, str) and value for value in values)
        for metric in directive["Metrics"]:
            assert metric["Unit"] == units[metric["Name"]]
            assert metric["Unit"] in UNITS
            number = line[metric["Name"]]
            assert isinstance(number, int | float)
            found.setdefault(values, {})[metric["Name"]] = number
    return found


def test_lines_of_runs(logged: Any, platform: Platform) -> None:
    fetched = logged("fetch", TODAY)
    rebuilt = logged("rebuild", TODAY)
    judged = logged("freshness")
    lines = [*fetched, *rebuilt, *judged]
    assert {line["run_id"] for line in lines} == {
        run.run_id for run in platform.instance.get_runs()
    }
    assert all(line["time"].endswith("Z") and line["message"] for line in lines)
    assert {line.get("partition") for line in (*fetched, *rebuilt)} == {TODAY.key}
    steps = [line for line in lines if line.get("step")]
    assert {line["asset"] for line in steps if line["step"] == "fetch_posts"} >= {
        "bronze/batch_posts", "bronze/batch_posts, bronze/dead_letters",
    }  # fmt: skip
    assert all(line.get("asset") for line in steps if line["step"] != "judge_freshness")

    measured = metrics(lines)
    envelopes = len(bronze_envelopes(platform.lake))
    assert measured["bronze/batch_posts", "x"]["received"] == envelopes > 0
    silver = measured["silver/posts", "x"]
    assert silver["records_in"] == envelopes
    assert silver["records_in"] >= silver["rows"] > 0
    assert silver.keys() >= {"duplicates", "quarantined", "bytes"}
    assert measured["silver_posts",]["seconds"] > 0
    assert measured["silver/posts", "conservation"] == {"failed_checks": 0}
    text = json.dumps(lines, ensure_ascii=False)
    for envelope in bronze_envelopes(platform.lake):
        post = envelope["payload"]["data"]
        for word in (post["id"], post["author_id"], post["text"]):
            assert word not in text
    # Figures of gold are shown in the UI, and are no log line either.
    assert "sentiment_mean" not in text
    # All of it is long ago for the clock of the machine.
    assert [measured[table, "x"][STALE.name] for table in JUDGED] == [1] * len(JUDGED)


def test_a_failure_says_why(logged: Any, platform: Platform) -> None:
    # For ever: a request that is repeated for another reason must not get away.
    platform.x.fault("dead_token", times=-1)
    lines = logged("fetch", TODAY)
    failures = [line for line in lines if line.get("event") == "STEP_FAILURE"]
    assert len(failures) == 1, lines
    [failed] = failures
    assert "the bearer token is not accepted" in failed["error"]
    assert failed["level"] == "ERROR"
    measured = metrics(lines)
    assert measured["fetch_posts",]["failed_steps"] == 1
    assert measured["fetch",] == {"failed_runs": 1}


def test_the_project_s_own_loggers_write_lines_too(
    logging_instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    @dg.op
    def waits() -> None:
        logging.getLogger("resources.api_clients.http").warning("waiting %d s", 7)
        logging.getLogger("resources.api_clients.http").debug("too much")

    @dg.job
    def job() -> None:
        waits()

    job.execute_in_process(instance=logging_instance)
    assert '"run_id"' not in capfd.readouterr().err, "text is the default"
    monkeypatch.setenv("SENTIMENT_LOG_FORMAT", "json")
    # The instance keeps the handlers that it was opened with; a new process has its own.
    logging_instance = dg.DagsterInstance.from_ref(logging_instance.get_ref())
    job.execute_in_process(instance=logging_instance, tags=range_tags([YESTERDAY, TODAY]))
    lines = [json.loads(x) for x in capfd.readouterr().err.splitlines() if x.startswith("{")]
    [said] = [line for line in lines if line["logger"] == "resources.api_clients.http"]
    assert (said["message"], said["level"], said["step"]) == ("waiting 7 s", "WARNING", "waits")
    assert said["partition"] == f"{YESTERDAY.key}..{TODAY.key}"
    assert "_aws" not in json.dumps(lines), "no namespace, no metrics"


def test_steps_name_their_tables() -> None:
    assert assets_of_step("silver_posts") == ("silver/posts", "silver/quarantine")
    assert assets_of_step("gold__daily_trend") == ("gold/daily_trend",)
    assert assets_of_step("check_posts") == ("silver/posts",)
    assert assets_of_step("something_else") == ()


def test_a_line_with_metrics_as_the_format_wants_it() -> None:
    at = dt.datetime(2026, 11, 23, 8, tzinfo=dt.timezone.utc)
    line = {"asset": "silver/posts", "platform": "x", "message": "said"}
    assert embedded(line, {STALE: 1}, ["asset", "platform"], "Sentiment", at) == {
        **line,
        "stale": 1,
        "_aws": {
            "Timestamp": 1_795_420_800_000,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Sentiment",
                    "Dimensions": [["asset", "platform"]],
                    "Metrics": [{"Name": "stale", "Unit": "Count"}],
                }
            ],
        },
    }


def test_every_metric_is_explained() -> None:
    page = Path(PROJECT_ROOT / "docs" / "metrics.md").read_text()
    assert [metric.name for metric in METRICS if f"| `{metric.name}`" not in page] == []


def test_metrics_without_json_lines_are_refused() -> None:
    with pytest.raises(SettingsError, match="SENTIMENT_LOG_FORMAT=json"):
        read_settings({"SENTIMENT_METRICS_NAMESPACE": "Sentiment"})
    with pytest.raises(SettingsError, match="SENTIMENT_METRICS_NAMESPACE"):
        read_settings({"SENTIMENT_METRICS_NAMESPACE": "a b", "SENTIMENT_LOG_FORMAT": "json"})
