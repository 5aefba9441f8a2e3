from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest
from vaderSentiment import vaderSentiment as published

Reference = Callable[[str], tuple[float, ...]]


def _left_to_right(values: Iterable[float]) -> float:
    total = 0.0
    for value in values:
        total += value
    return total


@pytest.fixture(scope="session")
def reference() -> Iterator[Reference]:
    """The published tool as it scores on Python 3.11: later versions' ``sum`` compensates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "sum", _left_to_right, raising=False)
        analyzer = published.SentimentIntensityAnalyzer()
        yield lambda text: tuple(analyzer.polarity_scores(text).values())
