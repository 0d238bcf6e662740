"""What the training of a sweep was spent on."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from auditor.diagnosis.spending import Spending, find_spending, repeated
from auditor.outcomes import judge
from auditor.scoring import score
from auditor.trials import Recorded, Run, Trials
from tests.making import sweep

FINE = {epoch: 1.0 / (epoch + 1) for epoch in range(10)}
PEAK = {epoch: 0.2 + abs(epoch - 5) / 20 for epoch in range(10)}
DIES = {**dict.fromkeys(range(4), 0.7), **dict.fromkeys(range(4, 10), math.nan)}


def spent(trials: Trials) -> Spending:
    outcomes = judge(trials)
    found = find_spending(trials, outcomes, score(trials, outcomes, 0.0))
    assert found is not None
    return found


def amounts(trials: Trials) -> Mapping[str, float]:
    return {use: round(part.amount, 6) for use, part in spent(trials).parts.items()}


def of(**curves: Mapping[int, float]) -> Trials:
    return sweep({trial: {"loss": c, "val_loss": c} for trial, c in curves.items()})


def timed(seconds: float | None, by_epoch: float | None = None, **curves: Any) -> Trials:
    series = {trial: {"seconds": [by_epoch] * 10} for trial in curves if by_epoch is not None}
    recorded = {trial: Recorded("completed", seconds=seconds) for trial in curves}
    return sweep(
        {t: {"loss": c, "val_loss": c} for t, c in curves.items()}, "val_loss", recorded, series
    )


def test_epochs_after_the_best_one_and_after_divergence_are_told_apart() -> None:
    found = amounts(of(a=FINE, b=PEAK, c=DIES))
    assert found == {
        "to the best epoch": 10 + 6 + 1,
        "after the best epoch": 4 + 3,
        "after divergence": 6,
    }


def test_time_by_epoch_is_used_where_it_is_known_and_the_rest_is_outside_of_epochs() -> None:
    found = spent(timed(25.0, 2.0, b=PEAK))
    assert found.unit == "s"
    assert {use: part.amount for use, part in found.parts.items()} == {
        "to the best epoch": 12.0,
        "after the best epoch": 8.0,
        "outside epochs": 5.0,
    }
    assert found.spread == 0


def test_a_trifle_outside_of_epochs_is_left_out() -> None:
    assert "outside epochs" not in spent(timed(20.05, 2.0, b=PEAK)).parts
    assert "outside epochs" in spent(timed(20.2, 2.0, b=PEAK)).parts


def test_a_time_of_the_whole_run_is_spread_over_its_epochs() -> None:
    found = spent(timed(20.0, b=PEAK))
    assert found.parts["after the best epoch"].amount == pytest.approx(8.0)
    assert found.spread == 1


def test_one_run_without_a_time_makes_all_count_in_epochs() -> None:
    trials = timed(20.0, a=FINE, b=PEAK)
    recorded = {**trials.recorded, Run("a"): Recorded("completed")}
    found = spent(replace(trials, recorded=recorded))
    assert (found.unit, found.untimed, found.spread) == ("epochs", 1, 0)


def test_repeated_configurations_are_counted_whatever_became_of_them() -> None:
    trials = of(a=FINE, b=DIES, c=FINE)
    same = {"a": {"lr": 1, "n": 2}, "b": {"n": 2, "lr": 1}, "c": {"lr": 1.0, "n": 2}}
    assert repeated(replace(trials, hyperparameters=same)) == {"b"}
    assert amounts(replace(trials, hyperparameters=same))["repeated"] == 10


def test_trials_of_which_nothing_is_known_repeat_nothing() -> None:
    unknown = replace(of(a=FINE, b=FINE), hyperparameters={"a": {}, "b": {}})
    assert repeated(unknown) == frozenset()


def test_the_time_of_a_crash_is_not_lost() -> None:
    trials = of(a=FINE)
    crashed = {"a": {"lr": 1}, "x": {"lr": 2}}
    recorded = {
        Run("a"): Recorded("completed", seconds=5.0),
        Run("x"): Recorded("failed", "no", seconds=2.0),
    }
    found = amounts(replace(trials, hyperparameters=crashed, recorded=recorded))
    assert found == {"to the best epoch": 5.0, "crashed": 2.0}


def test_where_nothing_was_recorded_nothing_is_said() -> None:
    trials = sweep({})
    outcomes = judge(trials)
    assert find_spending(trials, outcomes, score(trials, outcomes, 0.0)) is None
