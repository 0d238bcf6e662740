"""Examples of the rules on swings, dips and cycles."""

from tests.diagnosis.examples.example import FLAT, Example
from tests.making import sweep

EPOCHS = range(24)
CALM = [0.5 + 0.5 * 0.8**epoch for epoch in EPOCHS]
TRAINING = [value - 0.01 for value in CALM]
SWING = [0.1 * ((epoch * 7 + 4) % 5) for epoch in EPOCHS]
RATE = [0.01 * 0.5 ** (epoch % 6) for epoch in EPOCHS]
DECAY = [0.01 * 0.9**epoch for epoch in range(8)]


def added(values: list[float], more: list[float]) -> list[float]:
    return [value + other for value, other in zip(values, more, strict=True)]


SHORT = sweep({"a": FLAT})
STEADY = sweep({"a": {"loss": TRAINING, "val_loss": CALM}}, series={"a": {"learning_rate": RATE}})
SWINGING = {"loss": added(TRAINING, SWING), "val_loss": added(CALM, SWING)}
DIPPED = added(CALM, [0.3 * (epoch == 12) for epoch in EPOCHS])
FOLLOWING = {"loss": TRAINING, "val_loss": added(CALM, [20 * rate for rate in RATE])}

EXAMPLES = {
    "AUD016": Example(
        sweep({"a": SWINGING}),
        "trial a: val_loss did not settle: over the last 12 validated epochs it swung around "
        "0.7146 by a standard deviation of 29 % of its level, and the training loss by 30 % of "
        "its own",
        STEADY,
        ((SHORT, "no run has 20 validated epochs"),),
    ),
    "AUD017": Example(
        sweep({"a": {"loss": TRAINING, "val_loss": DIPPED}}),
        "trial a: val_loss rose from 0.5429 to 0.8344 in epoch 13 and was back at 0.5275 1 epoch "
        "later, 74 times the noise beside it: the weights moved, which is not overfitting",
        STEADY,
        ((SHORT, "no run has 10 validated epochs"),),
    ),
    "AUD018": Example(
        sweep({"a": FOLLOWING}, series={"a": {"learning_rate": RATE}}),
        "trial a: val_loss follows the learning rate: it got worse and better with it in 7 of its "
        "7 rises and falls, by 0.1792 (29 %) or more on average",
        STEADY,
        (
            (SHORT, "no learning rate was logged"),
            (
                sweep({"a": FLAT}, series={"a": {"learning_rate": DECAY}}),
                "rises again after falling",
            ),
        ),
    ),
}
