"""What the best model says of the validation rows, beside the truth."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    mean_absolute_error,
    r2_score,
    root_mean_squared_error,
)

import auditor
from auditor import GridSearch
from auditor.search import predicting
from auditor.search.predicting import NotPredicted, compare, confusion, deviations
from auditor.search.stacking import sizing
from auditor.trials import Confusion, Deviations, Predictions
from tests.search.helpers import Twice, build_two, dummy, fit_arguments, grid_of

RNG = np.random.default_rng(0)


def test_the_matrix_is_that_of_scikit_learn() -> None:
    truth, said = RNG.integers(0, 5, 200) * 3, RNG.integers(0, 5, 200) * 3
    found = confusion(truth, said)
    expected = confusion_matrix(truth, said)
    assert found.classes == ("0", "3", "6", "9", "12")
    assert np.array_equal(found.counts, expected)
    assert found.accuracy == accuracy_score(truth, said)
    assert found.majority == expected.sum(axis=1).max() / 200
    rows = [m.rows for m in found.mistakes]
    assert rows == sorted(rows, reverse=True)
    assert sum(rows) == 200 - np.trace(expected)


def test_of_many_classes_the_most_frequent_mistakes_are_kept() -> None:
    truth = np.repeat(np.arange(50), 4)
    said = np.where(np.arange(200) % 4 == 0, (truth + 1) % 50, truth)
    said[:3] = 7
    found = confusion(truth, said)
    assert (found.classes, found.counts, found.number_of_classes) == ((), (), 50)
    assert len(found.mistakes) == predicting.MOST_MISTAKES
    first = found.mistakes[0]
    assert (first.truth, first.prediction, first.rows, first.of_rows) == ("0", "7", 3, 4)


def test_deviations_are_those_of_scikit_learn() -> None:
    truth = RNG.normal(size=3_000)
    said = truth + RNG.normal(size=3_000) / 4
    found = deviations(truth, said)
    assert found.r2 == pytest.approx(r2_score(truth, said))
    assert found.rmse == pytest.approx(root_mean_squared_error(truth, said))
    assert found.mae == pytest.approx(mean_absolute_error(truth, said))
    assert found.rmse_of_mean == pytest.approx(truth.std())
    assert len(found.pairs) == predicting.MOST_PAIRS
    assert found.pairs[0] == (truth[0], said[0])
    assert found.pairs[-1] == (truth[-1], said[-1])


def test_a_constant_target_has_no_variance_to_explain() -> None:
    assert deviations(np.ones(3), np.zeros(3)).r2 is None


SCORES = np.array([[0.7, 0.3], [0.2, 0.8], [0.6, 0.4]])
SPARSE, ONE_HOT = "sparse_categorical_crossentropy", "categorical_crossentropy"
BINARY = "binary_crossentropy"


@pytest.mark.parametrize(
    ("truth", "answers", "made_of"),
    [
        ([0, 1, 1], SCORES, {"loss": SPARSE}),
        ([[0], [1], [1]], SCORES, {"loss": SPARSE}),
        ([[1, 0], [0, 1], [0, 1]], SCORES, {"loss": ONE_HOT}),
        ([[1, 0], [0, 1], [0, 1]], SCORES, {"loss": BINARY}),
        ([0.0, 1.0, 1.0], SCORES[:, 1:], {"loss": BINARY, "from_logits": False}),
        ([0, 1, 1], SCORES[:, 1:] - 0.5, {"loss": BINARY, "from_logits": True}),
    ],
)
def test_classes_are_read_off_answers_of_every_kind(truth: Any, answers: Any, made_of: Any) -> None:
    found = compare(np.array(truth), answers, made_of)
    assert isinstance(found, Confusion)
    assert found.counts == ((1, 0), (1, 1))


@pytest.mark.parametrize(
    ("truth", "answers", "made_of", "why"),
    [
        ([0, 1, 1], SCORES, {}, "the loss of the model"),
        ([0, 1, 1], SCORES, {"loss": "hinge"}, "the loss hinge"),
        ([0.5, 1, 1], SCORES, {"loss": SPARSE}, "no single classes"),
        ([[1, 1], [0, 1], [0, 1]], SCORES, {"loss": BINARY}, "no single classes"),
        ([[0, 1, 1]] * 3, np.ones((3, 3, 2)), {"loss": SPARSE}, "no single classes"),
        (SCORES, SCORES, {"loss": "mean_squared_error"}, "several numbers"),
        ([0, 1, 1], SCORES * np.nan, {"loss": SPARSE}, "not all numbers"),
        (["a", "b", "b"], SCORES, {"loss": SPARSE}, "not all numbers"),
    ],
)
def test_what_cannot_be_compared_says_why(truth: Any, answers: Any, made_of: Any, why: str) -> None:
    with pytest.raises(NotPredicted, match=why):
        compare(np.array(truth), answers, made_of)


X = RNG.normal(size=(120, 3)).astype("float32")
Y = {
    "binary": (X[:, 0] > 0).astype("float32"),
    "classes": (X[:, 0] > 0) + (X[:, 1] > 0).astype("int64"),
    "numbers": X @ np.array([1.0, -2.0, 0.5]) + 10,
}
LAST = {
    "binary": ("sigmoid", 1, BINARY),
    "classes": ("softmax", 3, SPARSE),
    "numbers": (None, 1, "mse"),
}


def build(kind: str) -> Callable[[Any], Any]:
    def model(hp: Any) -> Any:
        activation, units, loss = LAST[kind]
        made = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units, activation)])
        made.compile(keras.optimizers.SGD(hp.Choice("lr", [0.02, 0.05])), loss)
        return made

    return model


@pytest.mark.parametrize("lane", ["stacked", "fit"])
@pytest.mark.parametrize("kind", list(Y))
def test_a_search_keeps_what_its_best_model_says(
    kind: str, lane: str, make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizing, "is_compiled", lambda model, where: False)
    tuner = make(GridSearch, build(kind), lane=lane)
    tuner.search(X, Y[kind], validation_split=0.25, epochs=2, batch_size=15, verbose=0)
    found = tuner.trials().context.predictions
    best = tuner.oracle.get_best_trials(1)[0]
    answers = tuner.load_model(best).predict(X[90:], verbose=0)
    expected = compare(Y[kind][90:], answers, tuner.oracle.details[best.trial_id]["model"])
    part = "classes" if isinstance(expected, Confusion) else "numbers"
    assert isinstance(expected, Deviations if kind == "numbers" else Confusion)
    assert found == Predictions(best.trial_id, 30, 30, **{part: expected})  # type: ignore[arg-type]
    assert auditor.read(tuner.project_dir) == tuner.trials()


def test_the_state_of_an_optimizer_is_not_missed(make: Callable[..., Any]) -> None:
    def adam(hp: Any) -> Any:
        made = keras.Sequential([keras.layers.Dense(1, "sigmoid")])
        made.compile(keras.optimizers.Adam(hp.Choice("lr", [0.02, 0.05])), BINARY)
        return made

    tuner = make(GridSearch, adam)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        tuner.search(X, Y["binary"], validation_split=0.25, epochs=1, verbose=0)
    assert tuner.trials().context.predictions is not None
    assert not [w for w in said if "optimizer" in str(w.message)]


def test_they_are_made_once_for_a_best_trial(
    make: Callable[..., Any], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(GridSearch, build_two).search(**fit_arguments())
    file = path / "predictions.json"
    first = json.loads(file.read_text())
    assert first["predictions"]["classes"]["classes"] == ["0", "1"]
    with monkeypatch.context() as patch:
        patch.setattr(predicting, "compare", None)
        make(GridSearch, build_two).search(**fit_arguments())
        assert json.loads(file.read_text()) == first
    file.write_text(json.dumps({**first, "trial_id": "another"}))
    make(GridSearch, build_two).search(**fit_arguments())
    assert json.loads(file.read_text()) == first


@pytest.mark.parametrize("few", [0, 16])
def test_large_validation_data_are_sampled(
    few: int, make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicting, "MOST_ROWS", 5)
    monkeypatch.setattr(predicting, "FEW_BATCHES", few)
    tuner = make(GridSearch, build_two)
    tuner.search(**fit_arguments())
    found = tuner.trials().context.predictions
    assert (found.rows, found.of_rows) == (5, 16)


class OwnFit(keras_tuner.HyperModel):  # type: ignore[misc]
    def build(self, hp: Any) -> Any:
        return build_two(hp)

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        return model.fit(*args, **kwargs)


def data(**more: Any) -> dict[str, Any]:
    return fit_arguments(**more)


@pytest.mark.parametrize(
    ("space", "how", "given", "why"),
    [
        (build_two, {"keep_weights": 0}, {}, "weights of the best trial were not kept"),
        (OwnFit, {}, {}, "HyperModel.fit may have"),
        (Twice, {"lane": "fit"}, {}, "of RuntimeError: no more"),
    ],
)
def test_a_search_without_predictions_says_why(
    space: Any, how: Any, given: Any, why: str, make: Callable[..., Any]
) -> None:
    tuner = make(GridSearch, space() if isinstance(space, type) else space, **how)
    tuner.search(**data(**given))
    trials = tuner.trials()
    assert trials.context.predictions is None
    assert why in trials.provenance.missing[0]


def test_with_folds_no_rows_are_for_validation_alone(make: Callable[..., Any]) -> None:
    tuner = make(GridSearch, build_two, cross_validation=2)
    given = data()
    tuner.search(given["x"], given["y"], epochs=1, verbose=0)
    assert "cross-validation" in tuner.trials().provenance.missing[0]


def test_a_tuner_that_trains_nothing_has_no_weights(make: Callable[..., Any]) -> None:
    tuner = make(dummy(GridSearch), grid_of(2))
    tuner.search()
    assert "weights" in tuner.trials().provenance.missing[0]


@pytest.mark.parametrize("content", ["{", "[]", '{"schema": 1, "predictions": {"rows": "x"}}'])
def test_a_damaged_file_is_a_problem_and_no_more(
    content: str, make: Callable[..., Any], path: Path
) -> None:
    tuner = make(dummy(GridSearch), grid_of(2))
    tuner.search()
    (path / "predictions.json").write_text(content)
    trials = tuner.trials()
    assert trials.context.predictions is None
    assert trials.provenance.problems[0].file == "predictions.json"
