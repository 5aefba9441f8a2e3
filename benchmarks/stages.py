"""Where the time goes: each stage's own seconds, by timers around the functions that do it.

The product's code knows nothing of them. Sampling and tracing profilers distort Python code against
native code; some thousands of timer calls distort nothing. A stage's own time leaves out what other
stages did inside it.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import GeneratorType
from typing import Any
from unittest.mock import patch

from sentiment_assets.core import language, silver
from sentiment_assets.core.sentiment.vader import VADER
from sentiment_assets.core.topics import TopicMatcher
from sentiment_assets.engine import in_process, window
from sentiment_assets.lake import tables
from sentiment_assets.lake.tables import Replacement

READ = "read, unzip"
PARSE = "parse"
DEDUPLICATE = "deduplicate"
NORMALISE = "normalise text"
IDENTIFIERS = "mask identifiers"
LANGUAGE = "detect language"
TOPICS = "topics, hashtags"
VADER_SCORES = "score (VADER)"
PSEUDONYMS = "pseudonyms"
COLUMNS = "make columns"
PARQUET = "write Parquet"
COMMIT = "audit and commit"
GOLD = "gold"
REST = "rest"

_FUNCTIONS: tuple[tuple[str, Any, str], ...] = (
    (READ, window, "read_blocks"),
    (READ, in_process, "read_partition"),
    (PARSE, window, "parse_lines"),
    (PARSE, window, "route"),
    (DEDUPLICATE, window, "deduplicate"),
    (DEDUPLICATE, window, "choose"),
    (COLUMNS, window, "clean_batch"),
    (NORMALISE, silver, "normalise"),
    (IDENTIFIERS, silver, "redact_batch"),
    (LANGUAGE, language, "detect"),
    (LANGUAGE, language, "scoring_gate"),
    (TOPICS, TopicMatcher, "match"),
    (TOPICS, silver, "hashtags"),
    (VADER_SCORES, type(VADER), "score"),
    (PSEUDONYMS, silver, "_pseudonymise"),
    (PARQUET, tables, "conform"),
    (PARQUET, tables, "write_files"),
    (COMMIT, Replacement, "commit"),
    (COMMIT, tables.Table, "begin"),
    (COMMIT, tables.Table, "fingerprints"),
)


class Stages:
    """Own seconds of each stage since it was made."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._open: list[str] = [REST]
        self._since = time.perf_counter()

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Count what runs inside to a stage."""
        self._turn(self._open[-1])
        self._open.append(stage)
        try:
            yield
        finally:
            self._turn(self._open.pop())

    def finish(self) -> dict[str, float]:
        """Seconds by stage."""
        self._turn(REST)
        return self.seconds

    def _turn(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with its time counted; a generator's, while it makes its items."""

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.of(stage):
                result = function(*args, **kwargs)
            return self._items(stage, result) if isinstance(result, GeneratorType) else result

        return timed

    def _items(self, stage: str, items: Iterator[Any]) -> Iterator[Any]:
        done = object()
        while True:
            with self.of(stage):
                item = next(items, done)
            if item is done:
                return
            yield item


@contextmanager
def measured() -> Iterator[Stages]:
    """Timers around every stage of silver while the block runs."""
    stages = Stages()

    with ExitStack() as patches:
        for stage, owner, name in _FUNCTIONS:
            timed = stages.timed(stage, getattr(owner, name))
            patches.enter_context(patch.object(owner, name, timed))
        yield stages
