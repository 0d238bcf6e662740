"""What is claimed of planted differences, and that nothing is where there is none."""

from dataclasses import replace
from typing import Any

import pytest

from auditor.auditing import Audit
from auditor.comparing import Comparison, compare
from tests.comparing.planted import GRID, SEEDS, quick, sweep


def compared(before: dict[str, Any], after: dict[str, Any]) -> Comparison:
    return compare(quick(sweep(**before)), quick(sweep(**after)))


def test_the_same_sweep_twice_has_no_difference() -> None:
    found = compared({"seed": 0, "crashing": 0.2}, {"seed": 0, "crashing": 0.2})
    assert (found.verdict, found.claims) == ("same", {})


def test_a_shift_of_all_trials_is_told() -> None:
    found = compared({"seed": 0}, {"seed": 1, "shift": -2 * SEEDS})
    assert (found.verdict, found.claims) == ("better", {"objective": "better"})
    assert found.objective
    assert found.objective.interval
    low, high = found.objective.interval
    assert low < -2 * SEEDS < high < 0


@pytest.mark.parametrize(("direction", "verdict"), [("min", "worse"), ("max", "better")])
def test_a_rise_is_good_or_bad_as_the_objective_has_it(direction: str, verdict: str) -> None:
    found = compared(
        {"seed": 0, "direction": direction},
        {"seed": 1, "shift": 3 * SEEDS, "direction": direction},
    )
    assert found.verdict == verdict


def test_a_negative_gap_counts_as_none() -> None:
    below, less, above = (with_gap(quick(sweep(0)), gap=gap) for gap in (-0.2, -0.01, 0.1))
    found, risen = compare(below, less).gap, compare(below, above).gap
    assert found
    assert risen
    assert (found.better, found.worse, found.equal) == (0, 0, len(GRID))
    assert (risen.worse, risen.shift) == (len(GRID), pytest.approx(0.1))


def with_gap(audited: Audit, gap: float) -> Audit:
    scores = {t: replace(s, gap=gap) for t, s in audited.scores.by_trial.items()}
    return replace(audited, scores=replace(audited.scores, by_trial=scores))


def test_seeds_of_the_best_tell_their_difference_from_luck() -> None:
    several = {"executions": 6}
    found = compared({"seed": 0, **several}, {"seed": 1, "shift": -5 * SEEDS, **several})
    assert found.claims == {"best": "better", "objective": "better"}
    assert found.beyond_seeds
    assert len(found.beyond_seeds.better) == len(GRID)


def test_the_best_of_many_more_trials_is_no_proof() -> None:
    few, several = GRID[:6], {"executions": 6}
    found = compared(
        {"seed": 0, "values": few, **several}, {"seed": 1, "shift": -5 * SEEDS, **several}
    )
    assert found.best
    assert found.best.interval
    assert "best" not in found.claims


def test_recovered_trials_are_told_with_a_test() -> None:
    found = compared({"seed": 0, "crashing": 0.6}, {"seed": 1})
    assert found.claims["outcomes"] == "better"
    assert len(found.turned.recovered) > 10
    assert found.turned.failing == ()
    assert found.turned.p == pytest.approx(2 * 0.5 ** len(found.turned.recovered))


def test_few_pairs_claim_nothing() -> None:
    few = {"values": GRID[:5]}
    found = compared({"seed": 0, **few}, {"seed": 1, "shift": -1.0, **few})
    assert found.verdict == "undecided"


def false_claims(comparisons: int, **how: Any) -> float:
    """Share of comparisons of one process with itself that claim anything."""
    claimed = [
        bool(compared({"seed": 2 * i, **how}, {"seed": 2 * i + 1, **how}).claims)
        for i in range(comparisons)
    ]
    return sum(claimed) / comparisons


HOW = [
    pytest.param({"crashing": 0.2}, id="one seed"),
    pytest.param({"executions": 3, "crashing": 0.1}, id="three seeds"),
    pytest.param({"executions": 2, "values": GRID[:8]}, id="eight trials"),
]


@pytest.mark.parametrize("how", HOW)
def test_without_a_difference_next_to_nothing_is_claimed(how: dict[str, Any]) -> None:
    # Sixty with a probability of .05 have five or fewer in nine of ten cases; seeds are fixed.
    assert false_claims(60, **how) <= 5 / 60


@pytest.mark.slow
@pytest.mark.parametrize("how", HOW)
def test_without_a_difference_five_percent_claim_at_most(how: dict[str, Any]) -> None:
    # Two standard errors of a share of .05 among 600.
    assert false_claims(600, **how) <= 0.05 + 2 * 0.009
