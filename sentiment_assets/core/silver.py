"""Parsed posts to silver rows.

What belongs here: the order of the steps (route, deduplicate, clean) and the columns that they
make. Each step's own rules have a file: ``text``, ``pii``, ``language``, ``topics``,
``sentiment``. Reading bronze and writing tables is the engine's.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, NamedTuple

import narwhals as nw
import polars as pl
import pyarrow as pa
from narwhals.typing import IntoFrameT

from sentiment_assets.core import language
from sentiment_assets.core.contracts import SILVER_POSTS
from sentiment_assets.core.layout import Window
from sentiment_assets.core.parsers import POST_SCHEMA, Refusal
from sentiment_assets.core.pii.allowed import phrases
from sentiment_assets.core.pii.column import redact_batch
from sentiment_assets.core.pii.name_models import NONE, described, model_named
from sentiment_assets.core.pii.pseudonyms import (
    PseudonymKeys,
    Use,
    pseudonym_expr,
    pseudonyms_of_recurring,
)
from sentiment_assets.core.sentiment import (
    SCORERS,
    Scorer,
    label_of,
    score_posts,
    scorer_named,
)
from sentiment_assets.core.sentiment.vader import VADER
from sentiment_assets.core.text import normalise
from sentiment_assets.core.topics import TopicMatcher, hashtags
from sentiment_assets.core.tracking import Topic, Tracking, allowed_by

#: Raise the number of what changes the rows that it makes: silver made before is then out of date.
RULE_VERSIONS = {"parsers": 2, "text": 2, "pii": 3, "language": 2, "topics": 1, "silver": 1}

_ADDED = pa.schema(
    [
        pa.field("first_seen_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("last_seen_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("observation_count", pa.int32(), nullable=False),
        pa.field("late", pa.bool_(), nullable=False),
    ]
)

#: What :func:`clean_batch` reads: parsed posts with what deduplication found of each.
CLEAN_INPUT = pa.schema([*POST_SCHEMA, *_ADDED])

KEY_COLUMNS = ("platform", "chain_id", "post_id", "fetched_at", "source", "object", "line")

#: Where a record stands in bronze.
PLACE = ("object", "line")
#: What the reading of a post's text depends on, beside the rules.
READ_FROM = ("text", "known_names", "platform_lang")
#: Columns of ``silver/posts`` that come of reading a text: nearly all of the work.
READ_COLUMNS = (
    "topics",
    "text",
    "redactions",
    "lang",
    "lang_confidence",
    "unscored_reason",
    "sentiment_neg",
    "sentiment_neu",
    "sentiment_pos",
    "sentiment_compound",
    "sentiment_label",
    "hashtags",
    "text_fingerprint",
)


@dataclass(frozen=True)
class TextRules:
    """How a text is read: what it speaks of, what of it is masked, and who scores it."""

    topics: tuple[Topic, ...] = ()
    scorer: Scorer = VADER
    #: Whose national phone numbers are looked for: ISO 3166, two letters.
    region: str | None = None
    #: The same by platform, before ``region``.
    regions: Mapping[str, str] = field(default_factory=dict)
    #: Brands and places that no name is seen in, beside the words of the topics.
    allow: tuple[str, ...] = ()
    #: A model that looks for names where the rules found none (``core.pii.name_models``).
    name_model: str = NONE

    def region_of(self, platform: str) -> str | None:
        """Whose national phone numbers are looked for in a platform's posts."""
        return self.regions.get(platform, self.region)

    @cached_property
    def allowed(self) -> tuple[str, ...]:
        """Words and phrases that name nobody: what is tracked, and what ``allow`` lists."""
        return allowed_by(self.topics, self.allow)

    @cached_property
    def matcher(self) -> TopicMatcher:
        """The tracked topics, compiled."""
        return TopicMatcher(self.topics)


@dataclass(frozen=True)
class SilverRules:
    """Everything that cleaning needs, made once a run and shipped to every worker."""

    keys: PseudonymKeys
    topics: tuple[Topic, ...]
    scorer: Scorer = VADER
    #: Masked text is still personal data: it can be searched back to its author.
    keep_text: bool = True
    #: Whose national phone numbers are looked for: ISO 3166, two letters.
    region: str | None = None
    #: The same by platform, before ``region``.
    regions: Mapping[str, str] = field(default_factory=dict)
    #: Brands and places that no name is seen in, beside the words of the topics.
    allow: tuple[str, ...] = ()
    #: A model that looks for names where the rules found none (``core.pii.name_models``).
    name_model: str = NONE

    def recipe(self, platform: str, date: dt.date) -> str:
        """Twelve hex digits that change whenever the same bronze would give other rows.

        Of the pseudonym secrets only the one counts that the date has: a rotation leaves the dates
        before it as they are.
        """
        parts = (
            SILVER_POSTS.version,
            sorted(RULE_VERSIONS.items()),
            Tracking({}, self.topics).topics_fingerprint(),
            (self.scorer.name, self.scorer.version),
            self.keep_text,
            self.reading.region_of(platform),
            sorted(phrases(self.reading.allowed)),
            described(self.name_model),
            self.keys.fingerprint(platform, date),
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]

    def ingredients(self, platform: str, date: dt.date) -> dict[str, str]:
        """What the recipe consists of, in words that may be shown: for telling what changed."""
        allowed = repr(sorted(phrases(self.reading.allowed)))
        return {
            "contract": SILVER_POSTS.version,
            **{f"rules of {name}": str(number) for name, number in RULE_VERSIONS.items()},
            "topics": Tracking({}, self.topics).topics_fingerprint(),
            "scorer": f"{self.scorer.name} {self.scorer.version}",
            "text": "kept" if self.keep_text else "dropped",
            "region": self.reading.region_of(platform) or "none",
            "allowed words": hashlib.sha256(allowed.encode()).hexdigest()[:12],
            "name model": described(self.name_model),
            "pseudonym keys": self.keys.fingerprint(platform, date),
        }

    @cached_property
    def reading(self) -> TextRules:
        """What of these rules concerns a text by itself."""
        return TextRules(
            self.topics, self.scorer, self.region, self.regions, self.allow, self.name_model
        )

    def __getstate__(self) -> dict[str, object]:
        # Compiled patterns are made again where they are needed; so are the tables of a scorer that
        # is known by name.
        state = {name: self.__dict__[name] for name in self.__dataclass_fields__}
        if SCORERS.get(self.scorer.name) is self.scorer:
            state["scorer"] = self.scorer.name
        return state

    def __setstate__(self, state: dict[str, object]) -> None:
        scorer = state["scorer"]
        self.__dict__.update(state)
        self.__dict__["scorer"] = scorer_named(scorer) if isinstance(scorer, str) else scorer


#: Ingredients whose values are fingerprints: that they differ is all that can be said.
_UNSPEAKABLE = ("topics", "allowed words", "pseudonym keys")


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What differs between the ingredients of two recipes, a few words each."""
    told = []
    for name in sorted({*before, *now}):
        was, is_now = before.get(name), now.get(name)
        if was != is_now:
            vague = name in _UNSPEAKABLE or was is None or is_now is None
            told.append(f"{name} changed" if vague else f"{name}: {was}, now {is_now}")
    return told


class Routed(NamedTuple):
    """Rows that belong to the window, and those that don't."""

    posts: pa.RecordBatch
    refusals: list[Refusal]


def route(posts: pa.RecordBatch, window: Window) -> Routed:
    """Refuse rows whose creation time lies outside the window that holds them."""
    inside = pl.col("created_at").is_between(window.start, window.end, closed="left")
    frame = _polars(posts.select(["object", "line", "source", "created_at"]))
    if frame.select(inside.all()).item():
        return Routed(posts, [])
    refusals = [
        Refusal(
            path,
            line,
            "wrong_window",
            f"created outside window {window.name} of {window.partition.key}, which holds it",
            source,
        )
        for path, line, source in frame.filter(~inside).select("object", "line", "source").rows()
    ]
    return Routed(_record_batch(_polars(posts).filter(inside), POST_SCHEMA), refusals)


def deduplicate(observations: IntoFrameT, within: Sequence[str] = ()) -> IntoFrameT:
    """The newest observation of each chain of edits, with what the others say.

    Ties break on a total order, so that any order of arrival gives the same rows.

    Args:
        observations: :data:`KEY_COLUMNS`, one row an observation.
        within: further columns that tell chains apart, where several windows are looked at.

    Returns:
        ``object, line`` of each chosen observation, ``first_seen_at``, ``last_seen_at`` (of all
        observations) and ``observation_count``.
    """
    key = [*within, "platform", "chain_id"]
    # Eager or lazy, of any engine: narwhals' own types tell the two apart.
    native: Any = observations
    if not isinstance(native, pl.DataFrame):
        return _newest(native, key)  # type: ignore[no-any-return]
    # Most chains were observed once, and nothing of them needs to be put in order.
    again = native.select(pl.struct(key).is_duplicated()).to_series()
    once = native.filter(~again).select(
        "object",
        "line",
        first_seen_at="fetched_at",
        last_seen_at="fetched_at",
        observation_count=pl.lit(1, pl.Int32),
    )
    if once.height == native.height:
        return once  # type: ignore[return-value]
    return pl.concat([once, _newest(native.filter(again), key)])  # type: ignore[no-any-return]


def _newest(native: Any, key: Sequence[str]) -> Any:
    """What :func:`deduplicate` returns, of any engine's frame."""
    frame: Any = nw.from_native(native).with_columns(
        # Ids grow with each edit and a longer id is newer; as text "9" would follow "10".
        version_length=nw.col("post_id").str.len_chars()
    )
    newest = frame.unique(
        subset=key,
        keep="last",
        order_by=["fetched_at", "version_length", "post_id", "source", "object", "line"],
    ).select(*key, "object", "line")
    # Elementary aggregations: not every engine takes an expression over one.
    spans = (
        frame.group_by(key)
        .agg(
            first_seen_at=nw.col("fetched_at").min(),
            last_seen_at=nw.col("fetched_at").max(),
            observation_count=nw.len(),
        )
        .with_columns(nw.col("observation_count").cast(nw.Int32))
    )
    return newest.join(spans, on=key, how="inner").drop(key).to_native()


def choose(
    posts: pa.RecordBatch, chosen: pl.DataFrame, completed_at: dt.datetime | None
) -> pa.RecordBatch:
    """The rows of a batch that deduplication chose, as :data:`CLEAN_INPUT`.

    Args:
        posts: parsed rows of :data:`POST_SCHEMA`.
        chosen: what :func:`deduplicate` returned.
        completed_at: when the window was first fetched whole; null where it never was.
    """
    late = pl.lit(False) if completed_at is None else pl.col("first_seen_at") > completed_at
    given = _polars(posts.select(["object", "line"])).with_row_index("row")
    # A join hashes all of ``chosen``: in a window of a million posts 0.1 s for each of its batches.
    near = chosen.filter(
        pl.col("line").is_between(given["line"].min(), given["line"].max())
    ).filter(pl.col("object").is_in(given["object"].unique().implode()))
    found = given.join(
        near, on=["object", "line"], how="inner", maintain_order="left"
    ).with_columns(late=late)
    added = _record_batch(found, _ADDED)
    # Texts and names stay as they are: Polars has another layout for them.
    kept = posts if found.height == posts.num_rows else posts.take(found["row"].to_arrow())
    return pa.RecordBatch.from_arrays([*kept.columns, *added.columns], schema=CLEAN_INPUT)


def tidy(texts: pl.Series) -> pl.Series:
    """Texts as silver stores them, before masking; null where nothing is left."""
    tidied = normalise(texts).to_frame("text")
    return tidied.select(pl.when(pl.col("text") != "").then("text")).to_series()


def read_texts(
    texts: pl.Series,
    known_names: pl.Series,
    hints: pl.Series,
    rules: TextRules,
    platforms: pl.Series | None = None,
) -> pl.DataFrame:
    """What is read of a text, one row each: masked first, then its language, then its sentiment.

    Args:
        texts: from :func:`tidy`.
        known_names: names and handles that came with each text.
        hints: what the platform says of the language.
        rules: topics, what is masked, and who scores what it knows the language of.
        platforms: where each was said, for the country of its phones; null for nowhere known.

    Returns:
        ``topics``, ``text`` (masked), ``redactions, lang, lang_confidence, unscored_reason`` and
        the ``sentiment_*`` columns of ``silver/posts``.
    """
    # Tracked handles count as topics: matched before handles are masked.
    topics = rules.matcher.match(texts).rename("topics")
    masked = redact_batch(
        texts,
        known_names,
        _regions(platforms, rules),
        rules.allowed,
        model_named(rules.name_model),
    )
    text = masked["text"]
    detected = _polars(language.detect(text.to_arrow())).rename({"confidence": "lang_confidence"})
    reason = language.scoring_gate(
        text, detected["lang"], detected["lang_confidence"], hints, rules.scorer.languages
    )
    readable = pl.select(pl.when(pl.lit(reason.is_null())).then(pl.lit(text))).to_series()
    scores = _polars(score_posts(readable.to_arrow(), topics.to_arrow(), rules.scorer))
    return pl.DataFrame(
        [
            topics,
            *masked.get_columns(),
            *detected.get_columns(),
            reason.alias("unscored_reason"),
            *(column.alias(f"sentiment_{column.name}") for column in scores.get_columns()),
        ]
    ).with_columns(sentiment_label=label_of(pl.col("sentiment_compound")))


def _regions(platforms: pl.Series | None, rules: TextRules) -> pl.Series | str | None:
    """The country whose phones are looked for: one for all, or one of each text's platform."""
    if platforms is None or not rules.regions:
        return rules.region
    return platforms.replace_strict(rules.regions, default=rules.region, return_dtype=pl.String)


def unchanged(
    posts: pl.DataFrame, chosen: pl.DataFrame, chosen_before: pl.DataFrame
) -> pl.DataFrame:
    """Posts whose text reads as it did when another observation of them was chosen.

    Args:
        posts: :data:`PLACE`, ``chain_id`` and :data:`READ_FROM` of every observation.
        chosen: what :func:`deduplicate` returned of all of them.
        chosen_before: what it returned of those that were there before.

    Returns:
        ``object, line`` of observations in ``chosen``, and their ``chain_id``.
    """
    now, then = (posts.join(of, on=PLACE, how="semi") for of in (chosen, chosen_before))
    # Once more the same: a column may hold nulls, which equal each other here.
    same = pl.all_horizontal(
        pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in READ_FROM
    )
    return now.join(then, on="chain_id", suffix="_before").filter(same).select(*PLACE, "chain_id")


def clean_batch(
    batch: pa.RecordBatch, rules: SilverRules, known: pl.DataFrame | None = None
) -> pa.RecordBatch:
    """Chosen posts to silver rows: one row out for each row in, in the same order.

    Args:
        batch: :data:`CLEAN_INPUT`.
        rules: keys, topics, scorer.
        known: :data:`PLACE` and :data:`READ_COLUMNS` of rows whose text these rules have read
            before; they are not read again.

    Returns:
        A batch with the schema of ``silver/posts``. Personal identifiers are gone before the
        language is detected and the text is scored.
    """
    posts = _polars(batch).with_row_index("_row")
    if known is None:
        reading = _read(posts, rules)
    else:
        fresh = posts.join(known, on=PLACE, how="anti", maintain_order="left")
        reading = posts.select("_row", *PLACE).join(known, on=PLACE).select("_row", *READ_COLUMNS)
        # Even for no post at all, the patterns would be made ready.
        if not (fresh.is_empty() and reading.height):
            reading = pl.concat([_read(fresh, rules), reading])
        reading = reading.sort("_row")
    scorer = rules.scorer
    created = pl.col("created_at")
    rows = (
        posts.drop("text")
        .hstack(reading.drop("_row"))
        .with_columns(
            date=created.dt.date(),
            window=pl.lit(_WINDOWS).gather(created.dt.hour() // 2),
            created_hour=created.dt.truncate("1h"),
            first_seen_at=pl.col("first_seen_at").dt.truncate("1h"),
            last_seen_at=pl.col("last_seen_at").dt.truncate("1h"),
            scorer=pl.lit(scorer.name),
            scorer_version=pl.lit(scorer.version),
        )
    )
    rows = _pseudonymise(rows, rules, _IDS)
    if not rules.keep_text:
        rows = rows.with_columns(text=pl.lit(None, pl.String))
    return _record_batch(rows, SILVER_POSTS.schema)


def _read(posts: pl.DataFrame, rules: SilverRules) -> pl.DataFrame:
    """``_row`` and :data:`READ_COLUMNS` of posts."""
    read = read_texts(
        tidy(posts["text"]),
        posts["known_names"],
        posts["platform_lang"],
        rules.reading,
        posts["platform"],
    )
    rows = posts.select("_row", "platform", date=pl.col("created_at").dt.date()).with_columns(
        *read.get_columns()
    )
    rows = rows.with_columns(
        hashtags=pl.col("text").map_batches(hashtags, pl.List(pl.String)),
        _folded_text=pl.col("text").str.to_lowercase(),
    )
    return _pseudonymise(rows, rules, _TEXTS).select(
        "_row", *(pl.col(name).cast(_types()[name]) for name in READ_COLUMNS)
    )


@cache
def _types() -> pl.Schema:
    # Not empty_table, which imports pandas.
    return _polars(pa.Table.from_batches([], SILVER_POSTS.schema)).schema


#: The names of a date's windows, two hours each.
_WINDOWS = pl.Series([f"{hour:02}00" for hour in range(0, 24, 2)])


class _Keyed(NamedTuple):
    """A keyed column: its name, what is keyed, and the key's use."""

    name: str
    source: str
    use: Use
    #: Whether values come again and again in a batch.
    recurring: bool = False


_IDS = (
    _Keyed("post_pid", "chain_id", "post"),
    _Keyed("author_pid", "author_id", "author", recurring=True),
    _Keyed("conversation_pid", "conversation_id", "post", recurring=True),
)
_TEXTS = (_Keyed("text_fingerprint", "_folded_text", "text"),)


def post_pid(rules: SilverRules, window: Window) -> pl.Expr:
    """The pseudonym of a post of a window, of its ``chain_id``."""
    partition = window.partition
    return pseudonym_expr("chain_id", rules.keys.key(partition.platform, partition.date, "post"))


def _pseudonymise(
    rows: pl.DataFrame, rules: SilverRules, columns: Sequence[_Keyed]
) -> pl.DataFrame:
    """Add keyed columns and the recipe, which names the key.

    The epoch of a key follows the post's date, so that rebuilds agree.
    """

    def keyed(group: pl.DataFrame) -> pl.DataFrame:
        platform, date = group.select("platform", "date").row(0)
        pseudonyms = {}
        for column in columns:
            key = rules.keys.key(platform, date, column.use)
            pseudonyms[column.name] = (
                pseudonyms_of_recurring(group[column.source], key)
                if column.recurring
                else pseudonym_expr(column.source, key)
            )
        return group.with_columns(**pseudonyms, recipe=pl.lit(rules.recipe(platform, date)))

    if rows.is_empty():
        added = [*(column.name for column in columns), "recipe"]
        return rows.with_columns(pl.lit(None, pl.String).alias(name) for name in added)
    # A batch is nearly always of one platform and date, which share one set of keys.
    place = pl.col("platform", "date")
    if all(rows.select((place == place.first()).all()).row(0)):
        return keyed(rows)
    groups = rows.partition_by("platform", "date")
    return pl.concat([keyed(group) for group in groups]).sort("_row")


def _polars(arrow: pa.Table | pa.RecordBatch) -> pl.DataFrame:
    frame = pl.from_arrow(arrow)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _record_batch(frame: pl.DataFrame, schema: pa.Schema) -> pa.RecordBatch:
    """One declared schema whatever the engine made of it: Spark refuses large types."""
    table = frame.select(schema.names).to_arrow().cast(schema).combine_chunks()
    batches = table.to_batches()
    if batches:
        return batches[0]
    return pa.RecordBatch.from_arrays([pa.array([], f.type) for f in schema], schema=schema)
