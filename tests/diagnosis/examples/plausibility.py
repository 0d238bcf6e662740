"""Examples of the rules on what losses mean."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from auditor.trials import Trials
from tests.diagnosis.examples.example import FLAT, NAN, OVERFIT, Example
from tests.making import Curves, sweep

SURE_OF_ITSELF = {
    "loss": [0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.08, 0.06],
    "val_loss": [0.6, 0.5, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
    "val_acc": [0.78, 0.8, 0.81, 0.8, 0.82, 0.81, 0.8, 0.81],
}
MORE_WRONG = SURE_OF_ITSELF | {"val_acc": [0.78, 0.8, 0.81, 0.78, 0.74, 0.7, 0.66, 0.6]}
"""A loss that climbs from .4 to .9: the error rate goes with it."""


def softmax_twice(
    classes: int, errors: Sequence[float], slope: float = 1.0, offset: float = 0.0
) -> Curves:
    """Losses on the line of a softmax applied to probabilities, of a model that is sure."""
    floor = math.log(1 + (classes - 1) / math.e) + offset
    rate = np.asarray(errors)
    return {
        "loss": floor + slope * rate,
        "accuracy": 1 - rate,
        "val_loss": floor + slope * (rate + 0.05),
        "val_accuracy": 1 - rate - 0.05,
    }


LEARNING = [0.6, 0.4, 0.25, 0.15, 0.1, 0.08, 0.05, 0.04]
TWICE = softmax_twice(9, LEARNING)
PLAIN = softmax_twice(2, LEARNING, 3.0, -0.31)


def tuned(values: Mapping[str, Sequence[Any]], **more: Any) -> Trials:
    """Trials with these values of hyperparameters, and curves that say nothing."""
    many = len(next(iter(values.values())))
    trials = sweep({str(i): FLAT for i in range(many)}, **more)
    rows = {str(i): {name: each[i] for name, each in values.items()} for i in range(many)}
    return replace(trials, hyperparameters=rows)


EXAMPLES = {
    "AUD013": Example(
        sweep({"a": SURE_OF_ITSELF}),
        "trial a: val_loss was best (0.4) in epoch 3 and ended 125 % higher, at 0.9, while val_acc "
        "stayed flat, between 0.8 and 0.82: over-confident rather than more wrong",
        sweep({"a": MORE_WRONG}),
        (
            (sweep({"a": OVERFIT}), "no accuracy was recorded"),
            (sweep({"a": {"loss": [1.0] * 9, "acc": [0.5] * 9}}, "loss"), "4 epochs with both"),
            (sweep({}), "no run has a result"),
        ),
    ),
    "AUD022": Example(
        sweep({"a": TWICE}),
        "trial a: a training loss of 1.412 at an accuracy of 0.96 does not look like plain "
        "cross-entropy, which would have to cost each wrong row 35 nats: it fits softmax applied "
        "twice with 9 classes: floor 1.372, expected 1.412 (10 classes have a floor of 1.461, "
        "above the loss seen)",
        sweep({"a": PLAIN}),
        (
            (sweep({"a": FLAT}), "no accuracy was recorded"),
            (sweep({"a": {m: v[:4] for m, v in TWICE.items()}}), "5 epochs with both"),
            (sweep({}), "no run has a result"),
        ),
    ),
    "AUD023": Example(
        tuned({"l2": [0.0, 0.001, 0.01], "lr": [0.1, 0.1, 0.1]}),
        "3 trials are ranked by val_loss, but l2 (3 values) changes that loss itself: what adds to "
        "it looks harmful whether it is or not",
        tuned({"lr": [0.1, 0.01]}),
        (
            (sweep({"a": {"val_acc": [0.5]}}, "val_acc"), "'val_acc', not a loss"),
            (sweep({"a": FLAT}), "fewer than two trials"),
        ),
    ),
    "AUD024": Example(
        sweep({"a": {"loss": [0.0292, 0.0151], "val_loss": [0.0128, 0.0098]}}),
        "whether val_loss 0.0098 is good is not known: if it is a mean squared error, its root is "
        "0.099 in units of the target; compare that with the range of the target, and with a model "
        "that always predicts its mean",
        sweep({"a": FLAT}, no_skill_loss=0.5),
        (
            (sweep({"a": SURE_OF_ITSELF}), "a classification"),
            (sweep({"a": FLAT | {"val_auc": [0.5] * 8}}), "a classification"),
            (sweep({"a": {"reward": [0.5]}}, "reward"), "neither a loss nor an error"),
            (sweep({"a": {"val_loss": [-1.0]}}), "above 0"),
            (sweep({"a": {"val_loss": [NAN]}}), "above 0"),
        ),
    ),
}
