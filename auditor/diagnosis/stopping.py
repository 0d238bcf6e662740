"""AUD015: runs that ended before they were planned to, while they were still improving."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule
from auditor.diagnosis.pace import (
    IMPROVING_STEP,
    Paces,
    gained,
    is_ok,
    pace_evidence,
    paces,
)
from auditor.diagnosis.slowness import slow_runs
from auditor.diagnosis.swings import where
from auditor.diagnosis.wording import count, names, needs_curves, once_per_sweep, percent
from auditor.trials import Trials

PLANNED = ("tuner/epochs", "epochs", "n_epochs", "num_epochs", "nb_epoch", "max_epochs")
"""Hyperparameters that say how long a trial was to train; the first is that of Hyperband."""

PLANNED_RUNS = 5
"""Runs of a sweep, the fewest whose common length is a plan."""

PLANNED_SHARE = 0.5
"""Share of the runs that must have that length: more than this."""

ENDED_SHARE = 0.9
"""Share of the planned epochs from which a run has seen enough of them."""

OUT_OF_NOISE = 2.0
"""Standard deviations of the noise that a curve must gain before a new best can be expected."""


class Stopped(NamedTuple):
    """A run that ended early.

    Attributes:
        epochs: That it trained.
        planned: That it was to train.
        known_from: How that is known, in words.
        after: Validated epochs after the best one.
        needed: Epochs in which it gains what stands out of its noise.
    """

    epochs: int
    planned: int
    known_from: str
    after: int
    needed: int


@once_per_sweep
def stopped_runs(seen: Judged) -> dict[int, Stopped]:
    """The runs that were stopped too early, by position; slow ones are left out."""
    found, trained = paces(seen), _trained(seen)
    candidates = [p for p in np.flatnonzero(found.worth_more).tolist() if is_ok(seen, p)]
    if not candidates:
        return {}
    common, slow = _common(trained), slow_runs(seen)
    stopped = {}
    for place in candidates:
        plan = _plan(seen.trials, place) or common
        if plan is None or place in slow or trained[place] >= ENDED_SHARE * plan[0]:
            continue
        needed = math.ceil(OUT_OF_NOISE * float(found.noise[place]) / _per_epoch(found, place))
        after = int(found.after[place])
        stopped[place] = Stopped(int(trained[place]), *plan, after, needed)
    return stopped


def _per_epoch(found: Paces, place: int) -> float:
    return float(found.gain[place]) / int(found.epochs[place])


def _trained(seen: Judged) -> NDArray[np.intp]:
    """How many epochs each run trained, validated or not."""
    trained = np.zeros(len(seen.trials.runs), np.intp)
    for metric in ("loss", seen.trials.objective.name):
        column = seen.trials.column(metric)
        there = np.diff(column.bounds) > 0
        last = column.epochs[column.bounds[1:][there] - 1] + 1
        trained[there] = np.maximum(trained[there], last)
    return trained


def _plan(trials: Trials, place: int) -> tuple[int, str] | None:
    """The epochs that a run was planned to train, and how that is known."""
    values: Mapping[str, object] = trials.hyperparameters[trials.runs[place].trial_id]
    for name in PLANNED:
        value = values.get(name)
        if isinstance(value, int | float) and value >= 1:
            return int(value), f"hyperparameter {name}"
    epochs = trials.design.epochs
    return (epochs, "planned") if epochs else None


def _common(trained: NDArray[np.intp]) -> tuple[int, str] | None:
    """The length of most runs, as the plan of all."""
    lengths = Counter(trained[trained > 0].tolist())
    if lengths.total() < PLANNED_RUNS:
        return None
    length, many = lengths.most_common(1)[0]
    return (length, "as most runs have") if many > PLANNED_SHARE * lengths.total() else None


def _stopped_too_early(seen: Judged) -> Iterator[Finding]:
    found, stopped = paces(seen), stopped_runs(seen)
    for trial, place, runs in where(seen, stopped):
        one = stopped[place]
        patience = f"; {count(one.after, 'epoch')} without a new best is within its noise"
        longer = f"Wait {count(one.needed, 'epoch')} or more for a new best. "
        is_noise = 0 < one.after <= one.needed
        yield STOPPED.finding(
            f"{names(seen, trial, runs)}: stopped after {one.epochs} of {one.planned} "
            f"epochs ({one.known_from}) while {seen.trials.objective.name} was still improving: "
            f"{gained(found, place)}" + (patience if is_noise else ""),
            (
                Evidence("epochs trained", one.epochs, "epochs", ENDED_SHARE * one.planned),
                Evidence("epochs planned", one.planned, "epochs"),
                Evidence("validated epochs after the best", one.after, "epochs"),
                Evidence("epochs to gain more than its noise", one.needed, "epochs"),
                *pace_evidence(seen, found, place),
            ),
            _confidence(seen, place, one),
            trials=(trial,),
            runs=tuple(runs),
            remedy=(longer if is_noise else "") + STOPPED.remedy,
        )


def _confidence(seen: Judged, place: int, one: Stopped) -> Confidence:
    """Low where the tool does not say that training had ended, or the plan is a guess."""
    is_over = seen.trials.recorded[seen.trials.runs[place]].status == "completed"
    return "medium" if is_over and one.known_from != "as most runs have" else "low"


def _needs_plan(seen: Judged) -> str | None:
    reason = needs_curves(seen)
    if reason is not None:
        return reason
    places = range(len(seen.trials.runs))
    if _common(_trained(seen)) or any(_plan(seen.trials, place) for place in places):
        return None
    return "how many epochs were planned is not known, and most runs have no length in common"


STOPPED = Rule(
    code="AUD015",
    title="Stopped too early",
    severity="warning",
    needs=_needs_plan,
    check=_stopped_too_early,
    detected=f"A run ended before {percent(ENDED_SHARE)} of its planned epochs, without a failure "
    "and without being pruned, while its means were still improving as under AUD005, by "
    f"{percent(IMPROVING_STEP)} or more, whichever its best epoch. Planned is what a "
    f"hyperparameter such as {PLANNED[1]!r} says, or the plan of the search, else the length of "
    f"more than {percent(PLANNED_SHARE)} of {PLANNED_RUNS} runs or more. Runs that learn slowly "
    "are left to AUD014.",
    matters="It is ranked by where it was stopped, not by what it can do: early stopping took the "
    "noise of the curve for its end.",
    remedy="Raise the patience or the number of epochs, and train this trial again.",
    certainty="Medium where the tool says that training had ended and the number of epochs was "
    "planned; low otherwise: it may be training still.",
    thresholds=(
        "ENDED_SHARE",
        "PLANNED_SHARE",
        "PLANNED_RUNS",
        "OUT_OF_NOISE",
        "IMPROVING_CONFIDENCE",
        "IMPROVING_STEP",
    ),
)
