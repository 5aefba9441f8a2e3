"""The benchmark itself, at sizes that measure nothing: it runs, and says what it should."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
import pytest

from benchmarks import pii_speed, reading_speed, report, sentiment_speed
from benchmarks.bronze import DAY, open_lake, write_window
from benchmarks.stages import Stages
from benchmarks.suite import TINY, Figures, measure, run_case
from sentiment_assets.core.layout import windows_of
from sentiment_assets.lake.bronze import read_blocks, read_partition

DOCS = Path(__file__).parents[2] / "docs" / "benchmarks.md"


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    return measure(tmp_path_factory.mktemp("lakes"), TINY, None, say=lambda line: None)


def test_each_case_reads_what_was_made(figures: Figures) -> None:
    [posts] = TINY.dates
    [engine], [peer] = figures.dates[posts], figures.peers[posts]
    # About so many posts, every twentieth twice in each window.
    assert engine["records"] == pytest.approx(posts * 1.07, rel=0.1)
    assert engine["records"] * 0.85 < peer["posts"] < engine["records"]
    assert figures.stages["records"] == engine["records"]
    assert [run["records"] for run in figures.hot] == [200, 400]
    # Only the new window is rebuilt, with and without Dagster.
    [tick], [job] = figures.ticks, figures.dagster_ticks
    assert tick["records"] == pytest.approx(TINY.tick_posts, rel=0.35)
    assert {"silver_posts", "gold__daily_trend", "check_posts"} <= set(job["steps"])


def test_every_stage_took_time_and_together_they_are_the_run(figures: Figures) -> None:
    seconds = figures.stages["stages"]
    assert len(seconds) == 14
    assert min(seconds.values()) > 0
    assert sum(seconds.values()) == pytest.approx(figures.stages["wall"], rel=0.05)


def test_report_has_every_table_and_fits_the_page(figures: Figures) -> None:
    text = report.render(figures)
    headings = [line for line in text.splitlines() if line.startswith("### ")]
    assert [heading.split()[1] for heading in headings] == [
        "Bronze", "The", "Where", "Memory", "A", "A",
    ]  # fmt: skip
    page = report.replaced(DOCS.read_text(encoding="utf-8"), text)
    assert text in page
    assert report.replaced(page, text) == page


def test_given_texts_replace_the_storys(tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("One text.\nAnother text.\n")
    [window] = windows_of(DAY)[:1]
    assert write_window(tmp_path / "lake", window, 50, texts, per_fetch=100) > 30
    lake = open_lake(tmp_path / "lake")
    [stored] = read_partition(lake, DAY).objects(window)
    lines = [line for [block] in read_blocks(lake, stored) for line in block.split(b"\n")]
    said = {json.loads(line)["payload"]["data"]["text"].rpartition(": ")[2] for line in lines}
    assert said == {"One text.", "Another text."}


def test_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="benchmarks: begin"):
        report.replaced("# Benchmarks\n", "text")


def test_a_failed_case_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"case peer failed:(.|\n)*KeyError"):
        run_case("peer", tmp_path / "bytecode", folder=tmp_path)


def test_a_stage_counts_its_own_time_only() -> None:
    stages = Stages()
    with stages.of("outer"), stages.of("inner"):
        # Long beside whatever else the machine does in between.
        sum(range(5_000_000))
    seconds = stages.finish()
    assert seconds["inner"] > 10 * seconds["outer"]


def test_line_goes_through_points_on_a_line() -> None:
    assert report.line_through([(1, 12), (2, 14), (4, 18)]) == pytest.approx((10, 2))


def test_masking_is_timed_in_a_process_of_its_own(tmp_path: Path) -> None:
    texts = tmp_path / "texts.json"
    texts.write_text(json.dumps(["hello @jane, call +27 82 555 0100"] * 400))
    assert pii_speed.measure(sys.executable, "ours", texts) > 1_000
    texts.write_text("no list")
    with pytest.raises(RuntimeError, match=r"ours failed:(.|\n)*JSONDecodeError"):
        pii_speed.measure(sys.executable, "ours", texts)


def test_scoring_is_timed_in_a_process_of_its_own_and_compared(tmp_path: Path) -> None:
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(f'"good day {number}, bad night!"\n' for number in range(300)))
    for name in (sentiment_speed.STOCK, "ours, Python"):
        run = sentiment_speed.measure(sys.executable, name, texts, tmp_path / f"{name}.json")
        assert 0 < run["cpu"] < 0.01
        assert run["load"] > 0
        assert run["peak"] > 10
    assert sentiment_speed.identical("ours, Python", tmp_path) == "100.00% of 300"
    (tmp_path / "NLTK.json").write_text(json.dumps([[0.0, 1.0, 0.0, 0.0]] * 10))
    assert sentiment_speed.identical("NLTK", tmp_path) == "0.00% of 10"
    texts.write_text("no list")
    with pytest.raises(RuntimeError, match=r"failed:(.|\n)*JSONDecodeError"):
        sentiment_speed.measure(sys.executable, "ours, Python", texts)


def test_reading_is_measured_with_and_without_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_speed, "ROWS", (60,))
    monkeypatch.setattr(reading_speed, "RUNS", {60: 1})
    posts = pl.Series(reading_speed.posts(Path("nowhere"), 60))
    head, _, *rows = reading_speed.table(posts)
    assert head == "| µs of CPU a text | 60 rows |"
    assert [row.split("|")[1].strip() for row in rows] == [
        "language and gate, compiled",
        "language and gate, without a compiler",
        "topics, hashtags",
        "`vader+social`, compiled",
        "`vader+social`, without a compiler",
    ]
    assert all(float(row.split("|")[2]) > 0 for row in rows)
