"""What a look at a column says of its texts. How it looks is ``look``'s."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from sentiment_assets.core.text import Canonical


class FirstLook(NamedTuple):
    """What is known of a column before any rule has run."""

    #: Plain handles and links masked; a disguised text as it stands.
    text: pl.Series
    #: What rules read of these: disguised texts canonical.
    read: pl.Series
    #: Disguised texts as a reader sees them, by row.
    canonical: Mapping[int, Canonical]
    #: Rows in which a rule may find something.
    hinted: Collection[int]
    #: Of the other rows, those in which a name may stand; in their order.
    suspected: Sequence[int]
    #: Rows whose author typed what looks like a mask, which would be counted with ours.
    typed: Sequence[int]


class Look(NamedTuple):
    """Which rules a text needs in one pass."""

    #: Canonical texts; whether their masks are blank is left open.
    read: pl.Series
    canonical: Mapping[int, Canonical]
    #: By row the places, in the rules of its region, of those that may find something.
    places: Mapping[int, Sequence[int]]
    #: Rows in which a name may stand.
    suspected: Collection[int]
