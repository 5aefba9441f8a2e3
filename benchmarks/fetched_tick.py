"""``python -m benchmarks.fetched_tick``: a tick of all platforms, from their APIs to gold.

What belongs here: the simulator as the APIs, `sentiment tick` as a user or cron runs it, and what
became of its seconds: starting, fetching, rebuilding. The first tick fills two days; the measured
one fetches what each tick of the clock does: the open window and the two before it again.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.report import table

ROOT = Path(__file__).parents[1]
WINDOWS_A_DAY = 12
_SENTIMENT = "from sentiment_assets.cli import main; main()"
#: Runs since a moment: job, seconds, and records that were fetched.
_RUNS = """
import datetime as dt, json, sys
import dagster as dg
from sentiment_assets.cli.services import open_instance
from sentiment_assets.definitions import read_settings
with open_instance(read_settings()) as instance:
    told = []
    since = dt.datetime.fromtimestamp(float(sys.argv[1]), dt.timezone.utc)
    for record in instance.get_run_records(dg.RunsFilter(created_after=since)):
        run_id = record.dagster_run.run_id
        made = instance.all_logs(run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
        counts = [
            found.metadata["received"].value
            for event in made
            if (found := event.asset_materialization) and "received" in found.metadata
        ]
        told.append([record.dagster_run.job_name, record.end_time - record.start_time, sum(counts)])
print(json.dumps(told))
"""


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fetched_tick", description=__doc__)
    parser.add_argument("--posts", type=int, default=500, help="a platform and window")
    parser.add_argument("--ticks", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sentiment-tick-") as home:
        print(measure(Path(home), asked.posts, asked.ticks))


def measure(home: Path, posts: int, ticks: int) -> str:
    """The report."""
    with _simulator(posts * WINDOWS_A_DAY) as addresses:
        settings = {f"SENTIMENT_{name.upper()}_BASE_URL": url for name, url in addresses.items()}
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("SENTIMENT_", "DAGSTER_"))},
            **settings, "SENTIMENT_HOME": str(home), "SENTIMENT_CATCH_UP_DAYS": "1",
        }  # fmt: skip
        _tick(environment)
        since = time.time()
        found = [_tick(environment) for _ in range(ticks)]
        told = json.loads(_python(environment, "-c", _RUNS, str(since)))
    fetches = [run for run in told if run[0] == "fetch"]
    rows = [
        ("the whole command", statistics.median(one["wall"] for one in found)),
        ("of it: fetching", sum(seconds for _, seconds, _ in fetches) / ticks),
        ("of it: silver, gold, checks", sum(r[1] for r in told if r[0] == "rebuild") / ticks),
        ("the processor", statistics.median(one["cpu"] for one in found)),
    ]
    received = sum(count for *_, count in fetches) / ticks
    return (
        f"A tick of {len(addresses)} platforms: {received:,.0f} records fetched, "
        f"{len(told) / ticks:.0f} runs one after the other; median of {ticks} ticks\n\n"
        + table(("", "s"), [(what, f"{seconds:.1f}") for what, seconds in rows])
    )


def _tick(environment: dict[str, str]) -> dict[str, float]:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    told = json.loads(_python(environment, "-c", _SENTIMENT, "tick", "--json"))
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if told["failures"]:
        raise RuntimeError(f"the tick failed: {told['failures']}")
    return {"wall": wall, "cpu": cpu}


def _python(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{arguments[:3]} failed:\n{done.stderr[-4000:]}")
    return done.stdout.splitlines()[-1]


@contextmanager
def _simulator(posts_a_day: int) -> Iterator[dict[str, str]]:
    process = subprocess.Popen(
        [
            sys.executable, "-m", "simulator", "--port", "0",
            "--posts-per-day", str(posts_a_day), "--comments-per-day", str(posts_a_day),
        ],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["platforms"]
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
