"""Where the book of alerts is kept: on a real PostgreSQL, in a file, in memory."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from resources.alert_store import (
    AlertStore,
    AlertStoreUnreachable,
    FileStore,
    MemoryStore,
    PostgresStore,
)
from resources.embedded_postgres import embedded_postgres
from sentiment_assets.core.alerts import Book, Silence

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = embedded_postgres(tmp_path_factory.mktemp("home"))
    yield str(server.get_uri(driver="psycopg2"))
    server.cleanup()


@pytest.fixture(params=["postgres", "file", "memory"])
def open_store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[], AlertStore]]:
    """A fresh place; each call opens it anew, as another process would."""
    if request.param == "memory":
        memory = MemoryStore()
        yield lambda: memory
    elif request.param == "file":
        yield lambda: FileStore(tmp_path / "folder" / "book.json")
    else:
        url = request.getfixturevalue("database")
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE IF EXISTS sentiment_alerts"))
        stores: list[PostgresStore] = []

        def opened() -> PostgresStore:
            stores.append(PostgresStore(url))
            return stores[-1]

        yield opened
        for store in stores:
            store.close()


def count(book: Book, _now: dt.datetime) -> tuple[Book, int]:
    """One more."""
    counted = book.cursors.get("count", 0) + 1
    return replace(book, cursors={"count": counted}), counted


def read(store: AlertStore) -> Book:
    return store.change(lambda book, _: (book, book))


def test_a_new_place_holds_an_empty_book(open_store: Callable[[], AlertStore]) -> None:
    assert read(open_store()) == Book()


def test_a_change_is_there_for_whoever_opens_it_next(
    open_store: Callable[[], AlertStore],
) -> None:
    def silence(book: Book, now: dt.datetime) -> tuple[Book, None]:
        assert now.utcoffset() == dt.timedelta()
        assert abs(now - dt.datetime.now(dt.timezone.utc)) < dt.timedelta(minutes=1)
        quiet = Silence("quota_low:*", now, now + dt.timedelta(hours=2), "caf\u00e9")
        return replace(book, silences=(quiet,)), None

    store = open_store()
    store.change(silence)
    book = read(open_store())
    assert book.silences[0].reason == "caf\u00e9"
    assert book == read(store)


def test_a_change_that_fails_changes_nothing(open_store: Callable[[], AlertStore]) -> None:
    def fail(book: Book, _now: dt.datetime) -> tuple[Book, None]:
        raise RuntimeError("in the middle")

    open_store().change(count)
    with pytest.raises(RuntimeError):
        open_store().change(fail)
    assert open_store().change(count) == 2


def test_changes_at_once_are_all_there(open_store: Callable[[], AlertStore]) -> None:
    """Also the first ones, that make the table."""

    def work() -> None:
        store = open_store()
        for _ in range(20):
            store.change(count)

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(open_store()).cursors == {"count": 100}


def test_a_book_of_another_version_begins_anew(database: str, tmp_path: Path) -> None:
    path = tmp_path / "book.json"
    path.write_text('{"open": 7}')
    assert read(FileStore(path)) == Book()
    store = PostgresStore(database)
    store.change(count)
    with store._engine.begin() as connection:
        connection.execute(sa.text("UPDATE sentiment_alerts SET book = '{\"open\": 7}'"))
    assert store.change(count) == 1
    store.close()


def test_a_killed_holder_holds_nothing(database: str) -> None:
    """A process that dies in the middle of a change leaves neither half of it nor its lock."""
    program = (
        "import os, sys, time\n"
        "from resources.alert_store import PostgresStore\n"
        "def step(book, now):\n"
        "    print('held', flush=True); time.sleep(60); return book, None\n"
        f"PostgresStore({database!r}).change(step)\n"
    )
    store = PostgresStore(database)
    store.change(count)
    holder = subprocess.Popen(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(AlertStoreUnreachable, match="QueryCanceled"):
        store.change(count)
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert store.change(count) >= 2
    store.close()


def test_a_lost_database_is_told_in_one_line_without_its_address() -> None:
    store = PostgresStore("postgresql+psycopg2://me:hush-hush@127.0.0.1:9/nowhere")
    with pytest.raises(AlertStoreUnreachable, match=r"SENTIMENT_POSTGRES_URL") as error:
        read(store)
    assert "hush" not in f"{error.value}{error.value.__cause__}{error.value.__context__}{store!r}"


def test_a_file_is_for_this_account_alone_and_says_when_it_cannot_be_written(
    tmp_path: Path,
) -> None:
    store = FileStore(tmp_path / "home" / "watch.json")
    store.change(count)
    assert (tmp_path / "home" / "watch.json").stat().st_mode & 0o777 == 0o600
    (tmp_path / "file").write_text("")
    with pytest.raises(AlertStoreUnreachable, match="check SENTIMENT_HOME"):
        FileStore(tmp_path / "file" / "watch.json").change(count)
