"""Rows are added to a table once for each number of a writer, whoever dies when."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sentiment_assets.lake.objects import Lake, ObjectStore
from sentiment_assets.lake.tables import (
    AuditFailed,
    Commit,
    CommitConflict,
    ContractViolation,
    OutcomeUnknown,
    Table,
)
from sentiment_assets_tests.lake.example_table import NOTES, notes, partition


def add(table: Table, number: int, window: str = "0800", rows: int = 3, who: str = "w") -> Commit:
    with table.add("run", who, number) as addition:
        addition.write(partition(window), [notes(rows, start=number * 100)])
        return addition.commit()


def height(table: Table) -> int:
    return table.scan().collect().height


def test_rows_are_added_to_those_that_stand(lake: Lake) -> None:
    table = lake.table(NOTES)
    assert table.added("w") is None
    commits = [add(table, 0), add(table, 1), add(table, 2, "1000")]
    assert height(table) == 9
    assert [commit.replaced_files for commit in commits] == [0, 0, 0]
    assert table.added("w") == 2
    # Additions say nothing of what a partition was made of.
    assert table.fingerprint(partition()) is None


def test_a_number_is_added_once(lake: Lake) -> None:
    table = lake.table(NOTES)
    add(table, 5)
    for number in (5, 4):
        with pytest.raises(CommitConflict, match=f"number {number} of w was added before"):
            add(table, number)
    assert height(table) == 3
    add(table, 0, who="another")
    assert height(table) == 6
    assert (table.added("w"), table.added("another")) == (5, 0)


def test_of_two_at_once_one_is_added(table: Table) -> None:
    first, second = table.add("one", "w", 7), table.add("two", "w", 7)
    for addition in (first, second):
        addition.write(partition(), [notes(3, start=700)])
    first.commit()
    with pytest.raises(CommitConflict):
        second.commit()
    assert height(table) == 3
    stored = [o for o in table.lake.objects.list(table.root) if o.path.endswith(".parquet")]
    assert len(stored) == 1, "the other's file went with it"


def test_writers_side_by_side_lose_nothing(table: Table) -> None:
    add(table, 0)

    def write(who: str) -> None:
        for number in range(5):
            add(table, number, who=who)

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(write, ["a", "b", "c"]))
    assert height(table) == 3 * 16


def test_an_addition_and_a_replacement_go_by_the_log(table: Table) -> None:
    """Who replaces a partition began with fewer rows than stand there: it does it again."""
    add(table, 0)
    replacement = table.begin([partition()], "upkeep")
    add(table, 1)
    replacement.write(partition(), [notes(1)])
    with pytest.raises(CommitConflict):
        replacement.commit()
    addition = table.add("run", "w", 2)
    addition.write(partition(), [notes(3, start=200)])
    with table.begin([partition()], "upkeep") as other:
        other.write(partition(), [notes(1, start=900)])
        other.commit()
    addition.commit()
    assert height(table) == 4


def test_a_commit_whose_answer_is_lost_is_found_in_the_log(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(table, 0)
    addition = table.add("run", "w", 1)
    addition.write(partition(), [notes(3, start=100)])

    def lost(self: ObjectStore, path: str) -> Any:
        raise TimeoutError("no answer")

    with monkeypatch.context() as cut:
        cut.setattr(ObjectStore, "get", lost)
        with pytest.raises(OutcomeUnknown, match="nothing is added twice"):
            addition.commit()
    assert table.added("w") == 1
    assert height(table) == 6


def test_additions_are_audited(table: Table) -> None:
    twice = table.add("run", "w", 0)
    twice.write(partition(), [notes(3), notes(3)])
    with pytest.raises(AuditFailed):
        twice.commit()
    other = table.add("run", "w", 0)
    with pytest.raises(ContractViolation):
        other.write(partition(), [notes(3).drop("note")])
    assert not table.live_files()


def test_the_writer_is_known_after_a_checkpoint(table: Table) -> None:
    add(table, 3)
    assert table.checkpoint() is not None
    assert table.added("w") == 3
    with pytest.raises(CommitConflict):
        add(table, 3)


def test_run_ids_stand_in_names(table: Table) -> None:
    with pytest.raises(ValueError, match="can't stand in a file name"):
        table.add("a/b", "w", 0)
