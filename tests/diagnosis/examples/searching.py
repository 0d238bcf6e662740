"""Examples of the rules on searching."""

from dataclasses import replace

from auditor.trials import Design, Hyperparameter
from tests.diagnosis.examples.example import FLAT, Example
from tests.making import sweep

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
}
