"""What the score promises: the best epoch, a small one-sided penalty, ranks that make sense."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.outcomes import Outcome, judge
from auditor.scoring import DEFAULT_GAP_PENALTY, Scores, objective_curve, score
from auditor.trials import Objective, Recorded, Run, Trials
from tests.making import Curves, case, sweep

NAN, INF = math.nan, math.inf
ERROR, ACCURACY = Objective("val_err", "min"), Objective("val_acc", "max")

value = st.floats(-1e3, 1e3).map(lambda x: round(x, 3))
maybe = value | st.sampled_from([NAN, INF, -INF])
pair = st.lists(st.tuples(maybe, maybe), max_size=6)
curves = st.dictionaries(st.text("abc", min_size=1, max_size=2), pair, min_size=1, max_size=6)
weights = st.floats(0, 10)


def scored(trials: Trials, weight: float = DEFAULT_GAP_PENALTY) -> Scores:
    return score(trials, judge(trials), weight)


def named(drawn: Mapping[str, list[tuple[float, float]]], metric: str) -> dict[str, Curves]:
    return {
        trial: {metric: [a for a, _ in pairs], f"val_{metric}": [b for _, b in pairs]}
        for trial, pairs in drawn.items()
    }


def only(trials: Trials, **more: Any) -> Any:
    (run,) = scored(trials, **more).by_run.values()
    return run


@pytest.mark.parametrize(
    ("name", "epoch", "gap"),
    [("grid_winner_20_epochs", 3, 0.257460), ("grid_winner_150_epochs", 2, 0.245059)],
)
def test_published_cases_are_scored_at_their_best_epoch(name: str, epoch: int, gap: float) -> None:
    run = only(sweep({"a": case(name)}))
    assert (run.best_epoch, run.gap) == (epoch, pytest.approx(gap, abs=1e-6))


def test_a_useful_model_is_never_pushed_below_knowing_nothing() -> None:
    trials = sweep({"a": case("grid_winner_150_epochs")}, no_skill_loss=math.log(2))
    assert only(trials, weight=0.5).score == pytest.approx(math.log(2))
    assert only(trials, weight=0.05).score == pytest.approx(0.676995 + 0.05 * 0.245059)


@given(curves, weights, st.sampled_from([ERROR, ACCURACY]))
def test_the_penalty_is_one_sided(drawn: Any, weight: float, objective: Objective) -> None:
    metric = objective.name.removeprefix("val_")
    for run in scored(sweep(named(drawn, metric), objective), weight).by_run.values():
        assert run.penalty >= 0
        if run.gap is None or run.gap <= 0:
            assert run.penalty == 0
            assert run.score == run.objective


@given(curves, weights, st.floats(0.1, 100))
def test_no_run_crosses_the_no_skill_loss(drawn: Any, weight: float, no_skill: float) -> None:
    trials = sweep(named(drawn, "loss"), no_skill_loss=no_skill)
    for run in scored(trials, weight).by_run.values():
        if run.objective is not None and run.objective < no_skill:
            assert run.score <= no_skill


@given(curves, weights)
def test_no_run_falls_below_the_largest_class(drawn: Any, weight: float) -> None:
    trials = sweep(named(drawn, "acc"), ACCURACY, label_counts={"0": 3, "1": 1})
    for run in scored(trials, weight).by_run.values():
        if run.objective is not None and run.objective >= 0.75:
            assert run.score >= 0.75


@given(curves)
def test_weight_zero_ranks_by_the_objective(drawn: Any) -> None:
    for trial in scored(sweep(named(drawn, "err"), ERROR), 0).by_trial.values():
        assert trial.rank == trial.rank_without_penalty
        assert trial.score in (trial.objective, INF)


@given(curves, weights)
def test_maximising_is_minimising_the_negative(drawn: Any, weight: float) -> None:
    low = scored(sweep(named(drawn, "err"), ERROR), weight)
    negative = {t: [(-a, -b) for a, b in pairs] for t, pairs in drawn.items()}
    high = scored(sweep(named(negative, "acc"), ACCURACY), weight)
    assert list(low.by_trial) == list(high.by_trial)
    for run, mine in low.by_run.items():
        theirs = high.by_run[run]
        assert (mine.best_epoch, mine.gap) == (theirs.best_epoch, theirs.gap)
        assert mine.score == (None if theirs.score is None else -theirs.score)


@given(curves, weights)
def test_ranks_are_a_permutation_and_the_diverged_come_last(drawn: Any, weight: float) -> None:
    trials = sweep(named(drawn, "loss"), no_skill_loss=1.0)
    outcomes = judge(trials)
    by_trial = score(trials, outcomes, weight).by_trial
    assert by_trial.keys() == trials.hyperparameters.keys()
    for kind in ("rank", "rank_without_penalty"):
        ranks = [r for t in by_trial.values() if (r := getattr(t, kind)) is not None]
        assert sorted(ranks) == list(range(1, len(ranks) + 1))
    ranked = [t for t, s in by_trial.items() if s.rank is not None]
    assert list(by_trial)[: len(ranked)] == ranked
    diverged = [outcomes.by_trial[t] == Outcome.DIVERGED for t in ranked]
    assert diverged == sorted(diverged)


def test_an_explosion_that_came_back_keeps_its_score() -> None:
    recovered = {"loss": [1e9, 0.5, 0.4], "val_loss": [0.6, 0.5, 0.4]}
    diverged = {"loss": [0.3, NAN], "val_loss": [0.1, NAN]}
    by_trial = scored(sweep({"d": diverged, "r": recovered}, no_skill_loss=0.7)).by_trial
    assert [(t, s.rank, s.score) for t, s in by_trial.items()] == [
        ("r", 1, pytest.approx(0.4)),
        ("d", 2, INF),
    ]


def test_runs_average_to_their_trial_without_those_that_failed() -> None:
    good = {"loss": [0.3], "val_loss": [0.4]}
    bad = {"loss": [NAN], "val_loss": [NAN]}
    runs = {Run("a", 0): good, Run("a", 1): {**good, "val_loss": [0.6]}, Run("a", 2): bad}
    runs[Run("a", 3)] = {**good, "val_loss": [0.0]}
    told = {Run("a", 3): Recorded("failed")}
    trial = scored(sweep(runs, recorded=told), 0).by_trial["a"]
    assert (trial.runs, trial.score, trial.best_run) == (2, pytest.approx(0.5), Run("a", 0))
    assert trial.spread == pytest.approx(0.02**0.5)


def test_a_crashed_trial_does_not_rank() -> None:
    promising = {"loss": [0.1], "val_loss": [0.1]}
    told = {"a": Recorded("failed", message="out of memory")}
    trial = scored(sweep({"a": promising}, recorded=told)).by_trial["a"]
    assert (trial.rank, trial.score) == (None, None)


BOTH = Objective(
    "multi_objective",
    components=(Objective("val_loss", "min"), Objective("val_acc", "max")),
)


def test_a_multi_objective_is_kerastuners_sum_without_a_penalty() -> None:
    logs = {"val_loss": [0.6, 0.4, 0.5], "val_acc": [0.5, 0.6, 0.9], "loss": [0.1] * 3}
    scores = scored(sweep({"a": logs}, BOTH), 1.0)
    run = scores.by_run[Run("a")]
    assert (run.best_epoch, run.score) == (2, pytest.approx(0.5 - 0.9))
    assert (run.gap, run.penalty) == (None, 0)
    assert "multi-objective" in scores.notes[0]


@given(pair)
def test_a_multi_objective_needs_all_its_parts_in_an_epoch(pairs: Any) -> None:
    logs = {
        "val_loss": {i: a for i, (a, _) in enumerate(pairs)},
        "val_acc": {i + 1: b for i, (_, b) in enumerate(pairs)},
    }
    epochs = objective_curve(sweep({"a": logs}, BOTH), Run("a")).epochs
    assert epochs.tolist() == list(range(1, len(pairs)))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (Recorded(metrics={"val_loss": 0.5, "loss": 0.3}, best_epoch=2, score=9.0), (2, 0.5, 0.2)),
        (Recorded(score=0.5), (None, 0.5, None)),
        (Recorded(metrics={"other": 1.0}, score=0.5), (None, 0.5, None)),
        (Recorded(metrics={"val_loss": NAN}, score=0.5), (None, None, None)),
        (Recorded(), (None, None, None)),
    ],
)
def test_without_a_curve_the_recorded_metrics_score(told: Recorded, expected: Any) -> None:
    run = only(sweep({}, recorded={"a": told}))
    assert (run.best_epoch, run.objective) == expected[:2]
    assert run.gap == (None if expected[2] is None else pytest.approx(expected[2]))


def test_what_a_run_returned_outranks_its_curve() -> None:
    told = Recorded(metrics={"val_loss": 0.9}, authoritative=True)
    run = only(sweep({"a": {"val_loss": [0.1]}}, recorded={"a": told}))
    assert run.objective == 0.9


def test_without_regularisation_terms_ranks_and_the_gap_stays_like_with_like() -> None:
    logged = {"loss": [5.0, 5.1], "val_loss": [5.4, 5.2]}
    plain = {"a": {"unregularised_val_loss": [0.3, 0.4]}}
    run = only(sweep({"a": logged}, series=plain))
    assert (run.best_epoch, run.objective, run.gap) == (0, 0.3, pytest.approx(0.4))


@pytest.mark.parametrize(
    ("objective", "logs", "said"),
    [
        ("loss", {"loss": [1.0]}, "not a validation metric"),
        ("val_loss", {"val_loss": [1.0]}, "'loss', the training twin of 'val_loss'"),
        ("val_loss", {"val_loss": [1.0], "loss": [1.0]}, "median of the sweep"),
    ],
)
def test_what_limits_the_penalty_is_said(objective: str, logs: Curves, said: str) -> None:
    assert said in scored(sweep({"a": logs}, objective)).notes[0]


def test_the_gap_is_to_training_without_dropout_where_that_was_measured() -> None:
    logs = {"loss": [0.9, 0.7], "val_loss": [0.8, 0.6]}
    trials = sweep({"a": logs}, series={"a": {"clean_loss": [0.7, 0.45]}})
    assert only(trials).gap == pytest.approx(0.15)
    assert "inference mode" in scored(trials).notes[-1]


def test_a_weighted_training_loss_is_no_twin_of_the_validation_loss() -> None:
    logs = {"loss": [0.1], "val_loss": [1.0], "accuracy": [0.9], "val_accuracy": [0.5]}
    accuracy = Objective("val_accuracy", "max")
    for objective, gap in (("val_loss", None), (accuracy, pytest.approx(0.4))):
        trials = sweep({"a": logs}, objective)
        weighted = replace(trials, context=replace(trials.context, weighted_training=True))
        assert only(weighted).gap == gap
        assert ("training rows were weighted" in scored(weighted).notes[0]) == (gap is None)


@pytest.mark.parametrize("weight", [-0.1, NAN, INF])
def test_a_weight_that_is_no_weight_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="gap_penalty"):
        scored(sweep({}), weight)


def test_a_gap_beyond_all_floats_is_no_gap() -> None:
    logs = {"err": [-1.7e308], "val_err": [1.7e308]}
    assert only(sweep({"a": logs}, ERROR), weight=0.0).gap is None


def test_scores_are_frozen() -> None:
    scores = scored(sweep({"a": {"val_loss": [1.0]}}))
    with pytest.raises(TypeError):
        scores.by_run[Run("a")] = replace(scores.by_run[Run("a")], score=0.0)  # type: ignore[index]


def test_objectives_too_large_to_be_added_have_a_median() -> None:
    huge = {trial: Recorded("completed", score=1.5e308) for trial in "ab"}
    assert {s.score for s in scored(sweep({}, recorded=huge)).by_trial.values()} == {1.5e308}
