"""Trials that train in other processes come to what they come to in this one."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

from auditor import GridSearch, RandomSearch
from auditor.errors import ObjectiveError, SearchError
from auditor.search import store
from auditor.search.handover import read_runs, write_run
from tests.search.helpers import (
    build_tiny,
    dummy,
    fit_arguments,
    grid_of,
    keys,
    layers_and_units,
    statuses,
    tiny_model,
    weight_files,
)

Make = Callable[..., Any]


def ranked(tuner: Any) -> list[tuple[str, Any, float]]:
    return [
        (trial.trial_id, trial.hyperparameters.values, trial.score)
        for trial in tuner.oracle.get_best_trials(100)
    ]


def histories(path: Path) -> dict[str, list[str]]:
    """Per trial its curves, without the seconds."""
    found = {}
    for file in sorted(path.glob("trial_*/history.csv")):
        head, *rows = file.read_text().splitlines()
        at = head.split(",").index("seconds")
        found[file.parent.name] = [",".join(np.delete(row.split(","), at)) for row in rows]
    return found


@pytest.mark.parametrize("lane", [pytest.param("fit", marks=pytest.mark.slow), "stacked"])
def test_two_processes_come_to_what_one_comes_to(make: Make, tmp_path: Path, lane: str) -> None:
    given = {"lane": lane, "executions_per_trial": 2, "per_example_losses": True}
    held_out = (np.ones((5, 3), np.float32), np.arange(5) % 2)
    ours = make(GridSearch, build_tiny, project_name="here", **given)
    theirs = make(GridSearch, build_tiny, project_name="there", n_jobs=2, **given)
    for tuner in (ours, theirs):
        stop = keras.callbacks.EarlyStopping(patience=1)
        tuner.search(**fit_arguments(callbacks=[stop]), test_data=held_out)
    assert ranked(ours) == ranked(theirs)
    assert histories(tmp_path / "here") == histories(tmp_path / "there")
    best = [tuner.get_best_models(1)[0].get_weights() for tuner in (ours, theirs)]
    for one, other in zip(*best, strict=True):
        np.testing.assert_array_equal(one, other)
    contexts = [tuner.trials().context for tuner in (ours, theirs)]
    assert contexts[0].no_skill_loss == contexts[1].no_skill_loss
    assert contexts[0].lane == contexts[1].lane
    assert contexts[0].on_test == contexts[1].on_test
    assert len(contexts[0].on_test.runs) == 2
    assert list(contexts[0].losses) == list(ours.trials().runs)
    for run, losses in contexts[0].losses.items():
        np.testing.assert_allclose(contexts[1].losses[run], losses, rtol=1e-5)


@pytest.mark.parametrize("lane", ["fit", "stacked"])
def test_folds_train_in_other_processes(make: Make, lane: str) -> None:
    x, y = fit_arguments()["x"], fit_arguments()["y"]
    tuner = make(GridSearch, build_tiny, n_jobs=2, lane=lane, cross_validation=2)
    tuner.search(x, y, epochs=1, verbose=0)
    assert sorted(tuner.trials().runs) == [
        (f"000{t}", 0, fold) for t in range(4) for fold in (0, 1)
    ]


class Deadly(keras.callbacks.Callback):  # type: ignore[misc]
    """Kills its process in the third epoch, as often as it is told to."""

    def __init__(self, folder: Path, times: int) -> None:
        super().__init__()
        self.folder, self.times = str(folder), times

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        killed = len(os.listdir(self.folder))
        if epoch == 2 and killed < self.times:
            Path(self.folder, str(killed)).touch()
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("times", "completed"), [(1, 4), pytest.param(9, 0, marks=pytest.mark.slow)]
)
def test_a_stack_is_tried_once_more(make: Make, tmp_path: Path, times: int, completed: int) -> None:
    killed = tmp_path / "killed"
    killed.mkdir()
    tuner = make(GridSearch, build_tiny, n_jobs=2, lane="stacked")
    tuner.search(**fit_arguments(epochs=4, callbacks=[Deadly(killed, times)]))
    assert statuses(tuner).count("COMPLETED") == completed
    assert all("SIGKILL" in t.message for t in tuner.oracle.trials.values() if t.status == "FAILED")
    assert all(len(rows) == 4 for rows in histories(tmp_path / "sweep").values() if rows)


class GivesUp(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends a trial for good."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if float(self.model.optimizer.learning_rate) == 1.0:
            raise keras_tuner.errors.FailedTrialError("for good")


@pytest.mark.slow
def test_a_crash_in_a_stack_elsewhere_is_told_as_it_was_there(make: Make) -> None:
    tuner = make(GridSearch, build_tiny, n_jobs=2, lane="stacked", max_retries_per_trial=2)
    tuner.search(**fit_arguments(callbacks=[GivesUp()]))
    assert statuses(tuner) == ["COMPLETED", "FAILED"] * 2
    for trial in tuner.oracle.trials.values():
        assert tuner.oracle._run_times[trial.trial_id] == 1
        if trial.status == "FAILED":
            assert trial.message.startswith("Traceback")
            assert trial.message.count("Traceback") == 1
            assert trial.message.endswith("FailedTrialError: for good\n")


def test_a_stack_that_is_none_elsewhere_is_trained_alone(make: Make) -> None:
    def build(hp: Any) -> Any:
        units = 3 if os.environ.get("AUDITOR_CORES") and hp.Choice("lr", [0.1, 0.2]) > 0.1 else 2
        return tiny_model(units, hp.Choice("lr", [0.1, 0.2]), eager=False)

    tuner = make(GridSearch, build, n_jobs=2, lane="stacked", executions_per_trial=2)
    tuner.search(**fit_arguments())
    assert statuses(tuner) == ["COMPLETED"] * 2
    assert len(tuner.trials().runs) == 4


class CallsBack(keras_tuner.HyperModel):  # type: ignore[misc]
    """Its `fit` goes on after the training."""

    def build(self, hp: Any) -> Any:
        return tiny_model(lr=hp.Choice("lr", [0.1, 0.2]), eager=False)

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        history = model.fit(*args, **kwargs)
        return {
            "val_loss": history.history["val_loss"][-1] + float(abs(model.get_weights()[0]).sum())
        }


def test_code_after_fit_has_the_weights_of_elsewhere(make: Make) -> None:
    found = [
        make(GridSearch, CallsBack(), project_name=str(jobs), n_jobs=jobs, lane="stacked")
        for jobs in (None, 2)
    ]
    for tuner in found:
        tuner.search(**fit_arguments())
    assert ranked(found[0]) == ranked(found[1])


def test_executors_compute_as_this_process_was_told_to(make: Make) -> None:
    found = []
    keras.config.set_floatx("float64")
    try:
        for jobs in (None, 2):
            tuner = make(GridSearch, build_tiny, project_name=str(jobs), n_jobs=jobs, lane="fit")
            tuner.search(**fit_arguments(epochs=1))
            found.append(ranked(tuner))
    finally:
        keras.config.set_floatx("float32")
    assert found[0] == found[1]


def test_what_executors_share_is_removed(make: Make, path: Path) -> None:
    tuner = make(GridSearch, build_tiny, n_jobs=2, lane="fit", keep_weights=2)
    tuner.search(**fit_arguments())
    assert not (path / store.WORK_FOLDER).exists()
    assert len(weight_files(path)) == 2


def fails_or_dies(hp: Any) -> Any:
    kind = hp.Choice("kind", ["well", "raises", "gives up", "dies", "ends too"])
    if kind == "raises":
        raise OSError("no such thing")
    if kind == "gives up":
        raise keras_tuner.errors.FailedTrialError("for good")
    if kind == "dies" and os.environ.get("AUDITOR_CORES"):
        os.kill(os.getpid(), signal.SIGKILL)
    return tiny_model(eager=False)


def test_one_bad_trial_or_dead_process_spoils_no_other(make: Make) -> None:
    tuner = make(GridSearch, fails_or_dies, n_jobs=2, lane="fit")
    tuner.search(**fit_arguments())
    found = {t.hyperparameters.values["kind"]: t for t in tuner.oracle.trials.values()}
    bad = {kind: trial.message for kind, trial in found.items() if trial.status == "FAILED"}
    assert bad.keys() == {"raises", "gives up", "dies"}
    assert 'raise OSError("no such thing")' in bad["raises"]
    assert "for good" in bad["gives up"]
    assert "SIGKILL" in bad["dies"]


def test_nothing_is_trained_twice_for_values_that_no_build_reads(make: Make) -> None:
    def build(hp: Any) -> Any:
        layers_and_units(hp)
        return tiny_model(eager=False)

    tuner = make(GridSearch, build, n_jobs=2, lane="fit")
    tuner.search(**fit_arguments(epochs=1))
    assert statuses(tuner) == ["COMPLETED"] * 14


class ReadsLate(keras_tuner.HyperModel):  # type: ignore[misc]
    """Its `fit` has a hyperparameter of its own, and trains on labels of its own."""

    def build(self, hp: Any) -> Any:
        return tiny_model(lr=hp.Choice("lr", [0.1, 0.2]), eager=False)

    def fit(self, hp: Any, model: Any, x: Any, y: Any, **kwargs: Any) -> Any:
        return model.fit(x, 1 - y, batch_size=hp.Choice("batch", [8, 16]), **kwargs)


def test_what_is_read_and_seen_over_there_is_known_here(make: Make) -> None:
    given = fit_arguments(epochs=1)
    del given["batch_size"]
    tuner = make(GridSearch, ReadsLate(), n_jobs=2, lane="fit")
    tuner.search(**given)
    found = keys(trial.hyperparameters.values for trial in tuner.oracle.trials.values())
    assert found == keys({"lr": lr, "batch": b} for lr in (0.1, 0.2) for b in (8, 16))
    assert not tuner.trials().context.label_counts


def test_a_run_trial_of_the_users_runs_over_there(make: Make) -> None:
    class Own(dummy(GridSearch, lambda values: values["a"] + values["b"] / 10)):  # type: ignore[misc]
        pass

    tuner = make(Own, grid_of(3, 2), n_jobs=2)
    tuner.search()
    assert [score for *_, score in ranked(tuner)] == pytest.approx([0, 0.1, 1, 1.1, 2, 2.1])
    assert tuner.ran == []


class ReportsItself(RandomSearch):  # type: ignore[misc]
    """As KerasTuner allowed once."""

    def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> None:
        value = trial.hyperparameters.Int("a", 0, 20)
        self.oracle.update_trial(trial.trial_id, {"val_loss": value})


def test_what_a_trial_reports_itself_arrives(make: Make) -> None:
    space = keras_tuner.HyperParameters()
    space.Int("a", 0, 20)
    tuner = make(ReportsItself, None, max_trials=4, n_jobs=2, hyperparameters=space)
    tuner.search()
    assert all(score == values["a"] for _, values, score in ranked(tuner))
    assert len(ranked(tuner)) == 4


def test_what_concerns_the_whole_search_ends_it(make: Make) -> None:
    tuner = make(GridSearch, build_tiny, objective="val_loss", n_jobs=2, lane="fit")
    with pytest.raises(ObjectiveError, match="validation_data"):
        tuner.search(**fit_arguments(validation_data=None))


class EndsAll(keras.callbacks.Callback):  # type: ignore[misc]
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        raise keras_tuner.errors.FatalRuntimeError("for all trials")


@pytest.mark.parametrize("n_jobs", [None, pytest.param(2, marks=pytest.mark.slow)])
def test_what_a_callback_in_a_stack_says_of_the_whole_search_ends_it(
    make: Make, n_jobs: int | None
) -> None:
    tuner = make(GridSearch, build_tiny, n_jobs=n_jobs, lane="stacked")
    with pytest.raises(keras_tuner.errors.FatalRuntimeError, match="for all trials"):
        tuner.search(**fit_arguments(callbacks=[EndsAll()]))
    assert set(statuses(tuner)) == {"RUNNING"}
    tuner = make(GridSearch, build_tiny, n_jobs=n_jobs, lane="stacked")
    tuner.search(**fit_arguments())
    assert statuses(tuner) == ["COMPLETED"] * 4
    assert not any(trial.message for trial in tuner.oracle.trials.values())


def test_what_cannot_be_sent_is_named(make: Make) -> None:
    tuner = make(GridSearch, build_tiny, n_jobs=2, lane="fit")
    with pytest.raises(SearchError, match=r"args\[0\] is a generator.*n_jobs=1"):
        tuner.search((i for i in range(3)), epochs=1)


@pytest.mark.parametrize("n_jobs", [0, True, 1.5])
def test_a_number_of_processes_is_a_whole_number(make: Make, n_jobs: Any) -> None:
    with pytest.raises(ValueError, match="n_jobs"):
        make(GridSearch, build_tiny, n_jobs=n_jobs).search(**fit_arguments())


def test_an_interrupted_search_goes_on(make: Make) -> None:
    def stop(progress: Any) -> None:
        raise KeyboardInterrupt

    first = make(GridSearch, build_tiny, n_jobs=2, lane="fit", progress=stop)
    with pytest.raises(KeyboardInterrupt):
        first.search(**fit_arguments())
    tuner = make(GridSearch, build_tiny, n_jobs=2, lane="fit")
    tuner.search(**fit_arguments())
    assert statuses(tuner) == ["COMPLETED"] * 4
    assert len(tuner.trials().runs) == 4


@pytest.mark.slow  # test_stacked_search.py asks the same of one process.
def test_runs_of_other_code_are_not_taken_over(make: Make, path: Path) -> None:
    def stop(progress: Any) -> None:
        raise KeyboardInterrupt

    first = make(GridSearch, build_tiny, n_jobs=2, lane="stacked", progress=stop)
    with pytest.raises(KeyboardInterrupt):
        first.search(**fit_arguments())
    for folder in (path / store.STACKS_FOLDER).iterdir():
        for handed in read_runs(folder):
            handed.execution.epochs = [{"loss": -1.0, "val_loss": -1.0}]
            handed.fits = "other code"
            write_run(folder, handed)
    tuner = make(GridSearch, build_tiny, n_jobs=2, lane="stacked")
    tuner.search(**fit_arguments())
    assert statuses(tuner) == ["COMPLETED"] * 4
    assert min(score for *_, score in ranked(tuner)) > 0
