"""How long a table may stay behind, by layer, table and platform: YAML to values.

What belongs here: the deadlines as data and the text of ``freshness.yaml``. What is measured
against them, and the verdict, is ``core.freshness``; reading the file does not belong here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from sentiment_assets.core.checked_yaml import FileProblems, Reader, compose
from sentiment_assets.core.contracts import CONTRACTS
from sentiment_assets.core.layout import BATCH_POSTS
from sentiment_assets.core.mart import postgres_reads
from sentiment_assets.core.platforms import PLATFORMS

VERSION = 1

LAYERS = ("bronze", "silver", "gold", "mart")
#: Every table that has a deadline, upstream first.
TABLES = (BATCH_POSTS, *CONTRACTS, *postgres_reads())

_EXAMPLE = "3 h"
_UNITS = {"min": dt.timedelta(minutes=1), "h": dt.timedelta(hours=1), "d": dt.timedelta(days=1)}

#: A window ends up to two hours and some minutes before the next one is there: with less, bronze
#: would be late before every tick. What lands is rebuilt within minutes, not at once.
_LEAST = {
    "bronze": dt.timedelta(minutes=130),
    "silver": dt.timedelta(minutes=5),
    "gold": dt.timedelta(minutes=5),
    "mart": dt.timedelta(minutes=5),
}
_MOST = dt.timedelta(days=30)


@dataclass(frozen=True)
class Deadline:
    """How long a layer or a table may stay behind, on one platform or on all of them.

    Of bronze it bounds how long ago the newest whole window ended; of every other table how long
    something new upstream may wait to be read.
    """

    #: A layer, such as ``silver``, or a table, such as ``silver/posts``.
    of: str
    within: dt.timedelta
    #: Null for every platform.
    platform: str | None = None

    def holds_for(self, table: str, platform: str) -> bool:
        """It is about this table of this platform."""
        return self.of in (table, layer_of(table)) and self.platform in (None, platform)


#: One missed tick is told an hour before the next one; a rebuild takes minutes, and is tried four
#: times within the hour.
DEFAULTS = (
    Deadline("bronze", dt.timedelta(hours=3)),
    Deadline("silver", dt.timedelta(hours=1)),
    Deadline("gold", dt.timedelta(hours=1)),
    Deadline("mart", dt.timedelta(hours=1)),
)


@dataclass(frozen=True)
class Deadlines:
    """All deadlines: the defaults, and what an operator says instead."""

    own: tuple[Deadline, ...] = ()

    def of(self, table: str, platform: str) -> dt.timedelta:
        """The deadline of a table on a platform: what names the platform, then the table, wins."""
        holding = [d for d in (*DEFAULTS, *self.own) if d.holds_for(table, platform)]
        # The last of equals: an operator's own.
        return max(
            enumerate(holding),
            key=lambda found: (found[1].platform is not None, found[1].of == table, found[0]),
        )[1].within


class DeadlinesError(FileProblems):
    """Everything that is wrong with a file of deadlines; each of ``problems`` names its line."""

    ABOUT = "the deadlines"


def parse_deadlines(text: str, source: str) -> Deadlines:
    """Read the text of a file of deadlines; ``source`` is the file name that messages show.

    Raises:
        DeadlinesError: with every problem found, in the order of the lines.
    """
    reader = _Reader(source)
    deadlines = reader.deadlines(compose(text, source, DeadlinesError))
    if reader.problems:
        raise DeadlinesError(reader.complaints())
    return deadlines


def layer_of(table: str) -> str:
    """The layer of a table's name."""
    return table.partition("/")[0]


def spelled(time: dt.timedelta) -> str:
    """A length of time in words of two units at most: ``2 d 4 h``, ``1 h 5 min``, ``12 min``."""
    minutes = max(round(time / dt.timedelta(minutes=1)), 0)
    days, hours = divmod(minutes // 60, 24)
    minutes %= 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"


class _Reader(Reader):
    def deadlines(self, root: yaml.Node | None) -> Deadlines:
        top = self.top(root, ("within", "platforms"), VERSION)
        found = [*self.group(top.get("within"), "within", None)]
        if node := top.get("platforms"):
            example = f"platforms: {{{next(iter(PLATFORMS))}: {{bronze: {_EXAMPLE}}}}}"
            for platform, value in self.mapping(
                node, "platforms", tuple(PLATFORMS), example
            ).items():
                found += self.group(value, f"platforms.{platform}", platform)
        return Deadlines(tuple(found))

    def group(self, node: yaml.Node | None, path: str, platform: str | None) -> Iterator[Deadline]:
        if node is None:
            return
        names = self.mapping(node, path, (*LAYERS, *TABLES), f"{path}: {{bronze: {_EXAMPLE}}}")
        for of, value in names.items():
            within = self.duration(value, f"{path}.{of}", of)
            if within is not None:
                yield Deadline(of, within, platform)

    def duration(self, node: yaml.Node, path: str, of: str) -> dt.timedelta | None:
        least = _LEAST[layer_of(of)]
        wanted = f"{path} must be a time from {spelled(least)} to {spelled(_MOST)}"
        return self.measured(node, wanted, _UNITS, (least, _MOST), f"{of}: {_EXAMPLE}")
