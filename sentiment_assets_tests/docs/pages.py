"""The project's Markdown pages and what they hold: links, code, headings."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_HIDDEN = re.compile(r"^(?:\..*|node_modules|.*\.egg-info)$")

# Code of a file that the page itself makes, not of one that is there.
_MADE = re.compile(r"# (\S+\.py)")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^ {4,}(\S.*)$", re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@cache
def pages() -> tuple[Path, ...]:
    """Every Markdown file of the project, below the root."""
    found = []
    for path in sorted(ROOT.rglob("*.md")):
        relative = path.relative_to(ROOT)
        if not any(_HIDDEN.match(part) for part in relative.parts[:-1]):
            found.append(relative)
    return tuple(found)


@cache
def text_of(page: Path) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[str]:
    """Fenced code of one language."""
    return [body for kind, body in _FENCE.findall(text_of(page)) if kind == language]


def new_files(page: Path) -> dict[str, str]:
    """Files that a page's code makes: snippets begin with the path; later ones go on."""
    made: dict[str, str] = {}
    for block in blocks(page, "python"):
        head, _, body = block.partition("\n")
        if named := _MADE.fullmatch(head):
            made[named[1]] = f"{made[named[1]]}\n\n{body}" if named[1] in made else body
    return made


def code(page: Path) -> list[str]:
    """Lines of fenced and of indented code, and spans of inline code."""
    text = text_of(page)
    fenced = [line for _, body in _FENCE.findall(text) for line in body.splitlines()]
    prose = _FENCE.sub("", text)
    return fenced + _INDENTED.findall(prose) + _SPAN.findall(prose)


def table_below(page: Path, head: str) -> list[list[str]]:
    """Cells of the table whose first line begins so; without code marks."""
    _, found, rest = text_of(page).partition(f"\n{head}")
    assert found, f"{page} has no table that begins with {head}"
    rows = rest.splitlines()[2:]
    ends = next((n for n, row in enumerate(rows) if not row.startswith("|")), len(rows))
    return [[cell.strip(" `") for cell in row.strip("|").split("|")] for row in rows[:ends]]


def links(page: Path) -> list[str]:
    """Targets of links and images outside of code."""
    prose = _SPAN.sub("", _FENCE.sub("", text_of(page)))
    return _LINK.findall(prose)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    made = set()
    for heading in re.findall(r"^#{1,6} (.+)$", _FENCE.sub("", text_of(page)), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        made.add("".join(c for c in plain if c.isalnum() or c in " -_").replace(" ", "-"))
    return made


def generator() -> ModuleType:
    """``docs/generate.py``, which is a script and no module of a package."""
    spec = importlib.util.spec_from_file_location("generate_docs", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
