"""What pictures of causes count."""

from dataclasses import replace

from auditor.attribution.cause import Condition
from auditor.auditing import Audit
from auditor.outcomes import Outcome, RunOutcome
from auditor.report.counts import pair_counts, strongest_values, top_pairs
from auditor.trials import Run


def test_a_pair_is_counted_in_every_cell(full: Audit) -> None:
    (pair,) = top_pairs(full)
    assert (pair.outcome, pair.names) == ("overfit", ("lr", "activation"))
    assert pair.levels == (("0.01", "0.1", "1.0"), ("relu", "sigmoid"))
    assert pair.total == ((2, 2, 2), (2, 2, 2))
    assert pair.failing == ((0, 0, 0), (0, 0, 2))
    assert pair.has_thin


def test_runs_without_an_outcome_are_not_in_the_total(full: Audit) -> None:
    run = Run("0010")
    pruned = {**full.outcomes.by_run, run: RunOutcome(Outcome.PRUNED, "")}
    (pair,) = top_pairs(replace(full, outcomes=replace(full.outcomes, by_run=pruned)))
    assert (pair.failing[1][2], pair.total[1][2]) == (1, 1)


def test_a_threshold_splits_its_axis_in_two(full: Audit) -> None:
    tests = Condition("lr", ">=", 0.1), Condition("units", "<=", 16)
    pair = pair_counts(full, "diverged", tests)
    assert pair.levels == (("≥ 0.1", "< 0.1"), ("≤ 16", "> 16"))
    assert sum(map(sum, pair.total)) == len(full.trials.runs)


def test_no_two_pairs_are_of_the_same_hyperparameters(full: Audit) -> None:
    lr, relu = Condition("lr", "==", 1.0), Condition("activation", "==", "relu")
    (first,) = full.attribution.pairs
    again = replace(first, outcome="diverged", conditions=(relu, lr))
    other = replace(first, conditions=(lr, Condition("units", "==", 16)), added=0.1)
    found = replace(full.attribution, pairs=(again, other, first))
    assert [pair.names for pair in top_pairs(replace(full, attribution=found))] == [
        ("lr", "activation"),
        ("lr", "units"),
    ]


def test_single_values_stand_once_each_with_their_strongest_outcome(full: Audit) -> None:
    lr = full.attribution.values[0]
    weak, strong = replace(lr, effect=0.2), replace(lr, outcome="diverged", effect=0.5)
    less = replace(lr, conditions=(Condition("units", "==", 16),), effect=-0.2)
    found = replace(full.attribution, values=(weak, strong, less))
    (shown,) = strongest_values(replace(full, attribution=found))
    assert (shown.outcome, shown.effect) == ("diverged", 0.5)


def test_a_value_may_be_a_list_or_a_mapping(full: Audit) -> None:
    lr = full.attribution.values[0]
    layers = replace(lr, conditions=(Condition("layers", "==", [64, 64]),), effect=0.4)
    optimizer = replace(lr, conditions=(Condition("optimizer", "==", {"lr": 1}),), effect=0.3)
    found = replace(full.attribution, values=(layers, optimizer, layers))
    assert strongest_values(replace(full, attribution=found)) == [layers, optimizer]
