"""Parsed posts to silver rows: routing, deduplication, cleaning, and the recipe that names them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import json
import pickle
import random
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from sentiment_assets.core import gold, silver
from sentiment_assets.core.contracts import SILVER_POSTS
from sentiment_assets.core.layout import PostPartition, Window
from sentiment_assets.core.parsers import POST_SCHEMA
from sentiment_assets.core.pii.pseudonyms import PseudonymKeys, Rotation, pseudonyms_of
from sentiment_assets.core.sentiment import SCORERS, Scorer
from sentiment_assets.core.sentiment.social import SocialVader
from sentiment_assets.core.sentiment.word_list import Entry
from sentiment_assets.core.silver import (
    CLEAN_INPUT,
    KEY_COLUMNS,
    SilverRules,
    choose,
    clean_batch,
    deduplicate,
    route,
)
from sentiment_assets.core.tracking import Topic

UTC = dt.timezone.utc
NOON = dt.datetime(2026, 11, 23, 12, 34, 56, tzinfo=UTC)
KEYS = PseudonymKeys((("x", "ab" * 32),))
PRICING = Topic("pricing", keywords=("price",), phrases=("how much",), exclude=("price of fame",))
OUTAGE = Topic("outage", keywords=("down", "offline"))
RULES = SilverRules(KEYS, (PRICING, OUTAGE))


def post(**fields: Any) -> dict[str, Any]:
    """A row of CLEAN_INPUT."""
    return {
        "platform": "x",
        "post_id": "1999000000000000007",
        "chain_id": "1999000000000000007",
        "author_id": "4200000000000000042",
        "conversation_id": "1999000000000000007",
        "kind": "post",
        "created_at": NOON,
        "text": "I think that this is really great",
        "platform_lang": "en",
        "known_names": [],
        "mention_count": 0,
        "link_domains": [],
        "like_count": 1,
        "reply_count": None,
        "repost_count": 2,
        "view_count": 3,
        "edited": False,
        "source": "batch",
        "fetched_at": NOON,
        "object": "o",
        "line": 1,
        "first_seen_at": NOON,
        "last_seen_at": NOON,
        "observation_count": 1,
        "late": False,
    } | fields


def batch(*rows: dict[str, Any]) -> pa.RecordBatch:
    numbered = [row | {"line": number} for number, row in enumerate(rows, 1)]
    return pa.RecordBatch.from_pylist(numbered, schema=CLEAN_INPUT)


def cleaned(*rows: dict[str, Any], rules: SilverRules = RULES) -> list[dict[str, Any]]:
    return clean_batch(batch(*rows), rules).to_pylist()  # type: ignore[no-any-return]


# clean_batch


def test_the_schema_is_the_contracts_also_for_no_rows() -> None:
    for rows in ((), (post(),), (post(text=None, author_id=None),)):
        result = clean_batch(batch(*rows), RULES)
        assert result.schema == SILVER_POSTS.schema
        assert result.num_rows == len(rows)
        pa.Table.from_batches([result]).validate(full=True)
        for name in SILVER_POSTS.required:
            assert result[name].null_count == 0, name


def test_phones_of_the_rules_country_are_masked() -> None:
    local = post(text="tel 33 93 31 and, as always, 33 13 31")
    greenland = dataclasses.replace(RULES, region="GL")
    texts = [cleaned(local, rules=rules)[0]["text"] for rules in (RULES, greenland)]
    assert texts == [
        "tel [phone] and, as always, 33 13 31",
        "tel [phone] and, as always, [phone]",
    ]


def test_a_platforms_country_comes_before_that_of_all() -> None:
    keys = PseudonymKeys((("x", "ab" * 32), ("facebook", "cd" * 32)))
    rules = SilverRules(keys, (), region="ZA", regions={"facebook": "GL"})
    local = [post(platform=name, text="so 33 93 31") for name in ("x", "facebook", "x")]
    assert [row["text"] for row in cleaned(*local, rules=rules)] == [
        "so 33 93 31",
        "so [phone]",
        "so 33 93 31",
    ]
    # Only the platform's own rows are made anew.
    everywhere = dataclasses.replace(rules, regions={})
    assert rules.recipe("x", NOON.date()) == everywhere.recipe("x", NOON.date())
    assert rules.recipe("facebook", NOON.date()) != everywhere.recipe("facebook", NOON.date())
    assert pickle.loads(pickle.dumps(rules)) == rules


def test_columns_of_one_row() -> None:
    (row,) = cleaned(
        post(
            text="  How much\nis #NimbusPro ? The PRICE is great, &amp; I think that it's down ",
            created_at=dt.datetime(2026, 11, 23, 13, 59, 59, 999_999, tzinfo=UTC),
            first_seen_at=dt.datetime(2026, 11, 23, 14, 5, 12, tzinfo=UTC),
            last_seen_at=dt.datetime(2026, 11, 24, 1, 0, 1, tzinfo=UTC),
            observation_count=3,
            late=True,
            edited=True,
            link_domains=["a.example"],
            mention_count=2,
            kind="reply",
        )
    )
    assert row["text"].startswith("How much is #NimbusPro ? The PRICE is great, & I think")
    expected = {
        "date": dt.date(2026, 11, 23),
        "platform": "x",
        "window": "1200",
        "created_hour": dt.datetime(2026, 11, 23, 13, tzinfo=UTC),
        "first_seen_at": dt.datetime(2026, 11, 23, 14, tzinfo=UTC),
        "last_seen_at": dt.datetime(2026, 11, 24, 1, tzinfo=UTC),
        "kind": "reply",
        "lang": "en",
        "hashtags": ["nimbuspro"],
        "topics": ["outage", "pricing"],
        "link_domains": ["a.example"],
        "mention_count": 2,
        "like_count": 1,
        "reply_count": None,
        "repost_count": 2,
        "view_count": 3,
        "edited": True,
        "late": True,
        "sentiment_label": "positive",
        "scorer": "vader",
        "unscored_reason": None,
        "redactions": [],
        "source": "batch",
        "observation_count": 3,
        "recipe": RULES.recipe("x", NOON.date()),
    }
    assert {name: row[name] for name in expected} == expected


ENGLISH = "I think that they are the best, and this is why"
TEXTS = (
    ENGLISH,
    "Ich glaube nicht, dass das hier eine gute Idee ist und das weiß jeder",
    "hmm ok",
    "🎉🎉",
    "@jane_roe https://t.co/abc",
    "This isn't good, but it isn't BAD either!!! :) because I know them",
    "mail me at jane@mail.example, I love that you are here",
    "",
    None,
)


def test_one_row_out_for_each_row_in_in_the_same_order() -> None:
    # Posts of several dates, out of order: keys change with the year.
    dates = [NOON, dt.datetime(2025, 12, 31, 23, 59, tzinfo=UTC), NOON + dt.timedelta(days=1)]
    rows = [
        post(text=text, created_at=dates[i % 3], chain_id=f"c{i}", like_count=i)
        for i, text in enumerate(TEXTS * 3)
    ]
    result = cleaned(*rows)
    assert [row["like_count"] for row in result] == list(range(len(rows)))
    assert [row["date"] for row in result] == [row["created_at"].date() for row in rows]
    assert len({row["post_pid"] for row in result}) == len(rows)
    # A row's values do not depend on its neighbours.
    alone = [cleaned(row)[0] for row in rows]
    assert alone == result


def test_scores_are_vaders_on_the_masked_text() -> None:
    stock = SentimentIntensityAnalyzer()
    scored = 0
    for row in cleaned(*(post(text=text, chain_id=str(i)) for i, text in enumerate(TEXTS))):
        scores = [row[f"sentiment_{part}"] for part in ("neg", "neu", "pos", "compound")]
        if row["unscored_reason"] is None:
            expected = stock.polarity_scores(row["text"])
            assert scores == [expected[part] for part in ("neg", "neu", "pos", "compound")]
            compound = expected["compound"]
            label = (
                "positive" if compound >= 0.05 else "negative" if compound <= -0.05 else "neutral"
            )
            assert row["sentiment_label"] == label
            scored += 1
        else:
            assert scores == [None] * 4
            assert row["sentiment_label"] is None
    assert scored >= 3


def test_a_name_does_not_move_the_score() -> None:
    """Stock VADER takes "Grace" and "Hope" for sentiment."""
    named, other = cleaned(
        post(text="I think that Grace Hope was there", known_names=["Grace Hope"]),
        post(text="I think that Marta Klein was there", known_names=["Marta Klein"]),
    )
    assert named["text"] == other["text"] == "I think that [name] was there"
    assert named["sentiment_compound"] == other["sentiment_compound"] == 0.0


@pytest.mark.parametrize(
    ("text", "hint", "reason"),
    [
        (ENGLISH, "en", None),
        (ENGLISH, None, None),
        (None, "en", "no_text"),
        ("", "en", "no_text"),
        (" \n\t", "en", "no_text"),
        ("@jane_roe https://t.co/abc 12", "en", "no_text"),
        (TEXTS[1], "de", "language_not_supported"),
        (TEXTS[1], "en", "language_not_supported"),
        ("hmm ok", None, "language_unknown"),
        ("hmm ok", "de", "language_not_supported"),
        ("hmm ok", "en", None),
        ("🎉🎉", "en", None),
        ("🎉🎉", None, "language_unknown"),
    ],
)
def test_why_a_post_has_no_score(text: str | None, hint: str | None, reason: str | None) -> None:
    (row,) = cleaned(post(text=text, platform_lang=hint))
    assert row["unscored_reason"] == reason
    assert (row["sentiment_compound"] is None) == (reason is not None)


def test_a_text_of_white_space_is_none() -> None:
    assert [row["text"] for row in cleaned(post(text=" \n"), post(text=None))] == [None, None]


def test_without_text_everything_else_stays() -> None:
    rows = [post(text=text, chain_id=str(i)) for i, text in enumerate(TEXTS)]
    kept, dropped = (
        cleaned(*rows),
        cleaned(*rows, rules=dataclasses.replace(RULES, keep_text=False)),
    )
    assert {row["text"] for row in dropped} == {None}
    for with_text, without in zip(kept, dropped, strict=True):
        assert without == with_text | {"text": None, "recipe": without["recipe"]}
    assert kept[0]["recipe"] != dropped[0]["recipe"]


def test_redactions_count_what_was_masked() -> None:
    (row,) = cleaned(
        post(text="jane@mail.example or joe@mail.example or +27 82 555 01 23, that is @jane_roe's")
    )
    assert {r["kind"]: r["count"] for r in row["redactions"]} == {
        "email": 2,
        "handle": 1,
        "phone": 1,
    }


def test_pseudonyms_join_and_tell_nothing() -> None:
    first, same_author, reply, no_author = cleaned(
        post(chain_id="11", conversation_id="11", author_id="5"),
        post(chain_id="12", conversation_id="12", author_id="5", text="THIS IS FINE"),
        post(chain_id="13", conversation_id="11", author_id="11", text="this is fine"),
        post(chain_id="14", conversation_id=None, author_id=None),
    )
    assert first["author_pid"] == same_author["author_pid"]
    assert reply["conversation_pid"] == first["post_pid"] == first["conversation_pid"]
    # An author's id that equals a post's has another pseudonym.
    assert reply["author_pid"] != first["post_pid"]
    assert same_author["text_fingerprint"] == reply["text_fingerprint"]
    assert (no_author["author_pid"], no_author["conversation_pid"]) == (None, None)
    (next_year,) = cleaned(post(chain_id="11", created_at=NOON + dt.timedelta(days=365)))
    assert next_year["post_pid"] != first["post_pid"]
    (other_keys,) = cleaned(
        post(chain_id="11"),
        rules=dataclasses.replace(RULES, keys=PseudonymKeys((("x", "cd" * 32),))),
    )
    assert other_keys["post_pid"] != first["post_pid"]


#: A rotation on the day after NOON.
NEXT_NOON = NOON + dt.timedelta(days=1)
ROTATED = dataclasses.replace(
    RULES,
    keys=PseudonymKeys(KEYS.secrets, (Rotation("x", NEXT_NOON.date(), "cd" * 32),)),
)


def test_what_a_rotation_does_to_joins() -> None:
    """docs/privacy.md says each of these."""
    days = [NOON - dt.timedelta(hours=1), NOON, NEXT_NOON, NEXT_NOON + dt.timedelta(hours=1)]
    rows = [
        post(chain_id=f"{i}", author_id="5", conversation_id="0", created_at=day, text="so it is")
        for i, day in enumerate(days)
    ]
    before, after = cleaned(*rows[:2], rules=ROTATED), cleaned(*rows[2:], rules=ROTATED)
    for column in ("author_pid", "conversation_pid", "text_fingerprint"):
        # Inside an epoch an author, a conversation and a text are one, across it two.
        assert {row[column] for row in before} == {before[0][column]}, column
        assert {row[column] for row in after} == {after[0][column]}, column
        assert before[0][column] != after[0][column], column
    # The reply of the next day doesn't find the post that it answers.
    assert before[0]["post_pid"] == before[1]["conversation_pid"]
    assert before[0]["post_pid"] not in {row["conversation_pid"] for row in after}
    # A batch of both sides is cleaned as each side alone.
    assert cleaned(*rows, rules=ROTATED) == before + after
    # Who counts authors over a week that spans it counts one twice.
    week = pl.DataFrame(before + after, infer_schema_length=None).lazy()
    (counted,) = gold.aggregate(week, ["platform"]).collect().to_dicts()
    assert (counted["posts"], counted["authors"]) == (4, 2)
    without = pl.DataFrame(cleaned(*rows), infer_schema_length=None).lazy()
    assert gold.aggregate(without, ["platform"]).collect()["authors"].to_list() == [1]


def test_an_old_date_keeps_its_rows_after_a_rotation() -> None:
    rows = [post(text=text, chain_id=str(i)) for i, text in enumerate(TEXTS)]
    assert cleaned(*rows, rules=ROTATED) == cleaned(*rows)


def test_a_rotation_changes_the_recipe_of_its_own_dates_only() -> None:
    for back in range(3):
        day = NOON.date() - dt.timedelta(days=back)
        assert ROTATED.recipe("x", day) == RULES.recipe("x", day)
    assert ROTATED.recipe("x", NEXT_NOON.date()) != RULES.recipe("x", NEXT_NOON.date())
    (row,) = cleaned(post(created_at=NEXT_NOON), rules=ROTATED)
    assert row["recipe"] == ROTATED.recipe("x", NEXT_NOON.date())


def test_the_rows_of_an_author_are_found_by_the_id_in_every_epoch() -> None:
    days = [NOON - dt.timedelta(days=365), NOON, NEXT_NOON]
    theirs = [post(chain_id=f"a{i}", author_id="5", created_at=day) for i, day in enumerate(days)]
    others = [post(chain_id=f"b{i}", author_id="6", created_at=day) for i, day in enumerate(days)]
    silver_rows = pl.DataFrame(cleaned(*theirs, *others, rules=ROTATED), infer_schema_length=None)
    pids = pseudonyms_of(
        pl.Series(["5"]), ROTATED.keys, "x", "author", silver_rows["date"].unique()
    )
    found = silver_rows.join(pids, left_on="author_pid", right_on="pid", how="semi")
    assert found["post_pid"].to_list() == silver_rows["post_pid"].head(3).to_list()


#: What identifies people in a record: kinds of value, and places that hold them.
words = st.text("abcdefghijklmnopqrstuvwxyz", min_size=6, max_size=10).map(lambda w: f"zq{w}")


@st.composite
def people(draw: st.DrawFn) -> dict[str, str]:
    first, last = draw(words), draw(words)
    digits = st.text("0123456789", min_size=14, max_size=14)
    return {
        "post_id": "19" + draw(digits) + "7",
        "author_id": "42" + draw(digits) + "3",
        "conversation_id": "31" + draw(digits) + "1",
        "handle": f"{first}_{last}",
        "name": f"{first.title()} {last.title()}",
        "email": f"{draw(words)}@{draw(words)}.example",
        "phone": "+27 82 555 " + draw(st.integers(1000, 9999).map(str)),
    }


TEMPLATES = (
    "{name} wrote to {email} and said that they love it",
    "RT @{handle}: call {phone}, I think that's it. {email}",
    "@{handle}@{handle} {name}'s number ({phone}) isn't a secret #{handle}",
    "{post_id} {author_id} {conversation_id} https://x.com/{handle}/status/{post_id}",
    "dear {name}, {handle} is what you are; https://a.example/{author_id}?mail={email}",
    "\uff20{handle} {email}\u200b{phone}",
)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(people(), st.sampled_from(TEMPLATES)), min_size=1, max_size=4))
def test_no_identifier_stands_in_any_column(records: list[tuple[dict[str, str], str]]) -> None:
    rows = [
        post(
            post_id=person["post_id"],
            chain_id=person["post_id"],
            author_id=person["author_id"],
            conversation_id=person["conversation_id"],
            text=template.format(**person),
            known_names=[person["handle"], person["name"]],
        )
        for person, template in records
    ]
    result = clean_batch(batch(*rows), RULES)
    written = json.dumps(result.to_pylist(), default=str, ensure_ascii=False).lower()
    stored = result.schema.serialize().to_pybytes() + b"".join(
        buffer.to_pybytes() for array in result.columns for buffer in array.buffers() if buffer
    )
    for person, _ in records:
        parts = [*person.values(), *person["name"].split(), person["email"].partition("@")[0]]
        for value in parts:
            assert value.lower() not in written
            assert value.lower().encode() not in stored.lower()


# Rules


def test_rules_pickle_and_clean_the_same() -> None:
    RULES.reading.matcher.match(pl.Series(["down"]))
    shipped = pickle.loads(pickle.dumps(RULES))
    assert shipped == RULES
    assert "_matcher" not in RULES.__getstate__()
    rows = [post(text=text, chain_id=str(i)) for i, text in enumerate(TEXTS)]
    assert clean_batch(batch(*rows), shipped).equals(clean_batch(batch(*rows), RULES))


def test_rules_show_no_key() -> None:
    assert "abab" not in repr(RULES)


def test_the_recipe_is_twelve_hex_digits_and_stays() -> None:
    assert len(RULES.recipe("x", NOON.date())) == 12
    assert int(RULES.recipe("x", NOON.date()), 16) >= 0
    assert SilverRules(KEYS, (PRICING, OUTAGE)).recipe("x", NOON.date()) == RULES.recipe(
        "x", NOON.date()
    )


@pytest.mark.parametrize(
    "same",
    [
        SilverRules(KEYS, (OUTAGE, PRICING)),
        SilverRules(
            KEYS,
            (PRICING, dataclasses.replace(OUTAGE, keywords=tuple(reversed(OUTAGE.keywords)))),
        ),
        SilverRules(KEYS, RULES.topics, allow=(OUTAGE.keywords[0].upper(),)),
    ],
    ids=["topics in another order", "keywords in another order", "allowed already"],
)
def test_the_order_of_construction_is_no_part_of_the_recipe(same: SilverRules) -> None:
    assert same.recipe("x", NOON.date()) == RULES.recipe("x", NOON.date())


@pytest.mark.parametrize(
    "other",
    [
        SilverRules(PseudonymKeys((("x", "cd" * 32),)), RULES.topics),
        SilverRules(KEYS, (PRICING,)),
        SilverRules(KEYS, (dataclasses.replace(PRICING, name="prices"), OUTAGE)),
        SilverRules(KEYS, (PRICING, dataclasses.replace(OUTAGE, keywords=("down",)))),
        SilverRules(KEYS, (dataclasses.replace(PRICING, exclude=()), OUTAGE)),
        SilverRules(KEYS, (PRICING, Topic("outage", phrases=("down", "offline")))),
        SilverRules(KEYS, RULES.topics, keep_text=False),
        SilverRules(KEYS, RULES.topics, region="ZA"),
        SilverRules(KEYS, RULES.topics, allow=("Nimbus",)),
        SilverRules(KEYS, RULES.topics, name_model="spacy"),
    ],
    ids=[
        "keys",
        "fewer topics",
        "name",
        "keyword",
        "exclusion",
        "phrases",
        "no text",
        "region",
        "allowed",
        "name model",
    ],
)
def test_what_changes_rows_changes_the_recipe(other: SilverRules) -> None:
    assert other.recipe("x", NOON.date()) != RULES.recipe("x", NOON.date())


@pytest.mark.parametrize("scorer", SCORERS.values(), ids=SCORERS)
def test_a_scorer_is_part_of_the_recipe(scorer: Scorer) -> None:
    other = dataclasses.replace(RULES, scorer=scorer)
    same = other.recipe("x", NOON.date()) == RULES.recipe("x", NOON.date())
    assert same == (scorer.name == "vader")


def test_a_scorers_version_is_part_of_the_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    before = RULES.recipe("x", NOON.date())
    monkeypatch.setattr(type(RULES.scorer), "version", "newer")
    assert RULES.recipe("x", NOON.date()) != before


@pytest.mark.parametrize(
    "scorer", [*SCORERS.values(), SocialVader((Entry("down", 0, "why", NOON.date(), "outage"),))]
)
def test_a_scorer_travels_with_the_rules(scorer: Scorer) -> None:
    rules = dataclasses.replace(RULES, scorer=scorer)
    shipped = pickle.loads(pickle.dumps(rules))
    assert shipped == rules
    assert shipped.recipe("x", NOON.date()) == rules.recipe("x", NOON.date())
    known = scorer.name in SCORERS and SCORERS[scorer.name] is scorer
    assert (shipped.scorer is scorer) == known


def test_a_scorer_without_shares_leaves_them_null() -> None:
    (row,) = cleaned(
        post(text="I think that this is a great day"),
        rules=dataclasses.replace(RULES, scorer=SCORERS["textblob"]),
    )
    assert (row["scorer"], row["sentiment_label"]) == ("textblob", "positive")
    assert row["sentiment_compound"] == 0.8
    assert {row[f"sentiment_{share}"] for share in ("neg", "neu", "pos")} == {None}
    assert row["unscored_reason"] is None


def test_a_correction_of_a_topic_holds_in_its_posts_alone() -> None:
    """The topic is that of the text before masking: a tracked handle is a keyword."""
    corrected = SocialVader((Entry("great", -2.0, "said of great outages", NOON.date(), "outage"),))
    rules = dataclasses.replace(RULES, scorer=corrected)
    both = cleaned(
        post(text="It is down, this is a great failure of theirs"),
        post(text="The price of it is great, and so is the service"),
        rules=rules,
    )
    assert [row["topics"] for row in both] == [["outage"], ["pricing"]]
    assert [row["sentiment_label"] for row in both] == ["negative", "positive"]


@pytest.mark.parametrize("rule", silver.RULE_VERSIONS)
def test_each_rules_version_is_part_of_the_recipe(
    rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = RULES.recipe("x", NOON.date())
    monkeypatch.setitem(silver.RULE_VERSIONS, rule, silver.RULE_VERSIONS[rule] + 1)
    assert RULES.recipe("x", NOON.date()) != before


# route


def parsed_rows(*rows: dict[str, Any]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [{name: row[name] for name in POST_SCHEMA.names} for row in rows], schema=POST_SCHEMA
    )


WINDOW = Window(PostPartition(dt.date(2026, 11, 23), "x"), "1200")


def test_rows_outside_their_window_are_refused() -> None:
    inside = [WINDOW.start, WINDOW.end - dt.timedelta(microseconds=1)]
    outside = [WINDOW.start - dt.timedelta(microseconds=1), WINDOW.end, NOON + dt.timedelta(days=9)]
    rows = [
        post(created_at=at, line=number, source="stream")
        for number, at in enumerate([outside[0], inside[0], outside[1], inside[1], outside[2]])
    ]
    routed = route(parsed_rows(*rows), WINDOW)
    assert routed.posts["line"].to_pylist() == [1, 3]
    assert routed.posts.schema == POST_SCHEMA
    assert [(r.object, r.line, r.code, r.source) for r in routed.refusals] == [
        ("o", line, "wrong_window", "stream") for line in (0, 2, 4)
    ]
    assert "window 1200 of 2026-11-23|x" in routed.refusals[0].reason


@pytest.mark.parametrize("rows", [(), (post(),)])
def test_a_batch_inside_its_window_goes_through(rows: tuple[dict[str, Any], ...]) -> None:
    given = parsed_rows(*rows)
    assert route(given, WINDOW) == (given, [])


# deduplicate and choose


def observation(chain: str, version: str, minute: int, line: int, **fields: Any) -> dict[str, Any]:
    return {
        "platform": "x",
        "chain_id": chain,
        "post_id": version,
        "fetched_at": NOON + dt.timedelta(minutes=minute),
        "source": "batch",
        "object": "o",
        "line": line,
    } | fields


OBSERVATIONS = [
    # Fetched twice: the later one counts.
    observation("1", "1", 0, 1),
    observation("1", "1", 9, 2),
    # Edited, both versions in one answer: the newer version, though "9" sorts after "10".
    observation("9", "9", 5, 3),
    observation("9", "10", 5, 4),
    # An older version seen again later is the newer observation.
    observation("20", "21", 1, 5),
    observation("20", "20", 8, 6),
    # Equal in all but their place.
    observation("30", "30", 3, 7, object="b"),
    observation("30", "30", 3, 9, object="a"),
    observation("30", "30", 3, 8, object="b"),
    # The same ids on another platform are another post.
    observation("1", "1", 4, 10, platform="y"),
]
CHOSEN = {
    # object, line: first and last minute, how often seen
    ("o", 2): (0, 9, 2),
    ("o", 4): (5, 5, 2),
    ("o", 6): (1, 8, 2),
    ("b", 8): (3, 3, 3),
    ("o", 10): (4, 4, 1),
}
KEY_TYPES = pa.schema([CLEAN_INPUT.field(name) for name in KEY_COLUMNS])


def as_chosen(rows: list[dict[str, Any]]) -> dict[tuple[str, int], tuple[float, float, int]]:
    def minute(at: dt.datetime) -> float:
        return (at - NOON) / dt.timedelta(minutes=1)

    return {
        (r["object"], r["line"]): (
            minute(r["first_seen_at"]), minute(r["last_seen_at"]), r["observation_count"]
        )
        for r in rows
    }  # fmt: skip


def test_the_newest_observation_of_each_chain_wins_in_any_order() -> None:
    rng = random.Random(1)
    for _ in range(20):
        rows = rng.sample(OBSERVATIONS, len(OBSERVATIONS))
        frame = pl.from_arrow(pa.Table.from_pylist(rows, schema=KEY_TYPES))
        assert isinstance(frame, pl.DataFrame)
        assert as_chosen(deduplicate(frame).to_dicts()) == CHOSEN


@pytest.mark.parametrize("backend", ["polars lazy", "pyarrow", "pandas"])
def test_another_engine_chooses_the_same(backend: str) -> None:
    table = pa.Table.from_pylist(OBSERVATIONS, schema=KEY_TYPES)
    if backend == "pyarrow":
        rows = deduplicate(table).to_pylist()
    elif backend == "pandas":
        rows = deduplicate(table.to_pandas()).to_dict("records")
    else:
        lazy = pl.LazyFrame(pl.from_arrow(table))
        rows = deduplicate(lazy).collect().to_dicts()
    assert as_chosen(rows) == CHOSEN


def test_chosen_rows_come_with_what_all_observations_say() -> None:
    rows = [
        post(chain_id="1", post_id="1", line=1, fetched_at=NOON, text="old"),
        post(chain_id="2", post_id="2", line=2, fetched_at=NOON),
        post(
            chain_id="1", post_id="1", line=3, fetched_at=NOON + dt.timedelta(hours=3), text="new"
        ),
    ]
    posts = parsed_rows(*rows)
    keys = pl.from_arrow(posts.select(list(KEY_COLUMNS)))
    assert isinstance(keys, pl.DataFrame)
    result = choose(posts, deduplicate(keys), completed_at=None)
    assert result.schema == CLEAN_INPUT
    assert [
        (r["line"], r["text"], r["observation_count"], r["late"]) for r in result.to_pylist()
    ] == [
        (2, rows[1]["text"], 1, False),
        (3, "new", 2, False),
    ]
    assert result["first_seen_at"].to_pylist() == [NOON, NOON]


@pytest.mark.parametrize(
    ("completed", "late"),
    [(None, False), (-1, True), (0, False), (1, False)],
)
def test_late_is_what_was_first_seen_after_the_window_was_whole(
    completed: int | None, late: bool
) -> None:
    posts = parsed_rows(post(line=1), post(line=2, fetched_at=NOON + dt.timedelta(hours=9)))
    keys = pl.from_arrow(posts.select(list(KEY_COLUMNS)))
    assert isinstance(keys, pl.DataFrame)
    completed_at = None if completed is None else NOON + dt.timedelta(hours=completed)
    (row,) = choose(posts, deduplicate(keys), completed_at).to_pylist()
    assert row["late"] is late


def test_order_of_arrival_never_matters() -> None:
    """All orders of a few observations with every kind of tie."""
    rows = [r for r in OBSERVATIONS if r["chain_id"] in ("9", "30")]
    tables = [
        pl.DataFrame(pl.from_arrow(pa.Table.from_pylist(list(order), schema=KEY_TYPES)))
        for order in itertools.permutations(rows)
    ]
    results = [deduplicate(t).sort("object", "line") for t in tables]
    assert all(result.equals(results[0]) for result in results)
