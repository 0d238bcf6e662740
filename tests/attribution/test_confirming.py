"""Planted truth, rerun: what is a cause is confirmed, what only went with one is withdrawn."""

from dataclasses import replace

import numpy as np

from auditor.attribution import plan_reruns
from auditor.trials import Context
from tests.attribution.planted import CURVES, conditions, explain, grid, named, sweep

PAIR = "lr == 1.0 & activation == sigmoid"


def pair(v):
    return v["lr"] == 1.0 and v["activation"] == "sigmoid"


def ends(fails):
    return lambda v: "diverged" if fails(v) else "ok"


def rerun(trials, truth, budget=None):
    """The same sweep with all planned reruns made."""
    return replace(trials, reruns=sweep(plan_reruns(trials, budget).wanted, truth))


def verdicts(attribution):
    return {
        conditions(cause): cause.confirmation and cause.confirmation.verdict
        for cause in (*attribution.causes, *attribution.withdrawn)
    }


def aliased(random=None):
    """An adaptive search in which units and the learning rate rise together; the rate decides."""
    random = random or np.random.default_rng(0)
    highs = random.random(60) < 0.4
    return [
        {
            "units": 64 if high else 16,
            "lr": 1.0 if high else 0.01,
            "dropout": float(random.uniform(0, 0.5)),
        }
        for high in highs.tolist()
    ]


def test_a_planted_pair_is_confirmed():
    found = explain(rerun(sweep(grid(), ends(pair)), ends(pair)))
    (cause,) = found.causes
    assert (conditions(cause), cause.evidence) == (PAIR, "confirmed")
    assert cause.sentence.endswith(
        "confirmed by reruns: 6 of 6 with new seeds fail; 0 of 6 after changing lr, "
        "0 of 6 after changing activation (p = 0.005); evidence: confirmed"
    )
    assert cause.sentence.count("evidence: ") == 1


def test_a_bystander_that_fails_whatever_its_value_is_withdrawn():
    truth = ends(lambda v: v["lr"] == 1.0)
    trials = sweep(aliased(), truth, "adaptive")
    assert named(explain(trials)) == ["units == 64"]
    found = explain(rerun(trials, truth))
    assert found.causes == ()
    assert [conditions(cause) for cause in found.withdrawn] == ["units == 64"]
    assert "units = 64 (diverged) is no cause: withdrawn after reruns: 6 of 6" in found.notes[0]


def test_a_failure_that_does_not_recur_is_withdrawn():
    trials = sweep(grid(), ends(lambda v: v["lr"] == 1.0))
    found = explain(rerun(trials, ends(lambda v: False)))
    assert (found.causes, len(found.withdrawn)) == ((), 1)


def test_half_of_a_pair_that_was_enough_alone_withdraws_the_pair():
    found = explain(rerun(sweep(grid(), ends(pair)), ends(lambda v: v["lr"] == 1.0)))
    assert found.causes == ()
    (cause,) = found.withdrawn
    assert [(f.hyperparameter, f.failing) for f in cause.confirmation.flips] == [
        ("lr", 0),
        ("activation", 6),
    ]


def test_a_failure_of_half_the_seeds_stays_open_and_its_rate_is_told():
    trials = sweep(grid(), ends(lambda v: v["lr"] == 1.0))
    turns = iter([True, False] * 100)
    half = ends(lambda v: v["lr"] == 1.0 and next(turns))
    (cause,) = explain(rerun(trials, half)).causes
    assert (cause.evidence, cause.confirmation.verdict) == ("but-for", "undecided")
    assert "reruns leave it open: 3 of 6 with new seeds fail" in cause.sentence


def test_what_is_left_open_gets_as_many_seeds_again_once():
    trials = sweep(grid(), ends(lambda v: v["lr"] == 1.0))
    turns = iter([True, False] * 100)
    half = ends(lambda v: v["lr"] == 1.0 and next(turns))
    first = plan_reruns(trials)
    trials = rerun(trials, half)
    second = plan_reruns(trials)
    assert (first.trainings, second.trainings) == (12, 12)
    assert {cell.seeds for cell in second.cells} == {6}
    trials = rerun(trials, half)
    assert plan_reruns(trials).trainings == 0
    (cause,) = explain(trials).causes
    assert "it makes a difference, but does not decide alone; evidence: " in cause.sentence


def test_several_causes_are_each_decided_where_no_other_one_holds():
    truth = ends(lambda v: pair(v) or v["initializer"] == "normal")
    trials = sweep(grid(), truth)
    plan = plan_reruns(trials)
    assert len(plan.claims) == 2
    assert verdicts(explain(rerun(trials, truth))) == {
        PAIR: "confirmed",
        "initializer == normal": "confirmed",
    }


def test_neighbours_that_were_never_tried_are_tried():
    trials = sweep(aliased(), ends(lambda v: v["lr"] == 1.0), "adaptive")
    new = [cell for cell in plan_reruns(trials).cells if cell.trial_id is None]
    assert [(cell.hyperparameters["units"], cell.hyperparameters["lr"]) for cell in new] == [
        (16, 1.0),
        (16, 1.0),
    ]


def test_worse_outcomes_say_nothing_about_a_cause():
    trials = sweep(grid(), ends(lambda v: v["lr"] == 1.0))
    found = explain(rerun(trials, lambda v: "crashed"))
    assert [cause.confirmation for cause in found.causes] == [None]


def test_without_reruns_nothing_changes():
    trials = sweep(grid(), ends(pair))
    assert explain(trials).causes[0].confirmation is None
    assert explain(replace(trials, reruns=sweep([], ends(pair)))) == explain(trials)


def test_reruns_are_judged_against_what_the_sweep_is_judged_against(monkeypatch):
    """That a finite loss has exploded is known from the no-skill loss, which the reruns lack."""
    monkeypatch.setitem(CURVES, "diverged", [0.6, 1e3, 1e3, 1e3])
    truth = ends(lambda v: v["lr"] == 1.0)
    trials = rerun(sweep(grid(), truth), truth)
    trials = replace(trials, reruns=replace(trials.reruns, context=Context()))
    assert verdicts(explain(trials)) == {"lr == 1.0": "confirmed"}


def test_a_second_look_is_finished_although_half_of_it_would_do():
    trials = sweep(grid(), ends(lambda v: v["lr"] == 1.0))
    turns = iter([True, False] * 3 + [True] * 100)
    half = ends(lambda v: v["lr"] == 1.0 and next(turns))
    trials = rerun(trials, half)
    wanted = plan_reruns(trials).wanted  # six seeds without the condition, twice, then with it
    some = sweep(wanted[:12] + wanted[12:14] * 3 + wanted[18:20] * 3, half)
    begun = replace(trials, reruns=some)
    left = plan_reruns(begun)
    assert left.claims[0].seeds == 6
