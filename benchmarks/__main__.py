"""``python -m benchmarks``: measure everything, print one report; ``--write`` keeps it in the docs.

Each measurement runs in a process of its own, one after the other; where two are compared they
alternate. Short ones are repeated: times are medians, their spread is shown.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import report
from benchmarks.suite import FULL, TINY, WHOLE, measure

DOCS = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def main() -> None:
    """Run, print, and write if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--corpus", type=Path, help="texts: one a line or JSON lines, also .gz")
    parser.add_argument("--whole", action="store_true", help="a date of a million posts too")
    parser.add_argument("--tiny", action="store_true", help="small sizes: does it run at all?")
    parser.add_argument("--write", action="store_true", help=f"put the tables into {DOCS.name}")
    asked = parser.parse_args()
    if asked.write and (asked.tiny or asked.corpus):
        parser.error("--write keeps the figures of a full run on the built-in texts only")
    with tempfile.TemporaryDirectory(prefix="sentiment-benchmarks-") as folder:
        figures = measure(
            Path(folder),
            TINY if asked.tiny else WHOLE if asked.whole else FULL,
            asked.corpus.resolve() if asked.corpus else None,
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
    text = report.render(figures)
    print(text)
    if asked.write:
        DOCS.write_text(report.replaced(DOCS.read_text(encoding="utf-8"), text), encoding="utf-8")


if __name__ == "__main__":
    main()
