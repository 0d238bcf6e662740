"""What comes nearest to a cause is told with how many trials would tell."""

import pytest

from auditor.attribution.nearest import find_nearest
from tests.attribution.planted import diverging, explain, grid, sweep


def nearest(fails, values):
    return find_nearest(diverging(fails, values).values, len(values))


SIX = grid(activation=["relu", "sigmoid"], lr=[0.001, 0.01, 1.0])


def test_too_few_trials_are_told_with_what_would_do():
    assert nearest(lambda v: v["lr"] == 1.0, SIX) == (
        "Nearest: lr = 1.0 failed in 2 of 2, all else in 0 of 4; 6 trials are too few to tell that "
        "from chance, about 12 at these rates would."
    )


def test_what_is_said_to_be_enough_is_enough():
    again = [{**v, "seed": s} for v in SIX for s in (0, 1)]
    (cause,) = diverging(lambda v: v["lr"] == 1.0, again).causes
    assert cause.conditions[0].value == 1.0


@pytest.mark.parametrize(
    "fails", [lambda v: False, lambda v: True, lambda v: v == SIX[0]], ids=["none", "all", "one"]
)
def test_what_no_value_goes_with_has_none(fails):
    assert nearest(fails, SIX) == ""


def test_runs_of_one_trial_are_no_more_trials():
    trials = sweep(SIX, lambda v: ["diverged" if v["lr"] == 1.0 else "ok"] * 3)
    assert find_nearest(explain(trials).values, len(SIX)) == ""
