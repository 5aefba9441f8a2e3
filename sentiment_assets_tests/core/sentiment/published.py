"""Texts that reach every rule of VADER, and what the published package says of them.

``python -m sentiment_assets_tests.core.sentiment.published`` writes ``published_3.11.jsonl`` anew:
the scores of vaderSentiment 3.3.2 on Python 3.11, frozen, since later Pythons add differently. Run
it with Python 3.11 only.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from vaderSentiment import vaderSentiment as published

from sentiment_assets.core.sentiment.vader_words import CASELESS

FROZEN = Path(__file__).with_name("published_3.11.jsonl")
MIXED = 600

Reference = Callable[[str], tuple[float, ...]]

# Case of letters that had none in Python 3.11: any other such letter does the same there.
_AS_IN_3_11 = dict.fromkeys(map(ord, CASELESS), "\u597d")

CASES = {
    "no word": ["", " ", "\n\t", "!!!", "...", "a"],
    "no sentiment": ["the table stands there", "??", "RT"],
    "negation": ["not good", "not very good", "not so very good", "isnt it good", "can't be good",
                 "without doubt good", "without a doubt good", "never so good", "never this good",
                 "never so very good", "never been this good", "it is so good here",
                 "shouldn't've good"],
    "no": ["no good", "no problem no", "no", "no no", "no very good", "no bad or good",
           "no bad nor good", "no idea or good", "no idea and good", "NO GOOD deal"],
    "boosters": ["very good", "very very very good", "VERY good", "barely good", "BARELY bad",
                 "kind of good", "It was only kind of good", "it was sort of good",
                 "kind-of good", "just enough good to it", "a kind heart", "kind", "kind of"],
    "caps": ["GOOD", "a GOOD day", "A GOOD DAY", "A GOOD DAY 5", "this is BAD", "1 BAD", "BAD :)"],
    "idioms": ["it is the shit", "this is the bomb", "he is a bad ass", "at the bus stop now",
               "oh yes yeah right", "yeah right sure", "the kiss of death here", "shoes to die for",
               "these shoes are to die for", "my own beating heart", "he is so badass",
               "well now that was kiss of death", "a big fat kiss of death", "one bus stop love it",
               "at the bus stop love", "my old bad ass love"],
    "least": ["least good", "the least good", "at least good", "very least good", "At LEAST GOOD"],
    "but": ["good but bad", "bad but good but bad", "but good", "good but", "good good but good",
            "great BUT horrible great", "good bad but good bad good", "good, but. good"],
    "punctuation": ["good!", "good!!", "good!!!!", "good!!!!!!!!", "good?", "good??", "good???",
                    "good????", "bad?!?!", "!good!", "'good'", "(good)", "g.o.o.d", "ok!!!",
                    "#good", "good,bad", "bad!! good??"],
    "emoticons": [":)", ":(", ":D", ":-D", "x:)", ":).", "(:", "<3", "</3", "O.o", "XD good"],
    "emoji": ["😀", "😀😀", "😀 😀", "good😀", "😀good", "😀 good", "🔛", "🆙good", "👍🏽",
              "👩‍👩‍👧",
              "🇿🇦", "❤️", "♥good", "©good", "®", "😀!", "😡 not good", "not😀good",
              "\t😀", "💔but😀"],
    "ties of rounding": ["table " * words + mood for mood in ("ugh", "good", "sad", "great", "rest")
                         for words in range(1, 40)],
    "contractions": ["don't like", "DON'T like", "x'n'tn't good", "n't good", "'n't' bad",
                     "isn't it", "mustn't've been good", "won'ttable good", "😀'n't good",
                     "aren't! you! happy!"],
    "Kelvin sign": ["\u212aind of good", "thanks \u212a", "li\u212ae it", "o\u212a!!", "\u212a",
                    "LI\u212aE it a lot", "😀\u212a li\u212ae \u212a😀"],
    "letters without case": ["GOOD\ua7f2 day", "\U0001e030GOOD day", "GOOD\u10fc a",
                             "VERY\uab69 good"],
    "null character": ["good\x00", "\x00good", "\x00", "good \x00 bad", "no\x00 good",
                       "goodness\x00\x00"],
    "Unicode": ["ſo good", "GOOD İ", "\u212aIND of good", "good\u2003bad", "good\u00a0bad",  # noqa: RUF001
                "good\x00bad", "\x1fgood\x85bad", "ISN’T good", "ｇｏｏｄ", "die Kinder", "حب"],  # noqa: RUF001
}  # fmt: skip

LEXICON = sorted(published.SentimentIntensityAnalyzer().lexicon)
EMOJI = sorted(published.SentimentIntensityAnalyzer().emojis)
PHRASES = [p for p in (*published.SPECIAL_CASES, *published.BOOSTER_DICT) if " " in p]
NAMED = ["no", "or", "nor", "least", "at", "very", "never", "so", "this", "without", "doubt",
         "but", "kind", "of", "mustn't've", "table", "42", "good", "bad"]  # fmt: skip

BEFORE, BEHIND = (
    ("", "", "", "(", "#"),
    (*" " * 6, "! ", "? ", "?? ", ", ", "\n", "\u3000", "😀 ", ""),
)


def mixed_texts(seed: int) -> list[str]:
    """Words of every kind in any order, some in capitals."""
    chance = random.Random(seed)
    kinds = (NAMED, NAMED, LEXICON, LEXICON, PHRASES, list(published.BOOSTER_DICT),
             published.NEGATE, EMOJI)  # fmt: skip
    cases = (str, str, str, str.upper, str.title)

    def word() -> str:
        said = chance.choice(cases)(chance.choice(chance.choice(kinds)))
        return chance.choice(BEFORE) + said + chance.choice(BEHIND)

    return ["".join(word() for _ in range(chance.randint(1, 14))) for _ in range(MIXED)]


def left_to_right(values: Iterable[float]) -> float:
    """What ``sum`` did before Python 3.12."""
    total = 0.0
    for value in values:
        total += value
    return total


def as_on_3_11(analyzer: published.SentimentIntensityAnalyzer) -> Reference:
    """The published function over letters as Python 3.11 knew them."""
    return lambda text: tuple(analyzer.polarity_scores(text.translate(_AS_IN_3_11)).values())


def main() -> None:
    """Write the frozen scores."""
    if sys.version_info[:2] != (3, 11):
        sys.exit(f"scores are frozen with Python 3.11; this is {sys.version.split()[0]}")
    score = published.SentimentIntensityAnalyzer().polarity_scores
    texts = [*(text for texts in CASES.values() for text in texts), *mixed_texts(seed=3)]
    rows = [[text, *score(text).values()] for text in texts]
    FROZEN.write_text("".join(f"{json.dumps(row, ensure_ascii=True)}\n" for row in rows))


if __name__ == "__main__":
    main()
