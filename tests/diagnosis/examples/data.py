"""Examples of the rules on the data themselves."""

from dataclasses import replace
from typing import Any

from auditor.trials import DataChecks, Trials
from auditor.trials.data_checks import (
    Constant,
    LabelShift,
    Neighbours,
    Order,
    Repeats,
    Scale,
    Separation,
)
from tests.diagnosis.examples.example import FLAT, LN2, Example
from tests.making import sweep

HEALTHY_CHECKS = DataChecks(
    train_rows=4000,
    validation_rows=1000,
    repeats=Repeats(1000, 4000, 2, 0.0, 0.0),
    neighbours=Neighbours(300, 4000, 1, 1, 300, 0.0),
    labels=LabelShift("classes", 1000, 4000, 0.02, 0.4, "3", 0.1, 0.11),
    separation=Separation(800, 800, 0.51, 0.48, 0.54),
    scale=Scale(2000, 30, 0, 1.1, "age", 0.1, "age", -3.0, 3.0),
    constant=Constant(1000, 0.6, "0"),
)
SCORES = FLAT | {"accuracy": [0.9] * 8, "val_accuracy": [0.85] * 8}


def checked(curves: Any = SCORES, **parts: Any) -> Trials:
    """A trial on data of which all is well but these parts."""
    checks = replace(HEALTHY_CHECKS, **parts)
    return sweep({"a": curves}, data_checks=checks, no_skill_loss=LN2)


SORTED = LabelShift("classes", 1000, 4000, 0.6, 1e-30, "2", 0.17, 1.0)


def nothing_on(part: str) -> Trials:
    return checked(**{part: None})


HEALTHY = checked()
UNCHECKED = (sweep({"a": FLAT}), "the data were not at hand")

EXAMPLES = {
    "AUD031": Example(
        checked(repeats=Repeats(1000, 4000, 120, 0.002, 0.0)),
        "120 of 1000 validation rows (12 %) have exactly the inputs of a training row, while "
        "0.2 % of the training rows repeat one another: the split leaks",
        HEALTHY,
        (UNCHECKED, (nothing_on("repeats"), "could not be compared")),
    ),
    "AUD032": Example(
        checked(neighbours=Neighbours(300, 4000, 45, 1, 300, 0.0)),
        "45 of 300 validation rows compared (15 %) nearly are a training row, against 0.33 % of "
        "training rows that nearly are another: copies with small changes",
        HEALTHY,
        (UNCHECKED, (nothing_on("neighbours"), "too few different rows")),
    ),
    "AUD033": Example(
        checked(labels=LabelShift("classes", 1000, 4000, 0.2, 1e-9, "3", 0.1, 0.3, 40)),
        "labels of training and validation data differ: class 3 has a share of 10 % of the "
        "training and 30 % of the validation rows; 40 validation rows of classes that no training "
        "row has",
        HEALTHY,
        (UNCHECKED, (nothing_on("labels"), "fewer than 30 rows")),
    ),
    "AUD034": Example(
        checked(separation=Separation(800, 800, 0.83, 0.8, 0.86, (("day", 0.91),))),
        "a classifier tells validation rows from training rows by their inputs: AUC 0.83, 95 % "
        "interval 0.8 to 0.86, where guessing has 0.5; most telling: day (AUC 0.91, "
        "higher in validation)",
        HEALTHY,
        (UNCHECKED, (nothing_on("separation"), "fewer than 30 finite rows")),
    ),
    "AUD035": Example(
        checked(scale=Scale(2000, 30, 0, 350.0, "area", 8.0, "area", 0.0, 2500.0)),
        "the inputs are not scaled: area has a standard deviation of 350; values range from 0 to "
        "2500",
        HEALTHY,
        (
            UNCHECKED,
            (nothing_on("scale"), "no training row is finite"),
            (
                checked(scale=Scale(20, 3, 0, 99.0, "x[:, 0]", 1.0, "x[:, 0]", 0, 5000, True)),
                "words or categories",
            ),
        ),
    ),
    "AUD036": Example(
        checked(constant=Constant(1000, 0.85, "0")),
        "the best trial, a, has a validation accuracy of 85 %, and always answering '0' has 85 % "
        "on the same 1000 rows; its loss is better than that of a constant, so it ranks rows but "
        "decides for one class",
        HEALTHY,
        (UNCHECKED, (nothing_on("constant"), "not one per row")),
    ),
    "AUD037": Example(
        checked(train_not_finite=3),
        "3 of 4000 training rows hold a NaN or an infinite number",
        HEALTHY,
        (UNCHECKED,),
    ),
    "AUD038": Example(
        checked(order=Order(1000, 4000, SORTED, None)),
        "the rows are in an order that the target follows: class 2 has a share of 17 % of the "
        "first 4000 rows and 100 % of the last 1000; `validation_split` would validate on these "
        "last ones. Here they were split at random",
        checked(order=Order(1000, 4000, HEALTHY_CHECKS.labels, HEALTHY_CHECKS.separation)),
        (UNCHECKED, (HEALTHY, "not drawn from one table")),
    ),
}
