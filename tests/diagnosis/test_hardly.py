"""Runs that learned something, but next to nothing."""

import math

import pytest

import auditor
from auditor.outcomes import Outcome, judge
from auditor.trials import Trials
from tests.diagnosis.asking import diagnosed, found
from tests.diagnosis.examples.example import LN2
from tests.making import CASES, sweep

LN10 = math.log(10)


def trial(
    loss: list[float], right: list[float] | None = None, no_skill: float | None = LN10,
    classes: int = 10,
) -> Trials:  # fmt: skip
    curves = {"val_loss": loss} | ({} if right is None else {"val_accuracy": right})
    counts = {} if no_skill is None else dict.fromkeys(map(str, range(classes)), 90)
    return sweep({"a": curves}, no_skill_loss=no_skill, label_counts=counts)


def codes(trials: Trials) -> list[str]:
    return [finding.code for finding in diagnosed(trials)[0]]


@pytest.mark.parametrize(
    ("loss", "right", "speaks"),
    [
        (2.21, 0.14, True),
        (2.21, 0.30, False),  # the loss is behind: the accuracy is that of a model that learned
        (2.00, 0.14, False),  # it tells groups of classes apart
        (2.25, None, True),
        (2.21, None, False),
        (2.30, 0.11, False),  # never learned, which is said already
    ],
)
def test_both_loss_and_accuracy_must_say_so(loss: float, right: float, speaks: bool) -> None:
    end = [loss] * 3
    trials = trial([2.3, *end], None if right is None else [0.1, *[right] * 3])
    assert ("AUD025" in codes(trials)) == speaks


def test_a_beginner_that_still_improves_is_told_to_train_longer() -> None:
    falling = [2.3 - 0.012 * epoch for epoch in range(9)]
    finding = found("AUD025", trial(falling, [0.1 + 0.004 * epoch for epoch in range(9)]))
    assert (finding.severity, finding.remedy[:19]) == ("tip", "Train longer first.")


@pytest.mark.parametrize(
    ("loss", "right", "speaks"),
    [
        ([2.39, 2.37, 2.356], 0.077, True),
        ([0.72, 0.71, 0.7], 0.52, True),
        ([2.39, 2.1, 1.9], 0.15, False),  # whatever the classes are, it has learned by then
        ([1.45, 1.43, 1.41], 0.85, False),
        ([0.3, 0.25, 0.2], 0.84, False),
        ([0.9, 0.8, 0.8], 0.003, False),  # a squared error beside an accuracy
    ],
)
def test_where_chance_is_not_known_loss_and_accuracy_are_held_against_each_other(
    loss: list[float], right: float, speaks: bool
) -> None:
    trials = trial(loss, [right] * 3, no_skill=None)
    assert ("AUD025" in codes(trials)) == speaks
    if speaks:
        assert found("AUD025", trials).confidence == "low"


def test_overfitting_of_a_model_that_learned_next_to_nothing_is_no_more_than_that() -> None:
    curves = {"loss": [0.69, 0.66, 0.5, 0.3, 0.1], "val_loss": [0.70, 0.70, 0.70, 0.71, 0.71]}
    trials = sweep({"a": {**curves, "val_accuracy": [0.5] * 5}}, no_skill_loss=LN2)
    assert judge(trials).by_trial["a"] == Outcome.OVERFIT
    assert "no better than guessing (0.5)" in found("AUD025", trials).sentence


@pytest.mark.parametrize("path", sorted(CASES.glob("*.log")), ids=lambda path: path.stem)
def test_published_runs_that_learned_are_not_said_to_have_hardly(path: object) -> None:
    assert "AUD025" not in codes(auditor.read(str(path)))
