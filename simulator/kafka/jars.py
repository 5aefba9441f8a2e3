"""Kafka's jars and the Java that runs them; ``python -m simulator.kafka.jars`` fetches them.

What belongs here: what must be on the machine, finding it, and saying in one line what is missing.
Running a broker is ``broker``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
#: Beside the virtual environment; `make distclean` removes both.
CACHE = Path(__file__).parents[2] / ".kafka"
#: Brokers of Kafka 4 need it.
JAVA = 17

_APT = "on Debian: apt-get install openjdk-17-jre-headless maven"
#: 44 MB; a slow line takes minutes.
_FETCH_SECONDS = 600


class KafkaUnavailable(Exception):
    """No broker can be started here; the message is one line that says what to do."""


def java() -> str:
    """The Java that runs a broker.

    Raises:
        KafkaUnavailable: there is none, or an older one.
    """
    home = os.environ.get("JAVA_HOME")
    found = (shutil.which("java", path=f"{home}/bin") if home else None) or shutil.which("java")
    if found is None:
        raise KafkaUnavailable(f"a Kafka broker needs Java {JAVA}, and there is none; {_APT}")
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < JAVA:
        older = version[1] if version else "an unknown version"
        raise KafkaUnavailable(f"a Kafka broker needs Java {JAVA}, not {older}; {_APT}")
    return found


def kafka_jars(cache: Path = CACHE) -> Path:
    """The folder of Kafka's jars; fetched through Maven the first time.

    Raises:
        KafkaUnavailable: they are not there, and Maven is missing or could not fetch them.
    """
    folder = _folder(cache)
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _fetch(folder)
    return folder


def missing(cache: Path = CACHE, *, fetch: bool = False) -> str | None:
    """Why no broker can be started, in one line; null if one can, or could after fetching."""
    try:
        java()
        if fetch or shutil.which("mvn") is None:
            kafka_jars(cache)
    except KafkaUnavailable as problem:
        return str(problem)
    return None


def _folder(cache: Path) -> Path:
    # Another pom, other jars.
    return cache / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaUnavailable(f"Kafka's jars are fetched by Maven, and there is none; {_APT}")
    # Whole or not at all: what is interrupted leaves no folder of that name.
    with tempfile.TemporaryDirectory(dir=folder.parent) as begun:
        command = [
            maven, "--quiet", "--batch-mode", "--no-transfer-progress", "--file", str(POM),
            "dependency:copy-dependencies", "-DincludeScope=runtime",
            f"-DoutputDirectory={begun}/jars",
        ]  # fmt: skip
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=_FETCH_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise KafkaUnavailable(
                f"Maven did not fetch Kafka's jars within {_FETCH_SECONDS} seconds; try again with "
                "`make kafka`"
            ) from None
        if done.returncode != 0:
            said = next((line for line in done.stdout.splitlines() if "[ERROR]" in line), "")
            raise KafkaUnavailable(
                "Maven could not fetch Kafka's jars: is Maven Central reached, or a mirror named "
                f"in ~/.m2/settings.xml? Maven says: {said.removeprefix('[ERROR] ')[:300]}"
            )
        Path(begun, "jars").rename(folder)


def main() -> int:
    """Fetch the jars; where that can't be, say why in one line. Never fails: tests do without."""
    if missing() is None and not _folder(CACHE).is_dir():
        print("fetching Kafka's jars (44 MB from Maven Central) …", flush=True)
    if (lacking := missing(fetch=True)) is not None:
        print(f"no Kafka broker, tests will use librdkafka's mock cluster: {lacking}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
