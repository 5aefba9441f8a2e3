"""The assets: short bodies that wire ``core`` and ``engine`` to resources."""

import warnings

from dagster import BetaWarning, PreviewWarning

# Dagster's version is pinned exactly, so what it calls beta cannot change under us; its warnings
# would only stand before everything that a user wants to read.
for _category in (BetaWarning, PreviewWarning):
    warnings.filterwarnings("ignore", category=_category)
