import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.readers.history.text import TextRun, runs_in_text


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "{'loss': [0.5, 0.4]}": ({"loss": [0.5, 0.4]}, ""),
        "{'loss': [0.5,\n\n 0.4,]}": ({"loss": [0.5, 0.4]}, ""),
        "{'loss': [0.5, -inf, Infinity, None]}": ({"loss": [0.5, -math.inf, math.inf, None]}, ""),
        "{'loss': [np.float32(0.5), numpy.float64(0.4)]}": ({"loss": [0.5, 0.4]}, ""),
        "{'loss': array([0.5, 0.4],\n dtype=float32)}": ({"loss": [0.5, 0.4]}, ""),
        "{'loss': array([0.5 , 0.4 ])}": ({"loss": [0.5, 0.4]}, ""),
        "{'loss': [0.5 0.4\n 0.3]}": ({"loss": [0.5, 0.4, 0.3]}, ""),
        "{'loss': [tensor(0.5, device='cuda:0')]}": ({"loss": [0.5]}, ""),
        "{'loss': [<tf.Tensor: shape=(), dtype=float32, numpy=0.5>]}": ({"loss": [0.5]}, ""),
        "{'loss': [0.5, 0.4\n71]}": ({"loss": [0.5, 0.471]}, ""),
        "{\u201closs\u201d: [0.5], \u2018acc\u2019: [1]}": ({"loss": [0.5], "acc": [1.0]}, ""),
        "loss': [0.5], 'acc: [1]": ({"loss": [0.5], "acc": [1.0]}, ""),
        "{'loss': [0.5, 0.4, ...], 'acc': [1]}": ({"loss": [0.5, 0.4], "acc": [1.0]}, "loss"),
        "{'loss': [0.5, ..., 0.4]}": ({"loss": [0.5]}, "loss"),
        "{'loss': [0.5, \"\"\"],\n'acc': [1]}": ({"loss": [0.5], "acc": [1.0]}, "loss"),
        "{'loss': [0.5, 0.4": ({"loss": [0.5]}, "loss"),
        "{'loss': [0.5, 0.4,": ({"loss": [0.5, 0.4]}, "loss"),
        "{'loss': [0.5, 0.4...": ({"loss": [0.5]}, "loss"),
        "{'loss': [0.5, 'acc': [1]}": ({"loss": [0.5], "acc": [1.0]}, "loss"),
        "{'loss': [0.5, 0.4 0.3]}": ({"loss": [0.5, 0.4]}, "loss"),
        "{'loss': [0.5, exec('x'), 0.4]}": ({"loss": [0.5]}, "loss"),
        "{'loss': [[1, 2], [3, 4]], 'acc': [1]}": ({"acc": [1.0]}, ""),
        "{'loss': [1, 2], 'metrics': ['loss']}": ({"loss": [1.0, 2.0]}, ""),
    }.items(),
)
def test_what_is_certain_is_read(text: str, expected: tuple[dict, str]) -> None:
    series, cut = expected
    (run,) = runs_in_text(text)
    assert run.series == series
    assert run.cut == set(cut.split())


def test_several_histories() -> None:
    assert runs_in_text("{'loss': [1]} {'loss': [2]}") == [
        TextRun("", {"loss": [1.0]}),
        TextRun("", {"loss": [2.0]}),
    ]
    named = runs_in_text('{"sgd": {"loss": [1]}, "adam": {"history": {"loss": [2]}}')
    assert [(run.label, run.series["loss"]) for run in named] == [("sgd", [1.0]), ("adam", [2.0])]


@pytest.mark.parametrize(
    "text",
    [
        "loss: [" * 2**17,
        "'loss': [" + "0.5, " * 2**18,
        "'loss': [" + "np.float32(0.5), " * 2**15,
        "'loss': [<tf.Tensor:" * 2**15,
        "'loss': [" + " " * 2**20,
        "a" * 2**21,
        "a." * 2**20,
        "loss" + " " * 2**20,
    ],
    ids=lambda text: text[:20].strip(),
)
def test_the_time_grows_with_the_length(text: str) -> None:
    start = time.process_time()
    runs_in_text(text)
    assert time.process_time() - start < 2


@given(
    st.dictionaries(
        st.sampled_from(["loss", "val_loss", "accuracy", "lr"]),
        st.lists(st.floats(), min_size=2, max_size=6),
        min_size=1,
    ),
    st.integers(0, 60),
    st.booleans(),
)
def test_a_printed_history_cut_anywhere_never_says_more(
    series: dict, cut: int, as_scalars: bool
) -> None:
    if as_scalars:
        series = {name: [np.float64(v) for v in values] for name, values in series.items()}
    text = repr(series)
    (whole,) = runs_in_text(text)
    assert repr(whole.series) == repr({n: [float(v) for v in vs] for n, vs in series.items()})
    for run in runs_in_text(text[: max(len(text) - cut, 0)]):
        for name, values in run.series.items():
            assert repr(values) == repr([float(v) for v in series[name]][: len(values)])
            assert len(values) == len(series[name]) or name in run.cut


@given(st.text(alphabet="'\"lossac:[]{}(),.0123456789e-+naif \n<>=_", max_size=200))
def test_any_text_can_be_looked_at(text: str) -> None:
    for run in runs_in_text("'loss': [0.5, " + text):
        assert run.series
