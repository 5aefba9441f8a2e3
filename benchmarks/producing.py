"""How fast records are published, and what each way of packing them costs and saves.

``python -m benchmarks.producing [--posts 20000]`` starts an Apache Kafka on loopback, publishes one
day's posts to a topic for each way of packing, and prints records a second, the producer's own
time a record, and how much is stored.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time

from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks import bronze
from resources.kafka import KafkaConnection
from resources.producers.publisher import Publisher
from resources.producers.records import Arrival, Record, record_of
from sentiment_assets.core.layout import windows_of
from simulator.kafka.broker import Kafka

PACKINGS = ("none", "lz4", "snappy", "gzip", "zstd")


def records_of_a_day(posts: int) -> list[Record]:
    """The story's posts of a day as records; making them is timed apart."""
    came = Arrival(dt.datetime(2026, 11, 24, tzinfo=dt.timezone.utc), "2", "f" * 32, "simulated")
    payloads = bronze.payloads_of(windows_of(bronze.DAY), posts, None)
    began = time.process_time()
    made = [record_of("x", payload, came) for window in payloads for payload in window]
    spent = (time.process_time() - began) / len(made) * 1e6
    size = sum(record.size for record in made) / len(made)
    print(f"{len(made):,} records of {size:,.0f} bytes on average, each made in {spent:.0f} us")
    return made


def main() -> None:
    """Print a line for each way of packing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=20_000)
    records = records_of_a_day(parser.parse_args().posts)
    with Kafka() as kafka:
        connection = KafkaConnection(kafka.bootstrap_servers)
        admin = AdminClient(connection.config())
        for packing in PACKINGS:
            topic = f"posts.{packing}"
            admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
            publisher = Publisher(connection, topic, compression=packing)
            # The first record takes a connection and an id of the producer.
            publisher.publish_and_wait(records[:1], 30)
            began, spent = time.perf_counter(), time.process_time()
            for record in records:
                publisher.publish(record)
            publisher.flush(120)
            seconds, spent = time.perf_counter() - began, time.process_time() - spent
            publisher.close()
            stored = sum(log.stat().st_size for log in kafka.nodes[0].data.glob(f"{topic}-0/*.log"))
            raw = sum(record.size for record in records)
            print(
                f"{packing:7}{len(records) / seconds:10,.0f} records/s "
                f"{spent / len(records) * 1e6:6.0f} us of CPU each, stored in {stored / raw:.0%}"
            )


if __name__ == "__main__":
    main()
