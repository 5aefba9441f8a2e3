"""A team's files: what is read, every mistake with its place, and what a change concerns."""

from __future__ import annotations

import datetime as dt
import io
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from sentiment_assets.core.contracts import (
    BRANDS,
    CALENDAR,
    HOLIDAYS,
    MARKETS,
    REFERENCE_CONTRACTS,
    Contract,
)
from sentiment_assets.core.reference import (
    ALL_DATES,
    ReferenceProblems,
    concerned,
    fingerprint,
    read_reference,
    spans_in,
    spelled,
    table_of,
)
from sentiment_assets.core.tracking import parse_tracking

ROOT = Path(__file__).parents[2]
HEAD = "name,kind,first_date,last_date,platform,topic,market,note\n"


def calendar(*lines: str) -> pl.DataFrame:
    return read_reference(CALENDAR, "calendar.csv", (HEAD + "\n".join(lines)).encode())


def test_what_is_left_out_is_for_every_one_and_for_one_day() -> None:
    found = calendar("Launch,campaign,2026-11-24", 'Fair,event,2026-11-24,2026-11-26,x,,ZA,"a, b"')
    assert found.rows(named=True) == [
        {"name": "Launch", "kind": "campaign", "first_date": dt.date(2026, 11, 24),
         "last_date": dt.date(2026, 11, 24), "platform": "all", "topic": "all", "market": "all",
         "note": None},
        {"name": "Fair", "kind": "event", "first_date": dt.date(2026, 11, 24),
         "last_date": dt.date(2026, 11, 26), "platform": "x", "topic": "all", "market": "ZA",
         "note": "a, b"},
    ]  # fmt: skip


def test_spreadsheets_marks_line_ends_and_empty_lines_are_taken() -> None:
    content = "\ufeffmarket,name,languages\r\nZA, South Africa ,en zu\r\n\r\n,,\r\n".encode()
    found = read_reference(MARKETS, "markets.csv", content)
    assert found.rows() == [("ZA", "South Africa", ["en", "zu"])]


def test_parquet_gives_the_same_rows() -> None:
    written = {
        "topic": ["nimbus"], "brand": ["Nimbus"], "product": [None], "own": [True],
    }  # fmt: skip
    file = io.BytesIO()
    pl.DataFrame(written, schema_overrides={"product": pl.String}).write_parquet(file)
    found = read_reference(BRANDS, "brands.parquet", file.getvalue())
    text = b"topic,brand,own\nnimbus,Nimbus,TRUE\n"
    assert found.equals(read_reference(BRANDS, "brands.csv", text))
    dates = io.BytesIO()
    row = {"market": ["ZA"], "date": [dt.datetime(2026, 12, 16)], "name": ["Day"]}
    pl.DataFrame(row).write_parquet(dates)
    [day] = read_reference(HOLIDAYS, "holidays.parquet", dates.getvalue())["date"]
    assert day == dt.date(2026, 12, 16)
    languages = io.BytesIO()
    pl.DataFrame({"market": ["ZA"], "name": ["SA"], "languages": [["en", "zu"]]}).write_parquet(
        languages
    )
    [spoken] = read_reference(MARKETS, "markets.parquet", languages.getvalue())["languages"]
    assert spoken.to_list() == ["en", "zu"]


@pytest.mark.parametrize(
    ("contract", "text", "told"),
    [
        (
            CALENDAR,
            HEAD + "A,campain,2026-11-24",
            "calendar.csv:2, column kind: 'campain' is none of them; did you mean campaign?",
        ),
        (
            CALENDAR,
            HEAD + "\nA,event,24.11.2026",
            "calendar.csv:3, column first_date: '24.11.2026' is no date; for example: 2026-11-23",
        ),
        (
            CALENDAR,
            HEAD + "A,event,0226-11-24",
            "column first_date: 0226-11-24 lies outside of 2000 to 2099",
        ),
        (
            CALENDAR,
            HEAD + "A,event,2026-11-24,2026-11-23",
            "calendar.csv:2, column last_date: it ends before it begins",
        ),
        (
            CALENDAR,
            HEAD + "A,event,2026-11-24,,twitter",
            "column platform: 'twitter' is none of them",
        ),
        (
            CALENDAR,
            HEAD + "A,event,2026-11-24,,,Mobile App",
            "column topic: 'Mobile App' is of another form; for example: mobile_app",
        ),
        (
            CALENDAR,
            HEAD + "A,event,2026-11-24,,,,za",
            "column market: 'za' is of another form; for example: ZA",
        ),
        (CALENDAR, HEAD + ",event,2026-11-24", "column name: is empty; every row needs it"),
        (
            CALENDAR,
            HEAD + "A,event,2026-11-24\nB,event,2026-11-24\nA,event,2026-11-24",
            "calendar.csv:4 repeats calendar.csv:2",
        ),
        (
            CALENDAR,
            HEAD + "A,event,2026-11-24,,,,,a,b",
            "calendar.csv:2: has 9 cells, the head 8; quote cells with commas",
        ),
        (CALENDAR, HEAD + 'A,event,2026-11-24,,,,,"never closed', "not readable as CSV"),
        (CALENDAR, HEAD + f"{'A' * 501},event,2026-11-24", "has 501 characters; write 500 at most"),
        (
            CALENDAR,
            "name,kind",
            "column first_date is missing; its columns are name, kind, first_date",
        ),
        (CALENDAR, "", "column name is missing"),
        (
            BRANDS,
            "topic,brand,own,colour\n",
            "column 'colour' is not known; its columns are topic, brand",
        ),
        (BRANDS, "topic,brand,own,own\n", "column own stands there twice"),
        (
            BRANDS,
            "topic,brand,own\nnimbus,Nimbus,yes",
            "brands.csv:2, column own: 'yes' is none of them; write one of true, false",
        ),
        (
            BRANDS,
            "topic,brand,own\nnimbus,A,true\nnimbus,B,true",
            "brands.csv:3 repeats brands.csv:2 (topic)",
        ),
        (
            MARKETS,
            "market,name,languages\nZA,South Africa,en english",
            "column languages: 'english' is of another form; for example: en",
        ),
        (HOLIDAYS, "market,date,name\nZA,2026-12-16,", "holidays.csv:2, column name: is empty"),
    ],
)
def test_every_mistake_is_told_with_its_place(contract: Contract, text: str, told: str) -> None:
    with pytest.raises(ReferenceProblems) as raised:
        read_reference(contract, f"{contract.table}.csv", text.encode())
    assert told in str(raised.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ReferenceProblems) as raised:
        calendar("A,campain,soon", "B,event,2026-11-24", "C,event,later")
    assert [p.partition(":")[2][0] for p in raised.value.problems] == ["2", "2", "4"]
    assert str(raised.value).startswith("3 problems in a reference file:\n")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("brands.parquet", b"PAR1", "brands.parquet: not readable as Parquet"),
        ("brands.csv", "topic,brand,own\nä,b,true".encode("latin-1"), "brands.csv: not UTF-8"),
    ],
)
def test_what_is_no_such_file_is_told(name: str, content: bytes, told: str) -> None:
    with pytest.raises(ReferenceProblems, match=told):
        read_reference(BRANDS, name, content)


def test_a_row_of_parquet_is_named() -> None:
    file = io.BytesIO()
    pl.DataFrame({"topic": ["a", "B"], "brand": ["A", "B"], "own": [True, True]}).write_parquet(
        file
    )
    with pytest.raises(ReferenceProblems, match=r"brands\.parquet, row 2, column topic"):
        read_reference(BRANDS, "brands.parquet", file.getvalue())


def test_the_fingerprint_is_of_the_content() -> None:
    one, two = "A,event,2026-11-24", "B,event,2026-11-25"
    assert fingerprint(calendar(one, two)) == fingerprint(calendar(two, "", one))
    assert fingerprint(calendar(one)) != fingerprint(calendar(one, two))
    assert fingerprint(calendar(one)) != fingerprint(calendar(f"{one},,x"))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (["A,event,2026-11-24"], ["A,event,2026-11-24"], ""),
        ([], ["A,event,2026-11-24,2026-11-26"], "2026-11-24..2026-11-26"),
        (["A,event,2026-11-24"], [], "2026-11-24..2026-11-24"),
        # Moved: where it was and where it is now.
        (
            ["A,event,2026-11-24"],
            ["A,event,2026-12-01"],
            "2026-11-24..2026-11-24 2026-12-01..2026-12-01",
        ),
        (["A,event,2026-11-24"], ["A,event,2026-11-24,,,,,new"], "2026-11-24..2026-11-24"),
        (
            ["B,event,2026-11-01"],
            ["A,event,2026-11-24,2026-11-27", "B,event,2026-11-01", "C,event,2026-11-28"],
            "2026-11-24..2026-11-28",
        ),
    ],
)
def test_a_change_concerns_the_days_of_what_changed(
    before: list[str], after: list[str], told: str
) -> None:
    spans = concerned(CALENDAR, calendar(*before), calendar(*after))
    assert spelled(spans) == told
    assert spans_in(told) == spans


def test_a_change_of_very_many_days_is_told_as_one_span() -> None:
    first = dt.date(2026, 1, 1)
    lines = [f"A,event,{first + dt.timedelta(days=2 * n)}" for n in range(201)]
    assert len(concerned(CALENDAR, calendar(), calendar(*lines[1:]))) == 200
    assert concerned(CALENDAR, calendar(), calendar(*lines)) == [(first, dt.date(2027, 2, 5))]


def test_a_brand_concerns_every_date() -> None:
    def brands(name: str) -> pl.DataFrame:
        return read_reference(BRANDS, "brands.csv", f"topic,brand,own\nt,{name},true".encode())

    assert concerned(BRANDS, brands("A"), brands("B")) == [ALL_DATES]
    assert concerned(BRANDS, brands("A"), brands("A")) == []
    assert spans_in(spelled([ALL_DATES])) == [ALL_DATES]


def test_files_are_known_by_their_names() -> None:
    assert table_of("calendar.csv") is CALENDAR
    assert table_of("brands.parquet") is BRANDS
    assert [table_of(name) for name in ("calendar.txt", "plans.csv", "csv", "README.md")] == [
        None
    ] * 4


def test_the_projects_own_files_are_right_and_fit_what_is_tracked() -> None:
    tracked = parse_tracking((ROOT / "tracking.yaml").read_text(), "tracking.yaml")
    topics = {topic.name for topic in tracked.topics}
    tables = {
        contract: read_reference(contract, path.name, path.read_bytes())
        for path in (ROOT / "reference").iterdir()
        if (contract := table_of(path.name))
    }
    assert {contract.name for contract in tables} == {*REFERENCE_CONTRACTS}
    assert set(tables[BRANDS]["topic"]) <= topics
    assert set(tables[CALENDAR]["topic"]) <= topics | {"all"}
    assert Counter(tables[CALENDAR]["kind"]).keys() == {"method_change", "campaign", "event"}
    kept = tables[HOLIDAYS].group_by("market").agg(pl.col("date").dt.year().unique().sort())
    assert dict(kept.iter_rows()) == {market: [2026, 2027] for market in tables[MARKETS]["market"]}
