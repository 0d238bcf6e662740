"""Examples of the rules on learning."""

import math

from tests.diagnosis.examples.example import DOWN, FLAT, LN2, Example
from tests.making import sweep

EPOCHS = range(40)
LN10 = math.log(10)
SLOW = [0.69 - 0.0004 * epoch for epoch in EPOCHS]
LEARNS = [0.3 + 0.4 * 0.9**epoch for epoch in EPOCHS]
LEARNED = {f"b{i}": {"loss": LEARNS, "val_loss": LEARNS} for i in range(4)}
CUT = {"loss": LEARNS[:12], "val_loss": LEARNS[:12]}

EXAMPLES = {
    "AUD004": Example(
        sweep({"a": {"val_loss": [0.69, 0.689]}}, no_skill_loss=LN2, no_skill_from="the labels"),
        "trial a: never learned: its best val_loss 0.689 is hardly better than a constant: not "
        "1.2 % below 0.6931, the loss of knowing nothing (the labels); it went from 0.69 to 0.689 "
        "in 2 epochs",
    ),
    "AUD005": Example(
        sweep({"a": {"loss": DOWN, "val_loss": DOWN}}),
        "trial a: val_loss was still improving at the end: its last 2 validated epochs are on "
        "average 0.1 (57 %) better than any 2 before",
    ),
    "AUD014": Example(
        sweep({"a": {"loss": SLOW, "val_loss": SLOW}} | LEARNED),
        "trial a: val_loss learns slowly: in 40 validated epochs it went from 0.6882 to 0.6762, "
        "3.2 % of the way to 0.311, the best mean of the sweep; at the pace of its second half the "
        "rest takes some 900 more",
        sweep(LEARNED),
        ((sweep({"a": FLAT}), "no run has 10 epochs with a finite objective"),),
    ),
    "AUD015": Example(
        sweep({"a": CUT} | LEARNED),
        "trial a: stopped after 12 of 40 epochs (as most runs have) while val_loss was still "
        "improving: its last 3 validated epochs are on average 0.05204 (11 %) better than any 3 "
        "before",
        sweep(LEARNED | {"b5": LEARNED["b0"]}),
        ((sweep({"a": FLAT}), "how many epochs were planned is not known"),),
    ),
    "AUD025": Example(
        sweep(
            {"a": {"val_loss": [2.3, 2.25, 2.21], "val_accuracy": [0.1, 0.13, 0.14]}},
            no_skill_loss=LN10,
            label_counts=dict.fromkeys("0123456789", 90),
            validation_rows=200,
        ),
        "trial a: hardly better than a constant: its best val_loss 2.21 is only 4 % below 2.303, "
        "the loss of knowing nothing, and its best val_accuracy 0.14 beats guessing (0.1) by 4 "
        "percentage points only, which may be chance with 200 rows",
        sweep({"a": FLAT}, no_skill_loss=LN2),
        (
            (sweep({"a": {"loss": [2.3, 2.2]}}), "no validation loss was recorded"),
            (sweep({"a": {"val_loss": [2.3]}}), "no accuracy was recorded"),
        ),
    ),
}
