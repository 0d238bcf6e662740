"""Chunks: the same rows in every lane, means that add up to the loss, and nothing else changes."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import keras_tuner
import numpy as np
import pandas as pd
import pytest

import auditor
from auditor import GridSearch
from auditor.scoring import UNREGULARISED
from auditor.search.chunks import Dealt, NotChunkedError, deal, record
from auditor.search.recorder import Execution
from auditor.search.stacking import sizing
from auditor.trials import CHUNKS, Run, Trials

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3)).astype("float32")
NUMBERS = (X @ [1.0, -2.0, 0.5]).astype("float32")
CLASSES = np.digitize(NUMBERS, [-1, 1])
ONE_HOT = np.eye(3, dtype="float32")[CLASSES]
TRAIN, VALIDATION = slice(40), slice(40, None)


@pytest.fixture(autouse=True, scope="module")
def graphs() -> Iterator[None]:
    """Graphs compile faster than XLA."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sizing, "is_compiled", lambda model, where: False)
        yield


# How rows are dealt out


@pytest.mark.parametrize("form", [np.asarray, lambda y: y[:, None], pd.Series, np.float64])
def test_each_chunk_has_its_share_of_each_class(form: Callable[[Any], Any]) -> None:
    y = np.repeat([0, 1, 2], [5, 40, 132])
    RNG.shuffle(y)
    dealt = deal(form(y))
    assert max(dealt.rows) - min(dealt.rows) <= 1
    for label, count in enumerate([5, 40, 132]):
        shares = np.bincount(dealt.of_row[y == label], minlength=CHUNKS)
        assert shares.sum() == count
        assert shares.max() - shares.min() <= 1


def test_one_hot_rows_are_classes() -> None:
    dealt, other = deal(ONE_HOT), deal(CLASSES)
    np.testing.assert_array_equal(dealt.of_row, other.of_row)


def test_each_chunk_has_numbers_of_every_range() -> None:
    y = RNG.normal(size=1600)
    ranks = y.argsort().argsort()
    dealt = deal(y)
    for chunk in range(CHUNKS):
        own = np.sort(ranks[dealt.of_row == chunk])
        assert np.all(own // CHUNKS == np.arange(100))


def test_other_targets_are_dealt_out_by_chance() -> None:
    dealt = deal(RNG.normal(size=(100, 4, 4)))
    assert sorted(dealt.rows) == [6] * 12 + [7] * 4
    assert not np.array_equal(dealt.of_row, np.arange(100) % CHUNKS)


def test_the_same_targets_are_dealt_out_alike_and_others_are_known() -> None:
    one, same = deal(NUMBERS), deal(NUMBERS.astype("float64").reshape(-1, 1))
    np.testing.assert_array_equal(one.of_row, same.of_row)
    assert one.digest == same.digest
    assert one.digest != deal(NUMBERS[::-1]).digest
    assert one.digest != deal(NUMBERS[1:]).digest


@pytest.mark.parametrize(
    ("y", "why"),
    [
        (np.zeros(31), "31 validation rows"),
        ({"a": np.zeros(100)}, "not one array"),
        (None, "not one array"),
        (np.array(["a"] * 100), "not numbers"),
    ],
)
def test_there_are_no_chunks_without_rows_or_targets(y: Any, why: str) -> None:
    with pytest.raises(NotChunkedError, match=why):
        deal(y)


# What is written down


def written(*epochs: tuple[dict[str, float], Mapping[str, Any]]) -> Execution:
    execution, dealt = Execution(0, 0, ""), Dealt(np.arange(32, dtype=np.int32) % CHUNKS, "d")
    for row, found in epochs:
        execution.epochs.append(row)
        record(execution, dealt, found)
    return execution


def test_an_epoch_without_validation_is_nan() -> None:
    one = {"val_loss": np.ones(CHUNKS)}
    row = {"val_loss": 1.0}
    found = written(({}, {}), (row, one), ({}, {}), (row, one), ({}, {})).chunks["val_loss"]
    np.testing.assert_array_equal(found[:, 0], [math.nan, 1, math.nan, 1])


def test_what_is_not_finite_stays_in_its_chunk() -> None:
    chunks = np.ones(CHUNKS)
    chunks[3] = math.inf
    found = written(({"val_loss": math.nan}, {"val_loss": chunks}))
    np.testing.assert_array_equal(found.chunks["val_loss"][0], chunks)


def test_a_metric_that_does_not_add_up_is_left_out_and_a_loss_takes_all_along() -> None:
    ones = {"val_loss": np.ones(CHUNKS), "val_mae": np.ones(CHUNKS)}
    good = ({"val_loss": 1.00001, "val_mae": 1.0}, ones)
    assert written(good, ({"val_loss": 1.0, "val_mae": 0.9}, ones)).chunks.keys() == {"val_loss"}
    found = written(good, ({"val_loss": 1.1, "val_mae": 1.0}, ones))
    assert found.chunks == {}
    assert "do not add up" in (found.why_no_chunks or "")


def test_penalties_are_no_loss_of_a_row() -> None:
    row = {"val_loss": 3.0, UNREGULARISED: 1.0}
    assert written((row, {"val_loss": np.ones(CHUNKS)})).chunks


# Lanes


def regression(hp: Any) -> Any:
    parts = [keras.layers.Dense(4, "tanh", kernel_regularizer=keras.regularizers.L2(0.1))]
    model = keras.Sequential([keras.Input((3,)), *parts, keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(hp.Choice("lr", [0.001, 0.01]))
    model.compile(optimizer, "mse", metrics=["mae", "RootMeanSquaredError"])
    return model


def classification(hp: Any) -> Any:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, "softmax")])
    optimizer = keras.optimizers.SGD(hp.Choice("lr", [0.001, 0.01]))
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy", "AUC"])
    return model


def data(y: Any, weights: Any = None) -> dict[str, Any]:
    held = (X[VALIDATION], y[VALIDATION])
    held = held if weights is None else (*held, weights[VALIDATION])
    return {"x": X[TRAIN], "y": y[TRAIN], "validation_data": held}


CASES: dict[str, tuple[Any, dict[str, Any], dict[str, Any], set[str]]] = {
    "penalties": (regression, data(NUMBERS), {}, {"val_loss", "val_mae"}),
    "classes": (
        classification, data(ONE_HOT), {"executions_per_trial": 2}, {"val_loss", "val_accuracy"},
    ),
    "folds": (
        classification, {"x": X, "y": ONE_HOT}, {"cross_validation": 2, "stratify": True},
        {"val_loss", "val_accuracy"},
    ),
    "sample weights": (
        regression, data(NUMBERS, RNG.random(90)), {}, {"val_loss", "val_mae"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "folds",
        pytest.param("penalties", marks=pytest.mark.slow),
        pytest.param("classes", marks=pytest.mark.slow),
        pytest.param("sample weights", marks=pytest.mark.slow),
    ],
)
def test_both_lanes_have_the_same_chunks_and_they_add_up(
    name: str, make: Callable[..., Any]
) -> None:
    build, given, more, metrics = CASES[name]
    found = {}
    for lane in ("stacked", "fit"):
        tuner = make(GridSearch, build, lane=lane, project_name=lane, **more)
        tuner.search(**given, epochs=2, batch_size=8, shuffle=False, verbose=0)
        found[lane] = trials = tuner.trials()
        assert set(trials.context.lane.values()) == {lane}
        assert_add_up(trials, metrics)
    assert found["stacked"].context.chunks.rows == found["fit"].context.chunks.rows
    for run, own in found["stacked"].context.chunks.values.items():
        for metric, means in found["fit"].context.chunks.values[run].items():
            np.testing.assert_allclose(own[metric], means, rtol=1e-4, atol=1e-6)


def assert_add_up(trials: Trials, metrics: set[str]) -> None:
    chunks = trials.context.chunks
    assert chunks is not None
    assert chunks.values.keys() == set(trials.runs)
    assert trials.provenance.problems == ()
    for run, own in chunks.values.items():
        assert own.keys() == metrics
        for metric, means in own.items():
            curve = trials.curve(run, metric).values
            if metric == "val_loss" and len(plain := trials.series(run, UNREGULARISED).values):
                curve = plain
            whole = np.average(means, axis=1, weights=chunks.rows[run.fold])
            np.testing.assert_allclose(whole, curve, rtol=1e-5)
            assert len(set(means[0])) > 1


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two trials in the fit lane, whose callback evaluates on other rows meanwhile."""

    class Evaluates(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.evaluate(X, NUMBERS, verbose=0)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.evaluate(X[:7], NUMBERS[:7], verbose=0)
            self.names = list(logs)

    where = tmp_path_factory.mktemp("swept")
    tuner = GridSearch(
        regression, "val_loss", seed=1, directory=where, project_name="s", lane="fit",
        clean_train_metrics=True,
    )  # fmt: skip
    given = {**data(NUMBERS), "epochs": 3, "batch_size": 8, "verbose": 0, "validation_freq": 2}
    tuner.search(**given, callbacks=[Evaluates()])
    return tuner


def test_other_evaluations_leave_the_chunks_alone(swept: Any) -> None:
    trials = swept.trials()
    for run in trials.runs:
        means = trials.context.chunks.values[run]["val_loss"]
        assert np.isnan(means[[0, 2]]).all()
        whole = np.average(means[1], weights=trials.context.chunks.rows[0])
        assert whole == pytest.approx(trials.series(run, UNREGULARISED).values[0], rel=1e-5)


def test_a_model_keeps_its_metrics_weights_and_logs(swept: Any) -> None:
    model = swept.get_best_models(1)[0]
    assert len(model.get_weights()) == len(regression(keras_tuner.HyperParameters()).get_weights())
    metrics = set(swept.trials().metrics)
    names = ("loss", "mae", "RootMeanSquaredError")
    assert metrics == {f"{side}{name}" for side in ("", "val_") for name in names}


def test_a_sweep_with_chunks_is_what_reading_its_directory_yields(
    swept: Any, tmp_path: Any
) -> None:
    trials = swept.trials()
    assert trials == auditor.read(swept.project_dir)
    trials.save(tmp_path / "saved")
    assert Trials.load(tmp_path / "saved") == trials


def test_a_search_that_goes_on_keeps_what_was_recorded(make: Callable[..., Any]) -> None:
    given = {**data(NUMBERS), "epochs": 1, "verbose": 0}
    make(GridSearch, regression, max_trials=1).search(**given)
    tuner = make(GridSearch, regression)
    before = tuner.trials().context.chunks.values[Run("0")]["val_loss"].copy()
    tuner.search(**given)
    chunks = tuner.trials().context.chunks
    assert chunks.values.keys() == set(tuner.trials().runs)
    assert len(chunks.values) == 2
    np.testing.assert_array_equal(chunks.values[Run("0")]["val_loss"], before)


class OwnStep(keras.Sequential):  # type: ignore[misc]
    def test_step(self, *given: Any) -> Any:
        return super().test_step(*given)


def own_step(hp: Any) -> Any:
    model = OwnStep([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(hp.Choice("lr", [0.001, 0.01])), "mse")
    return model


def patched(hp: Any) -> Any:
    """A single model with a step of its own, which must stay in its place."""
    model = regression(hp)
    keras_step = model.test_step
    model.test_step = lambda *given: {**keras_step(*given), "mine": 7.0}
    return model


def two_outputs(hp: Any) -> Any:
    inputs = keras.Input((3,))
    outputs = [keras.layers.Dense(1)(inputs), keras.layers.Dense(1)(inputs)]
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(hp.Choice("lr", [0.001, 0.01])), "mse")
    return model


class Changes(keras_tuner.HyperModel):  # type: ignore[misc]
    """Validates each trial on other rows."""

    def build(self, hp: Any) -> Any:
        return regression(hp)

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        first = 40 if hp.get("lr") == 0.001 else 50
        kwargs["validation_data"] = (X[first:], NUMBERS[first:])
        return model.fit(*args, **kwargs)


@pytest.mark.parametrize(
    ("build", "given", "why"),
    [
        (own_step, data(NUMBERS), "OwnStep computes its loss in its own way"),
        (patched, data(NUMBERS), "Sequential evaluates in its own way"),
        (two_outputs, data(np.stack([NUMBERS, NUMBERS], 1)), "several outputs"),
        (regression, {**data(NUMBERS), "validation_steps": 2}, "validation_steps"),
        (Changes(), data(NUMBERS), "trials were validated on different rows"),
    ],
)
def test_where_rows_are_not_known_nothing_is_recorded_and_the_sweep_says_why(
    build: Any, given: dict[str, Any], why: str, make: Callable[..., Any]
) -> None:
    if why == "several outputs":
        x, y = given["validation_data"]
        given = {**given, "y": [given["y"][:, 0]] * 2, "validation_data": (x, [y[:, 0]] * 2)}
    tuner = make(GridSearch, build, lane="fit")
    tuner.search(**given, epochs=1, verbose=0)
    trials = tuner.trials()
    chunks = trials.context.chunks
    recorded = 0 if chunks is None else len(chunks.values)
    assert recorded == (1 if isinstance(build, Changes) else 0)
    assert any(why in sentence for sentence in trials.provenance.missing)
    assert all(trials.recorded[run].status == "completed" for run in trials.runs)
    assert ("val_mine" in trials.metrics) == (build is patched)


def masked(hp: Any) -> Any:
    parts = [keras.layers.Embedding(3, 2, mask_zero=True)]
    parts.append(keras.layers.Dense(1, kernel_initializer="zeros"))
    model = keras.Sequential([keras.Input((4,)), *parts])
    model.compile(keras.optimizers.SGD(hp.Choice("lr", [0.0, 1e-6])), "mse")
    return model


@pytest.mark.parametrize("lane", ["stacked", "fit"])
def test_masked_steps_have_no_chunks_and_train_in_the_lane_asked_for(
    lane: str, make: Callable[..., Any]
) -> None:
    x, y = RNG.integers(0, 3, (90, 4)), np.ones((90, 4, 1), "float32")
    held = (x[VALIDATION], y[VALIDATION])
    tuner = make(GridSearch, masked, lane=lane)
    tuner.search(x[TRAIN], y[TRAIN], validation_data=held, epochs=1, verbose=0)
    trials = tuner.trials()
    assert trials.context.chunks is None  # though equal losses add up, masked or not
    assert set(trials.context.lane.values()) == {lane}


@pytest.mark.slow
@pytest.mark.parametrize("lane", ["stacked", "fit"])
def test_other_processes_deal_the_rows_out_alike(lane: str, make: Callable[..., Any]) -> None:
    found = []
    for jobs in (None, 2):
        tuner = make(GridSearch, classification, lane=lane, n_jobs=jobs, project_name=f"{jobs}")
        tuner.search(**data(ONE_HOT), epochs=2, verbose=0)
        assert_add_up(tuner.trials(), {"val_loss", "val_accuracy"})
        found.append(tuner.trials().context.chunks)
    for run, own in found[0].values.items():
        np.testing.assert_allclose(own["val_loss"], found[1].values[run]["val_loss"], rtol=1e-4)
