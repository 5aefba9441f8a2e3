"""What every page is given.

What belongs here: the one value that ``app.py`` hands to the page that it routes to.
"""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.address import Address
from dashboard.queries import Available
from dashboard.stores import GoldStore


@dataclass(frozen=True)
class Page:
    """One page view."""

    asked: Address
    store: GoldStore
    known: Available
    #: Fewest authors of a shown figure, by today's setting.
    min_authors: int
