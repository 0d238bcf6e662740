"""Examples of the rules on learning."""

from tests.diagnosis.examples.example import DOWN, LN2, Example
from tests.making import sweep

EXAMPLES = {
    "AUD004": Example(
        sweep({"a": {"val_loss": [0.69, 0.689]}}, no_skill_loss=LN2, no_skill_from="the labels"),
        "trial a: never learned: its best val_loss 0.689 is hardly better than a constant: not "
        "1.2 % below 0.6931, the loss of knowing nothing (the labels)",
    ),
    "AUD005": Example(
        sweep({"a": {"loss": DOWN, "val_loss": DOWN}}),
        "trial a: val_loss was still improving at the end: over the last 2 validated epochs it "
        "gained 0.1 (133 %) on the 2 before",
    ),
}
