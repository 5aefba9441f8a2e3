"""Makes what Spark is given of this project: ``python -m spark_jobs.bundle``, or ``make bundle``.

What belongs here: three files in ``dist/``. A zip of the sources (for ``--py-files``), the same
bytes from any checkout of the same sources; an archive of the libraries that they import, of the
versions of the lock, with the compiled kernels (for ``--archives``), for machines like this one;
and the program that starts a job of the zip. What goes into the zip is ``spark_jobs.sources``'.

Python loads no shared object from a zip. So the kernels lie in the archive, below folders of their
packages' names, and in the zip these packages look for their modules there too.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.metadata
import re
import shutil
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from isal import igzip
from packaging.requirements import Requirement

from spark_jobs.sources import (
    DIGEST_FILE,
    PROGRAM,
    ROOT,
    bundle_digest,
    bundle_name,
    bundled_files,
    environment_name,
)

LOCK = ROOT / "requirements-bundle.lock"
TARGET = ROOT / "dist"
#: The oldest that a zip can say, for every file of it.
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_LONG_AGO_SECONDS = 315_532_800
#: An installer's own notes, which differ from one machine to the next.
_INSTALLERS = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}
_LOOK_IN_ENVIRONMENT = '__path__ = __import__("pkgutil").extend_path(__path__, __name__)\n'


class BundleError(Exception):
    """The bundle can't be made here; the message is one line that says what to do."""


def make_bundle(target: Path = TARGET) -> Path:
    """Write the zip of the sources, and its digest into it."""
    target.mkdir(parents=True, exist_ok=True)
    path = target / bundle_name()
    split = {parent.as_posix() for name in kernels() for parent in Path(name).parents}
    begun = path.with_suffix(".begun")
    with zipfile.ZipFile(begun, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as bundle:
        for name, file in bundled_files():
            content = file.read_bytes()
            if file.name == "__init__.py" and Path(name).parent.as_posix() in split:
                content = _looking_in_environment(content.decode()).encode()
            _add(bundle, name, content)
        _add(bundle, f"spark_jobs/{DIGEST_FILE}", f"{bundle_digest()}\n".encode())
    begun.rename(path)
    return path


def make_environment(target: Path = TARGET) -> Path:
    """Write the archive of libraries and kernels.

    Raises:
        BundleError: as :func:`environment_files`.
    """
    target.mkdir(parents=True, exist_ok=True)
    path = target / environment_name()
    begun = path.with_suffix(".begun")
    with (
        begun.open("wb") as file,
        # In a tenth of the standard library's time, and no larger than its quick levels.
        igzip.IGzipFile(filename="", mode="wb", compresslevel=2, fileobj=file, mtime=0) as packed,
        # Typed as the standard library's file, which it is not.
        tarfile.open(fileobj=cast(IO[bytes], packed), mode="w") as archive,
    ):
        for name, source in sorted(environment_files()):
            entry = tarfile.TarInfo(name)
            entry.size = source.stat().st_size
            entry.mtime = _LONG_AGO_SECONDS
            with source.open("rb") as content:
                archive.addfile(entry, content)
    begun.rename(path)
    return path


def environment_files() -> Iterator[tuple[str, Path]]:
    """Names in the archive and files of this machine: locked libraries, kernels.

    Raises:
        BundleError: a library is missing or of another version, or a kernel is not compiled.
    """
    for name, version in locked().items():
        try:
            library = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            raise BundleError(f"{name} is not installed: make .venv/.run") from None
        if library.version != version:
            raise BundleError(
                f"{name} is {library.version} here and {version} in {LOCK.name}: make .venv/.run, "
                "or make lock"
            )
        for file in library.files or ():
            noted = file.parts[0].endswith(".dist-info") and file.name in _INSTALLERS
            if not (noted or ".." in file.parts or file.suffix == ".pyc"):
                yield file.as_posix(), Path(str(library.locate_file(file)))
    for name in kernels():
        yield f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}", _built_kernel(name)


def locked() -> dict[str, str]:
    """Libraries of the archive on this machine, and their versions."""
    versions = {}
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        library = Requirement(line)
        if library.marker is None or library.marker.evaluate():
            versions[library.name] = str(library.specifier).removeprefix("==")
    return versions


def kernels() -> list[str]:
    """The kernels' names in the bundle, without a suffix."""
    named = (Path(name) for name, _ in bundled_files())
    return [name.with_suffix("").as_posix() for name in named if name.suffix in (".pyx", ".pxd")]


def _built_kernel(name: str) -> Path:
    try:
        built: Any = importlib.import_module(name.replace("/", "."))
    except ImportError:
        built = None
    if getattr(built, "SOURCE", None) != hashlib.sha256(_kernel_source(name)).hexdigest():
        # Executors would do its work in Python, at a tenth of the speed, and nobody would know.
        raise BundleError(
            f"the kernel {name} is not compiled of its source: install gcc and python3-dev, then: "
            "rm -f .venv/.run, then make bundle"
        )
    return Path(built.__file__)


def _kernel_source(name: str) -> bytes:
    """What a kernel is made of: its own file, or a module and the types it is compiled with."""
    own = ROOT / f"{name}.pyx"
    if own.exists():
        return own.read_bytes()
    types = ROOT / f"{name}.pxd"
    module = types.with_name(f"{types.stem.removeprefix('_').removesuffix('_kernel')}.py")
    return module.read_bytes() + types.read_bytes()


def _looking_in_environment(source: str) -> str:
    """A package's source that looks for its modules in the archive too, before it imports any."""
    first = [
        node.end_lineno or 0
        for node in ast.parse(source).body
        if (isinstance(node, ast.ImportFrom) and node.module == "__future__")
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    lines = source.splitlines(keepends=True)
    lines.insert(max(first, default=0), _LOOK_IN_ENVIRONMENT)
    return "".join(lines)


def _add(bundle: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _LONG_AGO)
    entry.create_system = 3
    entry.external_attr = 0o100644 << 16
    bundle.writestr(entry, content, zipfile.ZIP_DEFLATED, 9)


def _needed_glibc() -> str:
    """The oldest GNU C library that everything compiled in the archive runs with."""
    named: set[int] = set()
    for name, source in environment_files():
        if ".so" in name:
            named.update(int(n) for n in re.findall(rb"GLIBC_2\.(\d+)\b", source.read_bytes()))
    return f"2.{max(named)}" if named else "none"


def main() -> int:
    """Make all three, and print what and where they are, one a line, with their digests."""
    try:
        bundle, environment = make_bundle(), make_environment()
        program = TARGET / PROGRAM
        shutil.copyfile(ROOT / "spark_jobs" / PROGRAM, program)
        for path in (bundle, environment, program):
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            path.with_name(f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n")
            print(f"{digest}  {path.relative_to(ROOT)}  {path.stat().st_size / 2**20:,.1f} MiB")
    except BundleError as problem:
        print(f"no bundle: {problem}", file=sys.stderr)
        return 1
    print(f"sources {bundle_digest()}")
    print(
        f"for {environment_name().split('-', 1)[1].removesuffix('.tar.gz')}, glibc "
        f"{_needed_glibc()} and later"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
