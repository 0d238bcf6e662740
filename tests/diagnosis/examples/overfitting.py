"""Examples of the rules on overfitting."""

from tests.diagnosis.examples.example import OVERFIT, UP, Example
from tests.making import sweep

EXAMPLES = {
    "AUD003": Example(
        sweep({"a": OVERFIT}),
        "trial a: val_loss was best (0.4) in epoch 3 and ended at 0.9, 125 % higher, while the "
        "training loss kept improving (0.6 to 0.05); onset in epoch 4; 5 of the 8 epochs came "
        "after the best",
    ),
    "AUD011": Example(
        sweep({"a": UP | {"loss": UP["val_loss"]}}),
        "trial a: val_loss was best (0.4) in epoch 3 and ended at 0.9, 125 % higher, and the "
        "training curve 'loss' got worse with it; onset in epoch 4; 5 of the 8 epochs came "
        "after the best",
    ),
}
