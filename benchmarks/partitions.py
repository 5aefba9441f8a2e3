"""``python -m benchmarks.partitions``: what Dagster costs a partition, over a year of small ones.

A date of each of four platforms with a handful of posts, 365 times, in an embedded PostgreSQL as
`make run` has it. Rebuilt month by month and platform by platform, each stretch in a single run;
before and after, some partitions in a run each, and looks of the sensor at the whole year. And one
tick of four platforms with 500 new posts each. Takes some ten minutes; not part of `make bench`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import bronze, pipeline
from benchmarks.report import table
from sentiment_assets.core.coverage import Searched
from sentiment_assets.core.layout import PostPartition, Window
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.lake.bronze import StretchFetch
from sentiment_assets.lake.objects import Lake

FIRST = dt.date(2026, 1, 1)
#: Days that one run rebuilds, as a backfill or the sensor after an outage would.
STRETCH = 30
#: Partitions that are rebuilt in a run each, at either end.
ALONE = 6
TEXTS = ("Nimbus is great today", "the outage ruined my morning", "what does Stratus cost?")


class Rebuilt(NamedTuple):
    """One run: how many partitions it rebuilt, and seconds of the clock and of the processor."""

    partitions: int
    wall: float
    cpu: float


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.partitions", description=__doc__)
    parser.add_argument("--days", type=int, default=365, help="days of the year to fill")
    parser.add_argument("--posts", type=int, default=3, help="posts of each partition")
    parser.add_argument("--tick-posts", type=int, default=500, help="new posts a platform, a tick")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sentiment-partitions-") as folder:
        print(measure(Path(folder), asked.days, asked.posts, asked.tick_posts))


def measure(folder: Path, days: int, posts: int, tick_posts: int) -> str:
    """The report."""
    dates = [FIRST + dt.timedelta(days=number) for number in range(days)]
    year = [PostPartition(date, platform) for date in dates for platform in PLATFORMS]
    with _platform(folder, dates[-1]) as (definitions, instance):
        lake = bronze.open_lake(pipeline.lake_of(folder))
        for partition in year:
            fetch(lake, Window(partition, "0800"), posts, 1)
            _materialize_bronze(instance, partition)
        _say(f"bronze of {len(year)} partitions")
        first_look = _look(instance, dates[-1])
        # Of the year's very first days, so that nothing else is there yet.
        alone_before = [_rebuild(definitions, instance, [p]) for p in year[:ALONE]]
        runs = []
        for stretch in _stretches(dates):
            for platform in PLATFORMS:
                group = [PostPartition(date, platform) for date in stretch]
                runs.append(_rebuild(definitions, instance, group))
            month = runs[-len(PLATFORMS) :]
            _say(
                f"up to {stretch[-1]}: {_each(month):.3f} s a partition, "
                f"{_each(month, 'cpu'):.3f} s of the processor"
            )
        alone_after = [_rebuild(definitions, instance, [p]) for p in year[-ALONE:]]
        last_look = _look(instance, dates[-1])
        tick, look_in_tick = _tick(lake, definitions, instance, dates[-1], tick_posts)
    # A shorter stretch at the year's end has its run's own cost for fewer partitions.
    whole = [run for run in runs if run.partitions == runs[0].partitions]
    tenth = max(1, len(whole) // 10)
    rows = [
        ("a run each, before", *_figures(alone_before)),
        ("single runs: first tenth", *_figures(whole[:tenth])),
        ("single runs: all", *_figures(runs)),
        ("single runs: last tenth", *_figures(whole[-tenth:])),
        ("a run each, after", *_figures(alone_after)),
    ]
    return "\n\n".join(
        [
            f"### {len(year):,} partitions of {posts} posts: seconds a partition\n\n"
            + table(("", "runs", "s a partition", "CPU s a partition"), rows),
            f"Last tenth to first tenth: {_each(whole[-tenth:]) / _each(whole[:tenth]):.2f} by the "
            f"clock, {_each(whole[-tenth:], 'cpu') / _each(whole[:tenth], 'cpu'):.2f} by the "
            f"processor. A look of the sensor at everything, once an hour: "
            f"{first_look[0]:.2f} s with nothing built, {last_look[0]:.2f} s with everything "
            f"built; every 30 seconds, at what is new: {last_look[1]:.2f} s.",
            f"A tick of {len(PLATFORMS)} platforms with {tick_posts} new posts each: "
            f"{sum(run.wall for run in tick):.1f} s ({sum(run.cpu for run in tick):.1f} s of the "
            f"processor) for {len(tick)} runs one after the other in one process, and a look of "
            f"{look_in_tick[0]:.2f} s. Fetching waits for the APIs and is not in it.",
        ]
    )


@contextmanager
def _platform(home: Path, last: dt.date) -> Iterator[tuple[Any, Any]]:
    """Definitions and instance of a home, on the evening of the year's last day."""
    from dagster._core.test_utils import freeze_time

    os.environ["SENTIMENT_HOME"] = str(home)
    # What Dagster costs is asked, not what PostgreSQL does.
    os.environ["SENTIMENT_MART"] = "off"
    os.environ.pop("DAGSTER_HOME", None)
    from resources.settings import read_settings
    from sentiment_assets.cli.services import open_instance

    evening = dt.datetime.combine(last, dt.time(22), tzinfo=dt.timezone.utc)
    definitions = pipeline.definitions(home)
    with freeze_time(evening), open_instance(read_settings()) as instance:
        yield definitions, instance


def fetch(lake: Lake, window: Window, posts: int, number: int) -> None:
    """Lay down what a fetch of a window brought."""
    brought = StretchFetch(
        lake,
        [window],
        fetched_at=window.end + dt.timedelta(minutes=number),
        run_id=f"made-{number}",
        api_version="made",
        simulated=True,
    )
    step = (window.end - window.start) / (posts + 1)
    for index in range(posts):
        payload = _payload(window.partition.platform, window.start + step * (index + 1), index)
        brought.add(window, payload, {"source": "made", "page": 1, "index": index})
    brought.close({window: Searched("complete", "", (window.start, window.end))})


def _payload(platform: str, moment: dt.datetime, index: int) -> dict[str, Any]:
    """A post in a platform's own spelling, as little of it as silver needs."""
    text = f"{TEXTS[index % len(TEXTS)]} {index}"
    told = moment.strftime("%Y-%m-%dT%H:%M:%S+0000")
    milliseconds = int(moment.timestamp() * 1000)
    number = str(milliseconds * 1000 + index)
    author = str(700_000 + index)
    if platform == "x":
        # X's ids hold the time: 22 bits stand behind its milliseconds.
        number = str((milliseconds - 1_288_834_974_657 << 22) + index)
        told = moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        post = {"id": number, "text": text, "created_at": told, "author_id": author, "lang": "en",
                "conversation_id": number, "edit_history_tweet_ids": [number]}  # fmt: skip
        return {"data": post, "includes": {}}
    if platform == "facebook":
        comment = {"id": f"1_{number}", "message": text, "created_time": told,
                   "from": {"id": author, "name": "Nimbus"}}  # fmt: skip
        return {"comment": comment, "post_id": "1_1"}
    if platform == "instagram":
        media = {"id": number, "caption": text, "timestamp": told, "username": f"user_{author}"}
        return {"media": media, "source": "account"}
    post = {"id": f"urn:li:share:{number}", "author": f"urn:li:organization:{author}",
            "commentary": text, "createdAt": milliseconds, "publishedAt": milliseconds,
            "lifecycleState": "PUBLISHED"}  # fmt: skip
    return {"post": post}


def _materialize_bronze(instance: Any, partition: PostPartition) -> None:
    import dagster as dg

    from sentiment_assets.assets.bronze import BATCH_POSTS_KEY
    from sentiment_assets.partitions import multi_key

    instance.report_runless_asset_event(
        dg.AssetMaterialization(BATCH_POSTS_KEY, partition=multi_key(partition))
    )


def _rebuild(definitions: Any, instance: Any, group: Sequence[PostPartition]) -> Rebuilt:
    wall, cpu = pipeline.clocks()
    pipeline.run_job(definitions, group, instance)
    ended_wall, ended_cpu = pipeline.clocks()
    return Rebuilt(len(group), ended_wall - wall, ended_cpu - cpu)


def _look(instance: Any, last: dt.date) -> tuple[float, float]:
    """Seconds of the sensor's look at all partitions, and of the next but one, after no event."""
    from sentiment_assets.sensors import Memory, requests

    now = dt.datetime.combine(last, dt.time(22), tzinfo=dt.timezone.utc)
    memory, took = Memory(), []
    for number in range(4):
        started = time.perf_counter()
        # Each half a minute after the other.
        moment = now + dt.timedelta(seconds=30 * number)
        list(requests(instance, memory, moment, dt.timedelta(minutes=10)))
        took.append(time.perf_counter() - started)
    return took[0], took[-1]


def _tick(
    lake: Lake, definitions: Any, instance: Any, date: dt.date, posts: int
) -> tuple[list[Rebuilt], tuple[float, float]]:
    """The runs after a window of each platform came, on a day that has five windows as large."""
    today = [PostPartition(date, platform) for platform in PLATFORMS]
    for partition in today:
        for number, name in enumerate(("0000", "0200", "0400", "0600", "1000")):
            fetch(lake, Window(partition, name), posts, number)
        _rebuild(definitions, instance, [partition])
        fetch(lake, Window(partition, "1200"), posts, 9)
        _materialize_bronze(instance, partition)
    look = _look(instance, date)
    return [_rebuild(definitions, instance, [partition]) for partition in today], look


def _stretches(dates: Sequence[dt.date]) -> Iterator[Sequence[dt.date]]:
    for start in range(0, len(dates), STRETCH):
        yield dates[start : start + STRETCH]


def _each(runs: Sequence[Rebuilt], clock: str = "wall") -> float:
    seconds: float = sum(getattr(run, clock) for run in runs)
    return seconds / sum(run.partitions for run in runs)


def _figures(runs: Sequence[Rebuilt]) -> tuple[str, ...]:
    return (str(len(runs)), f"{_each(runs):.3f}", f"{_each(runs, 'cpu'):.3f}")


def _say(what: str) -> None:
    print(f"{time.perf_counter():8.0f} s  {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
