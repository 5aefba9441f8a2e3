"""How well the rules of ``core.pii`` do: recall by type, precision by mask.

    .venv/bin/python -m benchmarks.pii_recall --data FOLDER

On generated posts of every type (``pii_generator``), five times as many where a share is near its
target, and, with ``--data``, on every labelled set in
that folder: ``pii_labelled*.jsonl.gz`` of ``text`` and ``spans[start, end, type]``. A span counts
as hidden when every letter and digit of it is masked, under whatever label. A mask counts as right
when it touches a labelled span.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.pii_generator import DEVELOPMENT_SEED, MAKERS, REPORTED_SEED, generate
from sentiment_assets.core.pii import redact

#: Types whose share is so near its target that it takes more posts to tell: so many times more.
CLOSE = frozenset(
    ("account", "address", "phone_international", "phone_national", "street", "user_name")
)
CLOSER = 5


class Text(NamedTuple):
    """A text, its labelled spans ``(start, end, type)`` and where its author is."""

    text: str
    spans: list[tuple[int, int, str]]
    region: str | None = None


class Share(NamedTuple):
    """``hits`` of ``n``, and the least that the share is with 95 % confidence (Wilson)."""

    n: int
    hits: int

    @property
    def share(self) -> float:
        """Of the n, between 0 and 1."""
        return self.hits / self.n

    @property
    def lower(self) -> float:
        """Wilson's bound."""
        z, p, n = 1.96, self.share, self.n
        centre = p + z * z / (2 * n)
        margin = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, (centre - margin) / (1 + z * z / n))

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return {"n": self.n, "share": round(self.share, 4), "lower_95": round(self.lower, 4)}


class Result(NamedTuple):
    """Recall by labelled type, precision by kind of mask."""

    recall: dict[str, Share]
    precision: dict[str, Share]


def measure(texts: Iterable[Text]) -> Result:
    """Redact every text and count."""
    total, hidden, found, right = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for text, labels, region in texts:
        spans = redact(text, region=region).spans
        masked = {i for span in spans for i in range(span.start, span.end)}
        labelled = {i for start, end, _ in labels for i in range(start, end)}
        for start, end, kind in labels:
            total[kind] += 1
            hidden[kind] += masked.issuperset(i for i in range(start, end) if text[i].isalnum())
        for span in spans:
            found[span.kind] += 1
            right[span.kind] += not labelled.isdisjoint(range(span.start, span.end))
    return Result(
        {kind: Share(n, hidden[kind]) for kind, n in sorted(total.items())},
        {kind: Share(n, right[kind]) for kind, n in sorted(found.items())},
    )


def generated(count: int, seed: int) -> Iterator[Text]:
    """Posts of every type; national phones twice, without and with the author's country."""
    for kind in MAKERS:
        for post in generate(kind, count * (CLOSER if kind in CLOSE else 1), seed):
            yield Text(post.text, [(post.start, post.end, kind)])
            if kind == "phone_national":
                label = f"{kind}, country known"
                yield Text(post.text, [(post.start, post.end, label)], post.region)


def labelled(path: Path) -> Iterator[Text]:
    """The rows of a labelled set."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield Text(row["text"], [(s["start"], s["end"], s["type"]) for s in row["spans"]])


def table(title: str, shares: dict[str, Share]) -> str:
    """Markdown."""
    rows = [f"| {title} | n | share | 95 % lower bound |", "|---|---|---|---|"]
    rows += [f"| {k} | {s.n} | {s.share:.3f} | {s.lower:.3f} |" for k, s in shares.items()]
    return "\n".join(rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pii_recall", description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder with labelled sets")
    parser.add_argument("--count", type=int, default=1000, help="generated posts of each type")
    parser.add_argument(
        "--seed", type=int, default=REPORTED_SEED, help=f"{DEVELOPMENT_SEED} to develop"
    )
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    results = {"generated": measure(generated(asked.count, asked.seed))}
    if asked.data:
        sets = sorted(asked.data.glob("pii_labelled*.jsonl.gz"))
        if not sets:
            parser.error(f"--data: no pii_labelled*.jsonl.gz in {asked.data}")
        results |= {path.name.split(".")[0]: measure(labelled(path)) for path in sets}
    if asked.json:
        shown: dict[str, Any] = {
            name: {
                "recall": {k: s.as_dict() for k, s in result.recall.items()},
                "precision": {k: s.as_dict() for k, s in result.precision.items()},
            }
            for name, result in results.items()
        }
        print(json.dumps({"seed": asked.seed, **shown}, indent=1))
        return
    for name, result in results.items():
        print(f"\n{name}\n\n{table('hidden', result.recall)}\n\n{table('mask', result.precision)}")


if __name__ == "__main__":
    main()
