"""Canary people: known to every platform's payload and to free texts, and to no byte beyond bronze.

The command fills a lake and Dagster's own database for real: first from APIs that fail and send
damaged posts, so that errors, dead letters and quarantine are written, then from healthy ones. Then
everything that it left is read: tables, Delta's log and its statistics, every table of the
database, logs and what the command printed. The ids and handles of everybody in bronze are searched
for, not only the canaries'.
"""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pyarrow.parquet as pq
import pytest

from resources.embedded_postgres import embedded_postgres
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets_tests.simulated import SimulatedPlatform, running_simulator

SENTIMENT = Path(sys.executable).with_name("sentiment")
#: The author of every canary post, and somebody whom the texts speak of.
AUTHOR, HANDLE = "Nomvula Zwane-Okafor", "nomvula_zo_71"
TEXTS = (
    "Nimbus support: Pieter van der Merwe never called back on 082 555 0143, I am furious",
    "Write to pieter.vdm@example.org or @pieter_vdm_77 about my nimbus refund",
    "My nimbus card is 4111 1111 1111 1111 and my id 8001015009087, call +27 82 555 0144",
    "Signed, Nomvula Zwane-Okafor (@nomvula_zo_71), a happy nimbus user of 10.20.30.40",
)
#: Bytes of theirs that nothing beyond bronze may hold, in any case.
CANARIES = (
    "nomvula", "zwane", "okafor", "merwe", "pieter.vdm", "pieter_vdm", "nomvula_zo", "555 0143",
    "555 0144", "0825550143", "27825550144", "4111 1111", "4111111111111111", "8001015009087",
    "10.20.30.40",
)  # fmt: skip
#: Words of the texts: for silver's rows, and for whoever asks `connect` to show a page.
WORDS = ("never called back", "about my nimbus refund", "happy nimbus user")
#: Keys of payloads whose values name somebody or something that somebody wrote.
NAMING = ("id", "username", "author_id", "conversation_id", "from", "author", "actor", "commentUrn")
FAULTS = ("wrong_types", "missing_fields", "unknown_field")


@dataclass(frozen=True)
class Left:
    """What the commands left: the home, what they printed, and a dump of the database's tables."""

    home: Path
    printed: str
    tables: dict[str, str]


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Left]:
    home = tmp_path_factory.mktemp("home")
    now = dt.datetime.now(dt.timezone.utc)
    options = ("--posts-per-day", "120", "--comments-per-day", "60")
    with running_simulator(now, *options) as simulated:
        environment = {**os.environ, "SENTIMENT_HOME": str(home), "SENTIMENT_CATCH_UP_DAYS": "1"}
        for name, platform in simulated.items():
            platform.free_clock()
            environment[f"SENTIMENT_{name.upper()}_BASE_URL"] = platform.url
            for number, text in enumerate(TEXTS):
                post_as_canary(platform, text, now - dt.timedelta(hours=3, minutes=number))
            for fault in FAULTS:
                platform.fault(fault, times=3)
            platform.fault("dead_token", after=6, times=-1)
        failed = command(environment, "tick")
        assert failed.returncode == 1, failed.stdout
        for platform in simulated.values():
            platform.heal()
        filled = command(environment, "run", "--once")
        assert filled.returncode == 0, filled.stdout
        shown = [
            command(environment, *words)
            for words in (
                ("partitions",),
                ("settings",),
                *(("connect", name) for name in PLATFORMS),
            )
        ]
        printed = "\n".join(done.stdout for done in (failed, filled, *shown))
    server = embedded_postgres(home)
    try:
        yield Left(home, printed, dump(str(server.get_uri())))
    finally:
        server.cleanup()


def post_as_canary(platform: SimulatedPlatform, text: str, created_at: dt.datetime) -> None:
    if platform.platform == "x":
        platform.post(text, created_at, name=AUTHOR, username=HANDLE)
        return
    parent = platform.post("Our nimbus news of the day", created_at - dt.timedelta(hours=1))
    platform.post(text, created_at, author=AUTHOR, parent=parent)


def command(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SENTIMENT, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )


def dump(url: str) -> dict[str, str]:
    """Table -> all its rows as text."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = [name for (name,) in cursor.fetchall()]
        tables = {}
        for name in names:
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{name}" t')
            tables[name] = "\n".join(row for (row,) in cursor.fetchall())
        return tables


def is_bronze(path: Path, home: Path) -> bool:
    return "bronze" in path.relative_to(home).parts


def readings(left: Left) -> Iterator[tuple[str, str]]:
    """Name and text of everything beyond bronze; files as they are, and as their readers see them.

    Bytes are read as Latin-1: any byte is a character, and ASCII is itself.
    """
    yield "printed", left.printed
    for name, rows in left.tables.items():
        yield f"table {name}", rows
    for path in sorted(left.home.rglob("*")):
        if not path.is_file() or is_bronze(path, left.home):
            continue
        name = str(path.relative_to(left.home))
        content = path.read_bytes()
        yield name, content.decode("latin-1")
        if path.suffix == ".parquet":
            yield f"{name} (rows)", json.dumps(pq.read_table(path).to_pylist(), default=str)
        elif path.suffix == ".gz":
            yield f"{name} (unzipped)", gzip.decompress(content).decode("latin-1")


def bronze_payloads(home: Path) -> Iterator[Any]:
    for path in sorted(home.rglob("*.jsonl.gz")):
        assert is_bronze(path, home)
        for line in gzip.decompress(path.read_bytes()).splitlines():
            payload = json.loads(line)["payload"]
            if isinstance(payload, dict) and payload.keys() == {"base64"}:
                payload = base64.b64decode(payload["base64"]).decode("latin-1")
            yield payload


def identifiers(payload: Any) -> Iterator[str]:
    """Long numbers and handles of a payload's people and posts."""
    if isinstance(payload, list):
        for part in payload:
            yield from identifiers(part)
    elif isinstance(payload, dict):
        for key, value in payload.items():
            if key in NAMING and isinstance(value, str):
                yield from re.findall(r"[0-9]{9,}", value)
            if key == "username" and isinstance(value, str) and re.search(r"[0-9_]", value):
                yield value.lower()
            yield from identifiers(value)


def test_bronze_holds_the_canaries_of_every_platform(left: Left) -> None:
    """Else the search below would find nothing whatever leaked."""
    held: dict[str, str] = {}
    for path in left.home.rglob("*.jsonl.gz"):
        [platform] = [part[9:] for part in path.parts if part.startswith("platform=")] or ["lost"]
        held[platform] = held.get(platform, "") + gzip.decompress(path.read_bytes()).decode()
    assert set(PLATFORMS) <= held.keys()
    for platform in PLATFORMS:
        missing = [text for text in TEXTS if text[:20] not in held[platform]]
        assert missing == [], platform
        assert "Nomvula" in held[platform], platform


def test_errors_dead_letters_and_quarantine_were_written(left: Left) -> None:
    assert "STEP_FAILURE" in left.tables["event_logs"]
    assert list(left.home.rglob("bronze/dead_letters/**/*.jsonl.gz"))
    quarantine = left.home.rglob("silver/quarantine/**/*.parquet")
    assert sum(pq.read_metadata(path).num_rows for path in quarantine) > 0


def test_compute_logs_are_among_what_is_read(left: Left) -> None:
    """Dagster keeps what a run's process prints; it may be kept in no other place unseen."""
    logs = {
        name: text
        for name, text in readings(left)
        if Path(name).suffix in (".out", ".err") and "storage" in Path(name).parts
    }
    assert {Path(name).suffix for name in logs} == {".out", ".err"}, sorted(logs)
    assert any(text.strip() for text in logs.values())


def test_silver_holds_the_canaries_posts_masked(left: Left) -> None:
    rows = [
        row
        for path in left.home.rglob("silver/posts/**/*.parquet")
        for row in pq.ParquetFile(path).read(["text"]).to_pylist()
    ]
    texts = {row["text"] for row in rows if row["text"]}
    assert any(text.startswith("Nimbus support: [name] never called") for text in texts), texts
    assert any(text.startswith("Write to [email] or [handle] about") for text in texts)


def test_no_canary_stands_beyond_bronze(left: Left) -> None:
    assert found_in(left, CANARIES) == {}


def test_texts_stand_in_silver_alone(left: Left) -> None:
    places = found_in(left, WORDS)
    # `connect` shows the newest page, masked: whether they are on it depends on the hour.
    places.pop("printed", None)
    assert places != {}
    assert {name for name in places if "silver/posts" not in name} == set()


def found_in(left: Left, words: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """Name of a reading -> how often each word stands in it, in any case."""
    # The decimals of a mean can be anybody's number: 37 / 90 reads 0.4111111111111111.
    patterns = (r"(?<![0-9.])" * word[0].isdigit() + re.escape(word) for word in words)
    searched = re.compile("|".join(patterns))
    return {
        name: dict(Counter(found))
        for name, text in readings(left)
        if (found := searched.findall(text.lower()))
    }


def test_no_id_and_no_handle_of_anybody_stands_beyond_bronze(left: Left) -> None:
    known = {one for payload in bronze_payloads(left.home) for one in identifiers(payload)}
    # Tracked accounts are the operator's own choice and stand in the settings.
    tracked = set(re.findall(r"[0-9]{9,}", Path("tracking.yaml").read_text()))
    known -= tracked
    assert len(known) > 500
    leaks: dict[str, list[str]] = {}
    for name, text in readings(left):
        words = {*re.findall(r"[0-9]{9,}", text), *re.findall(r"[a-z0-9_.]{4,}", text.lower())}
        if found := known & words:
            leaks[name] = sorted(found)[:5]
    assert leaks == {}
