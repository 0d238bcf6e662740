"""Examples of the rules on recording."""

from auditor.trials import Problem, Provenance, Run
from tests.diagnosis.examples.example import CRASH, FLAT, OVERFIT, Example
from tests.making import sweep

EXAMPLES = {
    "AUD006": Example(
        sweep({}, recorded={"a": CRASH}),
        "trial a: crashed: ValueError: bad shape",
    ),
    "AUD007": Example(
        sweep({"a": FLAT}, provenance=Provenance(problems=(Problem("cut off", "a.csv", "a"),))),
        "trial a: a.csv: cut off",
    ),
    "AUD008": Example(
        sweep({Run("a", 0): FLAT, Run("a", 1): OVERFIT}),
        "trial a: its 2 runs disagree: 1 ok, 1 overfit; same hyperparameters, another seed or fold",
    ),
    "AUD009": Example(
        sweep({"a": FLAT}, validation_rows=1),
        "the validation set has 1 row: no metric on it says anything about other data, so the "
        "best epoch is mostly chance",
    ),
    "AUD010": Example(
        sweep({"a": {"val_loss": [0.4]}}),
        "trial a: no generalization gap could be computed and no penalty applies: 'loss' was not "
        "recorded beside 'val_loss' at the best epoch",
    ),
    "AUD026": Example(
        sweep({"a": {"loss": [0.5], "val_loss": [0.4]}}),
        "trial a: too short to judge: after 1 validated epoch no failure was seen, but whether it "
        "overfits shows from 4 on",
        not_applicable=((sweep({"a": {"loss": [0.5]}}), "no validation loss"),),
    ),
}
