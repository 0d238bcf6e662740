"""AUD008, AUD009: whether results tell trials apart, or seeds and the draw of the rows decide."""

import math
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule, Severity
from auditor.diagnosis.wording import count, number, percent
from auditor.outcomes import Outcome, accuracy_of, share
from auditor.outcomes.rows import fewer_rows
from auditor.trials import twin

SEED_TRIALS = 3
"""Trials with several seeds each that it takes to compare trials with seeds."""

SEED_FREEDOM = 3
"""Degrees of freedom of the spread between seeds below which it is hardly known."""

SURE_FREEDOM = 10
"""And from which it is known well: within a factor of 1.8, 95 % interval."""

SEED_P = 0.05
"""Probability of an F as large as seen if trials differed by seeds only, above which they may."""

MIN_VALIDATION_ROWS = 100
"""Rows below which a validation metric is mostly chance: the standard error of an accuracy of .5 is
sqrt(.25 / 100) = 5 percentage points, more than most grids differ by; that of a mean squared error
is sqrt(2 / 100) = 14 % of it, of normal errors."""

CLOSE_TRIALS = 3
"""Trials beside the best within one standard error of it from which the top of the ranking is not
decided: two may be equal for a reason."""


def _needs_runs(seen: Judged) -> str | None:
    if any(len(runs) > 1 for runs in seen.trials.runs_of.values()):
        return None
    return "no trial has more than one recorded run"


def _disagreement(seen: Judged) -> Iterator[Finding]:
    ended = set(Outcome) - {Outcome.PRUNED, Outcome.MISSING}
    for trial, runs in seen.trials.runs_of.items():
        verdicts = {run: seen.outcomes.by_run[run].outcome for run in runs}
        verdicts = {run: outcome for run, outcome in verdicts.items() if outcome in ended}
        counts = Counter(verdicts.values()).most_common()
        if len(counts) < 2:
            continue
        told = ", ".join(f"{many} {outcome.value}" for outcome, many in counts)
        yield DISAGREEMENT.finding(
            f"trial {trial}: its {len(verdicts)} runs disagree: {told}; same hyperparameters, "
            "another seed or fold",
            tuple(Evidence(f"runs: {outcome.value}", many, "runs") for outcome, many in counts),
            "high",
            trials=(trial,),
            runs=tuple(verdicts),
        )
    yield from _luck_of_seeds(seen)


class _Spread(NamedTuple):
    """Standard deviations of the objective, in its units."""

    within: float
    between: float
    freedom: int
    p: float


def _luck_of_seeds(seen: Judged) -> Iterator[Finding]:
    groups = _by_seed(seen)
    spread = _spread(list(groups.values()))
    if spread is None or spread.p <= SEED_P or spread.within < spread.between:
        return
    name = seen.trials.objective.name
    confidence: Confidence = "high" if spread.freedom >= SURE_FREEDOM else "medium"
    yield DISAGREEMENT.finding(
        f"seeds make more of a difference than hyperparameters: the standard deviation of {name} "
        f"is {number(spread.within)} between executions of one trial and {number(spread.between)} "
        f"between the {len(groups)} trials that learned, so which of them ranks first is luck",
        (
            Evidence("standard deviation between seeds", spread.within, name, spread.between),
            Evidence("standard deviation between trials", spread.between, name),
            Evidence("p that trials differ by seeds only", spread.p, "", SEED_P),
            Evidence("degrees of freedom between seeds", spread.freedom, "", SEED_FREEDOM),
        ),
        confidence,
    )


def _by_seed(seen: Judged) -> dict[str, list[float]]:
    """The objective of each execution of the trials that learned, the mean of its folds.

    Folds differ by their data, so only executions of all of a trial's folds compare.
    """
    failed = {Outcome.DIVERGED, Outcome.NEVER_LEARNED, Outcome.CRASHED, Outcome.PRUNED}
    found = {}
    for trial, runs in seen.trials.runs_of.items():
        if len(runs) < 2 or any(seen.outcomes.by_run[run].outcome in failed for run in runs):
            continue
        executions: dict[int, dict[int, float]] = {}
        for run in runs:
            if (value := seen.scores.by_run[run].objective) is not None:
                executions.setdefault(run.execution, {})[run.fold] = value
        folds = {run.fold for run in runs}
        values = [
            float(np.mean(list(by_fold.values())))
            for by_fold in executions.values()
            if by_fold.keys() == folds
        ]
        if len(values) > 1:
            found[trial] = values
    return found


def _spread(groups: list[list[float]]) -> _Spread | None:
    """How executions and trials vary; None where there are too few to say."""
    freedom = sum(len(values) - 1 for values in groups)
    if len(groups) < SEED_TRIALS or freedom < SEED_FREEDOM:
        return None
    with np.errstate(all="ignore"):
        squares = sum(float(np.var(v)) * len(v) for v in groups)
        within = math.sqrt(squares / freedom)
        means = np.array([np.mean(values) for values in groups])
        between = float(np.std(means, ddof=1))
        weights = np.array([len(values) for values in groups])
        centre = float((weights * means).sum() / weights.sum())
        explained = float((weights * (means - centre) ** 2).sum()) / (len(groups) - 1)
        if not (0 < within < math.inf and math.isfinite(explained)):
            return None
        p = float(special.fdtrc(len(groups) - 1, freedom, explained / within**2))
    return _Spread(within, between, freedom, p)


class _Set(NamedTuple):
    """The validation rows that decide the ranking."""

    rows: int
    words: str


def _needs_rows(seen: Judged) -> str | None:
    if seen.measured.rows or fewer_rows(seen.trials, MIN_VALIDATION_ROWS):
        return None
    return "the number of validation rows is not known, and no accuracy tells it"


def _small_validation(seen: Judged) -> Iterator[Finding]:
    of = _rows(seen) if seen.measured.rows else _few(seen)
    if of.rows >= MIN_VALIDATION_ROWS:
        yield from _undecided(seen, of)
        return
    error = math.sqrt(0.25 / of.rows) if of.rows > 0 else math.inf
    name = "largest standard error of an accuracy"
    if of.rows <= 1:
        noisy = "no metric on it says anything about other data"
    elif seen.task.kind == "regression":
        # Of squares of normal errors, the gentlest case; heavier tails have more.
        error = math.sqrt(2 / of.rows)
        name = "standard error of a mean squared error, as a share of it"
        noisy = (
            f"the standard error of a mean squared error is about {percent(error)} of it or more"
        )
    else:
        noisy = f"the standard error of an accuracy is up to {error:.2g}"
    decided = "ranking" if len(seen.trials.hyperparameters) > 1 else "best epoch"
    yield _too_small(
        f"the validation set has {of.words}: {noisy}, so the {decided} is mostly chance",
        (
            Evidence("validation rows", of.rows, "rows", MIN_VALIDATION_ROWS),
            Evidence(name, error),
        ),
        SMALL_VALIDATION.severity,
        "high" if seen.measured.rows else "medium",
    )


def _few(seen: Judged) -> _Set:
    """Rows of which only that they are few is known."""
    least = fewer_rows(seen.trials, MIN_VALIDATION_ROWS)
    rows = least.rows if least else 0
    told = f"as the steps of {twin(accuracy_of(seen.trials))} tell"
    words = f"fewer than {MIN_VALIDATION_ROWS} rows, {rows} or a small multiple, {told}"
    return _Set(rows, words)


def _rows(seen: Judged) -> _Set:
    """The rows of the best trial whose number is known; those of all its folds."""
    known = seen.measured.rows
    for trial in seen.scores.by_trial:
        folds = {run.fold: known[run] for run in seen.trials.runs_of[trial] if run in known}
        if folds:
            break
    else:
        folds = {0: next(iter(known.values()))}
    rows = sum(of.rows for of in folds.values())
    words = count(rows, "row")
    if len(folds) > 1:
        words += f" in {len(folds)} folds"
    if any(of.values for of in folds.values()):
        words += f", as the steps of {twin(accuracy_of(seen.trials))} tell"
    return _Set(rows, words)


def _undecided(seen: Judged, of: _Set) -> Iterator[Finding]:
    """That many trials are as good as the best, as far as so many rows tell."""
    name, objective = twin(accuracy_of(seen.trials)), seen.trials.objective
    if objective.name != name or objective.direction != "max":
        return
    known = seen.selection.luck if seen.selection else ()
    if any(luck.of == "rows" for luck in known):
        return  # AUD052 compares trials on the same rows, and says it better
    # As ranked; the penalty on the gap is part of that, but no part of the noise.
    values = share(_objectives(seen))
    if len(values) <= CLOSE_TRIALS or not 0 <= values[0] <= 1:
        return
    best = float(values[0])
    # Laplace's estimate: none wrong so far does not mean that none ever is.
    right = (best * of.rows + 1) / (of.rows + 2)
    error = math.sqrt(right * (1 - right) / of.rows)
    away = np.abs(values[1:] - best)
    near, nearby = int((away <= error).sum()), int((away <= 2 * error).sum())
    if near < CLOSE_TRIALS or away[0] > error:
        return
    yield _too_small(
        f"the best trial is not told from the next ones: on {of.words}, a {name} of "
        f"{number(best)} has a standard error of {number(error)}, and {near} of the other "
        f"{len(away)} trials are within one of it, {nearby} within two; on the same rows trials "
        "compare somewhat better than that",
        (
            Evidence("trials within one standard error of the best", near, "trials", CLOSE_TRIALS),
            Evidence("trials within two", nearby, "trials"),
            Evidence("standard error of the best accuracy", error),
            Evidence("validation rows", of.rows, "rows"),
        ),
        "tip",
        "medium",
    )


def _objectives(seen: Judged) -> NDArray[np.float64]:
    """The objective of each trial that ranks, best first."""
    ranked = [s.objective for s in seen.scores.by_trial.values() if s.rank is not None]
    return np.array([value for value in ranked if value is not None and math.isfinite(value)])


def _too_small(
    sentence: str, evidence: tuple[Evidence, ...], severity: Severity, confidence: Confidence
) -> Finding:
    return SMALL_VALIDATION.finding(
        sentence,
        evidence,
        confidence,
        severity=severity,
    )


DISAGREEMENT = Rule(
    code="AUD008",
    title="Runs of a trial disagree",
    severity="warning",
    needs=_needs_runs,
    check=_disagreement,
    detected="Finished runs of one trial, with other seeds or folds, have different outcomes. Or, "
    "for the sweep: among trials that learned, executions of one trial vary more than trials do, "
    f"and an F test does not tell trials apart at {SEED_P:g}; with at least {SEED_TRIALS} trials "
    f"and {SEED_FREEDOM} executions beyond the first of each. Folds differ by their data, and "
    "count as one.",
    matters="The outcome depends on the seed, so one run of it proves little.",
    remedy="Prefer a configuration whose runs agree, or train more seeds of this one.",
    certainty="High where outcomes differ: they are counted. Of the spread of seeds, high from "
    f"{SURE_FREEDOM} executions beyond the first of each trial on, medium below.",
    thresholds=("SEED_TRIALS", "SEED_FREEDOM", "SURE_FREEDOM", "SEED_P"),
)

SMALL_VALIDATION = Rule(
    code="AUD009",
    title="Validation set too small",
    severity="warning",
    needs=_needs_rows,
    check=_small_validation,
    detected=f"The validation set has fewer than {MIN_VALIDATION_ROWS} rows, all folds together. "
    "Or, a tip, where trials rank by an accuracy: the second and at least "
    f"{CLOSE_TRIALS} trials in all are within one standard error of the best, sqrt(p (1 - p) / n). "
    "Silent where AUD052 compares trials on the same rows. Rows that were not recorded are told "
    "from the steps of the accuracy, where its digits do; that they are so few is told by fewer "
    "steps, with medium confidence.",
    matters="Differences between trials are then mostly chance, and so is the best epoch.",
    remedy="Hold out more rows, or use cross-validation.",
    certainty="High for few rows: they are counted, or told with a doubt below 1 %. Medium for the "
    "standard error: trials share the rows, so that their differences are surer than it says.",
    thresholds=("MIN_VALIDATION_ROWS", "CLOSE_TRIALS"),
)
