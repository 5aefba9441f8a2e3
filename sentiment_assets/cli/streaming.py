"""What ``sentiment run --stream`` adds: a Kafka broker, topics, producers, and the live stream.

What belongs here: starting these on this machine, against the simulator. Producing is ``produce``,
landing the sensors'.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment_assets.cli.services import ServiceError, Services, first_line, free_port
from sentiment_assets.core.platforms import PLATFORMS

if TYPE_CHECKING:
    from sentiment_assets.definitions import Settings

_FIRST_PORT = 8090
#: What the simulator signs its pushes with.
_SECRET = "simulated"
_SIGNED_WITH = ("_APP_SECRET", "_VERIFY_TOKEN", "_CLIENT_ID", "_CLIENT_SECRET")
_BROKER_SECONDS = 120


def receivers() -> dict[str, int]:
    """A free port for each platform that pushes."""
    from sentiment_assets.definitions import receives

    pushed = [platform for platform in PLATFORMS if receives(platform)]
    return {platform: free_port(_FIRST_PORT + n) for n, platform in enumerate(pushed)}


#: How many times as many posts there are from the start on.
_BUSY = "20"


def push_options(ports: dict[str, int]) -> list[str]:
    """The simulator's options that make it push to the receivers, and busy where it streams."""
    pushes = [
        word
        for platform, port in ports.items()
        for word in ("--push", f"{platform}=http://127.0.0.1:{port}/webhooks/{platform}")
    ]
    # Five minutes of the story have too few authors to be shown, above all at night.
    return [*pushes, "--busy", _BUSY] if ports else []


def start_broker(services: Services, home: Path) -> str:
    """Start Kafka on loopback, with its records in the home; returns its address.

    Raises:
        ServiceError: Java or the jars are missing; the message says how to get them.
    """
    broker = services.start(
        "kafka",
        [sys.executable, "-m", "simulator.kafka", "--folder", str(home / "kafka")],
        {},
        piped=True,
    )
    return str(first_line(broker, _BROKER_SECONDS)["bootstrap_servers"])


def make_topics(settings: Settings) -> None:
    """Make the topics as streams.yaml says.

    Raises:
        ServiceError: something of them can't be changed.
    """
    from sentiment_assets.core.topic_plan import plan_topics
    from sentiment_assets.definitions import topic_admin

    wanted = settings.read_streams()
    admin = topic_admin(settings)
    compared = {name for topic in wanted for name in topic.configs}
    plan = plan_topics(wanted, admin.read([topic.name for topic in wanted], configs=compared))
    if plan.refused:
        raise ServiceError("`sentiment topics apply` says what of the topics can't be changed")
    for change in plan.changes:
        admin.apply(change)


def switch_live_on() -> str:
    """Let the live stream run, unless a setting or something missing is against it; says which.

    What is started from here reads the process's environment.
    """
    from sentiment_assets.definitions import live_lacks, read_settings

    lacking = live_lacks()
    if lacking is not None:
        os.environ["SENTIMENT_LIVE"] = "off"
        return f"off: {lacking}"
    os.environ.setdefault("SENTIMENT_LIVE", "continuous")
    return read_settings().live


def start_producers(services: Services, ports: dict[str, int]) -> None:
    """Start a producer for each platform, with the simulator's secrets."""
    for platform in PLATFORMS:
        where = ["--port", str(ports[platform])] if platform in ports else []
        services.start(
            f"produce-{platform}",
            [
                sys.executable, "-c", "from sentiment_assets.cli import main; main()",
                "produce", platform, *where,
            ],
            {**os.environ, **_secrets()},
        )  # fmt: skip


def _secrets() -> dict[str, str]:
    """What receivers ask for, of every platform that has it."""
    from sentiment_assets.definitions import setting_names

    return {name: _SECRET for name in setting_names() if name.endswith(_SIGNED_WITH)}
