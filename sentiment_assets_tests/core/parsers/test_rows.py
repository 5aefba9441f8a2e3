"""Rows to columns: the compiled kernel and PyArrow make the same of any values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_assets.core.parsers import POST_SCHEMA, rows
from sentiment_assets.core.parsers.rows import Columns

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
INSTANT = st.datetimes(timezones=st.just(dt.timezone.utc))
LONG = st.integers(-(2**63), 2**63 - 1)


def _values(field: pa.Field) -> st.SearchStrategy[Any]:
    values: st.SearchStrategy[Any]
    if pa.types.is_list(field.type):
        values = st.lists(TEXT, max_size=3)
    elif pa.types.is_string(field.type):
        values = TEXT
    elif pa.types.is_timestamp(field.type):
        values = INSTANT
    elif pa.types.is_boolean(field.type):
        values = st.booleans()
    else:
        values = st.integers(-(2**31), 2**31 - 1) if field.type.bit_width == 32 else LONG
    return st.none() | values if field.nullable else values


@pytest.fixture(params=["compiled", "python"])
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "compiled" and rows.compiled is None:
        pytest.skip("no C compiler")
    if request.param == "python":
        monkeypatch.setattr(rows, "compiled", None)
    return str(request.param)


def made_of(
    posts: Sequence[tuple[Any, ...]], schema: pa.Schema, constant: dict[str, str] | None = None
) -> pa.RecordBatch:
    columns = Columns(schema, constant)
    for post in posts:
        columns.add(post)
    return columns.batch()


@settings(deadline=None)
@given(st.lists(st.tuples(*map(_values, POST_SCHEMA)), max_size=20))
def test_both_make_the_same_columns(posts: list[tuple[Any, ...]]) -> None:
    if rows.compiled is None:
        pytest.skip("no C compiler")
    assert rows.compiled.VERSION == rows.KERNEL_VERSION
    made = made_of(posts, POST_SCHEMA)
    made.validate(full=True)
    with patch.object(rows, "compiled", None):
        assert made.equals(made_of(posts, POST_SCHEMA))
    assert made.to_pylist() == [dict(zip(POST_SCHEMA.names, p, strict=True)) for p in posts]


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 2_000])
def test_a_constant_column_has_its_value_in_every_row(count: int) -> None:
    schema = pa.schema([("platform", pa.string()), ("id", pa.string()), ("object", pa.string())])
    made = made_of([(str(i),) for i in range(count)], schema, {"object": "o", "platform": "p"})
    made.validate(full=True)
    assert made.schema == schema
    assert made.to_pylist() == [
        {"platform": "p", "id": str(i), "object": "o"} for i in range(count)
    ]


@pytest.mark.usefixtures("implementation")
def test_a_null_in_a_list_stays_one() -> None:
    schema = pa.schema([("names", pa.list_(pa.string()))])
    posts = [(["a", None],), ([],), ([None, "é"],)]
    assert made_of(posts, schema)["names"].to_pylist() == [post[0] for post in posts]


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("post", [("a",), ("a", "b", "c")])
def test_a_row_of_another_width_is_an_error(post: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        made_of([("a", "b"), post], pa.schema([("one", pa.string()), ("two", pa.string())]))


def test_a_kernel_of_another_version_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "compiled", SimpleNamespace(VERSION=rows.KERNEL_VERSION - 1))
    assert made_of([("a",)], pa.schema([("one", pa.string())])).to_pylist() == [{"one": "a"}]


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.string(), 7),
        (pa.list_(pa.string()), ["a", 7]),
        (pa.timestamp("us", tz="UTC"), "2026-11-23"),
        (pa.int32(), "7"),
        (pa.int32(), 2**31),
        (pa.int64(), 2**63),
    ],
)
def test_a_value_of_another_type_is_an_error(kind: pa.DataType, value: Any) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        made_of([(value,)], pa.schema([pa.field("column", kind)]))
