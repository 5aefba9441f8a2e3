"""Which store the pages read: the mart where it answers and holds something, or else gold itself.

What belongs here: the choice, and the sentence that says why it fell so.
"""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.stores import GoldStore, LakeStore
from resources.environments import Settings
from sentiment_assets.lake.objects import Lake


@dataclass(frozen=True)
class Opened:
    """A store, and what the page's foot says of the choice; empty where there is nothing to say."""

    store: GoldStore
    note: str = ""


def open_store(settings: Settings, lake: Lake) -> Opened:
    """The store of one run of a page."""
    return Opened(LakeStore(lake))
