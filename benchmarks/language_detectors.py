"""Language detectors on short posts: errors that matter to an English scorer, and speed.

Run from the repository's root, with the candidates beside the project's own dependencies::

    uv pip install pycld2 cld3-py py3langid lingua-language-detector eldc polars-whichlang
    python benchmarks/language_detectors.py [FOLDER] [--develop]

FOLDER (or SENTIMENT_SHARED_DATA, or ``../shared/data``) holds ``multilingual_posts.jsonl.gz``
(``text`` and ``lang`` per line) and ``real_posts.jsonl.gz`` (English, ``text`` per line). A hash of
the text halves both: words and thresholds are chosen on one half (``--develop``), the figures are
those of the other. Each candidate gets the same cleaned texts; one that isn't installed is named
and left out. Everything runs on one core.

Romanised Hindi has a table of its own: a third of the posts under that label are plain English.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

# Before Polars is imported, which starts its threads.
os.environ["POLARS_MAX_THREADS"] = "1"

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import polars as pl  # noqa: E402

from sentiment_assets.core import (  # noqa: E402
    function_words,
    language,
    language_model,
    language_words,
)

Guesses = list[tuple[str | None, float]]
Detector = Callable[[list[str]], Guesses]

#: About as many as the held-back posts of the other languages together.
ENGLISH_POSTS = 6_500
#: Posts for candidates that manage only a few thousand a second.
SLOW_SAMPLE = 2_000


def held_back(text: str) -> bool:
    """Whether a text belongs to the half that nothing is chosen on."""
    return bool(hashlib.blake2b(text.encode(), digest_size=1).digest()[0] & 1)


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    """The lines of a file of posts."""
    with gzip.open(folder / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def load(folder: Path, half: bool) -> tuple[pl.DataFrame, list[str]]:
    """One half: posts with ``text``, ``lang`` and ``readable``, mixed; and all English texts.

    ``half`` is what ``held_back`` says of its texts.
    """
    foreign = {(row["text"], row["lang"]) for row in rows(folder, "multilingual_posts.jsonl.gz")}
    english = list(dict.fromkeys(row["text"] for row in rows(folder, "real_posts.jsonl.gz")))
    english = [text for text in english if held_back(text) == half]
    posts = sorted((t, lang) for t, lang in foreign if lang != "en" and held_back(t) == half)
    pick = random.Random(7)
    posts += [(text, "en") for text in pick.sample(english, min(len(english), ENGLISH_POSTS))]
    pick.shuffle(posts)
    frame = pl.DataFrame(posts, schema=["text", "lang"], orient="row")
    return frame.with_columns(language_words.readable(frame["text"])), english


def fasttext_alone(texts: list[str]) -> Guesses:
    """The compressed fastText model by itself."""
    found = language_model.guesses(pl.Series(texts))
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


def eldc() -> Detector:
    """Nito-ELD, the edition in C."""
    import eldc

    eldc.init()

    def detect(texts: list[str]) -> Guesses:
        found: Guesses = []
        for text in texts:
            details = eldc.detect_details(text)
            named = details.language != "und"
            sure = max(details.scores.values(), default=0.0)
            found.append((details.language, sure) if named else (None, 0.0))
        return found

    return detect


def whichlang() -> Detector:
    """whichlang, as a plugin of Polars; sixteen languages and no probability."""
    import polars_whichlang

    codes = {"ara": "ar", "cmn": "zh", "deu": "de", "eng": "en", "fra": "fr", "hin": "hi"}
    codes |= {"ita": "it", "jpn": "ja", "kor": "ko", "nld": "nl", "por": "pt", "rus": "ru"}
    codes |= {"spa": "es", "swe": "sv", "tur": "tr", "vie": "vi"}

    def detect(texts: list[str]) -> Guesses:
        frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
        found = frame.select(polars_whichlang.detect_lang("text")).to_series()
        return [(codes.get(code), 1.0) for code in found.to_list()]

    return detect


def candidates() -> Iterator[tuple[str, bool, Detector]]:
    """Name, whether it is slow, and the detector, for each candidate that is installed."""
    yield "fastText lid.176.ftz", False, fasttext_alone
    for name, module, slow, build in (
        ("pycld2", "pycld2", False, cld2),
        ("cld3-py", "gcld3", False, cld3),
        ("py3langid", "py3langid", False, langid),
        ("eldc", "eldc", False, eldc),
        ("whichlang", "polars_whichlang", False, whichlang),
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


def timed(detect: Detector, texts: list[str], runs: int = 3) -> tuple[Guesses, float]:
    """Guesses, and texts per second of CPU time in the best of some runs."""
    detect(texts[:100])
    best = float("inf")
    for _ in range(runs):
        started = time.process_time()
        guesses = detect(texts)
        best = min(best, time.process_time() - started)
    return guesses, len(texts) / best


def ours(texts: list[str]) -> Guesses:
    """``core.language.detect``, cleaning included; it applies its own thresholds."""
    found = language.detect(texts)
    return list(zip(found["lang"].to_pylist(), found["confidence"].to_pylist(), strict=True))


def in_detail(posts: pl.DataFrame, guesses: Guesses) -> None:
    """Print what becomes of each language's posts with ours."""
    guess = pl.col("guess")
    frame = posts.with_columns(guess=pl.Series([g for g, _ in guesses], dtype=pl.String))
    print("\n| posts in | n | scored as English | named right | left open |")
    print("|---|---|---|---|---|")
    shares = frame.group_by("lang").agg(
        n=pl.len(),
        english=(guess == "en").fill_null(False).mean(),
        right=(guess == pl.col("lang")).fill_null(False).mean(),
        open=guess.is_null().mean(),
    )
    for lang, n, english, right, left in shares.sort("lang").rows():
        print(f"| {lang} | {n:,} | {english:.2%} | {right:.2%} | {left:.2%} |")
    words = language_words.any_of(function_words.OTHERS["hi"].split())
    passed = frame.filter((pl.col("lang") == "hi") & (guess == "en")).select(
        hindi=pl.col("text").str.to_lowercase().str.count_matches(words)
    )
    counts = passed["hindi"]
    print(
        f"\nUnder the label hi, {len(passed)} are scored as English: {(counts == 0).sum()} of them "
        f"hold no Hindi word of our list, {(counts >= 2).sum()} hold two or more."
    )


def main() -> None:
    """Print the tables."""
    folders = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    default = os.environ.get("SENTIMENT_SHARED_DATA", str(ROOT.parent / "shared" / "data"))
    folder = Path(folders[0] if folders else default)
    everything, all_english = load(folder, half="--develop" not in sys.argv)
    posts = everything.filter(pl.col("lang") != "hi")
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
        guesses, speed = timed(detect, sample["readable"].to_list(), runs=1 if slow else 3)
        for least in (0.0,) if name.startswith(("lingua", "which")) else (0.0, 0.5, 0.9):
            report(name, sample, guesses, least, speed)
    in_detail(everything, ours(everything["text"].to_list()))
    found = pl.Series([g for g, _ in ours(all_english)], dtype=pl.String)
    print(
        f"\nAll {len(found):,} English posts of the half: {(found == 'en').sum() / len(found):.2%} "
        f"kept, {found.is_null().sum() / len(found):.2%} left open, "
        f"{(found != 'en').sum() / len(found):.2%} named otherwise."
    )


if __name__ == "__main__":
    main()
