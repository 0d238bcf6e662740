"""Plans of reruns: the fewest trainings that decide, within a budget, and the same each time."""

from dataclasses import replace

import pytest

from auditor.attribution import plan_reruns
from auditor.attribution.cause import Attribution, Cause, Condition, Tally
from auditor.attribution.planning import plan
from auditor.outcomes import judge
from auditor.trials import Recorded
from tests.attribution.planted import grid, sweep


def ends(fails):
    return lambda v: "diverged" if fails(v) else "ok"


def high(v):
    return v["lr"] == 1.0


def trials_of(fails=high, configurations=None):
    return sweep(grid() if configurations is None else configurations, ends(fails))


def timed(trials, seconds):
    recorded = {
        run: Recorded("completed", seconds=seconds(trials.hyperparameters[run.trial_id]))
        for run in trials.runs
    }
    return replace(trials, recorded=recorded)


def cause(**values):
    conditions = tuple(Condition(name, "==", value) for name, value in values.items())
    counts = Tally("diverged", conditions, 3, 3, 0, 9)
    return Cause("diverged", conditions, counts, None, None, 0.01, "associated", (), "a cause")


def planned(trials, *causes, budget=None):
    """A plan for causes that are given."""
    attribution = Attribution("adaptive", 0, (), (), causes, ())
    return plan(trials, judge(trials), attribution, budget)


def values(found):
    return [dict(cell.hyperparameters) for cell in found.cells]


def test_failing_trials_and_their_neighbours_are_rerun():
    found = plan_reruns(trials_of())
    (claim,) = found.claims
    inside = [found.cells[place] for place in claim.cells]
    outside = [found.cells[place] for place in claim.flipped["lr"]]
    assert (found.trainings, claim.seeds, len(inside)) == (12, 3, 2)
    for one, other in zip(inside, outside, strict=True):
        assert one.failed
        assert not other.failed
        assert {**one.hyperparameters, "lr": 0} == {**other.hyperparameters, "lr": 0}
    first, second = (cell.hyperparameters for cell in inside)
    assert [name for name in first if first[name] == second[name]] == ["lr"]


def test_changed_configurations_are_trained_first():
    wanted = plan_reruns(trials_of()).wanted
    assert [values["lr"] == 1.0 for values in wanted] == [False] * 6 + [True] * 6


def test_of_equally_telling_cells_the_cheaper_are_chosen():
    trials = timed(trials_of(), lambda v: 100.0 if v["units"] == 32 or v["lr"] == 0.1 else 2.0)
    found = plan_reruns(trials)
    assert {cell.hyperparameters["lr"] for cell in found.cells} == {1.0, 0.01}
    # Two cells that differ in all they can: one of them has 32 units.
    assert found.seconds == 6 * 100.0 + 6 * 2.0


@pytest.mark.parametrize(("budget", "trainings"), [(None, 12), (12, 12), (11, 0)])
def test_a_cause_is_planned_within_the_budget_or_not_at_all(budget, trainings):
    found = plan_reruns(trials_of(), budget)
    assert found.trainings == trainings
    assert len(found.claims) + len(found.left_out) == 1


def test_earlier_reruns_count_and_what_was_begun_goes_on():
    trials = trials_of()
    whole = plan_reruns(trials)
    some = replace(trials, reruns=sweep(whole.wanted[:7], ends(high)))
    rest = plan_reruns(some)
    assert values(rest) == values(whole)
    assert rest.trainings == 5
    done = replace(trials, reruns=sweep(whole.wanted, ends(high)))
    assert plan_reruns(done).trainings == 0
    assert str(plan_reruns(done)).startswith("All planned reruns have been made.")


def test_where_only_the_value_of_the_cause_varies_one_cell_gets_more_seeds():
    rows = [{"lr": rate, "units": 16} for rate in (0.001, 0.01, 0.1, 0.5, 1.0)]
    high = replace(cause(lr=0.1), conditions=(Condition("lr", ">=", 0.1),))
    (claim,) = planned(trials_of(lambda v: v["lr"] >= 0.1, rows), high).claims
    assert (len(claim.cells), claim.seeds) == (1, 5)


def test_a_milder_outcome_of_the_same_values_does_not_stand_in_the_way():
    worse, milder = replace(cause(lr=1.0), outcome="crashed"), cause(activation="relu")
    rows = [v for v in grid() if v["activation"] == "relu"]
    trials = sweep(rows, lambda v: "crashed" if v["lr"] == 1.0 else "diverged")
    assert [claim.cause for claim in planned(trials, worse, milder).claims] == [worse]


def test_more_causes_need_more():
    one, *_ = planned(trials_of(), cause(lr=1.0)).claims
    trials = trials_of(lambda v: v["lr"] == 1.0 or v["units"] == 32 or v["dropout"] == 0.5)
    causes = cause(lr=1.0), cause(units=32), cause(dropout=0.5)
    found = planned(trials, *causes)
    assert one.seeds == 3
    assert {claim.seeds for claim in found.claims} == {4}
    # What does not meet any of them serves as the changed configuration of all.
    assert len(found.cells) < sum(2 * len(claim.cells) for claim in found.claims)


def test_causes_that_always_come_together_are_tried_apart():
    rows = [
        {"lr": 1.0 if high else 0.1, "units": 64 if high else 16, "dropout": i / 100}
        for i in range(12)
        for high in (False, True)
    ]
    found = planned(trials_of(configurations=rows), cause(units=64), cause(lr=1.0))
    assert not found.left_out
    for claim, (name, other) in zip(found.claims, (("units", "lr"), ("lr", "units")), strict=True):
        clean = {"lr": 0.1, "units": 16}
        for place in claim.cells:
            own = found.cells[place].hyperparameters
            assert own[name] == {"lr": 1.0, "units": 64}[name]
            assert own[other] == clean[other]


def test_without_a_trial_to_take_another_value_from_nothing_is_planned():
    rows = [{"lr": 1.0, "units": units} for units in range(5)]
    found = planned(trials_of(configurations=rows), cause(lr=1.0))
    assert not found.claims
    assert "no configuration is known" in str(found)


def test_a_parent_is_not_changed_where_other_hyperparameters_would_exist():
    rows = [{"kind": "a", "momentum": m, "seed": i} for i in range(4) for m in (0.1, 0.9)] + [
        {"kind": "b", "seed": i} for i in range(4)
    ]
    found = planned(trials_of(lambda v: v["kind"] == "a", rows), cause(kind="a"))
    assert not found.claims


def test_a_plan_says_what_is_trained_and_what_it_costs():
    text = str(plan_reruns(timed(trials_of(), lambda v: 20.0)))
    assert text.startswith("12 trainings, about 4 min one after another, to decide 1 cause")
    assert "which failed)" in text
    assert "each with another lr: " in text


def test_without_causes_there_is_nothing_to_rerun():
    assert str(plan_reruns(trials_of(lambda v: False))) == "There is nothing to rerun."
