"""The exact test of reruns, and its error rates where the truth is known."""

import numpy as np
import pytest
from scipy.stats import fisher_exact

from auditor.attribution.cause import Cause, Condition, Tally
from auditor.attribution.deciding import LOOKS, Group, Rerun, decide, exact_p, holm
from auditor.attribution.thresholds import ALPHA
from auditor.outcomes import Outcome


def cause(*values, outcome="diverged"):
    conditions = tuple(Condition(name, "==", value) for name, value in values)
    counts = Tally(outcome, conditions, 3, 3, 0, 9)
    return Cause(outcome, conditions, counts, None, None, 0.01, "associated", (), "a cause")


HIGH = cause(("lr", 1.0))


def reruns(random, inside, outside, cells=2, seeds=3):
    """Cells with lr = 1 and lr = .1, which diverge at these rates."""
    return [
        Rerun(
            {"lr": lr, "units": cell},
            Outcome.DIVERGED if random.random() < rate else Outcome.OK,
        )
        for lr, rate in ((1.0, inside), (0.1, outside))
        for cell in range(cells)
        for _ in range(seeds)
    ]


def rates(inside, outside, times=400):
    random = np.random.default_rng(0)
    found = [decide([HIGH], reruns(random, inside, outside))[0].verdict for _ in range(times)]
    return {verdict: found.count(verdict) / times for verdict in set(found)}


@pytest.mark.parametrize("group", [Group(3, 3, 0, 3), Group(4, 5, 1, 5), Group(2, 4, 2, 3)])
def test_within_one_group_it_is_fishers_test(group):
    table = [
        [group.failing, group.total - group.failing],
        [group.failing_without, group.total_without - group.failing_without],
    ]
    assert exact_p([group]) == pytest.approx(fisher_exact(table, "greater").pvalue)


def test_groups_multiply_what_each_shows_alone():
    assert exact_p([Group(3, 3, 0, 3)]) == pytest.approx(1 / 20)
    assert exact_p([Group(3, 3, 0, 3)] * 2) == pytest.approx(1 / 400)
    assert exact_p([Group(3, 3, 0, 3), Group(3, 3, 3, 3)]) == pytest.approx(1 / 20)
    assert exact_p([]) == 1


def test_p_is_adjusted_for_all_causes_and_looks():
    assert holm([0.02, 0.001]) == pytest.approx([LOOKS * 0.02, LOOKS * 2 * 0.001])
    assert holm([0.001, 0.0009]) == pytest.approx([LOOKS * 2 * 0.0009] * 2)
    assert holm([0.9]) == [1.0]


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
def test_what_does_nothing_is_hardly_ever_confirmed(rate):
    found = rates(rate, rate)
    assert found.get("confirmed", 0) <= ALPHA
    assert found["withdrawn"] > 0.5


def test_what_decides_is_confirmed_and_never_withdrawn():
    assert rates(1.0, 0.0) == {"confirmed": 1.0}
    found = rates(0.95, 0.02)
    assert found["confirmed"] > 0.85
    assert found.get("withdrawn", 0) == 0


def test_what_makes_half_the_seeds_fail_is_mostly_left_open():
    found = rates(0.5, 0.0)
    assert found["undecided"] > 0.7
    assert found.get("withdrawn", 0) < 0.05


def test_what_makes_a_small_difference_for_sure_is_not_withdrawn():
    ended = [Outcome.DIVERGED] * 3 + [Outcome.OK] * 7
    seen = [Rerun({"lr": 1.0, "units": u}, end) for u in (0, 1) for end in ended]
    seen += [Rerun({"lr": 0.1, "units": u}, Outcome.OK) for u in (0, 1) for _ in ended]
    (found,) = decide([HIGH], seen)
    assert (found.failing, found.total, found.verdict) == (6, 20, "undecided")


def test_a_cause_is_not_judged_where_another_one_holds():
    other = cause(("units", 0))
    random = np.random.default_rng(0)
    found = decide([HIGH, other], reruns(random, 1.0, 0.0))
    assert (found[0].total, found[0].flips[0].total) == (3, 3)


def test_a_milder_outcome_is_no_failure_and_a_worse_one_tells_nothing():
    ended = [Outcome.OVERFIT, Outcome.CRASHED, Outcome.PRUNED, Outcome.DIVERGED]
    seen = [Rerun({"lr": 1.0, "units": 0}, end) for end in ended]
    seen += [Rerun({"lr": 0.1, "units": 0}, Outcome.OK)] * 3
    (found,) = decide([HIGH], seen)
    assert (found.failing, found.total) == (1, 2)


@pytest.mark.parametrize("lr", [1.0, 0.1])
def test_one_side_alone_decides_nothing(lr):
    assert decide([HIGH], [Rerun({"lr": lr}, Outcome.DIVERGED)] * 5) == (None,)
