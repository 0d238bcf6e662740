"""What limits the causes is said."""

import pytest

from auditor.trials import Hyperparameter
from tests.attribution.planted import diverging, explain, grid, random_configurations, sweep


def has(attribution, *words):
    return any(all(word in note for word in words) for note in attribution.notes)


@pytest.mark.parametrize(
    ("values", "sampler", "words"),
    [
        (grid(), "grid", ["Full grid", "72"]),
        (grid()[:59] + grid()[-1:], "grid", ["60 of 72", "12 are missing"]),
        (random_configurations(30, 0), "random", ["Random search", "30 configurations"]),
        (random_configurations(30, 0), "adaptive", ["by earlier results", "auditor confirm"]),
        (random_configurations(30, 0), "unknown", ["not known", "auditor confirm"]),
    ],
)
def test_the_design_is_told(values, sampler, words):
    assert has(diverging(lambda v: False, values, sampler), *words)


@pytest.mark.parametrize(("sampler", "words"), [("random", "was declared"), ("unknown", "earlier")])
def test_drift_is_told(sampler, words):
    values = sorted(random_configurations(30, 0), key=lambda v: v["lr"])
    assert has(diverging(lambda v: False, values, sampler), "Values of lr change", words)


def test_executions_are_told():
    assert has(explain(sweep(grid(), lambda v: "ok")), "One run is recorded per trial")
    repeated = explain(sweep(grid(), lambda v: ["ok", "diverged" if v["lr"] == 1.0 else "ok"]))
    assert has(repeated, "144 runs", "24 trials the runs disagree")


def test_runs_without_an_end_are_told():
    ends = {0.01: "pruned", 0.1: "missing", 1.0: "ok"}
    assert has(explain(sweep(grid(), lambda v: ends[v["lr"]])), "24 pruned", "24 without a result")


def test_trials_that_ended_worse_are_told():
    ends = {0.01: "ok", 0.1: "overfit", 1.0: "diverged"}
    assert has(
        explain(sweep(grid(), lambda v: ends[v["lr"]])),
        "What goes with 'overfit' was looked for without 24 trials that failed worse",
    )


def test_declared_values_that_nobody_tried_are_told():
    space = [Hyperparameter("lr", "choice", (0.01, 0.1, 1.0, 10.0), ordered=True)]
    assert has(explain(sweep(grid(), lambda v: "ok", space=space)), "Never tried: lr = 10.0")


def test_rare_values_are_told():
    values = [{"opt": "adam"}] * 9 + [{"opt": "ftrl"}] * 2
    assert has(diverging(lambda v: False, values), "fewer than 3 trials", "opt = ftrl")


def test_conditional_hyperparameters_are_told():
    values = [{"opt": "sgd", "momentum": m} for m in (0.0, 0.9)] + [{"opt": "adam"}]
    assert has(diverging(lambda v: False, values), "momentum exists in 2 of 3 trials")


def test_a_failure_without_a_cause_is_told():
    attribution = diverging(lambda v: v == grid()[5])
    assert attribution.causes == ()
    assert has(attribution, "No value or pair of values goes with 'diverged'", "1 trial ended so")
    assert has(attribution, "at least 3 are needed")


def test_enough_failures_without_a_cause_are_told_from_too_few():
    scattered = [grid()[place] for place in (5, 30, 46)]
    attribution = diverging(lambda v: v in scattered)
    assert attribution.causes == ()
    assert has(attribution, "3 trials ended so: too few, or too scattered", "pairs looked at")
    assert not has(attribution, "at least 3")


def test_where_every_trial_fails_there_is_nothing_to_compare_with():
    attribution = diverging(lambda v: True)
    assert has(attribution, "All 72 trials ended as 'diverged'", "nothing to compare them with")
    assert not has(attribution, "too few")


@pytest.mark.parametrize(
    ("values", "tied"),
    [
        (grid(), {"b": lambda v: -v["lr"]}),
        (grid(), {"b": lambda v: f"name {v['lr']}"}),
        (grid(), {"b": lambda v: v["lr"] * 2, "c": lambda v: v["lr"] + 1}),
        (random_configurations(40, 0), {"b": lambda v: -v["lr"]}),
        (random_configurations(40, 0), {"b": lambda v: v["lr"] * 2, "c": lambda v: v["lr"] + 1}),
    ],
)
def test_hyperparameters_that_change_together_are_indistinguishable(values, tied):
    values = [{**v, **{name: of(v) for name, of in tied.items()}} for v in values]
    notes = [n for n in diverging(lambda v: False, values).notes if "indistinguishable" in n]
    assert len(notes) == 1
    assert all(name in notes[0] for name in ("lr", *tied))


@pytest.mark.parametrize("values", [grid(), random_configurations(40, 0)], ids=["grid", "random"])
def test_hyperparameters_that_do_not_are_distinguishable(values):
    assert not has(diverging(lambda v: False, values), "indistinguishable")


def test_notes_speak_of_no_causes():
    for sampler in ("grid", "random", "adaptive", "unknown"):
        for values in (grid(), random_configurations(600, 0, bystanders=2)):
            notes = diverging(lambda v: v["lr"] >= 0.3, values, sampler).notes
            assert not any(word.startswith("cause") for note in notes for word in note.split())
