"""From a text to the same text without identifiers: the rules in order, one text or a column."""

import bisect
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from sentiment_assets.core.pii.allowed import is_allowed
from sentiment_assets.core.pii.card import CARD
from sentiment_assets.core.pii.digit_run import DIGIT_RUN
from sentiment_assets.core.pii.email import EMAIL
from sentiment_assets.core.pii.handle import HANDLE
from sentiment_assets.core.pii.iban import IBAN
from sentiment_assets.core.pii.ip import IP
from sentiment_assets.core.pii.known_names import find_known_names, searched_for
from sentiment_assets.core.pii.names import NameFinder, find_names
from sentiment_assets.core.pii.names_suspected import suspects
from sentiment_assets.core.pii.national_id import NATIONAL_ID
from sentiment_assets.core.pii.phone import PHONE
from sentiment_assets.core.pii.rule import BLANK, Rule, Span, mask
from sentiment_assets.core.pii.url import URL
from sentiment_assets.core.text import NEEDS_CANONICAL, canonicalise

# In order of priority: what an earlier rule claims is blank to the later ones. A link holds
# addresses and numbers; a card holds a phone's shape, and a phone is a long number.
RULES: tuple[Rule, ...] = (
    URL, EMAIL, HANDLE, IP, IBAN, CARD, NATIONAL_ID, PHONE, DIGIT_RUN,
)  # fmt: skip
KINDS = (*dict.fromkeys(rule.kind for rule in RULES), "name")

# A text that still uncovers an identifier after so many passes was built to: its rest is masked.
_PASSES = 16

_HINTS = tuple((re.compile(rule.hint), rule) for rule in RULES)
_ANY_HINT = "|".join(f"(?:{hint})" for hint in dict.fromkeys(rule.hint for rule in RULES))
_HINT = re.compile(_ANY_HINT)
_MASKS = re.compile("|".join(re.escape(mask(kind)) for kind in KINDS))


@dataclass(frozen=True, slots=True)
class Redaction:
    """A text with its identifiers masked, and where they stood in the original text."""

    text: str
    spans: tuple[Span, ...]

    def counts(self) -> list[dict[str, str | int]]:
        """Spans of each kind, by name of kind: the value of silver's ``redactions``."""
        return [
            {"kind": kind, "count": n}
            for kind, n in sorted(Counter(s.kind for s in self.spans).items())
        ]


def _found(text: str, known_names: Sequence[str], allow: tuple[str, ...]) -> list[Span]:
    """Spans of ``text`` by one pass of the rules, in the offsets of ``text``, masks left alone."""
    canonical = canonicalise(text)
    searched = canonical.text
    spans: list[Span] = []
    # Masks of an earlier pass are no text: nothing may be found in them.
    searched = _without_masks(searched)
    for hint, rule in _HINTS:
        if hint.search(searched):
            claimed = list(rule.find(searched))
            spans += claimed
            searched = _blanked(searched, claimed)
    if known_names:
        claimed = list(find_known_names(searched, known_names, allow))
        spans += claimed
        searched = _blanked(searched, claimed)
    spans += find_names(searched, allow)
    return _in_text(text, spans, canonical.offsets)


def _in_text(text: str, spans: Iterable[Span], offsets: Sequence[int]) -> list[Span]:
    """Spans of a canonical text where they stand in the text that it was made of, sorted."""
    return sorted(
        Span(offsets[s.start], _without_controls(text, offsets[s.end]), s.kind) for s in spans
    )


def _without_masks(text: str) -> str:
    if "[" not in text:
        return text
    return _MASKS.sub(lambda match: BLANK * len(match.group()), text)


def _without_controls(text: str, end: int) -> int:
    """Leave dropped characters behind a span in place: a closing bidi control has its opening."""
    while unicodedata.category(text[end - 1]) == "Cf":
        end -= 1
    return end


def _blanked(text: str, spans: Sequence[Span]) -> str:
    return _replaced(text, spans, lambda span: BLANK * (span.end - span.start))


def _replaced(text: str, spans: Sequence[Span], replacement: Callable[[Span], str]) -> str:
    pieces: list[str] = []
    done = 0
    for span in spans:
        pieces += (text[done : span.start], replacement(span))
        done = span.end
    return "".join((*pieces, text[done:]))


def _in_original(spans: Sequence[Span], later: Sequence[Span]) -> list[Span]:
    """``spans`` and those found ``later`` between their masks, all in the original's offsets."""
    ends, shifts = [], [0]
    for start, end, kind in spans:
        ends.append(start + shifts[-1] + len(mask(kind)))
        shifts.append(ends[-1] - end)
    moved = [
        Span(start - shifts[i], end - shifts[i], kind)
        for start, end, kind in later
        for i in [bisect.bisect_right(ends, start)]
    ]
    return sorted((*spans, *moved))


def redact(
    text: str,
    known_names: Sequence[str] = (),
    allow: tuple[str, ...] = (),
    finder: NameFinder | None = None,
) -> Redaction:
    """Mask every identifier of ``text``; spans are sorted, disjoint and in the original's offsets.

    ``known_names`` are handles and display names that came with the post, ``allow`` words and
    phrases that name nobody (brands, places, tracked topics), ``finder`` a model that looks for
    names where the rules found none. Redacting the result again changes nothing, unless a model
    changes its mind: a mask may uncover what its neighbour hid, so passes repeat until one finds
    nothing.
    """
    spans: list[Span] = []
    masked = text
    for done in itertools.count():
        later = _found(masked, known_names, allow)
        if not later:
            break
        merged = _in_original(spans, later)
        if done >= _PASSES:
            cut = min(set(merged) - set(spans))
            merged = [s for s in spans if s.end <= cut.start]
            merged.append(Span(cut.start, len(text), cut.kind))
        spans = merged
        masked = _masked(text, spans)
    if finder is not None:
        (later,) = _recognised([masked], finder, allow)
        spans = _in_original(spans, later)
        masked = _masked(text, spans)
    return Redaction(masked, tuple(spans))


def _masked(text: str, spans: Sequence[Span]) -> str:
    return _replaced(text, spans, lambda span: mask(span.kind))


def _recognised(
    masked: Sequence[str], finder: NameFinder, allow: tuple[str, ...]
) -> list[list[Span]]:
    """What a model takes for names in masked texts, without what touches a mask."""
    found = []
    for text, spans in zip(masked, finder.find(masked), strict=True):
        masks = [match.span() for match in _MASKS.finditer(text)]
        found.append(
            [
                Span(start, end, "name")
                for start, end in sorted(spans)
                if all(end <= left or start >= right for left, right in masks)
                and not is_allowed(text[start:end], allow)
            ]
        )
    return found


# Most posts with an identifier hold a plain handle or the platform's short link. Those are masked
# in place; whatever still shows a hint of anything afterwards goes through ``redact``.
_PLAIN_LINK = r"(^|\s)https://t\.co/[A-Za-z0-9]{1,10}"
_PLAIN_HANDLE = r"""(^|[\s.,:;!?"'(])@[A-Za-z_][A-Za-z0-9_]*(?:\.[a-z0-9_]+)*"""

_REDACTIONS = pa.list_(pa.struct([("kind", pa.string()), ("count", pa.int32())]))


def redact_batch(
    texts: pl.Series,
    known_names: pl.Series | None = None,
    allow: tuple[str, ...] = (),
    finder: NameFinder | None = None,
) -> pl.DataFrame:
    """``redact`` over a column: the same texts and counts, row by row, in a fraction of the time.

    ``known_names`` holds a list of strings (or null) per text. Returns ``text`` (null where the
    input is) and ``redactions``, a list of ``{kind, count}`` ordered by kind, empty where the text
    is null or nothing was masked.
    """
    raw, text = pl.col("raw"), pl.col("text")
    frame = (
        pl.DataFrame({"raw": texts.cast(pl.String)})
        .with_row_index("row")
        .with_columns(disguised=raw.str.contains(NEEDS_CANONICAL).fill_null(False))
        .with_columns(
            text=pl.when("disguised")
            .then(raw)
            .otherwise(
                raw.str.replace_all(_PLAIN_LINK, "${1}[url]").str.replace_all(
                    _PLAIN_HANDLE, "${1}[handle]"
                )
            )
        )
    )
    # What the rules read in place of a disguised text, so that they need not look at most of them.
    disguised = frame.filter("disguised").select(
        "row",
        read=pl.Series(
            [canonicalise(t).text for t in frame.filter("disguised")["raw"]], dtype=pl.String
        ),
    )
    frame = (
        frame.join(disguised, on="row", how="left", maintain_order="left")
        .with_columns(read=pl.col("read").fill_null(text))
        .with_columns(
            careful=pl.col("read").str.contains(_ANY_HINT)
            # Masks that the author typed would be counted with ours.
            | raw.str.contains(_MASKS.pattern)
        )
    )
    names = pl.Series([None], dtype=pl.List(pl.String)).new_from_index(0, frame.height)
    if known_names is not None and known_names.dtype != pl.Null:
        names = known_names
        rows = _rows_with_names(frame.select("row", "read"), names)
        frame = frame.with_columns(careful=pl.col("careful") | pl.col("row").is_in(rows.implode()))
    frame = _without_plain_names(frame.with_columns(names=names), allow)
    plain = frame.filter(~pl.col("careful").fill_null(False)).select(
        "row",
        "text",
        redactions=pl.concat_list(
            pl.struct(
                kind=pl.lit(kind),
                count=pl.when(pl.col("disguised") & (kind != "name"))
                .then(0)
                .otherwise(text.str.count_matches(mask(kind), literal=True))
                .fill_null(0)
                .cast(pl.Int32),
            )
            for kind in ("handle", "name", "url")
        ).list.filter(pl.element().struct.field("count") > 0),
    )
    rest = frame.filter("careful")
    results = [
        redact(raw, names or (), allow) for raw, names in rest.select("raw", "names").iter_rows()
    ]
    careful = pl.DataFrame(
        {
            "row": rest["row"],
            "text": pl.Series([result.text for result in results], dtype=pl.String),
            # Polars takes twenty times as long as Arrow to build a list of structs.
            "redactions": pl.Series(pa.array([r.counts() for r in results], _REDACTIONS)),
        }
    )
    redacted = pl.concat([plain, careful]).sort("row").drop("row")
    return redacted if finder is None else _with_recognised(redacted, finder, allow)


def _without_plain_names(frame: pl.DataFrame, allow: tuple[str, ...]) -> pl.DataFrame:
    """Names masked in ``text`` where nothing else is to be done; else ``careful`` says so."""
    read = pl.col("read").str.replace_all(_MASKS.pattern, BLANK)
    frame = frame.with_columns(careful=pl.col("careful").fill_null(False))
    open_rows = frame.filter(~pl.col("careful")).select("row", "disguised", read=read)
    suspected = open_rows.filter(suspects(open_rows["read"]))
    careful = [pl.Series([], dtype=pl.UInt32)]
    masked: list[pl.DataFrame] = []
    rows = suspected.select("row", "disguised").join(
        frame.select("row", "text"), on="row", how="left", maintain_order="left"
    )
    while rows.height:
        pieces = []
        for number, disguised, text in rows.iter_rows():
            if disguised:
                canonical = canonicalise(text)
                found = find_names(_without_masks(canonical.text), allow)
                spans = _in_text(text, found, canonical.offsets)
            else:
                spans = list(find_names(_without_masks(text), allow))
            if spans:
                pieces.append((number, disguised, _masked(text, spans)))
        rows = pl.DataFrame(pieces, schema=rows.schema, orient="row")
        masked.append(rows.drop("disguised"))
        blank = pl.Series(
            [
                _without_masks(canonicalise(text).text if disguised else text)
                for disguised, text in rows.select("disguised", "text").iter_rows()
            ],
            dtype=pl.String,
        )
        # A mask may uncover what its neighbour hid: another name, or another kind altogether.
        careful.append(rows.filter(blank.str.contains(_ANY_HINT))["row"])
        rows = rows.filter(suspects(blank))
    if masked:
        frame = frame.update(pl.concat(masked).unique("row", keep="last"), on="row")
    return frame.with_columns(
        careful=pl.col("careful") | pl.col("row").is_in(pl.concat(careful).implode())
    )


def _with_recognised(
    redacted: pl.DataFrame, finder: NameFinder, allow: tuple[str, ...]
) -> pl.DataFrame:
    """Masked texts and their counts, with what a model finds besides."""
    rows = redacted.with_row_index("row").drop_nulls("text")
    found = _recognised(rows["text"].to_list(), finder, allow)
    later = pl.DataFrame(
        {
            "row": rows["row"],
            "text": [_masked(text, s) for text, s in zip(rows["text"], found, strict=True)],
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
