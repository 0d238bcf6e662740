"""What values do to the generalization gap, among those that survived."""

import pytest

from auditor.attribution import attribute
from auditor.outcomes import judge
from auditor.scoring import score
from tests.attribution import gapped
from tests.attribution.planted import grid, random_configurations, sweep


def gaps(trials):
    outcomes = judge(trials)
    found = attribute(trials, outcomes, score(trials, outcomes)).gaps
    return {(g.condition.hyperparameter, g.condition.value): g for g in found}


def ends(v):
    return "diverged" if v["lr"] == 1.0 else "overfit" if v["dropout"] == 0.0 else "ok"


def test_only_survivors_are_compared():
    found = gaps(sweep(grid(), ends))
    assert (found["lr", 1.0].survivors, found["lr", 1.0].survivors_elsewhere) == (0, 48)
    assert found["lr", 1.0].effect is None
    assert found["lr", 0.1].survivors == 24


def test_ending_worse_is_compared_among_all():
    found = gaps(sweep(grid(), ends))
    assert found["lr", 1.0].worse == 1
    assert found["units", 16].worse == pytest.approx(0.5)
    assert 0.5 < found["dropout", 0.0].worse < 1


def test_a_difference_of_gaps_is_that_of_the_means():
    trials = gapped.sweep(grid(a=[0, 1], b=range(6)), lambda v: (0.1 + 0.05 * v["a"], 0.4), noise=0)
    assert gaps(trials)["a", 1].effect == pytest.approx(0.05)


@pytest.mark.parametrize(("sampler", "defined"), [("random", True), ("adaptive", False)])
def test_intervals_are_for_random_searches(sampler, defined):
    trials = gapped.sweep(random_configurations(60, 1), lambda v: (0.3, 0.6), 0, 0.05, sampler)
    found = gaps(trials).values()
    assert {g.interval is not None for g in found} == {defined}
    assert {g.worse_interval is not None for g in found} == {defined}
    assert all(g.interval[0] <= g.effect <= g.interval[1] for g in found if defined)


def test_over_seeds_it_is_runs_that_end_worse():
    ends = lambda v: ["diverged", "ok", "ok"] if v["lr"] == 1.0 else ["ok"] * 3  # noqa: E731
    found = gaps(sweep(grid(), ends))["lr", 1.0]
    assert found.worse == pytest.approx(0.5 + 1 / 6)
    assert found.worse_interval[0] > 0.5


def test_the_chance_of_ending_worse_has_an_interval_at_its_limits():
    values = random_configurations(60, 1)
    trials = sweep(values, lambda v: "diverged" if v["activation"] == "relu" else "ok", "random")
    low, high = gaps(trials)["activation", "relu"].worse_interval
    assert 0.7 < low < 1
    assert high == 1


def test_without_scores_nothing_is_said():
    trials = sweep(grid(), ends)
    assert attribute(trials, judge(trials)).gaps == ()


def test_a_negative_gap_counts_as_zero():
    def truth(v):
        return (-8.0 if v["a"] else 0.0), 0.4

    trials = gapped.sweep(grid(a=[0, 1], b=range(6)), truth, noise=0.0)
    assert gaps(trials)["a", 1].effect == 0


def test_what_never_learned_has_no_gap():
    trials = sweep(grid(a=[0, 1], b=range(6)), lambda v: "never learned" if v["a"] else "ok")
    assert gaps(trials)["a", 1].survivors == 0
