"""Trials that are no sweep: of unlike problems, or validated on unlike rows."""

import math

import numpy as np
import pytest

from auditor.trials import Trials
from tests.diagnosis.asking import diagnosed, found
from tests.making import Curves, sweep

FALLING = [0.7, 0.6, 0.5, 0.45, 0.42, 0.4, 0.39, 0.38, 0.37, 0.36, 0.35, 0.34]


def codes(trials: Trials) -> list[str]:
    return [finding.code for finding in diagnosed(trials)[0]]


def validated(rows: int, seed: int = 0) -> Curves:
    """A run with accuracies of so many rows."""
    right = np.random.default_rng(seed).integers(0.6 * rows, 0.9 * rows, len(FALLING))
    return {"loss": FALLING, "val_loss": FALLING, "val_accuracy": right / rows}


def test_a_regression_among_classifications_is_an_error() -> None:
    regression = {"val_loss": [30.0, 20.0, 15.0, 14.0], "val_mae": [5.0, 4.0, 3.0, 3.0]}
    trials = sweep({"a": validated(300), "b": validated(300, 1), "c": regression})
    finding = found("AUD023", trials)
    assert (finding.severity, finding.confidence) == ("error", "high")
    assert "2 runs, such as trial a, log an accuracy; trial c logs the error" in finding.sentence


def test_chance_of_ten_classes_is_not_held_against_a_run_of_two() -> None:
    ten = {"val_loss": [math.log(10)] * 8, "val_accuracy": [0.1] * 8}
    two = {"val_loss": [math.log(2)] * 8, "val_accuracy": [0.5] * 8}
    finding = found("AUD023", sweep({"ten": ten, "two": two}))
    assert "trial two starts at guessing among 2 classes" in finding.sentence


@pytest.mark.parametrize(("rows", "speaks"), [(130, True), (300, False), (600, False)])
def test_validation_sets_of_other_sizes_are_seen_by_their_accuracies(
    rows: int, speaks: bool
) -> None:
    trials = sweep({"a": validated(300), "b": validated(300, 1), "c": validated(rows, 2)})
    assert ("AUD023" in codes(trials)) == speaks
    if speaks:
        assert "trial c has 130 of them, trial a 300" in found("AUD023", trials).sentence
