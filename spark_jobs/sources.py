"""What the bundle is made of, its name and its digest: how a job says which code it ran.

What belongs here: which files of the project Spark is given, and one number for all of them. It is
computed of the sources in a checkout, and read from the bundle where that is what runs. Making the
bundle is ``spark_jobs.bundle``'s.
"""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Iterator
from functools import cache
from importlib import metadata, resources
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: The program that starts a job of the bundle.
PROGRAM = "run_job.py"
#: In the bundle, beside this module: the digest of what it holds.
DIGEST_FILE = "bundle.sha256"
#: Kernels' sources are among them: other kernels are other code.
SUFFIXES = (".py", ".pyx", ".pxd", ".gz", ".jsonl", ".yaml")
PACKAGES = (
    "sentiment_assets/core",
    "sentiment_assets/lake",
    "sentiment_assets/engine",
    "spark_jobs",
)
#: Tools of a checkout, which no job needs.
LEFT_OUT = ("spark_jobs/bundle.py", "spark_jobs/jars.py")


class BundleDiffers(ValueError):
    """A bundle was made of other sources than those of the run that started it."""


def bundle_name() -> str:
    """File name of the bundle."""
    return f"sentiment-{metadata.version('sentiment-assets')}.zip"


def environment_name() -> str:
    """File name of the archive of libraries for this Python, system and processor."""
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    return f"environment-{tag}-{platform.system().lower()}_{platform.machine()}.tar.gz"


def bundled_files() -> Iterator[tuple[str, Path]]:
    """Names in the bundle and the files of this checkout, in order."""
    found = [ROOT / "sentiment_assets" / "__init__.py"]
    for package in PACKAGES:
        found += (path for path in (ROOT / package).rglob("*") if path.suffix in SUFFIXES)
    for path in sorted(found):
        name = path.relative_to(ROOT).as_posix()
        if name not in LEFT_OUT and path.is_file():
            yield name, path


@cache
def bundle_digest() -> str:
    """SHA-256 of what the bundle holds, or would hold: the same for the same sources."""
    written = resources.files(__package__) / DIGEST_FILE
    if written.is_file():
        return written.read_text(encoding="ascii").strip()
    digest = hashlib.sha256()
    for name, path in bundled_files():
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{content}  {name}\n".encode())
    return digest.hexdigest()
