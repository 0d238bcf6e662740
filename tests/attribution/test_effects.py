"""Counts are exact, and of runs whose outcome is known."""

from collections.abc import Iterator
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.attribution.cause import ANY_FAILURE, Tally
from auditor.outcomes import FAILURES, judge
from tests.attribution.planted import CURVES, explain, grid, sweep

ENDS = st.lists(st.sampled_from([e for e in CURVES if e != "crashed"]), min_size=1, max_size=2)
TRIAL = st.tuples(
    st.fixed_dictionaries(
        {"a": st.sampled_from("xyz"), "b": st.sampled_from([1, 2])},
        optional={"c": st.booleans()},
    ),
    ENDS,
)


def meets(values, tally: Tally) -> bool:
    tests = {"==": lambda x, y: x == y, "<=": lambda x, y: x <= y, ">=": lambda x, y: x >= y}
    return all(
        c.hyperparameter in values and tests[c.operator](values[c.hyperparameter], c.value)
        for c in tally.conditions
    )


def known_runs(trials) -> Iterator[tuple[dict, str]]:
    for run, verdict in judge(trials).by_run.items():
        if verdict.outcome not in ("pruned", "missing"):
            yield trials.hyperparameters[run.trial_id], str(verdict.outcome)


def fails(outcome: str, tally: Tally) -> bool:
    return outcome in FAILURES if tally.outcome == ANY_FAILURE else outcome == tally.outcome


@settings(deadline=None, max_examples=40)
@given(st.lists(TRIAL, min_size=1, max_size=12))
def test_counts_are_those_of_counting_one_by_one(planted):
    ends = iter([end for _, end in planted])
    trials = sweep([values for values, _ in planted], lambda v: next(ends))
    attribution, runs = explain(trials), list(known_runs(trials))
    for tally in (*attribution.values, *attribution.pairs):
        inside = [fails(o, tally) for v, o in runs if meets(v, tally)]
        outside = [fails(o, tally) for v, o in runs if not meets(v, tally)]
        assert (tally.failing, tally.total) == (sum(inside), len(inside))
        assert (tally.failing_elsewhere, tally.total_elsewhere) == (sum(outside), len(outside))


@settings(deadline=None, max_examples=40)
@given(st.lists(TRIAL, min_size=1, max_size=12))
def test_a_pair_is_listed_when_it_occurs_in_a_failing_run(planted):
    ends = iter([end for _, end in planted])
    trials = sweep([values for values, _ in planted], lambda v: next(ends))
    attribution = explain(trials)
    listed = {(t.outcome, frozenset(key(c) for c in t.conditions)) for t in attribution.pairs}
    varied = {n for n in "abc" if len({repr(v.get(n)) for v, _ in planted}) > 1}
    expected = {
        (outcome, frozenset({(a, repr(v[a])), (b, repr(v[b]))}))
        for v, end in known_runs(trials)
        if end in FAILURES
        for outcome in (end, ANY_FAILURE)
        for a, b in combinations(sorted(varied & set(v)), 2)
    }
    assert listed == expected


def key(condition) -> tuple[str, str]:
    return condition.hyperparameter, repr(condition.value)


def tally_of(attribution, **values) -> Tally:
    found = [
        t
        for t in (*attribution.values, *attribution.pairs)
        if {c.hyperparameter: c.value for c in t.conditions} == values and t.outcome == "diverged"
    ]
    return found[0]


def test_a_pair_adds_its_rate_beyond_the_worse_half():
    values = grid(a=[0, 1], b=[0, 1], rest=range(4))
    rates = {(0, 0): 0, (0, 1): 1, (1, 0): 2, (1, 1): 4}
    attribution = explain(
        sweep(values, lambda v: "diverged" if v["rest"] < rates[v["a"], v["b"]] else "ok")
    )
    assert tally_of(attribution, a=1, b=1).added == pytest.approx(4 / 4 - 2 / 4)
    assert tally_of(attribution, a=1).added is None


def test_what_a_pair_adds_is_unknown_where_a_half_never_occurs_alone():
    attribution = explain(
        sweep(
            [*grid(opt=["sgd"], momentum=[0.0, 0.9]), {"opt": "adam"}],
            lambda v: "diverged" if v.get("momentum") == 0.9 else "ok",
        )
    )
    assert tally_of(attribution, opt="sgd", momentum=0.9).added is None


def test_values_are_in_the_order_of_the_space_and_outcomes_from_mild_to_any():
    kinds = {0.01: "ok", 0.1: "overfit", 1.0: "diverged"}
    attribution = explain(sweep(grid(), lambda v: kinds[v["lr"]]))
    outcomes = [t.outcome for t in attribution.values]
    assert list(dict.fromkeys(outcomes)) == ["overfit", "diverged", ANY_FAILURE]
    first = [t.conditions[0] for t in attribution.values if t.outcome == "overfit"]
    assert [(c.hyperparameter, c.value) for c in first[:4]] == [
        ("lr", 0.01),
        ("lr", 0.1),
        ("lr", 1.0),
        ("activation", "relu"),
    ]
