"""AUD024: an error of which nobody can say whether it is good."""

import math
import re
from collections.abc import Iterator

import numpy as np

from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule
from auditor.diagnosis.wording import number
from auditor.trials import Trials, twin

SAME_LOSS = 2e-3
"""Relative difference up to which a metric is the loss itself under another name: logs are rounded
to four digits."""

_SQUARED = ("mse", "mean_squared_error")
_ABSOLUTE = ("mae", "mean_absolute_error")
_ROOT = ("rmse", "root_mean_squared_error")
_KINDS = {"squared": _SQUARED, "absolute": _ABSOLUTE, "root": _ROOT}
_CLASSIFYING = re.compile(r"(^|_)(acc|accuracy|auc|precision|recall|f1|top\w*|iou|dice)(_|$)")


def _needs(seen: Judged) -> str | None:
    objective, models = seen.trials.objective.name, seen.trials.context.models.values()
    classifies = any(_CLASSIFYING.search(metric) for metric in _metrics(seen.trials))
    if (
        classifies
        or seen.task.kind == "classification"
        or any(model.loss and "crossentropy" in model.loss for model in models)
    ):
        return "it is a classification"
    if _training_name(objective) != "loss" and _kind_of_name(objective) is None:
        return f"the objective is {objective!r}, neither a loss nor an error"
    return None if _best(seen) is not None else f"no trial has a {objective} above 0"


def _check(seen: Judged) -> Iterator[Finding]:
    value, objective = _best(seen), seen.trials.objective.name
    if value is None or seen.outcomes.baseline.loss is not None:
        return
    kind = _kind_of_name(objective) or _kind(seen.trials, objective)
    size = math.sqrt(value) if kind in ("squared", None) else value
    if kind is None:
        meaning = f"if it is a mean squared error, its root is {size:.2g} in units of the target"
    elif kind == "squared":
        meaning = f"it is a mean squared error, and its root is {size:.2g} in units of the target"
    else:
        mean = "mean absolute error" if kind == "absolute" else "root of a mean squared error"
        meaning = f"it is the {mean}, {size:.2g} in units of the target"
    who = "the best " if len(seen.trials.hyperparameters) > 1 else ""
    confidence: Confidence = "low" if kind is None else "medium"
    yield UNMEASURED.finding(
        f"whether {who}{objective} {number(value)} is good is not known: {meaning}; compare that "
        "with the range of the target, and with a model that always predicts its mean",
        (
            Evidence(f"best {objective}", value),
            Evidence("error in units of the target", size, "" if kind else "if squared"),
        ),
        confidence,
    )


def _best(seen: Judged) -> float | None:
    """The objective of the best trial; None where there is none above 0."""
    best = next(iter(seen.scores.by_trial.values()), None)
    if best is None or best.rank is None or best.objective is None:
        return None
    return best.objective if 0 < best.objective < math.inf else None


def _metrics(trials: Trials) -> set[str]:
    recorded = (name for told in trials.recorded.values() for name in told.metrics)
    return {*trials.metrics, *recorded}


def _training_name(metric: str) -> str:
    return metric if twin(metric).startswith("val_") else twin(metric)


def _kind_of_name(metric: str) -> str | None:
    name = _training_name(metric)
    return next((kind for kind, names in _KINDS.items() if name in names), None)


def _kind(trials: Trials, objective: str) -> str | None:
    """What the loss is: by the models, else by a metric that is the same in all epochs."""
    losses = {model.loss for model in trials.context.models.values()}
    if len(losses) == 1:
        return _kind_of_name(losses.pop() or "")
    loss = trials.column(objective)
    for metric in trials.metrics:
        kind, other = _kind_of_name(metric), trials.column(metric)
        same_side = metric.startswith("val_") == objective.startswith("val_")
        if kind is None or not same_side or not np.array_equal(loss.bounds, other.bounds):
            continue
        with np.errstate(over="ignore", invalid="ignore"):
            expected = other.values**2 if kind == "root" else other.values
            known = np.isfinite(loss.values) & np.isfinite(expected)
        if known.any() and np.allclose(loss.values[known], expected[known], SAME_LOSS, 0):
            return "squared" if kind == "root" else kind
    return None


UNMEASURED = Rule(
    code="AUD024",
    title="Not held against a baseline",
    severity="tip",
    needs=_needs,
    check=_check,
    detected="The objective is a loss or an error, nothing shows that it is a classification, and "
    "the loss of knowing nothing is not known. What kind of error the loss is, is told by a "
    f"metric that agrees with it within {100 * SAME_LOSS:g} % in all epochs.",
    matters="The best of many bad models still ranks first.",
    remedy="Compare with a constant that predicts the mean of the training targets (scikit-learn's "
    "DummyRegressor), and with a linear model, on the same validation data. A cross-entropy is "
    "held against ln K, of K classes.",
    certainty="Medium where it is known what kind of error the loss is; low where it may be any.",
    thresholds=("SAME_LOSS",),
)
