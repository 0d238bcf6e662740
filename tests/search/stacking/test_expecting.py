"""Runs of an earlier plan: what they come to when they are examined at last."""

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from auditor.search.folds import Fold
from auditor.search.recorder import Execution
from auditor.search.stacking.expecting import expected
from auditor.search.structure import NotShareable
from tests.search.stacking.test_candidates import compiled, examiner

VALUES = {"rate": (0.1, 0.2), "activation": ("relu", "tanh")}


def build(hp: Any) -> Any:
    if hp.units is None:
        raise ZeroDivisionError
    layers = keras.layers.Dropout(hp.rate), keras.layers.Dense(hp.units, hp.activation)
    return compiled(*layers, optimizer=keras.optimizers.SGD(hp.lr, momentum=hp.momentum))


def trial(name: str, **values: Any) -> Any:
    known = {"rate": 0.1, "units": 2, "activation": "relu", "lr": 0.1, "momentum": 0.9}
    return SimpleNamespace(trial_id=name, hyperparameters=SimpleNamespace(**known | values))


def examining(**more: Any) -> Any:
    found = examiner(runs=2, **more)
    found.build = build
    found.begin = lambda trial, place: Execution(place, 7 + place + int(trial.trial_id), "")
    return found


def lifted(like: Any) -> Any:
    """What a stack lifts that such a run is in: not the momentum."""
    return [(slot, VALUES[slot.name]) for slot in like.runs[0].held if slot.name in VALUES]


def test_a_run_comes_to_what_it_would_have_come_to_at_once() -> None:
    one, other = trial("0"), trial("1", rate=0.2, activation="tanh", lr=0.5)
    found = examining(callbacks=lambda trial, run: [keras.callbacks.EarlyStopping(patience=2)])
    like, whole = found.examine(one), found.examine(other)
    late = expected(found, other, like, lifted(like))
    for run, its, first in zip(late.runs, whole.runs, like.runs, strict=True):
        assert not run.weights
        run.get_ready()
        assert run.refused is None
        for mine, theirs in zip(run.weights, its.weights, strict=True):
            np.testing.assert_array_equal(mine, theirs)
        assert (run.held, run.learning_rate, run.id) == (its.held, its.learning_rate, its.id)
        assert run.execution.build_config == its.execution.build_config
        assert run.call.key == its.call.key
        assert run.call.callbacks[0] is not first.call.callbacks[0]
    assert (late.signature, late.model) == (whole.signature, like.model)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"units": 3}, "gives another one"),
        ({"rate": 0.3}, "gives another one"),
        ({"momentum": 0.8}, "gives another one"),
        ({"units": None}, "cannot be built: ZeroDivisionError"),
    ],
)
def test_code_that_was_changed_leaves_its_run_to_the_fit_lane(values: Any, reason: str) -> None:
    found = examining()
    like = found.examine(trial("0"))
    run = expected(found, trial("1", **values), like, lifted(like)).runs[0]
    run.get_ready()
    assert reason in str(run.refused)


def test_a_fold_has_its_own_rows() -> None:
    halves = np.arange(12), np.arange(12, 24)
    folds = Fold(*halves), Fold(*reversed(halves))
    found = examining(folds=folds)
    found.begin = lambda trial, place: Execution(0, 7 + place, "", place)
    like = found.examine(trial("0"))
    late = expected(found, trial("1"), like, lifted(like))
    for run, fold in zip(late.runs, folds, strict=True):
        np.testing.assert_array_equal(run.train_rows, fold.train)
        np.testing.assert_array_equal(run.validation_rows, fold.validation)


def test_callbacks_are_looked_at_before_it_is_planned() -> None:
    class Batches(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None: ...

    given: list[Any] = []
    found = examining(callbacks=lambda trial, run: given)
    like = found.examine(trial("0"))
    given.append(Batches())
    with pytest.raises(NotShareable):
        expected(found, trial("1"), like, lifted(like))
