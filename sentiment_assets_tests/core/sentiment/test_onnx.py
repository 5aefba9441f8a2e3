"""A model of one's own, in a file that the test makes."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys

import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from sentiment_assets.core.sentiment import SCORE_SCHEMA, ScorerError, score_texts
from sentiment_assets.core.sentiment.onnx import _session, onnx_scorer
from sentiment_assets_tests.core.sentiment.tiny_model import PROPERTIES, tiny_model

MODEL = tiny_model()


def test_what_a_model_says_of_itself() -> None:
    scorer = onnx_scorer(MODEL, "tiny")
    assert scorer.name == "onnx:tiny"
    assert scorer.version == hashlib.sha256(MODEL).hexdigest()[:12]
    assert scorer.languages == {"en", "af"}
    assert onnx_scorer(tiny_model({**PROPERTIES, "languages": "en"}), "tiny").version != (
        scorer.version
    )
    assert str(MODEL) not in repr(scorer)


@pytest.mark.parametrize("rank", [1, 2])
def test_scores(rank: int) -> None:
    scorer = onnx_scorer(tiny_model(rank=rank), "tiny")
    texts = ["great", None, "awful awful", "", "a table", "great", "x " * 5_000, "\x00 😀"]
    scores = score_texts(texts, scorer)
    assert scores.schema == SCORE_SCHEMA
    # Softmax of (0, 0, 4) and of (8, 0, 0), by hand; nothing known is a third for each.
    assert scores.to_pylist()[0] == {"neg": 0.018, "neu": 0.018, "pos": 0.965, "compound": 0.947}
    assert scores.to_pylist()[2] == {"neg": 0.999, "neu": 0.0, "pos": 0.0, "compound": -0.999}
    assert scores["compound"].to_pylist()[3:] == [0.0, 0.0, 0.947, 0.0, 0.0]
    assert scores.to_pylist()[1] == dict.fromkeys(SCORE_SCHEMA.names)


def test_batches_change_nothing() -> None:
    scorer = onnx_scorer(MODEL, "tiny")
    texts = [f"great {n} {'awful' * (n % 3 == 0)}" for n in range(700)]
    together = score_texts(texts, scorer)
    assert together.to_pylist() == [score_texts([t], scorer).to_pylist()[0] for t in texts]
    sliced = pa.array(texts, pa.large_string()).slice(300, 5)
    assert score_texts(sliced, scorer) == together.slice(300, 5)
    assert score_texts([], scorer) == SCORE_SCHEMA.empty_table()
    assert score_texts([None], scorer)["neg"].null_count == 1


def test_labels_in_another_order_and_without_neutral() -> None:
    turned = onnx_scorer(
        tiny_model({**PROPERTIES, "labels": "positive, neutral, negative"}), "turned"
    )
    assert score_texts(["great"], turned)["compound"].to_pylist() == [-0.947]
    two = _two_labels()
    scores = score_texts(["great"], onnx_scorer(two, "two")).to_pylist()[0]
    assert (scores["neg"], scores["neu"], scores["pos"]) == (0.018, None, 0.982)


def _two_labels() -> bytes:
    """The tiny model without its middle column."""
    import numpy as np
    import onnx
    from onnx import numpy_helper

    model = onnx.load_from_string(MODEL)
    weights = next(i for i in model.graph.initializer if i.name == "weights")
    weights.CopyFrom(numpy_helper.from_array(
        np.delete(numpy_helper.to_array(weights), 1, axis=1), "weights"
    ))  # fmt: skip
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 2
    helper.set_model_props(model, {"languages": "en", "labels": "negative,positive"})
    return bytes(model.SerializeToString())


def _takes_numbers() -> bytes:
    graph = helper.make_graph(
        [helper.make_node("Softmax", ["x"], ["y"])],
        "numbers",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
    )
    opset = [helper.make_opsetid("", 20)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString())


def _gives_words() -> bytes:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "words",
        [helper.make_tensor_value_info("x", TensorProto.STRING, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.STRING, ["n"])],
    )
    opset = [helper.make_opsetid("", 20)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString())


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (b"not a model", r"onnx:mine: the file is not a model that onnxruntime .* can load"),
        (b"", r"onnx:mine: the file is not a model"),
        (_takes_numbers(), r"takes x tensor\(float\) \['n', 3\]; it must take the texts alone"),
        (_gives_words(), r"gives y tensor\(string\) \['n'\]; it must give one tensor\(float\)"),
        (tiny_model({"labels": "negative,positive"}), r"has no 'languages'.*set_model_props"),
        (tiny_model({"languages": "en"}), r"has no 'labels'.*set_model_props"),
        (tiny_model({**PROPERTIES, "labels": "bad,good"}), r"labels bad,good must be negative"),
        (tiny_model({**PROPERTIES, "labels": "neutral,positive"}), r"must be negative, positive"),
        (tiny_model({**PROPERTIES, "languages": "english"}), r"english must be codes of two"),
        (tiny_model({**PROPERTIES, "labels": "negative,positive"}),
         r"output 'scores' has shape \(2, 3\) for 2 texts and the labels negative,positive"),
    ],
)  # fmt: skip
def test_what_a_model_must_be(model: bytes, told: str) -> None:
    with pytest.raises(ScorerError, match=told):
        onnx_scorer(model, "mine")


def test_answers_that_are_no_probabilities() -> None:
    scorer = onnx_scorer(tiny_model(softmax=False), "raw")
    with pytest.raises(ScorerError, match=r"outside of 0 to 1; end the model with Softmax"):
        score_texts(["great"], scorer)


def test_the_message_of_a_failure_quotes_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = onnx_scorer(MODEL, "tiny")

    class Failing:
        def run(self, *_: object) -> None:
            raise RuntimeError("cannot read 'my secret'")

    monkeypatch.setattr(
        "sentiment_assets.core.sentiment.onnx._session",
        lambda _: (Failing(), *_session(scorer)[1:]),
    )
    with pytest.raises(ScorerError, match=r"failed on a batch of 1 texts \(RuntimeError\)") as told:
        score_texts(["my secret"], scorer)
    assert "secret" not in str(told.value)


def test_a_model_is_loaded_once_per_process_and_only_when_needed() -> None:
    """A worker gets the pickled scorer, and no file."""
    scorer = onnx_scorer(MODEL, "tiny")
    program = (
        "import pickle, sys\n"
        f"scorer = pickle.loads({pickle.dumps(scorer)!r})\n"
        "again = pickle.loads(pickle.dumps(scorer))\n"
        "assert 'onnxruntime' not in sys.modules\n"
        "import pyarrow as pa\n"
        "assert scorer.score(pa.array(['great']))['compound'].to_pylist() == [0.947]\n"
        "again.score(pa.array(['great']))\n"
        "from sentiment_assets.core.sentiment.onnx import _session\n"
        "print(scorer.version, _session.cache_info().misses)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == [scorer.version, "1"]


def test_a_missing_package_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    other = tiny_model({**PROPERTIES, "author": "not loaded before"})
    with pytest.raises(
        ScorerError, match=r"onnxruntime is not installed.*sentiment-assets\[onnx\]"
    ):
        onnx_scorer(other, "mine")
