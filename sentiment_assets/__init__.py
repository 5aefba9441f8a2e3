"""The asset graph that turns posts into trusted, private sentiment data."""

import os

# Read by Polars' allocator when Polars is loaded, which is after this in every process of ours.
# Memory that a batch frees is kept for the next one, moments later: to ask the system for it anew
# takes 4 % of a build.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:10000,muzzy_decay_ms:10000")
