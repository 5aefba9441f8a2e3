"""Composes the text of a post from frames and words. Knows moods and languages, not times."""

from __future__ import annotations

import functools
import random
import string
from collections.abc import Sequence

from simulator import personal_data, phrases

_LANGS = [lang for lang, weight in phrases.FOREIGN_WEIGHTS for _ in range(weight)]
# A long post is one that only note_tweet holds in full.
SHORT = 280


@functools.cache
def _parts(frame: str) -> tuple[tuple[str, str | None], ...]:
    return tuple((text, slot) for text, slot, _, _ in string.Formatter().parse(frame))


_WORDS: dict[str, Sequence[str]] = {
    "p": phrases.PRODUCT,
    "r": phrases.RIVAL,
    "f": phrases.FEATURE,
    "t": phrases.TOPIC,
    "g": phrases.GOOD,
    "b": phrases.BAD,
    "n": [str(n) for n in range(2, 100)],
}


def one(rng: random.Random, options: Sequence[str]) -> str:
    """A uniform choice; three times as fast as ``rng.choice``, and called for every word."""
    return options[int(rng.random() * len(options))]


def fill(rng: random.Random, frame: str) -> str:
    """The frame with a word in each slot."""
    pieces = []
    for text, slot in _parts(frame):
        pieces.append(text)
        if slot == "link":
            pieces.append(f"{rng.getrandbits(40):010x}")
        elif slot is not None:
            pieces.append(one(rng, _WORDS[slot]))
    return "".join(pieces)


def _joined(sentences: list[str]) -> str:
    return " ".join(s if s[-1] in ".!?" else s + "." for s in sentences)


def foreign_language(rng: random.Random) -> str:
    """A language other than English, by its share."""
    return one(rng, _LANGS)


def sentence(rng: random.Random, mood: str, lang: str) -> str:
    """One sentence in the mood (see ``phrases.ENGLISH``) and language."""
    if lang != "en":
        frames = phrases.FOREIGN[lang]
        return fill(rng, one(rng, frames[phrases.TONE.get(mood, "plain")]))
    core = fill(rng, one(rng, phrases.ENGLISH[mood]))
    return core[0].upper() + core[1:] if rng.random() < 0.6 else core


def post(rng: random.Random, mood: str, lang: str) -> str:
    """An original post: opener, sentence or several, closer; now and then personal data."""
    closer = one(rng, phrases.CLOSERS[phrases.TONE.get(mood, "plain")])
    if lang != "en":
        return sentence(rng, mood, lang) + closer
    text = fill(rng, one(rng, phrases.OPENERS)) + sentence(rng, mood, lang)
    dice = rng.random()
    if dice < 0.03:  # long
        more = [sentence(rng, mood, lang) for _ in range(3 + int(rng.random() * 5))]
        text = _joined([text, *more])
        if len(text) < SHORT:
            text += "\n\n" + _joined([sentence(rng, mood, lang) for _ in range(4)])
    elif dice < 0.12:
        text = _joined([text, personal_data.sentence(rng)])
    elif dice < 0.33:
        text = _joined([text, sentence(rng, mood, lang)])
    elif dice < 0.36:
        text = text.upper()
    return text + closer


def reply(rng: random.Random, mood: str) -> str:
    """What answers a post, in English; the mood ``support`` is the company's own voice."""
    tone = phrases.TONE.get(mood, mood)
    stance = {"good": "agree", "bad": "upset", "support": "support"}.get(tone, "ask")
    text = fill(rng, one(rng, phrases.REPLIES[stance]))
    if stance in ("upset", "ask") and rng.random() < 0.06:
        text = _joined([text, personal_data.sentence(rng)])
    return text + one(rng, phrases.CLOSERS[phrases.TONE.get(stance, "plain")])


def edited(rng: random.Random, text: str) -> str:
    """The next version of a text: a slip mended, a word added."""
    dice = rng.random()
    if dice < 0.5:
        return text + one(rng, (" (edit: typo)", " Edit: thanks, all!", " [edited]", " !"))
    words = text.split(" ")
    words[int(rng.random() * len(words))] += one(rng, (",", " really", " indeed", " now"))
    return " ".join(words)


def spam(rng: random.Random) -> str:
    """Advertising that several accounts post word for word."""
    return fill(rng, one(rng, phrases.SPAM))
