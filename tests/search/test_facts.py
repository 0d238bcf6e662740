"""What the data alone tell, against brute force."""

import os
import subprocess
import sys
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import log_loss, mean_absolute_error, mean_squared_error

from auditor.search import facts
from auditor.search.facts import (
    DataFacts,
    Split,
    data_facts,
    fingerprint,
    labels,
    weights_training_only,
)
from auditor.search.losses import loss_name

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3))
ROWS = np.ones(50)

classes = st.lists(st.integers(0, 3), min_size=4, max_size=40)
binary = st.lists(st.integers(0, 1), min_size=2, max_size=40)
numbers = st.lists(
    st.floats(-1e6, 1e6, allow_nan=False, allow_subnormal=False), min_size=1, max_size=30
)


def prior(train: np.ndarray, validation: np.ndarray) -> float:
    """The log loss of scikit-learn's constant classifier."""
    dummy = DummyClassifier(strategy="prior").fit(np.zeros((len(train), 1)), train)
    chances = dummy.predict_proba(np.zeros((len(validation), 1)))
    return float(log_loss(validation, chances, labels=dummy.classes_))


def as_fed(y: np.ndarray, loss: str) -> np.ndarray:
    return np.eye(4)[y] if loss == "categorical_crossentropy" else y


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
@given(train=classes, validation=classes)
def test_no_skill_of_classes_is_the_prior(
    loss: str, train: list[int], validation: list[int]
) -> None:
    y, other = np.array([*train, 0, 1]), np.array(validation)
    other = other[np.isin(other, y)]
    if not len(other):
        return
    known = data_facts(Split(as_fed(y, loss), as_fed(other, loss)), loss, None)
    assert known.no_skill_loss == pytest.approx(prior(y, other), rel=1e-6)
    assert known.label_counts == {str(c): int((y == c).sum()) for c in np.unique(y)}


@given(train=binary, validation=binary)
def test_no_skill_of_two_classes_is_the_prior(train: list[int], validation: list[int]) -> None:
    y, other = np.array([*train, 0, 1]), np.array(validation)
    for shape in [(-1,), (-1, 1)]:
        split = Split(y.reshape(shape).astype("float32"), other.reshape(shape).astype(bool))
        known = data_facts(split, "binary_crossentropy", None)
        assert known.no_skill_loss == pytest.approx(prior(y, other), rel=1e-6)


@pytest.mark.parametrize(
    ("loss", "strategy", "error"),
    [
        ("mean_squared_error", "mean", mean_squared_error),
        ("mean_absolute_error", "median", mean_absolute_error),
    ],
)
@given(train=numbers, validation=numbers)
def test_no_skill_of_numbers_is_the_best_constant(
    loss: str, strategy: str, error: Any, train: list[float], validation: list[float]
) -> None:
    y, other = np.array(train), np.array(validation)
    dummy = DummyRegressor(strategy=strategy).fit(np.zeros((len(y), 1)), y)
    expected = error(other, dummy.predict(np.zeros((len(other), 1))))
    known = data_facts(Split(y, other), loss, None)
    assert known.no_skill_loss == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert known.target_variance == pytest.approx(np.var(other))
    training = error(y, dummy.predict(np.zeros((len(y), 1))))
    assert known.training_no_skill_loss == pytest.approx(training, rel=1e-9, abs=1e-12)


def test_no_skill_of_several_numbers_is_their_mean() -> None:
    y, other = RNG.normal(size=(30, 2)) * [1, 10], RNG.normal(size=(20, 2)) * [1, 10]
    known = data_facts(Split(y, other), "mean_squared_error", None)
    assert known.no_skill_loss == pytest.approx(np.mean((other - y.mean(axis=0)) ** 2))


@pytest.mark.parametrize("from_logits", [False, True])
def test_no_skill_is_what_keras_reports_of_a_constant(from_logits: bool) -> None:
    y, other = np.array([0, 0, 0, 1, 2]), np.array([2, 1, 0, 0])
    shares = np.array([0.6, 0.2, 0.2], "float32")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    predicted = np.tile(np.log(shares) if from_logits else shares, (4, 1))
    known = data_facts(Split(y, other), loss_name(loss), None)
    assert known.no_skill_loss == pytest.approx(float(loss(other, predicted)), rel=1e-5)


def test_an_untrained_model_is_far_above_rare_classes_and_distant_targets() -> None:
    def untrained(y: np.ndarray, loss: str) -> float | None:
        return data_facts(Split(y, y[:40]), loss, None).untrained_loss

    rare = (np.arange(1000) < 2).astype(int)
    assert untrained(rare, "binary_crossentropy") == pytest.approx(np.log(2))
    assert untrained(rare, "sparse_categorical_crossentropy") == pytest.approx(np.log(2))
    assert untrained(np.eye(5)[rare], "categorical_crossentropy") == pytest.approx(np.log(5))
    assert untrained(rare * 4, "sparse_categorical_crossentropy") == pytest.approx(np.log(5))
    kelvin = 290 + 8 * RNG.normal(size=100)
    fresh = np.zeros_like(kelvin[:40])
    for loss, error in [
        ("mean_squared_error", mean_squared_error),
        ("mean_absolute_error", mean_absolute_error),
    ]:
        assert untrained(kelvin, loss) == pytest.approx(error(kelvin[:40], fresh))


def test_imbalance_lowers_the_bar() -> None:
    rare = np.array([0] * 99 + [1])
    known = data_facts(Split(rare, rare), "binary_crossentropy", None)
    assert known.training_no_skill_loss == pytest.approx(known.no_skill_loss)
    assert known.no_skill_loss == pytest.approx(-(0.99 * np.log(0.99) + 0.01 * np.log(0.01)))


def test_a_label_that_only_validation_has_costs_what_keras_clips_at() -> None:
    split = Split(np.array([0, 0, 1]), np.array([2]))
    known = data_facts(split, "sparse_categorical_crossentropy", None)
    assert known.no_skill_loss == pytest.approx(-np.log(keras.config.epsilon()))


TWO, THREE = np.array([0.0, 1.0, 1.0]), np.array([0, 1, 2])
UNKNOWN = {
    "soft_labels": (np.array([0.1, 0.9]), "binary_crossentropy"),
    "three_labels": (THREE, "binary_crossentropy"),
    "several_binary": (np.ones((4, 2)), "binary_crossentropy"),
    "not_one_hot": (np.array([[0.5, 0.5]]), "categorical_crossentropy"),
    "classes_of_a_sequence": (np.ones((3, 5), int), "sparse_categorical_crossentropy"),
    "nan": (np.array([np.nan, 1.0]), "mean_squared_error"),
    "nan_label": (np.array([np.nan, 1.0]), "binary_crossentropy"),
    "another_loss": (TWO, "huber"),
    "unknown_loss": (TWO, None),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_no_skill_is_unknown_rather_than_wrong(case: str) -> None:
    y, loss = UNKNOWN[case]
    known = data_facts(Split(y, y), loss, "abc")
    assert known == DataFacts(len(y), len(y), fingerprint="abc")


def test_targets_of_different_shapes_are_no_regression() -> None:
    known = data_facts(Split(np.ones((4, 2)), np.ones((4, 3))), "mean_squared_error", None)
    assert known.no_skill_loss is None
    known = data_facts(Split(np.arange(4), np.ones((2, 1))), "mean_squared_error", None)
    assert known.no_skill_loss == pytest.approx(0.25)


def test_hardly_any_label_twice_is_no_classification(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "MAX_CLASSES", 5)
    split = Split(np.arange(6), np.arange(6))
    assert data_facts(split, "sparse_categorical_crossentropy", None).label_counts == {}


class Seen(keras.losses.Loss):
    """Remembers the labels that it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def call(self, y_true: Any, y_pred: Any) -> Any:
        self.seen += np.ravel(y_true).tolist()
        return keras.ops.mean(y_pred, axis=-1)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.33, 0.5])
def test_validation_split_takes_the_rows_that_keras_takes(share: float) -> None:
    y = np.arange(50.0)
    model, loss = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]), Seen()
    model.compile("sgd", loss, run_eagerly=True)
    model.fit(X, y, validation_split=share, batch_size=50, verbose=0)
    split = labels((X, y), {"validation_split": share})
    assert split is not None
    assert sorted(loss.seen[: len(split.train)]) == split.train.tolist()
    assert loss.seen[len(split.train) :] == split.validation.tolist()


def test_labels_come_from_where_fit_takes_them() -> None:
    y, other = np.arange(50), np.arange(20)
    for args, kwargs in [((X, y), {}), ((X,), {"y": y}), ((), {"x": X, "y": y})]:
        for validation in [(X[:20], other), [X[:20], other], (X[:20], pd.Series(other))]:
            split = labels(args, {**kwargs, "validation_data": validation, "validation_split": 0.1})
            assert split is not None
            np.testing.assert_array_equal(split.train, y)
            np.testing.assert_array_equal(split.validation, other)


def test_arguments_without_names_are_those_of_fit() -> None:
    split = labels((X, LABELS, 32, 1, 0, None, 0.2), {})
    assert split is not None
    assert (len(split.train), len(split.validation)) == (40, 10)
    digests = [fingerprint((X, LABELS, 32, 1, 0, None, share), {}) for share in (0.2, 0.3)]
    assert digests[0] == fingerprint((X, LABELS), {"validation_split": 0.2}) != digests[1]


def test_pandas_is_as_good_as_arrays() -> None:
    y = pd.Series(RNG.integers(0, 2, 50))
    frame = pd.DataFrame(X)
    split = labels((frame, y), {"validation_split": 0.2})
    assert split is not None
    plain = labels((X, y.to_numpy()), {"validation_split": 0.2})
    assert plain is not None
    loss = "binary_crossentropy"
    assert data_facts(split, loss, None) == data_facts(plain, loss, None)
    assert fingerprint((frame, y), {}) == fingerprint((X, y.to_numpy()), {})


LABELS = np.zeros(50)


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((X, LABELS), {}),
        ((X, LABELS), {"validation_split": 0.2, "sample_weight": LABELS}),
        ((X, LABELS), {"validation_split": 0.2, "class_weight": {0: 1.0, 1: 9.0}}),
        ((X, LABELS, 32, 1, 0, None, 0.2, None, True, {0: 1.0}), {}),
        ((X, LABELS, 32, 1, 0, None, 0.2, None, True, None, LABELS), {}),
        ((X, LABELS), {"validation_data": (X, LABELS, LABELS)}),
        ((X, {"a": LABELS, "b": LABELS}), {"validation_split": 0.2}),
        ((X, [LABELS, LABELS]), {"validation_split": 0.2}),
        ((X, LABELS.astype(str)), {"validation_split": 0.2}),
        ((iter([(X, LABELS)]),), {}),
        ((X, LABELS), {"validation_data": iter([(X, LABELS)])}),
    ],
    ids=[
        "no_validation",
        "weights",
        "class_weights",
        "class_weights2",
        "weights3",
        "weights2",
        "outputs",
        "outputs2",
        "text",
        "stream",
        "stream2",
    ],
)
def test_labels_are_unknown_rather_than_wrong(args: Any, kwargs: Any) -> None:
    assert labels(args, kwargs) is None
    assert data_facts(None, "mean_squared_error", None) == DataFacts()


def test_a_data_set_of_tensorflow_tells_nothing() -> None:
    data = pytest.importorskip("tensorflow").data.Dataset.from_tensors((X, LABELS))
    assert labels((data,), {"validation_data": data}) is None
    assert fingerprint((data,), {"validation_data": data}) is None


def test_a_fingerprint_tells_data_apart() -> None:
    y = RNG.integers(0, 2, 50)
    other_x, other_y = X.copy(), 1 - y
    other_x[17, 1] += 1e-9
    validation = {"validation_data": (X[:10], y[:10])}
    cases: list[tuple[Any, Any]] = [
        ((X, y), {}),
        ((other_x, y), {}),
        ((X, other_y), {}),
        ((X[:49], y[:49]), {}),
        ((X.astype("float32"), y), {}),
        ((X, y), {"validation_split": 0.2}),
        ((X, y), validation),
        ((X, y), {"validation_data": (X[:10], other_y[:10])}),
        (({"a": X, "b": X}, y), {}),
        (({"a": X, "b": other_x}, y), {}),
    ]
    digests = [fingerprint(*case) for case in cases]
    assert None not in digests
    assert len(set(digests)) == len(cases)
    assert fingerprint((X, y), validation) == fingerprint(
        (), {"x": X, "y": y, "validation_data": list(validation["validation_data"])}
    )
    assert fingerprint((X, y), {"validation_split": np.float64(0.2)}) == digests[5]


def test_a_fingerprint_of_large_rows_is_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "_HASHED_BYTES", 30)
    one, other = X.copy(), X.copy()
    other[20] += 1  # 30 bytes are one row, the first
    assert fingerprint((one,), {}) == fingerprint((other,), {})
    other[0] += 1
    assert fingerprint((one,), {}) != fingerprint((other,), {})


def test_a_fingerprint_is_the_same_in_another_process() -> None:
    code = (
        "import numpy as np; from auditor.search.facts import fingerprint;"
        "print(fingerprint((np.arange(12.0).reshape(4, 3), np.arange(4)), {}))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    out = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    here = fingerprint((np.arange(12.0).reshape(4, 3), np.arange(4)), {})
    assert out.stdout.strip() == here


@pytest.mark.parametrize(
    ("arguments", "only_training"),
    [
        ({"validation_split": 0.2}, False),
        ({"validation_split": 0.2, "class_weight": {0: 1.0, 1: 3.0}}, True),
        ({"validation_split": 0.2, "sample_weight": ROWS}, False),
        ({"validation_data": (X, ROWS), "sample_weight": ROWS}, True),
        ({"validation_data": (X, ROWS, ROWS), "sample_weight": ROWS}, False),
        ({"validation_data": (X, ROWS, ROWS), "class_weight": {0: 1.0}}, True),
    ],
)
def test_weights_of_training_rows_alone_are_noticed(
    arguments: dict[str, Any], only_training: bool
) -> None:
    assert weights_training_only(arguments) == only_training


def test_what_goes_to_the_sweep_file_says_where_it_comes_from() -> None:
    context = data_facts(Split(TWO, TWO), "binary_crossentropy", "abc").context()
    assert context["train_rows"] == 3
    assert context["no_skill_from"]
    assert "fingerprint" not in context
