"""Publishing to a real PostgreSQL and reading it back: all or nothing, and the newest stays."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from polars.testing import assert_frame_equal

from resources.embedded_postgres import embedded_postgres
from resources.mart_publisher import PostgresMart
from resources.mart_schema import upgrade
from resources.postgres import (
    WHOLE,
    MartAddress,
    MartError,
    MartMissing,
    MartReader,
    MartRefused,
    MartUnreachable,
    address_of,
    told,
)
from sentiment_assets.core.contracts import (
    DAILY_SUMMARY,
    HOURLY_SENTIMENT,
    POOLED_SENTIMENT,
    TOPIC_SENTIMENT,
    Contract,
)
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.mart import is_dated, published_contracts
from sentiment_assets_tests.published import day, made_up, outgoing, own_address, session

DAYS = [day("2026-01-31"), day("2026-02-01"), day("2026-02-01", "facebook")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    server = embedded_postgres(home)
    yield home
    server.cleanup()


@pytest.fixture
def address(home: Path) -> MartAddress:
    return own_address(home)


@pytest.fixture
def mart(address: MartAddress) -> Iterator[PostgresMart]:
    mart = PostgresMart(address, "simulated")
    yield mart
    mart.close()


@pytest.fixture
def reader(address: MartAddress) -> Iterator[MartReader]:
    reader = MartReader(address)
    yield reader
    reader.close()


def all_rows(reader: MartReader, contract: Contract) -> pl.DataFrame:
    return reader.rows(contract).sort(contract.key)


def publish(
    mart: PostgresMart,
    contract: Contract,
    frame: pl.DataFrame,
    partitions: Sequence[PostPartition] = DAYS,
    **more: Any,
) -> Any:
    return mart.publish([outgoing(contract, frame, partitions, **more)], "a-run")[contract.name]


def test_every_cell_of_every_table_comes_back(mart: PostgresMart, reader: MartReader) -> None:
    dated = [c for c in published_contracts().values() if is_dated(c)]
    frames = {c.name: made_up(c, DAYS, 1 if c is DAILY_SUMMARY else 120) for c in dated}
    mart.publish([outgoing(c, frames[c.name], DAYS) for c in dated], "a-run")
    for contract in dated:
        frame = frames[contract.name].sort(contract.key)
        assert_frame_equal(all_rows(reader, contract), frame, check_exact=True)
        lists = [n for n, kind in frame.schema.items() if kind == pl.List]
        assert all(frame[name].list.len().max() for name in lists)


def test_a_table_without_dates_is_published_whole(mart: PostgresMart, reader: MartReader) -> None:
    whole = [c for c in published_contracts().values() if not is_dated(c)]
    if not whole:
        pytest.skip("every table that is published has dates")
    for version, rows in ((0, 5), (1, 3)):
        frames = {c: made_up(c, DAYS[:1], rows) for c in whole}
        mart.publish([outgoing(c, f, [], version=version) for c, f in frames.items()], "a-run")
        for contract, frame in frames.items():
            assert_frame_equal(all_rows(reader, contract), frame.sort(contract.key))
            assert reader.partition_sizes(contract)["rows"].to_list() == [rows]
    [sent] = mart.publish([outgoing(whole[0], frames[whole[0]], [], version=0)], "late").values()
    assert sent.overtaken == (WHOLE,)


def test_reads_are_pushed_down(mart: PostgresMart, reader: MartReader) -> None:
    frame = made_up(TOPIC_SENTIMENT, DAYS, 30)
    publish(mart, TOPIC_SENTIMENT, frame)
    found = reader.rows(
        TOPIC_SENTIMENT,
        day("2026-02-01").date,
        day("2026-02-28").date,
        "facebook",
        ["topic", "posts", "date"],
        {"topic": "topic ü' 7", "topic_kind": "topic_kind ü' 7"},
    )
    wanted = frame.filter(
        pl.col("date") == day("2026-02-01").date,
        platform="facebook",
        topic="topic ü' 7",
    )
    assert_frame_equal(found, wanted.select("topic", "posts", "date"))
    nulls = reader.rows(TOPIC_SENTIMENT, columns=["topic"], equal={"posts": None})
    assert 0 < nulls.height == frame["posts"].null_count()
    with pytest.raises(KeyError, match="no column 'nothing'"):
        reader.rows(TOPIC_SENTIMENT, equal={"nothing": 1})
    with pytest.raises(KeyError, match="no column"):
        reader.rows(TOPIC_SENTIMENT, columns=["posts; DROP TABLE mart.origin"])


def test_a_publish_replaces_its_partitions_and_no_other(
    mart: PostgresMart, reader: MartReader
) -> None:
    before = made_up(HOURLY_SENTIMENT, DAYS, 24)
    publish(mart, HOURLY_SENTIMENT, before)
    versions = [reader.version(HOURLY_SENTIMENT), reader.version(TOPIC_SENTIMENT)]
    # One partition is replaced, one becomes empty, one is not named.
    after = made_up(HOURLY_SENTIMENT, DAYS[:1], 3, seed=8)
    sent = publish(mart, HOURLY_SENTIMENT, after, DAYS[:2], version=1)
    assert sent.rows == {DAYS[0]: 3, DAYS[1]: 0}
    kept = before.filter(platform="facebook")
    assert_frame_equal(
        all_rows(reader, HOURLY_SENTIMENT), pl.concat([kept, after]).sort("platform", "hour")
    )
    assert reader.version(HOURLY_SENTIMENT) != versions[0]
    assert reader.version(TOPIC_SENTIMENT) == versions[1]
    sizes = reader.partition_sizes(HOURLY_SENTIMENT)
    assert sizes.select("date", "platform", "rows").rows() == [
        (DAYS[0].date, "x", 3),
        (DAYS[2].date, "facebook", 24),
    ]
    assert sizes.columns == ["date", "platform", "rows", "bytes", "files", "modified_at"]
    noted = reader.publications(HOURLY_SENTIMENT)
    assert [(noted[p].rows, noted[p].version) for p in DAYS] == [(3, 1), (0, 1), (24, 0)]


def test_an_older_version_of_gold_never_overwrites(mart: PostgresMart, reader: MartReader) -> None:
    newer = made_up(HOURLY_SENTIMENT, DAYS[:1], 5, seed=2)
    publish(mart, HOURLY_SENTIMENT, newer, DAYS[:1], version=10)
    older = made_up(HOURLY_SENTIMENT, DAYS, 4)
    sent = publish(mart, HOURLY_SENTIMENT, older, version=9)
    assert sent.overtaken == (DAYS[0],)
    assert set(sent.rows) == set(DAYS[1:])
    expected = pl.concat([newer, older.filter(pl.col("date") != DAYS[0].date)])
    assert_frame_equal(all_rows(reader, HOURLY_SENTIMENT), expected.sort("platform", "hour"))
    # Of another lake, versions begin anew.
    sent = publish(mart, HOURLY_SENTIMENT, older, version=1, table_id="another lake")
    assert sent.overtaken == ()
    assert_frame_equal(all_rows(reader, HOURLY_SENTIMENT), older.sort("platform", "hour"))


@pytest.mark.parametrize("newer_first", [True, False])
def test_of_two_publishes_at_once_the_later_version_stays(
    mart: PostgresMart, reader: MartReader, newer_first: bool
) -> None:
    versions = [2, 1] if newer_first else [1, 2]
    frames = {v: made_up(HOURLY_SENTIMENT, DAYS, 6, seed=v) for v in versions}
    began, go = threading.Event(), threading.Event()

    def held(version: int) -> Any:
        whole = outgoing(HOURLY_SENTIMENT, frames[version], DAYS, version=version)

        def batches(wanted: Sequence[PostPartition]) -> Iterator[Any]:
            began.set()
            assert go.wait(20)
            yield from whole.batches(wanted)

        return replace(whole, batches=batches)

    upgrade(mart.address)
    first = threading.Thread(target=lambda: mart.publish([held(versions[0])], "first"))
    first.start()
    assert began.wait(20)
    second = threading.Thread(
        target=publish,
        args=(mart, HOURLY_SENTIMENT, frames[versions[1]]),
        kwargs={"version": versions[1]},
    )
    second.start()
    second.join(0.5)
    assert second.is_alive()  # it waits for the first
    go.set()
    first.join(20)
    second.join(20)
    assert_frame_equal(all_rows(reader, HOURLY_SENTIMENT), frames[2].sort("platform", "hour"))


def test_two_publishes_may_add_one_month(mart: PostgresMart, reader: MartReader) -> None:
    publish(mart, HOURLY_SENTIMENT, made_up(HOURLY_SENTIMENT, DAYS[:1], 2), DAYS[:1])
    made = threading.Event(), threading.Event()
    frames = [made_up(HOURLY_SENTIMENT, [day], 3) for day in DAYS[1:]]

    def slow(wanted: Sequence[PostPartition]) -> Iterator[Any]:
        made[0].set()
        assert made[1].wait(20)
        yield from outgoing(HOURLY_SENTIMENT, frames[0], DAYS[1:2]).batches(wanted)

    held = replace(outgoing(HOURLY_SENTIMENT, frames[0], DAYS[1:2]), batches=slow)
    first = threading.Thread(target=mart.publish, args=([held], "first"))
    first.start()
    assert made[0].wait(20)
    failures: list[MartError] = []

    def other() -> None:
        try:
            publish(mart, HOURLY_SENTIMENT, frames[1], DAYS[2:])
        except MartError as error:
            failures.append(error)

    second = threading.Thread(target=other)
    second.start()
    second.join(0.5)
    assert second.is_alive()  # it waits for the month
    made[1].set()
    first.join(20)
    second.join(20)
    assert failures == []
    found = reader.rows(HOURLY_SENTIMENT, DAYS[1].date, DAYS[1].date)
    assert_frame_equal(found.sort("platform", "hour"), pl.concat(frames).sort("platform", "hour"))


def test_a_month_that_was_put_aside_is_not_lost(mart: PostgresMart) -> None:
    publish(mart, HOURLY_SENTIMENT, made_up(HOURLY_SENTIMENT, DAYS, 2))
    with session(mart.address) as owner:
        owner.execute(
            "ALTER TABLE mart.hourly_sentiment DETACH PARTITION mart.hourly_sentiment_2026_02"
        )
        with pytest.raises(MartRefused, match="rename it"):
            publish(mart, HOURLY_SENTIMENT, made_up(HOURLY_SENTIMENT, DAYS, 2), version=1)
        kept = owner.execute("SELECT count(*) FROM mart.hourly_sentiment_2026_02").fetchone()
    assert kept == (4,)


def test_readers_see_all_of_before_until_all_of_after(
    mart: PostgresMart, reader: MartReader
) -> None:
    before = {c: made_up(c, DAYS, 5) for c in (HOURLY_SENTIMENT, TOPIC_SENTIMENT)}
    mart.publish([outgoing(c, frame, DAYS) for c, frame in before.items()], "first")
    after = {c: made_up(c, DAYS, 200, seed=9) for c in before}
    seen = []

    def looking(whole: Any) -> Any:
        def batches(wanted: Sequence[PostPartition]) -> Iterator[Any]:
            for batch in whole.batches(wanted):
                yield batch
                # In the middle of the COPY, also of a month that is only just made.
                seen.append([all_rows(reader, c).equals(f.sort(c.key)) for c, f in before.items()])

        return replace(whole, batches=batches)

    march = day("2026-03-01")
    frames = {c: pl.concat([f, made_up(c, [march], 5)]) for c, f in after.items()}
    mart.publish(
        [looking(outgoing(c, f, [*DAYS, march], version=1)) for c, f in frames.items()], "second"
    )
    assert len(seen) > 20
    assert all(all(look) for look in seen)
    for contract, frame in frames.items():
        assert_frame_equal(all_rows(reader, contract), frame.sort(contract.key))


def test_what_fails_in_the_middle_leaves_everything_as_it_was(
    mart: PostgresMart, reader: MartReader
) -> None:
    before = made_up(HOURLY_SENTIMENT, DAYS, 5)
    publish(mart, HOURLY_SENTIMENT, before)
    version = reader.version(HOURLY_SENTIMENT)
    good = outgoing(DAILY_SUMMARY, made_up(DAILY_SUMMARY, DAYS, 1), DAYS, version=1)
    twice = made_up(HOURLY_SENTIMENT, DAYS, 5, seed=3)
    doubled = outgoing(HOURLY_SENTIMENT, pl.concat([twice, twice]), DAYS, version=1)
    with pytest.raises(MartRefused, match="breaks a key") as refused:
        mart.publish([good, doubled], "second")
    # PostgreSQL's own message quotes the row.
    assert "already exists" not in "".join(traceback.format_exception(refused.value))
    stray = [day("2026-01-31", "linkedin")]
    frame = pl.concat([twice, made_up(HOURLY_SENTIMENT, stray, 1)])
    named = outgoing(HOURLY_SENTIMENT, frame, DAYS, version=1)
    whole = replace(named, batches=lambda _: named.batches([*DAYS, *stray]))
    with pytest.raises(MartRefused, match="not named"):
        mart.publish([good, whole], "third")
    assert_frame_equal(all_rows(reader, HOURLY_SENTIMENT), before.sort("platform", "hour"))
    assert all_rows(reader, DAILY_SUMMARY).is_empty()
    assert reader.version(HOURLY_SENTIMENT) == version


def test_a_new_month_has_every_index_once_it_is_filled(mart: PostgresMart) -> None:
    mart.upgrade()
    with session(mart.address, "publisher") as connection:
        # Whoever began it before was stopped.
        connection.execute("SELECT mart.begin_month('topic_sentiment', '2026-02-01')")
    rows = made_up(TOPIC_SENTIMENT, DAYS, 5)
    with pytest.raises(MartRefused, match="breaks a key"):
        publish(mart, TOPIC_SENTIMENT, pl.concat([rows, rows]))
    assert publish(mart, TOPIC_SENTIMENT, rows).rows == dict.fromkeys(DAYS, 5)
    with session(mart.address) as connection:
        indexes = connection.execute("""
            SELECT parent.inhparent::regclass::text, i.indisunique, i.indisvalid
            FROM pg_index i LEFT JOIN pg_inherits parent ON parent.inhrelid = i.indexrelid
            WHERE i.indrelid = 'mart.topic_sentiment_2026_02'::regclass ORDER BY 1
        """).fetchall()
    assert indexes == [
        ("mart.topic_sentiment_pkey", True, True),
        ("mart.topic_sentiment_topic_date", False, True),
    ]


def test_a_pool_of_days_keeps_its_list(mart: PostgresMart, reader: MartReader) -> None:
    sunday = day("2026-02-08")
    frame = made_up(POOLED_SENTIMENT, [sunday], 2)
    publish(mart, POOLED_SENTIMENT, frame, [sunday])
    assert reader.rows(POOLED_SENTIMENT)["days"].to_list() == frame["days"].to_list()
    with session(mart.address) as connection:
        [(days,)] = connection.execute("SELECT days FROM mart.pooled_sentiment LIMIT 1").fetchall()
    assert days[0] == sunday.date


def test_simulated_and_live_posts_never_share_a_mart(mart: PostgresMart) -> None:
    frame = made_up(HOURLY_SENTIMENT, DAYS, 1)
    publish(mart, HOURLY_SENTIMENT, frame)
    live = PostgresMart(mart.address, "live")
    with pytest.raises(MartRefused, match="holds figures of simulated posts"):
        publish(live, HOURLY_SENTIMENT, frame, version=1)


def test_readers_and_publishers_are_held_to_their_rights(mart: PostgresMart) -> None:
    publish(mart, HOURLY_SENTIMENT, made_up(HOURLY_SENTIMENT, DAYS, 2))
    with session(mart.address) as owner:
        owner.execute("CREATE TABLE IF NOT EXISTS public.event_logs (event text)")
    refused = {
        "bi_reader": (
            "INSERT INTO mart.origin VALUES (true, 'live')",
            "DELETE FROM mart.hourly_sentiment",
            "UPDATE mart.publication SET row_count = 0",
            "TRUNCATE mart.hourly_sentiment",
            "SELECT mart.begin_month('hourly_sentiment', '2030-01-01')",
            "CREATE TABLE mart.mine (a int)",
            "ALTER TABLE mart.hourly_sentiment ADD COLUMN mine int",
            "SELECT * FROM public.event_logs",
        ),
        "publisher": (
            "UPDATE mart.hourly_sentiment SET posts = 0",
            "TRUNCATE mart.hourly_sentiment",
            "DROP TABLE mart.hourly_sentiment",
            "ALTER TABLE mart.hourly_sentiment ADD COLUMN mine int",
            "CREATE TABLE mart.mine (a int)",
            "UPDATE mart.schema_version SET version_num = '0'",
            "DELETE FROM mart.origin",
            "DELETE FROM mart.schema_version",
            "SELECT * FROM public.event_logs",
            "SET ROLE mart_owner",
        ),
    }
    for role, statements in refused.items():
        with session(mart.address, role) as connection:
            assert connection.execute("SELECT count(*) FROM mart.hourly_sentiment").fetchone() == (
                6,
            )
            for statement in statements:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.encode())
    with session(mart.address, "publisher") as connection:
        connection.execute("SELECT mart.begin_month('hourly_sentiment', '2030-01-01')")
        connection.execute("SELECT mart.attach_month('hourly_sentiment', '2030-01-01')")
        with pytest.raises(psycopg.errors.UndefinedTable, match="no months"):
            connection.execute("SELECT mart.begin_month('publication', '2030-01-01')")
    with session(mart.address, "bi_reader") as connection:
        # What the months of a table hold is read through the table, and by itself.
        connection.execute("SELECT * FROM mart.hourly_sentiment_2030_01")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://loader:{secret}@{host}/none", "no such database or account"),
        ("postgresql://nobody:{secret}@{host}/postgres", "no such database or account"),
    ],
)
def test_a_refusal_is_told_at_once_and_without_secrets(home: Path, url: str, said: str) -> None:
    host = str(home / "postgres").replace("/", "%2F")
    url = url.format(secret="pa55word", host=host)
    mart = PostgresMart(address_of(url, "SENTIMENT_MART_URL"), "simulated")
    with pytest.raises(MartRefused, match=said) as refused:
        mart.publish([], "a-run")
    assert "SENTIMENT_MART_URL" in str(refused.value)
    for said in (str(refused.value), repr(mart), repr(mart.address)):
        assert "pa55word" not in said
    assert not refused.value.retryable


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ('FATAL:  password authentication failed for user "loader"', "account or its password"),
        ('root certificate file "/none.crt" does not exist', "sslrootcert names cannot be read"),
        ('server certificate for "db" does not match host name "10.0.0.1"', "for another name"),
        ("SSL error: certificate verify failed", "sslrootcert vouches for"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', "lets no such account in"),
        ("FATAL:  the database system is starting up", None),
        ("connection refused", None),
    ],
)
def test_before_a_session_the_words_of_libpq_decide(message: str, said: str | None) -> None:
    address = address_of("postgresql://loader@db.internal/mart", "SENTIMENT_MART_URL")
    kind = MartUnreachable if said is None else MartRefused
    with pytest.raises(kind, match=said or "did not answer") as told_as, told(address):
        raise psycopg.OperationalError(message)
    assert "10.0.0.1" not in str(told_as.value)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.errors.SerializationFailure, MartUnreachable),
        (psycopg.errors.DeadlockDetected, MartUnreachable),
        (psycopg.errors.AdminShutdown, MartUnreachable),
        (psycopg.errors.LockNotAvailable, MartUnreachable),
        (psycopg.errors.TooManyConnections, MartUnreachable),
        (psycopg.errors.InsufficientPrivilege, MartRefused),
        (psycopg.errors.UndefinedTable, MartRefused),
        (psycopg.errors.CheckViolation, MartRefused),
    ],
)
def test_states_of_the_server_say_what_passes(
    error: type[psycopg.Error], kind: type[MartError]
) -> None:
    address = address_of("postgresql://loader@db.internal/mart", "SENTIMENT_MART_URL")
    with pytest.raises(kind, match=str(error.sqlstate)), told(address):
        raise error("whatever the server said")


def test_a_server_that_is_gone_is_waited_for() -> None:
    mart = PostgresMart(
        address_of("postgresql://a:pa55word@127.0.0.1:1/mart", "SENTIMENT_MART_URL"), "simulated"
    )
    with pytest.raises(MartUnreachable, match=r"127\.0\.0\.1:1/mart did not answer") as lost:
        mart.publish([], "a-run")
    assert lost.value.retryable
    assert "pa55word" not in str(lost.value)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://a@b/c",
        "postgresql://a:b@c",
        "postgresql://a:p@ss@host/x",
        "postgresql://a@host:port/x",
        "postgresql://%zz/x",
    ],
)
def test_addresses_that_libpq_would_misread_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must be") as refused:
        address_of(url, "SENTIMENT_MART_URL")
    assert "p@ss" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://a@db.internal/mart", "sslmode=require"),
        ("postgresql://a@db.internal/mart?sslmode=verify-full", "sslmode=verify-full"),
        ("postgresql://a@127.0.0.1/mart", None),
        ("postgresql://a@%2Ftmp/mart", None),
    ],
)
def test_other_machines_are_spoken_to_by_tls(url: str, mode: str | None) -> None:
    conninfo = address_of(url, "SENTIMENT_MART_URL").conninfo
    assert mode in conninfo if mode else "sslmode" not in conninfo


def test_a_reader_survives_a_connection_that_was_cut(
    mart: PostgresMart, reader: MartReader
) -> None:
    frame = made_up(HOURLY_SENTIMENT, DAYS, 2)
    publish(mart, HOURLY_SENTIMENT, frame)
    assert reader.rows(HOURLY_SENTIMENT).height == 6
    with session(mart.address) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert reader.rows(HOURLY_SENTIMENT).height == 6


def test_a_mart_that_was_never_published_says_so(reader: MartReader) -> None:
    with pytest.raises(MartMissing, match="sentiment mart upgrade"):
        reader.rows(HOURLY_SENTIMENT)
