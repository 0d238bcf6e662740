"""The loss of each validation row, kept where a search is asked for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import auditor
from auditor import GridSearch
from auditor.arrays import to_npy
from auditor.search.recorder import Execution
from auditor.search.row_losses import of_losses
from auditor.search.stacking import sizing
from auditor.trials import Run
from tests.search.helpers import build_two, fit_arguments, tiny_data

X, Y = tiny_data()


def build(hp: Any) -> Any:
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4, hp.Choice("activation", ["tanh", "relu"])),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(1, "sigmoid", kernel_regularizer=keras.regularizers.L2(0.01)),
        ]
    )
    model.compile(keras.optimizers.SGD(0.3), "binary_crossentropy")
    return model


def crossentropy(truth: Any, said: Any) -> Any:
    said = said.reshape(-1).astype(float)
    return -np.log(np.where(truth == 1, said, 1 - said))


@pytest.mark.parametrize("lane", ["stacked", "fit"])
def test_each_run_keeps_the_losses_of_its_best_epoch_in_the_order_of_the_rows(
    lane: str, make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizing, "is_compiled", lambda model, where: False)
    tuner = make(
        GridSearch, build, lane=lane, per_example_losses=True, executions_per_trial=2,
        keep_weights=-1,
    )  # fmt: skip
    tuner.search(**fit_arguments(epochs=3))
    trials = tuner.trials()
    assert set(trials.context.lane.values()) == {lane}
    assert list(trials.context.losses) == list(trials.runs)
    for run, losses in trials.context.losses.items():
        epoch = trials.recorded[run].best_epoch
        recorded = trials.series(run, "unregularised_val_loss").values[epoch]
        assert losses.mean() == pytest.approx(recorded, rel=1e-4)
    best = tuner.oracle.get_best_trials(1)[0]
    said = tuner.load_model(best).predict(X[32:], verbose=0)
    expected = crossentropy(Y[32:], said)
    assert any(
        np.allclose(trials.context.losses[run], expected, rtol=1e-3)
        for run in trials.runs_of[best.trial_id]
    )
    assert auditor.read(tuner.project_dir) == trials
    assert not any("single validation rows" in text for text in trials.provenance.missing)


@pytest.mark.slow
def test_folds_keep_the_losses_of_their_own_rows(make: Callable[..., Any]) -> None:
    tuner = make(GridSearch, build_two, cross_validation=3, per_example_losses=True, lane="fit")
    tuner.search(X, Y, epochs=1, verbose=0)
    losses = tuner.trials().context.losses
    assert [len(row) for row in losses.values()] == [16] * 6
    first, second = (losses[Run("0000", 0, fold)] for fold in (0, 1))
    assert not np.array_equal(first, second)


def test_nobody_who_does_not_ask_gets_them(make: Callable[..., Any], path: Path) -> None:
    tuner = make(GridSearch, build_two)
    tuner.search(**fit_arguments())
    assert not tuner.trials().context.losses
    assert not list(path.glob("*/losses*"))


def test_a_damaged_file_is_a_problem_of_its_trial(make: Callable[..., Any], path: Path) -> None:
    tuner = make(GridSearch, build_two, per_example_losses=True)
    tuner.search(**fit_arguments(epochs=1))
    file = sorted(path.glob("*/losses-0-0.npy"))[0]
    whole = file.read_bytes()
    for damaged in (whole[:-4], b"\x93NUMPY", to_npy(np.ones(15, np.float32)), None):
        file.unlink(missing_ok=True)
        if damaged is not None:
            file.write_bytes(damaged)
        trials = tuner.trials()
        assert len(trials.context.losses) == 1
        [problem] = trials.provenance.problems
        assert problem.file == str(file.relative_to(path))
        assert "no losses of single rows" in problem.message
        assert problem.trial_id == file.parent.name.removeprefix("trial_")


def test_why_there_are_none_is_said(make: Callable[..., Any]) -> None:
    tuner = make(GridSearch, build_two, per_example_losses=True)
    given = fit_arguments(epochs=1)
    held = (*given["validation_data"], np.ones(16))
    tuner.search(**{**given, "validation_data": held})
    trials = tuner.trials()
    assert not trials.context.losses
    text = "2 of the runs have no losses of single validation rows, because the validation rows"
    assert any(text in missing for missing in trials.provenance.missing)


def test_losses_that_are_not_those_of_the_epoch_are_not_kept() -> None:
    execution = Execution(0, 0, "", epochs=[{"val_loss": 0.9}, {"val_loss": 0.5}, {"loss": 1.0}])
    assert of_losses(execution, 1) == {}
    execution.losses = np.array([0.4, 0.6], np.float32)
    assert of_losses(execution, 1) == {"losses": 2}
    assert "0.5, and the val_loss of that epoch 0.9" in of_losses(execution, 0)["why_no_losses"]
    assert "no val_loss" in of_losses(execution, 2)["why_no_losses"]
