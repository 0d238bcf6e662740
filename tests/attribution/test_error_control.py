"""How often something is named that is not there, or missed that is: by simulation."""

import numpy as np
import pytest

from tests.attribution.planted import diverging, explain, grid, named, random_configurations, sweep

PAIR = "lr == 1.0 & activation == sigmoid"


def pair(v):
    return v["lr"] == 1.0 and v["activation"] == "sigmoid"


@pytest.mark.parametrize(
    ("values", "sampler", "sweeps"),
    [
        (grid(), "grid", 30),
        pytest.param(grid(), "grid", 201, marks=pytest.mark.slow),
        pytest.param(random_configurations(72, seed=1), "random", 201, marks=pytest.mark.slow),
    ],
    ids=["few grids", "grids", "random searches"],
)
def test_failures_by_chance_are_rarely_explained(values, sampler, sweeps):
    random = np.random.default_rng(0)
    rates = [0.02, 0.1, 0.3] * (sweeps // 3)
    false = [
        bool(diverging(lambda v, rate=rate: random.uniform() < rate, values, sampler).causes)
        for rate in rates
    ]
    assert np.mean(false) <= 0.1


@pytest.mark.slow
def test_outcomes_share_the_probability_of_a_false_claim():
    random = np.random.default_rng(2)
    ends = ["overfit", "never learned", "diverged", *["ok"] * 6]
    false = [
        bool(explain(sweep(grid(), lambda v: str(random.choice(ends)))).causes) for _ in range(100)
    ]
    assert np.mean(false) <= 0.09


def test_a_bystander_of_a_graded_cause_is_rarely_named():
    rates = {0.01: 0.1, 0.1: 0.4, 1.0: 0.8}
    random = np.random.default_rng(5)
    sweeps = [named(diverging(lambda v: random.uniform() < rates[v["lr"]])) for _ in range(40)]
    assert sum(any("&" in name for name in names) for names in sweeps) <= 4
    assert sum(bool(names) for names in sweeps) >= 36


@pytest.mark.parametrize("flipped", [0.05, 0.1])
def test_a_pair_is_found_under_noise(flipped):
    random = np.random.default_rng(7)
    sweeps = [
        named(diverging(lambda v: pair(v) != (random.uniform() < flipped))) for _ in range(30)
    ]
    assert sum(names == [PAIR] for names in sweeps) >= 24
