"""Folds of a cross-validation are runs of one trial."""

from pathlib import Path

import pytest

from auditor.readers import read
from auditor.readers.folds import folds
from auditor.trials import Run


@pytest.mark.parametrize(
    ("names", "joined"),
    [
        (["fold_1", "fold_2"], ["fold_*", "fold_*"]),
        (["a/fold1", "a/fold2", "b/fold1", "b/fold2"], ["a/fold*"] * 2 + ["b/fold*"] * 2),
        (["cv#Fold 1", "cv#Fold 2"], ["cv#Fold *"] * 2),
        (["5-fold-1", "5-fold-2"], ["5-fold-*"] * 2),
        (["fold_1/fold_1", "fold_2/fold_2"], ["fold_*/fold_*"] * 2),
        (["fold_1", "a"], [None, None]),  # nothing beside it
        (["scaffold_1", "scaffold_2"], [None, None]),
        (["fold_1", "fold_01"], [None, None]),  # twice the same
        (["fold_1/fold_2", "fold_1/fold_3"], [None, None]),  # of which, is not clear
    ],
)
def test_names_that_differ_in_the_fold_are_one_trial(
    names: list[str], joined: list[str | None]
) -> None:
    runs = [Run(name) for name in names]
    found = folds(runs, {name: {} for name in names})
    assert [found[run].trial_id if run in found else None for run in runs] == joined


def test_folds_count_from_the_first() -> None:
    runs = [Run("fold_3"), Run("fold_1")]
    assert [run.fold for run in folds(runs, {"fold_3": {}, "fold_1": {}}).values()] == [2, 0]


def test_folds_with_other_hyperparameters_are_trials() -> None:
    assert not folds([Run("fold_1"), Run("fold_2")], {"fold_1": {"lr": 1}, "fold_2": {"lr": 2}})


def test_files_of_folds_do_not_compete(tmp_path: Path) -> None:
    for lr in ("0.1", "0.01"):
        for fold in (1, 2, 3):
            folder = tmp_path / f"lr_{lr}" / f"fold_{fold}"
            folder.mkdir(parents=True)
            (folder / "log.csv").write_text(f"epoch,loss,val_loss\n0,1,{fold}\n1,x,2\n")
    trials = read(tmp_path)
    assert trials.hyperparameters == {"lr_0.01/fold_*": {"lr": 0.01}, "lr_0.1/fold_*": {"lr": 0.1}}
    assert trials.curve(Run("lr_0.1/fold_*", 0, 2), "val_loss").values.tolist() == [3, 2]
    assert {problem.trial_id for problem in trials.provenance.problems} == set(trials.runs_of)
