"""Live posts to 5-minute figures: sums by author, cells that may be shown, and batch's verdict.

What belongs here: arithmetic over frames. Where the sums lie and who commits the figures is
``engine.live``; Spark's part is ``spark_jobs.stream_posts``.

A figure that grows every few seconds tells more than one that is made once: two readings of it,
one after the other, differ by the posts in between. So a cell is shown as every other of gold is,
and grows only by steps that a cell could be made of (docs/decisions/0035-live-figures.md).
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

import polars as pl

from sentiment_assets.core.contracts import LIVE_POSTS, LIVE_SENTIMENT
from sentiment_assets.core.quality import Verdict
from sentiment_assets.core.tracking import ALL_POSTS

#: Whether posts are shown live: never, by a run whenever some wait, or by one that goes on.
LiveMode = Literal["off", "available_now", "continuous"]

SLOT = dt.timedelta(minutes=5)
#: Compound scores are kept as whole numbers of this unit's inverse.
UNITS = 10_000
#: For how long live rows stay.
KEPT = dt.timedelta(hours=48)
#: A post's clock may be this much ahead of the broker's.
AHEAD = dt.timedelta(minutes=10)
#: An hour is compared with batch when it ended so long ago: until then it is landed and rebuilt.
CLOSED_AFTER = dt.timedelta(hours=3)

_GROUP = ["slot", "platform"]
_CELL = [*_GROUP, "topic"]
_SUMS = ["posts", "scored", "positive", "neutral", "negative", "sentiment_sum"]
_COUNTS = [*_SUMS, "authors", "scored_authors"]
_HIDDEN = [
    "posts", "authors", "scored", "positive", "neutral", "negative", "sentiment_sum",
    "sentiment_mean", "through_batch", "updated_at",
]  # fmt: skip

#: Sums by author, as they are kept while their slot is open; ``author_pid`` is null where the
#: platform withholds it.
SUMS_SCHEMA = pl.Schema(
    [
        ("slot", pl.Datetime("us", "UTC")),
        ("platform", pl.String()),
        ("topic", pl.String()),
        ("author_pid", pl.String()),
        *((name, pl.Int64()) for name in _SUMS),
    ]
)

#: What the verdict compares.
COMPARED = ("platform", "post_pid", "created_hour", "edited", "recipe", "sentiment_compound")


def slot_of(instant: pl.Expr) -> pl.Expr:
    """Start of the 5 minutes that hold an instant."""
    return instant.dt.truncate("5m")


def sums_of(posts: pl.DataFrame) -> pl.DataFrame:
    """What posts add to each slot, topic and author: :data:`SUMS_SCHEMA`.

    Args:
        posts: rows of ``silver/live_posts``, with the ``created_at`` that they don't hold.
    """
    scored = pl.col("sentiment_compound").is_not_null()
    label = pl.col("sentiment_label")
    everything = posts.select(
        *_GROUP[1:],
        "author_pid",
        slot=slot_of(pl.col("created_at")),
        topic=pl.concat_list(pl.col("topics").list.unique(), pl.lit(ALL_POSTS)),
        posts=pl.lit(1, pl.Int64),
        scored=scored.cast(pl.Int64),
        **{
            name: (label == name).fill_null(False).cast(pl.Int64)
            for name in ("positive", "neutral", "negative")
        },
        sentiment_sum=(pl.col("sentiment_compound") * UNITS).round(0).cast(pl.Int64).fill_null(0),
    )
    return (
        everything.explode("topic", empty_as_null=True)
        .group_by(*_CELL, "author_pid")
        .agg(pl.col(_SUMS).sum())
        .select(pl.col(name).cast(kind) for name, kind in SUMS_SCHEMA.items())
        .sort(*_CELL, "author_pid")
    )


def live_sentiment(
    sums: pl.DataFrame, published: pl.DataFrame, min_authors: int, now: dt.datetime
) -> pl.DataFrame:
    """Rows of ``gold/live_sentiment`` of every slot and platform in ``sums``.

    A cell is hidden where its authors, or those of its scores, are too few; a topic also where the
    rest of its slot is of too few. What is shown grows when enough authors have come since, of the
    cell and of the rest beside a topic, and topics only together with all posts: until then it
    stays as it was published.

    Args:
        sums: all sums of these slots, and the ``batch`` that each is of.
        published: rows of these slots as they stand.
        min_authors: what is enough.
        now: when this is written.
    """
    through = sums["batch"].max()
    shown = published.filter(~pl.col("suppressed"))
    as_of = shown.select(*_CELL, as_of="through_batch")
    marked = sums.join(as_of, on=_CELL, how="left").with_columns(pl.col("as_of").fill_null(-1))
    cells = (
        _measured(marked, [*_CELL, "as_of"])
        .join(
            _measured(marked.filter(pl.col("batch") > pl.col("as_of")), _CELL),
            on=_CELL,
            how="left",
            suffix="_step",
        )
        .with_columns(pl.col(f"{name}_step").fill_null(0) for name in _COUNTS)
        .join(_bared(marked, min_authors), on=_CELL, how="left")
        .with_columns(pl.col("bared", "bared_step").fill_null(False))
    )
    was_shown = pl.col("as_of") >= 0
    grows = (pl.col("posts_step") > 0) & ~_too_few("_step", min_authors) & ~pl.col("bared_step")
    judged = cells.with_columns(
        suppressed=_too_few("", min_authors) | pl.col("bared"),
        grows=~was_shown | grows,
    ).with_columns(
        all_grows=(
            ((pl.col("topic") == ALL_POSTS) & pl.col("grows") & ~pl.col("suppressed"))
            .any()
            .over(_GROUP)
        )
    )
    new = judged.with_columns(
        # A topic that comes between two steps of all posts waits for the next.
        suppressed=pl.col("suppressed") | (~was_shown & ~pl.col("all_grows")),
        stays=was_shown & ~pl.col("suppressed") & ~(pl.col("grows") & pl.col("all_grows")),
    )
    made = new.filter(~pl.col("stays")).with_columns(
        sentiment_mean=pl.when(pl.col("scored") > 0).then(
            pl.col("sentiment_sum") / (pl.col("scored") * UNITS)
        ),
        min_authors=pl.lit(min_authors),
        through_batch=pl.lit(through, pl.Int64),
        updated_at=pl.lit(now.replace(microsecond=0)),
        date=pl.col("slot").dt.date(),
    )
    made = made.with_columns(pl.when(~pl.col("suppressed")).then(pl.col(_HIDDEN)).name.keep())
    kept = shown.join(new.filter("stays"), on=_CELL, how="semi")
    return pl.concat([_to_contract(made), _to_contract(kept)]).sort(LIVE_SENTIMENT.key)


def _measured(sums: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """``_COUNTS`` of each cell."""
    author = pl.col("author_pid")
    return sums.group_by(by).agg(
        pl.col(_SUMS).sum(),
        authors=author.drop_nulls().n_unique().cast(pl.Int64),
        scored_authors=author.filter(pl.col("scored") > 0).drop_nulls().n_unique().cast(pl.Int64),
    )


def _too_few(of: str, min_authors: int) -> pl.Expr:
    """Some posts, or scores, and too few authors of them; ``of`` ends the names of the counts."""
    return ((pl.col(f"posts{of}") > 0) & (pl.col(f"authors{of}") < min_authors)) | (
        (pl.col(f"scored{of}") > 0) & (pl.col(f"scored_authors{of}") < min_authors)
    )


def _bared(marked: pl.DataFrame, min_authors: int) -> pl.DataFrame:
    """Topics whose slot less the topic is of too few: ``_CELL``, ``bared`` and ``bared_step``.

    The rest has at least the slot's authors less the topic's, so that only topics of nearly all
    authors need a look at each author.
    """
    of_all = marked.filter(pl.col("topic") == ALL_POSTS).drop("topic", "as_of")
    of_topics = marked.filter(pl.col("topic") != ALL_POSTS)
    since = [*_GROUP, "as_of"]
    found = []
    for name, stamp in (("bared", pl.lit(-1, pl.Int64)), ("bared_step", pl.col("as_of"))):
        topics = of_topics.with_columns(as_of=stamp).filter(pl.col("batch") > pl.col("as_of"))
        # A topic that nothing was added to leaves a step of all posts.
        every = of_topics.with_columns(as_of=stamp).select(*_CELL, "as_of").unique()
        whole = every.select(since).unique().join(of_all, on=_GROUP)
        whole = whole.filter(pl.col("batch") > pl.col("as_of"))
        near = (
            every.join(_measured(topics, [*_CELL, "as_of"]), on=[*_CELL, "as_of"], how="left")
            .with_columns(pl.col(_COUNTS).fill_null(0))
            .join(_measured(whole, since), on=since, suffix="_all")
            .filter(
                (pl.col("authors_all") - pl.col("authors") < min_authors)
                | (pl.col("scored_authors_all") - pl.col("scored_authors") < min_authors)
            )
            .select(*_CELL, "as_of")
        )
        author = [*_CELL, "author_pid"]
        counts = ["posts", "scored"]
        all_by_author = near.join(whole, on=since).group_by(author).agg(pl.col(counts).sum())
        topic_by_author = (
            topics.join(near, on=_CELL, how="semi").group_by(author).agg(pl.col(counts).sum())
        )
        rest = (
            all_by_author.join(
                topic_by_author, on=author, how="left", nulls_equal=True, suffix="_topic"
            )
            .select(*author, *(pl.col(c) - pl.col(f"{c}_topic").fill_null(0) for c in counts))
            .filter(pl.col("posts") > 0)
        )
        known = pl.col("author_pid").drop_nulls()
        scored = pl.col("scored") > 0
        found.append(
            rest.group_by(_CELL).agg(
                (
                    (known.n_unique() < min_authors)
                    | (
                        scored.any()
                        & (
                            pl.col("author_pid").filter(scored).drop_nulls().n_unique()
                            < min_authors
                        )
                    )
                ).alias(name)
            )
        )
    return found[0].join(found[1], on=_CELL, how="full", coalesce=True)


def _to_contract(frame: pl.DataFrame) -> pl.DataFrame:
    schema = pl.Schema(LIVE_SENTIMENT.schema)
    return frame.select(pl.col(name).cast(kind) for name, kind in schema.items())


def agreement_verdict(live: pl.DataFrame, batch: pl.DataFrame, now: dt.datetime) -> Verdict:
    """Do live rows of closed hours say what batch says of the same posts?

    Args:
        live: :data:`COMPARED` of ``silver/live_posts``.
        batch: the same of ``silver/posts``, of the same dates.
        now: hours count that ended :data:`CLOSED_AFTER` before it.
    """
    closed = now - CLOSED_AFTER - dt.timedelta(hours=1)
    rows = live.filter(pl.col("created_hour") <= closed)
    key = list(LIVE_POSTS.key)
    both = rows.join(batch, on=key, suffix="_batch")
    missing = rows.height - both.height
    same_rules = both.filter(pl.col("recipe") == pl.col("recipe_batch"))
    # An edited post has another text by now: batch has the newest, live the first.
    alike = same_rules.filter(~pl.col("edited") & ~pl.col("edited_batch"))
    differ = alike.filter(
        pl.col("sentiment_compound").ne_missing(pl.col("sentiment_compound_batch"))
    ).height
    counts = {
        "live_rows": rows.height,
        "missing_in_batch": missing,
        "other_recipe": both.height - same_rules.height,
        "edited": same_rules.height - alike.height,
        "other_score": differ,
    }
    if not rows.height:
        return Verdict(True, "no live rows of closed hours to compare", counts)
    sentence = (
        f"{rows.height} live rows of closed hours: batch lacks {missing} of them, "
        f"{differ} have another score by the same rules"
    )
    if missing or differ:
        sentence += " (docs/runbooks/live-behind.md)"
    return Verdict(not missing and not differ, sentence, counts)
