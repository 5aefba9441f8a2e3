"""The platform that docs/add-a-platform.md adds works: its code, taken from the page, in a copy of
the project.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sentiment_assets_tests.docs.pages import ROOT, blocks, new_files

PAGE = Path("docs/add-a-platform.md")
PACKAGES = ("sentiment_assets", "resources", "simulator", "dashboard", "sentiment_assets_tests")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the page's platform in it."""
    root = tmp_path_factory.mktemp("project")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for file in (
        "tracking.yaml",
        "freshness.yaml",
        "alerts.yaml",
        "streams.yaml",
        "pyproject.toml",
    ):
        shutil.copy(ROOT / file, root)
    for path, code in new_files(PAGE).items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(code, encoding="utf-8")
    for path, place, code in changes():
        file = root / path
        file.write_text(changed(file.read_text(encoding="utf-8"), place, code), encoding="utf-8")
    return root


def changes() -> list[tuple[str, str, str]]:
    """What the page adds to files that are there: file, place in words, lines."""
    found = []
    for language in ("python", "yaml"):
        for block in blocks(PAGE, language):
            head, _, code = block.partition("\n")
            if told := re.fullmatch(r"# (\S+): (.+)", head):
                found.append((told[1], told[2], code))
    return found


def changed(text: str, place: str, code: str) -> str:
    """The file's text with the lines at their place."""
    if place == "beside the other imports":
        found = re.search(r"^(?=from (?:sentiment_assets|simulator)\b)", text, re.MULTILINE)
    elif under := re.fullmatch(r"under (\w+)", place):
        found = re.search(rf"^{under[1]}:\n", text, re.MULTILINE)
    else:
        end = re.fullmatch(r"at the end of (\w+)", place)
        assert end, f"{PAGE}: nobody knows where {place!r} is"
        # The bracket that closes it stands alone, or on the line that opened it.
        found = re.search(
            rf"^{end[1]}\b[^\n]*(?:[({{]\n.*?^(?=[)}}])|(?=\)$))", text, re.MULTILINE | re.DOTALL
        )
        code = code if found and found[0].endswith("\n") else f",\n{code}"
    assert found, f"{PAGE}: there is no {place!r} any more"
    return text[: found.end()] + code + text[found.end() :]


@pytest.fixture(scope="module")
def did(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    program = "sentiment_assets_tests.docs.platform_of_the_page"
    home = tmp_path_factory.mktemp("home")
    done = subprocess.run(
        [sys.executable, "-m", program, str(home), str(copy / "tracking.yaml")],
        cwd=copy,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_every_snippet_names_its_file() -> None:
    snippets = [block for kind in ("python", "yaml") for block in blocks(PAGE, kind)]
    assert len(changes()) + len([b for b in snippets if re.match(r"# \S+\.py\n", b)]) == len(
        snippets
    )
    assert len(new_files(PAGE)) == 3


def test_new_files_keep_the_projects_style(copy: Path) -> None:
    for command in (("check", "--no-cache"), ("format", "--check", "--no-cache")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *new_files(PAGE)],
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_a_day_reaches_gold(did: dict[str, Any]) -> None:
    assert did["records"] > 100
    assert did["inside"]
    assert did["rows"] == did["distinct_ids"] == did["records"]
    assert did["gold_posts"] == [did["rows"]]
    assert did["quarantined"] == 0
    assert did["kinds"] == ["post"]
    assert 0 < did["scored"] < did["rows"]
    assert did["failed_checks"] == []
    # One search for the whole day: the pages of the day and of an hour or so before it.
    assert did["requests"] <= did["records"] // 40 + 2


def test_what_names_people_is_masked(did: dict[str, Any]) -> None:
    assert did["added"] == ["Moved our #nimbus bill. Ask [handle] or [email] The end & more"]


def test_a_date_fetched_again_gains_what_is_new(did: dict[str, Any]) -> None:
    assert did["rows_again"] > did["rows"]
    assert did["newest_hour"] == 20
    assert did["observed"] == 2


def test_settings_and_connect(did: dict[str, Any]) -> None:
    assert did["settings"] == [
        f"SENTIMENT_MASTODON_{name}"
        for name in (
            "BASE_URL",
            "REQUESTS",
            "MAX_PAGES",
            "MAX_WAIT_SECONDS",
            "REGION",
            "ACCESS_TOKEN",
        )
    ]
    found = did["connection"]
    assert found["ok"]
    assert found["findings"] == ["hashtag launch", "allowance"]
    assert found["preview"] == 40
    assert found["costs"][0] > 1


def test_refusals(did: dict[str, Any]) -> None:
    assert did["refusals"] == {
        "dead_token": "TokenRejected",
        "rate_limit": "RateLimited",
        "not_json": "TransientApiError",
        "bad_encoding": "1 malformed, exhausted True",
        "server_error": "0 malformed, exhausted True",
        "max_pages": "1 page, exhausted False",
    }
