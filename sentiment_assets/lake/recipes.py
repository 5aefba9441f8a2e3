"""What each recipe of silver consisted of, so that a later program can tell what changed.

What belongs here: keeping a recipe's ingredients beside the tables. What they are is
``core.silver``; a row of silver names its recipe.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sentiment_assets.core.layout import recipe_object
from sentiment_assets.lake.objects import Lake, ObjectMissing

_decode = msgspec.json.Decoder(dict[str, str]).decode


def note_recipe(lake: Lake, recipe: str, ingredients: Mapping[str, str]) -> None:
    """Keep what a recipe consists of, unless it is known already."""
    lake.objects.put_new(recipe_object(recipe), msgspec.json.encode(dict(ingredients)))


def read_recipe(lake: Lake, recipe: str) -> dict[str, str] | None:
    """What a recipe consists of; None where nobody noted it."""
    try:
        return _decode(lake.objects.get(recipe_object(recipe)))
    except (ObjectMissing, msgspec.DecodeError):
        return None
