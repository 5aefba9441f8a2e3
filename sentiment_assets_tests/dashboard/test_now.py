"""The view of now, run by Streamlit without a browser."""

from __future__ import annotations

import datetime as dt
import gc
import os
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import charts, queries
from dashboard.stores import LakeStore
from resources.settings import read_settings
from sentiment_assets.lake.objects import Lake
from sentiment_assets_tests.dashboard.live_figures import show

UTC = dt.timezone.utc
APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"


@pytest.fixture(autouse=True)
def lake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lake:
    for name in [*os.environ]:
        if name.startswith("SENTIMENT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path))
    return read_settings({}, home=tmp_path).open_lake()


def run() -> Any:
    gc.collect()
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.query_params["view"] = "Now"
    app.run()
    assert not app.exception
    assert not app.error
    return app


def texts(elements: Any) -> str:
    return " ".join(str(element.value) for element in elements)


def test_without_a_stream_it_says_how_to_start_one() -> None:
    app = run()
    assert "Live is off." in app.info[0].value
    assert "make demo-stream" in app.info[0].value
    assert not app.metric


def test_a_stream_that_shows_nothing_yet_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIMENT_LIVE", "continuous")
    assert "has not written a figure yet" in run().info[0].value


def test_the_newest_figures_are_shown_with_their_age(lake: Lake) -> None:
    show(lake, dt.timedelta(minutes=20), 40)
    show(lake, dt.timedelta(seconds=1), 32)
    app = run()
    assert {metric.label: metric.value for metric in app.metric} == {
        "Mean sentiment (-1 to +1)": "+0.250",
        "Posts": "32",
        "Positive": "75%",
        "Negative": "25%",
    }
    told = texts(app.caption)
    assert "n = 32 scored posts of 32 authors" in told
    assert "n = 72 scored of 72 posts in the last 3 hours" in told
    assert "grow by at least 10 authors at a time" in told
    assert app.dataframe[0].value["topic"].to_list() == ["outage"]
    assert len(app.warning) == 1, "that posts are simulated"


def test_figures_of_now_are_offered_as_a_file(lake: Lake) -> None:
    show(lake, dt.timedelta(seconds=1), 40)
    [links] = [text.value for text in run().markdown if "export/" in text.value]
    assert "](export/live_sentiment.csv?days=" in links
    assert "&platform=x)" in links


def live_cell(minute: int, topic: str, posts: int | None, written: int | None) -> dict[str, Any]:
    """A cell of the slot at a minute, written at another; hidden without posts."""
    start = dt.datetime(2026, 11, 23, 12, tzinfo=UTC)
    counts = dict.fromkeys(("posts", "authors", "scored", "positive", "neutral", "negative"), posts)
    return {
        "start": start + dt.timedelta(minutes=minute),
        "end": start + dt.timedelta(minutes=minute + 5),
        "topic": topic,
        **counts,
        "sentiment_mean": None if posts is None else 0.5,
        "suppressed": posts is None,
        "updated_at": None if written is None else start + dt.timedelta(minutes=written),
        "fetched_share": None,
    }


def test_a_slot_without_a_cell_is_silence_only_where_the_stream_was_counting() -> None:
    cells = pl.DataFrame(
        [
            live_cell(0, "outage", 20, 3),
            live_cell(5, "all", None, None),
            live_cell(35, "outage", 30, 36),
            live_cell(45, "outage", None, None),
            live_cell(50, "outage", 40, 51),
        ]
    ).with_columns(fetched_share=pl.lit(None, pl.Float64))
    series = queries.live_series(cells, "outage")
    # At 5 others wrote. Nothing was written from 10 to 36. At 25, 30 and 40 it soon was.
    assert series["posts"].to_list() == [20, 0, None, None, None, 0, 0, 30, 0, None, 40]
    assert series["suppressed"].to_list() == [False] * 9 + [True, False]
    assert series["fetched_share"].is_null().all()
    assert series.filter(pl.col("posts") == 0)["sentiment_mean"].is_null().all()


def test_what_is_not_known_is_drawn_and_told(lake: Lake) -> None:
    for minutes in (60, 1):
        show(lake, dt.timedelta(minutes=minutes), 40)
    app = run()
    [told] = [text.value for text in app.caption if "not known" in text.value]
    count = int(re.search(r"(\d+) stretches of 5 minutes not known", told)[1])  # type: ignore[index]
    assert 8 <= count <= 10, "of the hour, without the 10 minutes before figures came again"
    assert "the stream may have stood still" in told
    store = LakeStore(lake)
    cells = queries.live_cells(store, "x", dt.datetime.now(UTC))
    assert cells["fetched_share"].is_null().all(), "how much came is not known"
    drawn = charts.volume(queries.live_series(cells, "all"), "slot", "hidden").to_dict()
    states = {row.get("state") for rows in drawn["datasets"].values() for row in rows}
    assert "not known" in states
    assert "not fetched whole" not in states


def test_hidden_figures_are_said_to_be_hidden(lake: Lake) -> None:
    show(lake, dt.timedelta(seconds=1), 9)
    app = run()
    assert "hidden: fewer than 10 authors" in app.info[0].value
    assert not app.metric


def test_a_topic_of_few_is_hidden_beside_its_slot(lake: Lake) -> None:
    show(lake, dt.timedelta(seconds=1), 16)
    app = run()
    assert app.metric[1].value == "16"
    table = app.dataframe[0].value
    assert table["shown"].to_list() == ["hidden: fewer than 10 authors"]
    assert table["posts"].isna().all()


def test_figures_that_stand_still_are_told(lake: Lake) -> None:
    show(lake, dt.timedelta(minutes=45), 40)
    warning = run().warning[-1].value
    assert warning.startswith("These figures are 45 min old")
    assert "live-behind" in warning
