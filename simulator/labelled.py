"""Sentences of the story with the mood that they were written in, as labelled JSON lines.

    python -m simulator.labelled > sentiment_assets/core/sentiment/labelled_sentences.jsonl

What belongs here: which moods count as which label. The sentences are ``phrases``. They were
written so that a lexicon sees their mood, so a scorer that does well on them proves little.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

from simulator import phrases, texts

#: Fillings of each frame.
_FILLED = 3

MOODS = {
    "joy": "positive", "praise": "positive", "relief": "positive", "complaint": "negative",
    "anger": "negative", "sarcasm": "negative", "neutral": "neutral",
}  # fmt: skip


def sentences() -> Iterator[dict[str, str]]:
    """``text, label, lang``, always the same and each text once."""
    rng = random.Random(20)
    seen: set[str] = set()
    for mood, label in MOODS.items():
        for frame in phrases.ENGLISH[mood]:
            for _ in range(_FILLED):
                text = texts.fill(rng, frame)
                if text not in seen:
                    seen.add(text)
                    yield {"text": text, "label": label, "lang": "en"}


def main() -> None:
    """Print them."""
    for row in sentences():
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
