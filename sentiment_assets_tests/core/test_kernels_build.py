"""The kernels' build: of their sources where a compiler is, left out in one line where none is."""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path.relative_to(ROOT) for path in ROOT.glob("sentiment_assets/**/_*_kernel.pyx"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_kernel_is_built_of_its_source(source: Path) -> None:
    if not shutil.which("cc"):
        pytest.skip("no C compiler")
    built = importlib.import_module(".".join(source.with_suffix("").parts))
    digest = hashlib.sha256((ROOT / source).read_bytes()).hexdigest()
    assert digest == built.SOURCE, "the kernel is of another source: make test builds it"


@pytest.mark.parametrize("broken", ["compiler", "source"])
def test_a_failing_build_installs_the_rest(tmp_path: Path, broken: str) -> None:
    pytest.importorskip("Cython", reason="builds with Cython, of the development requirements")
    source = SOURCES[0]
    shutil.copy(ROOT / "setup.py", tmp_path)
    (tmp_path / source.parent).mkdir(parents=True)
    (tmp_path / source).write_text("def :" if broken == "source" else (ROOT / source).read_text())
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "CC": "/bin/false"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = [line for line in done.stdout.splitlines() if "not compiled" in line]
    assert len(said) == 1
    assert said[0].endswith("Python does the same, slower")
    assert list(tmp_path.rglob("*.so")) == []
