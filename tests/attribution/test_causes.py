"""Planted truth: what is named is what was planted, or nothing."""

import numpy as np
import pytest

from auditor.attribution.cause import ANY_FAILURE
from tests.attribution.planted import (
    diverging,
    explain,
    grid,
    named,
    random_configurations,
    rescues,
    sweep,
)

PAIR = "lr == 1.0 & activation == sigmoid"


def pair(v):
    return v["lr"] == 1.0 and v["activation"] == "sigmoid"


@pytest.mark.parametrize(
    ("fails", "expected"),
    [
        (lambda v: v["lr"] == 1.0, {"lr == 1.0"}),
        (lambda v: v["lr"] == 0.1, {"lr == 0.1"}),
        (lambda v: v["lr"] >= 0.1, {"lr >= 0.1"}),
        (lambda v: v["lr"] <= 0.1, {"lr <= 0.1"}),
        (lambda v: v["activation"] == "tanh", {"activation == tanh"}),
        (pair, {PAIR}),
        (lambda v: pair(v) or v["initializer"] == "normal", {PAIR, "initializer == normal"}),
        (
            lambda v: v["lr"] == 1.0 or v["activation"] == "relu",
            {"lr == 1.0", "activation == relu"},
        ),
        (
            lambda v: v["lr"] >= 0.1 and v["activation"] == "relu",
            {"lr >= 0.1 & activation == relu"},
        ),
        # Overlapping pairs: the strongest single value often does not fail, and is narrowed.
        (
            lambda v: v["lr"] == 1.0 and (v["activation"] == "sigmoid" or v["units"] == 16),
            {PAIR, "lr == 1.0 & units == 16"},
        ),
        (
            lambda v: pair(v) and v["units"] == 16,
            {f"{PAIR} & units == 16"},
        ),
        (
            lambda v: (v["units"] == 16) != (v["dropout"] == 0.0),
            {"units == 16 & dropout == 0.5", "units == 32 & dropout == 0.0"},
        ),
        (lambda v: False, set()),
        (lambda v: True, set()),
    ],
)
def test_exactly_the_planted_causes_are_named_on_a_full_grid(fails, expected):
    causes = named(diverging(fails))
    assert set(causes) == expected
    assert len(causes) == len(expected)


def test_the_planted_pair_is_told_with_its_counts_and_rescues():
    attribution = diverging(pair)
    (cause,) = attribution.causes
    assert (cause.outcome, cause.evidence, cause.effect) == ("diverged", "but-for", 1.0)
    assert rescues(cause) == {
        "lr": (8, 8, 8),
        "activation": (8, 8, 8),
        "initializer": (0, 8, 8),
        "units": (0, 8, 8),
        "dropout": (0, 8, 8),
    }
    assert cause.sentence == (
        "lr = 1.0 with activation = sigmoid: 8 of 8 diverged, 0 of 64 elsewhere; "
        "in this grid changing lr alone rescues 8 of 8, activation alone 8 of 8, "
        "any other alone 0 of 8; evidence: but-for"
    )


def test_one_run_per_cell_of_a_grid_has_a_p_but_no_interval():
    (cause,) = diverging(pair).causes
    assert cause.adjusted_p == pytest.approx(1 / 1001)
    assert cause.interval is None


def test_what_is_adjusted_is_kept_apart_from_how_sure_the_parts_are():
    noise = np.random.default_rng(3)
    causes = [
        cause
        for _ in range(12)
        for cause in diverging(lambda v: pair(v) != (noise.uniform() < 0.1)).causes
    ]
    assert all(cause.adjusted_p <= 0.05 for cause in causes)
    assert any(0.05 < (cause.part_p or 0) <= 0.1 for cause in causes)
    assert diverging(lambda v: v["lr"] == 1.0).causes[0].part_p is None


def test_outcomes_that_could_show_a_cause_share_the_adjustment():
    ends = {0.01: "ok", 0.1: "overfit", 1.0: "diverged"}
    causes = explain(sweep(grid(), lambda v: ends[v["lr"]])).causes
    assert {round(cause.adjusted_p * 1001) for cause in causes} == {3}


def test_a_small_grid_is_enough_for_a_pair():
    values = grid(lr=[0.01, 0.1, 1.0], activation=["relu", "sigmoid"], a=[0, 1], b=[0, 1])
    assert named(diverging(pair, values)) == [PAIR]


def test_a_threshold_on_a_logarithmic_scale_is_one_cause():
    values = random_configurations(200, seed=3)
    (cause,) = diverging(lambda v: v["lr"] >= 0.1, values, "random").causes
    (condition,) = cause.conditions
    assert (condition.hyperparameter, condition.operator) == ("lr", ">=")
    assert 0.05 <= condition.value <= 0.2
    assert cause.evidence == "randomised"
    low, high = (f"{100 * end:.3g}" for end in cause.interval)
    assert cause.sentence.endswith(
        f"; it raises the risk by {100 * cause.effect:.3g} percentage points (95 % interval {low} "
        f"to {high}), averaged over this search space; evidence: randomised"
    )


@pytest.mark.parametrize("threshold", [0.03, 0.05, 0.3])
def test_a_threshold_between_the_cuts_is_still_one_cause(threshold):
    values = random_configurations(200, seed=4)
    causes = named(diverging(lambda v: v["lr"] >= threshold, values, "random"))
    assert [name.split()[:2] for name in causes] == [["lr", ">="]]


@pytest.mark.parametrize("threshold", [0.02, 0.05, 0.2])
def test_a_threshold_is_placed_where_failures_begin(threshold):
    values = random_configurations(400, seed=8)
    (cause,) = diverging(lambda v: v["lr"] >= threshold, values, "random").causes
    off = np.log10(cause.conditions[0].value / threshold)
    assert abs(off) < 4 / 20  # one of 20 bins of four decades


def test_a_threshold_with_a_category_is_a_pair():
    values = random_configurations(200, seed=5)
    fails = lambda v: v["lr"] >= 0.1 and v["activation"] == "sigmoid"  # noqa: E731
    (name,) = named(diverging(fails, values, "random"))
    assert name.startswith("lr >= ")
    assert name.endswith(" & activation == sigmoid")


@pytest.mark.parametrize(
    ("times", "expected"), [(2, []), (3, ["optimizer == ftrl"])], ids=["twice", "three times"]
)
def test_a_value_seen_twice_abstains(times, expected):
    values = [{"optimizer": "adam", "x": i} for i in range(70)]
    values += [{"optimizer": "ftrl", "x": 70 + i} for i in range(times)]
    found = diverging(lambda v: v["optimizer"] == "ftrl", values, "unknown")
    assert [name for name in named(found) if "optimizer" in name] == expected


def test_two_failing_trials_are_too_few_for_a_cause():
    values = [{"opt": "adam", "x": i % 3} for i in range(300)]
    values += [{"opt": "ftrl", "x": x} for x in range(3)]
    found = diverging(lambda v: v["opt"] == "ftrl" and v["x"] < 2, values, "unknown")
    assert found.causes == ()


def test_a_child_is_compared_only_where_it_exists():
    values = [
        *grid(opt=["sgd"], momentum=[0.0, 0.9], x=range(12)),
        *grid(opt=["adam"], x=range(24)),
    ]
    assert named(diverging(lambda v: v.get("momentum") == 0.9, values)) == ["momentum == 0.9"]
    assert named(diverging(lambda v: v["opt"] == "sgd", values)) == ["opt == sgd"]


def test_children_are_not_blamed_for_what_their_presence_does():
    values = grid(child=[0, 1], y=range(24)) + [{"y": y} for y in range(24)] * 2
    assert named(diverging(lambda v: "child" in v and v["y"] % 2 == 0, values)) == []


def test_values_that_the_build_never_read_are_no_cause():
    values = grid(layers=[1], units_0=[8, 16], x=range(6))
    values += grid(layers=[2], units_0=[8, 16], units_1=[8, 16], x=range(6))
    assert named(diverging(lambda v: v["layers"] == 2, values)) == ["layers == 2"]
    assert named(diverging(lambda v: v.get("units_1") == 16, values)) == ["units_1 == 16"]


def test_aliased_hyperparameters_are_named_together():
    values = [{**v, "decay": v["lr"] / 10} for v in grid()]
    attribution = diverging(lambda v: v["lr"] == 1.0, values)
    (cause,) = attribution.causes
    assert "decay = 0.1, which cannot be told apart" in cause.sentence
    assert cause.evidence == "associated"
    assert any("lr and decay" in n and "indistinguishable" in n for n in attribution.notes)


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [("adaptive", "associated"), ("unknown", "associated"), ("random", "randomised")],
)
def test_the_design_limits_what_is_claimed(sampler, expected):
    values = random_configurations(200, seed=6)
    attribution = diverging(lambda v: v["lr"] >= 0.1, values, sampler)
    assert {cause.evidence for cause in attribution.causes} == {expected}


def test_an_adaptive_search_that_tried_a_whole_grid_is_only_associated():
    (cause,) = diverging(pair, grid(), "adaptive").causes
    assert cause.evidence == "associated"
    assert "rescues" not in cause.sentence
    assert "8 of 8 have a neighbour in lr alone that does not fail" in cause.sentence


def test_pruned_trials_undo_the_randomisation():
    def outcome(v):
        return "diverged" if v["lr"] >= 0.1 else "pruned" if v["lr"] < 2e-4 else "ok"

    attribution = explain(sweep(random_configurations(200, seed=6), outcome, "random"))
    assert {cause.evidence for cause in attribution.causes} == {"associated"}


@pytest.mark.parametrize("step", [1, 2])
def test_holes_leave_a_but_for_where_a_neighbour_was_seen(step):
    values = [v for i, v in enumerate(grid()) if i % 7 != step]
    (cause,) = diverging(pair, values).causes
    assert cause.evidence == "but-for"


def test_without_a_neighbour_a_grid_shows_only_association():
    # lr = 1 was tried with other units than the rest, so no trial differs in lr alone.
    values = grid(lr=[0.1], units=[16, 32], x=range(10)) + grid(lr=[1.0], units=[64], x=range(10))
    attribution = diverging(lambda v: v["lr"] == 1.0, values)
    assert attribution.design == "grid with holes"
    assert {cause.evidence for cause in attribution.causes} == {"associated"}


def test_a_sentence_says_where_neighbours_are_missing():
    values = grid(lr=[0.1], rest=range(10)) + grid(lr=[1.0], rest=range(7, 17))
    (cause,) = diverging(lambda v: v["lr"] == 1.0, values).causes
    assert cause.sentence == (
        "lr = 1.0: 10 of 10 diverged, 0 of 10 elsewhere; "
        "in this grid changing lr alone rescues 3 of 3 (7 more have no such neighbour), "
        "rest alone 0 of 10; evidence: but-for"
    )


def test_a_moved_threshold_is_not_told_twice():
    values = [{"x": i / 400, "y": i * 17 % 5} for i in range(400)]
    assert named(diverging(lambda v: v["x"] >= 0.65, values, "random")) == ["x >= 0.649"]


def test_executions_that_disagree_give_rates():
    def outcome(v):
        return ["diverged", "diverged", "ok"] if v["lr"] == 1.0 else ["ok", "ok", "diverged"]

    (cause,) = explain(sweep(grid(), outcome)).causes
    assert cause.effect == pytest.approx(1 / 3)
    assert cause.sentence == (
        "lr = 1.0: 48 of 72 runs diverged, 48 of 144 elsewhere; "
        "in this grid changing lr alone rescues 24 of 24 trials, any other alone 0 of 24; "
        "evidence: but-for"
    )


def test_a_rate_that_never_reaches_half_is_explained():
    seldom = lambda v: ["ok", "diverged", "ok"] if v["lr"] == 1.0 else ["ok"] * 3  # noqa: E731
    (cause,) = explain(sweep(grid(), seldom)).causes
    assert cause.sentence.startswith("lr = 1.0: 24 of 72 runs diverged, 0 of 144 elsewhere")


def test_trials_of_one_configuration_are_no_independent_evidence():
    # Two of six configurations with x = 1 fail, and each is tried 20 times.
    values = grid(x=[0, 1], y=range(6)) * 20
    assert named(diverging(lambda v: v["x"] and v["y"] < 2, values, "random")) == []


def test_executions_are_no_independent_evidence():
    # Two of six configurations with x = 1 fail: repeated 20 times it is still two of six.
    values = grid(x=[0, 1], y=range(6))
    trials = sweep(values, lambda v: ["diverged" if v["x"] and v["y"] < 2 else "ok"] * 20)
    assert explain(trials).causes == ()


def test_trials_that_ended_worse_are_no_good_example():
    # Half of what survives overfits, at every learning rate that survives.
    def outcome(v):
        return "diverged" if v["lr"] == 1.0 else "overfit" if v["dropout"] == 0.0 else "ok"

    attribution = explain(sweep(grid(), outcome))
    assert {(c.outcome, c.conditions[0].hyperparameter) for c in attribution.causes} == {
        ("diverged", "lr"),
        ("overfit", "dropout"),
    }
    assert all(len(c.conditions) == 1 for c in attribution.causes)


def test_several_outcomes_of_the_same_values_are_told_once():
    def outcome(v):
        return ("diverged" if v["rest"] % 2 else "overfit") if v["lr"] == 1.0 else "ok"

    (cause,) = explain(sweep(grid(lr=[0.1, 1.0], rest=range(40)), outcome)).causes
    assert cause.sentence.startswith(
        "lr = 1.0: 40 of 40 failed (20 overfit, 20 diverged), 0 of 40 elsewhere"
    )


def test_a_threshold_that_two_outcomes_share_is_told_once_though_it_moves():
    random = np.random.default_rng(0)

    def outcome(v):
        if v["lr"] < 0.05:
            return "ok"
        # Divergence sets in later.
        return "overfit" if v["lr"] < 0.1 else str(random.choice(["overfit", "diverged"]))

    attribution = explain(sweep(random_configurations(400, seed=2), outcome, "random"))
    assert [(c.outcome, c.conditions[0].operator) for c in attribution.causes] == [
        (ANY_FAILURE, ">=")
    ]


def test_mixed_failures_are_told_as_any_failure():
    random = np.random.default_rng(0)
    ends = ["diverged", "overfit", "never learned"]
    trials = sweep(grid(), lambda v: str(random.choice(ends)) if v["lr"] == 1.0 else "ok")
    (cause,) = explain(trials).causes
    assert cause.outcome == ANY_FAILURE
    assert cause.sentence.startswith("lr = 1.0: 24 of 24 failed (")
    assert "), 0 of 48 elsewhere; in this grid changing lr alone rescues 24 of 24" in cause.sentence


def test_outcomes_too_rare_alone_are_told_together_and_apart_from_the_explained():
    rare = ["diverged", "overfit", "never learned", "ok", "ok", "ok"]
    ends = iter(rare * 4)
    trials = sweep(grid(), lambda v: {0.01: "crashed", 0.1: "ok"}.get(v["lr"]) or next(ends, "ok"))
    assert [(c.outcome, c.conditions[0].value) for c in explain(trials).causes] == [
        ("crashed", 0.01),
        (ANY_FAILURE, 1.0),
    ]


def failing_in_turn(*ends):
    """What becomes of 18 trials: those with lr = 1.0 end as told, and the first other overfits."""
    high, rest = iter(ends), iter(["overfit"])
    values = grid(lr=[0.001, 0.01, 1.0], units=[16, 32], activation=["relu", "tanh", "sigmoid"])
    return sweep(values, lambda v: next(high) if v["lr"] == 1.0 else next(rest, "ok"))


def test_a_few_failures_of_several_kinds_are_told_as_any_failure():
    ends = ["diverged", "never learned", "diverged", "never learned", "overfit", "ok"]
    (cause,) = explain(failing_in_turn(*ends)).causes
    assert cause.outcome == ANY_FAILURE
    assert cause.sentence.startswith("lr = 1.0: 5 of 6 failed (1 overfit, 2 never learned, 2 div")


def test_outcomes_too_rare_for_any_cause_do_not_weaken_the_others():
    (cause,) = explain(failing_in_turn(*["diverged"] * 5, "never learned")).causes
    assert (cause.outcome, cause.conditions[0].value) == ("diverged", 1.0)


def test_one_outcome_that_makes_nearly_all_failures_names_them():
    ends = iter(["diverged"] * 22 + ["never learned"] * 2)
    trials = sweep(grid(), lambda v: next(ends) if v["lr"] == 1.0 else "ok")
    assert [(c.outcome, c.conditions[0].value) for c in explain(trials).causes] == [
        ("diverged", 1.0)
    ]


@pytest.mark.parametrize("seed", [2, 3, 5])
def test_parts_of_what_fails_in_several_ways_are_not_told_beside_it(seed):
    kinds = np.random.default_rng(seed)
    values = random_configurations(200, seed=seed)
    fails = lambda v: v["lr"] >= 0.03 and v["activation"] == "sigmoid"  # noqa: E731
    three = ["overfit", "never learned", "diverged"]
    ends = lambda v: str(kinds.choice(three)) if fails(v) else "ok"  # noqa: E731
    (cause,) = explain(sweep(values, ends, "random")).causes
    assert (cause.outcome, len(cause.conditions)) == (ANY_FAILURE, 2)


def test_one_kind_of_failure_is_not_told_again_as_any_failure():
    assert [cause.outcome for cause in diverging(pair).causes] == ["diverged"]


@pytest.mark.parametrize("end", ["overfit", "never learned", "diverged", "crashed"])
def test_every_failure_is_explained_in_its_own_words(end):
    (cause,) = explain(sweep(grid(), lambda v: end if v["lr"] == 1.0 else "ok")).causes
    assert cause.sentence.startswith(f"lr = 1.0: 24 of 24 {end}, 0 of 48 elsewhere")


def test_the_strongest_cause_comes_first():
    fails = lambda v: pair(v) or v["initializer"] == "normal"  # noqa: E731
    assert named(diverging(fails)) == ["initializer == normal", PAIR]


@pytest.mark.parametrize(
    "trials",
    [
        sweep([], lambda v: "ok"),
        sweep([{}], lambda v: "diverged"),
        sweep([{"lr": 1.0}] * 5, lambda v: "diverged"),
        sweep(grid(), lambda v: "missing"),
        sweep(grid(), lambda v: []),
    ],
    ids=["no trial", "no value", "one value", "no result", "no run"],
)
def test_where_nothing_can_be_said_nothing_is_claimed(trials):
    attribution = explain(trials)
    assert attribution.causes == ()
    assert attribution.notes
