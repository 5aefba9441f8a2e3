"""Real parts on loopback that several rooms share: S3, Kafka, the simulator, the platform.

Imported by fixtures when they are asked for: Dagster alone takes seconds, most tests need nothing.
"""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sentiment_assets_tests import environ_for_threads, lost_processes

if TYPE_CHECKING:
    from resources.kafka import KafkaConnection
    from sentiment_assets_tests.kafka_server import KafkaServer
    from sentiment_assets_tests.local_platform import Platform
    from sentiment_assets_tests.s3_server import S3Server
    from sentiment_assets_tests.simulated import SimulatedPlatform
    from simulator.kafka.broker import Kafka


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(lost_processes)
    environ_for_threads.install()


def pytest_report_header() -> str:
    from sentiment_assets_tests.kafka_server import BROKERS
    from simulator.kafka.jars import missing

    if BROKERS:
        return f"kafka: {BROKERS}"
    lacking = missing()
    return f"kafka: {'Apache Kafka' if lacking is None else f'a mock cluster, {lacking}'}"


#: Folders whose files wait for daemons, brokers and Spark. They come first: were one of them the
#: last, all other processes would have ended minutes before.
_SLOW = (
    "e2e",
    "spark_jobs",
    "parity",
    "privacy",
    "benchmarks",
    "dashboard",
    "faults",
    "cli",
    "docs",
)


@pytest.hookimpl(hookwrapper=True)
def pytest_collection() -> Iterator[None]:
    """Modules and tests are collected without a look for garbage, of which there is little.

    All of them stay to the end; looking through them time and again took two fifths of the time
    until the first test.
    """
    gc.disable()
    yield
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        return _SLOW.index(folder) if folder in _SLOW else len(_SLOW)

    items.sort(key=place)


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith(("SENTIMENT_", "DAGSTER_", "AWS_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[S3Server]:
    from sentiment_assets_tests.s3_server import running_s3_server

    with running_s3_server() as server:
        yield server


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaServer]:
    """One cluster for all tests of this process. They take it through the three fixtures below."""
    from sentiment_assets_tests.kafka_server import running_kafka_server

    with running_kafka_server() as server:
        if server.mocked:
            said = f"tests of Kafka ran on librdkafka's mock cluster: {server.reason}"
            warnings.warn(pytest.PytestWarning(said), stacklevel=1)
        yield server


@pytest.fixture
def kafka(kafka_server: KafkaServer) -> KafkaConnection:
    """A cluster that others' topics and groups may stand in: take a prefix."""
    return kafka_server.connection


@pytest.fixture
def whole_kafka(kafka_server: KafkaServer) -> KafkaConnection:
    """A cluster with the administration that the mock lacks. Nobody stops it."""
    if kafka_server.mocked:
        pytest.skip(f"needs Apache Kafka itself: {kafka_server.reason}")
    return kafka_server.connection


@pytest.fixture
def real_kafka(kafka_server: KafkaServer) -> Iterator[Kafka]:
    """Apache Kafka, for what the mock can't do. It may be stopped, killed and paused."""
    if kafka_server.real is None:
        pytest.skip(f"needs Apache Kafka itself: {kafka_server.reason}")
    yield kafka_server.real
    kafka_server.real.heal()


@pytest.fixture
def kafka_prefix() -> str:
    """Before the names of a test's topics and group, so that no other test meets them."""
    from sentiment_assets_tests.kafka_server import new_prefix

    return new_prefix()


@pytest.fixture(scope="session")
def simulated() -> Iterator[dict[str, SimulatedPlatform]]:
    """Every platform of one simulator. Tests take one through a fixture that heals it."""
    from sentiment_assets_tests.local_platform import NOW
    from sentiment_assets_tests.simulated import running_simulator

    options = ("--posts-per-day", "240", "--comments-per-day", "120")
    with running_simulator(NOW, *options) as platforms:
        yield platforms


@pytest.fixture
def x(simulated: dict[str, SimulatedPlatform]) -> Iterator[SimulatedPlatform]:
    """X, without faults, on a Thursday at 18:30."""
    from resources.api_clients.x import REACH
    from sentiment_assets_tests.local_platform import NOW

    x = simulated["x"]
    x.heal()
    x.travel(NOW)
    x.client.recent = REACH
    yield x
    x.heal()


@pytest.fixture
def platform(tmp_path: Path, x: SimulatedPlatform) -> Platform:
    """A platform on disk that has fetched nothing."""
    from sentiment_assets_tests.local_platform import Platform

    return Platform.at(tmp_path / "home", x)
