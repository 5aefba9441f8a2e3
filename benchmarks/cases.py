"""One measurement in a process of its own: ``python -m benchmarks.cases NAME ARGUMENTS``.

What belongs here: what is timed, and only that. Imports and input come before the clock starts.
Prints one JSON object: ``wall`` and ``cpu`` seconds, ``peak`` bytes of resident memory of the whole
process, ``start`` bytes of it before the work, and what the case adds.
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Result = dict[str, Any]


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _measure(work: Callable[[], Result]) -> Result:
    from benchmarks.pipeline import clocks

    start = _peak()
    wall, cpu = clocks()
    result = work()
    ended_wall, ended_cpu = clocks()
    return {
        "wall": ended_wall - wall,
        "cpu": ended_cpu - cpu,
        "start": start,
        "peak": _peak(),
        **result,
    }


def write_date(folder: Path, date: str, posts: int, corpus: str, windows: int) -> Result:
    """Make a date's bronze."""
    from benchmarks import bronze
    from sentiment_assets.core.layout import PostPartition

    partition = PostPartition(dt.date.fromisoformat(date), "x")
    source = Path(corpus) if corpus else None
    return {"records": bronze.write_date(folder, partition, posts, source, windows)}


def write_window(
    folder: Path, posts: int, corpus: str, per_fetch: int, part: int, parts: int
) -> Result:
    """Make a part of a hot window's bronze."""
    from benchmarks import bronze
    from sentiment_assets.core.layout import Window

    window = Window(bronze.DAY, "1200")
    source = Path(corpus) if corpus else None
    return {"records": bronze.write_window(folder, window, posts, source, per_fetch, part, parts)}


def write_ticking(home: Path, days: int, posts_per_day: int, new_posts: int, corpus: str) -> Result:
    """Some built days and a morning, and then a window that was just fetched."""
    from benchmarks import bronze, pipeline
    from sentiment_assets.core.layout import PostPartition, Window

    source = Path(corpus) if corpus else None
    folder = pipeline.lake_of(home)
    lake = bronze.open_lake(folder)
    dates = [
        PostPartition(bronze.DAY.date - dt.timedelta(days=back), "x")
        for back in range(days, -1, -1)
    ]
    for day in dates[:-1]:
        bronze.write_date(folder, day, posts_per_day, source)
    bronze.write_date(folder, bronze.DAY, posts_per_day // 2, source, windows=6)
    for day in dates:
        pipeline.build_silver(lake, [day], f"before-{day.date}")
        pipeline.build_gold(lake, [day], f"before-{day.date}")
    window = Window(bronze.DAY, "1200")
    return {"records": bronze.write_window(folder, window, new_posts, source, new_posts * 2)}


def bronze_to_gold(folder: Path, held_rows: int = 200_000) -> Result:
    """What the engine and the committer do for one date; ``silver_peak`` is memory before gold."""
    from benchmarks import bronze, pipeline
    from sentiment_assets.engine.in_process import Budget

    lake = bronze.open_lake(folder)

    def work() -> Result:
        records = pipeline.build_silver(lake, [bronze.DAY], budget=Budget(held_rows))
        silver_peak = _peak()
        pipeline.build_gold(lake, [bronze.DAY])
        return {"records": records, "silver_peak": silver_peak}

    return _measure(work)


def bronze_to_silver(folder: Path, workers: int) -> Result:
    """The silver of one date; ``cpu`` and ``peak`` are those of all processes, and of the largest.

    Workers begin inside the measured time, imports and all.
    """
    from benchmarks import bronze, pipeline
    from sentiment_assets.engine import workers as engine_workers
    from sentiment_assets.engine.window import Budget

    engine_workers.PARALLEL_RECORDS = 1
    lake = bronze.open_lake(folder)
    run = _measure(
        lambda: {
            "records": pipeline.build_silver(lake, [bronze.DAY], budget=Budget(workers=workers))
        }
    )
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    run["peak"] = max(run["peak"], largest)
    return run


def floor(folder: Path) -> Result:
    """Bronze objects unpacked, read as columns, written as Parquet; nothing in between."""
    from benchmarks import bronze, floor

    return _measure(lambda: {"records": floor.run(bronze.open_lake(folder), folder / "floor")})


def silver_stages(folder: Path) -> Result:
    """The silver of one date in this process, with timers inside."""
    from benchmarks import bronze, pipeline
    from benchmarks.stages import measured

    lake = bronze.open_lake(folder)

    def work() -> Result:
        with measured() as timers:
            records = pipeline.build_silver(lake, [bronze.DAY])
            return {"records": records, "stages": timers.finish()}

    return _measure(work)


def stages(folder: Path) -> Result:
    """The same once more, with timers inside."""
    from benchmarks import bronze, pipeline
    from benchmarks.stages import GOLD, measured

    lake = bronze.open_lake(folder)

    def work() -> Result:
        with measured() as timers:
            records = pipeline.build_silver(lake, [bronze.DAY])
            # Gold's own commits are part of it here.
            with timers.of(GOLD):
                pipeline.build_gold(lake, [bronze.DAY])
            return {"records": records, "stages": timers.finish()}

    return _measure(work)


def dagster_job(home: Path) -> Result:
    """The ``rebuild`` job: the same, with events, metadata and every check."""
    from benchmarks import bronze, pipeline

    definitions = pipeline.definitions(home)
    return _measure(lambda: {"steps": pipeline.run_job(definitions, [bronze.DAY])})


def write_growing(folder: Path, posts: int, corpus: str, rhythm: str, windows: int) -> Result:
    """The bronze of each tick of a day."""
    from benchmarks import growing_day

    source = Path(corpus) if corpus else None
    return {"records": growing_day.write_day(folder, posts, source, rhythm, windows)}


def grow(ticks: Path, home: str, as_job: bool, at_once: bool) -> Result:
    """A day built tick by tick, or once when all of it is there."""
    from benchmarks import growing_day, pipeline

    lake = pipeline.lake_of(Path(home))
    lake.mkdir(parents=True)
    build = growing_day.dagster_job(Path(home)) if as_job else growing_day.engine(lake)
    done = growing_day.build_at_once if at_once else growing_day.build_ticks
    return done(ticks, lake, build) | {"peak": _peak()}


def peer(folder: Path) -> Result:
    """The script that anybody would write first."""
    from benchmarks import peer

    out = folder / "peer"
    return _measure(lambda: {"posts": peer.run(folder / "bronze" / "batch_posts", out)})


def silver_here(folder: Path, dates: int) -> Result:
    """Bronze to silver of some dates, committed, by the engine without Spark on all cores."""
    from benchmarks import bronze, pipeline, spark_runs
    from sentiment_assets.engine.in_process import Budget
    from sentiment_assets.engine.workers import cores_in_reach

    lake, partitions = bronze.open_lake(folder), bronze.days(dates)
    budget = Budget(workers=cores_in_reach())
    return spark_runs.measured(
        None, lambda: {"records": pipeline.build_silver(lake, partitions, budget=budget)}
    )


def silver_on_spark(folder: Path, dates: int) -> Result:
    """The same by one job on Spark."""
    from benchmarks import bronze, spark_runs

    lake, partitions = bronze.open_lake(folder), bronze.days(dates)
    return spark_runs.measured(
        folder.with_name(f"{folder.name}-first"),
        lambda: {"rows": spark_runs.build_silver(lake, partitions)},
    )


def silver_by_udf(folder: Path, way: str) -> Result:
    """The same posts by a job that others would write, without a commit."""
    from benchmarks import spark_runs, spark_udfs

    scratch = folder.with_name(f"{folder.name}-first")

    def work() -> Result:
        return {"rows": spark_udfs.run(spark_runs.spark(), folder, folder / "out", way)}

    return spark_runs.measured(scratch, work)


def rebuild_by(folder: Path, engine: str) -> Result:
    """The ``rebuild`` job of a home, gold and checks included, by either engine."""
    from benchmarks import spark_runs

    on_spark = engine == "spark"
    scratch = folder.with_name(f"{folder.name}-first") if on_spark else None
    return spark_runs.measured(scratch, lambda: {"steps": spark_runs.rebuild(folder, on_spark)})


CASES: dict[str, Callable[..., Result]] = {
    case.__name__: case
    for case in (
        write_date,
        write_window,
        write_ticking,
        write_growing,
        grow,
        bronze_to_gold,
        bronze_to_silver,
        floor,
        silver_stages,
        stages,
        dagster_job,
        peer,
        silver_here,
        silver_on_spark,
        silver_by_udf,
        rebuild_by,
    )
}

if __name__ == "__main__":
    name, arguments = sys.argv[1], json.loads(sys.argv[2])
    first = next(iter(arguments))
    json.dump(CASES[name](**arguments | {first: Path(arguments[first])}), sys.stdout)
