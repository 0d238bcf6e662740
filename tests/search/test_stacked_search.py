"""Whole searches in the stacked lane: what they record equals what the fit lane records."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

import auditor
from auditor import GridSearch, RandomSearch
from auditor.errors import DirectoryError, SearchError
from auditor.search.crew import Here
from auditor.search.stacking import checkpoint, places, sizing
from auditor.search.stacking.choosing import FEW_STEPS
from auditor.search.stacking.engine import Engine
from auditor.search.stacking.stack import Stack
from tests.search.helpers import fit_arguments, statuses, stored, tiny_model, weight_files


@pytest.fixture(autouse=True, scope="module")
def two_cores() -> Iterator[None]:
    """As on a machine with two cores; graphs, which compile faster than XLA."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sizing, "cores", lambda: 2)
        patch.setattr(sizing, "is_compiled", lambda model, where: False)
        yield


def build(hp: Any) -> Any:
    return tiny_model(4, hp.Choice("lr", [0.02, 0.05, 0.1]), eager=False)


def build_two(hp: Any) -> Any:
    return tiny_model(4, hp.Choice("lr", [0.02, 0.05]), eager=False)


def arguments(**more: Any) -> dict[str, Any]:
    return fit_arguments(**{"shuffle": False, **more})


class Notes(keras.callbacks.Callback):
    """Keeps the initial weights of all runs."""

    def __init__(self, kept: list[Any]) -> None:
        super().__init__()
        self.kept = kept

    def __deepcopy__(self, memo: Any) -> "Notes":
        return Notes(self.kept)

    def on_train_begin(self, logs: Any = None) -> None:
        self.kept.append(self.model.get_weights())


@pytest.fixture(scope="module")
def lanes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same search in both lanes: two trials, three executions each."""
    found = {}
    for lane in ("stacked", "fit"):
        where = tmp_path_factory.mktemp(lane)
        tuner = GridSearch(
            build_two, "val_loss", seed=0, directory=where, project_name="s", lane=lane,
            executions_per_trial=3, keep_weights=2, clean_train_metrics=True,
        )  # fmt: skip
        tuner.initial = []
        tuner.search(**arguments(epochs=3, callbacks=[Notes(tuner.initial)]))
        found[lane] = tuner
    return found


def test_each_run_is_recorded_with_its_lane_and_its_stack(lanes: Any) -> None:
    trials = lanes["stacked"].trials()
    names = {stack.name for stack in lanes["stacked"]._sweep.stacks}
    assert trials == auditor.read(lanes["stacked"].project_dir)
    assert set(trials.context.lane.values()) == {"stacked"}
    assert set(trials.context.stack) == set(trials.runs)
    assert set(trials.context.stack.values()) <= names
    assert set(lanes["fit"].trials().context.lane.values()) == {"fit"}
    assert lanes["fit"].trials().context.stack == {}
    for runs in trials.runs_of.values():
        assert len({tuple(trials.curve(run, "val_loss").values) for run in runs}) == 3


def test_curves_and_scores_equal_those_of_the_fit_lane(lanes: Any) -> None:
    stacked, fit = lanes["stacked"].trials(), lanes["fit"].trials()
    assert stacked.runs == fit.runs
    assert set(stacked.metrics) == set(fit.metrics)
    for run in fit.runs:
        for metric in fit.metrics:
            one, other = (t.curve(run, metric).values for t in (stacked, fit))
            np.testing.assert_allclose(one, other, rtol=1e-4, err_msg=metric)


def measured(hp: Any) -> Any:
    model = build_two(hp)
    error = keras.metrics.MeanAbsoluteError(name="error")
    model.compile(model.optimizer, model.loss, metrics=[error, "mse"])
    return model


def test_metrics_that_are_objects_are_measured_in_stacks_as_in_fit(
    make: Callable[..., Any],
) -> None:
    found = {}
    for lane in ("stacked", "fit"):
        tuner = make(GridSearch, measured, project_name=lane, lane=lane)
        tuner.search(**arguments(epochs=2))
        found[lane] = tuner.trials()
        assert set(found[lane].context.lane.values()) == {lane}
    for run in found["fit"].runs:
        for metric in ("error", "val_error", "mse"):
            one, other = (trials.curve(run, metric).values for trials in found.values())
            assert len(one) == 2
            np.testing.assert_allclose(one, other, rtol=1e-4, err_msg=metric)


def test_initial_weights_are_those_of_the_fit_lane(lanes: Any) -> None:
    by_lane = [sorted(found.initial, key=lambda w: w[0].tobytes()) for found in lanes.values()]
    assert len(by_lane[0]) == 6
    for one, other in zip(*by_lane, strict=True):
        for mine, its in zip(one, other, strict=True):
            np.testing.assert_array_equal(mine, its)


def test_scores_best_epochs_and_leaderboards_agree(lanes: Any) -> None:
    stacked, fit = (lanes[lane].oracle.trials for lane in ("stacked", "fit"))
    for trial_id, trial in fit.items():
        assert stacked[trial_id].score == pytest.approx(trial.score, rel=1e-4)
        assert stacked[trial_id].best_step == trial.best_step
    boards = [lanes[lane].audit().leaderboard for lane in ("stacked", "fit")]
    for column in ("trial_id", "best_epoch", "outcome"):
        assert list(boards[0][column]) == list(boards[1][column])


@pytest.mark.parametrize("series", ["learning_rate", "clean_loss", "clean_accuracy"])
def test_what_is_recorded_beside_the_metrics_agrees(lanes: Any, series: str) -> None:
    stacked, fit = (lanes[lane].trials() for lane in ("stacked", "fit"))
    for run in fit.runs:
        one, other = (trials.series(run, series).values for trials in (stacked, fit))
        assert len(one) == 3
        np.testing.assert_allclose(one, other, rtol=1e-4)


def test_kept_weights_are_those_of_the_recorded_best_epoch(lanes: Any) -> None:
    tuner = lanes["stacked"]
    assert len(weight_files(Path(tuner.project_dir))) == 2
    x, y = arguments()["validation_data"]
    for model, trial in zip(tuner.get_best_models(2), tuner.oracle.get_best_trials(2), strict=True):
        runs = tuner.trials().runs_of[trial.trial_id]
        best = min(min(tuner.trials().curve(run, "val_loss").values) for run in runs)
        loss = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
        assert loss == pytest.approx(best, rel=1e-5)


def test_kerastuner_opens_the_directory(lanes: Any) -> None:
    ours = lanes["stacked"]
    plain = keras_tuner.GridSearch(
        build_two, "val_loss", executions_per_trial=3, overwrite=False,
        directory=ours.directory, project_name=ours.project_name,
    )  # fmt: skip
    scores = {trial_id: trial.score for trial_id, trial in ours.oracle.trials.items()}
    assert {trial_id: t.score for trial_id, t in plain.oracle.trials.items()} == scores
    for mine, its in zip(ours.get_best_models(2), plain.get_best_models(2), strict=True):
        for one, other in zip(mine.get_weights(), its.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("stratify", [pytest.param(False, marks=pytest.mark.slow), True])
def test_folds_are_rows_of_a_stack(stratify: bool, make: Callable[..., Any]) -> None:
    given = arguments(epochs=2)
    del given["validation_data"]
    found = {}
    for lane in ("stacked", "fit"):
        kwargs = {"cross_validation": 3, "stratify": stratify, "project_name": lane}
        tuner = make(GridSearch, build_two, lane=lane, **kwargs)
        tuner.search(**given)
        found[lane] = tuner.trials()
    stacked, fit = found["stacked"], found["fit"]
    assert set(stacked.context.lane.values()) == {"stacked"}
    assert stacked.runs == fit.runs
    assert {run.fold for run in stacked.runs} == {0, 1, 2}
    for run in fit.runs:
        for metric in ("loss", "val_loss", "accuracy", "val_accuracy"):
            one, other = (trials.curve(run, metric).values for trials in (stacked, fit))
            np.testing.assert_allclose(one, other, rtol=1e-4, err_msg=metric)


def test_the_loss_without_regularisation_agrees(make: Callable[..., Any]) -> None:
    found = {}
    for lane in ("stacked", "fit"):

        def build(hp: Any, eager: bool = lane == "fit") -> Any:
            l2 = keras.regularizers.L2(hp.Choice("l2", [0.1, 0.001]))
            dense = keras.layers.Dense(1, "sigmoid", kernel_regularizer=l2)
            model = keras.Sequential([keras.Input((3,)), dense])
            model.compile(keras.optimizers.SGD(0.05), "binary_crossentropy", run_eagerly=eager)
            return model

        tuner = make(GridSearch, build, lane=lane, project_name=lane)
        tuner.search(**arguments())
        found[lane] = tuner.trials()
    for run in found["fit"].runs:
        one, other = (
            found[lane].series(run, "unregularised_val_loss").values for lane in ("stacked", "fit")
        )
        assert len(one) == 2
        np.testing.assert_allclose(one, other, rtol=1e-5)


# One bad run


class RaisesAt(keras.callbacks.Callback):
    """Raises in one trial, told by its learning rate."""

    def __init__(self, rate: float, epoch: int, error: type[BaseException] = ZeroDivisionError):
        super().__init__()
        self.rate, self.epoch, self.error = rate, epoch, error

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if (
            epoch == self.epoch
            and abs(float(self.model.optimizer.learning_rate) - self.rate) < 1e-6
        ):
            raise self.error("of a callback")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The curves of three trials of three epochs that nothing happens to."""
    where = tmp_path_factory.mktemp("undisturbed")
    tuner = GridSearch(build, "val_loss", seed=1, directory=where, lane="stacked")
    tuner.search(**arguments(epochs=3))
    return tuner.trials()


def assert_same_curves(trials: Any, others: Any, but: Any = (), within: float = 0) -> None:
    """The same curves, bit for bit or nearly so."""
    assert trials.runs == others.runs
    for run in trials.runs:
        if run.trial_id in but:
            continue
        assert trials.context.lane[run] == "stacked"
        for metric in others.metrics:
            one, other = (t.curve(run, metric).values for t in (trials, others))
            np.testing.assert_allclose(one, other, rtol=within, err_msg=f"{run} {metric}")


@pytest.mark.parametrize("retries", [0, 2])
def test_a_run_that_crashes_ends_alone(
    retries: int, undisturbed: Any, make: Callable[..., Any], path: Path
) -> None:
    kwargs = {"max_retries_per_trial": retries, "max_consecutive_failed_trials": 9}
    tuner = make(GridSearch, build, lane="stacked", **kwargs)
    tuner.search(**arguments(epochs=3, callbacks=[RaisesAt(0.05, 1)]))
    assert statuses(tuner) == ["COMPLETED", "FAILED", "COMPLETED"]
    assert "ZeroDivisionError: of a callback" in stored(path)["0001"]["message"]
    assert tuner.oracle._run_times["0001"] == retries + 1
    assert len(tuner.trials().curve(tuner.trials().runs[1], "val_loss").values) == 1
    assert_same_curves(tuner.trials(), undisturbed, but=["0001"])


def test_a_model_that_cannot_be_built_is_a_crashed_trial(
    undisturbed: Any, make: Callable[..., Any], path: Path
) -> None:
    def broken(hp: Any) -> Any:
        if hp.Choice("lr", [0.02, 0.05, 0.1]) == 0.05:
            raise ZeroDivisionError("of the build")
        return build(hp)

    tuner = make(GridSearch, broken, lane="stacked")
    tuner.search(**arguments(epochs=3))
    assert statuses(tuner) == ["COMPLETED", "FAILED", "COMPLETED"]
    assert "ZeroDivisionError: of the build" in stored(path)["0001"]["message"]
    assert "cannot be built" in tuner._sweep.alone["0001"]


def test_a_stack_that_cannot_be_trained_is_left_to_the_fit_lane(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(*args: Any) -> None:
        raise ValueError("no such kernel")

    monkeypatch.setattr(Engine, "train", train)
    tuner = make(GridSearch, build, lane="stacked")
    tuner.search(**arguments(epochs=1))
    assert statuses(tuner) == ["COMPLETED"] * 3
    assert set(tuner.trials().context.lane.values()) == {"fit"}
    assert all("no such kernel" in reason for reason in tuner._sweep.alone.values())
    assert len(tuner._sweep.alone) == 3


@pytest.mark.parametrize("is_saved", [False, True])
def test_a_stack_that_takes_too_much_memory_is_trained_in_fewer_rows(
    is_saved: bool,
    undisturbed: Any,
    make: Callable[..., Any],
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import tensorflow as tf

    whole, failures = Engine.train, [2]

    def train(self: Any, *args: Any) -> Any:
        if failures and is_saved == any(path.glob(f"stacks/*/{checkpoint.FILE}")):
            failures.pop()
            raise tf.errors.ResourceExhaustedError(None, None, "out of memory")
        return whole(self, *args)

    monkeypatch.setattr(Engine, "train", train)
    monkeypatch.setattr(sizing, "cores", lambda: 1)
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)  # What was saved has more rows.
    tuner = make(GridSearch, build, lane="stacked")
    tuner.search(**arguments(epochs=3))
    assert [stack.rows for stack in tuner._sweep.stacks] == [1]
    assert_same_curves(tuner.trials(), undisturbed, within=1e-6)


def test_a_model_that_cannot_be_built_again_goes_to_the_fit_lane(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[int] = []

    def build_once(hp: Any) -> Any:
        if hp.Choice("lr", [0.02, 0.05]) == 0.05 and 1 <= len(failed) <= 2:  # lightly, and whole
            failed.append(2)
            raise ZeroDivisionError
        return build_two(hp)

    def train(self: Any, *args: Any) -> Any:
        if failed:
            return whole(self, *args)
        failed.append(1)
        raise MemoryError("RESOURCE_EXHAUSTED")

    whole = Engine.train
    monkeypatch.setattr(Engine, "train", train)
    monkeypatch.setattr(sizing, "cores", lambda: 1)
    tuner = make(GridSearch, build_once, lane="stacked")
    tuner.search(**arguments())
    assert statuses(tuner) == ["COMPLETED"] * 2
    assert list(tuner.trials().context.lane.values()) == ["stacked", "fit"]
    assert "cannot be built again: ZeroDivisionError" in tuner._sweep.alone["0001"]


# Trials that no stack can train


class Own(keras.layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs


class OwnStep(keras.Sequential):
    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


def unusual(hp: Any) -> Any:
    """A model of each kind that must be trained alone, and one that need not."""
    kind = hp.Choice("kind", ["plain", "own layer", "own step", "eager", "ema", "noise"])
    more = {"own layer": [Own()], "noise": [keras.layers.RandomContrast(0.1)]}.get(kind, [])
    layers = [keras.Input((1, 1, 3)), *more, keras.layers.Flatten(), keras.layers.Dense(1)]
    model = (OwnStep if kind == "own step" else keras.Sequential)(layers)
    optimizer = keras.optimizers.SGD(0.01, use_ema=kind == "ema")
    model.compile(optimizer, "mse", run_eagerly=kind == "eager")
    return model


def test_trials_that_cannot_be_stacked_are_trained_alone_and_it_is_said_why(
    make: Callable[..., Any],
) -> None:
    given = arguments(epochs=1)
    x, y = given["validation_data"]
    given |= {"x": given["x"][:, None, None], "validation_data": (x[:, None, None], y)}
    tuner = make(GridSearch, unusual, lane="stacked")
    tuner.search(**given)
    assert statuses(tuner) == ["COMPLETED"] * 6
    values = {t: trial.hyperparameters.get("kind") for t, trial in tuner.oracle.trials.items()}
    reasons = {values[trial_id]: reason for trial_id, reason in tuner._sweep.alone.items()}
    expected = {
        "own layer": "Own", "own step": "OwnStep", "eager": "run_eagerly", "ema": "use_ema",
        "noise": "random numbers",
    }  # fmt: skip
    assert reasons.keys() == expected.keys()
    assert all(part in reasons[kind] for kind, part in expected.items())
    context = tuner.trials().context
    lanes = {values[run.trial_id]: lane for run, lane in context.lane.items()}
    assert lanes == {**dict.fromkeys(expected, "fit"), "plain": "stacked"}


class Later(keras.callbacks.Callback):
    """Asks for what no run in a stack has, when it is too late to refuse it at the start."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        assert self.model.train_function or self.model.run_eagerly


class Batches(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        pass


@pytest.mark.parametrize(
    ("callback", "part"), [(Later(), "train_function"), (Batches(), "single batches")]
)
def test_callbacks_that_need_more_send_their_trials_to_the_fit_lane(
    callback: Any, part: str, make: Callable[..., Any]
) -> None:
    tuner = make(GridSearch, build_two, lane="stacked")
    tuner.search(**arguments(epochs=1, callbacks=[callback]))
    assert statuses(tuner) == ["COMPLETED"] * 2
    assert set(tuner.trials().context.lane.values()) == {"fit"}
    assert [part in reason for reason in tuner._sweep.alone.values()] == [True] * 2
    assert len(tuner.trials().curve(tuner.trials().runs[0], "val_loss").values) == 1


def run_alone(self: Any, trial: Any, *args: Any, **kwargs: Any) -> Any:
    return GridSearch.run_trial(self, trial, *args, **kwargs)


def fit_alone(self: Any, trial: Any, *args: Any, **kwargs: Any) -> Any:
    return GridSearch._build_and_fit_model(self, trial, *args, **kwargs)


@pytest.mark.parametrize(
    "own",
    [
        {"run_trial": run_alone},
        {"_build_and_fit_model": fit_alone},
        {"on_epoch_end": lambda *args: None},
    ],
)
def test_a_tuner_that_follows_its_trials_trains_all_in_the_fit_lane(
    own: dict[str, Any], make: Callable[..., Any]
) -> None:
    tuner = make(type("Own", (GridSearch,), own), build_two, lane="stacked")
    tuner.search(**arguments(epochs=1))
    assert set(tuner.trials().context.lane.values()) == {"fit"}
    assert tuner._sweep.stacks == []


def test_tiny_searches_are_not_worth_a_stack(make: Callable[..., Any]) -> None:
    tuner = make(GridSearch, build_two)
    tuner.search(**arguments(epochs=1))
    assert set(tuner.trials().context.lane.values()) == {"fit"}
    assert all("too few runs" in reason for reason in tuner._sweep.alone.values())
    assert len(tuner._sweep.alone) == 2


def test_another_lane_is_refused(make: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="lane must be"):
        make(GridSearch, build_two, lane="stack")


# A HyperModel's own fit


class OwnFit(keras_tuner.HyperModel):
    """Code around `fit`, in a method of its own."""

    def __init__(self, fit: Callable[..., Any]) -> None:
        super().__init__()
        self._own = fit

    def build(self, hp: Any) -> Any:
        return build_two(hp)

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        return self._own(hp, model, *args, **kwargs)


def search(make: Callable[..., Any], fit: Callable[..., Any], **more: Any) -> Any:
    given = arguments(**more)
    for name in ("batch_size", "epochs"):
        del given[name]
    tuner = make(GridSearch, OwnFit(fit), lane="stacked")
    tuner.search(**given)
    return tuner


def test_trials_of_other_batch_sizes_are_in_other_stacks_and_epochs_may_differ(
    make: Callable[..., Any],
) -> None:
    def fit(hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        sizes = {"batch_size": hp.Choice("batch", [8, 16]), "epochs": hp.Choice("epochs", [1, 3])}
        return model.fit(*args, **kwargs, **sizes)

    tuner = search(make, fit)
    trials = tuner.trials()
    assert len(trials.runs) == 8
    by_stack: dict[str, set[tuple[int, int]]] = {}
    for run in trials.runs:
        values = trials.hyperparameters[run.trial_id]
        assert len(trials.curve(run, "val_loss").values) == values["epochs"]
        stack = by_stack.setdefault(trials.context.stack[run], set())
        stack.add((values["batch"], values["epochs"]))
    assert {len({batch for batch, _ in stack}) for stack in by_stack.values()} == {1}
    assert max(len({epochs for _, epochs in stack}) for stack in by_stack.values()) == 2
    assert statuses(tuner) == ["COMPLETED"] * 8


@pytest.mark.parametrize("what", ["float", "stopped"])
def test_code_after_fit_sees_the_trained_model_and_its_callbacks(
    what: str, make: Callable[..., Any]
) -> None:
    x, y = arguments()["validation_data"]

    def fit(hp: Any, model: Any, *args: Any, callbacks: Any = (), **kwargs: Any) -> Any:
        stop = keras.callbacks.EarlyStopping("val_loss", patience=1, min_delta=10)
        model.fit(*args, **kwargs, callbacks=[*callbacks, stop], epochs=5)
        loss = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
        return loss if what == "float" else {"val_loss": loss, "stopped": stop.stopped_epoch}

    tuner = search(make, fit)
    trials = tuner.trials()
    assert set(trials.context.lane.values()) == {"stacked"}
    for run in trials.runs:
        curve = trials.curve(run, "val_loss").values
        assert len(curve) == 2
        trial = tuner.oracle.trials[run.trial_id]
        assert trial.metrics.get_best_value("val_loss") == pytest.approx(curve[-1], rel=1e-5)
        if what == "stopped":
            assert trial.metrics.get_best_value("stopped") == 1


def trains_twice(hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
    model.fit(*args, **kwargs, epochs=1)
    return model.fit(*args, **kwargs, epochs=1)


def trains_otherwise(hp: Any, model: Any, x: Any = None, y: Any = None, **kwargs: Any) -> Any:
    return {"val_loss": float(model.train_on_batch(x, y)[0])}


@pytest.mark.parametrize(
    ("fit", "reason", "epochs"),
    [
        (trains_twice, "trains more than once", 2),
        (trains_otherwise, "does not go straight to model.fit", 0),
    ],
)
def test_code_that_trains_in_its_own_way_does_so_in_the_fit_lane(
    fit: Callable[..., Any], reason: str, epochs: int, make: Callable[..., Any]
) -> None:
    tuner = search(make, fit)
    trials = tuner.trials()
    assert statuses(tuner) == ["COMPLETED"] * 2
    assert set(trials.context.lane.values()) == {"fit"}
    assert [reason in said for said in tuner._sweep.alone.values()] == [True] * 2
    if epochs:
        assert len(trials.curve(trials.runs[0], "val_loss").values) == epochs


# Callbacks


class Halved(keras.callbacks.Callback):
    """Adds a metric that is the objective, by a count that is each run's own."""

    seen = 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seen += 1
        logs["half"] = logs["val_loss"] / 2 + self.seen


def callbacks() -> list[Any]:
    return [
        Halved(),
        keras.callbacks.EarlyStopping("half", mode="min", patience=1, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("half", factor=0.5, patience=1, mode="min"),
    ]


def test_callbacks_work_on_one_run_each_as_in_the_fit_lane(make: Callable[..., Any]) -> None:
    found = {}
    for lane in ("stacked", "fit"):
        objective = keras_tuner.Objective("half", "min")
        tuner = make(GridSearch, build, objective, lane=lane, project_name=lane)
        tuner.search(**arguments(epochs=5, callbacks=callbacks()))
        found[lane] = tuner
    stacked, fit = (found[lane].trials() for lane in ("stacked", "fit"))
    assert set(stacked.context.lane.values()) == {"stacked"}
    for run in fit.runs:
        for metric in ("half", "val_loss", "loss"):
            one, other = (t.curve(run, metric).values for t in (stacked, fit))
            assert len(one) == 2
            np.testing.assert_allclose(one, other, rtol=1e-4)
        one, other = (t.series(run, "learning_rate").values for t in (stacked, fit))
        np.testing.assert_allclose(one, other, rtol=1e-6)
    for one, other in zip(*(found[lane].oracle.get_best_trials(3) for lane in found), strict=True):
        assert (one.trial_id, one.best_step) == (other.trial_id, other.best_step)
    models = [found[lane].get_best_models(1)[0] for lane in found]
    for mine, its in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["log.csv", "of_{epoch}.weights.h5"])
def test_a_file_that_all_runs_write_is_that_of_the_last_run(
    name: str, make: Callable[..., Any], tmp_path: Path
) -> None:
    file = str(tmp_path / name)
    if name.endswith("csv"):
        callback: Any = keras.callbacks.CSVLogger(file)
    else:
        callback = keras.callbacks.ModelCheckpoint(file, save_weights_only=True)
    tuner = make(GridSearch, build_two, lane="stacked")
    tuner.search(**arguments(callbacks=[callback]))
    assert all(name in reason for reason in tuner._sweep.alone.values())
    assert len(tuner._sweep.alone) == 2
    trials = tuner.trials()
    if name.endswith("csv"):
        found = np.genfromtxt(file, delimiter=",", names=True)["val_loss"]
        np.testing.assert_allclose(found, trials.curve(trials.runs[-1], "val_loss").values)


def test_a_file_of_each_run_is_written_in_a_stack(make: Callable[..., Any], tmp_path: Path) -> None:
    def fit(hp: Any, model: Any, *args: Any, callbacks: Any = (), **kwargs: Any) -> Any:
        log = keras.callbacks.CSVLogger(str(tmp_path / f"{hp.get('lr')}.csv"))
        return model.fit(*args, **kwargs, callbacks=[*callbacks, log], epochs=2)

    board = keras.callbacks.TensorBoard(str(tmp_path / "board"))
    tuner = search(make, fit, callbacks=[board])
    trials = tuner.trials()
    assert set(trials.context.lane.values()) == {"stacked"}
    for run in trials.runs:
        file = tmp_path / f"{trials.hyperparameters[run.trial_id]['lr']}.csv"
        found = np.genfromtxt(file, delimiter=",", names=True)["val_loss"]
        np.testing.assert_allclose(found, trials.curve(run, "val_loss").values, rtol=1e-6)
        assert list((tmp_path / "board" / run.trial_id).rglob("events*"))


# Interruptions


def build_six(hp: Any) -> Any:
    rates = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5]
    return tiny_model(4, hp.Choice("lr", rates), eager=False)


@pytest.fixture
def two_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stacks of two rows, in which runs wait for one another; one stack at a time."""
    monkeypatch.setitem(sizing.MOST_ROWS, "cpu", 2)
    monkeypatch.setattr(sizing, "cores", lambda: 1)


class Interrupts:
    """Ctrl-C after some trials, in the way in which a search is followed."""

    def __init__(self, after: int) -> None:
        self.after = after

    def __call__(self, progress: Any) -> None:
        if progress.done == self.after:
            raise KeyboardInterrupt


def interrupt(make: Callable[..., Any], epochs: int) -> None:
    """Ctrl-C after two trials, when the stack has trained so many epochs: neither is left to luck.

    A pair of runs trains for two.
    """
    there = threading.Event()
    train, epoch = Stack.train, Stack._epoch

    def train_so_far(self: Any) -> None:
        if self.places.clock < epochs:
            epoch(self)
        else:
            there.set()
            assert self._stop.wait(60)

    def train_all(self: Any) -> None:
        train(self)
        there.set()

    def progress(now: Any) -> None:
        if now.done == 2:
            assert there.wait(60)
            raise KeyboardInterrupt

    tuner = make(GridSearch, build_six, lane="stacked", progress=progress)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "SHARE", 1e9)  # Saved whenever runs end, however long it takes.
        patch.setattr(Stack, "_epoch", train_so_far)
        patch.setattr(Stack, "train", train_all)
        with pytest.raises(KeyboardInterrupt):
            tuner.search(**arguments())


def threads_left() -> list[str]:
    """Threads that train stacks, and do not end when they are told to."""
    training = [t for t in threading.enumerate() if t.name.startswith("thread ")]
    for thread in training:
        thread.join(30)
    return [thread.name for thread in training if thread.is_alive()]


@pytest.mark.usefixtures("two_rows")
@pytest.mark.parametrize(
    "after", [2, pytest.param(1, marks=pytest.mark.slow), pytest.param(5, marks=pytest.mark.slow)]
)
def test_an_interrupted_search_goes_on_as_if_nothing_had_happened(
    after: int, make: Callable[..., Any]
) -> None:
    kwargs: dict[str, Any] = {"lane": "stacked"}
    whole = make(GridSearch, build_six, project_name="whole", **kwargs)
    whole.search(**arguments(epochs=2, shuffle=True))
    first = make(GridSearch, build_six, progress=Interrupts(after), **kwargs)
    with pytest.raises(KeyboardInterrupt) as caught:
        first.search(**arguments(epochs=2, shuffle=True))
    assert "completed trials are kept" in caught.value.__notes__[0]
    assert threads_left() == []
    planned = first._sweep.stacks
    before = len(first.oracle.end_order)
    assert after <= before < 6
    second = make(GridSearch, build_six, **kwargs)
    assert [stack.name for stack in second._sweep.stacks] == [stack.name for stack in planned]
    ended: list[str] = []
    second._progress = lambda progress: ended.append(progress.trial_id)
    second.search(**arguments(epochs=2, shuffle=True))
    assert len(ended) == len(set(ended)) == 6 - before
    assert second._sweep.stacks == planned
    assert_same_curves(second.trials(), whole.trials())


@pytest.mark.usefixtures("two_rows")
def test_what_is_left_trains_before_most_of_it_is_examined(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(make, epochs=2)
    happened: list[Any] = []
    whole = Engine.train

    def seen(hp: Any) -> Any:
        happened.append(hp.Choice("lr", [0.01, 0.02, 0.05, 0.1, 0.2, 0.5]))
        return build_six(hp)

    def train(*args: Any) -> Any:
        happened.append("an epoch")
        return whole(*args)

    monkeypatch.setattr(Engine, "train", train)
    tuner = make(GridSearch, seen, lane="stacked")
    happened.clear()
    tuner.search(**arguments())
    assert statuses(tuner) == ["COMPLETED"] * 6
    assert set(tuner.trials().context.lane.values()) == {"stacked"}
    assert set(happened[: happened.index("an epoch")]) < {0.05, 0.1, 0.2, 0.5}
    assert {0.05, 0.1, 0.2, 0.5} < set(happened)
    for trial in stored(Path(tuner.project_dir)).values():
        assert trial["auditor"]["read"] == ["lr"]


@pytest.mark.usefixtures("two_rows")
@pytest.mark.filterwarnings("ignore:stack .* begins anew")
@pytest.mark.parametrize(
    ("changed", "alone"), [({0.5: 5}, {"0005"}), (dict.fromkeys([0.05, 0.1, 0.2, 0.5], 5), set())]
)
@pytest.mark.parametrize(
    "epochs", [*(pytest.param(n, marks=pytest.mark.slow) for n in (2, 4)), 6]
)  # 6 are all.
def test_what_is_left_of_other_code_is_planned_anew_or_trained_alone(
    epochs: int, changed: dict[float, int], alone: set[str], make: Callable[..., Any]
) -> None:
    interrupt(make, epochs)

    def build(hp: Any) -> Any:
        rate = hp.Choice("lr", [0.01, 0.02, 0.05, 0.1, 0.2, 0.5])
        return tiny_model(changed.get(rate, 4), rate, eager=False)

    tuner = make(GridSearch, build, lane="stacked")
    tuner.search(**arguments())
    assert statuses(tuner) == ["COMPLETED"] * 6
    lane = tuner.trials().context.lane
    assert {run.trial_id for run, name in lane.items() if name == "fit"} == alone
    assert set(tuner._sweep.alone) == alone
    weights = [tuner.load_model(tuner.oracle.trials[t]).get_weights() for t in ("0000", "0005")]
    assert [len(w[1]) for w in weights] == [4, 5]


class Fails(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        raise ZeroDivisionError


def test_a_hopeless_search_goes_on_after_the_code_was_mended(make: Callable[..., Any]) -> None:
    def build_twelve(hp: Any) -> Any:
        rates = [0.01 * step for step in range(1, 13)]
        return tiny_model(4, hp.Choice("lr", rates), eager=False)

    with pytest.raises(SearchError, match="10 trials in a row crashed"):
        make(GridSearch, build_twelve, lane="stacked").search(**arguments(callbacks=[Fails()]))
    tuner = make(GridSearch, build_twelve, lane="stacked")
    tuner.search(**arguments())
    assert statuses(tuner) == ["COMPLETED"] * 12


@pytest.mark.usefixtures("two_rows")
def test_a_full_disk_is_one_error_and_the_search_goes_on_from_there(
    make: Callable[..., Any], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = checkpoint.write_plain, []

    def full(*args: Any, **more: Any) -> None:
        if len(written) == 1:
            raise OSError(28, "No space left on device")
        written.append(args)
        write(*args, **more)

    def at_once(*args: Any) -> Any:  # as on a busy machine, where the search looks late
        yield [happened for batch in train_stacks(*args) for happened in batch]

    train_stacks = Here.train_stacks
    whole = make(GridSearch, build_six, lane="stacked", project_name="whole")
    whole.search(**arguments(epochs=2, shuffle=True))
    tuner = make(GridSearch, build_six, lane="stacked")
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write_plain", full)
        patch.setattr(checkpoint, "SHARE", 1e9)
        patch.setattr(Here, "train_stacks", at_once)
        with pytest.raises(DirectoryError, match=r"No space left.*call search\(\) again"):
            tuner.search(**arguments(epochs=2, shuffle=True))
    assert 0 < len(tuner.oracle.end_order) < 6
    assert list((path / "stacks").glob(f"*/{checkpoint.FILE}"))
    assert tuner.trials() == auditor.read(path)
    again = make(GridSearch, build_six, lane="stacked")
    again.search(**arguments(epochs=2, shuffle=True))
    assert_same_curves(again.trials(), whole.trials())
    assert set(again.trials().context.lane.values()) == {"stacked"}
    assert not (path / "stacks").exists()


@pytest.mark.usefixtures("two_rows")
def test_a_stack_whose_checkpoint_is_damaged_begins_anew_and_says_so(
    make: Callable[..., Any], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)
    first = make(GridSearch, build_six, lane="stacked", progress=Interrupts(1))
    with pytest.raises(KeyboardInterrupt):
        first.search(**arguments(epochs=2))
    (file,) = (path / "stacks").glob(f"*/{checkpoint.FILE}")
    file.write_bytes(b"")
    again = make(GridSearch, build_six, lane="stacked")
    words = rf"^stack {file.parent.name} begins anew: .*{checkpoint.FILE}"
    with pytest.warns(UserWarning, match=words) as caught:
        again.search(**arguments(epochs=2))
    assert [warning.category for warning in caught].count(UserWarning) == 1
    assert statuses(again) == ["COMPLETED"] * 6
    assert set(again.trials().context.lane.values()) == {"stacked"}


def test_ctrl_c_while_stacks_train_ends_their_threads(make: Callable[..., Any]) -> None:
    once = threading.Lock()

    class CtrlC(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1 and once.acquire(blocking=False):
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    tuner = make(GridSearch, build, lane="stacked")
    with pytest.raises(KeyboardInterrupt):
        tuner.search(**arguments(epochs=1_000_000, callbacks=[CtrlC()]))
    assert threads_left() == []


SCRIPT = """
import sys
from auditor.search.stacking import sizing
sizing.MOST_ROWS["cpu"] = 2
from auditor import GridSearch
from tests.search.test_stacked_search import arguments, build_six

def ended(progress):
    print("ended", progress.trial_id, flush=True)

where = {"directory": sys.argv[1], "project_name": sys.argv[2]}
tuner = GridSearch(build_six, "val_loss", seed=1, lane="stacked", progress=ended, **where)
tuner.search(**arguments(epochs=3, shuffle=True))
"""


@pytest.mark.slow
def test_kill_9_costs_no_trial_that_had_ended_and_changes_no_bit(tmp_path: Path) -> None:
    script = tmp_path / "search.py"
    script.write_text(SCRIPT)
    root = Path(auditor.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root)}

    def command(name: str) -> list[str]:
        return [sys.executable, str(script), str(tmp_path), name]

    def ended(text: str) -> list[str]:
        return [line.split()[1] for line in text.splitlines() if line.startswith("ended")]

    run = {"stdout": subprocess.PIPE, "text": True, "env": environment}
    with subprocess.Popen(command("s"), **run) as killed:
        assert killed.stdout is not None
        first = next(line for line in killed.stdout if line.startswith("ended"))
        killed.send_signal(signal.SIGKILL)
        before = ended(first + killed.stdout.read())
    names = [stack["name"] for stack in plan_of(tmp_path / "s")]
    after = ended(subprocess.run(command("s"), check=True, **run).stdout)
    subprocess.run(command("whole"), check=True, **run)
    assert before
    assert sorted({*before, *after}) == [f"{i:04d}" for i in range(6)]
    assert len(set(before) & set(after)) <= 1  # one that was not quite written down
    assert [stack["name"] for stack in plan_of(tmp_path / "s")] == names
    assert all(stack["rows"] == 2 and stack["is_timed"] for stack in plan_of(tmp_path / "s"))
    assert_same_curves(auditor.read(tmp_path / "s"), auditor.read(tmp_path / "whole"))


def plan_of(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((path / "sweep.json").read_text())["plan"]["stacks"]
    return found


# Spaces


def conditional(hp: Any) -> Any:
    """The idiom of layers and units, in numbers that leave the structure alone: 14 models."""
    rate = 0.1
    for i in range(hp.Int("steps", 1, 3)):
        rate *= hp.Choice(f"factor_{i}", [0.5, 0.9])
    return tiny_model(2, rate, eager=False)


@pytest.mark.parametrize("tuner_class", [GridSearch, RandomSearch])
def test_conditional_spaces_are_searched_without_repetition(
    tuner_class: Any, make: Callable[..., Any]
) -> None:
    more = {"max_trials": 50} if tuner_class is RandomSearch else {}
    tuner = make(tuner_class, conditional, lane="stacked", **more)
    tuner.search(**arguments(epochs=1))
    trials = tuner.trials()
    found = [tuple(sorted(values.items())) for values in trials.hyperparameters.values()]
    assert len(found) == len(set(found)) == 14
    assert set(trials.context.lane.values()) == {"stacked"}


@pytest.mark.parametrize("tuner_class", [GridSearch, RandomSearch])
def test_no_more_trials_run_than_were_asked_for(tuner_class: Any, make: Callable[..., Any]) -> None:
    tuner = make(tuner_class, conditional, lane="stacked", max_trials=5)
    tuner.search(**arguments(epochs=1))
    assert statuses(tuner) == ["COMPLETED"] * 5


def layers_and_units(hp: Any) -> Any:
    """Six structures, each with two learning rates."""
    model = keras.Sequential([keras.Input((3,))])
    for i in range(hp.Int("layers", 1, 2)):
        model.add(keras.layers.Dense(hp.Choice(f"units_{i}", [2, 4]), "tanh"))
    model.add(keras.layers.Dense(1, "sigmoid"))
    model.compile(keras.optimizers.SGD(hp.Choice("lr", [0.02, 0.05])), "binary_crossentropy")
    return model


@pytest.mark.slow
def test_each_structure_has_its_stacks_compiled_by_xla(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizing, "is_compiled", lambda model, where: True)
    found = {}
    for lane in ("stacked", "fit"):
        tuner = make(GridSearch, layers_and_units, lane=lane, project_name=lane)
        tuner.search(**arguments())
        found[lane] = tuner
    stacks = found["stacked"]._sweep.stacks
    assert all(stack.compiled and stack.is_timed for stack in stacks)
    values = found["stacked"].trials().hyperparameters
    for found_together in stacks:
        structures = {str({**values[trial], "lr": 0}) for trial, _, _ in found_together.runs}
        assert len(structures) == 1
    stacked, fit = (found[lane].trials() for lane in ("stacked", "fit"))
    by_values = {str(stacked.hyperparameters[run.trial_id]): run for run in stacked.runs}
    assert len(by_values) == len(fit.runs) == 12
    assert_same_curves(stacked, fit, within=1e-4)


@pytest.mark.parametrize("is_declared", [False, True])
def test_hyperparameters_that_only_fit_asks_for_are_all_tried(
    is_declared: bool, make: Callable[..., Any]
) -> None:
    def fit(hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        history = model.fit(*args, **kwargs, epochs=hp.Choice("epochs", [1, 2]))
        return {"val_loss": history.history["val_loss"][-1] + hp.Choice("late", [0.0, 1.0])}

    hyperparameters = keras_tuner.HyperParameters()
    if is_declared:
        hyperparameters.Choice("late", [0.0, 1.0])
    tuner = make(GridSearch, OwnFit(fit), lane="stacked", hyperparameters=hyperparameters)
    given = arguments()
    for name in ("batch_size", "epochs"):
        del given[name]
    tuner.search(**given)
    trials = tuner.trials()
    found = {tuple(sorted(values.items())) for values in trials.hyperparameters.values()}
    assert len(found) == len(trials.hyperparameters) == 8
    assert set(trials.context.lane.values()) == {"stacked"}


# Runs that diverge or end early


def linear(*rates: float) -> Callable[[Any], Any]:
    def build(hp: Any) -> Any:
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(hp.Choice("lr", list(rates))), "mse")
        return model

    return build


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of each whole epoch that an engine trains from now on."""
    calls: list[int] = []
    whole = Engine.train

    def train(self: Any, state: Any, *args: Any) -> Any:
        if FEW_STEPS not in args[4:]:
            calls.append(len(state.weights[0]))
        return whole(self, state, *args)

    monkeypatch.setattr(Engine, "train", train)
    return calls


def test_diverged_runs_are_recorded_to_their_end_and_cost_nothing_more(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizing, "cores", lambda: 1)
    calls = counted(monkeypatch)
    found = {}
    for lane in ("stacked", "fit"):
        tuner = make(GridSearch, linear(1e15, 1e20), lane=lane, project_name=lane)
        tuner.search(**arguments(epochs=14))
        found[lane] = tuner
    assert len(calls) < 8
    for run in found["fit"].trials().runs:
        one, other = (found[lane].trials().curve(run, "val_loss").values for lane in found)
        assert len(one) == 14
        np.testing.assert_allclose(one, other, rtol=1e-4)
    assert [t.score for t in found["stacked"].oracle.trials.values()] == [np.inf, np.inf]
    assert statuses(found["stacked"]) == statuses(found["fit"])


@pytest.mark.usefixtures("two_rows")
def test_a_run_that_stops_early_leaves_its_row_to_the_next(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = counted(monkeypatch)
    stop = keras.callbacks.EarlyStopping("val_loss", patience=1, min_delta=10)
    tuner = make(GridSearch, build_six, lane="stacked")
    tuner.search(**arguments(epochs=9, callbacks=[stop]))
    assert calls == [2] * 6  # three pairs, two epochs each


def test_a_stack_of_few_runs_shrinks_and_nothing_changes(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class StopsMost(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training = float(self.model.optimizer.learning_rate) > 0.03

    monkeypatch.setattr(sizing, "cores", lambda: 1)
    calls = counted(monkeypatch)
    found = []
    for worth in (1, 10**9):
        monkeypatch.setattr(places, "WORTH_COMPILING", worth)
        tuner = make(GridSearch, build_six, lane="stacked", project_name=str(worth))
        tuner.search(**arguments(epochs=4, shuffle=True, callbacks=[StopsMost()]))
        found.append(tuner)
    assert calls == [6, 3, 3, 3] + [6] * 4
    shrunk, whole = (tuner.trials() for tuner in found)
    assert_same_curves(shrunk, whole, within=1e-6)
    models = [tuner.get_best_models(1)[0].get_weights() for tuner in found]
    for one, other in zip(*models, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
