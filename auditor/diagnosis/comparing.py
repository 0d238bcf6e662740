"""AUD023: trials of unlike problems or rows, and hyperparameters that change the loss itself."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule
from auditor.diagnosis.wording import count
from auditor.files import Json
from auditor.outcomes import UNREGULARISED
from auditor.trials import Trials

TREND_TRIALS = 20
"""Trials from which it shows whether first losses grow with a regularisation strength."""

TREND_ERRORS = 1.645
"""Standard errors of a rank correlation by which they must grow: one sided, 5 %. On TaskSet L1 and
L2 are not in the recorded losses, and in its six searches it is 1.06 at most."""

_TERMS = {"l1", "l2", "l1l2", "reg", "regularizer", "regulariser", "regularization"}
_TERMS |= {"regularisation"}
_OTHER_USES = {"units", "neurons", "nodes", "size", "filters", "dropout", "drop", "learning", "lr"}
"""Words beside which "l1" is the first layer."""
_FUNCTIONS = {"loss", "lossfn", "lossfunction", "lossname", "losstype", "criterion"}
_OPTIONS = ("labelsmoothing", "lossweight", "focalgamma", "focalalpha", "klweight")
_ADDED = {"L1", "L2", "activity penalty"}


class _Axis(NamedTuple):
    """A hyperparameter that changes the loss."""

    name: str
    values: int
    confidence: Confidence


def _needs(seen: Judged) -> str | None:
    name = seen.trials.objective.name
    if name not in ("loss", "val_loss") and not seen.task.unlike:
        return f"the objective is {name!r}, not a loss"
    if sum(score.score is not None for score in seen.scores.by_trial.values()) < 2:
        return "fewer than two trials have a result"
    return None


def _check(seen: Judged) -> Iterator[Finding]:
    if seen.task.unlike:
        yield _of_problems(seen)
        return
    yield from _of_rows(seen)
    axes = [*_functions(seen.trials), *_terms(seen)]
    if not axes:
        return
    told = [f"{axis.name} ({count(axis.values, 'value')})" for axis in axes]
    many, name = len(seen.trials.hyperparameters), seen.trials.objective.name
    sentence = (
        f"{many} trials are ranked by {name}, but {' and '.join(told)} "
        f"{'changes' if len(axes) == 1 else 'change'} that loss itself: what adds to it looks "
        "harmful whether it is or not"
    )
    evidence = tuple(Evidence(f"values of {axis.name}", axis.values, "values", 2) for axis in axes)
    confidences: tuple[Confidence, ...] = ("high", "medium", "low")
    confidence = next(c for c in confidences if c in {axis.confidence for axis in axes})
    yield INCOMPARABLE.finding(
        sentence,
        evidence,
        confidence,
    )


def _of_problems(seen: Judged) -> Finding:
    """That the trials are no sweep at all."""
    return INCOMPARABLE.finding(
        f"these trials do not solve one problem: {'; '.join(seen.task.unlike)}: ranks and causes "
        "across them mean nothing, and chance is not known",
        (Evidence("problems that are told apart", len(seen.task.unlike), "", 2),),
        "high",
        severity="error",
        remedy="Audit each problem by itself, in a folder of its own.",
    )


def _of_rows(seen: Judged) -> Iterator[Finding]:
    """That runs of one fold were validated on sets of different size."""
    sizes: dict[int, dict[int, str]] = {}
    for run, rows in seen.measured.rows.items():
        sizes.setdefault(run.fold, {}).setdefault(rows.rows, run.trial_id)
    for first, *others in (sorted(of_fold.items()) for of_fold in sizes.values()):
        # A multiple may be the same set, told from accuracies that happen to share a divisor.
        other = next((size for size in others if size[0] % first[0]), None)
        if other is not None:
            yield INCOMPARABLE.finding(
                f"trials are not validated on the same rows: by its accuracies trial {first[1]} "
                f"has {first[0]} of them, trial {other[1]} {other[0]}; what differs between them "
                "may be the data, or the problem",
                (
                    Evidence("fewest validation rows", first[0], "rows"),
                    Evidence("most validation rows", max(size for size, _ in others), "rows"),
                ),
                "medium",
                remedy="Validate all trials on the same rows; audit each problem by itself.",
            )
            return


def _functions(trials: Trials) -> Iterator[_Axis]:
    """Hyperparameters that choose the loss or its options; else that the models show to differ."""
    found = False
    for name in _names(trials):
        joined = "".join(_words(name))
        is_option = any(option in joined for option in _OPTIONS)
        if not is_option and joined not in _FUNCTIONS:
            continue
        values = _values(trials, name)
        if len(values) > 1 and (is_option or all(isinstance(value, str) for value in values)):
            found = True
            yield _Axis(name, len(values), "high")
    models = trials.context.models.values()
    losses = {(model.loss, model.label_smoothing) for model in models if model.loss is not None}
    if len(losses) > 1 and not found:
        yield _Axis("the loss of the model", len(losses), "high")


def _terms(seen: Judged) -> Iterator[_Axis]:
    """Hyperparameters that scale terms of the loss, unless it is known without these."""
    trials = seen.trials
    if len(trials.series_column(UNREGULARISED).epochs):
        return
    models = trials.context.models.values()
    if models and not any(m.custom or _ADDED & set(m.regularisers) for m in models):
        return
    for name in _names(trials):
        words = set(_words(name))
        is_decay = "wd" in words or {"weight", "decay"} <= words
        is_term = bool(words & _TERMS) and not words & _OTHER_USES
        if not is_term and not is_decay:
            continue
        values = _values(trials, name)
        if len(values) > 1 and _are_strengths(values) and not _is_without_trend(seen, name):
            yield _Axis(name, len(values), "medium" if is_term else "low")


def _names(trials: Trials) -> list[str]:
    return list(dict.fromkeys(n for values in trials.hyperparameters.values() for n in values))


def _values(trials: Trials, name: str) -> list[Json]:
    """The values that a hyperparameter has; each once."""
    values = (v[name] for v in trials.hyperparameters.values() if name in v)
    return list({repr(value): value for value in values}.values())


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]


def _are_strengths(values: Sequence[Json]) -> bool:
    """Whether they can be strengths of regularisation: counts of units can not."""
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return len(numbers) < len(values) or any(value != int(value) for value in numbers)


def _is_without_trend(seen: Judged, name: str) -> bool:
    """Whether first losses clearly do not grow with a strength that would be part of them."""
    curves = seen.measured.finite(seen.trials.objective.name)
    pairs = []
    for place in np.flatnonzero(curves.lengths):
        value = seen.trials.hyperparameters[seen.trials.runs[place].trial_id].get(name)
        if isinstance(value, int | float):
            pairs.append((value, curves.column.values[curves.column.bounds[place]]))
    if len(pairs) < TREND_TRIALS or len({value for value, _ in pairs}) < 2:
        return False
    ranks = pd.DataFrame(pairs).rank()
    correlation = float(ranks[0].corr(ranks[1]))
    return not correlation * math.sqrt(len(pairs) - 1) > TREND_ERRORS


INCOMPARABLE = Rule(
    code="AUD023",
    title="Losses are not comparable",
    severity="warning",
    needs=_needs,
    check=_check,
    detected="Some runs log an accuracy and others only the error of a regression, or their first "
    "epochs are at guessing among different numbers of classes: an error. Accuracies show sets of "
    "validation rows of different size, no multiple of each other. Or trials are ranked by a loss, "
    "and a hyperparameter varies that by its name is part of it: the loss function or an option of "
    "it (such as label smoothing), or a strength of regularisation (such as L2 or weight decay). A "
    "strength counts where the validation loss without regularisation terms was not recorded, no "
    f"record of the models shows that they have no such terms, and, of {TREND_TRIALS} trials or "
    "more, the first losses grow with it.",
    matters="Losses of unlike problems have nothing in common. Of one problem, Keras adds "
    "penalties to the validation loss too: the ranking then says that regularisation is harmful, "
    "and another loss function has another scale.",
    remedy="Rank by a metric that they do not change: an accuracy, an error, or the validation "
    "loss without regularisation terms, which a sweep by auditor records.",
    certainty="High for unlike problems, and where the loss function or an option of it varies; "
    "medium for rows, which are told from accuracies, and for strengths, which are told by their "
    "names; low for weight decay, which optimizers apply outside the loss.",
    thresholds=("TREND_TRIALS", "TREND_ERRORS"),
)
