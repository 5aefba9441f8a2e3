# ruff: noqa: RUF001  look-alike characters are the subject
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.pii_recall import generated, labelled, measure
from sentiment_assets.core.pii import KINDS, Redaction, column, redact, redact_batch
from sentiment_assets.core.pii.national_phone import national_phone
from sentiment_assets.core.pii.redactor import RULES
from sentiment_assets.core.text import canonicalise


@pytest.fixture(autouse=True, scope="module")
def _small_columns_too() -> Iterator[None]:
    """Else a column of a few texts would be done one by one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(column, "_FEW", 1)
        yield


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
    assert redact(text, names, allow=allow).text == masked
    assert redact_batch(pl.Series([text]), pl.Series([names]), allow=allow)["text"].to_list() == [
        masked
    ]


# Pieces that make trouble beside each other, and any character besides.
WORDS = """
@ @jane jane Roe %40 &#64; &amp; & # RT . - ( ) / + : :: [ ] [email] [handle] [url] at x.com
https://t.co/AbC https:/ www. 0 O l 12 2016 555 0143 1234567 192.168.1.1 GB29 NWBK 123-45-6789 $ v
born dob Main Street rue via Via 5 90 March , PO Box Apt. str. account no: passport AB ID
ig: snap: call 52.1234 N ° IL SW1A 1AA 75002 A1B2C3D4 生
jsmith42 janeroe _ 7 user": = ' number is tel. me on 4203 22-33 sk_test_ eyJhb 1990-01-15 +211 3)
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


@given(TEXTS)
@example("2 Via a-0")
def test_hints_miss_nothing(text: str) -> None:
    seen = canonicalise(text).text
    column = pl.Series([seen])
    for rule in (*RULES, national_phone("ZA"), national_phone("GL")):
        if any(rule.find(seen)):
            assert re.search(rule.hint, seen)
            assert column.str.contains(rule.hint).item()
            assert not rule.needs_digit or re.search("[0-9]", seen)


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
http:/ 5k5 12-12-2016 AB12CD34 a[at]b 1,A 1.1, 1°1' A-1 Aa- rue ID: ig: dob 1/1/ u/a- St Apt1
"""


@pytest.mark.timeout(20)
def test_no_text_is_slow() -> None:
    for piece in (*LONG.split(), *(f"{piece} " for piece in LONG.split())):
        redact(piece * (4_000 // len(piece)))


# Recall and precision: on generated posts, and on public labelled sets.

# A seed of the tests' own, and few posts: the figures are those of ``benchmarks.pii_recall``.
GENERATED_SEED = 7
RECALL = 0.995
#: Less is asked of these alone: docs/privacy.md says what stays.
GENERATED_RECALL = {
    "phone_national": 0.97,
    "phone_national, country known": 0.97,
    "street": 0.75,
    "address": 0.85,
    "user_name": 0.85,
}


def test_recall_and_precision_on_generated_posts() -> None:
    result = measure(generated(60, GENERATED_SEED))
    low = {
        kind: share
        for kind, share in result.recall.items()
        if share.share < GENERATED_RECALL.get(kind, RECALL)
    }
    assert low == {}
    assert {k: s for k, s in result.precision.items() if s.share < 0.98} == {}


DATA = Path(os.environ.get("SENTIMENT_SHARED_DATA") or Path(__file__).parents[4] / "shared/data")
LABELLED = DATA / "pii_labelled.jsonl.gz"
#: Types of the set of which less is masked, under whatever label: names have figures of their own
#: (``benchmarks.pii_names``), and addresses of many countries.
LESS = {"ADDRESS": 0.85, "PERSON": 0.80, "PERSON_NAME": 0.90}
#: What tells of a person and leads to nobody by itself, or has no shape without a word beside it.
OUT_OF_SCOPE = frozenset(
    [
        "AGE", "DATE_TIME", "EDUCATION_LEVEL", "ETHNICITY", "GENDER", "HEALTH_CONDITION",
        "HOUSEHOLD_SIZE", "JOB_TITLE", "LICENSE_PLATE", "LOCATION", "MARITAL_STATUS",
        "MEDICATION_NAME", "NATIONALITY", "ORGANIZATION", "ORGANIZATION_NAME",
        "POLITICAL_OPINION", "POSTAL_CODE", "PROCEDURE_NAME", "RELIGIOUS_BELIEF", "SALARY",
        "SWIFT_BIC_CODE", "TIMESTAMP", "TITLE", "VEHICLE_MODEL",
    ]
)  # fmt: skip
# Kind -> share of our spans that touch a labelled one. The set leaves most handles unlabelled.
PRECISION = dict.fromkeys(
    ("email", "ip", "card", "iban", "national_id", "url", "birth_date", "coordinates", "device"),
    0.99,
) | {"phone": 0.9, "number": 0.9, "account": 0.9, "address": 0.95}


@pytest.mark.skipif(not LABELLED.exists(), reason=f"the labelled set is not at {LABELLED}")
def test_recall_and_precision_on_labelled_texts() -> None:
    result = measure(labelled(LABELLED))
    low = {
        kind: share
        for kind, share in result.recall.items()
        if kind not in OUT_OF_SCOPE and share.share < LESS.get(kind, RECALL)
    }
    assert low == {}
    assert {k: s for k, s in result.precision.items() if s.share < PRECISION.get(k, 0)} == {}
    # Whatever is named as an exception is there, and is one.
    assert OUT_OF_SCOPE | LESS.keys() <= result.recall.keys()
    assert [kind for kind in OUT_OF_SCOPE if result.recall[kind].share > 0.9] == []
    assert result.precision.keys() >= PRECISION.keys()
