"""Gold into PostgreSQL by Dagster: with every rebuild, again after a failure, and checked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import psutil
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal
from pydantic import SecretStr

from resources.embedded_postgres import embedded_postgres
from resources.environments import mart_holds
from resources.mart_publisher import PostgresMart
from resources.postgres import MartReader, MartRefused, MartUnreachable
from sentiment_assets.assets.describe import RETRIES, asset_key
from sentiment_assets.assets.failures import is_permanent
from sentiment_assets.assets.marts import (
    DATED_CONTRACTS,
    PUBLISHED,
    PUBLISHED_WHOLE,
    Held,
    outgoing,
    postgres_key,
    postgres_mart,
    published_in,
)
from sentiment_assets.core.contracts import (
    BRANDS,
    DAILY_TREND,
    HOURLY_SENTIMENT,
    TOPIC_SENTIMENT,
)
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.mart import Batches, Outgoing, Sent
from sentiment_assets.core.quality import published_verdict
from sentiment_assets.lake.files import polars_schema
from sentiment_assets.lake.reference import ReferenceFolder
from sentiment_assets.partitions import RANGE_END_TAG, RANGE_START_TAG
from sentiment_assets.privacy.postgres import grants
from sentiment_assets.reference_sensor import due_references, reference_sensor
from sentiment_assets.sensors import Memory, behind, partitions_in, requests
from sentiment_assets_tests.local_platform import (
    NOW,
    TODAY,
    YESTERDAY,
    Platform,
    events_of,
    failures,
)
from sentiment_assets_tests.published import made_up, session
from sentiment_assets_tests.simulated import SimulatedPlatform

MART_STEP = "postgres_mart"
HOURLY_IN_MART = postgres_key(HOURLY_SENTIMENT)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    server = embedded_postgres(home)
    yield home
    server.cleanup()


@pytest.fixture
def platform(server: Path, tmp_path: Path, x: SimulatedPlatform) -> Iterator[Platform]:
    """A platform with a mart of its own, on the embedded server of all tests here."""
    # Its lake and keys are the test's.
    platform = Platform.at(
        server,
        x,
        mart="postgres",
        lake_uri=str(tmp_path / "lake"),
        pseudonym_keys=str(tmp_path / "keys.json"),
    )
    yield platform
    address = platform.settings.mart_address
    assert address is not None
    with session(
        replace(address, conninfo=address.conninfo.replace("mart_simulated", "postgres"))
    ) as admin:
        admin.execute("DROP DATABASE IF EXISTS mart_simulated WITH (FORCE)")


@pytest.fixture
def reader(platform: Platform) -> Iterator[MartReader]:
    assert platform.settings.mart_reader_address is not None
    reader = MartReader(platform.settings.mart_reader_address)
    yield reader
    reader.close()


def assert_mart_is_gold(platform: Platform, reader: MartReader) -> None:
    rows = 0
    for contract in DATED_CONTRACTS:
        gold = platform.lake.table(contract).scan().collect().sort(contract.key)
        assert_frame_equal(reader.rows(contract).sort(contract.key), gold, check_exact=True)
        rows += gold.height
    assert rows > 40


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {
        "/".join(e.asset_key.path): e.passed
        for e in result.get_asset_check_evaluations()
        if e.check_name == "matches_gold"
    }


def test_a_rebuild_publishes_what_it_made(platform: Platform, reader: MartReader) -> None:
    platform.fetch(YESTERDAY, TODAY)
    result = platform.rebuild(YESTERDAY, TODAY)
    assert_mart_is_gold(platform, reader)
    assert set(checks_of(result)) == {"/".join(key.path) for key in PUBLISHED.values()}
    assert all(checks_of(result).values())
    assert published_in(platform.definitions) == PUBLISHED
    # One step and one transaction for all tables.
    noted = [p for c in DATED_CONTRACTS for p in reader.publications(c).values()]
    assert len(noted) == 2 * len(DATED_CONTRACTS)
    assert len(events_of(result, "STEP_SUCCESS")) > 5
    newest = platform.instance.get_latest_materialization_event(postgres_key(HOURLY_SENTIMENT))
    assert newest is not None
    assert newest.asset_materialization is not None
    facts = newest.asset_materialization.metadata
    assert facts["dagster/partition_row_count"].value > 0
    assert facts["overtaken"].value is False
    later = dt.datetime.now(dt.timezone.utc)
    posts, waiting = behind(platform.instance, later, PUBLISHED)
    assert not (posts | waiting.keys()) & {YESTERDAY, TODAY}


class Wrong(PostgresMart):
    """A mart whose account was taken away."""

    def publish(self, *_: Any) -> Any:
        raise MartRefused("the mart refused")


def test_what_was_not_published_is_asked_for_again(platform: Platform, reader: MartReader) -> None:
    address = platform.settings.mart_address
    assert address is not None
    platform.fetch(YESTERDAY)
    platform.resources["mart"] = Wrong(address, "simulated")
    failed = platform.run("rebuild", [YESTERDAY])
    assert not failed.success
    # Refusals are not tried again within the run; gold stands.
    assert events_of(failed, "STEP_UP_FOR_RETRY") == []
    assert "MartRefused: the mart refused" in failures(failed)[MART_STEP][0]
    assert platform.lake.table(HOURLY_SENTIMENT).scan().collect().height > 0

    platform.resources.clear()
    memory, every = Memory(), dt.timedelta(minutes=2)
    now = dt.datetime.now(dt.timezone.utc)
    assert of_day(requests(platform.instance, Memory(), now, every)) == []
    [request] = of_day(requests(platform.instance, memory, now, every, PUBLISHED))
    assert set(request.asset_selection or ()) == set(PUBLISHED.values())
    assert platform.carry_out(request, "rebuild").success
    assert_mart_is_gold(platform, reader)
    after = now + dt.timedelta(minutes=3)
    assert of_day(requests(platform.instance, memory, after, every, PUBLISHED)) == []


def of_day(asked: Iterable[dg.RunRequest]) -> list[dg.RunRequest]:
    """Weeks that have settled since are asked for too."""
    return [request for request in asked if request.partition_key == YESTERDAY.key]


def test_another_server_is_filled_by_the_next_whole_look(platform: Platform) -> None:
    platform.fetch(YESTERDAY, TODAY)
    platform.rebuild(YESTERDAY, TODAY)
    days, every = {YESTERDAY, TODAY}, dt.timedelta(minutes=2)
    memory, now = Memory(), dt.datetime.now(dt.timezone.utc)
    address = platform.settings.mart_address
    assert address is not None
    asked_at: list[dt.datetime] = []

    def look(minutes: float) -> list[dg.RunRequest]:
        """What is asked for of both days, some minutes on."""
        nonlocal now
        now += dt.timedelta(minutes=minutes)

        def ask() -> Held | None:
            asked_at.append(now)
            return mart_holds(platform.settings)

        found = requests(platform.instance, memory, now, every, PUBLISHED, ask)
        # Weeks that have settled since are asked for too.
        return [request for request in found if days & partitions_in(request.tags)]

    assert [look(0), look(1)] == [[], []]
    with session(
        replace(address, conninfo=address.conninfo.replace("mart_simulated", "postgres"))
    ) as admin:
        admin.execute("DROP DATABASE mart_simulated WITH (FORCE)")
    asked_before = len(asked_at)
    assert look(1) == [], "in between only events are read"
    assert len(asked_at) == asked_before

    [request] = look(60)
    assert partitions_in(request.tags) == days
    assert set(request.asset_selection or ()) == set(PUBLISHED.values())
    # Nobody carried it out: it is asked for until it is there, each date alone.
    again = look(3)
    assert {p for request in again for p in partitions_in(request.tags)} == days
    assert all(platform.carry_out(request, "rebuild").success for request in again)
    reader = MartReader(address)
    assert_mart_is_gold(platform, reader)
    reader.close()
    assert look(3) == []
    assert not memory.mart_lacks
    asked_before = len(asked_at)
    assert look(3) == []
    assert len(asked_at) == asked_before, "it holds everything: asked again in an hour"
    assert look(60) == []
    assert len(asked_at) == asked_before + 1


def test_a_mart_that_does_not_answer_changes_nothing(platform: Platform) -> None:
    platform.fetch(YESTERDAY)
    platform.rebuild(YESTERDAY)
    nowhere = {"mart_url": SecretStr("postgresql://nobody@127.0.0.1:1/mart")}
    gone = platform.settings.model_copy(update=nowhere)
    assert mart_holds(gone) is None
    assert mart_holds(platform.settings.model_copy(update={"mart": "off"})) is None
    now = dt.datetime.now(dt.timezone.utc)
    before = behind(platform.instance, now, PUBLISHED)
    assert behind(platform.instance, now, PUBLISHED, partial(mart_holds, gone)) == before
    assert YESTERDAY not in before[1]
    # One that answers, and was never published to.
    assert set(behind(platform.instance, now, PUBLISHED, dict)[1][YESTERDAY]) == {
        *PUBLISHED.values()
    }


@pytest.fixture
def folder(platform: Platform, tmp_path: Path) -> ReferenceFolder:
    """Where the platform looks for a team's files: brands."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "brands.csv").write_text("topic,brand,own\nnimbus,Nimbus,true\n")
    platform.settings = platform.settings.model_copy(update={"reference_url": str(kept)})
    return platform.settings.reference_folder


def read_what_is_asked_for(platform: Platform, folder: ReferenceFolder) -> set[str]:
    """What the sensor of reference files asks for, read and published."""
    context = dg.build_sensor_context(
        instance=platform.instance,
        resources={
            "reference_folder": folder,
            "ask_mart": partial(mart_holds, platform.settings),
        },
    )
    looked: Any = reference_sensor(PUBLISHED_WHOLE).evaluate_tick(context)
    for request in looked.run_requests:
        assert platform.carry_out(request, "reference").success
    return {"/".join(k.path) for r in looked.run_requests for k in r.asset_selection or ()}


BRANDS_AND_MART = {"reference/brands", "mart/postgres_brands"}


def test_a_reference_table_that_was_not_published_is_asked_for_again(
    platform: Platform, reader: MartReader, folder: ReferenceFolder
) -> None:
    address = platform.settings.mart_address
    assert address is not None
    platform.resources["mart"] = Wrong(address, "simulated")
    brands = asset_key(BRANDS.name)
    failed = platform.run("reference", [], assets=[brands, PUBLISHED_WHOLE[brands]])
    assert not failed.success
    assert due_references(platform.instance, folder) == {}, "the lake's table is made"

    platform.resources.clear()
    assert read_what_is_asked_for(platform, folder) == BRANDS_AND_MART
    assert reader.rows(BRANDS)["brand"].to_list() == ["Nimbus"]
    assert read_what_is_asked_for(platform, folder) == set()


def test_a_reference_table_is_compared_with_the_lakes_whole(
    platform: Platform, folder: ReferenceFolder
) -> None:
    brands = asset_key(BRANDS.name)
    result = platform.run("reference", [], assets=[brands, PUBLISHED_WHOLE[brands]])
    [judged] = [
        check
        for check in result.get_asset_check_evaluations()
        if check.asset_key == PUBLISHED_WHOLE[brands]
    ]
    assert judged.passed
    assert judged.description == "1 rows, each as in gold"
    address = platform.settings.mart_address
    assert address is not None
    with session(address) as owner:
        owner.execute("UPDATE mart.brands SET company = 'another'")
    again = checks_alone(platform, asset=PUBLISHED_WHOLE[brands])
    assert not again.passed
    assert "1 cells of company differ" in str(again.description)


def test_a_mart_that_came_later_gets_the_reference_tables(
    platform: Platform, reader: MartReader, folder: ReferenceFolder
) -> None:
    with_mart = platform.settings
    platform.settings = with_mart.model_copy(update={"mart": "off"})
    assert platform.run("reference", [], assets=[asset_key(BRANDS.name)]).success
    platform.settings = with_mart
    # Tables that never had a file are not missed there either.
    assert read_what_is_asked_for(platform, folder) == BRANDS_AND_MART
    assert reader.rows(BRANDS)["brand"].to_list() == ["Nimbus"]
    assert read_what_is_asked_for(platform, folder) == set()
    # And a schema that was made anew, as docs/mart.md says.
    assert platform.run("reference", []).success
    address = with_mart.mart_address
    assert address is not None
    with session(address) as owner:
        owner.execute("DROP SCHEMA mart CASCADE")
        owner.execute(grants().encode())
    assert read_what_is_asked_for(platform, folder) == BRANDS_AND_MART
    assert reader.rows(BRANDS)["brand"].to_list() == ["Nimbus"]
    assert read_what_is_asked_for(platform, folder) == set()


def test_refusals_are_final_and_all_else_is_tried_again() -> None:
    assert is_permanent(MartRefused("no such account"))
    assert not is_permanent(MartUnreachable("the server starts"))
    assert postgres_mart.op.retry_policy == RETRIES


class Struck(PostgresMart):
    """A mart whose server goes down in the middle of the first COPY."""

    def __init__(self, *where: Any, strike: Callable[[], None]) -> None:
        super().__init__(*where)
        self.strikes = [strike]
        #: What a reader saw when it was up again.
        self.seen: list[int] = []

    def publish(self, tables: Sequence[Outgoing], run_id: str) -> dict[str, Sent]:
        if self.strikes:
            tables = [replace(table, batches=self._struck(table)) for table in tables]
        return super().publish(tables, run_id)

    def _struck(self, table: Outgoing) -> Batches:
        def batches(wanted: Sequence[PostPartition]) -> Iterator[pa.RecordBatch]:
            for batch in table.batches(wanted):
                yield from (batch.slice(0, 1), batch.slice(1))
                if self.strikes and table.contract is HOURLY_SENTIMENT:
                    self.strikes.pop()()
                    self.seen.append(self.rows(HOURLY_SENTIMENT, YESTERDAY)["posts"].sum())
                    yield batch

        return batches


def stopped(home: Path) -> None:
    server = embedded_postgres(home)
    server.stop()
    server.ensure_postgres_running()


def killed(home: Path) -> None:
    """No checkpoint, no goodbye: what was committed is recovered from the log."""
    server = embedded_postgres(home)
    postmaster = psutil.Process(server.get_pid())
    everybody = [postmaster, *postmaster.children(recursive=True)]
    for process in everybody:
        process.kill()
    psutil.wait_procs(everybody, 20)
    server.ensure_postgres_running()


@pytest.mark.parametrize("restart", [stopped, killed])
def test_a_server_that_restarts_in_the_middle_of_a_copy(
    platform: Platform,
    reader: MartReader,
    server: Path,
    no_waits: None,
    restart: Callable[[Path], None],
) -> None:
    platform.fetch(YESTERDAY)
    platform.rebuild(YESTERDAY)
    before = reader.rows(HOURLY_SENTIMENT)
    noted = reader.publications(HOURLY_SENTIMENT)
    address = platform.settings.mart_address
    mart = Struck(address, "simulated", strike=lambda: restart(server))
    platform.resources["mart"] = mart
    # What the mart should hold differs from what it does.
    table = platform.lake.table(HOURLY_SENTIMENT)
    values = {"date": YESTERDAY.date.isoformat(), "platform": "x"}
    rows = table.scan([values]).collect()
    with table.begin([values], "another-run") as replacement:
        replacement.write(values, [rows.with_columns(posts=pl.lit(7, pl.Int64)).to_arrow()])
        replacement.commit()
    result = platform.rebuild(YESTERDAY, assets=PUBLISHED.values())
    assert events_of(result, "STEP_UP_FOR_RETRY") == [MART_STEP]
    assert "did not answer" in str(failures(result))
    assert mart.seen == [before["posts"].sum()]
    assert reader.rows(HOURLY_SENTIMENT)["posts"].to_list() == [7] * before.height
    assert reader.publications(HOURLY_SENTIMENT)[YESTERDAY].version > noted[YESTERDAY].version
    assert all(checks_of(result).values())


def test_trends_that_look_back_are_published_too(platform: Platform, reader: MartReader) -> None:
    platform.fetch(YESTERDAY, TODAY)
    platform.rebuild(TODAY)
    platform.rebuild(YESTERDAY)
    now = dt.datetime.now(dt.timezone.utc)
    _, later = behind(platform.instance, now, PUBLISHED)
    assert {asset_key(DAILY_TREND.name), postgres_key(DAILY_TREND)} <= set(later[TODAY])
    for request in requests(platform.instance, Memory(), now, dt.timedelta(), PUBLISHED):
        assert platform.carry_out(request, "rebuild").success
    assert_mart_is_gold(platform, reader)


BREAKS = {
    "one changed cell": (
        "UPDATE mart.hourly_sentiment SET sentiment_sum = sentiment_sum + 1 WHERE ctid = ("
        "SELECT ctid FROM mart.hourly_sentiment WHERE sentiment_sum IS NOT NULL LIMIT 1)",
        "1 cells of sentiment_sum differ",
    ),
    "one figure that became null": (
        "UPDATE mart.hourly_sentiment SET posts = NULL WHERE hour = ("
        "SELECT min(hour) FROM mart.hourly_sentiment WHERE posts IS NOT NULL)",
        "1 cells of posts differ",
    ),
    "one lost row": (
        "DELETE FROM mart.hourly_sentiment WHERE hour = ("
        "SELECT min(hour) FROM mart.hourly_sentiment)",
        "1 of gold's rows are missing",
    ),
    "one row that gold hasn't": (
        "UPDATE mart.hourly_sentiment SET hour = hour + interval '1 minute' WHERE hour = ("
        "SELECT max(hour) FROM mart.hourly_sentiment)",
        "1 of gold's rows are missing; 1 rows are not in gold",
    ),
    "one doubled row": (
        "ALTER TABLE mart.hourly_sentiment DROP CONSTRAINT hourly_sentiment_pkey; "
        "INSERT INTO mart.hourly_sentiment SELECT * FROM mart.hourly_sentiment "
        "WHERE hour = (SELECT min(hour) FROM mart.hourly_sentiment)",
        "1 rows are there twice",
    ),
}


def test_the_check_finds_whatever_differs(platform: Platform) -> None:
    platform.fetch(YESTERDAY)
    platform.rebuild(YESTERDAY)
    address = platform.settings.mart_address
    assert address is not None
    key = postgres_key(HOURLY_SENTIMENT)
    for name, (statement, said) in BREAKS.items():
        with session(address) as owner:
            owner.execute(statement.encode())
        checked = checks_alone(platform, YESTERDAY.key)
        assert not checked.passed, name
        assert checked.severity == dg.AssetCheckSeverity.ERROR
        assert checked.description is not None
        assert said in checked.description, name
        # To publish once more mends it.
        published = platform.rebuild(YESTERDAY, assets=[key])
        assert checks_of(published) == {"/".join(key.path): True}, name


def checks_alone(
    platform: Platform,
    partition: str | None = None,
    asset: dg.AssetKey = HOURLY_IN_MART,
) -> dg.AssetCheckEvaluation:
    """The check by itself, as the UI runs it."""
    check = dg.AssetCheckKey(asset, "matches_gold")
    job = dg.define_asset_job("look", dg.AssetSelection.checks(check))
    platform.more = dg.Definitions(jobs=[job])
    # A job of checks alone knows no partition key, as Dagster sees it; a range of one will do.
    tags = {RANGE_START_TAG: partition, RANGE_END_TAG: partition} if partition else {}
    [found] = platform.run("look", [], tags=tags).get_asset_check_evaluations()
    return found


def test_gold_that_moved_on_is_no_difference(platform: Platform) -> None:
    platform.fetch(YESTERDAY)
    platform.rebuild(YESTERDAY)
    table = platform.lake.table(HOURLY_SENTIMENT)
    values = {"date": YESTERDAY.date.isoformat(), "platform": "x"}
    with table.begin([values], "another-run") as replacement:
        replacement.write(values, [table.scan([values]).collect().head(3).to_arrow()])
        replacement.commit()
    found = checks_alone(platform, YESTERDAY.key)
    assert found.passed
    assert "gold is newer by now" in str(found.description)


def test_only_what_is_off_is_off(tmp_path: Path, x: SimulatedPlatform) -> None:
    platform = Platform.at(tmp_path, x)
    assert published_in(platform.definitions) == {}
    platform.fetch(YESTERDAY)
    platform.rebuild(YESTERDAY)
    assert not (tmp_path / "postgres").exists()


def test_a_table_that_nobody_made_is_left_out(platform: Platform) -> None:
    assert outgoing(platform.lake.table(HOURLY_SENTIMENT), [TODAY]) is None


@pytest.mark.parametrize("contract", DATED_CONTRACTS, ids=lambda c: c.table)
def test_equal_rows_in_any_order_are_equal(contract: Any) -> None:
    frame = made_up(contract, [YESTERDAY], 1 if contract.key == ("date", "platform") else 9)
    assert published_verdict(contract, frame, frame.reverse()).passed
    empty = pl.DataFrame(schema=polars_schema(contract.schema))
    assert published_verdict(contract, empty, empty).passed
    assert published_verdict(contract, frame, empty).counts["missing_rows"] == frame.height


def test_a_list_that_differs_is_a_changed_cell() -> None:
    frame = made_up(DAILY_TREND, [YESTERDAY], 5)
    other = frame.with_columns(scorers=pl.lit(["another"], pl.List(pl.String)))
    verdict = published_verdict(DAILY_TREND, frame, other)
    assert verdict.counts["changed_cells"] == 5
    assert "5 cells of scorers differ" in verdict.sentence
    assert published_verdict(TOPIC_SENTIMENT, *[made_up(TOPIC_SENTIMENT, [TODAY], 3)] * 2).passed
    assert NOW.date() == TODAY.date
