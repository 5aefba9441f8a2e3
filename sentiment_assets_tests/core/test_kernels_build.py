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


def test_typed_module_is_compiled_of_what_stands_beside_it() -> None:
    if not shutil.which("cc"):
        pytest.skip("no C compiler")
    from sentiment_assets.core.pii import _names_kernel, name_finding, names

    module = ROOT / "sentiment_assets/core/pii/names.py"
    types = module.with_name("_names_kernel.pxd")
    digest = hashlib.sha256(module.read_bytes() + types.read_bytes()).hexdigest()
    assert digest == _names_kernel.SOURCE, "names is compiled of another source: make test does it"
    assert name_finding.find_names is not names.find_names


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


def test_everything_is_imported_and_a_text_cleaned_where_no_kernel_was_built(
    tmp_path: Path,
) -> None:
    """In a process that finds none of them: as installed without a compiler."""
    program = (
        "import importlib, pkgutil, sys\n"
        "class NoKernels:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.startswith('sentiment_assets') and name.endswith('_kernel'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, NoKernels())\n"
        "import sentiment_assets\n"
        "for module in pkgutil.walk_packages(sentiment_assets.__path__, 'sentiment_assets.'):\n"
        "    if not module.name.endswith('_kernel'):\n"
        "        importlib.import_module(module.name)\n"
        "from sentiment_assets.core.pii import redact\n"
        "from sentiment_assets.core.sentiment import score_texts\n"
        "print(redact('call +27 82 555 0100').text, score_texts(['good'])['compound'][0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "call [phone] 0.4404\n"
