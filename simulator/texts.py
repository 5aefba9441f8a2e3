"""Composes the text of a post from frames and words. Knows moods and languages, not times."""

from __future__ import annotations

import functools
import random
import string
from collections.abc import Sequence

from simulator import personal_data, phrases

_LANGS = [lang for lang, weight in phrases.FOREIGN_WEIGHTS for _ in range(weight)]
# Longer posts stand in full only in note_tweet.
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
    "d": [str(n) for n in range(4, 21)],
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


def sentences(rng: random.Random, mood: str, lang: str, count: int) -> list[str]:
    """Sentences in the mood (see ``phrases.ENGLISH``) and language, no frame twice."""
    if lang == "en":
        frames = phrases.ENGLISH[mood]
    else:
        frames = phrases.FOREIGN[lang][phrases.TONE.get(mood, "plain")]
    return [fill(rng, frame) for frame in rng.sample(frames, min(count, len(frames)))]


def _opened(rng: random.Random, text: str) -> str:
    """With a word before it, or a capital, or as people type it on a telephone."""
    opener = fill(rng, one(rng, phrases.OPENERS))
    if not opener:
        return text[0].upper() + text[1:] if rng.random() < 0.6 else text
    starts_name = text.startswith(("I ", "I'", "Nimbus", "Stratus", "Cirrus"))
    plain = text[0].isupper() and text[1].islower() and not starts_name
    return opener + (text[0].lower() + text[1:] if plain else text)


def post(rng: random.Random, mood: str, lang: str) -> str:
    """An original post: opener, sentence or several, closer; now and then personal data."""
    dice = rng.random()
    count = 5 + int(rng.random() * 5) if dice < 0.03 else 2 if dice > 0.80 else 1
    said = sentences(rng, mood, lang, count)
    if lang == "en":
        said[0] = _opened(rng, said[0])
        if 0.03 <= dice < 0.12:
            said.append(personal_data.sentence(rng))
    text = _joined(said) if len(said) > 1 else said[0]
    if 0.12 <= dice < 0.15 and "http" not in text:
        text = text.upper()
    return text + one(rng, phrases.CLOSERS[phrases.TONE.get(mood, "plain")])


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
    words[int(rng.random() * len(words))] += one(rng, (",", "!", " …", " 😅"))
    return " ".join(words)


def leak(rng: random.Random) -> str:
    """A sentence that gives personal data away."""
    return personal_data.sentence(rng)


def spam(rng: random.Random) -> str:
    """Advertising that several accounts post word for word."""
    return fill(rng, one(rng, phrases.SPAM))
