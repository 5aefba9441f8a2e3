"""A tiny ONNX classifier of texts, made word by word: what a team's own model looks like from
outside.

Its words are split inside the model, as a real one's are: a string tensor in, probabilities out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

#: Words with what they say of each label.
WEIGHTS = {"awful": (4.0, 0.0, 0.0), "great": (0.0, 0.0, 4.0), "table": (0.0, 1.0, 0.0)}
PROPERTIES = {"languages": "en,af", "labels": "negative,neutral,positive"}


def tiny_model(
    properties: Mapping[str, str] = PROPERTIES,
    *,
    weights: Mapping[str, tuple[float, float, float]] = WEIGHTS,
    rank: int = 1,
    softmax: bool = True,
    output: str = "scores",
) -> bytes:
    """A model that counts words: ``texts`` of shape [n] or [n, 1] to ``output`` [n, 3]."""
    shape: list[Any] = ["n"] if rank == 1 else ["n", 1]
    vocabulary = list(weights)
    nodes = [
        # Words of each text, padded with empty ones.
        helper.make_node("Reshape", ["texts", "flat"], ["line"]),
        helper.make_node("StringSplit", ["line"], ["words", "counts"], delimiter=" "),
        helper.make_node(
            "TfIdfVectorizer", ["words"], ["found"], mode="TF", min_gram_length=1,
            max_gram_length=1, max_skip_count=0, ngram_counts=[0],
            ngram_indexes=list(range(len(vocabulary))), pool_strings=vocabulary,
        ),
        helper.make_node("MatMul", ["found", "weights"], ["weighed" if softmax else output]),
    ]  # fmt: skip
    if softmax:
        nodes.append(helper.make_node("Softmax", ["weighed"], [output], axis=1))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("texts", TensorProto.STRING, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", 3])],
        [
            numpy_helper.from_array(np.array([-1], np.int64), "flat"),
            numpy_helper.from_array(np.array(list(weights.values()), np.float32), "weights"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    helper.set_model_props(model, dict(properties))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def written(path: Path, **options: Any) -> Path:
    path.write_bytes(tiny_model(**options))
    return path
