"""How fast a topic is landed in bronze, beside a plain consumer loop, on one broker in one run.

``python -m benchmarks.landing [--data FOLDER] [--records N]``; `make bench-landing` runs it. FOLDER
(or SENTIMENT_SHARED_DATA, or ``../shared/data``) holds ``real_posts.jsonl.gz``, whose texts are put
into X's own payloads; without it the simulator's story is produced. The peers are what one would
write first: poll, ``json.loads``, add the offset, write a line; into a file, and into a gzip file.
They keep no order of writes, no manifests and no dead letters, and die of the first record that is
no JSON. Each round is a fresh process held to one core, after its imports; rounds alternate.

What does not belong here: the broker, the producers, and what becomes of bronze (``hot_path.py``).
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[1]
TOPIC = "posts.x"
PARTITIONS = 3
RECORDS = 200_000
ROUNDS = 5
#: Of one landing run each; memory is that of the whole process.
SIZES = (100_000, 500_000, 2_000_000)
SMALL, SMALL_RUNS = 100, 6

Result = dict[str, float]


def produce(brokers: str, posts: int, corpus: str) -> Result:
    """Fill the topic with about so many posts of one date, in the order of their windows."""
    from confluent_kafka import Producer

    from benchmarks.bronze import DAY, payloads_of
    from sentiment_assets.core.layout import windows_of
    from sentiment_assets.core.streams import record_key, written_headers

    producer = Producer(
        {
            "bootstrap.servers": brokers,
            "compression.type": "lz4",
            "linger.ms": 50,
            "queue.buffering.max.messages": 200_000,
        }
    )
    windows = windows_of(DAY)
    sent = size = 0
    for window, payloads in zip(
        windows, payloads_of(windows, posts, Path(corpus) if corpus else None), strict=True
    ):
        headers = written_headers(
            "x", fetched_at=window.end, api_version="2", fetch_id="stream-1", origin="simulated",
            created_at=window.start,
        )  # fmt: skip
        for payload in payloads:
            value = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
            post = payload["data"]
            key = record_key("x", post["author_id"], post["id"])
            while True:
                try:
                    producer.produce(TOPIC, value, key, headers=list(headers))
                    break
                except BufferError:
                    producer.poll(0.1)
            sent += 1
            size += len(value)
        producer.poll(0)
    producer.flush()
    return {"records": sent, "bytes": size}


def ours(brokers: str, folder: Path, records: int) -> Result:
    """Everything that waits, at most so many records, as the landing run does it."""
    from benchmarks.bronze import open_lake
    from resources.kafka import KafkaConnection
    from resources.kafka_reader import KafkaReader
    from sentiment_assets.core.landings import at_most, waiting
    from sentiment_assets.engine.landing import Order, land
    from sentiment_assets.lake.landings import position_of

    lake = open_lake(folder / "lake")
    reader = KafkaReader(KafkaConnection(brokers), "bench-ours")

    def work() -> int:
        log = reader.topic_log(TOPIC)
        found = waiting(log, position_of(lake, TOPIC, log.topic_id))
        order = Order("x", TOPIC, found.log, at_most(found.ranges, records))
        landings = land(
            lake, reader, order, holds=lambda _: True, run_id="bench",
            clock=lambda: dt.datetime.now(dt.timezone.utc),
        )  # fmt: skip
        return sum(landing.landed for landing in landings)

    return _measured(work)


def plain(brokers: str, folder: Path, records: int) -> Result:
    """The loop, into a file."""
    with (folder / "posts.jsonl").open("w", encoding="utf-8") as lines:
        return _measured(lambda: _consume(brokers, lines, records))


def plain_gzip(brokers: str, folder: Path, records: int) -> Result:
    """The loop, into a gzip file."""

    def work() -> int:
        with gzip.open(folder / "posts.jsonl.gz", "wt", encoding="utf-8") as lines:
            return _consume(brokers, lines, records)

    return _measured(work)


def _consume(brokers: str, lines: IO[str], records: int) -> int:
    from confluent_kafka import Consumer

    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": f"bench-{os.getpid()}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([TOPIC])
    consumed = 0
    while consumed < records:
        message = consumer.poll(1.0)
        if message is None or message.error():
            continue
        payload = json.loads(message.value())
        line = {
            "topic": message.topic(),
            "partition": message.partition(),
            "offset": message.offset(),
            "payload": payload,
        }
        lines.write(json.dumps(line) + "\n")
        consumed += 1
    lines.flush()
    consumer.commit(asynchronous=False)
    consumer.close()
    return consumed


def small(brokers: str, folder: Path, records: int) -> Result:
    """Runs of the job, of so few records each: what its step takes, the first not counted."""
    import dagster as dg

    from benchmarks.bronze import open_lake
    from resources.kafka import KafkaConnection
    from resources.kafka_reader import KafkaReader
    from sentiment_assets.assets.stream import land_config, land_job
    from sentiment_assets.core.landings import at_most, waiting
    from sentiment_assets.engine.landing import Order
    from sentiment_assets.lake.landings import position_of

    lake = open_lake(folder / "lake")
    seconds = []
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(SMALL_RUNS):
            # A run has a process of its own, and so a connection.
            reader = KafkaReader(KafkaConnection(brokers), "bench-small")
            log = KafkaReader(KafkaConnection(brokers), "benchmark").topic_log(TOPIC)
            found = waiting(log, position_of(lake, TOPIC, log.topic_id))
            order = Order("x", TOPIC, found.log, at_most(found.ranges, records))
            done = land_job.execute_in_process(
                run_config=land_config(order),
                instance=instance,
                resources={"lake": lake, "stream_reader": reader},
            )
            [stats] = instance.get_run_step_stats(done.run_id)
            assert stats.end_time is not None
            assert stats.start_time is not None
            seconds.append(stats.end_time - stats.start_time)
    return {"seconds": statistics.median(seconds[1:]), "slowest": max(seconds[1:])}


def _measured(work: Callable[[], int]) -> Result:
    used, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    records = work()
    wall, ended = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu = ended.ru_utime + ended.ru_stime - used.ru_utime - used.ru_stime
    return {
        "records": records, "wall": wall, "cpu": cpu,
        "start": used.ru_maxrss * 1024, "peak": ended.ru_maxrss * 1024,
    }  # fmt: skip


CASES: dict[str, Callable[..., Result]] = {
    "produce": produce, "ours": ours, "plain": plain, "plain_gzip": plain_gzip, "small": small,
}  # fmt: skip


def run_case(name: str, one_core: bool = True, **arguments: object) -> Result:
    """One case in a fresh process."""
    command = [
        sys.executable, "-m", "benchmarks.landing", "--case", name,
        "--arguments", json.dumps(arguments, default=str),
    ]  # fmt: skip

    def hold() -> None:
        if one_core:
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, preexec_fn=hold
    )
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr}")
    result: Result = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(
    data: Path | None, records: int, rounds: int, sizes: Sequence[int], say: Callable[[str], None]
) -> str:
    """Start a broker, fill the topic, run every case, and say what came out."""
    from confluent_kafka.admin import AdminClient, NewTopic

    from simulator.kafka.broker import Kafka

    with Kafka() as kafka, tempfile.TemporaryDirectory(prefix="sentiment-landing-") as made:
        brokers = kafka.bootstrap_servers
        admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
        config = {"message.timestamp.type": "LogAppendTime"}
        admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1, config=config)])[TOPIC].result(30)
        wanted = max(records, *sizes, SMALL * SMALL_RUNS)
        corpus = str(data) if data else ""
        # A little more: the story's hours are not exactly as full as asked for.
        filled = run_case("produce", False, brokers=brokers, posts=wanted * 11 // 10, corpus=corpus)
        say(f"{filled['records']:,.0f} records produced")
        if filled["records"] < wanted:
            raise RuntimeError(f"only {filled['records']} records were made: ask for fewer")

        def case(name: str, size: int) -> Result:
            with tempfile.TemporaryDirectory(dir=made) as folder:
                result = run_case(name, brokers=brokers, folder=folder, records=size)
            say(f"{name} {size:,}")
            return result

        runs: dict[str, list[Result]] = {"ours": [], "plain": [], "plain_gzip": []}
        for _ in range(rounds):
            for name, measured in runs.items():
                measured.append(case(name, records))
        memory = [case("ours", size) for size in sizes]
        short = case("small", SMALL)
    what = data.name if data else "the simulator's story"
    average = filled["bytes"] / filled["records"]
    return "\n".join(
        [
            f"{records:,} records of {average:,.0f} bytes in {PARTITIONS} partitions; "
            f"texts: {what}; one core, {rounds} rounds, medians and ranges",
            "",
            _speeds(runs),
            "",
            "| records of a run | s | MB at start | peak MB |",
            "| ---: | ---: | ---: | ---: |",
            *(
                f"| {run['records']:,.0f} | {run['wall']:.1f} | {run['start'] / 1e6:,.0f} "
                f"| {run['peak'] / 1e6:,.0f} |"
                for run in memory
            ),
            "",
            f"A run of {SMALL} records: its step takes {short['seconds']:.2f} s, "
            f"the slowest {short['slowest']:.2f} s.",
        ]
    )


_NAMES = {
    "ours": "ours",
    "plain": "consumer loop, JSON lines",
    "plain_gzip": "consumer loop, gzip JSON lines",
}


def _speeds(runs: dict[str, list[Result]]) -> str:
    cpu = {name: statistics.median(r["cpu"] for r in measured) for name, measured in runs.items()}
    lines = [
        "| | records/s | range | CPU µs a record | range | the loop's CPU, ours = 1 |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, measured in runs.items():
        speeds = [run["records"] / run["wall"] for run in measured]
        costs = [run["cpu"] / run["records"] * 1e6 for run in measured]
        lines.append(
            f"| {_NAMES[name]} | {statistics.median(speeds):,.0f} | {min(speeds):,.0f} to "
            f"{max(speeds):,.0f} | {statistics.median(costs):.1f} | {min(costs):.1f} to "
            f"{max(costs):.1f} | {cpu[name] / cpu['ours']:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.landing", description=__doc__)
    default = os.environ.get("SENTIMENT_SHARED_DATA", str(ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="runs for memory")
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--arguments", type=json.loads, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.case:
        arguments: dict[str, Any] = asked.arguments
        if "folder" in arguments:
            arguments["folder"] = Path(arguments["folder"])
        print(json.dumps(CASES[asked.case](**arguments)))
        return
    corpus = asked.data.resolve() / "real_posts.jsonl.gz"
    found = corpus if corpus.exists() else None
    say = lambda line: print(line, file=sys.stderr, flush=True)  # noqa: E731
    print(measure(found, asked.records, asked.rounds, asked.sizes, say))


if __name__ == "__main__":
    main()
