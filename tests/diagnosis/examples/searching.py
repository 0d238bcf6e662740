"""Examples of the rules on searching."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from math import log2, nan

from auditor.trials import Design, Hyperparameter, Objective, Recorded, Run, Trials, empty_curves
from tests.diagnosis.examples.example import FLAT, Example
from tests.making import sweep

WIDTHS = (16, 32, 64, 128)


def widths(loss: Callable[[int], float]) -> Trials:
    """A grid of widths, learning rates and activations, with a loss that depends on the width."""
    cells = product(WIDTHS, (0.001, 0.01, 0.1), ("relu", "tanh"))
    values = {
        f"{place:02}": {"units": units, "lr": lr, "activation": activation}
        for place, (units, lr, activation) in enumerate(cells)
    }
    recorded = {
        # The learning rate is best in between, as it should be.
        Run(trial): Recorded(
            "completed", metrics={"val_loss": loss(v["units"]) + 0.01 * (v["lr"] != 0.01)}
        )
        for trial, v in values.items()
    }
    return Trials(values, recorded, empty_curves(), Objective("val_loss"), design=Design("grid"))


EXAMPLES = {
    "AUD012": Example(
        replace(
            sweep({"a": FLAT}),
            hyperparameters={"a": {"lr": 0.1}},
            space=(Hyperparameter("lr", "choice", (0.1, 1.0)),),
            design=Design("grid"),
        ),
        "1 of 2 combinations of the grid were not tried, among them all with lr=1",
    ),
    "AUD051": Example(
        widths(lambda units: 0.6 - 0.03 * log2(units)),
        "3 of the best 3 trials have units = 128, the largest of 4 values, and val_loss still gets "
        "better towards that end: its median is 0.4 there, 0.43 beside it",
        widths(lambda units: 0.6 - 0.03 * min(6, log2(units))),
        (
            (sweep({"a": FLAT}), "fewer than 15 trials have a result"),
            (widths(lambda _: nan), "all trials diverged"),
            (
                replace(
                    widths(log2), hyperparameters={f"{i:02}": {"units": i % 2} for i in range(24)}
                ),
                "no hyperparameter has 3 different numbers",
            ),
        ),
    ),
}
