from __future__ import annotations

from collections.abc import Iterator

import pytest
from vaderSentiment import vaderSentiment

from sentiment_assets_tests.core.sentiment.published import Reference, as_on_3_11, left_to_right


@pytest.fixture(scope="session")
def reference() -> Iterator[Reference]:
    """The published tool as it scores on Python 3.11: later versions' ``sum`` compensates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vaderSentiment, "sum", left_to_right, raising=False)
        yield as_on_3_11(vaderSentiment.SentimentIntensityAnalyzer())
