"""Lakes that both engines fill, and the tables that came of each."""

from __future__ import annotations

import pytest

from sentiment_assets_tests.spark_session import lacking


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if (why := lacking()) is not None:
        for item in items:
            if "/parity/" in item.path.as_posix():
                item.add_marker(pytest.mark.skip(reason=why))
