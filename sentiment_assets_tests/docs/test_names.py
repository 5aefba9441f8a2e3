"""What the pages name exists: files, anchors, make targets, verbs, options, settings, checks."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from resources.settings import PREFIX, setting_names
from sentiment_assets.checks import checks
from sentiment_assets.cli import cli
from sentiment_assets.core.contracts import REFERENCE_CONTRACTS
from sentiment_assets_tests.docs.pages import ROOT, anchors, code, links, new_files, pages, text_of

PAGES = [pytest.param(page, id=str(page)) for page in pages()]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):(?!=)", MAKEFILE, re.MULTILINE))
VARIABLES = set(re.findall(r"^([A-Z_]+) \?=", MAKEFILE, re.MULTILINE))
# A path in code counts as the project's when it begins with one of its folders.
FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "."}


@pytest.mark.parametrize("page", PAGES)
def test_links_and_images_resolve(page: Path) -> None:
    broken = []
    for target in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (ROOT / page).parent / path if path else ROOT / page
        if not found.exists():
            broken.append(f"{target}: no such file")
        elif anchor and anchor not in anchors(found.resolve().relative_to(ROOT)):
            broken.append(f"{target}: no such heading")
    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_files_named_in_code_exist(page: Path) -> None:
    missing = []
    made = {part for file in new_files(page) for part in (file, f"{Path(file).parent}/")}
    for line in code(page):
        for word in re.findall(r"[\w.-]+(?:/[\w.-]+)+/?", line):
            if word.split("/")[0] not in FOLDERS or f"/{word}" in line or word in made:
                continue
            # A table is called as the folder in which its file lies.
            if word in REFERENCE_CONTRACTS:
                continue
            if not (ROOT / word).exists():
                missing.append(word)
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(page: Path) -> None:
    for line in code(page):
        for target, rest in re.findall(r"(?:^|\s)make ([a-z-]+)((?: [A-Z_]+=\S+)*)", line):
            assert target in TARGETS, line
            assert set(re.findall(r"([A-Z_]+)=", rest)) <= VARIABLES, line


@pytest.mark.parametrize("page", PAGES)
def test_verbs_and_options_exist(page: Path) -> None:
    for line in code(page):
        # Only what is typed: the command stands alone or behind a folder, a pipe or a setting.
        for verb, rest in re.findall(
            r"(?:^|[|/] ?|=\S* |sudo -u \w+ )sentiment ([a-z-]+)((?: [^|#]+)?)", line
        ):
            assert verb in cli.commands, line
            command = cli.commands[verb]
            for word in rest.split():
                if not isinstance(command, click.Group):
                    break
                assert word in command.commands, line
                command = command.commands[word]
            known = {option for p in command.params for option in p.opts}
            assert set(re.findall(r"--[a-z-]+", rest)) <= known | {"--help"}, line


#: What tests read, and no setting of the platform.
OF_TESTS = {"SENTIMENT_TEST_KAFKA"}


@pytest.mark.parametrize("page", PAGES)
def test_settings_exist(page: Path) -> None:
    known = setting_names().keys() | OF_TESTS
    # Those of a platform whose client the page makes.
    made = tuple(
        f"{PREFIX}{Path(file).stem.upper()}_"
        for file in new_files(page)
        if file.startswith("resources/api_clients/")
    )
    named = set(re.findall(rf"\b{PREFIX}[A-Z0-9_]*[A-Z0-9]\b", text_of(page)))
    assert {name for name in named if not made or not name.startswith(made)} <= known


def test_engineers_are_told_of_every_check() -> None:
    names = {key.name for definition in checks() for key in definition.check_keys}
    text = text_of(Path("docs/engineers.md"))
    assert {name for name in names if f"`{name}`" not in text} == set()


def test_every_page_of_docs_is_reachable_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [Path("README.md")]
    while waiting:
        page = waiting.pop()
        if page in reached or not (ROOT / page).exists():
            continue
        reached.add(page)
        for target in links(page):
            path = target.partition("#")[0]
            if path.endswith(".md") and ":" not in path:
                waiting.append(((ROOT / page).parent / path).resolve().relative_to(ROOT))
    assert {page for page in pages() if page.parts[0] == "docs"} - reached == set()
