"""The benchmark of landing, at a size that measures nothing: every case lands or reads it all."""

from __future__ import annotations

import re

import pytest

from benchmarks import landing
from simulator.kafka.jars import missing


def test_every_case_runs_on_one_broker_and_the_report_has_its_figures() -> None:
    if (lacking := missing()) is not None:
        pytest.skip(f"needs Apache Kafka itself: {lacking}")
    said: list[str] = []
    text = landing.measure(None, 400, 1, (300, 500), said.append)
    assert said[1:] == [
        "ours 400", "plain 400", "plain_gzip 400", "ours 300", "ours 500", "small 100",
    ]  # fmt: skip
    head, *rows = text.splitlines()
    assert head.startswith("400 records of ")
    assert "the simulator's story" in head
    speeds = [row for row in rows if re.match(r"\| (ours|consumer)", row)]
    assert len(speeds) == 3
    assert [row.split("|")[1].strip() for row in rows if row.startswith(("| 300", "| 500"))] == [
        "300", "500",
    ]  # fmt: skip
    assert re.search(r"its step takes \d+\.\d+ s", text)


def test_a_case_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match=r"ours failed:(.|\n)*TypeError"):
        landing.run_case("ours", nothing=1)
