"""The kernel's build: of this source where a compiler is, left out in one line where none is."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sentiment_assets.core.sentiment import vader

ROOT = Path(__file__).parents[3]
SOURCE = Path("sentiment_assets/core/sentiment/_vader_kernel.pyx")


def test_kernel_is_built_of_this_source() -> None:
    if vader.compiled is None:
        if shutil.which("cc"):
            pytest.fail("there is a C compiler and no kernel: rm .venv/.run && make test")
        pytest.skip("no C compiler")
    built = hashlib.sha256((ROOT / SOURCE).read_bytes()).hexdigest()
    assert built == vader.compiled.SOURCE, "the kernel is of another source: make test builds it"
    assert vader.compiled.VERSION == vader.KERNEL_VERSION


@pytest.mark.parametrize("broken", ["compiler", "source"])
def test_a_failing_build_installs_the_rest(tmp_path: Path, broken: str) -> None:
    pytest.importorskip("Cython", reason="builds with Cython, of the development requirements")
    shutil.copy(ROOT / "setup.py", tmp_path)
    (tmp_path / SOURCE.parent).mkdir(parents=True)
    source = (ROOT / SOURCE).read_text()
    (tmp_path / SOURCE).write_text("def :" if broken == "source" else source)
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
    said = [line for line in done.stdout.splitlines() if "was not compiled" in line]
    assert len(said) == 1
    assert said[0].endswith("scoring will run in Python, slower")
    assert list(tmp_path.rglob("*.so")) == []
