"""Examples of the rules on overfitting."""

from tests.diagnosis.examples.example import OVERFIT, UP, Example
from tests.making import sweep

EXAMPLES = {
    "AUD003": Example(
        sweep({"a": OVERFIT}),
        "trial a: val_loss was best (0.4) in epoch 3 and ended at 0.9, 125 % higher, 5 epochs "
        "later, while the training loss kept improving; onset in epoch 4",
    ),
    "AUD011": Example(
        sweep({"a": UP | {"loss": UP["val_loss"]}}),
        "trial a: val_loss was best (0.4) in epoch 3 and ended at 0.9, 125 % higher, 5 epochs "
        "later, and the training curve 'loss' got worse with it; onset in epoch 4",
    ),
}
