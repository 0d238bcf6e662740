"""Differences between parts: exact where nothing is noisy, covered by intervals where it is."""

import numpy as np
import pytest
from scipy.stats import t as student

from auditor.contrasts import (
    MIN_PAIRS,
    MIN_TRIALS,
    Contrast,
    Differences,
    adjusted,
    find_sets,
    matched,
)

ONE = [Contrast(0, 1, 0)]


def grid(*levels: int) -> np.ndarray:
    return np.indices(levels).reshape(len(levels), -1).T


def covers(found: Differences, truth: float) -> bool:
    half = student.ppf(0.975, found.freedom[0]) * found.error[0]
    return bool(abs(found.effect[0] - truth) <= half)


def test_sets_hold_trials_that_are_equal_but_for_one_factor() -> None:
    parts = np.random.default_rng(0).integers(-1, 3, size=(60, 4))
    for factor, found in enumerate(find_sets(parts).T):
        rest = np.delete(parts, factor, axis=1)
        same = (rest[:, None] == rest).all(axis=2)
        assert (same == (found[:, None] == found)).all()


def test_matched_pairs_cancel_everything_else() -> None:
    parts = grid(2, 3, 4)
    values = 0.1 * parts[:, 0] + np.exp(parts[:, 1]) * parts[:, 2]
    found = matched(parts, find_sets(parts), values, ONE)
    assert found.effect[0] == pytest.approx(0.1)
    assert found.error[0] == pytest.approx(0, abs=1e-12)
    assert (found.freedom[0], found.size[0]) == (11, 12)


def test_a_pair_needs_both_trials() -> None:
    parts = grid(2, MIN_PAIRS + 1)
    values = parts[:, 0] * 1.0
    holes = np.arange(len(parts)) != 3
    several = matched(parts[holes], find_sets(parts)[holes], values[holes], ONE)
    assert several.size[0] == MIN_PAIRS
    holes[4] = False
    assert np.isnan(matched(parts[holes], find_sets(parts)[holes], values[holes], ONE).effect[0])


def test_trials_of_one_configuration_count_once() -> None:
    parts = np.repeat(grid(2, 8), 3, axis=0)
    values = parts[:, 0] + np.random.default_rng(0).normal(size=len(parts))
    assert matched(parts, find_sets(parts), values, ONE).size[0] == 8


def test_a_part_that_no_trial_is_in_shows_nothing() -> None:
    parts = grid(1, 8)
    assert np.isnan(matched(parts, find_sets(parts), np.ones(8), ONE).effect[0])


def test_a_model_holds_other_factors_equal() -> None:
    random = np.random.default_rng(0)
    other = random.integers(3, size=200)
    # A bystander that follows what matters.
    parts = np.stack([(other + random.integers(2, size=200)) // 2, other], axis=1)
    found = adjusted(parts, 1.0 * other, ONE)
    assert found.effect[0] == pytest.approx(0, abs=1e-9)
    alone = adjusted(parts[:, :1], 1.0 * other, ONE)
    assert alone.effect[0] > 0.5


def test_a_curve_through_a_wide_part_holds_more_equal_than_its_parts() -> None:
    random = np.random.default_rng(0)
    rate = random.uniform(-1, 1, 600)
    follows = np.where(random.uniform(size=600) < 0.8, rate, random.uniform(-1, 1, 600))
    values = np.stack([follows, rate], axis=1)
    parts = np.digitize(values, [-1 / 3, 1 / 3])
    ends = [Contrast(0, 2, 0)]
    by_parts = adjusted(parts, rate**2 + rate, ends)
    by_curves = adjusted(parts, rate**2 + rate, ends, values)
    assert by_parts.effect[0] > 0.04
    assert by_curves.effect[0] == pytest.approx(0, abs=1e-6)
    with_gaps = np.where(random.uniform(size=values.shape) < 0.1, np.nan, values)
    assert np.isfinite(adjusted(parts, rate**2 + rate, ends, with_gaps).effect[0])


def test_what_may_follow_another_is_silent_where_there_are_too_few_trials_for_the_curves() -> None:
    places = np.linspace(-1, 1, 15)
    values = np.stack([np.random.default_rng(0).permutation(places), places], axis=1)
    parts = np.digitize(values, [-1 / 3, 1 / 3])
    ends = [Contrast(1, 2, 0)]
    assert np.isfinite(adjusted(parts, places, ends).effect[0])
    assert np.isnan(adjusted(parts, places, ends, values).effect[0])


def test_factors_that_always_change_together_are_not_told_apart() -> None:
    parts = np.random.default_rng(0).integers(2, size=(60, 1)).repeat(2, axis=1)
    values = np.random.default_rng(1).normal(size=60)
    assert np.isnan(adjusted(parts, values, ONE).effect[0])
    assert np.isfinite(adjusted(parts[:, :1], values, ONE).effect[0])


def test_too_few_trials_on_one_side_show_nothing() -> None:
    parts = np.zeros((40, 1), np.intp)
    parts[: MIN_TRIALS - 1] = 1
    values = np.random.default_rng(0).normal(size=40)
    assert np.isnan(adjusted(parts, values, ONE).effect[0])
    parts[:MIN_TRIALS] = 1
    assert np.isfinite(adjusted(parts, values, ONE).effect[0])


def test_more_factors_than_trials_are_compared_one_by_one() -> None:
    random = np.random.default_rng(0)
    parts = random.integers(3, size=(20, 12))
    values = random.normal(size=20) + 5 * parts[:, 0]
    found = adjusted(parts, values, [Contrast(0, 2, 0), Contrast(11, 1, 0)])
    assert found.effect[0] == pytest.approx(10, abs=2)


@pytest.mark.parametrize(
    ("draw", "unequal", "least"),
    [
        ("normal", 1.0, 0.93),
        ("normal", 4.0, 0.93),
        ("exponential", 1.0, 0.93),
        # Skewed on one side only, of 27 trials: no interval around a mean holds quite.
        ("exponential", 4.0, 0.91),
    ],
)
def test_intervals_cover_the_truth_in_random_designs(
    draw: str, unequal: float, least: float
) -> None:
    covered = 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        parts = random.integers(3, size=(80, 4))
        noise = getattr(random, draw)(size=80) * np.where(parts[:, 0] == 1, unequal, 1.0)
        noise -= (draw == "exponential") * np.where(parts[:, 0] == 1, unequal, 1.0)
        values = 0.3 * (parts[:, 0] == 1) + noise + parts[:, 1]
        covered += covers(adjusted(parts, values, ONE), 0.3)
    assert covered >= least * 400


@pytest.mark.parametrize("draw", ["normal", "exponential"])
def test_intervals_cover_the_truth_in_matched_pairs(draw: str) -> None:
    parts = grid(2, 3, 4)
    truth = 0.3 * parts[:, 0] + parts[:, 1] * parts[:, 2]
    covered = 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        runs = getattr(random, draw)(size=(2, len(parts)))
        covered += covers(matched(parts, find_sets(parts), truth + runs.mean(axis=0), ONE), 0.3)
    assert covered >= 0.93 * 400


def test_a_part_that_no_trial_has_shows_nothing() -> None:
    parts = grid(2, 8)
    found = matched(parts, find_sets(parts), parts[:, 0] * 1.0, [*ONE, Contrast(0, 2, 0)])
    assert found.effect[0] == 1.0
    assert np.isnan(found.effect[1])
