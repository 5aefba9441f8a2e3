from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from resources.api_clients.errors import RateLimited, TransientApiError
from resources.api_clients.http import Allowance, HttpApi
from resources.rate_budget import (
    Bucket,
    BudgetUnreachable,
    LocalBudget,
    SharedBudget,
    budgets_left,
    digest,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
TOKEN = "AAAA-a-token-that-nobody-may-read-0123456789"


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def bucket(tokens: float, capacity: int = 12) -> Bucket:
    """Twelve requests a minute: one in five seconds, four of them for urgent callers."""
    return Bucket(capacity, timedelta(minutes=1), tokens, NOW)


# The arithmetic


@pytest.mark.parametrize(
    ("tokens", "urgent", "left", "wait"),
    [
        pytest.param(12, True, 11, 0, id="full"),
        pytest.param(1, True, 0, 0, id="the last one is for urgent callers"),
        pytest.param(0, True, 0, 5, id="empty"),
        pytest.param(0.75, True, 0.75, 1.25, id="a part of one is none"),
        pytest.param(5, False, 4, 0, id="a backfill down to the reserve"),
        pytest.param(4.5, False, 4.5, 2.5, id="not into it"),
        pytest.param(0, False, 0, 25, id="it waits until the reserve is full again"),
        pytest.param(0.999, True, 0.999, 0.05, id="never for so short that it would be polling"),
    ],
)
def test_take(tokens: float, urgent: bool, left: float, wait: float) -> None:
    after, waited = bucket(tokens).take(NOW, urgent=urgent)
    assert (after.tokens, waited) == (pytest.approx(left), pytest.approx(wait))


@pytest.mark.parametrize("capacity", [1, 2, 3, 450])
def test_every_full_bucket_grants_a_backfill_something(capacity: int) -> None:
    assert bucket(capacity, capacity).take(NOW, urgent=False)[1] == 0.0


@pytest.mark.parametrize(
    ("seconds", "tokens"),
    [
        pytest.param(0, 2, id="at once"),
        pytest.param(7.5, 3.5, id="evenly"),
        pytest.param(3600, 12, id="never more than it holds"),
        pytest.param(-2, 2, id="an earlier moment that comes later"),
    ],
)
def test_refill(seconds: float, tokens: float) -> None:
    assert bucket(2).at(later(seconds)).tokens == tokens


def test_moments_in_the_wrong_order_refill_nothing_twice() -> None:
    moments = [5, 1, 6, 2, 10]
    filled = bucket(0)
    for seconds in moments:
        filled = filled.at(later(seconds))
    assert (filled.tokens, filled.as_of) == (2, later(10))


def test_a_clock_that_was_a_day_ahead_does_not_stop_the_refill_for_a_day() -> None:
    mended = bucket(3).at(NOW - timedelta(days=1))
    assert mended.tokens == 3
    assert mended.at(mended.as_of + timedelta(seconds=5)).tokens == 4


RESET = later(30)


@pytest.mark.parametrize(
    ("allowance", "left"),
    [
        pytest.param(Allowance(12, 2, None, RESET), 2, id="others use the credential"),
        pytest.param(Allowance(12, 11, None, RESET), 8, id="more is no reason to grant more"),
        pytest.param(Allowance(24, 6, None, RESET), 6, id="a setting below the limit"),
        pytest.param(Allowance(24, 20, None, RESET), 8, id="a setting that leaves the rest"),
        pytest.param(Allowance(6, 3, None, RESET), 6, id="the share of a smaller plan"),
        pytest.param(Allowance(None, 3, None, RESET), 3, id="no limit told"),
        pytest.param(Allowance(used_share=0.75), 3, id="a percentage"),
        pytest.param(Allowance(used_share=0.25), 8, id="a percentage with more"),
        pytest.param(Allowance(used_share=1.5), 0, id="beyond what there is"),
        pytest.param(Allowance(12, 0, None, later(-1)), 8, id="of a period that is over"),
        pytest.param(Allowance(), 8, id="nothing told"),
    ],
)
def test_the_api_lowers_the_bucket_and_never_raises_it(allowance: Allowance, left: float) -> None:
    assert bucket(8).told(allowance, NOW).tokens == left


def test_nobody_asks_before_the_api_counts_anew() -> None:
    refused = bucket(8).told(Allowance(12, 0, None, RESET), NOW)
    after, wait = refused.take(later(10), urgent=True)
    assert wait == 20
    assert after.take(RESET, urgent=True)[1] == 0.0, "30 seconds refilled six"


def test_a_refusal_holds_for_one_period_and_an_older_one_does_not_shorten_it() -> None:
    refused = bucket(8).told(Allowance(used_share=1.0, reset_at=later(86_400)), NOW)
    assert refused.resumes_at == later(60)
    again = refused.told(Allowance(12, 0, None, later(20)), NOW)
    assert again.resumes_at == later(60)


def test_other_settings_grant_nothing_anew() -> None:
    assert bucket(3).resized(450, HOUR).tokens == 3
    assert bucket(8).resized(5, HOUR).tokens == 5


@pytest.mark.parametrize(("requests", "period"), [(0, HOUR), (5, timedelta())])
def test_a_bucket_that_grants_nothing_is_refused(requests: int, period: timedelta) -> None:
    with pytest.raises(ValueError, match="for example: 450 in 15 minutes"):
        LocalBudget(requests, period)


# One process


def test_a_local_budget_follows_its_clock() -> None:
    now = [NOW]
    budget = LocalBudget(3, timedelta(seconds=3), clock=lambda: now[0])
    assert [budget.take() for _ in range(4)] == [0, 0, 0, 1]
    now[0] = later(1)
    assert budget.take() == 0
    now[0] = later(3)
    budget.observe(Allowance(3, 0, None, later(5)))
    assert budget.take() == 2


def test_threads_share_a_local_budget() -> None:
    budget = LocalBudget(100, HOUR, clock=lambda: NOW)
    granted: list[float] = []
    threads = [
        threading.Thread(target=lambda: granted.extend(budget.take() for _ in range(50)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert granted.count(0.0) == 100


# The instance's database


class Database:
    """The embedded PostgreSQL of a home, as the instance starts it."""

    def __init__(self, home: Path) -> None:
        # Imported here: Dagster alone takes a second.
        from resources.embedded_postgres import embedded_postgres

        self._server = embedded_postgres(home)
        self.url = str(self._server.get_uri(driver="psycopg2"))

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def end(self) -> None:
        self._server.cleanup()

    def run(self, statement: str) -> list[Any]:
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            result = connection.execute(sa.text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []

    def age(self, seconds: float) -> None:
        """What waiting would do."""
        self.run(
            "UPDATE sentiment_rate_budgets SET "
            f"as_of = as_of - interval '{seconds} seconds', "
            f"resumes_at = resumes_at - interval '{seconds} seconds'"
        )


@pytest.fixture(scope="module")
def _database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(tmp_path_factory.mktemp("home"))
    yield database
    database.end()


@pytest.fixture
def database(_database: Database) -> Database:
    """Without any table of ours."""
    _database.run("DROP TABLE IF EXISTS sentiment_rate_budgets")
    return _database


Open = Callable[..., SharedBudget]


@pytest.fixture
def open_budget(database: Database) -> Iterator[Open]:
    opened: list[SharedBudget] = []

    def open_one(
        *,
        urgent: bool = True,
        requests: int = 12,
        period: timedelta = HOUR,
        platform: str = "x",
        credential: str = TOKEN,
    ) -> SharedBudget:
        opened.append(SharedBudget(database.url, platform, credential, requests, period, urgent))
        return opened[-1]

    yield open_one
    for budget in opened:
        budget.close()


def drain(budget: SharedBudget) -> int:
    """How many it grants until it says to wait."""
    granted = 0
    while budget.take() == 0.0:
        granted += 1
    return granted


def test_a_backfill_that_drains_the_bucket_leaves_the_urgent_share(open_budget: Open) -> None:
    backfill, scheduled = open_budget(urgent=False), open_budget(urgent=True)
    assert drain(backfill) == 8
    assert drain(scheduled) == 4
    wait = backfill.take()
    assert 5 * 300 - 20 < wait <= 5 * 300, "one in 300 s, and the reserve first"
    assert scheduled.take() <= 300


def test_it_refills_by_the_clock_of_the_database(database: Database, open_budget: Open) -> None:
    budget = open_budget()
    drain(budget)
    database.age(650)
    assert drain(budget) == 2


def test_waiting_as_long_as_it_says_is_enough(open_budget: Open) -> None:
    budget = open_budget(requests=2, period=timedelta(seconds=0.6))
    drain(budget)
    started = time.monotonic()
    asked = 0
    while (wait := budget.take()) > 0:
        asked += 1
        time.sleep(wait)
    assert asked <= 2
    assert time.monotonic() - started < 10


def test_each_platform_and_each_credential_has_its_own(open_budget: Open) -> None:
    assert drain(open_budget()) == 12
    assert drain(open_budget(credential="another")) == 12
    assert drain(open_budget(platform="facebook")) == 12


CALLER = """
import sys
from datetime import timedelta
from resources.rate_budget import SharedBudget
url, urgent = sys.argv[1:]
budget = SharedBudget(url, "x", sys.stdin.readline().strip(), 60, timedelta(hours=1), urgent == "y")
print("ready", flush=True)
sys.stdin.readline()
print(sum(budget.take() == 0.0 for _ in range(40)))
"""


def test_processes_that_take_at_once_never_exceed_the_bucket(database: Database) -> None:
    callers = [
        subprocess.Popen(
            [sys.executable, "-c", CALLER, database.url, urgent],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for urgent in ("n", "n", "y", "y")
    ]
    for caller in callers:
        assert caller.stdin
        caller.stdin.write(TOKEN + "\n")
        caller.stdin.flush()
    for caller in callers:
        assert caller.stdout
        assert caller.stdout.readline() == "ready\n"
    # All start together, where there is neither a table nor a row.
    for caller in callers:
        assert caller.stdin
        caller.stdin.write("go\n")
        caller.stdin.flush()
    granted = [int(caller.communicate(timeout=60)[0]) for caller in callers]
    assert [caller.returncode for caller in callers] == [0, 0, 0, 0]
    # Both urgent ones asked for 80 in all: whatever the others got, nothing is left over.
    assert sum(granted) == 60
    assert sum(granted[:2]) <= 40


def test_many_make_the_table_at_once(database: Database, open_budget: Open) -> None:
    for _ in range(5):
        database.run("DROP TABLE IF EXISTS sentiment_rate_budgets")
        budgets = [open_budget() for _ in range(6)]
        start = threading.Barrier(len(budgets))
        taken: list[float] = []

        def take(
            budget: SharedBudget,
            start: threading.Barrier = start,
            taken: list[float] = taken,
        ) -> None:
            start.wait()
            taken.append(budget.take())

        threads = [threading.Thread(target=take, args=(budget,)) for budget in budgets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert taken == [0.0] * 6
        assert [left.left for left in budgets_left(database.url)] == [6]


def test_what_the_api_says_reaches_everybody(database: Database, open_budget: Open) -> None:
    one, other = open_budget(), open_budget()
    one.take()
    reset_at = datetime.now(timezone.utc) + timedelta(minutes=10)
    one.observe(Allowance(12, 3, None, reset_at))
    assert drain(other) == 3
    one.observe(Allowance(12, 0, None, reset_at))
    assert 590 < other.take() <= 600
    (left,) = budgets_left(database.url)
    assert (left.left, left.left_for_backfills) == (0, 0)
    assert left.resumes_at is not None
    assert abs(left.resumes_at - reset_at) < timedelta(seconds=1)
    database.age(600)
    assert drain(other) == 2, "600 s refilled two"


def test_other_settings_hold_from_the_next_request_on(
    database: Database, open_budget: Open
) -> None:
    assert drain(open_budget()) == 12
    raised = open_budget(requests=36)
    assert raised.take() > 0
    database.age(300)
    assert drain(raised) == 3
    (left,) = budgets_left(database.url)
    assert left.capacity == 36


def test_a_restart_keeps_the_bucket(tmp_path: Path) -> None:
    database = Database(tmp_path)
    budget = SharedBudget(database.url, "x", TOKEN, 12, HOUR, urgent=True)
    try:
        for _ in range(7):
            budget.take()
        database.stop()
        started = time.monotonic()
        with pytest.raises(BudgetUnreachable, match="SENTIMENT_POSTGRES_URL") as lost:
            budget.take()
        with pytest.raises(BudgetUnreachable):
            budgets_left(database.url)
        assert time.monotonic() - started < 5
        assert isinstance(lost.value, TransientApiError)
        assert lost.value.retryable
        assert str(tmp_path) not in str(lost.value)
        database.start()
        # The connection of before is dead; nobody notices.
        assert drain(budget) == 5
    finally:
        budget.close()
        database.end()


def test_a_locked_row_keeps_a_request_only_a_while(database: Database, open_budget: Open) -> None:
    budget = open_budget()
    budget.take()
    engine = sa.create_engine(database.url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT * FROM sentiment_rate_budgets FOR UPDATE"))
        started = time.monotonic()
        with pytest.raises(BudgetUnreachable, match="QueryCanceled"):
            budget.take()
        assert time.monotonic() - started < 5
    assert budget.take() == 0.0


def test_a_host_that_never_answers_keeps_a_request_only_a_while() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        budget = SharedBudget(
            f"postgresql://user@127.0.0.1:{port}/none", "x", TOKEN, 12, HOUR, True
        )
        started = time.monotonic()
        with pytest.raises(BudgetUnreachable, match="OperationalError"):
            budget.take()
        assert time.monotonic() - started < 5


def test_an_answer_is_kept_where_its_allowance_can_not_be_noted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    budget = SharedBudget(
        "postgresql+psycopg2://user:secret@127.0.0.1:1/none", "x", TOKEN, 12, HOUR, urgent=True
    )
    budget.observe(Allowance(12, 3))
    (record,) = caplog.records
    assert "rate budget of x: the instance's database did not answer" in record.getMessage()
    assert "secret" not in caplog.text + repr(budget)
    assert TOKEN not in caplog.text + repr(budget)


def test_the_database_knows_no_token(database: Database, open_budget: Open) -> None:
    open_budget().take()
    told = json.dumps(database.run("SELECT t::text FROM sentiment_rate_budgets t"), default=str)
    assert digest(TOKEN) in told
    assert TOKEN not in told
    assert TOKEN[:8] not in told
    assert TOKEN not in repr(vars(open_budget()))


def test_budgets_left(database: Database, open_budget: Open) -> None:
    assert budgets_left(database.url) == []
    of_x = open_budget()
    for _ in range(7):
        of_x.take()
    open_budget(platform="facebook", requests=200).take()
    facebook, x = budgets_left(database.url)
    assert (facebook.platform, facebook.left, facebook.capacity) == ("facebook", 199, 200)
    assert (x.left, x.left_for_backfills, x.capacity, x.period) == (5, 1, 12, HOUR)
    assert x.credential == digest(TOKEN)
    assert timedelta(minutes=34) < x.full_at - x.as_of <= timedelta(minutes=35)
    assert x.as_of.utcoffset() == timedelta()
    assert x.resumes_at is None
    database.age(8 * 86_400)
    of_x.take()
    assert [left.platform for left in budgets_left(database.url)] == ["x"]


# Before real requests


@pytest.fixture
def api() -> Iterator[tuple[str, list[str]]]:
    """An API that answers everything, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args: object) -> None:
            """Quiet: pytest's output is for failures."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}", asked
    httpd.shutdown()
    httpd.server_close()


def client(url: str, budget: SharedBudget, slept: list[float], max_wait_s: float) -> HttpApi:
    return HttpApi(
        url,
        TOKEN,
        max_wait_s=max_wait_s,
        refusal=lambda response, where: None,
        allowance=lambda headers: None,
        budget=budget,
        sleep=slept.append,
    )


def get(api: HttpApi, path: str) -> httpx.Response:
    return api.get(path, {}, path, lambda response: response)


def test_requests_of_a_backfill_end_where_those_of_the_schedule_go_on(
    api: tuple[str, list[str]], open_budget: Open
) -> None:
    url, asked = api
    slept: list[float] = []
    backfill = client(url, open_budget(urgent=False), slept, max_wait_s=0)
    scheduled = client(url, open_budget(urgent=True), slept, max_wait_s=0)
    for _ in range(8):
        get(backfill, "/backfill")
    with pytest.raises(RateLimited):
        get(backfill, "/backfill")
    for _ in range(4):
        get(scheduled, "/scheduled")
    with pytest.raises(RateLimited):
        get(scheduled, "/scheduled")
    assert asked == ["/backfill"] * 8 + ["/scheduled"] * 4
    backfill.close()
    scheduled.close()


def test_without_the_database_nothing_is_requested(api: tuple[str, list[str]]) -> None:
    url, asked = api
    slept: list[float] = []
    nowhere = SharedBudget(
        "postgresql+psycopg2://user@127.0.0.1:1/none", "x", TOKEN, 12, HOUR, urgent=True
    )
    waiting = client(url, nowhere, slept, max_wait_s=960)
    with pytest.raises(BudgetUnreachable):
        get(waiting, "/any")
    assert (asked, len(slept)) == ([], 5), "tried again, and given up"
    waiting.close()
