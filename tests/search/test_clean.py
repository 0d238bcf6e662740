"""Training metrics measured again after each epoch, in inference mode."""

from collections.abc import Callable
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

from auditor import GridSearch
from auditor.search.clean import CLEAN_ROWS, CleanTraining, sample_rows
from auditor.search.folds import folds
from auditor.trials import Run
from tests.search.helpers import build_two, fit_arguments, stored, tiny_data, tiny_model

RUN = Run("0000")
CLEAN = {"clean_loss", "clean_accuracy"}


def build_random(hp: Any) -> keras.Model:
    """A compiled model at random in training only, and regularised."""
    hp.Fixed("only", 1)
    layers = keras.layers
    stack = [keras.Input((3,)), layers.Dense(8, "relu"), layers.Dropout(0.5),
             layers.GaussianNoise(0.1), layers.BatchNormalization(),
             layers.Dense(1, "sigmoid", kernel_regularizer="l2")]  # fmt: skip
    model = keras.Sequential(stack)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy", keras.metrics.AUC(name="a")])
    return model


class TrainsTwice(keras_tuner.HyperModel):  # type: ignore[misc]
    def build(self, hp: Any) -> keras.Model:
        return build_random(hp)

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        model.fit(*args, **kwargs)
        return model.fit(*args, **kwargs)


@pytest.mark.parametrize(
    ("space", "more"),
    [
        (build_random, {}),
        (TrainsTwice(), {}),
        (build_random, {"validation_data": None, "validation_split": 0.25}),
    ],
    ids=["validation_data", "two_trainings", "validation_split"],
)
def test_measuring_again_changes_no_bit_of_the_training(
    make: Callable[..., Any], space: Any, more: dict[str, Any]
) -> None:
    found, picked = [], []
    for clean in (False, True):
        tuner = make(GridSearch, space, project_name=str(clean), clean_train_metrics=clean)
        tuner.search(**fit_arguments(epochs=3, **more))
        found.append(tuner.trials())
        trial = tuner.oracle.trials["0000"]
        picked.append((trial.best_step, trial.metrics.get_best_value("val_loss")))
    plain, measured = found
    assert plain.metrics == measured.metrics
    assert picked[0] == picked[1]
    for metric in plain.metrics:
        values = [trials.curve(RUN, metric).values for trials in found]
        np.testing.assert_array_equal(*values)
    assert set(measured.context.series["metric"]) >= {*CLEAN, "clean_a"}
    assert not CLEAN & set(plain.context.series["metric"])


def searched(make: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    tuner = make(GridSearch, build_two, clean_train_metrics=True)
    tuner.search(*args, **kwargs)
    return tuner


def test_they_are_series_of_the_run_and_no_metrics_of_kerastuner(
    make: Callable[..., Any], path: Any
) -> None:
    trials = searched(make, **fit_arguments()).trials()
    assert all(len(trials.series(run, name).values) == 2 for run in trials.runs for name in CLEAN)
    assert not CLEAN & set(trials.metrics)
    state = stored(path)["0000"]
    assert not CLEAN & set(state["metrics"]["metrics"])
    assert not CLEAN & set(state["auditor"]["runs"][0]["metrics"])


@pytest.mark.parametrize(
    "more",
    [{}, {"sample_weight": np.linspace(0, 9, 32)}, {"validation_data": None}],
    ids=["plain", "weighted", "no_validation"],
)
def test_they_are_what_evaluate_says_of_the_training_data(
    make: Callable[..., Any], more: dict[str, Any]
) -> None:
    objective = "loss" if "validation_data" in more else "val_loss"
    tuner = make(GridSearch, build_two, objective, clean_train_metrics=True)
    said = []

    class Evaluates(keras.callbacks.Callback):
        def __deepcopy__(self, memo: Any) -> Any:
            return self

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            x, y = tiny_data()
            weights = {n: v for n, v in more.items() if n == "sample_weight"}
            said.append(self.model.evaluate(x[:32], y[:32], verbose=0, **weights)[0])

    tuner.search(**fit_arguments(callbacks=[Evaluates()], **more))
    trials = tuner.trials()
    values = [v for run in trials.runs for v in trials.series(run, "clean_loss").values]
    np.testing.assert_allclose(values, said, rtol=1e-6)


def test_with_folds_they_are_of_the_rows_that_the_fold_trains_on(make: Callable[..., Any]) -> None:
    x, y = tiny_data()
    tuner = make(GridSearch, build_two, clean_train_metrics=True, cross_validation=3)
    tuner.search(x, y, epochs=1, verbose=0)
    trials, model = tuner.trials(), tuner.get_best_models()[0]
    best = tuner.oracle.get_best_trials()[0].trial_id
    run = min(trials.runs_of[best], key=lambda run: trials.curve(run, "val_loss").values[0])
    rows = folds(y, 3, 1)[run.fold].train
    expected = model.evaluate(x[rows], y[rows], verbose=0)[0]
    assert trials.series(run, "clean_loss").values == pytest.approx([expected], rel=1e-6)


def test_above_a_limit_a_fixed_sample_of_the_training_rows_is_measured() -> None:
    assert sample_rows(CLEAN_ROWS, 0).tolist() == list(range(CLEAN_ROWS))
    rows = sample_rows(10 * CLEAN_ROWS, 3)
    assert len(set(rows.tolist())) == CLEAN_ROWS
    assert rows.max() < 10 * CLEAN_ROWS
    np.testing.assert_array_equal(rows, sample_rows(10 * CLEAN_ROWS, 3))
    assert rows.tolist() != sample_rows(10 * CLEAN_ROWS, 4).tolist()


class Evaluated:
    """Stands for a model: notes what it is evaluated on."""

    def evaluate(self, **given: Any) -> dict[str, float]:
        self.given = given
        return {"loss": 1.0, "other": 2.0}


def test_only_rows_that_are_trained_on_and_metrics_of_training_are_measured() -> None:
    clean, model, x = CleanTraining(0), Evaluated(), np.arange(3 * CLEAN_ROWS)
    fit = {"self": model, "x": {"a": x}, "y": x, "validation_split": 1 / 3, "batch_size": 64}
    clean.see_fit(fit)
    assert clean.measure(model, {"loss"}) == {"clean_loss": 1.0}
    assert len(model.given["y"]) == CLEAN_ROWS
    assert model.given["y"].max() < 2 * CLEAN_ROWS
    np.testing.assert_array_equal(model.given["x"]["a"], model.given["y"])
    assert model.given["batch_size"] == 64


@pytest.mark.parametrize(
    "change",
    [{"x": iter([1])}, {"class_weight": {0: 1.0, 1: 2.0}}, {"self": None}],
    ids=["no_arrays", "class_weights", "another_model"],
)
def test_nothing_is_measured_where_it_would_mean_something_else(change: dict[str, Any]) -> None:
    clean, model = CleanTraining(0), Evaluated()
    fit = {"self": model, "x": np.zeros(3), "y": np.zeros(3)}
    clean.see_fit(fit)
    assert clean.measure(model, {"loss"})
    clean.see_fit(fit | change)
    assert clean.measure(model, {"loss"}) == {}


def test_a_model_with_a_fit_of_its_own_is_not_measured(make: Callable[..., Any]) -> None:
    class OwnFit(keras.Sequential):  # type: ignore[misc]
        def fit(self, *args: Any, **kwargs: Any) -> Any:
            return super().fit(*args, **kwargs)

    def build(hp: Any) -> keras.Model:
        hp.Fixed("only", 1)
        model = OwnFit(tiny_model().layers)
        model.compile("sgd", "binary_crossentropy", metrics=["accuracy"], run_eagerly=True)
        return model

    tuner = make(GridSearch, build, clean_train_metrics=True)
    tuner.search(**fit_arguments())
    assert not CLEAN & set(tuner.trials().context.series["metric"])
