"""Jars that Spark's own distribution lacks; ``python -m spark_jobs.jars`` fetches them.

What belongs here: where they lie on a developer's machine, and one line on what is missing. Which
they are stands in ``pom.xml``. On a cluster they are its own matter (docs/spark.md).
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
#: Beside the virtual environment; `make distclean` removes both.
CACHE = Path(__file__).parents[1] / ".spark"
#: 25 MB; a slow line takes minutes.
_FETCH_SECONDS = 600


class JarsMissing(Exception):
    """The jars are not there; the message is one line that says what to do."""


def spark_jars(cache: Path = CACHE) -> list[Path]:
    """The jars that were fetched.

    Raises:
        JarsMissing: they were not.
    """
    folder = _folder(cache)
    if not folder.is_dir():
        raise JarsMissing("the jars for Kafka and S3 are not there: run `make spark`")
    return sorted(folder.glob("*.jar"))


def fetch(cache: Path = CACHE) -> None:
    """Fetch the jars through Maven, unless they are there.

    Raises:
        JarsMissing: Maven is missing, or could not fetch them.
    """
    folder = _folder(cache)
    if folder.is_dir():
        return
    maven = shutil.which("mvn")
    if maven is None:
        raise JarsMissing("Maven fetches them, and there is none; on Debian: apt-get install maven")
    cache.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: what is interrupted leaves no folder of that name.
    with tempfile.TemporaryDirectory(dir=cache) as begun:
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
            raise JarsMissing(f"Maven took more than {_FETCH_SECONDS} seconds") from None
        if done.returncode != 0:
            said = next((line for line in done.stdout.splitlines() if "[ERROR]" in line), "")
            raise JarsMissing(
                "is Maven Central reached, or a mirror named in ~/.m2/settings.xml? Maven says: "
                f"{said.removeprefix('[ERROR] ')[:300]}"
            )
        # Somebody else may have been faster.
        if not folder.is_dir():
            Path(begun, "jars").rename(folder)


def _folder(cache: Path) -> Path:
    # Another pom, other jars.
    return cache / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]


def main() -> int:
    """Fetch the jars; where that can't be, say why in one line. Never fails: disks need none."""
    try:
        if not _folder(CACHE).is_dir():
            print("fetching Spark's jars for Kafka and S3 (25 MB from Maven Central) …", flush=True)
        fetch()
    except JarsMissing as problem:
        print(f"no jars for Spark, which reads the disk without them: {problem}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
