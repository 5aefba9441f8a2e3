"""The mart's schema on a real PostgreSQL: what the steps lead to is what the contracts say."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from resources import mart_schema
from resources.embedded_postgres import embedded_postgres
from resources.mart_schema import differences, status, upgrade
from resources.mart_tables import mart_tables, sql_type
from resources.postgres import MartAddress, MartRefused, connect
from sentiment_assets.core import contracts
from sentiment_assets.core.contracts import HOURLY_SENTIMENT, LIVE_SENTIMENT, Column
from sentiment_assets.core.mart import is_dated, mart_key, published_contracts
from sentiment_assets_tests.published import own_address, session

VIEWS = (
    "sentiment_by_week",
    "sentiment_by_week_and_language",
    "sentiment_by_week_and_topic",
    "topic_latest",
    "totals_by_day",
    "totals_by_hour",
    "totals_by_topic",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    server = embedded_postgres(home)
    yield home
    server.cleanup()


@pytest.fixture
def address(home: Path) -> MartAddress:
    return own_address(home)


def test_the_steps_lead_to_the_contracts(address: MartAddress) -> None:
    before = upgrade(address)
    assert before.stored is None
    assert [step[:4] for step in before.missing] == ["0001", *map(_number, before.missing[1:])]
    assert differences(address) == [], (
        "a contract changed, and the mart's schema did not: write the step with "
        '`.venv/bin/python -m resources.mart_migrations.draft "what it does"`, read it, commit it'
    )
    assert upgrade(address).is_current
    with session(address) as connection:
        tables = {
            name
            for (name,) in connection.execute(
                "SELECT c.relname FROM pg_class c WHERE relnamespace = 'mart'::regnamespace "
                "AND relkind IN ('r', 'p')"
            )
        }
        owners = connection.execute(
            "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class "
            "WHERE relnamespace = 'mart'::regnamespace"
        ).fetchall()
    published = {c.table for c in published_contracts().values()}
    assert tables == {*published, "publication", "origin", "schema_version"}
    assert owners == [("mart_owner",)]


def _number(step: str) -> str:
    assert step[:4].isdigit()
    return step[:4]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (Column("more", contracts.TIMESTAMP, "Something."), "add_column"),
        (Column("posts", contracts.pa.int64(), "Posts."), "modify_comment"),
        (
            Column("posts", contracts.pa.int32(), "Posts in the cell; null where suppressed."),
            "type",
        ),
        (
            Column(
                "posts", contracts.pa.int64(), "Posts in the cell; null where suppressed.", True
            ),
            "modify_nullable",
        ),
    ],
)
def test_a_contract_that_changed_is_told(
    address: MartAddress, monkeypatch: pytest.MonkeyPatch, change: Column, told: str
) -> None:
    upgrade(address)
    columns = {c.name: c for c in HOURLY_SENTIMENT.columns} | {change.name: change}
    changed = replace(HOURLY_SENTIMENT, columns=tuple(columns.values()))
    monkeypatch.setattr(contracts, "HOURLY_SENTIMENT", changed)
    [said] = differences(address)
    assert told in said


@pytest.mark.parametrize(
    ("key", "partitioned", "said"),
    [
        (("date", "platform", "hour", "posts"), ("date", "platform"), "primary key"),
        (("date", "platform", "hour"), (), "partitioned by RANGE"),
    ],
)
def test_another_key_is_told(
    address: MartAddress,
    monkeypatch: pytest.MonkeyPatch,
    key: tuple[str, ...],
    partitioned: tuple[str, ...],
    said: str,
) -> None:
    upgrade(address)
    columns = tuple(
        replace(c, required=True) if c.name == "posts" and "posts" in key else c
        for c in HOURLY_SENTIMENT.columns
    )
    changed = replace(HOURLY_SENTIMENT, key=key, columns=columns, partition_columns=partitioned)
    monkeypatch.setattr(contracts, "HOURLY_SENTIMENT", changed)
    assert any(said in difference for difference in differences(address))


def test_nothing_of_the_stream_and_no_post_is_published() -> None:
    published = published_contracts()
    assert LIVE_SENTIMENT.name not in published
    assert {contract.layer for contract in published.values()} <= {"gold", "reference"}
    assert {"gold/hourly_sentiment", "gold/daily_trend"} <= set(published)
    assert all(is_dated(c) for c in published.values() if c.layer == "gold")
    assert mart_key(HOURLY_SENTIMENT) == ("platform", "date", "hour")


def test_every_type_of_a_contract_has_one_in_the_mart() -> None:
    with pytest.raises(ValueError, match="add one to _TYPES"):
        sql_type(contracts.pa.decimal128(10, 2))
    assert {table.name for table in mart_tables().sorted_tables} > {"publication", "origin"}


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's steps, to which a test adds its own."""
    scripts = tmp_path / "scripts"
    shutil.copytree(mart_schema._SCRIPTS, scripts)
    monkeypatch.setattr(mart_schema, "_SCRIPTS", scripts)
    return scripts / "versions"


STEP = '''"""A step of a test."""
from alembic import op
revision = "9999"
down_revision = "{down}"
def upgrade():
    op.execute("CREATE TABLE mart.half (a int)")
    op.execute("{more}")
'''


def test_a_step_that_fails_leaves_nothing_half(address: MartAddress, steps: Path) -> None:
    (steps / "step_9999.py").write_text(STEP.format(down=_head(), more="SELECT 1 / 0"))
    with pytest.raises(MartRefused, match="22012"):
        upgrade(address)
    with session(address) as connection:
        left = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'mart'::regnamespace"
        ).fetchone()
        # Not even the steps before it: they are one transaction.
        assert left == (0,)
        assert status(connection, address).stored is None


def test_a_mart_of_a_newer_program_is_left_alone(address: MartAddress, steps: Path) -> None:
    newest = steps / "step_9999.py"
    newest.write_text(STEP.format(down=_head(), more="SELECT 1"))
    upgrade(address)
    newest.unlink()
    with pytest.raises(MartRefused, match="schema 9999, which this program does not know"):
        upgrade(address)


def test_two_upgrades_at_once_are_one(address: MartAddress) -> None:
    connect(address).close()
    failures = []

    def up() -> None:
        try:
            upgrade(address)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=up) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert differences(address) == []


def test_who_may_not_alter_is_told_who_may(address: MartAddress, home: Path) -> None:
    with session(address) as owner:
        owner.execute("CREATE ROLE only_loads LOGIN IN ROLE publisher")
    try:
        loader = MartAddress(
            address.conninfo.replace("user=postgres", "user=only_loads"), address.setting, home
        )
        with pytest.raises(MartRefused, match="as a member of mart_owner"):
            upgrade(loader)
        upgrade(address)
        assert upgrade(loader).is_current
    finally:
        with session(address) as owner:
            owner.execute("DROP ROLE only_loads")


def test_views_add_up_what_is_published(address: MartAddress) -> None:
    upgrade(address)
    with session(address) as owner:
        owner.execute("SET ROLE mart_owner")
        for table in (
            "daily_summary",
            "topic_sentiment",
            "daily_trend",
            "hourly_sentiment",
            "language_sentiment",
            "weekly_sentiment",
        ):
            owner.execute("SELECT mart.begin_month(%s, '2026-02-01')", [table])
            owner.execute("SELECT mart.attach_month(%s, '2026-02-01')", [table])
        measures = (
            "posts, scored, positive, neutral, negative, sentiment_sum, sentiment_square_sum, "
            "engagement_weight, engagement_sentiment_sum, fetched_share, suppressed"
        )
        shown = "10, 4, 3, 1, 0, 8000, 20000000, 10, 50000, 1, false"
        more = "20, 6, 0, 3, 3, -3000, 30000000, 30, -10000, 0.5, false"
        hidden = "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, true"
        for date, platform, figures in (
            ("2026-02-03", "x", shown),
            ("2026-02-03", "facebook", more),
            ("2026-02-03", "linkedin", hidden),
            ("2026-02-04", "x", more),
            ("2026-02-05", "x", hidden),
        ):
            days = "2, 0, 0, 0, '{}'"
            owner.execute(
                f"INSERT INTO mart.daily_summary (date, platform, {measures}, windows_complete, "
                "windows_partial, windows_unavailable, hidden_hours, recipes) "
                f"VALUES ('{date}', '{platform}', {figures}, {days})".encode()
            )
            owner.execute(
                f"INSERT INTO mart.topic_sentiment (date, platform, topic_kind, topic, {measures}) "
                f"VALUES ('{date}', '{platform}', 'tracked', 'tea', {figures})".encode()
            )
            owner.execute(
                f"INSERT INTO mart.hourly_sentiment (date, platform, hour, {measures}) "
                f"VALUES ('{date}', '{platform}', '{date} 05:00+00', {figures})".encode()
            )
            owner.execute(
                f"INSERT INTO mart.language_sentiment (date, platform, lang, {measures}) "
                f"VALUES ('{date}', '{platform}', 'en', {figures})".encode()
            )
        owner.execute(
            "INSERT INTO mart.language_sentiment (date, platform, lang, posts, scored, "
            "sentiment_sum, sentiment_square_sum, fetched_share, suppressed) "
            "VALUES ('2026-02-04', 'x', 'af', 2, 0, 0, 0, 0.5, false)"
        )
        for date, posts in (("2026-02-04", 10), ("2026-02-08", 70), ("2026-02-09", 5)):
            owner.execute(
                "INSERT INTO mart.weekly_sentiment (date, platform, topic, week_start, days_shown, "
                f"days_hidden, posts) VALUES ('{date}', 'x', 'tea', "
                f"date_trunc('week', '{date}'::timestamp)::date, 1, 0, {posts})".encode()
            )
        owner.execute(
            "INSERT INTO mart.daily_trend (date, platform, topic, trailing_days, change, "
            "suppressed) VALUES ('2026-02-04', 'x', 'tea', 1, -0.25, false)"
        )
    with session(address, "bi_reader") as reader:
        total = (
            "platforms, hidden_platforms, posts, scored, sentiment_mean, "
            "round(sentiment_standard_error::numeric, 6), engagement_sentiment_mean, fetched_share"
        )
        for view in ("totals_by_day", "totals_by_hour", "totals_by_topic"):
            found = reader.execute(f"SELECT {total} FROM mart.{view} ORDER BY date".encode())
            first, _, last = found.fetchall()
            # (8000 - 3000) / 10 scored posts; variance (5e7 - 5000^2 / 10) / 9.
            error = round((((5e7 - 2.5e6) / 9) / 10) ** 0.5 / 10_000, 6)
            assert (*map(float, first),) == (2, 1, 30, 10, 0.05, error, 0.1, 0.5)
            assert last == (0, 1, None, None, None, None, None, 1.0)
        week = reader.execute(
            "SELECT week_start::text, days_shown, days_hidden, posts, scored, sentiment_mean, "
            "round(sentiment_standard_error::numeric, 6), engagement_sentiment_mean, days "
            "FROM mart.sentiment_by_week WHERE platform = 'x'"
        ).fetchall()
        sums = (30, 10, 0.05, Decimal(str(error)), 0.1)
        assert week == [("2026-02-02", 2, 1, *sums, 4)]
        languages = reader.execute(
            "SELECT lang, week_start::text, days_shown, days_hidden, posts, scored, "
            "sentiment_mean, round(sentiment_standard_error::numeric, 6), "
            "engagement_sentiment_mean, fetched_share "
            "FROM mart.sentiment_by_week_and_language WHERE platform = 'x' ORDER BY lang"
        ).fetchall()
        # Nothing was made of the Monday; what was fetched is the week's, not the language's.
        share = (0 + 1 + 0.5 + 1) / 4
        assert languages == [
            ("af", "2026-02-02", 1, 0, 2, 0, None, None, None, share),
            ("en", "2026-02-02", 2, 1, *sums, share),
        ]
        # The newest row of a week has what the others of it count too.
        topics = reader.execute(
            "SELECT topic, week_start::text, date::text, posts "
            "FROM mart.sentiment_by_week_and_topic ORDER BY week_start"
        ).fetchall()
        assert topics == [
            ("tea", "2026-02-02", "2026-02-08", 70),
            ("tea", "2026-02-09", "2026-02-09", 5),
        ]
        latest = reader.execute(
            "SELECT platform, date::text, posts, change FROM mart.topic_latest"
        ).fetchall()
        assert latest == [
            ("facebook", "2026-02-03", 20, None),
            ("x", "2026-02-04", 20, -0.25),
        ]


def test_a_week_is_covered_as_far_as_its_days_were_fetched(address: MartAddress) -> None:
    upgrade(address)
    with session(address) as owner:
        owner.execute("SET ROLE mart_owner")
        owner.execute("SELECT mart.begin_month('daily_summary', '2026-02-01')")
        owner.execute("SELECT mart.attach_month('daily_summary', '2026-02-01')")
        for date, platform, share in (
            # One whole day of a week that is over.
            ("2026-02-05", "x", 1.0),
            # Monday and Wednesday of the newest week; nothing was made of the Tuesday.
            ("2026-02-09", "x", 1.0),
            ("2026-02-11", "x", 0.5),
            # Its newest day is another one.
            ("2026-02-09", "facebook", 1.0),
            ("2026-02-10", "facebook", 1.0),
        ):
            owner.execute(
                "INSERT INTO mart.daily_summary (date, platform, fetched_share, suppressed, "
                "windows_complete, windows_partial, windows_unavailable, hidden_hours, recipes) "
                f"VALUES ('{date}', '{platform}', {share}, true, 0, 0, 0, 0, '{{}}')".encode()
            )
    with session(address, "bi_reader") as reader:
        weeks = reader.execute(
            "SELECT platform, week_start::text, days, fetched_share FROM mart.sentiment_by_week "
            "ORDER BY platform, week_start"
        ).fetchall()
    assert weeks == [
        ("facebook", "2026-02-09", 2, 1.0),
        ("x", "2026-02-02", 7, 1 / 7),
        ("x", "2026-02-09", 3, 0.5),
    ]


def test_everything_says_what_it_is(address: MartAddress) -> None:
    upgrade(address)
    with session(address, "publisher") as publisher:
        # What a publish adds says so too.
        publisher.execute("SELECT mart.begin_month('daily_trend', '2026-02-01')")
        publisher.execute("SELECT mart.attach_month('daily_trend', '2026-02-01')")
    with session(address, "bi_reader") as reader:
        untold = reader.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'mart'::regnamespace "
            "AND relkind IN ('r', 'p', 'v') AND NOT relispartition "
            "AND obj_description(oid, 'pg_class') IS NULL"
        ).fetchall()
        columns = reader.execute(
            "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE c.relnamespace = 'mart'::regnamespace AND c.relkind IN ('r', 'p', 'v') "
            "AND a.attnum > 0 AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL"
        ).fetchall()
        views = reader.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'mart'::regnamespace "
            "AND relkind = 'v' ORDER BY 1"
        ).fetchall()
        column = reader.execute(
            "SELECT col_description('mart.hourly_sentiment'::regclass, attnum) FROM pg_attribute "
            "WHERE attrelid = 'mart.hourly_sentiment'::regclass AND attname = 'posts'"
        ).fetchone()
    assert untold == []
    assert columns == []
    assert tuple(name for (name,) in views) == VIEWS
    assert column == (HOURLY_SENTIMENT.column("posts").description,)


def test_the_steps_stand_in_a_row() -> None:
    config: Config = mart_schema._config()
    assert _head(config).isdigit()
    files = sorted(path.name[:9] for path in (mart_schema._SCRIPTS / "versions").glob("step_*"))
    assert files == [f"step_{number:04d}" for number in range(1, int(_head(config)) + 1)]


def _head(config: Config | None = None) -> str:
    return str(ScriptDirectory.from_config(config or mart_schema._config()).get_current_head())


def test_errors_of_sqlalchemy_are_unwrapped(address: MartAddress) -> None:
    with (
        connect(address) as connection,
        pytest.raises(psycopg.errors.UndefinedTable),
        mart_schema._as_psycopg(),
        mart_schema._engine(connection).connect() as session,
    ):
        session.execute(sa.text("SELECT * FROM mart.nothing"))
