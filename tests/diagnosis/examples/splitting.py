"""Examples of the rules on training versus validation."""

from auditor.trials import ModelFacts
from tests.diagnosis.examples.example import DOWN, FLAT, LN2, Example
from tests.making import sweep

APART = {
    "loss": [0.48, 0.44, 0.43, 0.42, 0.42, 0.41],
    "val_loss": [0.72, 0.71, 0.7, 0.69, 0.7, 0.71],
}
TOGETHER = {"loss": [0.6, 0.5, 0.45, 0.42, 0.4], "val_loss": [0.55, 0.48, 0.44, 0.42, 0.41]}
BELOW = {"loss": [0.9, 0.8, 0.7, 0.65, 0.6], "val_loss": [0.6, 0.5, 0.45, 0.42, 0.4]}
SAME = {"loss": DOWN, "val_loss": DOWN}
NO_LOSS = (
    (sweep({"a": {"val_loss": [0.5] * 9}}), "loss was not recorded by epoch"),
    (sweep({"a": {"loss": [0.5] * 3, "val_loss": [0.5] * 3}}), "no run has 4 epochs"),
)

SORTED = {"accuracy": [0.5, 0.8, 0.95], "val_accuracy": [0.0] * 3, "val_loss": [3.0, 6.0, 9.0]}

EXAMPLES = {
    "AUD027": Example(
        sweep({"a": SORTED}),
        "trial a: val_accuracy is 0 in all 3 epochs, which is worse than guessing, while "
        "accuracy reaches 0.95: validation asks for classes that training never shows, or its "
        "labels are coded otherwise",
        sweep({"a": SORTED | {"val_accuracy": [0.0, 0.06, 0.0]}}),
        ((sweep({"a": FLAT}), "no accuracy was recorded"),),
    ),
    "AUD019": Example(
        sweep({"a": APART}, no_skill_loss=LN2),
        "trial a: val_loss was far above loss from the first epoch on (0.72 against 0.48, a gap of "
        "0.24), 50 % higher or more throughout, and worse than knowing nothing (0.6931): "
        "validation data unlike the training data, or a shifted class balance, is likely",
        sweep({"a": TOGETHER}),
        NO_LOSS,
    ),
    "AUD020": Example(
        sweep({"a": BELOW}, models={"a": ModelFacts(regularisers=("L2", "dropout"))}),
        "trial a: val_loss stays below loss: 0.6 against 0.9 in the first epoch, 0.4 against 0.6 "
        "in the last, and typically 29 % below the training loss of the same moment; its dropout, "
        "which acts only in training, would explain that: not alarming",
        sweep({"a": TOGETHER}),
        NO_LOSS,
    ),
    "AUD021": Example(
        sweep({"a": SAME}),
        "trial a: loss and val_loss are equal to the last digit in all 8 epochs, which no two data "
        "sets are: the same data, or the same number logged twice, so validation says nothing of "
        "other data",
        sweep({"a": FLAT}),
        (
            (sweep({"a": {"val_loss": [0.5] * 9}}), "no metric was recorded by epoch on both"),
            (sweep({"a": {"loss": [0.5] * 2, "val_loss": [0.5] * 2}}), "no run has 3 epochs"),
        ),
    ),
}
