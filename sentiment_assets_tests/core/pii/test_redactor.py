# ruff: noqa: RUF001  look-alike characters are the subject
import gzip
import json
import os
import re
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sentiment_assets.core.pii import KINDS, Redaction, redact, redact_batch
from sentiment_assets.core.text import canonicalise

MASKED = [
    ("nothing here, 24/7 for $5.99 #win 2026", "nothing here, 24/7 for $5.99 #win 2026"),
    ("", ""),
    ("@jane hi https://t.co/AbCdEf1234 #ok 🎉", "[handle] hi [url] #ok 🎉"),
    ("https://x.org/?mail=jane@example.com&ip=10.0.0.1", "[url]"),
    ("http://t.co/a(@jane)", "[url]([handle])"),
    ("jane@www.example.com 4111-1111-1111-1111", "[email] [card]"),
    ("SSN 123-45-6789 082 555 0143", "SSN [national_id] [phone]"),
    ("#call #0825550143", "#call #[phone]"),
    ("👩‍💻@jane❤️ 082\u200b5550143👍🏽", "👩‍💻[handle]❤️ [phone]👍🏽"),
    ("hi \u2066@jane\u2069!", "hi \u2066[handle]\u2069!"),
    ("Ring +27 (82) 555-0143!", "Ring [phone]!"),
    ("already [email] and [phone] @jane", "already [email] and [phone] [handle]"),
    ("RT@jane: 価格は1200円、電話090-1234-5678まで", "RT[handle]: 価格は1200円、電話[phone]まで"),
]


@pytest.mark.parametrize(("text", "masked"), MASKED)
def test_text_without_identifiers(text: str, masked: str) -> None:
    assert redact(text).text == masked


def test_spans_point_into_the_original() -> None:
    text = "a ja\u200bne%40x.org, ０８２ ５５５ ０１４３"
    assert redact(text) == Redaction("a [email], [phone]", ((2, 15, "email"), (17, 29, "phone")))
    assert [text[s.start : s.end] for s in redact(text).spans] == [
        "ja\u200bne%40x.org",
        "０８２ ５５５ ０１４３",
    ]


NAMED = [
    ("thanks Jane!", ["jane"], "thanks [name]!"),
    ("JANE ROE, Jane's and roe", ["Jane Roe"], "[name], [name]'s and [name]"),
    ("janeroe, #JaneRoe, jane_roe", ["Jane Roe"], "[name], #[name], [name]"),
    ("janes, mjane, roebuck", ["Jane Roe"], "janes, mjane, roebuck"),
    ("jane_r99 said", ["@jane_r99"], "[name] said"),
    ("@2016 in 2016", ["@2016"], "@2016 in 2016"),
    ("José, Jose\u0301 or JOSE; Jо\u200bse", ["José"], "[name], [name] or [name]; [name]"),
    ("O'Brien and O’Brien", ["Pat O’Brien"], "[name] and [name]"),
    ("I will go to the Young one", ["Will Young"], "I will go to the [name] one"),
    ("will young sings", ["Will Young"], "[name] sings"),
    ("Al is Al Roe", ["Al Roe"], "Al is [name]"),
    ("田中太郎さんへ", ["田中太郎"], "[name]さんへ"),
    ("Straße, STRASSE", ["straße"], "[name], STRASSE"),
    ("a 🎉 b the x", ["🎉", "", "  ", "x", "the", "123"], "a 🎉 b the x"),
    ("mail jane@roe.org", ["Jane Roe"], "mail [email]"),
    ("[email] [name]", ["email", "Name"], "[email] [name]"),
    ("Jane 🎉 Roe", ["Jane 🎉 Roe"], "[name] 🎉 [name]"),
    (
        "jane.roe, jane-roe, Roe, Jane; J. Roe",
        ["Jane Roe"],
        "[name], [name], [name], [name]; [name]",
    ),
    ("J Roe, Jane R. and j.m. roe", ["Jane Mary Roe"], "[name], [name] and [name]"),
    ("janeroe or JaneRoe's", ["Jane Mary Roe"], "[name] or [name]'s"),
    ("Al.Bo, bo al, al-bo, al bobs", ["Al Bo"], "[name], [name], [name], al bobs"),
    ("Mrs. Zyx and Dr Zyx", ["Ada Zyx"], "[name] and [name]"),
    ("I hope that Hope is happy", ["Hope"], "I hope that [name] is happy"),
    ("so happy, Happy Customer is", ["Happy Customer"], "so happy, [name] is"),
    ("ЈАNЕ RОЕ", ["Jane Roe"], "[name]"),
    ("Ольга Иванова, ольга", ["Ольга Иванова"], "[name], [name]"),
    ("محمد العربي هنا", ["محمد العربي"], "[name] هنا"),
]


@pytest.mark.parametrize(("text", "names", "masked"), NAMED)
def test_known_names_in_every_spelling(text: str, names: list[str], masked: str) -> None:
    assert redact(text, names).text == masked


ALLOWED = [
    ("Nimbus is down, @NimbusCloud", ["NimbusCloud", "Nimbus"], "Nimbus is down, [handle]"),
    ("nimbus support is slow", ["Nimbus Support"], "[name] is slow"),
    ("NIMBUS and Nimbusson", ["Nimbus", "nimbusson"], "NIMBUS and [name]"),
    ("Jane Nimbus likes Nimbus", ["Jane Nimbus"], "[name] likes Nimbus"),
    ("Al Nimbus, al", ["Al Nimbus"], "[name], al"),
    ("Jackson Hole, Jackson", ["Jackson Hole"], "Jackson Hole, Jackson"),
    ("Jackson Hole and Jack Hole", ["Jack Hole"], "Jackson Hole and [name]"),
]


@pytest.mark.parametrize(("text", "names", "masked"), ALLOWED)
def test_known_names_that_are_brands(text: str, names: list[str], masked: str) -> None:
    allow = ("Nimbus", "Jackson Hole")
    assert redact(text, names, allow).text == masked
    assert redact_batch(pl.Series([text]), pl.Series([names]), allow)["text"].to_list() == [masked]


# Pieces that make trouble beside each other, and any character besides.
WORDS = """
@ @jane jane Roe %40 &#64; &amp; & # RT . - ( ) / + : :: [ ] [email] [handle] [url] at x.com
https://t.co/AbC https:/ www. 0 O l 12 2016 555 0143 1234567 192.168.1.1 GB29 NWBK 123-45-6789 $ v
é ß Σ ς İ ſ о ７ ٣ ² … ’ − 田中 さん
"""
BLANKS = [" ", "  ", "\n", "\t", "\x00", "\x1c", "\u00a0", "\u200b", "\u200d", "\ufe0f", "\u20e3"]
MARKS = ["\u202e", "\u0301", "❤\ufe0f", "👩\u200d💻", " dot ", "call ", "4111 1111"]
PIECES = st.sampled_from([*WORDS.split(), *BLANKS, *MARKS])
TEXTS = st.one_of(
    st.lists(PIECES, max_size=12).map("".join),
    st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=10).map("".join),
)
NAMES = st.lists(
    st.one_of(
        st.sampled_from(
            ["Jane Roe", "@jane", "JANE", "roe_x", "José", "田中", "ΣΑΣ", "", "🎉", "email", "l0"]
        ),
        st.text(max_size=6),
    ),
    max_size=3,
)


@given(TEXTS, NAMES)
@example("[email", ["a [email"])
def test_redaction_holds_what_it_promises(text: str, names: list[str]) -> None:
    result = redact(text, names)
    ends = [0, *(span.end for span in result.spans)]
    assert all(end <= s.start < s.end for end, s in zip(ends, result.spans, strict=False))
    assert ends[-1] <= len(text)
    assert {span.kind for span in result.spans} <= set(KINDS)
    pieces, done = [], 0
    for span in result.spans:
        pieces += [text[done : span.start], f"[{span.kind}]"]
        done = span.end
    assert result.text == "".join([*pieces, text[done:]])
    assert redact(result.text, names) == Redaction(result.text, ())
    assert not re.search(r"[0-9]{7}", canonicalise(result.text).text)


def one_by_one(texts: list[str | None], names: list[list[str] | None]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for text, known in zip(texts, names, strict=True):
        if text is None:
            rows.append({"text": None, "redactions": []})
            continue
        result = redact(text, known or ())
        counts = sorted(Counter(span.kind for span in result.spans).items())
        rows.append(
            {"text": result.text, "redactions": [{"kind": k, "count": n} for k, n in counts]}
        )
    return rows


@settings(deadline=None)  # the first call imports Polars' Arrow bridge
@given(st.lists(st.tuples(st.none() | TEXTS, st.none() | NAMES), max_size=12))
def test_batch_equals_single(rows: list[tuple[str | None, list[str] | None]]) -> None:
    texts, names = [text for text, _ in rows], [known for _, known in rows]
    series = pl.Series(texts, dtype=pl.String)
    known = pl.Series(names, dtype=pl.List(pl.String))
    assert redact_batch(series, known).to_dicts() == one_by_one(texts, names)
    assert redact_batch(series).to_dicts() == one_by_one(texts, [None] * len(texts))


def test_batch_equals_single_on_the_tables() -> None:
    texts: list[str | None] = [None, *(t for t, _ in MASKED), *(t for t, _, _ in NAMED)]
    names = [None, *([None] * len(MASKED)), *(n for _, n, _ in NAMED)]
    known = pl.Series(names, dtype=pl.List(pl.String))
    frame = redact_batch(pl.Series(texts), known)
    assert frame.to_dicts() == one_by_one(texts, names)
    assert frame.schema == {
        "text": pl.String,
        "redactions": pl.List(pl.Struct({"kind": pl.String, "count": pl.Int32})),
    }


@pytest.mark.parametrize("size", [0, 1])
def test_batch_of_nothing(size: int) -> None:
    frame = redact_batch(pl.Series([None] * size, dtype=pl.String), pl.Series([None] * size))
    assert frame.to_dicts() == [{"text": None, "redactions": []}] * size


LONG = """
a. 1- @a (1 aaaaaaaaa a: &amp; +1( x@y at 2016 a@b.co @a@b.co 12 1.2.3.4 1234567 a_ A1 www.a ::1
http:/ 5k5 12-12-2016 AB12CD34 a[at]b
"""


@pytest.mark.timeout(20)
def test_no_text_is_slow() -> None:
    for piece in (*LONG.split(), *(f"{piece} " for piece in LONG.split())):
        redact(piece * (4_000 // len(piece)))


# Recall and precision on public labelled sets.

DATA = Path(os.environ.get("SENTIMENT_SHARED_DATA") or Path(__file__).parents[4] / "shared/data")
LABELLED = DATA / "pii_labelled.jsonl.gz"
# Type in the set -> share of its spans with every letter and digit masked, under whatever label.
RECALL = {
    "EMAIL_ADDRESS": 0.99,
    "IP_ADDRESS": 0.99,
    "CREDIT_CARD": 0.99,
    "CREDIT_CARD_NUMBER": 0.99,
    "IBAN": 0.99,
    "IBAN_CODE": 0.99,
    "US_SSN": 0.99,
    "SOCIAL_SECURITY_NUMBER": 0.99,
    "URL": 0.99,
    "DOMAIN_NAME": 0.99,
    "SOCIAL_MEDIA_HANDLE": 0.99,
    "PHONE_NUMBER": 0.99,
    "NPI_NUMBER": 0.99,
}
# Kind -> share of our spans that touch a labelled one. The set leaves most handles unlabelled.
PRECISION = {
    "email": 0.99, "ip": 0.99, "card": 0.99, "iban": 0.99, "national_id": 0.99, "url": 0.99,
    "phone": 0.9, "number": 0.9,
}  # fmt: skip


@pytest.mark.skipif(not LABELLED.exists(), reason=f"the labelled set is not at {LABELLED}")
def test_recall_and_precision_on_labelled_texts() -> None:
    total, hidden, found, right = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    with gzip.open(LABELLED, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    for row in rows:
        text, spans = row["text"], redact(row["text"]).spans
        masked = {i for span in spans for i in range(span.start, span.end)}
        labelled = {i for label in row["spans"] for i in range(label["start"], label["end"])}
        for label in row["spans"]:
            places = [i for i in range(label["start"], label["end"]) if text[i].isalnum()]
            total[label["type"]] += 1
            hidden[label["type"]] += masked.issuperset(places)
        for span in spans:
            found[span.kind] += 1
            right[span.kind] += not labelled.isdisjoint(range(span.start, span.end))
    recall = {kind: hidden[kind] / total[kind] for kind in RECALL}
    precision = {kind: right[kind] / found[kind] for kind in PRECISION}
    assert {k: v for k, v in recall.items() if v < RECALL[k]} == {}
    assert {k: v for k, v in precision.items() if v < PRECISION[k]} == {}
