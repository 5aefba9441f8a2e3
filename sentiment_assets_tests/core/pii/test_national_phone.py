"""Phones of a known country: what its numbering plan adds to the shapes of everywhere."""

import polars as pl
import pytest

from sentiment_assets.core.pii import redact, redact_batch
from sentiment_assets.core.pii.national_phone import phone_regions

CASES = [
    ("ZA", "082 555 0143 en 0825550143", ["082 555 0143", "0825550143"]),
    ("US", "(202) 224-3121, 202.224.3121", ["(202) 224-3121", "202.224.3121"]),
    # Shapes of scores and prices elsewhere.
    ("LS", "ab 2212.9135 cd", ["2212.9135"]),
    ("EE", "ab 321.0929 cd", ["321.0929"]),
    # Shorter than seven digits: in pairs, or after words that speak of a phone.
    ("GL", "33 93 31; call 339331", ["33 93 31", "339331"]),
    ("SH", "call me on 23347", ["23347"]),
    ("GL", "scored 339331 points, 33-93-31", []),
    ("ZA", "R100 000 000, 21-17 25-23, 2015 2016, 50%", []),
    ("DE", "2014-2015, v10.0.19041, 1500-2000 people, $12.3456", []),
]


@pytest.mark.parametrize(("region", "text", "found"), CASES)
def test_phones_of_a_country(region: str, text: str, found: list[str]) -> None:
    assert [text[s.start : s.end] for s in redact(text, region=region).spans] == found


def test_a_column_of_countries_equals_one_by_one() -> None:
    texts = [text for _, text, _ in CASES] * 2
    regions = [region for region, _, _ in CASES] + [None] * len(CASES)
    expected = [redact(t, region=r).text for t, r in zip(texts, regions, strict=True)]
    column = redact_batch(pl.Series(texts), regions=pl.Series(regions, dtype=pl.String))
    assert column["text"].to_list() == expected
    everywhere = redact_batch(pl.Series(texts), regions="GL")
    assert everywhere["text"].to_list() == [redact(t, region="GL").text for t in texts]
    assert everywhere["text"].to_list() != expected


def test_countries_are_two_letters() -> None:
    assert {"ZA", "US", "DE", "GL"} <= phone_regions()
    assert all(len(region) == 2 and region.isupper() for region in phone_regions())
