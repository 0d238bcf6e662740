"""Runs of a trial: every fold of every execution, each on its part of the data."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

import auditor
from auditor import GridSearch
from auditor.errors import DirectoryError, SearchError
from auditor.search.folds import folds
from auditor.search.runs import arguments_of, run_seed
from auditor.trials import Run, Trials
from tests.search.helpers import build_two, curve, dummy, grid_of, statuses, tiny_data, tiny_model

X, Y = tiny_data()
FOLDS = {"cross_validation": 3}
FIT: dict[str, Any] = {"epochs": 2, "batch_size": 16, "verbose": 0}


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two trials of two executions of three folds."""
    where = tmp_path_factory.mktemp("swept")
    tuner = GridSearch(
        build_two, "val_loss", seed=4, directory=where, project_name="s", executions_per_trial=2,
        gap_penalty=0, cross_validation=3, stratify=True,
    )  # fmt: skip
    tuner.search(X, Y, **FIT)
    return tuner


def test_each_fold_of_each_execution_is_a_run_with_curves_and_a_seed_of_its_own(
    swept: Any,
) -> None:
    trials = swept.trials()
    for trial_id, runs in trials.runs_of.items():
        assert runs == tuple(Run(trial_id, e, f) for e, f in itertools.product((0, 1), (0, 1, 2)))
    assert all(len(trials.curve(run, "val_loss").values) == 2 for run in trials.runs)
    assert len({trials.recorded[run].seed for run in trials.runs}) == 12
    assert len({trials.curve(run, "val_loss").values[0] for run in trials.runs}) == 12


def test_a_sweep_with_folds_is_what_reading_its_directory_yields(
    swept: Any, tmp_path: Path
) -> None:
    trials = swept.trials()
    assert trials == auditor.read(swept.project_dir)
    trials.save(tmp_path / "saved")
    assert Trials.load(tmp_path / "saved") == trials


def test_a_run_of_a_fold_is_an_ordinary_fit_on_that_fold_with_its_seed(swept: Any) -> None:
    trials, made = swept.trials(), folds(Y, 3, 4, stratify=True)
    for run in (Run("0000", 0, 2), Run("0001", 1, 1)):
        keras.utils.set_random_seed(run_seed(4, *run))
        model, fold = tiny_model(lr=trials.hyperparameters[run.trial_id]["lr"]), made[run.fold]
        validation = (X[fold.validation], Y[fold.validation])
        history = model.fit(X[fold.train], Y[fold.train], validation_data=validation, **FIT).history
        for metric in ("loss", "val_loss", "val_accuracy"):
            np.testing.assert_array_equal(trials.curve(run, metric).values, history[metric])


def test_the_score_is_the_mean_over_all_runs_and_the_weights_are_of_the_best_one(
    swept: Any,
) -> None:
    trials, made = swept.trials(), folds(Y, 3, 4, stratify=True)
    for trial, model in zip(swept.oracle.get_best_trials(2), swept.get_best_models(2), strict=True):
        best = {r: trials.curve(r, "val_loss").values.min() for r in trials.runs_of[trial.trial_id]}
        assert trial.score == pytest.approx(np.mean(list(best.values())), rel=1e-12)
        rows = made[min(best, key=lambda run: best[run]).fold].validation
        found = model.evaluate(X[rows], Y[rows], verbose=0, return_dict=True)["loss"]
        assert found == pytest.approx(min(best.values()), rel=1e-5)


def test_label_facts_hold_for_every_fold(swept: Any) -> None:
    context = swept.trials().context
    assert (context.train_rows, context.validation_rows) == (32, 16)
    assert context.label_counts == {"0": int((Y == 0).sum()), "1": int((Y == 1).sum())}
    share = Y.mean()
    entropy = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    assert context.no_skill_loss == pytest.approx(entropy)


def test_label_facts_are_forgotten_where_a_fold_saw_other_labels(make: Callable[..., Any]) -> None:
    class Flips(GridSearch):
        def run_trial(self, trial: Any, x: Any, y: Any, **kwargs: Any) -> Any:
            return super().run_trial(trial, x, 1 - y, **kwargs)

    tuner = make(Flips, build_two, **FOLDS)
    tuner.search(X, Y, **FIT)
    assert tuner.trials().context.no_skill_loss is None


@pytest.mark.parametrize(
    "other",
    [{}, {"cross_validation": 2}, {"cross_validation": 3, "stratify": True}],
    ids=["no_folds", "other_folds", "stratified"],
)
def test_a_sweep_with_other_folds_is_not_resumed(make: Callable[..., Any], other: Any) -> None:
    make(dummy(GridSearch), grid_of(2), **FOLDS).search(X, Y, verbose=0)
    with pytest.raises(DirectoryError, match=r"folds.*choose another `project_name`"):
        make(dummy(GridSearch), grid_of(2), **other)
    make(dummy(GridSearch), grid_of(2), **FOLDS).search(X, Y, verbose=0)


def test_a_sweep_from_before_there_were_folds_has_none(
    make: Callable[..., Any], path: Path
) -> None:
    make(dummy(GridSearch), grid_of(2)).search(X, Y, verbose=0)
    file = path / "sweep.json"
    state = json.loads(file.read_text())
    assert (state.pop("folds"), state.pop("stratify")) == (0, False)
    file.write_text(json.dumps(state))
    with pytest.raises(DirectoryError, match="number of cross-validation folds: 0, now 3"):
        make(dummy(GridSearch), grid_of(2), **FOLDS)
    make(dummy(GridSearch), grid_of(2)).search(X, Y, verbose=0)


def test_a_crash_names_the_fold_and_the_trial_stands_on_the_others(
    make: Callable[..., Any],
) -> None:
    class LastFoldCrashes(GridSearch):
        def _build_and_fit_model(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
            if len(self._executions) == 3:
                raise ZeroDivisionError
            return super()._build_and_fit_model(trial, *args, **kwargs)

    tuner = make(LastFoldCrashes, build_two, **FOLDS)
    tuner.search(X, Y, **FIT)
    assert statuses(tuner) == ["COMPLETED"] * 2
    assert tuner.oracle.trials["0000"].message.startswith("execution 1, fold 3, crashed:\n")
    assert [r.status for r in tuner.trials().recorded.values()][:3] == [
        *("completed", "completed", "failed")
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"x": X, "y": Y, "validation_split": 0.2}, "neither validation_data nor"),
        ({"x": X, "y": Y, "validation_data": (X, Y)}, "neither validation_data nor"),
        ({"x": X}, "got no y; pass both as arrays"),
        ({"x": iter([X]), "y": Y}, "cannot split the data: .*got list_iterator"),
        ({"x": X, "y": Y[:9]}, r"same number of rows are needed, got \[9, 48\]"),
        ({"x": X[:2], "y": Y[:2]}, "3 folds of 2 rows"),
    ],
    ids=["split", "validation", "no_labels", "no_arrays", "lengths", "few_rows"],
)
def test_data_that_cannot_be_split_are_refused_before_any_trial(
    make: Callable[..., Any], data: dict[str, Any], message: str
) -> None:
    tuner = make(dummy(GridSearch), grid_of(2), **FOLDS)
    with pytest.raises(SearchError, match=message):
        tuner.search(**data, verbose=0)
    assert not tuner.ran


@pytest.mark.parametrize(
    "given",
    [{"cross_validation": 1}, {"cross_validation": -2}, {"cross_validation": True},
     {"cross_validation": 2.5}, {"stratify": True}],
    ids=str,
)  # fmt: skip
def test_a_number_of_folds_that_is_none_is_refused(make: Callable[..., Any], given: Any) -> None:
    with pytest.raises(ValueError, match="cross_validation"):
        make(GridSearch, grid_of(2), **given)


def test_all_that_has_rows_is_split_and_stays_where_it_was_given() -> None:
    (fold, *_) = folds(Y, 3, 0)
    x = {"a": X, "b": pd.DataFrame(X)}
    args, kwargs = arguments_of(fold, (x, Y, 16), {"sample_weight": Y + 1, "epochs": 2})
    assert args[2] == 16
    np.testing.assert_array_equal(args[0]["b"].to_numpy(), X[fold.train])
    np.testing.assert_array_equal(args[1], Y[fold.train])
    assert set(kwargs) == {"sample_weight", "epochs", "validation_data"}
    np.testing.assert_array_equal(kwargs["sample_weight"], Y[fold.train] + 1)
    validation = kwargs["validation_data"]
    np.testing.assert_array_equal(validation[0]["a"], X[fold.validation])
    np.testing.assert_array_equal(validation[2], Y[fold.validation] + 1)


def test_an_overridden_run_trial_may_return_one_result_per_fold(make: Callable[..., Any]) -> None:
    tuner = make(dummy(GridSearch, lambda values: [curve(0.5)] * 3), grid_of(1), **FOLDS)
    tuner.search(X, Y, verbose=0)
    assert tuner.trials().runs == tuple(Run("0000", 0, fold) for fold in range(3))
