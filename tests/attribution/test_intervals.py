"""Intervals cover, also where all or none fail."""

import numpy as np
import pytest

from auditor.attribution.intervals import Z, combine, effective_size, wilson
from tests.attribution.planted import diverging, explain, grid, random_configurations, sweep


def interval(k, n):
    sizes = np.array(n, float)
    return tuple(map(float, combine([1, -1], np.array(k) / sizes, sizes, Z)))


@pytest.mark.parametrize(
    ("k", "n", "expected"),
    [
        # Newcombe (1998), table II, method 10.
        ((56, 48), (70, 80), (0.0524, 0.3339)),
        ((9, 3), (10, 10), (0.1705, 0.8090)),
        ((10, 0), (10, 20), (0.6791, 1.0)),
        ((10, 0), (10, 10), (0.6075, 1.0)),
    ],
)
def test_a_difference_of_rates_has_newcombes_interval(k, n, expected):
    assert interval(k, n) == pytest.approx(expected, abs=5e-5)


def test_an_interval_covers_as_often_as_it_says():
    random = np.random.default_rng(0)
    for p, q in ((0.1, 0.9), (0.0, 0.3), (0.4, 0.5)):
        k, m = random.binomial(15, p, 4000), random.binomial(40, q, 4000)
        sizes = np.array([np.full(4000, 15.0), np.full(4000, 40.0)])
        low, high = combine([1, -1], np.stack([k, m]) / sizes, sizes, Z)
        assert np.mean((low <= p - q) & (p - q <= high)) >= 0.93


def test_a_rate_of_nothing_is_unknown():
    with np.errstate(invalid="ignore"):
        assert np.isnan(wilson(np.array(np.nan), np.array(0.0), Z)).all()


@pytest.mark.parametrize(
    ("k", "expected"),
    [([3, 0, 3, 0], 4), ([0, 0, 0, 0], 4), ([1, 2, 1, 2], 12)],
    ids=["runs agree", "none fails", "runs differ as by chance"],
)
def test_runs_that_agree_count_once_per_trial(k, expected):
    k, n = np.array(k, float), np.full(4, 3.0)
    sums = np.array([k.sum(), 12, (k * k).sum(), (k * n).sum(), (n * n).sum(), 4])
    assert effective_size(sums) == pytest.approx(expected, abs=1.1)


def three_seeds(v):
    return ["diverged", "diverged", "ok"] if v["lr"] == 1.0 else ["ok", "ok", "diverged"]


@pytest.mark.parametrize(
    ("attribution", "words"),
    [
        (diverging(lambda v: v["lr"] == 1.0), "No interval"),
        (diverging(lambda v: v["lr"] == 1.0, grid(), "adaptive"), "No interval"),
        (explain(sweep(grid(), three_seeds)), "over the seeds"),
        (
            diverging(lambda v: v["lr"] >= 0.1, random_configurations(200, 0), "random"),
            "drawn at random",
        ),
    ],
    ids=["grid", "adaptive", "grid with seeds", "random"],
)
def test_intervals_exist_where_chance_is_known(attribution, words):
    everything = (*attribution.values, *attribution.pairs, *attribution.causes)
    assert {found.interval is None for found in everything if found.effect is not None} == {
        words == "No interval"
    }
    assert any(words in note for note in attribution.notes)


def test_pruned_trials_leave_no_interval():
    ends = {False: "ok", True: "pruned"}
    trials = sweep(
        random_configurations(200, 0),
        lambda v: "diverged" if v["lr"] >= 0.1 else ends[v["x0"] > 0.9],
        "random",
    )
    assert all(cause.interval is None for cause in explain(trials).causes)


def test_many_random_trials_are_estimated_where_causes_were_not_looked_for():
    values = random_configurations(600, seed=1, bystanders=2)
    random = np.random.default_rng(0)
    attribution = diverging(lambda v: v["lr"] >= 0.1 and random.random() < 0.6, values, "random")
    (cause,) = attribution.causes
    counts = cause.counts
    whole = counts.failing / counts.total - counts.failing_elsewhere / counts.total_elsewhere
    assert cause.effect != pytest.approx(whole, abs=1e-9)
    named = [v["lr"] >= 0.1 for v in values if v["lr"] >= cause.conditions[0].value]
    assert cause.interval[0] < 0.6 * np.mean(named) < cause.interval[1]
    assert any("looked for in 300 trials" in note for note in attribution.notes)
