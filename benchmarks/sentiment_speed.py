"""How fast texts are scored, and how exactly, beside the published VADER, NLTK's and TextBlob.

``python -m benchmarks.sentiment_speed [--data FOLDER] [--peers PYTHON]``; `make bench-sentiment`
makes the peers' environment and runs it. FOLDER (or SENTIMENT_SHARED_DATA, or ``../shared/data``)
holds ``real_posts.jsonl.gz``; without it the simulator's story is scored. Posts are distinct and
shuffled once, so that each candidate's share of them is of the same kind.

Each measurement is a fresh process, its first texts not timed; rounds alternate, medians are shown.
Seconds are CPU seconds of the process, where not said otherwise: an Arrow array in, a table out for
ours, a list of results for the others.

What does not belong here: how well scores agree with people's judgement.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
ROUNDS = 5
WARM_UP = 5_000

Rows = list[tuple[float, ...]]
Score = Callable[[Any], Any]


@dataclass(frozen=True)
class Candidate:
    """Something that scores: made by ``load``, which imports what it needs."""

    load: Callable[[], tuple[Callable[[Sequence[str]], Any], Score, Callable[[Any], Rows]]]
    #: Texts: enough for a second or more, but few enough for a round.
    texts: int
    cores: int | None = 1
    #: Whether it runs in the peers' environment.
    peer: bool = False
    #: Whether its scores are meant to be the published ones.
    compared: bool = True


def _rows(table: Any) -> Rows:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _ours(implementation: str) -> tuple[Any, Score, Callable[[Any], Rows]]:
    import pyarrow as pa

    from sentiment_assets.core.sentiment import vader

    return pa.array, getattr(vader, implementation), _rows


def compiled() -> tuple[Any, Score, Callable[[Any], Rows]]:
    """The kernel, on as many threads as OMP_NUM_THREADS says."""
    return _ours("score_compiled")


def python() -> tuple[Any, Score, Callable[[Any], Rows]]:
    """What scores where no kernel is."""
    return _ours("score_in_python")


def stock() -> tuple[Any, Score, Callable[[Any], Rows]]:
    """The published vaderSentiment, a call a text."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    score = SentimentIntensityAnalyzer().polarity_scores
    return list, lambda texts: [score(text) for text in texts], _of_dicts


def nltk() -> tuple[Any, Score, Callable[[Any], Rows]]:
    """NLTK's copy of it, over the same lexicon."""
    import vaderSentiment
    from nltk.sentiment.vader import SentimentIntensityAnalyzer

    lexicon = Path(vaderSentiment.__file__).with_name("vader_lexicon.txt")
    score = SentimentIntensityAnalyzer(f"file:{lexicon}").polarity_scores
    return list, lambda texts: [score(text) for text in texts], _of_dicts


def textblob() -> tuple[Any, Score, Callable[[Any], Rows]]:
    """TextBlob's polarity: another lexicon, other rules."""
    from textblob import TextBlob

    return list, lambda texts: [TextBlob(text).sentiment.polarity for text in texts], lambda _: []


def _of_dicts(scores: list[dict[str, float]]) -> Rows:
    return [tuple(row.values()) for row in scores]


CANDIDATES: dict[str, Candidate] = {
    "ours, compiled, one core": Candidate(compiled, 100_000),
    "ours, compiled, all cores": Candidate(compiled, 100_000, cores=None),
    "ours, Python": Candidate(python, 60_000),
    "vaderSentiment": Candidate(stock, 20_000),
    "NLTK": Candidate(nltk, 5_000, peer=True),
    "TextBlob": Candidate(textblob, 5_000, peer=True, compared=False),
}
STOCK = "vaderSentiment"


def read_texts(folder: Path) -> tuple[list[str], str]:
    """The texts to score, shuffled, and what they are."""
    most = max(candidate.texts for candidate in CANDIDATES.values()) + WARM_UP
    path = folder / "real_posts.jsonl.gz"
    if path.exists():
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            texts, what = [json.loads(line)["text"] for line in lines], f"real posts ({path.name})"
    else:
        from simulator.x.story import Story

        story, what = Story(7, posts_per_day=most), "posts of the simulator's story"
        texts = [post.text for hour in range(36) for post in story.timeline(490_000 + hour)]
    distinct = list(dict.fromkeys(texts))
    random.Random(7).shuffle(distinct)
    return distinct[:most], f"{len(distinct[:most]):,} distinct {what}"


def _peak() -> float:
    """Megabytes of memory at most, of this program alone where the system tells it apart."""
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def time_candidate(name: str, texts: list[str], scores: Path | None) -> dict[str, float]:
    """CPU and wall seconds a text, seconds to load, peak memory, in this process."""
    candidate = CANDIDATES[name]
    began = time.perf_counter()
    prepare, score, rows = candidate.load()
    score(prepare(texts[:1]))
    loaded = time.perf_counter() - began
    score(prepare(texts[candidate.texts :]))
    given = prepare(texts[: candidate.texts])
    wall, cpu = time.perf_counter(), time.process_time()
    found = score(given)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if scores:
        scores.write_text(json.dumps(rows(found)))
    return {"cpu": cpu / len(given), "wall": wall / len(given), "load": loaded, "peak": _peak()}


def measure(python: str, name: str, texts: Path, scores: Path | None = None) -> dict[str, float]:
    """The same in a fresh process."""
    cores = CANDIDATES[name].cores
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")
    done = subprocess.run(
        [
            python, "-m", "benchmarks.sentiment_speed", "--candidate", name, "--texts", str(texts),
            *(["--scores", str(scores)] if scores else []),
        ],
        cwd=ROOT,
        env=os.environ | (dict.fromkeys(limits, str(cores)) if cores else {}),
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def identical(name: str, folder: Path) -> str:
    """Share of texts whose four scores are the published ones, over the texts that both scored."""
    if not CANDIDATES[name].compared:
        return "·"
    mine, published = (json.loads((folder / f"{n}.json").read_text()) for n in (name, STOCK))
    pairs = list(zip(mine, published, strict=False))
    return f"{sum(one == other for one, other in pairs) / len(pairs):.2%} of {len(pairs):,}"


def main() -> None:
    """Measure and print one table."""
    shared = os.environ.get("SENTIMENT_SHARED_DATA", str(ROOT.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sentiment_speed")
    parser.add_argument("--data", type=Path, default=Path(shared))
    parser.add_argument("--peers", help="a Python with benchmarks/sentiment_peers.txt installed")
    parser.add_argument("--candidate", choices=CANDIDATES, help=argparse.SUPPRESS)
    parser.add_argument("--texts", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--scores", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.candidate:
        with asked.texts.open(encoding="utf-8") as lines:
            own = islice(lines, CANDIDATES[asked.candidate].texts + WARM_UP)
            texts = [json.loads(line) for line in own]
        print(json.dumps(time_candidate(asked.candidate, texts, asked.scores)))
        return
    from sentiment_assets.core.sentiment.vader import kernel_in_use

    names = [
        name
        for name, candidate in CANDIDATES.items()
        if (asked.peers or not candidate.peer)
        and (candidate.load is not compiled or kernel_in_use() == "compiled")
    ]
    posts, what = read_texts(asked.data)
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="sentiment-speed-") as made:
        folder = Path(made)
        texts = folder / "texts.json"
        texts.write_text("".join(f"{json.dumps(post)}\n" for post in posts))
        for turn in range(ROUNDS):
            for name in names:
                python = asked.peers if CANDIDATES[name].peer else sys.executable
                scores = None if turn else folder / f"{name}.json"
                runs[name].append(measure(python, name, texts, scores))
        same = {name: identical(name, folder) for name in names}
    middle = {
        name: {key: statistics.median(run[key] for run in of) for key in of[0]}
        for name, of in runs.items()
    }
    print(f"{what}; scoring kernel: {kernel_in_use()}; {ROUNDS} rounds, medians and ranges\n")
    print(
        "| | texts per CPU s | range | vaderSentiment = 1 | texts per s | identical | load s | MB |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, run in middle.items():
        speeds = [1 / each["cpu"] for each in runs[name]]
        print(
            f"| {name} | {1 / run['cpu']:,.0f} | {min(speeds):,.0f} to {max(speeds):,.0f} "
            f"| {middle[STOCK]['cpu'] / run['cpu']:.1f} | {1 / run['wall']:,.0f} | {same[name]} "
            f"| {run['load']:.2f} | {run['peak']:,.0f} |"
        )


if __name__ == "__main__":
    main()
