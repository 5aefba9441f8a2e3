"""Types of the compiled kernel, which a type checker can't read."""

from sentiment_assets.core.sentiment.vader_words import Words

VERSION: int
SOURCE: str

class Kernel:
    """The words in tables; scores texts for any number of threads at once."""

    def __init__(
        self, words: Words, caseless: str, caps_increment: float, negation: float
    ) -> None: ...
    def score(
        self,
        offsets: memoryview,
        data: memoryview,
        valid: memoryview | None,
        offset: int,
        start: int,
        stop: int,
        neg: memoryview[float],
        neu: memoryview[float],
        pos: memoryview[float],
        compound: memoryview[float],
    ) -> None:
        """Score rows ``start`` to ``stop`` of an Arrow array of strings into four columns."""
