"""How the configurations were chosen is found in the values, not only in what was declared."""

import numpy as np
import pytest

from auditor.attribution.design import find_layout
from auditor.attribution.levels import encode
from auditor.trials import Condition, Hyperparameter
from tests.attribution.planted import grid, random_configurations, sweep


def layout(values, sampler="unknown", space=()):
    trials = sweep(values, lambda v: "ok", sampler, space)
    return find_layout(trials, encode(trials))


@pytest.mark.parametrize("sampler", ["grid", "random", "unknown"])
def test_every_combination_makes_a_full_grid_whoever_chose_it(sampler):
    assert layout(grid(), sampler)[:2] == ("full grid", 72)


def test_repeated_configurations_do_not_fill_a_grid():
    assert layout([*grid()[:60], *grid()[:12]], "grid")[:3] == ("grid with holes", 72, 60)


@pytest.mark.parametrize(
    ("kept", "sampler", "expected"),
    [
        (60, "grid", "grid with holes"),
        (20, "grid", "grid with holes"),
        (60, "unknown", "grid with holes"),
        (60, "random", "random"),
    ],
)
def test_missing_combinations_are_holes_unless_drawn_at_random(kept, sampler, expected):
    # In an order that does not drift.
    order = np.random.default_rng(0).permutation(71)[: kept - 1]
    values = [*(grid()[1 + i] for i in order), grid()[0]]
    assert layout(values, sampler).name == expected


def test_a_thin_sample_of_unknown_origin_is_no_grid():
    thin = [grid()[i * 17 % 72] for i in range(40)]
    assert layout(thin, "unknown")[:3] == ("unknown", 0, 40)


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [("random", "random"), ("unknown", "unknown"), ("adaptive", "adaptive")],
)
def test_values_that_never_repeat_are_no_grid(sampler, expected):
    assert layout(random_configurations(40, seed=0), sampler)[:2] == (expected, 0)


def test_a_column_of_unique_values_is_no_grid():
    values = [{"lr": i / 7, "flag": bool(i % 2)} for i in range(40)]
    assert layout(values).name == "unknown"
    assert layout([{"lr": v["lr"]} for v in values]).name == "unknown"


def test_random_values_below_one_parent_are_no_grid():
    values = [{"opt": "sgd", "momentum": i / 7} for i in range(10)] + [{"opt": "adam"}]
    assert layout(values, "random")[:3] == ("random", 0, 11)


@pytest.mark.parametrize("sampler", ["random", "unknown"])
@pytest.mark.parametrize("drift", ["lr", "c0"])
def test_values_that_follow_the_order_of_the_trials_are_not_random(sampler, drift):
    values = random_configurations(60, seed=0)
    late = [{**v, drift: 0.9 + i / 1000 if drift == "lr" else "a"} for i, v in enumerate(values)]
    found = layout(values[:30] + late[30:], sampler)
    assert (found.name, found.drifting) == ("unknown", (drift,))


def test_a_random_search_hardly_ever_drifts():
    made = [layout(random_configurations(40, seed), "random").drifting for seed in range(100)]
    assert sum(map(bool, made)) <= 1


def test_an_adaptive_search_is_adaptive_even_when_it_tried_everything():
    assert layout(grid(), "adaptive")[:3] == ("adaptive", 0, 72)


def conditional(momenta=(0.0, 0.5, 0.9)):
    rates = [0.01, 0.1]
    return [
        *grid(opt=["sgd"], lr=rates, momentum=momenta),
        *grid(opt=["adam", "rms"], lr=rates),
    ]


DECLARED = [
    Hyperparameter("opt", "choice", ("sgd", "adam", "rms")),
    Hyperparameter("lr", "choice", (0.01, 0.1), ordered=True),
    Hyperparameter("momentum", "float", conditions=(Condition("opt", ("sgd",)),)),
]


@pytest.mark.parametrize("space", [DECLARED, []], ids=["declared", "seen in the values"])
def test_a_child_is_crossed_only_with_its_parent(space):
    assert layout(conditional(), "grid", space)[:3] == ("full grid", 10, 10)


@pytest.mark.parametrize("space", [DECLARED, []], ids=["declared", "seen in the values"])
def test_a_hole_in_one_branch_is_seen(space):
    values = [v for v in conditional() if (v["opt"], v["lr"]) not in {("adam", 0.1), ("rms", 0.1)}]
    assert layout(values, "grid", space)[:3] == ("grid with holes", 10, 8)


def test_unread_layers_leave_a_full_grid():
    values = grid(layers=[1], units_0=[8, 16]) + grid(layers=[2], units_0=[8, 16], units_1=[8, 16])
    assert layout(values, "grid")[:2] == ("full grid", 6)


@pytest.mark.parametrize("values", [[], [{}], [{}, {}], [{"x": 1}]])
def test_degenerate_sweeps_have_a_design(values):
    assert layout(values).name == "unknown"
