"""Examples of the rules on divergence."""

from tests.diagnosis.examples.example import DIVERGED, DOWN, LN2, Example
from tests.making import sweep

EXAMPLES = {
    "AUD001": Example(
        sweep({"a": DIVERGED}),
        "trial a: training diverged: loss was NaN in 2 epochs from 2 to 3 and did not come back",
    ),
    "AUD002": Example(
        sweep({"a": {"loss": [2.6e12, *DOWN], "val_loss": [0.7, *DOWN]}}, no_skill_loss=LN2),
        "trial a: training exploded and recovered: loss reached 2.6e+12 in epoch 1 and came back "
        "down after epoch 1",
    ),
}
