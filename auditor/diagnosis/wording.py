"""What the rules share: what they need, which runs they concern, and how numbers read."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from auditor.diagnosis.finding import Judged
from auditor.outcomes import Measured, Outcome, RunOutcome
from auditor.trials import Run

Verdicts = Mapping[Run, RunOutcome]
T = TypeVar("T")

MANY_TIMES = 10.0
"""Ratio from which a growth is told in times: 2,400 % says less."""


def once_per_sweep(measure: Callable[[Judged], T]) -> Callable[[Judged], T]:
    """What several rules ask for is measured once."""
    known: WeakKeyDictionary[Measured, T] = WeakKeyDictionary()

    @wraps(measure)
    def remembered(seen: Judged) -> T:
        if seen.measured not in known:
            known[seen.measured] = measure(seen)
        return known[seen.measured]

    return remembered


def nothing_needed(_: Judged) -> str | None:
    """For rules that always apply."""
    return None


def needs_curves(seen: Judged) -> str | None:
    """For rules on learning curves."""
    if any(seen.trials.coverage(run) == "curves" for run in seen.trials.runs):
        return None
    covered = {seen.trials.coverage(run) for run in seen.trials.runs}
    if "best epoch" in covered:
        return "only the metrics of the best epoch were recorded, no learning curve"
    if "objective" in covered:
        return "only the objective was recorded, no learning curve"
    return "no run has a result"


def by_trial(
    seen: Judged, concerns: Callable[[RunOutcome], bool]
) -> Iterator[tuple[str, Verdicts]]:
    """Each trial with runs that a rule concerns, and the verdicts on those runs."""
    verdicts = seen.outcomes.by_run
    trials = {run.trial_id for run, verdict in verdicts.items() if concerns(verdict)}
    for trial, runs in seen.trials.runs_of.items():
        if trial in trials:
            yield trial, {run: verdicts[run] for run in runs if concerns(verdicts[run])}


def with_outcome(seen: Judged, outcome: Outcome) -> Iterator[tuple[str, Verdicts]]:
    """Each trial with runs of an outcome, and the verdicts on those runs."""
    return by_trial(seen, lambda verdict: verdict.outcome == outcome)


def names(seen: Judged, trial: str, runs: Verdicts) -> str:
    """How a sentence starts: the trial, and which of its runs where it has several.

    Example:
        >>> names(seen, "0003", {Run("0003", 1): verdict})
        'trial 0003 (execution 2 of 3)'
    """
    planned = seen.trials.runs_of[trial]
    if len(planned) == 1:
        return f"trial {trial}"
    if len(runs) > 1:
        return f"trial {trial} ({len(runs)} of {len(planned)} runs; the first of them)"
    run = next(iter(runs))
    parts = []
    for kind in ("execution", "fold"):
        of = {getattr(other, kind) for other in planned}
        if len(of) > 1:
            parts.append(f"{kind} {getattr(run, kind) + 1} of {len(of)}")
    return f"trial {trial} ({', '.join(parts)})"


def number(value: float) -> str:
    """A number as a person reads it: four digits, "NaN", "infinite"."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "infinite" if value > 0 else "minus infinite"
    return f"{value:.4g}"


def percent(ratio: float) -> str:
    """A ratio as percent: 1.39 is "139 %", .004 is "0.4 %"."""
    value = 100 * ratio
    return f"{value:.0f} %" if abs(value) >= 10 else f"{value:.2g} %"


def higher(ratio: float) -> str:
    """A value by its ratio to an earlier one: "39 % higher", "0.4 % lower", "24 times as high"."""
    if ratio >= MANY_TIMES:
        return f"{ratio:,.0f} times as high"
    return f"{percent(abs(ratio - 1))} {'higher' if ratio > 1 else 'lower'}"


def count(many: int, thing: str) -> str:
    """A count with its noun: "1 epoch", "3 epochs"."""
    return f"{many} {thing}{'' if many == 1 else 's'}"
