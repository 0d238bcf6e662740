"""A neighbour differs in one hyperparameter and in nothing else."""

import numpy as np
import pytest

from auditor.attribution.failures import find_failures
from auditor.attribution.levels import encode
from auditor.attribution.rescue import Neighbours
from auditor.outcomes import judge
from tests.attribution.planted import explain, grid, rescues, sweep


def rescue(trials, outcome="diverged"):
    """(rescued, tested, failing) by hyperparameter, over all trials."""
    configurations = encode(trials)
    found = find_failures(trials, judge(trials), configurations).found
    failure = next(f for f in found if f.outcome == outcome)
    everything = np.ones(len(configurations.trials), bool)
    return {
        r.hyperparameter: (r.rescued, r.tested, r.failing)
        for r in Neighbours(configurations).rescues(failure, everything)
    }


def same_by_hand(trials, outcome="diverged"):
    by_trial, table = judge(trials).by_trial, trials.hyperparameters
    failing = [t for t in table if by_trial[t] == outcome]
    counts = {}
    for name in dict.fromkeys(n for v in table.values() for n in v):
        near = {
            t: [
                by_trial[o]
                for o in table
                if {n for n in {*table[t], *table[o]} if table[t].get(n) != table[o].get(n)}
                == {name}
            ]
            for t in failing
        }
        rescued = sum(any(o in ("ok", "overfit", "never learned") for o in near[t]) for t in near)
        counts[name] = (rescued, sum(bool(near[t]) for t in near), len(failing))
    return counts


@pytest.mark.parametrize("kept", [72, 50, 20])
def test_rescues_are_those_of_comparing_all_trials(kept):
    random = np.random.default_rng(kept)
    values = [grid()[i] for i in random.permutation(72)[:kept]]
    ends = ["ok", "overfit", "diverged", "diverged", "crashed"]
    trials = sweep(values, lambda v: str(random.choice(ends)))
    assert rescue(trials) == same_by_hand(trials)


def test_only_what_matters_rescues():
    found = rescue(sweep(grid(), lambda v: "diverged" if v["lr"] == 1.0 else "ok"))
    assert found["lr"] == (24, 24, 24)
    assert {found[name] for name in found if name != "lr"} == {(0, 24, 24)}


def test_a_failure_with_two_reasons_is_rescued_by_neither():
    trials = sweep(grid(), lambda v: "diverged" if v["lr"] >= 0.1 or v["units"] == 16 else "ok")
    found = rescue(trials)
    assert found["lr"] == (24, 60, 60)
    assert found["units"] == (12, 60, 60)


def overdetermined(v):
    return v["lr"] == 1.0 or v["units"] == 16


def test_what_no_single_change_rescues_is_rescued_by_the_smallest_set():
    causes = explain(sweep(grid(), lambda v: "diverged" if overdetermined(v) else "ok")).causes
    by_name = {cause.conditions[0].hyperparameter: cause for cause in causes}
    for cause in by_name.values():
        (both,) = cause.rescuing_sets
        assert (both.hyperparameters, both.rescued, both.failing) == (("lr", "units"), 12, 12)
    assert "12 need more than one change: changing lr and units together rescues 12 of 12" in (
        by_name["lr"].sentence
    )


def test_three_reasons_at_once_need_three_changes():
    fails = lambda v: overdetermined(v) or v["dropout"] == 0.5  # noqa: E731
    (first, *_) = explain(sweep(grid(), lambda v: "diverged" if fails(v) else "ok")).causes
    sets = {one.hyperparameters: one.rescued for one in first.rescuing_sets}
    assert sets[("lr", "units", "dropout")] == 6
    assert len(sets) == 3


def test_matched_sets_count_once_each():
    worse = iter([0, 1] * 6)
    trials = sweep(grid(a=[0, 1], b=range(6)), lambda v: "diverged" if next(worse) else "ok")
    configurations = encode(trials)
    failure = find_failures(trials, judge(trials), configurations).found[0]
    concerned = np.array([v["b"] % 2 == 1 for v in trials.hyperparameters.values()])
    by_name = {
        r.hyperparameter: (r.worse, r.better, r.p)
        for r in Neighbours(configurations).rescues(failure, concerned)
    }
    # All six values of b make one set for each a; a changes nothing.
    assert by_name == {"a": (0, 0, None), "b": (2, 0, 0.5)}


def test_a_neighbour_that_ended_worse_is_no_rescue():
    trials = sweep(grid(a=[0, 1], b=[0, 1]), lambda v: "overfit" if v["a"] else "diverged")
    assert rescue(trials, "overfit")["a"] == (0, 2, 2)
    assert rescue(trials, "diverged")["a"] == (2, 2, 2)


def test_a_neighbour_without_a_known_end_is_none():
    trials = sweep([{"a": 0}, {"a": 1}], lambda v: "diverged" if v["a"] else "pruned")
    assert rescue(trials)["a"] == (0, 0, 1)


def test_a_repetition_is_no_neighbour():
    ends = iter(["diverged", "ok", "ok"])
    trials = sweep([{"a": 0, "b": 0}, {"a": 0, "b": 0}, {"a": 1, "b": 1}], lambda v: next(ends))
    assert rescue(trials) == {"a": (0, 0, 1), "b": (0, 0, 1)}


def test_a_hyperparameter_that_one_lacks_is_a_difference():
    values = [{"opt": "sgd", "momentum": 0.9}, {"opt": "adam"}]
    trials = sweep(values, lambda v: "diverged" if v["opt"] == "sgd" else "ok")
    assert rescue(trials) == {"opt": (0, 0, 1), "momentum": (0, 0, 1)}


def test_most_runs_decide_for_a_trial():
    trials = sweep(
        grid(a=[0, 1], b=[0, 1]),
        lambda v: ["diverged", "diverged", "ok"] if v["a"] else ["diverged", "ok", "ok"],
    )
    assert rescue(trials)["a"] == (2, 2, 2)


def test_the_strongest_rescue_comes_first():
    attribution = explain(sweep(grid(), lambda v: "diverged" if v["dropout"] == 0.5 else "ok"))
    assert next(iter(rescues(attribution.causes[0]))) == "dropout"
