"""Overfitting as it is told: what came after the best epoch, and how sure it is."""

import numpy as np
import pytest

from auditor.readers import read
from tests.diagnosis.asking import evidence, found
from tests.diagnosis.examples.example import DOWN, OVERFIT, UP
from tests.making import CASES, Curves, sweep


def test_the_time_after_the_best_epoch_is_what_overfitting_cost() -> None:
    finding = found("AUD003", read(CASES / "mobilenet_epochs_10_to_34.log"))
    assert finding.sentence.endswith(
        "the 23 epochs after the best, of 25, took 86,464 s of the 93,227 s logged"
    )
    assert "kept improving (0.8198 to 0.1814) and val_accuracy went from 0.6953 to 0.6656" in (
        finding.sentence
    )
    told = evidence(finding)
    assert told["share of the epochs after the best"] == pytest.approx(0.92)
    assert (told["time after the best epoch"], told["time of all epochs"]) == (86_464, 93_227)
    assert told["val_accuracy at the end"] == pytest.approx(0.6656)


@pytest.mark.parametrize(
    "timed",
    [{0: 5.0, 1: 5.0}, {3: 5.0, 4: 5.0, 7: 5.0}, {}, dict.fromkeys(range(8), 0.01)],
    ids=["early", "gaps", "none", "no time to speak of"],
)
def test_time_is_told_only_where_all_those_epochs_have_one(timed: dict[int, float]) -> None:
    finding = found("AUD003", sweep({"a": OVERFIT}, series={"a": {"seconds": timed}}))
    assert "5 of the 8 epochs came after the best" in finding.sentence


@pytest.mark.parametrize(
    ("accuracy", "words"),
    [
        ([0.5, 0.6, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7], "and val_acc stayed at 0.7;"),
        ([0.5, 0.6, 0.7, 0.7, 0.6, 0.6, 0.5, 0.5], "and val_acc went from 0.7 to 0.5;"),
        (
            [0.5, 0.8, 0.7, 0.7, 0.6, 0.6, 0.5, 0.5],
            "and val_acc went from 0.7 to 0.5 (best: 0.8 in epoch 2);",
        ),
        ([0.5, 0.6], "kept improving (0.6 to 0.05);"),  # not logged when it matters
    ],
)
def test_the_accuracy_is_told_beside_the_loss(accuracy: list[float], words: str) -> None:
    assert words in found("AUD003", sweep({"a": OVERFIT | {"val_acc": accuracy}})).sentence


LONG = np.linspace(0.8, 0.4, 12).tolist()


@pytest.mark.parametrize(
    ("curves", "confidence"),
    [
        (UP | {"loss": DOWN}, "medium"),  # eight epochs
        (UP, "low"),
        ({"val_loss": LONG + UP["val_loss"], "loss": [*LONG, *DOWN]}, "high"),
        ({"val_loss": LONG + UP["val_loss"]}, "medium"),
        ({"val_loss": [*LONG, 0.4, *[0.45] * 7], "loss": [*LONG, *DOWN]}, "medium"),
    ],
)
def test_confidence_wants_a_clear_rise_a_training_curve_and_epochs(
    curves: Curves, confidence: str
) -> None:
    assert found("AUD003", sweep({"a": curves})).confidence == confidence
