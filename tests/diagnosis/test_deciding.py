"""Whether seeds and the draw of the validation rows leave anything to rank by."""

import math
from typing import Any

import numpy as np
import pytest

from auditor.diagnosis.deciding import CLOSE_TRIALS, MIN_VALIDATION_ROWS
from auditor.trials import Objective, Run, Trials
from tests.diagnosis.asking import diagnosed, evidence, found
from tests.making import sweep

ACCURACY = Objective("val_accuracy", "max")


def seeded(seed: int, between: float, within: float, trials: int = 8, seeds: int = 4) -> Trials:
    """Trials that differ, and seeds of theirs that do, by planted standard deviations."""
    rng = np.random.default_rng(seed)
    curves = {}
    for trial, level in enumerate(0.4 + between * rng.normal(size=trials)):
        for execution in range(seeds):
            best = level + within * rng.normal()
            curves[Run(f"t{trial}", execution)] = {"val_loss": [0.7, best, best], "loss": [0.5] * 3}
    return sweep(curves)


def luck(trials: Trials) -> list[str]:
    return [f.sentence for f in diagnosed(trials)[0] if f.code == "AUD008" and not f.trials]


@pytest.mark.parametrize(
    ("between", "within", "least", "most"),
    [(0.0, 0.02, 17, 20), (0.04, 0.02, 0, 0), (0.02, 0.001, 0, 0)],
)
def test_planted_spread_of_seeds(between: float, within: float, least: int, most: int) -> None:
    told = sum(bool(luck(seeded(seed, between, within))) for seed in range(20))
    assert least <= told <= most


def test_the_spread_of_seeds_is_told_in_numbers() -> None:
    (sentence,) = luck(seeded(0, 0.0, 0.02))
    told = evidence(
        next(f for f in diagnosed(seeded(0, 0.0, 0.02))[0] if f.code == "AUD008" and not f.trials)
    )
    assert sentence.startswith("seeds make more of a difference than hyperparameters: the standard")
    assert "between the 8 trials that learned, so which of them ranks first is luck" in sentence
    assert told["standard deviation between seeds"] == pytest.approx(0.02, rel=0.3)
    assert told["degrees of freedom between seeds"] == 24


@pytest.mark.parametrize(("trials", "seeds"), [(2, 9), (3, 1)])
def test_few_trials_or_seeds_say_nothing(trials: int, seeds: int) -> None:
    assert not luck(seeded(0, 0.0, 0.02, trials, seeds))


def test_folds_are_no_seeds() -> None:
    rng = np.random.default_rng(0)
    folds = {
        Run(f"t{t}", 0, fold): {"val_loss": [0.7, 0.4 + 0.1 * fold + 0.01 * rng.normal()]}
        for t in range(6)
        for fold in range(5)
    }
    assert not luck(sweep(folds))


def test_trials_that_failed_do_not_make_seeds_look_small() -> None:
    trials = seeded(0, 0.0, 0.02)
    worse = {Run("bad", e): {"val_loss": [9.0, 9.0], "loss": [9.0, 9.0]} for e in range(4)}
    curves = {
        run: {m: trials.curve(run, m).values for m in ("loss", "val_loss")} for run in trials.runs
    }
    assert luck(sweep(curves | worse, no_skill_loss=1.0))


def accuracies(values: list[float], **context: Any) -> Trials:
    curves = {
        f"t{i}": {"val_accuracy": [0.5, v], "accuracy": [0.5, v]} for i, v in enumerate(values)
    }
    return sweep(curves, ACCURACY, **context)


def small(trials: Trials) -> list[Any]:
    return [f for f in diagnosed(trials)[0] if f.code == "AUD009"]


def test_the_top_is_not_decided_within_a_standard_error() -> None:
    error = math.sqrt(0.9 * 0.1 / 1000)
    close = [0.9, *(0.9 - error * 0.9 * i / CLOSE_TRIALS for i in range(1, CLOSE_TRIALS + 1))]
    finding = found("AUD009", accuracies([*close, 0.9 - 1.9 * error, 0.5], validation_rows=1000))
    assert finding.sentence == (
        "the best trial is not told from the next ones: on 1000 rows, a val_accuracy of 0.9 has a "
        "standard error of 0.00952, and 3 of the other 5 trials are within one of it, 4 within "
        "two; on the same rows trials compare somewhat better than that"
    )
    assert (finding.severity, finding.confidence) == ("tip", "medium")
    assert not small(accuracies([*close[:-1], 0.9 - 1.1 * error], validation_rows=1000))
    assert not small(accuracies(close, validation_rows=100_000))


def test_percents_are_accuracies_too() -> None:
    assert small(accuracies([90.0, 89.9, 89.8, 89.7], validation_rows=1000))


def test_the_loss_says_nothing_of_its_noise() -> None:
    curves = {f"t{i}": {"val_loss": [0.5], "val_accuracy": [0.9]} for i in range(9)}
    assert not small(sweep(curves, validation_rows=1000))


def test_rows_are_told_from_accuracies() -> None:
    values = [0.9062, 0.9115, 0.8972, 0.9023, 0.8893, 0.9154, 0.8789, 0.9128, 0.9089, 0.8867]
    rounded = [round(round(v * 768) / 768, 4) for v in values]
    assert (
        "on 768 rows, as the steps of val_accuracy tell" in small(accuracies(rounded))[0].sentence
    )
    few = [round(k / 60, 4) for k in (31, 37, 41, 43, 47, 49, 53, 56, 58, 59)]
    assert small(accuracies(few))[0].sentence == (
        "the validation set has 60 rows, as the steps of val_accuracy tell: the standard error of "
        "an accuracy is up to 0.065, so the ranking is mostly chance"
    )


def test_of_a_regression_the_error_is_that_of_a_loss() -> None:
    curves = {f"t{i}": {"val_loss": [0.5], "val_mae": [0.4]} for i in range(3)}
    finding = small(sweep(curves, validation_rows=89, target_variance=1.0))[0]
    assert finding.sentence == (
        "the validation set has 89 rows: the standard error of a mean squared error is about 15 % "
        "of it or more, so the ranking is mostly chance"
    )
    assert "accuracy" not in str(finding.evidence)


def test_few_rows_are_told_from_few_steps() -> None:
    rights = [k / 18 for k in (9, 10, 12, 15, 17, 17, 17, 17)]
    finding = found("AUD009", sweep({"a": {"val_loss": [0.5] * 8, "val_accuracy": rights}}))
    assert "fewer than 100 rows, 18 or a small multiple" in finding.sentence
    assert finding.confidence == "medium"


def test_the_rows_of_all_folds_count() -> None:
    rows = MIN_VALIDATION_ROWS // 4
    folds = {Run("a", 0, fold): {"val_loss": [0.5]} for fold in range(4)}
    assert not small(sweep(folds, validation_rows=rows))
    assert (
        "99 rows in 3 folds"
        in small(
            sweep({Run("a", 0, fold): {"val_loss": [0.5]} for fold in range(3)}, validation_rows=33)
        )[0].sentence
    )
