"""The luck in picking the best of many, held against planted truth."""

import math
from typing import Any

import numpy as np
import pytest

from auditor.auditing import audit
from auditor.outcomes import judge
from auditor.report.words.selection import selection
from auditor.scoring import score
from auditor.selection import Selection, could_be_best, expected_luck, measure
from auditor.trials import Objective, Run, Trials
from tests.making import sweep


def made(
    values: Any, objective: str = "val_loss", direction: Any = "min", folds: bool = False
) -> Trials:
    """Trials by seeds; a run of a trial ends at each value."""
    curves = {}
    for trial, row in enumerate(values):
        for seed, end in enumerate(row):
            run = Run(f"{trial:02d}", 0, seed) if folds else Run(f"{trial:02d}", seed)
            line = [end + step if direction == "min" else end - step for step in (0.3, 0.2, 0.1, 0)]
            curves[run] = {objective: line, objective.removeprefix("val_"): line}
    return sweep(curves, Objective(objective, direction))


def measured(trials: Trials) -> Selection:
    outcomes = judge(trials)
    found = measure(trials, outcomes, score(trials, outcomes))
    assert found is not None
    return found


@pytest.mark.parametrize(("trials", "luck"), [(1, 0), (2, 1 / math.sqrt(math.pi)), (100, 2.50759)])
def test_the_luck_of_the_best_of_many(trials: int, luck: float) -> None:
    assert expected_luck(trials) == pytest.approx(luck, abs=1e-4)


@pytest.mark.parametrize("values", [[[0.5], [0.4], [0.3]], [[0.5, 0.4], [0.3]]])
def test_one_run_of_a_trial_gives_no_number(values: Any) -> None:
    found = measured(made(values))
    assert (found.noise, found.optimism, found.could_be_best) == (None, None, ())


def test_the_spread_of_folds_is_not_the_noise() -> None:
    trials = made([[0.5, 0.4], [0.3, 0.4]], folds=True)
    assert measured(trials).noise is None
    told = selection(audit(trials))
    assert told is not None
    assert "Folds differ" in told.paragraphs[1]


def test_a_single_trial_was_not_picked() -> None:
    trials = made([[0.5, 0.4]])
    outcomes = judge(trials)
    assert measure(trials, outcomes, score(trials, outcomes)) is None


@pytest.mark.parametrize(("objective", "direction"), [("val_loss", "min"), ("val_accuracy", "max")])
def test_clear_and_unclear_winners(objective: str, direction: Any) -> None:
    sign = 1 if direction == "min" else -1
    near = np.array([[0.40, 0.42], [0.41, 0.43], [0.60, 0.62]])
    far = near - np.array([[0.1], [0], [0]])
    tied = measured(made(0.7 + sign * (near - 0.5), objective, direction))
    assert tied.could_be_best == ("00", "01")
    assert tied.noise == pytest.approx(0.02 / math.sqrt(2))
    assert tied.optimism == pytest.approx(0.01 * expected_luck(3))
    assert measured(made(0.7 + sign * (far - 0.5), objective, direction)).could_be_best == ("00",)


@pytest.mark.parametrize(("trials", "seeds"), [(5, 2), (24, 3)])
def test_the_best_is_among_those_that_could_be_it_in_95_of_100_sweeps(
    trials: int, seeds: int
) -> None:
    rng, kept, sweeps = np.random.default_rng(1), 0, 300
    for _ in range(sweeps):
        values = rng.normal(size=(seeds, trials))
        error = math.sqrt(values.var(axis=0, ddof=1).mean() / seeds)
        kept += could_be_best(values.mean(axis=0), error, trials * (seeds - 1))[0]
    assert kept / sweeps >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / sweeps)
    assert kept < sweeps, "it tells nothing apart"


def test_the_report_tells_the_luck() -> None:
    told = selection(audit(made([[0.40, 0.42], [0.41, 0.43], [0.60, 0.62]])))
    assert told is not None
    assert "Trial 00 cannot be told from 1 other with 95 % confidence: 01." in told.paragraphs[1]
    assert told.notes
    unknown = selection(audit(made([[0.4], [0.5]])))
    assert unknown is not None
    assert "no number is given" in unknown.paragraphs[1]
    assert "0.56 standard deviations" in unknown.paragraphs[0]
