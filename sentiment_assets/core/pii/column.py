"""The redactor over a column: the same texts and counts as one by one, in a fraction of the time.

What belongs here: which rows need which rules, found out for all rows at once. Most posts hold
nothing, or a plain handle or link; each other row is given to the rules whose hint it matches, and
again until a pass finds nothing. What a rule finds is ``redactor``'s and the rules' own.
"""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from sentiment_assets.core.pii.digits import SHORT_HINT
from sentiment_assets.core.pii.known_names import searched_for
from sentiment_assets.core.pii.names import NameFinder, find_names
from sentiment_assets.core.pii.names_suspected import suspects
from sentiment_assets.core.pii.redactor import (
    KINDS,
    MASKS,
    PASSES,
    RULES,
    found,
    in_text,
    recognised,
    redact,
    rules_of,
    with_masks,
)
from sentiment_assets.core.pii.rule import BLANK, mask
from sentiment_assets.core.text import NEEDS_CANONICAL, Canonical, canonicalise

# Most posts with an identifier hold a plain handle or the platform's short link. Those are masked
# in place; only what still shows a hint of anything afterwards is looked at.
_PLAIN_LINK = r"(^|\s)https://t\.co/[A-Za-z0-9]{1,10}"
_PLAIN_HANDLE = r"""(^|[\s.,:;!?"'(])@[A-Za-z_][A-Za-z0-9_]*(?:\.[a-z0-9_]+)*"""
_PLAIN_KINDS = ("handle", "url")

# Polars builds each pattern's automaton anew at every call: fewer texts are done one by one.
_FEW = 60

_REDACTIONS = pl.List(pl.Struct({"kind": pl.String, "count": pl.Int32}))


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
    names = pl.Series([None], dtype=pl.List(pl.String)).new_from_index(0, texts.len())
    if known_names is not None and known_names.dtype != pl.Null:
        names = known_names
    frame = _plainly_masked(
        pl.DataFrame({"raw": texts.cast(pl.String), "names": names}).with_columns(
            region=regions if isinstance(regions, pl.Series) else pl.lit(regions, pl.String)
        )
    )
    frame = frame.with_columns(
        hinted=pl.col("row").is_in(
            pl.concat([_rows_with_hints(frame), _rows_with_names(frame, names)]).implode()
        ),
        # Masks that the author typed would be counted with ours.
        typed=pl.col("raw").str.contains(MASKS.pattern),
    ).with_columns(pl.col("hinted", "typed").fill_null(False))
    plain, hinted, typed = (
        frame.filter(~pl.col("hinted") & ~pl.col("typed")),
        frame.filter(pl.col("hinted") & ~pl.col("typed")),
        frame.filter("typed"),
    )
    suspected = plain.filter(suspects(_blanked(plain["read"])))
    columns = ["row", "raw", "text", "names", "region"]
    begun = _names_pass(suspected.select(columns), allow)
    masked, left = _masked(
        pl.concat([hinted.with_columns(text="raw").select(columns), begun.rows]), allow
    )
    masked = begun.finished.vstack(masked)
    careful = pl.concat([typed.select(left.columns), left])
    plain = plain.join(masked.vstack(careful.select("row", "text")), on="row", how="anti")
    redacted = pl.concat(
        [
            _counted(plain.select("row", "text"), _PLAIN_KINDS),
            _counted(masked, KINDS),
            _one_by_one(careful, allow),
        ]
    )
    redacted = redacted.sort("row").drop("row")
    return redacted if finder is None else _with_recognised(redacted, finder, allow)


def _plainly_masked(frame: pl.DataFrame) -> pl.DataFrame:
    """With ``row``, ``text`` (plain handles and links masked) and ``read``, which rules read."""
    raw = pl.col("raw")
    plain = raw.str.replace_all(_PLAIN_LINK, "${1}[url]").str.replace_all(
        _PLAIN_HANDLE, "${1}[handle]"
    )
    frame = (
        frame.with_row_index("row")
        .with_columns(disguised=raw.str.contains(NEEDS_CANONICAL).fill_null(False))
        .with_columns(text=pl.when("disguised").then(raw).otherwise(plain))
    )
    # What the rules read in place of a disguised text, so that they need not look at most of them.
    disguised = frame.filter("disguised").select("row", "raw")
    read = pl.Series([canonicalise(text).text for text in disguised["raw"]], dtype=pl.String)
    return frame.join(
        disguised.select("row", read=read), on="row", how="left", maintain_order="left"
    ).with_columns(read=pl.col("read").fill_null(pl.col("text")))


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


class _Passed(NamedTuple):
    """``row, text`` of those in which a pass found nothing, and the rows that it changed."""

    finished: pl.DataFrame
    rows: pl.DataFrame


def _masked(rows: pl.DataFrame, allow: tuple[str, ...]) -> _Passed:
    """Pass after pass, from ``text`` on, as long as it pays; ``rows`` are left to be done."""
    finished = [rows.select("row", "text").clear()]
    for _ in range(PASSES):
        if rows.height < _FEW:
            break
        done, rows = _pass(rows, allow)
        finished.append(done)
    return _Passed(pl.concat(finished), rows)


def _pass(rows: pl.DataFrame, allow: tuple[str, ...]) -> _Passed:
    """One pass over ``row, raw, text, names, region``; what is masked so far is ``text``."""
    seen, searched = _seen(rows["text"])
    names: list[list[str] | None] = [None] * rows.height
    spelled = _rows_with_names(
        pl.DataFrame({"read": searched}).with_row_index("row"), rows["names"]
    )
    for row, known in zip(spelled, rows["names"].gather(spelled).to_list(), strict=True):
        names[row] = known
    later: list[str | None] = []
    each = zip(
        rows["text"], searched, names, rows["region"], suspects(searched),
        _hits(searched, rows["region"]), strict=True,
    )  # fmt: skip
    for row, (text, blanked, known, region, may_name, places) in enumerate(each):
        if not (places or known or may_name):
            later.append(None)
            continue
        rules = rules_of(region)
        hinted = [rules[place] for place in places]
        spans = found(text, seen.get(row), blanked, hinted, known or (), allow, suspected=may_name)
        later.append(with_masks(text, spans) if spans else None)
    return _passed(rows, later)


def _names_pass(rows: pl.DataFrame, allow: tuple[str, ...]) -> _Passed:
    """The same where no rule's hint matches, no known name is spelled and a name is suspected."""
    seen, searched = _seen(rows["text"])
    later: list[str | None] = []
    for row, (text, blanked) in enumerate(zip(rows["text"], searched, strict=True)):
        spans = list(find_names(blanked, allow))
        if spans and row in seen:
            spans = in_text(text, spans, seen[row])
        later.append(with_masks(text, spans) if spans else None)
    return _passed(rows, later)


def _passed(rows: pl.DataFrame, later: Sequence[str | None]) -> _Passed:
    after = pl.Series("text", later, pl.String)
    return _Passed(
        rows.filter(after.is_null()).select("row", "text"),
        rows.with_columns(text=after).drop_nulls("text"),
    )


def _seen(texts: pl.Series) -> tuple[dict[int, Canonical], pl.Series]:
    """Disguised texts as a reader sees them, by row; and what rules search, with masks blank."""
    disguised = texts.str.contains(NEEDS_CANONICAL)
    rows = disguised.arg_true()
    seen = {
        row: canonicalise(text) for row, text in zip(rows, texts.filter(disguised), strict=True)
    }
    if seen:
        texts = texts.scatter(rows, pl.Series([one.text for one in seen.values()], dtype=pl.String))
    return seen, _blanked(texts)


def _blanked(texts: pl.Series) -> pl.Series:
    """``without_masks`` over a column."""
    masks = [mask(kind) for kind in KINDS]
    blanks = [BLANK * len(one) for one in masks]
    return texts.to_frame("text").select(pl.col("text").str.replace_many(masks, blanks)).to_series()


def _hits(searched: pl.Series, regions: pl.Series) -> list[list[int]]:
    """For each text the places, in the rules of its region, of those whose hint it matches."""
    places: list[list[int]] = [[] for _ in range(searched.len())]
    frame = pl.DataFrame({"text": searched, "region": regions}).with_row_index("row")
    for group in frame.partition_by("region"):
        with_digit = group.filter(pl.col("text").str.contains("[0-9]"))
        for place, rule in enumerate(rules_of(group["region"][0])):
            rows = with_digit if rule.needs_digit else group
            for row in rows.filter(pl.col("text").str.contains(rule.hint))["row"]:
                places[row].append(place)
    return places


def _counted(rows: pl.DataFrame, kinds: Sequence[str]) -> pl.DataFrame:
    """``row, text`` with ``redactions``: how many masks of these kinds stand in the text."""
    text = pl.col("text")
    counts = (
        rows.filter(text.str.contains("[", literal=True))
        .select("row", *(text.str.count_matches(mask(k), literal=True).alias(k) for k in kinds))
        .unpivot(index="row", variable_name="kind", value_name="count")
        .filter(pl.col("count") > 0)
        .sort("row", "kind")
        .group_by("row", maintain_order=True)
        .agg(redactions=pl.struct("kind", pl.col("count").cast(pl.Int32)))
    )
    return rows.join(counts, on="row", how="left", maintain_order="left").with_columns(
        pl.col("redactions").cast(_REDACTIONS).fill_null([])
    )


def _one_by_one(rows: pl.DataFrame, allow: tuple[str, ...]) -> pl.DataFrame:
    results = [
        redact(raw, names or (), region, allow)
        for raw, names, region in rows.select("raw", "names", "region").iter_rows()
    ]
    return pl.DataFrame(
        {
            "row": rows["row"],
            "text": pl.Series([result.text for result in results], dtype=pl.String),
            "redactions": pl.Series([r.counts() for r in results], dtype=_REDACTIONS),
        }
    )


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


def _rows_with_names(frame: pl.DataFrame, known_names: pl.Series) -> pl.Series:
    """Numbers of the rows whose ``read`` text may spell one of their names."""
    given = (
        frame.select("row", text=pl.col("read").str.to_lowercase(), name=known_names)
        .explode("name", empty_as_null=True, keep_nulls=True)
        .drop_nulls()
    )
    # Pairs: Polars takes ten times as long to build a column of lists from tuples.
    pairs = [(name, spelling) for name in given["name"].unique() for spelling in searched_for(name)]
    spelled = pl.DataFrame(
        {"name": [name for name, _ in pairs], "spelling": [spelling for _, spelling in pairs]},
        schema={"name": pl.String, "spelling": pl.String},
    )
    text, spelling = pl.col("text"), pl.col("spelling")
    # Lower case outside ASCII differs between Unicode versions: such pairs are looked at in detail.
    beyond_ascii = r"[^\x00-\x7f]"
    return (
        given.join(spelled, on="name")
        .filter(
            text.str.contains(spelling, literal=True)
            | (text.str.contains(beyond_ascii) & spelling.str.contains(beyond_ascii))
        )["row"]
        .unique()
    )
