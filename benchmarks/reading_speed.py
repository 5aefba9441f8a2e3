"""What reading a masked text costs: its language, its topics, `vader+social`; by rows at a time.

``python -m benchmarks.reading_speed [--data FOLDER]``. FOLDER (or SENTIMENT_SHARED_DATA, or
``../shared/data``) holds ``real_posts.jsonl.gz``; without it the simulator's story is read. One
core, CPU time, the best of some runs, which alternate with those of the implementation without
compiled kernels. Few rows at a time show what a call costs, be there one text or a thousand.

What does not belong here: VADER itself (``sentiment_speed.py``), masking (``pii_speed.py``), and
how often a language is told rightly (``language_detectors.py``).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from itertools import islice
from pathlib import Path
from unittest.mock import patch

if __name__ == "__main__":
    # Before Polars is imported, which starts its threads.
    os.environ["POLARS_MAX_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import polars as pl

from sentiment_assets.core import language, language_model, language_words
from sentiment_assets.core.sentiment import social
from sentiment_assets.core.sentiment.social import SOCIAL
from sentiment_assets.core.silver import tidy
from sentiment_assets.core.topics import TopicMatcher, hashtags
from sentiment_assets.core.tracking import parse_tracking

ROOT = Path(__file__).parents[1]
ROWS = (500, 20_000, 60_000)
#: Runs by rows: enough for a second.
RUNS = {500: 9, 20_000: 3, 60_000: 2}

Stage = Callable[[pl.Series], object]


def detect_and_gate(texts: pl.Series) -> None:
    """The language of each text, and whether it may be scored."""
    found = pl.DataFrame(language.detect(texts.to_arrow()))
    hints = pl.Series([None], dtype=pl.String).new_from_index(0, len(texts))
    english = frozenset({"en"})
    language.scoring_gate(texts, found["lang"], found["confidence"], hints, english)


@cache
def matcher() -> TopicMatcher:
    """Of the topics of ``tracking.yaml``."""
    tracking = ROOT / "tracking.yaml"
    return TopicMatcher(parse_tracking(tracking.read_text(), tracking.name).topics)


def find_topics(texts: pl.Series) -> None:
    """Topics and hashtags of each text."""
    matcher().match(texts)
    hashtags(texts)


def stages() -> dict[str, Stage]:
    """What is measured, by name."""
    return {
        "language and gate": detect_and_gate,
        "topics, hashtags": find_topics,
        "`vader+social`": lambda texts: SOCIAL.score(texts.to_arrow()),
    }


@contextmanager
def without_kernels() -> Iterator[None]:
    """As where no C compiler was."""
    caches = social._reader, language_model._kernel
    with (
        patch.object(language_words, "compiled", None),
        patch.object(language_model, "compiled", None),
        patch.object(social, "kernel_in_use", lambda: "python"),
    ):
        for cache in caches:
            cache.cache_clear()
        yield
    for cache in caches:
        cache.cache_clear()


def microseconds(stage: Stage, texts: pl.Series) -> float:
    """CPU time of a text; the first call, which fills tables, is not counted."""
    stage(texts[:50])
    started = time.process_time()
    stage(texts)
    return (time.process_time() - started) / len(texts) * 1e6


def posts(folder: Path, count: int = max(ROWS)) -> list[str]:
    """Real posts, or the simulator's where there are none."""
    file = folder / "real_posts.jsonl.gz"
    if file.exists():
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            return [json.loads(line)["text"] for line in islice(lines, count)]
    import random

    from simulator import phrases, texts

    rng, moods = random.Random(5), list(phrases.ENGLISH)
    return [texts.post(rng, rng.choice(moods), "en") for _ in range(count)]


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    shared = os.environ.get("SENTIMENT_SHARED_DATA", ROOT.parent / "shared" / "data")
    options.add_argument("--data", type=Path, default=Path(shared))
    everything = tidy(pl.Series(posts(options.parse_args().data), dtype=pl.String))
    print("\n".join(table(everything)))


def table(everything: pl.Series) -> Iterator[str]:
    """Markdown: CPU time of a text by stage, implementation and rows at a time."""
    yield f"| µs of CPU a text | {' | '.join(f'{rows:,} rows' for rows in ROWS)} |"
    yield f"| --- |{' ---: |' * len(ROWS)}"
    for name, stage in stages().items():
        # No kernel finds topics.
        ways = ("",) if stage is find_topics else (", compiled", ", without a compiler")
        best: dict[tuple[str, int], float] = {}
        for rows in ROWS:
            for _ in range(RUNS[rows]):
                for way in ways:
                    with without_kernels() if "without" in way else nullcontext():
                        took = microseconds(stage, everything[:rows])
                    best[way, rows] = min(took, best.get((way, rows), took))
        for way in ways:
            yield f"| {name}{way} | {' | '.join(f'{best[way, rows]:.1f}' for rows in ROWS)} |"


if __name__ == "__main__":
    main()
