"""Which windows of silver are not what today's bronze and rules would give, and why.

What belongs here: comparing what silver was made of with what it would be made of now, for many
partitions at once. Rebuilding them is ``in_process``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sentiment_assets.core.contracts import SILVER_POSTS
from sentiment_assets.core.layout import PostPartition, Window, windows_of
from sentiment_assets.core.silver import SilverRules, differences
from sentiment_assets.engine.in_process import behind_in
from sentiment_assets.lake.bronze import BronzePartition
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.recipes import read_recipe

NEW_BRONZE = "newer bronze"
NEVER_BUILT = "not built yet"


@dataclass(frozen=True)
class Behind:
    """Windows of one partition that a rebuild would make anew, and the reasons."""

    windows: tuple[Window, ...]
    why: tuple[str, ...]


def behind(
    lake: Lake, bronze: Iterable[BronzePartition], rules: SilverRules
) -> dict[PostPartition, Behind]:
    """The partitions that have windows behind; the log is read once for all of them."""
    known = list(bronze)
    consumed = lake.table(SILVER_POSTS).fingerprints(
        [window.values for read in known for window in windows_of(read.partition)]
    )
    windows = {
        read.partition: found for read in known if (found := behind_in(read, rules, consumed))
    }
    never = {
        window
        for found in windows.values()
        for window in found
        if consumed[tuple(window.values.values())] is None
    }
    recipes = _recipes(lake, list(windows))
    explained: dict[tuple[str, str], tuple[str, ...]] = {}

    def why(window: Window) -> tuple[str, ...]:
        if window in never:
            return (NEVER_BUILT,)
        partition = window.partition
        now = rules.recipe(partition.platform, partition.date)
        made_by = recipes.get(window)
        if made_by is None:
            # No row of it tells. Rows of its neighbours do, where the recipe was the reason.
            return ()
        if made_by == now:
            return (NEW_BRONZE,)
        if (made_by, now) not in explained:
            before = read_recipe(lake, made_by)
            ingredients = rules.ingredients(partition.platform, partition.date)
            explained[made_by, now] = (
                tuple(differences(before, ingredients)) if before else (f"older recipe {made_by}",)
            )
        return explained[made_by, now]

    return {
        partition: Behind(tuple(found), _distinct(why(window) for window in found))
        for partition, found in windows.items()
    }


def _distinct(reasons: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reason for some in reasons for reason in some)) or (
        "newer bronze or another recipe",
    )


def _recipes(lake: Lake, partitions: Sequence[PostPartition]) -> Mapping[Window, str]:
    """The recipe of each window's rows: one column is read."""
    if not partitions:
        return {}
    values = [{"date": p.date.isoformat(), "platform": p.platform} for p in partitions]
    columns = ["date", "platform", "window", "recipe"]
    rows = lake.table(SILVER_POSTS).scan(values, columns).unique().collect(engine="streaming")
    return {
        Window(PostPartition(date, platform), window): recipe
        for date, platform, window, recipe in rows.iter_rows()
    }
