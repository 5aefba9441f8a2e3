"""A team's files through the platform: stored, checked, joined, and what a change sets off."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from sentiment_assets.assets.marts import ask_nobody
from sentiment_assets.core.contracts import (
    BRANDS,
    CALENDAR,
    CALENDAR_DAYS,
    REFERENCE_CONTRACTS,
    TOPIC_VOICE,
    Contract,
)
from sentiment_assets.lake.reference import ReferenceFolder
from sentiment_assets.reference_changes import CONCERNS, note_of
from sentiment_assets.reference_sensor import (
    AGAIN_AFTER,
    Asked,
    Memory,
    due_references,
    reference_sensor,
    request,
)
from sentiment_assets.sensors import CALENDAR_KEY, VOICE_KEY, behind
from sentiment_assets_tests.assets.conftest import DAYS
from sentiment_assets_tests.local_platform import (
    NOW,
    TODAY,
    YESTERDAY,
    Platform,
    events_of,
    failures,
)

BRAND_LINES = (
    "topic,brand,category,own",
    "nimbus,Nimbus,cloud,true",
    "stratus,Stratus,cloud,false",
)
CALENDAR_HEAD = "name,kind,first_date,last_date"
FILES = {
    "brands.csv": "\n".join(BRAND_LINES),
    "calendar.csv": f"{CALENDAR_HEAD}\nLaunch,campaign,{YESTERDAY.date},{TODAY.date}\n",
    "holidays.csv": f"market,date,name\nZA,{TODAY.date},A holiday\nUS,{TODAY.date},Another\n",
    "markets.csv": "market,name,languages\nZA,South Africa,en zu\n",
}


@pytest.fixture
def folder(copy: Platform, tmp_path: Path) -> Path:
    """Where the platform looks for files: four of them."""
    kept = tmp_path / "kept"
    kept.mkdir()
    for name, text in FILES.items():
        (kept / name).write_text(text)
    copy.settings = copy.settings.model_copy(update={"reference_url": str(kept)})
    return kept


def read(platform: Platform, *tables: str) -> dg.ExecuteInProcessResult:
    keys = [dg.AssetKey(["reference", table]) for table in tables] or None
    return platform.run("reference", [], assets=keys)


def told(platform: Platform, contract: Contract, name: str) -> str:
    key = dg.AssetKey(contract.name.split("/"))
    [record] = platform.instance.fetch_materializations(key, limit=1).records
    return note_of(record, name)


def marks(platform: Platform) -> list[tuple[Any, ...]]:
    rows = platform.lake.table(CALENDAR_DAYS).scan().collect()
    return rows.sort("date", "kind", "name").select("date", "name", "market", "note").rows()


def names_of(platform: Platform) -> set[str | None]:
    voices = platform.lake.table(TOPIC_VOICE).scan().filter(topic="nimbus").collect()
    assert voices.height >= len(DAYS)
    return set(voices["brand"])


def carry_out(platform: Platform) -> dict[Any, Any]:
    """What the sensor finds behind, and would ask for."""
    posts, later = behind(platform.instance, NOW)
    assert posts == set()
    for partition, tables in later.items():
        platform.rebuild(partition, assets=tables)
    return later


def test_an_edited_file_reaches_gold_for_the_dates_that_it_concerns(
    copy: Platform, folder: Path
) -> None:
    copy.rebuild(*DAYS)
    assert marks(copy) == []
    assert names_of(copy) == {None}

    result = read(copy)
    assert result.success
    assert {e.check_name: e.passed for e in result.get_asset_check_evaluations()} == {
        "schema": True, "key_unique": True, "required_columns": True, "topics_known": True,
        # The holiday is of long ago.
        "reaches_ahead": False,
    }  # fmt: skip
    assert carry_out(copy).keys() == {*DAYS}
    launch = [(date, "Launch", "all", None) for date in (YESTERDAY.date, TODAY.date)]
    holiday = (TODAY.date, "A holiday", "ZA", "South Africa")
    assert marks(copy) == [*launch, holiday]
    assert names_of(copy) == {"Nimbus"}
    assert behind(copy.instance, NOW) == (set(), {})

    # Written again with the same words: nothing is behind.
    (folder / "calendar.csv").write_text(FILES["calendar.csv"] + "\n")
    assert read(copy, "calendar").success
    assert told(copy, CALENDAR, CONCERNS) == ""
    assert behind(copy.instance, NOW) == (set(), {})

    version = copy.lake.table(CALENDAR).version
    (folder / "calendar.csv").write_text(FILES["calendar.csv"].replace(str(TODAY.date), ""))
    assert read(copy, "calendar").success
    assert copy.lake.table(CALENDAR).version == (version or 0) + 1
    assert carry_out(copy) == dict.fromkeys((YESTERDAY, TODAY), (CALENDAR_KEY,))
    assert marks(copy) == [launch[0], holiday]
    # Gold says which version it joined, in its own log too.
    joined = f"version {copy.lake.table(CALENDAR).version}, content "
    assert told(copy, CALENDAR_DAYS, CALENDAR.name).startswith(joined)
    log = copy.lake.table(CALENDAR_DAYS).log()
    newest = copy.lake.objects.get(log.commits[max(log.commits)].path)
    assert f'"reference/calendar":"{joined}'.encode() in newest

    (folder / "brands.csv").unlink()
    assert read(copy, "brands").success
    assert copy.lake.table(BRANDS).scan().collect().is_empty()
    assert carry_out(copy) == dict.fromkeys(DAYS, (VOICE_KEY,))
    assert names_of(copy) == {None}


def test_a_wrong_file_changes_nothing_and_says_where(copy: Platform, folder: Path) -> None:
    assert read(copy).success
    before = copy.lake.table(CALENDAR).scan().collect()
    (folder / "calendar.csv").write_text(FILES["calendar.csv"] + "Fair,evnt,2026-02-05,\n")
    result = read(copy, "calendar")
    assert not result.success
    assert events_of(result, "STEP_UP_FOR_RETRY") == [], "a file doesn't mend itself"
    assert "calendar.csv:3, column kind: 'evnt'" in failures(result)["reference__calendar"][0]
    assert copy.lake.table(CALENDAR).scan().collect().equals(before)
    # A tick goes on with the others, and so does the sensor.
    assert due_references(copy.instance, copy.settings.reference_folder).keys() == {
        "reference/calendar"
    }


def test_topics_that_nobody_tracks_are_told(copy: Platform, folder: Path) -> None:
    (folder / "brands.csv").write_text("topic,brand,own\nnimbuss,Nimbus,true\n")
    checks = read(copy, "brands").get_asset_check_evaluations()
    [topics] = [check for check in checks if check.check_name == "topics_known"]
    assert not topics.passed
    assert topics.severity == dg.AssetCheckSeverity.WARN
    assert "nimbuss" in (topics.description or "")


def test_a_change_that_nobody_was_told_of_concerns_every_date(copy: Platform, folder: Path) -> None:
    """The run died after its commit: the table has the rows, the event log knows nothing."""
    assert read(copy, "calendar").success
    copy.instance.wipe_assets([dg.AssetKey(["reference", "calendar"])])
    assert read(copy, "calendar").success
    assert told(copy, CALENDAR, CONCERNS) == "0001-01-01..9999-12-31"


def test_gold_is_made_without_any_reference_table(copy: Platform) -> None:
    root = Path(copy.lake.location.uri) / "gold" / "reference"
    shutil.rmtree(root, ignore_errors=True)
    copy.rebuild(TODAY)
    assert not root.exists()
    assert told(copy, CALENDAR_DAYS, CALENDAR.name) == "none"


def test_the_sensor_asks_once_for_each_writing_of_a_file(copy: Platform, folder: Path) -> None:
    place = ReferenceFolder(str(folder))

    def look(cursor: str | None) -> Any:
        context = dg.build_sensor_context(
            instance=copy.instance,
            cursor=cursor,
            resources={"reference_folder": place, "ask_mart": ask_nobody},
        )
        return reference_sensor({}).evaluate_tick(context)

    first = look(None)
    [asked] = first.run_requests or []
    assert {"/".join(key.path) for key in asked.asset_selection or ()} == {*REFERENCE_CONTRACTS}
    again = look(first.cursor)
    assert not again.run_requests, "it is under way"
    assert read(copy).success
    done = look(again.cursor)
    assert (done.run_requests, Memory.read(done.cursor).asked) == ([], {})
    (folder / "brands.csv").unlink()
    [asked] = look(done.cursor).run_requests or []
    assert asked.asset_selection == [dg.AssetKey(["reference", "brands"])]
    assert look("no cursor").run_requests


def test_a_file_that_failed_is_asked_for_again_after_an_hour() -> None:
    due, now = {"reference/brands": "s1"}, NOW
    asked, known = request(due, {}, now)
    assert asked is not None
    assert known == {"reference/brands": Asked("s1", now.timestamp())}
    assert request(due, known, now + AGAIN_AFTER - dt.timedelta(seconds=1)) == (None, known)
    assert request(due, known, now + AGAIN_AFTER)[0] is not None
    assert request({"reference/brands": "s2"}, known, now)[0] is not None
    assert request({}, known, now) == (None, {})


def test_what_is_kept_for_itself_is_not_read_by_a_rebuild(copy: Platform, folder: Path) -> None:
    """Reading files is a job of its own: a rebuild of gold takes the tables as they are."""
    assert read(copy).success
    (folder / "calendar.csv").write_text("broken")
    copy.rebuild(TODAY)
    assert pl.Series([name for _, name, *_ in marks(copy)]).to_list() == ["Launch", "A holiday"]
