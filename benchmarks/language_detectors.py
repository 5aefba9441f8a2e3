"""Language detectors on short posts: errors that matter to an English scorer, and speed.

Run from the repository's root, with the candidates beside the project's own dependencies::

    uv pip install pycld2 cld3-py py3langid lingua-language-detector
    python benchmarks/language_detectors.py [FOLDER]

FOLDER (or SENTIMENT_SHARED_DATA, or ``../shared/data``) holds ``multilingual_posts.jsonl.gz``
(``text`` and ``lang`` per line) and ``real_posts.jsonl.gz`` (English, ``text`` per line). Each
candidate gets the same cleaned texts; one that isn't installed is named and left out. Romanised
Hindi is left out: its labels call many plainly English posts Hindi.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import polars as pl  # noqa: E402

from sentiment_assets.core import language  # noqa: E402

Guesses = list[tuple[str | None, float]]
Detector = Callable[[list[str]], Guesses]

POSTS_PER_LANGUAGE = 2_000
ENGLISH_POSTS = 12_000
#: Posts for candidates that manage only a few thousand a second.
SLOW_SAMPLE = 2_000


def load(folder: Path) -> pl.DataFrame:
    """Posts with ``text``, ``lang`` and ``readable``: balanced foreign languages, and English."""

    def rows(name: str) -> list[dict[str, str]]:
        with gzip.open(folder / name, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    pick = random.Random(7)
    posts: list[tuple[str, str]] = []
    foreign = rows("multilingual_posts.jsonl.gz")
    for lang in sorted({row["lang"] for row in foreign} - {"en", "hi"}):
        texts = [row["text"] for row in foreign if row["lang"] == lang]
        posts += [(t, lang) for t in pick.sample(texts, min(len(texts), POSTS_PER_LANGUAGE))]
    english = [row["text"] for row in rows("real_posts.jsonl.gz")]
    posts += [(text, "en") for text in pick.sample(english, min(len(english), ENGLISH_POSTS))]
    pick.shuffle(posts)
    frame = pl.DataFrame(posts, schema=["text", "lang"], orient="row")
    return frame.with_columns(language._readable(frame["text"]))


def fasttext_alone(texts: list[str]) -> Guesses:
    """The compressed fastText model by itself."""
    found = language._guesses(texts)
    return list(zip(found["guess"].to_list(), found["probability"].to_list(), strict=True))


def cld2() -> Detector:
    """Compact Language Detector 2."""
    import pycld2

    def detect(texts: list[str]) -> Guesses:
        found: Guesses = []
        for text in texts:
            try:
                reliable, _, details = pycld2.detect(text, bestEffort=True)
            except pycld2.error:
                found.append((None, 0.0))
            else:
                found.append((details[0][1], details[0][2] / 100 if reliable else 0.0))
        return found

    return detect


def cld3() -> Detector:
    """Compact Language Detector 3."""
    import gcld3

    identifier = gcld3.NNetLanguageIdentifier(min_num_bytes=0, max_num_bytes=700)

    def detect(texts: list[str]) -> Guesses:
        results = (identifier.FindLanguage(text=text) for text in texts)
        return [(result.language, result.probability) for result in results]

    return detect


def langid() -> Detector:
    """py3langid: naive Bayes over byte n-grams."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return lambda texts: [identifier.classify(text) for text in texts]


def lingua(low_accuracy: bool) -> Detector:
    """Lingua over all its languages."""
    from lingua import LanguageDetectorBuilder

    builder = LanguageDetectorBuilder.from_all_languages()
    if low_accuracy:
        builder = builder.with_low_accuracy_mode()
    detector = builder.build()

    def detect(texts: list[str]) -> Guesses:
        results = map(detector.detect_language_of, texts)
        return [(r.iso_code_639_1.name.lower() if r else None, 1.0) for r in results]

    return detect


def candidates() -> Iterator[tuple[str, bool, Detector]]:
    """Name, whether it is slow, and the detector, for each candidate that is installed."""
    yield "fastText lid.176.ftz", False, fasttext_alone
    for name, module, slow, build in (
        ("pycld2", "pycld2", False, cld2),
        ("cld3-py", "gcld3", False, cld3),
        ("py3langid", "py3langid", False, langid),
        ("lingua, low accuracy", "lingua", True, lambda: lingua(True)),
        ("lingua", "lingua", True, lambda: lingua(False)),
    ):
        if importlib.util.find_spec(module):
            yield name, slow, build()
        else:
            print(f"{name}: not installed")


def report(name: str, posts: pl.DataFrame, guesses: Guesses, least: float, speed: float) -> None:
    """Print one line of the table; a guess below ``least`` counts as no answer."""
    frame = posts.with_columns(
        guess=pl.Series([g if p >= least else None for g, p in guesses], dtype=pl.String)
    )
    english, is_english = pl.col("lang") == "en", (pl.col("guess") == "en").fill_null(False)
    passed = frame.filter(~english).select(is_english.mean()).item() or 0.0
    german = frame.filter(pl.col("lang") == "de").select(is_english.mean()).item() or 0.0
    missed = frame.filter(english).select((~is_english).mean()).item()
    right = frame.select((pl.col("guess") == pl.col("lang")).fill_null(False).mean()).item()
    print(
        f"| {name:<28} | {least:>5.2f} | {passed:>6.2%} | {german:>6.2%} | {missed:>6.2%} "
        f"| {right:>6.2%} | {speed:>9,.0f} |"
    )


def timed(detect: Detector, texts: list[str]) -> tuple[Guesses, float]:
    """Guesses, and texts per second of CPU time (the process's, so of all its threads)."""
    detect(texts[:100])
    started = time.process_time()
    guesses = detect(texts)
    return guesses, len(texts) / (time.process_time() - started)


def ours(texts: list[str]) -> Guesses:
    """``core.language.detect``, cleaning included; it applies its own thresholds."""
    found = language.detect(texts)
    return list(zip(found["lang"].to_pylist(), found["confidence"].to_pylist(), strict=True))


def main() -> None:
    """Print the table."""
    default = os.environ.get("SENTIMENT_SHARED_DATA", str(ROOT.parent / "shared" / "data"))
    posts = load(Path(sys.argv[1] if len(sys.argv) > 1 else default))
    print(f"{len(posts):,} posts, {posts['lang'].value_counts(sort=True).rows()}\n")
    columns = "from", "others as English", "German as English", "English missed", "right", "posts/s"
    print("| detector |", " | ".join(columns), "|")
    print("|---|---|---|---|---|---|---|")
    guesses, speed = timed(ours, posts["text"].to_list())
    report("core.language.detect", posts, guesses, 0.0, speed)
    english = posts.filter(pl.col("lang") == "en")
    guesses, speed = timed(ours, english["text"].to_list())
    report("the same, English posts only", english, guesses, 0.0, speed)
    for name, slow, detect in candidates():
        sample = posts.head(SLOW_SAMPLE) if slow else posts
        guesses, speed = timed(detect, sample["readable"].to_list())
        for least in (0.0,) if name.startswith("lingua") else (0.0, 0.5, 0.9):
            report(name, sample, guesses, least, speed)


if __name__ == "__main__":
    main()
