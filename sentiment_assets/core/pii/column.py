"""The redactor over a column: the same texts and counts as one by one, in a fraction of the time.

What belongs here: in what order a column's texts are given to the rules. ``look`` says which texts
need which: most hold nothing, or a plain handle or link. Each other is given to the rules that may
find something in it, and again until a pass finds nothing. What a rule finds is ``redactor``'s and
the rules' own.
"""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from sentiment_assets.core.pii.allowed import rows_with_allowed
from sentiment_assets.core.pii.kernel import kernel_in_use
from sentiment_assets.core.pii.known_names import may_be_spelled
from sentiment_assets.core.pii.look import REDACTIONS, counts, first_look, look, may_spell
from sentiment_assets.core.pii.name_finding import find_names
from sentiment_assets.core.pii.names import NameFinder
from sentiment_assets.core.pii.redactor import (
    PASSES,
    found,
    in_text,
    recognised,
    redact,
    rules_of,
    with_masks,
    without_masks,
)
from sentiment_assets.core.pii.seen import FirstLook

# Polars builds each pattern's automaton anew at every call: where it is asked, fewer texts are done
# one by one.
_FEW = 60


def redact_batch(
    texts: pl.Series,
    known_names: pl.Series | None = None,
    regions: pl.Series | str | None = None,
    allow: tuple[str, ...] = (),
    finder: NameFinder | None = None,
) -> pl.DataFrame:
    """``redact`` over a column.

    Args:
        texts: strings or null.
        known_names: a list of strings (or null) per text.
        regions: a country (or null) per text, or one for all.
        allow: as ``redact`` takes it.
        finder: as ``redact`` takes it.

    Returns:
        ``text`` (null where the input is) and ``redactions``, a list of ``{kind, count}`` ordered
        by kind, empty where the text is null or nothing was masked.
    """
    texts = texts.cast(pl.String)
    if known_names is None or known_names.dtype == pl.Null:
        known_names = pl.Series([None], dtype=pl.List(pl.String)).new_from_index(0, len(texts))
    known_names = known_names.list.drop_nulls()
    if not isinstance(regions, pl.Series):
        regions = pl.Series([regions], dtype=pl.String).new_from_index(0, len(texts))
    column = _Column(texts, known_names, regions, allow)
    first = first_look(texts, regions, allow)
    typed = set(first.typed)
    hinted = {*first.hinted, *_rows_with_names(first.read, known_names, allow)} - typed
    suspected = [row for row in first.suspected if row not in hinted and row not in typed]
    changed = _names_pass(suspected, first, allow)
    # A rule reads a text as it was: a plain mask may be part of what it finds.
    rows = sorted(hinted)
    working = dict(zip(rows, texts.gather(rows), strict=True)) | changed
    changed |= working
    for _ in range(PASSES):
        if len(working) < (1 if kernel_in_use() == "compiled" else _FEW):
            break
        working = column.passed(working)
        changed |= working
    masked = first.text
    if changed:
        masked = masked.clone().scatter([*changed], pl.Series([*changed.values()], dtype=pl.String))
    redacted = pl.DataFrame({"text": masked, "redactions": counts(masked, allow)})
    redacted = redacted.with_columns(pl.col("redactions").cast(REDACTIONS).fill_null([]))
    careful = sorted(typed | working.keys())
    if careful:
        redacted = _replaced(redacted, careful, column.one_by_one(careful))
    return redacted if finder is None else _with_recognised(redacted, finder, allow)


def _names_pass(rows: list[int], first: FirstLook, allow: tuple[str, ...]) -> dict[int, str]:
    """New texts, by row, where no rule and no known name is hinted at and a name is suspected."""
    later = {}
    read = first.read.gather(rows)
    for row, text, seen, kept in zip(
        rows, first.text.gather(rows), read, rows_with_allowed(read, allow), strict=True
    ):
        spans = find_names(without_masks(seen), allow if kept else ())
        if spans and row in first.canonical:
            spans = in_text(text, spans, first.canonical[row])
        if spans:
            later[row] = with_masks(text, spans)
    return later


class _Column(NamedTuple):
    """What came with the texts of a column."""

    texts: pl.Series
    known_names: pl.Series
    regions: pl.Series
    allow: tuple[str, ...]

    def passed(self, working: dict[int, str]) -> dict[int, str]:
        """One pass over what is masked so far: new texts, by row, where it finds something."""
        rows = [*working]
        regions = self.regions.gather(rows)
        seen = look(pl.Series([*working.values()], dtype=pl.String), regions, self.allow)
        known_names = self.known_names.gather(rows)
        spelled = _rows_with_names(seen.read, known_names, self.allow)
        names = dict(zip(spelled, known_names.gather(spelled).to_list(), strict=True))
        later = {}
        # Most rows need nothing more.
        looked_at = sorted({*seen.places, *seen.suspected, *spelled})
        for at, read, region in zip(
            looked_at, seen.read.gather(looked_at), regions.gather(looked_at), strict=True
        ):
            row = rows[at]
            text = working[row]
            rules = rules_of(region)
            spans = found(
                text,
                seen.canonical.get(at),
                without_masks(read),
                [rules[place] for place in seen.places.get(at, ())],
                names.get(at, ()),
                self.allow,
                suspected=at in seen.suspected,
            )
            if spans:
                later[row] = with_masks(text, spans)
        return later

    def one_by_one(self, rows: list[int]) -> pl.DataFrame:
        """``text`` and ``redactions`` of rows that need more care than it pays to do for many."""
        results = [
            redact(raw, names or (), region, self.allow)
            for raw, names, region in zip(
                self.texts.gather(rows),
                self.known_names.gather(rows).to_list(),
                self.regions.gather(rows),
                strict=True,
            )
        ]
        return pl.DataFrame(
            {
                "text": pl.Series([result.text for result in results], dtype=pl.String),
                "redactions": pl.Series([r.counts() for r in results], dtype=REDACTIONS),
            }
        )


def _replaced(frame: pl.DataFrame, rows: Sequence[int], others: pl.DataFrame) -> pl.DataFrame:
    """A frame with other values in some rows."""
    given = frame.with_row_index("row")
    new = others.with_columns(row=pl.Series(rows, dtype=pl.UInt32)).select(given.columns)
    kept = given.filter(~pl.col("row").is_in(new["row"].implode()))
    return pl.concat([kept, new]).sort("row").drop("row")


def _with_recognised(
    redacted: pl.DataFrame, finder: NameFinder, allow: tuple[str, ...]
) -> pl.DataFrame:
    """Masked texts and their counts, with what a model finds besides."""
    rows = redacted.with_row_index("row").drop_nulls("text")
    found = recognised(rows["text"].to_list(), finder, allow)
    later = pl.DataFrame(
        {
            "row": rows["row"],
            "text": [with_masks(text, s) for text, s in zip(rows["text"], found, strict=True)],
            "more": [len(spans) for spans in found],
        },
        schema={"row": pl.UInt32, "text": pl.String, "more": pl.Int32},
    )
    counted = (
        redacted.with_row_index("row")
        .select("row", "redactions")
        .explode("redactions", empty_as_null=False, keep_nulls=False)
        .unnest("redactions")
    )
    named = later.filter(pl.col("more") > 0).select("row", kind=pl.lit("name"), count="more")
    counts = (
        pl.concat([counted, named])
        .group_by("row", "kind")
        .agg(pl.col("count").sum())
        .sort("row", "kind")
        .group_by("row", maintain_order=True)
        .agg(redactions=pl.struct("kind", "count"))
    )
    return (
        redacted.with_row_index("row")
        .select("row")
        .join(later.select("row", "text"), on="row", how="left", maintain_order="left")
        .join(counts, on="row", how="left", maintain_order="left")
        .select("text", pl.col("redactions").fill_null([]))
    )


def _rows_with_names(read: pl.Series, known_names: pl.Series, allow: tuple[str, ...]) -> list[int]:
    """Numbers of the rows whose canonical text may spell one of their names."""
    rows = may_spell(read, known_names, allow)
    # One by one: Polars takes five times as long to pair each text with the spellings.
    return [
        row
        for row, text, names in zip(
            rows, read.gather(rows), known_names.gather(rows).to_list(), strict=True
        )
        if text is not None and names and may_be_spelled(names, text.lower())
    ]
