"""``python -m simulator.kafka``: a Kafka broker on loopback until it is told to end."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from simulator.kafka.broker import Kafka
from simulator.kafka.jars import KafkaUnavailable


def main() -> int:
    """Start it, print its address as a JSON line, stop it on SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m simulator.kafka", description=__doc__)
    parser.add_argument("--folder", type=Path, help="keeps the records there, from start to start")
    folder: Path | None = parser.parse_args().folder
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    try:
        with Kafka(folder and folder.absolute()) as kafka:
            print(json.dumps({"bootstrap_servers": kafka.bootstrap_servers}), flush=True)
            # Its own end is one, too.
            while not told.wait(1) and kafka.nodes[0].running:
                continue
    except KafkaUnavailable as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0 if told.is_set() else 1


if __name__ == "__main__":
    sys.exit(main())
