"""Write the accuracy card, docs/accuracy.md, from labelled posts.

    .venv/bin/python docs/accuracy.py FOLDER PLATFORM

``FOLDER`` holds labelled JSON lines as ``sentiment accuracy --data`` reads them, ``PLATFORM`` is
that of posts that don't name one. What belongs here: the words around the figures, and where the
labels come from. Measures are ``core.accuracy``'s.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from sentiment_assets.cli.accuracy import prepared, read_labelled, shown
from sentiment_assets.core.accuracy import (
    CHOSEN_ON,
    EXAMPLES,
    HELD_BACK,
    LABELS,
    Measure,
    gain,
    measure,
    own_sentences,
)
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.sentiment import SCORERS, label_of, score_texts
from sentiment_assets.core.sentiment.social import SOCIAL, social_list
from sentiment_assets.core.sentiment.vader import VADER

PAGE = Path(__file__).with_name("accuracy.md")

_HEAD = """\
<!-- Made by docs/accuracy.py; edit that, then run it. -->

# How often scorers are right

Scorers against labels that people gave. A share stands with its 95 % interval: with other posts of the
same kind it would lie in there 19 times of 20. How to choose a scorer: [scorers](scorers.md).

- **Macro recall**: of the negative, the neutral and the positive posts, the share that is called so; the mean
  of the three. Guessing gives 0.333. **Macro F1** also counts what is called so wrongly.
- A score is a label by the bounds of VADER's authors: positive from 0.05, negative from -0.05 down.
- Posts are scored as on their way to silver: tidied, identifiers masked. Posts that differ only in signs,
  spaces or capitals count once.

Measure on posts of your own, which say more than this page: `sentiment accuracy --data FOLDER`.

"""

_SOURCES = """\
## Where the labels come from

Two public collections of posts of X with labels that people gave, made for research. They are not part of the
project.

- English: 2,000 posts of TweetEval's sentiment task, none of its test set, and the English part of UMSAB's
  training and validation sets.
- Other languages: UMSAB.

Nobody graded these posts on a scale, so no correlation is measured here; files with `score` get one. The posts
are years old: today's slang and emoji are rarer in them than in today's.
"""


def page(labelled: pl.DataFrame) -> str:
    """The whole card."""
    measures = list(measure(labelled, list(SCORERS.values())))
    parts = [
        _HEAD,
        english(measures, labelled),
        confusions(measures),
        platforms(measures),
        languages(measures),
        own(),
        limits(),
        _SOURCES,
    ]
    return "\n".join(parts)


def english(measures: Sequence[Measure], labelled: pl.DataFrame) -> str:
    """The main table, and what the list of words adds."""
    rows = [
        (
            f"`{m.scorer}`",
            m.platform or "not told",
            f"{m.n:,}",
            shown(m.macro_recall),
            shown(m.macro_f1),
            *(shown(recall) for recall in m.recalls),
        )
        for m in measures
        if m.lang == "en" and m.part == HELD_BACK
    ]
    (chosen,) = [
        m for m in measures if (m.lang, m.part, m.scorer) == ("en", CHOSEN_ON, SOCIAL.name)
    ]
    held = labelled.filter(pl.col("lang") == "en", pl.col("part") == HELD_BACK)
    added = gain(held, SOCIAL, VADER)
    head = ["scorer", "platform", "n", "macro recall", "macro F1", *(f"of {x}" for x in LABELS)]
    return f"""\
## English

{_table(head, rows)}

`{SOCIAL.name}` adds {len(social_list())} words, phrases and emoji to VADER. They were chosen by looking at one
half of these posts; the table is of the other half, and was looked at three times while the list was made. On the half
that was looked at, its macro recall is {shown(chosen.macro_recall)}. Against `vader` on the same held-back
posts it gains {shown(added)}.
"""


def confusions(measures: Sequence[Measure]) -> str:
    """What is taken for what, on the held-back English posts."""
    parts = ["## What is taken for what\n"]
    for one in measures:
        if one.lang == "en" and one.part == HELD_BACK:
            rows = [
                (label, *(f"{count:,}" for count in counts))
                for label, counts in zip(LABELS, one.confusion, strict=True)
            ]
            head = [f"`{one.scorer}` {one.version}", *(f"called {x}" for x in LABELS)]
            parts.append(_table(head, rows) + "\n")
    parts.append(
        "Most errors are of one kind: neutral posts with a word of feeling in them. Compare means "
        "with means;\ndo not take one post's label for granted.\n"
    )
    return "\n".join(parts)


def platforms(measures: Sequence[Measure]) -> str:
    """Which platforms have labels at all."""
    rows = []
    for name, platform in PLATFORMS.items():
        count = sum(
            m.n for m in measures if m.platform == name and m.scorer == VADER.name and m.supported
        )
        rows.append((platform.title, f"{count:,} English posts" if count else "not measured"))
    return f"""\
## Platforms

{_table(["platform", "labels"], rows)}

Posts of LinkedIn or comments on Instagram read otherwise than posts of X. What holds there is not known.
"""


def languages(measures: Sequence[Measure]) -> str:
    """What scorers would say of languages that are kept from them."""
    others = sorted({m.lang for m in measures if m.lang != "en"})
    names = list(SCORERS)
    found = {(m.lang, m.scorer): m for m in measures}
    rows = [
        (
            f"`{lang}`",
            f"{found[lang, names[0]].n:,}",
            *(shown(found[lang, name].macro_recall) for name in names),
        )
        for lang in others
    ]
    return f"""\
## Other languages

No scorer here knows another language than English. The gate keeps such posts unscored
(`language_not_supported`). Were they scored all the same, this is the macro recall:

{_table(["language", "n", *(f"`{name}`" for name in names)], rows)}

Emoji and English words lift it above guessing. A model of your own can bring more languages:
[add a scorer](add-a-scorer.md).
"""


def own() -> str:
    """The sentences that come with the project."""
    sentences = own_sentences().with_columns(part=pl.lit("all"))
    rows = [
        (f"`{m.scorer}`", f"{m.n:,}", shown(m.macro_recall), shown(m.macro_f1))
        for m in measure(sentences, list(SCORERS.values()))
    ]
    return f"""\
## The project's own sentences

`sentiment accuracy` without `--data` measures on sentences of the simulator, labelled with the mood they were
written in. **They prove little**: they were written so that a lexicon sees their mood. They are there so that the
command can be tried.

{_table(["scorer", "n", "macro recall", "macro F1"], rows)}
"""


def limits() -> str:
    """What no lexicon can do, with what the scorers say of it."""
    texts = [example.text for example in EXAMPLES]
    verdicts = {name: list(_verdicts(texts, name)) for name in SCORERS}
    rows = [
        (example.text, example.reader, *(verdicts[name][i] for name in SCORERS), example.why)
        for i, example in enumerate(EXAMPLES)
    ]
    wrong = sum(not verdicts[VADER.name][i].startswith(e.reader) for i, e in enumerate(EXAMPLES))
    return f"""\
## What they cannot do

A lexicon counts words. It knows no context, no tone, no facts. Examples, scored when this page was made;
`vader` is wrong in {wrong} of {len(EXAMPLES)}:

{_table(["text", "a reader says", *(f"`{name}`" for name in SCORERS), "why"], rows)}

In an outage sarcasm is common, and lifts the mean. A list of words mends none of this.
"""


def _verdicts(texts: list[str], name: str) -> Iterator[str]:
    scores = pl.DataFrame(score_texts(texts, SCORERS[name]))
    labels = scores.select(label_of(pl.col("compound"))).to_series()
    for label, compound in zip(labels, scores["compound"], strict=True):
        yield f"{label} {compound:+.2f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main(folder: str, platform: str) -> None:
    """Write the page."""
    labelled = prepared(read_labelled(Path(folder)), platform, own=False)
    PAGE.write_text(page(labelled), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
