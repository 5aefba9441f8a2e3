"""Bronze to silver on a real lake: what is rebuilt, what is kept, what is lost to damage."""

from __future__ import annotations

import dataclasses
import gzip
import random
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiment_assets.core import layout
from sentiment_assets.core.layout import PostPartition, Window
from sentiment_assets.core.pii.pseudonyms import Rotation
from sentiment_assets.core.quality import Conservation
from sentiment_assets.core.silver import SilverRules
from sentiment_assets.core.tracking import Topic
from sentiment_assets.engine import in_process, window
from sentiment_assets.engine.in_process import Budget, build_silver
from sentiment_assets.engine.staleness import behind
from sentiment_assets.lake import bronze
from sentiment_assets.lake.bronze import UnreadableObject
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.tables import CommitConflict
from sentiment_assets_tests.bronze_records import DAY, RULES, at, line, payload, snowflake, store
from sentiment_assets_tests.silver_of_a_lake import (
    assert_conserved,
    commit,
    counted,
    files,
    posts,
    quarantine,
    rebuild,
    rebuilt,
)

MORNING, NOON = Window(DAY, "0800"), Window(DAY, "1200")
OTHER_RULES = dataclasses.replace(RULES, topics=(Topic("other", keywords=("great",)),))


def stale(lake: Lake, partition: PostPartition, rules: SilverRules) -> list[str]:
    found = behind(lake, [bronze.read_partition(lake, partition)], rules).get(partition)
    return [window.name for window in found.windows] if found else []


def morning(count: int, start: int = 0, fetched: float = 10.1) -> list[bytes]:
    """Lines of different posts of the window 0800."""
    return [line(payload(8.5, n), at(fetched)) for n in range(start, start + count)]


def test_a_window_becomes_rows_duplicates_and_refusals(lake: Lake) -> None:
    edited = payload(8.7, 50, text="I think that it is bad")
    chain = edited["data"]["edit_history_tweet_ids"] + [snowflake(at(8.9), 50)]
    edit = payload(8.9, 50, text="I think that it is fine", edit_history_tweet_ids=chain)
    store(lake, MORNING, [*morning(3), line(edited, at(10.1)), b"{"], at(10.1))
    store(lake, MORNING, [*morning(1, fetched=12.1), line(edit, at(12.1))], at(12.1))
    build = rebuild(lake)
    assert counted(build) == Conservation(records=7, rows=4, duplicates=2, quarantined=1)
    assert_conserved(lake, build, 7)
    rows = posts(lake)
    assert rows["window"].unique().to_list() == ["0800"]
    (row,) = rows.filter("edited").to_dicts()
    assert (row["text"], row["observation_count"], row["created_hour"]) == (
        "I think that it is fine", 2, at(8),
    )  # fmt: skip
    assert quarantine(lake).select("reason_code", "line", "record_count", "recipe").rows() == [
        ("not_json", 5, 1, RULES.recipe("x", DAY.date))
    ]


def test_a_replay_changes_nothing(lake: Lake) -> None:
    store(lake, MORNING, morning(3), at(10.1))
    rebuild(lake)
    before, version = files(lake), lake.table(in_process.SILVER_POSTS).version
    again = rebuild(lake)
    assert (rebuilt(again), counted(again)) == ([], Conservation())
    assert (files(lake), lake.table(in_process.SILVER_POSTS).version) == (before, version)
    # The same fetch once more writes the same object.
    store(lake, MORNING, morning(3), at(10.1))
    assert rebuilt(rebuild(lake)) == []
    assert stale(lake, DAY, RULES) == []


def test_force_rebuilds_to_the_same_rows(lake: Lake) -> None:
    store(lake, MORNING, morning(3), at(10.1))
    rebuild(lake)
    before, rows = files(lake), posts(lake)
    assert rebuilt(rebuild(lake, force=True)) == ["0800"]
    assert_frame_equal(posts(lake), rows)
    assert not files(lake)["0800"] & before["0800"]


def test_seeing_a_post_again_changes_only_when_it_was_seen(lake: Lake) -> None:
    store(lake, MORNING, morning(3), at(10.1))
    rebuild(lake)
    first = posts(lake)
    store(lake, MORNING, morning(3, fetched=12.1), at(12.1))
    rebuild(lake)
    changed = ["observation_count", "last_seen_at"]
    assert_frame_equal(posts(lake).drop(changed), first.drop(changed))
    assert posts(lake)["observation_count"].to_list() == [2, 2, 2]


def test_only_changed_windows_are_rebuilt(lake: Lake) -> None:
    store(lake, MORNING, morning(3), at(10.1))
    store(lake, NOON, [line(payload(12.5), at(14.1))], at(14.1))
    assert rebuilt(rebuild(lake)) == ["0800", "1200"]
    before = files(lake)
    store(lake, NOON, [line(payload(13.5, 1), at(16.1))], at(16.1))
    assert stale(lake, DAY, RULES) == ["1200"]
    build = rebuild(lake)
    assert (rebuilt(build), counted(build).records) == (["1200"], 2)
    after = files(lake)
    assert after["0800"] == before["0800"]
    assert not after["1200"] & before["1200"]
    assert posts(lake).height == 5


def test_windows_of_several_partitions_in_one_build(lake: Lake) -> None:
    next_day = PostPartition(at(24).date(), "x")
    store(lake, Window(next_day, "0000"), [line(payload(24.5), at(26.1))], at(26.1))
    store(lake, MORNING, morning(2), at(10.1))
    build = rebuild(lake, [next_day, DAY])
    assert {p.key: c.rows for p, c in build.counts.items()} == {DAY.key: 2, next_day.key: 1}
    assert posts(lake)["date"].to_list().count(next_day.date) == 1


def test_another_recipe_rebuilds_all(lake: Lake) -> None:
    store(lake, MORNING, morning(3), at(10.1))
    store(lake, NOON, [line(payload(12.5), at(14.1)), b"null"], at(14.1))
    rebuild(lake)
    assert stale(lake, DAY, OTHER_RULES) == ["0800", "1200"]
    assert rebuilt(rebuild(lake, rules=OTHER_RULES)) == ["0800", "1200"]
    assert (
        set(posts(lake)["recipe"])
        == set(quarantine(lake)["recipe"])
        == {OTHER_RULES.recipe("x", DAY.date)}
    )
    assert posts(lake)["topics"].to_list() == [["other"]] * 4
    assert stale(lake, DAY, OTHER_RULES) == []


def test_a_rotation_puts_its_own_dates_behind_and_no_other(lake: Lake) -> None:
    next_day = PostPartition(at(24).date(), "x")
    store(lake, MORNING, morning(2), at(10.1))
    store(lake, Window(next_day, "0000"), [line(payload(24.5), at(26.1))], at(26.1))
    rebuild(lake, [DAY, next_day])
    before = posts(lake)
    later = at(48).date()
    for first, names in ((later, []), (next_day.date, ["0000"])):
        keys = dataclasses.replace(RULES.keys, rotations=(Rotation("x", first, "cd" * 32),))
        rules = dataclasses.replace(RULES, keys=keys)
        assert stale(lake, DAY, rules) == []
        assert stale(lake, next_day, rules) == names
    assert rebuilt(rebuild(lake, [DAY, next_day], rules=rules)) == ["0000"]
    # Rebuilt by force, the old date gives the same rows.
    rebuild(lake, rules=rules, force=True)
    of_day, of_next = pl.col("date") == DAY.date, pl.col("date") == next_day.date
    assert_frame_equal(posts(lake).filter(of_day), before.filter(of_day), check_row_order=False)
    pids = [frame.filter(of_next)["author_pid"].item() for frame in (before, posts(lake))]
    assert pids[0] != pids[1]


def test_a_window_without_posts_is_built_once(lake: Lake) -> None:
    store(lake, MORNING, [], at(10.1))
    assert rebuilt(rebuild(lake)) == ["0800"]
    assert rebuilt(rebuild(lake)) == []
    assert posts(lake).is_empty()


def test_without_bronze_nothing_is_built(lake: Lake) -> None:
    build = rebuild(lake)
    assert (rebuilt(build), counted(build)) == ([], Conservation())
    assert posts(lake).is_empty()


@pytest.mark.parametrize(
    ("fetches", "late"),
    [
        # The first fetch found the window open, or was another window's: nothing is late yet.
        ([(9, "partial", 1)], [False]),
        ([(10.1, "complete", 1)], [False]),
        ([(9, "partial", 1), (10.1, "complete", 2)], [False, False]),
        ([(10.1, "complete", 1), (12.1, "complete", 2)], [False, True]),
        ([(10.1, "complete", 1), (12.1, None, 2)], [False, True]),
        # Broken off after it was whole.
        ([(10.1, "complete", 1), (12.1, "partial", 2)], [False, True]),
    ],
)
def test_late_posts_are_those_first_seen_after_the_window_was_whole(
    lake: Lake, fetches: list[tuple[float, Any, int]], late: list[bool]
) -> None:
    for fetched, state, count in fetches:
        # Each fetch brings all posts so far, and one more.
        store(lake, MORNING, morning(count, fetched=fetched), at(fetched), state)
        rebuild(lake)
    assert sorted(posts(lake)["late"].to_list()) == late


def test_becoming_whole_is_a_change_though_no_record_came(lake: Lake) -> None:
    store(lake, MORNING, morning(1, fetched=9), at(9), "partial")
    rebuild(lake)
    store(lake, MORNING, [], at(10.1))
    assert rebuilt(rebuild(lake)) == ["0800"]


def mixed(rng: random.Random, count: int) -> list[bytes]:
    """Posts, edits, duplicates, posts of another window, garbage."""
    made: list[bytes] = []
    for n in range(count):
        kind = rng.random()
        if kind < 0.15:
            made.append(rng.choice([b"", b"{", b"[]", b"\xff", line({"data": {}}, at(10.1))]))
        elif kind < 0.2:
            made.append(line(payload(12.5, n), at(10.1)))
        else:
            made.append(line(payload(8.5, rng.randrange(count), like_count=n), at(10.1)))
    return made


@pytest.mark.parametrize("block", [1, 700, 10_000_000])
def test_reading_twice_gives_what_holding_gives(
    lake: Lake, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(bronze, "BLOCK_BYTES", block)
    monkeypatch.setattr(bronze, "_PIECE", block)
    monkeypatch.setattr(window, "BATCH_ROWS", 5)
    rng = random.Random(block)
    for fetched in (10.1, 12.1, 14.1):
        store(lake, MORNING, mixed(rng, 20), at(fetched))
    held = rebuild(lake)
    rows, refused = posts(lake), quarantine(lake)
    assert_conserved(lake, held, 60)
    assert {"wrong_window", "not_json"} <= set(refused["reason_code"])
    twice = rebuild(lake, force=True, budget=Budget(held_rows=59))
    assert_frame_equal(posts(lake), rows)
    assert_frame_equal(quarantine(lake), refused)
    assert twice.counts == held.counts
    assert (twice.unscored, twice.redacted) == (held.unscored, held.redacted)


# Damage


def damaged(stored: bronze.BronzeObject, data: bytes, how: str) -> bytes | None:
    middle = len(data) // 2
    return {
        "missing": None,
        "empty": b"",
        "cut": data[:middle],
        "trailer cut": data[:-8],
        "flipped": data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1 :],
        "no gzip": b"<html>" + data,
        "appended": data + b"garbage",
        "fewer lines": gzip.compress(b"\n".join(gzip.decompress(data).split(b"\n")[:15]) + b"\n"),
        "more lines": gzip.compress(gzip.decompress(data) * 2),
    }[how]


LINES = 40


@pytest.mark.parametrize(
    ("how", "kept"),
    [
        ("missing", 0),
        ("empty", 0),
        # Whole lines before the cut are true.
        ("cut", None),
        ("trailer cut", LINES),
        # Nobody can say which line the flipped bit is in.
        ("flipped", 0),
        ("no gzip", 0),
        ("appended", 0),
        ("fewer lines", 15),
        # Lines that the manifest doesn't count were not committed with it.
        ("more lines", LINES),
    ],
)
@pytest.mark.parametrize("held_rows", [0, 10_000])
def test_a_damaged_object_costs_its_own_records_only(
    lake: Lake, how: str, kept: int | None, held_rows: int
) -> None:
    rng = random.Random(7)
    # Texts that don't compress, so that the middle of the bytes is the middle of the lines.
    noisy = [payload(8.5, n, text=rng.randbytes(40).hex()) for n in range(LINES)]
    stored = store(lake, MORNING, [line(p, at(10.1)) for p in noisy], at(10.1))
    store(lake, MORNING, morning(5, start=100), at(12.1))
    data = damaged(stored, lake.objects.get(stored.path), how)
    lake.objects.delete([stored.path])
    if data is not None:
        lake.objects.put(stored.path, data)
    build = rebuild(lake, budget=Budget(held_rows=held_rows))
    assert_conserved(lake, build, LINES + 5)
    rows = posts(lake).height - 5
    if kept is None:
        assert LINES * 0.3 < rows < LINES * 0.7
    else:
        assert rows == kept
    refused = quarantine(lake)
    if rows == LINES and how != "trailer cut":
        assert refused.is_empty()
    else:
        assert refused.select("object", "line", "reason_code", "record_count").rows() == [
            (stored.path, 0, "damaged_object", LINES - rows)
        ]


def test_one_flipped_bit_anywhere_never_changes_a_row(lake: Lake) -> None:
    texts = [f"I think that {n} is great" for n in range(20)]
    lines = [line(payload(8.5, n, text=text), at(10.1)) for n, text in enumerate(texts)]
    stored = store(lake, MORNING, lines, at(10.1))
    sound = lake.objects.get(stored.path)
    rng = random.Random(3)
    outcomes = set()
    for _ in range(200):
        data = bytearray(sound)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        lake.objects.put(stored.path, bytes(data))
        read: list[bytes] = []
        try:
            for block in bronze.read_blocks(lake, stored):
                for several in block:
                    read += several.split(b"\n")
        except UnreadableObject:
            outcomes.add("refused")
            assert read == []
        else:
            # A bit of the header that nothing depends on, such as the time.
            outcomes.add("read")
            assert read == lines
    assert outcomes == {"refused", "read"}


def test_a_damaged_manifest_leaves_its_window_as_it_was(lake: Lake) -> None:
    store(lake, MORNING, morning(2), at(10.1))
    store(lake, NOON, [line(payload(12.5), at(14.1))], at(14.1))
    rebuild(lake)
    stored = store(lake, MORNING, morning(1, start=2, fetched=12.1), at(12.1))
    store(lake, NOON, [line(payload(12.5, 1), at(16.1))], at(16.1))
    path = stored.path.replace(".jsonl.gz", ".manifest.json")
    sound = lake.objects.get(path)
    for broken in (sound[:-20], b"", b"\xff" + sound, sound.replace(b"complete", b"\xff")):
        lake.objects.put(path, broken)
        assert rebuilt(rebuild(lake, force=True)) == ["1200"]
        assert posts(lake)["window"].to_list().count("0800") == 2
    lake.objects.put(path, sound)
    assert rebuilt(rebuild(lake)) == ["0800"]
    assert posts(lake).height == 5


def test_an_object_without_a_manifest_is_not_read(lake: Lake) -> None:
    store(lake, MORNING, morning(1), at(10.1))
    left = layout.batch_object(MORNING, at(12.1))
    lake.objects.put(left, gzip.compress(b"left by a run that died\n"))
    build = rebuild(lake)
    assert_conserved(lake, build, 1)
    # Its retry overwrites it.
    store(lake, MORNING, morning(1, start=5, fetched=12.1), at(12.1))
    assert rebuilt(rebuild(lake)) == ["0800"]
    assert posts(lake).height == 2


# Racing


def test_an_update_between_begin_and_commit_conflicts(lake: Lake) -> None:
    store(lake, MORNING, morning(1), at(10.1))
    slow = build_silver(lake, [DAY], RULES, run_id="slow")
    store(lake, MORNING, morning(2, start=1, fetched=12.1), at(12.1))
    rebuild(lake)
    with pytest.raises(CommitConflict, match="run the computation again"):
        commit(slow)
    assert posts(lake).height == 3
    assert stale(lake, DAY, RULES) == []


def test_builds_of_different_windows_do_not_conflict(lake: Lake) -> None:
    store(lake, MORNING, morning(1), at(10.1))
    slow = build_silver(lake, [DAY], RULES, run_id="slow")
    next_day = PostPartition(at(24).date(), "x")
    store(lake, Window(next_day, "0000"), [line(payload(24.5), at(26.1))], at(26.1))
    rebuild(lake, [next_day])
    commit(slow)
    assert posts(lake).height == 2


def test_bronze_that_lands_during_a_build_leaves_the_window_stale(lake: Lake) -> None:
    store(lake, MORNING, morning(1), at(10.1))
    build = build_silver(lake, [DAY], RULES, run_id="slow")
    store(lake, MORNING, morning(1, start=1, fetched=12.1), at(12.1))
    commit(build)
    assert posts(lake).height == 1
    assert stale(lake, DAY, RULES) == ["0800"]
    rebuild(lake)
    assert posts(lake).height == 2


def test_quarantine_is_replaced_with_its_window(lake: Lake) -> None:
    store(lake, MORNING, [b"{"], at(10.1))
    store(lake, NOON, [b"{", b"["], at(14.1))
    rebuild(lake)
    # The object was repaired and put back, with its manifest.
    store(lake, MORNING, morning(1), at(10.1))
    assert rebuilt(rebuild(lake)) == ["0800"]
    assert quarantine(lake)["window"].to_list() == ["1200", "1200"]


def test_what_a_build_counts(lake: Lake) -> None:
    texts = ["I think that jane@mail.example is great", "ok", None]
    lines = [line(payload(8.5, n, text=t, lang=None), at(10.1)) for n, t in enumerate(texts)]
    store(lake, MORNING, lines, at(10.1))
    build = rebuild(lake)
    assert build.unscored == {MORNING.partition: {"language_unknown": 1, "no_text": 1}}
    assert build.redacted == {MORNING.partition: {"email": 1}}


def test_rules_without_text_keep_none_on_disk(lake: Lake) -> None:
    store(lake, MORNING, morning(2), at(10.1))
    rules = SilverRules(RULES.keys, RULES.topics, keep_text=False)
    rebuild(lake, rules=rules)
    assert posts(lake).select(pl.col("text").null_count()).item() == 2
