"""What the pages on scorers show works, and the card says what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from resources.settings import read_settings
from sentiment_assets.core.sentiment import SCORERS, score_texts, scorer_named
from sentiment_assets_tests.docs.pages import DOCS, blocks, text_of

CARD = Path("docs/accuracy.md")


def script() -> ModuleType:
    """``docs/accuracy.py``, which is a script and no module of a package."""
    spec = importlib.util.spec_from_file_location("accuracy_card", DOCS / "accuracy.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("part", ["_HEAD", "own", "limits", "_SOURCES"])
def test_what_the_card_says_without_labelled_posts_is_of_today(part: str) -> None:
    made: Any = getattr(script(), part)
    text = made if isinstance(made, str) else made()
    told = "docs/accuracy.md is out of date: run docs/accuracy.py, which says how"
    assert text in text_of(CARD), told


@pytest.mark.parametrize("name", SCORERS)
def test_the_card_is_of_todays_scorers(name: str) -> None:
    head = f"`{name}` {scorer_named(name).version}"
    assert f"| {head} |" in text_of(CARD), "run docs/accuracy.py, which says how"
    assert f"| `{name}` |" in text_of(Path("docs/scorers.md"))


def test_the_model_of_the_page_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (snippet,) = blocks(Path("docs/add-a-scorer.md"), "python")
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet, "add-a-scorer.md", "exec"), {})
    settings = read_settings({"SENTIMENT_SCORER": "onnx:brand_mood.onnx"})
    # Runs begin in other folders.
    monkeypatch.chdir("/")
    scorer = settings.make_scorer()
    assert (scorer.name, scorer.languages) == ("onnx:brand_mood", {"en"})
    good, bad, neither = score_texts(["great day", "awful day", ""], scorer)["compound"].to_pylist()
    assert bad < neither == 0 < good


def test_the_corrections_of_the_page_are_taken(tmp_path: Path) -> None:
    (snippet,) = blocks(Path("docs/scorers.md"), "yaml")
    file = tmp_path / "corrections.yaml"
    file.write_text(snippet)
    settings = read_settings(
        {"SENTIMENT_SCORER": "vader+social", "SENTIMENT_CORRECTIONS": str(file)}
    )
    scorer: Any = settings.make_scorer()
    entries = yaml.safe_load(snippet)["entries"]
    assert [entry.text for entry in scorer.corrections] == [entry["text"] for entry in entries]
    assert scorer.version != SCORERS["vader+social"].version
    topics = {entry.topic for entry in scorer.corrections}
    assert topics == {None, "pricing"}
