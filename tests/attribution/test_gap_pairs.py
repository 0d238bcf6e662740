"""What two values do together beyond both, to the gap and to how badly trials end."""

import numpy as np
import pytest

from auditor.attribution import attribute
from auditor.outcomes import judge
from auditor.scoring import score
from tests.attribution import gapped
from tests.attribution.gapped import NAN
from tests.attribution.planted import grid, random_configurations, sweep


def pairs(trials):
    outcomes = judge(trials)
    return attribute(trials, outcomes, score(trials, outcomes)).gap_pairs


def by_values(trials):
    return {tuple((c.hyperparameter, c.value) for c in p.conditions): p for p in pairs(trials)}


def told(trials):
    return [
        {c.hyperparameter for c in pair.conditions}
        for pair in pairs(trials)
        if pair.raises_gap or pair.worsens
    ]


def additive(v):
    return 0.2 + 0.1 * (v["activation"] == "relu") + 0.05 * (v["units"] == 16), 0.6


def planted(v):
    gap, loss = additive(v)
    return gap + 0.1 * (v["activation"] == "relu" and v["units"] == 16), loss


def mortal(truth):
    """What it would be, but relu does not survive the largest rate."""

    def of(v):
        return NAN if v["activation"] == "relu" and v["lr"] == 1.0 else truth(v)

    return of


RELU_16 = (("activation", "relu"), ("units", 16))


def test_an_interaction_is_what_both_values_do_beyond_their_sum():
    found = by_values(gapped.sweep(grid(), planted, noise=0.0))
    assert found[RELU_16].gap == pytest.approx(0.1)
    assert found[RELU_16].survivors == 12
    assert found[("lr", 1.0), ("dropout", 0.5)].gap == pytest.approx(0)


def test_ends_have_theirs_over_all_trials():
    high = lambda v: v["lr"] == 1.0  # noqa: E731
    both = by_values(sweep(grid(), lambda v: "diverged" if high(v) and v["units"] == 16 else "ok"))
    single = by_values(sweep(grid(), lambda v: "diverged" if high(v) else "ok"))
    of = ("lr", 1.0), ("units", 16)
    assert (both[of].worse, single[of].worse) == (0.5, 0)


def test_opposite_values_differ_in_the_sign():
    found = by_values(gapped.sweep(grid(), planted, noise=0.0))
    for other in ((("units", 16), ("dropout", 0.0)), (("units", 16), ("dropout", 0.5))):
        assert other in found
    one, other = (found[("units", n), ("dropout", 0.0)] for n in (16, 32))
    assert one.gap == pytest.approx(-other.gap)


@pytest.mark.parametrize(
    ("values", "sampler", "runs", "evidence"),
    [
        (random_configurations(120, 0, bystanders=2), "random", 1, "randomised"),
        (grid(), "grid", 3, "but-for"),
        (grid(), "grid", 1, "but-for"),
        (grid()[:70], "grid", 3, "associated"),
        (random_configurations(120, 0, bystanders=2), "adaptive", 1, "associated"),
    ],
)
def test_intervals_are_over_trials_or_seeds(values, sampler, runs, evidence):
    found = pairs(gapped.sweep(values, lambda v: (0.3, 0.6), 0, 0.05, sampler, runs))
    defined = sampler == "random" or runs > 1
    for of in ("gap_interval", "worse_interval"):
        assert any(getattr(pair, of) for pair in found) == defined
    assert {pair.evidence for pair in found} == {evidence}
    assert all(p.gap_interval[0] <= p.gap <= p.gap_interval[1] for p in found if p.gap_interval)


@pytest.mark.parametrize("survive", [False, True], ids=["all survive", "some do not"])
def test_what_is_planted_is_told(survive):
    truth = mortal(planted) if survive else planted
    trials = gapped.sweep(grid(), truth, noise=0.03, runs=3)
    found = by_values(trials)[RELU_16]
    assert found.raises_gap
    assert found.gap_interval[0] <= 0.1 <= found.gap_interval[1]
    assert found.evidence == ("associated" if survive else "but-for")


def test_a_pair_that_ends_worse_is_told():
    random = np.random.default_rng(0)

    def ends(v):
        rate = 0.9 if v["lr"] >= 0.05 and v["activation"] == "relu" else 0.05
        return "diverged" if random.uniform() < rate else "ok"

    trials = sweep(random_configurations(300, 1), ends, "random")
    assert {frozenset(names) for names in told(trials)} == {frozenset({"lr", "activation"})}


def test_who_survives_makes_no_interaction():
    """Of relu at the largest rate only those survive that have the larger gap for their units."""

    def truth(v):
        gone = v["activation"] == "relu" and v["lr"] == 1.0 and v["units"] == 32
        return NAN if gone else (0.2 + 0.2 * (v["units"] == 16), 0.6)

    found = by_values(gapped.sweep(grid(), truth, noise=0.01, runs=3))
    assert found[("lr", 1.0), ("activation", "relu")].gap_interval[0] > 0
    assert not any(pair.raises_gap for pair in found.values())


@pytest.mark.parametrize("rate", [0.05, 0.9])
def test_either_of_two_is_no_pair(rate):
    random = np.random.default_rng(2)
    either = lambda v: v["activation"] == "relu" or v["c0"] == "a"  # noqa: E731
    fails = lambda v: random.uniform() < (rate if either(v) else 0.05)  # noqa: E731
    values = random_configurations(200, 2)
    trials = sweep(values, lambda v: "diverged" if fails(v) else "ok", "random")
    assert told(trials) == []


def test_noise_of_rounding_is_no_gap():
    found = pairs(
        gapped.sweep(grid(), lambda v: (1e-16 * v["units"] * v["lr"], 0.5), 0, 1e-17, runs=3)
    )
    assert {pair.gap for pair in found} == {0}


def false(make, sweeps):
    """The share of sweeps that tell any pair, and in which any interval misses 0."""
    tells = misses = known = 0
    for seed in range(sweeps):
        found = pairs(make(seed))
        ends = [i for p in found for i in (p.gap_interval, p.worse_interval) if i]
        known += bool(ends)
        tells += any(p.raises_gap or p.worsens for p in found)
        misses += any(not low <= 0 <= high for low, high in ends)
    assert known >= 0.8 * sweeps
    return tells / sweeps, misses / sweeps


def drawn(draw):
    """Random searches with effects of single values, and noise that is normal or has long tails."""

    def make(seed):
        values = random_configurations(100, seed, bystanders=2)
        truth = lambda v: (0.3 + 0.1 * (v["activation"] == "relu"), 0.6)  # noqa: E731
        return gapped.sweep(values, truth, seed, 0.05, "random", 1, draw)

    return make


def seeds(seed):
    return gapped.sweep(grid(), additive, seed, 0.05, runs=3)


@pytest.mark.parametrize("make", [drawn("normal"), seeds], ids=["random", "seeds"])
def test_few_sweeps_tell_what_is_not_there_at_a_glance(make):
    assert max(false(make, 8)) <= 0.25


@pytest.mark.slow
@pytest.mark.parametrize(
    "make", [drawn("normal"), drawn("skewed"), seeds], ids=["random", "skewed", "seeds"]
)
def test_few_sweeps_tell_what_is_not_there(make):
    tells, misses = false(make, 200)
    assert tells <= 0.05
    assert misses <= 0.05 + 2 * (0.05 * 0.95 / 200) ** 0.5
