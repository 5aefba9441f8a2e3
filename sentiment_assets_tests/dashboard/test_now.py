"""The view of now, run by Streamlit without a browser."""

from __future__ import annotations

import datetime as dt
import gc
import os
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from resources.environments import read_settings
from sentiment_assets.lake.objects import Lake
from sentiment_assets_tests.dashboard.live_figures import show

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
