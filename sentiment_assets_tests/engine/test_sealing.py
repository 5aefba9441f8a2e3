"""Sealed dates: silver stays as it is, late posts go to quarantine and are counted once."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiment_assets.checks import _conservation
from sentiment_assets.core import layout
from sentiment_assets.core.layout import Window
from sentiment_assets.core.quality import Conservation
from sentiment_assets.core.seals import Seal
from sentiment_assets.core.silver import SilverRules
from sentiment_assets.engine import sealing
from sentiment_assets.engine.in_process import build_silver
from sentiment_assets.engine.sealing import NotSealable, open_partition, seal_partition
from sentiment_assets.engine.staleness import behind
from sentiment_assets.lake.bronze import read_partition
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.seals import read_seals
from sentiment_assets.lake.tables import CommitConflict
from sentiment_assets_tests.bronze_records import DAY, RULES, at, line, payload, store
from sentiment_assets_tests.engine.test_in_process import OTHER_RULES, morning
from sentiment_assets_tests.silver_of_a_lake import (
    commit,
    counted,
    files,
    posts,
    quarantine,
    rebuild,
    rebuilt,
)

MORNING, NOON = Window(DAY, "0800"), Window(DAY, "1200")
SEALED_AT = at(24 * 400)


def seal(lake: Lake) -> Seal:
    return seal_partition(
        lake, DAY, RULES, now=SEALED_AT, reason="retention of bronze", run_id="seal"
    )


def names_behind(lake: Lake, rules: SilverRules = RULES) -> list[str]:
    found = behind(lake, [read_partition(lake, DAY)], rules)
    return [window.name for windows in found.values() for window in windows.windows]


def late(lake: Lake, window: Window, count: int, hour: float) -> None:
    start = window.start.hour
    records = [line(payload(start + 0.5, 50 + n), at(hour)) for n in range(count)]
    store(lake, window, records, at(hour))


def remove_bronze(lake: Lake) -> None:
    """What retention will do."""
    stored = lake.objects.list(f"{layout.BATCH_POSTS}/{DAY.folder}")
    lake.objects.delete([o.path for o in stored if not o.path.endswith(layout.SEAL)])


@pytest.fixture
def built(lake: Lake) -> Lake:
    store(lake, MORNING, [*morning(3), *morning(1), b"{"], at(10.1))
    rebuild(lake)
    return lake


@pytest.fixture
def sealed(built: Lake) -> Lake:
    seal(built)
    return built


def test_a_seal_says_what_silver_has(sealed: Lake) -> None:
    (found,) = read_seals(sealed)
    assert (found.partition, found.sealed_at, found.records) == (DAY, SEALED_AT, 5)
    assert found.reason == "retention of bronze"
    coverage = read_partition(sealed, DAY).coverage
    assert {w.name: c.state for w, c in coverage.items() if c.state} == {"0800": "complete"}
    # It outlives what it tells of.
    remove_bronze(sealed)
    assert read_partition(sealed, DAY).coverage == coverage


def test_nothing_is_rebuilt_any_more(sealed: Lake) -> None:
    rows, before = posts(sealed), files(sealed)
    for rules in (RULES, OTHER_RULES):
        assert names_behind(sealed, rules) == []
        assert rebuilt(rebuild(sealed, rules=rules)) == []
        assert rebuilt(rebuild(sealed, rules=rules, force=True)) == []
    remove_bronze(sealed)
    assert rebuilt(rebuild(sealed, force=True)) == []
    assert_frame_equal(posts(sealed), rows)
    assert files(sealed) == before


def test_late_posts_go_to_quarantine_once(sealed: Lake) -> None:
    rows, before = posts(sealed), quarantine(sealed)
    late(sealed, MORNING, 2, hour=9000)
    late(sealed, NOON, 1, hour=9000)
    assert names_behind(sealed) == ["0800", "1200"]
    build = rebuild(sealed)
    assert counted(build) == Conservation(records=3, sealed=3)
    assert str(counted(build)).endswith("+ 0 quarantined + 3 after the date was sealed")
    assert rebuilt(rebuild(sealed, force=True)) == []
    late(sealed, MORNING, 4, hour=9002)
    rebuild(sealed)
    refused = quarantine(sealed).filter(pl.col("reason_code") == "sealed_date")
    assert sorted(refused["record_count"]) == [1, 2, 4]
    assert_frame_equal(quarantine(sealed).filter(pl.col("reason_code") != "sealed_date"), before)
    assert_frame_equal(posts(sealed), rows)


def test_the_check_of_conservation_holds_all_along(sealed: Lake) -> None:
    def verdict() -> str:
        found = _conservation(sealed, DAY, RULES)
        assert found.passed, found.sentence
        return found.sentence

    plain = "5 records in = 3 rows + 1 duplicates + 1 quarantined"
    assert verdict() == plain
    late(sealed, MORNING, 2, hour=9000)
    assert verdict() == plain
    rebuild(sealed)
    with_late = "7 records in = 3 rows + 1 duplicates + 1 quarantined + 2 after the date was sealed"
    assert verdict() == with_late
    remove_bronze(sealed)
    assert verdict() == with_late
    late(sealed, NOON, 1, hour=9002)
    rebuild(sealed)
    assert verdict().startswith("8 records in = 3 rows")


@pytest.mark.parametrize("lost", ["row", "refusal"])
def test_the_check_of_conservation_still_sees_a_loss(sealed: Lake, lost: str) -> None:
    from deltalake import DeltaTable

    from sentiment_assets.core.contracts import SILVER_POSTS, SILVER_QUARANTINE

    late(sealed, MORNING, 2, hour=9000)
    rebuild(sealed)
    if lost == "row":
        pid = posts(sealed)["post_pid"][0]
        DeltaTable(sealed.table(SILVER_POSTS).uri).delete(f"post_pid = '{pid}'")
    else:
        uri = sealed.table(SILVER_QUARANTINE).uri
        DeltaTable(uri).delete("reason_code = 'sealed_date'")
    assert not _conservation(sealed, DAY, RULES).passed


def test_what_landed_during_a_rebuild_waits_and_is_no_loss(built: Lake) -> None:
    store(built, MORNING, morning(2, start=10, fetched=12.1), at(12.1))
    verdict = _conservation(built, DAY, RULES)
    assert verdict.passed
    assert verdict.sentence.endswith("; 2 that came since wait for the next rebuild")
    rebuild(built)
    assert _conservation(built, DAY, RULES).sentence.startswith("7 records in = 5 rows")


def test_silver_that_is_behind_cannot_be_sealed(built: Lake) -> None:
    store(built, MORNING, morning(1, start=10, fetched=12.1), at(12.1))
    with pytest.raises(NotSealable, match=r"behind .* in 1 windows, from 0800 on"):
        seal(built)
    assert read_seals(built) == []
    rebuild(built)
    assert seal(built).records == 6


def test_bronze_that_cannot_be_read_is_not_sealed(built: Lake) -> None:
    (path,) = [o.path for o in built.objects.list("bronze") if "manifest" in o.path]
    built.objects.put(path, b"{")
    with pytest.raises(NotSealable, match="1 manifests cannot be read"):
        seal(built)


def test_a_damaged_seal_stops_rebuilds_and_is_told(sealed: Lake) -> None:
    path = layout.seal_object(DAY)
    sound = sealed.objects.get(path)
    rows = posts(sealed)
    sealed.objects.put(path, sound[:-9])
    remove_bronze(sealed)
    late(sealed, MORNING, 1, hour=9000)
    assert rebuilt(rebuild(sealed, force=True)) == []
    assert_frame_equal(posts(sealed), rows)
    verdict = _conservation(sealed, DAY, RULES)
    assert not verdict.passed
    assert path in verdict.sentence


def test_sealing_again_changes_nothing(sealed: Lake) -> None:
    first = read_seals(sealed)
    late(sealed, MORNING, 1, hour=9000)
    again = seal_partition(
        sealed, DAY, RULES, now=SEALED_AT + dt.timedelta(1), reason="other", run_id="again"
    )
    assert [again] == first == read_seals(sealed)


def test_a_rebuild_that_began_before_the_seal_conflicts(built: Lake) -> None:
    store(built, NOON, [], at(14.1))
    rebuild(built)
    late(built, MORNING, 1, hour=12.2)
    slow = build_silver(built, [DAY], RULES, run_id="slow")
    # The late object is taken away for a moment: sealing sees silver that has everything.
    taken = [o for o in built.objects.list(layout.batch_folder(MORNING)) if "T1212" in o.path]
    kept = {stored.path: built.objects.get(stored.path) for stored in taken}
    built.objects.delete(kept)
    seal(built)
    for path, data in kept.items():
        built.objects.put(path, data)
    with pytest.raises(CommitConflict):
        commit(slow)
    assert counted(rebuild(built)) == Conservation(records=1, sealed=1)
    assert posts(built).height == 3


def test_a_rebuild_that_commits_during_the_sealing_is_in_the_seal(
    built: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, came = sealing.write_seal, []

    def write_while_another_commits(lake: Lake, written: Seal) -> None:
        if not came:
            came.append(1)
            late(lake, MORNING, 1, hour=12.2)
            rebuild(lake)
        write(lake, written)

    monkeypatch.setattr(sealing, "write_seal", write_while_another_commits)
    assert seal(built).records == 6
    assert _conservation(built, DAY, RULES).passed
    assert posts(built).height == 4


def test_a_seal_can_be_opened_while_bronze_is_whole(sealed: Lake) -> None:
    late(sealed, MORNING, 2, hour=9000)
    rebuild(sealed)
    open_partition(sealed, DAY)
    assert names_behind(sealed) == ["0800"]
    rebuild(sealed)
    assert posts(sealed).height == 5
    assert "sealed_date" not in quarantine(sealed)["reason_code"].to_list()
    with pytest.raises(NotSealable, match="not sealed"):
        open_partition(sealed, DAY)


def test_a_seal_stays_when_bronze_is_gone(sealed: Lake) -> None:
    remove_bronze(sealed)
    with pytest.raises(NotSealable, match="1 of its bronze objects are gone"):
        open_partition(sealed, DAY)
    assert len(read_seals(sealed)) == 1
