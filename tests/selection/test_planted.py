"""The luck of a search against planted truth: few sweeps here, many in bench_selection.py."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from auditor.selection.executions import execution_luck
from auditor.selection.picking import Field
from auditor.selection.records import Luck
from auditor.selection.rows import Setting, row_luck, without_noise
from auditor.selection.sets import from_executions, paired
from auditor.selection.shrinking import expected_luck, shrink
from auditor.selection.splits import overfitting_probability
from auditor.trials import Run

PARTS, TRIALS, EPOCHS = 16, 24, 6

DESIGNS: dict[str, Callable[[np.random.Generator], Any]] = {
    "full null": lambda rng: np.zeros(TRIALS),
    "spread": lambda rng: rng.normal(0, 1, TRIALS),
    "many bad": lambda rng: rng.normal(0, 0.5, TRIALS) + 30 * (rng.random(TRIALS) < 0.5),
}


def field(losses: Any) -> Field:
    """Of losses (part, trial, epoch); trial i is called "i", and has one run."""
    means = losses.mean(axis=0)
    order = means.argsort(axis=1)
    deviations = (losses - means).transpose(1, 2, 0)
    deviations = np.take_along_axis(deviations, order[:, :, None], axis=1).astype(np.float32)
    means = np.take_along_axis(means, order, axis=1)
    best = means[:, 0].argsort()
    return Field(
        tuple(map(str, best)),
        tuple(Run(str(i)) for i in best),
        np.arange(len(best)),
        np.zeros(len(best), int),
        means[best],
        np.zeros_like(means),
        np.ones_like(means),
        deviations[best],
    )


def drawn(rng: np.random.Generator, effects: Any) -> tuple[Any, Any, float]:
    """Losses by part, the true ones, and what all trials owe to the rows; noise is 1 / 4."""
    truth = effects[:, None] / 4 + rng.normal(0, 0.05, (TRIALS, EPOCHS))
    shared = rng.normal(0, 2, (PARTS, 1, 1))
    own = rng.normal(0, 1, (PARTS, TRIALS, 1)) + rng.normal(0, 0.5, (PARTS, TRIALS, EPOCHS))
    return truth + shared + own, truth, float(shared.mean())


def of(losses: Any) -> Luck:
    made = field(losses)
    return row_luck(made, Setting(float(made.objective[0, 0]), 1, TRIALS, 160))


@pytest.mark.parametrize("design", DESIGNS)
def test_corrected_estimates_are_within_a_third_of_the_bias_and_sets_hold_the_best(
    design: str,
) -> None:
    rng = np.random.default_rng(5)
    biases, told, kept, halves = [], [], [], []
    for _ in range(40):
        losses, truth, shared = drawn(rng, DESIGNS[design](rng))
        seen = losses.mean(axis=0)
        chosen = truth[np.arange(TRIALS), seen.argmin(axis=1)]
        winner = int(seen.min(axis=1).argmin())
        luck = of(losses)
        biases.append(chosen[winner] - seen[winner].min() + shared)
        told.append(luck.optimism.value)
        kept.append(str(chosen.argmin()) in luck.could_be_best)
        halves.append(luck.overfitting_probability)
    assert abs(np.mean(biases) - np.mean(told)) <= np.mean(biases) / 3
    assert np.mean(kept) >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / 40)
    if design == "full null":
        assert np.mean(halves) == pytest.approx(0.5, abs=0.1)
    else:
        assert np.mean(halves) < 0.4


def test_without_the_second_step_equal_trials_keep_a_quarter_of_the_bias() -> None:
    once, twice = 1 / math.sqrt(2), 1 / math.sqrt(3)
    assert without_noise(once, twice) == pytest.approx(1)
    assert without_noise(once, once) == once
    assert without_noise(-0.1, 0.1) == -0.1
    assert without_noise(1.0, 0.1) == pytest.approx(2), "not much further than equal trials"


@pytest.mark.parametrize("trials", [12, 72])
def test_sets_hold_the_best_of_equal_trials(trials: int) -> None:
    rng, sweeps = np.random.default_rng(1), 300
    by_parts, by_executions, sizes = 0, 0, 0
    for _ in range(sweeps):
        units = rng.normal(size=(PARTS, trials)) + rng.normal(size=(PARTS, 1))
        means = units.mean(axis=0)
        by_parts += bool(paired(means, units - means, PARTS - 1, trials).kept[0])
        values = rng.normal(size=(3, trials))
        error = math.sqrt(values.var(axis=0, ddof=1).mean() / 3)
        found = from_executions(values.mean(axis=0), error, 2 * trials)
        by_executions += bool(found.kept[0])
        sizes += int(found.kept.sum())
    least = 0.95 - 2 * math.sqrt(0.95 * 0.05 / sweeps)
    assert by_parts / sweeps >= least
    assert least <= by_executions / sweeps
    assert sizes < sweeps * trials, "it tells nothing apart"


def test_a_trial_that_is_worse_on_every_part_is_out_and_a_twin_is_not() -> None:
    units = np.random.default_rng(0).normal(size=(PARTS, 1)) + np.zeros((1, 3))
    values = np.array([0.5, 0.5, 0.6])
    found = paired(values, units, PARTS - 1, 3)
    assert found.kept.tolist() == [True, True, False]
    assert found.regret == 0


def test_shrinking_draws_equal_ones_together_and_leaves_a_far_one_alone() -> None:
    rng = np.random.default_rng(2)
    equal = rng.normal(size=60)
    assert np.ptp(shrink(equal, 1.0).expected) < 0.5 * np.ptp(equal)
    far = shrink(np.append(equal, -12.0), 1.0).expected
    assert far[-1] == pytest.approx(-12, abs=0.2)
    assert shrink(equal, 0.0).expected == pytest.approx(equal)
    assert shrink(np.zeros(3), 1.0).expected.tolist() == [0, 0, 0]
    drawn = shrink(equal, 1.0).drawn(2000, rng)
    assert drawn.mean(axis=0) == pytest.approx(shrink(equal, 1.0).expected, abs=0.1)


def test_the_winner_of_executions_falls_back_by_its_luck() -> None:
    rng, biases, told, holds = np.random.default_rng(3), [], [], 0
    for _ in range(60):
        seen = rng.normal(size=(3, 24))
        means = seen.mean(axis=0)
        scores = {
            f"{i:02d}": {Run(f"{i:02d}", k): seen[k, i] for k in range(3)} for i in means.argsort()
        }
        luck = execution_luck(scores, float(means.min()), 1)
        assert luck is not None
        assert luck.optimism.interval is not None
        biases.append(-means.min())
        told.append(luck.optimism.value)
        holds += luck.optimism.interval[0] <= -means.min() <= luck.optimism.interval[1]
    assert abs(np.mean(biases) - np.mean(told)) <= np.mean(biases) / 3
    assert holds >= 54


def test_a_trial_with_more_executions_owes_less_to_luck() -> None:
    errors = np.array([1.0, *[0.2] * 20])
    values = np.append(-1.0, np.random.default_rng(0).normal(0, 0.2, 20))
    assert shrink(values, errors).expected[0] > -0.3
    assert shrink(values, 0.2).expected[0] < -0.9


def test_the_winner_of_unequal_numbers_of_executions_falls_back_by_its_own_luck() -> None:
    rng, biases, told = np.random.default_rng(5), [], []
    for _ in range(150):
        truth = rng.normal(0, 0.7, 12)
        seen = [rng.normal(true, 1, rng.integers(2, 6)) for true in truth]
        order = np.argsort([own.mean() for own in seen])
        scores = {str(i): {Run(str(i), k): x for k, x in enumerate(seen[i])} for i in order}
        winner = order[0]
        luck = execution_luck(scores, float(seen[winner].mean()), 1)
        assert luck is not None
        biases.append(truth[winner] - seen[winner].mean())
        told.append(luck.optimism.value)
    assert abs(np.mean(biases) - np.mean(told)) <= np.mean(biases) / 3


@pytest.mark.parametrize(("trials", "luck"), [(1, 0), (2, 1 / math.sqrt(math.pi)), (100, 2.50759)])
def test_the_luck_of_the_best_of_many(trials: int, luck: float) -> None:
    assert expected_luck(trials) == pytest.approx(luck, abs=1e-4)


def test_splits_need_not_be_of_an_even_number_of_parts() -> None:
    rng = np.random.default_rng(0)
    losses = rng.normal(size=(7, 5, 2))
    losses[:, 0] -= 50
    assert overfitting_probability(field(losses), 5) == 0
