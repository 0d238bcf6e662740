"""What chance alone shows, counted out where it can be."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import fisher_exact

from auditor.attribution import chance
from auditor.attribution.atoms import find_atoms
from auditor.attribution.levels import encode
from auditor.attribution.thresholds import ALPHA
from tests.attribution.planted import grid, sweep


def atoms(values):
    return find_atoms(encode(sweep(values, lambda v: "ok")))


def everywhere(found):
    return np.ones(len(found.met), bool)


def test_p_is_the_share_of_all_dealings_that_show_as_much(monkeypatch):
    monkeypatch.setattr(chance, "PERMUTATIONS", 20_000)
    found = atoms(grid(a=[0, 1], b=[0, 1, 2, 3]))
    rates = np.array([0, 0, 0, 0, 1, 1, 1, 0], float)
    seen = chance.deal(found, rates, everywhere(found))
    best = seen.standing.max()
    dealt = [
        chance.deal(found, np.isin(np.arange(8), some).astype(float), everywhere(found))
        ._replace(handicap=seen.handicap)
        .standing
        for some in combinations(range(8), 3)
    ]
    exact = np.mean([strengths.max() >= best - 1e-9 for strengths in dealt])
    assert seen.p(best) == pytest.approx(exact, abs=0.01)


def test_the_same_sweep_gives_the_same_p():
    found, rates = atoms(grid()), np.arange(72) % 5 / 4
    one, two = (chance.deal(found, rates, everywhere(found)) for _ in range(2))
    np.testing.assert_array_equal(one.largest, two.largest)


def test_no_more_than_the_level_reach_what_is_critical():
    found = atoms(grid())
    seen = chance.deal(found, (np.arange(72) % 7 == 0) * 1.0, everywhere(found))
    reaching = (seen.largest >= seen.critical(ALPHA)).mean()
    assert 0.5 * ALPHA < reaching <= ALPHA
    assert seen.p(seen.critical(ALPHA)) <= ALPHA


def test_counting_those_that_do_not_fail_is_the_same():
    found = atoms(grid())
    few = np.arange(72) % 5 == 0
    rarer = chance.deal(found, few * 1.0, everywhere(found))
    for strengths, rates in ((rarer.observed, few), (None, ~few)):
        seen = chance.deal(found, rates * 1.0, everywhere(found))
        met = found.met
        for i, j, observed in zip(seen.first, seen.second, seen.observed, strict=True):
            inside = met[:, i] & met[:, j]
            k, n = rates[inside].sum(), inside.sum()
            if k >= 3 and n < 72:
                expected = chance.strength(k * 1.0, n * 1.0, rates.sum() * 1.0, 72.0)
                assert observed == pytest.approx(float(expected), abs=1e-6)
        assert strengths is None or len(strengths) == len(seen.observed)


@pytest.mark.parametrize(("k", "n", "failing"), [(8, 8, 8), (13, 36, 13), (3, 3, 20), (10, 24, 12)])
def test_strength_orders_as_fishers_exact_test_does(k, n, failing):
    """Within the half step by which a likelihood ratio exceeds an exact tail."""
    table = [[k, n - k], [failing - k, 72 - n - failing + k]]
    exact = fisher_exact(table, alternative="greater").pvalue
    tail = 0.5 * np.vectorize(math.erfc)(
        chance.strength(k * 1.0, n * 1.0, failing * 1.0, 72.0) / np.sqrt(2)
    )
    assert 0.005 < float(tail) / exact < 1


def test_a_child_is_compared_where_it_exists():
    values = grid(opt=["sgd"], momentum=[0.0, 0.9], x=range(6)) + grid(opt=["adam"], x=range(12))
    found = atoms(values)
    rates = np.array([v.get("momentum") == 0.9 for v in values], float)
    seen = chance.deal(found, rates, everywhere(found))
    child = next(
        i
        for i, c in enumerate(found.conditions)
        if (c.hyperparameter, c.value) == ("momentum", 0.9)
    )
    observed = seen.observed[(seen.first == child) & (seen.second == child)]
    assert observed == pytest.approx(float(chance.strength(6.0, 6.0, 6.0, 12.0)))
