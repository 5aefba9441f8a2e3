"""Gold itself and the mart say the same, and the right one of them is read."""

import datetime as dt
import gc
import os
from pathlib import Path

import polars as pl
import pytest
import streamlit as st
from polars.testing import assert_frame_equal
from streamlit.testing.v1 import AppTest

from dashboard import opening, queries
from dashboard.opening import open_store
from dashboard.queries import Selection, Span
from dashboard.stores import LakeStore, MartStore
from resources.mart_publisher import PostgresMart
from resources.postgres import MartReader
from resources.settings import read_settings
from sentiment_assets.core.contracts import DAILY_SUMMARY
from sentiment_assets.core.layout import PostPartition
from sentiment_assets_tests.published import outgoing, session

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
SPAN = Span(dt.date(2026, 11, 17), dt.date(2026, 11, 23))
WEEK = Selection(SPAN.first, SPAN.last, "facebook")
NIMBUS = Selection(SPAN.first, SPAN.last, "facebook", "nimbus")
UNREACHABLE = {"SENTIMENT_MART_URL": "postgresql://nobody@127.0.0.1:1/mart"}


@pytest.fixture(autouse=True)
def _nothing_is_remembered():
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture(scope="module")
def mart(mart_home):
    reader = MartReader(read_settings({}, home=mart_home).mart_reader_address)
    yield MartStore(reader)
    reader.close()


QUESTIONS = {
    "available": lambda store: pl.DataFrame({"day": queries.available(store).days}),
    "headlines": lambda store: queries.headlines(store, SPAN),
    "changes": lambda store: queries.changes(store, SPAN),
    "voice": lambda store: queries.voice(store, SPAN),
    "voice over time": lambda store: queries.voice_over_time(store, NIMBUS),
    "rising": lambda store: queries.rising(store, SPAN),
    "hours": lambda store: queries.series(store, WEEK),
    "days": lambda store: queries.days(store, WEEK),
    "days of a topic": lambda store: queries.series(store, NIMBUS),
    "pools": lambda store: queries.pools(store, WEEK),
    "topics": lambda store: queries.topics(store, WEEK),
    "hashtags": lambda store: queries.hashtags(store, WEEK),
    "weeks": lambda store: queries.weeks(store, NIMBUS),
    "languages": lambda store: queries.languages(store, WEEK),
    "a language": lambda store: queries.language_series(store, WEEK, "es"),
    "marks": lambda store: queries.marks(store, SPAN, None, "nimbus"),
    "platforms": lambda store: queries.by_day_and_platform(store, SPAN, "nimbus"),
    "coverage": lambda store: queries.coverage(store, SPAN),
    "hidden cells": lambda store: queries.hidden_cells(store, SPAN),
    "freshness": lambda store: queries.freshness(store, ["x", "facebook"]).drop("modified_at"),
    "a download": lambda store: pl.concat(queries.batches(store, DAILY_SUMMARY, WEEK)),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_both_stores_say_the_same(wide, mart, name):
    of_lake, of_mart = QUESTIONS[name](wide), QUESTIONS[name](mart)
    assert of_lake.height > 0 or name == "pools"
    assert_frame_equal(of_lake, of_mart, check_row_order=False)


def test_health_is_the_same(wide, mart):
    assert queries.health(wide, WEEK) == queries.health(mart, WEEK)


def test_versions_tell_a_new_publish(mart_home, mart):
    before = MartStore(mart.reader).version(DAILY_SUMMARY)
    settings = read_settings({}, home=mart_home)
    rows = mart.reader.rows(DAILY_SUMMARY, SPAN.last, SPAN.last, "x")
    publisher = PostgresMart(settings.mart_address, settings.origin)
    publisher.publish(
        [outgoing(DAILY_SUMMARY, rows, [PostPartition(SPAN.last, "x")], version=1)], "another"
    )
    publisher.close()
    assert MartStore(mart.reader).version(DAILY_SUMMARY) != before
    assert mart.version(DAILY_SUMMARY) == mart.version(DAILY_SUMMARY)


def test_a_published_mart_is_read(mart_home):
    opened = open_store(read_settings({}, home=mart_home))
    assert isinstance(opened.store, MartStore)
    assert opened.note == ""


def test_without_a_mart_gold_is_read_and_no_server_started(wide_home):
    opened = open_store(read_settings({}, home=wide_home))
    assert isinstance(opened.store, LakeStore)
    assert opened.note == ""
    assert not (wide_home / "postgres").exists()


def test_a_mart_that_is_off_is_not_read(mart_home):
    opened = open_store(read_settings({"SENTIMENT_MART": "off"}, home=mart_home))
    assert isinstance(opened.store, LakeStore)


def test_an_empty_mart_is_not_read(mart_home):
    live = {"SENTIMENT_SOURCE": "live", "SENTIMENT_X_BEARER_TOKEN": "a-token"}
    settings = read_settings(live, home=mart_home)
    PostgresMart(settings.mart_address, settings.origin).publish([], "a-run")
    opened = open_store(settings)
    assert isinstance(opened.store, LakeStore)
    assert "holds nothing yet" in opened.note


def test_a_mart_that_does_not_answer_is_not_read_and_not_asked_again(wide_home, caplog):
    settings = read_settings(UNREACHABLE, home=wide_home)
    for _ in range(3):
        opened = open_store(settings)
        assert isinstance(opened.store, LakeStore)
        assert "does not answer" in opened.note
    assert len([line for line in caplog.messages if "instead of the mart" in line]) == 1
    assert "nobody" not in caplog.text


def test_a_mart_that_fails_in_the_midst_is_left_alone(mart_home):
    settings = read_settings({}, home=mart_home)
    assert isinstance(open_store(settings).store, MartStore)
    opening.mistrust()
    assert "does not answer" in open_store(settings).note


def run(monkeypatch, home, **more):
    gc.collect()
    for name in [*os.environ]:
        if name.startswith("SENTIMENT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SENTIMENT_HOME", str(home))
    for name, value in more.items():
        monkeypatch.setenv(name, value)
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not app.exception
    assert not app.error
    return app


def test_the_foot_says_which_store_was_read(monkeypatch, mart_home, wide_home):
    of_mart = run(monkeypatch, mart_home)
    assert of_mart.caption[-1].value.startswith("Read from the PostgreSQL mart: newest rows")
    of_lake = run(monkeypatch, wide_home, **UNREACHABLE)
    assert of_lake.caption[-1].value.startswith("Read from gold's own tables: newest rows")
    assert "does not answer" in of_lake.caption[-1].value
    assert [metric.value for metric in of_mart.metric] == [m.value for m in of_lake.metric]


def test_a_page_goes_on_from_gold_when_the_mart_fails(monkeypatch, mart_home):
    """A table is gone when it is read; the lake of this home is empty, and says so."""
    address = read_settings({}, home=mart_home).mart_address
    with session(address) as server:
        server.execute("ALTER TABLE mart.daily_trend RENAME TO elsewhere")
        try:
            app = run(monkeypatch, mart_home)
        finally:
            server.execute("ALTER TABLE mart.elsewhere RENAME TO daily_trend")
    assert "No gold yet" in app.info[0].value
