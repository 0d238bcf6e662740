"""What test data showed of the winner, beside validation."""

import pytest

from auditor.trials import Recorded, Run, RunOnTest, WinnerOnTest


def test_differences_from_validation_are_means_over_the_runs_that_were_evaluated() -> None:
    recorded = {
        Run("a"): Recorded(metrics={"val_loss": 0.4, "loss": 0.1, "val_accuracy": 0.9}),
        Run("a", 1): Recorded(metrics={"val_loss": 0.6}),
        Run("a", 2): Recorded(metrics={"val_loss": 99.0}),
    }
    runs = (
        RunOnTest(0, 0, {"loss": 0.5, "accuracy": 0.8, "auc": 0.7}),
        RunOnTest(1, 0, {"loss": 0.9, "accuracy": 0.8}),
    )
    found = WinnerOnTest("a", 10, {"loss": 0.7, "accuracy": 0.8}, {}, runs)
    # "val_accuracy" is not known of both, "val_auc" of neither.
    assert found.minus_validation(recorded) == {"loss": pytest.approx(0.2)}
    assert found.minus_validation({}) == {}
