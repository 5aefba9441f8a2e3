"""The script itself, run by Streamlit without a browser."""

import gc
import json
import os
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from sentiment_assets.core.contracts import DAILY_TREND
from sentiment_assets.core.layout import ORIGIN_MARKER

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch, tmp_path):
    for name in [*os.environ]:
        if name.startswith("SENTIMENT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path))


@pytest.fixture
def filled(monkeypatch, home):
    monkeypatch.setenv("SENTIMENT_HOME", str(home))


def run(query=""):
    # What earlier tests left would be finalized at any time: in the midst of parsing the app it
    # breaks Python's parser ("AST constructor recursion depth mismatch").
    gc.collect()
    app = AppTest.from_file(str(APP), default_timeout=60)
    for name, _, value in (part.partition("=") for part in query.split("&") if part):
        known = app.query_params.get(name)
        app.query_params[name] = value if known is None else [known, value]
    app.run()
    assert not app.exception
    return app


def texts(elements):
    return " ".join(str(element.value) for element in elements)


def test_empty_lake_names_the_command_that_fills_it():
    app = run()
    assert app.title[0].value == "Sentiment"
    assert "make run" in app.info[0].value
    assert not app.error
    assert not app.metric


@pytest.mark.usefixtures("filled")
def test_filled_page():
    app = run()
    assert app.warning[0].value.startswith("**Simulated posts:**")
    assert [metric.label for metric in app.metric] == [
        "Mean sentiment (-1 to +1)",
        "Posts",
        "Positive",
        "Negative",
    ]
    assert [heading.value for heading in app.subheader] == [
        "Mon 23 Nov 2026: all posts",
        "Sentiment by hour",
        "Volume by hour",
        "Tracked topics",
        "Top hashtags",
        "Days",
        "Data health",
    ]
    told = texts(app.caption)
    assert "62% of the day fetched" in told
    assert "2 hours not fetched whole. 2 hours hidden: fewer than 10 authors" in told
    assert "1 topic without figures of the day" in told
    assert not app.error
    assert not app.info


@pytest.mark.usefixtures("filled")
def test_headline_is_the_newest_day_of_gold(lake):
    rows = lake.table(DAILY_TREND).scan([{"date": "2026-11-23"}]).collect()
    day = rows.filter(topic="all").row(0, named=True)
    mean, posts, *_ = run().metric
    assert (mean.value, mean.delta) == (f"{day['sentiment_mean']:+.3f}", f"{day['change']:+.3f}")
    assert (posts.value, posts.delta) == (f"{day['posts']:,}", f"{day['volume_ratio'] - 1:+.0%}")


@pytest.mark.usefixtures("filled")
def test_data_health_table():
    shown = {row["what"]: row for table in run().table for _, row in table.value.iterrows()}
    assert shown["Fetched share"]["figure"] == "93%"
    assert shown["2-hour windows fetched whole"]["coverage"] == "of 84"
    assert shown["Windows never asked for"]["figure"] == "4"
    assert shown["Quarantined"]["figure"] == "3"
    assert shown["Recipes behind the rows"]["figure"] == "2"
    assert shown["Scorers behind the rows"]["coverage"] == "vader 3.3.2"
    assert shown["Age of the newest gold"]["figure"].endswith("min")


@pytest.mark.usefixtures("filled")
def test_filters_come_from_the_address():
    app = run("days=2026-11-20&days=2026-11-21&platform=x&topic=nimbus")
    headings = [heading.value for heading in app.subheader]
    assert headings[:2] == ["Sat 21 Nov 2026: topic nimbus", "Sentiment by day"]
    assert app.selectbox(key="topic").value == "nimbus"


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    "query", ["days=yesterday", "topic=nothing", "platform=y", "days=2020-01-01&days=2020-01-02"]
)
def test_a_wrong_address_shows_the_default(query):
    app = run(query)
    assert app.subheader[0].value == "Mon 23 Nov 2026: all posts"
    assert not app.error


@pytest.mark.usefixtures("filled")
def test_choosing_a_topic_moves_the_whole_page():
    app = run()
    app.selectbox(key="topic").set_value("launch").run()
    assert not app.exception
    assert app.subheader[0].value == "Mon 23 Nov 2026: topic launch"
    assert "hidden: fewer than 10 authors" in app.info[0].value


@pytest.fixture
def quiet(monkeypatch, quiet_home):
    monkeypatch.setenv("SENTIMENT_HOME", str(quiet_home))


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("query", "posts", "told"),
    [
        ("days=2026-11-16&days=2026-11-22", "16",
         "Mon 16 Nov, Wed 18 Nov, Fri 20 Nov and Sun 22 Nov together, the hidden days of the week "
         "of 16 Nov"),
        ("days=2026-11-16&days=2026-11-23", "13",
         "Sat 14 Nov and Mon 23 Nov together, the hidden days of November 2026"),
        ("days=2026-11-16&days=2026-11-21&topic=pricing", "12",
         "Tue 17 Nov, Thu 19 Nov and Sat 21 Nov together, the hidden days of the week of 16 Nov"),
    ],
)  # fmt: skip
def test_a_hidden_day_shows_the_finest_figures_allowed(query, posts, told):
    app = run(query)
    assert app.info[0].value.startswith("This day is hidden: fewer than 10 authors")
    assert told in app.info[0].value
    mean, count, *_ = app.metric
    assert (count.value, count.delta) == (posts, "")
    assert mean.delta == ""
    assert "compared" not in texts(app.caption)


@pytest.mark.usefixtures("quiet")
def test_tables_say_whose_figures_they_show():
    app = run("days=2026-11-16&days=2026-11-22")
    days = {f"{row['date']:%d}": row for _, row in app.dataframe[1].value.iterrows()}
    for date in ("16", "18", "20", "22"):
        assert days[date]["figures_of"] == "4 hidden days of the week of 16 Nov"
        assert days[date]["posts"] == 16
    assert days["17"]["figures_of"] == "this day"
    assert days["17"]["posts"] == 60
    assert "do not add them up" in texts(app.caption)
    assert "3 hours hidden" not in texts(app.caption)


@pytest.mark.usefixtures("quiet")
def test_topics_of_few_show_their_pool():
    app = run("days=2026-11-16&days=2026-11-21")
    topics = {row["topic"]: row for _, row in app.dataframe[0].value.iterrows()}
    assert topics["pricing"]["figures_of"] == "3 hidden days of the week of 16 Nov"
    assert topics["pricing"]["posts"] == 12
    assert topics["nimbus"]["figures_of"] == "this day"


@pytest.mark.usefixtures("quiet")
def test_a_hidden_day_without_a_pool_says_so(monkeypatch, quiet_home, tmp_path):
    shutil.copytree(quiet_home, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "lake" / "simulated" / "gold" / "pooled_sentiment")
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path / "copy"))
    app = run("days=2026-11-16&days=2026-11-22")
    assert "are shown together once it is over" in app.info[0].value
    assert not app.metric
    [*_, days] = app.dataframe
    assert set(days.value["figures_of"]) == {"this day", "hidden: fewer than 10 authors"}


def test_wrong_setting_is_one_sentence(monkeypatch):
    monkeypatch.setenv("SENTIMENT_MIN_AUTHORS", "none")
    app = run()
    assert "SENTIMENT_MIN_AUTHORS" in app.error[0].value
    assert "Traceback" not in app.error[0].value


def test_lake_of_other_origin_is_one_sentence(monkeypatch, tmp_path):
    marker = tmp_path / ORIGIN_MARKER
    marker.write_text(json.dumps({"origin": "live", "format": 1}))
    monkeypatch.setenv("SENTIMENT_LAKE_URI", str(tmp_path))
    assert "holds live posts" in run().error[0].value


def test_damaged_table_is_one_sentence(monkeypatch, home, tmp_path):
    shutil.copytree(home, tmp_path / "copy")
    for file in (tmp_path / "copy").rglob("gold/hourly_sentiment/**/*.parquet"):
        file.write_bytes(b"not parquet")
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path / "copy"))
    app = run()
    assert app.error[0].value.startswith("Gold could not be read")
