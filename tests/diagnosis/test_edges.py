"""Best values at the end of what was tried: found where it still gets better, and only there."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from auditor.diagnosis.edges import EDGE
from auditor.diagnosis.finding import Finding
from auditor.trials import Design, Hyperparameter, Objective, Trials
from tests.attribution.gapped import NAN, sweep
from tests.attribution.planted import Values, grid
from tests.diagnosis.asking import diagnosed, evidence

Loss = Callable[[Values], float]


def edges(trials: Trials) -> list[Finding]:
    return [finding for finding in diagnosed(trials)[0] if finding.code == "AUD051"]


def said(trials: Trials) -> list[str]:
    return [finding.remedy.removesuffix(f" {EDGE.remedy}") for finding in edges(trials)]


def listed(loss: Loss, seed: int = 0, noise: float = 0.005, **axes: Any) -> Trials:
    """A grid over these values, 12 trials of each, with a loss that depends on them."""
    cells = grid(**axes, activation=["relu", "tanh", "elu"], batch=["8", "16", "32", "64"])
    return sweep(cells, lambda v: (0.1, loss(v)), seed, noise)


def ranged(loss: Loss, seed: int = 0, count: int = 100, noise: float = 0.01) -> Trials:
    """A random search over a learning rate from 0.001 to 1 and two that do nothing."""
    random = np.random.default_rng(seed)
    cells = [
        {"lr": float(10 ** random.uniform(-3, 0)), "x": float(random.uniform(1, 2)), "y": int(y)}
        for y in random.integers(2, 6, size=count)
    ]
    return sweep(cells, lambda v: (0.1, loss(v)), seed, noise, "random")


def bowl(at: float) -> Loss:
    """Best where the learning rate has gone this share of its logarithmic range."""
    return lambda v: 0.5 + 0.5 * ((np.log10(v["lr"]) + 3) / 3 - at) ** 2


@pytest.mark.parametrize(
    ("loss", "remedies"),
    [
        (lambda v: 0.6 - 0.03 * np.log2(v["units"]), ["Try values of units above 128."]),
        (lambda v: 0.3 + 0.03 * np.log2(v["units"]), ["Try values of units below 16."]),
        (lambda v: 0.6 - 0.03 * min(6, np.log2(v["units"])), []),  # as good as its neighbour
        (lambda v: 0.6 - 0.03 * (v["units"] == 64), []),  # best in between
        (lambda v: 0.6, []),
    ],
)
def test_an_end_of_listed_values(loss: Loss, remedies: list[str]) -> None:
    assert said(listed(loss, units=[16, 32, 64, 128])) == remedies


@pytest.mark.parametrize(
    ("at", "remedies"),
    [
        (1.3, ["Try values of lr above 1."]),
        (-0.3, ["Try values of lr below 0.001."]),
        (0.5, []),
        (0.8, []),
        (0.2, []),
    ],
)
def test_an_end_of_a_range(at: float, remedies: list[str]) -> None:
    space = Hyperparameter("lr", "float", low=1e-3, high=1.0, sampling="log")
    trials = replace(ranged(bowl(at)), space=(space,))
    assert said(trials) == remedies
    if remedies:
        (finding,) = edges(trials)
        assert "end of its range, and val_loss still gets better" in finding.sentence
        assert evidence(finding)["share of the best trials at the end"] >= 0.5


def test_a_best_value_inside_the_outermost_part_is_not_its_end() -> None:
    """The outermost fifth begins at 0.8."""
    assert not edges(ranged(bowl(0.86), count=400, noise=0.002))
    assert edges(ranged(bowl(1.0), count=400, noise=0.002))


@pytest.mark.parametrize(
    ("values", "sign"),
    [
        ([0.0, 0.2, 0.5], 1),  # no dropout: nothing is below
        ([1, 2, 3], 1),  # one layer
        ([0.2, 0.6, 1.0], -1),  # all of something
        ([False, True], -1),
        (["a", "b", "c"], -1),
    ],
)
def test_ends_that_cannot_be_passed_are_none(values: list[Any], sign: int) -> None:
    assert not edges(listed(lambda v: 0.5 + 0.1 * sign * values.index(v["x"]), x=values))


def test_categories_that_are_numbers_have_no_end() -> None:
    trials = listed(lambda v: 0.6 - 0.03 * np.log2(v["units"]), units=[16, 32, 64, 128])
    choice = Hyperparameter("units", "choice", (16, 32, 64, 128), ordered=False)
    assert edges(trials)
    assert not edges(replace(trials, space=(choice,)))


def test_an_end_that_diverges_is_not_the_best() -> None:
    cells = grid(lr=[0.001, 0.01, 0.1, 1.0], activation=["relu", "tanh"], batch=["8", "16", "32"])
    best_before = {0.001: 0.6, 0.01: 0.5, 0.1: 0.4}
    trials = sweep(
        cells, lambda v: NAN if v["lr"] == 1.0 else (0.1, best_before[v["lr"]]), 0, 0.005
    )
    assert not edges(trials)


def test_one_lucky_winner_at_the_end_is_no_trend() -> None:
    trials = listed(lambda v: 0.6, units=[16, 32, 64, 128], noise=0.02)
    best = min(trials.recorded.values(), key=lambda recorded: recorded.metrics["val_loss"])
    last = next(r for r in trials.recorded if trials.hyperparameters[r.trial_id]["units"] == 128)
    recorded = {**trials.recorded, last: replace(best, metrics={"val_loss": 0.3, "loss": 0.2})}
    assert not edges(replace(trials, recorded=recorded))


def test_an_objective_to_maximise() -> None:
    trials = listed(lambda v: 0.6 + 0.03 * np.log2(v["units"]), units=[16, 32, 64, 128])
    trials = replace(trials, objective=Objective("val_loss", "max"))
    assert said(trials) == ["Try values of units above 128."]


@pytest.mark.parametrize(
    ("sampler", "confidence"), [("grid", "medium"), ("adaptive", "low"), ("unknown", "low")]
)
def test_values_that_were_chosen_by_results_are_less_sure(sampler: Any, confidence: str) -> None:
    trials = listed(lambda v: 0.6 - 0.03 * np.log2(v["units"]), units=[16, 32, 64, 128])
    (finding,) = edges(replace(trials, design=Design(sampler)))
    assert finding.confidence == confidence


@pytest.mark.parametrize("make", [listed, ranged])
def test_chance_seldom_makes_an_end(make: Any) -> None:
    more = {"units": [16, 32, 64, 128], "lr": [0.01, 0.1, 1.0]} if make is listed else {}
    fired = sum(bool(edges(make(lambda v: 0.6, seed, **more))) for seed in range(25))
    assert fired <= 3


@pytest.mark.slow
def test_chance_makes_an_end_in_one_sweep_of_twenty_at_most() -> None:
    fired = sum(bool(edges(ranged(lambda v: 0.6, seed, 60))) for seed in range(200))
    assert fired <= 0.08 * 200
