"""AUD035 to AUD037: inputs as a network should not get them, and what a constant reaches."""

import math
from collections.abc import Iterator

from auditor.diagnosis.data import NOT_AT_HAND, checks_of, needs_checks
from auditor.diagnosis.finding import Evidence, Finding, Judged, Rule
from auditor.diagnosis.wording import count, number, percent
from auditor.outcomes import Outcome, accuracy_of, share
from auditor.trials import Run, twin

UNSCALED = 10.0
"""Standard deviation of a feature, or its mean in deviations (in 1 where these are smaller), above
which it is not scaled. Initial weights expect 1."""

CHANCE_ERRORS = 1.645
"""Standard errors by which an accuracy must exceed the share of the commonest class: one-sided
5 %."""

_MOST_NAMED = 3
"""Features that a sentence names."""

_SCALERS = {"Rescaling", "Normalization", "Embedding", "Hashing", "IntegerLookup", "Discretization"}
"""Layers that take inputs as they are."""

_NORMALISERS = {"BatchNormalization", "LayerNormalization", "GroupNormalization"}
"""Layers that do too where they come first, which is not known."""


def _needs_scale(seen: Judged) -> str | None:
    checks = seen.trials.context.data_checks
    if checks is None:
        return NOT_AT_HAND
    if checks.scale is None:
        return "no training row is finite"
    if checks.scale.are_codes:
        return "the inputs are whole numbers, which may stand for words or categories"
    models = seen.trials.context.models.values()
    if any(model.custom or _SCALERS & set(model.layers) for model in models):
        return "the models may scale their inputs themselves"
    return None


def are_scaled(seen: Judged) -> bool:
    """Whether the inputs were looked at and found to be scaled."""
    if _needs_scale(seen) is not None:
        return False
    found = checks_of(seen).scale
    return found is not None and max(found.largest_deviation, found.largest_offset) <= UNSCALED


def _unscaled(seen: Judged) -> Iterator[Finding]:
    found = checks_of(seen).scale
    if found is None or are_scaled(seen):
        return
    if found.largest_deviation > UNSCALED:
        how = f"{found.widest} has a standard deviation of {number(found.largest_deviation)}"
    else:
        how = f"the mean of {found.farthest} is {number(found.largest_offset)} deviations from 0"
    verdicts = seen.outcomes.by_run.values()
    exploded = sum(v.outcome == Outcome.DIVERGED or v.recovered for v in verdicts)
    also = f", and {count(exploded, 'run')} exploded"
    models = seen.trials.context.models.values()
    is_plain = bool(models) and not any(_NORMALISERS & set(model.layers) for model in models)
    yield NOT_SCALED.finding(
        f"the inputs are not scaled: {how}; values range from {number(found.lowest)} to "
        f"{number(found.highest)}{also * bool(exploded)}",
        (
            Evidence("largest standard deviation", found.largest_deviation, "", UNSCALED),
            Evidence("largest mean, in deviations or 1", found.largest_offset, "", UNSCALED),
            Evidence("smallest value", found.lowest),
            Evidence("largest value", found.highest),
            Evidence("features", found.features, "features"),
            Evidence("runs that exploded", exploded, "runs"),
        ),
        "medium" if exploded or is_plain else "low",
        severity="warning" if exploded else None,
    )


def _needs_constant(seen: Judged) -> str | None:
    reason = needs_checks("constant", "labels are not one per row")(seen)
    if reason is not None:
        return reason
    best = _best(seen)
    if best is None:
        return "no trial has a score"
    if _accuracy(seen, best) is None and seen.outcomes.baseline.loss is None:
        return "neither an accuracy nor the loss of a constant is known"
    return None


def _no_better(seen: Judged) -> Iterator[Finding]:
    best, constant = _best(seen), checks_of(seen).constant
    if best is None or constant is None:
        return
    accuracy = _accuracy(seen, best)
    verdict = seen.outcomes.by_run[best]
    if accuracy is None or constant.accuracy is None:
        base = seen.outcomes.baseline.loss
        if verdict.outcome == Outcome.NEVER_LEARNED and base is not None:
            yield NO_BETTER.finding(
                f"the best trial, {best.trial_id}, is no better than a constant answer: "
                f"{verdict.reason}",
                (Evidence("loss of a constant answer", base, "loss"),),
                "high",
            )
        return
    base = constant.accuracy
    error = math.sqrt(base * (1 - base) / constant.rows)
    least = base + CHANCE_ERRORS * error
    if accuracy > least:
        return
    has_learned = verdict.outcome != Outcome.NEVER_LEARNED
    but = "; its loss is better than that of a constant, so it ranks rows but decides for one class"
    yield NO_BETTER.finding(
        f"the best trial, {best.trial_id}, has a validation accuracy of {percent(accuracy)}, and "
        f"always answering {constant.answer!r} has {percent(base)} on the same "
        f"{count(constant.rows, 'row')}{but * (has_learned and _knows_loss(seen))}",
        (
            Evidence("validation accuracy at the best epoch", accuracy, "", least),
            Evidence("accuracy of a constant answer", base),
            Evidence("its standard error", error),
            Evidence("validation rows", constant.rows, "rows"),
        ),
        "medium" if has_learned else "high",
    )


def _best(seen: Judged) -> Run | None:
    scores = seen.scores.by_trial.values()
    return next((score.best_run for score in scores if score.best_run is not None), None)


def _knows_loss(seen: Judged) -> bool:
    return seen.outcomes.baseline.loss is not None and "val_loss" in seen.trials.metrics


def _accuracy(seen: Judged, run: Run) -> float | None:
    """Validation accuracy at the best epoch; None where it was not logged."""
    name = accuracy_of(seen.trials)
    if not name or seen.scores.by_run[run].best_epoch is None:
        return None
    epochs, values = seen.trials.curve(run, twin(name))
    there = share(values)[epochs == seen.scores.by_run[run].best_epoch]
    return float(there[0]) if len(there) and math.isfinite(there[0]) else None


def _needs_finite(seen: Judged) -> str | None:
    return NOT_AT_HAND if seen.trials.context.data_checks is None else None


def _not_finite(seen: Judged) -> Iterator[Finding]:
    checks = checks_of(seen)
    bad = {"training": checks.train_not_finite, "validation": checks.validation_not_finite}
    if not any(bad.values()):
        return
    of = {"training": checks.train_rows, "validation": checks.validation_rows}
    told = " and ".join(
        f"{many} of {count(of[side], f'{side} row')}" for side, many in bad.items() if many
    )
    verb = "hold" if sum(bad.values()) > 1 else "holds"
    yield NOT_FINITE.finding(
        f"{told} {verb} a NaN or an infinite number{_where(checks.not_finite)}",
        tuple(Evidence(f"{side} rows not finite", many, "rows", 1) for side, many in bad.items()),
        "high",
    )


def _where(features: tuple[tuple[str, int], ...]) -> str:
    """The features that hold them, and in how many rows."""
    if not features:
        return ""
    named = [f"{name} ({count(rows, 'row')})" for name, rows in features[:_MOST_NAMED]]
    more = len(features) - len(named)
    return f", in {', '.join(named)}" + f" and {more} more" * bool(more)


NOT_SCALED = Rule(
    code="AUD035",
    title="Inputs not scaled",
    severity="tip",
    needs=_needs_scale,
    check=_unscaled,
    detected=f"A feature of the training data has a standard deviation above {UNSCALED:g}, or a "
    f"mean above {UNSCALED:g} times its deviation (or times 1 where that is larger). Not asked of "
    "flat arrays of integers, and where models have layers that scale or look up their inputs. A "
    "warning where runs exploded.",
    matters="Gradients of large inputs are large: learning rates that suit scaled data explode, "
    "and small features are hardly used.",
    remedy="Subtract the training mean and divide by the training deviation, divide grey levels by "
    "255, or start the model with a Normalization or Rescaling layer.",
    certainty="Medium where models are known to have no such layer, nor one that normalises in "
    "between, or runs exploded; low else.",
    thresholds=("UNSCALED",),
)

NO_BETTER = Rule(
    code="AUD036",
    title="No better than a simple baseline",
    severity="warning",
    needs=_needs_constant,
    check=_no_better,
    detected="The validation accuracy of the best trial at its best epoch is not above the share "
    f"of the commonest training class among the validation rows by {CHANCE_ERRORS:g} standard "
    "errors; "
    "without an accuracy, the best trial never learned.",
    matters="A model that a constant replaces is not worth deploying, and its ranking is noise.",
    remedy="Weight the classes or move the decision threshold, judge by a metric that counts rare "
    "classes, and see whether the features say anything about the target.",
    certainty="High where the loss is no better either; medium where it is, as with rare classes.",
    thresholds=("CHANCE_ERRORS",),
)

NOT_FINITE = Rule(
    code="AUD037",
    title="Inputs not finite",
    severity="error",
    needs=_needs_finite,
    check=_not_finite,
    detected="A row of the training or validation inputs holds a NaN or an infinite number.",
    matters="One such row makes the loss, and with the next step every weight, NaN.",
    remedy="Fill or drop what is missing before training, the same way on both sides.",
    certainty="High: such rows are counted.",
)
