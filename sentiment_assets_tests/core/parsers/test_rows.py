"""Rows to columns: the compiled kernel and PyArrow make the same of any values."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_assets.core.parsers import POST_SCHEMA, rows
from sentiment_assets.core.parsers.rows import record_batch

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


@given(st.lists(st.tuples(*map(_values, POST_SCHEMA)), max_size=20))
def test_both_make_the_same_columns(posts: list[tuple[Any, ...]]) -> None:
    if rows.compiled is None:
        pytest.skip("no C compiler")
    assert rows.compiled.VERSION == rows.KERNEL_VERSION
    made = record_batch(posts, POST_SCHEMA)
    made.validate(full=True)
    copied = pa.RecordBatch.from_arrays(rows._copied(posts, POST_SCHEMA), schema=POST_SCHEMA)
    assert made.equals(copied)
    assert made.to_pylist() == [dict(zip(POST_SCHEMA.names, p, strict=True)) for p in posts]


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
        record_batch([(value,)], pa.schema([pa.field("column", kind)]))
