"""A team's own classifier, from an ONNX file: texts in, probabilities of labels out.

Belongs here: what such a file must hold, and scoring with it. The file itself is read by whoever
names it: here a model is bytes, so that it is shipped to workers with the rules, and a worker needs
no path. How to make one: docs/add-a-scorer.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sentiment_assets.core.sentiment.scorer import SCORE_SCHEMA, ScorerError

if TYPE_CHECKING:
    import numpy as np

#: Texts that the model is given at once: large enough to be quick, small enough for memory.
_BATCH = 256

#: The column of each label that a model may give.
_COLUMNS = {"negative": "neg", "neutral": "neu", "positive": "pos"}
#: Labels without which there is no compound.
_NEEDED = {"negative", "positive"}

_EXAMPLE = 'onnx.helper.set_model_props(model, {"languages": "en", "labels": "negative,positive"})'


@dataclass(frozen=True)
class OnnxScorer:
    """A model with what it says of itself; :func:`onnx_scorer` makes one."""

    name: str
    #: Twelve hex digits of the file's SHA-256: another file makes older rows stale.
    version: str
    languages: frozenset[str]
    #: What the columns of its answer mean, in order.
    labels: tuple[str, ...]
    model: bytes = field(repr=False, compare=False)

    def score(self, texts: pa.Array) -> pa.Table:
        """Score each distinct text once; null gives null. Compound is positive less negative."""
        import numpy as np

        encoded = texts.dictionary_encode()
        distinct = encoded.dictionary.to_numpy(zero_copy_only=False).astype(object)
        answers = [np.empty((0, len(self.labels)))]
        answers += self._answers(distinct)
        shares = dict(zip(self.labels, np.concatenate(answers).T, strict=True))
        columns = {_COLUMNS[label]: np.round(share, 3) + 0.0 for label, share in shares.items()} | {
            "compound": np.round(shares["positive"] - shares["negative"], 4) + 0.0
        }
        none = pa.nulls(len(distinct), pa.float64())
        return pa.table(
            [
                (pa.array(columns[name]) if name in columns else none).take(encoded.indices)
                for name in SCORE_SCHEMA.names
            ],
            schema=SCORE_SCHEMA,
        )

    def _answers(self, texts: np.ndarray[Any, Any]) -> Iterator[np.ndarray[Any, Any]]:
        import numpy as np

        session, given, taken = _session(self)
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            batch = batch.reshape(-1, 1) if len(given.shape) == 2 else batch
            try:
                (answer,) = session.run([taken.name], {given.name: batch})
            except Exception as error:
                # onnxruntime's message can quote a text.
                raise ScorerError(
                    f"{self.name}: the model failed on a batch of {len(batch)} texts "
                    f"({type(error).__name__}); it must take any text, also an empty one"
                ) from None
            answer = np.asarray(answer, dtype=np.float64)
            if answer.shape != (len(batch), len(self.labels)):
                raise ScorerError(
                    f"{self.name}: output {taken.name!r} has shape {answer.shape} for "
                    f"{len(batch)} texts and the labels {','.join(self.labels)}; it must have one "
                    "row a text and one column a label"
                )
            # Not so for nan either.
            if not ((answer >= -1e-6) & (answer <= 1 + 1e-6)).all():
                raise ScorerError(
                    f"{self.name}: output {taken.name!r} holds values outside of 0 to 1; "
                    "end the model with Softmax, so that they are probabilities"
                )
            yield answer.clip(0.0, 1.0)


def onnx_scorer(model: bytes, name: str) -> OnnxScorer:
    """Make a scorer of a model, tried once with two texts.

    Args:
        model: the content of an ONNX file.
        name: what rows and messages call it; ``onnx:`` is put before it.

    Raises:
        ScorerError: the package is missing, or the model is not what it must be.
    """
    name = f"onnx:{name}"
    version = hashlib.sha256(model).hexdigest()[:12]
    bare = OnnxScorer(name, version, frozenset(), (), model)
    properties = _session(bare)[0].get_modelmeta().custom_metadata_map
    languages = _listed(properties, "languages", name)
    labels = _listed(properties, "labels", name)
    if len(set(labels)) != len(labels) or not _NEEDED <= set(labels) <= _COLUMNS.keys():
        raise ScorerError(
            f"{name}: the labels {','.join(labels)} must be negative, positive and perhaps "
            f"neutral, in the order of the output's columns; for example: {_EXAMPLE}"
        )
    if not all(len(code) == 2 and code.islower() for code in languages):
        raise ScorerError(
            f"{name}: the languages {','.join(languages)} must be codes of two letters "
            f"(ISO 639-1); for example: {_EXAMPLE}"
        )
    scorer = OnnxScorer(name, version, frozenset(languages), labels, model)
    scorer.score(pa.array(["", "a text to try it"]))
    return scorer


def _listed(properties: dict[str, str], key: str, name: str) -> tuple[str, ...]:
    values = tuple(part.strip() for part in properties.get(key, "").split(",") if part.strip())
    if not values:
        raise ScorerError(
            f"{name}: the model's metadata has no {key!r}; write it into the file, "
            f"for example: {_EXAMPLE}"
        )
    return values


@lru_cache(maxsize=2)
def _session(scorer: OnnxScorer) -> tuple[Any, Any, Any]:
    """The model, loaded once per process when first needed, with its input and its output."""
    try:
        import onnxruntime
    except ImportError:
        raise ScorerError(
            f"{scorer.name}: the package onnxruntime is not installed; "
            "install the extra: pip install 'sentiment-assets[onnx]'"
        ) from None
    options = onnxruntime.SessionOptions()
    # Idle threads would burn the cores that other work waits for.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            scorer.model, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise ScorerError(
            f"{scorer.name}: the file is not a model that onnxruntime {onnxruntime.__version__} "
            f"can load ({type(error).__name__}); see docs/add-a-scorer.md"
        ) from None
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(string)" or len(inputs[0].shape) not in (1, 2):
        raise ScorerError(
            f"{scorer.name}: the model takes {_told(inputs)}; it must take the texts alone, as one "
            "tensor(string) of shape [n] or [n, 1]: the words must be split inside the model"
        )
    if inputs[0].shape[1:] not in ([], [1]):
        raise ScorerError(
            f"{scorer.name}: the model takes {_told(inputs)}; a second dimension must be 1"
        )
    numbers = [o for o in outputs if o.type in ("tensor(float)", "tensor(double)")]
    named = [output for output in numbers if output.name == "probabilities"]
    if len(found := named or numbers) != 1:
        raise ScorerError(
            f"{scorer.name}: the model gives {_told(outputs)}; it must give one tensor(float) or "
            "tensor(double) of shape [n, labels], or several of which one is named probabilities"
        )
    return session, inputs[0], found[0]


def _told(values: list[Any]) -> str:
    return ", ".join(f"{value.name} {value.type} {value.shape}" for value in values)
