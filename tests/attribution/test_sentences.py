"""A sentence claims what the design allows, and no more."""

import numpy as np

from auditor.attribution.cause import Cause, Condition, Rescue, Tally
from auditor.attribution.sentences import sentence
from tests.attribution.planted import diverging, random_configurations


def test_what_goes_along_with_another_hyperparameter_was_not_drawn_by_itself():
    values = [{**v, "decay": v["lr"] / 10} for v in random_configurations(60, 6)]
    (cause,) = diverging(lambda v: v["lr"] >= 0.1, values, "random").causes
    assert cause.evidence == "associated"
    assert "cannot be told apart from it" in cause.sentence


def test_a_difference_that_may_be_none_does_not_raise_the_risk():
    random, lows = np.random.default_rng(0), list[float]()
    rates = {"relu": 0.5}
    for seed in range(30):
        values = random_configurations(60, seed, bystanders=2)
        fails = lambda v: random.uniform() < rates.get(v["activation"], 0.1)  # noqa: E731
        for cause in diverging(fails, values, "random").causes:
            lows.append(cause.interval[0])
            assert ("it raises the risk by" in cause.sentence) == (lows[-1] > 0)
            assert "averaged over this search space" in cause.sentence
    assert min(lows) <= 0 < max(lows)


def test_what_changing_something_else_does_is_told_at_its_best():
    spared = {"initializer": "normal", "units": 32, "dropout": 0.5}
    fails = lambda v: v["lr"] == 1.0 and not spared.items() <= v.items()  # noqa: E731
    (cause,) = diverging(fails).causes
    assert "alone rescues 21 of 21, any other alone at most 3 of 21; evidence: " in cause.sentence


def test_a_hyperparameter_that_was_never_changed_alone_comes_last():
    tests = Condition("lr", "==", 1.0), Condition("units", "==", 16)
    rescues = Rescue("lr", 0, 0, 8), Rescue("units", 6, 6, 8)
    counts = Tally("diverged", tests, 8, 8, 0, 9)
    cause = Cause("diverged", tests, counts, 1.0, None, 0.01, "but-for", rescues, "")
    assert sentence(cause, {}, (), (), repeated=False) == (
        "lr = 1.0 with units = 16: 8 of 8 diverged, 0 of 9 elsewhere; in this grid changing units "
        "alone rescues 6 of 6 (2 more have no such neighbour), no trial differs in lr alone; "
        "evidence: but-for"
    )
