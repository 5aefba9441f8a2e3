"""The script itself, run by Streamlit without a browser."""

import datetime as dt
import gc
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import downloads, queries
from sentiment_assets.core.contracts import DAILY_TREND, TOPIC_SENTIMENT
from sentiment_assets.core.layout import ORIGIN_MARKER
from sentiment_assets_tests.dashboard.conftest import WIDE

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
    app = run("view=Days")
    assert app.warning[0].value.startswith("**Simulated posts:**")
    assert [metric.label for metric in app.metric] == [
        "Mean sentiment (-1 to +1)",
        "Posts",
        "Positive",
        "Negative",
    ]
    assert [heading.value for heading in app.header] == [
        "Mon 23 Nov 2026: all posts",
        "Sentiment by hour",
        "Volume by hour",
        "What else went on",
        "Tracked topics",
        "Top hashtags",
        "Days",
        "Weeks",
        "Languages",
    ]
    told = texts(app.caption)
    assert "62% of the day fetched" in told
    assert "2 hours not fetched whole. 2 hours hidden: fewer than 10 authors" in told
    assert "1 topic without figures of the day" in told
    assert "Read from gold's own tables: newest rows written" in told
    assert not app.error
    # Gold of before the tables for decisions: each section says in a line what is missing.
    missing = [info.value for info in app.info]
    assert len(missing) == 2
    assert "`gold/weekly_sentiment` has no rows of them" in missing[0]
    assert "`gold/language_sentiment` shows none of them" in missing[1]
    assert "`gold/calendar_days` has no rows" in told


@pytest.mark.usefixtures("filled")
def test_headline_is_the_newest_day_of_gold(lake):
    rows = lake.table(DAILY_TREND).scan([{"date": "2026-11-23"}]).collect()
    day = rows.filter(topic="all").row(0, named=True)
    mean, posts, *_ = run("view=Days").metric
    assert (mean.value, mean.delta) == (f"{day['sentiment_mean']:+.3f}", f"{day['change']:+.3f}")
    # Of a day that was fetched in part, fewer posts are no news.
    assert day["fetched_share"] < 1
    assert (posts.value, posts.delta) == (f"{day['posts']:,}", "")


@pytest.mark.usefixtures("filled")
def test_volume_of_a_whole_day_is_compared(lake):
    rows = lake.table(DAILY_TREND).scan().collect().filter(topic="all", fetched_share=1.0)
    day = rows.drop_nulls("volume_ratio").sort("date").row(-1, named=True)
    _, posts, *_ = run(f"view=Days&days=2026-11-17&days={day['date']}").metric
    assert (posts.value, posts.delta) == (f"{day['posts']:,}", f"{day['volume_ratio'] - 1:+.0%}")


@pytest.mark.usefixtures("filled")
def test_data_health_table():
    app = run("view=Health")
    shown = {row["what"]: row for t in app.table[:2] for _, row in t.value.iterrows()}
    assert shown["Fetched share"]["figure"] == "93%"
    assert shown["2-hour windows fetched whole"]["coverage"] == "of 84"
    assert shown["Windows never asked for"]["figure"] == "4"
    assert shown["Quarantined"]["figure"] == "3"
    assert shown["Recipes behind the rows"]["figure"] == "2"
    assert shown["Scorers behind the rows"]["coverage"] == "vader 3.3.2"
    assert shown["Age of the newest gold"]["figure"].endswith("min")


@pytest.mark.usefixtures("filled")
def test_filters_come_from_the_address():
    app = run("view=Days&days=2026-11-20&days=2026-11-21&platform=x&topic=nimbus")
    headings = [heading.value for heading in app.header]
    assert headings[:2] == ["Sat 21 Nov 2026: topic nimbus", "Sentiment by day"]
    assert app.selectbox(key="topic").value == "nimbus"


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("days=yesterday", "are not dates"),
        ("days=2026-11-20&days=2026-11-21&days=2026-11-22", "are not dates"),
        ("days=2020-01-01&days=2020-01-02", "only 2026-11-14 to 2026-11-23"),
        ("topic=nothing", "No figures of the topic"),
        ("platform=y", "Gold has nothing of the platform"),
        ("zone=Mars/Olympus", "The time zone in the address is not known"),
        ("zone=<script>", "The time zone in the address is not known"),
    ],
)
def test_a_wrong_address_is_one_sentence_and_shows_the_default(query, said):
    app = run(f"view=Days&{query}")
    assert app.header[0].value == "Mon 23 Nov 2026: all posts"
    assert said in app.warning[1].value
    assert not app.error


@pytest.mark.usefixtures("filled")
def test_choosing_a_topic_moves_the_whole_page():
    app = run("view=Days")
    app.selectbox(key="topic").set_value("launch").run()
    assert not app.exception
    assert app.query_params["topic"] == "launch"
    assert app.header[0].value == "Mon 23 Nov 2026: topic launch"
    assert "hidden: fewer than 10 authors" in app.info[0].value


@pytest.mark.usefixtures("filled")
def test_days_are_picked_one_after_the_other():
    app = run("view=Days")
    first, last = dt.date(2026, 11, 18), dt.date(2026, 11, 20)
    app.date_input(key="days").set_value((first,)).run()
    # The picker still waits for the second.
    assert app.date_input(key="days").value == (first,)
    assert app.header[0].value == "Wed 18 Nov 2026: all posts"
    app.date_input(key="days").set_value((first, last)).run()
    assert app.header[0].value == "Fri 20 Nov 2026: all posts"
    assert app.query_params["days"] == ["2026-11-18", "2026-11-20"]
    app.date_input(key="days").set_value(()).run()
    assert not app.exception
    assert app.header[0].value == "Mon 23 Nov 2026: all posts"
    assert "days" not in app.query_params


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
    app = run(f"view=Days&{query}")
    assert app.info[0].value.startswith("This day is hidden: fewer than 10 authors")
    assert told in app.info[0].value
    mean, count, *_ = app.metric
    assert (count.value, count.delta) == (posts, "")
    assert mean.delta == ""
    assert "compared" not in texts(app.caption)


@pytest.mark.usefixtures("quiet")
def test_tables_say_whose_figures_they_show():
    app = run("view=Days&days=2026-11-16&days=2026-11-22")
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
    app = run("view=Days&days=2026-11-16&days=2026-11-21")
    topics = {row["topic"]: row for _, row in app.dataframe[0].value.iterrows()}
    assert topics["pricing"]["figures_of"] == "3 hidden days of the week of 16 Nov"
    assert topics["pricing"]["posts"] == 12
    assert topics["nimbus"]["figures_of"] == "this day"


@pytest.mark.usefixtures("quiet")
def test_a_hidden_day_without_a_pool_says_so(monkeypatch, quiet_home, tmp_path):
    shutil.copytree(quiet_home, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "lake" / "simulated" / "gold" / "pooled_sentiment")
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path / "copy"))
    app = run("view=Days&days=2026-11-16&days=2026-11-22")
    assert "are shown together once it is over" in app.info[0].value
    assert not app.metric
    _, days = app.dataframe
    assert set(days.value["figures_of"]) == {"this day", "hidden: fewer than 10 authors"}


@pytest.fixture
def wide_page(monkeypatch, wide_home):
    monkeypatch.setenv("SENTIMENT_HOME", str(wide_home))


@pytest.mark.usefixtures("wide_page")
def test_the_overview_shows_platforms_beside_each_other_and_adds_none_up(wide):
    app = run()
    assert [metric.label for metric in app.metric] == [
        f"{title}: mean sentiment" for title in ("X", "Facebook", "Instagram", "LinkedIn")
    ]
    newest = (dt.date(2026, 11, 23), dt.date(2026, 11, 23))
    stored = wide.rows(DAILY_TREND, *newest, None, ("platform", "sentiment_mean"), {"topic": "all"})
    means = dict(stored.iter_rows())
    for metric, platform in zip(app.metric, WIDE, strict=True):
        assert metric.value == f"{means[platform]:+.3f}"
    changed, rising = app.dataframe
    assert changed.value["change_z"].abs().min() >= 2
    assert changed.value["change_z"].abs().is_monotonic_decreasing
    assert "#stormwatch" in set(rising.value["topic"])
    assert set(rising.value["new"]) <= {"new", ""}
    assert not app.error


@pytest.mark.usefixtures("wide_page")
@pytest.mark.parametrize("view", ["Overview", "Topic", "Platforms", "Days"])
def test_marks_are_listed_in_words_on_every_page_with_a_line(view):
    told = texts(run(f"view={view}&topic=nimbus" if view == "Topic" else f"view={view}").markdown)
    assert "(Change of method" in told
    assert "(Event" in told
    assert "(Holiday, in ZA" in told
    # What a team writes is text, and no Markdown of ours.
    assert ("Nimbus \\*launch\\* week (Campaign, topic nimbus" in told) == (view == "Topic")


@pytest.mark.usefixtures("wide_page")
def test_platforms_are_compared_by_the_sums_of_their_days(wide):
    table = run("view=Platforms&topic=nimbus").dataframe[0].value.set_index("platform")
    week = (dt.date(2026, 11, 17), dt.date(2026, 11, 23))
    columns = ("posts", "scored", "sentiment_sum", "sentiment_square_sum", "suppressed")
    cells = wide.rows(
        TOPIC_SENTIMENT, *week, "facebook", columns, {"topic": "nimbus", "topic_kind": "tracked"}
    )
    n, total = cells["scored"].sum(), cells["sentiment_sum"].sum()
    row = table.loc["Facebook"]
    assert (row["posts"], row["scored"]) == (cells["posts"].sum(), n)
    assert row["sentiment_mean"] == pytest.approx(total / n / 10_000)
    variance = (cells["sentiment_square_sum"].sum() - total**2 / n) / (n - 1)
    assert row["sentiment_standard_error"] == pytest.approx((variance / n) ** 0.5 / 10_000)


@pytest.mark.usefixtures("wide_page")
def test_hours_are_those_of_the_zone_and_days_stay_utc():
    utc, there = run("view=Days"), run("view=Days&zone=Asia/Kolkata")
    assert "Hours in UTC." in texts(utc.caption)
    assert "Hours in Asia/Kolkata." in texts(there.caption)
    assert utc.header[0].value == there.header[0].value
    assert utc.dataframe[1].value.equals(there.dataframe[1].value)


@pytest.mark.usefixtures("wide_page")
def test_a_language_is_drawn_by_day():
    app = run("view=Days&lang=es")
    assert app.selectbox(key="lang").value == "es"
    assert "scored posts in es, by day" in texts(app.caption)
    assert len(app.warning) == 1
    assert "No figures of the language" in run("view=Days&lang=tlh").warning[1].value


@pytest.mark.usefixtures("wide_page")
def test_a_page_that_there_is_not_says_which_there_are():
    app = run("view=Nothing")
    assert "There is no page of that name: Overview, Topic, Platforms" in app.warning[1].value
    assert app.header[0].value == "The newest day of each platform"


@pytest.mark.usefixtures("wide_page")
def test_freshness_names_every_table():
    table = run("view=Health&platform=linkedin").table[2].value
    assert set(table["table"]) == {table.table for table in queries.GOLD_TABLES}
    assert set(table["written"].str.contains(" ago|no rows")) == {True}


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
    app = run("view=Days")
    assert app.error[0].value.startswith("Gold could not be read")


@pytest.mark.parametrize(
    ("query", "tables"),
    [
        ("view=Overview", "daily_summary daily_trend topic_voice rising_topics calendar_days"),
        (
            "view=Topic&topic=nimbus",
            "topic_sentiment daily_trend weekly_sentiment topic_voice pooled_sentiment "
            "calendar_days",
        ),
        ("view=Platforms", "daily_summary calendar_days"),
        ("view=Platforms&topic=nimbus", "topic_sentiment calendar_days"),
        (
            "view=Days",
            "hourly_sentiment daily_summary daily_trend topic_sentiment weekly_sentiment "
            "language_sentiment pooled_sentiment calendar_days",
        ),
        ("view=Health", "daily_summary topic_sentiment"),
    ],
)
def test_every_table_that_a_page_draws_is_offered_as_a_file(monkeypatch, wide_home, query, tables):
    monkeypatch.setenv("SENTIMENT_HOME", str(wide_home))
    [links] = [text.value for text in run(query).markdown if "](export/" in text.value]
    for kind in ("csv", "parquet"):
        assert re.findall(rf"\(export/(\w+)\.{kind}\?days=", links) == tables.split()
    assert set(tables.split()) <= set(downloads.TABLES)
