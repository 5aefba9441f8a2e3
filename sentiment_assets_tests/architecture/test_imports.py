"""What may import what, and what importing may do. A room's fence is a row of a table here."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentiment_assets.core.platforms import PLATFORMS

ROOT = Path(__file__).parents[2]
CORE, LAKE, ENGINE, PRIVACY = (
    ROOT / "sentiment_assets" / room for room in ("core", "lake", "engine", "privacy")
)
CLIENTS = ROOT / "resources" / "api_clients"
PRODUCERS = ROOT / "resources" / "producers"
SPARK_JOBS = ROOT / "spark_jobs"
STORAGE = ("boto3", "botocore", "obstore", "deltalake")
NETWORK = ("httpx", "requests", "urllib", "http", "socket", "ssl", "asyncio", "subprocess")
OTHERS = ("dagster", "pyspark", "resources", "simulator", "dashboard")


def sources(*places: Path) -> list[Path]:
    return sorted(
        path
        for place in places
        for path in ([place] if place.suffix else place.rglob("*.py"))
        if "__pycache__" not in path.parts
    )


def imported_names(path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere, under TYPE_CHECKING too; members as ``a.b``."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def breaches(paths: list[Path], forbidden: tuple[str, ...]) -> list[str]:
    assert paths
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in paths
        for name in imported_names(path)
        if any(name == bad or name.startswith(f"{bad}.") for bad in forbidden)
    ]


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        pytest.param(
            CORE,
            (*OTHERS, *STORAGE, *NETWORK, "os", "time", "dagster_pipes", "sentiment_assets.lake",
             "sentiment_assets.engine", "sentiment_assets.assets"),
            id="core is pure",
        ),
        pytest.param(
            LAKE,
            (*OTHERS, "boto3", "sentiment_assets.engine", "sentiment_assets.assets",
             "sentiment_assets.privacy"),
            id="lake knows storage only",
        ),
        pytest.param(
            ENGINE,
            (*OTHERS, *STORAGE, "sentiment_assets.assets"),
            id="engine knows core and lake only",
        ),
        pytest.param(
            SPARK_JOBS,
            ("dagster", "boto3", "resources", "simulator", "dashboard", "sentiment_assets.assets",
             "sentiment_assets.partitions", "sentiment_assets.definitions"),
            id="spark jobs know core, lake, engine and Spark only",
        ),
        pytest.param(
            PRIVACY,
            (*OTHERS, *STORAGE, *NETWORK, "os", "time", "sentiment_assets.engine",
             "sentiment_assets.assets"),
            id="privacy knows core and lake only",
        ),
        pytest.param(
            PRIVACY / "access.py",
            (*OTHERS, *STORAGE, *NETWORK, "os", "time", "pathlib", "sentiment_assets"),
            id="the access table is values only",
        ),
        pytest.param(
            CLIENTS,
            ("dagster", "sentiment_assets", "simulator", "pyspark", *STORAGE),
            id="clients know HTTP only",
        ),
        pytest.param(
            PRODUCERS,
            (*OTHERS[:2], "simulator", "dashboard", "resources.environments", "resources.settings",
             *STORAGE, "sentiment_assets.lake", "sentiment_assets.engine",
             "sentiment_assets.assets", "sentiment_assets.partitions",
             "sentiment_assets.definitions"),
            id="producers know clients, Kafka and core only",
        ),
    ],
)  # fmt: skip
def test_room_keeps_its_fence(room: Path, forbidden: tuple[str, ...]) -> None:
    assert breaches(sources(room), forbidden) == []


def test_only_definitions_knows_the_outside_world() -> None:
    inside = [
        path
        for path in sources(ROOT / "sentiment_assets")
        if path != ROOT / "sentiment_assets" / "definitions.py"
    ]
    assert breaches(inside, ("resources",)) == []


def test_nobody_imports_the_simulator() -> None:
    everybody = sources(*(ROOT / room for room in ("sentiment_assets", "resources", "dashboard")))
    assert breaches([*everybody, ROOT / "setup.py"], ("simulator",)) == []
    assert breaches(sources(ROOT / "simulator"), ("sentiment_assets", "resources", "dagster")) == []


def test_optional_services_are_imported_by_nothing_that_must_load() -> None:
    everybody = sources(ROOT / "sentiment_assets", ROOT / "resources")
    optional = ("pyspark", "dagster_pyspark", "snowflake", "dagster_snowflake", "dagster_aws")
    optional += ("boto3", "streamlit", "altair", "pandas")
    # Where Spark runs is imported by everybody, and imports Spark when a job runs; that all loads
    # without is tested with the definitions.
    where_spark_runs = sorted((ROOT / "resources").glob("spark*.py"))
    assert breaches([path for path in everybody if path not in where_spark_runs], optional) == []


CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter", "localtime"}


def test_core_reads_no_clock_no_environment_and_no_file_of_a_user() -> None:
    """By name: whatever is called ``….now()``, ``….today()`` or ``open()`` is looked at here."""
    found = []
    for path in sources(CORE):
        for node in ast.walk(ast.parse(path.read_text())):
            name = ""
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                # dt.time(…) makes a value; it reads nothing.
                if node.func.attr in CLOCKS and ast.unparse(node.func) not in ("dt.time",):
                    name = ast.unparse(node.func)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                name = node.func.id if node.func.id == "open" else ""
            elif isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv"):
                name = ast.unparse(node)
            if name:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} {name}")
    assert found == []


#: Beside a platform's parser and client: the one entry.
ENTRY = "sentiment_assets/core/platforms.py"


#: What two platforms share, or one platform's parser in a second file.
BESIDE = {"graph", "little_text"}


def docstrings(tree: ast.Module) -> set[ast.AST]:
    return {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }


def test_nothing_else_names_a_platform() -> None:
    found: dict[str, set[str]] = {}
    names = set(PLATFORMS)
    long = "|".join(name for name in names if len(name) > 1) or "(?!)"
    spelled = re.compile(rf"(?<![a-z])(?:{long})(?![a-z])")
    for path in sources(ROOT / "sentiment_assets", ROOT / "resources", ROOT / "dashboard"):
        place = str(path.relative_to(ROOT))
        if path.stem in names | BESIDE:
            continue
        tree = ast.parse(path.read_text())
        prose = docstrings(tree)
        for node in ast.walk(tree):
            word = ""
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                word = "" if node in prose else node.value
            elif isinstance(node, ast.Name):
                word = node.id
            elif isinstance(node, ast.Attribute):
                word = node.attr
            elif isinstance(node, ast.alias):
                word = node.name
            # An axis of a chart is no platform.
            exact = names if path.parent.name != "dashboard" else names - {"x"}
            if word in exact or spelled.search(word.lower()):
                found.setdefault(place, set()).add(word)
    assert found.keys() == {ENTRY}, found


def test_resources_belongs_to_this_project_alone() -> None:
    """`resources` is a generic name: another installed one would shadow ours, or be shadowed."""
    owners = importlib.metadata.packages_distributions()
    for name in ("resources", "simulator", "dashboard", "sentiment_assets", "spark_jobs"):
        assert set(owners.get(name, ["sentiment-assets"])) == {"sentiment-assets"}, name


@pytest.mark.parametrize(
    "packages", [["sentiment_assets.core"], ["sentiment_assets", "resources", "simulator"]]
)
def test_importing_reads_nothing(tmp_path: Path, packages: list[str]) -> None:
    """Every module, in a process of its own, from a home that holds tempting files."""
    for name in (".env", "dagster.yaml", "tracking.yaml"):
        (tmp_path / name).write_text("")
    program = Path(__file__).with_name("importing.py")
    done = subprocess.run(
        [sys.executable, str(program), *packages],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    did = json.loads(done.stdout)
    imported = did.pop("imported")
    assert imported > 15
    # Polars' allocator reads its setting when Polars is loaded: it can't be given later.
    allocator = ["sentiment_assets/__init__.py: _RJEM_MALLOC_CONF"]
    assert did.pop("environment") in (allocator * 2, [])
    assert did == {"opened": [], "sockets": [], "started": []}


def test_the_watcher_sees_what_it_watches(tmp_path: Path) -> None:
    """A package that does all of it on import is caught with all of it."""
    package = tmp_path / "careless"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (tmp_path / "private.txt").write_text("mine")
    (package / "inside.py").write_text(
        "import os, pathlib, socket\n"
        f"pathlib.Path({str(tmp_path / 'private.txt')!r}).read_text()\n"
        "socket.socket().connect_ex(('127.0.0.1', 9))\n"
        "os.environ.get('SENTIMENT_HOME'), os.getenv('AWS_PROFILE'), dict(os.environ)\n"
    )
    watcher = (ROOT / "sentiment_assets_tests/architecture/importing.py").read_text()
    program = tmp_path / "importing.py"
    program.write_text(
        watcher.replace("Path(__file__).resolve().parents[2]", f"Path({str(tmp_path)!r})")
    )
    done = subprocess.run(
        [sys.executable, str(program), "careless"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    did = json.loads(done.stdout)
    assert did["opened"] == [str(tmp_path / "private.txt")]
    assert len(did["sockets"]) == 1
    assert {seen.partition(": ")[2] for seen in did["environment"]} >= {
        "SENTIMENT_HOME",
        "AWS_PROFILE",
        "all of it",
    }
