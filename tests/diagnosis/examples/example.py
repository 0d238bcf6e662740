"""What each example of a rule holds, and the curves that several of them share."""

import math
from dataclasses import replace
from typing import NamedTuple

from auditor.diagnosis.deciding import MIN_VALIDATION_ROWS
from auditor.trials import Design, Hyperparameter, Recorded, Run, Trials
from tests.making import sweep

NAN, INF = math.nan, math.inf
LN2 = math.log(2)
FLAT = {"loss": [0.4] * 8, "val_loss": [0.4] * 8}
UP = {"val_loss": [0.6, 0.5, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]}
DOWN = [0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.05]
OVERFIT = UP | {"loss": DOWN}
DIVERGED = {"loss": [0.6, NAN, NAN], "val_loss": [0.6, 0.5, NAN]}
CRASH = Recorded("failed", message="Traceback:\n  File x\nValueError: bad shape")


HEALTHY = replace(
    sweep(
        {Run("a", 0): FLAT, Run("a", 1): FLAT},
        no_skill_loss=LN2,
        validation_rows=MIN_VALIDATION_ROWS,
    ),
    hyperparameters={"a": {"lr": 0.1}},
    space=(Hyperparameter("lr", "choice", (0.1,)),),
    design=Design("grid"),
)


class Example(NamedTuple):
    """When one rule speaks, when it is silent, and when it does not apply.

    Attributes:
        sick: It makes one finding.
        sentence: Of that finding.
        healthy: The rule applies and finds nothing.
        not_applicable: Observations to which it does not apply, and words of the reason it gives.
    """

    sick: Trials
    sentence: str
    healthy: Trials = HEALTHY
    not_applicable: tuple[tuple[Trials, str], ...] = ()
