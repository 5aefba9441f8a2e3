"""How many names of people are masked, and how many masks hit one, layer by layer.

    .venv/bin/python -m benchmarks.pii_names [--data FOLDER] [--json]

FOLDER (or SENTIMENT_SHARED_DATA, or ``../shared/data``) holds ``pii_labelled.jsonl.gz`` (``text``,
``source`` and labelled ``spans`` a line) and ``real_posts.jsonl.gz`` (``text`` a line). A hash of
each text puts it into one of two halves: rules are made by looking at ``tuned``, and ``unseen``
tells what they are worth. A name counts as hidden when every letter of it is masked, under whatever
label; a ``[name]`` counts as right when it touches a labelled person.

Payload names have no labelled set: a text's own labelled names are given as if they had come with
it, and what stays visible then is what spelling alone hides from the rule.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import math
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HALVES = ("tuned", "unseen")
LAYERS = ("payload", "rules", "rules and model")
_PERSON = ("PERSON", "PERSON_NAME")
_REAL_POSTS = 20_000


@dataclass(frozen=True)
class Labelled:
    """A text, where people stand in it, and which half it belongs to."""

    text: str
    source: str
    people: tuple[tuple[int, int], ...]
    half: str


@dataclass(frozen=True)
class Result:
    """What one layer did to one source's texts."""

    layer: str
    source: str
    names: int
    hidden: int
    masks: int
    right: int

    @property
    def recall(self) -> float:
        """Share of labelled names that are masked whole."""
        return self.hidden / self.names if self.names else 0.0

    @property
    def precision(self) -> float:
        """Share of masks that touch a labelled name."""
        return self.right / self.masks if self.masks else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Counts, shares and their 95 % bounds."""
        return {
            **asdict(self),
            "recall": round(self.recall, 4),
            "recall_bounds": bounds(self.hidden, self.names),
            "precision": round(self.precision, 4),
            "precision_bounds": bounds(self.right, self.masks),
        }


def bounds(right: int, of: int) -> tuple[float, float]:
    """95 % bounds of a share (Wilson)."""
    if not of:
        return 0.0, 1.0
    z = 1.96
    middle = (right / of + z * z / (2 * of)) / (1 + z * z / of)
    half = (
        z / (1 + z * z / of) * math.sqrt(right / of * (1 - right / of) / of + (z / (2 * of)) ** 2)
    )
    return round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)


def labelled(rows: Iterable[Mapping[str, Any]]) -> list[Labelled]:
    """Rows of the labelled set as texts with people."""
    return [
        Labelled(
            row["text"],
            row["source"],
            tuple((s["start"], s["end"]) for s in row["spans"] if s["type"] in _PERSON),
            HALVES[hashlib.sha256(row["text"].encode()).digest()[0] % 2],
        )
        for row in rows
    ]


def measure(texts: Sequence[Labelled], layers: Sequence[str]) -> Iterator[Result]:
    """One result a layer over all texts."""
    from sentiment_assets.core.pii import redact
    from sentiment_assets.core.pii.name_models import model_named

    source = "all" if len({text.source for text in texts}) != 1 else texts[0].source
    for layer in layers:
        finder = model_named("spacy") if layer == "rules and model" else None
        counts: Counter[str] = Counter()
        for said in texts:
            known = [said.text[a:b] for a, b in said.people] if layer == "payload" else []
            spans = redact(said.text, known, finder=finder).spans
            masked = {i for span in spans for i in range(span.start, span.end)}
            people = {i for start, end in said.people for i in range(start, end)}
            for start, end in said.people:
                letters = [i for i in range(start, end) if said.text[i].isalpha()]
                counts["names"] += 1
                counts["hidden"] += masked.issuperset(letters)
            for span in spans:
                if span.kind == "name":
                    counts["masks"] += 1
                    counts["right"] += not people.isdisjoint(range(span.start, span.end))
        numbers = (counts[name] for name in ("names", "hidden", "masks", "right"))
        yield Result(layer, source, *numbers)


def real_posts(texts: Sequence[str]) -> dict[str, Any]:
    """How many ordinary posts get a ``[name]``, and what looking for names costs of a core."""
    import polars as pl

    from sentiment_assets.core.pii import redact_batch
    from sentiment_assets.core.silver import tidy

    tidied = tidy(pl.Series(texts))
    redact_batch(tidied[:100])
    started = time.process_time()
    redacted = redact_batch(tidied)
    seconds = time.process_time() - started
    named = redacted["text"].str.contains("[name]", literal=True).sum()
    return {
        "posts": len(texts),
        "with_a_name": round(named / len(texts), 4),
        "posts_per_cpu_second": round(len(texts) / seconds),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    shared = os.environ.get("SENTIMENT_SHARED_DATA") or Path(__file__).parents[2] / "shared/data"
    parser.add_argument("--data", type=Path, default=Path(shared))
    parser.add_argument("--json", action="store_true", help="one JSON object")
    asked = parser.parse_args()
    texts = labelled(_rows(asked.data / "pii_labelled.jsonl.gz"))
    unseen = [text for text in texts if text.half == "unseen"]
    layers = [layer for layer in LAYERS if layer != "rules and model" or _has_model()]
    results = [
        result
        for source in (*sorted({text.source for text in unseen}), None)
        for result in measure([t for t in unseen if source in (None, t.source)], layers)
    ]
    posts = [row["text"] for row in _rows(asked.data / "real_posts.jsonl.gz")][:_REAL_POSTS]
    found = {"half": "unseen", "results": [r.as_dict() for r in results], **real_posts(posts)}
    if asked.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for line in _told(found):
        print(line)


def _told(found: Mapping[str, Any]) -> Iterator[str]:
    yield "| layer | source | names | recall | at least | masks | precision | at least |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in found["results"]:
        yield (
            f"| {row['layer']} | {row['source']} | {row['names']} | {row['recall']:.3f} "
            f"| {row['recall_bounds'][0]:.3f} | {row['masks']} | {row['precision']:.3f} "
            f"| {row['precision_bounds'][0]:.3f} |"
        )
    yield ""
    yield (
        f"{found['posts']} real posts: {found['with_a_name']:.1%} with a [name], "
        f"{found['posts_per_cpu_second']} a second of CPU for all rules"
    )


def _has_model() -> bool:
    from sentiment_assets.core.pii.name_models import ModelError, require

    try:
        require("spacy")
    except ModelError:
        return False
    return True


def _rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


if __name__ == "__main__":
    main()
