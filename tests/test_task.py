"""What is being learned, read off curves: only where it cannot well be otherwise."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auditor.outcomes import Measured, Outcome, Task, baseline, judge, task_of
from auditor.outcomes.thresholds import CHANCE_ACCURACY, CHANCE_LOSS, PLATEAU_EPOCHS, PLATEAU_LOSS
from auditor.readers import read
from auditor.trials import Run, Trials
from tests.making import CASES, Curves, case, sweep

LN2, LN3, LN10 = math.log(2), math.log(3), math.log(10)
FALLING = {"loss": [0.69, 0.5, 0.4, 0.3, 0.3, 0.3], "val_loss": [0.69, 0.6, 0.5, 0.4, 0.4, 0.4]}


def task(curves: Curves | dict[str, Curves], **more: object) -> Task:
    of_runs = curves if all(isinstance(v, dict) for v in curves.values()) else {"a": curves}
    return task_of(Measured(sweep(of_runs, **more)))  # type: ignore[arg-type]


def at(loss: float, epochs: int = PLATEAU_EPOCHS, **more: list[float]) -> dict[str, list[float]]:
    """A run whose losses rest at one level."""
    return {"loss": [loss] * epochs, "val_loss": [loss] * epochs, **more}


def guessing(classes: int, loss: float = 1.0, right: float = 1.0) -> dict[str, list[float]]:
    """A run that starts at chance, or off by factors, and then learns."""
    return {
        "val_loss": [loss * math.log(classes)] * 3 + [0.3 * math.log(classes)],
        "val_accuracy": [right / classes] * 3 + [0.9],
    }


@pytest.mark.parametrize("classes", [2, 3, 7, 10, 20])
def test_classes_are_told_by_a_start_at_chance(classes: int) -> None:
    found = task(guessing(classes))
    assert (found.kind, found.classes) == ("classification", classes)
    assert found.chance_loss == math.log(classes)
    loss = f"{math.log(classes):.4g} = ln {classes} at val_accuracy {1 / classes:.3g}"
    assert found.known_from == f"val_loss {loss} in the first epochs of a run"


@pytest.mark.parametrize(
    "curves",
    [
        guessing(2, loss=1 + 1.2 * CHANCE_LOSS),
        guessing(2, right=1 - 1.2 * CHANCE_ACCURACY),
        guessing(2, right=1 + 1.2 * CHANCE_ACCURACY),
        guessing(40),  # its neighbours lie too close
        # Three classes, one of which is told apart: the loss of guessing among two.
        {"val_loss": [LN2] * 3, "val_accuracy": [2 / 3] * 3},
        # It passes by there.
        {"val_loss": [LN2, 0.6, 0.5], "val_accuracy": [0.5, 0.6, 0.7]},
        # One epoch may be anything.
        {"val_loss": [LN2], "val_accuracy": [0.5]},
        # Other epochs.
        {"val_loss": [LN2] * 3, "val_accuracy": {3: 0.5, 4: 0.5, 5: 0.5}},
    ],
)
def test_classes_are_not_told_by_less(curves: Curves) -> None:
    assert task(curves) == Task("classification")


@pytest.mark.parametrize(("training", "classes"), [(1.0, 13), (1.006, None)])
def test_untrained_weights_have_such_a_loss_on_one_side_by_luck(
    training: float, classes: int | None
) -> None:
    stays = {"val_loss": [math.log(13)] * 30, "val_accuracy": [0.082] * 30}
    assert task({"loss": [training * math.log(13)] * 30, **stays}).classes == classes


def test_an_accuracy_confirms_a_rest_that_large_steps_keep_above_chance() -> None:
    rests = {"loss": [1.9, *[1.01 * LN10] * 9], "val_loss": [2.0, *[1.004 * LN10] * 9]}
    assert task({**rests, "val_accuracy": [0.4, *[0.085] * 9]}).classes == 10
    assert task({**rests, "val_accuracy": [0.4, *[0.05] * 9]}).classes is None
    assert task(rests).classes is None


def test_tolerances_hold_up_to_their_ends() -> None:
    for sign in (-1, 1):
        near = guessing(2, 1 + 0.9 * sign * CHANCE_LOSS, 1 + 0.9 * sign * CHANCE_ACCURACY)
        assert task(near).classes == 2


def test_percents_and_training_curves_tell_as_well() -> None:
    assert task({"val_loss": [LN10] * 3, "val_acc": [10.0] * 3}).classes == 10
    assert task({"loss": [LN10] * 3, "acc": [0.1] * 3}).classes == 10


def test_groups_of_classes_told_apart_are_not_taken_for_the_classes() -> None:
    pairs = {f"p{i}": guessing(2) for i in range(5)}
    assert task(pairs).classes == 2
    assert task({**pairs, "stuck": guessing(4)}).classes == 4


def test_runs_that_start_at_chance_of_different_classes_solve_different_problems() -> None:
    found = task({"a": guessing(2), "b": guessing(10), "c": guessing(10)})
    assert (found.classes, found.chance_loss) == (None, None)
    assert found.unlike == (
        "trial a starts at guessing among 2 classes",
        "trial b starts at guessing among 10 classes",
    )


def test_an_accuracy_here_and_the_error_of_a_regression_there_are_different_problems() -> None:
    error = {"val_loss": [3.0, 2.0], "val_mae": [1.0, 0.9]}
    found = task({"a": guessing(2), "b": guessing(2), "c": error})
    assert (found.kind, found.chance_loss) == ("unknown", None)
    assert found.unlike == (
        "2 runs, such as trial a, log an accuracy",
        "trial c logs the error of a regression",
    )
    beside = {**error, "val_accuracy": [0.0, 0.0]}  # logged out of habit
    assert task({"b": guessing(2), "c": beside}).unlike == ()


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_classes_are_told_by_losses_at_rest(classes: int) -> None:
    found = task(at(math.log(classes)))
    assert found.classes == classes
    assert found.known_from.startswith("a run whose losses rest at ")
    many = {f"{i}": at(math.log(classes)) for i in range(3)} | {f"l{i}": FALLING for i in range(20)}
    assert task(many).known_from.startswith("3 runs whose losses rest at ")


@pytest.mark.parametrize(
    "curves",
    [
        at(LN2 * (1 + 1.2 * PLATEAU_LOSS)),
        at(LN2, PLATEAU_EPOCHS - 1),
        at(math.log(11)),  # without an accuracy its neighbours lie too close
        {"val_loss": [LN2] * 9},  # the variance of a target may be that, on one set of data
        at(LN2) | {"loss": [0.6] * 5},  # it learned by heart, what chance is is not known
        {"dead": at(LN2), **{f"{i}": FALLING for i in range(10)}},  # one of many
        FALLING,
    ],
)
def test_classes_are_not_told_by_losses_elsewhere(curves: Curves) -> None:
    assert task(curves) == Task()


def test_a_late_rest_counts_and_a_late_departure_does_not() -> None:
    assert task({m: [0.8, 0.75, *v] for m, v in at(LN2, 8).items()}).classes == 2
    assert task({m: [*v, 0.5] for m, v in at(LN2, 8).items()}).classes is None


@pytest.mark.parametrize(("right", "classes"), [(0.5, 2), (0.53, 2), (0.9, None), (0.25, None)])
def test_an_accuracy_must_agree_with_losses_at_rest(right: float, classes: int | None) -> None:
    late = {m: [0.8, 0.75, *v] for m, v in at(LN2, 8).items()}
    found = task(late | {"val_accuracy": [0.4, 0.4, *[right] * 8]})
    assert found == Task("classification") if classes is None else found.classes == classes


def test_the_data_say_more_than_curves() -> None:
    stuck = guessing(2)
    counted = task(stuck, label_counts={"a": 5, "b": 5, "c": 5})
    assert (counted.classes, counted.known_from) == (3, "the labels of the training data")
    assert counted.chance_loss is None  # that the loss is a cross-entropy is not known
    assert task(stuck, target_variance=1.0) == Task("regression")


@pytest.mark.parametrize("name", ["mae", "val_mse", "mean_squared_error"])
def test_an_error_without_an_accuracy_is_of_a_regression(name: str) -> None:
    logged = {name: [0.3] * PLATEAU_EPOCHS}
    assert task(at(LN2, **logged)) == Task("regression")
    assert task(at(LN2, **logged, val_accuracy=[0.5] * PLATEAU_EPOCHS)).classes == 2


def test_nothing_recorded_tells_nothing() -> None:
    assert task({}) == task({"a": {}}) == task({"a": {"loss": [math.nan] * 9}}) == Task()
    assert task({"val_loss": [math.inf] * 9, "val_acc": [math.nan] * 9}) == Task("classification")


def test_chance_is_what_losses_are_measured_against() -> None:
    trials = sweep({"stuck": guessing(10) | {"val_loss": [LN10] * 4}, "fine": guessing(10)})
    reference = baseline(trials)
    assert reference.loss == LN10
    assert reference.known_from.startswith("inferred from val_loss 2.303 = ln 10 at val_accuracy")
    assert reference.ceiling == pytest.approx(10 * LN10)
    assert judge(trials).by_trial == {"stuck": Outcome.NEVER_LEARNED, "fine": Outcome.OK}


def test_what_was_recorded_comes_before_what_is_inferred() -> None:
    # Of rare classes the entropy of the labels is chance, and it is below ln K.
    stuck = sweep({"a": guessing(2)}, no_skill_loss=0.5, no_skill_from="the labels")
    assert (baseline(stuck).loss, baseline(stuck).known_from) == (0.5, "the labels")
    assert baseline(sweep({"a": guessing(2)}, untrained_loss=1.0)).loss is None


def test_a_published_run_at_chance() -> None:
    trials = read(CASES / "stuck_at_chance.txt")
    assert task_of(Measured(trials)).classes == 2
    assert judge(trials).by_trial["stuck_at_chance"] == Outcome.NEVER_LEARNED


@pytest.mark.parametrize(
    "name", ["grid_winner_20_epochs", "grid_winner_150_epochs", "dip_at_epoch_8"]
)
def test_published_runs_that_learned_do_not_tell_their_classes(name: str) -> None:
    assert task({"a": case(name)}).classes is None  # type: ignore[dict-item]


def test_regressions_with_noise_are_not_taken_for_classifications() -> None:
    random = np.random.default_rng(0)
    for _ in range(60):
        runs = {}
        # Unrelated runs stuck at the variance of the target, on training and validation data.
        train, validation = random.uniform(0.5, 2.5) * (1 + random.normal(0, 0.02, 2))
        for i in range(5):
            noisy = 1 + random.normal(0, 0.0003, (2, 8))
            runs[str(i)] = {"loss": train * noisy[0], "val_loss": validation * noisy[1]}
        assert task(runs).classes is None  # type: ignore[arg-type]


def test_every_search_of_taskset_is_told_to_be_binary(real_data: Path) -> None:

    for file in sorted((real_data / "taskset").glob("curves_*.csv.gz")):
        table = pd.read_csv(file, dtype={"trial_id": str})
        curves = {
            Run(str(trial)): {m: rows[m].to_numpy() for m in ("loss", "val_loss")}
            for trial, rows in table.groupby("trial_id")
        }
        trials: Trials = sweep(curves)  # type: ignore[arg-type]
        assert task_of(Measured(trials)).classes == 2, file.name
