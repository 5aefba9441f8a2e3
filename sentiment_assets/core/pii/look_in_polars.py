"""The first look at a column by patterns over it all, for where the compiled kernel is not.

What belongs here: which texts need which rules, asked of Polars. What the answers are for is said
in ``look``, which chooses between this and the kernel; what a rule finds is the rules' own.
"""

from __future__ import annotations

import polars as pl

from sentiment_assets.core.pii.digits import SHORT_HINT
from sentiment_assets.core.pii.names_suspected import suspects
from sentiment_assets.core.pii.redactor import KINDS, MASKS, RULES, rules_of
from sentiment_assets.core.pii.rule import BLANK, mask
from sentiment_assets.core.pii.seen import FirstLook, Look
from sentiment_assets.core.text import NEEDS_CANONICAL, canonicalise

_PLAIN_LINK = r"(^|\s)https://t\.co/[A-Za-z0-9]{1,10}"
# The scheme of a link behind an @ is no plain handle.
_SCHEME = r"@[A-Za-z0-9_.]+:/"
_PLAIN_HANDLE = r"""(^|[\s.,:;!?"'(])@[A-Za-z_][A-Za-z0-9_]*(?:\.[a-z0-9_]+)*"""


def first_look(texts: pl.Series, regions: pl.Series) -> FirstLook:
    """As :func:`sentiment_assets.core.pii.look.first_look`."""
    raw = pl.col("raw")
    plain = raw.str.replace_all(_PLAIN_LINK, "${1}[url]").str.replace_all(
        _PLAIN_HANDLE, "${1}[handle]"
    )
    frame = (
        pl.DataFrame({"raw": texts, "region": regions})
        .with_row_index("row")
        .with_columns(
            disguised=raw.str.contains(NEEDS_CANONICAL).fill_null(False),
            typed=raw.str.contains(MASKS.pattern).fill_null(False),
        )
        .with_columns(
            text=pl.when(pl.col("disguised") | raw.str.contains(_SCHEME)).then(raw).otherwise(plain)
        )
    )
    # What the rules read in place of a disguised text, so that they need not look at most of them.
    disguised = frame.filter("disguised").select("row", "raw")
    canonical = {row: canonicalise(text) for row, text in disguised.iter_rows()}
    read = frame["text"]
    if canonical:
        read = read.clone().scatter(disguised["row"], [one.text for one in canonical.values()])
    frame = frame.with_columns(read=read)
    hinted = _rows_with_hints(frame)
    # Of the others, those in which a name may stand.
    plain_rows = frame.filter(~pl.col("row").is_in(hinted.implode()) & ~pl.col("typed"))
    suspected = plain_rows.filter(suspects(_blanked(plain_rows["read"])))["row"]
    return FirstLook(
        frame["text"],
        read,
        canonical,
        frozenset(hinted),
        suspected.to_list(),
        frame.filter("typed")["row"].to_list(),
    )


def look(texts: pl.Series, regions: pl.Series) -> Look:
    """As :func:`sentiment_assets.core.pii.look.look`."""
    disguised = texts.str.contains(NEEDS_CANONICAL)
    rows = disguised.arg_true()
    canonical = {
        row: canonicalise(text) for row, text in zip(rows, texts.filter(disguised), strict=True)
    }
    if canonical:
        texts = texts.clone().scatter(rows, [one.text for one in canonical.values()])
    searched = _blanked(texts)
    return Look(
        searched, canonical, _hits(searched, regions), suspects(searched).arg_true().to_list()
    )


def counts(texts: pl.Series) -> pl.Series:
    """As :func:`sentiment_assets.core.pii.look.counts`."""
    text = pl.col("text")
    rows = texts.to_frame("text").with_row_index("row")
    found = (
        rows.filter(text.str.contains("[", literal=True))
        .select("row", *(text.str.count_matches(mask(k), literal=True).alias(k) for k in KINDS))
        .unpivot(index="row", variable_name="kind", value_name="count")
        .filter(pl.col("count") > 0)
        .sort("row", "kind")
        .group_by("row", maintain_order=True)
        .agg(redactions=pl.struct("kind", pl.col("count").cast(pl.Int32)))
    )
    return rows.join(found, on="row", how="left", maintain_order="left")["redactions"]


def _rows_with_hints(frame: pl.DataFrame) -> pl.Series:
    """Numbers of the rows whose ``read`` text matches any rule's hint.

    Nearly every rule needs a digit, and one post in six has one. One pattern of all hints would
    take ten times as long as each by itself.
    """

    def rows(frame: pl.DataFrame, needs_digit: bool) -> pl.Series:
        hints = dict.fromkeys(rule.hint for rule in RULES if rule.needs_digit is needs_digit)
        return frame.filter(pl.any_horizontal(pl.col("read").str.contains(h) for h in hints))["row"]

    frame = frame.select("row", "read", "region")
    with_digit = frame.filter(pl.col("read").str.contains("[0-9]"))
    short = with_digit.filter(
        pl.col("region").is_not_null() & pl.col("read").str.contains(SHORT_HINT)
    )
    return pl.concat([rows(with_digit, True), rows(frame, False), short["row"]])


def _blanked(texts: pl.Series) -> pl.Series:
    """``without_masks`` over a column."""
    masks = [mask(kind) for kind in KINDS]
    blanks = [BLANK * len(one) for one in masks]
    return texts.to_frame("text").select(pl.col("text").str.replace_many(masks, blanks)).to_series()


def _hits(searched: pl.Series, regions: pl.Series) -> dict[int, list[int]]:
    """Of each text the places, in the rules of its region, of those whose hint it matches."""
    places: dict[int, list[int]] = {}
    frame = pl.DataFrame({"text": searched, "region": regions}).with_row_index("row")
    for group in frame.partition_by("region"):
        with_digit = group.filter(pl.col("text").str.contains("[0-9]"))
        for place, rule in enumerate(rules_of(group["region"][0])):
            rows = with_digit if rule.needs_digit else group
            for row in rows.filter(pl.col("text").str.contains(rule.hint))["row"]:
                places.setdefault(row, []).append(place)
    return places
