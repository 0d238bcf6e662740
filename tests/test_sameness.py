"""Models that answer the same for every row."""

import pytest

from auditor.outcomes import Outcome, judge
from auditor.outcomes.thresholds import SAME_GAIN
from auditor.trials import Run
from tests.making import Curves, sweep

MANY = 12


def outcome(**curves: list[float]) -> Outcome:
    named: Curves = dict(curves)
    return judge(sweep({"a": named})).by_run[Run("a")].outcome


def constant(right: float, loss: float, first: float | None = None) -> Outcome:
    start = right if first is None else first
    return outcome(
        accuracy=[start] + [right] * (MANY - 1),
        val_accuracy=[start] + [right] * (MANY - 1),
        loss=[2 * loss] + [loss] * (MANY - 1),
        val_loss=[loss] * MANY,
    )


@pytest.mark.parametrize(
    ("right", "loss"),
    [(0.63, 0.66), (0.1, 2.36), (62.9, 0.6595)],
    ids=["two classes", "ten classes", "percent"],
)
def test_one_answer_at_the_loss_of_a_constant_is_no_learning(right: float, loss: float) -> None:
    assert constant(right, loss) is Outcome.NEVER_LEARNED


def test_a_loss_below_any_cross_entropy_means_nothing() -> None:
    assert constant(0.63, 0.1) is Outcome.NEVER_LEARNED


@pytest.mark.parametrize("loss", [0.08, 0.01], ids=["plain", "focal"])
def test_probabilities_may_learn_while_answers_stay(loss: float) -> None:
    assert constant(0.97, loss) is Outcome.OK


def test_what_was_learned_first_is_no_constant() -> None:
    assert constant(0.63, 0.66, first=0.63 - 2 * SAME_GAIN) is Outcome.OK


def test_a_model_that_knows_its_training_data_is_no_constant() -> None:
    assert constant(1.0, 1.0) is Outcome.OK


@pytest.mark.parametrize("which", ["accuracy", "val_accuracy"])
def test_both_accuracies_stand_still(which: str) -> None:
    curves = {name: [0.63] * MANY for name in ("accuracy", "val_accuracy")} | {
        name: [0.66] * MANY for name in ("loss", "val_loss")
    }
    curves[which] = [0.63, 0.632] * (MANY // 2)
    assert outcome(**curves) is Outcome.OK


def test_few_epochs_say_nothing() -> None:
    curves = {name: [0.63] * 4 for name in ("accuracy", "val_accuracy")}
    assert outcome(**curves, loss=[0.66] * 4, val_loss=[0.66] * 4) is Outcome.OK
