"""Types of the compiled kernel, which a type checker can't read."""

VERSION: int
SOURCE: str

class Kernel:
    """A model in tables; reads texts for any number of threads at once."""

    labels: tuple[str, ...]

    def __init__(self, data: bytes) -> None: ...
    def predict(
        self,
        offsets: memoryview,
        data: memoryview,
        offset: int,
        count: int,
        characters: int,
        labels: memoryview[int],
        probabilities: memoryview[float],
    ) -> None:
        """The best label of each text's first characters (-1: none), and how probable it is."""
