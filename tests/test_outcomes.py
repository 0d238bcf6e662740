"""Outcomes of single runs, of published cases, and of 6,000 real runs."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from auditor.outcomes import (
    FAILURES,
    MIN_EPOCHS,
    Outcome,
    RunOutcome,
    judge,
    noise,
    smooth,
)
from auditor.trials import Objective, Recorded, Run, Trials
from tests.making import Curves, case, sweep

LN2 = math.log(2)
NAN, INF = math.nan, math.inf
LEARNING = {
    "loss": [0.6, 0.5, 0.4, 0.35, 0.3, 0.28],
    "val_loss": [0.62, 0.5, 0.45, 0.4, 0.38, 0.37],
}


def verdict(curves: Curves, recorded: Recorded | None = None, **more: object) -> RunOutcome:
    told = {} if recorded is None else {"recorded": {"a": recorded}}
    return judge(sweep({"a": curves}, **told, **more)).by_run[Run("a")]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "outcome", "onset"),
    [
        ("grid_winner_20_epochs", Outcome.OVERFIT, 4),
        ("grid_winner_150_epochs", Outcome.OVERFIT, 3),
        ("dip_at_epoch_8", Outcome.OK, None),
        ("steering_val_below_train", Outcome.OK, None),
        ("mobilenet_epochs_10_to_34", Outcome.OVERFIT, 11),
    ],
)
def test_published_cases(name: str, outcome: Outcome, onset: int | None) -> None:
    judged = verdict(case(name))
    assert judged.outcome == outcome
    if onset is not None:
        assert judged.onset is not None
        assert judged.onset[0] <= onset <= judged.onset[1]
        assert judged.onset[1] - judged.onset[0] <= 4


def test_crawling_at_chance_is_never_learned() -> None:
    crawl = [
        0.693147,
        0.692983,
        0.692784,
        0.692557,
        0.6923,
        0.69199,
        0.6916,
        0.6911,
        0.6904,
        0.6894,
    ]
    curves = {"loss": crawl, "val_loss": crawl}
    assert verdict(curves, no_skill_loss=LN2).outcome == Outcome.NEVER_LEARNED
    assert verdict(curves).outcome == Outcome.OK  # nothing to measure against


@pytest.mark.parametrize(("end", "outcome"), [(0.693, "degraded"), (0.6, "ok")])
def test_what_was_learned_in_one_epoch_and_lost_for_good_is_degraded(
    end: float, outcome: str
) -> None:
    # Means over five epochs hardly rise.
    curves = {"loss": [0.65, 0.68, *[end] * 38], "val_loss": [0.61, 0.69, *[end] * 38]}
    assert verdict(curves, no_skill_loss=LN2).outcome == outcome


@pytest.mark.parametrize(("first", "recovered"), [(80.0, False), (0.7, True)])
def test_a_guess_does_not_make_an_explosion_of_a_start(first: float, recovered: bool) -> None:
    falling = [0.8, 0.6, 0.5, 0.45, 0.42, 0.4]
    curves = {
        "loss": [90.0, *falling],
        "val_loss": [first, *falling],
        "val_accuracy": [0.6] * 7,
    }
    judged = verdict(curves)
    assert (judged.outcome, judged.recovered) == (Outcome.OK, recovered)


@pytest.mark.parametrize(
    ("loss", "val_loss", "outcome"),
    [
        ([29e3, 28.9e3, 28.5e3, 28e3], [29.6e3, 29.5e3, 29e3, 28.6e3], "ok"),
        ([29e6, 28.9e3, 28.5e3, 28e3], [29.6e3, 29.5e3, 29e3, 28.6e3], "diverged"),
        ([29e3, 35e3, 28.5e3, 28e3], [29.6e3, 29.5e3, 29e3, 28.6e3], "diverged"),
        ([29e3, 28e3, 27e3, NAN], [29e3, 28e3, 27e3, NAN], "diverged"),
    ],
)
def test_a_target_of_another_scale_is_no_explosion(
    loss: list[float], val_loss: list[float], outcome: str
) -> None:
    scaled = {"loss": [0.9, 0.8, 0.7, 0.6], "val_loss": [0.9, 0.8, 0.7, 0.6]}
    trials = sweep({"a": {"loss": loss, "val_loss": val_loss}, "b": scaled, "c": scaled})
    assert judge(trials).by_trial["a"] == outcome


@pytest.mark.parametrize(
    ("training", "right", "outcome"),
    [(400.0, 0.9, "diverged"), (400.0, 0.0, "ok"), (2.0, 0.9, "ok")],
)
def test_no_cross_entropy_is_so_large_and_sound(
    training: float, right: float, outcome: str
) -> None:
    curves = {
        "loss": [training] * 9,
        "val_loss": [500.0] * 9,
        "val_accuracy": [right] * 9,
    }
    assert verdict(curves).outcome == outcome


@pytest.mark.parametrize(("training", "outcome"), [(0.7, "degraded"), (0.6, "overfit")])
def test_curves_that_end_together_have_not_parted(training: float, outcome: str) -> None:
    def climb(start: float, end: float) -> list[float]:
        return [*np.linspace(start, end, 10), *[end] * 20]

    curves = {"loss": climb(0.45, training), "val_loss": climb(0.32, 0.69)}
    assert verdict(curves).outcome == outcome


@pytest.mark.parametrize(
    ("loss", "val_loss", "bad"),
    [
        ([0.6, 0.5, NAN], [0.6, 0.5, NAN], (2,)),
        ([NAN], [NAN], (0,)),
        ([INF, 0.5, 0.4], [0.6, 0.5, INF], (0, 2)),
        ([2e12, 7.5, 7.6], [9.0, 9.0, 9.0], (0, 1, 2)),
        # Below the ceiling again, but still far worse than knowing nothing.
        ([90.0, 5.0, 5.0], [90.0, 5.0, 5.0], (0,)),
    ],
)
def test_numeric_divergence(loss: list[float], val_loss: list[float], bad: tuple[int, ...]) -> None:
    judged = verdict({"loss": loss, "val_loss": val_loss}, no_skill_loss=LN2)
    assert (judged.outcome, judged.bad_epochs, judged.recovered) == (Outcome.DIVERGED, bad, False)


def test_a_model_that_gives_one_answer_after_an_explosion_did_not_recover() -> None:
    dead = {"loss": [80.0, *[4.3] * 11], "val_loss": [4.4, *[4.3] * 11]}
    still = {"accuracy": [0.12, *[0.1] * 11], "val_accuracy": [0.11] * 12}
    judged = verdict(dead | still)
    assert (judged.outcome, judged.recovered) == (Outcome.DIVERGED, False)


@pytest.mark.parametrize(
    ("accuracy", "outcome"), [({}, "overfit"), ({"accuracy": [0.99] * 9}, "ok")]
)
def test_a_cross_entropy_next_to_nothing_that_doubles_is_still_next_to_nothing(
    accuracy: Curves, outcome: str
) -> None:
    rising = [0.001, 0.0006, 0.0004, 0.0005, 0.0006, 0.0007, 0.0008, 0.0009, 0.001]
    curves = {"loss": [0.001 / (epoch + 1) for epoch in range(9)], "val_loss": rising}
    assert verdict(curves | accuracy).outcome == outcome


def test_an_explosion_that_came_back_is_judged_by_what_followed() -> None:
    after = {metric: [NAN, 1e300, *values] for metric, values in LEARNING.items()}
    judged = verdict(after, no_skill_loss=LN2)
    assert (judged.outcome, judged.recovered, judged.bad_epochs) == (Outcome.OK, True, (0, 1))


def test_a_loss_before_an_explosion_is_no_best_epoch_to_fall_from() -> None:
    judged = verdict({"val_loss": [0.3] * 5 + [1e3] + [0.5] * 6}, no_skill_loss=LN2)
    assert (judged.outcome, judged.recovered) == (Outcome.OK, True)


@pytest.mark.parametrize(
    ("no_skill", "untrained", "falling"),
    [
        (64.0, 84_164.0, [83_000.0, 60_000.0, 30_000.0, 9_000.0, 900.0, 200.0]),  # 290 +- 8
        (0.014, LN2, [0.55, 0.35, 0.2, 0.1, 0.05, 0.013]),  # two of a thousand
        (0.0, LN2, [0.6, 0.4, 0.3, 0.2, 0.1, 0.05]),  # all the same
    ],
)
def test_a_slow_start_far_above_the_no_skill_loss_is_no_explosion(
    no_skill: float, untrained: float, falling: list[float]
) -> None:
    known = {"no_skill_loss": no_skill, "untrained_loss": untrained}
    judged = verdict({"loss": falling, "val_loss": falling}, **known)
    assert judged.bad_epochs == ()
    assert judged.outcome == (Outcome.OK if no_skill < 1 else Outcome.NEVER_LEARNED)
    back = [falling[0], 1e7, *falling[1:]]
    judged = verdict({"loss": back, "val_loss": back}, **known)
    assert (judged.bad_epochs, judged.recovered) == ((1,), True)
    judged = verdict({"loss": [12 * untrained] * 5}, **known)
    assert judged.outcome == Outcome.DIVERGED
    assert "10 times the loss of an untrained model" in judged.reason


def test_an_untrained_loss_below_the_no_skill_loss_changes_nothing() -> None:
    high = {"val_loss": [9 * LN2] * 5}
    assert verdict(high, no_skill_loss=LN2, untrained_loss=0.1).bad_epochs == ()
    judged = verdict({"val_loss": [11 * LN2] * 5}, no_skill_loss=LN2, untrained_loss=0.1)
    assert judged.outcome == Outcome.DIVERGED
    assert "10 times the no-skill loss" in judged.reason


def test_without_a_no_skill_loss_only_the_grossly_larger_has_exploded() -> None:
    sane = {f"sane{i}": LEARNING for i in range(3)}
    high = {"loss": [30.0] * 5, "val_loss": [30.0] * 5}
    outcomes = judge(sweep({**sane, "high": high})).by_trial
    assert outcomes["high"] == Outcome.OK
    high = {"loss": [90.0] * 5, "val_loss": [90.0] * 5}
    assert judge(sweep({**sane, "high": high})).by_trial["high"] == Outcome.DIVERGED


@pytest.mark.parametrize("status", ["completed", "failed", "pruned"])
def test_a_nan_says_more_than_the_status(status: str) -> None:
    told = Recorded(status, message="boom")  # type: ignore[arg-type]
    assert verdict({"loss": [NAN], "val_loss": [NAN]}, told).outcome == Outcome.DIVERGED


@pytest.mark.parametrize(
    ("curves", "told", "outcome"),
    [
        ({}, Recorded("completed", metrics={"val_loss": NAN}), Outcome.DIVERGED),
        ({}, Recorded("completed", score=INF), Outcome.DIVERGED),
        # A sweep gives a failed trial an infinite score; its curve is better evidence.
        (LEARNING, Recorded("completed", score=INF), Outcome.OK),
        (LEARNING, Recorded("completed", authoritative=True, score=NAN), Outcome.DIVERGED),
        (LEARNING, Recorded("failed", message="Trace\nValueError: x\n"), Outcome.CRASHED),
        (LEARNING, Recorded("pruned"), Outcome.PRUNED),
        (LEARNING, Recorded("unfinished"), Outcome.MISSING),
        ({}, Recorded("completed"), Outcome.MISSING),
    ],
)
def test_what_the_tool_recorded(curves: Curves, told: Recorded, outcome: Outcome) -> None:
    assert verdict(curves, told).outcome == outcome


TRACEBACK = "Traceback (most recent call last):\n"
FRAME = '  File "a.py", line 3, in build\n    raise ValueError(\n'


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (f"{TRACEBACK}{FRAME}ValueError: bad shape\n", "ValueError: bad shape"),
        (
            f"{TRACEBACK}{FRAME}keras.Bad: shapes differ\n\nReceived: (2,)\n  * x=1\nthe end\n",
            "keras.Bad: shapes differ",
        ),
        (
            f"{TRACEBACK}{FRAME}KeyError: 1\n\nDuring handling of the above exception, another "
            f"exception occurred:\n\n{TRACEBACK}{FRAME}ValueError: second\nmore\n",
            "ValueError: second",
        ),
        (f"{TRACEBACK}{FRAME}KeyboardInterrupt\n", "KeyboardInterrupt"),
        (f"call last):\n{FRAME}{FRAME}ValueError: cut\nmore: text", "ValueError: cut"),
        (f"{TRACEBACK}{FRAME}", "raise ValueError("),
        ("Out of memory\nNote: asked for 3 GB\nkilled", "killed"),
        (f"{TRACEBACK}{FRAME}ValueError: {'x' * 400}\nmore", f"ValueError: {'x' * 288}"),
    ],
)
def test_of_a_traceback_the_exception_tells_the_crash(message: str, reason: str) -> None:
    assert verdict({}, Recorded("failed", message=message)).reason == reason


def test_a_crash_is_told_by_the_last_line_of_its_message() -> None:
    told = Recorded("failed", message="Traceback\n  file\nValueError: bad shape\n\n")
    assert verdict({}, told).reason == "ValueError: bad shape"


def test_what_has_gone_wrong_in_an_unfinished_run_is_known_already() -> None:
    running = verdict(case("mobilenet_epochs_10_to_34"), Recorded("unfinished"))
    assert running.outcome == Outcome.OVERFIT


RISING = [0.6, 0.5, 0.42, 0.36, 0.3, 0.28, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6]
FALLING = [0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.12, 0.1, 0.08, 0.06, 0.05]


@pytest.mark.parametrize(
    ("training", "outcome"),
    [
        (FALLING, Outcome.OVERFIT),
        (RISING, Outcome.DEGRADED),
        (None, Outcome.OVERFIT),
        (FALLING[:6] + [0.2] * 6, Outcome.OVERFIT),
    ],
)
def test_overfitting_is_validation_rising_without_training(
    training: list[float] | None, outcome: Outcome
) -> None:
    curves = {"val_loss": RISING} | ({} if training is None else {"loss": training})
    assert verdict(curves).outcome == outcome


def test_a_minimised_and_a_maximised_curve_are_judged_alike() -> None:
    accuracy = {"val_acc": [1 - v for v in RISING], "acc": [1 - v for v in FALLING]}
    high = verdict(accuracy, objective=Objective("val_acc", "max"))
    error = {"val_err": RISING, "err": FALLING}
    low = verdict(error, objective=Objective("val_err", "min"))
    assert (high.outcome, high.onset) == (low.outcome, low.onset) == (Outcome.OVERFIT, (6, 6))


@pytest.mark.parametrize(
    "curves",
    [
        {"val_loss": RISING[-MIN_EPOCHS + 1 :]},  # too short to show a lasting rise
        {"val_loss": [-1.0, -2.0, -3.0, -3.5, -3.6, -3.55]},  # 2 % of its fall
        {"val_loss": [0.5, 0.4, 0.3, 0.3, 0.304, 0.308]},  # less than 5 %
        {"val_loss": [0.5, 0.3, 0.5, 0.3, 0.5, 0.3, 0.5, 0.35]},  # within its noise
        {"loss": RISING},  # training alone says nothing of generalization
    ],
)
def test_no_lasting_rise_is_no_overfitting(curves: Curves) -> None:
    objective = Objective("val_loss" if "val_loss" in curves else "loss")
    assert verdict(curves, objective=objective).outcome == Outcome.OK


def test_a_negative_loss_can_overfit() -> None:
    assert verdict({"val_loss": [v - 1 for v in RISING]}).outcome == Outcome.OVERFIT


def test_validation_in_some_epochs_only_is_judged_at_those() -> None:
    every_third = {3 * epoch: value for epoch, value in enumerate(RISING)}
    judged = verdict({"loss": np.linspace(0.6, 0.05, 36).tolist(), "val_loss": every_third})
    assert (judged.outcome, judged.onset) == (Outcome.OVERFIT, (18, 18))


def test_a_loss_next_to_nothing_does_not_overfit() -> None:
    down, up = np.geomspace(0.69, 1e-3, 12), np.geomspace(1.02e-3, 1.6e-3, 12)
    tiny = {"val_loss": [*down, *up], "loss": list(np.geomspace(0.69, 1e-6, 24))}
    assert verdict(tiny).outcome == Outcome.OVERFIT
    assert verdict(tiny, no_skill_loss=LN2).outcome == Outcome.OK
    assert verdict(tiny, no_skill_loss=0.01).outcome == Outcome.OVERFIT
    grown = {**tiny, "val_loss": [*down, *up * 8]}
    assert verdict(grown, no_skill_loss=LN2).outcome == Outcome.OVERFIT


def test_learning_by_heart_is_overfitting_not_failure_to_learn() -> None:
    heart = {"loss": [0.69, 0.66, 0.5, 0.3, 0.1], "val_loss": [0.70, 0.70, 0.70, 0.71, 0.71]}
    judged = verdict(heart, no_skill_loss=LN2)
    assert (judged.outcome, judged.onset) == (Outcome.OVERFIT, (0, 1))
    for least in (0.68, 0.65):  # to 6 % below is no more than a beginning
        barely = {"loss": [0.69, 0.69, least, least], "val_loss": [0.70, 0.70, 0.72, 0.75]}
        assert verdict(barely, no_skill_loss=LN2).outcome == Outcome.NEVER_LEARNED


def test_a_constant_that_fits_training_rows_better_has_not_learned_them_by_heart() -> None:
    # Targets of validation vary more: the same constant costs more there.
    constant = {"loss": [0.61, 0.6, 0.6, 0.6], "val_loss": [0.7, 0.694, 0.7, 0.7]}
    known = {"no_skill_loss": LN2, "training_no_skill_loss": 0.6}
    assert verdict(constant, **known).outcome == Outcome.NEVER_LEARNED
    by_heart = constant | {"loss": [0.6, 0.58, 0.56, 0.5]}
    assert verdict(by_heart, **known).outcome == Outcome.OVERFIT


def test_regularisation_terms_are_not_part_of_the_verdict() -> None:
    heavy = {metric: [v + 20 for v in values] for metric, values in LEARNING.items()}
    plain = {"a": {"unregularised_val_loss": LEARNING["val_loss"]}}
    assert verdict(heavy, no_skill_loss=LN2).outcome == Outcome.DIVERGED
    assert verdict(heavy, no_skill_loss=LN2, series=plain).outcome == Outcome.OK


def test_a_trial_is_what_most_of_its_runs_are_and_the_worse_of_a_tie() -> None:
    bad = {"loss": [NAN], "val_loss": [NAN]}
    runs = {Run("most", i): LEARNING if i else bad for i in range(3)}
    runs |= {Run("tie", i): LEARNING if i else bad for i in range(2)}
    by_trial = judge(sweep(runs)).by_trial
    assert by_trial == {"most": Outcome.OK, "tie": Outcome.DIVERGED}


any_value = st.floats(allow_nan=True, allow_infinity=True)
any_curve = st.dictionaries(st.integers(0, 12), any_value, max_size=10)


@given(
    curves=st.dictionaries(st.sampled_from(["loss", "val_loss", "acc", "val_acc"]), any_curve),
    objective=st.sampled_from(["val_loss", "val_acc", "loss"]),
    direction=st.sampled_from(["min", "max"]),
    no_skill=st.none() | st.floats(allow_nan=True, allow_infinity=True),
)
def test_any_curves_get_an_outcome(
    curves: Curves, objective: str, direction: str, no_skill: float | None
) -> None:
    aim = Objective(objective, direction)  # type: ignore[arg-type]
    judged = verdict(curves, objective=aim, no_skill_loss=no_skill)
    if judged.onset is not None:
        assert judged.onset[0] <= judged.onset[1]
    if judged.recovered:
        assert judged.outcome != Outcome.DIVERGED


@given(arrays(float, st.integers(1, 40), elements=st.floats(-1e300, 1e300)))
def test_a_smoothed_curve_stays_within_the_curve(values: np.ndarray) -> None:
    smoothed = smooth(values)
    slack = 1e-12 * np.abs(values).max() + np.finfo(float).tiny
    assert len(smoothed) == len(values)
    assert smoothed.min() >= values.min() - slack
    assert smoothed.max() <= values.max() + slack
    assert noise(values) >= 0


def test_noise_ignores_trend_and_jumps() -> None:
    line = np.linspace(3, 1, 30)
    line[20:] += 5
    assert noise(line) == pytest.approx(0, abs=1e-12)
    rough = np.random.default_rng(0).normal(0, 0.1, 4000)
    assert noise(rough) == pytest.approx(0.1, rel=0.1)


@pytest.fixture(scope="module")
def taskset(real_data: Path) -> pd.DataFrame:
    """Per run of TaskSet our outcome, and what its independent test curve says."""
    files = sorted((real_data / "taskset").glob("curves_*.csv.gz"))
    return pd.concat([_judged(file) for file in files], ignore_index=True)


def _judged(file: Path) -> pd.DataFrame:
    wide = pd.read_csv(file, dtype={"trial_id": "str"})
    ids = wide["trial_id"].unique().tolist()
    long = wide.melt(["trial_id", "epoch"], ["loss", "val_loss"], "metric")
    outcomes = judge(
        Trials(
            {trial: {} for trial in ids},
            {Run(trial): Recorded("completed") for trial in ids},
            long.assign(execution=0, fold=0),
            Objective("val_loss"),
            context=sweep({}, no_skill_loss=LN2).context,
        )
    )
    rows = [
        (*_truth(curves), outcomes.by_trial[str(trial)])
        for trial, curves in wide.groupby("trial_id", sort=False)
    ]
    return pd.DataFrame(rows, columns=["kind", "degraded", "rule", "outcome"])


def _truth(curves: pd.DataFrame) -> tuple[str, bool, bool]:
    """What became of a run, whether its test loss degraded, and what a one-line rule says."""
    loss, val, test = (curves[c].to_numpy() for c in ("loss", "val_loss", "test_loss"))
    if not np.isfinite([loss, val]).all():
        return "nan", False, False
    if (val > 10 * val[0]).any():
        return "exploded", False, False
    if val.min() > 0.685:
        return "slow", False, False
    means = [np.convolve(curve, np.ones(5) / 5, "valid") for curve in (test, val)]
    degraded, rule = (bool(mean[-1] > 1.05 * mean.min()) for mean in means)
    return "learned", degraded, rule


def test_no_real_run_is_called_what_it_plainly_is_not(taskset: pd.DataFrame) -> None:
    kinds = taskset.groupby("kind")["outcome"]
    assert set(kinds.get_group("nan")) == {Outcome.DIVERGED}
    assert not {Outcome.DIVERGED, Outcome.NEVER_LEARNED} & set(kinds.get_group("learned"))
    assert (kinds.get_group("exploded") == Outcome.DIVERGED).mean() >= 0.98
    assert (kinds.get_group("slow") == Outcome.NEVER_LEARNED).mean() > 0.99


def test_degraded_runs_are_found_better_than_by_the_best_known_rule(taskset: pd.DataFrame) -> None:
    learned = taskset[taskset["kind"] == "learned"]
    ours = learned["outcome"].isin([Outcome.OVERFIT, Outcome.DEGRADED])
    # scripts/bench_diagnosis.py has intervals: .01 to .16 more than the one-line rule.
    assert _f1(learned["rule"], learned["degraded"]) == pytest.approx(0.72)
    assert _f1(ours, learned["degraded"]) > 0.78


def _f1(found: pd.Series, true: pd.Series) -> float:
    return float(2 * (found & true).sum() / (found.sum() + true.sum()))


def test_failures_are_ordered_from_mild_to_severe() -> None:
    assert FAILURES[0] == Outcome.OVERFIT
    assert FAILURES[-1] == Outcome.CRASHED


def test_a_single_good_epoch_is_learning_for_its_weights_are_kept() -> None:
    chance = [0.7, 0.69, 0.7, 0.695, 0.7, 0.69]
    for best, outcome in ((0.685, Outcome.OK), (0.6855, Outcome.NEVER_LEARNED)):
        curves = {"loss": chance, "val_loss": [*chance[:3], best, *chance[3:]]}
        assert verdict(curves, no_skill_loss=LN2).outcome == outcome


@pytest.mark.parametrize(
    ("after", "outcome"),
    [
        ([0.7, 0.693, 0.6931, 0.693], Outcome.DIVERGED),  # dead, at the loss of knowing nothing
        ([0.7, 0.69, 0.68, 0.66], Outcome.OK),
        ([6.0, 5.0, 4.0, 3.5], Outcome.DIVERGED),
    ],
)
def test_back_at_the_loss_of_knowing_nothing_is_not_back(
    after: list[float], outcome: Outcome
) -> None:
    curve = [0.7, 0.6, 0.5, 30.0, *after]
    judged = verdict({"loss": curve, "val_loss": curve}, no_skill_loss=LN2)
    assert (judged.outcome, judged.bad_epochs) == (outcome, (3,))
    assert judged.recovered == (outcome == Outcome.OK)
    is_dead = after[0] == 0.7 and not judged.recovered
    assert ("best since: val_loss" in judged.evidence) == is_dead
    assert ("further than to 0.693, that of knowing nothing" in judged.reason) == is_dead
